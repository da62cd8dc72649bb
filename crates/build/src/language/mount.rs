//! `RUN --mount=…`.

use super::instruction::FileMount;
use crate::error::{BuildError, Result};

/// What is mounted while a command runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunMount {
    /// Where; of files, see [`FileMount::target`].
    pub target: String,
    /// What.
    pub kind: MountKind,
}

/// The kinds of mounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MountKind {
    /// A path of the context, a stage or an image.
    Bind {
        /// Of what; [`None`] is the context.
        from: Option<String>,
        /// The path in it.
        source: String,
        /// What is written is thrown away.
        writable: bool,
    },
    /// A folder that builds keep.
    Cache {
        /// Its name.
        id: String,
        /// What it begins with.
        from: Option<String>,
        /// The path in that.
        source: String,
        /// Nothing can be written.
        read_only: bool,
        /// Who may have it at a time.
        sharing: CacheSharing,
        /// Permission bits of a new one.
        mode: u32,
        /// Owner of a new one.
        uid: u32,
        /// Group of a new one.
        gid: u32,
    },
    /// Memory.
    Tmpfs {
        /// Most bytes; [`None`] is no limit.
        size: Option<String>,
    },
    /// A secret.
    Secret(FileMount),
    /// The socket of an agent with keys.
    Ssh(FileMount),
}

/// Who may have a cache at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheSharing {
    /// Everybody.
    Shared,
    /// One after another.
    Locked,
    /// Everybody has one of his own.
    Private,
}

impl RunMount {
    /// Reads a mount whose variables are replaced.
    ///
    /// # Errors
    /// It is none.
    pub fn parse(text: &str) -> Result<Self> {
        let options = Options::parse(text)?;
        let mount = match options.kind.as_str() {
            "bind" => options.bind(),
            "cache" => options.cache(),
            "tmpfs" => options.tmpfs(),
            "secret" => options.file(true),
            "ssh" => options.file(false),
            other => Err(BuildError::new(format!("unsupported mount type {other:?}"))),
        };
        mount.map_err(|error| BuildError { message: format!("--mount={text}: {}", error.message), ..error })
    }
}

/// The options of a mount, of which each kind takes its own.
#[derive(Default)]
struct Options {
    kind: String,
    all: Vec<(String, Option<String>)>,
}

impl Options {
    fn parse(text: &str) -> Result<Self> {
        let mut options = Self { kind: "bind".into(), all: Vec::new() };
        for field in text.split(',') {
            let (name, value) = match field.split_once('=') {
                Some((name, value)) => (name, Some(unquoted(value))),
                None => (field, None),
            };
            let name = match name.trim().to_ascii_lowercase().as_str() {
                "src" => "source".to_owned(),
                "dst" | "destination" => "target".to_owned(),
                "ro" => "readonly".to_owned(),
                "rw" => "readwrite".to_owned(),
                other => other.to_owned(),
            };
            match (name.as_str(), value) {
                ("type", Some(value)) => options.kind = value,
                // What a build mounts is its own, and its commands may use it.
                ("relabel" | "z", _) => {}
                ("bind-propagation", Some(value)) if matches!(value.as_str(), "private" | "rprivate") => {}
                (_, value) => options.all.push((name, value)),
            }
        }
        Ok(options)
    }

    fn take(&mut self, name: &str) -> Option<String> {
        let index = self.all.iter().position(|(own, value)| own == name && value.is_some())?;
        self.all.remove(index).1
    }

    fn switch(&mut self, name: &str) -> Result<Option<bool>> {
        let Some(index) = self.all.iter().position(|(own, _)| own == name) else { return Ok(None) };
        match self.all.remove(index).1.as_deref() {
            None | Some("true" | "1") => Ok(Some(true)),
            Some("false" | "0") => Ok(Some(false)),
            Some(other) => Err(BuildError::new(format!("invalid value for {name}: {other}"))),
        }
    }

    /// Whether it can be written, where somebody said so.
    fn writable(&mut self) -> Result<Option<bool>> {
        let (read_only, writable) = (self.switch("readonly")?, self.switch("readwrite")?);
        Ok(writable.or(read_only.map(|read_only| !read_only)))
    }

    fn number(&mut self, name: &str, radix: u32, default: u32) -> Result<u32> {
        let Some(text) = self.take(name) else { return Ok(default) };
        u32::from_str_radix(&text, radix)
            .map_err(|_| BuildError::new(format!("invalid value for {name}: {text}")))
    }

    fn target(&mut self) -> Result<String> {
        self.take("target")
            .filter(|target| !target.is_empty())
            .ok_or_else(|| BuildError::new("it has no target"))
    }

    fn finish(self, target: String, kind: MountKind) -> Result<RunMount> {
        match self.all.first() {
            None => Ok(RunMount { target, kind }),
            Some((name, _)) => {
                Err(BuildError::new(format!("unexpected key {name:?} for mount type {:?}", self.kind)))
            }
        }
    }

    fn bind(mut self) -> Result<RunMount> {
        let kind = MountKind::Bind {
            from: self.take("from"),
            source: self.take("source").unwrap_or_else(|| "/".into()),
            writable: self.writable()?.unwrap_or(false),
        };
        let target = self.target()?;
        self.finish(target, kind)
    }

    fn cache(mut self) -> Result<RunMount> {
        let target = self.target()?;
        let sharing = match self.take("sharing").as_deref() {
            None | Some("shared") => CacheSharing::Shared,
            Some("locked") => CacheSharing::Locked,
            Some("private") => CacheSharing::Private,
            Some(other) => return Err(BuildError::new(format!("unsupported sharing value {other:?}"))),
        };
        let kind = MountKind::Cache {
            id: self.take("id").unwrap_or_else(|| target.clone()),
            from: self.take("from"),
            source: self.take("source").unwrap_or_else(|| "/".into()),
            read_only: self.writable()? == Some(false),
            sharing,
            mode: self.number("mode", 8, 0o755)?,
            uid: self.number("uid", 10, 0)?,
            gid: self.number("gid", 10, 0)?,
        };
        self.finish(target, kind)
    }

    fn tmpfs(mut self) -> Result<RunMount> {
        let target = self.target()?;
        let size = self.take("size").or_else(|| self.take("tmpfs-size"));
        self.finish(target, MountKind::Tmpfs { size })
    }

    fn file(mut self, is_secret: bool) -> Result<RunMount> {
        let target = self.take("target");
        let named = self.take("id").or_else(|| self.take("source"));
        let id = match (named, &target, is_secret) {
            (Some(id), _, _) => id,
            (None, Some(target), true) => target.rsplit('/').next().unwrap_or_default().to_owned(),
            (None, None, true) => return Err(BuildError::new("it has neither an id nor a target")),
            (None, _, false) => "default".into(),
        };
        let file = FileMount {
            id,
            env: if is_secret { self.take("env") } else { None },
            target: target.clone(),
            required: self.switch("required")?.unwrap_or(false),
            mode: self.number("mode", 8, if is_secret { 0o400 } else { 0o600 })?,
            uid: self.number("uid", 10, 0)?,
            gid: self.number("gid", 10, 0)?,
        };
        let kind = if is_secret { MountKind::Secret(file) } else { MountKind::Ssh(file) };
        self.finish(target.unwrap_or_default(), kind)
    }
}

fn unquoted(value: &str) -> String {
    let value = value.trim();
    for quote in ['"', '\''] {
        if let Some(inner) = value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)) {
            return inner.to_owned();
        }
    }
    value.to_owned()
}
