//! Requests to applications on loopback: logout tokens and webhooks.

use crate::directory::is_loopback;
use std::{io, time::Duration};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    time::timeout,
};
use url::{Host, Position, Url};

/// For so long an application is waited for, all in all.
const PATIENCE: Duration = Duration::from_millis(2500);
/// No status line is longer, in bytes.
const LONGEST_STATUS_LINE: u64 = 4096;

/// Posts a body, and gives the status of the answer or why there is none.
pub(crate) async fn post(uri: &str, headers: &[(String, String)], body: &str) -> Result<u16, String> {
    let url = Url::parse(uri).map_err(|error| error.to_string())?;
    if url.scheme() != "http" || !is_loopback(&url) {
        return Err(format!("{uri} is not HTTP on loopback"));
    }
    match timeout(PATIENCE, exchange(&url, headers, body)).await {
        Ok(Ok(status)) => Ok(status),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("no answer in time".to_owned()),
    }
}

/// One request of HTTP/1.1, and the status of its answer; a redirect is not followed.
async fn exchange(url: &Url, headers: &[(String, String)], body: &str) -> io::Result<u16> {
    let port = url.port_or_known_default().unwrap_or(80);
    let stream = match url.host() {
        Some(Host::Domain(name)) => TcpStream::connect((name, port)).await,
        Some(Host::Ipv4(address)) => TcpStream::connect((address, port)).await,
        Some(Host::Ipv6(address)) => TcpStream::connect((address, port)).await,
        None => Err(io::ErrorKind::InvalidInput.into()),
    };
    let mut stream = BufReader::new(stream?);
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let request = format!(
        "POST {} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n{headers}accept: */*\r\n\
         content-length: {}\r\n\r\n{body}",
        &url[Position::BeforePath..Position::AfterQuery],
        &url[Position::BeforeHost..Position::AfterPort],
        body.len(),
    );
    stream.write_all(request.as_bytes()).await?;
    let mut line = String::new();
    stream.take(LONGEST_STATUS_LINE).read_line(&mut line).await?;
    let mut words = line.split(' ');
    let status = match (words.next(), words.next()) {
        (Some(version), Some(status)) if version.starts_with("HTTP/1.") => status.trim_end().parse().ok(),
        _ => None,
    };
    status.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the answer is not HTTP/1.1"))
}
