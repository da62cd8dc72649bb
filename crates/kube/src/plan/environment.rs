//! Variables of a container, and where their values are used.

use std::collections::BTreeMap;

use cove_api::StringMap;

use super::container::Surroundings;
use super::facts::{HostFacts, Known, SecretData};
use crate::error::{Result, bail};
use crate::objects::{Container, Env, EnvFrom, KeyReference, Reference, ResourceReference, ValueFrom};
use crate::quantity;

/// The variables of a container, in the order in which they may refer to each other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Variables {
    /// Names, values, and whether the value may name others.
    list: Vec<(String, String, Form)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// It is what it is.
    Exact,
    /// `$(NAME)` stands for another.
    Text,
    /// The pod's id, which is not known before the pod is made.
    PodId,
}

/// Most bytes that references in the texts of one container stand for: Linux gives a program no more than 6 MiB.
pub(super) const ROOM: usize = 6 << 20;

impl Variables {
    /// The variables of a container.
    ///
    /// # Errors
    /// What one is taken from does not exist, or a name is none.
    pub(super) fn of(container: &Container, around: &Surroundings<'_>) -> Result<Self> {
        let mut variables = Self::default();
        for from in &container.env_from {
            variables.add_all(from, around.known)?;
        }
        for env in &container.env {
            if env.name.is_empty() || env.name.contains('=') || env.name.contains('\0') {
                bail!("{:?} is no name of a variable", env.name);
            }
            if let Some((value, form)) = value(env, container, around)? {
                variables.list.push((env.name.clone(), value, form));
            }
        }
        Ok(variables)
    }

    fn add_all(&mut self, from: &EnvFrom, known: &Known<'_>) -> Result<()> {
        if let Some(reference) = &from.config_map_ref {
            match known.config_map(&reference.name) {
                Some(map) => {
                    for (key, value) in &map.data {
                        known.copy(from.prefix.len() + key.len() + value.len())?;
                        self.list.push((format!("{}{key}", from.prefix), value.clone(), Form::Exact));
                    }
                }
                None => missing(reference, || format!("configmap {} not found", reference.name))?,
            }
        }
        if let Some(reference) = &from.secret_ref {
            match known.secrets.get(&reference.name) {
                Some(data) => {
                    for (key, raw) in data {
                        known.copy(from.prefix.len() + key.len() + raw.len())?;
                        let value = text_of(data, &reference.name, key)?;
                        self.list.push((format!("{}{key}", from.prefix), value, Form::Exact));
                    }
                }
                None => missing(reference, || no_such_secret(&reference.name))?,
            }
        }
        Ok(())
    }

    /// All of them, with the values that they refer to. `others` are those of the image.
    ///
    /// # Errors
    /// What they refer to is longer than `room`, which shrinks.
    pub(super) fn resolved(&self, others: &[String], pod_id: &str, room: &mut usize) -> Result<StringMap> {
        let mut seen: StringMap = others
            .iter()
            .filter_map(|text| text.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let mut own = StringMap::new();
        for (name, value, form) in &self.list {
            let value = match form {
                Form::Exact => value.clone(),
                Form::Text => expanded(value, &seen, room)?,
                Form::PodId => pod_id.to_owned(),
            };
            seen.insert(name.clone(), value.clone());
            own.insert(name.clone(), value);
        }
        Ok(own)
    }
}

/// A text with `$(NAME)` replaced where there is such a variable; `$$` is a dollar sign.
///
/// # Errors
/// What they stand for is longer than `room`, which shrinks.
pub(super) fn expanded(text: &str, variables: &StringMap, room: &mut usize) -> Result<String> {
    let mut result = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        result.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            result.push('$');
            rest = after;
        } else if let Some((name, after)) = rest.strip_prefix('(').and_then(|inner| inner.split_once(')')) {
            match variables.get(name) {
                Some(value) => {
                    let Some(left) = room.checked_sub(value.len()) else {
                        bail!("what variables stand for is longer than {ROOM} bytes")
                    };
                    *room = left;
                    result.push_str(value);
                }
                None => result.push_str(&format!("$({name})")),
            }
            rest = after;
        } else {
            result.push('$');
        }
    }
    Ok(result + rest)
}

fn missing(reference: &Reference, message: impl FnOnce() -> String) -> Result<()> {
    if reference.optional == Some(true) { Ok(()) } else { bail!("{}", message()) }
}

/// As podman words it.
fn no_such_secret(name: &str) -> String {
    format!("no secret with name or id {name:?}: no such secret")
}

fn text_of(data: &SecretData, secret: &str, key: &str) -> Result<String> {
    let value = data.get(key).map(Vec::as_slice).unwrap_or_default();
    match std::str::from_utf8(value) {
        Ok(text) if !text.contains('\0') => Ok(text.to_owned()),
        _ => bail!("the value of {key:?} in secret {secret} is no text"),
    }
}

/// A variable's value; none where it is optional and not there.
fn value(env: &Env, container: &Container, around: &Surroundings<'_>) -> Result<Option<(String, Form)>> {
    let Some(from) = &env.value_from else { return Ok(Some((env.value.clone(), Form::Text))) };
    let ValueFrom { config_map_key_ref, secret_key_ref, field_ref, resource_field_ref } = from;
    let known = around.known;
    let found = if let Some(reference) = config_map_key_ref {
        let found =
            match known.config_map(&reference.name) {
                None => Err(format!("configmap {} not found", reference.name)),
                Some(map) => map.data.get(&reference.key).cloned().ok_or_else(|| {
                    format!("key {} not found in configmap {}", reference.key, reference.name)
                }),
            };
        optional(env, reference, found)?
    } else if let Some(reference) = secret_key_ref {
        let found = match known.secrets.get(&reference.name) {
            None => Err(no_such_secret(&reference.name)),
            Some(data) if data.contains_key(&reference.key) => {
                Ok(text_of(data, &reference.name, &reference.key)?)
            }
            Some(_) => Err(format!("secret {} has not {} key", reference.name, reference.key)),
        };
        optional(env, reference, found)?
    } else if let Some(reference) = field_ref {
        return field(env, &reference.field_path, around).map(Some);
    } else if let Some(reference) = resource_field_ref {
        Some(resource(env, reference, container, known.host)?)
    } else {
        bail!("cannot set env {}: valueFrom says nothing that is supported", env.name)
    };
    let Some(value) = found else { return Ok(None) };
    known.copy(value.len())?;
    Ok(Some((value, Form::Exact)))
}

fn optional(env: &Env, reference: &KeyReference, found: Result<String, String>) -> Result<Option<String>> {
    match found {
        Ok(value) => Ok(Some(value)),
        Err(_) if reference.optional == Some(true) => Ok(None),
        Err(message) => bail!("cannot set env {}: {message}", env.name),
    }
}

fn field(env: &Env, path: &str, around: &Surroundings<'_>) -> Result<(String, Form)> {
    let inner = |prefix: &str| path.strip_prefix(prefix).and_then(|rest| rest.strip_suffix("']"));
    let text = if path == "metadata.name" {
        around.pod.name.clone()
    } else if path == "metadata.uid" {
        return Ok((String::new(), Form::PodId));
    } else if let Some(name) = inner("metadata.labels['") {
        around.pod.labels.get(name).cloned().unwrap_or_default()
    } else if let Some(name) = inner("metadata.annotations['") {
        around.annotations.get(name).cloned().unwrap_or_default()
    } else {
        bail!("can not set env {}. Reason: fieldPath {path} is either not valid or not supported", env.name)
    };
    Ok((text, Form::Exact))
}

/// A limit or request, in units of the divisor and rounded up; what is not limited is what the host has.
fn resource(
    env: &Env,
    reference: &ResourceReference,
    container: &Container,
    host: HostFacts,
) -> Result<String> {
    let limits = &container.resources.limits;
    let requests = &container.resources.requests;
    let (kind, is_memory) = match reference.resource.as_str() {
        "limits.memory" | "requests.memory" => ("memory", true),
        "limits.cpu" | "requests.cpu" => ("cpu", false),
        other => {
            bail!(
                "can not set env {}. Reason: resource {other} is either not valid or not supported",
                env.name
            )
        }
    };
    let named = |amounts: &BTreeMap<String, String>| -> Result<Option<f64>> {
        let amount = amounts.get(kind).map(|text| quantity::amount(text)).transpose()?;
        Ok(amount.filter(|amount| *amount > 0.0))
    };
    let whole = if is_memory { host.memory } else { host.processors } as f64;
    let limit = named(limits)?.unwrap_or(whole);
    let amount =
        if reference.resource.starts_with("limits") { limit } else { named(requests)?.unwrap_or(limit) };
    let divisor = if matches!(reference.divisor.as_str(), "" | "0") { "1" } else { &reference.divisor };
    let units: &[&str] = if is_memory {
        &["1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"]
    } else {
        &["1", "1m"]
    };
    if !units.contains(&divisor) {
        bail!("can not set env {}. Reason: divisor value {divisor} is not valid", env.name);
    }
    Ok(format!("{}", (amount / quantity::amount(divisor)?).ceil() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_in_texts() {
        let variables: StringMap = [("A".to_owned(), "1".to_owned())].into();
        for (text, expected) in [
            ("$(A)", "1"),
            ("x$(A)y$(B)", "x1y$(B)"),
            ("$$(A)", "$(A)"),
            ("$A ${A} $", "$A ${A} $"),
            ("$(A", "$(A"),
            ("", ""),
        ] {
            assert_eq!(expanded(text, &variables, &mut { ROOM }).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn variables_name_those_before_them() {
        let text = |name: &str, value: &str| (name.to_owned(), value.to_owned(), Form::Text);
        let mut variables = Variables { list: vec![text("A", "$(I)-$(B)"), text("B", "$(A)!")] };
        variables.list.push(("U".into(), String::new(), Form::PodId));
        let found = variables.resolved(&["I=image".into()], "id", &mut { ROOM }).unwrap();
        assert_eq!(
            (found["A"].as_str(), found["B"].as_str(), found["U"].as_str()),
            ("image-$(B)", "image-$(B)!", "id")
        );
        assert!(!found.contains_key("I"));
    }

    #[test]
    fn what_variables_stand_for_is_bounded() {
        let mut list = vec![("A0".to_owned(), "x".repeat(10), Form::Text)];
        for level in 1..=5 {
            list.push((format!("A{level}"), format!("$(A{})", level - 1).repeat(20), Form::Text));
        }
        let resolved =
            |count: usize| Variables { list: list[..count].to_vec() }.resolved(&[], "id", &mut { ROOM });
        assert_eq!(resolved(5).unwrap()["A4"].len(), 10 * 20_usize.pow(4));
        let error = resolved(6).unwrap_err().to_string();
        assert!(error.contains("longer than"), "{error}");
    }
}
