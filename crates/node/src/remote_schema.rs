//! The columns of an object of another machine that has them.

use std::sync::{Arc, Mutex, PoisonError};

use copyist_remote::{Object, Stop};
use copyist_transcode::Failure;
use napi::Status;
use napi::bindgen_prelude::Function;
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi_derive::napi;

use crate::convert::BindingFailure;
use crate::remote::{self, BindingAccess, BindingSecret, Waiting};
use crate::schema::{self, BindingSchema};

type Callback = ThreadsafeFunction<(), (), (), Status, false>;

/// Reads them once.
#[napi]
#[derive(Default)]
pub struct BindingRemoteSchema {
    waiting: Waiting,
    stop: Stop,
    found: Arc<Mutex<Option<BindingSchema>>>,
}

#[napi]
impl BindingRemoteSchema {
    #[napi(constructor, catch_unwind)]
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts reading. `onDone` is called when `take` has the outcome; `onSecret` when credentials are needed, once until `giveSecret`
    /// answers it. `mostHeld`: bytes that may be held of an object whose server gives no parts.
    #[napi(catch_unwind)]
    pub fn start(
        &self,
        format: String,
        address: String,
        access: BindingAccess,
        most_held: f64,
        on_done: Function<'_, (), ()>,
        on_secret: Function<'_, (), ()>,
    ) -> napi::Result<Option<BindingFailure>> {
        let on_done: Callback = on_done.build_threadsafe_function::<()>().build()?;
        let on_secret: Callback = on_secret.build_threadsafe_function::<()>().build()?;
        let provide = self.waiting.provide(move || {
            on_secret.call((), ThreadsafeFunctionCallMode::NonBlocking);
        });
        let object = match Object::new(&address, &access.access(provide)) {
            Ok(object) => object,
            Err(error) => return Ok(Some(Failure::whole(error).into())),
        };
        let (stop, found) = (self.stop.clone(), Arc::clone(&self.found));
        let name = object.name().to_owned();
        let read = move || {
            let schema = schema::describe(&format, remote::source(object, &stop, most_held as u64), &name);
            *found.lock().unwrap_or_else(PoisonError::into_inner) = Some(schema);
            on_done.call((), ThreadsafeFunctionCallMode::NonBlocking);
        };
        let spawned = std::thread::Builder::new().name("copyist-schema".to_owned()).spawn(read);
        spawned.map_err(|error| napi::Error::from_reason(error.to_string()))?;
        Ok(None)
    }

    /// Answers `onSecret`.
    #[napi(catch_unwind)]
    pub fn give_secret(&self, secret: BindingSecret) {
        self.waiting.answer(secret);
    }

    /// Ends the reading, whose outcome then is an error.
    #[napi(catch_unwind)]
    pub fn cancel(&self) {
        self.stop.stop();
    }

    /// The outcome, once it is there.
    #[napi(catch_unwind)]
    pub fn take(&self) -> Option<BindingSchema> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
