//! Dates and times as text that PostgreSQL reads alike under any settings: ISO 8601, zones in UTC.

use crate::calendar::{
    MICROS_PER_DAY, MICROS_PER_HOUR, MICROS_PER_MINUTE, MICROS_PER_SECOND, POSTGRES_EPOCH_JULIAN, date_from_julian,
};

/// Appends a `date`.
pub fn write_date(days: i32, out: &mut Vec<u8>) {
    match days {
        i32::MAX => out.extend_from_slice(b"infinity"),
        i32::MIN => out.extend_from_slice(b"-infinity"),
        _ => {
            let year = write_day(i64::from(days), out);
            write_era(year, out);
        }
    }
}

/// Appends a `time`.
pub fn write_time(micros: i64, out: &mut Vec<u8>) {
    write_number(micros / MICROS_PER_HOUR, 2, out);
    out.push(b':');
    write_number(micros / MICROS_PER_MINUTE % 60, 2, out);
    out.push(b':');
    write_number(micros / MICROS_PER_SECOND % 60, 2, out);
    let fraction = micros % MICROS_PER_SECOND;
    if fraction != 0 {
        out.push(b'.');
        write_number(fraction, 6, out);
    }
}

/// Appends a `timetz`; the zone in seconds west of Greenwich.
pub fn write_timetz((micros, west): (i64, i32), out: &mut Vec<u8>) {
    write_time(micros, out);
    out.push(if west > 0 { b'-' } else { b'+' });
    let displacement = i64::from(west.unsigned_abs());
    write_number(displacement / 3600, 2, out);
    out.push(b':');
    write_number(displacement / 60 % 60, 2, out);
    out.push(b':');
    write_number(displacement % 60, 2, out);
}

/// Appends a `timestamp`.
pub fn write_timestamp(micros: i64, out: &mut Vec<u8>) {
    write_instant(micros, b"", out);
}

/// Appends a `timestamptz`.
pub fn write_timestamptz(micros: i64, out: &mut Vec<u8>) {
    write_instant(micros, b"+00", out);
}

fn write_instant(micros: i64, zone: &[u8], out: &mut Vec<u8>) {
    match micros {
        i64::MAX => out.extend_from_slice(b"infinity"),
        i64::MIN => out.extend_from_slice(b"-infinity"),
        _ => {
            let year = write_day(micros.div_euclid(MICROS_PER_DAY), out);
            out.push(b' ');
            write_time(micros.rem_euclid(MICROS_PER_DAY), out);
            out.extend_from_slice(zone);
            write_era(year, out);
        }
    }
}

/// Appends an `interval` as PostgreSQL prints it with its own `IntervalStyle`, and what there is below microseconds.
pub fn write_interval(months: i32, days: i32, nanos: i128, out: &mut Vec<u8>) {
    let mut text = String::new();
    // What follows a negative part has a sign in any case.
    let mut is_behind_minus = false;
    for (amount, unit) in [(months / 12, "year"), (months % 12, "mon"), (days, "day")] {
        if amount == 0 {
            continue;
        }
        let gap = if text.is_empty() { "" } else { " " };
        let sign = if is_behind_minus && amount > 0 { "+" } else { "" };
        let plural = if amount == 1 { "" } else { "s" };
        text += &format!("{gap}{sign}{amount} {unit}{plural}");
        is_behind_minus = amount < 0;
    }
    if nanos != 0 || text.is_empty() {
        let size = nanos.unsigned_abs();
        let sign = match nanos {
            ..0 => "-",
            _ if is_behind_minus => "+",
            _ => "",
        };
        let gap = if text.is_empty() { "" } else { " " };
        let seconds = size / 1_000_000_000;
        let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        text += &format!("{gap}{sign}{hours:02}:{minutes:02}:{seconds:02}");
        let fraction = format!("{:09}", size % 1_000_000_000);
        let fraction = fraction.trim_end_matches('0');
        if !fraction.is_empty() {
            text += &format!(".{fraction}");
        }
    }
    out.extend_from_slice(text.as_bytes());
}

/// Appends the day, and answers its year.
fn write_day(days: i64, out: &mut Vec<u8>) -> i32 {
    let (year, month, day) = date_from_julian((days + i64::from(POSTGRES_EPOCH_JULIAN)) as i32);
    write_number(i64::from(if year > 0 { year } else { 1 - year }), 4, out);
    out.push(b'-');
    write_number(i64::from(month), 2, out);
    out.push(b'-');
    write_number(i64::from(day), 2, out);
    year
}

fn write_era(year: i32, out: &mut Vec<u8>) {
    if year <= 0 {
        out.extend_from_slice(b" BC");
    }
}

/// Appends a number of at least `width` digits.
fn write_number(number: i64, width: usize, out: &mut Vec<u8>) {
    let mut digits = [b'0'; 20];
    let (mut at, mut rest) = (digits.len(), number);
    while rest > 0 {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    out.extend_from_slice(&digits[at.min(digits.len() - width)..]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Context;
    use copyist_core::Session;
    use proptest::prelude::*;

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut out = Vec::new();
        write(&mut out);
        out
    }

    #[test]
    fn intervals_are_those_of_postgresql() {
        let text =
            |months, days, nanos| String::from_utf8(text(|out| write_interval(months, days, nanos, out))).unwrap();
        // What the server prints of make_interval() with these.
        assert_eq!(text(0, 0, 0), "00:00:00");
        assert_eq!(text(14, 3, 14_706_500_000_000), "1 year 2 mons 3 days 04:05:06.5");
        assert_eq!(text(1, 1, 0), "1 mon 1 day");
        assert_eq!(text(-13, 2, -1_000), "-1 years -1 mons +2 days -00:00:00.000001");
        assert_eq!(text(0, -1, 1_000_000_000), "-1 days +00:00:01");
        assert_eq!(text(0, 0, 360_000_000_000_000), "100:00:00");
        // It has none of these.
        assert_eq!(text(0, 0, 1), "00:00:00.000000001");
        assert_eq!(text(0, 0, i128::from(i64::MIN) * 1_000_000_000), "-2562047788015215:30:08");
    }

    proptest! {
        #[test]
        fn is_read_again(
            days in prop_oneof![Just(i32::MAX), Just(i32::MIN), -2_451_545..2_145_031_949i32, -800_000..100_000i32],
            micros in prop_oneof![
                Just(i64::MAX), Just(i64::MIN), -211_813_488_000_000_000..9_223_371_331_200_000_000i64,
                (-9_000_000..9_000_000i64).prop_map(|seconds| seconds * 1_000_000),
            ],
            clock in 0..=86_400_000_000i64,
            west in -57_599..=57_599i32,
        ) {
            let context = Context::new(&Session { time_zone: "Europe/Berlin".to_owned(), ..Session::default() }).unwrap();
            prop_assert_eq!(crate::date(&text(|out| write_date(days, out)), &context), Ok(days));
            prop_assert_eq!(crate::timestamp(&text(|out| write_timestamp(micros, out)), None, &context), Ok(micros));
            prop_assert_eq!(crate::timestamptz(&text(|out| write_timestamptz(micros, out)), None, &context), Ok(micros));
            prop_assert_eq!(crate::time(&text(|out| write_time(clock, out)), None, &context), Ok(clock));
            prop_assert_eq!(crate::timetz(&text(|out| write_timetz((clock, west), out)), None, &context), Ok((clock, west)));
        }
    }
}
