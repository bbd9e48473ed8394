//! Tolerant decoding: any input has one outcome however it is cut, and every record of it is loaded or refused as it stands there.
//!
//! The first line gives the options: one digit each, in the order below. The data starts after the first LF.
#![no_main]

#[path = "../../crates/transcode/tests/outcome/mod.rs"]
mod outcome;

use copyist_format::{
    BadValue, Cleaning, Condition, FieldMap, Header, Missing, Origin, Plan, Replacement, Subject, Tolerance,
};
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
            Grammar::Text { delimiter: long([&b"\t\t"[..], b"|", b"|+|"][choice - 1]), marker: true },
            Eol::of_bytes([&b"!"[..], b"|\n", b"\n\n"][choice - 1]),
        ),
    };
    let mut plan = Plan { skip, header, eol, ..outcome::plan(grammar, tolerance) };
    plan.passes_blank_lines = pick(2) == 1;
    let conditions = [
        (Subject::Characters { start: 0, end: 1 }, false, "1"),
        (Subject::Characters { start: 1, end: 3 }, true, ",a"),
        (Subject::Field(1), true, "a"),
        (Subject::Field(2), false, "5"),
    ];
    let chosen = conditions.get(pick(conditions.len() + 1).wrapping_sub(1));
    plan.conditions = chosen
        .map(|&(subject, negated, value)| Condition { subject, negated, value: value.as_bytes().to_vec() })
        .into_iter()
        .collect();
    plan.columns[1].cleaning =
        Cleaning { unquotes: pick(2) == 1, blank_is_null: pick(2) == 1, trims: pick(2) == 1, empty_is_null: pick(2) == 1 };
    plan.columns[3].conversion = [None, Some(BadValue::SetNull)][pick(2)];
    if pick(2) == 1 {
        let names = plan.columns.iter().map(|column| column.name.clone()).collect();
        plan.map = Some(FieldMap { names, columns: vec![FieldMap::NONE, 1, 2, 3] });
        plan.columns[0].origin = Origin::Sequence { start: 1, increment: 1 };
    }
    outcome::check_any(&plan, input);
});

fn long(bytes: &[u8]) -> Separator {
    Separator::new(bytes).expect("one to ten bytes")
}
