//! Plain pages that a person can use without JavaScript.

use axum::{
    http::header,
    response::{Html, IntoResponse, Response},
};

const STYLE: &str = "body{font:1rem/1.5 system-ui,sans-serif;max-width:24rem;margin:10vh auto;padding:0 1.25rem;\
color:#1c1b1f;background:#fafafa}h1{font-size:1.4rem}label{display:block;margin:.9rem 0}input{font:inherit;\
display:block;width:100%;box-sizing:border-box;padding:.5rem .7rem;border:1px solid #bbb;border-radius:.4rem}\
button{font:inherit;width:100%;margin-top:.6rem;padding:.55rem;border:0;border-radius:.4rem;background:#5d34f2;\
color:#fff;cursor:pointer}.quiet{background:#e8e6ee;color:#333}.error{color:#b3261e}small{color:#66646b}";

pub(super) fn html(page: String) -> Response {
    ([(header::CACHE_CONTROL, "no-store"), (header::REFERRER_POLICY, "no-referrer")], Html(page))
        .into_response()
}

pub(super) fn sign_in(uid: &str, username: &str, message: Option<&str>) -> String {
    credentials("Sign in", "/sign-in", uid, username, message)
}

pub(super) fn register(uid: &str, username: &str, message: Option<&str>) -> String {
    credentials("Create account", "/register", uid, username, message)
}

fn credentials(title: &str, action: &str, uid: &str, username: &str, message: Option<&str>) -> String {
    let message = message.map(|text| format!("<p class=\"error\" role=\"alert\">{}</p>", escape(text)));
    page(
        title,
        &format!(
            "{}<form method=\"post\" action=\"{action}\"><input type=\"hidden\" name=\"uid\" value=\"{uid}\">\
             <label>Username<input name=\"username\" value=\"{}\" autocomplete=\"username\" autofocus required></label>\
             <label>Password<input name=\"password\" type=\"password\" autocomplete=\"current-password\" required></label>\
             <button id=\"submit\">{title}</button></form>\
             <form method=\"post\" action=\"/cancel\"><input type=\"hidden\" name=\"uid\" value=\"{uid}\">\
             <button class=\"quiet\" id=\"cancel\">Cancel</button></form><p><small>A local Logto for development</small></p>",
            message.unwrap_or_default(),
            escape(username),
            uid = escape(uid),
        ),
    )
}

pub(super) fn consent(uid: &str) -> String {
    page(
        "Allow access?",
        &format!(
            "<form method=\"post\" action=\"/consent\"><input type=\"hidden\" name=\"uid\" value=\"{}\">\
             <button name=\"action\" value=\"allow\" id=\"allow\">Allow</button>\
             <button name=\"action\" value=\"refuse\" class=\"quiet\" id=\"refuse\">Cancel</button></form>",
            escape(uid)
        ),
    )
}

/// Submits itself where there is JavaScript.
pub(super) fn sign_out(action: &str, xsrf: &str) -> String {
    page(
        "Sign out",
        &format!(
            "<form id=\"op.logoutForm\" method=\"post\" action=\"{}\"><input type=\"hidden\" name=\"xsrf\" \
             value=\"{}\"><input type=\"hidden\" name=\"logout\" value=\"yes\"><button>Sign out\
             </button></form><script>document.getElementById('op.logoutForm').submit()</script>",
            escape(action),
            escape(xsrf)
        ),
    )
}

pub(super) async fn signed_out() -> Response {
    html(page("Signed out", "<p>You are signed out of the local Logto.</p>"))
}

pub(super) async fn unknown_session() -> Response {
    html(page(
        "Unknown session",
        "<p>This sign-in is not known. Go back to the application and start again.</p>",
    ))
}

fn page(title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>{title}</title><style>{STYLE}</style></head><body><h1>{title}</h1>\
         {body}</body></html>"
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
