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
        let changes = self.changes.iter().map(|(place, with)| (at + *place as u64, with.clone())).collect();
        Arc::new(Changed { inner, changes })
    }
}

/// A file with other bytes at some places.
struct Changed {
    inner: Arc<dyn RandomAccess>,
    changes: Vec<(u64, Vec<u8>)>,
}

impl RandomAccess for Changed {
    fn size(&self) -> u64 {
        self.inner.size()
    }

    fn read_at(&self, at: u64, into: &mut [u8]) -> io::Result<()> {
        self.inner.read_at(at, into)?;
        let end = at + into.len() as u64;
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
