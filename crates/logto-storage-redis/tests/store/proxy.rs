//! A wire to a server that a test cuts, stops, and lets swallow answers.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, Shutdown, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex, MutexGuard},
    thread,
};

/// Listens on a port of its own and passes on what comes.
pub(crate) struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// All passes.
    Through,
    /// Connections are closed at once, also those that are open.
    Cut,
    /// Connections are accepted and stay open; nothing passes.
    Still,
    /// Requests pass; instead of the next answer the connection is closed, and all passes again.
    SwallowAnAnswer,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    mode: Mode,
    target: u16,
    open: Vec<TcpStream>,
    accepted: usize,
    ended: bool,
}

impl Proxy {
    pub(crate) fn to(target: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = State { mode: Mode::Through, target, open: Vec::new(), accepted: 0, ended: false };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if accepting.state().ended {
                    return;
                }
                accepting.accept(client);
            }
        });
        Self { port, shared }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// From now on to another server, as if the one before had been started anew.
    pub(crate) fn lead_to(&self, target: u16) {
        let mut state = self.shared.state();
        state.target = target;
        state.close_all();
    }

    pub(crate) fn set(&self, mode: Mode) {
        let mut state = self.shared.state();
        state.mode = mode;
        if mode == Mode::Cut {
            state.close_all();
        }
        self.shared.changed.notify_all();
    }

    /// How many connections there have been.
    pub(crate) fn accepted(&self) -> usize {
        self.shared.state().accepted
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn accept(self: &Arc<Self>, client: TcpStream) {
        let mut state = self.state();
        state.accepted += 1;
        if state.mode == Mode::Cut {
            return;
        }
        let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, state.target)) else { return };
        client.set_nodelay(true).unwrap();
        server.set_nodelay(true).unwrap();
        for (from, to, answers) in [(&client, &server, false), (&server, &client, true)] {
            let (shared, from, to) = (Arc::clone(self), from.try_clone().unwrap(), to.try_clone().unwrap());
            thread::spawn(move || shared.pump(from, to, answers));
        }
        state.open.extend([client, server]);
    }

    fn pump(&self, mut from: TcpStream, mut to: TcpStream, answers: bool) {
        let mut buffer = [0; 65536];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            let mut state = self.state();
            while state.mode == Mode::Still {
                state = self.changed.wait(state).unwrap();
            }
            if answers && state.mode == Mode::SwallowAnAnswer {
                state.mode = Mode::Through;
                state.close_all();
                return;
            }
            drop(state);
            if to.write_all(&buffer[..length]).is_err() {
                break;
            }
        }
        drop((from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both)));
    }
}

impl State {
    fn close_all(&mut self) {
        for stream in self.open.drain(..) {
            drop(stream.shutdown(Shutdown::Both));
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.state().ended = true;
        self.set(Mode::Cut);
        // Wakes who waits for a connection.
        drop(TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)));
    }
}
