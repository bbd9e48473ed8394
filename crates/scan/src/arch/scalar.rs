//! Eight bytes at a time in a `u64`: for CPUs without a kernel of their own, and as the measure of the others.

use crate::kernel::{BLOCK, Kernel, Window, prefix_xor_by_shifts, write_offsets_by_bit};

const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// The kernel of [`Isa::Scalar`](crate::Isa::Scalar).
#[derive(Clone, Copy)]
pub(crate) struct Scalar;

super::entry_points!(Scalar);

/// Moves the top bit of each of the eight bytes into the low eight bits, first byte lowest.
#[inline(always)]
fn top_bits(word: u64) -> u64 {
    // The multiplication adds copies of the eight bits, shifted so that bit 8i lands on bit 56 + i.
    ((word & HIGH) >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
}

/// Joins the top bits of all bytes of a block into a mask.
#[inline(always)]
fn mask(words: [u64; 8]) -> u64 {
    let mut mask = 0;
    for (position, word) in words.into_iter().enumerate() {
        mask |= top_bits(word) << (8 * position);
    }
    mask
}

impl Kernel for Scalar {
    type Block = [u64; 8];

    #[inline(always)]
    fn load(self, bytes: &[u8; BLOCK]) -> [u64; 8] {
        let (words, _) = bytes.as_chunks::<8>();
        std::array::from_fn(|position| u64::from_le_bytes(words[position]))
    }

    #[inline(always)]
    fn equal(self, block: [u64; 8], byte: u8) -> u64 {
        let pattern = LOW * u64::from(byte);
        let mut equal = block;
        for word in &mut equal {
            // The addition carries into the top bit of every byte that has one of its low seven bits set. No carry
            // leaves a byte, unlike in the well-known subtraction, which is only right up to the first match.
            let difference = *word ^ pattern;
            *word = !(((difference & !HIGH) + !HIGH) | difference);
        }
        mask(equal)
    }

    #[inline(always)]
    fn non_ascii(self, block: [u64; 8]) -> u64 {
        mask(block)
    }

    #[inline(always)]
    fn prefix_xor(self, mask: u64) -> u64 {
        prefix_xor_by_shifts(mask)
    }

    #[inline(always)]
    fn write_offsets(self, mask: u64, base: u32, window: &mut Window) {
        write_offsets_by_bit(mask, base, window);
    }
}
