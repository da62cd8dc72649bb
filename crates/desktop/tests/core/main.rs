//! The desktop's core over an engine in memory.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cove_api::{Engine, Error, ErrorKind, Result};
use cove_desktop::view::{LinkState, Snapshot, StepState, TaskState, UnusedRow};
use cove_desktop::{
    Batch, BuildForm, Call, ContainerAct, Desktop, DesktopOptions, EngineSource, Event, Failure, Reply,
    RunOptions, Target, TerminalOptions,
};
use cove_test_support::{BROKEN, FakeEngine, sample};
use tokio::sync::mpsc::Receiver;

struct Source(Vec<(Target, Option<Arc<FakeEngine>>)>);

#[async_trait]
impl EngineSource for Source {
    async fn open(&self, target: &Target) -> Result<Arc<dyn Engine>> {
        match self.0.iter().find(|(own, _)| own == target) {
            Some((_, Some(engine))) => Ok(Arc::clone(engine) as _),
            _ => Err(Error::new(ErrorKind::Unavailable, "nobody there")),
        }
    }
    fn fixed(&self) -> Vec<(Target, String)> {
        self.0.iter().map(|(target, _)| (target.clone(), "label".to_owned())).collect()
    }
}

fn living(containers: &[(&str, &str)]) -> Arc<FakeEngine> {
    Arc::new(FakeEngine::living(containers))
}

fn desktop(engine: &Arc<FakeEngine>) -> Desktop {
    start(vec![(Target::Native, Some(Arc::clone(engine)))])
}

fn start(engines: Vec<(Target, Option<Arc<FakeEngine>>)>) -> Desktop {
    Desktop::start(DesktopOptions { source: Arc::new(Source(engines)), machines: None })
}

/// A screen: it applies events to its own copy, as the web view does.
struct Screen {
    batches: Receiver<Batch>,
    seen: Snapshot,
    log: Vec<String>,
    log_ended: bool,
    /// What terminals showed, in base64.
    shown: Vec<String>,
    /// Exit codes and failures of what ended.
    ends: Vec<(Option<i32>, Option<Failure>)>,
    samples: usize,
}

impl Screen {
    fn new(desktop: &Desktop) -> Self {
        Self {
            batches: desktop.subscribe(),
            seen: Snapshot::default(),
            log: Vec::new(),
            log_ended: false,
            shown: Vec::new(),
            ends: Vec::new(),
            samples: 0,
        }
    }

    /// Takes events until `done`; a minute at most, for a busy computer.
    async fn until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let wait = async {
            while !done(self) {
                let batch = self.batches.recv().await.expect("the desktop lives");
                for event in batch.iter().cloned() {
                    self.apply(event);
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(60), wait)
            .await
            .unwrap_or_else(|_| panic!("never seen: {what}"));
    }

    fn apply(&mut self, event: Event) {
        let seen = &mut self.seen;
        match event {
            Event::Snapshot { snapshot } => *seen = *snapshot,
            Event::Connections { connections } => seen.connections = connections,
            Event::Health { health } => seen.health = health,
            Event::Rows { change } => seen.rows.apply(change),
            Event::Machines { machines, .. } => seen.machines = machines,
            Event::Terminal { data, .. } => self.shown.push(data),
            Event::Stats { .. } => self.samples += 1,
            Event::Log { lines, .. } => self.log.extend(lines.into_iter().map(|line| line.text)),
            Event::End { code, failure, .. } => {
                self.log_ended = true;
                self.ends.push((code, failure));
            }
        }
    }

    async fn ready(&mut self) {
        self.until("ready", |screen| screen.seen.health.state == LinkState::Ready).await;
    }

    fn state(&self, id: &str) -> Option<&str> {
        self.seen.rows.containers.iter().find(|row| row.id == id).map(|row| row.state.as_str())
    }
}

fn subscription(reply: &Reply) -> u32 {
    match reply {
        Reply::Subscription { subscription } => *subscription,
        other => panic!("no subscription: {other:?}"),
    }
}

fn task(reply: &Reply) -> u32 {
    match reply {
        Reply::Task { id } => *id,
        other => panic!("no task: {other:?}"),
    }
}

#[tokio::test]
async fn shows_what_happens_elsewhere() {
    let engine = living(&[("a", "running"), ("b", "exited")]);
    let desktop = desktop(&engine);
    let mut screen = Screen::new(&desktop);
    screen.ready().await;
    assert_eq!((screen.state("a"), screen.state("b")), (Some("running"), Some("exited")));
    assert_eq!(screen.seen.health.version, "0.1.0");
    engine.set("c", "running");
    engine.set("a", "exited");
    engine.set("b", "removed");
    screen
        .until("changes", |screen| {
            screen.state("c") == Some("running")
                && screen.state("a") == Some("exited")
                && screen.state("b").is_none()
        })
        .await;
}

#[tokio::test]
async fn a_storm_of_events_is_few_batches() {
    let engine = living(&[]);
    let desktop = desktop(&engine);
    let mut screen = Screen::new(&desktop);
    screen.ready().await;
    for number in 0..2000 {
        engine.set(&format!("c{}", number % 500), if number % 2 == 0 { "running" } else { "exited" });
    }
    let mut batches = 0;
    while screen.seen.rows.containers.len() < 500 {
        let batch = screen.batches.recv().await.unwrap();
        batches += 1;
        for event in batch.iter().cloned() {
            screen.apply(event);
        }
    }
    assert!(batches < 60, "{batches} batches");
}

#[tokio::test]
async fn acts_go_on_past_an_error() {
    let engine = living(&[("a", "created"), ("b", "created")]);
    let desktop = desktop(&engine);
    let mut screen = Screen::new(&desktop);
    screen.ready().await;
    let ids = ["a", "missing", "b"].map(str::to_owned).to_vec();
    let failure = desktop.call(Call::Containers { act: ContainerAct::Start, ids }).await.unwrap_err();
    assert_eq!(failure, Failure::new(ErrorKind::NotFound, "no container missing"));
    screen.until("both run", |screen| ["a", "b"].iter().all(|id| screen.state(id) == Some("running"))).await;
    let remove = Call::Remove { kind: "image".into(), ids: vec![BROKEN.into()], force: false };
    let failure = desktop.call(remove).await.unwrap_err();
    assert_eq!((failure.kind, failure.message.as_str()), (ErrorKind::InUse, "broken: image is in use"));
}

#[tokio::test]
async fn a_broken_connection_is_made_again() {
    let engine = living(&[("a", "running")]);
    let desktop = desktop(&engine);
    let mut screen = Screen::new(&desktop);
    screen.ready().await;
    engine.contents().containers.clear();
    engine.hang_up();
    screen.until("lost", |screen| screen.seen.health.state == LinkState::Lost).await;
    screen.ready().await;
    screen.until("the missed change", |screen| screen.seen.rows.containers.is_empty()).await;
}

#[tokio::test]
async fn another_engine_brings_its_own_objects() {
    let other = living(&[("z", "running")]);
    let remote = Target::Remote("unix:///x".into());
    let desktop = start(vec![(Target::Native, Some(living(&[("a", "running")]))), (remote, Some(other))]);
    let mut screen = Screen::new(&desktop);
    screen.ready().await;
    desktop.call(Call::Connect { connection: "remote".into() }).await.unwrap();
    screen.until("the other", |screen| screen.state("z").is_some()).await;
    assert_eq!(screen.state("a"), None);
    assert_eq!(screen.seen.health.connection, "remote");
    let failure = desktop.call(Call::Connect { connection: "machine:none".into() }).await.unwrap_err();
    assert_eq!(failure.kind, ErrorKind::NotFound);
}

#[tokio::test]
async fn without_an_engine_it_says_so() {
    let desktop = start(vec![(Target::Native, None)]);
    let mut screen = Screen::new(&desktop);
    screen.until("lost", |screen| screen.seen.health.state == LinkState::Lost).await;
    assert_eq!(screen.seen.health.message.as_deref(), Some("nobody there"));
    let failure = desktop.call(Call::Pull { image: "x".into() }).await.unwrap_err();
    assert_eq!(failure, Failure::new(ErrorKind::Unavailable, "nobody there"));
}

#[tokio::test]
async fn pulls_tell_their_progress_and_can_be_ended() {
    let engine = living(&[]);
    let desktop = desktop(&engine);
    let mut screen = Screen::new(&desktop);
    screen.ready().await;
    let good = task(&desktop.call(Call::Pull { image: "alpine".into() }).await.unwrap());
    let bad = task(&desktop.call(Call::Pull { image: BROKEN.into() }).await.unwrap());
    let never = task(&desktop.call(Call::Pull { image: "never".into() }).await.unwrap());
    let state =
        |screen: &Screen, id| screen.seen.rows.tasks.iter().find(|task| task.id == id).map(|task| task.state);
    screen
        .until("ends", |screen| {
            state(screen, good) == Some(TaskState::Done) && state(screen, bad) == Some(TaskState::Failed)
        })
        .await;
    screen.until("the image", |screen| !screen.seen.rows.images.is_empty()).await;
    let row = screen.seen.rows.tasks.iter().find(|task| task.id == good).unwrap();
    assert_eq!((row.steps.len(), row.steps[0].state, row.steps[0].current), (1, StepState::Done, 10));
    screen
        .until("layer", |screen| {
            screen.seen.rows.tasks.iter().any(|task| task.id == never && !task.steps.is_empty())
        })
        .await;
    desktop.call(Call::CancelTask { id: never }).await.unwrap();
    screen.until("cancelled", |screen| state(screen, never) == Some(TaskState::Cancelled)).await;
    desktop.call(Call::ClearTasks).await.unwrap();
    screen.until("none left", |screen| screen.seen.rows.tasks.is_empty()).await;
    assert_eq!(desktop.call(Call::CancelTask { id: 99 }).await.unwrap_err().kind, ErrorKind::NotFound);
}

#[tokio::test]
async fn a_run_brings_the_image_first() {
    let engine = living(&[]);
    let desktop = desktop(&engine);
    let mut screen = Screen::new(&desktop);
    screen.ready().await;
    let options = RunOptions { image: "alpine".into(), command: "sleep 1".into(), ..RunOptions::default() };
    desktop.call(Call::Run { options: options.clone() }).await.unwrap();
    screen.until("it runs", |screen| screen.state("made") == Some("running")).await;
    screen
        .until("the task's container", |screen| {
            screen
                .seen
                .rows
                .tasks
                .iter()
                .any(|task| task.state == TaskState::Done && task.container.as_deref() == Some("made"))
        })
        .await;
    let calls = engine.calls();
    let create = calls.iter().find_map(|call| call.strip_prefix("create ")).unwrap();
    let spec: cove_api::ContainerSpec = serde_json::from_str(create).unwrap();
    assert_eq!(spec.command, ["sleep", "1"]);
    let wrong = RunOptions { ports: vec!["eighty".into()], ..options };
    assert_eq!(
        desktop.call(Call::Run { options: wrong }).await.unwrap_err().kind,
        ErrorKind::InvalidArgument
    );
}

#[tokio::test]
async fn logs_come_whole_and_in_order() {
    let engine = living(&[("a", "running")]);
    engine.contents().log = (0..20_000).map(sample::log_line).collect();
    let desktop = desktop(&engine);
    let mut screen = Screen::new(&desktop);
    screen.ready().await;
    desktop.call(Call::OpenLog { id: "a".into(), tail: 100 }).await.unwrap();
    screen.until("the end", |screen| screen.log_ended).await;
    assert_eq!(screen.log.len(), 20_000);
    assert!(screen.log.iter().enumerate().all(|(number, line)| *line == format!("line {number}")));
}

#[tokio::test]
async fn an_endless_log_does_not_fill_the_memory() {
    let engine = living(&[("endless", "running")]);
    let desktop = desktop(&engine);
    let mut screen = Screen::new(&desktop);
    screen.ready().await;
    let Reply::Subscription { subscription } =
        desktop.call(Call::OpenLog { id: "endless".into(), tail: 1 }).await.unwrap()
    else {
        panic!("no subscription")
    };
    screen.until("lines", |screen| screen.log.len() > 10_000).await;
    desktop.call(Call::Close { subscription }).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    // What was on its way may still come, then there is silence.
    while let Ok(batch) = screen.batches.try_recv() {
        assert!(batch.iter().all(|event| !matches!(event, Event::Log { lines, .. } if lines.len() > 6000)));
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(screen.batches.try_recv().is_err());
}

#[tokio::test]
async fn a_slow_screen_gets_a_snapshot_for_what_it_missed() {
    let engine = living(&[]);
    let desktop = desktop(&engine);
    let mut slow = Screen::new(&desktop);
    let mut quick = Screen::new(&desktop);
    quick.ready().await;
    // More batches than a listener may owe; each waits for its own flush.
    for number in 0..280 {
        let state = if number % 2 == 0 { "running" } else { "paused" };
        engine.set("a", state);
        quick.until("change", |screen| screen.state("a") == Some(state)).await;
    }
    engine.set("last", "running");
    quick.until("last", |screen| screen.state("last").is_some()).await;
    // The slow one reads now, and is told at once what it missed: no change has to come first.
    while slow.batches.try_recv().is_ok() {}
    slow.until("all", |screen| screen.state("a").is_some() && screen.state("last").is_some()).await;
}

#[tokio::test]
async fn networks_and_volumes_are_live_and_can_be_removed() {
    let engine = living(&[]);
    engine.contents().volumes.push(sample::volume("data"));
    engine.contents().networks.push(sample::network("shop"));
    let desktop = desktop(&engine);
    let mut screen = Screen::new(&desktop);
    screen.ready().await;
    let volumes =
        |screen: &Screen| screen.seen.rows.volumes.iter().map(|row| row.id.clone()).collect::<Vec<_>>();
    assert_eq!(volumes(&screen), ["data"]);
    assert_eq!(screen.seen.rows.networks[0].name, "shop");
    engine.contents().volumes.push(sample::volume("more"));
    engine.tell("volume", "create", "more");
    screen.until("the new volume", |screen| volumes(screen) == ["data", "more"]).await;
    let remove =
        |kind: &str, id: &str| Call::Remove { kind: kind.into(), ids: vec![id.into()], force: false };
    assert_eq!(desktop.call(remove("volume", "data")).await, Ok(Reply::Done));
    screen.until("one volume", |screen| volumes(screen) == ["more"]).await;
    assert_eq!(
        desktop.call(remove("network", &screen.seen.rows.networks[0].id.clone())).await,
        Ok(Reply::Done)
    );
    screen.until("no network", |screen| screen.seen.rows.networks.is_empty()).await;
    assert_eq!(desktop.call(remove("volume", BROKEN)).await.unwrap_err().kind, ErrorKind::NotFound);
    let unknown = desktop.call(remove("planet", "x")).await.unwrap_err();
    assert_eq!(unknown.kind, ErrorKind::InvalidArgument);
    assert_eq!(desktop.call(remove("container", "x")).await.unwrap_err().kind, ErrorKind::Unsupported);
}

#[tokio::test]
async fn a_terminal_takes_what_is_typed_and_ends_with_its_screen() {
    let engine = living(&[("a", "running")]);
    let desktop = desktop(&engine);
    let mut screen = Screen::new(&desktop);
    screen.ready().await;
    let options = TerminalOptions { id: "a".into(), columns: 80, rows: 24, ..TerminalOptions::default() };
    let call = Call::OpenTerminal { options: options.clone() };
    let number = subscription(&desktop.call(call.clone()).await.unwrap());
    engine.calls();
    desktop.call(Call::Type { subscription: number, data: "ls".into() }).await.unwrap();
    // The session echoes in upper case.
    screen.until("the echo", |screen| screen.shown == ["TFM="]).await;
    desktop.call(Call::Resize { subscription: number, columns: 100, rows: 30 }).await.unwrap();
    desktop.call(Call::Shown { subscription: number, bytes: 2 }).await.unwrap();
    desktop.call(Call::Close { subscription: number }).await.unwrap();
    wait_for(&engine, "exec remove session true").await;
    let failure = desktop.call(Call::Type { subscription: number, data: "x".into() }).await.unwrap_err();
    assert_eq!(failure.kind, ErrorKind::WrongState);
    let broken = TerminalOptions { id: BROKEN.into(), ..options };
    desktop.call(Call::OpenTerminal { options: broken }).await.unwrap();
    screen.until("why it did not start", |screen| screen.ends.iter().any(|(_, why)| why.is_some())).await;
}

/// Waits until the engine was asked for something.
async fn wait_for(engine: &FakeEngine, wanted: &str) {
    let wait = async {
        while !engine.calls().iter().any(|call| call == wanted) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), wait).await.unwrap_or_else(|_| panic!("never: {wanted}"));
}

#[tokio::test]
async fn what_a_container_uses_is_told_until_there_is_no_more() {
    let engine = living(&[("a", "running")]);
    let desktop = desktop(&engine);
    let mut screen = Screen::new(&desktop);
    screen.ready().await;
    desktop.call(Call::OpenStats { id: "a".into() }).await.unwrap();
    screen.until("samples and their end", |screen| screen.samples > 0 && screen.ends == [(None, None)]).await;
}

#[tokio::test]
async fn pods_follow_their_containers() {
    let engine = living(&[("a", "running")]);
    engine.contents().pods.push(cove_api::PodSummary { id: "p".into(), ..cove_api::PodSummary::default() });
    let desktop = desktop(&engine);
    let mut screen = Screen::new(&desktop);
    screen.ready().await;
    assert_eq!(screen.seen.rows.pods.len(), 1);
    engine.contents().pods[0].name = "renamed".into();
    engine.set("a", "exited");
    screen.until("the pod's change", |screen| screen.seen.rows.pods[0].name == "renamed").await;
    let act = |ids: &[&str]| Call::Pods {
        act: ContainerAct::Stop,
        ids: ids.iter().map(|id| (*id).to_owned()).collect(),
    };
    assert_eq!(desktop.call(act(&["whole"])).await, Ok(Reply::Done));
    let failure = desktop.call(act(&[BROKEN, "half"])).await.unwrap_err();
    assert!(failure.message.contains("broken"), "{failure:?}");
    assert!(engine.calls().iter().any(|call| call == "pod stop None half"), "the second one was tried");
    let remove = Call::Remove { kind: "pod".into(), ids: vec!["half".into()], force: true };
    assert_eq!(desktop.call(remove).await.unwrap_err().message, "c: it runs");
}

#[tokio::test]
async fn what_nothing_uses_goes_without_force_and_past_errors() {
    let engine = living(&[("a", "exited")]);
    engine.contents().volumes.push(sample::volume("data"));
    let desktop = desktop(&engine);
    let mut screen = Screen::new(&desktop);
    screen.ready().await;
    assert!(matches!(desktop.call(Call::Usage).await, Ok(Reply::Usage { .. })));
    let row = |kind: &str, id: &str, size| UnusedRow {
        kind: kind.into(),
        id: id.into(),
        names: vec![id.into()],
        size,
    };
    let rows = vec![row("image", BROKEN, 5), row("volume", "data", 7), row("container", "a", 11)];
    let id = task(&desktop.call(Call::Prune { rows }).await.unwrap());
    screen
        .until("the end", |screen| {
            screen.seen.rows.tasks.iter().any(|task| task.id == id && task.state == TaskState::Failed)
        })
        .await;
    let done = screen.seen.rows.tasks.iter().find(|task| task.id == id).unwrap();
    assert_eq!(done.freed.map(|freed| (freed.objects, freed.bytes)), Some((2, 18)));
    assert!(engine.contents().volumes.is_empty());
}

#[tokio::test]
async fn what_happens_is_kept_to_be_read() {
    let engine = living(&[]);
    let desktop = desktop(&engine);
    let mut screen = Screen::new(&desktop);
    screen.ready().await;
    for number in 0..310 {
        engine.tell("volume", "create", &format!("v{number}"));
    }
    screen
        .until("the last one", |screen| {
            screen.seen.rows.happenings.last().is_some_and(|row| row.object == "v309")
        })
        .await;
    assert_eq!(screen.seen.rows.happenings.len(), 300);
}

#[tokio::test]
async fn a_path_must_be_whole_and_a_build_needs_its_program() {
    let engine = living(&[]);
    let desktop = desktop(&engine);
    let mut screen = Screen::new(&desktop);
    screen.ready().await;
    let form =
        |context: &str| Call::Build { form: BuildForm { context: context.into(), ..BuildForm::default() } };
    assert_eq!(desktop.call(form("app")).await.unwrap_err().kind, ErrorKind::InvalidArgument);
    assert_eq!(desktop.call(form("/app")).await.unwrap_err().kind, ErrorKind::Unsupported);
    let save =
        |to: &str| Call::SaveImages { names: vec!["a".into()], format: Default::default(), to: to.into() };
    assert_eq!(desktop.call(save("a.tar")).await.unwrap_err().kind, ErrorKind::InvalidArgument);
    let folder = tempfile::tempdir().unwrap();
    let there = folder.path().join("there.tar");
    std::os::unix::fs::symlink("/etc/passwd", &there).unwrap();
    let id = task(&desktop.call(save(&there.display().to_string())).await.unwrap());
    screen
        .until("a refusal", |screen| {
            screen.seen.rows.tasks.iter().any(|task| task.id == id && task.state == TaskState::Failed)
        })
        .await;
    let fresh = folder.path().join("fresh.tar");
    let id = task(&desktop.call(save(&fresh.display().to_string())).await.unwrap());
    screen
        .until("a file", |screen| {
            screen.seen.rows.tasks.iter().any(|task| task.id == id && task.state == TaskState::Done)
        })
        .await;
    assert!(fresh.metadata().unwrap().len() > 0);
}

#[tokio::test]
async fn a_file_goes_into_a_container_whole_or_not_at_all() {
    let engine = living(&[("a", "running")]);
    let desktop = desktop(&engine);
    let mut screen = Screen::new(&desktop);
    screen.ready().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("greeting");
    cove_sys::fs::write(&file, "hello").unwrap();
    let upload = |from: String| Call::Upload { id: "a".repeat(64), from, to: "/etc".to_owned() };
    let error = desktop.call(upload("greeting".to_owned())).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidArgument);
    let done = task(&desktop.call(upload(file.display().to_string())).await.unwrap());
    let directory = task(&desktop.call(upload(folder.path().display().to_string())).await.unwrap());
    let ended = |screen: &Screen, id, state| {
        screen.seen.rows.tasks.iter().any(|task| task.id == id && task.state == state)
    };
    screen.until("the file's way", |screen| ended(screen, done, TaskState::Done)).await;
    screen.until("a refusal", |screen| ended(screen, directory, TaskState::Failed)).await;
    let calls = engine.calls();
    let copied: Vec<_> = calls.iter().filter(|call| call.starts_with("copy_to ")).collect();
    assert_eq!(copied.len(), 1, "{calls:?}");
    let shown = copied[0];
    assert!(shown.contains("path: \"/etc\", chown: true"), "{shown}");
    assert!(shown.contains("no_overwrite: true"), "{shown}");
    // The tar: a head, the padded data, and the end.
    let tar = &shown[shown.find("greeting\0").expect("the name")..];
    assert_eq!((&tar[512..518], tar.len()), ("hello\0", 512 + 512 + 1024));
}
