//! The driver options of local volumes: `type`, `device`, `o`, `copy` and `nocopy`.

use cove_api::StringMap;

use crate::error::{Error, Result, bail};
use crate::size;

/// What the options of a local volume ask for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LocalVolume {
    /// Who owns it; whoever mounts it first, where this is not said.
    pub uid: Option<u32>,
    /// Its owner's group, likewise.
    pub gid: Option<u32>,
    /// A new one stays empty, whatever the image has at its place.
    pub no_copy: bool,
    /// Seconds that its making may take; 0 is any time.
    pub timeout: u32,
    /// Bytes that it may hold; 0 is no limit. For memory this is an option of the mount.
    pub size: u64,
    /// Files that it may hold; 0 is no limit.
    pub inodes: u64,
    /// What is mounted in place of its own directory.
    pub mount: Option<LocalMount>,
}

/// A file system for mount(8).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LocalMount {
    /// Its type, such as `tmpfs`; empty leaves it to mount(8), and for [`LocalMount::bind`].
    pub kind: String,
    /// Where it comes from; for types without a device their name.
    pub device: String,
    /// A directory is shown at a second place.
    pub bind: bool,
    /// Options.
    pub options: Vec<String>,
}

/// Reads the driver options of a local volume.
///
/// # Errors
/// One is unknown or has no such value, or together they mean nothing.
pub fn parse(options: &StringMap) -> Result<LocalVolume> {
    let mut volume = LocalVolume::default();
    let mut mount = LocalMount::default();
    let kind = options.get("type").map(String::as_str).unwrap_or_default();
    let of_memory = kind == "tmpfs";
    let mut noquota = false;
    for (key, value) in options {
        match key.to_ascii_lowercase().as_str() {
            "type" => match value.as_str() {
                "bind" => mount.bind = true,
                // What is only bound has no type, as Docker's users write it.
                "none" => {}
                _ => mount.kind.clone_from(value),
            },
            "device" => mount.device.clone_from(value),
            "copy" => {}
            "nocopy" => volume.no_copy = true,
            "o" => {
                for option in value.split(',').filter(|option| !option.is_empty()) {
                    noquota |= mount_option(option, of_memory, &mut volume, &mut mount)?;
                }
            }
            // Written beside `o` in place of in it.
            name @ ("uid" | "gid" | "size" | "inodes" | "noquota") => {
                noquota |= mount_option(&format!("{name}={value}"), of_memory, &mut volume, &mut mount)?;
            }
            _ => bail!("invalid mount option {key} for driver 'local': invalid argument"),
        }
    }
    if options.contains_key("copy") && volume.no_copy {
        bail!("the volume options copy and nocopy exclude each other");
    }
    if noquota && (volume.size > 0 || volume.inodes > 0) {
        bail!("volume options size and inodes cannot be used without quota");
    }
    if of_memory && volume.inodes > 0 {
        bail!("volume option inodes not supported on tmpfs filesystem");
    }
    complete(&mut volume, mount)?;
    Ok(volume)
}

/// One of `o`; true for `noquota`.
fn mount_option(
    option: &str,
    of_memory: bool,
    volume: &mut LocalVolume,
    mount: &mut LocalMount,
) -> Result<bool> {
    let (key, value) = match option.split_once('=') {
        Some((key, value)) => (key, Some(value)),
        None => (option, None),
    };
    let number = |what: &str| -> Result<u32> {
        let Some(text) = value else { bail!("{key} option must provide a {what}: invalid argument") };
        text.parse().map_err(|_| Error::new(format!("cannot convert {what} {text} to integer")))
    };
    match key.to_ascii_lowercase().as_str() {
        "uid" => volume.uid = Some(number("UID")?),
        "gid" => volume.gid = Some(number("GID")?),
        "timeout" => volume.timeout = number("Timeout")?,
        "size" if of_memory => {
            // The kernel reads it; that it is one is told here.
            let text = value.unwrap_or_default();
            if !text.ends_with('%') {
                size::bytes(text)?;
            }
            mount.options.push(option.to_owned());
        }
        "size" => volume.size = size::bytes(value.unwrap_or_default())?,
        "inodes" => volume.inodes = number("inodes")?.into(),
        "noquota" => return Ok(true),
        "bind" | "rbind" => {
            mount.bind = true;
            mount.options.push(option.to_owned());
        }
        _ => mount.options.push(option.to_owned()),
    }
    Ok(false)
}

/// Decides whether something is mounted, and completes it.
fn complete(volume: &mut LocalVolume, mut mount: LocalMount) -> Result<()> {
    if mount == LocalMount::default() {
        return Ok(());
    }
    if volume.size > 0 || volume.inodes > 0 {
        bail!(
            "volume options size and inodes limit the volume's own directory, and not what is mounted there"
        );
    }
    if mount.bind {
        if !mount.device.starts_with('/') {
            bail!(
                "invalid volume option device {:?} for driver 'local': it must be an absolute path",
                mount.device
            );
        }
        if !mount.kind.is_empty() {
            bail!(
                "invalid volume option type {:?} for driver 'local': what is bound has no type",
                mount.kind
            );
        }
        if !mount.options.iter().any(|option| option == "bind" || option == "rbind") {
            mount.options.push("bind".to_owned());
        }
    } else {
        if mount.device.is_empty() {
            mount.device.clone_from(&mount.kind);
        }
        if mount.device.is_empty() {
            bail!(
                "invalid volume option o={} for driver 'local': without type and device nothing is mounted",
                mount.options.join(",")
            );
        }
        // File systems without owners of their own take them as options.
        for (key, id) in [("uid", volume.uid), ("gid", volume.gid)] {
            mount.options.extend(id.map(|id| format!("{key}={id}")));
        }
    }
    volume.mount = Some(mount);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(pairs: &[(&str, &str)]) -> Result<LocalVolume> {
        parse(&pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
    }

    fn mounted(pairs: &[(&str, &str)]) -> String {
        let mount = parsed(pairs).unwrap().mount.unwrap();
        format!("{} {} {} {}", mount.kind, mount.device, mount.bind, mount.options.join(","))
    }

    #[test]
    fn mounts() {
        assert_eq!(
            mounted(&[("type", "tmpfs"), ("device", "tmpfs"), ("o", "size=2M,nodev")]),
            "tmpfs tmpfs false size=2M,nodev"
        );
        assert_eq!(mounted(&[("type", "tmpfs"), ("o", "uid=7,gid=8")]), "tmpfs tmpfs false uid=7,gid=8");
        assert_eq!(mounted(&[("type", "bind"), ("device", "/a")]), " /a true bind");
        assert_eq!(mounted(&[("type", "none"), ("device", "/a"), ("o", "bind,ro")]), " /a true bind,ro");
        assert_eq!(
            mounted(&[("type", "nfs"), ("device", "h:/x"), ("o", "addr=h,rw")]),
            "nfs h:/x false addr=h,rw"
        );
        assert_eq!(mounted(&[("device", "/dev/sdb")]), " /dev/sdb false ");
    }

    #[test]
    fn owners_and_limits_mount_nothing() {
        let volume = parsed(&[("o", "uid=1000,gid=1001,timeout=5,noquota"), ("nocopy", "")]).unwrap();
        let expected =
            LocalVolume { uid: Some(1000), gid: Some(1001), no_copy: true, timeout: 5, ..Default::default() };
        assert_eq!(volume, expected);
        let volume = parsed(&[("o", "size=1G,inodes=100")]).unwrap();
        assert_eq!((volume.size, volume.inodes, volume.mount), (1 << 30, 100, None));
        assert_eq!(parsed(&[]).unwrap(), LocalVolume::default());
    }

    #[test]
    fn what_means_nothing_is_refused() {
        for (pairs, named) in [
            (&[("zork", "1")][..], "invalid mount option zork"),
            (&[("o", "nodev")], "without type and device"),
            (&[("type", "bind")], "absolute path"),
            (&[("type", "bind"), ("device", "a")], "absolute path"),
            (&[("type", "nfs"), ("o", "bind"), ("device", "/a")], "has no type"),
            (&[("o", "uid=x")], "UID x"),
            (&[("o", "gid")], "GID"),
            (&[("o", "size=big")], "big"),
            (&[("o", "size=1G,noquota")], "without quota"),
            (&[("type", "tmpfs"), ("o", "inodes=5")], "inodes not supported"),
            (&[("type", "bind"), ("device", "/a"), ("o", "size=1G")], "own directory"),
            (&[("copy", ""), ("nocopy", "")], "exclude"),
        ] {
            let error = parsed(pairs).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
    }
}
