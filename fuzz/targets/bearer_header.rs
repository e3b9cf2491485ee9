//! Fuzzes the target `bearer_header` of logto-conformance.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| logto_conformance::hostile::feed("bearer_header", input));
