//! What the pages of Parquet have of numbers, as far as a look at them is worth it: runs of levels, and lengths of strings.

use std::ops::ControlFlow;

/// Numbers of `width` bits in runs, some of them packed, up to `count`: each run's number and how many of it there are. None where they end
/// too early, which is for the reader to judge.
pub(super) fn runs(bytes: &[u8], width: u32, count: usize, each: &mut dyn FnMut(u64, usize)) -> Option<()> {
    let mut rest = Bits { bytes, at: 0 };
    let mut left = count;
    while left > 0 {
        let head = rest.varint()?;
        if head & 1 == 0 {
            let size = left.min(usize::try_from(head >> 1).ok()?);
            let value = rest.take(width.div_ceil(8) * 8)?;
            each(value, size);
            left -= size;
            continue;
        }
        let size = left.min(usize::try_from(head >> 1).ok()?.checked_mul(8)?);
        left -= size;
        rest.packed(width, size, each)?;
        rest.at = rest.at.div_ceil(8) * 8;
    }
    Some(())
}

/// The same where all are packed one after the other.
pub(super) fn packed(bytes: &[u8], width: u32, count: usize, each: &mut dyn FnMut(u64, usize)) -> Option<()> {
    Bits { bytes, at: 0 }.packed(width, count, each)
}

/// Numbers that are written as differences and are no less than 0: how many there are, where they end, their sum and the largest of them.
pub(super) struct Deltas {
    pub count: u64,
    pub end: usize,
    pub sum: u64,
    pub largest: u64,
}

/// Looks at numbers of 32 bits that are written as differences, of which there are to be `most`.
pub(super) fn deltas(bytes: &[u8], most: u64) -> Option<Deltas> {
    let mut bits = Bits { bytes, at: 0 };
    let (block, parts, count) = (bits.varint()?, bits.varint()?, bits.varint()?);
    let mut value = bits.zigzag()? as i32;
    if parts == 0 || count > most || block % parts != 0 || block / parts % 32 != 0 {
        return None;
    }
    let part = block / parts;
    let mut found = Deltas { count, end: 0, sum: 0, largest: 0 };
    let mut see = |value: i32| -> ControlFlow<()> {
        let Ok(length) = u64::try_from(value) else { return ControlFlow::Break(()) };
        found.sum = found.sum.saturating_add(length);
        found.largest = found.largest.max(length);
        ControlFlow::Continue(())
    };
    if count > 0 && see(value).is_break() {
        return None;
    }
    let mut left = count.saturating_sub(1);
    while left > 0 {
        if part == 0 {
            return None;
        }
        let least = bits.zigzag()? as i32;
        let start = bits.at / 8;
        let widths = bytes.get(start..start.checked_add(usize::try_from(parts).ok()?)?)?;
        bits.at += widths.len() * 8;
        for &width in widths {
            if left == 0 {
                break;
            }
            let end = bits.at.checked_add(usize::try_from(part).ok()?.checked_mul(width.into())?)?;
            let size = left.min(part);
            if width > 32 {
                return None;
            }
            let mut is_short = false;
            bits.packed(width.into(), size as usize, &mut |delta, times| {
                for _ in 0..times {
                    value = value.wrapping_add(least).wrapping_add(delta as i32);
                    is_short |= see(value).is_break();
                }
            })?;
            if is_short {
                return None;
            }
            left -= size;
            bits.at = end;
        }
    }
    found.end = bits.at / 8;
    (found.end <= bytes.len()).then_some(found)
}

struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = *self.bytes.get(self.at / 8)?;
            self.at += 8;
            value |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn zigzag(&mut self) -> Option<i64> {
        let value = self.varint()?;
        Some((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    /// A number of at most 56 bits.
    fn take(&mut self, width: u32) -> Option<u64> {
        if width == 0 {
            return Some(0);
        }
        let (start, shift) = (self.at / 8, self.at % 8);
        let end = (self.at + width as usize).div_ceil(8);
        let known = self.bytes.get(start..end)?;
        let mut word = [0; 8];
        word.get_mut(..known.len())?.copy_from_slice(known);
        self.at += width as usize;
        Some(u64::from_le_bytes(word) >> shift & ((1 << width) - 1))
    }

    fn packed(&mut self, width: u32, count: usize, each: &mut dyn FnMut(u64, usize)) -> Option<()> {
        if width == 0 {
            each(0, count);
            return Some(());
        }
        // Neighbours that are the same are told at once.
        let (mut last, mut times) = (0, 0);
        for _ in 0..count {
            let value = self.take(width)?;
            if value != last && times > 0 {
                each(last, times);
                times = 0;
            }
            last = value;
            times += 1;
        }
        if times > 0 {
            each(last, times);
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8], width: u32, count: usize) -> Option<Vec<u64>> {
        let mut found = Vec::new();
        runs(bytes, width, count, &mut |value, times| found.extend(std::iter::repeat_n(value, times)))?;
        Some(found)
    }

    #[test]
    fn runs_and_packed_numbers_are_told() {
        // The example of the format: 0 to 7, three bits each.
        assert_eq!(all(&[0b11, 0b1000_1000, 0b1100_0110, 0b1111_1010], 3, 8), Some((0..8).collect()));
        // Five of the number 2, then a packed 1, 0, 1.
        assert_eq!(all(&[10, 2, 3, 0b0000_0101], 1, 8), Some(vec![2, 2, 2, 2, 2, 1, 0, 1]));
        assert_eq!(all(&[10, 2], 1, 6), None);
        assert_eq!(all(&[3], 1, 6), None);
        // A run as long as nothing is takes no time.
        let mut sum = 0;
        runs(&[0x80, 0xD0, 0xAC, 0xF3, 0x0E, 1], 1, 2_000_000_000, &mut |value, times| sum += value as usize * times);
        assert_eq!(sum, 2_000_000_000);
    }

    #[test]
    fn differences_are_added_up() {
        // The example of the format: 7, 5, 3, 1, 2, 3, 4, 5. Differences of -2 and 1, of two bits each, in a block of 128 with four parts.
        let mut bytes = vec![128, 1, 4, 8, 14, 3, 2, 0, 0, 0, 0b1100_0000, 0b0011_1111];
        bytes.resize(18, 0);
        let found = deltas(&bytes, 100).unwrap();
        assert_eq!((found.count, found.end, found.sum, found.largest), (8, 18, 30, 7));
        assert!(deltas(&bytes, 7).is_none());
        // One number needs no block.
        let found = deltas(&[128, 1, 8, 1, 0], 1);
        assert!(found.is_none(), "parts of 16");
        let found = deltas(&[0x80, 0x08, 32, 1, 10], 1).unwrap();
        assert_eq!((found.count, found.end, found.sum), (1, 5, 5));
        assert!(deltas(&bytes[..bytes.len() - 1], 100).is_none());
    }
}
