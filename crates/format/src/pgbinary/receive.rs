//! The receive functions of the types: each reads a value from the front of `bytes` and answers how many of these it has taken, as the
//! server's do, which find what is left over later.

use std::ops::Range;

use copyist_core::{DataError, ErrorCode, Result, Type};
use copyist_datetime::{self as datetime, Interval};
use copyist_types as types;
use copyist_types::receive::{array, invalid, take};

use crate::utf8;
use crate::values::{finite_interval, in_duckdb_range, undecimal};

/// A value and how many bytes it has.
type Received<T> = Result<(T, usize)>;

/// Any byte but 0 is true.
#[inline(always)]
pub(crate) fn boolean(bytes: &[u8]) -> Received<u8> {
    match bytes.first() {
        Some(&byte) => Ok((u8::from(byte != 0), 1)),
        None => Err(DataError::new(ErrorCode::ProtocolViolation, "no data left in message")),
    }
}

macro_rules! number {
    ($name:ident, $ty:ty, $size:literal) => {
        #[inline(always)]
        pub(crate) fn $name(bytes: &[u8]) -> Received<$ty> {
            Ok((<$ty>::from_be_bytes(take(bytes, 0)?), $size))
        }
    };
}

number!(int2, i16, 2);
number!(int4, i32, 4);
number!(int8, i64, 8);
number!(float4, f32, 4);
number!(float8, f64, 8);

#[inline(always)]
pub(crate) fn uuid(bytes: &[u8]) -> Received<[u8; 16]> {
    Ok((take(bytes, 0)?, 16))
}

#[inline(always)]
pub(crate) fn date(bytes: &[u8]) -> Received<i32> {
    Ok((datetime::receive::date(int4(bytes)?.0)?, 4))
}

#[inline(always)]
pub(crate) fn time(bytes: &[u8], digits: Option<u8>) -> Received<i64> {
    Ok((datetime::receive::time(int8(bytes)?.0, digits)?, 8))
}

#[inline(always)]
pub(crate) fn timetz(bytes: &[u8], digits: Option<u8>) -> Received<(i64, i32)> {
    let micros = int8(bytes)?.0;
    // The time is judged before there need be a zone.
    datetime::receive::time(micros, digits)?;
    let west = i32::from_be_bytes(take(bytes, 8)?);
    Ok((datetime::receive::timetz(micros, west, digits)?, 12))
}

/// `bounded`: by DuckDB's range.
#[inline(always)]
pub(crate) fn timestamp(bytes: &[u8], digits: Option<u8>, bounded: bool) -> Received<i64> {
    let micros = datetime::receive::timestamp(int8(bytes)?.0, digits)?;
    if bounded && in_duckdb_range(true, micros, b"").is_err() {
        // Again, with words.
        in_duckdb_range(true, micros, crate::duckdb::instant(micros, "").as_bytes())?;
    }
    Ok((micros, 8))
}

/// `finite`: the target has no infinite ones.
#[inline(always)]
pub(crate) fn interval(bytes: &[u8], digits: Option<u8>, finite: bool) -> Received<Interval> {
    let micros = int8(bytes)?.0;
    let days = i32::from_be_bytes(take(bytes, 8)?);
    let months = i32::from_be_bytes(take(bytes, 12)?);
    let interval = datetime::receive::interval(Interval { months, days, micros }, digits)?;
    let text: &[u8] = if months < 0 { b"-infinity" } else { b"infinity" };
    Ok((finite_interval(finite, interval, text)?, 16))
}

/// `numeric(precision, scale)` as an unscaled integer.
#[inline(always)]
pub(crate) fn decimal(bytes: &[u8], precision: u16, scale: i16) -> Received<i128> {
    match types::numeric::fast_receive(bytes, precision as u8, scale as u8) {
        Some(unscaled) => Ok((unscaled, bytes.len())),
        None => full_decimal(bytes, precision, scale),
    }
}

#[cold]
#[inline(never)]
fn full_decimal(bytes: &[u8], precision: u16, scale: i16) -> Received<i128> {
    let (number, end) = types::numeric::receive(bytes, Some((precision, scale)))?;
    match number.to_i128(scale as u8) {
        Some(unscaled) => Ok((unscaled, end)),
        None => Err(undecimal(&number.to_string(), precision, scale)),
    }
}

/// Whether the bytes are UTF-8 without NUL.
#[inline(always)]
fn characters(bytes: &[u8]) -> Result<()> {
    // The uppermost bit of what is not ASCII, and of what is 0.
    let odd = bytes.iter().fold(0, |odd, &byte| odd | byte | byte.wrapping_sub(1));
    if odd & 0x80 == 0 { Ok(()) } else { wide_characters(bytes) }
}

#[inline(never)]
fn wide_characters(bytes: &[u8]) -> Result<()> {
    match utf8::first_invalid(bytes) {
        None => Ok(()),
        Some(at) => Err(utf8::invalid_sequence(&bytes[at..])),
    }
}

/// Where in the bytes the text of a value is that is one.
#[inline(always)]
pub(crate) fn text_of(ty: &Type, bytes: &[u8]) -> Result<Range<usize>> {
    if *ty == Type::Jsonb {
        return jsonb(bytes);
    }
    characters(bytes)?;
    let end = match ty {
        Type::Varchar(Some(n)) => types::text::check_varchar(bytes, *n)?.len(),
        Type::Bpchar(Some(n)) => types::text::check_bpchar(bytes, *n)?.len(),
        Type::Json => {
            types::json::check(bytes, false)?;
            bytes.len()
        }
        Type::Enum(kind) => {
            types::enumeration::check(bytes, kind)?;
            bytes.len()
        }
        _ => bytes.len(),
    };
    Ok(0..end)
}

/// The version stands before the text.
fn jsonb(bytes: &[u8]) -> Result<Range<usize>> {
    const VERSION: u8 = 1;
    let [version] = take(bytes, 0)?;
    if version != VERSION {
        return Err(invalid(format!("unsupported jsonb version number {version}")));
    }
    characters(&bytes[1..])?;
    types::json::check(&bytes[1..], true)?;
    Ok(1..bytes.len())
}

/// Text of a JSON document of either type, for a target that has but one: no document begins with the byte that is jsonb's version.
pub(crate) fn any_json(bytes: &[u8]) -> Result<Range<usize>> {
    text_of(if bytes.first() == Some(&1) { &Type::Jsonb } else { &Type::Json }, bytes)
}

/// Whether the server will take the value, as far as that can be told without it. Answers how many bytes it has.
pub(crate) fn check(ty: &Type, bytes: &[u8]) -> Result<usize> {
    match ty {
        Type::Bool => boolean(bytes).map(end),
        Type::Int2 => int2(bytes).map(end),
        Type::Int4 => int4(bytes).map(end),
        Type::Int8 => int8(bytes).map(end),
        Type::Float4 => float4(bytes).map(end),
        Type::Float8 => float8(bytes).map(end),
        Type::Numeric(Some((p, s))) if *p <= 38 && (0..=38).contains(s) => {
            match types::numeric::fast_receive(bytes, *p as u8, *s as u8) {
                Some(_) => Ok(bytes.len()),
                None => types::numeric::receive(bytes, Some((*p, *s))).map(end),
            }
        }
        Type::Numeric(typmod) => types::numeric::receive(bytes, *typmod).map(end),
        Type::Uuid => uuid(bytes).map(end),
        Type::Date => date(bytes).map(end),
        Type::Time(digits) => time(bytes, *digits).map(end),
        Type::TimeTz(digits) => timetz(bytes, *digits).map(end),
        Type::Timestamp(digits) | Type::TimestampTz(digits) => timestamp(bytes, *digits, false).map(end),
        Type::Interval(digits) => interval(bytes, *digits, false).map(end),
        Type::Array(kind) => {
            array(bytes, kind, |element, _| element.map_or(Ok(0), |bytes| check(&kind.element, bytes))).map(end)
        }
        Type::Bytea | Type::Other => Ok(bytes.len()),
        _ => text_of(ty, bytes).map(|_| bytes.len()),
    }
}

fn end<T>((_, end): (T, usize)) -> usize {
    end
}

/// A value that is all of the bytes.
#[inline(always)]
pub(crate) fn whole<T>(received: Received<T>, bytes: &[u8]) -> Result<T> {
    let (value, end) = received?;
    if end == bytes.len() { Ok(value) } else { Err(invalid("incorrect binary data format")) }
}
