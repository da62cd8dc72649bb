//! Whole lives of containers through the engine's traits: needs root, an OCI runtime and a built `cove-monitor`.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use cove_api::{
    AttachOptions, ContainerSpec, ContainerState, Containers, ErrorKind, EventOptions, ExecSpec,
    ExecStartOptions, Execs, ImageListOptions, ImageRemoveOptions, Images, ImportOptions, ListOptions,
    LogOptions, NamedVolume, Namespace, OutputStream, RemoveOptions, SaveOptions, StopOptions, System,
    VolumeRemoveOptions, Volumes, WaitCondition, WaitOptions,
};
use cove_config::{ContainersConf, Directories, Environment, StorageConf, StorageFlags, StoreOptions, User};
use cove_engine::{EngineOptions, LocalEngine};
use cove_sys::fs;
use cove_test_support::{Need, built, busybox_tree, met};
use futures_util::StreamExt as _;
use tokio::io::AsyncWriteExt as _;

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// An engine in a directory of its own, with a busybox image; removed at the end.
struct Scene {
    engine: LocalEngine,
    folder: PathBuf,
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-R").arg(self.folder.join("root/overlay")).output();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn engine(folder: &Path) -> Option<LocalEngine> {
    if !met(&[Need::Root, Need::Monitor, Need::Crun, Need::Busybox]) {
        return None;
    }
    let monitor = built("cove-monitor");
    let environment = Environment::new([("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"), ("HOME", "/root")]);
    let user = User { uid: 0, rootless: false, home: Some("/root".into()) };
    let directories = Directories::new(&environment, user, |_| None).expect("directories");
    let flags = StorageFlags {
        graph_root: Some(folder.join("root")),
        run_root: Some(folder.join("run")),
        driver: Some("overlay".into()),
        ..StorageFlags::default()
    };
    let storage = StoreOptions::resolve(&StorageConf::default(), &flags, &environment, &directories)
        .expect("store options");
    let options = EngineOptions::new(directories, environment, ContainersConf::built_in(), storage, monitor);
    Some(LocalEngine::open(options).expect("engine"))
}

async fn scene() -> Option<Scene> {
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("cove-engine-life-{}-{number}", std::process::id()));
    fs::create_dir_all(&folder).expect("folder");
    let engine = engine(&folder)?;
    let scene = Scene { engine, folder };
    let tree = scene.folder.join("tree");
    fs::create_dir_all(tree.join("data")).expect("tree");
    busybox_tree(&tree);
    fs::write(tree.join("data/hello"), "hello\n").expect("file");
    let tar = scene.folder.join("tree.tar");
    let status =
        std::process::Command::new("tar").arg("-C").arg(&tree).arg("-cf").arg(&tar).arg(".").status();
    assert!(status.expect("tar").success());
    let bytes = fs::read(&tar).expect("tar");
    let body = futures_util::stream::iter([Ok(bytes.into())]);
    let options = ImportOptions {
        changes: vec!["CMD [\"/bin/sh\"]".into()],
        reference: "localhost/busybox".into(),
        ..ImportOptions::default()
    };
    Images::import(&scene.engine, Box::pin(body), options).await.expect("import");
    Some(scene)
}

fn spec(command: &[&str]) -> ContainerSpec {
    ContainerSpec {
        image: "busybox".into(),
        command: command.iter().map(|word| (*word).to_owned()).collect(),
        netns: Namespace::new("none"),
        ..ContainerSpec::default()
    }
}

async fn create(scene: &Scene, spec: ContainerSpec) -> String {
    Containers::create(&scene.engine, spec).await.expect("create").id
}

async fn state(scene: &Scene, name: &str) -> String {
    let options = ListOptions { all: true, ..ListOptions::default() };
    let rows = Containers::list(&scene.engine, options).await.expect("list");
    rows.into_iter()
        .find(|row| row.names[0] == name || row.id == name)
        .map_or("gone".into(), |row| row.state.to_string())
}

#[tokio::test]
async fn a_container_runs_and_goes() {
    let Some(scene) = scene().await else { return };
    let engine = &scene.engine;
    let mut request = spec(&["sh", "-c", "cat; echo err >&2; exit 7"]);
    request.stdin = Some(true);
    request.name = "one".into();
    let id = create(&scene, request.clone()).await;
    let error = Containers::create(engine, request).await.expect_err("the name is in use");
    assert_eq!(error.kind, ErrorKind::AlreadyExists);
    assert!(error.message.contains("is already in use by"), "{}", error.message);

    let all = AttachOptions { stdin: true, stdout: true, stderr: true, ..AttachOptions::default() };
    let mut stream = Containers::attach(engine, "one", all).await.expect("attach");
    Containers::start(engine, "one").await.expect("start");
    let mut input = stream.input.take().expect("input");
    input.write_all(b"typed\n").await.expect("write");
    input.shutdown().await.expect("shutdown");
    let (mut out, mut err) = (Vec::new(), Vec::new());
    while let Some(chunk) = stream.output.next().await {
        let chunk = chunk.expect("output");
        match chunk.stream {
            OutputStream::Stdout => out.extend_from_slice(&chunk.data),
            OutputStream::Stderr => err.extend_from_slice(&chunk.data),
        }
    }
    assert_eq!((out.as_slice(), err.as_slice()), (b"typed\n".as_slice(), b"err\n".as_slice()));
    assert_eq!(Containers::wait(engine, &id, WaitOptions::default()).await.expect("wait"), 7);
    assert_eq!(state(&scene, "one").await, "exited");

    let logs = LogOptions { stdout: true, stderr: true, ..LogOptions::default() };
    let lines: Vec<_> = Containers::logs(engine, "one", logs).await.expect("logs").collect().await;
    assert_eq!(lines.len(), 2);
    let inspected = Containers::inspect(engine, &id[..12], false).await.expect("inspect");
    assert_eq!((inspected.state.exit_code, inspected.state.status.as_str()), (7, "exited"));
    Containers::remove(engine, "one", RemoveOptions::default()).await.expect("remove");
    assert_eq!(state(&scene, "one").await, "gone");
    assert_eq!(Containers::start(engine, "one").await.expect_err("gone").kind, ErrorKind::NotFound);

    let events: Vec<_> =
        System::events(engine, EventOptions::default()).await.expect("events").collect().await;
    let actions: Vec<String> = events
        .into_iter()
        .map(|event| event.expect("event"))
        .filter(|event| event.kind == "container")
        .map(|event| event.action)
        .collect();
    assert_eq!(actions, ["create", "init", "attach", "start", "died", "cleanup", "remove"]);
}

#[tokio::test]
async fn stop_restart_kill_and_force() {
    let Some(scene) = scene().await else { return };
    let engine = &scene.engine;
    let mut request = spec(&["sh", "-c", "trap 'exit 3' TERM; while :; do sleep 0.05; done"]);
    request.name = "two".into();
    create(&scene, request).await;
    Containers::start(engine, "two").await.expect("start");
    assert_eq!(state(&scene, "two").await, "running");
    let error = Containers::remove(engine, "two", RemoveOptions::default()).await.expect_err("it runs");
    assert!(error.message.contains("cannot be removed without force"), "{}", error.message);
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    Containers::stop(engine, "two", StopOptions { timeout: Some(5), ..StopOptions::default() })
        .await
        .expect("stop");
    assert_eq!(Containers::wait(engine, "two", WaitOptions::default()).await.expect("wait"), 3);
    Containers::restart(engine, "two", StopOptions { timeout: Some(0), ..StopOptions::default() })
        .await
        .expect("restart");
    assert_eq!(state(&scene, "two").await, "running");
    Containers::kill(engine, "two", 9).await.expect("kill");
    assert_eq!(Containers::wait(engine, "two", WaitOptions::default()).await.expect("wait"), 137);
    let error = Containers::kill(engine, "two", 9).await.expect_err("it has ended");
    assert_eq!(error.kind, ErrorKind::WrongState);
    Containers::start(engine, "two").await.expect("start");
    let force = RemoveOptions { force: true, timeout: Some(0), ..RemoveOptions::default() };
    Containers::remove(engine, "two", force).await.expect("remove");
    assert_eq!(state(&scene, "two").await, "gone");
}

#[tokio::test]
async fn a_failed_start_leaves_a_container_that_can_be_removed() {
    let Some(scene) = scene().await else { return };
    let engine = &scene.engine;
    let id = create(&scene, spec(&["/nonexistent"])).await;
    let error = Containers::start(engine, &id).await.expect_err("no such command");
    assert_eq!(error.kind, ErrorKind::CommandNotFound, "{}", error.message);
    assert_eq!(state(&scene, &id).await, ContainerState::Created.as_str());
    let id = create(&scene, spec(&["/etc"])).await;
    let error = Containers::start(engine, &id).await.expect_err("a directory");
    assert_eq!(error.kind, ErrorKind::CommandNotExecutable, "{}", error.message);
    Containers::remove(engine, &id, RemoveOptions::default()).await.expect("remove");
}

#[tokio::test]
async fn exec_sessions_run_beside() {
    let Some(scene) = scene().await else { return };
    let engine = &scene.engine;
    let id = create(&scene, spec(&["sleep", "100"])).await;
    Containers::start(engine, &id).await.expect("start");
    let request = ExecSpec {
        attach_stdout: true,
        attach_stderr: true,
        cmd: ["sh", "-c", "id -u; exit 5"].map(ToOwned::to_owned).into(),
        user: "guest".into(),
        ..ExecSpec::default()
    };
    let session = Execs::create(engine, &id, request).await.expect("exec");
    let stream =
        Execs::start(engine, &session, ExecStartOptions::default()).await.expect("start").expect("attached");
    let output: Vec<_> = stream.output.map(|chunk| chunk.expect("output").data).collect().await;
    assert_eq!(output.concat(), b"1000\n");
    assert_eq!(Execs::wait(engine, &session).await.expect("wait"), 5);
    assert!(!Execs::inspect(engine, &session).await.expect("inspect").running);
    Execs::remove(engine, &session, false).await.expect("remove");
    let force = RemoveOptions { force: true, timeout: Some(0), ..RemoveOptions::default() };
    Containers::remove(engine, &id, force).await.expect("remove");
}

#[tokio::test]
async fn volumes_are_filled_and_kept() {
    let Some(scene) = scene().await else { return };
    let engine = &scene.engine;
    let mut request = spec(&["sh", "-c", "cat /data/hello; echo more > /data/more"]);
    request.volumes = vec![NamedVolume { name: "v".into(), dest: "/data".into(), ..NamedVolume::default() }];
    let id = create(&scene, request).await;
    Containers::start(engine, &id).await.expect("start");
    assert_eq!(Containers::wait(engine, &id, WaitOptions::default()).await.expect("wait"), 0);
    let volume = Volumes::inspect(engine, "v").await.expect("volume");
    assert_eq!(fs::read_to_string(Path::new(&volume.mountpoint).join("more")).expect("file"), "more\n");
    assert_eq!(fs::read_to_string(Path::new(&volume.mountpoint).join("hello")).expect("file"), "hello\n");
    let error = Volumes::remove(engine, "v", VolumeRemoveOptions::default()).await.expect_err("in use");
    assert_eq!(error.kind, ErrorKind::InUse);
    Containers::remove(engine, &id, RemoveOptions::default()).await.expect("remove");
    Volumes::remove(engine, "v", VolumeRemoveOptions::default()).await.expect("remove");
    assert!(!Path::new(&volume.mountpoint).exists());
}

#[tokio::test]
async fn images_are_tagged_saved_loaded_and_removed() {
    let Some(scene) = scene().await else { return };
    let engine = &scene.engine;
    Images::tag(engine, "busybox", "other:1").await.expect("tag");
    let before = Images::inspect(engine, "other:1").await.expect("inspect");
    assert_eq!(before.repo_tags.len(), 2);
    let saved: Vec<_> = Images::save(engine, vec!["other:1".into()], SaveOptions::default())
        .await
        .expect("save")
        .collect()
        .await;
    let all = ImageRemoveOptions { all: true, ..ImageRemoveOptions::default() };
    let report = Images::remove(engine, Vec::new(), all).await.expect("remove");
    assert_eq!(report.exit_code, 0, "{:?}", report.errors);
    assert!(Images::list(engine, ImageListOptions::default()).await.expect("list").is_empty());
    let report = Images::load(engine, Box::pin(futures_util::stream::iter(saved))).await.expect("load");
    assert_eq!(report.names, ["localhost/other:1"]);
    assert_eq!(Images::inspect(engine, "other:1").await.expect("inspect").id, before.id);
    let report =
        Images::remove(engine, vec!["nope".into()], ImageRemoveOptions::default()).await.expect("remove");
    assert_eq!(report.exit_code, 1);
    assert!(report.errors[0].contains("image not known"), "{:?}", report.errors);
}

/// What is written to standard output of what is attached, until it ends.
async fn output(stream: cove_api::AttachStream) -> Vec<u8> {
    stream.output.map(|chunk| chunk.expect("output").data).collect::<Vec<_>>().await.concat()
}

#[tokio::test]
async fn attaching_to_an_ended_container_changes_nothing() {
    let Some(scene) = scene().await else { return };
    let engine = &scene.engine;
    let id = create(&scene, spec(&["sh", "-c", "echo out; exit 4"])).await;
    Containers::start(engine, &id).await.expect("start");
    assert_eq!(Containers::wait(engine, &id, WaitOptions::default()).await.expect("wait"), 4);
    let all = AttachOptions { stdout: true, stderr: true, ..AttachOptions::default() };
    drop(Containers::attach(engine, &id, all.clone()).await.expect("attach"));
    let stream = Containers::attach(engine, &id, all).await.expect("attach");
    let inspected = Containers::inspect(engine, &id, false).await.expect("inspect");
    assert_eq!((inspected.state.status, inspected.state.exit_code), (ContainerState::Exited, 4));
    assert_eq!(Containers::wait(engine, &id, WaitOptions::default()).await.expect("wait"), 4);
    assert!(!scene.folder.join("run/cove/c").join(&id).exists(), "a monitor was started");
    // The next start is seen from its first byte.
    Containers::start(engine, &id).await.expect("start");
    assert_eq!(output(stream).await, b"out\n");
    assert_eq!(Containers::wait(engine, &id, WaitOptions::default()).await.expect("wait"), 4);
    Containers::remove(engine, &id, RemoveOptions::default()).await.expect("remove");
}

#[tokio::test]
async fn waiting_for_the_removal_answers_the_exit_code() {
    let Some(scene) = scene().await else { return };
    let engine = &scene.engine;
    let id = create(&scene, spec(&["sh", "-c", "exit 4"])).await;
    Containers::start(engine, &id).await.expect("start");
    assert_eq!(Containers::wait(engine, &id, WaitOptions::default()).await.expect("wait"), 4);
    let removed = WaitOptions { conditions: vec![WaitCondition::State(ContainerState::Removing)] };
    let waiting = Containers::wait(engine, &id, removed.clone());
    let (code, report) = tokio::join!(waiting, Containers::remove(engine, &id, RemoveOptions::default()));
    report.expect("remove");
    assert_eq!(code.expect("wait"), 4);
    assert_eq!(Containers::wait(engine, &id, removed).await.expect("it is gone already"), 4);
    let events: Vec<_> =
        System::events(engine, EventOptions::default()).await.expect("events").collect().await;
    let last = events.into_iter().map(|event| event.expect("event")).next_back().expect("an event");
    assert_eq!((last.action.as_str(), last.attribute("containerExitCode")), ("remove", "4"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_exec_session_starts_once() {
    let Some(scene) = scene().await else { return };
    let engine = &scene.engine;
    let id = create(&scene, spec(&["sleep", "100"])).await;
    Containers::start(engine, &id).await.expect("start");
    let request = ExecSpec {
        cmd: ["sh", "-c", "echo x >> /count; sleep 0.3"].map(ToOwned::to_owned).into(),
        ..ExecSpec::default()
    };
    let session = Execs::create(engine, &id, request).await.expect("exec");
    let starts = (0..8).map(|_| {
        let (engine, session) = (engine.clone(), session.clone());
        tokio::spawn(async move {
            let options = ExecStartOptions { detach: true, ..ExecStartOptions::default() };
            Execs::start(&engine, &session, options).await.map(drop)
        })
    });
    let ends = futures_util::future::join_all(starts.collect::<Vec<_>>()).await;
    let ends: Vec<_> = ends.into_iter().map(|end| end.expect("a task")).collect();
    assert_eq!(ends.iter().filter(|end| end.is_ok()).count(), 1, "{ends:?}");
    for error in ends.into_iter().filter_map(Result::err) {
        assert_eq!(error.kind, ErrorKind::WrongState, "{error}");
    }
    assert_eq!(Execs::wait(engine, &session).await.expect("wait"), 0);
    let request = ExecSpec {
        attach_stdout: true,
        cmd: ["cat", "/count"].map(ToOwned::to_owned).into(),
        ..ExecSpec::default()
    };
    let session = Execs::create(engine, &id, request).await.expect("exec");
    let stream = Execs::start(engine, &session, ExecStartOptions::default()).await.expect("start");
    assert_eq!(output(stream.expect("attached")).await, b"x\n");
    let force = RemoveOptions { force: true, timeout: Some(0), ..RemoveOptions::default() };
    Containers::remove(engine, &id, force).await.expect("remove");
}

#[tokio::test]
async fn a_restart_outlives_the_death_of_who_waits_for_it() {
    let Some(scene) = scene().await else { return };
    let engine = &scene.engine;
    let mut request = spec(&["sh", "-c", "echo x >> /data/count; exit 3"]);
    request.restart_policy = "on-failure".into();
    request.restart_tries = Some(4);
    request.volumes = vec![NamedVolume { name: "v".into(), dest: "/data".into(), ..NamedVolume::default() }];
    let id = create(&scene, request).await;
    // As left by a command that was killed during the pause: ended, cleaned up, the restart noted.
    Containers::start(engine, &id).await.expect("start");
    let count = scene.folder.join("root/volumes/v/_data/count");
    let runs = || fs::read_to_string(&count).map(|text| text.lines().count()).unwrap_or_default();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while runs() < 5 {
        assert!(std::time::Instant::now() < deadline, "it is not started again");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    Containers::wait(engine, &id, WaitOptions::default()).await.expect("wait");
    while state(&scene, &id).await != "exited" {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let database = rusqlite::Connection::open(scene.folder.join("root/cove/state.db")).expect("database");
    let due = |when: &str| {
        database
            .execute(
                &format!(
                    "UPDATE containers SET status =
                     json_set(status, '$.restart_due', {when}, '$.restarts', 3, '$.stopped_by_user', json('false'))"
                ),
                [],
            )
            .expect("update");
    };
    // In a while: nobody starts it early. Overdue: the next look at all containers starts it.
    due("9000000000000000000");
    state(&scene, &id).await;
    assert_eq!(runs(), 5);
    due("1");
    state(&scene, &id).await;
    Containers::wait(engine, &id, WaitOptions::default()).await.expect("wait");
    assert_eq!(runs(), 6);
    // And so does the clean-up command.
    while state(&scene, &id).await != "exited" {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    due("1");
    Containers::cleanup(engine, &id).await.expect("cleanup");
    Containers::wait(engine, &id, WaitOptions::default()).await.expect("wait");
    assert_eq!(runs(), 7);
    let force = RemoveOptions { force: true, timeout: Some(0), ..RemoveOptions::default() };
    Containers::remove(engine, &id, force).await.expect("remove");
}

#[tokio::test]
async fn records_of_version_1_are_read_and_newer_ones_refused() {
    let Some(mut scene) = scene().await else { return };
    let id = create(&scene, spec(&["true"])).await;
    let image = Images::inspect(&scene.engine, "busybox").await.expect("image").id;
    for name in ["plainvolume", "named"] {
        let options = cove_api::VolumeCreateOptions { name: name.into(), ..Default::default() };
        Volumes::create(&scene.engine, options).await.expect("volume");
    }
    let rich = create(&scene, spec(&["true"])).await;
    // As the program wrote it that knew version 1, but for the image, the volumes and the network.
    let database = rusqlite::Connection::open(scene.folder.join("root/cove/state.db")).expect("database");
    let bare = image.trim_start_matches("sha256:");
    let change = |id: &str, text: &str| {
        let mut config: serde_json::Value = serde_json::from_str(text).expect("JSON");
        config["image"]["id"] = bare.into();
        config["network"] = "none".into();
        config["networks"] = serde_json::json!({});
        if config["volumes"][0]["anonymous"] == true {
            config["volumes"][0]["name"] = "plainvolume".into();
        }
        let update = "UPDATE containers SET config = ?2 WHERE id = ?1";
        database.execute(update, [id, &config.to_string()]).expect("update");
    };
    change(&id, include_str!("version-1/plain.json"));
    change(&rich, include_str!("version-1/rich.json"));
    database
        .execute_batch(
            "PRAGMA foreign_keys = OFF;
            PRAGMA legacy_alter_table = ON;
            CREATE TABLE older (id TEXT PRIMARY KEY NOT NULL, name TEXT UNIQUE NOT NULL, created INTEGER NOT NULL,
                image TEXT NOT NULL, state TEXT NOT NULL, config TEXT NOT NULL, status TEXT NOT NULL) STRICT;
            INSERT INTO older SELECT id, name, created, image, state, config, status FROM containers;
            DROP TABLE containers;
            ALTER TABLE older RENAME TO containers;
            DROP TABLE pods;
            PRAGMA user_version = 1;",
        )
        .expect("the old schema");
    scene.engine = engine(&scene.folder).expect("engine");
    let engine = &scene.engine;

    let all = AttachOptions { stdout: true, stderr: true, ..AttachOptions::default() };
    let stream = Containers::attach(engine, &id, all).await.expect("attach");
    Containers::start(engine, &id).await.expect("start");
    assert_eq!(output(stream).await, b"hello\n");
    assert_eq!(Containers::wait(engine, &id, WaitOptions::default()).await.expect("wait"), 0);
    let inspected = Containers::inspect(engine, &id, false).await.expect("inspect");
    assert_eq!(inspected.config.create_command[..2], ["cove", "create"]);

    let inspected = Containers::inspect(engine, &rich, false).await.expect("inspect");
    let host = &inspected.host_config;
    assert_eq!((host.memory, host.cpu_shares, host.pids_limit, host.shm_size), (64 << 20, 512, 77, 1 << 20));
    assert_eq!((host.pid_mode.as_str(), host.restart_policy.maximum_retry_count), ("host", 3));
    assert_eq!(host.ipc_mode, format!("container:{}", inspected.dependencies[0]));
    assert_eq!((host.readonly_rootfs, host.oom_score_adj), (true, 100));
    assert_eq!(host.security_opt, ["no-new-privileges", "seccomp=unconfined"]);
    assert_eq!(host.dns, ["192.0.2.1"]);
    assert!(host.cap_add.contains(&"CAP_NET_RAW".into()) && host.cap_drop == ["CAP_KILL"], "{host:?}");
    assert!(host.tmpfs.contains_key("/scratch") && host.tmpfs.contains_key("/data"), "{:?}", host.tmpfs);
    assert!(host.binds.contains(&"named:/vol:ro,U,rprivate,nosuid,nodev,rbind".into()), "{:?}", host.binds);
    assert!(inspected.use_image_hostname);
    assert_eq!((inspected.config.umask.as_str(), inspected.config.timeout), ("0027", 60));

    database
        .execute("UPDATE containers SET config = json_set(config, '$.version', 99) WHERE id = ?1", [&rich])
        .expect("update");
    let error = Containers::start(engine, &rich).await.expect_err("newer");
    assert!(error.message.contains(&rich) && error.message.contains("version 99"), "{error}");
    assert!(error.message.contains("update cove"), "{error}");
    database.execute("DELETE FROM containers WHERE id = ?1", [&rich]).expect("delete");
}
