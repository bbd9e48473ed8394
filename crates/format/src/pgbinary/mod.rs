//! PostgreSQL's binary COPY format.

mod encode;

pub use encode::{HEADER, TRAILER, encode};
