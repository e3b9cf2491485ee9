//! Programs that tests need: found, started on free ports, stopped when dropped; what is missing is noted.

mod folder;
#[cfg(unix)]
mod postgres;

pub use folder::Folder;

use std::{
    env,
    fs::OpenOptions,
    io::Write,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// A program: named by this environment variable, or found on the path.
#[must_use]
pub fn find(variable: &str, names: &[&str]) -> Option<PathBuf> {
    if let Some(named) = env::var_os(variable).filter(|value| !value.is_empty()) {
        return Some(named.into());
    }
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .flat_map(|folder| names.iter().map(move |name| folder.join(name)))
        .find(|file| file.is_file())
}

/// Notes that a test is left out and why: printed, and added to the file named by `LOGTO_TEST_SKIPS`.
///
/// # Panics
///
/// Where that file cannot be written: a test that is left out unseen counts as passed.
pub fn note_skip(test: &str, needs: &str) {
    let line = format!("skipped: {test} needs {needs}");
    println!("{line}");
    if let Some(file) = env::var_os("LOGTO_TEST_SKIPS") {
        let mut file =
            OpenOptions::new().create(true).append(true).open(file).expect("the list of skips opens");
        // In one piece: tests write at the same time.
        file.write_all(format!("{line}\n").as_bytes()).expect("the list of skips is written");
    }
}

/// A program that runs for a test, with a folder of its own; both are gone when it is dropped.
#[derive(Debug)]
pub struct Server {
    name: &'static str,
    command: Command,
    child: Child,
    _folder: Folder,
    port: u16,
}

impl Server {
    /// A Redis server on a free port of loopback; `None` where there is no program for it.
    ///
    /// # Panics
    ///
    /// Where the program does not come up within ten seconds.
    #[must_use]
    pub fn redis() -> Option<Self> {
        let program = find("LOGTO_TEST_REDIS_SERVER", &["redis-server"])?;
        Some(Self::start("redis", |port, folder| {
            let mut command = Command::new(&program);
            command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
            command.arg("--port").arg(port.to_string()).arg("--dir").arg(folder);
            command
        }))
    }

    /// Starts a program that listens on the port it is given.
    ///
    /// # Panics
    ///
    /// Where it does not listen within ten seconds.
    #[must_use]
    pub fn start(name: &'static str, command: impl Fn(u16, &Path) -> Command) -> Self {
        Self::launch(name, Folder::new(name), Stdio::null(), command)
    }

    /// Where the input is a pipe, its end tells the program to stop.
    fn launch(
        name: &'static str,
        folder: Folder,
        input: Stdio,
        command: impl Fn(u16, &Path) -> Command,
    ) -> Self {
        let port = free_port();
        let mut command = command(port, folder.path());
        command.stdin(input).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().expect("the server starts");
        let server = Self { name, command, child, _folder: folder, port };
        server.wait_until_it_listens();
        server
    }

    /// The port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Stops the program at once; its folder stays.
    pub fn stop(&mut self) {
        if let Some(input) = &mut self.child.stdin {
            drop(input.write_all(b"keep\n"));
        }
        self.end();
    }

    /// Starts the program anew, on the same port and folder.
    ///
    /// # Panics
    ///
    /// Where it does not listen within ten seconds.
    pub fn start_again(&mut self) {
        self.child = self.command.spawn().expect("the server starts");
        self.wait_until_it_listens();
    }

    fn end(&mut self) {
        if let Some(input) = self.child.stdin.take() {
            drop(input);
        } else {
            drop(self.child.kill());
        }
        drop(self.child.wait());
    }

    fn wait_until_it_listens(&self) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            assert!(Instant::now() < deadline, "{} does not listen on port {}", self.name, self.port);
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

/// A port of loopback that is free now.
///
/// # Panics
///
/// Where there is none.
#[must_use]
pub fn free_port() -> u16 {
    listener().1.port()
}

/// A listener of loopback on a free port, as tokio takes one, and its address.
pub(crate) fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.set_nonblocking(true).expect("a listener for tokio");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}
