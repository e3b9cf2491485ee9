//! A visitor's storage over a token store: only the ticket lies in another storage.

use super::{
    IndexKey, Record, RecordKey, Stored, Tickets, TokenStoreError, TokenStoreErrorKind, Version,
    record::MOST_BYTES,
    tickets::{Content, Ticket},
};
use crate::{
    Changes, Commit, Fence, Items, Lease, Operation, SignIn, Storage, StorageError, StorageErrorKind, keys,
};
use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// An answer that is lost may be given again for so long.
const LEFT_BEHIND: Duration = Duration::from_secs(60);
/// So often a change is tried anew that somebody else was faster than.
const MOST_TRIES: usize = 64;

/// A visitor's items in a token record; its ticket is one item of another storage, the framework's session
/// for example. Made by [`Tickets::storage`].
///
/// Each change is written at once, against the version that was read, and merged with what others have
/// written; what has ended stays ended. At a sign-in the ticket changes.
pub struct TicketStorage<S> {
    inner: S,
    visitor: Arc<Visitor>,
}

/// One visitor's record, without the storage that holds the ticket.
struct Visitor {
    tickets: Tickets,
    state: Mutex<State>,
}

#[derive(Clone)]
enum State {
    /// Nobody has looked yet.
    Unknown,
    /// There is no record.
    Nobody,
    Known(Known),
}

/// A record as it was last seen.
#[derive(Clone)]
struct Known {
    ticket: Ticket,
    key: RecordKey,
    version: Version,
    sub: Option<IndexKey>,
    sid: Option<IndexKey>,
    content: Content,
}

impl<S: Storage> TicketStorage<S> {
    pub(super) fn new(tickets: Tickets, inner: S) -> Self {
        Self { inner, visitor: Arc::new(Visitor { tickets, state: Mutex::new(State::Unknown) }) }
    }

    /// The storage that holds the ticket.
    pub fn inner(&self) -> &S {
        &self.inner
    }

    async fn load(&self, operation: Operation) -> Result<State, StorageError> {
        let state = self.visitor.state().clone();
        if !matches!(state, State::Unknown) {
            return Ok(state);
        }
        let item = self.inner.get(keys::SESSION_META).await?;
        let Some(ticket) = item.as_deref().and_then(Ticket::parse) else {
            return Ok(self.visitor.set(State::Nobody));
        };
        let key = ticket.key(&self.visitor.tickets.realm);
        let (found, remaining) = self.visitor.look(ticket, key).await.map_err(during(operation))?;
        self.visitor.prolong(found, remaining).await.map_err(during(operation))
    }

    async fn hand_out(&self, known: Known) -> Result<(), StorageError> {
        let mut changes = Changes::new().set(keys::SESSION_META, known.ticket.item().as_str());
        // What the other storage has held itself before there were tickets.
        for key in keys::ALL.iter().filter(|key| **key != keys::SESSION_META) {
            changes = changes.remove(*key);
        }
        self.inner.apply(&changes).await?;
        self.visitor.set(State::Known(known));
        Ok(())
    }

    async fn begin(&self, changes: &Changes) -> Result<(), StorageError> {
        let mut items = Items::new();
        if !items.are_expected_by(changes) {
            return Err(conflict());
        }
        items.apply(changes);
        if items.is_empty() {
            return self.inner.remove(keys::SESSION_META).await;
        }
        let visitor = &self.visitor;
        let known = visitor.create(Ticket::random, items, None).await?;
        let key = known.key.clone();
        if let Err(error) = self.hand_out(known).await {
            drop(visitor.tickets.store.delete(&key).await);
            return Err(error);
        }
        Ok(())
    }

    /// Gives the visitor the ticket that follows, and leaves what may be needed once more under the old one.
    async fn sign_in(&self, changes: &Changes, sign_in: &SignIn) -> Result<(), StorageError> {
        let visitor = &self.visitor;
        for _ in 0..MOST_TRIES {
            let State::Known(old) = visitor.state().clone() else {
                let mut items = Items::new();
                items.apply(changes);
                let known = visitor.create(Ticket::random, items, Some(sign_in)).await?;
                return self.hand_out(known).await;
            };
            let next = old.ticket.following(&old.content.salt);
            if old.content.followed {
                return self.hand_out(visitor.existing(next).await?).await;
            }
            if !old.content.items.are_expected_by(changes) {
                return Err(conflict());
            }
            let mut items = old.content.items.clone();
            items.apply(changes);
            let created = match visitor.create(|| Ok(next.clone()), items, Some(sign_in)).await {
                Ok(known) => Some(known),
                // Another request completes the same sign-in.
                Err(error) if error.kind() == StorageErrorKind::Conflict => None,
                Err(error) => return Err(error),
            };
            match visitor.leave(&old, sign_in).await {
                Ok(()) => {
                    let known = match created {
                        Some(known) => known,
                        None => visitor.existing(next).await?,
                    };
                    return self.hand_out(known).await;
                }
                Err(error) => {
                    let seen = visitor.look(old.ticket, old.key).await;
                    if let (Ok((State::Known(now), _)), None) = (&seen, &created)
                        && now.content.followed
                    {
                        continue;
                    }
                    // Whoever has left it since had created the next one before: it has ended again.
                    if let Some(created) = created {
                        drop(visitor.tickets.store.delete(&created.key).await);
                    }
                    match (error.kind(), seen) {
                        (TokenStoreErrorKind::Conflict, Ok((State::Known(now), _)))
                            if !now.content.followed => {}
                        (TokenStoreErrorKind::Conflict | TokenStoreErrorKind::NotFound, _) => {
                            visitor.set(State::Nobody);
                            return Err(gone(Operation::Apply));
                        }
                        _ => return Err(error.during(Operation::Apply)),
                    }
                }
            }
        }
        Err(conflict())
    }
}

impl<S: Storage> Storage for TicketStorage<S> {
    async fn get(&self, key: &str) -> Result<Option<String>, StorageError> {
        match self.load(Operation::Get).await {
            Ok(State::Known(known)) => Ok(known.content.items.get(key).map(str::to_owned)),
            Ok(_) => Ok(None),
            Err(error) => Err(error.about(Operation::Get, key)),
        }
    }

    async fn set(&self, key: &str, value: &str) -> Result<(), StorageError> {
        let set = self.apply(&Changes::new().set(key, value)).await;
        set.map_err(|error| error.about(Operation::Set, key))
    }

    async fn remove(&self, key: &str) -> Result<(), StorageError> {
        let removed = self.apply(&Changes::new().remove(key)).await;
        removed.map_err(|error| error.about(Operation::Remove, key))
    }

    async fn apply(&self, changes: &Changes) -> Result<(), StorageError> {
        let state = self.load(Operation::Apply).await?;
        match (state, changes.sign_in()) {
            (_, Some(sign_in)) => self.sign_in(changes, sign_in).await,
            (State::Known(_), None) => self.visitor.change(changes, None, Operation::Apply).await,
            (_, None) => self.begin(changes).await,
        }
    }

    async fn committer(&self) -> Result<Option<Arc<dyn Commit>>, StorageError> {
        self.load(Operation::Get).await?;
        Ok(Some(Arc::clone(&self.visitor) as Arc<dyn Commit>))
    }
}

impl Visitor {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, state: State) -> State {
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
    async fn look(&self, ticket: Ticket, key: RecordKey) -> Result<(State, Duration), TokenStoreError> {
        let (state, remaining) = match self.tickets.store.read(&key).await {
            Ok(Stored { record, version, remaining }) => match Content::of(&record) {
                Some(content) => {
                    let (sub, sid) = (record.sub().cloned(), record.sid().cloned());
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
    async fn prolong(&self, state: State, remaining: Duration) -> Result<State, TokenStoreError> {
        let State::Known(known) = &state else { return Ok(state) };
        let lifetime = self.tickets.lifetime_of(&known.content.items);
        if known.content.followed || self.pending(known) || remaining >= lifetime / 2 {
            return Ok(state);
        }
        match self.tickets.store.swap(&known.key, known.version, &known.record(), lifetime, None).await {
            Ok(version) => Ok(self.set(State::Known(Known { version, ..known.clone() }))),
            // Somebody else has written it, or will: the record is good as it was read.
            Err(_) => Ok(state),
        }
    }

    fn pending(&self, known: &Known) -> bool {
        known.sub.is_none() && known.sid.is_none()
    }

    async fn create(
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
            sub: sign_in.and_then(|sign_in| sign_in.sub.as_deref()).map(|sub| realm.sub(sub)),
            sid: sign_in.and_then(|sign_in| sign_in.sid.as_deref()).map(|sid| realm.sid(sid)),
            content: Content::new(items).map_err(&during)?,
        };
        let record = fitting(known.record(), Operation::Apply)?;
        let lifetime = tickets.lifetime_of(&known.content.items);
        let version = tickets.store.create(&known.key, &record, lifetime).await.map_err(during)?;
        Ok(Known { version, ..known })
    }

    /// The record of this ticket, which another request has created.
    async fn existing(&self, ticket: Ticket) -> Result<Known, StorageError> {
        let key = ticket.key(&self.tickets.realm);
        match self.look(ticket, key).await.map_err(during(Operation::Apply))? {
            (State::Known(known), _) => Ok(known),
            _ => Err(gone(Operation::Apply)),
        }
    }

    /// Leaves the old record: nothing in it but what may be needed once more.
    async fn leave(&self, old: &Known, sign_in: &SignIn) -> Result<(), TokenStoreError> {
        let content = Content {
            items: Items::from_iter(sign_in.left_behind.clone()),
            salt: old.content.salt.clone(),
            followed: true,
        };
        let record = Record::new(&content.to_bytes(), None, None);
        self.tickets.store.swap(&old.key, old.version, &record, LEFT_BEHIND, None).await?;
        Ok(())
    }

    /// Changes the record, whatever others write meanwhile.
    async fn change(
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
            let mut content = known.content.clone();
            content.items.apply(changes);
            if content.items == known.content.items && fence.is_none() {
                return Ok(());
            }
            let changed = Known { content, ..known };
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
            (State::Known(known), _) => Ok(known.content.items),
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

fn during(operation: Operation) -> impl Fn(TokenStoreError) -> StorageError {
    move |error| error.during(operation)
}

fn gone(operation: Operation) -> StorageError {
    TokenStoreError::new(TokenStoreErrorKind::NotFound).during(operation)
}

fn conflict() -> StorageError {
    TokenStoreError::new(TokenStoreErrorKind::Conflict).during(Operation::Apply)
}

impl<S> fmt::Debug for TicketStorage<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TicketStorage").field("tickets", &self.visitor.tickets).finish_non_exhaustive()
    }
}
