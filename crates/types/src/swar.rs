//! Decimal digits to numbers, eight or sixteen at a time in one register.
//!
//! Words are loaded so that they *end* where the field ends: in little-endian order the field's last byte is the most
//! significant, whatever lies before the field is shifted out, and what takes its place counts as the digit 0.

/// The last `N` bytes of `buf[..end]`, zero-filled in front where `buf` has fewer.
#[inline(always)]
fn tail<const N: usize>(buf: &[u8], end: usize) -> [u8; N] {
    let before = &buf[..end];
    match before.last_chunk::<N>() {
        Some(chunk) => *chunk,
        None => short_tail(before),
    }
}

#[cold]
#[inline(never)]
fn short_tail<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut filled = [0; N];
    filled[N - bytes.len()..].copy_from_slice(bytes);
    filled
}

/// The `len` (1 to 8) bytes before `end`, as one word ending there, zero-filled in front.
#[inline(always)]
fn load8(buf: &[u8], end: usize, len: usize) -> u64 {
    let shift = 64 - 8 * len as u32;
    (u64::from_le_bytes(tail(buf, end)) >> shift) << shift
}

/// The `len` (1 to 16) bytes before `end`, as one word ending there, zero-filled in front.
#[inline(always)]
fn load16(buf: &[u8], end: usize, len: usize) -> u128 {
    let shift = 128 - 8 * len as u32;
    (u128::from_le_bytes(tail(buf, end)) >> shift) << shift
}

/// The number written by the `len` (1 to 8) ASCII digits before `end`, or `None` if one is no digit.
#[inline(always)]
pub(crate) fn digits8(buf: &[u8], end: usize, len: usize) -> Option<u64> {
    let shift = 64 - 8 * len as u32;
    let nibbles = ((u64::from_le_bytes(tail(buf, end)) ^ ZEROES8) >> shift) << shift;
    is_decimal8(nibbles).then(|| number8(nibbles))
}

const ZEROES8: u64 = u64::from_ne_bytes([b'0'; 8]);

/// Whether every byte is 0 to 9. A carry out of a byte can only come from a byte above 0x89, whose own top bit is set.
#[inline(always)]
fn is_decimal8(nibbles: u64) -> bool {
    (nibbles.wrapping_add(0x7676_7676_7676_7676) | nibbles) & 0x8080_8080_8080_8080 == 0
}

/// The number whose decimal digits are the bytes of `nibbles`, the least significant byte being the first digit.
#[inline(always)]
fn number8(nibbles: u64) -> u64 {
    let pairs = (nibbles.wrapping_mul(10 << 8 | 1) >> 8) & 0x00FF_00FF_00FF_00FF;
    let fours = (pairs.wrapping_mul(100 << 16 | 1) >> 16) & 0x0000_FFFF_0000_FFFF;
    fours.wrapping_mul(10_000 << 32 | 1) >> 32
}

/// An unsigned decimal: its digits as one number, and how many of them follow the point.
#[derive(Clone, Copy)]
pub(crate) struct Decimal {
    pub(crate) digits: u64,
    pub(crate) scale: u32,
}

/// Reads `len` (1 to 16) bytes before `end` as digits with at most one point and at least one digit.
#[inline(always)]
pub(crate) fn decimal16(buf: &[u8], end: usize, len: usize) -> Option<Decimal> {
    if len <= 8 { decimal_in_word(load8(buf, end, len), len) } else { decimal_in_two_words(load16(buf, end, len), len) }
}

/// The point is squeezed out of the register, so that the digits on both of its sides become one number.
#[inline(always)]
fn decimal_in_word(word: u64, len: usize) -> Option<Decimal> {
    let points = points8(word);
    let (digits, scale) = if points == 0 {
        (word, 0)
    } else {
        if len == 1 {
            return None;
        }
        let after_point = points.leading_zeros();
        // All bits up to those of the last point; a second one stays and is no digit.
        let upto = u64::MAX >> after_point;
        ((word & !upto) | ((word & (upto >> 8)) << 8), after_point / 8)
    };
    let len = len as u32 - u32::from(points != 0);
    let shift = 64 - 8 * len;
    let nibbles = ((digits ^ ZEROES8) >> shift) << shift;
    if is_decimal8(nibbles) { Some(Decimal { digits: number8(nibbles), scale }) } else { None }
}

/// As [`decimal_in_word`], for more than eight bytes.
#[inline(always)]
fn decimal_in_two_words(word: u128, len: usize) -> Option<Decimal> {
    let points = u128::from(points8((word >> 64) as u64)) << 64 | u128::from(points8(word as u64));
    let (digits, scale) = if points == 0 {
        (word, 0)
    } else {
        let after_point = points.leading_zeros();
        let upto = u128::MAX >> after_point;
        ((word & !upto) | ((word & (upto >> 8)) << 8), after_point / 8)
    };
    let len = len as u32 - u32::from(points != 0);
    let shift = 128 - 8 * len;
    let nibbles = ((digits ^ u128::from_ne_bytes([b'0'; 16])) >> shift) << shift;
    let (low, high) = (nibbles as u64, (nibbles >> 64) as u64);
    if is_decimal8(low) && is_decimal8(high) {
        Some(Decimal { digits: number8(low) * 100_000_000 + number8(high), scale })
    } else {
        None
    }
}

/// The top bit of every byte that is a `.`, exactly.
#[inline(always)]
fn points8(word: u64) -> u64 {
    const LOW7: u64 = 0x7F7F_7F7F_7F7F_7F7F;
    let differs = word ^ u64::from_ne_bytes([b'.'; 8]);
    !(((differs & LOW7) + LOW7) | differs | LOW7)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_second_point_is_refused() {
        assert!(decimal16(b"1.2.3", 5, 5).is_none());
        assert!(decimal16(b".", 1, 1).is_none());
    }

    #[test]
    fn a_point_may_be_first_or_last() {
        for (text, digits, scale) in [
            ("5.", 5, 0),
            (".5", 5, 1),
            (".1234567", 1_234_567, 7),
            ("1234567.", 1_234_567, 0),
            ("12345678.", 12_345_678, 0),
            (".123456789012345", 123_456_789_012_345, 15),
            ("123456789012345.", 123_456_789_012_345, 0),
        ] {
            let decimal = decimal16(text.as_bytes(), text.len(), text.len()).unwrap();
            assert_eq!((decimal.digits, decimal.scale), (digits, scale), "{text}");
        }
    }

    proptest! {
        #[test]
        fn eight_digits(front in "[0-9a-z]{0,12}", text in "[0-9]{1,8}") {
            let buf = format!("{front}{text}");
            prop_assert_eq!(digits8(buf.as_bytes(), buf.len(), text.len()), text.parse().ok());
        }

        #[test]
        fn any_other_byte_is_refused(text in prop::collection::vec(any::<u8>(), 1..=8)) {
            let plain = text.iter().all(u8::is_ascii_digit);
            prop_assert_eq!(digits8(&text, text.len(), text.len()).is_some(), plain);
        }

        #[test]
        fn decimals(front in "[0-9.]{0,20}", whole in "[0-9]{0,8}", fraction in "[0-9]{1,7}") {
            let text = format!("{whole}.{fraction}");
            let buf = format!("{front}{text}");
            let decimal = decimal16(buf.as_bytes(), buf.len(), text.len()).unwrap();
            prop_assert_eq!(decimal.digits, format!("{whole}{fraction}").parse::<u64>().unwrap());
            prop_assert_eq!(decimal.scale as usize, fraction.len());
        }
    }
}
