//! The machine, driven through all schedules of a few events and through random ones of many.

use super::*;
use std::collections::{BTreeMap, BTreeSet};

const NOW: Duration = Duration::from_secs(1_800_000_000);

fn ask(resource: &str) -> Ask {
    Ask { target: TokenTarget::resource(resource), id_token: None, shared: None }
}

fn refreshed(refresh_token: &str, key: &str, access_token: String) -> Result<Arc<Refreshed>, LogtoError> {
    let expires_at = NOW.as_secs() + 3600;
    let token = StoredToken { token: Secret::new(access_token), scope: String::new(), expires_at };
    Ok(Arc::new(Refreshed {
        refresh_token: Secret::new(refresh_token),
        id_token: None,
        access_token: (key.to_owned(), token),
    }))
}

fn failed(kind: ErrorKind) -> Result<Arc<Refreshed>, LogtoError> {
    Err(LogtoError::new(kind, "failed"))
}

/// How the provider answers a call.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Answer {
    Rotated,
    Same,
    Away,
    Dead,
}

/// What happens in a schedule, besides answers.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    /// A request for this resource, with the refresh token that a session holds by now.
    Ask(u64, &'static str),
    /// A request with the refresh token from before all of this: a stale session has been written back.
    Stale(u64, &'static str),
    SignOut,
}

#[derive(Clone)]
struct World {
    machine: Machine,
    left: Vec<Step>,
    asked: BTreeMap<u64, &'static str>,
    told: BTreeMap<u64, Result<(), ErrorKind>>,
    call: Option<(String, String, String)>,
    calls: usize,
    newest: String,
    signed_out: bool,
    only_successes: bool,
    trace: Vec<String>,
}

impl World {
    fn new(left: &[Step]) -> Self {
        Self {
            machine: Machine::default(),
            left: left.to_vec(),
            asked: BTreeMap::new(),
            told: BTreeMap::new(),
            call: None,
            calls: 0,
            newest: "t0".to_owned(),
            signed_out: false,
            only_successes: true,
            trace: Vec::new(),
        }
    }

    fn step(&mut self, index: usize) {
        let step = self.left.remove(index);
        self.trace.push(format!("{step:?}"));
        let event = match step {
            Step::Ask(by, resource) | Step::Stale(by, resource) => {
                self.asked.insert(by, resource);
                let holding =
                    if matches!(step, Step::Ask(..)) { self.newest.clone() } else { "t0".to_owned() };
                Event::Asked { by, holding: Secret::new(holding), ask: ask(resource) }
            }
            Step::SignOut => {
                self.signed_out = true;
                Event::SignedOut { holding: Secret::new(self.newest.clone()) }
            }
        };
        self.on(event);
    }

    fn answer(&mut self, answer: Answer) {
        let (lane, token, key) = self.call.take().expect("a call");
        self.trace.push(format!("{answer:?}"));
        let access_token = format!("{key} {}", self.calls);
        let outcome = match answer {
            Answer::Rotated => {
                self.newest = format!("t{}", self.calls);
                refreshed(&self.newest, &key, access_token)
            }
            Answer::Same => refreshed(&token, &key, access_token),
            Answer::Away => failed(ErrorKind::Unavailable),
            Answer::Dead => failed(ErrorKind::NotAuthenticated),
        };
        self.only_successes &= matches!(answer, Answer::Rotated | Answer::Same);
        self.on(Event::Answered { lane, outcome });
    }

    fn on(&mut self, event: Event) {
        let late = matches!(&event, Event::Answered { .. }) && self.signed_out;
        let mut revoked = false;
        for action in self.machine.on(NOW, event) {
            match action {
                Action::Call { lane, refresh_token, ask } => {
                    assert!(self.call.is_none(), "two calls of one refresh token: {:?}", self.trace);
                    assert!(!self.signed_out, "a call after the sign-out: {:?}", self.trace);
                    assert_eq!(refresh_token.expose(), self.newest, "not the newest: {:?}", self.trace);
                    self.calls += 1;
                    self.call = Some((lane, self.newest.clone(), ask.target.key()));
                }
                Action::Tell { who, outcome } => {
                    for by in who {
                        self.hear(by, &outcome);
                    }
                }
                Action::Revoke(token) => {
                    assert_eq!(token.expose(), self.newest);
                    revoked = true;
                }
            }
        }
        let rotated = self.trace.last().is_some_and(|last| last == "Rotated");
        assert_eq!(revoked, late && rotated, "what comes after a sign-out is revoked: {:?}", self.trace);
    }

    fn hear(&mut self, by: u64, outcome: &Outcome) {
        if let Ok(served) = outcome {
            assert!(!self.signed_out, "served after the sign-out: {:?}", self.trace);
            assert_eq!(served.newest.expose(), self.newest, "{:?}", self.trace);
            assert_eq!(served.refreshed.access_token.0, format!("@{}", self.asked[&by]));
        }
        let heard = outcome.as_ref().map(drop).map_err(LogtoError::kind);
        assert!(self.told.insert(by, heard).is_none(), "told twice: {:?}", self.trace);
    }

    fn end(&self) {
        assert_eq!(self.told.len(), self.asked.len(), "somebody waits for ever: {:?}", self.trace);
        assert!(self.machine.lanes.is_empty(), "{:?}", self.trace);
        let targets: BTreeSet<_> = self.asked.values().collect();
        if self.only_successes {
            assert!(self.calls <= targets.len(), "a call too many: {:?}", self.trace);
        }
    }
}

/// All schedules from here; how many there are.
fn explore(world: &World) -> u64 {
    if world.left.is_empty() && world.call.is_none() {
        world.end();
        return 1;
    }
    let mut schedules = 0;
    for index in 0..world.left.len() {
        let mut next = world.clone();
        next.step(index);
        schedules += explore(&next);
    }
    if world.call.is_some() {
        for answer in [Answer::Rotated, Answer::Same, Answer::Away, Answer::Dead] {
            let mut next = world.clone();
            next.answer(answer);
            schedules += explore(&next);
        }
    }
    schedules
}

#[test]
fn all_schedules_of_three_requests_a_sign_out_and_a_stale_write_keep_the_rules() {
    let steps = [Step::Ask(1, "a"), Step::Ask(2, "a"), Step::Ask(3, "b"), Step::Stale(4, "a"), Step::SignOut];
    let schedules = explore(&World::new(&steps));
    assert!(schedules > 10_000, "{schedules}");
    println!("{schedules} schedules");
}

#[test]
fn a_forced_call_is_not_answered_by_one_that_began_before() {
    let mut machine = Machine::default();
    let holding = || Secret::new("t0");
    let forced = || Ask { target: TokenTarget::resource("a").forced(), id_token: None, shared: None };
    let lane = match machine.on(NOW, Event::Asked { by: 1, holding: holding(), ask: ask("a") }).as_slice() {
        [Action::Call { lane, .. }] => lane.clone(),
        other => panic!("{other:?}"),
    };
    for by in [2, 3] {
        assert!(machine.on(NOW, Event::Asked { by, holding: holding(), ask: forced() }).is_empty());
    }
    let outcome = refreshed("t0", "@a", "first".to_owned());
    match machine.on(NOW, Event::Answered { lane, outcome }).as_slice() {
        [Action::Tell { who, .. }, Action::Call { lane, .. }] => {
            assert_eq!(*who, [1]);
            let outcome = refreshed("t0", "@a", "second".to_owned());
            let told = machine.on(NOW, Event::Answered { lane: lane.clone(), outcome });
            assert!(matches!(told.as_slice(), [Action::Tell { who, .. }] if *who == [2, 3]));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_answer_is_remembered_for_a_minute_or_until_it_is_cleared() {
    let mut machine = Machine::default();
    let asked = |machine: &mut Machine, now| {
        let holding = Secret::new("t0");
        let actions = machine.on(now, Event::Asked { by: 1, holding, ask: ask("a") });
        matches!(actions.as_slice(), [Action::Call { .. }])
    };
    let answered = |machine: &mut Machine, now| {
        let lane = hash(&Secret::new("t0"));
        machine.on(now, Event::Answered { lane, outcome: refreshed("t0", "@a", "x".to_owned()) });
    };
    assert!(asked(&mut machine, NOW));
    answered(&mut machine, NOW);
    assert!(!asked(&mut machine, NOW + Duration::from_secs(59)));
    machine.on(NOW, Event::Cleared { holding: Secret::new("t0") });
    assert!(asked(&mut machine, NOW + Duration::from_secs(59)));
    answered(&mut machine, NOW + Duration::from_secs(59));
    assert!(asked(&mut machine, NOW + Duration::from_secs(59 + 60)));
}

#[test]
fn a_provider_that_gives_an_old_token_again_makes_no_circle() {
    let mut machine = Machine::default();
    for (held, given) in [("t0", "t1"), ("t1", "t0"), ("t0", "t1"), ("t1", "t0")] {
        let actions = machine
            .on(NOW, Event::Asked { by: 1, holding: Secret::new(held), ask: ask(&format!("{held}{given}")) });
        if let [Action::Call { lane, .. }] = actions.as_slice() {
            let outcome = refreshed(given, "@", "x".to_owned());
            machine.on(NOW, Event::Answered { lane: lane.clone(), outcome });
        }
        machine.newest(NOW, &Secret::new("t0"));
    }
}

#[test]
fn no_session_hears_anothers_answer_in_a_million_random_steps() {
    const SESSIONS: u64 = 5;
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: u64| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed % below
    };
    let (mut told, mut steps) = (0_u64, 0_u64);
    while steps < 1_000_000 {
        // A world lives for a while, so that what it remembers stays small.
        let mut machine = Machine::default();
        let mut calls: Vec<(String, String, String)> = Vec::new();
        let mut newest: Vec<String> = (0..SESSIONS).map(|session| format!("s{session}-0")).collect();
        for step in 0..2_000_u64 {
            steps += 1;
            let session = random(SESSIONS);
            let held = newest[usize::try_from(session).unwrap()].clone();
            let actions = match random(20) {
                0..12 => {
                    // A stale session holds the first token.
                    let holding = if random(4) == 0 { format!("s{session}-0") } else { held };
                    let by = step * SESSIONS + session;
                    let resource = ["a", "b", "c"][usize::try_from(random(3)).unwrap()];
                    machine.on(NOW, Event::Asked { by, holding: Secret::new(holding), ask: ask(resource) })
                }
                12..19 if !calls.is_empty() => {
                    let at = usize::try_from(random(calls.len() as u64)).unwrap();
                    let (lane, token, key) = calls.swap_remove(at);
                    let owner = token.split('-').next().unwrap().to_owned();
                    let outcome = match random(8) {
                        0 => failed(ErrorKind::Unavailable),
                        1..4 => refreshed(&token, &key, format!("{owner} {key}")),
                        _ => {
                            let new = format!("{owner}-{step}");
                            let owner_index: usize = owner[1..].parse().unwrap();
                            newest[owner_index].clone_from(&new);
                            refreshed(&new, &key, format!("{owner} {key}"))
                        }
                    };
                    machine.on(NOW, Event::Answered { lane, outcome })
                }
                _ => machine.on(NOW, Event::Cleared { holding: Secret::new(held) }),
            };
            for action in actions {
                match action {
                    Action::Call { lane, refresh_token, ask } => {
                        calls.push((lane, refresh_token.expose().to_owned(), ask.target.key()));
                    }
                    Action::Tell { who, outcome: Ok(served) } => {
                        let (key, token) = &served.refreshed.access_token;
                        for by in who {
                            let owner = format!("s{}", by % SESSIONS);
                            assert_eq!(token.token.expose(), format!("{owner} {key}"));
                            assert!(served.newest.expose().starts_with(&format!("{owner}-")));
                            told += 1;
                        }
                    }
                    Action::Tell { .. } | Action::Revoke(_) => {}
                }
            }
        }
    }
    assert!(told > 100_000, "{told}");
}

/// Another process has brought `t1`: who has read it asks for it while the call with `t0` still runs.
#[test]
fn a_call_that_ends_at_the_refresh_token_of_another_call_joins_it_and_takes_nothing_from_it() {
    let mut machine = Machine::default();
    let mut on = |event| {
        let actions = machine.on(NOW, event).into_iter().map(|action| match action {
            Action::Call { lane, refresh_token, ask } => {
                (lane, format!("call {} {}", refresh_token.expose(), ask.target.key()))
            }
            Action::Tell { who, outcome } => {
                let of = outcome.map(|served| served.refreshed.access_token.0.clone()).unwrap_or_default();
                (String::new(), format!("tell {who:?} {of}"))
            }
            Action::Revoke(_) => (String::new(), "revoke".to_owned()),
        });
        actions.collect::<Vec<_>>()
    };
    let key = |resource| ask(resource).target.key();
    let asked =
        |by, holding, resource| Event::Asked { by, holding: Secret::new(holding), ask: ask(resource) };
    let answered = |lane: &str, token, resource| Event::Answered {
        lane: lane.to_owned(),
        outcome: refreshed(token, &key(resource), resource.to_owned()),
    };
    let first = on(asked(1, "t0", "a"));
    assert_eq!(first[0].1, format!("call t0 {}", key("a")));
    assert_eq!(on(asked(2, "t0", "b")), []);
    assert_eq!(on(asked(3, "t0", "c")), []);
    let second = on(asked(4, "t1", "c"));
    assert_eq!(second[0].1, format!("call t1 {}", key("c")));

    let told = on(answered(&first[0].0, "t1", "a"));
    assert_eq!(told, [(String::new(), format!("tell [1] {}", key("a")))]);
    let told = on(answered(&second[0].0, "t2", "c"));
    assert_eq!(told[0].1, format!("tell [4, 3] {}", key("c")));
    assert_eq!(told[1].1, format!("call t2 {}", key("b")));
    let told = on(answered(&told[1].0, "t3", "b"));
    assert_eq!(told, [(String::new(), format!("tell [2] {}", key("b")))]);
    assert!(machine.lanes.is_empty(), "{:?}", machine.lanes);
}
