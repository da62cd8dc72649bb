//! What is mounted, as options of a command line.

use cove_api::{ImageVolume, Mount, NamedVolume, OverlayVolume};

use super::flag::Flags;
use super::flags_value::NO_OPTION;
use crate::loss::Of;

/// Binds and file systems in memory.
pub(super) fn mounts(mounts: &[Mount], flags: &mut Flags, lost: &mut Of<'_>) {
    for mount in mounts {
        let Mount { destination, kind, source, options } = mount;
        match kind.as_str() {
            "bind" => bind(source, destination, options, flags, lost),
            "tmpfs" if !destination.contains(':') => flags.add("--tmpfs", joined(&[destination], options)),
            "ramfs" | "tmpfs" | "devpts" => {
                let mut fields = vec![format!("type={kind}"), format!("dst={destination}")];
                fields.extend(options.iter().map(|option| match option.split_once('=') {
                    Some((name @ ("size" | "mode"), value)) if kind != "devpts" => {
                        format!("tmpfs-{name}={value}")
                    }
                    _ => option.clone(),
                }));
                flags.add("--mount", line(&fields));
            }
            _ => lost.lost(&format!("mounts.{destination}"), "the command line has no mounts of its type"),
        }
    }
}

fn bind(source: &str, destination: &str, options: &[String], flags: &mut Flags, lost: &mut Of<'_>) {
    let (subpaths, options): (Vec<&String>, Vec<&String>) =
        options.iter().partition(|option| option.starts_with("subpath="));
    if !subpaths.is_empty() {
        lost.lost(&format!("mounts.{destination}.subpath"), NO_OPTION);
    }
    if is_simple(&[source, destination]) && options.iter().all(|option| !option.contains(':')) {
        flags.add("--volume", joined(&[source, destination], &options));
        return;
    }
    let mut fields = vec!["type=bind".to_owned(), format!("src={source}"), format!("dst={destination}")];
    for option in options {
        match option.as_str() {
            "bind" => fields.push("bind-nonrecursive".to_owned()),
            "rbind" => {}
            _ => fields.push(option.clone()),
        }
    }
    flags.add("--mount", line(&fields));
}

/// Named and anonymous volumes.
pub(super) fn volumes(volumes: &[NamedVolume], flags: &mut Flags, lost: &mut Of<'_>) {
    for volume in volumes {
        let NamedVolume { name, dest, options, is_anonymous, sub_path } = volume;
        if *is_anonymous && !name.is_empty() {
            lost.lost(
                &format!("volumes.{dest}"),
                "it has a name, so that it is not removed with its container",
            );
        }
        let is_short = sub_path.is_empty() && is_simple(&[dest]);
        match name.as_str() {
            "" if is_short && options.is_empty() => flags.add("--volume", dest),
            name if is_short && !name.is_empty() => flags.add("--volume", joined(&[name, dest], options)),
            name => {
                let mut fields = vec!["type=volume".to_owned()];
                fields.extend((!name.is_empty()).then(|| format!("src={name}")));
                fields.push(format!("dst={dest}"));
                fields.extend((!sub_path.is_empty()).then(|| format!("subpath={sub_path}")));
                fields.extend(options.iter().map(|option| match option.as_str() {
                    "nocopy" => "volume-nocopy".to_owned(),
                    other => other.to_owned(),
                }));
                flags.add("--mount", line(&fields));
            }
        }
    }
}

/// Folders below a layer that is thrown away.
pub(super) fn overlays(volumes: &[OverlayVolume], flags: &mut Flags, lost: &mut Of<'_>) {
    for volume in volumes {
        let OverlayVolume { destination, source, options } = volume;
        if is_simple(&[source, destination]) {
            let own = ["O".to_owned()];
            let has_it = options.contains(&own[0]);
            let all: Vec<&String> = if has_it { Vec::new() } else { own.iter().collect() };
            let all: Vec<&String> = all.into_iter().chain(options).collect();
            flags.add("--volume", joined(&[source, destination], &all));
        } else {
            lost.lost(&format!("overlay_volumes.{destination}"), "its path has a colon");
        }
    }
}

/// Images as folders.
pub(super) fn images(volumes: &[ImageVolume], flags: &mut Flags) {
    for volume in volumes {
        let ImageVolume { source, destination, read_write, sub_path } = volume;
        let mut fields = vec!["type=image".to_owned(), format!("src={source}"), format!("dst={destination}")];
        fields.extend(read_write.then(|| "rw=true".to_owned()));
        fields.extend((!sub_path.is_empty()).then(|| {
            if sub_path.starts_with('/') {
                format!("subpath={sub_path}")
            } else {
                format!("subpath=/{sub_path}")
            }
        }));
        flags.add("--mount", line(&fields));
    }
}

/// Whether the form with colons says it.
fn is_simple(parts: &[&str]) -> bool {
    !parts.iter().any(|part| part.contains(':'))
}

fn joined(parts: &[&str], options: &[impl AsRef<str>]) -> String {
    let options: Vec<&str> = options.iter().map(AsRef::as_ref).collect();
    let options = options.join(",");
    let parts = parts.iter().copied();
    parts.chain((!options.is_empty()).then_some(options.as_str())).collect::<Vec<_>>().join(":")
}

/// Fields as one line of comma-separated values.
fn line(fields: &[String]) -> String {
    let quoted = fields.iter().map(|field| {
        if field.contains([',', '"']) { format!("\"{}\"", field.replace('"', "\"\"")) } else { field.clone() }
    });
    quoted.collect::<Vec<_>>().join(",")
}
