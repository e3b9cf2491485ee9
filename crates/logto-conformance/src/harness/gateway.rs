//! A gateway before a server: it lets everything pass, holds everything back, or is not there at all.

use std::{io, net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
};

/// How a gateway stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passage {
    /// Everything passes.
    Open,
    /// Connections stand and are accepted, and no byte passes.
    Silent,
    /// Connections are cut and refused.
    Refused,
}

/// A gateway on 127.0.0.1, gone when it is dropped.
#[derive(Debug)]
pub struct Gateway {
    port: u16,
    wanted: watch::Sender<Passage>,
    listens: watch::Receiver<bool>,
}

impl Gateway {
    /// An open gateway on this port to this server.
    ///
    /// # Panics
    ///
    /// Where the port is taken.
    pub async fn start(port: u16, to: SocketAddr) -> Self {
        let (wanted, passage) = watch::channel(Passage::Open);
        let (says, listens) = watch::channel(false);
        tokio::spawn(async move { drop(stand(port, to, passage, says).await) });
        let gateway = Self { port, wanted, listens };
        gateway.set(Passage::Open).await;
        gateway
    }

    /// The port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Stands so from now on; it does when this returns.
    ///
    /// # Panics
    ///
    /// Where the port is taken.
    pub async fn set(&self, passage: Passage) {
        self.wanted.send_replace(passage);
        let mut listens = self.listens.clone();
        let expected = passage != Passage::Refused;
        listens.wait_for(|listens| *listens == expected).await.expect("the gateway's port is free");
    }
}

async fn stand(
    port: u16,
    to: SocketAddr,
    mut passage: watch::Receiver<Passage>,
    says: watch::Sender<bool>,
) -> io::Result<()> {
    loop {
        let Ok(_) = passage.wait_for(|passage| *passage != Passage::Refused).await else { return Ok(()) };
        let listener = listen(port).await?;
        says.send_replace(true);
        let connections = passage.clone();
        loop {
            tokio::select! {
                accepted = listener.accept() => {
                    let (inside, passage) = (accepted?.0, connections.clone());
                    tokio::spawn(async move { drop(connect(inside, to, passage).await) });
                }
                refused = passage.wait_for(|passage| *passage == Passage::Refused) => {
                    if refused.is_err() {
                        return Ok(());
                    }
                    break;
                }
            }
        }
        drop(listener);
        says.send_replace(false);
    }
}

/// Connections that were cut may keep the port for a moment.
async fn listen(port: u16) -> io::Result<TcpListener> {
    let mut tries = 0;
    loop {
        match TcpListener::bind(("127.0.0.1", port)).await {
            Err(_) if tries < 100 => tokio::time::sleep(Duration::from_millis(20)).await,
            outcome => return outcome,
        }
        tries += 1;
    }
}

async fn connect(inside: TcpStream, to: SocketAddr, mut passage: watch::Receiver<Passage>) -> io::Result<()> {
    let outside = TcpStream::connect(to).await?;
    let (from_inside, to_inside) = inside.into_split();
    let (from_outside, to_outside) = outside.into_split();
    let (there, back) = (passage.clone(), passage.clone());
    tokio::select! {
        _ = passage.wait_for(|passage| *passage == Passage::Refused) => {}
        _ = async {
            tokio::join!(carry(from_inside, to_outside, there), carry(from_outside, to_inside, back))
        } => {}
    }
    Ok(())
}

async fn carry(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut passage: watch::Receiver<Passage>,
) -> io::Result<()> {
    let mut bytes = vec![0; 16 * 1024];
    loop {
        let read = from.read(&mut bytes).await?;
        if passage.wait_for(|passage| *passage != Passage::Silent).await.is_err() {
            return Ok(());
        }
        match bytes.get(..read) {
            Some(bytes) if !bytes.is_empty() => to.write_all(bytes).await?,
            _ => return to.shutdown().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_lets_pass_holds_back_and_refuses() {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let to = server.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = server.accept().await {
                let (mut from, mut to) = stream.into_split();
                tokio::spawn(async move { tokio::io::copy(&mut from, &mut to).await });
            }
        });
        let gateway = Gateway::start(crate::servers::free_port(), to).await;
        let address = ("127.0.0.1", gateway.port());
        let mut stream = TcpStream::connect(address).await.unwrap();
        let mut byte = [0];
        stream.write_all(b"a").await.unwrap();
        stream.read_exact(&mut byte).await.unwrap();
        gateway.set(Passage::Silent).await;
        stream.write_all(b"b").await.unwrap();
        let silence = tokio::time::timeout(Duration::from_millis(50), stream.read_exact(&mut byte)).await;
        assert!(silence.is_err(), "nothing passes");
        gateway.set(Passage::Open).await;
        stream.read_exact(&mut byte).await.unwrap();
        assert_eq!(byte, *b"b", "what was held back arrives");
        gateway.set(Passage::Refused).await;
        assert!(matches!(stream.read(&mut byte).await, Ok(0) | Err(_)), "it is cut");
        assert!(TcpStream::connect(address).await.is_err(), "and refused");
        gateway.set(Passage::Open).await;
        TcpStream::connect(address).await.unwrap();
    }
}
