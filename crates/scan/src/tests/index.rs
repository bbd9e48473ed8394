use super::{CSV, CSV_BACKSLASH, EOLS, GRAMMARS, Random, TEXT, any_data, any_eol, any_grammar, records, scanners};
use crate::{Eol, Grammar, Indexed, Scanner, naive};
use proptest::prelude::*;

/// Compares every scanner with the naive one.
fn check(data: &[u8], grammar: Grammar, eol: Eol) {
    let mut expected_offsets = Vec::new();
    let expected = naive::index(data, grammar, eol, &mut expected_offsets);
    for (name, scanner) in scanners() {
        // What a vector held before is of no matter.
        let mut offsets = vec![7; 100];
        let mut indexed = scanner.index(data, grammar, eol, &mut offsets);
        let context = || format!("{name}, {grammar:?}, {eol:?}, {:?}", String::from_utf8_lossy(data));
        assert_eq!(offsets, expected_offsets, "{}", context());
        if let Some(stop) = expected.stray_eol.or(expected.end_marker) {
            // Flags are exact for the data before; the data after may have been looked at or not.
            let before = naive::index(&data[..stop], grammar, eol, &mut Vec::new());
            assert!((indexed.quotes || !before.quotes) && (expected.quotes || !indexed.quotes), "{}", context());
            assert!(indexed.backslashes || !before.backslashes, "{}", context());
            assert!(expected.backslashes || !indexed.backslashes, "{}", context());
            assert!(indexed.inner_quotes || !before.inner_quotes, "{}", context());
            (indexed.quotes, indexed.backslashes) = (expected.quotes, expected.backslashes);
            indexed.inner_quotes = expected.inner_quotes;
        }
        assert_eq!(indexed, expected, "{}", context());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn equals_naive(data in any_data(), grammar in any_grammar(), eol in any_eol()) {
        check(&data, grammar, eol);
    }
}

#[test]
fn equals_naive_on_long_data() {
    let mut random = Random(42);
    for grammar in GRAMMARS {
        for eol in EOLS {
            let data = records(&mut random, grammar, eol, 20_000);
            check(&data, grammar, eol);
            check(&data[..data.len() - 1], grammar, eol);
            // A stray line end or end marker far into the data.
            let mut broken = data;
            let middle = broken.len() / 2;
            broken.splice(middle..middle, *b"\r\\.\n");
            check(&broken, grammar, eol);
        }
    }
}

#[test]
fn equals_naive_where_every_byte_is_structural() {
    for length in [1, 63, 64, 65, 4095, 4096, 4097, 10_000] {
        check(&vec![b','; length], CSV, Eol::Lf);
        check(&vec![b'\n'; length], CSV, Eol::Lf);
        check(&vec![b'\r'; length], TEXT, Eol::Cr);
        check(&vec![b'"'; length], CSV, Eol::Lf);
        check(&vec![b'\\'; length], TEXT, Eol::Lf);
        check(&vec![b'\r'; length], CSV, Eol::CrLf);
        check(&b"\r\n".repeat(length), CSV, Eol::CrLf);
        check(&b"\\.".repeat(length), TEXT, Eol::Lf);
    }
}

/// Each short text at each place around the borders of blocks.
#[test]
fn equals_naive_across_block_borders() {
    let texts: [&[u8]; 22] = [
        b"\n",
        b"\r",
        b"\r\n",
        b"\n\r",
        b"\r\r\n",
        b"\r\n\n",
        b"\\.",
        b"\\\\.",
        b"\\\\\\.",
        b"\\\r\n",
        b"\\\n",
        b"\\\r",
        b"\"",
        b"\"\"",
        b"\",\"",
        b"\"\\\"\"",
        b"\"\\\\\"",
        b"\\\"",
        b"\"\r\"\n",
        b"\\\\\\\\",
        b"\"\n",
        b"\"a\\\"\"\\\"b\\\"\"",
    ];
    for text in texts {
        for before in (0..8).chain(54..74).chain(118..130) {
            for after in [0, 1, 64] {
                let mut data = vec![b'a'; before];
                data.extend_from_slice(text);
                data.extend(vec![b','; after]);
                for grammar in [CSV, CSV_BACKSLASH, TEXT] {
                    for eol in EOLS {
                        check(&data, grammar, eol);
                    }
                }
            }
        }
    }
}

fn index(data: &[u8], grammar: Grammar, eol: Eol) -> (Vec<u32>, Indexed) {
    let mut offsets = Vec::new();
    let indexed = Scanner::detect().index(data, grammar, eol, &mut offsets);
    check(data, grammar, eol);
    (offsets, indexed)
}

#[test]
fn finds_delimiters_and_line_ends_outside_quotes() {
    let (offsets, indexed) = index(b"a,\"b,\n\"\"\",c\n\"d\",e\n", CSV, Eol::Lf);
    assert_eq!(offsets, [1, 9, 11, 15, 17]);
    assert_eq!(indexed, Indexed { records: 2, quotes: true, backslashes: true, ..Indexed::default() });
    let (offsets, indexed) = index(b"a\\\tb\tc\\\nd\n", TEXT, Eol::Lf);
    assert_eq!(offsets, [4, 9]);
    assert_eq!(
        indexed,
        Indexed { records: 1, quotes: true, inner_quotes: true, backslashes: true, ..Indexed::default() }
    );
    assert!(index(b"a,b\"c\"\n", CSV, Eol::Lf).1.inner_quotes);
    assert!(!index(b"a,b\n", CSV, Eol::Lf).1.quotes);
    assert!(!index(b"a\tb\n", TEXT, Eol::Lf).1.backslashes);
    assert_eq!(index(b"", CSV, Eol::Lf).0, []);
}

#[test]
fn toggles_in_the_middle_of_a_field() {
    assert_eq!(index(b"a\"b,c\"d,e\n", CSV, Eol::Lf).0, [7, 9]);
}

#[test]
fn escapes_count_inside_quotes_only() {
    assert_eq!(index(b"\\a,\"\\\\\",\"\\\",\",c\n", CSV_BACKSLASH, Eol::Lf).0, [2, 7, 13, 15]);
    assert_eq!(index(b"\\\",\",a\n", CSV_BACKSLASH, Eol::Lf).0, [4, 6]);
}

#[test]
fn reports_stray_line_ends() {
    assert_eq!(index(b"a\nb\r\n", CSV, Eol::Lf).1.stray_eol, Some(3));
    assert_eq!(index(b"a\nb,\"\r\"\n", CSV, Eol::Lf).1.stray_eol, None);
    assert_eq!(index(b"a\rb\n", CSV, Eol::Cr).1.stray_eol, Some(3));
    assert_eq!(index(b"a\r\nb\n", CSV, Eol::CrLf).1.stray_eol, Some(4));
    assert_eq!(index(b"a\r\nb\rc\r\n", CSV, Eol::CrLf).1.stray_eol, Some(4));
    assert_eq!(index(b"a\r\r\n", CSV, Eol::CrLf).1.stray_eol, Some(1));
    assert_eq!(index(b"a\r\nb\r", CSV, Eol::CrLf).1.stray_eol, Some(4));
    // The backslash takes the meaning from the CR alone.
    assert_eq!(index(b"a\\\r\nb", TEXT, Eol::CrLf).1.stray_eol, Some(3));
    let (offsets, indexed) = index(b"a,b\nc,d\r,e\n", CSV, Eol::Lf);
    assert_eq!((offsets.as_slice(), indexed.records), ([1, 3, 5].as_slice(), 1));
}

#[test]
fn reports_end_markers() {
    let (offsets, indexed) = index(b"a\tb\n\\.\nc\n", TEXT, Eol::Lf);
    assert_eq!((offsets.as_slice(), indexed.end_marker), ([1, 3].as_slice(), Some(4)));
    assert_eq!(index(b"a\\\\.b\n", TEXT, Eol::Lf).1.end_marker, None);
    assert_eq!(index(b"a\\.b\n", TEXT, Eol::Lf).1.end_marker, Some(1));
    assert_eq!(index(b"a\\", TEXT, Eol::Lf).1.end_marker, None);
    assert_eq!(index(b"\\.\n", CSV, Eol::Lf).1.end_marker, None);
}

#[test]
fn reports_the_quote_that_is_open() {
    assert_eq!(index(b"a,\"b\"\nc,\"d", CSV, Eol::Lf).1.open_quote, Some(8));
    assert_eq!(index(b"a\n\"b\"\"c\"\"\n", CSV, Eol::Lf).1.open_quote, Some(2));
    assert_eq!(index(b"\"b\"c\"d\n", CSV, Eol::Lf).1.open_quote, Some(4));
    assert_eq!(index(b"\"b\\\"c\n", CSV_BACKSLASH, Eol::Lf).1.open_quote, Some(0));
    assert_eq!(index(b"\"b\"\n", CSV, Eol::Lf).1.open_quote, None);
}
