//! Runs everything over all crates.
fn main() {}
