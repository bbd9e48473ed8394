//! What the session contributes to the meaning of a literal.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use copyist_core::{DataError, DateOrder, ErrorCode, IntervalStyle, Result, Session, ZoneWords};

use crate::abbreviation::{self, abbreviation};
use crate::calendar::{MICROS_PER_DAY, MICROS_PER_SECOND, SECONDS_PER_DAY, UNIX_TO_POSTGRES_DAYS};
use crate::decode::Fields;
use crate::fault::Fault;
use crate::zone::{Designation, LocalOffsets, Zone};

/// Seconds from the Unix epoch to 2000-01-01.
const POSTGRES_EPOCH_UNIX: i64 = UNIX_TO_POSTGRES_DAYS * SECONDS_PER_DAY;

/// More zones than this are not remembered; the IANA data has fewer, POSIX specifications are without number.
const REMEMBERED_ZONES: usize = 1024;

/// The session's settings in the shape the decoders need, with its time zone resolved. Built once per load and shared
/// by every thread.
pub struct Context {
    pub(crate) date_order: DateOrder,
    pub(crate) interval_style: IntervalStyle,
    pub(crate) zone: Arc<Zone>,
    /// Start of the transaction as local fields of the session's zone.
    pub(crate) now: Fields,
    /// The offset of [`Context::now`], seconds east of Greenwich.
    pub(crate) now_offset: i32,
    /// The session zone's offsets in the years that data is from.
    pub(crate) local_offsets: LocalOffsets,
    /// Whether `T` and `Z` are those of ISO 8601. A POSIX zone can be called either.
    pub(crate) has_iso_letters: bool,
    zones: RwLock<HashMap<Box<[u8]>, Arc<Zone>>>,
    /// The session's zone as literals name it, in lower case.
    zone_name: Box<[u8]>,
    zone_words: ZoneWords,
}

/// What an abbreviation means to this session.
pub(crate) enum ZoneAbbreviation {
    /// Seconds east of Greenwich.
    Fixed { offset: i32, is_daylight: bool },
    /// What it meant in this zone at the time in question.
    Varying(Arc<Zone>),
}

impl Context {
    /// Resolves the session's time zone.
    ///
    /// # Errors
    ///
    /// `22023` when `session.time_zone` is neither in the compiled IANA data nor a POSIX specification.
    pub fn new(session: &Session) -> Result<Context> {
        let zone = Zone::named(session.time_zone.as_bytes()).ok_or_else(|| {
            DataError::new(
                ErrorCode::InvalidParameterValue,
                format!("time zone \"{}\" not recognized", session.time_zone),
            )
        })?;
        let now_offset = zone.offset_at(session.now.div_euclid(MICROS_PER_SECOND) + POSTGRES_EPOCH_UNIX);
        let now = Fields::from_micros(session.now + i64::from(now_offset) * MICROS_PER_SECOND);
        let has_iso_letters = [b"t", b"z"].iter().all(|letter| zone.designation(&letter[..]).is_none());
        Ok(Context {
            date_order: session.date_order,
            interval_style: session.interval_style,
            local_offsets: LocalOffsets::new(&zone),
            zone: Arc::new(zone),
            now,
            now_offset,
            has_iso_letters,
            zones: RwLock::default(),
            zone_name: session.time_zone.to_ascii_lowercase().into_bytes().into(),
            zone_words: session.zone_words,
        })
    }

    /// The zone of a lower-case name or specification.
    fn zone_named(&self, name: &[u8]) -> Option<Arc<Zone>> {
        if let Some(zone) = self.zones.read().unwrap_or_else(PoisonError::into_inner).get(name) {
            return Some(Arc::clone(zone));
        }
        let zone = Arc::new(Zone::named(name)?);
        let mut zones = self.zones.write().unwrap_or_else(PoisonError::into_inner);
        if zones.len() < REMEMBERED_ZONES {
            zones.insert(name.into(), Arc::clone(&zone));
        }
        Some(zone)
    }

    /// Whether there is a server that reads a literal when we say [`ErrorCode::LeftToServer`].
    pub(crate) fn can_leave_to_server(&self) -> bool {
        self.zone_words != ZoneWords::All
    }

    /// The zone of a lower-case name or specification that a literal gives; `None` when there is none.
    ///
    /// A word that the compiled-in data do not know may be a zone to the server, but only if it looks like the names that
    /// newer data and other builds add.
    pub(crate) fn zone_of_literal(&self, name: &[u8]) -> std::result::Result<Option<Arc<Zone>>, Fault> {
        let zone = self.zone_named(name);
        let is_ours = match (&zone, self.zone_words) {
            (_, ZoneWords::All) => true,
            (_, ZoneWords::SessionZone) if *name == *self.zone_name => true,
            (Some(zone), _) => zone.constant_offset().is_some(),
            (None, _) => !(name.contains(&b'/') || matches!(name, b"localtime" | b"posixrules")),
        };
        if is_ours { Ok(zone) } else { Err(Fault::LeftToServer) }
    }

    /// The meaning of a lower-case abbreviation: first to the session's zone, then in the server's set.
    pub(crate) fn abbreviation(&self, name: &[u8]) -> std::result::Result<Option<ZoneAbbreviation>, Fault> {
        if let Some(designation) = self.zone.designation(name) {
            if self.zone_words == ZoneWords::None && self.zone.constant_offset().is_none() {
                return Err(Fault::LeftToServer);
            }
            return Ok(Some(match designation {
                Designation::Fixed { offset, is_daylight } => ZoneAbbreviation::Fixed { offset, is_daylight },
                Designation::Varying => ZoneAbbreviation::Varying(Arc::clone(&self.zone)),
            }));
        }
        match abbreviation(name) {
            None => Ok(None),
            Some(abbreviation::Abbreviation::Fixed { offset, is_daylight }) => {
                Ok(Some(ZoneAbbreviation::Fixed { offset, is_daylight }))
            }
            Some(abbreviation::Abbreviation::Zone(_)) if self.can_leave_to_server() => Err(Fault::LeftToServer),
            Some(abbreviation::Abbreviation::Zone(zone)) => {
                Ok(self.zone_named(zone.to_ascii_lowercase().as_bytes()).map(ZoneAbbreviation::Varying))
            }
        }
    }
}

impl Fields {
    /// The fields of a finite timestamp, microseconds since 2000-01-01.
    fn from_micros(micros: i64) -> Fields {
        let mut fields = Fields::default();
        fields.set_julian_day(micros.div_euclid(MICROS_PER_DAY) as i32 + crate::calendar::POSTGRES_EPOCH_JULIAN);
        fields.set_time_of_day(micros.rem_euclid(MICROS_PER_DAY));
        fields
    }
}
