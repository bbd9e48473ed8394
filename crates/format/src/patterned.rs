//! Dates and times of columns that have patterns.

use copyist_core::{ArrayType, Result, Type};
use copyist_datetime::{Context, Patterns, iso};
use copyist_types::array;

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

/// Appends the array literal `text` with its elements as the server reads them alike, if they are such.
pub(crate) fn write_iso_array(ty: &ArrayType, by: By<'_>, text: &[u8], out: &mut Vec<u8>) -> Result<()> {
    let mut elements = Vec::new();
    let shape = array::parse_with(text, ty.delimiter, |element| {
        elements.push(match element {
            None => None,
            Some(text) => {
                let mut iso = Vec::new();
                write_iso(&ty.element, by, &text, &mut iso)?;
                Some(iso)
            }
        });
        Ok(())
    })?;
    if shape.dims.is_empty() {
        out.extend_from_slice(b"{}");
        return Ok(());
    }
    if shape.lower_bounds.iter().any(|&bound| bound != 1) {
        for (&lower, &length) in shape.lower_bounds.iter().zip(&shape.dims) {
            let upper = i64::from(lower) + i64::from(length) - 1;
            out.extend_from_slice(format!("[{lower}:{upper}]").as_bytes());
        }
        out.push(b'=');
    }
    write_level(&shape.dims, ty.delimiter, &mut elements.iter(), out);
    Ok(())
}

fn write_level<'a>(
    dims: &[i32],
    delimiter: u8,
    elements: &mut impl Iterator<Item = &'a Option<Vec<u8>>>,
    out: &mut Vec<u8>,
) {
    let Some((&length, inner)) = dims.split_first() else { return };
    out.push(b'{');
    for index in 0..length {
        if index > 0 {
            out.push(delimiter);
        }
        if !inner.is_empty() {
            write_level(inner, delimiter, elements, out);
            continue;
        }
        match elements.next() {
            // Nothing in it has to be escaped.
            Some(Some(iso)) => {
                out.push(b'"');
                out.extend_from_slice(iso);
                out.push(b'"');
            }
            _ => out.extend_from_slice(b"NULL"),
        }
    }
    out.push(b'}');
}
