//! `--mount type=TYPE,KEY=VALUE,…`.

use std::collections::BTreeSet;

use cove_api::{Mount, NamedVolume};

use crate::error::{Error, Result, bail};
use crate::name;
use crate::volume::{HostPaths, Volume, check_options, container_path, host_path, tmpfs_option};

const NO_ARGUMENT: &str = "must provide an argument for option";

/// Parses one `--mount`; without a type it is a volume.
///
/// # Errors
/// The type or a key is unknown or does not fit, a value is wrong, or the destination is missing. `glob` and
/// `artifact` mounts are not supported.
pub fn parse(text: &str, paths: &HostPaths) -> Result<Volume> {
    let mut kind = None;
    let mut arguments = Vec::new();
    for field in fields(text)? {
        match field.split_once('=') {
            Some(("type", value)) => {
                if kind.replace(value.to_owned()).is_some() {
                    bail!("cannot pass \"type\" option more than once");
                }
            }
            _ if field == "type" => bail!("type: {NO_ARGUMENT}"),
            _ => arguments.push(field),
        }
    }
    let kind = kind.unwrap_or_else(|| "volume".to_owned());
    match kind.as_str() {
        "bind" | "volume" | "tmpfs" | "ramfs" => general(&kind, &arguments, paths),
        "devpts" => devpts(&arguments),
        "image" => image(&arguments),
        "glob" => bail!("a pattern of paths stands for several mounts"),
        "artifact" | "npipe" | "cluster" => Err(Error::unsupported(format!("--mount type={kind}"))),
        _ => bail!("invalid filesystem type {kind:?}"),
    }
}

/// A `--mount type=glob`: every path that a pattern stands for is mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob {
    /// The pattern, of absolute or relative paths of the host.
    pub pattern: String,
    /// The folder in the container; empty for the paths as they are on the host.
    pub destination: String,
    /// Mount options.
    pub options: Vec<String>,
}

impl Glob {
    /// The mount of one path.
    ///
    /// # Errors
    /// The path is none of a container.
    pub fn mount(&self, source: &str) -> Result<Mount> {
        let name = source.rsplit('/').next().unwrap_or_default();
        let destination = match self.destination.as_str() {
            "" => container_path(source)?,
            folder => container_path(&format!("{folder}/{name}"))?,
        };
        Ok(Mount {
            destination,
            kind: "bind".into(),
            source: source.to_owned(),
            options: self.options.clone(),
        })
    }
}

/// Parses one `--mount` of type glob; [`None`] where it is of another type.
///
/// # Errors
/// As [`parse`].
pub fn glob(text: &str, paths: &HostPaths) -> Result<Option<Glob>> {
    let fields = fields(text)?;
    if !fields.iter().any(|field| field == "type=glob") {
        return Ok(None);
    }
    // The options are those of a bind mount; its own place is none of them.
    let is_place = |field: &&String| {
        matches!(
            field.split('=').next(),
            Some("type" | "src" | "source" | "target" | "dst" | "dest" | "destination")
        )
    };
    let value = |names: &[&str]| {
        fields.iter().find_map(|field| {
            field.split_once('=').filter(|(name, _)| names.contains(name)).map(|(_, value)| value.to_owned())
        })
    };
    let Some(pattern) = value(&["src", "source"]).filter(|pattern| !pattern.is_empty()) else {
        bail!("host directory cannot be empty");
    };
    let destination = match value(&["target", "dst", "dest", "destination"]) {
        Some(path) => container_path(&path)?,
        None => String::new(),
    };
    let mut others: Vec<String> = fields.iter().filter(|field| !is_place(field)).cloned().collect();
    others.extend(["src=/x".to_owned(), "dst=/x".to_owned()]);
    let Volume::Mount(mount) = general("bind", &others, paths)? else {
        bail!("invalid mount {text:?}");
    };
    Ok(Some(Glob { pattern: host_path(&pattern, paths)?, destination, options: mount.options }))
}

/// Fields of one line of comma-separated values, quoted where they hold commas.
fn fields(text: &str) -> Result<Vec<String>> {
    let mut fields = Vec::new();
    let mut field = String::new();
    let mut characters = text.chars().peekable();
    let mut quoted = false;
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                field.push('"');
            }
            '"' if quoted || field.is_empty() => quoted = !quoted,
            ',' if !quoted => fields.push(std::mem::take(&mut field)),
            character => field.push(character),
        }
    }
    if quoted {
        bail!("incorrect mount format: a quote in {text:?} is not closed");
    }
    fields.push(field);
    if fields.iter().all(String::is_empty) {
        bail!(
            "incorrect mount format: should be --mount type=<bind|tmpfs|volume>,[src=<host-dir|volume-name>,]target=<ctr-dir>[,options]"
        );
    }
    Ok(fields)
}

#[derive(Default)]
struct Parsed {
    source: String,
    destination: String,
    subpath: String,
    options: Vec<String>,
    given: BTreeSet<&'static str>,
}

impl Parsed {
    /// Notes that one of a group of keys that exclude each other was given.
    fn once(&mut self, group: &'static str) -> Result<()> {
        if self.given.insert(group) { Ok(()) } else { bail!("cannot pass {group} options more than once") }
    }

    fn push(&mut self, option: impl Into<String>) {
        self.options.push(option.into());
    }
}

fn general(kind: &str, arguments: &[String], paths: &HostPaths) -> Result<Volume> {
    let memory = matches!(kind, "tmpfs" | "ramfs");
    let mut parsed = Parsed::default();
    for argument in arguments {
        let (name, value) = match argument.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (argument.as_str(), None),
        };
        let only = |allowed: &[&str]| -> Result<()> {
            if allowed.contains(&kind) {
                Ok(())
            } else {
                bail!("{name:?} option not supported for {kind:?} mount types")
            }
        };
        let needed = || match value {
            Some(value) if !value.is_empty() => Ok(value),
            _ => bail!("{name}: {NO_ARGUMENT}"),
        };
        match name {
            "bind-nonrecursive" => {
                only(&["bind"])?;
                if truth(name, value)? {
                    parsed.push("bind");
                }
            }
            "bind-propagation" => {
                only(&["bind"])?;
                let value = needed()?;
                if !is_propagation(value) {
                    bail!("invalid value {argument:?}");
                }
                parsed.push(value);
            }
            // Only Docker Desktop ever gave these a meaning; Docker and Podman ignore them on Linux.
            "consistency" => {}
            "idmap" => parsed.push(argument.as_str()),
            "readonly" | "ro" | "rw" => {
                parsed.once("'readonly', 'ro', or 'rw'")?;
                let writable = (name == "rw") == truth(name, value)?;
                parsed.push(if writable { "rw" } else { "ro" });
            }
            "nodev" | "dev" => {
                parsed.once("'nodev' and 'dev'")?;
                parsed.push(name);
            }
            "noexec" | "exec" => {
                parsed.once("'noexec' and 'exec'")?;
                parsed.push(name);
            }
            "nosuid" | "suid" => {
                parsed.once("'nosuid' and 'suid'")?;
                parsed.push(name);
            }
            "noswap" => {
                only(&["tmpfs"])?;
                parsed.once("'noswap'")?;
                if paths.rootless {
                    bail!("the 'noswap' option is only allowed with rootful tmpfs mounts");
                }
                parsed.push(name);
            }
            "relabel" => {
                parsed.once("'relabel'")?;
                match value {
                    Some("private") => parsed.push("Z"),
                    Some("shared") => parsed.push("z"),
                    _ => bail!("relabel mount option must be 'private' or 'shared': invalid mount option"),
                }
            }
            "Z" | "z" => parsed.push(name),
            "no-dereference" => {
                only(&["bind"])?;
                parsed.push(name);
            }
            name if value.is_none() && is_propagation(name) => parsed.push(name),
            "src" | "source" => {
                only(&["bind", "volume"])?;
                parsed.once("\"source\"")?;
                match value {
                    Some("") => bail!("host directory cannot be empty"),
                    _ => needed()?.clone_into(&mut parsed.source),
                }
            }
            "subpath" | "volume-subpath" => {
                if kind != "volume" {
                    bail!("cannot set option {name:?} on non-volume mounts");
                }
                needed()?.clone_into(&mut parsed.subpath);
            }
            "target" | "dst" | "dest" | "destination" => {
                parsed.once("\"target\"")?;
                parsed.destination = container_path(needed()?)?;
            }
            "tmpcopyup" | "notmpcopyup" => {
                only(&["tmpfs", "ramfs"])?;
                parsed.once("'tmpcopyup' and 'notmpcopyup'")?;
                parsed.push(name);
            }
            "tmpfs-mode" => {
                only(&["tmpfs", "ramfs"])?;
                parsed.push(format!("mode={}", needed()?));
            }
            "tmpfs-size" => {
                only(&["tmpfs"])?;
                parsed.push(format!("size={}", needed()?));
            }
            "U" | "chown" => {
                parsed.once("'U' or 'chown'")?;
                if truth(name, value)? {
                    parsed.push("U");
                }
            }
            "volume-nocopy" => {
                only(&["volume"])?;
                if truth(name, value)? {
                    parsed.push("nocopy");
                }
            }
            "nocreate" => {
                only(&["volume"])?;
                parsed.push(name);
            }
            "volume-opt" | "volume-driver" | "volume-label" => {
                only(&["volume"])?;
                return Err(Error::unsupported(format!("{name} in --mount (use 'volume create')")));
            }
            _ => bail!("{name}: invalid mount option"),
        }
    }
    if parsed.destination.is_empty() {
        bail!("must set volume destination");
    }
    if memory {
        for option in &parsed.options {
            tmpfs_option(option)?;
        }
        return Ok(Volume::Mount(Mount {
            destination: parsed.destination,
            kind: kind.to_owned(),
            source: kind.to_owned(),
            options: parsed.options,
        }));
    }
    let options = check_options(parsed.options.iter().map(String::as_str))?;
    if kind == "bind" {
        let source = if parsed.source.is_empty() { parsed.destination.clone() } else { parsed.source };
        let source = host_path(&source, paths)?;
        return Ok(Volume::Mount(Mount {
            destination: parsed.destination,
            kind: kind.to_owned(),
            source,
            options,
        }));
    }
    if !parsed.source.is_empty() {
        name::volume(&parsed.source)?;
    }
    if parsed.subpath.split('/').any(|part| part == "..") {
        bail!("volume subpath {:?} must not leave the volume", parsed.subpath);
    }
    Ok(Volume::Named(NamedVolume {
        name: parsed.source,
        dest: parsed.destination,
        options,
        is_anonymous: false,
        sub_path: parsed.subpath,
    }))
}

fn devpts(arguments: &[String]) -> Result<Volume> {
    let mut mount = Mount { kind: "devpts".to_owned(), source: "devpts".to_owned(), ..Mount::default() };
    for argument in arguments {
        let (name, value) = argument.split_once('=').unwrap_or((argument, ""));
        match name {
            "uid" | "gid" | "max" if value.parse::<u32>().is_ok() => mount.options.push(argument.clone()),
            "mode" | "ptmxmode" if u32::from_str_radix(value, 8).is_ok() => {
                mount.options.push(argument.clone())
            }
            "newinstance" if value.is_empty() => mount.options.push(argument.clone()),
            "target" | "dst" | "dest" | "destination" => mount.destination = container_path(value)?,
            _ => bail!("{argument}: invalid mount option"),
        }
    }
    if mount.destination.is_empty() {
        bail!("must set volume destination");
    }
    Ok(Volume::Mount(mount))
}

fn image(arguments: &[String]) -> Result<Volume> {
    let (mut source, mut destination, mut read_write, mut path) =
        (String::new(), String::new(), false, String::new());
    for argument in arguments {
        let (name, value) = argument.split_once('=').unwrap_or((argument, ""));
        match name {
            "src" | "source" => value.clone_into(&mut source),
            "target" | "dst" | "dest" | "destination" => destination = container_path(value)?,
            "rw" | "readwrite" => match value {
                "true" => read_write = true,
                "false" => {}
                _ => bail!("invalid rw value {value:?}: invalid mount option"),
            },
            "subpath" => {
                if !value.starts_with('/') {
                    bail!("volume subpath {value:?} must be an absolute path");
                }
                value.clone_into(&mut path);
            }
            "consistency" => {}
            _ => bail!("{name}: invalid mount option"),
        }
    }
    if source.is_empty() || destination.is_empty() {
        bail!("must set source and destination for image volume");
    }
    Ok(Volume::Image { source, destination, read_write, subpath: path })
}

fn is_propagation(text: &str) -> bool {
    matches!(
        text,
        "shared" | "rshared" | "private" | "rprivate" | "slave" | "rslave" | "unbindable" | "runbindable"
    )
}

/// A key without value is true.
fn truth(name: &str, value: Option<&str>) -> Result<bool> {
    match value.map(str::to_ascii_lowercase).as_deref() {
        None | Some("true" | "1") => Ok(true),
        Some("false" | "0") => Ok(false),
        Some(other) => bail!("'{name}' must be set to true or false, instead received {other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths() -> HostPaths {
        HostPaths { current_folder: "/cwd".into(), windows: false, rootless: false }
    }

    #[test]
    fn right() {
        let check = |text: &str, expected: &str| {
            let found = match parse(text, &paths()).unwrap_or_else(|error| panic!("{text}: {error}")) {
                Volume::Mount(m) => {
                    format!("{} {} {} {}", m.kind, m.source, m.destination, m.options.join(","))
                }
                Volume::Named(v) => {
                    format!("volume {} {} {} {}", v.name, v.dest, v.options.join(","), v.sub_path)
                }
                Volume::Image { source, destination, read_write, subpath } => {
                    format!("image {source} {destination} {read_write} {subpath}")
                }
                Volume::Overlay { .. } => unreachable!(),
            };
            assert_eq!(found.trim_end(), expected, "{text}");
        };
        check("type=bind,src=/a,dst=/b", "bind /a /b");
        check("type=bind,source=rel,target=/b,readonly", "bind /cwd/rel /b ro");
        check("type=bind,src=/a,dst=/b,ro=false", "bind /a /b rw");
        check("type=bind,src=/a,dst=/b,bind-propagation=rslave,Z", "bind /a /b rslave,Z");
        check("type=bind,dst=/b,relabel=shared,U=true,consistency=cached", "bind /b /b z,U");
        check("type=bind,\"src=/a,b\",dst=/c", "bind /a,b /c");
        check("type=volume,src=db,dst=/b,volume-nocopy,subpath=x/y", "volume db /b nocopy x/y");
        check("src=db,dst=/b", "volume db /b");
        check("type=volume,destination=/b", "volume  /b");
        check(
            "type=tmpfs,dst=/t,tmpfs-size=1g,tmpfs-mode=1770,notmpcopyup",
            "tmpfs tmpfs /t size=1g,mode=1770,notmpcopyup",
        );
        check("type=ramfs,dst=/t", "ramfs ramfs /t");
        check("type=devpts,dst=/p,mode=620,max=10", "devpts devpts /p mode=620,max=10");
        check("type=image,src=busybox,dst=/i,rw=true", "image busybox /i true");
    }

    #[test]
    fn patterns() {
        let found = glob("type=glob,src=/a*,dst=/b,ro", &paths()).unwrap().unwrap();
        assert_eq!((found.pattern.as_str(), found.destination.as_str()), ("/a*", "/b"));
        assert_eq!(found.options, ["ro"]);
        assert_eq!(found.mount("/x/a1").unwrap().destination, "/b/a1");
        let found = glob("source=/v*,type=glob", &paths()).unwrap().unwrap();
        assert_eq!(found.mount("/v1").unwrap().destination, "/v1");
        assert_eq!(glob("type=bind,src=/a,dst=/b", &paths()).unwrap(), None);
        for text in ["type=glob", "type=glob,src=/a,bogus"] {
            assert!(glob(text, &paths()).is_err(), "{text}");
        }
    }

    #[test]
    fn wrong() {
        for (text, expected) in [
            ("", "incorrect mount format"),
            ("type=bind,src=/a", "must set volume destination"),
            ("type=bind,src=,dst=/b", "host directory cannot be empty"),
            ("type=bind,src,dst=/b", "must provide an argument"),
            ("type=bind,src=/a,src=/b,dst=/c", "more than once"),
            ("type=bind,src=/a,dst=b", "must be an absolute path"),
            ("type=bind,src=/a,dst=/b,bind-propagation=loud", "invalid value"),
            ("type=bind,src=/a,dst=/b,bind-propagation=shared,rbind", "rbind: invalid mount option"),
            ("type=bind,src=/a,dst=/b,ro,rw", "more than once"),
            ("type=bind,src=/a,dst=/b,tmpfs-size=1", "not supported for \"bind\""),
            ("type=tmpfs,src=/a,dst=/b", "not supported for \"tmpfs\""),
            ("type=tmpfs,dst=/b,idmap", "invalid option"),
            ("type=volume,src=a/b,dst=/b", "names must match"),
            ("type=volume,src=a,dst=/b,subpath=../x", "must not leave"),
            ("type=volume,src=a,dst=/b,volume-opt=x=y", "not supported"),
            ("type=cow,dst=/b", "invalid filesystem type"),
            ("type=bind,src=/a,dst=/b,relabel=x", "'private' or 'shared'"),
            ("type=bind,src=/a,dst=/b,U=maybe", "true or false"),
            ("type=image,dst=/b", "must set source and destination"),
            ("type=bind,\"src=/a", "not closed"),
        ] {
            let error = parse(text, &paths()).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
