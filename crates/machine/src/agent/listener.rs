//! The socket on the host behind which the guest's engine answers.

use std::time::Duration;

use cove_sys::fs;
use tokio::io::copy_bidirectional;
use tokio::net::{UnixListener, UnixStream};

use super::forward::Sessions;
use crate::error::Result;
use crate::paths::MachinePaths;
use crate::provision::GUEST_SOCKET;

/// How long a client may wait for a connection that is being made again.
const PATIENCE: Duration = Duration::from_secs(15);

/// Replaces a stale socket (the caller holds the agent's lock, so nobody listens) and listens.
pub(super) fn bind(paths: &MachinePaths) -> Result<UnixListener> {
    let path = paths.api();
    match fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    let listener = UnixListener::bind(&path)?;
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Carries every connection into the guest.
pub(super) async fn serve(listener: UnixListener, sessions: Sessions) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(carry(stream, sessions.clone()));
            }
            // Out of descriptors, for example: others will end.
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn carry(mut stream: UnixStream, sessions: Sessions) {
    let Some(session) = sessions.wait(PATIENCE).await else { return };
    if let Ok(mut guest) = session.unix(GUEST_SOCKET).await {
        let _ = copy_bidirectional(&mut stream, &mut guest).await;
    }
}
