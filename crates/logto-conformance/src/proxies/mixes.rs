//! What proxies, and whoever passes himself off as one, say of a request.

/// A request's target and those of its headers that speak of hosts, schemes, addresses and proxies.
#[derive(Clone, Copy, Debug)]
pub struct Mix {
    /// What is odd about it.
    pub name: &'static str,
    /// What stands in the request line before the path, in the absolute form of a target.
    pub(super) before_path: &'static str,
    /// `Host`, once each; [`OWN`] is that of the application.
    pub(super) hosts: &'static [&'static str],
    /// The other headers.
    pub(super) headers: &'static [(&'static str, &'static str)],
    /// It is no good HTTP: a server may refuse it.
    pub(super) may_be_refused: bool,
}

/// The application's own host and port.
pub(super) const OWN: &str = "(own)";

/// With these headers beside the application's own host.
const fn headers(name: &'static str, headers: &'static [(&'static str, &'static str)]) -> Mix {
    Mix { name, before_path: "", hosts: &[OWN], headers, may_be_refused: false }
}

/// With these instead of the application's own host.
const fn hosts(name: &'static str, hosts: &'static [&'static str]) -> Mix {
    Mix { name, before_path: "", hosts, headers: &[], may_be_refused: false }
}

/// With a target in absolute form, to whoever connects.
const fn target(name: &'static str, before_path: &'static str) -> Mix {
    Mix { name, before_path, hosts: &[OWN], headers: &[], may_be_refused: false }
}

const fn odd(mix: Mix) -> Mix {
    Mix { may_be_refused: true, ..mix }
}

/// All mixes.
pub const MIXES: [Mix; 66] = [
    hosts("another host", &["evil.example"]),
    hosts("another host with a port", &["evil.example:8443"]),
    hosts("another host in upper case", &["EVIL.EXAMPLE"]),
    hosts("another host with the root's dot", &["evil.example."]),
    hosts("the own host in upper case, without its port", &["LOCALHOST"]),
    hosts("the own host with another port", &["localhost:1"]),
    hosts("IPv4", &["127.0.0.1"]),
    hosts("IPv6 with a port", &["[2001:db8::1]:8443"]),
    hosts("IPv6 of loopback", &["[::1]"]),
    odd(hosts("a user in the host", &["localhost@evil.example"])),
    odd(hosts("a user and a password in the host", &["user:password@evil.example:8443"])),
    odd(hosts("a list of hosts", &["localhost, evil.example"])),
    odd(hosts("a path in the host", &["evil.example/logto"])),
    odd(hosts("an empty host", &[""])),
    odd(hosts("no host", &[])),
    odd(hosts("two hosts, the own first", &[OWN, "evil.example"])),
    odd(hosts("two hosts, the own last", &["evil.example", OWN])),
    headers("X-Forwarded-Host", &[("x-forwarded-host", "evil.example")]),
    headers("X-Forwarded-Host with a port", &[("x-forwarded-host", "evil.example:8443")]),
    headers("X-Forwarded-Host in upper case", &[("X-FORWARDED-HOST", "EVIL.EXAMPLE")]),
    headers("X-Forwarded-Host, a list", &[("x-forwarded-host", "evil.example, localhost")]),
    headers("X-Forwarded-Host, a list the other way", &[("x-forwarded-host", "localhost, evil.example")]),
    headers(
        "X-Forwarded-Host twice",
        &[("x-forwarded-host", "localhost"), ("x-forwarded-host", "evil.example")],
    ),
    headers("X-Forwarded-Host, IPv6", &[("x-forwarded-host", "[2001:db8::1]:443")]),
    headers("X-Forwarded-Host with a user", &[("x-forwarded-host", "localhost@evil.example")]),
    headers("X-Forwarded-Host with a scheme", &[("x-forwarded-host", "https://evil.example/")]),
    headers("X-Forwarded-Host with a path", &[("x-forwarded-host", "evil.example/a?b#c")]),
    headers("X-Forwarded-Proto", &[("x-forwarded-proto", "https")]),
    headers("X-Forwarded-Proto in upper case", &[("X-Forwarded-Proto", "HTTPS")]),
    headers("X-Forwarded-Proto, a list", &[("x-forwarded-proto", "https, http")]),
    headers("X-Forwarded-Proto of a script", &[("x-forwarded-proto", "javascript")]),
    headers("X-Forwarded-For", &[("x-forwarded-for", "203.0.113.9")]),
    headers(
        "X-Forwarded-For, a list with IPv6",
        &[("x-forwarded-for", "[2001:db8::1]:5, 10.0.0.1, unknown")],
    ),
    headers("X-Forwarded-Port", &[("x-forwarded-port", "443")]),
    headers("X-Forwarded-Port of no port", &[("x-forwarded-port", "443@evil.example")]),
    headers("X-Forwarded-Prefix", &[("x-forwarded-prefix", "/evil")]),
    headers("X-Forwarded-Prefix that leaves the origin", &[("x-forwarded-prefix", "//evil.example")]),
    headers("X-Forwarded-Prefix upwards", &[("x-forwarded-prefix", "/logto/../..")]),
    headers("X-Forwarded-Uri", &[("x-forwarded-uri", "/evil")]),
    headers("X-Forwarded-Path", &[("x-forwarded-path", "/evil")]),
    headers("X-Forwarded-Server", &[("x-forwarded-server", "evil.example")]),
    headers("X-Forwarded-Scheme", &[("x-forwarded-scheme", "https"), ("x-scheme", "https")]),
    headers("X-Forwarded-Ssl", &[("x-forwarded-ssl", "on"), ("front-end-https", "on")]),
    headers("X-Host", &[("x-host", "evil.example"), ("x-original-host", "evil.example")]),
    headers("a header with underscores", &[("x_forwarded_host", "evil.example")]),
    headers("X-Original-URL", &[("x-original-url", "/evil")]),
    headers("X-Original-URL, absolute", &[("x-original-url", "https://evil.example/logto/sign-in")]),
    headers("X-Rewrite-URL", &[("x-rewrite-url", "/evil")]),
    headers("X-Rewrite-URL, absolute", &[("x-rewrite-url", "//evil.example/logto/sign-in")]),
    headers("Forwarded", &[("forwarded", "host=evil.example;proto=https")]),
    headers("Forwarded in upper case", &[("FORWARDED", "Host=EVIL.EXAMPLE;Proto=HTTPS;For=_X")]),
    headers(
        "Forwarded with quotes and IPv6",
        &[("forwarded", "for=\"[2001:db8::1]:9\";host=\"evil.example:8443\";proto=https;by=_x")],
    ),
    headers("Forwarded, a list", &[("forwarded", "host=localhost, host=evil.example;proto=https")]),
    headers("Forwarded twice", &[("forwarded", "host=localhost"), ("forwarded", "host=evil.example")]),
    headers("Forwarded that breaks off", &[("forwarded", "host=\"evil.example")]),
    headers("Via", &[("via", "1.1 evil.example"), ("x-real-ip", "203.0.113.9")]),
    target("a target of another host", "http://evil.example"),
    target("a target of another host behind TLS", "https://evil.example:8443"),
    target("a target in upper case", "HTTP://EVIL.EXAMPLE"),
    target("a target of IPv6", "http://[2001:db8::1]:3000"),
    odd(target("a target with a user", "http://user:password@evil.example")),
    Mix { hosts: &["evil.example"], ..target("target and host of another", "http://evil.example") },
    headers(
        "a proxy that tells the truth about another name",
        &[
            ("x-forwarded-for", "203.0.113.9"),
            ("x-forwarded-host", "www.example.com"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-port", "443"),
        ],
    ),
    headers(
        "two headers that contradict each other",
        &[("forwarded", "host=evil.example;proto=https"), ("x-forwarded-host", "other.example:80")],
    ),
    Mix {
        hosts: &["evil.example:8443"],
        ..headers(
            "host and all headers of another",
            &[
                ("x-forwarded-host", "evil.example"),
                ("x-forwarded-proto", "https"),
                ("x-forwarded-port", "8443"),
                ("x-forwarded-prefix", "/evil"),
                ("x-original-url", "/evil"),
                ("x-rewrite-url", "/evil"),
                ("forwarded", "for=203.0.113.9;host=evil.example;proto=https"),
            ],
        )
    },
    Mix {
        before_path: "https://evil.example",
        hosts: &["evil.example"],
        ..headers(
            "target, host and all headers of another",
            &[
                ("x-forwarded-host", "evil.example"),
                ("x-forwarded-proto", "https"),
                ("forwarded", "host=evil.example"),
            ],
        )
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn at_least_40_mixes_are_good_http_and_all_differ() {
        let names: BTreeSet<_> = MIXES.iter().map(|mix| mix.name).collect();
        let different: BTreeSet<_> =
            MIXES.iter().map(|mix| (mix.before_path, mix.hosts, mix.headers)).collect();
        assert_eq!((names.len(), different.len()), (MIXES.len(), MIXES.len()));
        assert!(MIXES.iter().filter(|mix| !mix.may_be_refused).count() >= 40);
    }
}
