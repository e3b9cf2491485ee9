//! The token store suite passes a plain store and fails each broken one in the cases meant for it.

mod shelf;

use logto_conformance::token_store::{self, Harness, failing_cases};
use logto_storage_core::{EncryptedTokenStore, EncryptionKey, TokenStore, token_store::RecordKey};
use shelf::{Broken, Sound, fault};
use std::{collections::BTreeSet, sync::Arc, time::Duration};

logto_conformance::token_store_suite!(Sound);

/// The same over records that are encrypted before the store has them.
mod encrypted {
    use super::*;

    struct Encrypted(Sound);

    impl Harness for Encrypted {
        async fn start() -> Option<Self> {
            Some(Self(Sound::start().await?))
        }

        fn store(&self) -> Arc<dyn TokenStore> {
            let key = EncryptionKey::new(b"0123456789abcdef0123456789abcdef").unwrap();
            Arc::new(EncryptedTokenStore::new(self.0.store(), key))
        }

        fn advance(&self, by: Duration) {
            self.0.advance(by);
        }

        async fn overwrite(&self, key: &RecordKey, data: &[u8]) -> bool {
            self.0.overwrite(key, data).await
        }

        async fn vanish(&self, key: &RecordKey) -> bool {
            self.0.vanish(key).await
        }

        async fn break_store(&self) -> bool {
            self.0.break_store().await
        }

        async fn mend_store(&self) {
            self.0.mend_store().await;
        }
    }

    logto_conformance::token_store_suite!(Encrypted);
}

/// Each fault, and the cases that must find it.
macro_rules! faults_and_cases {
    ($($fault:ident: $($case:ident)*;)*) => {
        /// What no case has found that must find it.
        async fn unfound() -> Vec<String> {
            let mut unfound = Vec::new();
            $($(
                let outcome = token_store::run(token_store::$case::<Broken<{ fault::$fault }>>()).await;
                if outcome.is_ok() {
                    unfound.push(format!("{} passes {}: {outcome:?}", stringify!($case), stringify!($fault)));
                }
            )*)*
            unfound
        }

        const CASES_WITH_A_FAULT: &[&str] = &[$($(stringify!($case)),*),*];
    };
}

macro_rules! names {
    (@cases $harness:ty, $($case:ident)*) => { [$(stringify!($case)),*] };
}

faults_and_cases! {
    SwapsAnyVersion:
        a_swap_of_an_older_version_is_a_conflict_that_changes_nothing
        of_100_swaps_of_one_version_one_wins
        of_1000_increments_none_is_lost
        records_are_apart;
    SwapCreates: a_swap_after_a_deletion_makes_no_record a_deletion_beats_every_swap;
    SwapsInTwoSteps:
        of_100_swaps_of_one_version_one_wins
        of_1000_increments_none_is_lost
        no_swap_succeeds_after_a_record_was_taken
        a_deletion_beats_every_swap;
    SwapEndsTheLease: a_lease_stays_while_others_write;
    KeepsTheLifetimeAtSwap: a_swap_sets_a_new_lifetime;
    KeepsTheIndexAtSwap: a_swap_moves_a_record_between_indexes;
    ForgetsSid: a_record_is_read_as_it_was_written a_record_is_found_by_its_sub_and_its_sid;
    TakesInTwoSteps: of_1000_who_take_a_record_one_has_it no_swap_succeeds_after_a_record_was_taken;
    TakesButLeaves: taking_gives_the_record_and_ends_it;
    DeleteIsAlwaysTrue: what_was_never_written_is_not_found deleting_tells_whether_there_was_a_record;
    DeleteIsForEver: a_deleted_record_can_be_created_again;
    CreateOverwrites: creating_over_a_record_is_a_conflict_that_changes_nothing;
    CreatesInTwoSteps: of_50_who_create_a_record_one_does;
    VersionsRestart: a_version_from_before_a_deletion_is_a_conflict versions_never_come_back;
    VersionsWrap: versions_never_come_back;
    ExpiresLate: a_record_lives_to_the_last_millisecond_and_no_longer;
    CapsLifetimes: a_lifetime_may_be_a_millisecond_or_ten_years;
    CountsTheExpired: what_is_over_is_not_found_by_any_operation;
    FenceIsNotChecked: a_write_under_a_lost_lease_is_refused;
    RefusesWritesAfterTheLease: a_write_under_the_present_lease_is_made;
    FenceRestartsWhenReleased: the_fence_of_a_lease_is_larger_than_those_before;
    FenceRestartsWithTheRecord: a_lease_ends_with_its_record;
    LeaseOutlivesTheRecord: a_lease_ends_with_its_record what_is_over_can_be_created_again;
    LeaseForEver: a_lease_is_held_to_its_last_millisecond_and_no_longer;
    LeaseForAll: a_lease_is_held_by_one two_applications_on_one_store_never_meet;
    LeaseIsNotRenewed: renewing_sets_how_long_a_lease_is_held;
    AcquiresInTwoSteps: of_1000_who_acquire_a_lease_one_has_it who_hold_the_lease_in_turn_never_meet;
    AcquireChangesTheVersion: a_lease_changes_nothing_of_its_record;
    AlwaysAbandoned: a_released_lease_goes_to_the_next a_lease_is_abandoned_where_it_was_not_given_back;
    NeverAbandoned: a_lease_is_abandoned_where_it_was_not_given_back;
    ReleasesAnyLease: releasing_a_lost_lease_leaves_the_next_one_held;
    RenewsAnyLease: a_lost_lease_cannot_be_renewed;
    RenewsTheReleased: a_released_lease_cannot_be_renewed;
    RenewsNoneThatIsOver: a_lease_that_is_over_can_be_renewed_while_nobody_has_it;
    LeavesOneBehind: deleting_by_an_index_ends_and_counts_its_records;
    DeletesByInTwoSteps: of_those_who_delete_by_one_index_each_record_is_counted_once;
    DeletesByReading: deleting_by_an_index_ends_a_damaged_record_too;
    IndexesInTwoSteps: work_on_200_records_at_once_is_not_disturbed a_person_may_have_1000_records;
    FindsAtMost100: a_person_may_have_1000_records;
    FindsTheExpired: what_has_ended_is_found_no_more;
    FindsTheVanished: what_has_vanished_is_found_no_more;
    CutsKeys: keys_match_as_a_whole;
    IgnoresCase: keys_match_as_a_whole;
    Caches: all_handles_see_the_same_at_once a_swap_writes_the_record_anew;
    CutsAtZero: two_hundred_kibibytes_come_back_whole;
    EmptyIsAbsent: an_empty_record_is_a_record;
    CorruptIsAbsent: a_damaged_record_is_corrupt_and_stays;
    DeletesTheCorrupt: a_damaged_record_is_corrupt_and_stays;
    TheCorruptIsNeverOver: a_damaged_record_is_over_when_its_time_is;
    NewerIsCorrupt: a_record_of_a_newer_format_is_left_alone;
    DeletesTheNewer: a_record_of_a_newer_format_is_left_alone;
    HidesTheOutage: a_store_that_is_away_is_unavailable_and_comes_back_whole;
    ShowsNoSource: a_store_that_is_away_is_unavailable_and_comes_back_whole;
    ShowsKeys: errors_show_neither_keys_nor_data;
    ShowsContent: a_store_shows_no_content;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sound_store_fails_no_case() {
    assert_eq!(failing_cases::<Sound>().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_broken_store_fails_the_cases_meant_for_it() {
    let unfound = unfound().await;
    assert!(unfound.is_empty(), "{unfound:#?}");
}

#[test]
fn every_case_has_a_store_that_fails_it() {
    let all: BTreeSet<&str> = logto_conformance::token_store_cases!([names] Sound).into();
    let failed: BTreeSet<&str> = CASES_WITH_A_FAULT.iter().copied().collect();
    let without: Vec<_> = all.difference(&failed).collect();
    assert!(without.is_empty(), "{without:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_of_one_kind_fails_that_case_alone() {
    async fn failing<const FAULT: u8>() -> Vec<&'static str> {
        failing_cases::<Broken<FAULT>>().await.into_iter().map(|(case, _)| case).collect()
    }
    assert_eq!(failing::<{ fault::VersionsWrap }>().await, ["versions_never_come_back"]);
    assert_eq!(failing::<{ fault::CreatesInTwoSteps }>().await, ["of_50_who_create_a_record_one_does"]);
    assert_eq!(failing::<{ fault::EmptyIsAbsent }>().await, ["an_empty_record_is_a_record"]);
    assert_eq!(failing::<{ fault::CutsAtZero }>().await, ["two_hundred_kibibytes_come_back_whole"]);
    assert_eq!(failing::<{ fault::ShowsContent }>().await, ["a_store_shows_no_content"]);
}
