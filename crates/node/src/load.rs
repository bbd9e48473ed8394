//! A load as a JavaScript object.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use copyist_core::{DataError, ErrorCode};
use copyist_format::infer::{Guess, MAX_NAME, column_names};
use copyist_format::{Plan, Tolerance};
use copyist_transcode::values::Node;
use copyist_transcode::{
    ChunkData, Failure, FileCounters, Input, Load, LocalFile, Location, Next, Pushed, Source, Specification, Summary,
    Told, peek,
};
use napi::bindgen_prelude::{AsyncTask, Buffer, BufferSlice, Float64Array, Function};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Env, Status, Task, sys};
use napi_derive::napi;

use crate::convert::BindingFailure;
use crate::duckdb::{self, HeldChunk, Segment};
use crate::rejects::BindingRejects;
use crate::remote::{BindingObject, BindingStore};
use crate::schema::{self, BindingSchema};
use crate::specification::{BindingAbout, BindingOrder, BindingSpecification, compression_named};
use crate::spool::BindingSpool;

/// What `next` found. `state` is `chunk`, `pending`, `grow`, `rejects`, `end` or `failed`.
#[napi(object)]
pub struct BindingNext {
    pub state: String,
    /// Bytes written into the caller's buffer; with `grow`, the bytes it must hold.
    pub length: u32,
    pub rows: f64,
    /// DuckDB: names the chunk, which stays in native memory until `release`.
    pub id: u32,
    /// Bytes of native memory that `release` gives back.
    pub held: f64,
    /// DuckDB: width, data, validity, defaults of each column; -1 for none. `ipc`: how many of the bytes are the schema's. `values`: of each
    /// column, and behind a list of its elements, its kind, rows, places of validity bits and data, bytes of the data, places of offsets
    /// and of offsets in UTF-16, or how many texts the dictionary must have; -1 for none.
    pub columns: Option<Vec<f64>>,
    /// `ipc`: the bytes, which are not copied where the platform allows it.
    pub given: Option<Buffer>,
    pub failure: Option<BindingFailure>,
    /// Whether refused records wait to be taken.
    pub has_rejects: bool,
}

impl BindingNext {
    fn state(state: &str) -> Self {
        Self {
            state: state.to_owned(),
            length: 0,
            rows: 0.0,
            id: 0,
            held: 0.0,
            columns: None,
            given: None,
            failure: None,
            has_rejects: false,
        }
    }
}

/// How far the load is.
#[napi(object)]
pub struct BindingCounters {
    pub bytes_read: f64,
    pub rows_read: f64,
    pub header_lines: f64,
    pub lines_skipped: f64,
    pub rows_refused: f64,
    /// Records that do not meet the conditions, which are not among the rows read.
    pub rows_passed_over: f64,
    /// Empty lines that were passed over; they are no records.
    pub blank_lines: f64,
    /// Rows with a value that was refused and replaced.
    pub rows_mended: f64,
    /// Bytes that were no UTF-8 and were replaced.
    pub bytes_replaced: f64,
    /// What the input is in, if it is not UTF-8.
    pub encoding: Option<String>,
}

/// Bytes of records beyond which no more are told at once.
const MOST_RECORDS: usize = 256 * 1024;

/// Numbers of each in [`BindingRecords::places`].
const RECORD_NUMBERS: usize = 7;

/// Rows of which somebody wants to know more. Objects that are made one by one across the boundary cost more than to find them.
#[napi(object)]
pub struct BindingRecords {
    /// For each row, one after the other: its input, the bytes of records before it in all inputs, its first and last line, its byte offset and length, and how
    /// many bytes of it are in `raw`; NaN where it is not known.
    pub places: Float64Array,
    pub raw: Buffer,
}

/// Where a row is.
#[napi(object)]
pub struct BindingLocation {
    /// The number of the input in the order of the load, from 0.
    pub file: u32,
    /// Bytes of records before it in all inputs.
    pub position: f64,
    pub line: f64,
    pub first_line: f64,
    pub byte_offset: f64,
    pub byte_length: f64,
}

/// Texts of a dictionary.
#[napi(object)]
pub struct BindingTexts {
    /// End to end.
    pub bytes: Buffer,
    /// Where each ends.
    pub ends: Vec<u32>,
}

/// A column's proven type.
#[napi(object)]
pub struct BindingGuess {
    pub kind: String,
    pub precision: Option<u32>,
    pub scale: Option<i32>,
    /// Of `int8`: digits of the longest value.
    pub digits: Option<u32>,
}

/// The outcome of `peek`.
#[napi(object)]
pub struct BindingPeek {
    /// Absent when the input is empty.
    pub names: Option<Vec<String>>,
    /// The same as the header writes them, where it does: some may be there more than once.
    pub written: Option<Vec<String>>,
    /// The header is an empty line.
    pub is_nameless: bool,
    pub failure: Option<BindingFailure>,
}

/// It does not keep the process by itself: a reading that is left alone does not matter to it.
type Callback = ThreadsafeFunction<(), (), (), Status, false, true>;

fn callback(function: &Function<'_, (), ()>) -> napi::Result<Callback> {
    function.build_threadsafe_function::<()>().weak::<true>().build()
}

/// Says whether somebody waits to be called, who keeps the process.
fn set_awaited(callback: &Callback, env: Env, is_awaited: bool) {
    // SAFETY: the function lives as long as the callback, which is borrowed, and this is the thread that it was made in, as `env` is only there.
    unsafe {
        if is_awaited {
            sys::napi_ref_threadsafe_function(env.raw(), callback.raw());
        } else {
            sys::napi_unref_threadsafe_function(env.raw(), callback.raw());
        }
    }
}

#[derive(Default)]
struct Inner {
    load: Option<Load>,
    pushed: Option<Arc<Pushed>>,
    /// Called when there is news, until it is closed.
    on_ready: Option<Arc<Callback>>,
    /// A chunk that did not fit the caller's buffer.
    waiting: Option<copyist_transcode::Chunk>,
    /// Chunks that DuckDB still reads: all of them, or of those that were copied the long strings.
    held: HashMap<u32, Arc<HeldChunk>>,
    next_id: u32,
    /// Whether chunks for DuckDB are served from native memory, and so not copied.
    is_served: bool,
    /// The window that was served last.
    window: Option<u64>,
    /// What can still be asked after the load was closed.
    last: Option<Summary>,
}

/// One pass over one input.
#[napi]
#[derive(Default)]
pub struct BindingLoad {
    inner: Mutex<Inner>,
    /// JavaScript waits to be called.
    armed: Arc<AtomicBool>,
}

#[napi]
impl BindingLoad {
    /// A load that has not started.
    #[napi(constructor, catch_unwind)]
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts reading a file. `onReady` is called when `next` has news after it was `pending`.
    #[napi(catch_unwind)]
    pub fn start_file(
        &self,
        specification: BindingSpecification,
        path: String,
        on_ready: Function<'_, (), ()>,
    ) -> napi::Result<Option<BindingFailure>> {
        let on_ready = callback(&on_ready)?;
        let source = match open(&path, &specification.name) {
            Ok(file) => Source::File(file),
            Err(failure) => return Ok(Some(failure.into())),
        };
        Ok(self.start(
            &specification,
            vec![specification.input(&specification.name, source)],
            &Told::Itself,
            None,
            on_ready,
        ))
    }

    /// Starts reading files, one after the other. `names` are what they are called in messages.
    #[napi(catch_unwind)]
    pub fn start_files(
        &self,
        specification: BindingSpecification,
        paths: Vec<String>,
        names: Vec<String>,
        on_ready: Function<'_, (), ()>,
    ) -> napi::Result<Option<BindingFailure>> {
        let on_ready = callback(&on_ready)?;
        Ok(self.start(&specification, inputs(&specification, paths, names), &Told::Itself, None, on_ready))
    }

    /// Starts reading objects of a store, one after the other.
    #[napi(catch_unwind)]
    pub fn start_remote(
        &self,
        specification: BindingSpecification,
        store: &BindingStore,
        objects: Vec<BindingObject>,
        on_ready: Function<'_, (), ()>,
    ) -> napi::Result<Option<BindingFailure>> {
        let on_ready = callback(&on_ready)?;
        match store.inputs(&specification, &objects) {
            Ok(inputs) => Ok(self.start(&specification, inputs, &Told::Itself, None, on_ready)),
            Err(failure) => Ok(Some(failure.into())),
        }
    }

    /// Starts reading a spooled stream.
    #[napi(catch_unwind)]
    pub fn start_spool(
        &self,
        specification: BindingSpecification,
        spool: &BindingSpool,
        on_ready: Function<'_, (), ()>,
    ) -> napi::Result<Option<BindingFailure>> {
        let on_ready = callback(&on_ready)?;
        let source = match spool.source() {
            Ok(source) => source,
            Err(failure) => return Ok(Some(failure.into())),
        };
        let orders = specification.orders.iter().flatten().map(BindingOrder::order).collect();
        let input = Input { orders, ..specification.input(&specification.name, source) };
        Ok(self.start(&specification, vec![input], &Told::Nothing, None, on_ready))
    }

    /// Starts reading what `push` brings. `onDrain` is called when pushing may go on.
    #[napi(catch_unwind)]
    pub fn start_stream(
        &self,
        specification: BindingSpecification,
        high_water: u32,
        on_ready: Function<'_, (), ()>,
        on_drain: Function<'_, (), ()>,
    ) -> napi::Result<Option<BindingFailure>> {
        let on_ready = callback(&on_ready)?;
        let on_drain = callback(&on_drain)?;
        let drained = move || {
            on_drain.call((), ThreadsafeFunctionCallMode::NonBlocking);
        };
        let pushed = Pushed::new(high_water as usize, Box::new(drained));
        let inputs = vec![specification.input(&specification.name, Source::Pushed(Arc::clone(&pushed)))];
        Ok(self.start(&specification, inputs, &Told::Nothing, Some(pushed), on_ready))
    }

    fn start(
        &self,
        specification: &BindingSpecification,
        mut inputs: Vec<Input>,
        told: &Told,
        pushed: Option<Arc<Pushed>>,
        on_ready: Callback,
    ) -> Option<BindingFailure> {
        let (plan, sink) = match specification.plan() {
            Ok(plan) => plan,
            Err(failure) => return Some(failure.into()),
        };
        specification.tell(&mut inputs, told);
        let inputs = match specification.columnar() {
            None => inputs,
            Some(format) => {
                let further = specification.further();
                let in_columns = |input: Input| Input {
                    further: further.clone(),
                    ..input.in_columns(format, specification.positions())
                };
                inputs.into_iter().map(in_columns).collect()
            }
        };
        let armed = Arc::clone(&self.armed);
        let on_ready = Arc::new(on_ready);
        let told_ready = Arc::clone(&on_ready);
        let load = Load::start(Specification {
            plan,
            sink,
            inputs,
            maps_by_name: specification.maps_by_name,
            table: specification.table.clone(),
            limits: specification.limits(),
            is_framed: specification.is_framed,
            keeps_records: specification.keeps_records,
            on_ready: Box::new(move || {
                if armed.swap(false, Ordering::AcqRel) {
                    told_ready.call((), ThreadsafeFunctionCallMode::NonBlocking);
                }
            }),
        });
        let mut inner = self.lock();
        inner.load = Some(load);
        inner.on_ready = Some(on_ready);
        inner.is_served = specification.is_served;
        inner.pushed = pushed;
        None
    }

    /// Adds a chunk of the stream; false asks to wait for `onDrain`.
    #[napi(catch_unwind)]
    pub fn push(&self, chunk: BufferSlice<'_>) -> bool {
        let pushed = self.lock().pushed.clone();
        pushed.is_none_or(|pushed| pushed.push(chunk.to_vec()))
    }

    /// The stream has ended.
    #[napi(catch_unwind)]
    pub fn end(&self) {
        if let Some(pushed) = &self.lock().pushed {
            pushed.end();
        }
    }

    /// The stream has failed.
    #[napi(catch_unwind)]
    pub fn fail(&self, message: String) {
        if let Some(pushed) = &self.lock().pushed {
            pushed.fail(message);
        }
    }

    /// Copies the next chunk into `into`, if there is one. Never waits.
    #[napi(catch_unwind)]
    pub fn next(&self, env: Env, into: BufferSlice<'_>) -> BindingNext {
        let mut next = self.look(into);
        let inner = self.lock();
        next.has_rejects = inner.load.as_ref().is_some_and(Load::has_rejects);
        if let Some(on_ready) = &inner.on_ready {
            set_awaited(on_ready, env, next.state == "pending");
        }
        next
    }

    /// Takes at most `most` of the records that were refused or mended, in the order of the input.
    #[napi(catch_unwind)]
    pub fn take_rejects(&self, most: u32) -> BindingRejects {
        let rejects = self.lock().load.as_ref().map(|load| load.take_rejects(most as usize)).unwrap_or_default();
        crate::rejects::rejects(&rejects)
    }

    fn look(&self, mut into: BufferSlice<'_>) -> BindingNext {
        let mut guard = self.lock();
        let inner = &mut *guard;
        let Some(load) = &inner.load else {
            let error = DataError::new(ErrorCode::QueryCanceled, "COPY was cancelled");
            return failed(Failure::whole(error));
        };
        let chunk = match inner.waiting.take() {
            Some(chunk) => chunk,
            None => {
                // Armed before looking, so that news between the look and the return is not lost.
                self.armed.store(true, Ordering::Release);
                match load.try_next(Duration::ZERO) {
                    Next::Pending => return BindingNext::state("pending"),
                    Next::Rejects => return BindingNext::state("rejects"),
                    Next::End => return BindingNext::state("end"),
                    Next::Failed(failure) => return failed(*failure),
                    Next::Chunk(chunk) => chunk,
                }
            }
        };
        let length = match &chunk.data {
            ChunkData::Messages(bytes) => bytes.len(),
            // Served from where it is, or from a copy.
            ChunkData::Vectors(_, batch) => {
                if inner.is_served {
                    0
                } else {
                    batch.fixed_len
                }
            }
            ChunkData::Ipc(_) => 0,
            ChunkData::Values(bytes, _) => bytes.len(),
            _ => unreachable!("no sink of this boundary makes record batches"),
        };
        if into.len() < length {
            inner.waiting = Some(chunk);
            return BindingNext { length: length as u32, ..BindingNext::state("grow") };
        }
        let rows = chunk.rows as f64;
        let mut next = BindingNext { length: length as u32, rows, ..BindingNext::state("chunk") };
        match chunk.data {
            ChunkData::Messages(bytes) => {
                into[..length].copy_from_slice(&bytes);
                load.recycle(ChunkData::Messages(bytes));
            }
            ChunkData::Ipc(mut ipc) => {
                next.columns = Some(vec![ipc.schema as f64]);
                next.given = Some(Buffer::from(ipc.take()));
                load.recycle(ChunkData::Ipc(ipc));
            }
            ChunkData::Values(bytes, nodes) => {
                into[..length].copy_from_slice(&bytes);
                next.columns = Some(nodes.iter().flat_map(node_numbers).collect());
                load.recycle(ChunkData::Values(bytes, nodes));
            }
            ChunkData::Vectors(bytes, batch) => {
                next.held = bytes.len() as f64;
                let chunk = HeldChunk::new(bytes, batch, rows as usize);
                into[..length].copy_from_slice(&chunk.fixed()[..length]);
                let place = |offset: Option<usize>| offset.map_or(-1.0, |offset| offset as f64);
                next.columns = Some(
                    chunk
                        .columns()
                        .iter()
                        .flat_map(|c| [c.width as f64, c.data as f64, place(c.validity), place(c.defaults)])
                        .collect(),
                );
                next.id = inner.next_id;
                inner.held.insert(inner.next_id, Arc::new(chunk));
                inner.next_id = inner.next_id.wrapping_add(1);
            }
            _ => unreachable!("its length was taken above"),
        }
        next
    }

    /// DuckDB has consumed the rows of chunk `id`.
    #[napi(catch_unwind)]
    pub fn release(&self, id: u32) {
        let mut inner = self.lock();
        // What a window still serves is given back when that is dropped, but its place in the load is not.
        if let Some(chunk) = inner.held.remove(&id).and_then(Arc::into_inner)
            && let Some(load) = &inner.load
        {
            load.recycle(chunk.into_data());
        }
    }

    /// DuckDB: serves rows of chunks under the number of a window, to functions of this signature. Each segment is a chunk's id, its
    /// first row and how many.
    #[napi(catch_unwind)]
    pub fn serve(&self, window: f64, signature: String, segments: Vec<Vec<u32>>) -> napi::Result<()> {
        let mut guard = self.lock();
        let inner = &mut *guard;
        let mut start = 0;
        let mut served = Vec::with_capacity(segments.len());
        for segment in segments {
            let &[id, from, rows] = &segment[..] else {
                return Err(napi::Error::from_reason("a segment is three numbers"));
            };
            let Some(chunk) = inner.held.get(&id) else {
                return Err(napi::Error::from_reason(format!("chunk {id} has been released")));
            };
            let (from, rows) = (from as usize, rows as usize);
            if from + rows > chunk.rows() {
                return Err(napi::Error::from_reason(format!("chunk {id} has {} rows", chunk.rows())));
            }
            served.push(Segment { chunk: Arc::clone(chunk), from, rows, start });
            start += rows;
        }
        let window = window as u64;
        inner.window = Some(window);
        duckdb::set_window(window, signature, served);
        Ok(())
    }

    /// How many of its threads may work from now on.
    #[napi(catch_unwind)]
    pub fn set_threads(&self, threads: u32) {
        if let Some(load) = &self.lock().load {
            load.set_threads(threads as usize);
        }
    }

    /// How far the load is.
    #[napi(catch_unwind)]
    pub fn counters(&self) -> BindingCounters {
        let inner = self.lock();
        let last = || inner.last.as_ref().map(|last| last.counters).unwrap_or_default();
        let counters = inner.load.as_ref().map_or_else(last, Load::counters);
        BindingCounters {
            bytes_read: counters.bytes_read as f64,
            rows_read: counters.rows_read as f64,
            header_lines: counters.header_lines as f64,
            lines_skipped: counters.lines_skipped as f64,
            rows_refused: counters.rows_refused as f64,
            rows_passed_over: counters.rows_passed_over as f64,
            blank_lines: counters.blank_lines as f64,
            rows_mended: counters.rows_mended as f64,
            bytes_replaced: counters.bytes_replaced as f64,
            encoding: counters.encoding.map(|encoding| encoding.name().to_owned()),
        }
    }

    /// How far each input is: of one after the other bytes read, rows read and refused, header lines, lines skipped, records passed over,
    /// empty lines, rows mended and bytes replaced. Of inputs whose turn has not come there may be nothing.
    #[napi(catch_unwind)]
    pub fn files(&self) -> Vec<f64> {
        let inner = self.lock();
        let last = || inner.last.as_ref().map(|last| last.files.clone()).unwrap_or_default();
        let files = inner.load.as_ref().map_or_else(last, Load::files);
        files.iter().flat_map(|file| file_numbers(file).map(|number| number as f64)).collect()
    }

    /// The names in the header of an input, by its number, where its fields stand in another order than those of the first.
    #[napi(catch_unwind)]
    pub fn fields_of(&self, file: u32) -> Option<Vec<String>> {
        let inner = self.lock();
        match &inner.load {
            Some(load) => load.fields_of(file),
            None => inner.last.as_ref()?.fields_of(file),
        }
    }

    /// What the store says of each object that is read, or was.
    #[napi(catch_unwind)]
    pub fn about(&self) -> Vec<BindingAbout> {
        let inner = self.lock();
        let last = || inner.last.as_ref().map(|last| last.about.clone()).unwrap_or_default();
        let all = inner.load.as_ref().map_or_else(last, Load::about);
        all.iter().map(|about| about.as_ref().map_or_else(BindingAbout::default, BindingAbout::of)).collect()
    }

    /// Where a row, counted from 0, stands in the input.
    #[napi(catch_unwind)]
    pub fn locate(&self, row: f64) -> Option<BindingLocation> {
        let inner = self.lock();
        let location = match (&inner.load, &inner.last) {
            (Some(load), _) => load.locate(row as u64),
            (None, Some(last)) => last.locate(row as u64),
            (None, None) => None,
        }?;
        Some(BindingLocation {
            file: location.file,
            position: location.position as f64,
            line: location.line as f64,
            first_line: location.first_line as f64,
            byte_offset: location.byte_offset as f64,
            byte_length: location.byte_len as f64,
        })
    }

    /// Where rows, counted from 0, stand in the input, and the bytes of their records, where they are kept, up to a limit: of the first of the rows, as
    /// many as take little memory.
    #[napi(catch_unwind)]
    pub fn records(&self, rows: Vec<f64>, limit: u32) -> BindingRecords {
        let inner = self.lock();
        let mut places = Vec::with_capacity(RECORD_NUMBERS * rows.len());
        let mut raw = Vec::new();
        for row in rows.into_iter().map(|row| row as u64) {
            let found = match (&inner.load, &inner.last) {
                (Some(load), _) => load.locate(row).zip(load.record(row)),
                (None, Some(last)) => last.locate(row).zip(last.record(row)),
                (None, None) => None,
            };
            let numbers =
                found.map(|(Location { file, position, line, first_line, byte_offset, byte_len }, record)| {
                    let record = &record[..record.len().min(limit as usize)];
                    raw.extend_from_slice(record);
                    let len = record.len() as u64;
                    [u64::from(file), position, first_line, line, byte_offset, byte_len, len]
                        .map(|number| number as f64)
                });
            places.extend(numbers.unwrap_or([f64::NAN; RECORD_NUMBERS]));
            if raw.len() > MOST_RECORDS {
                break;
            }
        }
        BindingRecords { places: places.into(), raw: raw.into() }
    }

    /// `values`: texts of a column's dictionary from a number on.
    #[napi(catch_unwind)]
    pub fn texts(&self, column: u32, from: u32) -> BindingTexts {
        let inner = self.lock();
        let texts = inner.load.as_ref().map(|load| load.texts(column as usize, from as usize));
        let (bytes, ends) = texts.unwrap_or_default();
        BindingTexts { bytes: bytes.into(), ends }
    }

    /// Nobody will ask about rows before this one any more; what there is to ask about others is kept.
    #[napi(catch_unwind)]
    pub fn settle(&self, row: f64) {
        if let Some(load) = &self.lock().load {
            load.settle(row as u64);
        }
    }

    /// Whether what is kept of rows that are not settled takes half of the memory that it may.
    #[napi(catch_unwind)]
    pub fn is_full(&self) -> bool {
        self.lock().load.as_ref().is_some_and(Load::is_full)
    }

    /// The proven types, after `end`.
    #[napi(catch_unwind)]
    pub fn guesses(&self) -> Vec<BindingGuess> {
        let guesses = self.lock().load.as_ref().map(Load::guesses).unwrap_or_default();
        guesses.iter().map(|guess| binding_guess(&guess.finish(), guess.integer_digits())).collect()
    }

    /// Stops all threads without waiting for them.
    #[napi(catch_unwind)]
    pub fn cancel(&self) {
        if let Some(load) = &self.lock().load {
            load.cancel();
        }
    }

    /// Stops all threads; settles when they are gone. Chunks not yet released are kept until then by the caller's word
    /// that DuckDB is done with them.
    #[napi(catch_unwind)]
    pub fn close(&self) -> AsyncTask<Closing> {
        let mut inner = self.lock();
        let load = inner.load.take();
        if let Some(load) = &load {
            load.cancel();
            inner.last = Some(load.summary());
        }
        inner.pushed = None;
        inner.on_ready = None;
        inner.waiting = None;
        AsyncTask::new(Closing { load, _held: std::mem::take(&mut inner.held) })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for BindingLoad {
    /// A worker of Node's that is terminated does not drop its windows.
    fn drop(&mut self) {
        if let Some(window) = self.lock().window {
            duckdb::remove_window(window);
        }
    }
}

/// Joins the threads off the main thread.
pub struct Closing {
    load: Option<Load>,
    _held: HashMap<u32, Arc<HeldChunk>>,
}

impl Task for Closing {
    type Output = ();
    type JsValue = ();

    fn compute(&mut self) -> napi::Result<()> {
        drop(self.load.take());
        Ok(())
    }

    fn resolve(&mut self, _: Env, (): ()) -> napi::Result<()> {
        Ok(())
    }
}

/// Arrow's IPC stream of no rows of the columns of a plan; none where it has a type without a form there.
#[napi(catch_unwind)]
pub fn empty_ipc(specification: BindingSpecification) -> Option<Buffer> {
    let (plan, _) = specification.plan().ok()?;
    copyist_transcode::values::empty_ipc(&plan).ok().map(Buffer::from)
}

/// The column names that a table made from this file would have.
#[napi(catch_unwind)]
pub fn peek_file(specification: BindingSpecification, path: String) -> BindingPeek {
    match open(&path, &specification.name) {
        Ok(file) => peeked(&specification, vec![specification.input(&specification.name, Source::File(file))]),
        Err(failure) => BindingPeek { names: None, written: None, is_nameless: false, failure: Some(failure.into()) },
    }
}

/// The same for files, of which the first one that has anything in it tells.
#[napi(catch_unwind)]
pub fn peek_files(specification: BindingSpecification, paths: Vec<String>, names: Vec<String>) -> BindingPeek {
    peeked(&specification, inputs(&specification, paths, names))
}

/// The same for a spooled stream.
#[napi(catch_unwind)]
pub fn peek_spool(specification: BindingSpecification, spool: &BindingSpool) -> BindingPeek {
    match spool.source() {
        Ok(source) => peeked(&specification, vec![specification.input(&specification.name, source)]),
        Err(failure) => BindingPeek { names: None, written: None, is_nameless: false, failure: Some(failure.into()) },
    }
}

/// By what an input is compressed that has this name and begins with these bytes, 16 or all that there are; `compression` is that of a specification.
#[napi(catch_unwind)]
pub fn codec_of(compression: String, name: String, start: Buffer) -> Option<String> {
    compression_named(&compression).codec(&name, &start).map(|codec| codec.name().to_owned())
}

/// The columns of a file that has them: of several files those of the first. `format` is `parquet` or `arrow`.
#[napi(catch_unwind, ts_return_type = "Promise<BindingSchema>")]
pub fn schema_of_file(format: String, path: String, name: String) -> AsyncTask<Describing> {
    AsyncTask::new(Describing { format, name, source: Some(Ok(Source::Path(path.into()))) })
}

/// The same of a spooled stream.
#[napi(catch_unwind, ts_return_type = "Promise<BindingSchema>")]
pub fn schema_of_spool(format: String, spool: &BindingSpool, name: String) -> AsyncTask<Describing> {
    AsyncTask::new(Describing { format, name, source: Some(spool.source()) })
}

/// Reading what a file says of its columns, which may be long.
pub struct Describing {
    format: String,
    name: String,
    /// Until it is read.
    source: Option<Result<Source, Failure>>,
}

impl Task for Describing {
    type Output = BindingSchema;
    type JsValue = BindingSchema;

    fn compute(&mut self) -> napi::Result<BindingSchema> {
        let source = self.source.take().ok_or_else(|| napi::Error::from_reason("a file is described once"))?;
        Ok(match source {
            Ok(source) => schema::describe(&self.format, source, &self.name),
            Err(failure) => BindingSchema { columns: Vec::new(), rows: None, failure: Some(failure.into()) },
        })
    }

    fn resolve(&mut self, _: Env, schema: BindingSchema) -> napi::Result<BindingSchema> {
        Ok(schema)
    }
}

fn inputs(specification: &BindingSpecification, paths: Vec<String>, names: Vec<String>) -> Vec<Input> {
    let pairs = paths.into_iter().zip(names);
    pairs.map(|(path, name)| specification.input(&name, Source::Path(path.into()))).collect()
}

fn node_numbers(node: &Node) -> [f64; 7] {
    let place = |offset: Option<usize>| offset.map_or(-1.0, |offset| offset as f64);
    let Node { kind, rows, validity, data, bytes, offsets, units } = *node;
    [f64::from(kind as u8), rows as f64, place(validity), data as f64, bytes as f64, place(offsets), place(units)]
}

fn file_numbers(file: &FileCounters) -> [u64; 9] {
    [
        file.bytes_read,
        file.rows_read,
        file.rows_refused,
        file.header_lines,
        file.lines_skipped,
        file.rows_passed_over,
        file.blank_lines,
        file.rows_mended,
        file.bytes_replaced,
    ]
}

fn peeked(specification: &BindingSpecification, inputs: Vec<Input>) -> BindingPeek {
    let limits = specification.limits();
    let first = specification.plan().and_then(|(plan, _)| {
        // Names have what the statement puts in place of invalid characters.
        let invalid = specification.tolerance.invalid();
        let plan = Plan { tolerance: Tolerance { invalid, ..plan.tolerance }, ..Plan::clone(&plan) };
        peek(&plan, inputs, limits.tile_size, limits.max_record)
    });
    match first {
        Ok(None) => BindingPeek { names: None, written: None, is_nameless: false, failure: None },
        Ok(Some(fields)) => {
            let header: Vec<Vec<u8>> = fields.into_iter().map(Option::unwrap_or_default).collect();
            let named = specification.header != "false";
            let names = column_names(named.then_some(&header[..]), header.len());
            let as_written = |(name, raw): (&String, &Vec<u8>)| {
                // Longer ones are cut to what a column can be called.
                let is_name = named && !raw.is_empty() && raw.len() <= MAX_NAME;
                if is_name { String::from_utf8_lossy(raw).into_owned() } else { name.clone() }
            };
            let written = names.iter().zip(&header).map(as_written).collect();
            let is_nameless = named && header.len() == 1 && header[0].is_empty();
            BindingPeek { names: Some(names), written: Some(written), is_nameless, failure: None }
        }
        Err(failure) => BindingPeek { names: None, written: None, is_nameless: false, failure: Some(failure.into()) },
    }
}

fn failed(failure: Failure) -> BindingNext {
    BindingNext { failure: Some(failure.into()), ..BindingNext::state("failed") }
}

fn open(path: &str, name: &str) -> Result<LocalFile, Failure> {
    let file = LocalFile::open(path, name).map_err(|error| Failure::of_open(&error, path))?;
    if file.metadata().is_dir() {
        return Err(Failure::whole(DataError::new(ErrorCode::WrongObjectType, format!("\"{path}\" is a directory"))));
    }
    Ok(file)
}

fn binding_guess(guess: &Guess, digits: u16) -> BindingGuess {
    let (kind, precision, scale) = match guess {
        Guess::Bool => ("bool", None, None),
        Guess::Int8 => ("int8", None, None),
        Guess::Numeric { precision, scale } => ("numeric", Some(u32::from(*precision)), Some(i32::from(*scale))),
        Guess::Float8 => ("float8", None, None),
        Guess::Date => ("date", None, None),
        Guess::Time => ("time", None, None),
        Guess::Timestamp => ("timestamp", None, None),
        Guess::TimestampTz => ("timestamptz", None, None),
        Guess::Uuid => ("uuid", None, None),
        Guess::Text => ("text", None, None),
    };
    let digits = (*guess == Guess::Int8).then_some(digits.into());
    BindingGuess { kind: kind.to_owned(), precision, scale, digits }
}
