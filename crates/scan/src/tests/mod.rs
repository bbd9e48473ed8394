//! Every kernel this CPU offers against the naive reference. Kernels it does not offer are skipped; `detect` prints
//! which ran.

mod boundary;
mod bytes;
mod detect;
mod index;
mod long;

use crate::{Eol, Grammar, Scanner, Separator};
use proptest::prelude::*;

const EOLS: [Eol; 3] = [Eol::Lf, Eol::CrLf, Eol::Cr];

const CSV: Grammar = Grammar::Csv { delimiter: Separator::byte(b','), quote: b'"', escape: b'"' };
const CSV_BACKSLASH: Grammar = Grammar::Csv { delimiter: Separator::byte(b','), quote: b'"', escape: b'\\' };
const TEXT: Grammar = Grammar::Text { delimiter: Separator::byte(b'\t'), marker: true };

/// The usual grammars, then those whose bytes fall together or are line ends, NUL or beyond ASCII.
const GRAMMARS: [Grammar; 21] = [
    CSV,
    CSV_BACKSLASH,
    TEXT,
    Grammar::Text { delimiter: Separator::byte(b','), marker: true },
    Grammar::Text { delimiter: Separator::byte(b'|'), marker: false },
    Grammar::Csv { delimiter: Separator::byte(b';'), quote: b'\'', escape: b'\'' },
    Grammar::Csv { delimiter: Separator::byte(b','), quote: b'"', escape: b',' },
    Grammar::Csv { delimiter: Separator::byte(b'\\'), quote: b'a', escape: b'.' },
    Grammar::Csv { delimiter: Separator::byte(0), quote: 1, escape: 2 },
    Grammar::Csv { delimiter: Separator::byte(0xff), quote: 0x80, escape: 0x80 },
    Grammar::Csv { delimiter: Separator::byte(b','), quote: 0, escape: 0 },
    Grammar::Csv { delimiter: Separator::byte(b','), quote: b'\n', escape: b'\n' },
    Grammar::Csv { delimiter: Separator::byte(b','), quote: b'\r', escape: b'"' },
    Grammar::Csv { delimiter: Separator::byte(b','), quote: b'"', escape: b'\r' },
    Grammar::Text { delimiter: Separator::byte(b'.'), marker: true },
    Grammar::Text { delimiter: Separator::byte(0), marker: true },
    Grammar::Text { delimiter: Separator::byte(b'\\'), marker: true },
    Grammar::Plain { delimiter: None },
    Grammar::Plain { delimiter: Some(Separator::byte(b',')) },
    Grammar::Plain { delimiter: Some(Separator::byte(0)) },
    Grammar::Plain { delimiter: Some(Separator::byte(b'\n')) },
];

/// Every scanner that can run here, with a name for messages.
fn scanners() -> Vec<(String, Scanner)> {
    #[allow(unused_mut, reason = "only some architectures have variants of a kernel")]
    let mut scanners: Vec<_> =
        Scanner::available().into_iter().map(|isa| (isa.to_string(), Scanner::with(isa).unwrap())).collect();
    #[cfg(target_arch = "aarch64")]
    scanners.push(("neon without PMULL".to_owned(), Scanner::neon_without_pmull()));
    scanners
}

fn any_grammar() -> impl Strategy<Value = Grammar> {
    prop_oneof![
        4 => Just(CSV),
        4 => Just(CSV_BACKSLASH),
        4 => Just(TEXT),
        4 => prop::sample::select(GRAMMARS.as_slice()),
        1 => (any::<u8>(), any::<u8>(), any::<u8>())
            .prop_map(|(delimiter, quote, escape)| Grammar::Csv { delimiter: Separator::byte(delimiter), quote, escape }),
    ]
}

fn any_eol() -> impl Strategy<Value = Eol> {
    prop::sample::select(EOLS.as_slice())
}

/// A byte of the grammars and a few that have no meaning.
fn any_byte() -> impl Strategy<Value = u8> {
    prop::sample::select(b"\"\"\"\",,,,\n\n\n\r\\\\\\.aaaaaab;'\t\t\0\x01\x02\x80\xff".as_slice())
}

/// Up to 300 bytes: single ones, and runs long enough to reach over a block.
fn any_data() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        3 => prop::collection::vec(any_byte(), 0..300),
        1 => prop::collection::vec((any_byte(), prop_oneof![4 => 1..4usize, 1 => 1..140usize]), 0..24)
            .prop_map(|runs| runs.into_iter().flat_map(|(byte, length)| vec![byte; length]).take(300).collect()),
        2 => (any::<u64>(), any_grammar(), any_eol(), 0..300usize).prop_map(|(seed, grammar, eol, length)| {
            let mut data = records(&mut Random(seed | 1), grammar, eol, length);
            data.truncate(length);
            data
        }),
    ]
}

/// Marsaglia's xorshift: the same buffers in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % limit
    }
}

/// Whole records without anything stray, at least `length` bytes.
fn records(random: &mut Random, grammar: Grammar, eol: Eol, length: usize) -> Vec<u8> {
    let end: &[u8] = match eol {
        Eol::Lf => b"\n",
        Eol::CrLf => b"\r\n",
        Eol::Cr => b"\r",
        Eol::Other(ref end) => end.as_bytes(),
    };
    let mut data = Vec::new();
    while data.len() < length {
        for field in 0..=random.below(8) {
            if field > 0
                && let Some(delimiter) = grammar.delimiter()
            {
                data.extend_from_slice(delimiter.as_bytes());
            }
            let size = if random.below(50) == 0 { random.below(300) } else { random.below(12) };
            match grammar {
                Grammar::Csv { delimiter, quote, escape } if random.below(3) == 0 => {
                    data.push(quote);
                    for _ in 0..size {
                        match random.below(8) {
                            0 => data.extend([escape, quote]),
                            1 => data.extend([escape, escape]),
                            2 => data.extend_from_slice(end),
                            3 => data.extend_from_slice(delimiter.as_bytes()),
                            _ => data.push(b'x'),
                        }
                    }
                    data.push(quote);
                }
                Grammar::Text { delimiter, .. } => {
                    for _ in 0..size {
                        match random.below(16) {
                            0 => data.extend([b'\\', b'\\']),
                            1 => data.extend([b"\\", delimiter.as_bytes()].concat()),
                            2 => data.extend(end.iter().flat_map(|byte| [b'\\', *byte])),
                            _ => data.push(b'x'),
                        }
                    }
                }
                Grammar::Csv { .. } | Grammar::Plain { .. } => data.extend((0..size).map(|_| b'y')),
            }
        }
        data.extend_from_slice(end);
    }
    data
}
