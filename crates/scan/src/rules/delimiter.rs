//! What stands between fields.

use crate::kernel::{BLOCK, Kernel};
use crate::separator::Separator;

/// A delimiter, with what has to be known of the blocks before.
pub(crate) trait Delimiter {
    /// The last byte of each delimiter of the next block. `ordinary` are the bytes that are inside quotes, escaped or padding; no
    /// delimiter has a byte that ends a record.
    fn marks<K: Kernel>(&mut self, kernel: K, block: K::Block, ordinary: u64, record_ends: u64) -> u64;
}

/// A single byte.
pub(crate) struct One(pub(crate) u8);

impl Delimiter for One {
    #[inline(always)]
    fn marks<K: Kernel>(&mut self, kernel: K, block: K::Block, ordinary: u64, _: u64) -> u64 {
        kernel.equal(block, self.0) & !ordinary
    }
}

/// Any number of bytes. Where two overlap, the one that begins first counts.
pub(crate) struct Several {
    separator: Separator,
    /// Bit `k`: the block before ends with the first `k` bytes.
    begun: u64,
    /// The distances at which one can begin inside another.
    overlaps: u32,
    /// The first bytes of the next block that can end none, since one that was found would overlap with it.
    taken: usize,
}

impl Several {
    pub(crate) fn new(separator: Separator) -> Several {
        Several { separator, begun: 0, overlaps: separator.overlaps(), taken: 0 }
    }

    /// All of them are found, also those that overlap.
    pub(crate) fn with_overlaps(separator: Separator) -> Several {
        Several { overlaps: 0, ..Several::new(separator) }
    }

    /// Those of `found` that do not overlap with one before.
    #[inline(always)]
    fn without_overlaps(&mut self, found: u64) -> u64 {
        let mut overlapping = (1 << self.taken) - 1;
        for distance in 1..self.separator.len() {
            overlapping |= (found << distance) & 0u64.wrapping_sub(u64::from(self.overlaps >> distance & 1));
        }
        let found = if found & overlapping == 0 { found } else { self.one_after_the_other(found) };
        let last = BLOCK - found.leading_zeros() as usize;
        self.taken = if found == 0 { 0 } else { (last + self.separator.len() - 1).saturating_sub(BLOCK) };
        found
    }

    /// As [`Several::without_overlaps`], from the first on.
    #[cold]
    fn one_after_the_other(&self, found: u64) -> u64 {
        let mut rest = found >> self.taken << self.taken;
        let mut kept = 0;
        while rest != 0 {
            let bit = rest.trailing_zeros();
            kept |= 1 << bit;
            rest &= u64::MAX.checked_shl(bit + self.separator.len() as u32).unwrap_or(0);
        }
        kept
    }
}

impl Delimiter for Several {
    #[inline(always)]
    fn marks<K: Kernel>(&mut self, kernel: K, block: K::Block, ordinary: u64, record_ends: u64) -> u64 {
        // Of its bytes only the first can be escaped, as none of them is a backslash, and none can be a quote: what holds for one of
        // them holds for all.
        let possible = !(ordinary | record_ends);
        let bytes = self.separator.as_bytes();
        let mut found = kernel.equal(block, bytes[0]) & possible;
        let mut begun = 0;
        for (length, &byte) in bytes.iter().enumerate().skip(1) {
            begun |= (found >> 63) << length;
            found = (found << 1 | self.begun >> length & 1) & kernel.equal(block, byte) & possible;
        }
        self.begun = begun;
        if self.overlaps == 0 { found } else { self.without_overlaps(found) }
    }
}
