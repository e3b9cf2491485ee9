//! The local Logto over real HTTP.

mod answers;
mod back_channel;
mod pages;
mod refresh;
mod visitor;
