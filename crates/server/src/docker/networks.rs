//! `/networks`.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use axum::routing::{get, post};
use axum::{Json, Router};
use cove_api::wire::NotDone;
use cove_api::{
    Error, LeaseRange, Network, NetworkCreateOptions, NetworkListOptions, NetworkMember, StringMap, Subnet,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::body::JsonBody;
use crate::error::{Answer, ApiError};
use crate::params::Params;
use crate::router::EngineState;

/// The engine's default network, which Docker's clients call `bridge`.
const DEFAULT_NETWORK: &str = "podman";

pub(super) fn routes() -> Router<EngineState> {
    Router::new()
        .route("/networks", get(list))
        .route("/networks/create", post(create))
        .route("/networks/{name}", get(inspect).delete(remove))
}

/// A network's name in Docker's words.
pub(super) fn docker_name(name: &str) -> String {
    if name == DEFAULT_NETWORK { "bridge".to_owned() } else { name.to_owned() }
}

/// `bridge` is the default network unless a network really goes by that name.
async fn resolve(engine: &EngineState, name: String) -> cove_api::Result<String> {
    if name == "bridge" && !engine.networks().exists(&name).await? {
        Ok(DEFAULT_NETWORK.into())
    } else {
        Ok(name)
    }
}

fn docker_network(network: &Network, members: Map<String, Value>) -> Value {
    let subnets: Vec<Value> = network
        .subnets
        .iter()
        .map(|subnet| json!({"Subnet": subnet.subnet, "Gateway": subnet.gateway}))
        .collect();
    json!({
        "Name": docker_name(&network.name),
        "Id": network.id,
        "Created": network.created,
        "Scope": "local",
        "Driver": network.driver,
        "EnableIPv6": network.ipv6_enabled,
        "IPAM": {"Driver": "default", "Options": {}, "Config": subnets},
        "Internal": network.internal,
        "Attachable": false,
        "Ingress": false,
        "ConfigFrom": {"Network": ""},
        "ConfigOnly": false,
        "Containers": members,
        "Options": network.options,
        "Labels": network.labels,
    })
}

async fn list(State(engine): State<EngineState>, params: Params) -> Answer<Json<Vec<Value>>> {
    let networks = engine.networks().list(NetworkListOptions { filters: params.filters()? }).await?;
    Ok(Json(networks.iter().map(|network| docker_network(network, Map::new())).collect()))
}

async fn inspect(State(engine): State<EngineState>, Path(name): Path<String>) -> Answer<Json<Value>> {
    let inspect = engine.networks().inspect(&resolve(&engine, name).await?).await?;
    let members = inspect.containers.iter().map(|(id, member)| (id.clone(), docker_member(member))).collect();
    Ok(Json(docker_network(&inspect.network, members)))
}

fn docker_member(member: &NetworkMember) -> Value {
    let interface = member.interfaces.values().next();
    let address = |wants_v6: bool| {
        let addresses = interface.into_iter().flat_map(|interface| &interface.subnets);
        let mut addresses = addresses.filter(|address| address.ipnet.contains(':') == wants_v6);
        addresses.next().map_or("", |address| address.ipnet.as_str()).to_owned()
    };
    json!({
        "Name": member.name,
        "EndpointID": "",
        "MacAddress": interface.map_or("", |interface| interface.mac_address.as_str()),
        "IPv4Address": address(false),
        "IPv6Address": address(true),
    })
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
#[allow(dead_code, reason = "what is not done is typed for the decoder alone")]
struct Create {
    name: String,
    driver: String,
    internal: bool,
    #[serde(rename = "EnableIPv4")]
    enable_ipv4: Option<bool>,
    #[serde(rename = "EnableIPv6")]
    enable_ipv6: bool,
    #[serde(rename = "IPAM")]
    ipam: Ipam,
    options: StringMap,
    labels: StringMap,
    scope: NotDone<String>,
    check_duplicate: NotDone<bool>,
    attachable: NotDone<bool>,
    ingress: NotDone<bool>,
    config_only: NotDone<bool>,
    config_from: NotDone<StringMap>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
#[allow(dead_code, reason = "what is not done is typed for the decoder alone")]
struct Ipam {
    driver: String,
    config: Vec<IpamConfig>,
    options: NotDone<StringMap>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
#[allow(dead_code, reason = "what is not done is typed for the decoder alone")]
struct IpamConfig {
    subnet: String,
    gateway: String,
    #[serde(rename = "IPRange")]
    ip_range: String,
    #[serde(rename = "AuxiliaryAddresses")]
    auxiliary_addresses: NotDone<StringMap>,
}

async fn create(State(engine): State<EngineState>, JsonBody(create): JsonBody<Create>) -> Answer {
    if create.enable_ipv4 == Some(false) {
        return Err(
            Error::unsupported("networks without IPv4 (EnableIPv4: false) are not supported yet").into()
        );
    }
    let ipam = create.ipam;
    if !matches!(ipam.driver.as_str(), "" | "default") {
        return Err(ApiError::invalid(format!("IPAM driver {:?} is not supported", ipam.driver)));
    }
    let mut subnets = Vec::new();
    for config in ipam.config {
        let lease_range = match config.ip_range.as_str() {
            "" => None,
            text => Some(range_of(text)?),
        };
        subnets.push(Subnet { subnet: config.subnet, gateway: config.gateway, lease_range });
    }
    let network = Network {
        name: create.name,
        driver: if create.driver.is_empty() { "bridge".into() } else { create.driver },
        internal: create.internal,
        ipv6_enabled: create.enable_ipv6,
        dns_enabled: true,
        subnets,
        options: create.options,
        labels: create.labels,
        ..Network::default()
    };
    let made = engine.networks().create(network, NetworkCreateOptions::default()).await?;
    Ok((StatusCode::CREATED, Json(json!({"Id": made.id, "Warning": ""}))).into_response())
}

/// First and last address of a range in the form `ADDRESS/BITS` (IPv4).
fn range_of(text: &str) -> Answer<LeaseRange> {
    let wrong = || ApiError::invalid(format!("IPRange {text:?} is no IPv4 range"));
    let (address, bits) = text.split_once('/').ok_or_else(wrong)?;
    let address: std::net::Ipv4Addr = address.parse().map_err(|_| wrong())?;
    let bits: u32 = bits.parse().ok().filter(|bits| *bits <= 32).ok_or_else(wrong)?;
    let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
    let first = u32::from(address) & mask;
    Ok(LeaseRange {
        start_ip: std::net::Ipv4Addr::from(first).to_string(),
        end_ip: std::net::Ipv4Addr::from(first | !mask).to_string(),
    })
}

async fn remove(State(engine): State<EngineState>, Path(name): Path<String>) -> Answer<StatusCode> {
    engine.networks().remove(&resolve(&engine, name).await?, false).await?;
    Ok(StatusCode::NO_CONTENT)
}
