//! A page's policy for forms (CSP `form-action`), which browsers apply to the redirects that follow too.

use super::{Chromium, Sample, cases::fill_in};
use crate::servers::{free_port, note_skip};
use logto_emulator::{Emulator, Endpoint};
use serde_json::Value;

/// Gives the page this policy, as the application would in a header, and notes what it stops.
fn with_policy(form_action: &str) -> String {
    let policy = Value::from(format!("form-action {form_action}"));
    format!(
        "const policy = document.createElement('meta');
         policy.httpEquiv = 'Content-Security-Policy';
         policy.content = {policy};
         document.head.append(policy);
         document.addEventListener('securitypolicyviolation', it => window.stopped = it.violatedDirective);
         arguments[0](true);"
    )
}

/// Waits for the policy to stop something; what.
const STOPPED: &str =
    "const look = () => window.stopped ? arguments[0](window.stopped) : setTimeout(look, 5);
look();";

/// With `'self'` alone a form signs out here and never reaches the provider; with the provider's origin beside it, or
/// by a link, it does.
pub async fn a_policy_for_forms_names_the_provider_or_stops_the_sign_out(program: &str) {
    let Some(browser) = Chromium::start().await else {
        let test = "a_policy_for_forms_names_the_provider_or_stops_the_sign_out";
        return note_skip(test, "Chromium and chromedriver");
    };
    let emulator = Emulator::start().await.expect("the local Logto starts");
    let (endpoint, port) = (emulator.endpoint(), free_port());
    let environment = [
        ("LOGTO_ENDPOINT", endpoint.as_str()),
        ("LOGTO_APP_ID", "local-app"),
        ("LOGTO_APP_SECRET", "local-secret"),
    ];
    let sample = Sample::start(program, port, &environment);
    let form = "form[action='/logto/sign-out'] button";

    browser.goto(&sample.at("/logto/sign-in")).await;
    fill_in(&browser).await;
    browser.see("You are signed in.").await;
    browser.run(&with_policy("'self'")).await;
    browser.click(form).await;
    assert_eq!(browser.run(STOPPED).await, "form-action");
    assert_eq!(emulator.count(Endpoint::EndSession), 0, "the provider hears nothing");
    browser.goto(&sample.at("/")).await;
    browser.see("You are not signed in.").await;
    // Without a password, because the provider has not signed anybody out.
    browser.goto(&sample.at("/logto/sign-in")).await;
    browser.see("You are signed in.").await;

    browser.run(&with_policy(&format!("'self' {endpoint}"))).await;
    browser.click(form).await;
    browser.see("You are not signed in.").await;
    assert_eq!(emulator.count(Endpoint::EndSession), 1);

    browser.goto(&sample.at("/logto/sign-in")).await;
    fill_in(&browser).await;
    browser.see("You are signed in.").await;
    browser.run(&with_policy("'self'")).await;
    let link = "const link = document.createElement('a');
         link.href = '/logto/sign-out';
         link.id = 'sign-out';
         link.textContent = 'Sign out by a link';
         document.querySelector('main').append(link);
         arguments[0](true);";
    browser.run(link).await;
    browser.click("#sign-out").await;
    browser.see("You are not signed in.").await;
    assert_eq!(emulator.count(Endpoint::EndSession), 2);
}
