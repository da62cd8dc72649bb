//! What every key of every kind of unit becomes.

mod container;
mod errors;
mod others;
mod references;

use std::collections::BTreeSet;
use std::path::Path;

use cove_quadlet::{Kind, Loaded, Remark, Target, UnitFile, generate};

/// Lines of a section, and what the service has because of them: whole words of `ExecStart=` after the program, or,
/// where it begins with a key, a whole line of the service.
type Case = (&'static str, &'static [&'static str]);

/// The folder of all units of these tests.
const FOLDER: &str = "/units";

/// Units from their names and texts.
fn units(texts: &[(&str, &str)]) -> Vec<Loaded> {
    let load = |(name, text): &(&str, &str)| Loaded {
        kind: Kind::of(name).unwrap(),
        file: UnitFile::parse(&Path::new(FOLDER).join(name), text).unwrap(),
    };
    texts.iter().map(load).collect()
}

/// The services of units by their names, and what was said.
fn convert(texts: &[(&str, &str)], user: bool) -> (Vec<(String, String)>, Vec<Remark>) {
    let target = Target { program: "/bin/cove".to_owned(), user };
    let mut remarks = Vec::new();
    let services = generate(units(texts), &target, &mut |remark| remarks.push(remark));
    (services.iter().map(|service| (service.name.clone(), service.render())).collect(), remarks)
}

/// The one service of a unit that has nothing to complain about.
fn service(name: &str, text: &str) -> String {
    let (services, remarks) = convert(&[(name, text)], false);
    assert!(remarks.is_empty(), "{text}: {remarks:?}");
    assert_eq!(services.len(), 1);
    services[0].1.clone()
}

/// Checks each case in a unit that also has the lines without which there is none.
fn check(name: &str, needed: &str, cases: &[Case]) {
    let kind = Kind::of(name).unwrap();
    let mut keys = BTreeSet::new();
    for (lines, expected) in cases {
        let lines_of_case = lines.lines().filter_map(|line| line.split_once('='));
        keys.extend(lines_of_case.map(|(key, _)| key.trim().to_owned()));
        // A case may have its own line in the place of a needed one.
        let needed: Vec<&str> =
            needed.lines().filter(|line| !has_key(lines, line.split('=').next().unwrap())).collect();
        let text = format!("[{}]\n{}\n{lines}\n", kind.section(), needed.join("\n"));
        let service = service(name, &text);
        for expected in *expected {
            assert!(has(&service, expected), "{lines}: wants {expected}\n{service}");
        }
    }
    let untested: Vec<_> = kind.keys().iter().filter(|key| !keys.contains(**key)).collect();
    assert!(untested.is_empty(), "keys of {name} without a case: {untested:?}");
}

fn has_key(lines: &str, key: &str) -> bool {
    lines.lines().any(|line| line.split('=').next() == Some(key))
}

fn has(service: &str, expected: &str) -> bool {
    let is_line = expected.split_once('=').is_some_and(|(key, _)| key.chars().all(char::is_alphanumeric));
    if is_line {
        return service.lines().any(|line| line == expected);
    }
    let start = service.lines().find_map(|line| line.strip_prefix("ExecStart="));
    start.is_some_and(|start| format!("{start} ").contains(&format!(" {expected} ")))
}

#[test]
fn a_whole_service() {
    let text = "# My web server\n[Unit]\nDescription=Web\nAfter=data.volume\n\n[Container]\nImage=quay.io/web:1\n\
                Volume=data.volume:/data\nPublishPort=80:8080\nExec=serve \"a b\"\n\n[Service]\nRestart=always\n\n\
                [Install]\nWantedBy=default.target\n";
    let (services, remarks) = convert(&[("web.container", text), ("data.volume", "[Volume]\n")], false);
    assert!(remarks.is_empty(), "{remarks:?}");
    assert_eq!(services[0].0, "data-volume.service");
    assert_eq!(
        services[0].1,
        "[X-Volume]\n\n[Unit]\nWants=network-online.target\nAfter=network-online.target\n\
         SourcePath=/units/data.volume\nRequiresMountsFor=%t/containers\n\n[Service]\n\
         ExecStart=/bin/cove volume create --ignore systemd-data\nSyslogIdentifier=%N\nType=oneshot\n\
         RemainAfterExit=yes\n"
    );
    assert_eq!(services[1].0, "web.service");
    assert_eq!(
        services[1].1,
        "# My web server\n[Unit]\nWants=network-online.target\nAfter=network-online.target\nDescription=Web\n\
         After=data-volume.service\nSourcePath=/units/web.container\nRequiresMountsFor=%t/containers\n\
         Requires=data-volume.service\nAfter=data-volume.service\n\n[X-Container]\nImage=quay.io/web:1\n\
         Volume=data.volume:/data\nPublishPort=80:8080\nExec=serve \"a b\"\n\n[Service]\nRestart=always\n\
         Environment=PODMAN_SYSTEMD_UNIT=%n\nKillMode=mixed\nExecStop=/bin/cove rm -v -f -i systemd-%N\n\
         ExecStopPost=-/bin/cove rm -v -f -i systemd-%N\nDelegate=yes\nType=notify\nNotifyAccess=all\n\
         SyslogIdentifier=%N\nExecStart=/bin/cove run --name systemd-%N --replace --rm --cgroups=split \
         --sdnotify=conmon -d -v systemd-data:/data --publish 80:8080 quay.io/web:1 serve \"a\\x20b\"\n\n\
         [Install]\nWantedBy=default.target\n"
    );
}

#[test]
fn a_users_units_wait_for_the_network_of_the_system() {
    let (services, _) = convert(&[("data.volume", "[Volume]\n")], true);
    let names: Vec<_> = services.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["data-volume.service", "cove-user-wait-network-online.service"]);
    assert!(has(&services[0].1, "After=cove-user-wait-network-online.service"), "{}", services[0].1);
    let text = "[Quadlet]\nDefaultDependencies=no\n[Volume]\n";
    let (services, _) = convert(&[("data.volume", text)], true);
    assert_eq!(services.len(), 1);
    assert!(!services[0].1.contains("network"), "{}", services[0].1);
    assert!(services[0].1.contains("[X-Quadlet]"));
}
