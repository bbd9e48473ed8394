//! TEXT fields: backslash escapes, and a NULL string that is matched before they are undone.
//!
//! A change here needs its twin in `naive.rs`, and in `copyist_scan` where it moves a record's or field's end.

pub mod naive;

mod encode;

pub use encode::encode_rows;

use copyist_core::{DataError, ErrorCode, Result};
use memchr::memchr;

use crate::csv::{default_field, find_byte};
use crate::field::{Field, Fields};
use crate::{ColumnPlan, Escapes};

/// TEXT rules for one tile.
#[derive(Clone, Copy)]
pub(crate) struct Text<'a> {
    pub null: &'a [u8],
    pub default: Option<&'a [u8]>,
    /// Whether the tile has any backslash at all.
    pub backslashes: bool,
    pub escapes: Escapes,
}

impl Fields for Text<'_> {
    #[inline(always)]
    fn is_null(&self, buffer: &[u8], start: usize, end: usize, _: &ColumnPlan) -> bool {
        end - start == self.null.len() && buffer[start..end] == *self.null
    }

    #[inline(always)]
    fn is_surely_plain(&self, buffer: &[u8], start: usize, end: usize) -> bool {
        !(self.may_escape(buffer, start, end) | self.default.is_some() | (end - start == self.null.len()))
    }

    #[inline(always)]
    fn quick(&self, buffer: &[u8], start: usize, end: usize, _: &ColumnPlan, _: &mut Vec<u8>) -> Option<Field> {
        let is_plain = self.default.is_none() && (!self.backslashes || find_byte(b'\\', buffer, start, end) == end);
        is_plain.then_some(Field::Plain(start, end))
    }

    #[inline(always)]
    fn unquoted(&self, _: &[u8], start: usize, end: usize, _: &ColumnPlan) -> (usize, usize) {
        (start, end)
    }

    fn without_default(self) -> Self {
        Self { default: None, ..self }
    }

    fn null(&self) -> &[u8] {
        self.null
    }

    fn default(&self) -> Option<&[u8]> {
        self.default
    }

    fn ends_escaped(&self, raw: &[u8]) -> bool {
        raw.split_last().is_some_and(|(_, before)| ends_in_lone_backslash(before))
    }

    #[inline]
    fn resolve(
        &self,
        buffer: &[u8],
        start: usize,
        end: usize,
        column: &ColumnPlan,
        arena: &mut Vec<u8>,
    ) -> Result<Field> {
        let mut raw = &buffer[start..end];
        if self.backslashes && raw.last() == Some(&b'\\') && ends_in_lone_backslash(raw) {
            // Only the end of the input leaves one; it stands for nothing, not even for the markers.
            raw = &raw[..raw.len() - 1];
        }
        let end = start + raw.len();
        if raw == self.null {
            return Ok(Field::Null);
        }
        if self.default == Some(raw) {
            return default_field(column);
        }
        if !self.backslashes || memchr(b'\\', raw).is_none() {
            return Ok(Field::Plain(start, end));
        }
        let from = arena.len();
        match self.escapes {
            Escapes::Sequences => unescape(raw, arena)?,
            Escapes::Next => take_next(raw, arena),
        }
        Ok(Field::Rewritten(from, arena.len()))
    }
}

/// Bytes that are looked at for a backslash all at once.
const SHORT: usize = 32;

impl Text<'_> {
    /// False where the field has no backslash. Said without a branch, and of more bytes than its own: a backslash stands in hardly any
    /// field, but the usual NULL string puts one into almost every tile.
    #[inline(always)]
    fn may_escape(&self, buffer: &[u8], start: usize, end: usize) -> bool {
        let Some(bytes) = buffer.get(start..start + SHORT) else { return self.backslashes };
        let found = bytes.iter().fold(false, |found, &byte| found | (byte == b'\\'));
        self.backslashes & (found | (end - start > SHORT))
    }
}

/// Whether the last backslash is not itself escaped.
fn ends_in_lone_backslash(raw: &[u8]) -> bool {
    raw.iter().rev().take_while(|&&byte| byte == b'\\').count() % 2 == 1
}

/// Appends the value of a field without the backslashes that make the byte after them part of it.
fn take_next(mut raw: &[u8], out: &mut Vec<u8>) {
    while let Some(at) = memchr(b'\\', raw) {
        out.extend_from_slice(&raw[..at]);
        // A backslash at the very end of the input's last line stands for nothing.
        let next = raw.get(at + 1..).unwrap_or_default();
        out.extend(next.first());
        raw = next.get(1..).unwrap_or_default();
    }
    out.extend_from_slice(raw);
}

/// Appends the value of a field with backslashes in it. Octal and hexadecimal escapes can build bytes that are not
/// UTF-8; those are refused.
fn unescape(raw: &[u8], out: &mut Vec<u8>) -> Result<()> {
    let from = out.len();
    let mut verify = false;
    let mut rest = raw;
    while let Some(at) = memchr(b'\\', rest) {
        out.extend_from_slice(&rest[..at]);
        // A backslash at the very end of the input's last line stands for nothing.
        let Some(&byte) = rest.get(at + 1) else {
            rest = &[];
            break;
        };
        let mut used = at + 2;
        let value = match byte {
            b'0'..=b'7' => {
                let mut value = u32::from(byte - b'0');
                while used < at + 4 && rest.get(used).is_some_and(|b| (b'0'..=b'7').contains(b)) {
                    value = value * 8 + u32::from(rest[used] - b'0');
                    used += 1;
                }
                let value = value as u8;
                verify |= value == 0 || value >= 0x80;
                value
            }
            b'x' => {
                let mut value = 0u32;
                let first = used;
                while used < first + 2
                    && let Some(digit) = rest.get(used).and_then(|b| char::from(*b).to_digit(16))
                {
                    value = value * 16 + digit;
                    used += 1;
                }
                if used == first {
                    b'x'
                } else {
                    let value = value as u8;
                    verify |= value == 0 || value >= 0x80;
                    value
                }
            }
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'v' => 11,
            other => other,
        };
        out.push(value);
        rest = &rest[used..];
    }
    out.extend_from_slice(rest);
    if verify && let Some(at) = crate::utf8::first_invalid(&out[from..]) {
        let error = crate::utf8::invalid_sequence(&out[from + at..]);
        out.truncate(from);
        return Err(error);
    }
    Ok(())
}

/// The error of a `\.` that does not end the data.
pub(crate) fn end_marker_error(message: &'static str) -> Box<DataError> {
    DataError::new(ErrorCode::BadCopyFileFormat, message)
}
