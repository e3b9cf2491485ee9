//! The steps of callback and refresh at which a process may end.

/// What a process is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    Callback,
    Refresh,
}

/// A step: where it stands among the operations of the store, counted from the request on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) work: Work,
    /// `None` where the process ends after its answer has arrived.
    pub(crate) point: Option<(&'static str, u32)>,
}

const fn step(work: Work, name: &'static str, point: &'static str, nth: u32) -> Step {
    Step { name, work, point: Some((point, nth)) }
}

/// All steps of this project's client.
pub(crate) const ALL: [Step; 17] = [
    step(Work::Callback, "C0 received", "before request", 1),
    step(Work::Callback, "C1 sign-in found", "after read", 1),
    step(Work::Callback, "C2 lease acquired", "after acquire", 1),
    step(Work::Callback, "C3 code about to be spent", "after read", 2),
    step(Work::Callback, "C4 tokens verified", "before swap", 1),
    step(Work::Callback, "C5 tokens written", "after swap", 1),
    step(Work::Callback, "C6 new record written", "after create", 1),
    step(Work::Callback, "C6 old record left", "before answer", 1),
    Step { name: "C7 answered", work: Work::Callback, point: None },
    step(Work::Refresh, "R0 received", "before request", 1),
    step(Work::Refresh, "R1 lease acquired", "after acquire", 1),
    step(Work::Refresh, "R2 provider about to be asked", "after read", 2),
    step(Work::Refresh, "R3 tokens verified", "before swap", 1),
    step(Work::Refresh, "R4 tokens written", "after swap", 1),
    step(Work::Refresh, "R5 lease given back", "after release", 1),
    step(Work::Refresh, "R6 about to answer", "before answer", 1),
    Step { name: "R7 answered", work: Work::Refresh, point: None },
];

/// Steps of the naive client with a lock: each follows its flag.
pub(crate) const NAIVE: [Step; 3] = [
    step(Work::Callback, "tokens here", "before swap", 2),
    step(Work::Refresh, "flag set", "after swap", 1),
    step(Work::Refresh, "tokens here", "before swap", 2),
];
