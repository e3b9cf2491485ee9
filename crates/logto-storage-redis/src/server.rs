//! What a server says of itself, and whether records may live there.

use crate::{dial::Connection, failure::Failure};
use redis::{InfoDict, Value, from_owned_redis_value};

/// The oldest version with all that the scripts use.
const OLDEST: (u32, u32) = (6, 2);

/// Refuses what is no primary of Redis 6.2 or later.
pub(crate) async fn check(connection: &Connection) -> Result<(), Failure> {
    let mut commands = redis::pipe();
    for section in ["server", "cluster", "replication", "memory"] {
        commands.cmd("INFO").arg(section);
    }
    let mut sections = Vec::new();
    for answer in connection.answers(&commands).await? {
        let info: String = match answer {
            Value::ServerError(error) => {
                return Err(Failure::answered(error.code(), error.details().unwrap_or_default()));
            }
            other => from_owned_redis_value(other)?,
        };
        sections.push(info);
    }
    judge(&InfoDict::new(&sections.concat()))
}

fn judge(info: &InfoDict) -> Result<(), Failure> {
    let field = |name: &str| info.get::<String>(name).unwrap_or_default();
    // Valkey has another name for it.
    let mode = field("redis_mode") + &field("server_mode");
    match mode.as_str() {
        "cluster" => return Err(Failure::cluster()),
        "sentinel" => {
            return Err(Failure::misconfigured(
                "this is a Sentinel and keeps no records: connect by `connect_via_sentinel`",
            ));
        }
        _ if field("cluster_enabled") == "1" => return Err(Failure::cluster()),
        _ => {}
    }
    let version = field("redis_version");
    let mut numbers = version.split('.').map(|number| number.parse().unwrap_or(0));
    if (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) < OLDEST {
        let text = format!("Redis 6.2 or later is needed, and this is version {version:.16}");
        return Err(Failure::misconfigured(text));
    }
    if field("role") == "slave" {
        return Err(Failure::replica());
    }
    let policy = field("maxmemory_policy");
    if !matches!(field("maxmemory").as_str(), "" | "0") && policy != "noeviction" {
        tracing::warn!(
            policy,
            "Redis may evict token records where its memory is full, and signs people out by that: \
             set maxmemory-policy to noeviction"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(info: &str) -> String {
        judge(&InfoDict::new(info)).map_or_else(|failure| format!("{failure:?}"), |()| "fine".to_owned())
    }

    #[test]
    fn a_primary_of_6_2_and_later_is_fine() {
        for version in ["6.2.0", "6.2.14", "7.0.15", "8.2.1", "10.0"] {
            let info = format!("redis_version:{version}\r\nredis_mode:standalone\r\nrole:master\r\n");
            assert_eq!(judged(&info), "fine");
        }
    }

    #[test]
    fn what_is_not_is_told() {
        for (info, word) in [
            ("redis_version:6.0.20\r\nrole:master", "6.0.20"),
            ("redis_version:5.0.7\r\nrole:master", "5.0.7"),
            ("role:master", "6.2 or later"),
            ("redis_version:7.0.15\r\nredis_mode:cluster\r\nrole:master", "Redis Cluster is not supported"),
            ("redis_version:7.2.4\r\nserver_mode:cluster\r\nrole:master", "Redis Cluster is not supported"),
            ("redis_version:7.0.15\r\ncluster_enabled:1\r\nrole:master", "Redis Cluster is not supported"),
            ("redis_version:7.0.15\r\nredis_mode:sentinel", "connect_via_sentinel"),
            ("redis_version:7.0.15\r\nredis_mode:standalone\r\nrole:slave", "replica"),
        ] {
            assert!(judged(info).contains(word), "{}", judged(info));
        }
    }
}
