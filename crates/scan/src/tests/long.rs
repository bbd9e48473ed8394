//! Delimiters and line ends of several bytes.

use super::{Random, records, scanners};
use crate::{Eol, Grammar, Indexed, Scanner, Separator, naive};
use proptest::prelude::*;

/// Delimiters that overlap with themselves, begin with each other, or have bytes of other meaning.
const DELIMITERS: [&[u8]; 16] = [
    b"||",
    b"$$",
    b"$$$",
    b"ab",
    b"aba",
    b"aab",
    b"abab",
    b"|",
    b"|+|",
    b", ",
    b"$^&",
    b"aaaaaaaaaa",
    b"abcabcabca",
    b"\x07\x08",
    "→".as_bytes(),
    b"0123456789",
];

/// Line ends, some with bytes of the delimiters.
const ENDS: [&[u8]; 13] =
    [b"\n", b"\r\n", b"\r", b"$", b"#", b"||\n", b"|\n", b"$$|", b"\n\n", b"$\n$", b"\nab", b"b\r", b"!!!!!!!!!!"];

fn separator(bytes: &[u8]) -> Separator {
    Separator::new(bytes).unwrap()
}

fn any_delimiter() -> impl Strategy<Value = Separator> {
    prop_oneof![
        6 => prop::sample::select(DELIMITERS.as_slice()).prop_map(separator),
        2 => prop::collection::vec(prop::sample::select(b"$|ab".as_slice()), 2..=10).prop_map(|bytes| separator(&bytes)),
    ]
}

fn any_eol() -> impl Strategy<Value = Eol> {
    prop_oneof![
        1 => Just(Eol::Lf),
        3 => prop::sample::select(ENDS.as_slice()).prop_map(|bytes| Eol::of_bytes(bytes).unwrap()),
        1 => prop::collection::vec(prop::sample::select(b"$|ab\n".as_slice()), 1..=10).prop_map(|bytes| Eol::of_bytes(&bytes).unwrap()),
    ]
}

/// Those with rules on masks, mostly.
fn any_grammar() -> impl Strategy<Value = (Grammar, Eol)> {
    (any_delimiter(), 0..6usize, any_eol()).prop_map(|(delimiter, kind, eol)| {
        let grammar = [
            Grammar::Csv { delimiter, quote: b'"', escape: b'"' },
            Grammar::Csv { delimiter, quote: b'"', escape: b'\\' },
            Grammar::Text { delimiter, marker: true },
            Grammar::Text { delimiter, marker: false },
            Grammar::Plain { delimiter: Some(delimiter) },
            Grammar::Plain { delimiter: None },
        ][kind];
        // Other line ends are not CSV's.
        let eol = if kind < 2 && matches!(eol, Eol::Other(_)) { Eol::Lf } else { eol };
        (grammar, eol)
    })
}

/// Bytes of a grammar, and the whole of what it knows.
fn any_data() -> impl Strategy<Value = (Grammar, Eol, Vec<u8>)> {
    (any_grammar(), prop::collection::vec((0..9usize, 1..4usize), 0..160), 0..130usize, any::<u64>(), 0..4usize)
        .prop_map(|((grammar, eol), pieces, before, seed, kind)| {
            if kind == 0 {
                let mut data = records(&mut Random(seed | 1), grammar, eol, 400);
                data.truncate(300 + before);
                return (grammar, eol, data);
            }
            let delimiter = grammar.delimiter().unwrap_or(Separator::byte(b','));
            let delimiter = delimiter.as_bytes();
            let end = match eol {
                Eol::Other(end) => end.as_bytes().to_vec(),
                Eol::Lf => b"\n".to_vec(),
                Eol::Cr => b"\r".to_vec(),
                Eol::CrLf => b"\r\n".to_vec(),
            };
            let mut data = vec![b'x'; if kind == 1 { before } else { 0 }];
            for (piece, times) in pieces {
                match piece {
                    0 | 1 => data.extend(delimiter.repeat(times)),
                    2 => data.extend_from_slice(&delimiter[..times.min(delimiter.len())]),
                    3 => data.extend_from_slice(&delimiter[delimiter.len().saturating_sub(times)..]),
                    4 => data.extend_from_slice(&end),
                    5 => data.extend_from_slice(&end[..times.min(end.len())]),
                    6 => data.push(b'"'),
                    7 => data.extend(b"\\".repeat(times)),
                    _ => data.extend_from_slice(&b"x$a|b.\n\r"[times..times + kind]),
                }
            }
            (grammar, eol, data)
        })
}

fn check(data: &[u8], grammar: Grammar, eol: Eol) {
    let mut expected_offsets = Vec::new();
    let expected = naive::index(data, grammar, eol, &mut expected_offsets);
    for (name, scanner) in scanners() {
        let context = || format!("{name}, {grammar:?}, {eol:?}, {}", data.escape_ascii());
        let mut offsets = vec![7; 100];
        let indexed = scanner.index(data, grammar, eol, &mut offsets);
        assert_eq!(offsets, expected_offsets, "{}", context());
        let places = |indexed: &Indexed| (indexed.records, indexed.stray_eol, indexed.end_marker, indexed.open_quote);
        assert_eq!(places(&indexed), places(&expected), "{}", context());
        if places(&expected) == (expected.records, None, None, expected.open_quote) {
            assert_eq!(indexed, expected, "{}", context());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8192))]

    #[test]
    fn equals_naive((grammar, eol, data) in any_data()) {
        check(&data, grammar, eol);
    }

    #[test]
    fn ends_equal_naive((grammar, eol, data) in any_data(), cut in any::<prop::sample::Index>(), count in 0..9usize) {
        let data = &data[..cut.index(data.len() + 1)];
        for (name, scanner) in scanners() {
            let last = scanner.last_record_end(data, grammar, eol);
            prop_assert_eq!(last, naive::last_record_end(data, grammar, eol), "{}", name);
            let first = scanner.first_records_end(data, count, grammar, eol);
            prop_assert_eq!(first, naive::first_records_end(data, count, grammar, eol), "{}", name);
        }
    }

    #[test]
    fn soundness_equals_naive(
        delimiter in any_delimiter(), eol in prop::sample::select(super::EOLS.as_slice()), data in any_data(),
        fields in prop::collection::vec("[xy]{0,9}|\"([xy\n]|\"\"){0,20}\"", 1..40), spoilt in 0..4usize, at in any::<prop::sample::Index>()
    ) {
        let mut whole = fields.join(std::str::from_utf8(delimiter.as_bytes()).unwrap()).into_bytes();
        whole.push(b'\n');
        if spoilt > 0 {
            let at = at.index(whole.len());
            whole.splice(at..at + spoilt / 2, [b"\"$|"[spoilt - 1]]);
        }
        for (name, scanner) in scanners() {
            for data in [&data.2, &whole] {
                let sound = scanner.quotes_are_sound(data, delimiter, b'"', eol);
                prop_assert_eq!(sound, naive::quotes_are_sound(data, delimiter, b'"', eol), "{} {}", name, data.escape_ascii());
            }
            prop_assert!(spoilt > 0 || scanner.quotes_are_sound(&whole, delimiter, b'"', Eol::Lf));
        }
    }

    /// A delimiter of one byte in its place makes the same fields.
    #[test]
    fn is_as_one_byte_would_be(delimiter in any_delimiter(), rows in prop::collection::vec(prop::collection::vec("[xyz]{0,30}|\"[xyz\n]{0,30}\"", 1..9), 1..9)) {
        let with = |delimiter: &[u8]| {
            let rows = rows.iter().map(|row| row.join(std::str::from_utf8(delimiter).unwrap()) + "\n");
            rows.collect::<String>().into_bytes()
        };
        let fields = |delimiter: Separator| {
            let (data, mut offsets) = (with(delimiter.as_bytes()), Vec::new());
            let grammar = Grammar::Csv { delimiter, quote: b'"', escape: b'"' };
            Scanner::detect().index(&data, grammar, Eol::Lf, &mut offsets);
            let mut start = 0;
            let fields = offsets.iter().map(|&offset| {
                let offset = offset as usize;
                let gap = if data[offset] == b'\n' { 0 } else { delimiter.len() - 1 };
                let field = data[start..offset - gap].to_vec();
                start = offset + 1;
                (field, data[offset] == b'\n')
            });
            fields.collect::<Vec<_>>()
        };
        prop_assert_eq!(fields(delimiter), fields(Separator::byte(b'\x01')));
    }
}

/// Each delimiter at each place around the borders of blocks.
#[test]
fn equals_naive_across_block_borders() {
    for delimiter in DELIMITERS {
        let delimiter = separator(delimiter);
        for before in (50..66).chain(114..130) {
            for times in [1, 2, 9] {
                for lead in [&b""[..], b"\\", b"\"", &delimiter.as_bytes()[1..]] {
                    let data = [&vec![b'x'; before][..], lead, &delimiter.as_bytes().repeat(times), b"x\n"].concat();
                    check(&data, Grammar::Text { delimiter, marker: true }, Eol::Lf);
                    check(&data, Grammar::Csv { delimiter, quote: b'"', escape: b'"' }, Eol::Lf);
                    for end in ENDS {
                        check(&data, Grammar::Text { delimiter, marker: true }, Eol::of_bytes(end).unwrap());
                    }
                }
            }
        }
    }
}

fn offsets(data: &[u8], grammar: Grammar, eol: Eol) -> Vec<u32> {
    let mut offsets = Vec::new();
    Scanner::detect().index(data, grammar, eol, &mut offsets);
    check(data, grammar, eol);
    offsets
}

#[test]
fn the_first_of_overlapping_delimiters_counts() {
    let grammar = Grammar::Plain { delimiter: Some(separator(b"$$")) };
    assert_eq!(offsets(b"a$$$b$$$$\n", grammar, Eol::Lf), [2, 6, 8, 9]);
}

#[test]
fn a_backslash_escapes_the_byte_after_it() {
    let grammar = Grammar::Text { delimiter: separator(b"$$"), marker: true };
    assert_eq!(offsets(b"a\\$$b$$\n", grammar, Eol::Lf), [6, 7]);
    assert_eq!(offsets(b"a\\$$$b\n", grammar, Eol::Lf), [4, 6]);
    let grammar = Grammar::Text { delimiter: separator(b"|+|"), marker: true };
    assert_eq!(offsets(b"a\\|+|b|\\+|c|+|d\n", grammar, Eol::Lf), [13, 15]);
}

#[test]
fn records_end_where_they_are_told_to() {
    let grammar = Grammar::Text { delimiter: separator(b"|"), marker: true };
    let eol = Eol::of_bytes(b"|\n").unwrap();
    assert_eq!(offsets(b"1|a\r\n|b|\n2||\n", grammar, eol), [1, 5, 8, 10, 12]);
    assert_eq!(offsets(b"1\\|\n|2|\n", grammar, eol), [4, 7]);
    let eol = Eol::of_bytes(b"$").unwrap();
    assert_eq!(offsets(b"1|a\n$2|\\$$", grammar, eol), [1, 4, 6, 9]);
}
