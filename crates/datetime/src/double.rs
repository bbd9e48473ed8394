//! Floating-point numbers as C's `strtod` reads them, which ISO 8601 intervals are made of in the server.

use crate::number::integer;

/// What [`double`] found at the start of a text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Double {
    /// The value and the number of bytes it takes.
    Found(f64, usize),
    /// A number that a double cannot hold: too large, or too small for full precision.
    OutOfRange,
    Missing,
}

/// The longest number at the start of `text`: decimal or hexadecimal, with an exponent, `inf` or `nan`.
pub(crate) fn double(text: &[u8]) -> Double {
    let sign = usize::from(matches!(text.first(), Some(b'-' | b'+')));
    let body = &text[sign..];
    match unsigned(body) {
        Double::Found(value, len) => {
            Double::Found(if text.first() == Some(&b'-') { -value } else { value }, sign + len)
        }
        other => other,
    }
}

fn unsigned(text: &[u8]) -> Double {
    if let Some(name) = ["infinity", "inf"].iter().find(|name| starts_with(text, name)) {
        return Double::Found(f64::INFINITY, name.len());
    }
    if starts_with(text, "nan") {
        return Double::Found(f64::NAN, 3 + nan_payload(&text[3..]));
    }
    if starts_with(text, "0x")
        && let Some((value, is_zero, len)) = hexadecimal(&text[2..])
    {
        return in_range(value, is_zero, len + 2);
    }
    let Some((len, is_zero)) = decimal(text) else { return Double::Missing };
    match std::str::from_utf8(&text[..len]).ok().and_then(|text| text.parse().ok()) {
        Some(value) => in_range(value, is_zero, len),
        None => Double::Missing,
    }
}

fn in_range(value: f64, is_zero: bool, len: usize) -> Double {
    let is_normal = value.is_normal() || is_zero;
    if is_normal { Double::Found(value, len) } else { Double::OutOfRange }
}

fn starts_with(text: &[u8], lower: &str) -> bool {
    text.get(..lower.len()).is_some_and(|start| start.eq_ignore_ascii_case(lower.as_bytes()))
}

/// Length of `(characters)` after `nan`, 0 when it is not complete.
fn nan_payload(text: &[u8]) -> usize {
    let Some(inner) = text.strip_prefix(b"(") else { return 0 };
    let len = inner.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
    if inner.get(len) == Some(&b')') { len + 2 } else { 0 }
}

/// Length of a decimal number and whether all its digits are 0.
fn decimal(text: &[u8]) -> Option<(usize, bool)> {
    let count = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut digits = count(text);
    let mut len = digits;
    if text.get(len) == Some(&b'.') {
        let decimals = count(&text[len + 1..]);
        digits += decimals;
        len += 1 + decimals;
    }
    if digits == 0 {
        return None;
    }
    let is_zero = text[..len].iter().all(|byte| matches!(byte, b'0' | b'.'));
    if matches!(text.get(len), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(text.get(len + 1), Some(b'-' | b'+')));
        let exponent = count(&text[len + 1 + sign..]);
        if exponent > 0 {
            len += 1 + sign + exponent;
        }
    }
    Some((len, is_zero))
}

/// A hexadecimal number after its `0x`: the value, whether all its digits are 0, and its length.
fn hexadecimal(text: &[u8]) -> Option<(f64, bool, usize)> {
    let mut mantissa: u64 = 0;
    let mut exponent: i64 = 0;
    let (mut len, mut digits, mut has_point) = (0, 0, false);
    for &byte in text {
        if byte == b'.' && !has_point {
            has_point = true;
        } else if let Some(digit) = (byte as char).to_digit(16) {
            digits += 1;
            if mantissa >> 60 == 0 {
                mantissa = mantissa << 4 | u64::from(digit);
                exponent -= if has_point { 4 } else { 0 };
            } else {
                // Too far right to count, except that it makes a tie no tie.
                mantissa |= u64::from(digit != 0);
                exponent += if has_point { 0 } else { 4 };
            }
        } else {
            break;
        }
        len += 1;
    }
    if digits == 0 {
        return None;
    }
    if matches!(text.get(len), Some(b'p' | b'P')) {
        let (written, used) = integer(&text[len + 1..]);
        if used > 0 {
            let limit = if text[len + 1] == b'-' { i64::MIN } else { i64::MAX };
            exponent = exponent.saturating_add(written.unwrap_or(limit));
            len += 1 + used;
        }
    }
    // In two steps, since half the exponent is in range where all of it would not be.
    let exponent = exponent.clamp(-1300, 1300) as i32;
    let value = mantissa as f64 * 2f64.powi(exponent / 2) * 2f64.powi(exponent - exponent / 2);
    Some((value, mantissa == 0, len))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_strtod() {
        assert_eq!(double(b"1.5e2Y"), Double::Found(150.0, 5));
        assert_eq!(double(b"1eY"), Double::Found(1.0, 1));
        assert_eq!(double(b"-.5D"), Double::Found(-0.5, 3));
        assert_eq!(double(b"0x1.8p1D"), Double::Found(3.0, 7));
        assert_eq!(double(b"0xY"), Double::Found(0.0, 1));
        assert_eq!(double(b"-infx"), Double::Found(f64::NEG_INFINITY, 4));
        assert!(matches!(double(b"nan(1)"), Double::Found(value, 6) if value.is_nan()));
        assert_eq!(double(b"-"), Double::Missing);
        assert_eq!(double(b"."), Double::Missing);
        assert_eq!(double(b"1e400"), Double::OutOfRange);
        assert_eq!(double(b"1e-400"), Double::OutOfRange);
        assert_eq!(double(b"0e-400"), Double::Found(0.0, 6));
    }
}
