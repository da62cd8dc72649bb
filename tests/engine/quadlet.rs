//! `cove quadlet` and the generator, in a folder that stands for all others. No systemd needs to run.

use std::process::Command;

use cove_sys::fs;
use cove_test_support::{Bed, Member, Need, Outcome, Service, everyone, met, tar};

use crate::hostile_api::{ask, send};

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
    });
}

/// The same commands where the files are a service's.
#[test]
fn over_a_service() {
    everyone(|bed| {
        let units = bed.path(UNITS).display().to_string();
        let service = Service::start_among(bed, &[("QUADLET_UNIT_DIRS", &units)]);
        let uri = service.uri();
        let remote = |words: &[&str]| bed.cove(&[&["--url", &uri, "quadlet"], words].concat());
        write(bed, "app/web.container", "[Container]\nImage=localhost/i\n");
        write(bed, "app/web.conf", "listen \"80\"\r\n--");
        write(bed, "app/more.quadlets", "# FileName=data\n[Volume]\n---\n# FileName=net\n[Network]\n");
        let app = bed.path("home/app").display().to_string();
        let install = ["install", "--reload-systemd=false", &app];
        let installed = remote(&install).ok().to_owned();
        assert_eq!(installed.lines().count(), 4, "{installed}");
        assert!(installed.contains(&format!("{units}/web.conf")), "{installed}");
        assert_eq!(files(bed), [".app.app", "data.volume", "net.network", "web.conf", "web.container"]);
        assert_eq!(fs::read_to_string(bed.path(UNITS).join("web.conf")).unwrap(), "listen \"80\"\r\n--");
        remote(&install).fails(125, "web.container: a Quadlet with name web.container already exists");
        assert_eq!(remote(&["print", "web.container"]).ok(), "[Container]\nImage=localhost/i");
        let listed = remote(&["list", "-n", "--filter", "name=^w", "--format", "{{.Name}} {{.App}}"]);
        assert_eq!(listed.ok(), "web.container .app.app");
        remote(&["list", "--filter", "x=y"]).fails(125, "x is not a valid filter");
        remote(&["print", "none.pod"]).fails(125, "could not locate quadlet");
        let words = ["rm", "--reload-systemd=false", "none.pod", "net.network"];
        remote(&words).fails(125, "unable to remove Quadlet none.pod: could not locate quadlet");
        assert!(files(bed).is_empty(), "{:?}", files(bed));
    });
}

/// Requests as other clients make them, and as nobody should.
#[test]
fn the_routes() {
    everyone(|bed| {
        let units = bed.path(UNITS).display().to_string();
        let service = Service::start_among(bed, &[("QUADLET_UNIT_DIRS", &units)]);
        let post = |query: &str, media_type: &str, body: &[u8]| {
            let target = format!("/v5.0.0/libpod/quadlets?reload-systemd=false{query}");
            send(&service, "POST", &target, Some(media_type), body)
        };
        let web = Member::file("web.container", b"[Container]\nImage=a\n");
        let (status, body) = post("", "application/x-tar", &tar(&[web, Member::file("x/web.conf", b"1")]));
        assert_eq!(status, 200, "{body}");
        let report: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(report["InstalledQuadlets"]["web.container"], format!("{units}/web.container"));
        assert_eq!(report["QuadletErrors"], serde_json::json!({}));
        assert_eq!(files(bed), [".web.container.app", "web.conf", "web.container"]);

        let form = |names: &[&str]| {
            let part = |name: &&str| {
                format!(
                    "--B\r\nContent-Disposition: form-data; name=x; filename=\"{name}\"\r\n\r\n[Pod]\n\r\n"
                )
            };
            names.iter().map(part).collect::<String>() + "--B--\r\n"
        };
        let multipart = "multipart/form-data; boundary=B";
        let (status, body) = post("", multipart, form(&["shop.pod", "shop.txt"]).as_bytes());
        assert_eq!(status, 200, "{body}");
        let before = files(bed);
        for (query, media_type, body, expected) in [
            ("", "application/x-tar", tar(&[]), "no files found"),
            ("", "application/x-tar", tar(&[Member::file("a.txt", b"")]), "no quadlet files found"),
            ("", "application/x-tar", tar(&[web]), "already exists, refusing to overwrite"),
            ("", "application/x-tar", tar(&[Member::file("../new.pod", b"")]), "no file beneath"),
            (
                "",
                "application/x-tar",
                tar(&[Member::link("new.pod", b'2', "/etc/passwd")]),
                "no file beneath",
            ),
            ("", "application/x-tar", b"no archive".to_vec(), "reading the archive"),
            ("", multipart, form(&["new.pod", "other.pod"]).into(), "only a single quadlet file"),
            ("", multipart, form(&["../../new.pod"]).into(), "no quadlet files found"),
            ("", multipart, form(&[".new.pod"]).into(), "no quadlet files found"),
            ("", multipart, form(&["new.pod", ".hidden"]).into(), "cannot be a file name"),
            ("&application=../x", multipart, form(&["new.pod"]).into(), "cannot be a file name"),
            ("", multipart, b"--B".to_vec(), "breaks off"),
            ("", "multipart/form-data", form(&["new.pod"]).into(), "no boundary"),
            ("", "text/plain", form(&["new.pod"]).into(), "text/plain is not supported"),
        ] {
            let (status, body) = post(query, media_type, &body);
            assert!((400..500).contains(&status) && body.contains(expected), "{expected}: {status} {body}");
            assert_eq!(files(bed), before, "{expected}");
        }
        let (status, body) = post("&replace=true", "application/x-tar", &tar(&[web]));
        assert_eq!(status, 200, "{body}");

        let ask = |method: &str, path: &str| ask(&service, method, &format!("/libpod/quadlets{path}"), "");
        assert_eq!(ask("GET", "/web.container/file"), (200, "[Container]\nImage=a\n".to_owned()));
        assert_eq!(ask("GET", "/web.container/exists").0, 204);
        let list = ask("GET", "/json?filters=%7B%22name%22%3A%5B%22web%22%5D%7D");
        assert!(list.0 == 200 && list.1.contains("\"UnitName\":\"web.service\""), "{list:?}");
        for (method, path, code) in [
            ("GET", "/none.pod/file", 404),
            ("GET", "/none.pod/exists", 404),
            ("GET", "/..%2F..%2Fetc%2Fpasswd/file", 400),
            ("GET", "/..%2Fweb.container/exists", 404),
            ("DELETE", "/none.pod", 404),
            ("DELETE", "/..%2Fweb.container", 404),
            ("DELETE", "", 400),
            ("DELETE", "?all=true&quadlets=web.container", 400),
            ("DELETE", "/none.pod?ignore=true&reload-systemd=false", 200),
            ("DELETE", "/web.container?reload-systemd=false", 200),
        ] {
            let (status, body) = ask(method, path);
            assert_eq!(status, code, "{method} {path}: {body}");
        }
        assert_eq!(files(bed), [".shop.pod.app", "shop.pod", "shop.txt"]);
        let (status, body) = ask("DELETE", "?all=true&reload-systemd=false");
        assert!(status == 200 && body.contains("\"Removed\":[\"shop.pod\"]"), "{body}");
        assert!(files(bed).is_empty());
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
