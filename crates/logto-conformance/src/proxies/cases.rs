//! The cases, each named by the sentence it proves.

use super::{
    mixes::{MIXES, Mix},
    wire::{self, Ask},
};
use crate::{
    api::{self, stage::METADATA, tokens::Token},
    flow::{Application, Browser, Page, Stage},
};
use logto_emulator::Endpoint;

/// What of an address is another one each time.
const RANDOM: [&str; 3] = ["code_challenge", "nonce", "state"];

/// The address, with what is random left out.
fn settled(location: &str) -> String {
    let pairs = location.split('&').flat_map(|pairs| pairs.split_inclusive('?'));
    let settled = pairs.map(|pair| match pair.split_once('=') {
        Some((name, _)) if RANDOM.contains(&name) => format!("{name}=(random)"),
        _ => pair.to_owned(),
    });
    settled.collect::<Vec<_>>().join("&")
}

/// What an answer tells: its status, where it leads, and what it says.
type Told = (u16, String, String, String);

fn told(page: &Page) -> Told {
    let header = |name: &str| page.header(name).unwrap_or_default();
    (page.status, settled(header("location")), header("www-authenticate").to_owned(), page.body.clone())
}

/// How the mixes of a case came out.
#[derive(Default)]
struct Tally {
    plain: Option<Told>,
    alike: usize,
    refused: Vec<&'static str>,
}

impl Tally {
    /// This answer is that to the plain request; whether the application was asked at all.
    fn compare(&mut self, mix: &Mix, answer: &Page) -> bool {
        let (told, plain) = (told(answer), self.plain.as_ref().expect("a plain request goes first"));
        // By the server itself, which says nothing.
        let nothing = (400, String::new(), String::new(), String::new());
        if mix.may_be_refused && told == nothing {
            self.refused.push(mix.name);
            return false;
        }
        assert_eq!(&told, plain, "{}", mix.name);
        self.alike += 1;
        true
    }

    fn finish(self, case: &str) {
        assert_eq!(self.alike + self.refused.len(), MIXES.len(), "{case}");
        assert!(self.alike >= 40, "{case}: {} alike, refused {:?}", self.alike, self.refused);
        println!(
            "{case}: {} of {} mixes alike, the server refused {:?}",
            self.alike,
            MIXES.len(),
            self.refused
        );
    }
}

/// As if nobody stood between.
const PLAIN: Mix =
    Mix { name: "plain", before_path: "", hosts: &[super::mixes::OWN], headers: &[], may_be_refused: false };

/// Asks the same plainly and with each mix, by a browser of its own.
async fn ask_all(case: &str, request: Ask<'_>) -> Page {
    let (mut tally, nobody) = (Tally::default(), Browser::new());
    let plain = wire::ask(&nobody.with_cookies_of_its_own(), request, &PLAIN).await;
    tally.plain = Some(told(&plain));
    for mix in &MIXES {
        tally.compare(mix, &wire::ask(&nobody.with_cookies_of_its_own(), request, mix).await);
    }
    tally.finish(case);
    plain
}

/// The authorization address, and in it the address to come back to, are the configured ones.
pub async fn a_sign_in_leads_to_the_configured_addresses_behind_any_proxy<A: Application>() {
    let stage = Stage::plain::<A>().await;
    for path in ["/logto/sign-in", "/logto/sign-up", "/logto/sign-in?return_to=/protected"] {
        let plain = ask_all(path, Ask::get(&stage.at(path))).await;
        let location = plain.location();
        assert!(location.as_str().starts_with(&format!("{}/auth?", stage.emulator.issuer())), "{location}");
        let back = location.query_pairs().find(|(name, _)| name == "redirect_uri").expect("an address").1;
        assert_eq!(back, stage.at("/logto/sign-in-callback"));
    }
}

/// The provider is told the configured address with the code, at its own endpoint, and the person comes to the path
/// that they wanted.
pub async fn a_callback_is_exchanged_for_the_configured_address_behind_any_proxy<A: Application>() {
    let stage = Stage::plain::<A>().await;
    let mut tally = Tally::default();
    for mix in [PLAIN].iter().chain(&MIXES) {
        let start = stage.get("/logto/sign-in?return_to=/protected").await;
        let callback = stage.approve(&start.location(), "alice");
        let calls = stage.emulator.count(Endpoint::Token);
        let answer = wire::ask(&stage.browser, Ask::get(&callback), mix).await;
        if tally.plain.is_none() {
            assert_eq!((answer.status, answer.header("location")), (303, Some("/protected")));
            tally.plain = Some(told(&answer));
        } else if !tally.compare(mix, &answer) {
            continue;
        }
        assert_eq!(stage.emulator.count(Endpoint::Token), calls + 1, "{}", mix.name);
        let sent = stage.emulator.received(Endpoint::Token).expect("a token request").parameters;
        let back = sent.iter().find(|(name, _)| name == "redirect_uri").map(|(_, value)| value.clone());
        assert_eq!(back, Some(stage.at("/logto/sign-in-callback")), "{}", mix.name);
    }
    tally.finish("callback");
}

/// Who must sign in goes to the configured route, and from there back to where they were.
pub async fn a_guard_sends_to_the_configured_route_behind_any_proxy<A: Application>() {
    let stage = Stage::plain::<A>().await;
    for path in ["/protected", "/user-info?a=//evil.example"] {
        let plain = ask_all(path, Ask::get(&stage.at(path))).await;
        let back: String = url::form_urlencoded::byte_serialize(path.as_bytes()).collect();
        assert_eq!(plain.header("location"), Some(&*format!("/logto/sign-in?return_to={back}")));
    }
}

/// The provider's sign-out, the address to come back to from there, and home.
pub async fn a_sign_out_leads_to_the_configured_addresses_behind_any_proxy<A: Application>() {
    let stage = Stage::plain::<A>().await;
    let url = stage.at("/logto/sign-out");
    for method in ["POST", "GET"] {
        let mut tally = Tally::default();
        for mix in [PLAIN].iter().chain(&MIXES) {
            stage.sign_in("alice").await;
            let revoked = stage.emulator.count(Endpoint::Revocation);
            let answer = wire::ask(&stage.browser, Ask { method, ..Ask::get(&url) }, mix).await;
            if tally.plain.is_none() {
                let end = answer.location();
                assert!(
                    end.as_str().starts_with(&format!("{}/session/end?", stage.emulator.issuer())),
                    "{end}"
                );
                let back = end.query_pairs().find(|(name, _)| name == "post_logout_redirect_uri");
                assert_eq!(back.expect("an address").1, stage.at("/logto/signed-out"));
                tally.plain = Some(told(&answer));
            } else if !tally.compare(mix, &answer) {
                continue;
            }
            assert_eq!(stage.emulator.count(Endpoint::Revocation), revoked + 1, "{}", mix.name);
            assert_eq!(stage.who().await, "nobody", "{}", mix.name);
        }
        tally.finish(method);
    }
    let home = ask_all("signed out", Ask::get(&stage.at("/logto/signed-out"))).await;
    assert_eq!(home.header("location"), Some("/"));
}

/// What the pages link and post to: the page of an error, and the one that asks whether to sign out.
pub async fn a_page_holds_the_configured_addresses_behind_any_proxy<A: Application>() {
    let stage = Stage::plain::<A>().await;
    let url = stage.at("/logto/sign-in-callback");
    let error = ask_all("error", Ask::get(&url)).await;
    assert!(error.status == 400 && error.body.contains("<a href=\"/logto/sign-in\">"), "{error:?}");
    let url = stage.at("/logto/sign-out");
    let asks = Ask { headers: &[("sec-fetch-site", "cross-site")], ..Ask::get(&url) };
    let page = ask_all("asks", asks).await;
    assert!(page.status == 200 && page.body.contains("action=\"/logto/sign-out\""), "{page:?}");
}

/// A request may say that it is for another site's host, and is not for that reason from that site.
pub async fn another_origin_is_another_origin_behind_any_proxy<A: Application>() {
    let stage = Stage::plain::<A>().await;
    stage.sign_in("alice").await;
    let url = stage.at("/logto/sign-out");
    for origin in
        ["http://evil.example", "https://evil.example", "https://evil.example:8443", "http://EVIL.EXAMPLE"]
    {
        let headers = [("origin", origin)];
        let ask = Ask { method: "POST", url: &url, headers: &headers, body: "" };
        let mut tally = Tally::default();
        for mix in [PLAIN].iter().chain(&MIXES) {
            let answer = wire::ask(&stage.browser, ask, mix).await;
            if tally.plain.is_none() {
                assert_eq!(answer.status, 403);
                tally.plain = Some(told(&answer));
            } else {
                tally.compare(mix, &answer);
            }
        }
        tally.finish(origin);
    }
    assert_ne!(stage.who().await, "nobody");
}

/// A logout token is for the configured issuer and application, whichever host it is sent to.
pub async fn a_back_channel_logout_is_judged_alike_behind_any_proxy<A: Application>() {
    let stage = Stage::plain::<A>().await;
    let url = stage.at("/logto/back-channel-logout");
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let token = |change: fn(&mut serde_json::Map<String, serde_json::Value>)| {
        stage.emulator.logout_token("local-app", "alice", None, change).expect("a logout token")
    };
    let of_another =
        token(|claims| drop(claims.insert("iss".to_owned(), "https://evil.example/oidc".into())));
    for (token, status) in [(token(|_| {}), 200), (of_another, 400)] {
        let body = format!("logout_token={token}");
        let ask = Ask { method: "POST", url: &url, headers: &headers, body: &body };
        assert_eq!(ask_all("logout token", ask).await.status, status);
    }
}

/// A refusal names the configured address of the metadata, and they name the configured API and issuer.
pub async fn a_challenge_and_the_metadata_are_as_configured_behind_any_proxy<A: api::Application>() {
    let stage = api::stage::Stage::set::<A>().await;
    for path in ["/route/orders", "/signature/orders"] {
        let url = stage.url(path);
        let plain = ask_all(path, Ask::get(&url)).await;
        let challenge = plain.header("www-authenticate").unwrap_or_default();
        assert!(challenge.contains(&format!("resource_metadata=\"{METADATA}\"")), "{challenge}");
        let authorization = format!("Bearer {}", Token::good().signed());
        let headers = [("authorization", authorization.as_str())];
        let with_token = Ask { headers: &headers, ..Ask::get(&url) };
        assert_eq!(ask_all("with a token", with_token).await.status, 200);
    }
    let document = stage.url(METADATA.strip_prefix("https://api.example.test").unwrap_or_default());
    let plain = ask_all("metadata", Ask::get(&document)).await;
    assert!(
        plain.body.contains(api::tokens::API) && plain.body.contains(api::tokens::ISSUER),
        "{}",
        plain.body
    );
}
