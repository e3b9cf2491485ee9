//! A machine's tokens, over real HTTP.

use crate::{secrets::Log, stage};
use logto_client::{
    AccessToken, Clock, ErrorKind, LogtoClient, LogtoError, MachineClient, MachineConfig, ManualClock,
    TokenTarget,
};
use logto_emulator::{Application, Emulator, Endpoint, Failure};
use std::{collections::HashSet, sync::Arc, time::Duration};

const API: &str = "https://api.example.test";
const ORG_API: &str = "https://org-api.example.test";

struct Stage {
    emulator: Emulator,
    machine: MachineClient,
    clock: ManualClock,
}

fn application() -> Application {
    Application::new("m2m")
        .secret("m2m-secret")
        .machine_to_machine()
        .api_scopes(API, ["read:x"])
        .organization("acme", ["read:member"])
        .organization_api_scopes("acme", ORG_API, ["read:o"])
}

fn config(emulator: &Emulator) -> MachineConfig {
    MachineConfig::new(emulator.endpoint(), "m2m", "m2m-secret")
}

impl Stage {
    async fn set() -> Self {
        let emulator = Emulator::builder()
            .application(application())
            .resource(API, ["read:x", "write:x"])
            .resource(ORG_API, ["read:o", "write:o"])
            .start()
            .await
            .unwrap();
        Self::with(emulator, config)
    }

    fn with(emulator: Emulator, config: impl FnOnce(&Emulator) -> MachineConfig) -> Self {
        // On a whole second, so that ends of life are exact.
        let clock = ManualClock::at(Duration::from_secs(ManualClock::start_now().now().as_secs()));
        let machine = MachineClient::new(config(&emulator).clock(Arc::new(clock.clone()))).unwrap();
        Self { emulator, machine, clock }
    }

    async fn ask(&self, target: impl Into<TokenTarget>) -> Result<AccessToken, LogtoError> {
        self.machine.access_token(target).await
    }

    async fn refused(&self, target: impl Into<TokenTarget>) -> LogtoError {
        self.ask(target).await.unwrap_err()
    }

    fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
        self.emulator.advance(Duration::from_secs(seconds));
    }

    fn calls(&self) -> u64 {
        self.emulator.count(Endpoint::Token)
    }

    /// Returns when so many token requests have arrived.
    async fn until_calls(&self, calls: u64) {
        let arrived = async {
            while self.calls() < calls {
                tokio::task::yield_now().await;
            }
        };
        let limit = Duration::from_secs(10);
        tokio::time::timeout(limit, arrived).await.expect("the token requests do not come");
    }

    /// Runs this as a task, and returns when its token request has arrived, which waits until it is released.
    async fn until_held(
        &self,
        target: TokenTarget,
    ) -> tokio::task::JoinHandle<Result<AccessToken, LogtoError>> {
        let (before, machine) = (self.calls(), self.machine.clone());
        self.emulator.hold(Endpoint::Token);
        let task = tokio::spawn(async move { machine.access_token(target).await });
        self.until_calls(before + 1).await;
        task
    }
}

fn read() -> TokenTarget {
    TokenTarget::resource(API).scopes(["read:x"])
}

#[tokio::test]
async fn a_token_for_a_resource_an_organization_and_a_resource_within_it() {
    let stage = Stage::set().await;
    for (target, audience, organization, scopes) in [
        (read(), API, None, &["read:x"][..]),
        (API.into(), API, None, &[]),
        (
            TokenTarget::organization("acme").scopes(["read:member"]),
            "urn:logto:organization:acme",
            None,
            &["read:member"],
        ),
        (TokenTarget::organization("acme"), "urn:logto:organization:acme", None, &[]),
        (
            TokenTarget::resource(ORG_API).in_organization("acme").scopes(["read:o"]),
            ORG_API,
            Some("acme"),
            &["read:o"],
        ),
    ] {
        let token = stage.ask(target.clone()).await.unwrap();
        let claims = token.claims().unwrap();
        assert_eq!((claims.sub(), claims.client_id()), (Some("m2m"), Some("m2m")));
        assert_eq!((claims.aud(), claims.organization_id()), (Some(audience), organization), "{target:?}");
        assert_eq!(token.scopes().collect::<Vec<_>>(), scopes);
        assert_eq!(claims.scopes().collect::<Vec<_>>(), scopes);
        assert_eq!(token.has_scope("read:x"), scopes.contains(&"read:x"));
        assert_eq!(token.expires_at(), stage.clock.now().as_secs() + 3600);
        assert_eq!(stage.ask(target).await.unwrap().expose(), token.expose(), "it is kept");
    }
    assert_eq!(stage.calls(), 5);
}

#[tokio::test]
async fn the_request_is_that_of_the_recording_with_the_secret_in_its_header() {
    let stage = Stage::set().await;
    let target = TokenTarget::resource(ORG_API).in_organization("acme").scopes(["read:o"]);
    stage.ask(target).await.unwrap();
    let received = stage.emulator.received(Endpoint::Token).unwrap();
    let form: Vec<_> =
        received.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(
        form,
        [
            ("grant_type", "client_credentials"),
            ("resource", ORG_API),
            ("organization_id", "acme"),
            ("scope", "read:o"),
        ]
    );
    assert!(received.authorization.unwrap().starts_with("Basic "));
    assert_eq!(stage.emulator.count(Endpoint::Jwks), 0, "no keys are needed");
}

#[tokio::test]
async fn the_management_api_of_a_server_of_ones_own() {
    let emulator = Emulator::start().await.unwrap();
    let stage = Stage::with(emulator, |emulator| {
        MachineConfig::new(emulator.endpoint(), "local-machine", "local-machine-secret")
    });
    let token = stage.ask(stage.machine.management_api()).await.unwrap();
    assert_eq!(token.claims().unwrap().aud(), Some("https://default.logto.app/api"));
    assert!(token.has_scope("all"));
    assert_eq!(stage.machine.management_api_url().as_str(), format!("{}/api/", stage.emulator.endpoint()));
}

#[tokio::test]
async fn a_management_api_that_is_another_tenants_is_told_with_the_setting() {
    let stage = Stage::with(Stage::set().await.emulator, |emulator| {
        config(emulator).management_api("https://nope.logto.app/api")
    });
    let error = stage.refused(stage.machine.management_api()).await;
    assert_eq!((error.kind(), error.code()), (ErrorKind::InvalidTarget, Some("invalid_target")));
    assert!(error.to_string().contains("`management_api`"), "{error}");
}

#[tokio::test]
async fn a_scope_that_is_not_granted_is_named_with_the_place_to_grant_it() {
    let stage = Stage::set().await;
    let management_api = stage.machine.management_api();
    for (target, words) in [
        (
            TokenTarget::resource(API).scopes(["read:x", "write:x", "nope"]),
            &["`nope write:x`", "m2m", "machine-to-machine role", API][..],
        ),
        (TokenTarget::resource(API).scopes(["read:x write:x"]), &["`write:x`"]),
        (
            TokenTarget::organization("acme").scopes(["read:member", "invite:member"]),
            &["`invite:member`", "organization acme", "organization role"],
        ),
        (
            TokenTarget::resource(API).in_organization("acme").scopes(["read:x"]),
            &["`read:x`", "organization acme", "organization role", API],
        ),
        (management_api, &["`all`", "https://default.logto.app/api"]),
    ] {
        let error = stage.refused(target).await;
        assert_eq!((error.kind(), error.code()), (ErrorKind::InsufficientScope, Some("insufficient_scope")));
        for word in words {
            assert!(error.to_string().contains(word), "{word}: {error}");
        }
    }
}

#[tokio::test]
async fn a_role_that_is_given_later_is_found_without_a_restart() {
    let stage = Stage::set().await;
    let target = || TokenTarget::resource(API).scopes(["write:x"]);
    stage.refused(target()).await;
    stage.emulator.add_application(application().api_scopes(API, ["write:x"]));
    assert_eq!(stage.refused(target()).await.kind(), ErrorKind::InsufficientScope, "nobody asks at once");
    assert_eq!(stage.calls(), 1);
    stage.advance(1);
    assert!(stage.ask(target()).await.unwrap().has_scope("write:x"));
    stage.refused(TokenTarget::organization("other")).await;
    stage.emulator.add_application(application().organization("other", ["x"]));
    stage.ask(TokenTarget::organization("other").forced()).await.unwrap();
}

#[tokio::test]
async fn refusals_are_told_apart() {
    let emulator = Stage::set().await.emulator;
    let endpoint = emulator.endpoint();
    let stage = Stage::with(emulator, config);
    let asked_by =
        |id: &str, secret: &str| MachineClient::new(MachineConfig::new(&endpoint, id, secret)).unwrap();
    for (machine, target, kind, code, words) in [
        (asked_by("m2m", "wrong"), read(), ErrorKind::Misconfigured, "invalid_client", "app secret"),
        (asked_by("nope", "m2m-secret"), read(), ErrorKind::Misconfigured, "invalid_client", "app id"),
        (
            asked_by("local-app", "local-secret"),
            read(),
            ErrorKind::Misconfigured,
            "invalid_request",
            "create a machine-to-machine application",
        ),
        (
            stage.machine.clone(),
            TokenTarget::organization("other"),
            ErrorKind::Forbidden,
            "access_denied",
            "add it to the organization other",
        ),
        (
            stage.machine.clone(),
            TokenTarget::resource(API).in_organization("other"),
            ErrorKind::Forbidden,
            "access_denied",
            "add it to the organization other",
        ),
        (
            stage.machine.clone(),
            "https://nope.example.test".into(),
            ErrorKind::InvalidTarget,
            "invalid_target",
            "no API resource https://nope.example.test",
        ),
        (
            stage.machine.clone(),
            TokenTarget::user_info(),
            ErrorKind::InvalidTarget,
            "invalid_target",
            "a resource, an organization or both",
        ),
    ] {
        let error = machine.access_token(target).await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (kind, Some(code)), "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[tokio::test]
async fn a_provider_that_asks_to_slow_down_is_left_alone_by_all_targets_for_as_long() {
    let stage = Stage::set().await;
    stage.ask(TokenTarget::organization("acme")).await.unwrap();
    stage.emulator.fail_next(Endpoint::Token, Failure::RetryAfter(7), 1);
    let error = stage.refused(read()).await;
    assert_eq!((error.kind(), error.code()), (ErrorKind::RateLimited, Some("rate_limited")));
    assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
    stage.advance(5);
    let error = stage.refused(TokenTarget::resource(ORG_API).in_organization("acme")).await;
    assert_eq!((error.kind(), error.retry_after()), (ErrorKind::RateLimited, Some(Duration::from_secs(2))));
    stage.ask(TokenTarget::organization("acme")).await.unwrap();
    assert_eq!(stage.calls(), 2, "nobody has asked again, and what is held is served");
    stage.advance(2);
    stage.ask(read()).await.unwrap();
}

#[tokio::test]
async fn an_outage_is_told_and_nobody_asks_before_its_pause_is_over() {
    let stage = Stage::set().await;
    for failure in [Failure::Status(500), Failure::Status(503), Failure::Disconnect, Failure::TooLarge] {
        stage.emulator.set_failure(Endpoint::Token, Some(failure));
        let (before, error) = (stage.calls(), stage.refused(read()).await);
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{failure:?}");
        let again = stage.refused(read()).await;
        assert!(again.retry_after().is_some_and(|wait| wait <= Duration::from_secs(4)), "{failure:?}");
        assert_eq!(stage.calls() - before, 1);
        stage.advance(4);
    }
    stage.emulator.set_failure(Endpoint::Token, Some(Failure::NotJson));
    assert_eq!(stage.refused(read()).await.kind(), ErrorKind::ProviderMisbehaved);
    stage.emulator.set_failure(Endpoint::Token, None);
    stage.advance(4);
    stage.ask(read()).await.unwrap();
}

#[tokio::test]
async fn without_metadata_it_is_unavailable_and_it_works_when_they_come_back() {
    let stage = Stage::set().await;
    stage.emulator.fail_next(Endpoint::Discovery, Failure::Status(503), 1);
    assert_eq!(stage.refused(read()).await.kind(), ErrorKind::Unavailable);
    stage.advance(1);
    stage.ask(read()).await.unwrap();
}

#[tokio::test]
async fn a_thousand_at_once_make_one_call() {
    let stage = Stage::set().await;
    let first = stage.until_held(read()).await;
    let mut all = vec![first];
    for _ in 1..1000 {
        let machine = stage.machine.clone();
        all.push(tokio::spawn(async move { machine.access_token(read()).await }));
    }
    tokio::task::yield_now().await;
    stage.emulator.release(Endpoint::Token);
    let mut tokens = HashSet::new();
    for task in all {
        tokens.insert(task.await.unwrap().unwrap().expose().to_owned());
    }
    assert_eq!((tokens.len(), stage.calls()), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_at_once_that_fail_make_one_call_and_all_hear_of_it() {
    let stage = Stage::set().await;
    stage.emulator.set_failure(Endpoint::Token, Some(Failure::Status(503)));
    let all: Vec<_> = (0..1000)
        .map(|_| {
            let machine = stage.machine.clone();
            tokio::spawn(async move { machine.access_token(read()).await })
        })
        .collect();
    for task in all {
        assert_eq!(task.await.unwrap().unwrap_err().kind(), ErrorKind::Unavailable);
    }
    assert_eq!(stage.calls(), 1);
}

#[tokio::test]
async fn a_token_is_used_until_sixty_seconds_before_its_end() {
    let stage = Stage::set().await;
    let first = stage.ask(read()).await.unwrap();
    stage.advance(3539);
    assert_eq!(stage.ask(read()).await.unwrap().expose(), first.expose());
    assert_eq!(stage.calls(), 1);
    stage.advance(1);
    assert_ne!(stage.ask(read()).await.unwrap().expose(), first.expose());
    assert_eq!(stage.calls(), 2);
}

#[tokio::test]
async fn an_outage_is_served_from_the_cache_until_the_token_expires() {
    let stage = Stage::set().await;
    let first = stage.ask(read()).await.unwrap();
    stage.emulator.set_failure(Endpoint::Token, Some(Failure::Status(503)));
    for seconds in [3540, 30, 29] {
        stage.advance(seconds);
        assert_eq!(stage.ask(read()).await.unwrap().expose(), first.expose());
    }
    assert_eq!(stage.calls(), 4, "each time after a pause somebody has asked");
    let forced = stage.ask(read().forced()).await;
    assert_eq!(forced.unwrap_err().kind(), ErrorKind::Unavailable, "who forces wants no old one");
    stage.advance(1);
    assert_eq!(stage.refused(read()).await.kind(), ErrorKind::Unavailable);
    stage.emulator.set_failure(Endpoint::Token, None);
    stage.advance(4);
    assert_ne!(stage.ask(read()).await.unwrap().expose(), first.expose());
}

#[tokio::test]
async fn a_token_is_not_served_when_the_right_to_it_is_withdrawn() {
    let stage = Stage::set().await;
    let target = || TokenTarget::organization("acme");
    stage.ask(target()).await.unwrap();
    stage.emulator.add_application(Application::new("m2m").secret("m2m-secret").machine_to_machine());
    stage.advance(3540);
    for _ in 0..2 {
        assert_eq!(stage.refused(target()).await.kind(), ErrorKind::Forbidden);
    }
}

#[tokio::test]
async fn nobody_with_a_good_token_waits_for_a_provider_that_hangs() {
    let stage = Stage::set().await;
    let first = stage.ask(read()).await.unwrap();
    stage.advance(3540);
    stage.emulator.hold(Endpoint::Token);
    // Time stands still but for those who wait: the two seconds pass at once.
    tokio::time::pause();
    assert_eq!(stage.ask(read()).await.unwrap().expose(), first.expose());
    tokio::time::resume();
    stage.emulator.release(Endpoint::Token);
    stage.machine.shutdown().await;
    assert_ne!(stage.ask(read()).await.unwrap().expose(), first.expose(), "the call went on");
    assert_eq!(stage.calls(), 2);
}

#[tokio::test]
async fn who_goes_away_ends_no_call() {
    let stage = Stage::set().await;
    let gone = stage.until_held(read()).await;
    gone.abort();
    assert!(gone.await.unwrap_err().is_cancelled());
    stage.emulator.release(Endpoint::Token);
    stage.machine.shutdown().await;
    stage.ask(read()).await.unwrap();
    assert_eq!(stage.calls(), 1);
}

#[tokio::test]
async fn each_target_has_its_token_and_the_order_of_scopes_does_not_matter() {
    let stage = Stage::set().await;
    let acme = || TokenTarget::organization("acme");
    let all = [
        API.into(),
        read(),
        acme(),
        acme().scopes(["read:member"]),
        TokenTarget::resource(API).in_organization("acme"),
    ];
    let mut tokens = HashSet::new();
    for target in all.iter().chain(&all) {
        tokens.insert(stage.ask(target.clone()).await.unwrap().expose().to_owned());
    }
    assert_eq!((tokens.len(), stage.calls()), (5, 5));
    stage.emulator.add_application(application().api_scopes(API, ["write:x"]));
    let one = stage.ask(TokenTarget::resource(API).scopes(["read:x", "write:x"])).await.unwrap();
    let two = stage.ask(TokenTarget::resource(API).scopes(["write:x", "read:x"])).await.unwrap();
    assert_eq!((one.expose(), stage.calls()), (two.expose(), 6));
}

#[tokio::test]
async fn a_forced_token_is_new_and_takes_the_place_and_clearing_makes_the_next_one_new() {
    let stage = Stage::set().await;
    let first = stage.ask(read()).await.unwrap();
    let second = stage.ask(read().forced()).await.unwrap();
    assert_ne!(first.expose(), second.expose());
    assert_eq!(stage.ask(read()).await.unwrap().expose(), second.expose());
    stage.machine.clear();
    assert_ne!(stage.ask(read()).await.unwrap().expose(), second.expose());
    stage.refused(TokenTarget::organization("other")).await;
    stage.machine.clear();
    stage.refused(TokenTarget::organization("other")).await;
    assert_eq!(stage.calls(), 5, "failures are forgotten as well");
}

#[tokio::test]
async fn what_is_cleared_while_a_call_is_under_way_is_told_and_not_kept() {
    let stage = Stage::set().await;
    let waiting = stage.until_held(read()).await;
    stage.machine.clear();
    stage.emulator.release(Endpoint::Token);
    let told = waiting.await.unwrap().unwrap();
    assert_ne!(stage.ask(read()).await.unwrap().expose(), told.expose());
}

#[tokio::test]
async fn answers_of_a_wrong_shape_are_refused_and_one_without_a_life_is_short() {
    let stage = Stage::set().await;
    for member in ["access_token", "token_type"] {
        stage.emulator.tamper_token_answer(move |answer| drop(answer.remove(member)));
        assert_eq!(stage.refused(read()).await.kind(), ErrorKind::ProviderMisbehaved, "{member}");
        stage.advance(4);
    }
    stage.emulator.tamper_token_answer(|answer| drop(answer.remove("expires_in")));
    let token = stage.ask(read()).await.unwrap();
    assert_eq!(token.expires_at(), stage.clock.now().as_secs() + 60);
    let calls = stage.calls();
    stage.advance(29);
    stage.ask(read()).await.unwrap();
    assert_eq!(stage.calls(), calls);
    stage.advance(1);
    stage.ask(read()).await.unwrap();
    assert_eq!(stage.calls(), calls + 1);
}

#[tokio::test]
async fn a_machine_beside_a_client_shares_metadata_clock_and_shutdown() {
    let stage = Stage::set().await;
    let config = stage::config(&stage.emulator.endpoint()).clock(Arc::new(stage.clock.clone()));
    let client = LogtoClient::new(config).unwrap();
    let machine = client.machine("m2m", "m2m-secret").unwrap();
    let session = client.session(logto_storage_core::MemoryStorage::new());
    session.sign_in(logto_client::SignInOptions::new()).await.unwrap();
    let first = machine.access_token(read()).await.unwrap();
    assert_eq!(stage.emulator.count(Endpoint::Discovery), 1);
    stage.advance(3540);
    let waiting = {
        let machine = machine.clone();
        stage.emulator.hold(Endpoint::Token);
        tokio::spawn(async move { machine.access_token(read()).await })
    };
    stage.until_calls(2).await;
    waiting.abort();
    stage.emulator.release(Endpoint::Token);
    client.shutdown().await;
    assert_ne!(machine.access_token(read()).await.unwrap().expose(), first.expose());
    assert_eq!(stage.calls(), 2);
    assert_eq!(client.machine("m2m", " ").unwrap_err().kind(), ErrorKind::Misconfigured);
}

#[tokio::test]
async fn no_log_line_no_error_and_no_debug_holds_a_secret() {
    let (log, _guard, _second) = Log::start();
    let stage = Stage::set().await;
    let token = stage.ask(read()).await.unwrap();
    let mut told = format!("{:?} {:?} {:?} {token:?}", config(&stage.emulator), stage.machine, read());
    stage.advance(3540);
    for failure in [Failure::Status(503), Failure::Disconnect, Failure::NotJson] {
        stage.emulator.set_failure(Endpoint::Token, Some(failure));
        told += &format!("{:?}", stage.refused(read().forced()).await);
        stage.ask(read()).await.unwrap();
        stage.advance(4);
    }
    stage.emulator.set_failure(Endpoint::Token, None);
    stage.emulator.set_secret("m2m", "another");
    told += &format!("{:?}", stage.refused(read().forced()).await);
    let logged = log.text();
    assert!(logged.contains("near its end is served") && told.contains("invalid_client"));
    let basic = stage.emulator.received(Endpoint::Token).unwrap().authorization.unwrap();
    for secret in ["m2m-secret", basic.trim_start_matches("Basic "), token.expose()] {
        assert!(secret.len() > 8 && !logged.contains(secret) && !told.contains(secret), "{secret}");
    }
}
