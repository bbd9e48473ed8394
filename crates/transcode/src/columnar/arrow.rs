//! Arrow's IPC format: files, and streams.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow_array::RecordBatch;
use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_schema::{ArrowError, SchemaRef};
use copyist_core::{DataError, ErrorCode, Result};
use copyist_store::carried;

use super::{Batches, RandomAccess, contained, rows_for};

/// What a file begins with; a stream does not.
const MAGIC: &[u8] = b"ARROW1";

enum Reader {
    File(FileReader<Counted>),
    Stream(StreamReader<Counted>),
}

/// An Arrow IPC file or stream.
pub struct ArrowInput {
    reader: Reader,
    schema: SchemaRef,
    read: Arc<AtomicU64>,
    order: Vec<usize>,
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
        let input = Counted { access, read: Arc::clone(&read), at: 0 };
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
        Ok(Self { reader, schema, read, order, rest: None, aim: 1 << 20 })
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

    fn next(&mut self) -> Result<Option<RecordBatch>> {
        let batch = match self.rest.take() {
            Some(rest) => rest,
            None => loop {
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
            return Ok(Some(batch.slice(0, most)));
        }
        Ok(Some(batch))
    }

    fn bytes_read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }
}

fn of_arrow(error: ArrowError) -> Box<DataError> {
    match error {
        ArrowError::IoError(_, error) if error.kind() != io::ErrorKind::UnexpectedEof => match carried(&error) {
            Some(error) => Box::new(error.clone()),
            None => DataError::new(ErrorCode::IoError, format!("could not read: {error}")),
        },
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
