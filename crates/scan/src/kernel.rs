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

    /// Has the CPU fetch the memory `distance` bytes behind the start of a block, if there is any. A hint only.
    #[inline(always)]
    fn prefetch(self, _block: &[u8; BLOCK], _distance: usize) {}

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

/// Offsets without a compress instruction. A loop over the set bits would end in a mispredicted branch in nearly every
/// block. Most blocks hold few structural bytes: `FEW` offsets are written whether they are there or not, then some more,
/// and only in dense blocks as many as there are.
#[inline(always)]
pub(crate) fn write_offsets_by_bit(mask: u64, base: u32, window: &mut Window) {
    const FEW: usize = 10;
    const MANY: usize = 16;
    let count = mask.count_ones() as usize;
    let rest = write_lowest(mask, base, &mut window[..FEW]);
    if count > FEW {
        let rest = write_lowest(rest, base, &mut window[FEW..MANY]);
        if count > MANY {
            write_lowest(rest, base, &mut window[MANY..count]);
        }
    }
}

/// Writes as many offsets as there are slots, of the lowest set bits, and answers the bits above.
#[inline(always)]
fn write_lowest(mut mask: u64, base: u32, slots: &mut [MaybeUninit<u32>]) -> u64 {
    for slot in slots {
        // With no bit left the number is 64: still in range of the type, and never looked at.
        let offset = base.wrapping_add(mask.trailing_zeros());
        // Volatile, or else the compiler gathers the numbers into a vector to add and store them at once, which takes
        // about twice the time.
        // SAFETY: the slot is borrowed for writing.
        unsafe { std::ptr::write_volatile(slot, MaybeUninit::new(offset)) };
        mask &= mask.wrapping_sub(1);
    }
    mask
}
