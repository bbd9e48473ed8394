//! What stands between fields.

use crate::kernel::Kernel;
use crate::separator::Separator;

/// A delimiter, with what has to be known of the blocks before.
pub(crate) trait Delimiter {
    /// What of [`Delimiter::marks`] can be told without the record ends: all of it, or nothing. In the order of the calls the
    /// code for single bytes comes out fastest.
    fn early_marks<K: Kernel>(&mut self, kernel: K, block: K::Block, ordinary: u64) -> u64;

    /// The last byte of each delimiter of the next block, but for those told early. `ordinary` are the bytes that are inside quotes, escaped or padding; no
    /// delimiter has a byte that ends a record.
    fn marks<K: Kernel>(&mut self, kernel: K, block: K::Block, ordinary: u64, record_ends: u64) -> u64;
}

/// A single byte.
pub(crate) struct One(pub(crate) u8);

impl Delimiter for One {
    #[inline(always)]
    fn early_marks<K: Kernel>(&mut self, kernel: K, block: K::Block, ordinary: u64) -> u64 {
        kernel.equal(block, self.0) & !ordinary
    }

    #[inline(always)]
    fn marks<K: Kernel>(&mut self, _: K, _: K::Block, _: u64, _: u64) -> u64 {
        0
    }
}

/// Any number of bytes. Where two overlap, the one that begins first counts.
pub(crate) struct Several {
    separator: Separator,
    /// Bit `k`: the block before ends with the first `k` bytes.
    begun: u64,
    /// The distances at which one can begin inside another.
    overlaps: u32,
    /// What was found in the block before.
    kept: u64,
}

impl Several {
    pub(crate) fn new(separator: Separator) -> Several {
        Several { separator, begun: 0, overlaps: separator.overlaps(), kept: 0 }
    }

    /// All of them are found, also those that overlap.
    pub(crate) fn with_overlaps(separator: Separator) -> Several {
        Several { overlaps: 0, ..Several::new(separator) }
    }

    /// Those of `found` that do not overlap with one before.
    #[inline(always)]
    fn without_overlaps(&mut self, found: u64) -> u64 {
        let (mut overlapping, mut distances) = (0, self.overlaps);
        while distances != 0 {
            let distance = distances.trailing_zeros();
            overlapping |= found << distance | self.kept >> (64 - distance);
            distances &= distances - 1;
        }
        self.kept = if found & overlapping == 0 { found } else { self.one_after_the_other(found) };
        self.kept
    }

    /// As [`Several::without_overlaps`], from the first on.
    #[cold]
    fn one_after_the_other(&self, found: u64) -> u64 {
        let behind = |bit: u32| bit + self.separator.len() as u32;
        let from = if self.kept == 0 { 0 } else { behind(self.kept.ilog2()).saturating_sub(64) };
        let mut rest = found >> from << from;
        let mut kept = 0;
        while rest != 0 {
            let bit = rest.trailing_zeros();
            kept |= 1 << bit;
            rest &= u64::MAX.checked_shl(behind(bit)).unwrap_or(0);
        }
        kept
    }
}

impl Delimiter for Several {
    #[inline(always)]
    fn early_marks<K: Kernel>(&mut self, _: K, _: K::Block, _: u64) -> u64 {
        0
    }

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
