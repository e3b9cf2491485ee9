//! TLS to Redis: rustls on aws-lc-rs, whatever else the process has.

#[cfg(feature = "tls")]
pub(crate) use with_rustls::Tls;

#[cfg(not(feature = "tls"))]
pub(crate) use without::Tls;

#[cfg(feature = "tls")]
mod with_rustls {
    use crate::failure::Failure;
    use rustls_platform_verifier::BuilderVerifierExt;
    use std::sync::{Arc, OnceLock};
    use tokio::net::TcpStream;
    use tokio_rustls::{
        TlsConnector,
        client::TlsStream,
        rustls::{
            self, ClientConfig, RootCertStore,
            crypto::aws_lc_rs::default_provider,
            pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
        },
    };

    /// Whom to trust, and who this client is.
    #[derive(Clone, Default)]
    pub(crate) struct Tls {
        roots: Option<RootCertStore>,
        client: Option<Arc<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>>,
        config: OnceLock<Arc<ClientConfig>>,
    }

    impl Tls {
        pub(crate) fn new() -> Self {
            Self::default()
        }

        pub(crate) fn trust_only(&mut self, pem: &[u8]) -> Result<(), Failure> {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(pem)? {
                roots.add(certificate).map_err(|error| Failure::misconfigured(error.to_string()))?;
            }
            *self = Self { roots: Some(roots), client: self.client.take(), ..Self::default() };
            Ok(())
        }

        pub(crate) fn present(&mut self, chain: &[u8], key: &[u8]) -> Result<(), Failure> {
            let key = PrivateKeyDer::from_pem_slice(key)
                .map_err(|_| Failure::misconfigured("the client's private key is no PEM of a key"))?;
            let client = Arc::new((certificates(chain)?, key));
            *self = Self { roots: self.roots.take(), client: Some(client), ..Self::default() };
            self.config()?;
            Ok(())
        }

        pub(crate) async fn wrap(
            &self,
            host: &str,
            stream: TcpStream,
        ) -> Result<TlsStream<TcpStream>, Failure> {
            let name = ServerName::try_from(host.to_owned())
                .map_err(|_| Failure::misconfigured("the host is no name that a certificate may have"))?;
            Ok(TlsConnector::from(self.config()?).connect(name, stream).await?)
        }

        fn config(&self) -> Result<Arc<ClientConfig>, Failure> {
            if let Some(config) = self.config.get() {
                return Ok(Arc::clone(config));
            }
            let config = Arc::new(self.build().map_err(|error| Failure::misconfigured(error.to_string()))?);
            Ok(Arc::clone(self.config.get_or_init(|| config)))
        }

        fn build(&self) -> Result<ClientConfig, rustls::Error> {
            let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()))
                .with_safe_default_protocol_versions()?;
            let builder = match &self.roots {
                Some(roots) => builder.with_root_certificates(roots.clone()),
                None => builder.with_platform_verifier()?,
            };
            match self.client.as_deref() {
                Some((chain, key)) => builder.with_client_auth_cert(chain.clone(), key.clone_key()),
                None => Ok(builder.with_no_client_auth()),
            }
        }
    }

    fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Failure> {
        let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        match read {
            Ok(certificates) if !certificates.is_empty() => Ok(certificates),
            _ => Err(Failure::misconfigured("there is no certificate in PEM")),
        }
    }
}

#[cfg(not(feature = "tls"))]
mod without {
    use crate::failure::Failure;
    use tokio::net::TcpStream;

    /// No TLS: addresses that ask for it are refused before.
    #[derive(Clone)]
    pub(crate) struct Tls;

    impl Tls {
        pub(crate) fn new() -> Self {
            Self
        }

        pub(crate) async fn wrap(&self, _: &str, _: TcpStream) -> Result<TcpStream, Failure> {
            std::future::ready(Err(Failure::misconfigured("TLS needs the feature `tls`"))).await
        }
    }
}
