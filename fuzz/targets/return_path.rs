//! Fuzzes the target `return_path` of logto-conformance.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| logto_conformance::hostile::feed("return_path", input));
