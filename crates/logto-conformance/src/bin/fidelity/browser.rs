//! A browser that signs a person in where the recording does not show it.

use crate::{
    http::{Outgoing, Server},
    recording::Response,
};
use std::collections::BTreeMap;
use url::Url;

/// More pages than any sign-in has.
const LONGEST_WAY: usize = 12;

/// Its cookies; all of them go with every request, paths are not looked at.
#[derive(Clone, Debug, Default)]
pub(crate) struct Browser {
    pub(crate) cookies: BTreeMap<String, String>,
}

impl Browser {
    /// From the authorization request to the callback.
    pub(crate) async fn sign_in(
        &mut self,
        server: &Server,
        authorization: &str,
        username: &str,
        password: &str,
    ) -> Result<Url, String> {
        let mut next = Outgoing::get(authorization);
        for _ in 0..LONGEST_WAY {
            let response = server.send(next.header("cookie", self.header())).await?;
            self.keep(&response);
            next = match response.header("location") {
                Some(location) => match Self::follow(location) {
                    Ok(next) => next,
                    Err(callback) => return Ok(callback),
                },
                None => fill_in(&response, username, password)
                    .ok_or_else(|| format!("no page to go on from: {} {}", response.status, response.body))?,
            };
        }
        Err("the sign-in goes round in circles".to_owned())
    }

    fn header(&self) -> String {
        let pairs: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join("; ")
    }

    fn keep(&mut self, response: &Response) {
        for (name, value) in response.cookies() {
            if value.is_empty() {
                self.cookies.remove(&name);
            } else {
                self.cookies.insert(name, value);
            }
        }
    }

    /// The next request, or the callback at the application.
    fn follow(location: &str) -> Result<Outgoing, Url> {
        let target = match Url::parse(location) {
            Ok(url) if url.query_pairs().any(|(name, _)| name == "code" || name == "error") => {
                return Err(url);
            }
            Ok(url) => {
                let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
                format!("{}{query}", url.path())
            }
            Err(_) => location.to_owned(),
        };
        Ok(Outgoing::get(target))
    }
}

/// The page's first form, with name and password, or with consent.
fn fill_in(response: &Response, username: &str, password: &str) -> Option<Outgoing> {
    let page = response.body.as_str()?;
    let form = page.split("<form ").nth(1)?.split("</form>").next()?;
    let attribute = |text: &str, name: &str| {
        let value = text.split(&format!("{name}=\"")).nth(1)?.split('"').next()?;
        Some(value.replace("&amp;", "&"))
    };
    let mut pairs = Vec::new();
    for input in form.split("<input").skip(1) {
        let input = input.split('>').next()?;
        let Some(name) = attribute(input, "name") else { continue };
        let value = match name.as_str() {
            "username" => username.to_owned(),
            "password" => password.to_owned(),
            _ => attribute(input, "value").unwrap_or_default(),
        };
        pairs.push((name, value));
    }
    if form.contains("value=\"allow\"") {
        pairs.push(("action".to_owned(), "allow".to_owned()));
    }
    Some(Outgoing::form(attribute(form, "action")?, &pairs))
}
