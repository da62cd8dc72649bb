//! The environment of a container's process.

use std::collections::HashMap;

use cove_api::{ContainerSpec, Error, Result};

use crate::container::resolve::Surroundings;
use crate::state::{ImageFacts, ImpliedEnv};

/// Variables in the order in which they were first set.
#[derive(Default)]
struct Variables {
    list: Vec<(String, String)>,
    places: HashMap<String, usize>,
}

impl Variables {
    fn set(&mut self, name: &str, value: &str) {
        if let Some(place) = self.places.get(name) {
            value.clone_into(&mut self.list[*place].1);
        } else {
            self.places.insert(name.to_owned(), self.list.len());
            self.list.push((name.to_owned(), value.to_owned()));
        }
    }
}

/// The environment, in the order of precedence: defaults, proxies or the whole host's, image, request; and what the
/// start adds to it.
///
/// # Errors
/// A word of `envmerge` is none.
pub(super) fn environment(
    spec: &ContainerSpec,
    image: &ImageFacts,
    surroundings: &Surroundings<'_>,
) -> Result<(Vec<String>, ImpliedEnv)> {
    let mut all = Variables::default();
    let conf = &surroundings.conf.containers;
    for entry in conf.env.iter().flat_map(|list| &list.values) {
        if let Some((name, value)) = entry.split_once('=') {
            all.set(name, value);
        }
    }
    if spec.terminal == Some(true) {
        all.set("TERM", "xterm");
    }
    all.set("container", "podman");
    if spec.env_host.or(conf.env_host).unwrap_or(false) {
        for (name, value) in surroundings.environment.iter() {
            all.set(name, value);
        }
    } else if spec.httpproxy.or(conf.http_proxy).unwrap_or(true) {
        for (name, value) in surroundings.environment.proxies() {
            all.set(&name, &value);
        }
    }
    // An entry without `=` would be filled from the host's environment elsewhere; here it is dropped.
    for entry in &image.config.env {
        if let Some((name, value)) = entry.split_once('=')
            && !name.is_empty()
        {
            all.set(name, value);
        }
    }
    for entry in &spec.envmerge {
        let (name, value) = merged(entry, &all)?;
        all.set(&name, &value);
    }
    for (name, value) in &spec.env {
        all.set(name, value);
    }
    let dropped = |name: &str| {
        !spec.env.contains_key(name)
            && (spec.unsetenvall == Some(true) || spec.unsetenv.iter().any(|unset| unset == name))
    };
    let implied = |name: &str| !all.places.contains_key(name) && !dropped(name);
    let implied = ImpliedEnv { home: implied("HOME"), hostname: implied("HOSTNAME") };
    let kept = all.list.into_iter().filter(|(name, _)| !dropped(name));
    Ok((kept.map(|(name, value)| format!("{name}={value}")).collect(), implied))
}

/// Name and value of an `--env-merge`, with the variables set so far in their places.
fn merged(entry: &str, all: &Variables) -> Result<(String, String)> {
    let value = |name: &str| all.places.get(name).map(|place| all.list[*place].1.clone());
    let word = cove_spec::expand::word(entry, &value).map_err(|error| {
        Error::from(error).context(format!("unable to process variables for --env-merge {entry}"))
    })?;
    match word.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err(Error::invalid(format!("missing `=` for --env-merge substitution {entry}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cove_config::{ContainersConf, Environment};

    fn merged(spec: &ContainerSpec, image: &[&str]) -> (Vec<String>, ImpliedEnv) {
        let conf = ContainersConf::default();
        let environment_of_host = Environment::new([("SECRET", "x")]);
        let surroundings =
            Surroundings { conf: &conf, environment: &environment_of_host, rootless: false, init: None };
        let mut facts = ImageFacts::default();
        facts.config.env = image.iter().map(|entry| (*entry).to_owned()).collect();
        environment(spec, &facts, &surroundings).unwrap()
    }

    #[test]
    fn values_of_the_image_are_merged() {
        let spec = ContainerSpec {
            envmerge: vec!["A=${A}-some".into(), "NEW=${MISSING}-x".into()],
            env: [("LAST".to_owned(), "${A}".to_owned())].into(),
            ..Default::default()
        };
        let (env, _) = merged(&spec, &["A=image"]);
        assert_eq!(env, ["container=podman", "A=image-some", "NEW=-x", "LAST=${A}"]);
        assert!(super::merged("no-sign", &Variables::default()).is_err());
    }

    #[test]
    fn later_ones_win_in_the_place_of_the_first() {
        let spec = ContainerSpec { env: [("B".to_owned(), "2".to_owned())].into(), ..Default::default() };
        let (env, implied) = merged(&spec, &["B=1", "A=1", "BROKEN", "HOME=/h"]);
        assert_eq!(env, ["container=podman", "B=2", "A=1", "HOME=/h"]);
        assert_eq!(implied, ImpliedEnv { home: false, hostname: true });
    }

    #[test]
    fn what_is_unset_is_not_implied() {
        let spec = ContainerSpec { unsetenv: vec!["HOME".into(), "A".into()], ..Default::default() };
        let (env, implied) = merged(&spec, &["A=1", "HOME=/h"]);
        assert_eq!(env, ["container=podman"]);
        assert_eq!(implied, ImpliedEnv { home: false, hostname: true });
        let spec = ContainerSpec { unsetenvall: Some(true), ..Default::default() };
        assert_eq!(merged(&spec, &["A=1"]), (Vec::new(), ImpliedEnv::default()));
    }

    #[test]
    fn many_variables_take_no_time() {
        let env = (0..100_000).map(|number| (format!("N{number}"), String::new())).collect();
        let image: Vec<String> = (0..100_000).map(|number| format!("N{number}=x")).collect();
        let image: Vec<&str> = image.iter().map(String::as_str).collect();
        let begun = std::time::Instant::now();
        assert_eq!(merged(&ContainerSpec { env, ..Default::default() }, &image).0.len(), 100_001);
        // Comparing each with each would take minutes.
        assert!(begun.elapsed() < std::time::Duration::from_secs(10));
    }
}
