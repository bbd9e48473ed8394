//! Fields of Arrow's schema down to those that are of no other ones, and what is said of these.

use std::sync::Arc;

use ::parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use ::parquet::basic::{ConvertedType, LogicalType};
use ::parquet::errors::ParquetError;
use ::parquet::schema::types::ColumnDescriptor;
use arrow_schema::extension::EXTENSION_TYPE_NAME_KEY;
use arrow_schema::{DataType, Field, FieldRef, Schema, SchemaRef};

use copyist_format::arrow::UTC;

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

/// What is said of the leaves of each field, in their order, and the readers do not know of: keys and values of their metadata.
#[derive(Default)]
pub(super) struct Marks(Vec<Vec<Vec<Mark>>>);

pub(super) type Mark = (&'static str, &'static str);

impl Marks {
    /// Adds those of the leaves of the next field.
    pub fn push(&mut self, of_leaves: Vec<Vec<Mark>>) {
        self.0.push(of_leaves);
    }

    /// A field, by its number, with its marks. Its leaves may be read as of other types.
    pub fn of_field(&self, number: usize, field: &FieldRef) -> FieldRef {
        let mut leaves = self.0.get(number).into_iter().flatten();
        with_leaves(field, &mut |leaf| {
            let marks = leaves.next().filter(|marks| !marks.is_empty())?;
            let mut marked = Field::clone(leaf);
            marked.metadata_mut().extend(marks.iter().copied());
            Some(marked)
        })
    }

    /// A schema of the fields of these numbers, with their marks.
    pub fn of_schema(&self, schema: &Schema, numbers: impl IntoIterator<Item = usize>) -> SchemaRef {
        let mut numbers = numbers.into_iter();
        with_fields(schema, |field| {
            numbers.next().map_or_else(|| Arc::clone(field), |number| self.of_field(number, field))
        })
    }
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

/// What the file is read by: what it says of its columns in Arrow's words, as far as the reader is up to it, and with labels of an ENUM, which
/// are bytes to the reader, as texts. Beside it Arrow's own sign of JSON and of a UUID on what Parquet says that it is: the reader keeps
/// nothing that is said of the items of a list of two levels, and takes it for another type then.
pub(super) fn as_read(metadata: ArrowReaderMetadata) -> Result<(ArrowReaderMetadata, Marks), ParquetError> {
    let mut leaves = metadata.metadata().file_metadata().schema_descr().columns().iter();
    let mut marks = Marks::default();
    let schema = with_fields(metadata.schema(), |field| {
        let mut of_leaves = Vec::new();
        let read = with_parts(field, &mut |part, is_leaf| {
            if !is_leaf {
                return plainer(part.data_type()).map(|ty| Field::clone(part).with_data_type(ty));
            }
            let leaf = leaves.next()?;
            let texts = is_label(leaf, part.data_type()).then(|| Field::clone(part).with_data_type(DataType::Utf8));
            of_leaves.push(marks_of(leaf, texts.as_ref().unwrap_or(part)));
            texts
        });
        marks.push(of_leaves);
        read
    });
    if schema == *metadata.schema() {
        return Ok((metadata, marks));
    }
    let options = ArrowReaderOptions::new().with_schema(schema);
    Ok((ArrowReaderMetadata::try_new(Arc::clone(metadata.metadata()), options)?, marks))
}

/// Whether a leaf, which the reader has as values of a type, is of labels that it takes for bytes.
fn is_label(leaf: &ColumnDescriptor, ty: &DataType) -> bool {
    let is_enum =
        leaf.converted_type() == ConvertedType::ENUM || matches!(leaf.logical_type_ref(), Some(LogicalType::Enum));
    is_enum && matches!(ty, DataType::Binary | DataType::LargeBinary | DataType::BinaryView)
}

fn marks_of(leaf: &ColumnDescriptor, field: &Field) -> Vec<Mark> {
    let is_json =
        leaf.converted_type() == ConvertedType::JSON || matches!(leaf.logical_type_ref(), Some(LogicalType::Json));
    let is_uuid = matches!(leaf.logical_type_ref(), Some(LogicalType::Uuid));
    let mut marks = Vec::new();
    match (field.data_type(), field.extension_type_name()) {
        (ty, None) if ty.is_string() && is_json => marks.push((EXTENSION_TYPE_NAME_KEY, "arrow.json")),
        // Whatever else Arrow's writer says of it.
        (DataType::FixedSizeBinary(16), _) if is_uuid => marks.push((EXTENSION_TYPE_NAME_KEY, UUID)),
        _ => (),
    }
    // Times of the older converted types are of no zone, as to other readers.
    if matches!(leaf.logical_type_ref(), Some(LogicalType::Time(time)) if time.is_adjusted_to_u_t_c) {
        marks.push((UTC, ""));
    }
    if field.data_type().is_string() && leaf.converted_type() != ConvertedType::UTF8 {
        marks.push((UNCHECKED, ""));
    }
    marks
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
