//! The binary form to `numeric`.

use copyist_core::Result;

use super::typmod::{check_infinity, round};
use super::{Numeric, Wide};
use crate::receive::{invalid, take};

const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xC000;
const INFINITY: u16 = 0xD000;
const NEGATIVE_INFINITY: u16 = 0xF000;
/// Bytes before the digits.
const HEAD: usize = 8;
/// The largest display scale.
const MAX_DSCALE: u16 = 0x3FFF;

/// Reads what `numeric_send` gives, drops digits beyond its display scale, and rounds it to `typmod` = (precision, scale). Returns how
/// many bytes it has, too.
///
/// # Errors
/// 08P01 `insufficient data left in message`; 22P03 `invalid sign in external "numeric" value`, and so for scale and digit; 22003 as
/// [`super::parse`] has it.
pub fn receive(value: &[u8], typmod: Option<(u16, i16)>) -> Result<(Numeric, usize)> {
    let word = |at| take(value, at).map(u16::from_be_bytes);
    let count = usize::from(word(0)?);
    let weight = word(2)? as i16;
    let sign = word(4)?;
    if !matches!(sign, 0 | NEGATIVE | NAN | INFINITY | NEGATIVE_INFINITY) {
        return Err(invalid("invalid sign in external \"numeric\" value"));
    }
    let dscale = word(6)?;
    if dscale > MAX_DSCALE {
        return Err(invalid("invalid scale in external \"numeric\" value"));
    }
    let end = HEAD + 2 * count;
    // As many as there are, not as many as are announced.
    let mut digits = Vec::with_capacity(count.min(value.len() / 2));
    for at in (HEAD..end).step_by(2) {
        let digit = word(at)?;
        if digit > 9999 {
            return Err(invalid("invalid digit in external \"numeric\" value"));
        }
        digits.push(digit);
    }
    let special = match sign {
        NAN => Numeric::NAN,
        INFINITY => Numeric::INFINITY,
        NEGATIVE_INFINITY => Numeric::NEGATIVE_INFINITY,
        _ => {
            let mut wide = Wide { negative: sign == NEGATIVE, weight: weight.into(), dscale: dscale.into(), digits };
            wide.hide();
            if let Some((precision, scale)) = typmod {
                wide.strip();
                round(&mut wide, precision, scale)?;
            }
            return Ok((wide.pack()?, end));
        }
    };
    check_infinity(&special, typmod)?;
    Ok((special, end))
}

impl Wide {
    /// Drops the digits that the display scale hides.
    fn hide(&mut self) {
        let kept = (self.weight + 1) * 4 + self.dscale;
        if kept <= 0 {
            self.digits.clear();
            return;
        }
        let (groups, rest) = ((kept / 4) as usize, (kept % 4) as usize);
        if groups < self.digits.len() {
            self.digits[groups] -= self.digits[groups] % [10_000, 1000, 100, 10][rest];
            self.digits.truncate(groups + usize::from(rest > 0));
        }
    }
}

/// The value times 10^`scale` if it is an ordinary one that `numeric(precision, scale)` holds as it is, and the bytes are whole.
#[inline]
pub fn fast_receive(value: &[u8], precision: u8, scale: u8) -> Option<i128> {
    /// Of base 10000; 64 bits hold them.
    const MOST_DIGITS: usize = 4;
    let (head, digits) = value.split_first_chunk::<HEAD>()?;
    let word = |at: usize| u16::from_be_bytes([head[at], head[at + 1]]);
    let (count, weight, sign, dscale) = (usize::from(word(0)), i32::from(word(2) as i16), word(4), word(6));
    if digits.len() != 2 * count || count > MOST_DIGITS || sign & !NEGATIVE != 0 || dscale > MAX_DSCALE {
        return None;
    }
    let mut unscaled = 0u64;
    for digit in digits.as_chunks::<2>().0 {
        let digit = u16::from_be_bytes(*digit);
        if digit > 9999 {
            return None;
        }
        unscaled = unscaled * 10_000 + u64::from(digit);
    }
    // Power of ten of the last digit.
    let exponent = 4 * (weight - count as i32 + 1);
    let hidden = -exponent - i32::from(dscale);
    if hidden > 0 && unscaled != 0 && !unscaled.is_multiple_of(10u64.checked_pow(hidden as u32)?) {
        return None;
    }
    let shift = exponent + i32::from(scale);
    let shifted = if unscaled == 0 {
        0
    } else if shift >= 0 {
        u128::from(unscaled).checked_mul(10u128.checked_pow(shift as u32)?)?
    } else {
        let divisor = 10u64.checked_pow(shift.unsigned_abs())?;
        if !unscaled.is_multiple_of(divisor) {
            return None;
        }
        u128::from(unscaled / divisor)
    };
    if shifted >= 10u128.checked_pow(precision.into())? {
        return None;
    }
    let shifted = shifted as i128;
    Some(if sign == NEGATIVE { -shifted } else { shifted })
}

impl std::fmt::Display for Numeric {
    /// As the server prints it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        use super::Sign;
        match self.sign {
            Sign::NaN => return f.write_str("NaN"),
            Sign::PositiveInfinity => return f.write_str("Infinity"),
            Sign::NegativeInfinity => return f.write_str("-Infinity"),
            Sign::Negative => f.write_str("-")?,
            Sign::Positive => {}
        }
        let weight = i32::from(self.weight);
        let group = |place: i32| {
            let index = usize::try_from(weight - place).ok();
            index.and_then(|index| self.digits.get(index)).copied().unwrap_or(0)
        };
        write!(f, "{}", group(weight.max(0)))?;
        for place in (0..weight.max(0)).rev() {
            write!(f, "{:04}", group(place))?;
        }
        let mut left = usize::from(self.dscale);
        if left > 0 {
            f.write_str(".")?;
        }
        let mut place = -1;
        while left > 0 {
            let digits = format!("{:04}", group(place));
            f.write_str(&digits[..left.min(4)])?;
            left = left.saturating_sub(4);
            place -= 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    fn sent(text: &str) -> Vec<u8> {
        let mut out = Vec::new();
        parse(text.as_bytes(), None).unwrap().write_binary(&mut out);
        out
    }

    #[test]
    fn what_is_sent_is_received() {
        for text in [
            "0",
            "0.00",
            "1",
            "-1",
            "10000",
            "123456789.000100",
            "-0.00000001",
            "99999999999999999999999999999999999999.5",
            "NaN",
            "Infinity",
            "-Infinity",
            "1e40",
            "0.5",
            "12345678901234.5678",
        ] {
            let sent = sent(text);
            let (number, end) = receive(&sent, None).unwrap();
            assert_eq!(end, sent.len());
            assert_eq!(number, parse(text.as_bytes(), None).unwrap());
            for typmod in [(5, 2), (38, 10), (18, 0), (4, 4)] {
                let expected = parse(text.as_bytes(), Some(typmod)).map(|number| number.to_i128(typmod.1 as u8));
                let slow = receive(&sent, Some(typmod)).map(|(number, _)| number.to_i128(typmod.1 as u8));
                assert_eq!(slow, expected, "{text} {typmod:?}");
                if let Some(fast) = fast_receive(&sent, typmod.0 as u8, typmod.1 as u8) {
                    assert_eq!(Ok(Some(fast)), expected, "{text} {typmod:?}");
                }
            }
        }
        assert_eq!(fast_receive(&sent("-12.50"), 5, 2), Some(-1250));
        assert_eq!(receive(&sent("-12.50"), None).unwrap().0.to_string(), "-12.50");
        for text in ["1234567.00100", "0.00001", "-Infinity", "100000000"] {
            assert_eq!(receive(&sent(text), None).unwrap().0.to_string(), text);
        }
    }

    #[test]
    fn hidden_digits_are_dropped() {
        let of = |words: &[u16]| words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<u8>>();
        // 1.2345 of which two decimals are shown.
        let hidden = of(&[2, 0, 0, 2, 1, 2345]);
        assert_eq!(receive(&hidden, None).unwrap().0.to_string(), "1.23");
        assert_eq!(fast_receive(&hidden, 10, 4), None);
        assert_eq!(receive(&hidden, Some((10, 4))).unwrap().0.to_string(), "1.2300");
        let message = |words: &[u16]| receive(&of(words), None).unwrap_err().message;
        assert_eq!(message(&[1, 0, 0x1000, 0, 1]), "invalid sign in external \"numeric\" value");
        assert_eq!(message(&[1, 0, 0, 0x4000, 1]), "invalid scale in external \"numeric\" value");
        assert_eq!(message(&[1, 0, 0, 0, 10_000]), "invalid digit in external \"numeric\" value");
        assert_eq!(message(&[u16::MAX, 0, 0, 0, 1]), "insufficient data left in message");
    }
}
