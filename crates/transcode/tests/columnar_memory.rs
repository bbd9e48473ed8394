//! What a file takes of memory, however large it is or claims to be.
#![cfg(feature = "columnar")]
#![allow(clippy::unwrap_used, reason = "a helper of tests that fails them")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arrow_array::builder::{Float32Builder, ListBuilder, StringBuilder};
use arrow_array::{
    Array, ArrayRef, DictionaryArray, Int8Array, Int16Array, Int64Array, ListArray, RecordBatch, StringArray,
    StructArray,
};
use arrow_buffer::OffsetBuffer;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{DataType, Field};
use copyist_core::{ErrorCode, Result};
use copyist_transcode::LocalFile;
use copyist_transcode::columnar::{ArrowInput, Batches, ParquetInput, RandomAccess};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};

/// Counts bytes that are allocated, and how many there were at most.
struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: everything is passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        MOST.fetch_max(now, Ordering::Relaxed);
        // SAFETY: the caller keeps the rules of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the rules of `dealloc`.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// What is allocated while `run` runs, at most; one at a time.
fn peak<T>(run: impl FnOnce() -> T) -> (usize, T) {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let before = NOW.load(Ordering::Relaxed);
    MOST.store(before, Ordering::Relaxed);
    let done = run();
    (MOST.load(Ordering::Relaxed).saturating_sub(before), done)
}

fn drain(mut input: impl Batches, aim: usize) -> Result<u64> {
    input.aim_for(aim);
    let mut rows = 0;
    while let Some(batch) = input.next()? {
        rows += batch.num_rows() as u64;
    }
    Ok(rows)
}

/// The same on several threads, of which each claims rows and then reads what is left of them.
fn drain_on(threads: usize, mut input: ParquetInput, aim: usize) -> u64 {
    input.aim_for(aim);
    let input = Mutex::new(input);
    let rows = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let begun = input.lock().unwrap().begin().unwrap();
                    let Some(begun) = begun else { return };
                    rows.fetch_add(begun.finish().unwrap().num_rows(), Ordering::Relaxed);
                }
            });
        }
    });
    rows.into_inner() as u64
}

#[test]
fn a_row_group_of_any_size_takes_a_page_of_each_column_and_a_batch() {
    const ROWS: i64 = 2_000_000;
    let path = std::env::temp_dir().join(format!("copyist-row-group-{}.parquet", std::process::id()));
    let batch = |from: i64| {
        let numbers: Int64Array =
            (from..from + 10_000).map(|n| n.wrapping_mul(0x9E37_79B9_7F4A_7C15_u64.cast_signed())).collect();
        let texts: StringArray = (from..from + 10_000).map(|n| Some(format!("a text of its own, {n}"))).collect();
        RecordBatch::try_from_iter([("n", Arc::new(numbers) as ArrayRef), ("t", Arc::new(texts) as ArrayRef)]).unwrap()
    };
    // Whoever measures at the same time is not to be told of what is written.
    let (_, groups) = peak(|| {
        let file = File::create(&path).unwrap();
        let properties = WriterProperties::builder().set_max_row_group_row_count(None).build();
        let mut writer = ArrowWriter::try_new(file, batch(0).schema(), Some(properties)).unwrap();
        (0..ROWS / 10_000).for_each(|part| writer.write(&batch(part * 10_000)).unwrap());
        writer.close().unwrap().row_groups().len()
    });
    assert_eq!(groups, 1);
    let size = fs::metadata(&path).unwrap().len();
    assert!(size > 60 << 20, "{size}");
    let (most, rows) = peak(|| {
        let access: Arc<dyn RandomAccess> = Arc::new(LocalFile::open(&path, "").unwrap());
        drain(ParquetInput::open(access).unwrap(), 1 << 20).unwrap()
    });
    let (most_on_four, rows_on_four) = peak(|| {
        let access: Arc<dyn RandomAccess> = Arc::new(LocalFile::open(&path, "").unwrap());
        drain_on(4, ParquetInput::open(access).unwrap(), 1 << 20)
    });
    fs::remove_file(&path).unwrap();
    assert_eq!(rows, ROWS.unsigned_abs());
    assert_eq!(rows_on_four, rows);
    // A batch more for each thread more, and as much again while it grows.
    assert!(most_on_four < most + 3 * (2 << 20), "{most_on_four} bytes instead of {most}");
    println!("{} KiB for {} KiB", most >> 10, size >> 10);
    // Two columns with a page of 1 MiB and a dictionary of 1 MiB each, these decompressed and as they were, and a batch of 1 MiB.
    assert!(most < 12 << 20, "{most} bytes");
}

fn files(under: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(under).unwrap().map(std::result::Result::unwrap) {
        let path = entry.path();
        if path.is_dir() { files(&path, into) } else { into.push(path) }
    }
}

#[test]
fn files_that_mean_harm_take_half_a_gigabyte_and_ten_seconds_at_most() {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora");
    if !corpora.is_dir() {
        eprintln!("SKIPPED: there is no {}", corpora.display());
        return;
    }
    let mut found = Vec::new();
    files(&corpora.join("parquet-testing"), &mut found);
    files(&corpora.join("arrow-testing"), &mut found);
    assert!(found.len() > 200, "{} files", found.len());
    for path in &found {
        for is_parquet in [true, false] {
            let started = Instant::now();
            let (most, outcome) = peak(|| {
                let access: Arc<dyn RandomAccess> = Arc::new(LocalFile::open(path, "").unwrap());
                if is_parquet {
                    ParquetInput::open(access).and_then(|input| drain(input, 1 << 20))
                } else {
                    ArrowInput::open(access).and_then(|input| drain(input, 1 << 20))
                }
            });
            let took = started.elapsed();
            let what = format!("{}: {most} bytes, {took:?}, {outcome:?}", path.display());
            assert!(most < 512 << 20, "{what}");
            assert!(took < Duration::from_secs(10), "{what}");
        }
    }
}

fn seed(name: &str) -> Arc<dyn RandomAccess> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(name);
    Arc::new(LocalFile::open(path, "").unwrap())
}

/// What reading a Parquet file of the seeds comes to, and what it takes.
fn drain_seed(name: &str, prepare: impl Fn(&mut ParquetInput)) -> (usize, std::result::Result<u64, ErrorCode>) {
    let started = Instant::now();
    let (most, outcome) = peak(|| {
        let mut input = ParquetInput::open(seed(&format!("parquet/{name}")))?;
        prepare(&mut input);
        drain(input, 1 << 20)
    });
    let took = started.elapsed();
    assert!(took < Duration::from_secs(10), "{name}: {took:?}");
    (most, outcome.map_err(|error| error.code))
}

#[test]
fn a_few_bytes_that_claim_much_are_refused_before_anything_is_made_of_them() {
    use ErrorCode::{BadCopyFileFormat as Damaged, FeatureNotSupported as Unread, ProgramLimitExceeded as TooMuch};
    for (name, code) in [
        // A row with two billion values, which are NULL, or the same number, or in many pages.
        ("list_of_nulls", TooMuch),
        ("list_of_one_number", TooMuch),
        ("wide_values", TooMuch),
        // Lengths of 2^40 strings, as differences; 2^31 values of a dictionary.
        ("lengths", Damaged),
        ("prefixes", Damaged),
        ("dictionary_count", Damaged),
        ("rows_too_many", Damaged),
        ("rows_too_few", Damaged),
        ("group_too_long", Damaged),
        ("no_columns", Unread),
    ] {
        let (most, outcome) = drain_seed(name, |_| ());
        assert_eq!(outcome, Err(code), "{name}");
        assert!(most < 4 << 20, "{name}: {most} bytes");
    }
    let (most, outcome) = drain_seed("list_in_pages", |input| input.bound_by(16 << 20));
    assert_eq!(outcome, Err(TooMuch));
    assert!(most < 48 << 20, "{most} bytes");
    let (_, outcome) = drain_seed("list_in_pages", |_| ());
    assert_eq!(outcome, Ok(1));
}

#[test]
fn strings_that_are_in_the_file_once_are_read_a_few_at_a_time() {
    for keeps in [false, true] {
        let (most, outcome) = drain_seed("repeated_strings", |input| {
            if keeps {
                input.keep_dictionaries();
            }
        });
        assert_eq!(outcome, Ok(200_000));
        // They come to 200 MB. A batch may come to 4 times what is aimed for, and its memory doubles while it grows.
        assert!(most < 12 << 20, "{most} bytes");
    }
    let (_, first) = peak(|| {
        let mut input = ParquetInput::open(seed("parquet/repeated_strings")).unwrap();
        input.keep_dictionaries();
        input.next().unwrap().unwrap().num_rows()
    });
    assert!((2_000..=4_200).contains(&first), "{first} rows");
    let (_, outcome) = drain_seed("repeated_prefixes", |_| ());
    assert_eq!(outcome, Ok(10_241));
    let (most, outcome) = drain_seed("repeated_prefixes", |input| input.bound_by(16 << 20));
    assert_eq!(outcome, Err(ErrorCode::ProgramLimitExceeded));
    assert!(most < 4 << 20, "{most} bytes");
}

#[test]
fn a_long_list_in_a_dictionary_is_read_a_few_times_at_once() {
    const ROWS: usize = 20_000;
    const LENGTH: usize = 100_000;
    let read = |is_within: bool| {
        let lengths = std::iter::repeat_n(0, 999).chain([LENGTH]);
        let item = Arc::new(Field::new_list_field(DataType::Int8, true));
        let numbers: ArrayRef = Arc::new(Int8Array::from(vec![1; LENGTH]));
        let lists = ListArray::new(item, OffsetBuffer::from_lengths(lengths), numbers, None);
        let field = Arc::new(Field::new("l", lists.data_type().clone(), true));
        let lists: ArrayRef = Arc::new(lists);
        let values = if is_within { Arc::new(StructArray::new(vec![field].into(), vec![lists], None)) } else { lists };
        let coded = DictionaryArray::new(Int16Array::from(vec![999; ROWS]), values);
        let batch = RecordBatch::try_from_iter([("l", Arc::new(coded) as ArrayRef)]).unwrap();
        let mut stream = StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
        stream.write(&batch).unwrap();
        let mut input = ArrowInput::open(Arc::new(stream.into_inner().unwrap())).unwrap();
        input.bound_by(16 << 20);
        let first = input.next().unwrap().unwrap().num_rows();
        (first, first as u64 + drain(input, 1 << 20).unwrap())
    };
    for is_within in [false, true] {
        let (_, (first, all)) = peak(|| read(is_within));
        assert!((5..=10).contains(&first), "{first} rows");
        assert_eq!(all, ROWS as u64);
    }
}

#[test]
fn a_file_that_does_not_say_how_many_rows_it_has_is_read_whole() {
    let input = ParquetInput::open(seed("parquet/rows_unknown")).unwrap();
    assert_eq!(input.row_count(), Some(2));
    assert_eq!(drain(input, 1 << 20).unwrap(), 2);
}

#[test]
fn a_page_with_many_values_of_many_rows_is_no_row_with_many_values() {
    const ROWS: usize = 6_000;
    const EACH: usize = 768;
    let read = || {
        let mut lists = ListBuilder::new(Float32Builder::new());
        for row in 0..ROWS {
            lists.values().append_slice(&[row as f32; EACH]);
            lists.append(true);
        }
        let batch = RecordBatch::try_from_iter([("v", Arc::new(lists.finish()) as ArrayRef)]).unwrap();
        // One page of 18 MB.
        let properties = WriterProperties::builder()
            .set_data_page_size_limit(1 << 30)
            .set_data_page_row_count_limit(usize::MAX)
            .set_write_batch_size(ROWS)
            .set_dictionary_enabled(false)
            .build();
        let mut bytes = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let access: Arc<dyn RandomAccess> = Arc::new(bytes);
        let mut input = ParquetInput::open(access).unwrap();
        input.bound_by(16 << 20);
        drain(input, 1 << 20).unwrap()
    };
    assert_eq!(peak(read).1, ROWS as u64);
}

#[test]
fn a_long_string_in_a_dictionary_is_not_taken_for_each_of_a_list() {
    let write = |is_long: &dyn Fn(usize) -> bool| -> Arc<dyn RandomAccess> {
        let mut lists = ListBuilder::new(StringBuilder::new());
        let long = "x".repeat(2_000);
        (0..200_000).for_each(|item| lists.values().append_value(if is_long(item) { &long } else { "a" }));
        lists.append(true);
        let batch = RecordBatch::try_from_iter([("v", Arc::new(lists.finish()) as ArrayRef)]).unwrap();
        let mut bytes = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        Arc::new(bytes)
    };
    let read = |access| {
        let mut input = ParquetInput::open(access).unwrap();
        input.bound_by(16 << 20);
        drain(input, 1 << 20).map_err(|error| error.code)
    };
    assert_eq!(peak(|| read(write(&|item| item == 77))).1, Ok(1));
    assert_eq!(peak(|| read(write(&|item| item % 2 == 0))).1, Err(ErrorCode::ProgramLimitExceeded));
}

#[test]
fn a_page_is_bounded_by_memory_and_not_by_how_well_it_is_compressed() {
    const LENGTH: usize = 48 << 20;
    // It takes memory, too, of which nobody is to be told.
    let (_, bytes) = peak(|| {
        let texts: ArrayRef = Arc::new(StringArray::from(vec![None, Some("x".repeat(LENGTH).as_str()), Some("y")]));
        let batch = RecordBatch::try_from_iter_with_nullable([("v", texts, true)]).unwrap();
        let properties = WriterProperties::builder()
            .set_dictionary_enabled(false)
            .set_statistics_enabled(EnabledStatistics::None)
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .build();
        let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        Arc::new(writer.into_inner().unwrap())
    });
    assert!(bytes.len() < LENGTH / 8000, "{}", bytes.len());
    let read = |most| {
        let mut input = ParquetInput::open(Arc::clone(&bytes) as Arc<dyn RandomAccess>).unwrap();
        input.bound_by(most);
        peak(|| drain(input, 1 << 20))
    };
    let (_, outcome) = read(64 << 20);
    assert_eq!(outcome.map_err(|error| error.code), Ok(3));
    // Before it is decompressed, with what to do.
    let (most, outcome) = read(32 << 20);
    let error = outcome.unwrap_err();
    assert_eq!(error.code, ErrorCode::ProgramLimitExceeded);
    assert_eq!(error.hint.as_deref(), Some("Raise memoryLimit, if the file is not broken."));
    assert!(most < 4 << 20, "{most} bytes");
}

#[test]
fn a_page_that_takes_the_place_of_another_is_not_counted_beside_it() {
    const LENGTH: usize = 6 << 20;
    let (_, bytes) = peak(|| {
        let text = "x".repeat(LENGTH);
        let texts: ArrayRef = Arc::new(StringArray::from(vec![text.as_str(); 3]));
        let mut lists = ListBuilder::new(StringBuilder::new());
        for _ in 0..3 {
            lists.values().append_value(&text);
            lists.append(true);
        }
        let lists: ArrayRef = Arc::new(lists.finish());
        let batch = RecordBatch::try_from_iter([("l", lists), ("t", texts)]).unwrap();
        // A page of each value.
        let properties = WriterProperties::builder()
            .set_dictionary_enabled(false)
            .set_statistics_enabled(EnabledStatistics::None)
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_write_batch_size(1)
            .set_data_page_size_limit(1)
            .build();
        let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        Arc::new(writer.into_inner().unwrap())
    });
    let read = |most| {
        let mut input = ParquetInput::open(Arc::clone(&bytes) as Arc<dyn RandomAccess>).unwrap();
        input.bound_by(most);
        peak(|| drain(input, 1 << 20).map_err(|error| error.code)).1
    };
    // Two of them are open, and the header of the next one of the list has been read.
    assert_eq!(read(LENGTH * 5 / 2), Ok(3));
    assert_eq!(read(LENGTH * 3 / 2), Err(ErrorCode::ProgramLimitExceeded));
}
