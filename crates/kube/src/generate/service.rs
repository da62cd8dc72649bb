//! Services.

use super::facts::GenerateFacts;
use crate::objects::{Metadata, Pod, Port, Service, ServicePort, ServiceSpec};

/// The ports of nodes that services may have.
const FIRST: u16 = 30_000;
const NUMBER: u16 = 2_768;

/// The service by which the ports of a pod are reached; their numbers on the nodes are chosen at random.
pub(super) fn of_pod(pod: &Pod, ports: &[Port], facts: &mut GenerateFacts<'_>) -> Service {
    let mut used = Vec::new();
    let ports = ports
        .iter()
        .take(usize::from(NUMBER))
        .map(|port| {
            let mut number = FIRST + (facts.random)(NUMBER) % NUMBER;
            // There are fewer ports than numbers, so one is free.
            while used.contains(&number) {
                number = FIRST + (number - FIRST + 1) % NUMBER;
            }
            used.push(number);
            ServicePort {
                name: port.container_port.to_string(),
                node_port: number.into(),
                port: port.container_port,
                protocol: port.protocol.clone(),
                target_port: port.container_port,
            }
        })
        .collect();
    let app = pod.metadata.labels.get("app").cloned().unwrap_or_default();
    Service {
        api_version: pod.api_version.clone(),
        kind: "Service".into(),
        metadata: Metadata { annotations: Default::default(), ..pod.metadata.clone() },
        spec: ServiceSpec { ports, selector: [("app".to_owned(), app)].into(), kind: "NodePort".into() },
    }
}
