//! The options of a build.

use super::platform::PlatformArgs;
use super::sbom::SbomArgs;
use crate::args::registry::RegistryArgs;
use crate::args::signing::DecryptionArgs;
use crate::args::spec::ResourceArgs;
use crate::command_error::CommandError;

/// Build an image of a build file and what is beside it
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder with what the image is built of; "-" reads the build file, or a tar of the folder, from standard input
    #[arg(value_name = "CONTEXT")]
    pub(super) words: Vec<String>,
    /// Build file; "-" is standard input
    #[arg(long, short, value_name = "FILE")]
    pub(super) file: Vec<String>,
    /// Name of the image
    #[arg(long, short, value_name = "NAME")]
    pub(super) tag: Vec<String>,
    /// What the first stage begins with, in place of what the build file says
    #[arg(long, value_name = "IMAGE")]
    pub(super) from: Option<String>,
    /// Further context for FROM and --from: NAME=FOLDER, NAME=ADDRESS or NAME=docker-image://IMAGE
    #[arg(long, value_name = "CONTEXT")]
    pub(super) build_context: Vec<String>,
    /// Options of cpp(1), which reads build files that end in .in
    #[arg(long, value_name = "FLAGS", allow_hyphen_values = true)]
    pub(super) cpp_flag: Vec<String>,
    /// Where the files of the image go: a folder, - for a tar, or type=local|tar|oci|docker,dest=PATH
    #[arg(long, short, value_name = "OUTPUT")]
    pub(super) output: Vec<String>,
    /// Stage that becomes the image
    #[arg(long, value_name = "STAGE")]
    pub(super) target: Option<String>,
    /// Value for an ARG, NAME[=VALUE]; without a value that of the environment
    #[arg(long, value_name = "ARGUMENT")]
    pub(super) build_arg: Vec<String>,
    /// File with lines NAME=VALUE for ARGs
    #[arg(long, value_name = "FILE")]
    pub(super) build_arg_file: Vec<String>,
    /// Label that is added, NAME[=VALUE]
    #[arg(long, value_name = "LABEL")]
    pub(super) label: Vec<String>,
    /// Annotation of the manifest, NAME[=VALUE]
    #[arg(long, value_name = "ANNOTATION")]
    pub(super) annotation: Vec<String>,
    /// Annotation of the base that the image does not keep
    #[arg(long, value_name = "NAME")]
    pub(super) unsetannotation: Vec<String>,
    /// Keep the annotations of the base
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(super) inherit_annotations: Option<bool>,
    /// Keep the labels of the base
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(super) inherit_labels: Option<bool>,
    /// Annotate the image with the time it was made
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(super) created_annotation: Option<bool>,
    /// Label of the images that are made on the way, NAME[=VALUE]
    #[arg(long, value_name = "LABEL")]
    pub(super) layer_label: Vec<String>,
    /// Label the image with the version of its builder, which is never done
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(super) identity_label: Option<bool>,
    /// Keep the images of stages, which is always done
    #[arg(long)]
    pub(super) save_stages: bool,
    /// Label the images of stages with the name and the base of their stage; needs --save-stages
    #[arg(long)]
    pub(super) stage_labels: bool,
    /// Variable that is added to the image, NAME[=VALUE]
    #[arg(long, value_name = "VARIABLE")]
    pub(super) env: Vec<String>,
    /// Variable that the image does not keep
    #[arg(long, value_name = "NAME")]
    pub(super) unsetenv: Vec<String>,
    /// Label of the base that the image does not keep
    #[arg(long, value_name = "NAME")]
    pub(super) unsetlabel: Vec<String>,
    /// Format of the image: oci or docker
    #[arg(long, value_name = "FORMAT")]
    pub(super) format: Option<String>,
    /// When to ask registries for images: always, missing, newer, never (default "missing")
    #[arg(long, value_name = "POLICY", num_args = 0..=1, require_equals = true, default_missing_value = "always")]
    pub(super) pull: Option<String>,
    /// The same as --pull=always
    #[arg(long)]
    pub(super) pull_always: bool,
    /// The same as --pull=never
    #[arg(long)]
    pub(super) pull_never: bool,
    /// Use nothing of earlier builds
    #[arg(long)]
    pub(super) no_cache: bool,
    /// Repository with images of steps that are used as those of earlier builds are, or type=local,src=FOLDER
    #[arg(long, value_name = "REPOSITORY")]
    pub(super) cache_from: Vec<String>,
    /// Repository that the images of all steps are brought to, or type=local,dest=FOLDER
    #[arg(long, value_name = "REPOSITORY")]
    pub(super) cache_to: Vec<String>,
    /// How old an image of an earlier build may be that is used, such as 24h; 0 uses none
    #[arg(long, value_name = "DURATION")]
    pub(super) cache_ttl: Option<String>,
    /// Every step becomes an image that later builds use
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(super) layers: Option<bool>,
    /// All that is new becomes one layer
    #[arg(long)]
    pub(super) squash: bool,
    /// The whole image becomes one layer
    #[arg(long)]
    pub(super) squash_all: bool,
    /// Say nothing but the id
    #[arg(long, short)]
    pub(super) quiet: bool,
    /// File that the id of the image is written to, after "sha256:"
    #[arg(long, value_name = "FILE")]
    pub(super) iidfile: Option<String>,
    /// File that the id of the image alone is written to
    #[arg(long, value_name = "FILE")]
    pub(super) iidfile_raw: Option<String>,
    /// Say what is suspicious in the build file, and build nothing
    #[arg(long)]
    pub(super) check: bool,
    /// File that facts about the image are written to, as JSON
    #[arg(long, value_name = "FILE")]
    pub(super) metadata_file: Option<String>,
    /// Put the image into the store, which is always done
    #[arg(long)]
    pub(super) load: bool,
    /// How progress is shown: auto, plain, tty, quiet
    #[arg(long, value_name = "KIND")]
    pub(super) progress: Option<String>,
    /// File that the output is written to
    #[arg(long, value_name = "FILE")]
    pub(super) logfile: Option<String>,
    /// A file for each platform in place of --logfile, with the platform at the end of its name: FILE_OS_ARCH
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(super) logsplit: Option<bool>,
    /// File with what is ignored of the context, in place of its own
    #[arg(long, value_name = "FILE")]
    pub(super) ignorefile: Option<String>,
    /// Seconds since 1970 that the image and everything new in it is from
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    pub(super) timestamp: Option<i64>,
    /// Seconds since 1970 that the image says it was made (SOURCE_DATE_EPOCH)
    #[arg(long, value_name = "SECONDS")]
    pub(super) source_date_epoch: Option<i64>,
    /// What is new in the image is from --source-date-epoch at the latest
    #[arg(long)]
    pub(super) rewrite_timestamp: bool,
    /// Keep nothing of how the image was made
    #[arg(long)]
    pub(super) omit_history: bool,
    /// Leave out stages that the target does not need
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(super) skip_unused_stages: Option<bool>,
    /// Most stages that are built at a time, 0 for all; without it as many as there are processors
    #[arg(long, value_name = "NUMBER")]
    pub(super) jobs: Option<u32>,
    /// Remove working containers after a build, which is always done
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(super) rm: Option<bool>,
    /// Remove working containers after a failure, which is always done
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(super) force_rm: Option<bool>,
    /// Variables that come before those of the environment: a Compose project's.
    #[arg(skip)]
    pub(super) variables: Vec<(String, String)>,
    /// Secret for RUN --mount=type=secret: id=ID[,src=FILE|,env=VARIABLE]
    #[arg(long, value_name = "SECRET")]
    pub(super) secret: Vec<String>,
    /// Agent with keys for RUN --mount=type=ssh: ID[=SOCKET], by default that of SSH_AUTH_SOCK
    #[arg(long, value_name = "AGENT")]
    pub(super) ssh: Vec<String>,
    /// Rules for where base images and what ADD fetches may come from: a source policy of BuildKit, as JSON
    #[arg(long, value_name = "FILE")]
    pub(super) source_policy_file: Option<String>,
    /// How commands are confined: oci or rootless, as containers are; chroot, which shares processes, network and names
    /// with the engine's host
    #[arg(long, value_name = "KIND")]
    pub(super) isolation: Option<String>,
    /// Give commands the standard input of this one
    #[arg(long)]
    pub(super) stdin: bool,
    /// Throw away what commands change at the places of volumes
    #[arg(long)]
    pub(super) compat_volumes: bool,
    /// Accepted for scripts written for Docker, and without effect
    #[arg(long)]
    pub(super) compress: bool,
    /// Accepted for scripts written for Docker, and without effect
    #[arg(long)]
    pub(super) disable_content_trust: bool,
    /// Layers are kept uncompressed, which is always done
    #[arg(long, short = 'D', value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(super) disable_compression: Option<bool>,
    #[command(flatten)]
    pub(super) sbom: SbomArgs,
    #[command(flatten)]
    pub(super) decryption: DecryptionArgs,
    #[command(flatten)]
    pub(super) platform: PlatformArgs,
    #[command(flatten)]
    pub(super) registry: RegistryArgs,
    #[command(flatten)]
    pub(super) commands: CommandArgs,
    #[command(flatten)]
    pub(super) resources: ResourceArgs,
}

// How the commands of a build are run.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct CommandArgs {
    /// Network of commands: private, host, none, pasta, or a network's name
    #[arg(long, visible_alias = "net", value_name = "NETWORK", help_heading = "Commands")]
    pub(super) network: Vec<String>,
    /// Folder or file of the host that commands have: SOURCE:DESTINATION[:OPTIONS]
    #[arg(long, short, value_name = "VOLUME", help_heading = "Commands")]
    pub(super) volume: Vec<String>,
    /// Mount of every command, written as after RUN --mount
    #[arg(long, value_name = "MOUNT", help_heading = "Commands")]
    pub(super) mount: Vec<String>,
    /// Device of the host that commands have: HOST[:CONTAINER[:PERMISSIONS]]
    #[arg(long, value_name = "DEVICE", help_heading = "Commands")]
    pub(super) device: Vec<String>,
    /// Line for /etc/hosts of commands, NAME:ADDRESS
    #[arg(long, value_name = "HOST", help_heading = "Commands", value_delimiter = ',')]
    pub(super) add_host: Vec<String>,
    /// Leave the image's /etc/hosts as it is
    #[arg(long, help_heading = "Commands")]
    pub(super) no_hosts: bool,
    /// Leave the image's /etc/hostname as it is
    #[arg(long, help_heading = "Commands")]
    pub(super) no_hostname: bool,
    /// Name server of commands
    #[arg(long, value_name = "ADDRESS", help_heading = "Commands", value_delimiter = ',')]
    pub(super) dns: Vec<String>,
    /// Option of commands' resolver
    #[arg(long, value_name = "OPTION", help_heading = "Commands", value_delimiter = ',')]
    pub(super) dns_option: Vec<String>,
    /// Search domain of commands
    #[arg(long, value_name = "DOMAIN", help_heading = "Commands", value_delimiter = ',')]
    pub(super) dns_search: Vec<String>,
    /// Capability that commands have
    #[arg(long, value_name = "CAPABILITY", help_heading = "Commands", value_delimiter = ',')]
    pub(super) cap_add: Vec<String>,
    /// Capability that commands have not
    #[arg(long, value_name = "CAPABILITY", help_heading = "Commands", value_delimiter = ',')]
    pub(super) cap_drop: Vec<String>,
    /// Security option such as seccomp=FILE
    #[arg(long, value_name = "OPTION", help_heading = "Commands")]
    pub(super) security_opt: Vec<String>,
    /// Further group of commands' user
    #[arg(long, value_name = "GROUP", help_heading = "Commands")]
    pub(super) group_add: Vec<String>,
    /// Resource limit of commands, NAME=SOFT[:HARD]
    #[arg(long, value_name = "LIMIT", help_heading = "Commands", value_delimiter = ',')]
    pub(super) ulimit: Vec<String>,
    /// Size of commands' /dev/shm
    #[arg(long, value_name = "SIZE", help_heading = "Commands")]
    pub(super) shm_size: Option<String>,
    /// Parent control group
    #[arg(long, value_name = "PATH", help_heading = "Commands")]
    pub(super) cgroup_parent: Option<String>,
    /// User namespace of commands: host, that of the engine
    #[arg(long, value_name = "MODE", help_heading = "Commands")]
    pub(super) userns: Option<String>,
    /// Process namespace of commands: host, private, ns:PATH
    #[arg(long, value_name = "MODE", help_heading = "Commands")]
    pub(super) pid: Option<String>,
    /// IPC namespace of commands: host, private, ns:PATH
    #[arg(long, value_name = "MODE", help_heading = "Commands")]
    pub(super) ipc: Option<String>,
    /// UTS namespace of commands: host, private, ns:PATH
    #[arg(long, value_name = "MODE", help_heading = "Commands")]
    pub(super) uts: Option<String>,
    /// Control group namespace of commands: host, private, ns:PATH
    #[arg(long, value_name = "MODE", help_heading = "Commands")]
    pub(super) cgroupns: Option<String>,
    /// Pass the proxy variables of the environment to commands
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", help_heading = "Commands")]
    pub(super) http_proxy: Option<bool>,
}

impl Args {
    /// Refuses what contradicts itself and what is not done.
    pub(super) fn check(&self) -> Result<(), CommandError> {
        crate::args::at_most(&self.words, 1)?;
        let given = |count: &[bool]| count.iter().filter(|given| **given).count();
        if given(&[self.pull.is_some(), self.pull_always, self.pull_never]) > 1 {
            return Err(CommandError::other(
                "can only set one of 'pull' or 'pull-always' or 'pull-never' or 'pull=newer'",
            ));
        }
        if self.squash && self.squash_all {
            return Err(CommandError::other("cannot specify --squash-all with --squash"));
        }
        if self.layers == Some(true) && (self.squash || self.squash_all) {
            let name = if self.squash { "--squash" } else { "--squash-all" };
            return Err(CommandError::other(format!("cannot specify {name} with --layers")));
        }
        if self.stage_labels && !self.save_stages {
            return Err(CommandError::other("--stage-labels requires --save-stages"));
        }
        if let Some(kind) = self.progress.as_deref()
            && !matches!(kind, "" | "auto" | "plain" | "tty" | "quiet" | "rawjson")
        {
            return Err(CommandError::other(format!(
                "invalid progress mode {kind:?}: auto, plain, tty or quiet"
            )));
        }
        if self.progress.as_deref() == Some("rawjson") {
            return Err(CommandError::other("--progress=rawjson is not supported"));
        }
        if let Some(mode) = self.commands.userns.as_deref()
            && !matches!(mode, "" | "host")
        {
            return Err(CommandError::other(format!(
                "--userns={mode} is not supported: commands have the user namespace of the engine"
            )));
        }
        if self.identity_label == Some(true) {
            return Err(CommandError::other("--identity-label is not supported: images name no builder"));
        }
        if self.timestamp.is_some() && self.source_date_epoch.is_some() {
            return Err(CommandError::other(
                "--timestamp and --source-date-epoch would both set the image creation date: cannot use both",
            ));
        }
        if self.rm == Some(false) {
            return Err(CommandError::other(
                "--rm=false is not supported: working containers are always removed",
            ));
        }
        if self.disable_compression == Some(false) {
            return Err(CommandError::other(
                "--disable-compression=false is not supported: layers are compressed when they are pushed",
            ));
        }
        if self.stdin
            && (self.words.first().is_some_and(|word| word == "-")
                || self.file.iter().any(|file| file == "-"))
        {
            return Err(CommandError::other(
                "--stdin: standard input is the context or the build file already",
            ));
        }
        if self.logsplit == Some(true) && self.logfile.as_deref().unwrap_or_default().is_empty() {
            return Err(CommandError::other("--logsplit needs --logfile"));
        }
        Ok(())
    }
}
