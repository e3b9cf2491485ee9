//! Values that were issued outside a file: obtained by a sign-in of their own.

use crate::{
    browser::Browser,
    http::Outgoing,
    live,
    play::Stage,
    recording::Response,
    scopes,
    shape::Jwt,
    visits::{Kind, Visit},
};
use aws_lc_rs::digest;
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use url::{Url, form_urlencoded};

/// The verifier of sign-ins whose own is not recorded.
const VERIFIER: &str = "a-verifier-of-a-sign-in-that-the-recording-does-not-show";

/// Signs in as a visit did, and lets its values stand for the recorded ones.
pub(crate) async fn visit(stage: &mut Stage<'_>, at: usize) -> Result<(), String> {
    let visit = stage.plan.visits[at].clone();
    let person = stage.world.person(visit.person.as_deref()).cloned().ok_or("nobody is known")?;
    stage.live.set_organizations(&person, visit.organizations.as_ref());
    let password = live::password(&person);
    let mut browser = Browser::default();
    let address = authorization(stage, &visit);
    let callback = browser.sign_in(&stage.server, &address, &person.username, password).await?;
    let code = parameter(&callback, "code").ok_or_else(|| format!("no code came: {callback}"))?;
    session(stage, &visit, &browser);
    if let Some((_, recorded)) = visit.members.iter().find(|(kind, _)| *kind == Kind::Code) {
        stage.bindings.bind(recorded, &code);
        return Ok(());
    }
    let tokens = visit.members.iter().any(|(kind, _)| *kind != Kind::Session);
    if tokens { exchange_code(stage, &visit, &code).await } else { Ok(()) }
}

/// The authorization request.
fn authorization(stage: &Stage<'_>, visit: &Visit) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("client_id", &visit.client).append_pair("response_type", "code");
    query.append_pair("redirect_uri", &redirect_uri(stage, visit));
    query.append_pair("scope", &visit.scope.join(" ")).append_pair("prompt", "consent");
    query.append_pair("state", "outside");
    for resource in &visit.resources {
        query.append_pair("resource", resource);
    }
    if let Some(nonce) = &visit.nonce {
        query.append_pair("nonce", nonce);
    }
    let with_code = visit.members.iter().any(|(kind, _)| *kind == Kind::Code);
    let verifier = visit.verifier.as_deref().or((!with_code).then_some(VERIFIER));
    if let Some(verifier) = verifier {
        let challenge = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes()));
        query.append_pair("code_challenge", &challenge).append_pair("code_challenge_method", "S256");
    }
    format!("/oidc/auth?{}", query.finish())
}

/// Where the recorded one came back to, if it is registered.
fn redirect_uri(stage: &Stage<'_>, visit: &Visit) -> String {
    let registered = stage.world.clients.get(&visit.client).map(|client| client.redirect_uris.as_slice());
    let registered = registered.unwrap_or_default();
    let recorded = visit.redirect_uri.clone().filter(|uri| registered.contains(uri));
    recorded.or_else(|| registered.first().cloned()).unwrap_or_default()
}

/// The browser's cookies stand for those that the recording sends.
fn session(stage: &mut Stage<'_>, visit: &Visit, browser: &Browser) {
    for (_, recorded) in visit.members.iter().filter(|(kind, _)| *kind == Kind::Session) {
        if let Some(live) = browser.cookies.get("_session") {
            stage.bindings.bind(recorded, live);
        }
        let signature = "_session.sig";
        if let (Some(recorded), Some(live)) =
            (stage.cookie_beside(recorded, signature), browser.cookies.get(signature))
        {
            stage.bindings.bind(&recorded, live);
        }
    }
}

async fn exchange_code(stage: &mut Stage<'_>, visit: &Visit, code: &str) -> Result<(), String> {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let verifier = visit.verifier.as_deref().unwrap_or(VERIFIER);
    let form = [
        pair("grant_type", "authorization_code"),
        pair("code", code),
        pair("redirect_uri", &redirect_uri(stage, visit)),
        pair("code_verifier", verifier),
    ];
    let first = token(stage, visit, &form).await?;
    let mut refresh_token = first.member("refresh_token").map(str::to_owned);
    let opaque = first.member("access_token").filter(|token| Jwt::decode(token).is_none());
    let mut spare = opaque.map(str::to_owned);
    for (kind, recorded) in &visit.members {
        let live = match kind {
            Kind::IdToken => first.member("id_token").map(str::to_owned),
            Kind::AccessToken if spare.is_some() => spare.take(),
            Kind::AccessToken => refresh(stage, visit, &mut refresh_token, &[]).await?,
            Kind::ResourceToken => {
                let narrowed = target(recorded);
                refresh(stage, visit, &mut refresh_token, &narrowed).await?
            }
            Kind::Code | Kind::RefreshToken | Kind::Session => continue,
        };
        stage.bindings.bind(recorded, &live.ok_or_else(|| format!("no {kind:?} came: {}", first.body))?);
    }
    // Last: where each refresh brings a new one, the newest counts.
    for (_, recorded) in visit.members.iter().filter(|(kind, _)| *kind == Kind::RefreshToken) {
        let live = refresh_token.as_ref().ok_or_else(|| format!("no refresh token came: {}", first.body))?;
        stage.bindings.bind(recorded, live);
    }
    Ok(())
}

/// What a signed access token was asked for with.
fn target(recorded: &str) -> Vec<(String, String)> {
    let Some(token) = Jwt::decode(recorded) else { return Vec::new() };
    let audience = token.claim("aud").unwrap_or_default();
    let mut form = Vec::new();
    match audience.strip_prefix(scopes::ORGANIZATION) {
        Some(organization) => form.push(("organization_id".to_owned(), organization.to_owned())),
        None => form.push(("resource".to_owned(), audience.to_owned())),
    }
    if let Some(organization) = token.claim("organization_id") {
        form.push(("organization_id".to_owned(), organization.to_owned()));
    }
    form
}

async fn refresh(
    stage: &mut Stage<'_>,
    visit: &Visit,
    refresh_token: &mut Option<String>,
    more: &[(String, String)],
) -> Result<Option<String>, String> {
    let Some(used) = refresh_token.clone() else { return Ok(None) };
    let mut form =
        vec![("grant_type".to_owned(), "refresh_token".to_owned()), ("refresh_token".to_owned(), used)];
    form.extend_from_slice(more);
    let answer = token(stage, visit, &form).await?;
    if let Some(new) = answer.member("refresh_token") {
        *refresh_token = Some(new.to_owned());
    }
    Ok(answer.member("access_token").map(str::to_owned))
}

/// The token endpoint, as the visit's application.
async fn token(stage: &Stage<'_>, visit: &Visit, form: &[(String, String)]) -> Result<Response, String> {
    let secret = stage.world.clients.get(&visit.client).and_then(|client| client.secret.as_ref());
    let outgoing = match secret {
        Some(secret) => {
            let credentials = STANDARD.encode(format!("{}:{secret}", visit.client));
            Outgoing::form("/oidc/token", form).header("authorization", format!("Basic {credentials}"))
        }
        None => {
            let mut form = form.to_vec();
            form.push(("client_id".to_owned(), visit.client.clone()));
            Outgoing::form("/oidc/token", &form)
        }
    };
    let answer = stage.server.send(outgoing).await?;
    if answer.is_success() {
        Ok(answer)
    } else {
        Err(format!("no tokens: {} {}", answer.status, answer.body))
    }
}

/// A callback's parameter.
fn parameter(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}
