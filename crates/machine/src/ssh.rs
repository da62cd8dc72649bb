//! The SSH connection to a guest: one key that may log in, one host key that may answer.
#![cfg_attr(
    not(unix),
    allow(dead_code, reason = "only the agent connects, and it is not on this system yet")
)]

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use russh::client::{self, Handle};
use russh::keys::PublicKeyOrCertificate;
use russh::keys::{Algorithm, PrivateKey, PrivateKeyWithHashAlg, PublicKey};
use russh::{ChannelMsg, ChannelStream, Disconnect, Preferred, cipher, kex};

use crate::error::{Error, Result};
use crate::keys;
use crate::paths::MachinePaths;
use crate::provider::GuestAddress;
use crate::record::MachineRecord;

/// The user the agent enters every machine as, and everybody who names none.
pub(crate) const REMOTE_USER: &str = "root";
/// The users of the image whom the machine's key lets in; the second is its ordinary one.
pub(crate) const USERS: [&str; 2] = [REMOTE_USER, "cove"];

/// Time for the handshake; an emulated guest needs about a second.
const HANDSHAKE: Duration = Duration::from_secs(20);
/// Largest output of a command that is kept.
const OUTPUT_LIMIT: usize = 1 << 20;

/// A byte stream to something inside the guest.
pub(crate) type SshStream = ChannelStream<client::Msg>;

/// Who the guest is and who we are.
pub(crate) struct SshTarget {
    name: String,
    address: GuestAddress,
    identity: Arc<PrivateKey>,
    host_key: PublicKey,
}

impl SshTarget {
    /// Reads the machine's keys.
    pub(crate) fn new(record: &MachineRecord, paths: &MachinePaths, address: GuestAddress) -> Result<Self> {
        Ok(Self {
            name: record.name.to_string(),
            address,
            identity: Arc::new(keys::load_private(&paths.identity())?),
            host_key: keys::parse_public(&record.host_key, &paths.record())?,
        })
    }

    /// The machine.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    fn error(&self, reason: impl ToString) -> Error {
        Error::Ssh { name: self.name.clone(), reason: reason.to_string() }
    }

    /// Connects and logs in.
    ///
    /// # Errors
    /// No answer, [`Error::HostKeyChanged`], or the key is refused.
    pub(crate) async fn connect(&self) -> Result<SshSession> {
        let changed = Arc::new(AtomicBool::new(false));
        let handler = Pinned { host_key: self.host_key.clone(), changed: changed.clone() };
        let work = async {
            let stream = self.address.connect().await.map_err(russh::Error::IO)?;
            let mut handle = client::connect_stream(Arc::new(configuration()), stream, handler).await?;
            let key = PrivateKeyWithHashAlg::new(self.identity.clone(), None);
            let answer = handle.authenticate_publickey(REMOTE_USER, key).await?;
            Ok::<_, russh::Error>((handle, answer.success()))
        };
        match tokio::time::timeout(HANDSHAKE, work).await {
            Ok(Ok((handle, true))) => Ok(SshSession { name: self.name.clone(), handle }),
            Ok(Ok((_, false))) => Err(self.error("the guest does not accept the machine's key")),
            Ok(Err(_)) if changed.load(Ordering::Relaxed) => {
                Err(Error::HostKeyChanged { name: self.name.clone(), address: self.address.to_string() })
            }
            Ok(Err(error)) => Err(self.error(error)),
            Err(_) => Err(self.error(format!("no answer in {} s", HANDSHAKE.as_secs()))),
        }
    }
}

fn configuration() -> client::Config {
    client::Config {
        keepalive_interval: Some(Duration::from_secs(10)),
        keepalive_max: 3,
        preferred: Preferred {
            // The connection never leaves this host: the cheap exchange, for the sake of emulated guests.
            kex: Cow::Borrowed(&[
                kex::CURVE25519,
                kex::CURVE25519_PRE_RFC_8731,
                kex::EXTENSION_SUPPORT_AS_CLIENT,
                kex::EXTENSION_OPENSSH_STRICT_KEX_AS_CLIENT,
            ]),
            key: Cow::Borrowed(&[Algorithm::Ed25519]),
            cipher: Cow::Borrowed(&[cipher::CHACHA20_POLY1305, cipher::AES_256_GCM]),
            ..Preferred::default()
        },
        ..client::Config::default()
    }
}

struct Pinned {
    host_key: PublicKey,
    changed: Arc<AtomicBool>,
}

impl client::Handler for Pinned {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        key: &PublicKeyOrCertificate,
    ) -> std::result::Result<bool, russh::Error> {
        let same = match key {
            PublicKeyOrCertificate::PublicKey { key, .. } => key.key_data() == self.host_key.key_data(),
            PublicKeyOrCertificate::Certificate(_) => false,
        };
        self.changed.store(!same, Ordering::Relaxed);
        Ok(same)
    }
}

/// A logged-in connection.
pub(crate) struct SshSession {
    name: String,
    handle: Handle<Pinned>,
}

impl SshSession {
    /// Whether the connection has ended.
    pub(crate) fn is_closed(&self) -> bool {
        self.handle.is_closed()
    }

    /// A stream to a unix socket in the guest.
    pub(crate) async fn unix(&self, path: &str) -> Result<SshStream> {
        let channel =
            self.handle.channel_open_direct_streamlocal(path).await.map_err(|error| self.error(error))?;
        Ok(channel.into_stream())
    }

    /// A stream to a TCP port as the guest sees it.
    pub(crate) async fn tcp(&self, host: &str, port: u16) -> Result<SshStream> {
        let channel = self
            .handle
            .channel_open_direct_tcpip(host, u32::from(port), "127.0.0.1", 0)
            .await
            .map_err(|error| self.error(error))?;
        Ok(channel.into_stream())
    }

    /// Runs a command; answers its exit code and the beginning of its output.
    pub(crate) async fn run(&self, command: &str) -> Result<(u32, String)> {
        self.run_with(command, b"").await
    }

    /// As [`SshSession::run`], with standard input.
    pub(crate) async fn run_with(&self, command: &str, input: &[u8]) -> Result<(u32, String)> {
        let mut channel = self.handle.channel_open_session().await.map_err(|error| self.error(error))?;
        channel.exec(true, command).await.map_err(|error| self.error(error))?;
        channel.data(input).await.map_err(|error| self.error(error))?;
        channel.eof().await.map_err(|error| self.error(error))?;
        let (mut code, mut output) = (None, Vec::new());
        while let Some(message) = channel.wait().await {
            match message {
                ChannelMsg::Data { data } | ChannelMsg::ExtendedData { data, .. } => {
                    let room = OUTPUT_LIMIT.saturating_sub(output.len());
                    output.extend_from_slice(&data[..data.len().min(room)]);
                }
                ChannelMsg::ExitStatus { exit_status } => code = Some(exit_status),
                _ => {}
            }
        }
        let code = code.ok_or_else(|| self.error("the command ended without an exit code"))?;
        Ok((code, String::from_utf8_lossy(&output).into_owned()))
    }

    /// Says goodbye.
    pub(crate) async fn close(&self) {
        let _ = self.handle.disconnect(Disconnect::ByApplication, "", "").await;
    }

    fn error(&self, error: impl std::fmt::Display) -> Error {
        Error::Ssh { name: self.name.clone(), reason: error.to_string() }
    }
}
