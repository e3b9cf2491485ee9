//! The local Logto over real HTTP.

mod answers;
mod back_channel;
mod exchange;
mod introspection;
mod machine;
mod misbehaviour;
mod pages;
mod parallel;
mod refresh;
mod rows;
mod visitor;
