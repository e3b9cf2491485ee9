//! The sample suite over this sample.

logto_conformance::sample_suite!(env!("CARGO_BIN_EXE_actix-sample"));
