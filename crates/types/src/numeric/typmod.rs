//! Precision and scale of a column: rounding, and what does not fit.

use copyist_core::{DataError, ErrorCode, Result};

use super::{Numeric, Sign, Wide};

/// Rounds `value` to `scale` decimal places, half away from zero, and checks that it has at most
/// `precision - scale` digits before the point.
pub(super) fn round(value: &mut Wide, precision: u16, scale: i16) -> Result<()> {
    round_to(value, scale.into());
    value.strip();
    value.dscale = scale.max(0).into();
    let Some(first) = value.digits.first() else {
        return Ok(());
    };
    let whole_digits = value.weight * 4 + i64::from(first.ilog10()) + 1;
    let max_digits = i64::from(precision) - i64::from(scale);
    if whole_digits > max_digits { Err(field_overflow(precision, scale)) } else { Ok(()) }
}

fn round_to(value: &mut Wide, scale: i64) {
    // Decimal digits that stay, counted from the first one of the first group.
    let kept = (value.weight + 1) * 4 + scale;
    if kept < 0 {
        value.digits.clear();
        return;
    }
    let (groups, rest) = ((kept / 4) as usize, (kept % 4) as usize);
    let Some(&cut) = value.digits.get(groups) else {
        return;
    };
    // The group that is cut keeps `rest` decimal digits.
    let unit = [10_000, 1000, 100, 10][rest];
    let up = cut % unit >= unit / 2;
    value.digits.truncate(groups);
    let mut carry = u16::from(up);
    if rest > 0 {
        let rounded = cut - cut % unit + carry * unit;
        carry = rounded / 10_000;
        value.digits.push(rounded % 10_000);
    }
    let end = groups;
    for digit in value.digits[..end].iter_mut().rev() {
        if carry == 0 {
            return;
        }
        *digit += 1;
        carry = *digit / 10_000;
        *digit %= 10_000;
    }
    if carry > 0 {
        value.digits.insert(0, 1);
        value.weight += 1;
    }
}

/// An infinity fits no limit at all; NaN fits every one.
pub(super) fn check_infinity(value: &Numeric, typmod: Option<(u16, i16)>) -> Result<()> {
    match typmod {
        Some((precision, scale)) if value.sign != Sign::NaN => {
            Err(error(format!("A field with precision {precision}, scale {scale} cannot hold an infinite value.")))
        }
        _ => Ok(()),
    }
}

#[cold]
fn field_overflow(precision: u16, scale: i16) -> Box<DataError> {
    let limit = match i64::from(precision) - i64::from(scale) {
        0 => "1".to_owned(),
        digits => format!("10^{digits}"),
    };
    error(format!(
        "A field with precision {precision}, scale {scale} must round to an absolute value less than {limit}."
    ))
}

fn error(detail: String) -> Box<DataError> {
    DataError::new(ErrorCode::NumericValueOutOfRange, "numeric field overflow").with_detail(detail)
}
