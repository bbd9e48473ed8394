//! Text to `numeric`.

use copyist_core::Result;

use super::typmod::{check_infinity, round};
use super::{Numeric, Wide, overflow};
use crate::ascii::{at, hex_value, skip_space, starts_with_ignore_case};
use crate::message::invalid_syntax;

/// Largest weight that is stored.
const MAX_WEIGHT: usize = i16::MAX as usize;
/// Exponents beyond this are refused while they are read.
const MAX_EXPONENT: i64 = (i32::MAX / 2) as i64;

/// Reads a `numeric`: decimal with an exponent, `0x`, `0o` and `0b` integers, single underscores between digits, NaN and
/// infinities, white space around it; then rounds to `typmod` = (precision, scale), half away from zero.
///
/// # Errors
/// 22P02 `invalid input syntax for type numeric: "…"`; 22003 `value overflows numeric format`, and
/// `numeric field overflow` with a DETAIL where the value does not fit `typmod`.
pub fn parse(s: &[u8], typmod: Option<(u16, i16)>) -> Result<Numeric> {
    let start = skip_space(s, 0);
    let negative = at(s, start) == b'-';
    let unsigned = start + usize::from(negative || at(s, start) == b'+');
    let first = at(s, unsigned);
    if !first.is_ascii_digit() && first != b'.' {
        return special(s, start, unsigned, negative, typmod);
    }
    let base = match (first, at(s, unsigned + 1) | 0x20) {
        (b'0', b'x') => 16,
        (b'0', b'o') => 8,
        (b'0', b'b') => 2,
        _ => 10,
    };
    let (mut value, end) = if base == 10 { decimal(s, unsigned)? } else { integer(s, unsigned + 2, base)? };
    if skip_space(s, end) != s.len() {
        return Err(invalid_syntax("numeric", s));
    }
    value.negative = negative;
    if let Some((precision, scale)) = typmod {
        round(&mut value, precision, scale)?;
    }
    value.pack()
}

/// NaN, which takes no sign, and infinities.
fn special(s: &[u8], start: usize, unsigned: usize, negative: bool, typmod: Option<(u16, i16)>) -> Result<Numeric> {
    let infinity = || if negative { Numeric::NEGATIVE_INFINITY } else { Numeric::INFINITY };
    let (value, end) = if starts_with_ignore_case(s, start, b"nan") {
        (Numeric::NAN, start + 3)
    } else if starts_with_ignore_case(s, unsigned, b"infinity") {
        (infinity(), unsigned + 8)
    } else if starts_with_ignore_case(s, unsigned, b"inf") {
        (infinity(), unsigned + 3)
    } else {
        return Err(invalid_syntax("numeric", s));
    };
    if skip_space(s, end) != s.len() {
        return Err(invalid_syntax("numeric", s));
    }
    check_infinity(&value, typmod)?;
    Ok(value)
}

/// Reads digits with a point, underscores and an exponent from `s[start..]`. Returns the index behind it.
fn decimal(s: &[u8], start: usize) -> Result<(Wide, usize)> {
    let invalid = || invalid_syntax("numeric", s);
    let mut i = start;
    let mut decimals = Vec::with_capacity(s.len() - start);
    let mut whole = None;
    if at(s, i) == b'.' {
        whole = Some(0);
        i += 1;
    }
    if !at(s, i).is_ascii_digit() {
        return Err(invalid());
    }
    loop {
        match at(s, i) {
            digit @ b'0'..=b'9' => decimals.push(digit - b'0'),
            b'.' if whole.is_none() && at(s, i + 1) != b'_' => whole = Some(decimals.len()),
            b'.' => return Err(invalid()),
            b'_' if at(s, i + 1).is_ascii_digit() => {}
            b'_' => return Err(invalid()),
            _ => break,
        }
        i += 1;
    }
    // Decimal digits before the point, which the exponent may make negative.
    let mut before_point = whole.unwrap_or(decimals.len()) as i64;
    let mut dscale = decimals.len() as i64 - before_point;
    if at(s, i) | 0x20 == b'e' {
        let (exponent, end) = exponent(s, i + 1)?;
        before_point += exponent;
        dscale = (dscale - exponent).max(0);
        i = end;
    }
    Ok((pack_decimals(&decimals, before_point, dscale), i))
}

/// Reads an exponent behind its `e`.
fn exponent(s: &[u8], start: usize) -> Result<(i64, usize)> {
    let negative = at(s, start) == b'-';
    let mut i = start + usize::from(negative || at(s, start) == b'+');
    if !at(s, i).is_ascii_digit() {
        return Err(invalid_syntax("numeric", s));
    }
    let mut exponent = 0;
    loop {
        match at(s, i) {
            digit @ b'0'..=b'9' => {
                exponent = exponent * 10 + i64::from(digit - b'0');
                if exponent > MAX_EXPONENT {
                    return Err(overflow());
                }
            }
            b'_' if at(s, i + 1).is_ascii_digit() => {}
            b'_' => return Err(invalid_syntax("numeric", s)),
            _ => return Ok((if negative { -exponent } else { exponent }, i)),
        }
        i += 1;
    }
}

/// Groups decimal digits by four, aligned to the point.
fn pack_decimals(decimals: &[u8], before_point: i64, dscale: i64) -> Wide {
    let weight = (before_point + 3).div_euclid(4) - 1;
    // Zeros in front of the first digit that fill its group.
    let mut filled = ((weight + 1) * 4 - before_point) as usize;
    let mut digits = Vec::with_capacity(decimals.len() / 4 + 2);
    let mut group = 0;
    for decimal in decimals {
        group = group * 10 + u16::from(*decimal);
        filled += 1;
        if filled == 4 {
            digits.push(group);
            (group, filled) = (0, 0);
        }
    }
    if filled > 0 {
        digits.push(group * [1, 1000, 100, 10][filled]);
    }
    let mut wide = Wide { negative: false, weight, dscale, digits };
    wide.strip();
    wide
}

/// Reads an integer of base 2, 8 or 16 behind its prefix.
///
/// The digits are taken in groups that fit an `i64`, and the size of the number is checked where a group ends, as the
/// server does it, so that a number too large is told before a syntax error that follows it.
fn integer(s: &[u8], start: usize, base: u64) -> Result<(Wide, usize)> {
    let largest_unit = i64::MAX as u64 / base;
    let mut number = BigInteger::default();
    let (mut group, mut unit) = (0u64, 1u64);
    let mut i = start;
    loop {
        let digit = u64::from(hex_value(at(s, i)));
        if digit < base {
            if unit > largest_unit {
                number.multiply_add(unit, group)?;
                (group, unit) = (0, 1);
            }
            group = group * base + digit;
            unit *= base;
        } else if at(s, i) != b'_' {
            break;
        } else if u64::from(hex_value(at(s, i + 1))) >= base {
            return Err(invalid_syntax("numeric", s));
        }
        i += 1;
    }
    if i == start {
        return Err(invalid_syntax("numeric", s));
    }
    number.multiply_add(unit, group)?;
    let digits: Vec<u16> = number.limbs.iter().rev().map(|limb| *limb as u16).collect();
    let mut wide = Wide { negative: false, weight: digits.len() as i64 - 1, dscale: 0, digits };
    wide.strip();
    Ok((wide, i))
}

/// An unsigned integer in base 10000, least significant limb first.
#[derive(Default)]
struct BigInteger {
    limbs: Vec<u64>,
}

impl BigInteger {
    /// `self × factor + addend`, unless it would have too many digits.
    fn multiply_add(&mut self, factor: u64, addend: u64) -> Result<()> {
        let mut carry = u128::from(addend);
        for limb in &mut self.limbs {
            carry += u128::from(*limb) * u128::from(factor);
            *limb = (carry % 10_000) as u64;
            carry /= 10_000;
        }
        while carry > 0 {
            self.limbs.push((carry % 10_000) as u64);
            carry /= 10_000;
        }
        if self.limbs.len() > MAX_WEIGHT + 1 { Err(overflow()) } else { Ok(()) }
    }
}
