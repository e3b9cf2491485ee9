//! The pages, as plain HTML that works without JavaScript.

use logto_client::IdTokenClaims;

const STYLE: &str = "*{box-sizing:border-box}body{font:1rem/1.55 system-ui,sans-serif;margin:0;background:#f6f5fa;\
color:#1c1b1f}main{max-width:36rem;margin:10vh auto;padding:2rem 2.25rem;background:#fff;border-radius:1rem;\
box-shadow:0 1px 3px #0002}h1{margin:0 0 .75rem;font-size:1.5rem}nav{display:flex;flex-wrap:wrap;gap:.6rem;\
margin-top:1.5rem}form{margin:0}a.button,button{font:inherit;display:inline-block;padding:.5rem 1.1rem;border:0;\
border-radius:.6rem;background:#5d34f2;color:#fff;text-decoration:none;cursor:pointer}nav .quiet{\
background:#ece8fd;color:#3a1fb0}dl{display:grid;grid-template-columns:auto 1fr;gap:.3rem 1.25rem;margin:1rem 0 0}dt{color:#66646b}\
dd{margin:0;overflow-wrap:anywhere}@media(prefers-color-scheme:dark){body{background:#141318;color:#e8e6ee}\
main{background:#1f1d26}dt{color:#a5a2ae}nav .quiet{background:#34304a;color:#d6ccff}}";

const SIGN_OUT: &str =
    "<form method=\"post\" action=\"/logto/sign-out\"><button class=\"quiet\">Sign out</button></form>";

pub(crate) fn home(user: Option<&IdTokenClaims>) -> String {
    match user {
        Some(user) => page(
            &format!("Hello, {}", escape(user.name().or(user.username()).unwrap_or(user.sub()))),
            &format!(
                "<p>You are signed in.</p>{}<nav><a class=\"button\" href=\"/protected\">Protected page</a>\
                 <a class=\"button quiet\" href=\"/user-id-token-claims\">ID token claims</a>\
                 <a class=\"button quiet\" href=\"/user-info\">User info</a>\
                 <a class=\"button quiet\" href=\"/access-token\">Access token</a>{SIGN_OUT}</nav>",
                person(user)
            ),
        ),
        None => page(
            "Hello",
            "<p>You are not signed in.</p><nav><a class=\"button\" href=\"/logto/sign-in\">Sign in</a>\
             <a class=\"button quiet\" href=\"/logto/sign-up\">Create account</a>\
             <a class=\"button quiet\" href=\"/protected\">Protected page</a></nav>",
        ),
    }
}

pub(crate) fn protected(user: &IdTokenClaims) -> String {
    page(
        "For your eyes only",
        &format!(
            "<p>Only people who are signed in see this page.</p>{}<nav><a class=\"button\" href=\"/\">Home</a>\
             {SIGN_OUT}</nav>",
            person(user)
        ),
    )
}

fn person(user: &IdTokenClaims) -> String {
    let rows = [
        ("id", Some(user.sub())),
        ("name", user.name()),
        ("username", user.username()),
        ("email", user.email()),
    ];
    let rows = rows
        .iter()
        .filter_map(|(term, value)| Some(format!("<dt>{term}</dt><dd>{}</dd>", escape((*value)?))));
    format!("<dl>{}</dl>", rows.collect::<String>())
}

fn page(title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>{title}</title><style>{STYLE}</style></head><body><main>\
         <h1>{title}</h1>{body}</main></body></html>"
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}
