//! Which keys of containers.conf and storage.conf do something here. A key that would do something under Podman and
//! nothing here must not be passed over in silence: it may be what keeps a container in its bounds.

use toml::{Table, Value};

use crate::error::ParseError;
use crate::spans::Spans;

/// What becomes of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// It is used, and its value is checked where it is.
    Used,
    /// One of these words is used, any other refused.
    OneOf(&'static [&'static str]),
    /// As `OneOf`, for a means of the engine that bounds no container. A distribution sets some for its Podman (Fedora
    /// the log driver `journald`), which nobody here has asked of Cove: in its file another word stands for our own.
    Means(&'static [&'static str]),
    /// What it is about does not exist here (conmon, a number of locks …), so there is nothing to obey.
    Moot,
    /// It is not done yet: any value but the built-in one (or one that asks for nothing) is refused.
    Refused,
}

/// What is to be said about a file that is taken.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Notes {
    /// Unknown keys that somebody of this host has written.
    pub(crate) warnings: Vec<String>,
    /// What the distribution has written and is not done.
    pub(crate) remarks: Vec<String>,
}

/// The keys of a kind of file.
pub(crate) struct Rules {
    /// Sections by their paths, with the keys of each.
    pub(crate) sections: &'static [(&'static str, &'static [(&'static str, Use)])],
    /// The variable that names a file to be read in place of all.
    pub(crate) variable: &'static str,
}

impl Rules {
    /// Checks every key of a text that has been parsed. `built_in` are the values where no file says otherwise;
    /// `by_vendor` is for the distribution's own file.
    ///
    /// # Errors
    /// The first key whose value is not done here, with its line.
    pub(crate) fn check(&self, text: &str, built_in: &Table, by_vendor: bool) -> Result<Notes, ParseError> {
        let Ok(file) = toml::from_str::<Table>(text) else { return Ok(Notes::default()) };
        let mut check = Check { rules: self, spans: Spans::of(text), by_vendor, notes: Notes::default() };
        check.table("", &file, Some(built_in))?;
        Ok(check.notes)
    }

    fn section(&self, path: &str) -> Option<&'static [(&'static str, Use)]> {
        self.sections.iter().find(|(name, _)| *name == path).map(|(_, keys)| *keys)
    }
}

/// The check of one text.
struct Check<'a> {
    rules: &'a Rules,
    spans: Spans<'a>,
    by_vendor: bool,
    notes: Notes,
}

impl Check<'_> {
    fn table(&mut self, path: &str, table: &Table, built_in: Option<&Table>) -> Result<(), ParseError> {
        let known = self.rules.section(path).unwrap_or_default();
        for (key, value) in table {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            let built_in = built_in.and_then(|built_in| built_in.get(key));
            if let (Some(_), Value::Table(table)) = (self.rules.section(&path), value) {
                self.table(&path, table, built_in.and_then(Value::as_table))?;
                continue;
            }
            if let Some((_, usage)) =
                known.iter().find(|(name, _)| name == key || name.replace('_', "-") == *key)
            {
                self.key(&path, *usage, value, built_in)?;
                continue;
            }
            // A headline with nothing below it, as old files have for drivers that are no more, says nothing.
            if value.as_table().is_some_and(Table::is_empty) {
                continue;
            }
            let warning = self.at_line(&path, format!("unknown key {path:?} is ignored"));
            if self.by_vendor { &mut self.notes.remarks } else { &mut self.notes.warnings }.push(warning);
        }
        Ok(())
    }

    fn key(
        &mut self,
        path: &str,
        usage: Use,
        value: &Value,
        built_in: Option<&Value>,
    ) -> Result<(), ParseError> {
        let reason = match usage {
            Use::Used | Use::Moot => return Ok(()),
            Use::OneOf(words) | Use::Means(words) => {
                let given = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                if given.is_empty() || words.contains(&given.as_str()) {
                    return Ok(());
                }
                if self.by_vendor && matches!(usage, Use::Means(_)) {
                    let remark =
                        format!("{path}: {given:?} is not supported by this version, which uses its own");
                    self.notes.remarks.push(self.at_line(path, remark));
                    return Ok(());
                }
                format!("{given:?} is not supported by this version, only {}", words.join(", "))
            }
            Use::Refused if asks_for_nothing(value, built_in) => return Ok(()),
            Use::Refused => format!(
                "this key is not supported yet, and Cove does not ignore it: take it out, or name a file of Cove's \
                 own in the variable {}",
                self.rules.variable
            ),
        };
        Err(ParseError { line: self.spans.line_of(path), message: format!("{path}: {reason}") })
    }

    fn at_line(&self, path: &str, text: String) -> String {
        match self.spans.line_of(path) {
            Some(line) => format!("line {line}: {text}"),
            None => text,
        }
    }
}

/// Whether a value changes nothing.
fn asks_for_nothing(value: &Value, built_in: Option<&Value>) -> bool {
    match built_in {
        Some(built_in) => value == built_in,
        None => match value {
            Value::String(text) => text.is_empty(),
            Value::Array(list) => list.is_empty(),
            Value::Table(table) => table.is_empty(),
            Value::Boolean(value) => !value,
            Value::Integer(number) => *number == 0,
            Value::Float(_) | Value::Datetime(_) => false,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::containers::ContainersConf;

    /// The warnings about a text.
    fn check(text: &str) -> Result<Vec<String>, ParseError> {
        ContainersConf::parse(text).map(|(_, warnings)| warnings)
    }

    #[test]
    fn what_is_not_obeyed_is_refused_with_its_line() {
        for (text, line, expected) in [
            ("[containers]\n\nkeyring = false\n", 3, "containers.keyring"),
            (
                "[containers]\nlog_driver = \"syslog\"",
                2,
                "\"syslog\" is not supported by this version, only k8s-file",
            ),
            ("[containers]\nlog_driver = \"journald\"", 2, "journald"),
            ("[containers]\nnetns = \"container:x\"", 2, "containers.netns"),
            ("[containers]\nkeyring = false", 2, "containers.keyring"),
            ("[engine]\nretry = 5", 2, "engine.retry"),
            ("[engine]\nimage_default_format = \"v2s1\"", 2, "engine.image_default_format"),
            ("[engine]\nchown_copied_files = false", 2, "engine.chown_copied_files"),
            ("[engine]\nenv = [\"A=1\"]", 2, "engine.env"),
            ("[engine]\nevents_logger = \"syslog\"", 2, "engine.events_logger"),
            ("[network]\nnetavark_plugin_dirs = [\n  \"/x\",\n]", 2, "network.netavark_plugin_dirs"),
            ("[network]\nfirewall_driver = \"iptables\"", 2, "network.firewall_driver"),
            ("[engine.volume_plugins]\nx = \"/run/x.sock\"", 1, "engine.volume_plugins"),
        ] {
            let error = check(text).expect_err(text);
            assert!(error.message.contains(expected), "{text}: {error}");
            assert_eq!(error.line, Some(line), "{text}: {error}");
        }
    }

    #[test]
    fn what_asks_for_nothing_or_is_done_passes() {
        for text in [
            "",
            "[containers]\nvolumes = []\nuserns = \"\"\nread_only = true\nkeyring = true\nlog_driver = \"none\"",
            "[engine]\nretry = 3\nnum_locks = 4096\nruntime = \"runc\"\nevents_logger = \"file\"",
            "[network]\nnetwork_backend = \"netavark\"\n[machine]\ncpus = 2\n[farms]\ndefault = \"x\"",
            "[containers]\nenv = [\n  \"A=1\",\n  \"B=2\", # more\n  {append = true},\n]\n[engine.runtimes]\nx = [\"/x\"]",
        ] {
            assert_eq!(check(text), Ok(Vec::new()), "{text}");
        }
        let unknown = check("colour = 1\n[engine]\nspeed = 2\n[more]\nx = 1").unwrap();
        assert_eq!(
            unknown,
            [
                "line 1: unknown key \"colour\" is ignored",
                "line 3: unknown key \"engine.speed\" is ignored",
                "line 4: unknown key \"more\" is ignored",
            ]
        );
    }

    #[test]
    fn what_distributions_set_for_their_podman_is_no_error() {
        // Fedora; RHEL 8; Debian.
        for (text, remarks) in [
            ("[containers]\nlog_driver = \"journald\"\n[engine]\nruntime = \"crun\"", 1),
            ("[engine]\nevents_logger = \"syslog\"\n[network]\nnetwork_backend = \"cni\"", 2),
            (
                "[containers]\ndefault_sysctls = [\"net.ipv4.ping_group_range=0 0\"]\n[engine.volume_plugins]",
                0,
            ),
        ] {
            let (_, notes) = ContainersConf::read(text, true).expect(text);
            assert_eq!((notes.remarks.len(), notes.warnings.len()), (remarks, 0), "{text}");
        }
        let (_, notes) = ContainersConf::read("[containers]\n\nlog_driver = \"journald\"", true).unwrap();
        let expected = "line 3: containers.log_driver: \"journald\" is not supported by this version, which uses its own";
        assert_eq!(notes.remarks, [expected]);
        // What bounds a container is refused, whoever wrote it.
        assert!(ContainersConf::read("[containers]\nkeyring = false", true).is_err());
    }

    #[test]
    fn the_built_in_values_are_all_obeyed() {
        let text = toml::to_string(&ContainersConf::built_in()).unwrap();
        assert_eq!(check(&text), Ok(Vec::new()));
    }
}
