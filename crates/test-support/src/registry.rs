//! Debian's `docker-registry` on the loopback address, with TLS and a password.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::need::{Need, met};
use crate::program::{Outcome, free_port, wait_for};

/// A running registry; it ends with this value.
pub struct Registry {
    folder: TempDir,
    port: u16,
    process: Child,
}

impl Registry {
    /// The user that may pull and push.
    pub const USER: &str = "ann";
    /// Her password.
    pub const PASSWORD: &str = "secret-of-ann";

    /// Starts one; `None` (after saying why) where a program is missing.
    ///
    /// # Panics
    /// Where it does not come up.
    pub fn start() -> Option<Self> {
        if !met(&[Need::Registry]) {
            return None;
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = |name: &str| folder.path().join(name).display().to_string();
        let port = free_port();
        let mut certificate = Command::new("openssl");
        certificate.args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
        ]);
        certificate.args([
            "-days",
            "2",
            "-subj",
            "/CN=cove test",
            "-addext",
            "subjectAltName=IP:127.0.0.1,DNS:localhost",
        ]);
        certificate.args(["-keyout", &path("key.pem"), "-out", &path("ca.crt")]);
        Outcome::of(certificate, b"").ok();
        let mut password = Command::new("htpasswd");
        password.args(["-Bbn", "-C", "4", Self::USER, Self::PASSWORD]);
        let entry = Outcome::of(password, b"").ok().to_owned();
        cove_sys::fs::write(folder.path().join("htpasswd"), entry + "\n").expect("htpasswd");
        let config = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {data}}}, delete: {{enabled: true}}}}\n\
             http: {{addr: '127.0.0.1:{port}', tls: {{certificate: {cert}, key: {key}}}}}\n\
             auth: {{htpasswd: {{realm: cove, path: {users}}}}}\n",
            data = path("data"),
            cert = path("ca.crt"),
            key = path("key.pem"),
            users = path("htpasswd"),
        );
        cove_sys::fs::write(folder.path().join("config.yml"), config).expect("config.yml");
        let process = Command::new("docker-registry")
            .args(["serve", &path("config.yml")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("docker-registry");
        let registry = Self { folder, port, process };
        cove_sys::fs::create_dir_all(registry.cert_dir()).expect("a folder");
        cove_sys::fs::copy(registry.folder.path().join("ca.crt"), registry.cert_dir().join("ca.crt"))
            .expect("ca.crt");
        wait_for("the registry", 20, || TcpStream::connect(("127.0.0.1", port)).ok());
        Some(registry)
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Its folder, for whatever else a test keeps beside it.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The folder that holds `ca.crt`, for `--cert-dir`: `certs.d/ADDRESS` in its own.
    pub fn cert_dir(&self) -> PathBuf {
        self.folder.path().join("certs.d").join(self.address())
    }

    /// Pushes a docker-archive as `ADDRESS/name` with skopeo.
    ///
    /// # Panics
    /// Where skopeo fails.
    #[track_caller]
    pub fn push(&self, archive: &Path, name: &str) {
        let mut skopeo = Command::new("skopeo");
        skopeo.args(["copy", "--quiet", "--insecure-policy"]);
        skopeo.arg("--dest-cert-dir").arg(self.cert_dir());
        skopeo.args(["--dest-creds", &format!("{}:{}", Self::USER, Self::PASSWORD)]);
        skopeo.arg(format!("docker-archive:{}", archive.display()));
        skopeo.arg(format!("docker://{}/{name}", self.address()));
        Outcome::of(skopeo, b"").ok();
    }

    /// Ends it, as a registry that is down.
    pub fn stop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.stop();
    }
}
