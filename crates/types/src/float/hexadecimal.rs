//! Hexadecimal floating-point numbers: `0x1.8p3`.

use super::{Float, Prefix};
use crate::ascii::{at, hex_value};

/// Reads a number at `s[start..]` that starts with `0x` and a digit; the sign is the caller's.
pub(super) fn parse<F: Float>(s: &[u8], start: usize) -> Option<Prefix<F>> {
    if at(s, start) != b'0' || at(s, start + 1) | 0x20 != b'x' {
        return None;
    }
    let mut i = start + 2;
    let mut significand = Significand::default();
    let mut any = false;
    let mut after_point = false;
    loop {
        let digit = hex_value(at(s, i));
        if digit < 16 {
            any = true;
            significand.push(digit, after_point);
        } else if at(s, i) == b'.' && !after_point && (any || hex_value(at(s, i + 1)) < 16) {
            after_point = true;
        } else {
            break;
        }
        i += 1;
    }
    if !any {
        return None;
    }
    if at(s, i) | 0x20 == b'p' {
        let negative = at(s, i + 1) == b'-';
        let first = i + 1 + usize::from(negative || at(s, i + 1) == b'+');
        let mut end = first;
        let mut exponent = 0i64;
        while at(s, end).is_ascii_digit() {
            // Far beyond what any significand that fits in memory can make up for.
            exponent = (exponent * 10 + i64::from(s[end] - b'0')).min(1 << 40);
            end += 1;
        }
        if end > first {
            significand.exponent += if negative { -exponent } else { exponent };
            i = end;
        }
    }
    let (value, range_error) = significand.round();
    Some(Prefix { value, end: i, range_error })
}

/// `bits × 2^exponent`, plus a little more if `sticky`.
#[derive(Default)]
struct Significand {
    bits: u64,
    exponent: i64,
    sticky: bool,
}

impl Significand {
    fn push(&mut self, digit: u8, after_point: bool) {
        if self.bits >> 60 == 0 {
            self.bits = self.bits << 4 | u64::from(digit);
            self.exponent -= if after_point { 4 } else { 0 };
        } else {
            self.sticky |= digit != 0;
            self.exponent += if after_point { 0 } else { 4 };
        }
    }

    /// The nearest value, ties to even, and whether it over- or underflows to infinity or zero.
    fn round<F: Float>(self) -> (F, bool) {
        if self.bits == 0 {
            return (F::ZERO, false);
        }
        let shift = self.bits.leading_zeros();
        let bits = self.bits << shift;
        // The leading bit's own exponent.
        let exponent = self.exponent - i64::from(shift) + 63;
        let max_exponent = 1 - F::MIN_EXPONENT;
        if exponent > max_exponent {
            return (F::INFINITY, true);
        }
        let subnormal = (F::MIN_EXPONENT - exponent).max(0);
        let dropped = i64::from(63 - F::SIGNIFICAND_BITS) + subnormal;
        if dropped > 64 {
            return (F::ZERO, true);
        }
        let kept = if dropped == 64 { 0 } else { bits >> dropped };
        let half = 1u64 << (dropped - 1);
        let remainder = if dropped == 64 { bits } else { bits & ((1u64 << dropped) - 1) };
        let up = remainder > half || (remainder == half && (self.sticky || kept & 1 == 1));
        let rounded = kept + u64::from(up);
        // A normal value's hidden bit adds one to the biased exponent below; so does a carry out of the significand.
        let biased = if subnormal > 0 { 0 } else { (exponent - F::MIN_EXPONENT) as u64 };
        let value = F::from_bits64((biased << F::SIGNIFICAND_BITS) + rounded);
        (value, value == F::ZERO || value == F::INFINITY)
    }
}
