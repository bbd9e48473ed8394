//! Rows that were refused, and the places of those that were not.

use copyist_core::DataError;

/// One thing that is wrong with a row.
#[derive(Clone, Debug)]
pub struct Flaw {
    /// The column it is about; None where it is about the record.
    pub column: Option<usize>,
    pub error: Box<DataError>,
    /// The field's text, where it is about one.
    pub value: Option<Vec<u8>>,
}

/// A value of a refused row that nothing is known to be wrong with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    pub column: usize,
    /// A literal of its type, as the target reads it; None for NULL.
    pub text: Option<Vec<u8>>,
}

/// A row that was refused.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// Where its record begins in the tile.
    pub offset: u32,
    /// Bytes of its record, without the line end.
    pub len: u32,
    /// Lines of the tile before its first one.
    pub first_line: u64,
    /// Lines of the tile before its last one.
    pub last_line: u64,
    /// At least one, in the order of the columns.
    pub flaws: Vec<Flaw>,
    /// Values of the columns that are told ([`crate::ColumnPlan::is_told`]), but for those that are flawed or whose value is not known here.
    pub told: Vec<Told>,
    /// The record's first bytes, as many as are to be kept.
    pub raw: Vec<u8>,
    /// Rows of the tile before it; known when it is taken.
    pub rows_before: u32,
}

impl Refusal {
    /// Whether `raw` is not the whole record.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.raw.len() < self.len as usize
    }
}

/// Where the rows of a tile are from which some records were taken out.
#[derive(Clone, Debug, Default)]
pub struct Places {
    pub starts: Vec<u32>,
    /// Where each row's record ends, without its line end.
    pub ends: Vec<u32>,
    /// Lines of the tile before each row's first one.
    pub first_lines: Vec<u32>,
    /// Lines of the tile before each row's last one.
    pub last_lines: Vec<u32>,
}

impl Places {
    pub(crate) fn push(&mut self, start: usize, end: usize, lines: (u64, u64)) {
        self.starts.push(start as u32);
        self.ends.push(end as u32);
        self.first_lines.push(lines.0 as u32);
        self.last_lines.push(lines.1 as u32);
    }

    pub(crate) fn len(&self) -> usize {
        self.starts.len()
    }

    /// Keeps the first rows only.
    pub(crate) fn truncate(&mut self, rows: usize) {
        for list in [&mut self.starts, &mut self.ends, &mut self.first_lines, &mut self.last_lines] {
            list.truncate(rows);
        }
    }

    /// Takes out `rows`, which ascend.
    pub(crate) fn remove(&mut self, rows: &[u32]) {
        for list in [&mut self.starts, &mut self.ends, &mut self.first_lines, &mut self.last_lines] {
            crate::column::remove(list, rows);
        }
    }
}
