//! Pods.

use async_trait::async_trait;
use cove_api::{Engine, PodListOptions, PodRemoveOptions, PodRemoveReport, PodSummary, Result};
use serde::{Deserialize, Serialize};

use super::description::{Description, ObjectName, json, pairs};
use crate::Failure;
use crate::collection::Row;
use crate::kinds::Listed;

/// A container of a pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct PodMember {
    /// The whole id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Podman's word for its state.
    pub state: String,
    /// Whether it holds the namespaces that the others share.
    pub infra: bool,
}

/// A row of the list of pods.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct PodRow {
    /// The whole id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Podman's word in lower case: `created`, `degraded`, `exited`, `paused`, `running`, `stopped`, …
    pub state: String,
    /// Its containers.
    pub members: Vec<PodMember>,
    /// The networks that they share.
    pub networks: Vec<String>,
    /// Seconds since the epoch; 0 where the engine does not tell.
    pub created: i64,
}

impl Row for PodRow {
    type Key = String;
    fn key(&self) -> &String {
        &self.id
    }
}

#[async_trait]
impl Listed for PodRow {
    const EVENTS: &'static str = "pod";
    const FOLLOWS_CONTAINERS: bool = true;

    async fn list(engine: &dyn Engine) -> Result<Vec<Self>> {
        let list = engine.pods().list(PodListOptions::default()).await?;
        Ok(list.into_iter().map(Into::into).collect())
    }

    /// `force` also removes containers that run.
    async fn remove(engine: &dyn Engine, id: &str, force: bool) -> std::result::Result<(), Failure> {
        let options = PodRemoveOptions { force, ..PodRemoveOptions::default() };
        match failure(engine.pods().remove(id, options).await?) {
            None => Ok(()),
            Some(message) => Err(cove_api::Error::internal(message).into()),
        }
    }

    async fn describe(engine: &dyn Engine, id: &str) -> std::result::Result<Description, Failure> {
        let pod = engine.pods().inspect(id).await?;
        let json = json(&pod);
        let member = |member: cove_api::PodInspectContainer| ObjectName {
            id: member.id,
            name: member.name,
            note: member.state,
        };
        Ok(Description {
            containers: pod.containers.into_iter().map(member).collect(),
            labels: pairs(pod.labels),
            options: Vec::new(),
            json,
        })
    }
}

/// Why a pod or one of its containers is still there.
fn failure(report: PodRemoveReport) -> Option<String> {
    let member = report.removed_ctrs.into_iter().find_map(|(id, why)| Some(format!("{id}: {}", why?)));
    member.or(report.err)
}

impl From<PodSummary> for PodRow {
    fn from(summary: PodSummary) -> Self {
        let infra = summary.infra_id;
        Self {
            id: summary.id,
            name: summary.name,
            state: summary.status.as_str().to_lowercase(),
            members: summary
                .containers
                .into_iter()
                .map(|member| PodMember {
                    infra: !infra.is_empty() && member.id == infra,
                    id: member.id,
                    name: member.names,
                    state: member.status,
                })
                .collect(),
            networks: summary.networks,
            created: summary.created.as_second().max(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cove_api::PodSummaryContainer;

    #[test]
    fn the_container_that_holds_the_namespaces_is_known() {
        let member = |id: &str| PodSummaryContainer { id: id.into(), ..PodSummaryContainer::default() };
        let summary = PodSummary {
            infra_id: "b".into(),
            containers: vec![member("a"), member("b")],
            ..PodSummary::default()
        };
        let row = PodRow::from(summary);
        assert_eq!(row.members.iter().map(|member| member.infra).collect::<Vec<_>>(), [false, true]);
        assert_eq!((row.state.as_str(), row.created), ("created", 0));
        let none = PodSummary { containers: vec![member("")], ..PodSummary::default() };
        assert!(!PodRow::from(none).members[0].infra);
    }

    #[test]
    fn the_container_is_told_before_the_pod() {
        let report = PodRemoveReport {
            removed_ctrs: [("a".to_owned(), None), ("b".to_owned(), Some("it runs".to_owned()))].into(),
            err: Some("not all".into()),
            id: "p".into(),
        };
        assert_eq!(failure(report).as_deref(), Some("b: it runs"));
        assert_eq!(failure(PodRemoveReport::default()), None);
    }
}
