//! A client's folder, received into one of ours: `moby.filesync.v1.FileSync`.
//!
//! The client names all that there is, in order; we ask for the files that we have not, and it sends them in pieces.

use std::sync::Arc;

use cove_api::{Error, Result};
use tokio::sync::mpsc;
use tonic::metadata::{MetadataMap, MetadataValue};

use super::Session;
use crate::error::of_client;
use crate::grpc::received;
use crate::messages::{Packet, PacketKind};
use crate::mirror::{Apply, Mirror, Received};

const DIFF_COPY: &str = "/moby.filesync.v1.FileSync/DiffCopy";

/// Packets that wait for being written.
const WAITING: usize = 64;
/// Most bytes of the patterns that go to a client: they are headers of a request.
const MAX_PATTERNS: usize = 512 << 10;

/// What is wanted of a folder.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    /// The client's name for the folder.
    pub(crate) name: String,
    /// Patterns of what is wanted; empty is all.
    pub(crate) include: Vec<String>,
    /// Patterns of what is not wanted, in the words of `.dockerignore`.
    pub(crate) exclude: Vec<String>,
    /// Paths that are wanted with all that links on them lead to; empty is all.
    pub(crate) follow: Vec<String>,
}

impl Session {
    /// Makes a folder of ours the same as a client's, as far as it is wanted. The folder is `held` until nothing writes to it.
    ///
    /// # Errors
    /// The client has no such folder, what it sends is no transfer, or it cannot be written.
    pub(crate) async fn receive(&self, wanted: &Wanted, apply: Apply, held: Arc<Mirror>) -> Result<Received> {
        let named = |error: Error| error.context(format!("receiving the folder {}", wanted.name));
        if !self.answers(DIFF_COPY) {
            return Err(Error::invalid("the client has no folder for the build"));
        }
        let metadata = metadata(wanted).map_err(named)?;
        let (requests, asked) = mpsc::unbounded_channel();
        let mut packets = self
            .channel
            .streaming::<Packet, Packet>(DIFF_COPY, metadata, received(asked))
            .await
            .map_err(|status| named(of_client(&status, "the client")))?;
        let (sender, receiver) = mpsc::channel(WAITING);
        let writer = requests.clone();
        let mut writing = tokio::task::spawn_blocking(move || {
            let _held = held;
            write(apply, receiver, &writer)
        });
        loop {
            let packet = tokio::select! {
                packet = packets.message() => packet,
                written = &mut writing => {
                    let result = written.map_err(|error| Error::internal(error.to_string())).and_then(|result| result);
                    return finish(result, &requests, &mut packets).await.map_err(named);
                }
            };
            let lost = || Error::invalid("the client has ended the transfer before its end");
            match packet.map_err(|status| named(of_client(&status, "the client")))?.ok_or_else(lost)? {
                packet if packet.kind() == PacketKind::Fin => return Err(named(lost())),
                // Whoever writes has ended; why is seen above.
                packet => drop(sender.send(packet).await),
            }
        }
    }
}

/// Tells the client how it ended, and hears its end.
async fn finish(
    result: Result<Received>,
    requests: &mpsc::UnboundedSender<Packet>,
    packets: &mut tonic::Streaming<Packet>,
) -> Result<Received> {
    let last = match &result {
        Ok(_) => Packet { kind: PacketKind::Fin.into(), ..Packet::default() },
        Err(error) => {
            Packet { kind: PacketKind::Error.into(), data: error.message.clone().into(), ..Packet::default() }
        }
    };
    // A client that has gone is told nothing.
    let _ = requests.send(last);
    if result.is_ok() {
        while let Ok(Some(packet)) = packets.message().await {
            if packet.kind() == PacketKind::Fin {
                break;
            }
        }
    }
    result
}

/// Does what the packets say, and asks for what is missing.
fn write(
    mut apply: Apply,
    mut packets: mpsc::Receiver<Packet>,
    requests: &mpsc::UnboundedSender<Packet>,
) -> Result<Received> {
    while !apply.is_complete() {
        let Some(packet) = packets.blocking_recv() else {
            return Err(Error::invalid("the transfer was given up"));
        };
        if let Some(id) = apply.packet(packet)? {
            // There are at most as many as there are files, whose number is bounded.
            let _ = requests.send(Packet { kind: PacketKind::Request.into(), id, ..Packet::default() });
        }
    }
    apply.finish()
}

/// What is wanted, as headers.
fn metadata(wanted: &Wanted) -> Result<MetadataMap> {
    let mut map = MetadataMap::new();
    let name = std::slice::from_ref(&wanted.name);
    let all: [(&'static str, &[String]); 4] = [
        ("dir-name", name),
        ("include-patterns", &wanted.include),
        ("exclude-patterns", &wanted.exclude),
        ("followpaths", &wanted.follow),
    ];
    let bytes: usize = all.iter().flat_map(|(_, values)| *values).map(String::len).sum();
    if bytes > MAX_PATTERNS {
        return Err(Error::invalid(format!("its patterns are longer than {} KiB", MAX_PATTERNS >> 10)));
    }
    for (key, values) in all {
        let encoded = values.iter().any(|value| !value.bytes().all(|byte| matches!(byte, b' '..=b'~')));
        for value in values {
            let text = if encoded { escaped(value) } else { value.clone() };
            let value = MetadataValue::try_from(text)
                .map_err(|_| Error::invalid(format!("{value:?} cannot stand in a header")))?;
            let key = tonic::metadata::MetadataKey::from_static(key);
            map.append(key, value);
        }
        if encoded {
            let key = tonic::metadata::MetadataKey::from_bytes(format!("{key}-encoded").as_bytes());
            let key = key.map_err(|_| Error::internal("the name of a header"))?;
            map.append(key, MetadataValue::from_static("1"));
        }
    }
    Ok(map)
}

/// A text as part of a query: what older clients and newer ones read alike.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_become_headers() {
        let wanted = Wanted {
            name: "context".into(),
            exclude: vec!["a b".into(), "*.o".into()],
            follow: vec!["füße/50%".into()],
            ..Wanted::default()
        };
        let map = metadata(&wanted).unwrap();
        let all = |key: &str| -> Vec<_> {
            map.get_all(key).iter().filter_map(|value| value.to_str().ok()).collect()
        };
        assert_eq!(all("dir-name"), ["context"]);
        assert_eq!(all("exclude-patterns"), ["a b", "*.o"]);
        assert_eq!(all("exclude-patterns-encoded"), Vec::<&str>::new());
        assert_eq!(
            (all("followpaths"), all("followpaths-encoded")),
            (vec!["f%C3%BC%C3%9Fe%2F50%25"], vec!["1"])
        );
        let long = Wanted { exclude: vec!["x".repeat(MAX_PATTERNS)], ..wanted };
        assert!(metadata(&long).is_err());
    }
}
