//! Secrets of a client.

use std::time::Duration;

use cove_api::{Error, Result};
use tonic::{Code, Status};

use super::Session;
use crate::error::of_client;
use crate::messages::{CredentialsRequest, CredentialsResponse, GetSecretRequest, GetSecretResponse};

const CREDENTIALS: &str = "/moby.filesync.v1.Auth/Credentials";
const GET_SECRET: &str = "/moby.buildkit.secrets.v1.Secrets/GetSecret";

/// How long an answer is waited for: a client may ask its user's key ring.
const PATIENCE: Duration = Duration::from_secs(60);
/// Largest secret, in bytes.
const MAX_SECRET: usize = 1 << 20;

impl Session {
    /// A secret; [`None`] where the client has none of that id.
    ///
    /// # Errors
    /// The client cannot give it, or it is too large.
    pub(crate) async fn secret(&self, id: &str) -> Result<Option<Vec<u8>>> {
        if !self.answers(GET_SECRET) {
            return Ok(None);
        }
        let request = GetSecretRequest { id: id.to_owned() };
        let answer = in_time(self.channel.unary::<_, GetSecretResponse>(GET_SECRET, request)).await;
        match answer {
            Ok(answer) if answer.data.len() > MAX_SECRET => {
                Err(Error::invalid(format!("the secret {id} is larger than {} MiB", MAX_SECRET >> 20)))
            }
            Ok(answer) => Ok(Some(answer.data)),
            Err(status) if status.code() == Code::NotFound => Ok(None),
            Err(status) => Err(of_client(&status, &format!("the secret {id}"))),
        }
    }

    /// Name and password for a registry; [`None`] where the client has none.
    ///
    /// # Errors
    /// The client cannot give them.
    pub(crate) async fn credentials(&self, host: &str) -> Result<Option<(String, String)>> {
        if !self.answers(CREDENTIALS) {
            return Ok(None);
        }
        let request = CredentialsRequest { host: host.to_owned() };
        let answer = in_time(self.channel.unary::<_, CredentialsResponse>(CREDENTIALS, request)).await;
        match answer {
            Ok(answer) if answer.secret.is_empty() => Ok(None),
            Ok(answer) => Ok(Some((answer.username, answer.secret))),
            Err(status) if status.code() == Code::NotFound => Ok(None),
            Err(status) => Err(of_client(&status, &format!("credentials for {host}"))),
        }
    }
}

async fn in_time<T>(
    call: impl Future<Output = std::result::Result<T, Status>>,
) -> std::result::Result<T, Status> {
    let late = || Status::deadline_exceeded("the client does not answer");
    tokio::time::timeout(PATIENCE, call).await.unwrap_or_else(|_| Err(late()))
}
