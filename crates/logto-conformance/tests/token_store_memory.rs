//! The token store suite over `MemoryTokenStore`, the reference.

use logto_conformance::token_store::Harness;
use logto_storage_core::{ManualClock, MemoryTokenStore, TokenStore};
use std::{sync::Arc, time::Duration};

struct InMemory {
    store: Arc<MemoryTokenStore>,
    clock: ManualClock,
}

impl Harness for InMemory {
    async fn start() -> Option<Self> {
        let clock = ManualClock::start_now();
        let store = Arc::new(MemoryTokenStore::new().with_clock(Arc::new(clock.clone())));
        Some(Self { store, clock })
    }

    fn store(&self) -> Arc<dyn TokenStore> {
        self.store.clone()
    }

    fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }
}

logto_conformance::token_store_suite!(InMemory);
