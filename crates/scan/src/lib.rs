//! Finds the structure of CSV and TEXT data: where fields and records end, at memory speed.
//!
//! A [`Scanner`] is picked once for the CPU it runs on. Its [`index`](Scanner::index) turns bytes into the offsets of
//! all delimiters and line ends that are neither quoted nor escaped, by the rules of PostgreSQL's `CopyReadLineText`.
//!
//! # How it works
//! Data is taken in blocks of 64 bytes. The kernel of an instruction set (`arch/`) only turns a block into bit masks,
//! one bit per byte: which bytes equal the quote, the delimiter, LF, CR or the backslash. From there on everything is
//! shared `u64` arithmetic (`rules/`): a prefix XOR over the quote mask tells which bytes are inside quotes, a
//! subtraction over the backslash mask tells which bytes are escaped. The surviving bits become offsets. State between
//! blocks is three words at most. All of it is generic over the kernel and inlined into one function per instruction
//! set, so that it is compiled with the features of that instruction set.
//!
//! Delimiters and line ends of several bytes have functions of their own, for those of one byte to have nothing to do with them: the
//! masks of their bytes are shifted together, so that the bit of the last byte of each is left.
//!
//! The last, partial block is copied into a padded one: nothing is ever read past the end of the data.
//!
//! `naive.rs` is the same thing a byte at a time: the oracle of the tests, and the code for the few grammars whose
//! quote or delimiter is itself a line-end byte.
//!
//! # Adding an instruction set
//! A file in `arch/` with a type that implements `Kernel`, its wrappers from the `entry_points!` macro, a variant of
//! [`Isa`], and a line in `arch::detect` and `Isa::ALL`. The tests then run over it wherever the CPU offers it.

mod arch;
mod boundary;
mod bytes;
mod grammar;
mod index;
mod isa;
mod kernel;
#[cfg(any(test, feature = "naive"))]
pub mod naive;
#[cfg(not(any(test, feature = "naive")))]
mod naive;
mod quotes;
mod rules;
mod scanner;
mod separator;
#[cfg(test)]
mod tests;

pub use grammar::{Eol, Grammar, Indexed};
pub use isa::{Isa, UnknownIsa};
pub use scanner::{Scanner, Work};
pub use separator::Separator;
