//! An axum application that signs people in with Logto.
fn main() {}
