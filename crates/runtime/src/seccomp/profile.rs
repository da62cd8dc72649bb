//! A profile with its conditions, and what is left of it for one architecture and set of capabilities.

use oci_spec::runtime::{
    Arch, LinuxSeccomp, LinuxSeccompAction, LinuxSeccompArg, LinuxSeccompArgBuilder, LinuxSeccompFilterFlag,
    LinuxSeccompOperator, LinuxSyscall,
};

use crate::error::Result;
use crate::oci::capabilities::CapabilitySet;

/// What happens to a system call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Action {
    /// What the kernel does.
    pub kind: LinuxSeccompAction,
    /// Error number for `SCMP_ACT_ERRNO` and `SCMP_ACT_TRACE`.
    pub errno: Option<u32>,
}

/// A condition on an argument of a system call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Argument {
    /// Which argument, 0 to 5.
    pub index: usize,
    /// What it is compared with.
    pub value: u64,
    /// Second value of `SCMP_CMP_MASKED_EQ`.
    pub value_two: u64,
    /// How.
    pub operator: LinuxSeccompOperator,
}

/// A rule for some system calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Names.
    pub names: Vec<String>,
    /// What happens.
    pub action: Action,
    /// All must be true.
    pub arguments: Vec<Argument>,
    /// Only on one of these architectures (Go names), where there are any.
    pub architectures: Vec<String>,
    /// Not on these.
    pub not_architectures: Vec<String>,
    /// Only with all of these capabilities.
    pub capabilities: Vec<String>,
    /// Not with any of these.
    pub not_capabilities: Vec<String>,
}

/// A system call filter with conditions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// For calls that no rule names; `None` only where there are no rules either.
    pub default: Option<Action>,
    /// In the order in which they are added to the filter.
    pub rules: Vec<Rule>,
    /// Flags of the filter.
    pub flags: Vec<LinuxSeccompFilterFlag>,
    /// Architectures by the native one in Go's naming; an empty name applies everywhere.
    pub architectures: Vec<(String, Vec<Arch>)>,
    /// Socket that gets notifications.
    pub listener: Option<(String, String)>,
}

impl Profile {
    /// `linux.seccomp`; `None` for a profile that filters nothing.
    ///
    /// # Errors
    /// The specification's types refuse it.
    pub(crate) fn to_oci(
        &self,
        architecture: &str,
        bounding: &CapabilitySet,
    ) -> Result<Option<LinuxSeccomp>> {
        let Some(default) = self.default else { return Ok(None) };
        let has = |name: &String| bounding.contains(name.as_str());
        let rules = self.rules.iter().filter(|rule| {
            (rule.architectures.is_empty() || rule.architectures.iter().any(|a| a == architecture))
                && !rule.not_architectures.iter().any(|a| a == architecture)
                && rule.capabilities.iter().all(has)
                && !rule.not_capabilities.iter().any(has)
        });
        let architectures: Vec<Arch> = self
            .architectures
            .iter()
            .filter(|(native, _)| native.is_empty() || native == architecture)
            .flat_map(|(_, names)| names.iter().copied())
            .collect();
        let (path, metadata) = self.listener.clone().unzip();
        let mut filter = LinuxSeccomp::default();
        filter
            .set_default_action(default.kind)
            .set_default_errno_ret(default.errno)
            .set_architectures(Some(architectures).filter(|list| !list.is_empty()))
            .set_flags(Some(self.flags.clone()).filter(|list| !list.is_empty()))
            .set_listener_path(path.map(Into::into))
            .set_listener_metadata(metadata)
            .set_syscalls(Some(rules.map(Rule::to_oci).collect::<Result<_>>()?));
        Ok(Some(filter))
    }
}

impl Rule {
    fn to_oci(&self) -> Result<LinuxSyscall> {
        let arguments: Vec<LinuxSeccompArg> =
            self.arguments.iter().copied().map(Argument::to_oci).collect::<Result<_>>()?;
        let mut call = LinuxSyscall::default();
        call.set_names(self.names.clone())
            .set_action(self.action.kind)
            .set_errno_ret(self.action.errno)
            .set_args(Some(arguments).filter(|list| !list.is_empty()));
        Ok(call)
    }
}

impl Argument {
    fn to_oci(self) -> Result<LinuxSeccompArg> {
        let argument = LinuxSeccompArgBuilder::default().index(self.index).value(self.value);
        Ok(argument.value_two(self.value_two).op(self.operator).build()?)
    }
}
