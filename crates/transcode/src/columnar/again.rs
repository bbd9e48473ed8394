//! Columns of which the reader gives one part or another, so that they are read twice.

use ::parquet::arrow::arrow_reader::ParquetRecordBatchReader;
use arrow_array::RecordBatch;
use arrow_schema::ArrowError;

/// Some columns of a row group, which are read once more beside all that are read.
pub(super) struct Again {
    pub reader: ParquetRecordBatchReader,
    /// Where they are among all.
    pub places: Vec<usize>,
}

impl Again {
    /// The next rows, which are those of `batch`.
    pub fn beside(&mut self, batch: &RecordBatch, uneven: impl Fn() -> ArrowError) -> Result<RecordBatch, ArrowError> {
        let again = self.reader.next().transpose()?.ok_or_else(&uneven)?;
        if again.num_rows() == batch.num_rows() { Ok(again) } else { Err(uneven()) }
    }
}
