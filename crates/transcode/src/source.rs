//! Where bytes come from: a file, or a stream whose chunks are pushed in by the caller.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use copyist_core::{DataError, ErrorCode};

use crate::failure::Failure;

/// One of the inputs of a load, which are read one after the other.
pub struct Input {
    /// What it is called in messages.
    pub name: String,
    pub source: Source,
}

impl Input {
    /// The only input of a load.
    #[must_use]
    pub fn only(name: impl Into<String>, source: Source) -> Vec<Self> {
        vec![Self { name: name.into(), source }]
    }

    /// The same input, whose rows come in columns.
    #[cfg(feature = "columnar")]
    #[must_use]
    pub fn in_columns(self, format: crate::columnar::Format) -> Self {
        Self { source: Source::Columnar(format, Box::new(self.source)), ..self }
    }
}

/// Where the bytes of an input are.
pub enum Source {
    File(File),
    /// A regular file that is opened when its turn comes: of many files no more than one is open at a time.
    Path(PathBuf),
    /// Bytes already in memory.
    Memory(io::Cursor<Arc<Vec<u8>>>),
    Pushed(Arc<Pushed>),
    /// Rows in columns, in what is no stream.
    #[cfg(feature = "columnar")]
    Columnar(crate::columnar::Format, Box<Source>),
}

impl Source {
    /// Opens what is not open yet. The bytes there should be, where that is known.
    pub(crate) fn open(&mut self, name: &str) -> Result<Option<u64>, Failure> {
        let Source::Path(path) = self else { return Ok(None) };
        let refuse = |error: &io::Error| Failure::of_open(error, name);
        let file = File::open(path).map_err(|error| refuse(&error))?;
        let metadata = file.metadata().map_err(|error| refuse(&error))?;
        if !metadata.is_file() {
            let what = if metadata.is_dir() { "a directory" } else { "not a regular file" };
            let message = format!("\"{name}\" is {what}");
            return Err(Failure::whole(DataError::new(ErrorCode::WrongObjectType, message)));
        }
        *self = Source::File(file);
        Ok(Some(metadata.len()))
    }

    /// Whether to read it takes no longer than to read a file.
    pub(crate) fn is_at_hand(&self) -> bool {
        matches!(self, Source::Path(_) | Source::Memory(_))
    }

    /// Reads up to `into.len()` bytes; 0 at the end.
    pub(crate) fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Source::File(file) => loop {
                match file.read(into) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    other => return other,
                }
            },
            Source::Memory(cursor) => {
                // `Cursor` reads from what can be seen as a slice; an `Arc` of a vector is one step away.
                let at = cursor.position() as usize;
                let bytes = &cursor.get_ref()[at..];
                let size = bytes.len().min(into.len());
                into[..size].copy_from_slice(&bytes[..size]);
                cursor.set_position((at + size) as u64);
                Ok(size)
            }
            Source::Pushed(pushed) => pushed.read(into),
            Source::Path(path) => Err(io::Error::other(format!("\"{}\" is not open", path.display()))),
            #[cfg(feature = "columnar")]
            Source::Columnar(..) => Err(io::Error::other("what comes in columns is not read byte by byte")),
        }
    }
}

#[derive(Default)]
struct Queue {
    chunks: VecDeque<Vec<u8>>,
    /// Bytes of the first chunk already read.
    taken: usize,
    bytes: usize,
    ended: bool,
    failed: Option<String>,
    cancelled: bool,
}

/// A bounded queue of chunks between a stream and the pipeline.
#[derive(Default)]
pub struct Pushed {
    queue: Mutex<Queue>,
    filled: Condvar,
    /// Bytes held above which the stream is asked to pause.
    high_water: usize,
    drained: Mutex<Option<Box<dyn Fn() + Send>>>,
}

impl Pushed {
    /// A queue that asks for a pause above `high_water` bytes and calls `drained` when it fell below half of that.
    #[must_use]
    pub fn new(high_water: usize, drained: Box<dyn Fn() + Send>) -> Arc<Self> {
        Arc::new(Self { high_water, drained: Mutex::new(Some(drained)), ..Self::default() })
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a chunk. False asks the caller to wait for `drained` before pushing more.
    pub fn push(&self, chunk: Vec<u8>) -> bool {
        let mut queue = self.lock();
        queue.bytes += chunk.len();
        queue.chunks.push_back(chunk);
        self.filled.notify_one();
        queue.bytes < self.high_water
    }

    /// No more chunks will come.
    pub fn end(&self) {
        self.lock().ended = true;
        self.filled.notify_all();
    }

    /// The stream failed; what is queued is still read, then the load fails.
    pub fn fail(&self, message: String) {
        self.lock().failed = Some(message);
        self.filled.notify_all();
    }

    /// Wakes a waiting reader for good.
    pub fn cancel(&self) {
        self.lock().cancelled = true;
        self.filled.notify_all();
        self.drained.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    fn read(&self, into: &mut [u8]) -> io::Result<usize> {
        let mut queue = self.lock();
        loop {
            if queue.cancelled {
                return Err(io::Error::other("cancelled"));
            }
            let taken = queue.taken;
            if let Some(chunk) = queue.chunks.front() {
                let size = into.len().min(chunk.len() - taken);
                into[..size].copy_from_slice(&chunk[taken..taken + size]);
                if taken + size == chunk.len() {
                    queue.chunks.pop_front();
                    queue.taken = 0;
                } else {
                    queue.taken += size;
                }
                let before = queue.bytes;
                queue.bytes -= size;
                let low = self.high_water / 2;
                let drained = before >= low && queue.bytes < low;
                drop(queue);
                if drained && let Some(call) = &*self.drained.lock().unwrap_or_else(PoisonError::into_inner) {
                    call();
                }
                if size > 0 {
                    return Ok(size);
                }
                queue = self.lock();
                continue;
            }
            if let Some(message) = queue.failed.take() {
                return Err(io::Error::other(message));
            }
            if queue.ended {
                return Ok(0);
            }
            queue = self.filled.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
