//! Pulling from a registry with TLS and a password.

use std::process::Command;

use cove_test_support::{Bed, IMAGE, Need, Outcome, Registry, Service, Who, met};

struct Setting {
    bed: Bed,
    registry: Registry,
    image: String,
    certificates: String,
}

/// A registry that holds the bed's image, which the bed no longer has.
fn setting(who: Who) -> Option<Setting> {
    let bed = Bed::new(who)?;
    let registry = Registry::start()?;
    let archive = bed.path("image.tar");
    bed.cove(&["save", "-q", "-o", &archive.display().to_string(), IMAGE]).ok();
    registry.push(&archive, "ann/test:1");
    bed.cove(&["rmi", IMAGE]).ok();
    let image = format!("{}/ann/test:1", registry.address());
    let certificates = bed.path("certs");
    cove_sys::fs::create_dir(&certificates).expect("certs");
    cove_sys::fs::copy(registry.cert_dir().join("ca.crt"), certificates.join("ca.crt")).expect("ca.crt");
    let certificates = certificates.display().to_string();
    Some(Setting { bed, registry, image, certificates })
}

fn credentials() -> String {
    format!("{}:{}", Registry::USER, Registry::PASSWORD)
}

#[test]
fn pull_with_password_and_certificate() {
    for who in [Who::Root, Who::User] {
        let Some(Setting { bed, registry: _registry, image, certificates }) = setting(who) else { continue };
        bed.cove(&["pull", "-q", "--cert-dir", &certificates, &image]).fails(125, "ann/test");
        bed.cove(&["pull", "-q", "--creds", &credentials(), &image]).fails(125, "certificate");
        let id = bed.cove(&["pull", "-q", "--cert-dir", &certificates, "--creds", &credentials(), &image]);
        assert_eq!(id.ok().len(), 64);
        assert_eq!(
            bed.cove(&["run", "--rm", "--network", "none", "--pull", "never", &image, "echo", "ran"]).ok(),
            "ran"
        );
        let missing = image.replace(":1", ":2");
        let outcome =
            bed.cove(&["pull", "-q", "--cert-dir", &certificates, "--creds", &credentials(), &missing]);
        outcome.fails(125, "ann/test:2");
        assert!(!outcome.stderr.contains(Registry::PASSWORD), "{outcome:?}");
    }
}

#[test]
fn login_then_pull_then_logout() {
    let Some(Setting { bed, registry, image, certificates }) = setting(Who::Root) else { return };
    let auth_file = bed.path("auth.json").display().to_string();
    let address = registry.address();
    let login = [
        "login",
        "--authfile",
        &auth_file,
        "--cert-dir",
        &certificates,
        "-u",
        Registry::USER,
        "--password-stdin",
        &address,
    ];
    bed.cove_with(&login, b"wrong").fails(125, &address);
    bed.cove_with(&login, Registry::PASSWORD.as_bytes()).ok();
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = cove_sys::fs::metadata(&auth_file).expect("auth.json").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    bed.cove(&["pull", "-q", "--authfile", &auth_file, "--cert-dir", &certificates, &image]).ok();
    bed.cove(&["logout", "--authfile", &auth_file, &address]).ok();
    bed.cove(&["rmi", &image]).ok();
    bed.cove(&["pull", "-q", "--authfile", &auth_file, "--cert-dir", &certificates, &image])
        .fails(125, "ann/test");
}

#[test]
fn a_registry_that_is_down_is_named() {
    let Some(mut setting) = setting(Who::Root) else { return };
    setting.registry.stop();
    let outcome = setting.bed.cove(&["pull", "-q", "--retry", "0", "--tls-verify=false", &setting.image]);
    outcome.fails(125, &setting.registry.address());
    assert_eq!(setting.bed.cove(&["images", "-aq"]).ok(), "");
}

#[test]
fn docker_pulls_with_its_own_credentials() {
    if !met(&[Need::Docker]) {
        return;
    }
    let Some(setting) = setting(Who::Root) else { return };
    let Setting { bed, registry, image, .. } = &setting;
    let conf = bed.path("registries.conf");
    let text = format!("[[registry]]\nlocation = \"{}\"\ninsecure = true\n", registry.address());
    cove_sys::fs::write(&conf, text).expect("registries.conf");
    let service = Service::start_with(bed, &["--registries-conf", &conf.display().to_string()]);
    let docker = |arguments: &[&str], input: &[u8]| {
        let mut command = Command::new("docker");
        command.args(["--config", &bed.path("docker").display().to_string(), "-H", &service.uri()]);
        command.args(arguments).env("HOME", bed.path("home"));
        Outcome::of(command, input)
    };
    assert_ne!(docker(&["pull", image], b"").code, 0);
    // Written as `docker login` does, which would ask the registry itself.
    let auth = base64(credentials().as_bytes());
    let config = format!("{{\"auths\": {{\"{}\": {{\"auth\": \"{auth}\"}}}}}}", registry.address());
    cove_sys::fs::create_dir_all(bed.path("docker")).expect("a folder");
    cove_sys::fs::write(bed.path("docker/config.json"), config).expect("config.json");
    docker(&["pull", image], b"").ok();
    assert_eq!(docker(&["run", "--rm", "--network", "none", image, "echo", "pulled"], b"").ok(), "pulled");
    docker(&["rmi", image], b"").ok();
    // `run` pulls by itself when the service says that there is no such image.
    assert_eq!(docker(&["run", "--rm", "--network", "none", image, "echo", "again"], b"").ok(), "again");
}

fn base64(bytes: &[u8]) -> String {
    let mut command = Command::new("base64");
    command.arg("-w0");
    Outcome::of(command, bytes).ok().to_owned()
}
