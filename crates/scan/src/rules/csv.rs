//! CSV: an odd number of quotes before a byte means that it is quoted.

use super::delimiter::Delimiter;
use super::escape::EscapeState;
use super::line_end::LineEnd;
use super::{Marks, Rules};
use crate::kernel::Kernel;

/// The sign of a mask of what is inside quotes tells about its last byte: all ones if the next block begins inside.
#[inline(always)]
fn carry(inside: u64) -> u64 {
    (inside.cast_signed() >> 63).cast_unsigned()
}

/// CSV whose escape is the quote itself: a doubled quote ends the quoting and begins it again, with nothing in between.
pub(crate) struct Csv<D, L> {
    delimiter: D,
    quote: u8,
    line_end: L,
    /// All ones if the next block begins inside quotes, else zero.
    inside: u64,
    quotes: u64,
    /// 1 if the next block begins after a delimiter, a record end or a quote, or at the beginning.
    may_open: u64,
    inner_quotes: u64,
}

impl<D: Delimiter, L: LineEnd> Csv<D, L> {
    pub(crate) fn new(delimiter: D, quote: u8, line_end: L) -> Csv<D, L> {
        Csv { delimiter, quote, line_end, inside: 0, quotes: 0, may_open: 1, inner_quotes: 0 }
    }
}

impl<D: Delimiter, L: LineEnd> Rules for Csv<D, L> {
    #[inline(always)]
    fn marks<K: Kernel>(&mut self, kernel: K, block: K::Block, valid: u64) -> Marks {
        let quotes = kernel.equal(block, self.quote) & valid;
        // The opening quote is inside by this count and the closing one is not, as in PostgreSQL's loop.
        let inside = kernel.prefix_xor(quotes) ^ self.inside;
        self.inside = carry(inside);
        self.quotes |= quotes;
        let ordinary = inside | !valid;
        let early = self.delimiter.early_marks(kernel, block, ordinary);
        let (ends, strays) = self.line_end.marks(kernel, block, ordinary);
        let delimiters = early | self.delimiter.marks(kernel, block, ordinary, ends);
        // A quote after a quote is the second of a doubled one.
        let opens = delimiters | ends | quotes;
        self.inner_quotes |= quotes & inside & !(opens << 1 | self.may_open);
        self.may_open = opens >> 63;
        Marks { delimiters, ends, strays, markers: 0 }
    }

    fn ends_inside_quotes(&self) -> bool {
        self.inside != 0
    }

    fn ends_after_cr(&self) -> bool {
        self.line_end.ends_after_cr()
    }

    fn quotes(&self) -> bool {
        self.quotes != 0
    }

    fn inner_quotes(&self) -> bool {
        self.inner_quotes != 0
    }

    fn backslashes(&self) -> bool {
        true
    }
}

/// CSV whose escape is not the quote. An escape counts inside quotes only, while what is inside depends on which quotes
/// are escaped.
pub(crate) struct CsvWithEscape<D, L> {
    delimiter: D,
    quote: u8,
    escape: u8,
    line_end: L,
    /// All ones if the next block begins inside quotes, else zero.
    inside: u64,
    /// Pending only inside quotes.
    escapes: EscapeState,
    quotes: u64,
}

impl<D: Delimiter, L: LineEnd> CsvWithEscape<D, L> {
    pub(crate) fn new(delimiter: D, quote: u8, escape: u8, line_end: L) -> CsvWithEscape<D, L> {
        let escapes = EscapeState::default();
        CsvWithEscape { delimiter, quote, escape, line_end, inside: 0, escapes, quotes: 0 }
    }

    /// What is inside quotes, in a block with escapes. Taking all of them to count is right if by the result all of
    /// those that escape are inside; that is nearly always so.
    #[inline(always)]
    fn inside_with_escapes<K: Kernel>(&mut self, kernel: K, quotes: u64, escape_bytes: u64) -> u64 {
        let pending = self.escapes.is_pending();
        let escapes = self.escapes.advance(escape_bytes);
        let inside = kernel.prefix_xor(quotes & !escapes.escaped) ^ self.inside;
        if escapes.escaping & !inside == 0 { inside } else { self.inside_by_byte(quotes, escape_bytes, pending) }
    }

    /// As [`Self::inside_with_escapes`], one quote or escape after the other.
    #[cold]
    fn inside_by_byte(&mut self, quotes: u64, escape_bytes: u64, pending: bool) -> u64 {
        let mut inside = self.inside;
        // The bit of the byte that is escaped, if there is one.
        let mut escaped = u64::from(pending);
        let mut rest = quotes | escape_bytes;
        while rest != 0 {
            let bit = rest & rest.wrapping_neg();
            rest ^= bit;
            if escaped == bit {
                continue;
            }
            if quotes & bit != 0 {
                inside ^= bit.wrapping_neg();
            } else if inside & bit != 0 {
                escaped = bit << 1;
            }
        }
        // Shifted out of the word if the last byte escapes.
        let last = escape_bytes >> 63 != 0 && escaped == 0 && inside >> 63 != 0;
        self.escapes.set_pending(last);
        inside
    }
}

impl<D: Delimiter, L: LineEnd> Rules for CsvWithEscape<D, L> {
    #[inline(always)]
    fn marks<K: Kernel>(&mut self, kernel: K, block: K::Block, valid: u64) -> Marks {
        let quotes = kernel.equal(block, self.quote) & valid;
        let escape_bytes = kernel.equal(block, self.escape) & valid;
        let inside = if escape_bytes != 0 || self.escapes.is_pending() {
            self.inside_with_escapes(kernel, quotes, escape_bytes)
        } else {
            kernel.prefix_xor(quotes) ^ self.inside
        };
        self.inside = carry(inside);
        self.quotes |= quotes;
        let ordinary = inside | !valid;
        let early = self.delimiter.early_marks(kernel, block, ordinary);
        let (ends, strays) = self.line_end.marks(kernel, block, ordinary);
        let delimiters = early | self.delimiter.marks(kernel, block, ordinary, ends);
        Marks { delimiters, ends, strays, markers: 0 }
    }

    fn ends_inside_quotes(&self) -> bool {
        self.inside != 0
    }

    fn ends_after_cr(&self) -> bool {
        self.line_end.ends_after_cr()
    }

    fn quotes(&self) -> bool {
        self.quotes != 0
    }

    fn inner_quotes(&self) -> bool {
        self.quotes != 0
    }

    fn backslashes(&self) -> bool {
        true
    }
}
