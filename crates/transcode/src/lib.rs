//! The pipeline: bytes are cut into tiles at record ends, tiles are decoded and encoded on several threads, and come out
//! in the order of the input. Memory is bounded by the number of chunks in flight.

#[cfg(feature = "arrow")]
mod arrow;
mod chunk;
#[cfg(feature = "columnar")]
pub mod columnar;
#[cfg(feature = "columnar")]
mod dictionary;
mod failure;
mod header;
mod locate;
mod page;
mod peek;
mod pipeline;
mod reject;
mod resync;
mod source;
mod splitter;
mod spool;
#[cfg(feature = "columnar")]
pub mod values;

#[cfg(feature = "arrow")]
pub use arrow::record_batch;
pub use chunk::{Chunk, ChunkData};
pub use copyist_store::Compression;
pub use failure::Failure;
pub use locate::Location;
pub use peek::peek;
pub use pipeline::{Counters, FileCounters, Limits, Load, Next, Sink, Specification, Summary};
pub use reject::Reject;
pub use source::{
    Decompressed, Input, LocalFile, Order, Pushed, ReadRemote, Remote, Source, Told, micros_of, millis_of,
};
pub use splitter::PREPARED;
pub use spool::Spool;
