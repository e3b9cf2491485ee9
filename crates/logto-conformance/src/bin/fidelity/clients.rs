//! The applications, told from what was answered to them.

use crate::{
    recording::{Exchange, Request},
    scopes,
    shape::Jwt,
    world::Right,
};
use serde_json::Value;
use std::{collections::BTreeMap, fs, path::Path};

/// An application.
#[derive(Clone, Debug, Default)]
pub(crate) struct Client {
    pub(crate) id: String,
    pub(crate) secret: Option<String>,
    pub(crate) native: bool,
    pub(crate) machine: bool,
    pub(crate) redirect_uris: Vec<String>,
    pub(crate) post_logout_redirect_uris: Vec<String>,
    pub(crate) always_issue_refresh_token: bool,
    pub(crate) keeps_refresh_token: bool,
    pub(crate) token_exchange: bool,
    pub(crate) device_flow: bool,
    pub(crate) third_party: bool,
    pub(crate) user_scopes: Option<Vec<String>>,
    pub(crate) back_channel_logout_uri: Option<String>,
    pub(crate) session_required: bool,
    /// Organizations of a machine.
    pub(crate) organizations: Vec<String>,
    /// Of a machine.
    pub(crate) rights: Vec<Right>,
}

impl Client {
    /// Takes over what the Management API answers about it.
    pub(crate) fn apply(&mut self, application: &Value) {
        if let Some(kind) = application.get("type").and_then(Value::as_str) {
            self.native = kind == "Native";
            self.machine = kind == "MachineToMachine";
        }
        let third_party = application.get("isThirdParty").and_then(Value::as_bool);
        self.third_party = third_party.unwrap_or(self.third_party);
        if let Some(metadata) = application.get("oidcClientMetadata") {
            let list = |name: &str| {
                let list = metadata.get(name).and_then(Value::as_array).into_iter().flatten();
                list.filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>()
            };
            self.redirect_uris = list("redirectUris");
            self.post_logout_redirect_uris = list("postLogoutRedirectUris");
            let uri = metadata.get("backchannelLogoutUri").and_then(Value::as_str);
            self.back_channel_logout_uri = uri.map(str::to_owned);
            self.session_required =
                metadata.get("backchannelLogoutSessionRequired").and_then(Value::as_bool).unwrap_or_default();
        }
        if let Some(metadata) = application.get("customClientMetadata") {
            let is = |name: &str| metadata.get(name).and_then(Value::as_bool);
            self.always_issue_refresh_token = is("alwaysIssueRefreshToken").unwrap_or_default();
            self.keeps_refresh_token = is("rotateRefreshToken") == Some(false);
            self.token_exchange = is("allowTokenExchange").unwrap_or_default();
            self.device_flow = is("isDeviceFlow").unwrap_or_default();
        }
    }
}

/// All of them, by id.
pub(crate) fn of(all: &[&Exchange], readme: Option<&Path>) -> BTreeMap<String, Client> {
    let mut clients: BTreeMap<String, Client> = BTreeMap::new();
    let mut missing_redirect_uri = Vec::new();
    let mut without_challenge = Vec::new();
    for exchange in all.iter().filter(|exchange| exchange.is_oidc()) {
        let (request, response) = (&exchange.request, &exchange.response);
        let Some(id) = request.client_id().or_else(|| hinted(request)) else { continue };
        if response.member("error_description") == Some(&format!("invalid client {id}")) {
            continue;
        }
        let client = clients.entry(id.clone()).or_insert_with(|| Client { id, ..Client::default() });
        if response.status != 401 {
            let sent =
                request.basic().map(|(_, secret)| secret).or_else(|| request.parameter("client_secret"));
            client.secret = client.secret.take().or(sent);
        }
        let goes_on =
            response.status == 303 && !response.header("location").unwrap_or_default().contains("error=");
        if request.path() == "/oidc/auth"
            && goes_on
            && request.parameter("code_challenge").is_none()
            && request.parameter("request_uri").is_none()
        {
            without_challenge.push(client.id.clone());
        }
        let uri = request.parameter("redirect_uri");
        let granted = request.parameter("grant_type").filter(|_| response.status == 200);
        match request.path() {
            "/oidc/auth" | "/oidc/request" if response.member("error") != Some("invalid_redirect_uri") => {
                scopes::add(&mut client.redirect_uris, uri);
            }
            "/oidc/token" if granted.as_deref() == Some("authorization_code") => {
                scopes::add(&mut client.redirect_uris, uri);
                let scope = response.member("scope").unwrap_or_default();
                let opaque =
                    response.member("access_token").is_some_and(|token| Jwt::decode(token).is_none());
                if opaque && response.member("refresh_token").is_some() && !scope.contains("offline_access") {
                    client.always_issue_refresh_token = true;
                }
            }
            "/oidc/token" if granted.as_deref() == Some("client_credentials") => {
                client.machine = true;
                scopes::add(&mut client.organizations, request.parameter("organization_id"));
            }
            "/oidc/session/end" if response.status == 200 => {
                if let Some(uri) = request.parameter("post_logout_redirect_uri") {
                    let same = |known: &String| known.trim_end_matches('/') == uri.trim_end_matches('/');
                    if !client.post_logout_redirect_uris.iter().any(same) {
                        client.post_logout_redirect_uris.push(uri);
                    }
                }
            }
            _ => {}
        }
        if response.member("error_description") == Some("missing required parameter 'redirect_uri'") {
            missing_redirect_uri.push(client.id.clone());
        }
    }
    for id in missing_redirect_uri {
        register_another(&mut clients, all, &id);
    }
    for (id, kind) in readme.map(table).unwrap_or_default() {
        if let Some(client) = clients.get_mut(&id) {
            client.native = kind.contains("native");
            client.machine |= kind.contains("machine");
            client.always_issue_refresh_token |= kind.contains("alwaysissuerefreshtoken on");
        }
    }
    for application in all.iter().map(|exchange| &exchange.response.body) {
        let id = application.get("id").and_then(Value::as_str);
        if let Some(client) = id.and_then(|id| clients.get_mut(id)) {
            let kind = application.get("type").and_then(Value::as_str);
            client.native |= kind == Some("Native");
            client.machine |= kind == Some("MachineToMachine");
        }
    }
    // Only who has a secret may do without a challenge.
    for id in without_challenge {
        if let Some(client) = clients.get_mut(&id) {
            client.secret.get_or_insert_with(|| "not-shown".to_owned());
        }
    }
    settle(&mut clients);
    clients
}

/// The client of an ID token that is given as a hint.
fn hinted(request: &Request) -> Option<String> {
    let hint = Jwt::decode(&request.parameter("id_token_hint")?)?;
    hint.claim("aud").map(str::to_owned)
}

/// A server asks which address is meant where there are two: the other one is named elsewhere, or nowhere.
fn register_another(clients: &mut BTreeMap<String, Client>, all: &[&Exchange], id: &str) {
    let Some(client) = clients.get_mut(id) else { return };
    let theirs = all.iter().filter(|exchange| exchange.request.client_id().as_deref() == Some(id));
    let named = theirs.filter_map(|exchange| exchange.request.parameter("redirect_uri"));
    let named: Vec<String> = named.collect();
    scopes::add(&mut client.redirect_uris, named);
    if client.redirect_uris.len() < 2 {
        client.redirect_uris.push("http://localhost:3000/another".to_owned());
    }
}

/// Interactive clients have an address: the one of the others, where none is named.
fn settle(clients: &mut BTreeMap<String, Client>) {
    let common = |of: fn(&Client) -> &Vec<String>, otherwise: &str| {
        let mut counted: BTreeMap<&String, usize> = BTreeMap::new();
        for uri in clients.values().flat_map(of) {
            *counted.entry(uri).or_default() += 1;
        }
        let most = counted.into_iter().max_by_key(|(_, number)| *number);
        most.map_or_else(|| otherwise.to_owned(), |(uri, _)| uri.clone())
    };
    let callback = common(|client| &client.redirect_uris, "http://localhost:3000/callback");
    let signed_out = common(|client| &client.post_logout_redirect_uris, "http://localhost:3000/");
    for client in clients.values_mut() {
        if client.machine {
            client.redirect_uris.clear();
        } else {
            if client.redirect_uris.is_empty() {
                client.redirect_uris.push(callback.clone());
            }
            if client.post_logout_redirect_uris.is_empty() {
                client.post_logout_redirect_uris.push(signed_out.clone());
            }
        }
    }
}

/// The table of a README beside the recordings: name, client id, kind.
fn table(readme: &Path) -> Vec<(String, String)> {
    let text = fs::read_to_string(readme).unwrap_or_default();
    let rows = text.lines().filter_map(|line| {
        let cells: Vec<&str> = line.trim().trim_matches('|').split('|').map(str::trim).collect();
        match cells.as_slice() {
            [_, id, kind] => Some(((*id).to_owned(), kind.to_lowercase())),
            _ => None,
        }
    });
    rows.collect()
}
