//! `time` and `timetz`.

use copyist_core::Result;

use crate::context::Context;
use crate::decode::{self, TimeOfDay};
use crate::fast::fast_time;
use crate::fault::Fault;
use crate::token::{DATE_CAPACITY, tokenize};

/// Seconds from Greenwich that no zone in a binary `timetz` reaches.
pub(crate) const MAX_ZONE: i32 = 16 * 3600;

/// Powers of ten by number of digits dropped.
const POWERS_OF_TEN: [i64; 7] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000];

/// Microseconds between two values with that many digits of a second; 1 without a type modifier.
pub(crate) fn rounding_unit(digits: Option<u8>) -> i64 {
    POWERS_OF_TEN[usize::from(6u8.saturating_sub(digits.unwrap_or(6)))]
}

/// Rounds to that many digits of a second, halves away from 0.
pub(crate) fn rounded(micros: i64, digits: Option<u8>) -> i64 {
    let unit = rounding_unit(digits);
    if unit == 1 {
        return micros;
    }
    let half = unit / 2;
    if micros >= 0 { (micros + half) / unit * unit } else { -((-micros + half) / unit * unit) }
}

fn decode(literal: &[u8], digits: Option<u8>, context: &Context, type_name: &str) -> Result<TimeOfDay> {
    let time = tokenize(literal, DATE_CAPACITY)
        .and_then(|tokens| decode::time_of_day(&tokens, context))
        .map_err(|fault| fault.into_error(type_name, literal))?;
    Ok(TimeOfDay { micros: rounded(time.micros, digits), ..time })
}

/// Reads a `time(digits)`: microseconds since midnight, `24:00:00` included.
///
/// # Errors
///
/// `22007`, `22008`, `22009` or `22023` as the server's `time_in` raises them.
pub fn time(literal: &[u8], digits: Option<u8>, context: &Context) -> Result<i64> {
    match fast_time(literal, 0, literal.len()) {
        Some(micros) => Ok(rounded(micros, digits)),
        None => decode_time(literal, digits, context),
    }
}

/// Reads a `time(digits)` of any form.
pub(crate) fn decode_time(literal: &[u8], digits: Option<u8>, context: &Context) -> Result<i64> {
    decode(literal, digits, context, "time").map(|time| time.micros)
}

/// Reads a `timetz(digits)`: microseconds since midnight, and the zone in seconds *west* of Greenwich. Without a zone
/// it is the session's, as of the transaction's start.
///
/// # Errors
///
/// `22007`, `22008`, `22009` or `22023` as the server's `timetz_in` raises them.
pub fn timetz(literal: &[u8], digits: Option<u8>, context: &Context) -> Result<(i64, i32)> {
    const TYPE: &str = "time with time zone";
    let time = decode(literal, digits, context, TYPE)?;
    // The server takes such a zone from text (`FOO99`), and refuses it from the binary format.
    if time.zone.abs() >= MAX_ZONE && context.can_leave_to_server() {
        return Err(Fault::LeftToServer.into_error(TYPE, literal));
    }
    Ok((time.micros, time.zone))
}
