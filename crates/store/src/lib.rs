//! Where bytes are: what a statement names is turned into inputs, whatever their format.

mod codec;
mod glob;
mod local;

pub use codec::{Ahead, Codec, Compression, Decompressor, Expansion, FREE_BYTES, MARK, Mark, carried};
pub use glob::{Glob, is_pattern};
pub use local::{Entry, list};
