//! Intervals of ISO 8601: with designators, `P1Y2M3DT4H5M6S`, and the alternative format, `P0001-02-03T04:05:06`.

use super::interval::Amounts;
use crate::double::{Double, double};
use crate::fault::Fault;
use crate::keyword::Unit;

/// Numbers beyond this would lose their fraction in a double.
const LARGEST: f64 = 1.0e15;

/// A number of an interval.
struct Number<'a> {
    whole: i64,
    fraction: f64,
    /// Digits at its start, sign aside. The alternative basic format tells fields by their width.
    width: usize,
    rest: &'a [u8],
}

fn number(text: &[u8]) -> Result<Number<'_>, Fault> {
    if !matches!(text.first(), Some(b'0'..=b'9' | b'-' | b'.')) {
        return Err(Fault::BadFormat);
    }
    let Double::Found(value, used) = double(text) else { return Err(Fault::BadFormat) };
    if value.is_nan() || value.abs() > LARGEST {
        return Err(Fault::FieldOverflow);
    }
    let unsigned = text.strip_prefix(b"-").unwrap_or(text);
    let width = unsigned.iter().take_while(|byte| byte.is_ascii_digit()).count();
    Ok(Number { whole: value.trunc() as i64, fraction: value - value.trunc(), width, rest: &text[used..] })
}

/// Decodes a literal that starts with `P`.
pub(crate) fn iso_interval(literal: &[u8]) -> Result<Amounts, Fault> {
    let Some(mut rest) = literal.strip_prefix(b"P").filter(|rest| !rest.is_empty()) else {
        return Err(Fault::BadFormat);
    };
    let mut amounts = Amounts::default();
    let mut is_date = true;
    let mut is_first = true;
    while let Some(&byte) = rest.first() {
        if byte == b'T' {
            (is_date, is_first) = (false, true);
            rest = &rest[1..];
            continue;
        }
        let value = number(rest)?;
        let designator = value.rest.first().copied();
        let unit = match (is_date, designator) {
            (true, Some(b'Y')) => Unit::Year,
            (true, Some(b'M')) => Unit::Month,
            (true, Some(b'W')) => Unit::Week,
            (true, Some(b'D')) => Unit::Day,
            (true, None | Some(b'T' | b'-')) => {
                rest = alternative_date(&mut amounts, &value, is_first)?;
                is_first = false;
                continue;
            }
            (false, Some(b'H')) => Unit::Hour,
            (false, Some(b'M')) => Unit::Minute,
            (false, Some(b'S')) => Unit::Second,
            (false, None | Some(b':')) => {
                alternative_time(&mut amounts, &value, is_first)?;
                return Ok(amounts);
            }
            _ => return Err(Fault::BadFormat),
        };
        amounts.add(unit, value.whole, value.fraction)?;
        rest = &value.rest[1..];
        is_first = false;
    }
    Ok(amounts)
}

/// `yyyymmdd` or `yyyy[-mm[-dd]]`, then `T` or the end. What is left.
fn alternative_date<'a>(amounts: &mut Amounts, first: &Number<'a>, is_first: bool) -> Result<&'a [u8], Fault> {
    let delimiter = first.rest.first();
    if delimiter != Some(&b'-') && first.width == 8 && is_first {
        amounts.add(Unit::Year, first.whole / 10_000, 0.0)?;
        amounts.add(Unit::Month, first.whole / 100 % 100, 0.0)?;
        amounts.add(Unit::Day, first.whole % 100, first.fraction)?;
        return Ok(first.rest);
    }
    if !is_first {
        return Err(Fault::BadFormat);
    }
    amounts.add(Unit::Year, first.whole, first.fraction)?;
    let mut rest = first.rest;
    for unit in [Unit::Month, Unit::Day] {
        match rest.first() {
            None | Some(b'T') => return Ok(rest),
            Some(b'-') => {}
            Some(_) => return Err(Fault::BadFormat),
        }
        let next = number(&rest[1..])?;
        amounts.add(unit, next.whole, next.fraction)?;
        rest = next.rest;
    }
    match rest.first() {
        None | Some(b'T') => Ok(rest),
        Some(_) => Err(Fault::BadFormat),
    }
}

/// `hhmmss` or `hh[:mm[:ss]]`, then the end.
fn alternative_time(amounts: &mut Amounts, first: &Number<'_>, is_first: bool) -> Result<(), Fault> {
    if first.rest.is_empty() && first.width == 6 && is_first {
        amounts.add(Unit::Hour, first.whole / 10_000, 0.0)?;
        amounts.add(Unit::Minute, first.whole / 100 % 100, 0.0)?;
        amounts.add(Unit::Second, first.whole % 100, 0.0)?;
        return amounts.add(Unit::Microsecond, 0, first.fraction);
    }
    if !is_first {
        return Err(Fault::BadFormat);
    }
    amounts.add(Unit::Hour, first.whole, first.fraction)?;
    let mut rest = first.rest;
    for unit in [Unit::Minute, Unit::Second] {
        match rest.first() {
            None => return Ok(()),
            Some(b':') => {}
            Some(_) => return Err(Fault::BadFormat),
        }
        let next = number(&rest[1..])?;
        amounts.add(unit, next.whole, next.fraction)?;
        rest = next.rest;
    }
    if rest.is_empty() { Ok(()) } else { Err(Fault::BadFormat) }
}
