//! Counting, delaying and failing, per endpoint.

use crate::{connection::Control, misbehave, state::Shared};
use axum::{
    body::Body,
    extract::{ConnectInfo, Request, State},
    http::{StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use std::{
    collections::{HashMap, VecDeque},
    fmt,
    sync::Arc,
    time::Duration,
};
use tokio::sync::watch;
use url::form_urlencoded;

pub use crate::misbehave::{Claim, Failure};

/// An endpoint of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Endpoint {
    /// `/oidc/.well-known/openid-configuration`
    Discovery,
    /// `/oidc/jwks`
    Jwks,
    /// `/oidc/auth`
    Authorize,
    /// `/oidc/token`
    Token,
    /// `/oidc/me`
    UserInfo,
    /// `/oidc/token/revocation`
    Revocation,
    /// `/oidc/token/introspection`
    Introspection,
    /// `/oidc/session/end`
    EndSession,
    /// `/oidc/request`
    PushedAuthorization,
    /// `/oidc/device/auth`
    DeviceAuthorization,
}

/// Each with its path and with the name by which `/_emulator/` knows it.
const ENDPOINTS: [(Endpoint, &str, &str); 10] = [
    (Endpoint::Discovery, "/oidc/.well-known/openid-configuration", "discovery"),
    (Endpoint::Jwks, "/oidc/jwks", "jwks"),
    (Endpoint::Authorize, "/oidc/auth", "authorize"),
    (Endpoint::Token, "/oidc/token", "token"),
    (Endpoint::UserInfo, "/oidc/me", "user_info"),
    (Endpoint::Revocation, "/oidc/token/revocation", "revocation"),
    (Endpoint::Introspection, "/oidc/token/introspection", "introspection"),
    (Endpoint::EndSession, "/oidc/session/end", "end_session"),
    (Endpoint::PushedAuthorization, "/oidc/request", "pushed_authorization"),
    (Endpoint::DeviceAuthorization, "/oidc/device/auth", "device_authorization"),
];

impl Endpoint {
    fn of(path: &str) -> Option<Self> {
        ENDPOINTS.iter().find(|(_, known, _)| *known == path).map(|(endpoint, ..)| *endpoint)
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        ENDPOINTS.iter().find(|(.., known)| *known == name).map(|(endpoint, ..)| *endpoint)
    }

    pub(crate) fn all() -> impl Iterator<Item = (Self, &'static str)> {
        ENDPOINTS.iter().map(|(endpoint, _, name)| (*endpoint, *name))
    }
}

/// So many requests of an endpoint can be read back.
const MOST_REMEMBERED: usize = 1000;

/// What an endpoint was sent.
#[derive(Clone)]
pub struct Received {
    /// The `Authorization` header.
    pub authorization: Option<String>,
    /// The form, or the query where there is no form, in order.
    pub parameters: Vec<(String, String)>,
}

impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.parameters.iter().map(|(name, _)| name)).finish()
    }
}

#[derive(Default)]
pub(crate) struct Faults {
    counts: HashMap<Endpoint, u64>,
    received: HashMap<Endpoint, VecDeque<Received>>,
    latency: HashMap<Endpoint, Latency>,
    held: HashMap<Endpoint, watch::Sender<bool>>,
    always: HashMap<Endpoint, Failure>,
    next: HashMap<Endpoint, (Failure, u32)>,
}

impl Faults {
    pub(crate) fn count(&self, endpoint: Endpoint) -> u64 {
        self.counts.get(&endpoint).copied().unwrap_or_default()
    }

    pub(crate) fn received(&self, endpoint: Endpoint) -> Option<Received> {
        self.received.get(&endpoint)?.back().cloned()
    }

    pub(crate) fn all_received(&self, endpoint: Endpoint) -> Vec<Received> {
        self.received.get(&endpoint).into_iter().flatten().cloned().collect()
    }

    pub(crate) fn set_latency(&mut self, endpoint: Endpoint, latency: Duration) {
        self.latency.insert(endpoint, Latency::Fixed(latency));
    }

    pub(crate) fn set_latency_between(
        &mut self,
        endpoint: Endpoint,
        from: Duration,
        to: Duration,
        seed: u64,
    ) {
        self.latency.insert(endpoint, Latency::Between { from, to, random: seed });
    }

    pub(crate) fn hold(&mut self, endpoint: Endpoint, held: bool) {
        self.held.entry(endpoint).or_insert_with(|| watch::channel(false).0).send_replace(held);
    }

    pub(crate) fn set_failure(&mut self, endpoint: Endpoint, failure: Option<Failure>) {
        match failure {
            Some(failure) => self.always.insert(endpoint, failure),
            None => self.always.remove(&endpoint),
        };
    }

    pub(crate) fn fail_next(&mut self, endpoint: Endpoint, failure: Failure, times: u32) {
        self.next.insert(endpoint, (failure, times));
    }

    /// Every endpoint does what it should again, at once; counts and requests stay.
    pub(crate) fn clear(&mut self) {
        self.latency.clear();
        self.always.clear();
        self.next.clear();
        for gate in self.held.values() {
            gate.send_replace(false);
        }
    }

    /// A request has come: what it waits for, and how it fails.
    fn meet(&mut self, endpoint: Endpoint, received: Received) -> (Wait, Option<Failure>) {
        *self.counts.entry(endpoint).or_default() += 1;
        let remembered = self.received.entry(endpoint).or_default();
        if remembered.len() == MOST_REMEMBERED {
            remembered.pop_front();
        }
        remembered.push_back(received);
        let (before, after) = self.latency.get_mut(&endpoint).map(Latency::next).unwrap_or_default();
        let wait = Wait { before, after, gate: self.held.get(&endpoint).map(watch::Sender::subscribe) };
        let failure = match self.next.get_mut(&endpoint) {
            Some((failure, times)) if *times > 0 => {
                *times -= 1;
                Some(*failure)
            }
            _ => self.always.get(&endpoint).copied(),
        };
        (wait, failure)
    }
}

/// How long an endpoint takes.
enum Latency {
    Fixed(Duration),
    Between { from: Duration, to: Duration, random: u64 },
}

impl Latency {
    /// What the next request takes before it is decided, and after.
    fn next(&mut self) -> (Duration, Duration) {
        match self {
            Self::Fixed(latency) => (*latency, Duration::ZERO),
            Self::Between { from, to, random } => {
                let whole = *from + to.saturating_sub(*from).mul_f64(share(random));
                let before = whole.mul_f64(share(random));
                (before, whole.saturating_sub(before))
            }
        }
    }
}

/// The next number of this sequence, from 0 to 1: SplitMix64.
fn share(random: &mut u64) -> f64 {
    *random = random.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *random;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// What a request waits for before it is decided, and its answer before it leaves.
struct Wait {
    before: Duration,
    after: Duration,
    gate: Option<watch::Receiver<bool>>,
}

/// Stands before every endpoint.
pub(crate) async fn meet(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let Some(endpoint) = Endpoint::of(request.uri().path()) else { return next.run(request).await };
    if shared.gate.is_closed()
        && let Some(ConnectInfo(control)) = request.extensions().get::<ConnectInfo<Control>>()
    {
        control.reset();
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, 1024 * 1024).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let text = |name: header::HeaderName| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let form = if body.is_empty() { parts.uri.query().unwrap_or_default().as_bytes() } else { &body };
    let received = Received {
        authorization: text(header::AUTHORIZATION).map(str::to_owned),
        parameters: form_urlencoded::parse(form).into_owned().collect(),
    };
    let (wait, failure) = shared.state().faults.meet(endpoint, received);
    sleep(wait.before).await;
    if let Some(mut gate) = wait.gate {
        drop(gate.wait_for(|held| !held).await);
    }
    let mut request = Request::from_parts(parts, Body::from(body));
    let control = request.extensions().get::<ConnectInfo<Control>>().map(|info| info.0.clone());
    let response = match failure {
        Some(failure) if failure.replaces_the_answer() => {
            misbehave::instead(failure, control.as_ref(), &shared).await
        }
        Some(failure) => {
            // What only bends the answer, its endpoint is told of.
            request.extensions_mut().insert(failure);
            misbehave::bend(failure, next.run(request)).await
        }
        None => next.run(request).await,
    };
    sleep(wait.after).await;
    response
}

async fn sleep(time: Duration) {
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_between_two_bounds_are_spread_over_all_of_it_and_follow_the_seed() {
        let (from, to) = (Duration::from_millis(100), Duration::from_millis(500));
        let times = |seed| {
            let mut latency = Latency::Between { from, to, random: seed };
            (0..1000).map(|_| latency.next()).collect::<Vec<_>>()
        };
        let wholes: Vec<_> = times(7).into_iter().map(|(before, after)| before + after).collect();
        assert!(wholes.iter().all(|whole| (from..=to).contains(whole)));
        for tenth in 0..10 {
            let band = from + (to - from) * tenth / 10..from + (to - from) * (tenth + 1) / 10;
            let within = wholes.iter().filter(|whole| band.contains(whole)).count();
            assert!((50..200).contains(&within), "{within} of 1000 in {band:?}");
        }
        assert_eq!(times(7), times(7));
        assert_ne!(times(7), times(8));
    }
}
