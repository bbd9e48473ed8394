//! Clock times: `hh:mm[:ss[.fff]]`.

use super::Fields;
use crate::fault::Fault;
use crate::number::{fraction, integer, integer32, micros};

/// A clock time. Hours are unlimited, as intervals have them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Clock {
    pub(super) hours: i64,
    pub(super) minutes: i32,
    pub(super) seconds: i32,
    pub(super) micros: i32,
}

/// Reads `hh:mm`, `hh:mm:ss`, `hh:mm:ss.fff`, or `mm:ss.fff`.
pub(super) fn clock(text: &[u8]) -> Result<Clock, Fault> {
    let (hours, used) = integer(text);
    let mut hours = hours.ok_or(Fault::FieldOverflow)?;
    let after_colon =
        |text: &[u8]| -> Result<(), Fault> { if text.first() == Some(&b':') { Ok(()) } else { Err(Fault::BadFormat) } };
    let rest = &text[used..];
    after_colon(rest)?;
    let (minutes, rest) = integer32(&rest[1..]);
    let mut minutes = minutes.ok_or(Fault::FieldOverflow)?;
    let (mut seconds, mut fractional) = (0, 0);
    match rest.first() {
        None => {}
        Some(b'.') => {
            fractional = micros(fraction(rest)?);
            seconds = minutes;
            minutes = i32::try_from(hours).map_err(|_| Fault::FieldOverflow)?;
            hours = 0;
        }
        Some(_) => {
            after_colon(rest)?;
            let (value, rest) = integer32(&rest[1..]);
            seconds = value.ok_or(Fault::FieldOverflow)?;
            match rest.first() {
                None => {}
                Some(b'.') => fractional = micros(fraction(rest)?),
                Some(_) => return Err(Fault::BadFormat),
            }
        }
    }
    if hours < 0 || !(0..60).contains(&minutes) || !(0..=60).contains(&seconds) {
        return Err(Fault::FieldOverflow);
    }
    Ok(Clock { hours, minutes, seconds, micros: fractional })
}

impl Fields {
    /// Takes over a clock time; the caller checks its range.
    pub(super) fn set_clock(&mut self, text: &[u8]) -> Result<(), Fault> {
        let clock = clock(text)?;
        self.hour = i32::try_from(clock.hours).map_err(|_| Fault::FieldOverflow)?;
        (self.minute, self.second, self.micros) = (clock.minutes, clock.seconds, clock.micros);
        Ok(())
    }
}
