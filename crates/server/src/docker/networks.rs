//! `/networks`.

use std::collections::BTreeMap;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use cove_api::{
    ErrorKind, Network, NetworkCreateOptions, NetworkListOptions, NetworkMember, StringMap, Subnet, Timestamp,
};
use cove_docker::{Endpoint, NetworkBody, network_options};
use serde::{Deserialize, Serialize};

use super::parameters::{Filtered, Query};
use crate::body::JsonBody;
use crate::error::{Answer, ApiError};
use crate::router::{DefaultNetwork, EngineState};

pub(super) fn routes() -> Router<EngineState> {
    Router::new()
        .route("/networks", get(list))
        .route("/networks/create", post(create))
        .route("/networks/{name}", get(inspect).delete(remove))
        .route("/networks/{name}/connect", post(connect))
        .route("/networks/{name}/disconnect", post(disconnect))
}

/// A network's name in Docker's words.
pub(super) fn docker_name(name: &str, default: &str) -> String {
    if name == default { "bridge".to_owned() } else { name.to_owned() }
}

/// `bridge` is the default network unless a network really goes by that name.
async fn resolve(engine: &EngineState, name: String, default: &str) -> cove_api::Result<String> {
    if name == "bridge" && !engine.networks().exists(&name).await? { Ok(default.into()) } else { Ok(name) }
}

/// A network as Docker shows it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct DockerNetwork {
    name: String,
    id: String,
    created: Timestamp,
    scope: &'static str,
    driver: String,
    #[serde(rename = "EnableIPv4")]
    enable_ipv4: bool,
    #[serde(rename = "EnableIPv6")]
    enable_ipv6: bool,
    #[serde(rename = "IPAM")]
    ipam: ShownIpam,
    internal: bool,
    attachable: bool,
    ingress: bool,
    config_from: ConfigFrom,
    config_only: bool,
    containers: BTreeMap<String, Member>,
    options: StringMap,
    labels: StringMap,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ShownIpam {
    driver: &'static str,
    options: StringMap,
    config: Vec<ShownSubnet>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ShownSubnet {
    subnet: String,
    gateway: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ConfigFrom {
    network: &'static str,
}

/// A container on a network.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Member {
    name: String,
    #[serde(rename = "EndpointID")]
    endpoint_id: &'static str,
    mac_address: String,
    #[serde(rename = "IPv4Address")]
    ipv4_address: String,
    #[serde(rename = "IPv6Address")]
    ipv6_address: String,
}

impl DockerNetwork {
    fn new(network: Network, containers: BTreeMap<String, Member>, default: &str) -> Self {
        let shown = |subnet: Subnet| ShownSubnet { subnet: subnet.subnet, gateway: subnet.gateway };
        Self {
            name: docker_name(&network.name, default),
            id: network.id,
            created: network.created,
            scope: "local",
            driver: network.driver,
            enable_ipv4: true,
            enable_ipv6: network.ipv6_enabled,
            ipam: ShownIpam {
                driver: "default",
                options: StringMap::new(),
                config: network.subnets.into_iter().map(shown).collect(),
            },
            internal: network.internal,
            attachable: false,
            ingress: false,
            config_from: ConfigFrom { network: "" },
            config_only: false,
            containers,
            options: network.options,
            labels: network.labels,
        }
    }
}

impl From<NetworkMember> for Member {
    fn from(member: NetworkMember) -> Self {
        let interface = member.interfaces.into_values().next().unwrap_or_default();
        let address = |wants_v6: bool| {
            let mut addresses =
                interface.subnets.iter().filter(|address| address.ipnet.contains(':') == wants_v6);
            addresses.next().map(|address| address.ipnet.clone()).unwrap_or_default()
        };
        Self {
            name: member.name,
            endpoint_id: "",
            ipv4_address: address(false),
            ipv6_address: address(true),
            mac_address: interface.mac_address,
        }
    }
}

async fn list(
    State(engine): State<EngineState>,
    Extension(DefaultNetwork(default)): Extension<DefaultNetwork>,
    Query(asked): Query<Filtered>,
) -> Answer<Json<Vec<DockerNetwork>>> {
    let mut filters = asked.filters;
    // Docker's own: every network is one of this host, and the default one is built in.
    let is_local = filters.remove("scope").is_none_or(|scopes| scopes.iter().any(|scope| scope == "local"));
    let kinds = filters.remove("type");
    if let Some(kind) = kinds.iter().flatten().find(|kind| !matches!(kind.as_str(), "custom" | "builtin")) {
        return Err(ApiError::invalid(format!("invalid filter 'type={kind}'")));
    }
    let mut networks = engine.networks().list(NetworkListOptions { filters }).await?;
    networks.retain(|network| {
        let kind = if *network.name == *default { "builtin" } else { "custom" };
        is_local && kinds.as_ref().is_none_or(|kinds| kinds.iter().any(|wanted| wanted == kind))
    });
    let shown = networks.into_iter().map(|network| DockerNetwork::new(network, BTreeMap::new(), &default));
    Ok(Json(shown.collect()))
}

async fn inspect(
    State(engine): State<EngineState>,
    Extension(DefaultNetwork(default)): Extension<DefaultNetwork>,
    Path(name): Path<String>,
) -> Answer<Json<DockerNetwork>> {
    let inspect = engine.networks().inspect(&resolve(&engine, name, &default).await?).await?;
    let members = inspect.containers.into_iter().map(|(id, member)| (id, member.into())).collect();
    Ok(Json(DockerNetwork::new(inspect.network, members, &default)))
}

/// What create answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Created {
    id: String,
    warning: &'static str,
}

async fn create(State(engine): State<EngineState>, JsonBody(body): JsonBody<NetworkBody>) -> Answer {
    let made = engine.networks().create(body.into_network()?, NetworkCreateOptions::default()).await?;
    Ok((StatusCode::CREATED, Json(Created { id: made.id, warning: "" })).into_response())
}

async fn remove(
    State(engine): State<EngineState>,
    Extension(DefaultNetwork(default)): Extension<DefaultNetwork>,
    Path(name): Path<String>,
) -> Answer {
    match engine.networks().remove(&resolve(&engine, name, &default).await?, false).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT.into_response()),
        // What others answer as a conflict is forbidden with Docker, for networks alone.
        Err(error) if error.kind == ErrorKind::InUse => {
            Ok(ApiError(error).with_status(StatusCode::FORBIDDEN))
        }
        Err(error) => Err(error.into()),
    }
}

/// The body of connect.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Connect {
    container: String,
    endpoint_config: Endpoint,
}

async fn connect(
    State(engine): State<EngineState>,
    Extension(DefaultNetwork(default)): Extension<DefaultNetwork>,
    Path(name): Path<String>,
    JsonBody(body): JsonBody<Connect>,
) -> Answer<StatusCode> {
    let name = resolve(&engine, name, &default).await?;
    engine.networks().connect(&name, &body.container, network_options(body.endpoint_config)?).await?;
    Ok(StatusCode::OK)
}

/// The body of disconnect.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Disconnect {
    container: String,
    force: bool,
}

async fn disconnect(
    State(engine): State<EngineState>,
    Extension(DefaultNetwork(default)): Extension<DefaultNetwork>,
    Path(name): Path<String>,
    JsonBody(body): JsonBody<Disconnect>,
) -> Answer<StatusCode> {
    let name = resolve(&engine, name, &default).await?;
    engine.networks().disconnect(&name, &body.container, body.force).await?;
    Ok(StatusCode::OK)
}
