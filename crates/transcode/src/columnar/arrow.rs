//! Arrow's IPC format: files, and streams.

use std::io::{self, Read};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, GenericListArray, GenericListViewArray, OffsetSizeTrait, RecordBatch};
use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow_select::take::take;
use copyist_core::{DataError, ErrorCode, Result};
use copyist_store::carried;

use super::arrow_guard::{self, Blocks, Numbers, Wanted};
use super::guard::other_file;
use super::leaves::with_fields;
use super::sixteen::{bytes_of_batch, bytes_of_schema};
use super::{Batches, Begun, MOST_BYTES, MOST_REPEATED, RandomAccess, aim_of, bytes_of, contained, rows_for};

/// What a file begins with; a stream does not.
pub(super) const MAGIC: &[u8] = b"ARROW1";

enum Reader {
    File(FileReader<Counted>),
    Stream(StreamReader<Counted>),
}

enum Unchecked {
    Blocks(Blocks),
    At(Option<u64>),
}

/// An Arrow IPC file or stream.
pub struct ArrowInput {
    /// Opened when the first rows are asked for: a file's dictionaries are read then.
    reader: Option<Reader>,
    /// The file's own, with numbers of 128 bits marked.
    schema: SchemaRef,
    read: Arc<AtomicU64>,
    /// The columns that are read, by their numbers, and where each of those asked for is among them.
    selected: Vec<usize>,
    order: Vec<usize>,
    /// What is looked at before the reader reads it.
    unchecked: Unchecked,
    access: Arc<dyn RandomAccess>,
    /// What of the next batch nobody reads.
    unread: Unread,
    /// What has been read of a batch and is not handed out yet, and how many rows of it are at a time.
    rest: Option<(RecordBatch, usize)>,
    repeated: Repeated,
    aim: usize,
    most: usize,
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
        let (unchecked, schema, numbers) = if is_file {
            let (blocks, schema, numbers) = contained("Arrow", || arrow_guard::blocks(&*access))?;
            (Unchecked::Blocks(blocks), Arc::new(schema), numbers)
        } else if magic[..4] == *b"PAR1" {
            let message = "this is no Arrow file: it is in the format Parquet";
            return Err(DataError::new(ErrorCode::BadCopyFileFormat, message).with_hint("Write FORMAT parquet."));
        } else if let Some(error) = other_file(&*access, "Arrow") {
            return Err(error);
        } else {
            let numbers = contained("Arrow", || arrow_guard::numbers_of(&*access))?;
            let access = changed(&access, &numbers);
            let behind = arrow_guard::check(&*access)?;
            let input = Counted::new(&access, &read, &Unread::default());
            let reader = contained("Arrow", || StreamReader::try_new(input, None).map_err(of_arrow))?;
            (Unchecked::At(behind), reader.schema(), numbers)
        };
        let access = changed(&access, &numbers);
        let schema = numbers.map_or(schema.clone(), |(found, _)| found.marks.of_schema(&schema, 0..));
        let order: Vec<usize> = (0..schema.fields().len()).collect();
        Ok(Self {
            reader: None,
            schema,
            read,
            selected: order.clone(),
            order,
            unchecked,
            access,
            unread: Unread::default(),
            rest: None,
            repeated: Repeated::default(),
            aim: 1 << 20,
            most: MOST_BYTES,
        })
    }

    /// Bytes that a batch of the file may take: there is one at a time, and what is made of it is made in parts.
    fn most_of_batch(&self) -> u64 {
        self.most.saturating_mul(2) as u64
    }

    /// Looks at a file's dictionaries, and reads them.
    fn open_reader(&mut self) -> Result<Reader> {
        let mut wanted = Wanted { columns: None, most: self.most_of_batch(), held: 0 };
        let is_file = match &self.unchecked {
            Unchecked::Blocks(blocks) => {
                for &place in &blocks.dictionaries {
                    arrow_guard::check_block(&*self.access, place, &mut wanted)?;
                }
                true
            }
            Unchecked::At(_) => false,
        };
        let projection = (self.selected.len() < self.schema.fields().len()).then(|| self.selected.clone());
        // The schema is read once more.
        self.read.store(0, Ordering::Relaxed);
        let input = Counted::new(&self.access, &self.read, &self.unread);
        contained("Arrow", || {
            Ok(if is_file {
                Reader::File(FileReader::try_new(input, projection).map_err(of_arrow)?)
            } else {
                Reader::Stream(StreamReader::try_new(input, projection).map_err(of_arrow)?)
            })
        })
    }

    /// Looks at what the reader reads next. Of a stream those are dictionaries up to a batch, and one at least.
    fn check(&mut self) -> Result<()> {
        let columns = (self.selected.len() < self.schema.fields().len())
            .then(|| arrow_guard::buffers_of(&self.schema, &self.selected))
            .flatten();
        let mut wanted = Wanted { columns, most: self.most_of_batch(), held: 0 };
        let mut unread = Vec::new();
        match &mut self.unchecked {
            Unchecked::Blocks(blocks) => {
                if let Some(place) = blocks.batches.pop() {
                    unread = arrow_guard::check_block(&*self.access, place, &mut wanted)?;
                }
            }
            Unchecked::At(at) => {
                while let Some(place) = *at {
                    let message = arrow_guard::check_next(&*self.access, place, None, &mut wanted)?;
                    if message.end.is_none() {
                        arrow_guard::check_end(message.mark, self.access.size())?;
                    }
                    *at = message.end;
                    unread = message.unread;
                    if message.is_batch {
                        break;
                    }
                }
            }
        }
        *self.unread.lock().unwrap_or_else(PoisonError::into_inner) = unread;
        Ok(())
    }

    /// Rows of a batch at a time.
    fn rows_at_once(&mut self, batch: &RecordBatch) -> usize {
        let rows = batch.num_rows() as u64;
        let bytes = bytes_of(batch);
        let (each, longest) = self.repeated.of(batch);
        rows_for(aim_of(self.aim, batch.num_columns()), bytes, rows)
            .min(rows_for(
                self.aim.saturating_mul(MOST_REPEATED),
                bytes.saturating_add(each.saturating_mul(rows)),
                rows,
            ))
            .min(rows_for((self.most / 4).min(MOST_REPEATED_BYTES), longest, 1))
    }
}

/// A file that says of numbers of 128 bits what the reader knows.
fn changed(access: &Arc<dyn RandomAccess>, numbers: &Numbers) -> Arc<dyn RandomAccess> {
    numbers.as_ref().map_or_else(|| Arc::clone(access), |(found, at)| found.access(Arc::clone(access), *at))
}

/// A schema without dictionaries of instants in nanoseconds: these are read from the instants themselves, and what stands in a dictionary from
/// literals. Few rows at a time come out of them.
fn spread_schema(schema: &Schema) -> SchemaRef {
    with_fields(schema, |field| match field.data_type() {
        DataType::Dictionary(_, of) if matches!(**of, DataType::Timestamp(TimeUnit::Nanosecond, _)) => {
            Arc::new(Field::clone(field).with_data_type(of.as_ref().clone()))
        }
        _ => Arc::clone(field),
    })
}

/// The same rows, as [`spread_schema`] has them.
fn spread_batch(batch: RecordBatch) -> std::result::Result<RecordBatch, ArrowError> {
    let schema = spread_schema(batch.schema_ref());
    if schema == *batch.schema_ref() {
        return Ok(batch);
    }
    let pairs = batch.columns().iter().zip(schema.fields());
    let columns = pairs.map(|(column, field)| match column.as_any_dictionary_opt() {
        Some(coded) if column.data_type() != field.data_type() => take(coded.values(), coded.keys(), None),
        _ => Ok(Arc::clone(column)),
    });
    let columns = columns.collect::<std::result::Result<_, _>>()?;
    RecordBatch::try_new(schema, columns)
}

/// Bytes that values may come to which stand in dictionaries once: as text a batch of them has less than 2 GiB.
const MOST_REPEATED_BYTES: usize = 512 << 20;

/// How long the values are that stand in the dictionaries of columns.
#[derive(Default)]
struct Repeated(Vec<(ArrayRef, u64)>);

impl Repeated {
    /// What those of a row come to on the average, and at most.
    fn of(&mut self, batch: &RecordBatch) -> (u64, u64) {
        let (mut each, mut most) = (0_u64, 0_u64);
        let coded = batch.columns().iter().filter_map(|column| column.as_any_dictionary_opt());
        for (number, column) in coded.enumerate() {
            let values = column.values();
            let data = values.to_data();
            let size = data.get_slice_memory_size().unwrap_or(usize::MAX) as u64;
            each = each.saturating_add(size / values.len().max(1) as u64);
            // Batches that share a dictionary are many.
            let known =
                self.0.get(number).filter(|(known, _)| known.to_data().ptr_eq(&data)).map(|&(_, longest)| longest);
            let longest = known.unwrap_or_else(|| longest_of(values));
            if known.is_none() {
                self.0.truncate(number);
                self.0.push((Arc::clone(values), longest));
            }
            most = most.saturating_add(longest);
        }
        (each, most)
    }
}

/// About how many bytes the longest value comes to at most. Elements of lists have some each that they take as text.
fn longest_of(values: &dyn Array) -> u64 {
    const LEAST: u64 = 4;
    fn between<T: OffsetSizeTrait>(offsets: &[T]) -> u64 {
        offsets.windows(2).map(|ends| (ends[1] - ends[0]).as_usize() as u64).max().unwrap_or(0)
    }
    fn elements(count: u64, of: &dyn Array) -> u64 {
        count.saturating_mul(longest_of(of).max(LEAST))
    }
    fn list<T: OffsetSizeTrait>(lists: &GenericListArray<T>) -> u64 {
        elements(between(lists.value_offsets()), lists.values())
    }
    fn list_view<T: OffsetSizeTrait>(lists: &GenericListViewArray<T>) -> u64 {
        let longest = lists.value_sizes().iter().map(|size| size.as_usize() as u64).max();
        elements(longest.unwrap_or(0), lists.values())
    }
    match values.data_type() {
        DataType::Utf8 => between(values.as_string::<i32>().value_offsets()),
        DataType::LargeUtf8 => between(values.as_string::<i64>().value_offsets()),
        DataType::Binary => between(values.as_binary::<i32>().value_offsets()),
        DataType::LargeBinary => between(values.as_binary::<i64>().value_offsets()),
        DataType::Utf8View => values.as_string_view().lengths().max().map_or(0, u64::from),
        DataType::BinaryView => values.as_binary_view().lengths().max().map_or(0, u64::from),
        DataType::List(_) => list(values.as_list::<i32>()),
        DataType::LargeList(_) => list(values.as_list::<i64>()),
        DataType::ListView(_) => list_view(values.as_list_view::<i32>()),
        DataType::LargeListView(_) => list_view(values.as_list_view::<i64>()),
        DataType::FixedSizeList(_, size) => elements(size.unsigned_abs().into(), values.as_fixed_size_list().values()),
        DataType::Map(..) => elements(between(values.as_map().value_offsets()), values.as_map().entries()),
        DataType::Struct(_) => {
            values.as_struct().columns().iter().fold(0_u64, |sum, of| sum.saturating_add(longest_of(of)))
        }
        DataType::Dictionary(..) => longest_of(values.as_any_dictionary().values()),
        DataType::FixedSizeBinary(size) => size.unsigned_abs().into(),
        ty => ty.primitive_width().unwrap_or(1) as u64,
    }
}

impl Batches for ArrowInput {
    fn schema(&self) -> SchemaRef {
        spread_schema(&bytes_of_schema(&self.schema))
    }

    fn row_count(&self) -> Option<u64> {
        None
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

    fn bound_by(&mut self, bytes: usize) {
        self.most = bytes;
    }

    fn begin(&mut self) -> Result<Option<Begun>> {
        let (batch, most) = match self.rest.take() {
            Some(rest) => rest,
            None => loop {
                if self.reader.is_none() {
                    self.reader = Some(self.open_reader()?);
                }
                self.check()?;
                let Self { reader, order, schema, selected, .. } = self;
                let next = contained("Arrow", || {
                    let next = match reader {
                        Some(Reader::File(reader)) => reader.next(),
                        Some(Reader::Stream(reader)) => reader.next(),
                        None => None,
                    };
                    let Some(batch) = next.transpose().map_err(of_arrow)? else { return Ok(None) };
                    let batch = batch.project(order).map_err(of_arrow)?;
                    let columns: Vec<_> = order.iter().map(|&place| selected[place]).collect();
                    let marked = schema.project(&columns).map_err(of_arrow)?;
                    bytes_of_batch(batch, &marked).map(Some).map_err(of_arrow)
                })?;
                match next {
                    None => return Ok(None),
                    Some(batch) if batch.num_rows() == 0 => {}
                    Some(batch) => {
                        let most = self.rows_at_once(&batch);
                        break (batch, most);
                    }
                }
            },
        };
        let rows = batch.num_rows();
        let mut next = batch;
        if rows > most {
            self.rest = Some((next.slice(most, rows - most), most));
            next = next.slice(0, most);
        }
        spread_batch(next).map(|batch| Some(batch.into())).map_err(of_arrow)
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

pub(super) fn of_arrow(error: ArrowError) -> Box<DataError> {
    match error {
        // Others are of the reader's own making, of what it takes apart.
        ArrowError::IoError(_, error) if carried(&error).is_some() => of_io(&error),
        ArrowError::NotYetImplemented(what) => {
            DataError::new(ErrorCode::FeatureNotSupported, format!("the Arrow file cannot be read: {what}"))
        }
        other => DataError::new(ErrorCode::BadCopyFileFormat, format!("the Arrow file is damaged: {other}")),
    }
}

/// Places, in their order, that the reader passes over.
type Unread = Arc<Mutex<Vec<Range<u64>>>>;

/// The input as a reader that counts.
struct Counted {
    access: Arc<dyn RandomAccess>,
    read: Arc<AtomicU64>,
    unread: Unread,
    at: u64,
}

impl Counted {
    fn new(access: &Arc<dyn RandomAccess>, read: &Arc<AtomicU64>, unread: &Unread) -> Self {
        Self { access: Arc::clone(access), read: Arc::clone(read), unread: Arc::clone(unread), at: 0 }
    }
}

impl Read for Counted {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = self.access.size().saturating_sub(self.at);
        let mut size = left.min(into.len() as u64);
        let unread = self.unread.lock().unwrap_or_else(PoisonError::into_inner);
        let next = unread.get(unread.partition_point(|range| range.end <= self.at));
        if let Some(range) = next
            && range.start < self.at + size
        {
            if range.contains(&self.at) {
                // The reader has room for a whole batch, which nobody has touched; and nobody will look at these bytes.
                size = size.min(range.end - self.at);
                self.at += size;
                return Ok(size as usize);
            }
            size = range.start - self.at;
        }
        self.access.read_at(self.at, &mut into[..size as usize]).map_err(|error| io::Error::other(of_io(&error)))?;
        self.read.fetch_add(size, Ordering::Relaxed);
        self.at += size;
        Ok(size as usize)
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
