//! Wherever a fast path answers, the decoder gives the same answer.

use copyist_core::Session;
use proptest::prelude::*;

use super::*;
use crate::date::decode as date;
use crate::time::decode_time as time;
use crate::timestamp::{decode_timestamp as timestamp, decode_timestamptz as timestamptz};

fn context(time_zone: &str) -> Context {
    Context::new(&Session { time_zone: time_zone.into(), ..Session::default() }).expect("a context")
}

/// Checks every fast path on one literal, with other bytes around it.
fn check(literal: &str, context: &Context, dates: &DateCache) -> Result<(), TestCaseError> {
    let buffer = [b"9\"", literal.as_bytes(), b"99"].concat();
    let (start, end) = (2, 2 + literal.len());
    let bytes = literal.as_bytes();
    if let Some(value) = fast_date(&buffer, start, end) {
        prop_assert_eq!(date(bytes, context), Ok(value), "date {}", literal);
    }
    if let Some(value) = fast_time(&buffer, start, end) {
        prop_assert_eq!(time(bytes, None, context), Ok(value), "time {}", literal);
    }
    if let Some(value) = fast_timestamp(&buffer, start, end, dates) {
        prop_assert_eq!(timestamp(bytes, None, context), Ok(value), "timestamp {}", literal);
    }
    if let Some(value) = fast_timestamp_of_zoned(bytes, context) {
        prop_assert_eq!(timestamp(bytes, None, context), Ok(value), "timestamp {}", literal);
    }
    if let Some(value) = fast_date_of_zoned(bytes, context) {
        prop_assert_eq!(date(bytes, context), Ok(value), "date {}", literal);
    }
    if let Some(value) = fast_timestamptz(&buffer, start, end, context, dates) {
        prop_assert_eq!(timestamptz(bytes, None, context), Ok(value), "timestamptz {}", literal);
    }
    Ok(())
}

fn zones() -> &'static [Context] {
    static ZONES: std::sync::LazyLock<Vec<Context>> = std::sync::LazyLock::new(|| {
        ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "EST5EDT4,M3.2.0,M11.1.0", "Z5T", "A-100B0"]
            .map(context)
            .into()
    });
    &ZONES
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn the_date_before_changes_nothing(literals in prop::collection::vec("20(00|24)-0[0-3]-(28|29|3[01]) 1[0-9]:00:00(\\.5)?", 1..20)) {
        let dates = DateCache::default();
        for literal in literals {
            check(&literal, &zones()[1], &dates)?;
            let fresh = fast_timestamp(literal.as_bytes(), 0, literal.len(), &DateCache::default());
            prop_assert_eq!(fast_timestamp(literal.as_bytes(), 0, literal.len(), &dates), fresh, "{}", literal);
        }
    }

    #[test]
    fn canonical_forms(literal in "([0-9]{4}-[01][0-9]-[0-3][0-9]([ T][0-2][0-9]:[0-6][0-9](:[0-6][0-9](\\.[0-9]{0,10})?)?)?)?(Z|[+-][01][0-9](:[0-6][0-9])?)?") {
        for context in zones() {
            check(&literal, context, &DateCache::default())?;
        }
    }

    #[test]
    fn times(literal in "[0-2][0-9]:[0-6][0-9]:[0-6][0-9](\\.[0-9]{0,10})?") {
        check(&literal, &zones()[0], &DateCache::default())?;
    }

    #[test]
    fn damaged_forms(
        mut literal in "[0-9]{4}-0[1-9]-[0-2][0-9][ T][0-1][0-9]:[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?(Z|[+-]0[0-9](:[0-5][0-9])?)?",
        at in any::<prop::sample::Index>(),
        with in "[ -~]",
    ) {
        let at = at.index(literal.len());
        literal.replace_range(at..=at, &with);
        check(&literal, &zones()[1], &DateCache::default())?;
        check(&literal[..at], &zones()[1], &DateCache::default())?;
    }
}

#[test]
fn every_day_of_ten_thousand_years() {
    let context = context("UTC");
    for year in 0..=9999 {
        for (month, last) in [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31].into_iter().enumerate() {
            for day in [0, 1, 28, last, last + 1] {
                let literal = format!("{year:04}-{:02}-{day:02}", month + 1);
                let fast = fast_date(literal.as_bytes(), 0, literal.len());
                assert_eq!(fast, date(literal.as_bytes(), &context).ok(), "{literal}");
            }
        }
    }
}

#[test]
fn canonical_forms_are_fast() {
    let berlin = context("Europe/Berlin");
    let dates = DateCache::default();
    for literal in [
        "2024-02-29 23:59:59.123456",
        "2024-02-29T23:59:59.1",
        "2024-02-29T23:59:59.999999999",
        "2024-02-29 23:59:59",
        "2024-02-29 23:59",
    ] {
        assert!(fast_timestamp(literal.as_bytes(), 0, literal.len(), &dates).is_some(), "{literal}");
        for zone in ["", "Z", "+01", "-12:30"] {
            let literal = format!("{literal}{zone}");
            assert!(fast_timestamptz(literal.as_bytes(), 0, literal.len(), &berlin, &dates).is_some(), "{literal}");
        }
    }
    assert!(fast_date(b"2024-02-29", 0, 10).is_some());
    assert!(fast_time(b"23:59:59.123", 0, 12).is_some());
    assert_eq!(fast_timestamp(b"2024-02-29", 3, 99, &dates), None);
}
