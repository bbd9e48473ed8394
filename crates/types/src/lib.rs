//! PostgreSQL 18's input functions and the binary forms of its types.
//!
//! One module a type. Each has a full parser that accepts, refuses and words exactly what the server's input function
//! does, for input that is valid UTF-8 without NUL, and where a column of canonical values is worth it, an inlinable
//! `fast_*` function that handles just those and returns `None` (or `false`) for all else, so that a caller falls back
//! to the full parser. A fast path never answers what the full parser would not.
//!
//! Date and time types live in `copyist-datetime`; [`write_binary`] covers them too.

pub mod array;
mod ascii;
mod binary;
pub mod boolean;
pub mod bytea;
pub mod enumeration;
pub mod float;
pub mod integer;
pub mod json;
mod message;
pub mod numeric;
pub mod receive;
mod swar;
pub mod text;
pub mod uuid;

pub use binary::write_binary;
