//! Whole numbers of 128 bits, which the format has words for, some write (polars), and the readers know nothing of.
//!
//! Where a schema says so it is read as saying 16 bytes, as which the numbers are stored in either format, and the field is marked. Batches
//! then have decimals in their place (`sixteen.rs`).

use std::io;
use std::ops::Range;
use std::sync::Arc;

use arrow_ipc::{Field as Said, FixedSizeBinary, Schema as SaidSchema, Type};
use arrow_schema::extension::EXTENSION_TYPE_NAME_KEY;
use arrow_schema::{DataType, Field};
use copyist_format::About;

use super::RandomAccess;
use super::leaves::{Mark, Marks};

/// What fields are marked by, in place of an extension of Arrow's.
const SIGNED: &str = "copyist.int128";
const UNSIGNED: &str = "copyist.uint128";
const BITS: i32 = 128;
const BYTES: i32 = BITS / 8;

/// What such a field's values become: 39 digits hold them all.
pub(super) const DECIMAL: DataType = DataType::Decimal256(39, 0);

/// Whether the values of a field are such numbers, and whether these have a sign.
pub(super) fn sign_of(field: &Field) -> Option<bool> {
    match (field.data_type(), field.extension_type_name()) {
        (DataType::FixedSizeBinary(BYTES), Some(SIGNED)) => Some(true),
        (DataType::FixedSizeBinary(BYTES), Some(UNSIGNED)) => Some(false),
        _ => None,
    }
}

/// Where a schema says that there are such numbers.
#[derive(Default)]
pub(super) struct Found {
    /// What takes the place of bytes of it, and where these begin.
    changes: Vec<(usize, Vec<u8>)>,
    pub marks: Marks,
}

impl Found {
    /// Places are those in what the schema has been read from.
    pub fn of(schema: &SaidSchema<'_>) -> Option<Self> {
        let mut found = Self::default();
        for field in schema.fields()? {
            let mut of_leaves = Vec::new();
            found.look_at(field, &mut of_leaves);
            found.marks.push(of_leaves);
        }
        (!found.changes.is_empty()).then_some(found)
    }

    fn look_at(&mut self, field: Said<'_>, of_leaves: &mut Vec<Vec<Mark>>) {
        let is_parent = matches!(
            field.type_type(),
            Type::List
                | Type::LargeList
                | Type::FixedSizeList
                | Type::ListView
                | Type::LargeListView
                | Type::Map
                | Type::Struct_
        );
        if is_parent {
            field.children().into_iter().flatten().for_each(|child| self.look_at(child, of_leaves));
            return;
        }
        let number = field.type_as_int().filter(|int| int.bitWidth() == BITS);
        let mark = number.map(|int| (EXTENSION_TYPE_NAME_KEY, if int.is_signed() { SIGNED } else { UNSIGNED }));
        of_leaves.push(mark.into_iter().collect());
        let Some(int) = number else { return };
        // The number of bits stands where that of bytes stands in the other type.
        let places = [
            (field._tab, Said::VT_TYPE_TYPE, vec![Type::FixedSizeBinary.0]),
            (int._tab, FixedSizeBinary::VT_BYTEWIDTH, BYTES.to_le_bytes().to_vec()),
        ];
        self.changes
            .extend(places.map(|(table, slot, bytes)| (table.loc() + usize::from(table.vtable().get(slot)), bytes)));
    }

    /// Changes the bytes that the schema has been read from.
    pub fn change(&self, bytes: &mut [u8]) {
        for (at, with) in &self.changes {
            bytes[*at..*at + with.len()].copy_from_slice(with);
        }
    }

    /// The same of a file in which they stand at a place.
    pub fn access(&self, inner: Arc<dyn RandomAccess>, at: u64) -> Arc<dyn RandomAccess> {
        let changes: Vec<_> = self.changes.iter().map(|(place, with)| (at + *place as u64, with.clone())).collect();
        let start = changes.iter().map(|(place, _)| *place).min().unwrap_or(0);
        let end = changes.iter().map(|(place, with)| place + with.len() as u64).max().unwrap_or(0);
        Arc::new(Changed { inner, changes, range: start..end })
    }
}

/// A file with other bytes at some places.
struct Changed {
    inner: Arc<dyn RandomAccess>,
    changes: Vec<(u64, Vec<u8>)>,
    /// Where all of them are.
    range: Range<u64>,
}

impl RandomAccess for Changed {
    fn size(&self) -> u64 {
        self.inner.size()
    }

    fn read_at(&self, at: u64, into: &mut [u8]) -> io::Result<()> {
        self.inner.read_at(at, into)?;
        let end = at + into.len() as u64;
        // A schema has any number of them, and is read once.
        if end <= self.range.start || self.range.end <= at {
            return Ok(());
        }
        for (place, with) in &self.changes {
            for (place, &byte) in (*place..).zip(with) {
                if (at..end).contains(&place) {
                    into[(place - at) as usize] = byte;
                }
            }
        }
        Ok(())
    }

    fn is_shared(&self) -> bool {
        self.inner.is_shared()
    }

    fn expect(&self, soon: &[Range<u64>], later: &[Range<u64>]) {
        self.inner.expect(soon, later);
    }

    fn about(&self) -> io::Result<About> {
        self.inner.about()
    }

    fn check_unchanged(&self) -> io::Result<()> {
        self.inner.check_unchanged()
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn bytes_are_changed_where_they_stand_and_no_others_take_any_time() {
        let found = Found { changes: vec![(2, vec![7; 3]), (6, vec![9])], marks: Marks::default() };
        let changed = found.access(Arc::new(vec![0; 12]), 1);
        let read = |range: Range<usize>| {
            let mut into = vec![0; range.len()];
            changed.read_at(range.start as u64, &mut into).map(|()| into).unwrap()
        };
        assert_eq!(read(0..12), [0, 0, 0, 7, 7, 7, 0, 9, 0, 0, 0, 0]);
        assert_eq!(
            (read(0..3), read(1..4), read(5..7), read(7..9)),
            (vec![0; 3], vec![0, 0, 7], vec![7, 0], vec![9, 0])
        );
        assert_eq!(read(8..12), [0; 4]);

        let found = Found { changes: vec![(0, vec![1; 4]); 1_000_000], marks: Marks::default() };
        let changed = found.access(Arc::new(vec![0; 12]), 0);
        let started = Instant::now();
        for _ in 0..1000 {
            changed.read_at(4, &mut [0; 8]).unwrap();
        }
        assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    }
}
