//! NEON: a block is loaded interleaved by four, so that three shift-and-insert steps and one narrowing shift turn the
//! four results of a compare into a mask that is in order.

use crate::arch::EntryPoints;
use crate::kernel::{BLOCK, Kernel, Window, prefix_xor_by_shifts, write_offsets_by_bit};
use std::arch::aarch64::{
    uint8x16_t, uint8x16x4_t, vceqq_u8, vcgeq_u8, vdupq_n_u8, vget_lane_u64, vld4q_u8, vmull_p64, vreinterpret_u64_u8,
    vreinterpretq_u16_u8, vshrn_n_u16, vsriq_n_u8,
};
use std::arch::is_aarch64_feature_detected;

/// The kernel of [`Isa::Neon`](crate::Isa::Neon). A value of it exists only where the CPU has NEON, and PMULL if the
/// constant says so.
#[derive(Clone, Copy)]
pub(crate) struct Neon<const PMULL: bool>(());

pub(crate) mod without_pmull {
    use super::Neon;
    crate::arch::entry_points!(
        // SAFETY: for functions with these features, which are called only where the CPU has them.
        unsafe { Neon::<false>::new() },
        "neon"
    );
}

mod with_pmull {
    use super::Neon;
    // The feature named after AES includes PMULL.
    crate::arch::entry_points!(
        // SAFETY: for functions with these features, which are called only where the CPU has them.
        unsafe { Neon::<true>::new() },
        "neon,aes"
    );
}

/// The functions, if this CPU has their features.
pub(crate) fn detect() -> Option<&'static EntryPoints> {
    if !is_aarch64_feature_detected!("neon") {
        None
    } else if is_aarch64_feature_detected!("aes") {
        Some(&with_pmull::ENTRY_POINTS)
    } else {
        Some(&without_pmull::ENTRY_POINTS)
    }
}

impl<const PMULL: bool> Neon<PMULL> {
    /// # Safety
    /// The CPU has NEON, and PMULL if `PMULL`.
    #[inline(always)]
    unsafe fn new() -> Self {
        Neon(())
    }

    /// Mask of the bytes whose bits are all set; the others must have none set. `of_four[i]` holds every fourth byte of
    /// the block, from byte `i` on.
    #[inline(always)]
    fn mask(self, of_four: [uint8x16_t; 4]) -> u64 {
        let [first, second, third, fourth] = of_four;
        // SAFETY: a `Neon` exists, so the CPU has NEON.
        unsafe {
            let low = vsriq_n_u8::<1>(second, first);
            let high = vsriq_n_u8::<1>(fourth, third);
            // The top half of each byte now holds the bits of four neighbours; put a copy into the bottom half ...
            let four = vsriq_n_u8::<2>(high, low);
            let twice = vsriq_n_u8::<4>(four, four);
            // ... and join the bottom half of one byte with the top half of the next.
            vget_lane_u64::<0>(vreinterpret_u64_u8(vshrn_n_u16::<4>(vreinterpretq_u16_u8(twice))))
        }
    }
}

/// Multiplying polynomials by all ones adds, modulo two, every lower bit into each bit. A function of its own since the
/// kernel's method is also there for CPUs without PMULL.
#[target_feature(enable = "neon,aes")]
#[inline]
fn prefix_xor_by_product(mask: u64) -> u64 {
    vmull_p64(mask, u64::MAX) as u64
}

impl<const PMULL: bool> Kernel for Neon<PMULL> {
    type Block = uint8x16x4_t;

    #[inline(always)]
    fn load(self, bytes: &[u8; BLOCK]) -> uint8x16x4_t {
        // SAFETY: the load takes exactly the 64 bytes of the reference; a `Neon` exists.
        unsafe { vld4q_u8(bytes.as_ptr()) }
    }

    #[inline(always)]
    fn equal(self, block: uint8x16x4_t, byte: u8) -> u64 {
        // SAFETY: a `Neon` exists, so the CPU has NEON.
        let equal = unsafe {
            let pattern = vdupq_n_u8(byte);
            [
                vceqq_u8(block.0, pattern),
                vceqq_u8(block.1, pattern),
                vceqq_u8(block.2, pattern),
                vceqq_u8(block.3, pattern),
            ]
        };
        self.mask(equal)
    }

    #[inline(always)]
    fn non_ascii(self, block: uint8x16x4_t) -> u64 {
        // SAFETY: a `Neon` exists, so the CPU has NEON.
        let non_ascii = unsafe {
            let limit = vdupq_n_u8(0x80);
            [vcgeq_u8(block.0, limit), vcgeq_u8(block.1, limit), vcgeq_u8(block.2, limit), vcgeq_u8(block.3, limit)]
        };
        self.mask(non_ascii)
    }

    #[inline(always)]
    fn prefix_xor(self, mask: u64) -> u64 {
        if PMULL {
            // SAFETY: a `Neon<true>` exists, so the CPU has PMULL.
            unsafe { prefix_xor_by_product(mask) }
        } else {
            prefix_xor_by_shifts(mask)
        }
    }

    #[inline(always)]
    fn write_offsets(self, mask: u64, base: u32, window: &mut Window) {
        write_offsets_by_bit(mask, base, window);
    }
}
