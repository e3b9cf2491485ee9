//! The access token of a request (RFC 6750 §2).

use crate::{AccessError, LogtoError};
use url::form_urlencoded;

/// The access token in the `Authorization` header.
///
/// Only the header counts; a token in the query or in a form beside it is an error, and never used.
/// `form` is the body where it is `application/x-www-form-urlencoded` and has been read, else `None`.
///
/// ```
/// use logto_client::web::bearer;
///
/// assert_eq!(bearer([b"Bearer abc.def".as_slice()], None, None).unwrap(), "abc.def");
/// assert_eq!(bearer([b"bearer abc.def".as_slice()], Some("page=2"), None).unwrap(), "abc.def");
/// assert!(bearer([b"Bearer abc.def".as_slice()], Some("access_token=abc.def"), None).is_err());
/// ```
///
/// # Errors
///
/// `NoCredentials` without the header, with another scheme, and where only the query or the form has a
/// token; `InvalidRequest` for two headers, for two ways at once, and for what cannot be a token.
///
/// Source: RFC 6750 §2, §3.1; RFC 9110 §11.4.
pub fn bearer<'a>(
    authorization: impl IntoIterator<Item = &'a [u8]>,
    query: Option<&str>,
    form: Option<&[u8]>,
) -> Result<&'a str, AccessError> {
    let mut headers = authorization.into_iter();
    let header = headers.next();
    if headers.next().is_some() {
        return Err(AccessError::invalid_request("the request has more than one Authorization header"));
    }
    let elsewhere = names_token(query.map(str::as_bytes)) || names_token(form);
    let Some(credentials) = header.and_then(bearer_credentials) else {
        return Err(AccessError::new(
            crate::AccessErrorKind::NoCredentials,
            if elsewhere {
                "an access token is taken from the Authorization header alone: send it as Bearer"
            } else {
                "the request has no access token: send one in the Authorization header as Bearer"
            },
        ));
    };
    if elsewhere {
        return Err(AccessError::invalid_request("the request has an access token in more than one way"));
    }
    token(credentials)
        .ok_or_else(|| AccessError::invalid_request("the Authorization header holds no access token"))
}

/// So many bytes of a form are read to look for an access token in it: 2 MiB, as frameworks read themselves.
pub const MOST_FORM_BYTES: usize = 2 * 1024 * 1024;

/// Whether a body of this content type is a form in which an access token could stand.
///
/// ```
/// use logto_client::web::is_form;
///
/// assert!(is_form(Some(b"Application/x-www-form-urlencoded; charset=utf-8")));
/// assert!(!is_form(Some(b"application/json")) && !is_form(None));
/// ```
///
/// Source: RFC 6750 §2.2.
#[must_use]
pub fn is_form(content_type: Option<&[u8]>) -> bool {
    let media_type = content_type.unwrap_or_default().split(|&byte| byte == b';').next().unwrap_or_default();
    media_type.trim_ascii().eq_ignore_ascii_case(b"application/x-www-form-urlencoded")
}

/// A form that could not be read to its end, or is longer than [`MOST_FORM_BYTES`].
#[must_use]
pub fn form_not_read() -> AccessError {
    AccessError::invalid_request("the form breaks off, or is longer than 2 MiB")
}

/// The document of an API that has no address for it.
#[must_use]
pub fn no_resource_metadata() -> LogtoError {
    LogtoError::misconfigured(
        "the API has no address for its metadata: give it to ApiConfig::resource_metadata",
    )
}

/// What follows the scheme, where it is ours in any case.
fn bearer_credentials(header: &[u8]) -> Option<&[u8]> {
    let header = header.trim_ascii();
    let end = header.iter().position(|&byte| byte == b' ').unwrap_or(header.len());
    let (scheme, rest) = header.split_at(end);
    scheme.eq_ignore_ascii_case(b"Bearer").then(|| rest.trim_ascii_start())
}

/// `1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="`
fn token(credentials: &[u8]) -> Option<&str> {
    let padding = credentials.iter().rev().take_while(|&&byte| byte == b'=').count();
    let body = &credentials[..credentials.len() - padding];
    // No early end: so many bytes at a time are looked at, at every request.
    let legal = body.iter().fold(true, |legal, &byte| {
        let mark = matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/');
        legal & (byte.is_ascii_alphanumeric() | mark)
    });
    if body.is_empty() || !legal {
        return None;
    }
    std::str::from_utf8(credentials).ok()
}

/// Whether a query or form has a parameter for an access token, be it empty.
fn names_token(parameters: Option<&[u8]>) -> bool {
    form_urlencoded::parse(parameters.unwrap_or_default()).any(|(name, _)| name == "access_token")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AccessErrorKind::{self, InvalidRequest, NoCredentials};

    fn judge(
        headers: &[&str],
        query: Option<&str>,
        form: Option<&str>,
    ) -> Result<String, (AccessErrorKind, u16)> {
        bearer(headers.iter().map(|header| header.as_bytes()), query, form.map(str::as_bytes))
            .map(str::to_owned)
            .map_err(|error| (error.kind(), error.answer().status))
    }

    const NOTHING: (AccessErrorKind, u16) = (NoCredentials, 401);
    const MALFORMED: (AccessErrorKind, u16) = (InvalidRequest, 400);

    #[test]
    fn a_token_is_read_with_the_scheme_in_any_case() {
        for header in ["Bearer a.b-c", "bearer a.b-c", "BEARER a.b-c", "bEaReR   a.b-c", " Bearer a.b-c "] {
            assert_eq!(judge(&[header], None, None).as_deref(), Ok("a.b-c"), "{header}");
        }
        for token in ["x", "AZaz09-._~+/", "abc=", "abc=="] {
            assert_eq!(judge(&[&format!("Bearer {token}")], None, None).as_deref(), Ok(token));
        }
        assert_eq!(judge(&["Bearer t"], Some("page=1&token=x"), Some("a=b")).as_deref(), Ok("t"));
    }

    #[test]
    fn rfc_6750_case_01_no_credentials() {
        assert_eq!(judge(&[], None, None), Err(NOTHING));
        assert_eq!(judge(&[""], None, None), Err(NOTHING));
    }

    #[test]
    fn rfc_6750_case_02_another_scheme() {
        for header in ["Basic dTpw", "Digest x", "DPoP abc", "Bearerabc", "Bearer\tabc", "Bearer:abc", "abc"]
        {
            assert_eq!(judge(&[header], None, None), Err(NOTHING), "{header:?}");
        }
    }

    #[test]
    fn rfc_6750_case_03_two_headers() {
        for headers in [["Bearer a", "Bearer a"], ["Bearer a", "Basic dTpw"], ["Basic dTpw", "Bearer a"]] {
            assert_eq!(judge(&headers, None, None), Err(MALFORMED), "{headers:?}");
        }
    }

    #[test]
    fn rfc_6750_case_04_header_and_query() {
        for query in
            ["access_token=a", "x=1&access_token=b", "access%5Ftoken=a", "access_token", "access_token="]
        {
            assert_eq!(judge(&["Bearer a"], Some(query), None), Err(MALFORMED), "{query}");
        }
    }

    #[test]
    fn rfc_6750_case_05_header_and_form() {
        assert_eq!(judge(&["Bearer a"], None, Some("access_token=a")), Err(MALFORMED));
        assert_eq!(judge(&["Bearer a"], Some("access_token=a"), Some("access_token=a")), Err(MALFORMED));
    }

    #[test]
    fn rfc_6750_case_06_an_empty_token() {
        for header in ["Bearer", "Bearer ", "bearer    ", "Bearer =", "Bearer =="] {
            assert_eq!(judge(&[header], None, None), Err(MALFORMED), "{header:?}");
        }
    }

    #[test]
    fn rfc_6750_case_07_illegal_characters() {
        for token in
            ["a b", "a,b", "a, Basic dTpw", "\"a\"", "a=b", "a\tb", "a\r\nb", "a\0", "ä", "a;", "a%20", "a:b"]
        {
            assert_eq!(judge(&[&format!("Bearer {token}")], None, None), Err(MALFORMED), "{token:?}");
        }
        let error = bearer([b"Bearer \xff\xfe".as_slice()], None, None).unwrap_err();
        assert_eq!(error.kind(), InvalidRequest);
    }

    #[test]
    fn rfc_6750_case_12_a_token_in_the_query_or_the_form_is_not_used() {
        assert_eq!(judge(&[], Some("access_token=a"), None), Err(NOTHING));
        assert_eq!(judge(&[], None, Some("access_token=a")), Err(NOTHING));
        assert_eq!(judge(&["Basic dTpw"], Some("access_token=a"), None), Err(NOTHING));
        let error = bearer([], Some("access_token=canary"), None).unwrap_err();
        assert!(error.to_string().contains("header alone") && !format!("{error:?}").contains("canary"));
    }
}
