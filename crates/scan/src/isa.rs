//! The instruction sets that have a kernel.

use std::fmt;
use std::str::FromStr;

/// An instruction set the scanner has a kernel for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isa {
    /// Plain 64-bit code, on every CPU.
    Scalar,
    /// x86-64 with AVX2, BMI1, BMI2, LZCNT, POPCNT and PCLMULQDQ (Haswell, Zen and later).
    Avx2,
    /// x86-64 with AVX-512 F, BW, VBMI and VBMI2 besides the features of [`Isa::Avx2`] (Ice Lake, Zen 4 and later).
    Avx512,
    /// ARM64's vectors; multiplies polynomials where the CPU has PMULL.
    Neon,
}

impl Isa {
    /// Every instruction set, slowest first.
    pub const ALL: [Isa; 4] = [Isa::Scalar, Isa::Neon, Isa::Avx2, Isa::Avx512];

    /// Lower-case name, as in `COPYIST_SIMD`.
    pub fn name(self) -> &'static str {
        match self {
            Isa::Scalar => "scalar",
            Isa::Avx2 => "avx2",
            Isa::Avx512 => "avx512",
            Isa::Neon => "neon",
        }
    }
}

impl fmt::Display for Isa {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Isa {
    type Err = UnknownIsa;

    fn from_str(name: &str) -> Result<Isa, UnknownIsa> {
        Isa::ALL.into_iter().find(|isa| isa.name() == name).ok_or_else(|| UnknownIsa(name.to_owned()))
    }
}

/// A name that is not one of an instruction set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownIsa(String);

impl fmt::Display for UnknownIsa {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "\"{}\" is not an instruction set: use one of", self.0)?;
        for (position, isa) in Isa::ALL.iter().enumerate() {
            write!(formatter, "{} {isa}", if position == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

impl std::error::Error for UnknownIsa {}
