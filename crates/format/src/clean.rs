//! Fields as their types see them: unquoted, trimmed, or NULL for what they hold.

use copyist_core::{DataError, ErrorCode, Result};

use crate::ColumnPlan;
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
            "REMOVEQUOTES removes pairs of quotation marks; delimiters between them are delimiters all the same.",
        ));
    }
    Ok((start + 1, end - 1))
}
