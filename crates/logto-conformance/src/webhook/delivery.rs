//! A delivery on the wire, as Logto sends it or as it never would.

use super::{Application, PATH};
use crate::servers::listener;
use aws_lc_rs::hmac;
use logto_client::WebhookVerifier;
use std::net::SocketAddr;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Recorded from a server, with its signature.
pub(crate) const KEY: &str = "YxaqDIQl4IxrN3QmpbiFDylYECJGRvyM";
pub(crate) const BODY: &str = r#"{"event":"User.Created","createdAt":"2026-11-23T02:47:49.794Z","ip":"127.0.0.1","path":"/users","method":"POST","status":200,"params":{},"matchedRoute":"/users","data":{"id":"rt7vj85hotgm","username":"bob_e","primaryEmail":null,"primaryPhone":null,"name":"Böb ☃ \"quoted\" </script>","avatar":null,"customData":{},"identities":{},"lastSignInAt":null,"createdAt":1795402069762,"updatedAt":1795402069762,"profile":{},"applicationId":null,"cimdClientId":null,"isSuspended":false,"hasPassword":true},"hookId":"m3odtxgvmt9v3kh7n2k58"}"#;
pub(crate) const SIGNATURE: &str = "c427e644b9ca339455158b7088170b04849845af3fde6ed4a27f0a7c55e32274";
/// The largest body that the suite's applications take, in bytes.
pub(crate) const LIMIT: usize = 2048;

/// An application that listens, gone when it is dropped.
pub(crate) struct Stage {
    address: SocketAddr,
    _running: Box<dyn Send>,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

/// What the recorded signing key makes of a body.
pub(crate) fn sign(body: &str) -> String {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, KEY.as_bytes()), body.as_bytes());
    tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Stage {
    pub(crate) async fn set<A: Application>() -> Self {
        let (listener, address) = listener();
        let verifier = WebhookVerifier::new(KEY).expect("a key").body_limit(LIMIT);
        Self { address, _running: A::serve(listener, verifier).await }
    }

    /// Sends this body with these signatures.
    pub(crate) async fn deliver(&self, signatures: &[&str], body: &str) -> Answer {
        self.send(signatures, &format!("content-length: {}\r\n", body.len()), body).await
    }

    /// Sends it in pieces of this many bytes, without saying how long it is.
    pub(crate) async fn deliver_in_pieces(&self, signature: &str, body: &str, size: usize) -> Answer {
        let mut text = String::new();
        for piece in body.as_bytes().chunks(size) {
            text += &format!("{:x}\r\n{}\r\n", piece.len(), String::from_utf8_lossy(piece));
        }
        self.send(&[signature], "transfer-encoding: chunked\r\n", &(text + "0\r\n\r\n")).await
    }

    /// Sends a part of the body and goes away.
    pub(crate) async fn break_off(&self, signature: &str, body: &str, after: usize) {
        let head = self.head(&[signature], &format!("content-length: {}\r\n", body.len()));
        let mut stream = TcpStream::connect(self.address).await.expect("a connection");
        stream.write_all(&[head.as_bytes(), &body.as_bytes()[..after]].concat()).await.expect("sent");
    }

    async fn send(&self, signatures: &[&str], length: &str, body: &str) -> Answer {
        let mut stream = TcpStream::connect(self.address).await.expect("a connection");
        let request = self.head(signatures, length) + body;
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut answer = Vec::new();
        // A server that has not read all of a body may break the connection after its answer.
        let mut part = [0; 4096];
        while let Ok(count @ 1..) = stream.read(&mut part).await {
            answer.extend_from_slice(&part[..count]);
        }
        let text = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        Answer { status, head: head.to_lowercase(), body: body.to_owned() }
    }

    fn head(&self, signatures: &[&str], length: &str) -> String {
        let signatures: String =
            signatures.iter().map(|signature| format!("logto-signature-sha-256: {signature}\r\n")).collect();
        format!(
            "POST {PATH} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\nuser-agent: Logto (https://logto.io/)\r\n\
             content-type: application/json\r\n{signatures}{length}\r\n",
            self.address
        )
    }
}
