//! All orders in which requests that complete one sign-in may meet, operation by operation.

use super::*;
use crate::{
    Fence, Lease, MemoryStorage, MemoryTokenStore, Realm, TokenStore, TokenStoreError,
    token_store::{IndexKey, Record, RecordKey, Stored, Version},
};
use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

/// Before each operation others may come first.
#[derive(Debug)]
struct Taking(MemoryTokenStore);

async fn turns() {
    let mut waited = false;
    std::future::poll_fn(
        |_| if std::mem::replace(&mut waited, true) { Poll::Ready(()) } else { Poll::Pending },
    )
    .await;
}

#[async_trait::async_trait]
impl TokenStore for Taking {
    async fn create(
        &self,
        key: &RecordKey,
        record: &Record,
        life: Duration,
    ) -> Result<Version, TokenStoreError> {
        turns().await;
        self.0.create(key, record, life).await
    }

    async fn read(&self, key: &RecordKey) -> Result<Stored, TokenStoreError> {
        turns().await;
        self.0.read(key).await
    }

    async fn swap(
        &self,
        key: &RecordKey,
        seen: Version,
        record: &Record,
        life: Duration,
        fence: Option<Fence>,
    ) -> Result<Version, TokenStoreError> {
        turns().await;
        self.0.swap(key, seen, record, life, fence).await
    }

    async fn take(&self, key: &RecordKey) -> Result<Stored, TokenStoreError> {
        turns().await;
        self.0.take(key).await
    }

    async fn delete(&self, key: &RecordKey) -> Result<bool, TokenStoreError> {
        turns().await;
        self.0.delete(key).await
    }

    async fn acquire(&self, key: &RecordKey, life: Duration) -> Result<Lease, TokenStoreError> {
        self.0.acquire(key, life).await
    }

    async fn renew(&self, key: &RecordKey, fence: Fence, life: Duration) -> Result<(), TokenStoreError> {
        self.0.renew(key, fence, life).await
    }

    async fn release(&self, key: &RecordKey, fence: Fence) -> Result<(), TokenStoreError> {
        self.0.release(key, fence).await
    }

    async fn find(&self, index: &IndexKey) -> Result<Vec<RecordKey>, TokenStoreError> {
        self.0.find(index).await
    }
}

type Request<'a> = Pin<Box<dyn Future<Output = Result<(), StorageErrorKind>> + 'a>>;

/// A request that completes the sign-in; as the client does, it tries anew where others have written.
fn complete(storage: &TicketStorage<MemoryStorage>) -> Request<'_> {
    Box::pin(async {
        loop {
            let before = storage.get(keys::SIGN_IN_SESSION).await.unwrap();
            let sign_in = SignIn { sub: Some("sub".to_owned()), ..SignIn::default() };
            let changes = Changes::new()
                .expecting(keys::SIGN_IN_SESSION, before.as_deref())
                .set(keys::ID_TOKEN, "an ID token")
                .at_sign_in(sign_in);
            match storage.apply(&changes).await {
                Err(error) if error.kind() == StorageErrorKind::Conflict => {
                    let record = storage.committer().await.unwrap().unwrap();
                    drop(record.read().await);
                }
                outcome => return outcome.map_err(|error| error.kind()),
            }
        }
    })
}

/// The same, and a sign-out at once.
fn complete_and_end(storage: &TicketStorage<MemoryStorage>) -> Request<'_> {
    Box::pin(async {
        complete(storage).await?;
        storage.committer().await.unwrap().unwrap().end().await.map(drop).map_err(|error| error.kind())
    })
}

/// Another tab starts a sign-in of its own.
fn start(storage: &TicketStorage<MemoryStorage>) -> Request<'_> {
    Box::pin(async {
        let started = storage.set(keys::SIGN_IN_SESSION, "two are pending").await;
        started.map_err(|error| error.kind())
    })
}

type Make = fn(&TicketStorage<MemoryStorage>) -> Request<'_>;

struct Played {
    outcomes: Vec<Result<(), StorageErrorKind>>,
    /// Whether who has this answer is signed in afterwards.
    signed_in: Vec<bool>,
    records: usize,
}

/// Plays these requests of one browser in this order; with it, how many there were to choose from each time.
fn play(requests: &[Make], order: &[usize]) -> (Played, Vec<usize>) {
    let mut context = Context::from_waker(Waker::noop());
    let realm = Realm::new("https://issuer.test", "app");
    let tickets = Tickets::new(Arc::new(Taking(MemoryTokenStore::new())), realm.clone());
    let mut block_on = |mut request: Request<'_>| loop {
        if let Poll::Ready(outcome) = request.as_mut().poll(&mut context) {
            break outcome;
        }
    };
    let session = MemoryStorage::new();
    let before = tickets.storage(session.clone());
    block_on(Box::pin(async { before.set(keys::SIGN_IN_SESSION, "pending").await.map_err(|e| e.kind()) }))
        .unwrap();
    let mut item = None;
    block_on(Box::pin(async {
        item = Storage::get(&session, keys::SESSION_META).await.unwrap();
        Ok(())
    }))
    .unwrap();
    let item = item.unwrap();
    let mut visitors = Vec::new();
    for _ in requests {
        let session = MemoryStorage::new();
        block_on(Box::pin(async {
            Storage::set(&session, keys::SESSION_META, &item).await.unwrap();
            Ok(())
        }))
        .unwrap();
        visitors.push(tickets.storage(session));
    }
    let mut running: Vec<_> =
        requests.iter().zip(&visitors).map(|(make, visitor)| Some(make(visitor))).collect();
    let mut outcomes = vec![Ok(()); requests.len()];
    let mut choices = Vec::new();
    let mut context = Context::from_waker(Waker::noop());
    loop {
        let left: Vec<usize> = (0..running.len()).filter(|index| running[*index].is_some()).collect();
        if left.is_empty() {
            break;
        }
        let chosen = left[order.get(choices.len()).copied().unwrap_or_default() % left.len()];
        choices.push(left.len());
        let request = running[chosen].as_mut().unwrap();
        if let Poll::Ready(outcome) = request.as_mut().poll(&mut context) {
            outcomes[chosen] = outcome;
            running[chosen] = None;
        }
    }
    drop(running);
    let mut signed_in = Vec::new();
    for visitor in &visitors {
        let again = tickets.storage(visitor.inner().clone());
        let mut token = None;
        block_on(Box::pin(async {
            token = again.get(keys::ID_TOKEN).await.unwrap();
            Ok(())
        }))
        .unwrap();
        signed_in.push(token.is_some());
    }
    let mut records = 0;
    block_on(Box::pin(async {
        records = tickets.store.find(&realm.sub("sub")).await.unwrap().len();
        Ok(())
    }))
    .unwrap();
    (Played { outcomes, signed_in, records }, choices)
}

/// Every order of these requests; how many there are.
fn all_orders(requests: &[Make], right: impl Fn(&Played) -> bool) -> usize {
    let (mut order, mut orders) = (Vec::new(), 0);
    loop {
        let (played, choices) = play(requests, &order);
        assert!(right(&played), "{:?} {:?} {}: {order:?}", played.outcomes, played.signed_in, played.records);
        orders += 1;
        order.resize(choices.len(), 0);
        // The next one: the last choice that can be another.
        let Some(last) = (0..order.len()).rev().find(|index| order[*index] + 1 < choices[*index]) else {
            return orders;
        };
        order.truncate(last + 1);
        order[last] += 1;
    }
}

/// So many orders of these requests, each by chance.
fn some_orders(requests: &[Make], orders: u32, right: impl Fn(&Played) -> bool) {
    let mut random = 1_u64;
    for _ in 0..orders {
        let order: Vec<usize> = (0..64)
            .map(|_| {
                random =
                    random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (random >> 33) as usize
            })
            .collect();
        let (played, _) = play(requests, &order);
        assert!(right(&played), "{:?} {:?} {}: {order:?}", played.outcomes, played.signed_in, played.records);
    }
}

#[test]
fn whoever_completes_a_sign_in_together_with_others_is_signed_in() {
    let both = |played: &Played| {
        played.outcomes.iter().all(Result::is_ok) && played.signed_in == [true, true] && played.records == 1
    };
    let orders = all_orders(&[complete, complete], both);
    assert!(orders > 100, "{orders}");
}

#[test]
fn a_sign_in_that_starts_meanwhile_takes_nobodys_record() {
    let both = |played: &Played| {
        played.outcomes.iter().take(2).all(Result::is_ok)
            && played.signed_in.iter().take(2).all(|signed_in| *signed_in)
            && played.records == 1
    };
    some_orders(&[complete, complete, start], 1_000, both);
}

#[test]
fn a_sign_in_that_has_ended_is_not_completed_again() {
    let ended = |played: &Played| {
        played.outcomes[1].is_ok()
            && matches!(played.outcomes[0], Ok(()) | Err(StorageErrorKind::Gone))
            && played.signed_in == [false, false]
            && played.records == 0
    };
    let orders = all_orders(&[complete, complete_and_end], ended);
    assert!(orders > 100, "{orders}");
}
