//! A spooled stream.

use std::sync::{Mutex, PoisonError};

use copyist_transcode::{Failure, Source, Spool};
use napi::bindgen_prelude::BufferSlice;
use napi_derive::napi;

use crate::convert::BindingFailure;

/// Keeps a stream so that it can be read twice.
#[napi]
pub struct BindingSpool {
    spool: Mutex<Spool>,
}

#[napi]
impl BindingSpool {
    /// Holds up to `limit` bytes in memory, then a temporary file.
    #[napi(constructor, catch_unwind)]
    pub fn new(limit: u32) -> Self {
        Self { spool: Mutex::new(Spool::new(limit as usize)) }
    }

    /// Adds bytes.
    #[napi(catch_unwind)]
    pub fn push(&self, chunk: BufferSlice<'_>) -> Option<BindingFailure> {
        let mut spool = self.spool.lock().unwrap_or_else(PoisonError::into_inner);
        spool.push(&chunk).err().map(|error| {
            let mut failure = Failure::of_io(&error, "temporary file");
            failure.error.message = format!(
                "could not write a temporary file in \"{}\": {}",
                std::env::temp_dir().display(),
                error.to_string().split(" (os error").next().unwrap_or_default()
            )
            .into();
            failure.error.hint = Some("Set TMPDIR to a folder with more room, or raise memoryLimit.".to_owned());
            failure.into()
        })
    }

    /// Bytes kept so far.
    #[napi(catch_unwind)]
    pub fn size(&self) -> f64 {
        self.spool.lock().unwrap_or_else(PoisonError::into_inner).len() as f64
    }

    /// Deletes what is kept.
    #[napi(catch_unwind)]
    pub fn dispose(&self) {
        *self.spool.lock().unwrap_or_else(PoisonError::into_inner) = Spool::new(0);
    }
}

impl BindingSpool {
    pub fn source(&self) -> Result<Source, Failure> {
        let spool = self.spool.lock().unwrap_or_else(PoisonError::into_inner);
        spool.source().map_err(|error| Failure::of_io(&error, "temporary file"))
    }
}
