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
    /// Bytes of the batch that it holds on to.
    pub text_bytes: usize,
}

impl Span {
    /// Rows that come in columns; where in the load they are is not known yet.
    #[cfg(feature = "columnar")]
    pub fn of_batch(columnar: ColumnarSpan, places: Option<Places>) -> Self {
        Self {
            first_row: 0,
            first_line: 0,
            file: 0,
            position: 0,
            byte_offset: 0,
            start: 0,
            ends: Vec::new(),
            lines: None,
            eol_len: 0,
            header_lines: 0,
            places,
            data: None,
            columnar: Some(columnar),
        }
    }

    fn len(&self) -> usize {
        match (&self.places, &self.columnar) {
            (Some(places), _) => places.starts.len(),
            (None, Some(columnar)) => columnar.rows,
            (None, None) => self.ends.len(),
        }
    }

    /// About how much memory it takes.
    fn bytes(&self) -> usize {
        let places = self.places.as_ref().map_or(0, |places| {
            let Places { starts, ends, first_lines, last_lines } = places;
            [starts, ends, first_lines, last_lines].into_iter().map(Vec::capacity).sum()
        });
        let inner = self.lines.as_ref().map_or(0, |lines| lines.inner.capacity());
        size_of::<Kept>()
            + (self.ends.capacity() + inner + places) * size_of::<u32>()
            + self.data.as_ref().map_or(0, |data| data.len())
            + self
                .columnar
                .as_ref()
                .filter(|columnar| columnar.text.is_some())
                .map_or(0, |columnar| columnar.text_bytes)
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

/// Spans of the rows that somebody may ask about.
///
/// A consumer that says what it has dealt with may ask about every row from there on. Of one that does not, the rows are those that it
/// may hold, and those that have left it for a target that has not looked at them yet. Either ends at a limit of memory: whoever gathers
/// rows and must know the places of all asks [`Recent::is_full`] first.
#[derive(Default)]
pub(crate) struct Recent {
    spans: VecDeque<Kept>,
    /// Chunks that a consumer may hold or have under way.
    window: u64,
    /// Bytes that spans may take beyond that.
    most: usize,
    /// Chunks handed out, and their bytes.
    chunks: u64,
    sent: u64,
    /// Rows before this one have been dealt with, if the consumer says so.
    settled: Option<u64>,
    /// Spans, from the first on, that have such rows alone, and the bytes of all others.
    settled_spans: usize,
    bytes: usize,
}

struct Kept {
    span: Span,
    /// What had been handed out before the chunk, which may have a span for each of many small inputs.
    chunk: u64,
    sent: u64,
}

/// What sockets hold: chunks on their way to a target, or as many as come to these bytes, where they are small.
const UNDER_WAY: u64 = 64;
const UNDER_WAY_BYTES: u64 = 16 << 20;

impl Recent {
    /// For a consumer that holds at most `window` chunks, with `most` bytes for rows that are neither there nor settled.
    pub fn new(window: usize, most: usize) -> Self {
        Self { window: window as u64 + UNDER_WAY, most, ..Self::default() }
    }

    pub fn push(&mut self, span: Span) {
        self.bytes += span.bytes();
        self.spans.push_back(Kept { span, chunk: self.chunks, sent: self.sent });
        while self.spans.front().is_some_and(|first| self.is_over(first)) {
            let is_settled = self.settled_spans > 0;
            let Some(Kept { span, .. }) = self.spans.pop_front() else { break };
            if is_settled {
                self.settled_spans -= 1;
            } else {
                self.bytes -= span.bytes();
            }
        }
    }

    /// Whether nobody will ask about the rows of the first span, or there is no room for it.
    fn is_over(&self, first: &Kept) -> bool {
        if self.chunks - first.chunk < self.window {
            return false;
        }
        let is_wanted = match self.settled {
            Some(_) => self.settled_spans == 0,
            None => self.sent - first.sent <= UNDER_WAY_BYTES,
        };
        !is_wanted || self.bytes > self.most
    }

    /// The spans pushed since the last chunk are those of this one.
    pub fn hand_out(&mut self, bytes: usize) {
        self.chunks += 1;
        self.sent += bytes as u64;
    }

    /// Whether rows that are not settled take so much memory that some should be, lest the first of them be forgotten.
    pub fn is_full(&self) -> bool {
        self.settled.is_some() && self.bytes > self.most / 2
    }

    fn find(&self, row: u64) -> Option<(&Span, usize)> {
        let index = self.spans.partition_point(|kept| kept.span.first_row <= row).checked_sub(1)?;
        let span = &self.spans[index].span;
        Some((span, usize::try_from(row - span.first_row).ok()?))
    }

    pub fn locate(&self, row: u64) -> Option<Location> {
        let (span, at) = self.find(row)?;
        span.locate(at)
    }

    /// The bytes of a row's record, without its line end, if they are kept.
    pub fn record(&self, row: u64) -> Option<Vec<u8>> {
        let (span, at) = self.find(row)?;
        if let Some(columnar) = &span.columnar {
            let text = columnar.text.as_ref().filter(|_| at < span.len())?;
            return Some(text(span.row_of_batch(at)));
        }
        let place = span.locate(at)?;
        let start = (place.byte_offset - span.byte_offset) as usize;
        span.data.as_ref()?.get(start..start + place.byte_len as usize).map(<[u8]>::to_vec)
    }

    /// Nobody will ask for rows before this one any more, but for the place of the last. From now on all others are kept, as far as there is
    /// room.
    pub fn settle(&mut self, row: u64) {
        self.settled = self.settled.max(Some(row));
        while let Some(Kept { span, .. }) = self.spans.get_mut(self.settled_spans) {
            if span.first_row + span.len() as u64 > row {
                break;
            }
            self.bytes -= span.bytes();
            self.settled_spans += 1;
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

    /// Rows of three bytes, one a line.
    fn span(first_row: u64, rows: u64, data: bool) -> Span {
        Span {
            first_row,
            first_line: 0,
            file: first_row as u32,
            position: 4 * first_row,
            byte_offset: 0,
            start: 0,
            ends: (0..rows as u32).map(|row| 4 * row + 3).collect(),
            lines: None,
            eol_len: 1,
            header_lines: 0,
            places: None,
            data: data.then(|| b"abc\n".repeat(rows as usize).into()),
            columnar: None,
        }
    }

    #[test]
    fn many_inputs_of_a_chunk_count_as_one() {
        let mut recent = Recent::new(4, 1 << 20);
        for row in 0..4 * 256 {
            recent.push(span(row, 1, false));
            if row % 256 == 255 {
                recent.hand_out(UNDER_WAY_BYTES as usize);
            }
        }
        assert!((0..4 * 256).all(|row| recent.locate(row).is_some_and(|place| u64::from(place.file) == row)));
    }

    #[test]
    fn small_chunks_are_kept_as_long_as_sockets_may_hold_them() {
        let mut recent = Recent::new(4, 1 << 20);
        for row in 0..1000 {
            recent.push(span(row, 1, false));
            recent.hand_out(10);
        }
        assert!(recent.locate(0).is_some());
        recent.hand_out(UNDER_WAY_BYTES as usize);
        recent.push(span(1000, 1, false));
        assert!(recent.locate(0).is_none() && recent.locate(1000 - UNDER_WAY).is_some());
    }

    #[test]
    fn what_is_not_settled_is_kept_up_to_a_limit() {
        const ROWS: u64 = 50;
        let each = span(0, ROWS, true).bytes();
        let most = 200 * each;
        let mut recent = Recent::new(4, most);
        recent.settle(0);
        let mut settled = 0;
        // Whoever settles when it is full finds every row that is not settled, whatever is under way.
        for first in (0..1000 * ROWS).step_by(ROWS as usize) {
            recent.push(span(first, ROWS, true));
            recent.hand_out(UNDER_WAY_BYTES as usize);
            assert!((settled..first + ROWS).all(|row| recent.locate(row).is_some()), "{first}");
            assert_eq!(recent.record(settled).as_deref(), Some(b"abc".as_slice()));
            assert!(recent.bytes <= most / 2 + each);
            if recent.is_full() {
                settled = first + ROWS;
                recent.settle(settled);
                assert!(!recent.is_full());
                // The place of the last one is what is told of the progress.
                assert!(recent.locate(settled - 1).is_some() && recent.record(settled - 1).is_none());
            }
        }
        assert!(settled > 0 && recent.spans.len() < 300);
        // Of the others the first are forgotten.
        for first in (1000 * ROWS..2000 * ROWS).step_by(ROWS as usize) {
            recent.push(span(first, ROWS, true));
            recent.hand_out(1);
            assert!(recent.bytes <= most);
        }
        assert!(recent.locate(settled).is_none() && recent.record(2000 * ROWS - 1).is_some());
    }

    #[test]
    fn what_is_settled_makes_room() {
        let mut recent = Recent::new(4, 1 << 20);
        for row in 0..200 {
            recent.push(span(row, 1, true));
            recent.hand_out(1);
            recent.settle(row + 1);
        }
        assert_eq!((recent.bytes, recent.spans.len() as u64), (0, 4 + UNDER_WAY));
        assert_eq!(recent.settled_spans, recent.spans.len());
    }

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
