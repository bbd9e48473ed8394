//! An object as a reader that blocks, read ahead by the runtime.

use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Buf, Bytes};
use copyist_core::DataError;
use tokio::sync::mpsc::{Receiver, channel};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use crate::failure::caught;
use crate::object::{Known, Object};

/// Parts that may wait for the reader.
const AHEAD: usize = 4;

/// Ends readers, from any thread.
#[derive(Clone)]
pub struct Stop(pub(crate) Arc<watch::Sender<bool>>);

impl Default for Stop {
    fn default() -> Self {
        Self(Arc::new(watch::channel(false).0))
    }
}

impl Stop {
    /// Whoever reads is told at once.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }

    /// Waits until it is told.
    pub async fn stopped(&self) {
        // It cannot be closed while it is here.
        drop(self.0.subscribe().wait_for(|&stopped| stopped).await);
    }
}

/// Reads an object. Begins to ask for it when it is first read.
pub struct Reader {
    /// What is asked for, and how it is told that it is read.
    object: Option<(Object, oneshot::Receiver<()>)>,
    stop: Stop,
    parts: Option<Receiver<Bytes>>,
    /// Of what has not been read yet.
    turn: Option<oneshot::Sender<()>>,
    task: Option<JoinHandle<Result<(), Box<DataError>>>>,
    current: Bytes,
    found: Arc<Mutex<Option<Known>>>,
    /// Its end was no end: whoever reads on is not to take it for one.
    is_broken: bool,
}

impl Reader {
    #[must_use]
    pub fn new(object: Object, stop: &Stop) -> Self {
        let (turn, told) = oneshot::channel();
        Self {
            object: Some((object, told)),
            stop: stop.clone(),
            parts: None,
            turn: Some(turn),
            task: None,
            current: Bytes::new(),
            found: Arc::default(),
            is_broken: false,
        }
    }

    /// Begins to ask for it before it is read.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn begin(&mut self) -> io::Result<()> {
        let Some((object, turn)) = self.object.take() else { return Ok(()) };
        let (sender, parts) = channel(AHEAD);
        self.parts = Some(parts);
        let found = Arc::clone(&self.found);
        let sent = async move { object.send(&sender, &found, turn).await };
        self.task = Some(crate::runtime()?.spawn(caught(sent)));
        Ok(())
    }

    /// What is known of it, for which its beginning is waited for.
    ///
    /// # Errors
    /// As reading.
    pub fn known(&mut self) -> io::Result<Option<Known>> {
        self.wait()?;
        Ok(self.found.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    /// Waits for bytes. None are there then at the end only.
    fn wait(&mut self) -> io::Result<()> {
        if let Some(turn) = self.turn.take() {
            // It may have ended before.
            let _ = turn.send(());
        }
        self.begin()?;
        let runtime = crate::runtime()?;
        let mut stopped = self.stop.0.subscribe();
        while self.current.is_empty() {
            let Some(parts) = &mut self.parts else {
                return if self.is_broken { Err(io::Error::other("it has broken off before")) } else { Ok(()) };
            };
            let next = runtime.block_on(async {
                tokio::select! {
                    biased;
                    _ = stopped.wait_for(|&stopped| stopped) => Err(io::Error::other("cancelled")),
                    part = parts.recv() => Ok(part),
                }
            })?;
            if let Some(part) = next {
                self.current = part;
                continue;
            }
            self.parts = None;
            let Some(task) = self.task.take() else { return Ok(()) };
            let ended = match runtime.block_on(task) {
                Ok(sent) => sent.map_err(io::Error::other),
                Err(error) => Err(io::Error::other(error)),
            };
            self.is_broken = ended.is_err();
            return ended;
        }
        Ok(())
    }
}

impl Read for Reader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.wait()?;
        let size = into.len().min(self.current.len());
        self.current.copy_to_slice(&mut into[..size]);
        Ok(size)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}
