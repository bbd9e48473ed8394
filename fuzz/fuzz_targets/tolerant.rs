//! Tolerant decoding: any input has one outcome however it is cut, and every record of it is loaded or refused as it stands there.
//!
//! The first line gives the options: one digit each, in the order below. The data starts after the first LF.
#![no_main]

#[path = "../../crates/transcode/tests/outcome/mod.rs"]
mod outcome;

use copyist_format::{BadValue, Header, Missing, Plan, Replacement, Tolerance};
use copyist_scan::{Eol, Grammar, Separator};
use outcome::{CSV, CSV_BACKSLASH, SKIP, TEXT};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some(line_end) = bytes.iter().position(|&byte| byte == b'\n') else { return };
    let (line, input) = (&bytes[..line_end], &bytes[line_end + 1..]);
    let mut digits = line.iter().map(|byte| usize::from(byte.wrapping_sub(b'0')));
    let mut pick = |choices: usize| digits.next().unwrap_or(0) % choices;

    let grammar = [CSV, CSV_BACKSLASH, TEXT][pick(3)];
    let structure = pick(2) == 0;
    let tolerance = Tolerance {
        conversion: BadValue::SkipRow,
        structure,
        constraint: structure,
        extra: pick(2) == 1,
        missing: [Missing::None, Missing::One, Missing::Any][pick(3)],
        invalid: [None, Some(None), Some(Some(b' '))][pick(3)].map(|nul| Replacement { byte: b'?', nul }),
        truncate: pick(2) == 1,
        ..SKIP
    };
    let skip = [0, 1, 2, 5][pick(4)];
    let header = [Header::Skip, Header::No][pick(2)];
    let (grammar, eol) = match (grammar, pick(4)) {
        (_, 0) => (grammar, None),
        (Grammar::Csv { quote, escape, .. }, choice) => {
            (Grammar::Csv { delimiter: long([&b", "[..], b",,", b",|,"][choice - 1]), quote, escape }, None)
        }
        (_, choice) => (
            Grammar::Text { delimiter: long([&b"\t\t"[..], b"|", b"|+|"][choice - 1]) },
            Eol::of_bytes([&b"!"[..], b"|\n", b"\n\n"][choice - 1]),
        ),
    };
    outcome::check_any(&Plan { skip, header, eol, ..outcome::plan(grammar, tolerance) }, input);
});

fn long(bytes: &[u8]) -> Separator {
    Separator::new(bytes).expect("one to ten bytes")
}
