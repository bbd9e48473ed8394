//! AVX-512: a block is one vector, compares yield masks at once, and VBMI2 compresses a mask into offsets.

use crate::arch::EntryPoints;
use crate::kernel::{BLOCK, Kernel, Window};
use std::arch::x86_64::{
    __m128i, __m512i, _mm_clmulepi64_si128, _mm_cvtsi64_si128, _mm_cvtsi128_si64, _mm_set1_epi8, _mm512_add_epi32,
    _mm512_castsi512_si128, _mm512_cmpeq_epi8_mask, _mm512_cvtepu8_epi32, _mm512_extracti32x4_epi32,
    _mm512_loadu_si512, _mm512_maskz_compress_epi8, _mm512_movepi8_mask, _mm512_set1_epi8, _mm512_set1_epi32,
    _mm512_storeu_si512,
};

/// The kernel of [`Isa::Avx512`](crate::Isa::Avx512). A value of it exists only where the CPU has AVX-512 F, BW and
/// VBMI2, and PCLMULQDQ.
#[derive(Clone, Copy)]
pub(crate) struct Avx512(());

crate::arch::entry_points!(
    // SAFETY: for functions with these features, which are called only where the CPU has them.
    unsafe { Avx512::new() },
    "avx512f,avx512bw,avx512vbmi,avx512vbmi2,avx2,pclmulqdq,bmi1,bmi2,lzcnt,popcnt"
);

/// The functions, if this CPU has their features.
pub(crate) fn detect() -> Option<&'static EntryPoints> {
    let available = is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vbmi")
        && is_x86_feature_detected!("avx512vbmi2")
        && super::avx2::detect().is_some();
    available.then_some(&ENTRY_POINTS)
}

impl Avx512 {
    /// # Safety
    /// The CPU has AVX-512 F, BW and VBMI2, and PCLMULQDQ.
    #[inline(always)]
    unsafe fn new() -> Avx512 {
        Avx512(())
    }
}

/// The number of each byte of a block.
static NUMBERS: [u8; BLOCK] = {
    let mut numbers = [0; BLOCK];
    let mut number = 0;
    while number < BLOCK {
        numbers[number] = number as u8;
        number += 1;
    }
    numbers
};

/// Writes 16 numbers of bytes as offsets.
#[inline(always)]
fn write_sixteen(_features: Avx512, numbers: __m128i, base: u32, window: &mut Window, position: usize) {
    let (sixteens, _) = window.as_chunks_mut::<16>();
    let sixteen: *mut __m512i = sixteens[position].as_mut_ptr().cast();
    // SAFETY: the store fills exactly the 16 slots borrowed and needs no alignment; an `Avx512` exists.
    unsafe {
        let offsets = _mm512_add_epi32(_mm512_cvtepu8_epi32(numbers), _mm512_set1_epi32(base.cast_signed()));
        _mm512_storeu_si512(sixteen, offsets);
    }
}

impl Kernel for Avx512 {
    type Block = __m512i;

    #[inline(always)]
    fn load(self, bytes: &[u8; BLOCK]) -> __m512i {
        // SAFETY: the load takes exactly the 64 bytes of the reference and needs no alignment; an `Avx512` exists.
        unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
    }

    #[inline(always)]
    fn prefetch(self, block: &[u8; BLOCK], distance: usize) {
        super::prefetch(block.as_ptr().wrapping_add(distance));
    }

    #[inline(always)]
    fn equal(self, block: __m512i, byte: u8) -> u64 {
        // SAFETY: an `Avx512` exists, so the CPU has AVX-512 BW.
        unsafe { _mm512_cmpeq_epi8_mask(block, _mm512_set1_epi8(byte.cast_signed())) }
    }

    #[inline(always)]
    fn non_ascii(self, block: __m512i) -> u64 {
        // SAFETY: an `Avx512` exists, so the CPU has AVX-512 BW.
        unsafe { _mm512_movepi8_mask(block) }
    }

    #[inline(always)]
    fn prefix_xor(self, mask: u64) -> u64 {
        // Multiplying without carries by all ones adds, modulo two, every lower bit into each bit.
        // SAFETY: an `Avx512` exists, so the CPU has PCLMULQDQ.
        unsafe {
            let product = _mm_clmulepi64_si128::<0>(_mm_cvtsi64_si128(mask.cast_signed()), _mm_set1_epi8(-1));
            _mm_cvtsi128_si64(product).cast_unsigned()
        }
    }

    /// Compresses into a register: compressing straight to memory is many times slower on AMD's CPUs.
    #[inline(always)]
    fn write_offsets(self, mask: u64, base: u32, window: &mut Window) {
        let count = mask.count_ones();
        // SAFETY: an `Avx512` exists, so the CPU has AVX-512 F and VBMI2.
        let numbers = unsafe { _mm512_maskz_compress_epi8(mask, self.load(&NUMBERS)) };
        // SAFETY: as above.
        write_sixteen(self, unsafe { _mm512_castsi512_si128(numbers) }, base, window, 0);
        if count > 16 {
            // SAFETY: as above.
            write_sixteen(self, unsafe { _mm512_extracti32x4_epi32::<1>(numbers) }, base, window, 1);
            if count > 32 {
                // SAFETY: as above.
                write_sixteen(self, unsafe { _mm512_extracti32x4_epi32::<2>(numbers) }, base, window, 2);
                // SAFETY: as above.
                write_sixteen(self, unsafe { _mm512_extracti32x4_epi32::<3>(numbers) }, base, window, 3);
            }
        }
    }
}
