//! `numeric`.
//!
//! A value is kept as the server keeps it: base-10000 digits, the power of 10000 of the first one (`weight`), and the
//! number of decimal digits to show after the point (`dscale`).

mod fast;
mod parse;
mod receive;
mod typmod;

pub use fast::{fast_binary, fast_decimal};
pub use parse::parse;
pub use receive::{fast_receive, receive};

use copyist_core::{DataError, ErrorCode};

/// The sign of a value, or which special value it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    Positive,
    Negative,
    NaN,
    PositiveInfinity,
    NegativeInfinity,
}

/// A `numeric` value as PostgreSQL stores it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numeric {
    sign: Sign,
    /// Power of 10000 of `digits[0]`.
    weight: i16,
    /// Decimal digits after the point, 0 to 16383.
    dscale: u16,
    /// Each 0 to 9999; neither the first nor the last is 0.
    digits: Vec<u16>,
}

const SPECIAL_DSCALE: u16 = 32;

impl Numeric {
    /// Not a number.
    pub const NAN: Self = Self::special(Sign::NaN, 0);
    /// Positive infinity.
    pub const INFINITY: Self = Self::special(Sign::PositiveInfinity, SPECIAL_DSCALE);
    /// Negative infinity.
    pub const NEGATIVE_INFINITY: Self = Self::special(Sign::NegativeInfinity, SPECIAL_DSCALE);

    /// The scale of an infinity has no meaning, but the server sends one.
    const fn special(sign: Sign, dscale: u16) -> Self {
        Self { sign, weight: 0, dscale, digits: Vec::new() }
    }

    /// The sign, or which special value it is. Zero is positive.
    pub fn sign(&self) -> Sign {
        self.sign
    }

    /// Number of decimal digits after the point.
    pub fn scale(&self) -> u16 {
        self.dscale
    }

    /// Whether it is a number, neither NaN nor an infinity.
    pub fn is_finite(&self) -> bool {
        matches!(self.sign, Sign::Positive | Sign::Negative)
    }

    /// Appends the form that `numeric_send` gives: four 16-bit words (digit count, weight, sign, display scale), then
    /// the digits, all big-endian.
    pub fn write_binary(&self, out: &mut Vec<u8>) {
        let sign: u16 = match self.sign {
            Sign::Positive => 0x0000,
            Sign::Negative => 0x4000,
            Sign::NaN => 0xC000,
            Sign::PositiveInfinity => 0xD000,
            Sign::NegativeInfinity => 0xF000,
        };
        out.reserve(8 + 2 * self.digits.len());
        for word in [self.digits.len() as u16, self.weight as u16, sign, self.dscale] {
            out.extend_from_slice(&word.to_be_bytes());
        }
        out.extend(self.digits.iter().flat_map(|digit| digit.to_be_bytes()));
    }

    /// The value times 10^`scale`, if that is an integer within range.
    pub fn to_i128(&self, scale: u8) -> Option<i128> {
        if !self.is_finite() {
            return None;
        }
        let mut value = 0i128;
        for (digit, place) in self.digits.iter().zip((i32::from(i16::MIN)..=i32::from(self.weight)).rev()) {
            // The digit counts 10^(4 × place + scale) times, of which a part may be below one.
            let exponent = 4 * place + i32::from(scale);
            let digit = i128::from(*digit);
            let term = if exponent >= 0 {
                digit.checked_mul(10i128.checked_pow(exponent as u32)?)?
            } else {
                let divisor = 10i128.checked_pow(exponent.unsigned_abs())?;
                if digit % divisor != 0 {
                    return None;
                }
                digit / divisor
            };
            value = value.checked_add(term)?;
        }
        Some(if self.sign == Sign::Negative { -value } else { value })
    }
}

/// A finite value while it is worked out: no field is limited to its stored range yet, and there may be zeros at both
/// ends of the digits.
struct Wide {
    negative: bool,
    weight: i64,
    dscale: i64,
    digits: Vec<u16>,
}

impl Wide {
    /// Drops zeros at both ends; zero itself is positive and has weight 0.
    fn strip(&mut self) {
        let leading = self.digits.iter().take_while(|digit| **digit == 0).count();
        self.digits.drain(..leading);
        self.weight -= leading as i64;
        while self.digits.last() == Some(&0) {
            self.digits.pop();
        }
        if self.digits.is_empty() {
            self.weight = 0;
            self.negative = false;
        }
    }

    /// The stored form.
    fn pack(mut self) -> copyist_core::Result<Numeric> {
        const MAX_DSCALE: i64 = 0x3FFF;
        self.strip();
        let Ok(weight) = i16::try_from(self.weight) else {
            return Err(overflow());
        };
        if self.dscale > MAX_DSCALE {
            return Err(overflow());
        }
        let sign = if self.negative { Sign::Negative } else { Sign::Positive };
        Ok(Numeric { sign, weight, dscale: self.dscale as u16, digits: self.digits })
    }
}

#[cold]
fn overflow() -> Box<DataError> {
    DataError::new(ErrorCode::NumericValueOutOfRange, "value overflows numeric format")
}

#[cfg(test)]
mod tests;
