//! Whether quotes are where fields begin and end.

use crate::bytes::padded;
use crate::grammar::Eol;
use crate::kernel::{BLOCK, Kernel};
use crate::rules::{Delimiter, Several};
use crate::separator::Separator;

/// See [`Scanner::quotes_are_sound`](crate::Scanner::quotes_are_sound).
#[inline(always)]
pub(crate) fn are_sound<K: Kernel>(kernel: K, data: &[u8], delimiter: u8, quote: u8, eol: Eol) -> bool {
    let (first, last) = (eol.first_byte(), eol.last_byte());
    let (blocks, tail) = data.as_chunks::<BLOCK>();
    let (tail, tail_valid) = padded(tail);
    let (mut inside_before, mut closed, mut odd) = (0, 0, 0);
    // A loop in one place, for its body to be inlined.
    for index in 0..=blocks.len() {
        let (block, valid) = blocks.get(index).map_or((&tail, tail_valid), |block| (block, u64::MAX));
        let block = kernel.load(block);
        let quotes = kernel.equal(block, quote) & valid;
        if quotes | closed == 0 {
            // Most blocks of most files.
            continue;
        }
        let inside = kernel.prefix_xor(quotes) ^ inside_before;
        inside_before = (inside.cast_signed() >> 63).cast_unsigned();
        let (opening, closing) = (quotes & inside, quotes & !inside);
        // A quote after a quote is the second of a doubled one.
        let neighbours = kernel.equal(block, delimiter) | quotes;
        let before = neighbours | kernel.equal(block, last);
        let after = neighbours | kernel.equal(block, first);
        let byte_before = (index * BLOCK).checked_sub(1).map(|at| data[at]);
        let may_open = byte_before.is_none_or(|byte| byte == delimiter || byte == quote || byte == last);
        odd |= opening & !(before << 1 | u64::from(may_open));
        odd |= (closing << 1 | closed) & !after & valid;
        closed = closing >> 63;
    }
    odd == 0 && inside_before == 0
}

/// As [`are_sound`], with a delimiter of several bytes: after a quote that closes, its first byte is known to be one only by its last.
#[inline(always)]
pub(crate) fn are_sound_long<K: Kernel>(kernel: K, data: &[u8], delimiter: Separator, quote: u8, eol: Eol) -> bool {
    let (first, last) = (eol.first_byte(), eol.last_byte());
    let later = delimiter.len() as u32 - 1;
    let (blocks, tail) = data.as_chunks::<BLOCK>();
    let (tail, tail_valid) = padded(tail);
    let mut delimiter = Several::with_overlaps(delimiter);
    let (mut inside_before, mut may_open, mut closed, mut due_before, mut odd) = (0, 1, 0, 0, 0);
    // A loop in one place, for its body to be inlined.
    for index in 0..=blocks.len() {
        let (block, valid) = blocks.get(index).map_or((&tail, tail_valid), |block| (block, u64::MAX));
        let block = kernel.load(block);
        let quotes = kernel.equal(block, quote) & valid;
        let inside = kernel.prefix_xor(quotes) ^ inside_before;
        inside_before = (inside.cast_signed() >> 63).cast_unsigned();
        let (opening, closing) = (quotes & inside, quotes & !inside);
        let delimiters = delimiter.marks(kernel, block, !valid, 0);
        // A quote after a quote is the second of a doubled one.
        let before = delimiters | quotes | kernel.equal(block, last);
        let after = quotes | kernel.equal(block, first);
        odd |= opening & !(before << 1 | may_open);
        // Where a delimiter has to begin, and where it has to end then.
        let begins = (closing << 1 | closed) & !after & valid;
        odd |= (begins << later | due_before) & !delimiters;
        due_before = begins >> (64 - later);
        (may_open, closed) = (before >> 63, closing >> 63);
    }
    odd | due_before == 0 && inside_before == 0
}
