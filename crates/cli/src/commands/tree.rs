//! All commands by name.

use super::{
    Entry, Group, artifact, auto_update, builder, container, desktop, diff, docker_context, farm, generate,
    healthcheck, image, inspect, kube, manifest, network, pod, secret, system, transport, volume,
};
#[cfg(unix)]
use super::{compose, machine, working};
#[cfg(target_os = "linux")]
use super::{convert, quadlet};

/// The top level.
pub(crate) static TREE: &[Entry] = &[
    Entry::leaf(&["attach"], &container::attach::COMMAND),
    Entry::leaf(&["auto-update"], &auto_update::COMMAND),
    Entry::leaf(&["commit"], &container::commit::COMMAND),
    Entry::leaf(&["cp"], &container::cp::COMMAND),
    Entry::leaf(&["create"], &container::create::COMMAND),
    Entry::leaf(&["diff"], &diff::COMMAND),
    Entry::leaf(&["exec"], &container::exec::COMMAND),
    Entry::leaf(&["export"], &container::export::COMMAND),
    Entry::leaf(&["init"], &container::init::COMMAND),
    Entry::leaf(&["kill"], &container::kill::COMMAND),
    Entry::leaf(&["logs"], &container::logs::COMMAND),
    Entry::leaf(&["mount"], &container::mount::COMMAND),
    Entry::leaf(&["pause"], &container::pause::COMMAND),
    Entry::leaf(&["port"], &container::port::COMMAND),
    Entry::leaf(&["ps"], &container::list::COMMAND),
    Entry::leaf(&["rename"], &container::rename::COMMAND),
    Entry::leaf(&["restart"], &container::restart::COMMAND),
    Entry::leaf(&["rm"], &container::remove::COMMAND),
    Entry::leaf(&["run"], &container::run::COMMAND),
    Entry::leaf(&["start"], &container::start::COMMAND),
    Entry::leaf(&["stats"], &container::stats::COMMAND),
    Entry::leaf(&["stop"], &container::stop::COMMAND),
    Entry::leaf(&["top"], &container::top::COMMAND),
    Entry::leaf(&["unmount", "umount"], &container::unmount::COMMAND),
    Entry::leaf(&["unpause"], &container::unpause::COMMAND),
    Entry::leaf(&["update"], &container::update::COMMAND),
    Entry::leaf(&["wait"], &container::wait::COMMAND),
    #[cfg(unix)]
    Entry::leaf(&["build"], &image::build::COMMAND),
    Entry::leaf(&["history"], &image::history::COMMAND),
    Entry::leaf(&["images"], &image::list::COMMAND),
    Entry::leaf(&["import"], &image::import::COMMAND),
    Entry::leaf(&["inspect"], &inspect::COMMAND),
    Entry::leaf(&["load"], &image::load::COMMAND),
    Entry::leaf(&["pull"], &image::pull::COMMAND),
    Entry::leaf(&["push"], &image::push::COMMAND),
    Entry::leaf(&["rmi"], &image::remove::COMMAND),
    Entry::leaf(&["save"], &image::save::COMMAND),
    Entry::leaf(&["search"], &image::search::COMMAND),
    Entry::leaf(&["tag"], &image::tag::COMMAND),
    Entry::leaf(&["untag"], &image::untag::COMMAND),
    Entry::hidden(&["__complete", "__completeNoDesc"], &system::complete::COMMAND),
    Entry::hidden(&["__man"], &system::man::COMMAND),
    Entry::leaf(&["completion"], &system::completion::COMMAND),
    #[cfg(unix)]
    Entry::leaf(&["compose"], &compose::COMMAND),
    #[cfg(target_os = "linux")]
    Entry::leaf(&["convert"], &convert::COMMAND),
    Entry::leaf(&["desktop"], &desktop::COMMAND),
    Entry::leaf(&["events"], &system::events::COMMAND),
    Entry::leaf(&["info"], &system::info::COMMAND),
    Entry::leaf(&["login"], &system::login::COMMAND),
    Entry::leaf(&["logout"], &system::logout::COMMAND),
    #[cfg(target_os = "linux")]
    Entry::leaf(&["unshare"], &system::unshare::COMMAND),
    Entry::leaf(&["version"], &system::version::COMMAND),
    Entry::group(&["artifact"], &ARTIFACT),
    #[cfg(unix)]
    Entry::group(&["build-container"], &BUILD_CONTAINER),
    Entry::group(&["builder", "buildx"], &BUILDER),
    Entry::group(&["container"], &CONTAINER),
    Entry::group(&["context"], &CONTEXT),
    Entry::group(&["farm"], &FARM),
    Entry::group(&["generate"], &GENERATE),
    Entry::group(&["healthcheck"], &HEALTHCHECK),
    Entry::group(&["image"], &IMAGE),
    Entry::group(&["kube"], &KUBE),
    #[cfg(unix)]
    Entry::group(&["machine"], &MACHINE),
    Entry::group(&["manifest"], &MANIFEST),
    Entry::group(&["network"], &NETWORK),
    Entry::group(&["play"], &PLAY),
    Entry::group(&["pod"], &POD),
    #[cfg(target_os = "linux")]
    Entry::group(&["quadlet"], &QUADLET),
    Entry::group(&["secret"], &SECRET),
    Entry::group(&["system"], &SYSTEM),
    Entry::group(&["volume"], &VOLUME),
];

/// The commands of who calls the program `skopeo`.
pub(crate) static SKOPEO: &[Entry] = &[
    Entry::leaf(&["copy"], &transport::copy::COMMAND),
    Entry::leaf(&["delete"], &transport::delete::COMMAND),
    Entry::leaf(&["generate-sigstore-key"], &image::generate_sigstore_key::COMMAND),
    Entry::leaf(&["inspect"], &transport::inspect::COMMAND),
    Entry::leaf(&["list-tags"], &transport::list_tags::COMMAND),
    Entry::leaf(&["login"], &system::login::COMMAND),
    Entry::leaf(&["logout"], &system::logout::COMMAND),
    Entry::leaf(&["manifest-digest"], &transport::manifest_digest::COMMAND),
    Entry::leaf(&["standalone-sign"], &image::standalone_sign::COMMAND),
    Entry::leaf(&["standalone-verify"], &image::standalone_verify::COMMAND),
    Entry::leaf(&["sync"], &transport::sync::COMMAND),
];

static ARTIFACT: Group = Group {
    about: "Manage artifacts: files that are kept and moved as images are",
    entries: &[
        Entry::leaf(&["add"], &artifact::add::COMMAND),
        Entry::leaf(&["extract"], &artifact::extract::COMMAND),
        Entry::leaf(&["inspect"], &artifact::inspect::COMMAND),
        Entry::leaf(&["ls", "list"], &artifact::list::COMMAND),
        Entry::leaf(&["pull"], &artifact::pull::COMMAND),
        Entry::leaf(&["push"], &artifact::push::COMMAND),
        Entry::leaf(&["rm", "remove"], &artifact::remove::COMMAND),
    ],
};

#[cfg(unix)]
static BUILD_CONTAINER: Group = Group {
    about: "Make images step by step in working containers, as Buildah does",
    entries: &[
        Entry::leaf(&["add"], &working::copy::add::COMMAND),
        Entry::leaf(&["build", "bud", "build-using-dockerfile"], &image::build::COMMAND),
        Entry::leaf(&["commit"], &working::commit::COMMAND),
        Entry::leaf(&["config"], &working::config::COMMAND),
        Entry::leaf(&["containers", "list", "ls", "ps"], &working::list::COMMAND),
        Entry::leaf(&["copy"], &working::copy::COMMAND),
        Entry::leaf(&["from"], &working::from::COMMAND),
        Entry::leaf(&["images"], &image::list::COMMAND),
        Entry::leaf(&["info"], &system::info::COMMAND),
        Entry::leaf(&["inspect"], &working::inspect::COMMAND),
        Entry::leaf(&["login"], &system::login::COMMAND),
        Entry::leaf(&["logout"], &system::logout::COMMAND),
        Entry::group(&["manifest"], &MANIFEST),
        Entry::leaf(&["mount"], &working::mount::COMMAND),
        Entry::leaf(&["prune"], &image::prune::COMMAND),
        Entry::leaf(&["pull"], &image::pull::COMMAND),
        Entry::leaf(&["push"], &image::push::COMMAND),
        Entry::leaf(&["rename"], &working::rename::COMMAND),
        Entry::leaf(&["rm", "delete"], &working::remove::COMMAND),
        Entry::leaf(&["rmi"], &image::remove::COMMAND),
        Entry::leaf(&["run"], &working::run::COMMAND),
        Entry::leaf(&["tag"], &image::tag::COMMAND),
        Entry::leaf(&["umount", "unmount"], &working::unmount::COMMAND),
        #[cfg(target_os = "linux")]
        Entry::leaf(&["unshare"], &system::unshare::COMMAND),
        Entry::leaf(&["version"], &system::version::COMMAND),
    ],
};

static BUILDER: Group = Group {
    about: "Build images by the commands that Docker's users type",
    entries: &[
        #[cfg(unix)]
        Entry::leaf(&["build", "b"], &image::build::COMMAND),
        Entry::leaf(&["inspect"], &builder::inspect::COMMAND),
        Entry::leaf(&["prune"], &image::prune::COMMAND),
        Entry::leaf(&["version"], &builder::version::COMMAND),
    ],
};

/// The commands of the program of that name: called `buildah` it has those of working containers.
pub(crate) fn tree_of(program: &str) -> &'static [Entry] {
    match program {
        #[cfg(unix)]
        "buildah" => BUILD_CONTAINER.entries,
        _ => TREE,
    }
}

static CONTAINER: Group = Group {
    about: "Manage containers",
    entries: &[
        Entry::leaf(&["checkpoint"], &container::checkpoint::COMMAND),
        Entry::leaf(&["cleanup"], &container::cleanup::COMMAND),
        Entry::leaf(&["clone"], &container::clone::COMMAND),
        Entry::leaf(&["exists"], &container::exists::COMMAND),
        Entry::leaf(&["prune"], &container::prune::COMMAND),
        Entry::leaf(&["inspect"], &container::inspect::COMMAND),
        #[cfg(unix)]
        Entry::leaf(&["runlabel"], &container::runlabel::COMMAND),
        Entry::leaf(&["update"], &container::update::COMMAND),
        Entry::leaf(&["attach"], &container::attach::COMMAND),
        Entry::leaf(&["commit"], &container::commit::COMMAND),
        Entry::leaf(&["cp"], &container::cp::COMMAND),
        Entry::leaf(&["create"], &container::create::COMMAND),
        Entry::leaf(&["diff"], &container::diff::COMMAND),
        Entry::leaf(&["exec"], &container::exec::COMMAND),
        Entry::leaf(&["export"], &container::export::COMMAND),
        Entry::leaf(&["init"], &container::init::COMMAND),
        Entry::leaf(&["kill"], &container::kill::COMMAND),
        Entry::leaf(&["logs"], &container::logs::COMMAND),
        Entry::leaf(&["mount"], &container::mount::COMMAND),
        Entry::leaf(&["pause"], &container::pause::COMMAND),
        Entry::leaf(&["port"], &container::port::COMMAND),
        Entry::leaf(&["ps", "ls", "list"], &container::list::COMMAND),
        Entry::leaf(&["rename"], &container::rename::COMMAND),
        Entry::leaf(&["restart"], &container::restart::COMMAND),
        Entry::leaf(&["restore"], &container::restore::COMMAND),
        Entry::leaf(&["rm"], &container::remove::COMMAND),
        Entry::leaf(&["run"], &container::run::COMMAND),
        Entry::leaf(&["start"], &container::start::COMMAND),
        Entry::leaf(&["stats"], &container::stats::COMMAND),
        Entry::leaf(&["stop"], &container::stop::COMMAND),
        Entry::leaf(&["top"], &container::top::COMMAND),
        Entry::leaf(&["unmount", "umount"], &container::unmount::COMMAND),
        Entry::leaf(&["unpause"], &container::unpause::COMMAND),
        Entry::leaf(&["wait"], &container::wait::COMMAND),
    ],
};

static CONTEXT: Group = Group {
    about: "Manage contexts: engines by names that Docker's programs know, too",
    entries: &[
        Entry::leaf(&["create"], &docker_context::create::COMMAND),
        Entry::leaf(&["export"], &docker_context::export::COMMAND),
        Entry::leaf(&["import"], &docker_context::import::COMMAND),
        Entry::leaf(&["inspect"], &docker_context::inspect::COMMAND),
        Entry::leaf(&["ls", "list"], &docker_context::list::COMMAND),
        Entry::leaf(&["rm", "remove"], &docker_context::remove::COMMAND),
        Entry::leaf(&["show"], &docker_context::show::COMMAND),
        Entry::leaf(&["update"], &docker_context::update::COMMAND),
        Entry::leaf(&["use"], &docker_context::select::COMMAND),
    ],
};

static FARM: Group = Group {
    about: "Manage farms: connections that build images together",
    entries: &[
        #[cfg(unix)]
        Entry::leaf(&["build"], &image::build::farm::COMMAND),
        Entry::leaf(&["create"], &farm::create::COMMAND),
        Entry::leaf(&["list", "ls"], &farm::list::COMMAND),
        Entry::leaf(&["remove", "rm"], &farm::remove::COMMAND),
        Entry::leaf(&["update"], &farm::update::COMMAND),
    ],
};

static GENERATE: Group = Group {
    about: "Write what describes containers, pods and volumes",
    entries: &[
        Entry::leaf(&["kube"], &kube::generate::COMMAND),
        Entry::leaf(&["spec"], &generate::spec::COMMAND),
        Entry::leaf(&["systemd"], &generate::systemd::COMMAND),
    ],
};

static HEALTHCHECK: Group = Group {
    about: "Manage health checks of containers",
    entries: &[Entry::leaf(&["run"], &healthcheck::run::COMMAND)],
};

static IMAGE: Group = Group {
    about: "Manage images",
    entries: &[
        Entry::leaf(&["copy"], &transport::copy::COMMAND),
        Entry::leaf(&["delete"], &transport::delete::COMMAND),
        Entry::leaf(&["inspect-remote"], &transport::inspect::COMMAND),
        Entry::leaf(&["list-tags"], &transport::list_tags::COMMAND),
        Entry::leaf(&["manifest-digest"], &transport::manifest_digest::COMMAND),
        Entry::leaf(&["sync"], &transport::sync::COMMAND),
        #[cfg(unix)]
        Entry::leaf(&["build"], &image::build::COMMAND),
        Entry::leaf(&["diff"], &image::diff::COMMAND),
        Entry::leaf(&["exists"], &image::exists::COMMAND),
        Entry::leaf(&["explain"], &image::explain::COMMAND),
        Entry::leaf(&["generate-sigstore-key"], &image::generate_sigstore_key::COMMAND),
        Entry::leaf(&["history"], &image::history::COMMAND),
        Entry::leaf(&["import"], &image::import::COMMAND),
        Entry::leaf(&["inspect"], &image::inspect::COMMAND),
        Entry::leaf(&["ls", "list"], &image::list::COMMAND),
        Entry::leaf(&["load"], &image::load::COMMAND),
        Entry::leaf(&["mount"], &image::mount::COMMAND),
        Entry::leaf(&["prune"], &image::prune::COMMAND),
        Entry::leaf(&["pull"], &image::pull::COMMAND),
        Entry::leaf(&["push"], &image::push::COMMAND),
        Entry::leaf(&["rm"], &image::remove::COMMAND),
        Entry::leaf(&["save"], &image::save::COMMAND),
        Entry::leaf(&["scp"], &image::scp::COMMAND),
        Entry::leaf(&["search"], &image::search::COMMAND),
        Entry::leaf(&["sign"], &image::sign::COMMAND),
        Entry::leaf(&["standalone-sign"], &image::standalone_sign::COMMAND),
        Entry::leaf(&["standalone-verify"], &image::standalone_verify::COMMAND),
        Entry::leaf(&["tag"], &image::tag::COMMAND),
        Entry::leaf(&["tree"], &image::tree::COMMAND),
        Entry::group(&["trust"], &TRUST),
        Entry::leaf(&["unmount", "umount"], &image::unmount::COMMAND),
        Entry::leaf(&["untag"], &image::untag::COMMAND),
    ],
};

static KUBE: Group = Group {
    about: "Run what Kubernetes YAML describes, and write it",
    entries: &[
        Entry::leaf(&["apply"], &kube::apply::COMMAND),
        Entry::leaf(&["down"], &kube::down::COMMAND),
        Entry::leaf(&["generate"], &kube::generate::COMMAND),
        Entry::leaf(&["play"], &kube::play::COMMAND),
    ],
};

static TRUST: Group = Group {
    about: "Manage which images may be used",
    entries: &[
        Entry::leaf(&["set"], &image::trust::set::COMMAND),
        Entry::leaf(&["show"], &image::trust::show::COMMAND),
    ],
};

#[cfg(unix)]
static MACHINE: Group = Group {
    about: "Manage machines: small Linux VMs with an engine in them",
    entries: &[
        Entry::hidden(&["agent"], &machine::agent::COMMAND),
        Entry::leaf(&["compact"], &machine::compact::COMMAND),
        Entry::leaf(&["cp"], &machine::cp::COMMAND),
        Entry::leaf(&["default"], &machine::default::COMMAND),
        Entry::leaf(&["doctor"], &machine::doctor::COMMAND),
        Entry::leaf(&["export"], &machine::export::COMMAND),
        Entry::leaf(&["import"], &machine::import::COMMAND),
        Entry::leaf(&["info"], &machine::info::COMMAND),
        Entry::leaf(&["init"], &machine::init::COMMAND),
        Entry::leaf(&["inspect"], &machine::inspect::COMMAND),
        Entry::leaf(&["ls", "list"], &machine::list::COMMAND),
        Entry::leaf(&["logs"], &machine::logs::COMMAND),
        Entry::leaf(&["reset"], &machine::reset::COMMAND),
        Entry::leaf(&["resize"], &machine::resize::COMMAND),
        Entry::leaf(&["rm"], &machine::remove::COMMAND),
        Entry::leaf(&["set"], &machine::set::COMMAND),
        Entry::group(&["snapshot"], &MACHINE_SNAPSHOT),
        Entry::leaf(&["ssh"], &machine::ssh::COMMAND),
        Entry::leaf(&["start"], &machine::start::COMMAND),
        Entry::leaf(&["stop"], &machine::stop::COMMAND),
    ],
};

#[cfg(unix)]
static MACHINE_SNAPSHOT: Group = Group {
    about: "Manage the kept states of stopped machines",
    entries: &[
        Entry::leaf(&["create"], &machine::snapshot::create::COMMAND),
        Entry::leaf(&["ls", "list"], &machine::snapshot::list::COMMAND),
        Entry::leaf(&["restore"], &machine::snapshot::restore::COMMAND),
        Entry::leaf(&["rm"], &machine::snapshot::remove::COMMAND),
    ],
};

static MANIFEST: Group = Group {
    about: "Manage lists of images for several platforms",
    entries: &[
        Entry::leaf(&["add"], &manifest::add::COMMAND),
        Entry::leaf(&["annotate"], &manifest::annotate::COMMAND),
        Entry::leaf(&["create"], &manifest::create::COMMAND),
        Entry::leaf(&["exists"], &manifest::exists::COMMAND),
        Entry::leaf(&["inspect"], &manifest::inspect::COMMAND),
        Entry::leaf(&["push"], &manifest::push::COMMAND),
        Entry::leaf(&["remove"], &manifest::remove::COMMAND),
        Entry::leaf(&["rm"], &manifest::rm::COMMAND),
    ],
};

static NETWORK: Group = Group {
    about: "Manage networks",
    entries: &[
        Entry::leaf(&["connect"], &network::connect::COMMAND),
        Entry::leaf(&["create"], &network::create::COMMAND),
        Entry::leaf(&["disconnect"], &network::disconnect::COMMAND),
        Entry::leaf(&["exists"], &network::exists::COMMAND),
        Entry::leaf(&["inspect"], &network::inspect::COMMAND),
        Entry::leaf(&["ls", "list"], &network::list::COMMAND),
        Entry::leaf(&["prune"], &network::prune::COMMAND),
        Entry::leaf(&["reload"], &network::reload::COMMAND),
        Entry::leaf(&["rm", "remove"], &network::remove::COMMAND),
        Entry::leaf(&["update"], &network::update::COMMAND),
    ],
};

static SECRET: Group = Group {
    about: "Manage secrets",
    entries: &[
        Entry::leaf(&["create"], &secret::create::COMMAND),
        Entry::leaf(&["exists"], &secret::exists::COMMAND),
        Entry::leaf(&["inspect"], &secret::inspect::COMMAND),
        Entry::leaf(&["ls", "list"], &secret::list::COMMAND),
        Entry::leaf(&["rm"], &secret::remove::COMMAND),
    ],
};

static PLAY: Group = Group {
    about: "Run what Kubernetes YAML describes",
    entries: &[Entry::leaf(&["kube"], &kube::play::COMMAND)],
};

static POD: Group = Group {
    about: "Manage pods: containers that share namespaces and a life cycle",
    entries: &[
        Entry::leaf(&["clone"], &pod::clone::COMMAND),
        Entry::leaf(&["create"], &pod::create::COMMAND),
        Entry::leaf(&["exists"], &pod::exists::COMMAND),
        Entry::leaf(&["inspect"], &pod::inspect::COMMAND),
        Entry::leaf(&["kill"], &pod::kill::COMMAND),
        Entry::leaf(&["logs"], &pod::logs::COMMAND),
        Entry::leaf(&["pause"], &pod::pause::COMMAND),
        Entry::leaf(&["prune"], &pod::prune::COMMAND),
        Entry::leaf(&["ps", "ls", "list"], &pod::list::COMMAND),
        Entry::leaf(&["restart"], &pod::restart::COMMAND),
        Entry::leaf(&["rm"], &pod::remove::COMMAND),
        Entry::leaf(&["start"], &pod::start::COMMAND),
        Entry::leaf(&["stats"], &pod::stats::COMMAND),
        Entry::leaf(&["stop"], &pod::stop::COMMAND),
        Entry::leaf(&["top"], &pod::top::COMMAND),
        Entry::leaf(&["unpause"], &pod::unpause::COMMAND),
    ],
};

#[cfg(target_os = "linux")]
static QUADLET: Group = Group {
    about: "Manage unit files that systemd runs containers by",
    entries: &[
        Entry::leaf(&["from"], &quadlet::from::COMMAND),
        Entry::leaf(&["install"], &quadlet::install::COMMAND),
        Entry::leaf(&["list", "ls"], &quadlet::list::COMMAND),
        Entry::leaf(&["print", "cat"], &quadlet::print::COMMAND),
        Entry::leaf(&["rm"], &quadlet::remove::COMMAND),
    ],
};

static SYSTEM: Group = Group {
    about: "Manage the engine",
    entries: &[
        Entry::group(&["connection"], &CONNECTION),
        Entry::leaf(&["check"], &system::check::COMMAND),
        Entry::leaf(&["df"], &system::df::COMMAND),
        #[cfg(target_os = "linux")]
        Entry::leaf(&["docker-setup"], &system::docker_setup::COMMAND),
        Entry::leaf(&["events"], &system::events::COMMAND),
        Entry::leaf(&["info"], &system::info::COMMAND),
        Entry::leaf(&["migrate"], &system::migrate::COMMAND),
        Entry::leaf(&["prune"], &system::prune::COMMAND),
        Entry::leaf(&["renumber"], &system::renumber::COMMAND),
        Entry::leaf(&["reset"], &system::reset::COMMAND),
        #[cfg(target_os = "linux")]
        Entry::leaf(&["service"], &system::service::COMMAND),
    ],
};

static CONNECTION: Group = Group {
    about: "Manage connections to engines elsewhere",
    entries: &[
        Entry::leaf(&["add"], &system::connection::add::COMMAND),
        Entry::leaf(&["default"], &system::connection::default::COMMAND),
        Entry::leaf(&["ls", "list"], &system::connection::list::COMMAND),
        Entry::leaf(&["rename", "mv"], &system::connection::rename::COMMAND),
        Entry::leaf(&["rm", "remove"], &system::connection::remove::COMMAND),
    ],
};

static VOLUME: Group = Group {
    about: "Manage volumes",
    entries: &[
        Entry::leaf(&["create"], &volume::create::COMMAND),
        Entry::leaf(&["exists"], &volume::exists::COMMAND),
        Entry::leaf(&["export"], &volume::export::COMMAND),
        Entry::leaf(&["import"], &volume::import::COMMAND),
        Entry::leaf(&["inspect"], &volume::inspect::COMMAND),
        Entry::leaf(&["ls", "list"], &volume::list::COMMAND),
        Entry::leaf(&["mount"], &volume::mount::COMMAND),
        Entry::leaf(&["prune"], &volume::prune::COMMAND),
        Entry::leaf(&["reload"], &volume::reload::COMMAND),
        Entry::leaf(&["rm", "remove"], &volume::remove::COMMAND),
        Entry::leaf(&["unmount"], &volume::unmount::COMMAND),
    ],
};

#[cfg(test)]
mod tests {
    use super::super::Target;
    use super::*;

    fn check(entries: &'static [Entry], path: &str) {
        for entry in entries {
            let path = format!("{path} {}", entry.names[0]);
            match entry.target {
                Target::Leaf(leaf) => crate::args::build("cove", &path, leaf).debug_assert(),
                Target::Group(group) => check(group.entries, &path),
            }
        }
    }

    /// No option of a command is also a global one, or given twice.
    #[test]
    fn every_command_can_be_built() {
        check(TREE, "");
    }
}
