//! The structural index: offsets of all delimiters and record ends.

use crate::bytes::padded;
use crate::grammar::{Eol, Grammar, Indexed};
use crate::kernel::{BLOCK, Kernel, Window};
use crate::naive;
use crate::rules::{CrLf, Csv, CsvWithEscape, Marks, One, OneByte, Plain, Rules, Several, Terminator, Text};
use crate::separator::Separator;

/// Blocks between two looks at the capacity of the vector.
const BATCH: usize = 64;

/// How far ahead memory is fetched: the CPU does so by itself, but not across the borders of its pages.
const AHEAD: usize = 4096;

/// Binds `$rules` to the rules of a grammar and a style of line ends, each a type of its own, and evaluates `$body`. Of delimiters only the
/// first byte is looked at; line ends are those of one byte or CR LF.
macro_rules! with_rules {
    ($grammar:expr, $eol:expr, |$rules:ident| $body:expr) => {
        match ($grammar, $eol) {
            (Grammar::Csv { delimiter, quote, escape }, Eol::CrLf) if escape == quote => {
                let $rules = Csv::new(One(delimiter.first()), quote, CrLf::default());
                $body
            }
            (Grammar::Csv { delimiter, quote, escape }, _) if escape == quote => {
                let $rules =
                    Csv::new(One(delimiter.first()), quote, if $eol == Eol::Lf { OneByte::LF } else { OneByte::CR });
                $body
            }
            (Grammar::Csv { delimiter, quote, escape }, Eol::CrLf) => {
                let $rules = CsvWithEscape::new(One(delimiter.first()), quote, escape, CrLf::default());
                $body
            }
            (Grammar::Csv { delimiter, quote, escape }, _) => {
                let line_end = if $eol == Eol::Lf { OneByte::LF } else { OneByte::CR };
                let $rules = CsvWithEscape::new(One(delimiter.first()), quote, escape, line_end);
                $body
            }
            (Grammar::Text { delimiter, marker }, Eol::CrLf) => {
                let $rules = Text::new(One(delimiter.first()), marker, CrLf::default());
                $body
            }
            (Grammar::Text { delimiter, marker }, _) => {
                let line_end = if $eol == Eol::Lf { OneByte::LF } else { OneByte::CR };
                let $rules = Text::new(One(delimiter.first()), marker, line_end);
                $body
            }
            (Grammar::Plain { delimiter }, Eol::CrLf) => {
                let $rules = Plain::new(
                    One(delimiter.map_or(0, |delimiter| delimiter.first())),
                    delimiter.is_some(),
                    CrLf::default(),
                );
                $body
            }
            (Grammar::Plain { delimiter }, _) => {
                let $rules = Plain::new(
                    One(delimiter.map_or(0, |delimiter| delimiter.first())),
                    delimiter.is_some(),
                    if $eol == Eol::Lf { OneByte::LF } else { OneByte::CR },
                );
                $body
            }
        }
    };
}
/// As [`with_rules`], for delimiters of any length and all line ends.
macro_rules! with_long_rules {
    ($grammar:expr, $eol:expr, |$rules:ident| $body:expr) => {
        match $eol {
            Eol::CrLf => with_long_rules!($grammar; CrLf::default(), |$rules| $body),
            Eol::Lf | Eol::Cr => {
                let line_end = if $eol == Eol::Lf { OneByte::LF } else { OneByte::CR };
                with_long_rules!($grammar; line_end, |$rules| $body)
            }
            Eol::Other(end) => with_long_rules!($grammar; Terminator::new(end), |$rules| $body),
        }
    };
    ($grammar:expr; $line_end:expr, |$rules:ident| $body:expr) => {
        match $grammar {
            Grammar::Csv { delimiter, quote, escape } if escape == quote => {
                let $rules = Csv::new(Several::new(delimiter), quote, $line_end);
                $body
            }
            Grammar::Csv { delimiter, quote, escape } => {
                let $rules = CsvWithEscape::new(Several::new(delimiter), quote, escape, $line_end);
                $body
            }
            Grammar::Text { delimiter, marker } => {
                let $rules = Text::new(Several::new(delimiter), marker, $line_end);
                $body
            }
            Grammar::Plain { delimiter } => {
                let separator = Several::new(delimiter.unwrap_or(Separator::byte(0)));
                let $rules = Plain::new(separator, delimiter.is_some(), $line_end);
                $body
            }
        }
    };
}
pub(crate) use {with_long_rules, with_rules};

/// See [`Scanner::index`](crate::Scanner::index); at most `u32::MAX` bytes.
#[inline(always)]
pub(crate) fn index<K: Kernel>(kernel: K, data: &[u8], grammar: Grammar, eol: Eol, offsets: &mut Vec<u32>) -> Indexed {
    if !grammar.is_regular(eol) {
        return naive::index(data, grammar, eol, offsets);
    }
    let mut indexed = with_rules!(grammar, eol, |rules| index_by(kernel, rules, data, eol, offsets));
    if indexed.open_quote.is_some() {
        indexed.open_quote = open_quote(data, grammar, eol, offsets);
    }
    indexed
}

/// As [`index`], of grammars that are [long](Grammar::is_long).
#[inline(always)]
pub(crate) fn index_long<K: Kernel>(
    kernel: K,
    data: &[u8],
    grammar: Grammar,
    eol: Eol,
    offsets: &mut Vec<u32>,
) -> Indexed {
    if !grammar.is_regular(eol) {
        return naive::index(data, grammar, eol, offsets);
    }
    let mut indexed = with_long_rules!(grammar, eol, |rules| index_by(kernel, rules, data, eol, offsets));
    if indexed.open_quote.is_some() {
        indexed.open_quote = open_quote(data, grammar, eol, offsets);
    }
    if let (Eol::Other(end), Some(delimiter)) = (eol, grammar.delimiter())
        && end.as_bytes()[..end.len() - 1].contains(&delimiter.last())
    {
        drop_delimiters_in_ends(data, end, offsets);
    }
    indexed
}

/// Takes out the delimiters that end inside what ends a record: that it ends there is told by bytes behind them.
fn drop_delimiters_in_ends(data: &[u8], end: Separator, offsets: &mut Vec<u32>) {
    let mut kept = 0;
    for index in 0..offsets.len() {
        let offset = offsets[index];
        if data[offset as usize] == end.last() {
            while kept > 0
                && offset - offsets[kept - 1] < end.len() as u32
                && data[offsets[kept - 1] as usize] != end.last()
            {
                kept -= 1;
            }
        }
        offsets[kept] = offset;
        kept += 1;
    }
    offsets.truncate(kept);
}

/// The quote that is open at the end of `data`: looked for from the last record end on.
#[cold]
fn open_quote(data: &[u8], grammar: Grammar, eol: Eol, offsets: &[u32]) -> Option<usize> {
    let end = eol.last_byte();
    let last_end = offsets.iter().rev().map(|offset| *offset as usize).find(|offset| data[*offset] == end);
    let start = last_end.map_or(0, |last_end| last_end + 1);
    naive::open_quote(&data[start..], grammar, eol).map(|offset| start + offset)
}

/// As [`index`], but that `open_quote` only tells whether there is one.
#[inline(always)]
fn index_by<K: Kernel, R: Rules>(kernel: K, mut rules: R, data: &[u8], eol: Eol, offsets: &mut Vec<u32>) -> Indexed {
    let (blocks, tail) = data.as_chunks::<BLOCK>();
    offsets.clear();
    let mut records = 0;
    let mut base = 0;
    let mut stop = None;
    'blocks: for batch in blocks.chunks(BATCH) {
        let mut writer = OffsetWriter::new(offsets, batch.len());
        for block in batch {
            kernel.prefetch(block, AHEAD);
            let marks = rules.marks(kernel, kernel.load(block), u64::MAX);
            if marks.strays | marks.markers != 0 {
                stop = Some(marks);
                break 'blocks;
            }
            records += marks.ends.count_ones() as usize;
            writer.write(kernel, marks.delimiters | marks.ends, base);
            base += BLOCK as u32;
        }
    }
    if stop.is_none() && !tail.is_empty() {
        let (block, valid) = padded(tail);
        let marks = rules.marks(kernel, kernel.load(&block), valid);
        if marks.strays | marks.markers != 0 {
            stop = Some(marks);
        } else {
            records += marks.ends.count_ones() as usize;
            OffsetWriter::new(offsets, 1).write(kernel, marks.delimiters | marks.ends, base);
        }
    }
    let mut indexed = Indexed {
        quotes: rules.quotes(),
        inner_quotes: rules.inner_quotes(),
        backslashes: rules.backslashes(),
        ..Indexed::default()
    };
    if let Some(marks) = stop {
        let stop = Stop::new(&marks, data, eol, base as usize);
        records += (marks.ends & stop.before).count_ones() as usize;
        OffsetWriter::new(offsets, 1).write(kernel, (marks.delimiters | marks.ends) & stop.before, base);
        (indexed.stray_eol, indexed.end_marker) = (stop.stray_eol, stop.end_marker);
    } else {
        indexed.stray_eol = (tail.is_empty() && rules.ends_after_cr()).then(|| data.len() - 1);
        indexed.open_quote = rules.ends_inside_quotes().then_some(0);
    }
    indexed.records = records;
    indexed
}

/// Where scanning stops, and the bits of the block that come before.
struct Stop {
    stray_eol: Option<usize>,
    end_marker: Option<usize>,
    before: u64,
}

impl Stop {
    /// The first stray line end or end marker of the block that begins at `start`. It may be the byte before the block,
    /// since most are recognised by the byte after.
    #[cold]
    fn new(marks: &Marks, data: &[u8], eol: Eol, start: usize) -> Stop {
        let end_marker = (marks.markers != 0).then(|| start + marks.markers.trailing_zeros() as usize - 1);
        let stray_eol = (marks.strays != 0).then(|| {
            let offset = start + marks.strays.trailing_zeros() as usize;
            let is_after = eol == Eol::CrLf && data.get(offset) != Some(&b'\n');
            if is_after { offset - 1 } else { offset }
        });
        let first = end_marker.into_iter().chain(stray_eol).min().unwrap_or(start);
        Stop {
            stray_eol: stray_eol.filter(|offset| *offset == first),
            end_marker: end_marker.filter(|offset| *offset == first),
            before: first.checked_sub(start).map_or(0, |bit| (1 << bit) - 1),
        }
    }
}

/// Appends offsets to a vector without a look at its capacity for each block.
struct OffsetWriter<'a> {
    offsets: &'a mut Vec<u32>,
    /// Offsets in the vector, including those not yet counted by it.
    length: usize,
}

impl<'a> OffsetWriter<'a> {
    /// Makes room for the offsets of `blocks` blocks. Each may have 64, and a kernel may write to all 64 slots from the
    /// first free one on: with at most 64 new offsets to a block, these too are within 64 slots to a block.
    #[inline(always)]
    fn new(offsets: &'a mut Vec<u32>, blocks: usize) -> OffsetWriter<'a> {
        offsets.reserve(blocks * BLOCK);
        let length = offsets.len();
        OffsetWriter { offsets, length }
    }

    /// Appends `base` plus the number of each set bit of `mask`. To be called at most as often as there are blocks.
    #[inline(always)]
    fn write<K: Kernel>(&mut self, kernel: K, mask: u64, base: u32) {
        debug_assert!(self.length + BLOCK <= self.offsets.capacity());
        // SAFETY: `new` reserved 64 slots for each call, and each call before took at most 64: 64 are left.
        let window = unsafe { &mut *self.offsets.as_mut_ptr().add(self.length).cast::<Window>() };
        kernel.write_offsets(mask, base, window);
        self.length += mask.count_ones() as usize;
    }
}

impl Drop for OffsetWriter<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: the capacity suffices (above), and the kernel wrote an offset for each set bit of each mask.
        unsafe { self.offsets.set_len(self.length) };
    }
}
