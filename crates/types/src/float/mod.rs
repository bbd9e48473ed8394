//! `real` and `double precision`.
//!
//! The server reads them with C's `strtof` and `strtod`, so this module knows what these accept: decimal and
//! hexadecimal numbers, `inf`, `infinity`, `nan` and `nan(…)`. Its rules on top are PostgreSQL's: white space on both
//! sides, and an error for what overflows to infinity or underflows to zero, while subnormal values are fine.

mod hexadecimal;
mod nan;

use copyist_core::{DataError, ErrorCode, Result};

use crate::ascii::{at, skip_space, starts_with_ignore_case};
use crate::message::invalid_syntax;
use crate::swar::decimal16;

/// Reads a `real`, rounding once, from decimal to single precision.
///
/// # Errors
/// 22P02 `invalid input syntax for type real: "…"`, 22003 `"…" is out of range for type real`.
pub fn parse_f32(s: &[u8]) -> Result<f32> {
    parse(s)
}

/// Reads a `double precision`.
///
/// # Errors
/// 22P02 `invalid input syntax for type double precision: "…"`, 22003 `"…" is out of range for type double precision`.
pub fn parse_f64(s: &[u8]) -> Result<f64> {
    parse(s)
}

/// The two types, as far as reading them differs.
trait Float: Copy + PartialEq + std::str::FromStr + std::ops::Neg<Output = Self> {
    const NAME: &'static str;
    const ZERO: Self;
    const INFINITY: Self;
    /// Explicit bits of the significand, without the hidden one.
    const SIGNIFICAND_BITS: u32;
    /// Exponent of the smallest normal value's leading bit.
    const MIN_EXPONENT: i64;
    fn from_bits64(bits: u64) -> Self;
}

impl Float for f32 {
    const NAME: &'static str = "real";
    const ZERO: Self = 0.0;
    const INFINITY: Self = f32::INFINITY;
    const SIGNIFICAND_BITS: u32 = 23;
    const MIN_EXPONENT: i64 = -126;
    fn from_bits64(bits: u64) -> Self {
        f32::from_bits(bits as u32)
    }
}

impl Float for f64 {
    const NAME: &'static str = "double precision";
    const ZERO: Self = 0.0;
    const INFINITY: Self = f64::INFINITY;
    const SIGNIFICAND_BITS: u32 = 52;
    const MIN_EXPONENT: i64 = -1022;
    fn from_bits64(bits: u64) -> Self {
        f64::from_bits(bits)
    }
}

/// What `strtod` found at the start of a string.
struct Prefix<F> {
    value: F,
    /// Index behind its last character.
    end: usize,
    /// Whether it sets `ERANGE`.
    range_error: bool,
}

fn parse<F: Float>(s: &[u8]) -> Result<F> {
    let start = skip_space(s, 0);
    let Some(mut prefix) = prefix::<F>(s, start) else {
        return Err(invalid_syntax(F::NAME, s));
    };
    if prefix.range_error {
        if starts_with_ignore_case(s, start, b"nan") {
            // A payload too large for C's strtoull; the server then falls back to the bare word.
            prefix = Prefix { value: nan::value(0), end: start + 3, range_error: false };
        } else if prefix.value == F::ZERO || prefix.value == F::INFINITY || prefix.value == -F::INFINITY {
            return Err(out_of_range::<F>(&s[start..prefix.end]));
        }
    }
    if skip_space(s, prefix.end) != s.len() {
        return Err(invalid_syntax(F::NAME, s));
    }
    Ok(prefix.value)
}

/// Only the number itself is shown, without the text around it.
#[cold]
fn out_of_range<F: Float>(number: &[u8]) -> Box<DataError> {
    let number = String::from_utf8_lossy(number);
    DataError::new(ErrorCode::NumericValueOutOfRange, format!("\"{number}\" is out of range for type {}", F::NAME))
}

fn prefix<F: Float>(s: &[u8], start: usize) -> Option<Prefix<F>> {
    let negative = at(s, start) == b'-';
    let unsigned = start + usize::from(negative || at(s, start) == b'+');
    let mut prefix = if starts_with_ignore_case(s, unsigned, b"inf") {
        let whole = starts_with_ignore_case(s, unsigned, b"infinity");
        Prefix { value: F::INFINITY, end: unsigned + if whole { 8 } else { 3 }, range_error: false }
    } else if starts_with_ignore_case(s, unsigned, b"nan") {
        nan::parse(s, unsigned)
    } else if let Some(prefix) = hexadecimal::parse(s, unsigned) {
        prefix
    } else {
        decimal(s, unsigned)?
    };
    if negative {
        prefix.value = -prefix.value;
    }
    Some(prefix)
}

/// Digits with an optional point and an optional exponent, which counts only if it has a digit.
fn decimal<F: Float>(s: &[u8], start: usize) -> Option<Prefix<F>> {
    let digits = |from: usize| s[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let whole = digits(start);
    let mut end = start + whole;
    if at(s, end) == b'.' {
        let fraction = digits(end + 1);
        if whole + fraction == 0 {
            return None;
        }
        end += 1 + fraction;
    } else if whole == 0 {
        return None;
    }
    let significand_end = end;
    if at(s, end) | 0x20 == b'e' {
        let sign = usize::from(matches!(at(s, end + 1), b'+' | b'-'));
        let exponent = if end + 1 + sign <= s.len() { digits(end + 1 + sign) } else { 0 };
        if exponent > 0 {
            end += 1 + sign + exponent;
        }
    }
    // Only ASCII was accepted, so neither step can fail.
    let value: F = std::str::from_utf8(&s[start..end]).ok()?.parse().ok()?;
    let is_zero = || s[start..significand_end].iter().all(|byte| matches!(byte, b'0' | b'.'));
    let range_error = value == F::INFINITY || (value == F::ZERO && !is_zero());
    Some(Prefix { value, end, range_error })
}

const POWERS_OF_TEN: [f64; 16] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// Reads `buf[start..end]` if it is an optional `-` and at most 15 ASCII digits with at most one point.
///
/// The digits as an integer and the power of ten are exact in a double, so their quotient is correctly rounded.
#[inline(always)]
pub fn fast_f64(buf: &[u8], start: usize, end: usize) -> Option<f64> {
    if start >= end || end > buf.len() {
        return None;
    }
    let negative = buf[start] == b'-';
    let len = end - start - usize::from(negative);
    if len.wrapping_sub(1) >= 16 {
        return None;
    }
    let decimal = decimal16(buf, end, len)?;
    if decimal.digits >= 1_000_000_000_000_000 {
        return None;
    }
    // Signed, since x86-64 converts signed integers only; and the sign is set without a branch, being hard to predict.
    let value = decimal.digits.cast_signed() as f64 / POWERS_OF_TEN[decimal.scale as usize];
    Some(f64::from_bits(value.to_bits() | u64::from(negative) << 63))
}

/// As [`fast_f64`], for single precision.
///
/// The double is rounded a second time, which goes wrong only if the first rounding ended halfway between two singles:
/// those, and values that are no normal singles, are left to [`parse_f32`].
#[inline(always)]
pub fn fast_f32(buf: &[u8], start: usize, end: usize) -> Option<f32> {
    const DROPPED: u64 = (1 << 29) - 1;
    let value = fast_f64(buf, start, end)?;
    let halfway = value.to_bits() & DROPPED == 1 << 28;
    let normal = value == 0.0 || value.abs() >= f64::from(f32::MIN_POSITIVE);
    (normal && !halfway).then_some(value as f32)
}

#[cfg(test)]
mod tests;
