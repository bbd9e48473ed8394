//! Dates and times in forms that a pattern describes, where the plain input functions read what PostgreSQL reads.
//!
//! A [`Pattern`] is compiled once, from one of five languages, and then reads any number of values. All languages share
//! one engine and one set of rules, which are stricter than those of the systems that the languages are from. A load
//! that stops, or sets a row aside, can be mended; one that has read a value as another one than was meant cannot.
//!
//! # What is refused when a pattern is compiled
//!
//! - A letter that is no token. The systems skip or compare it, depending on the letter; literal text is quoted here.
//!   (`T` of [`Language::Java`] is the exception, because QuestDB's own patterns have it without quotes.)
//! - A part that is given twice, and parts that contradict each other: a day of the year and a month, a Julian day and a
//!   year, the ISO year and the month, `HH24` and `AM`, a fraction in two tokens. PostgreSQL takes the last or ignores
//!   one of them.
//! - An hour of the 12-hour clock without `AM` or `PM`: PostgreSQL reads every hour as one before noon, DuckDB as one of
//!   the 24-hour clock. `HH` is moreover the 24-hour clock to Redshift.
//! - A minute where the month should be, and the other way round: `yyyy-mm-dd` to Java, `HH24:MM:SS` to PostgreSQL.
//! - `DDTHH24`: to PostgreSQL that is the ordinal ending `TH`, not a `T` and an hour.
//! - Digits of varying width directly before digits.
//! - Tokens that only writing a value has a use for: `SP`, and `TM` before anything but a name.
//!
//! # What is refused in a value
//!
//! - Anything before, between or after the tokens that the pattern does not have. PostgreSQL's `to_date` takes any
//!   separator for any other, skips literal text without a look, and ignores what follows. One or more bytes of white
//!   space match white space in the pattern, except with `FX` and in Java's patterns; around the value they do not
//!   count, except in Java's.
//! - A value that ends early. PostgreSQL takes the missing fields for 0.
//! - A year of fewer digits than the pattern has. `24` for `YYYY` is the year 24 to PostgreSQL and to DuckDB, which is
//!   never meant. Other numbers may lack their leading zeros, unless a digit follows or `FX` is set; in Java's patterns
//!   one letter is a number of any width and two are two digits.
//! - The year 0. PostgreSQL and DuckDB take it for 1 BC.
//! - A field out of its range, or a day that does not exist: day 366 of 2023 and week 53 of 2024, which DuckDB moves to
//!   another year.
//! - Names other than English ones, and names in full where the pattern has the abbreviation (but for Redshift and Java).
//!
//! # What is read that the systems refuse
//!
//! - `24:00:00` and a second of 60 with [`Language::ToChar`], [`Language::Redshift`] and [`Language::Auto`], as in a
//!   plain literal: they are the next midnight and the next minute.
//! - `infinity` and `-infinity`, as in a plain literal, for all languages and all types but times of day.
//! - `Z` for an offset of 0.
//! - The padding of `MONTH`, `DAY` and `RM` without `FM` before anything, `FX` or not: `to_char` writes `March    T10` by
//!   `Month"T"HH24`, and `to_timestamp` does not read it back.
//! - Names of time zones for `TZ`. One that only the server's own data can tell is refused, because a value in the
//!   pattern's form cannot be left to the server.
//!
//! # What is missing
//!
//! Parts that the pattern lacks are those of the language's own system: month and day are 1, the time is midnight, the
//! year is 1 BC ([`Language::ToChar`], [`Language::Redshift`]), 1970 ([`Language::Java`]) or 1900
//! ([`Language::Strptime`]). The zone is the session's. A date without any token of a date, and a time of day without any
//! token of a time, are refused before anything is read: see [`Pattern::check`].
//!
//! A zone in a value for a `timestamp` without zone is read and ignored, as in a plain literal. With [`Language::Java`] and
//! [`Language::Strptime`] it moves the value to UTC, as QuestDB and DuckDB do.
//!
//! # Tokens
//!
//! - [`Language::ToChar`]: `YYYY` `YYY` `YY` `Y` `Y,YYY` `RRRR` `RR` `CC` `IYYY` `IYY` `IY` `I` `BC` `AD` `B.C.` `A.D.`
//!   `MM` `MON` `MONTH` `RM` `DD` `DDD` `IDDD` `D` `ID` `DY` `DAY` `J` `Q` `W` `WW` `IW` `HH24` `HH12` `HH` `MI` `SS`
//!   `SSSS` `SSSSS` `MS` `US` `FF` `FF1` to `FF9` `AM` `PM` `A.M.` `P.M.` `TZ` `TZH` `TZM` `OF`, the prefixes `FX`, `FM`
//!   and `TM`, the suffix `TH`, `"literal text"`. `YY`, `YYY` and `Y` are the year nearest to 2020, `RR` is 1950 to 2049.
//!   `D`, `Q`, and the names of days are read and not checked.
//! - [`Language::Redshift`]: the same, but `HH` is `HH24`, `SS` takes a fraction, names of months and days may be in full
//!   or abbreviated; and the whole patterns of [`Language::Auto`].
//! - [`Language::Java`]: `y` `yy` (of this century) `yyyy` `M` `MM` `MMM` `MMMM` `d` `dd` `D` `DDD` `E` `u` `H` `HH` `k`
//!   `kk` `K` `KK` `h` `hh` `m` `mm` `s` `ss` `S` `SSS` (thousandths) `U` `UUU` (millionths) `N` `NNN` (billionths) `U+`
//!   `N+` (up to six or nine digits of a fraction) `a` `G` `z` `Z` `X`, `'literal text'`.
//! - [`Language::Strptime`]: `%Y` `%y` (1969 to 2068) `%m` `%d` `%b` `%h` `%B` `%a` `%A` `%w` `%u` `%j` `%U` `%W` `%G`
//!   `%V` `%H` `%I` `%p` `%M` `%S` `%f` `%g` `%n` (up to six, three, nine digits of a fraction) `%z` `%Z` `%s` `%c` `%x`
//!   `%X` `%F` `%T` `%%`, and `-` after the percent sign of a number.
//! - [`Language::Auto`]: the pattern is `auto`, `epochsecs` or `epochmillisecs`. The latter two are numbers, with a fraction
//!   or without, since 1970-01-01 00:00:00 UTC. `auto` knows these forms:
//!   - `2024-01-31`, `2024/01/31`, `2024.01.31`, `20240131`, `2024-Jan-31`, `2024-031`, `2024.031`, `J2460341`
//!   - `January 31, 2024`, `Jan 31 2024`, `Jan. 31st, 2024`, `Jan-31-2024`, `31 January 2024`, `31-Jan-2024`
//!   - `01/31/2024`, `31/01/2024`, `01.01.2024`, and with `-`: only when one order of month and day is possible. `01/02/2024`
//!     is refused, as is a year without its century.
//!   - all of them after a day of the week, and before a time: `T` or white space, then `14:05`, `14:05:06`, `14:05:06.789`,
//!     `2:05 PM`, `1405`, `140506`, then a zone: `Z`, `+02`, `+0200`, `+02:00`, `UTC`, an abbreviation or a name; and `BC`
//!     at the end.

mod auto;
mod epoch;
mod fixed;
mod java;
mod language;
mod misfit;
mod names;
mod parts;
mod program;
mod read;
mod several;
mod strptime;
mod to_char;
mod zone;

use copyist_core::{DataError, Result};

pub use language::{Kind, Language, PatternError};
pub use several::Patterns;

use crate::calendar::{
    MICROS_PER_DAY, MICROS_PER_SECOND, days_from_date, is_date_in_range, is_julian, is_timestamp_in_range,
};
use crate::context::Context;
use crate::decode::Fields;
use crate::fast::{DateCache, fast_date, fast_time, fast_timestamp, fast_timestamptz};
use crate::time::rounded;
use fixed::Fixed;
use misfit::{Misfit, Reason};
use parts::{CLOCK, DATE, Parts, ZONE, ZoneFound};
use program::{Program, Step};

#[derive(Clone, Debug)]
enum Body {
    Program(Program, Option<Fixed>),
    Auto,
    Epoch(epoch::Unit),
}

/// A compiled pattern.
#[derive(Clone, Debug)]
pub struct Pattern {
    text: Box<str>,
    language: Language,
    body: Body,
}

impl Pattern {
    /// Compiles a pattern.
    ///
    /// # Errors
    ///
    /// The first token that is unknown, doubled, ambiguous or contradictory, and what to write instead.
    pub fn compile(language: Language, text: &str) -> std::result::Result<Pattern, PatternError> {
        let body = match (language, text) {
            (Language::Auto | Language::Redshift, "auto") => Body::Auto,
            (Language::Auto | Language::Redshift, "epochsecs") => Body::Epoch(epoch::Unit::Second),
            (Language::Auto | Language::Redshift, "epochmillisecs") => Body::Epoch(epoch::Unit::Millisecond),
            (Language::Auto, _) => {
                let hint = "Write auto, epochsecs or epochmillisecs, in lower case.";
                return Err(PatternError::new(text, 0, "is not known", hint));
            }
            (Language::Redshift, _)
                if ["auto", "epochsecs", "epochmillisecs"].iter().any(|word| text.eq_ignore_ascii_case(word)) =>
            {
                return Err(PatternError::new(
                    text,
                    0,
                    "is not in lower case",
                    format!("Write {}.", text.to_ascii_lowercase()),
                ));
            }
            (Language::ToChar, _) => Body::program(to_char::compile(text, to_char::Reading::PostgreSql)?),
            (Language::Redshift, _) => {
                Body::program(to_char::with_fraction(to_char::compile(text, to_char::Reading::Redshift)?))
            }
            (Language::Java, _) => Body::program(java::compile(text)?),
            (Language::Strptime, _) => Body::program(strptime::compile(text)?),
        };
        Ok(Pattern { text: text.into(), language, body })
    }

    /// The pattern as it was given.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The language it is written in.
    pub fn language(&self) -> Language {
        self.language
    }

    /// Whether it has the parts that values of the kind need: some token of a date, or of a time of day. What else it has
    /// is read, checked and dropped.
    pub fn reads(&self, kind: Kind) -> bool {
        match &self.body {
            Body::Program(program, _) => program.reads(kind),
            Body::Auto => true,
            Body::Epoch(_) => !matches!(kind, Kind::Time | Kind::TimeTz),
        }
    }

    /// [`Pattern::reads`] for a statement that gives the pattern to a column of the kind.
    ///
    /// # Errors
    ///
    /// The part that is missing.
    pub fn check(&self, kind: Kind) -> std::result::Result<(), PatternError> {
        if self.reads(kind) {
            return Ok(());
        }
        let part = if matches!(kind, Kind::Time | Kind::TimeTz) { "time of day" } else { "date" };
        let problem = format!("has no token of a {part} and cannot read a column of type {}", kind.type_name());
        Err(PatternError::new(
            &self.text,
            0,
            problem,
            format!("Add the tokens of the {part}, or give the column another pattern."),
        ))
    }

    /// Reads a `date`: days since 2000-01-01. `i32::MAX` and `i32::MIN` are `infinity` and `-infinity`. A time in the
    /// value is checked and dropped.
    ///
    /// # Errors
    ///
    /// `22007` for what does not fit the pattern and `22008` for what is out of range, in the words of PostgreSQL's
    /// `to_date`; `22023` and `0A000` for zones that are not known, or only to the server.
    #[inline]
    pub fn date(&self, value: &[u8], context: &Context) -> Result<i32> {
        match self.try_date(value, context) {
            Ok(days) => Ok(days),
            Err(misfit) => {
                recover(value, misfit, i32::MIN, i32::MAX).map_err(|misfit| self.error(misfit, Kind::Date, value))
            }
        }
    }

    /// Reads a `time(digits)`: microseconds since midnight. A date and a zone in the value are checked and dropped.
    ///
    /// # Errors
    ///
    /// Those of [`Pattern::date`].
    #[inline]
    pub fn time(&self, value: &[u8], digits: Option<u8>, context: &Context) -> Result<i64> {
        match self.try_time(value, context) {
            Ok(micros) => Ok(rounded(micros, digits)),
            Err(misfit) => Err(self.error(misfit, Kind::Time, value)),
        }
    }

    /// Reads a `timetz(digits)`: microseconds since midnight, and the zone in seconds *west* of Greenwich.
    ///
    /// # Errors
    ///
    /// Those of [`Pattern::date`].
    pub fn timetz(&self, value: &[u8], digits: Option<u8>, context: &Context) -> Result<(i64, i32)> {
        match self.try_timetz(value, context) {
            Ok((micros, west)) => Ok((rounded(micros, digits), west)),
            Err(misfit) => Err(self.error(misfit, Kind::TimeTz, value)),
        }
    }

    /// Reads a `timestamp(digits)`: microseconds since 2000-01-01. `i64::MAX` and `i64::MIN` are `infinity` and
    /// `-infinity`.
    ///
    /// # Errors
    ///
    /// Those of [`Pattern::date`].
    #[inline]
    pub fn timestamp(&self, value: &[u8], digits: Option<u8>, context: &Context) -> Result<i64> {
        match self.try_timestamp(value, digits, context) {
            Ok(micros) => Ok(micros),
            Err(misfit) => {
                recover(value, misfit, i64::MIN, i64::MAX).map_err(|misfit| self.error(misfit, Kind::Timestamp, value))
            }
        }
    }

    /// Reads a `timestamptz(digits)`: microseconds since 2000-01-01 00:00:00 UTC. `i64::MAX` and `i64::MIN` are `infinity`
    /// and `-infinity`. Without a zone the session's applies.
    ///
    /// # Errors
    ///
    /// Those of [`Pattern::date`].
    #[inline]
    pub fn timestamptz(&self, value: &[u8], digits: Option<u8>, context: &Context) -> Result<i64> {
        match self.try_timestamptz(value, digits, context) {
            Ok(micros) => Ok(micros),
            Err(misfit) => recover(value, misfit, i64::MIN, i64::MAX)
                .map_err(|misfit| self.error(misfit, Kind::TimestampTz, value)),
        }
    }

    #[cold]
    fn error(&self, mut misfit: Misfit, kind: Kind, value: &[u8]) -> Box<DataError> {
        // What a zone means is seen after its token.
        if let (Reason::UnknownZone { .. }, Body::Program(program, _)) = (misfit.reason, &self.body)
            && let Some(item) = program.items.iter().find(|item| matches!(item.step, Step::Zone(_)))
        {
            misfit.token = (item.start, item.end);
        }
        misfit.into_error(kind.type_name(), &self.text, value)
    }

    /// The parts of a value of the kind. Not for [`Body::Epoch`].
    fn parts(&self, value: &[u8], kind: Kind) -> Read<Parts> {
        let parts = match &self.body {
            Body::Program(program, _) if program.reads(kind) => program.read(value)?,
            Body::Auto => auto::read(value)?,
            _ => return Err(Misfit::whole(0, Reason::NoPart)),
        };
        let needed = if matches!(kind, Kind::Time | Kind::TimeTz) { CLOCK } else { DATE };
        if parts.has(needed) { Ok(parts) } else { Err(Misfit::whole(0, Reason::UnknownForm)) }
    }

    /// Whether the zone of a `timestamp` counts.
    fn local_is_utc(&self) -> bool {
        matches!(&self.body, Body::Program(program, _) if program.local_is_utc)
    }

    #[inline]
    fn try_date(&self, value: &[u8], context: &Context) -> Read<i32> {
        match &self.body {
            Body::Program(_, Some(fixed)) if fixed.has_date() => {
                if let Some(found) = fixed.read(value) {
                    return Ok(found.days);
                }
            }
            Body::Auto => {
                if let Some(days) = fast_date(value, 0, value.len()) {
                    return Ok(days);
                }
            }
            Body::Epoch(unit) => {
                let days = epoch_micros(value, *unit)?.div_euclid(MICROS_PER_DAY);
                // Every timestamp is on a date.
                return Ok(days as i32);
            }
            Body::Program(..) => {}
        }
        self.date_of_parts(value, context)
    }

    fn date_of_parts(&self, value: &[u8], context: &Context) -> Read<i32> {
        let parts = self.parts(value, Kind::Date)?;
        let fields = parts.fields().map_err(Misfit::complete)?;
        check_zone(&parts, value, &fields, context)?;
        Some(())
            .filter(|()| is_julian(fields.year, fields.month))
            .map(|()| days_from_date(fields.year, fields.month, fields.day) as i32)
            .filter(|days| is_date_in_range(*days))
            .ok_or(Misfit::complete(Reason::ValueRange))
    }

    #[inline]
    fn try_time(&self, value: &[u8], context: &Context) -> Read<i64> {
        match &self.body {
            Body::Program(program, Some(fixed)) if program.reads(Kind::Time) => {
                if let Some(found) = fixed.read(value) {
                    return Ok(found.micros);
                }
            }
            Body::Auto => {
                if let Some(micros) = fast_time(value, 0, value.len()) {
                    return Ok(micros);
                }
            }
            _ => {}
        }
        let parts = self.parts(value, Kind::Time)?;
        let fields = checked_clock(&parts)?;
        check_zone(&parts, value, &fields, context)?;
        Ok(fields.time_of_day())
    }

    fn try_timetz(&self, value: &[u8], context: &Context) -> Read<(i64, i32)> {
        let parts = self.parts(value, Kind::TimeTz)?;
        let mut fields = checked_clock(&parts)?;
        if !parts.has(DATE) {
            fields.copy_date(&context.now);
        }
        let west = zone_west(&parts, value, &fields, context)?;
        Ok((fields.time_of_day(), west))
    }

    #[inline]
    fn try_timestamp(&self, value: &[u8], digits: Option<u8>, context: &Context) -> Read<i64> {
        match &self.body {
            Body::Program(_, Some(fixed)) if fixed.has_date() => {
                if let Some(found) = fixed.read(value) {
                    let local = i64::from(found.days) * MICROS_PER_DAY + found.micros;
                    let east = found.east.filter(|_| self.local_is_utc()).unwrap_or(0);
                    return utc(local, -east, digits);
                }
            }
            Body::Auto => {
                if let Some(micros) = fast_timestamp(value, 0, value.len(), &DateCache::default()) {
                    return in_range(rounded(micros, digits));
                }
            }
            Body::Epoch(unit) => return in_range(rounded(epoch_micros(value, *unit)?, digits)),
            Body::Program(..) => {}
        }
        let (local, west) = self.moment(value, Kind::Timestamp, context)?;
        utc(local, west, digits)
    }

    #[inline]
    fn try_timestamptz(&self, value: &[u8], digits: Option<u8>, context: &Context) -> Read<i64> {
        match &self.body {
            Body::Program(_, Some(fixed)) if fixed.has_date() => {
                if let Some(found) = fixed.read(value) {
                    let local = i64::from(found.days) * MICROS_PER_DAY + found.micros;
                    let offset = found.east.or_else(|| context.local_offsets.get(local.div_euclid(MICROS_PER_SECOND)));
                    if let Some(offset) = offset {
                        return utc(local, -offset, digits);
                    }
                }
            }
            Body::Auto => {
                if let Some(micros) = fast_timestamptz(value, 0, value.len(), context, &DateCache::default()) {
                    return in_range(rounded(micros, digits));
                }
            }
            Body::Epoch(unit) => return in_range(rounded(epoch_micros(value, *unit)?, digits)),
            Body::Program(..) => {}
        }
        let (local, west) = self.moment(value, Kind::TimestampTz, context)?;
        utc(local, west, digits)
    }

    /// Local microseconds since 2000-01-01, and the zone in seconds west of Greenwich: 0 where it does not count.
    fn moment(&self, value: &[u8], kind: Kind, context: &Context) -> Read<(i64, i32)> {
        let parts = self.parts(value, kind)?;
        let fields = parts.fields().map_err(Misfit::complete)?;
        if !is_julian(fields.year, fields.month) {
            return Err(Misfit::complete(Reason::ValueRange));
        }
        let has_zone = parts.has(ZONE) || parts.zone != ZoneFound::None;
        let west = if kind == Kind::TimestampTz || (has_zone && self.local_is_utc()) {
            zone_west(&parts, value, &fields, context)?
        } else {
            check_zone(&parts, value, &fields, context)?;
            0
        };
        let local = days_from_date(fields.year, fields.month, fields.day)
            .checked_mul(MICROS_PER_DAY)
            .and_then(|days| days.checked_add(fields.time_of_day()))
            .ok_or(Misfit::complete(Reason::ValueRange))?;
        Ok((local, west))
    }
}

impl Body {
    fn program(program: Program) -> Body {
        let fixed = Fixed::of(&program.items);
        Body::Program(program, fixed)
    }
}

/// A value, or why there is none.
type Read<T> = std::result::Result<T, Misfit>;

/// Whether the value is `infinity`, and if so whether it is negative.
fn infinity(value: &[u8]) -> Option<bool> {
    let text = value.trim_ascii();
    let is = |word: &[u8]| text.eq_ignore_ascii_case(word);
    if is(b"infinity") || is(b"+infinity") { Some(false) } else { is(b"-infinity").then_some(true) }
}

#[cold]
fn recover<T>(value: &[u8], misfit: Misfit, least: T, greatest: T) -> Read<T> {
    match infinity(value) {
        Some(true) => Ok(least),
        Some(false) => Ok(greatest),
        None => Err(misfit),
    }
}

/// The time of day, with the date checked if there is one.
fn checked_clock(parts: &Parts) -> Read<Fields> {
    let fields = if parts.has(DATE) { parts.fields() } else { parts.clock() };
    fields.map_err(Misfit::complete)
}

fn zone_west(parts: &Parts, value: &[u8], fields: &Fields, context: &Context) -> Read<i32> {
    parts.zone_west(value, fields, context).map_err(|(at, reason)| Misfit::whole(at, reason))
}

/// A zone that is dropped must still be one.
fn check_zone(parts: &Parts, value: &[u8], fields: &Fields, context: &Context) -> Read<()> {
    match parts.zone {
        ZoneFound::Word(..) => zone_west(parts, value, fields, context).map(|_| ()),
        ZoneFound::None | ZoneFound::Offset(_) => Ok(()),
    }
}

fn epoch_micros(value: &[u8], unit: epoch::Unit) -> Read<i64> {
    let micros = epoch::read(value, unit).map_err(|(at, reason)| Misfit::whole(at, reason))?;
    in_range(micros)
}

#[inline]
fn in_range(micros: i64) -> Read<i64> {
    if is_timestamp_in_range(micros) { Ok(micros) } else { Err(Misfit::complete(Reason::ValueRange)) }
}

#[inline]
fn utc(local: i64, west: i32, digits: Option<u8>) -> Read<i64> {
    match local.checked_add(i64::from(west) * MICROS_PER_SECOND) {
        Some(micros) => in_range(micros).and_then(|micros| in_range(rounded(micros, digits))),
        None => Err(Misfit::complete(Reason::ValueRange)),
    }
}

#[cfg(test)]
mod tests;
