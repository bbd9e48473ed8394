//! Redshift's `'auto'`: the form of each value is seen in the value.

use super::misfit::{Misfit, Reason};
use super::names::{self, Length};
use super::parts::{Parts, Slot, ZoneFound};
use super::program::ZoneForm;
use super::zone;

/// A position in the value.
struct Reader<'v> {
    value: &'v [u8],
    at: usize,
    parts: Parts,
}

type Step<T = ()> = Result<T, (usize, Reason)>;

/// Reads a value of a known form.
pub(super) fn read(value: &[u8]) -> Result<Parts, Misfit> {
    let at = value.len() - value.trim_ascii_start().len();
    let end = at + value.trim_ascii().len();
    let mut reader = Reader { value: &value[..end], at, parts: Parts::new(0) };
    match reader.moment() {
        Ok(()) => Ok(reader.parts),
        Err((at, reason)) => Err(Misfit::whole(at, reason)),
    }
}

impl Reader<'_> {
    fn rest(&self) -> &[u8] {
        &self.value[self.at..]
    }

    fn peek(&self) -> u8 {
        self.rest().first().copied().unwrap_or(0)
    }

    fn unknown<T>(&self) -> Step<T> {
        Err((self.at, Reason::UnknownForm))
    }

    /// Takes this byte if it is next.
    fn take(&mut self, byte: u8) -> bool {
        let is_next = self.rest().first() == Some(&byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn skip_spaces(&mut self) -> bool {
        let len = self.rest().iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        self.at += len;
        len > 0
    }

    /// How many digits are next.
    fn digits(&self) -> usize {
        self.rest().iter().take_while(|byte| byte.is_ascii_digit()).count()
    }

    /// The number of that many digits, nine at most.
    fn number(&mut self, count: usize) -> i32 {
        let digits = &self.rest()[..count];
        let value = digits.iter().fold(0, |value, digit| value * 10 + i32::from(digit - b'0'));
        self.at += count;
        value
    }

    fn set(&mut self, slot: Slot, value: i32) -> Step {
        let (least, most) = slot.range();
        if value < least || value > most {
            return Err((self.at, Reason::FieldRange));
        }
        self.parts.set(slot, value);
        Ok(())
    }

    fn moment(&mut self) -> Step {
        if self.digits() > 0 && matches!(self.rest().get(self.digits()), Some(b':')) {
            self.clock()?;
        } else {
            self.date()?;
            // A date in digits is before `T` or white space, a time in digits after.
            let has_separator = self.skip_spaces() || (self.peek() == b'T' && self.digits_after_t() && self.take(b'T'));
            if has_separator && self.digits() > 0 {
                self.clock()?;
            }
        }
        self.skip_spaces();
        if let Some((era, len)) = names::era(self.rest(), false).filter(|_| self.parts.has(super::parts::DATE))
            && self.rest().len() == len
        {
            self.set(Slot::Era, era)?;
            self.at += len;
        }
        if self.rest().is_empty() { Ok(()) } else { Err((self.at, Reason::Trailing)) }
    }

    fn digits_after_t(&self) -> bool {
        self.rest().get(1).is_some_and(u8::is_ascii_digit)
    }

    fn year(&mut self, count: usize) -> Step {
        match count {
            4 => {
                let year = self.number(count);
                self.set(Slot::Year, year)
            }
            _ if count < 4 => Err((self.at, Reason::NoCentury)),
            _ => self.unknown(),
        }
    }

    fn short(&mut self, slot: Slot) -> Step {
        match self.digits() {
            count @ 1..=2 => {
                let value = self.number(count);
                self.set(slot, value)
            }
            _ => self.unknown(),
        }
    }

    fn expect(&mut self, byte: u8) -> Step {
        if self.take(byte) { Ok(()) } else { self.unknown() }
    }

    fn date(&mut self) -> Step {
        if let Some((_, len)) = names::weekday(self.rest(), Length::Either) {
            self.at += len;
            self.take(b',');
            if !self.skip_spaces() {
                return self.unknown();
            }
        }
        match self.digits() {
            0 => self.date_of_word(),
            8 => {
                let digits = self.number(8);
                self.set(Slot::Year, digits / 10_000)?;
                self.set(Slot::Month, digits / 100 % 100)?;
                self.set(Slot::Day, digits % 100)
            }
            count @ 4 => {
                self.year(count)?;
                let separator = self.peek();
                if !matches!(separator, b'-' | b'/' | b'.') {
                    return self.unknown();
                }
                self.at += 1;
                if self.digits() == 3 && separator != b'/' {
                    let day = self.number(3);
                    return self.set(Slot::DayOfYear, day);
                }
                match names::month(self.rest(), Length::Either) {
                    Some((month, len)) => {
                        self.at += len;
                        self.set(Slot::Month, month)?;
                    }
                    None => self.short(Slot::Month)?,
                }
                self.expect(separator)?;
                self.short(Slot::Day)
            }
            count @ 1..=2 => {
                let first = self.number(count);
                let separator = self.peek();
                if matches!(separator, b'-' | b'/' | b'.') && self.rest().get(1).is_some_and(u8::is_ascii_digit) {
                    return self.numeric_date(first, separator);
                }
                self.set(Slot::Day, first)?;
                if names::ordinal_ending(self.rest()).is_some() {
                    self.at += 2;
                }
                let separator = if self.take(b'-') {
                    b'-'
                } else if self.skip_spaces() {
                    b' '
                } else {
                    return self.unknown();
                };
                self.month_name()?;
                self.separate(separator)?;
                self.year(self.digits())
            }
            // Six digits may be a date or a time, and of one without its century.
            6 => Err((self.at, Reason::NoCentury)),
            _ => self.unknown(),
        }
    }

    /// Month, day and year in numbers, in the order that one reading leaves.
    fn numeric_date(&mut self, first: i32, separator: u8) -> Step {
        let start = self.at;
        self.at += 1;
        let count = self.digits();
        if count > 2 {
            return self.unknown();
        }
        let second = self.number(count);
        self.expect(separator)?;
        if self.digits() == 0 {
            return self.unknown();
        }
        self.year(self.digits())?;
        let (month, day) = match (first <= 12, second <= 12) {
            (true, true) if first != second => return Err((start, Reason::EitherOrder)),
            (true, _) => (first, second),
            (false, _) => (second, first),
        };
        self.set(Slot::Month, month)?;
        self.set(Slot::Day, day)
    }

    fn month_name(&mut self) -> Step {
        let Some((month, len)) = names::month(self.rest(), Length::Either) else { return self.unknown() };
        self.at += len;
        self.set(Slot::Month, month)?;
        // `Sept`, and the point of an abbreviation.
        if month == 9 && self.value[..self.at].last().is_some_and(|byte| byte.eq_ignore_ascii_case(&b'p')) {
            self.at += usize::from(self.peek().eq_ignore_ascii_case(&b't'));
        }
        self.take(b'.');
        Ok(())
    }

    /// The separator between a month's name and its neighbours.
    fn separate(&mut self, separator: u8) -> Step {
        if separator == b'-' {
            return self.expect(b'-');
        }
        let comma = self.take(b',');
        if self.skip_spaces() || comma { Ok(()) } else { self.unknown() }
    }

    /// `January 8, 1999`, `Jan-08-1999`, or a Julian day.
    fn date_of_word(&mut self) -> Step {
        if matches!(self.peek(), b'J' | b'j') && self.rest().get(1).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
            let count = self.digits();
            if count > 7 {
                return Err((self.at, Reason::FieldRange));
            }
            let day = self.number(count);
            return self.set(Slot::JulianDay, day);
        }
        self.month_name()?;
        let separator = if self.take(b'-') { b'-' } else { b' ' };
        if separator == b' ' && !self.skip_spaces() {
            return self.unknown();
        }
        self.short(Slot::Day)?;
        if names::ordinal_ending(self.rest()).is_some() {
            self.at += 2;
        }
        self.separate(separator)?;
        self.year(self.digits())
    }

    /// `HH:MM[:SS[.f]] [AM|PM] [zone]`, or `HHMM[SS[.f]]` after a date.
    fn clock(&mut self) -> Step {
        let (hour, minute) = match self.digits() {
            count @ (4 | 6) if self.parts.has(super::parts::DATE) => {
                let hour = self.number(2);
                let minute = self.number(2);
                if count == 6 {
                    let second = self.number(2);
                    self.set(Slot::Second, second)?;
                }
                (hour, minute)
            }
            count @ 1..=2 => {
                let hour = self.number(count);
                self.expect(b':')?;
                if self.digits() != 2 {
                    return self.unknown();
                }
                let minute = self.number(2);
                if self.take(b':') {
                    if self.digits() != 2 {
                        return self.unknown();
                    }
                    let second = self.number(2);
                    self.set(Slot::Second, second)?;
                }
                (hour, minute)
            }
            _ => return self.unknown(),
        };
        if self.parts.has(Slot::Second.bit()) && self.take(b'.') {
            let count = self.digits();
            if !(1..=9).contains(&count) {
                return self.unknown();
            }
            let mut nanos = self.number(count);
            for _ in count..9 {
                nanos *= 10;
            }
            self.parts.set(Slot::Fraction, nanos);
        }
        self.set(Slot::Minute, minute)?;
        let end = self.at;
        self.skip_spaces();
        // Not the start of `America/New_York`.
        let is_whole = |(_, len): &(i32, usize)| !self.rest().get(*len).is_some_and(u8::is_ascii_alphabetic);
        let half = names::meridiem(self.rest(), false).filter(is_whole).or_else(|| names::meridiem(self.rest(), true));
        match half {
            Some((half, len)) => {
                if !(1..=12).contains(&hour) {
                    return Err((self.at, Reason::HalfHour(hour)));
                }
                self.at += len;
                self.set(Slot::Meridiem, half)?;
                self.set(Slot::HalfHour, hour)?;
            }
            None => {
                self.at = end;
                self.set(Slot::Hour, hour)?;
            }
        }
        self.zone()
    }

    fn zone(&mut self) -> Step {
        let end = self.at;
        self.skip_spaces();
        let rest = self.rest();
        let is_era = names::era(rest, false).is_some_and(|(_, len)| rest.len() == len);
        if rest.is_empty() || is_era || !(rest[0].is_ascii_alphabetic() || matches!(rest[0], b'+' | b'-')) {
            self.at = end;
            return Ok(());
        }
        let at = self.at;
        let (found, end) = zone::read(self.value, at, ZoneForm::Any).map_err(|reason| (at, reason))?;
        if let ZoneFound::Offset(_) | ZoneFound::Word(..) = found {
            self.parts.zone = found;
            self.parts.set(Slot::Zone, 0);
        }
        self.at = end;
        Ok(())
    }
}
