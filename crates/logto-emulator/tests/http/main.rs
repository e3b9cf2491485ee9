//! The local Logto over real HTTP.

mod answers;
mod pages;
mod refresh;
mod visitor;
