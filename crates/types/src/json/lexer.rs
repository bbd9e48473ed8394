//! JSON tokens, and the errors that show where in the text they are.

use copyist_core::{DataError, ErrorCode, Result};

use crate::ascii::{at, character_length, hex_value};

/// A token, as far as the grammar tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    ObjectStart,
    ObjectEnd,
    ArrayStart,
    ArrayEnd,
    Comma,
    Colon,
    String,
    /// A number, `true`, `false` or `null`.
    Scalar,
    End,
}

/// Reads tokens one after the other.
pub(super) struct Lexer<'a> {
    s: &'a [u8],
    /// Whether strings are decoded, which adds rules for their escapes.
    decode: bool,
    /// The current token.
    pub(super) token: Token,
    /// Length of the current string token, decoded; counted only with `decode`.
    pub(super) string_len: usize,
    start: usize,
    end: usize,
    line: usize,
    line_start: usize,
}

impl<'a> Lexer<'a> {
    /// Starts before the first token; [`advance`](Self::advance) reads it.
    pub(super) fn new(s: &'a [u8], decode: bool) -> Self {
        // The first token is no `End` while it is being read: an error in it then shows how the text goes on.
        Self { s, decode, token: Token::Comma, string_len: 0, start: 0, end: 0, line: 1, line_start: 0 }
    }

    /// The current token's text.
    pub(super) fn text(&self) -> &'a [u8] {
        &self.s[self.start..self.end]
    }

    /// Reads the next token.
    pub(super) fn advance(&mut self) -> Result<()> {
        let mut i = self.end;
        while let Some(byte @ (b' ' | b'\t' | b'\n' | b'\r')) = self.s.get(i) {
            i += 1;
            if *byte == b'\n' {
                self.line += 1;
                self.line_start = i;
            }
        }
        self.start = i;
        self.end = i + 1;
        let Some(&byte) = self.s.get(i) else {
            self.end = i;
            self.token = Token::End;
            return Ok(());
        };
        self.token = match byte {
            b'{' => Token::ObjectStart,
            b'}' => Token::ObjectEnd,
            b'[' => Token::ArrayStart,
            b']' => Token::ArrayEnd,
            b',' => Token::Comma,
            b':' => Token::Colon,
            b'"' => {
                self.string()?;
                Token::String
            }
            b'-' => self.number(i + 1)?,
            b'0'..=b'9' => self.number(i)?,
            _ => self.word()?,
        };
        Ok(())
    }

    /// Letters, digits, `_` and everything beyond ASCII count as one word, so that an error shows all of it.
    fn word_end(&self, from: usize) -> usize {
        let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte >= 0x80;
        from + self.s[from..].iter().take_while(|byte| is_word(byte)).count()
    }

    fn word(&mut self) -> Result<Token> {
        let end = self.word_end(self.start);
        // Other punctuation is shown alone.
        self.end = end.max(self.start + 1);
        match self.text() {
            b"true" | b"false" | b"null" => Ok(Token::Scalar),
            _ => Err(self.invalid_token()),
        }
    }

    fn number(&mut self, digits: usize) -> Result<Token> {
        let run = |from: usize| from + self.s[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let mut valid = true;
        let mut i = digits;
        match at(self.s, i) {
            b'0' => i += 1,
            b'1'..=b'9' => i = run(i),
            _ => valid = false,
        }
        if at(self.s, i) == b'.' {
            let end = run(i + 1);
            valid &= end > i + 1;
            i = end;
        }
        if at(self.s, i) | 0x20 == b'e' {
            let sign = usize::from(matches!(at(self.s, i + 1), b'+' | b'-'));
            let end = run(i + 1 + sign);
            valid &= end > i + 1 + sign;
            i = end;
        }
        self.end = self.word_end(i);
        if valid && self.end == i { Ok(Token::Scalar) } else { Err(self.invalid_token()) }
    }

    fn string(&mut self) -> Result<()> {
        let mut i = self.start + 1;
        let mut len = 0;
        // An escaped high surrogate that waits for its low one.
        let mut high = false;
        loop {
            let plain = i;
            i = skip_plain(self.s, i);
            if high && i > plain {
                return Err(self.fail_after(plain, "Unicode low surrogate must follow a high surrogate."));
            }
            len += i - plain;
            match self.s.get(i) {
                None => {
                    self.end = i;
                    return Err(self.invalid_token());
                }
                Some(b'"') => {
                    self.end = i + 1;
                    if high {
                        return Err(self.syntax_error("Unicode low surrogate must follow a high surrogate.".into()));
                    }
                    self.string_len = len;
                    return Ok(());
                }
                Some(b'\\') => i = self.escape(i + 1, &mut high, &mut len)?,
                Some(control) => {
                    if high {
                        return Err(self.fail_after(i, "Unicode low surrogate must follow a high surrogate."));
                    }
                    self.end = i;
                    return Err(self.syntax_error(format!("Character with value 0x{control:02x} must be escaped.")));
                }
            }
        }
    }

    /// Reads what follows a backslash and returns the index behind it.
    fn escape(&mut self, i: usize, high: &mut bool, len: &mut usize) -> Result<usize> {
        let Some(&byte) = self.s.get(i) else {
            self.end = i;
            return Err(self.invalid_token());
        };
        if byte == b'u' {
            let code = self.code_unit(i + 1)?;
            if self.decode {
                self.check_code_unit(code, i + 4, high)?;
                *len += match code {
                    0..0x80 => 1,
                    0x80..0x800 => 2,
                    // Two for each half of a pair.
                    0xD800..0xE000 => 2,
                    _ => 3,
                };
            }
            return Ok(i + 5);
        }
        if *high {
            return Err(self.fail_after(i, "Unicode low surrogate must follow a high surrogate."));
        }
        if !matches!(byte, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') {
            self.start = i;
            self.end = i + character_length(byte);
            let detail = format!("Escape sequence \"\\{}\" is invalid.", String::from_utf8_lossy(self.text()));
            return Err(self.syntax_error(detail));
        }
        *len += 1;
        Ok(i + 1)
    }

    /// Four hexadecimal digits from `i` on.
    fn code_unit(&mut self, i: usize) -> Result<u32> {
        let mut code = 0;
        for i in i..i + 4 {
            let Some(&byte) = self.s.get(i) else {
                self.end = i;
                return Err(self.invalid_token());
            };
            let digit = hex_value(byte);
            if digit > 15 {
                return Err(self.fail_after(i, "\"\\u\" must be followed by four hexadecimal digits."));
            }
            code = code << 4 | u32::from(digit);
        }
        Ok(code)
    }

    /// Checks the order of surrogates; `last` is the index of the escape's last digit.
    fn check_code_unit(&mut self, code: u32, last: usize, high: &mut bool) -> Result<()> {
        match code {
            0xD800..0xDC00 if *high => {
                return Err(self.fail_after(last, "Unicode high surrogate must not follow a high surrogate."));
            }
            0xD800..0xDC00 => *high = true,
            0xDC00..0xE000 if *high => *high = false,
            0xDC00..0xE000 => {
                return Err(self.fail_after(last, "Unicode low surrogate must follow a high surrogate."));
            }
            _ if *high => return Err(self.fail_after(last, "Unicode low surrogate must follow a high surrogate.")),
            0 => {
                self.end = last + 1;
                return Err(self.error(
                    ErrorCode::UntranslatableCharacter,
                    "unsupported Unicode escape sequence",
                    "\\u0000 cannot be converted to text.".into(),
                ));
            }
            _ => {}
        }
        Ok(())
    }

    /// An error at the character that starts at `i`, which still is part of what CONTEXT shows.
    #[cold]
    fn fail_after(&mut self, i: usize, detail: &str) -> Box<DataError> {
        self.end = (i + character_length(at(self.s, i))).min(self.s.len());
        self.syntax_error(detail.into())
    }

    #[cold]
    fn invalid_token(&self) -> Box<DataError> {
        self.syntax_error(format!("Token \"{}\" is invalid.", String::from_utf8_lossy(self.text())))
    }

    /// The current token is not what the grammar has here.
    #[cold]
    pub(super) fn unexpected(&self, expected: &str) -> Box<DataError> {
        self.syntax_error(match self.token {
            Token::End => "The input string ended unexpectedly.".into(),
            _ => format!("Expected {expected}, but found \"{}\".", String::from_utf8_lossy(self.text())),
        })
    }

    #[cold]
    fn syntax_error(&self, detail: String) -> Box<DataError> {
        self.error(ErrorCode::InvalidTextRepresentation, "invalid input syntax for type json", detail)
    }

    fn error(&self, code: ErrorCode, message: &'static str, detail: String) -> Box<DataError> {
        DataError::new(code, message).with_detail(detail).with_context(self.context())
    }

    /// The line of the error up to the error, at most about 50 bytes of it.
    fn context(&self) -> String {
        let mut start = self.line_start;
        while self.end - start >= 50 {
            start += character_length(self.s[start]);
        }
        // An ellipsis would save no room.
        if start - self.line_start <= 3 {
            start = self.line_start;
        }
        let more = self.token != Token::End && !matches!(self.s.get(self.end), None | Some(b'\n' | b'\r'));
        format!(
            "JSON data, line {}: {}{}{}",
            self.line,
            if start > self.line_start { "..." } else { "" },
            String::from_utf8_lossy(&self.s[start..self.end]),
            if more { "..." } else { "" },
        )
    }
}

/// The index of the first quote, backslash or control character at or after `i`.
#[inline]
fn skip_plain(s: &[u8], mut i: usize) -> usize {
    const ONES: u64 = u64::MAX / 255;
    const TOPS: u64 = ONES << 7;
    // The top bit of bytes that are zero; above the first of these bits others may be wrong, so it only tells whether.
    let has_zero = |word: u64| word.wrapping_sub(ONES) & !word & TOPS;
    while let Some(chunk) = s.get(i..).and_then(<[u8]>::first_chunk::<8>) {
        let word = u64::from_le_bytes(*chunk);
        let quote = has_zero(word ^ (ONES * b'"' as u64));
        let backslash = has_zero(word ^ (ONES * b'\\' as u64));
        let control = has_zero(word & (ONES * 0xE0));
        let found = quote | backslash | control;
        if found != 0 {
            return i + found.trailing_zeros() as usize / 8;
        }
        i += 8;
    }
    i + s[i..].iter().take_while(|byte| !matches!(byte, b'"' | b'\\' | 0..0x20)).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn plain_runs_end_where_they_should(text in "[a-z!#\\[\\]é\"\\\\\u{0}-\u{1f}]{0,30}") {
            let s = text.as_bytes();
            let plain = s.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20)).unwrap_or(s.len());
            prop_assert_eq!(skip_plain(s, 0), plain);
        }
    }
}
