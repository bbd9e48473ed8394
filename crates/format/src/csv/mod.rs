//! CSV fields as PostgreSQL reads them: a quote toggles anywhere in a field, and only an unquoted field can be NULL.
//!
//! A change here needs its twin in `naive.rs`, and in `copyist_scan` where it moves a record's or field's end.

pub mod naive;

use copyist_core::Result;
use memchr::{memchr, memchr2};

use crate::ColumnPlan;
use crate::clean::is_blank;
use crate::field::{Field, Fields, unexpected_default};

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
    /// Whether white space around a quoted field is no part of it. It makes quotes ones inside of a field, which nothing but
    /// [`Fields::resolve`] reads.
    pub unpads: bool,
}

impl Fields for Csv<'_> {
    #[inline(always)]
    fn is_null(&self, buffer: &[u8], start: usize, end: usize, column: &ColumnPlan) -> bool {
        // An empty NULL string needs no comparison of bytes.
        let same = end - start == self.null.len() && (start == end || buffer[start..end] == *self.null);
        same && !column.force_not_null
    }

    #[inline(always)]
    fn is_surely_plain(&self, buffer: &[u8], start: usize, end: usize) -> bool {
        // The byte of an empty field is its delimiter.
        let is_quoted = self.inner_quotes | (buffer[start] == self.quote);
        !(is_quoted | self.default.is_some() | (end - start == self.null.len()))
    }

    #[inline(always)]
    fn quick(
        &self,
        buffer: &[u8],
        start: usize,
        end: usize,
        column: &ColumnPlan,
        arena: &mut Vec<u8>,
    ) -> Option<Field> {
        if self.inner_quotes || self.default.is_some() {
            return None;
        }
        // The byte of an empty field is its delimiter.
        if !self.quotes || buffer[start] != self.quote {
            return Some(Field::Plain(start, end));
        }
        if column.force_null {
            return None;
        }
        self.resolve_whole(buffer, start, end, arena)
    }

    #[inline(always)]
    fn unquoted(&self, buffer: &[u8], start: usize, end: usize, column: &ColumnPlan) -> (usize, usize) {
        let quoted = buffer[start] == self.quote && end - start >= 2 && buffer[end - 1] == self.quote;
        if quoted && !column.force_null { (start + 1, end - 1) } else { (start, end) }
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
        if self.quotes && (raw.first() == Some(&self.quote) || self.inner_quotes && memchr(self.quote, raw).is_some()) {
            let (start, end) = if self.unpads { self.unpadded(buffer, start, end) } else { (start, end) };
            return self.resolve_quoted(buffer, start, end, column, arena);
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
    /// The field without the white space around its quotes, if it begins with one; behind them only if it ends with one, too.
    fn unpadded(&self, buffer: &[u8], start: usize, end: usize) -> (usize, usize) {
        let raw = &buffer[start..end];
        let is_value = |byte: &u8| !is_blank(*byte);
        match (raw.iter().position(is_value), raw.iter().rposition(is_value)) {
            (Some(first), Some(last)) if raw[first] == self.quote => {
                (start + first, if raw[last] == self.quote { start + last + 1 } else { end })
            }
            _ => (start, end),
        }
    }

    /// A field with at least one quote in it.
    fn resolve_quoted(
        &self,
        buffer: &[u8],
        start: usize,
        end: usize,
        column: &ColumnPlan,
        arena: &mut Vec<u8>,
    ) -> Result<Field> {
        let field = self.resolve_whole(buffer, start, end, arena).unwrap_or_else(|| {
            let from = arena.len();
            self.unquote(&buffer[start..end], arena);
            Field::Rewritten(from, arena.len())
        });
        if column.force_null {
            let value = match field {
                Field::Plain(s, e) => &buffer[s..e],
                Field::Rewritten(s, e) => &arena[s..e],
                _ => unreachable!("a quoted field is a value"),
            };
            if value == self.null {
                return Ok(Field::Null);
            }
        }
        Ok(field)
    }

    /// The usual shape of a quoted field: one pair of quotes around the whole of it, and inside only doubled ones, if any. None if it
    /// has another; nothing is left in `arena` then.
    #[inline(always)]
    fn resolve_whole(&self, buffer: &[u8], start: usize, end: usize, arena: &mut Vec<u8>) -> Option<Field> {
        if end - start < 2 || buffer[start] != self.quote || buffer[end - 1] != self.quote {
            return None;
        }
        let (start, end) = (start + 1, end - 1);
        if self.escape != self.quote {
            let special = memchr2(self.quote, self.escape, &buffer[start..end]);
            return special.is_none().then_some(Field::Plain(start, end));
        }
        let mut quote = find_byte(self.quote, buffer, start, end);
        if quote == end {
            return Some(Field::Plain(start, end));
        }
        let from = arena.len();
        let mut at = start;
        while quote < end {
            // A single one ends the quoting inside the field.
            if quote + 1 == end || buffer[quote + 1] != self.quote {
                arena.truncate(from);
                return None;
            }
            arena.extend_from_slice(&buffer[at..=quote]);
            at = quote + 2;
            quote = find_byte(self.quote, buffer, at, end);
        }
        arena.extend_from_slice(&buffer[at..end]);
        Some(Field::Rewritten(from, arena.len()))
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

/// Where `byte` first stands in `buffer[start..end]`; `end` if it does not. For short stretches, where calling `memchr` would take
/// longer than looking. Reads on past `end` as far as the buffer goes.
#[inline(always)]
pub(crate) fn find_byte(byte: u8, buffer: &[u8], start: usize, end: usize) -> usize {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const TOP_BITS: u64 = ONES << 7;
    let mut at = start;
    while at < end {
        let Some(word) = buffer.get(at..at + 8).and_then(|word| word.first_chunk()) else {
            return memchr(byte, &buffer[at..end]).map_or(end, |found| at + found);
        };
        let differs = u64::from_le_bytes(*word) ^ (ONES * u64::from(byte));
        // The lowest bit set is that of the first byte that is zero; those above may be wrong.
        let zeros = differs.wrapping_sub(ONES) & !differs & TOP_BITS;
        if zeros != 0 {
            return end.min(at + zeros.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    end
}

pub(crate) fn default_field(column: &ColumnPlan) -> Result<Field> {
    if column.has_default { Ok(Field::Default) } else { Err(unexpected_default(column)) }
}
