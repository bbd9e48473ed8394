//! Parquet, row group by row group, of each only the columns that are asked for, and of these some pages at a time.

use std::io::{self, Read};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

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
use copyist_store::carried;

use super::guard::{self, damaged};
use super::intervals::{Intervals, Months};
use super::{Batches, RandomAccess, contained, rows_for};

/// A Parquet file.
pub struct ParquetInput {
    input: Input,
    metadata: ArrowReaderMetadata,
    schema: SchemaRef,
    intervals: Option<Intervals>,
    /// The columns that are read, by their numbers, and where each of those asked for is among them.
    selected: Vec<usize>,
    order: Vec<usize>,
    row_group: usize,
    reader: Option<ParquetRecordBatchReader>,
    months: Option<Months>,
    aim: usize,
}

impl ParquetInput {
    /// Reads the footer.
    ///
    /// # Errors
    /// As [`Batches::next`].
    pub fn open(access: Arc<dyn RandomAccess>) -> Result<Self> {
        let input = Input { access, read: Arc::default(), refused: Arc::default(), chunks: Arc::default() };
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
            contained("Parquet", || ArrowReaderMetadata::load(&input, ArrowReaderOptions::new()).map_err(of_parquet));
        let mut metadata = metadata.map_err(|error| input.refused().unwrap_or(error))?;
        let mut schema = Arc::clone(metadata.schema());
        let intervals = contained("Parquet", || Intervals::find(&metadata).map_err(of_parquet))?;
        if let Some(intervals) = &intervals {
            metadata = intervals.rest.clone();
            schema = Arc::clone(&intervals.schema);
        }
        let columns: Vec<usize> = (0..metadata.schema().fields().len()).collect();
        let input = Self {
            input,
            metadata,
            schema,
            intervals,
            selected: columns.clone(),
            order: columns,
            row_group: 0,
            reader: None,
            months: None,
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
        let mut chunks = Vec::new();
        for (leaf, column) in group.columns().iter().enumerate() {
            if mask.leaf_included(leaf) {
                bytes += column.uncompressed_size().unsigned_abs();
                let root = metadata.file_metadata().schema_descr().get_column_root_idx(leaf);
                let is_whole = self.intervals.as_ref().is_some_and(|intervals| intervals.contains(root));
                // The reader takes days and milliseconds of them, and would drop the months without a word. Arrow writes either.
                if column.column_descr().converted_type() == ConvertedType::INTERVAL && !is_whole && !is_of_arrow {
                    let path = column.column_path().string();
                    let message =
                        format!("column \"{path}\" has an INTERVAL of Parquet in it, whose months cannot be read");
                    return Err(DataError::new(ErrorCode::FeatureNotSupported, message)
                        .with_hint("Leave the column out of the column list, or write it as a string."));
                }
                let (start, length) = column.byte_range();
                chunks.push(start..start + length);
            }
        }
        chunks.sort_unstable_by_key(|chunk| chunk.start);
        self.input.access.expect(&chunks, &self.chunks_of(self.row_group + 1, &mask));
        let rows = rows_for(self.aim, bytes, group.num_rows().unsigned_abs());
        let index = self.row_group;
        self.row_group += 1;
        let input = Input { chunks: chunks.into(), ..self.input.clone() };
        let build = |read: ArrowReaderMetadata, mask: ProjectionMask| {
            contained("Parquet", || {
                ParquetRecordBatchReaderBuilder::new_with_metadata(input.clone(), read)
                    .with_row_groups(vec![index])
                    .with_projection(mask)
                    .with_batch_size(rows)
                    .build()
                    .map_err(of_parquet)
            })
        };
        let intervals = self.intervals.as_ref().and_then(|intervals| intervals.among(&self.selected));
        self.months = match intervals {
            None => None,
            Some((columns, read)) => {
                let mask = ProjectionMask::roots(metadata.file_metadata().schema_descr(), columns.iter().copied());
                let place = |column: &usize| self.selected.partition_point(|other| other < column);
                Some(Months { reader: build(read, mask)?, places: columns.iter().map(place).collect() })
            }
        };
        build(self.metadata.clone(), mask).map(Some)
    }

    /// Where the columns of a row group are, if there is one.
    fn chunks_of(&self, group: usize, mask: &ProjectionMask) -> Vec<Range<u64>> {
        let group = self.metadata.metadata().row_groups().get(group);
        let columns = group.into_iter().flat_map(|group| group.columns().iter().enumerate());
        let wanted = columns.filter(|(leaf, _)| mask.leaf_included(*leaf)).map(|(_, column)| column.byte_range());
        wanted.map(|(start, length)| start..start + length).collect()
    }
}

impl Batches for ParquetInput {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
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
            let months = &mut self.months;
            let next = contained("Parquet", || {
                let Some(batch) = reader.next().transpose().map_err(of_arrow)? else { return Ok(None) };
                match months {
                    None => Ok(Some(batch)),
                    Some(months) => months.put_into(&batch).map(Some).map_err(of_arrow),
                }
            });
            match next.map_err(|error| self.input.refused().unwrap_or(error))? {
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
    if let Some(error) = carried(&error) {
        return Box::new(error.clone());
    }
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
    /// Why the last reading failed: of the errors of its input the reader keeps no more than the text.
    refused: Arc<Mutex<Option<Box<DataError>>>>,
    /// Where the columns are whose pages are read, in the order of the file; none, where it is the footer.
    chunks: Arc<[Range<u64>]>,
}

impl Input {
    fn fill(&self, at: u64, into: &mut [u8]) -> io::Result<()> {
        self.access.read_at(at, into)?;
        self.read.fetch_add(into.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    /// The same for the reader.
    fn give(&self, at: u64, into: &mut [u8]) -> io::Result<()> {
        self.fill(at, into).map_err(|error| self.refuse(of_io(error)))
    }

    #[cold]
    fn refuse(&self, error: Box<DataError>) -> io::Error {
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.clone());
        io::Error::other(error)
    }

    fn refused(&self) -> Option<Box<DataError>> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The bytes of a page's header, and some behind it, after a look at what it claims.
    fn page_head(&self, at: u64) -> io::Result<Vec<u8>> {
        /// Bytes of a header; of one with long statistics more.
        const SHORT: usize = 512;
        const LONG: u64 = 16 << 20;
        let before = self.chunks.partition_point(|chunk| chunk.start <= at);
        let end = before.checked_sub(1).map_or(0, |index| self.chunks[index].end);
        let left = end.saturating_sub(at);
        let mut buffer = Vec::new();
        let mut want = SHORT;
        let page = loop {
            let size = left.min(want as u64);
            let known = buffer.len();
            buffer.resize(size as usize, 0);
            self.give(at + known as u64, &mut buffer[known..])?;
            let is_whole = size == left || size >= LONG;
            if let Some(page) = guard::page(&buffer, is_whole).map_err(|error| self.refuse(error))? {
                break page;
            }
            want *= 8;
        };
        if page.header as u64 + page.compressed > left {
            return Err(self.refuse(damaged("a page is longer than its column")));
        }
        Ok(buffer)
    }
}

impl Length for Input {
    fn len(&self) -> u64 {
        self.access.size()
    }
}

impl ChunkReader for Input {
    type T = From;

    fn get_read(&self, start: u64) -> ::parquet::errors::Result<Self::T> {
        Ok(From { input: self.clone(), start, at: start, head: None })
    }

    fn get_bytes(&self, start: u64, length: usize) -> ::parquet::errors::Result<Bytes> {
        let end = start.checked_add(length as u64);
        if end.is_none_or(|end| end > self.len()) {
            return Err(ParquetError::EOF(format!("{length} bytes at {start} are not in it")));
        }
        let mut bytes = vec![0; length];
        self.give(start, &mut bytes)?;
        Ok(bytes.into())
    }
}

/// The file from a place on, which is that of a page's header.
struct From {
    input: Input,
    start: u64,
    at: u64,
    /// Read when the first byte is wanted: the reader also asks for places that it then does not read at.
    head: Option<Vec<u8>>,
}

impl Read for From {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.head.is_none() {
            let is_page = !self.input.chunks.is_empty();
            self.head = Some(if is_page { self.input.page_head(self.start)? } else { Vec::new() });
        }
        let head = self.head.as_deref().unwrap_or_default();
        let known = head.get((self.at - self.start) as usize..).unwrap_or_default();
        let left = self.input.len().saturating_sub(self.at);
        let size = if known.is_empty() {
            let size = left.min(into.len() as u64) as usize;
            self.input.give(self.at, &mut into[..size])?;
            size
        } else {
            let size = known.len().min(into.len());
            into[..size].copy_from_slice(&known[..size]);
            size
        };
        self.at += size as u64;
        Ok(size)
    }
}
