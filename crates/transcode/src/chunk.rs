//! What comes out of a load.

use copyist_format::duckdb;

/// Encoded rows.
#[derive(Debug)]
pub struct Chunk {
    pub data: ChunkData,
    pub rows: u64,
}

/// The form of a chunk. With the features `arrow` and `columnar` there are more.
#[derive(Debug)]
#[non_exhaustive]
pub enum ChunkData {
    /// PostgreSQL messages.
    Messages(Vec<u8>),
    /// DuckDB vectors and where they lie.
    Vectors(Vec<u8>, duckdb::Batch),
    /// A stream of Arrow's IPC format with one record batch and without its end.
    #[cfg(feature = "columnar")]
    Ipc(crate::values::Ipc),
    /// Columns for a program, and where they lie.
    #[cfg(feature = "columnar")]
    Values(Vec<u8>, Vec<crate::values::Node>),
    /// A record batch.
    #[cfg(feature = "arrow")]
    Arrow(arrow_array::RecordBatch),
}

impl ChunkData {
    /// Bytes of memory that come back when the chunk is recycled.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self {
            ChunkData::Messages(buffer) | ChunkData::Vectors(buffer, _) => buffer.len(),
            #[cfg(feature = "columnar")]
            ChunkData::Ipc(ipc) => ipc.bytes,
            #[cfg(feature = "columnar")]
            ChunkData::Values(buffer, _) => buffer.len(),
            #[cfg(feature = "arrow")]
            ChunkData::Arrow(_) => 0,
        }
    }

    /// Its buffer, if it has one.
    pub(crate) fn into_buffer(self) -> Option<Vec<u8>> {
        match self {
            ChunkData::Messages(buffer) | ChunkData::Vectors(buffer, _) => Some(buffer),
            #[cfg(feature = "columnar")]
            ChunkData::Values(buffer, _) => Some(buffer),
            #[cfg(feature = "columnar")]
            ChunkData::Ipc(_) => None,
            #[cfg(feature = "arrow")]
            ChunkData::Arrow(_) => None,
        }
    }

    /// 1 for a chunk whose memory counts.
    pub(crate) fn buffered(&self) -> usize {
        match self {
            ChunkData::Messages(_) | ChunkData::Vectors(..) => 1,
            #[cfg(feature = "columnar")]
            ChunkData::Ipc(..) | ChunkData::Values(..) => 1,
            #[cfg(feature = "arrow")]
            ChunkData::Arrow(_) => 0,
        }
    }
}
