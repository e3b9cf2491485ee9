//! The suite of APIs over this sample.

logto_conformance::api_sample_suite!(env!("CARGO_BIN_EXE_axum-api"), "actix-api");
