//! Certification: the modules of the OpenID Foundation's conformance suite for relying parties, by the tests
//! that mirror them over both bindings.

use crate::suite::{self, Played};
use std::process::ExitCode;

/// The modules, in the order of their plans. Its test has the module's name, with `_` for `-`.
pub(crate) const MODULES: [&str; 51] = [
    "oidcc-client-test",
    "oidcc-client-test-invalid-iss",
    "oidcc-client-test-missing-sub",
    "oidcc-client-test-invalid-aud",
    "oidcc-client-test-missing-iat",
    "oidcc-client-test-kid-absent-single-jwks",
    "oidcc-client-test-kid-absent-multiple-jwks",
    "oidcc-client-test-idtoken-sig-rs256",
    "oidcc-client-test-idtoken-sig-none",
    "oidcc-client-test-invalid-sig-rs256",
    "oidcc-client-test-userinfo-invalid-sub",
    "oidcc-client-test-nonce-invalid",
    "oidcc-client-test-scope-userinfo-claims",
    "oidcc-client-test-client-secret-basic",
    "oidcc-client-test-discovery-openid-config",
    "oidcc-client-test-discovery-jwks-uri-keys",
    "oidcc-client-test-discovery-issuer-mismatch",
    "oidcc-client-test-signing-key-rotation",
    "oidcc-client-test-signing-key-rotation-just-before-signing",
    "oidcc-client-test-rp-init-logout",
    "oidcc-client-test-rp-init-logout-other-state",
    "oidcc-client-test-rp-init-logout-no-state",
    "oidcc-client-test-rp-backchannel-rpinitlogout",
    "oidcc-client-test-rp-backchannel-rpinitlogout-alg-none",
    "oidcc-client-test-rp-backchannel-rpinitlogout-wrong-alg",
    "oidcc-client-test-rp-backchannel-rpinitlogout-no-event",
    "oidcc-client-test-rp-backchannel-rpinitlogout-wrong-event",
    "oidcc-client-test-rp-backchannel-rpinitlogout-with-nonce",
    "oidcc-client-test-rp-backchannel-rpinitlogout-wrong-aud",
    "oidcc-client-test-rp-backchannel-rpinitlogout-wrong-iss",
    "oidcc-client-test-refresh-token",
    "oidcc-client-test-refresh-token-invalid-issuer",
    "oidcc-client-test-refresh-token-invalid-sub",
    "oidcc-client-test-3rd-party-init-login",
    "oidcc-client-test-invalid-sig-hs256",
    "oidcc-client-test-invalid-sig-es256",
    "oidcc-client-test-userinfo-bearer-header",
    "invalid-authorization-response-iss",
    "remove-authorization-response-iss",
    "ensure-authorization-response-with-invalid-state-fails",
    "ensure-authorization-response-with-invalid-missing-state-fails",
    "invalid-secondary-aud",
    "valid-aud-as-array",
    "invalid-expired-exp",
    "invalid-missing-exp",
    "invalid-missing-aud",
    "invalid-missing-iss",
    "invalid-missing-nonce",
    "invalid-alternate-alg",
    "token-endpoint-response-without-expires_in",
    "token-type-case-insensitivity",
];

/// What the suite is called among the tests of a binding.
const SUITE: &str = "relying_party";

/// `cargo xtask certify`: runs the suite over both bindings; the exit code is 0 where all modules passed.
pub(crate) fn certify() -> ExitCode {
    let played = suite::play(SUITE, "");
    let passed = passed(&played);
    println!("\n{}", table(&played));
    println!("{passed} of {} modules passed on both bindings", MODULES.len());
    if passed == MODULES.len() && played.iter().all(|played| played.success) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn verdict(played: &Played, module: &str) -> &'static str {
    match played.result(&test_of(module)) {
        Some("ok") => "passed",
        Some("FAILED") => "FAILED",
        _ => "NOT RUN",
    }
}

fn test_of(module: &str) -> String {
    module.replace('-', "_")
}

/// How many modules passed over both bindings.
fn passed(played: &[Played; 2]) -> usize {
    let passes = |module: &str| played.iter().all(|played| verdict(played, module) == "passed");
    MODULES.into_iter().filter(|module| passes(module)).count()
}

fn table(played: &[Played; 2]) -> String {
    let told = |module| played.each_ref().map(|played| verdict(played, module));
    suite::table("module", MODULES.map(|module| (module, told(module))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// A binding whose tests all pass, but for what these lines say instead.
    fn played(change: impl Fn(&str) -> Option<String>) -> Played {
        let mut played = Played::default();
        for module in MODULES {
            let test = test_of(module);
            let line = change(module).unwrap_or_else(|| format!("test relying_party::{test} ... ok"));
            played.note(SUITE, &line);
        }
        played
    }

    fn right() -> Played {
        played(|_| None)
    }

    #[test]
    fn each_module_has_a_name_of_its_own() {
        assert_eq!(BTreeSet::from(MODULES.map(test_of)).len(), 51);
    }

    #[test]
    fn what_passed_over_both_bindings_is_counted() {
        let played = [right(), right()];
        assert_eq!(passed(&played), 51);
        assert!(table(&played).lines().skip(1).all(|row| row.matches("passed").count() == 2));
    }

    #[test]
    fn what_failed_was_ignored_or_did_not_run_over_one_binding_has_not_passed() {
        let module = "invalid-secondary-aud";
        for (line, verdict) in [
            ("test relying_party::invalid_secondary_aud ... FAILED", "FAILED"),
            ("test relying_party::invalid_secondary_aud ... ignored", "NOT RUN"),
            ("test relying_party::invalid_secondary_aud_too ... ok", "NOT RUN"),
            ("test another::invalid_secondary_aud ... ok", "NOT RUN"),
            ("", "NOT RUN"),
        ] {
            let wrong = played(|name| (name == module).then(|| line.to_owned()));
            let played = [right(), wrong];
            assert_eq!(passed(&played), 50, "{line}");
            let table = table(&played);
            let row = table.lines().find(|row| row.starts_with(&format!("{module} "))).unwrap();
            assert!(row.ends_with(verdict), "{row}");
        }
    }

    #[test]
    fn a_test_that_has_failed_once_has_failed() {
        let mut twice = right();
        twice.note(SUITE, "test relying_party::oidcc_client_test ... FAILED");
        assert_eq!(passed(&[twice, right()]), 50);
    }

    #[test]
    fn where_nothing_ran_nothing_passed() {
        assert_eq!(passed(&[Played::default(), Played::default()]), 0);
    }
}
