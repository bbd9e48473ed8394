//! Threads, the window of chunks in flight, and the order of the output.
//!
//! A worker takes a permit (a chunk's place in the window), then claims the next tile from the splitter, decodes and
//! encodes it, and puts the result under the tile's number. The consumer takes results in that order. A permit comes back
//! when the consumer recycles the chunk, so memory is bounded by permits × chunk size. Permits are taken before tiles are
//! claimed: the tile everybody waits for always has one, so the window cannot lock up.

use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use copyist_core::{DataError, ErrorCode};
use copyist_encoding::Encoding;
use copyist_format::infer::ColumnGuess;
use copyist_format::{Decoder, Fault, Plan, Refusal, Tile, duckdb, pgbinary, text};
use copyist_scan::Eol;

use crate::chunk::{Chunk, ChunkData};
use crate::failure::Failure;
use crate::locate::{Lines, Location, Recent, Span};
use crate::reject::{self, Reject};
use crate::source::Source;
use crate::splitter::{MOST_KEPT, Splitter};

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
    /// Nothing: every value is looked at to prove its column's type.
    Infer,
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
    pub source: Source,
    /// The input's name in messages.
    pub name: String,
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

/// The end of a load.
pub struct Summary {
    pub counters: Counters,
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
    pub fn record(&self, row: u64) -> Option<&[u8]> {
        self.recent.record(row)
    }
}

/// One tile's result.
struct Done {
    chunk: Option<ChunkData>,
    rows: u64,
    header_lines: u64,
    lines: u64,
    byte_offset: u64,
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
}

impl Done {
    /// About how much memory the refusals take.
    fn refusal_bytes(&self) -> usize {
        self.refusals.iter().chain(&self.mendings).map(reject::bytes_of).sum()
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
    lines: u64,
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

/// Numbers of records, which go from tile to tile in the order of the input: a tile is decoded before it is known how many records come
/// before it, and encoded after that.
#[derive(Default)]
struct Numbering {
    /// The tile whose turn it is.
    next: u64,
    /// Records before it.
    records: u64,
    /// A tile before it will never have its turn.
    is_broken: bool,
}

struct Shared {
    plan: Arc<Plan>,
    sink: Sink,
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
    lines_skipped: AtomicU64,
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

/// Results that the consumer is woken for at once, at most.
const MOST_BATCHED: usize = 4;

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
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Load {
    /// Starts the threads.
    #[must_use]
    pub fn start(specification: Specification) -> Self {
        let Specification { plan, sink, source, name, table, limits, is_framed, keeps_records, on_ready } =
            specification;
        let pushed = match &source {
            Source::Pushed(pushed) => Some(Arc::clone(pushed)),
            Source::File(_) | Source::Memory(_) => None,
        };
        let threads = limits.threads.max(1);
        let state = State {
            permits: limits.window.max(threads + 1),
            trailer_due: sink == Sink::PgBinary && is_framed,
            workers: threads,
            most_busy: threads,
            recent: Recent::new(limits.window),
            lines: plan.skip,
            failure: plan.check().err().map(|(column, error)| {
                let column = column.map(|index| plan.columns[index].name.clone());
                Box::new(Failure { column, ..Failure::whole(error) })
            }),
            ..State::default()
        };
        // Of a stream every result is handed on at once: nobody knows when there will be another.
        let batch = if pushed.is_some() { 1 } else { (state.permits / 3).clamp(1, MOST_BATCHED) };
        let splitter = Splitter::new(source, name, limits.tile_size.max(1), limits.max_record);
        let shared = Arc::new(Shared {
            plan,
            sink,
            table,
            splitter: Mutex::new(splitter),
            state: Mutex::new(state),
            numbering: Mutex::default(),
            numbered: Condvar::new(),
            window: Condvar::new(),
            results: Condvar::new(),
            cancelled: AtomicBool::new(false),
            bytes_read: AtomicU64::new(0),
            lines_skipped: AtomicU64::new(0),
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
        Self { shared, pushed, threads: Mutex::new(handles) }
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
        let buffer = match chunk {
            ChunkData::Messages(buffer) | ChunkData::Vectors(buffer, _) => Some(buffer),
            #[cfg(feature = "arrow")]
            ChunkData::Arrow(_) => None,
        };
        let mut state = lock(&self.shared.state);
        self.shared.give_back(&mut state, buffer);
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
            lines_skipped: self.shared.lines_skipped.load(Ordering::Relaxed),
            rows_refused: state.refused,
            rows_passed_over: state.passed_over,
            blank_lines: state.blank_lines,
            rows_mended: state.mended,
            bytes_replaced: state.replaced,
            encoding: self.shared.encoding.get().copied().or(self.shared.plan.encoding),
        }
    }

    /// Where a row, counted from 0, stands in the input, if it was handed out recently.
    #[must_use]
    pub fn locate(&self, row: u64) -> Option<Location> {
        lock(&self.shared.state).recent.locate(row)
    }

    /// The bytes of a row's record, without its line end, as long as the row may be located and is not settled.
    #[must_use]
    pub fn record(&self, row: u64) -> Option<Vec<u8>> {
        lock(&self.shared.state).recent.record(row).map(<[u8]>::to_vec)
    }

    /// Nobody will ask for the bytes of rows before this one any more.
    pub fn settle(&self, row: u64) {
        lock(&self.shared.state).recent.settle(row);
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
        let counters = self.counters();
        Summary { counters, recent: std::mem::take(&mut lock(&self.shared.state).recent) }
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

    /// Waits for a tile's turn to have numbers, of which it takes `count`. How many were taken before; None when everything stops.
    fn take_numbers(&self, tile: u64, count: u64) -> Option<u64> {
        let mut numbering = lock(&self.numbering);
        while numbering.next != tile {
            if numbering.is_broken || self.is_cancelled() {
                return None;
            }
            numbering = self.numbered.wait(numbering).unwrap_or_else(PoisonError::into_inner);
        }
        let before = numbering.records;
        (numbering.next, numbering.records) = (tile + 1, before + count);
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

    fn give_back(&self, state: &mut State, buffer: Option<Vec<u8>>) {
        if let Some(buffer) = buffer {
            state.in_flight -= 1;
            state.bytes -= buffer.len();
            if buffer.capacity() <= MOST_KEPT * self.tile_size {
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
                return Some(Next::Failed(failure.clone()));
            }
            if state.finished || state.total == Some(state.next) {
                state.finished = true;
                if std::mem::take(&mut state.trailer_due) {
                    state.in_flight += 1;
                    state.bytes += TRAILER_LEN;
                    return Some(Next::Chunk(Chunk { data: ChunkData::Messages(trailer()), rows: 0 }));
                }
                // Type guesses are merged by each worker as it leaves.
                return if self.sink == Sink::Infer && state.workers > 0 { None } else { Some(Next::End) };
            }
            if self.is_cancelled() {
                let error = DataError::new(ErrorCode::QueryCanceled, "COPY was cancelled");
                return Some(Next::Failed(Box::new(Failure::whole(error))));
            }
            let done = match state.done.remove(&state.next)? {
                Ok(done) => done,
                Err(failure) => {
                    state.failure = Some(Box::new(failure));
                    continue;
                }
            };
            state.next += 1;
            let refusal_bytes = done.refusal_bytes();
            if refusal_bytes > 0 {
                state.refusal_bytes -= refusal_bytes;
                self.window.notify_all();
            }
            if let Some(mut span) = done.span {
                span.first_row = state.rows;
                let counts_all = span.lines.is_some() || span.places.is_some();
                span.first_line = state.lines + if counts_all { 0 } else { done.header_lines };
                state.recent.push(span);
            }
            if let Some(fault) = &done.fault {
                let failure = Failure::of_record(fault, &self.plan, &self.table, state.lines, done.byte_offset);
                state.failure = Some(Box::new(failure));
            }
            let mut records_before = state.rows + state.refused;
            state.refused += done.refusals.len() as u64;
            state.passed_over += done.passed_over;
            state.blank_lines += done.blank_lines;
            state.mended += done.mended;
            state.replaced += done.replaced;
            let mut mendings = done.mendings.into_iter().peekable();
            let mut refusals = done.refusals.into_iter().peekable();
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
                let mut reject = Reject::new(refusal, is_mended, state.lines, done.byte_offset);
                if !is_mended {
                    reject.records_before = records_before + rows_before;
                    records_before += 1;
                }
                state.told += 1;
                state.reject_bytes += reject.bytes();
                state.rejects.push_back(reject);
            }
            state.rows += done.rows;
            state.lines += done.lines;
            state.header_lines += done.header_lines;
            if done.ended {
                state.total = Some(state.next);
                state.done.clear();
                self.window.notify_all();
            }
            match done.chunk {
                Some(data) => return Some(Next::Chunk(Chunk { data, rows: done.rows })),
                None => self.give_back(state, None),
            }
        }
    }
}

/// Bytes of a CopyData message before its contents: its letter and its length.
const MESSAGE_HEAD: usize = 5;

/// Completes a CopyData message, which has room for its head; None if there is nothing in it.
fn message(mut buffer: Vec<u8>) -> Option<ChunkData> {
    // The length counts itself, but not the letter.
    let length = (buffer.len() - 1) as u32;
    buffer[0] = b'd';
    buffer[1..MESSAGE_HEAD].copy_from_slice(&length.to_be_bytes());
    (buffer.len() > MESSAGE_HEAD).then_some(ChunkData::Messages(buffer))
}

/// Bytes of [`trailer`].
const TRAILER_LEN: usize = 7;

/// The last message of a binary COPY stream.
fn trailer() -> Vec<u8> {
    let mut message = vec![b'd', 0, 0, 0, 6];
    message.extend_from_slice(&pgbinary::TRAILER);
    message
}

/// One thread's tools.
struct Worker<'a> {
    shared: &'a Shared,
    tile: Tile,
    decoder: Decoder,
    guesses: Vec<ColumnGuess>,
    /// Whether it counts among [`State::busy`].
    is_busy: bool,
}

impl<'a> Worker<'a> {
    fn new(shared: &'a Shared) -> Self {
        Self {
            shared,
            tile: Tile::default(),
            decoder: Decoder::new(Arc::clone(&shared.plan)),
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

    /// One tile. False when there is no more to do.
    fn turn(&mut self, buffer: Vec<u8>) -> bool {
        let shared = self.shared;
        let mut splitter = lock(&shared.splitter);
        let claimed = splitter.next(&shared.plan, &mut self.tile, &|| shared.is_cancelled());
        shared.bytes_read.store(splitter.bytes_read, Ordering::Relaxed);
        shared.lines_skipped.store(splitter.skipped, Ordering::Relaxed);
        if let Some(encoding) = splitter.encoding() {
            shared.encoding.get_or_init(|| encoding);
        }
        let result = match claimed {
            Ok(true) => {
                drop(splitter);
                let made = catch_unwind(AssertUnwindSafe(|| self.make(buffer)));
                made.map_err(|payload| {
                    shared.break_numbering();
                    Failure::of_panic(&*payload)
                })
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
                self.tile.sequence = splitter.fail();
                drop(splitter);
                Err(failure)
            }
        };
        let stop = match &result {
            Ok(done) => done.fault.is_some() || done.ended,
            Err(_) => true,
        };
        if stop {
            lock(&shared.splitter).finish();
        }
        let mut state = lock(&shared.state);
        if let Ok(Done { chunk: Some(chunk), .. }) = &result {
            state.in_flight += chunk.buffered();
            state.bytes += chunk.bytes();
        }
        if let Ok(done) = &result {
            state.refusal_bytes += done.refusal_bytes();
        }
        state.done.insert(self.tile.sequence, result);
        // A result whose turn has not come is found by whoever takes those before it.
        let is_due =
            stop || state.refusal_bytes >= MOST_REFUSALS || state.permits == 0 || state.done.len() >= shared.batch;
        let is_awaited = (is_due && state.has_next()).then_some(state.is_awaited);
        drop(state);
        if let Some(is_awaited) = is_awaited {
            self.announce(is_awaited);
        }
        !stop
    }

    fn announce(&self, is_awaited: bool) {
        if is_awaited {
            self.shared.results.notify_all();
        }
        (self.shared.on_ready)();
    }

    fn make(&mut self, mut buffer: Vec<u8>) -> Done {
        let shared = self.shared;
        let plan = &*shared.plan;
        let invalid = plan.tolerance.invalid;
        let replaced = invalid.map_or(0, |replacement| self.tile.replace_invalid(plan.scanner, replacement));
        self.decoder.tell_mendings(!shared.is_enough_told.load(Ordering::Relaxed));
        self.decoder.decode(&self.tile);
        if plan.has_sequence() {
            let count = self.decoder.numbered();
            // When everything stops nobody looks at the rows any more.
            let before = shared.take_numbers(self.tile.sequence, count).unwrap_or(0);
            self.decoder.number(&self.tile, before);
        }
        let decoded = self.decoder.decoded();
        let rows = decoded.rows as u64;
        let chunk = match shared.sink {
            Sink::PgText => {
                buffer.clear();
                buffer.resize(MESSAGE_HEAD, 0);
                text::encode_rows(&self.tile, decoded, &mut buffer);
                message(buffer)
            }
            Sink::PgBinary if plan.is_binary => {
                // What the server gets has been checked, and the bytes are those it wants.
                let head = if self.tile.first && shared.is_framed { pgbinary::HEADER.as_slice() } else { &[] };
                let end = self.decoder.tuple_ends().last().map_or(0, |&end| end as usize);
                buffer.clear();
                buffer.reserve(MESSAGE_HEAD + head.len() + end);
                buffer.resize(MESSAGE_HEAD, 0);
                buffer.extend_from_slice(head);
                buffer.extend_from_slice(&self.tile.data()[..end]);
                message(buffer)
            }
            Sink::PgBinary => {
                let head = if self.tile.first && shared.is_framed { pgbinary::HEADER.as_slice() } else { &[] };
                let start = MESSAGE_HEAD + head.len();
                pgbinary::encode(plan, &self.tile, decoded, &mut buffer, start);
                buffer[MESSAGE_HEAD..start].copy_from_slice(head);
                message(buffer)
            }
            Sink::Duckdb if rows == 0 => None,
            Sink::Duckdb => {
                let batch = duckdb::encode(plan, &self.tile, decoded, &mut buffer);
                Some(ChunkData::Vectors(buffer, batch))
            }
            #[cfg(feature = "arrow")]
            Sink::Arrow => (rows > 0).then(|| ChunkData::Arrow(crate::record_batch(plan, &self.tile, decoded))),
            #[cfg(not(feature = "arrow"))]
            Sink::Arrow => None,
            Sink::Infer => {
                for (guess, column) in self.guesses.iter_mut().zip(&decoded.columns) {
                    observe(guess, column, &self.tile, &decoded.arena, plan.has_comma);
                }
                None
            }
        };
        let (mut refusals, mended) = (self.decoder.take_refusals(), self.decoder.decoded().mended);
        let mut mendings = self.decoder.take_mendings();
        self.tile.refusals_as_read(&mut refusals);
        self.tile.refusals_as_read(&mut mendings);
        let span = (chunk.is_some() && shared.sink != Sink::Arrow && rows > 0).then(|| self.span());
        let decoded = self.decoder.decoded();
        let mut fault = decoded.fault.clone();
        if let Some(fault) = &mut fault {
            self.tile.fault_as_read(fault);
        }
        Done {
            chunk,
            rows,
            header_lines: decoded.header_lines,
            lines: decoded.lines,
            byte_offset: self.tile.byte_offset,
            fault,
            ended: decoded.ended,
            span,
            refusals,
            mendings,
            passed_over: decoded.passed_over,
            blank_lines: decoded.blank_lines,
            mended,
            replaced,
        }
    }

    /// What `locate` needs of this tile's rows.
    fn span(&self) -> Span {
        let (plan, tile, decoded) = (&*self.shared.plan, &self.tile, self.decoder.decoded());
        let data = self.shared.keeps_records.then(|| Box::from(tile.as_read(0..tile.len)));
        if plan.is_binary {
            return Span {
                first_row: 0,
                first_line: 0,
                byte_offset: tile.byte_offset,
                start: 0,
                ends: self.decoder.tuple_ends().to_vec(),
                lines: None,
                eol_len: 0,
                header_lines: 0,
                places: None,
                data,
            };
        }
        if let Some(places) = &decoded.places {
            let mut places = places.clone();
            tile.rows_as_read(&mut places);
            return Span {
                first_row: 0,
                first_line: 0,
                byte_offset: tile.byte_offset,
                start: 0,
                ends: Vec::new(),
                lines: None,
                eol_len: tile.eol_len_as_read() as u32,
                header_lines: 0,
                places: Some(places),
                data,
            };
        }
        let mut ends: Vec<u32> = self.decoder.record_ends(tile).collect();
        // The last record of the input may lack its line end, and with it a line that one in quotes would make up for.
        let is_open = !matches!(tile.data().last(), Some(b'\n' | b'\r'));
        let several = plan.is_csv() && (is_open || decoded.lines != decoded.rows as u64 + decoded.header_lines);
        let lines = several.then(|| {
            let counted = if tile.eol == Some(Eol::Lf) { b'\n' } else { b'\r' };
            let count =
                |from: u32, to: u32, byte| plan.scanner.count(&tile.data()[from as usize..to as usize], byte) as u32;
            // Until the first record has ended, PostgreSQL counts carriage returns; see `Pass::lines_before`.
            let before = if tile.first { b'\r' } else { counted };
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
            byte_offset: tile.byte_offset,
            start,
            ends,
            lines,
            eol_len: tile.eol_len_as_read() as u32,
            header_lines: decoded.header_lines,
            places: None,
            data,
        }
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
