//! `json` and `jsonb`: what the server's parser accepts, and its errors.
//!
//! The grammar is walked with one token of look-ahead and an explicit stack of one bit a level, so nesting costs no call
//! stack.

mod lexer;
mod stack;

use copyist_core::{DataError, ErrorCode, Result};

use self::lexer::{Lexer, Token};
use self::stack::{Container, Stack};

/// Deepest nesting of arrays and objects that is accepted. PostgreSQL's own limit follows from `max_stack_depth`; with
/// its default of 2 MB it is reached between 12,000 and 30,000 levels.
pub const MAX_DEPTH: usize = 65_536;

/// Longest string, unescaped, that `jsonb` stores.
const MAX_JSONB_STRING: usize = 0x0FFF_FFFF;

/// Accepts a JSON text. `jsonb` has further rules, as it decodes strings and numbers: no `\u0000`, no unpaired
/// surrogates, numbers within the range of `numeric`.
///
/// # Errors
/// 22P02 `invalid input syntax for type json` (for `jsonb` too), 22P05 `unsupported Unicode escape sequence`, both with
/// DETAIL and CONTEXT; 22003 `value overflows numeric format`; 54001 beyond [`MAX_DEPTH`]; 54000 for a `jsonb` string
/// that is too long.
pub fn check(s: &[u8], jsonb: bool) -> Result<()> {
    let mut parser = Parser { lexer: Lexer::new(s, jsonb), jsonb, stack: Stack::default() };
    parser.lexer.advance()?;
    parser.document()
}

/// Appends a JSON string of UTF-8.
pub fn write_string(value: &[u8], out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    for &byte in value {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0..0x20 => {
                out.extend_from_slice(b"\\u00");
                out.extend([HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
            }
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

/// What the grammar asks for next.
enum Expect {
    Value,
    Field,
    AfterValue,
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    jsonb: bool,
    stack: Stack,
}

impl Parser<'_> {
    fn document(&mut self) -> Result<()> {
        let mut expect = Expect::Value;
        loop {
            expect = match expect {
                Expect::Value => self.value()?,
                Expect::Field => self.field()?,
                Expect::AfterValue => match self.stack.top() {
                    Some(container) => self.next(container)?,
                    None if self.lexer.token == Token::End => return Ok(()),
                    None => return Err(self.lexer.unexpected("end of input")),
                },
            };
        }
    }

    fn value(&mut self) -> Result<Expect> {
        match self.lexer.token {
            Token::ObjectStart => {
                self.open(Container::Object)?;
                match self.lexer.token {
                    Token::String => Ok(Expect::Field),
                    Token::ObjectEnd => self.close(),
                    _ => Err(self.lexer.unexpected("string or \"}\"")),
                }
            }
            Token::ArrayStart => {
                self.open(Container::Array)?;
                if self.lexer.token == Token::ArrayEnd { self.close() } else { Ok(Expect::Value) }
            }
            Token::Scalar | Token::String => self.scalar(),
            _ => Err(self.lexer.unexpected("JSON value")),
        }
    }

    fn open(&mut self, container: Container) -> Result<()> {
        if self.stack.depth() == MAX_DEPTH {
            return Err(DataError::new(ErrorCode::StatementTooComplex, "stack depth limit exceeded"));
        }
        self.stack.push(container);
        self.lexer.advance()
    }

    fn close(&mut self) -> Result<Expect> {
        self.stack.pop();
        self.lexer.advance()?;
        Ok(Expect::AfterValue)
    }

    fn field(&mut self) -> Result<Expect> {
        if self.lexer.token != Token::String {
            return Err(self.lexer.unexpected("string"));
        }
        let key_len = self.lexer.string_len;
        self.lexer.advance()?;
        if self.lexer.token != Token::Colon {
            return Err(self.lexer.unexpected("\":\""));
        }
        self.lexer.advance()?;
        self.check_string(key_len)?;
        Ok(Expect::Value)
    }

    /// The value of a scalar counts only after the token behind it has been read, as the server has it.
    fn scalar(&mut self) -> Result<Expect> {
        let token = self.lexer.token;
        let text = self.lexer.text();
        let string_len = self.lexer.string_len;
        self.lexer.advance()?;
        if self.jsonb {
            match token {
                Token::String => self.check_string(string_len)?,
                _ if may_overflow(text) => {
                    crate::numeric::parse(text, None)?;
                }
                _ => {}
            }
        }
        Ok(Expect::AfterValue)
    }

    fn check_string(&self, len: usize) -> Result<()> {
        if !self.jsonb || len <= MAX_JSONB_STRING {
            return Ok(());
        }
        let detail =
            format!("Due to an implementation restriction, jsonb strings cannot exceed {MAX_JSONB_STRING} bytes.");
        Err(DataError::new(ErrorCode::ProgramLimitExceeded, "string too long to represent as jsonb string")
            .with_detail(detail))
    }

    fn next(&mut self, container: Container) -> Result<Expect> {
        let (end, after_comma, expected) = match container {
            Container::Array => (Token::ArrayEnd, Expect::Value, "\",\" or \"]\""),
            Container::Object => (Token::ObjectEnd, Expect::Field, "\",\" or \"}\""),
        };
        if self.lexer.token == Token::Comma {
            self.lexer.advance()?;
            Ok(after_comma)
        } else if self.lexer.token == end {
            self.close()
        } else {
            Err(self.lexer.unexpected(expected))
        }
    }
}

/// Whether a scalar is a number that `numeric` might not hold: without an exponent it is too large only by its length.
fn may_overflow(text: &[u8]) -> bool {
    let is_number = text.first().is_some_and(|byte| !byte.is_ascii_alphabetic());
    is_number && (text.len() > 16_000 || text.iter().any(|byte| matches!(byte, b'e' | b'E')))
}

#[cfg(test)]
mod tests;
