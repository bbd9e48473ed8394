//! The scanner: the kernel picked for this CPU behind a safe face.

use crate::arch::{self, EntryPoints};
use crate::grammar::{Eol, Grammar, Indexed};
use crate::isa::Isa;
use crate::separator::Separator;
use std::fmt;

/// Name of the environment variable that overrides the choice of instruction set.
const OVERRIDE: &str = "COPYIST_SIMD";

/// Work that gains from being compiled for a CPU's instruction set although it names none of its instructions: see
/// [`Scanner::run`].
pub trait Work {
    /// What comes out of it.
    type Output;

    /// Does it. To be marked `#[inline(always)]`, and so must be what it calls, as far as that is to gain.
    fn run(self) -> Self::Output;
}

/// Finds fields and records with the kernel of one instruction set. Cheap to copy and to share between threads.
#[derive(Clone, Copy)]
pub struct Scanner {
    isa: Isa,
    /// Invariant: the CPU has the features the functions were compiled for.
    entry_points: &'static EntryPoints,
}

impl fmt::Debug for Scanner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Scanner").field(&self.isa).finish()
    }
}

impl Scanner {
    /// The scanner of the best instruction set this CPU offers, or of the one named by the environment variable
    /// `COPYIST_SIMD` (`scalar`, `avx2`, `avx512`, `neon`) if it is available.
    pub fn detect() -> Scanner {
        Scanner::detect_checked().unwrap_or_else(|_| Scanner::best())
    }

    /// As [`Scanner::detect`].
    ///
    /// # Errors
    /// `COPYIST_SIMD` names no instruction set, or one this CPU lacks. The text says which and what there is.
    pub fn detect_checked() -> Result<Scanner, String> {
        match std::env::var_os(OVERRIDE) {
            None => Ok(Scanner::best()),
            Some(name) => Scanner::named(&name.to_string_lossy()),
        }
    }

    /// What [`Scanner::detect_checked`] does with the value of the variable; empty means unset.
    pub(crate) fn named(name: &str) -> Result<Scanner, String> {
        if name.is_empty() {
            return Ok(Scanner::best());
        }
        let isa: Isa = name.parse().map_err(|unknown| format!("{OVERRIDE}: {unknown}"))?;
        Scanner::with(isa).ok_or_else(|| {
            let available: Vec<_> = Scanner::available().iter().map(|isa| isa.name()).collect();
            format!("{OVERRIDE}: this CPU does not offer {isa}, only {}", available.join(", "))
        })
    }

    fn best() -> Scanner {
        Isa::ALL
            .into_iter()
            .rev()
            .find_map(Scanner::with)
            .unwrap_or(Scanner { isa: Isa::Scalar, entry_points: &arch::scalar::ENTRY_POINTS })
    }

    /// The scanner of `isa`; `None` if this CPU lacks it.
    pub fn with(isa: Isa) -> Option<Scanner> {
        arch::detect(isa).map(|entry_points| Scanner { isa, entry_points })
    }

    /// Every instruction set this CPU offers, slowest first.
    pub fn available() -> Vec<Isa> {
        Isa::ALL.into_iter().filter(|isa| Scanner::with(*isa).is_some()).collect()
    }

    /// The instruction set this scanner uses.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// Replaces the content of `offsets` by the position of every structural byte of `data`, ascending: each delimiter
    /// outside quotes (CSV) or not escaped (TEXT), and each record end (the `\n` under [`Eol::Lf`] and [`Eol::CrLf`],
    /// the `\r` under [`Eol::Cr`]). The position of several bytes is that of the last one. Of delimiters that overlap the
    /// one that begins first counts.
    ///
    /// `data` begins at the start of a record and normally ends just after a record end.
    ///
    /// Room is made as offsets are found: the vector ends up with at most a few thousand spare entries beyond what its
    /// own growth adds. Pass the same one again to pay for it once.
    ///
    /// # Panics
    /// If `data` is longer than `u32::MAX` bytes.
    pub fn index(&self, data: &[u8], grammar: Grammar, eol: Eol, offsets: &mut Vec<u32>) -> Indexed {
        assert!(u32::try_from(data.len()).is_ok(), "a piece of data to index must be shorter than 4 GiB");
        // SAFETY: the CPU has the features, by the invariant of `entry_points`.
        unsafe {
            if grammar.is_long(eol) {
                (self.entry_points.index_long)(data, grammar, eol, offsets)
            } else {
                (self.entry_points.index)(data, grammar, eol, offsets)
            }
        }
    }

    /// End (exclusive) of the last complete record of `data`, which begins at the start of a record; `None` if none is
    /// complete. Stray line ends and end markers are passed over: [`Scanner::index`] reports them.
    pub fn last_record_end(&self, data: &[u8], grammar: Grammar, eol: Eol) -> Option<usize> {
        // SAFETY: the CPU has the features, by the invariant of `entry_points`.
        unsafe {
            match eol {
                Eol::Other(_) => (self.entry_points.last_record_end_long)(data, grammar, eol),
                _ => (self.entry_points.last_record_end)(data, grammar, eol),
            }
        }
    }

    /// End (exclusive) of the first `records` records of `data`, which begins at the start of a record; `None` if it
    /// holds fewer complete ones. Stray line ends and end markers are passed over.
    pub fn first_records_end(&self, data: &[u8], records: usize, grammar: Grammar, eol: Eol) -> Option<usize> {
        // SAFETY: the CPU has the features, by the invariant of `entry_points`.
        unsafe {
            match eol {
                Eol::Other(_) => (self.entry_points.first_records_end_long)(data, records, grammar, eol),
                _ => (self.entry_points.first_records_end)(data, records, grammar, eol),
            }
        }
    }

    /// Does `work` in code that was compiled for this scanner's instruction set. The result is the same for all of them.
    ///
    /// Of x86-64 the features of [`Isa::Avx2`] are used for [`Isa::Avx512`] too: wider vectors bring nothing to code that
    /// takes values one by one.
    #[inline]
    pub fn run<W: Work>(&self, work: W) -> W::Output {
        #[cfg(target_arch = "x86_64")]
        if matches!(self.isa, Isa::Avx2 | Isa::Avx512) {
            // SAFETY: a scanner of these instruction sets exists only where `arch::detect` found the features of AVX2's.
            return unsafe { arch::run_with_avx2(work) };
        }
        work.run()
    }

    /// Whether each quote of CSV whose escape is the quote begins a field, ends one or is one of two inside, and the last one ends a
    /// field. `data` are whole records; no byte of the delimiter or the quote is a line end, and one of several bytes has no quote among
    /// them. Delimiters may overlap here.
    pub fn quotes_are_sound(&self, data: &[u8], delimiter: Separator, quote: u8, eol: Eol) -> bool {
        // SAFETY: the CPU has the features, by the invariant of `entry_points`.
        unsafe {
            if delimiter.len() == 1 {
                (self.entry_points.quotes_are_sound)(data, delimiter.first(), quote, eol)
            } else {
                (self.entry_points.quotes_are_sound_long)(data, delimiter, quote, eol)
            }
        }
    }

    /// How often `byte` occurs in `data`.
    pub fn count(&self, data: &[u8], byte: u8) -> usize {
        // SAFETY: the CPU has the features, by the invariant of `entry_points`.
        unsafe { (self.entry_points.count)(data, byte) }
    }

    /// Whether `data` holds a byte of 0x80 or above, and whether it holds a NUL byte.
    pub fn non_ascii_or_nul(&self, data: &[u8]) -> (bool, bool) {
        // SAFETY: the CPU has the features, by the invariant of `entry_points`.
        unsafe { (self.entry_points.non_ascii_or_nul)(data) }
    }
}

#[cfg(all(test, target_arch = "aarch64"))]
impl Scanner {
    /// The variant of the NEON kernel for CPUs without PMULL, which runs on those with it too.
    pub(crate) fn neon_without_pmull() -> Scanner {
        Scanner { isa: Isa::Neon, entry_points: arch::NEON_WITHOUT_PMULL }
    }
}
