//! The decoders against their oracles: random options, small alphabets, every kernel of this CPU, every way to cut the
//! input; and the oracle of CSV against csv-core where both follow the same rules.

mod differential;

use copyist_format::Escapes;
use copyist_format::naive::{Field, Header, Outcome};
use differential::{Case, Column, check};
use proptest::prelude::*;

/// Pieces that matter to a format, and a few that do not.
fn input(pieces: &'static [&'static [u8]], most: usize) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(pieces), 0..most).prop_map(|pieces| pieces.concat())
}

fn header() -> impl Strategy<Value = Header> {
    prop_oneof![4 => Just(Header::No), 1 => Just(Header::Skip), 1 => Just(Header::Match)]
}

fn columns() -> impl Strategy<Value = Vec<Column>> {
    let flag = || prop::bool::weighted(0.25);
    let column = (prop::sample::select(&["a", "b", "é"][..]), flag(), flag(), flag()).prop_map(
        |(name, force_not_null, force_null, has_default)| Column {
            name: name.to_owned(),
            force_not_null,
            force_null,
            has_default,
        },
    );
    prop::collection::vec(column, 0..4)
}

const MARKERS: &[&[u8]] = &[b"", b"", b"\\N", b"\\N", b"a", b"1", b"\\.", b"NULL", b"x y"];

fn marker() -> impl Strategy<Value = Vec<u8>> {
    prop::sample::select(MARKERS).prop_map(<[u8]>::to_vec)
}

fn tile_size() -> impl Strategy<Value = usize> {
    prop_oneof![2 => Just(usize::MAX), 2 => 1usize..40, 1 => 40usize..300]
}

fn case(csv: bool, delimiters: &'static [&'static [u8]], escapes: &'static [u8]) -> impl Strategy<Value = Case> {
    let quotes = prop_oneof![5 => Just(b'"'), 1 => Just(b'\''), 1 => Just(b'a')];
    let escape = (any::<bool>(), prop::sample::select(escapes));
    let bytes = (prop::sample::select(delimiters), quotes, escape);
    (bytes, marker(), prop::option::weighted(0.25, marker()), header(), columns(), tile_size()).prop_map(
        move |((delimiter, quote, (same, escape)), null, default, header, columns, tile_size)| {
            let escape = if same { quote } else { escape };
            let delimiter = delimiter.to_vec();
            let text = Case::text(0);
            Case { csv, delimiter, quote, escape, null, default, header, columns, tile_size, ..text }.repaired()
        },
    )
}

fn csv_case() -> impl Strategy<Value = Case> {
    let case = case(true, &[b",", b",", b",", b",", b";", b"\t", b"\\", b"x"], b"\\\"'a");
    (case, prop::bool::weighted(0.25)).prop_map(|(case, unpads)| Case { unpads, ..case })
}

fn text_case() -> impl Strategy<Value = Case> {
    let case = case(false, &[b"\t", b"\t", b"\t", b"|", b",", b"\""], b"\"");
    (case, escapes()).prop_map(|(case, (escapes, marker))| Case { escapes, marker, ..case })
}

/// PostgreSQL's backslashes, mostly; or without the end marker; or such as make the next byte part of the value.
fn escapes() -> impl Strategy<Value = (Escapes, bool)> {
    prop_oneof![6 => Just((Escapes::Sequences, true)), 1 => Just((Escapes::Sequences, false)), 1 => Just((Escapes::Next, false))]
}

/// Delimiters of several bytes: some that overlap with themselves, or are parts of others.
const LONG: &[&[u8]] = &[b"||", b"$$", b"$$$", b"|+|", b", ", b"$|$", b"$^&", "→".as_bytes(), b"|,|,|,|,|,"];

fn long_csv_case() -> impl Strategy<Value = Case> {
    case(true, LONG, b"\\\"'a$")
}

/// With line ends of any kind, too.
fn long_text_case() -> impl Strategy<Value = Case> {
    (case(false, TEXT_DELIMITERS, b"\""), prop::option::of(prop::sample::select(ENDS)), escapes()).prop_map(
        |(case, line_end, (escapes, marker))| {
            Case { line_end: line_end.map(<[u8]>::to_vec), escapes, marker, ..case }.repaired()
        },
    )
}

/// What comes after rows in order; \x01 stands for the delimiter.
const BAD: &[&[u8]] = &[b"", b"a", b"a\x01b\x01\n", b"\"\n"];

const TEXT_DELIMITERS: &[&[u8]] = &[b"||", b"$$", b"$$$", b"|+|", b", ", b"$|$", "→".as_bytes(), b"\t", b"|", b"\t"];

const ENDS: &[&[u8]] =
    &[b"$", b"#", b"||\n", b"|\n", b"\n\n", b"$\n$", b"!!", b"\n|", b"\n\r", "é".as_bytes(), b",,,,,,,,,,"];

/// Bytes that matter to the case: its delimiter and line end, whole and in part, and those of its format.
fn with_input(
    case: impl Strategy<Value = Case>,
    pieces: &'static [&'static [u8]],
) -> impl Strategy<Value = (Case, Vec<u8>)> {
    let piece = (0..10usize, prop::sample::select(pieces), 1..4usize);
    (case, prop::collection::vec(piece, 0..40)).prop_map(|(case, pieces)| {
        let end = case.line_end.clone().unwrap_or_else(|| b"\n".to_vec());
        let delimiter = &case.delimiter;
        let mut input = Vec::new();
        for (kind, piece, times) in pieces {
            match kind {
                0 | 1 => input.extend_from_slice(delimiter),
                2 => input.extend(delimiter.repeat(times)),
                3 => input.extend_from_slice(&delimiter[..times.min(delimiter.len())]),
                4 => input.extend_from_slice(&delimiter[delimiter.len().saturating_sub(times)..]),
                5 => input.extend_from_slice(&end),
                6 => input.extend_from_slice(&end[..times.min(end.len())]),
                _ => input.extend_from_slice(piece),
            }
        }
        (case, input)
    })
}

const CSV: &[&[u8]] = &[
    b"a",
    b"b",
    b"1",
    b",",
    b",",
    b",",
    b"\"",
    b"\"",
    b"\"",
    b"\"\"",
    b"\n",
    b"\n",
    b"\n",
    b"\r\n",
    b"\r",
    b"\\",
    b"'",
    b";",
    b"\t",
    b"\\.",
    b"\\N",
    b" ",
    "é".as_bytes(),
    "😀".as_bytes(),
    b"\"a,b\"",
    b" \"a\" ",
    b"\t \"",
    b"\"\n\"",
    b"a,b",
    b"NULL",
    b"x y",
];
const TEXT: &[&[u8]] = &[
    b"a",
    b"b",
    b"1",
    b"\t",
    b"\t",
    b"\t",
    b"\n",
    b"\n",
    b"\n",
    b"\r\n",
    b"\r",
    b"\\",
    b"\\\\",
    b"\\.",
    b"\\N",
    b"\\n",
    b"\\t",
    b"\\x41",
    b"\\x",
    b"\\101",
    b"\\7",
    b"\\377",
    b"\\0",
    b"\\xc3\\xa9",
    b"|",
    b",",
    "é".as_bytes(),
    b"a\tb",
    b"\\.\n",
    b"NULL",
];
const BROKEN: &[&[u8]] = &[
    b"a",
    b",",
    b"\t",
    b"\"",
    b"\n",
    b"\r\n",
    b"\r",
    b"\\",
    b"\\.",
    b"\0",
    b"\xff",
    b"\xc3",
    b"\xa9",
    b"\xe2\x82",
    b"\xf0\x9f\x98",
    b"\xed\xa0\x80",
    b"\xc0\x80",
    b"\xf4\x90\x80\x80",
    b"\xf8",
    "é".as_bytes(),
    "€".as_bytes(),
];
/// Rows that are mostly in order, so that reading goes on for many blocks.
const TIDY_CSV: &[&[u8]] = &[
    b"a,b\n", b"1,2\n", b"\"a\",\"b\"\n", b"\"a,b\",\n", b",\"x\ny\"\n", b"\"x\"\"y\",1\n", b"\"\n\n\",\"\"\n", b"\\.,\\N\n",
    b"long enough to be found in several blocks of sixty-four bytes each,\"and quoted, too, with \"\" and more text\"\n",
];
const TIDY_TEXT: &[&[u8]] = &[
    b"a\tb\n", b"1\t2\n", b"\\N\t\\\\\n", b"x\\\ny\t\\t\n", b"\\x41\\102\t\\N\n", b"\\\\\\\\\t\\\\\\n\n",
    b"long enough to be found in several blocks of sixty-four bytes each\tand with \\\\ backslashes \\t and \\\t tabs\n",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn csv(case in csv_case(), input in input(CSV, 40)) {
        check(&case, &input);
    }

    #[test]
    fn text(case in text_case(), input in input(TEXT, 40)) {
        check(&case, &input);
    }

    #[test]
    fn csv_with_long_delimiters((case, input) in with_input(long_csv_case(), CSV)) {
        check(&case, &input);
    }

    #[test]
    fn text_with_long_delimiters((case, input) in with_input(long_text_case(), TEXT)) {
        check(&case, &input);
    }

    #[test]
    fn long_delimiters_in_what_is_not_utf8((csv, csv_input) in with_input(long_csv_case(), BROKEN), (text, text_input) in with_input(long_text_case(), BROKEN)) {
        check(&csv, &csv_input);
        check(&text, &text_input);
    }

    /// A delimiter of one byte in its place makes the same records.
    #[test]
    fn long_delimiters_in_many_blocks(csv in any::<bool>(), delimiter in prop::sample::select(LONG), tile_size in tile_size(), rows in prop::collection::vec(("[abé]{0,40}", "[ab]{0,9}|\"[ab,\n|$]{0,40}\""), 0..60), bad in prop::sample::select(BAD)) {
        let data = rows.iter().map(|(a, b)| format!("{a}\x01{}\n", if csv { &b[..] } else { b.trim_matches(|c: char| !"ab".contains(c)) }));
        let data = if csv { data.collect::<String>() } else { data.map(|row| row.replace(['|', '$', ','], "-")).collect() };
        let data = [data.as_bytes(), bad].concat();
        let mut case = if csv { Case::csv(2) } else { Case::text(2) };
        (case.tile_size, case.delimiter) = (tile_size, delimiter.to_vec());
        let one = Case { delimiter: b"\x01".to_vec(), ..case.clone() };
        let long = data.iter().flat_map(|byte| if *byte == 1 { delimiter } else { std::slice::from_ref(byte) }).copied().collect::<Vec<_>>();
        check(&case, &long);
        check(&one, &data);
        let fields = |outcome: Outcome| (outcome.records.into_iter().map(|record| record.fields).collect::<Vec<_>>(), outcome.failure.map(|failure| (failure.error, failure.line)));
        prop_assert_eq!(fields(case.expected(&long)), fields(one.expected(&data)));
    }

    #[test]
    fn csv_that_is_not_utf8(case in csv_case(), input in input(BROKEN, 20)) {
        check(&case, &input);
    }

    #[test]
    fn text_that_is_not_utf8(case in text_case(), input in input(BROKEN, 20)) {
        check(&case, &input);
    }

    #[test]
    fn csv_of_many_blocks(tile_size in tile_size(), good in input(TIDY_CSV, 40), bad in input(CSV, 6), rest in input(TIDY_CSV, 10)) {
        let mut case = Case::csv(2);
        case.tile_size = tile_size;
        check(&case, &[good, bad, rest].concat());
    }

    #[test]
    fn text_of_many_blocks(tile_size in tile_size(), good in input(TIDY_TEXT, 40), bad in input(TEXT, 6), rest in input(TIDY_TEXT, 10)) {
        let mut case = Case::text(2);
        case.tile_size = tile_size;
        check(&case, &[good, bad, rest].concat());
    }

    #[test]
    fn other_line_ends(csv in any::<bool>(), crlf in any::<bool>(), tile_size in tile_size(), good in input(TIDY_CSV, 20), bad in input(CSV, 3)) {
        let mut case = if csv { Case::csv(2) } else { Case::text(1) };
        case.tile_size = tile_size;
        let end: &[u8] = if crlf { b"\r\n" } else { b"\r" };
        let mut input = Vec::new();
        for byte in good {
            if byte == b'\n' { input.extend_from_slice(end) } else { input.push(byte) }
        }
        input.extend_from_slice(&bad);
        check(&case, &input);
    }

    /// Where CSV is written by the book both readers must see the same fields.
    #[test]
    fn csv_core_reads_the_same(rows in prop::collection::vec(prop::collection::vec("[a\",\n\r é]{0,6}", 3), 0..8), end in 0usize..3) {
        let end = ["\n", "\r\n", "\r"][end];
        let mut input = String::new();
        for row in &rows {
            let quoted: Vec<String> = row
                .iter()
                .map(|field| {
                    let plain = !field.contains(['"', ',', '\n', '\r']) && !field.is_empty();
                    if plain { field.clone() } else { format!("\"{}\"", field.replace('"', "\"\"")) }
                })
                .collect();
            input.push_str(&quoted.join(","));
            input.push_str(end);
        }
        let case = Case::csv(3);
        check(&case, input.as_bytes());
        let ours = case.expected(input.as_bytes());
        prop_assert!(ours.failure.is_none());
        let ours: Vec<Vec<Vec<u8>>> = ours
            .records
            .into_iter()
            .map(|record| record.fields.into_iter().map(|field| match field {
                Field::Value(value) => value,
                other => panic!("{other:?} in a file without NULL"),
            }).collect())
            .collect();
        let theirs = csv_core_records(input.as_bytes());
        prop_assert_eq!(&ours, &theirs);
        let written: Vec<Vec<Vec<u8>>> = rows.iter().map(|row| row.iter().map(|field| field.clone().into_bytes()).collect()).collect();
        prop_assert_eq!(ours, written);
    }
}

fn csv_core_records(mut input: &[u8]) -> Vec<Vec<Vec<u8>>> {
    let mut reader = csv_core::Reader::new();
    let mut records = Vec::new();
    let mut record = Vec::new();
    let mut field = Vec::new();
    loop {
        let mut buffer = [0; 64];
        let (result, read, written) = reader.read_field(input, &mut buffer);
        input = &input[read..];
        field.extend_from_slice(&buffer[..written]);
        match result {
            csv_core::ReadFieldResult::Field { record_end } => {
                record.push(std::mem::take(&mut field));
                if record_end {
                    records.push(std::mem::take(&mut record));
                }
            }
            csv_core::ReadFieldResult::End => return records,
            // No more input is told by an empty slice, which is what is left.
            csv_core::ReadFieldResult::InputEmpty | csv_core::ReadFieldResult::OutputFull => {}
        }
    }
}

/// Inputs that once were, or easily could be, answered otherwise.
#[test]
fn known_corners() {
    let csv: &[&[u8]] = &[
        b"",
        b"\n",
        b"\r",
        b"\r\n",
        b"a",
        b"a\n\n",
        b"\n\na",
        b"\"",
        b"\"\"",
        b"\"\n",
        b"a\"b\"c\n",
        b"\"a\"b\n",
        b"a\r",
        b"a\r\xff",
        b"a\rb\xff",
        b"a\n\xff",
        b"\xff",
        b"\"\r\n\r\n\"\n",
        b"\"\n\n\"\r\n\"\n\"\r\nx\n",
        b"\\.\n",
        b"a\n\\.\nb\n",
        b"\xef\xbb\xbf",
        b"\xef\xbb\xbfa\n",
        b"a\n\xef\xbb\xbfb\n",
        b"a\r\nb\r",
        b"a\r\nb\n",
        b"a\nb\r\n",
        b"a\rb\n",
        b"\xe2\x82",
        b"a\"\xe2\"",
    ];
    let text: &[&[u8]] = &[
        b"",
        b"\n",
        b"\\",
        b"\\N\\",
        b"a\\",
        b"\\.",
        b"\\.\n",
        b"\\.\r\n",
        b"\\.\r",
        b"\\.x",
        b"a\\.\n",
        b"a\n\\.\n\xff",
        b"a\n\\.",
        b"a\r\n\\.\n",
        b"a\r\n\\.\r\n",
        b"a\r\n\\.\rx",
        b"a\r\\.\r",
        b"a\r\\.\n",
        b"a\n\\.\r\n",
        b"\\\n",
        b"\\\r\n",
        b"a\r\n\\\r\n",
        b"\\xff\n",
        b"\\400\n",
        b"\\xc3\\xa9\n",
        b"\\\xc3\xa9\n",
        b"a\n\\\xff",
        b"\\.\xff",
        b"a\r\xff",
        b"\\\t\n",
        b"\\N\\N\n",
    ];
    for tile_size in [1, 2, 3, usize::MAX] {
        for header in [Header::No, Header::Skip, Header::Match] {
            for columns in 0..3 {
                for input in csv {
                    check(&Case { header, tile_size, ..Case::csv(columns) }, input);
                }
                for input in text {
                    check(&Case { header, tile_size, ..Case::text(columns) }, input);
                }
            }
        }
    }
}
