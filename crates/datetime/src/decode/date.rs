//! Dates in one field, and the checks once all fields are known.

use copyist_core::DateOrder;

use super::number::DateShape;
use super::{Fields, part};
use crate::calendar::{date_from_julian, days_in_month, julian_from_date};
use crate::fault::Fault;
use crate::keyword::{DateWord, date_word};

/// Most parts a date may be cut into.
const MAX_PARTS: usize = 25;

impl Fields {
    /// Reads a date whose parts are joined by punctuation. The parts it has.
    pub(super) fn set_date(
        &mut self,
        text: &[u8],
        mut seen: u32,
        shape: &mut DateShape,
        order: DateOrder,
    ) -> Result<u32, Fault> {
        let mut parts: [&[u8]; MAX_PARTS] = [&[]; MAX_PARTS];
        let mut count = 0;
        let mut rest = text;
        while !rest.is_empty() && count < MAX_PARTS {
            let Some(start) = rest.iter().position(u8::is_ascii_alphanumeric) else { return Err(Fault::BadFormat) };
            rest = &rest[start..];
            let same_class = if rest[0].is_ascii_digit() { u8::is_ascii_digit } else { u8::is_ascii_alphabetic };
            let end = rest.iter().position(|byte| !same_class(byte)).unwrap_or(rest.len());
            parts[count] = &rest[..end];
            count += 1;
            // The byte after a part is dropped, whatever it is.
            rest = rest.get(end + 1..).unwrap_or(&[]);
        }
        let parts = &mut parts[..count];

        // The month's name is unambiguous, so it comes first.
        let mut shape_here = DateShape { month_word: false, short_year: shape.short_year };
        let mut found = 0;
        for part in parts.iter_mut().filter(|part| part[0].is_ascii_alphabetic()) {
            match date_word(part) {
                Some(DateWord::Ignored) => continue,
                Some(DateWord::Month(month)) => self.month = month,
                _ => return Err(Fault::BadFormat),
            }
            if seen & part::MONTH != 0 {
                return Err(Fault::BadFormat);
            }
            shape_here.month_word = true;
            seen |= part::MONTH;
            found |= part::MONTH;
            *part = &[];
        }
        let micros = self.micros;
        for part in parts.iter().filter(|part| !part.is_empty()) {
            let new = self.set_number(part, seen, &mut shape_here, order)?;
            if seen & new != 0 {
                return Err(Fault::BadFormat);
            }
            seen |= new;
            found |= new;
        }
        // A date has no fraction of a second to give.
        self.micros = micros;
        shape.short_year = shape_here.short_year;
        if seen & !(part::DAY_OF_YEAR | part::ZONE) != part::DATE {
            return Err(Fault::BadFormat);
        }
        Ok(found)
    }

    /// Checks year, month and day as far as they are `seen`, and makes the year astronomical: 1 BC is 0.
    pub(super) fn validate_date(
        &mut self,
        seen: u32,
        is_julian_day: bool,
        shape: DateShape,
        before_christ: bool,
    ) -> Result<(), Fault> {
        if seen & part::YEAR != 0 && !is_julian_day {
            if before_christ {
                if self.year <= 0 {
                    return Err(Fault::FieldOverflow);
                }
                self.year = 1 - self.year;
            } else if shape.short_year {
                match self.year {
                    ..0 => return Err(Fault::FieldOverflow),
                    0..70 => self.year += 2000,
                    70..100 => self.year += 1900,
                    _ => {}
                }
            } else if self.year <= 0 {
                return Err(Fault::FieldOverflow);
            }
        }
        if seen & part::DAY_OF_YEAR != 0 {
            let julian = julian_from_date(self.year, 1, 1).wrapping_add(self.day_of_year - 1);
            (self.year, self.month, self.day) = date_from_julian(julian);
        }
        if seen & part::MONTH != 0 && !(1..=12).contains(&self.month) {
            return Err(Fault::MonthDayOverflow);
        }
        if seen & part::DAY != 0 && !(1..=31).contains(&self.day) {
            return Err(Fault::MonthDayOverflow);
        }
        if seen & part::DATE == part::DATE && self.day > days_in_month(self.year, self.month) {
            return Err(Fault::FieldOverflow);
        }
        Ok(())
    }
}
