//! Two tabs, two callbacks, and browsers that go away.

use super::assert_status;
use crate::flow::{Application, Browser, Stage};
use logto_emulator::Endpoint;
use std::time::Duration;

/// The first tab comes back first.
pub async fn two_tabs_both_come_back_in_order<A: Application>() {
    two_tabs::<A>([0, 1]).await;
}

/// The second tab comes back first.
pub async fn two_tabs_both_come_back_in_reverse_order<A: Application>() {
    two_tabs::<A>([1, 0]).await;
}

async fn two_tabs<A: Application>(order: [usize; 2]) {
    let stage = Stage::plain::<A>().await;
    let tabs = [stage.start().await, stage.start().await];
    for tab in order {
        assert_status(&stage.browser.get(stage.approve(&tabs[tab], "alice")).await, 303);
        assert_ne!(stage.who().await, "nobody");
    }
}

/// Two sign-ins of one session that start in the same moment both come back.
pub async fn two_sign_ins_started_at_once_both_come_back<A: Application>() {
    let stage = Stage::plain::<A>().await;
    // The visitor's session has seen a sign-in before.
    stage.start().await;
    for _ in 0..8 {
        let (one, two) = tokio::join!(stage.start(), stage.start());
        for authorization in [one, two] {
            assert_status(&stage.browser.get(stage.approve(&authorization, "alice")).await, 303);
        }
    }
}

/// The same callback twice at once: both are served, the code is sent once.
pub async fn a_callback_twice_at_once_makes_one_token_call<A: Application>() {
    let stage = Stage::plain::<A>().await;
    stage.emulator.set_latency(Endpoint::Token, Duration::from_millis(400));
    let authorization = stage.start().await;
    let callback = stage.approve(&authorization, "alice");
    let (one, two) = tokio::join!(stage.browser.get(&callback), stage.browser.get(&callback));
    assert_eq!(stage.emulator.count(Endpoint::Token), 1);
    assert_status(&one, 303);
    assert_status(&two, 303);
    assert_ne!(stage.who().await, "nobody");
}

/// The browser goes away while the code is exchanged; a reload of the callback signs the person in.
pub async fn a_browser_that_leaves_during_the_callback_completes_by_reload<A: Application>() {
    let stage = Stage::plain::<A>().await;
    let authorization = stage.start().await;
    let callback = stage.approve(&authorization, "alice");
    stage.until_held(Endpoint::Token, &callback).await.abort();
    assert_eq!(stage.who().await, "nobody");
    stage.emulator.release(Endpoint::Token);
    assert_status(&stage.browser.get(&callback).await, 303);
    assert_ne!(stage.who().await, "nobody");
    assert_eq!(stage.emulator.count(Endpoint::Token), 1, "the reload heard the outcome of the first");
}

/// The callback succeeds and its answer is lost on the way: a reload with the old cookie signs the person in.
pub async fn an_answer_to_the_callback_that_is_lost_is_given_again<A: Application>() {
    let stage = Stage::plain::<A>().await;
    let authorization = stage.start().await;
    let callback = stage.approve(&authorization, "alice");
    let unaware = stage.browser.with_cookies_of_its_own();
    assert_status(&stage.browser.get(&callback).await, 303);
    assert_status(&unaware.get(&callback).await, 303);
    assert_ne!(unaware.get(stage.at("/")).await.body, "nobody");
    assert_eq!(stage.emulator.count(Endpoint::Token), 1);
    let stranger = Browser::new();
    assert_status(&stranger.get(&callback).await, 400);
}
