//! One visitor's record: read, changed, ended, leased, whatever other requests do to it meanwhile.

use super::{
    IndexKey, Record, RecordKey, Stored, Tickets, TokenStoreError, TokenStoreErrorKind, Version,
    record::MOST_BYTES,
    tickets::{Content, Ticket},
};
use crate::{Changes, Commit, Fence, Items, Lease, Operation, SignIn, StorageError, StorageErrorKind};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// An answer that is lost may be given again for so long.
const LEFT_BEHIND: Duration = Duration::from_secs(60);
/// So often a change is tried anew that somebody else was faster than.
pub(super) const MOST_TRIES: usize = 64;

/// One visitor's record, without the storage that holds the ticket.
pub(super) struct Visitor {
    pub(super) tickets: Tickets,
    state: Mutex<State>,
}

#[derive(Clone)]
pub(super) enum State {
    /// Nobody has looked yet.
    Unknown,
    /// There is no record.
    Nobody,
    Known(Known),
}

/// A record as it was last seen.
#[derive(Clone)]
pub(super) struct Known {
    pub(super) ticket: Ticket,
    pub(super) key: RecordKey,
    version: Version,
    sub: Option<IndexKey>,
    sid: Option<IndexKey>,
    pub(super) content: Arc<Content>,
}

impl Visitor {
    pub(super) fn new(tickets: Tickets) -> Self {
        Self { tickets, state: Mutex::new(State::Unknown) }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set(&self, state: State) -> State {
        self.state().clone_from(&state);
        state
    }

    fn known(&self, operation: Operation) -> Result<Known, StorageError> {
        match &*self.state() {
            State::Known(known) => Ok(known.clone()),
            _ => Err(gone(operation)),
        }
    }

    /// Reads the record of a ticket, and for how long it lives yet.
    pub(super) async fn look(
        &self,
        ticket: Ticket,
        key: RecordKey,
    ) -> Result<(State, Duration), TokenStoreError> {
        let (state, remaining) = match self.tickets.store.read(&key).await {
            Ok(Stored { record, version, remaining }) => match Content::of(&record) {
                Some(content) => {
                    let (sub, sid) = (record.sub().cloned(), record.sid().cloned());
                    let content = Arc::new(content);
                    (State::Known(Known { ticket, key, version, sub, sid, content }), remaining)
                }
                None => (unreadable(TokenStoreErrorKind::Corrupt), Duration::ZERO),
            },
            Err(error) => match error.kind() {
                TokenStoreErrorKind::NotFound => (State::Nobody, Duration::ZERO),
                kind @ (TokenStoreErrorKind::Corrupt | TokenStoreErrorKind::NewerVersion) => {
                    (unreadable(kind), Duration::ZERO)
                }
                _ => return Err(error),
            },
        };
        Ok((self.set(state), remaining))
    }

    /// Writes a record anew that is used when half of its life is over.
    pub(super) async fn prolong(&self, state: State, remaining: Duration) -> Result<State, TokenStoreError> {
        let State::Known(known) = &state else { return Ok(state) };
        let lifetime = self.tickets.lifetime_of(&known.content.items);
        if known.sub.is_none() || remaining >= lifetime / 2 {
            return Ok(state);
        }
        match self.tickets.store.swap(&known.key, known.version, &known.record(), lifetime, None).await {
            Ok(version) => Ok(self.set(State::Known(Known { version, ..known.clone() }))),
            // Somebody else has written it, or will: the record is good as it was read.
            Err(_) => Ok(state),
        }
    }

    pub(super) async fn create(
        &self,
        ticket: impl FnOnce() -> Result<Ticket, TokenStoreError>,
        items: Items,
        sign_in: Option<&SignIn>,
    ) -> Result<Known, StorageError> {
        let during = during(Operation::Apply);
        let (tickets, realm) = (&self.tickets, &self.tickets.realm);
        let ticket = ticket().map_err(&during)?;
        let known = Known {
            key: ticket.key(realm),
            ticket,
            version: Version::from_stored(0),
            // Who signs in without `openid` is nobody that is known, but signed in all the same.
            sub: sign_in.map(|sign_in| realm.sub(sign_in.sub.as_deref().unwrap_or_default())),
            sid: sign_in.and_then(|sign_in| sign_in.sid.as_deref()).map(|sid| realm.sid(sid)),
            content: Arc::new(Content::new(items).map_err(&during)?),
        };
        let record = fitting(known.record(), Operation::Apply)?;
        let lifetime = tickets.lifetime_of(&known.content.items);
        let version = tickets.store.create(&known.key, &record, lifetime).await.map_err(during)?;
        Ok(Known { version, ..known })
    }

    /// The record of this ticket, which another request has created.
    pub(super) async fn existing(&self, ticket: Ticket) -> Result<Known, StorageError> {
        let key = ticket.key(&self.tickets.realm);
        match self.look(ticket, key).await.map_err(during(Operation::Apply))? {
            (State::Known(known), _) => Ok(known),
            _ => Err(gone(Operation::Apply)),
        }
    }

    /// Leaves the old record for the next: nothing in it but what may be needed once more.
    pub(super) async fn leave(
        &self,
        old: &Known,
        next: &Known,
        sign_in: &SignIn,
    ) -> Result<(), TokenStoreError> {
        let content = Content {
            items: Items::from_iter(sign_in.left_behind.clone()),
            salt: old.content.salt.clone(),
            followed_by: Some(next.content.name()),
        };
        let record = Record::new(&content.to_bytes(), None, None);
        self.tickets.store.swap(&old.key, old.version, &record, LEFT_BEHIND, None).await?;
        Ok(())
    }

    /// Writes a record that somebody else has created as it is: whoever has created it does not take it back
    /// from now on.
    pub(super) async fn rely_on(&self, known: Known) -> Result<Known, TokenStoreError> {
        let lifetime = self.tickets.lifetime_of(&known.content.items);
        let version =
            self.tickets.store.swap(&known.key, known.version, &known.record(), lifetime, None).await?;
        Ok(Known { version, ..known })
    }

    /// Takes back a record that was created in vain, where nobody relies on it.
    pub(super) async fn take_back(&self, known: &Known) {
        let nothing = Record::new(&[], None, None);
        let store = &self.tickets.store;
        drop(store.swap(&known.key, known.version, &nothing, Duration::ZERO, None).await);
    }

    /// Changes the record, whatever others write meanwhile.
    pub(super) async fn change(
        &self,
        changes: &Changes,
        fence: Option<Fence>,
        operation: Operation,
    ) -> Result<(), StorageError> {
        for _ in 0..MOST_TRIES {
            let known = self.known(operation)?;
            if !known.content.items.are_expected_by(changes) {
                return Err(conflict());
            }
            let mut content = Content::clone(&known.content);
            content.items.apply(changes);
            if content.items == known.content.items && fence.is_none() {
                return Ok(());
            }
            let changed = Known { content: Arc::new(content), ..known };
            let record = fitting(changed.record(), operation)?;
            let lifetime = self.tickets.lifetime_of(&changed.content.items);
            let swapped =
                self.tickets.store.swap(&changed.key, changed.version, &record, lifetime, fence).await;
            match swapped {
                Ok(version) => {
                    self.set(State::Known(Known { version, ..changed }));
                    return Ok(());
                }
                Err(error) if error.kind() == TokenStoreErrorKind::Conflict => {
                    self.look(changed.ticket, changed.key).await.map_err(during(operation))?;
                }
                Err(error) => {
                    if error.kind() == TokenStoreErrorKind::NotFound {
                        self.set(State::Nobody);
                    }
                    return Err(error.during(operation));
                }
            }
        }
        Err(conflict())
    }
}

#[async_trait::async_trait]
impl Commit for Visitor {
    async fn read(&self) -> Result<Items, StorageError> {
        let known = self.known(Operation::Get)?;
        match self.look(known.ticket, known.key).await.map_err(during(Operation::Get))? {
            (State::Known(known), _) => Ok(known.content.items.clone()),
            _ => Err(gone(Operation::Get)),
        }
    }

    async fn commit(&self, changes: &Changes, fence: Option<Fence>) -> Result<(), StorageError> {
        self.change(changes, fence, Operation::Commit).await
    }

    async fn end(&self) -> Result<Items, StorageError> {
        let Ok(known) = self.known(Operation::Remove) else { return Ok(Items::new()) };
        let taken = match self.tickets.store.take(&known.key).await {
            Ok(stored) => Content::of(&stored.record).unwrap_or_default().items,
            Err(error) if error.kind() == TokenStoreErrorKind::NotFound => Items::new(),
            Err(error) => return Err(error.during(Operation::Remove)),
        };
        self.set(State::Nobody);
        Ok(taken)
    }

    async fn acquire(&self, lifetime: Duration) -> Result<Option<Lease>, StorageError> {
        let known = self.known(Operation::Commit)?;
        match self.tickets.store.acquire(&known.key, lifetime).await {
            Ok(lease) => Ok(Some(lease)),
            Err(error) if error.kind() == TokenStoreErrorKind::Conflict => Ok(None),
            Err(error) => Err(error.during(Operation::Commit)),
        }
    }

    async fn renew(&self, fence: Fence, lifetime: Duration) -> Result<(), StorageError> {
        let known = self.known(Operation::Commit)?;
        self.tickets.store.renew(&known.key, fence, lifetime).await.map_err(during(Operation::Commit))
    }

    async fn release(&self, fence: Fence) -> Result<(), StorageError> {
        let Ok(known) = self.known(Operation::Commit) else { return Ok(()) };
        self.tickets.store.release(&known.key, fence).await.map_err(during(Operation::Commit))
    }
}

impl Known {
    fn record(&self) -> Record {
        Record::new(&self.content.to_bytes(), self.sub.clone(), self.sid.clone())
    }
}

fn fitting(record: Record, operation: Operation) -> Result<Record, StorageError> {
    if record.data().len() > MOST_BYTES {
        return Err(StorageError::new(StorageErrorKind::TooLarge, operation, "the token record"));
    }
    Ok(record)
}

/// A record that cannot be read signs nobody in, and stays: another process may be able to.
fn unreadable(kind: TokenStoreErrorKind) -> State {
    tracing::warn!(?kind, "a token record that cannot be read is left alone");
    State::Nobody
}

pub(super) fn during(operation: Operation) -> impl Fn(TokenStoreError) -> StorageError {
    move |error| error.during(operation)
}

pub(super) fn gone(operation: Operation) -> StorageError {
    TokenStoreError::new(TokenStoreErrorKind::NotFound).during(operation)
}

pub(super) fn conflict() -> StorageError {
    TokenStoreError::new(TokenStoreErrorKind::Conflict).during(Operation::Apply)
}
