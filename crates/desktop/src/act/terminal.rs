//! Terminals: a further process in a running container, and a screen that shows it.

use std::pin::Pin;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cove_api::{AttachStream, Engine, Error, ErrorKind, ExecSpec, ExecStartOptions, TerminalSize};
use futures_util::StreamExt as _;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::sync::{Semaphore, mpsc};

use crate::act::flows::{self, Sink};
use crate::act::run::words;
use crate::core::Core;
use crate::{Event, Failure, TerminalOptions};

/// The shell where no command was named: the better one of those that are there.
const SHELL: [&str; 3] = ["/bin/sh", "-c", "command -v bash >/dev/null 2>&1 && exec bash || exec sh"];
/// What the screen can show (terminfo(5)).
const TERM: &str = "TERM=xterm-256color";
/// Bytes that a screen may owe before the process has to wait.
const WINDOW: usize = 512 << 10;
/// Bytes sent at once.
const PIECE: usize = 32 << 10;
/// Orders that may wait.
const MOST_ORDERS: usize = 64;

/// What reaches a terminal from its screen.
#[derive(Clone)]
pub(crate) struct Terminal {
    orders: mpsc::Sender<Order>,
    /// Bytes that may still be sent before the screen has shown some.
    window: Arc<Semaphore>,
}

/// The standard input of a process.
type Input = Pin<Box<dyn AsyncWrite + Send>>;

enum Order {
    Input(String),
    Size(TerminalSize),
}

/// Starts a process with a terminal and answers the subscription's number.
pub(crate) fn open(core: &Arc<Core>, options: TerminalOptions) -> Result<u32, Failure> {
    let engine = core.engine()?;
    let spec = spec(&options)?;
    let (orders, taken) = mpsc::channel(MOST_ORDERS);
    let terminal = Terminal { orders, window: Arc::new(Semaphore::new(WINDOW)) };
    let size = size(options.columns, options.rows);
    Ok(flows::open(core, |shared, sink| {
        shared.terminals.insert(sink.subscription, terminal.clone());
        show(engine, options.id, spec, size, taken, terminal.window, sink)
    }))
}

/// Passes on what was typed.
pub(crate) async fn input(core: &Core, subscription: u32, data: String) -> Result<(), Failure> {
    order(core, subscription, Order::Input(data)).await
}

/// Passes on the screen's size.
pub(crate) async fn resize(core: &Core, subscription: u32, columns: u16, rows: u16) -> Result<(), Failure> {
    order(core, subscription, Order::Size(size(columns, rows))).await
}

/// Notes that a screen has shown so many bytes.
pub(crate) fn shown(core: &Core, subscription: u32, bytes: u32) {
    let window = core.lock().terminals.get(&subscription).map(|terminal| Arc::clone(&terminal.window));
    if let Some(window) = window {
        let missing = WINDOW.saturating_sub(window.available_permits());
        window.add_permits(missing.min(usize::try_from(bytes).unwrap_or(usize::MAX)));
    }
}

async fn order(core: &Core, subscription: u32, order: Order) -> Result<(), Failure> {
    let terminal = core.lock().terminals.get(&subscription).cloned();
    let ended = || Failure::new(ErrorKind::WrongState, "this terminal has ended");
    terminal.ok_or_else(ended)?.orders.send(order).await.map_err(|_| ended())
}

fn size(columns: u16, rows: u16) -> TerminalSize {
    TerminalSize { height: rows.max(1), width: columns.max(1) }
}

fn spec(options: &TerminalOptions) -> Result<ExecSpec, Failure> {
    let mut cmd = words(&options.command)?;
    if cmd.is_empty() {
        cmd = SHELL.map(str::to_owned).to_vec();
    }
    Ok(ExecSpec {
        attach_stdin: true,
        attach_stdout: true,
        attach_stderr: true,
        tty: true,
        env: vec![TERM.to_owned()],
        cmd,
        user: options.user.clone(),
        ..ExecSpec::default()
    })
}

/// A session that ends with this value: nobody would see what it says.
struct Session {
    core: Arc<Core>,
    id: String,
}

impl Drop for Session {
    fn drop(&mut self) {
        let id = std::mem::take(&mut self.id);
        // Where the program ends, it has ended them all (`Desktop::end`).
        let Some(engine) = self.core.lock().sessions.remove(&id) else { return };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { engine.execs().remove(&id, true).await });
        }
    }
}

async fn show(
    engine: Arc<dyn Engine>,
    container: String,
    spec: ExecSpec,
    size: TerminalSize,
    orders: mpsc::Receiver<Order>,
    window: Arc<Semaphore>,
    sink: Sink,
) -> cove_api::Result<Option<i32>> {
    let id = engine.execs().create(&container, spec).await?;
    sink.core.lock().sessions.insert(id.clone(), Arc::clone(&engine));
    let session = Session { core: Arc::clone(&sink.core), id };
    let options = ExecStartOptions { size: Some(size), ..Default::default() };
    let AttachStream { input, output } = engine
        .execs()
        .start(&session.id, options)
        .await?
        .ok_or_else(|| Error::internal("the engine did not connect to the process"))?;
    let typed = type_in(engine.as_ref(), &session.id, input, orders);
    let read = read(output, &window, &sink);
    // Both at once: a process that does not read must not keep its output back.
    tokio::select! {
        result = read => result?,
        result = typed => return result.map(|()| None),
    }
    engine.execs().wait(&session.id).await.map(Some)
}

/// Sends the output, as fast as the screen shows it.
async fn read(
    mut output: cove_api::ValueStream<cove_api::OutputChunk>,
    window: &Semaphore,
    sink: &Sink,
) -> cove_api::Result<()> {
    while let Some(chunk) = output.next().await {
        for piece in chunk?.data.chunks(PIECE) {
            let bytes = u32::try_from(piece.len()).unwrap_or(u32::MAX);
            let permit =
                window.acquire_many(bytes).await.map_err(|_| Error::internal("the window is closed"))?;
            permit.forget();
            sink.send(Event::Terminal { subscription: sink.subscription, data: STANDARD.encode(piece) });
            sink.room().await;
        }
    }
    Ok(())
}

/// Writes what is typed until the screen goes.
async fn type_in(
    engine: &dyn Engine,
    session: &str,
    input: Option<Input>,
    mut orders: mpsc::Receiver<Order>,
) -> cove_api::Result<()> {
    let mut input = input.ok_or_else(|| Error::internal("the process takes no input"))?;
    while let Some(order) = orders.recv().await {
        let done = match order {
            Order::Input(data) => write(&mut input, data.as_bytes()).await,
            Order::Size(size) => engine.execs().resize(session, size).await,
        };
        // One that has just ended takes neither; its end is seen by who reads.
        if let Err(error) = done {
            tracing::debug!("terminal {session}: {error}");
        }
    }
    Ok(())
}

async fn write(input: &mut Input, data: &[u8]) -> cove_api::Result<()> {
    input.write_all(data).await?;
    Ok(input.flush().await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_command_it_is_a_shell() {
        let options = TerminalOptions { user: "www".into(), ..TerminalOptions::default() };
        let shell = spec(&options).unwrap();
        assert_eq!((shell.cmd[0].as_str(), shell.user.as_str(), shell.tty), ("/bin/sh", "www", true));
        let named = spec(&TerminalOptions { command: "psql -U 'my user'".into(), ..options }).unwrap();
        assert_eq!(named.cmd, ["psql", "-U", "my user"]);
        assert!(spec(&TerminalOptions { command: "'".into(), ..TerminalOptions::default() }).is_err());
        assert_eq!(size(0, 0), TerminalSize { height: 1, width: 1 });
    }
}
