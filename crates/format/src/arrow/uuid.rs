//! Values of 16 bytes, which are UUIDs, as text: for them to be one in a list, a structure, a text and a message, too.

use std::fmt::Write;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{
    Array, ArrayRef, FixedSizeListArray, GenericListArray, GenericListViewArray, MapArray, OffsetSizeTrait,
    StringArray, StructArray, downcast_dictionary_array,
};
use arrow_buffer::{OffsetBuffer, ScalarBuffer};
use arrow_schema::{DataType, Field, FieldRef, Fields};

/// The same values, where all that are of 16 bytes are strings.
pub(super) fn as_text(array: &ArrayRef) -> ArrayRef {
    if has_uuid(array.data_type()) { written(array) } else { Arc::clone(array) }
}

fn has_uuid(ty: &DataType) -> bool {
    match ty {
        DataType::FixedSizeBinary(16) => true,
        DataType::List(of)
        | DataType::LargeList(of)
        | DataType::FixedSizeList(of, _)
        | DataType::ListView(of)
        | DataType::LargeListView(of)
        | DataType::Map(of, _) => has_uuid(of.data_type()),
        DataType::Struct(fields) => fields.iter().any(|field| has_uuid(field.data_type())),
        DataType::Dictionary(_, of) => has_uuid(of),
        _ => false,
    }
}

fn written(array: &ArrayRef) -> ArrayRef {
    match array.data_type() {
        DataType::FixedSizeBinary(16) => {
            let values = array.as_fixed_size_binary();
            let text = |row| values.is_valid(row).then(|| uuid(values.value(row)));
            Arc::new((0..values.len()).map(text).collect::<StringArray>())
        }
        DataType::List(of) => list::<i32>(array, of),
        DataType::LargeList(of) => list::<i64>(array, of),
        DataType::FixedSizeList(of, size) => {
            let list = array.as_fixed_size_list();
            let values = as_text(list.values());
            let field = field(of, &values);
            Arc::new(FixedSizeListArray::new(field, *size, values, list.nulls().cloned()))
        }
        DataType::ListView(of) => list_view::<i32>(array, of),
        DataType::LargeListView(of) => list_view::<i64>(array, of),
        DataType::Struct(fields) => Arc::new(structure(array.as_struct(), fields)),
        DataType::Map(of, sorted) => {
            let map = array.as_map();
            let DataType::Struct(fields) = of.data_type() else { return Arc::clone(array) };
            let (from, offsets) = rebased(map.offsets());
            let entries = structure(&map.entries().slice(from, last(&offsets)), fields);
            let of = Arc::new(of.as_ref().clone().with_data_type(entries.data_type().clone()));
            Arc::new(MapArray::new(of, offsets, entries, map.nulls().cloned(), *sorted))
        }
        DataType::Dictionary(..) => downcast_dictionary_array!(
            array => Arc::new(array.with_values(as_text(array.values()))),
            _ => Arc::clone(array)
        ),
        _ => Arc::clone(array),
    }
}

fn uuid(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(36);
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        // Writing to memory cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn field(field: &FieldRef, values: &ArrayRef) -> FieldRef {
    Arc::new(Field::clone(field).with_data_type(values.data_type().clone()))
}

/// Where the first value is, and offsets from there on.
fn rebased<O: OffsetSizeTrait>(offsets: &OffsetBuffer<O>) -> (usize, OffsetBuffer<O>) {
    let from = offsets.first();
    let offsets: Vec<O> = offsets.iter().map(|&offset| offset - from).collect();
    (from.as_usize(), OffsetBuffer::new(offsets.into()))
}

fn last<O: OffsetSizeTrait>(offsets: &OffsetBuffer<O>) -> usize {
    offsets.last().as_usize()
}

fn list<O: OffsetSizeTrait>(array: &ArrayRef, of: &FieldRef) -> ArrayRef {
    let list = array.as_list::<O>();
    let (from, offsets) = rebased(list.offsets());
    let values = as_text(&list.values().slice(from, last(&offsets)));
    Arc::new(GenericListArray::new(field(of, &values), offsets, values, list.nulls().cloned()))
}

fn list_view<O: OffsetSizeTrait>(array: &ArrayRef, of: &FieldRef) -> ArrayRef {
    let list = array.as_list_view::<O>();
    let values = as_text(list.values());
    let (offsets, sizes): (ScalarBuffer<O>, ScalarBuffer<O>) = (list.offsets().clone(), list.sizes().clone());
    Arc::new(GenericListViewArray::new(field(of, &values), offsets, sizes, values, list.nulls().cloned()))
}

fn structure(array: &StructArray, fields: &Fields) -> StructArray {
    let columns: Vec<ArrayRef> = array.columns().iter().map(as_text).collect();
    let fields: Fields = fields.iter().zip(&columns).map(|(of, values)| field(of, values)).collect();
    StructArray::new(fields, columns, array.nulls().cloned())
}
