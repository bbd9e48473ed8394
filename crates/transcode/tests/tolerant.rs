//! Rows with errors of every class among good ones: exactly those are refused, with their place and bytes, however the input is cut and
//! whatever the number of threads.
#![cfg(feature = "arrow")]

mod outcome;

use std::sync::Arc;

use copyist_core::Type;
use copyist_format::{BadValue, ColumnPlan, Header, Layout, Missing, Plan, Replacement, Tolerance};
use copyist_scan::{Eol, Grammar, Separator};
use copyist_transcode::Reject;
use outcome::{CSV, CSV_BACKSLASH, Expected, Outcome, SKIP, TEXT, plan, run, seen, text_of};
use proptest::prelude::*;

/// A small generator of random numbers; the same sequence for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

struct Case {
    input: Vec<u8>,
    kept: Vec<i64>,
    refused: Vec<Expected>,
}

/// `rows` rows, of which `bad` in a thousand are refused.
fn case(seed: u64, rows: i64, bad: u64, is_csv: bool, eol: &str) -> Case {
    let mut random = Random(seed);
    let mut input = format!("id,name,amount,day{eol}").into_bytes();
    let mut line = 2;
    let (mut kept, mut refused) = (Vec::new(), Vec::new());
    let d = if is_csv { ',' } else { '\t' };
    for id in 0..rows {
        let mut record = Vec::new();
        let mut errors: Vec<(&str, Option<usize>)> = Vec::new();
        let mut lines = 1;
        let mut end = eol;
        let name = match random.below(7) {
            0 if is_csv => format!("\"a, {id}\""),
            1 if is_csv => format!("\"say \"\"{id}\"\"\""),
            2 if is_csv => {
                lines = 2;
                format!("\"two{eol}lines\"")
            }
            3 if !is_csv => format!("tab\\t{id}"),
            // A line feed that is data, which counts as a line where lines end so.
            5 if is_csv => {
                lines = 1 + u64::from(eol == "\n");
                "\"two\nlines\"".to_owned()
            }
            5 => "two\\\nlines".to_owned(),
            4 => "żółw".to_owned(),
            _ => format!("name {id}"),
        };
        if random.below(1000) < bad {
            let mut plain = format!("{id}{d}n{d}5{d}2024-01-02");
            match random.below(9) {
                0 => {
                    plain = format!("{id}{d}n{d}x5{d}2024-01-02");
                    errors.push(("22P02", Some(2)));
                }
                1 => {
                    plain = format!("x{id}{d}n{d}99999999999{d}2024-13-02");
                    errors.extend([("22P02", Some(0)), ("22003", Some(2)), ("22008", Some(3))]);
                }
                2 => {
                    plain = format!("{id}{d}n{d}5");
                    errors.push(("22P04", None));
                }
                3 => {
                    plain.push(d);
                    plain.push_str("more");
                    errors.push(("22P04", None));
                }
                4 => {
                    let null = if is_csv { "" } else { "\\N" };
                    plain = format!("{id}{d}n{d}{null}{d}2024-01-02");
                    errors.push(("23502", Some(2)));
                }
                5 => {
                    plain.push('\0');
                    errors.push(("22021", None));
                }
                6 if eol == "\n" => {
                    // A line end of another style.
                    plain = format!("{id}{d}n\rm{d}5{d}2024-01-02");
                    errors.push(("22P04", None));
                }
                6 => {
                    end = "\n";
                    if is_csv && id % 2 == 0 {
                        plain = format!("{id},\"two\nlines\",5,2024-01-02");
                    }
                    errors.push(("22P04", None));
                }
                7 if is_csv => {
                    plain = format!("{id},\"broken,5,2024-01-02");
                    errors.push(("22P04", None));
                }
                _ => {}
            }
            record.extend_from_slice(plain.as_bytes());
            if errors.is_empty() {
                // Bytes that are no character.
                record.insert(record.len() - 3, 0xff);
                errors.push(("22021", None));
            }
            lines = 1;
        } else {
            let null = if is_csv { "" } else { "\\N" };
            let day = if random.below(5) == 0 { null } else { "2024-02-29" };
            record = format!("{id}{d}{name}{d}{}{d}{day}", random.below(100_000)).into_bytes();
            kept.push(id);
        }
        if !errors.is_empty() {
            refused.push(Expected {
                line,
                last_line: line + lines - 1,
                offset: input.len() as u64,
                raw: record.clone(),
                errors: errors.iter().map(|&(state, column)| (state.to_owned(), column)).collect(),
            });
        }
        input.extend_from_slice(&record);
        input.extend_from_slice(end.as_bytes());
        line += lines;
    }
    Case { input, kept, refused }
}

fn check(case: &Case, plan: &Arc<Plan>, threads: usize, tile_size: usize) {
    let outcome = run(plan, &case.input, threads, tile_size);
    assert_eq!(outcome.failure, None);
    let found = seen(&outcome.rejects);
    for (found, expected) in found.iter().zip(&case.refused) {
        let raw = String::from_utf8_lossy(&expected.raw);
        assert_eq!(found, expected, "{threads} threads, tiles of {tile_size}: {raw:?}");
    }
    assert_eq!(found.len(), case.refused.len(), "{threads} threads, tiles of {tile_size}");
    assert_eq!(outcome.ids, case.kept, "{threads} threads, tiles of {tile_size}");
    assert_eq!(outcome.counters.rows_refused, case.refused.len() as u64);
    assert_eq!(outcome.counters.rows_read, (case.kept.len() + case.refused.len()) as u64);
}

#[test]
fn exactly_the_bad_rows_are_refused() {
    for (seed, bad) in [(1, 10), (2, 100), (3, 500), (4, 0), (5, 1000)] {
        for is_csv in [true, false] {
            for eol in ["\n", "\r\n", "\r"] {
                let case = case(seed, 3000, bad, is_csv, eol);
                let plan = Arc::new(plan(if is_csv { CSV } else { TEXT }, SKIP));
                for threads in [1, 2, 8] {
                    for tile_size in [100, 4096, 1 << 18] {
                        check(&case, &plan, threads, tile_size);
                    }
                }
            }
        }
    }
}

fn text(input: &str, tolerance: Tolerance) -> Outcome {
    run(&Arc::new(plan(CSV, tolerance)), input.as_bytes(), 1, 64)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    /// See [`outcome::check_any`].
    #[test]
    fn any_input_has_one_outcome(
        pieces in prop::collection::vec(
            prop::sample::select(vec![
                &b"1"[..], b"22", b"a", b",", b",", b",", b"\t", b"\"", b"\"\"", b"\n", b"\n", b"\r", b"\r\n", b"\\", b"\\.",
                b"\xff", b"\xc5\xbc", b"\0", b"5", b"2024-01-01", b"1,a,5,\n", b"2\ta\t5\t\\N\n",
            ]),
            0..60,
        ),
        grammar in prop::sample::select(vec![CSV, CSV, CSV_BACKSLASH, TEXT]),
        extra in any::<bool>(),
        missing in prop::sample::select(vec![Missing::None, Missing::One, Missing::Any]),
        replaces in any::<bool>(),
        structure in prop::sample::select(vec![true, true, false]),
        skip in prop::sample::select(vec![0, 0, 1, 3]),
        eol in prop::sample::select(vec![None, None, Some(Eol::CrLf), Some(Eol::Cr)]),
    ) {
        let invalid = replaces.then_some(Replacement { byte: b'?', nul: None });
        let tolerance = Tolerance { extra, missing, invalid, structure, constraint: structure, ..SKIP };
        outcome::check_any(&Plan { skip, eol, ..plan(grammar, tolerance) }, &pieces.concat());
    }

    #[test]
    fn records_end_where_a_naive_reader_ends_them(
        pieces in prop::collection::vec(
            prop::sample::select(vec![
                &b"1"[..], b",", b"\t", b"x", b"\n", b"\n", b"\r", b"\r\n", b"\r\n", b"\\", b"1,a,5,", b"2\ta\t5\t\\N",
            ]),
            0..60,
        ),
        grammar in prop::sample::select(vec![CSV, TEXT]),
        told in prop::sample::select(vec![None, None, Some(Eol::CrLf), Some(Eol::Cr)]),
    ) {
        let input = pieces.concat();
        let expected = naive_records(&input, grammar == TEXT, told);
        let base = plan(grammar, SKIP);
        let outcome = run(&Arc::new(Plan { eol: told, header: Header::No, ..base }), &input, 2, 20);
        assert_eq!(outcome.failure, None);
        assert_eq!(outcome.counters.rows_read, expected.len() as u64);
        let extent = |reject: &Reject| (reject.byte_offset as usize, reject.byte_len as usize);
        let refused: Vec<_> = outcome.rejects.iter().map(extent).collect();
        let of_feeds = |reject: &&Reject| reject.flaws[0].error.message.contains("newline found in data");
        let by_feeds: Vec<_> = outcome.rejects.iter().filter(of_feeds).map(extent).collect();
        for &(start, len, has_feed) in &expected {
            assert_eq!(by_feeds.contains(&(start, len)), has_feed, "{start} {len}");
        }
        assert!(refused.iter().all(|&(start, len)| expected.iter().any(|record| (record.0, record.1) == (start, len))));
    }
}

/// Where the records of an input without quotes begin, how long they are, and whether the first stray line end in them is a line feed.
fn naive_records(input: &[u8], is_text: bool, told: Option<Eol>) -> Vec<(usize, usize, bool)> {
    let mut eol = told;
    let (mut records, mut start, mut at, mut stray) = (Vec::new(), 0, 0, None);
    while at < input.len() {
        let next = input.get(at + 1);
        let len = match (input[at], eol) {
            (b'\\', _) if is_text => {
                at += 2;
                continue;
            }
            (b'\r', None | Some(Eol::CrLf)) if next == Some(&b'\n') => 2,
            (b'\n', Some(Eol::Cr)) if at == 0 || matches!(input[at - 1], b'\r' | b'\n') => 0,
            (b'\r', None | Some(Eol::Cr)) | (b'\n', _) => 1,
            _ => 0,
        };
        let is_stray = matches!(input[at], b'\r' | b'\n')
            && eol.is_some_and(|eol| len != eol.len() || input[at] != eol.first_byte());
        stray = stray.or(is_stray.then_some(input[at]));
        if len == 0 {
            at += 1;
            continue;
        }
        eol = eol.or(Eol::of_bytes(&input[at..at + len]));
        records.push((start, at - start, stray == Some(b'\n')));
        at += len;
        (start, stray) = (at, None);
    }
    if start < input.len() {
        records.push((start, input.len() - start, stray == Some(b'\n')));
    }
    records
}

/// Line, bytes and SQLSTATE of each row that was refused.
fn refused(outcome: &Outcome) -> Vec<(u64, String, &str)> {
    let of = |reject: &Reject| {
        (reject.line, String::from_utf8_lossy(&reject.raw).into_owned(), reject.flaws[0].error.code.sql_state())
    };
    outcome.rejects.iter().map(of).collect()
}

#[test]
fn lines_that_end_in_a_line_feed_alone_are_refused_one_by_one() {
    // More than a record may have bytes.
    const LINES: usize = 200_000;
    for (grammar, d) in [(CSV, ','), (TEXT, '\t')] {
        let null = if grammar == CSV { "" } else { "\\N" };
        let lines = |from: usize, end: &str| -> String {
            (from..from + LINES).map(|id| format!("{id}{d}a{d}5{d}{null}{end}")).collect()
        };
        for (own, told) in [("\r\n", None), ("\r", None), ("\r\n", Some(Eol::CrLf)), ("\r", Some(Eol::Cr))] {
            let few = if told.is_some() { String::new() } else { format!("0{d}a{d}5{d}{null}{own}") };
            let input = few + &lines(1, "\n") + &lines(LINES + 1, own);
            let before = usize::from(told.is_none());
            for (threads, tile_size) in [(1, 1 << 18), (8, 1 << 14)] {
                let plan = Plan { eol: told, header: Header::No, ..plan(grammar, SKIP) };
                let outcome = run(&Arc::new(plan), input.as_bytes(), threads, tile_size);
                assert_eq!((&outcome.failure, outcome.ids.len()), (&None, before + LINES));
                assert_eq!(outcome.rejects.len(), LINES);
                let is_own = |(at, (line, raw, state)): (usize, (u64, String, &str))| {
                    let (number, is_right) = (before + 1 + at, raw == format!("{}{d}a{d}5{d}{null}", at + 1));
                    line == number as u64 && is_right && state == "22P04"
                };
                assert!(refused(&outcome).into_iter().enumerate().all(is_own));
            }
        }
    }
}

#[test]
fn what_follows_upon_a_line_feed_is_a_record() {
    let outcome = text("h\r\n1,a,5,\n2,b,5,\r\n3,\"c\nd\",5,\r\n4,e,\nf,\r\n5,g,5,\r\n", SKIP);
    assert_eq!((&outcome.failure, &outcome.ids[..]), (&None, &[2, 3, 5][..]));
    let newline = |line, raw: &str| (line, raw.to_owned(), "22P04");
    assert_eq!(refused(&outcome), [newline(2, "1,a,5,"), newline(5, "4,e,"), newline(6, "f,")]);
    assert_eq!(outcome.rejects[0].flaws[0].error.message, "unquoted newline found in data");
    // A carriage return that is none of a line end is passed over.
    let outcome = text("h\r\n1,a\rb,5,\n2,b,5,\r\n", SKIP);
    assert_eq!((refused(&outcome), &outcome.ids[..]), (vec![newline(2, "1,a\rb,5,")], &[2][..]));
    // Where lines end in CR, a line of CR LF is one record, whose line feed begins the next one.
    let outcome = text("h\r1,a,5,\r\n2,b,5,\r\n3,c,5,\n4,d,5,\r5,e,5,\r", SKIP);
    assert_eq!((&outcome.failure, &outcome.ids[..]), (&None, &[1, 4, 5][..]));
    assert_eq!(refused(&outcome), [newline(3, "\n2,b,5,"), newline(4, "\n3,c,5,")]);
    // Where structure is not tolerated it is PostgreSQL's error.
    let outcome = text("h\r\n1,a,5,\r\n2,b,5,\n3,c,5,\r\n", Tolerance { structure: false, constraint: false, ..SKIP });
    assert_eq!((outcome.ids, outcome.rejects.len()), (vec![1], 0));
    assert_eq!(outcome.failure.expect("the load must fail"), "COPY t, line 3: unquoted newline found in data");
}

#[test]
fn a_broken_quote_costs_its_line_among_lines_that_end_in_a_line_feed() {
    let broken = ["4,\"b,5,", "4,b\"b,5,"];
    for broken in broken {
        for last in ["9,x,5,\r\n", "9,\"x\ny\",5,\r\n", "9,x\"y,5,\r\n"] {
            let lines = "7,c,5,\n".repeat(3000);
            let input = format!("h\r\n1,a,5,\r\n2,b,5,\n{lines}{broken}\n{lines}{last}8,z,5,\r\n");
            for tile_size in [64, 4096, 1 << 18] {
                let outcome = run(&Arc::new(plan(CSV, SKIP)), input.as_bytes(), 2, tile_size);
                let ids: &[i64] = if last.contains("x\"y") { &[1, 8] } else { &[1, 9, 8] };
                assert_eq!((&outcome.failure, &outcome.ids[..]), (&None, ids), "{broken:?} {last:?}");
                assert_eq!(outcome.rejects.len(), 6002 + usize::from(ids.len() == 2), "{broken:?} {last:?}");
                assert_eq!((outcome.rejects[3001].line, &outcome.rejects[3001].raw[..]), (3004, broken.as_bytes()));
            }
        }
    }
    // Among others a line feed in quotes is one of the value.
    let outcome = text("h\r\n1,x\"a\nb\",5,\r\n2,\"c\nd,5,\r\n3,e,5,\r\n", SKIP);
    assert_eq!((outcome.failure.as_ref(), &outcome.ids[..]), (None, &[1, 3][..]));
    assert_eq!(refused(&outcome), [(3, "2,\"c\nd,5,".to_owned(), "22P04")]);
    // Unless no line ends otherwise any more.
    let outcome = text("h\r\n1,a,5,\r\n2,\"b,5,\n3,c,5,\n4,d,5,\n", SKIP);
    assert_eq!((outcome.failure.as_ref(), outcome.ids.len(), outcome.rejects.len()), (None, 1, 3));
}

#[test]
fn a_quote_that_is_never_closed_costs_its_line() {
    let outcome = text("h\n1,a,5,\n2,\"b,5,\n3,c,5,\n4,d,5,\n", SKIP);
    assert_eq!((outcome.failure, outcome.ids), (None, vec![1, 3, 4]));
    assert_eq!(outcome.rejects.len(), 1);
    assert_eq!((outcome.rejects[0].line, &outcome.rejects[0].raw[..]), (3, &b"2,\"b,5,"[..]));
}

/// Records may have 1 MiB here.
#[test]
fn a_record_that_is_too_long_is_not_read_as_its_lines() {
    let lines = "9,x,9,\n".repeat(300_000);
    let value = format!("h\n1,a,5,\n2,\"{lines}\",5,\n3,c,5,\n");
    let letters = format!("h\n1,a,5,\n2,b\"{}\",5,\n3,c,5,\n", "x".repeat(3 << 20));
    for input in [value, letters] {
        let outcome = text(&input, SKIP);
        let failure = outcome.failure.expect("the load must end");
        assert!(failure.contains("a record is longer than 1048576 bytes"), "{failure}");
        assert_eq!((outcome.ids, outcome.rejects.len()), (vec![1], 0));
    }
    // Where it has a quote that no value has, its line is broken, however much follows.
    for broken in ["2,b\"b,5,", "2,\"b\"b\",5,"] {
        let outcome = text(&format!("h\n1,a,5,\n{broken}\n{lines}"), SKIP);
        assert_eq!((outcome.failure, outcome.ids.len(), outcome.rejects.len()), (None, 300_001, 1));
        assert_eq!((outcome.rejects[0].line, &outcome.rejects[0].raw[..]), (3, broken.as_bytes()));
    }
}

#[test]
fn so_do_two_that_seem_to_belong_together() {
    let outcome = text("h\n1,\"a,5,\n2,b,5,\n3,\"c,5", SKIP);
    assert_eq!((outcome.failure, outcome.ids, outcome.rejects.len()), (None, vec![2], 2));
}

#[test]
fn blanks_beside_quotes_are_no_mistake() {
    let outcome = text("h\n1, \"a\n9,x,9,\nb\",5,\n2,\"c\nd\" ,5,\n", SKIP);
    assert_eq!((outcome.failure, outcome.ids, outcome.rejects.len()), (None, vec![1, 2], 0));
}

#[test]
fn the_line_end_of_another_file_behind_a_value_is_no_broken_quote() {
    let outcome = text("h\n1,a,5,\n2,b,5,\"x\n5,y,5,\nz\"\r\n3,c,5,\n", SKIP);
    assert_eq!((&outcome.failure, &outcome.ids[..]), (&None, &[1, 3][..]));
    assert_eq!(refused(&outcome), [(3, "2,b,5,\"x\n5,y,5,\nz\"\r".to_owned(), "22P04")]);
    let outcome = text("h\n1,a,5,\n2,b,5,\"x\n5,y,5,\nz\"\r3,c,5,\n4,d,5,\n", SKIP);
    assert_eq!((&outcome.failure, &outcome.ids[..], outcome.rejects.len()), (&None, &[1, 4][..], 1));
}

/// Within this time each is read once; otherwise each would be as often as it has lines.
fn soon(grammar: Grammar, input: &[u8]) -> Outcome {
    let started = std::time::Instant::now();
    let outcome = run(&Arc::new(plan(grammar, SKIP)), input, 1, 1 << 18);
    assert!(started.elapsed().as_secs() < 10, "{:?}", started.elapsed());
    outcome
}

#[test]
fn the_end_of_an_open_quote_is_looked_for_once() {
    let Grammar::Csv { delimiter, quote, .. } = CSV else { unreachable!() };
    let lines = "6,a\\\",5,\n".repeat(60_000);
    let input = format!("h\n1,a,5,\n{lines}7,\"a\",5,\n8,b,5,\n");
    let outcome = soon(Grammar::Csv { delimiter, quote, escape: b'\\' }, input.as_bytes());
    assert_eq!((outcome.failure, outcome.ids, outcome.rejects.len()), (None, vec![1, 7, 8], 60_000));
}

#[test]
fn line_feeds_that_end_nothing_are_passed_over_once() {
    let feeds = "\n".repeat(300_000);
    let input = format!("h\r1\ta\t5\t\\N\r2\t{}\0{feeds}\r3\tb\t5\t\\N\r", "x".repeat(300_000));
    let outcome = soon(TEXT, input.as_bytes());
    assert_eq!((&outcome.failure, &outcome.ids[..]), (&None, &[1, 3][..]));
    // They are no reason to call a record too long, either.
    let input = format!("h\r1,a,5,\r{}", "2,b,5,\n\n".repeat(300_000));
    let outcome = soon(CSV, input.as_bytes());
    assert_eq!((&outcome.failure, &outcome.ids[..]), (&None, &[1][..]));
    assert_eq!(outcome.rejects.len(), 300_001);
}

#[test]
fn a_broken_header_costs_nothing_else() {
    let outcome = text("\"h\n1,a,5,\n2,b,5,\n", SKIP);
    assert_eq!((outcome.failure, outcome.ids, outcome.rejects.len()), (None, vec![1, 2], 0));
    assert_eq!(outcome.counters.header_lines, 1);
}

/// As many lines as are longer than a record may be.
fn lines_beyond_the_limit(line: &str) -> String {
    line.repeat((1 << 20) / line.len() + 50_000)
}

#[test]
fn a_quote_that_is_not_closed_within_the_longest_record_costs_its_line() {
    for row in ["7,a,5,\n", "7,\"a, b\",5,\n"] {
        let rows = lines_beyond_the_limit(row);
        let outcome = text(&format!("h\n1,a,5,\n2,\"b,5,\n{rows}"), SKIP);
        assert_eq!(outcome.failure, None);
        assert_eq!((outcome.ids[0], outcome.ids.len()), (1, 1 + rows.len() / row.len()));
        assert_eq!((outcome.rejects.len(), outcome.rejects[0].line), (1, 3));
    }
}

#[test]
fn lines_of_a_value_longer_than_a_record_may_be_are_no_rows() {
    let fits = "a text, with commas\nor without\n".repeat(100);
    let outcome = text(&format!("h\n1,\"{fits}\",5,\n"), SKIP);
    assert_eq!((outcome.failure, outcome.ids), (None, vec![1]));
    let values = ["9,x,9,\n", "a text\n", "a, b, c\nd\n\n", "5,five\n"].map(lines_beyond_the_limit);
    let line = "x".repeat(2 << 20);
    for value in values.iter().chain([&line]) {
        for first in ["two\n", "\n", ""] {
            let outcome = text(&format!("h\n1,a,5,\n2,\"{first}{value}\",5,\n3,c,5,\n"), SKIP);
            assert_eq!((outcome.ids, outcome.rejects.len()), (vec![1], 0));
            assert!(outcome.failure.expect("the load must fail").contains("a record is longer than 1048576 bytes"));
        }
    }
    let outcome = text(&format!("h\n2,\"{line}\",5,\n3,c,5,\n"), SKIP);
    assert_eq!((outcome.ids, outcome.rejects.len(), outcome.failure.is_some()), (vec![], 0, true));
}

#[test]
fn what_is_not_tolerated_ends_the_load_after_the_rows_before() {
    let only_values = Tolerance { structure: false, constraint: false, ..SKIP };
    let outcome = text("h\n1,a,5,\nx,b,5,\n3,c,5,\n4,d\n5,e,5,\n", only_values);
    assert_eq!((outcome.ids, outcome.rejects.len()), (vec![1, 3], 1));
    assert_eq!(
        outcome.failure.expect("the load must fail"),
        "COPY t, line 5: \"4,d\": missing data for column \"amount\""
    );
}

#[test]
fn a_value_that_is_forgiven_comes_before_fields_that_are_not_there() {
    let only_values = Tolerance { structure: false, constraint: false, ..SKIP };
    let outcome = text("h\n1,a,5,\nx,b\n3,c,y\n4,d,5,\n5,e\n", only_values);
    assert_eq!((outcome.ids, outcome.rejects.len()), (vec![1, 4], 2));
    let flaws = |at: usize| outcome.rejects[at].flaws.iter().map(|flaw| flaw.column).collect::<Vec<_>>();
    assert_eq!((flaws(0), flaws(1)), (vec![Some(0), None], vec![Some(2), None]));
    assert_eq!(
        outcome.failure.expect("the load must fail"),
        "COPY t, line 6: \"5,e\": missing data for column \"amount\""
    );
    let encoding = run(&Arc::new(plan(CSV, only_values)), b"h\nx,\xff\n", 1, 64);
    assert!(encoding.failure.expect("the load must fail").contains("invalid byte sequence"));
}

#[test]
fn a_refused_row_tells_its_other_values() {
    let told = |input: &str| {
        let mut base = plan(CSV, SKIP);
        base.columns.iter_mut().skip(1).for_each(|column| column.is_told = true);
        let outcome = run(&Arc::new(base), input.as_bytes(), 2, 64);
        assert_eq!(outcome.failure, None);
        let rejects = outcome.rejects.into_iter();
        rejects
            .map(|reject| reject.told.into_iter().map(|told| (told.column, told.text)).collect())
            .collect::<Vec<Vec<_>>>()
    };
    let value = |column, text: &str| (column, Some(text.as_bytes().to_vec()));
    assert_eq!(
        told("h\nx,\"a\"\"b\", 7,\n2,b\n3,,x,\n4,d,5,\nx,e,y,2024-01-02\nx,f,,1 May 2024\n"),
        [
            vec![value(1, "a\"b"), value(2, " 7"), (3, None)],
            // Of one that is not laid out like a row nothing is known.
            vec![],
            vec![(1, None), (3, None)],
            vec![value(1, "e"), value(3, "2024-01-02")],
            vec![value(1, "f"), value(3, "1 May 2024")],
        ]
    );
    assert!(run(&Arc::new(plan(CSV, SKIP)), b"h\nx,a,5,\n", 1, 64).rejects[0].told.is_empty());
}

#[test]
fn what_is_found_before_values_are_read_ends_the_load() {
    let only_values = Tolerance { structure: false, constraint: false, ..SKIP };
    let marked = Plan { default: Some(b"DEF".to_vec()), ..plan(CSV, only_values) };
    let failure = |plan: &Plan, input: &[u8], ids: &[i64]| {
        outcome::check_any(plan, input);
        let outcome = run(&Arc::new(plan.clone()), input, 1, 64);
        assert_eq!(outcome.ids, ids);
        outcome.failure.expect("the load must fail")
    };
    let marker = "unexpected default marker in COPY data";
    assert_eq!(
        failure(&marked, b"h\n1,a,5,\nx,b,DEF,\n3,c,5,\n", &[1]),
        format!("COPY t, line 3: \"x,b,DEF,\": {marker}")
    );
    assert_eq!(failure(&marked, b"h\nx,DEF\n", &[]), format!("COPY t, line 2: \"x,DEF\": {marker}"));
    assert_eq!(failure(&marked, b"h\n1,DEF,5,,\n", &[]), format!("COPY t, line 2: \"1,DEF,5,,\": {marker}"));
    let csv = plan(CSV, only_values);
    assert_eq!(
        failure(&csv, b"\xff\n1,a,5,\n", &[]),
        "COPY t, line 1: invalid byte sequence for encoding \"UTF8\": 0xff"
    );
    assert_eq!(
        failure(&csv, b"h\n1,a,5,\nx,\xff,5,\n", &[1]),
        "COPY t, line 3: invalid byte sequence for encoding \"UTF8\": 0xff"
    );
}

#[test]
fn a_header_that_is_passed_over_may_have_an_open_quote() {
    let only_values = Tolerance { structure: false, constraint: false, ..SKIP };
    outcome::check_any(&plan(CSV, only_values), b"\"h\r");
    let outcome = text("\"h\r", only_values);
    assert_eq!((outcome.failure, outcome.ids, outcome.counters.header_lines), (None, vec![], 1));
}

#[test]
fn what_will_be_replaced_behind_a_carriage_return_is_no_mistake() {
    let invalid = Some(Replacement { byte: b'?', nul: None });
    for structure in [true, false] {
        let tolerance = Tolerance { invalid, structure, constraint: structure, ..SKIP };
        outcome::check_any(&plan(TEXT, tolerance), b"h\r\xff\r1\ta\t5\t\\N\r\xff\t\xff\r");
    }
}

#[test]
fn lines_that_are_no_records_are_passed_over() {
    let skip =
        |skip, input: &str| run(&Arc::new(Plan { skip, ..plan(CSV, Tolerance::default()) }), input.as_bytes(), 1, 64);
    let outcome = skip(2, "\u{feff}Report \"Q1\rby hand\r\nh\n1,a,5,\nx,b,5,\n");
    assert_eq!((outcome.ids, outcome.counters.lines_skipped), (vec![1], 2));
    let failure = outcome.failure.expect("the load must fail");
    assert_eq!(failure, "COPY t, line 5, column id: \"x\": invalid input syntax for type bigint: \"x\"");
    let short = skip(9, "a\nb");
    assert_eq!((short.failure, short.ids, short.counters.lines_skipped), (None, vec![], 2));
    assert_eq!(skip(1, "").counters.lines_skipped, 0);
    // They have told the line-end style, which a first record would tell only at its end.
    for (input, line) in [
        ("h\nx,\"a\nb\",5,\n", 3),
        ("h\nx,\"a\nb\",5,", 3),
        ("h\r\nx,\"a\r\nb\",5,\r\n", 3),
        ("h\nx,\"a\rb\",5,", 2),
        ("h\r\nx,\"a\rb\nc\",5,", 3),
        ("h\rx,\"a\nb\rc\",5,", 3),
        ("h\n1,\"a\nb\",5,\nx,b,5,\n", 4),
    ] {
        let first = |tolerance| {
            let plan = Plan { skip: 1, header: Header::No, ..plan(CSV, tolerance) };
            run(&Arc::new(plan), input.as_bytes(), 1, 64)
        };
        let failure = first(Tolerance::default()).failure.expect("the load must fail");
        assert!(failure.starts_with(&format!("COPY t, line {line}, ")), "{input:?}: {failure}");
        assert_eq!(first(SKIP).rejects.iter().map(|reject| reject.last_line).collect::<Vec<_>>(), [line], "{input:?}");
    }
    // Unless the quote stays open, and the lines in it have ended otherwise than those.
    for (skipped, end) in [("\n", "\r\n"), ("\r\n", "\n"), ("\r", "\n"), ("\n", "\n"), ("\r\n", "\r\n")] {
        let input = format!("h{skipped}{}", ["1,\"ab,5,", "2,c,5,", "3,d,5,", ""].join(end));
        let plan = Plan { skip: 1, header: Header::No, ..plan(CSV, SKIP) };
        let outcome = run(&Arc::new(plan), input.as_bytes(), 1, 64);
        assert_eq!((outcome.ids, outcome.rejects.len(), outcome.failure), (vec![2, 3], 1, None), "{input:?}");
    }
}

#[test]
fn a_comma_is_the_decimal_mark() {
    let kinds = [Type::Float4, Type::Float8, Type::Numeric(Some((10, 2))), Type::Numeric(None)];
    let columns = kinds.into_iter().map(|ty| ColumnPlan { ty, ..ColumnPlan::of_text("n".to_owned(), false) });
    let id = ColumnPlan { ty: Type::Int8, ..ColumnPlan::of_text("id".to_owned(), false) };
    let columns: Vec<_> = std::iter::once(id).chain(columns).collect();
    let grammar = Grammar::Csv { delimiter: Separator::byte(b';'), quote: b'"', escape: b'"' };
    let comma = |layout, input: &str| {
        let base = plan(grammar, SKIP);
        let plan = Plan { has_comma: true, layout, columns: columns.clone(), header: Header::No, ..base };
        run(&Arc::new(plan), input.as_bytes(), 1, 64)
    };
    let input = "1;1,5;-2,25;\"3,75\";1,000000000000000000000000000000000000000000000000000000001\n\
                 2;1.5;1.234,5;1,2,3;x\n3;1e3;,5;NaN;NaN\n";
    let outcome = comma(Layout::Arrow, input);
    assert_eq!((outcome.failure, outcome.ids), (None, vec![1]));
    let messages = |reject: &Reject| reject.flaws.iter().map(|f| f.error.message.to_string()).collect::<Vec<_>>();
    assert_eq!(
        messages(&outcome.rejects[0]),
        [
            "invalid input syntax for type real: \"1.5\"",
            "invalid input syntax for type double precision: \"1.234,5\"",
            "invalid input syntax for type numeric: \"1,2,3\"",
            "invalid input syntax for type numeric: \"x\"",
        ]
    );
    assert_eq!(messages(&outcome.rejects[1]), ["value \"NaN\" cannot be stored in DECIMAL(10,2)"]);
}

#[test]
fn fields_too_many_are_ignored_and_missing_ones_null() {
    let shape = Tolerance { extra: true, missing: Missing::Any, ..Tolerance::default() };
    let outcome = text("h\n1,a,5,,more,\n2,b,5\n3,c,5,2024-01-01\n4\n", shape);
    assert_eq!((outcome.failure, outcome.ids, outcome.rejects.len()), (None, vec![1, 2, 3, 4], 0));
    let one = Tolerance { missing: Missing::One, ..Tolerance::default() };
    let outcome = text("h\n1,a,5\n2,b\n", one);
    assert_eq!(outcome.ids, vec![1]);
    assert_eq!(
        outcome.failure.expect("the load must fail"),
        "COPY t, line 3: \"2,b\": missing data for column \"amount\""
    );
    let crlf = text("h\r\n1,a,5,2024-01-01,x\r\n2,b,5\r\n", shape);
    assert_eq!((crlf.failure, crlf.ids), (None, vec![1, 2]));
}

#[test]
fn refused_values_may_become_null() {
    let null = Tolerance { conversion: BadValue::SetNull, raw_limit: 100, ..Tolerance::default() };
    let outcome = text("h\n1,a,x,y\n2,b,5,2024-01-01\n3,c,6,z\n", null);
    assert_eq!((outcome.failure, outcome.ids, outcome.rejects.len()), (None, vec![1, 2, 3], 0));
    assert_eq!(outcome.counters.rows_mended, 2);
    // Each is told, with all that was replaced in it and nothing else.
    let values = |at: usize| -> Vec<_> {
        outcome.mended[at].flaws.iter().map(|flaw| (flaw.column, flaw.value.as_deref().unwrap_or_default())).collect()
    };
    assert_eq!(outcome.mended.len(), 2);
    assert_eq!((outcome.mended[0].line, &outcome.mended[0].raw[..]), (2, &b"1,a,x,y"[..]));
    assert_eq!(values(0), [(Some(2), &b"x"[..]), (Some(3), b"y")]);
    assert_eq!((outcome.mended[1].line, outcome.mended[1].byte_offset), (4, 27));
    assert_eq!(values(1), [(Some(3), &b"z"[..])]);
    // But not where NULL is forbidden and rows with it are refused.
    let outcome = text("h\n1,a,x,y\n2,b,5,z\n", Tolerance { constraint: true, ..null });
    assert_eq!((outcome.ids, outcome.rejects.len(), outcome.mended.len()), (vec![2], 1, 1));
    assert_eq!(outcome.mended[0].line, 3);
    assert_eq!(outcome.rejects[0].flaws[0].error.code.sql_state(), "23502");
}

#[test]
fn bytes_that_escapes_stand_for_are_replaced_too() {
    let replacing = |grammar, nul| {
        let invalid = Some(Replacement { byte: b'?', nul });
        Arc::new(plan(grammar, Tolerance { invalid, ..SKIP }))
    };
    let input = b"h\n1\ta\\0b\\00c\\x0g\\x00e\\400f\t5\t\\N\n2\t\\303\\274\\xff\\\\0\\xC3x\t6\t\\N\n3\t\\0\tx\t\\N\n";
    let spaces = replacing(TEXT, Some(b' '));
    let outcome = run(&spaces, input, 1, 64);
    assert_eq!((outcome.failure, outcome.ids, outcome.counters.bytes_replaced), (None, vec![1, 2], 8));
    assert_eq!(outcome.rejects[0].raw, b"3\t\\0\tx\t\\N");
    let text = |plan: &Plan, input| text_of(&Arc::new(Plan { layout: Layout::PgText, ..plan.clone() }), input);
    let good = &input[..input.len() - b"3\t\\0\tx\t\\N\n".len()];
    assert_eq!(text(&spaces, good), "1\ta b c g e f\t5\t\\N\n2\tü?\\\\0?x\t6\t\\N\n");
    // Where NUL stays an error, the other bytes are replaced all the same.
    let outcome = run(&replacing(TEXT, None), input, 1, 64);
    assert_eq!((outcome.ids, outcome.counters.bytes_replaced), (vec![2], 2));
    // A digit may be the delimiter, and a NULL string no escape.
    let letter = Grammar::Text { delimiter: Separator::byte(b'A'), marker: true };
    let outcome = run(&replacing(letter, Some(b' ')), b"h\n1A\\x8A5A\\N\n", 1, 64);
    assert_eq!((outcome.failure, outcome.ids, outcome.counters.bytes_replaced), (None, vec![1], 0));
    let zero = Plan { null: b"\\0".to_vec(), ..(*spaces).clone() };
    assert_eq!(text(&zero, b"h\n1\t\\0\t5\t\\0\n"), "1\t\\N\t5\t\\N\n");
}

#[test]
fn bytes_that_are_no_characters_are_replaced_one_by_one() {
    let invalid = Some(Replacement { byte: b'?', nul: Some(b' ') });
    let input = b"h\n1,a\xff\xfeb\xe4\xbd,5,\n2,\xc5\xbc\0,x\xff,\n";
    let plan = Arc::new(plan(CSV, Tolerance { invalid, ..SKIP }));
    let outcome = run(&plan, input, 1, 64);
    assert_eq!((outcome.failure, outcome.ids, outcome.counters.bytes_replaced), (None, vec![1], 6));
    // What is told of a refused row are the bytes as they were.
    assert_eq!(outcome.rejects[0].raw, b"2,\xc5\xbc\0,x\xff,");
    assert_eq!(outcome.rejects[0].flaws[0].value.as_deref(), Some(&b"x?"[..]));
}

#[test]
fn raw_bytes_are_cut_where_they_are_too_many() {
    let outcome = text("h\nxxxxxxxxxx,a,5,\n", Tolerance { raw_limit: 4, ..SKIP });
    let reject = &outcome.rejects[0];
    assert_eq!((&reject.raw[..], reject.is_cut, reject.byte_len), (&b"xxxx"[..], true, 15));
}
