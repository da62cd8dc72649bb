//! The certificate authorities of the host, for the guest.
#![cfg_attr(
    not(unix),
    allow(dead_code, reason = "only the agent hands them over, and it is not on this system yet")
)]

use std::io::Read;

use cove_sys::fs;

use crate::ssh::SshSession;

/// Where systems keep them in one file: Debian, Fedora, openSUSE, Alpine and macOS.
const BUNDLES: &[&str] = &[
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];
/// Largest accepted bundle, in bytes; real ones have some hundred thousand.
const LIMIT: u64 = 4 << 20;

/// Puts standard input behind the image's own authorities, of which it keeps a copy.
const IMPORT: &str = "f=/etc/ssl/certs/ca-certificates.crt; [ -e $f.image ] || cp $f $f.image || exit; \
                      cat $f.image - >$f.new && mv $f.new $f";
/// Undoes that.
const RESTORE: &str = "f=/etc/ssl/certs/ca-certificates.crt; [ ! -e $f.image ] || mv $f.image $f";

/// The host's authorities as one text of certificates and nothing else.
///
/// # Errors
/// A sentence that says what is missing.
pub(crate) fn of_host() -> Result<String, String> {
    for path in BUNDLES {
        let file = match fs::File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error.to_string()),
        };
        let mut text = Vec::new();
        file.take(LIMIT + 1).read_to_end(&mut text).map_err(|error| error.to_string())?;
        if text.len() as u64 > LIMIT {
            return Err(format!("{path} has more than {LIMIT} bytes"));
        }
        let certificates = certificates(&String::from_utf8_lossy(&text));
        if certificates.is_empty() {
            return Err(format!("{path} holds no certificate"));
        }
        return Ok(certificates);
    }
    Err(format!("this host has none of {}", BUNDLES.join(", ")))
}

/// The certificates of a bundle without the words between them.
fn certificates(bundle: &str) -> String {
    let mut text = String::new();
    let mut block = String::new();
    for line in bundle.lines().map(str::trim_end) {
        if line == "-----BEGIN CERTIFICATE-----" {
            block.clear();
        } else if block.is_empty() {
            continue;
        }
        block.push_str(line);
        block.push('\n');
        if line == "-----END CERTIFICATE-----" {
            text.push_str(&block);
            block.clear();
        }
    }
    text
}

/// Makes the guest trust the host's authorities, or its own ones only.
///
/// # Errors
/// A sentence that says why it does not.
pub(crate) async fn hand_over(session: &SshSession, import: bool) -> Result<(), String> {
    let text = if import { of_host()? } else { String::new() };
    let command = if import { IMPORT } else { RESTORE };
    match session.run_with(command, text.as_bytes()).await {
        Ok((0, _)) => Ok(()),
        Ok((code, output)) => Err(format!("the guest ended with {code}: {}", output.trim())),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_certificates_is_handed_over() {
        let one = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let bundle = format!(
            "# a word\n{one}\nbetween\r\n-----BEGIN PRIVATE KEY-----\nSECRET\n-----END PRIVATE KEY-----\n\
             {one}-----BEGIN CERTIFICATE-----\nhalf"
        );
        assert_eq!(certificates(&bundle), format!("{one}{one}"));
        assert_eq!(certificates("none"), "");
    }
}
