//! The bytes between two fields, or behind a record, where they may be several.

use std::fmt;

/// One to ten bytes that stand together.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Separator {
    /// Zeros behind its length.
    bytes: [u8; Separator::MAX],
    len: u8,
}

impl Separator {
    /// Bytes that one has at most.
    pub const MAX: usize = 10;

    /// That of a single byte.
    #[must_use]
    pub const fn byte(byte: u8) -> Separator {
        let mut bytes = [0; Separator::MAX];
        bytes[0] = byte;
        Separator { bytes, len: 1 }
    }

    /// With one more byte.
    ///
    /// # Panics
    /// If it has [`Separator::MAX`] already.
    #[must_use]
    pub const fn then(mut self, byte: u8) -> Separator {
        self.bytes[self.len as usize] = byte;
        self.len += 1;
        self
    }

    /// None if there are no bytes or more than [`Separator::MAX`].
    #[must_use]
    pub fn new(bytes: &[u8]) -> Option<Separator> {
        let mut all = [0; Separator::MAX];
        all.get_mut(..bytes.len())?.copy_from_slice(bytes);
        (!bytes.is_empty()).then_some(Separator { bytes: all, len: bytes.len() as u8 })
    }

    /// Its bytes, at least one.
    #[inline]
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// How many bytes it has.
    #[allow(clippy::len_without_is_empty, reason = "none is empty")]
    #[inline]
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len as usize
    }

    /// Its first byte; all of it, mostly.
    #[inline]
    #[must_use]
    pub const fn first(&self) -> u8 {
        self.bytes[0]
    }

    /// Its last byte.
    #[inline]
    #[must_use]
    pub const fn last(&self) -> u8 {
        self.bytes[self.len as usize - 1]
    }

    /// Whether `byte` is one of its bytes.
    #[must_use]
    pub fn contains(&self, byte: u8) -> bool {
        self.as_bytes().contains(&byte)
    }

    /// The distances at which a second one can begin inside a first: bit `d` for `d` bytes.
    pub(crate) fn overlaps(&self) -> u32 {
        let bytes = self.as_bytes();
        (1..bytes.len()).filter(|&distance| bytes.starts_with(&bytes[distance..])).fold(0, |all, bit| all | 1 << bit)
    }
}

impl fmt::Debug for Separator {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "\"{}\"", self.as_bytes().escape_ascii())
    }
}

impl From<u8> for Separator {
    fn from(byte: u8) -> Separator {
        Separator::byte(byte)
    }
}
