//! Fields to an interval: PostgreSQL's own notation and that of the SQL standard.

use copyist_core::IntervalStyle;

use super::part;
use super::time::clock;
use crate::calendar::{MICROS_PER_DAY, MICROS_PER_HOUR, MICROS_PER_MINUTE, MICROS_PER_SECOND};
use crate::fault::Fault;
use crate::keyword::{DateWord, IntervalWord, Unit, date_word, interval_word};
use crate::number::{fraction, integer, integer32};
use crate::token::{Kind, Tokens};

const DAYS_PER_WEEK: i32 = 7;
/// What a fraction of a month is worth.
const DAYS_PER_MONTH: i32 = 30;
const MONTHS_PER_YEAR: i32 = 12;

/// What a literal denotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IntervalValue {
    Finite(Amounts),
    Infinity,
    NegativeInfinity,
}

/// The sums of an interval's parts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Amounts {
    pub(crate) years: i32,
    pub(crate) months: i32,
    pub(crate) days: i32,
    pub(crate) micros: i64,
}

impl Amounts {
    /// Adds a number with a fraction, which is carried into smaller units: fractions of a year and longer become
    /// whole months, fractions of a month and a week become days and a rest of time.
    pub(super) fn add(&mut self, unit: Unit, whole: i64, fraction: f64) -> Result<(), Fault> {
        let added = match unit {
            Unit::Microsecond => self.add_micros(whole, fraction, 1),
            Unit::Millisecond => self.add_micros(whole, fraction, 1000),
            Unit::Second => self.add_micros(whole, fraction, MICROS_PER_SECOND),
            Unit::Minute => self.add_micros(whole, fraction, MICROS_PER_MINUTE),
            Unit::Hour => self.add_micros(whole, fraction, MICROS_PER_HOUR),
            Unit::Day => self.add_days(whole, 1).and_then(|()| self.add_fraction_of_micros(fraction, MICROS_PER_DAY)),
            Unit::Week => {
                self.add_days(whole, DAYS_PER_WEEK).and_then(|()| self.add_fraction_of_days(fraction, DAYS_PER_WEEK))
            }
            Unit::Month => self.add_months(whole).and_then(|()| self.add_fraction_of_days(fraction, DAYS_PER_MONTH)),
            Unit::Year => self.add_years(whole, fraction, 1),
            Unit::Decade => self.add_years(whole, fraction, 10),
            Unit::Century => self.add_years(whole, fraction, 100),
            Unit::Millennium => self.add_years(whole, fraction, 1000),
            Unit::Unusable => return Err(Fault::BadFormat),
        };
        added.ok_or(Fault::FieldOverflow)
    }

    fn add_micros(&mut self, whole: i64, fraction: f64, scale: i64) -> Option<()> {
        self.micros = self.micros.checked_add(whole.checked_mul(scale)?)?;
        self.add_fraction_of_micros(fraction, scale)
    }

    /// Adds a fraction, rounded to the nearest microsecond and exact halves towards 0.
    fn add_fraction_of_micros(&mut self, fraction: f64, scale: i64) -> Option<()> {
        let scaled = fraction * scale as f64;
        let whole = scaled as i64;
        let rest = scaled - whole as f64;
        let rounded = whole + i64::from(rest > 0.5) - i64::from(rest < -0.5);
        self.micros = self.micros.checked_add(rounded)?;
        Some(())
    }

    fn add_days(&mut self, whole: i64, scale: i32) -> Option<()> {
        let days = i32::try_from(whole).ok()?.checked_mul(scale)?;
        self.days = self.days.checked_add(days)?;
        Some(())
    }

    fn add_fraction_of_days(&mut self, fraction: f64, scale: i32) -> Option<()> {
        let scaled = fraction * f64::from(scale);
        let days = scaled as i32;
        self.days = self.days.checked_add(days)?;
        self.add_fraction_of_micros(scaled - f64::from(days), MICROS_PER_DAY)
    }

    fn add_months(&mut self, whole: i64) -> Option<()> {
        self.months = self.months.checked_add(i32::try_from(whole).ok()?)?;
        Some(())
    }

    fn add_years(&mut self, whole: i64, fraction: f64, scale: i32) -> Option<()> {
        let years = i32::try_from(whole).ok()?.checked_mul(scale)?;
        self.years = self.years.checked_add(years)?;
        let months = (fraction * f64::from(scale) * f64::from(MONTHS_PER_YEAR)).round_ties_even() as i32;
        self.months = self.months.checked_add(months)?;
        Some(())
    }

    fn negated(self) -> Option<Amounts> {
        Some(Amounts {
            years: self.years.checked_neg()?,
            months: self.months.checked_neg()?,
            days: self.days.checked_neg()?,
            micros: self.micros.checked_neg()?,
        })
    }

    /// Sets the time to `h:mm[:ss]`.
    fn set_clock(&mut self, text: &[u8]) -> Result<(), Fault> {
        let clock = clock(text)?;
        let rest = i64::from(clock.minutes) * MICROS_PER_MINUTE
            + i64::from(clock.seconds) * MICROS_PER_SECOND
            + i64::from(clock.micros);
        let micros = clock.hours.checked_mul(MICROS_PER_HOUR).and_then(|hours| hours.checked_add(rest));
        self.micros = micros.ok_or(Fault::FieldOverflow)?;
        Ok(())
    }
}

/// What the unit of the next number to the left is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NextUnit {
    /// Nothing has said so: seconds.
    Unset,
    Known(Unit),
}

/// The decoder's state between fields, which it reads from right to left.
struct Decoder {
    amounts: Amounts,
    next_unit: NextUnit,
    /// A unit still lacks its number.
    is_unit_open: bool,
    /// The leading minus counts for every field.
    is_all_negative: bool,
}

/// Decodes the fields of a literal.
pub(crate) fn interval(tokens: &Tokens, style: IntervalStyle) -> Result<IntervalValue, Fault> {
    // In the SQL standard one sign before everything counts for everything.
    let mut signs = tokens.iter().map(|(_, text)| text.first().copied());
    let is_all_negative = style == IntervalStyle::SqlStandard
        && signs.next() == Some(Some(b'-'))
        && !signs.any(|sign| matches!(sign, Some(b'-' | b'+')));
    let mut decoder =
        Decoder { amounts: Amounts::default(), next_unit: NextUnit::Unset, is_unit_open: false, is_all_negative };
    let mut seen = 0;
    let mut is_ago = false;
    let mut infinite = None;
    for (index, (kind, text)) in tokens.iter().rev().enumerate() {
        let found = match kind {
            Kind::Time => decoder.time(text)?,
            Kind::Displacement => decoder.signed(text)?,
            Kind::Date | Kind::Number => decoder.number(text)?,
            Kind::Word | Kind::SignedWord => {
                if decoder.is_unit_open {
                    return Err(Fault::BadFormat);
                }
                let is_last = index == 0;
                match (interval_word(text), date_word(text)) {
                    (Some(IntervalWord::Unit(unit)), _) => decoder.open_unit(unit),
                    (Some(IntervalWord::Ago), _) if is_last => {
                        is_ago = true;
                        decoder.next_unit = NextUnit::Known(Unit::Unusable);
                        0
                    }
                    (None, Some(word @ (DateWord::Infinity | DateWord::NegativeInfinity))) if is_last => {
                        infinite = Some(match word {
                            DateWord::Infinity => IntervalValue::Infinity,
                            _ => IntervalValue::NegativeInfinity,
                        });
                        decoder.next_unit = NextUnit::Known(Unit::Unusable);
                        part::DATE | part::TIME
                    }
                    (None, Some(DateWord::MinutePrefix)) => decoder.open_unit(Unit::Minute),
                    (None, Some(DateWord::Julian | DateWord::OtherUnit)) => decoder.open_unit(Unit::Unusable),
                    (None, Some(DateWord::Ignored)) => {
                        decoder.next_unit = NextUnit::Unset;
                        continue;
                    }
                    _ => return Err(Fault::BadFormat),
                }
            }
        };
        if seen & found != 0 {
            return Err(Fault::BadFormat);
        }
        seen |= found;
    }
    if seen == 0 || decoder.is_unit_open {
        return Err(Fault::BadFormat);
    }
    if let Some(infinite) = infinite {
        return Ok(infinite);
    }
    let amounts = if is_ago { decoder.amounts.negated().ok_or(Fault::FieldOverflow)? } else { decoder.amounts };
    Ok(IntervalValue::Finite(amounts))
}

impl Decoder {
    /// A unit, whose number comes next.
    fn open_unit(&mut self, unit: Unit) -> u32 {
        self.next_unit = NextUnit::Known(unit);
        self.is_unit_open = true;
        0
    }

    /// What follows a time to its left are days.
    fn after_time(&mut self) -> u32 {
        if self.is_all_negative && self.amounts.micros > 0 {
            self.amounts.micros = -self.amounts.micros;
        }
        self.next_unit = NextUnit::Known(Unit::Day);
        self.is_unit_open = false;
        part::TIME
    }

    fn time(&mut self, text: &[u8]) -> Result<u32, Fault> {
        self.amounts.set_clock(text)?;
        Ok(self.after_time())
    }

    /// A time or a number with a sign.
    fn signed(&mut self, text: &[u8]) -> Result<u32, Fault> {
        if text[1..].contains(&b':') && self.amounts.set_clock(&text[1..]).is_ok() {
            if text[0] == b'-' {
                self.amounts.micros = self.amounts.micros.checked_neg().ok_or(Fault::FieldOverflow)?;
            }
            return Ok(self.after_time());
        }
        self.number(text)
    }

    /// A number of units, or the years and months of the SQL standard.
    fn number(&mut self, text: &[u8]) -> Result<u32, Fault> {
        let mut unit = match self.next_unit {
            NextUnit::Unset => Unit::Second,
            NextUnit::Known(unit) => unit,
        };
        self.next_unit = NextUnit::Known(unit);
        let is_negative = text.first() == Some(&b'-');
        let (whole, used) = integer(text);
        let mut whole = whole.ok_or(Fault::FieldOverflow)?;
        let rest = &text[used..];
        let mut fractional = 0.0;
        match rest.first() {
            None => {}
            Some(b'-') => {
                let (months, rest) = integer32(&rest[1..]);
                let months =
                    months.filter(|months| (0..MONTHS_PER_YEAR).contains(months)).ok_or(Fault::FieldOverflow)?;
                if !rest.is_empty() {
                    return Err(Fault::BadFormat);
                }
                unit = Unit::Month;
                self.next_unit = NextUnit::Known(unit);
                let months = i64::from(if is_negative { -months } else { months });
                let years = whole.checked_mul(i64::from(MONTHS_PER_YEAR));
                whole = years.and_then(|years| years.checked_add(months)).ok_or(Fault::FieldOverflow)?;
            }
            Some(b'.') => {
                fractional = fraction(rest)?;
                if is_negative {
                    fractional = -fractional;
                }
            }
            Some(_) => return Err(Fault::BadFormat),
        }
        if self.is_all_negative {
            whole = if whole > 0 { -whole } else { whole };
            fractional = -f64::abs(fractional);
        }
        self.amounts.add(unit, whole, fractional)?;
        self.is_unit_open = false;
        Ok(match unit {
            Unit::Microsecond => part::MICROSECOND,
            Unit::Millisecond => part::MILLISECOND,
            Unit::Second if fractional == 0.0 => part::SECOND,
            Unit::Second => part::ALL_SECONDS,
            Unit::Minute => part::MINUTE,
            Unit::Hour => {
                self.next_unit = NextUnit::Known(Unit::Day);
                part::HOUR
            }
            Unit::Day => part::DAY,
            Unit::Week => part::WEEK,
            Unit::Month => part::MONTH,
            Unit::Year => part::YEAR,
            Unit::Decade => part::DECADE,
            Unit::Century => part::CENTURY,
            Unit::Millennium => part::MILLENNIUM,
            Unit::Unusable => return Err(Fault::BadFormat),
        })
    }
}
