//! A tile: whole records of the input in a padded, reused buffer.

use copyist_scan::{Eol, Scanner};

use crate::{Replacement, utf8};

/// Bytes kept readable before the first and after the last byte of the data, so that word loads at a field's edges stay
/// inside the buffer.
pub const PAD: usize = 64;

/// Bytes to hold back behind the records of a tile that is not the last: the longest character. They tell what stands after
/// a carriage return, and messages quote them.
pub const LOOK_AHEAD: usize = 4;

/// Whole records, cut out of the input at record ends. Only the last tile of an input may end without one.
#[derive(Debug, Default)]
pub struct Tile {
    /// `PAD` bytes, the data, any look-ahead, at least `PAD` bytes. What is not data is unspecified.
    pub buffer: Vec<u8>,
    /// Length of the data.
    pub len: usize,
    /// Length of the data and of what was read beyond it; for messages that quote bytes past the tile.
    pub filled: usize,
    /// Position in the order of the input.
    pub sequence: u64,
    /// Offset of the data in the input.
    pub byte_offset: u64,
    /// The line-end style; None when the input has no line end at all.
    pub eol: Option<Eol>,
    /// Whether this is the input's first tile and it starts with a header.
    pub header: bool,
    /// Whether this is the first tile.
    pub first: bool,
    /// Whether the input ends with it.
    pub last: bool,
    /// Lines with a broken quote, ascending, as offsets in the data: from the line's start to its line end. Records are looked for
    /// between them.
    pub breaks: Vec<(u32, u32)>,
    /// The data as they were read, where bytes have been replaced.
    pub original: Option<Vec<u8>>,
}

impl Tile {
    /// A tile holding all of `input`; for tests, fuzzing and small inputs.
    #[must_use]
    pub fn whole(input: &[u8], eol: Option<Eol>, header: bool) -> Self {
        let mut buffer = vec![0; PAD];
        buffer.extend_from_slice(input);
        buffer.resize(buffer.len() + PAD, 0);
        Self {
            buffer,
            len: input.len(),
            filled: input.len(),
            sequence: 0,
            byte_offset: 0,
            eol,
            header,
            first: true,
            last: true,
            breaks: Vec::new(),
            original: None,
        }
    }

    /// Replaces bytes that are part of no character. How many there were.
    pub fn replace_invalid(&mut self, scanner: Scanner, replacement: Replacement) -> u64 {
        self.original = None;
        let (high, nul) = scanner.non_ascii_or_nul(self.data());
        if !(high || nul && replacement.nul.is_some()) {
            return 0;
        }
        let (mut from, mut count) = (0, 0);
        while let Some(found) = utf8::first_invalid(&self.data()[from..]) {
            let at = from + found;
            from = at + 1;
            let byte = self.data()[at];
            let Some(new) = (if byte == 0 { replacement.nul } else { Some(replacement.byte) }) else { continue };
            if self.original.is_none() {
                self.original = Some(self.data().to_vec());
            }
            self.buffer[PAD + at] = new;
            count += 1;
        }
        count
    }

    /// Bytes of a line end.
    #[must_use]
    pub fn eol_len(&self) -> usize {
        self.eol.map_or(1, Eol::len)
    }

    /// Bytes between a record's end and the offset of its line end, which is that of its last byte.
    pub(crate) fn trim(&self) -> usize {
        self.eol_len() - 1
    }

    /// The records as they were read.
    #[must_use]
    pub fn as_read(&self) -> &[u8] {
        self.original.as_deref().unwrap_or_else(|| self.data())
    }

    /// The records.
    #[inline]
    #[must_use]
    pub fn data(&self) -> &[u8] {
        &self.buffer[PAD..PAD + self.len]
    }
}
