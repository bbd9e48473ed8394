//! The N-API boundary: plain data in, chunks out. Conversion only; failures cross as values.

// In a test build napi-rs does not register the exports, so nothing seems to use them.
#![cfg_attr(test, allow(dead_code))]

mod convert;
mod duckdb;
mod listing;
mod load;
mod rejects;
mod remote;
mod schema;
mod specification;
mod spool;
mod time_zone;

use napi_derive::napi;

/// What this build and machine offer.
#[napi(object)]
pub struct BindingInfo {
    pub version: String,
    /// The instruction set chosen for scanning.
    pub instruction_set: String,
    pub available_instruction_sets: Vec<String>,
    /// Cores this process may use.
    pub parallelism: u32,
    /// Set when COPYIST_SIMD names something this CPU does not have.
    pub problem: Option<String>,
}

/// Facts about the addon and the CPU.
#[napi(catch_unwind)]
pub fn info() -> BindingInfo {
    let (scanner, problem) = match copyist_scan::Scanner::detect_checked() {
        Ok(scanner) => (scanner, None),
        Err(problem) => (copyist_scan::Scanner::detect(), Some(problem)),
    };
    BindingInfo {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        instruction_set: scanner.isa().name().to_owned(),
        available_instruction_sets: copyist_scan::Scanner::available()
            .iter()
            .map(|isa| isa.name().to_owned())
            .collect(),
        parallelism: std::thread::available_parallelism().map_or(1, |n| n.get() as u32),
        problem,
    }
}

/// One kind of failure.
#[napi(object)]
pub struct BindingErrorCode {
    /// PostgreSQL's condition name, in snake_case.
    pub code: String,
    pub sql_state: String,
}

/// Every kind of failure that the native side can report.
#[napi(catch_unwind)]
pub fn error_codes() -> Vec<BindingErrorCode> {
    copyist_core::ErrorCode::ALL
        .iter()
        .map(|code| BindingErrorCode {
            code: convert::snake_case(code.rust_name()),
            sql_state: code.sql_state().to_owned(),
        })
        .collect()
}
