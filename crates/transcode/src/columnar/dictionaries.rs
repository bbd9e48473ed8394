//! Columns of texts that a Parquet file has numbers of, with the texts in a dictionary: kept like that, each text is looked at once.

use std::collections::HashMap;
use std::sync::Arc;

use ::parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use ::parquet::basic::{ConvertedType, Encoding};
use ::parquet::file::metadata::{ColumnChunkMetaData, RowGroupMetaData};
use arrow_array::cast::AsArray;
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Schema};

/// The columns of texts, and what the file is read by where all of them are to be dictionaries.
pub(super) struct Dictionaries {
    pub metadata: ArrowReaderMetadata,
    /// The column's chunk in each row group, by the column's number.
    leaves: HashMap<usize, usize>,
}

impl Dictionaries {
    /// None where no column can be such.
    pub fn find(metadata: &ArrowReaderMetadata) -> Option<Self> {
        let parquet = metadata.metadata().file_metadata().schema_descr();
        let mut leaves = HashMap::new();
        for (leaf, column) in parquet.columns().iter().enumerate() {
            let root = parquet.get_column_root_idx(leaf);
            let is_list = column.max_rep_level() > 0;
            // Others that are read as strings are not checked to be such when they are in a dictionary.
            if parquet.get_column_root(leaf).is_primitive()
                && !is_list
                && column.converted_type() == ConvertedType::UTF8
            {
                leaves.insert(root, leaf);
            }
        }
        let fields = metadata.schema().fields().iter().enumerate().map(|(number, field)| {
            let of = match field.data_type() {
                DataType::Utf8 | DataType::Utf8View if leaves.contains_key(&number) => DataType::Utf8,
                DataType::LargeUtf8 if leaves.contains_key(&number) => DataType::LargeUtf8,
                _ => {
                    leaves.remove(&number);
                    return Arc::clone(field);
                }
            };
            let coded = DataType::Dictionary(Box::new(DataType::Int32), Box::new(of));
            Arc::new(field.as_ref().clone().with_data_type(coded))
        });
        let schema = Schema::new_with_metadata(fields.collect::<Vec<_>>(), metadata.schema().metadata().clone());
        if leaves.is_empty() {
            return None;
        }
        let options = ArrowReaderOptions::new().with_schema(Arc::new(schema));
        // What the reader would not have read so is read as ever.
        let metadata = ArrowReaderMetadata::try_new(Arc::clone(metadata.metadata()), options).ok()?;
        Some(Self { metadata, leaves })
    }

    /// Whether these columns of a row group have dictionaries, and as far as it tells no value that is not in them.
    pub fn are_in(&self, group: &RowGroupMetaData, columns: &[usize]) -> bool {
        let mut leaves = columns.iter().filter_map(|column| self.leaves.get(column)).peekable();
        leaves.peek().is_some() && leaves.all(|&leaf| group.columns().get(leaf).is_some_and(is_coded))
    }
}

/// Whether the pages have numbers. Not all writers tell whether all of them do.
fn is_coded(column: &ColumnChunkMetaData) -> bool {
    let is_number = |encoding: Encoding| matches!(encoding, Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY);
    match column.page_encoding_stats_mask() {
        Some(mask) => mask.encodings().all(is_number),
        None => column.encodings().any(is_number),
    }
}

/// Looks at the dictionaries of batches. The reader makes one for a batch whose values are not all in that of their row group, which takes
/// longer than to do without.
#[derive(Default)]
pub(super) struct Watch {
    /// By column, those of the last batch, which was of this row group.
    last: Option<(usize, Vec<ArrayRef>)>,
    /// Some were made.
    pub is_vain: bool,
}

impl Watch {
    pub fn see(&mut self, group: usize, batch: &RecordBatch) {
        let columns = batch.columns().iter().filter_map(|column| column.as_any_dictionary_opt());
        let dictionaries: Vec<ArrayRef> = columns.map(|column| Arc::clone(column.values())).collect();
        if let Some((known, last)) = &self.last
            && *known == group
        {
            self.is_vain |= !last.iter().zip(&dictionaries).all(|(one, other)| Arc::ptr_eq(one, other));
        }
        self.last = Some((group, dictionaries));
    }
}
