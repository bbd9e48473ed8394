//! Parquet, row group by row group, of each only the columns that are asked for, and of these some pages at a time.

use std::io::{self, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ::parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use ::parquet::arrow::{ARROW_SCHEMA_META_KEY, ProjectionMask};
use ::parquet::basic::ConvertedType;
use ::parquet::errors::ParquetError;
use ::parquet::file::reader::{ChunkReader, Length};
use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, SchemaRef};
use bytes::Bytes;
use copyist_core::{DataError, ErrorCode, Result};

use super::guard::{self, damaged};
use super::{Batches, RandomAccess, contained, rows_for};

/// A Parquet file.
pub struct ParquetInput {
    input: Input,
    metadata: ArrowReaderMetadata,
    /// The columns that are read, by their numbers, and where each of those asked for is among them.
    selected: Vec<usize>,
    order: Vec<usize>,
    row_group: usize,
    reader: Option<ParquetRecordBatchReader>,
    aim: usize,
}

impl ParquetInput {
    /// Reads the footer.
    ///
    /// # Errors
    /// As [`Batches::next`].
    pub fn open(access: Arc<dyn RandomAccess>) -> Result<Self> {
        let input = Input { access, read: Arc::default() };
        let size = input.len();
        if size < (guard::TAIL + 4) as u64 {
            return Err(DataError::new(
                ErrorCode::BadCopyFileFormat,
                format!("this is no Parquet file: it has {size} bytes"),
            ));
        }
        let mut tail = [0; guard::TAIL];
        input.fill(size - guard::TAIL as u64, &mut tail).map_err(of_io)?;
        let length = guard::footer_length(tail, size)?;
        let mut footer = vec![0; length as usize];
        input.fill(size - guard::TAIL as u64 - length, &mut footer).map_err(of_io)?;
        guard::check_footer(&footer)?;
        drop(footer);
        let metadata =
            contained("Parquet", || ArrowReaderMetadata::load(&input, ArrowReaderOptions::new()).map_err(of_parquet))?;
        let columns: Vec<usize> = (0..metadata.schema().fields().len()).collect();
        let input = Self {
            input,
            metadata,
            selected: columns.clone(),
            order: columns,
            row_group: 0,
            reader: None,
            aim: 1 << 20,
        };
        input.check_row_groups()?;
        Ok(input)
    }

    /// Whether all that the footer says of the columns lies in the file.
    fn check_row_groups(&self) -> Result<()> {
        let size = self.input.len();
        for group in self.metadata.metadata().row_groups() {
            if group.num_rows() < 0 {
                return Err(damaged("a row group has less than no rows"));
            }
            for column in group.columns() {
                if column.file_path().is_some() {
                    return Err(DataError::new(
                        ErrorCode::FeatureNotSupported,
                        "Parquet files whose columns are in other files cannot be read",
                    ));
                }
                let start = column.dictionary_page_offset().unwrap_or_else(|| column.data_page_offset());
                let length = column.compressed_size();
                let is_inside = start >= 0
                    && column.data_page_offset() >= 0
                    && length >= 0
                    && start.checked_add(length).is_some_and(|end| end.unsigned_abs() <= size);
                if !is_inside {
                    return Err(damaged(format_args!(
                        "column \"{}\" is said to be where the file is not",
                        column.column_path().string()
                    )));
                }
            }
        }
        Ok(())
    }

    /// Opens the next row group that has rows.
    fn open_group(&mut self) -> Result<Option<ParquetRecordBatchReader>> {
        let metadata = Arc::clone(self.metadata.metadata());
        let Some(group) = metadata.row_groups().get(self.row_group) else { return Ok(None) };
        let mask = ProjectionMask::roots(metadata.file_metadata().schema_descr(), self.selected.iter().copied());
        let keys = metadata.file_metadata().key_value_metadata();
        let is_of_arrow = keys.is_some_and(|keys| keys.iter().any(|pair| pair.key == ARROW_SCHEMA_META_KEY));
        let mut bytes = 0;
        for (leaf, column) in group.columns().iter().enumerate() {
            if mask.leaf_included(leaf) {
                bytes += column.uncompressed_size().unsigned_abs();
                // The reader takes days and milliseconds of them, and would drop the months without a word. Arrow writes either.
                if column.column_descr().converted_type() == ConvertedType::INTERVAL && !is_of_arrow {
                    let path = column.column_path().string();
                    let message = format!("column \"{path}\" is an INTERVAL of Parquet, whose months cannot be read");
                    return Err(DataError::new(ErrorCode::FeatureNotSupported, message)
                        .with_hint("Leave the column out of the column list, or write it as a string."));
                }
                self.check_pages(column)?;
            }
        }
        let rows = rows_for(self.aim, bytes, group.num_rows().unsigned_abs());
        let index = self.row_group;
        self.row_group += 1;
        let input = self.input.clone();
        let metadata = self.metadata.clone();
        contained("Parquet", || {
            ParquetRecordBatchReaderBuilder::new_with_metadata(input, metadata)
                .with_row_groups(vec![index])
                .with_projection(mask)
                .with_batch_size(rows)
                .build()
                .map(Some)
                .map_err(of_parquet)
        })
    }

    /// Looks at the headers of a column's pages.
    fn check_pages(&self, column: &::parquet::file::metadata::ColumnChunkMetaData) -> Result<()> {
        /// Bytes of a header; of one with long statistics more.
        const SHORT: usize = 512;
        const LONG: u64 = 16 << 20;
        let (mut at, length) = column.byte_range();
        let end = at + length;
        let mut buffer = Vec::new();
        while at < end {
            let mut want = SHORT;
            let page = loop {
                let size = (end - at).min(want as u64);
                buffer.resize(size as usize, 0);
                self.input.fill(at, &mut buffer).map_err(of_io)?;
                let is_whole = size == end - at || size >= LONG;
                if let Some(page) = guard::page(&buffer, is_whole)? {
                    break page;
                }
                want *= 8;
            };
            let next = at + page.header as u64 + page.compressed;
            if next > end {
                return Err(damaged(format_args!(
                    "a page of column \"{}\" is longer than its column",
                    column.column_path().string()
                )));
            }
            at = next;
        }
        Ok(())
    }
}

impl Batches for ParquetInput {
    fn schema(&self) -> SchemaRef {
        Arc::clone(self.metadata.schema())
    }

    fn row_count(&self) -> Option<u64> {
        u64::try_from(self.metadata.metadata().file_metadata().num_rows()).ok()
    }

    fn select(&mut self, columns: &[usize]) {
        let mut selected = columns.to_vec();
        selected.sort_unstable();
        selected.dedup();
        self.order = columns.iter().map(|column| selected.partition_point(|other| other < column)).collect();
        self.selected = selected;
    }

    fn aim_for(&mut self, bytes: usize) {
        self.aim = bytes;
    }

    fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if self.reader.is_none() {
                self.reader = self.open_group()?;
            }
            let Some(reader) = &mut self.reader else { return Ok(None) };
            match contained("Parquet", || reader.next().transpose().map_err(of_arrow))? {
                Some(batch) => {
                    let projected = batch.project(&self.order).map_err(of_arrow)?;
                    return Ok(Some(projected));
                }
                None => self.reader = None,
            }
        }
    }

    fn bytes_read(&self) -> u64 {
        self.input.read.load(Ordering::Relaxed)
    }
}

#[cold]
fn of_io(error: io::Error) -> Box<DataError> {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        return damaged("it ends before what it says that it has");
    }
    DataError::new(ErrorCode::IoError, format!("could not read: {error}"))
}

fn of_parquet(error: ParquetError) -> Box<DataError> {
    match error {
        ParquetError::NYI(what) => {
            DataError::new(ErrorCode::FeatureNotSupported, format!("the Parquet file cannot be read: {what}"))
        }
        ParquetError::External(error) => match error.downcast::<io::Error>() {
            Ok(error) => of_io(*error),
            Err(error) => damaged(error),
        },
        ParquetError::ArrowError(what) | ParquetError::General(what) | ParquetError::EOF(what) => damaged(what),
        other => damaged(other),
    }
}

fn of_arrow(error: ArrowError) -> Box<DataError> {
    match error {
        ArrowError::ParquetError(what) => damaged(what),
        ArrowError::NotYetImplemented(what) => {
            DataError::new(ErrorCode::FeatureNotSupported, format!("the Parquet file cannot be read: {what}"))
        }
        ArrowError::ExternalError(error) => match error.downcast::<ParquetError>() {
            Ok(error) => of_parquet(*error),
            Err(error) => damaged(error),
        },
        other => damaged(other),
    }
}

/// The file as the reader takes it.
#[derive(Clone)]
struct Input {
    access: Arc<dyn RandomAccess>,
    read: Arc<AtomicU64>,
}

impl Input {
    fn fill(&self, at: u64, into: &mut [u8]) -> io::Result<()> {
        self.access.read_at(at, into)?;
        self.read.fetch_add(into.len() as u64, Ordering::Relaxed);
        Ok(())
    }
}

impl Length for Input {
    fn len(&self) -> u64 {
        self.access.size()
    }
}

impl ChunkReader for Input {
    type T = BufReader<From>;

    fn get_read(&self, start: u64) -> ::parquet::errors::Result<Self::T> {
        /// Read for a page's header, which is all that is read this way.
        const AHEAD: usize = 1024;
        Ok(BufReader::with_capacity(AHEAD, From { input: self.clone(), at: start }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> ::parquet::errors::Result<Bytes> {
        let end = start.checked_add(length as u64);
        if end.is_none_or(|end| end > self.len()) {
            return Err(ParquetError::EOF(format!("{length} bytes at {start} are not in it")));
        }
        let mut bytes = vec![0; length];
        self.fill(start, &mut bytes)?;
        Ok(bytes.into())
    }
}

/// The file from a place on.
struct From {
    input: Input,
    at: u64,
}

impl Read for From {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = self.input.len().saturating_sub(self.at);
        let size = left.min(into.len() as u64) as usize;
        self.input.fill(self.at, &mut into[..size])?;
        self.at += size as u64;
        Ok(size)
    }
}
