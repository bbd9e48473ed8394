//! Reads the TZif format (RFC 9636).

use super::{CYCLE, LocalType, Transition, Zone, posix};

/// Counts of one data block.
struct Header {
    transitions: usize,
    types: usize,
    abbreviations: usize,
    indicators: usize,
    leap_seconds: usize,
}

/// Takes fixed-size pieces off the front.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (piece, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(piece)
    }

    fn count(&mut self) -> Option<usize> {
        Some(u32::from_be_bytes(self.take(4)?.try_into().ok()?) as usize)
    }

    fn header(&mut self) -> Option<Header> {
        if self.take(4)? != b"TZif" {
            return None;
        }
        // Version and reserved bytes.
        self.take(16)?;
        let universal = self.count()?;
        let standard = self.count()?;
        let leap_seconds = self.count()?;
        let transitions = self.count()?;
        let types = self.count()?;
        let abbreviations = self.count()?;
        Some(Header { transitions, types, abbreviations, indicators: universal + standard, leap_seconds })
    }
}

/// The zone in a TZif file of version 2 or later.
pub(super) fn parse(data: &[u8]) -> Option<Zone> {
    let mut reader = Reader(data);
    let legacy = reader.header()?;
    reader.take(
        legacy.transitions * 5 + legacy.types * 6 + legacy.abbreviations + legacy.leap_seconds * 8 + legacy.indicators,
    )?;
    let header = reader.header()?;
    let times = reader.take(header.transitions * 8)?;
    let indices = reader.take(header.transitions)?;
    let types = reader.take(header.types * 6)?;
    let names = reader.take(header.abbreviations)?;
    reader.take(header.leap_seconds * 12 + header.indicators)?;
    let footer = reader.0.strip_prefix(b"\n")?.strip_suffix(b"\n")?;

    let transitions = times.chunks_exact(8).zip(indices).map(|(at, &local_type)| {
        Some(Transition { at: i64::from_be_bytes(at.try_into().ok()?), local_type: u16::from(local_type) })
    });
    let types = types.chunks_exact(6).map(|record| {
        Some(LocalType {
            offset: i32::from_be_bytes(record[..4].try_into().ok()?),
            is_daylight: record[4] != 0,
            abbreviation: u16::from(record[5]),
        })
    });
    let mut zone = Zone {
        transitions: transitions.collect::<Option<_>>()?,
        types: types.collect::<Option<_>>()?,
        abbreviations: Vec::new(),
        repeats_before: false,
        repeats_after: false,
    };
    if zone.types.is_empty() || zone.transitions.iter().any(|one| usize::from(one.local_type) >= zone.types.len()) {
        return None;
    }
    for local_type in &mut zone.types {
        let name = names.get(usize::from(local_type.abbreviation)..)?.split(|&byte| byte == 0).next()?;
        local_type.abbreviation = position(&mut zone.abbreviations, name);
    }
    if let Some(rules) = posix::parse(footer) {
        extend(&mut zone, &rules);
    }
    Some(zone)
}

/// Continues a zone after its last transition by the rules of its footer.
fn extend(zone: &mut Zone, rules: &posix::Rules) {
    // A transition that changes nothing only marks how far the file goes.
    while let [.., previous, last] = zone.transitions[..]
        && previous.local_type == last.local_type
    {
        zone.transitions.pop();
    }
    let mut types = rules.types();
    for (local_type, name) in types.iter_mut().zip(rules.abbreviations()) {
        local_type.abbreviation = position(&mut zone.abbreviations, name);
    }
    let last = zone.transitions.last().map_or(i64::MIN, |transition| transition.at);
    let first_new_type = zone.types.len() as u16;
    // A whole cycle of years, so that everything after it is a repetition.
    zone.transitions.extend(
        rules
            .transitions()
            .filter(|transition| transition.at > last)
            .map(|transition| Transition { at: transition.at, local_type: transition.local_type + first_new_type }),
    );
    zone.types.append(&mut types);
    zone.repeats_after = rules.is_daylight_observed();
    let same = |a: LocalType, b: LocalType| {
        (a.offset, a.is_daylight, a.abbreviation) == (b.offset, b.is_daylight, b.abbreviation)
    };
    if let Some(first) = zone.transitions.first().copied() {
        zone.repeats_before = zone.transitions.iter().any(|transition| {
            transition.at == first.at + CYCLE && same(zone.type_of(*transition), zone.type_of(first))
        });
    }
}

/// Where an abbreviation is in the list, appended if need be. The tail of one that is there already will do, and then
/// the zone is not seen to use this one: the server's list is made the same way.
fn position(abbreviations: &mut Vec<u8>, name: &[u8]) -> u16 {
    let terminated = [name, b"\0"].concat();
    let position = abbreviations.windows(terminated.len()).position(|window| window == terminated);
    position.unwrap_or_else(|| {
        abbreviations.extend_from_slice(&terminated);
        abbreviations.len() - terminated.len()
    }) as u16
}
