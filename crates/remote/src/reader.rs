//! An object as a reader that blocks, read ahead by the runtime.

use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Buf, Bytes};
use copyist_core::DataError;
use tokio::runtime::Runtime;
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

type Sending = JoinHandle<Result<(), Box<DataError>>>;

/// Reads an object. Begins to ask for it when it is first read.
pub struct Reader {
    /// What is asked for, and how it is told that it is read.
    object: Option<(Object, oneshot::Receiver<()>)>,
    stop: Stop,
    /// What comes of it, and what asks for it.
    asked: Option<(Receiver<Bytes>, Sending)>,
    /// Of what has not been read yet.
    turn: Option<oneshot::Sender<()>>,
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
            asked: None,
            turn: Some(turn),
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
        self.begin_on(crate::runtime())
    }

    fn begin_on(&mut self, runtime: io::Result<&Runtime>) -> io::Result<()> {
        // Before anything is taken: what cannot be begun now is begun when it is read, and never taken for an empty object.
        let runtime = runtime?;
        let Some((object, turn)) = self.object.take() else { return Ok(()) };
        let (sender, parts) = channel(AHEAD);
        let found = Arc::clone(&self.found);
        let sent = async move { object.send(&sender, &found, turn).await };
        self.asked = Some((parts, runtime.spawn(caught(sent))));
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
            let Some((parts, task)) = &mut self.asked else {
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
            let ended = match runtime.block_on(task) {
                Ok(sent) => sent.map_err(io::Error::other),
                Err(error) => Err(io::Error::other(error)),
            };
            self.asked = None;
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
        if let Some((_, task)) = &self.asked {
            task.abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::place::Access;

    #[test]
    fn what_could_not_be_begun_before_it_is_read_is_no_empty_object() {
        let nobody = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).unwrap();
        let access = Access { max_retries: Some(0), ..Access::default() };
        let mut reader = Reader::new(Object::new(&format!("http://{nobody}/a"), &access).unwrap(), &Stop::default());
        assert!(reader.begin_on(Err(io::Error::other("no threads"))).is_err());
        for _ in 0..2 {
            assert!(reader.read(&mut [0]).is_err());
        }
    }
}
