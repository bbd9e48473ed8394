//! The files that a statement means, looked up off the main thread.

use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Builder;

use copyist_core::{DataError, ErrorCode};
use copyist_store::{Entry, list};
use copyist_transcode::Failure;
use napi::bindgen_prelude::{AsyncTask, Object};
use napi::{Env, Task};
use napi_derive::napi;

use crate::convert::BindingFailure;

/// Files in the order in which they are read.
#[napi(object)]
pub struct BindingListing {
    pub paths: Vec<String>,
    /// Bytes of each.
    pub sizes: Vec<f64>,
    pub failure: Option<BindingFailure>,
}

impl From<Result<Vec<Entry>, Box<DataError>>> for BindingListing {
    fn from(found: Result<Vec<Entry>, Box<DataError>>) -> Self {
        match found {
            Ok(entries) => Self {
                sizes: entries.iter().map(|entry| entry.size as f64).collect(),
                paths: entries.into_iter().map(|entry| entry.path).collect(),
                failure: None,
            },
            Err(error) => Self { paths: Vec::new(), sizes: Vec::new(), failure: Some(Failure::whole(error).into()) },
        }
    }
}

/// Files that are named one by one.
pub struct Measuring {
    paths: Vec<String>,
}

impl Task for Measuring {
    type Output = Result<Vec<f64>, Failure>;
    type JsValue = BindingListing;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        let measure = |path: &String| {
            let metadata = std::fs::metadata(path).map_err(|error| Failure::of_open(&error, path))?;
            if metadata.is_file() {
                return Ok(metadata.len() as f64);
            }
            let what = if metadata.is_dir() { "a directory" } else { "not a regular file" };
            Err(Failure::whole(DataError::new(ErrorCode::WrongObjectType, format!("\"{path}\" is {what}"))))
        };
        Ok(self.paths.iter().map(measure).collect())
    }

    fn resolve(&mut self, _: Env, output: Self::Output) -> napi::Result<BindingListing> {
        let paths = std::mem::take(&mut self.paths);
        Ok(match output {
            Ok(sizes) => BindingListing { paths, sizes, failure: None },
            Err(failure) => BindingListing { paths: Vec::new(), sizes: Vec::new(), failure: Some(failure.into()) },
        })
    }
}

/// The sizes of files that are named one by one; a failure when one of them is no regular file.
#[napi(catch_unwind, ts_return_type = "Promise<BindingListing>")]
pub fn measure_files(paths: Vec<String>) -> AsyncTask<Measuring> {
    AsyncTask::new(Measuring { paths })
}

/// A search for files.
#[napi]
#[derive(Default)]
pub struct BindingSearch {
    stop: Arc<AtomicBool>,
}

#[napi]
impl BindingSearch {
    #[napi(constructor, catch_unwind)]
    pub fn new() -> Self {
        Self::default()
    }

    /// The regular files that a pattern means below a folder, or that are in the folder at any depth. `within` is the descriptor of a folder that
    /// is called `path`, as a path; then nothing outside of it is looked at. On a thread of its own: it may take long, and Node's, of which there
    /// are few, are those that read files and look up names.
    #[napi(catch_unwind, ts_return_type = "Promise<BindingListing>")]
    pub fn list<'env>(
        &self,
        env: &'env Env,
        path: String,
        pattern: Option<String>,
        within: Option<String>,
    ) -> napi::Result<Object<'env>> {
        let stop = Arc::clone(&self.stop);
        let (promised, promise) = env.create_deferred()?;
        let search = move || list(&path, pattern.as_deref(), within.as_deref(), &stop);
        let work = move || match catch_unwind(search) {
            Ok(found) => promised.resolve(move |_| Ok(BindingListing::from(found))),
            Err(_) => promised.reject(napi::Error::from_reason("the search for files has panicked")),
        };
        Builder::new().name("copyist-list".to_owned()).spawn(work)?;
        Ok(promise)
    }

    /// Nobody wants to know any more.
    #[napi(catch_unwind)]
    pub fn cancel(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}
