//! What a pattern can take from a value, and the value that it makes together.

use super::misfit::Reason;
use crate::calendar::{
    POSTGRES_EPOCH_JULIAN, SECONDS_PER_DAY, UNIX_TO_POSTGRES_DAYS, date_from_julian, days_in_month, is_julian, is_leap,
    julian_from_date,
};
use crate::decode::Fields;

/// A part of a date or time that one token reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Slot {
    Year,
    IsoYear,
    Century,
    Month,
    Day,
    DayOfYear,
    JulianDay,
    /// Weeks of seven days from January 1 on.
    WeekOfYear,
    /// Weeks of seven days from the first of the month on.
    WeekOfMonth,
    IsoWeek,
    /// Day 1 to 371 of an ISO year.
    IsoDayOfYear,
    /// Weeks from the first Sunday of the year on; the days before are of week 0.
    SundayWeek,
    /// Weeks from the first Monday of the year on.
    MondayWeek,
    /// 1 is Monday, 7 is Sunday.
    IsoWeekday,
    /// 0 is Sunday.
    SundayWeekday,
    /// A day of the week that is read and not checked, as in a plain literal.
    IgnoredWeekday,
    Quarter,
    Era,
    /// Of the 24-hour clock.
    Hour,
    /// Of the 24-hour clock, 24 being midnight.
    HourFrom1,
    /// Of the 12-hour clock.
    HalfHour,
    /// Of the 12-hour clock, 0 being noon and midnight.
    HalfHourFrom0,
    Meridiem,
    Minute,
    Second,
    SecondOfDay,
    /// Billionths of a second.
    Fraction,
    Millis,
    Micros,
    Nanos,
    /// Seconds east of Greenwich, or a word for them.
    Zone,
    ZoneHour,
    ZoneMinute,
    /// Seconds since 1970-01-01 00:00:00 UTC.
    Epoch,
}

pub(super) const SLOTS: usize = Slot::Epoch as usize + 1;

impl Slot {
    pub(super) const fn bit(self) -> u64 {
        1u64 << self as u8
    }

    /// The least and the greatest value that the calendar or the clock has.
    pub(super) const fn range(self) -> (i32, i32) {
        match self {
            Slot::Year | Slot::IsoYear => (1, 9_999_999),
            Slot::Century => (1, 99),
            Slot::Month => (1, 12),
            Slot::Day => (1, 31),
            Slot::DayOfYear => (1, 366),
            Slot::JulianDay | Slot::Epoch => (0, i32::MAX),
            Slot::WeekOfYear | Slot::IsoWeek => (1, 53),
            Slot::WeekOfMonth => (1, 5),
            Slot::IsoDayOfYear => (1, 371),
            Slot::SundayWeek | Slot::MondayWeek => (0, 53),
            Slot::IsoWeekday => (1, 7),
            Slot::SundayWeekday => (0, 6),
            Slot::IgnoredWeekday => (1, 7),
            Slot::Quarter => (1, 4),
            Slot::Era | Slot::Meridiem => (0, 1),
            Slot::Hour => (0, 24),
            Slot::HourFrom1 => (1, 24),
            Slot::HalfHour => (1, 12),
            Slot::HalfHourFrom0 => (0, 11),
            Slot::Minute => (0, 59),
            Slot::Second => (0, 60),
            Slot::SecondOfDay => (0, 86_400),
            Slot::Fraction => (0, 999_999_999),
            Slot::Millis | Slot::Micros | Slot::Nanos => (0, 999),
            Slot::Zone => (-57_599, 57_599),
            Slot::ZoneHour => (-15, 15),
            Slot::ZoneMinute => (0, 59),
        }
    }
}

/// Slots that say which day.
pub(super) const DATE: u64 = Slot::Year.bit()
    | Slot::IsoYear.bit()
    | Slot::Century.bit()
    | Slot::Month.bit()
    | Slot::Day.bit()
    | Slot::DayOfYear.bit()
    | Slot::JulianDay.bit()
    | Slot::WeekOfYear.bit()
    | Slot::WeekOfMonth.bit()
    | Slot::IsoWeek.bit()
    | Slot::IsoDayOfYear.bit()
    | Slot::SundayWeek.bit()
    | Slot::MondayWeek.bit()
    | Slot::Epoch.bit();

/// Slots that say which time of day.
pub(super) const CLOCK: u64 = HOUR
    | HALF_HOUR
    | Slot::Minute.bit()
    | Slot::Second.bit()
    | Slot::SecondOfDay.bit()
    | SUBSECOND
    | Slot::Epoch.bit();

pub(super) const HOUR: u64 = Slot::Hour.bit() | Slot::HourFrom1.bit();
pub(super) const HALF_HOUR: u64 = Slot::HalfHour.bit() | Slot::HalfHourFrom0.bit();

pub(super) const SUBSECOND: u64 = Slot::Fraction.bit() | Slot::Millis.bit() | Slot::Micros.bit() | Slot::Nanos.bit();

pub(super) const ISO: u64 = Slot::IsoYear.bit() | Slot::IsoWeek.bit() | Slot::IsoDayOfYear.bit();

pub(super) const ZONE: u64 = Slot::Zone.bit() | Slot::ZoneHour.bit() | Slot::ZoneMinute.bit();

/// What a token of a time zone found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ZoneFound {
    None,
    /// Seconds east of Greenwich.
    Offset(i32),
    /// The bytes of the value, from and to, that are a zone's name or abbreviation.
    Word(usize, usize),
}

/// What the tokens found in one value.
#[derive(Clone, Debug)]
pub(super) struct Parts {
    values: [i32; SLOTS],
    seen: u64,
    pub(super) zone: ZoneFound,
    /// Of [`Slot::Epoch`].
    pub(super) epoch: i64,
    /// `TZH` had a minus, which is of the minutes too.
    pub(super) is_west: bool,
}

impl Parts {
    /// Nothing found; `year` is the one of a value without any.
    #[inline]
    pub(super) fn new(year: i32) -> Parts {
        let mut values = [0; SLOTS];
        values[Slot::Year as usize] = year;
        values[Slot::Month as usize] = 1;
        values[Slot::Day as usize] = 1;
        Parts { values, seen: 0, zone: ZoneFound::None, epoch: 0, is_west: false }
    }

    #[inline]
    pub(super) fn set(&mut self, slot: Slot, value: i32) {
        self.values[slot as usize] = value;
        self.seen |= slot.bit();
    }

    #[inline]
    pub(super) fn get(&self, slot: Slot) -> i32 {
        self.values[slot as usize]
    }

    #[inline]
    pub(super) fn has(&self, slots: u64) -> bool {
        self.seen & slots != 0
    }

    /// The fields of the date and the time of day.
    pub(super) fn fields(&self) -> Result<Fields, Reason> {
        let mut fields = Fields::default();
        self.set_date(&mut fields)?;
        self.set_clock(&mut fields)?;
        Ok(fields)
    }

    /// The fields of the time of day alone, on a day without meaning.
    pub(super) fn clock(&self) -> Result<Fields, Reason> {
        let mut fields = Fields::default();
        self.set_clock(&mut fields)?;
        Ok(fields)
    }

    fn set_clock(&self, fields: &mut Fields) -> Result<(), Reason> {
        if self.has(Slot::SecondOfDay.bit() | Slot::Epoch.bit()) {
            let seconds = self.get(Slot::SecondOfDay) + self.epoch.rem_euclid(SECONDS_PER_DAY) as i32;
            (fields.hour, fields.minute, fields.second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        } else {
            fields.hour = self.get(Slot::Hour) + self.get(Slot::HourFrom1) % 24;
            if self.has(HALF_HOUR) {
                let hour = self.get(Slot::HalfHour) % 12 + self.get(Slot::HalfHourFrom0);
                fields.hour = hour + 12 * self.get(Slot::Meridiem);
            }
            fields.minute = self.get(Slot::Minute);
            fields.second = self.get(Slot::Second);
        }
        if self.has(SUBSECOND) {
            let nanos = self.get(Slot::Fraction)
                + self.get(Slot::Millis) * 1_000_000
                + self.get(Slot::Micros) * 1_000
                + self.get(Slot::Nanos);
            // Half to even, as the plain literals are rounded.
            let (micros, rest) = (nanos / 1_000, nanos % 1_000);
            fields.micros = micros + i32::from(rest > 500 || (rest == 500 && micros % 2 == 1));
        }
        if fields.is_time_out_of_range() { Err(Reason::FieldRange) } else { Ok(()) }
    }

    /// The year as the calendar counts it, 0 being 1 BC.
    fn year(&self) -> Result<i32, Reason> {
        let is_before_christ = self.get(Slot::Era) == 1;
        let year = match (self.has(Slot::Century.bit()), self.has(Slot::Year.bit())) {
            (true, has_year) => {
                // The 21st century is from 2001 to 2100.
                let century = self.get(Slot::Century);
                let within = if has_year { self.get(Slot::Year) % 100 } else { 1 };
                match (is_before_christ, within) {
                    (false, 0) => century * 100,
                    (false, _) => (century - 1) * 100 + within,
                    // 600 BC to 501 BC are the 6th century: counted down, 600 is its first year.
                    (true, _) if !has_year => century * 100,
                    (true, 0) => century * 100,
                    (true, _) => (century - 1) * 100 + within,
                }
            }
            (false, _) => self.get(Slot::Year),
        };
        if self.has(Slot::Year.bit() | Slot::Century.bit()) && year == 0 {
            return Err(Reason::FieldRange);
        }
        Ok(if is_before_christ { 1 - year } else { year })
    }

    fn set_date(&self, fields: &mut Fields) -> Result<(), Reason> {
        if self.has(Slot::Epoch.bit()) {
            // Twelve digits of seconds are days within 32 bits.
            let days = (self.epoch.div_euclid(SECONDS_PER_DAY) - UNIX_TO_POSTGRES_DAYS) as i32;
            fields.set_julian_day(days + POSTGRES_EPOCH_JULIAN);
            return Ok(());
        }
        if self.has(Slot::JulianDay.bit()) {
            fields.set_julian_day(self.get(Slot::JulianDay));
            return Ok(());
        }
        if self.has(ISO) {
            return self.set_iso_date(fields);
        }
        let year = self.year()?;
        let month = self.get(Slot::Month);
        let day = if self.has(Slot::WeekOfMonth.bit()) {
            (self.get(Slot::WeekOfMonth) - 1) * 7 + 1
        } else {
            self.get(Slot::Day)
        };
        if !is_julian(year, month) {
            return Err(Reason::ValueRange);
        }
        if let Some(day_of_year) = self.day_of_year(year) {
            if !(1..=365 + i32::from(is_leap(year))).contains(&day_of_year) || !is_julian(year, 1) {
                return Err(Reason::FieldRange);
            }
            (fields.year, fields.month, fields.day) = date_from_julian(julian_from_date(year, 1, 1) + day_of_year - 1);
            return Ok(());
        }
        if day > days_in_month(year, month) {
            return Err(Reason::FieldRange);
        }
        (fields.year, fields.month, fields.day) = (year, month, day);
        Ok(())
    }

    /// The day of the year, when that and no month is given.
    fn day_of_year(&self, year: i32) -> Option<i32> {
        if self.has(Slot::DayOfYear.bit()) {
            return Some(self.get(Slot::DayOfYear));
        }
        if self.has(Slot::WeekOfYear.bit()) {
            return Some((self.get(Slot::WeekOfYear) - 1) * 7 + 1);
        }
        let (week, first) = if self.has(Slot::SundayWeek.bit()) {
            (self.get(Slot::SundayWeek), 0)
        } else if self.has(Slot::MondayWeek.bit()) {
            (self.get(Slot::MondayWeek), 1)
        } else {
            return None;
        };
        // 0 is the day that weeks begin with, of January 1 and of the value.
        let new_year = (julian_from_date(year, 1, 1) + 1 - first).rem_euclid(7);
        let weekday = self.weekday().map_or(0, |weekday| (weekday - first).rem_euclid(7));
        Some((7 - new_year) % 7 + 1 + (week - 1) * 7 + weekday)
    }

    /// The day of the week, 1 for Monday.
    fn weekday(&self) -> Option<i32> {
        if self.has(Slot::SundayWeekday.bit()) {
            return Some((self.get(Slot::SundayWeekday) + 6) % 7 + 1);
        }
        self.has(Slot::IsoWeekday.bit()).then(|| self.get(Slot::IsoWeekday))
    }

    fn set_iso_date(&self, fields: &mut Fields) -> Result<(), Reason> {
        let year = if self.get(Slot::Era) == 1 { 1 - self.get(Slot::IsoYear) } else { self.get(Slot::IsoYear) };
        if !(is_julian(year, 1) && is_julian(year + 1, 1)) {
            return Err(Reason::ValueRange);
        }
        let first = first_iso_day(year);
        let days = first_iso_day(year + 1) - first;
        let day = if self.has(Slot::IsoDayOfYear.bit()) {
            self.get(Slot::IsoDayOfYear) - 1
        } else {
            let weekday = self.weekday().unwrap_or(1);
            let week = if self.has(Slot::IsoWeek.bit()) { self.get(Slot::IsoWeek) } else { 1 };
            (week - 1) * 7 + weekday - 1
        };
        if !(0..days).contains(&day) {
            return Err(Reason::FieldRange);
        }
        fields.set_julian_day(first + day);
        Ok(())
    }
}

/// The Julian day of the Monday of the week with January 4.
fn first_iso_day(year: i32) -> i32 {
    let fourth = julian_from_date(year, 1, 4);
    fourth - fourth.rem_euclid(7)
}
