//! Fuzzes the target `jwt` of logto-conformance.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| logto_conformance::hostile::feed("jwt", input));
