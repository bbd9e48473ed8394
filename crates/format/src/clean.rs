//! Fields as their types see them: unquoted, trimmed, or NULL for what they hold.

use std::ops::Range;

use copyist_core::{DataError, ErrorCode, Result};

use copyist_scan::Grammar;

use crate::decode::Pass;
use crate::field::{Field, Fields, Plain};
use crate::text::Text;
use crate::{ColumnPlan, Constants, Plan, Tile};

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
        if !self.plan.unquotes() || self.plan.is_csv() || self.plan.fixed.is_some() {
            return;
        }
        let (trim, gap) = (self.tile.trim(), self.plan.gap());
        let data = &self.data[..region.end];
        let end_of = |offset: u32| offset as usize - if self.is_end(offset) { trim } else { gap };
        // Where a field ends; the last of the data may have no offset.
        let end_of_field = |field: usize| offsets.get(field).map_or(data.len(), |&offset| end_of(offset));
        let is_last = |field: usize| offsets.get(field).is_none_or(|&offset| self.is_end(offset));
        let closes = |mark: u8, field: usize| {
            let raw = &data[region.start..end_of_field(field).max(region.start)];
            raw.last() == Some(&mark) && !self.fields.ends_escaped(raw)
        };
        let mut marks = [Mark::new(b'\''), Mark::new(b'"')];
        let mut joined = Vec::with_capacity(offsets.len());
        let (mut start, mut at) = (region.start, 0);
        while at < offsets.len() {
            if let Some(mark) = marks.iter_mut().find(|mark| data.get(start) == Some(&mark.byte)) {
                let byte = mark.byte;
                // A mark that is all of its field does not close itself.
                let is_alone = end_of_field(at) <= start + 1;
                let from = if is_alone { Some(at + 1).filter(|_| !is_last(at)) } else { Some(at) };
                let last = from.and_then(|from| mark.next(from, |field| closes(byte, field), is_last));
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

/// Takes the delimiters between quotation marks that are removed out of the offsets of a tile's records.
pub fn join_quoted(plan: &Plan, tile: &Tile, offsets: &mut Vec<u32>) {
    let (data, constants) = (tile.data(), &Constants::default());
    match plan.grammar {
        Grammar::Csv { .. } => {}
        Grammar::Text { .. } => {
            let fields = Text { null: &plan.null, default: None, backslashes: true, escapes: plan.escapes };
            Pass { plan, constants, tile, data, fields }.join_quoted(0..data.len(), offsets);
        }
        Grammar::Plain { .. } => {
            let fields = Plain { null: &plan.null, default: None };
            Pass { plan, constants, tile, data, fields }.join_quoted(0..data.len(), offsets);
        }
    }
}

/// A quotation mark, and what the last look for a field that ends with it has found. The next one goes on there, so that all together look at each
/// field once.
struct Mark {
    byte: u8,
    /// The first such field from some other on, in their record, is not before this one.
    until: usize,
    found: Option<usize>,
}

impl Mark {
    fn new(byte: u8) -> Self {
        Self { byte, until: 0, found: None }
    }

    /// The first field from `from` on in its record that closes the mark. `from` never comes before an earlier one.
    fn next(&mut self, from: usize, closes: impl Fn(usize) -> bool, is_last: impl Fn(usize) -> bool) -> Option<usize> {
        if from >= self.until {
            let mut field = from;
            while !closes(field) && !is_last(field) {
                field += 1;
            }
            (self.until, self.found) = (field + 1, closes(field).then_some(field));
        }
        self.found
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
