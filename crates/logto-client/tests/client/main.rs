//! The client against the local Logto, over real HTTP.

mod callback;
mod network;
mod processes;
mod provider;
mod refresh;
mod secrets;
mod sign_in;
mod sign_out;
mod stage;
mod tickets;
mod tokens;
mod user_info;
