//! Variables: `ARG`, `ENV`, what the user gives, and what every build has.

use std::collections::BTreeMap;

use crate::error::Result;
use crate::language::{Expander, Heredoc};

/// Those that no `ARG` need declare, and that leave no trace.
pub(crate) const PROXIES: [&str; 11] = [
    "HTTP_PROXY",
    "http_proxy",
    "HTTPS_PROXY",
    "https_proxy",
    "FTP_PROXY",
    "ftp_proxy",
    "NO_PROXY",
    "no_proxy",
    "ALL_PROXY",
    "all_proxy",
    "SOURCE_DATE_EPOCH",
];

/// The platforms of a build, each `OS/ARCH[/VARIANT]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Platforms {
    /// Where it runs.
    pub build: String,
    /// What it is for.
    pub target: String,
}

impl Platforms {
    fn variables(&self) -> BTreeMap<String, String> {
        let mut all = BTreeMap::new();
        for (prefix, platform) in [("BUILD", &self.build), ("TARGET", &self.target)] {
            let mut parts = platform.splitn(3, '/');
            let mut next = || parts.next().unwrap_or_default().to_owned();
            all.insert(format!("{prefix}OS"), next());
            all.insert(format!("{prefix}ARCH"), next());
            all.insert(format!("{prefix}VARIANT"), next());
            all.insert(format!("{prefix}PLATFORM"), platform.clone());
        }
        all
    }
}

/// The variables at a place of a build file.
#[derive(Debug, Clone)]
pub struct Scope {
    escape: char,
    /// What the user gave with `--build-arg`.
    given: BTreeMap<String, String>,
    /// Before the first stage, with what every build has.
    global: BTreeMap<String, String>,
    /// `ARG` of the stage.
    arguments: BTreeMap<String, String>,
    /// Variables of the image, which come first.
    environment: BTreeMap<String, String>,
}

impl Scope {
    /// The variables before the first `ARG`.
    #[must_use]
    pub fn new(escape: char, given: BTreeMap<String, String>, platforms: &Platforms, target: &str) -> Self {
        let mut global = platforms.variables();
        let target = if target.is_empty() { "default" } else { target };
        global.insert("TARGETSTAGE".into(), target.into());
        for (name, value) in &mut global {
            if let Some(given) = given.get(name) {
                value.clone_from(given);
            }
        }
        Self { escape, given, global, arguments: BTreeMap::new(), environment: BTreeMap::new() }
    }

    /// An `ARG` before the first stage.
    ///
    /// # Errors
    /// A value has no meaning.
    pub fn declare_global(&mut self, all: &[(String, Option<String>)]) -> Result<()> {
        for (name, default) in all {
            let value = match (self.given.get(name), default) {
                (Some(given), _) => Some(given.clone()),
                (None, Some(default)) => Some(self.global_word(default)?),
                (None, None) => None,
            };
            if let Some(value) = value {
                self.global.insert(name.clone(), value);
            }
        }
        Ok(())
    }

    /// A word of a `FROM`, or of what names a stage.
    ///
    /// # Errors
    /// It has no meaning.
    pub fn global_word(&self, word: &str) -> Result<String> {
        let lookup = |name: &str| self.global.get(name).cloned();
        Expander { escape: self.escape, lookup: &lookup, variables: true }.word(word)
    }

    /// The variables at the begin of a stage whose image has these.
    #[must_use]
    pub fn stage(&self, environment: &[String]) -> Self {
        let mut scope = self.clone();
        scope.arguments.clear();
        scope.set_environment(environment);
        scope
    }

    /// The image's variables are these now.
    pub fn set_environment(&mut self, environment: &[String]) {
        let pairs = environment.iter().map(|entry| entry.split_once('=').unwrap_or((entry, "")));
        self.environment = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    }

    /// An `ARG` in a stage. What is given comes before the default, what is global after it.
    ///
    /// # Errors
    /// A value has no meaning.
    pub fn declare(&mut self, all: &[(String, Option<String>)]) -> Result<()> {
        for (name, default) in all {
            let value = match (self.given.get(name), default) {
                (Some(given), _) => Some(given.clone()),
                (None, Some(default)) => Some(self.word(default)?),
                (None, None) => self.global.get(name).cloned(),
            };
            if let Some(value) = value {
                self.arguments.insert(name.clone(), value);
            }
        }
        Ok(())
    }

    fn value(&self, name: &str) -> Option<String> {
        self.environment.get(name).or_else(|| self.arguments.get(name)).cloned()
    }

    /// A word without quotes and with its variables replaced.
    ///
    /// # Errors
    /// It has no meaning.
    pub fn word(&self, word: &str) -> Result<String> {
        let lookup = |name: &str| self.value(name);
        Expander { escape: self.escape, lookup: &lookup, variables: true }.word(word)
    }

    /// The same for several.
    ///
    /// # Errors
    /// One of them has no meaning.
    pub fn words(&self, words: &[String]) -> Result<Vec<String>> {
        words.iter().map(|word| self.word(word)).collect()
    }

    /// The text of a document, with its variables replaced where it wants that.
    ///
    /// # Errors
    /// It has no meaning.
    pub fn document(&self, heredoc: &Heredoc) -> Result<String> {
        if !heredoc.expand {
            return Ok(heredoc.text.clone());
        }
        let lookup = |name: &str| self.value(name);
        Expander { escape: self.escape, lookup: &lookup, variables: true }.document(&heredoc.text)
    }

    /// The arguments that a command sees as variables, by name: those that no variable of the image hides.
    #[must_use]
    pub fn visible(&self) -> BTreeMap<String, String> {
        let hidden = |name: &String| self.environment.contains_key(name);
        self.arguments
            .iter()
            .filter(|(name, _)| !hidden(name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }

    /// The proxies that were given, which a command sees and a cache does not.
    #[must_use]
    pub fn proxies(&self) -> BTreeMap<String, String> {
        let is_proxy = |name: &&String| PROXIES.contains(&name.as_str());
        let names = self.given.keys().filter(is_proxy).filter(|name| !self.arguments.contains_key(*name));
        names.map(|name| (name.clone(), self.given[name].clone())).collect()
    }

    /// Names that were given and that no `ARG` of these has taken.
    #[must_use]
    pub fn unused<'a>(&'a self, declared: &std::collections::BTreeSet<String>) -> Vec<&'a str> {
        let known = |name: &&String| {
            declared.contains(*name) || self.global.contains_key(*name) || PROXIES.contains(&name.as_str())
        };
        self.given.keys().filter(|name| !known(name)).map(String::as_str).collect()
    }
}
