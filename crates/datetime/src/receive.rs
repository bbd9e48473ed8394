//! What PostgreSQL's receive functions make of the binary forms: ranges are checked, then seconds are rounded to the column's digits.

use copyist_core::{DataError, ErrorCode, Result};

use crate::Interval;
use crate::calendar::{MICROS_PER_DAY, is_date_in_range, is_timestamp_in_range};
use crate::time::{MAX_ZONE, rounded};

#[cold]
fn out_of_range(message: &'static str) -> Box<DataError> {
    DataError::new(ErrorCode::DatetimeFieldOverflow, message)
}

/// A `date` of so many days since 2000-01-01. `i32::MAX` and `i32::MIN` are the infinities.
///
/// # Errors
/// `22008`
#[inline]
pub fn date(days: i32) -> Result<i32> {
    if days == i32::MAX || days == i32::MIN || is_date_in_range(days) {
        Ok(days)
    } else {
        Err(out_of_range("date out of range"))
    }
}

/// A `time(digits)` of so many microseconds since midnight.
///
/// # Errors
/// `22008`
#[inline]
pub fn time(micros: i64, digits: Option<u8>) -> Result<i64> {
    if (0..=MICROS_PER_DAY).contains(&micros) {
        Ok(rounded(micros, digits))
    } else {
        Err(out_of_range("time out of range"))
    }
}

/// A `timetz(digits)`, its zone in seconds west of Greenwich.
///
/// # Errors
/// `22008`, `22009`
#[inline]
pub fn timetz(micros: i64, west: i32, digits: Option<u8>) -> Result<(i64, i32)> {
    let micros = time(micros, digits)?;
    if -MAX_ZONE < west && west < MAX_ZONE {
        Ok((micros, west))
    } else {
        let message = "time zone displacement out of range";
        Err(DataError::new(ErrorCode::InvalidTimeZoneDisplacement, message))
    }
}

/// A `timestamp(digits)` or `timestamptz(digits)` of so many microseconds since 2000-01-01. `i64::MAX` and `i64::MIN` are the
/// infinities.
///
/// # Errors
/// `22008`
#[inline]
pub fn timestamp(micros: i64, digits: Option<u8>) -> Result<i64> {
    if micros == i64::MAX || micros == i64::MIN {
        Ok(micros)
    } else if is_timestamp_in_range(micros) {
        Ok(rounded(micros, digits))
    } else {
        Err(out_of_range("timestamp out of range"))
    }
}

/// An `interval(digits)`.
///
/// # Errors
/// `22008`
#[inline]
pub fn interval(interval: Interval, digits: Option<u8>) -> Result<Interval> {
    if interval == Interval::INFINITY || interval == Interval::NEGATIVE_INFINITY {
        return Ok(interval);
    }
    match crate::interval::rounded(interval.micros, digits) {
        Some(micros) => Ok(Interval { micros, ..interval }),
        None => Err(out_of_range("interval out of range")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        assert_eq!(date(i32::MAX), Ok(i32::MAX));
        assert_eq!(date(-2_451_545), Ok(-2_451_545));
        assert_eq!(date(-2_451_546).unwrap_err().message, "date out of range");
        assert_eq!(time(MICROS_PER_DAY, None), Ok(MICROS_PER_DAY));
        assert_eq!(time(-1, None).unwrap_err().message, "time out of range");
        assert_eq!(time(1_500_000, Some(0)), Ok(2_000_000));
        assert_eq!(timetz(0, 57_599, None), Ok((0, 57_599)));
        assert_eq!(timetz(0, -57_600, None).unwrap_err().code, ErrorCode::InvalidTimeZoneDisplacement);
        assert_eq!(timestamp(i64::MIN, Some(0)), Ok(i64::MIN));
        assert_eq!(timestamp(i64::MIN + 1, None).unwrap_err().message, "timestamp out of range");
        let long = Interval { months: 0, days: 0, micros: i64::MAX };
        assert_eq!(interval(long, None), Ok(long));
        assert_eq!(interval(long, Some(3)).unwrap_err().message, "interval out of range");
    }
}
