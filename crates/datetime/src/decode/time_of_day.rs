//! Fields to a time of day with a time zone: the decoder of `time` and `timetz`.

use super::displacement::displacement;
use super::number::DateShape;
use super::timestamp::{Pending, PendingZone, Prefix, prefixed_number, split_displacement, unknown_zone};
use super::{Fields, Half, part};
use crate::context::{Context, ZoneAbbreviation};
use crate::fault::Fault;
use crate::keyword::{DateWord, date_word};
use crate::token::{Kind, Tokens};

/// A time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimeOfDay {
    /// Since midnight.
    pub(crate) micros: i64,
    /// Seconds west of Greenwich.
    pub(crate) zone: i32,
}

/// The decoder's state between fields.
struct Decoder<'a> {
    context: &'a Context,
    tokens: &'a Tokens,
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
}

/// Decodes the fields of a literal.
pub(crate) fn time_of_day(tokens: &Tokens, context: &Context) -> Result<TimeOfDay, Fault> {
    let mut decoder = Decoder {
        context,
        tokens,
        fields: Fields::default(),
        zone: 0,
        pending: Pending::default(),
        seen: 0,
        shape: DateShape::default(),
        prefix: None,
        half: None,
        is_julian_day: false,
        before_christ: false,
    };
    for (index, (kind, text)) in tokens.iter().enumerate() {
        let found = match kind {
            Kind::Date => decoder.date(index, text)?,
            Kind::Time => decoder.time(text)?,
            Kind::Displacement => {
                decoder.zone = displacement(text)?;
                part::ZONE
            }
            Kind::Number => decoder.number(index, text)?,
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
    /// A date is accepted only as the first field, where a later field shows that this is no time.
    fn last_is_date(&self) -> bool {
        self.tokens.len() >= 2 && self.tokens.kind(self.tokens.len() - 1) == Kind::Date
    }

    fn date(&mut self, index: usize, text: &'a [u8]) -> Result<u32, Fault> {
        let is_before_time = self.tokens.len() >= 2 && self.tokens.kind(1) == Kind::Time;
        if index == 0 && (self.last_is_date() || is_before_time) {
            return self.fields.set_date(text, self.seen, &mut self.shape, self.context.date_order);
        }
        if !text[0].is_ascii_digit() {
            let zone = self.context.zone_named(text).ok_or_else(|| unknown_zone(text))?;
            self.pending.set(PendingZone::Named(zone));
            return Ok(part::ZONE);
        }
        if self.seen & part::TIME == part::TIME {
            return Err(Fault::BadFormat);
        }
        let (time, zone) = split_displacement(text)?;
        self.zone = displacement(zone)?;
        Ok(self.fields.set_run_together(time, self.seen | part::DATE, &mut self.shape)? | part::ZONE)
    }

    fn time(&mut self, text: &[u8]) -> Result<u32, Fault> {
        match self.prefix.take() {
            None | Some(Prefix::Time) => {}
            Some(_) => return Err(Fault::BadFormat),
        }
        self.fields.set_clock(text)?;
        Ok(part::TIME)
    }

    fn number(&mut self, index: usize, text: &[u8]) -> Result<u32, Fault> {
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
        // A plain number is never a part of a date here.
        let seen = self.seen | part::DATE;
        match text.iter().position(|&byte| byte == b'.') {
            Some(_) if index == 0 && self.last_is_date() => {
                self.fields.set_date(text, self.seen, &mut self.shape, self.context.date_order)
            }
            Some(digits) if digits > 2 => self.fields.set_run_together(text, seen, &mut self.shape),
            Some(_) => Err(Fault::BadFormat),
            None if text.len() > 4 => self.fields.set_run_together(text, seen, &mut self.shape),
            None => self.fields.set_number(text, seen, &mut self.shape, self.context.date_order),
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
        let Some(word) = date_word(text) else {
            let zone = self.context.zone_named(text).ok_or(Fault::BadFormat)?;
            self.pending.set(PendingZone::Named(zone));
            return Ok(Some(part::ZONE));
        };
        Ok(Some(match word {
            DateWord::Ignored => return Ok(None),
            DateWord::Now => {
                // The date too, even over one that the literal has given.
                self.fields = self.context.now;
                part::TIME
            }
            DateWord::Zulu => {
                self.fields.set_midnight_but_micros();
                part::TIME | part::ZONE
            }
            DateWord::DaylightSaving => {
                self.zone -= 3600;
                part::DAYLIGHT_MODIFIER | part::DAYLIGHT_ZONE
            }
            DateWord::Ante => {
                self.half = Some(Half::Ante);
                part::HALF_OF_DAY
            }
            DateWord::Post => {
                self.half = Some(Half::Post);
                part::HALF_OF_DAY
            }
            DateWord::Anno => {
                self.before_christ = false;
                part::ERA
            }
            DateWord::BeforeChrist => {
                self.before_christ = true;
                part::ERA
            }
            DateWord::Julian => self.announce(Prefix::Julian)?,
            DateWord::MinutePrefix | DateWord::OtherUnit => self.announce(Prefix::Other)?,
            DateWord::TimePrefix => self.announce(Prefix::Time)?,
            _ => return Err(Fault::BadFormat),
        }))
    }

    fn announce(&mut self, prefix: Prefix) -> Result<u32, Fault> {
        if self.prefix.replace(prefix).is_some() {
            return Err(Fault::BadFormat);
        }
        Ok(0)
    }

    fn finish(mut self) -> Result<TimeOfDay, Fault> {
        if self.prefix.is_some() {
            return Err(Fault::BadFormat);
        }
        self.fields.validate_date(self.seen, self.is_julian_day, self.shape, self.before_christ)?;
        self.fields.apply_half(self.half)?;
        if self.fields.is_time_out_of_range() {
            return Err(Fault::FieldOverflow);
        }
        if self.seen & part::TIME != part::TIME {
            return Err(Fault::BadFormat);
        }
        let pending = self.pending.get();
        let needs_session_zone = self.seen & part::ZONE == 0;
        if self.seen & part::DAYLIGHT_MODIFIER != 0 && (pending.is_some() || needs_session_zone) {
            // Only a zone of fixed offset can be shifted.
            return Err(Fault::BadFormat);
        }
        let zone = match pending {
            Some(PendingZone::Named(zone)) => match zone.constant_offset() {
                Some(offset) => -offset,
                // Which offset is meant takes a date, and today's is not assumed.
                None if self.seen & part::DATE == part::DATE => self.fields.resolve(zone).0,
                None => return Err(Fault::BadFormat),
            },
            Some(PendingZone::Abbreviated(name, zone)) => self.dated()?.resolve_abbreviation(name, zone),
            None if needs_session_zone => self.dated()?.resolve(&self.context.zone).0,
            None => self.zone,
        };
        Ok(TimeOfDay { micros: self.fields.time_of_day(), zone })
    }

    /// The time on the literal's date, or today.
    fn dated(&self) -> Result<Fields, Fault> {
        let mut fields = self.fields;
        match self.seen & part::DATE {
            part::DATE => {}
            0 => fields.copy_date(&self.context.now),
            _ => return Err(Fault::BadFormat),
        }
        Ok(fields)
    }
}
