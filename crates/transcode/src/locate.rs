//! Finding a row of the output again in the input, for errors that only the target sees.

use std::collections::VecDeque;

/// Where a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Location {
    /// Line from 1, as PostgreSQL counts.
    pub line: u64,
    /// Offset of the record's first byte in the input.
    pub byte_offset: u64,
}

/// One chunk's rows.
pub(crate) struct Span {
    pub first_row: u64,
    pub first_line: u64,
    pub byte_offset: u64,
    /// Offset of the first row's record in the tile.
    pub start: u32,
    /// Where each row's record ends.
    pub ends: Vec<u32>,
    /// Lines before each row's end, where rows have more than one.
    pub lines: Option<Vec<u32>>,
    /// Bytes of a line end.
    pub eol_len: u32,
}

/// The spans of the chunks handed out last. Targets lag behind by what sockets and their own buffers hold, far less.
#[derive(Default)]
pub(crate) struct Recent {
    spans: VecDeque<Span>,
}

const KEPT: usize = 256;

impl Recent {
    pub fn push(&mut self, span: Span) {
        self.spans.push_back(span);
        if self.spans.len() > KEPT {
            self.spans.pop_front();
        }
    }

    pub fn locate(&self, row: u64) -> Option<Location> {
        let index = self.spans.partition_point(|span| span.first_row <= row).checked_sub(1)?;
        let span = &self.spans[index];
        let at = usize::try_from(row - span.first_row).ok()?;
        if at >= span.ends.len() {
            return None;
        }
        let line = span.lines.as_ref().map_or(at as u64, |lines| u64::from(lines[at]));
        let start = if at == 0 { span.start } else { span.ends[at - 1] + span.eol_len };
        Some(Location { line: span.first_line + line + 1, byte_offset: span.byte_offset + u64::from(start) })
    }
}
