//! Values of 16 bytes, which are a UUID where they are said to be one, and bytes like any others where not. These become bytes of any
//! length as they are read, so that all behind knows a UUID by its type.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, BinaryArray, RecordBatch, RecordBatchOptions, make_array};
use arrow_buffer::OffsetBuffer;
use arrow_schema::{ArrowError, DataType, Field, FieldRef, Schema, SchemaRef};

use super::leaves::{with_fields, with_leaves};
use crate::arrow::UUID;

fn with_bytes(field: &FieldRef) -> FieldRef {
    with_leaves(field, &mut |leaf| {
        let is_plain = *leaf.data_type() == DataType::FixedSizeBinary(16) && leaf.extension_type_name() != Some(UUID);
        is_plain.then(|| Field::clone(leaf).with_data_type(DataType::Binary))
    })
}

/// The schema of batches that [`bytes_of_batch`] makes.
pub(super) fn bytes_of_schema(schema: &Schema) -> SchemaRef {
    with_fields(schema, with_bytes)
}

/// The same rows, of which nothing is copied.
pub(super) fn bytes_of_batch(batch: RecordBatch) -> Result<RecordBatch, ArrowError> {
    let schema = bytes_of_schema(batch.schema_ref());
    if schema == *batch.schema_ref() {
        return Ok(batch);
    }
    let pairs = batch.columns().iter().zip(schema.fields());
    let columns = pairs.map(|(column, field)| as_type(column, field.data_type())).collect::<Result<_, _>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(schema, columns, &options)
}

/// The array as one of a type that differs from its own in that alone.
fn as_type(array: &ArrayRef, ty: &DataType) -> Result<ArrayRef, ArrowError> {
    if array.data_type() == ty {
        return Ok(Arc::clone(array));
    }
    if let Some(values) = array.as_fixed_size_binary_opt() {
        let ends = OffsetBuffer::try_from_repeated_length(16, values.len()).map_err(|_| {
            ArrowError::NotYetImplemented("a record batch has 134,217,728 values of 16 bytes or more".to_owned())
        })?;
        return Ok(Arc::new(BinaryArray::try_new(ends, values.values().clone(), values.nulls().cloned())?));
    }
    let parts = match ty {
        DataType::Struct(fields) => fields.iter().map(|field| field.data_type()).collect(),
        DataType::Dictionary(_, of) => vec![of.as_ref()],
        DataType::List(of)
        | DataType::LargeList(of)
        | DataType::FixedSizeList(of, _)
        | DataType::ListView(of)
        | DataType::LargeListView(of)
        | DataType::Map(of, _) => vec![of.data_type()],
        _ => Vec::new(),
    };
    let data = array.to_data();
    let pairs = data.child_data().iter().zip(parts);
    let parts = pairs.map(|(part, ty)| Ok(as_type(&make_array(part.clone()), ty)?.to_data()));
    let parts = parts.collect::<Result<_, ArrowError>>()?;
    Ok(make_array(data.into_builder().data_type(ty.clone()).child_data(parts).build()?))
}
