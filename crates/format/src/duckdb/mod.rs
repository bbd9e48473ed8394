//! DuckDB's column vectors.

mod encode;
mod list;

pub use encode::{Batch, ColumnBatch, encode};
pub(crate) use list::{instant, write_list, write_received};
