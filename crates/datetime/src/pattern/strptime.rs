//! C's patterns as DuckDB reads them.

use super::PatternError;
use super::names::Length;
use super::parts::Slot;
use super::program::{Builder, Program, Step, Words, YearRule, ZoneForm};

const WORDS: Words = Words {
    month: "%m",
    minute: "%M",
    day: "%d",
    hour: "%H",
    half_hour: "%I",
    meridiem: "%p",
    year: "%Y",
    delimited: ", or leave the - out for a fixed width",
};

/// Compiles a pattern of percent signs.
pub(super) fn compile(pattern: &str) -> Result<Program, PatternError> {
    let mut builder = Builder::new(pattern)?;
    let bytes = pattern.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        at = match bytes[at] {
            b'%' => directive(&mut builder, at)?,
            byte if byte.is_ascii_whitespace() => {
                builder.space(at);
                at + 1
            }
            _ => {
                builder.literal(at, at + 1);
                at + 1
            }
        };
    }
    let mut program = builder.finish(&WORDS)?;
    program.trims = true;
    program.default_year = 1900;
    program.local_is_utc = true;
    program.has_overflow = false;
    Ok(program)
}

/// One directive at its percent sign. The position behind it.
fn directive(builder: &mut Builder<'_>, start: usize) -> Result<usize, PatternError> {
    let bytes = builder.pattern.as_bytes();
    let greedy = bytes.get(start + 1) == Some(&b'-');
    let letter_at = start + 1 + usize::from(greedy);
    let end = letter_at + 1;
    let Some(&letter) = bytes.get(letter_at) else {
        return Err(builder.error(start, "ends within a directive", "Write %% for a percent sign."));
    };
    let number = |slot, max| Step::Number { slot, min: 1, max, greedy };
    let year = |slot, width, rule| Step::Year { slot, min: width, max: width, rule, greedy: false };
    let step = match (greedy, letter) {
        (_, b'd') => number(Slot::Day, 2),
        (_, b'm') => number(Slot::Month, 2),
        (_, b'H') => number(Slot::Hour, 2),
        (_, b'I') => number(Slot::HalfHour, 2),
        (_, b'M') => number(Slot::Minute, 2),
        (_, b'S') => number(Slot::Second, 2),
        (_, b'j') => number(Slot::DayOfYear, 3),
        (true, b'y') => Step::Year { slot: Slot::Year, min: 1, max: 2, rule: YearRule::Posix, greedy },
        (false, b'y') => year(Slot::Year, 2, YearRule::Posix),
        (false, b'Y') => year(Slot::Year, 4, YearRule::Whole),
        (false, b'G') => year(Slot::IsoYear, 4, YearRule::Whole),
        (false, b'V') => number(Slot::IsoWeek, 2),
        (false, b'U') => number(Slot::SundayWeek, 2),
        (false, b'W') => number(Slot::MondayWeek, 2),
        (false, b'u') => Step::Number { slot: Slot::IsoWeekday, min: 1, max: 1, greedy: false },
        (false, b'w') => Step::Number { slot: Slot::SundayWeekday, min: 1, max: 1, greedy: false },
        (false, b'a') => Step::Weekday(Length::Short, Slot::IsoWeekday),
        (false, b'A') => Step::Weekday(Length::Full, Slot::IsoWeekday),
        (false, b'b' | b'h') => Step::Month(Length::Short),
        (false, b'B') => Step::Month(Length::Full),
        (false, b'p') => Step::Meridiem { has_points: false },
        (false, b'f') => Step::Fraction { min: 1, max: 6 },
        (false, b'n') => Step::Fraction { min: 1, max: 9 },
        (false, b'g') => Step::Fraction { min: 1, max: 3 },
        (false, b'z') => Step::Zone(ZoneForm::Offset),
        (false, b'Z') => Step::Zone(ZoneForm::Any),
        (false, b's') => Step::Epoch,
        (false, b'%') => {
            builder.literal(letter_at, end);
            return Ok(end);
        }
        // Compositions of the above.
        (false, b'x' | b'D' | b'F') | (false, b'X' | b'T') | (false, b'c') => {
            if letter == b'D' {
                return Err(builder.error(start, "has \"%D\", which is no directive", "Write %m/%d/%y."));
            }
            let two = |slot| Step::Number { slot, min: 1, max: 2, greedy: false };
            let mut push = |step| builder.push(step, start, end);
            if matches!(letter, b'x' | b'F' | b'c') {
                push(year(Slot::Year, 4, YearRule::Whole));
                push(Step::Literal(b'-'));
                push(two(Slot::Month));
                push(Step::Literal(b'-'));
                push(two(Slot::Day));
            }
            if letter == b'c' {
                push(Step::Space);
            }
            if matches!(letter, b'X' | b'T' | b'c') {
                push(two(Slot::Hour));
                push(Step::Literal(b':'));
                push(two(Slot::Minute));
                push(Step::Literal(b':'));
                push(two(Slot::Second));
            }
            return Ok(end);
        }
        _ => {
            // The letter may be more than one byte.
            let len = builder.pattern[letter_at..].chars().next().map_or(1, char::len_utf8);
            let text = &builder.pattern[start..letter_at + len];
            return Err(builder.error(
                start,
                format!("has \"{text}\", which is no directive"),
                match letter {
                    b'e' => "Write the day as %d or %-d.",
                    b'k' | b'l' => "Write the hour as %-H or %-I.",
                    b'R' => "Write %H:%M.",
                    b'L' => "Write thousandths as %g.",
                    b't' => "Write a space.",
                    _ => "Write %% for a percent sign.",
                },
            ));
        }
    };
    builder.push(step, start, end);
    Ok(end)
}
