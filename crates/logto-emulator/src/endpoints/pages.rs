//! Pages that a person can use without JavaScript.

use crate::state::{Interaction, Shared, State as Known};
use axum::{
    extract::State,
    http::header,
    response::{Html, IntoResponse, Response},
};
use std::sync::Arc;

const STYLE: &str = include_str!("style.css");

/// What a page knows of its sign-in.
pub(super) struct Form {
    pub(super) uid: String,
    pub(super) username: String,
    pub(super) application: String,
    pub(super) client_id: String,
    pub(super) scope: Vec<String>,
}

impl Form {
    pub(super) fn of(state: &Known, uid: &str, interaction: &Interaction) -> Self {
        let authorization = &interaction.authorization;
        let application = state.tenant.applications.get(&authorization.client_id);
        Self {
            uid: uid.to_owned(),
            username: authorization.login_hint.clone().unwrap_or_default(),
            application: application.map(|known| known.name.clone()).unwrap_or_default(),
            client_id: authorization.client_id.clone(),
            scope: authorization.scope.clone(),
        }
    }

    fn hidden(&self) -> String {
        format!("<input type=\"hidden\" name=\"uid\" value=\"{}\">", escape(&self.uid))
    }

    fn other_page(&self, path: &str, text: &str) -> String {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("app_id", &self.client_id)
            .finish();
        format!("<p><a href=\"{path}?{}\">{text}</a></p>", escape(&query))
    }
}

pub(super) fn html(page: String) -> Response {
    let cache = "no-cache, no-store, must-revalidate";
    ([(header::CACHE_CONTROL, cache), (header::REFERRER_POLICY, "no-referrer")], Html(page)).into_response()
}

pub(super) fn sign_in(form: &Form, message: Option<&str>) -> String {
    let other = form.other_page("/register", "No account yet? Create one");
    credentials(form, "Sign in", "/sign-in", "current-password", message, &other)
}

pub(super) fn register(form: &Form, message: Option<&str>) -> String {
    let other = form.other_page("/sign-in", "Have an account? Sign in");
    credentials(form, "Create account", "/register", "new-password", message, &other)
}

fn credentials(
    form: &Form,
    title: &str,
    action: &str,
    kind: &str,
    message: Option<&str>,
    other: &str,
) -> String {
    let (hidden, username) = (form.hidden(), escape(&form.username));
    let focus = |here| if here { " autofocus" } else { "" };
    let (first, second) = (focus(form.username.is_empty()), focus(!form.username.is_empty()));
    page(
        title,
        &format!(
            "<p class=\"to\">to continue to <b>{application}</b></p>{message}\
             <form method=\"post\" action=\"{action}\">{hidden}\
             <label>Username<input name=\"username\" value=\"{username}\" autocomplete=\"username\" \
             autocapitalize=\"none\" spellcheck=\"false\" required{first}></label>\
             <label>Password<input name=\"password\" type=\"password\" autocomplete=\"{kind}\" required{second}></label>\
             <button id=\"submit\">{title}</button></form>\
             <form method=\"post\" action=\"/cancel\">{hidden}\
             <button class=\"quiet\" id=\"cancel\">Cancel</button></form>{other}",
            application = escape(&form.application),
            message = warning(message),
        ),
    )
}

fn warning(message: Option<&str>) -> String {
    message.map(|text| format!("<p class=\"error\" role=\"alert\">{}</p>", escape(text))).unwrap_or_default()
}

pub(super) fn consent(form: &Form) -> String {
    let mut scopes = String::new();
    for scope in form.scope.iter().filter(|scope| *scope != "openid") {
        scopes.push_str(&format!("<li>{}</li>", escape(meaning(scope))));
    }
    let scopes = if scopes.is_empty() { scopes } else { format!("<ul>{scopes}</ul>") };
    page(
        "Allow access?",
        &format!(
            "<p class=\"to\"><b>{}</b> asks for access to your account:</p>{scopes}\
             <form method=\"post\" action=\"/consent\">{}\
             <button name=\"action\" value=\"allow\" id=\"allow\">Allow</button>\
             <button name=\"action\" value=\"refuse\" class=\"quiet\" id=\"refuse\">Cancel</button></form>",
            escape(&form.application),
            form.hidden(),
        ),
    )
}

fn meaning(scope: &str) -> &str {
    match scope {
        "profile" => "your name, user name and picture",
        "email" => "your e-mail address",
        "phone" => "your phone number",
        "offline_access" => "access while you are away",
        "custom_data" => "your custom data",
        "identities" => "your social identities",
        "roles" => "your roles",
        "urn:logto:scope:organizations" => "your organizations",
        "urn:logto:scope:organization_roles" => "your roles in organizations",
        other => other,
    }
}

/// The page where a person types the code that a device shows.
pub(super) fn device(user_code: &str, message: Option<&str>) -> String {
    page(
        "Connect a device",
        &format!(
            "<p class=\"to\">Type the code that your device shows.</p>{}\
             <form method=\"post\" action=\"/oidc/device\"><label>Code<input class=\"code\" name=\"user_code\" \
             value=\"{}\" autocomplete=\"off\" spellcheck=\"false\" required autofocus></label>\
             <button id=\"submit\">Continue</button></form>",
            warning(message),
            escape(user_code),
        ),
    )
}

pub(super) fn device_done() -> Response {
    html(page("Device connected", "<p>You can go back to your device and close this page.</p>"))
}

pub(super) fn device_refused() -> Response {
    html(page("Nothing connected", "<p>Your device has been told that you do not want this.</p>"))
}

/// Submits itself where there is JavaScript; the fields are those of the server's page.
pub(super) fn sign_out(action: &str, xsrf: &str) -> String {
    page(
        "Sign Out",
        &format!(
            "<form id=\"op.logoutForm\" method=\"post\" action=\"{}\"><input type=\"hidden\" name=\"xsrf\" \
             value=\"{}\"/><input type=\"hidden\" name=\"logout\" value=\"yes\"/><button>Sign out\
             </button></form><script>document.getElementById('op.logoutForm').submit()</script>",
            escape(action),
            escape(xsrf)
        ),
    )
}

/// Submits itself to the application where there is JavaScript.
pub(super) fn form_post(action: &str, fields: &[(&str, String)]) -> String {
    let mut inputs = String::new();
    for (name, value) in fields {
        let value = escape(value);
        inputs.push_str(&format!("<input type=\"hidden\" name=\"{name}\" value=\"{value}\"/>"));
    }
    page(
        "Submitting Callback",
        &format!(
            "<p>You are on the way back to the application.</p><form method=\"post\" action=\"{}\">{inputs}\
             <button>Continue</button></form><script>document.forms[0].submit()</script>",
            escape(action)
        ),
    )
}

pub(super) async fn signed_out() -> Response {
    let mut response = html(page("Sign Out", "<p>You are signed out of the local Logto.</p>"));
    response.headers_mut().insert(header::CACHE_CONTROL, axum::http::HeaderValue::from_static("no-store"));
    response
}

pub(super) async fn unknown_session() -> Response {
    html(page(
        "Unknown session",
        "<p>This sign-in is not known. Go back to the application and start again.</p>",
    ))
}

/// What somebody sees who opens the address of the server.
pub(super) async fn welcome(State(shared): State<Arc<Shared>>) -> Response {
    let state = shared.state();
    let list = |names: Vec<&String>| {
        let mut names: Vec<_> = names.into_iter().map(|name| format!("<li>{}</li>", escape(name))).collect();
        names.sort();
        format!("<ul>{}</ul>", names.concat())
    };
    let (applications, users) = (state.tenant.applications.keys(), state.tenant.users.keys());
    html(page(
        "This is a local Logto",
        &format!(
            "<p>Its issuer is <code>{}</code>.</p><p>Applications:</p>{}<p>People:</p>{}\
             <p><a href=\"/oidc/.well-known/openid-configuration\">Metadata</a> · \
             <a href=\"/_emulator/\">What happens here</a></p>",
            escape(&shared.issuer()),
            list(applications.collect()),
            list(users.collect()),
        ),
    ))
}

fn page(title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width,initial-scale=1\"><title>{title}</title><style>{STYLE}</style></head>\
         <body><main><h1>{title}</h1>{body}<footer>A local Logto for development</footer></main></body></html>"
    )
}

pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}
