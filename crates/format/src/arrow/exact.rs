//! What a value would lose on its way into its column.
//!
//! Strings are not looked at: what they say is read as in any text file, rounding included. A value of a type of its own says exactly
//! what it is, so a column that cannot hold that is an error.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date64Type, DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType, DurationSecondType,
    Float64Type, Int32Type, Int64Type, IntervalDayTimeType, IntervalMonthDayNanoType, IntervalYearMonthType,
    Time32MillisecondType, Time32SecondType, Time64MicrosecondType, Time64NanosecondType, UInt32Type, UInt64Type,
};
use arrow_array::{Array, downcast_dictionary_array};
use arrow_schema::{DataType, IntervalUnit, TimeUnit};
use copyist_core::{DataError, ErrorCode, Foreign, Result, Type};

use super::target::{Target, element_type, elements, is_null};
use super::value::{self, Style};
use crate::Layout;

const DAY: i128 = 86_400_000_000_000;
/// An expression sees values of the column's type, unless another one is said, so that it comes too late.
const HINT: &str = "Give the column a type that holds the value, or text; or round it by an expression that reads another type: TRANSFORM (column text AS …).";
/// Rows for a program have no expressions.
const HINT_OF_PROGRAMS: &str =
    "Give the column a type that holds the value, such as timestamp(9) of nanoseconds, or text.";
/// Nor are their lists of any other type than they have there.
const HINT_OF_LISTS: &str = "Give the column the type jsonb or text, which hold all that lists have.";

/// Whether values of a type may lose something in what they go to, so that each has to be looked at.
pub(super) fn may_lose(source: &DataType, target: Target<'_>, layout: Layout) -> bool {
    if let Some(element) = element_type(source) {
        let is_nested = element_type(element).is_some();
        return is_nested && is_array(target, layout) || may_lose(element, target.element(), layout);
    }
    match source {
        DataType::Dictionary(_, of) => may_lose(of, target, layout),
        DataType::Struct(fields) => fields.iter().enumerate().any(|(index, field)| {
            may_lose(field.data_type(), target.field(index, field.name(), is_by_place(layout)), layout)
        }),
        DataType::Map(entries, _) => {
            let DataType::Struct(fields) = entries.data_type() else { return false };
            let (key, value) = target.entry();
            fields.iter().zip([key, value]).any(|(field, target)| may_lose(field.data_type(), target, layout))
        }
        DataType::Null => false,
        _ if matches!(target, Target::Foreign(Foreign::Short { .. })) => true,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => false,
        _ if matches!(target, Target::Foreign(Foreign::Unsigned { .. })) => is_number(source),
        _ if target.is_whole() => is_decimal(source) || is_float(source),
        _ => match target {
            Target::Foreign(foreign) => matches!(foreign, Foreign::Interval { .. }),
            Target::Type(ty) => matches!(
                ty,
                Type::Date
                    | Type::Time(_)
                    | Type::TimeTz(_)
                    | Type::Timestamp(_)
                    | Type::TimestampTz(_)
                    | Type::Interval(_)
                    | Type::Numeric(Some(_))
                    | Type::Float4
                    | Type::Float8
            ),
        },
    }
}

/// Whether lists are written as arrays of PostgreSQL.
fn is_array(target: Target<'_>, layout: Layout) -> bool {
    is_by_place(layout) && !target.is_text()
}

/// Whether lists within a list are missing or empty. In an array neither is what it was.
fn has_gap(lists: &dyn Array) -> bool {
    element_type(lists.data_type()).is_some()
        && (0..lists.len()).any(|row| {
            is_null(lists, row) || elements(lists, row).is_some_and(|items| items.is_empty() || has_gap(items.as_ref()))
        })
}

/// Whether fields of structures are written by their places, and not by their names.
pub(super) fn is_by_place(layout: Layout) -> bool {
    matches!(layout, Layout::PgBinary | Layout::PgText)
}

/// Whether what it goes to holds the value of `row`, which is not NULL, as it is, with all that is in it.
///
/// # Errors
/// `22003` of a number, `22008` of a date or a time, `2202E` of lists that no array has.
pub(super) fn check(array: &dyn Array, row: usize, target: Target<'_>, layout: Layout) -> Result<()> {
    downcast_dictionary_array!(
        array => return check(array.values().as_ref(), value::key(array.keys(), row), target, layout),
        _ => {}
    );
    let of_each = |items: &dyn Array, target: Target<'_>| {
        if !may_lose(items.data_type(), target, layout) {
            return Ok(());
        }
        (0..items.len()).filter(|&row| !is_null(items, row)).try_for_each(|row| check(items, row, target, layout))
    };
    if let Some(items) = elements(array, row) {
        if is_array(target, layout) && has_gap(items.as_ref()) {
            return Err(gap());
        }
        let checked = of_each(items.as_ref(), target.element());
        return checked.map_err(|error| if layout == Layout::Arrow { error.with_hint(HINT_OF_LISTS) } else { error });
    }
    match array.data_type() {
        DataType::Struct(fields) => {
            for (index, (field, column)) in fields.iter().zip(array.as_struct().columns()).enumerate() {
                let target = target.field(index, field.name(), is_by_place(layout));
                if !is_null(column, row) {
                    check(column, row, target, layout)?;
                }
            }
            return Ok(());
        }
        DataType::Map(..) => {
            let entries = array.as_map().value(row);
            let (key, value) = target.entry();
            return entries.columns().iter().zip([key, value]).try_for_each(|(items, to)| of_each(items.as_ref(), to));
        }
        _ => {}
    }
    match target {
        Target::Type(ty) if !holds(array, row, ty) => {
            let error = lossy(array, row, ty);
            Err(if layout == Layout::Arrow { error.with_hint(HINT_OF_PROGRAMS) } else { error })
        }
        Target::Foreign(Foreign::Whole | Foreign::Unsigned { .. }) if !has_digits(array, row, 0) => {
            Err(not_whole(array, row))
        }
        Target::Foreign(Foreign::Unsigned { name, bits }) => check_unsigned(array, row, target, name, *bits),
        Target::Foreign(Foreign::Short { name, bytes }) => check_short(array, row, name, *bytes),
        Target::Foreign(Foreign::Interval { fields, digits }) if !has_fields(array, row, fields, *digits) => {
            Err(inexact(array, row, ErrorCode::DatetimeFieldOverflow, &interval_name(fields, *digits)))
        }
        _ => Ok(()),
    }
}

/// Whether a number, which is a whole one, is in the range.
fn check_unsigned(array: &dyn Array, row: usize, target: Target<'_>, name: &str, bits: u32) -> Result<()> {
    let mut text = Vec::new();
    value::write(array, row, Style::Composite(target), &mut text)?;
    let text = String::from_utf8_lossy(&text);
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    // What has more digits than this has room for is out of range, too.
    if is_number && text.parse::<i128>().map_or(true, |number| !(0..1 << bits).contains(&number)) {
        let message = format!("value \"{text}\" is out of range for type {name}");
        return Err(DataError::new(ErrorCode::NumericValueOutOfRange, message));
    }
    Ok(())
}

fn check_short(array: &dyn Array, row: usize, name: &str, bytes: usize) -> Result<()> {
    let mut text = Vec::new();
    value::write(array, row, Style::Literal, &mut text)?;
    // The way in which PostgreSQL writes a byte that is no letter of ASCII's.
    let is_octal = matches!(&text[..], [b'\\', b'0'..=b'7', b'0'..=b'7', b'0'..=b'7']);
    if text.len() <= bytes || is_octal {
        return Ok(());
    }
    let message = format!("value too long for type {name}");
    Err(DataError::new(ErrorCode::StringDataRightTruncation, message))
}

/// Whether a length of time, or the number of one, has nothing below the last of the fields.
fn has_fields(array: &dyn Array, row: usize, fields: &[String], digits: u8) -> bool {
    const SECOND: i128 = 1_000_000_000;
    let last = fields.last().map(String::as_str);
    let Some((months, days, nanos)) = length_of_time(array, row) else {
        // A number is one of what the last of the fields counts.
        let digits = if matches!(last, None | Some("second")) { digits } else { 0 };
        return has_digits(array, row, digits.into());
    };
    match last {
        Some("year") => months % 12 == 0 && days == 0 && nanos == 0,
        Some("month") => days == 0 && nanos == 0,
        Some("day") => nanos == 0,
        Some("hour") => nanos % (3600 * SECOND) == 0,
        Some("minute") => nanos % (60 * SECOND) == 0,
        _ => is_of_digits(nanos, digits),
    }
}

fn interval_name(fields: &[String], digits: u8) -> String {
    let name = match fields {
        [] => "interval".to_owned(),
        [only] => format!("interval {only}"),
        [first, .., last] => format!("interval {first} to {last}"),
    };
    if name.ends_with("second") { with_digits(&name, Some(digits)) } else { name }
}

/// The months, days and nanoseconds of a length of time, as which a time of day is read, too.
fn length_of_time(array: &dyn Array, row: usize) -> Option<(i32, i32, i128)> {
    Some(match array.data_type() {
        DataType::Interval(IntervalUnit::YearMonth) => (array.as_primitive::<IntervalYearMonthType>().value(row), 0, 0),
        DataType::Interval(IntervalUnit::DayTime) => {
            (0, array.as_primitive::<IntervalDayTimeType>().value(row).days, nanos(array, row)?)
        }
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            let value = array.as_primitive::<IntervalMonthDayNanoType>().value(row);
            (value.months, value.days, value.nanoseconds.into())
        }
        DataType::Duration(_) | DataType::Time32(_) | DataType::Time64(_) => (0, 0, nanos(array, row)?),
        _ => return None,
    })
}

fn holds(array: &dyn Array, row: usize, ty: &Type) -> bool {
    let source = array.data_type();
    let is_infinite = value::infinity(array, row).is_some();
    match ty {
        Type::Date | Type::Timestamp(_) | Type::TimestampTz(_) if is_infinite => true,
        Type::Date => match source {
            DataType::Timestamp(unit, _) => value::timestamp_nanos(array, row, *unit) % DAY == 0,
            DataType::Date64 => array.as_primitive::<Date64Type>().value(row) % 86_400_000 == 0,
            _ => true,
        },
        // The date would be lost.
        Type::Time(_) | Type::TimeTz(_)
            if matches!(source, DataType::Timestamp(..) | DataType::Date32 | DataType::Date64) =>
        {
            false
        }
        // Of a number it is a second's.
        Type::Interval(p) if is_number(source) => has_digits(array, row, p.unwrap_or(6).into()),
        // DuckDB has types of nine digits.
        Type::Time(p) | Type::TimeTz(p) | Type::Timestamp(p) | Type::TimestampTz(p) | Type::Interval(p) => {
            nanos(array, row).is_none_or(|nanos| is_of_digits(nanos, p.unwrap_or(6)))
        }
        Type::Numeric(Some((_, scale))) => has_digits(array, row, (*scale).into()),
        Type::Int2 | Type::Int4 | Type::Int8 => has_digits(array, row, 0),
        Type::Float4 => is_single(array, row),
        Type::Float8 => is_double(array, row),
        _ => true,
    }
}

#[cold]
fn gap() -> Box<DataError> {
    let message = "a list with an empty or a missing one in it cannot be stored in an array";
    DataError::new(ErrorCode::ArraySubscriptError, message)
        .with_hint("Load it into a column of type jsonb, which keeps lists as they are.")
}

#[cold]
fn not_whole(array: &dyn Array, row: usize) -> Box<DataError> {
    let message = format!(
        "value \"{}\" of type {} cannot be stored exactly in a whole number",
        literal(array, row),
        array.data_type()
    );
    DataError::new(ErrorCode::NumericValueOutOfRange, message).with_hint(HINT)
}

fn literal(array: &dyn Array, row: usize) -> String {
    let mut text = Vec::new();
    // It has been written already, or will be refused for that.
    let _ = value::write(array, row, Style::Literal, &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

#[cold]
fn lossy(array: &dyn Array, row: usize, ty: &Type) -> Box<DataError> {
    let (code, what) = match ty {
        Type::Numeric(Some((precision, scale))) => {
            (ErrorCode::NumericValueOutOfRange, format!("numeric({precision},{scale})"))
        }
        Type::Int2 => (ErrorCode::NumericValueOutOfRange, "smallint".to_owned()),
        Type::Int4 => (ErrorCode::NumericValueOutOfRange, "integer".to_owned()),
        Type::Int8 => (ErrorCode::NumericValueOutOfRange, "bigint".to_owned()),
        Type::Float4 => (ErrorCode::NumericValueOutOfRange, "real".to_owned()),
        Type::Float8 => (ErrorCode::NumericValueOutOfRange, "double precision".to_owned()),
        Type::Date => (ErrorCode::DatetimeFieldOverflow, "date".to_owned()),
        Type::Time(p) => (ErrorCode::DatetimeFieldOverflow, with_digits("time", *p)),
        Type::TimeTz(p) => (ErrorCode::DatetimeFieldOverflow, with_digits("time with time zone", *p)),
        Type::Timestamp(p) => (ErrorCode::DatetimeFieldOverflow, with_digits("timestamp", *p)),
        Type::TimestampTz(p) => (ErrorCode::DatetimeFieldOverflow, with_digits("timestamp with time zone", *p)),
        Type::Interval(p) => (ErrorCode::DatetimeFieldOverflow, with_digits("interval", *p)),
        _ => (ErrorCode::DatetimeFieldOverflow, "interval".to_owned()),
    };
    inexact(array, row, code, &what)
}

#[cold]
fn inexact(array: &dyn Array, row: usize, code: ErrorCode, what: &str) -> Box<DataError> {
    let text = literal(array, row);
    let message = format!("value \"{text}\" of type {} cannot be stored exactly in type {what}", array.data_type());
    DataError::new(code, message).with_hint(HINT)
}

fn with_digits(name: &str, digits: Option<u8>) -> String {
    digits.map_or_else(|| name.to_owned(), |digits| format!("{name}({digits})"))
}

fn is_decimal(ty: &DataType) -> bool {
    matches!(
        ty,
        DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..) | DataType::Decimal256(..)
    )
}

fn is_number(ty: &DataType) -> bool {
    is_decimal(ty) || is_float(ty) || ty.is_integer()
}

fn is_float(ty: &DataType) -> bool {
    matches!(ty, DataType::Float16 | DataType::Float32 | DataType::Float64)
}

/// The part of a time that is counted in fractions of a second, in nanoseconds; None of what has none.
fn nanos(array: &dyn Array, row: usize) -> Option<i128> {
    macro_rules! get {
        ($ty:ty) => {
            i128::from(array.as_primitive::<$ty>().value(row))
        };
    }
    Some(match array.data_type() {
        DataType::Timestamp(unit, _) => value::timestamp_nanos(array, row, *unit),
        DataType::Date64 => get!(Date64Type) * 1_000_000,
        DataType::Time32(TimeUnit::Second) => get!(Time32SecondType) * 1_000_000_000,
        DataType::Time32(_) => get!(Time32MillisecondType) * 1_000_000,
        DataType::Time64(TimeUnit::Microsecond) => get!(Time64MicrosecondType) * 1000,
        DataType::Time64(_) => get!(Time64NanosecondType),
        DataType::Duration(TimeUnit::Second) => get!(DurationSecondType) * 1_000_000_000,
        DataType::Duration(TimeUnit::Millisecond) => get!(DurationMillisecondType) * 1_000_000,
        DataType::Duration(TimeUnit::Microsecond) => get!(DurationMicrosecondType) * 1000,
        DataType::Duration(TimeUnit::Nanosecond) => get!(DurationNanosecondType),
        DataType::Interval(IntervalUnit::DayTime) => {
            i128::from(array.as_primitive::<IntervalDayTimeType>().value(row).milliseconds) * 1_000_000
        }
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            array.as_primitive::<IntervalMonthDayNanoType>().value(row).nanoseconds.into()
        }
        _ => return None,
    })
}

/// Whether a length of time or an instant, in nanoseconds, has so many digits of a second at most.
fn is_of_digits(nanos: i128, digits: u8) -> bool {
    nanos % 10_i128.pow(9 - u32::from(digits).min(9)) == 0
}

/// Whether a number has so many digits behind the point at most; what is none has any number of them.
fn has_digits(array: &dyn Array, row: usize, most: i32) -> bool {
    fraction_digits(array, row).is_none_or(|digits| digits <= most)
}

/// Digits behind the point of a number, without zeros at the end; None of what is no number or has none. Negative where it ends in zeros
/// before the point.
fn fraction_digits(array: &dyn Array, row: usize) -> Option<i32> {
    let ty = array.data_type();
    if !is_number(ty) {
        return None;
    }
    let mut text = Vec::new();
    value::write(array, row, Style::Literal, &mut text).ok()?;
    let text = std::str::from_utf8(&text).ok()?;
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let exponent: i32 = exponent.parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = fraction.trim_end_matches('0');
    if !digits.is_empty() {
        return Some(digits.len() as i32 - exponent);
    }
    let trailing = whole.bytes().rev().take_while(|&byte| byte == b'0').count();
    let is_number = whole.bytes().any(|byte| byte.is_ascii_digit());
    let is_zero = whole.bytes().all(|byte| matches!(byte, b'0' | b'-'));
    // Zero, NaN and the infinities have no digits.
    (is_number && !is_zero).then(|| -(trailing as i32) - exponent)
}

/// Whether single precision has the number.
fn is_single(array: &dyn Array, row: usize) -> bool {
    match array.data_type() {
        DataType::Float64 => {
            let value = array.as_primitive::<Float64Type>().value(row);
            value.is_nan() || f64::from(value as f32) == value
        }
        DataType::Int32 => whole_is_kept(array.as_primitive::<Int32Type>().value(row).into(), 24),
        DataType::UInt32 => whole_is_kept(array.as_primitive::<UInt32Type>().value(row).into(), 24),
        DataType::Int64 => whole_is_kept(array.as_primitive::<Int64Type>().value(row).into(), 24),
        DataType::UInt64 => whole_is_kept(array.as_primitive::<UInt64Type>().value(row).into(), 24),
        ty if is_decimal(ty) => decimal_is_kept(array, row, 6, |text| Some(format!("{:e}", text.parse::<f32>().ok()?))),
        _ => true,
    }
}

/// Whether double precision has the number.
fn is_double(array: &dyn Array, row: usize) -> bool {
    match array.data_type() {
        DataType::Int64 => whole_is_kept(array.as_primitive::<Int64Type>().value(row).into(), 53),
        DataType::UInt64 => whole_is_kept(array.as_primitive::<UInt64Type>().value(row).into(), 53),
        ty if is_decimal(ty) => {
            decimal_is_kept(array, row, 15, |text| Some(format!("{:e}", text.parse::<f64>().ok()?)))
        }
        _ => true,
    }
}

/// Whether a whole number has no more than `bits` significant bits.
fn whole_is_kept(value: i128, bits: u32) -> bool {
    let size = value.unsigned_abs();
    size == 0 || 128 - size.leading_zeros() - size.trailing_zeros() <= bits
}

/// Whether the digits of a decimal come back when it is read from a number of binary digits that surely keeps `sure` decimal ones.
fn decimal_is_kept(array: &dyn Array, row: usize, sure: usize, read: impl Fn(&str) -> Option<String>) -> bool {
    let mut text = Vec::new();
    if value::write(array, row, Style::Literal, &mut text).is_err() {
        return true;
    }
    let Ok(text) = std::str::from_utf8(&text) else { return true };
    let digits = significant(text);
    digits.len() <= sure || read(text).is_some_and(|printed| significant(&printed) == digits)
}

/// The digits of a number that are not zeros at its edges.
fn significant(text: &str) -> String {
    let mantissa = text.split_once('e').map_or(text, |(mantissa, _)| mantissa);
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    digits.trim_matches('0').to_owned()
}
