//! Runs a compiled pattern over a value.

use super::misfit::{Misfit, Reason};
use super::names;
use super::parts::{Parts, Slot, ZoneFound};
use super::program::{Item, Program, Step, YearRule};
use super::zone;

/// Powers of ten that a fraction of so many digits lacks to be billionths.
const SCALE: [i32; 10] = [1_000_000_000, 100_000_000, 10_000_000, 1_000_000, 100_000, 10_000, 1_000, 100, 10, 1];

/// The digits at the start of `text`, at most `max` and nine, and how many they are.
#[inline]
fn number(text: &[u8], max: u8) -> (i32, u8) {
    let mut value = 0;
    let mut count = 0;
    for byte in text.iter().take(usize::from(max.min(9))) {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        value = value * 10 + i32::from(digit);
        count += 1;
    }
    (value, count)
}

/// The year that `count` digits mean.
fn year(value: i32, count: u8, rule: YearRule) -> i32 {
    match rule {
        YearRule::Nearest2020 => match (count, value) {
            (4.., _) => value,
            (_, 0..70) => value + 2000,
            (_, 70..100) => value + 1900,
            (_, 100..520) => value + 2000,
            _ => value + 1000,
        },
        YearRule::Round if count <= 2 => value + if value < 50 { 2000 } else { 1900 },
        YearRule::Posix => value + if value < 69 { 2000 } else { 1900 },
        YearRule::ThisCentury if count == 2 => value + 2000,
        YearRule::Whole | YearRule::Round | YearRule::ThisCentury => value,
    }
}

/// Checks the count of digits.
fn digits(value: &[u8], at: usize, got: u8, min: u8, max: u8) -> Result<(), Reason> {
    if got >= min {
        return Ok(());
    }
    let rest = &value[at..];
    Err(if rest.len() == usize::from(got) {
        Reason::TooShort { needs: min, remain: got }
    } else if got == 0 {
        Reason::NotInteger
    } else {
        Reason::FewDigits { needs: if min == 1 { max } else { min }, got }
    })
}

/// Reads one step at `at` into `parts`. The position behind it.
fn step(step: Step, value: &[u8], at: usize, parts: &mut Parts) -> Result<usize, Reason> {
    let rest = &value[at..];
    match step {
        Step::Literal(byte) => {
            if rest.first() == Some(&byte) {
                Ok(at + 1)
            } else {
                Err(Reason::Unmatched(byte))
            }
        }
        Step::Space => match rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count() {
            0 => Err(Reason::Unmatched(b' ')),
            len => Ok(at + len),
        },
        Step::Padding => Ok(at + rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count()),
        Step::Number { slot, min, max, .. } => {
            let (number, got) = number(rest, max);
            digits(value, at, got, min, max)?;
            let (least, most) = slot.range();
            if number < least || number > most {
                return Err(if matches!(slot, Slot::HalfHour | Slot::HalfHourFrom0) {
                    Reason::HalfHour(number)
                } else {
                    Reason::FieldRange
                });
            }
            parts.set(slot, number);
            Ok(at + usize::from(got))
        }
        Step::Year { slot, min, max, rule, .. } => {
            let (number, got) = number(rest, max);
            digits(value, at, got, min, max)?;
            if rule == YearRule::Round && got == 3 {
                return Err(Reason::FewDigits { needs: 4, got });
            }
            let year = year(number, got, rule);
            if year == 0 {
                return Err(Reason::FieldRange);
            }
            parts.set(slot, year);
            Ok(at + usize::from(got))
        }
        Step::CommaYear => {
            let (thousands, got) = number(rest, 3);
            digits(value, at, got, 1, 1)?;
            let comma = at + usize::from(got);
            if value.get(comma) != Some(&b',') {
                return Err(Reason::Unmatched(b','));
            }
            let (ones, got) = number(&value[comma + 1..], 3);
            digits(value, comma + 1, got, 3, 3)?;
            let year = thousands * 1000 + ones;
            if year == 0 {
                return Err(Reason::FieldRange);
            }
            parts.set(Slot::Year, year);
            Ok(comma + 4)
        }
        Step::Fraction { min, max } => {
            let (number, got) = number(rest, max);
            digits(value, at, got, min, max)?;
            parts.set(Slot::Fraction, number * SCALE[usize::from(got)]);
            Ok(at + usize::from(got))
        }
        Step::OptionalFraction => {
            if rest.first() != Some(&b'.') {
                return Ok(at);
            }
            let (number, got) = number(&rest[1..], 9);
            digits(value, at + 1, got, 1, 9)?;
            parts.set(Slot::Fraction, number * SCALE[usize::from(got)]);
            Ok(at + 1 + usize::from(got))
        }
        Step::Month(length) => named(Slot::Month, names::month(rest, length), at, parts),
        Step::RomanMonth => named(Slot::Month, names::roman_month(rest), at, parts),
        Step::Weekday(length, slot) => named(slot, names::weekday(rest, length), at, parts),
        Step::Meridiem { has_points } => named(Slot::Meridiem, names::meridiem(rest, has_points), at, parts),
        Step::Era { has_points } => named(Slot::Era, names::era(rest, has_points), at, parts),
        Step::Ordinal => names::ordinal_ending(rest).map(|len| at + len).ok_or(Reason::UnknownName),
        Step::ZoneHour => {
            let sign = usize::from(matches!(rest.first(), Some(b'+' | b'-')));
            let (hours, got) = number(&rest[sign..], 2);
            digits(value, at + sign, got, if sign == 0 { 2 } else { 1 }, 2)?;
            if hours > Slot::ZoneHour.range().1 {
                return Err(Reason::ZoneRange);
            }
            parts.is_west = rest.first() == Some(&b'-');
            parts.set(Slot::ZoneHour, hours);
            Ok(at + sign + usize::from(got))
        }
        Step::Epoch => {
            const LONGEST: u8 = 12;
            let sign = usize::from(rest.first() == Some(&b'-'));
            let count = rest[sign..].iter().take(usize::from(LONGEST)).take_while(|byte| byte.is_ascii_digit()).count();
            digits(value, at + sign, count as u8, 1, LONGEST)?;
            let end = sign + count;
            let seconds = rest[sign..end].iter().fold(0, |value, digit| value * 10 + i64::from(digit - b'0'));
            parts.epoch = if sign == 1 { -seconds } else { seconds };
            parts.zone = ZoneFound::Offset(0);
            parts.set(Slot::Epoch, 0);
            Ok(at + end)
        }
        Step::Zone(form) => {
            let (found, end) = zone::read(value, at, form)?;
            parts.zone = found;
            Ok(end)
        }
    }
}

fn named(slot: Slot, found: Option<(i32, usize)>, at: usize, parts: &mut Parts) -> Result<usize, Reason> {
    let (value, len) = found.ok_or(Reason::UnknownName)?;
    parts.set(slot, value);
    Ok(at + len)
}

impl Program {
    /// Reads the whole of `value`.
    pub(super) fn read(&self, value: &[u8]) -> Result<Parts, Misfit> {
        let mut parts = Parts::new(self.default_year);
        let (mut at, end) = if self.trims {
            let leading = value.len() - value.trim_ascii_start().len();
            (leading, leading + value.trim_ascii().len())
        } else {
            (0, value.len())
        };
        let text = &value[..end];
        for &Item { step: one, start, end: token_end } in &self.items {
            match step(one, text, at, &mut parts) {
                Ok(next) => at = next,
                Err(reason) => return Err(Misfit { at, token: (start, token_end), reason }),
            }
        }
        if !self.has_overflow && (parts.get(Slot::Hour) == 24 || parts.get(Slot::Second) == 60) {
            return Err(Misfit::complete(Reason::FieldRange));
        }
        if at < end {
            return Err(Misfit::whole(at, Reason::Trailing));
        }
        Ok(parts)
    }
}
