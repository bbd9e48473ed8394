//! Questions about single bytes.

use crate::kernel::{BLOCK, Kernel};

/// The last, partial block, padded with zeros, and the mask of its bytes that are not padding.
#[inline(always)]
pub(crate) fn padded(tail: &[u8]) -> ([u8; BLOCK], u64) {
    let mut block = [0; BLOCK];
    block[..tail.len()].copy_from_slice(tail);
    (block, (1 << tail.len()) - 1)
}

/// See [`Scanner::count`](crate::Scanner::count).
#[inline(always)]
pub(crate) fn count<K: Kernel>(kernel: K, data: &[u8], byte: u8) -> usize {
    let (blocks, tail) = data.as_chunks::<BLOCK>();
    let mut count = 0;
    for block in blocks {
        count += kernel.equal(kernel.load(block), byte).count_ones() as usize;
    }
    let (block, valid) = padded(tail);
    count + (kernel.equal(kernel.load(&block), byte) & valid).count_ones() as usize
}

/// See [`Scanner::non_ascii_or_nul`](crate::Scanner::non_ascii_or_nul).
#[inline(always)]
pub(crate) fn non_ascii_or_nul<K: Kernel>(kernel: K, data: &[u8]) -> (bool, bool) {
    let (blocks, tail) = data.as_chunks::<BLOCK>();
    let (mut non_ascii, mut nul) = (0, 0);
    for block in blocks {
        let block = kernel.load(block);
        non_ascii |= kernel.non_ascii(block);
        nul |= kernel.equal(block, 0);
    }
    let (block, valid) = padded(tail);
    let block = kernel.load(&block);
    non_ascii |= kernel.non_ascii(block);
    nul |= kernel.equal(block, 0) & valid;
    (non_ascii != 0, nul != 0)
}
