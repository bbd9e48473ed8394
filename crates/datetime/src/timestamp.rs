//! `timestamp` and `timestamptz`.

use copyist_core::Result;

use crate::calendar::{
    MICROS_PER_DAY, MICROS_PER_SECOND, UNIX_TO_POSTGRES_DAYS, days_from_date, is_julian, is_timestamp_in_range,
};
use crate::context::Context;
use crate::decode::{self, Moment};
use crate::fast::{DateCache, fast_timestamp_of_zoned, fast_timestamptz};
use crate::fault::{Fault, out_of_range};
use crate::time::rounded;
use crate::token::{TIMESTAMP_CAPACITY, tokenize};

/// Reads a literal of either type. `with_zone` moves the local time to UTC.
fn decode(literal: &[u8], digits: Option<u8>, context: &Context, with_zone: bool, type_name: &str) -> Result<i64> {
    let moment = tokenize(literal, TIMESTAMP_CAPACITY)
        .and_then(|tokens| decode::timestamp(&tokens, context))
        .map_err(|fault| fault.into_error(type_name, literal))?;
    let (fields, west) = match moment {
        Moment::At(fields, west) => (fields, if with_zone { west } else { 0 }),
        Moment::Epoch => return Ok(-UNIX_TO_POSTGRES_DAYS * MICROS_PER_DAY),
        Moment::Infinity => return Ok(i64::MAX),
        Moment::NegativeInfinity => return Ok(i64::MIN),
    };
    let micros = is_julian(fields.year, fields.month)
        .then(|| days_from_date(fields.year, fields.month, fields.day))
        .and_then(|days| days.checked_mul(MICROS_PER_DAY)?.checked_add(fields.time_of_day()))
        .and_then(|local| local.checked_add(i64::from(west) * MICROS_PER_SECOND))
        .filter(|micros| is_timestamp_in_range(*micros))
        .ok_or_else(|| out_of_range("timestamp", literal))?;
    let rounded = rounded(micros, digits);
    // The server takes what was rounded to the end of all time from text, and refuses it from the binary format.
    if !is_timestamp_in_range(rounded) && context.can_leave_to_server() {
        return Err(Fault::LeftToServer.into_error(type_name, literal));
    }
    Ok(rounded)
}

/// Reads a `timestamp(digits)`: microseconds since 2000-01-01. `i64::MAX` and `i64::MIN` are `infinity` and
/// `-infinity`. A zone in the literal is read and ignored.
///
/// # Errors
///
/// `22007`, `22008`, `22009` or `22023` as the server's `timestamp_in` raises them.
pub fn timestamp(literal: &[u8], digits: Option<u8>, context: &Context) -> Result<i64> {
    match fast_timestamp_of_zoned(literal, context) {
        Some(micros) => Ok(rounded(micros, digits)),
        None => decode_timestamp(literal, digits, context),
    }
}

/// Reads a `timestamp(digits)` of any form.
pub(crate) fn decode_timestamp(literal: &[u8], digits: Option<u8>, context: &Context) -> Result<i64> {
    decode(literal, digits, context, false, "timestamp")
}

/// Reads a `timestamptz(digits)`: microseconds since 2000-01-01 00:00:00 UTC. `i64::MAX` and `i64::MIN` are `infinity`
/// and `-infinity`. Without a zone the session's applies.
///
/// # Errors
///
/// `22007`, `22008`, `22009` or `22023` as the server's `timestamptz_in` raises them.
pub fn timestamptz(literal: &[u8], digits: Option<u8>, context: &Context) -> Result<i64> {
    match fast_timestamptz(literal, 0, literal.len(), context, &DateCache::default()) {
        Some(micros) => Ok(rounded(micros, digits)),
        None => decode_timestamptz(literal, digits, context),
    }
}

/// Reads a `timestamptz(digits)` of any form.
pub(crate) fn decode_timestamptz(literal: &[u8], digits: Option<u8>, context: &Context) -> Result<i64> {
    decode(literal, digits, context, true, "timestamp with time zone")
}
