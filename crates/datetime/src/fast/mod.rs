//! Fast paths for the canonical ISO 8601 forms: eight bytes at a time, no table of words, no allocation. They answer
//! `None` for anything else, valid or not.

use std::cell::Cell;

use crate::calendar::{MICROS_PER_SECOND, SECONDS_PER_DAY};
use crate::context::Context;

/// The high bit of every byte.
const HIGH_BITS: u64 = 0x8080_8080_8080_8080;
const ZEROS: u64 = u64::from_le_bytes(*b"00000000");

/// Eight bytes from `at`, the first in the low byte.
#[inline(always)]
pub(crate) fn load(field: &[u8], at: usize) -> Option<u64> {
    field.get(at..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}

/// What must be added to a byte for its high bit to show that it is no digit (after the template is removed) or not
/// the template's separator.
pub(crate) const fn excess(template: &[u8; 8]) -> u64 {
    let mut bytes = [0; 8];
    let mut index = 0;
    while index < 8 {
        bytes[index] = if template[index] == b'0' { 0x76 } else { 0x7f };
        index += 1;
    }
    u64::from_le_bytes(bytes)
}

/// Whether a word is shaped like `template`, in which `0` stands for any digit, given the template's [`excess`].
#[inline(always)]
pub(crate) fn matches_template(word: u64, template: u64, excess: u64) -> bool {
    let digits = word ^ template;
    (digits.wrapping_add(excess) | digits) & HIGH_BITS == 0
}

/// The digits of a word shaped like `template`, in which `0` stands for any digit; separators become 0.
macro_rules! digits {
    ($word:expr, $template:literal) => {{
        const TEMPLATE: u64 = u64::from_le_bytes(*$template);
        const EXCESS: u64 = excess($template);
        let digits: u64 = $word ^ TEMPLATE;
        // A carry out of a byte needs its high bit, which is tested too.
        if (digits.wrapping_add(EXCESS) | digits) & HIGH_BITS != 0 { None } else { Some(digits) }
    }};
}

/// Every byte times ten plus the next byte: the two-digit numbers that start at each byte.
#[inline(always)]
fn pairs(digits: u64) -> u64 {
    digits.wrapping_mul(10).wrapping_add(digits >> 8)
}

#[inline(always)]
fn byte(word: u64, index: u32) -> u32 {
    (word >> (index * 8)) as u32 & 0xff
}

/// Days from 0000-03-01 to the first of each month of a year that starts in March. January and February belong to the
/// year before.
const DAYS_BEFORE_MONTH: [u16; 12] = [306, 337, 0, 31, 61, 92, 122, 153, 184, 214, 245, 275];
const MONTH_DAYS: [u8; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
/// Days from 0000-03-01 to 2000-01-01.
const POSTGRES_EPOCH: i32 = 730_425;

/// Days since 2000-01-01. `None` when there is no such day; year 0 is none.
#[inline(always)]
pub(crate) fn days(year: u32, month: u32, day: u32) -> Option<i32> {
    let index = month.wrapping_sub(1) as usize;
    let month_days = u32::from(*MONTH_DAYS.get(index)?);
    if day.wrapping_sub(1) >= month_days {
        let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        if !(month == 2 && day == 29 && is_leap) {
            return None;
        }
    }
    if year == 0 {
        return None;
    }
    let year = year - u32::from(month <= 2);
    let century = year / 100;
    let days = year * 365 + year / 4 - century + century / 4 + u32::from(DAYS_BEFORE_MONTH[index]) + day - 1;
    Some(days as i32 - POSTGRES_EPOCH)
}

/// Year and month of `YYYY-MM-`.
#[inline(always)]
fn year_and_month(word: u64) -> Option<(u32, u32)> {
    let pairs = pairs(digits!(word, b"0000-00-")?);
    Some((byte(pairs, 0) * 100 + byte(pairs, 2), byte(pairs, 5)))
}

/// The microseconds of `.f{1,9}`, the last bytes of a field that is longer than eight bytes.
#[inline(always)]
fn fraction(field: &[u8], point: usize) -> Option<i64> {
    if field[point] != b'.' {
        return None;
    }
    let count = field.len() - (point + 1);
    if count.wrapping_sub(1) >= 6 {
        return long_fraction(&field[point + 1..]);
    }
    // The digits in the low bytes, zeros after them as far as eight digits.
    let shift = 8 * (8 - count as u32);
    let digits = (load(field, field.len() - 8)? >> shift) ^ (ZEROS >> shift);
    if (digits.wrapping_add(0x7676_7676_7676_7676) | digits) & HIGH_BITS != 0 {
        return None;
    }
    let pairs = pairs(digits) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs * 100).wrapping_add(pairs >> 16) & 0x0000_ffff_0000_ffff;
    let eights = fours.wrapping_mul(10_000).wrapping_add(fours >> 32) as u32;
    Some(i64::from(eights / 100))
}

/// The microseconds that seven to nine digits of a second round to.
fn long_fraction(digits: &[u8]) -> Option<i64> {
    if !(7..=9).contains(&digits.len()) || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let (value, scale) = digits.iter().fold((0, 1), |(value, scale), digit| {
        let (value, scale): (u32, u32) = (value, scale);
        (value * 10 + u32::from(digit - b'0'), scale * 10)
    });
    // Dividing two exact numbers gives the double nearest to the fraction, which is what the server rounds.
    Some((f64::from(value) / f64::from(scale) * 1_000_000.0).round_ties_even() as i64)
}

/// `YYYY-MM-DD` as days since 2000-01-01.
#[inline(always)]
pub fn fast_date(buffer: &[u8], start: usize, end: usize) -> Option<i32> {
    let field = buffer.get(start..end)?;
    if field.len() != 10 {
        return None;
    }
    let (year, month) = year_and_month(load(field, 0)?)?;
    let day = pairs(digits!(load(field, 2)?, b"00-00-00")?);
    days(year, month, byte(day, 6))
}

/// `HH:MM:SS[.f{1,9}]` as microseconds since midnight.
#[inline(always)]
pub fn fast_time(buffer: &[u8], start: usize, end: usize) -> Option<i64> {
    let field = buffer.get(start..end)?;
    let pairs = pairs(digits!(load(field, 0)?, b"00:00:00")?);
    let (hour, minute, second) = (byte(pairs, 0), byte(pairs, 3), byte(pairs, 6));
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let micros = if field.len() == 8 { 0 } else { fraction(field, 8)? };
    Some(i64::from(hour * 3600 + minute * 60 + second) * MICROS_PER_SECOND + micros)
}

/// The date that was read last. Rows of a file are mostly in the order of time, so that the next one is of the same day: to see that
/// takes a fraction of reading it.
#[derive(Clone, Debug, Default)]
pub struct DateCache {
    /// `YYYY-MM-` and, in the low bytes, `DD`; zeros, which no date is, at first.
    text: Cell<(u64, u64)>,
    days: Cell<i32>,
}

impl DateCache {
    /// Days since 2000-01-01 of the date whose first eight bytes are `year_month` and whose last two are the low ones of `day`.
    #[inline(always)]
    fn days(&self, year_month: u64, day: u64) -> Option<i32> {
        let text = (year_month, day & 0xffff);
        if self.text.get() == text {
            return Some(self.days.get());
        }
        let days = self.read(text)?;
        self.text.set(text);
        self.days.set(days);
        Some(days)
    }

    #[inline]
    fn read(&self, (year_month, day): (u64, u64)) -> Option<i32> {
        let (year, month) = year_and_month(year_month)?;
        // As two zeros in front of the six digits that `digits!` takes beside them.
        let day = pairs(digits!(day | ZEROS << 16, b"00000000")?);
        days(year, month, byte(day, 0))
    }
}

/// A local time since 2000-01-01.
#[derive(Clone, Copy)]
struct Local {
    seconds: i64,
    micros: i64,
}

impl Local {
    /// Reads `YYYY-MM-DD[ T]HH:MM[:SS[.f{1,9}]]`.
    #[inline(always)]
    fn parse(field: &[u8], dates: &DateCache) -> Option<Local> {
        let year_month = load(field, 0)?;
        let word = load(field, 8)?;
        // `T` becomes the space that the template has.
        let word = if byte(word, 2) == u32::from(b'T') { word ^ (u64::from(b'T' ^ b' ') << 16) } else { word };
        let middle = pairs(digits!(word, b"00 00:00")?);
        let (hour, minute) = (byte(middle, 3), byte(middle, 6));
        if hour > 23 || minute > 59 {
            return None;
        }
        let minutes = i64::from(dates.days(year_month, word)?) * SECONDS_PER_DAY + i64::from(hour * 3600 + minute * 60);
        if field.len() == 16 {
            return Some(Local { seconds: minutes, micros: 0 });
        }
        let second = byte(pairs(digits!(load(field, 11)?, b"00:00:00")?), 6);
        if second > 59 {
            return None;
        }
        let micros = if field.len() == 19 { 0 } else { fraction(field, 19)? };
        Some(Local { seconds: minutes + i64::from(second), micros })
    }

    /// Microseconds since 2000-01-01 00:00:00 UTC, given the seconds east of Greenwich.
    #[inline(always)]
    fn at_offset(self, east: i64) -> i64 {
        (self.seconds - east) * MICROS_PER_SECOND + self.micros
    }
}

/// `YYYY-MM-DD[ T]HH:MM[:SS[.f{1,9}]]` as microseconds since 2000-01-01.
#[inline(always)]
pub fn fast_timestamp(buffer: &[u8], start: usize, end: usize, dates: &DateCache) -> Option<i64> {
    Local::parse(buffer.get(start..end)?, dates).map(|local| local.at_offset(0))
}

/// What may follow a timestamp.
#[derive(Clone, Copy)]
enum Suffix {
    /// Nothing: the session's zone.
    None,
    /// Seconds east of Greenwich.
    Offset(i64),
}

/// A timestamp, then `Z`, `±HH`, `±HH:MM` or nothing.
#[inline(always)]
fn zoned(field: &[u8], context: &Context, dates: &DateCache) -> Option<(Local, Suffix)> {
    // Where a displacement can start: after the minutes at least.
    const EARLIEST: usize = 16;
    if !context.has_iso_letters {
        return None;
    }
    let len = field.len();
    if len <= EARLIEST {
        return Some((Local::parse(field, dates)?, Suffix::None));
    }
    if field[len - 1] == b'Z' {
        return Some((Local::parse(&field[..len - 1], dates)?, Suffix::Offset(0)));
    }
    for digits in [3, 6] {
        if len - digits >= EARLIEST && matches!(field[len - digits], b'+' | b'-') {
            let (time, displacement) = field.split_at(len - digits);
            return Some((Local::parse(time, dates)?, Suffix::Offset(displacement_seconds(displacement)?)));
        }
    }
    Some((Local::parse(field, dates)?, Suffix::None))
}

/// [`fast_timestamp`]'s form, then `Z`, `±HH` or `±HH:MM`, or nothing, which means the session's zone. Microseconds
/// since 2000-01-01 00:00:00 UTC.
#[inline(always)]
pub fn fast_timestamptz(buffer: &[u8], start: usize, end: usize, context: &Context, dates: &DateCache) -> Option<i64> {
    let (local, suffix) = zoned(buffer.get(start..end)?, context, dates)?;
    let offset = match suffix {
        Suffix::Offset(offset) => offset,
        Suffix::None => i64::from(context.local_offsets.get(local.seconds)?),
    };
    Some(local.at_offset(offset))
}

/// [`fast_timestamptz`]'s forms for a `timestamp`, which ignores the zone.
#[inline]
pub(crate) fn fast_timestamp_of_zoned(field: &[u8], context: &Context) -> Option<i64> {
    zoned(field, context, &DateCache::default()).map(|(local, _)| local.at_offset(0))
}

/// [`fast_timestamptz`]'s forms for a `date`, which ignores the time and the zone.
#[inline]
pub(crate) fn fast_date_of_zoned(field: &[u8], context: &Context) -> Option<i32> {
    // A fraction may round to midnight, and the date is still the one that is written.
    zoned(field, context, &DateCache::default()).map(|(local, _)| local.seconds.div_euclid(SECONDS_PER_DAY) as i32)
}

/// Seconds east of Greenwich of `±HH` or `±HH:MM`.
#[inline(always)]
fn displacement_seconds(text: &[u8]) -> Option<i64> {
    let two_digits = |tens: u8, ones: u8| {
        let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
        (tens <= 9 && ones <= 9).then(|| i64::from(tens * 10 + ones))
    };
    let (hours, minutes) = match *text {
        [_, h1, h2] => (two_digits(h1, h2)?, 0),
        [_, h1, h2, b':', m1, m2] => (two_digits(h1, h2)?, two_digits(m1, m2)?),
        _ => return None,
    };
    if hours > 15 || minutes > 59 {
        return None;
    }
    let seconds = hours * 3600 + minutes * 60;
    debug_assert!(seconds < SECONDS_PER_DAY);
    Some(if text[0] == b'-' { -seconds } else { seconds })
}

#[cfg(test)]
mod tests;
