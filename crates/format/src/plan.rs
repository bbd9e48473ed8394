//! What a decoder needs to know: the format's options, the columns and what is to come out.

use std::sync::Arc;

use copyist_core::{Foreign, Type};
use copyist_datetime::Context;
use copyist_encoding::Encoding;
use copyist_scan::{Eol, Grammar, Scanner};

use crate::facts::Facts;

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
    /// Of a type that only its target parses.
    pub foreign: Foreign,
    /// CSV: the field is never matched against the NULL string.
    pub force_not_null: bool,
    /// CSV: the field is matched against the NULL string even when it was quoted.
    pub force_null: bool,
    /// Whether the target has a default for it, for the DEFAULT option's error.
    pub has_default: bool,
    /// Whether a row with a NULL here is refused: see [`Tolerance::constraint`].
    pub not_null: bool,
    /// How dates and times are written; absent: as PostgreSQL reads them. Made for the column's type.
    pub patterns: Option<std::sync::Arc<copyist_datetime::Patterns>>,
    /// What becomes of values of this column that its type refuses; [`Tolerance::conversion`] where it is not said.
    pub conversion: Option<BadValue>,
    /// TEXT for PostgreSQL: what is written in place of the marker of its default, which the target has none of.
    pub zero: Option<u8>,
    pub origin: Origin,
    pub cleaning: Cleaning,
    /// Whether it is empty, and not NULL, where a record lacks it: see [`Missing`].
    pub missing_is_empty: bool,
    /// Whether its value goes with a row that is refused: whoever it is told to finds more that is wrong with the row.
    pub is_told: bool,
    /// Whether a value of it is refused that has a character in the place of an invalid one: where it is no string, another character could make
    /// another value of it. See [`Tolerance::invalid`].
    pub refuses_replaced: bool,
}

impl ColumnPlan {
    /// A column that takes any text.
    #[must_use]
    pub fn of_text(name: String, has_default: bool) -> Self {
        Self {
            name,
            ty: Type::Text,
            foreign: Foreign::Opaque,
            force_not_null: false,
            force_null: false,
            has_default,
            not_null: false,
            patterns: None,
            conversion: None,
            zero: None,
            origin: Origin::Field,
            cleaning: Cleaning::default(),
            missing_is_empty: false,
            is_told: false,
            refuses_replaced: false,
        }
    }

    /// Whether its values are fields of the records.
    #[inline]
    #[must_use]
    pub fn is_read(&self) -> bool {
        self.origin == Origin::Field
    }

    /// Whether its values go by the numbers of the records.
    #[must_use]
    pub fn is_numbered(&self) -> bool {
        matches!(self.origin, Origin::Sequence { .. } | Origin::Numbered { .. } | Origin::FactOfEach { .. })
    }

    /// Whether its values are one for each input.
    #[must_use]
    pub fn is_fact(&self) -> bool {
        matches!(self.origin, Origin::Fact(_))
    }
}

/// Where the values of a column come from. Of those that come from no field [`FieldMap::columns`] has [`FieldMap::NONE`]; of
/// [`Fixed::fields`] theirs is not looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    #[default]
    Field,
    /// The same value in every row: what the column's type makes of this text, which is never NULL and has a point for its decimal mark.
    Constant(Vec<u8>),
    /// Numbers of the records in the order of the input. Every record that meets the conditions has one, those that are refused
    /// included, so that the numbers of rows do not depend on what is tolerated, and a refused record's can be given to it later.
    Sequence { start: i64, increment: i64 },
    /// The same where the records are some of another input's, in its order, and have the numbers that they had there.
    Numbered { start: i64, increment: i64, records: Arc<[u64]> },
    /// The same value in every row of an input: what the column's type makes of a fact about that. See [`crate::Facts`].
    Fact(Fact),
    /// The same where the records are some of other inputs': what is known of those, and of which of them each record is.
    FactOfEach { fact: Fact, inputs: Arc<[Facts]>, records: Arc<[u32]> },
    /// Where each record is in its input.
    Place(Place),
}

/// What is known of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    Name,
    Size,
    Modified,
    Tag,
    /// One of [`crate::Facts::given`].
    Given(u32),
}

/// What a place is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Lines, from 1: that in which the record begins. Rows, where they come in columns.
    Line,
    /// Bytes before the record, as they were read; there are none where rows come in columns.
    Offset,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Line => "line",
            Self::Offset => "offset",
        })
    }
}

/// What is done to a field before its type sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cleaning {
    /// A pair of `'` or `"` around the field is removed, and one that only begins it is an error. Delimiters between the two are part of the
    /// field, in TEXT and plain lines, whichever column has this.
    pub unquotes: bool,
    /// A value of nothing but white space, and some of it, is NULL.
    pub blank_is_null: bool,
    /// White space at the end is removed.
    pub trims: bool,
    /// A value that is empty, whatever has made it so, is NULL; even one in quotes.
    pub empty_is_null: bool,
}

impl Cleaning {
    /// Whether nothing is done.
    #[inline(always)]
    #[must_use]
    pub fn is_none(self) -> bool {
        self == Self::default()
    }
}

/// What a record must meet to be taken for a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    pub subject: Subject,
    /// Whether the subject must differ from the value, instead of being the same.
    pub negated: bool,
    pub value: Vec<u8>,
}

/// What of a record is compared. One that is not there or is NULL is neither the same nor different.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Characters `start..end` of the record as it stands in the file, whatever is quoted or escaped, without its line end, from 0; of
    /// [`Fixed`] lines in its unit.
    Characters { start: u32, end: u32 },
    /// Of [`Fixed`] lines: a field that is no column's. A line that ends before it does not have it.
    Place(FixedField),
    /// The value of a field: its number in the record; of [`Fixed`] lines the number of its column.
    Field(u32),
}

/// What becomes of a value that its column's type refuses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BadValue {
    /// The load ends.
    #[default]
    Stop,
    /// Its row is refused.
    SkipRow,
    /// It is NULL.
    SetNull,
    /// It is the column's default, or NULL where there is none.
    SetDefault,
}

/// How many fields a row may lack at its end; those are NULL, where their column says nothing else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Missing {
    #[default]
    None,
    One,
    Any,
}

/// What becomes of what does not fit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tolerance {
    pub conversion: BadValue,
    /// Whether a record that is not laid out like a row is refused by itself, instead of ending the load.
    pub structure: bool,
    /// Whether rows with NULL in a column that forbids it are refused here, instead of being left to the target.
    pub constraint: bool,
    /// Whether fields behind the last column are ignored.
    pub extra: bool,
    pub missing: Missing,
    /// Whether strings too long for their column are cut.
    pub truncate: bool,
    /// What bytes that are no UTF-8 become.
    pub invalid: Option<Replacement>,
    /// Bytes of a refused record that are kept.
    pub raw_limit: usize,
}

/// What takes the place of each byte that is part of no character: an ASCII character, so that everything stays where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replacement {
    pub byte: u8,
    /// What NUL becomes; None if it is refused, as always otherwise.
    pub nul: Option<u8>,
}

impl Tolerance {
    /// Whether the shape of records matters less than the first error of the tile.
    fn of_shape(&self) -> bool {
        self.structure || self.extra || self.missing != Missing::None
    }
}

/// What a backslash does with the byte after it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Escapes {
    /// PostgreSQL's: a letter or digits may stand for another byte.
    #[default]
    Sequences,
    /// The byte is part of the value, whichever it is.
    Next,
}

/// What the places of fields are counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Of the file, in whichever encoding it is.
    Bytes,
    Characters,
}

/// Where a field stands in its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FixedField {
    /// From 0.
    pub offset: u32,
    pub length: u32,
}

impl FixedField {
    /// Where it begins, and where it ends.
    pub(crate) fn bounds(self) -> [u32; 2] {
        [self.offset, self.offset.saturating_add(self.length)]
    }
}

/// FIXED: where the field of each column stands.
#[derive(Clone, Debug)]
pub struct Fixed {
    pub fields: Vec<FixedField>,
    pub unit: Unit,
    /// Where the last of the fields ends that are no column's; 0 without any. A line may lack them, and they are no more than it may have.
    pub end: u32,
}

/// Which fields of a record belong to which columns, where it is not one after the other.
#[derive(Clone, Debug)]
pub struct FieldMap {
    /// What the fields are called, those that belong to no column included.
    pub names: Vec<String>,
    /// The field of each column, or [`FieldMap::NONE`].
    pub columns: Vec<u32>,
}

impl FieldMap {
    /// In place of a field: the column has none.
    pub const NONE: u32 = u32::MAX;
}

/// Everything a [`crate::Decoder`] needs. Plain data but for the session's zone tables.
#[derive(Clone)]
pub struct Plan {
    pub scanner: Scanner,
    pub grammar: Grammar,
    /// The input is PostgreSQL's binary format; then nothing is asked of `grammar` and of what goes with text.
    pub is_binary: bool,
    /// What ends a record, where that is told; else the first line end of the input shows it.
    pub eol: Option<Eol>,
    /// The NULL string as it stands in the file.
    pub null: Vec<u8>,
    /// The DEFAULT string as it stands in the file.
    pub default: Option<Vec<u8>>,
    pub header: Header,
    /// Lines before the first record, header included, that are no records. A line ends with LF, CR LF or CR, whatever is quoted, or with an `eol`
    /// that is none of these, whatever is escaped.
    pub skip: u64,
    /// What the input is in, if it is not UTF-8.
    pub encoding: Option<Encoding>,
    /// What a backslash does in TEXT.
    pub escapes: Escapes,
    /// Whether the decimal mark of numbers is a comma.
    pub has_comma: bool,
    /// Whether decimals beyond the scale of a `numeric` column are cut off, instead of being rounded.
    pub truncates_decimals: bool,
    /// CSV: whether white space around a quoted field is no part of it.
    pub unpads_quotes: bool,
    pub columns: Vec<ColumnPlan>,
    /// All of them must be met; records that do not meet them are passed over, whatever is wrong with them.
    pub conditions: Vec<Condition>,
    /// Whether lines without anything are passed over.
    pub passes_blank_lines: bool,
    /// Absent: the columns are the fields of a record.
    pub map: Option<FieldMap>,
    /// Of lines that are not divided ([`Grammar::Plain`]); one field a column.
    pub fixed: Option<Fixed>,
    /// The target's name in messages about its rows.
    pub relation: String,
    pub tolerance: Tolerance,
    pub layout: Layout,
    pub context: std::sync::Arc<Context>,
}

impl Plan {
    /// Whether timestamps are microseconds from 1970, of which there are less than from 2000, where PostgreSQL's begin.
    pub(crate) fn counts_from_1970(&self) -> bool {
        matches!(self.layout, Layout::Duckdb | Layout::Arrow)
    }

    /// Whether the format is CSV.
    #[must_use]
    pub fn is_csv(&self) -> bool {
        matches!(self.grammar, Grammar::Csv { .. })
    }

    /// What becomes of a value of the column that its type refuses.
    pub(crate) fn conversion(&self, column: &ColumnPlan) -> BadValue {
        column.conversion.unwrap_or(self.tolerance.conversion)
    }

    /// Whether a row is refused for a value of some column.
    pub(crate) fn skips_rows(&self) -> bool {
        self.columns.iter().any(|column| self.conversion(column) == BadValue::SkipRow)
    }

    /// Whether fields stand in quotation marks that are removed.
    #[must_use]
    pub fn unquotes(&self) -> bool {
        self.columns.iter().any(|column| column.cleaning.unquotes)
    }

    /// Whether some records are passed over.
    pub(crate) fn selects(&self) -> bool {
        !self.conditions.is_empty() || self.passes_blank_lines
    }

    /// Whether the shape of records matters less than the first error of the tile.
    pub(crate) fn is_of_shape(&self) -> bool {
        self.tolerance.of_shape() || self.skips_rows() || self.selects()
    }

    /// Whether line feeds outside quotes, not escaped, end records of an input whose line end is another one. Such a record is refused, since
    /// PostgreSQL takes no such line feed, and by itself: where lines of two kinds stand one behind the other, the next line end of the first
    /// kind may be millions of lines away.
    #[must_use]
    pub fn ends_at_feeds(&self, eol: Eol) -> bool {
        self.tolerance.structure && matches!(eol, Eol::Cr | Eol::CrLf) && self.grammar.is_regular(eol)
    }

    /// Whether the one at `at` does; `data` begins with a record. Where lines end in CR the second half of CR LF does not, in one byte a character
    /// or in two, as UTF-16 has it: the line would be two records.
    #[must_use]
    pub fn ends_at_feed(&self, eol: Eol, data: &[u8], at: usize) -> bool {
        let is_half = || at == 0 || matches!(data[at - 1], b'\r' | b'\n' | 0);
        self.ends_at_feeds(eol) && !(eol == Eol::Cr && is_half())
    }

    /// Whether some column's values go by the numbers of the records.
    #[must_use]
    pub fn has_sequence(&self) -> bool {
        self.columns.iter().any(ColumnPlan::is_numbered)
    }

    /// Whether some column's values are one for each input.
    #[must_use]
    pub fn has_facts(&self) -> bool {
        self.columns.iter().any(ColumnPlan::is_fact)
    }

    /// Whether some column's values are places of the records.
    #[must_use]
    pub fn has_places(&self) -> bool {
        self.columns.iter().any(|column| matches!(column.origin, Origin::Place(_)))
    }

    /// Whether some of those are lines, which are counted from the beginning of the input.
    #[must_use]
    pub fn has_lines(&self) -> bool {
        self.columns.iter().any(|column| column.origin == Origin::Place(Place::Line))
    }

    /// Whether records are empty lines, of which nothing is read.
    pub(crate) fn has_no_fields(&self) -> bool {
        self.fixed.is_none() && self.map.as_ref().map_or(self.columns.is_empty(), |map| map.names.is_empty())
    }

    /// Bytes between a field's end and the offset of the delimiter behind it, which is that of its last byte.
    pub(crate) fn gap(&self) -> usize {
        self.grammar.delimiter_len() - 1
    }

    /// Fields of a record, at least one.
    pub(crate) fn width(&self) -> usize {
        if self.fixed.is_some() {
            return 1;
        }
        self.map.as_ref().map_or(self.columns.len(), |map| map.names.len()).max(1)
    }

    /// The field of a column.
    #[inline]
    #[must_use]
    pub fn field_of(&self, column: usize) -> usize {
        self.map.as_ref().map_or(column, |map| map.columns[column] as usize)
    }

    /// The column of a field.
    pub(crate) fn column_of(&self, field: usize) -> Option<usize> {
        match &self.map {
            Some(map) => map.columns.iter().position(|&of| of as usize == field),
            None => (field < self.columns.len()).then_some(field),
        }
    }

    /// What a field that is missing is called: what PostgreSQL calls it, the column.
    pub(crate) fn missing_name(&self, field: usize) -> &str {
        self.column_of(field).map_or_else(|| self.field_name(field), |column| &self.columns[column].name)
    }

    /// What the field is called.
    pub(crate) fn field_name(&self, field: usize) -> &str {
        match &self.map {
            Some(map) => &map.names[field],
            None => &self.columns[field].name,
        }
    }
}
