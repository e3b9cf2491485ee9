//! Another provider: npm's `oidc-provider`, at the addresses that Logto has.

use crate::servers::{Server, find};
use std::{env, fs, path::PathBuf, process::Command};

/// A provider that runs; gone when it is dropped.
#[derive(Debug)]
pub struct OidcProvider {
    server: Server,
    folder: PathBuf,
}

impl OidcProvider {
    /// The application that it knows.
    pub const CLIENT_ID: &str = "sample";
    /// The application's secret, with characters that Basic authentication must encode.
    pub const CLIENT_SECRET: &str = "s3cret+%/: &=~";

    /// Installs and starts it for an application at this address.
    ///
    /// # Errors
    ///
    /// What is missing: Node.js, npm, or what npm should have fetched.
    ///
    /// # Panics
    ///
    /// Where all is there and it does not start.
    pub fn start(application: &str) -> Result<Self, &'static str> {
        let node = find("LOGTO_TEST_NODE", &["node", "nodejs"]).ok_or("Node.js")?;
        let npm = find("LOGTO_TEST_NPM", &["npm"]).ok_or("npm")?;
        let folder = env::temp_dir().join(format!("logto-test-npm-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder for npm");
        fs::write(folder.join("package.json"), include_str!("oidc-provider/package.json")).expect("a file");
        fs::write(folder.join("provider.mjs"), include_str!("oidc-provider/provider.mjs")).expect("a file");
        let installed = Command::new(npm)
            .args(["install", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"])
            .current_dir(&folder)
            .output();
        if !installed.is_ok_and(|output| output.status.success()) {
            drop(fs::remove_dir_all(&folder));
            return Err("npm's package oidc-provider, which cannot be fetched");
        }
        let server = Server::start("oidc-provider", |port, _| {
            let mut command = Command::new(&node);
            command.arg(folder.join("provider.mjs"));
            command.env("PORT", port.to_string()).env("APPLICATION", application);
            command.env("CLIENT_ID", Self::CLIENT_ID).env("CLIENT_SECRET", Self::CLIENT_SECRET);
            command
        });
        Ok(Self { server, folder })
    }

    /// The endpoint.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.server.port())
    }
}

impl Drop for OidcProvider {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.folder));
    }
}
