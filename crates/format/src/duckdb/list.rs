//! PostgreSQL's array literals as what DuckDB makes lists of.
//!
//! `{1,NULL,"a b"}` becomes `["1",null,"a b"]`: JSON, since DuckDB's own notation of lists within lists has no strings that are safe from it.
//! DuckDB makes strings of it and casts these to the column's type. Each element has gone through its type's input function and is spelled
//! so that DuckDB's cast gives the same value.

use std::fmt::Write as _;

use copyist_core::{ArrayType, DataError, ErrorCode, Result, Type};
use copyist_datetime::{self as datetime, Context, Interval};
use copyist_types as types;
use types::array::ListPart;

use crate::pgbinary::receive;

/// Appends the lists of the array literal `value`. Those within others need not be of the same lengths.
pub(crate) fn write_list(value: &[u8], array: &ArrayType, context: &Context, out: &mut Vec<u8>) -> Result<()> {
    let has_dimensions = memchr::memchr2(b'[', b'{', value).is_some_and(|at| value[at] == b'[');
    if has_dimensions || array.depth == 0 {
        return write_dimensions(value, array, context, out);
    }
    let depth = array.depth as usize;
    let mut is_first = true;
    types::array::parse_lists(value, array.delimiter, |level, part| {
        let is_too_deep = part == ListPart::Begin && level == depth;
        let is_too_flat = matches!(part, ListPart::Element(Some(_))) && level < depth;
        if is_too_deep || is_too_flat {
            let found = level + usize::from(is_too_deep);
            return Err(malformed(value, &format!("Its lists nest {found} deep, those of the column {depth}.")));
        }
        if !is_first && part != ListPart::End {
            out.push(b',');
        }
        is_first = part == ListPart::Begin;
        match part {
            ListPart::Begin => out.push(b'['),
            ListPart::End => out.push(b']'),
            ListPart::Element(None) => out.extend_from_slice(b"null"),
            ListPart::Element(Some(text)) => types::json::write_string(&spell(&array.element, &text, context)?, out),
        }
        Ok(())
    })
}

/// The same of a literal that says of which dimensions it is, or may be of any number of them.
fn write_dimensions(value: &[u8], array: &ArrayType, context: &Context, out: &mut Vec<u8>) -> Result<()> {
    let mut elements = Vec::new();
    let shape = types::array::parse_with(value, array.delimiter, |element| {
        elements.push(match element {
            None => None,
            Some(text) => Some(spell(&array.element, &text, context)?),
        });
        Ok(())
    })?;
    write_elements(&shape, &elements, array, out).map_err(|detail| malformed(value, &detail))
}

/// Appends the lists of the array `value` in PostgreSQL's binary form. Answers how many bytes that has.
pub(crate) fn write_received(value: &[u8], array: &ArrayType, out: &mut Vec<u8>) -> Result<usize> {
    let mut elements = Vec::new();
    let (shape, end) = types::receive::array(value, array, |element, oid| {
        let Some(bytes) = element else {
            elements.push(None);
            return Ok(0);
        };
        let (text, end) = spell_received(&array.element, bytes, oid)?;
        elements.push(Some(text));
        Ok(end)
    })?;
    write_elements(&shape, &elements, array, out).map_err(|detail| {
        DataError::new(ErrorCode::FeatureNotSupported, "an array cannot be stored in DuckDB").with_detail(detail)
    })?;
    Ok(end)
}

/// Fails with what DuckDB's lists cannot be.
fn write_elements(
    shape: &types::array::Shape,
    elements: &[Option<Vec<u8>>],
    array: &ArrayType,
    out: &mut Vec<u8>,
) -> std::result::Result<(), String> {
    if shape.dims.is_empty() {
        out.extend_from_slice(b"[]");
        return Ok(());
    }
    if array.depth != 0 && shape.dims.len() != array.depth as usize {
        return Err(format!(
            "The array has {} dimensions, the column's lists nest {} deep.",
            shape.dims.len(),
            array.depth
        ));
    }
    if shape.lower_bounds.iter().any(|&bound| bound != 1) {
        return Err("DuckDB's lists begin at subscript 1.".to_owned());
    }
    write_level(&shape.dims, &mut elements.iter(), out);
    Ok(())
}

fn malformed(value: &[u8], detail: &str) -> Box<DataError> {
    DataError::new(
        ErrorCode::FeatureNotSupported,
        format!("array \"{}\" cannot be stored in DuckDB", String::from_utf8_lossy(value)),
    )
    .with_detail(detail.to_owned())
}

fn write_level<'a>(dims: &[i32], elements: &mut impl Iterator<Item = &'a Option<Vec<u8>>>, out: &mut Vec<u8>) {
    out.push(b'[');
    for index in 0..dims[0] {
        if index > 0 {
            out.push(b',');
        }
        if dims.len() > 1 {
            write_level(&dims[1..], elements, out);
            continue;
        }
        match elements.next() {
            Some(Some(text)) => types::json::write_string(text, out),
            _ => out.extend_from_slice(b"null"),
        }
    }
    out.push(b']');
}

/// An element's value in the spelling that DuckDB's cast reads back as that value.
fn spell(ty: &Type, text: &[u8], context: &Context) -> Result<Vec<u8>> {
    Ok(match ty {
        Type::Bool => types::boolean::parse(text)?.to_string(),
        Type::Int2 => types::integer::parse_i16(text)?.to_string(),
        Type::Int4 => types::integer::parse_i32(text)?.to_string(),
        Type::Int8 => types::integer::parse_i64(text)?.to_string(),
        Type::Float4 => format!("{:?}", types::float::parse_f32(text)?),
        Type::Float8 => format!("{:?}", types::float::parse_f64(text)?),
        Type::Numeric(Some((precision, scale))) => {
            decimal(crate::values::unscaled_decimal(text, *precision, *scale)?, *scale as usize)
        }
        Type::Bytea => {
            let mut bytes = Vec::new();
            types::bytea::parse(text, &mut bytes)?;
            hexadecimal(&bytes)
        }
        Type::Uuid => uuid(types::uuid::parse(text)?),
        Type::Date => day(datetime::date(text, context)?),
        Type::Time(p) => clock(datetime::time(text, *p, context)?),
        Type::TimeTz(p) => {
            zoned_clock(crate::values::in_duckdb_displacement(true, datetime::timetz(text, *p, context)?, text)?)
        }
        Type::Timestamp(p) => {
            instant(crate::values::in_duckdb_range(true, datetime::timestamp(text, *p, context)?, text)?, "")
        }
        Type::TimestampTz(p) => {
            instant(crate::values::in_duckdb_range(true, datetime::timestamptz(text, *p, context)?, text)?, "+00")
        }
        Type::Interval(p) => span(crate::values::finite_interval(true, datetime::interval(text, *p, context)?, text)?),
        Type::Json | Type::Jsonb => {
            types::json::check(text, *ty == Type::Jsonb)?;
            return Ok(text.to_vec());
        }
        Type::Enum(kind) => {
            types::enumeration::check(text, kind)?;
            return Ok(text.to_vec());
        }
        Type::Varchar(Some(n)) => return Ok(types::text::check_varchar(text, *n)?.to_vec()),
        Type::Bpchar(Some(n)) => return Ok(types::text::check_bpchar(text, *n)?.to_vec()),
        _ => return Ok(text.to_vec()),
    }
    .into_bytes())
}

/// The same of an element in the binary form, and how many bytes that has.
fn spell_received(ty: &Type, bytes: &[u8], oid: u32) -> Result<(Vec<u8>, usize)> {
    let (text, end) = match ty {
        Type::Bool => receive::boolean(bytes).map(|(value, end)| ((value != 0).to_string(), end)),
        Type::Int2 => receive::int2(bytes).map(|(value, end)| (value.to_string(), end)),
        Type::Int4 => receive::int4(bytes).map(|(value, end)| (value.to_string(), end)),
        Type::Int8 => receive::int8(bytes).map(|(value, end)| (value.to_string(), end)),
        Type::Float4 => receive::float4(bytes).map(|(value, end)| (format!("{value:?}"), end)),
        Type::Float8 => receive::float8(bytes).map(|(value, end)| (format!("{value:?}"), end)),
        Type::Numeric(Some((precision, scale))) => {
            receive::decimal(bytes, *precision, *scale).map(|(unscaled, end)| (decimal(unscaled, *scale as usize), end))
        }
        Type::Numeric(None) => types::numeric::receive(bytes, None).map(|(number, end)| (number.to_string(), end)),
        Type::Bytea => Ok((hexadecimal(bytes), bytes.len())),
        Type::Uuid => receive::uuid(bytes).map(|(value, end)| (uuid(value), end)),
        Type::Date => receive::date(bytes).map(|(days, end)| (day(days), end)),
        Type::Time(p) => receive::time(bytes, *p).map(|(micros, end)| (clock(micros), end)),
        Type::TimeTz(p) => receive::timetz(bytes, *p).map(|(time, end)| (zoned_clock(time), end)),
        Type::Timestamp(p) => receive::timestamp(bytes, *p, true).map(|(micros, end)| (instant(micros, ""), end)),
        Type::TimestampTz(p) => receive::timestamp(bytes, *p, true).map(|(micros, end)| (instant(micros, "+00"), end)),
        Type::Interval(p) => receive::interval(bytes, *p, true).map(|(interval, end)| (span(interval), end)),
        ty => {
            let kept = match ty {
                Type::Json if oid == types::receive::JSONB => receive::text_of(&Type::Jsonb, bytes)?,
                ty => receive::text_of(ty, bytes)?,
            };
            return Ok((bytes[kept].to_vec(), bytes.len()));
        }
    }?;
    Ok((text.into_bytes(), end))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        // Writing to a string cannot fail.
        let _ = write!(out, "\\x{byte:02X}");
        out
    })
}

fn uuid(bytes: [u8; 16]) -> String {
    let digits = format!("{:032x}", u128::from_be_bytes(bytes));
    [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
}

fn day(days: i32) -> String {
    match days {
        i32::MAX => "infinity".into(),
        i32::MIN => "-infinity".into(),
        days => {
            let (date, bc) = civil(i64::from(days));
            if bc { date + " (BC)" } else { date }
        }
    }
}

fn zoned_clock((micros, west): (i64, i32)) -> String {
    let east = -i64::from(west);
    let (sign, seconds) = if east < 0 { ('-', -east) } else { ('+', east) };
    format!("{}{sign}{:02}:{:02}:{:02}", clock(micros), seconds / 3600, seconds / 60 % 60, seconds % 60)
}

fn span(Interval { months, days, micros }: Interval) -> String {
    let sign = if micros < 0 { "-" } else { "" };
    format!("{months} months {days} days {sign}{}", clock(micros.unsigned_abs() as i64))
}

fn decimal(unscaled: i128, scale: usize) -> String {
    let digits = format!("{:0width$}", unscaled.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let sign = if unscaled < 0 { "-" } else { "" };
    if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

/// Microseconds as `HH:MM:SS.ffffff`.
fn clock(micros: i64) -> String {
    let seconds = micros / 1_000_000;
    format!("{:02}:{:02}:{:02}.{:06}", seconds / 3600, seconds / 60 % 60, seconds % 60, micros % 1_000_000)
}

/// Microseconds since 2000-01-01. DuckDB reads an era only right behind the date.
pub(crate) fn instant(micros: i64, zone: &str) -> String {
    match micros {
        i64::MAX => "infinity".into(),
        i64::MIN => "-infinity".into(),
        _ => {
            let (date, bc) = civil(micros.div_euclid(86_400_000_000));
            let era = if bc { " (BC)" } else { "" };
            format!("{date}{era} {}{zone}", clock(micros.rem_euclid(86_400_000_000)))
        }
    }
}

/// Days since 2000-01-01 as `YYYY-MM-DD`, and whether the year is before Christ.
fn civil(days: i64) -> (String, bool) {
    // Counted from 0000-03-01, so that a leap day is the last of its year.
    let days = days + 730_425;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (year, bc) = if year <= 0 { (1 - year, true) } else { (year, false) };
    (format!("{year:04}-{month:02}-{day:02}"), bc)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(ty: Type, depth: u32, text: &str) -> std::result::Result<String, String> {
        let context = Context::new(&copyist_core::Session::default()).unwrap();
        let array = ArrayType { element: ty, element_oid: 0, delimiter: b',', depth };
        let mut out = Vec::new();
        write_list(text.as_bytes(), &array, &context, &mut out).map_err(|error| error.message.into_owned())?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn literals() {
        assert_eq!(list(Type::Int4, 1, "{1, NULL ,0x10}").unwrap(), r#"["1",null,"16"]"#);
        assert_eq!(list(Type::Int4, 1, "[1:2]={1,2}").unwrap(), r#"["1","2"]"#);
        assert_eq!(list(Type::Text, 1, r#"{"a\"b",NULL,"NULL",""}"#).unwrap(), r#"["a\"b",null,"NULL",""]"#);
        assert_eq!(list(Type::Int4, 1, "{}").unwrap(), "[]");
        assert_eq!(
            list(Type::Date, 1, "{2000-01-01,0044-03-15 BC,1999-02-28}").unwrap(),
            r#"["2000-01-01","0044-03-15 (BC)","1999-02-28"]"#
        );
        assert_eq!(list(Type::Numeric(Some((5, 2))), 1, "{-0.05,1e2}").unwrap(), r#"["-0.05","100.00"]"#);
        assert_eq!(
            list(Type::Interval(None), 1, "{-1 day -1 second}").unwrap(),
            r#"["0 months -1 days -00:00:01.000000"]"#
        );
        assert_eq!(list(Type::Bytea, 1, r#"{"\\x00ff"}"#).unwrap(), r#"["\\x00\\xFF"]"#);
    }

    #[test]
    fn lists_within_lists_are_of_any_lengths() {
        assert_eq!(list(Type::Int4, 2, "{{1},{2}}").unwrap(), r#"[["1"],["2"]]"#);
        assert_eq!(
            list(Type::Text, 2, r#" {{a,"]}"}, {} ,NULL,{NULL,"NULL"}} "#).unwrap(),
            r#"[["a","]}"],[],null,[null,"NULL"]]"#
        );
        assert_eq!(list(Type::Int4, 2, "{{},{}}").unwrap(), "[[],[]]");
        assert_eq!(list(Type::Int4, 3, "{{},{{}},{{1},NULL}}").unwrap(), r#"[[],[[]],[["1"],null]]"#);
        assert_eq!(list(Type::Int4, 3, "{}").unwrap(), "[]");
        let nested = |depth: usize, ends: [&str; 2]| format!("{}{}", ends[0].repeat(depth), ends[1].repeat(depth));
        assert_eq!(list(Type::Int4, 60, &nested(60, ["{", "}"])).unwrap(), nested(60, ["[", "]"]));
    }

    #[test]
    fn refusals() {
        for (depth, text) in [(1, "{{1}}"), (2, "{1,2}"), (2, "{{{}}}"), (2, "{{1},2}")] {
            assert!(list(Type::Int4, depth, text).unwrap_err().contains("cannot be stored in DuckDB"), "{text}");
        }
        for text in ["{{1},}", "{{1}{2}}", "{,{1}}", "{{1}}}", "{{1}", "{{1}} x", "1", "", "{{1},{2}"] {
            assert!(list(Type::Int4, 2, text).unwrap_err().starts_with("malformed array literal"), "{text}");
        }
        assert!(list(Type::Int4, 1, "[2:3]={1,2}").is_err());
        assert_eq!(list(Type::Int4, 1, "{x}").unwrap_err(), "invalid input syntax for type integer: \"x\"");
    }
}
