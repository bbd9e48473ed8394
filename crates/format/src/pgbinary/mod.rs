//! PostgreSQL's binary COPY format.

mod decode;
mod encode;
pub(crate) mod receive;
mod tuples;

pub(crate) use decode::Tuples;
pub use encode::{HEADER, TRAILER, encode};
pub use tuples::{Stop, whole_tuples};
