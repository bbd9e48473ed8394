//! Redshift's `epochsecs` and `epochmillisecs`.

use super::misfit::Reason;
use crate::calendar::{MICROS_PER_SECOND, SECONDS_PER_DAY, UNIX_TO_POSTGRES_DAYS};

/// What one is in the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Second,
    Millisecond,
}

/// Reads `[±]digits[.digits]` since 1970-01-01 00:00:00 UTC as microseconds since 2000-01-01 00:00:00 UTC, rounded half
/// to even. The byte that is wrong, or the reason.
pub(super) fn read(value: &[u8], unit: Unit) -> Result<i64, (usize, Reason)> {
    let leading = value.len() - value.trim_ascii_start().len();
    let text = value.trim_ascii();
    let sign = usize::from(matches!(text.first(), Some(b'+' | b'-')));
    let is_negative = text.first() == Some(&b'-');
    let whole_len = text[sign..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (whole, rest) = text[sign..].split_at(whole_len);
    let fraction = match rest.split_first() {
        None => &[][..],
        Some((b'.', digits)) => digits,
        Some(_) => return Err((leading + sign + whole_len, Reason::NotNumber)),
    };
    if let Some(wrong) = fraction.iter().position(|byte| !byte.is_ascii_digit()) {
        return Err((leading + sign + whole_len + 1 + wrong, Reason::NotNumber));
    }
    // A lone point, or a point without digits on either side, is no number.
    if whole.is_empty() || (fraction.is_empty() && !rest.is_empty()) {
        return Err((leading + sign + whole_len, Reason::NotNumber));
    }
    let out_of_range = (leading, Reason::ValueRange);
    let (scale, digits) = match unit {
        Unit::Second => (MICROS_PER_SECOND, 6),
        Unit::Millisecond => (MICROS_PER_SECOND / 1_000, 3),
    };
    let whole = whole.iter().try_fold(0i64, |value, digit| value.checked_mul(10)?.checked_add(i64::from(digit - b'0')));
    let whole = whole.and_then(|whole| whole.checked_mul(scale)).ok_or(out_of_range)?;
    let kept = &fraction[..fraction.len().min(digits)];
    let mut micros = kept.iter().fold(0, |value, digit| value * 10 + i64::from(digit - b'0'));
    for _ in kept.len()..digits {
        micros *= 10;
    }
    if let Some((first, rest)) = fraction[kept.len()..].split_first() {
        let is_half = *first == b'5' && rest.iter().all(|digit| *digit == b'0');
        micros += i64::from(*first >= b'5' && (!is_half || micros % 2 == 1));
    }
    let unix = whole.checked_add(micros).ok_or(out_of_range)?;
    let unix = if is_negative { -unix } else { unix };
    unix.checked_sub(UNIX_TO_POSTGRES_DAYS * SECONDS_PER_DAY * MICROS_PER_SECOND).ok_or(out_of_range)
}
