//! Fields as their types see them: unquoted, trimmed, or NULL for what they hold.

use std::ops::Range;

use copyist_core::{DataError, ErrorCode, Result};

use crate::ColumnPlan;
use crate::decode::Pass;
use crate::field::{Field, Fields};

/// [`Fields::resolve`], and what the column's [`crate::Cleaning`] makes of its result.
#[inline(always)]
pub(crate) fn resolve<F: Fields>(
    fields: F,
    buffer: &[u8],
    start: usize,
    end: usize,
    column: &ColumnPlan,
    arena: &mut Vec<u8>,
) -> Result<Field> {
    if column.cleaning.is_none() {
        return fields.resolve(buffer, start, end, column, arena);
    }
    resolve_cleaned(fields, buffer, start, end, column, arena)
}

#[inline(never)]
fn resolve_cleaned<F: Fields>(
    fields: F,
    buffer: &[u8],
    mut start: usize,
    mut end: usize,
    column: &ColumnPlan,
    arena: &mut Vec<u8>,
) -> Result<Field> {
    let cleaning = column.cleaning;
    if cleaning.unquotes && !fields.is_null(buffer, start, end, column) {
        (start, end) = unquoted(fields, buffer, start, end)?;
    }
    let (start, mut end, is_rewritten) = match fields.resolve(buffer, start, end, column, arena)? {
        Field::Plain(s, e) => (s, e, false),
        Field::Rewritten(s, e) => (s, e, true),
        absent => return Ok(absent),
    };
    let value = if is_rewritten { &arena[start..end] } else { &buffer[start..end] };
    let trimmed = value.iter().rposition(|&byte| !is_blank(byte)).map_or(0, |last| last + 1);
    let is_null = cleaning.blank_is_null && trimmed == 0 && end > start
        || cleaning.empty_is_null && (end == start || cleaning.trims && trimmed == 0);
    if cleaning.trims {
        end = start + trimmed;
    }
    if is_rewritten {
        arena.truncate(if is_null { start } else { end });
    }
    Ok(match (is_null, is_rewritten) {
        (true, _) => Field::Null,
        (_, true) => Field::Rewritten(start, end),
        _ => Field::Plain(start, end),
    })
}

impl<F: Fields> Pass<'_, F> {
    /// Takes the delimiters out of `offsets`, those of the records of `region`, that stand between a quotation mark at a field's beginning and the
    /// same one at the end of that field or of a later one. Of a field without such an end nothing is taken: it is refused.
    pub(crate) fn join_quoted(&self, region: Range<usize>, offsets: &mut Vec<u32>) {
        let unquotes = self.plan.columns.iter().any(|column| column.cleaning.unquotes);
        if !unquotes || self.plan.is_csv() || self.plan.fixed.is_some() {
            return;
        }
        let (trim, gap) = (self.tile.trim(), self.plan.gap());
        let data = &self.data[..region.end];
        let end_of = |offset: u32| offset as usize - if self.is_end(offset) { trim } else { gap };
        let closes = |start: usize, end: usize| {
            let raw = &data[start..end];
            raw.len() > 1 && raw.last() == raw.first() && !self.fields.ends_escaped(raw)
        };
        let mut joined = Vec::with_capacity(offsets.len());
        let (mut start, mut at) = (region.start, 0);
        while at < offsets.len() {
            if matches!(data.get(start), Some(b'\'' | b'"')) {
                // The field of the record that ends with the mark; the last of the data may have no offset.
                let in_record = |&next: &usize| next == at || !self.is_end(offsets[next - 1]);
                let mut fields = (at..=offsets.len()).take_while(in_record);
                let last = fields.find(|&next| {
                    let end = offsets.get(next).map_or(data.len(), |&offset| end_of(offset));
                    closes(start, end)
                });
                at = last.unwrap_or(at);
            }
            let Some(&offset) = offsets.get(at) else { break };
            joined.push(offset);
            start = offset as usize + 1;
            at += 1;
        }
        *offsets = joined;
    }
}

/// White space of SQL and C.
pub(crate) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// The field without the pair of quotes around it. One that does not begin with a quote may have any.
fn unquoted<F: Fields>(fields: F, buffer: &[u8], start: usize, end: usize) -> Result<(usize, usize)> {
    let raw = &buffer[start..end];
    let Some(&quote @ (b'\'' | b'"')) = raw.first() else { return Ok((start, end)) };
    if raw.len() < 2 || raw.last() != Some(&quote) || fields.ends_escaped(raw) {
        let name = char::from(quote);
        return Err(DataError::new(
            ErrorCode::BadCopyFileFormat,
            format!("a field begins with the quotation mark {name} and does not end with it"),
        )
        .with_hint(
            "REMOVEQUOTES removes pairs of quotation marks. Without it a quotation mark is a character like any other.",
        ));
    }
    Ok((start + 1, end - 1))
}
