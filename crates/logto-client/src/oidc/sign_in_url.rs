//! The authorization request, parameter by parameter in the order of Logto's SDKs.

use crate::{Prompt, SignInOptions};
use url::Url;

/// What an authorization request is made of.
pub(crate) struct SignInUrl<'a> {
    pub(crate) authorization_endpoint: &'a Url,
    pub(crate) app_id: &'a str,
    pub(crate) redirect_uri: &'a str,
    pub(crate) code_challenge: &'a str,
    pub(crate) state: &'a str,
    pub(crate) nonce: Option<&'a str>,
    pub(crate) prompt: &'a [Prompt],
    pub(crate) scopes: &'a [String],
    pub(crate) resources: &'a [String],
    pub(crate) options: &'a SignInOptions,
}

/// The parameters that an extra parameter may not repeat: each is what the callback is checked by.
pub(crate) const OWN_PARAMETERS: [&str; 10] = [
    "client_id",
    "redirect_uri",
    "code_challenge",
    "code_challenge_method",
    "state",
    "response_type",
    "response_mode",
    "nonce",
    "request",
    "request_uri",
];

impl SignInUrl<'_> {
    pub(crate) fn build(&self) -> Url {
        let mut url = self.authorization_endpoint.clone();
        {
            let mut query = url.query_pairs_mut();
            query
                .append_pair("client_id", self.app_id)
                .append_pair("redirect_uri", self.redirect_uri)
                .append_pair("code_challenge", self.code_challenge)
                .append_pair("code_challenge_method", "S256")
                .append_pair("state", self.state)
                .append_pair("response_type", "code");
            let prompt: Vec<&str> = self.prompt.iter().map(|prompt| prompt.as_str()).collect();
            query.append_pair("prompt", &prompt.join(" "));
            if !self.scopes.is_empty() {
                query.append_pair("scope", &self.scopes.join(" "));
            }
            query.extend_pairs(self.options.hints());
            query.extend_pairs(self.resources.iter().map(|resource| ("resource", resource)));
            query.extend_pairs(self.options.screen());
            if let Some(nonce) = self.nonce {
                query.append_pair("nonce", nonce);
            }
        }
        url
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DirectSignIn, FirstScreen, Identifier, InteractionMode, scope::scope_list};

    const COMMON: &str = "https://logto.dev/oidc/sign-in?client_id=clientId&redirect_uri=https%3A%2F%2Fexample.com%2Fcallback&code_challenge=codeChallenge&code_challenge_method=S256&state=state&response_type=code";
    const SCOPE: &str = "&scope=openid+offline_access+profile";

    fn build(prompt: &[Prompt], scopes: &[&str], resources: &[&str], options: &SignInOptions) -> String {
        let own = |items: &[&str]| items.iter().map(|&item| item.to_owned()).collect::<Vec<_>>();
        SignInUrl {
            authorization_endpoint: &Url::parse("https://logto.dev/oidc/sign-in").unwrap(),
            app_id: "clientId",
            redirect_uri: "https://example.com/callback",
            code_challenge: "codeChallenge",
            state: "state",
            nonce: None,
            prompt,
            scopes: &scope_list(&own(scopes), true),
            resources: &own(resources),
            options,
        }
        .build()
        .into()
    }

    #[test]
    fn the_address_is_byte_for_byte_that_of_logtos_sdks() {
        let new = SignInOptions::new;
        let consent = [Prompt::Consent];
        for (options, tail) in [
            (new(), ""),
            (new().interaction_mode(InteractionMode::SignUp), "&interaction_mode=signUp"),
            (new().login_hint("johndoe@example.com"), "&login_hint=johndoe%40example.com"),
            (
                new().first_screen(FirstScreen::Register).interaction_mode(InteractionMode::SignIn),
                "&first_screen=register",
            ),
            (
                new()
                    .first_screen(FirstScreen::IdentifierSignIn)
                    .identifiers([Identifier::Email, Identifier::Phone]),
                "&first_screen=identifier%3Asign_in&identifier=email+phone",
            ),
            (new().direct_sign_in(DirectSignIn::Social("google".into())), "&direct_sign_in=social%3Agoogle"),
            (
                new().one_time_token("the-generated-one-time-token"),
                "&one_time_token=the-generated-one-time-token",
            ),
            (new().extra_param("foo", "bar").extra_param("baz", "qux"), "&foo=bar&baz=qux"),
            (
                new().organization_id("org").ui_locales("de en").one_time_token("t"),
                "&one_time_token=t&ui_locales=de+en&organization_id=org",
            ),
        ] {
            assert_eq!(build(&consent, &[], &[], &options), format!("{COMMON}&prompt=consent{SCOPE}{tail}"));
        }
        assert_eq!(
            build(&[Prompt::Login], &["email", "phone"], &["resource1", "resource2"], &new()),
            format!("{COMMON}&prompt=login{SCOPE}+email+phone&resource=resource1&resource=resource2")
        );
        assert_eq!(
            build(&[Prompt::Consent, Prompt::Login], &[], &[], &new()),
            format!("{COMMON}&prompt=consent+login{SCOPE}")
        );
    }

    #[test]
    fn without_scopes_there_is_no_scope_and_the_nonce_is_last() {
        let url = SignInUrl {
            authorization_endpoint: &Url::parse("https://logto.dev/auth?tenant=1").unwrap(),
            app_id: "a&b=c",
            redirect_uri: "r",
            code_challenge: "c",
            state: "s",
            nonce: Some("n"),
            prompt: &[Prompt::Consent],
            scopes: &[],
            resources: &[],
            options: &SignInOptions::new().extra_param("x", "#&"),
        }
        .build();
        assert_eq!(
            url.as_str(),
            "https://logto.dev/auth?tenant=1&client_id=a%26b%3Dc&redirect_uri=r&code_challenge=c\
             &code_challenge_method=S256&state=s&response_type=code&prompt=consent&x=%23%26&nonce=n"
        );
    }
}
