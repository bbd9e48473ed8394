//! Decoders: from fields of a literal to the parts of a value.

mod date;
mod displacement;
mod interval;
mod iso_interval;
mod number;
mod state;
mod time;
mod time_of_day;
mod timestamp;

pub(crate) use interval::{Amounts, IntervalValue, interval};
pub(crate) use iso_interval::iso_interval;
pub(crate) use time_of_day::{TimeOfDay, time_of_day};
pub(crate) use timestamp::{Moment, timestamp};

use crate::calendar::{
    MICROS_PER_HOUR, MICROS_PER_MINUTE, MICROS_PER_SECOND, SECONDS_PER_DAY, UNIX_TO_POSTGRES_DAYS, date_from_julian,
    days_from_date, is_julian,
};
use crate::fault::Fault;
use crate::zone::Zone;

/// Sets of parts that a literal has given so far. A part given twice is a mistake.
pub(crate) mod part {
    pub(crate) const YEAR: u32 = 1 << 0;
    pub(crate) const MONTH: u32 = 1 << 1;
    pub(crate) const DAY: u32 = 1 << 2;
    pub(crate) const DATE: u32 = YEAR | MONTH | DAY;
    pub(crate) const DAY_OF_YEAR: u32 = 1 << 3;
    pub(crate) const HOUR: u32 = 1 << 4;
    pub(crate) const MINUTE: u32 = 1 << 5;
    pub(crate) const SECOND: u32 = 1 << 6;
    pub(crate) const MILLISECOND: u32 = 1 << 7;
    pub(crate) const MICROSECOND: u32 = 1 << 8;
    pub(crate) const ALL_SECONDS: u32 = SECOND | MILLISECOND | MICROSECOND;
    pub(crate) const TIME: u32 = HOUR | MINUTE | ALL_SECONDS;
    pub(crate) const ZONE: u32 = 1 << 9;
    /// The zone is one of daylight saving time.
    pub(crate) const DAYLIGHT_ZONE: u32 = 1 << 10;
    /// The zone's offset depends on the date.
    pub(crate) const VARYING_ZONE: u32 = 1 << 11;
    /// The word `dst`.
    pub(crate) const DAYLIGHT_MODIFIER: u32 = 1 << 12;
    pub(crate) const HALF_OF_DAY: u32 = 1 << 13;
    pub(crate) const ERA: u32 = 1 << 14;
    pub(crate) const WEEKDAY: u32 = 1 << 15;
    pub(crate) const WEEK: u32 = 1 << 16;
    pub(crate) const DECADE: u32 = 1 << 17;
    pub(crate) const CENTURY: u32 = 1 << 18;
    pub(crate) const MILLENNIUM: u32 = 1 << 19;
}

/// The parts of a date and a time of day.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Fields {
    pub(crate) year: i32,
    pub(crate) month: i32,
    pub(crate) day: i32,
    pub(crate) day_of_year: i32,
    pub(crate) hour: i32,
    pub(crate) minute: i32,
    pub(crate) second: i32,
    pub(crate) micros: i32,
}

impl Fields {
    pub(crate) fn set_julian_day(&mut self, julian: i32) {
        (self.year, self.month, self.day) = date_from_julian(julian);
    }

    /// From microseconds since midnight.
    pub(crate) fn set_time_of_day(&mut self, micros: i64) {
        self.hour = (micros / MICROS_PER_HOUR) as i32;
        self.minute = (micros / MICROS_PER_MINUTE % 60) as i32;
        self.second = (micros / MICROS_PER_SECOND % 60) as i32;
        self.micros = (micros % MICROS_PER_SECOND) as i32;
    }

    /// Sets the time to midnight. A fraction of a second that an earlier field gave stays, as it does in the server.
    pub(crate) fn set_midnight_but_micros(&mut self) {
        (self.hour, self.minute, self.second) = (0, 0, 0);
    }

    pub(crate) fn copy_date(&mut self, other: &Fields) {
        (self.year, self.month, self.day) = (other.year, other.month, other.day);
    }

    /// Microseconds since midnight.
    pub(crate) fn time_of_day(&self) -> i64 {
        i64::from(self.seconds_of_day()) * MICROS_PER_SECOND + i64::from(self.micros)
    }

    fn seconds_of_day(&self) -> i32 {
        (self.hour * 60 + self.minute) * 60 + self.second
    }

    /// Whether the time of day is none. `24:00:00` and a second of 60 are one.
    pub(crate) fn is_time_out_of_range(&self) -> bool {
        !(0..=24).contains(&self.hour)
            || !(0..60).contains(&self.minute)
            || !(0..=60).contains(&self.second)
            || !(0..=MICROS_PER_SECOND as i32).contains(&self.micros)
            || self.time_of_day() > 24 * MICROS_PER_HOUR
    }

    /// The Unix time as if the fields were UTC, fractions of a second dropped. `None` when the date cannot be
    /// represented.
    fn unix_time(&self) -> Option<i64> {
        is_julian(self.year, self.month).then(|| {
            (days_from_date(self.year, self.month, self.day) + UNIX_TO_POSTGRES_DAYS) * SECONDS_PER_DAY
                + i64::from(self.seconds_of_day())
        })
    }

    /// The zone's offset at this local time, seconds west of Greenwich, and the Unix time it makes. UTC and the Unix
    /// epoch when the date cannot be represented.
    pub(crate) fn resolve(&self, zone: &Zone) -> (i32, i64) {
        match self.unix_time() {
            Some(local) => {
                let (offset, at) = zone.resolve_local(local);
                (-offset, at)
            }
            None => (0, 0),
        }
    }

    /// Seconds west of Greenwich of a lower-case abbreviation at this local time in its zone.
    pub(crate) fn resolve_abbreviation(&self, name: &[u8], zone: &Zone) -> i32 {
        let (west, at) = self.resolve(zone);
        zone.designated_offset(name, at).map_or(west, |offset| -offset)
    }
}

/// The half of the day that a time of day is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Half {
    Ante,
    Post,
}

impl Fields {
    /// Reads the hour as one of a 12-hour clock.
    fn apply_half(&mut self, half: Option<Half>) -> Result<(), Fault> {
        if half.is_some() && self.hour > 12 {
            return Err(Fault::FieldOverflow);
        }
        match half {
            Some(Half::Ante) if self.hour == 12 => self.hour = 0,
            Some(Half::Post) if self.hour != 12 => self.hour += 12,
            _ => {}
        }
        Ok(())
    }
}
