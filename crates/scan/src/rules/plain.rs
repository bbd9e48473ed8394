//! Lines without quotes and escapes: every delimiter and line end counts.

use super::delimiter::Delimiter;
use super::line_end::LineEnd;
use super::{Marks, Rules};
use crate::kernel::Kernel;

/// Lines of plain fields.
pub(crate) struct Plain<D, L> {
    delimiter: D,
    /// All ones if there is a delimiter, else zero.
    has_delimiter: u64,
    line_end: L,
}

impl<D: Delimiter, L: LineEnd> Plain<D, L> {
    /// `delimiter` is of no matter if there is none.
    pub(crate) fn new(delimiter: D, has_delimiter: bool, line_end: L) -> Plain<D, L> {
        Plain { delimiter, has_delimiter: if has_delimiter { u64::MAX } else { 0 }, line_end }
    }
}

impl<D: Delimiter, L: LineEnd> Rules for Plain<D, L> {
    #[inline(always)]
    fn marks<K: Kernel>(&mut self, kernel: K, block: K::Block, valid: u64) -> Marks {
        let early = self.delimiter.early_marks(kernel, block, !valid);
        let (ends, strays) = self.line_end.marks(kernel, block, !valid);
        let delimiters = (early | self.delimiter.marks(kernel, block, !valid, ends)) & self.has_delimiter;
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
