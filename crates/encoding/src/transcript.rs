//! A piece of an input as it was read, and its text.

use copyist_core::DataError;

use crate::{Counter, Encoding, Sink as _, Writer};

/// Bytes that are made text at a time. Between two marks a place is looked for by reading on from the first.
const STRIDE: usize = 1024;

/// Room that `len` bytes of any encoding need as text, with what is written beyond the last character.
#[must_use]
pub fn room_for(len: usize) -> usize {
    3 * len + 8
}

/// Bytes as they were read, and where their text has its characters.
#[derive(Clone, Debug)]
pub struct Transcript {
    encoding: Encoding,
    /// From where the text begins.
    bytes: Vec<u8>,
    /// Of these the ones that have been made text.
    taken: usize,
    text_len: usize,
    /// A place in the text and in the bytes, ascending.
    marks: Vec<(u32, u32)>,
}

impl Transcript {
    /// Of nothing yet.
    #[must_use]
    pub fn new(encoding: Encoding) -> Self {
        Self { encoding, bytes: Vec::new(), taken: 0, text_len: 0, marks: Vec::new() }
    }

    #[must_use]
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Begins anew, with these bytes.
    pub fn reset(&mut self, encoding: Encoding, bytes: &[u8]) {
        self.encoding = encoding;
        self.bytes.clear();
        self.bytes.extend_from_slice(bytes);
        self.marks.clear();
        (self.taken, self.text_len) = (0, 0);
    }

    /// Adds up to `len` bytes that `read` puts where it is told.
    ///
    /// # Errors
    /// Those of `read`.
    pub fn read<E>(&mut self, len: usize, read: impl FnOnce(&mut [u8]) -> Result<usize, E>) -> Result<usize, E> {
        let start = self.bytes.len();
        self.bytes.resize(start + len, 0);
        let size = read(&mut self.bytes[start..]);
        self.bytes.truncate(start + *size.as_ref().unwrap_or(&0));
        size
    }

    /// The input begins, with `mark` bytes that are no text.
    pub fn begin(&mut self, encoding: Encoding, mark: usize) {
        self.encoding = encoding;
        self.bytes.drain(..mark);
    }

    /// Forgets what has been made text; how many bytes that were.
    pub fn forget(&mut self) -> usize {
        let taken = self.taken;
        self.bytes.drain(..taken);
        self.marks.clear();
        (self.taken, self.text_len) = (0, 0);
        taken
    }

    /// The bytes, those included that are no text yet.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Bytes that are not text yet.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.bytes.len() - self.taken
    }

    /// Makes them text, at the beginning of `out`, which has [`room_for`] it; returns its length. `end`: no more will follow.
    pub fn write(&mut self, out: &mut [u8], end: bool) -> usize {
        let mut writer = Writer { out, at: 0 };
        loop {
            let stop = self.bytes.len().min(self.taken + STRIDE);
            let is_last = stop == self.bytes.len();
            if self.taken == stop {
                break;
            }
            self.marks.push(((self.text_len + writer.at) as u32, self.taken as u32));
            self.taken += self.encoding.walk(&self.bytes[self.taken..stop], end && is_last, usize::MAX, &mut writer);
            if is_last {
                break;
            }
        }
        self.text_len += writer.at;
        writer.at
    }

    /// Where the character at `offset` of the text begins in the bytes.
    #[must_use]
    pub fn place(&self, offset: usize) -> usize {
        let index = self.marks.partition_point(|mark| mark.0 as usize <= offset);
        let (text, bytes) = index.checked_sub(1).map_or((0, 0), |index| self.marks[index]);
        let mut cursor = Cursor { transcript: self, text: text as usize, bytes: bytes as usize };
        cursor.place(offset)
    }

    /// For many places one after the other.
    #[must_use]
    pub fn cursor(&self) -> Cursor<'_> {
        Cursor { transcript: self, text: 0, bytes: 0 }
    }

    /// The bytes of a part of the text.
    #[must_use]
    pub fn original(&self, text: std::ops::Range<usize>) -> &[u8] {
        &self.bytes[self.place(text.start)..self.place(text.end)]
    }

    /// What is wrong at `offset` of the text.
    #[must_use]
    pub fn error(&self, offset: usize) -> Box<DataError> {
        self.encoding.error(&self.bytes[self.place(offset)..])
    }
}

/// Finds places that ascend.
pub struct Cursor<'a> {
    transcript: &'a Transcript,
    text: usize,
    bytes: usize,
}

impl Cursor<'_> {
    /// Goes to a place in the text, before or behind the last one; where that is in the bytes.
    pub fn seek(&mut self, offset: usize) -> usize {
        let Transcript { marks, .. } = self.transcript;
        if offset < self.text || offset - self.text > STRIDE {
            let index = marks.partition_point(|mark| mark.0 as usize <= offset);
            let (text, bytes) = index.checked_sub(1).map_or((0, 0), |index| marks[index]);
            (self.text, self.bytes) = (text as usize, bytes as usize);
        }
        self.place(offset)
    }

    /// Reads on to a place in the bytes, but not beyond one in the text; answers where it is in both. In the middle of a character it stays
    /// before that.
    pub fn read_to(&mut self, stop: usize, limit: usize) -> (usize, usize) {
        let Transcript { encoding, bytes, taken, .. } = self.transcript;
        let stop = stop.min(*taken);
        while self.bytes < stop && self.text < limit {
            let mut counter = Counter { at: 0 };
            let mut read = encoding.walk(&bytes[self.bytes..stop], false, limit - self.text, &mut counter);
            if read == 0 {
                // What looks cut may be no character, and end here.
                read = encoding.walk(&bytes[self.bytes..*taken], true, 1, &mut counter);
                if self.bytes + read > stop {
                    break;
                }
            }
            self.bytes += read;
            self.text += counter.at();
        }
        (self.text, self.bytes)
    }

    /// As [`Transcript::place`], of a place not before the last one.
    pub fn place(&mut self, offset: usize) -> usize {
        if offset > self.text {
            let bytes = &self.transcript.bytes[self.bytes..self.transcript.taken];
            let mut counter = Counter { at: 0 };
            self.bytes += self.transcript.encoding.walk(bytes, true, offset - self.text, &mut counter);
            self.text += counter.at();
        }
        self.bytes
    }
}
