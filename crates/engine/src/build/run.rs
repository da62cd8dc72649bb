//! `RUN`: a command in a working container, run as a container's is.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;

use cove_api::{ByteStream, ContainerSpec, Error, FailedStep, HealthConfig, Namespace, OutputStream, Result};
use cove_build::{Command, Heredoc, Run, shell};
use cove_runtime::{AttachStreams, AttachWriter, Attachment, Frame, Launch};
use cove_tree::Root;
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::sync::Mutex;

use super::mounts::{Mounts, Traces, Wanted};
use super::platforms;
use super::report::{Lines, Teller};
use super::stage::{Doing, Stage};
use super::start::{Stepped, Stop};
use super::working::Working;
use crate::container::{self, Draft, Place};
use crate::engine::Core;
use crate::sandbox::{self, Hidden, Plan, PlannedSecret};
use crate::state::{ContainerRow, ImageFacts, LogDriver};

/// Where a document with a `#!` line is; a file system in memory, so that it leaves no trace.
const SCRIPT: &str = "/dev/pipes/script";

/// A command with everything that it needs.
struct Order {
    words: Vec<String>,
    /// A program that the command is.
    script: Option<String>,
    mounts: Vec<Wanted>,
    network: Option<String>,
}

impl Stage<'_, '_> {
    pub(super) fn run<'s>(&self, run: &'s Run) -> Stepped<Doing<'s>> {
        if run.insecure {
            return Err(Error::unsupported("RUN --security=insecure is not supported").into());
        }
        if !run.devices.is_empty() {
            return Err(Error::unsupported("RUN --device is not supported yet").into());
        }
        let (words, script) = self.words(run);
        let all = [self.build.options.mounts.as_slice(), &run.mounts].concat();
        let (mounts, mount_inputs) = self.wanted(&all)?;
        let network = run.network.as_ref().map(|network| self.scope.word(network)).transpose()?;
        if let Some(mode) = network.as_deref().filter(|mode| !matches!(*mode, "default" | "none" | "host")) {
            return Err(Error::invalid(format!("unsupported network mode {mode:?}")).into());
        }
        let visible = self.scope.visible();
        let shown = shown(run, &words);
        let created_by = match visible.len() {
            0 => shown,
            count => {
                let pairs: Vec<String> =
                    visible.iter().map(|(name, value)| format!("{name}={value}")).collect();
                format!("|{count} {} {shown}", pairs.join(" "))
            }
        };
        let mut inputs =
            json!({"words": words, "script": script, "mounts": mount_inputs, "network": network});
        if self.build.options.compat_volumes {
            inputs["kept"] = self.state.config.volumes.keys().cloned().collect();
        }
        let order = Order { words, script, mounts, network };
        Ok(Doing {
            created_by,
            inputs: Value::from(vec![inputs, json!(visible)]),
            files: Some(Box::new(move |stage, working| {
                stage.execute(&order, working)?;
                Ok(true.into())
            })),
        })
    }

    /// The words that are run, and the program that they are where the file has one.
    fn words(&self, run: &Run) -> (Vec<String>, Option<String>) {
        let line = match &run.command {
            Command::Exec(words) => return (words.clone(), None),
            Command::Shell(line) => line,
        };
        let with_shell = |line: String| shell(&self.state.config).into_iter().chain([line]).collect();
        match run.heredocs.as_slice() {
            [] => (with_shell(line.clone()), None),
            [document] if run.is_script && document.text.starts_with("#!") => {
                (vec![SCRIPT.to_owned()], Some(document.text.clone()))
            }
            [document] if run.is_script => (with_shell(document.text.clone()), None),
            documents => (with_shell(with_documents(line, documents)), None),
        }
    }

    fn execute(&self, order: &Order, working: &Working) -> Stepped<()> {
        let core = self.build.core;
        let architecture = self.state.document.get("architecture").and_then(Value::as_str);
        platforms::check_runnable(architecture.unwrap_or_default())?;
        let facts = ImageFacts {
            id: self.state.id.clone().unwrap_or_default(),
            name: self.state.base.clone(),
            digest: String::new(),
            config: self.state.config.clone(),
        };
        let mut spec = self.request(order);
        let workdir = match self.state.config.working_dir.as_str() {
            "" => "/",
            path => path,
        };
        let mounts = self.mounts(&order.mounts, &mut spec, workdir, working)?;
        let row = row_of(core, &spec, &facts, working)?;
        let mut plan = plan_of(core, &row)?;
        let _kept = add_secrets(&mut plan, mounts, order);
        let input = self.build.context.stdin.as_ref();
        let code = Attended { core, working, input, teller: &self.teller }.run(plan, &row.config.runtime)?;
        if code != 0 {
            let message = format!("while running runtime: exit status {code}");
            return Err(Stop::Failed(FailedStep { code, message }));
        }
        Ok(())
    }

    /// The request that the command is, over what the options say of all of them.
    fn request(&self, order: &Order) -> ContainerSpec {
        let mut spec = ContainerSpec::clone(&self.build.options.run);
        spec.image = self.state.id.clone().unwrap_or_else(|| "scratch".into());
        spec.entrypoint = Some(Vec::new());
        spec.command.clone_from(&order.words);
        spec.env.extend(self.scope.visible());
        spec.env.extend(self.scope.proxies());
        // Changes below a volume's path stay, as with BuildKit.
        spec.image_volume_mode = "ignore".into();
        spec.systemd = "false".into();
        spec.sdnotify_mode = "ignore".into();
        spec.stdin = self.build.context.stdin.is_some().then_some(true);
        spec.healthconfig = Some(HealthConfig { test: vec!["NONE".into()], ..HealthConfig::default() });
        if let Some(mode @ ("none" | "host")) = order.network.as_deref() {
            spec.netns = Namespace::new(mode);
            spec.networks.clear();
        }
        spec
    }
}

/// A command that is run to its end.
pub(super) struct Attended<'a> {
    pub(super) core: &'a Arc<Core>,
    pub(super) working: &'a Working,
    /// What it has as its standard input.
    pub(super) input: Option<&'a Mutex<ByteStream>>,
    /// Who is told of its output.
    pub(super) teller: &'a Teller,
}

impl Attended<'_> {
    /// Runs it and takes everything apart.
    pub(super) fn run(&self, plan: Plan<'_>, runtime: &str) -> Result<i32> {
        let folder = plan.folder.clone();
        let result = sandbox::prepare(self.core, plan).and_then(|prepared| {
            let destinations = destinations(&folder)?;
            let traces = Traces::note(&Root::open(&prepared.mountpoint)?, &destinations);
            let result = self.wait(prepared.launch, runtime);
            traces.remove(&Root::open(&prepared.mountpoint)?);
            result
        });
        let released = self.working.release(runtime);
        let code = result?;
        released?;
        Ok(code)
    }

    fn wait(&self, launch: Launch, runtime: &str) -> Result<i32> {
        let tokio = tokio::runtime::Handle::current();
        let input = self.input;
        let streams = AttachStreams { stdin: input.is_some(), stdout: true, stderr: true };
        let attachment = tokio.block_on(Attachment::connect(launch.run_dir(), streams))?;
        let started = launch.start()?;
        let (mut reader, writer) = attachment.split();
        let teller = self.teller;
        let code = tokio.block_on(async {
            let mut fed = pin!(async {
                match input {
                    Some(input) => fed(&mut *input.lock().await, writer).await,
                    None => held(writer).await,
                }
            });
            let (mut out, mut errors) = (Lines::new(teller), Lines::new(teller));
            loop {
                let frame = tokio::select! {
                    biased;
                    () = teller.closed() => return Ok(None),
                    frame = reader.next() => frame.map_err(Error::from)?,
                    never = &mut fed => match never {},
                };
                match frame {
                    Some(Frame::Output(chunk)) => match chunk.stream {
                        OutputStream::Stderr => errors.add(&chunk.data),
                        _ => out.add(&chunk.data),
                    },
                    Some(Frame::Exit(code)) => {
                        out.finish();
                        errors.finish();
                        return Ok(Some(code));
                    }
                    Some(Frame::Failed(message)) => return Err(Error::invalid(message)),
                    None => return Err(Error::internal("the monitor of the command has died")),
                }
            }
        });
        match code {
            Ok(Some(code)) => {
                let _ = started.supervision.wait_exit();
                let _ = started.supervision.wait_cleaned();
                let _ = started.supervision.acknowledge();
                Ok(code)
            }
            other => {
                kill(self.core, &self.working.id, runtime)?;
                other?;
                teller.check()?;
                Err(Error::internal("the command ended without an exit code"))
            }
        }
    }
}

/// Gives a command its input; for as long as this is polled it stays attached.
pub(super) async fn fed(input: &mut ByteStream, mut writer: AttachWriter) -> Infallible {
    while let Some(Ok(piece)) = input.next().await {
        if writer.write_all(&piece).await.is_err() {
            break;
        }
    }
    let _ = writer.shutdown().await;
    held(writer).await
}

/// Keeps a command attached: dropping the writer together with the reader detaches.
async fn held(_writer: AttachWriter) -> Infallible {
    std::future::pending().await
}

/// A command as a container that has no row.
pub(super) fn row_of(
    core: &Arc<Core>,
    spec: &ContainerSpec,
    facts: &ImageFacts,
    working: &Working,
) -> Result<ContainerRow> {
    let Draft { mut row, .. } = container::draft(core, spec, Place::Step(facts))?;
    // What containers.conf wants of containers is nothing of an image's.
    row.config.settings.root.read_only = false;
    row.config.files.time_zone.clear();
    row.id.clone_from(&working.id);
    row.name = crate::name::short(&working.id).to_owned();
    row.config.log.driver = LogDriver::None;
    Ok(row)
}

/// How it is run.
pub(super) fn plan_of<'a>(core: &Core, row: &'a ContainerRow) -> Result<Plan<'a>> {
    let mut plan = container::plan(core, row)?;
    // Nobody but this build knows it; what it leaves is taken away by the next.
    plan.exit_command.clear();
    // Its layer becomes an image's.
    plan.mtab = false;
    Ok(plan)
}

/// Ends a command that nobody waits for any more.
pub(super) fn kill(core: &Arc<Core>, id: &str, runtime: &str) -> Result<()> {
    let oci = core.oci_runtime(runtime)?;
    Ok(core.runtime()?.force_delete(&oci, id)?)
}

/// Gives the command its secrets; what comes back is kept as long as it runs.
fn add_secrets<'m>(plan: &mut Plan<'_>, mut mounts: Mounts<'m>, order: &Order) -> Mounts<'m> {
    plan.secrets.append(&mut mounts.secrets);
    plan.secret_env.append(&mut mounts.secret_env);
    if let Some(script) = &order.script {
        let data = Hidden(script.clone().into_bytes());
        plan.secrets.push(PlannedSecret { destination: SCRIPT.into(), data, uid: 0, gid: 0, mode: 0o755 });
    }
    mounts
}

/// Where something is mounted, by the bundle.
pub(super) fn destinations(folder: &std::path::Path) -> Result<Vec<String>> {
    let text = cove_sys::fs::read(folder.join("config.json"))?;
    let config: Value = serde_json::from_slice(&text).map_err(|error| Error::internal(error.to_string()))?;
    let mounts = config["mounts"].as_array().into_iter().flatten();
    Ok(mounts.filter_map(|mount| mount["destination"].as_str().map(ToOwned::to_owned)).collect())
}

/// A line with the documents that it announces, for a shell.
fn with_documents(line: &str, documents: &[Heredoc]) -> String {
    let mut text = line.to_owned();
    for document in documents {
        text.push('\n');
        text.push_str(&document.text);
        text.push_str(&document.name);
    }
    text.push('\n');
    text
}

/// A command as the history tells it.
fn shown(run: &Run, words: &[String]) -> String {
    match &run.command {
        Command::Exec(words) => words.join(" "),
        Command::Shell(line) if run.heredocs.is_empty() => {
            let shell = words.split_last().map(|(_, shell)| shell.join(" ")).unwrap_or_default();
            format!("{shell} {line}")
        }
        Command::Shell(line) => format!("/bin/sh -c {}", with_documents(line, &run.heredocs).trim_end()),
    }
}
