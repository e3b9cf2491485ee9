//! Which Logto the API trusts, and how it calls the other API: the same in both samples.

use logto_client::{
    AccessTokenVerifier, ApiConfig, MachineClient, MachineConfig, TokenTarget, verify::AuthInfo,
};
use logto_emulator::{Application, Emulator};
use serde_json::{Value, json};
use std::{env, error::Error};
use url::Url;

/// What the API is called, as in Logto's console.
const INDICATOR: &str = "https://api.example.test";

/// What both samples need of Logto.
#[derive(Clone)]
pub(crate) struct Apis {
    /// Checks the tokens of requests.
    pub(crate) verifier: AccessTokenVerifier,
    /// Calls the other API in this one's own name.
    machine: MachineClient,
    http: reqwest::Client,
    other: Url,
    indicator: String,
}

impl Apis {
    /// At the tenant of the environment, or else at a local Logto, which runs as long as it is kept.
    /// `OTHER_API` is where the other API is; without it the API calls itself.
    pub(crate) async fn connect(own: &str) -> Result<(Self, Option<Emulator>), Box<dyn Error>> {
        let indicator = env::var("LOGTO_AUDIENCE").unwrap_or_else(|_| INDICATOR.to_owned());
        let (endpoint, machine, local) = match env::var("LOGTO_ENDPOINT") {
            Ok(endpoint) => (endpoint, MachineConfig::from_env()?, None),
            Err(_) => {
                let local = local().await?;
                let machine = MachineConfig::new(local.endpoint(), "reports", "local-secret");
                (local.endpoint(), machine, Some(local))
            }
        };
        let apis = Self {
            verifier: AccessTokenVerifier::new(ApiConfig::new(endpoint).audience(&indicator))?,
            machine: MachineClient::new(machine)?,
            http: reqwest::Client::new(),
            other: Url::parse(&env::var("OTHER_API").unwrap_or_else(|_| own.to_owned()))?,
            indicator,
        };
        Ok((apis, local))
    }

    /// The orders, as the other API tells them to this one.
    pub(crate) async fn orders_of_the_other(&self) -> Result<Value, Box<dyn Error>> {
        let target = TokenTarget::resource(&self.indicator).scopes(["read:orders"]);
        let token = self.machine.access_token(target).await?;
        let request = self.http.get(self.other.join("orders")?).bearer_auth(token.expose());
        Ok(serde_json::from_slice(&request.send().await?.error_for_status()?.bytes().await?)?)
    }
}

/// A Logto with this API, the organization `acme`, and a machine that may read all three routes.
async fn local() -> std::io::Result<Emulator> {
    let machine = Application::new("reports").secret("local-secret").machine_to_machine();
    let machine = machine
        .api_scopes(INDICATOR, ["read:orders"])
        .organization("acme", ["read:member"])
        .organization_api_scopes("acme", INDICATOR, ["read:orders"]);
    Emulator::builder().application(machine).resource(INDICATOR, ["read:orders"]).start().await
}

/// Tells where everything is, and how to get a token of the local Logto.
pub(crate) fn tell(own: &str, local: Option<&Emulator>) {
    println!("open {own}");
    if let Some(local) = local {
        println!("local Logto: {}", local.endpoint());
        println!(
            "a token: curl {}/oidc/token -u reports:local-secret -d grant_type=client_credentials …",
            local.endpoint()
        );
        println!("  /orders, /report             … -d scope=read:orders -d resource={INDICATOR}");
        println!("  /organizations/acme/members  … -d scope=read:member -d organization_id=acme");
        println!(
            "  /organizations/acme/orders   … -d scope=read:orders -d resource={INDICATOR} -d organization_id=acme"
        );
        println!("a request: curl -H \"Authorization: Bearer $TOKEN\" {own}/orders");
    }
}

/// What a route answers with: who asked, and by what right.
pub(crate) fn answer(what: &str, auth: &AuthInfo) -> Value {
    let scopes: Vec<&str> = auth.scopes().collect();
    json!({
        "what": what,
        "sub": auth.sub(),
        "machine": auth.is_machine(),
        "organization_id": auth.organization_id(),
        "scopes": scopes,
    })
}
