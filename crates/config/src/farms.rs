//! Farms: groups of connections that build together, in the file of the connections and in containers.conf.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::connections::Connections;
use crate::error::{Error, Result};

/// A group of connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Farm {
    /// Its name.
    pub name: String,
    /// Names of connections, in the order in which they were added.
    pub connections: Vec<String>,
    /// Whether it is used where none is named.
    pub is_default: bool,
    /// Whether it can be changed; false for those of containers.conf.
    pub writable: bool,
}

/// What is changed of a farm.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FarmChange {
    /// Connections that are added.
    pub add: Vec<String>,
    /// Connections that are taken out.
    pub remove: Vec<String>,
    /// It becomes the default, or is it no more.
    pub default: Option<bool>,
}

/// The farms as the file has them.
#[derive(Debug, Default)]
struct Table {
    default: String,
    list: BTreeMap<String, Vec<String>>,
}

impl Table {
    fn read(farm: &Map<String, Value>) -> Result<Self> {
        let wrong = || invalid("farms", "Farm", "it is no table of lists of connections");
        let default = match farm.get("Default") {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(name)) => name.clone(),
            Some(_) => return Err(wrong()),
        };
        let list = match farm.get("List") {
            None | Some(Value::Null) => BTreeMap::new(),
            Some(list) => {
                let list: BTreeMap<String, Option<Vec<String>>> =
                    serde_json::from_value(list.clone()).map_err(|_| wrong())?;
                list.into_iter().map(|(name, all)| (name, all.unwrap_or_default())).collect()
            }
        };
        Ok(Self { default, list })
    }

    /// Writes it over what there is; what is not known stays.
    fn write(self, farm: &mut Map<String, Value>) {
        match self.default.is_empty() {
            true => drop(farm.remove("Default")),
            false => drop(farm.insert("Default".into(), self.default.into())),
        }
        match self.list.is_empty() {
            true => drop(farm.remove("List")),
            false => drop(farm.insert("List".into(), json!(self.list))),
        }
    }
}

impl Connections {
    /// All farms, by name.
    ///
    /// # Errors
    /// The file cannot be read or parsed.
    pub fn farms(&self) -> Result<Vec<Farm>> {
        let own = Table::read(&self.read()?.farm)?;
        let default = if own.default.is_empty() { self.read_only_farm() } else { &own.default };
        let default = default.to_owned();
        let mut all: BTreeMap<String, (Vec<String>, bool)> =
            self.read_only_farms().iter().map(|(name, all)| (name.clone(), (all.clone(), false))).collect();
        all.extend(own.list.into_iter().map(|(name, connections)| (name, (connections, true))));
        Ok(all
            .into_iter()
            .map(|(name, (connections, writable))| Farm {
                is_default: name == default,
                name,
                connections,
                writable,
            })
            .collect())
    }

    /// Makes a farm. The first one becomes the default.
    ///
    /// # Errors
    /// The name is not allowed or taken, a connection does not exist, or the file cannot be changed.
    pub fn create_farm(&self, name: &str, connections: &[String]) -> Result<()> {
        crate::connections::check_name(name)?;
        for connection in connections {
            self.known("cannot create farm", connection)?;
        }
        self.edit_farms(|table, fixed| {
            if table.list.contains_key(name) || fixed.contains_key(name) {
                return Err(invalid("farm", name, &format!("farm with name {name:?} already exists")));
            }
            if table.list.is_empty() && table.default.is_empty() {
                table.default = name.to_owned();
            }
            table.list.insert(name.to_owned(), distinct(connections));
            Ok(())
        })
    }

    /// Changes a farm.
    ///
    /// # Errors
    /// It is not there or is in containers.conf, a connection does not exist or is not in it, or the file cannot be
    /// changed.
    pub fn change_farm(&self, name: &str, change: &FarmChange) -> Result<()> {
        for connection in &change.add {
            self.known("cannot add to farm", connection)?;
        }
        self.edit_farms(|table, fixed| {
            if !table.list.contains_key(name) && !fixed.contains_key(name) {
                let why = format!("cannot update farm, {name:?} farm doesn't exist");
                return Err(invalid("farm", name, &why));
            }
            if !change.add.is_empty() || !change.remove.is_empty() {
                let Some(connections) = table.list.get_mut(name) else { return Err(read_only(name)) };
                for gone in &change.remove {
                    let place = connections.iter().position(|known| known == gone).ok_or_else(|| {
                        let why =
                            format!("cannot remove from farm, {gone:?} is not a connection in the farm");
                        invalid("farm", name, &why)
                    })?;
                    connections.remove(place);
                }
                connections.extend(change.add.iter().cloned());
                *connections = distinct(connections);
            }
            match change.default {
                Some(true) => table.default = name.to_owned(),
                Some(false) if table.default == name => table.default.clear(),
                Some(false) | None => {}
            }
            Ok(())
        })
    }

    /// Removes a farm; where it was the default, another one becomes it.
    ///
    /// # Errors
    /// It is not there or is in containers.conf, or the file cannot be changed.
    pub fn remove_farm(&self, name: &str) -> Result<()> {
        self.edit_farms(|table, fixed| {
            if table.list.remove(name).is_none() {
                return Err(match fixed.contains_key(name) {
                    true => read_only(name),
                    false => invalid("farm", name, &format!("farm {name:?} does not exist")),
                });
            }
            if table.default == name {
                table.default = table.list.keys().next().cloned().unwrap_or_default();
            }
            Ok(())
        })
    }

    /// Removes all farms of the file and returns their names.
    ///
    /// # Errors
    /// The file cannot be changed.
    pub fn remove_all_farms(&self) -> Result<Vec<String>> {
        self.edit_farms(|table, _| {
            table.default.clear();
            Ok(std::mem::take(&mut table.list).into_keys().collect())
        })
    }

    fn known(&self, what: &str, connection: &str) -> Result<()> {
        match self.get(connection) {
            Err(Error::ConnectionNotFound { .. }) => {
                let why = format!("{what}, {connection:?} is not a system connection");
                Err(invalid("connection", connection, &why))
            }
            other => other.map(drop),
        }
    }

    fn edit_farms<T>(
        &self,
        change: impl FnOnce(&mut Table, &BTreeMap<String, Vec<String>>) -> Result<T>,
    ) -> Result<T> {
        self.edit(|file| {
            let mut table = Table::read(&file.farm)?;
            let result = change(&mut table, self.read_only_farms())?;
            table.write(&mut file.farm);
            Ok(result)
        })
    }
}

fn distinct(all: &[String]) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for one in all {
        if !kept.contains(one) {
            kept.push(one.clone());
        }
    }
    kept
}

fn read_only(name: &str) -> Error {
    invalid("farm", name, "it is defined in containers.conf and can only be changed there")
}

fn invalid(what: &str, value: &str, reason: &str) -> Error {
    Error::Invalid { what: what.to_owned(), value: value.to_owned(), reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connections::Destination;
    use crate::containers::ContainersConf;

    #[test]
    fn life_of_a_farm() {
        let folder = tempfile::tempdir().unwrap();
        let mut conf = ContainersConf::built_in();
        conf.farms.list = Some([("fixed".to_owned(), vec!["one".to_owned()])].into());
        let all = Connections::new(folder.path().join("podman-connections.json"), &conf);
        for name in ["one", "two"] {
            all.add(name, Destination { uri: "unix:///x".into(), ..Destination::default() }, false).unwrap();
        }
        let words = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        assert!(
            all.create_farm("a", &words(&["three"])).unwrap_err().to_string().contains("system connection")
        );
        all.create_farm("a", &words(&["one", "two", "one"])).unwrap();
        all.create_farm("b", &[]).unwrap();
        assert!(all.create_farm("a", &[]).is_err() && all.create_farm("fixed", &[]).is_err());
        let shown = || -> Vec<(String, String, bool, bool)> {
            let farms = all.farms().unwrap().into_iter();
            farms
                .map(|farm| (farm.name, farm.connections.join(" "), farm.is_default, farm.writable))
                .collect()
        };
        let row = |name: &str, connections: &str, is_default, writable| {
            (name.to_owned(), connections.to_owned(), is_default, writable)
        };
        let fixed = row("fixed", "one", false, false);
        assert_eq!(shown(), [row("a", "one two", true, true), row("b", "", false, true), fixed.clone()]);
        let change = FarmChange { add: words(&["one"]), default: Some(true), ..FarmChange::default() };
        all.change_farm("b", &change).unwrap();
        let change = FarmChange { remove: words(&["one"]), ..FarmChange::default() };
        all.change_farm("a", &change).unwrap();
        assert!(all.change_farm("a", &change).is_err() && all.change_farm("fixed", &change).is_err());
        assert_eq!(shown(), [row("a", "two", false, true), row("b", "one", true, true), fixed.clone()]);
        all.remove_farm("b").unwrap();
        assert!(all.remove_farm("b").is_err() && all.remove_farm("fixed").is_err());
        assert_eq!(shown(), [row("a", "two", true, true), fixed]);
        assert_eq!(all.remove_all_farms().unwrap(), ["a"]);
        // Connections are as they were.
        assert_eq!(all.list().unwrap().len(), 2);
    }
}
