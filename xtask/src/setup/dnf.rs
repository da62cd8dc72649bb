//! Fedora and its relatives.

use anyhow::Result;

use super::needs::Need;
use super::{Effect, Removals, administrator, agree};
use crate::shell;

/// Installs the packages of these needs in one transaction. dnf takes nothing away by itself but what a package says
/// it replaces; that is shown, too.
pub(super) fn install(wanted: &[&Need], removals: Removals) -> Result<()> {
    let mut names: Vec<&str> = wanted.iter().map(|need| need.dnf).collect();
    names.sort_unstable();
    names.dedup();
    let arguments = ["--setopt=install_weak_deps=False", "install"];
    // `--assumeno` ends with a code of failure, whatever it shows.
    let shown =
        administrator("dnf")?.env("LC_ALL", "C").arg("--assumeno").args(arguments).args(&names).output()?;
    agree(&effect(&String::from_utf8_lossy(&shown.stdout)), removals)?;
    shell::run(administrator("dnf")?.arg("-y").args(arguments).args(&names))
}

/// Reads dnf's table of a transaction: rows below the headline `Removing:` and its like.
fn effect(output: &str) -> Effect {
    let mut effect = Effect::default();
    let mut list = None;
    for line in output.lines() {
        let text = line.trim();
        if text.ends_with(':') || text.is_empty() || text.starts_with("Transaction Summary") {
            list = if text.starts_with("Removing") {
                Some(&mut effect.removed)
            } else if text.starts_with("Downgrading") {
                Some(&mut effect.downgraded)
            } else {
                None
            };
        } else if let (Some(list), Some(name)) = (&mut list, text.split_whitespace().next()) {
            list.push(name.to_owned());
        }
    }
    effect
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_dnf_would_do() {
        let output = "Dependencies resolved.\n Package Arch Version\nInstalling:\n crun x86_64 1.20 fedora 200 k\nRemoving:\n old x86_64 1 @fedora 1 k\nRemoving dependent packages:\n older x86_64 1 @fedora 1 k\nDowngrading:\n less x86_64 1 fedora 1 k\n\nTransaction Summary\n====\nInstall 1 Package\n";
        let found = effect(output);
        assert_eq!(found.removed, ["old", "older"]);
        assert_eq!(found.downgraded, ["less"]);
    }
}
