//! A stage: from its base through its steps.

use cove_api::{BuildOptions, Error, ErrorKind, FailedStep};
use cove_build::{Instruction, Scope, StageBase, Step, apply, excerpt, parse_line};
use serde_json::{Map, Value, json};

use super::context::Other;
use super::report::Teller;
use super::start::{Build, Stepped, Stop, platform};
use super::state::ImageState;
use super::working::Working;
use super::{cache, commit};
use crate::name::short;

/// What an image without a search path gets.
const DEFAULT_PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A stage under way.
pub(super) struct Stage<'b, 'a> {
    pub(super) build: &'b Build<'a>,
    /// Tells the stage's lines.
    pub(super) teller: Teller,
    pub(super) index: usize,
    pub(super) scope: Scope,
    pub(super) state: ImageState,
    /// Where files are changed, once they are.
    working: Option<Working>,
    /// Something is not saved yet.
    dirty: bool,
    /// A step was done and not found.
    is_new: bool,
}

/// What a step is going to do.
pub(super) struct Doing<'s> {
    /// As the history tells it.
    pub(super) created_by: String,
    /// What its result depends on besides the image so far.
    pub(super) inputs: Value,
    /// What it does to files.
    #[allow(clippy::type_complexity, reason = "one closure, made and called once")]
    pub(super) files: Option<Box<dyn FnOnce(&Stage<'_, '_>, &Working) -> Stepped<Done> + 's>>,
}

/// What a step has done to files.
pub(super) struct Done {
    /// Whether it did anything.
    pub(super) changed: bool,
    /// As the history tells it and what it depended on, where that came to be something else than was known before.
    pub(super) instead: Option<(String, Value)>,
}

impl From<bool> for Done {
    fn from(changed: bool) -> Self {
        Self { changed, instead: None }
    }
}

impl Build<'_> {
    /// Builds a stage.
    pub(super) fn stage(&self, index: usize) -> Stepped<ImageState> {
        let stage = &self.file.stages[index];
        let teller = self.teller.of_stage(index, self.file.stages.len(), self.stages.workers > 1);
        let mut steps = self.own_steps(index);
        let total = steps.len() + 1;
        teller.step(1, total, &stage.text, true);
        let based = self.base(index, &teller).map_err(|stop| self.stopped(stop, stage.line, None));
        let mut state = based.inspect_err(|stop| teller.failed(stop.message()))?;
        let triggers = std::mem::take(&mut state.config.on_build);
        for (place, text) in triggers.iter().enumerate() {
            let mut step =
                parse_line(text, '\\').map_err(|error| self.located(error.into(), stage.line, Some(text)))?;
            step.line = stage.line;
            steps.insert(place, step);
        }
        let is_annotated = index == self.plan.target && !self.options.annotations.is_empty();
        let changed_labels = self.inherited(&mut state) || is_annotated;
        let total = steps.len() + 1;
        let is_target = index == self.plan.target;
        let scope = self.scope.stage(&state.config.env);
        let changed_system = is_target && operating_system(self.options, &mut state.document);
        let changed_base = !triggers.is_empty() || changed_labels || changed_system;
        let mut stage = Stage {
            build: self,
            teller,
            index,
            scope,
            state,
            working: None,
            dirty: changed_base,
            is_new: false,
        };
        for (number, step) in steps.iter().enumerate() {
            stage.teller.check()?;
            stage.teller.step(number + 2, total, &step.text, is_shown(&step.instruction));
            if let Instruction::Arg(all) = &step.instruction {
                self.declare(all);
            }
            let is_last = number + 1 == steps.len();
            let done = stage
                .step(step, is_last && is_target)
                .map_err(|stop| self.stopped(stop, step.line, Some(&step.text)));
            done.inspect_err(|stop| stage.teller.failed(stop.message()))?;
        }
        if stage.build.options.stage_labels {
            let labels = self.stage_labels(index)?;
            stage.state.config.labels.extend(labels);
            stage.dirty = true;
        }
        stage.finish(is_target, steps.is_empty())?;
        stage.teller.done();
        Ok(stage.state)
    }

    /// Takes away of a base what the options do not keep; answers whether its labels or annotations are others now. The usual search path
    /// of what has none is no change of its own: a stage without steps is its base.
    fn inherited(&self, state: &mut ImageState) -> bool {
        let options = self.options;
        let before = (state.config.labels.len(), state.annotations.len());
        if !state.config.env.iter().any(|entry| entry.starts_with("PATH=")) {
            state.config.env.insert(0, DEFAULT_PATH.into());
        }
        if !options.inherit_annotations {
            state.annotations.clear();
        }
        for name in &options.unset_annotations {
            state.annotations.remove(name);
        }
        if !options.inherit_labels {
            state.config.labels.clear();
        }
        for name in &options.unset_labels {
            state.config.labels.remove(name);
        }
        (state.config.labels.len(), state.annotations.len()) != before
    }

    /// What the labels of a stage's image say of it.
    fn stage_labels(&self, index: usize) -> Stepped<[(String, String); 2]> {
        let planned = &self.plan.stages[index];
        let base = match &planned.base {
            StageBase::Scratch => "scratch".to_owned(),
            StageBase::Stage(other) => self.ensure(*other)?.id.unwrap_or_default(),
            StageBase::Other(name) | StageBase::Image(name) => name.clone(),
        };
        let name = planned.name.clone().unwrap_or_else(|| index.to_string());
        Ok([("io.buildah.stage.name".into(), name), ("io.buildah.stage.base".into(), base)])
    }

    /// The steps of a stage, with those that the options add.
    fn own_steps(&self, index: usize) -> Vec<Step> {
        let added = |name: &str,
                     pairs: &[(String, String)],
                     instruction: fn(Vec<(String, String)>) -> Instruction| {
            let text: Vec<String> = pairs.iter().map(|(key, value)| format!("{key:?}={value:?}")).collect();
            // The values are what they are: no variables are meant.
            let quoted = pairs.iter().map(|(key, value)| (literal(key), literal(value))).collect();
            Step { line: 0, text: format!("{name} {}", text.join(" ")), instruction: instruction(quoted) }
        };
        let mut steps = Vec::new();
        if !self.options.env.is_empty() {
            steps.push(added("ENV", &self.options.env, Instruction::Env));
        }
        steps.extend(self.file.stages[index].steps.iter().cloned());
        if index == self.plan.target && !self.options.labels.is_empty() {
            steps.push(added("LABEL", &self.options.labels, Instruction::Label));
        }
        steps
    }

    fn base(&self, index: usize, teller: &Teller) -> Stepped<ImageState> {
        let planned = &self.plan.stages[index];
        match &planned.base {
            StageBase::Scratch => {
                let mut state = ImageState::default();
                let own = planned.platform.as_deref().map(platform).transpose()?;
                if let Some(platform) = own.or_else(|| self.platform.clone()) {
                    let parts = [
                        ("os", platform.os),
                        ("architecture", platform.architecture),
                        ("variant", platform.variant),
                    ];
                    let parts = parts.into_iter().filter(|(_, part)| !part.is_empty());
                    state.document.extend(parts.map(|(name, part)| (name.to_owned(), part.into())));
                }
                Ok(state)
            }
            StageBase::Stage(other) => {
                let mut state = self.ensure(*other)?;
                state.base = String::new();
                state.own_command = false;
                Ok(state)
            }
            StageBase::Other(name) => match self.context.others.get(name) {
                Some(Other::Image(image)) => Ok(self.image(image, planned.platform.as_deref(), teller)?),
                _ => {
                    Err(Error::invalid(format!("the build context {name:?} is a folder, and no image"))
                        .into())
                }
            },
            StageBase::Image(name) => Ok(self.image(name, planned.platform.as_deref(), teller)?),
        }
    }

    /// An error with the place in the build file.
    fn located(&self, error: Error, line: usize, text: Option<&str>) -> Error {
        let mut error = match text {
            Some(text) => error.context(format!("building at STEP \"{text}\"")),
            None => error,
        };
        if line > 0 {
            error.message = format!("{} ({}:{line})", error.message, self.context.file.name);
        }
        error
    }

    /// The end of a build with the place in the build file.
    fn stopped(&self, stop: Stop, line: usize, text: Option<&str>) -> Stop {
        // Of one that ends because of another, that one has said why.
        let is_own = !matches!(&stop, Stop::Error(error) if error.kind == ErrorKind::Cancelled);
        if line > 0 && is_own {
            self.teller.line(format!("{}:{line}:", self.context.file.name));
            for line in excerpt(&self.context.file.text, line) {
                self.teller.line(line);
            }
        }
        match stop {
            Stop::Error(error) if error.kind == ErrorKind::Cancelled => Stop::Error(error),
            Stop::Error(error) => Stop::Error(self.located(error, line, text)),
            Stop::Failed(FailedStep { code, message }) => {
                let error = self.located(Error::invalid(message), line, text);
                Stop::Failed(FailedStep { code, message: error.message })
            }
        }
    }
}

/// What the options say of the operating system; answers whether they say something.
fn operating_system(options: &BuildOptions, document: &mut Map<String, Value>) -> bool {
    if !options.os_version.is_empty() {
        document.insert("os.version".into(), options.os_version.as_str().into());
    }
    change_features(document, &options.os_features);
    !options.os_version.is_empty() || !options.os_features.is_empty()
}

/// Changes what the operating system must have; one with a trailing `-` is taken away.
pub(super) fn change_features(document: &mut Map<String, Value>, changes: &[String]) {
    let known = document.get("os.features").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut features: Vec<String> =
        known.iter().filter_map(|known| known.as_str().map(ToOwned::to_owned)).collect();
    for feature in changes {
        let name = feature.strip_suffix('-').unwrap_or(feature);
        features.retain(|known| known != name);
        if name == feature {
            features.push(feature.clone());
        }
    }
    match (changes.is_empty(), features.is_empty()) {
        (true, _) => {}
        (false, true) => drop(document.remove("os.features")),
        (false, false) => drop(document.insert("os.features".into(), features.into())),
    }
}

/// Whether there is something to be seen of an instruction, for who shows steps.
fn is_shown(instruction: &Instruction) -> bool {
    use Instruction::{Add, Copy, Run, Workdir};
    matches!(instruction, Run(_) | Copy(_) | Add(_) | Workdir(_))
}

/// A value in single quotes.
pub(super) fn literal(value: &str) -> String {
    format!("'{}'", value.replace('\'', "'\"'\"'"))
}

impl Stage<'_, '_> {
    fn step(&mut self, step: &Step, is_commit: bool) -> Stepped<()> {
        let mut state = self.state.clone();
        let doing = self.doing(step, &mut state)?;
        let Doing { mut created_by, inputs, files } = doing;
        let options = self.build.options;
        let layered = options.layers;
        let mut key = layered.then(|| self.key(&created_by, &inputs, &state, is_commit));
        if let Some(key) = key.as_deref().filter(|_| !options.no_cache)
            && let Some(id) = self.cached(key)?
        {
            self.use_cached(&id, &state, is_commit)?;
            self.build.distant.keep(key, &id);
            return self.told(is_commit, &id);
        }
        self.is_new = true;
        let mut changed = false;
        if let Some(files) = files {
            let working = match self.working.take() {
                Some(working) => working,
                None => Working::new(self.build.core, self.state.id.as_deref())?,
            };
            let done = files(self, &working)?;
            changed = done.changed;
            if let Some((text, inputs)) = done.instead {
                key = layered.then(|| self.key(&text, &inputs, &state, is_commit));
                created_by = text;
            }
            if changed || !layered {
                self.working = Some(working);
            }
        }
        let entry = self.build.history(created_by, &state, !changed);
        self.state = state;
        self.state.history.push(entry);
        self.scope.set_environment(&self.state.config.env);
        self.dirty = true;
        if is_commit {
            self.tell_commit();
        }
        if layered {
            let id = self.save(changed, key.as_deref(), is_commit)?;
            if let Some(key) = &key {
                self.build.distant.keep(key, &id);
            }
            return self.told(is_commit, &id);
        }
        Ok(())
    }

    /// The image that a step with that key has made, here or where the options say.
    fn cached(&self, key: &str) -> Stepped<Option<String>> {
        let build = self.build;
        let oldest = cache::oldest(build.options);
        match cache::find(build.core, key, oldest)? {
            // What was made now nobody else has built on.
            None if !self.is_new => {
                Ok(build.distant.fetch(build.core, key, &self.state, oldest, &self.teller)?)
            }
            found => Ok(found),
        }
    }

    fn told(&self, is_commit: bool, id: &str) -> Stepped<()> {
        // The end tells the last of them.
        if !is_commit {
            self.teller.line(format!("--> {}", short(id)));
        }
        Ok(())
    }

    fn tell_commit(&self) {
        let tag = self.build.options.tags.first().map(String::as_str).unwrap_or_default();
        self.teller.line(format!("COMMIT {tag}").trim_end());
    }

    fn key(&self, created_by: &str, inputs: &Value, state: &ImageState, is_commit: bool) -> String {
        let options = self.build.options;
        let platform = ["os", "architecture", "variant", "os.version", "os.features"];
        let platform = platform.map(|part| state.document.get(part));
        cache::key(&json!({
            "version": 1,
            "parent": self.state.id,
            "format": options.format,
            "timestamp": options.timestamp,
            "source_date_epoch": commit::epoch(options),
            "rewrite_timestamp": options.rewrite_timestamp,
            "annotations": [&options.annotations, &state.annotations],
            "created_annotation": options.created_annotation,
            "omit_history": options.omit_history,
            "unset_labels": options.unset_labels,
            "layer_labels": options.layer_labels.iter().filter(|_| !is_commit).collect::<Vec<_>>(),
            "author": state.author,
            "config": state.config,
            "platform": platform,
            "step": created_by,
            "inputs": inputs,
        }))
    }

    fn use_cached(&mut self, id: &str, state: &ImageState, is_commit: bool) -> Stepped<()> {
        self.teller.cached();
        self.teller.line(format!("--> Using cache {id}"));
        if is_commit {
            self.tell_commit();
        }
        let cached = ImageState::of(self.build.core, id, &state.base)?;
        let (own_command, base_steps) = (state.own_command, state.base_steps);
        let (config, annotations) = (state.config.clone(), state.annotations.clone());
        self.state = ImageState { own_command, base_steps, config, annotations, ..cached };
        self.scope.set_environment(&self.state.config.env);
        self.dirty = false;
        Ok(())
    }

    /// Saves the image so far; `changed` says that files were.
    fn save(&mut self, changed: bool, key: Option<&str>, is_last: bool) -> Stepped<String> {
        let working = self.working.take();
        if changed && let Some(working) = &working {
            commit::add_layer(self.build.core, self.build.options, &mut self.state, working)?;
        }
        let labels = self.state.config.labels.clone();
        if !is_last {
            self.state.config.labels.extend(self.build.options.layer_labels.iter().cloned());
        }
        let id = commit::save(self.build.core, self.build.options, &mut self.state, key);
        self.state.config.labels = labels;
        let id = id?;
        self.dirty = false;
        Ok(id)
    }

    /// What is not saved yet is saved; without layers that is all that the stage has made.
    fn finish(&mut self, is_target: bool, is_empty: bool) -> Stepped<()> {
        let options = self.build.options;
        if is_target && is_empty {
            self.tell_commit();
        }
        if is_target && options.squash {
            let working = match self.working.take() {
                Some(working) => working,
                None => Working::new(self.build.core, self.state.id.as_deref())?,
            };
            commit::squash(self.build.core, options, &mut self.state, &working)?;
            commit::save(self.build.core, options, &mut self.state, None)?;
            return Ok(());
        }
        if self.dirty || self.state.id.is_none() {
            let changed = self.working.is_some();
            if changed {
                // All steps together have made one layer, which the last of those that changed files stands for.
                let own = self.state.base_steps.min(self.state.history.len());
                let steps = &mut self.state.history[own..];
                let last = steps.iter().rposition(|step| !step.empty_layer);
                for (index, step) in steps.iter_mut().enumerate() {
                    step.empty_layer = Some(index) != last;
                }
                if last.is_none()
                    && let Some(step) = steps.last_mut()
                {
                    step.empty_layer = false;
                }
            }
            self.save(changed, None, is_target)?;
        }
        Ok(())
    }

    /// What a step is going to do; `state` is what the image will be.
    fn doing<'s>(&mut self, step: &'s Step, state: &mut ImageState) -> Stepped<Doing<'s>> {
        match &step.instruction {
            Instruction::Arg(all) => {
                self.scope.declare(all)?;
                Ok(Doing::of_configuration(step.text.clone()))
            }
            Instruction::Run(run) => self.run(run),
            Instruction::Copy(copying) => self.copying(copying, "COPY", state),
            Instruction::Add(copying) => self.copying(copying, "ADD", state),
            Instruction::Maintainer(name) => {
                state.author.clone_from(name);
                Ok(Doing::of_configuration(step.text.clone()))
            }
            instruction => {
                let own = state.own_command;
                let text = apply(&mut state.config, &self.scope, instruction, own)?;
                if matches!(instruction, Instruction::Cmd(_)) {
                    state.own_command = true;
                }
                let mut doing = Doing::of_configuration(text.unwrap_or_else(|| step.text.clone()));
                if matches!(instruction, Instruction::Workdir(_)) {
                    let path = state.config.working_dir.clone();
                    doing.files =
                        Some(Box::new(move |_, working| Ok(make_directory(working, &path)?.into())));
                }
                Ok(doing)
            }
        }
    }
}

impl Doing<'_> {
    /// Something that changes the configuration alone.
    fn of_configuration(text: String) -> Self {
        Self { created_by: format!("/bin/sh -c #(nop) {text}"), inputs: Value::Null, files: None }
    }
}

/// Makes the working directory where there is none; answers whether it did.
fn make_directory(working: &Working, path: &str) -> Stepped<bool> {
    let made = working.with_root(|root| {
        let root = cove_tree::Root::open(root)?;
        let there = root.look(path.as_bytes()).is_ok_and(|look| look.stat.is_some());
        if !there {
            cove_tree::make_directories(&root, path.as_bytes(), (0, 0))?;
        }
        Ok(!there)
    })?;
    Ok(made)
}
