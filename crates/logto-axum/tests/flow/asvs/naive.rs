//! Naive applications: each does one thing wrong, and the item meant for it turns red.

use super::{api, pages};
use crate::application;
use axum::{
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
};
use logto_axum::{AccessTokenVerifier, LogtoClient, logto_client::ApiConfig};
use logto_conformance::asvs::{self, Binding, Naive, Overlooked, Receiver, Served, Site};
use std::{
    collections::HashMap,
    net::TcpListener,
    sync::{Arc, Mutex},
    time::Duration,
};
use url::{Url, form_urlencoded};

#[derive(Clone, Copy, PartialEq)]
enum Flaw {
    BelievesAnyCookie,
    HasOneSessionToken,
    CountsSessions,
    KeepsTheIdAtSignIn,
    NeverForgets,
    NeverEndsByAge,
    ForgetsTheCookieOnly,
    NodsAtTheProvider,
    AsksNobody,
    TellsTokens,
    FindsTheBrowserByState,
    BelievesAnyIssuer,
    AsksForMore,
    Overlooks(Overlooked, Receiver),
}

/// What a flaw remembers between requests.
#[derive(Default)]
struct Seen {
    /// Cookies of the right application, by those that the browsers have.
    inner: HashMap<String, String>,
    /// Cookies of the browsers, by the states of their sign-ins.
    started: HashMap<String, String>,
    last: Option<String>,
}

#[derive(Clone)]
struct Between {
    flaw: Flaw,
    issuer: String,
    naive: Arc<Naive>,
    seen: Arc<Mutex<Seen>>,
}

impl Between {
    fn new(flaw: Flaw, endpoint: &str) -> Self {
        let (overlooked, receiver) = match flaw {
            Flaw::Overlooks(overlooked, receiver) => (overlooked, receiver),
            _ => (Overlooked::Nothing, Receiver::Callback),
        };
        let naive = Arc::new(Naive::new(overlooked, receiver, endpoint));
        Self { flaw, issuer: format!("{endpoint}/oidc"), naive, seen: Arc::default() }
    }

    /// The cookie that the right application is sent, for the one that the browser has sent.
    fn inwards(&self, path: &str, query: &str, cookie: Option<String>) -> Option<String> {
        let seen = self.seen.lock().unwrap();
        match self.flaw {
            Flaw::BelievesAnyCookie => cookie.and(seen.last.clone()),
            Flaw::HasOneSessionToken | Flaw::CountsSessions | Flaw::KeepsTheIdAtSignIn => {
                seen.inner.get(&cookie?).cloned()
            }
            Flaw::FindsTheBrowserByState if path.ends_with("/sign-in-callback") => {
                parameter(query, "state").and_then(|state| seen.started.get(&state).cloned()).or(cookie)
            }
            _ => cookie,
        }
    }

    /// The cookie that the browser is given, for the one that the right application gives.
    fn outwards(&self, sent: Option<&String>, given: String) -> Option<String> {
        let mut seen = self.seen.lock().unwrap();
        seen.last = Some(given.clone());
        let outer = match self.flaw {
            Flaw::HasOneSessionToken => "id=fixed".to_owned(),
            Flaw::CountsSessions => format!("id={:022}", seen.inner.len()),
            Flaw::KeepsTheIdAtSignIn => {
                let outer = sent.cloned().unwrap_or_else(|| format!("id=outer-{}", seen.inner.len()));
                seen.inner.insert(outer.clone(), given);
                return sent.is_none().then_some(outer);
            }
            _ => return Some(given),
        };
        seen.inner.insert(outer.clone(), given);
        Some(outer)
    }
}

fn parameter(query: &str, name: &str) -> Option<String> {
    form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

/// The query with another value of this parameter.
fn replaced(query: &str, name: &str, value: &str) -> String {
    let others = form_urlencoded::parse(query.as_bytes()).filter(|(key, _)| key != name);
    form_urlencoded::Serializer::new(String::new()).extend_pairs(others).append_pair(name, value).finish()
}

fn cookie_of(headers: &HeaderMap, name: header::HeaderName) -> Option<String> {
    let cookie = headers.get(name)?.to_str().unwrap();
    Some(cookie.split(';').next().unwrap_or_default().to_owned())
}

async fn between(State(between): State<Between>, mut request: Request, next: Next) -> Response {
    let (path, query) = (request.uri().path().to_owned(), request.uri().query().unwrap_or("").to_owned());
    match between.flaw {
        Flaw::ForgetsTheCookieOnly if path.ends_with("/sign-out") => {
            let gone = [(header::SET_COOKIE, "id=; Path=/; Max-Age=0"), (header::LOCATION, "/")];
            return (StatusCode::SEE_OTHER, gone).into_response();
        }
        Flaw::NodsAtTheProvider if path.ends_with("/back-channel-logout") => {
            return StatusCode::OK.into_response();
        }
        Flaw::BelievesAnyIssuer if path.ends_with("/sign-in-callback") => {
            *request.uri_mut() =
                format!("{path}?{}", replaced(&query, "iss", &between.issuer)).parse().unwrap();
        }
        Flaw::Overlooks(_, Receiver::Logout) if path.ends_with("/back-channel-logout") => {
            request = with_good_logout_token(&between.naive, request).await;
        }
        _ => {}
    }
    let sent = cookie_of(request.headers(), header::COOKIE);
    request.headers_mut().remove(header::COOKIE);
    if let Some(cookie) = between.inwards(&path, &query, sent.clone()) {
        request.headers_mut().insert(header::COOKIE, cookie.parse().unwrap());
    }
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let gone = headers.get(header::SET_COOKIE).is_some_and(|it| it.to_str().unwrap().contains("Max-Age=0"));
    let given = cookie_of(headers, header::SET_COOKIE).filter(|_| !gone);
    if let Some(location) = headers.get(header::LOCATION).and_then(|it| Url::parse(it.to_str().ok()?).ok()) {
        let address = location_at_provider(&between, &location, given.as_ref().or(sent.as_ref()));
        headers.insert(header::LOCATION, address.parse().unwrap());
    }
    if let Some(given) = given {
        match between.outwards(sent.as_ref(), given) {
            Some(outer) => drop(headers.insert(header::SET_COOKIE, outer.parse().unwrap())),
            None => drop(headers.remove(header::SET_COOKIE)),
        }
    }
    if between.flaw == Flaw::TellsTokens {
        headers.insert("x-access-token", HeaderValue::from_str(&between.naive.access_token()).unwrap());
    }
    response
}

/// Where the browser is sent to, once the flaw has seen it.
fn location_at_provider(between: &Between, location: &Url, cookie: Option<&String>) -> String {
    let query = location.query().unwrap_or_default();
    if let Some(nonce) = parameter(query, "nonce") {
        between.naive.started(&nonce);
    }
    if let (Some(state), Some(cookie)) = (parameter(query, "state"), cookie) {
        between.seen.lock().unwrap().started.insert(state, cookie.clone());
    }
    let mut changed = location.clone();
    match between.flaw {
        Flaw::AsksNobody if parameter(query, "prompt").is_some() => {
            changed.set_query(Some(&replaced(query, "prompt", "none")));
        }
        Flaw::AsksForMore => {
            if let Some(scope) = parameter(query, "scope") {
                changed.set_query(Some(&replaced(query, "scope", &format!("{scope} phone"))));
            }
        }
        _ => {}
    }
    changed.into()
}

async fn with_good_logout_token(naive: &Naive, request: Request) -> Request {
    let (mut parts, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap();
    let token = parameter(&String::from_utf8_lossy(&body), "logout_token").unwrap_or_default();
    let token = naive.made_good(Receiver::Logout, &token);
    parts.headers.remove(header::CONTENT_LENGTH);
    Request::from_parts(parts, Body::from(format!("logout_token={token}")))
}

async fn before_api(State(naive): State<Arc<Naive>>, mut request: Request, next: Next) -> Response {
    let authorization = request.headers().get(header::AUTHORIZATION).and_then(|it| it.to_str().ok());
    if let Some(token) = authorization.and_then(|it| it.strip_prefix("Bearer ")) {
        let good = format!("Bearer {}", naive.made_good(Receiver::Api, token));
        request.headers_mut().insert(header::AUTHORIZATION, good.parse().unwrap());
    }
    next.run(request).await
}

/// The application with this flaw, by its number: a type is all that an item takes.
struct Flawed<const FLAW: usize>;

impl<const FLAW: usize> Binding for Flawed<FLAW> {
    async fn serve(mut site: Site) -> Served {
        let flaw = FLAWS[FLAW];
        let forever = Duration::from_secs(1000 * 86_400);
        let right = LogtoClient::new(site.config.clone()).unwrap();
        let between_them = Between::new(flaw, right.issuer().trim_end_matches("/oidc"));
        site.config = site.config.transport(Arc::<Naive>::clone(&between_them.naive));
        if flaw == Flaw::NeverForgets {
            site.config = site.config.sign_in_lifetime(forever);
            site.idle = forever;
        }
        if flaw == Flaw::NeverEndsByAge {
            site.config = site.config.sign_in_absolute_lifetime(forever);
        }
        let client = LogtoClient::new(site.config).unwrap();
        let app = pages(&client, site.idle, site.clock).layer(from_fn_with_state(between_them, between));
        Served { client, running: application::serve(site.listener, app) }
    }

    async fn serve_api(listener: TcpListener, config: ApiConfig) -> Box<dyn Send> {
        let issuer = AccessTokenVerifier::new(config.clone()).unwrap().issuer().to_owned();
        let naive = Between::new(FLAWS[FLAW], issuer.trim_end_matches("/oidc")).naive;
        let verifier = AccessTokenVerifier::new(config.transport(Arc::<Naive>::clone(&naive))).unwrap();
        application::serve(listener, api(verifier).layer(from_fn_with_state(naive, before_api)))
    }
}

/// Each flaw with the item that must find it, and what that says.
macro_rules! bites {
    ($($name:ident: $number:literal $flaw:expr, $item:ident $says:literal)*) => {
        const FLAWS: &[Flaw] = &[$($flaw),*];

        $(
            #[tokio::test]
            #[should_panic(expected = $says)]
            async fn $name() {
                asvs::$item::<Flawed<$number>>().await;
            }
        )*
    };
}

use Flaw::Overlooks;
use Overlooked::{Algorithm, Audience, Keys, Metadata, Nonce, Scope, Signature, Subject, Times, Type};
use Receiver::{Api, Callback, Logout};

bites! {
    a_believed_cookie_is_found: 0 Flaw::BelievesAnyCookie, v7_2_1_a_session_is_verified_on_the_server "failed: id="
    a_static_token_is_found: 1 Flaw::HasOneSessionToken, v7_2_2_session_tokens_are_made_anew_and_none_is_static "cookies.insert"
    a_counted_id_is_found: 2 Flaw::CountsSessions, v7_2_3_session_ids_have_128_random_bits_and_never_repeat " bits"
    a_kept_id_is_found: 3 Flaw::KeepsTheIdAtSignIn, v7_2_4_a_new_session_id_at_sign_in "`left != right` failed: Session"
    an_endless_session_is_found: 4 Flaw::NeverForgets, v7_3_1_a_session_out_of_use_ends "left: 200"
    an_ageless_session_is_found: 5 Flaw::NeverEndsByAge, v7_3_2_a_session_ends_at_its_age_however_much_it_is_used "left: 200"
    a_session_after_a_sign_out_is_found: 6 Flaw::ForgetsTheCookieOnly, v7_4_1_nothing_resumes_a_session_that_has_ended "right: \"nobody\""
    a_deaf_application_is_found: 7 Flaw::NodsAtTheProvider, v7_4_5_an_administrator_ends_the_sessions_of_a_person "right: \"nobody\""
    a_silent_sign_in_is_found: 8 Flaw::AsksNobody, v7_6_2_no_session_begins_without_the_person "left: Some(\"none\")"
    a_told_token_is_found: 9 Flaw::TellsTokens, v10_1_1_tokens_stay_in_the_back_end "tells a token to the browser"
    an_unbound_state_is_found: 10 Flaw::FindsTheBrowserByState, v10_1_2_a_callback_belongs_to_its_browser_and_transaction "Own state, OfAnother cookie"
    a_forged_sign_in_is_found: 11 Flaw::FindsTheBrowserByState, v10_2_1_a_forged_callback_makes_no_token_request "left: 303"
    a_mixed_up_issuer_is_found: 12 Flaw::BelievesAnyIssuer, v10_2_2_an_answer_of_another_provider_is_refused "with code"
    a_scope_too_many_is_found: 13 Flaw::AsksForMore, v10_2_3_only_the_configured_scopes_are_asked_for "\"phone\""
    a_foreign_audience_at_an_api_is_found: 14 Overlooks(Audience, Api), v10_3_1_an_api_takes_tokens_for_itself_alone "left: 200"
    a_scope_that_nobody_looks_at_is_found: 15 Overlooks(Scope, Api), v10_3_2_an_api_decides_by_scope_and_organization "left: 200"
    a_person_known_by_name_at_an_api_is_found: 16 Overlooks(Subject, Api), v10_3_3_an_api_knows_people_by_issuer_and_sub "right: \"one\""
    a_replayed_id_token_is_found: 17 Overlooks(Nonce, Callback), v10_5_1_an_id_token_is_good_for_one_sign_in "is taken as a token for Callback"
    a_person_known_by_name_is_found: 18 Overlooks(Subject, Callback), v10_5_2_a_person_is_known_by_sub_alone "right: \"alice-id\""
    an_impostor_is_found: 19 Overlooks(Metadata, Callback), v10_5_3_metadata_of_another_issuer_are_refused "status: 303"
    an_id_token_for_any_client_is_found: 20 Overlooks(Audience, Callback), v10_5_4_an_id_token_for_another_client_is_refused "is taken as a token for Callback"
    a_logout_token_of_no_type_is_found: 21 Overlooks(Type, Logout), v10_5_5_a_logout_token_is_of_its_type_and_ends_soon "is taken as a token for Logout"
    a_logout_token_with_a_nonce_is_found: 22 Overlooks(Nonce, Logout), v10_5_5_a_logout_token_is_of_its_type_and_ends_soon "is taken as a token for Logout"
    an_old_logout_token_is_found: 23 Overlooks(Times, Logout), v10_5_5_a_logout_token_is_of_its_type_and_ends_soon "is taken as a token for Logout"
    an_unverified_id_token_is_found: 24 Overlooks(Signature, Callback), v9_1_1_a_token_is_believed_by_its_signature_alone "is taken as a token for Callback"
    an_unverified_access_token_is_found: 25 Overlooks(Signature, Api), v9_1_1_a_token_is_believed_by_its_signature_alone "is taken as a token for Api"
    an_unverified_logout_token_is_found: 26 Overlooks(Signature, Logout), v9_1_1_a_token_is_believed_by_its_signature_alone "is taken as a token for Logout"
    the_algorithm_none_in_an_id_token_is_found: 27 Overlooks(Algorithm, Callback), v9_1_2_only_the_allowed_algorithms_are_taken "\"none\" is taken as a token for Callback"
    the_algorithm_none_in_an_access_token_is_found: 28 Overlooks(Algorithm, Api), v9_1_2_only_the_allowed_algorithms_are_taken "\"none\" is taken as a token for Api"
    the_algorithm_none_in_a_logout_token_is_found: 29 Overlooks(Algorithm, Logout), v9_1_2_only_the_allowed_algorithms_are_taken "\"none\" is taken as a token for Logout"
    a_key_in_an_id_token_is_found: 30 Overlooks(Keys, Callback), v9_1_3_keys_come_from_the_configured_issuer_alone "is taken as a token for Callback"
    a_key_in_an_access_token_is_found: 31 Overlooks(Keys, Api), v9_1_3_keys_come_from_the_configured_issuer_alone "is taken as a token for Api"
    a_key_in_a_logout_token_is_found: 32 Overlooks(Keys, Logout), v9_1_3_keys_come_from_the_configured_issuer_alone "is taken as a token for Logout"
    an_id_token_out_of_its_time_is_found: 33 Overlooks(Times, Callback), v9_2_1_a_token_is_taken_within_its_time_alone "is taken as a token for Callback"
    an_access_token_out_of_its_time_is_found: 34 Overlooks(Times, Api), v9_2_1_a_token_is_taken_within_its_time_alone "is taken as a token for Api"
    a_logout_token_out_of_its_time_is_found: 35 Overlooks(Times, Logout), v9_2_1_a_token_is_taken_within_its_time_alone "is taken as a token for Logout"
    an_id_token_of_any_type_is_found: 36 Overlooks(Type, Callback), v9_2_2_a_token_of_another_type_is_refused "is taken as a token for Callback"
    an_access_token_of_any_type_is_found: 37 Overlooks(Type, Api), v9_2_2_a_token_of_another_type_is_refused "is taken as a token for Api"
    a_logout_token_of_any_type_is_found: 38 Overlooks(Type, Logout), v9_2_2_a_token_of_another_type_is_refused "is taken as a token for Logout"
    an_id_token_for_anybody_is_found: 39 Overlooks(Audience, Callback), v9_2_3_a_token_for_somebody_else_is_refused "is taken as a token for Callback"
    an_access_token_for_anybody_is_found: 40 Overlooks(Audience, Api), v9_2_3_a_token_for_somebody_else_is_refused "is taken as a token for Api"
    a_logout_token_for_anybody_is_found: 41 Overlooks(Audience, Logout), v9_2_3_a_token_for_somebody_else_is_refused "is taken as a token for Logout"
}

/// Every item is proved to bite.
#[test]
fn each_item_has_a_flaw_that_turns_it_red() {
    let rows = include_str!("naive.rs");
    for item in super::ITEMS {
        assert!(rows.contains(&format!(", {item} \"")), "{item} has no flaw");
    }
}

/// Without a flaw nothing turns red: what stands between is not what the items find.
#[tokio::test]
async fn without_a_flaw_it_is_a_right_application() {
    struct Right;

    impl Binding for Right {
        async fn serve(site: Site) -> Served {
            let right = LogtoClient::new(site.config.clone()).unwrap();
            let none = Flaw::Overlooks(Overlooked::Nothing, Callback);
            let between_them = Between::new(none, right.issuer().trim_end_matches("/oidc"));
            let config = site.config.transport(Arc::<Naive>::clone(&between_them.naive));
            let client = LogtoClient::new(config).unwrap();
            let app = pages(&client, site.idle, site.clock).layer(from_fn_with_state(between_them, between));
            Served { client, running: application::serve(site.listener, app) }
        }

        async fn serve_api(listener: TcpListener, config: ApiConfig) -> Box<dyn Send> {
            super::Axum::serve_api(listener, config).await
        }
    }

    asvs::v7_2_2_session_tokens_are_made_anew_and_none_is_static::<Right>().await;
    asvs::v7_2_4_a_new_session_id_at_sign_in::<Right>().await;
    asvs::v7_4_1_nothing_resumes_a_session_that_has_ended::<Right>().await;
    asvs::v7_6_2_no_session_begins_without_the_person::<Right>().await;
    asvs::v10_1_1_tokens_stay_in_the_back_end::<Right>().await;
    asvs::v10_1_2_a_callback_belongs_to_its_browser_and_transaction::<Right>().await;
    asvs::v10_5_4_an_id_token_for_another_client_is_refused::<Right>().await;
}
