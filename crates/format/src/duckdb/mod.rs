//! DuckDB's column vectors.

mod encode;
mod list;

pub use encode::{Batch, ColumnBatch, encode};
pub(crate) use list::write_list;
