//! Fuzzes the target `user_info` of logto-conformance.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| logto_conformance::hostile::feed("user_info", input));
