//! From a request to an image: reading, planning, the stages in their order, names.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use cove_api::{
    BuildContext, BuildOptions, BuildReport, Error, FailedStep, ImageHistory, Progress, PullOptions, Result,
    Sbom, ValueStream,
};
use cove_build::{BuildError, BuildFile, Decision, Facts, Instruction, Plan, Platforms, Scope, SourcePolicy};
use cove_registry::Platform;
use futures_util::StreamExt as _;

use super::context::{Context, Given, Place};
use super::distant::Distant;
use super::naming::Naming;
use super::report::{MAX_LINES, Teller};
use super::stages::Stages;
use super::state::ImageState;
use super::working::{self, Working};
use super::{commit, platforms};
use crate::engine::{Core, blocking};
use crate::image::{lookup, pull, working_within};
use crate::sandbox;

/// Why a build ended before its end.
#[derive(Debug)]
pub(super) enum Stop {
    /// An error.
    Error(Error),
    /// A command that failed.
    Failed(FailedStep),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<BuildError> for Stop {
    fn from(error: BuildError) -> Self {
        Self::Error(error.into())
    }
}

impl Stop {
    /// What is to be told of it.
    pub(super) fn message(&self) -> &str {
        match self {
            Self::Error(error) => &error.message,
            Self::Failed(failed) => &failed.message,
        }
    }
}

/// What steps come to.
pub(super) type Stepped<T> = std::result::Result<T, Stop>;

/// Builds; the stream ends with the image's id, and dropping it ends the build.
pub(crate) fn build(
    core: &Arc<Core>,
    context: BuildContext,
    options: BuildOptions,
) -> Result<ValueStream<Progress<BuildReport>>> {
    let core = Arc::clone(core);
    let BuildContext { directory, archive, remote, watch, given_up, .. } = context;
    let BuildContext { files, ignore, others, secrets, packed_secrets, agents, stdin, .. } = context;
    let given = Given { files, ignore, others, secrets, packed_secrets, agents, stdin };
    Ok(working_within(MAX_LINES, |sender| async move {
        let place = match directory {
            Some(directory) => Place::Folder(directory),
            None if remote.is_empty() => Place::Archive(Box::new(crate::stream::reader(archive))),
            None => Place::Remote(remote, Box::new(crate::stream::reader(archive))),
        };
        let teller = Teller::new(sender, options.quiet, given_up).watched(watch);
        blocking(&core, move |core| match run(core, place, given, &options, &teller) {
            Ok((id, sbom)) => Ok(BuildReport { id, sbom, failed: None }),
            Err(Stop::Failed(failed)) => Ok(BuildReport { failed: Some(failed), ..BuildReport::default() }),
            Err(Stop::Error(error)) => Err(error),
        })
        .await
    }))
}

/// A build for one platform under way.
pub(super) struct Build<'a> {
    pub(super) core: &'a Arc<Core>,
    pub(super) options: &'a BuildOptions,
    pub(super) teller: Teller,
    pub(super) context: &'a Context,
    pub(super) file: &'a BuildFile,
    pub(super) plan: Plan,
    /// What it is built for; [`None`] is this machine's, and whatever images of it there are.
    pub(super) platform: Option<Platform>,
    /// The variables before the first stage.
    pub(super) scope: Scope,
    /// What the stages have come to.
    pub(super) stages: Stages,
    /// Caches in registries.
    pub(super) distant: &'a Distant,
    /// What may be used of what is elsewhere.
    pub(super) policy: &'a SourcePolicy,
    /// Names that an `ARG` has declared.
    declared: Mutex<BTreeSet<String>>,
}

fn run(
    core: &Arc<Core>,
    place: Place,
    given: Given,
    options: &BuildOptions,
    teller: &Teller,
) -> Stepped<(String, Option<Sbom>)> {
    check(options)?;
    let naming = Naming::of(core, options)?;
    let distant = Distant::of(options)?;
    let policy = SourcePolicy::parse(&options.source_policy)?;
    let mut wanted = platforms::wanted(options)?;
    // Before anything of this build is there.
    working::sweep(core)?;
    super::context::sweep(core)?;
    let context = Context::open(core, teller, place, given, &options.files)?;
    let named = |error: BuildError| Error::from(error).context(&context.file.name);
    let mut file = BuildFile::parse(&context.file.text).map_err(named)?;
    if let Some(first) = file.stages.first_mut().filter(|_| !options.from.is_empty()) {
        first.from.image = super::stage::literal(&options.from);
    }
    if file.checks.error {
        checked(&context, &file)?;
    }
    let others: BTreeSet<String> = context.others.keys().cloned().collect();
    if options.all_platforms {
        let (scope, _) = scope(&context, &file, options, None)?;
        let plan = Plan::new(&file, &scope, &options.target, options.all_stages, &others).map_err(named)?;
        wanted =
            tokio::runtime::Handle::current().block_on(platforms::of_bases(core, options, &plan, &policy))?;
    }
    let several = wanted.len() > 1;
    let each: Vec<Option<Platform>> = match wanted.is_empty() {
        true => vec![None],
        false => wanted.into_iter().map(Some).collect(),
    };
    if each.len() > 1 && options.sbom.is_some() {
        return Err(Error::invalid("a bill of materials is of one image: choose one platform").into());
    }
    let mut sbom = None;
    let mut ids = Vec::with_capacity(each.len());
    for platform in each {
        let teller = match &platform {
            Some(platform) if several => teller.marked(&platforms::mark(platform)),
            _ => teller.clone(),
        };
        let (scope, declared) = scope(&context, &file, options, platform.as_ref())?;
        let plan = Plan::new(&file, &scope, &options.target, options.all_stages, &others).map_err(named)?;
        let stop = teller.given_up().child_token();
        let stages = Stages::new(&file, &plan, &scope, options.jobs, stop.clone());
        let teller = teller.with_stop(&stop);
        let declared = Mutex::new(declared);
        let (context, file) = (&context, &file);
        let (distant, policy) = (&distant, &policy);
        let build = Build {
            core,
            options,
            teller,
            context,
            file,
            plan,
            platform,
            scope,
            stages,
            distant,
            policy,
            declared,
        };
        build.build_stages()?;
        let (id, made) = build.finish()?;
        ids.push(id);
        sbom = made;
    }
    let id = naming.name(core, ids, teller)?;
    distant.export(core, teller)?;
    Ok((id, sbom))
}

/// The variables before the first stage, and the names that are declared there.
fn scope(
    context: &Context,
    file: &BuildFile,
    options: &BuildOptions,
    platform: Option<&Platform>,
) -> Result<(Scope, BTreeSet<String>)> {
    let build = platform_text(&Platform::host());
    let platforms = Platforms { target: platform.map_or_else(|| build.clone(), platform_text), build };
    let mut given = options.build_args.clone();
    if let Some(seconds) = options.source_date_epoch {
        given.entry("SOURCE_DATE_EPOCH".into()).or_insert_with(|| seconds.to_string());
    }
    let mut scope = Scope::new(file.escape, given, &platforms, &options.target);
    let mut declared = BTreeSet::new();
    for step in &file.arguments {
        if let Instruction::Arg(all) = &step.instruction {
            let at = |error: BuildError| Error::from(error.at(step.line)).context(&context.file.name);
            scope.declare_global(all).map_err(at)?;
            declared.extend(all.iter().map(|(name, _)| name.clone()));
        }
    }
    Ok((scope, declared))
}

/// What is suspicious in a file that asks to be refused then.
fn checked(context: &Context, file: &BuildFile) -> Result<()> {
    let ignores = |path: &str| context.ignore.ignores(path.as_bytes());
    let found = cove_build::check(file, &Facts { ignores: &ignores, ..Facts::default() });
    let Some(first) = found.first() else { return Ok(()) };
    let rules: BTreeSet<&str> = found.iter().map(|warning| warning.rule).collect();
    let rules = rules.into_iter().collect::<Vec<_>>().join(", ");
    Err(Error::invalid(format!(
        "lint violation found for rules: {rules}: {} ({}:{})",
        first.text, context.file.name, first.line
    )))
}

/// Options that mean something else, or nothing here.
fn check(options: &BuildOptions) -> Result<()> {
    if options.squash && options.layers {
        return Err(Error::invalid("cannot specify --squash-all with --layers"));
    }
    if let Some(volume) = options.run.volumes.iter().find(|volume| volume.name.is_empty()) {
        return Err(Error::invalid(format!("the volume at {} of a build has no source", volume.dest)));
    }
    if let Some(seconds) = options.timestamp.or(options.source_date_epoch)
        && cove_api::Timestamp::from_second(seconds).is_err()
    {
        return Err(Error::invalid(format!("the timestamp {seconds} is out of range")));
    }
    Ok(())
}

/// A platform that is asked for.
pub(super) fn platform(text: &str) -> Result<Platform> {
    Platform::parse(text)
        .ok_or_else(|| Error::invalid(format!("the platform {text:?} is none: OS/ARCH[/VARIANT]")))
}

/// A platform as it is written.
pub(super) fn platform_text(platform: &Platform) -> String {
    let Platform { os, architecture, variant, .. } = platform;
    match variant.is_empty() {
        true => format!("{os}/{architecture}"),
        false => format!("{os}/{architecture}/{variant}"),
    }
}

impl Build<'_> {
    /// What the target has come to.
    fn finish(&self) -> Stepped<(String, Option<Sbom>)> {
        let mut state = self.ensure(self.plan.target)?;
        let options = self.options;
        if !options.unset_env.is_empty() {
            let gone = |entry: &String| {
                options.unset_env.iter().any(|name| entry.split('=').next() == Some(name.as_str()))
            };
            state.config.env.retain(|entry| !gone(entry));
            commit::save(self.core, options, &mut state, None)?;
        }
        let id = match state.id.clone() {
            Some(id) => id,
            None => commit::save(self.core, options, &mut state, None)?,
        };
        let (id, sbom) = match &options.sbom {
            Some(wanted) => {
                let (id, sbom) = self.bill(wanted, &mut state, id)?;
                (id, Some(sbom))
            }
            None => (id, None),
        };
        let declared = self.declared.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for name in self.scope.unused(&declared) {
            self.teller.line(format!("[Warning] one or more build args were not consumed: [{name}]"));
        }
        self.teller.line(format!("--> {}", crate::name::short(&id)));
        Ok((id, sbom))
    }

    /// Notes names that an `ARG` declares.
    pub(super) fn declare(&self, all: &[(String, Option<String>)]) {
        let mut declared = self.declared.lock().unwrap_or_else(PoisonError::into_inner);
        declared.extend(all.iter().map(|(name, _)| name.clone()));
    }

    /// Makes sure that an image is in the store and answers what it is.
    pub(super) fn image(&self, name: &str, platform: Option<&str>, teller: &Teller) -> Result<ImageState> {
        let instead = match self.policy.image(name)? {
            Decision::Allow => None,
            Decision::Convert(instead) => Some(instead),
        };
        let name = instead.as_deref().unwrap_or(name);
        let wanted = platform.map(self::platform).transpose()?.or_else(|| self.platform.clone());
        let part = |part: fn(Platform) -> String| wanted.clone().map(part).filter(|part| !part.is_empty());
        let (os, arch, variant) = (part(|one| one.os), part(|one| one.architecture), part(|one| one.variant));
        let options = PullOptions {
            policy: self.options.pull,
            os: os.clone(),
            arch: arch.clone(),
            variant: variant.clone(),
            access: self.options.access.clone(),
            decryption_keys: self.options.decryption_keys.clone(),
            ..PullOptions::default()
        };
        let id = tokio::runtime::Handle::current().block_on(self.pulled(name, options, teller))?;
        // A list in the store stands for the image that it has for the platform.
        let parts = [&os, &arch, &variant].map(|part| part.as_deref().unwrap_or_default());
        let id = lookup::find_image(self.core, &id, parts)?.image.id;
        let base = match lookup::find(self.core, name) {
            Ok(found) => found.name.unwrap_or_else(|| name.to_owned()),
            Err(_) => name.to_owned(),
        };
        ImageState::of(self.core, &id, &base)
    }

    async fn pulled(&self, name: &str, options: PullOptions, teller: &Teller) -> Result<String> {
        let named = |error: Error| error.context("creating build container");
        let mut steps = pull(self.core, name, options).await.map_err(named)?;
        loop {
            let step = tokio::select! {
                step = steps.next() => step,
                () = teller.closed() => return Err(teller.check().err().unwrap_or_else(gone)),
            };
            match step {
                Some(Ok(Progress::Message(line))) => teller.output(line),
                Some(Ok(Progress::Blob(_))) => {}
                Some(Ok(Progress::Done(report))) => {
                    return report.images.into_iter().next_back().ok_or_else(gone);
                }
                Some(Err(error)) => return Err(named(error)),
                None => return Err(gone()),
            }
        }
    }

    /// An entry of the history.
    pub(super) fn history(&self, created_by: String, state: &ImageState, empty: bool) -> ImageHistory {
        let comment = match (&*state.base, state.own_steps()) {
            ("", _) | (_, true) => String::new(),
            (base, false) => format!("FROM {base}"),
        };
        ImageHistory {
            created: Some(commit::now(self.options)),
            created_by,
            author: state.author.clone(),
            comment,
            empty_layer: empty,
        }
    }
}

fn gone() -> Error {
    Error::internal("pulling ended without an image")
}

/// An image mounted to be read; dropping it gives the mount back. It is noted as a container's images are, so that what
/// a killed build has left is found by the folder of its working container.
pub(super) struct MountedImage<'a> {
    core: &'a Core,
    folder: PathBuf,
    pub(super) path: PathBuf,
}

impl<'a> MountedImage<'a> {
    pub(super) fn new(core: &'a Core, working: &Working, id: &str) -> Result<Self> {
        let folder = core.container_run_dir(&working.id);
        let path = sandbox::mount_image(core, &folder, id)?;
        Ok(Self { core, folder, path })
    }
}

impl Drop for MountedImage<'_> {
    fn drop(&mut self) {
        if let Err(error) = sandbox::release_images(self.core, &self.folder) {
            tracing::warn!("unmounting images of a build: {error}");
        }
        // Where a command runs, more than that is in it.
        let _ = cove_sys::fs::remove_dir(&self.folder);
    }
}
