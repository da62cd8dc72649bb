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
fn push_and_pull_again() {
    for who in [Who::Root, Who::User] {
        let Some(Setting { bed, registry, image, certificates }) = setting(who) else { continue };
        let reach = ["--cert-dir", &certificates, "--creds", &credentials()];
        let push = |words: &[&str]| bed.cove(&[&["push", "-q"], &reach[..], words].concat());
        let pull = |image: &str| bed.cove(&[&["pull", "-q"], &reach[..], &[image]].concat());
        pull(&image).ok();
        bed.cove(&["tag", &image, "localhost/mine:1"]).ok();
        for (tag, options) in
            [("gzip", &[][..]), ("zstd", &["--compression-format", "zstd", "--force-compression"])]
        {
            let place = format!("{}/bob/{tag}:1", registry.address());
            let file = bed.path(tag).display().to_string();
            push(&[options, &["--digestfile", &file, "localhost/mine:1", &place]].concat()).ok();
            let digest = cove_sys::fs::read_to_string(&file).expect("the digest");
            bed.cove(&["rmi", "-f", &image, "localhost/mine:1"]).ok();
            // What was pushed is what the digest names.
            let by_digest = format!("{}@{digest}", place.trim_end_matches(":1"));
            pull(&by_digest).ok();
            bed.cove(&["tag", &by_digest, "localhost/mine:1"]).ok();
            let run = ["run", "--rm", "--network", "none", "localhost/mine:1", "echo", "ran"];
            assert_eq!(bed.cove(&run).ok(), "ran");
        }
        // To an archive and a folder.
        for place in
            ["oci-archive:FILE.tar", "docker-archive:FILE2.tar:localhost/x:1", "oci:FOLDER:x", "dir:FOLDER2"]
        {
            let place = place.replacen(":F", &format!(":{}/F", bed.path("").display()), 1).replace("//", "/");
            push(&["localhost/mine:1", &place]).ok();
            bed.cove(&["pull", "-q", &place]).ok();
        }
        // Nothing of a wrong request is sent.
        push(&["missing", "localhost:1/x"]).fails(125, "missing: image not known");
        push(&["--format", "v2s1", "localhost/mine:1"]).fails(125, "v2s1");
        push(&["--sign-by", "me", "localhost/mine:1"]).fails(125, "--sign-by");
        push(&["--compression-level", "99", "localhost/mine:1"]).fails(125, "level 99");
        push(&["--dir-compress", "localhost/mine:1", "oci:x"]).fails(125, "--dir-compress");
        let place = format!("{}/bob/gzip", registry.address());
        bed.cove(&["push", "-q", "--cert-dir", &certificates, "localhost/mine:1", &place]).fails(125, &place);
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
    // And pushes it, with the layer that the registry has and the lines that docker shows.
    let other = image.replace("ann/test:1", "ann/other:2");
    docker(&["tag", image, &other], b"").ok();
    let pushed = docker(&["push", &other], b"");
    assert!(pushed.ok().contains("digest: sha256:"), "{pushed:?}");
    docker(&["rmi", &other], b"").ok();
    docker(&["pull", &other], b"").ok();
    docker(&["rmi", image], b"").ok();
    // `run` pulls by itself when the service says that there is no such image.
    assert_eq!(docker(&["run", "--rm", "--network", "none", image, "echo", "again"], b"").ok(), "again");
}

fn base64(bytes: &[u8]) -> String {
    let mut command = Command::new("base64");
    command.arg("-w0");
    Outcome::of(command, bytes).ok().to_owned()
}
