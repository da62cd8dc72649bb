//! Work that takes long: pulls, runs, builds, files, and what nothing uses.

use cove_api::ErrorKind;
use cove_desktop::view::{StepState, TaskState, UnusedRow};
use cove_desktop::{BuildForm, Call, LimitsForm, Reply, RunOptions};
use cove_test_support::{BROKEN, sample};

use crate::{Screen, desktop, living, task};

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

#[tokio::test]
async fn a_copy_of_a_volume_is_whole_or_gone() {
    let engine = living(&[]);
    let desktop = desktop(&engine);
    let mut screen = Screen::new(&desktop);
    screen.ready().await;
    let copy = |name: &str| Call::CopyVolume { name: name.into(), to: " second ".into() };
    let ended = |screen: &Screen, id, state| {
        screen.seen.rows.tasks.iter().any(|task| task.id == id && task.state == state)
    };
    engine.calls();
    let id = task(&desktop.call(copy("data")).await.unwrap());
    screen.until("the copy", |screen| ended(screen, id, TaskState::Done)).await;
    let calls = engine.calls();
    assert!(calls.iter().any(|call| call == "volume import second 3"), "{calls:?}");
    assert!(!calls.iter().any(|call| call.starts_with("volume remove")), "{calls:?}");
    let id = task(&desktop.call(copy(BROKEN)).await.unwrap());
    screen.until("the failure", |screen| ended(screen, id, TaskState::Failed)).await;
    let removed = async {
        while !engine.calls().iter().any(|call| call.starts_with("volume remove second")) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), removed).await.expect("it was taken away");
}

#[tokio::test]
async fn limits_are_changed_and_a_report_is_written() {
    let engine = living(&[("a", "running")]);
    let desktop = desktop(&engine);
    let mut screen = Screen::new(&desktop);
    screen.ready().await;
    let update = |limits| Call::Update { id: "a".into(), limits };
    let limits = LimitsForm { memory: Some("64m".into()), ..LimitsForm::default() };
    engine.calls();
    assert_eq!(desktop.call(update(limits)).await, Ok(Reply::Done));
    assert!(engine.calls().iter().any(|call| call.starts_with("update a") && call.contains("67108864")));
    let wrong = LimitsForm { cpus: Some("many".into()), ..LimitsForm::default() };
    assert_eq!(desktop.call(update(wrong)).await.unwrap_err().kind, ErrorKind::InvalidArgument);

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.txt");
    let save = Call::SaveReport { to: file.display().to_string(), screen: "view: a test\n".into() };
    assert_eq!(desktop.call(save.clone()).await, Ok(Reply::Done));
    let text = cove_sys::fs::read_to_string(&file).unwrap();
    assert!(text.contains("view: a test") && text.contains("containers: 1 running"), "{text}");
    assert!(desktop.call(save).await.is_err(), "a file that is there stays");
}
