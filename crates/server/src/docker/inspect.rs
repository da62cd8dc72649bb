//! A container in the shape of Docker's inspect.

use cove_api::{ContainerInspect, Error, ErrorKind};
use serde_json::{Value, json};

use super::containers::docker_state;
use super::networks::docker_name;
use crate::error::Answer;

/// Docker's shape is libpod's with other names, forms and units in some places.
pub(super) fn docker_inspect(container: &ContainerInspect) -> Answer<Value> {
    let mut value =
        serde_json::to_value(container).map_err(|error| Error::from_chain(ErrorKind::Internal, &error))?;
    value["Name"] = format!("/{}", container.name).into();
    value["Image"] = format!("sha256:{}", container.image).into();
    value["Platform"] = "linux".into();
    value["State"]["Status"] = docker_state(container.state.status).into();
    value["State"]["Restarting"] = false.into();
    // Docker's config names the image as the user did; libpod's id of it is at the top.
    value["Config"]["Image"] = container.image_name.clone().into();
    value["Config"]["StopSignal"] = container.config.stop_signal.clone().into();
    let exposed: serde_json::Map<String, Value> =
        container.network_settings.ports.keys().map(|port| (port.clone(), json!({}))).collect();
    value["Config"]["ExposedPorts"] = exposed.into();
    if container.config.entrypoint.is_empty() {
        value["Config"]["Entrypoint"] = Value::Null;
    }
    value["HostConfig"]["NetworkMode"] = match container.host_config.network_mode.as_str() {
        "" => "default".into(),
        mode => mode.into(),
    };
    if container.host_config.restart_policy.name.is_empty() {
        value["HostConfig"]["RestartPolicy"]["Name"] = "no".into();
    }
    if let Some(networks) = value["NetworkSettings"]["Networks"].as_object_mut() {
        *networks = std::mem::take(networks)
            .into_iter()
            .map(|(name, network)| (docker_name(&name), network))
            .collect();
    }
    for mount in value["Mounts"].as_array_mut().into_iter().flatten() {
        if let Some(mount) = mount.as_object_mut() {
            mount.remove("Options");
        }
    }
    Ok(value)
}
