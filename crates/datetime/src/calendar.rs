//! Days, Julian days and dates of the proleptic Gregorian calendar. Year 0 is 1 BC.

/// Julian day of 2000-01-01, where PostgreSQL counts from.
pub(crate) const POSTGRES_EPOCH_JULIAN: i32 = 2_451_545;
/// Days from 1970-01-01 to 2000-01-01.
pub(crate) const UNIX_TO_POSTGRES_DAYS: i64 = 10_957;
pub(crate) const SECONDS_PER_DAY: i64 = 86_400;
pub(crate) const MICROS_PER_SECOND: i64 = 1_000_000;
pub(crate) const MICROS_PER_MINUTE: i64 = 60 * MICROS_PER_SECOND;
pub(crate) const MICROS_PER_HOUR: i64 = 60 * MICROS_PER_MINUTE;
pub(crate) const MICROS_PER_DAY: i64 = SECONDS_PER_DAY * MICROS_PER_SECOND;

/// First microsecond of 4714-11-24 BC.
const FIRST_TIMESTAMP: i64 = -211_813_488_000_000_000;
/// First microsecond of 294277-01-01, the first that is out of range.
const END_TIMESTAMP: i64 = 9_223_371_331_200_000_000;
/// 4714-11-24 BC in days since 2000-01-01.
const FIRST_DATE: i32 = -2_451_545;
/// 5874898-01-01 in days since 2000-01-01, the first that is out of range.
const END_DATE: i32 = 2_145_031_949;

pub(crate) const fn is_leap(year: i32) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// `month` from 1 to 12.
pub(crate) const fn days_in_month(year: i32, month: i32) -> i32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 => 28 + is_leap(year) as i32,
        _ => 31,
    }
}

/// Whether Julian day arithmetic can represent the date.
pub(crate) const fn is_julian(year: i32, month: i32) -> bool {
    (year > -4713 || (year == -4713 && month >= 11)) && (year < 5_874_898 || (year == 5_874_898 && month < 6))
}

pub(crate) const fn is_date_in_range(days: i32) -> bool {
    FIRST_DATE <= days && days < END_DATE
}

pub(crate) const fn is_timestamp_in_range(micros: i64) -> bool {
    FIRST_TIMESTAMP <= micros && micros < END_TIMESTAMP
}

/// The Julian day of a date. Wraps around like the server's 32-bit arithmetic does, because a day-of-year literal with
/// an absurd year is accepted when the wrapped result happens to be a date in range.
pub(crate) const fn julian_from_date(year: i32, month: i32, day: i32) -> i32 {
    // March is the first month, so that the leap day is the last of its year.
    let (year, month) =
        if month > 2 { (year.wrapping_add(4800), month + 1) } else { (year.wrapping_add(4799), month + 13) };
    let century = year / 100;
    year.wrapping_mul(365)
        .wrapping_sub(32_167)
        .wrapping_add(year / 4 - century + century / 4)
        .wrapping_add(7_834 * month / 256)
        .wrapping_add(day)
}

/// Year, month and day of a Julian day, read as unsigned like the server does.
pub(crate) const fn date_from_julian(julian: i32) -> (i32, i32, i32) {
    // 32-bit wrapping throughout: see `julian_from_date`.
    let days = (julian as u32).wrapping_add(32_044);
    let century = days / 146_097;
    let rest = days.wrapping_sub(century.wrapping_mul(146_097)).wrapping_mul(4).wrapping_add(3);
    let days = days.wrapping_add(60 + century * 3 + rest / 146_097);
    let cycle = days / 1461;
    let in_cycle = days - cycle * 1461;
    let year_in_cycle = in_cycle * 4 / 1461;
    let day_of_year = 123 + if year_in_cycle != 0 { (in_cycle + 305) % 365 } else { (in_cycle + 306) % 366 };
    let month = day_of_year * 2141 / 65_536;
    let year = year_in_cycle.wrapping_add(cycle * 4) as i32 - 4800;
    (year, ((month + 10) % 12 + 1) as i32, (day_of_year - 7834 * month / 256) as i32)
}

/// Days since 2000-01-01 of a date for which [`is_julian`] holds.
pub(crate) const fn days_from_date(year: i32, month: i32, day: i32) -> i64 {
    julian_from_date(year, month, day) as i64 - POSTGRES_EPOCH_JULIAN as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_julian_days() {
        assert_eq!(julian_from_date(2000, 1, 1), POSTGRES_EPOCH_JULIAN);
        assert_eq!(julian_from_date(1970, 1, 1) as i64, POSTGRES_EPOCH_JULIAN as i64 - UNIX_TO_POSTGRES_DAYS);
        assert_eq!(julian_from_date(-4713, 11, 24), 0);
        assert_eq!(days_from_date(5_874_898, 1, 1), END_DATE as i64);
        assert_eq!(days_from_date(294_277, 1, 1) * MICROS_PER_DAY, END_TIMESTAMP);
        assert_eq!(days_from_date(-4713, 11, 24) * MICROS_PER_DAY, FIRST_TIMESTAMP);
    }

    #[test]
    fn every_day_of_eight_centuries_round_trips() {
        let mut expected = julian_from_date(1600, 1, 1);
        for year in 1600..2400 {
            for month in 1..=12 {
                for day in 1..=days_in_month(year, month) {
                    assert_eq!(julian_from_date(year, month, day), expected);
                    assert_eq!(date_from_julian(expected), (year, month, day));
                    expected += 1;
                }
            }
        }
    }
}
