//! Time zone specifications of POSIX: `EST5EDT,M3.2.0,M11.1.0`.

use super::{LocalType, Transition, Zone};
use crate::calendar::{SECONDS_PER_DAY, days_in_month, is_leap};

/// The years for which transitions are listed: more than a cycle after the last year of any IANA file.
const FIRST_YEAR: i32 = 1770;
const LAST_YEAR: i32 = 2500;

/// Rules that apply where a specification names daylight saving time without saying when.
const DEFAULT_DATES: &[u8] = b",M3.2.0,M11.1.0";

/// A day of the year.
#[derive(Clone, Copy, Debug)]
enum Day {
    /// 1 to 365, February 29 never counted.
    Julian(i32),
    /// 0 to 365.
    OfYear(i32),
    /// Month 1 to 12, week 1 to 5 (5 is the last), day 0 (Sunday) to 6.
    OfMonth(i32, i32, i32),
}

/// When clocks change: seconds from the day's midnight, in the local time before the change.
#[derive(Clone, Copy, Debug)]
struct ChangeDate {
    day: Day,
    seconds: i32,
}

impl ChangeDate {
    /// Seconds since the start of `year`, in local time. `new_year` is the weekday of January 1.
    fn in_year(self, year: i32, new_year: i32) -> i32 {
        let day = match self.day {
            Day::Julian(day) => day - 1 + i32::from(is_leap(year) && day >= 60),
            Day::OfYear(day) => day,
            Day::OfMonth(month, week, weekday) => {
                let first: i32 = (1..month).map(|month| days_in_month(year, month)).sum();
                let mut day = (weekday - new_year - first).rem_euclid(7) + 7 * (week - 1);
                while day >= days_in_month(year, month) {
                    day -= 7;
                }
                first + day
            }
        };
        day * SECONDS_PER_DAY as i32 + self.seconds
    }
}

/// A parsed specification.
#[derive(Debug)]
pub(super) struct Rules {
    standard: Vec<u8>,
    /// Seconds east of Greenwich.
    standard_offset: i32,
    daylight: Option<Daylight>,
}

#[derive(Debug)]
struct Daylight {
    abbreviation: Vec<u8>,
    offset: i32,
    start: ChangeDate,
    end: ChangeDate,
}

impl Rules {
    /// Standard time and, when observed, daylight saving time. The abbreviations' positions are not set.
    pub(super) fn types(&self) -> Vec<LocalType> {
        let mut types = vec![LocalType { offset: self.standard_offset, is_daylight: false, abbreviation: 0 }];
        types.extend(self.daylight.iter().map(|daylight| LocalType {
            offset: daylight.offset,
            is_daylight: true,
            abbreviation: 0,
        }));
        types
    }

    /// One for each of [`Rules::types`].
    pub(super) fn abbreviations(&self) -> impl Iterator<Item = &[u8]> {
        std::iter::once(&self.standard[..]).chain(self.daylight.iter().map(|daylight| &daylight.abbreviation[..]))
    }

    /// Every change in the listed years; types 0 and 1 are those of [`Rules::types`].
    pub(super) fn transitions(&self) -> impl Iterator<Item = Transition> + '_ {
        let mut transitions = Vec::new();
        if let Some(daylight) = &self.daylight {
            let mut days: i64 = (FIRST_YEAR..1970).map(|year| -365 - i64::from(is_leap(year))).sum();
            for year in FIRST_YEAR..=LAST_YEAR {
                // 1970-01-01 was a Thursday.
                let new_year = (days + 4).rem_euclid(7) as i32;
                let year_seconds = (365 + i32::from(is_leap(year))) * SECONDS_PER_DAY as i32;
                let start = daylight.start.in_year(year, new_year) - self.standard_offset;
                let end = daylight.end.in_year(year, new_year) - daylight.offset;
                let mut changes = [(start, 1), (end, 0)];
                // Daylight saving time that lasts the whole year has no changes.
                if end < start || (start < end && end - start < year_seconds + daylight.offset - self.standard_offset) {
                    changes.sort_unstable();
                    transitions.extend(changes.map(|(seconds, local_type)| Transition {
                        at: days * SECONDS_PER_DAY + i64::from(seconds),
                        local_type,
                    }));
                }
                days += i64::from(year_seconds) / SECONDS_PER_DAY;
            }
        }
        transitions.into_iter()
    }

    /// Whether there are changes at all.
    pub(super) fn is_daylight_observed(&self) -> bool {
        self.transitions().next().is_some()
    }

    /// The zone in which these rules always applied.
    pub(super) fn into_zone(self) -> Zone {
        let mut types = self.types();
        let mut abbreviations = Vec::new();
        for (local_type, name) in types.iter_mut().zip(self.abbreviations()) {
            local_type.abbreviation = abbreviations.len() as u16;
            abbreviations.extend_from_slice(name);
            abbreviations.push(0);
        }
        let transitions: Vec<Transition> = self.transitions().collect();
        let repeats = !transitions.is_empty();
        if !repeats && types.len() == 2 {
            // Perpetual daylight saving time.
            types.remove(0);
        }
        Zone { transitions, types, abbreviations, repeats_before: repeats, repeats_after: repeats }
    }
}

/// A specification in upper case. `None` when it is none.
pub(super) fn parse(text: &[u8]) -> Option<Rules> {
    let (standard, rest) = abbreviation(text)?;
    let (west, rest) = signed_time(rest)?;
    let mut rules = Rules { standard: standard.to_vec(), standard_offset: -west, daylight: None };
    if rest.is_empty() {
        return Some(rules);
    }
    let (daylight, rest) = abbreviation(rest)?;
    if daylight.is_empty() {
        return None;
    }
    let (offset, rest) = match rest.first() {
        None | Some(b',' | b';') => (rules.standard_offset + 3600, rest),
        Some(_) => {
            let (west, rest) = signed_time(rest)?;
            (-west, rest)
        }
    };
    let dates = if rest.is_empty() { DEFAULT_DATES } else { rest };
    let dates = dates.strip_prefix(b",").or_else(|| dates.strip_prefix(b";"))?;
    let (start, rest) = change_date(dates)?;
    let (end, rest) = change_date(rest.strip_prefix(b",")?)?;
    if !rest.is_empty() {
        return None;
    }
    rules.daylight = Some(Daylight { abbreviation: daylight.to_vec(), offset, start, end });
    Some(rules)
}

/// `<anything>`, or everything up to a digit, comma or sign.
fn abbreviation(text: &[u8]) -> Option<(&[u8], &[u8])> {
    if let Some(quoted) = text.strip_prefix(b"<") {
        let end = quoted.iter().position(|&byte| byte == b'>')?;
        return Some((&quoted[..end], &quoted[end + 1..]));
    }
    let end = text.iter().position(|byte| byte.is_ascii_digit() || matches!(byte, b',' | b'-' | b'+'));
    Some(text.split_at(end.unwrap_or(text.len())))
}

/// An unsigned number within bounds.
fn number(text: &[u8], least: i32, most: i32) -> Option<(i32, &[u8])> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, rest) = text.split_at(digits);
    let number = number.iter().try_fold(0, |value, digit| {
        let value = value * 10 + i32::from(digit - b'0');
        (value <= most).then_some(value)
    })?;
    (digits > 0 && number >= least).then_some((number, rest))
}

/// `[±]hh[:mm[:ss]]` in seconds. Hours go up to a week, which puts a change on another day.
fn signed_time(text: &[u8]) -> Option<(i32, &[u8])> {
    let (negative, text) = match text.first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let (hours, mut rest) = number(text, 0, 167)?;
    let mut seconds = hours * 3600;
    if let Some(text) = rest.strip_prefix(b":") {
        let minutes;
        (minutes, rest) = number(text, 0, 59)?;
        seconds += minutes * 60;
        if let Some(text) = rest.strip_prefix(b":") {
            let leap_second_allowed;
            (leap_second_allowed, rest) = number(text, 0, 60)?;
            seconds += leap_second_allowed;
        }
    }
    Some((if negative { -seconds } else { seconds }, rest))
}

fn change_date(text: &[u8]) -> Option<(ChangeDate, &[u8])> {
    let (day, rest) = match text.first()? {
        b'J' => {
            let (day, rest) = number(&text[1..], 1, 365)?;
            (Day::Julian(day), rest)
        }
        b'M' => {
            let (month, rest) = number(&text[1..], 1, 12)?;
            let (week, rest) = number(rest.strip_prefix(b".")?, 1, 5)?;
            let (weekday, rest) = number(rest.strip_prefix(b".")?, 0, 6)?;
            (Day::OfMonth(month, week, weekday), rest)
        }
        _ => {
            let (day, rest) = number(text, 0, 365)?;
            (Day::OfYear(day), rest)
        }
    };
    let (seconds, rest) = match rest.strip_prefix(b"/") {
        Some(time) => signed_time(time)?,
        None => (2 * 3600, rest),
    };
    Some((ChangeDate { day, seconds }, rest))
}
