//! Whoever takes a token: the callback an ID token, the API an access token, back-channel logout a logout token.

use super::{
    Binding, Keeping, Stage,
    api::Api,
    forge::{Claims, now, object},
    stage::parameter,
};
use crate::flow::Browser;
use serde_json::json;
use std::fmt;

/// Who takes a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receiver {
    /// The callback, with an ID token.
    Callback,
    /// The API, with an access token.
    Api,
    /// Back-channel logout, with a logout token.
    Logout,
}

impl Receiver {
    pub(super) const ALL: [Self; 3] = [Self::Callback, Self::Api, Self::Logout];

    /// The `typ` of its tokens, as the provider writes it; an ID token has none.
    pub(super) fn typ(self) -> Option<&'static str> {
        match self {
            Self::Callback => None,
            Self::Api => Some("at+jwt"),
            Self::Logout => Some("logout+jwt"),
        }
    }
}

/// All of them, at one provider.
pub(super) struct Receivers {
    pub(super) stage: Stage,
    pub(super) api: Api,
    alice: String,
}

impl Receivers {
    pub(super) async fn set<B: Binding>() -> Self {
        let stage = Stage::set::<B>(Keeping::Tickets).await;
        let api = Api::set::<B>(&stage.emulator).await;
        let alice = stage.signed_in("alice").await;
        Self { stage, api, alice }
    }

    /// A token with these claims, as the provider signs those for this receiver.
    pub(super) fn signed(&self, receiver: Receiver, claims: &Claims) -> String {
        self.stage.emulator.sign(receiver.typ(), claims.clone())
    }

    /// Whether the receiver takes a token that is made of good claims; each time it is a new one.
    pub(super) async fn takes(&self, receiver: Receiver, make: impl FnOnce(&Claims) -> String) -> bool {
        match receiver {
            Receiver::Callback => self.callback_takes(make).await,
            Receiver::Api => {
                let page = self.api.answer(&make(&self.api.claims(json!({})))).await;
                assert!(matches!(page.status, 200 | 400 | 401), "{} {}", page.status, page.body);
                page.status == 200
            }
            Receiver::Logout => {
                if self.stage.who().await != self.alice {
                    self.stage.signed_in("alice").await;
                }
                let status = self.stage.tell(&make(&self.logout_claims())).await;
                let over = self.stage.who().await == "nobody";
                assert_eq!((status, over), if over { (200, true) } else { (400, false) });
                over
            }
        }
    }

    /// What is refused by each of these receivers, and that the good token is taken.
    pub(super) async fn refuse(
        &self,
        receivers: &[Receiver],
        what: impl fmt::Debug,
        make: impl Fn(&Self, Receiver, &Claims) -> String,
    ) {
        for &receiver in receivers {
            let taken = self.takes(receiver, |claims| make(self, receiver, claims)).await;
            assert!(!taken, "{what:?} is taken as a token for {receiver:?}");
        }
    }

    /// The good token is taken by each of these.
    pub(super) async fn take_good_ones(&self, receivers: &[Receiver]) {
        for &receiver in receivers {
            let taken = self.takes(receiver, |claims| self.signed(receiver, claims)).await;
            assert!(taken, "the good token for {receiver:?} is refused");
        }
    }

    async fn callback_takes(&self, make: impl FnOnce(&Claims) -> String) -> bool {
        let browser = self.stage.fresh();
        let authorization = self.stage.start_in(&browser).await;
        let nonce = parameter(&authorization, "nonce").expect("a nonce");
        let now = now();
        let claims = object(json!({
            "iss": self.stage.emulator.issuer(), "aud": "local-app", "sub": self.alice, "nonce": nonce,
            "iat": now, "exp": now + 3600,
        }));
        let token = make(&claims);
        let page = self.offer(&browser, &self.stage.approve(&authorization, "alice"), token).await;
        let who = browser.get(self.stage.at("/")).await.body;
        assert_eq!(page == 303, who != "nobody", "{page} and {who}");
        page == 303
    }

    /// Completes a sign-in at a provider that answers with this ID token; the status.
    pub(super) async fn offer(&self, browser: &Browser, callback: &str, token: String) -> u16 {
        self.stage.emulator.tamper_token_answer(move |answer| {
            answer.insert("id_token".to_owned(), token.clone().into());
        });
        let page = browser.get(callback).await;
        self.stage.emulator.tamper_token_answer(|_| ());
        page.status
    }

    pub(super) fn logout_claims(&self) -> Claims {
        let mut claims = Claims::new();
        let token =
            self.stage.emulator.logout_token("local-app", "alice", None, |good| claims = good.clone());
        drop(token.expect("a logout token"));
        claims
    }
}
