//! Numbers at the start of a text, as the C library reads them: the longest prefix that is one.

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_prefixes() {
        assert_eq!(integer(b"12:30"), (Some(12), 2));
        assert_eq!(integer(b"-9223372036854775808"), (Some(i64::MIN), 20));
        assert_eq!(integer(b"9223372036854775808"), (None, 19));
        assert_eq!(integer(b"-x"), (Some(0), 0));
        assert_eq!(integer32(b"2147483648-1"), (None, &b"-1"[..]));
    }

    #[test]
    fn fractions() {
        assert_eq!(fraction(b"."), Ok(0.0));
        assert_eq!(fraction(b".25"), Ok(0.25));
        assert_eq!(fraction(b".25e1"), Err(Fault::BadFormat));
        assert_eq!(leading_fraction(b".5.5"), 0.5);
        assert_eq!(micros(0.1234565), 123_456);
        assert_eq!(micros(0.9999999), 1_000_000);
    }
}
