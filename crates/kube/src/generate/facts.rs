//! What documents are made of.

use cove_api::{ContainerInspect, ImageInspect, PodInspect, Volume};

/// A container, and what its inspection does not say.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GeneratedContainer {
    /// All about it.
    pub inspect: ContainerInspect,
    /// All about its image, where it has one.
    pub image: Option<ImageInspect>,
    /// The ids of the user it names.
    pub user: Option<(u32, u32)>,
    /// Whether it prepares its pod.
    pub first: bool,
    /// The restart policy that was asked for; empty where none was.
    pub restart_policy: String,
    /// The limits that were asked for, such as `nofile=10:20`.
    pub ulimits: Vec<String>,
    /// The user namespace that was asked for; empty for the host's.
    pub userns: String,
}

/// A pod and its containers, oldest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GeneratedPod {
    /// All about it.
    pub inspect: PodInspect,
    /// The container that holds its namespaces.
    pub infra: Option<GeneratedContainer>,
    /// The others.
    pub members: Vec<GeneratedContainer>,
}

/// What is described together.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Objects {
    /// Containers, which become one pod.
    pub containers: Vec<GeneratedContainer>,
    /// Pods.
    pub pods: Vec<GeneratedPod>,
    /// Volumes.
    pub volumes: Vec<Volume>,
}

/// What else documents depend on.
pub struct GenerateFacts<'a> {
    /// The program and its version.
    pub creator: String,
    /// The time, as RFC 3339 in seconds.
    pub now: String,
    /// The capabilities that containers have where nobody says otherwise.
    pub capabilities: Vec<String>,
    /// Seconds between the stop signal and SIGKILL where nobody says otherwise.
    pub stop_timeout: u32,
    /// Whether a path of the host is a folder; `None` where nothing is there.
    pub is_folder: &'a dyn Fn(&str) -> Option<bool>,
    /// A number below the given one, of which none follows from those before.
    pub random: &'a mut dyn FnMut(u16) -> u16,
}

impl std::fmt::Debug for GenerateFacts<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("GenerateFacts").field("creator", &self.creator).finish_non_exhaustive()
    }
}
