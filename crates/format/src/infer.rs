//! Column names and types of a table that is made from a file.
//!
//! A type is proven by every value of the column, never by a sample, and only if it keeps everything the text says:
//! `00501` is no number, because a number would print as `501`. What is allowed to change is spelling without meaning:
//! `1.50` and `1.5`, `TRUE` and `true`, upper and lower case in a uuid, `T` and a space in a timestamp.
//!
//! | values | type |
//! |---|---|
//! | `true`, `false` in any case | bool |
//! | integers without leading zeros, `+` or `-0` | int8, beyond it numeric(p,0) up to 38 digits |
//! | some with decimals, each at most 15 significant digits | float8, which prints each of them back (`.5` and `5.` too) |
//! | some with decimals, some longer | numeric(p,s) up to 38 digits |
//! | some with an exponent, `-0.0`, or `NaN` and `inf` beside numbers | float8 if each has at most 15 digits and is in range |
//! | `YYYY-MM-DD` | date |
//! | `HH:MM:SS` with up to 6 decimals | time |
//! | a date, `T` or a space, `HH:MM`, seconds with up to 6 decimals | timestamp; values that are dates may stand among them |
//! | the same with `Z`, `±hh`, `±hhmm` or `±hh:mm` on every value | timestamptz |
//! | 8-4-4-4-12 hexadecimal digits | uuid |
//! | anything else, mixtures of the above, no value at all | text |
//!
//! Integers are always int8: the next file may hold larger ones.

use copyist_core::Type;
use std::collections::HashSet;

/// What the values of one column had in common so far.
///
/// It holds the union of what was seen and some maxima, so any split of the values among several guesses, merged in any
/// order, ends in the same type.
#[derive(Clone, Copy, Debug, Default)]
pub struct ColumnGuess {
    /// Bits of the constants below.
    seen: u16,
    /// Most digits before the decimal point, a single `0` not counted.
    integer_digits: u16,
    /// Most digits after the decimal point.
    scale: u16,
}

const BOOL: u16 = 1;
const INTEGER: u16 = 1 << 1;
/// An integer outside int8.
const HUGE: u16 = 1 << 2;
const DECIMAL: u16 = 1 << 3;
/// A number that only float8 keeps: with an exponent, or a negative zero.
const FLOAT: u16 = 1 << 4;
/// `NaN` or an infinity.
const SPECIAL: u16 = 1 << 5;
/// A number that float8 may not print back as it was written.
const INEXACT: u16 = 1 << 6;
const DATE: u16 = 1 << 7;
const TIMESTAMP: u16 = 1 << 8;
const TIMESTAMP_TZ: u16 = 1 << 9;
const TIME: u16 = 1 << 10;
const UUID: u16 = 1 << 11;
const TEXT: u16 = 1 << 12;

const NUMBER: u16 = INTEGER | HUGE | DECIMAL | FLOAT | SPECIAL | INEXACT;

/// Decimals of this many significant digits survive the way into float8 and back.
const FLOAT8_DIGITS: usize = 15;
/// Decimal exponents of the leading digit for which that holds: float8's normal range, rounded inwards.
const FLOAT8_EXPONENTS: std::ops::RangeInclusive<i64> = -307..=307;
/// What DuckDB's DECIMAL holds; PostgreSQL's numeric holds more.
const MAX_PRECISION: u16 = 38;

/// A column's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Guess {
    Bool,
    Int8,
    /// Precision 1 to 38, scale 0 to precision.
    Numeric {
        precision: u16,
        scale: u16,
    },
    Float8,
    Date,
    Time,
    Timestamp,
    TimestampTz,
    Uuid,
    Text,
}

impl From<Guess> for Type {
    fn from(guess: Guess) -> Self {
        match guess {
            Guess::Bool => Type::Bool,
            Guess::Int8 => Type::Int8,
            Guess::Numeric { precision, scale } => Type::Numeric(Some((precision, scale.cast_signed()))),
            Guess::Float8 => Type::Float8,
            Guess::Date => Type::Date,
            Guess::Time => Type::Time(None),
            Guess::Timestamp => Type::Timestamp(None),
            Guess::TimestampTz => Type::TimestampTz(None),
            Guess::Uuid => Type::Uuid,
            Guess::Text => Type::Text,
        }
    }
}

impl ColumnGuess {
    /// A guess without any value.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes one value that is not NULL, without quotes and escapes.
    #[inline]
    pub fn observe(&mut self, value: &[u8]) {
        if self.seen & TEXT == 0 {
            self.classify(value);
        }
    }

    /// Takes one value where the decimal mark of numbers is a comma.
    pub fn observe_with_comma(&mut self, value: &[u8]) {
        let is_number = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b',' | b'.' | b'e' | b'E');
        if memchr::memchr2(b',', b'.', value).is_some() && value.iter().all(is_number) {
            let mut pointed = Vec::with_capacity(value.len());
            crate::decimal::write_pointed(value, &mut pointed);
            self.observe(&pointed);
        } else {
            self.observe(value);
        }
    }

    /// Takes a NULL, which every type has: nothing changes.
    #[inline]
    pub fn observe_null(&mut self) {}

    /// Digits of the longest number, before its point.
    #[must_use]
    pub fn integer_digits(&self) -> u16 {
        self.integer_digits
    }

    /// Whether the column is text whatever else comes.
    #[inline]
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.seen & TEXT != 0
    }

    /// Takes all that `other` took.
    pub fn merge(&mut self, other: &ColumnGuess) {
        self.add(other.seen);
        self.integer_digits = self.integer_digits.max(other.integer_digits);
        self.scale = self.scale.max(other.scale);
    }

    /// The narrowest type that keeps every value.
    #[must_use]
    pub fn finish(&self) -> Guess {
        let seen = self.seen;
        match seen {
            BOOL => Guess::Bool,
            UUID => Guess::Uuid,
            TIME => Guess::Time,
            DATE => Guess::Date,
            TIMESTAMP_TZ => Guess::TimestampTz,
            _ if seen & TIMESTAMP != 0 && seen & !(TIMESTAMP | DATE) == 0 => Guess::Timestamp,
            _ if seen & NUMBER != 0 && seen & !NUMBER == 0 => self.finish_number(),
            _ => Guess::Text,
        }
    }

    fn finish_number(&self) -> Guess {
        let has = |kinds: u16| self.seen & kinds != 0;
        let precision = (self.integer_digits + self.scale).max(1);
        let numeric = if precision <= MAX_PRECISION && !has(FLOAT | SPECIAL) {
            Guess::Numeric { precision, scale: self.scale }
        } else {
            Guess::Text
        };
        if !has(DECIMAL | FLOAT | SPECIAL) {
            // Integers only.
            return if has(HUGE) { numeric } else { Guess::Int8 };
        }
        // The words alone, without any number beside them, are words.
        if !has(INEXACT) && has(INTEGER | DECIMAL | FLOAT) { Guess::Float8 } else { numeric }
    }

    /// Adds kinds, and text where they do not go together.
    #[inline]
    fn add(&mut self, kinds: u16) {
        let seen = self.seen | kinds;
        if seen != self.seen {
            let one_family = seen & !NUMBER == 0
                || seen & !(DATE | TIMESTAMP) == 0
                || (seen & (seen - 1) == 0 && seen & (BOOL | TIMESTAMP_TZ | TIME | UUID) != 0);
            self.seen = if one_family { seen } else { seen | TEXT };
        }
    }

    #[inline]
    fn classify(&mut self, value: &[u8]) {
        // Positions of punctuation tell the fixed forms apart; everything else must be a number or a word.
        if value.len() >= 10 && value[4] == b'-' && value[7] == b'-' {
            self.add(date_or_timestamp(value));
        } else if value.len() >= 8 && value[2] == b':' {
            self.add(time(value));
        } else if value.len() == 36 && value[8] == b'-' {
            self.add(uuid(value));
        } else {
            match value.first() {
                Some(b'0'..=b'9' | b'-' | b'.') => self.number(value),
                _ => self.add(word(value)),
            }
        }
    }

    #[inline]
    fn number(&mut self, value: &[u8]) {
        let unsigned = value.strip_prefix(b"-").unwrap_or(value);
        let negative = unsigned.len() != value.len();
        if all_digits(unsigned) {
            self.integer(unsigned, negative);
        } else {
            self.fraction(unsigned, negative);
        }
    }

    #[inline]
    fn integer(&mut self, digits: &[u8], negative: bool) {
        if digits[0] == b'0' {
            // `0` itself; `007` and `-0` would come back changed.
            self.add(if digits.len() == 1 && !negative { INTEGER } else { TEXT });
            return;
        }
        let inexact = if digits.len() > FLOAT8_DIGITS { INEXACT } else { 0 };
        let fits = digits.len() < 19 || (digits.len() == 19 && fits_int8(digits, negative));
        self.add(if fits { INTEGER } else { HUGE } | inexact);
        self.integer_digits = self.integer_digits.max(saturate(digits.len()));
    }

    /// Numbers with a point, an exponent or both, and the infinities.
    fn fraction(&mut self, unsigned: &[u8], negative: bool) {
        let (integer, mut rest) = unsigned.split_at(count_digits(unsigned));
        let mut fraction: &[u8] = &[];
        let has_point = rest.first() == Some(&b'.');
        if has_point {
            let scale = count_digits(&rest[1..]);
            fraction = &rest[1..=scale];
            rest = &rest[1 + scale..];
        }
        let leading_zero = integer.len() > 1 && integer[0] == b'0';
        if (integer.is_empty() && fraction.is_empty()) || leading_zero {
            self.add(if negative && is_infinity(unsigned) { SPECIAL } else { TEXT });
            return;
        }
        let exponent = match rest {
            [] => None,
            [b'e' | b'E', exponent @ ..] => match small_integer(exponent) {
                Some(exponent) => Some(exponent),
                None => return self.add(TEXT),
            },
            _ => return self.add(TEXT),
        };

        // Significant are all digits from the first one that is not zero, also zeros at the end.
        let integer = if integer == b"0" { &[][..] } else { integer };
        let zeros = if integer.is_empty() { fraction.iter().take_while(|&&digit| digit == b'0').count() } else { 0 };
        let significant = integer.len() + fraction.len() - zeros;
        let is_zero = significant == 0;
        let leading = if integer.is_empty() { -(zeros as i64) - 1 } else { integer.len() as i64 - 1 };
        let in_range = is_zero || FLOAT8_EXPONENTS.contains(&(leading + exponent.unwrap_or(0)));
        let exact = significant <= FLOAT8_DIGITS && in_range;

        let float_only = exponent.is_some() || (is_zero && negative);
        self.add(if float_only && !exact {
            TEXT
        } else if float_only {
            FLOAT
        } else if exact {
            DECIMAL
        } else {
            DECIMAL | INEXACT
        });
        self.integer_digits = self.integer_digits.max(saturate(integer.len()));
        self.scale = self.scale.max(saturate(fraction.len()));
    }
}

/// Digit counts far beyond any precision are all alike, and two of them must not overflow in a sum.
fn saturate(count: usize) -> u16 {
    count.min(1000) as u16
}

/// Whether 19 digits without leading zero are in int8's range.
fn fits_int8(digits: &[u8], negative: bool) -> bool {
    let limit: &[u8; 19] = if negative { b"9223372036854775808" } else { b"9223372036854775807" };
    digits <= limit.as_slice()
}

/// Bits of the bytes that are no digits: a digit's high half is 3, and still is with 6 added. A carry out of a byte only
/// disturbs bytes after one that is wrong already, so nothing is set in front of the first wrong byte.
#[inline(always)]
fn not_digits(word: [u8; 8]) -> u64 {
    let word = u64::from_le_bytes(word);
    let high = 0xF0F0_F0F0_F0F0_F0F0;
    let threes = 0x3030_3030_3030_3030;
    ((word & high) ^ threes) | ((word.wrapping_add(0x0606_0606_0606_0606) & high) ^ threes)
}

/// Whether there are digits and nothing else.
#[inline]
fn all_digits(bytes: &[u8]) -> bool {
    match (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        // The first and the last eight overlap where there are fewer than sixteen.
        (Some(&first), Some(&last)) if bytes.len() <= 16 => not_digits(first) | not_digits(last) == 0,
        (Some(_), _) => count_digits(bytes) == bytes.len(),
        _ => match (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
            (Some(&[a, b, c, d]), Some(&[e, f, g, h])) => not_digits([a, b, c, d, e, f, g, h]) == 0,
            _ => !bytes.is_empty() && bytes.iter().all(u8::is_ascii_digit),
        },
    }
}

/// How many bytes at the start are digits.
#[inline]
fn count_digits(bytes: &[u8]) -> usize {
    let mut count = 0;
    while let Some(&word) = bytes[count..].first_chunk::<8>() {
        let wrong = not_digits(word);
        if wrong != 0 {
            return count + wrong.trailing_zeros() as usize / 8;
        }
        count += 8;
    }
    count + bytes[count..].iter().take_while(|byte| byte.is_ascii_digit()).count()
}

/// The digits after `e`, with or without sign: at most four of them.
fn small_integer(bytes: &[u8]) -> Option<i64> {
    let (negative, digits) = match bytes {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || digits.len() > 4 || count_digits(digits) != digits.len() {
        return None;
    }
    let value = digits.iter().fold(0, |value, digit| value * 10 + i64::from(digit - b'0'));
    Some(if negative { -value } else { value })
}

fn is_infinity(word: &[u8]) -> bool {
    word.eq_ignore_ascii_case(b"inf") || word.eq_ignore_ascii_case(b"infinity")
}

fn word(value: &[u8]) -> u16 {
    if value.eq_ignore_ascii_case(b"true") || value.eq_ignore_ascii_case(b"false") {
        BOOL
    } else if value.eq_ignore_ascii_case(b"nan") || is_infinity(value) {
        SPECIAL
    } else {
        TEXT
    }
}

/// `8-4-4-4-12`, the only spelling whose text is kept but for its case.
fn uuid(value: &[u8]) -> u16 {
    let Some(&(mut digits)) = value.first_chunk::<36>() else { return TEXT };
    let mut hyphens = true;
    for at in [8, 13, 18, 23] {
        hyphens &= digits[at] == b'-';
        digits[at] = b'0';
    }
    // No early exit, so that the compiler can test many at once.
    let hexadecimal = digits
        .iter()
        .fold(true, |all, &byte| all & ((byte.wrapping_sub(b'0') < 10) | ((byte | 0x20).wrapping_sub(b'a') < 6)));
    if hyphens && hexadecimal { UUID } else { TEXT }
}

/// The two-digit number at `at`, or something above 99.
#[inline]
fn two_digits(bytes: &[u8], at: usize) -> u32 {
    let tens = u32::from(bytes[at].wrapping_sub(b'0'));
    let ones = u32::from(bytes[at + 1].wrapping_sub(b'0'));
    if tens > 9 || ones > 9 { 100 } else { tens * 10 + ones }
}

/// A value with hyphens after the fourth and the sixth digit.
#[inline]
fn date_or_timestamp(value: &[u8]) -> u16 {
    let (century, year, month, day) =
        (two_digits(value, 0), two_digits(value, 2), two_digits(value, 5), two_digits(value, 8));
    if century > 99 || year > 99 || !is_day(century * 100 + year, month, day) {
        return TEXT;
    }
    match value.get(10) {
        None => DATE,
        Some(b' ' | b'T') => time_and_zone(&value[11..]),
        Some(_) => TEXT,
    }
}

/// Whether it is a day of the Gregorian calendar in the years 1 to 9999.
#[inline]
fn is_day(year: u32, month: u32, day: u32) -> bool {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 0,
    };
    year >= 1 && day >= 1 && day <= days
}

/// The part of a timestamp after its `T`: `HH:MM`, seconds if any, a zone if any.
#[inline]
fn time_and_zone(value: &[u8]) -> u16 {
    if value.len() < 5 || value[2] != b':' || two_digits(value, 0) > 23 || two_digits(value, 3) > 59 {
        return TEXT;
    }
    let zone = if value.get(5) == Some(&b':') {
        match seconds(&value[6..]) {
            Some(length) => &value[6 + length..],
            None => return TEXT,
        }
    } else {
        &value[5..]
    };
    let minutes = match zone {
        [] => return TIMESTAMP,
        b"Z" => return TIMESTAMP_TZ,
        [b'+' | b'-', _, _] => 0,
        [b'+' | b'-', _, _, _, _] => two_digits(zone, 3),
        [b'+' | b'-', _, _, b':', _, _] => two_digits(zone, 4),
        _ => return TEXT,
    };
    if two_digits(zone, 1) <= 15 && minutes <= 59 { TIMESTAMP_TZ } else { TEXT }
}

/// How long the seconds at the start are, with up to 6 decimals. Neither second 60 nor a seventh decimal is kept by the
/// types, so there is no length for those.
#[inline]
fn seconds(value: &[u8]) -> Option<usize> {
    if value.len() < 2 || two_digits(value, 0) > 59 {
        return None;
    }
    if value.get(2) != Some(&b'.') {
        return Some(2);
    }
    let decimals = count_digits(&value[3..]);
    (1..=6).contains(&decimals).then_some(3 + decimals)
}

/// A value with a colon after two bytes.
#[inline]
fn time(value: &[u8]) -> u16 {
    let clock = two_digits(value, 0) <= 23 && two_digits(value, 3) <= 59 && value[5] == b':';
    if clock && seconds(&value[6..]) == Some(value.len() - 6) { TIME } else { TEXT }
}

/// PostgreSQL's limit on a name, in bytes.
pub const MAX_NAME: usize = 63;

/// Names for the columns of a new table.
///
/// A header field is taken as it stands, spaces and all, cut to 63 bytes at a character boundary. An empty or absent one
/// becomes `column1`, `column2`, … by its position. DuckDB does not tell names apart by case, so `id` and `ID` are the same:
/// the first keeps its name, each further one gets `_1`, `_2`, … such that it is no other column's name in the header. Fields
/// beyond `columns` are not looked at.
#[must_use]
pub fn column_names(header: Option<&[Vec<u8>]>, columns: usize) -> Vec<String> {
    let header = header.unwrap_or(&[]);
    let wanted: Vec<Option<String>> = (0..columns)
        .map(|index| {
            let name = String::from_utf8_lossy(header.get(index).map_or(&[][..], Vec::as_slice));
            (!name.is_empty()).then(|| cut(&name, MAX_NAME).to_owned())
        })
        .collect();
    let written: HashSet<String> = wanted.iter().flatten().map(|name| name.to_lowercase()).collect();
    let mut taken = HashSet::new();
    wanted
        .into_iter()
        .enumerate()
        .map(|(index, name)| {
            let in_header = name.is_some();
            let name = name.unwrap_or_else(|| format!("column{}", index + 1));
            let folded = name.to_lowercase();
            // A name made up here gives way to one that the header has, also further to the right.
            if (in_header || !written.contains(&folded)) && taken.insert(folded) {
                return name;
            }
            let mut number = 1;
            loop {
                let suffix = format!("_{number}");
                let candidate = format!("{}{suffix}", cut(&name, MAX_NAME - suffix.len()));
                let folded = candidate.to_lowercase();
                if !written.contains(&folded) && taken.insert(folded) {
                    return candidate;
                }
                number += 1;
            }
        })
        .collect()
}

/// At most `limit` bytes of the name, whole characters.
fn cut(name: &str, limit: usize) -> &str {
    let mut end = limit.min(name.len());
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    &name[..end]
}

#[cfg(test)]
mod tests;
