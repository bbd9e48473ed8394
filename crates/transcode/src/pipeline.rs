//! Threads, the window of chunks in flight, and the order of the output.
//!
//! A worker takes a permit (a chunk's place in the window), then claims the next tile from the splitter, decodes and
//! encodes it, and puts the result under the tile's number. The consumer takes results in that order. A permit comes back
//! when the consumer recycles the chunk, so memory is bounded by permits × chunk size. Permits are taken before tiles are
//! claimed: the tile everybody waits for always has one, so the window cannot lock up.
//!
//! Inputs smaller than a tile are taken several at a time: they share a tile's number, a permit and a chunk.

use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use copyist_core::{DataError, ErrorCode};
use copyist_encoding::Encoding;
#[cfg(feature = "columnar")]
use copyist_format::Shown;
use copyist_format::infer::ColumnGuess;
use copyist_format::{About, Decoder, Fault, Plan, RecordPlace, Refusal, Tile, duckdb, pgbinary, text};
use copyist_scan::Eol;

#[cfg(feature = "columnar")]
use copyist_format::arrow::{BatchDecoder, row_text};

use crate::chunk::{Chunk, ChunkData};
#[cfg(feature = "columnar")]
use crate::columnar::bytes_of;
#[cfg(feature = "columnar")]
use crate::dictionary::{Dictionaries, Known};
use crate::failure::Failure;
#[cfg(feature = "columnar")]
use crate::locate::{ColumnarSpan, RowText};
use crate::locate::{Lines, Location, Recent, Span};
use crate::reject::{self, Reject};
use crate::source::{Input, Source};
#[cfg(feature = "columnar")]
use crate::splitter::ClaimedBatch;
use crate::splitter::{MOST_KEPT, Reading, Splitter};
#[cfg(feature = "columnar")]
use crate::values::{Ipc, joined, taken_over, write_values};

/// What is made of the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sink {
    /// CopyData messages of a binary COPY stream, its header and trailer included.
    PgBinary,
    /// CopyData messages of a TEXT COPY stream.
    PgText,
    /// DuckDB vectors.
    Duckdb,
    /// Arrow record batches.
    Arrow,
    /// The same in the bytes of Arrow's IPC format.
    Ipc,
    /// What a program has arrays of.
    Values,
    /// Nothing: every value is looked at to prove its column's type.
    Infer,
}

impl Sink {
    /// Whether someone may ask where a row is that was handed out.
    const fn has_places(self) -> bool {
        matches!(self, Self::PgText | Self::PgBinary | Self::Duckdb | Self::Values)
    }
}

/// Bounds on threads and memory.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Decoding threads, at least 1.
    pub threads: usize,
    /// Bytes of input a tile aims for.
    pub tile_size: usize,
    /// Chunks in flight: being made, waiting, or with the consumer.
    pub window: usize,
    /// Bytes of the longest record.
    pub max_record: usize,
    /// Bytes of chunks in flight above which no further tile is begun.
    pub max_bytes: usize,
    /// Refused records that are told; others are only counted.
    pub max_rejects: u64,
}

/// A load to start.
pub struct Specification {
    pub plan: Arc<Plan>,
    pub sink: Sink,
    /// What is read, one after the other; at least one.
    pub inputs: Vec<Input>,
    /// Of several inputs with a header each: their fields may stand in different orders.
    pub maps_by_name: bool,
    /// The relation's name in CONTEXT lines.
    pub table: String,
    pub limits: Limits,
    /// Binary COPY: whether the chunks are one stream, with its header and trailer.
    pub is_framed: bool,
    /// Whether the bytes of rows can be asked for.
    pub keeps_records: bool,
    /// Called from any thread when `try_next` has news.
    pub on_ready: Box<dyn Fn() + Send + Sync>,
}

/// What `try_next` found.
#[derive(Debug)]
pub enum Next {
    Chunk(Chunk),
    /// Many records were refused; [`Load::take_rejects`] must be called for there to be more.
    Rejects,
    /// Not yet; `on_ready` will be called.
    Pending,
    End,
    Failed(Box<Failure>),
}

/// How far a load is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counters {
    pub bytes_read: u64,
    /// Rows handed out and refused.
    pub rows_read: u64,
    pub header_lines: u64,
    /// Lines passed over before the first record.
    pub lines_skipped: u64,
    pub rows_refused: u64,
    /// Records that do not meet the conditions, which are not among those.
    pub rows_passed_over: u64,
    /// Empty lines that were passed over; they are no records.
    pub blank_lines: u64,
    /// Rows with a value that was refused and replaced.
    pub rows_mended: u64,
    /// Bytes that were part of no character and were replaced.
    pub bytes_replaced: u64,
    /// What the input is in, if it is not UTF-8: of UTF-16 in which byte order, once that is known.
    pub encoding: Option<Encoding>,
}

/// How far one of the inputs is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileCounters {
    pub bytes_read: u64,
    /// Rows handed out and refused.
    pub rows_read: u64,
    pub header_lines: u64,
    pub lines_skipped: u64,
    pub rows_refused: u64,
    pub rows_passed_over: u64,
    pub blank_lines: u64,
    pub rows_mended: u64,
    pub bytes_replaced: u64,
}

/// The end of a load.
pub struct Summary {
    pub counters: Counters,
    pub files: Vec<FileCounters>,
    /// As [`Load::about`].
    pub about: Vec<Option<About>>,
    fields: Vec<Option<Vec<String>>>,
    recent: Recent,
}

impl Summary {
    /// As [`Load::locate`].
    #[must_use]
    pub fn locate(&self, row: u64) -> Option<Location> {
        self.recent.locate(row)
    }

    /// As [`Load::record`].
    #[must_use]
    pub fn record(&self, row: u64) -> Option<Vec<u8>> {
        self.recent.record(row)
    }

    /// As [`Load::fields_of`].
    #[must_use]
    pub fn fields_of(&self, file: u32) -> Option<Vec<String>> {
        self.fields.get(file as usize)?.clone()
    }
}

/// The result of the tiles that share a number.
#[derive(Default)]
struct Done {
    chunk: Option<ChunkData>,
    rows: u64,
    parts: Vec<Part>,
}

/// One tile's result.
struct Part {
    file: u32,
    rows: u64,
    header_lines: u64,
    lines: u64,
    byte_offset: u64,
    /// Bytes of the tile as it was read.
    len: u64,
    fault: Option<Fault>,
    ended: bool,
    span: Option<Span>,
    refusals: Vec<Refusal>,
    /// Rows with a value that was replaced, as far as they are told.
    mendings: Vec<Refusal>,
    passed_over: u64,
    blank_lines: u64,
    mended: u64,
    replaced: u64,
    /// Its rows came in columns: they are counted in place of lines and bytes.
    is_columnar: bool,
}

impl Done {
    /// About how much memory the refusals take.
    fn refusal_bytes(&self) -> usize {
        self.parts.iter().flat_map(|part| part.refusals.iter().chain(&part.mendings)).map(reject::bytes_of).sum()
    }

    /// Whether nothing is read behind it: in all inputs, or in that of the last part.
    fn is_end(&self) -> bool {
        self.parts.last().is_some_and(|part| part.fault.is_some() || part.ended)
    }
}

#[derive(Default)]
struct State {
    /// Results not yet consumed, by tile number.
    done: HashMap<u64, Result<Done, Failure>>,
    next: u64,
    /// Tiles in the input, once known.
    total: Option<u64>,
    permits: usize,
    /// Chunks made and not yet given back, and their bytes.
    in_flight: usize,
    bytes: usize,
    /// Bytes of refusals in `done`.
    refusal_bytes: usize,
    pool: Vec<Vec<u8>>,
    rows: u64,
    /// The input whose records come next, and lines of it that have gone by.
    file: u32,
    lines: u64,
    /// Bytes of all records that have gone by.
    position: u64,
    /// An input whose data ended before it did: what else was read of it is dropped.
    cut: Option<u32>,
    files: Vec<FileCounters>,
    header_lines: u64,
    refused: u64,
    passed_over: u64,
    blank_lines: u64,
    mended: u64,
    replaced: u64,
    /// Refused records that nobody has taken yet, how many have ever been there, and their bytes.
    rejects: VecDeque<Reject>,
    told: u64,
    reject_bytes: usize,
    recent: Recent,
    trailer_due: bool,
    /// An error that comes after the rows already handed out.
    failure: Option<Box<Failure>>,
    finished: bool,
    guesses: Vec<ColumnGuess>,
    workers: usize,
    /// Workers that hold a permit, and how many may.
    busy: usize,
    most_busy: usize,
    /// Who sleeps (there is one consumer). To wake nobody is a system call all the same, and there are several occasions a tile.
    idle_workers: usize,
    is_awaited: bool,
}

/// Numbers of records and lines, which go from tile to tile in the order of the input: a tile is decoded before it is known how many records
/// come before it, and encoded after that.
#[derive(Default)]
struct Numbering {
    /// The tile whose turn it is.
    next: u64,
    before: Before,
    /// The input of the tile before.
    file: u32,
    /// A tile before it will never have its turn.
    is_broken: bool,
    /// An input whose data ended before it did: records that were read behind that have no numbers.
    cut: Option<u32>,
}

/// What comes before a tile.
#[derive(Clone, Copy, Default)]
struct Before {
    /// Records with numbers, in all inputs.
    records: u64,
    /// Lines of its input, or rows where these come in columns.
    lines: u64,
}

struct Shared {
    plan: Arc<Plan>,
    sink: Sink,
    #[cfg(feature = "columnar")]
    dictionaries: Dictionaries,
    table: String,
    splitter: Mutex<Splitter>,
    state: Mutex<State>,
    /// Held by nobody who waits for another lock.
    numbering: Mutex<Numbering>,
    /// A tile has its numbers, or everything stops.
    numbered: Condvar,
    /// A permit came back, or everything stops.
    window: Condvar,
    /// A result came, or everything stops.
    results: Condvar,
    cancelled: AtomicBool,
    bytes_read: AtomicU64,
    readings: Arc<Mutex<Vec<Reading>>>,
    /// Inputs.
    files: usize,
    encoding: OnceLock<Encoding>,
    tile_size: usize,
    max_bytes: usize,
    max_rejects: u64,
    /// As many records were told as are to be: of no others need it be found out what was replaced in them.
    is_enough_told: AtomicBool,
    is_framed: bool,
    keeps_records: bool,
    /// Results that are worth waking the consumer for: it costs both sides several microseconds.
    batch: usize,
    on_ready: Box<dyn Fn() + Send + Sync>,
}

impl State {
    fn has_next(&self) -> bool {
        self.done.contains_key(&self.next)
    }
}

/// Bytes that a batch of rows in columns may come to, however little memory there is to be: pages have a MiB or several.
#[cfg(feature = "columnar")]
const LEAST_HELD: usize = 32 << 20;

/// Results that the consumer is woken for at once, at most.
const MOST_BATCHED: usize = 4;

/// Small inputs whose tiles share a number, at most.
const MOST_JOINED: usize = 256;

/// Bytes of refused records that wait to be taken.
const MOST_REJECTS: usize = 4 << 20;

/// Bytes of refused records in results that nobody has looked at yet, above which no further tile is begun.
const MOST_REFUSALS: usize = 16 << 20;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A load in progress. Dropping it cancels it and waits for its threads.
pub struct Load {
    shared: Arc<Shared>,
    pushed: Option<Arc<crate::Pushed>>,
    /// Tell readers of other machines to stop.
    stops: Vec<Arc<dyn Fn() + Send + Sync>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Load {
    /// Starts the threads.
    #[must_use]
    pub fn start(specification: Specification) -> Self {
        let Specification { plan, sink, inputs, maps_by_name, table, limits, is_framed, keeps_records, on_ready } =
            specification;
        let files = inputs.len();
        let pushed = inputs.iter().find_map(|input| match &input.source {
            Source::Pushed(pushed) => Some(Arc::clone(pushed)),
            _ => None,
        });
        let stops = inputs.iter().filter_map(|input| input.source.stop()).collect();
        let threads = limits.threads.max(1);
        let state = State {
            permits: limits.window.max(threads + 1),
            trailer_due: sink == Sink::PgBinary && is_framed,
            workers: threads,
            most_busy: threads,
            recent: Recent::new(limits.window, limits.max_bytes),
            lines: plan.skip,
            failure: plan.check().err().map(|(column, error)| {
                let column = column.map(|index| plan.columns[index].name.clone());
                Box::new(Failure { column, ..Failure::whole(error) })
            }),
            ..State::default()
        };
        // Of a stream every result is handed on at once: nobody knows when there will be another.
        let batch = if pushed.is_some() { 1 } else { (state.permits / 3).clamp(1, MOST_BATCHED) };
        #[cfg_attr(not(feature = "columnar"), expect(unused_mut, reason = "there is nothing to be set"))]
        let mut splitter = Splitter::new(inputs, limits.tile_size.max(1), limits.max_record, maps_by_name);
        #[cfg(feature = "columnar")]
        {
            // A column of Arrow's would be of one type in one batch, and of another in the next.
            splitter.keeps_dictionaries = sink != Sink::Ipc;
            splitter.most_held = limits.max_bytes.saturating_mul(2).max(LEAST_HELD);
        }
        #[cfg(feature = "columnar")]
        let coded = if sink == Sink::Values { plan.columns.len() } else { 0 };
        let shared = Arc::new(Shared {
            #[cfg(feature = "columnar")]
            dictionaries: Dictionaries::new(coded, threads, limits.max_bytes / 2),
            plan,
            sink,
            table,
            readings: splitter.readings(),
            files,
            splitter: Mutex::new(splitter),
            state: Mutex::new(state),
            numbering: Mutex::default(),
            numbered: Condvar::new(),
            window: Condvar::new(),
            results: Condvar::new(),
            cancelled: AtomicBool::new(false),
            bytes_read: AtomicU64::new(0),
            encoding: OnceLock::new(),
            tile_size: limits.tile_size.max(1),
            max_bytes: limits.max_bytes,
            max_rejects: limits.max_rejects,
            is_enough_told: AtomicBool::new(limits.max_rejects == 0),
            is_framed,
            keeps_records,
            batch,
            on_ready,
        });
        let mut handles = Vec::with_capacity(threads);
        for number in 0..threads {
            let worker = Arc::clone(&shared);
            let spawned =
                std::thread::Builder::new().name(format!("copyist-{number}")).spawn(move || Worker::new(&worker).run());
            match spawned {
                Ok(handle) => handles.push(handle),
                // Fewer threads do the same work; none at all is an error of the load.
                Err(error) => shared.worker_missing(&error),
            }
        }
        Self { shared, pushed, stops, threads: Mutex::new(handles) }
    }

    /// The next chunk in the order of the input, waiting at most `wait`.
    pub fn try_next(&self, wait: Duration) -> Next {
        let deadline = (!wait.is_zero()).then(|| Instant::now() + wait);
        let mut state = lock(&self.shared.state);
        loop {
            if let Some(next) = self.shared.advance(&mut state) {
                return next;
            }
            let Some(left) = deadline.and_then(|deadline| deadline.checked_duration_since(Instant::now())) else {
                return Next::Pending;
            };
            state.is_awaited = true;
            state = self.shared.results.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
            state.is_awaited = false;
        }
    }

    /// Gives a chunk's place in the window back, and its memory for reuse.
    pub fn recycle(&self, chunk: ChunkData) {
        let mut state = lock(&self.shared.state);
        self.shared.give_back(&mut state, Some(chunk));
    }

    /// How many threads may work from now on: fewer, or none for a while, when the consumer needs the processors itself.
    pub fn set_threads(&self, threads: usize) {
        let mut state = lock(&self.shared.state);
        state.most_busy = threads;
        if state.idle_workers > 0 {
            self.shared.window.notify_all();
        }
    }

    /// Progress so far. Rows are counted when handed out.
    #[must_use]
    pub fn counters(&self) -> Counters {
        let state = lock(&self.shared.state);
        Counters {
            bytes_read: self.shared.bytes_read.load(Ordering::Relaxed),
            rows_read: state.rows + state.refused,
            header_lines: state.header_lines,
            lines_skipped: lock(&self.shared.readings).iter().map(|reading| reading.skipped).sum(),
            rows_refused: state.refused,
            rows_passed_over: state.passed_over,
            blank_lines: state.blank_lines,
            rows_mended: state.mended,
            bytes_replaced: state.replaced,
            encoding: self.shared.encoding.get().copied().or(self.shared.plan.encoding),
        }
    }

    /// How far each input is. Of those whose turn has not come there may be nothing.
    #[must_use]
    pub fn files(&self) -> Vec<FileCounters> {
        let mut files = lock(&self.shared.state).files.clone();
        let readings = lock(&self.shared.readings);
        files.resize(files.len().max(readings.len()), FileCounters::default());
        for (file, reading) in files.iter_mut().zip(&*readings) {
            (file.bytes_read, file.lines_skipped) = (reading.bytes, reading.skipped);
        }
        files
    }

    /// The names in the header of an input whose turn has come, where its fields stand in another order than those of the first.
    #[must_use]
    pub fn fields_of(&self, file: u32) -> Option<Vec<String>> {
        lock(&self.shared.readings).get(file as usize)?.fields.clone()
    }

    /// What is known of each input of another machine, of those whose turn has come.
    #[must_use]
    pub fn about(&self) -> Vec<Option<About>> {
        lock(&self.shared.readings).iter().map(|reading| reading.about.clone()).collect()
    }

    /// Where a row, counted from 0, stands in the input, if it was handed out recently or is not settled.
    #[must_use]
    pub fn locate(&self, row: u64) -> Option<Location> {
        lock(&self.shared.state).recent.locate(row)
    }

    /// The bytes of a row's record, without its line end, as long as the row may be located and is not settled.
    #[must_use]
    pub fn record(&self, row: u64) -> Option<Vec<u8>> {
        lock(&self.shared.state).recent.record(row)
    }

    /// Nobody will ask about rows before this one any more. From the first call on the places and bytes of all others are kept, even if they
    /// were not handed out recently, as long as whoever takes chunks deals with them when [`Load::is_full`].
    pub fn settle(&self, row: u64) {
        lock(&self.shared.state).recent.settle(row);
    }

    /// Whether what is kept of rows that are not settled takes half of the memory that it may.
    #[must_use]
    pub fn is_full(&self) -> bool {
        lock(&self.shared.state).recent.is_full()
    }

    /// At most `most` of the records that were refused and not taken yet, in the order of the input.
    #[must_use]
    pub fn take_rejects(&self, most: usize) -> Vec<Reject> {
        let mut state = lock(&self.shared.state);
        let end = most.min(state.rejects.len());
        let taken: Vec<Reject> = state.rejects.drain(..end).collect();
        state.reject_bytes -= taken.iter().map(Reject::bytes).sum::<usize>();
        taken
    }

    /// Whether there are any.
    #[must_use]
    pub fn has_rejects(&self) -> bool {
        !lock(&self.shared.state).rejects.is_empty()
    }

    /// What can be asked of the load when it is gone. `locate` then answers from here only.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let (counters, files, about) = (self.counters(), self.files(), self.about());
        let fields = lock(&self.shared.readings).iter().map(|reading| reading.fields.clone()).collect();
        let recent = std::mem::take(&mut lock(&self.shared.state).recent);
        Summary { counters, files, about, fields, recent }
    }

    /// [`Sink::Values`]: the texts of a column's dictionary from a number on, end to end, and where each ends.
    #[cfg(feature = "columnar")]
    #[must_use]
    pub fn texts(&self, column: usize, from: usize) -> (Vec<u8>, Vec<u32>) {
        self.shared.dictionaries.texts(column, from)
    }

    /// What [`Sink::Infer`] proved, after [`Next::End`].
    #[must_use]
    pub fn guesses(&self) -> Vec<ColumnGuess> {
        lock(&self.shared.state).guesses.clone()
    }

    /// Asks all threads to stop; returns at once.
    pub fn cancel(&self) {
        self.shared.cancel();
        if let Some(pushed) = &self.pushed {
            pushed.cancel();
        }
        self.stops.iter().for_each(|stop| stop());
    }

    /// Waits for all threads. Call [`Load::cancel`] first unless the input has ended.
    pub fn join(&self) {
        for handle in lock(&self.threads).drain(..) {
            // A worker catches its own panics; a join error could only repeat one.
            drop(handle.join());
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.cancel();
        self.join();
    }
}

impl Shared {
    fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
        // Taking the lock orders the store before any waiter's next look.
        drop(lock(&self.state));
        self.window.notify_all();
        self.results.notify_all();
        drop(lock(&self.numbering));
        self.numbered.notify_all();
    }

    /// Waits for a tile's turn to have numbers, of which it takes `taken`. What was taken before; None when everything stops. `ended`: the data
    /// of its input ended in it.
    fn take_numbers(&self, number: u64, file: u32, taken: Before, ended: bool) -> Option<Before> {
        let mut numbering = lock(&self.numbering);
        while numbering.next != number {
            if numbering.is_broken || self.is_cancelled() {
                return None;
            }
            numbering = self.numbered.wait(numbering).unwrap_or_else(PoisonError::into_inner);
        }
        if numbering.file != file || number == 0 {
            numbering.before.lines = self.plan.skip;
        }
        let before = numbering.before;
        let records = if numbering.cut == Some(file) { 0 } else { taken.records };
        numbering.before = Before { records: before.records + records, lines: before.lines + taken.lines };
        (numbering.next, numbering.file) = (number + 1, file);
        if ended {
            numbering.cut = Some(file);
        }
        drop(numbering);
        self.numbered.notify_all();
        Some(before)
    }

    /// Some tile will never have its turn.
    fn break_numbering(&self) {
        lock(&self.numbering).is_broken = true;
        self.numbered.notify_all();
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    fn worker_missing(&self, error: &std::io::Error) {
        let mut state = lock(&self.state);
        state.workers -= 1;
        if state.workers == 0 {
            state.failure = Some(Box::new(Failure::whole(DataError::new(
                ErrorCode::OutOfMemory,
                format!("could not start a thread: {error}"),
            ))));
        }
    }

    fn give_back(&self, state: &mut State, chunk: Option<ChunkData>) {
        if let Some(chunk) = chunk {
            state.in_flight -= chunk.buffered();
            state.bytes -= chunk.bytes();
            if let Some(buffer) = chunk.into_buffer()
                && buffer.capacity() <= MOST_KEPT * self.tile_size
            {
                state.pool.push(buffer);
            }
        }
        state.permits += 1;
        if state.idle_workers > 0 {
            self.window.notify_one();
        }
    }

    /// Consumes results in order until there is something to hand out. None when the next result is not there yet.
    fn advance(&self, state: &mut State) -> Option<Next> {
        loop {
            if state.reject_bytes > MOST_REJECTS {
                return Some(Next::Rejects);
            }
            if let Some(failure) = &state.failure {
                return Some(Next::Failed(self.hinted(failure.clone())));
            }
            if state.finished || state.total == Some(state.next) {
                state.finished = true;
                if std::mem::take(&mut state.trailer_due) {
                    let message = trailer(state.next == 0);
                    state.in_flight += 1;
                    state.bytes += message.len();
                    return Some(Next::Chunk(Chunk { data: ChunkData::Messages(message), rows: 0 }));
                }
                // Type guesses are merged by each worker as it leaves.
                return if self.sink == Sink::Infer && state.workers > 0 { None } else { Some(Next::End) };
            }
            if self.is_cancelled() {
                let error = DataError::new(ErrorCode::QueryCanceled, "COPY was cancelled");
                return Some(Next::Failed(Box::new(Failure::whole(error))));
            }
            let done = state.done.remove(&state.next)?;
            state.next += 1;
            let done = match done {
                Ok(done) => done,
                // What stands behind the end of an input's data does not matter.
                Err(failure) if state.cut.is_some() && failure.file == state.cut => continue,
                Err(failure) => {
                    state.failure = Some(Box::new(failure));
                    continue;
                }
            };
            let refusal_bytes = done.refusal_bytes();
            if refusal_bytes > 0 {
                state.refusal_bytes -= refusal_bytes;
                self.window.notify_all();
            }
            // The input of a tile that is not its first one is the only one in it.
            if state.cut.is_some() && done.parts.first().map(|part| part.file) == state.cut {
                self.give_back(state, done.chunk);
                continue;
            }
            for part in done.parts {
                self.pass(state, part);
            }
            match done.chunk {
                Some(data) => {
                    state.recent.hand_out(data.bytes());
                    return Some(Next::Chunk(Chunk { data, rows: done.rows }));
                }
                None => self.give_back(state, None),
            }
        }
    }

    /// The failure of a first record, with what its input seems to be, if that is none of records: what others are in is one of records.
    fn hinted(&self, mut failure: Box<Failure>) -> Box<Failure> {
        let file = failure.file.unwrap_or(0) as usize;
        let page = lock(&self.readings).get(file).and_then(|reading| reading.page);
        if let Some(page) = page.filter(|page| failure.line.is_some_and(|line| line <= page.line)) {
            failure.error.hint = Some(match failure.error.hint.take() {
                Some(hint) => format!("{} {hint}", page.what),
                None => page.what.into(),
            });
        }
        failure
    }

    /// Counts what a tile held, whose turn it is.
    fn pass(&self, state: &mut State, part: Part) {
        let file = part.file;
        if file != state.file {
            (state.file, state.lines) = (file, self.plan.skip);
        }
        if let Some(mut span) = part.span {
            span.first_row = state.rows;
            span.first_line = state.lines + span.lines_before(part.header_lines);
            (span.file, span.position) = (file, state.position);
            state.recent.push(span);
        }
        if let Some(fault) = &part.fault {
            let failure = if part.is_columnar {
                Failure::of_row(fault, &self.plan, &self.table, state.lines)
            } else {
                Failure::of_record(fault, &self.plan, &self.table, state.lines, part.byte_offset)
            };
            state.failure = Some(Box::new(failure.in_file(file)));
        }
        let refused = part.refusals.len() as u64;
        let mut records_before = state.rows + state.refused;
        let mut mendings = part.mendings.into_iter().peekable();
        let mut refusals = part.refusals.into_iter().peekable();
        loop {
            // In the order of the input.
            let is_mended = match (mendings.peek(), refusals.peek()) {
                (Some(mending), Some(refusal)) => mending.offset < refusal.offset,
                (mending, _) => mending.is_some(),
            };
            let Some(refusal) = (if is_mended { mendings.next() } else { refusals.next() }) else { break };
            if state.told == self.max_rejects {
                self.is_enough_told.store(true, Ordering::Relaxed);
                break;
            }
            let rows_before = u64::from(refusal.rows_before);
            let mut reject = Reject::new(refusal, is_mended, file, state.lines, part.byte_offset, state.position);
            if part.is_columnar {
                (reject.byte_offset, reject.byte_len) = (0, 0);
            }
            if !is_mended {
                reject.records_before = records_before + rows_before;
                records_before += 1;
            }
            state.told += 1;
            state.reject_bytes += reject.bytes();
            state.rejects.push_back(reject);
        }
        state.refused += refused;
        state.passed_over += part.passed_over;
        state.blank_lines += part.blank_lines;
        state.mended += part.mended;
        state.replaced += part.replaced;
        state.rows += part.rows;
        state.lines += part.lines;
        state.position += part.len;
        state.header_lines += part.header_lines;
        if state.files.len() <= file as usize {
            state.files.resize(file as usize + 1, FileCounters::default());
        }
        let counters = &mut state.files[file as usize];
        counters.rows_read += part.rows + refused;
        counters.rows_refused += refused;
        counters.header_lines += part.header_lines;
        counters.rows_passed_over += part.passed_over;
        counters.blank_lines += part.blank_lines;
        counters.rows_mended += part.mended;
        counters.bytes_replaced += part.replaced;
        if part.ended && file as usize + 1 == self.files {
            state.total = Some(state.next);
            state.done.clear();
            self.window.notify_all();
        } else if part.ended {
            state.cut = Some(file);
        }
    }
}

/// Bytes of a CopyData message before its contents: its letter and its length.
const MESSAGE_HEAD: usize = 5;

/// Completes a CopyData message, which has room for its head; None if there is nothing in it.
fn message(mut buffer: Vec<u8>) -> Option<ChunkData> {
    headed(&mut buffer);
    (buffer.len() > MESSAGE_HEAD).then_some(ChunkData::Messages(buffer))
}

/// Writes the head of a message, for which there is room.
fn headed(buffer: &mut [u8]) {
    // The length counts itself, but not the letter.
    let length = (buffer.len() - 1) as u32;
    buffer[0] = b'd';
    buffer[1..MESSAGE_HEAD].copy_from_slice(&length.to_be_bytes());
}

/// The last message of a binary COPY stream. Inputs in columns that have no rows have no tile, whose message would begin with the header.
fn trailer(is_first: bool) -> Vec<u8> {
    let mut bytes = vec![0; MESSAGE_HEAD];
    if is_first {
        bytes.extend_from_slice(pgbinary::HEADER);
    }
    bytes.extend_from_slice(&pgbinary::TRAILER);
    headed(&mut bytes);
    bytes
}

/// One thread's tools.
struct Worker<'a> {
    shared: &'a Shared,
    /// Tiles that share a number, and by which plans they are read where it is not that of the load. The first `claimed` are in use.
    tiles: Vec<(Tile, Option<Arc<Plan>>)>,
    claimed: usize,
    decoder: Decoder,
    /// Of another plan.
    other: Option<(Arc<Plan>, Decoder)>,
    /// In place of a tile: what was claimed, and then what has been read.
    #[cfg(feature = "columnar")]
    claimed_batch: Option<ClaimedBatch>,
    #[cfg(feature = "columnar")]
    batch: Option<arrow_array::RecordBatch>,
    #[cfg(feature = "columnar")]
    batches: Option<BatchDecoder>,
    /// Texts that it has met, by the column.
    #[cfg(feature = "columnar")]
    known: Vec<Known>,
    guesses: Vec<ColumnGuess>,
    /// Whether it counts among [`State::busy`].
    is_busy: bool,
}

impl<'a> Worker<'a> {
    fn new(shared: &'a Shared) -> Self {
        Self {
            shared,
            tiles: vec![(Tile::default(), None)],
            claimed: 0,
            decoder: Decoder::new(Arc::clone(&shared.plan)),
            other: None,
            #[cfg(feature = "columnar")]
            claimed_batch: None,
            #[cfg(feature = "columnar")]
            batch: None,
            #[cfg(feature = "columnar")]
            batches: None,
            #[cfg(feature = "columnar")]
            known: Vec::new(),
            guesses: vec![ColumnGuess::new(); shared.plan.columns.len()],
            is_busy: false,
        }
    }

    fn run(mut self) {
        while let Some(buffer) = self.permit() {
            match catch_unwind(AssertUnwindSafe(|| self.turn(buffer))) {
                Ok(true) => {}
                Ok(false) => break,
                Err(payload) => {
                    // Whatever tile it was, the load cannot go on without it.
                    lock(&self.shared.state).failure = Some(Box::new(Failure::of_panic(&*payload)));
                    self.shared.window.notify_all();
                    break;
                }
            }
        }
        let mut state = lock(&self.shared.state);
        state.workers -= 1;
        state.busy -= usize::from(self.is_busy);
        if self.shared.sink == Sink::Infer {
            if state.guesses.is_empty() {
                state.guesses = self.guesses;
            } else {
                for (all, own) in state.guesses.iter_mut().zip(&self.guesses) {
                    all.merge(own);
                }
            }
        }
        drop(state);
        self.shared.results.notify_all();
        // One that waited for this one to let it work.
        self.shared.window.notify_all();
        (self.shared.on_ready)();
    }

    /// Waits for a place in the window. None when everything stops.
    fn permit(&mut self) -> Option<Vec<u8>> {
        let mut state = lock(&self.shared.state);
        state.busy -= usize::from(std::mem::take(&mut self.is_busy));
        loop {
            if self.shared.is_cancelled() || state.failure.is_some() || state.finished || state.total.is_some() {
                return None;
            }
            // With nothing in flight a chunk of any size is let through, or the load could not go on.
            let has_room = state.permits > 0
                && (state.bytes < self.shared.max_bytes || state.in_flight == 0)
                && state.refusal_bytes < MOST_REFUSALS;
            if has_room && state.busy < state.most_busy {
                state.permits -= 1;
                state.busy += 1;
                self.is_busy = true;
                return Some(state.pool.pop().unwrap_or_default());
            }
            if state.has_next() {
                // With less than a batch, if what holds us up are bytes.
                self.announce(state.is_awaited);
            }
            state.idle_workers += 1;
            state = self.shared.window.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle_workers -= 1;
        }
    }

    /// Claims the next tile; of small inputs several. What failed behind them has a number of its own.
    fn claim(&mut self, splitter: &mut Splitter) -> (Result<bool, Failure>, Option<(u64, Failure)>) {
        let shared = self.shared;
        let cancelled = || shared.is_cancelled();
        self.claimed = 0;
        let (tile, plan) = &mut self.tiles[0];
        match splitter.next(&shared.plan, tile, &cancelled) {
            Ok(true) => {}
            other => return (other, None),
        }
        *plan = splitter.plan();
        self.claimed = 1;
        #[cfg(feature = "columnar")]
        {
            self.claimed_batch = splitter.take_batch();
            if self.claimed_batch.is_some() {
                return (Ok(true), None);
            }
        }
        // Chunks of vectors are one tile's, and so are numbers of records.
        if !matches!(shared.sink, Sink::PgBinary | Sink::PgText | Sink::Infer) || shared.plan.has_sequence() {
            return (Ok(true), None);
        }
        let mut bytes = 0;
        loop {
            let (tile, _) = &self.tiles[self.claimed - 1];
            bytes += tile.len;
            let is_whole = tile.first && tile.last;
            if !is_whole || bytes >= shared.tile_size / 2 || self.claimed >= MOST_JOINED || !splitter.has_small_next() {
                return (Ok(true), None);
            }
            if self.tiles.len() == self.claimed {
                self.tiles.push((Tile::default(), None));
            }
            let (tile, plan) = &mut self.tiles[self.claimed];
            match splitter.next(&shared.plan, tile, &cancelled) {
                Ok(true) => {
                    splitter.join(tile);
                    *plan = splitter.plan();
                    self.claimed += 1;
                }
                Ok(false) => return (Ok(true), None),
                Err(failure) => {
                    let (number, _) = splitter.fail();
                    return (Ok(true), Some((number, failure)));
                }
            }
        }
    }

    /// One tile, or several small ones. False when there is no more to do.
    fn turn(&mut self, buffer: Vec<u8>) -> bool {
        let shared = self.shared;
        let mut splitter = lock(&shared.splitter);
        let (claimed, behind) = self.claim(&mut splitter);
        shared.bytes_read.store(splitter.bytes_read, Ordering::Relaxed);
        if let Some(encoding) = splitter.encoding() {
            shared.encoding.get_or_init(|| encoding);
        }
        let (number, result) = match claimed {
            Ok(true) => {
                drop(splitter);
                let number = self.tiles[0].0.sequence;
                let made = catch_unwind(AssertUnwindSafe(|| self.read_claimed().map(|()| self.make(buffer))));
                let result = made.unwrap_or_else(|payload| {
                    shared.break_numbering();
                    Err(Failure::of_panic(&*payload))
                });
                if let (Ok(_), Some((number, _))) = (&result, &behind) {
                    self.skip_numbers(*number);
                }
                (number, result)
            }
            Ok(false) => {
                let total = splitter.tiles();
                drop(splitter);
                let mut state = lock(&shared.state);
                state.total = Some(state.total.map_or(total, |known| known.min(total)));
                drop(state);
                self.announce(true);
                shared.window.notify_all();
                return false;
            }
            Err(failure) => {
                let (number, goes_on) = splitter.fail();
                drop(splitter);
                if goes_on {
                    // What is behind it matters if the data of its input have ended before it.
                    self.skip_numbers(number);
                }
                (number, Err(failure))
            }
        };
        let is_end = match &result {
            Ok(done) => done.is_end(),
            Err(_) => true,
        };
        let (has_failed, ended) = match &result {
            Ok(done) => (false, done.parts.last().map(|part| part.file)),
            Err(failure) => (true, failure.file),
        };
        let mut state = lock(&shared.state);
        if let Ok(done) = &result {
            state.refusal_bytes += done.refusal_bytes();
            if let Some(chunk) = &done.chunk {
                state.in_flight += chunk.buffered();
                state.bytes += chunk.bytes();
            }
        }
        state.done.insert(number, result);
        if let Some((number, failure)) = behind {
            state.done.insert(number, Err(failure));
        }
        // A result whose turn has not come is found by whoever takes those before it.
        let is_due =
            is_end || state.refusal_bytes >= MOST_REFUSALS || state.permits == 0 || state.done.len() >= shared.batch;
        let is_awaited = (is_due && state.has_next()).then_some(state.is_awaited);
        drop(state);
        if let Some(is_awaited) = is_awaited {
            self.announce(is_awaited);
        }
        if !is_end {
            return true;
        }
        // Only now: another worker may hold the splitter for as long as its input is silent, and nobody is to wait for it to hear of a fault.
        let mut splitter = lock(&shared.splitter);
        let goes_on = match ended {
            // The data of an earlier tile may have ended before the fault.
            Some(file) => splitter.finish_file(file),
            None => {
                splitter.finish();
                false
            }
        };
        drop(splitter);
        if goes_on && has_failed {
            // Of what is dropped nobody gives the permit back.
            lock(&shared.state).permits += 1;
            shared.window.notify_one();
        }
        goes_on
    }

    /// Reads what is left to be read of rows in columns.
    #[cfg_attr(
        not(feature = "columnar"),
        expect(clippy::unnecessary_wraps, clippy::unused_self, reason = "there are none")
    )]
    fn read_claimed(&mut self) -> Result<(), Failure> {
        #[cfg(feature = "columnar")]
        if let Some(claimed) = self.claimed_batch.take() {
            match claimed.read() {
                Ok(batch) => self.batch = Some(batch),
                Err(failure) => {
                    // Others may have claimed what is behind it.
                    self.skip_numbers(self.tiles[0].0.sequence);
                    return Err(failure);
                }
            }
        }
        Ok(())
    }

    /// A tile that failed takes no numbers of records.
    fn skip_numbers(&self, number: u64) {
        if self.shared.plan.has_sequence() || self.shared.plan.has_lines() {
            self.shared.take_numbers(number, u32::MAX, Before::default(), false);
        }
    }

    fn announce(&self, is_awaited: bool) {
        if is_awaited {
            self.shared.results.notify_all();
        }
        (self.shared.on_ready)();
    }

    /// Decodes and encodes what was claimed, up to the first error.
    fn make(&mut self, mut buffer: Vec<u8>) -> Done {
        let shared = self.shared;
        let mut done = Done { parts: Vec::with_capacity(self.claimed), ..Done::default() };
        let head = if self.tiles[0].0.sequence == 0 && shared.is_framed { pgbinary::HEADER.as_slice() } else { &[] };
        let has_messages = matches!(shared.sink, Sink::PgText | Sink::PgBinary);
        if has_messages {
            buffer.resize(MESSAGE_HEAD, 0);
            if shared.sink == Sink::PgBinary {
                buffer.extend_from_slice(head);
            }
        }
        let mut tiles = std::mem::take(&mut self.tiles);
        for (tile, plan) in &mut tiles[..self.claimed] {
            #[cfg(feature = "columnar")]
            let part = match self.batch.take() {
                Some(batch) => self.make_columnar(tile, batch, &mut buffer, &mut done.chunk),
                None => self.make_part(tile, plan.as_ref(), &mut buffer, &mut done.chunk),
            };
            #[cfg(not(feature = "columnar"))]
            let part = self.make_part(tile, plan.as_ref(), &mut buffer, &mut done.chunk);
            done.rows += part.rows;
            let is_end = part.fault.is_some();
            done.parts.push(part);
            if is_end {
                break;
            }
        }
        if !self.waits_for(&tiles[0].0)
            && shared.plan.has_lines()
            && let Some(last) = done.parts.last()
        {
            // Beginnings of inputs need not wait for those before them, and yet count for what follows.
            let taken = Before { records: 0, lines: last.lines };
            shared.take_numbers(tiles[0].0.sequence, last.file, taken, last.ended);
        }
        self.tiles = tiles;
        if has_messages {
            done.chunk = message(buffer);
        }
        done
    }

    /// Whether it takes the tiles before to know the numbers of this one's records.
    fn waits_for(&self, tile: &Tile) -> bool {
        let plan = &self.shared.plan;
        plan.has_sequence() || plan.has_lines() && !tile.first
    }

    /// Decodes a tile, and puts its rows into the buffer behind what is there, or makes a chunk of them.
    fn make_part(
        &mut self,
        tile: &mut Tile,
        plan: Option<&Arc<Plan>>,
        buffer: &mut Vec<u8>,
        chunk: &mut Option<ChunkData>,
    ) -> Part {
        let shared = self.shared;
        let waits = self.waits_for(tile);
        let decoder = match plan {
            None => &mut self.decoder,
            Some(plan) => {
                let other = self.other.take().filter(|(known, _)| Arc::ptr_eq(known, plan));
                let fresh = || (Arc::clone(plan), Decoder::new(Arc::clone(plan)));
                &mut self.other.insert(other.unwrap_or_else(fresh)).1
            }
        };
        let plan = &**plan.unwrap_or(&shared.plan);
        let invalid = plan.tolerance.invalid;
        let replaced = invalid.map_or(0, |replacement| tile.replace_invalid(plan, replacement));
        decoder.tell_mendings(!shared.is_enough_told.load(Ordering::Relaxed));
        decoder.decode(tile);
        let mut before = Before { records: 0, lines: plan.skip };
        if waits {
            let decoded = decoder.decoded();
            let taken = Before { records: decoder.numbered(), lines: decoded.lines };
            // When everything stops nobody looks at the rows any more.
            before = shared.take_numbers(tile.sequence, tile.file, taken, decoded.ended).unwrap_or_default();
        }
        if plan.has_places() && decoder.decoded().rows > 0 {
            let span = span_of(plan, tile, decoder, false);
            let lines = before.lines + span.lines_before(decoder.decoded().header_lines);
            decoder.number(tile, before.records, |row| span.place(row, lines));
        } else if waits {
            decoder.number(tile, before.records, |_| RecordPlace::default());
        }
        let decoded = decoder.decoded();
        let rows = decoded.rows as u64;
        #[cfg(feature = "columnar")]
        let mut made = Ok(None);
        match shared.sink {
            Sink::PgText => text::encode_rows(tile, decoded, buffer),
            Sink::PgBinary if plan.is_binary => {
                // What the server gets has been checked, and the bytes are those it wants.
                let end = decoder.tuple_ends().last().map_or(0, |&end| end as usize);
                buffer.extend_from_slice(&tile.data()[..end]);
            }
            Sink::PgBinary => {
                let start = buffer.len();
                pgbinary::encode(plan, tile, decoded, buffer, start);
            }
            Sink::Duckdb if rows == 0 => {}
            Sink::Duckdb => {
                let batch = duckdb::encode(plan, tile, decoded, buffer);
                *chunk = Some(ChunkData::Vectors(std::mem::take(buffer), batch));
            }
            #[cfg(feature = "arrow")]
            Sink::Arrow if rows > 0 => *chunk = Some(ChunkData::Arrow(crate::record_batch(plan, tile, decoded))),
            #[cfg(feature = "columnar")]
            Sink::Ipc | Sink::Values if rows > 0 => {
                let batch = crate::record_batch(plan, tile, decoded);
                made = hand_out(shared, plan, &batch, buffer, &mut self.known);
            }
            Sink::Arrow | Sink::Ipc | Sink::Values => {}
            Sink::Infer => {
                for (guess, column) in self.guesses.iter_mut().zip(&decoded.columns) {
                    observe(guess, column, tile, &decoded.arena, plan.has_comma);
                }
            }
        }
        let (mut refusals, mended) = (decoder.take_refusals(), decoder.decoded().mended);
        let mut mendings = decoder.take_mendings();
        tile.refusals_as_read(&mut refusals);
        tile.refusals_as_read(&mut mendings);
        let has_span = rows > 0 && shared.sink.has_places();
        let span = has_span.then(|| span_of(plan, tile, decoder, shared.keeps_records));
        let decoded = decoder.decoded();
        let mut fault = decoded.fault.clone();
        if let Some(fault) = &mut fault {
            tile.fault_as_read(fault);
        }
        #[cfg(feature = "columnar")]
        match made {
            Ok(None) => {}
            Ok(made) => *chunk = made,
            Err(error) => {
                fault = Some(Fault { error, line: 0, record_offset: 0, record_len: 0, shown: Shown::Nothing })
            }
        }
        Part {
            file: tile.file,
            rows,
            header_lines: decoded.header_lines,
            lines: decoded.lines,
            byte_offset: tile.byte_offset,
            len: tile.place_in_input(tile.len) - tile.byte_offset,
            fault,
            ended: decoded.ended,
            span,
            refusals,
            mendings,
            passed_over: decoded.passed_over,
            blank_lines: decoded.blank_lines,
            mended,
            replaced,
            is_columnar: false,
        }
    }

    /// A batch that is handed out as it is.
    #[cfg(feature = "columnar")]
    fn hand_over(
        &mut self,
        tile: &Tile,
        batch: &arrow_array::RecordBatch,
        buffer: &mut Vec<u8>,
        chunk: &mut Option<ChunkData>,
    ) -> Part {
        let plan = &*self.shared.plan;
        let made = joined(plan, batch, None, &[], self.shared.sink == Sink::Ipc)
            .and_then(|batch| hand_out(self.shared, plan, &batch, buffer, &mut self.known));
        let rows = batch.num_rows() as u64;
        let fault = match made {
            Ok(made) => {
                *chunk = made;
                None
            }
            Err(error) => Some(Fault { error, line: 0, record_offset: 0, record_len: 0, shown: Shown::Nothing }),
        };
        let rows = if fault.is_some() { 0 } else { rows };
        let has_span = rows > 0 && self.shared.sink.has_places();
        let columnar = || ColumnarSpan { rows: rows as usize, text: None, text_bytes: 0 };
        let span = has_span.then(|| Span::of_batch(columnar(), None));
        Part {
            file: tile.file,
            rows,
            header_lines: 0,
            lines: rows,
            byte_offset: 0,
            len: rows,
            fault,
            ended: false,
            span,
            refusals: Vec::new(),
            mendings: Vec::new(),
            passed_over: 0,
            blank_lines: 0,
            mended: 0,
            replaced: 0,
            is_columnar: true,
        }
    }

    /// The same of a batch, of which the tile has the place in the load.
    #[cfg(feature = "columnar")]
    fn make_columnar(
        &mut self,
        tile: &Tile,
        batch: arrow_array::RecordBatch,
        buffer: &mut Vec<u8>,
        chunk: &mut Option<ChunkData>,
    ) -> Part {
        let shared = self.shared;
        let plan = &*shared.plan;
        let is_handed_out = matches!(shared.sink, Sink::Ipc | Sink::Values);
        let taken = if is_handed_out { taken_over(plan, &batch, shared.sink == Sink::Ipc) } else { Vec::new() };
        if is_handed_out && taken.iter().all(|&taken| taken) {
            return self.hand_over(tile, &batch, buffer, chunk);
        }
        let decoder = self.batches.get_or_insert_with(|| BatchDecoder::new(Arc::clone(&shared.plan)));
        decoder.tell_mendings(!shared.is_enough_told.load(Ordering::Relaxed));
        if let Some(constants) = &tile.constants {
            decoder.of_input(constants);
        }
        decoder.decode(&batch);
        if plan.has_sequence() || plan.has_lines() {
            let taken = Before { records: decoder.numbered(), lines: decoder.decoded().0.lines };
            let before = shared.take_numbers(tile.sequence, tile.file, taken, false).unwrap_or_default();
            decoder.number(before.records, before.lines);
        }
        let (decoded, literals) = decoder.decoded();
        let rows = decoded.rows as u64;
        let mut made_of = Ok(None);
        match shared.sink {
            Sink::PgText => text::encode_rows(literals, decoded, buffer),
            Sink::PgBinary => {
                let start = buffer.len();
                pgbinary::encode(plan, literals, decoded, buffer, start);
            }
            Sink::Duckdb if rows > 0 => {
                let vectors = duckdb::encode(plan, literals, decoded, buffer);
                *chunk = Some(ChunkData::Vectors(std::mem::take(buffer), vectors));
            }
            Sink::Arrow if rows > 0 => *chunk = Some(ChunkData::Arrow(crate::record_batch(plan, literals, decoded))),
            Sink::Ipc | Sink::Values if rows > 0 => {
                let made = crate::record_batch(plan, literals, decoded);
                made_of = joined(plan, &batch, Some((decoded, made)), &taken, shared.sink == Sink::Ipc)
                    .and_then(|batch| hand_out(shared, plan, &batch, buffer, &mut self.known));
            }
            // Types are not proven on values that have theirs.
            Sink::Duckdb | Sink::Arrow | Sink::Ipc | Sink::Values | Sink::Infer => {}
        }
        let (refusals, mendings) = (decoder.take_refusals(), decoder.take_mendings());
        let (decoded, _) = decoder.decoded();
        let mut fault = decoded.fault.clone();
        match made_of {
            Ok(None) => {}
            Ok(made) => *chunk = made,
            Err(error) => {
                fault = Some(Fault { error, line: 0, record_offset: 0, record_len: 0, shown: Shown::Nothing })
            }
        }
        let has_span = rows > 0 && shared.sink.has_places();
        let len = batch.num_rows() as u64;
        let span = has_span.then(|| {
            let columnar = ColumnarSpan {
                rows: decoded.rows,
                text_bytes: if shared.keeps_records {
                    // What cannot be told counts as much as there may be.
                    usize::try_from(bytes_of(&batch)).unwrap_or(usize::MAX).min(shared.max_bytes)
                } else {
                    0
                },
                text: shared.keeps_records.then(|| -> RowText { Box::new(move |row| row_text(&batch, row)) }),
            };
            Span::of_batch(columnar, decoded.places.clone())
        });
        Part {
            file: tile.file,
            rows,
            header_lines: 0,
            lines: decoded.lines,
            byte_offset: 0,
            len,
            fault,
            ended: false,
            span,
            refusals,
            mendings,
            passed_over: 0,
            blank_lines: 0,
            mended: decoded.mended,
            replaced: 0,
            is_columnar: true,
        }
    }
}

/// The rows as they are handed out to a program.
#[cfg(feature = "columnar")]
fn hand_out(
    shared: &Shared,
    plan: &Plan,
    batch: &arrow_array::RecordBatch,
    buffer: &mut Vec<u8>,
    known: &mut Vec<Known>,
) -> copyist_core::Result<Option<ChunkData>> {
    Ok(Some(if shared.sink == Sink::Ipc {
        ChunkData::Ipc(Ipc::of(batch)?)
    } else {
        let nodes = write_values(plan, batch, buffer, &shared.dictionaries, known)?;
        ChunkData::Values(std::mem::take(buffer), nodes)
    }))
}

/// What `locate` needs of this tile's rows.
fn span_of(plan: &Plan, tile: &Tile, decoder: &Decoder, keeps_records: bool) -> Span {
    let decoded = decoder.decoded();
    let data = keeps_records.then(|| Box::from(tile.as_read(0..tile.len)));
    if plan.is_binary {
        return Span {
            first_row: 0,
            first_line: 0,
            file: 0,
            position: 0,
            byte_offset: tile.byte_offset,
            start: 0,
            ends: decoder.tuple_ends().to_vec(),
            lines: None,
            eol_len: 0,
            header_lines: 0,
            places: None,
            data,
            columnar: None,
        };
    }
    if let Some(places) = &decoded.places {
        let mut places = places.clone();
        tile.rows_as_read(&mut places);
        return Span {
            first_row: 0,
            first_line: 0,
            file: 0,
            position: 0,
            byte_offset: tile.byte_offset,
            start: 0,
            ends: Vec::new(),
            lines: None,
            eol_len: tile.eol_len_as_read() as u32,
            header_lines: 0,
            places: Some(places),
            data,
            columnar: None,
        };
    }
    let mut ends: Vec<u32> = decoder.record_ends(tile).collect();
    // The last record of the input may lack its line end, and with it a line that one in quotes would make up for.
    let is_open = !matches!(tile.data().last(), Some(b'\n' | b'\r'));
    let several = plan.is_csv() && (is_open || decoded.lines != decoded.rows as u64 + decoded.header_lines);
    let lines = several.then(|| {
        let counted = if tile.eol == Some(Eol::Lf) { b'\n' } else { b'\r' };
        let count =
            |from: u32, to: u32, byte| plan.scanner.count(&tile.data()[from as usize..to as usize], byte) as u32;
        // Until the first record has ended, PostgreSQL counts carriage returns; see `Pass::lines_before`.
        let before = if tile.tells_eol(plan) { b'\r' } else { counted };
        let first = if decoded.start > 0 {
            let header = decoded.start - tile.eol_len() as u32;
            count(0, header, before) + count(header, ends[0], counted)
        } else {
            count(0, ends[0], before)
        };
        Lines::of(&ends, first, |from, to| count(from, to, counted))
    });
    let mut start = decoded.start;
    tile.places_as_read(std::iter::once(&mut start).chain(&mut ends));
    Span {
        first_row: 0,
        first_line: 0,
        file: 0,
        position: 0,
        byte_offset: tile.byte_offset,
        start,
        ends,
        lines,
        eol_len: tile.eol_len_as_read() as u32,
        header_lines: decoded.header_lines,
        places: None,
        data,
        columnar: None,
    }
}

fn observe(guess: &mut ColumnGuess, column: &copyist_format::Column, tile: &Tile, arena: &[u8], has_comma: bool) {
    let copyist_format::Values::Bytes(values) = &column.values else {
        unreachable!("types are proven on text");
    };
    if guess.is_settled() {
        return;
    }
    for (row, value) in values.iter().enumerate() {
        if column.validity.is_valid(row) {
            let value = value.get(&tile.buffer, arena);
            if has_comma { guess.observe_with_comma(value) } else { guess.observe(value) }
        } else {
            guess.observe_null();
        }
    }
}
