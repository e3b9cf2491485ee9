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
            if let Some(name) = &old.content.followed_by {
                let known = visitor.existing(next).await?;
                if known.content.name() == *name {
                    return self.hand_out(known).await;
                }
                // That one has ended. This one was created in vain, and is about to be taken back.
                visitor.set(State::Nobody);
                return Err(gone(Operation::Apply));
            }
            if !old.content.items.are_expected_by(changes) {
                return Err(conflict());
            }
            let mut items = old.content.items.clone();
            items.apply(changes);
            let (known, is_ours) = match visitor.create(|| Ok(next.clone()), items, Some(sign_in)).await {
                Ok(known) => (known, true),
                // Another request completes the same sign-in.
                Err(error) if error.kind() == StorageErrorKind::Conflict => match self.join(next).await? {
                    Some(known) => (known, false),
                    None => {
                        self.look_again(&old).await?;
                        continue;
                    }
                },
                Err(error) => return Err(error),
            };
            let Err(error) = visitor.leave(&old, &known, sign_in).await else {
                return self.hand_out(known).await;
            };
            let now = match visitor.look(old.ticket, old.key).await {
                Ok((State::Known(now), _)) => now,
                // The visitor's items have ended, and these with them.
                Ok(_) => {
                    if is_ours {
                        drop(visitor.tickets.store.delete(&known.key).await);
                    }
                    return Err(gone(Operation::Apply));
                }
                Err(_) => {
                    if is_ours {
                        visitor.take_back(&known).await;
                    }
                    return Err(error.during(Operation::Apply));
                }
            };
            match &now.content.followed_by {
                Some(name) if *name == known.content.name() => return self.hand_out(known).await,
                // By a record that has ended again: there was none when this one was created.
                Some(_) if is_ours => drop(visitor.tickets.store.delete(&known.key).await),
                None if is_ours => visitor.take_back(&known).await,
                _ => {}
            }
            if error.kind() != TokenStoreErrorKind::Conflict {
                return Err(error.during(Operation::Apply));
            }
        }
        Err(conflict())
    }

    /// The record of the ticket that follows, which another request has created and will not take back;
    /// `None` where it changes or ends just now.
    async fn join(&self, next: Ticket) -> Result<Option<Known>, StorageError> {
        let known = match self.visitor.existing(next).await {
            Ok(known) => known,
            Err(error) if error.kind() == StorageErrorKind::Gone => return Ok(None),
            Err(error) => return Err(error),
        };
        match self.visitor.rely_on(known).await {
            Ok(known) => Ok(Some(known)),
            Err(error) => match error.kind() {
                TokenStoreErrorKind::Conflict | TokenStoreErrorKind::NotFound => Ok(None),
                _ => Err(error.during(Operation::Apply)),
            },
        }
    }

    /// Reads a record that was known; `Gone` where it is no more.
    async fn look_again(&self, old: &Known) -> Result<(), StorageError> {
        let looked = self.visitor.look(old.ticket.clone(), old.key.clone()).await;
        match looked.map_err(during(Operation::Apply))? {
            (State::Known(_), _) => Ok(()),
            _ => Err(gone(Operation::Apply)),
        }
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

#[cfg(test)]
mod tests;
