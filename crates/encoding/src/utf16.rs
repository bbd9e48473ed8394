//! UTF-16 in either byte order.

use crate::{MALFORMED, Sink};

/// Bytes of the units that are looked at together.
const BLOCK: usize = 16;
/// ASCII characters that are taken together where the ones before are ASCII, too.
const RUN: usize = 32;

/// See [`crate::Encoding`].
pub(crate) fn walk<const BIG: bool, S: Sink>(bytes: &[u8], end: bool, limit: usize, sink: &mut S) -> usize {
    // The bits that no ASCII character has.
    let other = if BIG { 0x80FF_80FF_80FF_80FF } else { 0xFF80_FF80_FF80_FF80_u64 };
    let mut at = 0;
    // Tried once in a stretch of ASCII: whatever ends it, comes again within the next few blocks.
    let mut may_run = true;
    while sink.at() < limit {
        if let Some(block) = bytes[at..].first_chunk::<BLOCK>() {
            let both = u128::from_le_bytes(*block);
            let (first, second) = (both as u64, (both >> 64) as u64);
            // Units of ASCII before any other.
            let ascii = match first & other {
                0 => 4 + (second & other).trailing_zeros() / 16,
                found => found.trailing_zeros() / 16,
            };
            if ascii > 0 {
                let packed = pack::<BIG>(first) | pack::<BIG>(second) << 32;
                let taken = (ascii as usize).min(limit - sink.at());
                sink.ascii(packed.to_le_bytes(), taken);
                at += 2 * taken;
                if ascii as usize == BLOCK / 2 {
                    while may_run
                        && limit - sink.at() >= RUN
                        && let Some(block) = bytes[at..].first_chunk()
                        && let Some(run) = ascii_run::<BIG>(block)
                    {
                        sink.run(run);
                        at += 2 * RUN;
                    }
                    may_run = false;
                    continue;
                }
            }
        } else if let Some(&[a, b]) = bytes[at..].first_chunk::<2>()
            && unit::<BIG>(a, b) < 0x80
        {
            sink.put([if BIG { b } else { a }, 0, 0, 0], 1);
            at += 2;
            continue;
        }
        // What is not ASCII comes in runs.
        may_run = true;
        while sink.at() < limit {
            let Some(&[a, b]) = bytes[at..].first_chunk::<2>() else {
                if at < bytes.len() && end {
                    sink.put([MALFORMED, 0, 0, 0], 1);
                    at += 1;
                }
                return at;
            };
            let first = unit::<BIG>(a, b);
            let part = |shift: u16| 0x80 | (first >> shift & 0x3F) as u8;
            match first {
                0..0x80 => break,
                0x80..0x800 => sink.put([0xC0 | (first >> 6) as u8, part(0), 0, 0], 2),
                0xD800..0xE000 => {
                    let second = match bytes[at + 2..].first_chunk::<2>() {
                        Some(&[a, b]) => unit::<BIG>(a, b),
                        None if !end => return at,
                        None => 0,
                    };
                    if first < 0xDC00 && (0xDC00..0xE000).contains(&second) {
                        let character = 0x10000 + ((u32::from(first) - 0xD800) << 10) + (u32::from(second) - 0xDC00);
                        let part = |shift: u32| 0x80 | (character >> shift & 0x3F) as u8;
                        sink.put([0xF0 | (character >> 18) as u8, part(12), part(6), part(0)], 4);
                        at += 2;
                    } else {
                        sink.put([MALFORMED, 0, 0, 0], 1);
                    }
                }
                _ => sink.put([0xE0 | (first >> 12) as u8, part(6), part(0), 0], 3),
            }
            at += 2;
        }
    }
    at
}

/// The characters, if all are ASCII. Without a branch, for the compiler to make vectors of.
#[inline(always)]
fn ascii_run<const BIG: bool>(bytes: &[u8; 2 * RUN]) -> Option<[u8; RUN]> {
    let mut all = 0;
    let mut run = [0; RUN];
    for (out, pair) in run.iter_mut().zip(bytes.as_chunks::<2>().0) {
        let unit = u16::from_le_bytes(*pair);
        all |= unit;
        *out = if BIG { unit >> 8 } else { unit } as u8;
    }
    (all & if BIG { 0x80FF } else { 0xFF80 } == 0).then_some(run)
}

#[inline(always)]
fn unit<const BIG: bool>(first: u8, second: u8) -> u16 {
    if BIG { u16::from_be_bytes([first, second]) } else { u16::from_le_bytes([first, second]) }
}

/// The lower halves of four units.
#[inline(always)]
fn pack<const BIG: bool>(units: u64) -> u64 {
    let low = if BIG { units >> 8 } else { units } & 0x00FF_00FF_00FF_00FF;
    let pairs = (low | low >> 8) & 0x0000_FFFF_0000_FFFF;
    (pairs | pairs >> 16) & 0xFFFF_FFFF
}

#[cfg(test)]
mod tests {
    use crate::{Counter, Encoding, Sink as _};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_run_of_ascii_is_read_and_found_again(
            pieces in prop::collection::vec("[ -~]{0,90}[é中😀]{0,2}", 0..6), limit in 0..400usize,
        ) {
            let text = pieces.concat();
            for encoding in [Encoding::Utf16Le, Encoding::Utf16Be] {
                let bytes = encoding.encode(&text);
                prop_assert_eq!(encoding.decode(&bytes), text.as_str());
                let mut counter = Counter { at: 0 };
                let taken = encoding.walk(&bytes, true, limit, &mut counter);
                // Whole characters until there are as many bytes of text.
                let end = (limit..text.len()).find(|&at| text.is_char_boundary(at)).unwrap_or(text.len());
                prop_assert_eq!((counter.at(), taken), (end, 2 * text[..end].encode_utf16().count()));
            }
        }
    }
}
