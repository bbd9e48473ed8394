//! Rows as DuckDB vectors in one buffer.
//!
//! Layout of the buffer: for each column its values, its validity words, its default flags (each only where needed),
//! then the bytes of all strings longer than twelve bytes. Strings point into the buffer, so it must not move or be
//! reused before DuckDB has consumed the rows.

use copyist_core::Type;
use copyist_scan::Work;

use crate::column::ByteRef;
use crate::{Column, Decoded, Plan, Tile, Values};

/// Where a column lies in the buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ColumnBatch {
    /// Bytes a value takes.
    pub width: usize,
    /// Offset of the first value.
    pub data: usize,
    /// Offset of the validity words, if any row is NULL.
    pub validity: Option<usize>,
    /// Offset of one byte a row, 1 where the column's default is asked for, if any row asks.
    pub defaults: Option<usize>,
}

/// Where everything lies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    pub columns: Vec<ColumnBatch>,
    /// Bytes before the long strings: all that is copied into vectors.
    pub fixed_len: usize,
}

/// Days from 1970-01-01 to 2000-01-01.
const EPOCH_DAYS: i32 = 10_957;
/// The same in microseconds.
const EPOCH_MICROS: i64 = 946_684_800_000_000;
/// Strings up to this length lie inside their 16 bytes.
const INLINE: usize = 12;
/// Largest zone displacement in seconds, which DuckDB adds to keep the packed displacement positive.
const MAX_DISPLACEMENT: i64 = 16 * 3600 - 1;

/// Replaces the contents of `out` by the rows. The columns must have been decoded with [`crate::Layout::Duckdb`].
pub fn encode(plan: &Plan, tile: &Tile, decoded: &Decoded, out: &mut Vec<u8>) -> Batch {
    let rows = decoded.rows;
    let mut at = 0;
    let mut batch = Batch::default();
    for (column, spec) in decoded.columns.iter().zip(&plan.columns) {
        let width = width(&spec.ty, &column.values);
        let data = at;
        at = align(at + width * rows);
        let validity = (column.validity.nulls() > 0).then_some(at);
        if validity.is_some() {
            // Whole vectors of 2,048 rows are copied, so their words are all there.
            at += rows.div_ceil(2048) * (2048 / 8);
        }
        let defaults = (!column.defaults.is_empty()).then_some(at);
        if defaults.is_some() {
            at = align(at + rows);
        }
        batch.columns.push(ColumnBatch { width, data, validity, defaults });
    }
    batch.fixed_len = at;
    let heap: usize = decoded.columns.iter().map(long_bytes).sum();
    // What is there of an earlier tile is overwritten: to clear it first would take as long as to write the rows.
    out.resize(at + heap, 0);
    plan.scanner.run(Write { plan, tile, decoded, batch: &batch, out });
    batch
}

/// Writes the rows to their places.
struct Write<'a> {
    plan: &'a Plan,
    tile: &'a Tile,
    decoded: &'a Decoded,
    batch: &'a Batch,
    out: &'a mut [u8],
}

impl Work for Write<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { plan, tile, decoded, batch, out } = self;
        let rows = decoded.rows;
        let base = out.as_ptr() as u64;
        let mut heap = batch.fixed_len;
        for ((column, spec), place) in decoded.columns.iter().zip(&plan.columns).zip(&batch.columns) {
            write_values(column, &spec.ty, place, rows, out, tile, decoded, base, &mut heap);
            if let Some(start) = place.validity {
                write_validity(column, &mut out[start..], rows);
            }
            if let Some(start) = place.defaults {
                let flags = &mut out[start..start + rows];
                flags.fill(0);
                for &row in &column.defaults {
                    flags[row as usize] = 1;
                }
            }
        }
    }
}

fn align(at: usize) -> usize {
    at.next_multiple_of(16)
}

/// Bytes a value takes in DuckDB's vector.
fn width(ty: &Type, values: &Values) -> usize {
    match (values, ty) {
        (Values::Bool(_), _) => 1,
        (Values::I16(_), _) => 2,
        (Values::I32(_) | Values::F32(_), _) => 4,
        (Values::I64(_) | Values::F64(_) | Values::TimeTz(_), _) => 8,
        (Values::I128(_), Type::Numeric(Some((precision, _)))) => match precision {
            0..=4 => 2,
            5..=9 => 4,
            10..=18 => 8,
            _ => 16,
        },
        (Values::Enum(_), Type::Enum(kind)) => match kind.labels.len() {
            0..=255 => 1,
            256..=65_535 => 2,
            _ => 4,
        },
        _ => 16,
    }
}

fn long_bytes(column: &Column) -> usize {
    let Values::Bytes(refs) = &column.values else { return 0 };
    refs.iter().map(|value| if value.len() > INLINE { value.len() } else { 0 }).sum()
}

fn write_validity(column: &Column, out: &mut [u8], rows: usize) {
    let words = column.validity.words();
    for word in 0..rows.div_ceil(2048) * 32 {
        let bits = words.get(word).copied().unwrap_or(u64::MAX);
        out[word * 8..word * 8 + 8].copy_from_slice(&bits.to_le_bytes());
    }
}

#[allow(clippy::too_many_arguments)]
#[inline(always)]
fn write_values(
    column: &Column,
    ty: &Type,
    place: &ColumnBatch,
    rows: usize,
    out: &mut [u8],
    tile: &Tile,
    decoded: &Decoded,
    base: u64,
    heap: &mut usize,
) {
    let end = place.data + place.width * rows;
    match &column.values {
        Values::Bool(v) => out[place.data..end].copy_from_slice(v),
        Values::I16(v) => fixed(&mut out[place.data..end], v, i16::to_le_bytes),
        Values::I32(v) if *ty == Type::Date => fixed(&mut out[place.data..end], v, |days| {
            match days {
                i32::MAX => i32::MAX,
                i32::MIN => -i32::MAX,
                days => days + EPOCH_DAYS,
            }
            .to_le_bytes()
        }),
        Values::I32(v) => fixed(&mut out[place.data..end], v, i32::to_le_bytes),
        Values::I64(v) if matches!(ty, Type::Timestamp(_) | Type::TimestampTz(_)) => {
            fixed(&mut out[place.data..end], v, |micros| {
                match micros {
                    i64::MAX => i64::MAX,
                    i64::MIN => -i64::MAX,
                    micros => micros + EPOCH_MICROS,
                }
                .to_le_bytes()
            });
        }
        Values::I64(v) => fixed(&mut out[place.data..end], v, i64::to_le_bytes),
        Values::F32(v) => fixed(&mut out[place.data..end], v, f32::to_le_bytes),
        Values::F64(v) => fixed(&mut out[place.data..end], v, f64::to_le_bytes),
        Values::I128(v) => {
            let slot = &mut out[place.data..end];
            match place.width {
                2 => fixed(slot, v, |v| (v as i16).to_le_bytes()),
                4 => fixed(slot, v, |v| (v as i32).to_le_bytes()),
                8 => fixed(slot, v, |v| (v as i64).to_le_bytes()),
                _ => fixed(slot, v, i128::to_le_bytes),
            }
        }
        Values::TimeTz(v) => fixed(&mut out[place.data..end], v, |(micros, west)| {
            // DuckDB packs the displacement so that later zones east of Greenwich sort first.
            let displacement = MAX_DISPLACEMENT + i64::from(west);
            ((micros << 24) | displacement).to_le_bytes()
        }),
        Values::Interval(v) => fixed(&mut out[place.data..end], v, |interval| {
            let mut bytes = [0; 16];
            bytes[..4].copy_from_slice(&interval.months.to_le_bytes());
            bytes[4..8].copy_from_slice(&interval.days.to_le_bytes());
            bytes[8..].copy_from_slice(&interval.micros.to_le_bytes());
            bytes
        }),
        // A signed 128-bit integer that sorts as the uuid does: the top bit is flipped.
        Values::Uuid(v) => {
            fixed(&mut out[place.data..end], v, |uuid| (u128::from_be_bytes(uuid) ^ 1 << 127).to_le_bytes())
        }
        Values::Enum(v) => {
            let slot = &mut out[place.data..end];
            match place.width {
                1 => fixed(slot, v, |v| [v as u8]),
                2 => fixed(slot, v, |v| (v as u16).to_le_bytes()),
                _ => fixed(slot, v, u32::to_le_bytes),
            }
        }
        Values::Bytes(v) => strings(out, place.data, v, tile, decoded, base, heap),
    }
}

#[inline(always)]
fn fixed<T: Copy, const N: usize>(out: &mut [u8], values: &[T], bytes: impl Fn(T) -> [u8; N]) {
    for (slot, value) in out.as_chunks_mut::<N>().0.iter_mut().zip(values) {
        *slot = bytes(*value);
    }
}

#[inline(always)]
fn strings(
    out: &mut [u8],
    data: usize,
    values: &[ByteRef],
    tile: &Tile,
    decoded: &Decoded,
    base: u64,
    heap: &mut usize,
) {
    let (slots, long) = out.split_at_mut(*heap);
    let start = *heap;
    let (slots, _) = slots[data..].as_chunks_mut::<16>();
    let mut at = 0;
    for (slot, value) in slots.iter_mut().zip(values) {
        let len = value.len();
        let word = value.first_bytes(&tile.buffer, &decoded.arena);
        *slot = if len <= INLINE {
            // What is not text must be zero: DuckDB compares all of it.
            let text = word & ((1 << (8 * len)) - 1);
            (text << 32 | len as u128).to_le_bytes()
        } else {
            let address = base + (start + at) as u64;
            // Ascending, so what a copy leaves behind its value is overwritten by the next.
            value.copy_to(&tile.buffer, &decoded.arena, long, at);
            at += len;
            (u128::from(address) << 64 | (word & 0xffff_ffff) << 32 | len as u128).to_le_bytes()
        };
    }
    *heap = start + at;
}
