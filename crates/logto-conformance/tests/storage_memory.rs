//! The storage suite over `MemoryStorage`, the reference.

use logto_conformance::storage::{Harness, Outcome, Step, run_steps};
use logto_storage_core::{DynStorage, MemoryStorage};

#[derive(Default)]
struct InMemory(Vec<MemoryStorage>);

impl Harness for InMemory {
    async fn start() -> Self {
        Self::default()
    }

    async fn request(&mut self, visitor: usize, steps: Vec<Step>) -> Vec<Outcome> {
        self.0.resize_with(self.0.len().max(visitor + 1), MemoryStorage::new);
        run_steps(&self.0[visitor].clone(), &steps).await
    }
}

logto_conformance::storage_suite!(InMemory);

mod erased {
    use super::*;

    #[derive(Default)]
    struct Erased(InMemory);

    impl Harness for Erased {
        async fn start() -> Self {
            Self::default()
        }

        async fn request(&mut self, visitor: usize, steps: Vec<Step>) -> Vec<Outcome> {
            self.0.0.resize_with(self.0.0.len().max(visitor + 1), MemoryStorage::new);
            run_steps(&DynStorage::new(self.0.0[visitor].clone()), &steps).await
        }
    }

    logto_conformance::storage_suite!(Erased);
}
