//! `bytea`, in its hex and escape formats.

use copyist_core::{DataError, ErrorCode, Result};

use crate::ascii::{at, character_length, hex_value};

/// Appends the bytes that `s` stands for. On error `out` is as it was.
///
/// # Errors
/// 22023 `invalid hexadecimal digit: "…"` and `invalid hexadecimal data: odd number of digits` in the hex format
/// (`\x…`), 22P02 `invalid input syntax for type bytea` in the escape format.
pub fn parse(s: &[u8], out: &mut Vec<u8>) -> Result<()> {
    let before = out.len();
    let result = match s {
        [b'\\', b'x', digits @ ..] => hex(digits, out),
        _ => escape(s, out),
    };
    if result.is_err() {
        out.truncate(before);
    }
    result
}

/// Pairs of digits, with white space between the pairs.
fn hex(s: &[u8], out: &mut Vec<u8>) -> Result<()> {
    out.reserve(s.len() / 2);
    let mut i = 0;
    loop {
        for pair in s[i..].chunks_exact(2) {
            let (high, low) = (hex_value(pair[0]), hex_value(pair[1]));
            if (high | low) > 15 {
                break;
            }
            out.push(high << 4 | low);
            i += 2;
        }
        let Some(&high) = s.get(i) else {
            return Ok(());
        };
        if matches!(high, b' ' | b'\n' | b'\t' | b'\r') {
            i += 1;
            continue;
        }
        if hex_value(high) > 15 {
            return Err(invalid_digit(&s[i..]));
        }
        if i + 1 == s.len() {
            return Err(DataError::new(
                ErrorCode::InvalidParameterValue,
                "invalid hexadecimal data: odd number of digits",
            ));
        }
        return Err(invalid_digit(&s[i + 1..]));
    }
}

#[cold]
fn invalid_digit(rest: &[u8]) -> Box<DataError> {
    let character = &rest[..character_length(rest[0]).min(rest.len())];
    let message = format!("invalid hexadecimal digit: \"{}\"", String::from_utf8_lossy(character));
    DataError::new(ErrorCode::InvalidParameterValue, message)
}

/// Bytes as they are, `\\` and `\ooo`.
fn escape(s: &[u8], out: &mut Vec<u8>) -> Result<()> {
    out.reserve(s.len());
    let mut rest = s;
    while let Some(backslash) = rest.iter().position(|byte| *byte == b'\\') {
        out.extend_from_slice(&rest[..backslash]);
        rest = &rest[backslash..];
        let octal = |i: usize, largest: u8| matches!(at(rest, i), b'0'..=b'7') && at(rest, i) <= largest;
        if octal(1, b'3') && octal(2, b'7') && octal(3, b'7') {
            out.push((rest[1] - b'0') << 6 | (rest[2] - b'0') << 3 | (rest[3] - b'0'));
            rest = &rest[4..];
        } else if at(rest, 1) == b'\\' {
            out.push(b'\\');
            rest = &rest[2..];
        } else {
            return Err(DataError::new(ErrorCode::InvalidTextRepresentation, "invalid input syntax for type bytea"));
        }
    }
    out.extend_from_slice(rest);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(s: &str) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        parse(s.as_bytes(), &mut out).map(|()| out)
    }

    #[test]
    fn both_formats() {
        assert_eq!(read("\\xDeAd \n beEF"), Ok(vec![0xde, 0xad, 0xbe, 0xef]));
        assert_eq!(read("a\\\\b\\001\\377é"), Ok(b"a\\b\x01\xff\xc3\xa9".to_vec()));
        assert_eq!(read("\\x"), Ok(vec![]));
        assert_eq!(read(""), Ok(vec![]));
    }

    #[test]
    fn errors() {
        assert_eq!(read("\\xd").unwrap_err().message, "invalid hexadecimal data: odd number of digits");
        assert_eq!(read("\\xaad é").unwrap_err().message, "invalid hexadecimal digit: \" \"");
        assert_eq!(read("\\xaa é").unwrap_err().message, "invalid hexadecimal digit: \"é\"");
        assert_eq!(read("\\X00").unwrap_err().message, "invalid input syntax for type bytea");
        assert_eq!(read("\\400").unwrap_err().message, "invalid input syntax for type bytea");
        let mut out = vec![1];
        assert!(parse(b"a\\", &mut out).is_err());
        assert_eq!(out, [1]);
    }

    proptest! {
        #[test]
        fn hex_is_read_back(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let text = bytes.iter().fold(String::from("\\x"), |text, byte| format!("{text}{byte:02x}"));
            prop_assert_eq!(read(&text), Ok(bytes));
        }
    }
}
