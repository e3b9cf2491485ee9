//! What comes out of a session or a store: items, tickets, records. A browser may hold the first, a damaged
//! server any of them.

use super::{
    answers::check_error,
    scene::{API, APP, CALLBACK, ID_TOKEN, ISSUER, Script, choice, client, clock, config, play},
};
use logto_client::{ContextOptions, LogtoSession, TokenTarget};
use logto_storage_core::{
    EncryptedTokenStore, EncryptionKey, MemoryStorage, MemoryTokenStore, Realm, Storage, Tickets, TokenStore,
    keys, token_store::Record,
};
use std::{hint::black_box, sync::Arc, time::Duration};

const TICKET: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const LIFETIME: Duration = Duration::from_secs(3600);

/// Items of somebody who is signed in by this ID token and has a refresh token.
pub(super) fn signed_in(id_token: &str) -> MemoryStorage {
    with_items([(keys::ID_TOKEN, id_token), (keys::REFRESH_TOKEN, "r")])
}

fn with_items<'a>(items: impl IntoIterator<Item = (&'a str, &'a str)>) -> MemoryStorage {
    let storage = MemoryStorage::new();
    for (key, value) in items {
        assert!(play(Storage::set(&storage, key, value)).is_ok(), "the storage");
    }
    storage
}

fn realm() -> Realm {
    Realm::new(ISSUER, APP)
}

/// Tickets over a store that holds one record, under [`TICKET`].
fn tickets(record: &Record) -> Tickets {
    let store = MemoryTokenStore::new().with_clock(clock());
    assert!(play(store.create(&realm().record(TICKET), record, LIFETIME)).is_ok(), "the store");
    Tickets::new(Arc::new(store), realm())
}

/// The one item of a session that is a ticket.
pub(super) fn ticket(input: &[u8]) -> bool {
    let item = String::from_utf8_lossy(input);
    let payload = br#"{"salt":"s","items":{"logto_id_token":"canary"}}"#;
    let tickets = tickets(&Record::new(payload, Some(realm().sub("alice")), None));
    let inner = with_items([(keys::SESSION_META, &*item)]);
    let storage = tickets.storage(inner);
    let known = item == format!("1.{TICKET}");
    play(async {
        let found = storage.get(keys::ID_TOKEN).await;
        assert_eq!(found.ok().flatten().as_deref(), known.then_some("canary"), "a record by {item:?}");
        assert!(storage.set(keys::REFRESH_TOKEN, "r").await.is_ok(), "a visitor who can begin no record");
        assert_eq!(storage.get(keys::REFRESH_TOKEN).await.ok().flatten().as_deref(), Some("r"));
    });
    known
}

/// Records as stores give them, records with any payload, and items with any value.
pub(super) fn stored_record(input: &[u8]) -> bool {
    match choice(input) {
        (b'r', data) => raw_record(data),
        (b'p', payload) => payload_of_record(payload),
        (_, items) => items_of_a_session(items),
    }
}

fn raw_record(data: &[u8]) -> bool {
    let record = Record::from_stored(data.to_vec(), None, None);
    if let Ok(record) = &record {
        assert_eq!(Record::new(record.payload(), None, None).data(), data, "a record is not what was stored");
    }
    record.is_ok()
}

fn payload_of_record(payload: &[u8]) -> bool {
    let record = Record::new(payload, Some(realm().sub("alice")), None);
    let storage =
        tickets(&record).storage(with_items([(keys::SESSION_META, format!("1.{TICKET}").as_str())]));
    let taken = use_all(&client(config(Script::default())).session(storage));
    // Under encryption nothing that somebody else has written is read.
    let key = EncryptionKey::new(&[7; 32]).unwrap_or_else(|error| panic!("the key: {error}"));
    let store = MemoryTokenStore::new().with_clock(clock());
    let at = realm().record(TICKET);
    assert!(play(store.create(&at, &record, LIFETIME)).is_ok(), "the store");
    assert!(play(EncryptedTokenStore::new(store, key).read(&at)).is_err(), "a record that is not encrypted");
    taken
}

/// The values of the five items, each ended by a zero.
fn items_of_a_session(input: &[u8]) -> bool {
    let text = String::from_utf8_lossy(input).replace("$ID", &ID_TOKEN);
    let values = text.split('\0').filter(|value| *value != "-");
    let storage = with_items(keys::ALL.into_iter().zip(values));
    use_all(&client(config(Script::default())).session(storage))
}

/// Every operation on what is stored; whether somebody was signed in by it.
fn use_all<S: Storage>(session: &LogtoSession<S>) -> bool {
    play(async {
        let authenticated = session.is_authenticated().await.is_ok_and(|authenticated| authenticated);
        if let Ok(claims) = session.id_token_claims().await {
            black_box((claims.sub(), claims.iss(), claims.exp(), claims.iat(), claims.roles().count()));
            assert!(authenticated, "claims of nobody");
        }
        let options = ContextOptions::new().access_token(TokenTarget::resource(API)).organization_tokens();
        if let Err(error) = session.context(options).await {
            check_error(&error);
        }
        if let Ok(token) = session.access_token(TokenTarget::user_info()).await {
            black_box((token.claims(), token.expires_at()));
        }
        if let Err(error) =
            session.handle_sign_in_callback(&format!("{CALLBACK}?state=the-state&code=c&iss={ISSUER}")).await
        {
            check_error(&error);
        }
        match session.sign_in(CALLBACK).await {
            Ok(url) => assert!(url.as_str().starts_with(ISSUER), "sign-in at {url}"),
            Err(error) => check_error(&error),
        }
        drop(session.handle_sign_out_callback(Some("s")).await);
        match session.sign_out(None).await {
            Ok(url) => assert!(url.as_str().starts_with(ISSUER), "sign-out at {url}"),
            Err(error) => check_error(&error),
        }
        assert!(
            session.is_authenticated().await.is_ok_and(|signed_in| !signed_in),
            "signed in after a sign-out"
        );
        session.client().shutdown().await;
        authenticated
    })
}
