//! Bytes that can be read in any order.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use copyist_format::About;

/// A file, or whatever has bytes at places.
pub trait RandomAccess: Send + Sync {
    /// Bytes of it.
    fn size(&self) -> u64;

    /// Fills `into` with the bytes at `at`.
    ///
    /// # Errors
    /// What the system says, and `UnexpectedEof` where there are not as many.
    fn read_at(&self, at: u64, into: &mut [u8]) -> io::Result<()>;

    /// Whether several threads can read at once, and none waits long.
    fn is_shared(&self) -> bool {
        true
    }

    /// The ranges `soon` are read next, each from its beginning to its end, and then those `later`. What takes long to come may be
    /// asked for now.
    fn expect(&self, _soon: &[Range<u64>], _later: &[Range<u64>]) {}

    /// What who keeps it says of it.
    ///
    /// # Errors
    /// What the system says.
    fn about(&self) -> io::Result<About> {
        Ok(About::default())
    }
}

struct Whole {
    file: File,
    size: u64,
}

/// A file of the file system, of the size it has now.
///
/// # Errors
/// What the system says of its size.
pub fn access_file(file: File) -> io::Result<Arc<dyn RandomAccess>> {
    let size = file.metadata()?.len();
    Ok(Arc::new(Whole { file, size }))
}

impl RandomAccess for Whole {
    fn size(&self) -> u64 {
        self.size
    }

    fn about(&self) -> io::Result<About> {
        Ok(crate::source::about_file(&self.file.metadata()?))
    }

    #[cfg(unix)]
    fn read_at(&self, at: u64, into: &mut [u8]) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(&self.file, into, at)
    }

    #[cfg(windows)]
    fn read_at(&self, mut at: u64, mut into: &mut [u8]) -> io::Result<()> {
        while !into.is_empty() {
            match std::os::windows::fs::FileExt::seek_read(&self.file, into, at) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => {
                    into = &mut into[read..];
                    at += read as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl RandomAccess for Vec<u8> {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn read_at(&self, at: u64, into: &mut [u8]) -> io::Result<()> {
        let found = usize::try_from(at).ok().and_then(|at| self.get(at..)?.get(..into.len()));
        into.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}
