//! How values of each type of fixed size are read: quickly in their usual spelling, in full in any.

use std::collections::HashMap;

use copyist_core::{EnumType, Result};
use copyist_datetime::{self as datetime, Context, DateCache};
use copyist_scan::Grammar;
use copyist_types as types;

use crate::values::{finite_interval, in_duckdb_displacement, in_duckdb_range, unscaled_decimal};

/// A type's input functions. A trait, not two closures, since `fast` has to be inlined into the loop over the values, whatever
/// instruction set that is compiled for.
pub(crate) trait Parse {
    type Value: Copy;

    /// What a vector is filled with; where a NULL is it stays.
    const NULL: Self::Value;

    /// The value of the raw field `buffer[start..end]` if it is in the usual spelling. To be marked `#[inline(always)]`.
    fn fast(&self, buffer: &[u8], start: usize, end: usize) -> Option<Self::Value>;

    /// The value of a field that has been resolved.
    fn full(&self, text: &[u8]) -> Result<Self::Value>;
}

/// `fast` as an expression: a closure or a function's name might become a call for every value.
macro_rules! parse {
    ($name:ident, $value:ty, $null:expr, |$buffer:tt, $start:tt, $end:tt| $fast:expr, $full:expr) => {
        pub(crate) struct $name;

        impl Parse for $name {
            type Value = $value;
            const NULL: $value = $null;

            #[inline(always)]
            fn fast(&self, $buffer: &[u8], $start: usize, $end: usize) -> Option<$value> {
                $fast
            }

            fn full(&self, text: &[u8]) -> Result<$value> {
                $full(text)
            }
        }
    };
}

parse!(Bool, u8, 0, |b, s, e| fast_bool(&b[s..e]), |text| types::boolean::parse(text).map(u8::from));
parse!(Int2, i16, 0, |b, s, e| types::integer::fast_i64(b, s, e)?.try_into().ok(), types::integer::parse_i16);
parse!(Int4, i32, 0, |b, s, e| types::integer::fast_i64(b, s, e)?.try_into().ok(), types::integer::parse_i32);
parse!(Int8, i64, 0, |b, s, e| types::integer::fast_i64(b, s, e), types::integer::parse_i64);
parse!(Float4, f32, 0.0, |b, s, e| types::float::fast_f32(b, s, e), types::float::parse_f32);
parse!(Float8, f64, 0.0, |b, s, e| types::float::fast_f64(b, s, e), types::float::parse_f64);
parse!(Uuid, [u8; 16], [0; 16], |_, _, _| None, types::uuid::parse);

/// The values of `t`, `1`, `f` and `0`; 2 for all other bytes.
const LETTERS: [u8; 256] = {
    let mut letters = [2; 256];
    letters[b't' as usize] = 1;
    letters[b'1' as usize] = 1;
    letters[b'f' as usize] = 0;
    letters[b'0' as usize] = 0;
    letters
};

#[inline(always)]
fn fast_bool(value: &[u8]) -> Option<u8> {
    // The shortest spellings from a table: a branch on which it is would be mispredicted every other time.
    if let [letter] = *value {
        let value = LETTERS[usize::from(letter)];
        return (value <= 1).then_some(value);
    }
    match *value {
        [b't', b'r', b'u', b'e'] => Some(1),
        [b'f', b'a', b'l', b's', b'e'] => Some(0),
        _ => None,
    }
}

pub(crate) struct Date<'a> {
    pub context: &'a Context,
}

impl Parse for Date<'_> {
    type Value = i32;
    const NULL: i32 = 0;

    #[inline(always)]
    fn fast(&self, buffer: &[u8], start: usize, end: usize) -> Option<i32> {
        datetime::fast_date(buffer, start, end)
    }

    fn full(&self, text: &[u8]) -> Result<i32> {
        datetime::date(text, self.context)
    }
}

/// Whether a type of this precision keeps every digit that a fast path reads.
#[inline(always)]
fn is_exact(precision: Option<u8>) -> bool {
    precision.is_none_or(|precision| precision >= 6)
}

pub(crate) struct Time<'a> {
    pub precision: Option<u8>,
    pub context: &'a Context,
}

impl Parse for Time<'_> {
    type Value = i64;
    const NULL: i64 = 0;

    #[inline(always)]
    fn fast(&self, buffer: &[u8], start: usize, end: usize) -> Option<i64> {
        if is_exact(self.precision) { datetime::fast_time(buffer, start, end) } else { None }
    }

    fn full(&self, text: &[u8]) -> Result<i64> {
        datetime::time(text, self.precision, self.context)
    }
}

pub(crate) struct Timestamp<'a> {
    pub precision: Option<u8>,
    pub context: &'a Context,
    /// By DuckDB's range.
    pub bounded: bool,
    pub dates: DateCache,
}

impl Parse for Timestamp<'_> {
    type Value = i64;
    const NULL: i64 = 0;

    #[inline(always)]
    fn fast(&self, buffer: &[u8], start: usize, end: usize) -> Option<i64> {
        if is_exact(self.precision) { datetime::fast_timestamp(buffer, start, end, &self.dates) } else { None }
    }

    fn full(&self, text: &[u8]) -> Result<i64> {
        let instant = datetime::timestamp(text, self.precision, self.context)?;
        in_duckdb_range(self.bounded, instant, text)
    }
}

pub(crate) struct TimestampTz<'a> {
    pub precision: Option<u8>,
    pub context: &'a Context,
    /// By DuckDB's range.
    pub bounded: bool,
    pub dates: DateCache,
}

impl Parse for TimestampTz<'_> {
    type Value = i64;
    const NULL: i64 = 0;

    #[inline(always)]
    fn fast(&self, buffer: &[u8], start: usize, end: usize) -> Option<i64> {
        if !is_exact(self.precision) {
            return None;
        }
        datetime::fast_timestamptz(buffer, start, end, self.context, &self.dates)
    }

    fn full(&self, text: &[u8]) -> Result<i64> {
        let instant = datetime::timestamptz(text, self.precision, self.context)?;
        in_duckdb_range(self.bounded, instant, text)
    }
}

pub(crate) struct TimeTz<'a> {
    pub precision: Option<u8>,
    pub context: &'a Context,
    /// By DuckDB's range of displacements.
    pub bounded: bool,
}

impl Parse for TimeTz<'_> {
    type Value = (i64, i32);
    const NULL: (i64, i32) = (0, 0);

    #[inline(always)]
    fn fast(&self, _: &[u8], _: usize, _: usize) -> Option<(i64, i32)> {
        None
    }

    fn full(&self, text: &[u8]) -> Result<(i64, i32)> {
        let time = datetime::timetz(text, self.precision, self.context)?;
        in_duckdb_displacement(self.bounded, time, text)
    }
}

pub(crate) struct Interval<'a> {
    pub precision: Option<u8>,
    pub context: &'a Context,
    /// The target has no infinite ones.
    pub finite: bool,
}

impl Parse for Interval<'_> {
    type Value = datetime::Interval;
    const NULL: datetime::Interval = datetime::Interval { months: 0, days: 0, micros: 0 };

    #[inline(always)]
    fn fast(&self, _: &[u8], _: usize, _: usize) -> Option<datetime::Interval> {
        None
    }

    fn full(&self, text: &[u8]) -> Result<datetime::Interval> {
        let interval = datetime::interval(text, self.precision, self.context)?;
        finite_interval(self.finite, interval, text)
    }
}

/// `numeric(precision, scale)` as an unscaled integer.
pub(crate) struct Decimal {
    pub precision: u16,
    pub scale: i16,
}

impl Parse for Decimal {
    type Value = i128;
    const NULL: i128 = 0;

    #[inline(always)]
    fn fast(&self, buffer: &[u8], start: usize, end: usize) -> Option<i128> {
        types::numeric::fast_decimal(buffer, start, end, self.precision as u8, self.scale as u8)
    }

    fn full(&self, text: &[u8]) -> Result<i128> {
        unscaled_decimal(text, self.precision, self.scale)
    }
}

/// An enum's label as its position in the list.
pub(crate) struct Label<'a> {
    kind: &'a EnumType,
    all: HashMap<&'a [u8], u32>,
    /// Those that stand in the file as they are.
    plain: HashMap<&'a [u8], u32>,
}

impl<'a> Label<'a> {
    pub fn new(kind: &'a EnumType, grammar: Grammar) -> Self {
        let positions = || kind.labels.iter().map(String::as_bytes).zip(0u32..);
        // The fast path sees fields as they stand in the file, where these could be part of an escape.
        let special = match grammar {
            Grammar::Csv { quote, escape, .. } => [quote, escape],
            Grammar::Text { .. } => [b'\\'; 2],
            Grammar::Plain { .. } => [0; 2],
        };
        let is_plain = |label: &[u8]| memchr::memchr2(special[0], special[1], label).is_none();
        Self { kind, all: positions().collect(), plain: positions().filter(|(label, _)| is_plain(label)).collect() }
    }
}

impl Parse for Label<'_> {
    type Value = u32;
    const NULL: u32 = 0;

    #[inline(always)]
    fn fast(&self, buffer: &[u8], start: usize, end: usize) -> Option<u32> {
        self.plain.get(&buffer[start..end]).copied()
    }

    fn full(&self, text: &[u8]) -> Result<u32> {
        types::enumeration::check(text, self.kind).map(|()| self.all.get(text).copied().unwrap_or(0))
    }
}
