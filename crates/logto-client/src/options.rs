//! What a sign-in may be given, by the names of Logto's SDKs.

/// The `prompt` of an authorization request (OpenID Connect Core §3.1.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Prompt {
    /// Ask for consent; without it default applications get no refresh token.
    Consent,
    /// Ask the person to sign in again. Alone it brings no refresh token: add [`Prompt::Consent`].
    Login,
    /// Show nothing; the answer is an error where something would have to be shown.
    None,
    /// Let the person choose an account.
    SelectAccount,
}

impl Prompt {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Consent => "consent",
            Self::Login => "login",
            Self::None => "none",
            Self::SelectAccount => "select_account",
        }
    }
}

/// The first screen that Logto shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FirstScreen {
    /// `sign_in`
    SignIn,
    /// `register`
    Register,
    /// `reset_password`
    ResetPassword,
    /// `identifier:sign_in`
    IdentifierSignIn,
    /// `identifier:register`
    IdentifierRegister,
    /// `single_sign_on`
    SingleSignOn,
}

impl FirstScreen {
    fn as_str(self) -> &'static str {
        match self {
            Self::SignIn => "sign_in",
            Self::Register => "register",
            Self::ResetPassword => "reset_password",
            Self::IdentifierSignIn => "identifier:sign_in",
            Self::IdentifierRegister => "identifier:register",
            Self::SingleSignOn => "single_sign_on",
        }
    }
}

/// What a person may identify themselves by on the first screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Identifier {
    /// `email`
    Email,
    /// `phone`
    Phone,
    /// `username`
    Username,
}

impl Identifier {
    fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Username => "username",
        }
    }
}

/// Skips Logto's first screen.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DirectSignIn {
    /// A social connector, by its target, for example `google`.
    Social(String),
    /// An enterprise connector, by its id.
    Sso(String),
}

/// Deprecated in Logto in favour of [`FirstScreen`], which wins where both are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum InteractionMode {
    /// `signIn`
    SignIn,
    /// `signUp`
    SignUp,
}

/// The options of one sign-in.
///
/// ```
/// use logto_client::{FirstScreen, SignInOptions};
///
/// let options = SignInOptions::new()
///     .first_screen(FirstScreen::Register)
///     .login_hint("alice@example.com")
///     .post_redirect_uri("/welcome");
/// ```
#[derive(Clone, Debug)]
#[must_use = "options do nothing before they are given to sign_in"]
pub struct SignInOptions {
    pub(crate) redirect_uri: Option<String>,
    pub(crate) post_redirect_uri: Option<String>,
    pub(crate) prompt: Option<Vec<Prompt>>,
    pub(crate) clear_tokens: bool,
    first_screen: Option<FirstScreen>,
    identifiers: Vec<Identifier>,
    login_hint: Option<String>,
    direct_sign_in: Option<DirectSignIn>,
    one_time_token: Option<String>,
    interaction_mode: Option<InteractionMode>,
    ui_locales: Option<String>,
    organization_id: Option<String>,
    extra_params: Vec<(String, String)>,
}

impl Default for SignInOptions {
    fn default() -> Self {
        Self {
            redirect_uri: None,
            post_redirect_uri: None,
            prompt: None,
            clear_tokens: true,
            first_screen: None,
            identifiers: Vec::new(),
            login_hint: None,
            direct_sign_in: None,
            one_time_token: None,
            interaction_mode: None,
            ui_locales: None,
            organization_id: None,
            extra_params: Vec::new(),
        }
    }
}

impl From<&str> for SignInOptions {
    fn from(redirect_uri: &str) -> Self {
        Self::new().redirect_uri(redirect_uri)
    }
}

impl SignInOptions {
    /// The defaults: back to the callback route under the configured base URL.
    pub fn new() -> Self {
        Self::default()
    }

    /// Where Logto sends the person back to; registered in Logto's console.
    pub fn redirect_uri(mut self, uri: impl Into<String>) -> Self {
        self.redirect_uri = Some(uri.into());
        self
    }

    /// Where the application sends the person after the callback; on its own origin, kept on this side.
    pub fn post_redirect_uri(mut self, uri: impl Into<String>) -> Self {
        self.post_redirect_uri = Some(uri.into());
        self
    }

    /// The prompts of this sign-in instead of the configured ones.
    pub fn prompt(mut self, prompt: impl IntoIterator<Item = Prompt>) -> Self {
        self.prompt = Some(prompt.into_iter().collect());
        self
    }

    /// The first screen.
    pub fn first_screen(mut self, screen: FirstScreen) -> Self {
        self.first_screen = Some(screen);
        self
    }

    /// What the first screen asks for.
    pub fn identifiers(mut self, identifiers: impl IntoIterator<Item = Identifier>) -> Self {
        self.identifiers = identifiers.into_iter().collect();
        self
    }

    /// Who probably signs in, for example an e-mail address.
    pub fn login_hint(mut self, hint: impl Into<String>) -> Self {
        self.login_hint = Some(hint.into());
        self
    }

    /// Goes straight to a connector.
    pub fn direct_sign_in(mut self, target: DirectSignIn) -> Self {
        self.direct_sign_in = Some(target);
        self
    }

    /// The token of a magic link; goes with [`login_hint`](Self::login_hint).
    pub fn one_time_token(mut self, token: impl Into<String>) -> Self {
        self.one_time_token = Some(token.into());
        self
    }

    /// Deprecated in Logto, see [`InteractionMode`].
    pub fn interaction_mode(mut self, mode: InteractionMode) -> Self {
        self.interaction_mode = Some(mode);
        self
    }

    /// Preferred languages, for example `de en`.
    pub fn ui_locales(mut self, locales: impl Into<String>) -> Self {
        self.ui_locales = Some(locales.into());
        self
    }

    /// The organization whose branding and sign-in rules apply.
    pub fn organization_id(mut self, id: impl Into<String>) -> Self {
        self.organization_id = Some(id.into());
        self
    }

    /// One more parameter; in the order in which they are added.
    pub fn extra_param(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.extra_params.push((name.into(), value.into()));
        self
    }

    /// Whether the tokens held so far go when this sign-in succeeds; default `true`.
    pub fn clear_tokens(mut self, clear: bool) -> Self {
        self.clear_tokens = clear;
        self
    }

    pub(crate) fn extra_names(&self) -> impl Iterator<Item = &str> {
        self.extra_params.iter().map(|(name, _)| name.as_str())
    }

    /// The `max_age` among the extra parameters, in seconds: the ID token is checked by it.
    pub(crate) fn max_age(&self) -> Option<u64> {
        self.extra_params.iter().find(|(name, _)| name == "max_age")?.1.parse().ok()
    }

    /// The parameters that stand before `resource`.
    pub(crate) fn hints(&self) -> Vec<(&str, String)> {
        let mut hints = Vec::new();
        if let Some(hint) = &self.login_hint {
            hints.push(("login_hint", hint.clone()));
        }
        match &self.direct_sign_in {
            Some(DirectSignIn::Social(target)) => hints.push(("direct_sign_in", format!("social:{target}"))),
            Some(DirectSignIn::Sso(target)) => hints.push(("direct_sign_in", format!("sso:{target}"))),
            None => {}
        }
        hints
    }

    /// The parameters that stand after `resource`.
    pub(crate) fn screen(&self) -> Vec<(&str, String)> {
        let mut screen = Vec::new();
        match (self.first_screen, self.interaction_mode) {
            (Some(first), _) => screen.push(("first_screen", first.as_str().to_owned())),
            (None, Some(InteractionMode::SignIn)) => screen.push(("interaction_mode", "signIn".to_owned())),
            (None, Some(InteractionMode::SignUp)) => screen.push(("interaction_mode", "signUp".to_owned())),
            (None, None) => {}
        }
        if !self.identifiers.is_empty() {
            let list: Vec<&str> = self.identifiers.iter().map(|identifier| identifier.as_str()).collect();
            screen.push(("identifier", list.join(" ")));
        }
        let optional = [
            ("one_time_token", &self.one_time_token),
            ("ui_locales", &self.ui_locales),
            ("organization_id", &self.organization_id),
        ];
        screen.extend(optional.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))));
        screen.extend(self.extra_params.iter().map(|(name, value)| (name.as_str(), value.clone())));
        screen
    }
}
