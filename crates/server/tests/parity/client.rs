//! Every method of the traits, asked of the engine itself and of the client.

use bytes::Bytes;
use cove_api::*;
use futures_util::{StreamExt as _, stream};
use tokio::io::AsyncWriteExt as _;

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

fn filters() -> Filters {
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
        let _ = same!(bed, containers, stop(name, StopOptions { timeout: Some(0), ignore: true }));
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
async fn logs_and_events() {
    let bed = Bed::new().await;
    let wanted = LogOptions {
        tail: Some(5),
        since: Some(sample::time()),
        until: Some(sample::time()),
        stdout: true,
        stderr: true,
        follow: false,
    };
    for options in [wanted.clone(), LogOptions { stdout: true, ..LogOptions::default() }] {
        let here = bed.engine.containers().logs("one", options.clone()).await.unwrap();
        let here: Vec<_> = here.map(Result::unwrap).collect().await;
        let call = bed.engine.calls().pop().unwrap();
        let there = Engine::containers(&bed.client).logs("one", options).await.unwrap();
        let there: Vec<_> = there.map(Result::unwrap).collect().await;
        assert_eq!(there, here);
        assert!(bed.engine.calls().contains(&call), "{call}");
    }
    let follow = LogOptions { follow: true, ..wanted };
    let mut lines = Engine::containers(&bed.client).logs("one", follow).await.unwrap();
    assert_eq!(lines.next().await.unwrap().unwrap().data, "one");
    let options = EventOptions {
        since: Some(sample::time()),
        until: Some(sample::time()),
        filters: filters(),
        stream: false,
    };
    let _: Vec<_> = bed.engine.events(options.clone()).await.unwrap().collect().await;
    let call = bed.engine.calls().pop().unwrap();
    let there = Engine::system(&bed.client).events(options).await.unwrap();
    let there: Vec<_> = there.map(Result::unwrap).collect().await;
    assert_eq!(there, [sample::event("died"), sample::event("remove")]);
    assert_eq!(bed.engine.calls(), [call]);
}

/// A stream that fails must not look like one that has ended.
#[tokio::test]
async fn events_that_break_off() {
    let bed = Bed::new().await;
    let filters = Filters::from([("container".into(), vec!["half".into()])]);
    // What was written just before may be lost with the connection.
    if let Ok(events) =
        Engine::system(&bed.client).events(EventOptions { filters, ..EventOptions::default() }).await
    {
        let events: Vec<_> = events.collect().await;
        assert!(events.last().is_some_and(Result::is_err), "{events:?}");
    }
    let path = "/events?stream=0&filters={\"container\":[\"half\"]}";
    let request = format!("GET {path} HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n");
    let answer = bed.raw(request.as_bytes()).await;
    assert!(!answer.ends_with("0\r\n\r\n"), "{answer}");
}

/// Sends `input`, ends it, and collects both outputs.
async fn converse(attached: AttachStream, input: &[u8]) -> (String, String) {
    let AttachStream { input: writer, mut output } = attached;
    let mut writer = writer.expect("an input");
    writer.write_all(input).await.unwrap();
    writer.shutdown().await.unwrap();
    let mut texts = (String::new(), String::new());
    while let Some(chunk) = output.next().await {
        let chunk = chunk.unwrap();
        let text = if chunk.stream == OutputStream::Stdout { &mut texts.0 } else { &mut texts.1 };
        text.push_str(std::str::from_utf8(&chunk.data).unwrap());
    }
    texts
}

#[tokio::test]
async fn attached_streams() {
    let everything = AttachOptions { stdin: true, stdout: true, stderr: true, logs: true, detach_keys: None };
    let keys = AttachOptions { detach_keys: Some("ctrl-a,x".into()), ..everything.clone() };
    for terminal in [false, true] {
        let bed = Bed::with(FakeEngine::default().with_terminal(terminal), None).await;
        // A terminal has one output.
        let expected = if terminal { ("HELLOend", "") } else { ("HELLO", "end") };
        for options in [everything.clone(), keys.clone()] {
            drop(bed.engine.containers().attach("one", options.clone()).await.unwrap());
            let call = bed.engine.calls().pop().unwrap();
            let attached = Engine::containers(&bed.client).attach("one", options).await.unwrap();
            assert!(bed.engine.calls().contains(&call), "{call}");
            let (out, err) = converse(attached, b"hello").await;
            assert_eq!((out.as_str(), err.as_str()), expected);
        }
        let attached =
            Engine::execs(&bed.client).start("session", ExecStartOptions::default()).await.unwrap();
        let (out, err) = converse(attached.unwrap(), b"hello").await;
        assert_eq!((out.as_str(), err.as_str()), expected);
    }
    let bed = Bed::new().await;
    let error = Engine::containers(&bed.client).attach(BROKEN, everything).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
    let without = AttachOptions { stdout: true, stderr: true, ..AttachOptions::default() };
    let attached = Engine::containers(&bed.client).attach("one", without).await.unwrap();
    assert!(attached.input.is_none());
    assert_eq!(attached.output.map(|chunk| chunk.unwrap().data).collect::<Vec<_>>().await, ["out", "end"]);
}

/// More than every buffer on the way holds, both ways at once.
#[tokio::test]
async fn much_input_and_output() {
    let bed = Bed::new().await;
    let options = AttachOptions { stdin: true, stdout: true, stderr: true, ..AttachOptions::default() };
    let AttachStream { input, mut output } =
        Engine::containers(&bed.client).attach("one", options).await.unwrap();
    let mut input = input.unwrap();
    let writer = tokio::spawn(async move {
        for _ in 0..1000 {
            input.write_all(&[b'a'; 4096]).await.unwrap();
        }
        input.shutdown().await.unwrap();
        input
    });
    let mut length = 0;
    while let Some(chunk) = output.next().await {
        length += chunk.unwrap().data.len();
    }
    assert_eq!(length, 1000 * 4096 + 3);
    writer.await.unwrap();
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
    let detached = ExecStartOptions { detach: true, size };
    assert!(Engine::execs(&bed.client).start("session", detached).await.unwrap().is_none());
    assert!(bed.engine.calls().contains(&format!("exec start session {detached:?}")));
    let error = Engine::execs(&bed.client).start("missing", ExecStartOptions::default()).await.unwrap_err();
    assert_eq!(error, Error::new(ErrorKind::CommandNotFound, "crun: no such command"));
}

#[tokio::test]
async fn images() {
    let bed = Bed::new().await;
    for name in ["quay.io/a/b:1", "sha256:abc", "a@sha256:abc", BROKEN] {
        let _ = same!(bed, images, inspect(name));
        let _ = same!(bed, images, history(name));
        let _ = same!(bed, images, exists(name));
        let _ = same!(bed, images, tag(name, "localhost:5000/c/d:tag"));
        let _ = same!(bed, images, tag(name, "localhost:5000/c/d"));
        let _ = same!(bed, images, untag(name, vec!["localhost:5000/c/d:1".into()]));
        let _ = same!(bed, images, untag(name, vec![]));
        let all = ImageRemoveOptions {
            all: true,
            force: true,
            ignore: true,
            no_prune: true,
            ..ImageRemoveOptions::default()
        };
        let _ = same!(bed, images, remove(vec![name.into(), "other".into()], all.clone()));
        let _ = same!(bed, images, remove(vec![name.into()], ImageRemoveOptions::default()));
    }
    same!(bed, images, list(ImageListOptions { all: true, filters: filters() })).unwrap();
    let all = ImagePruneOptions { all: true, filters: filters(), ..ImagePruneOptions::default() };
    same!(bed, images, prune(all.clone())).unwrap();
}

#[tokio::test]
async fn archives() {
    let bed = Bed::new().await;
    // More than the limit of JSON bodies.
    let archive =
        || -> ByteStream { Box::pin(stream::iter((0..100).map(|_| Ok(Bytes::from(vec![b'x'; 100_000]))))) };
    same!(bed, images, load(archive())).unwrap();
    let options = ImportOptions {
        changes: vec!["CMD [\"a\", \"b\"]".into(), "ENV A=b".into()],
        message: "two words".into(),
        reference: "localhost/x:1".into(),
        os: "linux".into(),
        arch: "arm64".into(),
        variant: "v8".into(),
    };
    same!(bed, images, import(archive(), options.clone())).unwrap();
    same!(bed, images, import(archive(), ImportOptions::default())).unwrap();
    let names = vec!["quay.io/a/b:1".to_owned(), "other".to_owned()];
    for options in [
        SaveOptions { format: ArchiveFormat::OciArchive, multi: true, ..SaveOptions::default() },
        SaveOptions { format: ArchiveFormat::DockerArchive, multi: true, ..SaveOptions::default() },
    ] {
        let expected = format!("save {names:?} {options:?}");
        let pieces = Engine::images(&bed.client).save(names.clone(), options).await.unwrap();
        let length: usize =
            pieces.map(|piece| piece.unwrap().len()).collect::<Vec<_>>().await.into_iter().sum();
        assert_eq!(length, 100_008);
        assert!(bed.engine.calls().contains(&expected), "{expected}");
    }
    assert!(Engine::images(&bed.client).save(vec![BROKEN.into()], SaveOptions::default()).await.is_err());
    // An archive that breaks off must not look whole.
    if let Ok(pieces) = Engine::images(&bed.client).save(vec!["half".into()], SaveOptions::default()).await {
        assert!(pieces.collect::<Vec<_>>().await.last().unwrap().is_err());
    }
    // One that fails at once says why.
    let error = Engine::images(&bed.client).save(vec!["nothing".into()], SaveOptions::default()).await;
    assert_eq!(error.err(), Some(Error::internal("the layer is gone")));
    // Neither must an upload.
    let broken: ByteStream =
        Box::pin(stream::iter([Ok(Bytes::from_static(b"x")), Err(Error::internal("the disk is gone"))]));
    assert!(Engine::images(&bed.client).load(broken).await.is_err());
}

/// How a registry is reached, with all that crosses to a service.
fn access() -> RegistryAccess {
    RegistryAccess {
        credentials: Some(Credentials {
            username: "ü".into(),
            password: "p:w?>".into(),
            ..Credentials::default()
        }),
        auth_file: None,
        cert_dir: None,
        tls_verify: Some(false),
        retry: Some(2),
        retry_delay: Some(7),
    }
}

#[tokio::test]
async fn pushes() {
    let bed = Bed::new().await;
    let options = PushOptions {
        destination: "quay.io/a/b:2".into(),
        format: Some(PushFormat::Oci),
        compression: Some(PushCompression::Zstd),
        compression_level: Some(7),
        force_compression: true,
        remove_signatures: true,
        access: access(),
        ..PushOptions::default()
    };
    for options in [options, PushOptions::default()] {
        let _ = bed.engine.push("quay.io/a/b:1", options.clone()).await.unwrap();
        let call = bed.engine.calls().pop().unwrap();
        let events = Engine::images(&bed.client).push("quay.io/a/b:1", options).await.unwrap();
        let events: Vec<_> = events.map(Result::unwrap).collect().await;
        assert_eq!(events, sample::push_progress());
        assert_eq!(bed.engine.calls(), [call]);
    }
    let events = Engine::images(&bed.client).push("half", PushOptions::default()).await.unwrap();
    let last = events.collect::<Vec<_>>().await.pop().unwrap();
    assert_eq!(last, Err(Error::new(ErrorKind::Unauthorized, "denied")));
    let here = RegistryAccess { auth_file: Some("/f".into()), ..RegistryAccess::default() };
    let options = PushOptions { access: here, ..PushOptions::default() };
    assert_eq!(
        Engine::images(&bed.client).push("a", options).await.err().unwrap().kind,
        ErrorKind::Unsupported
    );
}

#[tokio::test]
async fn pulls() {
    let bed = Bed::new().await;
    let options = PullOptions {
        policy: PullPolicy::Newer,
        os: Some("linux".into()),
        arch: Some("arm64".into()),
        variant: Some("v8".into()),
        all_tags: true,
        access: access(),
    };
    for options in [options, PullOptions::default()] {
        let _ = bed.engine.pull("quay.io/a/b:1", options.clone()).await.unwrap();
        let call = bed.engine.calls().pop().unwrap();
        let events = Engine::images(&bed.client).pull("quay.io/a/b:1", options).await.unwrap();
        let events: Vec<_> = events.map(Result::unwrap).collect().await;
        assert_eq!(events, sample::progress());
        assert_eq!(bed.engine.calls(), [call]);
    }
    let events = Engine::images(&bed.client).pull("half", PullOptions::default()).await.unwrap();
    let last = events.collect::<Vec<_>>().await.pop().unwrap();
    assert_eq!(last, Err(Error::new(ErrorKind::Unauthorized, "denied")));
    assert!(Engine::images(&bed.client).pull(BROKEN, PullOptions::default()).await.is_err());
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
