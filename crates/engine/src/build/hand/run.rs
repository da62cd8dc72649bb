//! Commands in working containers.

use std::pin::pin;
use std::sync::Arc;

use cove_api::{ContainerSpec, Error, HealthConfig, Result, ValueStream, WorkingCommand, WorkingOutput};
use cove_runtime::{AttachStreams, Attachment, Frame, Launch};
use cove_tree::Root;
use futures_util::stream;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::super::mounts::Traces;
use super::super::run::{destinations, fed, kill, plan_of, row_of};
use super::super::working::Working;
use super::record::{self, Record};
use crate::engine::{Core, blocking};
use crate::sandbox;
use crate::state::ImageFacts;

/// Pieces of output that wait for who reads them; then the command waits.
const PIECES: usize = 16;

type Sender = mpsc::Sender<Result<WorkingOutput>>;

/// Runs a command; the stream ends with its exit code or an error, when everything is taken apart.
pub(super) fn run(core: &Arc<Core>, name: &str, command: WorkingCommand) -> ValueStream<WorkingOutput> {
    let (core, name) = (Arc::clone(core), name.to_owned());
    let (sender, receiver) = mpsc::channel(PIECES);
    tokio::spawn(async move {
        let told = sender.clone();
        let result = blocking(&core, move |core| execute(core, &name, command, &told)).await;
        let _ = sender.send(result.map(WorkingOutput::Exit)).await;
    });
    Box::pin(stream::unfold(receiver, |mut receiver| async move { Some((receiver.recv().await?, receiver)) }))
}

fn execute(core: &Arc<Core>, name: &str, command: WorkingCommand, sender: &Sender) -> Result<i32> {
    let (working, mut record) = record::open(core, name)?;
    let WorkingCommand { command: words, spec, input, add_history, given_up } = command;
    let spec = request(*spec, &record, &words);
    let facts = ImageFacts {
        id: record.text("image-id").to_owned(),
        name: record.text("image").to_owned(),
        digest: record.text("image-digest").to_owned(),
        config: record.config()?,
    };
    let row = row_of(core, &spec, &facts, &working)?;
    let runtime = row.config.runtime.clone();
    // Who has mounted it goes on with that.
    let kept = if record.text("mountpoint").is_empty() { 0 } else { working.mounts()? };
    // What a command that was killed has left.
    working.release_but(&runtime, kept)?;
    let plan = plan_of(core, &row)?;
    let folder = plan.folder.clone();
    let result = sandbox::prepare(core, plan).and_then(|prepared| {
        let traces = Traces::note(&Root::open(&prepared.mountpoint)?, &destinations(&folder)?);
        let order = Attended { core, working: &working, runtime: &runtime, sender, given_up: &given_up };
        let result = order.wait(prepared.launch, input);
        traces.remove(&Root::open(&prepared.mountpoint)?);
        result
    });
    let released = working.release_but(&runtime, kept);
    let code = result?;
    released?;
    if add_history && code == 0 {
        record.add_history(format!("/bin/sh -c {}", words.join(" ")));
        record.write(core, &working.id)?;
    }
    Ok(code)
}

/// The request that a command is.
fn request(mut spec: ContainerSpec, record: &Record, words: &[String]) -> ContainerSpec {
    spec.image = match record.text("image-id") {
        "" => "scratch".into(),
        id => id.to_owned(),
    };
    spec.entrypoint = Some(Vec::new());
    spec.command = words.to_vec();
    spec.image_volume_mode = "ignore".into();
    spec.systemd = "false".into();
    spec.sdnotify_mode = "ignore".into();
    spec.healthconfig = Some(HealthConfig { test: vec!["NONE".into()], ..HealthConfig::default() });
    spec
}

/// A command that is waited for.
struct Attended<'a> {
    core: &'a Arc<Core>,
    working: &'a Working,
    runtime: &'a str,
    sender: &'a Sender,
    given_up: &'a CancellationToken,
}

impl Attended<'_> {
    fn wait(&self, launch: Launch, input: cove_api::ByteStream) -> Result<i32> {
        let tokio = tokio::runtime::Handle::current();
        let streams = AttachStreams { stdin: true, stdout: true, stderr: true };
        let attachment = tokio.block_on(Attachment::connect(launch.run_dir(), streams))?;
        let started = launch.start()?;
        match tokio.block_on(self.coupled(attachment, input)) {
            Ok(Some(code)) => {
                let _ = started.supervision.wait_exit();
                let _ = started.supervision.wait_cleaned();
                let _ = started.supervision.acknowledge();
                Ok(code)
            }
            other => {
                kill(self.core, &self.working.id, self.runtime)?;
                other?;
                Err(Error::new(cove_api::ErrorKind::Cancelled, "the command was interrupted"))
            }
        }
    }

    /// Its output to who reads it and its input to it, up to its end; [`None`] where it was given up.
    async fn coupled(&self, attachment: Attachment, mut input: cove_api::ByteStream) -> Result<Option<i32>> {
        let (mut reader, writer) = attachment.split();
        let mut fed = pin!(fed(&mut input, writer));
        loop {
            let frame = tokio::select! {
                biased;
                () = self.given_up.cancelled() => return Ok(None),
                () = self.sender.closed() => return Ok(None),
                frame = reader.next() => frame.map_err(Error::from)?,
                never = &mut fed => match never {},
            };
            match frame {
                Some(Frame::Output(chunk)) => {
                    if self.sender.send(Ok(WorkingOutput::Chunk(chunk))).await.is_err() {
                        return Ok(None);
                    }
                }
                Some(Frame::Exit(code)) => return Ok(Some(code)),
                Some(Frame::Failed(message)) => return Err(Error::invalid(message)),
                None => return Err(Error::internal("the monitor of the command has died")),
            }
        }
    }
}
