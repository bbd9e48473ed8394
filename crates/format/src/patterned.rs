//! Dates and times of columns that have patterns.

use copyist_core::{Result, Type};
use copyist_datetime::{Context, Patterns, iso};

use crate::parse::Parse;
use crate::values::{in_duckdb_displacement, in_duckdb_range};

/// A column's patterns.
#[derive(Clone, Copy)]
pub(crate) struct By<'a> {
    pub patterns: &'a Patterns,
    pub precision: Option<u8>,
    pub context: &'a Context,
    /// By DuckDB's ranges.
    pub bounded: bool,
}

macro_rules! parse {
    ($name:ident, $value:ty, $null:expr, |$by:ident, $text:ident| $fast:expr, $full:expr) => {
        pub(crate) struct $name<'a>(pub By<'a>);

        impl Parse for $name<'_> {
            type Value = $value;
            const NULL: $value = $null;

            #[inline(always)]
            fn fast(&self, buffer: &[u8], start: usize, end: usize) -> Option<$value> {
                let ($by, $text) = (self.0, &buffer[start..end]);
                $fast
            }

            fn full(&self, $text: &[u8]) -> Result<$value> {
                let $by = self.0;
                $full
            }
        }
    };
}

parse!(Date, i32, 0, |by, text| by.patterns.quick_date(text, by.context), by.patterns.date(text, by.context));
parse!(
    Time,
    i64,
    0,
    |by, text| by.patterns.quick_time(text, by.precision, by.context),
    by.patterns.time(text, by.precision, by.context)
);
parse!(
    Timestamp,
    i64,
    0,
    |by, text| by
        .patterns
        .quick_timestamp(text, by.precision, by.context)
        .filter(|&at| in_duckdb_range(by.bounded, at, text).is_ok()),
    in_duckdb_range(by.bounded, by.patterns.timestamp(text, by.precision, by.context)?, text)
);
parse!(
    TimestampTz,
    i64,
    0,
    |by, text| by
        .patterns
        .quick_timestamptz(text, by.precision, by.context)
        .filter(|&at| in_duckdb_range(by.bounded, at, text).is_ok()),
    in_duckdb_range(by.bounded, by.patterns.timestamptz(text, by.precision, by.context)?, text)
);
parse!(
    TimeTz,
    (i64, i32),
    (0, 0),
    |by, text| {
        let _ = (by, text);
        None
    },
    in_duckdb_displacement(by.bounded, by.patterns.timetz(text, by.precision, by.context)?, text)
);

/// Appends the value as text that the server reads alike, if `text` is one.
pub(crate) fn write_iso(ty: &Type, by: By<'_>, text: &[u8], out: &mut Vec<u8>) -> Result<()> {
    match ty {
        Type::Date => iso::write_date(Date(by).full(text)?, out),
        Type::Time(_) => iso::write_time(Time(by).full(text)?, out),
        Type::TimeTz(_) => iso::write_timetz(TimeTz(by).full(text)?, out),
        Type::Timestamp(_) => iso::write_timestamp(Timestamp(by).full(text)?, out),
        _ => iso::write_timestamptz(TimestampTz(by).full(text)?, out),
    }
    Ok(())
}
