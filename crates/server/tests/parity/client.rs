//! Every method of the traits, asked of the engine itself and of the client.

use bytes::Bytes;
use cove_api::*;
use futures_util::{StreamExt as _, stream};

use crate::service::Bed;
use cove_test_support::{BROKEN, FakeEngine, sample};

/// Makes the same call both ways: results and what the engine saw must be equal.
macro_rules! same {
    ($bed:expr, $resource:ident, $method:ident ( $($argument:expr),* )) => {{
        $bed.engine.calls();
        let here = $bed.engine.$resource().$method($($argument),*).await;
        let call = $bed.engine.calls().pop().expect("a call that the engine notes");
        let there = Engine::$resource(&$bed.client).$method($($argument),*).await;
        assert_eq!(there, here, stringify!($method));
        let seen = $bed.engine.calls();
        assert!(seen.contains(&call), "the engine did not see {call}, but {seen:?}");
        there
    }};
}
pub(crate) use same;

pub(crate) fn filters() -> Filters {
    Filters::from([("label".into(), vec!["a=b c&d".into(), "e".into()]), ("name".into(), vec!["x".into()])])
}

#[tokio::test]
async fn containers() {
    let bed = Bed::new().await;
    let spec = ContainerSpec {
        image: "localhost/image:1".into(),
        command: vec!["echo".into(), "ä \"quoted\"".into()],
        env: StringMap::from([("A".into(), "b=c".into())]),
        entrypoint: Some(vec![]),
        stop_timeout: Some(0),
        remove: Some(true),
        portmappings: vec![PortMapping { container_port: 80, range: 1, ..PortMapping::default() }],
        ..ContainerSpec::default()
    };
    same!(bed, containers, create(spec.clone())).unwrap();
    for name in ["one", BROKEN, "with/slash and ?#%"] {
        let _ = same!(bed, containers, start(name));
        let _ = same!(
            bed,
            containers,
            stop(name, StopOptions { timeout: Some(0), ignore: true, counted: false })
        );
        let _ = same!(bed, containers, stop(name, StopOptions::default()));
        let _ =
            same!(bed, containers, restart(name, StopOptions { timeout: Some(3), ..StopOptions::default() }));
        let _ = same!(bed, containers, kill(name, 15));
        let _ = same!(bed, containers, pause(name));
        let _ = same!(bed, containers, unpause(name));
        let _ = same!(bed, containers, rename(name, "other"));
        let update = ContainerUpdate {
            memory: Some(MemoryLimits { limit: Some(5), ..MemoryLimits::default() }),
            env: vec!["A=b".into()],
            unset_env: vec!["C".into()],
            restart: Some(RestartUpdate { policy: "on-failure".into(), tries: 3 }),
            ..ContainerUpdate::default()
        };
        let _ = same!(bed, containers, update(name, update.clone()));
        let _ = same!(bed, containers, update(name, ContainerUpdate::default()));
        let options =
            RemoveOptions { force: true, volumes: true, timeout: Some(9), depend: true, ignore: true };
        let _ = same!(bed, containers, remove(name, options.clone()));
        let _ = same!(bed, containers, remove(name, RemoveOptions::default()));
        let _ = same!(bed, containers, inspect(name, true));
        let _ = same!(bed, containers, exists(name));
        let _ = same!(
            bed,
            containers,
            wait(
                name,
                WaitOptions {
                    conditions: vec![WaitCondition::State(ContainerState::Running), WaitCondition::Healthy]
                }
            )
        );
        let _ = same!(bed, containers, resize(name, TerminalSize { width: 80, height: 24 }));
        let _ = same!(bed, containers, top(name, vec!["pid".into(), "args".into()]));
        let _ = same!(bed, containers, top(name, vec![]));
    }
    let options = ListOptions {
        all: true,
        last: Some(2),
        size: true,
        namespaces: true,
        sync: true,
        details: true,
        external: true,
        filters: filters(),
    };
    same!(bed, containers, list(options.clone())).unwrap();
    same!(bed, containers, list(ListOptions::default())).unwrap();
    let reports = same!(bed, containers, prune(PruneOptions { filters: filters() })).unwrap();
    assert!(!reports.is_empty());
    let error = Engine::containers(&bed.client).cleanup("one").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unsupported);
}

#[tokio::test]
async fn files() {
    let bed = Bed::new().await;
    for name in ["one", BROKEN, "with/slash and ?#%"] {
        for diff_type in [DiffType::All, DiffType::Container, DiffType::Image] {
            let options = ChangesOptions { parent: "other".into(), diff_type };
            let _ = same!(bed, files, changes(name, options.clone()));
        }
        let options = CommitOptions {
            author: "me".into(),
            changes: vec!["CMD a,b".into(), "ENV A=b&c".into()],
            comment: "ä".into(),
            format: CommitFormat::Docker,
            pause: true,
            squash: true,
            repo: "localhost:5000/x".into(),
            tag: "1".into(),
            include_volumes: true,
            config: Some(ImageConfig { user: "u".into(), ..ImageConfig::default() }),
        };
        let _ = same!(bed, files, commit(name, options.clone()));
        let _ = same!(bed, files, commit(name, CommitOptions::default()));
        for path in ["/a b", "rel/.", "/dangling", "/nothing", "/dir/"] {
            let _ = same!(bed, files, list_directory(name, path));
            // The answer is a head, which has no room for words.
            if name != BROKEN {
                let there = same!(bed, files, path_stat(name, path));
                assert_eq!(there.is_ok_and(|stat| stat.missing), path == "/dangling");
            }
        }
        let options = CopyToOptions {
            path: "/ä".into(),
            chown: false,
            rename: [("a".to_owned(), "b \"c".to_owned())].into(),
            no_overwrite: true,
        };
        let archive = || -> ByteStream { Box::pin(stream::iter([Ok(Bytes::from_static(b"tar"))])) };
        let _ = same!(bed, files, copy_to(name, options.clone(), archive()));
        let _ = same!(bed, files, mount(name));
        let _ = same!(bed, files, unmount(name, true));
        let _ = same!(bed, files, image_tree(name, true));
        let _ = same!(bed, containers, init(name));
    }
    same!(bed, files, mounts()).unwrap();
    let options =
        StatsOptions { all: true, stream: true, interval: 2, containers: vec!["one".into(), "two".into()] };
    let samples: Vec<_> =
        Engine::containers(&bed.client).stats(options.clone()).await.unwrap().collect().await;
    assert_eq!(samples, [Ok(vec![sample::stats("one", 1)]), Ok(vec![sample::stats("one", 2)])]);
    assert!(bed.engine.calls().contains(&format!("stats {options:?}")));
    let options = CopyFromOptions { path: "/a".into(), docker: false };
    let copied = Engine::files(&bed.client).copy_from("one", options).await.unwrap();
    assert_eq!((copied.stat.link_target.as_str(), copied.stat.size), ("/a", 5));
    let pieces: Vec<_> = copied.archive.collect().await;
    assert_eq!(pieces.into_iter().map(|piece| piece.unwrap()).collect::<Vec<_>>().concat(), b"copied");
    let exported: Vec<_> = Engine::files(&bed.client).export("one").await.unwrap().collect().await;
    assert_eq!(exported.into_iter().map(|piece| piece.unwrap()).collect::<Vec<_>>().concat(), b"exported");
}

#[tokio::test]
async fn every_kind_of_error() {
    use ErrorKind::*;
    for kind in [
        NotFound,
        AlreadyExists,
        InvalidArgument,
        InUse,
        WrongState,
        PermissionDenied,
        Unauthorized,
        Unsupported,
        Unavailable,
        Timeout,
        Cancelled,
        CommandNotFound,
        CommandNotExecutable,
        Internal,
    ] {
        let bed = Bed::with(FakeEngine::default().failing_with(kind), None).await;
        let error = same!(bed, containers, start(BROKEN)).unwrap_err();
        assert_eq!(error.kind, kind);
    }
}

#[tokio::test]
async fn execs() {
    let bed = Bed::new().await;
    let spec = ExecSpec {
        attach_stdin: true,
        cmd: vec!["sh".into()],
        env: vec!["A=b".into()],
        tty: true,
        user: "1:2".into(),
        working_dir: "/".into(),
        detach_keys: "a,b".into(),
        privileged: true,
        ..ExecSpec::default()
    };
    assert_eq!(same!(bed, execs, create("one", spec.clone())).unwrap(), "session");
    for id in ["session", BROKEN] {
        let _ = same!(bed, execs, inspect(id));
        let _ = same!(bed, execs, resize(id, TerminalSize { width: 1, height: 2 }));
        let _ = same!(bed, execs, remove(id, true));
        let _ = same!(bed, execs, remove(id, false));
    }
    assert_eq!(Engine::execs(&bed.client).wait("session").await, Ok(4));
    let passing = ExecSpec { preserve_fds: 1, ..spec };
    let error = Engine::execs(&bed.client).create("one", passing).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unsupported);
    let size = Some(TerminalSize { width: 80, height: 24 });
    let detached = ExecStartOptions { detach: true, size, ..Default::default() };
    assert!(Engine::execs(&bed.client).start("session", detached).await.unwrap().is_none());
    assert!(bed.engine.calls().contains(&format!("exec start session {detached:?}")));
    let error = Engine::execs(&bed.client).start("missing", ExecStartOptions::default()).await.unwrap_err();
    assert_eq!(error, Error::new(ErrorKind::CommandNotFound, "crun: no such command"));
}

#[tokio::test]
async fn volumes_and_networks() {
    let bed = Bed::new().await;
    let options = VolumeCreateOptions {
        name: "v".into(),
        driver: "local".into(),
        labels: StringMap::from([("a".into(), "b".into())]),
        options: StringMap::from([("type".into(), "tmpfs".into())]),
        uid: Some(0),
        gid: Some(7),
        ignore_if_exists: true,
    };
    same!(bed, volumes, create(options.clone())).unwrap();
    same!(bed, volumes, list(VolumeListOptions { filters: filters() })).unwrap();
    same!(bed, volumes, prune(VolumePruneOptions { dry_run: false, filters: filters() })).unwrap();
    same!(bed, volumes, prune(VolumePruneOptions { dry_run: true, filters: filters() })).unwrap();
    for name in ["v", BROKEN] {
        let _ = same!(bed, volumes, inspect(name));
        let _ = same!(bed, volumes, exists(name));
        let _ = same!(bed, volumes, remove(name, VolumeRemoveOptions { force: true, timeout: Some(1) }));
        let _ = same!(bed, volumes, mount(name));
        let _ = same!(bed, volumes, unmount(name));
        bed.engine.calls();
        let archive = || -> ByteStream { Box::pin(stream::iter([Ok(Bytes::from_static(b"four"))])) };
        let imported = Engine::volumes(&bed.client).import(name, archive()).await;
        assert_eq!(imported.is_ok(), name != BROKEN);
        assert_eq!(bed.engine.calls(), [format!("volume import {name} 4")]);
        match Engine::volumes(&bed.client).export(name).await {
            Ok(pieces) => {
                let pieces: Vec<Bytes> = pieces.map(Result::unwrap).collect().await;
                assert_eq!(pieces.concat(), b"tar");
            }
            Err(error) => assert_eq!((name, error.kind), (BROKEN, ErrorKind::NotFound)),
        }
    }
    same!(bed, networks, create(sample::network("n"), NetworkCreateOptions { ignore_if_exists: true }))
        .unwrap();
    same!(bed, networks, list(NetworkListOptions { filters: filters() })).unwrap();
    same!(bed, networks, prune(PruneOptions { filters: filters() })).unwrap();
    for name in ["n", BROKEN] {
        let _ = same!(bed, networks, inspect(name));
        let _ = same!(bed, networks, exists(name));
        let _ = same!(bed, networks, remove(name, true));
        let how = PerNetworkOptions {
            static_ips: vec!["10.9.0.7".into()],
            aliases: vec!["web".into()],
            static_mac: "02:00:00:00:00:01".into(),
            interface_name: "net0".into(),
            options: StringMap::from([("vrf".into(), "red".into())]),
        };
        let _ = same!(bed, networks, connect(name, "one", how.clone()));
        let _ = same!(bed, networks, connect(name, "one", PerNetworkOptions::default()));
        let _ = same!(bed, networks, disconnect(name, "one", true));
        let update = NetworkUpdateOptions {
            add_dns_servers: vec!["9.9.9.9".into()],
            remove_dns_servers: vec!["1.1.1.1".into(), "fd00::1".into()],
        };
        let _ = same!(bed, networks, update(name, update.clone()));
        let _ = same!(bed, networks, reload(name));
    }
}

#[tokio::test]
async fn system() {
    let bed = Bed::new().await;
    let ping = Engine::system(&bed.client).ping().await.unwrap();
    assert_eq!(ping.libpod_api_version, cove_server::LIBPOD_API_VERSION);
    assert_eq!(ping.api_version, cove_server::DOCKER_API_VERSION);
    same!(bed, system, version()).unwrap();
    same!(bed, system, info()).unwrap();
    same!(bed, system, disk_usage()).unwrap();
    let options = SystemCheckOptions {
        quick: true,
        repair: true,
        repair_lossy: true,
        unreferenced_layer_max_age: "1h30m".into(),
    };
    same!(bed, system, check(options.clone())).unwrap();
    for options in [
        SystemPruneOptions { all: true, volumes: true, filters: filters(), ..SystemPruneOptions::default() },
        SystemPruneOptions { external: true, build: true, ..SystemPruneOptions::default() },
    ] {
        same!(bed, system, prune(options.clone())).unwrap();
    }
}

#[tokio::test]
async fn a_service_that_is_not_there() {
    let address: cove_client::Address = "unix:///nonexistent/cove.sock".parse().unwrap();
    let error = Engine::system(&cove_client::Client::new(address)).ping().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(error.message.contains("unix:///nonexistent/cove.sock"), "{error}");
}

#[tokio::test]
async fn pods() {
    let bed = Bed::new().await;
    let spec = PodSpec {
        name: "p".into(),
        labels: StringMap::from([("a".into(), "b=c".into())]),
        shared_namespaces: vec!["net".into()],
        share_parent: Some(false),
        portmappings: vec![PortMapping { container_port: 80, range: 1, ..PortMapping::default() }],
        networks: [("n".to_owned(), PerNetworkOptions::default())].into(),
        ..PodSpec::default()
    };
    same!(bed, pods, create(spec.clone())).unwrap();
    same!(bed, pods, list(PodListOptions { filters: filters() })).unwrap();
    for name in ["one", BROKEN, "half", "with/slash and ?#%"] {
        let _ = same!(bed, pods, inspect(name));
        let _ = same!(bed, pods, exists(name));
        let _ = same!(bed, pods, start(name));
        let _ = same!(bed, pods, stop(name, PodStopOptions { timeout: Some(0) }));
        let _ = same!(bed, pods, restart(name));
        let _ = same!(bed, pods, kill(name, 15));
        let _ = same!(bed, pods, pause(name));
        let _ = same!(bed, pods, unpause(name));
        let _ = same!(bed, pods, remove(name, PodRemoveOptions { force: true, timeout: Some(3) }));
        let _ = same!(bed, pods, top(name, vec!["pid".into(), "user".into()]));
    }
    same!(bed, pods, prune()).unwrap();
    let names = vec!["a".to_owned(), "b c".to_owned()];
    same!(bed, pods, stats(PodStatsOptions { all: false, names: names.clone() })).unwrap();
    same!(bed, pods, stats(PodStatsOptions { all: true, names: Vec::new() })).unwrap();
    let options = PodCopyOptions { destroy: true, start: true, changes: spec.clone() };
    same!(bed, pods, copy("one", options.clone())).unwrap();
}

#[tokio::test]
async fn checkpoints() {
    let bed = Bed::new().await;
    for export in [false, true] {
        let options = CheckpointOptions {
            keep: true,
            file_locks: true,
            print_stats: true,
            export,
            ignore_root_fs: export,
            ..CheckpointOptions::default()
        };
        let expected = format!("checkpoint one {options:?}");
        let there = Engine::containers(&bed.client).checkpoint("one", options).await.unwrap();
        assert!(bed.engine.calls().contains(&expected), "{expected}");
        // It comes beside the archive, too.
        assert_eq!((there.report.id.len(), there.report.duration), (64, 7));
        assert_eq!(there.report.statistics.map(|found| found.frozen_time), Some(3));
        let mut bytes = Vec::new();
        if let Some(mut archive) = there.archive {
            while let Some(piece) = archive.next().await {
                bytes.extend_from_slice(&piece.unwrap());
            }
        }
        assert_eq!(bytes, if export { &b"archive"[..] } else { b"" });
    }
    let archive: ByteStream = Box::pin(stream::iter([Ok(Bytes::from_static(b"archive"))]));
    let options = RestoreOptions { import: true, name: "new".into(), ..RestoreOptions::default() };
    let expected = format!("restore import {options:?} Some(7)");
    let archives = RestoreArchives { checkpoint: Some(archive), previous: None };
    Engine::containers(&bed.client).restore("", options, archives).await.unwrap();
    assert!(bed.engine.calls().contains(&expected), "{expected}: {:?}", bed.engine.calls());
}

#[tokio::test]
async fn kube() {
    let bed = Bed::new().await;
    let text = Bytes::from_static("kind: Pod # ä\n".as_bytes());
    same!(bed, kube, play(text.clone(), KubePlayOptions::default())).unwrap();
    let credentials =
        Credentials { username: "me".into(), password: "tiger".into(), ..Credentials::default() };
    let options = KubePlayOptions {
        annotations: StringMap::from([("a".into(), "b=c,d&e".into())]),
        log_driver: "k8s-file".into(),
        log_options: vec!["path=/a,b".into(), "max-size=1m".into()],
        network: vec!["front:ip=10.0.0.5,mac=92:d0:c6:0a:29:33".into(), "back".into()],
        no_hosts: true,
        publish_ports: vec!["80".into(), "81:81/udp".into()],
        replace: true,
        start: false,
        static_ips: vec!["10.0.0.5".into(), "10.0.0.6".into()],
        userns: "auto:size=5".into(),
        access: RegistryAccess {
            credentials: Some(credentials),
            tls_verify: Some(false),
            ..RegistryAccess::default()
        },
        ..KubePlayOptions::default()
    };
    same!(bed, kube, play(text.clone(), options.clone())).unwrap();
    let apply = KubeApplyOptions {
        kubeconfig: "/root/a b".into(),
        namespace: "n".into(),
        ca_cert_file: "insecure".into(),
        ..Default::default()
    };
    same!(bed, kube, apply(text.clone(), apply.clone())).unwrap();
    let archive = || -> ByteStream { Box::pin(stream::iter([Ok("one".into()), Ok("two".into())])) };
    let built = KubePlayOptions { build: Some(true), jobs: vec!["a".into()], ..options.clone() };
    same!(bed, kube, play_archive(archive(), built.clone())).unwrap();
    same!(bed, kube, down(text.clone(), KubeDownOptions::default())).unwrap();
    same!(bed, kube, down(text.clone(), KubeDownOptions { force: true })).unwrap();
    let options =
        KubeGenerateOptions { service: true, kind: "deployment".into(), replicas: 3, ..Default::default() };
    let names = vec!["one".to_owned(), "with/slash and ?#%".to_owned()];
    same!(bed, kube, generate(names.clone(), options.clone())).unwrap();
    let _ = same!(bed, kube, generate(vec![BROKEN.to_owned()], KubeGenerateOptions::default()));
}

#[tokio::test]
async fn quadlets() {
    let bed = Bed::new().await;
    let file = |name: &str, data: &'static [u8]| QuadletFile { name: name.into(), data: data.into() };
    let files = vec![file("web.container", b"\r\n--x\xff"), file("a \"b\" c.conf", b"")];
    let options = QuadletInstallOptions { replace: true, reload_systemd: false, application: "shop".into() };
    for options in [options, QuadletInstallOptions::default()] {
        let upload = || QuadletUpload::Files(files.clone());
        same!(bed, quadlets, install(upload(), options.clone())).unwrap();
        let archive = || QuadletUpload::Archive(Box::pin(stream::iter([Ok("a".into()), Ok("b".into())])));
        same!(bed, quadlets, install(archive(), options.clone())).unwrap();
    }
    // A report of errors alone would pass for done.
    let upload = QuadletUpload::Files(vec![file("broken.pod", b"")]);
    let error = bed.client.quadlets().install(upload, QuadletInstallOptions::default()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidArgument);
    assert!(error.message.contains("broken.pod: it is broken"), "{error}");

    same!(bed, quadlets, list(QuadletListOptions::default())).unwrap();
    same!(bed, quadlets, list(QuadletListOptions { filters: filters() })).unwrap();
    for name in ["web.container", BROKEN, "with/slash and ?#%"] {
        let _ = same!(bed, quadlets, print(name));
        // Over a service what is not found is answered as such, and no error.
        if name != BROKEN {
            let _ = same!(bed, quadlets, exists(name));
        }
    }
    let selection = QuadletSelection { all: false, quadlets: vec!["a.pod".into(), "broken.pod".into()] };
    let options = QuadletRemoveOptions { force: true, ignore: true, reload_systemd: false };
    same!(bed, quadlets, remove(selection.clone(), options)).unwrap();
    let all = QuadletSelection { all: true, quadlets: Vec::new() };
    same!(bed, quadlets, remove(all.clone(), QuadletRemoveOptions::default())).unwrap();
    let both = QuadletSelection { all: true, quadlets: vec!["a.pod".into()] };
    assert!(bed.client.quadlets().remove(both, options).await.is_err());
}

#[tokio::test]
async fn units() {
    let bed = Bed::new().await;
    let options = SystemdUnitOptions {
        new: true,
        start_timeout: Some(0),
        container_prefix: Some(String::new()),
        separator: Some(String::new()),
        wants: vec!["a.service".into(), "b,c".into()],
        additional_env_variables: vec!["A=1 2&3".into()],
        ..SystemdUnitOptions::default()
    };
    for name in ["one", BROKEN, "with/slash and ?#%"] {
        let _ = same!(bed, units, systemd(name, options.clone()));
        let _ = same!(bed, units, systemd(name, SystemdUnitOptions::default()));
    }
}
