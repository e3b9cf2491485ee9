//! The cases, each named by the sentence it proves.

use super::{Chromium, OidcProvider, Sample};
use crate::{
    flow::{Browser, Page},
    servers::{free_port, note_skip},
};
use reqwest::Method;

/// Alice at the sign-in page of the local Logto.
pub(super) async fn fill_in(browser: &Chromium) {
    browser.see("A local Logto for development").await;
    browser.fill("input[name=username]", "alice").await;
    browser.fill("input[name=password]", "alice").await;
    browser.click("#submit").await;
}

/// A person signs in and out, and is asked again afterwards.
pub async fn a_person_signs_in_and_out_in_a_browser(program: &str) {
    let Some(browser) = Chromium::start().await else {
        return note_skip("a_person_signs_in_and_out_in_a_browser", "Chromium and chromedriver");
    };
    let mut sample = Sample::start(program, 0, &[]);
    let endpoint = sample.endpoint();
    browser.goto(&sample.at("/")).await;
    browser.see("You are not signed in.").await;
    browser.screenshot("1-signed-out").await;
    browser.click("a[href='/logto/sign-in']").await;
    browser.see("A local Logto for development").await;
    assert!(browser.url().await.starts_with(&endpoint), "{}", browser.url().await);
    browser.screenshot("2-sign-in-page").await;
    fill_in(&browser).await;
    browser.see("Hello, Alice Example").await;
    assert_eq!(browser.url().await, sample.at("/"));
    browser.screenshot("3-signed-in").await;
    browser.click("a[href='/protected']").await;
    browser.see("Only people who are signed in see this page.").await;
    browser.screenshot("4-protected").await;
    for (path, text) in [
        ("/user-id-token-claims", "local-app"),
        ("/user-info", "Alice Example"),
        ("/access-token", "expires_at"),
    ] {
        browser.goto(&sample.at(path)).await;
        browser.see(text).await;
    }
    browser.goto(&sample.at("/")).await;
    browser.click("form[action='/logto/sign-out'] button").await;
    browser.see("You are not signed in.").await;
    assert_eq!(browser.url().await, sample.at("/"));
    browser.goto(&sample.at("/protected")).await;
    browser.see("A local Logto for development").await;
}

/// Two tabs that wait at the sign-in page both come back to where they wanted to go.
pub async fn two_tabs_of_a_browser_sign_in_in_any_order(program: &str) {
    for first_tab_first in [true, false] {
        let Some(browser) = Chromium::start().await else {
            return note_skip("two_tabs_of_a_browser_sign_in_in_any_order", "Chromium and chromedriver");
        };
        let sample = Sample::start(program, 0, &[]);
        let mut tabs = vec![(browser.tab().await, "/protected", "Only people who are signed in")];
        browser.goto(&sample.at("/protected")).await;
        browser.see("A local Logto for development").await;
        tabs.push((browser.new_tab().await, "/user-info", "Alice Example"));
        browser.goto(&sample.at("/user-info")).await;
        browser.see("A local Logto for development").await;
        if !first_tab_first {
            tabs.reverse();
        }
        for (tab, path, text) in tabs {
            browser.switch(&tab).await;
            fill_in(&browser).await;
            browser.see(text).await;
            assert_eq!(browser.url().await, sample.at(path));
        }
    }
}

/// An API of the other provider, whose tokens live for less than they are held, so that each call refreshes.
const API: &str = "https://api.example.test";

/// The protocol is spoken with a provider that is not Logto too: RS256, rotation at every refresh,
/// its own pages, its own sign-out.
pub async fn a_person_signs_in_and_out_at_oidc_provider(program: &str) {
    let port = free_port();
    let application = format!("http://localhost:{port}/");
    let provider = match OidcProvider::start(&application) {
        Ok(provider) => provider,
        Err(missing) => return note_skip("a_person_signs_in_and_out_at_oidc_provider", missing),
    };
    let environment = [
        ("LOGTO_ENDPOINT", provider.endpoint()),
        ("LOGTO_APP_ID", OidcProvider::CLIENT_ID.to_owned()),
        ("LOGTO_APP_SECRET", OidcProvider::CLIENT_SECRET.to_owned()),
        ("LOGTO_RESOURCES", API.to_owned()),
    ];
    let environment: Vec<(&str, &str)> =
        environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let sample = Sample::start(program, port, &environment);
    let browser = Browser::new();

    let asked = follow(&browser, browser.get(sample.at("/protected")).await).await;
    let signed_in = submit(&browser, &asked, &[("login", "carol"), ("password", "x")]).await;
    let consented = submit(&browser, &signed_in, &[]).await;
    assert_eq!((consented.status, consented.url.as_str()), (200, sample.at("/protected").as_str()));
    assert!(consented.body.contains("<dd>carol</dd>"), "{}", consented.body);
    // Each of these is a refresh that replaces the refresh token, and takes the one before.
    for _ in 0..3 {
        let token = browser.get(sample.at(&format!("/access-token?resource={API}"))).await;
        assert!(token.body.contains(&format!("\"aud\":\"{API}\"")), "{}", token.body);
    }
    let info = browser.get(sample.at("/user-info")).await;
    assert!(info.body.contains("\"name\":\"Person carol\""), "{}", info.body);

    let headers = [("sec-fetch-site", "same-origin"), ("sec-fetch-mode", "navigate")];
    let leaving = browser.request(Method::POST, sample.at("/logto/sign-out"), &headers).await;
    let asked = follow(&browser, leaving).await;
    let gone = submit(&browser, &asked, &[("logout", "yes")]).await;
    assert_eq!((gone.status, gone.url.as_str()), (200, application.as_str()));
    assert!(gone.body.contains("You are not signed in."), "{}", gone.body);
}

/// Follows redirects to the page at their end.
async fn follow(browser: &Browser, mut page: Page) -> Page {
    for _ in 0..10 {
        if !(300..400).contains(&page.status) {
            return page;
        }
        page = browser.get(page.location()).await;
    }
    panic!("too many redirects, the last to {}", page.url);
}

/// Submits the first form of a page with its hidden fields and these; the page where that leads.
async fn submit(browser: &Browser, page: &Page, fields: &[(&str, &str)]) -> Page {
    let after = |text: &str, begin: &str| {
        text.split_once(begin).and_then(|(_, rest)| rest.split_once('"')).map(|(value, _)| value.to_owned())
    };
    let form = page.body.split("<form").nth(1).unwrap_or_else(|| panic!("no form: {}", page.body));
    let action = page.url.join(&after(form, "action=\"").expect("an action")).expect("an address");
    let hidden = form.split("<input").filter(|input| input.contains("type=\"hidden\""));
    let mut pairs: Vec<(String, String)> = hidden
        .filter_map(|input| Some((after(input, "name=\"")?, after(input, "value=\"").unwrap_or_default())))
        .collect();
    pairs.extend(fields.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())));
    follow(browser, browser.post_form(action, &pairs).await).await
}

/// Told to stop, as a deployment does, it ends by itself and without an error.
#[cfg(unix)]
pub async fn it_stops_when_it_is_told_to(program: &str) {
    let sample = Sample::start(program, 0, &[]);
    assert_eq!(Browser::new().get(sample.at("/")).await.status, 200);
    assert!(sample.terminate().success());
}
