//! Text formats of COPY: tiles of records in, columns out, and rows encoded for a target. No I/O.

#[cfg(feature = "arrow")]
pub mod arrow;
mod clean;
mod column;
pub mod csv;
mod decimal;
mod decode;
pub mod duckdb;
mod facts;
mod fault;
mod field;
mod fixed;
pub mod infer;
pub mod naive;
mod origin;
mod parse;
mod patterned;
pub mod pgbinary;
mod plan;
mod refusal;
pub mod text;
mod tile;
mod tolerant;
mod utf8;
mod values;

pub use clean::join_quoted;
pub use column::{ByteRef, Column, Validity, Values};
pub use decode::{Decoded, Decoder};
pub use facts::{About, Facts};
pub use fault::{Fault, Shown};
pub use origin::{Constants, RecordPlace};
pub use plan::{
    BadValue, Cleaning, ColumnPlan, Condition, Escapes, Fact, FieldMap, Fixed, FixedField, Header, Layout, Missing,
    Origin, Place, Plan, Replacement, Subject, Tolerance, Unit,
};
pub use refusal::{Flaw, Places, Refusal, Told};
pub use tile::{LOOK_AHEAD, PAD, Tile};
pub use utf8::invalid_sequence as utf8_error;
