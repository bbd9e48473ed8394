//! CSV fields as PostgreSQL reads them: a quote toggles anywhere in a field, and only an unquoted field can be NULL.
//!
//! A change here needs its twin in `naive.rs`, and in `copyist_scan` where it moves a record's or field's end.

pub mod naive;

use copyist_core::Result;
use memchr::{memchr, memchr2};

use crate::ColumnPlan;
use crate::field::{Field, Fields, looks_typed, unexpected_default};

/// CSV rules for one tile.
#[derive(Clone, Copy)]
pub(crate) struct Csv<'a> {
    pub quote: u8,
    pub escape: u8,
    pub null: &'a [u8],
    pub default: Option<&'a [u8]>,
    /// Whether the tile has any quote at all.
    pub quotes: bool,
    /// Whether a field may have a quote without beginning with one.
    pub inner_quotes: bool,
}

impl Fields for Csv<'_> {
    #[inline(always)]
    fn is_null(&self, buffer: &[u8], start: usize, end: usize, column: &ColumnPlan) -> bool {
        // An empty NULL string needs no comparison of bytes.
        let same = end - start == self.null.len() && (start == end || buffer[start..end] == *self.null);
        same && !column.force_not_null
    }

    #[inline(always)]
    fn is_plain(&self, buffer: &[u8], start: usize, _: usize) -> bool {
        // The byte of an empty field is its delimiter.
        !self.inner_quotes && self.default.is_none() && (!self.quotes || buffer[start] != self.quote)
    }

    #[inline(always)]
    fn unquoted(&self, buffer: &[u8], start: usize, end: usize, column: &ColumnPlan) -> (usize, usize) {
        let quoted = buffer[start] == self.quote && end - start >= 2 && buffer[end - 1] == self.quote;
        if quoted && !column.force_null { (start + 1, end - 1) } else { (start, end) }
    }

    fn without_default(self) -> Self {
        Self { default: None, ..self }
    }

    fn default_looks_typed(&self) -> bool {
        self.default.is_some_and(looks_typed)
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
        let raw = &buffer[start..end];
        let may_quote = self.inner_quotes || self.quotes && raw.first() == Some(&self.quote);
        if may_quote && memchr(self.quote, raw).is_some() {
            return self.resolve_quoted(raw, start, column, arena);
        }
        // NULL and DEFAULT are matched against the raw field.
        if raw == self.null && !column.force_not_null {
            return Ok(Field::Null);
        }
        if self.default == Some(raw) {
            return default_field(column);
        }
        Ok(Field::Plain(start, end))
    }
}

impl Csv<'_> {
    /// A field with at least one quote in it.
    fn resolve_quoted(&self, raw: &[u8], start: usize, column: &ColumnPlan, arena: &mut Vec<u8>) -> Result<Field> {
        let field = match raw {
            // The usual shape: one pair of quotes around a value without quotes or escapes.
            [first, inner @ .., last]
                if *first == self.quote && *last == self.quote && memchr2(self.quote, self.escape, inner).is_none() =>
            {
                Field::Plain(start + 1, start + 1 + inner.len())
            }
            _ => {
                let from = arena.len();
                self.unquote(raw, arena);
                Field::Rewritten(from, arena.len())
            }
        };
        if column.force_null {
            let value = match field {
                Field::Plain(s, e) => &raw[s - start..e - start],
                Field::Rewritten(s, e) => &arena[s..e],
                _ => unreachable!("a quoted field is a value"),
            };
            if value == self.null {
                return Ok(Field::Null);
            }
        }
        Ok(field)
    }

    /// Appends the value of a field with quotes anywhere in it.
    fn unquote(&self, raw: &[u8], out: &mut Vec<u8>) {
        let mut rest = raw;
        loop {
            // Outside quotes only the quote is special.
            let Some(open) = memchr(self.quote, rest) else {
                out.extend_from_slice(rest);
                return;
            };
            out.extend_from_slice(&rest[..open]);
            rest = &rest[open + 1..];
            // Inside, an escape before an escape or a quote makes that literal; else it is itself.
            loop {
                let Some(at) = memchr2(self.quote, self.escape, rest) else {
                    out.extend_from_slice(rest);
                    return;
                };
                out.extend_from_slice(&rest[..at]);
                let byte = rest[at];
                let next = rest.get(at + 1).copied();
                if byte == self.escape
                    && let Some(next) = next
                    && (next == self.escape || next == self.quote)
                {
                    out.push(next);
                    rest = &rest[at + 2..];
                } else if byte == self.quote {
                    rest = &rest[at + 1..];
                    break;
                } else {
                    out.push(byte);
                    rest = &rest[at + 1..];
                }
            }
        }
    }
}

pub(crate) fn default_field(column: &ColumnPlan) -> Result<Field> {
    if column.has_default { Ok(Field::Default) } else { Err(unexpected_default(column)) }
}
