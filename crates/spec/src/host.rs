//! `--add-host`, `--dns`, `--dns-search`, `--dns-option`, `--sysctl`.

use std::net::IpAddr;

use cove_api::{ContainerSpec, StringMap};

use crate::error::{Result, bail};

/// The address of `--add-host` that stands for the host.
pub(crate) const HOST_GATEWAY: &str = "host-gateway";

/// Checks one `--add-host` (`NAME[;NAME…]:IP`, Docker's `NAME=IP`, IPv6 also in brackets) and writes it as
/// `NAME[;NAME…]:IP`.
///
/// # Errors
/// The form, a name or the address is wrong.
pub fn add_host(text: &str) -> Result<String> {
    // Docker's form has no colon in its name, so the first of both separators decides.
    let index = text.find([':', '=']);
    let Some((names, ip)) = index.map(|index| (&text[..index], &text[index + 1..])) else {
        bail!("bad format for add-host: {text:?}");
    };
    if names.is_empty() || names.split(';').any(str::is_empty) {
        bail!("hostname in add-host {text:?} is empty");
    }
    if names.contains(|c: char| c.is_whitespace() || c.is_control() || c == '#') {
        bail!("bad format for add-host: {text:?}");
    }
    if ip == HOST_GATEWAY {
        return Ok(format!("{names}:{ip}"));
    }
    let plain = ip.strip_prefix('[').and_then(|ip| ip.strip_suffix(']')).unwrap_or(ip);
    match plain.parse::<IpAddr>() {
        Ok(ip) => Ok(format!("{names}:{ip}")),
        Err(_) => bail!("invalid IP address in add-host: {ip:?}"),
    }
}

/// Puts all DNS flags into the spec. `--dns none` leaves the image's resolv.conf as it is; `--dns-search .` means
/// no search domain.
///
/// # Errors
/// An address or domain is wrong, or `none` is combined with others.
pub fn apply_dns(
    servers: &[String],
    searches: &[String],
    options: &[String],
    spec: &mut ContainerSpec,
) -> Result<()> {
    if servers.iter().any(|server| server == "none") {
        if servers.len() > 1 {
            bail!("{:?} is not allowed to be specified with other DNS ip addresses", "none");
        }
        if !searches.is_empty() || !options.is_empty() {
            bail!("cannot set --dns-search or --dns-option with --dns none");
        }
        spec.use_image_resolv_conf = Some(true);
        return Ok(());
    }
    for server in servers {
        spec.dns_server.push(dns_server(server)?);
    }
    if searches.len() > 1 && searches.iter().any(|search| search == ".") {
        bail!("cannot pass additional search domains when also specifying '.'");
    }
    for search in searches {
        dns_search(search)?;
        spec.dns_search.push(search.clone());
    }
    for option in options {
        dns_option(option)?;
        spec.dns_option.push(option.clone());
    }
    Ok(())
}

/// Checks one name server.
///
/// # Errors
/// It is no address.
pub fn dns_server(text: &str) -> Result<String> {
    match text.parse::<IpAddr>() {
        Ok(ip) => Ok(ip.to_string()),
        Err(_) => bail!("{text} is not an ip address"),
    }
}

/// Checks one search domain; `.` is none.
///
/// # Errors
/// It is no domain.
pub fn dns_search(text: &str) -> Result<()> {
    if text == "." { Ok(()) } else { check_domain(text) }
}

/// Checks one option of resolv.conf.
///
/// # Errors
/// It is empty, or would be more than one word.
pub fn dns_option(text: &str) -> Result<()> {
    if text.is_empty() || text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        bail!("invalid DNS option {text:?}");
    }
    Ok(())
}

fn check_domain(text: &str) -> Result<()> {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let plain = text.strip_suffix('.').unwrap_or(text);
    if plain.len() <= 253 && plain.split('.').all(label) {
        return Ok(());
    }
    bail!("{text} is not a valid domain")
}

/// Parses all `--sysctl` flags (`NAME=VALUE`). Only those that belong to the container's namespaces are allowed:
/// `net.*`, `fs.mqueue.*`, and those of System V IPC.
///
/// # Errors
/// The form is wrong, or the sysctl is not allowed.
pub fn sysctls<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<StringMap> {
    const IPC: [&str; 8] = [
        "kernel.msgmax",
        "kernel.msgmnb",
        "kernel.msgmni",
        "kernel.sem",
        "kernel.shmall",
        "kernel.shmmax",
        "kernel.shmmni",
        "kernel.shm_rmid_forced",
    ];
    let mut sysctls = StringMap::new();
    for text in texts {
        let Some((name, value)) = text.split_once('=') else {
            bail!("{text} is invalid, sysctl values must be in the form of KEY=VALUE");
        };
        let name = name.trim();
        let allowed = IPC.contains(&name) || name.starts_with("net.") || name.starts_with("fs.mqueue.");
        // Interface names may hold slashes for dots; nothing may walk up.
        let is_safe = name.chars().all(|c| c.is_ascii_alphanumeric() || "._-/@:".contains(c))
            && !name.contains("..")
            && !name.contains("//");
        if !allowed || !is_safe {
            bail!("sysctl '{text}' is not allowed");
        }
        sysctls.insert(name.to_owned(), value.trim().to_owned());
    }
    Ok(sysctls)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        for (text, expected) in [
            ("db:10.0.0.1", "db:10.0.0.1"),
            ("a;b:10.0.0.1", "a;b:10.0.0.1"),
            ("db=10.0.0.1", "db:10.0.0.1"),
            ("db:fd::1", "db:fd::1"),
            ("db:[::1]", "db:::1"),
            ("host:host-gateway", "host:host-gateway"),
        ] {
            assert_eq!(add_host(text).unwrap(), expected, "{text}");
        }
        for (text, expected) in [
            ("db", "bad format"),
            (":1.2.3.4", "is empty"),
            ("a;:1.2.3.4", "is empty"),
            ("db:1.2.3", "invalid IP address"),
            ("db:", "invalid IP address"),
            ("a b:1.2.3.4", "bad format"),
            ("a\nevil:1.2.3.4", "bad format"),
        ] {
            assert!(add_host(text).unwrap_err().to_string().contains(expected), "{text}");
        }
    }

    #[test]
    fn dns() {
        let strings = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let apply = |a: &[&str], b: &[&str], c: &[&str]| {
            let mut spec = ContainerSpec::default();
            apply_dns(&strings(a), &strings(b), &strings(c), &mut spec).map(|()| spec)
        };
        let spec = apply(&["8.8.8.8", "fd::1"], &["example.com"], &["ndots:2"]).unwrap();
        assert_eq!(spec.dns_server, ["8.8.8.8", "fd::1"]);
        assert_eq!(apply(&["none"], &[], &[]).unwrap().use_image_resolv_conf, Some(true));
        assert!(apply(&["none", "1.1.1.1"], &[], &[]).is_err());
        assert!(apply(&["dns.google"], &[], &[]).unwrap_err().to_string().contains("is not an ip address"));
        assert!(apply(&[], &["-x.com"], &[]).unwrap_err().to_string().contains("not a valid domain"));
        assert!(apply(&[], &[".", "a"], &[]).is_err());
        assert!(apply(&[], &[], &["a\nb"]).is_err());
    }

    #[test]
    fn sysctl_flags() {
        let found = sysctls(["net.ipv4.ip_forward=1", "kernel.shmmax = 5"]).unwrap();
        assert_eq!(found["kernel.shmmax"], "5");
        for text in ["net.x", "kernel.panic=1", "net/../kernel/panic=1", "net...=1", "vm.swappiness=1"] {
            let error = sysctls([text]).unwrap_err().to_string();
            assert!(error.contains("sysctl"), "{text}: {error}");
        }
    }
}
