//! The styles of line ends.

use super::delimiter::{Delimiter, Several};
use crate::kernel::Kernel;
use crate::separator::Separator;

/// A style of line ends, with what has to be known of the block before.
pub(crate) trait LineEnd {
    /// Record ends, and stray line ends as described at [`Marks::strays`](super::Marks::strays), of the next block.
    /// `ordinary` are the bytes that are inside quotes, escaped or padding.
    fn marks<K: Kernel>(&mut self, kernel: K, block: K::Block, ordinary: u64) -> (u64, u64);

    /// Whether the last byte so far is a CR that waits for its LF.
    fn ends_after_cr(&self) -> bool;
}

/// LF or CR alone; the other of the two is stray.
pub(crate) struct OneByte {
    end: u8,
    stray: u8,
}

impl OneByte {
    pub(crate) const LF: OneByte = OneByte { end: b'\n', stray: b'\r' };
    pub(crate) const CR: OneByte = OneByte { end: b'\r', stray: b'\n' };
}

impl LineEnd for OneByte {
    #[inline(always)]
    fn marks<K: Kernel>(&mut self, kernel: K, block: K::Block, ordinary: u64) -> (u64, u64) {
        (kernel.equal(block, self.end) & !ordinary, kernel.equal(block, self.stray) & !ordinary)
    }

    #[inline(always)]
    fn ends_after_cr(&self) -> bool {
        false
    }
}

/// CR and LF together.
#[derive(Default)]
pub(crate) struct CrLf {
    /// 1 if the last byte of the block before is a CR with a meaning.
    after_cr: u64,
}

impl LineEnd for CrLf {
    #[inline(always)]
    fn marks<K: Kernel>(&mut self, kernel: K, block: K::Block, ordinary: u64) -> (u64, u64) {
        let cr = kernel.equal(block, b'\r') & !ordinary;
        let lf = kernel.equal(block, b'\n') & !ordinary;
        let after_cr = cr << 1 | self.after_cr;
        self.after_cr = cr >> 63;
        (lf & after_cr, lf ^ after_cr)
    }

    #[inline(always)]
    fn ends_after_cr(&self) -> bool {
        self.after_cr != 0
    }
}

/// Any bytes. CR and LF are ordinary then, unless they are among them.
pub(crate) struct Terminator(Several);

impl Terminator {
    pub(crate) fn new(separator: Separator) -> Terminator {
        Terminator(Several::new(separator))
    }
}

impl LineEnd for Terminator {
    #[inline(always)]
    fn marks<K: Kernel>(&mut self, kernel: K, block: K::Block, ordinary: u64) -> (u64, u64) {
        (self.0.marks(kernel, block, ordinary, 0), 0)
    }

    #[inline(always)]
    fn ends_after_cr(&self) -> bool {
        false
    }
}
