//! Length checks of `varchar(n)` and `char(n)`.

use copyist_core::{DataError, ErrorCode, Result};

use crate::ascii::character_length;

/// Returns `s`, without the spaces beyond `n` characters.
///
/// # Errors
/// 22001 `value too long for type character varying(n)` if anything else is beyond.
#[inline]
pub fn check_varchar(s: &[u8], n: u32) -> Result<&[u8]> {
    check(s, n, "character varying")
}

/// Returns `s`, without the spaces beyond `n` characters. Padding a shorter value is the server's.
///
/// # Errors
/// 22001 `value too long for type character(n)` if anything else is beyond.
#[inline]
pub fn check_bpchar(s: &[u8], n: u32) -> Result<&[u8]> {
    check(s, n, "character")
}

#[inline(always)]
fn check<'a>(s: &'a [u8], n: u32, type_name: &str) -> Result<&'a [u8]> {
    if s.len() <= n as usize { Ok(s) } else { clip(s, n, type_name) }
}

/// The first `n` characters of `s`.
#[inline]
#[must_use]
pub fn truncate(s: &[u8], n: u32) -> &[u8] {
    if s.len() <= n as usize { s } else { &s[..prefix_len(s, n)] }
}

/// Bytes of the first `n` characters.
fn prefix_len(s: &[u8], n: u32) -> usize {
    let mut end = 0;
    for _ in 0..n {
        if end >= s.len() {
            break;
        }
        end += character_length(s[end]);
    }
    end.min(s.len())
}

#[inline(never)]
fn clip<'a>(s: &'a [u8], n: u32, type_name: &str) -> Result<&'a [u8]> {
    let (kept, beyond) = s.split_at(prefix_len(s, n));
    if beyond.iter().all(|byte| *byte == b' ') {
        Ok(kept)
    } else {
        Err(DataError::new(ErrorCode::StringDataRightTruncation, format!("value too long for type {type_name}({n})")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_spaces_are_cut() {
        assert_eq!(check_varchar("äöü".as_bytes(), 3), Ok("äöü".as_bytes()));
        assert_eq!(check_varchar("äöü  ".as_bytes(), 3), Ok("äöü".as_bytes()));
        assert_eq!(check_varchar(b"a  ", 5), Ok(&b"a  "[..]));
        let error = check_varchar(b"abc d", 3).unwrap_err();
        assert_eq!(error.message, "value too long for type character varying(3)");
        assert_eq!(check_bpchar(b"abcd", 3).unwrap_err().message, "value too long for type character(3)");
    }
}
