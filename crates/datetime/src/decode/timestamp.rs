//! Fields to a date and time of day with a time zone: the decoder of `date`, `timestamp` and `timestamptz`.

use std::sync::Arc;

use super::displacement::displacement;
use super::number::DateShape;
use super::{Fields, Half, part};
use crate::calendar::{MICROS_PER_DAY, SECONDS_PER_DAY};
use crate::context::{Context, ZoneAbbreviation};
use crate::fault::Fault;
use crate::keyword::{DateWord, date_word};
use crate::number::{fraction, integer32};
use crate::token::{Kind, Tokens};
use crate::zone::Zone;

/// What a literal denotes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Moment {
    /// Local fields and their zone, seconds west of Greenwich.
    At(Fields, i32),
    Epoch,
    Infinity,
    NegativeInfinity,
}

/// A word that says what the next number is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Prefix {
    Julian,
    Time,
    /// A unit that announces nothing readable.
    Other,
}

/// A zone that needs the date to give an offset.
pub(super) enum PendingZone<'a> {
    Named(Arc<Zone>),
    Abbreviated(&'a [u8], Arc<Zone>),
}

/// The decoder's state between fields.
struct Decoder<'a> {
    context: &'a Context,
    fields: Fields,
    /// Seconds west of Greenwich.
    zone: i32,
    pending: Pending<'a>,
    seen: u32,
    shape: DateShape,
    prefix: Option<Prefix>,
    half: Option<Half>,
    is_julian_day: bool,
    before_christ: bool,
    special: Option<Moment>,
}

/// A literal may name a zone in full and by abbreviation only by mistake, which the parts seen reveal.
#[derive(Default)]
pub(super) struct Pending<'a>(Option<PendingZone<'a>>);

impl<'a> Pending<'a> {
    pub(super) fn set(&mut self, zone: PendingZone<'a>) {
        self.0 = Some(zone);
    }

    pub(super) fn get(&self) -> Option<&PendingZone<'a>> {
        self.0.as_ref()
    }
}

/// Decodes the fields of a literal.
pub(crate) fn timestamp(tokens: &Tokens, context: &Context) -> Result<Moment, Fault> {
    let mut decoder = Decoder {
        context,
        fields: Fields::default(),
        zone: 0,
        pending: Pending::default(),
        seen: 0,
        shape: DateShape::default(),
        prefix: None,
        half: None,
        is_julian_day: false,
        before_christ: false,
        special: None,
    };
    for (kind, text) in tokens.iter() {
        let found = match kind {
            Kind::Date => decoder.date(text)?,
            Kind::Time => decoder.time(text)?,
            Kind::Displacement => {
                decoder.zone = displacement(text)?;
                part::ZONE
            }
            Kind::Number => decoder.number(text)?,
            Kind::Word | Kind::SignedWord => match decoder.word(text)? {
                Some(found) => found,
                None => continue,
            },
        };
        if decoder.seen & found != 0 {
            return Err(Fault::BadFormat);
        }
        decoder.seen |= found;
    }
    decoder.finish()
}

impl<'a> Decoder<'a> {
    /// Ends a `t` prefix. Any other prefix cannot stand before a time.
    fn end_time_prefix(&mut self) -> Result<(), Fault> {
        match self.prefix.take() {
            None | Some(Prefix::Time) => Ok(()),
            Some(_) => Err(Fault::BadFormat),
        }
    }

    fn date(&mut self, text: &'a [u8]) -> Result<u32, Fault> {
        if self.prefix == Some(Prefix::Julian) {
            // A Julian day with its zone attached: `J2451187-08`.
            self.prefix = None;
            let (julian, rest) = integer32(text);
            let julian = julian.filter(|julian| *julian >= 0).ok_or(Fault::FieldOverflow)?;
            self.fields.set_julian_day(julian);
            self.is_julian_day = true;
            self.zone = displacement(rest)?;
            return Ok(part::DATE | part::TIME | part::ZONE);
        }
        const MONTH_AND_DAY: u32 = part::MONTH | part::DAY;
        if self.prefix.is_none() && self.seen & MONTH_AND_DAY != MONTH_AND_DAY {
            return self.fields.set_date(text, self.seen, &mut self.shape, self.context.date_order);
        }
        // After the date: a zone's name with punctuation, or a run-together time with its zone attached.
        if self.prefix.is_none() && !text[0].is_ascii_digit() {
            let zone = self.context.zone_named(text).ok_or_else(|| unknown_zone(text))?;
            self.pending.set(PendingZone::Named(zone));
            return Ok(part::ZONE);
        }
        self.end_time_prefix()?;
        if self.seen & part::TIME == part::TIME {
            return Err(Fault::BadFormat);
        }
        let (time, zone) = split_displacement(text)?;
        self.zone = displacement(zone)?;
        Ok(self.fields.set_run_together(time, self.seen, &mut self.shape)? | part::ZONE)
    }

    fn time(&mut self, text: &[u8]) -> Result<u32, Fault> {
        self.end_time_prefix()?;
        self.fields.set_clock(text)?;
        if self.fields.is_time_out_of_range() {
            return Err(Fault::FieldOverflow);
        }
        Ok(part::TIME)
    }

    fn number(&mut self, text: &[u8]) -> Result<u32, Fault> {
        if let Some(prefix) = self.prefix.take() {
            return prefixed_number(
                &mut self.fields,
                text,
                prefix,
                self.seen,
                &mut self.shape,
                &mut self.is_julian_day,
            );
        }
        let (seen, order) = (self.seen, self.context.date_order);
        match text.iter().position(|&byte| byte == b'.') {
            Some(_) if seen & part::DATE == 0 => self.fields.set_date(text, seen, &mut self.shape, order),
            Some(digits) if digits > 2 => self.fields.set_run_together(text, seen, &mut self.shape),
            _ if text.len() >= 6 && (seen & part::DATE == 0 || seen & part::TIME == 0) => {
                self.fields.set_run_together(text, seen, &mut self.shape)
            }
            _ => self.fields.set_number(text, seen, &mut self.shape, order),
        }
    }

    /// The parts that a word gives; `None` for a word without meaning.
    fn word(&mut self, text: &'a [u8]) -> Result<Option<u32>, Fault> {
        if let Some(abbreviation) = self.context.abbreviation(text) {
            return Ok(Some(match abbreviation {
                ZoneAbbreviation::Fixed { offset, is_daylight } => {
                    self.zone = -offset;
                    part::ZONE | if is_daylight { part::DAYLIGHT_ZONE } else { 0 }
                }
                ZoneAbbreviation::Varying(zone) => {
                    self.pending.set(PendingZone::Abbreviated(text, zone));
                    part::ZONE | part::VARYING_ZONE
                }
            }));
        }
        const EVERYTHING: u32 = part::DATE | part::TIME | part::ZONE;
        let Some(word) = date_word(text) else {
            let zone = self.context.zone_named(text).ok_or(Fault::BadFormat)?;
            self.pending.set(PendingZone::Named(zone));
            return Ok(Some(part::ZONE));
        };
        Ok(Some(match word {
            DateWord::Ignored => return Ok(None),
            DateWord::Now => {
                self.fields = self.context.now;
                self.zone = -self.context.now_offset;
                EVERYTHING
            }
            DateWord::Today => self.relative_day(0),
            DateWord::Tomorrow => self.relative_day(1),
            DateWord::Yesterday => self.relative_day(-1),
            DateWord::Zulu => {
                self.fields.set_midnight_but_micros();
                self.zone = 0;
                part::TIME | part::ZONE
            }
            DateWord::Epoch => self.special(Moment::Epoch),
            DateWord::Infinity => self.special(Moment::Infinity),
            DateWord::NegativeInfinity => self.special(Moment::NegativeInfinity),
            DateWord::Month(month) => {
                // `8 Jan`: what looked like the month was the day.
                let number_was_day = self.seen & part::MONTH != 0
                    && !self.shape.month_word
                    && self.seen & part::DAY == 0
                    && (1..=31).contains(&self.fields.month);
                self.shape.month_word = true;
                let number = std::mem::replace(&mut self.fields.month, month);
                if number_was_day {
                    self.fields.day = number;
                    part::DAY
                } else {
                    part::MONTH
                }
            }
            DateWord::Weekday => part::WEEKDAY,
            DateWord::Ante => self.half(Half::Ante),
            DateWord::Post => self.half(Half::Post),
            DateWord::Anno => self.era(false),
            DateWord::BeforeChrist => self.era(true),
            DateWord::DaylightSaving => {
                self.zone -= 3600;
                part::DAYLIGHT_MODIFIER | part::DAYLIGHT_ZONE
            }
            DateWord::Julian => self.announce(Prefix::Julian)?,
            DateWord::MinutePrefix | DateWord::OtherUnit => self.announce(Prefix::Other)?,
            DateWord::TimePrefix => {
                if self.seen & part::DATE != part::DATE {
                    return Err(Fault::BadFormat);
                }
                self.announce(Prefix::Time)?
            }
        }))
    }

    fn relative_day(&mut self, days: i32) -> u32 {
        let now = &self.context.now;
        self.fields.set_julian_day(crate::calendar::julian_from_date(now.year, now.month, now.day) + days);
        part::DATE
    }

    fn special(&mut self, moment: Moment) -> u32 {
        self.special = Some(moment);
        part::DATE | part::TIME | part::ZONE
    }

    fn half(&mut self, half: Half) -> u32 {
        self.half = Some(half);
        part::HALF_OF_DAY
    }

    fn era(&mut self, before_christ: bool) -> u32 {
        self.before_christ = before_christ;
        part::ERA
    }

    fn announce(&mut self, prefix: Prefix) -> Result<u32, Fault> {
        if self.prefix.replace(prefix).is_some() {
            return Err(Fault::BadFormat);
        }
        Ok(0)
    }

    fn finish(mut self) -> Result<Moment, Fault> {
        if self.prefix.is_some() {
            return Err(Fault::BadFormat);
        }
        if let Some(special) = self.special {
            return Ok(special);
        }
        self.fields.validate_date(self.seen, self.is_julian_day, self.shape, self.before_christ)?;
        self.fields.apply_half(self.half)?;
        if self.seen & part::DATE != part::DATE {
            return Err(Fault::BadFormat);
        }
        let pending = self.pending.get();
        let needs_session_zone = self.seen & part::ZONE == 0;
        if self.seen & part::DAYLIGHT_MODIFIER != 0 && (pending.is_some() || needs_session_zone) {
            // Only a zone of fixed offset can be shifted.
            return Err(Fault::BadFormat);
        }
        let zone = match pending {
            Some(PendingZone::Named(zone)) => self.fields.resolve(zone).0,
            Some(PendingZone::Abbreviated(name, zone)) => self.fields.resolve_abbreviation(name, zone),
            None if needs_session_zone => self.fields.resolve(&self.context.zone).0,
            None => self.zone,
        };
        Ok(Moment::At(self.fields, zone))
    }
}

pub(super) fn unknown_zone(name: &[u8]) -> Fault {
    Fault::UnknownTimeZone(String::from_utf8_lossy(name).into_owned())
}

/// Splits before the first minus sign.
pub(super) fn split_displacement(text: &[u8]) -> Result<(&[u8], &[u8]), Fault> {
    let minus = text.iter().position(|&byte| byte == b'-').ok_or(Fault::BadFormat)?;
    Ok(text.split_at(minus))
}

/// Reads the number after a word that says what it is.
pub(super) fn prefixed_number(
    fields: &mut Fields,
    text: &[u8],
    prefix: Prefix,
    seen: u32,
    shape: &mut DateShape,
    is_julian_day: &mut bool,
) -> Result<u32, Fault> {
    let (value, rest) = integer32(text);
    let value = value.ok_or(Fault::FieldOverflow)?;
    if !matches!(rest.first(), None | Some(b'.')) {
        return Err(Fault::BadFormat);
    }
    match prefix {
        Prefix::Julian => {
            if value < 0 {
                return Err(Fault::FieldOverflow);
            }
            fields.set_julian_day(value);
            *is_julian_day = true;
            if rest.is_empty() {
                return Ok(part::DATE);
            }
            let micros = fraction(rest)? * MICROS_PER_DAY as f64;
            debug_assert!(micros <= (SECONDS_PER_DAY * 1_000_000) as f64);
            fields.set_time_of_day(micros as i64);
            Ok(part::DATE | part::TIME)
        }
        Prefix::Time => match fields.set_run_together(text, seen | part::DATE, shape)? {
            part::TIME => Ok(part::TIME),
            _ => Err(Fault::BadFormat),
        },
        Prefix::Other => Err(Fault::BadFormat),
    }
}
