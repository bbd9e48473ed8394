//! Where records end, without the offsets of their fields.

use crate::bytes::{count, padded};
use crate::grammar::{Eol, Grammar};
use crate::index::{with_long_rules, with_rules};
use crate::kernel::{BLOCK, Kernel};
use crate::naive;
use crate::rules::{CrLf, Csv, CsvWithEscape, One, OneByte, Plain, Rules, Several, Terminator, Text};
use crate::separator::Separator;

/// See [`Scanner::last_record_end`](crate::Scanner::last_record_end).
#[inline(always)]
pub(crate) fn last_record_end<K: Kernel>(kernel: K, data: &[u8], grammar: Grammar, eol: Eol) -> Option<usize> {
    if !grammar.is_regular(eol) {
        return naive::last_record_end(data, grammar, eol);
    }
    match grammar {
        // Without escapes the quotes alone decide, from either end.
        Grammar::Csv { quote, escape, .. } if escape == quote || count(kernel, data, escape) == 0 => {
            last_end_outside_quotes(kernel, data, quote, eol)
        }
        Grammar::Csv { .. } => with_rules!(grammar, eol, |rules| last_end_forwards(kernel, rules, data)),
        Grammar::Text { .. } => last_end_not_escaped(kernel, data, eol),
        Grammar::Plain { .. } => last_end(kernel, data, eol),
    }
}

/// See [`Scanner::first_records_end`](crate::Scanner::first_records_end).
#[inline(always)]
pub(crate) fn first_records_end<K: Kernel>(
    kernel: K,
    data: &[u8],
    records: usize,
    grammar: Grammar,
    eol: Eol,
) -> Option<usize> {
    if records == 0 {
        Some(0)
    } else if !grammar.is_regular(eol) {
        naive::first_records_end(data, records, grammar, eol)
    } else {
        with_rules!(grammar, eol, |rules| first_ends(kernel, rules, data, records))
    }
}

/// As [`last_record_end`], where other bytes than CR and LF end a record.
#[inline(always)]
pub(crate) fn last_record_end_long<K: Kernel>(kernel: K, data: &[u8], grammar: Grammar, eol: Eol) -> Option<usize> {
    if !grammar.is_regular(eol) {
        return naive::last_record_end(data, grammar, eol);
    }
    with_long_rules!(grammar, eol, |rules| last_end_forwards(kernel, rules, data))
}

/// As [`first_records_end`], where other bytes than CR and LF end a record.
#[inline(always)]
pub(crate) fn first_records_end_long<K: Kernel>(
    kernel: K,
    data: &[u8],
    records: usize,
    grammar: Grammar,
    eol: Eol,
) -> Option<usize> {
    if records == 0 {
        Some(0)
    } else if !grammar.is_regular(eol) {
        naive::first_records_end(data, records, grammar, eol)
    } else {
        with_long_rules!(grammar, eol, |rules| first_ends(kernel, rules, data, records))
    }
}

/// The blocks of data, the last one padded, each with the offset of its first byte and the mask of its bytes that are not
/// padding. The loops over it have their body in one place, for it to be inlined: a closure that is not would be
/// compiled without the features of the kernel.
struct Blocks<'a> {
    whole: &'a [[u8; BLOCK]],
    last: [u8; BLOCK],
    last_valid: u64,
}

impl<'a> Blocks<'a> {
    #[inline(always)]
    fn new(data: &'a [u8]) -> Blocks<'a> {
        let (whole, tail) = data.as_chunks::<BLOCK>();
        let (last, last_valid) = padded(tail);
        Blocks { whole, last, last_valid }
    }

    #[inline(always)]
    fn iter(&self) -> impl DoubleEndedIterator<Item = (usize, &[u8; BLOCK], u64)> {
        (0..=self.whole.len()).map(|position| match self.whole.get(position) {
            Some(block) => (position * BLOCK, block, u64::MAX),
            None => (position * BLOCK, &self.last, self.last_valid),
        })
    }
}

/// End of the last line end outside quotes, found from the back: how many quotes there are in all tells whether the last
/// byte is inside.
#[inline(always)]
fn last_end_outside_quotes<K: Kernel>(kernel: K, data: &[u8], quote: u8, eol: Eol) -> Option<usize> {
    last_end_outside_quotes_by(kernel, data, Some(quote), eol)
}

#[inline(always)]
fn last_end_outside_quotes_by<K: Kernel>(kernel: K, data: &[u8], quote: Option<u8>, eol: Eol) -> Option<usize> {
    // All ones if the byte after the block at hand is inside quotes, else zero.
    let mut inside_after = 0u64.wrapping_sub(quote.map_or(0, |quote| count(kernel, data, quote) as u64 & 1));
    for (start, block, valid) in Blocks::new(data).iter().rev() {
        let block = kernel.load(block);
        let quotes = quote.map_or(0, |quote| kernel.equal(block, quote) & valid);
        let inside_before = inside_after ^ 0u64.wrapping_sub(u64::from(quotes.count_ones() & 1));
        let inside = kernel.prefix_xor(quotes) ^ inside_before;
        inside_after = inside_before;
        let mut ends = kernel.equal(block, eol.last_byte()) & !inside & valid;
        while ends != 0 {
            let bit = ends.ilog2();
            let end = start + bit as usize;
            // The CR is outside quotes if the LF is.
            if eol != Eol::CrLf || data[..end].ends_with(b"\r") {
                return Some(end + 1);
            }
            ends ^= 1 << bit;
        }
    }
    None
}

/// End of the last line end that is not escaped, found from the back: an even number of backslashes before it.
#[inline(always)]
fn last_end_not_escaped<K: Kernel>(kernel: K, data: &[u8], eol: Eol) -> Option<usize> {
    for (start, block, valid) in Blocks::new(data).iter().rev() {
        let mut ends = kernel.equal(kernel.load(block), eol.last_byte()) & valid;
        while ends != 0 {
            let bit = ends.ilog2();
            let end = start + bit as usize;
            let before = &data[..end];
            let before = if eol == Eol::CrLf { before.strip_suffix(b"\r") } else { Some(before) };
            let backslashes = before.map(|before| before.iter().rev().take_while(|byte| **byte == b'\\').count());
            if backslashes.is_some_and(|backslashes| backslashes % 2 == 0) {
                return Some(end + 1);
            }
            ends ^= 1 << bit;
        }
    }
    None
}

/// End of the last line end, found from the back.
#[inline(always)]
fn last_end<K: Kernel>(kernel: K, data: &[u8], eol: Eol) -> Option<usize> {
    last_end_outside_quotes_by(kernel, data, None, eol)
}

/// End of the last record by the rules, from the front.
#[inline(always)]
fn last_end_forwards<K: Kernel, R: Rules>(kernel: K, mut rules: R, data: &[u8]) -> Option<usize> {
    let mut last = None;
    for (start, block, valid) in Blocks::new(data).iter() {
        let ends = rules.marks(kernel, kernel.load(block), valid).ends;
        if ends != 0 {
            last = Some((start, ends));
        }
    }
    last.map(|(start, ends)| start + ends.ilog2() as usize + 1)
}

/// End of the first `records` records by the rules; at least one.
#[inline(always)]
fn first_ends<K: Kernel, R: Rules>(kernel: K, mut rules: R, data: &[u8], records: usize) -> Option<usize> {
    let mut missing = records;
    for (start, block, valid) in Blocks::new(data).iter() {
        let mut ends = rules.marks(kernel, kernel.load(block), valid).ends;
        let found = ends.count_ones() as usize;
        if found >= missing {
            for _ in 1..missing {
                ends &= ends - 1;
            }
            return Some(start + ends.trailing_zeros() as usize + 1);
        }
        missing -= found;
    }
    None
}
