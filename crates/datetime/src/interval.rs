//! `interval`.

use copyist_core::{DataError, ErrorCode, Result};

use crate::context::Context;
use crate::decode::{self, Amounts, IntervalValue, iso_interval};
use crate::fault::Fault;
use crate::time::rounding_unit;
use crate::token::{INTERVAL_CAPACITY, tokenize};

/// An `interval`. All fields at their maximum are `infinity`, all at their minimum `-infinity`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    pub months: i32,
    pub days: i32,
    pub micros: i64,
}

impl Interval {
    /// `infinity`.
    pub const INFINITY: Interval = Interval { months: i32::MAX, days: i32::MAX, micros: i64::MAX };
    /// `-infinity`.
    pub const NEGATIVE_INFINITY: Interval = Interval { months: i32::MIN, days: i32::MIN, micros: i64::MIN };
}

/// Reads an `interval(digits)`.
///
/// # Errors
///
/// `22007`, `22008` or `22015` as the server's `interval_in` raises them.
pub fn interval(literal: &[u8], digits: Option<u8>, context: &Context) -> Result<Interval> {
    let value = tokenize(literal, INTERVAL_CAPACITY)
        .and_then(|tokens| decode::interval(&tokens, context.interval_style))
        .or_else(|fault| match fault {
            Fault::BadFormat => iso_interval(literal).map(IntervalValue::Finite),
            other => Err(other),
        })
        .map_err(|fault| match fault {
            Fault::FieldOverflow => DataError::new(
                ErrorCode::IntervalFieldOverflow,
                format!("interval field value out of range: \"{}\"", String::from_utf8_lossy(literal)),
            ),
            other => other.into_error("interval", literal),
        })?;
    let out_of_range = || DataError::new(ErrorCode::DatetimeFieldOverflow, "interval out of range");
    let interval = match value {
        IntervalValue::Infinity => Interval::INFINITY,
        IntervalValue::NegativeInfinity => Interval::NEGATIVE_INFINITY,
        IntervalValue::Finite(amounts) => finite(amounts).ok_or_else(out_of_range)?,
    };
    if interval == Interval::INFINITY || interval == Interval::NEGATIVE_INFINITY {
        return Ok(interval);
    }
    Ok(Interval { micros: rounded(interval.micros, digits).ok_or_else(out_of_range)?, ..interval })
}

fn finite(amounts: Amounts) -> Option<Interval> {
    let months = i64::from(amounts.years) * 12 + i64::from(amounts.months);
    Some(Interval { months: i32::try_from(months).ok()?, days: amounts.days, micros: amounts.micros })
}

/// Rounds to that many digits of a second, halves away from 0. `None` beyond 64 bits.
pub(crate) fn rounded(micros: i64, digits: Option<u8>) -> Option<i64> {
    let unit = rounding_unit(digits);
    if unit == 1 {
        return Some(micros);
    }
    let half = unit / 2;
    let micros = if micros >= 0 { micros.checked_add(half)? } else { micros.checked_sub(half)? };
    Some(micros - micros % unit)
}
