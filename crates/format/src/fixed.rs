//! FIXED: fields at places of their own in lines without delimiters.
//!
//! Blanks around a value are padding. A line may end inside a field, since many programs strip the blanks at a line's end, but not
//! before one; and what stands behind the last field must be blanks.
//!
//! Places are counted in characters, or in bytes of the file as it is, in whichever encoding: those of the text, which is UTF-8, are found by
//! reading the file's bytes again. Where that comes to the middle of a character, the line is refused.

use copyist_core::{DataError, ErrorCode};
use copyist_encoding::{Cursor, Transcript};

use crate::plan::{ColumnPlan, Condition, Fixed, FixedField, Missing, Subject, Tolerance, Unit};
use crate::tile::{PAD, Tile};
use crate::values::Span;

/// The fields of a line, for one tile.
#[derive(Clone, Copy)]
pub(crate) struct Positions<'a> {
    pub fields: &'a [FixedField],
    /// Where the fields end that are no column's.
    dropped_end: u32,
    unit: Unit,
    measure: Measure<'a>,
}

/// What places are in one tile.
#[derive(Clone, Copy)]
enum Measure<'a> {
    /// Bytes of the text, each of which is a character.
    Ascii,
    /// Bytes of the text, of which a character may have several.
    Bytes,
    Characters,
    /// Bytes that were read, in another encoding.
    AsRead(&'a Transcript),
}

impl<'a> Positions<'a> {
    /// Of a tile. `is_ascii`: all of its text is.
    pub fn new(fixed: &'a Fixed, tile: &'a Tile, is_ascii: bool) -> Self {
        let measure = match (fixed.unit, &tile.transcript) {
            // What was replaced, or has two bytes a character, is ASCII as text.
            (Unit::Bytes, Some(read)) if !is_ascii || read.place(tile.len) != tile.len => {
                if read.encoding().has_single_bytes() { Measure::Characters } else { Measure::AsRead(read) }
            }
            _ if is_ascii => Measure::Ascii,
            (Unit::Bytes, _) => Measure::Bytes,
            (Unit::Characters, _) => Measure::Characters,
        };
        Self { fields: &fixed.fields, dropped_end: fixed.end, unit: fixed.unit, measure }
    }
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

    /// Whether fields stand where their places say in the text; otherwise they are looked for in each line, see [`Positions::table`].
    fn is_direct(&self) -> bool {
        matches!(self.measure, Measure::Ascii | Measure::Bytes)
    }

    /// The lengths of lines that surely are as long as they have to be: from the place of the last column on, and not beyond the end of one. None
    /// where they have to be looked at.
    fn fitting(&self, columns: &[ColumnPlan]) -> Option<std::ops::RangeInclusive<usize>> {
        let read = || self.fields.iter().zip(columns).filter(|(_, column)| column.is_read()).map(|(field, _)| field);
        let last = read().map(|field| field.offset as usize + 1).max().unwrap_or(0);
        let ends = read().map(|field| field.offset + field.length);
        let end = ends.max().unwrap_or(0).max(self.dropped_end) as usize;
        self.is_direct().then_some(last..=end)
    }

    /// The fields of lines whose characters have to be counted, one line after the other; nothing of others.
    pub fn table(
        &self,
        columns: &[ColumnPlan],
        buffer: &[u8],
        lines: impl Iterator<Item = (usize, usize)>,
    ) -> Vec<Span> {
        let mut table = Vec::new();
        if self.is_direct() {
            return table;
        }
        let mut ruler = Ruler::new(*self, columns);
        for line in lines {
            ruler.lay(buffer, line);
            table.extend((0..self.fields.len()).map(|index| {
                let (start, end) = ruler.field(buffer, line, index);
                Span::new(start, end)
            }));
        }
        table
    }

    /// Whether the line ends before a field that was found in a table: such a field is put at the line's end, where no other can begin.
    pub fn is_missing(&self, line: (usize, usize), index: usize, found: Option<&Span>) -> bool {
        match found {
            Some(span) => span.bounds().0 >= line.1,
            None => lacks(line.1 - line.0, self.fields[index]),
        }
    }
}

/// Whether a line of this length ends before a field.
#[inline]
fn lacks(length: usize, field: FixedField) -> bool {
    length <= field.offset as usize
}

/// Finds the places of one line after the other.
pub(crate) struct Ruler<'a> {
    positions: Positions<'a>,
    /// The fields that are read.
    is_read: Vec<bool>,
    fitting: Option<std::ops::RangeInclusive<usize>>,
    /// Where fields that are read begin and end, ascending, each once.
    stops: Vec<u32>,
    cursor: Option<Cursor<'a>>,
    /// Whether the length of lines is of interest, too.
    is_measured: bool,
    /// Of the last line: each stop, its length, and where it begins in the bytes that were read.
    found: Vec<Stop>,
    length: usize,
    start: usize,
}

#[derive(Clone, Copy)]
struct Stop {
    /// In the buffer; at the line's end if the line ends before it.
    place: usize,
    /// Where the character begins that it is in the middle of: in the line's bytes, those of the text or those that were read.
    cut: Option<usize>,
    /// Whether the line is that long.
    is_reached: bool,
}

/// A part of a line.
pub(crate) enum Part {
    /// Its place in the buffer.
    Whole(usize, usize),
    /// It begins or ends in the middle of a character.
    Cut,
    /// The line ends before it or, of what has to be there as a whole, in it.
    Lacking,
}

impl<'a> Ruler<'a> {
    pub fn new(positions: Positions<'a>, columns: &[ColumnPlan]) -> Self {
        let is_read: Vec<bool> = columns.iter().map(ColumnPlan::is_read).collect();
        let read = positions.fields.iter().zip(&is_read).filter(|(field, is_read)| **is_read && field.length > 0);
        let dropped = Some(positions.dropped_end).filter(|&end| end > 0);
        let stops = read.flat_map(|(field, _)| [field.offset, field.offset + field.length]).chain(dropped).collect();
        Self { is_read, fitting: positions.fitting(columns), is_measured: true, ..Self::of_stops(positions, stops) }
    }

    /// For what the conditions compare, and nothing else.
    pub fn of_conditions(positions: Positions<'a>, conditions: &[Condition]) -> Self {
        let places = conditions.iter().filter_map(|condition| match condition.subject {
            Subject::Characters { start, end } => Some([start, end]),
            Subject::Field(field) => positions.fields.get(field as usize).map(|field| field.bounds()),
            Subject::Place(field) => Some(field.bounds()),
        });
        Self::of_stops(positions, places.flatten().collect())
    }

    fn of_stops(positions: Positions<'a>, mut stops: Vec<u32>) -> Self {
        stops.sort_unstable();
        stops.dedup();
        let cursor = match positions.measure {
            Measure::AsRead(read) => Some(read.cursor()),
            Measure::Ascii | Measure::Bytes | Measure::Characters => None,
        };
        let (is_read, fitting, found) = (Vec::new(), None, Vec::new());
        Self { positions, is_read, fitting, stops, cursor, is_measured: false, found, length: 0, start: 0 }
    }

    /// Whether all fields of a line in the buffer are there and whole, and nothing is behind them.
    #[inline]
    pub fn fits(&mut self, buffer: &[u8], line: (usize, usize), columns: &[ColumnPlan], tolerance: &Tolerance) -> bool {
        let is_long_enough = self.fitting.as_ref().is_some_and(|fitting| fitting.contains(&(line.1 - line.0)));
        let is_whole = match self.positions.measure {
            Measure::Ascii => true,
            Measure::Bytes => !self.stops.iter().any(|&stop| is_inside(&buffer[line.0..line.1], stop as usize)),
            Measure::Characters | Measure::AsRead(_) => false,
        };
        is_long_enough && is_whole || self.misfit(buffer, line, columns, tolerance).is_none()
    }

    /// Finds the stops of a line in the buffer.
    pub fn lay(&mut self, buffer: &[u8], line: (usize, usize)) {
        let (start, end) = line;
        self.found.clear();
        (self.length, self.start) = (end - start, start);
        match self.positions.measure {
            Measure::Ascii | Measure::Bytes => self.found.extend(self.stops.iter().map(|&stop| {
                let is_cut = is_inside(&buffer[start..end], stop as usize);
                let first = |&at: &usize| !is_continuation(buffer[start + at]);
                let cut = if is_cut { (0..stop as usize).rev().find(first) } else { None };
                let place = start + stop as usize;
                Stop { place: place.min(end), cut, is_reached: place <= end }
            })),
            Measure::Characters => {
                let (mut at, mut count) = (start, 0);
                let mut skip = |to: u32| {
                    while at < end {
                        if !is_continuation(buffer[at]) {
                            if count == to {
                                break;
                            }
                            count += 1;
                        }
                        at += 1;
                    }
                    (at, count)
                };
                self.found.extend(self.stops.iter().map(|&stop| {
                    let (place, count) = skip(stop);
                    Stop { place, cut: None, is_reached: count == stop }
                }));
                if self.is_measured {
                    self.length = skip(u32::MAX).1 as usize;
                }
            }
            Measure::AsRead(read) => {
                let cursor = self.cursor.get_or_insert_with(|| read.cursor());
                let from = cursor.seek(start - PAD);
                let limit = end - PAD;
                self.found.extend(self.stops.iter().map(|&stop| {
                    let (text, bytes) = cursor.read_to(from + stop as usize, limit);
                    let is_reached = bytes >= from + stop as usize;
                    let is_cut = text < limit && !is_reached;
                    Stop { place: PAD + text, cut: is_cut.then_some(bytes - from), is_reached: is_reached || is_cut }
                }));
                self.start = from;
                if self.is_measured {
                    self.length = cursor.place(limit) - from;
                }
            }
        }
    }

    fn stop(&self, at: u32) -> Option<&Stop> {
        self.found.get(self.stops.binary_search(&at).ok()?)
    }

    /// A field of the line that was looked at last, without the padding; of one that is not read nothing.
    fn field(&self, buffer: &[u8], line: (usize, usize), index: usize) -> (usize, usize) {
        let FixedField { offset, length } = self.positions.fields[index];
        match (self.stop(offset), self.stop(offset + length)) {
            (Some(start), Some(end)) if length > 0 => trimmed(buffer, start.place, end.place),
            _ => (line.0, line.0),
        }
    }

    /// What conditions compare, of the line that was looked at last: all of a part, or a field, without the padding, that the line may end in.
    pub fn part(&self, buffer: &[u8], line: (usize, usize), subject: Subject) -> Part {
        let ([from, to], is_field) = match subject {
            Subject::Characters { start, end } => ([start, end], false),
            Subject::Field(field) => (self.positions.fields[field as usize].bounds(), true),
            Subject::Place(field) => (field.bounds(), true),
        };
        let (Some(from), Some(to)) = (self.stop(from), self.stop(to)) else { return Part::Lacking };
        let is_there = if is_field { from.place < line.1 } else { to.is_reached };
        if !is_there {
            return Part::Lacking;
        }
        if from.cut.is_some() || to.cut.is_some() {
            return Part::Cut;
        }
        let (start, end) = if is_field { trimmed(buffer, from.place, to.place) } else { (from.place, to.place) };
        Part::Whole(start, end)
    }

    /// What is wrong with a line in the buffer: a field that is not there or not whole, or more behind the last.
    pub fn misfit(
        &mut self,
        buffer: &[u8],
        line: (usize, usize),
        columns: &[ColumnPlan],
        tolerance: &Tolerance,
    ) -> Option<Box<DataError>> {
        self.lay(buffer, line);
        let fields = self.positions.fields;
        if let Some(error) = self.cut(buffer, line, columns) {
            return Some(error);
        }
        let (unit, units) = match self.positions.unit {
            Unit::Bytes => ("byte", "bytes"),
            Unit::Characters => ("character", "characters"),
        };
        let length = self.length;
        let mut lacking = (0..fields.len()).filter(|&index| self.is_read[index] && lacks(length, fields[index]));
        if let Some(first) = lacking.next() {
            let may_lack = match tolerance.missing {
                Missing::None => false,
                Missing::One => lacking.next().is_none(),
                Missing::Any => true,
            };
            if !may_lack {
                let FixedField { offset, length: wide } = fields[first];
                let error = DataError::new(
                    ErrorCode::BadCopyFileFormat,
                    format!("missing data for column \"{}\"", columns[first].name),
                );
                return Some(error.with_detail(format!(
                    "The line has {length} {units}; the column is at ({offset},{wide}), counted from 0."
                )));
            }
            return None;
        }
        let end = self.stops.last().copied().unwrap_or(0);
        if length <= end as usize || tolerance.extra {
            return None;
        }
        let rest = self.found.last().map_or(line.0, |stop| stop.place);
        let more = rest + buffer[rest..line.1].iter().position(|&byte| byte != b' ')?;
        let before = match self.positions.measure {
            Measure::Ascii | Measure::Bytes => more - line.0,
            Measure::Characters => buffer[line.0..more].iter().filter(|&&byte| !is_continuation(byte)).count(),
            Measure::AsRead(read) => read.place(more - PAD) - self.start,
        };
        Some(DataError::new(ErrorCode::BadCopyFileFormat, "extra data after last expected column").with_detail(
            format!("The last column ends at {end}, and there is more at {unit} {} of the line.", before + 1),
        ))
    }

    /// PostgreSQL's error for the first column whose field is not in whole characters.
    fn cut(&self, buffer: &[u8], line: (usize, usize), columns: &[ColumnPlan]) -> Option<Box<DataError>> {
        let (bytes, name) = match self.positions.measure {
            Measure::Ascii | Measure::Characters => return None,
            Measure::Bytes => (&buffer[line.0..line.1], "UTF8"),
            Measure::AsRead(read) => (&read.bytes()[self.start..self.start + self.length], read.encoding().name()),
        };
        let fields = self.positions.fields.iter().zip(columns).zip(&self.is_read);
        let cut = fields.filter(|(_, is_read)| **is_read).find_map(|((field, column), _)| {
            let end = field.offset + field.length;
            let first = self.stop(field.offset).and_then(|stop| stop.cut);
            let last = self.stop(end).and_then(|stop| stop.cut);
            match (first, last) {
                (Some(from), _) => Some((field, column, from, field.offset as usize, false)),
                (_, Some(from)) => Some((field, column, from, end as usize, true)),
                (None, None) => None,
            }
        });
        let (FixedField { offset, length }, column, from, stop, is_end) = cut?;
        let character = from..from + self.character_len(&bytes[from..]);
        let part = if is_end { from..stop } else { stop..character.end };
        let hex = |part: std::ops::Range<usize>| {
            let shown: Vec<String> = bytes[part].iter().map(|byte| format!("0x{byte:02x}")).collect();
            shown.join(" ")
        };
        let message = format!("invalid byte sequence for encoding \"{name}\": {}", hex(part));
        let where_to = if is_end { "ends" } else { "begins" };
        Some(
            DataError::new(ErrorCode::CharacterNotInRepertoire, message)
                .with_detail(format!(
                    "The field of column \"{}\" at ({offset},{length}) {where_to} in the middle of the character {}.",
                    column.name,
                    hex(character)
                ))
                .with_hint("Places are counted in bytes of the file. With UNIT chars they are counted in characters."),
        )
    }

    /// Bytes of the character that they begin with.
    fn character_len(&self, bytes: &[u8]) -> usize {
        match self.positions.measure {
            Measure::AsRead(read) => read.encoding().first_len(bytes),
            _ => 1 + bytes[1..].iter().take_while(|&&byte| is_continuation(byte)).count(),
        }
    }
}

/// Characters `start..end` of a record; None if it has fewer.
pub(crate) fn characters(record: &[u8], start: usize, end: usize) -> Option<&[u8]> {
    if record[..end.min(record.len())].is_ascii() {
        return record.get(start..end);
    }
    let mut begins = (0..record.len()).filter(|&at| !is_continuation(record[at])).chain([record.len()]);
    let from = begins.nth(start)?;
    Some(&record[from..begins.nth(end - start - 1)?])
}

/// Whether a place is in the middle of a character.
#[inline(always)]
fn is_inside(line: &[u8], at: usize) -> bool {
    line.get(at).is_some_and(|&byte| is_continuation(byte))
}

fn is_continuation(byte: u8) -> bool {
    byte & 0xC0 == 0x80
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
            let positions =
                Positions { fields: &[FixedField { offset, length }], dropped_end: 0, unit: Unit::Bytes, measure: Measure::Ascii };
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
