//! Planted faults of answers and addresses: each turns the case red that is meant for it.

use crate::application;
use axum::{
    body::{Body, to_bytes},
    extract::Request,
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    middleware::{Next, from_fn},
    response::Response,
};
use logto_axum::{LogtoClient, MemoryTokenStore, TokenStore};
use logto_conformance::{
    answers,
    flow::{Application, Plan},
    proxies,
};
use std::{net::TcpListener, sync::Arc};

/// What is wrong, between the browser and a right application.
#[derive(Clone, Copy, PartialEq)]
enum Fault {
    RedirectsBy302,
    MayBeStored,
    MayBeSniffed,
    TellsWhereItCameFrom,
    HasNoPolicy,
    HidesTheCookieFromNobody,
    SendsTheCookieInTheClear,
    SendsTheCookieToAllSubdomains,
    NamesTheTokenInTheAddress,
    ShowsErrorsRaw,
    ReturnsAnywhere,
    StoresSessions,
    BelievesTheHost,
    BelievesXForwardedHost,
    BelievesForwarded,
    BelievesXForwardedPrefix,
    BelievesTheTarget,
    BelievesTheOriginOfAnotherHost,
    TellsTheProviderHtml,
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// The host that this application believes it has, where it is told one.
fn believed(fault: Fault, uri: &Uri, headers: &HeaderMap) -> Option<String> {
    let host = match fault {
        Fault::BelievesTheHost => text(headers, "host"),
        Fault::BelievesXForwardedHost => text(headers, "x-forwarded-host"),
        Fault::BelievesForwarded => text(headers, "forwarded").split("host=").nth(1).unwrap_or_default(),
        Fault::BelievesTheTarget => uri.authority().map_or("", |authority| authority.host()),
        _ => "",
    };
    let host = host.split([';', ',', ':']).next().unwrap_or_default();
    (!host.is_empty() && host.is_ascii()).then(|| host.to_owned())
}

fn change_cookies(headers: &mut HeaderMap, change: impl Fn(&str) -> String) {
    let cookies: Vec<_> = headers.get_all(header::SET_COOKIE).iter().cloned().collect();
    headers.remove(header::SET_COOKIE);
    for cookie in cookies {
        headers.append(header::SET_COOKIE, change(cookie.to_str().unwrap()).parse().unwrap());
    }
}

/// The values of a query as a careless page prints them.
fn decoded(query: &str) -> String {
    url::form_urlencoded::parse(query.as_bytes()).map(|(_, value)| value.into_owned() + " ").collect()
}

async fn between(fault: Fault, mut request: Request, next: Next) -> Response {
    let (uri, told) = (request.uri().clone(), request.headers().clone());
    let query = uri.query().unwrap_or_default().to_owned();
    if fault == Fault::BelievesTheOriginOfAnotherHost {
        let own = format!("http://{}", text(&told, "x-forwarded-host"));
        if text(&told, "origin") == own {
            request.headers_mut().insert("sec-fetch-site", HeaderValue::from_static("same-origin"));
        }
    }
    let mut response = next.run(request).await;
    let status = response.status();
    let headers = response.headers_mut();
    let location = text(headers, "location").to_owned();
    let lead_to = |headers: &mut HeaderMap, to: String| {
        headers.insert(header::LOCATION, to.parse().unwrap());
    };
    match fault {
        Fault::RedirectsBy302 if !location.is_empty() => *response.status_mut() = StatusCode::FOUND,
        Fault::MayBeStored => drop(headers.insert(header::CACHE_CONTROL, "private".parse().unwrap())),
        Fault::MayBeSniffed => drop(headers.remove(header::X_CONTENT_TYPE_OPTIONS)),
        Fault::TellsWhereItCameFrom => {
            headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
        }
        Fault::TellsTheProviderHtml if status == StatusCode::BAD_REQUEST => {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
        }
        Fault::HasNoPolicy => drop(headers.remove(header::CONTENT_SECURITY_POLICY)),
        Fault::HidesTheCookieFromNobody => {
            change_cookies(headers, |cookie| cookie.replace("; HttpOnly", ""));
        }
        Fault::SendsTheCookieInTheClear => change_cookies(headers, |cookie| cookie.replace("; Secure", "")),
        Fault::SendsTheCookieToAllSubdomains => {
            change_cookies(headers, |cookie| format!("{cookie}; Domain=localhost"));
        }
        Fault::NamesTheTokenInTheAddress if location.contains("/session/end") => {
            lead_to(headers, location + "&id_token_hint=a.b.c");
        }
        Fault::ShowsErrorsRaw if status == StatusCode::BAD_REQUEST => {
            let page = to_bytes(std::mem::take(response.body_mut()), 1 << 20).await.unwrap();
            let page = String::from_utf8(page.to_vec()).unwrap();
            let page = page.replace("</body>", &format!("<p>{}</p></body>", decoded(&query)));
            response.headers_mut().remove(header::CONTENT_LENGTH);
            *response.body_mut() = Body::from(page);
        }
        Fault::ReturnsAnywhere if location == "/" && uri.path().ends_with("callback") => {
            lead_to(headers, "javascript:top.ran=1".to_owned());
        }
        Fault::StoresSessions if uri.path() == "/note" => drop(headers.remove(header::CACHE_CONTROL)),
        Fault::BelievesXForwardedPrefix if location.starts_with('/') => {
            lead_to(headers, format!("{}{location}", text(&told, "x-forwarded-prefix")));
        }
        _ => {
            if let Some(host) = believed(fault, &uri, &told).filter(|_| !location.is_empty()) {
                lead_to(headers, location.replace("localhost", &host));
            }
        }
    }
    response
}

/// The application with this fault, by its number: a type is all that a case takes.
struct Faulty<const FAULT: u8>;

impl<const FAULT: u8> Application for Faulty<FAULT> {
    fn token_store() -> Option<Arc<dyn TokenStore>> {
        // Where the provider asks, there is one.
        (FAULTS[usize::from(FAULT)] == Fault::TellsTheProviderHtml)
            .then(|| Arc::new(MemoryTokenStore::new()) as _)
    }

    async fn serve(listener: TcpListener, client: LogtoClient, plan: Plan) -> Box<dyn Send> {
        let fault = FAULTS[usize::from(FAULT)];
        let app = application::over_0_15_merged::router(client, plan);
        application::serve(listener, app.layer(from_fn(move |request, next| between(fault, request, next))))
    }
}

/// Each fault with a case that must find it.
macro_rules! bites {
    ($($name:ident: $number:literal $fault:ident $suite:ident::$case:ident, $said:literal;)*) => {
        const FAULTS: &[Fault] = &[$(Fault::$fault),*];

        $(
            #[tokio::test]
            #[should_panic(expected = $said)]
            async fn $name() {
                $suite::$case::<Faulty<$number>>().await;
            }
        )*
    };
}

bites! {
    a_302_is_found: 0 RedirectsBy302 answers::a_sign_in_starts_privately, "303";
    what_may_be_stored_is_found: 1 MayBeStored answers::who_may_not_pass_is_answered_privately, "no-store";
    what_may_be_sniffed_is_found: 2 MayBeSniffed answers::a_callback_that_is_refused_is_answered_privately, "nosniff";
    a_referrer_is_found: 3 TellsWhereItCameFrom answers::a_callback_while_the_provider_fails_is_answered_privately, "no-referrer";
    a_page_without_a_policy_is_found: 4 HasNoPolicy answers::a_sign_out_that_is_not_to_be_is_answered_privately, "default-src";
    a_cookie_for_scripts_is_found: 5 HidesTheCookieFromNobody answers::a_callback_that_succeeds_is_answered_privately, "__Host-id";
    a_cookie_in_the_clear_is_found: 6 SendsTheCookieInTheClear answers::a_cookie_with_the_host_prefix_signs_in_and_out, "303";
    a_cookie_of_the_domain_is_found: 7 SendsTheCookieToAllSubdomains answers::a_cookie_with_the_host_prefix_signs_in_and_out, "303";
    a_token_in_an_address_is_found: 8 NamesTheTokenInTheAddress answers::a_sign_out_is_answered_privately, "id_token_hint stands in an address";
    a_raw_error_is_found: 9 ShowsErrorsRaw answers::an_error_of_the_provider_is_escaped_or_not_shown, "assertion";
    a_raw_query_is_found: 10 ShowsErrorsRaw answers::a_payload_in_a_query_is_neither_in_a_page_nor_in_an_address, "harmless";
    a_script_to_return_to_is_found: 11 ReturnsAnywhere answers::a_payload_as_a_return_path_is_no_address, "javascript:";
    a_stored_session_is_found: 12 StoresSessions answers::an_answer_that_changes_the_session_is_never_stored, "may be stored";
    a_believed_host_is_found: 13 BelievesTheHost proxies::a_sign_in_leads_to_the_configured_addresses_behind_any_proxy, "another host";
    a_believed_x_forwarded_host_is_found: 14 BelievesXForwardedHost proxies::a_sign_out_leads_to_the_configured_addresses_behind_any_proxy, "X-Forwarded-Host";
    a_believed_forwarded_is_found: 15 BelievesForwarded proxies::a_sign_in_leads_to_the_configured_addresses_behind_any_proxy, "Forwarded";
    a_believed_prefix_is_found: 16 BelievesXForwardedPrefix proxies::a_guard_sends_to_the_configured_route_behind_any_proxy, "X-Forwarded-Prefix";
    a_believed_target_is_found: 17 BelievesTheTarget proxies::a_sign_in_leads_to_the_configured_addresses_behind_any_proxy, "a target of another host";
    a_believed_origin_is_found: 18 BelievesTheOriginOfAnotherHost proxies::another_origin_is_another_origin_behind_any_proxy, "X-Forwarded-Host";
    a_prefix_before_the_way_back_is_found: 19 BelievesXForwardedPrefix proxies::a_callback_is_exchanged_for_the_configured_address_behind_any_proxy, "X-Forwarded-Prefix";
    an_answer_to_the_provider_that_is_a_page_is_found: 20 TellsTheProviderHtml answers::a_back_channel_logout_is_answered_privately, "application/json";
}
