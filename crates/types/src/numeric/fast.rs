//! Plain decimals, `[-]digits[.digits]`, without an intermediate [`Numeric`](super::Numeric).

use crate::swar::decimal16;

/// 10^n for every n whose power fits.
static POWERS_OF_TEN: [i128; 39] = {
    let mut powers = [1; 39];
    let mut n = 1;
    while n < 39 {
        powers[n] = powers[n - 1] * 10;
        n += 1;
    }
    powers
};

/// Reads `buf[start..end]` as the integer value × 10^`scale`, if it is a plain decimal that needs no rounding and fits
/// `numeric(precision, scale)`. Precision is at most 38.
#[inline]
pub fn fast_decimal(buf: &[u8], start: usize, end: usize, precision: u8, scale: u8) -> Option<i128> {
    if start >= end || end > buf.len() || precision > 38 {
        return None;
    }
    let negative = buf[start] == b'-';
    let first = start + usize::from(negative);
    let (digits, fraction) = match end - first {
        0 => return None,
        len @ 1..=16 => {
            let decimal = decimal16(buf, end, len)?;
            (i128::from(decimal.digits), decimal.scale)
        }
        _ => long_decimal(&buf[first..end])?,
    };
    let missing = u32::from(scale).checked_sub(fraction)? as usize;
    let unit = *POWERS_OF_TEN.get(missing)?;
    // A checked product is a function call; sixteen digits times 10^22 fit in any case.
    let value = if digits < POWERS_OF_TEN[16] && missing <= 22 { digits * unit } else { digits.checked_mul(unit)? };
    if value >= POWERS_OF_TEN[precision as usize] {
        return None;
    }
    Some(if negative { -value } else { value })
}

/// All digits as one number, and how many of them follow the point.
fn long_decimal(s: &[u8]) -> Option<(i128, u32)> {
    // The largest precision and a point.
    if s.len() > 39 {
        return None;
    }
    let mut digits = 0u128;
    let mut point = None;
    for (i, byte) in s.iter().enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit < 10 {
            digits = digits.checked_mul(10)?.checked_add(digit.into())?;
        } else if *byte == b'.' && point.is_none() {
            point = Some(i);
        } else {
            return None;
        }
    }
    let fraction = point.map_or(0, |i| s.len() - 1 - i);
    Some((i128::try_from(digits).ok()?, fraction as u32))
}

/// Longest text that [`fast_binary`] reads.
const LONGEST: usize = 64;

/// Appends what `numeric_send` gives for `s`, if it is a plain decimal that needs no rounding and fits `typmod`.
/// Otherwise returns false and leaves `out` as it was.
#[inline]
pub fn fast_binary(s: &[u8], typmod: Option<(u16, i16)>, out: &mut Vec<u8>) -> bool {
    let (negative, s) = match s {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, s),
    };
    if s.is_empty() || s.len() > LONGEST {
        return false;
    }
    let whole = digit_run(s);
    let fraction = match &s[whole..] {
        [] => &s[s.len()..],
        [b'.', fraction @ ..] if digit_run(fraction) == fraction.len() && s.len() > 1 => fraction,
        _ => return false,
    };
    let mut whole = &s[..whole];
    while let [b'0', rest @ ..] = whole {
        whole = rest;
    }
    let dscale = match typmod {
        None => fraction.len(),
        Some((precision, scale)) => {
            let Ok(places) = usize::try_from(scale) else {
                return false;
            };
            if fraction.len() > places || whole.len() + places > precision.into() {
                return false;
            }
            places
        }
    };
    write(negative, whole, fraction, dscale as u16, out);
    true
}

#[inline]
fn digit_run(s: &[u8]) -> usize {
    s.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

/// Writes the header and the digits of a number whose decimal digits before and after the point are given, the former
/// without leading zeros.
fn write(negative: bool, whole: &[u8], fraction: &[u8], dscale: u16, out: &mut Vec<u8>) {
    const GROUPS: usize = LONGEST / 4 + 2;
    let mut groups = [0u16; GROUPS];
    let mut n = 0;
    let (head, rest) = whole.split_at(whole.len() % 4);
    let mut push = |group: &[u8], missing: usize| {
        let value = group.iter().fold(0, |value, byte| value * 10 + u16::from(byte - b'0'));
        groups[n] = value * [1, 10, 100, 1000][missing];
        n += 1;
    };
    if !head.is_empty() {
        push(head, 0);
    }
    for group in rest.chunks_exact(4) {
        push(group, 0);
    }
    for group in fraction.chunks(4) {
        push(group, 4 - group.len());
    }
    let mut digits = &groups[..n];
    let mut weight = whole.len().div_ceil(4) as i16 - 1;
    while let [0, rest @ ..] = digits {
        digits = rest;
        weight -= 1;
    }
    while let [rest @ .., 0] = digits {
        digits = rest;
    }
    let negative = negative && !digits.is_empty();
    let weight = if digits.is_empty() { 0 } else { weight };
    let sign = if negative { 0x4000 } else { 0 };
    let mut bytes = [0; 8 + 2 * GROUPS];
    let words = [digits.len() as u16, weight as u16, sign, dscale];
    let len = 2 * (words.len() + digits.len());
    for (place, word) in bytes.chunks_exact_mut(2).zip(words.iter().chain(digits)) {
        place.copy_from_slice(&word.to_be_bytes());
    }
    out.extend_from_slice(&bytes[..len]);
}
