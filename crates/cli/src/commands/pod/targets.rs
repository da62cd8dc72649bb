//! Which pods a command with several targets means, and what it says of them.

use cove_api::{Engine, PodListOptions, PodReport, PodState, Pods};

use crate::command_error::{CommandError, CommandResult, Failures};
use crate::context::Context;

// The pods.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Targets {
    /// Names or ids
    #[arg(value_name = "POD")]
    pub(crate) names: Vec<String>,
    /// Every pod
    #[arg(long, short)]
    pub(crate) all: bool,
    /// The newest pod
    #[arg(long, short)]
    pub(crate) latest: bool,
}

// Files with ids, for the commands that read them.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct IdFiles {
    /// File with the id of a pod
    #[arg(long, value_name = "FILE")]
    pub(crate) pod_id_file: Vec<String>,
}

/// A pod to act on, and what to call it in the output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chosen {
    /// For the engine.
    pub(crate) id: String,
    /// As the user wrote it, or the id.
    pub(crate) shown: String,
    /// The file that named it.
    pub(crate) file: Option<String>,
}

impl Targets {
    /// Refuses what contradicts, in Podman's words.
    ///
    /// # Errors
    /// Nothing is meant, or two ways of meaning it are mixed.
    pub(crate) fn check(&self, files: &IdFiles) -> Result<(), CommandError> {
        let (names, files) = (!self.names.is_empty(), !files.pod_id_file.is_empty());
        let complaint = if files && (self.all || self.latest) {
            "--all, --latest, and --pod-id-file cannot be used together"
        } else if self.all && self.latest {
            "--all and --latest cannot be used together"
        } else if names && self.all {
            "no arguments are needed with --all"
        } else if names && self.latest {
            "--latest and pods cannot be used together"
        } else if !names && !files && !self.all && !self.latest {
            "you must provide at least one name or id"
        } else {
            return Ok(());
        };
        Err(CommandError::other(complaint))
    }

    /// The pods that are meant; names are not looked up. `states` limits what `--all` means; empty is every state.
    ///
    /// # Errors
    /// The engine cannot list them, or there is none. A file that cannot be read is noted in `failures`.
    pub(crate) async fn choose(
        &self,
        engine: &dyn Engine,
        files: &IdFiles,
        states: &[PodState],
        failures: &mut Failures,
    ) -> Result<Vec<Chosen>, CommandError> {
        if self.latest {
            let id = latest(engine).await?;
            return Ok(vec![Chosen { shown: id.clone(), id, file: None }]);
        }
        if self.all {
            let pods = engine.pods().list(PodListOptions::default()).await?;
            return Ok(pods
                .into_iter()
                .filter(|pod| states.is_empty() || states.contains(&pod.status))
                .map(|pod| Chosen { shown: pod.id.clone(), id: pod.id, file: None })
                .collect());
        }
        let named = |name: &String| Chosen { id: name.clone(), shown: name.clone(), file: None };
        let mut chosen: Vec<Chosen> = self.names.iter().map(named).collect();
        for path in &files.pod_id_file {
            if let Some(id) = failures.note(id_in(path)) {
                chosen.push(Chosen { shown: id.clone(), id, file: Some(path.clone()) });
            }
        }
        Ok(chosen)
    }

    /// Does the same to each pod that is meant, and says of each that it was done; `ids` as in [`report`].
    ///
    /// # Errors
    /// As [`Targets::check`] and [`Targets::choose`].
    pub(crate) async fn each(
        &self,
        context: &Context,
        files: &IdFiles,
        states: &[PodState],
        ids: bool,
        act: impl AsyncFn(&dyn Pods, &str) -> cove_api::Result<PodReport>,
    ) -> CommandResult {
        self.check(files)?;
        let engine = context.engine().await?;
        let mut failures = Failures::default();
        let chosen = self.choose(engine, files, states, &mut failures).await?;
        let mut results = Vec::new();
        for pod in &chosen {
            results.push((pod, act(engine.pods(), &pod.id).await));
        }
        report(context, results, ids, &mut failures)?;
        failures.finish()
    }
}

/// The id in a file that `--pod-id-file` wrote.
///
/// # Errors
/// It cannot be read, or is empty.
pub(crate) fn id_in(path: &str) -> Result<String, CommandError> {
    crate::commands::common::id_in(path, "pod ID file")
}

/// The id of the newest pod.
///
/// # Errors
/// There is none.
pub(crate) async fn latest(engine: &dyn Engine) -> Result<String, CommandError> {
    let pods = engine.pods().list(PodListOptions::default()).await?;
    let newest = pods.into_iter().max_by_key(|pod| pod.created);
    newest.map(|pod| pod.id).ok_or_else(|| cove_api::Error::not_found("no such pod").into())
}

/// Says of each pod that it was done, or why not; `ids` shows ids in place of what the user wrote.
///
/// # Errors
/// Nobody reads the output any more.
pub(crate) fn report(
    context: &Context,
    results: Vec<(&Chosen, cove_api::Result<PodReport>)>,
    ids: bool,
    failures: &mut Failures,
) -> Result<(), CommandError> {
    for (pod, result) in results {
        let Some(report) = failures.note(result) else { continue };
        if report.errs.is_empty() {
            // A peer's answer that nothing was to be done names no pod.
            let id = if report.id.is_empty() { &pod.id } else { &report.id };
            context.printer.line(if ids { id } else { &pod.shown })?;
        }
        for error in report.errs {
            failures.push(CommandError::other(error));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_podman_s() {
        #[derive(clap::Args)]
        struct Both {
            #[command(flatten)]
            targets: Targets,
            #[command(flatten)]
            files: IdFiles,
        }
        let together = "--all, --latest, and --pod-id-file cannot be used together";
        for (line, expect) in [
            ("", "you must provide at least one name or id"),
            ("-a -l", "--all and --latest cannot be used together"),
            ("--all a", "no arguments are needed with --all"),
            ("-l a", "--latest and pods cannot be used together"),
            ("--pod-id-file f --all", together),
            ("--pod-id-file f --latest", together),
            ("--pod-id-file f a", ""),
            ("a b", ""),
            ("-a", ""),
            ("-l", ""),
        ] {
            let args: Both = crate::args::parsed(line);
            let complaint = args
                .targets
                .check(&args.files)
                .map_or_else(|error| error.messages().join(";"), |()| String::new());
            assert_eq!(complaint, expect, "{line}");
        }
    }
}
