//! Languages, kinds of values, and what is wrong with a pattern.

use copyist_core::{DataError, ErrorCode};

/// A language that patterns are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Language {
    /// The template patterns of PostgreSQL's `to_char`, which Oracle and GaussDB share.
    ToChar,
    /// Redshift's reading of the former, and [`Language::Auto`].
    Redshift,
    /// Java's letters with QuestDB's fractions of a second.
    Java,
    /// C's `strptime` with DuckDB's additions.
    Strptime,
    /// `auto`, `epochsecs` and `epochmillisecs`.
    Auto,
}

/// A type that a pattern can read values of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Date,
    Time,
    TimeTz,
    Timestamp,
    TimestampTz,
}

impl Kind {
    /// The type's name in messages.
    pub const fn type_name(self) -> &'static str {
        match self {
            Kind::Date => "date",
            Kind::Time => "time",
            Kind::TimeTz => "time with time zone",
            Kind::Timestamp => "timestamp",
            Kind::TimestampTz => "timestamp with time zone",
        }
    }
}

/// What is wrong with a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternError {
    /// The pattern as given.
    pub pattern: String,
    /// Byte of the pattern, from 0 on.
    pub offset: usize,
    /// What the pattern has, is or lacks: `has "Q", which …`.
    pub problem: String,
    /// What to write instead.
    pub hint: String,
}

impl PatternError {
    pub(super) fn new(
        pattern: &str,
        offset: usize,
        problem: impl Into<String>,
        hint: impl Into<String>,
    ) -> PatternError {
        PatternError { pattern: pattern.into(), offset, problem: problem.into(), hint: hint.into() }
    }
}

impl std::fmt::Display for PatternError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "date/time pattern \"{}\" {} (at byte {})", self.pattern, self.problem, self.offset + 1)
    }
}

impl std::error::Error for PatternError {}

impl From<PatternError> for Box<DataError> {
    fn from(error: PatternError) -> Box<DataError> {
        DataError::new(ErrorCode::InvalidDatetimeFormat, error.to_string()).with_hint(error.hint)
    }
}
