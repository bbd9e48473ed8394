//! Fields of Arrow's schema beside the leaves of Parquet's that they are made of.

use std::sync::Arc;

use ::parquet::arrow::arrow_reader::ArrowReaderMetadata;
use ::parquet::basic::{ConvertedType, LogicalType};
use ::parquet::schema::types::ColumnDescPtr;
use arrow_schema::{DataType, Field, FieldRef, Schema, SchemaRef};

/// The field with those in it that are leaves as `change` makes them; `leaves` are all that are left, in their order.
pub(super) fn with_leaves<'a>(
    field: &FieldRef,
    leaves: &mut impl Iterator<Item = &'a ColumnDescPtr>,
    change: &impl Fn(&FieldRef, &ColumnDescPtr) -> Option<Field>,
) -> FieldRef {
    let mut of = |field: &FieldRef| with_leaves(field, leaves, change);
    let ty = match field.data_type() {
        DataType::List(item) => DataType::List(of(item)),
        DataType::LargeList(item) => DataType::LargeList(of(item)),
        DataType::FixedSizeList(item, size) => DataType::FixedSizeList(of(item), *size),
        DataType::ListView(item) => DataType::ListView(of(item)),
        DataType::LargeListView(item) => DataType::LargeListView(of(item)),
        DataType::Map(entries, is_sorted) => DataType::Map(of(entries), *is_sorted),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(of).collect()),
        _ => {
            let changed = leaves.next().and_then(|leaf| change(field, leaf));
            return changed.map_or_else(|| Arc::clone(field), Arc::new);
        }
    };
    if ty == *field.data_type() { Arc::clone(field) } else { Arc::new(Field::clone(field).with_data_type(ty)) }
}

/// The schema with Arrow's own sign of JSON on what Parquet says that it is.
pub(super) fn with_json(schema: &Schema, metadata: &ArrowReaderMetadata) -> SchemaRef {
    const NAME: &str = "ARROW:extension:name";
    let mark = |field: &FieldRef, leaf: &ColumnDescPtr| {
        let is_json =
            leaf.converted_type() == ConvertedType::JSON || matches!(leaf.logical_type_ref(), Some(LogicalType::Json));
        let is_text = matches!(field.data_type(), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
        (is_json && is_text && !field.metadata().contains_key(NAME)).then(|| {
            let mut marked = Field::clone(field);
            marked.metadata_mut().insert(NAME.to_owned(), "arrow.json".to_owned());
            marked
        })
    };
    let mut leaves = metadata.metadata().file_metadata().schema_descr().columns().iter();
    let fields = schema.fields().iter().map(|field| with_leaves(field, &mut leaves, &mark)).collect::<Vec<_>>();
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}
