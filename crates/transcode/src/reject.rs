//! Records that were refused by themselves, and those in which a value was replaced, with their place in the input.

use copyist_format::{Flaw, Refusal, Told};

/// A record that was refused, or mended.
#[derive(Clone, Debug)]
pub struct Reject {
    /// The number of its input in the order of the load, from 0.
    pub file: u32,
    /// Bytes of records before it in all inputs: records of a load are in the order of these numbers.
    pub position: u64,
    /// Line from 1, as PostgreSQL counts, of its beginning and of its end.
    pub line: u64,
    pub last_line: u64,
    /// Offset of its first byte in the input.
    pub byte_offset: u64,
    /// Bytes, without its line end.
    pub byte_len: u64,
    pub flaws: Vec<Flaw>,
    /// Other values of it, see [`Refusal::told`].
    pub told: Vec<Told>,
    /// Its first bytes, as many as are to be kept.
    pub raw: Vec<u8>,
    pub is_cut: bool,
    /// The row is one of those handed out: what does not fit in it was replaced.
    pub is_mended: bool,
    /// Of a refused one: how many records come before it in the input, those that are passed over not counted.
    pub records_before: u64,
}

impl Reject {
    /// A refusal of a tile that is `lines` lines and `byte_offset` bytes into an input, and `position` bytes into the load.
    pub(crate) fn new(
        refusal: Refusal,
        is_mended: bool,
        file: u32,
        lines: u64,
        byte_offset: u64,
        position: u64,
    ) -> Self {
        Self {
            file,
            position: position + u64::from(refusal.offset),
            line: lines + refusal.first_line + 1,
            last_line: lines + refusal.last_line + 1,
            byte_offset: byte_offset + u64::from(refusal.offset),
            byte_len: u64::from(refusal.len),
            is_cut: refusal.is_cut(),
            flaws: refusal.flaws,
            told: refusal.told,
            raw: refusal.raw,
            is_mended,
            records_before: 0,
        }
    }

    /// About how much memory it takes.
    pub(crate) fn bytes(&self) -> usize {
        bytes(&self.raw, &self.flaws, &self.told)
    }
}

/// About how much memory a refusal takes.
pub(crate) fn bytes_of(refusal: &Refusal) -> usize {
    bytes(&refusal.raw, &refusal.flaws, &refusal.told)
}

fn bytes(raw: &[u8], flaws: &[Flaw], told: &[Told]) -> usize {
    let flaw = |flaw: &Flaw| 256 + flaw.error.message.len() + flaw.value.as_ref().map_or(0, Vec::len);
    let value = |value: &Told| 64 + value.text.as_ref().map_or(0, Vec::len);
    128 + raw.len() + flaws.iter().map(flaw).sum::<usize>() + told.iter().map(value).sum::<usize>()
}
