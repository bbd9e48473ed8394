//! Several patterns for one column.

use copyist_core::{DataError, ErrorCode, Result};

use super::misfit::{Misfit, Reason};
use super::{Kind, Language, Pattern, PatternError, Read, infinity};
use crate::calendar::{MICROS_PER_MINUTE, is_timestamp_in_range};
use crate::context::Context;
use crate::time::rounded;

/// Several patterns for the same values, tried in order.
#[derive(Clone, Debug)]
pub struct Patterns {
    patterns: Box<[Pattern]>,
    kind: Kind,
    to_minute: bool,
}

impl Patterns {
    /// Compiles the patterns of a column of that kind.
    ///
    /// # Errors
    ///
    /// The first pattern that cannot be compiled or cannot read such a column; an empty list.
    pub fn compile<'t>(
        language: Language,
        texts: impl IntoIterator<Item = &'t str>,
        kind: Kind,
    ) -> std::result::Result<Patterns, PatternError> {
        let patterns = texts.into_iter().map(|text| {
            let pattern = Pattern::compile(language, text)?;
            pattern.check(kind)?;
            Ok(pattern)
        });
        Patterns::new(patterns.collect::<std::result::Result<Vec<Pattern>, _>>()?, kind)
    }

    /// Puts compiled patterns, perhaps of several languages, together.
    ///
    /// # Errors
    ///
    /// A pattern that cannot read such a column; an empty list.
    pub fn new(patterns: Vec<Pattern>, kind: Kind) -> std::result::Result<Patterns, PatternError> {
        if patterns.is_empty() {
            return Err(PatternError::new("", 0, "is missing", "Give at least one pattern."));
        }
        for pattern in &patterns {
            pattern.check(kind)?;
        }
        Ok(Patterns { patterns: patterns.into(), kind, to_minute: false })
    }

    /// The same patterns, but that a `timestamp` is rounded to the minute, half a minute up: GaussDB's `smalldatetime`.
    #[must_use]
    pub fn to_minute(self) -> Patterns {
        Patterns { to_minute: true, ..self }
    }

    /// The kind of value that they were compiled for.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The patterns in order.
    pub fn patterns(&self) -> &[Pattern] {
        &self.patterns
    }

    /// [`Pattern::date`] of the first pattern that fits.
    ///
    /// # Errors
    ///
    /// Those of the pattern that came closest, with a detail that names each.
    #[inline]
    pub fn date(&self, value: &[u8], context: &Context) -> Result<i32> {
        self.first(value, Kind::Date, |pattern| pattern.try_date(value, context), Some((i32::MIN, i32::MAX)))
    }

    /// [`Pattern::time`] of the first pattern that fits.
    ///
    /// # Errors
    ///
    /// Those of [`Patterns::date`].
    #[inline]
    pub fn time(&self, value: &[u8], digits: Option<u8>, context: &Context) -> Result<i64> {
        let micros = self.first(value, Kind::Time, |pattern| pattern.try_time(value, context), None)?;
        Ok(rounded(micros, digits))
    }

    /// [`Pattern::timetz`] of the first pattern that fits.
    ///
    /// # Errors
    ///
    /// Those of [`Patterns::date`].
    pub fn timetz(&self, value: &[u8], digits: Option<u8>, context: &Context) -> Result<(i64, i32)> {
        let (micros, west) = self.first(value, Kind::TimeTz, |pattern| pattern.try_timetz(value, context), None)?;
        Ok((rounded(micros, digits), west))
    }

    /// [`Pattern::timestamp`] of the first pattern that fits.
    ///
    /// # Errors
    ///
    /// Those of [`Patterns::date`].
    #[inline]
    pub fn timestamp(&self, value: &[u8], digits: Option<u8>, context: &Context) -> Result<i64> {
        let read = |pattern: &Pattern| self.try_timestamp(pattern, value, digits, context);
        self.first(value, Kind::Timestamp, read, Some((i64::MIN, i64::MAX)))
    }

    /// [`Pattern::timestamptz`] of the first pattern that fits.
    ///
    /// # Errors
    ///
    /// Those of [`Patterns::date`].
    #[inline]
    pub fn timestamptz(&self, value: &[u8], digits: Option<u8>, context: &Context) -> Result<i64> {
        let read = |pattern: &Pattern| pattern.try_timestamptz(value, digits, context);
        self.first(value, Kind::TimestampTz, read, Some((i64::MIN, i64::MAX)))
    }

    /// [`Patterns::date`] of what some pattern reads; the complete function has the last word on anything else.
    #[inline]
    pub fn quick_date(&self, value: &[u8], context: &Context) -> Option<i32> {
        self.patterns.iter().find_map(|pattern| pattern.try_date(value, context).ok())
    }

    /// As [`Patterns::quick_date`].
    #[inline]
    pub fn quick_time(&self, value: &[u8], digits: Option<u8>, context: &Context) -> Option<i64> {
        self.patterns
            .iter()
            .find_map(|pattern| pattern.try_time(value, context).ok())
            .map(|micros| rounded(micros, digits))
    }

    /// As [`Patterns::quick_date`].
    #[inline]
    pub fn quick_timestamp(&self, value: &[u8], digits: Option<u8>, context: &Context) -> Option<i64> {
        self.patterns.iter().find_map(|pattern| self.try_timestamp(pattern, value, digits, context).ok())
    }

    /// As [`Patterns::quick_date`].
    #[inline]
    pub fn quick_timestamptz(&self, value: &[u8], digits: Option<u8>, context: &Context) -> Option<i64> {
        self.patterns.iter().find_map(|pattern| pattern.try_timestamptz(value, digits, context).ok())
    }

    #[inline]
    fn try_timestamp(&self, pattern: &Pattern, value: &[u8], digits: Option<u8>, context: &Context) -> Read<i64> {
        if !self.to_minute {
            return pattern.try_timestamp(value, digits, context);
        }
        // The whole seconds decide, as they stand there.
        let instant = pattern.try_timestamp(value, None, context)?;
        if matches!(instant, i64::MIN | i64::MAX) {
            return Ok(instant);
        }
        let minute = (instant + MICROS_PER_MINUTE / 2).div_euclid(MICROS_PER_MINUTE) * MICROS_PER_MINUTE;
        if is_timestamp_in_range(minute) { Ok(minute) } else { Err(Misfit::complete(Reason::ValueRange)) }
    }

    #[inline]
    fn first<T: Copy>(
        &self,
        value: &[u8],
        kind: Kind,
        read: impl Fn(&Pattern) -> Read<T>,
        infinities: Option<(T, T)>,
    ) -> Result<T> {
        for pattern in &self.patterns {
            if let Ok(found) = read(pattern) {
                return Ok(found);
            }
        }
        self.none(value, kind, read, infinities)
    }

    /// No pattern fits.
    #[cold]
    fn none<T: Copy>(
        &self,
        value: &[u8],
        kind: Kind,
        read: impl Fn(&Pattern) -> Read<T>,
        infinities: Option<(T, T)>,
    ) -> Result<T> {
        if let (Some((least, greatest)), Some(is_negative)) = (infinities, infinity(value)) {
            return Ok(if is_negative { least } else { greatest });
        }
        let misfits: Vec<(&Pattern, Misfit)> =
            self.patterns.iter().filter_map(|pattern| Some((pattern, read(pattern).err()?))).collect();
        // Among equals the first counts.
        let closest = misfits.iter().rev().max_by_key(|(_, misfit)| misfit.at);
        let Some((pattern, misfit)) = closest else {
            return Err(DataError::new(ErrorCode::InternalError, "a date/time pattern fits only the first time"));
        };
        let mut error = pattern.error(*misfit, kind, value);
        if misfits.len() > 1 {
            let each: Vec<String> = misfits
                .iter()
                .map(|(pattern, misfit)| {
                    let error = pattern.error(*misfit, kind, value);
                    format!("\"{}\": {}", pattern.text, error.message)
                })
                .collect();
            let detail = error.detail.take().unwrap_or_default();
            error.detail = Some(format!("{detail} None of the patterns fits: {}.", each.join("; ")));
        }
        Err(error)
    }
}
