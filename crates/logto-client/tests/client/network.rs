//! Between client and provider: private certificates, a proxy, another address inside, redirects.

use crate::stage::{BASE, config};
use logto_client::{ErrorKind, LogtoClient, LogtoConfig, LogtoError, SignInOptions};
use logto_emulator::{Emulator, Endpoint};
use logto_storage_core::MemoryStorage;
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, copy_bidirectional},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{TlsAcceptor, rustls};

async fn whole_sign_in(config: LogtoConfig, emulator: &Emulator) -> Result<(), LogtoError> {
    let session = LogtoClient::new(config)?.session(MemoryStorage::new());
    let url = session.sign_in(SignInOptions::new()).await?;
    session.handle_sign_in_callback(&emulator.approve(url.as_str(), "alice").unwrap()).await?;
    session.fetch_user_info().await?;
    session.sign_out(None).await.map(drop)
}

/// Ends TLS on this listener with a certificate for `localhost`, signed by itself; its PEM.
fn behind_tls(listener: TcpListener, to: SocketAddr) -> String {
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let server = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key.into())
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(server));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut inside) = acceptor.accept(stream).await else { return };
                let mut outside = TcpStream::connect(to).await.unwrap();
                drop(copy_bidirectional(&mut inside, &mut outside).await);
            });
        }
    });
    certified.cert.pem()
}

#[tokio::test]
async fn a_private_certificate_is_trusted_where_it_is_configured_and_only_there() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let emulator = Emulator::builder().endpoint(&endpoint).start().await.unwrap();
    let pem = behind_tls(listener, emulator.address());
    let error = whole_sign_in(config(&endpoint), &emulator).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    whole_sign_in(config(&endpoint).root_certificate(pem), &emulator).await.unwrap();
}

#[tokio::test]
async fn an_endpoint_inside_the_network_is_used_and_people_are_sent_to_the_one_outside() {
    let emulator = Emulator::builder().endpoint("https://login.example.test").start().await.unwrap();
    let inside = format!("http://{}", emulator.address());
    let config = config("https://login.example.test").internal_endpoint(inside);
    let session = LogtoClient::new(config.clone()).unwrap().session(MemoryStorage::new());
    let url = session.sign_in(SignInOptions::new()).await.unwrap();
    assert!(url.as_str().starts_with("https://login.example.test/oidc/auth?"));
    whole_sign_in(config, &emulator).await.unwrap();
    assert_eq!((emulator.count(Endpoint::Token), emulator.count(Endpoint::Revocation)), (1, 1));
}

/// A proxy for plain HTTP that notes the first line of each request.
async fn proxy() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let lines = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&lines);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let noted = Arc::clone(&noted);
            tokio::spawn(async move {
                let mut inside = BufReader::new(stream);
                let mut line = String::new();
                inside.read_line(&mut line).await.unwrap();
                noted.lock().unwrap().push(line.trim().to_owned());
                let url = url::Url::parse(line.split(' ').nth(1).unwrap()).unwrap();
                let to = (url.host_str().unwrap().to_owned(), url.port().unwrap());
                let mut outside = TcpStream::connect(to).await.unwrap();
                outside.write_all(line.as_bytes()).await.unwrap();
                drop(copy_bidirectional(&mut inside, &mut outside).await);
            });
        }
    });
    (address, lines)
}

#[tokio::test]
async fn requests_go_through_the_proxy_that_is_configured() {
    let emulator = Emulator::start().await.unwrap();
    let (address, lines) = proxy().await;
    whole_sign_in(config(&emulator.endpoint()).proxy(address), &emulator).await.unwrap();
    let first = lines.lock().unwrap().first().cloned().unwrap();
    assert_eq!(first, format!("GET {}/.well-known/openid-configuration HTTP/1.1", emulator.issuer()));
}

#[tokio::test]
async fn no_redirect_is_followed() {
    let target = Emulator::start().await.unwrap();
    for status in [301, 302, 303, 307, 308] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let answer = format!(
            "HTTP/1.1 {status} Elsewhere\r\nLocation: {}/.well-known/openid-configuration\r\nContent-Length: 0\r\n\r\n",
            target.issuer()
        );
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            drop(stream.read(&mut [0; 4096]).await);
            stream.write_all(answer.as_bytes()).await.unwrap();
        });
        let config = LogtoConfig::new(endpoint, "local-app").base_url(BASE);
        let session = LogtoClient::new(config).unwrap().session(MemoryStorage::new());
        let error = session.sign_in(SignInOptions::new()).await.unwrap_err();
        let code = format!("http_error_{status}");
        assert_eq!((error.kind(), error.code()), (ErrorKind::ProviderMisbehaved, Some(code.as_str())));
    }
    assert_eq!(target.count(Endpoint::Discovery), 0);
}
