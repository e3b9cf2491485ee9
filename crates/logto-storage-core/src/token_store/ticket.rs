//! A visitor's storage over a token store: only the ticket lies in another storage.

use super::{
    Tickets, TokenStoreErrorKind,
    tickets::Ticket,
    visitor::{Known, MOST_TRIES, State, Visitor, conflict, during, gone},
};
use crate::{Changes, Commit, Items, Operation, SignIn, Storage, StorageError, StorageErrorKind, keys};
use std::{fmt, sync::Arc};

/// A visitor's items in a token record; its ticket is one item of another storage, the framework's session
/// for example. Made by [`Tickets::storage`].
///
/// Each change is written at once, against the version that was read, and merged with what others have
/// written; what has ended stays ended. At a sign-in the ticket changes.
pub struct TicketStorage<S> {
    inner: S,
    visitor: Arc<Visitor>,
}

impl<S: Storage> TicketStorage<S> {
    pub(super) fn new(tickets: Tickets, inner: S) -> Self {
        Self { inner, visitor: Arc::new(Visitor::new(tickets)) }
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

impl<S> fmt::Debug for TicketStorage<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TicketStorage").field("tickets", &self.visitor.tickets).finish_non_exhaustive()
    }
}
