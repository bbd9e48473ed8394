//! Encodings other than UTF-8: their bytes are made UTF-8 as PostgreSQL does it, and every place in the result is found again in the
//! bytes as they were read.
//!
//! The tables are those of `encoding_rs`, which are the Web's, corrected where PostgreSQL's differ; the loops around them are this
//! crate's, because they have to know where they are.

mod charset;
mod differences;
mod transcript;
mod utf16;

use copyist_core::{DataError, ErrorCode};

pub use charset::Charset;
pub use transcript::{Cursor, Transcript, room_for};

/// What takes the place of bytes that are no character: it is in no UTF-8, so who looks for what is wrong finds it.
pub const MALFORMED: u8 = 0xFF;

/// An encoding as a statement names it.
#[derive(Clone, Copy, Debug)]
pub enum Encoding {
    /// The byte order mark at the beginning tells which of the two.
    Utf16,
    Utf16Le,
    Utf16Be,
    Charset(&'static Charset),
}

/// How an input begins.
pub enum Beginning {
    /// With this many bytes that are no text.
    Known(Encoding, usize),
    /// That cannot be told yet.
    TooShort,
}

impl Encoding {
    /// The encoding of this name: PostgreSQL's own spelling of it (`LATIN1`, `WIN1252`), or `UTF16`, `UTF16LE`, `UTF16BE`.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        match name {
            "UTF16" => Some(Self::Utf16),
            "UTF16LE" => Some(Self::Utf16Le),
            "UTF16BE" => Some(Self::Utf16Be),
            _ => Charset::find(name).map(Self::Charset),
        }
    }

    /// Its name in messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Utf16 => "UTF16",
            Self::Utf16Le => "UTF16LE",
            Self::Utf16Be => "UTF16BE",
            Self::Charset(charset) => charset.name(),
        }
    }

    /// Bytes that an ASCII character has.
    #[must_use]
    pub fn unit(self) -> usize {
        match self {
            Self::Utf16 | Self::Utf16Le | Self::Utf16Be => 2,
            Self::Charset(_) => 1,
        }
    }

    /// Whether every character has one byte.
    #[must_use]
    pub fn has_single_bytes(self) -> bool {
        matches!(self, Self::Charset(charset) if charset.has_single_bytes())
    }

    /// Bytes of the character that `bytes` begin with, or of what is none.
    #[must_use]
    pub fn first_len(self, bytes: &[u8]) -> usize {
        self.walk(bytes, true, 1, &mut Counter { at: 0 })
    }

    /// Looks for a byte order mark. `end`: there are no more bytes.
    ///
    /// # Errors
    /// When there is none where one is needed, or that of the other byte order.
    pub fn begin(self, bytes: &[u8], end: bool) -> Result<Beginning, Box<DataError>> {
        const GB18030_MARK: &[u8] = &[0x84, 0x31, 0x95, 0x33];
        if let Self::Charset(charset) = self {
            let mark = if charset.name() == "GB18030" { GB18030_MARK } else { &[] };
            return Ok(match bytes.get(..mark.len()) {
                Some(start) => Beginning::Known(self, if start == mark { mark.len() } else { 0 }),
                None if !end && mark.starts_with(bytes) => Beginning::TooShort,
                None => Beginning::Known(self, 0),
            });
        }
        let marked = match bytes {
            [0xFF, 0xFE, ..] => Some(Self::Utf16Le),
            [0xFE, 0xFF, ..] => Some(Self::Utf16Be),
            [] | [_] if !end => return Ok(Beginning::TooShort),
            _ => None,
        };
        match (self, marked) {
            (Self::Utf16, Some(found)) | (Self::Utf16Le, Some(found @ Self::Utf16Le)) => Ok(Beginning::Known(found, 2)),
            (Self::Utf16Be, Some(found @ Self::Utf16Be)) => Ok(Beginning::Known(found, 2)),
            (_, Some(found)) => Err(DataError::new(
                ErrorCode::CharacterNotInRepertoire,
                format!("the byte order mark is not that of encoding \"{}\"", self.name()),
            )
            .with_hint(format!("It is that of {}.", found.name()))),
            (Self::Utf16, None) if bytes.is_empty() => Ok(Beginning::Known(Self::Utf16Le, 0)),
            (Self::Utf16, None) => Err(DataError::new(
                ErrorCode::CharacterNotInRepertoire,
                "the input in encoding \"UTF16\" does not begin with a byte order mark",
            )
            .with_hint("Write ENCODING 'UTF16LE' or 'UTF16BE', whichever it is.")),
            (_, None) => Ok(Beginning::Known(self, 0)),
        }
    }

    /// PostgreSQL's error for what `bytes` start with: no character, or one that Unicode does not have.
    #[must_use]
    pub fn error(self, bytes: &[u8]) -> Box<DataError> {
        let (is_valid, len) = match self {
            Self::Utf16 | Self::Utf16Le | Self::Utf16Be => (false, 2),
            Self::Charset(charset) => charset.verify(bytes),
        };
        let shown: Vec<String> = bytes.iter().take(len).map(|byte| format!("0x{byte:02x}")).collect();
        let (shown, name) = (shown.join(" "), self.name());
        if is_valid {
            DataError::new(
                ErrorCode::UntranslatableCharacter,
                format!(
                    "character with byte sequence {shown} in encoding \"{name}\" has no equivalent in encoding \"UTF8\""
                ),
            )
        } else {
            DataError::new(
                ErrorCode::CharacterNotInRepertoire,
                format!("invalid byte sequence for encoding \"{name}\": {shown}"),
            )
        }
    }

    /// Makes UTF-8 of `bytes` until there is `limit` of it; returns how many bytes that took. Without `end` a character that is cut
    /// short is left.
    fn walk<S: Sink>(self, bytes: &[u8], end: bool, limit: usize, sink: &mut S) -> usize {
        match self {
            Self::Utf16 | Self::Utf16Le => utf16::walk::<false, S>(bytes, end, limit, sink),
            Self::Utf16Be => utf16::walk::<true, S>(bytes, end, limit, sink),
            Self::Charset(charset) => charset.walk(bytes, end, limit, sink),
        }
    }

    /// `text` in this encoding; what that does not have becomes a question mark. Slow: for messages and small things.
    #[must_use]
    pub fn encode(self, text: &str) -> Vec<u8> {
        match self {
            Self::Utf16 | Self::Utf16Le => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            Self::Utf16Be => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
            Self::Charset(charset) => {
                text.chars().flat_map(|character| charset.encode(character).unwrap_or_else(|| vec![b'?'])).collect()
            }
        }
    }

    /// All of `bytes` as text; what is no character becomes U+FFFD. For messages and small things.
    #[must_use]
    pub fn decode(self, bytes: &[u8]) -> String {
        let mut text = vec![0; room_for(bytes.len())];
        let mut writer = Writer { out: &mut text, at: 0 };
        self.walk(bytes, true, usize::MAX, &mut writer);
        let len = writer.at;
        String::from_utf8_lossy(&text[..len]).into_owned()
    }
}

/// Where characters go.
trait Sink {
    /// Bytes so far.
    fn at(&self) -> usize;
    /// The first `len` of these ASCII characters.
    fn ascii(&mut self, bytes: [u8; 8], len: usize);
    /// All of these ASCII characters.
    fn run<const N: usize>(&mut self, bytes: [u8; N]);
    /// A character: the first `len` of these bytes.
    fn put(&mut self, bytes: [u8; 4], len: usize);
}

/// Writes them. There is [`room_for`] all.
struct Writer<'a> {
    out: &'a mut [u8],
    at: usize,
}

impl Writer<'_> {
    /// Not a slice to be copied into, which is a call where it is not inlined.
    #[inline(always)]
    fn room<const N: usize>(&mut self) -> &mut [u8; N] {
        match self.out[self.at..].first_chunk_mut() {
            Some(room) => room,
            None => unreachable!("there is room for all"),
        }
    }
}

impl Sink for Writer<'_> {
    #[inline(always)]
    fn at(&self) -> usize {
        self.at
    }

    #[inline(always)]
    fn ascii(&mut self, bytes: [u8; 8], len: usize) {
        *self.room() = bytes;
        self.at += len;
    }

    #[inline(always)]
    fn run<const N: usize>(&mut self, bytes: [u8; N]) {
        *self.room() = bytes;
        self.at += N;
    }

    #[inline(always)]
    fn put(&mut self, bytes: [u8; 4], len: usize) {
        *self.room() = bytes;
        self.at += len;
    }
}

/// Only counts.
struct Counter {
    at: usize,
}

impl Sink for Counter {
    #[inline(always)]
    fn at(&self) -> usize {
        self.at
    }

    #[inline(always)]
    fn ascii(&mut self, _: [u8; 8], len: usize) {
        self.at += len;
    }

    #[inline(always)]
    fn run<const N: usize>(&mut self, _: [u8; N]) {
        self.at += N;
    }

    #[inline(always)]
    fn put(&mut self, _: [u8; 4], len: usize) {
        self.at += len;
    }
}
