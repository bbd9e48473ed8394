//! Finding a row of the output again in the input, for errors that only the target sees.

use std::collections::VecDeque;

use copyist_format::{Places, RecordPlace};

/// Where a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Location {
    /// The number of the input in the order of the load, from 0.
    pub file: u32,
    /// Bytes of records before it in all inputs, as [`crate::Reject::position`]; rows where they come in columns.
    pub position: u64,
    /// Line from 1, as PostgreSQL counts: that of the record's end. Where rows come in columns the number of the row, and no bytes.
    pub line: u64,
    /// That of its beginning.
    pub first_line: u64,
    /// Offset of the record's first byte in the input.
    pub byte_offset: u64,
    /// Bytes of the record, without its line end.
    pub byte_len: u64,
}

/// One chunk's rows.
pub(crate) struct Span {
    pub first_row: u64,
    pub first_line: u64,
    pub file: u32,
    /// Bytes of records before the tile in all inputs.
    pub position: u64,
    pub byte_offset: u64,
    /// Offset of the first row's record in the tile.
    pub start: u32,
    /// Where each row's record ends.
    pub ends: Vec<u32>,
    /// Where rows may have more than one line.
    pub lines: Option<Lines>,
    /// Bytes of a line end.
    pub eol_len: u32,
    /// Lines before the first row's own.
    pub header_lines: u64,
    /// Where rows do not follow upon each other; then `ends` and `lines` say nothing.
    pub places: Option<Places>,
    /// The tile, if records are to be told whole.
    pub data: Option<Box<[u8]>>,
    /// Of rows that come in columns, and have neither lines nor bytes.
    pub columnar: Option<ColumnarSpan>,
}

/// What a row is for whoever has to look at it, by its number in the batch.
pub(crate) type RowText = Box<dyn Fn(usize) -> Vec<u8> + Send + Sync>;

/// Rows of a batch. Where some were taken out, [`Span::places`] has the numbers of the others, as those of lines.
pub(crate) struct ColumnarSpan {
    pub rows: usize,
    /// If records are to be told.
    pub text: Option<RowText>,
}

impl Span {
    fn len(&self) -> usize {
        match (&self.places, &self.columnar) {
            (Some(places), _) => places.starts.len(),
            (None, Some(columnar)) => columnar.rows,
            (None, None) => self.ends.len(),
        }
    }

    /// Lines of the tile before its first row that the places of its rows do not count.
    pub fn lines_before(&self, header_lines: u64) -> u64 {
        if self.lines.is_some() || self.places.is_some() { 0 } else { header_lines }
    }

    /// Where a row begins, if `lines` lines come before those that the rows' places count.
    pub fn place(&self, row: usize, lines: u64) -> RecordPlace {
        let Some(Location { first_line, byte_offset, .. }) = self.locate(row) else { return RecordPlace::default() };
        RecordPlace { line: lines + first_line, byte_offset }
    }

    /// The number in its batch of a row that comes in columns.
    fn row_of_batch(&self, at: usize) -> usize {
        self.places.as_ref().map_or(at, |places| places.first_lines[at] as usize)
    }

    fn locate(&self, at: usize) -> Option<Location> {
        if at >= self.len() {
            return None;
        }
        if self.columnar.is_some() {
            let row = self.row_of_batch(at) as u64;
            let line = self.first_line + row + 1;
            let position = self.position + row;
            return Some(Location { file: self.file, position, line, first_line: line, byte_offset: 0, byte_len: 0 });
        }
        let (start, end, first, last) = match &self.places {
            Some(places) => (
                places.starts[at],
                places.ends[at],
                u64::from(places.first_lines[at]),
                u64::from(places.last_lines[at]),
            ),
            None => {
                let start = if at == 0 { self.start } else { self.ends[at - 1] + self.eol_len };
                let (first, last) = match &self.lines {
                    None => (at as u64, at as u64),
                    Some(lines) if at == 0 => (self.header_lines, lines.before_end_of(0)),
                    Some(lines) => (lines.before_end_of(at - 1) + 1, lines.before_end_of(at)),
                };
                (start, self.ends[at], first.min(last), last)
            }
        };
        Some(Location {
            file: self.file,
            position: self.position + u64::from(start),
            line: self.first_line + last + 1,
            first_line: self.first_line + first + 1,
            byte_offset: self.byte_offset + u64::from(start),
            byte_len: u64::from(end - start),
        })
    }
}

/// Lines of rows.
pub(crate) struct Lines {
    /// Lines before the end of the first row, those before the row included.
    pub first: u32,
    /// For each line end inside a row other than the first: the row. Ascending.
    pub inner: Vec<u32>,
}

impl Lines {
    /// Counts the lines of the rows that end at `ends`. `count` says how many line ends there are between two offsets, and `first` how
    /// many there are before the end of the first row.
    pub fn of(ends: &[u32], first: u32, count: impl Fn(u32, u32) -> u32) -> Self {
        /// Rows that are looked at together at first: mostly none has a line end inside.
        const ROWS: usize = 64;
        let mut lines = Self { first, inner: Vec::new() };
        for from in (0..ends.len().saturating_sub(1)).step_by(ROWS) {
            lines.look(ends, from, ends.len().min(from + ROWS + 1) - 1, &count);
        }
        lines
    }

    /// Looks for line ends inside the rows after `from` up to `to`, by halves.
    fn look(&mut self, ends: &[u32], from: usize, to: usize, count: &impl Fn(u32, u32) -> u32) {
        // Each row begins after the line end of the one before.
        let inner = count(ends[from], ends[to]).saturating_sub((to - from) as u32);
        if inner == 0 {
            return;
        }
        if to - from == 1 {
            self.inner.extend(std::iter::repeat_n(to as u32, inner as usize));
            return;
        }
        let middle = from.midpoint(to);
        self.look(ends, from, middle, count);
        self.look(ends, middle, to, count);
    }

    /// Lines before the end of a row.
    fn before_end_of(&self, row: usize) -> u64 {
        let inner = self.inner.partition_point(|&other| other as usize <= row);
        u64::from(self.first) + row as u64 + inner as u64
    }
}

/// The spans of the chunks handed out last: those that the consumer may hold, and those that have left it for a target that has not
/// looked at them yet.
#[derive(Default)]
pub(crate) struct Recent {
    spans: VecDeque<Span>,
    kept: usize,
}

/// Chunks on their way to a target: what sockets hold.
const UNDER_WAY: usize = 64;

impl Recent {
    /// For a consumer that holds at most `window` chunks.
    pub fn new(window: usize) -> Self {
        Self { spans: VecDeque::new(), kept: window + UNDER_WAY }
    }

    pub fn push(&mut self, span: Span) {
        self.spans.push_back(span);
        if self.spans.len() > self.kept {
            self.spans.pop_front();
        }
    }

    pub fn locate(&self, row: u64) -> Option<Location> {
        let index = self.spans.partition_point(|span| span.first_row <= row).checked_sub(1)?;
        let span = &self.spans[index];
        span.locate(usize::try_from(row - span.first_row).ok()?)
    }

    /// The bytes of a row's record, without its line end, if they are kept.
    pub fn record(&self, row: u64) -> Option<Vec<u8>> {
        let index = self.spans.partition_point(|span| span.first_row <= row).checked_sub(1)?;
        let span = &self.spans[index];
        if let Some(columnar) = &span.columnar {
            let at = usize::try_from(row - span.first_row).ok().filter(|&at| at < span.len())?;
            return columnar.text.as_ref().map(|text| text(span.row_of_batch(at)));
        }
        let place = span.locate(usize::try_from(row - span.first_row).ok()?)?;
        let start = (place.byte_offset - span.byte_offset) as usize;
        span.data.as_ref()?.get(start..start + place.byte_len as usize).map(<[u8]>::to_vec)
    }

    /// Nobody will ask for the bytes of rows before this one any more.
    pub fn settle(&mut self, row: u64) {
        for span in &mut self.spans {
            if span.first_row + span.len() as u64 > row {
                break;
            }
            span.data = None;
            if let Some(columnar) = &mut span.columnar {
                columnar.text = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_those_counted_one_by_one() {
        // Rows of one to four lines; a multiple of 64 and others.
        for rows in [1, 2, 63, 64, 65, 66, 128, 129, 200] {
            let mut data = Vec::new();
            let mut ends = Vec::new();
            for row in 0..rows {
                let inner = if row % 7 == 3 || row > 190 { row % 4 } else { 0 };
                data.extend_from_slice(&b"x\ny\nz\nw\n"[..2 * inner]);
                ends.push(data.len() as u32);
                data.push(b'\n');
            }
            let count = |from: u32, to: u32| {
                data[from as usize..to as usize].iter().filter(|&&byte| byte == b'\n').count() as u32
            };
            let lines = Lines::of(&ends, count(0, ends[0]), count);
            for (row, end) in ends.iter().enumerate() {
                assert_eq!(lines.before_end_of(row), u64::from(count(0, *end)), "{row} of {rows}");
            }
        }
    }
}
