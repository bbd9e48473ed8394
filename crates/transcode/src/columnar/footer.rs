//! What a footer of Parquet says of the types.

use std::sync::Arc;

use ::parquet::arrow::ARROW_SCHEMA_META_KEY;
use ::parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use ::parquet::basic::LogicalType;
use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::{FileMetaData, ParquetMetaData};
use ::parquet::file::reader::ChunkReader;
use ::parquet::schema::types::Type;

/// A footer without the schema that writers of Arrow leave in it.
pub(super) fn without_hint(input: &impl ChunkReader) -> Result<ArrowReaderMetadata, ParquetError> {
    let read = ArrowReaderMetadata::load(input, ArrowReaderOptions::new().with_skip_arrow_metadata(true))?;
    let about = read.metadata().file_metadata();
    let others = about.key_value_metadata().into_iter().flatten().filter(|pair| pair.key != ARROW_SCHEMA_META_KEY);
    let about = FileMetaData::new(
        about.version(),
        about.num_rows(),
        about.created_by().map(str::to_owned),
        Some(others.cloned().collect()),
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
