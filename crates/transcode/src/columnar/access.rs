//! Bytes that can be read in any order.

use std::io;
use std::ops::Range;

use copyist_format::About;

use crate::source::{LocalFile, about_file};

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

    /// For who has read what is wanted of it.
    ///
    /// # Errors
    /// Where what was read may not be of one version of it, unless reading has told so.
    fn check_unchanged(&self) -> io::Result<()> {
        Ok(())
    }
}

impl RandomAccess for LocalFile {
    fn size(&self) -> u64 {
        self.metadata().len()
    }

    fn about(&self) -> io::Result<About> {
        Ok(about_file(self.metadata()))
    }

    fn check_unchanged(&self) -> io::Result<()> {
        LocalFile::check_unchanged(self)
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
