//! Time zones in values.

use super::misfit::Reason;
use super::parts::{DATE, Parts, Slot, ZoneFound};
use super::program::ZoneForm;
use crate::calendar::{MICROS_PER_SECOND, SECONDS_PER_DAY, days_from_date, is_julian};
use crate::context::{Context, ZoneAbbreviation};
use crate::decode::Fields;
use crate::fault::Fault;

/// The longest name that is looked up.
const LONGEST_NAME: usize = 64;

/// Two digits at the start of `text`.
fn two_digits(text: &[u8]) -> Option<i32> {
    match *text {
        [tens @ b'0'..=b'9', ones @ b'0'..=b'9', ..] => Some(i32::from(tens - b'0') * 10 + i32::from(ones - b'0')),
        _ => None,
    }
}

/// Seconds east of Greenwich of `±hh[[:]mm[[:]ss]]` at the start of `text`, and its bytes.
fn offset(text: &[u8]) -> Option<Result<(i32, usize), Reason>> {
    let is_west = match text.first()? {
        b'+' => false,
        b'-' => true,
        _ => return None,
    };
    let hours = two_digits(text.get(1..)?)?;
    let (mut minutes, mut seconds, mut len) = (0, 0, 3);
    let part = |len: usize| {
        let rest = &text[len..];
        match rest.first() {
            Some(b':') => two_digits(&rest[1..]).map(|value| (value, len + 3)),
            _ => two_digits(rest).map(|value| (value, len + 2)),
        }
    };
    if let Some((value, end)) = part(len) {
        (minutes, len) = (value, end);
        if let Some((value, end)) = part(len) {
            (seconds, len) = (value, end);
        }
    }
    if hours > Slot::ZoneHour.range().1 || minutes > 59 || seconds > 59 {
        return Some(Err(Reason::ZoneRange));
    }
    let east = hours * 3600 + minutes * 60 + seconds;
    Some(Ok((if is_west { -east } else { east }, len)))
}

/// Seconds east of Greenwich when all of `text` is an offset.
#[inline]
pub(super) fn whole_offset(text: &[u8]) -> Option<i32> {
    if text == b"Z" {
        return Some(0);
    }
    let (east, len) = offset(text)?.ok()?;
    (len == text.len()).then_some(east)
}

/// The bytes of a zone's name or abbreviation. Digits and signs are only in names with a slash, such as `Etc/GMT+3`.
fn word(text: &[u8]) -> usize {
    let mut has_slash = false;
    text.iter()
        .take_while(|&&byte| {
            has_slash |= byte == b'/';
            byte.is_ascii_alphabetic()
                || matches!(byte, b'/' | b'_')
                || (has_slash && (byte.is_ascii_digit() || matches!(byte, b'+' | b'-')))
        })
        .count()
}

/// Reads a zone at `at`. The position behind it.
pub(super) fn read(value: &[u8], at: usize, form: ZoneForm) -> Result<(ZoneFound, usize), Reason> {
    let text = &value[at..];
    if let Some(found) = offset(text) {
        let (east, len) = found?;
        return Ok((ZoneFound::Offset(east), at + len));
    }
    let len = word(text);
    match (form, &text[..len]) {
        (_, b"Z" | b"z") => Ok((ZoneFound::Offset(0), at + len)),
        // `Z` before a letter that the pattern has.
        (ZoneForm::Offset, [b'Z' | b'z', ..]) => Ok((ZoneFound::Offset(0), at + 1)),
        (ZoneForm::Offset, _) | (_, []) => Err(Reason::UnknownZone { len: len.max(1) }),
        (ZoneForm::Any, _) => Ok((ZoneFound::Word(at, at + len), at + len)),
    }
}

impl Parts {
    /// Seconds *west* of Greenwich at these local fields: of the value, or else of the session.
    pub(super) fn zone_west(&self, value: &[u8], fields: &Fields, context: &Context) -> Result<i32, (usize, Reason)> {
        match self.zone {
            ZoneFound::Offset(east) => Ok(-east),
            ZoneFound::Word(start, end) => {
                let reason = |fault: &Fault| match fault {
                    Fault::LeftToServer => (start, Reason::ServerZone { len: end - start }),
                    _ => (start, Reason::UnknownZone { len: end - start }),
                };
                let mut buffer = [0; LONGEST_NAME];
                let unknown = (start, Reason::UnknownZone { len: end - start });
                let name = buffer.get_mut(..end - start).ok_or(unknown)?;
                name.copy_from_slice(&value[start..end]);
                name.make_ascii_lowercase();
                match context.abbreviation(name).map_err(|fault| reason(&fault))? {
                    Some(ZoneAbbreviation::Fixed { offset, .. }) => return Ok(-offset),
                    Some(ZoneAbbreviation::Varying(zone)) => return Ok(fields.resolve_abbreviation(name, &zone)),
                    None => {}
                }
                let zone = context.zone_of_literal(name).map_err(|fault| reason(&fault))?.ok_or(unknown)?;
                // Which offset is meant takes a date, and today's is not assumed.
                if !self.has(DATE) && zone.constant_offset().is_none() {
                    return Err(unknown);
                }
                Ok(fields.resolve(&zone).0)
            }
            ZoneFound::None if self.has(Slot::ZoneHour.bit()) => {
                let hours = self.get(Slot::ZoneHour).abs() * 3600;
                let east = hours + self.get(Slot::ZoneMinute) * 60;
                Ok(if self.is_west { east } else { -east })
            }
            ZoneFound::None => Ok(session_zone_west(fields, context)),
        }
    }
}

/// Seconds west of Greenwich of the session's zone at these local fields.
fn session_zone_west(fields: &Fields, context: &Context) -> i32 {
    let known = is_julian(fields.year, fields.month).then(|| {
        let seconds = days_from_date(fields.year, fields.month, fields.day) * SECONDS_PER_DAY;
        context.local_offsets.get(seconds + fields.time_of_day() / MICROS_PER_SECOND)
    });
    match known.flatten() {
        Some(offset) => -offset,
        None => fields.resolve(&context.zone).0,
    }
}
