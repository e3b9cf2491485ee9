//! The storage suite passes the reference and fails each broken storage in the right case.

use logto_conformance::storage::{Failed, Harness, Outcome, Step, failing_cases, run_steps};
use logto_storage_core::{MemoryStorage, Operation, Storage, StorageError, StorageErrorKind, keys};
use std::collections::BTreeMap;

/// What is wrong with a storage.
mod fault {
    pub(crate) const NONE: u8 = 0;
    pub(crate) const FORGETS_AFTER_THE_REQUEST: u8 = 1;
    pub(crate) const KEEPS_THE_FIRST_VALUE: u8 = 2;
    pub(crate) const REMOVING_ABSENT_FAILS: u8 = 3;
    pub(crate) const ABSENT_IS_EMPTY: u8 = 4;
    pub(crate) const EMPTY_IS_ABSENT: u8 = 5;
    pub(crate) const TRIMS: u8 = 6;
    pub(crate) const ONE_KEY_FOR_ALL: u8 = 7;
    pub(crate) const ONE_VISITOR_FOR_ALL: u8 = 8;
    pub(crate) const LOSES_VALUES_AT_RENEWAL: u8 = 9;
    pub(crate) const CUTS_AT_4096: u8 = 10;
    pub(crate) const SETS_BEFORE_IT_REMOVES: u8 = 11;
    pub(crate) const HIDES_THE_OUTAGE: u8 = 12;
    pub(crate) const HIDES_THE_SOURCE: u8 = 13;
    pub(crate) const SHOWS_THE_VALUE: u8 = 14;
    pub(crate) const CLEARS_THE_SESSION: u8 = 15;
    pub(crate) const WRITES_AT_THE_END: u8 = 16;
    pub(crate) const KNOWS_FOUR_KEYS: u8 = 17;
}

#[derive(Default)]
struct Lab<const FAULT: u8> {
    sessions: BTreeMap<usize, Session>,
    broken: bool,
}

#[derive(Default)]
struct Session {
    items: MemoryStorage,
    other: Option<String>,
}

impl<const FAULT: u8> Lab<FAULT> {
    fn session(&mut self, visitor: usize) -> &mut Session {
        let visitor = if FAULT == fault::ONE_VISITOR_FOR_ALL { 0 } else { visitor };
        self.sessions.entry(visitor).or_default()
    }

    fn spoil(step: Step) -> Vec<Step> {
        let one_key =
            |key: String| if FAULT == fault::ONE_KEY_FOR_ALL { keys::ID_TOKEN.to_owned() } else { key };
        match step {
            Step::Get(key) => vec![Step::Get(one_key(key))],
            Step::Remove(key) => vec![Step::Remove(one_key(key))],
            Step::Set(key, _) if FAULT == fault::KNOWS_FOUR_KEYS && key == keys::SESSION_META => {
                vec![Step::Get(key)]
            }
            Step::Set(key, value) => {
                let value = match FAULT {
                    fault::TRIMS => value.trim().to_owned(),
                    fault::CUTS_AT_4096 => value.chars().take(4096).collect(),
                    _ => value,
                };
                vec![Step::Set(one_key(key), value)]
            }
            Step::Apply(mut changes) => {
                if FAULT == fault::SETS_BEFORE_IT_REMOVES {
                    changes.sort_by_key(|(_, value)| value.is_none());
                }
                vec![Step::Apply(changes.into_iter().map(|(key, value)| (one_key(key), value)).collect())]
            }
        }
    }

    fn outage(step: &Step) -> Outcome {
        let (operation, key) = match step {
            Step::Get(key) => (Operation::Get, key.as_str()),
            Step::Set(key, _) => (Operation::Set, key.as_str()),
            Step::Remove(key) => (Operation::Remove, key.as_str()),
            Step::Apply(_) => (Operation::Apply, ""),
        };
        let error = StorageError::new(StorageErrorKind::Unavailable, operation, key);
        match (FAULT, step) {
            (fault::HIDES_THE_OUTAGE, _) => Ok(None),
            (fault::HIDES_THE_SOURCE, _) => Err(error.into()),
            (fault::SHOWS_THE_VALUE, Step::Set(_, value)) => Err(error.with_source(value.clone()).into()),
            _ => Err(error.with_source("the store is down").into()),
        }
    }
}

impl<const FAULT: u8> Harness for Lab<FAULT> {
    async fn start() -> Self {
        Self::default()
    }

    async fn request(&mut self, visitor: usize, steps: Vec<Step>) -> Vec<Outcome> {
        if self.broken {
            return steps.iter().map(Self::outage).collect();
        }
        let session = self.session(visitor);
        let mut outcomes = Vec::new();
        let mut late = Vec::new();
        for step in steps {
            let present = match &step {
                Step::Get(key) | Step::Set(key, _) | Step::Remove(key) => {
                    Storage::get(&session.items, key).await.unwrap().is_some()
                }
                Step::Apply(_) => true,
            };
            if FAULT == fault::CLEARS_THE_SESSION && matches!(step, Step::Remove(_)) {
                session.other = None;
            }
            let absent = StorageError::new(StorageErrorKind::Corrupt, Operation::Remove, keys::ID_TOKEN);
            match (FAULT, &step) {
                (fault::REMOVING_ABSENT_FAILS, Step::Remove(_)) if !present => {
                    outcomes.push(Err(Failed::from(absent)));
                }
                (fault::KEEPS_THE_FIRST_VALUE, Step::Set(..)) if present => outcomes.push(Ok(None)),
                (fault::WRITES_AT_THE_END, Step::Set(..)) => {
                    outcomes.push(Ok(None));
                    late.push(step);
                }
                _ => {
                    let mut done = run_steps(&session.items, &Self::spoil(step)).await;
                    for outcome in &mut done {
                        match (FAULT, &outcome) {
                            (fault::ABSENT_IS_EMPTY, Ok(None)) => *outcome = Ok(Some(String::new())),
                            (fault::EMPTY_IS_ABSENT, Ok(Some(value))) if value.is_empty() => {
                                *outcome = Ok(None);
                            }
                            _ => {}
                        }
                    }
                    outcomes.extend(done);
                }
            }
        }
        run_steps(&session.items, &late).await;
        if FAULT == fault::FORGETS_AFTER_THE_REQUEST {
            session.items = MemoryStorage::new();
        }
        outcomes
    }

    async fn renew_id(&mut self, visitor: usize) -> bool {
        if FAULT == fault::LOSES_VALUES_AT_RENEWAL {
            self.session(visitor).items = MemoryStorage::new();
        }
        true
    }

    async fn set_other(&mut self, visitor: usize, text: &str) -> bool {
        self.session(visitor).other = Some(text.to_owned());
        true
    }

    async fn other(&mut self, visitor: usize) -> Option<String> {
        self.session(visitor).other.clone()
    }

    async fn break_store(&mut self) -> bool {
        self.broken = true;
        true
    }
}

async fn failing<const FAULT: u8>() -> Vec<&'static str> {
    failing_cases::<Lab<FAULT>>().await.into_iter().map(|(case, _)| case).collect()
}

logto_conformance::storage_suite!(Lab<{ fault::NONE }>);

#[tokio::test]
async fn the_reference_fails_no_case() {
    assert!(failing::<{ fault::NONE }>().await.is_empty());
}

#[tokio::test]
async fn each_broken_storage_fails_the_right_case() {
    let table = [
        (failing::<{ fault::KEEPS_THE_FIRST_VALUE }>().await, "a_later_value_replaces_the_earlier"),
        (failing::<{ fault::REMOVING_ABSENT_FAILS }>().await, "removing_what_is_absent_is_fine"),
        (failing::<{ fault::ABSENT_IS_EMPTY }>().await, "what_is_absent_is_none"),
        (failing::<{ fault::EMPTY_IS_ABSENT }>().await, "what_is_empty_is_not_absent"),
        (failing::<{ fault::TRIMS }>().await, "any_text_comes_back_as_it_was"),
        (failing::<{ fault::ONE_KEY_FOR_ALL }>().await, "keys_are_apart"),
        (failing::<{ fault::ONE_VISITOR_FOR_ALL }>().await, "visitors_are_apart"),
        (failing::<{ fault::LOSES_VALUES_AT_RENEWAL }>().await, "renewing_the_id_keeps_the_values"),
        (failing::<{ fault::KNOWS_FOUR_KEYS }>().await, "all_keys_are_kept_together"),
        (failing::<{ fault::CUTS_AT_4096 }>().await, "sixty_four_kibibytes_are_kept_whole"),
        (failing::<{ fault::SETS_BEFORE_IT_REMOVES }>().await, "changes_are_applied_in_order"),
        (failing::<{ fault::HIDES_THE_OUTAGE }>().await, "a_failing_store_is_an_error_with_its_source"),
        (failing::<{ fault::HIDES_THE_SOURCE }>().await, "a_failing_store_is_an_error_with_its_source"),
        (failing::<{ fault::SHOWS_THE_VALUE }>().await, "a_failing_store_is_an_error_with_its_source"),
        (failing::<{ fault::CLEARS_THE_SESSION }>().await, "other_data_of_the_session_is_untouched"),
        (failing::<{ fault::FORGETS_AFTER_THE_REQUEST }>().await, "a_written_value_survives_the_request"),
        (failing::<{ fault::WRITES_AT_THE_END }>().await, "a_written_value_is_read_in_the_same_request"),
    ];
    for (failing, expected) in table {
        assert!(failing.contains(&expected), "{expected}: {failing:?}");
    }
}

#[tokio::test]
async fn a_fault_of_one_kind_fails_that_case_alone() {
    assert_eq!(failing::<{ fault::TRIMS }>().await, ["any_text_comes_back_as_it_was"]);
    assert_eq!(failing::<{ fault::CUTS_AT_4096 }>().await, ["sixty_four_kibibytes_are_kept_whole"]);
    assert_eq!(failing::<{ fault::ONE_VISITOR_FOR_ALL }>().await, ["visitors_are_apart"]);
    assert_eq!(failing::<{ fault::LOSES_VALUES_AT_RENEWAL }>().await, ["renewing_the_id_keeps_the_values"]);
    assert_eq!(failing::<{ fault::CLEARS_THE_SESSION }>().await, ["other_data_of_the_session_is_untouched"]);
}
