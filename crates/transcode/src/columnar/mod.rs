//! Inputs that come in columns: Parquet, and Arrow's own files and streams.

mod access;
mod again;
mod arrow;
mod arrow_guard;
mod dictionaries;
mod footer;
mod guard;
mod instants;
mod int128;
mod intervals;
mod lanes;
mod leaves;
mod open;
mod pages;
mod parquet;
mod runs;
mod sixteen;

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use arrow_array::{Array, RecordBatch};
use arrow_schema::SchemaRef;
use copyist_core::{DataError, ErrorCode, Result};

pub use access::RandomAccess;
pub use arrow::ArrowInput;
pub use lanes::Begun;
pub(crate) use open::{First, Opened, of_input, open_bytes};
pub use open::{Format, Further, Positions, columns_of, open};
pub use parquet::ParquetInput;

/// Rows in columns, some at a time, in their order.
pub trait Batches: Send {
    /// All columns there are.
    fn schema(&self) -> SchemaRef;

    /// Rows in all, where that is known before they are read.
    fn row_count(&self) -> Option<u64>;

    /// Reads only these columns from now on, by their numbers in the schema, in this order. To be called before the first batch.
    fn select(&mut self, columns: &[usize]);

    /// How much of a batch is aimed for, in bytes.
    fn aim_for(&mut self, bytes: usize);

    /// How many bytes the values may come to that a batch of the fewest rows has, and what is held of the file for them. To be called before
    /// the first batch.
    fn bound_by(&mut self, bytes: usize);

    /// Strings that are in dictionaries may be left there. To be called before the first batch.
    fn keep_dictionaries(&mut self) {}

    /// Claims the next rows; None at the end, when all that were claimed before have been read. What is left to be done for them another
    /// thread may do, while this one claims more.
    ///
    /// # Errors
    /// As [`Batches::next`].
    fn begin(&mut self) -> Result<Option<Begun>>;

    /// The next rows; None at the end.
    ///
    /// # Errors
    /// `22P04` for a damaged file, `54000` where it claims too much, `0A000` for what cannot be read, `58030` for a failed read.
    fn next(&mut self) -> Result<Option<RecordBatch>> {
        self.begin()?.map(Begun::finish).transpose()
    }

    /// Bytes read so far.
    fn bytes_read(&self) -> u64;
}

thread_local! {
    /// Whether this thread runs a reader whose panics are errors of the file.
    static IS_CONTAINED: Cell<bool> = const { Cell::new(false) };
}

/// Runs a reader that panics on some damaged files, which is nothing to be printed.
fn contained<T>(format: &str, read: impl FnOnce() -> Result<T>) -> Result<T> {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let others = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !IS_CONTAINED.get() {
                others(info);
            }
        }));
    });
    let before = IS_CONTAINED.replace(true);
    let outcome = catch_unwind(AssertUnwindSafe(read));
    IS_CONTAINED.set(before);
    outcome.unwrap_or_else(|_| {
        Err(DataError::new(ErrorCode::BadCopyFileFormat, format!("the {format} file is damaged: it cannot be decoded")))
    })
}

/// Bytes that a batch may come to, unless it is told.
pub(crate) const MOST_BYTES: usize = 128 << 20;

/// How many times as large as is aimed for a batch may be: what stands in a dictionary once may come again and again, or seldom.
const MOST_REPEATED: usize = 4;

/// Bytes that a batch of so many columns aims for. Each column of a batch costs something, however few its rows are.
fn aim_of(aim: usize, columns: usize) -> usize {
    const FEW: usize = 64;
    aim.saturating_mul((columns / FEW).clamp(1, MOST_REPEATED))
}

/// About what a batch's rows take. Of a slice those of its rows alone: what it is a slice of may be many times as much.
pub(crate) fn bytes_of(batch: &RecordBatch) -> u64 {
    let sizes = batch.columns().iter().map(|column| column.to_data().get_slice_memory_size().unwrap_or(usize::MAX));
    sizes.fold(0, |sum, size| sum.saturating_add(size as u64))
}

/// Rows of a batch of about `aim` bytes, where `bytes` have `rows`.
fn rows_for(aim: usize, bytes: u64, rows: u64) -> usize {
    const MOST: u64 = 65_536;
    let each = (bytes / rows.max(1)).max(1);
    (aim as u64 / each).clamp(1, MOST) as usize
}
