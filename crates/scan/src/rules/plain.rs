//! Lines without quotes and escapes: every delimiter and line end counts.

use super::line_end::LineEnd;
use super::{Marks, Rules};
use crate::kernel::Kernel;

/// Lines of plain fields.
pub(crate) struct Plain<L> {
    delimiter: u8,
    /// All ones if there is a delimiter, else zero.
    has_delimiter: u64,
    line_end: L,
}

impl<L: LineEnd> Plain<L> {
    pub(crate) fn new(delimiter: Option<u8>, line_end: L) -> Plain<L> {
        let has_delimiter = if delimiter.is_some() { u64::MAX } else { 0 };
        Plain { delimiter: delimiter.unwrap_or(0), has_delimiter, line_end }
    }
}

impl<L: LineEnd> Rules for Plain<L> {
    #[inline(always)]
    fn marks<K: Kernel>(&mut self, kernel: K, block: K::Block, valid: u64) -> Marks {
        let delimiters = kernel.equal(block, self.delimiter) & self.has_delimiter & valid;
        let (ends, strays) = self.line_end.marks(kernel, block, !valid);
        Marks { delimiters, ends, strays, markers: 0 }
    }

    fn ends_inside_quotes(&self) -> bool {
        false
    }

    fn ends_after_cr(&self) -> bool {
        self.line_end.ends_after_cr()
    }

    fn quotes(&self) -> bool {
        false
    }

    fn inner_quotes(&self) -> bool {
        false
    }

    fn backslashes(&self) -> bool {
        false
    }
}
