//! INTERVAL of Parquet: months, days and milliseconds.
//!
//! The reader takes either the months of a value or the rest of it. So its columns are read twice, and put together.

use std::sync::Arc;

use ::parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use ::parquet::basic::{ConvertedType, Repetition};
use ::parquet::errors::ParquetError;
use arrow_array::cast::AsArray;
use arrow_array::types::{IntervalDayTimeType, IntervalMonthDayNanoType, IntervalYearMonthType};
use arrow_array::{Array, ArrayRef, PrimitiveArray, RecordBatch};
use arrow_buffer::{IntervalMonthDayNano, ScalarBuffer};
use arrow_schema::{ArrowError, DataType, IntervalUnit, Schema, SchemaRef};

use super::again::Again;

/// The columns that are such, not those within others.
pub(super) struct Intervals {
    /// By their numbers.
    columns: Vec<usize>,
    /// Of them by their months, and of all columns by the rest.
    pub months: ArrowReaderMetadata,
    pub rest: ArrowReaderMetadata,
}

impl Intervals {
    /// None where there are no such columns.
    pub fn find(metadata: &ArrowReaderMetadata) -> Result<Option<Self>, ParquetError> {
        let fields = metadata.metadata().file_metadata().schema().get_fields();
        let is_interval = |field: &::parquet::schema::types::Type| {
            let info = field.get_basic_info();
            field.is_primitive()
                && info.converted_type() == ConvertedType::INTERVAL
                && !(info.has_repetition() && info.repetition() == Repetition::REPEATED)
        };
        let numbered = fields.iter().enumerate();
        let columns: Vec<usize> = numbered.filter(|(_, field)| is_interval(field)).map(|(number, _)| number).collect();
        if columns.is_empty() {
            return Ok(None);
        }
        let of = |unit| {
            let options = ArrowReaderOptions::new().with_schema(with_unit(metadata.schema(), &columns, unit));
            ArrowReaderMetadata::try_new(Arc::clone(metadata.metadata()), options)
        };
        let (months, rest) = (of(IntervalUnit::YearMonth)?, of(IntervalUnit::DayTime)?);
        Ok(Some(Self { columns, months, rest }))
    }

    /// The schema of what is put together of months and the rest, which has `schema`.
    pub fn whole(&self, schema: &Schema) -> SchemaRef {
        with_unit(schema, &self.columns, IntervalUnit::MonthDayNano)
    }

    pub fn contains(&self, column: usize) -> bool {
        self.columns.contains(&column)
    }
}

fn with_unit(schema: &Schema, columns: &[usize], unit: IntervalUnit) -> SchemaRef {
    let fields = schema.fields().iter().enumerate().map(|(number, field)| {
        if columns.contains(&number) {
            Arc::new(field.as_ref().clone().with_data_type(DataType::Interval(unit)))
        } else {
            Arc::clone(field)
        }
    });
    Arc::new(Schema::new_with_metadata(fields.collect::<Vec<_>>(), schema.metadata().clone()))
}

/// Puts the next months into a batch that has the rest.
pub(super) fn put_months(again: &mut Again, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let uneven = || ArrowError::ParquetError("its months are fewer than its days".to_owned());
    let months = again.beside(batch, uneven)?;
    let mut columns = batch.columns().to_vec();
    for (months, &place) in months.columns().iter().zip(&again.places) {
        let (Some(months), Some(rest)) = (
            months.as_primitive_opt::<IntervalYearMonthType>(),
            columns[place].as_primitive_opt::<IntervalDayTimeType>(),
        ) else {
            return Err(uneven());
        };
        // All three are unsigned numbers of 32 bits.
        let whole = months.values().iter().zip(rest.values()).map(|(&months, rest)| {
            IntervalMonthDayNano::new(months, rest.days, i64::from(rest.milliseconds.cast_unsigned()) * 1_000_000)
        });
        let values: ScalarBuffer<_> = whole.collect();
        let is_too_long = |value: &IntervalMonthDayNano| value.months < 0 || value.days < 0;
        let is_valid = |row: usize| rest.nulls().is_none_or(|nulls| nulls.is_valid(row));
        if values.iter().enumerate().any(|(row, value)| is_too_long(value) && is_valid(row)) {
            let message = "an INTERVAL has 2,147,483,648 months or days, or more".to_owned();
            return Err(ArrowError::NotYetImplemented(message));
        }
        let array = PrimitiveArray::<IntervalMonthDayNanoType>::new(values, rest.nulls().cloned());
        columns[place] = Arc::new(array) as ArrayRef;
    }
    RecordBatch::try_new(with_unit(batch.schema_ref(), &again.places, IntervalUnit::MonthDayNano), columns)
}
