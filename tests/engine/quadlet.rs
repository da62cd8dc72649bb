//! `cove quadlet` and the generator, in a folder that stands for all others. No systemd needs to run.

use std::process::Command;

use cove_sys::fs;
use cove_test_support::{Bed, Need, Outcome, everyone, met};

/// The folder of the bed's units.
const UNITS: &str = "home/units";

fn in_units(bed: &Bed, mut command: Command) -> Outcome {
    command.env("QUADLET_UNIT_DIRS", bed.path(UNITS));
    Outcome::of(command, b"")
}

fn quadlet(bed: &Bed, words: &[&str]) -> Outcome {
    in_units(bed, bed.command(&[&["quadlet"], words].concat()))
}

/// The program by another name, as the links in systemd's folders have it.
fn generator(bed: &Bed, name: &str, words: &[&str]) -> Outcome {
    let link = bed.path("home").join(name);
    if !link.exists() {
        std::os::unix::fs::symlink(cove_test_support::binary("cove"), &link).unwrap();
    }
    let mut command = bed.program(&link);
    command.args(words);
    in_units(bed, command)
}

fn write(bed: &Bed, name: &str, text: &str) -> String {
    let path = bed.path("home").join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

fn files(bed: &Bed) -> Vec<String> {
    let entries = fs::read_dir(bed.path(UNITS)).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn units_are_installed_listed_shown_and_removed() {
    everyone(|bed| {
        let text = "# mine\n[Container]\nImage=localhost/i\nPod=group.pod\n";
        let web = write(bed, "from/web.container", text);
        let units = bed.path(UNITS);
        let install = quadlet(bed, &["install", "--reload-systemd=false", &web]);
        assert_eq!(install.ok(), units.join("web.container").display().to_string());
        let again = quadlet(bed, &["install", "--reload-systemd=false", &web]);
        again.fails(125, "already exists, refusing to overwrite");
        write(bed, "from/web.container", &format!("{text}Exec=new\n"));
        quadlet(bed, &["install", "--reload-systemd=false", "--replace", &web]).ok();
        assert_eq!(quadlet(bed, &["print", "web.container"]).ok(), format!("{text}Exec=new"));
        assert_eq!(fs::read_to_string(units.join(".web.container.app")).unwrap(), "web.container\n");

        let list = quadlet(bed, &["list"]).ok().to_owned();
        let words: Vec<_> = list.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).collect();
        assert_eq!(words[0], ["NAME", "UNIT", "NAME", "PATH", "ON", "DISK", "STATUS", "APPLICATION", "POD"]);
        assert_eq!(words[1][..2], ["web.container", "web.service"]);
        assert_eq!(words[1][words[1].len() - 2..], [".web.container.app", "group.pod"]);
        let json = quadlet(bed, &["ls", "--format", "json"]).ok().to_owned();
        assert!(json.contains("\"UnitName\": \"web.service\""), "{json}");
        for (filter, expected) in [
            ("name=^web", "web.container"),
            ("name=other", ""),
            ("pod=group", "web.container"),
            ("status=^active", ""),
        ] {
            let shown =
                quadlet(bed, &["list", "-n", "--filter", filter, "--format", "{{.Name}}"]).ok().to_owned();
            assert_eq!(shown, expected, "{filter}");
        }
        quadlet(bed, &["list", "--filter", "x=y"]).fails(125, "x is not a valid filter");

        quadlet(bed, &["print", "none.container"]).fails(125, "could not locate quadlet \"none.container\"");
        quadlet(bed, &["print", "../web.container"]).fails(125, "is not a supported Quadlet file type");
        let remove = quadlet(bed, &["rm", "--reload-systemd=false", "none.pod", "web.container"]);
        remove.fails(125, "unable to remove Quadlet none.pod: could not locate quadlet");
        assert!(files(bed).is_empty(), "{:?}", files(bed));
        quadlet(bed, &["rm", "--reload-systemd=false", "--ignore", "none.pod"]).ok();
        quadlet(bed, &["rm"]).fails(125, "at least one quadlet file must be selected");
    });
}

#[test]
fn an_application_goes_as_a_whole() {
    everyone(|bed| {
        write(bed, "app/web.container", "[Container]\nImage=localhost/i\n");
        write(bed, "app/web.conf", "listen 80");
        write(bed, "app/more.quadlets", "# FileName=data\n[Volume]\n---\n# FileName=net\n[Network]\n");
        let extra = write(bed, "extra.txt", "extra");
        let app = bed.path("home/app").display().to_string();
        let installed = quadlet(bed, &["install", "--reload-systemd=false", &app, &extra]).ok().to_owned();
        assert_eq!(installed.lines().count(), 5, "{installed}");
        assert_eq!(
            files(bed),
            [".app.app", "data.volume", "extra.txt", "net.network", "web.conf", "web.container"]
        );
        let removed = quadlet(bed, &["rm", "--reload-systemd=false", "data.volume"]).ok().to_owned();
        assert_eq!(removed.lines().collect::<Vec<_>>().len(), 3, "{removed}");
        assert!(files(bed).is_empty(), "{:?}", files(bed));

        quadlet(bed, &["install", "--reload-systemd=false", &app]).ok();
        quadlet(bed, &["rm", "--reload-systemd=false", ".app.app"]).ok();
        assert!(files(bed).is_empty(), "{:?}", files(bed));
        quadlet(bed, &["install", "--reload-systemd=false", &app]).ok();
        quadlet(bed, &["rm", "--reload-systemd=false", "--all"]).ok();
        assert!(files(bed).is_empty(), "{:?}", files(bed));

        let wrong = write(bed, "wrong.quadlets", "[Pod]\n");
        quadlet(bed, &["install", "--reload-systemd=false", &wrong])
            .fails(125, "missing required '# FileName=");
        quadlet(bed, &["install", "--reload-systemd=false", &extra])
            .fails(125, "is not a supported Quadlet file type");
        bed.cove(&["--url", "unix:///none", "quadlet", "list"]).fails(125, "with the remote client");
    });
}

#[test]
fn the_generator_is_the_program_by_another_name() {
    everyone(|bed| {
        write(
            bed,
            "units/web.container",
            "[Container]\nImage=localhost/i\nVolume=data.volume:/d\nExec=sh -c \"echo hi; true\"\n\n[Install]\nWantedBy=default.target\n",
        );
        write(bed, "units/data.volume", "[Volume]\n");
        write(bed, "units/web.container.d/10.conf", "[Container]\nEnvironment=A=1\n");
        let out = bed.path("home").join("out");
        let folder = out.display().to_string();
        let shown = generator(bed, "quadlet", &["--dryrun"]);
        let text = shown.ok();
        assert!(text.contains("---web.service---\n") && text.contains("--env A=1"), "{text}");
        assert!(!out.exists());
        generator(bed, "cove-user-generator", &["--no-kmsg-log", &folder, "/early", "/late"]).ok();
        let service = fs::read_to_string(out.join("web.service")).unwrap();
        assert!(
            service.contains("# Automatically generated by ") && service.contains("user-wait-network"),
            "{service}"
        );
        let start = service.lines().find(|line| line.starts_with("ExecStart=")).unwrap();
        assert!(start.contains("/cove run ") && start.contains("-v systemd-data:/d"), "{start}");
        let link = out.join("default.target.wants/web.service");
        assert_eq!(fs::read_link(link).unwrap().to_str(), Some("../web.service"));

        write(bed, "units/bad.pod", "[Pod]\n\nWrong=1\n");
        let failed = generator(bed, "quadlet", &["-no-kmsg-log", &folder]);
        failed.fails(1, "unsupported key 'Wrong' in group 'Pod' in ");
        assert!(out.join("data-volume.service").exists() && !out.join("bad-pod.service").exists());
        generator(bed, "quadlet", &["-v", "-no-kmsg-log"]).fails(1, "missing output directory argument");
        generator(bed, "quadlet", &["-unknown"]).fails(2, "flag provided but not defined: -unknown");
        assert!(generator(bed, "quadlet", &["-version"]).ok().starts_with(char::is_numeric));
    });
}

#[test]
fn systemd_understands_what_is_generated() {
    if !met(&[Need::Systemd]) {
        return;
    }
    everyone(|bed| {
        write(
            bed,
            "units/web@.container",
            "[Container]\nImage=localhost/i\nExec=sh -c \"echo $$HOME 100%%; true\" ; '' %i\nVolume=data.volume:/d\nPod=p.pod\nAddDevice=/dev/null\n\n[Install]\nWantedBy=default.target\nDefaultInstance=one\n",
        );
        write(bed, "units/data.volume", "[Volume]\nDevice=/srv/a b\nType=bind\n");
        write(bed, "units/p.pod", "[Pod]\nPublishPort=80:80\nVolume=/srv/c d:/e\n");
        write(bed, "units/k.kube", "[Kube]\nYaml=y.yml\nSetWorkingDirectory=unit\n");
        write(bed, "units/n.network", "[Network]\nNetworkDeleteOnStop=yes\n");
        write(bed, "units/b.build", "[Build]\nImageTag=localhost/b\nSetWorkingDirectory=unit\n");
        write(bed, "units/i.image", "[Image]\nImage=quay.io/i\n");
        write(bed, "units/a.artifact", "[Artifact]\nArtifact=quay.io/a\n");
        let out = bed.path("home").join("out");
        generator(bed, "quadlet", &["-no-kmsg-log", &out.display().to_string()]).ok();
        std::os::unix::fs::symlink("web@.service", out.join("web@one.service")).unwrap();
        let mut command = bed.program("systemd-analyze".as_ref());
        command.arg("verify").env("SYSTEMD_UNIT_PATH", format!("{}:", out.display()));
        let names = ["web@one", "data-volume", "p-pod", "k", "n-network", "b-build", "i-image", "a-artifact"];
        command.args(names.map(|name| out.join(format!("{name}.service"))));
        let verified = Outcome::of(command, b"");
        verified.ok();
        // It warns of what it would ignore.
        let ours = out.display().to_string();
        assert!(!verified.stderr.lines().any(|line| line.contains(&ours)), "{}", verified.stderr);
    });
}
