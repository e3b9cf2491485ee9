//! The client against the local Logto, over real HTTP.

mod api;
mod callback;
mod dropped;
mod ends;
mod everywhere;
mod machine;
mod network;
mod processes;
mod provider;
mod refresh;
mod remote;
mod secrets;
mod sign_in;
mod sign_out;
mod stage;
mod store;
mod tickets;
mod token_exchange;
mod tokens;
mod user_info;
mod values;
mod webhook;
mod wire;
