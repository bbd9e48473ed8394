//! Where tuples and their fields are: lengths, followed one after the other.

use copyist_core::{DataError, ErrorCode};

/// Bytes of the field count of a tuple.
const COUNT: usize = 2;
/// Bytes of the length of a field.
const LENGTH: usize = 4;
/// The field count that ends the data.
const TRAILER: i16 = -1;
/// The length of a NULL.
const NULL: i32 = -1;

/// What stands behind the last whole tuple.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Part of a tuple, or nothing.
    Open,
    /// The trailer.
    Trailer,
    /// What is no tuple of so many fields.
    Broken,
}

/// Where the whole tuples of `data` end, of which one begins at `from`, and what is there.
#[must_use]
pub fn whole_tuples(data: &[u8], from: usize, columns: usize) -> (usize, Stop) {
    let mut end = from;
    loop {
        match next(data, end, columns, |_| {}) {
            Next::Tuple(at) => end = at,
            Next::Trailer => return (end, Stop::Trailer),
            Next::Open(_) => return (end, Stop::Open),
            Next::Broken(..) => return (end, Stop::Broken),
        }
    }
}

/// A field as offsets in the data; NULL has a length below 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub start: u32,
    pub len: i32,
}

/// What follows at an offset.
pub(crate) enum Next {
    /// A tuple that ends there.
    Tuple(usize),
    Trailer,
    /// The data end inside a tuple, in the field of this number.
    Open(Option<usize>),
    /// An error, in the field of this number.
    Broken(Option<usize>, Box<DataError>),
}

/// Reads one tuple; hands the places of its fields to `field`, also of one that is broken further on.
#[inline(always)]
pub(crate) fn next(data: &[u8], start: usize, columns: usize, mut field: impl FnMut(Place)) -> Next {
    let Some(count) = data.get(start..).and_then(|rest| rest.first_chunk::<COUNT>()) else {
        return Next::Open(None);
    };
    let count = i16::from_be_bytes(*count);
    if count == TRAILER {
        return Next::Trailer;
    }
    if i32::from(count) != columns as i32 {
        return Next::Broken(None, bad_format(format!("row field count is {count}, expected {columns}")));
    }
    let mut at = start + COUNT;
    for column in 0..columns {
        let Some(length) = data[at..].first_chunk::<LENGTH>() else { return Next::Open(Some(column)) };
        let length = i32::from_be_bytes(*length);
        at += LENGTH;
        if length < 0 {
            if length != NULL {
                return Next::Broken(Some(column), bad_format("invalid field size".to_owned()));
            }
            field(Place { start: at as u32, len: NULL });
            continue;
        }
        if length as usize > data.len() - at {
            return Next::Open(Some(column));
        }
        field(Place { start: at as u32, len: length });
        at += length as usize;
    }
    Next::Tuple(at)
}

#[cold]
#[inline(never)]
pub(crate) fn bad_format(message: String) -> Box<DataError> {
    DataError::new(ErrorCode::BadCopyFileFormat, message)
}
