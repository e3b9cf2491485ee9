//! Plays a recording on a server of its own.

use crate::{
    bindings::Bindings,
    compare::{Difference, compare},
    http::{Outgoing, Server},
    live::Live,
    note, obtain,
    recording::{Exchange, Recording, Response},
    signature, steps,
    visits::{Kind, Plan, presented},
    world::World,
};
use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

/// What became of a file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    /// For each exchange that is compared: its place in the file and what differs.
    pub(crate) exchanges: Vec<(usize, Vec<Difference>)>,
}

impl Outcome {
    pub(crate) fn matched(&self) -> usize {
        self.exchanges.iter().filter(|(_, differences)| differences.is_empty()).count()
    }
}

/// A file under way.
pub(crate) struct Stage<'a> {
    pub(crate) world: World,
    pub(crate) live: Live,
    pub(crate) server: Server,
    pub(crate) bindings: Bindings,
    pub(crate) plan: Plan,
    /// The person who gave a password last.
    pub(crate) username: Option<String>,
    /// Refresh tokens that were used in the file, as recorded.
    used: HashSet<String>,
    obtained: HashSet<usize>,
    recording: &'a Recording,
}

/// Plays one file.
pub(crate) async fn play(recording: &Recording, world: &World) -> Result<Outcome, String> {
    let plan = Plan::of(recording, world);
    let live = Live::start(world).await?;
    let server = Server::at(live.address())?;
    let mut stage = Stage {
        world: world.clone(),
        live,
        server,
        bindings: Bindings::default(),
        plan,
        username: None,
        used: HashSet::new(),
        obtained: HashSet::new(),
        recording,
    };
    let mut outcome = Outcome::default();
    let mut rest = recording.exchanges.as_slice();
    while !rest.is_empty() {
        let (now, later) = rest.split_at(note::at_once(rest));
        rest = later;
        if now[0].is_oidc() {
            outcome.exchanges.extend(stage.exchange(now).await);
        } else {
            steps::play(&mut stage, &now[0]).await;
        }
    }
    Ok(outcome)
}

impl Stage<'_> {
    /// One exchange, or several at once.
    async fn exchange(&mut self, exchanges: &[Exchange]) -> Vec<(usize, Vec<Difference>)> {
        for exchange in exchanges {
            if let Err(problem) = self.prepare(exchange).await {
                // What could not be obtained shows in the answer; the reason is told where it is asked for.
                self.live.log(&format!("{}[{}]: {problem}", self.recording.name, exchange.index));
            }
        }
        let sent: Vec<_> = exchanges
            .iter()
            .map(|exchange| {
                let (server, outgoing) = (self.server.clone(), Outgoing::of(exchange, &self.bindings));
                tokio::spawn(async move { server.send(outgoing).await })
            })
            .collect();
        let mut answers = Vec::new();
        for answer in sent {
            answers.push(answer.await.unwrap_or_else(|error| Err(error.to_string())));
        }
        let mut results = Vec::new();
        for exchange in exchanges {
            results.push((exchange.index, self.judge(exchange, &mut answers).await));
        }
        results
    }

    /// The answer to an exchange among those that came: of several at once none says whose it is.
    async fn judge(
        &mut self,
        exchange: &Exchange,
        answers: &mut Vec<Result<Response, String>>,
    ) -> Vec<Difference> {
        let fits = |answer: &Result<Response, String>| {
            let mut bindings = self.bindings.clone();
            answer.as_ref().is_ok_and(|answer| {
                compare(&exchange.request, &exchange.response, answer, &mut bindings).is_empty()
            })
        };
        let at = answers.iter().position(fits).unwrap_or_default();
        match answers.remove(at) {
            Ok(answer) => {
                let mut found = compare(&exchange.request, &exchange.response, &answer, &mut self.bindings);
                found.extend(signature::problems(&self.server, &answer).await);
                found
            }
            Err(problem) => {
                let recorded = exchange.response.status.to_string();
                vec![Difference { place: "answer".to_owned(), recorded, live: problem }]
            }
        }
    }

    /// Brings about what was before a request: tokens that it sends, and the time that has passed.
    async fn prepare(&mut self, exchange: &Exchange) -> Result<(), String> {
        let presented = presented(&exchange.request, &HashMap::new());
        for (_, value) in &presented {
            if let Some(at) = self.plan.visit_of(value)
                && self.obtained.insert(at)
            {
                obtain::visit(self, at).await?;
            }
        }
        for (_, value) in presented.iter().filter(|(kind, _)| *kind == Kind::RefreshToken) {
            if self.is_aged(exchange, value) {
                let token = self.bindings.substitute(value);
                self.live.age_refresh_token(&token);
            }
            if exchange.response.member("refresh_token").is_some_and(|new| new != value) {
                self.used.insert(value.clone());
            }
        }
        if note::is_expired(&exchange.note) && exchange.response.status >= 400 {
            self.live.advance(Duration::from_secs(15 * 86_400));
        } else if let Some(elapsed) = note::elapsed(&exchange.note) {
            self.live.advance(elapsed);
        }
        Ok(())
    }

    /// Where there is a secret, a token is replaced near its end only: one that was replaced had been made
    /// older by hand.
    fn is_aged(&self, exchange: &Exchange, value: &str) -> bool {
        let client = exchange.request.client_id().and_then(|id| self.world.clients.get(&id));
        let confidential = client.is_some_and(|client| client.secret.is_some());
        let replaced = exchange.response.member("refresh_token").is_some_and(|new| new != value);
        confidential && replaced && !self.used.contains(value)
    }

    /// The recorded cookie of this name that came along with a session.
    pub(crate) fn cookie_beside(&self, session: &str, name: &str) -> Option<String> {
        let requests = self.recording.exchanges.iter().map(|exchange| &exchange.request);
        let mut with = requests.filter(|request| request.cookie("_session") == Some(session));
        with.find_map(|request| request.cookie(name)).map(str::to_owned)
    }
}
