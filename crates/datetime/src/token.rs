//! Cuts a literal into fields: numbers, dates, times, displacements and words.

use crate::fault::Fault;

/// The server's buffer sizes: a literal whose fields, each with a terminator, do not fit is refused.
pub(crate) const DATE_CAPACITY: usize = 129;
pub(crate) const TIMESTAMP_CAPACITY: usize = 153;
pub(crate) const INTERVAL_CAPACITY: usize = 256;

/// More fields than this are refused.
const MAX_FIELDS: usize = 25;

/// What a field looks like. What it means depends on the type and on the fields around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Digits, perhaps with one decimal point.
    Number,
    /// Parts joined by `-`, `/` or `.`; also a time zone name with punctuation.
    Date,
    /// Digits, colons and points.
    Time,
    /// A sign before digits.
    Displacement,
    /// A word.
    Word,
    /// A sign before a word.
    SignedWord,
}

/// The fields of one literal, in lower case.
pub(crate) struct Tokens {
    buffer: [u8; INTERVAL_CAPACITY],
    fields: [(Kind, u16, u16); MAX_FIELDS],
    count: usize,
}

impl Tokens {
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    pub(crate) fn kind(&self, index: usize) -> Kind {
        self.fields[index].0
    }

    pub(crate) fn text(&self, index: usize) -> &[u8] {
        let (_, start, end) = self.fields[index];
        &self.buffer[usize::from(start)..usize::from(end)]
    }

    /// Every field in order.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (Kind, &[u8])> {
        (0..self.count).map(|index| (self.kind(index), self.text(index)))
    }
}

/// A position in the literal and the buffer behind it.
struct Lexer<'a> {
    rest: &'a [u8],
    tokens: Tokens,
    written: usize,
    capacity: usize,
}

impl Lexer<'_> {
    fn peek(&self) -> u8 {
        self.rest.first().copied().unwrap_or(0)
    }

    /// Appends the next byte to the current field.
    fn take(&mut self) -> Result<(), Fault> {
        if self.written + 1 >= self.capacity {
            return Err(Fault::BadFormat);
        }
        self.tokens.buffer[self.written] = self.peek().to_ascii_lowercase();
        self.written += 1;
        self.rest = &self.rest[1..];
        Ok(())
    }

    fn take_while(&mut self, accepts: impl Fn(u8) -> bool) -> Result<(), Fault> {
        while !self.rest.is_empty() && accepts(self.peek()) {
            self.take()?;
        }
        Ok(())
    }

    /// A field that starts with a digit.
    fn numeric(&mut self) -> Result<Kind, Fault> {
        self.take_while(|byte| byte.is_ascii_digit())?;
        let delimiter = self.peek();
        match delimiter {
            b':' => {
                self.take_while(|byte| byte.is_ascii_digit() || matches!(byte, b':' | b'.'))?;
                Ok(Kind::Time)
            }
            b'-' | b'/' | b'.' => {
                self.take()?;
                if !self.peek().is_ascii_digit() {
                    // The month may be a word.
                    self.take_while(|byte| byte.is_ascii_alphanumeric() || byte == delimiter)?;
                    return Ok(Kind::Date);
                }
                self.take_while(|byte| byte.is_ascii_digit())?;
                if self.peek() == delimiter {
                    self.take_while(|byte| byte.is_ascii_digit() || byte == delimiter)?;
                    return Ok(Kind::Date);
                }
                Ok(if delimiter == b'.' { Kind::Number } else { Kind::Date })
            }
            _ => Ok(Kind::Number),
        }
    }

    /// A field that starts with a letter.
    fn word(&mut self, start: usize) -> Result<Kind, Fault> {
        self.take_while(|byte| byte.is_ascii_alphabetic())?;
        let is_date = match self.peek() {
            b'-' | b'/' | b'.' => true,
            b'+' | b'0'..=b'9' => crate::keyword::date_word(&self.tokens.buffer[start..self.written]).is_none(),
            _ => false,
        };
        if !is_date {
            return Ok(Kind::Word);
        }
        self.take_while(|byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'/' | b'_' | b'.' | b':')
        })?;
        Ok(Kind::Date)
    }

    /// A field that starts with a sign.
    fn signed(&mut self) -> Result<Kind, Fault> {
        self.take()?;
        while is_space(self.peek()) {
            self.rest = &self.rest[1..];
        }
        if self.peek().is_ascii_digit() {
            self.take_while(|byte| byte.is_ascii_digit() || matches!(byte, b':' | b'.' | b'-'))?;
            Ok(Kind::Displacement)
        } else if self.peek().is_ascii_alphabetic() {
            self.take_while(|byte| byte.is_ascii_alphabetic())?;
            Ok(Kind::SignedWord)
        } else {
            Err(Fault::BadFormat)
        }
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// Cuts `literal` into fields. White space and punctuation that starts no field separate fields and are otherwise
/// ignored. `capacity` is one of the constants above.
pub(crate) fn tokenize(literal: &[u8], capacity: usize) -> Result<Tokens, Fault> {
    let tokens = Tokens { buffer: [0; INTERVAL_CAPACITY], fields: [(Kind::Number, 0, 0); MAX_FIELDS], count: 0 };
    let mut lexer = Lexer { rest: literal, tokens, written: 0, capacity };
    while let Some(&byte) = lexer.rest.first() {
        if is_space(byte) {
            lexer.rest = &lexer.rest[1..];
            continue;
        }
        if lexer.tokens.count >= MAX_FIELDS {
            return Err(Fault::BadFormat);
        }
        let start = lexer.written;
        let kind = match byte {
            b'0'..=b'9' => lexer.numeric()?,
            b'.' => {
                lexer.take()?;
                lexer.take_while(|byte| byte.is_ascii_digit())?;
                Kind::Number
            }
            b'+' | b'-' => lexer.signed()?,
            _ if byte.is_ascii_alphabetic() => lexer.word(start)?,
            _ if byte.is_ascii_punctuation() => {
                lexer.rest = &lexer.rest[1..];
                continue;
            }
            _ => return Err(Fault::BadFormat),
        };
        lexer.tokens.fields[lexer.tokens.count] = (kind, start as u16, lexer.written as u16);
        lexer.tokens.count += 1;
        // The server terminates each field in its buffer.
        lexer.written += 1;
    }
    Ok(lexer.tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(literal: &str) -> Vec<(Kind, String)> {
        let tokens = tokenize(literal.as_bytes(), INTERVAL_CAPACITY).expect("fields");
        tokens.iter().map(|(kind, text)| (kind, String::from_utf8_lossy(text).into_owned())).collect()
    }

    #[test]
    fn fields_of_common_literals() {
        use Kind::*;
        let field = |kind, text: &str| (kind, text.to_owned());
        assert_eq!(
            fields("2001-02-03T04:05:06.7+05:30"),
            [field(Date, "2001-02-03"), field(Word, "t"), field(Time, "04:05:06.7"), field(Displacement, "+05:30")]
        );
        assert_eq!(
            fields("Jan 8, 1999 America/New_York"),
            [field(Word, "jan"), field(Number, "8"), field(Number, "1999"), field(Date, "america/new_york")]
        );
        assert_eq!(fields("J2451187"), [field(Word, "j"), field(Number, "2451187")]);
        assert_eq!(fields("- infinity"), [field(SignedWord, "-infinity")]);
        assert_eq!(fields("8-Jan-99 .5"), [field(Date, "8-jan-99"), field(Number, ".5")]);
    }

    #[test]
    fn control_characters_are_refused() {
        assert_eq!(tokenize(b"2001-01-01\x01", DATE_CAPACITY).err(), Some(Fault::BadFormat));
        assert_eq!(tokenize("2001-01-01\u{e9}".as_bytes(), DATE_CAPACITY).err(), Some(Fault::BadFormat));
    }

    #[test]
    fn capacity_is_the_servers() {
        let literal = |digits: usize| "1".repeat(digits);
        assert!(tokenize(literal(DATE_CAPACITY - 1).as_bytes(), DATE_CAPACITY).is_ok());
        assert!(tokenize(literal(DATE_CAPACITY).as_bytes(), DATE_CAPACITY).is_err());
        assert!(tokenize("1 ".repeat(MAX_FIELDS).as_bytes(), DATE_CAPACITY).is_ok());
        assert!(tokenize("1 ".repeat(MAX_FIELDS + 1).as_bytes(), DATE_CAPACITY).is_err());
    }
}
