//! Kills and stops processes at every step.

fn main() {}
