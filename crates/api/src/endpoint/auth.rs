//! Credentials for registries, in headers.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderName, HeaderValue};
use schemars::{JsonSchema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::parameters::{Both, Parameters};
use super::remote::{Remote, Transport};
use crate::{Credentials, Error, ErrorKind, RegistryAccess, Result, wire};

/// The header.
const NAME: HeaderName = HeaderName::from_static("x-registry-auth");
/// The header with those of several registries.
const SEVERAL: HeaderName = HeaderName::from_static("x-registry-config");
/// Most registries in it.
const MAX_REGISTRIES: usize = 1000;

/// `X-Registry-Auth`: base64 of JSON with credentials for whatever registry is asked, or, as Podman's clients write it,
/// with those of several by their names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RegistryAuth {
    /// For any registry.
    pub one: Option<Credentials>,
    /// By registry.
    pub several: BTreeMap<String, Credentials>,
}

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

impl<T: Transport> Remote<T> {
    /// What a client asks for. Its user's credentials go along, because the service has only its own.
    ///
    /// # Errors
    /// It names files of the engine's host, or the credentials cannot be read.
    pub(super) async fn access(&self, access: &RegistryAccess) -> Result<Access> {
        if access.cert_dir.is_some() {
            return Err(Error::unsupported(
                "--cert-dir names files of the engine's host: not over a service",
            ));
        }
        let several = match (&access.credentials, access.registries.is_empty()) {
            (Some(_), _) => BTreeMap::new(),
            (None, false) => access.registries.clone(),
            (None, true) => self.0.credentials(access.auth_file.clone()).await?,
        };
        Ok(Both(access.clone(), RegistryAuth { one: access.credentials.clone(), several }))
    }
}

impl From<Access> for RegistryAccess {
    fn from(Both(access, auth): Access) -> Self {
        Self { credentials: auth.one, registries: auth.several, ..access }
    }
}

/// The JSON of a header, where it is there and not empty.
fn decoded<T: serde::de::DeserializeOwned + 'static>(
    headers: &HeaderMap,
    name: &HeaderName,
    shown: &str,
) -> Result<Option<T>> {
    let Some(header) = headers.get(name) else { return Ok(None) };
    let wrong = || Error::invalid(format!("header {shown} is no base64 of JSON"));
    let text =
        header.to_str().map_err(|_| wrong())?.trim_end_matches('=').replace('+', "-").replace('/', "_");
    if text.is_empty() {
        return Ok(None);
    }
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| wrong())?;
    let decoded = wire::json::decode(&bytes);
    decoded.map(Some).map_err(|error| Error::new(error.error_kind(), format!("header {shown}: {error}")))
}

impl RegistryAuth {
    /// Reads the header; empty credentials are none.
    ///
    /// # Errors
    /// It is no base64 of JSON, or too much.
    pub fn of(headers: &HeaderMap) -> Result<Self> {
        const SHOWN: &str = "X-Registry-Auth";
        if headers.get(NAME).is_some_and(|header| header.as_bytes() == b"null") {
            return Ok(Self::default());
        }
        // Only where each value is an object are they those of several registries.
        let value: Option<BTreeMap<String, Value>> = decoded(headers, &NAME, SHOWN)?;
        if value.is_some_and(|all| !all.is_empty() && all.values().all(Value::is_object)) {
            let all: Option<BTreeMap<String, OfSeveral>> = decoded(headers, &NAME, SHOWN)?;
            return Ok(Self { one: None, several: by_registry(all.unwrap_or_default(), SHOWN)? });
        }
        let written: Option<AuthConfig> = decoded(headers, &NAME, SHOWN)?;
        let credentials = written.map(|written| written.into_parts().1);
        let one = credentials.filter(|credentials| *credentials != Credentials::default());
        Ok(Self { one, several: BTreeMap::new() })
    }

    /// How registries are reached with it.
    #[must_use]
    pub fn into_access(self) -> RegistryAccess {
        RegistryAccess { credentials: self.one, registries: self.several, ..RegistryAccess::default() }
    }
}

/// `X-Registry-Config`: base64 of JSON with the credentials of several registries by their names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RegistryConfig(pub BTreeMap<String, Credentials>);

/// One of them; `auth` is name and password in base64, which files of credentials have.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct OfSeveral {
    username: String,
    password: String,
    identitytoken: String,
    registrytoken: String,
    auth: String,
    email: String,
    serveraddress: String,
}

impl RegistryConfig {
    /// Reads the header.
    ///
    /// # Errors
    /// It is no base64 of JSON, or too much.
    pub fn of(headers: &HeaderMap) -> Result<BTreeMap<String, Credentials>> {
        const SHOWN: &str = "X-Registry-Config";
        let all: Option<BTreeMap<String, OfSeveral>> = decoded(headers, &SEVERAL, SHOWN)?;
        by_registry(all.unwrap_or_default(), SHOWN)
    }
}

/// The credentials of a header by the registries as they are looked up; empty ones are none.
fn by_registry(all: BTreeMap<String, OfSeveral>, shown: &str) -> Result<BTreeMap<String, Credentials>> {
    if all.len() > MAX_REGISTRIES {
        return Err(Error::invalid(format!("header {shown} has more than {MAX_REGISTRIES} registries")));
    }
    let mut registries = BTreeMap::new();
    for (name, one) in all {
        let mut credentials = Credentials {
            username: one.username,
            password: one.password,
            identity_token: one.identitytoken,
            registry_token: one.registrytoken,
        };
        if credentials == Credentials::default() && !one.auth.is_empty() {
            let bad = || Error::invalid(format!("header {shown}: its auth is no NAME:PASSWORD in base64"));
            let text = STANDARD.decode(one.auth).ok().and_then(|text| String::from_utf8(text).ok());
            let text = text.ok_or_else(bad)?;
            let (username, password) = text.split_once(':').ok_or_else(bad)?;
            credentials.username = username.to_owned();
            credentials.password = password.to_owned();
        }
        // Clients name those of Docker's own registry in full.
        let name = name.trim_start_matches("https://").trim_start_matches("http://");
        let host = match name.split('/').next().unwrap_or_default() {
            "index.docker.io" | "registry-1.docker.io" => "docker.io",
            _ => name.trim_end_matches('/'),
        };
        if credentials != Credentials::default() {
            registries.insert(host.to_owned(), credentials);
        }
    }
    Ok(registries)
}

impl Parameters for RegistryConfig {
    fn read(_: &str, headers: &HeaderMap) -> Result<Self> {
        Self::of(headers).map(Self)
    }

    fn write(&self, _: &mut String, headers: &mut HeaderMap) -> Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        headers.insert(SEVERAL, header(&written_by_registry(&self.0))?);
        Ok(())
    }

    fn keys() -> Vec<&'static str> {
        Vec::new()
    }

    fn describe(_: &mut SchemaGenerator) -> Vec<Value> {
        vec![json!({
            "name": "X-Registry-Config",
            "in": "header",
            "description": "Credentials of several registries in place of the stored ones: base64 of JSON, an object for \
                each registry by its name, with `username` and `password`, `identitytoken`, or `registrytoken`.",
            "schema": {"type": "string"},
        })]
    }
}

fn written_by_registry(registries: &BTreeMap<String, Credentials>) -> Value {
    registries.iter().map(|(name, credentials)| (name.clone(), written(credentials))).collect()
}

fn written(credentials: &Credentials) -> Value {
    json!({
        "username": credentials.username,
        "password": credentials.password,
        "identitytoken": credentials.identity_token,
        "registrytoken": credentials.registry_token,
    })
}

fn header(value: &Value) -> Result<HeaderValue> {
    let internal = |error: &dyn std::error::Error| Error::from_chain(ErrorKind::Internal, error);
    let value = HeaderValue::try_from(URL_SAFE.encode(value.to_string()));
    let mut value = value.map_err(|error| internal(&error))?;
    value.set_sensitive(true);
    Ok(value)
}

impl Parameters for RegistryAuth {
    fn read(_: &str, headers: &HeaderMap) -> Result<Self> {
        Self::of(headers)
    }

    fn write(&self, _: &mut String, headers: &mut HeaderMap) -> Result<()> {
        let written = match &self.one {
            Some(credentials) => serde_json::to_value(AuthConfig::new("", credentials.clone()))
                .map_err(|error| Error::from_chain(ErrorKind::Internal, &error))?,
            None if self.several.is_empty() => return Ok(()),
            None => written_by_registry(&self.several),
        };
        headers.insert(NAME, header(&written)?);
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
                `identitytoken`, or `registrytoken`; or an object for each of several registries by its name, with these.",
            "schema": {"type": "string"},
        })]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_pass_through_the_header() {
        let one = Credentials {
            username: "ü".into(),
            password: "p:w?>".into(),
            registry_token: "t".into(),
            ..Credentials::default()
        };
        let several = [("r.io".to_owned(), one.clone()), ("r.io/a".to_owned(), one.clone())].into();
        for auth in [
            RegistryAuth { one: Some(one), several: BTreeMap::new() },
            RegistryAuth { one: None, several },
            RegistryAuth::default(),
        ] {
            let mut headers = HeaderMap::new();
            auth.write(&mut String::new(), &mut headers).unwrap();
            assert_eq!(RegistryAuth::read("", &headers).unwrap(), auth);
        }
    }

    #[test]
    fn credentials_of_several_registries_pass_through_theirs() {
        let one = Credentials { username: "u".into(), password: "p".into(), ..Credentials::default() };
        let all = RegistryConfig(
            [("docker.io".to_owned(), one.clone()), ("h:5000".to_owned(), one.clone())].into(),
        );
        let mut headers = HeaderMap::new();
        all.write(&mut String::new(), &mut headers).unwrap();
        assert_eq!(RegistryConfig::read("", &headers).unwrap(), all);
        let dockers = json!({
            "https://index.docker.io/v1/": {"username": "u", "password": "p"},
            "h:5000": {"auth": STANDARD.encode("u:p")},
            "empty": {},
        });
        headers.insert(SEVERAL, header(&dockers).unwrap());
        assert_eq!(RegistryConfig::read("", &headers).unwrap(), all);
        headers.insert(SEVERAL, header(&json!({"h": {"auth": "!"}})).unwrap());
        assert!(RegistryConfig::read("", &headers).is_err());
    }

    #[test]
    fn what_is_no_credentials() {
        let read = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(NAME, HeaderValue::from_str(text).unwrap());
            RegistryAuth::of(&headers)
        };
        for none in ["{}", r#"{"username":null}"#, "null", r#"{"r.io":{}}"#] {
            assert_eq!(read(&URL_SAFE.encode(none)).unwrap(), RegistryAuth::default(), "{none}");
        }
        for none in ["", "null"] {
            assert_eq!(read(none).unwrap(), RegistryAuth::default(), "{none}");
        }
        assert!(read(&URL_SAFE.encode(r#"{"r.io":{"auth":"!"}}"#)).is_err());
        assert!(read("!").is_err());
        assert!(read(&URL_SAFE.encode("[1]")).is_err());
    }
}
