//! An authority, a service's certificate, a client's, and one of nobody's.

use std::path::PathBuf;
use std::process::Command;

use crate::{Need, Outcome, met};

/// Certificates in a folder of their own: `ca`, and signed by it `service` (for 127.0.0.1) and `client`; `stranger` is
/// signed by itself.
pub struct Certificates {
    folder: tempfile::TempDir,
}

impl Certificates {
    /// Makes them; `None` (after saying why) where openssl is missing.
    ///
    /// # Panics
    /// Where openssl fails.
    pub fn make() -> Option<Self> {
        if !met(&[Need::Openssl]) {
            return None;
        }
        let made = Self { folder: tempfile::tempdir().expect("a temporary folder") };
        made.one("ca", &[]);
        made.one("stranger", &[]);
        let (ca, key) = (made.text("ca.pem"), made.text("ca.key"));
        let signed =
            ["-CA", ca.as_str(), "-CAkey", key.as_str(), "-addext", "basicConstraints=critical,CA:FALSE"];
        made.one("service", &[&signed[..], &["-addext", "subjectAltName=IP:127.0.0.1"]].concat());
        made.one("client", &signed);
        Some(made)
    }

    fn one(&self, name: &str, further: &[&str]) {
        let mut command = Command::new("openssl");
        command.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]);
        command.args(["-days", "2", "-subj", &format!("/CN=cove test {name}")]).args(further);
        command.args(["-keyout", &self.text(&format!("{name}.key"))]);
        command.args(["-out", &self.text(&format!("{name}.pem"))]);
        Outcome::of(command, b"").ok();
    }

    /// Where a file is: `NAME.pem` is a certificate, `NAME.key` its key.
    pub fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    /// As [`Certificates::path`], for command lines.
    pub fn text(&self, file: &str) -> String {
        self.path(file).display().to_string()
    }
}
