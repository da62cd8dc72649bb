//! The engine trait of units.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use cove_api::{
    AutoUpdateOptions, AutoUpdateOutcome, Error, ErrorKind, Progress, Result, SystemdUnitOptions, Units,
    ValueStream,
};

use super::command::{escape, lines};
use super::container::{self, Container};
use super::pod::{self, Pod};
use super::text::{Writer, check};
use super::{spec, update};
use crate::engine::{Core, LocalEngine, blocking};
use crate::image::working;
use crate::state::{ContainerRow, PodRow};

#[async_trait]
impl Units for LocalEngine {
    async fn systemd(&self, name: &str, options: SystemdUnitOptions) -> Result<BTreeMap<String, String>> {
        let name = name.to_owned();
        blocking(&self.core, move |core| systemd(core, &name, &options)).await
    }
    async fn spec(&self, name: &str, rename: bool) -> Result<serde_json::Value> {
        let name = name.to_owned();
        blocking(&self.core, move |core| spec::spec(core, &name, rename)).await
    }
    async fn auto_update(
        &self,
        options: AutoUpdateOptions,
    ) -> Result<ValueStream<Progress<AutoUpdateOutcome>>> {
        let core = Arc::clone(&self.core);
        Ok(working(|sender| async move { update::run(&core, options, &sender).await }))
    }
}

fn systemd(core: &Core, name: &str, options: &SystemdUnitOptions) -> Result<BTreeMap<String, String>> {
    check(options)?;
    if options.template && !options.new {
        return Err(Error::invalid("--template cannot be set with --new=false"));
    }
    let writer = Writer {
        program: core.options.own_command.first().map_or_else(|| "cove".to_owned(), |word| escape(word)),
        engine: match core.options.own_command.as_slice() {
            [] => "cove".to_owned(),
            words => lines(&words.iter().map(|word| escape(word)).collect::<Vec<_>>()),
        },
        time: jiff::Zoned::now().strftime("%a %b %e %H:%M:%S %Z %Y").to_string(),
    };
    let row = match core.find_container(name) {
        Ok(row) => row,
        Err(error) if error.kind == ErrorKind::NotFound => {
            let pod = core.find_pod(name).map_err(|error| match error.kind {
                ErrorKind::NotFound => Error::new(
                    ErrorKind::NotFound,
                    format!(
                        "{name} does not refer to a container or pod: no such container, and no such pod"
                    ),
                ),
                _ => error,
            })?;
            return pod::units(&pod_of(core, &pod, options)?, &writer, options);
        }
        Err(error) => return Err(error),
    };
    if !row.config.infra && !row.config.is_ordinary() {
        return Err(Error::invalid(format!(
            "unsupported container {}: cannot generate systemd units for init containers",
            row.id
        )));
    }
    let container = container_of(core, &row, options)?;
    let text = container::unit(&container, &writer, options)?;
    Ok(BTreeMap::from([(container.service, text)]))
}

fn container_of(core: &Core, row: &ContainerRow, options: &SystemdUnitOptions) -> Result<Container> {
    let named = if options.use_name { &row.name } else { &row.id };
    Ok(Container {
        id: row.id.clone(),
        named: named.clone(),
        service: service(options, options.container_prefix.as_deref().unwrap_or("container"), named),
        stop_timeout: row.config.stop_timeout,
        pid_file: crate::container::monitor_pid_file(core, row).display().to_string(),
        command: core.database()?.request(&row.id)?.create_command,
        environment: row.config.env.clone(),
        run_root: core.options.storage.run_root.display().to_string(),
        bound_to: Vec::new(),
        pod_id_file: None,
    })
}

fn pod_of(core: &Core, row: &PodRow, options: &SystemdUnitOptions) -> Result<Pod> {
    if options.template {
        return Err(Error::invalid("--template is not supported for pods"));
    }
    let failed =
        |what: &str| Error::invalid(format!("generating systemd unit files: Pod {:?} {what}", row.name));
    let members = core.members(&row.id)?;
    let infra = members.iter().find(|member| member.config.infra);
    let infra = infra.ok_or_else(|| failed("has no infra container"))?;
    let named = if options.use_name { &row.name } else { &row.id };
    let pod_service = service(options, options.pod_prefix.as_deref().unwrap_or("pod"), named);
    // Who runs before the others and ends is started by the pod itself.
    let ordinary = members.iter().filter(|member| member.config.is_ordinary());
    let containers = ordinary.map(|member| {
        let mut container = container_of(core, member, options)?;
        container.bound_to.push(pod_service.clone());
        for id in member.config.dependencies.iter().filter(|id| **id != infra.id) {
            let other = core.find_container(id)?;
            container.bound_to.push(container_of(core, &other, options)?.service);
        }
        Ok(container)
    });
    Ok(Pod {
        id: row.id.clone(),
        service: pod_service.clone(),
        command: core.database()?.pod_request(&row.id)?.pod_create_command,
        infra: container_of(core, infra, options)?,
        members: containers.collect::<Result<_>>()?,
    })
}

/// The name of a unit, without `.service`.
fn service(options: &SystemdUnitOptions, prefix: &str, named: &str) -> String {
    if prefix.is_empty() {
        return named.to_owned();
    }
    format!("{prefix}{}{named}", options.separator.as_deref().unwrap_or("-"))
}
