//! Turns connection failures and HTTP error answers into messages that name the next step.

use std::error::Error as StdError;
use std::io;

use rustls::CertificateError;
use serde::Deserialize;

use super::dns::NoSuchHost;
use crate::error::Error;

/// Whether trying again can help.
pub(super) struct Failure {
    pub(super) error: Error,
    pub(super) transient: bool,
    /// The server at the port speaks no TLS, or nothing listens: plain HTTP may be tried for insecure registries.
    pub(super) maybe_plain: bool,
    /// Nothing listens there.
    pub(super) refused: bool,
}

impl Failure {
    /// One that trying again does not help.
    pub(super) fn fatal(error: Error) -> Self {
        Self { error, transient: false, maybe_plain: false, refused: false }
    }
}

/// Classifies why a request to `registry` got no answer.
pub(super) fn classify(registry: &str, error: &reqwest::Error) -> Failure {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    // Its own text holds the URL, which may hold a signature.
    let mut last = "the request could not be sent".to_owned();
    while let Some(current) = cause {
        if let Some(tls) = find_tls(current) {
            let maybe_plain = matches!(tls, rustls::Error::InvalidMessage(_));
            let error = Error::Tls { registry: registry.into(), reason: explain_tls(tls) };
            return Failure { maybe_plain, ..Failure::fatal(error) };
        }
        if let Some(error) = current.downcast_ref::<io::Error>()
            && let Some(failure) = classify_io(registry, error)
        {
            return failure;
        }
        if current.is::<NoSuchHost>() {
            return Failure::fatal(Error::Unreachable {
                registry: registry.into(),
                reason: "no such host: check the registry's name and this machine's DNS".into(),
            });
        }
        if !current.is::<reqwest::Error>() {
            last = current.to_string();
        }
        cause = current.source();
    }
    let error = Error::Unreachable { registry: registry.into(), reason: last };
    Failure { transient: true, ..Failure::fatal(error) }
}

fn find_tls<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a rustls::Error> {
    if let Some(tls) = error.downcast_ref::<rustls::Error>() {
        return Some(tls);
    }
    // I/O errors hide what they hold from `source`, and may hold another one.
    find_tls(error.downcast_ref::<io::Error>()?.get_ref()?)
}

fn classify_io(registry: &str, error: &io::Error) -> Option<Failure> {
    if let Some(inner) = error.get_ref().and_then(|inner| inner.downcast_ref::<io::Error>()) {
        return classify_io(registry, inner);
    }
    let (reason, transient, maybe_plain) = match error.kind() {
        io::ErrorKind::ConnectionRefused => (
            "connection refused: nothing listens there; check the port and that the registry runs",
            false,
            true,
        ),
        io::ErrorKind::ConnectionReset => ("connection reset by peer", true, true),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            ("network is unreachable: check this machine's network", false, false)
        }
        io::ErrorKind::TimedOut => ("connection timed out", true, false),
        io::ErrorKind::UnexpectedEof => ("connection closed by peer", true, true),
        _ => return None,
    };
    let refused = error.kind() == io::ErrorKind::ConnectionRefused;
    let error = Error::Unreachable { registry: registry.into(), reason: reason.into() };
    Some(Failure { error, transient, maybe_plain, refused })
}

fn explain_tls(error: &rustls::Error) -> String {
    let at = |time: u64| {
        i64::try_from(time)
            .ok()
            .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok())
            .map_or_else(|| time.to_string(), |timestamp| timestamp.to_string())
    };
    match error {
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            "x509: certificate signed by unknown authority: put the registry's CA certificate into certs.d, or mark the registry insecure"
                .into()
        }
        rustls::Error::InvalidCertificate(CertificateError::ExpiredContext { time, not_after }) => format!(
            "x509: certificate has expired: current time {} is after {}; check the clock or renew the certificate",
            at(time.as_secs()),
            at(not_after.as_secs())
        ),
        rustls::Error::InvalidCertificate(CertificateError::NotValidYetContext { time, not_before }) => format!(
            "x509: certificate is not yet valid: current time {} is before {}; check the clock",
            at(time.as_secs()),
            at(not_before.as_secs())
        ),
        rustls::Error::InvalidCertificate(CertificateError::NotValidForNameContext { expected, .. }) => format!(
            "x509: certificate is not valid for {}: use a name that it holds",
            expected.to_str()
        ),
        rustls::Error::InvalidCertificate(other) => format!("x509: {other}"),
        rustls::Error::InvalidMessage(_) => {
            "http: server gave HTTP response to HTTPS client: if the registry has no TLS, mark it insecure"
                .into()
        }
        other => other.to_string(),
    }
}

#[derive(Deserialize)]
struct ErrorBody {
    #[serde(default)]
    errors: Vec<ErrorEntry>,
    #[serde(default)]
    details: Option<String>,
}

#[derive(Deserialize)]
struct ErrorEntry {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

/// What the body of an error answer says, in one line without control characters; empty for nothing readable.
pub(super) fn message_of(body: &[u8]) -> String {
    let text = match serde_json::from_slice::<ErrorBody>(body) {
        Ok(body) => {
            let mut parts: Vec<String> = body
                .errors
                .iter()
                .take(3)
                .map(|entry| {
                    let code = entry.code.to_ascii_lowercase().replace('_', " ");
                    match (code.is_empty(), entry.message.is_empty()) {
                        (true, _) => entry.message.clone(),
                        (_, true) => code,
                        _ => format!("{code}: {}", entry.message),
                    }
                })
                .collect();
            parts.extend(body.details);
            parts.join("; ")
        }
        Err(_) => String::new(),
    };
    text.chars().filter(|character| !character.is_control()).take(300).collect()
}

/// `: TEXT`, or nothing for nothing.
pub(super) fn with_colon(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(": {text}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expiry_shows_both_times() {
        let time =
            |seconds| rustls::pki_types::UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
        let expired = CertificateError::ExpiredContext { time: time(86_400), not_after: time(0) };
        let text = explain_tls(&expired.into());
        assert!(text.contains("1970-01-02T00:00:00Z") && text.contains("1970-01-01T00:00:00Z"), "{text}");
    }

    #[test]
    fn messages_are_one_harmless_line() {
        assert_eq!(
            message_of(br#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"not\u001b[31m here\n"}]}"#),
            "manifest unknown: not[31m here"
        );
        assert_eq!(message_of(b"<html>"), "");
        assert_eq!(
            message_of(br#"{"details":"incorrect username or password"}"#),
            "incorrect username or password"
        );
    }
}
