//! Literals of every form and what the server makes of them.

use copyist_core::{DateOrder, ErrorCode, IntervalStyle, Session, ZoneWords};
use copyist_datetime::{Context, Interval, TimeZone, date, interval, time, timestamp, timestamptz, timetz};

const SECOND: i64 = 1_000_000;
const HOUR: i64 = 3600 * SECOND;
const DAY: i64 = 24 * HOUR;

fn session() -> Session {
    // 2024-07-15 12:00:00 UTC.
    Session { now: 8_962 * DAY + 12 * HOUR, ..Session::default() }
}

fn context(time_zone: &str, date_order: DateOrder, interval_style: IntervalStyle) -> Context {
    Context::new(&Session { time_zone: time_zone.into(), date_order, interval_style, ..session() }).expect("a context")
}

fn utc() -> Context {
    context("UTC", DateOrder::Mdy, IntervalStyle::Postgres)
}

/// SQLSTATE and message of a refusal.
fn refusal<T: std::fmt::Debug>(result: copyist_core::Result<T>) -> (&'static str, String) {
    let error = result.expect_err("a refusal");
    (error.code.sql_state(), error.message.into_owned())
}

#[test]
fn dates_of_every_form() {
    let context = utc();
    for literal in [
        "1999-01-08",
        "January 8, 1999",
        "Jan 8 1999",
        "1/8/1999",
        "01/08/99",
        "1999-Jan-08",
        "Jan-08-1999",
        "08-Jan-1999",
        "08-Jan-99",
        "8-jan-99",
        "19990108",
        "990108",
        "1999.008",
        "J2451187",
        "julian 2451187",
        "1999/1/8",
        "Fri Jan 08 1999",
        "1999 8 Jan",
        "  1999-01-08  ",
        "1999-01-08 AD",
    ] {
        assert_eq!(date(literal.as_bytes(), &context).ok(), Some(-358), "{literal}");
    }
    assert_eq!(date(b"infinity", &context).ok(), Some(i32::MAX));
    assert_eq!(date(b"-infinity", &context).ok(), Some(i32::MIN));
    assert_eq!(date(b"epoch", &context).ok(), Some(-10_957));
    assert_eq!(date(b"today", &context).ok(), Some(8_962));
    assert_eq!(date(b"tomorrow", &context).ok(), Some(8_963));
    assert_eq!(date(b"yesterday", &context).ok(), Some(8_961));
    assert_eq!(date(b"4714-11-24 BC", &context).ok(), Some(-2_451_545));
    assert_eq!(date(b"5874897-12-31", &context).ok(), Some(2_145_031_948));
}

#[test]
fn date_order_decides_what_is_ambiguous() {
    for (order, expected) in
        [(DateOrder::Mdy, "2003-01-02"), (DateOrder::Dmy, "2003-02-01"), (DateOrder::Ymd, "2001-02-03")]
    {
        let context = context("UTC", order, IntervalStyle::Postgres);
        assert_eq!(date(b"01/02/03", &context), date(expected.as_bytes(), &context), "{order:?}");
    }
}

#[test]
fn dates_that_are_refused() {
    let context = utc();
    let refused = |literal: &str| refusal(date(literal.as_bytes(), &context));
    assert_eq!(refused("x"), ("22007", "invalid input syntax for type date: \"x\"".into()));
    assert_eq!(refused("2001-02-29"), ("22008", "date/time field value out of range: \"2001-02-29\"".into()));
    assert_eq!(refused("4714-11-23 BC"), ("22008", "date out of range: \"4714-11-23 BC\"".into()));
    assert_eq!(refused("5874898-01-01"), ("22008", "date out of range: \"5874898-01-01\"".into()));
    assert_eq!(refused("2001-02-03 nowhere/land"), ("22023", "time zone \"nowhere/land\" not recognized".into()));
    assert_eq!(refused("2001-02-03 +16"), ("22009", "time zone displacement out of range: \"2001-02-03 +16\"".into()));
    let error = date(b"13/13/2020", &context).expect_err("a refusal");
    assert_eq!(error.hint.as_deref(), Some("Perhaps you need a different \"DateStyle\" setting."));
    assert_eq!(date(b"2001-02-29", &context).expect_err("a refusal").hint, None);
}

#[test]
fn times_of_every_form() {
    let context = utc();
    let expected = 4 * HOUR + 5 * 60 * SECOND;
    for literal in [
        "04:05",
        "04:05:00",
        "0405",
        "040500",
        "04:05 AM",
        "T04:05",
        "t0405",
        "04:05-08:00",
        "2003-04-12 04:05 America/New_York",
    ] {
        assert_eq!(time(literal.as_bytes(), None, &context).ok(), Some(expected), "{literal}");
    }
    assert_eq!(time(b"04:05 PM", None, &context).ok(), Some(expected + 12 * HOUR));
    assert_eq!(time(b"24:00:00", None, &context).ok(), Some(DAY));
    assert_eq!(time(b"23:59:60", None, &context).ok(), Some(DAY));
    assert_eq!(time(b"10:11.5", None, &context).ok(), Some((10 * 60 + 11) * SECOND + SECOND / 2));
    assert_eq!(time(b"23:59:59.9999995", None, &context).ok(), Some(DAY));
    assert_eq!(time(b"04:05:06.55", Some(1), &context).ok(), Some(expected + 6 * SECOND + 600_000));
    assert_eq!(refusal(time(b"24:00:00.1", None, &context)).0, "22008");
    assert_eq!(refusal(time(b"13:00 PM", None, &context)).0, "22008");
    assert_eq!(refusal(time(b"today", None, &context)).1, "invalid input syntax for type time: \"today\"");
}

#[test]
fn timetz_takes_the_zone_of_now() {
    let berlin = context("Europe/Berlin", DateOrder::Mdy, IntervalStyle::Postgres);
    assert_eq!(timetz(b"04:05", None, &berlin).ok(), Some((4 * HOUR + 300 * SECOND, -7200)));
    assert_eq!(timetz(b"2024-01-01 04:05", None, &berlin).ok(), Some((4 * HOUR + 300 * SECOND, -3600)));
    assert_eq!(timetz(b"04:05 EST", None, &berlin).ok(), Some((4 * HOUR + 300 * SECOND, 5 * 3600)));
    assert_eq!(timetz(b"040500+05:30:15", None, &berlin).ok(), Some((4 * HOUR + 300 * SECOND, -19_815)));
    let message = refusal(timetz(b"04:05 America/New_York", None, &berlin)).1;
    assert_eq!(message, "invalid input syntax for type time with time zone: \"04:05 America/New_York\"");
}

#[test]
fn timestamps_and_their_limits() {
    let context = utc();
    assert_eq!(timestamp(b"2000-01-01 00:00:01", None, &context).ok(), Some(SECOND));
    assert_eq!(timestamp(b"20000101T000001", None, &context).ok(), Some(SECOND));
    assert_eq!(timestamp(b"2000-01-01 00:00:01 +05", None, &context).ok(), Some(SECOND));
    assert_eq!(timestamp(b"J2451545.5", None, &context).ok(), Some(12 * HOUR));
    assert_eq!(timestamp(b"1999-12-31 24:00:00", None, &context).ok(), Some(0));
    assert_eq!(timestamp(b"1999-12-31 23:59:59.9999995", None, &context).ok(), Some(0));
    assert_eq!(timestamp(b"2000-01-01 00:00:00.5", Some(0), &context).ok(), Some(SECOND));
    assert_eq!(timestamp(b"1999-12-31 23:59:59.5", Some(0), &context).ok(), Some(-SECOND));
    assert_eq!(timestamp(b"infinity", Some(0), &context).ok(), Some(i64::MAX));
    assert_eq!(timestamp(b"294276-12-31 23:59:59.999999", None, &context).ok(), Some(9_223_371_331_199_999_999));
    assert_eq!(timestamp(b"4714-11-24 00:00:00 BC", None, &context).ok(), Some(-211_813_488_000_000_000));
    let message = refusal(timestamp(b"294277-01-01", None, &context)).1;
    assert_eq!(message, "timestamp out of range: \"294277-01-01\"");
}

#[test]
fn timestamptz_zones() {
    let berlin = context("Europe/Berlin", DateOrder::Mdy, IntervalStyle::Postgres);
    let at = |literal: &str| {
        timestamptz(literal.as_bytes(), None, &berlin).unwrap_or_else(|error| panic!("{literal}: {error}"))
    };
    let noon = at("2024-07-15 12:00:00Z");
    for literal in [
        "2024-07-15 14:00",
        "2024-07-15T12:00:00 UTC",
        "2024-07-15 17:30+05:30",
        "2024-07-15 08:00 EDT",
        "2024-07-15 08:00 america/new_york",
        "2024-07-15 15:00 MSK",
        "2024-07-15 09:00 UTC+3",
        "2024-07-15 14:00 CEST",
        "2024-07-15 14:00 CET DST",
        "Jul 15 14:00 2024",
        "now",
        "today 14:00",
        "20240715T120000Z",
        "2024-07-15 08:30-0330",
    ] {
        assert_eq!(at(literal), noon, "{literal}");
    }
    assert_eq!(at("2024-03-31 02:30"), at("2024-03-31 03:30"));
    assert_eq!(at("2024-10-27 02:30"), at("2024-10-27 01:30Z"));
}

#[test]
fn intervals_of_every_form() {
    let context = utc();
    let read = |literal: &str| {
        let value = interval(literal.as_bytes(), None, &context).unwrap_or_else(|error| panic!("{literal}: {error}"));
        (value.months, value.days, value.micros)
    };
    let expected = (14, 3, 4 * HOUR + 5 * 60 * SECOND + 6 * SECOND);
    for literal in [
        "1-2 3 4:05:06",
        "1 year 2 months 3 days 4 hours 5 minutes 6 seconds",
        "P1Y2M3DT4H5M6S",
        "P0001-02-03T04:05:06",
        "P00010203T040506",
        "@ 1 yr 2 mons 3 d 4 h 5 m 6 s",
        "-1-2 -3 -4:05:06 ago",
    ] {
        assert_eq!(read(literal), expected, "{literal}");
    }
    assert_eq!(read("1.5 years"), (18, 0, 0));
    assert_eq!(read("1.5 months"), (1, 15, 0));
    assert_eq!(read("1.5 weeks"), (0, 10, 12 * HOUR));
    assert_eq!(read("1.5 days"), (0, 1, 12 * HOUR));
    assert_eq!(read("P1W"), (0, 7, 0));
    assert_eq!(read("-1 day 2:00"), (0, -1, 2 * HOUR));
    assert_eq!(interval(b"infinity", Some(0), &context).ok(), Some(Interval::INFINITY));
    assert_eq!(interval(b"-infinity", None, &context).ok(), Some(Interval::NEGATIVE_INFINITY));
    assert_eq!(interval(b"1.55 s", Some(1), &context).map(|value| value.micros).ok(), Some(1_600_000));
}

#[test]
fn one_sign_for_all_in_sql_standard_style() {
    let sql = context("UTC", DateOrder::Mdy, IntervalStyle::SqlStandard);
    let value = |literal: &str| interval(literal.as_bytes(), None, &sql).ok();
    assert_eq!(value("-1-2 3 4:00"), Some(Interval { months: -14, days: -3, micros: -4 * HOUR }));
    assert_eq!(value("-1-2 +3 4:00"), Some(Interval { months: -14, days: 3, micros: 4 * HOUR }));
}

#[test]
fn intervals_that_are_refused() {
    let context = utc();
    let refused = |literal: &str| refusal(interval(literal.as_bytes(), None, &context));
    assert_eq!(refused("x"), ("22007", "invalid input syntax for type interval: \"x\"".into()));
    assert_eq!(refused("2147483648 days"), ("22015", "interval field value out of range: \"2147483648 days\"".into()));
    assert_eq!(refused("178956970 years 8 months"), ("22008", "interval out of range".into()));
    assert_eq!(refused("1 qtr").0, "22007");
    assert_eq!(refused("1 ago day").0, "22007");
}

#[test]
fn unknown_session_zone() {
    let error = Context::new(&Session { time_zone: "Nowhere".into(), ..Session::default() }).err().expect("an error");
    assert_eq!(error.code.sql_state(), "22023");
}

#[test]
fn zone_words_of_others_are_left_to_the_server() {
    let context = |time_zone: &str, zone_words| {
        Context::new(&Session { time_zone: time_zone.into(), zone_words, ..session() }).expect("a context")
    };
    let is_left = |context: &Context, zone: &str| {
        let literal = format!("2001-02-03 04:05 {zone}");
        let result = timestamptz(literal.as_bytes(), None, context);
        matches!(result, Err(error) if error.code == ErrorCode::LeftToServer)
    };
    let session_zone = context("Europe/Moscow", ZoneWords::SessionZone);
    for zone in ["UTC", "Z", "EST", "Etc/GMT+5", "FOO5", "MSK", "msd", "Europe/Moscow", "nowhere", "+03"] {
        assert!(!is_left(&session_zone, zone), "{zone}");
    }
    for zone in ["Europe/Paris", "KRAT", "EST5EDT", "FOO5BAR", "America/New_Land", "posixrules", "posix/UTC", "Eire"] {
        assert!(is_left(&session_zone, zone), "{zone}");
    }
    let none = context("Europe/Moscow", ZoneWords::None);
    for zone in ["MSK", "Europe/Moscow", "Europe/Paris"] {
        assert!(is_left(&none, zone), "{zone}");
    }
    assert!(!is_left(&none, "EST") && !is_left(&none, "Etc/UTC") && !is_left(&none, ""));
    assert!(!is_left(&context("Europe/Moscow", ZoneWords::All), "Europe/Paris"));
    assert!(!is_left(&context("UTC", ZoneWords::None), "UTC"));
    // What the server takes only as text.
    let last = b"294276-12-31 23:59:59.9999";
    let far = b"04:05 FOO99";
    assert!(timestamp(last, Some(3), &none).is_err_and(|error| error.code == ErrorCode::LeftToServer));
    assert!(timetz(far, None, &none).is_err_and(|error| error.code == ErrorCode::LeftToServer));
    assert!(timestamp(last, Some(4), &none).is_ok() && timetz(b"04:05 FOO15:59", None, &none).is_ok());
    let all = context("UTC", ZoneWords::All);
    assert!(timestamp(last, Some(3), &all).is_ok() && timetz(far, None, &all).is_ok());
}

#[test]
fn zones_tell_what_their_clocks_show() {
    let zone = TimeZone::named("america/new_york").expect("a zone");
    assert!(!zone.is_constant());
    assert_eq!(zone.observed(-3_000_000_000), (-17_762, "LMT"));
    assert_eq!(zone.observed(0), (-18_000, "EST"));
    // A cycle of 400 years later the rules repeat.
    assert_eq!(zone.observed(1_720_000_000 + 400 * 31_556_952), (-14_400, "EDT"));
    assert_eq!(zone.transitions(1_704_067_200, 1_735_689_600).collect::<Vec<_>>(), [1_710_054_000, 1_730_613_600]);
    assert!(TimeZone::named("Etc/GMT+5").expect("a zone").is_constant());
    assert!(TimeZone::named("Nowhere").is_none());
}
