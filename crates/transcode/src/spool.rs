//! A stream kept so that it can be read more than once: in memory up to a limit, then in a temporary file.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::source::{LocalFile, Source};

/// Numbers this process's spool files apart.
static NUMBER: AtomicU64 = AtomicU64::new(0);

/// Bytes in memory, or in a file that is gone when the spool is dropped.
pub struct Spool {
    memory: Arc<Vec<u8>>,
    limit: usize,
    file: Option<File>,
    len: u64,
}

impl Spool {
    /// A spool that turns to a file above `limit` bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { memory: Arc::default(), limit, file: None, len: 0 }
    }

    /// Bytes kept.
    #[must_use]
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Adds bytes.
    ///
    /// # Errors
    /// When the temporary file cannot be made or written.
    pub fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.len += bytes.len() as u64;
        if let Some(file) = &mut self.file {
            return file.write_all(bytes);
        }
        if self.memory.len() + bytes.len() <= self.limit {
            Arc::make_mut(&mut self.memory).extend_from_slice(bytes);
            return Ok(());
        }
        let mut file = create()?;
        file.write_all(&self.memory)?;
        file.write_all(bytes)?;
        self.memory = Arc::default();
        self.file = Some(file);
        Ok(())
    }

    /// Everything from the start. Call when all has been pushed.
    ///
    /// # Errors
    /// When the temporary file cannot be opened again.
    pub fn source(&self) -> io::Result<Source> {
        match &self.file {
            Some(file) => {
                // Readings share the position; they come one after the other.
                let mut file = file.try_clone()?;
                file.seek(SeekFrom::Start(0))?;
                Ok(Source::File(LocalFile::of(file, "spool")?))
            }
            None => Ok(Source::Memory(io::Cursor::new(Arc::clone(&self.memory)))),
        }
    }
}

/// A new file that only this user can read. It has no name any more, so that nothing is left of it whatever ends the
/// process.
fn create() -> io::Result<File> {
    loop {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("copyist-spool-{}-{number}", std::process::id()));
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        match options.open(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            other => {
                let file = other?;
                std::fs::remove_file(&path)?;
                return Ok(file);
            }
        }
    }
}
