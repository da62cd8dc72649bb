//! The parameters of a build.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::values::{limit, list, on, other_context, packed_secret, pair, pairs, switch, volume};
use crate::{
    BuildContext, BuildIsolation, BuildOptions, ByteStream, CommitFormat, ContainerSpec, CpuLimits, Device,
    Error, MemoryLimits, Namespace, PullPolicy, Resources, Result,
};

const OCI: &str = "application/vnd.oci.image.manifest.v1+json";
const DOCKER: &str = "application/vnd.docker.distribution.manifest.v2+json";

/// The parameters of a build. Lists are JSON, or their values follow each other; Docker's spelling of them is read, too.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct BuildParameters {
    /// Paths of the build files in the context.
    #[serde(with = "list")]
    #[schemars(with = "String")]
    pub dockerfile: Vec<String>,
    /// Names of the image.
    pub t: Vec<String>,
    /// Tell nothing but the id.
    pub q: bool,
    /// Use nothing of earlier builds.
    pub nocache: bool,
    /// Repositories with images of steps that are used.
    #[serde(with = "list")]
    #[schemars(with = "String")]
    pub cachefrom: Vec<String>,
    /// Repositories that the images of steps are brought to.
    #[serde(with = "list")]
    #[schemars(with = "String")]
    pub cacheto: Vec<String>,
    /// How old an image of an earlier build may be, such as `24h`.
    pub cachettl: String,
    /// Look for newer images of the same names: Docker's clients give a text, which means it unless it says no.
    #[serde(deserialize_with = "switch")]
    #[schemars(with = "String")]
    pub pull: bool,
    /// `always`, `missing`, `never` or `newer`, in place of `pull`.
    pub pullpolicy: String,
    /// Working containers are always removed: no other value is done.
    #[serde(deserialize_with = "on")]
    pub rm: bool,
    /// The same after a failure.
    #[serde(deserialize_with = "on")]
    pub forcerm: bool,
    /// Every step is an image of its own.
    pub layers: bool,
    /// The whole image is one layer.
    pub squash: bool,
    /// Values for `ARG`; one without a value is not given.
    pub buildargs: BTreeMap<String, Option<String>>,
    /// Labels that are added.
    #[serde(with = "pairs")]
    #[schemars(with = "String")]
    pub labels: Vec<(String, String)>,
    /// Annotations that the manifest gets.
    #[serde(with = "pairs")]
    #[schemars(with = "String")]
    pub annotations: Vec<(String, String)>,
    /// Annotations of the base that are taken away.
    pub unsetannotation: Vec<String>,
    /// Keep the annotations of the base.
    pub inheritannotations: bool,
    /// Keep the labels of the base.
    pub inheritlabels: bool,
    /// Annotate the manifest with the time of the image.
    pub createdannotation: bool,
    /// Labels of images that are made on the way to the one that is asked for.
    #[serde(rename = "layerLabel")]
    pub layer_labels: Vec<String>,
    /// Label the images of stages with the name and the base of their stage.
    #[serde(rename = "stage-labels")]
    pub stagelabels: bool,
    /// What every command has mounted, written as after `RUN --mount`.
    #[serde(rename = "transientRunMounts")]
    pub mounts: Vec<String>,
    /// Throw away what commands change at the places of volumes.
    pub compatvolumes: bool,
    /// Rules for where images and files may come from, BuildKit's JSON.
    #[serde(rename = "sourcePolicy")]
    pub source_policy: String,
    /// How commands are confined: `oci`, `rootless`, `chroot`, or Podman's number for one.
    pub isolation: String,
    /// Variables that are added to the image.
    pub setenv: Vec<String>,
    /// Variables that are taken away from the image.
    pub unsetenv: Vec<String>,
    /// Labels of the base that are taken away.
    pub unsetlabel: Vec<String>,
    /// The stage that becomes the image.
    pub target: String,
    /// Media type of the manifest.
    pub outputformat: String,
    /// Seconds since 1970 that everything is from.
    pub timestamp: Option<i64>,
    /// Seconds since 1970 that the image says it was made.
    pub sourcedateepoch: Option<i64>,
    /// What is new in the image is from then at the latest.
    pub rewritetimestamp: bool,
    /// Keep nothing of how it was made.
    pub omithistory: bool,
    /// Leave out stages that the target does not need.
    pub skipunusedstages: bool,
    /// Most stages that are built at a time, 0 for all.
    pub jobs: Option<u32>,
    /// What it is built for, `OS/ARCH[/VARIANT]`; what comes of several is a list.
    pub platform: Vec<String>,
    /// Every platform that the base images have.
    pub allplatforms: bool,
    /// The manifest list that images are added to.
    pub manifest: String,
    /// Version of the operating system that the image says.
    pub osversion: String,
    /// What the image says that the operating system must have; one with a trailing `-` is taken away.
    pub osfeature: Vec<String>,
    /// The network of commands.
    pub networkmode: String,
    /// `NAME:ADDRESS` for the hosts file of commands.
    #[serde(with = "list")]
    #[schemars(with = "String")]
    pub extrahosts: Vec<String>,
    /// Name servers of commands.
    #[serde(with = "list")]
    #[schemars(with = "String")]
    pub dnsservers: Vec<String>,
    /// Search domains of commands.
    #[serde(with = "list")]
    #[schemars(with = "String")]
    pub dnssearch: Vec<String>,
    /// Options of commands' resolvers.
    #[serde(with = "list")]
    #[schemars(with = "String")]
    pub dnsoptions: Vec<String>,
    /// Capabilities of commands that are added.
    #[serde(with = "list")]
    #[schemars(with = "String")]
    pub addcaps: Vec<String>,
    /// Capabilities of commands that are taken away.
    #[serde(with = "list")]
    #[schemars(with = "String")]
    pub dropcaps: Vec<String>,
    /// Limits such as `nofile=100:200`, or Docker's objects.
    #[serde(with = "list")]
    #[schemars(with = "String")]
    pub ulimits: Vec<String>,
    /// `SOURCE:DESTINATION[:OPTIONS]` of the engine's host, mounted for commands.
    pub volume: Vec<String>,
    /// Bytes of memory for commands.
    pub memory: i64,
    /// The same with swap.
    pub memswap: i64,
    /// Bytes of `/dev/shm`.
    pub shmsize: i64,
    /// Weight of the processor's time.
    pub cpushares: u64,
    /// Microseconds of a period.
    pub cpuquota: i64,
    /// Microseconds.
    pub cpuperiod: u64,
    /// Processors.
    pub cpusetcpus: String,
    /// Memory nodes.
    pub cpusetmems: String,
    /// The cgroup that those of commands are in.
    pub cgroupparent: String,
    /// Give commands the proxies of the engine's environment.
    pub httpproxy: bool,
    /// How commands are run, in place of all that is said of them above: a request of `create`.
    pub run: Option<ContainerSpec>,
    /// Where to fetch the context: a tar or a build file of the web, or a repository of git with `#REFERENCE:FOLDER`.
    pub remote: String,
    /// What the first stage begins with in place of what the build file says.
    pub from: String,
    /// Secrets that are files of the context, from which they are taken away: `id=ID,src=PATH`.
    #[serde(with = "list")]
    #[schemars(with = "String")]
    pub secrets: Vec<String>,
    /// Devices of the engine's host for commands: `HOST[:CONTAINER[:PERMISSIONS]]`.
    #[serde(with = "list")]
    #[schemars(with = "String")]
    pub devices: Vec<String>,
    /// Further contexts: `NAME=url:ADDRESS`, `NAME=image:IMAGE`, or `NAME=localpath:FOLDER` for one that Cove's clients put
    /// into the archive.
    pub additionalbuildcontexts: Vec<String>,
}

impl Default for BuildParameters {
    /// What is built where nothing is said.
    fn default() -> Self {
        Self {
            dockerfile: Vec::new(),
            t: Vec::new(),
            q: false,
            nocache: false,
            cachefrom: Vec::new(),
            cacheto: Vec::new(),
            cachettl: String::new(),
            pull: false,
            pullpolicy: String::new(),
            rm: true,
            forcerm: true,
            layers: true,
            squash: false,
            buildargs: BTreeMap::new(),
            labels: Vec::new(),
            annotations: Vec::new(),
            unsetannotation: Vec::new(),
            inheritannotations: true,
            inheritlabels: true,
            createdannotation: true,
            layer_labels: Vec::new(),
            stagelabels: false,
            mounts: Vec::new(),
            compatvolumes: false,
            source_policy: String::new(),
            isolation: String::new(),
            setenv: Vec::new(),
            unsetenv: Vec::new(),
            unsetlabel: Vec::new(),
            target: String::new(),
            outputformat: String::new(),
            timestamp: None,
            sourcedateepoch: None,
            rewritetimestamp: false,
            omithistory: false,
            skipunusedstages: true,
            jobs: None,
            platform: Vec::new(),
            allplatforms: false,
            manifest: String::new(),
            osversion: String::new(),
            osfeature: Vec::new(),
            networkmode: String::new(),
            extrahosts: Vec::new(),
            dnsservers: Vec::new(),
            dnssearch: Vec::new(),
            dnsoptions: Vec::new(),
            addcaps: Vec::new(),
            dropcaps: Vec::new(),
            ulimits: Vec::new(),
            volume: Vec::new(),
            memory: 0,
            memswap: 0,
            shmsize: 0,
            cpushares: 0,
            cpuquota: 0,
            cpuperiod: 0,
            cpusetcpus: String::new(),
            cpusetmems: String::new(),
            cgroupparent: String::new(),
            httpproxy: true,
            run: None,
            remote: String::new(),
            from: String::new(),
            secrets: Vec::new(),
            devices: Vec::new(),
            additionalbuildcontexts: Vec::new(),
        }
    }
}

impl BuildParameters {
    /// The options that they mean.
    ///
    /// # Errors
    /// A value means nothing.
    pub fn options(self) -> Result<BuildOptions> {
        let format = match self.outputformat.as_str() {
            "" | "oci" | OCI => CommitFormat::Oci,
            "docker" | DOCKER => CommitFormat::Docker,
            other => return Err(Error::invalid(format!("parameter outputformat: {other:?} is no format"))),
        };
        let pull = match (self.pullpolicy.to_ascii_lowercase().as_str(), self.pull) {
            ("", false) | ("missing" | "ifmissing" | "ifnotpresent", _) => PullPolicy::Missing,
            ("", true) | ("newer" | "ifnewer", _) => PullPolicy::Newer,
            ("always" | "true", _) => PullPolicy::Always,
            ("never" | "false", _) => PullPolicy::Never,
            (other, _) => {
                return Err(Error::invalid(format!("parameter pullpolicy: {other:?} is no policy")));
            }
        };
        let is_folder = |text: &&String| text.split(',').any(|field| field == "type=local");
        if let Some(text) = self.cachefrom.iter().chain(&self.cacheto).find(is_folder) {
            return Err(Error::unsupported(format!(
                "{text}: a cache in a folder is not supported over a service, which has other folders"
            )));
        }
        let cache_ttl = match self.cachettl.as_str() {
            "" => None,
            text => {
                let at = |error| Error::invalid(format!("parameter cachettl: {error}"));
                Some(crate::time::duration(text).map_err(at)?)
            }
        };
        let platforms = self.platform.iter().flat_map(|text| text.split(','));
        let platforms: Vec<String> =
            platforms.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()).collect();
        let mut run = match &self.run {
            Some(run) => run.clone(),
            None => self.request()?,
        };
        BuildIsolation::parse(&self.isolation)?.apply(&mut run);
        Ok(BuildOptions {
            files: self.dockerfile,
            from: self.from,
            tags: self.t.into_iter().filter(|tag| !tag.is_empty()).collect(),
            target: self.target,
            build_args: self.buildargs.into_iter().filter_map(|(name, value)| Some((name, value?))).collect(),
            labels: self.labels,
            env: self.setenv.iter().map(|text| pair(text)).collect(),
            unset_env: self.unsetenv,
            unset_labels: self.unsetlabel,
            annotations: self.annotations.into_iter().collect(),
            unset_annotations: self.unsetannotation,
            inherit_annotations: self.inheritannotations,
            inherit_labels: self.inheritlabels,
            created_annotation: self.createdannotation,
            layer_labels: self.layer_labels.iter().map(|text| pair(text)).collect(),
            stage_labels: self.stagelabels,
            mounts: self.mounts,
            compat_volumes: self.compatvolumes,
            source_policy: self.source_policy,
            format,
            pull,
            no_cache: self.nocache,
            cache_from: self.cachefrom,
            cache_to: self.cacheto,
            cache_ttl,
            layers: self.layers && !self.squash,
            squash: self.squash,
            quiet: self.q,
            timestamp: self.timestamp,
            source_date_epoch: self.sourcedateepoch,
            rewrite_timestamp: self.rewritetimestamp,
            omit_history: self.omithistory,
            all_stages: !self.skipunusedstages,
            jobs: self.jobs,
            platforms,
            all_platforms: self.allplatforms,
            manifest: self.manifest,
            os_version: self.osversion,
            os_features: self.osfeature,
            sbom: None,
            decryption_keys: Vec::new(),
            run: Box::new(run),
            access: crate::RegistryAccess::default(),
        })
    }

    /// The context that they mean, with what is in an archive.
    ///
    /// # Errors
    /// A value means nothing.
    pub fn context(&self, archive: ByteStream) -> Result<BuildContext> {
        let others = self.additionalbuildcontexts.iter().map(|text| other_context(text));
        let secrets = self.secrets.iter().map(|text| packed_secret(text));
        Ok(BuildContext {
            remote: self.remote.clone(),
            others: others.collect::<Result<_>>()?,
            packed_secrets: secrets.collect::<Result<_>>()?,
            ..BuildContext::of_archive(archive)
        })
    }

    /// How commands are run.
    fn request(&self) -> Result<ContainerSpec> {
        let positive = |number: i64| Some(number).filter(|number| *number != 0);
        let memory = MemoryLimits {
            limit: positive(self.memory),
            swap: positive(self.memswap),
            ..MemoryLimits::default()
        };
        let cpu = CpuLimits {
            shares: Some(self.cpushares).filter(|shares| *shares > 0),
            quota: positive(self.cpuquota),
            period: Some(self.cpuperiod).filter(|period| *period > 0),
            cpus: self.cpusetcpus.clone(),
            mems: self.cpusetmems.clone(),
            ..CpuLimits::default()
        };
        let limits = Resources {
            memory: Some(memory).filter(|memory| *memory != MemoryLimits::default()),
            cpu: Some(cpu).filter(|cpu| *cpu != CpuLimits::default()),
            ..Resources::default()
        };
        let mut netns = Namespace::default();
        match self.networkmode.as_str() {
            "" | "default" | "private" => {}
            mode => netns = Namespace::new(mode),
        }
        Ok(ContainerSpec {
            netns,
            hostadd: self.extrahosts.clone(),
            dns_server: self.dnsservers.clone(),
            dns_search: self.dnssearch.clone(),
            dns_option: self.dnsoptions.clone(),
            cap_add: self.addcaps.clone(),
            cap_drop: self.dropcaps.clone(),
            r_limits: self.ulimits.iter().map(|text| limit(text)).collect::<Result<_>>()?,
            mounts: self.volume.iter().map(|text| volume(text)).collect::<Result<_>>()?,
            shm_size: positive(self.shmsize),
            devices: self
                .devices
                .iter()
                .map(|text| Device { path: text.clone(), ..Device::default() })
                .collect(),
            cgroup_parent: self.cgroupparent.clone(),
            resource_limits: Some(limits).filter(|limits| *limits != Resources::default()),
            httpproxy: Some(self.httpproxy),
            ..ContainerSpec::default()
        })
    }
}

impl From<&BuildOptions> for BuildParameters {
    fn from(options: &BuildOptions) -> Self {
        let options = options.clone();
        let pullpolicy = match options.pull {
            PullPolicy::Missing => "",
            PullPolicy::Always => "always",
            PullPolicy::Newer => "newer",
            PullPolicy::Never => "never",
        };
        Self {
            dockerfile: options.files,
            t: options.tags,
            q: options.quiet,
            nocache: options.no_cache,
            cachefrom: options.cache_from,
            cacheto: options.cache_to,
            cachettl: options.cache_ttl.map(|age| format!("{}ns", age.as_nanos())).unwrap_or_default(),
            pullpolicy: pullpolicy.into(),
            layers: options.layers,
            squash: options.squash,
            buildargs: options.build_args.into_iter().map(|(name, value)| (name, Some(value))).collect(),
            labels: options.labels,
            annotations: options.annotations.into_iter().collect(),
            unsetannotation: options.unset_annotations,
            inheritannotations: options.inherit_annotations,
            inheritlabels: options.inherit_labels,
            createdannotation: options.created_annotation,
            layer_labels: written_pairs(options.layer_labels),
            stagelabels: options.stage_labels,
            mounts: options.mounts,
            compatvolumes: options.compat_volumes,
            source_policy: options.source_policy,
            from: options.from,
            setenv: written_pairs(options.env),
            unsetenv: options.unset_env,
            unsetlabel: options.unset_labels,
            target: options.target,
            outputformat: match options.format {
                CommitFormat::Oci => String::new(),
                CommitFormat::Docker => DOCKER.into(),
            },
            timestamp: options.timestamp,
            sourcedateepoch: options.source_date_epoch,
            rewritetimestamp: options.rewrite_timestamp,
            omithistory: options.omit_history,
            skipunusedstages: !options.all_stages,
            jobs: options.jobs,
            platform: options.platforms,
            allplatforms: options.all_platforms,
            manifest: options.manifest,
            osversion: options.os_version,
            osfeature: options.os_features,
            run: Some(*options.run).filter(|run| *run != ContainerSpec::default()),
            ..Self::default()
        }
    }
}

fn written_pairs(pairs: Vec<(String, String)>) -> Vec<String> {
    pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect()
}
