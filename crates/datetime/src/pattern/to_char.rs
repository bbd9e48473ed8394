//! PostgreSQL's template patterns, with Oracle's and GaussDB's `RR` and `FF`; and Redshift's reading of them.

use super::PatternError;
use super::names::Length;
use super::parts::Slot;
use super::program::{Builder, Program, Step, Words, YearRule, ZoneForm};

const WORDS: Words = Words {
    month: "MM",
    minute: "MI",
    day: "DD",
    hour: "HH24",
    half_hour: "HH12",
    meridiem: "AM",
    year: "YYYY",
    delimited: "",
};

/// What a token is before its modifiers are known.
#[derive(Clone, Copy)]
enum Token {
    /// A number of one to so many digits.
    Number(Slot, u8),
    /// A number of just so many digits.
    Fixed(Slot, u8),
    Year(Slot, u8, YearRule),
    Step(Step),
    /// `HH`, which is another clock's hour in each system.
    Hour,
    Second,
    FixedPrefix,
    FillPrefix,
    TranslatedPrefix,
    Unsupported(&'static str),
}

/// Longer tokens stand before those that they start with.
#[rustfmt::skip]
const TOKENS: &[(&str, Token)] = {
    use Token::*;
    const fn fraction(min: u8, max: u8) -> Token {
        Step(self::Step::Fraction { min, max })
    }
    const fn zone(form: ZoneForm) -> Token {
        Step(self::Step::Zone(form))
    }
    &[
        ("A.D.", Step(self::Step::Era { has_points: true })), ("A.M.", Step(self::Step::Meridiem { has_points: true })),
        ("AD", Step(self::Step::Era { has_points: false })), ("AM", Step(self::Step::Meridiem { has_points: false })),
        ("B.C.", Step(self::Step::Era { has_points: true })), ("BC", Step(self::Step::Era { has_points: false })),
        ("CC", Number(Slot::Century, 2)),
        ("DAY", Step(self::Step::Weekday(Length::Full, Slot::IsoWeekday))), ("DDD", Number(Slot::DayOfYear, 3)),
        ("DD", Number(Slot::Day, 2)), ("DY", Step(self::Step::Weekday(Length::Short, Slot::IsoWeekday))),
        ("D", Fixed(Slot::IgnoredWeekday, 1)),
        ("FF1", fraction(1, 1)), ("FF2", fraction(1, 2)), ("FF3", fraction(1, 3)), ("FF4", fraction(1, 4)),
        ("FF5", fraction(1, 5)), ("FF6", fraction(1, 6)), ("FF7", fraction(1, 7)), ("FF8", fraction(1, 8)),
        ("FF9", fraction(1, 9)), ("FF", fraction(1, 9)), ("FX", FixedPrefix), ("FM", FillPrefix),
        ("HH24", Number(Slot::Hour, 2)), ("HH12", Number(Slot::HalfHour, 2)), ("HH", Hour),
        ("IDDD", Number(Slot::IsoDayOfYear, 3)), ("ID", Fixed(Slot::IsoWeekday, 1)), ("IW", Number(Slot::IsoWeek, 2)),
        ("IYYY", Year(Slot::IsoYear, 4, YearRule::Whole)), ("IYY", Year(Slot::IsoYear, 3, YearRule::Nearest2020)),
        ("IY", Year(Slot::IsoYear, 2, YearRule::Nearest2020)), ("I", Year(Slot::IsoYear, 1, YearRule::Nearest2020)),
        ("J", Number(Slot::JulianDay, 7)),
        ("MI", Number(Slot::Minute, 2)), ("MM", Number(Slot::Month, 2)), ("MONTH", Step(self::Step::Month(Length::Full))),
        ("MON", Step(self::Step::Month(Length::Short))), ("MS", fraction(1, 3)),
        ("OF", zone(ZoneForm::Offset)),
        ("P.M.", Step(self::Step::Meridiem { has_points: true })), ("PM", Step(self::Step::Meridiem { has_points: false })),
        ("Q", Fixed(Slot::Quarter, 1)),
        ("RM", Step(self::Step::RomanMonth)), ("RRRR", Year(Slot::Year, 4, YearRule::Round)),
        ("RR", Year(Slot::Year, 2, YearRule::Round)),
        ("SYYYY", Unsupported("Write YYYY, with BC for years before our era.")),
        ("SSSSS", Number(Slot::SecondOfDay, 5)), ("SSSS", Number(Slot::SecondOfDay, 5)), ("SS", Second),
        ("TZH", Step(self::Step::ZoneHour)), ("TZM", Fixed(Slot::ZoneMinute, 2)), ("TZ", zone(ZoneForm::Any)),
        ("TM", TranslatedPrefix),
        ("US", fraction(1, 6)),
        ("WW", Number(Slot::WeekOfYear, 2)), ("W", Fixed(Slot::WeekOfMonth, 1)),
        ("Y,YYY", Step(self::Step::CommaYear)), ("YYYY", Year(Slot::Year, 4, YearRule::Whole)),
        ("YYY", Year(Slot::Year, 3, YearRule::Nearest2020)), ("YY", Year(Slot::Year, 2, YearRule::Nearest2020)),
        ("Y", Year(Slot::Year, 1, YearRule::Nearest2020)),
    ]
};

/// Which system's reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    PostgreSql,
    /// `HH` is the 24-hour clock, `SS` takes a fraction, `MON` and `MONTH` take either form.
    Redshift,
}

struct Compiler<'p> {
    builder: Builder<'p>,
    reading: Reading,
    /// `FX`: every number has its full width.
    is_exact: bool,
    /// `FM` stands before the token.
    fills: bool,
    translated: Option<usize>,
    /// The items that are names without `FM`, which are padded with spaces when they are written.
    padded: Vec<usize>,
}

/// Compiles a template pattern.
pub(super) fn compile(pattern: &str, reading: Reading) -> Result<Program, PatternError> {
    let builder = Builder::new(pattern)?;
    let mut compiler =
        Compiler { builder, reading, is_exact: false, fills: false, translated: None, padded: Vec::new() };
    let bytes = pattern.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        at = match bytes[at] {
            b'"' => compiler.quoted(at)?,
            b'\\' if at + 1 < bytes.len() => {
                compiler.builder.literal(at + 1, at + 2);
                at + 2
            }
            byte if byte.is_ascii_whitespace() => {
                if compiler.is_exact {
                    compiler.builder.literal(at, at + 1);
                } else {
                    compiler.builder.space(at);
                }
                at + 1
            }
            byte if byte.is_ascii_alphabetic() => compiler.token(at)?,
            byte if byte >= 0x80 => {
                return Err(compiler.builder.error(
                    at,
                    "has a character that is no token",
                    "Put literal text in double quotes.",
                ));
            }
            _ => {
                compiler.builder.literal(at, at + 1);
                at + 1
            }
        };
    }
    if compiler.fills || compiler.translated.is_some() {
        let end = pattern.len();
        return Err(compiler.builder.error(
            end,
            "ends with a prefix",
            "Write FM and TM before the token that they are for.",
        ));
    }
    compiler.pad();
    let has_iso_year = compiler.builder.items.iter().any(|item| item.step.slot() == Some(Slot::IsoYear));
    let is_iso_day = |step| matches!(step, Step::Number { slot: Slot::IsoWeekday, .. });
    if let Some(item) = compiler.builder.items.iter().find(|item| is_iso_day(item.step) && !has_iso_year) {
        return Err(compiler.builder.error(
            usize::from(item.start),
            "has ID, which means nothing alone",
            "Write IYYY and IW beside it, or leave it out.",
        ));
    }
    let mut program = compiler.builder.finish(&WORDS)?;
    program.trims = true;
    program.default_year = 0;
    Ok(program)
}

impl Compiler<'_> {
    /// Takes the padding of names along with the white space that follows them, if any.
    fn pad(&mut self) {
        let items = &mut self.builder.items;
        for &index in self.padded.iter().rev() {
            let item = items[index];
            match items.get_mut(index + 1) {
                Some(next) if matches!(next.step, Step::Space | Step::Literal(b' ')) => next.step = Step::Space,
                _ => items.insert(index + 1, super::program::Item { step: Step::Padding, ..item }),
            }
        }
    }

    /// Literal text. A backslash takes the next byte as it is.
    fn quoted(&mut self, start: usize) -> Result<usize, PatternError> {
        let bytes = self.builder.pattern.as_bytes();
        let mut at = start + 1;
        while let Some(&byte) = bytes.get(at) {
            match byte {
                b'"' => return Ok(at + 1),
                b'\\' if at + 1 < bytes.len() => {
                    self.builder.literal(at + 1, at + 2);
                    at += 2;
                }
                _ => {
                    self.builder.literal(at, at + 1);
                    at += 1;
                }
            }
        }
        Err(self.builder.error(
            start,
            "has a quotation mark that is not closed",
            "Write a second one after the literal text.",
        ))
    }

    fn token(&mut self, start: usize) -> Result<usize, PatternError> {
        let rest = &self.builder.pattern.as_bytes()[start..];
        let found = TOKENS.iter().find(|(name, _)| super::names::starts_with(rest, name));
        let Some(&(name, token)) = found else {
            let len = rest.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
            let word = &self.builder.pattern[start..start + len];
            return Err(self.builder.error(
                start,
                format!("has \"{word}\", which is no token"),
                match rest[0] {
                    b'T' | b't' => "Put literal text in double quotes: YYYY-MM-DD\"T\"HH24:MI:SS.".to_owned(),
                    b'H' | b'h' => "The hour is HH24, or HH12 with AM.".to_owned(),
                    b'M' | b'm' => "The month is MM, the minute MI, the millisecond MS.".to_owned(),
                    b'S' | b's' => "The second is SS, a fraction of it MS, US or FF1 to FF6.".to_owned(),
                    _ => format!("Put literal text in double quotes: \"{word}\"."),
                },
            ));
        };
        let end = start + name.len();
        let step = match token {
            Token::FixedPrefix => {
                if !self.builder.items.is_empty() {
                    return Err(self.builder.error(start, "has FX after its first token", "Write FX first."));
                }
                self.is_exact = true;
                return Ok(end);
            }
            Token::FillPrefix => {
                self.fills = true;
                return Ok(end);
            }
            Token::TranslatedPrefix => {
                self.translated = Some(start);
                return Ok(end);
            }
            Token::Unsupported(hint) => {
                return Err(self.builder.error(start, format!("has \"{name}\", which is not supported"), hint));
            }
            token => self.step(token, start)?,
        };
        if let Some(prefix) = self.translated.take()
            && !matches!(step, Step::Month(_) | Step::Weekday(..))
        {
            return Err(self.builder.error(
                prefix,
                format!("has TM before \"{name}\", which has no translation"),
                "TM is for MON, MONTH, DY and DAY, of which the English names are read.",
            ));
        }
        if !self.fills
            && matches!(
                token,
                Token::Step(Step::Month(Length::Full) | Step::Weekday(Length::Full, _) | Step::RomanMonth)
            )
        {
            self.padded.push(self.builder.items.len());
        }
        self.builder.push(step, start, end);
        let is_numeric = matches!(step, Step::Number { .. } | Step::Year { .. } | Step::CommaYear);
        self.fills = false;
        self.suffix(end, is_numeric)
    }

    fn step(&mut self, token: Token, start: usize) -> Result<Step, PatternError> {
        let (exact, greedy) = (self.is_exact && !self.fills, self.fills);
        let number =
            |slot, max| Step::Number { slot, min: if exact { max } else { 1 }, max, greedy: greedy && max > 1 };
        Ok(match (token, self.reading) {
            (Token::Number(Slot::JulianDay, max), _) => {
                Step::Number { slot: Slot::JulianDay, min: if exact { max } else { 1 }, max, greedy: !exact }
            }
            (Token::Number(Slot::SecondOfDay, max), _) if !exact => {
                Step::Number { slot: Slot::SecondOfDay, min: 1, max, greedy }
            }
            (Token::Number(slot, max), _) => number(slot, max),
            (Token::Fixed(slot, width), _) => Step::Number { slot, min: width, max: width, greedy: false },
            (Token::Year(slot, 4, rule @ YearRule::Whole), _) => {
                // Years after 9999 have more digits, before a separator.
                Step::Year { slot, min: if greedy { 1 } else { 4 }, max: if exact { 4 } else { 7 }, rule, greedy }
            }
            (Token::Year(slot, 4, rule), _) => {
                Step::Year { slot, min: if exact { 4 } else { 2 }, max: 4, rule, greedy }
            }
            // Fewer digits than the token has would be another year to PostgreSQL than to a reader.
            (Token::Year(slot, width, rule), _) => Step::Year { slot, min: width, max: width, rule, greedy: false },
            (Token::Step(Step::Fraction { max, .. }), _) if exact => Step::Fraction { min: max, max },
            (Token::Step(Step::Month(_)), Reading::Redshift) => Step::Month(Length::Either),
            (Token::Step(Step::Weekday(_, slot)), Reading::Redshift) => Step::Weekday(Length::Either, slot),
            (Token::Step(step), _) => step,
            (Token::Hour, Reading::Redshift) => number(Slot::Hour, 2),
            (Token::Hour, Reading::PostgreSql) => number(Slot::HalfHour, 2),
            (Token::Second, _) => number(Slot::Second, 2),
            _ => return Err(self.builder.error(start, "has a prefix that is not supported", "Leave it out.")),
        })
    }

    /// `TH` after a number. A `T` for time after a day is not one.
    fn suffix(&mut self, start: usize, is_numeric: bool) -> Result<usize, PatternError> {
        let rest = &self.builder.pattern.as_bytes()[start..];
        if super::names::starts_with(rest, "TH") {
            if super::names::starts_with(rest, "THH") {
                return Err(self.builder.error(
                    start,
                    "has \"TH\" before \"H\", which is the ending of an ordinal number to PostgreSQL and not a T and an hour",
                    "Put literal text in double quotes: DD\"T\"HH24.",
                ));
            }
            if is_numeric {
                self.builder.push(Step::Ordinal, start, start + 2);
                return Ok(start + 2);
            }
        }
        if super::names::starts_with(rest, "SP") {
            return Err(self.builder.error(start, "has \"SP\", which no value can be read with", "Leave it out."));
        }
        Ok(start)
    }
}

/// Gives the seconds of Redshift their optional fraction.
pub(super) fn with_fraction(program: Program) -> Program {
    use super::parts::SUBSECOND;
    if program.slots & SUBSECOND != 0 {
        return program;
    }
    let mut items = program.items.to_vec();
    if let Some(index) = items.iter().position(|item| matches!(item.step, Step::Number { slot: Slot::Second, .. })) {
        let is_before_digits = items.get(index + 1).is_some_and(|next| {
            matches!(next.step, Step::Literal(b'.') | Step::Number { .. } | Step::Year { .. } | Step::Fraction { .. })
        });
        if !is_before_digits {
            let item = super::program::Item { step: Step::OptionalFraction, ..items[index] };
            items.insert(index + 1, item);
        }
    }
    Program { items: items.into(), ..program }
}
