//! Decoded columns as an Arrow record batch.

use std::sync::Arc;

use arrow_array::types::IntervalMonthDayNano;
use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, FixedSizeBinaryArray, Float32Array,
    Float64Array, Int16Array, Int32Array, Int64Array, IntervalMonthDayNanoArray, RecordBatch, RecordBatchOptions,
    StringArray, Time64MicrosecondArray, TimestampMicrosecondArray, TimestampNanosecondArray,
};
use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::extension::EXTENSION_TYPE_NAME_KEY;
use arrow_schema::{DataType, Field, Schema};
use copyist_core::Type;
use copyist_datetime as datetime;
use copyist_format::{ByteRef, Column, ColumnPlan, Decoded, Plan, Tile, Validity, Values};
use copyist_scan::Work;

/// Days from 1970-01-01 to 2000-01-01.
const EPOCH_DAYS: i32 = 10_957;
const EPOCH_MICROS: i64 = 946_684_800_000_000;

/// The rows as one batch. The columns must have been decoded with [`copyist_format::Layout::Arrow`].
///
/// # Panics
/// If columns and plan disagree, which is a defect of the caller.
#[must_use]
pub fn record_batch(plan: &Plan, tile: &Tile, decoded: &Decoded) -> RecordBatch {
    let mut fields = Vec::with_capacity(plan.columns.len());
    let mut arrays = Vec::with_capacity(plan.columns.len());
    for (spec, column) in plan.columns.iter().zip(&decoded.columns) {
        let array = array(plan, spec, column, tile, decoded);
        fields.push(field(&spec.name, &spec.ty, array.data_type().clone()));
        arrays.push(array);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(decoded.rows));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)
        .expect("columns of one tile have one length")
}

/// Arrow's own sign of a UUID: without it 16 bytes are bytes.
pub(crate) const UUID: &str = "arrow.uuid";

/// A column, or the items of one, of values that are `ty` and arrays of `of`.
pub(crate) fn field(name: &str, ty: &Type, of: DataType) -> Field {
    let field = Field::new(name, of, true);
    if *ty == Type::Uuid { field.with_metadata([(EXTENSION_TYPE_NAME_KEY, UUID)]) } else { field }
}

fn nulls(validity: &Validity, rows: usize) -> Option<NullBuffer> {
    if validity.nulls() == 0 {
        return None;
    }
    let mut words = validity.words().to_vec();
    words.resize(rows.div_ceil(64), u64::MAX);
    Some(NullBuffer::new(BooleanBuffer::new(Buffer::from_vec(words), 0, rows)))
}

fn array(plan: &Plan, spec: &ColumnPlan, column: &Column, tile: &Tile, decoded: &Decoded) -> ArrayRef {
    let nulls = nulls(&column.validity, decoded.rows);
    match (&column.values, &spec.ty) {
        (Values::Bool(v), _) => {
            Arc::new(BooleanArray::new(BooleanBuffer::collect_bool(v.len(), |row| v[row] != 0), nulls))
        }
        (Values::I16(v), _) => Arc::new(Int16Array::new(ScalarBuffer::from(v.clone()), nulls)),
        (Values::I32(v), Type::Date) => {
            // Infinity stays what it is.
            let shifted = |days: i32| if days == i32::MIN { days } else { days.saturating_add(EPOCH_DAYS) };
            let days = v.iter().map(|&days| shifted(days)).collect::<Vec<_>>();
            Arc::new(Date32Array::new(ScalarBuffer::from(days), nulls))
        }
        (Values::I32(v), _) => Arc::new(Int32Array::new(ScalarBuffer::from(v.clone()), nulls)),
        (Values::I64(v), Type::Time(_)) => Arc::new(Time64MicrosecondArray::new(ScalarBuffer::from(v.clone()), nulls)),
        (Values::I64(v), ty) if ty.has_nanoseconds() => {
            let array = TimestampNanosecondArray::new(ScalarBuffer::from(v.clone()), nulls);
            if matches!(ty, Type::TimestampTz(_)) { Arc::new(array.with_timezone("UTC")) } else { Arc::new(array) }
        }
        (Values::I64(v), Type::Timestamp(_) | Type::TimestampTz(_)) => {
            let micros = plan.scanner.run(ShiftEpoch(v));
            let array = TimestampMicrosecondArray::new(ScalarBuffer::from(micros), nulls);
            if matches!(spec.ty, Type::TimestampTz(_)) { Arc::new(array.with_timezone("UTC")) } else { Arc::new(array) }
        }
        (Values::I64(v), _) => Arc::new(Int64Array::new(ScalarBuffer::from(v.clone()), nulls)),
        (Values::F32(v), _) => Arc::new(Float32Array::new(ScalarBuffer::from(v.clone()), nulls)),
        (Values::F64(v), _) => Arc::new(Float64Array::new(ScalarBuffer::from(v.clone()), nulls)),
        (Values::I128(v), Type::Numeric(Some((precision, scale)))) => Arc::new(
            Decimal128Array::new(ScalarBuffer::from(v.clone()), nulls)
                .with_precision_and_scale(*precision as u8, *scale as i8)
                .expect("the layout keeps precision and scale within Arrow's"),
        ),
        (Values::Interval(v), _) => {
            let values = v
                .iter()
                .map(|i| IntervalMonthDayNano::new(i.months, i.days, i.micros.saturating_mul(1000)))
                .collect::<Vec<_>>();
            Arc::new(IntervalMonthDayNanoArray::new(ScalarBuffer::from(values), nulls))
        }
        // Arrow has no such type: as PostgreSQL's text.
        (Values::TimeTz(v), _) => {
            let mut text = Vec::new();
            let values = v.iter().enumerate().map(|(row, &value)| {
                column.validity.is_valid(row).then(|| {
                    text.clear();
                    datetime::iso::write_timetz(value, &mut text);
                    String::from_utf8_lossy(&text).into_owned()
                })
            });
            Arc::new(values.collect::<StringArray>())
        }
        (Values::Uuid(v), _) => {
            Arc::new(FixedSizeBinaryArray::new(16, Buffer::from_vec(v.as_flattened().to_vec()), nulls))
        }
        (Values::Bytes(v), ty) => {
            let (offsets, data) = plan.scanner.run(Gather { values: v, tile, decoded });
            if *ty == Type::Bytea {
                Arc::new(BinaryArray::new(offsets, data, nulls))
            } else {
                // Verifies all values at once.
                Arc::new(StringArray::try_new(offsets, data, nulls).expect("tiles are verified to be UTF-8"))
            }
        }
        (values, ty) => unreachable!("no array is made of {values:?} for {ty:?}"),
    }
}

/// The values end to end, and where each begins. A NULL is empty.
struct Gather<'a> {
    values: &'a [ByteRef],
    tile: &'a Tile,
    decoded: &'a Decoded,
}

impl Work for Gather<'_> {
    type Output = (OffsetBuffer<i32>, Buffer);

    #[inline(always)]
    fn run(self) -> Self::Output {
        let Self { values, tile, decoded } = self;
        let mut offsets = vec![0; values.len() + 1];
        let mut total = 0;
        for (slot, value) in offsets[1..].iter_mut().zip(values) {
            total += value.len();
            // No value is longer than its field, and a tile is below 2 GiB.
            *slot = total as i32;
        }
        let mut data = vec![0; total];
        for (value, &at) in values.iter().zip(&offsets) {
            // Ascending, so what a copy leaves behind its value is overwritten by the next.
            value.copy_to(&tile.buffer, &decoded.arena, &mut data, at as usize);
        }
        (OffsetBuffer::new(ScalarBuffer::from(offsets)), Buffer::from_vec(data))
    }
}

/// Instants by Arrow's epoch. Infinity stays what it is.
struct ShiftEpoch<'a>(&'a [i64]);

impl Work for ShiftEpoch<'_> {
    type Output = Vec<i64>;

    #[inline(always)]
    fn run(self) -> Vec<i64> {
        let mut shifted = vec![0; self.0.len()];
        for (slot, &micros) in shifted.iter_mut().zip(self.0) {
            let infinite = micros == i64::MAX || micros == i64::MIN;
            *slot = if infinite { micros } else { micros.wrapping_add(EPOCH_MICROS) };
        }
        shifted
    }
}
