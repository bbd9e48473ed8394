//! What an Arrow file or stream claims of itself, looked at before anything is allocated for it, as in [`super::guard`].

use std::ops::Range;

use arrow_ipc::convert::try_fb_to_schema;
use arrow_ipc::{Block, Endianness, Field as SaidField, Schema as SaidSchema, root_as_footer, root_as_message};
use arrow_schema::{DataType, Field, Fields, Schema};
use copyist_core::{DataError, ErrorCode, Result};

use super::int128::Found;
use super::{RandomAccess, contained};

/// Bytes of metadata.
const MOST_METADATA: u64 = 256 << 20;
/// Bytes of a buffer before it was compressed, and what it may grow by; a small one may grow as it likes.
const MOST_BUFFER: u64 = 1 << 30;
const MOST_GROWTH: u64 = 4096;
const SMALL_BUFFER: u64 = 16 << 20;
/// Rows of a batch.
const MOST_ROWS: i64 = i32::MAX as i64;
/// What a file ends with, behind the length of its footer.
const MARK: &[u8; 6] = b"ARROW1";
/// What a stream ends with: no message follows.
pub(super) const END: [u8; 8] = [0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0];
/// In front of the length of a message; in the first versions of the format nothing is.
const CONTINUED: u32 = u32::MAX;

#[cold]
fn damaged(what: &str) -> Box<DataError> {
    DataError::new(ErrorCode::BadCopyFileFormat, format!("the Arrow file is damaged: {what}"))
}

#[cold]
fn too_much(what: &str) -> Box<DataError> {
    DataError::new(ErrorCode::ProgramLimitExceeded, format!("the Arrow file claims too much: {what}"))
}

/// What columns there are, of types that are known here.
fn schema_of(schema: SaidSchema<'_>) -> Result<Schema> {
    check_order(&schema)?;
    try_fb_to_schema(schema).map_err(|error| {
        let is_known = |field: &SaidField<'_>| contained("Arrow", || Ok(Field::from(*field))).is_ok();
        let Some(field) = schema.fields().into_iter().flatten().find(|field| !is_known(field)) else {
            return super::arrow::of_arrow(error);
        };
        let name = field.name().unwrap_or_default();
        let message = format!("column \"{name}\" is of a type that cannot be read");
        DataError::new(ErrorCode::FeatureNotSupported, message)
            .with_detail(format!("{error}. Where the other columns are is not known then."))
            .with_hint("Have it written as another type, or without the column.")
    })
}

/// The reader takes the bytes of numbers as this machine has them, whatever a stream says.
fn check_order(schema: &SaidSchema<'_>) -> Result<()> {
    if schema.endianness() == Endianness::Little {
        return Ok(());
    }
    let message = "the Arrow file is in the byte order big-endian, which cannot be read";
    Err(DataError::new(ErrorCode::FeatureNotSupported, message)
        .with_hint("Have it written in little-endian, which a library of Arrow does that reads and writes it anew."))
}

fn read(access: &dyn RandomAccess, at: u64, into: &mut [u8]) -> Result<()> {
    access.read_at(at, into).map_err(|error| super::arrow::of_io(&error))
}

fn number(access: &dyn RandomAccess, at: u64) -> Result<u32> {
    let mut bytes = [0; 4];
    read(access, at, &mut bytes)?;
    Ok(u32::from_le_bytes(bytes))
}

/// A place in the file where a message is, what it is of, and what is behind it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    at: u64,
    body: u64,
    end: u64,
}

/// The messages of a file: its dictionaries, which are read first, and its batches, the first of them last.
pub(super) struct Blocks {
    pub dictionaries: Vec<Place>,
    pub batches: Vec<Place>,
}

/// Numbers of 128 bits in a schema, and where in the file this is.
pub(super) type Numbers = Option<(Found, u64)>;

/// The messages of a file, and its schema.
pub(super) fn blocks(access: &dyn RandomAccess) -> Result<(Blocks, Schema, Numbers)> {
    let size = access.size();
    let tail = (MARK.len() + 4) as u64;
    let Some(end) = size.checked_sub(tail) else { return Err(damaged("it has no end")) };
    let mut mark = [0; MARK.len()];
    read(access, size - MARK.len() as u64, &mut mark)?;
    if mark != *MARK {
        return Err(damaged("it does not end with the mark \"ARROW1\""));
    }
    let length = u64::from(number(access, end)?);
    if length > end {
        return Err(damaged("its footer is longer than the file"));
    }
    if length > MOST_METADATA {
        return Err(too_much("its footer is too long"));
    }
    let mut footer = vec![0; length as usize];
    let at = end - length;
    read(access, at, &mut footer)?;
    let unreadable = |_| damaged("its footer cannot be read");
    let found = root_as_footer(&footer).map_err(unreadable)?.schema().and_then(|schema| Found::of(&schema));
    if let Some(found) = &found {
        found.change(&mut footer);
    }
    let footer = root_as_footer(&footer).map_err(unreadable)?;
    let place = |block: &Block| {
        let (at, header, body) = (block.offset(), i64::from(block.metaDataLength()), block.bodyLength());
        let end = at.checked_add(header).and_then(|end| end.checked_add(body));
        let is_inside = at >= 0 && header >= 0 && body >= 0 && end.is_some_and(|end| end.unsigned_abs() <= size);
        let place = || Place {
            at: at.unsigned_abs(),
            body: at.saturating_add(header).unsigned_abs(),
            end: end.unwrap_or(at).unsigned_abs(),
        };
        is_inside.then(place).ok_or_else(|| damaged("a batch is said to be where the file is not"))
    };
    let all = |blocks: Option<flatbuffers::Vector<'_, Block>>| -> Result<Vec<Place>> {
        blocks.into_iter().flat_map(|blocks| blocks.iter().map(place)).collect()
    };
    let Some(schema) = footer.schema() else { return Err(damaged("its footer has no schema")) };
    let schema = schema_of(schema)?;
    let mut batches = all(footer.recordBatches())?;
    batches.reverse();
    let blocks = Blocks { dictionaries: all(footer.dictionaries())?, batches };
    Ok((blocks, schema, found.map(|found| (found, at))))
}

/// The same numbers in the message that a stream begins with.
pub(super) fn numbers_of(access: &dyn RandomAccess) -> Result<Numbers> {
    let Head::Message { at, bytes } = head(access, 0)? else { return Ok(None) };
    let schema = root_as_message(&bytes).ok().and_then(|message| message.header_as_schema());
    Ok(schema.and_then(|schema| Found::of(&schema)).map(|found| (found, at)))
}

/// What is read of messages.
pub(super) struct Wanted {
    /// Of a batch, whether each of its buffers is; all are where that cannot be told.
    pub columns: Option<Vec<bool>>,
    /// Bytes that may be held at once, and that are by now.
    pub most: u64,
    pub held: u64,
}

impl Wanted {
    fn hold(&mut self, bytes: u64) -> Result<()> {
        self.held = self.held.saturating_add(bytes);
        if self.held <= self.most {
            return Ok(());
        }
        let what =
            format!("a batch of rows takes {} bytes and more, and at most {} are held at once", self.held, self.most);
        Err(DataError::new(ErrorCode::ProgramLimitExceeded, what).with_hint(
            "Raise memoryLimit, name only the columns that are wanted, or have it written in smaller batches.",
        ))
    }
}

/// Which buffers of a batch are those of the columns, whose numbers are in order. None where their number is known only in the batch.
pub(super) fn buffers_of(schema: &Schema, columns: &[usize]) -> Option<Vec<bool>> {
    fn all(fields: &Fields) -> Option<usize> {
        fields.iter().map(|field| count(field.data_type())).sum()
    }
    fn count(ty: &DataType) -> Option<usize> {
        Some(match ty {
            DataType::Null => 0,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Binary | DataType::LargeBinary => 3,
            DataType::List(of) | DataType::LargeList(of) | DataType::Map(of, _) => 2 + count(of.data_type())?,
            DataType::FixedSizeList(of, _) => 1 + count(of.data_type())?,
            DataType::Struct(fields) => 1 + all(fields)?,
            DataType::Utf8View
            | DataType::BinaryView
            | DataType::ListView(_)
            | DataType::LargeListView(_)
            | DataType::Union(..)
            | DataType::RunEndEncoded(..) => return None,
            _ => 2,
        })
    }
    let mut wanted = Vec::new();
    for (number, field) in schema.fields().iter().enumerate() {
        let end = wanted.len() + count(field.data_type())?;
        wanted.resize(end, columns.binary_search(&number).is_ok());
    }
    Some(wanted)
}

/// Looks at the message of a file's block. Answers where it is not read.
pub(super) fn check_block(access: &dyn RandomAccess, place: Place, wanted: &mut Wanted) -> Result<Vec<Range<u64>>> {
    let message = check_next(access, place.at, Some(place.body), wanted)?;
    if message.end.is_some_and(|end| end > place.end) {
        return Err(damaged("a batch is longer than it is said to be"));
    }
    Ok(message.unread)
}

/// Looks at the message that a stream begins with; what is behind it, or None at the end.
pub(super) fn check(access: &dyn RandomAccess) -> Result<Option<u64>> {
    let mut wanted = Wanted { columns: None, most: u64::MAX, held: 0 };
    check_next(access, 0, None, &mut wanted).map(|message| message.end)
}

/// A message that was looked at.
#[derive(Default)]
pub(super) struct Message {
    /// What is behind it; None at the end.
    pub end: Option<u64>,
    /// What is behind the mark of a stream's end, where this is that.
    pub mark: Option<u64>,
    /// Whether it is a batch of rows.
    pub is_batch: bool,
    /// Where it is not read.
    pub unread: Vec<Range<u64>>,
}

/// What a message says of itself.
enum Head {
    /// What is cut there is judged by whoever knows what it is the end of.
    None,
    /// A stream ends here.
    Mark { end: u64 },
    /// The bytes at a place.
    Message { at: u64, bytes: Vec<u8> },
}

fn head(access: &dyn RandomAccess, at: u64) -> Result<Head> {
    let size = access.size();
    let left = size.saturating_sub(at);
    if left < 4 {
        return Ok(Head::None);
    }
    let first = number(access, at)?;
    let (length, start) = if first != CONTINUED {
        (u64::from(first), at + 4)
    } else if left < 8 {
        return Ok(Head::None);
    } else {
        (u64::from(number(access, at + 4)?), at + 8)
    };
    if length == 0 {
        return Ok(Head::Mark { end: start });
    }
    if length > size - start {
        return Err(damaged("it ends within a message"));
    }
    if length > MOST_METADATA {
        return Err(too_much("a message is too long"));
    }
    let mut bytes = vec![0; length as usize];
    read(access, start, &mut bytes)?;
    Ok(Head::Message { at: start, bytes })
}

/// Looks at the message of a stream at a place. `said` is where the body is said to begin: the reader takes it to be there.
pub(super) fn check_next(
    access: &dyn RandomAccess,
    at: u64,
    said: Option<u64>,
    wanted: &mut Wanted,
) -> Result<Message> {
    let size = access.size();
    let (start, header) = match head(access, at)? {
        Head::Message { at, bytes } => (at, bytes),
        Head::Mark { end } => return Ok(Message { mark: Some(end), ..Message::default() }),
        Head::None => return Ok(Message::default()),
    };
    let message = root_as_message(&header).map_err(|_| damaged("a message cannot be read"))?;
    if let Some(schema) = message.header_as_schema() {
        schema_of(schema)?;
    }
    let body = start + header.len() as u64;
    if said.is_some_and(|said| said != body) {
        return Err(damaged("a batch is not where it is said to be"));
    }
    let Some(body_length) = u64::try_from(message.bodyLength()).ok().filter(|&bytes| bytes <= size - body) else {
        return Err(damaged("it ends within a message"));
    };
    let dictionary = message.header_as_dictionary_batch().and_then(|batch| batch.data());
    let Some(batch) = message.header_as_record_batch().or(dictionary) else {
        return Ok(Message { end: Some(body + body_length), ..Message::default() });
    };
    let lengths = batch.nodes().into_iter().flat_map(|nodes| nodes.iter().map(|node| node.length()));
    if lengths.chain([batch.length()]).any(|rows| !(0..=MOST_ROWS).contains(&rows)) {
        return Err(too_much("a batch has too many rows"));
    }
    let buffers: Vec<_> = batch.buffers().into_iter().flat_map(|buffers| buffers.iter()).collect();
    // Where the number of buffers is another one the reader has its own thoughts of them.
    let is_known =
        dictionary.is_none() && wanted.columns.as_ref().is_some_and(|columns| columns.len() == buffers.len());
    // What is read of the body, if not all of it.
    let mut read = Vec::new();
    for (number, buffer) in buffers.iter().enumerate() {
        let (Ok(at), Ok(length)) = (u64::try_from(buffer.offset()), u64::try_from(buffer.length())) else {
            return Err(damaged("a buffer is said to be where its batch is not"));
        };
        if at.checked_add(length).is_none_or(|end| end > body_length) {
            return Err(damaged("a buffer is said to be where its batch is not"));
        }
        if is_known && wanted.columns.as_ref().is_some_and(|columns| !columns[number]) {
            continue;
        }
        read.push(body + at..body + at + length);
        wanted.hold(length)?;
        if batch.compression().is_none() || length < 8 {
            continue;
        }
        let mut plain = [0; 8];
        self::read(access, body + at, &mut plain)?;
        // -1: it is not compressed.
        let plain = i64::from_le_bytes(plain);
        if plain < -1 {
            return Err(damaged("a buffer has less than no bytes"));
        }
        let plain = plain.max(0).unsigned_abs();
        if plain > MOST_BUFFER || plain > SMALL_BUFFER && plain / MOST_GROWTH > length {
            return Err(too_much("a buffer is too large for its compressed bytes"));
        }
        wanted.hold(plain)?;
    }
    let end = body + body_length;
    let unread = if is_known { between(body, read, end) } else { Vec::new() };
    Ok(Message { end: Some(end), is_batch: dictionary.is_none(), unread, ..Message::default() })
}

/// The end of a stream of this size: behind its last batch stands a mark, by which one that was cut between two batches is told.
///
/// The format can do without, but writers put it there when they are closed.
pub(super) fn check_end(mark: Option<u64>, size: u64) -> Result<()> {
    match mark {
        None => Err(damaged("it ends without the mark of a stream's end").with_hint(
            "It may have been cut. Get the whole of it, or have it written anew by a writer that is closed at the end.",
        )),
        Some(end) if end < size => Err(damaged("something follows the mark of the stream's end")
            .with_hint("Streams that were joined are loaded one by one.")),
        Some(_) => Ok(()),
    }
}

/// What of a body is in none of the ranges.
fn between(start: u64, mut ranges: Vec<Range<u64>>, end: u64) -> Vec<Range<u64>> {
    ranges.sort_unstable_by_key(|range| range.start);
    let mut at = start;
    let mut found = Vec::new();
    for range in ranges {
        if at < range.start {
            found.push(at..range.start);
        }
        at = at.max(range.end);
    }
    if at < end {
        found.push(at..end);
    }
    found
}
