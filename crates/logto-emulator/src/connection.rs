//! Connections that can be reset, and an address that can refuse them.

use axum::{
    extract::connect_info::Connected,
    serve::{IncomingStream, Listener},
};
use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::watch,
    time::{Instant, sleep, sleep_until},
};

/// After an error of the listener it tries again so much later.
const PAUSE: Duration = Duration::from_millis(5);

/// Until when connections are refused.
pub(crate) struct Gate(watch::Sender<Option<Instant>>);

impl Gate {
    pub(crate) fn new() -> Self {
        Self(watch::channel(None).0)
    }

    pub(crate) fn close(&self, time: Duration) {
        self.0.send_replace(Some(Instant::now() + time));
    }

    pub(crate) fn open(&self) {
        self.0.send_replace(None);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.0.borrow().is_some_and(|until| Instant::now() < until)
    }
}

/// The address that connections come to. Where they are refused nobody listens there.
pub(crate) struct Entrance {
    listener: Option<TcpListener>,
    address: SocketAddr,
    closed: watch::Receiver<Option<Instant>>,
}

impl Entrance {
    pub(crate) fn new(listener: TcpListener, gate: &Gate) -> io::Result<Self> {
        let address = listener.local_addr()?;
        Ok(Self { listener: Some(listener), address, closed: gate.0.subscribe() })
    }

    async fn next(&mut self) -> Option<(TcpStream, SocketAddr)> {
        let until = *self.closed.borrow_and_update();
        if let Some(until) = until.filter(|until| Instant::now() < *until) {
            self.listener = None;
            tokio::select! {
                () = sleep_until(until) => {}
                changed = self.closed.changed() => if changed.is_err() { sleep_until(until).await },
            }
            return None;
        }
        let Some(listener) = &self.listener else {
            match TcpListener::bind(self.address).await {
                Ok(listener) => self.listener = Some(listener),
                Err(_) => sleep(PAUSE).await,
            }
            return None;
        };
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => Some(accepted),
                Err(_) => { sleep(PAUSE).await; None }
            },
            Ok(()) = self.closed.changed() => None,
        }
    }
}

impl Listener for Entrance {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        loop {
            if let Some((stream, address)) = self.next().await {
                // A lost delay is no fault of the connection.
                drop(stream.set_nodelay(true));
                return (Connection { stream, control: Control::default() }, address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

/// Ends a connection without another byte.
#[derive(Clone, Debug, Default)]
pub(crate) struct Control(Arc<AtomicBool>);

impl Control {
    pub(crate) fn reset(&self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl Connected<IncomingStream<'_, Entrance>> for Control {
    fn connect_info(stream: IncomingStream<'_, Entrance>) -> Self {
        stream.io().control.clone()
    }
}

/// One connection.
pub(crate) struct Connection {
    stream: TcpStream,
    control: Control,
}

impl Connection {
    /// Fails once the connection is to be reset: without lingering, so that the other side hears of it.
    fn check(&self) -> io::Result<()> {
        if !self.control.0.load(Ordering::SeqCst) {
            return Ok(());
        }
        self.stream.set_zero_linger()?;
        Err(io::ErrorKind::ConnectionReset.into())
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if let Err(error) = self.check() {
            return Poll::Ready(Err(error));
        }
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Err(error) = self.check() {
            return Poll::Ready(Err(error));
        }
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let Err(error) = self.check() {
            return Poll::Ready(Err(error));
        }
        Pin::new(&mut self.stream).poll_write_vectored(context, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
