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
    /// Whether every field of the tile that is not empty and not a marker is its own value, byte for byte.
    fn all_plain(&self) -> bool;

    /// Whether an empty field of this column is NULL.
    fn empty_is_null(&self, column: &ColumnPlan) -> bool;

    /// Whether a field that a typed fast path accepts could be the NULL or DEFAULT string.
    fn markers_look_typed(&self) -> bool;

    /// The same rules without a DEFAULT string.
    #[must_use]
    fn without_default(self) -> Self;

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

/// Whether the first byte of a marker could begin a number, date, boolean or uuid; if not, no typed fast path takes it.
pub(crate) fn looks_typed(marker: &[u8]) -> bool {
    marker.first().is_some_and(|byte| byte.is_ascii_alphanumeric() || b"+-. ".contains(byte))
}

/// The error for a DEFAULT string where the column has none.
pub(crate) fn unexpected_default(column: &ColumnPlan) -> Box<copyist_core::DataError> {
    copyist_core::DataError::new(copyist_core::ErrorCode::BadCopyFileFormat, "unexpected default marker in COPY data")
        .with_detail(format!("Column \"{}\" has no default value.", column.name))
}
