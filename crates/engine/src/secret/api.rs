//! The engine trait of secrets.

use async_trait::async_trait;
use bytes::Bytes;
use cove_api::{
    Concealed, Error, ErrorKind, MAX_SECRET, Result, Secret, SecretCreateOptions, SecretInspectOptions,
    SecretListOptions, Secrets, StringMap, Timestamp,
};

use super::table::{Row, Table};
use super::{driver, given};
use crate::engine::{Core, LocalEngine, blocking};

fn create(core: &Core, data: &[u8], options: SecretCreateOptions) -> Result<String> {
    let SecretCreateOptions { name, driver: wanted, driveropts, labels, replace, ignore } = options;
    cove_spec::name::secret(&name)?;
    if data.is_empty() || data.len() >= MAX_SECRET {
        return Err(Error::invalid("secret data must be larger than 0 and less than 512000 bytes"));
    }
    if replace && ignore {
        return Err(Error::invalid("ignoreIfExists and replace cannot be used together"));
    }
    let configured = &core.options.containers.secrets;
    let usual = configured.driver.as_deref().filter(|name| !name.is_empty()).unwrap_or("file");
    let driver_name = if wanted.is_empty() { usual.to_owned() } else { wanted };
    let asked = match &configured.opts {
        Some(opts) if driveropts.is_empty() && driver_name == usual => opts.clone(),
        _ => driveropts,
    };
    let driver_options = driver::complete(core, &driver_name, asked);
    let mut table = Table::open(core)?;
    let former = table.exact(&name).cloned();
    match &former {
        Some(row) if ignore => return Ok(row.id.clone()),
        Some(_) if !replace => {
            return Err(Error::new(ErrorKind::AlreadyExists, format!("{name}: secret name in use")));
        }
        _ => {}
    }
    let driver = driver::open(core, &driver_name, &driver_options)?;
    let id = table.new_id()?;
    let now = Timestamp::now();
    let row = Row {
        name: former.as_ref().map_or(name, |row| row.name.clone()),
        id: id.clone(),
        labels,
        metadata: StringMap::new(),
        created_at: former.as_ref().map_or(now, |row| row.created_at),
        updated_at: now,
        driver: driver_name,
        driver_options,
        others: former.as_ref().map(|row| row.others.clone()).unwrap_or_default(),
    };
    // The new data first: whatever fails, the name leads to one of the two.
    driver.store(&id, data).map_err(|error| error.context(format!("creating secret {}", row.name)))?;
    if let Err(error) = table.put(row, former.as_ref().map(|row| row.id.as_str())) {
        let _ = driver.delete(&id);
        return Err(error);
    }
    if let Some(former) = former {
        let deleted = driver::open(core, &former.driver, &former.driver_options)
            .and_then(|driver| driver.delete(&former.id));
        if let Err(error) = deleted {
            tracing::warn!("the former data of secret {} is still there: {error}", former.name);
        }
    }
    drop(table);
    core.events.write("secret", "create", &id, StringMap::new());
    Ok(id)
}

fn list(core: &Core, options: &SecretListOptions) -> Result<Vec<Secret>> {
    let mut patterns = Vec::new();
    for (key, values) in &options.filters {
        let by_id = match key.to_ascii_lowercase().as_str() {
            "name" => false,
            "id" => true,
            _ => return Err(Error::invalid(format!("invalid filter {key:?}"))),
        };
        let values: Result<Vec<_>> = values.iter().map(|value| crate::filter::regular(key, value)).collect();
        patterns.push((by_id, values?));
    }
    let table = Table::open(core)?;
    let wanted = |row: &&Row| {
        patterns.iter().all(|(by_id, patterns)| {
            let text = if *by_id { &row.id } else { &row.name };
            patterns.iter().any(|pattern| pattern.is_match(text))
        })
    };
    Ok(table.rows().into_iter().filter(wanted).map(|row| row.shown(Concealed::default())).collect())
}

fn inspect(core: &Core, name: &str, options: SecretInspectOptions) -> Result<Secret> {
    let table = Table::open(core)?;
    let row = table.find(name)?;
    let data = if options.showsecret {
        Concealed(String::from_utf8_lossy(&given::stored(core, row)?).into_owned())
    } else {
        Concealed::default()
    };
    Ok(row.shown(data))
}

fn exists(core: &Core, name: &str) -> Result<bool> {
    match Table::open(core)?.find(name) {
        Ok(_) => Ok(true),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn remove(core: &Core, name: &str) -> Result<()> {
    let mut table = Table::open(core)?;
    let row = table.find(name)?.clone();
    // Data that has gone already must not keep the row.
    driver::open(core, &row.driver, &row.driver_options)
        .and_then(|driver| driver.delete(&row.id))
        .map_err(|error| error.context(format!("deleting secret {name}")))?;
    table.remove(&row.id)?;
    drop(table);
    core.events.write("secret", "remove", &row.id, StringMap::new());
    Ok(())
}

#[async_trait]
impl Secrets for LocalEngine {
    async fn create(&self, data: Bytes, options: SecretCreateOptions) -> Result<String> {
        blocking(&self.core, move |core| create(core, &data, options)).await
    }

    async fn list(&self, options: SecretListOptions) -> Result<Vec<Secret>> {
        blocking(&self.core, move |core| list(core, &options)).await
    }

    async fn inspect(&self, name: &str, options: SecretInspectOptions) -> Result<Secret> {
        let name = name.to_owned();
        blocking(&self.core, move |core| inspect(core, &name, options)).await
    }

    async fn exists(&self, name: &str) -> Result<bool> {
        let name = name.to_owned();
        blocking(&self.core, move |core| exists(core, &name)).await
    }

    async fn remove(&self, name: &str) -> Result<()> {
        let name = name.to_owned();
        blocking(&self.core, move |core| remove(core, &name)).await
    }
}
