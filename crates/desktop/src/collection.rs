//! Rows by their keys, and which of them a screen has not been told yet.

use std::collections::{BTreeMap, BTreeSet};

/// A row of a list: it is found by its key and compared with the one that was there.
pub trait Row: Clone + PartialEq {
    /// What tells one from another.
    type Key: Ord + Clone;
    /// Whether it belongs to the engine in use, and goes when another one is chosen.
    const OF_ENGINE: bool = true;

    /// Its key.
    fn key(&self) -> &Self::Key;
}

/// All rows of one kind. Changes are noted by key, not as events: however often a row changes between two batches, the
/// next batch holds it once.
#[derive(Debug)]
pub(crate) struct Collection<R: Row> {
    rows: BTreeMap<R::Key, R>,
    dirty: BTreeSet<R::Key>,
}

impl<R: Row> Default for Collection<R> {
    fn default() -> Self {
        Self { rows: BTreeMap::new(), dirty: BTreeSet::new() }
    }
}

impl<R: Row> Collection<R> {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// All rows in the order of their keys.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &R> {
        self.rows.values()
    }

    pub(crate) fn get(&self, key: &R::Key) -> Option<&R> {
        self.rows.get(key)
    }

    /// A row to be changed; the caller says so with [`Collection::touch`].
    pub(crate) fn get_mut(&mut self, key: &R::Key) -> Option<&mut R> {
        self.rows.get_mut(key)
    }

    /// Notes that a row has changed.
    pub(crate) fn touch(&mut self, key: R::Key) {
        self.dirty.insert(key);
    }

    /// Puts a row in its place.
    pub(crate) fn set(&mut self, row: R) {
        if self.rows.get(row.key()) != Some(&row) {
            self.dirty.insert(row.key().clone());
            self.rows.insert(row.key().clone(), row);
        }
    }

    /// Takes a row away.
    pub(crate) fn remove(&mut self, key: &R::Key) {
        if self.rows.remove(key).is_some() {
            self.dirty.insert(key.clone());
        }
    }

    /// Makes the collection hold exactly `rows`.
    pub(crate) fn replace(&mut self, rows: Vec<R>) {
        let known: BTreeSet<R::Key> = self.rows.keys().cloned().collect();
        self.update(&known, rows);
    }

    /// The rows of `keys` as they are now; those without one are gone. Other rows are left.
    pub(crate) fn update(&mut self, keys: &BTreeSet<R::Key>, rows: Vec<R>) {
        let found: BTreeSet<R::Key> = rows.iter().map(|row| row.key().clone()).collect();
        for key in keys.difference(&found) {
            self.remove(key);
        }
        for row in rows {
            self.set(row);
        }
    }

    /// Forgets everything without telling: a snapshot follows.
    pub(crate) fn clear(&mut self) {
        self.rows.clear();
        self.dirty.clear();
    }

    /// What has changed since the last call: the new and changed rows, and the keys of those that are gone.
    pub(crate) fn take(&mut self) -> Option<(Vec<R>, Vec<R::Key>)> {
        if self.dirty.is_empty() {
            return None;
        }
        let mut changed = Vec::new();
        let mut removed = Vec::new();
        for key in std::mem::take(&mut self.dirty) {
            match self.rows.get(&key) {
                Some(row) => changed.push(row.clone()),
                None => removed.push(key),
            }
        }
        Some((changed, removed))
    }
}
