//! `--docker KEY=VALUE,…`: where a context leads.

use std::path::Path;

use cove_config::DockerContexts;
use cove_config::contexts::{ContextEndpoint, DEFAULT, NewEndpoint, read_tls_file};

use crate::command_error::CommandError;
use crate::context::Context;

/// The keys, and the file that each names becomes.
const FILES: [(&str, &str); 3] = [("ca", "ca.pem"), ("cert", "cert.pem"), ("key", "key.pem")];

fn wrong(reason: impl std::fmt::Display) -> CommandError {
    CommandError::other(format!("unable to create docker endpoint config: {reason}"))
}

/// Pairs of keys and values, separated by commas.
fn pairs(texts: &[String]) -> Result<Vec<(String, String)>, CommandError> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    for part in texts.iter().flat_map(|text| text.split(',')).filter(|part| !part.is_empty()) {
        let (key, value) =
            part.split_once('=').ok_or_else(|| wrong(format!("{part:?} must be formatted as key=value")))?;
        let known =
            ["from", "host", "skip-tls-verify"].contains(&key) || FILES.iter().any(|(file, _)| *file == key);
        if !known {
            return Err(wrong(format!("unrecognized config key: {key}")));
        }
        // A later one is meant.
        pairs.retain(|(earlier, _)| earlier != key);
        pairs.push((key.to_owned(), value.to_owned()));
    }
    Ok(pairs)
}

/// The endpoint that options describe; [`None`] where there are none.
///
/// # Errors
/// A key is not known, a host none, a file cannot be read.
pub(super) fn of_options(
    context: &Context,
    contexts: &DockerContexts,
    texts: &[String],
) -> Result<Option<NewEndpoint>, CommandError> {
    let pairs = pairs(texts)?;
    if pairs.is_empty() {
        return Ok(None);
    }
    let value = |key: &str| pairs.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str());
    if let Some(name) = value("from") {
        if pairs.len() > 1 {
            return Err(wrong("with \"from\" nothing else can be said"));
        }
        return of_context(context, contexts, name).map(Some);
    }
    let host = value("host").unwrap_or_default();
    let skip_tls_verify = match value("skip-tls-verify") {
        None => false,
        Some("1" | "t" | "T" | "true" | "TRUE" | "True") => true,
        Some("0" | "f" | "F" | "false" | "FALSE" | "False") => false,
        Some(text) => return Err(wrong(format!("skip-tls-verify: {text:?} is neither true nor false"))),
    };
    check_host(host)?;
    let mut tls = Vec::new();
    for (key, file) in FILES {
        if let Some(path) = value(key).filter(|path| !path.is_empty()) {
            tls.push((file.to_owned(), read_tls_file(Path::new(path))?));
        }
    }
    let has = |file: &str| tls.iter().any(|(name, _)| name == file);
    if has("cert.pem") != has("key.pem") {
        return Err(wrong("a certificate and its key belong together"));
    }
    if !tls.is_empty() && !host.starts_with("tcp://") {
        return Err(wrong("TLS is for services at tcp://HOST:PORT"));
    }
    Ok(Some(NewEndpoint { endpoint: ContextEndpoint { host: host.to_owned(), skip_tls_verify }, tls }))
}

/// The endpoint of a context, for another one.
///
/// # Errors
/// There is no such context, or it has none.
pub(super) fn of_context(
    context: &Context,
    contexts: &DockerContexts,
    name: &str,
) -> Result<NewEndpoint, CommandError> {
    if name == DEFAULT {
        let endpoint = ContextEndpoint { host: super::default_host(context), skip_tls_verify: false };
        return Ok(NewEndpoint { endpoint, tls: Vec::new() });
    }
    let from = contexts.get(name)?;
    let endpoint =
        from.endpoint().ok_or_else(|| wrong(format!("context {name:?} has no endpoint of Docker")))?;
    Ok(NewEndpoint { endpoint, tls: contexts.tls(&from)? })
}

/// That an address can be a service's.
fn check_host(host: &str) -> Result<(), CommandError> {
    let fault = || {
        wrong(format!(
            "unable to parse docker host {host:?}: it must be unix:///PATH, tcp://HOST:PORT, ssh://[USER@]HOST or npipe://PATH"
        ))
    };
    let (scheme, rest) = host.split_once("://").ok_or_else(fault)?;
    let is_fine = match scheme {
        "unix" => rest.starts_with('/'),
        "tcp" | "ssh" | "npipe" => !rest.is_empty(),
        _ => false,
    };
    if is_fine && !host.chars().any(|letter| letter.is_control() || letter == ' ') {
        Ok(())
    } else {
        Err(fault())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_and_hosts() {
        let text = |text: &str| [text.to_owned()];
        let found = pairs(&text("host=tcp://a:1,ca=/x,host=tcp://b:1")).unwrap();
        assert_eq!(found, [("ca".into(), "/x".into()), ("host".into(), "tcp://b:1".into())]);
        for bad in ["hos=x", "host", "=x"] {
            assert!(pairs(&text(bad)).is_err(), "{bad}");
        }
        for host in ["unix:///x", "tcp://h:1", "ssh://u@h", "npipe:////./pipe/x"] {
            check_host(host).unwrap();
        }
        for host in ["", "foo", "unix://x", "gopher://x", "tcp://", "tcp://a b", "tcp://a\n"] {
            assert!(check_host(host).is_err(), "{host:?}");
        }
    }
}
