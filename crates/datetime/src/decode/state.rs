//! What the decoders of moments and of times of day have in common.

use std::sync::Arc;

use super::displacement::displacement;
use super::number::DateShape;
use super::{Fields, Half, part};
use crate::calendar::MICROS_PER_DAY;
use crate::context::{Context, ZoneAbbreviation};
use crate::fault::Fault;
use crate::keyword::DateWord;
use crate::number::{fraction, integer32};
use crate::zone::Zone;

/// A word that says what the next number is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Prefix {
    Julian,
    Time,
    /// A unit that announces nothing readable.
    Other,
}

/// A zone that needs the date to give an offset.
#[derive(Clone, Debug)]
pub(super) enum PendingZone<'a> {
    Named(Arc<Zone>),
    Abbreviated(&'a [u8], Arc<Zone>),
}

/// A decoder's state between fields.
pub(super) struct State<'a> {
    pub(super) context: &'a Context,
    pub(super) fields: Fields,
    /// Seconds west of Greenwich, unless a zone is pending.
    pub(super) zone: i32,
    pub(super) pending: Option<PendingZone<'a>>,
    /// The parts that the literal has given.
    pub(super) seen: u32,
    pub(super) shape: DateShape,
    pub(super) prefix: Option<Prefix>,
    half: Option<Half>,
    pub(super) is_julian_day: bool,
    is_before_christ: bool,
}

impl<'a> State<'a> {
    pub(super) fn new(context: &'a Context) -> State<'a> {
        State {
            context,
            fields: Fields::default(),
            zone: 0,
            pending: None,
            seen: 0,
            shape: DateShape::default(),
            prefix: None,
            half: None,
            is_julian_day: false,
            is_before_christ: false,
        }
    }

    /// Notes the parts that a field gave. None may come twice.
    pub(super) fn note(&mut self, found: u32) -> Result<(), Fault> {
        if self.seen & found != 0 {
            return Err(Fault::BadFormat);
        }
        self.seen |= found;
        Ok(())
    }

    /// A numeric zone.
    pub(super) fn displacement(&mut self, text: &[u8]) -> Result<u32, Fault> {
        self.zone = displacement(text)?;
        Ok(part::ZONE)
    }

    /// A date in one field.
    pub(super) fn date(&mut self, text: &[u8]) -> Result<u32, Fault> {
        self.fields.set_date(text, self.seen, &mut self.shape, self.context.date_order)
    }

    /// A run-together time with its zone attached: `040506-08`.
    pub(super) fn time_and_displacement(&mut self, text: &[u8], seen: u32) -> Result<u32, Fault> {
        if self.seen & part::TIME == part::TIME {
            return Err(Fault::BadFormat);
        }
        let minus = text.iter().position(|&byte| byte == b'-').ok_or(Fault::BadFormat)?;
        let (time, zone) = text.split_at(minus);
        let zone = self.displacement(zone)?;
        Ok(self.fields.set_run_together(time, seen, &mut self.shape)? | zone)
    }

    /// Ends a `t` prefix. Any other prefix cannot stand before a time.
    pub(super) fn end_time_prefix(&mut self) -> Result<(), Fault> {
        match self.prefix.take() {
            None | Some(Prefix::Time) => Ok(()),
            Some(_) => Err(Fault::BadFormat),
        }
    }

    /// A number whose meaning the word before it has announced.
    pub(super) fn announced_number(&mut self, text: &[u8], prefix: Prefix) -> Result<u32, Fault> {
        let (value, rest) = integer32(text);
        let value = value.ok_or(Fault::FieldOverflow)?;
        if !matches!(rest.first(), None | Some(b'.')) {
            return Err(Fault::BadFormat);
        }
        match prefix {
            Prefix::Julian => {
                self.fields.set_julian_day(value);
                self.is_julian_day = true;
                if rest.is_empty() {
                    return Ok(part::DATE);
                }
                self.fields.set_time_of_day((fraction(rest)? * MICROS_PER_DAY as f64) as i64);
                Ok(part::DATE | part::TIME)
            }
            Prefix::Time => match self.fields.set_run_together(text, self.seen | part::DATE, &mut self.shape)? {
                part::TIME => Ok(part::TIME),
                _ => Err(Fault::BadFormat),
            },
            Prefix::Other => Err(Fault::BadFormat),
        }
    }

    fn announce(&mut self, prefix: Prefix) -> Result<u32, Fault> {
        if self.prefix.replace(prefix).is_some() {
            return Err(Fault::BadFormat);
        }
        Ok(0)
    }

    /// A zone's abbreviation, if the word is one.
    pub(super) fn abbreviation(&mut self, text: &'a [u8]) -> Result<Option<u32>, Fault> {
        let Some(meaning) = self.context.abbreviation(text)? else { return Ok(None) };
        Ok(Some(match meaning {
            ZoneAbbreviation::Fixed { offset, is_daylight } => {
                self.zone = -offset;
                part::ZONE | if is_daylight { part::DAYLIGHT_ZONE } else { 0 }
            }
            ZoneAbbreviation::Varying(zone) => {
                self.pending = Some(PendingZone::Abbreviated(text, zone));
                part::ZONE | part::VARYING_ZONE
            }
        }))
    }

    /// A zone's full name, if the field is one.
    pub(super) fn zone_name(&mut self, text: &[u8]) -> Result<Option<u32>, Fault> {
        let Some(zone) = self.context.zone_of_literal(text)? else { return Ok(None) };
        self.pending = Some(PendingZone::Named(zone));
        Ok(Some(part::ZONE))
    }

    /// [`State::zone_name`] of a field that can be nothing else.
    pub(super) fn punctuated_zone_name(&mut self, text: &[u8]) -> Result<u32, Fault> {
        let unknown = || Fault::UnknownTimeZone(String::from_utf8_lossy(text).into_owned());
        self.zone_name(text)?.ok_or_else(unknown)
    }

    /// A word that means the same in a moment and in a time of day. Any other is a mistake.
    pub(super) fn word(&mut self, word: DateWord) -> Result<u32, Fault> {
        match word {
            DateWord::DaylightSaving => {
                self.zone -= 3600;
                Ok(part::DAYLIGHT_MODIFIER | part::DAYLIGHT_ZONE)
            }
            DateWord::Ante | DateWord::Post => {
                self.half = Some(if word == DateWord::Ante { Half::Ante } else { Half::Post });
                Ok(part::HALF_OF_DAY)
            }
            DateWord::Anno | DateWord::BeforeChrist => {
                self.is_before_christ = word == DateWord::BeforeChrist;
                Ok(part::ERA)
            }
            DateWord::Julian => self.announce(Prefix::Julian),
            DateWord::TimePrefix => self.announce(Prefix::Time),
            DateWord::MinutePrefix | DateWord::OtherUnit => self.announce(Prefix::Other),
            _ => Err(Fault::BadFormat),
        }
    }

    /// Checks the date as far as there is one, and reads the hour of a 12-hour clock.
    pub(super) fn validate(&mut self) -> Result<(), Fault> {
        self.fields.validate_date(self.seen, self.is_julian_day, self.shape, self.is_before_christ)?;
        self.fields.apply_half(self.half)
    }

    /// Checks that `dst` does not stand alone or after a zone that knows its daylight saving time itself.
    pub(super) fn check_daylight_modifier(&self) -> Result<(), Fault> {
        let has_offset = self.seen & part::ZONE != 0 && self.pending.is_none();
        if self.seen & part::DAYLIGHT_MODIFIER != 0 && !has_offset { Err(Fault::BadFormat) } else { Ok(()) }
    }
}
