//! Numeric time zones: `+05:30:15`, `-0330`, `+5`.

use crate::fault::Fault;
use crate::number::integer32;

/// Greatest hour of a displacement.
const MAX_HOUR: i32 = 15;

/// Seconds west of Greenwich of `±h[h][[:]mm[:ss]]`.
pub(super) fn displacement(text: &[u8]) -> Result<i32, Fault> {
    let Some(sign @ (b'+' | b'-')) = text.first() else { return Err(Fault::BadFormat) };
    let part = |text| {
        let (value, rest): (Option<i32>, _) = integer32(text);
        value.map(|value| (value, rest)).ok_or(Fault::DisplacementOverflow)
    };
    let (mut hours, mut rest) = part(&text[1..])?;
    let (mut minutes, mut seconds) = (0, 0);
    if rest.first() == Some(&b':') {
        (minutes, rest) = part(&rest[1..])?;
        if rest.first() == Some(&b':') {
            (seconds, rest) = part(&rest[1..])?;
        }
    } else if rest.is_empty() && text.len() > 3 {
        (hours, minutes) = (hours / 100, hours % 100);
    }
    if !(0..=MAX_HOUR).contains(&hours) || !(0..60).contains(&minutes) || !(0..60).contains(&seconds) {
        return Err(Fault::DisplacementOverflow);
    }
    if !rest.is_empty() {
        return Err(Fault::BadFormat);
    }
    let east = (hours * 60 + minutes) * 60 + seconds;
    Ok(if *sign == b'-' { east } else { -east })
}
