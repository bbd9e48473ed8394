//! INT96: a day, and the nanosecond of it.
//!
//! The reader makes either nanoseconds of it, which wrap around outside of 1677 to 2262, or microseconds, which lose what is behind them. So
//! its columns are read twice, and of each batch that is taken which has all of it.

use std::collections::BTreeSet;
use std::sync::Arc;

use ::parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use ::parquet::basic::Type as PhysicalType;
use ::parquet::errors::ParquetError;
use arrow_array::cast::AsArray;
use arrow_array::types::{TimestampMicrosecondType, TimestampNanosecondType};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, DataType, Field, FieldRef, Schema, TimeUnit};

use super::again::Again;
use super::leaves::with_leaves;

/// The columns that are such, or have some in them.
pub(super) struct Instants {
    /// By their numbers.
    columns: BTreeSet<usize>,
    /// Of them by microseconds.
    pub micros: ArrowReaderMetadata,
}

impl Instants {
    /// None where there are no such columns, or the file says that they have no nanoseconds.
    pub fn find(metadata: &ArrowReaderMetadata) -> Result<Option<Self>, ParquetError> {
        let parquet = metadata.metadata().file_metadata().schema_descr();
        let mut leaves = parquet.columns().iter();
        let mut micros = |field: &FieldRef| {
            let is_instant = leaves.next()?.physical_type() == PhysicalType::INT96;
            match field.data_type() {
                DataType::Timestamp(TimeUnit::Nanosecond, zone) if is_instant => {
                    Some(Field::clone(field).with_data_type(DataType::Timestamp(TimeUnit::Microsecond, zone.clone())))
                }
                _ => None,
            }
        };
        let mut columns = BTreeSet::new();
        let numbered = metadata.schema().fields().iter().enumerate();
        let fields = numbered.map(|(number, field)| {
            let made = with_leaves(field, &mut micros);
            if made != *field {
                columns.insert(number);
            }
            made
        });
        let schema = Schema::new_with_metadata(fields.collect::<Vec<_>>(), metadata.schema().metadata().clone());
        if columns.is_empty() {
            return Ok(None);
        }
        let options = ArrowReaderOptions::new().with_schema(Arc::new(schema));
        let micros = ArrowReaderMetadata::try_new(Arc::clone(metadata.metadata()), options)?;
        Ok(Some(Self { columns, micros }))
    }

    pub fn contains(&self, column: usize) -> bool {
        self.columns.contains(&column)
    }
}

/// Puts the next microseconds into a batch that has nanoseconds, where these are not all.
pub(super) fn put_micros(again: &mut Again, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let micros = again.beside(batch, uneven)?;
    let mut columns = batch.columns().to_vec();
    let mut fields: Vec<FieldRef> = batch.schema_ref().fields().iter().map(Arc::clone).collect();
    for ((micros, field), &place) in micros.columns().iter().zip(micros.schema_ref().fields()).zip(&again.places) {
        let (Some(nanos), Some(kept)) = (columns.get(place), fields.get_mut(place)) else { return Err(uneven()) };
        let mut found = Found::default();
        compare(nanos, micros, &mut found)?;
        match found {
            Found { has_rest: false, .. } => {
                columns[place] = Arc::clone(micros);
                *kept = Arc::clone(field);
            }
            Found { is_far: false, .. } => {}
            Found { .. } => {
                let message = format!(
                    "column \"{}\" has INT96 timestamps with nanoseconds beside some that are outside of 1677 to 2262",
                    field.name()
                );
                return Err(ArrowError::NotYetImplemented(message));
            }
        }
    }
    RecordBatch::try_new(Arc::new(Schema::new_with_metadata(fields, batch.schema_ref().metadata().clone())), columns)
}

fn uneven() -> ArrowError {
    ArrowError::ParquetError("its INT96 timestamps are not as many when they are read again".to_owned())
}

#[derive(Default)]
struct Found {
    /// Some have what microseconds do not.
    has_rest: bool,
    /// Some are beyond what nanoseconds can say.
    is_far: bool,
}

fn compare(nanos: &ArrayRef, micros: &ArrayRef, found: &mut Found) -> Result<(), ArrowError> {
    if nanos.len() != micros.len() {
        return Err(uneven());
    }
    match (nanos.data_type(), micros.data_type()) {
        (DataType::Timestamp(TimeUnit::Nanosecond, _), DataType::Timestamp(TimeUnit::Microsecond, _)) => {
            let nanos = nanos.as_primitive::<TimestampNanosecondType>().values();
            let all = micros.as_primitive::<TimestampMicrosecondType>();
            for (row, (&nanos, &value)) in nanos.iter().zip(all.values()).enumerate() {
                if all.is_valid(row) {
                    // Both are of the same instant, and nanoseconds wrap around.
                    found.has_rest |= value.wrapping_mul(1000) != nanos;
                    found.is_far |= value.checked_mul(1000).is_none_or(|nanos| nanos.checked_add(999).is_none());
                }
            }
            Ok(())
        }
        (DataType::Struct(_), DataType::Struct(_)) => {
            let mut pairs = nanos.as_struct().columns().iter().zip(micros.as_struct().columns());
            pairs.try_for_each(|(nanos, micros)| compare(nanos, micros, found))
        }
        (DataType::List(_), DataType::List(_)) => {
            compare(nanos.as_list::<i32>().values(), micros.as_list::<i32>().values(), found)
        }
        (DataType::LargeList(_), DataType::LargeList(_)) => {
            compare(nanos.as_list::<i64>().values(), micros.as_list::<i64>().values(), found)
        }
        (DataType::Map(..), DataType::Map(..)) => {
            let mut pairs = nanos.as_map().entries().columns().iter().zip(micros.as_map().entries().columns());
            pairs.try_for_each(|(nanos, micros)| compare(nanos, micros, found))
        }
        (one, other) if one == other => Ok(()),
        _ => Err(uneven()),
    }
}
