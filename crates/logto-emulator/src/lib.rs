//! A local Logto: sign-in, tokens and sign-out as the real server answers them.
#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used))]

mod back_channel;
mod directory;
mod endpoints;
mod fault;
mod keys;
mod people;
mod session;
mod state;
mod subjects;
mod watch;

pub use directory::Application;
pub use fault::{Endpoint, Failure, Received};
pub use people::User;

use serde_json::{Map, Value};
pub use state::Rotation;
use state::{Shared, Tamper};
use std::{
    collections::HashMap,
    fmt, io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};
pub use watch::TokenCall;

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

/// What the local Logto holds when it starts.
#[derive(Debug)]
#[must_use = "nothing runs before start"]
pub struct Builder {
    port: u16,
    endpoint: Option<String>,
    applications: Vec<Application>,
    users: Vec<User>,
    resources: HashMap<String, Vec<String>>,
    organization_scopes: Vec<String>,
}

impl Builder {
    /// The port on 127.0.0.1; default 0, a free one.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// What it calls itself, where people reach it by another address than its own: behind TLS or a proxy.
    pub fn endpoint(mut self, endpoint: impl Into<String>) -> Self {
        self.endpoint = Some(endpoint.into());
        self
    }

    /// One more application.
    pub fn application(mut self, application: Application) -> Self {
        self.applications.push(application);
        self
    }

    /// One more person.
    pub fn user(mut self, user: User) -> Self {
        self.users.push(user);
        self
    }

    /// One more API resource with its scopes, which everybody has. Without any, every absolute URI is one.
    pub fn resource<T: Into<String>>(
        mut self,
        indicator: impl Into<String>,
        scopes: impl IntoIterator<Item = T>,
    ) -> Self {
        self.resources.insert(indicator.into(), scopes.into_iter().map(Into::into).collect());
        self
    }

    /// The scopes that every member of an organization has in it.
    pub fn organization_scopes<T: Into<String>>(mut self, scopes: impl IntoIterator<Item = T>) -> Self {
        self.organization_scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// Starts it in the current tokio runtime.
    ///
    /// # Errors
    ///
    /// Where the port is taken.
    pub async fn start(self) -> io::Result<Emulator> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, self.port)).await?;
        let address = listener.local_addr()?;
        let endpoint = self.endpoint.unwrap_or_else(|| format!("http://{address}"));
        let shared = Arc::new(Shared::new(
            endpoint,
            self.applications,
            self.users,
            self.resources,
            self.organization_scopes,
        )?);
        let (stop, stopped) = oneshot::channel::<()>();
        let server = axum::serve(listener, endpoints::router(Arc::clone(&shared)))
            .with_graceful_shutdown(async { drop(stopped.await) });
        let server = tokio::spawn(async { drop(server.await) });
        Ok(Emulator { shared, address, stop: Some(stop), server })
    }
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
        Builder {
            port: 0,
            endpoint: None,
            applications: vec![Application::local(), Application::local_machine()],
            users: vec![User::alice()],
            resources: HashMap::new(),
            organization_scopes: Vec::new(),
        }
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

    /// One more application, or another one under the same id.
    pub fn add_application(&self, application: Application) {
        self.shared.state().add_application(application);
    }

    /// One more person.
    pub fn add_user(&self, user: User) {
        self.shared.state().add_user(user);
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

    /// A new key signs from now on; the previous one stays published.
    ///
    /// # Errors
    ///
    /// Where the system gives no random numbers.
    pub fn rotate_keys(&self) -> io::Result<()> {
        self.shared.state().keys.rotate()
    }

    /// When refresh tokens are replaced from now on.
    pub fn set_rotation(&self, rotation: Rotation) {
        self.shared.state().rotation = rotation;
    }

    /// For how long a refresh token that was replaced is taken again; at the server 3 s.
    pub fn set_reuse_interval(&self, interval: Duration) {
        self.shared.state().reuse_interval = interval;
    }

    /// Ends everything that a refresh or access token belongs to, as an administrator does.
    pub fn revoke_grant(&self, token: &str) {
        let mut state = self.shared.state();
        let found = state.refresh_grant(token).or_else(|| state.access_grant(token)).map(|(id, _)| id);
        if let Some(id) = found {
            state.end_grant(id);
        }
    }

    /// Ends everything that this person has given, as an administrator does.
    pub fn revoke_grants_of(&self, username: &str) {
        self.shared.state().end_grants(|grant| grant.username == username);
    }

    /// How much of what this person has given is alive: one per sign-in.
    #[must_use]
    pub fn living_grants_of(&self, username: &str) -> usize {
        self.shared.state().living_grants_of(username)
    }

    /// An application's secret from now on.
    pub fn set_secret(&self, application: &str, secret: &str) {
        if let Some(known) = self.shared.state().applications.get_mut(application) {
            known.secret = Some(secret.to_owned());
        }
    }

    /// Moves its time on.
    pub fn advance(&self, by: Duration) {
        self.shared.state().advance(by);
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
                state.end_online_grants(session);
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

    /// Whether a refresh token is good.
    #[must_use]
    pub fn accepts_refresh_token(&self, token: &str) -> bool {
        self.shared.state().refresh_grant(token).is_some()
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
