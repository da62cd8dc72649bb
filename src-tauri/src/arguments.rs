//! The command line.

use std::ffi::OsString;

/// Options that are handed to `cove` for this host's engine; each has a value.
const ENGINE_OPTIONS: [&str; 15] = [
    "--root",
    "--runroot",
    "--storage-driver",
    "--storage-opt",
    "--runtime",
    "--runtime-flag",
    "--hooks-dir",
    "--cdi-spec-dir",
    "--cgroup-manager",
    "--network-config-dir",
    "--tmpdir",
    "--volumepath",
    "--events-backend",
    "--registries-conf",
    "--module",
];

/// What the user asked for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Arguments {
    /// An engine's address to use in place of this host's own.
    pub(crate) url: Option<String>,
    /// Global options for `cove`.
    pub(crate) engine: Vec<OsString>,
}

/// Reads the command line, without the program's name.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Arguments, String> {
    let mut parsed = Arguments::default();
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        let text = argument.to_string_lossy().into_owned();
        let (name, joined) = match text.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(OsString::from(value))),
            None => (text.clone(), None),
        };
        let is_url = name == "--url";
        if !is_url && !ENGINE_OPTIONS.contains(&name.as_str()) {
            return Err(format!(
                "unknown option {text:?}: known are --url ADDRESS and, for this computer's engine, {}",
                ENGINE_OPTIONS.join(", ")
            ));
        }
        let value = joined.or_else(|| arguments.next()).ok_or_else(|| format!("{name} needs a value"))?;
        if is_url {
            parsed.url = Some(value.into_string().map_err(|_| "--url is no UTF-8".to_owned())?);
        } else {
            parsed.engine.extend([name.into(), value]);
        }
    }
    Ok(parsed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(texts: &[&str]) -> Result<Arguments, String> {
        parse(texts.iter().map(OsString::from))
    }

    #[test]
    fn reads_both_ways_of_giving_a_value() {
        let wanted = Arguments {
            url: Some("unix:///x".into()),
            engine: ["--root", "/r", "--runroot", "/q"].map(OsString::from).to_vec(),
        };
        assert_eq!(read(&["--url", "unix:///x", "--root=/r", "--runroot", "/q"]), Ok(wanted));
        assert_eq!(read(&[]), Ok(Arguments::default()));
        for wrong in [&["--nonsense"][..], &["--root"], &["x"]] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }
}
