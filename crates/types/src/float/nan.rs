//! `nan` and `nan(payload)`, as C reads them.

use super::{Float, Prefix};
use crate::ascii::{at, hex_value};

/// A quiet NaN with the low bits of `payload`.
pub(super) fn value<F: Float>(payload: u64) -> F {
    let quiet = 1u64 << (F::SIGNIFICAND_BITS - 1);
    let exponent = (2 * (1 - F::MIN_EXPONENT) + 1) as u64;
    F::from_bits64(exponent << F::SIGNIFICAND_BITS | quiet | payload & (quiet - 1))
}

/// Reads the word at `s[start..start + 3]` and the parentheses behind it, if these hold only letters, digits and `_`.
pub(super) fn parse<F: Float>(s: &[u8], start: usize) -> Prefix<F> {
    let bare = Prefix { value: value(0), end: start + 3, range_error: false };
    if at(s, bare.end) != b'(' {
        return bare;
    }
    let first = bare.end + 1;
    let mut close = first;
    while at(s, close).is_ascii_alphanumeric() || at(s, close) == b'_' {
        close += 1;
    }
    if at(s, close) != b')' {
        return bare;
    }
    let (payload, range_error) = payload(&s[first..close]);
    Prefix { value: value(payload), end: close + 1, range_error }
}

/// The number in C's decimal, octal or hexadecimal notation, or 0 if it is anything else; and whether it is too large.
fn payload(text: &[u8]) -> (u64, bool) {
    let (radix, digits) = match text {
        [b'0', b'x' | b'X', rest @ ..] if rest.first().is_some_and(|byte| hex_value(*byte) < 16) => (16, rest),
        [b'0', ..] => (8, text),
        _ => (10, text),
    };
    let mut number = Some(0u64);
    let mut any_other = false;
    for byte in digits {
        let digit = hex_value(*byte);
        if digit >= radix {
            any_other = true;
            break;
        }
        number = number.and_then(|n| n.checked_mul(radix.into())?.checked_add(digit.into()));
    }
    match number {
        // The payload counts only if all of the text is the number, but the range error does in any case.
        Some(number) => (if any_other { 0 } else { number }, false),
        None => (if any_other { 0 } else { u64::MAX }, true),
    }
}
