//! What values say: claims of all kinds, options as parameters, errors as names, `Debug` of what holds secrets.

use crate::stage::{BASE, CALLBACK, Stage, parameter};
use logto_client::{
    AccessTokenVerifier, ApiConfig, DirectSignIn, ErrorKind, FirstScreen, Identifier, InteractionMode,
    LogtoClient, LogtoConfig, LogtoError, MachineConfig, Prompt, Response, Route, SignInOptions,
    SignInRefused, VisitorStorage, WebhookVerifier,
    web::{error_json, error_page},
};
use logto_emulator::Endpoint;
use logto_storage_core::{
    MemoryStorage, MemoryTokenStore, Operation, Realm, Storage, StorageError, StorageErrorKind, Tickets, keys,
};
use serde_json::{Map, Value, json};
use std::{collections::HashSet, error::Error, sync::Arc, time::Duration};

fn add_everything(claims: &mut Map<String, Value>) {
    let more = json!({
        "email": "a@example.test", "email_verified": true, "phone_number": "+4930", "phone_number_verified": false,
        "picture": "https://example.test/a.png", "roles": ["admin", 7, "editor"], "organizations": ["acme"],
        "organization_roles": ["acme:member"],
    });
    claims.extend(more.as_object().unwrap().clone());
}

#[tokio::test]
async fn claims_are_read_by_name_and_what_is_of_another_type_is_left_out() {
    let stage = Stage::set().await;
    stage.emulator.tamper_id_token(add_everything);
    stage.emulator.tamper_user_info(add_everything);
    let signed_in = stage.sign_in().await;
    let claims = stage.session().id_token_claims().await.unwrap();
    assert_eq!(signed_in.claims().unwrap().sub(), claims.sub());
    assert_eq!(claims.iss(), stage.client.issuer());
    assert!(claims.exp() > claims.iat() && claims.iat() > 1_000_000_000);
    let info = stage.session().fetch_user_info().await.unwrap();
    macro_rules! check {
        ($claims:expr) => {
            assert_eq!($claims.email_verified(), Some(true));
            assert_eq!(
                ($claims.phone_number(), $claims.phone_number_verified()),
                (Some("+4930"), Some(false))
            );
            assert_eq!($claims.picture(), Some("https://example.test/a.png"));
            assert_eq!($claims.roles().collect::<Vec<_>>(), ["admin", "editor"]);
            assert_eq!($claims.organizations().collect::<Vec<_>>(), ["acme"]);
            assert_eq!($claims.organization_roles().collect::<Vec<_>>(), ["acme:member"]);
            assert!($claims.as_map().contains_key("sub"));
        };
    }
    check!(claims);
    check!(info);
}

async fn sign_in(stage: &Stage, options: impl Into<SignInOptions>) -> String {
    stage.session().sign_in(options).await.unwrap().into()
}

#[tokio::test]
async fn every_choice_of_a_sign_in_has_the_name_that_logto_knows() {
    let stage = Stage::set().await;
    assert_eq!(parameter(&sign_in(&stage, CALLBACK).await, "redirect_uri"), CALLBACK);
    for (prompt, name) in [
        (Prompt::Consent, "consent"),
        (Prompt::Login, "login"),
        (Prompt::None, "none"),
        (Prompt::SelectAccount, "select_account"),
    ] {
        assert_eq!(parameter(&sign_in(&stage, SignInOptions::new().prompt([prompt])).await, "prompt"), name);
    }
    for (screen, name) in [
        (FirstScreen::SignIn, "sign_in"),
        (FirstScreen::Register, "register"),
        (FirstScreen::ResetPassword, "reset_password"),
        (FirstScreen::IdentifierSignIn, "identifier:sign_in"),
        (FirstScreen::IdentifierRegister, "identifier:register"),
        (FirstScreen::SingleSignOn, "single_sign_on"),
    ] {
        let url = sign_in(&stage, SignInOptions::new().first_screen(screen)).await;
        assert_eq!(parameter(&url, "first_screen"), name);
    }
    let all = [Identifier::Email, Identifier::Phone, Identifier::Username];
    let url = sign_in(&stage, SignInOptions::new().identifiers(all)).await;
    assert_eq!(parameter(&url, "identifier"), "email phone username");
    for (target, name) in [
        (DirectSignIn::Social("google".to_owned()), "social:google"),
        (DirectSignIn::Sso("acme".to_owned()), "sso:acme"),
    ] {
        let url = sign_in(&stage, SignInOptions::new().direct_sign_in(target)).await;
        assert_eq!(parameter(&url, "direct_sign_in"), name);
    }
    for (mode, name) in [(InteractionMode::SignIn, "signIn"), (InteractionMode::SignUp, "signUp")] {
        let url = sign_in(&stage, SignInOptions::new().interaction_mode(mode)).await;
        assert_eq!(parameter(&url, "interaction_mode"), name);
    }
}

const KINDS: [ErrorKind; 18] = [
    ErrorKind::NotAuthenticated,
    ErrorKind::SignInSessionNotFound,
    ErrorKind::CallbackRejected,
    ErrorKind::ConsentRefused,
    ErrorKind::ProviderRefused,
    ErrorKind::SignInRefused,
    ErrorKind::Unavailable,
    ErrorKind::RateLimited,
    ErrorKind::ProviderMisbehaved,
    ErrorKind::InvalidToken,
    ErrorKind::Misconfigured,
    ErrorKind::InvalidInput,
    ErrorKind::Storage,
    ErrorKind::Forbidden,
    ErrorKind::InsufficientScope,
    ErrorKind::InvalidTarget,
    ErrorKind::InvalidSignature,
    ErrorKind::TooLarge,
];

#[test]
fn every_kind_of_error_has_a_name_of_its_own_in_the_form_of_programs() {
    let names: HashSet<&str> = KINDS.into_iter().map(ErrorKind::name).collect();
    assert_eq!(names.len(), KINDS.len());
    for kind in KINDS {
        let written: String = format!("{kind:?}")
            .chars()
            .flat_map(|c| if c.is_uppercase() { vec!['_', c.to_ascii_lowercase()] } else { vec![c] })
            .collect();
        assert_eq!(written.trim_start_matches('_'), kind.name());
        assert!((400..=503).contains(&kind.status()));
    }
}

#[test]
fn what_a_storage_says_becomes_what_to_do() {
    for (storage, kind, words) in [
        (StorageErrorKind::Misconfigured, ErrorKind::Misconfigured, "not set up correctly"),
        (StorageErrorKind::TooLarge, ErrorKind::Misconfigured, "not set up correctly"),
        (StorageErrorKind::Corrupt, ErrorKind::Storage, "could not be read"),
        (StorageErrorKind::Gone, ErrorKind::NotAuthenticated, "Please sign in"),
        (StorageErrorKind::Unavailable, ErrorKind::Storage, "try again"),
    ] {
        let error = LogtoError::from(StorageError::new(storage, Operation::Get, keys::ID_TOKEN));
        assert_eq!(error.kind(), kind, "{storage:?}");
        assert!(error.source().is_some());
        assert!(error_page(&error, Some("/in?a='b'&c=\"d\"")).contains(words), "{storage:?}");
        assert_eq!(error_json(&error), format!("{{\"error\":\"{}\"}}", kind.name()));
    }
    let page = error_page(&LogtoError::from(SignInRefused::from("O'Neil & <Sons>")), None);
    assert!(page.contains("O&#39;Neil &amp; &lt;Sons&gt;"), "{page}");
    assert_eq!(SignInRefused::from("why").text(), "why");
}

#[test]
fn what_the_environment_lacks_is_named() {
    let named = |outcome: Option<LogtoError>, variable: &str| {
        let set = std::env::var(variable).is_ok_and(|value| !value.trim().is_empty());
        assert!(set || outcome.unwrap().to_string().contains(variable), "{variable}");
    };
    named(LogtoConfig::from_env().err(), "LOGTO_ENDPOINT");
    named(MachineConfig::from_env().err(), "LOGTO_ENDPOINT");
    named(ApiConfig::from_env().err(), "LOGTO_ENDPOINT");
    named(WebhookVerifier::from_env().err(), "LOGTO_WEBHOOK_SIGNING_KEY");
}

#[test]
fn an_api_tells_its_realm_and_where_its_metadata_are() {
    let config = ApiConfig::new("https://tenant.logto.app").audience("https://api.example").realm("orders");
    let metadata = "https://api.example/.well-known/oauth-protected-resource";
    let api = AccessTokenVerifier::new(config.resource_metadata(metadata)).unwrap();
    let (address, document) = api.resource_metadata().unwrap();
    assert_eq!(address.as_str(), metadata);
    let document: Value = serde_json::from_str(&document).unwrap();
    assert_eq!(document["authorization_servers"], json!(["https://tenant.logto.app/oidc"]));
    let header = api.bearer([], None, None).unwrap_err().answer().www_authenticate.unwrap();
    assert!(header.contains("realm=\"orders\"") && header.contains(metadata), "{header}");
    assert_eq!(api.bearer([b"Bearer abc".as_slice()], None, None).unwrap(), "abc");
}

#[test]
fn a_wrong_configuration_is_refused_by_the_field() {
    let config = || LogtoConfig::new("https://tenant.logto.app", "app");
    for (config, field) in [
        (config().sign_in_lifetime(Duration::from_secs(59)), "sign_in_lifetime"),
        (config().base_url("https://app.example/?a=b"), "base_url"),
        (config().base_url("https://app.example/#a"), "base_url"),
        (config().internal_endpoint("http://logto:3001"), "internal_endpoint"),
        (config().internal_endpoint("http://[2001:db8::1]:3001"), "internal_endpoint"),
    ] {
        let error = LogtoClient::new(config).unwrap_err();
        assert!(error.kind() == ErrorKind::Misconfigured && error.to_string().contains(field), "{error}");
    }
    assert!(LogtoClient::new(config().internal_endpoint("http://logto:3001").allow_insecure_http()).is_ok());
    assert!(LogtoClient::new(config().internal_endpoint("http://[::1]:3001")).is_ok());
    let client = LogtoClient::new(config()).unwrap();
    assert!(client.route_url(Route::SignIn).unwrap_err().to_string().contains("base_url"));
    assert_eq!(client.return_to("/orders"), None, "without a base there is no origin to stay on");
}

#[tokio::test]
async fn nobody_signs_out_everywhere_by_an_empty_name() {
    let store = Arc::new(MemoryTokenStore::new());
    let stage = Stage::with(|config| config.token_store(store)).await;
    assert_eq!(stage.client.sign_out_everywhere("").await.unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(stage.emulator.count(Endpoint::Discovery), 0);
}

#[tokio::test]
async fn a_storage_is_called_by_its_kind_and_shows_nothing_of_it() {
    let realm = Realm::new("https://tenant.logto.app/oidc", "app");
    let tickets = Tickets::new(Arc::new(MemoryTokenStore::new()), realm);
    let of_tickets = VisitorStorage::Ticket(tickets.storage(MemoryStorage::new()));
    of_tickets.set(keys::REFRESH_TOKEN, "canary").await.unwrap();
    assert_eq!(of_tickets.get(keys::REFRESH_TOKEN).await.unwrap().as_deref(), Some("canary"));
    assert_eq!(format!("{of_tickets:?}"), "VisitorStorage::Ticket");
    assert_eq!(format!("{:?}", VisitorStorage::Session(MemoryStorage::new())), "VisitorStorage::Session");
    let (content_type, cache_control, retry_after) = (None, None, None);
    let answer = Response { status: 200, content_type, cache_control, retry_after, body: b"canary".to_vec() };
    assert_eq!(format!("{answer:?}"), "Response(200, 6 bytes)");
}

#[tokio::test]
async fn what_is_stored_and_cannot_be_read_is_an_error_or_left_out_but_never_a_person() {
    let stage = Stage::set().await;
    Storage::set(&stage.storage, keys::ID_TOKEN, "canary").await.unwrap();
    let error = stage.session().id_token_claims().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Storage);
    assert!(!format!("{error} {error:?}").contains("canary"));
    Storage::set(&stage.storage, keys::SESSION_META, r#"{"v":99,"visitor":"x"}"#).await.unwrap();
    assert!(sign_in(&stage, SignInOptions::new()).await.contains("state="));
    assert!(stage.client.base_url().unwrap().as_str().starts_with(BASE));
}
