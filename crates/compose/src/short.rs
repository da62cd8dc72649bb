//! Short forms into long ones.

use crate::error::{ComposeError, Result};
use crate::merge::{context, started};
use crate::model::{Mount, Port};
use crate::tree::{Entries, Item, Kind};

/// Makes every attribute of a document long. With `lenient`, what holds variables stays as it is.
pub(crate) fn lengthen(root: &mut Item, lenient: bool) -> Result<()> {
    let Some(root) = root.as_map_mut() else { return Ok(()) };
    for (name, item) in root.get_mut("services").and_then(Item::as_map_mut).into_iter().flatten() {
        service(item, lenient)
            .map_err(|error| error.at(&item.file, item.line, format!("services.{name}")))?;
    }
    for kind in ["volumes", "networks", "secrets", "configs"] {
        for (name, item) in root.get_mut(kind).and_then(Item::as_map_mut).into_iter().flatten() {
            external(item, &format!("{kind}.{name}"))?;
        }
    }
    Ok(())
}

/// Changes an attribute where it is there.
fn change(entries: &mut Entries, key: &str, to: impl FnOnce(Item) -> Result<Item>) -> Result<()> {
    if let Some(item) = entries.remove(key) {
        let (file, line) = (item.file.clone(), item.line);
        let item = to(item).map_err(|error| error.at(&file, line, key))?;
        entries.insert(key.to_owned(), item);
    }
    Ok(())
}

/// Changes each item of a list; one may become several.
fn each(item: Item, mut to: impl FnMut(Item) -> Result<Vec<Item>>) -> Result<Item> {
    let at = item.with(Kind::Null);
    let Kind::List(items) = item.kind else { return Ok(item) };
    let mut all = Vec::new();
    for item in items {
        let (file, line) = (item.file.clone(), item.line);
        all.extend(to(item).map_err(|error| error.at(&file, line, ""))?);
    }
    Ok(at.with(Kind::List(all)))
}

fn listed(item: Item) -> Item {
    match &item.kind {
        Kind::Text(_) => item.with(Kind::List(vec![item.clone()])),
        _ => item,
    }
}

fn names(item: Item, value: fn(&Item) -> Item) -> Item {
    match &item.kind {
        Kind::List(items) => item.with(Kind::Map(
            items.iter().filter_map(|name| Some((name.as_text()?.to_owned(), value(name)))).collect(),
        )),
        _ => item,
    }
}

fn source(item: Item) -> Item {
    match &item.kind {
        Kind::Text(_) => item.with(Kind::Map(Entries::from([("source".to_owned(), item.clone())]))),
        _ => item,
    }
}

fn service(item: &mut Item, lenient: bool) -> Result<()> {
    let Some(entries) = item.as_map_mut() else { return Ok(()) };
    change(entries, "build", |item| {
        let mut build = context(item);
        if let Some(entries) = build.as_map_mut() {
            change(entries, "secrets", |item| each(item, |item| Ok(vec![source(item)])))?;
            for key in ["provenance", "sbom"] {
                change(entries, key, |item| Ok(item.text_item(item.printed().unwrap_or_default())))?;
            }
            change(entries, "additional_contexts", |item| {
                let broken = |item: &Item| item.as_text().is_none_or(|text| !text.contains('='));
                match item.as_list().and_then(|items| items.iter().find(|item| broken(item))) {
                    Some(_) if lenient => Ok(item),
                    Some(wrong) => wrong.fail("build.additional_contexts", "expected key=value"),
                    None => Ok(pairs(&item, false)),
                }
            })?;
            change(entries, "ssh", |item| Ok(pairs(&item, true)))?;
        }
        Ok(build)
    })?;
    change(entries, "depends_on", |item| {
        let mut item = names(item, started);
        for dependency in item.as_map_mut().into_iter().flat_map(Entries::values_mut) {
            let defaults = started(dependency);
            if let (Some(entries), Kind::Map(defaults)) = (dependency.as_map_mut(), defaults.kind) {
                for (key, value) in defaults {
                    entries.entry(key).or_insert(value);
                }
            }
        }
        Ok(item)
    })?;
    for key in ["networks", "models"] {
        change(entries, key, |item| Ok(names(item, |name| name.with(Kind::Null))))?;
    }
    change(entries, "env_file", |item| {
        each(listed(item), |item| {
            let mut long = match &item.kind {
                Kind::Text(_) => item.with(Kind::Map(Entries::from([("path".to_owned(), item.clone())]))),
                _ => item,
            };
            let required = long.with(Kind::Bool(true));
            if let Some(entries) = long.as_map_mut() {
                entries.entry("required".to_owned()).or_insert(required);
            }
            Ok(vec![long])
        })
    })?;
    for key in ["label_file", "dns"] {
        change(entries, key, |item| Ok(listed(item)))?;
    }
    change(entries, "extends", |item| {
        Ok(match &item.kind {
            Kind::Text(_) => item.with(Kind::Map(Entries::from([("service".to_owned(), item.clone())]))),
            _ => item,
        })
    })?;
    change(entries, "gpus", |item| {
        Ok(match &item.kind {
            Kind::Text(_) => {
                let all = item.with(Kind::Map(Entries::from([("count".to_owned(), item.text_item("all"))])));
                item.with(Kind::List(vec![all]))
            }
            _ => item,
        })
    })?;
    for key in ["secrets", "configs"] {
        change(entries, key, |item| each(item, |item| Ok(vec![source(item)])))?;
    }
    change(entries, "volumes", |item| {
        each(item, |item| match item.as_text() {
            Some(text) => match mount(&item, text) {
                Ok(long) => Ok(vec![long]),
                Err(_) if lenient => Ok(vec![item]),
                Err(error) => Err(error),
            },
            None => Ok(vec![item]),
        })
    })?;
    change(entries, "devices", |item| {
        each(item, |item| {
            match item.as_text() {
                Some(text) => {
                    device(&item, text).or_else(|error| if lenient { Ok(item.clone()) } else { Err(error) })
                }
                None => Ok(item),
            }
            .map(|item| vec![item])
        })
    })?;
    change(entries, "ports", |item| {
        let long = each(item.clone(), |item| match &item.kind {
            Kind::Map(_) => Ok(vec![item]),
            _ => ports(&item),
        });
        // One with a variable leaves all of them as they are.
        if lenient { Ok(long.unwrap_or(item)) } else { long }
    })?;
    Ok(())
}

/// `KEY=VALUE` as a map.
fn pairs(item: &Item, null: bool) -> Item {
    let Some(items) = item.as_list() else { return item.clone() };
    let entries = items
        .iter()
        .filter_map(|item| {
            let text = item.as_text()?;
            Some(match text.split_once('=') {
                Some((key, value)) => (key.to_owned(), item.text_item(value)),
                None => (text.to_owned(), if null { item.with(Kind::Null) } else { item.text_item("") }),
            })
        })
        .collect();
    item.with(Kind::Map(entries))
}

fn external(item: &mut Item, path: &str) -> Result<()> {
    let Some(entries) = item.as_map_mut() else { return Ok(()) };
    let Some(external) = entries.get("external").filter(|item| item.as_map().is_some()).cloned() else {
        return Ok(());
    };
    entries.insert("external".to_owned(), external.with(Kind::Bool(true)));
    if let Some(name) = external.get("name") {
        match entries.get("name") {
            Some(known) if known != name => {
                return name.fail(path, "name and external.name conflict; only use name");
            }
            _ => {
                entries.insert("name".to_owned(), name.clone());
            }
        }
    }
    Ok(())
}

fn device(at: &Item, text: &str) -> Result<Item> {
    let parts: Vec<&str> = text.split(':').collect();
    let (source, target, permissions) = match parts.as_slice() {
        [source] => (*source, *source, "rwm"),
        [source, target] => (*source, *target, "rwm"),
        [source, target, permissions] => (*source, *target, *permissions),
        _ => {
            return Err(ComposeError::new(format!(
                "confusing device mapping, please use long syntax: {text}"
            )));
        }
    };
    let target = if target.is_empty() { source } else { target };
    Ok(at.with(Kind::Map(
        [("source", source), ("target", target), ("permissions", permissions)]
            .map(|(key, value)| (key.to_owned(), at.text_item(value)))
            .into(),
    )))
}

/// A path without `.`, `..` and doubled slashes, as Go's `path.Clean` has it.
pub(crate) fn clean(path: &str) -> String {
    let absolute = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if absolute => {}
            part => parts.push(part),
        }
    }
    match (absolute, parts.join("/")) {
        (true, path) => format!("/{path}"),
        (false, path) if path.is_empty() => ".".to_owned(),
        (false, path) => path,
    }
}

/// `SOURCE:TARGET:OPTIONS`.
pub(crate) fn mount(at: &Item, text: &str) -> Result<Item> {
    let wrong = |why: &str| ComposeError::new(format!("invalid spec: {text}: {why}"));
    if text.is_empty() {
        return Err(ComposeError::new("invalid empty volume spec"));
    }
    let mut fields = split(text);
    if fields.iter().any(String::is_empty) {
        return Err(wrong("empty section between colons"));
    }
    if fields.len() > 3 {
        return Err(wrong("too many colons"));
    }
    let options = if fields.len() == 3 { fields.pop() } else { None };
    let target = fields.pop().unwrap_or_default();
    let source = fields.pop().unwrap_or_default();
    let mut long = Entries::new();
    let (mut bind, mut volume) = (Entries::new(), Entries::new());
    for option in options.iter().flat_map(|options| options.split(',')) {
        match option {
            "ro" => {
                long.insert("read_only".to_owned(), at.with(Kind::Bool(true)));
            }
            "rw" => {
                long.remove("read_only");
            }
            "nocopy" => {
                volume.insert("nocopy".to_owned(), at.with(Kind::Bool(true)));
            }
            "z" | "Z" => {
                bind.insert("selinux".to_owned(), at.text_item(option));
            }
            "rprivate" | "private" | "rshared" | "shared" | "rslave" | "slave" => {
                bind.insert("propagation".to_owned(), at.text_item(option));
            }
            // docker-compose takes and drops others, such as those of Docker Desktop.
            _ => {}
        }
    }
    let is_path = source.starts_with(['.', '/', '~']) || source.starts_with("\\\\") || drive(&source);
    if is_path {
        bind.insert("create_host_path".to_owned(), at.with(Kind::Bool(true)));
    }
    if is_path || !bind.is_empty() {
        long.insert("bind".to_owned(), at.with(Kind::Map(bind)));
    }
    if !volume.is_empty() || (!is_path && text.len() > 2) {
        long.insert("volume".to_owned(), at.with(Kind::Map(volume)));
    }
    long.insert("type".to_owned(), at.text_item(if is_path { "bind" } else { "volume" }));
    if !source.is_empty() {
        long.insert("source".to_owned(), at.text_item(source));
    }
    long.insert("target".to_owned(), at.text_item(clean(&target)));
    Ok(at.with(Kind::Map(long)))
}

fn drive(text: &str) -> bool {
    matches!(text.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic())
}

/// The fields between colons, but for those of `${…}` and of Windows' drives.
fn split(text: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut open = 0_usize;
    let mut before = ' ';
    for c in text.chars() {
        let field = fields.last_mut();
        let is_drive = field
            .as_ref()
            .is_some_and(|field| field.len() == 1 && field.starts_with(|c: char| c.is_ascii_alphabetic()));
        match c {
            '{' if before == '$' => open += 1,
            '}' if open > 0 => open -= 1,
            _ => {}
        }
        if c == ':' && open == 0 && !is_drive {
            fields.push(String::new());
        } else if let Some(field) = field {
            field.push(c);
        }
        before = c;
    }
    fields
}

/// The ports that a short form means, as on a command line.
///
/// # Errors
/// It is none.
pub fn parse_ports(text: &str) -> Result<Vec<Port>> {
    typed(ports(&Item::alone(text))?)
}

/// The mount that a short form means, as on a command line.
///
/// # Errors
/// It is none.
pub fn parse_mount(text: &str) -> Result<Mount> {
    let at = Item::alone(text);
    let mut mounts = typed(vec![mount(&at, text)?])?;
    mounts.pop().ok_or_else(|| ComposeError::new("invalid empty volume spec"))
}

fn typed<T: serde::de::DeserializeOwned>(items: Vec<Item>) -> Result<Vec<T>> {
    let read = |item: Item| {
        serde_json::from_value(item.to_json()).map_err(|error| ComposeError::new(error.to_string()))
    };
    items.into_iter().map(read).collect()
}

/// Most ports of one range.
const MOST_PORTS: u32 = 65_536;

/// `[[IP:]HOST:]CONTAINER[/PROTOCOL]` with ranges, as one item for each port.
fn ports(at: &Item) -> Result<Vec<Item>> {
    let Some(text) = at.printed() else {
        return Err(ComposeError::new("a port must be a text or a mapping"));
    };
    let (rest, protocol) = text.split_once('/').unwrap_or((&text, "tcp"));
    let protocol = protocol.to_ascii_lowercase();
    if !matches!(protocol.as_str(), "tcp" | "udp" | "sctp") {
        return Err(ComposeError::new(format!("invalid proto: {protocol}")));
    }
    let (rest, container) = rest.rsplit_once(':').unwrap_or(("", rest));
    let (ip, host) = rest.rsplit_once(':').unwrap_or(("", rest));
    let ip = ip.strip_prefix('[').and_then(|ip| ip.strip_suffix(']')).unwrap_or(ip);
    if !ip.is_empty() && ip.parse::<std::net::IpAddr>().is_err() {
        return Err(ComposeError::new(format!("invalid IP address: {ip}")));
    }
    if container.is_empty() {
        return Err(ComposeError::new(format!("no port specified: {text}<empty>")));
    }
    let (first, last) =
        range(container).ok_or_else(|| ComposeError::new(format!("invalid containerPort: {container}")))?;
    let published = match host {
        "" => None,
        host => Some(range(host).ok_or_else(|| ComposeError::new(format!("invalid hostPort: {host}")))?),
    };
    if let Some((host_first, host_last)) = published
        && host_last - host_first != last - first
        && last != first
    {
        return Err(ComposeError::new(format!(
            "invalid ranges specified for container and host Ports: {container} and {host}"
        )));
    }
    let mut targets: Vec<u32> = (first..=last).take(MOST_PORTS as usize).collect();
    // In the order of their texts, as docker-compose has them.
    targets.sort_by_key(u32::to_string);
    Ok(targets
        .into_iter()
        .map(|target| {
            let mut long = Entries::from([
                ("mode".to_owned(), at.text_item("ingress")),
                ("protocol".to_owned(), at.text_item(protocol.clone())),
                ("target".to_owned(), at.with(Kind::Int(target.into()))),
            ]);
            if let Some((host_first, host_last)) = published {
                let published = if first == last && host_first != host_last {
                    format!("{host_first}-{host_last}")
                } else {
                    (host_first + target - first).to_string()
                };
                long.insert("published".to_owned(), at.text_item(published));
            }
            if !ip.is_empty() {
                long.insert("host_ip".to_owned(), at.text_item(ip));
            }
            at.with(Kind::Map(long))
        })
        .collect())
}

fn range(text: &str) -> Option<(u32, u32)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last): (u16, u16) = (first.parse().ok()?, last.parse().ok()?);
    (first <= last).then_some((first.into(), last.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_forms_of_a_command_line() {
        let ports = parse_ports("127.0.0.1:8080-8081:80-81/udp").unwrap();
        let shown: Vec<String> = ports
            .iter()
            .map(|port| format!("{} {} {} {}", port.host_ip, port.published, port.target, port.protocol))
            .collect();
        assert_eq!(shown, ["127.0.0.1 8080 80 udp", "127.0.0.1 8081 81 udp"]);
        assert!(parse_ports("web").is_err());
        let bind = parse_mount("./here:/there:ro").unwrap();
        assert_eq!(
            (bind.r#type.as_str(), bind.source.as_str(), bind.target.as_str()),
            ("bind", "./here", "/there")
        );
        assert!(bind.read_only && bind.bind.is_some_and(|bind| bind.create_host_path));
        let volume = parse_mount("data:/data").unwrap();
        assert_eq!((volume.r#type.as_str(), volume.source.as_str()), ("volume", "data"));
        assert!(parse_mount("one:/two:ro:four").is_err());
    }
}
