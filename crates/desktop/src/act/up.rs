//! Compose projects of this computer: read, looked at ahead, and brought up on the engine in use.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use cove_api::{Engine, Error, ErrorKind};
use cove_compose::model::{Project, Service};
use cove_compose::{ComposeError, Loaded, Options, Variable};
use cove_project::plan::{self, ImageWay, ImageWish, Recreate};
use cove_project::{Found, run};

use crate::act::files::place;
use crate::act::{images, program, projects};
use crate::core::Core;
use crate::source::Target;
use crate::task::Task;
use crate::view::StepState;
use crate::{Failure, ProjectForm};

/// Variables that say which project is meant where nobody else says so; here the form does.
const OF_THE_SHELL: [&str; 3] = ["COMPOSE_FILE", "COMPOSE_PROJECT_NAME", "COMPOSE_PROFILES"];

/// What the files of a form say.
pub(super) struct Read {
    /// The project, and what there is to say about it; or what is wrong.
    pub(super) loaded: std::result::Result<Loaded, ComposeError>,
    /// The variables that the files name, as far as they can be read.
    pub(super) variables: BTreeMap<String, Variable>,
}

/// Reads the files of a form. Where no profiles were chosen, those are taken whose services have containers.
pub(super) async fn read(
    core: &Core,
    engine: &dyn Engine,
    form: &ProjectForm,
) -> std::result::Result<Read, Failure> {
    let paths: Vec<PathBuf> =
        form.files.iter().map(|file| place(file)).collect::<std::result::Result<_, _>>()?;
    let Some(first) = paths.first().cloned() else {
        return Err(Failure::new(
            ErrorKind::InvalidArgument,
            "a Compose file is needed, or the folder of one",
        ));
    };
    let options = options(core, form, &paths)?;
    let mut read = load(options.clone(), first.clone()).await?;
    if form.profiles.is_none()
        && let Ok(loaded) = &read.loaded
    {
        let found = Found::of(engine, &loaded.project.name).await?;
        let there = |service: &&Service| !found.of_service(&service.name).is_empty();
        let missing = loaded.project.disabled_services.values().filter(there);
        let wanted: BTreeSet<String> =
            missing.filter_map(|service| service.profiles.first().cloned()).collect();
        if !wanted.is_empty() {
            let profiles = loaded.project.profiles.iter().cloned().chain(wanted).collect();
            read = load(Options { profiles, ..options }, first).await?;
        }
    }
    Ok(read)
}

fn options(core: &Core, form: &ProjectForm, paths: &[PathBuf]) -> std::result::Result<Options, Failure> {
    let mut environment: BTreeMap<String, String> = core
        .source
        .environment()
        .iter()
        .filter(|(name, _)| !OF_THE_SHELL.contains(name))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    for entry in &form.values {
        let pair = entry.split_once('=').filter(|(name, _)| !name.trim().is_empty());
        let Some((name, value)) = pair else {
            return Err(Failure::new(ErrorKind::InvalidArgument, format!("{entry:?}: write NAME=value")));
        };
        environment.insert(name.trim().to_owned(), value.to_owned());
    }
    if let Some(profiles) = &form.profiles {
        // Also where none is chosen: a file of variables may name some.
        environment.insert("COMPOSE_PROFILES".to_owned(), profiles.join(","));
    }
    let folder = match form.folder.trim() {
        "" => None,
        folder => Some(place(folder)?.display().to_string()),
    };
    let named = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    Ok(Options {
        files: paths.iter().map(|path| path.display().to_string()).collect(),
        env_files: form.env_files.clone(),
        project_directory: folder,
        project_name: named(&form.name),
        environment,
        ..Options::default()
    })
}

async fn load(mut options: Options, first: PathBuf) -> std::result::Result<Read, Failure> {
    let work = move || {
        if first.is_dir() {
            // Files of the usual names, as where compose is called in it; somebody who has chosen a folder does not mean
            // those above.
            options.files.clear();
            options.above = false;
            options.current_dir = first;
        }
        let loaded = cove_compose::load(&options);
        // Where the files are wrong there may be none to be told; why is told then.
        let variables = cove_compose::variables(&options).unwrap_or_default();
        Read { loaded, variables }
    };
    let joined = tokio::task::spawn_blocking(work).await;
    joined.map_err(|error| Failure::new(ErrorKind::Internal, error.to_string()))
}

/// Which containers a form wants anew.
pub(super) fn recreate(form: &ProjectForm) -> Recreate {
    if form.recreate { Recreate::Force } else { Recreate::Diverged }
}

/// How a form wants images to come.
pub(super) fn wish(form: &ProjectForm) -> ImageWish<'static> {
    ImageWish { build: form.build, no_build: false, policy: form.pull.then_some("always") }
}

/// Reads the files and begins to bring the project up; answers the task's number. What is wrong with it is told before
/// anything is begun.
pub(crate) async fn begin(core: &Arc<Core>, form: ProjectForm) -> std::result::Result<u32, Failure> {
    let (engine, target) = (core.engine()?, core.lock().target.clone().unwrap_or(Target::Native));
    let Loaded { project, warnings } =
        read(core, engine.as_ref(), &form).await?.loaded.map_err(Error::from)?;
    if project.services.is_empty() {
        return Err(Failure::new(
            ErrorKind::InvalidArgument,
            format!("{}: no service selected", project.name),
        ));
    }
    run::check(engine.as_ref(), &project, &BTreeMap::new()).await?;
    let of_task = Arc::clone(core);
    Ok(core.begin(format!("Up {}", project.name), true, |task| async move {
        warnings.iter().for_each(|warning| task.line(&format!("Warning: {warning}")));
        let ahead = Bring { core: &of_task, engine: engine.as_ref(), target: &target, task: &task };
        ahead.images(&project, &wish(&form)).await?;
        let options = run::UpOptions {
            recreate: recreate(&form),
            remove_orphans: form.remove_orphans,
            env_files: form.env_files,
            ..run::UpOptions::default()
        };
        run::up(engine.as_ref(), &project, &options, &projects::told(&task)).await?;
        task.message("");
        Ok(())
    }))
}

/// Where images come to.
struct Bring<'a> {
    core: &'a Arc<Core>,
    engine: &'a dyn Engine,
    target: &'a Target,
    task: &'a Task,
}

impl Bring<'_> {
    /// Builds and pulls what the services of a project need.
    async fn images(&self, project: &Project, wish: &ImageWish<'_>) -> std::result::Result<(), Failure> {
        let mut seen = BTreeSet::new();
        for service in plan::build_order(project) {
            let image = plan::image_name(project, service);
            if !seen.insert(image.clone()) {
                continue;
            }
            let exists = self.engine.images().exists(&image).await?;
            let way = plan::image_way(project, service, exists, wish)?;
            if way == ImageWay::Present {
                continue;
            }
            let object = format!("Image {image}");
            let built = way == ImageWay::Build;
            self.task.noted(&object, if built { "Building" } else { "Pulling" }, StepState::Active);
            let done = if built {
                self.build(project, service).await
            } else {
                self.pull(project, service, &image).await
            };
            match done {
                Ok(()) => self.task.noted(&object, if built { "Built" } else { "Pulled" }, StepState::Done),
                Err(failure) => {
                    self.task.noted(&object, "Error", StepState::Failed);
                    return Err(Failure { message: format!("{image}: {}", failure.message), ..failure });
                }
            }
        }
        Ok(())
    }

    async fn pull(
        &self,
        project: &Project,
        service: &Service,
        image: &str,
    ) -> std::result::Result<(), Failure> {
        let access = images::access(self.core, image).await;
        let options = cove_api::PullOptions { access, ..plan::pull_options(project, service) };
        images::pull_with(self.engine, image, options, self.task).await?;
        Ok(())
    }

    async fn build(&self, project: &Project, service: &Service) -> std::result::Result<(), Failure> {
        let Some(build) = &service.build else { return Ok(()) };
        let inline = match build.dockerfile_inline.as_str() {
            "" => None,
            text => {
                let mut file = tempfile::NamedTempFile::new().map_err(Error::from)?;
                std::io::Write::write_all(&mut file, text.as_bytes()).map_err(Error::from)?;
                Some(file)
            }
        };
        let file = inline.as_ref().map(|file| file.path().to_string_lossy().into_owned());
        let asked = plan::AskedOfBuild { file, ..plan::AskedOfBuild::default() };
        let building = plan::building(project, service, build, &asked)?;
        let mut command = program::command_for(self.core, self.target)?;
        command.arg("build").args(building.words).envs(building.environment);
        program::build(command, self.task).await.map_err(Into::into)
    }
}
