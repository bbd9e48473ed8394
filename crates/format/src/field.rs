//! What a text format says of one raw field; implemented by CSV and TEXT.

use copyist_core::Result;

use crate::ColumnPlan;

/// A field after NULL and DEFAULT matching and, where it needed it, unquoting or unescaping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Null,
    Default,
    /// The value is the tile's bytes `start..end`.
    Plain(usize, usize),
    /// The value was appended to the arena: its bytes `start..end`.
    Rewritten(usize, usize),
}

/// The field rules of a text format, fixed for one tile.
pub(crate) trait Fields: Copy {
    /// Whether the raw field is the NULL string and so is NULL. A field can be NULL for other reasons too; `resolve` knows
    /// them all.
    fn is_null(&self, buffer: &[u8], start: usize, end: usize, column: &ColumnPlan) -> bool;

    /// Whether the raw field certainly is its own value, whatever its column. To be answered without a branch; a field that it
    /// says no of may still be plain.
    fn is_surely_plain(&self, buffer: &[u8], start: usize, end: usize) -> bool;

    /// [`Fields::resolve`] for the usual shapes of a field that is not NULL by [`Fields::is_null`]; None for all others. A value that
    /// is rewritten goes to the end of `arena`, where nothing may be left in vain.
    fn quick(&self, buffer: &[u8], start: usize, end: usize, column: &ColumnPlan, arena: &mut Vec<u8>)
    -> Option<Field>;

    /// The field without a pair of quotes around it, for a typed fast path, which refuses any quote that is left.
    fn unquoted(&self, buffer: &[u8], start: usize, end: usize, column: &ColumnPlan) -> (usize, usize);

    /// The NULL string.
    fn null(&self) -> &[u8];

    /// The DEFAULT string.
    fn default(&self) -> Option<&[u8]>;

    /// The same rules without a DEFAULT string.
    #[must_use]
    fn without_default(self) -> Self;

    /// Whether the last byte of a raw field is escaped.
    fn ends_escaped(&self, _raw: &[u8]) -> bool {
        false
    }

    /// Resolves the field `buffer[start..end]`. A rewritten value goes to the end of `arena`.
    fn resolve(
        &self,
        buffer: &[u8],
        start: usize,
        end: usize,
        column: &ColumnPlan,
        arena: &mut Vec<u8>,
    ) -> Result<Field>;
}

/// Fields in which nothing is quoted or escaped.
#[derive(Clone, Copy)]
pub(crate) struct Plain<'a> {
    pub null: &'a [u8],
    pub default: Option<&'a [u8]>,
}

impl Fields for Plain<'_> {
    #[inline(always)]
    fn is_null(&self, buffer: &[u8], start: usize, end: usize, column: &ColumnPlan) -> bool {
        end - start == self.null.len() && buffer[start..end] == *self.null && !column.force_not_null
    }

    #[inline(always)]
    fn is_surely_plain(&self, _: &[u8], start: usize, end: usize) -> bool {
        !(self.default.is_some() | (end - start == self.null.len()))
    }

    #[inline(always)]
    fn quick(&self, _: &[u8], start: usize, end: usize, _: &ColumnPlan, _: &mut Vec<u8>) -> Option<Field> {
        self.default.is_none().then_some(Field::Plain(start, end))
    }

    #[inline(always)]
    fn unquoted(&self, _: &[u8], start: usize, end: usize, _: &ColumnPlan) -> (usize, usize) {
        (start, end)
    }

    fn without_default(self) -> Self {
        Self { default: None, ..self }
    }

    fn null(&self) -> &[u8] {
        self.null
    }

    fn default(&self) -> Option<&[u8]> {
        self.default
    }

    fn resolve(&self, buffer: &[u8], start: usize, end: usize, column: &ColumnPlan, _: &mut Vec<u8>) -> Result<Field> {
        if self.is_null(buffer, start, end, column) {
            return Ok(Field::Null);
        }
        if self.default == Some(&buffer[start..end]) {
            return crate::csv::default_field(column);
        }
        Ok(Field::Plain(start, end))
    }
}

/// The error for a DEFAULT string where the column has none.
pub(crate) fn unexpected_default(column: &ColumnPlan) -> Box<copyist_core::DataError> {
    copyist_core::DataError::new(copyist_core::ErrorCode::BadCopyFileFormat, "unexpected default marker in COPY data")
        .with_detail(format!("Column \"{}\" has no default value.", column.name))
}
