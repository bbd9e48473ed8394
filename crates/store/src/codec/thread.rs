//! Decompression in a thread of its own, so that it goes on while what it has made is decoded.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

/// Bytes that are handed over at a time, and how many such parts may wait.
const PART: usize = 256 << 10;
const PARTS: usize = 4;

/// Reads ahead of its reader. Dropping it ends the thread, as soon as the source has answered.
pub struct Ahead {
    parts: Option<Receiver<io::Result<Vec<u8>>>>,
    spent: SyncSender<Vec<u8>>,
    current: Vec<u8>,
    taken: usize,
    ended: bool,
    thread: Option<JoinHandle<()>>,
}

impl Ahead {
    /// Begins to read.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn new(source: impl Read + Send + 'static) -> io::Result<Self> {
        let (sender, parts) = sync_channel(PARTS);
        let (spent, reused) = sync_channel(PARTS + 1);
        let run = move || produce(source, &sender, &reused);
        let thread = std::thread::Builder::new().name("copyist-inflate".to_owned()).spawn(run)?;
        Ok(Self { parts: Some(parts), spent, current: Vec::new(), taken: 0, ended: false, thread: Some(thread) })
    }
}

fn produce(mut source: impl Read, parts: &SyncSender<io::Result<Vec<u8>>>, reused: &Receiver<Vec<u8>>) {
    loop {
        let mut part = reused.try_recv().unwrap_or_default();
        part.resize(PART, 0);
        let mut filled = 0;
        let outcome = loop {
            match source.read(&mut part[filled..]) {
                Ok(0) => break Ok(true),
                Ok(size) => filled += size,
                Err(error) => break Err(error),
            }
            // What a slow source has sent is passed on before a part is full.
            if filled >= PART / 4 {
                break Ok(false);
            }
        };
        part.truncate(filled);
        if filled > 0 && parts.send(Ok(part)).is_err() {
            return;
        }
        match outcome {
            Ok(false) => {}
            // An empty part is the end.
            Ok(true) => return drop(parts.send(Ok(Vec::new()))),
            Err(error) => return drop(parts.send(Err(error))),
        }
    }
}

impl Read for Ahead {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.taken == self.current.len() && !self.ended {
            let spent = std::mem::take(&mut self.current);
            if spent.capacity() > 0 {
                drop(self.spent.try_send(spent));
            }
            self.taken = 0;
            let part = self.parts.as_ref().and_then(|parts| parts.recv().ok());
            match part {
                Some(Ok(part)) => {
                    self.ended = part.is_empty();
                    self.current = part;
                }
                Some(Err(error)) => {
                    self.ended = true;
                    return Err(error);
                }
                None => {
                    self.ended = true;
                    return Err(io::Error::other("the thread that decompresses has failed"));
                }
            }
        }
        let size = into.len().min(self.current.len() - self.taken);
        into[..size].copy_from_slice(&self.current[self.taken..self.taken + size]);
        self.taken += size;
        Ok(size)
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        drop(self.parts.take());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}
