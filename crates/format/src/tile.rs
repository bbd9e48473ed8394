//! A tile: whole records of the input in a padded, reused buffer.

use std::ops::Range;
use std::sync::Arc;

use copyist_core::DataError;
use copyist_encoding::Transcript;
use copyist_scan::{Eol, Scanner};

use crate::{Constants, Escapes, Fault, Places, Plan, Refusal, Replacement, text, utf8};

/// Bytes kept readable before the first and after the last byte of the data, so that word loads at a field's edges stay
/// inside the buffer.
pub const PAD: usize = 64;

/// Bytes to hold back behind the records of a tile that is not the last: the longest character. They tell what stands after
/// a carriage return, and messages quote them.
pub const LOOK_AHEAD: usize = 4;

/// Said of a byte order mark, whose bytes UTF-8 never has.
const UTF16: &str = "Input in UTF-16 begins so. If it is that, add ENCODING 'UTF16' to the options.";

/// Whole records, cut out of the input at record ends. Only the last tile of an input may end without one.
#[derive(Debug, Default)]
pub struct Tile {
    /// `PAD` bytes, the data, any look-ahead, at least `PAD` bytes. What is not data is unspecified.
    pub buffer: Vec<u8>,
    /// Length of the data.
    pub len: usize,
    /// Length of the data and of what was read beyond it; for messages that quote bytes past the tile.
    pub filled: usize,
    /// Position in the order of the load; small inputs may share one.
    pub sequence: u64,
    /// The number of the input, from 0.
    pub file: u32,
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
    /// Where characters stand that are none of the input's, in order: the offset of each in the data, and how many bytes it has. Spaces for NUL
    /// are not among them, which make no other value of any.
    pub replaced: Vec<(u32, u8)>,
    /// The bytes that were read, where they are in another encoding than the data. They begin and end with them, and may go on with
    /// what was read beyond.
    pub transcript: Option<Transcript>,
    /// The values of columns that are constants, where some differ from input to input; the same ones for all tiles of an input.
    pub constants: Option<Arc<Constants>>,
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
            file: 0,
            byte_offset: 0,
            eol,
            header,
            first: true,
            last: true,
            breaks: Vec::new(),
            original: None,
            replaced: Vec::new(),
            transcript: None,
            constants: None,
        }
    }

    /// Whether the line-end style is known from its first record only: nothing before has told it, neither the plan nor a line.
    #[must_use]
    pub fn tells_eol(&self, plan: &Plan) -> bool {
        self.first && plan.skip == 0 && plan.eol.is_none()
    }

    /// Replaces bytes that are part of no character, also those that escapes of TEXT stand for. How many there were.
    pub fn replace_invalid(&mut self, plan: &Plan, replacement: Replacement) -> u64 {
        self.original = None;
        self.replaced.clear();
        let count = self.replace_raw(plan.scanner, replacement) + self.replace_escaped(plan, replacement);
        self.replaced.sort_unstable();
        count
    }

    fn replace_raw(&mut self, scanner: Scanner, replacement: Replacement) -> u64 {
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
            self.keep_original();
            self.buffer[PAD + at] = new;
            if byte != 0 {
                self.replaced.push((at as u32, 1));
            }
            count += 1;
        }
        count
    }

    /// By writing other escapes, so that everything stays where it is.
    fn replace_escaped(&mut self, plan: &Plan, replacement: Replacement) -> u64 {
        if plan.escapes != Escapes::Sequences {
            return 0;
        }
        let escapes = text::illegal_escapes(self.data(), plan, self.eol, replacement);
        if !escapes.is_empty() {
            self.keep_original();
        }
        for (at, escape, is_nul) in &escapes {
            self.buffer[PAD + at..][..escape.len()].copy_from_slice(escape);
            if !is_nul {
                self.replaced.push((*at as u32, escape.len() as u8));
            }
        }
        escapes.len() as u64
    }

    /// The characters that were replaced in a part of the data.
    pub(crate) fn replaced_in(&self, part: Range<usize>) -> &[(u32, u8)] {
        let from = self.replaced.partition_point(|&(at, _)| (at as usize) < part.start);
        let len = self.replaced[from..].partition_point(|&(at, _)| (at as usize) < part.end);
        &self.replaced[from..from + len]
    }

    fn keep_original(&mut self) {
        if self.original.is_none() && self.transcript.is_none() {
            self.original = Some(self.data().to_vec());
        }
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

    /// A part of the data as it was read.
    #[must_use]
    pub fn as_read(&self, part: Range<usize>) -> &[u8] {
        match &self.transcript {
            Some(transcript) => transcript.original(part),
            None => &self.original.as_deref().unwrap_or_else(|| self.data())[part],
        }
    }

    /// Offset in the input of what is at an offset of the data.
    #[must_use]
    pub fn place_in_input(&self, offset: usize) -> u64 {
        let place = self.transcript.as_ref().map_or(offset, |transcript| transcript.place(offset));
        self.byte_offset + place as u64
    }

    /// PostgreSQL's error for bytes at an offset that are no character.
    #[must_use]
    pub fn invalid_sequence(&self, offset: usize) -> Box<DataError> {
        match &self.transcript {
            Some(transcript) => transcript.error(offset),
            None => {
                let bytes = &self.buffer[PAD + offset..PAD + self.filled.max(self.len)];
                let error = utf8::invalid_sequence(bytes);
                let is_marked = bytes.starts_with(b"\xFF\xFE") || bytes.starts_with(b"\xFE\xFF");
                if self.byte_offset + offset as u64 == 0 && is_marked { error.with_hint(UTF16) } else { error }
            }
        }
    }

    /// Bytes of a line end as it was read.
    #[must_use]
    pub fn eol_len_as_read(&self) -> usize {
        self.eol_len() * self.transcript.as_ref().map_or(1, |transcript| transcript.encoding().unit())
    }

    /// Makes offsets in the data those in the bytes as they were read. They ascend.
    pub fn places_as_read<'a>(&self, offsets: impl IntoIterator<Item = &'a mut u32>) {
        let Some(transcript) = &self.transcript else { return };
        let mut cursor = transcript.cursor();
        for offset in offsets {
            *offset = cursor.place(*offset as usize) as u32;
        }
    }

    /// The same of rows.
    pub fn rows_as_read(&self, places: &mut Places) {
        self.places_as_read(places.starts.iter_mut().zip(&mut places.ends).flat_map(|(start, end)| [start, end]));
    }

    /// The same of refused records, which have their bytes already.
    pub fn refusals_as_read(&self, refusals: &mut [Refusal]) {
        if self.transcript.is_none() {
            return;
        }
        for refusal in refusals {
            (refusal.offset, refusal.len) = self.extent_as_read(refusal.offset.into(), refusal.len.into());
        }
    }

    /// The same of an error.
    pub fn fault_as_read(&self, fault: &mut Fault) {
        if self.transcript.is_some() {
            let (offset, len) = self.extent_as_read(fault.record_offset, fault.record_len);
            (fault.record_offset, fault.record_len) = (offset.into(), len.into());
        }
    }

    fn extent_as_read(&self, offset: u64, len: u64) -> (u32, u32) {
        let mut ends = [offset as u32, (offset + len) as u32];
        let place = |offset| self.transcript.as_ref().map_or(offset, |transcript| transcript.place(offset));
        for end in &mut ends {
            *end = place(*end as usize) as u32;
        }
        (ends[0], ends[1] - ends[0])
    }

    /// The records.
    #[inline]
    #[must_use]
    pub fn data(&self) -> &[u8] {
        &self.buffer[PAD..PAD + self.len]
    }
}
