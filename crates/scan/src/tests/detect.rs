use super::scanners;
use crate::{Isa, Scanner};

/// Prints what runs here. `COPYIST_EXPECT_ISA` holds the test to the instruction set that is meant to be chosen on this
/// CPU, so that a run on an emulated CPU proves the choice.
#[test]
fn prints_the_choice() {
    let names: Vec<_> = scanners().into_iter().map(|(name, _)| name).collect();
    let best = Scanner::named("").unwrap().isa();
    println!("kernels tested: {}; best: {best}; chosen: {}", names.join(", "), Scanner::detect().isa());
    if let Ok(expected) = std::env::var("COPYIST_EXPECT_ISA") {
        assert_eq!(Scanner::detect().isa().name(), expected);
    }
}

#[test]
fn scalar_is_always_available_and_first() {
    assert_eq!(Scanner::available().first(), Some(&Isa::Scalar));
    assert_eq!(Scanner::available().last(), Some(&Scanner::named("").unwrap().isa()));
}

#[test]
fn takes_the_named_one() {
    for isa in Isa::ALL {
        match (Scanner::named(isa.name()), Scanner::with(isa)) {
            (Ok(scanner), Some(_)) => assert_eq!(scanner.isa(), isa),
            (Err(message), None) => {
                assert!(message.starts_with(&format!("COPYIST_SIMD: this CPU does not offer {isa}, only scalar")));
            }
            (named, with) => panic!("{isa}: {named:?}, {with:?}"),
        }
    }
    assert_eq!(
        Scanner::named("sse9").unwrap_err(),
        "COPYIST_SIMD: \"sse9\" is not an instruction set: use one of scalar, neon, avx2, avx512"
    );
}
