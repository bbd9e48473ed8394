//! Fields of Arrow's schema down to those that are of no other ones, and what is said of these.

use std::sync::Arc;

use ::parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use ::parquet::basic::{ConvertedType, LogicalType};
use ::parquet::errors::ParquetError;
use arrow_schema::extension::EXTENSION_TYPE_NAME_KEY;
use arrow_schema::{DataType, Field, FieldRef, Schema, SchemaRef};

use crate::arrow::UUID;

/// The field with those in it that are leaves as `change` makes them. It is asked for each, in their order.
pub(super) fn with_leaves(field: &FieldRef, change: &mut dyn FnMut(&FieldRef) -> Option<Field>) -> FieldRef {
    with_parts(field, &mut |part, is_leaf| if is_leaf { change(part) } else { None })
}

/// The field with those in it, and then itself, as `change` makes them, which is told which are leaves.
fn with_parts(field: &FieldRef, change: &mut dyn FnMut(&FieldRef, bool) -> Option<Field>) -> FieldRef {
    let mut of = |field: &FieldRef| with_parts(field, change);
    let with = |ty| Field::clone(field).with_data_type(ty);
    let field = Arc::new(match field.data_type() {
        DataType::List(item) => with(DataType::List(of(item))),
        DataType::LargeList(item) => with(DataType::LargeList(of(item))),
        DataType::FixedSizeList(item, size) => with(DataType::FixedSizeList(of(item), *size)),
        DataType::ListView(item) => with(DataType::ListView(of(item))),
        DataType::LargeListView(item) => with(DataType::LargeListView(of(item))),
        DataType::Map(entries, is_sorted) => with(DataType::Map(of(entries), *is_sorted)),
        DataType::Struct(fields) => with(DataType::Struct(fields.iter().map(of).collect())),
        DataType::Dictionary(key, values) => {
            // What is said of the values is said of the field.
            let values = Arc::new(Field::clone(field).with_data_type(values.as_ref().clone()));
            let changed = of(&values);
            let ty = DataType::Dictionary(key.clone(), Box::new(changed.data_type().clone()));
            Field::clone(&changed).with_data_type(ty)
        }
        _ => return change(field, true).map_or_else(|| Arc::clone(field), Arc::new),
    });
    change(&field, false).map_or(field, Arc::new)
}

/// The schema with fields that are made of its own.
pub(super) fn with_fields(schema: &Schema, change: impl FnMut(&FieldRef) -> FieldRef) -> SchemaRef {
    let fields = schema.fields().iter().map(change).collect::<Vec<_>>();
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}

/// The key of what is said of a field whose texts the reader has not looked at.
const UNCHECKED: &str = "copyist.unchecked";

/// Whether the texts of a field may be no UTF-8.
pub(super) fn is_unchecked(field: &Field) -> bool {
    field.metadata().contains_key(UNCHECKED)
}

/// The field once its texts have been looked at.
pub(super) fn checked(field: &Field) -> Field {
    let mut field = field.clone();
    field.metadata_mut().remove(UNCHECKED);
    field
}

/// What the file is read by: what it says of its columns in Arrow's words, as far as the reader is up to it, with Arrow's own sign of JSON and
/// of a UUID on what Parquet says that it is, and with labels of an ENUM, which are bytes to the reader, as texts.
pub(super) fn as_read(metadata: ArrowReaderMetadata) -> Result<ArrowReaderMetadata, ParquetError> {
    let mut leaves = metadata.metadata().file_metadata().schema_descr().columns().iter();
    let mut change = |field: &FieldRef, is_leaf: bool| {
        if !is_leaf {
            return plainer(field.data_type()).map(|ty| Field::clone(field).with_data_type(ty));
        }
        let leaf = leaves.next()?;
        let is_json =
            leaf.converted_type() == ConvertedType::JSON || matches!(leaf.logical_type_ref(), Some(LogicalType::Json));
        let is_uuid = matches!(leaf.logical_type_ref(), Some(LogicalType::Uuid));
        let is_enum =
            leaf.converted_type() == ConvertedType::ENUM || matches!(leaf.logical_type_ref(), Some(LogicalType::Enum));
        let mut signed = match field.data_type() {
            DataType::Binary | DataType::LargeBinary | DataType::BinaryView if is_enum => {
                Field::clone(field).with_data_type(DataType::Utf8)
            }
            _ => Field::clone(field),
        };
        let name = match (signed.data_type(), signed.extension_type_name()) {
            (DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View, None) if is_json => Some("arrow.json"),
            // Whatever else Arrow's writer says of it.
            (DataType::FixedSizeBinary(16), _) if is_uuid => Some(UUID),
            _ => None,
        };
        let said = signed.metadata_mut();
        said.extend(name.map(|name| (EXTENSION_TYPE_NAME_KEY.to_owned(), name.to_owned())));
        if signed.data_type().is_string() && leaf.converted_type() != ConvertedType::UTF8 {
            signed.metadata_mut().insert(UNCHECKED.to_owned(), String::new());
        }
        Some(signed)
    };
    let schema = with_fields(metadata.schema(), |field| with_parts(field, &mut change));
    if schema == *metadata.schema() {
        return Ok(metadata);
    }
    ArrowReaderMetadata::try_new(Arc::clone(metadata.metadata()), ArrowReaderOptions::new().with_schema(schema))
}

/// A type with the same values that the reader does not decode wrong: of dictionaries it has those of few types, and in lists of one length
/// it takes an empty one for one that is missing. Nobody behind it needs either.
fn plainer(ty: &DataType) -> Option<DataType> {
    match ty {
        DataType::Dictionary(_, of) if !of.is_string() => Some(of.as_ref().clone()),
        DataType::FixedSizeList(item, _) => Some(DataType::List(Arc::clone(item))),
        _ => None,
    }
}
