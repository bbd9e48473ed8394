//! Rows for DuckDB, handed to it on its own threads.
//!
//! `@duckdb/node-api` lets JavaScript define a function for SQL, but every call of it goes by way of the event loop's thread. So
//! that function is made with the official interface up to the last step, and then gets [`serve_rows`] in place of a callback
//! of JavaScript's: by the C interface of the very library that the bindings have loaded. Where that cannot be had, and it is
//! tried out first ([`open_duckdb`]), JavaScript serves the rows itself.
//!
//! What a call finds: the function's extra information is its [`Shape`]; its first argument names a window in [`WINDOWS`], its
//! second the rows of that window.

use std::collections::HashMap;
use std::ffi::{CString, c_char, c_void};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, LazyLock, OnceLock, PoisonError, RwLock};

use copyist_format::duckdb::{Batch, ColumnBatch};
use copyist_transcode::ChunkData;
use libloading::os::unix::{Library, RTLD_LAZY};
use napi::bindgen_prelude::{Function, JsValue, Unknown};
use napi::{Env, sys};
use napi_derive::napi;

/// `dlopen` of what is loaded already, and nothing else.
const RTLD_NOLOAD: i32 = 4;

/// DuckDB's handles.
type Handle = *mut c_void;

/// Makes the table of functions of DuckDB's C interface that are used here.
macro_rules! functions {
    ($($(#[$doc:meta])* $name:ident: fn($($argument:ty),*) $(-> $result:ty)?;)*) => {
        struct Functions {
            $($(#[$doc])* $name: unsafe extern "C" fn($($argument),*) $(-> $result)?,)*
        }

        impl Functions {
            /// None if one is missing.
            ///
            /// # Safety
            /// `library` is a libduckdb, and stays loaded.
            unsafe fn load(library: &Library) -> Option<Self> {
                // SAFETY: the types are those of `duckdb.h`, which has kept them since it has these functions.
                unsafe {
                    Some(Self {
                        $($name: *library.get(concat!("duckdb_", stringify!($name), "\0").as_bytes()).ok()?,)*
                    })
                }
            }
        }
    };
}

functions! {
    scalar_function_set_function: fn(Handle, unsafe extern "C" fn(Handle, Handle, Handle));
    scalar_function_set_extra_info: fn(Handle, *mut c_void, unsafe extern "C" fn(*mut c_void));
    scalar_function_get_extra_info: fn(Handle) -> *mut c_void;
    scalar_function_set_error: fn(Handle, *const c_char);
    data_chunk_get_size: fn(Handle) -> u64;
    data_chunk_get_vector: fn(Handle, u64) -> Handle;
    vector_get_data: fn(Handle) -> *mut c_void;
    vector_ensure_validity_writable: fn(Handle);
    vector_get_validity: fn(Handle) -> *mut u64;
    struct_vector_get_child: fn(Handle, u64) -> Handle;
}

/// The functions of the one libduckdb of this process that is used natively, and its path.
static DUCKDB: OnceLock<(String, Functions)> = OnceLock::new();

/// The tag that the bindings put on their scalar functions, in every version so far.
const SCALAR_FUNCTION_TAG: sys::napi_type_tag =
    sys::napi_type_tag { lower: 0x95D4_8B70_51D1_4994, upper: 0x9F88_3D7D_F5DE_A86D };

/// Where the bindings keep the handle of a scalar function; null if `function` is not one of theirs.
fn handle_slot(env: &Env, function: &Unknown<'_>) -> *mut Handle {
    let (env, value) = (env.raw(), function.raw());
    let mut is_tagged = false;
    let mut data = std::ptr::null_mut();
    // SAFETY: both are of the call under way, and the out-pointers of locals.
    unsafe {
        let status = sys::napi_check_object_type_tag(env, value, &SCALAR_FUNCTION_TAG, &mut is_tagged);
        if status != sys::Status::napi_ok || !is_tagged {
            return std::ptr::null_mut();
        }
        if sys::napi_get_value_external(env, value, &mut data) != sys::Status::napi_ok {
            return std::ptr::null_mut();
        }
    }
    data.cast()
}

/// Finds DuckDB's C interface in the library that the bindings have loaded from `library`, and makes sure that scalar functions
/// of the bindings are what they are taken for: `destroy` destroys `probe`, by the bindings, and that must show where its handle is
/// kept. False if any of it is not as expected; then nothing of this module may be used.
#[napi(catch_unwind)]
pub fn open_duckdb(
    env: &Env,
    library: String,
    probe: Unknown<'_>,
    destroy: Function<'_, (), ()>,
) -> napi::Result<bool> {
    let slot = handle_slot(env, &probe);
    if slot.is_null() {
        return Ok(false);
    }
    // SAFETY: what the bindings tag is at least a pointer's size, and alive as long as `probe`. Whether it is the handle that comes
    // first is found out here.
    let (before, after) = unsafe {
        let before = slot.read();
        destroy.call(())?;
        (before, slot.read())
    };
    if before.is_null() || !after.is_null() {
        return Ok(false);
    }
    if let Some((path, _)) = DUCKDB.get() {
        return Ok(*path == library);
    }
    // SAFETY: nothing is loaded, so no initialiser runs.
    let Ok(opened) = (unsafe { Library::open(Some(&library), RTLD_LAZY | RTLD_NOLOAD) }) else {
        return Ok(false);
    };
    // SAFETY: the bindings work with it, and it is never closed (below).
    let Some(functions) = (unsafe { Functions::load(&opened) }) else {
        return Ok(false);
    };
    std::mem::forget(opened);
    Ok(DUCKDB.get_or_init(|| (library.clone(), functions)).0 == library)
}

/// What a function returns: a STRUCT of columns, then of marks for defaults.
struct Shape {
    /// What tells it from others of the same widths.
    signature: String,
    /// Bytes of a value of each column.
    widths: Vec<usize>,
    /// Columns that have a field of marks, in the order of these fields.
    defaults: Vec<usize>,
    /// Fields of each STRUCT within the one that is returned; none, where that one has them itself.
    group: Option<u64>,
}

impl Shape {
    /// # Safety
    /// `output` is a vector of this shape.
    unsafe fn field(&self, duckdb: &Functions, output: Handle, field: usize) -> Handle {
        let field = field as u64;
        // SAFETY: the caller's word.
        unsafe {
            match self.group {
                None => (duckdb.struct_vector_get_child)(output, field),
                Some(each) => (duckdb.struct_vector_get_child)(
                    (duckdb.struct_vector_get_child)(output, field / each),
                    field % each,
                ),
            }
        }
    }
}

/// Gives a scalar function that the bindings have made its body: it returns rows of windows. `widths` are the bytes of a value
/// of each column, `defaults` the columns that have a field of marks, `group` how many fields are in a STRUCT of their own; `signature`
/// tells what it returns from all else.
#[napi(catch_unwind)]
pub fn serve_duckdb(
    env: &Env,
    scalar_function: Unknown<'_>,
    signature: String,
    widths: Vec<u32>,
    defaults: Vec<u32>,
    group: Option<u32>,
) -> napi::Result<()> {
    let slot = handle_slot(env, &scalar_function);
    let Some((_, duckdb)) = DUCKDB.get().filter(|_| !slot.is_null()) else {
        return Err(napi::Error::from_reason("not a scalar function of the library that was opened"));
    };
    let shape = Shape {
        signature,
        widths: widths.into_iter().map(|width| width as usize).collect(),
        defaults: defaults.into_iter().map(|column| column as usize).collect(),
        group: group.filter(|&each| each > 0).map(Into::into),
    };
    let shape = Box::into_raw(Box::new(shape)).cast();
    // SAFETY: `open_duckdb` has proven that the handle is in this place. DuckDB owns the shape from here on.
    unsafe {
        let handle = slot.read();
        (duckdb.scalar_function_set_extra_info)(handle, shape, drop_shape);
        (duckdb.scalar_function_set_function)(handle, serve_rows);
    }
    Ok(())
}

unsafe extern "C" fn drop_shape(shape: *mut c_void) {
    // SAFETY: DuckDB passes what `serve_duckdb` gave it, once.
    drop(unsafe { Box::from_raw(shape.cast::<Shape>()) });
}

/// A chunk whose memory DuckDB reads.
pub struct HeldChunk {
    data: Vec<u8>,
    batch: Batch,
    rows: usize,
}

impl HeldChunk {
    /// Takes a chunk of DuckDB vectors.
    pub fn new(data: Vec<u8>, batch: Batch, rows: usize) -> Self {
        Self { data, batch, rows }
    }

    /// Rows in it.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Bytes before the long strings.
    pub fn fixed(&self) -> &[u8] {
        &self.data[..self.batch.fixed_len]
    }

    /// Where its columns are.
    pub fn columns(&self) -> &[ColumnBatch] {
        &self.batch.columns
    }

    /// The chunk as it was.
    pub fn into_data(self) -> ChunkData {
        ChunkData::Vectors(self.data, self.batch)
    }
}

/// Consecutive rows of a chunk.
pub struct Segment {
    pub chunk: Arc<HeldChunk>,
    /// First row, in the chunk.
    pub from: usize,
    pub rows: usize,
    /// First row, in the window.
    pub start: usize,
}

/// Rows that can be asked for.
struct Window {
    /// That of the functions which may ask: others would take the bytes for something else.
    signature: String,
    segments: Vec<Segment>,
}

/// Windows by the number that a function's first argument is.
static WINDOWS: LazyLock<RwLock<HashMap<u64, Arc<Window>>>> = LazyLock::new(RwLock::default);

/// A number for a window. Not to be guessed: another connection that knew it could ask for rows, and keep
/// pointers to their strings for longer than these are there.
#[napi(catch_unwind)]
pub fn new_window_id() -> f64 {
    // Keys from the system's source of randomness; as many bits as a double has.
    (RandomState::new().build_hasher().finish() >> 12) as f64
}

/// Replaces what is served under a number.
pub fn set_window(id: u64, signature: String, segments: Vec<Segment>) {
    let window = Arc::new(Window { signature, segments });
    WINDOWS.write().unwrap_or_else(PoisonError::into_inner).insert(id, window);
}

/// Nothing is served under a number any more. No statement that asks for it may be running.
#[napi(catch_unwind)]
pub fn drop_window(id: f64) {
    remove_window(id as u64);
}

/// As [`drop_window`].
pub fn remove_window(id: u64) {
    WINDOWS.write().unwrap_or_else(PoisonError::into_inner).remove(&id);
}

/// The body of the functions: `(window BIGINT, row BIGINT) -> STRUCT`.
unsafe extern "C" fn serve_rows(info: Handle, input: Handle, output: Handle) {
    let Some((_, duckdb)) = DUCKDB.get() else { return };
    // SAFETY: DuckDB calls this with handles that are good for the call.
    let served = catch_unwind(AssertUnwindSafe(|| unsafe { serve(duckdb, info, input, output) }));
    let problem = match served {
        Ok(Ok(())) => return,
        Ok(Err(problem)) => problem,
        Err(_) => "a defect of copyist: its function panicked".to_owned(),
    };
    let problem = CString::new(problem.replace('\0', " ")).unwrap_or_default();
    // SAFETY: as above; DuckDB copies the text.
    unsafe { (duckdb.scalar_function_set_error)(info, problem.as_ptr()) };
}

/// # Safety
/// The handles are those of a call of a function that [`serve_duckdb`] has set up.
unsafe fn serve(duckdb: &Functions, info: Handle, input: Handle, output: Handle) -> Result<(), String> {
    // SAFETY: DuckDB passes flat vectors of both arguments, of the types that the function was registered with, with as many values
    // as the chunk has rows; and the extra information of the function is a `Shape`.
    let (shape, windows, rows) = unsafe {
        let count = (duckdb.data_chunk_get_size)(input) as usize;
        if count == 0 {
            return Ok(());
        }
        let shape = &*(duckdb.scalar_function_get_extra_info)(info).cast::<Shape>();
        let argument = |index| {
            let vector = (duckdb.data_chunk_get_vector)(input, index);
            let validity = (duckdb.vector_get_validity)(vector);
            // Where there is a NULL, the value is anything.
            if !validity.is_null() && (0..count).any(|row| *validity.add(row / 64) >> (row % 64) & 1 == 0) {
                return Err("a window and a row must not be NULL");
            }
            Ok(std::slice::from_raw_parts((duckdb.vector_get_data)(vector).cast::<i64>(), count))
        };
        (shape, argument(0)?, argument(1)?)
    };
    let (count, first) = (rows.len(), rows[0]);
    if windows.iter().any(|&id| id != windows[0]) || rows.iter().zip(first..).any(|(&row, expected)| row != expected) {
        return Err("rows must be asked for in sequence".to_owned());
    }
    let window = u64::try_from(windows[0])
        .ok()
        .and_then(|id| WINDOWS.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned())
        .ok_or("this function works only inside a COPY")?;
    if window.signature != shape.signature {
        return Err("the rows are not of the kind that this function returns".to_owned());
    }
    let pieces =
        pieces(&window.segments, first, count).ok_or_else(|| format!("rows {first} on are not in the window"))?;
    for (column, &width) in shape.widths.iter().enumerate() {
        // SAFETY: the output is a STRUCT with these fields, of types whose values have this width.
        unsafe {
            let vector = shape.field(duckdb, output, column);
            write_column(duckdb, vector, &pieces, count, column, width)?;
        };
    }
    for (field, &column) in shape.defaults.iter().enumerate() {
        // SAFETY: behind the columns there are BOOLEAN fields, one byte a value.
        unsafe {
            let field = shape.field(duckdb, output, shape.widths.len() + field);
            let flags = (duckdb.vector_get_data)(field).cast::<u8>();
            write_defaults(std::slice::from_raw_parts_mut(flags, count), &pieces, column);
        }
    }
    Ok(())
}

/// Rows of one chunk, and how many come before them in the vector.
struct Piece<'a> {
    chunk: &'a HeldChunk,
    from: usize,
    rows: usize,
    done: usize,
}

/// Rows `first … first + count` of a window; None if it does not have all of them.
fn pieces(window: &[Segment], first: i64, count: usize) -> Option<Vec<Piece<'_>>> {
    let first = usize::try_from(first).ok()?;
    let mut index = window.partition_point(|segment| segment.start <= first).checked_sub(1)?;
    let mut pieces = Vec::with_capacity(4);
    let mut done = 0;
    while done < count {
        let segment = window.get(index)?;
        let skipped = first + done - segment.start;
        let rows = (count - done).min(segment.rows.checked_sub(skipped)?);
        pieces.push(Piece { chunk: &segment.chunk, from: segment.from + skipped, rows, done });
        done += rows;
        index += 1;
    }
    Some(pieces)
}

/// # Safety
/// `vector` is a flat vector with room for `count` values of `width` bytes; the pieces have as many rows.
unsafe fn write_column(
    duckdb: &Functions,
    vector: Handle,
    pieces: &[Piece<'_>],
    count: usize,
    column: usize,
    width: usize,
) -> Result<(), String> {
    // SAFETY: the caller's word.
    let data = unsafe { std::slice::from_raw_parts_mut((duckdb.vector_get_data)(vector).cast::<u8>(), count * width) };
    let mut has_nulls = false;
    for piece in pieces {
        let place = piece.chunk.batch.columns.get(column).filter(|place| place.width == width);
        let place = place.ok_or("a chunk does not have the columns of its table")?;
        let from = place.data + piece.from * width;
        data[piece.done * width..][..piece.rows * width]
            .copy_from_slice(&piece.chunk.data[from..from + piece.rows * width]);
        has_nulls |= place.validity.is_some();
    }
    if has_nulls {
        // SAFETY: the mask has a bit for each value there is room for, in whole words, once it has been made writable.
        let mask = unsafe {
            (duckdb.vector_ensure_validity_writable)(vector);
            std::slice::from_raw_parts_mut((duckdb.vector_get_validity)(vector), count.div_ceil(64))
        };
        for piece in pieces {
            let validity = piece.chunk.batch.columns[column].validity.map(|at| &piece.chunk.data[at..]);
            write_bits(
                mask,
                piece.done,
                piece.rows,
                |word| {
                    validity.map_or(u64::MAX, |words| {
                        let bytes = words.get(word * 8..).and_then(|rest| rest.first_chunk());
                        bytes.map_or(u64::MAX, |bytes| u64::from_le_bytes(*bytes))
                    })
                },
                piece.from,
            );
        }
    }
    Ok(())
}

/// Copies `count` bits from bit `from` of `source`, a function from a word's number to the word, to bit `at` of `target`.
fn write_bits(target: &mut [u64], at: usize, count: usize, source: impl Fn(usize) -> u64, from: usize) {
    let mut done = 0;
    while done < count {
        let (to, of) = (at + done, from + done);
        // Up to the end of a word of the target.
        let bits = (64 - to % 64).min(count - done);
        let mut word = source(of / 64) >> (of % 64);
        if of % 64 + bits > 64 {
            word |= source(of / 64 + 1) << (64 - of % 64);
        }
        let mask = (u64::MAX >> (64 - bits)) << (to % 64);
        let slot = &mut target[to / 64];
        *slot = *slot & !mask | (word << (to % 64)) & mask;
        done += bits;
    }
}

fn write_defaults(flags: &mut [u8], pieces: &[Piece<'_>], column: usize) {
    for piece in pieces {
        let flags = &mut flags[piece.done..piece.done + piece.rows];
        match piece.chunk.batch.columns[column].defaults {
            Some(at) => flags.copy_from_slice(&piece.chunk.data[at + piece.from..][..piece.rows]),
            None => flags.fill(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(rows: usize) -> Arc<HeldChunk> {
        let columns = vec![ColumnBatch { width: 1, data: 0, validity: None, defaults: None }];
        Arc::new(HeldChunk::new(vec![0; rows], Batch { columns, fixed_len: rows }, rows))
    }

    #[test]
    fn pieces_are_found_across_segments() {
        let window: Vec<Segment> = vec![
            Segment { chunk: chunk(10), from: 4, rows: 6, start: 0 },
            Segment { chunk: chunk(5), from: 0, rows: 5, start: 6 },
            Segment { chunk: chunk(9), from: 0, rows: 2, start: 11 },
        ];
        let found = |first, count| {
            pieces(&window, first, count).map(|all| all.iter().map(|p| (p.from, p.rows, p.done)).collect::<Vec<_>>())
        };
        assert_eq!(found(0, 13), Some(vec![(4, 6, 0), (0, 5, 6), (0, 2, 11)]));
        assert_eq!(found(5, 2), Some(vec![(9, 1, 0), (0, 1, 1)]));
        assert_eq!(found(12, 1), Some(vec![(1, 1, 0)]));
        for (first, count) in [(-1, 1), (13, 1), (0, 14), (12, 2), (i64::MAX, 1)] {
            assert_eq!(found(first, count), None, "{count} from {first}");
        }
        assert!(pieces(&[], 0, 1).is_none());
    }

    #[test]
    fn bits_are_copied_one_by_one() {
        let source = [0x0123_4567_89ab_cdef_u64, 0xfedc_ba98_7654_3210, 0x5555_aaaa_0f0f_f0f0];
        let bit = |words: &[u64], at: usize| words[at / 64] >> (at % 64) & 1;
        for (at, from, count) in
            [(0, 0, 192), (3, 0, 61), (3, 61, 70), (63, 1, 2), (64, 64, 64), (1, 127, 65), (191, 0, 1)]
        {
            for background in [0, u64::MAX] {
                let mut target = [background; 3];
                write_bits(&mut target, at, count, |word| source[word], from);
                for position in 0..192 {
                    let inside = (at..at + count).contains(&position);
                    let expected = if inside { bit(&source, from + position - at) } else { background & 1 };
                    assert_eq!(bit(&target, position), expected, "{at} {from} {count}: {position}");
                }
            }
        }
    }
}
