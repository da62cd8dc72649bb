//! Compose projects and Kubernetes YAML.

use cove_api::{ContainerSummary, ErrorKind};
use cove_desktop::view::TaskState;
use cove_desktop::{Call, ContainerAct, Reply};
use cove_test_support::FakeEngine;

use crate::{Screen, desktop, living, task};

/// Gives a container of the engine its place in a project.
fn place(engine: &FakeEngine, id: &str, service: &str, needs: &str, file: &str) {
    let mut contents = engine.contents();
    let row: &mut ContainerSummary = contents.containers.iter_mut().find(|row| row.id == id).unwrap();
    for (key, value) in [
        ("com.docker.compose.project", "shop"),
        ("com.docker.compose.service", service),
        ("com.docker.compose.depends_on", needs),
        ("com.docker.compose.project.config_files", file),
    ] {
        row.labels.insert(key.to_owned(), value.to_owned());
    }
}

#[tokio::test]
async fn a_project_is_started_and_stopped_in_its_order_and_taken_away() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("compose.yaml");
    cove_sys::fs::write(&file, "services: {}\n").unwrap();
    let engine = living(&[("a", "exited"), ("z", "exited")]);
    place(&engine, "a", "web", "db:service_started:false", &file.display().to_string());
    place(&engine, "z", "db", "", &file.display().to_string());
    let desktop = desktop(&engine);
    let mut screen = Screen::new(&desktop);
    screen.ready().await;
    let row = screen.seen.rows.containers.iter().find(|row| row.id == "a").unwrap();
    assert_eq!(row.project.as_ref().map(|project| project.service.as_str()), Some("web"));

    let order = |engine: &FakeEngine, word: &str| {
        let calls = engine.calls();
        calls
            .iter()
            .filter_map(|call| call.strip_prefix(word))
            .map(|rest| rest[..1].to_owned())
            .collect::<Vec<_>>()
    };
    let act = |act| Call::Project { act, name: "shop".into() };
    engine.calls();
    assert_eq!(desktop.call(act(ContainerAct::Start)).await, Ok(Reply::Done));
    assert_eq!(order(&engine, "start "), ["z", "a"]);
    assert_eq!(desktop.call(act(ContainerAct::Stop)).await, Ok(Reply::Done));
    assert_eq!(order(&engine, "stop "), ["a", "z"]);
    let wrong = desktop.call(act(ContainerAct::Kill)).await.unwrap_err();
    assert_eq!(wrong.kind, ErrorKind::InvalidArgument);

    let Ok(Reply::Texts { texts }) = desktop.call(Call::ProjectFiles { name: "shop".into() }).await else {
        panic!("no files")
    };
    assert_eq!(texts.iter().map(|text| text.text.as_str()).collect::<Vec<_>>(), ["services: {}\n"]);
    let none = desktop.call(Call::ProjectFiles { name: "other".into() }).await;
    assert_eq!(none, Ok(Reply::Texts { texts: Vec::new() }));

    let remove = Call::RemoveProject { name: "shop".into(), volumes: false };
    let id = task(&desktop.call(remove).await.unwrap());
    screen.until("nothing of it", |screen| screen.seen.rows.containers.is_empty()).await;
    screen
        .until("the end", |screen| {
            screen.seen.rows.tasks.iter().any(|task| task.id == id && task.state == TaskState::Done)
        })
        .await;
    assert_eq!(order(&engine, "remove "), ["a", "z"]);
}

#[tokio::test]
async fn kubernetes_yaml_is_checked_here_and_played_there() {
    let engine = living(&[]);
    let desktop = desktop(&engine);
    let mut screen = Screen::new(&desktop);
    screen.ready().await;
    let text = "kind: Pod\nmetadata: {name: web}\n".to_owned();
    let check = desktop.call(Call::CheckKube { text: format!("{text}x: [") }).await;
    let Ok(Reply::Checked { check }) = check else { panic!("{check:?}") };
    assert!(check.problem.is_some_and(|problem| problem.line >= 3));
    engine.calls();
    let id = task(&desktop.call(Call::PlayKube { text, replace: true }).await.unwrap());
    screen
        .until("the end", |screen| {
            screen.seen.rows.tasks.iter().any(|task| task.id == id && task.state != TaskState::Running)
        })
        .await;
    let calls = engine.calls();
    let played = calls.iter().find(|call| call.starts_with("kube play")).unwrap();
    assert!(played.contains("replace: true") && played.contains("start: true"), "{played}");
}
