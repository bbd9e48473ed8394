pub(crate) mod avx2;
pub(crate) mod avx512;

use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};

/// Has the CPU fetch what is at `address`, whether that is memory of ours or none at all.
#[inline(always)]
fn prefetch(address: *const u8) {
    // SAFETY: a prefetch reads nothing and faults at no address; SSE is part of x86-64.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) };
}
