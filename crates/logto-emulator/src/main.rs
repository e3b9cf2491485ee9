//! The local Logto as a program.

use logto_emulator::{Builder, Emulator};
use std::{
    env,
    net::{IpAddr, Ipv4Addr},
    process::ExitCode,
};

const USAGE: &str = "\
usage: logto-emulator [OPTIONS]

  --config FILE            the tenant, in TOML; without it: the application local-app, the person alice
  --port PORT              default: the file's, else 3001
  --print-env              print what an application needs as NAME=value, and end
  --application ID         the application that --print-env is about
  --dangerously-listen-on ADDRESS
                           listen on another address than 127.0.0.1: whoever reaches it signs in as anybody,
                           gets every token and changes everything. Never where others can reach it.
  --help                   print this";

struct Options {
    builder: Builder,
    prints_environment: bool,
    application: Option<String>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = match options(env::args().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(message) => {
            eprintln!("{message}");
            return ExitCode::from(2);
        }
    };
    let environment = options.builder.environment(options.application.as_deref());
    if options.prints_environment {
        return match environment {
            Some(lines) => {
                print!("{lines}");
                ExitCode::SUCCESS
            }
            None => {
                eprintln!("there is no such application");
                ExitCode::FAILURE
            }
        };
    }
    let summary = options.builder.summary();
    match options.builder.start().await {
        Ok(emulator) => {
            println!("{}{summary}", environment.unwrap_or_default());
            println!("A local Logto for development is at {}; stop it with Ctrl-C.", emulator.endpoint());
            drop(tokio::signal::ctrl_c().await);
            emulator.stop().await;
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("cannot listen: {error}");
            ExitCode::FAILURE
        }
    }
}

/// None where help is asked for.
fn options(mut arguments: impl Iterator<Item = String>) -> Result<Option<Options>, String> {
    let (mut config, mut port, mut address) = (None, None, IpAddr::from(Ipv4Addr::LOCALHOST));
    let (mut prints_environment, mut application) = (false, None);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value\n\n{USAGE}"));
        match argument.as_str() {
            "--config" => config = Some(value()?),
            "--port" => {
                let text = value()?;
                port = Some(text.parse().map_err(|_| format!("--port {text}: a port is 0 to 65535"))?);
            }
            "--print-env" => prints_environment = true,
            "--application" => application = Some(value()?),
            "--dangerously-listen-on" => {
                let text = value()?;
                address = text.parse().map_err(|_| format!("{text} is no IP address"))?;
            }
            "--help" | "-h" => return Ok(None),
            _ => return Err(format!("unknown option {argument}\n\n{USAGE}")),
        }
    }
    let builder = match config {
        Some(path) => Builder::from_file(&path).map_err(|error| format!("{path}: {error}"))?,
        None => Emulator::builder(),
    };
    let builder = match port {
        Some(port) => builder.port(port),
        None => builder.default_port(3001),
    };
    let builder = builder.dangerously_listen_on(address);
    Ok(Some(Options { builder, prints_environment, application }))
}
