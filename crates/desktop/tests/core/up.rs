//! Compose projects that are brought up from their files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use cove_api::{Engine, ErrorKind, ImageSummary, Result};
use cove_desktop::view::{ChangeKind, ImageComes, PartState, ProjectPlan, StepState, TaskRow, TaskState};
use cove_desktop::{
    Call, Desktop, DesktopOptions, EngineSource, Environment, KubeForm, ProjectForm, Reply, Target,
};
use cove_test_support::FakeEngine;

use crate::{Screen, desktop, living, task};

const SHOP: &str = "\
name: shop
services:
  web:
    image: web:${TAG:-1}
    ports: ['8080:80', '127.0.0.1:53:53/udp']
    environment:
      TOKEN: ${TOKEN}
    volumes: ['data:/data', './src:/app']
  debug:
    image: tool
    profiles: [dev]
volumes:
  data: {}
";

fn made(text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    cove_sys::fs::write(folder.path().join("compose.yaml"), text).unwrap();
    folder
}

fn form(path: &Path) -> ProjectForm {
    ProjectForm { files: vec![path.display().to_string()], ..ProjectForm::default() }
}

async fn plan(desktop: &Desktop, form: ProjectForm) -> ProjectPlan {
    match desktop.call(Call::PlanProject { form }).await {
        Ok(Reply::Planned { plan }) => *plan,
        other => panic!("no plan: {other:?}"),
    }
}

async fn ended(screen: &mut Screen, id: u32) -> TaskRow {
    let find = |screen: &Screen| screen.seen.rows.tasks.iter().find(|task| task.id == id).cloned();
    screen.until("the end", |screen| find(screen).is_some_and(|task| task.state != TaskState::Running)).await;
    find(screen).unwrap()
}

fn with_images(engine: &FakeEngine, names: &[&str]) {
    let row = |name: &&str| ImageSummary { names: vec![(*name).to_owned()], ..ImageSummary::default() };
    engine.contents().images.extend(names.iter().map(row));
}

#[tokio::test]
async fn what_would_be_made_is_told_before() {
    let folder = made(SHOP);
    let engine = living(&[]);
    with_images(&engine, &["web:1"]);
    let desktop = desktop(&engine);
    let mut screen = Screen::new(&desktop);
    screen.ready().await;
    engine.calls();

    let seen = plan(&desktop, form(folder.path())).await;
    assert_eq!((seen.name.as_str(), seen.problem.as_ref()), ("shop", None));
    assert_eq!(seen.files, [folder.path().join("compose.yaml").display().to_string()]);
    let [web] = &seen.services[..] else { panic!("{seen:?}") };
    assert_eq!((web.image.as_str(), web.comes, web.create), ("web:1", ImageComes::Present, 1));
    assert_eq!(web.ports, ["8080:80", "127.0.0.1:53:53/udp"]);
    assert_eq!(web.binds, [format!("{}/src:/app", folder.path().display())]);
    let parts = |parts: &[cove_desktop::view::PlannedPart]| {
        parts.iter().map(|one| (one.name.clone(), one.state)).collect::<Vec<_>>()
    };
    assert_eq!(parts(&seen.networks), [("shop_default".to_owned(), PartState::Missing)]);
    assert_eq!(parts(&seen.volumes), [("shop_data".to_owned(), PartState::Missing)]);
    let asked: Vec<_> = seen.variables.iter().filter(|one| one.asked).map(|one| one.name.as_str()).collect();
    assert_eq!(asked, ["TOKEN"]);
    assert!(seen.warnings.iter().any(|warning| warning.contains("TOKEN")), "{:?}", seen.warnings);
    assert_eq!((seen.profiles[0].name.as_str(), seen.profiles[0].active), ("dev", false));

    let chosen = ProjectForm {
        profiles: Some(vec!["dev".into()]),
        values: vec!["TOKEN=a=b".into(), "TAG=2".into()],
        name: "other".into(),
        ..form(&folder.path().join("compose.yaml"))
    };
    let seen = plan(&desktop, chosen.clone()).await;
    assert_eq!((seen.name.as_str(), seen.warnings.len(), seen.profiles[0].active), ("other", 0, true));
    let images: Vec<_> = seen.services.iter().map(|one| (one.image.as_str(), one.comes)).collect();
    assert_eq!(images, [("tool", ImageComes::Pull), ("web:2", ImageComes::Pull)]);
    assert!(seen.variables.iter().all(|one| one.given && !one.asked), "{:?}", seen.variables);
    let none = plan(&desktop, ProjectForm { profiles: Some(Vec::new()), ..chosen.clone() }).await;
    assert_eq!(none.services.len(), 1);
    let changing = ["create", "pull", "network create", "volume create", "start"];
    let calls = engine.calls();
    assert!(!calls.iter().any(|call| changing.iter().any(|word| call.starts_with(word))), "{calls:?}");

    let wrong = ProjectForm { values: vec!["TOKEN".into()], ..chosen };
    let refused = desktop.call(Call::PlanProject { form: wrong }).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::InvalidArgument);
}

#[tokio::test]
async fn faults_are_told_at_their_lines_and_begin_nothing() {
    let engine = living(&[]);
    let desktop = desktop(&engine);
    let mut screen = Screen::new(&desktop);
    screen.ready().await;
    engine.calls();
    let bad = made("services:\n  web:\n    image: ${WHICH:?say which}\n    scale: ${MANY:-1}\n");
    let seen = plan(&desktop, form(bad.path())).await;
    let problem = seen.problem.unwrap();
    assert_eq!((problem.line, problem.path.as_str()), (3, "services.web.image"), "{problem:?}");
    assert!(problem.file.ends_with("compose.yaml") && problem.message.contains("WHICH"), "{problem:?}");
    // The value is asked for although the file cannot be read without it.
    assert!(seen.variables.iter().any(|one| one.name == "WHICH" && one.required && one.asked));
    for (many, line) in [("MANY=x", Some(4)), ("MANY=2", None)] {
        let values = vec!["WHICH=web".into(), many.into()];
        let problem = plan(&desktop, ProjectForm { values, ..form(bad.path()) }).await.problem;
        assert_eq!(problem.as_ref().map(|problem| problem.line), line, "{problem:?}");
    }

    let beneath = bad.path().join("empty");
    cove_sys::fs::create_dir(&beneath).unwrap();
    let missing = made("services: {web: {image: web, networks: [out]}}\nnetworks: {out: {external: true}}\n");
    for (path, word) in [
        (beneath.clone(), "there is no Compose file in this folder"),
        (missing.path().to_owned(), "could not be found"),
        (PathBuf::from("/none/compose.yaml"), "/none/compose.yaml"),
    ] {
        let problem = plan(&desktop, form(&path)).await.problem.unwrap();
        assert!(problem.message.contains(word), "{problem:?}");
        let refused = desktop.call(Call::UpProject { form: form(&path) }).await.unwrap_err();
        assert!(refused.message.contains(word), "{refused:?}");
    }
    for form in [ProjectForm::default(), form(Path::new("compose.yaml"))] {
        let refused = desktop.call(Call::PlanProject { form }).await.unwrap_err();
        assert_eq!(refused.kind, ErrorKind::InvalidArgument);
    }
    screen.until("no task", |screen| screen.seen.rows.tasks.is_empty()).await;
    let calls = engine.calls();
    assert!(!calls.iter().any(|call| call.starts_with("network create")), "{calls:?}");
}

#[tokio::test]
async fn a_project_comes_up_with_each_object_told() {
    let folder = made(SHOP);
    let engine = living(&[]);
    let desktop = desktop(&engine);
    let mut screen = Screen::new(&desktop);
    screen.ready().await;
    engine.calls();
    let values = vec!["TOKEN=x".to_owned()];
    let up = Call::UpProject { form: ProjectForm { values, ..form(folder.path()) } };
    let id = task(&desktop.call(up).await.unwrap());
    let done = ended(&mut screen, id).await;
    assert_eq!((done.state, done.title.as_str()), (TaskState::Done, "Up shop"), "{:?}", done.failure);
    let steps: Vec<_> = done.steps.iter().map(|step| (step.label.as_str(), step.note.as_str())).collect();
    for wanted in [
        ("Image web:1", "Pulled"),
        ("Network shop_default", "Created"),
        ("Volume shop_data", "Created"),
        ("Container shop-web-1", "Started"),
    ] {
        assert!(steps.contains(&wanted), "{steps:?}");
    }
    screen.until("it runs", |screen| screen.state("made") == Some("running")).await;
    let calls = engine.calls();
    let create = calls.iter().find_map(|call| call.strip_prefix("create ")).unwrap();
    let spec: cove_api::ContainerSpec = serde_json::from_str(create).unwrap();
    assert_eq!((spec.name.as_str(), spec.env["TOKEN"].as_str()), ("shop-web-1", "x"));

    let broken = made("services: {web: {image: half}}\n");
    let id = task(&desktop.call(Call::UpProject { form: form(broken.path()) }).await.unwrap());
    let failed = ended(&mut screen, id).await;
    assert_eq!(failed.state, TaskState::Failed);
    assert_eq!(failed.failure.map(|failure| failure.message), Some("half: denied".to_owned()));
    let step = failed.steps.iter().find(|step| step.label == "Image half").unwrap();
    assert_eq!(step.state, StepState::Failed);

    let never = made("services: {web: {image: never}}\n");
    let id = task(&desktop.call(Call::UpProject { form: form(never.path()) }).await.unwrap());
    screen
        .until("it begins", |screen| {
            screen.seen.rows.tasks.iter().any(|task| task.id == id && !task.steps.is_empty())
        })
        .await;
    desktop.call(Call::CancelTask { id }).await.unwrap();
    assert_eq!(ended(&mut screen, id).await.state, TaskState::Cancelled);
}

#[tokio::test]
async fn what_differs_is_told_of_a_project_that_is_there() {
    let folder = made(SHOP);
    let engine = living(&[("a", "running"), ("b", "exited")]);
    with_images(&engine, &["web:1", "tool"]);
    for (id, service, name) in [("a", "web", "shop-web-1"), ("b", "debug", "shop-debug-1")] {
        let mut contents = engine.contents();
        let row = contents.containers.iter_mut().find(|row| row.id == id).unwrap();
        row.names = vec![name.to_owned()];
        for (key, value) in [
            ("com.docker.compose.project", "shop"),
            ("com.docker.compose.service", service),
            ("com.docker.compose.container-number", "1"),
            ("com.docker.compose.config-hash", "old"),
            ("com.docker.compose.project.environment_file", "/home/me/shop/dev.env"),
        ] {
            row.labels.insert(key.to_owned(), value.to_owned());
        }
    }
    let desktop = desktop(&engine);
    let mut screen = Screen::new(&desktop);
    screen.ready().await;
    let row = screen.seen.rows.containers.iter().find(|row| row.id == "a").unwrap();
    assert_eq!(row.project.as_ref().unwrap().env_files, ["/home/me/shop/dev.env"]);

    // The profile is taken whose service has a container.
    let seen = plan(&desktop, form(folder.path())).await;
    assert!(seen.profiles[0].active, "{seen:?}");
    let web = seen.services.iter().find(|one| one.name == "web").unwrap();
    assert_eq!((web.create, web.replaced.len()), (0, 1));
    let changes = &web.replaced[0].changes;
    let kinds: Vec<_> = changes.iter().map(|change| (change.kind, change.what.as_str())).collect();
    assert!(kinds.contains(&(ChangeKind::Variable, "TOKEN")), "{kinds:?}");
    assert!(kinds.contains(&(ChangeKind::Ports, "127.0.0.1:53:53/udp, 8080:80")), "{kinds:?}");
    assert!(kinds.contains(&(ChangeKind::ImageName, "web:1")), "{kinds:?}");
}

/// An engine, and a program in the place of `cove`.
struct Programmed(Arc<FakeEngine>, PathBuf);

#[async_trait]
impl EngineSource for Programmed {
    async fn open(&self, _: &Target) -> Result<Arc<dyn Engine>> {
        Ok(Arc::clone(&self.0) as _)
    }
    fn fixed(&self) -> Vec<(Target, String)> {
        vec![(Target::Native, "here".to_owned())]
    }
    fn command(&self, _: &Target) -> Result<tokio::process::Command> {
        let mut command = tokio::process::Command::new("sh");
        command.arg(&self.1);
        Ok(command)
    }
    fn environment(&self) -> Environment {
        // What means a project of the shell's is not this one's.
        Environment::new([("VERSION", "7"), ("COMPOSE_PROJECT_NAME", "shell"), ("COMPOSE_FILE", "/none")])
    }
}

#[tokio::test]
async fn images_are_built_by_the_program() {
    let folder = made("services: {app: {build: {context: src, args: [VERSION]}}}\n");
    let program = folder.path().join("program");
    let said = folder.path().join("said");
    let script = format!("echo \"$*\" > {}; echo 'STEP 1/1: FROM scratch'; exit 3\n", said.display());
    cove_sys::fs::write(&program, script).unwrap();
    let engine = living(&[]);
    let desktop = Desktop::start(DesktopOptions {
        source: Arc::new(Programmed(Arc::clone(&engine), program)),
        machines: None,
    });
    let mut screen = Screen::new(&desktop);
    screen.ready().await;
    let form = ProjectForm { name: "site".into(), ..form(folder.path()) };
    assert_eq!(plan(&desktop, form.clone()).await.services[0].comes, ImageComes::Build);
    let id = task(&desktop.call(Call::UpProject { form }).await.unwrap());
    let failed = ended(&mut screen, id).await;
    let words = cove_sys::fs::read_to_string(&said).unwrap();
    let context = folder.path().join("src");
    let (asked, labels) = words.trim().split_once(" --label ").unwrap();
    assert_eq!(
        asked,
        format!("build --tag site-app --file {}/Dockerfile --build-arg VERSION=7", context.display())
    );
    assert!(labels.contains("--label com.docker.compose.project=site --label"), "{labels}");
    assert!(labels.ends_with(&format!(" -- {}", context.display())), "{labels}");
    assert_eq!(failed.state, TaskState::Failed);
    let steps: Vec<_> = failed.steps.iter().map(|step| (step.label.as_str(), step.state)).collect();
    assert!(steps.contains(&("Image site-app", StepState::Failed)), "{steps:?}");
}

#[tokio::test]
async fn a_container_becomes_a_text_that_is_kept() {
    let place = tempfile::tempdir().unwrap();
    let engine = living(&[("a", "running")]);
    let desktop = desktop(&engine);
    Screen::new(&desktop).ready().await;
    engine.calls();
    let form = KubeForm { names: vec!["a".into()], kind: "deployment".into(), service: true };
    let Ok(Reply::Text { text }) = desktop.call(Call::GenerateKube { form }).await else { panic!("no text") };
    assert!(text.starts_with("apiVersion: v1"));
    let calls = engine.calls();
    let asked = calls.iter().find(|call| call.starts_with("kube generate")).unwrap();
    assert!(asked.contains("\"deployment\"") && asked.contains("service: true"), "{asked}");
    let to = place.path().join("a.yaml").display().to_string();
    let save = Call::SaveText { to: to.clone(), text: text.clone() };
    assert_eq!(desktop.call(save.clone()).await, Ok(Reply::Done));
    assert_eq!(cove_sys::fs::read_to_string(&to).unwrap(), text);
    let again = desktop.call(save).await.unwrap_err();
    assert!(again.message.contains("exists"), "{again:?}");
    let none = desktop.call(Call::GenerateKube { form: KubeForm::default() }).await.unwrap_err();
    assert_eq!(none.kind, ErrorKind::InvalidArgument);
}
