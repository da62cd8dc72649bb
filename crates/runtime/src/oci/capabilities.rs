//! Capability names and the rules of `--cap-add` and `--cap-drop` (capabilities(7), podman-run(1)).

use std::collections::BTreeSet;

use cove_api::CAPABILITIES as NAMES;
use cove_sys::fs;
use oci_spec::runtime::{Capability, LinuxCapabilities};

use super::settings::CapabilityRules;
use crate::error::{Error, Result};

/// A set of capabilities by their full names.
pub type CapabilitySet = BTreeSet<&'static str>;

/// The set in a kernel bit mask.
#[must_use]
pub fn from_mask(mask: u64) -> CapabilitySet {
    NAMES.iter().enumerate().filter(|(bit, _)| mask >> bit & 1 == 1).map(|(_, name)| *name).collect()
}

/// This process's bounding set: all that a container can be given.
#[must_use]
pub(crate) fn bounding_set() -> CapabilitySet {
    from_mask(status_mask("CapBnd:").unwrap_or(0))
}

/// A mask of `/proc/self/status`.
pub(crate) fn status_mask(field: &str) -> Option<u64> {
    let text = fs::read_to_string("/proc/thread-self/status").ok()?;
    let line = text.lines().find_map(|l| l.strip_prefix(field))?;
    u64::from_str_radix(line.trim(), 16).ok()
}

/// One name as the user writes it (`net_raw`, `CAP_NET_RAW`); `None` for `all`.
fn parse(name: &str) -> Result<Option<&'static str>> {
    let upper = name.trim().to_ascii_uppercase();
    if upper == "ALL" {
        return Ok(None);
    }
    let full = if upper.starts_with("CAP_") { upper } else { format!("CAP_{upper}") };
    match NAMES.iter().find(|n| **n == full) {
        Some(known) => Ok(Some(known)),
        None => Err(Error::invalid(format!("capability {name:?}"), "unknown")),
    }
}

fn parse_list(names: &[String]) -> Result<(CapabilitySet, bool)> {
    let mut set = CapabilitySet::new();
    let mut all = false;
    for name in names {
        match parse(name)? {
            Some(known) => drop(set.insert(known)),
            None => all = true,
        }
    }
    Ok((set, all))
}

/// `base` with additions and removals, limited to `bounding`.
///
/// # Errors
/// Unknown names; the same capability, or `all`, both added and dropped.
pub fn merge(
    base: &CapabilitySet,
    add: &[String],
    drop: &[String],
    bounding: &CapabilitySet,
) -> Result<CapabilitySet> {
    let (add, add_all) = parse_list(add)?;
    let (drop, drop_all) = parse_list(drop)?;
    if add_all && drop_all {
        return Err(Error::invalid("capabilities", "adding all caps and removing all caps not allowed"));
    }
    if let Some(both) = add.intersection(&drop).next() {
        return Err(Error::invalid(format!("capability {both:?}"), "cannot be dropped and added"));
    }
    let start = match (add_all, drop_all) {
        (true, _) => bounding.clone(),
        (_, true) => CapabilitySet::new(),
        _ => base.clone(),
    };
    let merged = start.union(&add).copied().filter(|c| !drop.contains(c) && bounding.contains(c));
    Ok(merged.collect())
}

/// The five sets of a process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProcessCapabilities {
    /// What it can ever get.
    pub bounding: CapabilitySet,
    /// What counts now.
    pub effective: CapabilitySet,
    /// What it can make effective.
    pub permitted: CapabilitySet,
    /// Always empty unless ambient is not (CVE-2022-27649).
    pub inheritable: CapabilitySet,
    /// What programs that it executes keep.
    pub ambient: CapabilitySet,
}

/// What a container and everything in it may ever have.
///
/// # Errors
/// As [`merge`].
pub fn bounding(
    privileged: bool,
    rules: &CapabilityRules,
    bounding_set: &CapabilitySet,
) -> Result<CapabilitySet> {
    if privileged {
        return Ok(bounding_set.clone());
    }
    merge(&base(rules)?, &rules.add, &rules.drop, bounding_set)
}

/// What every container has.
///
/// # Errors
/// A name is unknown.
pub fn base(rules: &CapabilityRules) -> Result<CapabilitySet> {
    merge(&CapabilitySet::new(), &rules.base, &[], &from_mask(u64::MAX))
}

/// The sets for a container's process.
///
/// # Errors
/// As [`merge`].
pub(crate) fn for_container(
    privileged: bool,
    root: bool,
    rules: &CapabilityRules,
    bounding_set: &CapabilitySet,
) -> Result<ProcessCapabilities> {
    let bounding = bounding(privileged, rules, bounding_set)?;
    if root {
        return Ok(ProcessCapabilities {
            effective: bounding.clone(),
            permitted: bounding.clone(),
            bounding,
            ..ProcessCapabilities::default()
        });
    }
    // Another user keeps nothing but what was asked for by name.
    let asked = merge(&CapabilitySet::new(), &rules.add, &[], bounding_set)?;
    Ok(ProcessCapabilities {
        bounding,
        effective: asked.clone(),
        permitted: asked.clone(),
        inheritable: asked.clone(),
        ambient: asked,
    })
}

impl ProcessCapabilities {
    pub(crate) fn to_oci(&self) -> LinuxCapabilities {
        let mut oci = LinuxCapabilities::default();
        oci.set_bounding(Some(oci_set(&self.bounding)))
            .set_effective(Some(oci_set(&self.effective)))
            .set_permitted(Some(oci_set(&self.permitted)))
            .set_inheritable(Some(oci_set(&self.inheritable)))
            .set_ambient(Some(oci_set(&self.ambient)));
        oci
    }
}

/// A set in the type of the specification, which names all that the table has.
fn oci_set(names: &CapabilitySet) -> oci_spec::runtime::Capabilities {
    names.iter().filter_map(|name| name.strip_prefix("CAP_")?.parse::<Capability>().ok()).collect()
}

/// The names in a set of the specification.
pub(crate) fn from_oci(set: Option<&oci_spec::runtime::Capabilities>) -> CapabilitySet {
    let Some(set) = set else { return CapabilitySet::new() };
    let all = NAMES.into_iter();
    all.filter(|name| oci_set(&CapabilitySet::from([*name])).is_subset(set)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(|s| (*s).to_owned()).collect()
    }

    fn mask(set: &CapabilitySet) -> u64 {
        NAMES.iter().enumerate().filter(|(_, n)| set.contains(*n)).map(|(bit, _)| 1 << bit).sum()
    }

    #[test]
    fn documented_masks() {
        let all = from_mask((1 << 41) - 1);
        let rules = |add: &[&str], drop: &[&str]| CapabilityRules {
            add: names(add),
            drop: names(drop),
            ..CapabilityRules::default()
        };
        let root = for_container(false, true, &rules(&[], &[]), &all).unwrap();
        assert_eq!(mask(&root.effective), 0x8004_05fb);
        assert_eq!((mask(&root.inheritable), mask(&root.ambient)), (0, 0));
        let user = for_container(false, false, &rules(&["net_raw"], &[]), &all).unwrap();
        assert_eq!((mask(&user.effective), mask(&user.bounding)), (0x2000, 0x8004_25fb));
        assert_eq!((mask(&user.inheritable), mask(&user.ambient)), (0x2000, 0x2000));
        let user = for_container(false, false, &rules(&[], &[]), &all).unwrap();
        assert_eq!((mask(&user.effective), mask(&user.bounding)), (0, 0x8004_05fb));
        let none = for_container(false, true, &rules(&[], &["ALL"]), &all).unwrap();
        assert_eq!(mask(&none.bounding), 0);
        let some = for_container(false, true, &rules(&["CAP_KILL"], &["all"]), &all).unwrap();
        assert_eq!(mask(&some.bounding), 1 << 5);
        let most = for_container(false, true, &rules(&["all"], &["sys_admin"]), &all).unwrap();
        assert_eq!(mask(&most.bounding), ((1 << 41) - 1) & !(1 << 21));
    }

    #[test]
    fn every_name_has_its_type() {
        let all = from_mask(u64::MAX);
        assert_eq!(all.len(), NAMES.len());
        assert_eq!(oci_set(&all).len(), NAMES.len());
        assert_eq!(from_oci(Some(&oci_set(&all))), all);
        assert_eq!(
            serde_json::to_value(oci_set(&from_mask(1 << 5))).unwrap(),
            serde_json::json!(["CAP_KILL"])
        );
    }

    #[test]
    fn contradictions_and_unknown_names() {
        let all = from_mask((1 << 41) - 1);
        let base = CapabilitySet::new();
        assert!(merge(&base, &names(&["kill"]), &names(&["CAP_KILL"]), &all).is_err());
        assert!(merge(&base, &names(&["all"]), &names(&["all"]), &all).is_err());
        assert!(merge(&base, &names(&["cap_foo"]), &[], &all).is_err());
    }
}
