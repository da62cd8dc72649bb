//! `cove convert`: pairs of forms of which one is command lines, read by the program's own parser. No engine is needed.
#![cfg(target_os = "linux")]

use std::process::Output;

use crate::command::plain;
use crate::service::Service;

/// A project with what command lines, units and Compose files all have.
const SHOP: &str = r#"
name: shop
services:
  db:
    image: docker.io/library/postgres:17
    restart: always
    environment: {POSTGRES_PASSWORD: "a $$b %c 'd' \"e\"", EMPTY: ""}
    volumes: [data:/var/lib/postgresql/data]
    healthcheck: {test: [CMD-SHELL, "pg_isready -U postgres || exit 1"], interval: 10s, timeout: 5s, retries: 3}
    stop_grace_period: 20s
    networks: {back: {aliases: [database], ipv4_address: 10.99.7.9}}
  web:
    image: docker.io/library/nginx:1.29
    entrypoint: [sh, -c]
    command: ["echo $$HOME; exec nginx -g 'daemon off;'"]
    user: "101:101"
    read_only: true
    cap_drop: [ALL]
    cap_add: [NET_BIND_SERVICE]
    security_opt: [no-new-privileges:true, label=type:web_t, seccomp=unconfined]
    ports: ["127.0.0.1:8080:80", "8443:443/udp", "9000-9002:9000-9002"]
    expose: ["70"]
    depends_on: {db: {condition: service_healthy}}
    labels: {tier: front, "a b": "c,d"}
    annotations: {note: "x y"}
    mem_limit: 64m
    mem_reservation: 32m
    cpus: 0.7
    cpu_shares: 512
    cpuset: "0"
    pids_limit: 100
    shm_size: 1m
    ulimits: {nofile: {soft: 10, hard: 20}, nproc: -1}
    sysctls: {net.core.somaxconn: "1024"}
    tmpfs: ["/run:size=1m", /tmp]
    devices: ["/dev/null:/dev/nothing:r"]
    init: true
    tty: true
    stdin_open: true
    hostname: front
    extra_hosts: ["other:10.0.0.9"]
    dns: [9.9.9.9]
    dns_search: [example.org]
    group_add: ["7"]
    working_dir: /srv
    stop_signal: SIGQUIT
    logging: {driver: k8s-file, options: {max-size: 10m}}
    blkio_config: {weight: 100}
    oom_score_adj: 7
    ipc: shareable
    volumes:
    - /srv/www:/usr/share/nginx/html:ro,z
    - {type: bind, source: /srv/a:b, target: /c, bind: {create_host_path: false, propagation: rslave}}
    - /anonymous
    - {type: volume, source: data, target: /d, read_only: true, volume: {nocopy: true, subpath: inner}}
    networks: [back, front]
networks:
  back: {internal: true, ipam: {config: [{subnet: 10.99.7.0/24, ip_range: 10.99.7.128/25, gateway: 10.99.7.1}]}}
  front: {labels: {a: b}, enable_ipv6: true}
volumes:
  data: {labels: {kept: "yes"}, driver_opts: {type: tmpfs, device: tmpfs, o: "size=1m,uid=7"}}
"#;

/// A folder with the project, and the program in it.
struct Desk(Service);

impl Desk {
    fn new() -> Self {
        let desk = Self(Service::start(crate::service::Answers::new()));
        desk.file("compose.yaml", SHOP);
        desk
    }

    fn file(&self, name: &str, text: &str) {
        cove_sys::fs::write(self.0.folder().join(name), text).unwrap();
    }

    fn run(&self, words: &[&str]) -> Output {
        plain(&self.0).arg("convert").args(words).output().unwrap()
    }

    /// What is written where nothing is lost.
    fn whole(&self, words: &[&str]) -> String {
        let output = self.run(words);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && errors.is_empty(), "{words:?}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn fails(&self, words: &[&str], expected: &str) {
        let output = self.run(words);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(125), "{words:?}: {errors}");
        assert!(errors.contains(expected) && !errors.contains("\\n"), "{words:?}: {errors}");
        assert_eq!(output.stdout, b"", "{words:?}");
    }
}

/// A script without its comment.
fn lines(script: &str) -> Vec<&str> {
    script.lines().filter(|line| !line.starts_with('#')).collect()
}

#[test]
fn scripts_are_read_again() {
    let desk = Desk::new();
    let script = desk.whole(&["compose.yaml", "run"]);
    desk.file("shop.sh", &script);
    let again = desk.whole(&["shop.sh", "run"]);
    assert_eq!(lines(&again), lines(&script));
    // And through a Compose file of the script.
    desk.file("again.yaml", &desk.whole(&["shop.sh", "compose"]));
    let third = desk.whole(&["again.yaml", "run"]);
    let sorted = |script: &str| {
        let mut all: Vec<String> = lines(script).into_iter().map(str::to_owned).collect();
        all.sort();
        all
    };
    // The names of services are those of containers now.
    let third = third.replace("alias=shop-db-1,alias=shop-db-1", "alias=shop-db-1");
    let expected = script.clone();
    for (one, other) in sorted(&third).iter().zip(sorted(&expected)) {
        let without = |line: &str| {
            let words: Vec<&str> = line.split(' ').filter(|word| !word.contains("alias=")).collect();
            words.join(" ")
        };
        assert_eq!(without(one), without(&other));
    }
}

#[test]
fn units_are_read_again() {
    let desk = Desk::new();
    desk.whole(&["compose.yaml", "quadlet", "-o", "units"]);
    let script = desk.whole(&["compose.yaml", "run"]);
    let again = desk.whole(&["units", "run"]);
    assert_eq!(lines(&again), lines(&script));
    // One file of all is the same.
    let bundle = desk.whole(&["compose.yaml", "quadlet"]);
    desk.file("shop.quadlets", &bundle);
    assert_eq!(desk.whole(&["shop.quadlets", "quadlet"]), bundle);
    desk.fails(&["compose.yaml", "quadlet", "-o", "units"], "is there already");
}

#[test]
fn lines_of_other_programs() {
    let desk = Desk::new();
    let line =
        "run quadlet -- docker run -d --name web -p 8080:80 -v data:/d -e A=1 --restart always nginx:1 -g x";
    let text = desk.whole(&line.split(' ').collect::<Vec<_>>());
    let expected = "# FileName=web
[Container]
Image=nginx:1
ContainerName=web
Environment=A=1
Volume=data:/d
PublishPort=8080:80
Exec=-g x

[Service]
Restart=always

[Install]
WantedBy=default.target
";
    assert_eq!(text, expected);
    let line = "run compose -- podman run --name web --network none alpine";
    let text = desk.whole(&line.split(' ').collect::<Vec<_>>());
    assert!(text.contains("container_name: web\n") && text.contains("network_mode: none\n"), "{text}");
}

#[test]
fn what_is_lost_is_told_and_refused_when_asked() {
    let desk = Desk::new();
    let line: Vec<&str> =
        "run compose -- podman run --replace --name a --tz UTC --pull newer i".split(' ').collect();
    let output = desk.run(&line);
    assert!(output.status.success());
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "lost: container a: --replace: it belongs to the command, not to the container\n\
         lost: container a: timezone: Compose has no key for it\n\
         lost: container a: pull: Compose has no key for it\n"
    );
    let strict = [&["--strict", "-o", "out.yaml"][..], &line].concat();
    desk.fails(&strict, "nothing was written, because something would be lost");
    assert!(!desk.0.folder().join("out.yaml").exists());
}

#[test]
fn wrong_words() {
    let desk = Desk::new();
    desk.file("what.txt", "nothing\n");
    desk.file("pipe.sh", "cove run -d i | cat\n");
    desk.file("other.sh", "cove ps\n");
    desk.file("lone.container", "[Container]\nImage=i\nNetwork=gone.network\n");
    for (words, expected) in [
        (&["compose.yaml"][..], "FROM and TO are needed"),
        (&["compose.yaml", "toml"], "\"toml\" is no form to convert into"),
        (&["what.txt", "run"], "it cannot be told what it is: say compose:what.txt"),
        (&["-", "run"], "the form of standard input has to be said"),
        (&["run", "compose"], "a command line is needed behind two dashes"),
        (&["compose.yaml", "run", "--", "cove", "run", "i"], "only taken with run as FROM"),
        (&["run", "kube", "--", "nginx"], "is none of cove, podman and docker"),
        (&["run", "kube", "--", "cove", "ps"], "the command \"ps\" makes no part of an application"),
        (&["run", "kube", "--", "cove", "run", "--unheard-of", "i"], "--unheard-of"),
        (&["pipe.sh", "compose"], "line 1: '|' is for a shell to do"),
        (&["other.sh", "compose"], "line 1: the command \"ps\" makes no part"),
        (&["lone.container", "run"], "gone.network"),
        (&["missing.yaml", "run"], "no such file"),
        (
            &["compose.yaml", "quadlet", "-o", "what.txt"],
            "what.txt is a file: unit files are written into a folder",
        ),
        (&["--from", "toml", "compose.yaml", "run"], "toml"),
        (&["--profile", "a", "lone.container", "run"], "--profile is for Compose files only"),
    ] {
        desk.fails(words, expected);
    }
}
