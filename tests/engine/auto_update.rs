//! `cove auto-update` with a registry, and a script in the place of systemd's `systemctl`; and `generate spec`.

use std::os::unix::fs::PermissionsExt as _;

use cove_sys::fs;
use cove_test_support::{Bed, IMAGE, Outcome, Registry, Service, Who, everyone};

const POLICY: &str = "io.containers.autoupdate";

/// A systemd in a folder: its `systemctl` makes the container of a unit anew.
struct Systemd<'a> {
    bed: &'a Bed,
    image: String,
}

impl Systemd<'_> {
    fn folder(&self) -> std::path::PathBuf {
        self.bed.path("home/systemd")
    }

    /// What a unit's `ExecStart` would be.
    fn start(&self, unit: &str, policy: &str) -> Vec<String> {
        let name = unit.trim_end_matches(".service");
        let label = format!("{POLICY}={policy}");
        [
            "run",
            "-d",
            "--replace",
            "--stop-timeout=0",
            "--name",
            name,
            "--network=none",
            "--label",
            &label,
            &self.image,
            "sleep",
            "1000",
        ]
        .iter()
        .map(|word| (*word).to_owned())
        .collect()
    }

    fn write(&self) {
        let folder = self.folder();
        fs::create_dir_all(&folder).expect("a folder");
        let cove = cove_test_support::binary("cove").display().to_string();
        let start = |unit: &str, policy: &str| {
            let words = [self.bed.store_options(), self.start(unit, policy)].concat();
            let words = shlex::try_join(words.iter().map(String::as_str)).expect("words");
            format!("export PODMAN_SYSTEMD_UNIT={unit}; exec {cove} {words} >/dev/null")
        };
        let script = format!(
            "#!/bin/sh\ncd {folder}\necho \"$*\" >>log\ncase \"$*\" in\n*Version*) echo Version=1;;\n\
             *restart*)\n  if [ -e fail ]; then rm fail; echo it fails >&2; exit 1; fi\n  case \"$*\" in\n  \
             *'-- web.service') {};;\n  *'-- local.service') {};;\n  *) exit 5;;\n  esac;;\n*) exit 4;;\nesac\n",
            start("web.service", "registry"),
            start("local.service", "local"),
            folder = folder.display(),
        );
        fs::write(folder.join("systemctl"), script).expect("the script");
        fs::set_permissions(folder.join("systemctl"), std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .expect("its mode");
        fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o777)).expect("a mode");
    }

    fn cove(&self, unit: Option<&str>, words: &[&str]) -> Outcome {
        let mut command = self.bed.command(words);
        command.env("PATH", format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", self.folder().display()));
        if let Some(unit) = unit {
            command.env("PODMAN_SYSTEMD_UNIT", unit);
        }
        Outcome::of(command, b"")
    }

    fn update(&self, words: &[&str]) -> Outcome {
        self.cove(None, &[&["auto-update", "--tls-verify=false"], words].concat())
    }

    fn image_of(&self, name: &str) -> String {
        self.bed.cove(&["inspect", "--format", "{{.Image}}", name]).ok().to_owned()
    }

    fn start_unit(&self, unit: &str, policy: &str) {
        let words = self.start(unit, policy);
        self.cove(Some(unit), &words.iter().map(String::as_str).collect::<Vec<_>>()).ok();
    }
}

fn updated(who: Who) {
    let (Some(bed), Some(registry)) = (Bed::new(who), Registry::start()) else { return };
    let image = format!("{}/ann/test:1", registry.address());
    let publish = |label: &str| {
        let name = format!("localhost/made:{label}");
        bed.cove(&["create", "--name", "maker", "--network=none", IMAGE, "true"]).ok();
        bed.cove(&["commit", "-q", "--change", &format!("LABEL made={label}"), "maker", &name]).ok();
        let archive = bed.path(&format!("{label}.tar"));
        bed.cove(&["save", "-q", "-o", &archive.display().to_string(), &name]).ok();
        registry.push(&archive, "ann/test:1");
        bed.cove(&["rm", "maker"]).ok();
        bed.cove(&["rmi", &name]).ok();
    };
    publish("first");
    let auth = bed.path("home/auth.json").display().to_string();
    let login =
        ["login", "--tls-verify=false", "-u", Registry::USER, "--password-stdin", "--authfile", &auth];
    let address = registry.address();
    let login = [&login[..], &[address.as_str()]].concat();
    bed.cove_with(&login, Registry::PASSWORD.as_bytes()).ok();
    bed.cove(&["pull", "-q", "--tls-verify=false", "--authfile", &auth, &image]).ok();

    let systemd = Systemd { bed: &bed, image: image.clone() };
    systemd.write();
    assert_eq!(systemd.update(&[]).ok(), "");
    systemd.start_unit("web.service", "registry");
    systemd.start_unit("local.service", "local");
    let first = systemd.image_of("web");
    let rows =
        ["--authfile", &auth, "--format", "{{.Unit}} {{.ContainerName}} {{.Image}} {{.Policy}} {{.Updated}}"];
    let row =
        |unit: &str, policy: &str, updated: &str| format!("{unit}.service {unit} {image} {policy} {updated}");
    let both =
        |local: &str, web: &str| format!("{}\n{}", row("local", "local", local), row("web", "registry", web));
    assert_eq!(systemd.update(&rows).ok(), both("false", "false"));

    publish("second");
    let dry = [&rows[..], &["--dry-run"]].concat();
    assert_eq!(systemd.update(&dry).ok(), both("false", "pending"));
    assert_eq!(systemd.image_of("web"), first);
    let log = || fs::read_to_string(systemd.folder().join("log")).unwrap_or_default();
    assert!(!log().contains("restart"), "{}", log());

    // The unit does not come up with the new image, and does with the former one.
    let fail = || fs::write(systemd.folder().join("fail"), "").expect("a file");
    fail();
    assert_eq!(systemd.update(&rows).ok(), both("false", "rolled back"));
    assert_eq!(systemd.image_of("web"), first);
    assert_eq!(bed.cove(&["inspect", "--format", "{{.Id}}", &image]).ok(), first);
    fail();
    let kept = systemd.update(&[&rows[..], &["--rollback=false"]].concat());
    kept.fails(125, "restarting unit web.service during update");
    assert!(kept.stdout.contains(&row("web", "registry", "failed")), "{}", kept.stdout);

    let table = systemd.update(&["--authfile", &auth]).ok().to_owned();
    let words: Vec<Vec<_>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(words[0], ["UNIT", "CONTAINER", "IMAGE", "POLICY", "UPDATED"]);
    assert_eq!(words[1].last(), Some(&"true"), "{table}");
    assert_eq!(words[2].last(), Some(&"true"), "{table}");
    let second = systemd.image_of("web");
    assert!(second != first && systemd.image_of("local") == second);
    let as_user =
        if matches!(who, Who::User) { "--user restart -- web.service" } else { "restart -- web.service" };
    assert!(log().lines().any(|line| line == as_user), "{}", log());
    assert_eq!(systemd.update(&rows).ok(), both("false", "false"));
    let events = bed.cove(&["events", "--stream=false", "--since", "1h", "--filter", "type=system"]);
    assert!(events.ok().contains("system auto-update"), "{}", events.stdout);

    // One that cannot be asked for keeps no other from being updated.
    systemd
        .cove(
            None,
            &["run", "-d", "--network=none", "--label", &format!("{POLICY}=local"), &image, "sleep", "1000"],
        )
        .ok();
    let wrong = systemd.cove(
        Some("*.service"),
        &["run", "-d", "--network=none", "--label", &format!("{POLICY}=local"), &image, "sleep", "1000"],
    );
    wrong.ok();
    let outcome = systemd.update(&rows);
    outcome.fails(125, "no PODMAN_SYSTEMD_UNIT label found");
    outcome.fails(125, "is no name of a unit");
    assert!(outcome.stdout.contains(&both("false", "false")), "{}", outcome.stdout);
}

#[test]
fn a_newer_image_starts_units_again() {
    updated(Who::Root);
    updated(Who::User);
}

#[test]
fn what_cannot_be_updated_is_refused() {
    everyone(|bed| {
        let create = |policy: &str, image: &str| {
            bed.cove(&["create", "--network=none", "--label", &format!("{POLICY}={policy}"), image, "true"])
        };
        bed.cove(&["tag", IMAGE, "short:1"]).ok();
        create("registry", "short:1")
            .fails(125, "short name: auto updates require fully-qualified image reference: \"short:1\"");
        create("local", "short:1").ok();
        let archive = bed.path("home/image.tar").display().to_string();
        bed.cove(&["save", "-q", "-o", &archive, IMAGE]).ok();
        create("image", &format!("docker-archive:{archive}")).fails(
            125,
            "auto updates require the docker image transport but image is of transport \"docker-archive\"",
        );
        bed.cove(&["auto-update", "x"]).fails(125, "takes no arguments");
        bed.cove(&["--url", "unix:///none", "auto-update"]).fails(125, "with the remote client");
        bed.cove(&["--url", "unix:///none", "generate", "spec", "x"]).fails(125, "with the remote client");
    });
}

#[test]
fn a_request_makes_another_one() {
    everyone(|bed| {
        bed.cove(&["create", "--name", "one", "--network=none", "-e", "A=1", IMAGE, "sleep", "5"]).ok();
        let spec: serde_json::Value =
            serde_json::from_str(bed.cove(&["generate", "spec", "one"]).ok()).expect("JSON");
        assert_eq!(spec["name"], "one-clone");
        assert_eq!(spec["env"]["A"], "1");
        let file = bed.path("home/spec.json").display().to_string();
        assert_eq!(bed.cove(&["generate", "spec", "-c", "-f", &file, "one"]).ok(), file);
        let text = fs::read_to_string(&file).expect("the file");
        assert!(!text.contains('\n'), "{text}");
        // The API takes it.
        let service = Service::start(bed);
        let (status, answer) =
            super::hostile_api::ask(&service, "POST", "/v5.0.0/libpod/containers/create", &text);
        assert_eq!(status, 201, "{answer}");
        let shown = ["inspect", "--format", "{{.Name}} {{.Config.Env}} {{.Config.Cmd}}", "one-clone"];
        let shown = bed.cove(&shown).ok().to_owned();
        assert!(
            shown.starts_with("one-clone") && shown.contains("A=1") && shown.contains("sleep 5"),
            "{shown}"
        );
        let spec = bed.cove(&["generate", "spec", "--name=false", "one"]).ok().to_owned();
        assert!(spec.contains("\"name\": \"one\""), "{spec}");
        bed.cove(&["pod", "create", "--name", "p", "--network=none"]).ok();
        assert!(bed.cove(&["generate", "spec", "p"]).ok().contains("\"name\": \"p-clone\""));
        bed.cove(&["generate", "spec", "none"])
            .fails(125, "could not find a pod or container with the id none");
    });
}
