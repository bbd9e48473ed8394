//! The grammars as arithmetic on masks: which of the bytes of a block have a meaning.

mod csv;
mod delimiter;
mod escape;
mod line_end;
mod plain;
mod text;

pub(crate) use csv::{Csv, CsvWithEscape};
pub(crate) use delimiter::{Delimiter, One, Several};
pub(crate) use line_end::{CrLf, OneByte, Terminator};
pub(crate) use plain::Plain;
pub(crate) use text::Text;

use crate::kernel::Kernel;

/// The bytes of one block that have a meaning, as masks.
pub(crate) struct Marks {
    /// Delimiters between fields, by the last byte of each.
    pub(crate) delimiters: u64,
    /// Record ends, by the last byte of each.
    pub(crate) ends: u64,
    /// Where a line end was found to be stray. Under CRLF a CR is known to be stray only by the byte after it: then the
    /// bit is that of the byte after it.
    pub(crate) strays: u64,
    /// Where an end marker was recognised, by its full stop: the bit after that of the backslash.
    pub(crate) markers: u64,
}

/// A grammar and a style of line ends, with what has to be known of the blocks before.
pub(crate) trait Rules {
    /// The meaning of the next block. Bytes outside `valid` are padding: none of them has a meaning.
    fn marks<K: Kernel>(&mut self, kernel: K, block: K::Block, valid: u64) -> Marks;

    /// Whether the bytes so far end inside quotes.
    fn ends_inside_quotes(&self) -> bool;

    /// Whether the last byte so far is a CR that waits for its LF. Only of use if no padding followed it.
    fn ends_after_cr(&self) -> bool;

    /// Whether a quote may have occurred.
    fn quotes(&self) -> bool;

    /// Whether quotes may have opened elsewhere than at a field's beginning.
    fn inner_quotes(&self) -> bool;

    /// Whether a backslash may have occurred.
    fn backslashes(&self) -> bool;
}
