//! What a decoder needs to know: the format's options, the columns and what is to come out.

use copyist_core::Type;
use copyist_datetime::Context;
use copyist_scan::{Grammar, Scanner};

/// What happens to the first record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Header {
    /// It is data.
    No,
    /// It is skipped unread.
    Skip,
    /// Its fields must equal the column names, in order.
    Match,
}

/// The in-memory shape decoded values take, chosen for what is made of them next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Values PostgreSQL's binary COPY takes: `numeric` and arrays already in their send form, enum labels as text.
    PgBinary,
    /// Every value as its text; the server parses it.
    PgText,
    /// Values DuckDB's vectors take: decimals as unscaled integers, enums as dictionary positions, lists as literals.
    Duckdb,
    /// Values Arrow arrays take: decimals as unscaled integers where precision allows, else text.
    Arrow,
}

/// One column of the COPY column list.
#[derive(Clone, Debug)]
pub struct ColumnPlan {
    pub name: String,
    pub ty: Type,
    /// CSV: the field is never matched against the NULL string.
    pub force_not_null: bool,
    /// CSV: the field is matched against the NULL string even when it was quoted.
    pub force_null: bool,
    /// Whether the target has a default for it, for the DEFAULT option's error.
    pub has_default: bool,
}

/// Everything a [`crate::Decoder`] needs. Plain data but for the session's zone tables.
#[derive(Clone)]
pub struct Plan {
    pub scanner: Scanner,
    pub grammar: Grammar,
    /// The NULL string as it stands in the file.
    pub null: Vec<u8>,
    /// The DEFAULT string as it stands in the file.
    pub default: Option<Vec<u8>>,
    pub header: Header,
    pub columns: Vec<ColumnPlan>,
    pub layout: Layout,
    pub context: std::sync::Arc<Context>,
}

impl Plan {
    /// Whether the format is CSV.
    #[must_use]
    pub fn is_csv(&self) -> bool {
        matches!(self.grammar, Grammar::Csv { .. })
    }
}
