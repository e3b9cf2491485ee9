//! A process of the application, as the orchestrator holds it: started, stopped, killed.

use super::worker::Plan;
use serde_json::Value;
use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, Command, Stdio},
};
use tokio::sync::mpsc;

/// A process that serves. It is killed when this is dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    /// The process ends when this is closed.
    _stdin: ChildStdin,
    lines: mpsc::UnboundedReceiver<Value>,
    port: u16,
}

impl Process {
    /// Starts this same program as a process of the application.
    ///
    /// # Panics
    ///
    /// Where it does not come up; the message says why.
    pub async fn start(plan: &Plan) -> Self {
        let program = std::env::current_exe().expect("this program's path");
        let mut child = Command::new(program)
            .arg("--worker")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process of the application starts");
        let mut stdin = child.stdin.take().expect("its stdin");
        let stdout = child.stdout.take().expect("its stdout");
        let (sender, mut lines) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if let Ok(line) = serde_json::from_str(&line)
                    && sender.send(line).is_err()
                {
                    break;
                }
            }
        });
        writeln!(stdin, "{}", plan.to_json()).expect("the process reads its plan");
        let first: Value = lines.recv().await.expect("the process says where it listens");
        let port = first["port"].as_u64().and_then(|port| u16::try_from(port).ok());
        let port = port.unwrap_or_else(|| panic!("the process does not come up: {}", first["problem"]));
        Self { child, _stdin: stdin, lines, port }
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The address of a path of it.
    #[must_use]
    pub fn at(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Its port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Waits until it stands at a step; the step's name, and nothing where it has ended before.
    pub async fn halted(&mut self) -> Option<String> {
        let line = self.lines.recv().await?;
        line["halted"].as_str().map(str::to_owned)
    }

    /// Kills it: SIGKILL.
    pub fn kill(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }

    /// Sends it a signal by its name, for example `STOP`.
    ///
    /// # Panics
    ///
    /// Where it is not sent.
    pub fn signal(&self, name: &str) {
        let mut shell = Command::new("sh");
        let sent = shell.arg("-c").arg(format!("kill -s {name} {}", self.pid())).status();
        assert!(sent.expect("a shell").success(), "SIG{name} is not sent");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
