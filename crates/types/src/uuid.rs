//! `uuid`.

use copyist_core::Result;

use crate::ascii::{at, hex_value};
use crate::message::invalid_syntax;

/// Reads 32 hexadecimal digits, with an optional hyphen after each group of four, optionally within braces.
///
/// # Errors
/// 22P02 `invalid input syntax for type uuid: "…"`.
#[inline]
pub fn parse(s: &[u8]) -> Result<[u8; 16]> {
    match canonical(s) {
        Some(bytes) => Ok(bytes),
        None => parse_any(s),
    }
}

/// `8-4-4-4-12`: every digit at a known place, one check for all of them.
#[inline(always)]
fn canonical(s: &[u8]) -> Option<[u8; 16]> {
    const AT: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];
    let s: &[u8; 36] = s.try_into().ok()?;
    let mut seen = 0;
    let bytes = AT.map(|i| {
        let (high, low) = (hex_value(s[i]), hex_value(s[i + 1]));
        seen |= high | low;
        high << 4 | low
    });
    let hyphens = s[8] == b'-' && s[13] == b'-' && s[18] == b'-' && s[23] == b'-';
    (seen < 16 && hyphens).then_some(bytes)
}

#[inline(never)]
fn parse_any(s: &[u8]) -> Result<[u8; 16]> {
    let braces = at(s, 0) == b'{';
    let mut i = usize::from(braces);
    let mut bytes = [0; 16];
    for (n, byte) in bytes.iter_mut().enumerate() {
        let (high, low) = (hex_value(at(s, i)), hex_value(at(s, i + 1)));
        if (high | low) > 15 {
            return Err(invalid_syntax("uuid", s));
        }
        *byte = high << 4 | low;
        i += 2;
        if at(s, i) == b'-' && n % 2 == 1 && n < 15 {
            i += 1;
        }
    }
    if braces {
        if at(s, i) != b'}' {
            return Err(invalid_syntax("uuid", s));
        }
        i += 1;
    }
    if i == s.len() { Ok(bytes) } else { Err(invalid_syntax("uuid", s)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn forms() {
        let bytes = Ok(*b"\xa0\xee\xbc\x99\x9c\x0b\x4e\xf8\xbb\x6d\x6b\xb9\xbd\x38\x0a\x11");
        assert_eq!(parse(b"A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"), bytes);
        assert_eq!(parse(b"{a0eebc999c0b4ef8bb6d6bb9bd380a11}"), bytes);
        assert_eq!(parse(b"a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11"), bytes);
        for text in ["", "{", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1", "a0eebc999c0b4ef8bb6d6bb9bd380a11-"] {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn fast_is_full(text in "[0-9a-fA-F]{8}[0-9a-f-]{1}[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-fg]{12}") {
            if let Some(bytes) = canonical(text.as_bytes()) {
                prop_assert_eq!(parse_any(text.as_bytes()), Ok(bytes));
            }
        }
    }
}
