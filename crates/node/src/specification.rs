//! The plan of a load as JavaScript gives it.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use copyist_core::{
    ArrayType, DataError, DateOrder, EnumType, ErrorCode, Foreign, IntervalStyle, Session, Type, ZoneWords,
};
use copyist_datetime::{Context, Kind, Language, Pattern, Patterns};
use copyist_encoding::Encoding;
use copyist_format::{
    About, BadValue, Cleaning, ColumnPlan, Condition, Escapes, Fact, Facts, FieldMap, Fixed, FixedField, Header,
    Layout, Missing, Origin, Place, Plan, Replacement, Subject, Tolerance, Unit,
};
use copyist_scan::{Eol, Grammar, Scanner, Separator};
use copyist_store::{Codec, Compression, Expansion};
use copyist_transcode::columnar::{Format, Further, Positions};
use copyist_transcode::{Failure, Input, Limits, Order, Sink, Source, Told, micros_of, millis_of};
use napi::bindgen_prelude::{Buffer, BufferSlice};
use napi_derive::napi;

/// A column type; an array is its element's type with `array` set.
#[napi(object)]
pub struct BindingType {
    pub kind: String,
    pub precision: Option<u32>,
    pub scale: Option<i32>,
    pub length: Option<u32>,
    /// Of an enum; of a type that only the target parses, where messages tell it.
    pub name: Option<String>,
    pub labels: Option<Vec<String>>,
    pub array: Option<BindingArray>,
    /// Of a type that only the target parses what is known of it: `like`, `whole`, `unsigned` (of `length` bits), `short` (of `length` bytes),
    /// `interval`, `list`, `record` or `map`.
    pub form: Option<String>,
    /// What it is like, or consists of.
    pub parts: Option<Vec<BindingType>>,
    /// Of a record; of an interval those that it is restricted to.
    pub fields: Option<Vec<String>>,
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
    /// How dates and times of it are written.
    pub patterns: Option<BindingPatterns>,
    /// The number of its field, where fields do not belong to the columns one after the other.
    pub field: Option<u32>,
    /// `fixed`: where its field stands in the line, from 0, and how long it is.
    pub offset: Option<u32>,
    pub length: Option<u32>,
    /// What becomes of its values that its type refuses, as in the tolerance, where it is not what that says.
    pub conversion: Option<String>,
    /// A byte: `pg_text`: what stands for its default, which the target has none of.
    pub zero: Option<u32>,
    /// It has this value in every row, and no field.
    pub constant: Option<String>,
    /// Its values are numbers of the records, and it has no field.
    pub sequence: Option<BindingSequence>,
    /// What it holds of its input, and it has no field: `file`, `size`, `last_modified`, `etag`; or of the record's place there: `line`, `offset`.
    pub lineage: Option<String>,
    /// Which of the partition values of its input it has, and it has no field.
    pub partition: Option<u32>,
    /// What is done to its fields first.
    pub cleaning: Option<BindingCleaning>,
    /// It is empty, and not NULL, where a record lacks its field.
    pub missing_is_empty: Option<bool>,
    /// Its value is told with a row that is refused.
    pub is_told: Option<bool>,
    /// A value with a character in the place of an invalid one is refused.
    pub refuses_replaced: Option<bool>,
}

/// Numbers of the records: those that are refused have them too, those that are passed over do not.
#[napi(object)]
pub struct BindingSequence {
    /// Decimal digits: a number of JavaScript does not hold all of them.
    pub start: String,
    pub increment: String,
    /// Where the records are some of another input's: how many came before each there.
    pub records: Option<Vec<f64>>,
}

/// What is known of an input.
#[napi(object)]
#[derive(Default)]
pub struct BindingAbout {
    pub size: Option<f64>,
    /// When it was last written: milliseconds since 1970.
    pub modified: Option<f64>,
    pub etag: Option<String>,
}

/// Other inputs, whose records these are.
#[napi(object)]
pub struct BindingOrigins {
    pub names: Vec<String>,
    /// Of which of them each record is.
    pub records: Vec<u32>,
}

/// From a record on, the fields of the input stand in the order of these names.
#[napi(object)]
pub struct BindingOrder {
    /// The offset of the record.
    pub start: f64,
    pub fields: Vec<String>,
}

impl BindingOrder {
    pub fn order(&self) -> Order {
        Order { start: self.start as u64, names: self.fields.clone() }
    }
}

/// What is done to a field before its type sees it.
#[napi(object)]
pub struct BindingCleaning {
    /// A pair of `'` or `"` around it is removed; one without the other is an error.
    pub unquotes: bool,
    /// White space alone is NULL.
    pub blank_is_null: bool,
    /// White space at its end is removed.
    pub trims: bool,
    /// Nothing is NULL, even in quotes.
    pub empty_is_null: bool,
}

/// What a record must meet not to be passed over.
#[napi(object)]
pub struct BindingCondition {
    /// The number of the field that is compared; of `fixed` lines that of its column.
    pub field: Option<u32>,
    /// Without a field: the characters of the record that are compared, from 0, the last one excluded; of `fixed` lines in their unit.
    pub start: Option<u32>,
    pub end: Option<u32>,
    /// `fixed`, without either: the place of a field that is no column's.
    pub offset: Option<u32>,
    pub length: Option<u32>,
    /// Whether it must differ from the value.
    pub negated: bool,
    pub value: String,
}

/// A pattern of dates and times.
#[napi(object)]
pub struct BindingPattern {
    /// `to_char`, `redshift`, `java`, `strptime` or `auto`.
    pub language: String,
    pub text: String,
}

/// Patterns of dates and times, tried in order.
#[napi(object)]
pub struct BindingPatterns {
    pub list: Vec<BindingPattern>,
    /// Timestamps are rounded to the minute, half a minute up.
    pub to_minute: Option<bool>,
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
    /// `csv`, `text`, `binary`, `plain` (text in which nothing is escaped), `fixed`, `parquet` or `arrow`. Of the last two the fields are those
    /// columns of the input that are read, by their names.
    pub format: String,
    /// `text`: a backslash makes the next byte part of the value, instead of beginning one of PostgreSQL's sequences.
    pub escapes_next: Option<bool>,
    /// `text`: `\.` does not end the data.
    pub has_no_marker: Option<bool>,
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
    /// What the input is in, by PostgreSQL's name or `UTF16`, `UTF16LE`, `UTF16BE`; none for UTF-8.
    pub encoding: Option<String>,
    /// The decimal mark of numbers is a comma.
    pub has_comma: bool,
    /// Decimals beyond the scale of a `numeric` column are cut off, instead of being rounded.
    pub truncates_decimals: Option<bool>,
    /// CSV: white space around a quoted field is no part of it.
    pub unpads_quotes: Option<bool>,
    pub columns: Vec<BindingColumn>,
    /// What the fields of a record are called, where columns have the numbers of theirs.
    pub fields: Option<Vec<String>>,
    /// Of files of columns that are not matched by name: where the fields stand in each, and how many columns each has.
    pub positions: Option<Vec<u32>>,
    pub field_count: Option<u32>,
    /// Of several files of columns: names of columns that a later one is refused for, if the first one has not got them.
    pub further: Option<Vec<String>>,
    /// The same of any name.
    pub refuses_further: Option<bool>,
    /// Partition values: as many for each input as it has, one input after the other.
    pub partitions: Option<Vec<Option<String>>>,
    pub partition_count: Option<u32>,
    /// Where the records are some of other inputs': those. Partition values are then theirs.
    pub origins: Option<BindingOrigins>,
    /// And the orders of their fields, where these belong to columns by name.
    pub orders: Option<Vec<BindingOrder>>,
    /// What is known of each input, where copies are read.
    pub about: Option<Vec<BindingAbout>>,
    /// All that a record must meet not to be passed over.
    pub conditions: Option<Vec<BindingCondition>>,
    /// Empty lines are passed over.
    pub passes_blank_lines: Option<bool>,
    /// `fixed`: places are counted in characters, not in bytes.
    pub by_character: bool,
    /// `fixed`: where the last of the fields ends that are no column's.
    pub dropped_end: Option<u32>,
    pub tolerance: BindingTolerance,
    /// Binary COPY: the chunks are one stream, with its header and trailer.
    pub is_framed: bool,
    /// The bytes of rows can be asked for.
    pub keeps_records: bool,
    pub session: BindingSession,
    /// `pg_binary`, `pg_text`, `duckdb`, `ipc`, `values` or `infer`.
    pub sink: String,
    /// DuckDB: chunks are served from native memory and not copied.
    pub is_served: bool,
    /// The relation's name in CONTEXT lines.
    pub table: String,
    /// `auto`, `none` or a codec.
    pub compression: String,
    /// Bytes of an input after decompression; none for any number.
    pub max_decompressed_bytes: Option<f64>,
    /// Bytes after decompression for each byte before; none for those of the codec.
    pub max_compression_ratio: Option<f64>,
    /// Fields belong to columns by the names in the header: that of every input.
    pub maps_by_name: bool,
    /// The input's name in messages.
    pub name: String,
    pub threads: u32,
    pub tile_size: u32,
    pub window: u32,
    pub max_record: u32,
    /// Bytes of chunks in flight.
    pub max_bytes: f64,
    /// Bytes of an object of another machine that may be held where it has to be read in any order, and its server gives no parts.
    pub most_held: f64,
}

/// `auto`, `none` or a codec.
pub fn compression_named(name: &str) -> Compression {
    match name {
        "none" => Compression::None,
        name => Codec::of_name(name).map_or(Compression::Auto, Compression::By),
    }
}

impl BindingSpecification {
    /// The plan proper. Fails when the session's time zone is unknown, a sequence begins beyond a bigint, or delimiter and line end cannot
    /// be told from what else has a meaning.
    pub fn plan(&self) -> Result<(Arc<Plan>, Sink), Failure> {
        let sink = match &*self.sink {
            "pg_binary" => Sink::PgBinary,
            "pg_text" => Sink::PgText,
            "duckdb" => Sink::Duckdb,
            "ipc" => Sink::Ipc,
            "values" => Sink::Values,
            _ => Sink::Infer,
        };
        let layout = match sink {
            Sink::PgBinary => Layout::PgBinary,
            Sink::Duckdb => Layout::Duckdb,
            Sink::Ipc | Sink::Values => Layout::Arrow,
            _ => Layout::PgText,
        };
        let (grammar, eol) = self.structure()?;
        let context = Context::new(&self.session.session()).map_err(Failure::whole)?;
        let plan = Plan {
            scanner: Scanner::detect_checked().unwrap_or_else(|_| Scanner::detect()),
            grammar,
            is_binary: self.format == "binary",
            eol,
            null: self.null.clone().into_bytes(),
            default: self.default.clone().map(String::into_bytes),
            header: match &*self.header {
                "true" => Header::Skip,
                "match" => Header::Match,
                _ => Header::No,
            },
            skip: self.skip as u64,
            encoding: self.encoding.as_deref().map(encoding).transpose()?,
            escapes: if self.escapes_next == Some(true) { Escapes::Next } else { Escapes::Sequences },
            has_comma: self.has_comma,
            truncates_decimals: self.truncates_decimals == Some(true),
            unpads_quotes: self.unpads_quotes == Some(true),
            columns: self.column_plans()?,
            conditions: self.conditions.iter().flatten().map(BindingCondition::condition).collect(),
            passes_blank_lines: self.passes_blank_lines.unwrap_or(false),
            map: self.map(),
            fixed: (self.format == "fixed").then(|| Fixed {
                fields: self.columns.iter().map(BindingColumn::place).collect(),
                unit: if self.by_character { Unit::Characters } else { Unit::Bytes },
                end: self.dropped_end.unwrap_or(0),
            }),
            relation: self.table.clone(),
            tolerance: match (sink, self.tolerance.tolerance()) {
                // What is not a row tells nothing of its columns; every value of the rows does.
                (Sink::Infer, Tolerance { structure, extra, missing, invalid, .. }) => {
                    let invalid = invalid.map(|replacement| Replacement { byte: SUBSTITUTE, ..replacement });
                    Tolerance { structure, extra, missing, invalid, ..Tolerance::default() }
                }
                (_, tolerance) => tolerance,
            },
            layout,
            context: Arc::new(context),
        };
        Ok((Arc::new(plan), sink))
    }

    fn column_plans(&self) -> Result<Vec<ColumnPlan>, Failure> {
        let mut columns = self.columns.iter().map(BindingColumn::plan).collect::<Result<Vec<_>, _>>()?;
        let Some(BindingOrigins { names, records }) = &self.origins else { return Ok(columns) };
        let of_input = |(index, name): (usize, &String)| Facts {
            name: name.clone(),
            given: self.partitions_of(index),
            about: About::default(),
        };
        let inputs: Arc<[Facts]> = names.iter().enumerate().map(of_input).collect();
        let records: Arc<[u32]> = records.as_slice().into();
        for column in &mut columns {
            if let Origin::Fact(fact) = column.origin {
                let (inputs, records) = (Arc::clone(&inputs), Arc::clone(&records));
                column.origin = Origin::FactOfEach { fact, inputs, records };
            }
        }
        Ok(columns)
    }

    /// The partition values of an input.
    fn partitions_of(&self, input: usize) -> Vec<Option<String>> {
        let count = self.partition_count.unwrap_or(0) as usize;
        let all = self.partitions.as_deref().unwrap_or(&[]);
        all.get(input * count..(input + 1) * count).unwrap_or(&[]).to_vec()
    }

    /// The format of what comes in columns.
    pub fn columnar(&self) -> Option<Format> {
        columnar(&self.format)
    }

    /// Where its fields stand in a file of columns, if they are not matched by name.
    pub fn positions(&self) -> Option<Positions> {
        let places = self.positions.as_ref()?.iter().map(|&place| place as usize).collect();
        Some(Positions { places, count: self.field_count? as usize })
    }

    /// Which columns a later file may not have, if the first one lacks them.
    pub fn further(&self) -> Further {
        match &self.further {
            _ if self.refuses_further == Some(true) => Further::Any,
            Some(names) => Further::Named(names.as_slice().into()),
            None => Further::None,
        }
    }

    /// The columns that are read have the fields that they name, or else one after the other.
    fn map(&self) -> Option<FieldMap> {
        let read = || self.columns.iter().filter(|column| column.is_read());
        if self.fields.is_none() && read().count() == self.columns.len() {
            return None;
        }
        let names = || read().map(|column| column.name.clone()).collect();
        let mut next = 0..;
        let mut field = |column: &BindingColumn| {
            if !column.is_read() {
                return FieldMap::NONE;
            }
            let following = next.next().unwrap_or(FieldMap::NONE);
            column.field.unwrap_or(following)
        };
        Some(FieldMap {
            names: self.fields.clone().unwrap_or_else(names),
            columns: self.columns.iter().map(&mut field).collect(),
        })
    }

    /// The bytes that structure the data.
    fn structure(&self) -> Result<(Grammar, Option<Eol>), Failure> {
        let refused = |message: String| Failure::whole(DataError::new(ErrorCode::InvalidParameterValue, message));
        let too_long = |what: &str| refused(format!("COPY {what} must be one to {} bytes", Separator::MAX));
        let eol = match &self.eol {
            Some(eol) => Some(Eol::of_bytes(eol.as_bytes()).ok_or_else(|| too_long("EOL"))?),
            None => None,
        };
        // Nothing is asked of either in the binary format, nor of what comes in columns.
        let is_fixed = matches!(&*self.format, "fixed" | "binary" | "parquet" | "arrow");
        let delimiter = match Separator::new(self.delimiter.as_bytes()) {
            None if is_fixed => None,
            None => return Err(too_long("delimiter")),
            Some(delimiter) => (!is_fixed).then_some(delimiter),
        };
        let quote = self.quote as u8;
        let (grammar, special) = match (&*self.format, delimiter) {
            ("csv", Some(delimiter)) => (Grammar::Csv { delimiter, quote, escape: self.escape as u8 }, Some(quote)),
            ("plain" | "fixed" | "binary" | "parquet" | "arrow", delimiter) => (Grammar::Plain { delimiter }, None),
            (_, Some(delimiter)) => {
                // Without PostgreSQL's sequences there is no end marker either.
                let marker = self.has_no_marker != Some(true) && self.escapes_next != Some(true);
                (Grammar::Text { delimiter, marker }, Some(b'\\'))
            }
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

    /// An input of the load.
    pub fn input(&self, name: &str, source: Source) -> Input {
        Input { compression: self.compression(), expansion: self.expansion(), ..Input::new(name, source) }
    }

    /// What the caller knows of each input, and who knows the rest if not the caller.
    pub fn tell(&self, inputs: &mut [Input], told: &Told) {
        for (index, input) in inputs.iter_mut().enumerate() {
            let about = self.about.as_ref().and_then(|all| all.get(index));
            input.told = about.map_or_else(|| told.clone(), |about| Told::Given(about.about()));
            input.given = self.partitions_of(index);
        }
    }

    fn compression(&self) -> Compression {
        compression_named(&self.compression)
    }

    fn expansion(&self) -> Expansion {
        Expansion {
            max_bytes: self.max_decompressed_bytes.map_or(u64::MAX, |most| most as u64),
            max_ratio: self.max_compression_ratio.map(|most| most as u64),
        }
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

/// What stands for an invalid character where types are proven: no value of any type but a string has it, and such a column is one.
const SUBSTITUTE: u8 = 0x1A;

/// The format of what comes in columns.
pub fn columnar(format: &str) -> Option<Format> {
    match format {
        "parquet" => Some(Format::Parquet),
        "arrow" => Some(Format::Arrow),
        _ => None,
    }
}

fn encoding(name: &str) -> Result<Encoding, Failure> {
    Encoding::find(name).ok_or_else(|| {
        Failure::whole(DataError::new(ErrorCode::FeatureNotSupported, format!("encoding \"{name}\" is not supported")))
    })
}

/// Bytes of another encoding as text; what is no character becomes U+FFFD.
#[napi(catch_unwind)]
pub fn decode_text(name: String, bytes: BufferSlice<'_>) -> Option<String> {
    Encoding::find(&name).map(|encoding| encoding.decode(&bytes))
}

/// Text in another encoding; what that does not have becomes a question mark.
#[napi(catch_unwind)]
pub fn encode_text(name: String, text: String) -> Option<Buffer> {
    Encoding::find(&name).map(|encoding| encoding.encode(&text).into())
}

fn int8(digits: &str) -> Result<i64, Failure> {
    digits.parse().map_err(|_| {
        let message = format!("value \"{digits}\" is out of range for type bigint");
        Failure::whole(DataError::new(ErrorCode::NumericValueOutOfRange, message))
    })
}

fn bad_value(policy: &str) -> BadValue {
    match policy {
        "skip_row" => BadValue::SkipRow,
        "set_null" => BadValue::SetNull,
        "set_default" => BadValue::SetDefault,
        _ => BadValue::Stop,
    }
}

impl BindingCondition {
    fn condition(&self) -> Condition {
        let characters = || Subject::Characters { start: self.start.unwrap_or(0), end: self.end.unwrap_or(0) };
        let subject = match (self.field, self.offset, self.length) {
            (Some(field), ..) => Subject::Field(field),
            (None, Some(offset), Some(length)) => Subject::Place(FixedField { offset, length }),
            _ => characters(),
        };
        Condition { subject, negated: self.negated, value: self.value.clone().into_bytes() }
    }
}

impl BindingTolerance {
    /// What takes the place of invalid characters.
    pub fn invalid(&self) -> Option<Replacement> {
        self.invalid.map(|byte| Replacement { byte: byte as u8, nul: self.nul.map(|byte| byte as u8) })
    }

    fn tolerance(&self) -> Tolerance {
        Tolerance {
            conversion: bad_value(&self.conversion),
            structure: self.structure,
            constraint: self.constraint,
            extra: self.extra,
            missing: match &*self.missing {
                "one" => Missing::One,
                "any" => Missing::Any,
                _ => Missing::None,
            },
            truncate: self.truncate,
            invalid: self.invalid(),
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

    fn plan(&self) -> Result<ColumnPlan, Failure> {
        let ty = self.ty.column_type();
        Ok(ColumnPlan {
            patterns: self.patterns(&ty)?,
            name: self.name.clone(),
            ty,
            foreign: self.ty.foreign(),
            force_not_null: self.force_not_null,
            force_null: self.force_null,
            has_default: self.has_default,
            not_null: self.not_null,
            conversion: self.conversion.as_deref().map(bad_value),
            zero: self.zero.map(|byte| byte as u8),
            origin: self.origin()?,
            cleaning: self.cleaning.as_ref().map_or_else(Cleaning::default, BindingCleaning::cleaning),
            missing_is_empty: self.missing_is_empty.unwrap_or(false),
            is_told: self.is_told.unwrap_or(false),
            refuses_replaced: self.refuses_replaced.unwrap_or(false),
        })
    }

    /// A type without a date or a time has none; an array has those of its elements.
    fn patterns(&self, ty: &Type) -> Result<Option<Arc<Patterns>>, Failure> {
        let single = match ty {
            Type::Array(array) => &array.element,
            ty => ty,
        };
        let kind = match single {
            Type::Date => Kind::Date,
            Type::Time(_) => Kind::Time,
            Type::TimeTz(_) => Kind::TimeTz,
            Type::Timestamp(_) => Kind::Timestamp,
            Type::TimestampTz(_) => Kind::TimestampTz,
            _ => return Ok(None),
        };
        let Some(given) = &self.patterns else { return Ok(None) };
        let compiled = given
            .list
            .iter()
            .map(|BindingPattern { language, text }| {
                let language = match &**language {
                    "redshift" => Language::Redshift,
                    "java" => Language::Java,
                    "strptime" => Language::Strptime,
                    "auto" => Language::Auto,
                    _ => Language::ToChar,
                };
                Pattern::compile(language, text)
            })
            .collect::<std::result::Result<Vec<_>, _>>()
            .and_then(|patterns| Patterns::new(patterns, kind));
        let patterns = compiled.map_err(|error| Failure::whole(error.into()))?;
        Ok(Some(Arc::new(if given.to_minute == Some(true) { patterns.to_minute() } else { patterns })))
    }

    fn origin(&self) -> Result<Origin, Failure> {
        if let Some(index) = self.partition {
            return Ok(Origin::Fact(Fact::Given(index)));
        }
        if let Some(lineage) = &self.lineage {
            return Ok(match &**lineage {
                "line" => Origin::Place(Place::Line),
                "offset" => Origin::Place(Place::Offset),
                "size" => Origin::Fact(Fact::Size),
                "last_modified" => Origin::Fact(Fact::Modified),
                "etag" => Origin::Fact(Fact::Tag),
                _ => Origin::Fact(Fact::Name),
            });
        }
        Ok(match (&self.constant, &self.sequence) {
            (Some(text), _) => Origin::Constant(text.clone().into_bytes()),
            (None, Some(sequence)) => {
                let (start, increment) = (int8(&sequence.start)?, int8(&sequence.increment)?);
                match &sequence.records {
                    Some(records) => {
                        let records = records.iter().map(|&before| before as u64).collect();
                        Origin::Numbered { start, increment, records }
                    }
                    None => Origin::Sequence { start, increment },
                }
            }
            (None, None) => Origin::Field,
        })
    }

    fn is_read(&self) -> bool {
        self.constant.is_none() && self.sequence.is_none() && self.lineage.is_none() && self.partition.is_none()
    }
}

/// A tag without its quotes, which are no part of it.
pub fn unquoted(tag: &str) -> String {
    tag.trim_matches('"').to_owned()
}

impl BindingAbout {
    pub fn of(about: &About) -> Self {
        Self {
            size: about.size.map(|size| size as f64),
            modified: about.modified.map(|micros| millis_of(micros) as f64),
            etag: about.tag.clone(),
        }
    }

    fn about(&self) -> About {
        let time = |ms: f64| UNIX_EPOCH + Duration::from_millis(ms.max(0.0) as u64);
        About {
            size: self.size.map(|size| size as u64),
            modified: self.modified.map(time).and_then(micros_of),
            tag: self.etag.as_deref().map(unquoted),
        }
    }
}

impl BindingCleaning {
    fn cleaning(&self) -> Cleaning {
        let Self { unquotes, blank_is_null, trims, empty_is_null } = *self;
        Cleaning { unquotes, blank_is_null, trims, empty_is_null }
    }
}

impl BindingType {
    /// What is known of it, if only the target parses it.
    fn foreign(&self) -> Foreign {
        let parts = self.parts.as_deref().unwrap_or_default();
        let within = |part: &Self| match part.column_type() {
            Type::Other => part.foreign(),
            ty => Foreign::Like(ty),
        };
        match (self.form.as_deref(), parts) {
            (Some("like"), [part]) => within(part),
            (Some("whole"), _) => Foreign::Whole,
            (Some("unsigned"), _) => {
                Foreign::Unsigned { name: self.name.clone().unwrap_or_default(), bits: self.length.unwrap_or(0) }
            }
            (Some("short"), _) => Foreign::Short {
                name: self.name.clone().unwrap_or_default(),
                bytes: self.length.map_or(usize::MAX, |bytes| bytes as usize),
            },
            (Some("interval"), _) => Foreign::Interval {
                fields: self.fields.clone().unwrap_or_default(),
                digits: self.precision.map_or(6, |digits| digits as u8),
            },
            (Some("list"), [part]) => Foreign::List(Box::new(within(part))),
            (Some("map"), [key, value]) => Foreign::Map(Box::new((within(key), within(value)))),
            (Some("record"), parts) => {
                let names = self.fields.iter().flatten().cloned();
                Foreign::Record(names.zip(parts.iter().map(within)).collect())
            }
            _ => Foreign::Opaque,
        }
    }

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
                depth: array.depth,
            })),
            None => element,
        }
    }
}
