//! The fast path: patterns of numbers of fixed width, whose values are all as long as the pattern and have digits at
//! the same places.

use super::parts::Slot;
use super::program::{Item, Step, YearRule};
use super::zone;
use crate::calendar::MICROS_PER_SECOND;
use crate::fast;

/// The longest value.
const LONGEST: usize = 40;
/// No such field in the value.
const ABSENT: u8 = u8::MAX;

/// Where the fields are.
#[derive(Clone, Debug)]
pub(super) struct Fixed {
    len: usize,
    /// The pattern's bytes eight at a time, `0` for a digit, with what [`fast::matches_template`] adds; the last word
    /// ends with the value.
    words: Box<[(u8, u64, u64)]>,
    year: u8,
    month: u8,
    day: u8,
    hour: u8,
    minute: u8,
    second: u8,
    fraction: u8,
    fraction_digits: u8,
    /// A zone follows, which must be an offset.
    has_zone: bool,
}

/// What the fast path found: days since 2000-01-01 and microseconds since midnight, 0 for what the pattern lacks; and
/// the zone, in seconds east of Greenwich.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FixedValue {
    pub(super) days: i32,
    pub(super) micros: i64,
    pub(super) east: Option<i32>,
}

#[inline(always)]
fn two_digits(value: &[u8; LONGEST], at: u8) -> u32 {
    let at = usize::from(at);
    u32::from(value[at] & 15) * 10 + u32::from(value[at + 1] & 15)
}

impl Fixed {
    /// `None` for a pattern that is not of fixed width or has other fields than these.
    pub(super) fn of(items: &[Item]) -> Option<Fixed> {
        let mut template = Vec::with_capacity(LONGEST);
        let mut fixed = Fixed {
            len: 0,
            words: Box::default(),
            year: ABSENT,
            month: ABSENT,
            day: ABSENT,
            hour: ABSENT,
            minute: ABSENT,
            second: ABSENT,
            fraction: ABSENT,
            fraction_digits: 0,
            has_zone: false,
        };
        let items = match items {
            [items @ .., Item { step: Step::Zone(_), .. }] => {
                fixed.has_zone = true;
                items
            }
            items => items,
        };
        for item in items {
            let at = template.len() as u8;
            let width = match item.step {
                // A digit of the pattern would pass for any digit.
                Step::Literal(byte) if !byte.is_ascii_digit() && byte < 0x80 => {
                    template.push(byte);
                    0
                }
                Step::Space => {
                    template.push(b' ');
                    0
                }
                Step::Year { slot: Slot::Year, min: 4, rule: YearRule::Whole, .. } => {
                    fixed.year = at;
                    4
                }
                Step::Number { slot, max: 2, .. } => {
                    *match slot {
                        Slot::Month => &mut fixed.month,
                        Slot::Day => &mut fixed.day,
                        Slot::Hour => &mut fixed.hour,
                        Slot::Minute => &mut fixed.minute,
                        Slot::Second => &mut fixed.second,
                        _ => return None,
                    } = at;
                    2
                }
                // Three digits of thousandths and three of millionths are six of a fraction.
                Step::Number { slot: Slot::Millis, min: 3, max: 3, .. } => {
                    fixed.fraction = at;
                    fixed.fraction_digits = 3;
                    3
                }
                Step::Number { slot: Slot::Micros, min: 3, max: 3, .. }
                    if fixed.fraction_digits == 3 && at == fixed.fraction + 3 =>
                {
                    fixed.fraction_digits = 6;
                    3
                }
                Step::Fraction { max: max @ 1..=6, .. } => {
                    fixed.fraction = at;
                    fixed.fraction_digits = max;
                    max
                }
                _ => return None,
            };
            template.extend(std::iter::repeat_n(b'0', usize::from(width)));
            if template.len() > LONGEST - 2 {
                return None;
            }
        }
        let has_date = [fixed.year, fixed.month, fixed.day].map(|at| at != ABSENT);
        if template.len() < 8 || (has_date != [true; 3] && has_date != [false; 3]) {
            return None;
        }
        fixed.len = template.len();
        let mut starts: Vec<usize> = (0..template.len() / 8).map(|word| word * 8).collect();
        if template.len() % 8 != 0 {
            starts.push(template.len() - 8);
        }
        fixed.words = starts
            .into_iter()
            .map(|start| {
                let mut bytes = [0; 8];
                bytes.copy_from_slice(&template[start..start + 8]);
                (start as u8, u64::from_le_bytes(bytes), fast::excess(&bytes))
            })
            .collect();
        Some(fixed)
    }

    /// Whether the pattern has a date.
    #[inline]
    pub(super) fn has_date(&self) -> bool {
        self.year != ABSENT
    }

    /// `None` for what the complete reader must judge.
    #[inline]
    pub(super) fn read(&self, value: &[u8]) -> Option<FixedValue> {
        let (value, east) = if self.has_zone {
            let (value, zone) = value.split_at_checked(self.len)?;
            (value, Some(zone::whole_offset(zone)?))
        } else {
            (value, None)
        };
        if value.len() != self.len {
            return None;
        }
        let mut bytes = [0; LONGEST];
        for &(start, template, excess) in &self.words {
            let word = fast::load(value, usize::from(start))?;
            if !fast::matches_template(word, template, excess) {
                return None;
            }
            *bytes.get_mut(usize::from(start)..)?.first_chunk_mut()? = word.to_le_bytes();
        }
        let days = if self.year == ABSENT {
            0
        } else {
            let year = two_digits(&bytes, self.year) * 100 + two_digits(&bytes, self.year + 2);
            fast::days(year, two_digits(&bytes, self.month), two_digits(&bytes, self.day))?
        };
        let mut seconds = 0;
        if self.hour != ABSENT {
            let hour = two_digits(&bytes, self.hour);
            if hour > 23 {
                return None;
            }
            seconds = hour * 3600;
        }
        if self.minute != ABSENT {
            let minute = two_digits(&bytes, self.minute);
            if minute > 59 {
                return None;
            }
            seconds += minute * 60;
        }
        if self.second != ABSENT {
            let second = two_digits(&bytes, self.second);
            if second > 59 {
                return None;
            }
            seconds += second;
        }
        let mut micros = i64::from(seconds) * MICROS_PER_SECOND;
        if self.fraction != ABSENT {
            let start = usize::from(self.fraction);
            let digits = bytes.get(start..start + usize::from(self.fraction_digits))?;
            let mut fraction = 0;
            for digit in digits {
                fraction = fraction * 10 + u32::from(digit & 15);
            }
            const SCALE: [u32; 7] = [1_000_000, 100_000, 10_000, 1_000, 100, 10, 1];
            micros += i64::from(fraction * SCALE[digits.len()]);
        }
        Some(FixedValue { days, micros, east })
    }
}
