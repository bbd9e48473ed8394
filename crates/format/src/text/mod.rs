//! TEXT fields: backslash escapes, and a NULL string that is matched before they are undone.
//!
//! A change here needs its twin in `naive.rs`, and in `copyist_scan` where it moves a record's or field's end.

pub mod naive;

mod encode;

pub use encode::encode_rows;

use copyist_core::{DataError, ErrorCode, Result};
use copyist_scan::{Eol, Grammar, Separator};
use memchr::memchr;

use crate::csv::{default_field, find_byte};
use crate::field::{Field, Fields};
use crate::{ColumnPlan, Escapes, Plan, Replacement};

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
        let (used, value) = if let Some((len, value)) = numeric(&rest[at..]) {
            verify |= value == 0 || value >= 0x80;
            (at + len, value)
        } else {
            let value = match byte {
                b'b' => 8,
                b'f' => 12,
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                b'v' => 11,
                other => other,
            };
            (at + 2, value)
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

/// The byte that digits after a backslash stand for, and how many bytes that escape has; `rest` begins with the backslash.
#[inline]
pub(crate) fn numeric(rest: &[u8]) -> Option<(usize, u8)> {
    let (first, most, radix) = if rest.get(1) == Some(&b'x') { (2, 2, 16) } else { (1, 3, 8) };
    let digits = rest.get(first..)?.iter().take(most).map_while(|&byte| char::from(byte).to_digit(radix));
    let (count, value) = digits.fold((0, 0), |(count, value), digit| (count + 1, value * radix + digit));
    // Of more than eight bits the last ones count.
    (count > 0).then_some((first + count, value as u8))
}

/// Where escapes of a tile stand for bytes that are part of no character: their places, what stands there to mean the replacement, which is as
/// long, and whether it is one for NUL.
pub(crate) fn illegal_escapes(
    data: &[u8],
    plan: &Plan,
    eol: Option<Eol>,
    replacement: Replacement,
) -> Vec<(usize, Vec<u8>, bool)> {
    let Grammar::Text { delimiter, .. } = plan.grammar else { return Vec::new() };
    let line_end = match eol {
        Some(Eol::Other(end)) => Some(end),
        _ => None,
    };
    // The digits of `\x` may be the letters with which the next field or record begins to be another.
    let is_separator = |at: usize| {
        let begins = |separator: Separator| data.get(at..).is_some_and(|rest| rest.starts_with(separator.as_bytes()));
        begins(delimiter) || line_end.is_some_and(begins)
    };
    let markers = [Some(&plan.null), plan.default.as_ref()];
    let is_marker =
        |at: usize| markers.iter().flatten().any(|marker| !marker.is_empty() && data[at..].starts_with(marker));
    let mut found = Vec::new();
    // Escapes that follow upon each other may be a character together.
    let mut run: Vec<(usize, usize, u8)> = Vec::new();
    let mut at = 0;
    while let Some(next) = memchr(b'\\', &data[at.min(data.len())..]) {
        let start = at + next;
        let stop = (start + 2..start + 4).find(|&at| is_separator(at)).unwrap_or(start + 4).min(data.len());
        let escape = numeric(&data[start..stop]).filter(|_| !is_marker(start));
        if run.last().is_some_and(|&(_, end, _)| end != start) {
            take_illegal(&mut run, replacement, &mut found);
        }
        at = start + escape.map_or(2, |(len, _)| len);
        if let Some((_, value)) = escape {
            run.push((start, at, value));
        }
    }
    take_illegal(&mut run, replacement, &mut found);
    found
}

/// Ends a run of escapes.
fn take_illegal(run: &mut Vec<(usize, usize, u8)>, replacement: Replacement, found: &mut Vec<(usize, Vec<u8>, bool)>) {
    let bytes: Vec<u8> = run.iter().map(|&(_, _, byte)| byte).collect();
    let mut from = 0;
    while let Some(invalid) = crate::utf8::first_invalid(&bytes[from..]) {
        let (start, end, byte) = run[from + invalid];
        from += invalid + 1;
        let Some(new) = (if byte == 0 { replacement.nul } else { Some(replacement.byte) }) else { continue };
        // All but NUL take three digits, and it becomes a space.
        let escape = match end - start {
            2 => vec![b'\\', new],
            3 => format!("\\{new:02o}").into_bytes(),
            _ => format!("\\{new:03o}").into_bytes(),
        };
        if escape.len() == end - start {
            found.push((start, escape, byte == 0));
        }
    }
    run.clear();
}

/// The error of a `\.` that does not end the data.
pub(crate) fn end_marker_error(message: &'static str) -> Box<DataError> {
    DataError::new(ErrorCode::BadCopyFileFormat, message)
}
