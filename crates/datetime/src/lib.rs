//! PostgreSQL 18's input functions of `date`, `time`, `timetz`, `timestamp`, `timestamptz` and `interval`: the same
//! literals accepted, the same values, the same SQLSTATE, message and hint for what is refused.
//!
//! Every type has a complete function ([`timestamp()`], …), and most have a fast path for the form that files are full
//! of ([`fast_timestamp`], …). A fast path is inlined and answers `None` for anything it does not know, valid or not;
//! the complete function has the last word.
//!
//! [`pattern`] reads values of other forms.
//!
//! Time zones come from the IANA data compiled into this crate, so an answer never depends on the machine.

mod abbreviation;
mod calendar;
mod context;
mod date;
mod decode;
mod double;
mod fast;
mod fault;
mod interval;
pub mod iso;
mod keyword;
mod number;
pub mod pattern;
pub mod receive;
mod time;
mod timestamp;
mod token;
mod zone;

pub use context::Context;
pub use date::date;
pub use fast::{DateCache, fast_date, fast_time, fast_timestamp, fast_timestamptz};
pub use interval::{Interval, interval};
pub use pattern::{Kind, Language, Pattern, PatternError, Patterns};
pub use time::{time, timetz};
pub use timestamp::{timestamp, timestamptz};
pub use zone::TimeZone;
