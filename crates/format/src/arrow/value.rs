//! One value of an Arrow array as text: the literal that PostgreSQL's input functions read, or JSON.
//!
//! A type that has neither is refused when the columns are matched, see [`has_text`]; here every value of the others is written.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowDictionaryKeyType, ArrowPrimitiveType, Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type,
    Decimal256Type, DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType, DurationSecondType,
    Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, IntervalDayTimeType,
    IntervalMonthDayNanoType, IntervalYearMonthType, Time32MillisecondType, Time32SecondType, Time64MicrosecondType,
    Time64NanosecondType, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, downcast_dictionary_array};
use arrow_schema::{DataType, IntervalUnit, TimeUnit};
use copyist_core::{DataError, ErrorCode, Foreign, Result, Type};
use copyist_datetime as datetime;
use copyist_types as types;

use super::target::{Target, element_type, elements, is_null};

/// Days from 1970-01-01 to 2000-01-01.
const EPOCH_DAYS: i64 = 10_957;
/// Microseconds between the same.
pub(super) const EPOCH_MICROS: i64 = 946_684_800_000_000;
const NANOS: i64 = 1_000_000_000;
/// Bytes that a list, a structure or a map may come to.
const MOST_BYTES: usize = if cfg!(test) { 1 << 20 } else { 256 << 20 };

/// How a value is written.
#[derive(Clone, Copy, Debug)]
pub(super) enum Style<'a> {
    /// As PostgreSQL's input functions read it. Lists and the like are JSON.
    Literal,
    /// As what it goes to reads it. Lists are array literals, structures are row literals, but where that is a text.
    Composite(Target<'a>),
    /// Lists, structures and maps as DuckDB's casts read them, but where what they go to is a text: of JSON these know no escapes.
    Duckdb(Target<'a>),
    /// JSON.
    Json,
}

impl Style<'_> {
    fn is_json(self) -> bool {
        matches!(self, Self::Json)
    }

    /// Whether a number without a fraction is written without a point and an exponent, as no type of whole numbers reads these.
    fn is_whole(self) -> bool {
        matches!(self, Self::Composite(to) | Self::Duckdb(to) if to.is_whole())
    }
}

/// Whether values of the type can be written.
pub(super) fn has_text(ty: &DataType) -> bool {
    match ty {
        DataType::Union(..) | DataType::RunEndEncoded(..) => false,
        ty if element_type(ty).is_some_and(|of| !has_text(of)) => false,
        DataType::Map(of, _) => has_text(of.data_type()),
        DataType::Struct(fields) => fields.iter().all(|field| has_text(field.data_type())),
        DataType::Dictionary(_, of) => has_text(of),
        _ => true,
    }
}

/// Appends the value of `row`, which is not NULL.
///
/// # Errors
/// A value that has no form in this style: a date that no calendar has, a list of lists of unlike lengths.
pub(super) fn write(array: &dyn Array, row: usize, style: Style<'_>, out: &mut Vec<u8>) -> Result<()> {
    use DataType as D;
    if let Some(items) = elements(array, row) {
        return list(items.as_ref(), style, out);
    }
    match array.data_type() {
        D::Null => out.extend_from_slice(b"null"),
        D::Boolean => out.extend_from_slice(if array.as_boolean().value(row) { b"true" } else { b"false" }),
        D::Int8 => display(get::<Int8Type>(array, row), out),
        D::Int16 => display(get::<Int16Type>(array, row), out),
        D::Int32 => display(get::<Int32Type>(array, row), out),
        D::Int64 => display(get::<Int64Type>(array, row), out),
        D::UInt8 => display(get::<UInt8Type>(array, row), out),
        D::UInt16 => display(get::<UInt16Type>(array, row), out),
        D::UInt32 => display(get::<UInt32Type>(array, row), out),
        D::UInt64 => display(get::<UInt64Type>(array, row), out),
        D::Float16 => float(get::<Float16Type>(array, row).to_f32().into(), true, style, out),
        D::Float32 => float(get::<Float32Type>(array, row).into(), true, style, out),
        D::Float64 => float(get::<Float64Type>(array, row), false, style, out),
        D::Decimal32(_, scale) => decimal(&get::<Decimal32Type>(array, row).to_string(), *scale, style, out),
        D::Decimal64(_, scale) => decimal(&get::<Decimal64Type>(array, row).to_string(), *scale, style, out),
        D::Decimal128(_, scale) => decimal(&get::<Decimal128Type>(array, row).to_string(), *scale, style, out),
        D::Decimal256(_, scale) => decimal(&get::<Decimal256Type>(array, row).to_string(), *scale, style, out),
        D::Utf8 => string(array.as_string::<i32>().value(row), style, out),
        D::LargeUtf8 => string(array.as_string::<i64>().value(row), style, out),
        D::Utf8View => string(array.as_string_view().value(row), style, out),
        D::Binary => bytes(array.as_binary::<i32>().value(row), style, out),
        D::LargeBinary => bytes(array.as_binary::<i64>().value(row), style, out),
        D::BinaryView => bytes(array.as_binary_view().value(row), style, out),
        D::FixedSizeBinary(_) => bytes(array.as_fixed_size_binary().value(row), style, out),
        D::Date32 | D::Date64 | D::Time32(_) | D::Time64(_) | D::Timestamp(..) | D::Interval(_) | D::Duration(_) => {
            let is_json = style.is_json();
            if is_json {
                out.push(b'"');
            }
            let from = out.len();
            temporal(array, row, style, out)?;
            if matches!(style, Style::Duckdb(_)) {
                spell_era(out, from);
            }
            if is_json {
                out.push(b'"');
            }
        }
        D::Struct(fields) => {
            let names = fields.iter().map(|field| field.name().as_str());
            let columns = array.as_struct().columns();
            match style {
                Style::Composite(to) if !to.is_text() => record(columns, row, to, out)?,
                Style::Duckdb(to @ Target::Foreign(Foreign::Record(_))) => fields_of(names, columns, row, to, out)?,
                _ => object(names, columns, row, out)?,
            }
        }
        D::Map(..) => {
            let entries = array.as_map().value(row);
            match style {
                Style::Duckdb(to @ Target::Foreign(Foreign::Map(_))) => entries_of(entries.columns(), to, out)?,
                _ => map(entries.columns(), out)?,
            }
        }
        D::Dictionary(..) => downcast_dictionary_array!(
            array => write(array.values().as_ref(), key(array.keys(), row), style, out)?,
            other => return Err(unwritten(other))
        ),
        other => return Err(unwritten(other)),
    }
    Ok(())
}

#[cold]
fn unwritten(ty: &DataType) -> Box<DataError> {
    DataError::new(ErrorCode::FeatureNotSupported, format!("values of the type {ty} cannot be read"))
}

fn get<T: ArrowPrimitiveType>(array: &dyn Array, row: usize) -> T::Native {
    array.as_primitive::<T>().value(row)
}

/// The position of a row's value among those of a dictionary.
pub(super) fn key<K: ArrowDictionaryKeyType>(keys: &arrow_array::PrimitiveArray<K>, row: usize) -> usize {
    arrow_buffer::ArrowNativeType::as_usize(keys.value(row))
}

fn display(value: impl std::fmt::Display, out: &mut Vec<u8>) {
    use std::io::Write;
    // Writing to memory cannot fail.
    let _ = write!(out, "{value}");
}

/// The shortest digits that read back the same, as PostgreSQL prints them.
fn float(value: f64, is_single: bool, style: Style<'_>, out: &mut Vec<u8>) {
    if !value.is_finite() {
        let name = if value.is_nan() {
            "NaN"
        } else if value > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        };
        // JSON has no such number. Whoever reads the string as a number has it back.
        if style.is_json() {
            display(format_args!("\"{name}\""), out);
            return;
        }
        out.extend_from_slice(name.as_bytes());
        return;
    }
    if style.is_whole() && value.fract() == 0.0 {
        // Zero has no sign.
        display(format_args!("{:.0}", value + 0.0), out);
        return;
    }
    let digits = if is_single { format!("{:e}", value as f32) } else { format!("{value:e}") };
    let (mantissa, exponent) = digits.split_once('e').unwrap_or((&digits, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let precision = if is_single { 6 } else { 15 };
    if (-4..precision).contains(&exponent) {
        display(value_plainly(value, is_single), out);
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        display(format_args!("{mantissa}e{sign}{:02}", exponent.abs()), out);
    }
}

fn value_plainly(value: f64, is_single: bool) -> String {
    if is_single { format!("{}", value as f32) } else { format!("{value}") }
}

/// An unscaled number with its point.
fn decimal(unscaled: &str, scale: i8, style: Style<'_>, out: &mut Vec<u8>) {
    let (sign, digits) = unscaled.strip_prefix('-').map_or(("", unscaled), |digits| ("-", digits));
    out.extend_from_slice(sign.as_bytes());
    if scale <= 0 {
        out.extend_from_slice(digits.as_bytes());
        if digits != "0" {
            out.resize(out.len() + usize::from(scale.unsigned_abs()), b'0');
        }
        return;
    }
    let scale = scale.unsigned_abs().into();
    let whole = digits.len().saturating_sub(scale);
    out.extend_from_slice(if whole == 0 { b"0" } else { &digits.as_bytes()[..whole] });
    if style.is_whole() && digits.as_bytes()[whole..].iter().all(|&digit| digit == b'0') {
        return;
    }
    out.push(b'.');
    out.resize(out.len() + scale.saturating_sub(digits.len()), b'0');
    out.extend_from_slice(&digits.as_bytes()[whole..]);
}

fn string(value: &str, style: Style<'_>, out: &mut Vec<u8>) {
    if style.is_json() {
        types::json::write_string(value.as_bytes(), out)
    } else {
        out.extend_from_slice(value.as_bytes())
    }
}

/// The hex form of `bytea`; for DuckDB that of BLOB, each byte by itself.
fn bytes(value: &[u8], style: Style<'_>, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    if matches!(style, Style::Duckdb(Target::Type(Type::Bytea))) {
        for byte in value {
            out.extend([b'\\', b'x', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        }
        return;
    }
    if value.len() == 16
        && matches!(style, Style::Duckdb(Target::Type(Type::Uuid)) | Style::Composite(Target::Type(Type::Uuid)))
    {
        for (index, byte) in value.iter().enumerate() {
            if matches!(index, 4 | 6 | 8 | 10) {
                out.push(b'-');
            }
            out.extend([HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        }
        return;
    }
    out.extend_from_slice(if style.is_json() { b"\"\\\\x" } else { b"\\x" });
    for byte in value {
        out.extend([HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
    }
    if style.is_json() {
        out.push(b'"');
    }
}

/// A date, a time or a length of time.
fn temporal(array: &dyn Array, row: usize, style: Style<'_>, out: &mut Vec<u8>) -> Result<()> {
    use DataType as D;
    match array.data_type() {
        _ if let Some(is_later) = infinity(array, row) => {
            out.extend_from_slice(if is_later { b"infinity" } else { b"-infinity" });
            Ok(())
        }
        D::Date32 => date(get::<Date32Type>(array, row).into(), out),
        D::Date64 => {
            let millis = get::<Date64Type>(array, row);
            if millis % 86_400_000 != 0 {
                return instant(i128::from(millis) * 1_000_000, false, out);
            }
            date(millis / 86_400_000, out)
        }
        D::Time32(TimeUnit::Second) => time(i64::from(get::<Time32SecondType>(array, row)).saturating_mul(NANOS), out),
        D::Time32(_) => time(i64::from(get::<Time32MillisecondType>(array, row)) * 1_000_000, out),
        D::Time64(TimeUnit::Microsecond) => time(get::<Time64MicrosecondType>(array, row).saturating_mul(1000), out),
        D::Time64(_) => time(get::<Time64NanosecondType>(array, row), out),
        D::Timestamp(unit, zone) => instant(timestamp_nanos(array, row, *unit), zone.is_some(), out),
        D::Duration(unit) => {
            let nanos = match unit {
                TimeUnit::Second => i128::from(get::<DurationSecondType>(array, row)) * 1_000_000_000,
                TimeUnit::Millisecond => i128::from(get::<DurationMillisecondType>(array, row)) * 1_000_000,
                TimeUnit::Microsecond => i128::from(get::<DurationMicrosecondType>(array, row)) * 1000,
                TimeUnit::Nanosecond => get::<DurationNanosecondType>(array, row).into(),
            };
            interval(0, 0, nanos, style, out);
            Ok(())
        }
        D::Interval(IntervalUnit::YearMonth) => {
            interval(get::<IntervalYearMonthType>(array, row), 0, 0, style, out);
            Ok(())
        }
        D::Interval(IntervalUnit::DayTime) => {
            let value = get::<IntervalDayTimeType>(array, row);
            interval(0, value.days, i128::from(value.milliseconds) * 1_000_000, style, out);
            Ok(())
        }
        D::Interval(IntervalUnit::MonthDayNano) => {
            let value = get::<IntervalMonthDayNanoType>(array, row);
            interval(value.months, value.days, value.nanoseconds.into(), style, out);
            Ok(())
        }
        other => Err(unwritten(other)),
    }
}

/// What stands in the file of a value that is no day and no time of any calendar here: the number, and of what.
pub(super) fn stored(array: &dyn Array, row: usize) -> Option<String> {
    use DataType as D;
    let unit = |unit: &TimeUnit| match unit {
        TimeUnit::Second => "seconds",
        TimeUnit::Millisecond => "milliseconds",
        TimeUnit::Microsecond => "microseconds",
        TimeUnit::Nanosecond => "nanoseconds",
    };
    Some(match array.data_type() {
        D::Dictionary(..) => downcast_dictionary_array!(
            array => return stored(array.values().as_ref(), key(array.keys(), row)),
            _ => return None
        ),
        D::Date32 => format!("{} days since 1970", get::<Date32Type>(array, row)),
        D::Date64 => format!("{} milliseconds since 1970", get::<Date64Type>(array, row)),
        D::Timestamp(of, _) => {
            let each = timestamp_nanos(array, row, *of) / timestamp_parts(*of);
            format!("{each} {} since 1970", unit(of))
        }
        D::Time32(of @ TimeUnit::Second) => format!("{} {} of a day", get::<Time32SecondType>(array, row), unit(of)),
        D::Time32(of) => format!("{} {} of a day", get::<Time32MillisecondType>(array, row), unit(of)),
        D::Time64(of @ TimeUnit::Microsecond) => {
            format!("{} {} of a day", get::<Time64MicrosecondType>(array, row), unit(of))
        }
        D::Time64(of) => format!("{} {} of a day", get::<Time64NanosecondType>(array, row), unit(of)),
        _ => return None,
    })
}

/// Nanoseconds of a unit.
const fn timestamp_parts(unit: TimeUnit) -> i128 {
    match unit {
        TimeUnit::Second => 1_000_000_000,
        TimeUnit::Millisecond => 1_000_000,
        TimeUnit::Microsecond => 1000,
        TimeUnit::Nanosecond => 1,
    }
}

/// Nanoseconds since 1970.
pub(super) fn timestamp_nanos(array: &dyn Array, row: usize, unit: TimeUnit) -> i128 {
    let value = match unit {
        TimeUnit::Second => get::<TimestampSecondType>(array, row),
        TimeUnit::Millisecond => get::<TimestampMillisecondType>(array, row),
        TimeUnit::Microsecond => get::<TimestampMicrosecondType>(array, row),
        TimeUnit::Nanosecond => get::<TimestampNanosecondType>(array, row),
    };
    i128::from(value) * timestamp_parts(unit)
}

#[cold]
fn out_of_range(what: &str) -> Box<DataError> {
    DataError::new(ErrorCode::DatetimeFieldOverflow, format!("{what} out of range"))
}

/// Days since 1970.
fn date(days: i64, out: &mut Vec<u8>) -> Result<()> {
    datetime::iso::write_date(finite_date(days).ok_or_else(|| out_of_range("date"))?, out);
    Ok(())
}

/// Days since 2000 of days since 1970, of a date that there is.
pub(super) fn finite_date(days: i64) -> Option<i32> {
    let days = i32::try_from(days - EPOCH_DAYS).ok().filter(|days| !matches!(*days, i32::MIN | i32::MAX))?;
    datetime::receive::date(days).ok()
}

/// Whether a date is infinite, and then whether it is later than all: so DuckDB writes them, and `-infinity` as either of the two lowest.
pub(super) fn infinite_date(days: i32) -> Option<bool> {
    match days {
        i32::MAX => Some(true),
        ..=-2_147_483_647 => Some(false),
        _ => None,
    }
}

/// The same of an instant, in seconds, milliseconds or microseconds. Nanoseconds end within what others mean by them.
pub(super) fn infinite_instant(value: i64) -> Option<bool> {
    match value {
        i64::MAX => Some(true),
        ..=-9_223_372_036_854_775_807 => Some(false),
        _ => None,
    }
}

/// A number of microseconds; what is infinite stays that.
pub(super) fn scaled_instant(value: i64, factor: i64) -> Option<i64> {
    if infinite_instant(value).is_some() {
        return Some(value);
    }
    // None of these products is one that would be taken for infinite.
    value.checked_mul(factor)
}

/// Whether the value is infinite, and then whether it is later than all.
pub(super) fn infinity(array: &dyn Array, row: usize) -> Option<bool> {
    match array.data_type() {
        DataType::Date32 => infinite_date(get::<Date32Type>(array, row)),
        DataType::Timestamp(TimeUnit::Second, _) => infinite_instant(get::<TimestampSecondType>(array, row)),
        DataType::Timestamp(TimeUnit::Millisecond, _) => infinite_instant(get::<TimestampMillisecondType>(array, row)),
        DataType::Timestamp(TimeUnit::Microsecond, _) => infinite_instant(get::<TimestampMicrosecondType>(array, row)),
        _ => None,
    }
}

fn time(nanos: i64, out: &mut Vec<u8>) -> Result<()> {
    let micros = nanos.div_euclid(1000);
    datetime::receive::time(micros, None)?;
    datetime::iso::write_time(micros, out);
    fraction(nanos.rem_euclid(1000).into(), micros, out);
    Ok(())
}

/// What comes behind microseconds, of which six digits are written, or none.
fn fraction(nanos: i128, micros: i64, out: &mut Vec<u8>) {
    if nanos != 0 {
        if micros % 1_000_000 == 0 {
            out.extend_from_slice(b".000000");
        }
        display(format_args!("{nanos:03}"), out);
    }
}

/// Nanoseconds since 1970.
fn instant(nanos: i128, has_zone: bool, out: &mut Vec<u8>) -> Result<()> {
    let micros = i64::try_from(nanos.div_euclid(1000) - i128::from(EPOCH_MICROS))
        .ok()
        .filter(|micros| !matches!(*micros, i64::MIN | i64::MAX))
        .and_then(|micros| datetime::receive::timestamp(micros, None).ok())
        .ok_or_else(|| out_of_range("timestamp"))?;
    datetime::iso::write_timestamp(micros, out);
    // The year of a date before Christ is written with its era behind.
    let has_era = out.ends_with(b" BC");
    if has_era {
        out.truncate(out.len() - 3);
    }
    fraction(nanos.rem_euclid(1000), micros, out);
    if has_zone {
        out.extend_from_slice(b"+00");
    }
    if has_era {
        out.extend_from_slice(b" BC");
    }
    Ok(())
}

fn interval(months: i32, days: i32, nanos: i128, style: Style<'_>, out: &mut Vec<u8>) {
    if !matches!(style, Style::Duckdb(to) if !matches!(to, Target::Type(Type::Text))) {
        datetime::iso::write_interval(months, days, nanos, out);
        return;
    }
    // Its casts do not read all that PostgreSQL prints.
    let sign = if nanos < 0 { "-" } else { "" };
    let size = nanos.unsigned_abs();
    display(
        format_args!("{months} mons {days} days {sign}{}.{:09} secs", size / 1_000_000_000, size % 1_000_000_000),
        out,
    );
}

/// An array literal, a list of DuckDB's, or JSON.
fn list(items: &dyn Array, style: Style<'_>, out: &mut Vec<u8>) -> Result<()> {
    match style {
        Style::Composite(to) if !to.is_text() => array_literal(items, to.element(), out),
        Style::Duckdb(to @ (Target::Foreign(Foreign::List(_)) | Target::Type(Type::Array(_)))) => {
            separated(items.len(), b"[]", out, |row, out| {
                if is_null(items, row) {
                    out.extend_from_slice(b"NULL");
                    return Ok(());
                }
                part(items, row, to.element(), out)
            })
        }
        _ => separated(items.len(), b"[]", out, |row, out| json(items, row, out)),
    }
}

/// Lists within an array are more dimensions of it, whatever its elements are.
fn array_literal(items: &dyn Array, element: Target<'_>, out: &mut Vec<u8>) -> Result<()> {
    separated(items.len(), b"{}", out, |row, out| {
        if is_null(items, row) {
            out.extend_from_slice(b"NULL");
            return Ok(());
        }
        match elements(items, row) {
            Some(inner) => array_literal(inner.as_ref(), element, out),
            None => quoted(items, row, Style::Composite(element), out),
        }
    })
}

fn separated(
    count: usize,
    ends: &[u8; 2],
    out: &mut Vec<u8>,
    mut write: impl FnMut(usize, &mut Vec<u8>) -> Result<()>,
) -> Result<()> {
    let from = out.len();
    out.push(ends[0]);
    for row in 0..count {
        if row > 0 {
            out.push(b',');
        }
        write(row, out)?;
        check_length(out.len() - from)?;
    }
    out.push(ends[1]);
    Ok(())
}

/// Values of a few bytes become texts of many, and what is in quotes within quotes grows with each level.
fn check_length(bytes: usize) -> Result<()> {
    if bytes <= MOST_BYTES {
        return Ok(());
    }
    let message = format!("a value comes to more than {MOST_BYTES} bytes when it is written as text");
    Err(DataError::new(ErrorCode::ProgramLimitExceeded, message)
        .with_hint("Leave the column out of the column list, or have it written in shorter lists."))
}

/// An element of an array or row literal, in quotes.
fn quoted(array: &dyn Array, row: usize, style: Style<'_>, out: &mut Vec<u8>) -> Result<()> {
    let mut text = Vec::new();
    write(array, row, style, &mut text)?;
    check_length(text.len())?;
    out.push(b'"');
    for byte in text {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
    Ok(())
}

fn record(columns: &[ArrayRef], row: usize, to: Target<'_>, out: &mut Vec<u8>) -> Result<()> {
    out.push(b'(');
    for (index, column) in columns.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        if !is_null(column, row) {
            quoted(column, row, Style::Composite(to.field(index, "", true)), out)?;
        }
    }
    out.push(b')');
    Ok(())
}

/// A part of a nested value of DuckDB, which is not NULL. In quotes if it is not nested itself, or has a string with a bracket in it: where
/// DuckDB looks for the end of what is in no quotes, a closing one in a string is that to it. Quotes within quotes double with each level.
fn part(array: &dyn Array, row: usize, to: Target<'_>, out: &mut Vec<u8>) -> Result<()> {
    let mut text = Vec::new();
    write(array, row, Style::Duckdb(to), &mut text)?;
    check_length(text.len())?;
    if is_notation(array.data_type(), to) && !has_quoted_end(&text) {
        out.extend_from_slice(&text);
    } else {
        duckdb_string(&text, out);
    }
    Ok(())
}

/// Whether values are written in DuckDB's notation of nested ones.
fn is_notation(ty: &DataType, to: Target<'_>) -> bool {
    match (ty, to) {
        (DataType::Dictionary(_, of), _) => is_notation(of, to),
        (DataType::Struct(_), Target::Foreign(Foreign::Record(_))) => true,
        (DataType::Map(..), Target::Foreign(Foreign::Map(_))) => true,
        (ty, Target::Foreign(Foreign::List(_)) | Target::Type(Type::Array(_))) => element_type(ty).is_some(),
        _ => false,
    }
}

/// Whether a closing bracket stands in quotes.
fn has_quoted_end(text: &[u8]) -> bool {
    let mut is_quoted = false;
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\'' => is_quoted = !is_quoted,
            b'\\' => {
                bytes.next();
            }
            b'}' | b']' if is_quoted => return true,
            _ => {}
        }
    }
    false
}

/// The two that mean something within quotes have a backslash before them.
fn duckdb_string(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'\'');
    for &byte in text {
        if matches!(byte, b'\'' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'\'');
}

/// A structure of DuckDB.
fn fields_of<'a>(
    names: impl Iterator<Item = &'a str>,
    columns: &[ArrayRef],
    row: usize,
    to: Target<'_>,
    out: &mut Vec<u8>,
) -> Result<()> {
    out.push(b'{');
    for (index, (name, column)) in names.zip(columns).enumerate() {
        if index > 0 {
            out.push(b',');
        }
        duckdb_string(name.as_bytes(), out);
        out.push(b':');
        if is_null(column, row) {
            out.extend_from_slice(b"NULL");
        } else {
            part(column, row, to.field(index, name, false), out)?;
        }
    }
    out.push(b'}');
    Ok(())
}

/// A map of DuckDB.
fn entries_of(columns: &[ArrayRef], to: Target<'_>, out: &mut Vec<u8>) -> Result<()> {
    let [keys, values] = columns else { unreachable!("a map has keys and values") };
    let (key, value) = to.entry();
    out.push(b'{');
    for row in 0..keys.len() {
        if row > 0 {
            out.push(b',');
        }
        part(keys, row, key, out)?;
        out.push(b'=');
        if is_null(values, row) {
            out.extend_from_slice(b"NULL");
        } else {
            part(values, row, value, out)?;
        }
    }
    out.push(b'}');
    Ok(())
}

/// DuckDB writes the era in brackets behind the date, before the time.
fn spell_era(out: &mut Vec<u8>, from: usize) {
    if !out.ends_with(b" BC") {
        return;
    }
    out.truncate(out.len() - 3);
    let end = memchr::memchr(b' ', &out[from..]).map_or(out.len(), |at| from + at);
    out.splice(end..end, *b" (BC)");
}

/// A value as JSON, NULL included.
fn json(array: &dyn Array, row: usize, out: &mut Vec<u8>) -> Result<()> {
    if is_null(array, row) {
        out.extend_from_slice(b"null");
        return Ok(());
    }
    write(array, row, Style::Json, out)
}

/// A JSON object of one value of each column.
pub(super) fn object<'a>(
    names: impl Iterator<Item = &'a str>,
    columns: &[ArrayRef],
    row: usize,
    out: &mut Vec<u8>,
) -> Result<()> {
    out.push(b'{');
    for (index, (name, column)) in names.zip(columns).enumerate() {
        if index > 0 {
            out.extend_from_slice(b", ");
        }
        types::json::write_string(name.as_bytes(), out);
        out.extend_from_slice(b": ");
        json(column, row, out)?;
    }
    out.push(b'}');
    Ok(())
}

/// A JSON object of keys and values; keys that are no strings are written as they would be in a string.
fn map(columns: &[ArrayRef], out: &mut Vec<u8>) -> Result<()> {
    let [keys, values] = columns else { unreachable!("a map has keys and values") };
    out.push(b'{');
    for row in 0..keys.len() {
        if row > 0 {
            out.extend_from_slice(b", ");
        }
        let mut key = Vec::new();
        write(keys, row, Style::Literal, &mut key)?;
        types::json::write_string(&key, out);
        out.extend_from_slice(b": ");
        json(values, row, out)?;
    }
    out.push(b'}');
    Ok(())
}
