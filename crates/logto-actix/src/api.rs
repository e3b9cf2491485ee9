//! The middleware of APIs: without a good access token nobody reaches the handler.

use crate::AccessError;
use actix_web::{
    Error, FromRequest, HttpMessage, HttpRequest, HttpResponse, Resource,
    dev::{Payload, Service, ServiceRequest, ServiceResponse, Transform, forward_ready},
    http::header::{self, HeaderValue},
    web::{self as actix, Bytes, Path},
};
use logto_client::{
    Access, AccessTokenVerifier, ApiRequest, LogtoError,
    web::{self, MOST_FORM_BYTES},
};
use std::{
    borrow::Cow,
    future::{Future, Ready, ready},
    pin::Pin,
    rc::Rc,
    sync::Arc,
};

/// Protects what is inside: a request without a good access token does not reach it, and is answered by RFC
/// 6750. A handler reads by [`LogtoAuth`](crate::LogtoAuth) who has asked.
///
/// ```
/// use actix_web::{App, web};
/// use logto_actix::{Access, AccessTokenVerifier, ApiConfig, LogtoApi, LogtoAuth, Organization};
///
/// async fn orders(auth: LogtoAuth) -> String {
///     format!("the orders of {}", auth.sub())
/// }
///
/// let config = ApiConfig::new("https://tenant.logto.app").audience("https://api.example.com");
/// let verifier = AccessTokenVerifier::new(config)?;
/// let all = LogtoApi::new(&verifier, Access::api().scopes(["read:orders"]));
/// let one = Access::organization_api(Organization::path("organization_id")).scopes(["read:orders"]);
/// let one = LogtoApi::new(&verifier, one);
/// let app = App::new()
///     .app_data(web::Data::new(verifier))
///     .service(web::resource("/orders").wrap(all).get(orders))
///     .service(web::resource("/organizations/{organization_id}/orders").wrap(one).get(orders));
/// # Ok::<(), logto_actix::logto_client::LogtoError>(())
/// ```
///
/// A form in the body is read, up to 2 MiB, and handed on: an access token in it beside the header is refused.
/// Middleware for CORS goes outside, so that it answers what browsers ask beforehand. Where the organization is
/// a parameter of the path, wrap the resource that has it: around a whole `App` no path is matched yet.
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
    /// use actix_web::App;
    /// use logto_actix::{AccessTokenVerifier, ApiConfig, LogtoApi};
    ///
    /// let config = ApiConfig::new("https://tenant.logto.app")
    ///     .audience("https://api.example.com")
    ///     .resource_metadata("https://api.example.com/.well-known/oauth-protected-resource");
    /// let verifier = AccessTokenVerifier::new(config)?;
    /// let app = App::new().service(LogtoApi::resource_metadata(&verifier)?);
    /// # Ok::<(), logto_actix::logto_client::LogtoError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `Misconfigured` where no address is configured.
    ///
    /// Source: RFC 9728 §3.
    pub fn resource_metadata(verifier: &AccessTokenVerifier) -> Result<Resource, LogtoError> {
        let (address, document) = verifier.resource_metadata().ok_or_else(web::no_resource_metadata)?;
        Ok(actix::resource(address.path()).get(move || {
            let document = document.clone();
            async {
                HttpResponse::Ok()
                    .insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
                    .insert_header((header::REFERRER_POLICY, web::NO_REFERRER))
                    .insert_header((header::X_CONTENT_TYPE_OPTIONS, web::NO_SNIFF))
                    .content_type("application/json")
                    .body(document)
            }
        }))
    }

    /// The request as the handler gets it.
    async fn admit(&self, request: &mut ServiceRequest) -> Result<(), AccessError> {
        let asked = Asked::new(request.request());
        let auth = self.verifier.verify_request(&asked, &self.access).await?;
        if web::is_form(request.headers().get(header::CONTENT_TYPE).map(HeaderValue::as_bytes)) {
            let form = self.form(request).await?;
            request.set_payload(Payload::from(form));
        }
        request.extensions_mut().insert(auth);
        Ok(())
    }

    /// The form, read, where no access token stands in it.
    async fn form(&self, request: &mut ServiceRequest) -> Result<Bytes, AccessError> {
        let broken = || self.verifier.told(web::form_not_read());
        let payload = request.extract::<actix::Payload>().await.map_err(|_| broken())?;
        let form = payload.to_bytes_limited(MOST_FORM_BYTES).await;
        let form = form.map_err(|_| broken())?.map_err(|_| broken())?;
        let headers = request.headers().get_all(header::AUTHORIZATION).map(HeaderValue::as_bytes);
        self.verifier.bearer(headers, request.uri().query(), Some(&form))?;
        Ok(form)
    }
}

impl<S, B> Transform<S, ServiceRequest> for LogtoApi
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: 'static,
{
    type Response = ServiceResponse<B>;
    type Error = Error;
    type InitError = ();
    type Transform = LogtoApiService<S>;
    type Future = Ready<Result<LogtoApiService<S>, ()>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        ready(Ok(LogtoApiService { api: self.clone(), inner: Rc::new(inner) }))
    }
}

/// What [`LogtoApi`] puts around a service.
#[derive(Clone, Debug)]
pub struct LogtoApiService<S> {
    api: LogtoApi,
    inner: Rc<S>,
}

impl<S, B> Service<ServiceRequest> for LogtoApiService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: 'static,
{
    type Response = ServiceResponse<B>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<ServiceResponse<B>, Error>>>>;

    forward_ready!(inner);

    fn call(&self, mut request: ServiceRequest) -> Self::Future {
        let (api, inner) = (self.api.clone(), Rc::clone(&self.inner));
        Box::pin(async move {
            api.admit(&mut request).await?;
            inner.call(request).await
        })
    }
}

/// A request, as its organization is looked for.
pub(crate) struct Asked<'a> {
    request: &'a HttpRequest,
}

impl<'a> Asked<'a> {
    pub(crate) fn new(request: &'a HttpRequest) -> Self {
        Self { request }
    }
}

impl ApiRequest for Asked<'_> {
    fn method(&self) -> &str {
        self.request.method().as_str()
    }

    fn path(&self) -> &str {
        self.request.uri().path()
    }

    fn query(&self) -> Option<&str> {
        self.request.uri().query()
    }

    fn header(&self, name: &str) -> Vec<&[u8]> {
        self.request.headers().get_all(name).map(HeaderValue::as_bytes).collect()
    }

    fn path_parameter(&self, name: &str) -> Option<Cow<'_, str>> {
        let index = self.request.match_info().iter().position(|(known, _)| known == name)?;
        // Decoded as an extractor of the path decodes.
        let values = Path::<Vec<String>>::extract(self.request).into_inner().ok()?;
        values.into_inner().into_iter().nth(index).map(Cow::Owned)
    }
}
