//! Java's patterns as QuestDB reads them.

use super::PatternError;
use super::names::Length;
use super::parts::Slot;
use super::program::{Builder, Program, Step, Words, YearRule, ZoneForm};

const WORDS: Words = Words {
    month: "MM",
    minute: "mm",
    day: "dd",
    hour: "HH",
    half_hour: "hh",
    meridiem: "a",
    year: "yyyy",
    delimited: "",
};

/// Compiles a pattern of letters.
pub(super) fn compile(pattern: &str) -> Result<Program, PatternError> {
    let mut builder = Builder::new(pattern)?;
    let bytes = pattern.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        at = match byte {
            b'\'' => quoted(&mut builder, at)?,
            _ if byte.is_ascii_alphabetic() => {
                let count = bytes[at..].iter().take_while(|&&next| next == byte).count();
                let is_greedy = bytes.get(at + count) == Some(&b'+') && matches!((byte, count), (b'U' | b'N', 1));
                let end = at + count + usize::from(is_greedy);
                letters(&mut builder, at, end, byte, count, is_greedy)?;
                end
            }
            _ => {
                builder.literal(at, at + 1);
                at + 1
            }
        };
    }
    let mut program = builder.finish(&WORDS)?;
    program.default_year = 1970;
    program.local_is_utc = true;
    program.has_overflow = false;
    Ok(program)
}

/// Text in single quotes; two of them are one.
fn quoted(builder: &mut Builder<'_>, start: usize) -> Result<usize, PatternError> {
    let bytes = builder.pattern.as_bytes();
    if bytes.get(start + 1) == Some(&b'\'') {
        builder.literal(start, start + 1);
        return Ok(start + 2);
    }
    let mut at = start + 1;
    while let Some(&byte) = bytes.get(at) {
        if byte == b'\'' {
            if bytes.get(at + 1) != Some(&b'\'') {
                return Ok(at + 1);
            }
            at += 1;
        }
        builder.literal(at, at + 1);
        at += 1;
    }
    Err(builder.error(start, "has a quotation mark that is not closed", "Write a second one after the literal text."))
}

fn letters(
    builder: &mut Builder<'_>,
    start: usize,
    end: usize,
    letter: u8,
    count: usize,
    is_greedy: bool,
) -> Result<(), PatternError> {
    /// One letter is a number of any width, two are two digits.
    fn number(slot: Slot, count: usize, width: u8) -> Option<Step> {
        match count {
            1 => Some(Step::Number { slot, min: 1, max: width, greedy: true }),
            _ if count == usize::from(width) => Some(Step::Number { slot, min: width, max: width, greedy: false }),
            _ => None,
        }
    }
    let year = |min, max, rule, greedy| Some(Step::Year { slot: Slot::Year, min, max, rule, greedy });
    let (step, hint) = match letter {
        b'y' => (
            match count {
                1 => year(2, 6, YearRule::ThisCentury, true),
                2 => year(2, 2, YearRule::ThisCentury, false),
                4 => year(4, 4, YearRule::Whole, false),
                _ => None,
            },
            "Write the year as yyyy, or as yy for one of this century.",
        ),
        b'M' => (
            match count {
                3 | 4 => Some(Step::Month(Length::Either)),
                _ => number(Slot::Month, count, 2),
            },
            "Write the month as M or MM, or as MMM for its name.",
        ),
        b'd' => (number(Slot::Day, count, 2), "Write the day as d or dd."),
        b'D' => {
            (number(Slot::DayOfYear, count, 3), "Write the day of the year as D or DDD; the day of the month is dd.")
        }
        b'H' => (number(Slot::Hour, count, 2), "Write the hour as H or HH."),
        b'h' => (number(Slot::HalfHour, count, 2), "Write the hour as h or hh."),
        b'k' => return clock_of_24(builder, start, end, count),
        b'K' => return clock_of_11(builder, start, end, count),
        b'm' => (number(Slot::Minute, count, 2), "Write the minute as m or mm; the month is MM."),
        b's' => (number(Slot::Second, count, 2), "Write the second as s or ss; its fraction is SSS."),
        b'S' => (
            number(Slot::Millis, count, 3),
            "S is thousandths to QuestDB and digits of a fraction to others: write SSS, SSSUUU or SSSUUUNNN.",
        ),
        b'U' if is_greedy => (Some(Step::Fraction { min: 1, max: 6 }), ""),
        b'U' => {
            (number(Slot::Micros, count, 3), "Write millionths as U or UUU, or U+ for one to six digits of a fraction.")
        }
        b'N' if is_greedy => (Some(Step::Fraction { min: 1, max: 9 }), ""),
        b'N' => {
            (number(Slot::Nanos, count, 3), "Write billionths as N or NNN, or N+ for one to nine digits of a fraction.")
        }
        b'a' => (Some(Step::Meridiem { has_points: false }), ""),
        b'G' => (Some(Step::Era { has_points: false }), ""),
        b'E' => (Some(Step::Weekday(Length::Either, Slot::IgnoredWeekday)), ""),
        b'u' => (
            (count == 1).then_some(Step::Number { slot: Slot::IgnoredWeekday, min: 1, max: 1, greedy: false }),
            "Write the day of the week as u.",
        ),
        b'z' => (Some(Step::Zone(ZoneForm::Any)), ""),
        b'Z' | b'X' | b'x' => (
            (count <= 3).then_some(Step::Zone(if letter == b'Z' { ZoneForm::Any } else { ZoneForm::Offset })),
            "Write the zone as Z or X.",
        ),
        // QuestDB's own patterns have it without quotes, and no letter means anything else by it.
        b'T' if count == 1 => {
            builder.literal(start, end);
            return Ok(());
        }
        b'Y' => (None, "Y is the year of a week: write the year as yyyy."),
        b'L' => (None, "Write the month as MM or MMM."),
        b'n' | b'A' => (None, "Write a fraction of a second as SSS, SSSUUU or SSSUUUNNN."),
        _ => (None, "Put literal text in single quotes: 'text'."),
    };
    match step {
        Some(step) => builder.push(step, start, end),
        None => {
            let text = &builder.pattern[start..end];
            return Err(builder.error(start, format!("has \"{text}\", which is no token"), hint));
        }
    }
    Ok(())
}

/// `k`, the hour 1 to 24, which is midnight.
fn clock_of_24(builder: &mut Builder<'_>, start: usize, end: usize, count: usize) -> Result<(), PatternError> {
    hour(builder, start, end, count, Slot::HourFrom1, "Write the hour as k or kk, or better as HH.")
}

/// `K`, the hour 0 to 11 of the 12-hour clock.
fn clock_of_11(builder: &mut Builder<'_>, start: usize, end: usize, count: usize) -> Result<(), PatternError> {
    hour(builder, start, end, count, Slot::HalfHourFrom0, "Write the hour as K or KK, or better as hh.")
}

fn hour(
    builder: &mut Builder<'_>,
    start: usize,
    end: usize,
    count: usize,
    slot: Slot,
    hint: &str,
) -> Result<(), PatternError> {
    if count > 2 {
        let text = &builder.pattern[start..end];
        return Err(builder.error(start, format!("has \"{text}\", which is no token"), hint));
    }
    builder.push(Step::Number { slot, min: count as u8, max: 2, greedy: count == 1 }, start, end);
    Ok(())
}
