//! Decoded columns: Arrow's physical layouts, in vectors that are reused from tile to tile.

use copyist_datetime::Interval;

use crate::plan::ColumnPlan;

/// A byte string inside the tile's bytes or, when it had to be rewritten, inside the arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteRef {
    start: u32,
    len: u32,
}

/// Set in `ByteRef::start` for the arena. Tiles and arenas are kept below 2 GiB.
const ARENA: u32 = 1 << 31;

impl ByteRef {
    pub(crate) const EMPTY: ByteRef = ByteRef { start: 0, len: 0 };

    #[inline(always)]
    pub(crate) fn tile(start: usize, end: usize) -> Self {
        Self { start: start as u32, len: (end - start) as u32 }
    }

    #[inline(always)]
    pub(crate) fn arena(start: usize, end: usize) -> Self {
        Self { start: start as u32 | ARENA, len: (end - start) as u32 }
    }

    /// Length in bytes.
    #[inline(always)]
    #[must_use]
    #[allow(clippy::len_without_is_empty)]
    pub fn len(self) -> usize {
        self.len as usize
    }

    /// Which of the two places the bytes are in, and where they begin there.
    #[inline(always)]
    fn place<'a>(self, tile: &'a [u8], arena: &'a [u8]) -> (&'a [u8], usize) {
        if self.start & ARENA == 0 { (tile, self.start as usize) } else { (arena, (self.start & !ARENA) as usize) }
    }

    /// The bytes, given both places they can be in.
    #[inline(always)]
    #[must_use]
    pub fn get<'a>(self, tile: &'a [u8], arena: &'a [u8]) -> &'a [u8] {
        let (from, start) = self.place(tile, arena);
        &from[start..start + self.len as usize]
    }

    /// The first sixteen bytes as a number, the first byte the lowest; anything in place of those that the value does not have.
    #[inline(always)]
    pub(crate) fn first_bytes(self, tile: &[u8], arena: &[u8]) -> u128 {
        let (from, start) = self.place(tile, arena);
        let rest = &from[start..];
        let bytes = rest.first_chunk::<16>().copied().unwrap_or_else(|| {
            let mut bytes = [0; 16];
            bytes[..rest.len()].copy_from_slice(rest);
            bytes
        });
        u128::from_le_bytes(bytes)
    }

    /// Copies the bytes to `out[at..]`. Short values are copied by a block of fixed size where there is room on both sides,
    /// so what follows them in `out` is overwritten with anything.
    #[inline(always)]
    pub fn copy_to(self, tile: &[u8], arena: &[u8], out: &mut [u8], at: usize) {
        const BLOCK: usize = 32;
        let (from, start) = self.place(tile, arena);
        let len = self.len as usize;
        if len <= BLOCK
            && let Some(block) = from.get(start..start + BLOCK)
            && let Some(slot) = out.get_mut(at..at + BLOCK)
        {
            slot.copy_from_slice(block);
        } else {
            out[at..at + len].copy_from_slice(&from[start..start + len]);
        }
    }
}

/// Takes the elements of `rows`, which ascend, out of `list`.
pub(crate) fn remove<T: Copy>(list: &mut Vec<T>, rows: &[u32]) {
    let Some(&first) = rows.first() else { return };
    let mut kept = first as usize;
    for (index, &row) in rows.iter().enumerate() {
        let from = row as usize + 1;
        let to = rows.get(index + 1).map_or(list.len(), |&next| next as usize);
        list.copy_within(from..to, kept);
        kept += to - from;
    }
    list.truncate(kept);
}

/// Values of one column, one element a row; the element of a NULL is unspecified.
#[derive(Clone, Debug)]
pub enum Values {
    Bool(Vec<u8>),
    I16(Vec<i16>),
    /// Also dates: days since 2000-01-01.
    I32(Vec<i32>),
    /// Also times and timestamps: microseconds, timestamps since 2000-01-01.
    I64(Vec<i64>),
    F32(Vec<f32>),
    F64(Vec<f64>),
    /// Decimals, unscaled.
    I128(Vec<i128>),
    /// Microseconds and seconds west of Greenwich.
    TimeTz(Vec<(i64, i32)>),
    Interval(Vec<Interval>),
    Uuid(Vec<[u8; 16]>),
    /// Positions in the enum's list of labels.
    Enum(Vec<u32>),
    Bytes(Vec<ByteRef>),
}

/// One bit a row, set where the value is present. Empty while every row so far is present.
#[derive(Clone, Debug, Default)]
pub struct Validity {
    words: Vec<u64>,
    nulls: usize,
}

impl Validity {
    pub(crate) fn clear(&mut self) {
        self.words.clear();
        self.nulls = 0;
    }

    #[inline]
    pub(crate) fn set_null(&mut self, row: usize) {
        let word = row / 64;
        if word >= self.words.len() {
            self.words.resize(word + 1, u64::MAX);
        }
        self.words[word] &= !(1 << (row % 64));
        self.nulls += 1;
    }

    /// Makes all of `rows` rows NULL.
    pub(crate) fn set_all_null(&mut self, rows: usize) {
        self.words.clear();
        self.words.resize(rows.div_ceil(64), 0);
        if let Some(last) = self.words.get_mut(rows / 64) {
            *last = u64::MAX << (rows % 64);
        }
        self.nulls = rows;
    }

    /// Takes over a bitmap of `rows` rows in which set bits are values, with nothing known before.
    #[cfg(feature = "arrow")]
    pub(crate) fn copy_from(&mut self, words: impl Iterator<Item = u64>, rows: usize) {
        self.words.clear();
        self.words.extend(words.take(rows.div_ceil(64)));
        if let Some(last) = self.words.get_mut(rows / 64) {
            *last |= u64::MAX << (rows % 64);
        }
        self.nulls = self.words.iter().map(|word| word.count_zeros() as usize).sum();
    }

    pub(crate) fn truncate(&mut self, rows: usize) {
        if self.nulls == 0 {
            return;
        }
        self.words.truncate(rows.div_ceil(64));
        if let Some(last) = self.words.get_mut(rows / 64) {
            *last |= u64::MAX << (rows % 64);
        }
        self.nulls = self.words.iter().map(|word| word.count_zeros() as usize).sum();
    }

    /// Takes out `rows` of `len`, which ascend.
    fn remove(&mut self, rows: &[u32], len: usize) {
        if self.nulls == 0 {
            return;
        }
        let before = std::mem::take(self);
        let mut removed = rows.iter().copied().peekable();
        let mut kept = 0;
        for row in 0..len {
            if removed.next_if_eq(&(row as u32)).is_some() {
                continue;
            }
            if !before.is_valid(row) {
                self.set_null(kept);
            }
            kept += 1;
        }
    }

    /// The rows below `len` that are NULL.
    pub(crate) fn null_rows(&self, len: usize) -> impl Iterator<Item = u32> {
        self.words.iter().enumerate().flat_map(move |(index, &word)| {
            let mut zeros = !word;
            std::iter::from_fn(move || {
                let bit = zeros.trailing_zeros();
                let row = index as u32 * 64 + bit;
                zeros &= zeros.wrapping_sub(1);
                (bit < 64 && (row as usize) < len).then_some(row)
            })
        })
    }

    /// NULLs in the column.
    #[must_use]
    pub fn nulls(&self) -> usize {
        self.nulls
    }

    /// Whether `row` has a value.
    #[inline(always)]
    #[must_use]
    pub fn is_valid(&self, row: usize) -> bool {
        self.words.get(row / 64).is_none_or(|word| word >> (row % 64) & 1 == 1)
    }

    /// The words, row r at bit r; rows past the last word are present.
    #[must_use]
    pub fn words(&self) -> &[u64] {
        &self.words
    }
}

/// A decoded column.
#[derive(Clone, Debug)]
pub struct Column {
    pub values: Values,
    pub validity: Validity,
    /// Rows whose field is the DEFAULT string, ascending. They are NULL in `validity` too.
    pub defaults: Vec<u32>,
    /// [`ColumnPlan::zero`].
    pub(crate) zero: Option<u8>,
}

impl Column {
    pub(crate) fn new(values: Values) -> Self {
        Self { values, validity: Validity::default(), defaults: Vec::new(), zero: None }
    }

    pub(crate) fn of(plan: &ColumnPlan, values: Values) -> Self {
        Self { zero: plan.zero, ..Self::new(values) }
    }

    /// Forgets NULLs and defaults; the vectors keep their length and are overwritten.
    pub(crate) fn clear(&mut self) {
        self.validity.clear();
        self.defaults.clear();
    }

    /// Takes out `rows` of `len`, which ascend.
    pub(crate) fn remove(&mut self, rows: &[u32], len: usize) {
        self.validity.remove(rows, len);
        self.defaults.retain(|row| rows.binary_search(row).is_err());
        for row in &mut self.defaults {
            *row -= rows.partition_point(|removed| removed < row) as u32;
        }
        match &mut self.values {
            Values::Bool(v) => remove(v, rows),
            Values::I16(v) => remove(v, rows),
            Values::I32(v) => remove(v, rows),
            Values::I64(v) => remove(v, rows),
            Values::F32(v) => remove(v, rows),
            Values::F64(v) => remove(v, rows),
            Values::I128(v) => remove(v, rows),
            Values::TimeTz(v) => remove(v, rows),
            Values::Interval(v) => remove(v, rows),
            Values::Uuid(v) => remove(v, rows),
            Values::Enum(v) => remove(v, rows),
            Values::Bytes(v) => remove(v, rows),
        }
    }

    pub(crate) fn truncate(&mut self, rows: usize) {
        self.validity.truncate(rows);
        let keep = self.defaults.partition_point(|&row| (row as usize) < rows);
        self.defaults.truncate(keep);
        match &mut self.values {
            Values::Bool(v) => v.truncate(rows),
            Values::I16(v) => v.truncate(rows),
            Values::I32(v) => v.truncate(rows),
            Values::I64(v) => v.truncate(rows),
            Values::F32(v) => v.truncate(rows),
            Values::F64(v) => v.truncate(rows),
            Values::I128(v) => v.truncate(rows),
            Values::TimeTz(v) => v.truncate(rows),
            Values::Interval(v) => v.truncate(rows),
            Values::Uuid(v) => v.truncate(rows),
            Values::Enum(v) => v.truncate(rows),
            Values::Bytes(v) => v.truncate(rows),
        }
    }
}
