//! What an instruction set has to offer, and the shared ways to do the rest of it.

use std::mem::MaybeUninit;

/// Bytes in a block: one bit each in a `u64`.
pub(crate) const BLOCK: usize = 64;

/// Where the offsets of one block are written. A kernel may write all of it, however few offsets there are.
pub(crate) type Window = [MaybeUninit<u32>; BLOCK];

/// Turns 64 bytes into bit masks, and a bit mask into offsets. Bit `i` of a mask stands for byte `i` of the block.
///
/// A value of an implementing type is the proof that the CPU has its features: it can only be made where they are
/// known to be there. All methods are to be inlined into a function that was compiled with these features.
pub(crate) trait Kernel: Copy {
    /// 64 bytes in registers.
    type Block: Copy;

    /// Takes a block from memory; any alignment.
    fn load(self, bytes: &[u8; BLOCK]) -> Self::Block;

    /// The bytes that equal `byte`.
    fn equal(self, block: Self::Block, byte: u8) -> u64;

    /// The bytes of 0x80 and above.
    fn non_ascii(self, block: Self::Block) -> u64;

    /// Bit `i` of the result is the XOR of the bits `0..=i` of `mask`.
    fn prefix_xor(self, mask: u64) -> u64;

    /// Writes `base` plus the number of each set bit of `mask`, ascending, to the front of `window`. What follows them
    /// in the window is left undefined.
    fn write_offsets(self, mask: u64, base: u32, window: &mut Window);
}

/// Prefix XOR without carry-less multiplication.
#[inline(always)]
pub(crate) fn prefix_xor_by_shifts(mut mask: u64) -> u64 {
    mask ^= mask << 1;
    mask ^= mask << 2;
    mask ^= mask << 4;
    mask ^= mask << 8;
    mask ^= mask << 16;
    mask ^= mask << 32;
    mask
}

/// Offsets without a compress instruction. Most blocks hold few structural bytes, so that the cost is in mispredicted
/// branches: eight offsets are written whether they are there or not, then eight more, and only then as many as needed.
#[inline(always)]
pub(crate) fn write_offsets_by_eight(mask: u64, base: u32, window: &mut Window) {
    let count = mask.count_ones() as usize;
    let (eights, _) = window.as_chunks_mut::<8>();
    let rest = write_eight(mask, base, &mut eights[0]);
    if count > 8 {
        let mut rest = write_eight(rest, base, &mut eights[1]);
        if count > 16 {
            for eight in &mut eights[2..count.div_ceil(8)] {
                rest = write_eight(rest, base, eight);
            }
        }
    }
}

/// Writes the offsets of the lowest eight set bits, and answers the bits above.
#[inline(always)]
fn write_eight(mut mask: u64, base: u32, eight: &mut [MaybeUninit<u32>; 8]) -> u64 {
    for slot in eight {
        // With no bit left this is 64: still in range of the type, and never looked at.
        slot.write(base.wrapping_add(mask.trailing_zeros()));
        mask &= mask.wrapping_sub(1);
    }
    mask
}
