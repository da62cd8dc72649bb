//! What an engine has of a project, by its labels.

use cove_api::{
    ContainerState, ContainerSummary, Engine, Filters, ListOptions, Network, NetworkListOptions, Result,
    StringMap, Volume, VolumeListOptions,
};

use crate::label;

/// What an engine has of a project.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// Its containers, oldest first.
    pub containers: Vec<FoundContainer>,
    /// Its networks, by name.
    pub networks: Vec<Network>,
    /// Its volumes, by name.
    pub volumes: Vec<Volume>,
}

impl Found {
    /// Asks an engine for what it has of the project of this name; containers that do not run, and those of `run`, are
    /// among it.
    ///
    /// # Errors
    /// The engine's.
    pub async fn of(engine: &dyn Engine, project: &str) -> Result<Self> {
        let labelled =
            || Filters::from([("label".to_owned(), vec![format!("{}={project}", label::PROJECT)])]);
        let (containers, networks, volumes) = (engine.containers(), engine.networks(), engine.volumes());
        let options = ListOptions { all: true, details: true, filters: labelled(), ..ListOptions::default() };
        let rows = containers.list(options).await?;
        Ok(Self {
            containers: rows.into_iter().filter_map(FoundContainer::of).collect(),
            networks: networks.list(NetworkListOptions { filters: labelled() }).await?,
            volumes: volumes.list(VolumeListOptions { filters: labelled() }).await?,
        })
    }

    /// The containers of a service that are not of `run`, by number.
    #[must_use]
    pub fn of_service(&self, service: &str) -> Vec<&FoundContainer> {
        let mut found: Vec<_> =
            self.containers.iter().filter(|one| one.service == service && !one.one_off).collect();
        found.sort_by_key(|one| one.number);
        found
    }
}

/// A container of a project.
#[derive(Debug, Clone, Default)]
pub struct FoundContainer {
    /// Its name.
    pub name: String,
    /// Its service.
    pub service: String,
    /// Its number among the service's; `run` gives none.
    pub number: Option<u32>,
    /// Whether `run` made it.
    pub one_off: bool,
    /// The row of the engine's list, with [`ContainerSummary::details`].
    pub row: ContainerSummary,
}

impl FoundContainer {
    /// Reads a row; [`None`] where it is of no service of a project.
    fn of(row: ContainerSummary) -> Option<Self> {
        let service = row.labels.get(label::SERVICE)?.clone();
        Some(Self {
            name: row.names.first().cloned().unwrap_or_default(),
            service,
            number: row.labels.get(label::NUMBER).and_then(|text| text.parse().ok()),
            one_off: row.labels.get(label::ONE_OFF).is_some_and(|text| text == "True"),
            row,
        })
    }

    /// Its state.
    #[must_use]
    pub fn state(&self) -> ContainerState {
        self.row.state
    }

    /// All its labels.
    #[must_use]
    pub fn labels(&self) -> &StringMap {
        &self.row.labels
    }

    /// A label's value, empty where it has none.
    #[must_use]
    pub fn label(&self, name: &str) -> &str {
        self.row.labels.get(name).map_or("", String::as_str)
    }

    /// The services that its service depended on when it was made.
    pub fn dependencies(&self) -> impl Iterator<Item = &str> {
        let entries = self.label(label::DEPENDS_ON).split(',');
        entries.filter_map(|entry| entry.split(':').next()).filter(|name| !name.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(labels: &[(&str, &str)]) -> Option<FoundContainer> {
        let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        FoundContainer::of(ContainerSummary { labels, ..ContainerSummary::default() })
    }

    #[test]
    fn labels_tell_what_a_container_is() {
        let web = container(&[
            (label::PROJECT, "shop"),
            (label::SERVICE, "web"),
            (label::NUMBER, "2"),
            (label::ONE_OFF, "False"),
            (label::DEPENDS_ON, "db:service_healthy:false,cache:service_started:true"),
        ])
        .unwrap();
        assert_eq!((web.service.as_str(), web.number, web.one_off), ("web", Some(2), false));
        assert_eq!(web.dependencies().collect::<Vec<_>>(), ["db", "cache"]);
        assert!(container(&[(label::PROJECT, "shop")]).is_none(), "of no service");
        let run = container(&[(label::SERVICE, "web"), (label::ONE_OFF, "True")]).unwrap();
        let found = Found { containers: vec![run, web], ..Found::default() };
        assert_eq!(found.of_service("web").len(), 1, "not that of run");
    }
}
