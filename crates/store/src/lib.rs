//! Where bytes are: what a statement names is turned into inputs, whatever their format.

mod glob;
mod local;

pub use glob::{Glob, is_pattern};
pub use local::{Entry, list};
