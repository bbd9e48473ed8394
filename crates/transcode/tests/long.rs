//! Delimiters and line ends of several bytes: a load comes to the same as with one byte in their place.

mod outcome;

use std::sync::Arc;

use copyist_format::{BadValue, Header, Missing, Plan, Tolerance};
use copyist_scan::{Eol, Grammar, Separator};
use outcome::{Expected, SKIP, check_any, plan, run, seen};
use proptest::prelude::*;

const DELIMITERS: &[&[u8]] = &[b"||", b"$$", b"$$$", b"|+|", b", ", b"$|$", "→".as_bytes(), b"|,|,|,|,|,"];
const ENDS: &[&[u8]] = &[b"$", b"#", b"||\n", b"|\n", b"\n\n", b"$\n$", b"!!", b"\n\r\n", b"||||||||!"];

/// Stand for the delimiter and for the line end in what is written down here; nothing else has these bytes.
const DELIMITER: u8 = 1;
const END: u8 = 2;

fn separator(bytes: &[u8]) -> Separator {
    Separator::new(bytes).expect("one to ten bytes")
}

fn csv(delimiter: &[u8]) -> Grammar {
    Grammar::Csv { delimiter: separator(delimiter), quote: b'"', escape: b'"' }
}

fn grammar(kind: usize, delimiter: &[u8]) -> Grammar {
    let delimiter = separator(delimiter);
    match kind {
        0 => Grammar::Csv { delimiter, quote: b'"', escape: b'"' },
        1 => Grammar::Csv { delimiter, quote: b'"', escape: b'\\' },
        2 => Grammar::Text { delimiter, marker: true },
        _ => Grammar::Plain { delimiter: Some(delimiter) },
    }
}

fn with(text: &[u8], delimiter: &[u8], end: &[u8]) -> Vec<u8> {
    let bytes = text.iter().map(|byte| match *byte {
        DELIMITER => delimiter,
        END => end,
        _ => std::slice::from_ref(byte),
    });
    bytes.collect::<Vec<_>>().concat()
}

fn tolerance() -> impl Strategy<Value = Tolerance> {
    let missing = prop::sample::select(&[Missing::None, Missing::One, Missing::Any][..]);
    let conversion = prop::sample::select(&[BadValue::SkipRow, BadValue::SetNull][..]);
    (any::<bool>(), any::<bool>(), missing, conversion).prop_map(|(structure, extra, missing, conversion)| Tolerance {
        structure,
        extra,
        missing,
        conversion,
        ..SKIP
    })
}

/// Records, most of them as they should be.
fn text() -> impl Strategy<Value = Vec<u8>> {
    const RECORDS: &[&[u8]] = &[
        b"1\x01a\x015\x01\x02",
        b"2\x01\x016\x012024-01-01\x02",
        b"3\x01\"a b\"\x017\x01\x02",
        b"4\x01\"a\"\"b\"\x017\x01\x02",
        b"x\x01a\x015\x01\x02",
        b"6\x01a\x01\x01\x02",
        b"7\x01a\x02",
        b"8\x01a\x015\x02",
        b"9\x01a\x015\x01\x01\x01b\x02",
        b"\x02",
        b"10\x01quite a long text that reaches over the border of a block\x0110\x012024-02-29\x02",
        b"11\x01\"a\x015\x01\x02",
        b"12\x01a\"b\"c\x015\x01\x02",
        b"13\x01 \"a\" \x015\x01\x02",
        b"14\x01a\xff\x015\x01\x02",
        b"15\x01a",
    ];
    prop::collection::vec(prop::sample::select(RECORDS), 0..30).prop_map(|records| records.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn comes_to_what_one_byte_would(
        kind in 0..4usize, delimiter in prop::sample::select(DELIMITERS), end in prop::sample::select(ENDS), ends in any::<bool>(),
        tolerance in tolerance(), text in text(), header in any::<bool>(), skip in 0..2u64
    ) {
        let ends = ends && kind >= 2 && delimiter.last() != end.last();
        let header = if header { Header::Skip } else { Header::No };
        let one = Plan { header, skip, ..plan(grammar(kind, &[DELIMITER]), tolerance) };
        let (end, eol) = if ends { (end, Eol::of_bytes(end)) } else { (&b"\n"[..], None) };
        let long = Plan { eol, ..Plan { grammar: grammar(kind, delimiter), ..one.clone() } };
        let (short, data) = (with(&text, &[DELIMITER], b"\n"), with(&text, delimiter, end));
        check_any(&long, &data);
        let (one, long) = (run(&Arc::new(one), &short, 1, 64), run(&Arc::new(long), &data, 1, 64));
        prop_assert_eq!(&one.ids, &long.ids);
        // Without the record, which is cut after so many bytes.
        let named = |failure: &Option<String>| {
            failure.as_ref().map(|failure| {
                let (line, rest) = failure.split_once(": ").unwrap_or_default();
                (line.to_owned(), rest.rsplit_once("\": ").unwrap_or_default().1.to_owned())
            })
        };
        prop_assert_eq!(named(&one.failure), named(&long.failure));
        // Broken lines of CSV may hold the one byte for another reason than the several, but do not here.
        let rejects = seen(&one.rejects).into_iter().map(|reject| Expected { offset: 0, raw: with(&reject.raw, delimiter, b""), ..reject });
        let found = seen(&long.rejects).into_iter().map(|reject| Expected { offset: 0, ..reject });
        prop_assert_eq!(rejects.collect::<Vec<_>>(), found.collect::<Vec<_>>());
        prop_assert_eq!(one.counters.lines_skipped, long.counters.lines_skipped);
        prop_assert_eq!(one.counters.header_lines, long.counters.header_lines);
    }

    /// Whatever stands where.
    #[test]
    fn has_one_outcome(
        kind in 0..4usize, delimiter in prop::sample::select(DELIMITERS), end in prop::option::of(prop::sample::select(ENDS)),
        tolerance in tolerance(), pieces in prop::collection::vec((0..12usize, 1..4usize), 0..60), skip in 0..3u64
    ) {
        let end = end.filter(|end| kind >= 2 && end.last() != delimiter.last());
        let eol = end.and_then(Eol::of_bytes);
        let end = end.unwrap_or(b"\n");
        let mut data = Vec::new();
        for (piece, times) in pieces {
            match piece {
                0 | 1 => data.extend(delimiter.repeat(times)),
                2 => data.extend_from_slice(&delimiter[..times.min(delimiter.len())]),
                3 => data.extend_from_slice(end),
                4 => data.extend_from_slice(&end[..times.min(end.len())]),
                5 => data.extend(b"\\".repeat(times)),
                6 => data.extend(b"\"".repeat(times)),
                7 => data.extend_from_slice(&[b"1", delimiter, b"a", delimiter, b"5", delimiter, end].concat()),
                _ => data.extend_from_slice([&b"1"[..], b"a", b" ", b"\n"][piece - 8]),
            }
        }
        check_any(&Plan { eol, skip, ..plan(grammar(kind, delimiter), tolerance) }, &data);
    }
}

#[test]
fn lines_are_counted_by_the_ends_that_are_told() {
    let plan = Plan { eol: Eol::of_bytes(b"$"), skip: 1, ..plan(grammar(3, b"||"), SKIP) };
    let input = b"a\nreport$h$1||a\r\nb||5||$x||b||5||$2||c||6||2024-01-01$";
    let outcome = run(&Arc::new(plan), input, 1, 8);
    assert_eq!((outcome.failure, outcome.ids), (None, vec![2]));
    let lines: Vec<_> = outcome.rejects.iter().map(|reject| (reject.line, reject.raw.as_slice())).collect();
    // The NULL string is \N here.
    assert_eq!(lines, [(3, &b"1||a\r\nb||5||"[..]), (4, b"x||b||5||")]);
}

#[test]
fn a_quote_after_a_delimiter_is_in_its_place() {
    let outcome = run(&Arc::new(plan(csv(b" | "), SKIP)), b"h\n1 | \"a\nb\" | 5 | \n2 |\"a\nb\" | 5 | \n", 1, 64);
    assert_eq!((outcome.ids, outcome.rejects.len()), (vec![1], 2));
}

/// The record is the last of its tile, however that is cut.
#[test]
fn bytes_behind_the_tile_are_shown_of_what_is_no_character() {
    check_any(&plan(csv(b","), Tolerance { structure: false, ..SKIP }), b"\n\xe2\n\xe2\x86\x92\xe2\x86\x92");
}

#[test]
fn a_line_without_its_end_is_skipped() {
    check_any(&Plan { skip: 1, eol: Eol::of_bytes(b"$"), ..plan(grammar(2, b"||"), SKIP) }, b"||");
}
