//! Volumes and mounts: `-v`, `--mount`, `--tmpfs`.

use std::collections::{BTreeMap, BTreeSet};

use cove_api::{ContainerSpec, ImageVolume, Mount, NamedVolume, OverlayVolume};

use crate::error::{Result, bail};
pub use crate::host_path::{HostPaths, host_path};
use crate::host_path::{is_host_path, split};
use crate::mount;
use crate::name;

/// Everything that `-v`, `--mount` and `--tmpfs` ask for; no two have the same destination.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Volumes {
    /// Bind, tmpfs, ramfs and devpts mounts.
    pub mounts: Vec<Mount>,
    /// Named and anonymous volumes.
    pub volumes: Vec<NamedVolume>,
    /// Folders of the host below a layer that is thrown away (`-v …:O`).
    pub overlay_volumes: Vec<OverlayVolume>,
    /// Images mounted as folders.
    pub image_volumes: Vec<ImageVolume>,
}

impl Volumes {
    /// Adds one.
    pub fn add(&mut self, volume: Volume) {
        match volume {
            Volume::Mount(mount) => self.mounts.push(mount),
            Volume::Named(volume) => self.volumes.push(volume),
            Volume::Overlay { source, destination, options } => {
                self.overlay_volumes.push(OverlayVolume { destination, source, options });
            }
            Volume::Image { source, destination, read_write, subpath } => {
                self.image_volumes.push(ImageVolume { source, destination, read_write, sub_path: subpath });
            }
        }
    }

    /// Puts all into the container's spec.
    pub fn apply(self, spec: &mut ContainerSpec) {
        spec.mounts.extend(self.mounts);
        spec.volumes.extend(self.volumes);
        if !self.overlay_volumes.is_empty() {
            spec.overlay_volumes = self.overlay_volumes;
        }
        if !self.image_volumes.is_empty() {
            spec.image_volumes = self.image_volumes;
        }
    }
}

/// One parsed flag.
#[derive(Debug, Clone, PartialEq)]
pub enum Volume {
    /// A mount in the runtime's form.
    Mount(Mount),
    /// A named or anonymous volume.
    Named(NamedVolume),
    /// A folder of the host below a layer that is thrown away.
    Overlay {
        /// Absolute folder of the host.
        source: String,
        /// Absolute path in the container.
        destination: String,
        /// `O`, `U`, `upperdir=…`, `workdir=…`.
        options: Vec<String>,
    },
    /// An image.
    Image {
        /// Its name or id.
        source: String,
        /// Absolute path in the container.
        destination: String,
        /// Writable, on a layer that is thrown away.
        read_write: bool,
        /// A folder in the image; empty for all of it.
        subpath: String,
    },
}

impl Volume {
    /// Absolute path in the container.
    pub fn destination(&self) -> &str {
        match self {
            Self::Mount(mount) => &mount.destination,
            Self::Named(volume) => &volume.dest,
            Self::Overlay { destination, .. } | Self::Image { destination, .. } => destination,
        }
    }
}

/// Parses all three kinds of flags together.
///
/// The same flag twice counts once; `--tmpfs` gives way to a tmpfs of `--mount` at the same place.
///
/// # Errors
/// A flag is wrong, or two have the same destination.
pub fn parse_all(
    volumes: &[String],
    mounts: &[String],
    tmpfs: &[String],
    paths: &HostPaths,
) -> Result<Volumes> {
    let mut found: BTreeMap<String, Volume> = BTreeMap::new();
    let mut order = Vec::new();
    let mut add = |volume: Volume, is_tmpfs_flag: bool| -> Result<()> {
        let destination = volume.destination().to_owned();
        if let Some(known) = found.get(&destination) {
            let both_tmpfs = is_tmpfs_flag && matches!(known, Volume::Mount(mount) if mount.kind == "tmpfs");
            if *known == volume || both_tmpfs {
                return Ok(());
            }
            bail!("{destination}: duplicate mount destination");
        }
        order.push(destination.clone());
        found.insert(destination, volume);
        Ok(())
    };
    for text in mounts {
        add(mount::parse(text, paths)?, false)?;
    }
    for text in volumes {
        add(parse(text, paths)?, false)?;
    }
    let mut seen: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for text in tmpfs {
        let mount = parse_tmpfs(text)?;
        let known = seen.entry(mount.destination.clone()).or_insert_with(|| mount.options.clone());
        if *known != mount.options {
            bail!("{}: duplicate mount destination", mount.destination);
        }
        add(Volume::Mount(mount), true)?;
    }

    let mut all = Volumes::default();
    for destination in order {
        found.remove(&destination).into_iter().for_each(|volume| all.add(volume));
    }
    Ok(all)
}

/// Parses one `-v`: `[HOST-DIR|VOLUME:]CONTAINER-DIR[:OPTIONS]`.
///
/// A source that starts with `/`, `.` or (on Windows) a drive is a path of the host, else a volume's name.
///
/// # Errors
/// The form, the name, a path or an option is wrong.
pub fn parse(text: &str, paths: &HostPaths) -> Result<Volume> {
    let parts = split(text, paths.windows);
    let (source, destination, options) = match parts[..] {
        [destination] => (None, destination, ""),
        [source, destination] => (Some(source), destination, ""),
        [source, destination, options] => (Some(source), destination, options),
        _ => bail!("{text}: incorrect volume format, should be [host-dir:]ctr-dir[:option]"),
    };
    let options = if parts.len() == 3 { check_options(options.split(','))? } else { Vec::new() };
    let Some(source) = source else {
        return Ok(Volume::Named(NamedVolume {
            dest: container_path(destination)?,
            is_anonymous: false,
            ..NamedVolume::default()
        }));
    };
    if source.is_empty() {
        bail!("host directory cannot be empty");
    }
    let destination = container_path(destination)?;
    if !is_host_path(source, paths) {
        name::volume(source)?;
        check_overlay(&options)?;
        return Ok(Volume::Named(NamedVolume {
            name: source.to_owned(),
            dest: destination,
            options,
            ..NamedVolume::default()
        }));
    }
    let source = host_path(source, paths)?;
    check_overlay(&options)?;
    if options.iter().any(|option| option == "O") {
        return Ok(Volume::Overlay { source, destination, options });
    }
    Ok(Volume::Mount(Mount { destination, kind: "bind".to_owned(), source, options }))
}

/// Checks the options of a layer that is thrown away against those that do not go with it.
///
/// # Errors
/// Options contradict each other.
pub fn check_overlay(options: &[String]) -> Result<()> {
    let has = |name: &str| options.iter().any(|option| option.starts_with(name));
    let (upper, work) = (has("upperdir="), has("workdir="));
    if !options.iter().any(|option| option == "O") {
        if upper || work {
            bail!("the options upperdir and workdir need the option 'O'");
        }
        return Ok(());
    }
    if upper != work {
        bail!("must set both `upperdir` and `workdir`");
    }
    let chown = options.iter().any(|option| option == "U");
    if options.len() != 1 + usize::from(chown) + 2 * usize::from(upper) {
        bail!("can't use 'O' with other options");
    }
    Ok(())
}

/// Parses one `--tmpfs`: `CONTAINER-DIR[:OPTIONS]`.
///
/// # Errors
/// The path or an option is wrong.
pub fn parse_tmpfs(text: &str) -> Result<Mount> {
    let (destination, options) = text.split_once(':').unwrap_or((text, ""));
    let options: Vec<String> =
        options.split(',').filter(|option| !option.is_empty()).map(str::to_owned).collect();
    for option in &options {
        tmpfs_option(option)?;
    }
    Ok(Mount {
        destination: container_path(destination)?,
        kind: "tmpfs".to_owned(),
        source: "tmpfs".to_owned(),
        options,
    })
}

/// Checks one mount option of a tmpfs.
///
/// # Errors
/// It is unknown.
pub fn tmpfs_option(option: &str) -> Result<()> {
    let (name, value) = match option.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (option, None),
    };
    let known = match (name, value) {
        (
            "ro" | "rw" | "exec" | "noexec" | "suid" | "nosuid" | "dev" | "nodev" | "sync" | "async"
            | "dirsync" | "mand" | "nomand" | "atime" | "noatime" | "diratime" | "nodiratime" | "relatime"
            | "norelatime" | "strictatime" | "nostrictatime" | "tmpcopyup" | "notmpcopyup" | "noswap" | "U"
            | "private" | "rprivate" | "shared" | "rshared" | "slave" | "rslave" | "unbindable"
            | "runbindable" | "z" | "Z",
            None,
        ) => true,
        ("size" | "nr_inodes" | "nr_blocks" | "mode" | "uid" | "gid" | "huge" | "mpol", Some(value)) => {
            !value.is_empty() && !value.contains(|c: char| c.is_control() || c == '\\')
        }
        _ => false,
    };
    if known { Ok(()) } else { bail!("invalid option {option:?} for tmpfs mount") }
}

/// Checks a path in the container and removes `.`, `..` and repeated slashes.
///
/// # Errors
/// It is empty, relative, `/`, or has a control character.
pub fn container_path(text: &str) -> Result<String> {
    if text.is_empty() {
        bail!("container directory cannot be empty");
    }
    if !text.starts_with('/') {
        bail!("invalid container path {text:?}, must be an absolute path");
    }
    if text.contains(|c: char| c.is_control()) {
        bail!("invalid container path {text:?}, control characters are not allowed");
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    if parts.is_empty() {
        bail!("invalid container path {text:?}, the destination cannot be '/'");
    }
    Ok(format!("/{}", parts.join("/")))
}

/// Checks the options of a bind mount or volume, as `-v` writes them. `cached` and `delegated` mean nothing on
/// Linux and are left out, as Docker does.
///
/// # Errors
/// One is unknown, or two contradict each other.
pub fn check_options<'a>(options: impl IntoIterator<Item = &'a str>) -> Result<Vec<String>> {
    let options: Vec<&str> = options.into_iter().collect();
    let mut groups: BTreeSet<&str> = BTreeSet::new();
    let mut checked = Vec::new();
    for &option in &options {
        let group = match option {
            "noexec" | "exec" => "'noexec' or 'exec' option",
            "nodev" | "dev" => "'nodev' or 'dev' option",
            "nosuid" | "suid" => "'nosuid' or 'suid' option",
            "rw" | "ro" => "'rw' or 'ro' option",
            "z" | "Z" | "O" => "'z', 'Z', or 'O' option",
            "U" => "'U' option",
            "private" | "rprivate" | "shared" | "rshared" | "slave" | "rslave" | "unbindable"
            | "runbindable" => "'[r]shared', '[r]private', '[r]slave' or '[r]unbindable' option",
            "bind" | "rbind" => "'[r]bind' option",
            "copy" | "nocopy" => "'copy' or 'nocopy' option",
            "no-dereference" => "'no-dereference' option",
            "nocreate" => "'nocreate' option",
            "cached" | "delegated" | "consistent" => continue,
            option if option.starts_with("upperdir=/") => "upperdir per overlay",
            option if option.starts_with("workdir=/") => "workdir per overlay",
            option if option == "idmap" || option.starts_with("idmap=") => "'idmap' option",
            _ => bail!("invalid option type {option:?}"),
        };
        if !groups.insert(group) {
            bail!("invalid options {:?}, can only specify 1 {group}", options.join(", "));
        }
        checked.push(option.to_owned());
    }
    Ok(checked)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn linux() -> HostPaths {
        HostPaths { current_folder: "/home/ann/work".into(), windows: false, rootless: false }
    }

    fn windows() -> HostPaths {
        HostPaths { current_folder: r"C:\Users\Ann".into(), windows: true, rootless: true }
    }

    fn show(volume: &Volume) -> String {
        match volume {
            Volume::Mount(m) => format!("{} {} {} {}", m.kind, m.source, m.destination, m.options.join(",")),
            Volume::Named(v) => format!("volume {} {} {}", v.name, v.dest, v.options.join(",")),
            Volume::Overlay { source, destination, options } => {
                format!("overlay {source} {destination} {}", options.join(","))
            }
            Volume::Image { source, destination, .. } => format!("image {source} {destination}"),
        }
    }

    #[test]
    fn volumes() {
        let check = |text: &str, expected: &str| {
            let volume = parse(text, &linux()).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(show(&volume).trim_end(), expected, "{text}");
        };
        check("/data", "volume  /data");
        check("db:/var/lib", "volume db /var/lib");
        check("db:/var/lib:ro,nocopy", "volume db /var/lib ro,nocopy");
        check("/a:/b", "bind /a /b");
        check("/a:/b/../c//d/:ro,z,rslave", "bind /a /c/d ro,z,rslave");
        check("./x:/b", "bind /home/ann/work/x /b");
        check(".:/b", "bind /home/ann/work /b");
        check("..:/b", "bind /home/ann /b");
        check("../x/../y:/b", "bind /home/ann/x/../y /b");
        check("/a:/b:O", "overlay /a /b O");
        check("/a:/b:O,U", "overlay /a /b O,U");
        check("/a:/b:O,upperdir=/u,workdir=/w", "overlay /a /b O,upperdir=/u,workdir=/w");
        check("/a:/b:cached,U", "bind /a /b U");
        check("/a:/b:idmap=uids=0-1-10", "bind /a /b idmap=uids=0-1-10");
        check("x:/y:exec,dev,suid", "volume x /y exec,dev,suid");
    }

    #[test]
    fn wrong_volumes() {
        for (text, expected) in [
            ("/a:/b:ro:z", "incorrect volume format"),
            (":/b", "host directory cannot be empty"),
            ("/a:", "container directory cannot be empty"),
            ("/a:b", "must be an absolute path"),
            ("data", "must be an absolute path"),
            ("/a:/", "cannot be '/'"),
            ("/a:/b:", "invalid option type \"\""),
            ("/a:/b:ro,rw", "can only specify 1 'rw' or 'ro'"),
            ("/a:/b:z,Z", "can only specify 1 'z', 'Z', or 'O'"),
            ("/a:/b:shared,rslave", "[r]shared"),
            ("/a:/b:colour", "invalid option type \"colour\""),
            ("/a:/b:O,ro", "can't use 'O'"),
            ("/a:/b:O,upperdir=/u", "must set both"),
            ("/a:/b:upperdir=/u", "need the option 'O'"),
            ("-x:/b", "names must match"),
            ("a b:/b", "names must match"),
            (r"C:\a:/b", "invalid option type"),
        ] {
            let error = parse(text, &linux()).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn windows_paths() {
        let check = |text: &str, expected: &str| {
            let volume = parse(text, &windows()).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(show(&volume).trim_end(), expected, "{text}");
        };
        check(r"C:\Users\Ann:/b", "bind /mnt/c/Users/Ann /b");
        check(r"D:/x/y:/b:ro", "bind /mnt/d/x/y /b ro");
        check(r"C:\:/b", "bind /mnt/c /b");
        check("/c/Users:/b", "bind /mnt/c/Users /b");
        check("/etc:/b", "bind /etc /b");
        check(r"\\?\C:\x:/b", "bind /mnt/c/x /b");
        check(r"\\.\PHYS\x:/b", "bind /mnt/wsl/PHYS/x /b");
        check("./sub:/b:ro", "bind /mnt/c/Users/Ann/sub /b ro");
        check(r"..\other:/b", "bind /mnt/c/Users/other /b");
        check("vol:/b:ro", "volume vol /b ro");
        check("c:/b", "volume c /b");
        check("c:/b:ro", "volume c /b ro");
        assert!(parse(r"\\server\share:/b", &windows()).unwrap_err().to_string().contains("UNC"));
    }

    #[test]
    fn together() {
        let strings = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let all =
            |v: &[&str], m: &[&str], t: &[&str]| parse_all(&strings(v), &strings(m), &strings(t), &linux());
        let found =
            all(&["/a:/b", "/a:/b", "x:/c"], &["type=tmpfs,dst=/t"], &["/t:size=1m", "/u", "/u"]).unwrap();
        assert_eq!(found.mounts.len(), 3);
        assert_eq!(found.volumes.len(), 1);
        for (v, m, t) in [
            (&["/a:/b", "/c:/b"][..], &[][..], &[][..]),
            (&["/a:/b"], &["type=bind,src=/c,dst=/b"], &[]),
            (&["x:/b"], &[], &["/b"]),
            (&[], &[], &["/b:size=1m", "/b:size=2m"]),
            (&[], &["type=tmpfs,dst=/b"], &["/b:size=1m", "/b"]),
            (&["/a:/b", "/a:/b/"], &["type=volume,src=v,dst=/b"], &[]),
        ] {
            let error = all(v, m, t).unwrap_err().to_string();
            assert_eq!(error, "/b: duplicate mount destination");
        }
        let mut spec = ContainerSpec::default();
        all(&["/a:/b:O"], &["type=image,src=busybox,dst=/i"], &[]).unwrap().apply(&mut spec);
        let json = serde_json::to_value(&spec).unwrap();
        assert_eq!(json["overlay_volumes"][0]["source"], "/a");
        assert_eq!(json["image_volumes"][0]["Source"], "busybox");
    }

    #[test]
    fn tmpfs() {
        let mount = parse_tmpfs("/run:rw,size=64m,mode=1777").unwrap();
        assert_eq!(mount.options, ["rw", "size=64m", "mode=1777"]);
        assert!(parse_tmpfs("run").is_err());
        assert!(parse_tmpfs("/run:lowerdir=/x").unwrap_err().to_string().contains("lowerdir"));
    }
}
