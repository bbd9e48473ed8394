//! Numbers as the C library reads them: the longest prefix that is one, however odd.

use crate::fault::Fault;

/// A signed integer at the start of `text` and the number of bytes it takes; 0 bytes and value 0 when there is none.
/// `None` beyond 64 bits.
pub(crate) fn integer(text: &[u8]) -> (Option<i64>, usize) {
    let negative = text.first() == Some(&b'-');
    let sign = usize::from(matches!(text.first(), Some(b'-' | b'+')));
    let digits = text[sign..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits == 0 {
        return (Some(0), 0);
    }
    let end = sign + digits;
    let value = text[sign..end].iter().try_fold(0i64, |value, digit| {
        let digit = i64::from(digit - b'0');
        let value = value.checked_mul(10)?;
        if negative { value.checked_sub(digit) } else { value.checked_add(digit) }
    });
    (value, end)
}

/// [`integer`] within 32 bits: the value and what follows it.
pub(crate) fn integer32(text: &[u8]) -> (Option<i32>, &[u8]) {
    let (value, end) = integer(text);
    (value.and_then(|value| i32::try_from(value).ok()), &text[end..])
}

/// The fraction `.ddd` that is all of `text`, from 0 to 1. A bare point is 0.
pub(crate) fn fraction(text: &[u8]) -> Result<f64, Fault> {
    debug_assert_eq!(text.first(), Some(&b'.'));
    if text.len() > 1 && !text[1..].iter().all(u8::is_ascii_digit) {
        return Err(Fault::BadFormat);
    }
    Ok(leading_fraction(text))
}

/// The fraction `.ddd` at the start of `text`, whatever follows.
pub(crate) fn leading_fraction(text: &[u8]) -> f64 {
    let digits = text[1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits == 0 {
        return 0.0;
    }
    std::str::from_utf8(&text[..=digits]).ok().and_then(|text| text.parse().ok()).unwrap_or(0.0)
}

/// A fraction of a second in microseconds, rounded half to even.
pub(crate) fn micros(fraction: f64) -> i32 {
    (fraction * 1_000_000.0).round_ties_even() as i32
}

/// What [`double`] found at the start of a text.
#[derive(Debug, PartialEq)]
pub(crate) enum Double {
    /// The value and the number of bytes it takes.
    Found(f64, usize),
    /// A number that a double cannot hold: too large, or so small that precision is lost.
    OutOfRange,
    Missing,
}

/// A floating-point number as C's `strtod` reads it: decimal or hexadecimal, with an exponent, `inf`, `nan`.
pub(crate) fn double(text: &[u8]) -> Double {
    let negative = text.first() == Some(&b'-');
    let sign = usize::from(matches!(text.first(), Some(b'-' | b'+')));
    let body = &text[sign..];
    let signed = |value: f64, len: usize| Double::Found(if negative { -value } else { value }, sign + len);
    if let Some(len) = ["infinity", "inf"].iter().find(|name| starts_with(body, name)).map(|name| name.len()) {
        return signed(f64::INFINITY, len);
    }
    if starts_with(body, "nan") {
        let payload = body[3..].iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
        let _ = payload;
        return signed(f64::NAN, 3 + nan_payload(&body[3..]));
    }
    if starts_with(body, "0x")
        && let Some(found) = hexadecimal(&body[2..])
    {
        return match found {
            Some((value, len)) => signed(value, len + 2),
            None => Double::OutOfRange,
        };
    }
    let Some((len, zero)) = decimal(body) else { return Double::Missing };
    match std::str::from_utf8(&body[..len]).ok().and_then(|text| text.parse::<f64>().ok()) {
        Some(value) if value.is_infinite() || (value < f64::MIN_POSITIVE && !zero) => Double::OutOfRange,
        Some(value) => signed(value, len),
        None => Double::Missing,
    }
}

fn starts_with(text: &[u8], lower: &str) -> bool {
    text.get(..lower.len()).is_some_and(|start| start.eq_ignore_ascii_case(lower.as_bytes()))
}

/// Length of `(characters)` after `nan`, 0 when it is not complete.
fn nan_payload(text: &[u8]) -> usize {
    if text.first() != Some(&b'(') {
        return 0;
    }
    let inner = text[1..].iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
    if text.get(1 + inner) == Some(&b')') { inner + 2 } else { 0 }
}

/// Length of a decimal number and whether all its digits are 0.
fn decimal(text: &[u8]) -> Option<(usize, bool)> {
    let count = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let whole = count(text);
    let mut len = whole;
    let mut digits = whole;
    if text.get(whole) == Some(&b'.') {
        let after = count(&text[whole + 1..]);
        digits += after;
        len += 1 + after;
    }
    if digits == 0 {
        return None;
    }
    let zero = text[..len].iter().all(|byte| matches!(byte, b'0' | b'.'));
    if matches!(text.get(len), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(text.get(len + 1), Some(b'-' | b'+')));
        let exponent = count(&text[len + 1 + sign..]);
        if exponent > 0 {
            len += 1 + sign + exponent;
        }
    }
    Some((len, zero))
}

/// A hexadecimal number after its `0x`. `None` when there are no digits, `Some(None)` when it is out of range.
#[allow(clippy::option_option, reason = "absent, unusable and found are three answers")]
fn hexadecimal(text: &[u8]) -> Option<Option<(f64, usize)>> {
    let mut mantissa: u64 = 0;
    let mut scale: i64 = 0;
    let mut sticky = false;
    let (mut digits, mut len, mut point) = (0, 0, false);
    for &byte in text {
        let digit = match byte {
            b'.' if !point => {
                point = true;
                len += 1;
                continue;
            }
            _ => match (byte as char).to_digit(16) {
                Some(digit) => digit,
                None => break,
            },
        };
        digits += 1;
        len += 1;
        if mantissa >> 59 == 0 {
            mantissa = mantissa << 4 | u64::from(digit);
            scale -= if point { 4 } else { 0 };
        } else {
            sticky |= digit != 0;
            scale += if point { 0 } else { 4 };
        }
    }
    if digits == 0 {
        return None;
    }
    if matches!(text.get(len), Some(b'p' | b'P')) {
        let (exponent, used) = integer(&text[len + 1..]);
        if used > 0 {
            len += 1 + used;
            scale = scale.saturating_add(exponent.unwrap_or(if text[len - used] == b'-' { i64::MIN } else { i64::MAX }));
        }
    }
    // One extra bit below the mantissa keeps rounding honest about digits that were dropped.
    let value = (mantissa | u64::from(sticky)) as f64;
    let value = if scale > 2000 && mantissa != 0 {
        f64::INFINITY
    } else {
        value * 2f64.powi((scale.clamp(-4000, 2000) / 2) as i32) * 2f64.powi((scale.clamp(-4000, 2000) - scale.clamp(-4000, 2000) / 2) as i32)
    };
    if value.is_infinite() || (value < f64::MIN_POSITIVE && mantissa != 0) {
        return Some(None);
    }
    Some(Some((value, len)))
}
