//! What a change of a file means: the rules of `develop.watch`. Pure, but for the files that name what is ignored.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cove_api::Error;
use cove_build::{Ignore, usual_rules};
use cove_compose::model::{Build, Hook, Project, Service, Trigger};
use cove_sys::fs;
use cove_tree::Root;

use crate::command_error::CommandError;

/// What editors and version control leave beside files, which is nobody's work.
const PASSING: [&str; 13] = [
    "**/.git",
    "**/.idea",
    "**/*___jb_old___",
    "**/*___jb_tmp___",
    "**/.#*",
    "**/#*#",
    "**/4913",
    "**/*~",
    "**/.*.sw[opnx]",
    "**/.*.kate-swp",
    "**/*-go-tmp-umask",
    "**/.DS_Store",
    "**/.goutputstream-*",
];

/// A file of this machine, and its place in the containers of a service.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mapping {
    /// Absolute.
    pub(super) from: PathBuf,
    /// Absolute, with slashes.
    pub(super) to: String,
}

/// What is to be done for some changes.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Work {
    /// Services whose images are built anew.
    pub(super) rebuild: BTreeSet<String>,
    /// What is brought into the containers of services, or is gone from this machine.
    pub(super) sync: BTreeMap<String, BTreeSet<Mapping>>,
    /// Services that are restarted after that.
    pub(super) restart: BTreeSet<String>,
    /// Commands that are run after that, each once.
    pub(super) hooks: Vec<(String, Hook)>,
}

/// The rules of a project's services.
#[derive(Debug, Default)]
pub(super) struct Rules(Vec<Rule>);

#[derive(Debug)]
struct Rule {
    service: String,
    action: Action,
    /// The real path of what is watched.
    base: PathBuf,
    target: String,
    hook: Hook,
    include: Option<Ignore>,
    /// Patterns, each with the folder that they are relative to.
    ignored: Vec<(PathBuf, Ignore)>,
    initial: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Rebuild,
    Restart,
    Sync,
    SyncRestart,
    SyncExec,
}

impl Action {
    fn of(text: &str) -> Option<Self> {
        Some(match text {
            "rebuild" => Self::Rebuild,
            "restart" => Self::Restart,
            "sync" => Self::Sync,
            "sync+restart" => Self::SyncRestart,
            "sync+exec" => Self::SyncExec,
            _ => return None,
        })
    }

    fn syncs(self) -> bool {
        matches!(self, Self::Sync | Self::SyncRestart | Self::SyncExec)
    }
}

impl Rules {
    /// The rules of the services, of these only where some are named; and what there is to say about them.
    ///
    /// # Errors
    /// There are none, or one of them cannot be done.
    pub(super) fn of(project: &Project, services: &[String]) -> Result<(Self, Vec<String>), CommandError> {
        let (mut rules, mut warnings) = (Vec::new(), Vec::new());
        let meant = |name: &String| services.is_empty() || services.contains(name);
        for (name, service) in project.services.iter().filter(|(name, _)| meant(name)) {
            let triggers = service.develop.iter().flat_map(|develop| &develop.watch);
            for trigger in triggers {
                let rule = Rule::of(name, service, trigger)?;
                if rule.action.syncs() && is_mounted(service, &rule.base) {
                    warnings.push(format!(
                        "service {name:?} mounts {}, so its changes need no watching",
                        trigger.path
                    ));
                } else {
                    rules.push(rule);
                }
            }
        }
        if rules.is_empty() {
            return Err(CommandError::other(
                "none of the selected services is configured for watch, consider setting a 'develop' section",
            ));
        }
        Ok((Self(rules), warnings))
    }

    /// What is watched.
    pub(super) fn paths(&self) -> BTreeSet<&Path> {
        self.0.iter().map(|rule| rule.base.as_path()).collect()
    }

    /// Whether a service is built anew by a rule.
    pub(super) fn rebuilds(&self) -> bool {
        self.0.iter().any(|rule| rule.action == Action::Rebuild)
    }

    /// What changes of these mean; of a folder with `true`, all that is in it has come with it.
    ///
    /// # Errors
    /// A folder cannot be looked through.
    pub(super) fn work(&self, changed: &BTreeMap<PathBuf, bool>) -> Result<Work, CommandError> {
        let mut work = Work::default();
        for (path, with_contents) in changed {
            for rule in &self.0 {
                let mut meets = |path: &Path| {
                    if let Some(mapping) = rule.mapping(path) {
                        rule.add(mapping, &mut work);
                    }
                };
                meets(path);
                if *with_contents && path.is_dir() && !path.is_symlink() {
                    below(path, &|path| !rule.ignores(path), &mut meets)?;
                }
            }
        }
        Ok(work)
    }

    /// What new containers of services are to have, by `initial_sync`; of all services where none is named.
    ///
    /// # Errors
    /// A folder cannot be looked through.
    pub(super) fn initial(
        &self,
        services: &BTreeSet<String>,
    ) -> Result<BTreeMap<String, BTreeSet<Mapping>>, CommandError> {
        let mut all: BTreeMap<String, BTreeSet<Mapping>> = BTreeMap::new();
        let is_meant = |rule: &&Rule| services.is_empty() || services.contains(&rule.service);
        for rule in self.0.iter().filter(|rule| rule.initial && rule.action.syncs()).filter(is_meant) {
            let is_folder = |path: &Path| path.is_dir() && !path.is_symlink();
            let mut add = |path: &Path| {
                if let Some(mapping) = rule.mapping(path).filter(|mapping| !is_folder(&mapping.from)) {
                    all.entry(rule.service.clone()).or_default().insert(mapping);
                }
            };
            add(&rule.base);
            if rule.base.is_dir() {
                below(&rule.base, &|path| !rule.ignores(path), &mut add)?;
            }
        }
        Ok(all)
    }
}

impl Rule {
    fn of(name: &str, service: &Service, trigger: &Trigger) -> Result<Self, CommandError> {
        let wrong = |what: String| CommandError::other(format!("can't watch service {name:?}: {what}"));
        let action =
            Action::of(&trigger.action).ok_or_else(|| wrong(format!("{:?} is no action", trigger.action)))?;
        if action == Action::Rebuild && service.build.is_none() {
            return Err(wrong("action rebuild needs a build context".into()));
        }
        if action == Action::SyncExec && trigger.exec.command.0.as_ref().is_none_or(Vec::is_empty) {
            return Err(wrong("action sync+exec needs a command".into()));
        }
        let path = Path::new(&trigger.path);
        let base = std::fs::canonicalize(path)
            .map_err(|error| wrong(format!("{}: {}", trigger.path, Error::from(error).message)))?;
        let patterns = |lines: &[String]| {
            Ignore::of(lines.iter().map(String::as_str)).map_err(|error| wrong(error.to_string()))
        };
        let mut ignored = vec![(PathBuf::from("/"), patterns(&PASSING.map(str::to_owned))?)];
        ignored.push((base.clone(), patterns(&trigger.ignore)?));
        if let Some(build) = &service.build {
            ignored.extend(left_out(build).map_err(|error| wrong(error.message))?);
        }
        let include = if trigger.include.is_empty() { None } else { Some(patterns(&trigger.include)?) };
        Ok(Self {
            service: name.to_owned(),
            action,
            target: trigger.target.clone(),
            hook: trigger.exec.clone(),
            include,
            ignored,
            initial: trigger.initial_sync,
            base,
        })
    }

    fn ignores(&self, path: &Path) -> bool {
        self.ignored.iter().any(|(base, patterns)| {
            path.strip_prefix(base)
                .is_ok_and(|path| patterns.ignores(slashed(path).trim_start_matches('/').as_bytes()))
        })
    }

    /// Where a file belongs; [`None`] where this rule does not mean it.
    fn mapping(&self, path: &Path) -> Option<Mapping> {
        let below = slashed(path.strip_prefix(&self.base).ok()?);
        if self.ignores(path) {
            return None;
        }
        // What is named whole, as what is watched itself, need not be included by a pattern.
        let included = |patterns: &Ignore| below.is_empty() || patterns.ignores(below.as_bytes());
        if self.include.as_ref().is_some_and(|patterns| !included(patterns)) {
            return None;
        }
        let target = self.target.trim_matches('/');
        let to = match (below.is_empty(), self.target.ends_with('/')) {
            (false, _) if target.is_empty() => format!("/{below}"),
            (false, _) => format!("/{target}/{below}"),
            (true, true) if !path.is_dir() => format!("/{target}/{}", path.file_name()?.to_string_lossy()),
            (true, _) => format!("/{target}"),
        };
        Some(Mapping { from: path.to_owned(), to })
    }

    fn add(&self, mapping: Mapping, work: &mut Work) {
        let service = self.service.clone();
        match self.action {
            Action::Rebuild => drop(work.rebuild.insert(service)),
            Action::Restart => drop(work.restart.insert(service)),
            Action::Sync | Action::SyncRestart | Action::SyncExec => {
                if self.action == Action::SyncRestart {
                    work.restart.insert(service.clone());
                }
                let hook = (service.clone(), self.hook.clone());
                if self.action == Action::SyncExec && !work.hooks.contains(&hook) {
                    work.hooks.push(hook);
                }
                work.sync.entry(service).or_default().insert(mapping);
            }
        }
    }
}

fn slashed(path: &Path) -> String {
    let text = path.to_string_lossy();
    if cfg!(windows) { text.replace('\\', "/") } else { text.into_owned() }
}

/// What the build leaves out of its context; a context that is no folder here has no rules.
fn left_out(build: &Build) -> Result<Option<(PathBuf, Ignore)>, Error> {
    let Ok(context) = std::fs::canonicalize(&build.context) else { return Ok(None) };
    let file = if build.dockerfile.is_empty() { "Dockerfile" } else { &build.dockerfile };
    let rules = usual_rules(&Root::open(&context)?, file)?;
    rules.map(|rules| Ok((context, Ignore::of_text(&rules)?))).transpose()
}

/// Whether a folder of this machine that the service mounts holds the path.
fn is_mounted(service: &Service, path: &Path) -> bool {
    let binds = service.volumes.iter().filter(|volume| volume.r#type == "bind");
    binds
        .filter_map(|volume| std::fs::canonicalize(&volume.source).ok())
        .any(|source| path.starts_with(source))
}

/// Most files of a folder that are looked at.
const COUNT_LIMIT: usize = 200_000;

/// Shows all that is in a folder and below, but not what `keeps` says no to, nor what links lead to.
fn below(
    folder: &Path,
    keeps: &dyn Fn(&Path) -> bool,
    show: &mut dyn FnMut(&Path),
) -> Result<(), CommandError> {
    let mut folders = vec![folder.to_owned()];
    let mut count = 0;
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            // It has gone again.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error.into()),
        };
        for entry in entries.flatten() {
            let path = entry.path();
            if !keeps(&path) {
                continue;
            }
            count += 1;
            if count > COUNT_LIMIT {
                return Err(CommandError::other(format!(
                    "{} has more than {COUNT_LIMIT} files: ignore what is not worked on",
                    folder.display()
                )));
            }
            show(&path);
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(path);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use cove_compose::model::{Command, Develop};

    use super::*;

    fn project(folder: &Path, triggers: Vec<Trigger>) -> Project {
        let folder = std::fs::canonicalize(folder).unwrap();
        let absolute =
            |trigger: Trigger| Trigger { path: folder.join(&trigger.path).display().to_string(), ..trigger };
        let watch = triggers.into_iter().map(absolute).collect();
        let build = Build { context: folder.display().to_string(), ..Build::default() };
        let service = Service {
            name: "web".into(),
            develop: Some(Develop { watch, ..Develop::default() }),
            build: Some(build),
            ..Service::default()
        };
        Project { services: [("web".to_owned(), service)].into(), ..Project::default() }
    }

    fn trigger(path: &str, action: &str, target: &str) -> Trigger {
        Trigger { path: path.into(), action: action.into(), target: target.into(), ..Trigger::default() }
    }

    fn changed(folder: &Path, paths: &[(&str, bool)]) -> BTreeMap<PathBuf, bool> {
        let folder = std::fs::canonicalize(folder).unwrap();
        paths.iter().map(|(path, whole)| (folder.join(path), *whole)).collect()
    }

    fn places(work: &Work) -> Vec<&str> {
        work.sync.values().flatten().map(|mapping| mapping.to.as_str()).collect()
    }

    #[test]
    fn changes_become_work() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        for name in ["src/below", "src/node_modules/x"] {
            fs::create_dir_all(path.join(name)).unwrap();
        }
        for name in ["src/below/a.js", "src/node_modules/x/b.js", "package.json", "one.conf"] {
            fs::write(path.join(name), "").unwrap();
        }
        fs::write(path.join(".dockerignore"), "**/*.md\n").unwrap();
        let sync = Trigger { ignore: vec!["node_modules/".into()], ..trigger("src", "sync", "/app/src") };
        let exec = Hook { command: Command(Some(vec!["reload".to_owned()])), ..Hook::default() };
        let project = project(
            path,
            vec![
                sync,
                trigger("package.json", "rebuild", ""),
                trigger("one.conf", "sync+restart", "/etc/"),
                Trigger {
                    exec,
                    include: vec!["*.css".into()],
                    initial_sync: true,
                    ..trigger("src", "sync+exec", "/css")
                },
            ],
        );
        let (rules, warnings) = Rules::of(&project, &[]).unwrap();
        assert!(warnings.is_empty() && rules.rebuilds());
        let work = rules.work(&changed(path, &[("src/x.js", false), ("src/gone/y", false)])).unwrap();
        assert_eq!(places(&work), ["/app/src/gone/y", "/app/src/x.js"]);
        assert!(work.rebuild.is_empty() && work.restart.is_empty() && work.hooks.is_empty());
        // Of what has come as a whole, all is meant but what is ignored.
        let work = rules.work(&changed(path, &[("src", true)])).unwrap();
        assert_eq!(places(&work), ["/app/src", "/css", "/app/src/below", "/app/src/below/a.js"]);
        let work = rules.work(&changed(path, &[("package.json", false), ("one.conf", false)])).unwrap();
        assert_eq!(work.rebuild.len(), 1);
        assert_eq!((places(&work), work.restart.len()), (vec!["/etc/one.conf"], 1));
        let work = rules.work(&changed(path, &[("src/a.css", false), ("src/b.css", false)])).unwrap();
        assert_eq!(work.hooks.len(), 1);
        for ignored in ["src/a.md", "src/node_modules/x/b.js", "src/.git/HEAD", "src/.a.js.swp", "other"] {
            let work = rules.work(&changed(path, &[(ignored, false)])).unwrap();
            assert_eq!(work, Work::default(), "{ignored}");
        }
        fs::write(path.join("src/first.css"), "").unwrap();
        let initial = rules.initial(&BTreeSet::new()).unwrap();
        let initial: Vec<_> = initial["web"].iter().map(|mapping| mapping.to.as_str()).collect();
        assert_eq!(initial, ["/css/first.css"]);
    }

    #[test]
    fn what_cannot_be_done_is_said_before() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("src")).unwrap();
        for (wrong, message) in [
            (trigger("src", "copy", "/x"), "\"copy\" is no action"),
            (trigger("src", "sync+exec", "/x"), "needs a command"),
            (trigger("none", "sync", "/x"), "none: "),
        ] {
            let error = Rules::of(&project(folder.path(), vec![wrong]), &[]).unwrap_err();
            assert!(error.messages().join(" ").contains(message), "{:?}", error.messages());
        }
        let mut without = project(folder.path(), vec![trigger("src", "rebuild", "")]);
        if let Some(web) = without.services.get_mut("web") {
            web.build = None;
        }
        assert!(Rules::of(&without, &[]).unwrap_err().messages()[0].contains("needs a build context"));
        assert!(
            Rules::of(&without, &["db".into()]).unwrap_err().messages()[0].contains("configured for watch")
        );
    }
}
