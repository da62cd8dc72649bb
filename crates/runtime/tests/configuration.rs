//! The configuration that is built for a container, seen from inside a real one.
//!
//! Needs root, crun, busybox and a built `cove-monitor`; is skipped otherwise.

mod common;

use common::{Fixture, collect};
use cove_api::{Mount, Rlimit};
use cove_runtime::oci::{
    CapabilityRules, ExecInput, HostFacts, IdMapping, Limits, MemoryLimits, NamespaceTarget, Namespaces,
    RootAccess, Seccomp, Security, Settings, ShmSource, SpecInput, build, exec_process, write_bundle,
};
use cove_runtime::user::resolve_user;
use cove_runtime::view::View;
use cove_runtime::{AttachStreams, Attachment, ExecOptions, Frame, StreamOptions};
use cove_sys::fs;

const PROBE: &str = "grep -E 'Cap|NoNewPrivs|Seccomp' /proc/self/status; umask; hostname; env; pwd; id; \
                     ls /dev; ls /proc/self/fd; cat /proc/self/mountinfo; ulimit -n; echo end";

fn prepare(f: &Fixture) {
    fs::create_dir_all(f.dir.join("rootfs/etc")).unwrap();
    fs::write(f.dir.join("rootfs/etc/passwd"), "root:x:0:0::/root:/bin/sh\nweb:x:1000:100::/home/web:\n")
        .unwrap();
    fs::write(f.dir.join("rootfs/etc/group"), "root:x:0:\nusers:x:100:\nextra:x:7:web\n").unwrap();
}

/// What a test runs.
#[derive(Debug, Default)]
struct Wanted {
    user: &'static str,
    mounts: Vec<Mount>,
    settings: Settings,
}

impl From<Security> for Wanted {
    fn from(security: Security) -> Self {
        Settings { security, ..Settings::default() }.into()
    }
}

impl From<Settings> for Wanted {
    fn from(settings: Settings) -> Self {
        Self { settings, ..Self::default() }
    }
}

fn build_spec(
    f: &Fixture,
    id: &str,
    wanted: &Wanted,
    args: &[&str],
) -> cove_runtime::Result<oci_spec::runtime::Spec> {
    build_in(f, id, wanted, args, Namespaces::default(), None)
}

fn build_in(
    f: &Fixture,
    id: &str,
    wanted: &Wanted,
    args: &[&str],
    namespaces: Namespaces,
    id_mappings: Option<(Vec<IdMapping>, Vec<IdMapping>)>,
) -> cove_runtime::Result<oci_spec::runtime::Spec> {
    let rootfs = f.dir.join("rootfs");
    let user = resolve_user(&View::new(&rootfs, &[])?, wanted.user, &[])?;
    let env = ["PATH=/bin", "TERM=xterm", "container=podman", "HOSTNAME=box"].map(str::to_owned);
    let env = env.into_iter().chain([format!("HOME={}", user.home)]).collect();
    build(&SpecInput {
        id,
        settings: &wanted.settings,
        rootfs: &rootfs,
        args: args.iter().map(|s| (*s).to_owned()).collect(),
        cwd: "/".to_owned(),
        env,
        hostname: "box".to_owned(),
        owns_network: false,
        user,
        shm: if namespaces.ipc.is_host() { ShmSource::Host } else { ShmSource::Private },
        namespaces,
        id_mappings,
        mounts: wanted.mounts.clone(),
        init_path: None,
        cgroup: &f.cgroup,
        host: &HostFacts::read(false),
    })
}

async fn run(f: &Fixture, id: &str, wanted: &Wanted, script: &str) -> (String, i32) {
    let oci = build_spec(f, id, wanted, &["sh", "-c", script]).unwrap();
    run_spec(f, id, &oci).await
}

async fn run_spec(f: &Fixture, id: &str, oci: &oci_spec::runtime::Spec) -> (String, i32) {
    let bundle = f.dir.join("bundle").join(id);
    write_bundle(&bundle, oci).unwrap();
    let launch = f.launch_bundle(id, bundle, false, false, Vec::new()).unwrap();
    let attachment = Attachment::connect(launch.run_dir(), AttachStreams::ALL).await.unwrap();
    let _started = launch.start().unwrap();
    let (out, err, last) = collect(attachment).await;
    let Some(Frame::Exit(code)) = last else { panic!("{last:?}") };
    (out + &err, code)
}

#[tokio::test]
async fn defaults_from_inside() {
    let Some(f) = Fixture::new("defaults") else { return };
    prepare(&f);
    let (out, code) = run(&f, "d", &Wanted::default(), PROBE).await;
    assert_eq!(code, 0, "{out}");
    for line in [
        "CapEff:\t00000000800405fb",
        "CapPrm:\t00000000800405fb",
        "CapBnd:\t00000000800405fb",
        "CapInh:\t0000000000000000",
        "CapAmb:\t0000000000000000",
        "NoNewPrivs:\t0",
        "Seccomp:\t2",
        "Seccomp_filters:\t1",
        "0022",
        "box",
        "container=podman",
        "TERM=xterm",
        "HOME=/root",
        "HOSTNAME=box",
        "end",
    ] {
        assert!(out.lines().any(|l| l == line), "{line} is not in {out}");
    }
    assert!(out.contains("/dev/shm rw,nosuid,nodev,noexec") && out.contains("size=64000k"), "{out}");
    assert!(out.contains("/sys ro,nosuid,nodev,noexec"), "{out}");
    assert!(out.contains("gid=5,mode=620,ptmxmode=666"), "{out}");
    assert_eq!(fs::read_dir(f.dir.join("run/seccomp")).unwrap().count(), 1);
    let (out, _) = run(&f, "cached", &Wanted::default(), PROBE).await;
    assert!(out.contains("Seccomp:\t2") && out.contains("Seccomp_filters:\t1"), "{out}");
    let config = fs::read_to_string(f.dir.join("bundle/cached/config.json")).unwrap();
    assert!(config.contains("run.oci.seccomp_bpf_data"));
    let (out, _) = run(&f, "m", &Wanted::default(), "echo x >/proc/sys/kernel/domainname").await;
    assert!(out.contains("Read-only file system"), "{out}");
}

#[tokio::test]
async fn users_privileges_and_options() {
    let Some(f) = Fixture::new("options") else { return };
    prepare(&f);
    let capabilities = CapabilityRules { add: vec!["net_raw".to_owned()], ..Default::default() };
    let spec = Wanted { user: "web", ..Security { capabilities, ..Default::default() }.into() };
    let (out, _) = run(&f, "user", &spec, PROBE).await;
    for text in ["CapEff:\t0000000000002000", "CapAmb:\t0000000000002000", "CapBnd:\t00000000800425fb"] {
        assert!(out.contains(text), "{out}");
    }
    assert!(out.contains("uid=1000(web) gid=100(users) groups=7(extra)"), "{out}");
    assert!(out.contains("HOME=/home/web"), "{out}");

    let spec = Security { privileged: true, ..Default::default() }.into();
    let (out, _) = run(&f, "priv", &spec, PROBE).await;
    assert!(out.contains("Seccomp:\t0") && out.contains("/sys rw,"), "{out}");

    let spec = Wanted {
        settings: Settings {
            root: RootAccess { read_only: true, scratch: true },
            security: Security { no_new_privileges: true, ..Default::default() },
            umask: 0o077,
            devices: vec!["/dev/fuse:/dev/thing".parse().unwrap()],
            ..Default::default()
        },
        mounts: vec![Mount {
            destination: "/data".to_owned(),
            source: f.dir.join("run").to_string_lossy().into_owned(),
            kind: "bind".to_owned(),
            options: vec!["ro".to_owned()],
        }],
        ..Default::default()
    };
    fs::create_dir_all(f.dir.join("rootfs/data")).unwrap();
    for sub in ["run", "var/tmp"] {
        fs::create_dir_all(f.dir.join("rootfs").join(sub)).unwrap();
    }
    let script =
        "umask; touch /x; touch /data/x; touch /tmp/x && ls /data /dev/thing; grep NoNew /proc/self/status";
    let (out, _) = run(&f, "ro", &spec, script).await;
    assert!(
        out.contains("0077") && out.contains("/x: Read-only") && out.contains("/data/x: Read-only"),
        "{out}"
    );
    assert!(out.contains("exits") && out.contains("/dev/thing") && out.contains("NoNewPrivs:\t1"), "{out}");
}

#[test]
fn what_cannot_be_kept_is_refused() {
    let Some(f) = Fixture::new("refused") else { return };
    prepare(&f);
    let build = |wanted: &Wanted| build_spec(&f, "x", wanted, &["sh"]);
    let capabilities = CapabilityRules { add: vec!["foo".to_owned()], ..Default::default() };
    let rlimit = |kind: &str, soft, hard| Settings {
        limits: Limits { rlimits: vec![Rlimit { kind: kind.to_owned(), soft, hard }], ..Default::default() },
        ..Default::default()
    };
    let bad: [Wanted; 8] = [
        Wanted { user: "4294967296", ..Default::default() },
        Wanted { user: "nobody", ..Default::default() },
        Security { capabilities, ..Default::default() }.into(),
        rlimit("nofile", 2, 1).into(),
        rlimit("foo", 1, 1).into(),
        Settings { devices: vec!["/dev/none".parse().unwrap()], ..Default::default() }.into(),
        Security { seccomp: Seccomp::Profile("/none".into()), ..Default::default() }.into(),
        Settings { sysctls: [("vm.swappiness".to_owned(), "1".to_owned())].into(), ..Default::default() }
            .into(),
    ];
    for spec in bad {
        assert!(build(&spec).is_err(), "{spec:?}");
    }
    assert!(build_spec(&f, "x", &Wanted::default(), &[]).is_err());
    if !f.cgroup.is_enabled() {
        let memory = MemoryLimits { limit: Some(1_000_000), ..Default::default() };
        let limits = Limits { memory, ..Default::default() };
        let error = build(&Settings { limits, ..Default::default() }.into()).unwrap_err();
        assert!(matches!(error, cove_runtime::Error::Unsupported { .. }), "{error}");
    }
}

#[tokio::test]
async fn exec_as_another_user() {
    let Some(f) = Fixture::new("execuser") else { return };
    prepare(&f);
    let oci = build_spec(&f, "e", &Wanted::default(), &["sleep", "100"]).unwrap();
    let bundle = f.dir.join("bundle/e");
    write_bundle(&bundle, &oci).unwrap();
    let started = f.launch_bundle("e", bundle, false, false, Vec::new()).unwrap().start().unwrap();
    let host = HostFacts::read(false);
    let process = exec_process(&ExecInput {
        container: &oci,
        args: ["sh", "-c", PROBE].map(str::to_owned).to_vec(),
        env: vec!["X=1".to_owned()],
        cwd: Some("/tmp".to_owned()),
        user: Some(resolve_user(&View::new(&f.dir.join("rootfs"), &[]).unwrap(), "web", &[]).unwrap()),
        cap_add: &[],
        privileged: false,
        terminal: false,
        host: &host,
    })
    .unwrap();
    let launch = f
        .runtime
        .exec(ExecOptions {
            container: "e".to_owned(),
            session: "s".to_owned(),
            oci_runtime: f.crun.clone(),
            process,
            streams: StreamOptions::default(),
            exit_command: Vec::new(),
        })
        .unwrap();
    let attachment = Attachment::connect(launch.run_dir(), AttachStreams::ALL).await.unwrap();
    let _exec = launch.start().unwrap();
    let (out, err, _) = collect(attachment).await;
    for text in [
        "CapEff:\t0000000000000000",
        "CapBnd:\t00000000800405fb",
        "uid=1000(web)",
        "X=1",
        "/tmp",
        "Seccomp:\t2",
    ] {
        assert!(out.contains(text), "{text}: {out}{err}");
    }
    f.runtime.signal("e", 9).unwrap();
    started.supervision.wait_exit().unwrap();
}

#[tokio::test]
async fn kinds_of_namespaces() {
    let Some(f) = Fixture::new("namespaces") else { return };
    prepare(&f);
    let default = Namespaces::default();
    let host = NamespaceTarget::Host;
    let path = |kind: &str| NamespaceTarget::Path(format!("/proc/self/ns/{kind}").into());
    let maps = vec![IdMapping { container_id: 0, host_id: 100_000, size: 65536 }];
    let all = Namespaces {
        network: host.clone(),
        pid: host.clone(),
        ipc: host.clone(),
        uts: host.clone(),
        ..default.clone()
    };
    let user = Namespaces { user: NamespaceTarget::Private, ..default.clone() };
    let variants = [
        ("network", Namespaces { network: host.clone(), ..default.clone() }, false, None),
        ("all", all.clone(), false, None),
        ("privileged", all, true, None),
        ("path", Namespaces { network: path("net"), uts: path("uts"), ..default.clone() }, false, None),
        ("user", user.clone(), false, Some((maps.clone(), maps.clone()))),
        (
            "user-host",
            Namespaces { network: host.clone(), pid: host, ..user },
            false,
            Some((maps.clone(), maps)),
        ),
    ];
    for (name, namespaces, privileged, maps) in variants {
        let spec = Security { privileged, ..Default::default() }.into();
        let oci = build_in(&f, name, &spec, &["sh", "-c", PROBE], namespaces, maps).unwrap();
        let (out, code) = run_spec(&f, name, &oci).await;
        assert!(code == 0 && out.contains("uid=0(root)") && out.contains("\nend\n"), "{name}: {out}");
    }
}
