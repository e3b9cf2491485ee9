//! The local Logto as a program: `logto-emulator [--port PORT]`.

use logto_emulator::Emulator;
use std::{env, process::ExitCode};

#[tokio::main]
async fn main() -> ExitCode {
    let port = match env::args().skip(1).collect::<Vec<_>>().as_slice() {
        [] => 3001,
        [flag, port] if flag == "--port" => match port.parse() {
            Ok(port) => port,
            Err(_) => return usage(),
        },
        _ => return usage(),
    };
    let emulator = match Emulator::builder().port(port).start().await {
        Ok(emulator) => emulator,
        Err(error) => {
            eprintln!("cannot listen on 127.0.0.1:{port}: {error}");
            return ExitCode::FAILURE;
        }
    };
    println!("LOGTO_ENDPOINT={}", emulator.endpoint());
    println!("LOGTO_APP_ID=local-app");
    println!("LOGTO_APP_SECRET=local-secret");
    println!("machine to machine: local-machine / local-machine-secret");
    println!("sign in as alice / alice; stop with Ctrl-C");
    drop(tokio::signal::ctrl_c().await);
    emulator.stop().await;
    ExitCode::SUCCESS
}

fn usage() -> ExitCode {
    eprintln!("usage: logto-emulator [--port PORT]");
    ExitCode::from(2)
}
