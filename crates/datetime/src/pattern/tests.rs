use proptest::prelude::*;

use super::*;
use copyist_core::{DataError, ErrorCode, Session};

const SECOND: i64 = 1_000_000;
const HOUR: i64 = 3600 * SECOND;
const DAY: i64 = 24 * HOUR;
/// 2024-01-05 in days since 2000-01-01.
const DAYS: i64 = 8770;

use Language::{Auto, Java, Redshift, Strptime, ToChar};

fn context() -> Context {
    // 2024-07-15 12:00:00 UTC.
    let session = Session { now: 8_962 * DAY + 12 * HOUR, time_zone: "Europe/Berlin".into(), ..Session::default() };
    Context::new(&session).expect("a context")
}

fn compiled(language: Language, pattern: &str) -> Pattern {
    Pattern::compile(language, pattern).unwrap_or_else(|error| panic!("{error}"))
}

fn date(language: Language, pattern: &str, value: &str) -> Result<i32> {
    compiled(language, pattern).date(value.as_bytes(), &context())
}

fn timestamp(language: Language, pattern: &str, value: &str) -> Result<i64> {
    compiled(language, pattern).timestamp(value.as_bytes(), None, &context())
}

fn timestamptz(language: Language, pattern: &str, value: &str) -> Result<i64> {
    compiled(language, pattern).timestamptz(value.as_bytes(), None, &context())
}

fn time(language: Language, pattern: &str, value: &str) -> Result<i64> {
    compiled(language, pattern).time(value.as_bytes(), None, &context())
}

/// SQLSTATE, message and detail of a refusal.
fn refusal<T: std::fmt::Debug>(result: Result<T>) -> (&'static str, String, String) {
    let error = result.expect_err("a refusal");
    (error.code.sql_state(), error.message.into_owned(), error.detail.unwrap_or_default())
}

fn pattern_error(language: Language, pattern: &str) -> PatternError {
    Pattern::compile(language, pattern).expect_err(pattern)
}

#[test]
fn every_token_of_java() {
    let at = DAYS * DAY + 10 * HOUR + 11 * 60 * SECOND + 12 * SECOND;
    for (pattern, value, expected) in [
        ("yyyy-MM-ddTHH:mm:ss.SSSUUUZ", "2024-01-05T10:11:12.123456Z", at + 123_456),
        ("yyyy-MM-ddTHH:mm:ss.SSSUUUZ", "2024-01-05T12:11:12.123456+02:00", at + 123_456),
        ("yyyy-MM-ddTHH:mm:ss.SSSUUUZ", "2024-01-05T12:11:12.123456+0200", at + 123_456),
        ("yyyy-MM-ddTHH:mm:ss.SSSUUUNNNZ", "2024-01-05T10:11:12.123456501Z", at + 123_457),
        ("yyyy-MM-ddTHH:mm:ss.SSSUUUNNNZ", "2024-01-05T10:11:12.123456500Z", at + 123_456),
        ("yyyy-MM-dd'T'HH:mm:ss.SSS", "2024-01-05T10:11:12.500", at + 500_000),
        ("yyyy-MM-dd HH:mm:ss.U+", "2024-01-05 10:11:12.5", at + 500_000),
        ("yyyy-MM-dd HH:mm:ss.N+", "2024-01-05 10:11:12.123456789", at + 123_457),
        ("yyyy-MM-dd HH:mm:ss.S", "2024-01-05 10:11:12.5", at + 5_000),
        ("yyyy-MM-dd HH:mm:ss.SSS U N", "2024-01-05 10:11:12.001 2 3", at + 1_002),
        ("d/M/y H:m:s", "5/1/2024 10:11:12", at),
        ("d/M/y H:m:s", "5/1/24 10:11:12", at),
        ("dd/MM/yy HH:mm:ss", "05/01/24 10:11:12", at),
        ("dd MMM yyyy hh:mm:ss a", "05 Jan 2024 10:11:12 AM", at),
        ("dd MMMM yyyy h:mm:ss a", "05 january 2024 10:11:12 am", at),
        ("E, d MMM yyyy KK:mm:ss a z", "Friday, 5 Jan 2024 10:11:12 AM GMT", at),
        ("u yyyy-D kk:mm:ss", "5 2024-5 10:11:12", at),
        ("yyyyDDD HHmmss", "2024005 101112", at),
        ("G yyyy-MM-dd HH:mm:ss X", "AD 2024-01-05 10:11:12 Z", at),
        ("'o''clock' yyyy-MM-dd HH:mm:ss", "o'clock 2024-01-05 10:11:12", at),
        ("yyyy-MM-dd k:mm:ss", "2024-01-05 24:00:01", DAYS * DAY + SECOND),
        ("yyyy-MM-dd K:mm a", "2024-01-05 0:00 PM", DAYS * DAY + 12 * HOUR),
    ] {
        assert_eq!(timestamp(Java, pattern, value).map_err(|error| error.message), Ok(expected), "{pattern} {value}");
    }
    assert_eq!(date(Java, "MM-dd", "01-02").ok(), Some(-10_956));
    assert_eq!(timestamptz(Java, "yyyy-MM-dd HH:mm:ss", "2024-01-05 11:11:12").ok(), Some(at));
    for wrong in ["5/1/2024", "05/1/2024", " 05/01/2024", "05/01/24", "32/01/2024", "05/01/2024 "] {
        assert!(date(Java, "dd/MM/yyyy", wrong).is_err(), "{wrong}");
    }
}

#[test]
fn names_may_be_padded_as_they_are_written() {
    for (pattern, value) in [
        ("DD, Month, YYYY", "05, January  , 2024"),
        ("DD, Month, YYYY", "05, January, 2024"),
        ("FXDD Month YYYY", "05 January   2024"),
        ("DayDD.RM.YYYY", "Friday   05.I   .2024"),
        ("FMDay DD.MM.YYYY", "Friday 05.01.2024"),
        ("YYYY-DD-Month", "2024-05-January  "),
    ] {
        assert_eq!(date(ToChar, pattern, value).map_err(|error| error.message), Ok(DAYS as i32), "{pattern} {value}");
    }
    assert!(date(ToChar, "FMMonth, DD YYYY", "January  , 05 2024").is_err());
    assert!(date(ToChar, "Mon, DD YYYY", "Jan , 05 2024").is_err());
}

#[test]
fn redshift_reads_its_own_defaults() {
    let at = DAYS * DAY + 13 * HOUR + 11 * 60 * SECOND + 12 * SECOND;
    let read = |pattern, value| timestamp(Redshift, pattern, value).map_err(|error| error.message);
    assert_eq!(read("YYYY-MM-DD HH:MI:SS", "2024-01-05 13:11:12"), Ok(at));
    assert_eq!(read("YYYY-MM-DD HH:MI:SS", "2024-01-05 13:11:12.25"), Ok(at + 250_000));
    assert_eq!(read("MON DD YYYY HH24:MI:SS", "January 05 2024 13:11:12"), Ok(at));
    assert_eq!(read("YYYY-MM-DD HH:MI:SSOF", "2024-01-05 13:11:12.5+02"), Ok(at + 500_000));
    assert_eq!(read("auto", "2024-01-05 13:11:12"), Ok(at));
    assert_eq!(read("epochsecs", "1704460272"), Ok(at));
    assert_eq!(pattern_error(Redshift, "AUTO").hint, "Write auto.");
}

#[test]
fn missing_parts_are_the_languages() {
    assert_eq!(date(ToChar, "MM", "01").ok(), Some(-730_485));
    assert_eq!(date(Strptime, "%m", "01").ok(), Some(-36_524));
    assert_eq!(date(Java, "MM", "01").ok(), Some(-10_957));
    assert_eq!(timestamp(ToChar, "YYYY", "2000").ok(), Some(0));
    assert_eq!(time(ToChar, "MI", "05").ok(), Some(5 * 60 * SECOND));
}

#[test]
fn ranges_are_those_of_the_types() {
    let read = |value| date(ToChar, "YYYY-MM-DD", value);
    assert_eq!(read("5874897-12-31").ok(), Some(2_145_031_948));
    assert_eq!(refusal(read("5874898-01-01")).1, "date out of range: \"5874898-01-01\"");
    assert_eq!(refusal(timestamp(ToChar, "YYYY-MM-DD", "294277-01-01")).0, "22008");
    assert!(timestamp(ToChar, "YYYY-MM-DD HH24:MI:SS", "294276-12-31 23:59:59").is_ok());
    let rounded =
        compiled(ToChar, "YYYY-MM-DD HH24:MI:SS.FF9").timestamp(b"294276-12-31 23:59:59.999999", Some(0), &context());
    assert_eq!(refusal(rounded).0, "22008");
    assert_eq!(date(ToChar, "J", "9999999").ok(), Some(9_999_999 - 2_451_545));
    for (language, pattern, least, greatest) in
        [(ToChar, "YYYY-MM-DD", "-infinity", " Infinity "), (Java, "yyyy-MM-dd", "-INFINITY", "+infinity")]
    {
        assert_eq!(date(language, pattern, least).ok(), Some(i32::MIN));
        assert_eq!(date(language, pattern, greatest).ok(), Some(i32::MAX));
        assert_eq!(timestamp(language, pattern, least).ok(), Some(i64::MIN));
        assert_eq!(timestamptz(language, pattern, greatest).ok(), Some(i64::MAX));
    }
    assert!(time(ToChar, "HH24:MI", "infinity").is_err());
}

#[test]
fn times_of_day() {
    let context = context();
    assert_eq!(time(ToChar, "HH24:MI:SS", "24:00:00").ok(), Some(DAY));
    assert_eq!(time(ToChar, "HH24:MI:SS", "23:59:60").ok(), Some(DAY));
    assert!(time(ToChar, "HH24:MI:SS", "24:00:01").is_err());
    assert!(time(Java, "HH:mm:ss", "24:00:00").is_err());
    assert_eq!(time(ToChar, "YYYY-MM-DD HH24:MI", "2024-01-05 10:11").ok(), Some(10 * HOUR + 11 * 60 * SECOND));
    let zoned = compiled(ToChar, "HH24:MI TZ");
    assert_eq!(zoned.timetz(b"10:00 +02", None, &context).ok(), Some((10 * HOUR, -7200)));
    assert_eq!(zoned.timetz(b"10:00 EST", None, &context).ok(), Some((10 * HOUR, 18_000)));
    assert!(zoned.timetz(b"10:00 America/New_York", None, &context).is_err());
    let dated = compiled(ToChar, "YYYY-MM-DD HH24:MI TZ");
    assert_eq!(dated.timetz(b"2024-01-05 10:00 America/New_York", None, &context).ok(), Some((10 * HOUR, 18_000)));
    // Without a zone, the session's of the day of the load: Berlin in summer.
    assert_eq!(compiled(ToChar, "HH24:MI").timetz(b"10:00", None, &context).ok(), Some((10 * HOUR, -7200)));
    assert_eq!(
        compiled(ToChar, "HH24:MI:SS.MS").time(b"10:00:00.567", Some(1), &context).ok(),
        Some(10 * HOUR + 600_000)
    );
}

#[test]
fn a_zone_counts_where_the_type_has_one_and_where_the_language_says_so() {
    let value = "2024-01-05 10:00 +02";
    assert_eq!(timestamp(ToChar, "YYYY-MM-DD HH24:MI OF", value).ok(), Some(DAYS * DAY + 10 * HOUR));
    assert_eq!(timestamp(Strptime, "%Y-%m-%d %H:%M %z", value).ok(), Some(DAYS * DAY + 8 * HOUR));
    assert_eq!(timestamptz(ToChar, "YYYY-MM-DD HH24:MI OF", value).ok(), Some(DAYS * DAY + 8 * HOUR));
    assert_eq!(timestamptz(ToChar, "YYYY-MM-DD HH24:MI", "2024-07-05 10:00").ok(), Some((DAYS + 182) * DAY + 8 * HOUR));
    let west = timestamptz(ToChar, "YYYY-MM-DD HH24:MI TZH:TZM", "2024-01-05 10:00 -00:30");
    assert_eq!(west.ok(), Some(DAYS * DAY + 10 * HOUR + HOUR / 2));
    assert_eq!(refusal(timestamp(ToChar, "YYYY-MM-DD TZ", "2024-01-05 nowhere")).0, "22007");
    assert_eq!(refusal(timestamp(ToChar, "YYYY-MM-DD TZ", "2024-01-05 +16")).0, "22009");
}

#[test]
fn a_zone_that_only_the_server_knows_is_refused_and_not_left_to_it() {
    let session = Session { zone_words: copyist_core::ZoneWords::None, ..Session::default() };
    let context = Context::new(&session).expect("a context");
    let pattern = compiled(ToChar, "DD.MM.YYYY TZ");
    let error = pattern.timestamptz(b"05.01.2024 America/New_York", None, &context).expect_err("a refusal");
    assert_eq!(error.code, ErrorCode::FeatureNotSupported);
    assert!(pattern.timestamptz(b"05.01.2024 UTC", None, &context).is_ok());
}

#[test]
fn refusals_say_what_and_where() {
    let read = |pattern, value| refusal(date(ToChar, pattern, value));
    let place = |byte, value, pattern| format!("At byte {byte} of \"{value}\", read with \"{pattern}\".");
    assert_eq!(
        read("YYYY-MM-DD", "2024-xx-05"),
        (
            "22007",
            "invalid value \"xx\" for \"MM\"".into(),
            format!("Value must be an integer. {}", place(6, "2024-xx-05", "YYYY-MM-DD"))
        )
    );
    assert_eq!(read("YYYY-MM-DD", "24-01-05").1, "invalid value \"24\" for \"YYYY\"");
    assert_eq!(read("YYYY-MM-DD", "2024-13-05").1, "date/time field value out of range: \"2024-13-05\"");
    assert_eq!(read("YYYY-MM-DD", "2024/01/05").1, "unmatched format separator \"-\"");
    assert_eq!(read("YYYY\"x\"", "2024y").1, "unmatched format character \"x\"");
    assert_eq!(read("YYYY-MM-DD", "2024-01-").1, "source string too short for \"DD\" formatting field");
    assert_eq!(
        read("YYYY-MM-DD", "2024-01-05T10").1,
        "trailing characters remain in input string after datetime format"
    );
    assert_eq!(read("DD MON", "05 Foo").1, "invalid value \"Foo\" for \"MON\"");
    assert_eq!(refusal(time(ToChar, "HH12 AM", "13 AM")).1, "hour \"13\" is invalid for the 12-hour clock");
    assert_eq!(refusal(date(ToChar, "HH24", "13")).1, "date/time pattern \"HH24\" cannot read a value of type date");
}

#[test]
fn patterns_that_mean_two_things_or_none_are_refused_with_what_to_write() {
    for (language, pattern, offset, hint) in [
        (ToChar, "", 0, "Write the tokens"),
        (ToChar, "YYYY-MM-DDTHH24:MI", 10, "DD\"T\"HH24"),
        (ToChar, "YYYY-MM-DD HH24:MM:SS", 16, "MI the minute"),
        (ToChar, "YYYY-MI-DD", 5, "The month is MM"),
        (ToChar, "YYYY YY", 5, "once"),
        (ToChar, "YYYY-MM-DD HH:MI", 11, "HH24"),
        (ToChar, "HH24 AM", 5, "HH12"),
        (ToChar, "MI AM", 3, "HH12"),
        (ToChar, "YYYY MM DDD", 8, "DD"),
        (ToChar, "J MM", 2, "whole date"),
        (ToChar, "IYYY-MM", 5, "Gregorian and ISO"),
        (ToChar, "ID", 0, "IYYY"),
        (ToChar, "SSSSS HH24", 6, "whole time"),
        (ToChar, "SS.MS.US", 6, "once"),
        (ToChar, "TZ OF HH24", 3, "once"),
        (ToChar, "TZM HH24", 0, "TZH"),
        (ToChar, "BC", 0, "YYYY"),
        (ToChar, "DDD", 0, "YYYY"),
        (ToChar, "YYYY \"open", 5, "second one"),
        (ToChar, "YYYY foo", 5, "double quotes"),
        (ToChar, "YYYYé", 4, "double quotes"),
        (ToChar, "FMDDMM", 2, "separator"),
        (ToChar, "TMYYYY", 0, "MON"),
        (ToChar, "YYYY FX", 5, "first"),
        (ToChar, "YYYY FM", 7, "before the token"),
        (ToChar, "YYYYSP", 4, "Leave it out"),
        (ToChar, "SYYYY", 0, "BC"),
        (ToChar, "CC YYYY", 3, "no century"),
        (ToChar, "TZ", 0, "parts"),
        (Java, "yyyy-mm-dd", 5, "The month is MM"),
        (Java, "YYYY-MM-dd", 0, "yyyy"),
        (Java, "yyyy-MM-DD", 8, "dd"),
        (Java, "hh:mm", 0, "HH"),
        (Java, "ss.SS", 3, "SSS"),
        (Java, "ss.SSSSSS", 3, "SSSUUU"),
        (Java, "dMyyyy", 0, "separator"),
        (Java, "yyyy'", 4, "second one"),
        (Java, "yyyy q", 5, "single quotes"),
        (Strptime, "%Y-%M-%d", 3, "The month is %m"),
        (Strptime, "%Y %", 3, "%%"),
        (Strptime, "%é", 0, "%%"),
        (Strptime, "%-d%m", 0, "leave the - out"),
        (Strptime, "%D", 0, "%m/%d/%y"),
        (Strptime, "%s %Y", 3, "whole date"),
        (Strptime, "%U %W %Y", 3, "Sunday"),
        (Auto, "Auto", 0, "auto"),
    ] {
        let error = pattern_error(language, pattern);
        assert!(error.hint.contains(hint), "{pattern}: {error} {}", error.hint);
        assert_eq!(error.offset, offset, "{error}");
        let error: Box<DataError> = error.into();
        assert_eq!(error.code.sql_state(), "22007");
    }
    assert!(compiled(ToChar, "YYYY").check(Kind::Date).is_ok());
    let error = compiled(ToChar, "YYYY").check(Kind::Time).expect_err("no time");
    assert_eq!(error.problem, "has no token of a time of day and cannot read a column of type time");
    assert!(compiled(ToChar, "HH24").check(Kind::Timestamp).is_err());
    assert!(compiled(Auto, "epochsecs").check(Kind::Time).is_err());
}

#[test]
fn auto_knows_the_common_spellings() {
    for value in [
        "2024-01-05",
        "2024/01/05",
        "2024.1.5",
        "20240105",
        "2024-Jan-05",
        "2024-005",
        "2024.005",
        "J2460315",
        "January 5, 2024",
        "Jan 5 2024",
        "Jan. 5th, 2024",
        "Jan-05-2024",
        "5 January 2024",
        "05-Jan-2024",
        "5th Jan 2024",
        "Friday, January 5, 2024",
        "Fri 05 Jan 2024",
        " 2024-01-05 ",
        "2024-01-05 10:00",
        "5 Jan 2024 10:00 PM",
    ] {
        assert_eq!(date(Auto, "auto", value).map_err(|error| error.message), Ok(DAYS as i32), "{value}");
    }
    for (value, days) in
        [("01/31/2024", 8796), ("31/01/2024", 8796), ("31.1.2024", 8796), ("03/03/2024", 8828), ("Sept 1, 2024", 9010)]
    {
        assert_eq!(date(Auto, "auto", value).map_err(|error| error.message), Ok(days), "{value}");
    }
    let at = DAYS * DAY + 14 * HOUR + 5 * 60 * SECOND;
    for (value, expected) in [
        ("2024-01-05T14:05Z", at),
        ("2024-01-05 14:05:06Z", at + 6 * SECOND),
        ("20240105T140506Z", at + 6 * SECOND),
        ("20240105 1405 UTC", at),
        ("2024-01-05 14:05:06.789+00", at + 6_789_000),
        ("Jan 5, 2024 2:05 PM +0000", at),
        ("Jan 5, 2024 2:05 p.m. GMT", at),
        ("2024-01-05 16:05+02:00", at),
        ("2024-01-05 09:05 America/New_York", at),
        ("2024-01-05 09:05 EST", at),
        ("2024-01-05 15:05", at),
        ("1/31/2024 15:05", at + 26 * DAY),
    ] {
        assert_eq!(timestamptz(Auto, "auto", value).map_err(|error| error.message), Ok(expected), "{value}");
    }
    assert_eq!(time(Auto, "auto", "2:05 pm").ok(), Some(14 * HOUR + 5 * 60 * SECOND));
    assert_eq!(date(Auto, "auto", "0044-03-15 BC").ok(), date(ToChar, "YYYY-MM-DD BC", "0044-03-15 BC").ok());
    for value in ["01/02/2024", "1-2-2024", "12.11.2024", "01/13/24", "5-Jan-24", "240105", "13:05"] {
        let (state, message, _) = refusal(date(Auto, "auto", value));
        assert_eq!(state, "22007", "{value} {message}");
    }
    assert_eq!(refusal(date(Auto, "auto", "01/02/2024")).1, "ambiguous date: \"01/02/2024\"");
    for value in [
        "",
        "x",
        "2024-01-05x",
        "2024-01",
        "2024-02-30",
        "31/31/2024",
        "2024-01-05 25:00",
        "2024-01-05 1:5",
        "2024-01/05",
        "now",
    ] {
        assert!(timestamp(Auto, "auto", value).is_err(), "{value}");
    }
}

#[test]
fn epochs_have_a_fraction_and_a_sign() {
    let seconds = |value| timestamp(Auto, "epochsecs", value).ok();
    const EPOCH: i64 = -946_684_800 * SECOND;
    assert_eq!(seconds("0"), Some(EPOCH));
    assert_eq!(seconds("-1.5"), Some(EPOCH - 1_500_000));
    assert_eq!(seconds("1704449472.1234565"), Some(EPOCH + 1_704_449_472_123_456));
    assert_eq!(seconds("1704449472.1234575"), Some(EPOCH + 1_704_449_472_123_458));
    assert_eq!(timestamp(Auto, "epochmillisecs", "1704449472123.4567").ok(), Some(EPOCH + 1_704_449_472_123_457));
    assert_eq!(date(Auto, "epochsecs", "1704449472").ok(), Some(DAYS as i32));
    assert_eq!(date(Auto, "epochsecs", "-1").ok(), Some(-10_958));
    assert_eq!(timestamp(Strptime, "%s", "-1").ok(), Some(EPOCH - SECOND));
    for wrong in ["", "-", ".", "1.", ".5", "1e9", "1.5.5", "0x1", "9999999999999999999", "99999999999999999999", "1 2"]
    {
        assert_eq!(seconds(wrong), None, "{wrong}");
    }
}

#[test]
fn several_patterns_are_tried_in_order() {
    let context = context();
    let texts = ["DD.MM.YYYY", "YYYY-MM-DD", "FMDD Mon YYYY"];
    let patterns = Patterns::compile(ToChar, texts, Kind::Date).expect("patterns");
    for value in ["05.01.2024", "2024-01-05", "5 Jan 2024"] {
        assert_eq!(patterns.date(value.as_bytes(), &context).ok(), Some(DAYS as i32));
    }
    assert_eq!(patterns.date(b"-infinity", &context).ok(), Some(i32::MIN));
    let (state, message, detail) = refusal(patterns.date(b"2024-01x05", &context));
    assert_eq!((state, message.as_str()), ("22007", "unmatched format separator \"-\""));
    for text in texts {
        assert!(detail.contains(text), "{detail}");
    }
    assert!(Patterns::compile(ToChar, ["HH24"], Kind::Date).is_err());
    assert!(Patterns::compile(ToChar, [], Kind::Date).is_err());
    // A value that was read to its end is closer than any other.
    assert_eq!(refusal(patterns.date(b"30.02.2024", &context)).0, "22008");
    // The first that fits has the last word.
    let either = Patterns::compile(ToChar, ["MM/DD/YYYY", "DD/MM/YYYY"], Kind::Date).expect("patterns");
    assert_eq!(either.date(b"02/01/2024", &context).ok(), Some(8797));
    assert_eq!(either.date(b"31/01/2024", &context).ok(), Some(8796));
}

/// A day of 1 AD to 9999, found by counting.
fn naive_days(year: i32, month: i32, day: i32) -> i64 {
    let is_leap = |year: i32| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let lengths = |year| [31, 28 + i64::from(is_leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let years: i64 = (1..year).map(|year| 365 + i64::from(is_leap(year))).sum();
    let months: i64 = lengths(year).iter().take(month as usize - 1).sum();
    let from_2000: i64 = (1..2000).map(|year| 365 + i64::from(is_leap(year))).sum();
    years + months + i64::from(day) - 1 - from_2000
}

const NAMES: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

proptest! {
    #[test]
    fn what_is_written_is_read(
        (year, month, day) in (1..=9999, 1..=12, 1..=28),
        (hour, minute, second, micros) in (0..24, 0..60, 0..60, 0..1_000_000i64),
    ) {
        let name = NAMES[month as usize - 1];
        let short = &name[..3];
        let half = (hour + 11) % 12 + 1;
        let word = if hour < 12 { "AM" } else { "pm" };
        let expected = naive_days(year, month, day) * DAY
            + i64::from((hour * 60 + minute) * 60 + second) * SECOND + micros;
        let written = [
            (ToChar, "YYYY-MM-DD HH24:MI:SS.US", format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{micros:06}")),
            (ToChar, "YYYYMMDDHH24MISSUS", format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}{micros:06}")),
            (ToChar, "FMDDth Month YYYY, HH12:MI:SS.FF6 AM", format!("{day}th {name} {year:04}, {half}:{minute}:{second}.{micros:06} {word}")),
            (Redshift, "MON DD, YYYY HH:MI:SS", format!("{name} {day}, {year:04} {hour}:{minute}:{second}.{micros:06}")),
            (Java, "yyyy-MM-ddTHH:mm:ss.SSSUUUZ", format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z")),
            (Java, "d MMM yyyy h:m:s.U+ a", format!("{day} {short} {year:04} {half}:{minute}:{second}.{micros:06} {word}")),
            (Strptime, "%d/%b/%Y:%H:%M:%S.%f", format!("{day:02}/{short}/{year:04}:{hour:02}:{minute:02}:{second:02}.{micros:06}")),
            (Strptime, "%-d %B %Y %I.%M.%S.%n %p", format!("{day} {name} {year:04} {half}.{minute}.{second}.{micros:06}000 {word}")),
            (Auto, "auto", format!("{short} {day}, {year:04} {half}:{minute:02}:{second:02}.{micros:06} {word}")),
            (Auto, "auto", format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}.{micros:06}")),
        ];
        for (language, pattern, value) in written {
            let read = timestamp(language, pattern, &value);
            prop_assert_eq!(read.map_err(|error| error.message), Ok(expected), "{} {}", pattern, value);
        }
    }

    #[test]
    fn the_fast_path_agrees_with_the_complete_one(text in "[0-9]{4}-[0-9]{2}-[0-9]{2} [0-2][0-9]:[0-6][0-9]:[0-6][0-9]") {
        let context = context();
        let fast = compiled(ToChar, "YYYY-MM-DD HH24:MI:SS");
        let Body::Program(program, Some(_)) = &fast.body else { panic!("no fast path") };
        let slow = Pattern { body: Body::Program(program.clone(), None), ..fast.clone() };
        let value = text.as_bytes();
        prop_assert_eq!(fast.timestamp(value, None, &context), slow.timestamp(value, None, &context));
        prop_assert_eq!(fast.timestamptz(value, None, &context), slow.timestamptz(value, None, &context));
        prop_assert_eq!(fast.date(value, &context), slow.date(value, &context));
        prop_assert_eq!(fast.time(value, None, &context), slow.time(value, None, &context));
    }

    #[test]
    fn no_pattern_and_no_value_panics(
        pattern in prop_oneof![
            any::<String>(),
            "[YMDHISAPWJQTZOFXCRB0-9 :.,\"\\\\a-z-]{0,24}",
            "[yMdHhkKmsSUNazZXEDGu'+T :./-]{0,24}",
            "(%-?[a-zA-Z%][ :./-]?){0,8}",
            "((YYYY|MM|DD|HH24|MI|SS|MS|US|FF3|AM|HH12|TZ|TZH|OF|J|DDD|IW|IYYY|ID|BC|CC|YY|RR|FM|FX|MON|DAY|RM|WW|W)[ :./-]?){1,6}",
        ],
        values in prop::collection::vec(
            prop_oneof![prop::collection::vec(any::<u8>(), 0..40), "[0-9APM:. TZ+a-z/-]{0,40}".prop_map(String::into_bytes)],
            1..8,
        ),
    ) {
        let context = context();
        for language in [ToChar, Redshift, Java, Strptime, Auto] {
            let texts = [pattern.as_str(), "auto", "epochsecs"];
            for pattern in texts.into_iter().filter_map(|text| Pattern::compile(language, text).ok()) {
                for value in &values {
                    let _ = pattern.date(value, &context);
                    let _ = pattern.time(value, Some(3), &context);
                    let _ = pattern.timetz(value, None, &context);
                    let _ = pattern.timestamp(value, Some(0), &context);
                    let _ = pattern.timestamptz(value, None, &context);
                }
            }
        }
    }
}

#[test]
fn timestamps_to_the_minute() {
    let pattern = "YYYY-MM-DD HH24:MI:SS.US";
    let patterns = Patterns::compile(Language::ToChar, [pattern, "YYYY-MM-DD"], Kind::Timestamp).unwrap().to_minute();
    let minutes = |value: &str| patterns.timestamp(value.as_bytes(), None, &context()).unwrap() as f64 / 6e7;
    assert_eq!(minutes("2000-01-01 00:01:29.999999"), 1.0);
    assert_eq!(minutes("2000-01-01 00:01:30.000000"), 2.0);
    assert_eq!(minutes("1999-12-31 23:59:29.500000"), -1.0);
    assert_eq!(minutes("1999-12-31 23:59:30.000000"), 0.0);
    assert_eq!(minutes("2000-01-02"), 1440.0);
    assert_eq!(patterns.timestamp(b"-infinity", None, &context()).unwrap(), i64::MIN);
    assert_eq!(patterns.quick_timestamp(b"2000-01-01 00:00:31.000000", None, &context()), Some(60_000_000));
}
