//! What a Parquet file claims of itself, looked at before anything is allocated for it.
//!
//! The reader makes room for as many elements and bytes as a file says that there are. An allocation that fails ends the process and
//! cannot be caught, so whatever is claimed has to fit into the file first. This walks Thrift's compact protocol without keeping
//! anything.

use std::collections::BTreeSet;

use copyist_core::{DataError, ErrorCode, Result};
use copyist_store::{Codec, MARK, Mark};

use super::RandomAccess;

/// Bytes of a footer.
const MOST_FOOTER: u64 = 256 << 20;
/// Elements of a list of a footer, and of all of them together.
const MOST_ELEMENTS: usize = 1_000_000;
const MOST_IN_ALL: usize = 8_000_000;
/// How deep structures are within others; the format itself needs less than ten.
const MOST_NESTED: usize = 32;
/// How deep a column's type may be.
const MOST_DEEP: usize = 64;
/// Bytes of a page before it was compressed. Writers aim for 1 MiB, and put a value that is longer into a page of its own.
const MOST_PAGE: i64 = (1 << 30) + (1 << 20);

/// The last bytes of a file: the length of the footer and the mark.
pub(super) const TAIL: usize = 8;

#[cold]
pub(super) fn damaged(what: impl std::fmt::Display) -> Box<DataError> {
    DataError::new(ErrorCode::BadCopyFileFormat, format!("the Parquet file is damaged: {what}"))
}

#[cold]
pub(super) fn too_much(what: impl std::fmt::Display) -> Box<DataError> {
    DataError::new(ErrorCode::ProgramLimitExceeded, format!("the Parquet file claims too much: {what}"))
}

/// Bytes of the footer of a file of `size` bytes that ends in `tail`.
///
/// # Errors
/// `22P04` of what is no Parquet file, `0A000` of one whose footer is encrypted, `54000` of one whose footer is too large.
pub(super) fn footer_length(tail: [u8; TAIL], size: u64) -> Result<u64> {
    let [a, b, c, d, mark @ ..] = tail;
    if mark == *b"PARE" {
        return Err(DataError::new(ErrorCode::FeatureNotSupported, "encrypted Parquet files cannot be read"));
    }
    if tail.ends_with(super::arrow::MAGIC) || tail == super::arrow_guard::END {
        return Err(DataError::new(ErrorCode::BadCopyFileFormat, "this is no Parquet file: it is in Arrow's format")
            .with_hint("Write FORMAT arrow."));
    }
    if mark != *b"PAR1" {
        return Err(DataError::new(
            ErrorCode::BadCopyFileFormat,
            "this is no Parquet file: it does not end with the mark \"PAR1\"",
        )
        .with_hint("If it is still being written, or was copied in part, wait for it or copy it again."));
    }
    let length = u64::from(u32::from_le_bytes([a, b, c, d]));
    if length + (TAIL + 4) as u64 > size {
        return Err(damaged(format_args!("its footer of {length} bytes is longer than the file of {size} bytes")));
    }
    if length > MOST_FOOTER {
        return Err(too_much(format_args!("a footer of {length} bytes; at most {MOST_FOOTER} are read")));
    }
    Ok(length)
}

/// What a file is, by its first bytes, in place of one of the format.
pub(super) fn other_file(access: &dyn RandomAccess, format: &str) -> Option<Box<DataError>> {
    let mut head = vec![0; access.size().min(MARK as u64) as usize];
    access.read_at(0, &mut head).ok()?;
    let (what, hint) = if head.starts_with(b"FEA1") {
        let hint = "Have it written anew: the second version of Feather is Arrow's format.";
        ("in the first version of Feather, which is not read".to_owned(), hint)
    } else if let Mark::Is(codec) = Codec::of_mark(&head) {
        let hint = "Decompress it first. Such files are not read from their beginning, and are compressed within.";
        (format!("compressed by {}", codec.name()), hint)
    } else {
        return None;
    };
    let message = format!("this is no {format} file: it is {what}");
    Some(DataError::new(ErrorCode::FeatureNotSupported, message).with_hint(hint))
}

/// Looks at a footer. Answers which columns are encrypted, by their numbers among all that have values.
///
/// # Errors
/// `22P04` of what does not fit into itself, `54000` of what is too much.
pub(super) fn check_footer(footer: &[u8]) -> Result<BTreeSet<usize>> {
    let mut walk = Walk { bytes: footer, at: 0, elements: 0 };
    let mut encrypted = BTreeSet::new();
    // Of the columns that have values, as the schema says; it stands before the row groups.
    let mut types: Vec<i64> = Vec::new();
    walk.structure(0, &mut |walk, id, kind, depth| {
        if id == 4 && kind == LIST {
            return walk.row_groups(depth, &types, &mut encrypted);
        }
        // The schema: a list of elements, each with the number of those below it.
        if id != 2 || kind != LIST {
            return walk.skip(kind, depth);
        }
        let (count, element) = walk.list_head()?;
        let mut open: Vec<i64> = Vec::new();
        for _ in 0..count {
            let (mut children, mut ty) = (0, None);
            walk.element(element, depth, &mut |walk, id, kind, depth| {
                match (id, kind) {
                    (1, I32) => ty = Some(walk.zigzag()?),
                    (5, I32) => children = walk.zigzag()?,
                    _ => walk.skip(kind, depth)?,
                }
                Ok(())
            })?;
            types.extend(ty.filter(|_| children == 0));
            while open.last() == Some(&0) {
                open.pop();
            }
            if let Some(left) = open.last_mut() {
                *left -= 1;
            }
            if children < 0 {
                return Err(damaged("an element of its schema has less than no children"));
            }
            if children > 0 {
                open.push(children);
            }
            if open.len() > MOST_DEEP {
                return Err(too_much(format_args!("types nested more than {MOST_DEEP} deep")));
            }
        }
        Ok(())
    })?;
    Ok(encrypted)
}

/// A page, as its header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Page {
    /// Bytes of the header.
    pub header: usize,
    /// Bytes of what follows it, and of the same decompressed.
    pub compressed: u64,
    pub plain: u64,
}

impl Page {
    /// Bytes that are there only when it is decompressed, of a page that is larger than writers make them.
    pub fn grown(&self) -> u64 {
        const USUAL: u64 = 2 << 20;
        const GROWTH: u64 = 64;
        if self.plain <= USUAL { 0 } else { self.plain.saturating_sub(self.compressed.saturating_mul(GROWTH)) }
    }
}

/// Reads the header of a page; None if it goes on behind `bytes`.
///
/// # Errors
/// `22P04`, `54000`
pub(super) fn page(bytes: &[u8], is_whole: bool) -> Result<Option<Page>> {
    let mut walk = Walk { bytes, at: 0, elements: 0 };
    let (mut plain, mut compressed) = (-1, -1);
    let walked = walk.structure(0, &mut |walk, id, kind, depth| {
        match (id, kind) {
            (2, I32) => plain = walk.zigzag()?,
            (3, I32) => compressed = walk.zigzag()?,
            _ => walk.skip(kind, depth)?,
        }
        Ok(())
    });
    match walked {
        Err(_) if !is_whole => return Ok(None),
        other => other?,
    }
    if plain < 0 || compressed < 0 {
        return Err(damaged("a page does not say how long it is"));
    }
    if plain > MOST_PAGE {
        return Err(too_much(format_args!("a page of {plain} bytes; at most {MOST_PAGE} are read")));
    }
    Ok(Some(Page { header: walk.at, compressed: compressed.unsigned_abs(), plain: plain.unsigned_abs() }))
}

/// Types of the compact protocol.
const TRUE: u8 = 1;
const FALSE: u8 = 2;
const BYTE: u8 = 3;
const I16: u8 = 4;
const I32: u8 = 5;
const I64: u8 = 6;
const DOUBLE: u8 = 7;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const SET: u8 = 10;
const MAP: u8 = 11;
const STRUCT: u8 = 12;
const UUID: u8 = 13;

struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
    elements: usize,
}

/// Takes a field: its number, its type, how deep it is.
type Field<'f, 'a> = &'f mut dyn FnMut(&mut Walk<'a>, i64, u8, usize) -> Result<()>;

impl<'a> Walk<'a> {
    fn byte(&mut self) -> Result<u8> {
        let byte = self.bytes.get(self.at).copied().ok_or_else(|| damaged("its metadata end too early"))?;
        self.at += 1;
        Ok(byte)
    }

    fn varint(&mut self) -> Result<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(damaged("a number of its metadata is too long"))
    }

    fn zigzag(&mut self) -> Result<i64> {
        let value = self.varint()?;
        Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    fn pass(&mut self, count: u64) -> Result<()> {
        if count > (self.bytes.len() - self.at) as u64 {
            return Err(damaged("a string of its metadata is longer than these"));
        }
        self.at += count as usize;
        Ok(())
    }

    /// The number of elements of a list and their type.
    fn list_head(&mut self) -> Result<(usize, u8)> {
        let head = self.byte()?;
        let count = if head >> 4 == 15 { self.varint()? } else { u64::from(head >> 4) };
        self.count(count)?;
        Ok((count as usize, head & 15))
    }

    /// There are to be so many elements, each of at least one byte.
    fn count(&mut self, count: u64) -> Result<()> {
        if count > (self.bytes.len() - self.at) as u64 {
            return Err(damaged(format_args!("a list of {count} elements is longer than its metadata")));
        }
        self.elements += count as usize;
        if count as usize > MOST_ELEMENTS || self.elements > MOST_IN_ALL {
            return Err(too_much(format_args!("a list of {count} elements in its metadata")));
        }
        Ok(())
    }

    fn structure(&mut self, depth: usize, field: Field<'_, 'a>) -> Result<()> {
        if depth > MOST_NESTED {
            return Err(too_much("metadata nested too deeply"));
        }
        let mut id = 0_i64;
        loop {
            let head = self.byte()?;
            if head == 0 {
                return Ok(());
            }
            let kind = head & 15;
            id = if head >> 4 == 0 { self.zigzag()? } else { id.saturating_add((head >> 4).into()) };
            field(self, id, kind, depth + 1)?;
        }
    }

    /// One element of a list that is to be of structures.
    fn element(&mut self, kind: u8, depth: usize, field: Field<'_, 'a>) -> Result<()> {
        if kind != STRUCT {
            return Err(damaged("its metadata have a list of something else than structures"));
        }
        self.structure(depth, field)
    }

    /// A list of row groups, each with a list of columns, of which some say how they are encrypted, and most what their type is, which the
    /// reader does not look at.
    fn row_groups(&mut self, depth: usize, types: &[i64], encrypted: &mut BTreeSet<usize>) -> Result<()> {
        let (count, element) = self.list_head()?;
        for _ in 0..count {
            self.element(element, depth, &mut |walk, id, kind, depth| {
                if id != 1 || kind != LIST {
                    return walk.skip(kind, depth);
                }
                let (count, element) = walk.list_head()?;
                for column in 0..count {
                    walk.element(element, depth, &mut |walk, id, kind, depth| {
                        if matches!((id, kind), (8, STRUCT) | (9, BINARY)) {
                            encrypted.insert(column);
                        }
                        if id != 3 || kind != STRUCT {
                            return walk.skip(kind, depth);
                        }
                        walk.structure(depth, &mut |walk, id, kind, depth| {
                            if id != 1 || kind != I32 {
                                return walk.skip(kind, depth);
                            }
                            let ty = walk.zigzag()?;
                            match types.get(column) {
                                Some(&other) if other != ty => Err(damaged(format_args!(
                                    "a row group has values of the physical type {ty} in column {}, whose type is {other}",
                                    column + 1
                                ))),
                                _ => Ok(()),
                            }
                        })
                    })?;
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    fn skip(&mut self, kind: u8, depth: usize) -> Result<()> {
        match kind {
            TRUE | FALSE => Ok(()),
            BYTE => self.pass(1),
            I16 | I32 | I64 => self.varint().map(drop),
            DOUBLE => self.pass(8),
            UUID => self.pass(16),
            BINARY => {
                let length = self.varint()?;
                self.pass(length)
            }
            LIST | SET => {
                let (count, element) = self.list_head()?;
                self.elements_of(count, element, depth)
            }
            MAP => {
                let count = self.varint()?;
                if count == 0 {
                    return Ok(());
                }
                let kinds = self.byte()?;
                self.count(count)?;
                for _ in 0..count {
                    self.elements_of(1, kinds >> 4, depth)?;
                    self.elements_of(1, kinds & 15, depth)?;
                }
                Ok(())
            }
            STRUCT => self.structure(depth, &mut |walk, _, kind, depth| walk.skip(kind, depth)),
            other => Err(damaged(format_args!("its metadata have a field of the unknown type {other}"))),
        }
    }

    fn elements_of(&mut self, count: usize, kind: u8, depth: usize) -> Result<()> {
        if depth > MOST_NESTED {
            return Err(too_much("metadata nested too deeply"));
        }
        match kind {
            // In a list a truth value has a byte of its own.
            TRUE | FALSE => self.pass(count as u64),
            _ => (0..count).try_for_each(|_| self.skip(kind, depth + 1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_that_claims_more_than_there_is_is_refused() {
        // Field 4, a list of structures, of 2^31 elements.
        let footer = [0x49, 0xFC, 0xFF, 0xFF, 0xFF, 0xFF, 0x07, 0x00];
        assert_eq!(check_footer(&footer).unwrap_err().code, ErrorCode::BadCopyFileFormat);
    }

    #[test]
    fn structures_without_end_are_refused() {
        let footer = [0x1C; 100_000];
        assert_eq!(check_footer(&footer).unwrap_err().code, ErrorCode::ProgramLimitExceeded);
        // Lists in lists.
        let footer = [&[0x19][..], &[0x19; 100_000]].concat();
        assert_eq!(check_footer(&footer).unwrap_err().code, ErrorCode::ProgramLimitExceeded);
    }

    #[test]
    fn a_schema_that_is_too_deep_is_refused() {
        // Field 2: a list of 200 structures, each with field 5, an i32 of 1.
        let mut footer = vec![0x29, 0xFC, 0xC8, 0x01];
        for _ in 0..200 {
            footer.extend_from_slice(&[0x55, 0x02, 0x00]);
        }
        footer.push(0);
        assert_eq!(check_footer(&footer).unwrap_err().code, ErrorCode::ProgramLimitExceeded);
    }

    #[test]
    fn columns_that_are_encrypted_are_told() {
        // Field 4: two row groups of two columns, each of these with field 2, an i64; the second of the second group has field 8, too.
        let plain = [0x26, 0x08, 0x00];
        let encrypted = [0x26, 0x08, 0x6C, 0x1C, 0x00, 0x00, 0x00];
        let group = |second: &[u8]| [&[0x19, 0x2C][..], &plain, second, &[0x00]].concat();
        let footer = [&[0x49, 0x2C][..], &group(&plain), &group(&encrypted), &[0x00]].concat();
        assert_eq!(check_footer(&footer).unwrap(), BTreeSet::from([1]));
        let footer = [&[0x49, 0x1C][..], &group(&plain), &[0x00]].concat();
        assert_eq!(check_footer(&footer).unwrap(), BTreeSet::new());
    }

    #[test]
    fn a_column_of_another_type_than_the_schema_says_is_refused() {
        // Field 2: an element with one child, and one with field 1, a type. Field 4: a row group of a column whose field 3 has one, too.
        let footer = |schema: u8, column: u8| {
            let schema = [0x29, 0x2C, 0x55, 0x02, 0x00, 0x15, schema, 0x00];
            [&schema[..], &[0x29, 0x1C, 0x19, 0x1C, 0x3C, 0x15, column, 0x00, 0x00, 0x00, 0x00]].concat()
        };
        assert_eq!(check_footer(&footer(0x04, 0x04)).unwrap(), BTreeSet::new());
        let error = check_footer(&footer(0x0A, 0x04)).unwrap_err();
        assert_eq!(error.code, ErrorCode::BadCopyFileFormat);
        assert!(error.message.contains("physical type 2 in column 1, whose type is 5"), "{}", error.message);
    }

    #[test]
    fn a_page_that_is_large_beyond_reason_is_refused() {
        let zigzag = |value: i64| {
            let mut value = ((value << 1) ^ (value >> 63)).cast_unsigned();
            let mut bytes = Vec::new();
            while value >= 0x80 {
                bytes.push(value as u8 | 0x80);
                value >>= 7;
            }
            bytes.push(value as u8);
            bytes
        };
        let header = |plain, compressed| {
            [&[0x15, 0x00, 0x15][..], &zigzag(plain), &[0x15], &zigzag(compressed), &[0x00]].concat()
        };
        assert_eq!(
            page(&header(2000, 1000), true).unwrap(),
            Some(Page { header: header(2000, 1000).len(), compressed: 1000, plain: 2000 })
        );
        assert_eq!(page(&header(i64::from(i32::MAX), 40), true).unwrap_err().code, ErrorCode::ProgramLimitExceeded);
        assert_eq!(page(&header(-5, 40), true).unwrap_err().code, ErrorCode::BadCopyFileFormat);
        assert_eq!(page(&header(2000, 1000)[..4], false).unwrap(), None);
        assert_eq!(page(&header(2000, 1000)[..4], true).unwrap_err().code, ErrorCode::BadCopyFileFormat);
    }
}
