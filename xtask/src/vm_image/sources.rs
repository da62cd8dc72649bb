//! Where the packages come from: what the user names, else what this system's apt uses, else mmdebstrap's default.

use std::process::Command;

/// Lines of a sources.list for `suite`; none leaves the choice to mmdebstrap.
pub(super) fn lines(mirror: Option<&str>, suite: &str) -> Vec<String> {
    match mirror {
        Some(mirror) => main_lines(mirror, suite),
        None => from_targets(&apt_targets(), suite),
    }
}

fn main_lines(mirror: &str, suite: &str) -> Vec<String> {
    vec![format!("deb {mirror} {suite} main"), format!("deb {mirror} {suite}-updates main")]
}

/// What this system's apt has fetched: `URI LABEL` of each index that Debian has made.
fn apt_targets() -> String {
    output(
        Command::new("apt-get")
            .args(["indextargets", "--format", "$(ORIGIN) $(LABEL) $(REPO_URI)"])
            .arg("Created-By: Packages"),
    )
}

/// The first mirror with that label in lines of `ORIGIN LABEL URI`, in the order of the alphabet, so that it is the same
/// in each run. One is enough.
fn mirror<'a>(targets: &'a str, wanted: &str) -> Option<&'a str> {
    let with_label = |line: &'a str| {
        let (label, uri) = line.strip_prefix("Debian ")?.split_once(' ')?;
        (label == wanted).then_some(uri)
    };
    targets.lines().filter_map(with_label).min()
}

/// The mirror of Debian that this system's apt uses.
pub(crate) fn debian_mirror() -> Option<String> {
    mirror(&apt_targets(), "Debian").map(str::to_owned)
}

/// The lines for the mirrors in lines of `ORIGIN LABEL URI`; the suites of the system itself do not matter, because
/// every Debian mirror has all that are supported.
fn from_targets(targets: &str, suite: &str) -> Vec<String> {
    let Some(main) = mirror(targets, "Debian") else { return Vec::new() };
    let mut lines = main_lines(main, suite);
    if let Some(security) = mirror(targets, "Debian-Security") {
        lines.push(format!("deb {security} {suite}-security main"));
    }
    lines
}

/// Options of mmdebstrap for the proxies of this system's apt.
pub(crate) fn proxy_options() -> Vec<String> {
    proxies(&output(Command::new("apt-config").args(["dump", "Acquire"])))
}

/// The lines of `apt-config dump` that name a proxy with a value.
fn proxies(dump: &str) -> Vec<String> {
    let names_proxy = |line: &&str| {
        line.split_once(' ').is_some_and(|(key, value)| {
            (key.ends_with("::Proxy") || key.ends_with("::Proxy-Auto-Detect")) && !value.starts_with("\"\"")
        })
    };
    dump.lines().filter(names_proxy).map(|line| format!("--aptopt={line}")).collect()
}

/// The output of a program, nothing where it is not there or fails.
fn output(command: &mut Command) -> String {
    match command.output() {
        Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout).into_owned(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_mirrors_of_the_system_and_leaves_foreign_ones() {
        let targets = "cloud-sdk-bookworm cloud-sdk-bookworm https://packages.example/apt/\n\
                       Debian Debian-Security http://deb.example/debian-security/\n\
                       Debian Debian http://deb.example/debian/\nDebian Debian http://deb.example/debian/\n";
        assert_eq!(
            from_targets(targets, "bookworm"),
            [
                "deb http://deb.example/debian/ bookworm main",
                "deb http://deb.example/debian/ bookworm-updates main",
                "deb http://deb.example/debian-security/ bookworm-security main",
            ]
        );
        assert!(from_targets("Ubuntu Ubuntu http://archive.example/ubuntu/\n", "bookworm").is_empty());
        assert!(from_targets("", "bookworm").is_empty());
    }

    #[test]
    fn takes_the_proxies_that_are_set() {
        let dump = "Acquire \"\";\nAcquire::http \"\";\nAcquire::http::Proxy \"http://proxy:3128\";\n\
                    Acquire::https::Proxy \"\";\nAcquire::Retries \"3\";\n";
        assert_eq!(proxies(dump), ["--aptopt=Acquire::http::Proxy \"http://proxy:3128\";"]);
    }
}
