//! A pattern compiled: one step a token, and what is wrong with steps that do not go together.

use super::names::Length;
use super::parts::{CLOCK, DATE, HALF_HOUR, HOUR, ISO, SUBSECOND, Slot, ZONE};
use super::{Kind, PatternError};

/// How the digits of a year become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum YearRule {
    /// As written.
    Whole,
    /// PostgreSQL: up to three digits become the year nearest to 2020.
    Nearest2020,
    /// Oracle's `RR`: two digits are 1950 to 2049, four are as written.
    Round,
    /// C's `%y`: 1969 to 2068.
    Posix,
    /// Two digits are of this century, more are as written.
    ThisCentury,
}

/// Spellings of a time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ZoneForm {
    /// `Z`, `±hh[[:]mm[[:]ss]]`.
    Offset,
    /// [`ZoneForm::Offset`], or an abbreviation or a name.
    Any,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// This byte.
    Literal(u8),
    /// One or more bytes of white space.
    Space,
    /// White space or none, after a name that is written as wide as the longest.
    Padding,
    /// A number of `min` to `max` digits. A greedy one is written such that its width varies.
    Number {
        slot: Slot,
        min: u8,
        max: u8,
        greedy: bool,
    },
    /// A year of `min` to `max` digits.
    Year {
        slot: Slot,
        min: u8,
        max: u8,
        rule: YearRule,
        greedy: bool,
    },
    /// Digits after the decimal point.
    Fraction {
        min: u8,
        max: u8,
    },
    /// A point and digits, or nothing.
    OptionalFraction,
    /// `Y,YYY`.
    CommaYear,
    Month(Length),
    RomanMonth,
    Weekday(Length, Slot),
    Meridiem {
        has_points: bool,
    },
    Era {
        has_points: bool,
    },
    Ordinal,
    /// A number with an optional sign.
    ZoneHour,
    Zone(ZoneForm),
    /// Seconds since 1970-01-01 00:00:00 UTC with an optional minus.
    Epoch,
}

impl Step {
    /// The slot that the step fills.
    pub(super) fn slot(self) -> Option<Slot> {
        Some(match self {
            Step::Literal(_) | Step::Space | Step::Padding | Step::Ordinal | Step::OptionalFraction => return None,
            Step::Number { slot, .. } | Step::Year { slot, .. } | Step::Weekday(_, slot) => slot,
            Step::Fraction { .. } => Slot::Fraction,
            Step::CommaYear => Slot::Year,
            Step::Month(_) | Step::RomanMonth => Slot::Month,
            Step::Meridiem { .. } => Slot::Meridiem,
            Step::Era { .. } => Slot::Era,
            Step::ZoneHour => Slot::ZoneHour,
            Step::Zone(_) => Slot::Zone,
            Step::Epoch => Slot::Epoch,
        })
    }

    /// Whether what the step reads starts with a digit.
    fn starts_with_digit(self) -> bool {
        match self {
            Step::Literal(byte) => byte.is_ascii_digit(),
            Step::Number { .. } | Step::Year { .. } | Step::Fraction { .. } | Step::CommaYear => true,
            _ => false,
        }
    }
}

/// A step and the bytes of the pattern that it is from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item {
    pub(super) step: Step,
    pub(super) start: u16,
    pub(super) end: u16,
}

/// The words that one language has for what another writes differently, for hints.
pub(super) struct Words {
    pub(super) month: &'static str,
    pub(super) minute: &'static str,
    pub(super) day: &'static str,
    pub(super) hour: &'static str,
    pub(super) half_hour: &'static str,
    pub(super) meridiem: &'static str,
    pub(super) year: &'static str,
    pub(super) delimited: &'static str,
}

/// A compiled pattern.
#[derive(Clone, Debug)]
pub(super) struct Program {
    pub(super) items: Box<[Item]>,
    /// The slots that the tokens fill.
    pub(super) slots: u64,
    /// White space around the value does not count.
    pub(super) trims: bool,
    /// The year of a value without one.
    pub(super) default_year: i32,
    /// Whether a zone moves a `timestamp` to UTC. Otherwise it is read and ignored.
    pub(super) local_is_utc: bool,
    /// Whether `24:00:00` and a second of 60 are read.
    pub(super) has_overflow: bool,
}

/// The longest pattern.
pub(super) const LONGEST: usize = 1024;

/// Collects the steps of a pattern.
pub(super) struct Builder<'p> {
    pub(super) pattern: &'p str,
    pub(super) items: Vec<Item>,
}

impl<'p> Builder<'p> {
    pub(super) fn new(pattern: &'p str) -> Result<Builder<'p>, PatternError> {
        if pattern.is_empty() {
            return Err(PatternError::new(pattern, 0, "is empty", "Write the tokens of a date or time."));
        }
        if pattern.len() > LONGEST {
            return Err(PatternError::new(pattern, LONGEST, "is too long", "A pattern has at most 1024 bytes."));
        }
        Ok(Builder { pattern, items: Vec::new() })
    }

    pub(super) fn push(&mut self, step: Step, start: usize, end: usize) {
        self.items.push(Item { step, start: start as u16, end: end as u16 });
    }

    /// Bytes that the value must have too.
    pub(super) fn literal(&mut self, start: usize, end: usize) {
        for (index, byte) in self.pattern.as_bytes()[start..end].iter().enumerate() {
            self.push(Step::Literal(*byte), start + index, start + index + 1);
        }
    }

    /// White space, however much.
    pub(super) fn space(&mut self, start: usize) {
        match self.items.last_mut() {
            Some(Item { step: Step::Space, end, .. }) => *end = start as u16 + 1,
            _ => self.push(Step::Space, start, start + 1),
        }
    }

    pub(super) fn error(&self, start: usize, problem: impl Into<String>, hint: impl Into<String>) -> PatternError {
        PatternError::new(self.pattern, start, problem, hint)
    }

    fn text(&self, item: &Item) -> &'p str {
        self.pattern.get(usize::from(item.start)..usize::from(item.end)).unwrap_or_default()
    }

    /// The first token that fills one of these slots.
    fn first(&self, slots: u64) -> Option<&Item> {
        self.items.iter().find(|item| item.step.slot().is_some_and(|slot| slot.bit() & slots != 0))
    }

    /// Refuses `later` because of `earlier`, when there are tokens of both.
    fn contradiction(&self, later: u64, earlier: u64, hint: &str) -> Result<(), PatternError> {
        match (self.first(later), self.first(earlier)) {
            (Some(later), Some(earlier)) => {
                let (second, first) = if later.start > earlier.start { (later, earlier) } else { (earlier, later) };
                let (second_text, first_text) = (self.text(second), self.text(first));
                Err(self.error(
                    usize::from(second.start),
                    format!("has \"{second_text}\" beside \"{first_text}\", which contradict each other"),
                    hint,
                ))
            }
            _ => Ok(()),
        }
    }

    /// Refuses tokens of `slots` without one of `needed`.
    fn requirement(&self, slots: u64, needed: u64, hint: &str) -> Result<(), PatternError> {
        match (self.first(slots), self.first(needed)) {
            (Some(item), None) => Err(self.error(
                usize::from(item.start),
                format!("has \"{}\", which means nothing alone", self.text(item)),
                hint,
            )),
            _ => Ok(()),
        }
    }

    /// Settles how many digits each number has, and checks that the tokens go together.
    pub(super) fn finish(mut self, words: &Words) -> Result<Program, PatternError> {
        self.check_doubled()?;
        self.check_combinations(words)?;
        self.settle_widths(words)?;
        let slots = self.items.iter().filter_map(|item| item.step.slot()).fold(0, |slots, slot| slots | slot.bit());
        if slots & (DATE | CLOCK) == 0 {
            return Err(self.error(
                0,
                "has no token of a date or time",
                format!("Write the parts of the value, such as {} and {}.", words.year, words.month),
            ));
        }
        Ok(Program {
            items: self.items.into(),
            slots,
            trims: false,
            default_year: 0,
            local_is_utc: false,
            has_overflow: true,
        })
    }

    fn check_doubled(&self) -> Result<(), PatternError> {
        for (index, item) in self.items.iter().enumerate() {
            let Some(slot) = item.step.slot() else { continue };
            let Some(earlier) = self.items[..index].iter().find(|earlier| earlier.step.slot() == Some(slot)) else {
                continue;
            };
            let hint = match slot {
                Slot::Month => {
                    "MM is the month and MI the minute of PostgreSQL's patterns; MM and mm are those of Java's; %m and %M those of strptime."
                }
                Slot::Minute => "The month is MM in PostgreSQL's and Java's patterns and %m in strptime's.",
                _ => "Write each part once.",
            };
            return Err(self.error(
                usize::from(item.start),
                format!("has \"{}\" for what \"{}\" has given already", self.text(item), self.text(earlier)),
                hint,
            ));
        }
        Ok(())
    }

    fn check_combinations(&self, words: &Words) -> Result<(), PatternError> {
        let has = |slots: u64| self.first(slots).is_some();
        let bit = Slot::bit;
        let gregorian = DATE & !ISO & !bit(Slot::JulianDay) | bit(Slot::IgnoredWeekday);
        let month_and_day = bit(Slot::Month) | bit(Slot::Day);
        // A minute where the month should be, and the other way round.
        if has(bit(Slot::Year) | bit(Slot::Day)) && has(bit(Slot::Minute)) && !has(HOUR | HALF_HOUR) {
            let item = self.first(bit(Slot::Minute)).map_or(0, |item| usize::from(item.start));
            return Err(self.error(
                item,
                "has a minute and no hour beside a date",
                format!("The month is {}.", words.month),
            ));
        }
        if has(bit(Slot::Month))
            && !has(bit(Slot::Minute))
            && (has(bit(Slot::Second)) || !has(bit(Slot::Day) | bit(Slot::Year)))
            && has(HOUR | HALF_HOUR)
        {
            let item = self.first(bit(Slot::Month)).map_or(0, |item| usize::from(item.start));
            return Err(self.error(
                item,
                "has a month and no minute beside an hour",
                format!("The minute is {}.", words.minute),
            ));
        }
        self.contradiction(
            ISO,
            gregorian,
            "Do not mix Gregorian and ISO week date conventions in a formatting template.",
        )?;
        self.contradiction(bit(Slot::JulianDay), DATE & !bit(Slot::JulianDay), "A Julian day is a whole date.")?;
        self.contradiction(bit(Slot::DayOfYear), month_and_day, &format!("The day of the month is {}.", words.day))?;
        let weeks = bit(Slot::WeekOfYear) | bit(Slot::SundayWeek) | bit(Slot::MondayWeek);
        self.contradiction(
            weeks,
            month_and_day | bit(Slot::DayOfYear) | bit(Slot::WeekOfMonth),
            "Give the week or the day.",
        )?;
        self.contradiction(bit(Slot::SundayWeek), bit(Slot::MondayWeek), "Weeks start with Sunday or with Monday.")?;
        self.contradiction(bit(Slot::WeekOfMonth), bit(Slot::Day) | bit(Slot::DayOfYear), "Give the week or the day.")?;
        self.contradiction(
            bit(Slot::SecondOfDay),
            CLOCK & !bit(Slot::SecondOfDay) & !SUBSECOND | bit(Slot::Meridiem),
            "The second of the day is a whole time.",
        )?;
        self.contradiction(HOUR, HALF_HOUR, "Give one of the two clocks.")?;
        self.contradiction(bit(Slot::Hour), bit(Slot::HourFrom1), "Give the hour once.")?;
        self.contradiction(bit(Slot::HalfHour), bit(Slot::HalfHourFrom0), "Give the hour once.")?;
        self.contradiction(bit(Slot::IsoWeekday), bit(Slot::SundayWeekday), "Give the day of the week once.")?;
        self.contradiction(
            bit(Slot::Epoch),
            (DATE | CLOCK | ZONE) & !bit(Slot::Epoch) & !SUBSECOND,
            "Seconds since 1970 are a whole date and time.",
        )?;
        self.contradiction(
            HOUR,
            bit(Slot::Meridiem),
            &format!("The hour of the 12-hour clock is {}.", words.half_hour),
        )?;
        self.contradiction(
            bit(Slot::Fraction),
            SUBSECOND & !bit(Slot::Fraction),
            "Write the fraction of a second as one token.",
        )?;
        self.contradiction(bit(Slot::Zone), ZONE & !bit(Slot::Zone), "Give the zone once.")?;
        self.contradiction(bit(Slot::IsoDayOfYear), bit(Slot::IsoWeek), "Give the week or the day.")?;
        self.requirement(
            HALF_HOUR,
            bit(Slot::Meridiem),
            &format!("Half of the day cannot be told: write {}, or {} beside it.", words.hour, words.meridiem),
        )?;
        self.requirement(bit(Slot::Meridiem), HALF_HOUR, &format!("Write {} beside it.", words.half_hour))?;
        self.requirement(bit(Slot::ZoneMinute), bit(Slot::ZoneHour), "Write TZH beside it.")?;
        self.requirement(
            bit(Slot::Era),
            bit(Slot::Year) | bit(Slot::IsoYear) | bit(Slot::Century),
            &format!("Write {} beside it.", words.year),
        )?;
        let year = format!("cannot calculate day of year without year information: write {} beside it.", words.year);
        self.requirement(bit(Slot::DayOfYear) | weeks, bit(Slot::Year) | bit(Slot::Century), &year)?;
        self.requirement(ISO & !bit(Slot::IsoYear), bit(Slot::IsoYear), "Write the ISO year beside it.")?;
        if has(bit(Slot::Century)) {
            let whole = self
                .items
                .iter()
                .find(|item| matches!(item.step, Step::CommaYear | Step::Year { slot: Slot::Year, max: 3.., .. }));
            if let Some(item) = whole {
                return Err(self.error(
                    usize::from(item.start),
                    format!("has \"{}\" beside the century", self.text(item)),
                    "Write the year within the century as YY, or no century.",
                ));
            }
        }
        Ok(())
    }

    /// A number that a digit follows directly has a fixed width, because nothing else says where it ends; and so has the
    /// last of a row of numbers, because `2024115` would be two dates otherwise.
    fn settle_widths(&mut self, words: &Words) -> Result<(), PatternError> {
        for index in 0..self.items.len() {
            let is_followed = self.items.get(index + 1).is_some_and(|next| next.step.starts_with_digit());
            if !is_followed {
                let follows = index > 0
                    && self.items[index].step.starts_with_digit()
                    && matches!(self.items[index - 1].step, Step::Number { .. } | Step::Year { .. });
                if let Step::Number { min, max, greedy: false, .. } = &mut self.items[index].step
                    && follows
                {
                    *min = *max;
                }
                continue;
            }
            let item = self.items[index];
            let is_variable = match &mut self.items[index].step {
                Step::Number { greedy: true, .. } | Step::Year { greedy: true, .. } => true,
                // However many digits a year may have before a separator, it has four before a digit.
                Step::Year { min: 4, max, .. } => {
                    *max = 4;
                    false
                }
                Step::Number { min, max, .. } | Step::Year { min, max, .. } => {
                    *min = *max;
                    false
                }
                Step::Fraction { min, max } => min != max,
                Step::OptionalFraction | Step::CommaYear | Step::Epoch => true,
                _ => false,
            };
            if is_variable {
                return Err(self.error(
                    usize::from(item.start),
                    format!("has \"{}\" directly before digits, so that nothing says where it ends", self.text(&item)),
                    format!("Put a separator between them{}.", words.delimited),
                ));
            }
        }
        Ok(())
    }
}

impl Program {
    /// Whether values of that kind can be read.
    pub(super) fn reads(&self, kind: Kind) -> bool {
        match kind {
            Kind::Date | Kind::Timestamp | Kind::TimestampTz => self.slots & DATE != 0,
            Kind::Time | Kind::TimeTz => self.slots & CLOCK != 0,
        }
    }
}
