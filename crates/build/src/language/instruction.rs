//! What a build file can say.

use super::lines::Heredoc;

/// An instruction, its variables not yet replaced but for those that the language never replaces.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are those of the language")]
pub enum Instruction {
    From(From),
    /// Names, with their defaults where they have one.
    Arg(Vec<(String, Option<String>)>),
    Env(Vec<(String, String)>),
    Label(Vec<(String, String)>),
    Run(Run),
    Copy(Copying),
    Add(Copying),
    Workdir(String),
    User(String),
    Cmd(Command),
    Entrypoint(Command),
    Expose(Vec<String>),
    Volume(Vec<String>),
    Shell(Vec<String>),
    /// [`None`] takes the base's away.
    HealthCheck(Option<HealthCheck>),
    StopSignal(String),
    /// The instruction as text.
    OnBuild(String),
    Maintainer(String),
}

/// `FROM`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct From {
    /// An image, a stage before, or `scratch`.
    pub image: String,
    /// `AS`, in lower case.
    pub name: Option<String>,
    /// `--platform`.
    pub platform: Option<String>,
}

/// A command: a line for a shell, or words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// For the shell.
    Shell(String),
    /// As it is.
    Exec(Vec<String>),
}

/// `RUN`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// What is run.
    pub command: Command,
    /// Documents in it.
    pub heredocs: Vec<Heredoc>,
    /// The whole command is the first document.
    pub is_script: bool,
    /// `--mount`, each as it is written.
    pub mounts: Vec<String>,
    /// `--network`.
    pub network: Option<String>,
    /// `--security=insecure`.
    pub insecure: bool,
    /// `--device`.
    pub devices: Vec<String>,
}

/// `COPY` and `ADD`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Copying {
    /// Paths, patterns, URLs.
    pub sources: Vec<String>,
    /// Documents that are sources, too.
    pub heredocs: Vec<Heredoc>,
    /// Where to.
    pub destination: String,
    /// A stage, an image or a further context.
    pub from: Option<String>,
    /// `user[:group]`.
    pub chown: Option<String>,
    /// Permission bits, in octal or as chmod(1) has them.
    pub chmod: Option<String>,
    /// Independent of what is below.
    pub link: bool,
    /// With the folders that the sources are in.
    pub parents: bool,
    /// Patterns of what is left out.
    pub exclude: Vec<String>,
    /// What a file from a URL must have.
    pub checksum: Option<String>,
    /// With `.git`.
    pub keep_git_dir: bool,
    /// Whether archives are unpacked.
    pub unpack: Option<bool>,
}

/// `HEALTHCHECK`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HealthCheck {
    /// `CMD` or `CMD-SHELL` and what is run.
    pub test: Vec<String>,
    /// Nanoseconds; 0 is the default.
    pub interval: i64,
    /// Nanoseconds; 0 is the default.
    pub timeout: i64,
    /// Nanoseconds; 0 is the default.
    pub start_period: i64,
    /// Nanoseconds; 0 is the default.
    pub start_interval: i64,
    /// Failures in a row; 0 is the default.
    pub retries: i64,
}

/// A file that a mount shows, which is a secret or a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileMount {
    /// Which.
    pub id: String,
    /// Where; [`None`] is the usual place.
    pub target: Option<String>,
    /// The build fails without it.
    pub required: bool,
    /// The variable that gets it; for secrets.
    pub env: Option<String>,
    /// Permission bits.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
}
