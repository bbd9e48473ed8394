//! The plan of a load as JavaScript gives it.

use std::sync::Arc;

use copyist_core::{ArrayType, DataError, DateOrder, EnumType, ErrorCode, IntervalStyle, Session, Type, ZoneWords};
use copyist_datetime::Context;
use copyist_format::{
    BadValue, ColumnPlan, FieldMap, Fixed, FixedField, Header, Layout, Missing, Plan, Replacement, Tolerance, Unit,
};
use copyist_scan::{Eol, Grammar, Scanner, Separator};
use copyist_transcode::{Failure, Limits, Sink};
use napi_derive::napi;

/// A column type; an array is its element's type with `array` set.
#[napi(object)]
pub struct BindingType {
    pub kind: String,
    pub precision: Option<u32>,
    pub scale: Option<i32>,
    pub length: Option<u32>,
    /// Of an enum.
    pub name: Option<String>,
    pub labels: Option<Vec<String>>,
    pub array: Option<BindingArray>,
}

/// What an array adds to its element's type.
#[napi(object)]
pub struct BindingArray {
    pub element_oid: u32,
    /// A byte.
    pub delimiter: u32,
    /// How deep lists nest; 0 for any number of dimensions.
    pub depth: u32,
}

/// One column of the COPY column list.
#[napi(object)]
pub struct BindingColumn {
    pub name: String,
    pub ty: BindingType,
    pub force_not_null: bool,
    pub force_null: bool,
    pub has_default: bool,
    pub not_null: bool,
    /// The number of its field, where fields do not belong to the columns one after the other.
    pub field: Option<u32>,
    /// `fixed`: where its field stands in the line, from 0, and how long it is.
    pub offset: Option<u32>,
    pub length: Option<u32>,
}

/// What becomes of what does not fit.
#[napi(object)]
pub struct BindingTolerance {
    /// `stop`, `skip_row`, `set_null` or `set_default`.
    pub conversion: String,
    /// Records that are not laid out like rows are refused by themselves.
    pub structure: bool,
    /// Rows with NULL in a column that forbids it are refused here.
    pub constraint: bool,
    pub extra: bool,
    /// `none`, `one` or `any`.
    pub missing: String,
    pub truncate: bool,
    /// Bytes that take the place of those that are no UTF-8, and of NUL.
    pub invalid: Option<u32>,
    pub nul: Option<u32>,
    /// Bytes of a refused record that are kept.
    pub raw_limit: u32,
    /// Refused records that are told.
    pub max_rejects: f64,
}

/// Settings of the target's session.
#[napi(object)]
pub struct BindingSession {
    pub date_order: String,
    pub interval_style: String,
    pub time_zone: String,
    pub now: i64,
    /// `all`, `session` or `none`.
    pub zone_words: String,
}

/// The format, the columns and the limits.
#[napi(object)]
pub struct BindingSpecification {
    /// `csv`, `text`, `plain` (text in which nothing is escaped) or `fixed`.
    pub format: String,
    /// One to ten bytes; of no matter in `fixed`.
    pub delimiter: String,
    /// What ends a record, one to ten bytes; absent: the first line end shows it. In `csv` only one of the usual line ends.
    pub eol: Option<String>,
    /// Bytes.
    pub quote: u32,
    pub escape: u32,
    pub null: String,
    pub default: Option<String>,
    /// `false`, `true` or `match`.
    pub header: String,
    /// Lines before the first record that are no records.
    pub skip: f64,
    /// The decimal mark of numbers is a comma.
    pub has_comma: bool,
    pub columns: Vec<BindingColumn>,
    /// What the fields of a record are called, where columns have the numbers of theirs.
    pub fields: Option<Vec<String>>,
    /// `fixed`: places are counted in characters, not in bytes.
    pub by_character: bool,
    pub tolerance: BindingTolerance,
    /// Binary COPY: the chunks are one stream, with its header and trailer.
    pub is_framed: bool,
    /// The bytes of rows can be asked for.
    pub keeps_records: bool,
    pub session: BindingSession,
    /// `pg_binary`, `pg_text`, `duckdb` or `infer`.
    pub sink: String,
    /// DuckDB: chunks are served from native memory and not copied.
    pub is_served: bool,
    /// The relation's name in CONTEXT lines.
    pub table: String,
    /// The input's name in messages.
    pub name: String,
    pub threads: u32,
    pub tile_size: u32,
    pub window: u32,
    pub max_record: u32,
    /// Bytes of chunks in flight.
    pub max_bytes: f64,
}

impl BindingSpecification {
    /// The plan proper. Fails when the session's time zone is unknown, or delimiter and line end cannot be told from what else has a
    /// meaning.
    pub fn plan(&self) -> Result<(Arc<Plan>, Sink), Failure> {
        let sink = match &*self.sink {
            "pg_binary" => Sink::PgBinary,
            "pg_text" => Sink::PgText,
            "duckdb" => Sink::Duckdb,
            _ => Sink::Infer,
        };
        let layout = match sink {
            Sink::PgBinary => Layout::PgBinary,
            Sink::Duckdb => Layout::Duckdb,
            _ => Layout::PgText,
        };
        let (grammar, eol) = self.structure()?;
        let context = Context::new(&self.session.session()).map_err(Failure::whole)?;
        let plan = Plan {
            scanner: Scanner::detect_checked().unwrap_or_else(|_| Scanner::detect()),
            grammar,
            eol,
            null: self.null.clone().into_bytes(),
            default: self.default.clone().map(String::into_bytes),
            header: match &*self.header {
                "true" => Header::Skip,
                "match" => Header::Match,
                _ => Header::No,
            },
            skip: self.skip as u64,
            has_comma: self.has_comma,
            columns: self.columns.iter().map(BindingColumn::plan).collect(),
            map: self.fields.as_ref().map(|names| FieldMap {
                names: names.clone(),
                columns: self.columns.iter().zip(0..).map(|(column, index)| column.field.unwrap_or(index)).collect(),
            }),
            fixed: (self.format == "fixed").then(|| Fixed {
                fields: self.columns.iter().map(BindingColumn::place).collect(),
                unit: if self.by_character { Unit::Characters } else { Unit::Bytes },
            }),
            relation: self.table.clone(),
            tolerance: match (sink, self.tolerance.tolerance()) {
                // What is not a row tells nothing of its columns; every value of the rows does.
                (Sink::Infer, Tolerance { structure, extra, missing, .. }) => {
                    Tolerance { structure, extra, missing, ..Tolerance::default() }
                }
                (_, tolerance) => tolerance,
            },
            layout,
            context: Arc::new(context),
        };
        Ok((Arc::new(plan), sink))
    }

    /// The bytes that structure the data.
    fn structure(&self) -> Result<(Grammar, Option<Eol>), Failure> {
        let refused = |message: String| Failure::whole(DataError::new(ErrorCode::InvalidParameterValue, message));
        let too_long = |what: &str| refused(format!("COPY {what} must be one to {} bytes", Separator::MAX));
        let eol = match &self.eol {
            Some(eol) => Some(Eol::of_bytes(eol.as_bytes()).ok_or_else(|| too_long("EOL"))?),
            None => None,
        };
        let is_fixed = self.format == "fixed";
        let delimiter = match Separator::new(self.delimiter.as_bytes()) {
            None if is_fixed => None,
            None => return Err(too_long("delimiter")),
            Some(delimiter) => (!is_fixed).then_some(delimiter),
        };
        let quote = self.quote as u8;
        let (grammar, special) = match (&*self.format, delimiter) {
            ("csv", Some(delimiter)) => (Grammar::Csv { delimiter, quote, escape: self.escape as u8 }, Some(quote)),
            ("plain" | "fixed", delimiter) => (Grammar::Plain { delimiter }, None),
            (_, Some(delimiter)) => (Grammar::Text { delimiter }, Some(b'\\')),
            (_, None) => return Err(too_long("delimiter")),
        };
        let has = |separator: Option<Separator>, byte| separator.is_some_and(|separator| separator.contains(byte));
        if has(delimiter, b'\n') || has(delimiter, b'\r') {
            return Err(refused("COPY delimiter cannot contain newline or carriage return".to_owned()));
        }
        if let Some(special) = special.filter(|&special| has(delimiter, special)) {
            let special = char::from(special);
            return Err(refused(format!("COPY delimiter cannot contain {special}, which quotes or escapes")));
        }
        if let Some(Eol::Other(end)) = eol {
            if matches!(grammar, Grammar::Csv { .. }) {
                return Err(refused("COPY EOL of CSV must be a newline, a carriage return or both".to_owned()));
            }
            if matches!(grammar, Grammar::Text { .. }) && end.contains(b'\\') {
                return Err(refused("COPY EOL cannot contain a backslash, which escapes".to_owned()));
            }
            if delimiter.is_some_and(|delimiter| delimiter.last() == end.last()) {
                return Err(refused("COPY EOL and delimiter must not end with the same byte".to_owned()));
            }
        }
        Ok((grammar, eol))
    }

    /// The limits.
    pub fn limits(&self) -> Limits {
        Limits {
            threads: self.threads as usize,
            tile_size: self.tile_size as usize,
            window: self.window as usize,
            max_record: self.max_record as usize,
            max_bytes: self.max_bytes as usize,
            max_rejects: self.tolerance.max_rejects as u64,
        }
    }
}

impl BindingTolerance {
    fn tolerance(&self) -> Tolerance {
        Tolerance {
            conversion: match &*self.conversion {
                "skip_row" => BadValue::SkipRow,
                "set_null" => BadValue::SetNull,
                "set_default" => BadValue::SetDefault,
                _ => BadValue::Stop,
            },
            structure: self.structure,
            constraint: self.constraint,
            extra: self.extra,
            missing: match &*self.missing {
                "one" => Missing::One,
                "any" => Missing::Any,
                _ => Missing::None,
            },
            truncate: self.truncate,
            invalid: self.invalid.map(|byte| Replacement { byte: byte as u8, nul: self.nul.map(|byte| byte as u8) }),
            raw_limit: self.raw_limit as usize,
        }
    }
}

impl BindingSession {
    fn session(&self) -> Session {
        Session {
            date_order: match &*self.date_order {
                "dmy" => DateOrder::Dmy,
                "ymd" => DateOrder::Ymd,
                _ => DateOrder::Mdy,
            },
            interval_style: match &*self.interval_style {
                "postgres_verbose" => IntervalStyle::PostgresVerbose,
                "sql_standard" => IntervalStyle::SqlStandard,
                "iso_8601" => IntervalStyle::Iso8601,
                _ => IntervalStyle::Postgres,
            },
            time_zone: self.time_zone.clone(),
            now: self.now,
            zone_words: match &*self.zone_words {
                "session" => ZoneWords::SessionZone,
                "none" => ZoneWords::None,
                _ => ZoneWords::All,
            },
        }
    }
}

impl BindingColumn {
    fn place(&self) -> FixedField {
        FixedField { offset: self.offset.unwrap_or(0), length: self.length.unwrap_or(0) }
    }

    fn plan(&self) -> ColumnPlan {
        ColumnPlan {
            name: self.name.clone(),
            ty: self.ty.column_type(),
            force_not_null: self.force_not_null,
            force_null: self.force_null,
            has_default: self.has_default,
            not_null: self.not_null,
        }
    }
}

impl BindingType {
    fn column_type(&self) -> Type {
        let digits = self.precision.map(|p| p as u8);
        let element = match &*self.kind {
            "bool" => Type::Bool,
            "int2" => Type::Int2,
            "int4" => Type::Int4,
            "int8" => Type::Int8,
            "float4" => Type::Float4,
            "float8" => Type::Float8,
            "numeric" => Type::Numeric(self.precision.map(|p| (p as u16, self.scale.unwrap_or(0) as i16))),
            "text" => Type::Text,
            "varchar" => Type::Varchar(self.length),
            "bpchar" => Type::Bpchar(self.length),
            "bytea" => Type::Bytea,
            "date" => Type::Date,
            "time" => Type::Time(digits),
            "timetz" => Type::TimeTz(digits),
            "timestamp" => Type::Timestamp(digits),
            "timestamptz" => Type::TimestampTz(digits),
            "interval" => Type::Interval(digits),
            "uuid" => Type::Uuid,
            "json" => Type::Json,
            "jsonb" => Type::Jsonb,
            "enum" => Type::Enum(Arc::new(EnumType {
                name: self.name.clone().unwrap_or_default(),
                labels: self.labels.clone().unwrap_or_default(),
            })),
            _ => Type::Other,
        };
        match &self.array {
            Some(array) => Type::Array(Arc::new(ArrayType {
                element,
                element_oid: array.element_oid,
                delimiter: array.delimiter as u8,
                depth: array.depth as u8,
            })),
            None => element,
        }
    }
}
