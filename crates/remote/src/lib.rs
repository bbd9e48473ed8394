//! Objects of other machines: S3 and its kin, Google Cloud Storage, Azure Blob Storage, HTTP.

mod client;
mod credentials;
mod encryption;
mod failure;
mod listing;
mod object;
mod place;
mod reader;
mod rules;
mod said;

use std::sync::OnceLock;

use tokio::runtime::{Builder, Runtime};

pub use client::Net;
pub use credentials::{Provide, Secret};
pub use failure::caught;
pub use listing::{Listed, list};
pub use object::{Begun, End, Known, Object, Ranges, probe};
pub use place::{Access, Place, Scheme};
pub use reader::{Reader, Stop};
pub use rules::{Network, NetworkRules};

/// Threads for sockets; decoding has its own.
const THREADS: usize = 2;

/// Started when it is first needed, once in a process, and never ended: its threads sleep when there is nothing to do.
fn runtime() -> std::io::Result<&'static Runtime> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    let runtime = Builder::new_multi_thread()
        .worker_threads(THREADS)
        .thread_name("copyist-net")
        .enable_io()
        .enable_time()
        .build()?;
    Ok(RUNTIME.get_or_init(|| runtime))
}

/// Runs on the threads for sockets until it is done, or dropped.
///
/// # Errors
/// When no thread can be started.
pub fn spawn<F>(future: F) -> std::io::Result<tokio::task::AbortHandle>
where
    F: Future<Output = ()> + Send + 'static,
{
    Ok(runtime()?.spawn(future).abort_handle())
}
