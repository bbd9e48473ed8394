//! Plain numbers, whose meaning depends on what came before.

use copyist_core::DateOrder;

use super::{Fields, part};
use crate::fault::Fault;
use crate::number::{fraction, integer32, leading_fraction, micros};

/// What a date has shown so far, apart from its values.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct DateShape {
    /// The month was a word.
    pub(super) month_word: bool,
    /// The year has one or two digits.
    pub(super) short_year: bool,
}

impl Fields {
    /// Reads a number with at most one decimal point as the next part of a literal that has `seen` some parts. The
    /// parts it is.
    pub(super) fn set_number(
        &mut self,
        text: &[u8],
        seen: u32,
        shape: &mut DateShape,
        order: DateOrder,
    ) -> Result<u32, Fault> {
        let (value, rest) = integer32(text);
        let value = value.ok_or(Fault::FieldOverflow)?;
        let digits = text.len() - rest.len();
        if digits == 0 {
            return Err(Fault::BadFormat);
        }
        match rest.first() {
            None => {}
            Some(b'.') if digits > 2 => return self.set_run_together(text, seen | part::DATE, shape),
            Some(b'.') => self.micros = micros(fraction(rest)?),
            Some(_) => return Err(Fault::BadFormat),
        }
        let date = seen & part::DATE;
        if text.len() == 3 && date == part::YEAR && (1..=366).contains(&value) {
            self.day_of_year = value;
            return Ok(part::DAY_OF_YEAR | part::MONTH | part::DAY);
        }
        // Parts that are missing tell which one this is. Only the first, or the second after a month's name, is a
        // matter of DateOrder, unless it is too long for anything but a year.
        const YEAR_AND_MONTH: u32 = part::YEAR | part::MONTH;
        const MONTH_AND_DAY: u32 = part::MONTH | part::DAY;
        let is_year = text.len() >= 3 || order == DateOrder::Ymd;
        let found = match date {
            0 if is_year => part::YEAR,
            0 if order == DateOrder::Dmy => part::DAY,
            0 => part::MONTH,
            part::MONTH if shape.month_word && is_year => part::YEAR,
            part::YEAR | part::DAY => part::MONTH,
            part::MONTH => part::DAY,
            YEAR_AND_MONTH => {
                if shape.month_word && text.len() >= 3 && shape.short_year {
                    // What looked like a year before the month's name was the day.
                    self.day = self.year;
                    self.year = value;
                    shape.short_year = false;
                    return Ok(part::DAY);
                }
                part::DAY
            }
            MONTH_AND_DAY => part::YEAR,
            part::DATE => return self.set_run_together(text, seen, shape),
            _ => return Err(Fault::BadFormat),
        };
        match found {
            part::YEAR => {
                self.year = value;
                shape.short_year = text.len() <= 2;
            }
            part::MONTH => self.month = value,
            _ => self.day = value,
        }
        Ok(found)
    }

    /// Reads digits that are a whole date, `[yy]yymmdd`, or time, `hhmm[ss]`, perhaps with a fraction of a second.
    pub(super) fn set_run_together(&mut self, text: &[u8], seen: u32, shape: &mut DateShape) -> Result<u32, Fault> {
        if !text.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.') {
            return Err(Fault::BadFormat);
        }
        let digits = match text.iter().position(|&byte| byte == b'.') {
            Some(point) => {
                self.micros = micros(leading_fraction(&text[point..]));
                &text[..point]
            }
            None if seen & part::DATE != part::DATE && text.len() >= 6 => {
                let (year, month_day) = text.split_at(text.len() - 4);
                self.year = wrapped(year);
                self.month = wrapped(&month_day[..2]);
                self.day = wrapped(&month_day[2..]);
                if year.len() == 2 {
                    shape.short_year = true;
                }
                return Ok(part::DATE);
            }
            None => text,
        };
        if seen & part::TIME == part::TIME || !matches!(digits.len(), 4 | 6) {
            return Err(Fault::BadFormat);
        }
        self.hour = wrapped(&digits[..2]);
        self.minute = wrapped(&digits[2..4]);
        self.second = wrapped(&digits[4..]);
        Ok(part::TIME)
    }
}

/// The server's reading of digits without a check for overflow: saturating at 64 bits, then the low 32.
fn wrapped(digits: &[u8]) -> i32 {
    let value =
        digits.iter().fold(0i64, |value, digit| value.saturating_mul(10).saturating_add(i64::from(digit - b'0')));
    value as i32
}
