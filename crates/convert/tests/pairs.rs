//! From one form into another and back, and what is told to be lost on the way. Command lines are read by the program's
//! own parser: `crates/cli/tests/cove/convert.rs` has their pairs.

use std::path::Path;

use cove_convert::write::Facts;
use cove_convert::{Application, Container, Losses, read, write};
use cove_quadlet::{Kind, Loaded, Remark, Target, UnitFile, generate};

/// A project with a little of everything that all forms have.
const SHOP: &str = r#"
name: shop
services:
  db:
    image: docker.io/library/postgres:17
    restart: always
    environment: {POSTGRES_PASSWORD: "a $$b %c 'd'"}
    volumes: [data:/var/lib/postgresql/data]
    healthcheck: {test: [CMD, pg_isready, -U, postgres], interval: 10s, timeout: 5s, retries: 3}
    stop_grace_period: 20s
  web:
    image: docker.io/library/nginx:1.29
    command: [nginx, -g, "daemon off;"]
    user: "101:101"
    read_only: true
    cap_drop: [ALL]
    cap_add: [NET_BIND_SERVICE]
    ports: ["127.0.0.1:8080:80", "8443:443/udp"]
    depends_on: {db: {condition: service_healthy}}
    labels: {tier: front}
    mem_limit: 64m
    cpus: 0.5
    pids_limit: 100
    ulimits: {nofile: {soft: 10, hard: 20}}
    sysctls: {net.core.somaxconn: "1024"}
    tmpfs: ["/run:size=1m", /tmp]
    init: true
    extra_hosts: ["other:10.0.0.9"]
    dns: [9.9.9.9]
    volumes: [/srv/www:/usr/share/nginx/html:ro]
volumes:
  data: {labels: {kept: "yes"}}
"#;

fn project(text: &str) -> cove_compose::model::Project {
    let options = cove_compose::Options {
        files: vec!["-".to_owned()],
        stdin: Some(text.to_owned()),
        all_resources: true,
        ..cove_compose::Options::default()
    };
    cove_compose::load(&options).unwrap_or_else(|error| panic!("{error}\n{text}")).project
}

fn compose(text: &str) -> (Application, Losses) {
    let mut losses = Losses::default();
    let application = read::compose(&project(text), &mut losses).unwrap();
    (application, losses)
}

fn told(losses: &Losses) -> Vec<String> {
    losses.iter().map(ToString::to_string).collect()
}

fn kube(application: &Application, losses: &mut Losses) -> String {
    write::kube(application, &Facts { is_file: &|_| false }, losses)
}

#[test]
fn compose_files_are_read_again() {
    let (application, losses) = compose(SHOP);
    assert_eq!(told(&losses), [""; 0]);
    let mut losses = Losses::default();
    let text = write::compose(&application, &mut losses);
    assert_eq!(told(&losses), [""; 0]);
    let (again, losses) = compose(&text);
    assert_eq!(told(&losses), [""; 0]);
    assert_eq!(again, application, "{text}");
}

#[test]
fn kubernetes_yaml_is_what_a_play_takes() {
    let (application, _) = compose(SHOP);
    let mut losses = Losses::default();
    let text = kube(&application, &mut losses);
    let fields: Vec<&str> = losses.iter().map(|loss| loss.field.as_str()).collect();
    let expected = ["health_check_on_failure_action", "depends_on.db.condition", "mounts./run.size=1m"];
    assert_eq!(fields, expected, "{:#?}", told(&losses));
    let described = cove_kube::Application::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert_eq!(described.unused, [], "{text}");
    let names: Vec<_> = described.objects().collect();
    assert_eq!(names, [("pod", "db"), ("pod", "web"), ("PersistentVolumeClaim", "shop_data")], "{text}");
    let mut losses = Losses::default();
    let again = read::kube(&text, None, &mut losses).unwrap();
    assert_eq!(told(&losses), [""; 0]);
    let pair = |key: &str| {
        let made = again.containers.iter().find(|container| container.spec.pod == key).unwrap();
        let from = application.containers.iter().find(|container| container.key == key).unwrap();
        (made.spec.clone(), from.spec.clone())
    };
    let (web, from) = pair("web");
    assert_eq!((web.name.as_str(), &web.image, &web.command), ("web-web", &from.image, &from.command));
    assert_eq!((&web.user, &web.cap_add, &web.cap_drop), (&from.user, &from.cap_add, &from.cap_drop));
    assert_eq!((&web.resource_limits, &web.r_limits), (&from.resource_limits, &from.r_limits));
    assert_eq!((web.init, web.create_bind_sources.as_slice()), (Some(true), &["/srv/www".to_owned()][..]));
    let pod = again.pods.iter().find(|pod| pod.name == "web").unwrap();
    assert_eq!(
        (&pod.portmappings, &pod.hostadd, &pod.sysctl, &pod.dns_server),
        (&from.portmappings, &from.hostadd, &from.sysctl, &from.dns_server)
    );
    let (db, from) = pair("db");
    assert_eq!(db.env, from.env, "signs that would stand for other variables");
    assert_eq!((&db.healthconfig, db.stop_timeout), (&from.healthconfig, Some(20)));
    // What a play makes of its own is written as it was.
    let second = kube(&again, &mut Losses::default());
    let third = read::kube(&second, None, &mut Losses::default()).unwrap();
    assert_eq!(third, again, "{second}");
}

#[test]
fn units_become_services() {
    let (application, _) = compose(SHOP);
    let mut losses = Losses::default();
    let files = write::quadlet(&application, &mut losses);
    assert_eq!(told(&losses), [""; 0]);
    let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["default.network", "data.volume", "db.container", "web.container"]);
    let load = |file: &write::File| Loaded {
        kind: Kind::of(&file.name).unwrap(),
        file: UnitFile::parse(Path::new(&file.name), &file.text).unwrap(),
    };
    let mut faults = Vec::new();
    let target = Target { program: "cove".into(), user: false };
    let services = generate(files.iter().map(load).collect(), &target, &mut |remark| match remark {
        Remark::Fault(text) | Remark::Warning(text) => faults.push(text),
        Remark::Detail(_) => {}
    });
    assert_eq!(faults, [""; 0]);
    let command = |name: &str| {
        let service = services.iter().find(|service| service.name == name).unwrap();
        service.text("Service", "ExecStart").unwrap().to_owned()
    };
    let web = command("web.service");
    for part in ["--publish 127.0.0.1:8080:80", "--memory 64m", "--network shop_default", "--user 101:101"] {
        assert!(web.contains(part), "{part}: {web}");
    }
    let db = command("db.service");
    // A unit that others wait for says when it is healthy; systemd fills nothing in.
    for part in ["--sdnotify=healthy", "$$b", "%%c", "-v shop_data:/var/lib/postgresql/data"] {
        assert!(db.contains(part), "{part}: {db}");
    }
    let unit = files.iter().find(|file| file.name == "db.container").unwrap();
    assert!(unit.text.contains("Restart=always\n") && unit.text.contains("WantedBy=default.target\n"));
}

#[test]
fn scripts_make_parts_before_their_containers() {
    let (application, _) = compose(SHOP);
    let mut losses = Losses::default();
    let text = write::run(&application, &mut losses);
    assert_eq!(told(&losses), [""; 0]);
    let begins = |line: &str| line.split(' ').take(4).collect::<Vec<_>>().join(" ");
    let expected = [
        "#!/bin/sh",
        "# shop",
        "set -e",
        "cove network create --ignore",
        "cove volume create --ignore",
        "cove run --detach --name",
        "cove wait --condition healthy",
        "test -e /srv/www ||",
        "cove run --detach --name",
    ];
    assert_eq!(text.lines().map(begins).collect::<Vec<_>>(), expected, "{text}");
    assert!(text.contains(r"--env 'POSTGRES_PASSWORD=a $b %c '\''d'\'''"), "{text}");
}

/// What is written in Compose files and lost is told by its key.
#[test]
fn compose_losses() {
    let lost = |service: &str, more: &str| {
        let text = format!("name: p\nservices:\n  a:\n    image: i\n{service}\n{more}");
        told(&compose(&text).1)
    };
    let cases = [
        ("    x-own: 1", "", "service a: extensions (x-…): only Compose has it"),
        ("    deploy: {replicas: 3}", "", "service a: deploy.replicas: one container is made"),
        ("    scale: 2", "", "service a: scale: one container is made"),
        ("    domainname: d", "", "service a: domainname: this engine does not do it"),
        ("    build: .", "", "service a: build: build the image i first: cove compose build"),
        ("    ports: ['8000-8010:80']", "", "service a: ports.80.published: a free port of any is taken"),
        (
            "    volumes: [{type: bind, source: /a, target: /b, bind: {create_host_path: false, selinux: z}}]",
            "",
            "service a: volumes./b.bind.selinux: it does not go with",
        ),
        (
            "    networks: [n]",
            "networks: {n: {attachable: true}}",
            "network n: attachable: any container may join a network here",
        ),
        (
            "    networks: [n]",
            "networks: {n: {ipam: {driver: own}}}",
            "network n: ipam.driver: there is no driver \"own\" here",
        ),
        (
            "    networks: {n: {gw_priority: 1}}",
            "networks: {n: {}}",
            "service a: networks.n.gw_priority: this engine does not do it",
        ),
        (
            "    configs: [c]",
            "configs: {c: {content: text}}",
            "service a: secrets or configs (/c): its text is in the project",
        ),
        ("    profiles: [off]", "", "service a: profiles: its profile is not active"),
    ];
    for (service, more, expected) in cases {
        let found = lost(service, more);
        assert!(found.iter().any(|loss| loss.starts_with(expected)), "{service}: {found:#?}");
    }
}

/// Fields of a request that a form does not have are told, whatever the form.
#[test]
fn request_losses() {
    // By script, Compose file, Kubernetes YAML, unit files.
    let fields = |change: &dyn Fn(&mut cove_api::ContainerSpec)| {
        let mut application = Application::default();
        let mut spec = cove_api::ContainerSpec { image: "i".into(), ..Default::default() };
        change(&mut spec);
        application.add(Container { key: "a".into(), spec, ..Container::default() });
        let mut of: [Losses; 4] = Default::default();
        write::run(&application, &mut of[0]);
        write::compose(&application, &mut of[1]);
        kube(&application, &mut of[2]);
        write::quadlet(&application, &mut of[3]);
        of.map(|losses| losses.iter().map(|loss| loss.field.clone()).collect::<Vec<_>>().join(" "))
    };
    assert_eq!(fields(&|_| {}), ["", "", "", ""]);
    let notify = fields(&|spec| spec.sdnotify_mode = "conmon".into());
    assert_eq!(notify, ["", "sdnotifyMode", "sdnotifyMode", ""]);
    let anonymous = fields(&|spec| {
        spec.volumes = vec![cove_api::NamedVolume { dest: "/d".into(), ..Default::default() }];
    });
    assert_eq!(anonymous, ["", "", "", ""], "anonymous volumes are in all forms");
    let check = fields(&|spec| {
        spec.healthconfig = Some(cove_api::HealthConfig {
            test: vec!["CMD".into(), "true".into()],
            interval: 1_500_000_000,
            start_interval: 1,
            ..Default::default()
        });
    });
    let start = "healthconfig.StartInterval";
    assert_eq!(check, [start, "", &format!("{start} healthconfig.Interval"), start]);
    let tries = fields(&|spec| {
        spec.restart_policy = "on-failure".into();
        spec.restart_tries = Some(3);
    });
    assert_eq!(tries, ["", "", "restart_tries", "restart_tries"]);
    assert_eq!(fields(&|spec| spec.user = "nobody".into()), ["", "", "user", ""]);
    assert_eq!(fields(&|spec| spec.netns = cove_api::Namespace::new("none")), ["", "", "netns", ""]);
    let made = fields(&|spec| spec.create_working_dir = Some(true));
    assert_eq!(made, ["create_working_dir"; 4]);
}

/// Kubernetes YAML: what has no effect, and what only a play does, is told.
#[test]
fn kube_losses() {
    let text = "
kind: ConfigMap
metadata: {name: m}
data: {k: v}
---
kind: Secret
metadata: {name: s}
stringData: {password: tiger}
---
kind: Pod
metadata: {name: p}
spec:
  nodeSelector: {a: b}
  containers:
  - name: c
    image: i
    env:
    - {name: PASSWORD, valueFrom: {secretKeyRef: {name: s, key: password}}}
    volumeMounts: [{name: files, mountPath: /f}]
  volumes: [{name: files, configMap: {name: m}}]
";
    let mut losses = Losses::default();
    let application = read::kube(text, None, &mut losses).unwrap();
    assert_eq!(application.containers[0].spec.env["PASSWORD"], "tiger");
    let fields: Vec<&str> = losses.iter().map(|loss| loss.field.as_str()).collect();
    assert_eq!(fields, ["spec.nodeSelector", "data", "volumes.files"], "{:#?}", told(&losses));
    let wrong = read::kube("kind: Pod\nmetadata: {}\n", None, &mut Losses::default()).unwrap_err();
    assert!(wrong.message.contains("pod does not have a name"), "{wrong}");
}

/// A stateful set's pod brings its volume along; a schedule is lost with its job.
#[test]
fn stateful_sets_and_cron_jobs() {
    let text = "
kind: StatefulSet
metadata: {name: db}
spec:
  template:
    spec:
      containers: [{name: c, image: i, volumeMounts: [{name: data, mountPath: /d}]}]
  volumeClaimTemplates: [{metadata: {name: data}}]
---
kind: CronJob
metadata: {name: tidy}
spec: {schedule: '@daily', jobTemplate: {spec: {template: {spec: {containers: [{name: c, image: i}]}}}}}
";
    let mut losses = Losses::default();
    let application = read::kube(text, None, &mut losses).unwrap();
    assert_eq!(application.pods.iter().map(|pod| pod.name.as_str()).collect::<Vec<_>>(), ["db-0"]);
    assert_eq!(application.containers[0].spec.volumes[0].name, "data-db-0");
    assert_eq!(application.volumes[0].key, "data-db-0");
    assert_eq!(told(&losses), ["CronJob tidy: schedule: nothing here keeps it: the job is left out"]);
}

/// A pod's containers share the network of the first one where there are no pods.
#[test]
fn pods_in_compose_files() {
    let text = "
kind: Pod
metadata: {name: p}
spec:
  restartPolicy: OnFailure
  containers:
  - {name: a, image: i, ports: [{containerPort: 80, hostPort: 8080}]}
  - {name: b, image: j}
";
    let mut losses = Losses::default();
    let application = read::kube(text, None, &mut losses).unwrap();
    let text = write::compose(&application, &mut losses);
    let fields: Vec<&str> = losses.iter().map(|loss| loss.field.as_str()).collect();
    assert_eq!(fields, ["pod"], "{:#?}", told(&losses));
    let project = project(&text);
    let (first, second) = (&project.services["p-a"], &project.services["p-b"]);
    assert_eq!(second.network_mode, "service:p-a");
    assert_eq!((first.ports[0].published.as_str(), first.restart.as_str()), ("8080", "on-failure"));
    let script = write::run(&application, &mut Losses::default());
    assert!(script.contains("cove pod create") && script.contains("--pod p "), "{script}");
}
