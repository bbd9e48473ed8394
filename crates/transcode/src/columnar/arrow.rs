//! Arrow's IPC format: files, and streams.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow_array::RecordBatch;
use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_schema::{ArrowError, SchemaRef};
use copyist_core::{DataError, ErrorCode, Result};
use copyist_store::carried;

use super::arrow_guard::{self, Place};
use super::{Batches, Begun, RandomAccess, contained, rows_for};

/// What a file begins with; a stream does not.
const MAGIC: &[u8] = b"ARROW1";

enum Reader {
    File(FileReader<Counted>),
    Stream(StreamReader<Counted>),
}

enum Unchecked {
    Blocks(Vec<Place>),
    At(Option<u64>),
}

/// An Arrow IPC file or stream.
pub struct ArrowInput {
    reader: Reader,
    schema: SchemaRef,
    read: Arc<AtomicU64>,
    order: Vec<usize>,
    /// What is looked at before the reader reads it: a file's batches, the first of them last, or a stream's next message.
    unchecked: Unchecked,
    access: Arc<dyn RandomAccess>,
    /// What has been read of a batch and is not handed out yet.
    rest: Option<RecordBatch>,
    aim: usize,
}

impl ArrowInput {
    /// Reads the schema.
    ///
    /// # Errors
    /// As [`Batches::next`].
    pub fn open(access: Arc<dyn RandomAccess>) -> Result<Self> {
        let read = Arc::<AtomicU64>::default();
        let size = access.size();
        let mut magic = [0; MAGIC.len()];
        let is_file = size >= MAGIC.len() as u64 && access.read_at(0, &mut magic).is_ok() && magic == *MAGIC;
        let unchecked = if is_file {
            let (dictionaries, mut batches) = arrow_guard::blocks(&*access)?;
            dictionaries.into_iter().try_for_each(|place| arrow_guard::check_block(&*access, place))?;
            batches.reverse();
            Unchecked::Blocks(batches)
        } else if magic[..4] == *b"PAR1" {
            let message = "this is no Arrow file: it is in the format Parquet";
            return Err(DataError::new(ErrorCode::BadCopyFileFormat, message).with_hint("Write FORMAT parquet."));
        } else {
            // The schema.
            Unchecked::At(arrow_guard::check(&*access, 0)?)
        };
        let input = Counted { access: Arc::clone(&access), read: Arc::clone(&read), at: 0 };
        let reader = contained("Arrow", || {
            Ok(if is_file {
                Reader::File(FileReader::try_new(input, None).map_err(of_arrow)?)
            } else {
                Reader::Stream(StreamReader::try_new(input, None).map_err(of_arrow)?)
            })
        })?;
        let schema = match &reader {
            Reader::File(reader) => reader.schema(),
            Reader::Stream(reader) => reader.schema(),
        };
        let order = (0..schema.fields().len()).collect();
        Ok(Self { reader, schema, read, order, unchecked, access, rest: None, aim: 1 << 20 })
    }
}

impl ArrowInput {
    /// Looks at what the reader reads next. Of a stream those are dictionaries up to a batch, and one at least.
    fn check(&mut self) -> Result<()> {
        match &mut self.unchecked {
            Unchecked::Blocks(blocks) => {
                blocks.pop().map_or(Ok(()), |place| arrow_guard::check_block(&*self.access, place))
            }
            Unchecked::At(at) => {
                while let Some(place) = *at {
                    let (end, is_batch) = arrow_guard::check_next(&*self.access, place, None)?;
                    *at = end;
                    if is_batch {
                        break;
                    }
                }
                Ok(())
            }
        }
    }
}

impl Batches for ArrowInput {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn row_count(&self) -> Option<u64> {
        None
    }

    fn select(&mut self, columns: &[usize]) {
        self.order = columns.to_vec();
    }

    fn aim_for(&mut self, bytes: usize) {
        self.aim = bytes;
    }

    fn begin(&mut self) -> Result<Option<Begun>> {
        let batch = match self.rest.take() {
            Some(rest) => rest,
            None => loop {
                self.check()?;
                let Self { reader, order, .. } = self;
                let next = contained("Arrow", || {
                    let next = match reader {
                        Reader::File(reader) => reader.next(),
                        Reader::Stream(reader) => reader.next(),
                    };
                    let Some(batch) = next.transpose().map_err(of_arrow)? else { return Ok(None) };
                    batch.project(order).map(Some).map_err(of_arrow)
                })?;
                match next {
                    None => return Ok(None),
                    Some(batch) if batch.num_rows() == 0 => {}
                    Some(batch) => break batch,
                }
            },
        };
        let rows = batch.num_rows();
        let most = rows_for(self.aim, batch.get_array_memory_size() as u64, rows as u64);
        if rows > most {
            self.rest = Some(batch.slice(most, rows - most));
            return Ok(Some(batch.slice(0, most).into()));
        }
        Ok(Some(batch.into()))
    }

    fn bytes_read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }
}

#[cold]
pub(super) fn of_io(error: &io::Error) -> Box<DataError> {
    match carried(error) {
        Some(error) => Box::new(error.clone()),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            DataError::new(ErrorCode::BadCopyFileFormat, "the Arrow file is damaged: it ends too early")
        }
        None => DataError::new(ErrorCode::IoError, format!("could not read: {error}")),
    }
}

fn of_arrow(error: ArrowError) -> Box<DataError> {
    match error {
        ArrowError::IoError(_, error) if error.kind() != io::ErrorKind::UnexpectedEof => of_io(&error),
        ArrowError::NotYetImplemented(what) => {
            DataError::new(ErrorCode::FeatureNotSupported, format!("the Arrow file cannot be read: {what}"))
        }
        other => DataError::new(ErrorCode::BadCopyFileFormat, format!("the Arrow file is damaged: {other}")),
    }
}

/// The input as a reader that counts.
struct Counted {
    access: Arc<dyn RandomAccess>,
    read: Arc<AtomicU64>,
    at: u64,
}

impl Read for Counted {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = self.access.size().saturating_sub(self.at);
        let size = left.min(into.len() as u64) as usize;
        self.access.read_at(self.at, &mut into[..size])?;
        self.read.fetch_add(size as u64, Ordering::Relaxed);
        self.at += size as u64;
        Ok(size)
    }
}

impl io::Seek for Counted {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        let (from, by) = match to {
            io::SeekFrom::Start(at) => (at, 0),
            io::SeekFrom::Current(by) => (self.at, by),
            io::SeekFrom::End(by) => (self.access.size(), by),
        };
        self.at = from.checked_add_signed(by).ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}
