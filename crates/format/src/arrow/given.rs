//! Literals one after the other, as fields of records with one field each.

use copyist_core::Result;

use crate::ColumnPlan;
use crate::field::{Field, Fields};
use crate::values::Rows;

/// Stands for NULL: no literal has this byte.
pub(super) const NULL: u8 = 0;

/// Fields in which nothing is quoted, and of which it is known whether they are NULL.
#[derive(Clone, Copy)]
pub(super) struct Given;

/// The literals of `buffer` from `from` on, which end at `offsets`.
pub(super) fn rows<'a>(buffer: &'a [u8], offsets: &'a [u32], from: usize, only: &'a [u32]) -> Rows<'a, Given> {
    Rows {
        buffer,
        offsets,
        start: from,
        width: 1,
        trim: 0,
        gap: 0,
        fields: Given,
        starts: None,
        missing: &[],
        map: Some(only),
        fixed: None,
    }
}

impl Fields for Given {
    #[inline(always)]
    fn is_null(&self, buffer: &[u8], start: usize, end: usize, _: &ColumnPlan) -> bool {
        end - start == 1 && buffer[start] == NULL
    }

    #[inline(always)]
    fn is_surely_plain(&self, _: &[u8], start: usize, end: usize) -> bool {
        end - start != 1
    }

    #[inline(always)]
    fn quick(&self, _: &[u8], start: usize, end: usize, _: &ColumnPlan, _: &mut Vec<u8>) -> Option<Field> {
        Some(Field::Plain(start, end))
    }

    #[inline(always)]
    fn unquoted(&self, _: &[u8], start: usize, end: usize, _: &ColumnPlan) -> (usize, usize) {
        (start, end)
    }

    fn null(&self) -> &[u8] {
        &[NULL]
    }

    fn default(&self) -> Option<&[u8]> {
        None
    }

    fn without_default(self) -> Self {
        self
    }

    fn resolve(&self, buffer: &[u8], start: usize, end: usize, column: &ColumnPlan, _: &mut Vec<u8>) -> Result<Field> {
        Ok(if self.is_null(buffer, start, end, column) { Field::Null } else { Field::Plain(start, end) })
    }
}
