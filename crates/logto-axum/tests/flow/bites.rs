//! Planted faults: an application that does something wrong fails the case meant for it.

use crate::application;
use axum::{
    body::Body,
    extract::Request,
    http::{HeaderValue, StatusCode, header},
    middleware::{Next, from_fn_with_state},
    response::Response,
};
use logto_axum::LogtoClient;
use logto_conformance::flow::{self, Application, Plan};
use std::{
    net::TcpListener,
    sync::{Arc, Mutex},
};

/// What is wrong, between the browser and a right application.
#[derive(Clone, Copy, PartialEq)]
enum Fault {
    ForgetsSessions,
    FixesTheSession,
    RedirectsBy302,
    IsCached,
    SendsProgramsToSignIn,
    BelievesAnyState,
    ShowsTheProvidersText,
    GoesAnywhere,
    LetsAnySiteSignOut,
    IgnoresTheHook,
    KeepsTheSessionAlways,
    AsksTheProviderForEachPage,
    SendsCodesTwice,
    SaysOutagesAreFinal,
}

/// What a fault remembers between requests.
#[derive(Default)]
struct Seen {
    state: String,
    return_to: String,
    cookie: Option<HeaderValue>,
}

#[derive(Clone)]
struct Between {
    fault: Fault,
    client: LogtoClient,
    seen: Arc<Mutex<Seen>>,
}

fn parameter(query: &str, name: &str) -> Option<String> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.into_iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
}

async fn between(
    axum::extract::State(Between { fault, client, seen }): axum::extract::State<Between>,
    mut request: Request,
    next: Next,
) -> Response {
    let (path, query) = (request.uri().path().to_owned(), request.uri().query().unwrap_or("").to_owned());
    let callback = path.ends_with("/sign-in-callback");
    let script = request.headers().get("sec-fetch-mode").is_some_and(|mode| mode == "cors");
    match fault {
        Fault::ForgetsSessions => drop(request.headers_mut().remove(header::COOKIE)),
        Fault::FixesTheSession => {
            if let Some(cookie) = seen.lock().unwrap().cookie.clone()
                && request.headers().contains_key(header::COOKIE)
            {
                request.headers_mut().insert(header::COOKIE, cookie);
            }
        }
        Fault::SendsProgramsToSignIn if script => {
            request.headers_mut().insert("sec-fetch-mode", HeaderValue::from_static("navigate"));
        }
        Fault::BelievesAnyState if callback => {
            let (sent, known) = (parameter(&query, "state"), seen.lock().unwrap().state.clone());
            let state = sent.map_or(String::new(), |sent| format!("state={sent}"));
            *request.uri_mut() =
                format!("{path}?{}", query.replace(&state, &format!("state={known}"))).parse().unwrap();
        }
        Fault::LetsAnySiteSignOut if path.ends_with("/sign-out") => {
            request.headers_mut().insert("sec-fetch-site", HeaderValue::from_static("same-origin"));
        }
        Fault::AsksTheProviderForEachPage if path == "/" => {
            let keys = format!("{}/jwks", client.issuer());
            drop(flow::Browser::new().get(keys).await);
        }
        Fault::SendsCodesTwice if callback => {
            let token = format!("{}/token", client.issuer());
            let form = [("grant_type".to_owned(), "authorization_code".to_owned())];
            drop(flow::Browser::new().post_form(token, &form).await);
        }
        _ => {}
    }
    if let Some(return_to) = parameter(&query, "return_to") {
        let query = format!("p={return_to}");
        let decoded = url::form_urlencoded::parse(query.as_bytes()).next().unwrap().1.into_owned();
        seen.lock().unwrap().return_to = decoded;
    }
    let mut response = next.run(request).await;
    let location = response.headers().get(header::LOCATION).cloned();
    if let Some(state) = location.as_ref().and_then(|to| parameter(to.to_str().unwrap(), "state")) {
        seen.lock().unwrap().state = state;
    }
    match fault {
        Fault::FixesTheSession => {
            if let Some(cookie) = response.headers_mut().remove(header::SET_COOKIE) {
                let id = cookie.to_str().unwrap().split(';').next().unwrap().to_owned();
                seen.lock().unwrap().cookie = Some(id.parse().unwrap());
                response.headers_mut().insert(header::SET_COOKIE, HeaderValue::from_static("id=fixed"));
            }
        }
        Fault::RedirectsBy302 if response.status() == StatusCode::SEE_OTHER => {
            *response.status_mut() = StatusCode::FOUND;
        }
        Fault::IsCached => drop(response.headers_mut().remove(header::CACHE_CONTROL)),
        Fault::ShowsTheProvidersText if callback => *response.body_mut() = Body::from(query),
        Fault::GoesAnywhere if callback && location.is_some() => {
            let to = seen.lock().unwrap().return_to.parse().unwrap();
            response.headers_mut().insert(header::LOCATION, to);
        }
        Fault::SaysOutagesAreFinal if response.status() == StatusCode::SERVICE_UNAVAILABLE => {
            *response.status_mut() = StatusCode::BAD_REQUEST;
        }
        _ => {}
    }
    response
}

/// The application with this fault, by its number: a type is all that a case takes.
struct Faulty<const FAULT: u8>;

impl<const FAULT: u8> Application for Faulty<FAULT> {
    async fn serve(listener: TcpListener, client: LogtoClient, mut plan: Plan) -> Box<dyn Send> {
        let fault = FAULTS[usize::from(FAULT)];
        if fault == Fault::IgnoresTheHook {
            plan.refuse = None;
        }
        if fault == Fault::KeepsTheSessionAlways {
            plan.keep_session = true;
        }
        let between_them = Between { fault, client: client.clone(), seen: Arc::default() };
        let app = application::over_0_15_merged::router(client, plan);
        application::serve(listener, app.layer(from_fn_with_state(between_them, between)))
    }
}

/// Each fault with the case that must find it.
macro_rules! bites {
    ($($name:ident: $number:literal $fault:ident $case:ident)*) => {
        const FAULTS: &[Fault] = &[$(Fault::$fault),*];

        $(
            #[tokio::test]
            #[should_panic]
            async fn $name() {
                flow::$case::<Faulty<$number>>().await;
            }
        )*
    };
}

bites! {
    lost_sessions_are_found: 0 ForgetsSessions a_person_signs_in_and_sees_who_they_are
    a_fixed_session_is_found: 1 FixesTheSession the_session_id_is_renewed_at_sign_in_and_not_by_an_error
    another_redirect_is_found: 2 RedirectsBy302 redirects_are_303_and_neither_stored_nor_referred
    a_stored_answer_is_found: 3 IsCached redirects_are_303_and_neither_stored_nor_referred
    a_redirected_program_is_found: 4 SendsProgramsToSignIn a_program_gets_401_and_no_redirect
    a_believed_state_is_found: 5 BelievesAnyState a_wrong_state_is_refused_and_spends_no_code
    a_foreign_text_is_found: 6 ShowsTheProvidersText a_provider_error_is_shown_without_its_text
    an_open_redirect_is_found: 7 GoesAnywhere nothing_in_an_answer_leads_off_the_origin
    a_forged_sign_out_is_found: 8 LetsAnySiteSignOut sign_out_from_another_site_is_refused
    a_hook_that_is_ignored_is_found: 9 IgnoresTheHook a_refusing_hook_keeps_nothing_and_revokes
    a_session_that_stays_is_found: 10 KeepsTheSessionAlways sign_out_ends_both_sessions_and_revokes
    a_request_too_many_is_found: 11 AsksTheProviderForEachPage the_floor_of_requests_to_the_provider_is_kept
    a_second_token_call_is_found: 12 SendsCodesTwice a_callback_twice_at_once_makes_one_token_call
    a_wrong_status_is_found: 13 SaysOutagesAreFinal a_provider_outage_answers_503_and_a_reload_completes
}
