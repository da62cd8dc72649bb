//! Secrets.

use async_trait::async_trait;
use bytes::Bytes;
use cove_api::*;

use super::{FakeEngine, sample};

#[async_trait]
impl Secrets for FakeEngine {
    async fn create(&self, data: Bytes, options: SecretCreateOptions) -> Result<String> {
        self.note(&options.name, format!("secret create {} bytes {options:?}", data.len()))?;
        Ok(sample::secret(&options.name).id)
    }
    async fn list(&self, options: SecretListOptions) -> Result<Vec<Secret>> {
        self.note("", format!("secrets {options:?}"))?;
        Ok(vec![sample::secret("token")])
    }
    async fn inspect(&self, name: &str, options: SecretInspectOptions) -> Result<Secret> {
        self.note(name, format!("secret inspect {name} {options:?}"))?;
        let data = Concealed(if options.showsecret { "tiger".into() } else { String::new() });
        Ok(Secret { secret_data: data, ..sample::secret(name) })
    }
    async fn exists(&self, name: &str) -> Result<bool> {
        self.note("", format!("secret exists {name}"))?;
        Ok(name == "token")
    }
    async fn remove(&self, name: &str) -> Result<()> {
        self.note(name, format!("secret remove {name}"))
    }
}
