//! How a visitor hears of an error.

use crate::{ErrorKind, LogtoClient, LogtoError, Route};
use url::form_urlencoded;

/// The answer that tells an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// 303 to sign-in, and back to where the person was.
    Redirect(String),
    /// A page, with a link to this sign-in route.
    Page(String),
    /// JSON.
    Program,
}

/// Decides how to tell an error: a page that needs sign-in is sent there, any other page is shown the
/// error, a program hears JSON. `here` is the path and query that were asked for.
///
/// A sign-in that has ended twice within a minute is shown instead of going round in a circle.
#[must_use]
pub fn refusal(client: &LogtoClient, page: bool, here: &str, error: &LogtoError) -> Refusal {
    let sign_in = client.route_path(Route::SignIn);
    if !page {
        Refusal::Program
    } else if error.kind() != ErrorKind::NotAuthenticated || error.is_repeated() {
        Refusal::Page(sign_in)
    } else {
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("return_to", here).finish();
        Refusal::Redirect(format!("{sign_in}?{query}"))
    }
}

/// Whether a sign-out that failed so has signed the person out here all the same.
#[must_use]
pub fn signed_out_here(error: &LogtoError) -> bool {
    matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::RateLimited | ErrorKind::ProviderMisbehaved)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LogtoConfig;

    #[test]
    fn only_a_page_that_needs_sign_in_is_sent_there_and_not_in_a_circle() {
        let client = LogtoClient::new(LogtoConfig::new("https://t.logto.app", "app")).unwrap();
        let tell = |page, error: LogtoError| refusal(&client, page, "/a?b=c", &error);
        let ended = || LogtoError::new(ErrorKind::NotAuthenticated, "x");
        let away = || LogtoError::new(ErrorKind::Unavailable, "x");
        let sign_in = "/logto/sign-in".to_owned();
        let there = Refusal::Redirect("/logto/sign-in?return_to=%2Fa%3Fb%3Dc".to_owned());
        assert_eq!(tell(true, ended()), there);
        assert_eq!(tell(true, ended().repeated()), Refusal::Page(sign_in.clone()));
        assert_eq!(tell(true, away()), Refusal::Page(sign_in));
        assert_eq!(tell(false, ended()), Refusal::Program);
        assert_eq!(tell(false, away()), Refusal::Program);
    }
}
