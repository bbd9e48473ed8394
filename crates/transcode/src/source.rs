//! Where bytes come from: a file, or a stream whose chunks are pushed in by the caller.

use std::collections::VecDeque;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use copyist_core::{DataError, ErrorCode};
use copyist_format::{About, Facts};
use copyist_store::{Ahead, Codec, Compression, Decompressor, Expansion, MARK, Mark};

use crate::failure::Failure;

/// One of the inputs of a load, which are read one after the other.
pub struct Input {
    /// What it is called in messages.
    pub name: String,
    pub source: Source,
    pub compression: Compression,
    pub expansion: Expansion,
    /// Who knows of its size and the like, for columns that hold them.
    pub told: Told,
    /// What else the caller knows of it: see [`copyist_format::Facts::given`].
    pub given: Vec<Option<String>>,
    /// Where its records are some of several inputs' that have their fields in orders of their own: those, one after the other.
    pub orders: VecDeque<Order>,
    /// Of one whose rows come in columns: where these stand, if they are not matched by name.
    #[cfg(feature = "columnar")]
    pub positions: Option<crate::columnar::Positions>,
    /// Of such an input, if it is not the first.
    #[cfg(feature = "columnar")]
    pub further: crate::columnar::Further,
}

/// From a record on, fields stand in the order of these names, up to where the next one begins.
#[derive(Clone, Debug)]
pub struct Order {
    /// The offset of its first byte in the input.
    pub start: u64,
    pub names: Vec<String>,
}

/// Who knows what there is to know of an input.
#[derive(Clone, Debug, Default)]
pub enum Told {
    /// Nobody: it is a stream.
    #[default]
    Nothing,
    /// Who keeps it.
    Itself,
    /// The caller: what is read is a copy.
    Given(About),
}

impl Input {
    /// An input that is decompressed if its first bytes say that it is compressed.
    #[must_use]
    pub fn new(name: impl Into<String>, source: Source) -> Self {
        Self {
            name: name.into(),
            source,
            compression: Compression::default(),
            expansion: Expansion::default(),
            told: Told::default(),
            given: Vec::new(),
            orders: VecDeque::new(),
            #[cfg(feature = "columnar")]
            positions: None,
            #[cfg(feature = "columnar")]
            further: crate::columnar::Further::None,
        }
    }

    /// The only input of a load.
    #[must_use]
    pub fn only(name: impl Into<String>, source: Source) -> Vec<Self> {
        vec![Self::new(name, source)]
    }

    /// What is known of it, of which who keeps it says `about`.
    pub(crate) fn facts(&self, about: impl FnOnce() -> io::Result<About>) -> Result<Facts, Failure> {
        let about = match &self.told {
            Told::Nothing => About::default(),
            Told::Itself => about().map_err(|error| Failure::of_io(&error, &self.name))?,
            Told::Given(about) => about.clone(),
        };
        Ok(Facts { name: self.name.clone(), about, given: self.given.clone() })
    }

    /// Opens what is not open yet, and what is in it. What is known of it, if that is wanted, or it is of another machine, whose answer tells
    /// it anyway.
    pub(crate) fn open(&mut self, is_wanted: bool) -> Result<Option<Facts>, Failure> {
        let size = self.source.open(&self.name)?;
        let facts = if is_wanted || matches!(self.source, Source::Remote(_)) {
            let mut source = std::mem::replace(&mut self.source, Source::Memory(io::Cursor::default()));
            let facts = self.facts(|| source.about());
            self.source = source;
            Some(facts?)
        } else {
            None
        };
        self.open_inside(size)?;
        Ok(facts)
    }

    fn open_inside(&mut self, size: Option<u64>) -> Result<(), Failure> {
        if self.compression == Compression::None {
            return Ok(());
        }
        let start = self.source.start().map_err(|error| Failure::of_io(&error, &self.name))?;
        if start.starts_with(UNIX_COMPRESS) {
            let message = format!("file \"{}\" is compressed by compress, which is not read", self.name);
            let error = DataError::new(ErrorCode::FeatureNotSupported, message)
                .with_hint("Decompress it before, or on the way: zcat file.Z | copyist \"COPY … FROM STDIN …\".");
            return Err(Failure::whole(error));
        }
        let Some(codec) = self.compression.codec(&self.name, &start) else { return Ok(()) };
        let is_small = size.is_some_and(|size| size <= SMALL);
        let source = std::mem::replace(&mut self.source, Source::Memory(io::Cursor::default()));
        let opened = source.decompressed(codec, &self.name, self.expansion, is_small);
        self.source = opened.map_err(|error| Failure::of_io(&error, &self.name))?;
        Ok(())
    }

    /// The same input, whose rows come in columns, which are matched by name unless it is told where they stand.
    #[cfg(feature = "columnar")]
    #[must_use]
    pub fn in_columns(self, format: crate::columnar::Format, positions: Option<crate::columnar::Positions>) -> Self {
        // They have codecs of their own inside.
        Self {
            source: Source::Columnar(format, Box::new(self.source)),
            compression: Compression::None,
            positions,
            ..self
        }
    }
}

/// The mark of the program `compress`, whose files are mostly called `.Z`.
const UNIX_COMPRESS: &[u8] = b"\x1f\x9d";

/// Compressed files up to this size are decompressed by who reads them: a thread would take longer to start.
const SMALL: u64 = 128 << 10;

/// Where the bytes of an input are.
pub enum Source {
    File(LocalFile),
    /// A regular file that is opened when its turn comes: of many files no more than one is open at a time.
    Path(PathBuf),
    /// Bytes already in memory.
    Memory(io::Cursor<Arc<Vec<u8>>>),
    Pushed(Arc<Pushed>),
    /// Rows in columns, in what is no stream.
    #[cfg(feature = "columnar")]
    Columnar(crate::columnar::Format, Box<Source>),
    /// An object of another machine.
    Remote(Remote),
    Decompressed(Decompressed),
}

/// A file of this machine that is open, as it was when it was opened.
pub struct LocalFile {
    pub(crate) file: File,
    /// What it is called in messages.
    name: String,
    opened: Metadata,
}

impl LocalFile {
    /// # Errors
    /// What the system says.
    pub fn open(path: impl AsRef<Path>, name: &str) -> io::Result<Self> {
        Self::of(File::open(path)?, name)
    }

    /// # Errors
    /// What the system says of it.
    pub fn of(file: File, name: &str) -> io::Result<Self> {
        let opened = file.metadata()?;
        Ok(Self { file, name: name.to_owned(), opened })
    }

    /// What the system said of it when it was opened.
    #[must_use]
    pub fn metadata(&self) -> &Metadata {
        &self.opened
    }

    /// For who has read to its end: what was read while it was written is neither what it was nor what it is, and may end with half a row.
    /// Its time of change is not looked at, which also a new name changes, or none at all.
    pub(crate) fn check_unchanged(&self) -> io::Result<()> {
        if !self.opened.is_file() {
            return Ok(());
        }
        let now = self.file.metadata()?;
        let version = |metadata: &Metadata| (metadata.len(), metadata.modified().ok());
        if version(&now) == version(&self.opened) {
            return Ok(());
        }
        let (before, after) = (self.opened.len(), now.len());
        let what = if before == after {
            "It was written to meanwhile.".to_owned()
        } else {
            format!("It had {before} bytes at first, and {after} in the end.")
        };
        let message = format!("file \"{}\" changed while it was read", self.name);
        let error = DataError::new(ErrorCode::IoError, message)
            .with_detail(format!("{what} Nothing was loaded."))
            .with_hint("Read it when nobody writes it any more, or a copy of it; who writes a new file and renames it disturbs nobody.");
        Err(io::Error::other(error))
    }
}

/// Reads from another machine.
pub trait ReadRemote: Read + Send {
    /// Its turn comes soon: what can be asked for now is there then.
    fn prepare(&mut self);

    /// What the other machine says of it, for which its beginning is waited for.
    ///
    /// # Errors
    /// As reading.
    fn about(&mut self) -> io::Result<About>;

    /// The same bytes, to be read in any order, if none have been read yet.
    ///
    /// # Errors
    /// What the other machine says.
    #[cfg(feature = "columnar")]
    fn in_any_order(self: Box<Self>) -> Result<Arc<dyn crate::columnar::RandomAccess>, Box<DataError>>;
}

/// A reader of another machine's bytes, and how it is told to stop from another thread.
pub struct Remote {
    reader: Box<dyn ReadRemote>,
    stop: Arc<dyn Fn() + Send + Sync>,
    /// Its first bytes, if they were looked at and not read yet.
    start: Vec<u8>,
}

impl Remote {
    #[must_use]
    pub fn new(reader: Box<dyn ReadRemote>, stop: Arc<dyn Fn() + Send + Sync>) -> Self {
        Self { reader, stop, start: Vec::new() }
    }

    pub(crate) fn stop(&self) -> Arc<dyn Fn() + Send + Sync> {
        Arc::clone(&self.stop)
    }

    #[cfg(feature = "columnar")]
    pub(crate) fn in_any_order(self) -> Result<Arc<dyn crate::columnar::RandomAccess>, Box<DataError>> {
        self.reader.in_any_order()
    }

    fn start(&mut self) -> io::Result<Vec<u8>> {
        while self.start.len() < MARK && (self.start.is_empty() || Codec::of_mark(&self.start) == Mark::TooShort) {
            let mut more = [0; MARK];
            let size = self.reader.read(&mut more[..MARK - self.start.len()])?;
            if size == 0 {
                break;
            }
            self.start.extend_from_slice(&more[..size]);
        }
        Ok(self.start.clone())
    }

    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.start.is_empty() {
            return self.reader.read(into);
        }
        let size = into.len().min(self.start.len());
        into[..size].copy_from_slice(&self.start[..size]);
        self.start.drain(..size);
        Ok(size)
    }
}

/// What is inside of a compressed input.
pub struct Decompressed {
    reader: Box<dyn Read + Send>,
    /// Bytes of the compressed input that have been read, and how many of them are known to who reads.
    consumed: Arc<AtomicU64>,
    told: u64,
    is_live: bool,
}

/// A source as the standard library has them.
struct Raw(Source);

impl Read for Raw {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into)
    }
}

impl Source {
    /// How a reading of another machine is told to stop.
    pub(crate) fn stop(&self) -> Option<Arc<dyn Fn() + Send + Sync>> {
        match self {
            Source::Remote(remote) => Some(remote.stop()),
            #[cfg(feature = "columnar")]
            Source::Columnar(_, source) => source.stop(),
            _ => None,
        }
    }

    /// Opens what is not open yet. The bytes there should be, where that is known.
    pub(crate) fn open(&mut self, name: &str) -> Result<Option<u64>, Failure> {
        let Source::Path(path) = self else { return Ok(None) };
        let refuse = |error: &io::Error| Failure::of_open(error, name);
        let file = LocalFile::open(path, name).map_err(|error| refuse(&error))?;
        let metadata = file.metadata();
        if !metadata.is_file() {
            let what = if metadata.is_dir() { "a directory" } else { "not a regular file" };
            let message = format!("\"{name}\" is {what}");
            return Err(Failure::whole(DataError::new(ErrorCode::WrongObjectType, message)));
        }
        let size = metadata.len();
        *self = Source::File(file);
        Ok(Some(size))
    }

    /// What who keeps it says of it.
    pub(crate) fn about(&mut self) -> io::Result<About> {
        match self {
            Source::File(file) => Ok(about_file(file.metadata())),
            Source::Path(path) => Ok(about_file(&std::fs::metadata(path)?)),
            Source::Remote(remote) => remote.reader.about(),
            #[cfg(feature = "columnar")]
            Source::Columnar(_, source) => source.about(),
            Source::Memory(_) | Source::Pushed(_) | Source::Decompressed(_) => Ok(About::default()),
        }
    }

    /// The first bytes, which will be read once more: [`MARK`], all there are, or as many as tell that it is not compressed.
    fn start(&mut self) -> io::Result<Vec<u8>> {
        match self {
            Source::Remote(remote) => remote.start(),
            Source::File(file) => {
                let mut start = [0; MARK];
                let mut filled = 0;
                while filled < MARK {
                    match read_at(&file.file, &mut start[filled..], filled as u64) {
                        Ok(0) => break,
                        Ok(size) => filled += size,
                        Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                        Err(error) => return Err(error),
                    }
                }
                Ok(start[..filled].to_vec())
            }
            Source::Memory(cursor) => Ok(cursor.get_ref()[..cursor.get_ref().len().min(MARK)].to_vec()),
            Source::Pushed(pushed) => pushed.start(),
            Source::Path(_) | Source::Decompressed(_) => Ok(Vec::new()),
            #[cfg(feature = "columnar")]
            Source::Columnar(..) => Ok(Vec::new()),
        }
    }

    fn decompressed(self, codec: Codec, name: &str, expansion: Expansion, is_small: bool) -> io::Result<Self> {
        let is_live = matches!(self, Source::Pushed(_));
        let decompressor = Decompressor::new(Raw(self), codec, name, expansion)?;
        let consumed = decompressor.consumed();
        let reader: Box<dyn Read + Send> =
            if is_small { Box::new(decompressor) } else { Box::new(Ahead::new(decompressor)?) };
        Ok(Source::Decompressed(Decompressed { reader, consumed, told: 0, is_live }))
    }

    /// Whether what has come is to be passed on although more may come soon.
    pub(crate) fn is_live(&self) -> bool {
        matches!(self, Source::Pushed(_) | Source::Decompressed(Decompressed { is_live: true, .. }))
    }

    /// Its turn comes soon.
    pub(crate) fn prepare(&mut self) {
        if let Source::Remote(remote) = self {
            remote.reader.prepare();
        }
    }

    /// Bytes of the input itself that a reading of `size` bytes has taken.
    pub(crate) fn taken(&mut self, size: usize) -> u64 {
        let Source::Decompressed(decompressed) = self else { return size as u64 };
        let consumed = decompressed.consumed.load(Ordering::Relaxed);
        consumed - std::mem::replace(&mut decompressed.told, consumed)
    }

    /// Whether to read it takes no longer than to read a file.
    pub(crate) fn is_at_hand(&self) -> bool {
        matches!(self, Source::Path(_) | Source::Memory(_))
    }

    /// Reads up to `into.len()` bytes; 0 at the end.
    pub(crate) fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Source::File(file) => loop {
                match file.file.read(into) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Ok(0) if !into.is_empty() => return file.check_unchanged().map(|()| 0),
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
            Source::Decompressed(decompressed) => decompressed.reader.read(into),
            Source::Remote(remote) => remote.read(into),
            Source::Path(path) => Err(io::Error::other(format!("\"{}\" is not open", path.display()))),
            #[cfg(feature = "columnar")]
            Source::Columnar(..) => Err(io::Error::other("what comes in columns is not read byte by byte")),
        }
    }
}

/// What the file system says of a file.
pub(crate) fn about_file(metadata: &std::fs::Metadata) -> About {
    // A system that does not know it has no answer.
    About { size: Some(metadata.len()), modified: metadata.modified().ok().and_then(micros_of), tag: None }
}

/// Microseconds from 1970 to 2000.
const EPOCH: i128 = 946_684_800_000_000;

/// Microseconds since 2000-01-01 UTC.
#[must_use]
pub fn micros_of(time: SystemTime) -> Option<i64> {
    let since = match time.duration_since(UNIX_EPOCH) {
        Ok(after) => after.as_micros() as i128,
        Err(before) => -(before.duration().as_micros() as i128),
    };
    i64::try_from(since - EPOCH).ok()
}

/// Milliseconds since 1970-01-01 UTC of those.
#[must_use]
pub fn millis_of(micros: i64) -> i64 {
    ((i128::from(micros) + EPOCH).div_euclid(1000)) as i64
}

#[cfg(unix)]
fn read_at(file: &File, into: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, into, offset)
}

#[cfg(windows)]
fn read_at(file: &File, into: &mut [u8], offset: u64) -> io::Result<usize> {
    // It moves the position, which is at the beginning.
    let size = std::os::windows::fs::FileExt::seek_read(file, into, offset)?;
    io::Seek::rewind(&mut &*file)?;
    Ok(size)
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

    /// The first bytes, as far as they may be the mark of a codec.
    fn start(&self) -> io::Result<Vec<u8>> {
        let mut queue = self.lock();
        loop {
            let start: Vec<u8> = queue.chunks.iter().flatten().take(MARK).copied().collect();
            if queue.cancelled {
                return Err(io::Error::other("cancelled"));
            }
            let is_enough = start.len() == MARK || Codec::of_mark(&start) == Mark::None && !start.is_empty();
            // A failure is for who reads on.
            if is_enough || queue.ended || queue.failed.is_some() {
                return Ok(start);
            }
            queue = self.filled.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
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
