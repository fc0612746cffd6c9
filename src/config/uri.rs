//! Neo4j's address.

const SCHEMES: [&str; 6] = ["bolt", "bolt+s", "bolt+ssc", "neo4j", "neo4j+s", "neo4j+ssc"];

/// Scheme, host and port, and nothing else: the driver ignores what comes after.
pub(super) fn check(uri: &str) -> Result<(), String> {
    let (scheme, rest) = uri.split_once("://").unwrap_or_default();
    if !SCHEMES.contains(&scheme) {
        return Err(format!(
            "is an address that begins with one of {}, then ://",
            SCHEMES.join(", ")
        ));
    }
    if rest.contains('@') {
        return Err(
            "holds a user or password: set graph.user and graph.password instead".to_owned()
        );
    }
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    if authority.contains(['/', '?', '#']) {
        return Err("ends after host and port; the database is graph.database".to_owned());
    }
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse::<u16>().is_ok()),
        _ => (authority, true),
    };
    let bracketed = host.starts_with('[') && host.ends_with(']');
    if host.is_empty() || !port || (host.contains(':') && !bracketed) {
        return Err("lacks a host, or its port is no number".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::check;

    #[test]
    fn an_address_is_a_scheme_a_host_and_a_port() {
        for uri in ["bolt://h", "bolt+s://h:7687", "neo4j+ssc://[::1]:7687/", "neo4j://[::1]"] {
            assert_eq!(check(uri), Ok(()), "{uri}");
        }
        let wrong =
            ["", "h:7687", "http://h", "bolt://", "bolt://:7687", "bolt://h:x", "bolt://::1"];
        for uri in wrong.into_iter().chain(["bolt://h/db", "bolt://h?a=b", "bolt://u:p@h"]) {
            assert!(check(uri).is_err(), "{uri}");
        }
    }

    #[test]
    fn a_secret_in_an_address_is_not_repeated() {
        assert!(!check("bolt://u:hunter2@h").unwrap_err().contains("hunter2"));
    }
}
