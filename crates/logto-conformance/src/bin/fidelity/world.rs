//! The server as it was when it was recorded, told from the recordings: applications, people, resources.

use crate::{
    clients::{self, Client},
    people::{self, Person},
    recording::{Exchange, Recording},
    scopes,
    shape::Jwt,
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

/// What was set up.
#[derive(Clone, Debug, Default)]
pub(crate) struct World {
    /// For example `http://localhost:3001`.
    pub(crate) origin: String,
    pub(crate) clients: BTreeMap<String, Client>,
    /// The interactive client that most requests are of.
    pub(crate) main_client: String,
    pub(crate) people: Vec<Person>,
    /// The scopes of each API resource.
    pub(crate) resources: BTreeMap<String, Vec<String>>,
    /// Name and description.
    pub(crate) organizations: BTreeMap<String, (String, Option<String>)>,
    /// How many answers name an organization or a role in one.
    pub(crate) mentions: BTreeMap<String, usize>,
    /// What authorization requests ask for.
    pub(crate) requests: Vec<Vec<String>>,
    /// Scopes that requests name or that several tokens carry: no others are believed.
    pub(crate) vocabulary: BTreeSet<String>,
}

/// Scopes at an API resource or in an organization, or both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Right {
    pub(crate) organization: Option<String>,
    pub(crate) resource: Option<String>,
    pub(crate) scopes: Vec<String>,
}

impl World {
    /// Told from all files of a folder.
    pub(crate) fn of(recordings: &[Recording], readme: Option<&Path>) -> Self {
        let all: Vec<&Exchange> = recordings.iter().flat_map(|recording| &recording.exchanges).collect();
        let mut world = Self { origin: origin(&all), ..Self::default() };
        world.vocabulary = all
            .iter()
            .flat_map(|exchange| exchange.request.all("scope"))
            .flat_map(|scope| scopes::words(&scope))
            .chain(told_twice(&all))
            .collect();
        let asked = all.iter().filter(|exchange| exchange.request.path() == "/oidc/auth");
        world.requests = asked
            .flat_map(|exchange| exchange.request.all("scope"))
            .map(|scope| scopes::words(&scope))
            .collect();
        world.resources = resources(&all);
        world.organizations = organizations(&all);
        world.clients = clients::of(&all, readme);
        let requests_of = |id: &String| {
            all.iter().filter(|exchange| exchange.request.client_id().as_ref() == Some(id)).count()
        };
        let interactive = world.clients.values().filter(|client| !client.machine);
        let main = interactive.max_by_key(|client| requests_of(&client.id)).map(|client| client.id.clone());
        world.main_client = main.unwrap_or_default();
        for claims in
            all.iter().filter(|exchange| exchange.is_oidc()).flat_map(|exchange| people::claims(exchange))
        {
            for name in ["organizations", "organization_roles"] {
                for told in people::texts(claims.get(name)) {
                    *world.mentions.entry(told).or_default() += 1;
                }
            }
        }
        let remarks: Vec<&Value> = recordings.iter().flat_map(|recording| &recording.remarks).collect();
        world.people = people::of(&all, &remarks);
        for token in access_tokens(&all) {
            world.learn_rights(&token);
        }
        world
    }

    fn learn_rights(&mut self, token: &Jwt) {
        let (Some(audience), Some(client), Some(subject)) =
            (token.claim("aud"), token.claim("client_id"), token.claim("sub"))
        else {
            return;
        };
        let told = scopes::words(token.claim("scope").unwrap_or_default());
        let told: Vec<String> = told.into_iter().filter(|scope| self.vocabulary.contains(scope)).collect();
        if audience == scopes::ORGANIZATIONS_RESOURCE {
            return;
        }
        let in_organization = audience.strip_prefix(scopes::ORGANIZATION).map(str::to_owned);
        let right = Right {
            resource: in_organization.is_none().then(|| audience.to_owned()),
            organization: in_organization.or_else(|| token.claim("organization_id").map(str::to_owned)),
            scopes: told,
        };
        if let (Some(resource), scopes) = (&right.resource, right.scopes.clone()) {
            scopes::add(self.resources.entry(resource.clone()).or_default(), scopes);
        }
        let rights = if subject == client {
            self.clients.get_mut(client).map(|client| &mut client.rights)
        } else {
            self.people.iter_mut().find(|person| person.id == subject).map(|person| &mut person.rights)
        };
        if let Some(rights) = rights {
            merge(rights, right);
        }
    }

    /// The shortest list of scopes of an authorization request that has all of these, without those of APIs.
    pub(crate) fn smallest_request_with(&self, scope: &[String]) -> Option<Vec<String>> {
        let having = self.requests.iter().filter(|asked| scope.iter().all(|word| asked.contains(word)));
        let shortest = having.min_by_key(|asked| asked.len())?;
        Some(shortest.iter().filter(|scope| scopes::is_known(scope)).cloned().collect())
    }

    /// The person of this id; without one, the person who is told of most.
    pub(crate) fn person(&self, id: Option<&str>) -> Option<&Person> {
        self.people.iter().find(|person| Some(person.id.as_str()) == id).or(self.people.first())
    }
}

/// Scopes that more than one token carries.
fn told_twice(all: &[&Exchange]) -> Vec<String> {
    let mut counted: BTreeMap<String, usize> = BTreeMap::new();
    for token in access_tokens(all) {
        for scope in scopes::words(token.claim("scope").unwrap_or_default()) {
            *counted.entry(scope).or_default() += 1;
        }
    }
    for exchange in all.iter().filter(|exchange| exchange.request.path() == "/oidc/token/introspection") {
        for scope in scopes::words(exchange.response.member("scope").unwrap_or_default()) {
            *counted.entry(scope).or_default() += 1;
        }
    }
    counted.into_iter().filter(|(_, number)| *number > 1).map(|(scope, _)| scope).collect()
}

fn merge(rights: &mut Vec<Right>, right: Right) {
    let same =
        |known: &&mut Right| known.organization == right.organization && known.resource == right.resource;
    match rights.iter_mut().find(same) {
        Some(known) => scopes::add(&mut known.scopes, right.scopes),
        None => rights.push(right),
    }
}

/// Where the server was: the origin that most requests under `/oidc` went to.
fn origin(all: &[&Exchange]) -> String {
    let mut counted: BTreeMap<String, usize> = BTreeMap::new();
    for exchange in all.iter().filter(|exchange| exchange.is_oidc()) {
        *counted.entry(exchange.request.url.origin().ascii_serialization()).or_default() += 1;
    }
    let most = counted.into_iter().max_by_key(|(_, number)| *number);
    most.map_or_else(|| "http://localhost:3001".to_owned(), |(origin, _)| origin)
}

/// The signed access tokens of answers, and those that are sent.
fn access_tokens(all: &[&Exchange]) -> Vec<Jwt> {
    let of = |exchange: &&Exchange| {
        let sent = exchange.request.parameters().into_iter().filter(|(name, _)| name == "token");
        let answered = exchange.response.member("access_token").map(str::to_owned);
        sent.map(|(_, value)| value).chain(answered).collect::<Vec<_>>()
    };
    let texts = all.iter().filter(|exchange| exchange.is_oidc()).flat_map(of);
    texts.filter_map(|text| Jwt::decode(&text)).collect()
}

/// Resources that were asked for and not refused.
fn resources(all: &[&Exchange]) -> BTreeMap<String, Vec<String>> {
    let mut found = BTreeMap::new();
    for exchange in all.iter().filter(|exchange| exchange.is_oidc()) {
        let at_authorization =
            exchange.request.path() == "/oidc/auth" || exchange.request.path() == "/oidc/request";
        let location = exchange.response.header("location").unwrap_or_default();
        let taken = match at_authorization {
            true => exchange.response.status < 400 && !location.contains("error="),
            false => exchange.response.is_success(),
        };
        for resource in exchange.request.all("resource").into_iter().filter(|_| taken) {
            if !resource.starts_with("urn:logto:") {
                found.entry(resource).or_insert_with(Vec::new);
            }
        }
    }
    found
}

fn organizations(all: &[&Exchange]) -> BTreeMap<String, (String, Option<String>)> {
    let mut found = BTreeMap::new();
    for exchange in all.iter().filter(|exchange| exchange.is_oidc()) {
        let list = exchange.response.body.get("organization_data").and_then(Value::as_array);
        for data in list.into_iter().flatten() {
            let text = |name: &str| data.get(name).and_then(Value::as_str).map(str::to_owned);
            if let (Some(id), Some(name)) = (text("id"), text("name")) {
                found.entry(id).or_insert((name, text("description")));
            }
        }
    }
    found
}
