//! Pulling from a registry with TLS and a password.

use std::process::Command;

use cove_sys::fs;
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
        push(&["--sign-by-sq-fingerprint", "me", "localhost/mine:1"]).fails(125, "--sign-by-sq-fingerprint");
        push(&["--compression-level", "99", "localhost/mine:1"]).fails(125, "level 99");
        push(&["--compress", "localhost/mine:1", "oci:x"]).fails(125, "--compress");
        let place = format!("{}/bob/gzip", registry.address());
        bed.cove(&["push", "-q", "--cert-dir", &certificates, "localhost/mine:1", &place]).fails(125, &place);
    }
}

#[test]
fn names_are_explained_and_nothing_is_pulled() {
    for who in [Who::Root, Who::User] {
        let Some(Setting { bed, image, certificates, registry: _registry }) = setting(who) else { continue };
        let reach = ["image", "explain", "--cert-dir", &certificates, "--creds", &credentials()];
        let explain = |words: &[&str]| bed.cove(&[&reach[..], words].concat());
        let told = explain(&[&image]);
        for part in
            ["here:       no", "says its registry", &format!("{image} answers: image sha256:"), " layers, "]
        {
            assert!(told.ok().contains(part), "{part}: {told:?}");
        }
        let id = explain(&["--format", "{{range .Candidates}}{{.ImageId}}{{end}}", &image]);
        let missing = explain(&[&format!("{}2", image.trim_end_matches('1'))]);
        assert!(missing.ok().contains("error: "), "{missing:?}");
        bed.cove(&["image", "exists", &image]).fails(1, "");
        bed.cove(&["pull", "-q", "--cert-dir", &certificates, "--creds", &credentials(), &image]).ok();
        assert_eq!(bed.cove(&["image", "inspect", "--format", "{{.Id}}", &image]).ok(), id.ok());
        assert!(explain(&[&image]).ok().contains(&format!("as {image}")));
        explain(&["A B"]).fails(125, "invalid reference format");
    }
}

#[test]
fn search_finds_names_and_tags() {
    for who in [Who::Root, Who::User] {
        let Some(Setting { bed, registry, certificates, .. }) = setting(who) else { continue };
        let archive = bed.path("image.tar");
        registry.push(&archive, "ann/test:2");
        registry.push(&archive, "test:1");
        let address = registry.address();
        let search = |words: &[&str]| {
            let reach = ["search", "--cert-dir", &certificates, "--creds", &credentials()];
            bed.cove(&[&reach[..], words].concat())
        };
        let names = ["--format", "{{.Name}}"];
        // What is called exactly that comes first, and an empty word finds everything.
        let both = format!("{address}/test\n{address}/ann/test");
        assert_eq!(search(&[&names[..], &[&format!("{address}/test")]].concat()).ok(), both);
        let all = format!("{address}/ann/test\n{address}/test");
        assert_eq!(search(&[&names[..], &[&format!("{address}/")]].concat()).ok(), all);
        assert_eq!(
            search(&[&names[..], &["--limit", "1", &format!("{address}/test")]].concat())
                .ok()
                .lines()
                .count(),
            1
        );
        assert_eq!(search(&["--filter", "stars=1", &format!("{address}/test")]).ok(), "");
        let repository = format!("{address}/ann/test");
        let tags = search(&["--list-tags", "--format", "{{.Tag}}", &repository]);
        let mut tags: Vec<&str> = tags.ok().lines().collect();
        tags.sort_unstable();
        assert_eq!(tags, ["1", "2"]);
        assert!(search(&["--list-tags", "--format", "json", &repository]).ok().contains("\"Tags\""));
        search(&["--list-tags", &format!("{address}/none")]).fails(125, "none");
        search(&["--filter", "colour=red", &repository]).fails(125, "colour");
        bed.cove(&["search", "--cert-dir", &certificates, &repository])
            .fails(125, "couldn't search registry");
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
    let docker = bed.path("docker");
    let mut elsewhere = login.to_vec();
    elsewhere.drain(1..3);
    let folder = docker.display().to_string();
    elsewhere.splice(0..0, ["--config", folder.as_str()]);
    bed.cove_with(&elsewhere, Registry::PASSWORD.as_bytes()).ok();
    let kept = fs::read_to_string(docker.join("config.json")).expect("Docker's file");
    assert!(kept.contains(&address), "{kept}");
    bed.cove(&["--config", &folder, "login", "--get-login", &address]).ok();
    bed.cove(&["login", "--get-login", &address]).fails(125, "not logged into");
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
    // At once, not after a question for a password that nobody answers.
    let new = image.replace("ann/test:1", "ann/new:1");
    bed.cove(&["load", "-q", "-i", &bed.path("image.tar").display().to_string()]).ok();
    docker(&["tag", IMAGE, &new], b"").ok();
    let all = format!("{}/test", registry.address());
    for asked in [["pull", image.as_str()], ["push", &new], ["search", &all]] {
        let refused = docker(&asked, b"");
        assert!(refused.code == 1 && refused.stderr.contains("log in to the registry"), "{refused:?}");
    }
    docker(&["rmi", &new, IMAGE], b"").ok();
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

#[test]
fn images_are_copied_over_ssh() {
    let Some(here) = Bed::new(Who::Root) else { return };
    let Some(there) = Bed::empty(Who::Root) else { return };
    // In the place of ssh: notes its arguments, and does the command where `cove` is that of the other bed.
    let folder = here.path("bin");
    cove_sys::fs::create_dir(&folder).expect("bin");
    let script = |name: &str, text: String| {
        use std::os::unix::fs::PermissionsExt as _;
        let path = folder.join(name);
        cove_sys::fs::write(&path, text).expect("a script");
        cove_sys::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("a mode");
    };
    let log = here.path("log").display().to_string();
    script("ssh", format!("#!/bin/sh\nfor last; do :; done\necho \"$@\" >>{log}\nexec sh -c \"$last\"\n"));
    let program = there.command(&[]);
    let words: Vec<_> = std::iter::once(program.get_program()).chain(program.get_args()).collect();
    let words = words.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
    script("cove", format!("#!/bin/sh\nexec {words} \"$@\"\n"));
    let scp = |words: &[&str]| {
        let mut command = here.command(&[&["image", "scp", "-q"], words].concat());
        command.env("PATH", format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", folder.display()));
        Outcome::of(command, b"")
    };
    scp(&[IMAGE, "me@box::localhost/copied:1"]).ok();
    let id = here.cove(&["image", "inspect", "--format", "{{.Id}}", IMAGE]);
    assert_eq!(there.cove(&["image", "inspect", "--format", "{{.Id}}", "localhost/copied:1"]).ok(), id.ok());
    assert!(cove_sys::fs::read_to_string(&log).expect("the log").starts_with("-- me@box if command"));
    here.cove(&["rmi", "-f", IMAGE]).ok();
    scp(&["box::localhost/copied:1"]).ok();
    here.cove(&["image", "exists", "localhost/copied:1"]).ok();
    scp(&["localhost/missing:1", "box::"]).fails(125, "saving the image failed");
    scp(&["a", "b"]).fails(125, "name a host");
    // A named connection says the port and the key.
    here.cove(&["system", "connection", "add", "--identity", "/k", "far", "ssh://core@h:2222/s"]).ok();
    scp(&["localhost/copied:1", "far::"]).ok();
    let log = cove_sys::fs::read_to_string(&log).expect("the log");
    assert!(log.contains("-p 2222 -i /k -- core@h if command"), "{log}");
}

#[test]
fn a_service_takes_credentials_of_a_build_in_its_headers() {
    use std::io::{Read as _, Write as _};
    let Some(Setting { bed, registry, image, .. }) = setting(Who::Root) else { return };
    let folder = bed.path("context");
    crate::build::write(&folder, "Containerfile", &format!("FROM {image}\nENV A=b\n"));
    let tar = Command::new("tar").arg("-C").arg(&folder).args(["-c", "."]).output().expect("tar").stdout;
    let service = Service::start(&bed);
    let build = |registry: &str, password: &str| {
        let config =
            format!("{{\"{registry}\":{{\"username\":\"{}\",\"password\":\"{password}\"}}}}", Registry::USER);
        let mut base64 = Command::new("base64");
        let config = Outcome::of(
            {
                base64.arg("-w0");
                base64
            },
            config.as_bytes(),
        )
        .ok()
        .to_owned();
        let mut stream = std::os::unix::net::UnixStream::connect(service.socket()).expect("the service");
        let head = format!(
            "POST /v5.0.0/libpod/build?t=app&tlsVerify=false&networkmode=none HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\
             X-Registry-Config: {config}\r\nContent-Length: {}\r\n\r\n",
            tar.len()
        );
        stream.write_all(&[head.as_bytes(), &tar].concat()).expect("a request");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("an answer");
        String::from_utf8_lossy(&answer).into_owned()
    };
    let refused = build(&registry.address(), "wrong");
    assert!(refused.contains("error") && !refused.contains("COMMIT"), "{refused}");
    let other = build("elsewhere:5000", Registry::PASSWORD);
    assert!(other.contains("error") && !other.contains("COMMIT"), "{other}");
    let built = build(&format!("https://{}", registry.address()), Registry::PASSWORD);
    assert!(built.contains("COMMIT app"), "{built}");
}

/// A service has no credentials of its own: its clients send theirs.
#[test]
fn a_service_is_asked_with_the_credentials_of_its_client() {
    let Some(Setting { bed, registry, image, .. }) = setting(Who::Root) else { return };
    let auth_file = bed.path("auth.json").display().to_string();
    let address = registry.address();
    let login = ["login", "--authfile", &auth_file, "--tls-verify=false", "-u", Registry::USER];
    let login = [&login[..], &["--password-stdin", &address]].concat();
    bed.cove_with(&login, Registry::PASSWORD.as_bytes()).ok();
    let service = Service::start(&bed);
    let url = format!("unix://{}", service.socket().display());
    let remote = |words: &[&str]| bed.cove(&[&["--url", &url], words].concat());
    remote(&["pull", "-q", "--tls-verify=false", &image]).fails(125, "ann/test");
    remote(&["pull", "-q", "--tls-verify=false", "--authfile", &auth_file, &image]).ok();
    let pushed = image.replace(":1", ":2");
    remote(&["tag", &image, &pushed]).ok();
    remote(&["push", "-q", "--tls-verify=false", &pushed]).fails(125, "ann/test");
    remote(&["push", "-q", "--tls-verify=false", "--authfile", &auth_file, &pushed]).ok();
    let mut stored = bed.command(&["--url", &url, "pull", "-q", "--tls-verify=false", &pushed]);
    stored.env("REGISTRY_AUTH_FILE", &auth_file);
    Outcome::of(stored, b"").ok();
    // What comes with the request is before what is kept.
    remote(&["pull", "-q", "--tls-verify=false", "--authfile", &auth_file, "--creds", "ann:wrong", &image])
        .fails(125, "ann/test");
    remote(&["pull", "-q", "--cert-dir", "/c", &image]).fails(125, "--cert-dir");
}
