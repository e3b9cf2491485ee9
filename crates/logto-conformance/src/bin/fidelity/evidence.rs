//! What a file tells of sign-ins that happened outside of it.

use crate::{
    note, people,
    recording::{Exchange, Recording},
    scopes,
    shape::Jwt,
    visits::{Kind, Visit, presented},
    world::World,
};
use serde_json::Value;
use std::collections::HashMap;

/// What was seen of one sign-in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Evidence {
    /// Scopes in an answer to a request that did not narrow them, by how often they came so.
    whole: HashMap<String, usize>,
    /// Scopes that claims tell of.
    told: Vec<String>,
    /// Scopes that were asked for later and given, and those of signed access tokens.
    given: Vec<String>,
    never: Vec<String>,
    resources: Vec<String>,
    /// Whom answers name, how often.
    people: HashMap<String, usize>,
    /// The redirect URI and the verifier of a code that was taken; else of the first try.
    code: Option<(bool, Option<String>, Option<String>)>,
    nonce: Option<String>,
    /// Organizations and roles in them, by how often they were told so.
    organizations: HashMap<(Vec<String>, Vec<String>), usize>,
    refreshes: bool,
    /// A code brought tokens without an ID token.
    without_openid: bool,
}

/// For each value by itself: the scopes that user info or introspection tells of it.
pub(crate) fn of_values(recording: &Recording) -> HashMap<String, Vec<String>> {
    let mut found = HashMap::new();
    for exchange in recording.exchanges.iter().filter(|exchange| exchange.response.status == 200) {
        if let (Some(token), "/oidc/me") = (exchange.request.bearer(), exchange.request.path()) {
            let mut told = scopes::of_claims(&exchange.response.body);
            told.retain(|scope| scope != "offline_access");
            found.insert(token.to_owned(), told);
        }
    }
    found
}

/// For each visit: what all exchanges tell that send a value of it, or one that came from such a value.
pub(crate) fn of_visits(
    recording: &Recording,
    of: &HashMap<String, usize>,
    number: usize,
    kinds: &HashMap<String, Kind>,
) -> Vec<Evidence> {
    let mut found = vec![Evidence::default(); number];
    let mut lineage = of.clone();
    for exchange in &recording.exchanges {
        for (kind, value) in presented(&exchange.request, kinds) {
            let Some(&at) = lineage.get(&value) else { continue };
            // A note tells of the sign-in where what is sent came from it at once.
            if of.contains_key(&value) && exchange.request.parameter("scope").is_none() {
                found[at].heed(&exchange.note);
            }
            found[at].take(exchange, kind, &value);
            if exchange.request.path() == "/oidc/token" && matches!(kind, Kind::Code | Kind::RefreshToken) {
                for name in ["access_token", "refresh_token", "id_token"] {
                    if let Some(token) = exchange.response.member(name) {
                        lineage.entry(token.to_owned()).or_insert(at);
                    }
                }
            }
        }
    }
    found
}

impl Evidence {
    fn name(&mut self, person: Option<&str>) {
        if let Some(id) = person {
            *self.people.entry(id.to_owned()).or_default() += 1;
        }
    }

    fn heed(&mut self, note: &str) {
        let scopes = ["openid", "offline_access", "profile", "email"];
        let left_out = scopes.into_iter().filter(|scope| note::left_out(note, scope));
        self.never.extend(left_out.map(str::to_owned));
        if note.contains("all user scopes") {
            scopes::add(&mut self.told, scopes::of_people());
        }
    }

    fn take(&mut self, exchange: &Exchange, kind: Kind, value: &str) {
        if let (Kind::ResourceToken | Kind::IdToken, Some(token)) = (kind, Jwt::decode(value)) {
            self.token(&token);
        }
        match exchange.request.path() {
            "/oidc/token" if kind == Kind::Code || kind == Kind::RefreshToken => self.grant(exchange, kind),
            "/oidc/me" if exchange.response.status == 200 => self.claims(&exchange.response.body),
            "/oidc/token/introspection" => {
                if let Some(scope) = exchange.response.member("scope") {
                    *self.whole.entry(scope.to_owned()).or_default() += 1;
                    scopes::add(&mut self.given, scopes::words(scope));
                }
                self.name(exchange.response.member("sub"));
            }
            "/oidc/auth" => {
                // A session whose grant the server does not find asks for what was granted.
                scopes::add(
                    &mut self.given,
                    scopes::words(&exchange.request.parameter("scope").unwrap_or_default()),
                );
            }
            _ => {}
        }
    }

    fn grant(&mut self, exchange: &Exchange, kind: Kind) {
        let (request, response) = (&exchange.request, &exchange.response);
        let taken = response.status == 200;
        let narrowed = request.parameter("scope");
        if kind == Kind::Code && self.code.as_ref().is_none_or(|(known, ..)| taken && !known) {
            self.code = Some((taken, request.parameter("redirect_uri"), request.parameter("code_verifier")));
        }
        self.refreshes |= kind == Kind::RefreshToken;
        for resource in request.all("resource") {
            let single = request.all("resource").len() == 1;
            if single && response.member("error") != Some("invalid_target") {
                scopes::add(&mut self.resources, [resource]);
            }
        }
        if response.member("error") == Some("insufficient_scope") {
            self.never.extend(response.member("scope").map(str::to_owned));
        }
        if !taken {
            return;
        }
        scopes::add(&mut self.given, scopes::words(narrowed.as_deref().unwrap_or_default()));
        if request.parameter("organization_id").is_some() && kind == Kind::RefreshToken {
            scopes::add(&mut self.given, [scopes::ORGANIZATIONS.to_owned()]);
        }
        match response.member("access_token").map(Jwt::decode) {
            Some(Some(token)) => self.token(&token),
            Some(None) if narrowed.is_none() => {
                *self.whole.entry(response.member("scope").unwrap_or_default().to_owned()).or_default() += 1;
            }
            _ => {}
        }
        match response.member("id_token").and_then(Jwt::decode) {
            Some(token) => self.claims(&token.claims),
            None => self.without_openid |= kind == Kind::Code,
        }
        self.refreshes |= kind == Kind::Code && response.member("refresh_token").is_some();
    }

    /// A signed access token, or an ID token that is a hint.
    fn token(&mut self, token: &Jwt) {
        let audience = token.claim("aud").unwrap_or_default();
        let Some(scope) = token.claim("scope") else { return self.claims(&token.claims) };
        scopes::add(&mut self.given, scopes::words(scope));
        if audience.starts_with(scopes::ORGANIZATION) {
            scopes::add(&mut self.given, [scopes::ORGANIZATIONS.to_owned()]);
            if !scope.is_empty() {
                scopes::add(&mut self.resources, [scopes::ORGANIZATIONS_RESOURCE.to_owned()]);
            }
        } else {
            scopes::add(&mut self.resources, [audience.to_owned()]);
        }
        self.name(token.claim("sub"));
    }

    fn claims(&mut self, claims: &Value) {
        scopes::add(&mut self.told, scopes::of_claims(claims));
        let text = |name: &str| claims.get(name).and_then(Value::as_str).map(str::to_owned);
        self.name(claims.get("sub").and_then(Value::as_str));
        self.nonce = self.nonce.take().or_else(|| text("nonce"));
        if claims.get("organizations").is_some() {
            let roles = people::texts(claims.get("organization_roles"));
            let told = (people::texts(claims.get("organizations")), roles);
            *self.organizations.entry(told).or_default() += 1;
        }
    }

    /// What a visit asked for, so far as it is told; else what SDKs ask for.
    pub(crate) fn settle(self, visit: &mut Visit, world: &World) {
        let believed = |scope: &String| scopes::is_known(scope) || world.vocabulary.contains(scope);
        let most = self.whole.iter().max_by_key(|(scope, number)| (**number, scope.len()));
        let mut scope = most.map(|(scope, _)| scopes::words(scope)).unwrap_or_default();
        if !scope.iter().all(believed) {
            // With a word that nobody knows the list is not believed: it was one that is asked for elsewhere.
            scope.retain(believed);
            scope = world.smallest_request_with(&scope).unwrap_or(scope);
        }
        let nothing_whole = scope.is_empty();
        scopes::add(&mut scope, self.told);
        let nothing_told = scope.is_empty() && !self.without_openid;
        if nothing_told {
            scopes::add(&mut scope, ["openid", "offline_access", "profile"].map(str::to_owned));
        }
        scopes::add(&mut scope, self.given.into_iter().filter(believed));
        let client = world.clients.get(&visit.client);
        let always = client.is_some_and(|client| client.always_issue_refresh_token);
        if (self.refreshes && !always) || nothing_whole {
            // In the place where SDKs have it.
            if !scope.iter().any(|known| known == "offline_access") {
                scope.insert(
                    usize::from(scope.first().is_some_and(|first| first == "openid")),
                    "offline_access".to_owned(),
                );
            }
        }
        scope.retain(|scope| !self.never.contains(scope));
        if self.without_openid {
            scope.retain(|scope| scope != "openid");
        }
        let known = |resource: &String| {
            world.resources.contains_key(resource) || resource == scopes::ORGANIZATIONS_RESOURCE
        };
        visit.resources = self.resources.into_iter().filter(known).collect();
        visit.scope = scope;
        let usual = world.people.first().map(|person| person.id.clone());
        let most = self.people.into_iter().max_by_key(|(id, number)| (*number, usual.as_ref() == Some(id)));
        visit.person = most.map(|(id, _)| id);
        visit.nonce = self.nonce;
        // What only one answer of all recordings names is not believed.
        let told = self.organizations.into_iter().filter(|((ids, roles), _)| {
            ids.iter().chain(roles).all(|name| world.mentions.get(name).is_some_and(|number| *number > 1))
        });
        visit.organizations = told.max_by_key(|(_, number)| *number).map(|(told, _)| told);
        if let Some((_, redirect_uri, verifier)) = self.code {
            visit.redirect_uri = redirect_uri;
            visit.verifier = verifier;
        }
    }
}
