//! The statements, told once: where the two databases differ is a parameter.

/// What a store asks of its database. `$1` is the time that a test gives, or null; `$2` the record's key or
/// its index.
///
/// Those that write give a row for each that they have written.
///
/// Each is one statement and so whole or not at all, whatever other processes do meanwhile. A record is
/// alive before `until`; a lease is held while it is not released and `leased` is not over.
#[derive(Clone, Copy)]
pub(crate) struct Statements {
    pub(crate) create: &'static str,
    pub(crate) read: &'static str,
    pub(crate) swap: &'static str,
    pub(crate) take: &'static str,
    pub(crate) delete: &'static str,
    pub(crate) acquire: &'static str,
    pub(crate) renew: &'static str,
    pub(crate) release: &'static str,
    /// Which lease a record has, for who was refused.
    pub(crate) fence: &'static str,
    pub(crate) find: &'static str,
    pub(crate) delete_by: &'static str,
    pub(crate) remove_expired: &'static str,
}

// As one reads SQL.
#[rustfmt::skip]
macro_rules! statements {
    (now: $now:literal, lock: $lock:literal, remove_expired: [$before:literal, $after:literal]) => {
        $crate::shared::statements::Statements {
            create: concat!(
                "INSERT INTO logto_token_records AS old",
                " (key, data, version, until, fence, released, leased, sub, sid)",
                " VALUES ($2, $3, $4, ", $now, " + $5, $8, $8, 0, $6, $7)",
                " ON CONFLICT (key) DO UPDATE SET",
                " data = excluded.data, version = excluded.version, until = excluded.until,",
                // Leases begin at another number: those of what has expired are none of this record.
                " fence = excluded.fence, released = excluded.released, leased = excluded.leased,",
                " sub = excluded.sub, sid = excluded.sid",
                " WHERE old.until <= ", $now,
                " RETURNING version",
            ),
            read: concat!(
                "SELECT data, version, until - ", $now, ", sub, sid FROM logto_token_records",
                " WHERE key = $2 AND until > ", $now,
            ),
            swap: concat!(
                "UPDATE logto_token_records SET data = $3, version = $4, until = ", $now, " + $5,",
                " sub = $6, sid = $7",
                " WHERE key = $2 AND until > ", $now, " AND version = $8 AND fence = COALESCE($9, fence)",
                " RETURNING version",
            ),
            take: concat!(
                "DELETE FROM logto_token_records",
                " WHERE key = $2 AND until > ", $now, " AND version = $3",
                " RETURNING version",
            ),
            delete: concat!("DELETE FROM logto_token_records WHERE key = $2 RETURNING until - ", $now),
            acquire: concat!(
                "UPDATE logto_token_records SET fence = fence + 1, leased = ", $now, " + $3",
                " WHERE key = $2 AND until > ", $now, " AND (released = fence OR leased <= ", $now, ")",
                " RETURNING fence, released",
            ),
            renew: concat!(
                "UPDATE logto_token_records SET leased = ", $now, " + $3",
                " WHERE key = $2 AND until > ", $now, " AND fence = $4 AND released < fence",
                " RETURNING fence",
            ),
            release: concat!(
                "UPDATE logto_token_records SET released = fence",
                " WHERE key = $2 AND until > ", $now, " AND fence = $3 AND released < fence",
                " RETURNING fence",
            ),
            fence: concat!("SELECT fence FROM logto_token_records WHERE key = $2 AND until > ", $now),
            find: concat!(
                "SELECT key FROM logto_token_records WHERE (sub = $2 OR sid = $2) AND until > ", $now,
            ),
            // In the order of the keys: two who delete the same records never wait for each other both.
            delete_by: concat!(
                "DELETE FROM logto_token_records WHERE key IN",
                " (SELECT key FROM logto_token_records WHERE sub = $2 OR sid = $2 ORDER BY key", $lock, ")",
                " RETURNING until - ", $now,
            ),
            remove_expired: concat!($before, $now, $after),
        }
    };
}

pub(crate) use statements;
