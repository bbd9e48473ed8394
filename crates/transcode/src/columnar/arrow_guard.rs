//! What an Arrow file or stream claims of itself, looked at before anything is allocated for it, as in [`super::guard`].

use arrow_ipc::{Block, root_as_footer, root_as_message};
use copyist_core::{DataError, ErrorCode, Result};

use super::RandomAccess;

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

/// The messages of a file: its dictionaries, which are read first, and its batches.
pub(super) fn blocks(access: &dyn RandomAccess) -> Result<(Vec<Place>, Vec<Place>)> {
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
    read(access, end - length, &mut footer)?;
    let footer = root_as_footer(&footer).map_err(|_| damaged("its footer cannot be read"))?;
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
    Ok((all(footer.dictionaries())?, all(footer.recordBatches())?))
}

/// Looks at the message of a file's block.
pub(super) fn check_block(access: &dyn RandomAccess, place: Place) -> Result<()> {
    match check_next(access, place.at, Some(place.body))? {
        (Some(end), _) if end > place.end => Err(damaged("a batch is longer than it is said to be")),
        _ => Ok(()),
    }
}

/// Looks at the message of a stream at a place; what is behind it, or None at the end.
pub(super) fn check(access: &dyn RandomAccess, at: u64) -> Result<Option<u64>> {
    check_next(access, at, None).map(|(end, _)| end)
}

/// The same, and whether it is a batch of rows. `said` is where the body is said to begin: the reader takes it to be there.
pub(super) fn check_next(access: &dyn RandomAccess, at: u64, said: Option<u64>) -> Result<(Option<u64>, bool)> {
    let size = access.size();
    let left = size.saturating_sub(at);
    // What is cut there is for the reader to judge.
    if left < 4 {
        return Ok((None, false));
    }
    let first = number(access, at)?;
    let (length, start) = if first != CONTINUED {
        (u64::from(first), at + 4)
    } else if left < 8 {
        return Ok((None, false));
    } else {
        (u64::from(number(access, at + 4)?), at + 8)
    };
    if length == 0 {
        return Ok((None, false));
    }
    if length > size - start {
        return Err(damaged("it ends within a message"));
    }
    if length > MOST_METADATA {
        return Err(too_much("a message is too long"));
    }
    let mut header = vec![0; length as usize];
    read(access, start, &mut header)?;
    let message = root_as_message(&header).map_err(|_| damaged("a message cannot be read"))?;
    let body = start + length;
    if said.is_some_and(|said| said != body) {
        return Err(damaged("a batch is not where it is said to be"));
    }
    let Some(body_length) = u64::try_from(message.bodyLength()).ok().filter(|&bytes| bytes <= size - body) else {
        return Err(damaged("it ends within a message"));
    };
    let dictionary = message.header_as_dictionary_batch().and_then(|batch| batch.data());
    let Some(batch) = message.header_as_record_batch().or(dictionary) else {
        return Ok((Some(body + body_length), false));
    };
    let lengths = batch.nodes().into_iter().flat_map(|nodes| nodes.iter().map(|node| node.length()));
    if lengths.chain([batch.length()]).any(|rows| !(0..=MOST_ROWS).contains(&rows)) {
        return Err(too_much("a batch has too many rows"));
    }
    for buffer in batch.buffers().into_iter().flat_map(|buffers| buffers.iter()) {
        let (Ok(at), Ok(length)) = (u64::try_from(buffer.offset()), u64::try_from(buffer.length())) else {
            return Err(damaged("a buffer is said to be where its batch is not"));
        };
        if at.checked_add(length).is_none_or(|end| end > body_length) {
            return Err(damaged("a buffer is said to be where its batch is not"));
        }
        if batch.compression().is_none() || length < 8 {
            continue;
        }
        let mut plain = [0; 8];
        read(access, body + at, &mut plain)?;
        // -1: it is not compressed.
        let plain = i64::from_le_bytes(plain);
        if plain < -1 {
            return Err(damaged("a buffer has less than no bytes"));
        }
        let plain = plain.max(0).unsigned_abs();
        if plain > MOST_BUFFER || plain > SMALL_BUFFER && plain / MOST_GROWTH > length {
            return Err(too_much("a buffer is too large for its compressed bytes"));
        }
    }
    Ok((Some(body + body_length), dictionary.is_none()))
}
