//! Column-at-a-time decoding: one specialised loop a type, a fast path for the usual spelling of its values, and the
//! full input function for all others.

use copyist_core::{DataError, ErrorCode, Result, Type};
use copyist_datetime as datetime;
use copyist_types as types;

use crate::column::{ByteRef, Column, Values};
use crate::field::{Field, Fields};
use crate::tile::PAD;
use crate::{ColumnPlan, Layout, Plan};

/// The regular rows of a tile: `width` structural offsets each.
pub(crate) struct Rows<'a, F> {
    pub buffer: &'a [u8],
    /// From the first row's first field on.
    pub offsets: &'a [u32],
    /// Where the first row starts in `buffer`.
    pub start: usize,
    pub width: usize,
    /// Bytes between the last field's end and its record's structural offset: 1 under CRLF.
    pub trim: usize,
    pub fields: F,
}

impl<F: Fields> Rows<'_, F> {
    /// The raw field of `row` and `column` as positions in the buffer.
    #[inline(always)]
    pub fn bounds(&self, row: usize, column: usize) -> (usize, usize) {
        let index = row * self.width + column;
        let start = if index == 0 { self.start } else { PAD + self.offsets[index - 1] as usize + 1 };
        let end = PAD + self.offsets[index] as usize;
        (start, if column + 1 == self.width { end - self.trim } else { end })
    }
}

/// The row at which a column stopped.
pub(crate) struct Stopped(pub usize);

/// The physical vector for a type under a layout.
pub(crate) fn values_for(layout: Layout, ty: &Type) -> Values {
    match (layout, ty) {
        (Layout::PgText, _) => Values::Bytes(Vec::new()),
        (_, Type::Bool) => Values::Bool(Vec::new()),
        (_, Type::Int2) => Values::I16(Vec::new()),
        (_, Type::Int4 | Type::Date) => Values::I32(Vec::new()),
        (_, Type::Int8 | Type::Time(_) | Type::Timestamp(_) | Type::TimestampTz(_)) => Values::I64(Vec::new()),
        (_, Type::Float4) => Values::F32(Vec::new()),
        (_, Type::Float8) => Values::F64(Vec::new()),
        (_, Type::TimeTz(_)) => Values::TimeTz(Vec::new()),
        (_, Type::Interval(_)) => Values::Interval(Vec::new()),
        (_, Type::Uuid) => Values::Uuid(Vec::new()),
        (Layout::Duckdb | Layout::Arrow, Type::Numeric(Some((precision, scale)))) if unscaled(*precision, *scale) => {
            Values::I128(Vec::new())
        }
        (Layout::Duckdb, Type::Enum(_)) => Values::Enum(Vec::new()),
        _ => Values::Bytes(Vec::new()),
    }
}

/// Whether `numeric(precision, scale)` fits a 128-bit unscaled integer.
fn unscaled(precision: u16, scale: i16) -> bool {
    precision <= 38 && scale >= 0 && scale as u16 <= precision
}

/// Decodes column `c` of the first `limit` rows. Stops at the first row that its type refuses.
pub(crate) fn decode_column<F: Fields>(
    rows: &Rows<'_, F>,
    plan: &Plan,
    c: usize,
    limit: usize,
    column: &mut Column,
    arena: &mut Vec<u8>,
) -> std::result::Result<(), Stopped> {
    let context = &*plan.context;
    let spec = &plan.columns[c];
    let Column { values, validity, defaults } = column;
    let mut sink = Sink { rows, spec, c, limit, validity, defaults, arena };
    match (values, &spec.ty) {
        (Values::Bool(out), _) => {
            sink.typed(out, 0, |b, s, e| fast_bool(&b[s..e]), |v| types::boolean::parse(v).map(u8::from))
        }
        (Values::I16(out), _) => sink.typed(
            out,
            0,
            |b, s, e| types::integer::fast_i64(b, s, e).and_then(|v| i16::try_from(v).ok()),
            types::integer::parse_i16,
        ),
        (Values::I32(out), Type::Date) => sink.typed(out, 0, datetime::fast_date, |v| datetime::date(v, context)),
        (Values::I32(out), _) => sink.typed(
            out,
            0,
            |b, s, e| types::integer::fast_i64(b, s, e).and_then(|v| i32::try_from(v).ok()),
            types::integer::parse_i32,
        ),
        (Values::I64(out), Type::Time(p)) => {
            let exact = p.is_none_or(|p| p >= 6);
            sink.typed(
                out,
                0,
                |b, s, e| if exact { datetime::fast_time(b, s, e) } else { None },
                |v| datetime::time(v, *p, context),
            )
        }
        (Values::I64(out), Type::Timestamp(p)) => {
            let exact = p.is_none_or(|p| p >= 6);
            let bounded = plan.layout == Layout::Duckdb;
            sink.typed(
                out,
                0,
                |b, s, e| if exact { datetime::fast_timestamp(b, s, e) } else { None },
                |v| datetime::timestamp(v, *p, context).and_then(|t| in_duckdb_range(bounded, t, v)),
            )
        }
        (Values::I64(out), Type::TimestampTz(p)) => {
            let exact = p.is_none_or(|p| p >= 6);
            let bounded = plan.layout == Layout::Duckdb;
            sink.typed(
                out,
                0,
                |b, s, e| if exact { datetime::fast_timestamptz(b, s, e, context) } else { None },
                |v| datetime::timestamptz(v, *p, context).and_then(|t| in_duckdb_range(bounded, t, v)),
            )
        }
        (Values::I64(out), _) => sink.typed(out, 0, types::integer::fast_i64, types::integer::parse_i64),
        (Values::F32(out), _) => sink.typed(out, 0.0, types::float::fast_f32, types::float::parse_f32),
        (Values::F64(out), _) => sink.typed(out, 0.0, types::float::fast_f64, types::float::parse_f64),
        (Values::I128(out), Type::Numeric(Some((precision, scale)))) => {
            let (p, s) = (*precision as u8, *scale as u8);
            sink.typed(
                out,
                0,
                |b, start, end| types::numeric::fast_decimal(b, start, end, p, s),
                |v| unscaled_decimal(v, *precision, *scale),
            )
        }
        (Values::TimeTz(out), Type::TimeTz(p)) => {
            sink.typed(out, (0, 0), |_, _, _| None, |v| datetime::timetz(v, *p, context))
        }
        (Values::Interval(out), Type::Interval(p)) => {
            let none = datetime::Interval { months: 0, days: 0, micros: 0 };
            let finite = plan.layout != Layout::PgBinary;
            sink.typed(
                out,
                none,
                |_, _, _| None,
                |v| datetime::interval(v, *p, context).and_then(|i| finite_interval(finite, i, v)),
            )
        }
        (Values::Uuid(out), _) => sink.typed(out, [0; 16], |_, _, _| None, types::uuid::parse),
        (Values::Enum(out), Type::Enum(kind)) => {
            let map: std::collections::HashMap<&[u8], u32> =
                kind.labels.iter().enumerate().map(|(i, label)| (label.as_bytes(), i as u32)).collect();
            sink.typed(
                out,
                0,
                |b, s, e| map.get(&b[s..e]).copied(),
                |v| types::enumeration::check(v, kind).map(|()| map.get(v).copied().unwrap_or(0)),
            )
        }
        (Values::Bytes(out), ty) => decode_bytes(&mut sink, out, ty, plan),
        (values, ty) => unreachable!("no vector {values:?} is made for {ty:?}"),
    }
}

/// Columns whose values are bytes: as they stand in the tile, or rewritten into the arena.
fn decode_bytes<F: Fields>(
    sink: &mut Sink<'_, '_, F>,
    out: &mut Vec<ByteRef>,
    ty: &Type,
    plan: &Plan,
) -> std::result::Result<(), Stopped> {
    if plan.layout == Layout::PgText {
        return sink.bytes(out, |_| Ok(()));
    }
    let context = &*plan.context;
    match ty {
        Type::Varchar(Some(n)) => sink.shortened(out, |v| types::text::check_varchar(v, *n).map(<[u8]>::len)),
        Type::Bpchar(Some(n)) => sink.shortened(out, |v| types::text::check_bpchar(v, *n).map(<[u8]>::len)),
        Type::Json => sink.bytes(out, |v| types::json::check(v, false)),
        Type::Jsonb => sink.bytes(out, |v| types::json::check(v, true)),
        Type::Enum(kind) => sink.bytes(out, |v| types::enumeration::check(v, kind)),
        Type::Bytea => sink.rewritten(out, types::bytea::parse),
        Type::Numeric(typmod) if plan.layout == Layout::PgBinary => sink.rewritten(out, |v, arena| {
            if types::numeric::fast_binary(v, *typmod, arena) {
                return Ok(());
            }
            types::numeric::parse(v, *typmod).map(|n| n.write_binary(arena))
        }),
        Type::Numeric(typmod) => sink.bytes(out, |v| types::numeric::parse(v, *typmod).map(drop)),
        Type::Array(_) if plan.layout == Layout::PgBinary => {
            sink.rewritten(out, |v, arena| types::write_binary(ty, v, context, arena))
        }
        Type::Array(array) => sink.rewritten(out, |v, arena| crate::duckdb::write_list(v, array, context, arena)),
        _ => sink.bytes(out, |_| Ok(())),
    }
}

/// What every loop needs.
struct Sink<'a, 'r, F> {
    rows: &'a Rows<'r, F>,
    spec: &'a ColumnPlan,
    c: usize,
    limit: usize,
    validity: &'a mut crate::column::Validity,
    defaults: &'a mut Vec<u32>,
    arena: &'a mut Vec<u8>,
}

impl<F: Fields> Sink<'_, '_, F> {
    /// Values of fixed size. `fast` sees the raw field; `full` sees the resolved one.
    #[inline(always)]
    fn typed<T: Copy>(
        &mut self,
        out: &mut Vec<T>,
        null: T,
        fast: impl Fn(&[u8], usize, usize) -> Option<T>,
        full: impl Fn(&[u8]) -> Result<T>,
    ) -> std::result::Result<(), Stopped> {
        let rows = self.rows;
        let empty_is_null = rows.fields.empty_is_null(self.spec);
        // A NULL string such as `0` or `-1` must be seen before the number is.
        let direct = !rows.fields.markers_look_typed();
        out.reserve(self.limit);
        for row in 0..self.limit {
            let (start, end) = rows.bounds(row, self.c);
            if start == end && empty_is_null {
                self.validity.set_null(row);
                out.push(null);
                continue;
            }
            if direct && let Some(value) = fast(rows.buffer, start, end) {
                out.push(value);
                continue;
            }
            let value = match self.slow(row, start, end, &fast, &full) {
                Some(value) => value.unwrap_or(null),
                None => return Err(Stopped(row)),
            };
            out.push(value);
        }
        Ok(())
    }

    /// `Some(None)` is a NULL; `None` is an error, to be explained later.
    #[cold]
    #[inline(never)]
    fn slow<T: Copy>(
        &mut self,
        row: usize,
        start: usize,
        end: usize,
        fast: &impl Fn(&[u8], usize, usize) -> Option<T>,
        full: &impl Fn(&[u8]) -> Result<T>,
    ) -> Option<Option<T>> {
        let buffer = self.rows.buffer;
        let mark = self.arena.len();
        match self.rows.fields.resolve(buffer, start, end, self.spec, self.arena).ok()? {
            Field::Null => self.validity.set_null(row),
            Field::Default => {
                self.validity.set_null(row);
                self.defaults.push(row as u32);
            }
            Field::Plain(s, e) => {
                return fast(buffer, s, e).or_else(|| full(&buffer[s..e]).ok()).map(Some);
            }
            Field::Rewritten(s, e) => {
                let value = full(&self.arena[s..e]).ok();
                self.arena.truncate(mark);
                return value.map(Some);
            }
        }
        Some(None)
    }

    /// Values that are their own bytes.
    #[inline(always)]
    fn bytes(
        &mut self,
        out: &mut Vec<ByteRef>,
        check: impl Fn(&[u8]) -> Result<()>,
    ) -> std::result::Result<(), Stopped> {
        self.shortened(out, |value| check(value).map(|()| value.len()))
    }

    /// Values that are a prefix of their own bytes; `keep` says how much of it.
    #[inline(always)]
    fn shortened(
        &mut self,
        out: &mut Vec<ByteRef>,
        keep: impl Fn(&[u8]) -> Result<usize>,
    ) -> std::result::Result<(), Stopped> {
        let rows = self.rows;
        let empty_is_null = rows.fields.empty_is_null(self.spec);
        let all_plain = rows.fields.all_plain();
        out.reserve(self.limit);
        for row in 0..self.limit {
            let (start, end) = rows.bounds(row, self.c);
            if start == end && empty_is_null {
                self.validity.set_null(row);
                out.push(ByteRef::EMPTY);
                continue;
            }
            let field = if all_plain {
                Field::Plain(start, end)
            } else {
                match rows.fields.resolve(rows.buffer, start, end, self.spec, self.arena) {
                    Ok(field) => field,
                    Err(_) => return Err(Stopped(row)),
                }
            };
            let kept = match field {
                Field::Plain(s, e) => keep(&rows.buffer[s..e]).map(|len| ByteRef::tile(s, s + len)),
                Field::Rewritten(s, e) => keep(&self.arena[s..e]).map(|len| ByteRef::arena(s, s + len)),
                Field::Null => {
                    self.validity.set_null(row);
                    Ok(ByteRef::EMPTY)
                }
                Field::Default => {
                    self.validity.set_null(row);
                    self.defaults.push(row as u32);
                    Ok(ByteRef::EMPTY)
                }
            };
            match kept {
                Ok(kept) => out.push(kept),
                Err(_) => return Err(Stopped(row)),
            }
        }
        Ok(())
    }

    /// Values that are written anew into the arena by `write`.
    #[inline(always)]
    fn rewritten(
        &mut self,
        out: &mut Vec<ByteRef>,
        write: impl Fn(&[u8], &mut Vec<u8>) -> Result<()>,
    ) -> std::result::Result<(), Stopped> {
        let rows = self.rows;
        let empty_is_null = rows.fields.empty_is_null(self.spec);
        let mut unescaped = Vec::new();
        out.reserve(self.limit);
        for row in 0..self.limit {
            let (start, end) = rows.bounds(row, self.c);
            if start == end && empty_is_null {
                self.validity.set_null(row);
                out.push(ByteRef::EMPTY);
                continue;
            }
            unescaped.clear();
            let value = match rows.fields.resolve(rows.buffer, start, end, self.spec, &mut unescaped) {
                Ok(Field::Plain(s, e)) => &rows.buffer[s..e],
                Ok(Field::Rewritten(s, e)) => &unescaped[s..e],
                Ok(field) => {
                    self.validity.set_null(row);
                    if field == Field::Default {
                        self.defaults.push(row as u32);
                    }
                    out.push(ByteRef::EMPTY);
                    continue;
                }
                Err(_) => return Err(Stopped(row)),
            };
            let from = self.arena.len();
            if write(value, self.arena).is_err() {
                self.arena.truncate(from);
                return Err(Stopped(row));
            }
            out.push(ByteRef::arena(from, self.arena.len()));
        }
        Ok(())
    }
}

#[inline(always)]
fn fast_bool(value: &[u8]) -> Option<u8> {
    match value {
        b"t" | b"true" | b"1" => Some(1),
        b"f" | b"false" | b"0" => Some(0),
        _ => None,
    }
}

/// What the type's input function, and then the layout, say of a value. Used to find out why a row was refused.
pub(crate) fn explain_value(plan: &Plan, ty: &Type, value: &[u8]) -> Result<()> {
    if plan.layout == Layout::PgText || *ty == Type::Other {
        return Ok(());
    }
    let mut scratch = Vec::new();
    types::write_binary(ty, value, &plan.context, &mut scratch)?;
    if plan.layout == Layout::PgBinary {
        return Ok(());
    }
    let bounded = plan.layout == Layout::Duckdb;
    match ty {
        Type::Numeric(Some((p, s))) if unscaled(*p, *s) => unscaled_decimal(value, *p, *s).map(drop),
        Type::Timestamp(p) => {
            datetime::timestamp(value, *p, &plan.context).and_then(|t| in_duckdb_range(bounded, t, value)).map(drop)
        }
        Type::TimestampTz(p) => {
            datetime::timestamptz(value, *p, &plan.context).and_then(|t| in_duckdb_range(bounded, t, value)).map(drop)
        }
        Type::Interval(p) => {
            datetime::interval(value, *p, &plan.context).and_then(|i| finite_interval(true, i, value)).map(drop)
        }
        Type::Array(array) => crate::duckdb::write_list(value, array, &plan.context, &mut scratch),
        _ => Ok(()),
    }
}

pub(crate) fn unscaled_decimal(value: &[u8], precision: u16, scale: i16) -> Result<i128> {
    let number = types::numeric::parse(value, Some((precision, scale)))?;
    number.to_i128(scale as u8).ok_or_else(|| {
        DataError::new(
            ErrorCode::NumericValueOutOfRange,
            format!("value \"{}\" cannot be stored in DECIMAL({precision},{scale})", String::from_utf8_lossy(value)),
        )
        .with_detail("The target's decimals are finite numbers.")
    })
}

/// 294247-01-10 04:00:54.775806 in microseconds since 2000-01-01: the last finite instant of DuckDB's TIMESTAMP, whose
/// microseconds count from 1970.
const DUCKDB_LAST: i64 = i64::MAX - 1 - 946_684_800_000_000;

pub(crate) fn in_duckdb_range(bounded: bool, instant: i64, value: &[u8]) -> Result<i64> {
    if bounded && instant > DUCKDB_LAST && instant != i64::MAX {
        return Err(DataError::new(
            ErrorCode::DatetimeFieldOverflow,
            format!("timestamp out of range: \"{}\"", String::from_utf8_lossy(value)),
        )
        .with_detail("DuckDB's timestamps end at 294247-01-10 04:00:54.775806."));
    }
    Ok(instant)
}

pub(crate) fn finite_interval(finite: bool, interval: datetime::Interval, value: &[u8]) -> Result<datetime::Interval> {
    let infinite = |i: datetime::Interval| {
        (i.months, i.days, i.micros) == (i32::MAX, i32::MAX, i64::MAX)
            || (i.months, i.days, i.micros) == (i32::MIN, i32::MIN, i64::MIN)
    };
    if finite && infinite(interval) {
        return Err(DataError::new(
            ErrorCode::IntervalFieldOverflow,
            format!("interval out of range: \"{}\"", String::from_utf8_lossy(value)),
        )
        .with_detail("The target's intervals are finite."));
    }
    Ok(interval)
}
