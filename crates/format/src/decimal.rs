//! Numbers whose decimal mark is a comma.
//!
//! The parsers of numbers know one mark, the point. So a point takes the comma's place, and a comma the point's: `1.5`, which with a
//! comma for a mark may mean one and a half or fifteen, is no number.

use copyist_core::{DataError, Result, Type};

use crate::parse::Parse;
use crate::tile::PAD;

/// Bytes of a number that is read without memory of its own.
const SHORT: usize = 48;

/// Whether values of the type have a decimal mark.
pub(crate) fn has_mark(ty: &Type) -> bool {
    matches!(ty, Type::Float4 | Type::Float8 | Type::Numeric(_))
}

#[inline(always)]
fn exchanged(byte: u8) -> u8 {
    match byte {
        b',' => b'.',
        b'.' => b',',
        other => other,
    }
}

/// Appends `text` with a point for its mark.
pub(crate) fn write_pointed(text: &[u8], out: &mut Vec<u8>) {
    out.extend(text.iter().copied().map(exchanged));
}

/// What `parse` makes of `text` with a point for its mark. An error shows the value as it was written.
pub(crate) fn with_point<T>(text: &[u8], parse: impl FnOnce(&[u8]) -> Result<T>) -> Result<T> {
    let mut pointed = Vec::with_capacity(text.len());
    write_pointed(text, &mut pointed);
    parse(&pointed).map_err(|mut error: Box<DataError>| {
        let [pointed, written] = [&pointed, text].map(String::from_utf8_lossy);
        let quoted = format!("\"{pointed}\"");
        if pointed != written && error.message.contains(&quoted) {
            error.message = error.message.replace(&quoted, &format!("\"{written}\"")).into();
        }
        error
    })
}

/// A parser of numbers, given a point for the mark.
pub(crate) struct Pointed<P>(pub P);

impl<P: Parse> Parse for Pointed<P> {
    type Value = P::Value;
    const NULL: P::Value = P::NULL;

    #[inline(always)]
    fn fast(&self, buffer: &[u8], start: usize, end: usize) -> Option<P::Value> {
        let value = &buffer[start..end];
        // The parser may read as far beyond a value as beyond the data of a tile.
        let mut pointed = [0; PAD + SHORT + PAD];
        for (slot, &byte) in pointed[PAD..PAD + SHORT].iter_mut().zip(value) {
            *slot = exchanged(byte);
        }
        if value.len() > SHORT { None } else { self.0.fast(&pointed, PAD, PAD + value.len()) }
    }

    fn full(&self, text: &[u8]) -> Result<P::Value> {
        with_point(text, |pointed| self.0.full(pointed))
    }
}
