//! What Redis does in one piece: scripts in Lua, sent by their hash.

use redis::{RedisResult, Script, ScriptInvocation, Value, aio::MultiplexedConnection};
use std::sync::LazyLock;

macro_rules! script {
    ($name:ident, $($file:literal),+) => {
        pub(crate) static $name: LazyLock<Script> = LazyLock::new(|| {
            Script::new(concat!(include_str!("scripts/common.lua"), $("\n", include_str!($file)),+))
        });
    };
}

script!(CREATE, "scripts/create.lua");
script!(SWAP, "scripts/swap.lua");
script!(REMOVE, "scripts/remove.lua");
script!(ACQUIRE, "scripts/acquire.lua");
script!(RENEW, "scripts/renew.lua");
script!(RELEASE, "scripts/release.lua");
script!(FIND, "scripts/members.lua", "scripts/find.lua");
script!(REMOVE_BY, "scripts/members.lua", "scripts/remove_by.lua");

/// What is sent to Redis and answered at once.
pub(crate) enum Request<'a> {
    Script(ScriptInvocation<'a>),
    Commands(redis::Pipeline),
}

impl Request<'_> {
    pub(crate) async fn send(&self, mut connection: MultiplexedConnection) -> RedisResult<Value> {
        match self {
            Self::Script(script) => script.invoke_async(&mut connection).await,
            Self::Commands(commands) => commands.query_async(&mut connection).await,
        }
    }
}
