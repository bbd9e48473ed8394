//! Fields to a date and time of day with a time zone: the decoder of `date`, `timestamp` and `timestamptz`.

use super::displacement::displacement;
use super::state::{PendingZone, Prefix, State};
use super::{Fields, part};
use crate::calendar::julian_from_date;
use crate::context::Context;
use crate::fault::Fault;
use crate::keyword::{DateWord, date_word};
use crate::number::integer32;
use crate::token::{Kind, Tokens};

/// What a literal denotes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Moment {
    /// Local fields and their zone, seconds west of Greenwich.
    At(Fields, i32),
    Epoch,
    Infinity,
    NegativeInfinity,
}

struct Decoder<'a> {
    state: State<'a>,
    /// `epoch` or `infinity`.
    special: Option<Moment>,
}

/// Decodes the fields of a literal.
pub(crate) fn timestamp(tokens: &Tokens, context: &Context) -> Result<Moment, Fault> {
    let mut decoder = Decoder { state: State::new(context), special: None };
    for (kind, text) in tokens.iter() {
        let found = match kind {
            Kind::Date => decoder.date(text)?,
            Kind::Time => decoder.time(text)?,
            Kind::Displacement => decoder.state.displacement(text)?,
            Kind::Number => decoder.number(text)?,
            Kind::Word | Kind::SignedWord => decoder.word(text)?,
        };
        decoder.state.note(found)?;
    }
    decoder.finish()
}

impl<'a> Decoder<'a> {
    fn date(&mut self, text: &'a [u8]) -> Result<u32, Fault> {
        let state = &mut self.state;
        if state.prefix == Some(Prefix::Julian) {
            // A Julian day with its zone attached: `J2451187-08`.
            state.prefix = None;
            let (julian, rest) = integer32(text);
            state.fields.set_julian_day(julian.ok_or(Fault::FieldOverflow)?);
            state.is_julian_day = true;
            state.zone = displacement(rest)?;
            return Ok(part::DATE | part::TIME | part::ZONE);
        }
        const MONTH_AND_DAY: u32 = part::MONTH | part::DAY;
        if state.prefix.is_none() {
            if state.seen & MONTH_AND_DAY != MONTH_AND_DAY {
                return state.date(text);
            }
            // After the date this is no date but something with a zone.
            if !text[0].is_ascii_digit() {
                return state.punctuated_zone_name(text);
            }
        }
        state.end_time_prefix()?;
        state.time_and_displacement(text, state.seen)
    }

    fn time(&mut self, text: &[u8]) -> Result<u32, Fault> {
        self.state.end_time_prefix()?;
        self.state.fields.set_clock(text)?;
        if self.state.fields.is_time_out_of_range() {
            return Err(Fault::FieldOverflow);
        }
        Ok(part::TIME)
    }

    fn number(&mut self, text: &[u8]) -> Result<u32, Fault> {
        let state = &mut self.state;
        if let Some(prefix) = state.prefix.take() {
            return state.announced_number(text, prefix);
        }
        let seen = state.seen;
        match text.iter().position(|&byte| byte == b'.') {
            Some(_) if seen & part::DATE == 0 => state.date(text),
            Some(digits) if digits > 2 => state.fields.set_run_together(text, seen, &mut state.shape),
            _ if text.len() >= 6 && (seen & part::DATE == 0 || seen & part::TIME == 0) => {
                state.fields.set_run_together(text, seen, &mut state.shape)
            }
            _ => state.fields.set_number(text, seen, &mut state.shape, state.context.date_order),
        }
    }

    fn word(&mut self, text: &'a [u8]) -> Result<u32, Fault> {
        const EVERYTHING: u32 = part::DATE | part::TIME | part::ZONE;
        let state = &mut self.state;
        if let Some(found) = state.abbreviation(text)? {
            return Ok(found);
        }
        let Some(word) = date_word(text) else { return state.zone_name(text)?.ok_or(Fault::BadFormat) };
        match word {
            DateWord::Ignored => Ok(0),
            DateWord::Weekday => Ok(part::WEEKDAY),
            DateWord::Now => {
                state.fields = state.context.now;
                state.zone = -state.context.now_offset;
                Ok(EVERYTHING)
            }
            DateWord::Today => Ok(self.relative_day(0)),
            DateWord::Tomorrow => Ok(self.relative_day(1)),
            DateWord::Yesterday => Ok(self.relative_day(-1)),
            DateWord::Zulu => {
                state.fields.set_midnight_but_micros();
                state.zone = 0;
                Ok(part::TIME | part::ZONE)
            }
            DateWord::Epoch | DateWord::Infinity | DateWord::NegativeInfinity => {
                self.special = Some(match word {
                    DateWord::Epoch => Moment::Epoch,
                    DateWord::Infinity => Moment::Infinity,
                    _ => Moment::NegativeInfinity,
                });
                Ok(EVERYTHING)
            }
            DateWord::Month(month) => Ok(self.month(month)),
            // A time needs a date before it.
            DateWord::TimePrefix if state.seen & part::DATE != part::DATE => Err(Fault::BadFormat),
            word => state.word(word),
        }
    }

    fn month(&mut self, month: i32) -> u32 {
        let state = &mut self.state;
        // `8 Jan`: what looked like the month was the day.
        let number_was_day = state.seen & part::MONTH != 0
            && !state.shape.month_word
            && state.seen & part::DAY == 0
            && (1..=31).contains(&state.fields.month);
        state.shape.month_word = true;
        let number = std::mem::replace(&mut state.fields.month, month);
        if number_was_day {
            state.fields.day = number;
            part::DAY
        } else {
            part::MONTH
        }
    }

    fn relative_day(&mut self, days: i32) -> u32 {
        let now = &self.state.context.now;
        self.state.fields.set_julian_day(julian_from_date(now.year, now.month, now.day) + days);
        part::DATE
    }

    fn finish(mut self) -> Result<Moment, Fault> {
        let state = &mut self.state;
        if state.prefix.is_some() {
            return Err(Fault::BadFormat);
        }
        if let Some(special) = self.special {
            return Ok(special);
        }
        state.validate()?;
        if state.seen & part::DATE != part::DATE {
            return Err(Fault::BadFormat);
        }
        state.check_daylight_modifier()?;
        let zone = match &state.pending {
            Some(PendingZone::Named(zone)) => state.fields.resolve(zone).0,
            Some(PendingZone::Abbreviated(name, zone)) => state.fields.resolve_abbreviation(name, zone),
            None if state.seen & part::ZONE == 0 => state.fields.resolve(&state.context.zone).0,
            None => state.zone,
        };
        Ok(Moment::At(state.fields, zone))
    }
}
