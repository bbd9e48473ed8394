//! TEXT: a backslash makes the byte after it ordinary.

use super::delimiter::Delimiter;
use super::escape::EscapeState;
use super::line_end::LineEnd;
use super::{Marks, Rules};
use crate::kernel::Kernel;

/// TEXT.
pub(crate) struct Text<D, L> {
    delimiter: D,
    /// All ones if a backslash before a full stop is an end marker, else zero.
    marker: u64,
    line_end: L,
    escapes: EscapeState,
    backslashes: u64,
}

impl<D: Delimiter, L: LineEnd> Text<D, L> {
    pub(crate) fn new(delimiter: D, marker: bool, line_end: L) -> Text<D, L> {
        let marker = if marker { u64::MAX } else { 0 };
        Text { delimiter, marker, line_end, escapes: EscapeState::default(), backslashes: 0 }
    }
}

impl<D: Delimiter, L: LineEnd> Rules for Text<D, L> {
    #[inline(always)]
    fn marks<K: Kernel>(&mut self, kernel: K, block: K::Block, valid: u64) -> Marks {
        let backslashes = kernel.equal(block, b'\\') & valid;
        // Not skipped in blocks without backslashes: where some have them, the branch costs more than the arithmetic.
        let escaped = self.escapes.advance(backslashes).escaped;
        let markers = kernel.equal(block, b'.') & valid & escaped & self.marker;
        self.backslashes |= backslashes;
        let ordinary = escaped | !valid;
        let early = self.delimiter.early_marks(kernel, block, ordinary);
        let (ends, strays) = self.line_end.marks(kernel, block, ordinary);
        let delimiters = early | self.delimiter.marks(kernel, block, ordinary, ends);
        Marks { delimiters, ends, strays, markers }
    }

    fn ends_inside_quotes(&self) -> bool {
        false
    }

    fn ends_after_cr(&self) -> bool {
        self.line_end.ends_after_cr()
    }

    fn quotes(&self) -> bool {
        true
    }

    fn inner_quotes(&self) -> bool {
        true
    }

    fn backslashes(&self) -> bool {
        self.backslashes != 0
    }
}
