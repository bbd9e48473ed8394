//! FIXED: fields at places of their own in lines without delimiters.
//!
//! Blanks around a value are padding. A line may end inside a field, since many programs strip the blanks at a line's end, but not
//! before one; and what stands behind the last field must be blanks.

use copyist_core::{DataError, ErrorCode};

use crate::plan::{ColumnPlan, FixedField, Missing, Tolerance};
use crate::values::Span;

/// The fields of a line, for one tile.
#[derive(Clone, Copy)]
pub(crate) struct Positions<'a> {
    pub fields: &'a [FixedField],
    /// In characters, of which some have several bytes.
    pub by_character: bool,
}

impl Positions<'_> {
    /// Where a field of a line stands whose characters need not be counted, without the padding; at the line's end if the line ends
    /// before it. Positions in the buffer.
    #[inline(always)]
    pub fn field(&self, buffer: &[u8], line: (usize, usize), index: usize) -> (usize, usize) {
        let FixedField { offset, length } = self.fields[index];
        let start = line.0 + offset as usize;
        trimmed(buffer, start.min(line.1), (start + length as usize).min(line.1))
    }

    /// The field of each line, as [`Positions::field`] finds it.
    #[inline(always)]
    pub fn find(&self, buffer: &[u8], lines: impl Iterator<Item = (usize, usize)>, index: usize, out: &mut [Span]) {
        match self.fields[index].length {
            1..=8 => self.find_short::<1>(buffer, lines, index, out),
            9..=16 => self.find_short::<2>(buffer, lines, index, out),
            17..=24 => self.find_short::<3>(buffer, lines, index, out),
            25..=32 => self.find_short::<4>(buffer, lines, index, out),
            33..=40 => self.find_short::<5>(buffer, lines, index, out),
            41..=48 => self.find_short::<6>(buffer, lines, index, out),
            49..=64 => self.find_short::<8>(buffer, lines, index, out),
            _ => {
                for (span, line) in out.iter_mut().zip(lines) {
                    let (start, end) = self.field(buffer, line, index);
                    *span = Span::new(start, end);
                }
            }
        }
    }

    /// [`Positions::find`] for fields of one to `WORDS` times eight bytes. How much padding a field has is different in every line, so that
    /// nothing is decided by it: the last and the first word that has other bytes are kept as they come.
    #[inline(always)]
    fn find_short<const WORDS: usize>(
        &self,
        buffer: &[u8],
        lines: impl Iterator<Item = (usize, usize)>,
        index: usize,
        out: &mut [Span],
    ) {
        let FixedField { offset, length } = self.fields[index];
        let (offset, length) = (offset as usize, length as usize);
        // The bytes of each word that are part of the field.
        let mut masks = [0; WORDS];
        for (word, mask) in masks.iter_mut().enumerate() {
            let bytes = length.saturating_sub(8 * word).min(8) as u32;
            *mask = u64::MAX.checked_shr(64 - 8 * bytes).unwrap_or(0);
        }
        for (span, line) in out.iter_mut().zip(lines) {
            let start = line.0 + offset;
            let words = buffer.get(start..start + 8 * WORDS);
            let (Some(words), true) = (words, start + length <= line.1) else {
                // The line ends in the field or before it.
                let (start, end) = self.field(buffer, line, index);
                *span = Span::new(start, end);
                continue;
            };
            let differs = |word: usize| {
                let bytes = words[8 * word..].first_chunk::<8>();
                (bytes.map_or(BLANKS, |bytes| u64::from_le_bytes(*bytes)) ^ BLANKS) & masks[word]
            };
            // Texts begin and numbers end where their field does, in all lines.
            let (mut first, mut last) = (0, length);
            if words[length - 1] == b' ' {
                last = 0;
                for word in 0..WORDS {
                    let differs = differs(word);
                    let end = 8 * word + 8 - differs.leading_zeros() as usize / 8;
                    last = if differs == 0 { last } else { end };
                }
            }
            if words[0] == b' ' {
                first = last;
                for word in (0..WORDS).rev() {
                    let differs = differs(word);
                    let start = 8 * word + differs.trailing_zeros() as usize / 8;
                    first = if differs == 0 { first } else { start };
                }
            }
            *span = Span::new(start + first, start + last);
        }
    }

    /// The lengths of lines that surely are as long as they have to be: from the place of the last column on, and not beyond the end of one. None
    /// where characters have to be counted.
    pub fn fitting(&self, columns: &[ColumnPlan]) -> Option<std::ops::RangeInclusive<usize>> {
        let read = || self.fields.iter().zip(columns).filter(|(_, column)| column.is_read()).map(|(field, _)| field);
        let last = read().map(|field| field.offset as usize + 1).max().unwrap_or(0);
        let end = read().map(|field| (field.offset + field.length) as usize).max().unwrap_or(0);
        (!self.by_character).then_some(last..=end)
    }

    /// Length of a line, in the unit of the fields.
    fn length(&self, line: &[u8]) -> usize {
        if self.by_character { line.iter().filter(|&&byte| !is_continuation(byte)).count() } else { line.len() }
    }

    /// Whether a line ends before a field.
    #[inline]
    pub fn lacks(&self, length: usize, index: usize) -> bool {
        length <= self.fields[index].offset as usize
    }

    /// As [`Positions::lacks`], of a line in the buffer.
    pub fn is_missing(&self, buffer: &[u8], line: (usize, usize), index: usize) -> bool {
        self.lacks(self.length(&buffer[line.0..line.1]), index)
    }

    /// What is wrong with the length of a line.
    pub fn misfit(&self, line: &[u8], columns: &[ColumnPlan], tolerance: &Tolerance) -> Option<Box<DataError>> {
        let length = self.length(line);
        let mut lacking = (0..self.fields.len()).filter(|&index| columns[index].is_read() && self.lacks(length, index));
        if let Some(first) = lacking.next() {
            let may_lack = match tolerance.missing {
                Missing::None => false,
                Missing::One => lacking.next().is_none(),
                Missing::Any => true,
            };
            if !may_lack {
                let FixedField { offset, length: wide } = self.fields[first];
                let error = DataError::new(
                    ErrorCode::BadCopyFileFormat,
                    format!("missing data for column \"{}\"", columns[first].name),
                );
                let unit = if self.by_character { "characters" } else { "bytes" };
                return Some(error.with_detail(format!(
                    "The line has {length} {unit}; the column is at ({offset},{wide}), counted from 0."
                )));
            }
            return None;
        }
        let read = self.fields.iter().zip(columns).filter(|(_, column)| column.is_read());
        let end = read.map(|(field, _)| field.offset as usize + field.length as usize).max().unwrap_or(0);
        if length <= end || tolerance.extra {
            return None;
        }
        let rest = if self.by_character { skip(line, (0, line.len()), end as u32) } else { end };
        let at = line[rest..].iter().position(|&byte| byte != b' ')?;
        Some(DataError::new(ErrorCode::BadCopyFileFormat, "extra data after last expected column").with_detail(
            format!("The last column ends at {end}, and there is more at byte {} of the line.", rest + at + 1),
        ))
    }

    /// The fields of lines whose characters have to be counted, one line after the other; nothing of others.
    pub fn table(&self, buffer: &[u8], lines: impl Iterator<Item = (usize, usize)>) -> Vec<Span> {
        let mut table = Vec::new();
        if !self.by_character {
            return table;
        }
        let mut starts = Vec::new();
        for (start, end) in lines {
            starts.clear();
            starts.extend((start..end).filter(|&at| !is_continuation(buffer[at])));
            let place = |character: usize| starts.get(character).copied().unwrap_or(end);
            table.extend(self.fields.iter().map(|&FixedField { offset, length }| {
                let (start, end) = trimmed(buffer, place(offset as usize), place((offset + length) as usize));
                Span::new(start, end)
            }));
        }
        table
    }
}

fn is_continuation(byte: u8) -> bool {
    byte & 0xC0 == 0x80
}

/// Where `count` characters end.
fn skip(buffer: &[u8], (start, end): (usize, usize), count: u32) -> usize {
    let mut left = count;
    let mut at = start;
    while at < end {
        if !is_continuation(buffer[at]) {
            if left == 0 {
                return at;
            }
            left -= 1;
        }
        at += 1;
    }
    end
}

const BLANKS: u64 = u64::from_ne_bytes([b' '; 8]);

/// Without the blanks around.
#[inline(always)]
pub(crate) fn trimmed(buffer: &[u8], mut start: usize, mut end: usize) -> (usize, usize) {
    // Padding is often longer than values: eight bytes at a time.
    while end >= start + 8 {
        let Some(last) = buffer[..end].last_chunk::<8>() else { break };
        let differs = u64::from_le_bytes(*last) ^ BLANKS;
        if differs != 0 {
            end -= differs.leading_zeros() as usize / 8;
            break;
        }
        end -= 8;
    }
    while end > start && buffer[end - 1] == b' ' {
        end -= 1;
    }
    while end >= start + 8 {
        let Some(first) = buffer[start..].first_chunk::<8>() else { break };
        let differs = u64::from_le_bytes(*first) ^ BLANKS;
        if differs != 0 {
            start += differs.trailing_zeros() as usize / 8;
            break;
        }
        start += 8;
    }
    while start < end && buffer[start] == b' ' {
        start += 1;
    }
    (start, end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tile::PAD;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn fields_of_many_lines_are_those_of_each(
            lines in prop::collection::vec("[ ]{0,9}[ ax]{0,70}[ ]{0,20}", 0..20), offset in 0..20u32, length in 1..80u32,
        ) {
            let mut buffer = vec![b' '; PAD];
            let mut places = Vec::new();
            for line in &lines {
                places.push((buffer.len(), buffer.len() + line.len()));
                buffer.extend(line.as_bytes());
                buffer.push(b'\n');
            }
            buffer.extend([b'x'; PAD]);
            let positions = Positions { fields: &[FixedField { offset, length }], by_character: false };
            let mut found = vec![Span::new(0, 0); lines.len()];
            positions.find(&buffer, places.iter().copied(), 0, &mut found);
            for (place, (span, line)) in places.iter().zip(found.iter().zip(&lines)) {
                let (from, to) = (offset as usize, (offset + length) as usize);
                let field = line.get(from..to.min(line.len())).unwrap_or_default();
                let (start, end) = span.bounds();
                prop_assert_eq!(std::str::from_utf8(&buffer[start..end]).unwrap(), field.trim_matches(' '), "{}", line);
                prop_assert_eq!((start, end), positions.field(&buffer, *place, 0));
            }
        }
    }
}
