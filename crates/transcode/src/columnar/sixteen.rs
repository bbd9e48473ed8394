//! Values of 16 bytes, which are a UUID where they are said to be one, or a number, and bytes like any others where not. These become bytes
//! of any length as they are read, and numbers decimals, so that all behind knows a UUID by its type.
//!
//! And texts that Parquet's reader takes for such without a look, which all behind relies on.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Decimal256Type;
use arrow_array::{
    Array, ArrayRef, BinaryArray, FixedSizeBinaryArray, GenericStringArray, OffsetSizeTrait, PrimitiveArray,
    RecordBatch, RecordBatchOptions, StringViewArray, make_array,
};
use arrow_buffer::{OffsetBuffer, i256};
use arrow_schema::extension::EXTENSION_TYPE_NAME_KEY;
use arrow_schema::{ArrowError, DataType, Field, FieldRef, Schema, SchemaRef};

use super::int128;
use super::leaves::{checked, is_unchecked, with_fields, with_leaves};
use crate::arrow::UUID;

fn with_bytes(field: &FieldRef) -> FieldRef {
    with_leaves(field, &mut |leaf| {
        if int128::sign_of(leaf).is_some() {
            let mut number = Field::clone(leaf).with_data_type(int128::DECIMAL);
            number.metadata_mut().remove(EXTENSION_TYPE_NAME_KEY);
            return Some(number);
        }
        if is_unchecked(leaf) {
            return Some(checked(leaf));
        }
        let is_plain = *leaf.data_type() == DataType::FixedSizeBinary(16) && leaf.extension_type_name() != Some(UUID);
        is_plain.then(|| Field::clone(leaf).with_data_type(DataType::Binary))
    })
}

/// The schema of batches that [`bytes_of_batch`] makes.
pub(super) fn bytes_of_schema(schema: &Schema) -> SchemaRef {
    with_fields(schema, with_bytes)
}

/// The same rows, of which nothing but numbers is copied. `marked` is their schema with marks, of which their own has none.
///
/// # Errors
/// Where a text is no UTF-8.
pub(super) fn bytes_of_batch(batch: RecordBatch, marked: &Schema) -> Result<RecordBatch, ArrowError> {
    let schema = bytes_of_schema(marked);
    if *schema == *marked && schema == *batch.schema_ref() {
        return Ok(batch);
    }
    let fields = marked.fields().iter().zip(schema.fields());
    let pairs = batch.columns().iter().zip(fields);
    let columns = pairs.map(|(column, (from, to))| as_field(column, from, to)).collect::<Result<_, _>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(schema, columns, &options)
}

/// The values of a field as those of another one, which differs from it in that alone.
fn as_field(array: &ArrayRef, from: &Field, to: &Field) -> Result<ArrayRef, ArrowError> {
    if is_unchecked(from) {
        match array.data_type() {
            DataType::Utf8 => return texts::<i32>(array),
            DataType::LargeUtf8 => return texts::<i64>(array),
            DataType::Utf8View => {
                let (views, buffers, nulls) = array.as_string_view().clone().into_parts();
                return Ok(Arc::new(StringViewArray::try_new(views, buffers, nulls)?));
            }
            // Texts of a dictionary, below.
            _ => (),
        }
    } else if from.data_type() == to.data_type() && array.data_type() == to.data_type() {
        return Ok(Arc::clone(array));
    }
    if let Some(values) = array.as_fixed_size_binary_opt() {
        if let Some(has_sign) = int128::sign_of(from) {
            return numbers(values, has_sign);
        }
        let ends = OffsetBuffer::try_from_repeated_length(16, values.len()).map_err(|_| {
            ArrowError::NotYetImplemented("a record batch has 134,217,728 values of 16 bytes or more".to_owned())
        })?;
        return Ok(Arc::new(BinaryArray::try_new(ends, values.values().clone(), values.nulls().cloned())?));
    }
    let data = array.to_data();
    let fields = parts(from).into_iter().zip(parts(to));
    let pairs = data.child_data().iter().zip(fields);
    let parts = pairs.map(|(part, (from, to))| Ok(as_field(&make_array(part.clone()), &from, &to)?.to_data()));
    let parts = parts.collect::<Result<_, ArrowError>>()?;
    Ok(make_array(data.into_builder().data_type(to.data_type().clone()).child_data(parts).build()?))
}

/// The same texts, looked at.
fn texts<O: OffsetSizeTrait>(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let (ends, bytes, nulls) = array.as_string::<O>().clone().into_parts();
    Ok(Arc::new(GenericStringArray::<O>::try_new(ends, bytes, nulls)?))
}

/// What the values of a field consist of.
fn parts(field: &Field) -> Vec<FieldRef> {
    match field.data_type() {
        DataType::Struct(fields) => fields.to_vec(),
        // What is said of the field is said of the values.
        DataType::Dictionary(_, of) => vec![Arc::new(field.clone().with_data_type(of.as_ref().clone()))],
        DataType::List(of)
        | DataType::LargeList(of)
        | DataType::FixedSizeList(of, _)
        | DataType::ListView(of)
        | DataType::LargeListView(of)
        | DataType::Map(of, _) => vec![Arc::clone(of)],
        _ => Vec::new(),
    }
}

/// Both formats have their least byte first.
fn numbers(values: &FixedSizeBinaryArray, has_sign: bool) -> Result<ArrayRef, ArrowError> {
    let number = |bytes: &[u8]| {
        let bits = bytes.iter().rev().fold(0, |bits: u128, &byte| bits << 8 | u128::from(byte));
        if has_sign { i256::from_i128(bits.cast_signed()) } else { i256::from_parts(bits, 0) }
    };
    let numbers: Vec<i256> = (0..values.len()).map(|row| number(values.value(row))).collect();
    let numbers = PrimitiveArray::<Decimal256Type>::try_new(numbers.into(), values.nulls().cloned())?;
    Ok(Arc::new(numbers.with_data_type(int128::DECIMAL)))
}
