//! Columns of texts that a Parquet file has numbers of, with the texts in a dictionary: kept like that, each text is looked at once.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use ::parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use ::parquet::basic::{ConvertedType, Encoding};
use ::parquet::file::metadata::{ColumnChunkMetaData, RowGroupMetaData};
use arrow_array::cast::AsArray;
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Schema};

/// The columns of texts.
pub(super) struct Dictionaries {
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
            let is_text = metadata.schema().fields().get(root).is_some_and(|field| coded(field.data_type()).is_some());
            // Others that are read as strings are not checked to be such when they are in a dictionary.
            if parquet.get_column_root(leaf).is_primitive()
                && !is_list
                && is_text
                && column.converted_type() == ConvertedType::UTF8
            {
                leaves.insert(root, leaf);
            }
        }
        (!leaves.is_empty()).then_some(Self { leaves })
    }

    /// Which of these columns of a row group have dictionaries, and as far as it tells no value that is not in them. `has_strings` says of a
    /// chunk whether there are any in its dictionary: of a batch without values the reader would make one of its NULLs, one by one.
    pub fn of_group(
        &self,
        group: &RowGroupMetaData,
        columns: &[usize],
        has_strings: impl Fn(usize) -> bool,
    ) -> Vec<usize> {
        let is_meant = |column: &&usize| {
            let leaf = self.leaves.get(column).copied().filter(|&leaf| has_strings(leaf));
            leaf.and_then(|leaf| group.columns().get(leaf)).is_some_and(is_coded)
        };
        columns.iter().filter(is_meant).copied().collect()
    }
}

/// What the file is read by where these columns, in their order, are to be dictionaries. None where the reader would not have them so: they are read as ever.
pub(super) fn with_dictionaries(metadata: &ArrowReaderMetadata, columns: &[usize]) -> Option<ArrowReaderMetadata> {
    let fields = metadata.schema().fields().iter().enumerate().map(|(number, field)| {
        let of = coded(field.data_type()).filter(|_| columns.binary_search(&number).is_ok());
        of.map_or_else(|| Arc::clone(field), |of| Arc::new(field.as_ref().clone().with_data_type(of)))
    });
    let schema = Schema::new_with_metadata(fields.collect::<Vec<_>>(), metadata.schema().metadata().clone());
    let options = ArrowReaderOptions::new().with_schema(Arc::new(schema));
    ArrowReaderMetadata::try_new(Arc::clone(metadata.metadata()), options).ok()
}

/// The type of such texts in a dictionary.
fn coded(ty: &DataType) -> Option<DataType> {
    let of = match ty {
        DataType::Utf8 | DataType::Utf8View => DataType::Utf8,
        DataType::LargeUtf8 => DataType::LargeUtf8,
        _ => return None,
    };
    Some(DataType::Dictionary(Box::new(DataType::Int32), Box::new(of)))
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
    /// By place, those of the last batch, which was of this row group.
    last: Option<(usize, Vec<Option<ArrayRef>>)>,
    /// Places of those that some were made for.
    vain: BTreeSet<usize>,
}

impl Watch {
    pub fn is_vain(&self, place: usize) -> bool {
        self.vain.contains(&place)
    }

    pub fn see(&mut self, group: usize, batch: &RecordBatch) {
        let values = |column: &ArrayRef| column.as_any_dictionary_opt().map(|column| Arc::clone(column.values()));
        let dictionaries: Vec<Option<ArrayRef>> = batch.columns().iter().map(values).collect();
        if let Some((known, last)) = &self.last
            && *known == group
        {
            for (place, pair) in last.iter().zip(&dictionaries).enumerate() {
                if let (Some(one), Some(other)) = pair
                    && !Arc::ptr_eq(one, other)
                {
                    self.vain.insert(place);
                }
            }
        }
        self.last = Some((group, dictionaries));
    }
}
