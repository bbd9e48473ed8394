//! `smallint`, `integer` and `bigint`.

use copyist_core::Result;

use crate::ascii::{at, hex_value, skip_space};
use crate::message::{invalid_syntax, value_out_of_range};
use crate::swar::digits8;

/// Reads a `smallint`.
///
/// # Errors
/// 22P02 `invalid input syntax for type smallint: "…"`, 22003 `value "…" is out of range for type smallint`.
pub fn parse_i16(s: &[u8]) -> Result<i16> {
    parse(s, i16::MIN.into(), "smallint").map(|value| value as i16)
}

/// Reads an `integer`.
///
/// # Errors
/// 22P02 `invalid input syntax for type integer: "…"`, 22003 `value "…" is out of range for type integer`.
pub fn parse_i32(s: &[u8]) -> Result<i32> {
    parse(s, i32::MIN.into(), "integer").map(|value| value as i32)
}

/// Reads a `bigint`.
///
/// # Errors
/// 22P02 `invalid input syntax for type bigint: "…"`, 22003 `value "…" is out of range for type bigint`.
pub fn parse_i64(s: &[u8]) -> Result<i64> {
    parse(s, i64::MIN, "bigint")
}

/// Reads any integer form: white space around it, a sign, `0x`, `0o` or `0b`, single underscores between digits.
///
/// The digits are accumulated without a sign and checked one by one, as the server does: a number that has become too
/// large is out of range whatever follows it.
fn parse(s: &[u8], minimum: i64, type_name: &str) -> Result<i64> {
    let limit = minimum.unsigned_abs();
    let mut i = skip_space(s, 0);
    let negative = at(s, i) == b'-';
    if negative || at(s, i) == b'+' {
        i += 1;
    }
    let radix = match (at(s, i), at(s, i + 1) | 0x20) {
        (b'0', b'x') => 16,
        (b'0', b'o') => 8,
        (b'0', b'b') => 2,
        _ => 10,
    };
    if radix != 10 {
        i += 2;
    }
    let first = i;
    let largest_prefix = limit / u64::from(radix);
    let mut value = 0u64;
    loop {
        let digit = hex_value(at(s, i));
        if digit < radix {
            if value > largest_prefix {
                return Err(value_out_of_range(type_name, s));
            }
            value = value * u64::from(radix) + u64::from(digit);
            i += 1;
        } else if at(s, i) == b'_' {
            // An underscore may follow a radix prefix but not a bare sign, and a digit must follow it.
            if (radix == 10 && i == first) || hex_value(at(s, i + 1)) >= radix {
                return Err(invalid_syntax(type_name, s));
            }
            i += 1;
        } else {
            break;
        }
    }
    if i == first || skip_space(s, i) != s.len() {
        return Err(invalid_syntax(type_name, s));
    }
    if value > limit || (value == limit && !negative) {
        return Err(value_out_of_range(type_name, s));
    }
    let value = value as i64;
    Ok(if negative { value.wrapping_neg() } else { value })
}

/// Reads `buf[start..end]` if it is an optional `-` and 1 to 18 ASCII digits.
///
/// It reads whole words that end where the field ends, so it is quickest where `buf` has 8 bytes before `start`.
#[inline(always)]
pub fn fast_i64(buf: &[u8], start: usize, end: usize) -> Option<i64> {
    if start >= end || end > buf.len() {
        return None;
    }
    let negative = buf[start] == b'-';
    let len = end - start - usize::from(negative);
    let value = match len {
        1..=8 => digits8(buf, end, len)?,
        9..=16 => digits8(buf, end, 8)? + digits8(buf, end - 8, len - 8)? * 100_000_000,
        17..=18 => {
            digits8(buf, end, 8)?
                + digits8(buf, end - 8, 8)? * 100_000_000
                + digits8(buf, end - 16, len - 16)? * 10_000_000_000_000_000
        }
        _ => return None,
    } as i64;
    // Without a branch, being hard to predict.
    let sign = -i64::from(negative);
    Some((value ^ sign) - sign)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn forms() {
        for (text, value) in [
            (" 42 ", 42),
            ("\t+7\n", 7),
            ("0x2A", 42),
            ("-0X2a", -42),
            ("0o17", 15),
            ("0b1", 1),
            ("1_000", 1000),
            ("0x_1", 1),
            ("-2147483648", i32::MIN),
            ("0x7fffffff", i32::MAX),
            ("-0x80000000", i32::MIN),
        ] {
            assert_eq!(parse_i32(text.as_bytes()), Ok(value), "{text}");
        }
    }

    #[test]
    fn errors() {
        for text in ["", " ", "-", "+-1", "1 2", "_1", "1_", "1__0", "0x", "0b2", "1.0", "1e3", "- 1", "é"] {
            let error = parse_i32(text.as_bytes()).unwrap_err();
            assert_eq!(error.message, format!("invalid input syntax for type integer: \"{text}\""));
        }
        for text in ["2147483648", "-2147483649", "99999999999x", "0x80000000", "100000000000_"] {
            let error = parse_i32(text.as_bytes()).unwrap_err();
            assert_eq!(error.message, format!("value \"{text}\" is out of range for type integer"));
        }
        assert_eq!(parse_i64(b"-9223372036854775808"), Ok(i64::MIN));
        assert!(parse_i64(b"9223372036854775808").is_err());
        assert_eq!(parse_i16(b"-32768"), Ok(i16::MIN));
        assert!(parse_i16(b"32768").is_err());
    }

    proptest! {
        #[test]
        fn printed_numbers_are_read_back(value in any::<i64>()) {
            prop_assert_eq!(parse_i64(value.to_string().as_bytes()), Ok(value));
            let text = format!("{}0x{:x}", if value < 0 { "-" } else { "" }, value.unsigned_abs());
            prop_assert_eq!(parse_i64(text.as_bytes()), Ok(value));
        }

        #[test]
        fn fast_is_full(front in "[0-9]{0,17}", text in "-?[0-9]{0,20}[0-9 .+x_-]{0,1}[0-9]{0,2}") {
            let buf = format!("{front}{text}");
            let (full, fast) = (parse_i64(text.as_bytes()), fast_i64(buf.as_bytes(), front.len(), buf.len()));
            if let Some(value) = fast {
                prop_assert_eq!(full, Ok(value));
            }
            let digits = text.strip_prefix('-').unwrap_or(&text);
            let canonical = (1..=18).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
            prop_assert_eq!(fast.is_some(), canonical);
        }
    }
}
