//! A local Logto: sign-in, tokens and sign-out as the real server answers them.
#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used))]

mod administration;
mod back_channel;
mod body;
mod builder;
mod config;
mod connection;
mod customize;
mod device;
mod directory;
mod endpoints;
mod fault;
mod grants;
mod http_date;
mod keys;
mod kind;
mod misbehave;
mod outbound;
mod people;
mod session;
mod state;
mod subjects;
mod tenant;
mod watch;
mod webhook;

pub use builder::Builder;
pub use config::ConfigError;
pub use customize::TokenContext;
pub use directory::Application;
pub use fault::{Claim, Endpoint, Failure, Received};
pub use grants::Rotation;
pub use keys::SigningKey;
pub use kind::Kind;
pub use people::User;
pub use tenant::{Organization, OrganizationRole, Resource, Role};
pub use watch::TokenCall;
pub use webhook::Webhook;

use serde_json::{Map, Value};
use state::{Shared, Step, Tamper};
use std::{fmt, io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{sync::oneshot, task::JoinHandle};

/// A local Logto on loopback: ready when it is returned, gone when it is dropped.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// use logto_emulator::{Application, Emulator, User};
///
/// let emulator = Emulator::builder()
///     .application(Application::new("shop").secret("s3cret").redirect_uri("http://localhost:3000/callback"))
///     .user(User::new("bob").password("bob"))
///     .start()
///     .await?;
/// assert!(emulator.issuer().ends_with("/oidc"));
/// # Ok(())
/// # }
/// ```
pub struct Emulator {
    shared: Arc<Shared>,
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    server: JoinHandle<()>,
}

impl Emulator {
    /// Starts with the application `local-app` (secret `local-secret`, any address on loopback), the
    /// machine-to-machine application `local-machine` (secret `local-machine-secret`, all of the Management
    /// API) and the person `alice` (password `alice`).
    ///
    /// # Errors
    ///
    /// Where no port is free.
    pub async fn start() -> io::Result<Self> {
        Self::builder().start().await
    }

    /// What it starts with can be chosen; the applications `local-app` and `local-machine` and `alice` are
    /// there always.
    pub fn builder() -> Builder {
        Builder::empty()
            .application(Application::local())
            .application(Application::local_machine())
            .user(User::alice())
    }

    /// Without any application or person: all that is there is said.
    pub fn empty() -> Builder {
        Builder::empty()
    }

    /// Stops it, after requests under way are answered.
    pub async fn stop(mut self) {
        self.stop.take();
        drop((&mut self.server).await);
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The endpoint, for example `http://127.0.0.1:3001`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        self.shared.endpoint.clone()
    }

    /// The issuer: the endpoint followed by `/oidc`.
    #[must_use]
    pub fn issuer(&self) -> String {
        self.shared.issuer()
    }

    /// How many requests an endpoint has received.
    #[must_use]
    pub fn count(&self, endpoint: Endpoint) -> u64 {
        self.shared.state().faults.count(endpoint)
    }

    /// What an endpoint received last.
    #[must_use]
    pub fn received(&self, endpoint: Endpoint) -> Option<Received> {
        self.shared.state().faults.received(endpoint)
    }

    /// What an endpoint has received, the last thousand requests, oldest first.
    #[must_use]
    pub fn all_received(&self, endpoint: Endpoint) -> Vec<Received> {
        self.shared.state().faults.all_received(endpoint)
    }

    /// An endpoint answers only after this time.
    pub fn set_latency(&self, endpoint: Endpoint, latency: Duration) {
        self.shared.state().faults.set_latency(endpoint, latency);
    }

    /// An endpoint takes a time of its own for each request, from the shorter to the longer of the two: a
    /// part of it before the request is decided and the rest before its answer leaves. The same seed gives
    /// the same times, in the order of the requests.
    pub fn set_latency_between(&self, endpoint: Endpoint, from: Duration, to: Duration, seed: u64) {
        self.shared.state().faults.set_latency_between(endpoint, from, to, seed);
    }

    /// An endpoint counts requests and answers none of them, until it is released.
    pub fn hold(&self, endpoint: Endpoint) {
        self.shared.state().faults.hold(endpoint, true);
    }

    /// An endpoint answers again, those that wait first of all.
    pub fn release(&self, endpoint: Endpoint) {
        self.shared.state().faults.hold(endpoint, false);
    }

    /// An endpoint fails so until told otherwise.
    pub fn set_failure(&self, endpoint: Endpoint, failure: Option<Failure>) {
        self.shared.state().faults.set_failure(endpoint, failure);
    }

    /// An endpoint fails so for the next `times` requests.
    pub fn fail_next(&self, endpoint: Endpoint, failure: Failure, times: u32) {
        self.shared.state().faults.fail_next(endpoint, failure, times);
    }

    /// All endpoints do what they should again: no failure, no latency, nothing held, connections accepted.
    pub fn clear_failures(&self) {
        self.shared.state().faults.clear();
        self.shared.gate.open();
    }

    /// Nobody listens for this time: connections are refused, and those that are open are reset when they
    /// are used.
    pub fn refuse_connections(&self, time: Duration) {
        self.shared.gate.close(time);
    }

    /// Connections are accepted again.
    pub fn accept_connections(&self) {
        self.shared.gate.open();
    }

    /// Changes the metadata before they are sent.
    pub fn tamper_metadata(&self, change: impl Fn(&mut Map<String, Value>) + Send + Sync + 'static) {
        self.shared.state().tampers.metadata = Some(Arc::new(change) as Tamper);
    }

    /// Changes the published keys, as a JWK set, before they are sent.
    pub fn tamper_published_keys(&self, change: impl Fn(&mut Map<String, Value>) + Send + Sync + 'static) {
        self.shared.state().tampers.published_keys = Some(Arc::new(change) as Tamper);
    }

    /// Changes the claims of ID tokens before they are signed.
    pub fn tamper_id_token(&self, change: impl Fn(&mut Map<String, Value>) + Send + Sync + 'static) {
        self.shared.state().tampers.id_token = Some(Arc::new(change) as Tamper);
    }

    /// Changes token answers before they are sent.
    pub fn tamper_token_answer(&self, change: impl Fn(&mut Map<String, Value>) + Send + Sync + 'static) {
        self.shared.state().tampers.token_answer = Some(Arc::new(change) as Tamper);
    }

    /// Changes user info before it is sent.
    pub fn tamper_user_info(&self, change: impl Fn(&mut Map<String, Value>) + Send + Sync + 'static) {
        self.shared.state().tampers.user_info = Some(Arc::new(change) as Tamper);
    }

    /// Tells of every request that the token endpoint decides, before its answer is sent.
    pub fn watch_token_calls(&self, watch: impl Fn(&TokenCall) + Send + Sync + 'static) {
        self.shared.state().tampers.watch = Some(Arc::new(watch));
    }

    /// When refresh tokens are replaced from now on.
    pub fn set_rotation(&self, rotation: Rotation) {
        self.shared.state().rotation = rotation;
    }

    /// For how long a refresh token that was replaced is taken again; at the server 3 s.
    pub fn set_reuse_interval(&self, interval: Duration) {
        self.shared.state().reuse_interval = interval;
    }

    /// Ends all sessions of this person, as an administrator does, and tells every application with a
    /// back-channel logout address: one that requires sessions of each in which the person had signed in
    /// there, any other once of the person. Gives the client ids and the status that each answered, or why
    /// there is none; nothing where nobody has this name.
    pub async fn send_back_channel_logout(&self, username: &str) -> Vec<(String, Result<u16, String>)> {
        let messages = {
            let mut state = self.shared.state();
            let sessions = state.sessions.end_all_of(username);
            for session in &sessions {
                state.end_session(session);
            }
            back_channel::of_person(&state, &self.shared.issuer(), username, &sessions)
        };
        back_channel::send(messages).await
    }

    /// A logout token for this application and person, with claims that a test changes before it is signed.
    /// It is not sent, and nothing ends.
    ///
    /// # Errors
    ///
    /// Where there is no such application or nobody has this name.
    pub fn logout_token(
        &self,
        application: &str,
        username: &str,
        sid: Option<&str>,
        change: impl FnOnce(&mut Map<String, Value>),
    ) -> Result<String, String> {
        back_channel::forge(&self.shared, application, username, sid, change)
    }

    /// A token of these claims, with this `typ` in its header, signed by the key that signs now: for tests of
    /// what the server does not issue.
    #[must_use]
    pub fn sign(&self, typ: Option<&str>, claims: Map<String, Value>) -> String {
        self.shared.state().sign(typ, Value::Object(claims))
    }

    /// What a person does at the sign-in page, without one: the address that the application is called
    /// back at. Invalid requests come back as the server sends them. Each call is a browser of its own, so
    /// that each has a session, and a `sid`, of its own.
    ///
    /// # Errors
    ///
    /// The body of the answer where the server would not redirect, and where nobody has this name.
    pub fn approve(&self, authorization_url: &str, username: &str) -> Result<String, String> {
        endpoints::authorize::approve(&self.shared, authorization_url, username)
    }

    /// What happens when a person aborts the sign-in: the callback with `error=oidc.aborted`.
    ///
    /// # Errors
    ///
    /// The body of the answer where the server would not redirect.
    pub fn abort(&self, authorization_url: &str) -> Result<String, String> {
        endpoints::authorize::abort(&self.shared, authorization_url)
    }

    /// What a person does with a device's code: types it, signs in and agrees.
    ///
    /// # Errors
    ///
    /// Where no device waits with this code, and where nobody has this name.
    pub fn approve_device(&self, user_code: &str, username: &str) -> Result<(), String> {
        endpoints::device::approve(&self.shared, user_code, username)
    }

    /// A person signs in at the page of an interaction, whose id the cookie `_interaction_resume` holds: the
    /// address that their browser goes to next.
    ///
    /// # Errors
    ///
    /// Where there is no such interaction, and where nobody has this name.
    pub fn sign_in(&self, interaction: &str, username: &str) -> Result<String, String> {
        endpoints::interaction::decide(&self.shared, interaction, Step::SignedIn, Some(username))
    }

    /// A person agrees at the consent page of an interaction: the address that their browser goes to next.
    ///
    /// # Errors
    ///
    /// Where there is no such interaction.
    pub fn consent(&self, interaction: &str) -> Result<String, String> {
        endpoints::interaction::decide(&self.shared, interaction, Step::Consented, None)
    }

    /// A person gives up at the page of an interaction: the address that their browser goes to next.
    ///
    /// # Errors
    ///
    /// Where there is no such interaction.
    pub fn abort_interaction(&self, interaction: &str) -> Result<String, String> {
        endpoints::interaction::decide(&self.shared, interaction, Step::Aborted, None)
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        // Without its sender the server stops by itself; nobody waits for it here.
        self.stop.take();
    }
}

impl fmt::Debug for Emulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emulator").field("endpoint", &self.shared.endpoint).finish_non_exhaustive()
    }
}
