//! Compose projects: what an engine has of one, by its labels, as a whole.

use std::collections::BTreeMap;
use std::io::Read as _;

use cove_api::{Engine, Error, ErrorKind, Result};
use cove_project::{Found, run};
use cove_sys::fs::OpenOptions;

use crate::act::containers;
use crate::core::Core;
use crate::task::Task;
use crate::view::{StepState, TextFile};
use crate::{ContainerAct, Failure};

/// A longer file is not shown.
const LONGEST_FILE: u64 = 1 << 20;

/// Starts, stops or restarts a project: services after those that they depend on, or before them where they stop. Goes on
/// past errors, of which it answers the first.
pub(crate) async fn act(core: &Core, act: ContainerAct, name: &str) -> std::result::Result<(), Failure> {
    if !matches!(act, ContainerAct::Start | ContainerAct::Stop | ContainerAct::Restart) {
        return Err(Failure::new(ErrorKind::InvalidArgument, "a project is started, stopped or restarted"));
    }
    let found = found(core.engine()?.as_ref(), name).await?;
    let mut steps = steps(&found);
    if act == ContainerAct::Stop {
        steps.reverse();
    }
    let mut result = Ok(());
    for ids in steps {
        result = result.and(containers::act(core, act, &ids).await);
    }
    result
}

async fn found(engine: &dyn Engine, name: &str) -> Result<Found> {
    let found = Found::of(engine, name).await?;
    if found.containers.is_empty() && found.networks.is_empty() && found.volumes.is_empty() {
        return Err(Error::not_found(format!("there is nothing of a project {name:?}")));
    }
    Ok(found)
}

/// The containers of the services, those first that others depend on. What `run` made has no place in it.
fn steps(found: &Found) -> Vec<Vec<String>> {
    let mut needs: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for container in found.containers.iter().filter(|one| !one.one_off) {
        needs.entry(&container.service).or_default().extend(container.dependencies());
    }
    // Labels come from outside and may lead in a circle: no way is longer than there are services.
    let mut depth: BTreeMap<&str, usize> = needs.keys().map(|service| (*service, 0)).collect();
    for _ in 0..needs.len() {
        for (service, wanted) in &needs {
            let below = wanted.iter().filter_map(|need| depth.get(need)).max().map_or(0, |below| below + 1);
            depth.insert(service, below.min(needs.len()));
        }
    }
    let mut steps: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for container in found.containers.iter().filter(|one| !one.one_off) {
        let at = depth.get(container.service.as_str()).copied().unwrap_or(0);
        steps.entry(at).or_default().push(container.row.id.clone());
    }
    steps.into_values().collect()
}

/// Stops and removes a project's containers, then its networks and, where they are meant, its volumes.
pub(crate) async fn remove(engine: &dyn Engine, name: &str, volumes: bool, task: &Task) -> Result<()> {
    found(engine, name).await?;
    let options = run::DownOptions { volumes, ..run::DownOptions::default() };
    run::down(engine, name, None, &options, &told(task)).await
}

/// Tells the steps of a project as those of a task.
pub(super) fn told(task: &Task) -> impl Fn(run::Event) + Send + Sync + '_ {
    |event| {
        task.line(event.to_string().trim());
        let state = match event.status {
            run::Status::Working => StepState::Active,
            run::Status::Done => StepState::Done,
            run::Status::Failed => StepState::Failed,
            run::Status::Warning => return,
        };
        task.noted(&event.object, &event.text, state);
    }
}

/// The files of a project that lie on this computer, as its containers name them.
pub(crate) async fn files(core: &Core, name: &str) -> std::result::Result<Vec<TextFile>, Failure> {
    let paths = core.lock().state.project_files(name);
    let read = tokio::task::spawn_blocking(move || paths.into_iter().map(read).collect());
    read.await.map_err(|error| Failure::new(ErrorKind::Internal, error.to_string()))
}

fn read(path: String) -> TextFile {
    match contents(&path) {
        Ok(bytes) => TextFile { path, text: String::from_utf8_lossy(&bytes).into_owned(), problem: None },
        Err(error) => TextFile { path, text: String::new(), problem: Some(error.to_string()) },
    }
}

fn contents(path: &str) -> std::io::Result<Vec<u8>> {
    let mut options = OpenOptions::new();
    options.read(true);
    // A label may name anything: a pipe would be waited for for ever.
    #[cfg(unix)]
    never_wait(&mut options);
    let file = options.open(path)?;
    if !file.metadata()?.is_file() {
        return Err(std::io::Error::other(format!("{path}: it is no plain file")));
    }
    let mut data = Vec::new();
    file.take(LONGEST_FILE + 1).read_to_end(&mut data)?;
    if data.len() as u64 > LONGEST_FILE {
        return Err(std::io::Error::other(format!("{path}: it is longer than {LONGEST_FILE} bytes")));
    }
    Ok(data)
}

#[cfg(unix)]
fn never_wait(options: &mut OpenOptions) {
    let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
    std::os::unix::fs::OpenOptionsExt::custom_flags(options.options_mut(), flags.bits().cast_signed());
}

#[cfg(test)]
mod tests {
    use super::*;
    use cove_api::{ContainerSummary, StringMap};
    use cove_project::{FoundContainer, label};

    fn container(service: &str, needs: &str, one_off: bool) -> FoundContainer {
        let labels = StringMap::from([(label::DEPENDS_ON.to_owned(), needs.to_owned())]);
        FoundContainer {
            service: service.to_owned(),
            one_off,
            row: ContainerSummary { id: service.to_owned(), labels, ..ContainerSummary::default() },
            ..FoundContainer::default()
        }
    }

    fn order(containers: Vec<FoundContainer>) -> Vec<Vec<String>> {
        steps(&Found { containers, ..Found::default() })
    }

    #[test]
    fn services_come_after_those_that_they_need() {
        let web = container("web", "api:service_started:false", false);
        let api = container("api", "db:service_healthy:false,cache:service_started:true", false);
        let (db, cache) =
            (container("db", "", false), container("cache", "gone:service_started:false", false));
        let run = container("tool", "", true);
        assert_eq!(order(vec![web, run, api, db, cache]), [vec!["db", "cache"], vec!["api"], vec!["web"]]);
    }

    #[test]
    fn a_circle_ends() {
        let circle = vec![container("a", "b:x:false", false), container("b", "a:x:false", false)];
        assert_eq!(order(circle).concat().len(), 2);
    }

    #[test]
    fn only_plain_files_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("compose.yaml");
        cove_sys::fs::write(&file, "services: {}\n").unwrap();
        let text = |path: &std::path::Path| read(path.display().to_string());
        assert_eq!((text(&file).text.as_str(), text(&file).problem), ("services: {}\n", None));
        assert!(text(folder.path()).problem.is_some_and(|problem| problem.contains("no plain file")));
        assert!(text(&folder.path().join("none")).problem.is_some());
    }
}
