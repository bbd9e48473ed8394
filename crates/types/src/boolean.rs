//! `boolean`.

use copyist_core::Result;

use crate::ascii::{is_space, skip_space};
use crate::message::invalid_syntax;

/// Reads `true`, `false`, `yes`, `no`, `on`, `off`, `1`, `0`, or a unique prefix of these, in any case, with white
/// space around it.
///
/// # Errors
/// 22P02 `invalid input syntax for type boolean: "…"`.
#[inline]
pub fn parse(s: &[u8]) -> Result<bool> {
    match s {
        b"t" | b"true" | b"1" => Ok(true),
        b"f" | b"false" | b"0" => Ok(false),
        _ => parse_any(s),
    }
}

fn parse_any(s: &[u8]) -> Result<bool> {
    let mut word = &s[skip_space(s, 0)..];
    while let [front @ .., last] = word
        && is_space(*last)
    {
        word = front;
    }
    let is_prefix_of = |whole: &[u8]| word.len() <= whole.len() && word.eq_ignore_ascii_case(&whole[..word.len()]);
    let value = match word.first().map(u8::to_ascii_lowercase) {
        Some(b't') if is_prefix_of(b"true") => true,
        Some(b'f') if is_prefix_of(b"false") => false,
        Some(b'y') if is_prefix_of(b"yes") => true,
        Some(b'n') if is_prefix_of(b"no") => false,
        // A lone "o" could be either.
        Some(b'o') if word.len() >= 2 && is_prefix_of(b"on") => true,
        Some(b'o') if word.len() >= 2 && is_prefix_of(b"off") => false,
        Some(b'1') if word.len() == 1 => true,
        Some(b'0') if word.len() == 1 => false,
        _ => return Err(invalid_syntax("boolean", s)),
    };
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_prefixes() {
        for (text, value) in [("tru", true), (" YES\n", true), ("oN", true), ("of", false), ("N", false), ("0", false)]
        {
            assert_eq!(parse(text.as_bytes()), Ok(value), "{text}");
        }
        for text in ["", " ", "o", "truex", "10", "t rue", "01", "é"] {
            let error = parse(text.as_bytes()).unwrap_err();
            assert_eq!(error.message, format!("invalid input syntax for type boolean: \"{text}\""));
        }
    }
}
