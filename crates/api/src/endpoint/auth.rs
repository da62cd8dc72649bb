//! Credentials for one registry, in a header.

use base64::Engine as _;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderName, HeaderValue};
use schemars::{JsonSchema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::parameters::{Both, Parameters};
use crate::{Credentials, Error, ErrorKind, RegistryAccess, Result, wire};

/// The header.
const NAME: HeaderName = HeaderName::from_static("x-registry-auth");

/// `X-Registry-Auth`: base64 of JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RegistryAuth(pub Option<Credentials>);

/// Credentials as Docker's clients write them, in the header and in the body of a login.
#[derive(Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct AuthConfig {
    /// User name.
    username: String,
    /// Password.
    password: String,
    /// OAuth2 refresh token, in place of both.
    identitytoken: String,
    /// A name and a password in base64, as in files of credentials.
    auth: wire::NotDone<String>,
    /// Not looked at: registries have no use for it any more.
    email: String,
    /// The registry.
    serveraddress: String,
    /// A token that the registry itself takes, in place of all others.
    registrytoken: String,
}

impl AuthConfig {
    /// The credentials for a registry.
    pub(super) fn new(registry: &str, credentials: Credentials) -> Self {
        Self {
            username: credentials.username,
            password: credentials.password,
            identitytoken: credentials.identity_token,
            registrytoken: credentials.registry_token,
            serveraddress: registry.to_owned(),
            ..Self::default()
        }
    }

    /// The registry and what it is to be asked with.
    #[must_use]
    pub fn into_parts(self) -> (String, Credentials) {
        let credentials = Credentials {
            username: self.username,
            password: self.password,
            identity_token: self.identitytoken,
            registry_token: self.registrytoken,
        };
        (self.serveraddress, credentials)
    }
}

/// How a registry is reached: in the query, and in the header.
pub(super) type Access = Both<RegistryAccess, RegistryAuth>;

impl Access {
    /// What a client asks for.
    ///
    /// # Errors
    /// It names files of the engine's host.
    pub(super) fn asked(access: &RegistryAccess) -> Result<Self> {
        if access.auth_file.is_some() || access.cert_dir.is_some() {
            return Err(Error::unsupported(
                "--authfile and --cert-dir name files of the engine's host: not over a service",
            ));
        }
        Ok(Self(access.clone(), RegistryAuth(access.credentials.clone())))
    }
}

impl From<Access> for RegistryAccess {
    fn from(Both(access, auth): Access) -> Self {
        Self { credentials: auth.0, ..access }
    }
}

impl RegistryAuth {
    /// Reads the header; empty credentials are none.
    ///
    /// # Errors
    /// It is no base64 of JSON.
    pub fn of(headers: &HeaderMap) -> Result<Option<Credentials>> {
        let Some(header) = headers.get(NAME) else { return Ok(None) };
        let wrong = || Error::invalid("header X-Registry-Auth is no base64 of JSON");
        let text =
            header.to_str().map_err(|_| wrong())?.trim_end_matches('=').replace('+', "-").replace('/', "_");
        if text.is_empty() {
            return Ok(None);
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| wrong())?;
        let written: AuthConfig = wire::json::decode(&bytes)
            .map_err(|error| Error::new(error.error_kind(), format!("header X-Registry-Auth: {error}")))?;
        let (_, credentials) = written.into_parts();
        Ok((credentials != Credentials::default()).then_some(credentials))
    }
}

impl Parameters for RegistryAuth {
    fn read(_: &str, headers: &HeaderMap) -> Result<Self> {
        Self::of(headers).map(Self)
    }

    fn write(&self, _: &mut String, headers: &mut HeaderMap) -> Result<()> {
        let Some(credentials) = &self.0 else { return Ok(()) };
        let internal = |error: &dyn std::error::Error| Error::from_chain(ErrorKind::Internal, error);
        let text = serde_json::to_vec(&AuthConfig::new("", credentials.clone()));
        let value = HeaderValue::try_from(URL_SAFE.encode(text.map_err(|error| internal(&error))?));
        let mut value = value.map_err(|error| internal(&error))?;
        value.set_sensitive(true);
        headers.insert(NAME, value);
        Ok(())
    }

    fn keys() -> Vec<&'static str> {
        Vec::new()
    }

    fn describe(_: &mut SchemaGenerator) -> Vec<Value> {
        vec![json!({
            "name": "X-Registry-Auth",
            "in": "header",
            "description": "Credentials in place of the stored ones: base64 of JSON with `username` and `password`, \
                `identitytoken`, or `registrytoken`.",
            "schema": {"type": "string"},
        })]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_pass_through_the_header() {
        let auth = RegistryAuth(Some(Credentials {
            username: "ü".into(),
            password: "p:w?>".into(),
            registry_token: "t".into(),
            ..Credentials::default()
        }));
        let mut headers = HeaderMap::new();
        auth.write(&mut String::new(), &mut headers).unwrap();
        assert_eq!(RegistryAuth::read("", &headers).unwrap(), auth);
    }

    #[test]
    fn what_is_no_credentials() {
        let read = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(NAME, HeaderValue::from_str(text).unwrap());
            RegistryAuth::of(&headers)
        };
        assert_eq!(read("").unwrap(), None);
        assert_eq!(read(&URL_SAFE.encode("{}")).unwrap(), None);
        assert_eq!(read(&URL_SAFE.encode(r#"{"username":null}"#)).unwrap(), None);
        assert!(read("!").is_err());
        assert!(read(&URL_SAFE.encode("[1]")).is_err());
    }
}
