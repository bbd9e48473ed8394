//! PostgreSQL's binary COPY format.

mod encode;

pub use encode::{Encoder, HEADER, TRAILER};
