//! AVX2: two vectors of 32 bytes to a block, carry-less multiplication for quotes.

use crate::arch::EntryPoints;
use crate::kernel::{BLOCK, Kernel, Window, write_offsets_by_bit};
use crate::scanner::Work;
use std::arch::x86_64::{
    __m256i, _mm_clmulepi64_si128, _mm_cvtsi64_si128, _mm_cvtsi128_si64, _mm_set1_epi8, _mm256_cmpeq_epi8,
    _mm256_loadu_si256, _mm256_movemask_epi8, _mm256_set1_epi8,
};

/// The kernel of [`Isa::Avx2`](crate::Isa::Avx2). A value of it exists only where the CPU has AVX2 and PCLMULQDQ.
#[derive(Clone, Copy)]
pub(crate) struct Avx2(());

crate::arch::entry_points!(
    // SAFETY: for functions with these features, which are called only where the CPU has them.
    unsafe { Avx2::new() },
    "avx2,pclmulqdq,bmi1,bmi2,lzcnt,popcnt"
);

/// The functions, if this CPU has their features.
pub(crate) fn detect() -> Option<&'static EntryPoints> {
    let available = is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("pclmulqdq")
        && is_x86_feature_detected!("bmi1")
        && is_x86_feature_detected!("bmi2")
        && is_x86_feature_detected!("lzcnt")
        && is_x86_feature_detected!("popcnt");
    available.then_some(&ENTRY_POINTS)
}

/// Does `work` with these features.
///
/// # Safety
/// [`detect`] found them.
#[target_feature(enable = "avx2,pclmulqdq,bmi1,bmi2,lzcnt,popcnt")]
pub(crate) unsafe fn run<W: Work>(work: W) -> W::Output {
    work.run()
}

impl Avx2 {
    /// # Safety
    /// The CPU has AVX2 and PCLMULQDQ.
    #[inline(always)]
    unsafe fn new() -> Avx2 {
        Avx2(())
    }
}

/// Top bits of 64 bytes.
#[inline(always)]
fn top_bits(_features: Avx2, low: __m256i, high: __m256i) -> u64 {
    // SAFETY: an `Avx2` exists, so the CPU has AVX2.
    let (low, high) = unsafe { (_mm256_movemask_epi8(low), _mm256_movemask_epi8(high)) };
    u64::from(low.cast_unsigned()) | u64::from(high.cast_unsigned()) << 32
}

impl Kernel for Avx2 {
    type Block = [__m256i; 2];

    #[inline(always)]
    fn load(self, bytes: &[u8; BLOCK]) -> [__m256i; 2] {
        let half: *const __m256i = bytes.as_ptr().cast();
        // SAFETY: both loads are within the 64 bytes of the reference and need no alignment; an `Avx2` exists.
        unsafe { [_mm256_loadu_si256(half), _mm256_loadu_si256(half.add(1))] }
    }

    #[inline(always)]
    fn prefetch(self, block: &[u8; BLOCK], distance: usize) {
        super::prefetch(block.as_ptr().wrapping_add(distance));
    }

    #[inline(always)]
    fn equal(self, [low, high]: [__m256i; 2], byte: u8) -> u64 {
        // SAFETY: an `Avx2` exists, so the CPU has AVX2.
        let (low, high) = unsafe {
            let pattern = _mm256_set1_epi8(byte.cast_signed());
            (_mm256_cmpeq_epi8(low, pattern), _mm256_cmpeq_epi8(high, pattern))
        };
        top_bits(self, low, high)
    }

    #[inline(always)]
    fn non_ascii(self, [low, high]: [__m256i; 2]) -> u64 {
        top_bits(self, low, high)
    }

    #[inline(always)]
    fn prefix_xor(self, mask: u64) -> u64 {
        // Multiplying without carries by all ones adds, modulo two, every lower bit into each bit.
        // SAFETY: an `Avx2` exists, so the CPU has PCLMULQDQ.
        unsafe {
            let product = _mm_clmulepi64_si128::<0>(_mm_cvtsi64_si128(mask.cast_signed()), _mm_set1_epi8(-1));
            _mm_cvtsi128_si64(product).cast_unsigned()
        }
    }

    #[inline(always)]
    fn write_offsets(self, mask: u64, base: u32, window: &mut Window) {
        write_offsets_by_bit(mask, base, window);
    }
}
