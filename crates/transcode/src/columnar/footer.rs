//! What a footer of Parquet says of the types.

use std::sync::Arc;

use ::parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use ::parquet::arrow::{ARROW_SCHEMA_META_KEY, encode_arrow_schema};
use ::parquet::basic::LogicalType;
use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::{FileMetaData, KeyValue, ParquetMetaData};
use ::parquet::file::reader::ChunkReader;
use ::parquet::schema::types::Type;
use arrow_ipc::root_as_message;
use arrow_schema::{Field, Schema};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::contained;
use super::int128::Found;

/// A footer whose columns have the types that writers of Arrow leave in it, as far as these are known and fit; all others have the file's own.
pub(super) fn with_known_hint(input: &impl ChunkReader) -> Result<ArrowReaderMetadata, ParquetError> {
    let own = ArrowReaderMetadata::load(input, ArrowReaderOptions::new().with_skip_arrow_metadata(true))?;
    let pairs = own.metadata().file_metadata().key_value_metadata().into_iter().flatten();
    let said = pairs.filter(|pair| pair.key == ARROW_SCHEMA_META_KEY).find_map(|pair| pair.value.as_deref());
    said.and_then(|said| known(said, own.schema()))
        .and_then(|schema| with_hint(&own, Some(encode_arrow_schema(&schema))).ok())
        .map_or_else(|| with_hint(&own, None), Ok)
}

/// What is known of what a writer of Arrow says, and of other columns their own types.
fn known(said: &str, own: &Schema) -> Option<Schema> {
    let mut bytes = BASE64_STANDARD.decode(said).ok()?;
    // What is in front of a message in a stream.
    if bytes.starts_with(&[0xFF; 4]) {
        bytes.drain(..8.min(bytes.len()));
    }
    let found = Found::of(&root_as_message(&bytes).ok()?.header_as_schema()?).unwrap_or_default();
    found.change(&mut bytes);
    let fields = root_as_message(&bytes).ok()?.header_as_schema()?.fields()?;
    let pairs = fields.iter().zip(own.fields()).enumerate();
    let known = pairs.map(|(number, (field, own))| {
        let known = contained("Arrow", || Ok(Arc::new(Field::from(field))));
        known.map_or_else(|_| Arc::clone(own), |known| found.marks.of_field(number, &known))
    });
    (fields.len() == own.fields().len()).then(|| Schema::new(known.collect::<Vec<_>>()))
}

/// The footer with another schema of Arrow's, in the form in which it stands there, or none.
fn with_hint(read: &ArrowReaderMetadata, hint: Option<String>) -> Result<ArrowReaderMetadata, ParquetError> {
    let about = read.metadata().file_metadata();
    let others = about.key_value_metadata().into_iter().flatten().filter(|pair| pair.key != ARROW_SCHEMA_META_KEY);
    let hint = hint.map(|value| KeyValue::new(ARROW_SCHEMA_META_KEY.to_owned(), value));
    let about = FileMetaData::new(
        about.version(),
        about.num_rows(),
        about.created_by().map(str::to_owned),
        Some(others.cloned().chain(hint).collect()),
        about.schema_descr_ptr(),
        about.column_orders().cloned(),
    );
    let metadata = ParquetMetaData::new(about, read.metadata().row_groups().to_vec());
    ArrowReaderMetadata::try_new(Arc::new(metadata), ArrowReaderOptions::new())
}

/// Whether a column is a VARIANT, or has one in it.
pub(super) fn has_variant(ty: &Type) -> bool {
    matches!(ty.get_basic_info().logical_type_ref(), Some(LogicalType::Variant(_)))
        || (ty.is_group() && ty.get_fields().iter().any(|field| has_variant(field)))
}
