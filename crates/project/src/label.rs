//! The labels by which docker-compose finds what is a project's.

/// The project's name.
pub const PROJECT: &str = "com.docker.compose.project";
/// The service's name.
pub const SERVICE: &str = "com.docker.compose.service";
/// The hash of what the service, network or volume is to be.
pub const CONFIG_HASH: &str = "com.docker.compose.config-hash";
/// The number of a service's container, from 1 on.
pub const NUMBER: &str = "com.docker.compose.container-number";
/// The key of a volume in the file.
pub const VOLUME: &str = "com.docker.compose.volume";
/// The key of a network in the file.
pub const NETWORK: &str = "com.docker.compose.network";
/// The project's folder.
pub const WORKING_DIR: &str = "com.docker.compose.project.working_dir";
/// The project's files, with commas in between.
pub const CONFIG_FILES: &str = "com.docker.compose.project.config_files";
/// The files that `--env-file` named, with commas in between.
pub const ENVIRONMENT_FILE: &str = "com.docker.compose.project.environment_file";
/// `True` for containers of `run`.
pub const ONE_OFF: &str = "com.docker.compose.oneoff";
/// What makes the name of a container of `run` its own.
pub const SLUG: &str = "com.docker.compose.slug";
/// The id of the image.
pub const IMAGE: &str = "com.docker.compose.image";
/// What the service depends on: `SERVICE:CONDITION:RESTART`, with commas in between.
pub const DEPENDS_ON: &str = "com.docker.compose.depends_on";
/// The version of docker-compose whose conventions these are.
pub const VERSION: &str = "com.docker.compose.version";
/// The container that this one takes the place of.
pub const REPLACE: &str = "com.docker.compose.replace";

/// The value of [`VERSION`].
pub const VERSION_VALUE: &str = "2.40.3";
