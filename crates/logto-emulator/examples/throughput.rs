//! Measures the time to start and the token exchanges a second: `cargo run --release --example throughput`.

use logto_emulator::{Application, Emulator};
use std::{
    io,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

const CONNECTIONS: usize = 16;
const MEASURED: Duration = Duration::from_secs(3);

fn main() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        println!("start: {:.1} ms (median of 101)", start_time().await?);
        println!("code exchanges a second: {:.0}", codes().await?);
        println!("refreshes a second: {:.0}", refreshes().await?);
        Ok(())
    })
}

async fn start_time() -> io::Result<f64> {
    let mut times = Vec::new();
    for _ in 0..101 {
        let since = Instant::now();
        let emulator = Emulator::start().await?;
        times.push(since.elapsed().as_secs_f64() * 1000.0);
        drop(emulator);
    }
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}

async fn emulator() -> io::Result<Emulator> {
    let application = Application::new("app").secret("s").redirect_uri("http://localhost:3000/callback");
    Emulator::builder().application(application).start().await
}

fn code(emulator: &Emulator) -> io::Result<String> {
    let url = format!(
        "{}/auth?client_id=app&response_type=code&scope=openid+offline_access+profile&prompt=consent&nonce=n",
        emulator.issuer()
    );
    let callback = emulator.approve(&url, "alice").map_err(io::Error::other)?;
    let code = callback.split(['?', '&']).find_map(|pair| pair.strip_prefix("code="));
    code.map(str::to_owned).ok_or_else(|| io::Error::other("no code"))
}

async fn codes() -> io::Result<f64> {
    let emulator = emulator().await?;
    let mut bodies: Vec<Vec<String>> = Vec::new();
    for _ in 0..CONNECTIONS {
        let form = |code: String| format!("grant_type=authorization_code&code={code}");
        bodies.push((0..400).map(|_| code(&emulator).map(form)).collect::<io::Result<_>>()?);
    }
    let since = Instant::now();
    let mut clients = JoinSet::new();
    for bodies in bodies {
        let address = emulator.address();
        clients.spawn(async move {
            let mut stream = TcpStream::connect(address).await?;
            for body in &bodies {
                post(&mut stream, body).await?;
            }
            io::Result::Ok(bodies.len())
        });
    }
    let mut count = 0;
    while let Some(done) = clients.join_next().await {
        count += done??;
    }
    Ok(count as f64 / since.elapsed().as_secs_f64())
}

async fn refreshes() -> io::Result<f64> {
    let emulator = emulator().await?;
    let form = format!("grant_type=authorization_code&code={}", code(&emulator)?);
    let answer = post(&mut TcpStream::connect(emulator.address()).await?, &form).await?;
    let token = answer.split("\"refresh_token\":\"").nth(1).and_then(|rest| rest.split('"').next());
    let body = format!("grant_type=refresh_token&refresh_token={}", token.unwrap_or_default());
    let since = Instant::now();
    let mut clients = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let (address, body) = (emulator.address(), body.clone());
        clients.spawn(async move {
            let (mut stream, mut count) = (TcpStream::connect(address).await?, 0_u32);
            while since.elapsed() < MEASURED {
                post(&mut stream, &body).await?;
                count += 1;
            }
            io::Result::Ok(count)
        });
    }
    let mut count = 0;
    while let Some(done) = clients.join_next().await {
        count += done??;
    }
    Ok(f64::from(count) / since.elapsed().as_secs_f64())
}

/// One request over a connection that stays; the whole answer, which must be 200.
async fn post(stream: &mut TcpStream, body: &str) -> io::Result<String> {
    let request = format!(
        "POST /oidc/token HTTP/1.1\r\nhost: localhost\r\nauthorization: Basic YXBwOnM=\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await?;
    let mut bytes = Vec::new();
    loop {
        let mut chunk = [0; 8192];
        let read = stream.read(&mut chunk).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes.extend_from_slice(&chunk[..read]);
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, rest)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if length.and_then(|length| length.parse().ok()) == Some(rest.len()) {
            return match head.starts_with("HTTP/1.1 200") {
                true => Ok(rest.to_owned()),
                false => Err(io::Error::other(text.into_owned())),
            };
        }
    }
}
