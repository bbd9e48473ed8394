//! Fields to a time of day with a time zone: the decoder of `time` and `timetz`.

use super::state::{PendingZone, State};
use super::{Fields, part};
use crate::context::Context;
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

struct Decoder<'a> {
    state: State<'a>,
    tokens: &'a Tokens,
}

/// Decodes the fields of a literal.
pub(crate) fn time_of_day(tokens: &Tokens, context: &Context) -> Result<TimeOfDay, Fault> {
    let mut decoder = Decoder { state: State::new(context), tokens };
    for (index, (kind, text)) in tokens.iter().enumerate() {
        let found = match kind {
            Kind::Date => decoder.date(index, text)?,
            Kind::Time => decoder.time(text)?,
            Kind::Displacement => decoder.state.displacement(text)?,
            Kind::Number => decoder.number(index, text)?,
            Kind::Word | Kind::SignedWord => decoder.word(text)?,
        };
        decoder.state.note(found)?;
    }
    decoder.finish()
}

impl<'a> Decoder<'a> {
    /// Whether the last field looks like a date, which is then more likely a zone's name.
    fn last_is_date(&self) -> bool {
        self.tokens.len() >= 2 && self.tokens.kind(self.tokens.len() - 1) == Kind::Date
    }

    fn date(&mut self, index: usize, text: &'a [u8]) -> Result<u32, Fault> {
        // A date can only be the first field, and only where a later one looks like the time or the zone.
        let is_before_time = self.tokens.len() >= 2 && self.tokens.kind(1) == Kind::Time;
        if index == 0 && (self.last_is_date() || is_before_time) {
            self.state.date(text)
        } else if text[0].is_ascii_digit() {
            self.state.time_and_displacement(text, self.state.seen | part::DATE)
        } else {
            self.state.punctuated_zone_name(text)
        }
    }

    fn time(&mut self, text: &[u8]) -> Result<u32, Fault> {
        self.state.end_time_prefix()?;
        self.state.fields.set_clock(text)?;
        Ok(part::TIME)
    }

    fn number(&mut self, index: usize, text: &[u8]) -> Result<u32, Fault> {
        let is_date = index == 0 && self.last_is_date();
        let state = &mut self.state;
        if let Some(prefix) = state.prefix.take() {
            return state.announced_number(text, prefix);
        }
        // A plain number is never a part of a date here.
        let seen = state.seen | part::DATE;
        match text.iter().position(|&byte| byte == b'.') {
            Some(_) if is_date => state.date(text),
            Some(digits) if digits > 2 => state.fields.set_run_together(text, seen, &mut state.shape),
            Some(_) => Err(Fault::BadFormat),
            None if text.len() > 4 => state.fields.set_run_together(text, seen, &mut state.shape),
            None => state.fields.set_number(text, seen, &mut state.shape, state.context.date_order),
        }
    }

    fn word(&mut self, text: &'a [u8]) -> Result<u32, Fault> {
        let state = &mut self.state;
        if let Some(found) = state.abbreviation(text)? {
            return Ok(found);
        }
        let Some(word) = date_word(text) else { return state.zone_name(text)?.ok_or(Fault::BadFormat) };
        match word {
            DateWord::Ignored => Ok(0),
            DateWord::Now => {
                // The date too, even over one that the literal has given.
                state.fields = state.context.now;
                Ok(part::TIME)
            }
            DateWord::Zulu => {
                state.fields.set_midnight_but_micros();
                Ok(part::TIME | part::ZONE)
            }
            word => state.word(word),
        }
    }

    fn finish(mut self) -> Result<TimeOfDay, Fault> {
        let state = &mut self.state;
        if state.prefix.is_some() {
            return Err(Fault::BadFormat);
        }
        state.validate()?;
        if state.fields.is_time_out_of_range() {
            return Err(Fault::FieldOverflow);
        }
        if state.seen & part::TIME != part::TIME {
            return Err(Fault::BadFormat);
        }
        state.check_daylight_modifier()?;
        let micros = state.fields.time_of_day();
        let zone = match &state.pending {
            Some(PendingZone::Named(zone)) => match zone.constant_offset() {
                Some(offset) => -offset,
                // Which offset is meant takes a date, and today's is not assumed.
                None if state.seen & part::DATE == part::DATE => state.fields.resolve(zone).0,
                None => return Err(Fault::BadFormat),
            },
            Some(PendingZone::Abbreviated(name, zone)) => dated(state)?.resolve_abbreviation(name, zone),
            None if state.seen & part::ZONE == 0 => dated(state)?.resolve(&state.context.zone).0,
            None => state.zone,
        };
        Ok(TimeOfDay { micros, zone })
    }
}

/// The time on the literal's date, or today.
fn dated(state: &State<'_>) -> Result<Fields, Fault> {
    let mut fields = state.fields;
    match state.seen & part::DATE {
        part::DATE => {}
        0 => fields.copy_date(&state.context.now),
        _ => return Err(Fault::BadFormat),
    }
    Ok(fields)
}
