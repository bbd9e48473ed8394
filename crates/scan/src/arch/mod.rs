//! One file per instruction set. Architecture code is only here.

#[cfg(target_arch = "aarch64")]
mod aarch64;
pub(crate) mod scalar;
#[cfg(target_arch = "x86_64")]
mod x86_64;

use crate::grammar::{Eol, Grammar, Indexed};
use crate::isa::Isa;
use crate::separator::Separator;

/// The functions of a scanner, compiled for one instruction set. Calling one is undefined behaviour on a CPU that lacks
/// the features of that instruction set.
pub(crate) struct EntryPoints {
    pub(crate) index: unsafe fn(&[u8], Grammar, Eol, &mut Vec<u32>) -> Indexed,
    pub(crate) last_record_end: unsafe fn(&[u8], Grammar, Eol) -> Option<usize>,
    pub(crate) first_records_end: unsafe fn(&[u8], usize, Grammar, Eol) -> Option<usize>,
    pub(crate) index_long: unsafe fn(&[u8], Grammar, Eol, &mut Vec<u32>) -> Indexed,
    pub(crate) last_record_end_long: unsafe fn(&[u8], Grammar, Eol) -> Option<usize>,
    pub(crate) first_records_end_long: unsafe fn(&[u8], usize, Grammar, Eol) -> Option<usize>,
    pub(crate) count: unsafe fn(&[u8], u8) -> usize,
    pub(crate) non_ascii_or_nul: unsafe fn(&[u8]) -> (bool, bool),
    pub(crate) quotes_are_sound: unsafe fn(&[u8], u8, u8, Eol) -> bool,
    pub(crate) quotes_are_sound_long: unsafe fn(&[u8], Separator, u8, Eol) -> bool,
}

/// The functions for `isa`, if this CPU has its features.
pub(crate) fn detect(isa: Isa) -> Option<&'static EntryPoints> {
    match isa {
        Isa::Scalar => Some(&scalar::ENTRY_POINTS),
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => x86_64::avx2::detect(),
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => x86_64::avx512::detect(),
        #[cfg(target_arch = "aarch64")]
        Isa::Neon => aarch64::neon::detect(),
        #[allow(unreachable_patterns, reason = "the kernels of other architectures")]
        _ => None,
    }
}

#[cfg(target_arch = "x86_64")]
pub(crate) use x86_64::avx2::run as run_with_avx2;

/// The functions of CPUs with NEON but without PMULL.
#[cfg(all(test, target_arch = "aarch64"))]
pub(crate) const NEON_WITHOUT_PMULL: &EntryPoints = &aarch64::neon::without_pmull::ENTRY_POINTS;

/// Makes `static ENTRY_POINTS` for the kernel given by an expression, with the shared code compiled for the features
/// given. The expression is evaluated in functions that are only called where the CPU has these features.
macro_rules! entry_points {
    ($kernel:expr $(, $features:literal)?) => {
        pub(crate) static ENTRY_POINTS: $crate::arch::EntryPoints = {
            use $crate::grammar::{Eol, Grammar, Indexed};
            use $crate::separator::Separator;

            $(#[target_feature(enable = $features)])?
            unsafe fn index(data: &[u8], grammar: Grammar, eol: Eol, offsets: &mut Vec<u32>) -> Indexed {
                $crate::index::index($kernel, data, grammar, eol, offsets)
            }

            $(#[target_feature(enable = $features)])?
            unsafe fn last_record_end(data: &[u8], grammar: Grammar, eol: Eol) -> Option<usize> {
                $crate::boundary::last_record_end($kernel, data, grammar, eol)
            }

            $(#[target_feature(enable = $features)])?
            unsafe fn first_records_end(data: &[u8], records: usize, grammar: Grammar, eol: Eol) -> Option<usize> {
                $crate::boundary::first_records_end($kernel, data, records, grammar, eol)
            }

            $(#[target_feature(enable = $features)])?
            unsafe fn index_long(data: &[u8], grammar: Grammar, eol: Eol, offsets: &mut Vec<u32>) -> Indexed {
                $crate::index::index_long($kernel, data, grammar, eol, offsets)
            }

            $(#[target_feature(enable = $features)])?
            unsafe fn last_record_end_long(data: &[u8], grammar: Grammar, eol: Eol) -> Option<usize> {
                $crate::boundary::last_record_end_long($kernel, data, grammar, eol)
            }

            $(#[target_feature(enable = $features)])?
            unsafe fn first_records_end_long(data: &[u8], records: usize, grammar: Grammar, eol: Eol) -> Option<usize> {
                $crate::boundary::first_records_end_long($kernel, data, records, grammar, eol)
            }

            $(#[target_feature(enable = $features)])?
            unsafe fn count(data: &[u8], byte: u8) -> usize {
                $crate::bytes::count($kernel, data, byte)
            }

            $(#[target_feature(enable = $features)])?
            unsafe fn non_ascii_or_nul(data: &[u8]) -> (bool, bool) {
                $crate::bytes::non_ascii_or_nul($kernel, data)
            }

            $(#[target_feature(enable = $features)])?
            unsafe fn quotes_are_sound(data: &[u8], delimiter: u8, quote: u8, eol: Eol) -> bool {
                $crate::quotes::are_sound($kernel, data, delimiter, quote, eol)
            }

            $(#[target_feature(enable = $features)])?
            unsafe fn quotes_are_sound_long(data: &[u8], delimiter: Separator, quote: u8, eol: Eol) -> bool {
                $crate::quotes::are_sound_long($kernel, data, delimiter, quote, eol)
            }

            $crate::arch::EntryPoints {
                index,
                index_long,
                last_record_end_long,
                first_records_end_long,
                last_record_end,
                first_records_end,
                count,
                non_ascii_or_nul,
                quotes_are_sound,
                quotes_are_sound_long,
            }
        };
    };
}
pub(crate) use entry_points;
