//! The sample suite: a sample application as a program, in a real browser and at another provider.
//!
//! A sample proves itself by one line, in a test of its own package:
//!
//! ```text
//! logto_conformance::sample_suite!(env!("CARGO_BIN_EXE_axum-sample"));
//! ```

mod apis;
mod cases;
mod chromium;
mod forms;
mod oidc_provider;
mod processes;
mod scripts;

pub use apis::*;
pub use cases::*;
pub use chromium::Chromium;
pub use forms::*;
pub use oidc_provider::OidcProvider;
pub use processes::*;
pub use scripts::*;

use std::{
    io::{BufRead, BufReader},
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
};
use url::Url;

/// A sample that runs; stopped when dropped.
#[derive(Debug)]
pub struct Sample {
    child: Child,
    address: Url,
    /// Read to the end of the program's life: it must not write into a closed pipe.
    output: BufReader<ChildStdout>,
}

impl Sample {
    /// Starts the program on this port (0: a free one) with these variables and no others of Logto's.
    ///
    /// # Panics
    ///
    /// Where it does not print where it is.
    #[must_use]
    pub fn start(program: &str, port: u16, environment: &[(&str, &str)]) -> Self {
        let mut command = Command::new(program);
        for name in [
            "LOGTO_ENDPOINT",
            "LOGTO_APP_ID",
            "LOGTO_APP_SECRET",
            "LOGTO_BASE_URL",
            "LOGTO_RESOURCES",
            "LOGTO_SCOPES",
            "LOGTO_STORE",
            "SESSION_STORE",
            "SESSION_KEY",
            "LOGTO_AUDIENCE",
            "LOGTO_M2M_APP_ID",
            "LOGTO_M2M_APP_SECRET",
            "OTHER_API",
        ] {
            command.env_remove(name);
        }
        command.env("PORT", port.to_string()).envs(environment.iter().copied());
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the sample starts");
        let mut output = BufReader::new(child.stdout.take().expect("its output"));
        let address = printed(&mut output, "open ");
        Self { child, address: Url::parse(&address).expect("an address"), output }
    }

    /// The address of a path.
    #[must_use]
    pub fn at(&self, path: &str) -> String {
        self.address.join(path).expect("a path").into()
    }

    /// The endpoint of the local Logto inside it.
    pub fn endpoint(&mut self) -> String {
        printed(&mut self.output, "sign in as alice / alice at the local Logto on ")
    }

    /// The endpoint of the local Logto inside the sample of an API.
    pub fn local_logto(&mut self) -> String {
        printed(&mut self.output, "local Logto: ")
    }

    /// Sends SIGTERM and waits for the end.
    ///
    /// # Panics
    ///
    /// Where the signal cannot be sent.
    #[cfg(unix)]
    #[must_use]
    pub fn terminate(mut self) -> ExitStatus {
        let sent = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "the signal is sent");
        self.child.wait().expect("the end of the program")
    }
}

impl Drop for Sample {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// What stands after this beginning on the next line that has it.
fn printed(output: &mut impl BufRead, beginning: &str) -> String {
    let mut line = String::new();
    while output.read_line(&mut line).expect("readable output") > 0 {
        if let Some(rest) = line.strip_prefix(beginning) {
            return rest.trim().to_owned();
        }
        line.clear();
    }
    panic!("the program ended without a line that begins with `{beginning}`");
}

/// One test per case, over the sample that is this program.
#[macro_export]
macro_rules! sample_suite {
    ($program:expr) => {
        $crate::sample_suite!(@cases $program,
            a_person_signs_in_and_out_in_a_browser
            two_tabs_of_a_browser_sign_in_in_any_order
            a_person_signs_in_and_out_at_oidc_provider
            it_stops_when_it_is_told_to
            two_processes_behind_one_redis_are_one_application
            no_script_of_200_payloads_runs_in_a_browser
            a_policy_for_forms_names_the_provider_or_stops_the_sign_out
        );
    };
    (@cases $program:expr, $($case:ident)*) => {
        $(
            #[tokio::test]
            async fn $case() {
                $crate::sample::$case($program).await;
            }
        )*
    };
}
