//! Fuzzes the target `callback_query` of logto-conformance.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| logto_conformance::hostile::feed("callback_query", input));
