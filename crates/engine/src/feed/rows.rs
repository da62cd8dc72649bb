//! The rows of every kind, and what changes between two looks.

use std::collections::BTreeMap;

use cove_api::{ContainerSummary, ImageSummary, Network, PodSummary, StateKeys, StateRows, Volume};

/// Something with a key that stays.
pub(super) trait Row: Clone + PartialEq {
    fn key(&self) -> &str;
    /// Whether a list shows the same. What only tells how long ago something was does not count.
    fn is_like(&self, other: &Self) -> bool {
        self == other
    }
}

impl Row for ContainerSummary {
    fn key(&self) -> &str {
        &self.id
    }
    fn is_like(&self, other: &Self) -> bool {
        let timeless =
            |row: &Self| Self { created_at: String::new(), status: without_age(&row.status), ..row.clone() };
        timeless(self) == timeless(other)
    }
}

/// A status without how long it has been so: `Up 5 minutes (healthy)` is `Up (healthy)`.
fn without_age(status: &str) -> String {
    let word = status.split(' ').next().unwrap_or_default();
    match status.find('(') {
        Some(at) => format!("{word} {}", status[at..].split(')').next().unwrap_or_default()),
        None => word.to_owned(),
    }
}

impl Row for ImageSummary {
    fn key(&self) -> &str {
        &self.id
    }
}

impl Row for PodSummary {
    fn key(&self) -> &str {
        &self.id
    }
}

impl Row for Volume {
    fn key(&self) -> &str {
        &self.name
    }
}

impl Row for Network {
    fn key(&self) -> &str {
        &self.id
    }
}

/// The rows of one kind.
#[derive(Debug)]
pub(super) struct Rows<T>(BTreeMap<String, T>);

impl<T> Default for Rows<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T: Row> Rows<T> {
    fn all(&self) -> Vec<T> {
        self.0.values().cloned().collect()
    }

    /// Takes over all rows there are; answers the new and changed ones, and the keys of those that are gone.
    fn replace(&mut self, rows: Vec<T>) -> (Vec<T>, Vec<String>) {
        let new: BTreeMap<String, T> = rows.into_iter().map(|row| (row.key().to_owned(), row)).collect();
        let removed = self.0.keys().filter(|key| !new.contains_key(*key)).cloned().collect();
        let is_changed = |row: &&T| self.0.get(row.key()).is_none_or(|old| !old.is_like(row));
        let changed = new.values().filter(is_changed).cloned().collect();
        self.0 = new;
        (changed, removed)
    }

    /// Takes over those of `keys`: the ones that are not among `rows` are gone.
    fn update(&mut self, keys: &[String], rows: Vec<T>) -> (Vec<T>, Vec<String>) {
        let mut removed = Vec::new();
        for key in keys {
            if !rows.iter().any(|row| row.key() == key) && self.0.remove(key).is_some() {
                removed.push(key.clone());
            }
        }
        let mut changed = Vec::new();
        for row in rows {
            let old = self.0.insert(row.key().to_owned(), row.clone());
            if old.is_none_or(|old| !old.is_like(&row)) {
                changed.push(row);
            }
        }
        (changed, removed)
    }
}

/// Which containers were read.
pub(super) enum Containers {
    All(Vec<ContainerSummary>),
    Some(Vec<String>, Vec<ContainerSummary>),
}

/// What was read at one look; nothing of a kind that was not looked at.
#[derive(Default)]
pub(super) struct Look {
    pub(super) containers: Option<Containers>,
    pub(super) images: Option<Vec<ImageSummary>>,
    pub(super) pods: Option<Vec<PodSummary>>,
    pub(super) volumes: Option<Vec<Volume>>,
    pub(super) networks: Option<Vec<Network>>,
}

/// The rows of every kind.
#[derive(Debug, Default)]
pub(super) struct Tables {
    containers: Rows<ContainerSummary>,
    images: Rows<ImageSummary>,
    pods: Rows<PodSummary>,
    volumes: Rows<Volume>,
    networks: Rows<Network>,
}

impl Tables {
    pub(super) fn all(&self) -> StateRows {
        StateRows {
            containers: self.containers.all(),
            images: self.images.all(),
            pods: self.pods.all(),
            volumes: self.volumes.all(),
            networks: self.networks.all(),
        }
    }

    pub(super) fn has_pods(&self) -> bool {
        !self.pods.0.is_empty()
    }

    /// Takes over what was read, and answers what is different.
    pub(super) fn take(&mut self, look: Look) -> (StateRows, StateKeys) {
        let (mut changed, mut removed) = (StateRows::default(), StateKeys::default());
        match look.containers {
            Some(Containers::All(rows)) => {
                (changed.containers, removed.containers) = self.containers.replace(rows);
            }
            Some(Containers::Some(ids, rows)) => {
                (changed.containers, removed.containers) = self.containers.update(&ids, rows);
            }
            None => {}
        }
        if let Some(rows) = look.images {
            (changed.images, removed.images) = self.images.replace(rows);
        }
        if let Some(rows) = look.pods {
            (changed.pods, removed.pods) = self.pods.replace(rows);
        }
        if let Some(rows) = look.volumes {
            (changed.volumes, removed.volumes) = self.volumes.replace(rows);
        }
        if let Some(rows) = look.networks {
            (changed.networks, removed.networks) = self.networks.replace(rows);
        }
        (changed, removed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: &str, status: &str) -> ContainerSummary {
        ContainerSummary { id: id.into(), status: status.into(), ..ContainerSummary::default() }
    }

    fn ids(rows: &[ContainerSummary]) -> Vec<&str> {
        rows.iter().map(|row| row.id.as_str()).collect()
    }

    #[test]
    fn only_what_is_different_is_told() {
        let mut rows = Rows::default();
        let (changed, removed) = rows.replace(vec![row("b", "Up 2 minutes"), row("a", "Created")]);
        assert_eq!((ids(&changed), removed.len()), (vec!["a", "b"], 0));
        // Time passes, which is no news.
        let (changed, removed) = rows.replace(vec![row("b", "Up 3 minutes"), row("c", "Created")]);
        assert_eq!((ids(&changed), removed), (vec!["c"], vec!["a".to_owned()]));
        let keys = ["b", "c", "never"].map(str::to_owned);
        let (changed, removed) = rows.update(&keys, vec![row("b", "Up 3 minutes (healthy)")]);
        assert_eq!((ids(&changed), removed), (vec!["b"], vec!["c".to_owned()]));
        assert_eq!(ids(&rows.all()), ["b"]);
    }

    #[test]
    fn ages_are_no_part_of_a_status() {
        for (one, other, same) in [
            ("Up 1 second", "Up 2 hours", true),
            ("Up 1 second (healthy)", "Up 2 hours (healthy)", true),
            ("Up 1 second (healthy)", "Up 1 second (unhealthy)", false),
            ("Exited (0) 5 minutes ago", "Exited (0) 6 minutes ago", true),
            ("Exited (0) 5 minutes ago", "Exited (1) 5 minutes ago", false),
            ("Up 1 second", "Paused", false),
            ("", "", true),
        ] {
            assert_eq!(without_age(one) == without_age(other), same, "{one} {other}");
        }
    }
}
