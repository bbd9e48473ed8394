//! Compressed inputs: which codec it is, and a reader of what is inside.

mod thread;

use std::io::{self, BufRead, BufReader, Read};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use brotli_decompressor::{BrotliDecoderErrorCode, BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};
use copyist_core::{DataError, ErrorCode};

pub use thread::Ahead;

/// A way to compress bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    Gzip,
    Zstd,
    Bzip2,
    Xz,
    Lz4,
    Brotli,
}

/// How an input is said to be compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// As its first bytes tell, or of brotli, which has no mark of its own, its name.
    #[default]
    Auto,
    /// Not at all, whatever it looks like.
    None,
    By(Codec),
}

/// What an input may become.
#[derive(Clone, Copy, Debug)]
pub struct Expansion {
    /// Bytes after decompression.
    pub max_bytes: u64,
    /// Bytes after decompression for each byte before, asked only beyond [`FREE_BYTES`]; None for what the codec hardly exceeds.
    pub max_ratio: Option<u64>,
}

impl Default for Expansion {
    fn default() -> Self {
        Self { max_bytes: u64::MAX, max_ratio: None }
    }
}

/// What every input may become, however small it is.
pub const FREE_BYTES: u64 = 64 << 20;

/// Memory that a decoder may take for what it looks back to: as much as `zstd` and `xz -9` ask for by themselves.
const MOST_WINDOW_LOG: u32 = 27;
const MOST_XZ_KIB: u32 = 192 << 10;

const WINDOW: &str =
    "Compress it again with a smaller one: what zstd --long=27, xz -9 and brotli make without more is read.";

/// Whether a decoder would need more memory than it may take.
fn is_too_wide(error: &io::Error) -> bool {
    // What zstd says has no kind.
    error.kind() == io::ErrorKind::OutOfMemory || error.to_string().contains("Frame requires too much memory")
}

/// The longest mark by which a codec is known: that of a frame of four bytes to be passed over, as pzstd writes, and what follows it.
pub const MARK: usize = 16;

/// What to do about an input that begins like none that is compressed.
const PLAIN: &str =
    "If it is plain text, as a file of rejects is, say COMPRESSION 'none', or nothing of how it is compressed.";

impl Codec {
    pub const ALL: [Codec; 6] = [Codec::Gzip, Codec::Zstd, Codec::Bzip2, Codec::Xz, Codec::Lz4, Codec::Brotli];

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Codec::Gzip => "gzip",
            Codec::Zstd => "zstd",
            Codec::Bzip2 => "bzip2",
            Codec::Xz => "xz",
            Codec::Lz4 => "lz4",
            Codec::Brotli => "brotli",
        }
    }

    /// More than rows become, and less than what is made to. LZ4 cannot reach 256.
    fn most_ratio(self) -> u64 {
        match self {
            Codec::Lz4 => 100,
            _ => 500,
        }
    }

    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|codec| codec.name() == name)
    }

    /// What files of such a name are compressed by, in whichever case it is written.
    #[must_use]
    pub fn of_ending(name: &str) -> Option<Self> {
        let (_, ending) = name.rsplit_once('.')?;
        Some(match &*ending.to_ascii_lowercase() {
            "gz" => Codec::Gzip,
            "zst" => Codec::Zstd,
            "bz2" => Codec::Bzip2,
            "xz" => Codec::Xz,
            "lz4" => Codec::Lz4,
            "br" => Codec::Brotli,
            _ => return None,
        })
    }

    /// What an input begins with, and whether more bytes are needed to tell.
    #[must_use]
    pub fn of_mark(start: &[u8]) -> Mark {
        const BZIP2: &[u8] = b"BZh?1AY&SY";
        const BZIP2_EMPTY: &[u8] = b"BZh?\x17\x72\x45\x38\x50\x90";
        let marks: [(Codec, &[u8]); 6] = [
            (Codec::Gzip, b"\x1f\x8b"),
            (Codec::Zstd, b"\x28\xb5\x2f\xfd"),
            (Codec::Bzip2, BZIP2),
            (Codec::Bzip2, BZIP2_EMPTY),
            (Codec::Xz, b"\xfd7zXZ\0"),
            (Codec::Lz4, b"\x04\x22\x4d\x18"),
        ];
        let mut may_be = false;
        for (codec, mark) in marks {
            let fits = |(at, &byte): (usize, &u8)| match (codec, at) {
                (Codec::Bzip2, 3) => byte.is_ascii_digit() && byte != b'0',
                _ => mark[at] == byte,
            };
            if start.iter().take(mark.len()).enumerate().all(fits) {
                if start.len() >= mark.len() {
                    return Mark::Is(codec);
                }
                may_be = true;
            }
        }
        match Self::behind_skippable(start) {
            Mark::None if may_be => Mark::TooShort,
            other => other,
        }
    }

    /// Frames that hold nothing of the text are the same in zstd and in lz4: what follows tells.
    fn behind_skippable(start: &[u8]) -> Mark {
        let is_start = |(at, &byte): (usize, &u8)| if at == 0 { byte & 0xf0 == 0x50 } else { SKIPPABLE[at] == byte };
        if !start.iter().take(SKIPPABLE.len()).enumerate().all(is_start) {
            return Mark::None;
        }
        let Some((header, rest)) = start.split_first_chunk::<8>() else { return Mark::TooShort };
        let [_, _, _, _, size @ ..] = *header;
        let size = u32::from_le_bytes(size) as usize;
        match rest.get(size..).map(Self::of_mark) {
            None | Some(Mark::TooShort) if start.len() < MARK => Mark::TooShort,
            None | Some(Mark::TooShort) => Mark::Skippable,
            Some(behind) => behind,
        }
    }
}

/// How a frame to be passed over begins, whose first byte may be any of sixteen.
const SKIPPABLE: [u8; 4] = [0x50, 0x2a, 0x4d, 0x18];

/// What the first bytes of an input tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    Is(Codec),
    None,
    /// A frame of zstd or lz4 that is passed over, and is too long to see what follows it.
    Skippable,
    /// They may be the beginning of a mark.
    TooShort,
}

impl Compression {
    /// The codec of an input with this name that begins with these bytes, which are [`MARK`] or all there are.
    #[must_use]
    pub fn codec(self, name: &str, start: &[u8]) -> Option<Codec> {
        match self {
            Compression::None => None,
            Compression::By(codec) => Some(codec),
            Compression::Auto => match Codec::of_mark(start) {
                Mark::Is(codec) => Some(codec),
                // Of lz4 it is hardly ever the first one.
                Mark::Skippable => {
                    Some(if Codec::of_ending(name) == Some(Codec::Lz4) { Codec::Lz4 } else { Codec::Zstd })
                }
                // What is cut so short, or empty, is known by its name alone.
                Mark::TooShort => Codec::of_ending(name),
                Mark::None => Codec::of_ending(name).filter(|&codec| codec == Codec::Brotli),
            },
        }
    }
}

/// Reads what is inside of a compressed input. Its errors carry a [`DataError`] that names the input and the place in it.
pub struct Decompressor {
    inner: Box<dyn Read + Send>,
    codec: Codec,
    name: String,
    consumed: Arc<AtomicU64>,
    start: Arc<OnceLock<Vec<u8>>>,
    produced: u64,
    limits: Expansion,
}

impl Decompressor {
    /// Over the compressed bytes.
    pub fn new(source: impl Read + Send + 'static, codec: Codec, name: &str, limits: Expansion) -> io::Result<Self> {
        let consumed = Arc::new(AtomicU64::new(0));
        let start = Arc::default();
        let inner = BufReader::with_capacity(BUFFER, source);
        let source = Counted { inner, consumed: Arc::clone(&consumed), start: Arc::clone(&start) };
        let inner: Box<dyn Read + Send> = match codec {
            Codec::Gzip => {
                Box::new(GzipMembers { member: Some(flate2::bufread::GzDecoder::new(source)), has_ended: false })
            }
            Codec::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(source)?;
                decoder.window_log_max(MOST_WINDOW_LOG)?;
                Box::new(decoder)
            }
            Codec::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(source)),
            Codec::Xz => Box::new(lzma_rust2::XzReader::new_mem_limit(source, true, MOST_XZ_KIB)),
            Codec::Lz4 => Box::new(Lz4Frames {
                frames: Some(lz4_flex::frame::FrameDecoder::new(Endless(source))),
                is_whole: false,
            }),
            Codec::Brotli => Box::new(Brotli::new(source)),
        };
        Ok(Self { inner, codec, name: name.to_owned(), consumed, start, produced: 0, limits })
    }

    /// Bytes of the compressed input that have been read so far; grows while another thread reads.
    #[must_use]
    pub fn consumed(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.consumed)
    }

    fn broken(&self, error: &io::Error) -> io::Error {
        if let Some(error) = carried(error) {
            // It failed before anything could be decompressed.
            return io::Error::other(Box::new(error.clone()));
        }
        let (codec, name, at) = (self.codec.name(), &self.name, self.consumed.load(Ordering::Relaxed));
        let is_short = error.kind() == io::ErrorKind::UnexpectedEof;
        // What is shorter than a header need not be the beginning of one.
        let is_cut = is_short && self.has_mark();
        let is_too_wide = is_too_wide(error);
        let what = match (is_cut, is_too_wide) {
            (true, _) => format!("ends in the midst of its {codec} data"),
            (_, true) => format!("has {codec} data with too large a window"),
            _ => format!("is no valid {codec} data"),
        };
        let reason = match (is_cut, is_short) {
            (true, _) => String::new(),
            (false, true) => ": it does not begin like such".to_owned(),
            (false, false) => format!(": {error}"),
        };
        let detail = format!(
            "That shows at byte {at} of it, after {} bytes of text{reason}. Nothing was loaded.",
            self.produced
        );
        let code = if is_too_wide { ErrorCode::ProgramLimitExceeded } else { ErrorCode::BadCopyFileFormat };
        let mut error = DataError::new(code, format!("file \"{name}\" {what}")).with_detail(detail);
        if is_too_wide {
            error = error.with_hint(WINDOW);
        } else if !is_cut && matches!(Codec::of_mark(self.start.get().map_or(&[][..], Vec::as_slice)), Mark::None) {
            error = error.with_hint(PLAIN);
        }
        io::Error::other(error)
    }

    #[cold]
    fn is_twice(&self, inside: Codec) -> io::Error {
        let message = format!("file \"{}\" is compressed twice", self.name);
        let detail = format!("In its {} data there are {} data. Nothing was loaded.", self.codec.name(), inside.name());
        let error = DataError::new(ErrorCode::BadCopyFileFormat, message).with_detail(detail).with_hint(
            "Decompress it once before. Where a server does so, it compresses on the way (Content-Encoding) what is stored compressed.",
        );
        io::Error::other(error)
    }

    /// Whether the input begins as the codec has it, as far as it goes.
    fn has_mark(&self) -> bool {
        let start = self.start.get().map_or(&[][..], Vec::as_slice);
        match Codec::of_mark(start) {
            Mark::Is(codec) => codec == self.codec,
            Mark::Skippable => matches!(self.codec, Codec::Zstd | Codec::Lz4),
            Mark::TooShort => true,
            Mark::None => self.codec == Codec::Brotli,
        }
    }

    fn check(&self) -> io::Result<()> {
        let Expansion { max_bytes, max_ratio } = self.limits;
        let max_ratio = max_ratio.unwrap_or(self.codec.most_ratio());
        let consumed = self.consumed.load(Ordering::Relaxed).max(1);
        let (what, hint) = if self.produced > max_bytes {
            (format!("more than {max_bytes} bytes"), "Raise maxDecompressedBytes, if that is what it should be.")
        } else if self.produced > FREE_BYTES && self.produced / consumed > max_ratio {
            (
                format!("more than {max_ratio} times its size"),
                "Raise maxCompressionRatio, if that is what it should be.",
            )
        } else {
            return Ok(());
        };
        let message = format!("file \"{}\" decompresses to {what}", self.name);
        let detail = format!("Its first {consumed} bytes hold {} bytes. Nothing was loaded.", self.produced);
        let error = DataError::new(ErrorCode::ProgramLimitExceeded, message).with_detail(detail).with_hint(hint);
        Err(io::Error::other(error))
    }
}

/// The error that an I/O error of this crate carries.
#[must_use]
pub fn carried(error: &io::Error) -> Option<&DataError> {
    let inner = error.get_ref()?;
    inner.downcast_ref::<Box<DataError>>().map(|boxed| &**boxed).or_else(|| inner.downcast_ref::<DataError>())
}

impl Read for Decompressor {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.inner.read(into) {
                // Some decoders take nothing at all for an empty text.
                Ok(0) if !into.is_empty() && self.consumed.load(Ordering::Relaxed) == 0 => {
                    return Err(self.broken(&io::ErrorKind::UnexpectedEof.into()));
                }
                Ok(size) => {
                    if self.produced == 0
                        && let Mark::Is(inside) = Codec::of_mark(&into[..size.min(MARK)])
                    {
                        return Err(self.is_twice(inside));
                    }
                    self.produced += size as u64;
                    self.check()?;
                    return Ok(size);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.broken(&error)),
            }
        }
    }
}

/// Compressed bytes that are read at a time.
const BUFFER: usize = 64 << 10;

/// Counts what is taken by the decoder, not what is read ahead of it.
struct Counted<R> {
    inner: BufReader<R>,
    consumed: Arc<AtomicU64>,
    /// The first bytes, or some of them.
    start: Arc<OnceLock<Vec<u8>>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.start.get().is_none() {
            self.fill_buf()?;
        }
        let size = self.inner.read(into)?;
        self.consumed.fetch_add(size as u64, Ordering::Relaxed);
        Ok(size)
    }
}

impl<R: Read> BufRead for Counted<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let bytes = self.inner.fill_buf()?;
        self.start.get_or_init(|| bytes[..bytes.len().min(MARK)].to_vec());
        Ok(bytes)
    }

    fn consume(&mut self, amount: usize) {
        self.inner.consume(amount);
        self.consumed.fetch_add(amount as u64, Ordering::Relaxed);
    }
}

/// gzip members one after the other. Zeros may follow them, as blocks of tapes and of archives do. What else follows one may be too short for a
/// header, which is not to be taken for the beginning of another.
struct GzipMembers<R: BufRead> {
    member: Option<flate2::bufread::GzDecoder<R>>,
    has_ended: bool,
}

impl<R: BufRead> GzipMembers<R> {
    /// Whether another member follows.
    fn goes_on(source: &mut R) -> io::Result<bool> {
        let mut is_padded = false;
        loop {
            let rest = source.fill_buf()?;
            let zeros = rest.iter().take_while(|&&byte| byte == 0).count();
            if zeros < rest.len() {
                // What follows zeros is nothing that gzip has written.
                let mark = Codec::of_mark(&rest[..rest.len().min(MARK)]);
                let is_member = matches!(mark, Mark::Is(Codec::Gzip) | Mark::TooShort);
                return if is_padded || zeros > 0 || !is_member {
                    Err(io::Error::new(io::ErrorKind::InvalidData, "bytes follow its end"))
                } else {
                    Ok(true)
                };
            }
            if zeros == 0 {
                return Ok(false);
            }
            is_padded = true;
            source.consume(zeros);
        }
    }
}

impl<R: BufRead> Read for GzipMembers<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = self.member.as_mut().filter(|_| !self.has_ended) {
            let size = member.read(into)?;
            if size > 0 || into.is_empty() {
                return Ok(size);
            }
            let Some(mut source) = self.member.take().map(flate2::bufread::GzDecoder::into_inner) else { break };
            self.has_ended = !Self::goes_on(&mut source)?;
            self.member = Some(flate2::bufread::GzDecoder::new(source));
        }
        Ok(0)
    }
}

/// LZ4 frames one after the other. Their decoder stops at the end of each, and takes a frame that breaks off for one that ends, so that
/// where a frame must go on the end of the input is an error of its own.
struct Lz4Frames<R: Read> {
    frames: Option<lz4_flex::frame::FrameDecoder<Endless<R>>>,
    /// A frame has ended, and nothing of another one has been seen.
    is_whole: bool,
}

struct Endless<R>(R);

#[derive(Debug)]
struct Cut;

impl std::fmt::Display for Cut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the input ends")
    }
}

impl std::error::Error for Cut {}

impl<R: Read> Read for Endless<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self.0.read(into)? {
            0 if !into.is_empty() => Err(io::Error::other(Cut)),
            size => Ok(size),
        }
    }
}

impl<R: BufRead> Read for Lz4Frames<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while let Some(frames) = &mut self.frames {
            if self.is_whole && frames.get_mut().0.fill_buf()?.is_empty() {
                return Ok(0);
            }
            self.is_whole = false;
            let size = match frames.read(into) {
                Ok(size) => size,
                Err(error) => {
                    let inner = error.get_ref();
                    if inner.is_some_and(|inner| inner.is::<Cut>()) {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                    let Some(lz4_flex::frame::Error::SkippableFrame(size)) =
                        inner.and_then(|inner| inner.downcast_ref())
                    else {
                        return Err(error);
                    };
                    // Its header has been read by then.
                    let size = u64::from(*size);
                    if io::copy(&mut (&mut frames.get_mut().0).take(size), &mut io::sink())? < size {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                    0
                }
            };
            if size > 0 || into.is_empty() {
                return Ok(size);
            }
            self.is_whole = true;
            let Some(inner) = self.frames.take().map(lz4_flex::frame::FrameDecoder::into_inner) else { break };
            self.frames = Some(lz4_flex::frame::FrameDecoder::new(inner));
        }
        Ok(0)
    }
}

/// One brotli stream. What follows it is refused: without marks nobody could tell whether it is another one.
struct Brotli<R> {
    source: R,
    /// Does without the extension for large windows: one of them may be of 1 GiB.
    state: Box<BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>>,
    has_ended: bool,
}

impl<R> Brotli<R> {
    fn new(source: R) -> Self {
        let alloc = StandardAlloc::default;
        Self { source, state: Box::new(BrotliState::new_strict(alloc(), alloc(), alloc())), has_ended: false }
    }
}

impl<R: BufRead> Read for Brotli<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let invalid = |reason: &str| Err(io::Error::new(io::ErrorKind::InvalidData, reason));
        while !self.has_ended && !into.is_empty() {
            let bytes = self.source.fill_buf()?;
            let (mut room, mut given, mut total) = (into.len(), 0, 0);
            let (mut left, mut taken) = (bytes.len(), 0);
            let result = BrotliDecompressStream(
                &mut left,
                &mut taken,
                bytes,
                &mut room,
                &mut given,
                into,
                &mut total,
                &mut self.state,
            );
            let is_end = bytes.is_empty();
            self.source.consume(taken);
            match result {
                BrotliResult::ResultSuccess => {
                    self.has_ended = true;
                    if !self.source.fill_buf()?.is_empty() {
                        return invalid("bytes follow its end");
                    }
                }
                BrotliResult::NeedsMoreInput if given == 0 && is_end => {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => {}
                BrotliResult::ResultFailure => {
                    return match self.state.error_code {
                        BrotliDecoderErrorCode::BROTLI_DECODER_ERROR_FORMAT_WINDOW_BITS => Err(io::Error::new(
                            io::ErrorKind::OutOfMemory,
                            "it is of the kind with windows of up to 1 GiB, which is not read",
                        )),
                        _ => invalid("the data are broken"),
                    };
                }
            }
            if given > 0 {
                return Ok(given);
            }
        }
        Ok(0)
    }
}
