use super::{CSV, EOLS, GRAMMARS, Random, TEXT, any_data, any_eol, any_grammar, records, scanners};
use crate::{Eol, Grammar, Scanner, naive};
use proptest::prelude::*;

/// Compares every scanner with the naive one.
fn check_last(data: &[u8], grammar: Grammar, eol: Eol) {
    let expected = naive::last_record_end(data, grammar, eol);
    for (name, scanner) in scanners() {
        let context = || format!("{name}, {grammar:?}, {eol:?}, {:?}", String::from_utf8_lossy(data));
        assert_eq!(scanner.last_record_end(data, grammar, eol), expected, "{}", context());
    }
}

/// Compares every scanner with the naive one.
fn check_first(data: &[u8], count: usize, grammar: Grammar, eol: Eol) {
    let expected = naive::first_records_end(data, count, grammar, eol);
    for (name, scanner) in scanners() {
        let context = || format!("{name}, {count}, {grammar:?}, {eol:?}, {:?}", String::from_utf8_lossy(data));
        assert_eq!(scanner.first_records_end(data, count, grammar, eol), expected, "{}", context());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn last_equals_naive_on_every_prefix(data in any_data(), grammar in any_grammar(), eol in any_eol()) {
        for length in 0..=data.len() {
            check_last(&data[..length], grammar, eol);
        }
    }

    #[test]
    fn first_equals_naive_for_every_count(data in any_data(), grammar in any_grammar(), eol in any_eol()) {
        for count in (0..20).chain([50, 100, 300]) {
            check_first(&data, count, grammar, eol);
        }
    }
}

#[test]
fn equals_naive_on_long_data() {
    let mut random = Random(43);
    for grammar in GRAMMARS {
        for eol in EOLS {
            let data = records(&mut random, grammar, eol, 20_000);
            for _ in 0..20 {
                let length = random.below(data.len() as u64) as usize;
                check_last(&data[..length], grammar, eol);
                check_first(&data[..length], random.below(600) as usize, grammar, eol);
            }
        }
    }
}

/// A last record of many blocks.
#[test]
fn finds_ends_far_back() {
    let scanner = Scanner::detect();
    let mut data = b"a,b\nc,\"".to_vec();
    data.extend(b"x\n".repeat(1000));
    assert_eq!(scanner.last_record_end(&data, CSV, Eol::Lf), Some(4));
    check_last(&data, CSV, Eol::Lf);
    let mut data = b"a\tb\n".to_vec();
    data.extend(b"\\\n".repeat(1000));
    assert_eq!(scanner.last_record_end(&data, TEXT, Eol::Lf), Some(4));
    check_last(&data, TEXT, Eol::Lf);
    assert_eq!(scanner.last_record_end(&data[..3], TEXT, Eol::Lf), None);
}

#[test]
fn first_records_end_counts_whole_records() {
    let scanner = Scanner::detect();
    let data = b"a,\"\n\"\nb\nc";
    let end = |count| scanner.first_records_end(data, count, CSV, Eol::Lf);
    assert_eq!([end(0), end(1), end(2), end(3)], [Some(0), Some(6), Some(8), None]);
}
