//! Parquet, row group by row group, of each only the columns that are asked for, and of these some pages at a time.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::io::{self, Read};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use ::parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader};
use ::parquet::arrow::{ARROW_SCHEMA_META_KEY, FieldLevels, ProjectionMask, parquet_to_arrow_field_levels};
use ::parquet::basic::{ConvertedType, Encoding, Type as PhysicalType};
use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::ColumnChunkMetaData;
use ::parquet::file::reader::{ChunkReader, Length};
use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, SchemaRef};
use bytes::Bytes;
use copyist_core::{DataError, ErrorCode, Result};
use copyist_store::carried;

use super::again::Again;
use super::dictionaries::{Dictionaries, Watch, with_dictionaries};
use super::guard::{self, damaged, too_much};
use super::instants::{Instants, put_micros};
use super::intervals::{Intervals, put_months};
use super::lanes::{Begun, Lanes, MOST_LANES, Strand};
use super::leaves::{Marks, as_read};
use super::pages::{Claims, Group, Grown, Growth, Pages, Strings, too_large, width};
use super::sixteen::{bytes_of_batch, bytes_of_schema};
use super::{Batches, MOST_BYTES, MOST_REPEATED, RandomAccess, aim_of, contained, rows_for};

/// A Parquet file.
pub struct ParquetInput {
    file: Arc<ParquetFile>,
    schema: SchemaRef,
    /// The columns that are read, by their numbers, and where each of those asked for is among them.
    selected: Vec<usize>,
    order: Vec<usize>,
    aim: usize,
    most: usize,
    keeps_dictionaries: bool,
    /// Made when the first rows are asked for.
    lanes: Option<Arc<Lanes>>,
    /// The number of the next rows.
    next: u64,
}

/// What is known of a file.
struct ParquetFile {
    input: Input,
    metadata: ArrowReaderMetadata,
    marks: Marks,
    intervals: Option<Intervals>,
    instants: Option<Instants>,
    /// Leaves whose pages are.
    encrypted: BTreeSet<usize>,
    /// Of all row groups.
    rows: u64,
}

impl ParquetInput {
    /// Reads the footer.
    ///
    /// # Errors
    /// As [`Batches::next`].
    pub fn open(access: Arc<dyn RandomAccess>) -> Result<Self> {
        let input = Input { access, read: Arc::default(), refused: Arc::default(), column: None };
        let size = input.len();
        if size < (guard::TAIL + 4) as u64 {
            return Err(DataError::new(
                ErrorCode::BadCopyFileFormat,
                format!("this is no Parquet file: it has {size} bytes"),
            ));
        }
        let mut tail = [0; guard::TAIL];
        input.fill(size - guard::TAIL as u64, &mut tail).map_err(of_io)?;
        let length = guard::footer_length(tail, size)
            .map_err(|error| guard::other_file(&*input.access, "Parquet").unwrap_or(error))?;
        let mut footer = vec![0; length as usize];
        input.fill(size - guard::TAIL as u64 - length, &mut footer).map_err(of_io)?;
        let encrypted = guard::check_footer(&footer)?;
        drop(footer);
        let metadata =
            contained("Parquet", || ArrowReaderMetadata::load(&input, ArrowReaderOptions::new()).map_err(of_parquet));
        let metadata = metadata.or_else(|error| {
            // A column's own type is enough where what its writer says of it in Arrow's words is unknown, or does not fit it.
            contained("Parquet", || super::footer::with_known_hint(&input).map_err(of_parquet)).map_err(|_| error)
        });
        let metadata = metadata.map_err(|error| match input.refused() {
            Some(refused) => refused,
            // Of such a column it may not even be told what it has.
            None if !encrypted.is_empty() => is_encrypted("a column"),
            None => error,
        })?;
        let (mut metadata, marks) = contained("Parquet", || as_read(metadata).map_err(of_parquet))?;
        let intervals = contained("Parquet", || Intervals::find(&metadata).map_err(of_parquet))?;
        if let Some(intervals) = &intervals {
            metadata = intervals.rest.clone();
        }
        let instants = contained("Parquet", || Instants::find(&metadata).map_err(of_parquet))?;
        // Not all instants have nanoseconds.
        let read = instants.as_ref().map_or(&metadata, |instants| &instants.micros).schema();
        let schema = intervals.as_ref().map_or_else(|| Arc::clone(read), |intervals| intervals.whole(read));
        let schema = bytes_of_schema(&marks.of_schema(&schema, 0..));
        // The footer has been read twice, and is there once.
        input.read.store(guard::TAIL as u64 + length, Ordering::Relaxed);
        let columns: Vec<usize> = (0..metadata.schema().fields().len()).collect();
        let mut file = ParquetFile { input, metadata, marks, intervals, instants, encrypted, rows: 0 };
        file.rows = file.check_row_groups()?;
        Ok(Self {
            file: Arc::new(file),
            schema,
            selected: columns.clone(),
            order: columns,
            aim: 1 << 20,
            most: MOST_BYTES,
            keeps_dictionaries: false,
            lanes: None,
            next: 0,
        })
    }

    fn lanes(&mut self) -> Arc<Lanes> {
        let Self { file, selected, order, aim, most, keeps_dictionaries, .. } = self;
        let made = self.lanes.get_or_insert_with(|| {
            let groups = file.metadata.metadata().num_row_groups();
            let plans = Plans {
                aim: *aim,
                most: *most as u64,
                mask: file.mask(selected),
                grown: Grown::new(*most as u64),
                groups: (0..groups).map(|_| OnceLock::new()).collect(),
            };
            let plans = Arc::new(plans);
            let dictionaries = if *keeps_dictionaries { Dictionaries::find(&file.metadata) } else { None };
            let dictionaries = dictionaries.map(Arc::new);
            // Whoever waits for another machine would hold up those who wait for him.
            let most = if file.input.access.is_shared() { MOST_LANES } else { 1 };
            let each = selected.len().div_ceil(most).max(1);
            let mut parts: Vec<&[usize]> = selected.chunks(each).collect();
            if parts.is_empty() {
                parts.push(&[]);
            }
            let columns = |part: &[usize]| Columns {
                file: Arc::clone(file),
                selected: part.to_vec(),
                plans: Arc::clone(&plans),
                levels: HashMap::new(),
                dictionaries: dictionaries.clone(),
                watch: Watch::default(),
                group: 0,
                open: None,
            };
            Arc::new(Lanes::new(parts.into_iter().map(columns).collect(), order.clone()))
        });
        Arc::clone(made)
    }
}

/// Bytes of a value of a column whose values all have as many.
const MOST_WIDTH: u64 = 16 << 20;

impl ParquetFile {
    /// Whether all that the footer says of the columns lies in the file, and is true of the rows, of which it answers the number.
    fn check_row_groups(&self) -> Result<u64> {
        let size = self.input.len();
        let metadata = self.metadata.metadata();
        let mut rows = 0_u64;
        for group in metadata.row_groups() {
            let Ok(of_group) = u64::try_from(group.num_rows()) else {
                return Err(damaged("a row group has less than no rows"));
            };
            rows = rows.saturating_add(of_group);
            // Nothing but the footer would say how many rows there are.
            if of_group > 0 && group.columns().is_empty() {
                return Err(DataError::new(
                    ErrorCode::FeatureNotSupported,
                    "Parquet files with rows and without columns cannot be read",
                ));
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
                // Of a list each row has at least that there is none.
                if column.num_values() < group.num_rows() {
                    return Err(damaged(format_args!(
                        "column \"{}\" has {} values in a row group of {of_group} rows",
                        column.column_path().string(),
                        column.num_values(),
                    )));
                }
                if width(column) > MOST_WIDTH {
                    return Err(too_much(format_args!(
                        "values of {} bytes each in column \"{}\"; at most {MOST_WIDTH} are read",
                        width(column),
                        column.column_path().string(),
                    )));
                }
            }
        }
        // Some writers leave it at 0.
        match u64::try_from(metadata.file_metadata().num_rows()) {
            Ok(said) if said != 0 && said != rows => {
                Err(damaged(format_args!("it is said to have {said} rows, and its row groups have {rows}")))
            }
            _ => Ok(rows),
        }
    }

    fn mask(&self, columns: &[usize]) -> ProjectionMask {
        let schema = self.metadata.metadata().file_metadata().schema_descr();
        ProjectionMask::roots(schema, columns.iter().copied())
    }

    /// An error of the reader's, which does not say in which of the columns it is.
    #[cold]
    fn among(&self, columns: &[usize], error: Box<DataError>) -> Box<DataError> {
        if error.code != ErrorCode::BadCopyFileFormat {
            return error;
        }
        let fields = self.metadata.schema().fields();
        let names: Vec<_> = columns.iter().map(|&column| format!("\"{}\"", fields[column].name())).collect();
        let one_of = if names.len() == 1 { "column" } else { "one of the columns" };
        // DuckDB writes differences of 33 bits of numbers that have 32.
        let is_too_wide =
            ["'min_delta' too large", "first value too large"].iter().any(|why| error.message.ends_with(why));
        let error = error.with_detail(format!("It is in {one_of} {}.", names.join(", ")));
        if !is_too_wide {
            return error;
        }
        error.with_hint("If DuckDB has written the file with PARQUET_VERSION V2, have it written anew with V1.")
    }

    /// Where the columns of a row group are, if there is one.
    fn chunks_of(&self, group: usize, mask: &ProjectionMask) -> Vec<Range<u64>> {
        let group = self.metadata.metadata().row_groups().get(group);
        let columns = group.into_iter().flat_map(|group| group.columns().iter().enumerate());
        let wanted = columns.filter(|(leaf, _)| mask.leaf_included(*leaf)).map(|(_, column)| column.byte_range());
        let mut chunks: Vec<_> = wanted.map(|(start, length)| start..start + length).collect();
        chunks.sort_unstable_by_key(|chunk| chunk.start);
        chunks
    }
}

/// How the row groups are read, which all lanes of a file do alike.
struct Plans {
    aim: usize,
    most: u64,
    /// All columns that are read.
    mask: ProjectionMask,
    grown: Arc<Grown>,
    /// Made by whoever comes to a group first.
    groups: Box<[OnceLock<Result<Planned>>]>,
}

/// How a row group is read.
struct Planned {
    /// Of a batch.
    rows: usize,
    /// Columns whose dictionaries were read to know that.
    ahead: Mutex<HashMap<usize, Pages>>,
    /// Those of them that have strings in their dictionary.
    coded: BTreeSet<usize>,
    /// What the columns are read from, and why they are not.
    input: Input,
}

impl Plans {
    fn of(&self, file: &ParquetFile, index: usize) -> Result<&Planned> {
        let Some(group) = self.groups.get(index) else { return Err(damaged("a row group is missing")) };
        let planned = group.get_or_init(|| {
            let input = Input { refused: Arc::default(), ..file.input.clone() };
            contained("Parquet", || self.plan(file, &input, index)).map_err(|error| input.refused().unwrap_or(error))
        });
        planned.as_ref().map_err(Clone::clone)
    }

    fn plan(&self, file: &ParquetFile, input: &Input, index: usize) -> Result<Planned> {
        let metadata = file.metadata.metadata();
        let group = metadata.row_group(index);
        let count = group.num_rows().unsigned_abs().max(1);
        let (mut bytes, mut told) = (0_u64, 0_u64);
        // Of a row: what it takes on the average without its strings, and the longest of these.
        let (mut fixed, mut longest) = (0_u64, 0_u64);
        let (mut ahead, mut coded, mut leaves) = (HashMap::new(), BTreeSet::new(), 0);
        for (leaf, column) in group.columns().iter().enumerate() {
            if !self.mask.leaf_included(leaf) {
                continue;
            }
            leaves += 1;
            let values = column.num_values().unsigned_abs();
            bytes = bytes.saturating_add(decoded_bytes(column));
            fixed = fixed.saturating_add(values.div_ceil(count).saturating_mul(width(column)));
            if !is_coded(column) || file.encrypted.contains(&leaf) {
                continue;
            }
            let mut pages = Pages::new(input.clone(), metadata, index, leaf, &self.grown).map_err(of_parquet)?;
            if let Some(strings) = pages.look_ahead().map_err(of_parquet)? {
                told = told.saturating_add(repeated_bytes(column, strings));
                longest = longest.saturating_add(values.div_ceil(count).saturating_mul(strings.longest));
                if strings.count > 0 {
                    coded.insert(leaf);
                }
            }
            ahead.insert(leaf, pages);
        }
        if fixed > self.most {
            let what = format_args!("rows of {fixed} bytes in a row group; at most {} are read at once", self.most);
            return Err(too_much(what).with_hint("Raise memoryLimit, if the file is not broken."));
        }
        // Strings of a dictionary may stand in each row, or in one: on the average they make a batch a few times as large at most, and in
        // no case does it take more than there is.
        let rows = rows_for(aim_of(self.aim, leaves), bytes, count)
            .min(rows_for(self.aim.saturating_mul(MOST_REPEATED), bytes.saturating_add(told), count))
            .min(rows_for(usize::try_from(self.most / 4).unwrap_or(usize::MAX), fixed.saturating_add(longest), 1));
        Ok(Planned { rows, ahead: Mutex::new(ahead), coded, input: input.clone() })
    }
}

/// Whether a column is of strings that stand in a dictionary, as far as the footer tells.
fn is_coded(column: &ColumnChunkMetaData) -> bool {
    let is_number = |encoding: Encoding| matches!(encoding, Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY);
    column.column_type() == PhysicalType::BYTE_ARRAY
        && (column.dictionary_page_offset().is_some() || column.encodings().any(is_number))
}

/// About how much a column of a row group takes when it is read, without what stands in a dictionary and comes again and again.
fn decoded_bytes(column: &ColumnChunkMetaData) -> u64 {
    let each = match column.column_type() {
        PhysicalType::BOOLEAN => 0,
        PhysicalType::INT96 => 8,
        _ => width(column),
    };
    let text = column.unencoded_byte_array_data_bytes().unwrap_or(0).unsigned_abs();
    let plain = column.num_values().unsigned_abs().saturating_mul(each).saturating_add(text);
    plain.max(column.uncompressed_size().unsigned_abs())
}

/// About how much the strings of a dictionary come to, where the footer does not tell it.
fn repeated_bytes(column: &ColumnChunkMetaData, strings: Strings) -> u64 {
    if column.unencoded_byte_array_data_bytes().is_some() {
        return 0;
    }
    column.num_values().unsigned_abs().saturating_mul(strings.each())
}

/// Some of the columns, read row group by row group.
struct Columns {
    file: Arc<ParquetFile>,
    /// By their numbers.
    selected: Vec<usize>,
    plans: Arc<Plans>,
    /// What the columns are read as, by those of them that are with their dictionaries.
    levels: HashMap<Vec<usize>, FieldLevels>,
    dictionaries: Option<Arc<Dictionaries>>,
    watch: Watch,
    /// The row group that is opened next.
    group: usize,
    open: Option<Open>,
}

/// Columns of a row group that is being read.
struct Open {
    group: usize,
    input: Input,
    reader: ParquetRecordBatchReader,
    months: Option<Again>,
    micros: Option<Again>,
    claims: Arc<Claims>,
    /// Rows that are still to come.
    left: u64,
}

fn levels_of(metadata: &ArrowReaderMetadata, mask: ProjectionMask) -> Result<FieldLevels> {
    let schema = metadata.metadata().file_metadata().schema_descr();
    parquet_to_arrow_field_levels(schema, mask, Some(metadata.schema().fields())).map_err(of_parquet)
}

impl Columns {
    /// Opens the next row group.
    fn open_group(&mut self) -> Result<Option<Open>> {
        let Self { file, selected, .. } = self;
        let metadata = Arc::clone(file.metadata.metadata());
        let Some(group) = metadata.row_groups().get(self.group) else { return Ok(None) };
        let mask = file.mask(selected);
        let keys = metadata.file_metadata().key_value_metadata();
        let is_of_arrow = keys.is_some_and(|keys| keys.iter().any(|pair| pair.key == ARROW_SCHEMA_META_KEY));
        for (leaf, column) in group.columns().iter().enumerate() {
            if mask.leaf_included(leaf) && file.encrypted.contains(&leaf) {
                return Err(is_encrypted(format_args!("column \"{}\"", column.column_path().string())));
            }
            let root = metadata.file_metadata().schema_descr().get_column_root(leaf);
            if mask.leaf_included(leaf) && super::footer::has_variant(root) {
                let message =
                    format!("column \"{}\" is or has a VARIANT of Parquet, which cannot be read", root.name());
                return Err(DataError::new(ErrorCode::FeatureNotSupported, message)
                    .with_detail(
                        "A VARIANT is kept in an encoding of its own, in which its values are no numbers and texts.",
                    )
                    .with_hint("Leave the column out of the column list, or write it as JSON."));
            }
            // The reader takes days and milliseconds of them, and would drop the months without a word. Arrow writes either.
            if mask.leaf_included(leaf)
                && column.column_descr().converted_type() == ConvertedType::INTERVAL
                && !is_of_arrow
            {
                let root = metadata.file_metadata().schema_descr().get_column_root_idx(leaf);
                if !file.intervals.as_ref().is_some_and(|intervals| intervals.contains(root)) {
                    let path = column.column_path().string();
                    let message =
                        format!("column \"{path}\" has an INTERVAL of Parquet in it, whose months cannot be read");
                    return Err(DataError::new(ErrorCode::FeatureNotSupported, message)
                        .with_hint("Leave the column out of the column list, or write it as a string."));
                }
            }
        }
        let chunks = file.chunks_of(self.group, &mask);
        file.input.access.expect(&chunks, &file.chunks_of(self.group + 1, &mask));
        let index = self.group;
        self.group += 1;
        let planned = self.plans.of(file, index)?;
        let count = group.num_rows().unsigned_abs();
        let claims = Claims::new(self.plans.most);
        let input = planned.input.clone();
        let build = |levels: &FieldLevels| {
            contained("Parquet", || {
                let group = Group {
                    input: &input,
                    metadata: &metadata,
                    index,
                    rows: planned.rows,
                    ahead: &planned.ahead,
                    claims: Arc::clone(&claims),
                    grown: &self.plans.grown,
                };
                let rows = planned.rows.min(usize::try_from(count).unwrap_or(usize::MAX));
                ParquetRecordBatchReader::try_new_with_row_groups(levels, &group, rows, None).map_err(of_parquet)
            })
            .map_err(|error| input.refused().unwrap_or(error))
        };
        let again = |read: &ArrowReaderMetadata, is_one: &dyn Fn(usize) -> bool| -> Result<Option<Again>> {
            let numbered = selected.iter().copied().enumerate();
            let (places, columns): (Vec<_>, Vec<_>) = numbered.filter(|&(_, column)| is_one(column)).unzip();
            if columns.is_empty() {
                return Ok(None);
            }
            let reader = build(&levels_of(read, file.mask(&columns))?)?;
            Ok(Some(Again { reader, places }))
        };
        let months = match &file.intervals {
            Some(intervals) => again(&intervals.months, &|column| intervals.contains(column))?,
            None => None,
        };
        let micros = match &file.instants {
            Some(instants) => again(&instants.micros, &|column| instants.contains(column))?,
            None => None,
        };
        let coded = self.dictionaries.as_ref().map_or_else(Vec::new, |dictionaries| {
            let numbered = selected.iter().copied().enumerate();
            let worthwhile: Vec<_> =
                numbered.filter(|&(place, _)| !self.watch.is_vain(place)).map(|(_, one)| one).collect();
            dictionaries.of_group(group, &worthwhile, |leaf| planned.coded.contains(&leaf))
        });
        let levels = match self.levels.entry(coded) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let with = Some(new.key()).filter(|coded| !coded.is_empty());
                let read = with.and_then(|coded| with_dictionaries(&file.metadata, coded));
                let levels = levels_of(read.as_ref().unwrap_or(&file.metadata), mask)?;
                new.insert(levels)
            }
        };
        let reader = build(levels)?;
        Ok(Some(Open { group: index, input, reader, months, micros, claims, left: count }))
    }
}

impl Strand for Columns {
    fn next(&mut self) -> Result<Option<(usize, RecordBatch)>> {
        loop {
            if self.open.is_none() {
                self.open = self.open_group()?;
            }
            let Some(Open { group, input, reader, months, micros, claims, left }) = &mut self.open else {
                return Ok(None);
            };
            claims.begin_batch();
            let next = contained("Parquet", || {
                let Some(batch) = reader.next().transpose().map_err(of_arrow)? else { return Ok(None) };
                let batch = match months {
                    None => batch,
                    Some(months) => put_months(months, &batch).map_err(of_arrow)?,
                };
                let batch = match micros {
                    None => batch,
                    Some(micros) => put_micros(micros, &batch).map_err(of_arrow)?,
                };
                let marked = self.file.marks.of_schema(batch.schema_ref(), self.selected.iter().copied());
                bytes_of_batch(batch, &marked).map(Some).map_err(of_arrow)
            });
            let next = next.map_err(|error| input.refused().unwrap_or_else(|| self.file.among(&self.selected, error)));
            match next? {
                Some(batch) => {
                    let rest = left.checked_sub(batch.num_rows() as u64);
                    *left = rest.ok_or_else(|| damaged("a row group has more rows than it says"))?;
                    if self.dictionaries.is_some() {
                        self.watch.see(*group, &batch);
                    }
                    return Ok(Some((*group, batch)));
                }
                None if *left > 0 => {
                    return Err(damaged(format_args!("a row group has {left} rows fewer than it says")));
                }
                None => self.open = None,
            }
        }
    }
}

impl Batches for ParquetInput {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn row_count(&self) -> Option<u64> {
        Some(self.file.rows)
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

    fn keep_dictionaries(&mut self) {
        self.keeps_dictionaries = true;
    }

    fn begin(&mut self) -> Result<Option<Begun>> {
        let lanes = self.lanes();
        let begun = lanes.begin(self.next)?;
        self.next += 1;
        Ok(begun)
    }

    fn bytes_read(&self) -> u64 {
        // Some bytes are read more than once: those of a page that were looked at with its header.
        self.file.input.read.load(Ordering::Relaxed).min(self.file.input.len())
    }
}

#[cold]
fn is_encrypted(what: impl std::fmt::Display) -> Box<DataError> {
    let message = format!("{what} of the Parquet file is encrypted, and cannot be read");
    DataError::new(ErrorCode::FeatureNotSupported, message)
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
pub(super) struct Input {
    access: Arc<dyn RandomAccess>,
    read: Arc<AtomicU64>,
    /// Why the last reading failed: of the errors of its input the reader keeps no more than the text.
    refused: Arc<Mutex<Option<Box<DataError>>>>,
    /// Where the column is whose pages are read, and by how much these grow; none, where it is the footer.
    column: Option<(Range<u64>, Arc<Growth>)>,
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

    /// For the pages of a column.
    pub fn of_column(&self, chunk: Range<u64>, growth: Arc<Growth>) -> Self {
        Self { column: Some((chunk, growth)), ..self.clone() }
    }

    #[cold]
    pub fn refuse(&self, error: Box<DataError>) -> io::Error {
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.clone());
        io::Error::other(error)
    }

    fn refused(&self) -> Option<Box<DataError>> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The bytes of a page's header, and some behind it, after a look at what it claims.
    fn page_head(&self, at: u64, (chunk, growth): &(Range<u64>, Arc<Growth>)) -> io::Result<Vec<u8>> {
        /// Bytes of a header; of one with long statistics more.
        const SHORT: usize = 512;
        const LONG: u64 = 16 << 20;
        let left = chunk.end.saturating_sub(at);
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
        if let Some(sum) = growth.claim(page.grown()) {
            let what = format_args!("pages of {sum} bytes at once that are hardly any when they are compressed");
            return Err(self.refuse(too_large(what)));
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
pub(super) struct From {
    input: Input,
    start: u64,
    at: u64,
    /// Read when the first byte is wanted: the reader also asks for places that it then does not read at.
    head: Option<Vec<u8>>,
}

impl Read for From {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.head.is_none() {
            let column = self.input.column.as_ref();
            self.head = Some(column.map_or(Ok(Vec::new()), |column| self.input.page_head(self.start, column))?);
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
