//! The layer of APIs: without a good access token nobody reaches the handler.

use crate::{AccessError, guard::original_uri};
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{FromRequestParts, RawPathParams, Request},
    http::{HeaderValue, header, request::Parts},
    response::Response,
    routing::get,
};
use logto_client::{
    Access, AccessTokenVerifier, ApiRequest, LogtoError,
    web::{self, MOST_FORM_BYTES},
};
use std::{
    borrow::Cow,
    future::Future,
    mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use tower_layer::Layer;
use tower_service::Service;

/// Protects what is inside: a request without a good access token does not reach it, and is answered by RFC
/// 6750. A handler reads by [`LogtoAuth`](crate::LogtoAuth) who has asked.
///
/// ```
/// use axum::{Router, routing::get};
/// use logto_axum::{Access, AccessTokenVerifier, ApiConfig, LogtoApi, LogtoAuth, Organization};
///
/// async fn orders(auth: LogtoAuth) -> String {
///     format!("the orders of {}", auth.sub())
/// }
///
/// let config = ApiConfig::new("https://tenant.logto.app").audience("https://api.example.com");
/// let verifier = AccessTokenVerifier::new(config)?;
/// let all = LogtoApi::new(&verifier, Access::api().scopes(["read:orders"]));
/// let one = Access::organization_api(Organization::path("organization_id")).scopes(["read:orders"]);
/// let app: Router = Router::new()
///     .route("/orders", get(orders).layer(all))
///     .route("/organizations/{organization_id}/orders", get(orders).layer(LogtoApi::new(&verifier, one)))
///     .with_state(verifier);
/// # Ok::<(), logto_axum::logto_client::LogtoError>(())
/// ```
///
/// A form in the body is read, up to 2 MiB, and handed on: an access token in it beside the header is refused.
/// Layers for CORS go outside, so that they answer what browsers ask beforehand.
///
/// Source: RFC 6750, RFC 9068.
#[derive(Clone, Debug)]
#[must_use = "it protects nothing before it is put around a route"]
pub struct LogtoApi {
    verifier: AccessTokenVerifier,
    access: Arc<Access>,
}

impl LogtoApi {
    /// Lets in who brings a token for this.
    pub fn new(verifier: &AccessTokenVerifier, access: Access) -> Self {
        Self { verifier: verifier.clone(), access: Arc::new(access) }
    }

    /// The route that serves what the API is, at the path of
    /// [`ApiConfig::resource_metadata`](crate::ApiConfig::resource_metadata), for anybody and any site's scripts.
    ///
    /// ```
    /// use axum::Router;
    /// use logto_axum::{AccessTokenVerifier, ApiConfig, LogtoApi};
    ///
    /// let config = ApiConfig::new("https://tenant.logto.app")
    ///     .audience("https://api.example.com")
    ///     .resource_metadata("https://api.example.com/.well-known/oauth-protected-resource");
    /// let verifier = AccessTokenVerifier::new(config)?;
    /// let app: Router = Router::new().merge(LogtoApi::resource_metadata(&verifier)?);
    /// # Ok::<(), logto_axum::logto_client::LogtoError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `Misconfigured` where no address is configured.
    ///
    /// Source: RFC 9728 §3.
    pub fn resource_metadata<S>(verifier: &AccessTokenVerifier) -> Result<Router<S>, LogtoError>
    where
        S: Clone + Send + Sync + 'static,
    {
        let (address, document) = verifier.resource_metadata().ok_or_else(web::no_resource_metadata)?;
        let headers = [
            (header::CONTENT_TYPE, "application/json"),
            (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
            (header::REFERRER_POLICY, web::NO_REFERRER),
            (header::X_CONTENT_TYPE_OPTIONS, web::NO_SNIFF),
        ];
        Ok(Router::new().route(address.path(), get(async move || (headers, document.clone()))))
    }

    /// The request as the handler gets it.
    async fn admit(&self, request: Request) -> Result<Request, AccessError> {
        let (mut parts, body) = request.into_parts();
        let asked = Asked::new(&mut parts).await;
        let auth = self.verifier.verify_request(&asked, &self.access).await?;
        let body = match web::is_form(parts.headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes)) {
            true => self.form(&parts, body).await?,
            false => body,
        };
        parts.extensions.insert(auth);
        Ok(Request::from_parts(parts, body))
    }

    /// The form, read, where no access token stands in it.
    async fn form(&self, parts: &Parts, body: Body) -> Result<Body, AccessError> {
        let form =
            to_bytes(body, MOST_FORM_BYTES).await.map_err(|_| self.verifier.told(web::form_not_read()))?;
        let headers = parts.headers.get_all(header::AUTHORIZATION).iter().map(HeaderValue::as_bytes);
        self.verifier.bearer(headers, parts.uri.query(), Some(&form))?;
        Ok(form.into())
    }
}

impl<S> Layer<S> for LogtoApi {
    type Service = LogtoApiService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        LogtoApiService { api: self.clone(), inner }
    }
}

/// What [`LogtoApi`] puts around a service.
#[derive(Clone, Debug)]
pub struct LogtoApiService<S> {
    api: LogtoApi,
    inner: S,
}

impl<S> Service<Request> for LogtoApiService<S>
where
    S: Service<Request, Response = Response> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        // The one that is ready is called, and its copy waits to be.
        let copy = self.inner.clone();
        let (api, mut inner) = (self.api.clone(), mem::replace(&mut self.inner, copy));
        Box::pin(async move {
            match api.admit(request).await {
                Ok(request) => inner.call(request).await,
                Err(error) => Ok(axum::response::IntoResponse::into_response(error)),
            }
        })
    }
}

/// A request, as its organization is looked for.
pub(crate) struct Asked<'a> {
    parts: &'a Parts,
    parameters: Option<RawPathParams>,
}

impl<'a> Asked<'a> {
    pub(crate) async fn new(parts: &'a mut Parts) -> Self {
        let parameters = RawPathParams::from_request_parts(parts, &()).await.ok();
        Self { parts, parameters }
    }
}

impl ApiRequest for Asked<'_> {
    fn method(&self) -> &str {
        self.parts.method.as_str()
    }

    fn path(&self) -> &str {
        original_uri(self.parts).path()
    }

    fn query(&self) -> Option<&str> {
        self.parts.uri.query()
    }

    fn header(&self, name: &str) -> Vec<&[u8]> {
        self.parts.headers.get_all(name).iter().map(HeaderValue::as_bytes).collect()
    }

    fn path_parameter(&self, name: &str) -> Option<Cow<'_, str>> {
        let found = self.parameters.as_ref()?.iter().find(|(known, _)| *known == name)?;
        Some(Cow::Borrowed(found.1))
    }
}
