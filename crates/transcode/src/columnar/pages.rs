//! Pages of Parquet, looked at when they are decompressed and before the reader makes anything of them.
//!
//! The footer tells what a column takes on the average. What a batch of it takes at most only its pages tell: a row may have all values of a
//! list, a dictionary's one long string may be meant by every row, and strings may be told by what they have in common with the one before.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ::parquet::arrow::arrow_reader::RowGroups;
use ::parquet::basic::{Encoding, Type as PhysicalType};
use ::parquet::column::page::{Page, PageIterator, PageMetadata, PageReader};
use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, RowGroupMetaData};
use ::parquet::file::serialized_reader::SerializedPageReader;
use copyist_core::{DataError, ErrorCode};

use super::guard::damaged;
use super::parquet::Input;
use super::runs::{deltas, packed, runs};

type Read<T> = Result<T, ParquetError>;

/// Bytes that the values read at once may come to.
#[derive(Default)]
pub(super) struct Claims {
    most: u64,
    sums: Mutex<Sums>,
}

#[derive(Default)]
struct Sums {
    /// Of the pages that are open.
    open: u64,
    /// Of all that were since the batch began.
    batch: u64,
}

impl Claims {
    pub fn new(most: u64) -> Arc<Self> {
        Arc::new(Self { most, sums: Mutex::default() })
    }

    /// The next batch may have what is left of the pages that are open, and what follows them.
    pub fn begin_batch(&self) {
        let mut sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        sums.batch = sums.open;
    }

    /// A page took another's place. What its batch comes to so far, if that is too much.
    fn turn(&self, before: u64, now: u64) -> Option<u64> {
        let mut sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        sums.open = (sums.open - before).saturating_add(now);
        sums.batch = sums.batch.saturating_add(now);
        Some(sums.batch).filter(|&batch| batch > self.most)
    }
}

/// What pages that are open have grown by when they were decompressed, of all columns that are read.
pub(super) struct Grown {
    most: u64,
    bytes: AtomicU64,
}

impl Grown {
    pub fn new(most: u64) -> Arc<Self> {
        Arc::new(Self { most, bytes: AtomicU64::new(0) })
    }
}

/// The same of one column.
pub(super) struct Growth {
    all: Arc<Grown>,
    /// Of the page whose header has been read, and of that or the one that is open, whichever has grown by more.
    next: AtomicU64,
    most: AtomicU64,
}

impl Growth {
    fn new(all: &Arc<Grown>) -> Arc<Self> {
        Arc::new(Self { all: Arc::clone(all), next: AtomicU64::new(0), most: AtomicU64::new(0) })
    }

    /// A page is to be decompressed, which takes the place of the one that is open. What all come to then, if that is too much. Of a column
    /// within lists the header is read long before that, and the page that is open has its place until then.
    pub fn claim(&self, bytes: u64) -> Option<u64> {
        self.next.store(bytes, Ordering::Relaxed);
        let more = bytes.saturating_sub(self.most.fetch_max(bytes, Ordering::Relaxed));
        let sum = self.all.bytes.fetch_add(more, Ordering::Relaxed).saturating_add(more);
        Some(sum).filter(|&sum| sum > self.all.most)
    }

    /// It has been.
    fn turn(&self) {
        let now = self.next.swap(0, Ordering::Relaxed);
        let before = self.most.swap(now, Ordering::Relaxed);
        self.all.bytes.fetch_sub(before.saturating_sub(now), Ordering::Relaxed);
    }
}

impl Drop for Growth {
    fn drop(&mut self) {
        self.all.bytes.fetch_sub(*self.most.get_mut(), Ordering::Relaxed);
    }
}

/// The pages of a column's part of a row group.
pub(super) struct Pages {
    inner: SerializedPageReader<Input>,
    input: Input,
    name: String,
    /// The row group, counted from 0.
    group: usize,
    /// Bytes of a value, without those of strings.
    width: u64,
    /// How its values repeat and are missing, of values within others.
    levels: (i16, i16),
    kind: PhysicalType,
    /// Read before it was asked for.
    ahead: Option<Page>,
    has_begun: bool,
    /// The strings of the dictionary, and of a column within lists the length of each.
    dictionary: Strings,
    lengths: Vec<u32>,
    /// Rows of a batch.
    rows: usize,
    claims: Arc<Claims>,
    claim: u64,
    growth: Arc<Growth>,
}

/// How long strings are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Strings {
    pub count: u64,
    pub bytes: u64,
    pub longest: u64,
}

impl Strings {
    /// Of those in a dictionary; None where it ends too early.
    fn of(mut bytes: &[u8], count: u32, each: &mut dyn FnMut(u32)) -> Option<Self> {
        let mut found = Self { count: count.into(), ..Self::default() };
        for _ in 0..count {
            let (length, rest) = bytes.split_first_chunk::<4>()?;
            let length = u32::from_le_bytes(*length);
            bytes = rest.get(length as usize..)?;
            found.bytes += u64::from(length);
            found.longest = found.longest.max(length.into());
            each(length);
        }
        Some(found)
    }

    /// On the average, rounded up.
    pub fn each(&self) -> u64 {
        self.bytes.div_ceil(self.count.max(1))
    }
}

/// Bytes of a value, without those of strings.
pub(super) fn width(column: &ColumnChunkMetaData) -> u64 {
    match column.column_type() {
        PhysicalType::BOOLEAN => 1,
        PhysicalType::INT32 | PhysicalType::FLOAT => 4,
        PhysicalType::INT64 | PhysicalType::DOUBLE => 8,
        PhysicalType::INT96 => 12,
        // Where each of them ends.
        PhysicalType::BYTE_ARRAY => 4,
        PhysicalType::FIXED_LEN_BYTE_ARRAY => column.column_descr().type_length().max(1).unsigned_abs().into(),
    }
}

impl Pages {
    pub fn new(input: Input, metadata: &ParquetMetaData, group: usize, leaf: usize, grown: &Arc<Grown>) -> Read<Self> {
        let index = group;
        let group = metadata.row_group(index);
        let column = group.columns().get(leaf).ok_or_else(|| ParquetError::General(format!("no column {leaf}")))?;
        let (start, length) = column.byte_range();
        let growth = Growth::new(grown);
        let input = input.of_column(start..start.saturating_add(length), Arc::clone(&growth));
        let rows = usize::try_from(group.num_rows())?;
        let descr = column.column_descr();
        Ok(Self {
            inner: SerializedPageReader::new(Arc::new(input.clone()), column, rows, None)?,
            input,
            name: column.column_path().string(),
            group: index,
            width: width(column),
            levels: (descr.max_rep_level(), descr.max_def_level()),
            kind: column.column_type(),
            ahead: None,
            has_begun: false,
            dictionary: Strings::default(),
            lengths: Vec::new(),
            rows: usize::MAX,
            claims: Arc::default(),
            claim: 0,
            growth,
        })
    }

    /// Reads the dictionary, if there is one of strings, before it is asked for.
    pub fn look_ahead(&mut self) -> Read<Option<Strings>> {
        let page = self.read()?;
        let Some(page @ Page::DictionaryPage { .. }) = page else {
            self.ahead = page;
            return Ok(None);
        };
        self.ahead = Some(self.check(page)?);
        Ok(Some(self.dictionary))
    }

    fn read(&mut self) -> Read<Option<Page>> {
        let page = self.inner.get_next_page().map_err(|error| self.place(error))?;
        self.growth.turn();
        Ok(page)
    }

    /// Whether the rows of a batch are known by now.
    fn ahead_is_due(&self) -> bool {
        self.rows < usize::MAX
    }

    #[cold]
    fn refuse(&self, error: Box<DataError>) -> ParquetError {
        self.input.refuse(error).into()
    }

    /// Says of a page that cannot be read, or is not what its checksum is of, where it is.
    #[cold]
    fn place(&self, error: ParquetError) -> ParquetError {
        let (ParquetError::General(why) | ParquetError::EOF(why)) = error else { return error };
        let Self { name, group, .. } = self;
        let what = format_args!("a page of column \"{name}\" in row group {} cannot be read: {why}", group + 1);
        self.refuse(damaged(what).with_hint("Copy the file again, or have it written anew."))
    }

    fn check(&mut self, page: Page) -> Read<Page> {
        if self.kind == PhysicalType::INT96 {
            self.check_days(&page)?;
        }
        if let Page::DictionaryPage { buf, num_values, .. } = &page {
            let (count, is_strings) = (*num_values, self.kind == PhysicalType::BYTE_ARRAY);
            let (is_repeated, lengths) = (self.levels.0 > 0, &mut self.lengths);
            let mut keep = |length| {
                if is_repeated {
                    lengths.push(length);
                }
            };
            let strings = if is_strings { Strings::of(buf, count, &mut keep) } else { Some(Strings::default()) };
            // The reader makes room for as many as there are said to be.
            let least = if is_strings || self.kind == PhysicalType::BOOLEAN { 0 } else { self.width };
            let strings = strings.filter(|_| u64::from(count).saturating_mul(least) <= buf.len() as u64);
            let Some(strings) = strings else {
                return Err(self.refuse(damaged("a dictionary has fewer values than it says")));
            };
            if std::mem::replace(&mut self.has_begun, true) {
                return Err(self.refuse(damaged("a dictionary is not what its column begins with")));
            }
            // Where the footer knows of no dictionary, the rows of a batch were chosen without it.
            let most = strings.longest.saturating_mul(self.rows as u64);
            if self.ahead_is_due() && most > self.claims.most {
                let what = format_args!("strings in a dictionary of column \"{}\" that it does not tell of", self.name);
                return Err(self.refuse(too_large(what)));
            }
            self.dictionary = strings;
            return Ok(page);
        }
        self.has_begun = true;
        let claim = self.claim_of(&page)?;
        let before = std::mem::replace(&mut self.claim, claim);
        if let Some(sum) = self.claims.turn(before, claim) {
            let what = format_args!("values of column \"{}\" of {sum} bytes in a few rows", self.name);
            return Err(self.refuse(too_large(what)));
        }
        Ok(page)
    }

    /// The reader's microseconds wrap around beyond the days that 64 bits have them of.
    fn check_days(&self, page: &Page) -> Read<()> {
        const EPOCH: i64 = 2_440_588;
        const MOST: i64 = i64::MAX / 86_400_000_000 - 1;
        let parts = Parts::of(page, self.levels);
        let values = match (page, &parts) {
            (Page::DictionaryPage { buf, .. }, _) => buf,
            (_, Some(Parts { values, encoding: Encoding::PLAIN, .. })) => *values,
            _ => return Ok(()),
        };
        let day = |value: &[u8]| value.last_chunk().map(|&day| i64::from(i32::from_le_bytes(day)) - EPOCH);
        let far = values.chunks_exact(12).filter_map(day).find(|days| days.abs() > MOST);
        let Some(days) = far else { return Ok(()) };
        let message = format!("column \"{}\" has an INT96 timestamp of a day that is {days} days from 1970", self.name);
        Err(self.refuse(
            DataError::new(ErrorCode::DatetimeFieldOverflow, message)
                .with_detail(format!("Microseconds of 64 bits have no days beyond {MOST}."))
                .with_hint("Leave the column out of the column list, or have it written anew without that value."),
        ))
    }

    /// What the values of a page may add to a batch, beyond what the number of its rows is chosen by.
    fn claim_of(&self, page: &Page) -> Read<u64> {
        let parts = Parts::of(page, self.levels);
        let (count, encoding) = (u64::from(page.num_values()), page.encoding());
        let is_repeated = self.levels.0 > 0;
        let mut claim = 0;
        // Bytes that all the strings have, and the longest.
        let mut strings = (0, 0);
        let is_of_bytes = matches!(self.kind, PhysicalType::BYTE_ARRAY | PhysicalType::FIXED_LEN_BYTE_ARRAY);
        match encoding {
            Encoding::DELTA_LENGTH_BYTE_ARRAY | Encoding::DELTA_BYTE_ARRAY if is_of_bytes => {
                // The reader makes room for all lengths when it opens the page.
                let lengths = parts.as_ref().and_then(|parts| parts.lengths(encoding, count));
                let Some((each, sum, longest)) = lengths else {
                    return Err(self.refuse(damaged("the lengths of strings in a page cannot be read")));
                };
                claim = count.saturating_mul(each);
                strings = (sum, longest);
            }
            Encoding::PLAIN_DICTIONARY | Encoding::RLE_DICTIONARY if is_repeated => {
                let Strings { longest, .. } = self.dictionary;
                strings = (count.saturating_mul(longest), longest);
            }
            _ => {}
        }
        if is_repeated {
            // With the levels of each.
            let all = count.saturating_mul(self.width + 4).saturating_add(strings.0);
            claim += if all <= self.claims.most / 16 { all } else { self.claim_of_rows(parts.as_ref(), count, all) };
        } else if encoding == Encoding::DELTA_BYTE_ARRAY {
            claim += strings.0.min(strings.1.saturating_mul(self.rows as u64));
        }
        Ok(claim)
    }

    /// The same of a page with many values: as many as the rows of a batch have at most.
    #[cold]
    fn claim_of_rows(&self, parts: Option<&Parts<'_>>, count: u64, all: u64) -> u64 {
        let Some(parts) = parts else { return all };
        let longest = parts.longest_record(self.levels.0, count as usize).unwrap_or(count);
        let values = longest.saturating_mul(self.rows as u64).min(count);
        let mut all = all;
        if let Encoding::PLAIN_DICTIONARY | Encoding::RLE_DICTIONARY = parts.encoding
            && let Some((&bits, keys)) = parts.values.split_first()
        {
            // Which of them it has, is worth a look now. There are fewer where some are missing.
            all = count.saturating_mul(self.width + 4);
            let mut see = |key: u64, times: usize| {
                let length = usize::try_from(key).ok().and_then(|key| self.lengths.get(key)).copied().unwrap_or(0);
                all = all.saturating_add(u64::from(length).saturating_mul(times as u64));
            };
            let _ended = runs(keys, u32::from(bits).min(32), count as usize, &mut see);
        }
        (u128::from(all) * u128::from(values) / u128::from(count.max(1))) as u64
    }
}

#[cold]
pub(super) fn too_large(what: impl std::fmt::Display) -> Box<DataError> {
    DataError::new(ErrorCode::ProgramLimitExceeded, format!("the Parquet file has {what}"))
        .with_hint("Raise memoryLimit, if the file is not broken.")
}

/// What a page with data has in it.
struct Parts<'a> {
    /// How the values repeat; whether that is told in runs.
    repetitions: &'a [u8],
    has_runs: bool,
    values: &'a [u8],
    encoding: Encoding,
}

impl<'a> Parts<'a> {
    /// None where it ends too early.
    fn of(page: &'a Page, (most_repeated, most_defined): (i16, i16)) -> Option<Self> {
        match page {
            Page::DataPage { buf, num_values, encoding, rep_level_encoding, def_level_encoding, .. } => {
                let level = |bytes: &'a [u8], encoding: Encoding, most: i16| -> Option<(&'a [u8], &'a [u8])> {
                    if most <= 0 {
                        return Some((&[], bytes));
                    }
                    if encoding == Encoding::RLE {
                        let (length, rest) = bytes.split_first_chunk::<4>()?;
                        return rest.split_at_checked(usize::try_from(i32::from_le_bytes(*length)).ok()?);
                    }
                    bytes.split_at_checked((*num_values as usize).checked_mul(bits_of(most) as usize)?.div_ceil(8))
                };
                let (repetitions, rest) = level(buf, *rep_level_encoding, most_repeated)?;
                let (_, values) = level(rest, *def_level_encoding, most_defined)?;
                let has_runs = *rep_level_encoding == Encoding::RLE;
                Some(Self { repetitions, has_runs, values, encoding: *encoding })
            }
            Page::DataPageV2 { buf, encoding, def_levels_byte_len, rep_levels_byte_len, .. } => {
                let (repetitions, rest) = buf.split_at_checked(*rep_levels_byte_len as usize)?;
                let values = rest.get(*def_levels_byte_len as usize..)?;
                Some(Self { repetitions, has_runs: true, values, encoding: *encoding })
            }
            Page::DictionaryPage { .. } => None,
        }
    }

    /// Of strings whose lengths are differences: bytes that each length takes, those of all strings, and of the longest.
    fn lengths(&self, encoding: Encoding, most: u64) -> Option<(u64, u64, u64)> {
        // A page of NULLs need not have any.
        if self.values.is_empty() {
            return Some((0, 0, 0));
        }
        let first = deltas(self.values, most)?;
        if encoding == Encoding::DELTA_LENGTH_BYTE_ARRAY {
            return Some((4, first.sum, first.largest));
        }
        let second = deltas(self.values.get(first.end..)?, most)?;
        (first.count == second.count).then_some(())?;
        Some((8, first.sum.saturating_add(second.sum), first.largest.saturating_add(second.largest)))
    }

    /// Values of the row that has most of them here.
    fn longest_record(&self, most_repeated: i16, count: usize) -> Option<u64> {
        let (mut longest, mut current) = (0, 0);
        let mut see = |level: u64, times: usize| {
            if level == 0 {
                longest = longest.max(current);
                current = 1;
            } else {
                current += times as u64;
            }
        };
        let width = bits_of(most_repeated);
        if self.has_runs {
            runs(self.repetitions, width, count, &mut see)?;
        } else {
            packed(self.repetitions, width, count, &mut see)?;
        }
        Some(longest.max(current))
    }
}

fn bits_of(most: i16) -> u32 {
    u16::BITS - most.unsigned_abs().leading_zeros()
}

impl Iterator for Pages {
    type Item = Read<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

impl PageReader for Pages {
    fn get_next_page(&mut self) -> Read<Option<Page>> {
        match self.ahead.take() {
            // It has been looked at.
            Some(page @ Page::DictionaryPage { .. }) => Ok(Some(page)),
            Some(page) => self.check(page).map(Some),
            None => {
                let page = self.read()?;
                page.map(|page| self.check(page)).transpose()
            }
        }
    }

    fn peek_next_page(&mut self) -> Read<Option<PageMetadata>> {
        if let Some(page) = &self.ahead {
            let is_dict = matches!(page, Page::DictionaryPage { .. });
            let num_levels = (!is_dict).then_some(page.num_values() as usize);
            return Ok(Some(PageMetadata { num_rows: None, num_levels, is_dict }));
        }
        self.inner.peek_next_page()
    }

    /// Pages of the second version are to begin with a row, and some that were written (by arrow-go, before its version 18.8) do not: as of the
    /// first one, a row ends only where another one begins.
    fn at_record_boundary(&mut self) -> Read<bool> {
        Ok(self.peek_next_page()?.is_none())
    }

    fn skip_next_page(&mut self) -> Read<()> {
        match self.ahead.take() {
            Some(_) => Ok(()),
            None => self.inner.skip_next_page(),
        }
    }
}

/// A row group, as the reader asks for its columns.
pub(super) struct Group<'a> {
    pub input: &'a Input,
    pub metadata: &'a ParquetMetaData,
    pub index: usize,
    /// Rows of a batch.
    pub rows: usize,
    /// Whose dictionaries have been read.
    pub ahead: &'a Mutex<HashMap<usize, Pages>>,
    pub claims: Arc<Claims>,
    pub grown: &'a Arc<Grown>,
}

impl RowGroups for Group<'_> {
    fn num_rows(&self) -> usize {
        usize::try_from(self.metadata.row_group(self.index).num_rows()).unwrap_or(0)
    }

    fn column_chunks(&self, leaf: usize) -> Read<Box<dyn PageIterator>> {
        let known = self.ahead.lock().unwrap_or_else(PoisonError::into_inner).remove(&leaf);
        let mut pages = match known {
            Some(pages) => pages,
            None => Pages::new(self.input.clone(), self.metadata, self.index, leaf, self.grown)?,
        };
        pages.rows = self.rows;
        pages.claims = Arc::clone(&self.claims);
        Ok(Box::new(Once(Some(pages))))
    }

    fn row_groups(&self) -> Box<dyn Iterator<Item = &RowGroupMetaData> + '_> {
        Box::new(std::iter::once(self.metadata.row_group(self.index)))
    }

    fn metadata(&self) -> &ParquetMetaData {
        self.metadata
    }
}

struct Once(Option<Pages>);

impl Iterator for Once {
    type Item = Read<Box<dyn PageReader>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.take().map(|pages| Ok(Box::new(pages) as Box<dyn PageReader>))
    }
}

impl PageIterator for Once {}
