//! Events in the journal of systemd, in podman's fields, so that each shows what the other did.
//!
//! They are written by systemd's native protocol, a datagram for each, and read by journalctl(1).

use std::collections::BTreeMap;
use std::io::{self, IoSlice, Write as _};
use std::mem::MaybeUninit;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use cove_api::{Error, Event, EventActor, EventOptions, Result, StringMap, Timestamp, ValueStream};
use rustix::fs::{MemfdFlags, SealFlags};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags};
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::Command;
use tokio::sync::mpsc;

use super::filter;

/// Where the journal takes entries.
pub(crate) const SOCKET: &str = "/run/systemd/journal/socket";

/// The name under which podman's events are found.
const IDENTIFIER: &str = "podman";

/// How long an entry may wait for the journal.
const PATIENCE: Duration = Duration::from_secs(1);

/// Longest entry that is read, in bytes of JSON; a longer one is left out.
const LONGEST: u64 = 4 << 20;

/// Attributes with a field of their own.
const FIELDS: [(&str, &str); 11] = [
    ("image", "PODMAN_IMAGE"),
    ("name", "PODMAN_NAME"),
    ("podId", "PODMAN_POD_ID"),
    ("network", "PODMAN_NETWORK_NAME"),
    ("error", "ERROR"),
    ("containerExitCode", "PODMAN_EXIT_CODE"),
    ("oomKilled", "PODMAN_OOM_KILLED"),
    ("health_status", "PODMAN_HEALTH_STATUS"),
    ("health_log", "PODMAN_HEALTH_LOG"),
    ("health_failing_streak", "PODMAN_HEALTH_FAILING_STREAK"),
    (super::INSPECT_DATA, "PODMAN_CONTAINER_INSPECT_DATA"),
];

/// All other attributes, as a JSON object.
const LABELS: &str = "PODMAN_LABELS";

/// What an event says but for its time.
pub(crate) fn fields(event: &Event) -> Vec<(String, String)> {
    let mut fields = vec![
        ("SYSLOG_IDENTIFIER".to_owned(), IDENTIFIER.to_owned()),
        ("PODMAN_EVENT".to_owned(), event.action.clone()),
        ("PODMAN_TYPE".to_owned(), event.kind.clone()),
        ("PODMAN_ID".to_owned(), event.actor.id.clone()),
    ];
    let mut rest: BTreeMap<&str, &str> = BTreeMap::new();
    for (name, value) in &event.actor.attributes {
        match FIELDS.iter().find(|(own, _)| own == name) {
            Some((_, field)) => fields.push(((*field).to_owned(), value.clone())),
            None => {
                rest.insert(name, value);
            }
        }
    }
    if !rest.is_empty()
        && let Ok(labels) = serde_json::to_string(&rest)
    {
        fields.push((LABELS.to_owned(), labels));
    }
    fields
}

/// Writes an event.
pub(super) fn write(event: &Event) -> io::Result<()> {
    let mut fields = fields(event);
    fields.push(("PODMAN_TIME".to_owned(), event.timestamp().to_string()));
    // As for podman: those of health checks are no mere information.
    let priority = if event.action == "health_status" { "5" } else { "6" };
    fields.push(("PRIORITY".to_owned(), priority.to_owned()));
    let name = event.attribute("name");
    fields
        .push(("MESSAGE".to_owned(), format!("{} {} {} ({name})", event.kind, event.action, event.actor.id)));
    send(Path::new(SOCKET), &encoded(&fields))
}

fn encoded(fields: &[(String, String)]) -> Vec<u8> {
    let mut entry = Vec::new();
    for (name, value) in fields.iter().filter(|(_, value)| !value.is_empty()) {
        entry.extend_from_slice(name.as_bytes());
        if value.contains('\n') {
            entry.push(b'\n');
            entry.extend_from_slice(&(value.len() as u64).to_le_bytes());
        } else {
            entry.push(b'=');
        }
        entry.extend_from_slice(value.as_bytes());
        entry.push(b'\n');
    }
    entry
}

fn send(path: &Path, entry: &[u8]) -> io::Result<()> {
    let socket = UnixDatagram::unbound()?;
    socket.connect(path)?;
    socket.set_write_timeout(Some(PATIENCE))?;
    match socket.send(entry) {
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::MSGSIZE.raw_os_error()) => {
            send_file(&socket, entry)
        }
        sent => sent.map(drop),
    }
}

/// An entry too long for a datagram goes as a sealed file in memory.
fn send_file(socket: &UnixDatagram, entry: &[u8]) -> io::Result<()> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let mut file = std::fs::File::from(rustix::fs::memfd_create("cove-event", flags)?);
    file.write_all(entry)?;
    let seals = SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE | SealFlags::SEAL;
    rustix::fs::fcntl_add_seals(&file, seals)?;
    let descriptors = [file.as_fd()];
    let mut space = vec![MaybeUninit::uninit(); SendAncillaryMessage::ScmRights(&descriptors).size()];
    let mut control = SendAncillaryBuffer::new(&mut space);
    control.push(SendAncillaryMessage::ScmRights(&descriptors));
    rustix::net::sendmsg(socket, &[IoSlice::new(b"")], &mut control, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// The events of a user that match, up to now or (with `stream`) on and on; `program` is journalctl.
///
/// # Errors
/// A filter is not known; journalctl cannot be run.
pub(super) fn stream(program: &Path, uid: u32, options: EventOptions) -> Result<ValueStream<Event>> {
    filter::check(&options)?;
    let mut command = Command::new(program);
    command.args(arguments(uid, &options)).kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let failed = |error: io::Error| Error::from(error).context(program.display().to_string());
    let mut child = command.spawn().map_err(failed)?;
    let output = child.stdout.take().ok_or_else(|| Error::internal("journalctl without output"))?;
    let (sender, receiver) = mpsc::channel(64);
    let shown = program.display().to_string();
    tokio::spawn(async move {
        let mut reader = BufReader::new(output);
        let until = options.until;
        let read = async {
            let mut line = Vec::new();
            loop {
                line.clear();
                match (&mut reader).take(LONGEST).read_until(b'\n', &mut line).await {
                    Ok(0) => return,
                    Ok(_) => {}
                    Err(error) => {
                        let _ = sender.send(Err(error.into())).await;
                        return;
                    }
                }
                // What is no event, or the rest of one that is too long, costs itself alone.
                let Some(event) = self::read(&line) else { continue };
                if filter::matches(&event, &options) && sender.send(Ok(event)).await.is_err() {
                    return;
                }
            }
        };
        let end = async {
            match until {
                Some(until) if options.stream => {
                    let left = until.duration_since(Timestamp::now());
                    tokio::time::sleep(Duration::try_from(left).unwrap_or_default()).await;
                }
                _ => std::future::pending().await,
            }
        };
        let has_ended = tokio::select! {
            () = read => true,
            () = end => false,
            () = sender.closed() => false,
        };
        if has_ended
            && let Ok(status) = child.wait().await
            && !status.success()
        {
            let error = Error::internal(format!("{shown} ended with {status}: try it by hand"));
            let _ = sender.send(Err(error)).await;
        }
        drop(child);
    });
    let next = async |mut receiver: mpsc::Receiver<Result<Event>>| {
        receiver.recv().await.map(|event| (event, receiver))
    };
    Ok(Box::pin(futures_util::stream::unfold(receiver, next)))
}

fn arguments(uid: u32, options: &EventOptions) -> Vec<String> {
    let mut arguments: Vec<String> =
        ["--output=json", "--quiet", "--no-pager", "--all"].map(str::to_owned).into();
    // Whole seconds: what is a little too early or late is left out afterwards.
    if let Some(since) = options.since {
        arguments.push(format!("--since=@{}", since.as_second()));
    }
    if options.stream && options.until.is_none_or(|until| until > Timestamp::now()) {
        arguments.push("--follow".to_owned());
        arguments.push(if options.since.is_some() || options.until.is_some() {
            "--lines=all".to_owned()
        } else {
            "--lines=0".to_owned()
        });
    } else if let Some(until) = options.until {
        arguments.push(format!("--until=@{}", until.as_second().saturating_add(1)));
    }
    arguments.push(format!("SYSLOG_IDENTIFIER={IDENTIFIER}"));
    arguments.push(format!("_UID={uid}"));
    arguments
}

/// The event of an entry as `journalctl --output=json` writes it; none where it is none.
fn read(text: &[u8]) -> Option<Event> {
    let entry: BTreeMap<String, Field> = serde_json::from_slice(text).ok()?;
    let field = |name: &str| entry.get(name).and_then(Field::text);
    let time: Timestamp = field("PODMAN_TIME")?.parse().ok()?;
    let mut attributes: StringMap =
        field(LABELS).and_then(|labels| serde_json::from_str(&labels).ok()).unwrap_or_default();
    for (name, own) in FIELDS {
        if let Some(value) = field(own) {
            attributes.insert(name.to_owned(), value);
        }
    }
    Some(Event {
        kind: field("PODMAN_TYPE")?,
        action: field("PODMAN_EVENT")?,
        actor: EventActor { id: field("PODMAN_ID").unwrap_or_default(), attributes },
        scope: "local".into(),
        time: time.as_second(),
        time_nano: i64::try_from(time.as_nanosecond()).unwrap_or(i64::MAX),
    })
}

/// A field's value: text, bytes that are none, or something else that no event has.
#[derive(Deserialize)]
#[serde(untagged)]
enum Field {
    Text(String),
    Bytes(Vec<u8>),
    Other(serde::de::IgnoredAny),
}

impl Field {
    fn text(&self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text.clone()),
            Self::Bytes(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
            Self::Other(_) => None,
        }
    }
}

/// The place where journalctl is looked for when events are read.
#[derive(Debug, Clone)]
pub(crate) struct Journal {
    /// journalctl, or why it is not there.
    pub(crate) program: std::result::Result<PathBuf, String>,
    /// Whose events.
    pub(crate) uid: u32,
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::StreamExt as _;
    use std::os::unix::fs::PermissionsExt as _;

    fn event() -> Event {
        let attributes =
            [("name", "n"), ("image", "i"), ("containerExitCode", "3"), ("a", "1"), ("b", "two\nlines")];
        let attributes = attributes.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let time: Timestamp = "2024-05-06T07:08:09.5Z".parse().unwrap();
        Event {
            kind: "container".into(),
            action: "died".into(),
            actor: EventActor { id: "abc".into(), attributes },
            scope: "local".into(),
            time: time.as_second(),
            time_nano: i64::try_from(time.as_nanosecond()).unwrap(),
        }
    }

    #[test]
    fn an_event_comes_back() {
        let event = event();
        let mut fields: BTreeMap<String, serde_json::Value> =
            fields(&event).into_iter().map(|(name, value)| (name, value.into())).collect();
        assert_eq!(fields["SYSLOG_IDENTIFIER"], "podman");
        assert_eq!(fields["PODMAN_EXIT_CODE"], "3");
        assert_eq!(fields["PODMAN_LABELS"], r#"{"a":"1","b":"two\nlines"}"#);
        fields.insert("PODMAN_TIME".into(), event.timestamp().to_string().into());
        fields.insert("__SEQNUM".into(), 7.into());
        assert_eq!(read(&serde_json::to_vec(&fields).unwrap()).unwrap(), event);
        fields.remove("PODMAN_TYPE");
        assert_eq!(read(&serde_json::to_vec(&fields).unwrap()), None);
    }

    #[test]
    fn short_and_long_entries_are_sent() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let receiver = UnixDatagram::bind(&path).unwrap();
        let field = |value: &str| encoded(&[("NAME".to_owned(), value.to_owned())]);
        assert_eq!(field("a\nb"), b"NAME\n\x03\0\0\0\0\0\0\0a\nb\n");
        assert!(field("").is_empty());
        send(&path, &field("short")).unwrap();
        let mut buffer = [0; 100];
        let length = receiver.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..length], b"NAME=short\n");
        send(&path, &field(&"x".repeat(4 << 20))).unwrap();
        assert_eq!(receiver.recv(&mut buffer).unwrap(), 0);
    }

    #[tokio::test]
    async fn journalctl_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("journalctl");
        let script = "#!/bin/sh\n[ \"$*\" = '--output=json --quiet --no-pager --all SYSLOG_IDENTIFIER=podman _UID=7' ] || exit\n\
                      echo rubbish\n\
                      echo '{\"PODMAN_TYPE\":\"image\",\"PODMAN_EVENT\":\"pull\",\"PODMAN_ID\":\"x\",\"PODMAN_TIME\":\"2024-05-06T07:08:09Z\"}'\n";
        cove_sys::fs::write(&program, script).unwrap();
        cove_sys::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let events: Vec<_> = stream(&program, 7, EventOptions::default()).unwrap().collect().await;
        let actions: Vec<String> = events.into_iter().map(|event| event.unwrap().action).collect();
        assert_eq!(actions, ["pull"]);
        let follow = EventOptions { stream: true, ..EventOptions::default() };
        assert!(arguments(0, &follow).contains(&"--lines=0".to_owned()));
    }
}
