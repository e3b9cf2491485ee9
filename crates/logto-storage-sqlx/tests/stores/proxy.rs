//! A road to a server that can be closed.

use std::{
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::Mutex,
    task::JoinSet,
};

/// Passes connections on to a port of loopback, until it is closed: then they break, and new ones are
/// refused. Where it is silent, it accepts everything and passes nothing on.
pub(crate) struct Proxy {
    port: u16,
    to: u16,
    silent: Arc<AtomicBool>,
    running: Mutex<Option<JoinSet<()>>>,
}

impl Proxy {
    pub(crate) async fn start(to: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let silent = Arc::default();
        let running = Mutex::new(Some(pass(listener, to, Arc::clone(&silent))));
        Self { port, to, silent, running }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) async fn close(&self) {
        if let Some(mut running) = self.running.lock().await.take() {
            running.shutdown().await;
        }
    }

    pub(crate) async fn open(&self) {
        let mut running = self.running.lock().await;
        if running.is_none() {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, self.port)).await.unwrap();
            *running = Some(pass(listener, self.to, Arc::clone(&self.silent)));
        }
    }

    /// What came meanwhile is never passed on.
    pub(crate) fn silence(&self, silent: bool) {
        self.silent.store(silent, Ordering::SeqCst);
    }
}

/// Everything runs in tasks that end with the set.
fn pass(listener: TcpListener, to: u16, silent: Arc<AtomicBool>) -> JoinSet<()> {
    let mut set = JoinSet::new();
    set.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((here, _)) = listener.accept().await {
            let silent = Arc::clone(&silent);
            connections.spawn(async move {
                let Ok(there) = TcpStream::connect((Ipv4Addr::LOCALHOST, to)).await else { return };
                let (from_here, to_here) = here.into_split();
                let (from_there, to_there) = there.into_split();
                tokio::select! {
                    () = copy(from_here, to_there, &silent) => {}
                    () = copy(from_there, to_here, &silent) => {}
                }
            });
        }
    });
    set
}

async fn copy(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, silent: &AtomicBool) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        while silent.load(Ordering::SeqCst) {
            // As if the other end had gone without a word, for as long as anybody asks.
            tokio::time::sleep(Duration::from_secs(3600)).await;
        }
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}
