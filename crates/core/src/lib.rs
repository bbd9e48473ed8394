//! Plain data shared by every crate: error codes with their SQLSTATE, positions, column types and session settings.
//! Nothing here reads, writes or computes.

mod error;
mod session;
mod types;

pub use error::{DataError, ErrorCode, Result};
pub use session::{DateOrder, IntervalStyle, Session, ZoneWords};
pub use types::{ArrayType, EnumType, Foreign, Type};
