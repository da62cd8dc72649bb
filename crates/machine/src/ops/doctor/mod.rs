//! `machine doctor`: named checks of the host and of machines, each with its cure. Looking changes nothing; what is
//! repaired on request is only what cannot lose anything.

mod guest;
mod host;
mod machine;

use serde::Serialize;

use super::machines::Machines;
use crate::error::Result;
use crate::name::MachineName;
use crate::provider::ProviderKind;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Nothing is wrong.
    Ok,
    /// It works, but not as well as it could, or not for long.
    Warn,
    /// It does not work.
    Fail,
}

impl Outcome {
    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Check {
    /// Its name.
    pub name: &'static str,
    /// The machine; empty for what concerns the host.
    pub machine: String,
    /// How it ended.
    pub result: Outcome,
    /// What was found.
    pub message: String,
    /// What to do; empty where nothing is to be done.
    pub cure: String,
    /// Whether this call repaired it.
    pub fixed: bool,
}

/// The checks of the host or of one machine.
struct Findings {
    machine: String,
    fix: bool,
    checks: Vec<Check>,
}

impl Findings {
    fn new(machine: impl ToString, fix: bool) -> Self {
        Self { machine: machine.to_string(), fix, checks: Vec::new() }
    }

    fn push(&mut self, name: &'static str, result: Outcome, message: String, cure: String) {
        let machine = self.machine.clone();
        self.checks.push(Check { name, machine, result, message, cure, fixed: false });
    }

    fn ok(&mut self, name: &'static str, message: impl Into<String>) {
        self.push(name, Outcome::Ok, message.into(), String::new());
    }

    fn warn(&mut self, name: &'static str, message: impl Into<String>, cure: impl Into<String>) {
        self.push(name, Outcome::Warn, message.into(), cure.into());
    }

    fn fail(&mut self, name: &'static str, message: impl Into<String>, cure: impl Into<String>) {
        self.push(name, Outcome::Fail, message.into(), cure.into());
    }

    /// Something that `--fix` repairs: done now where that is asked for.
    async fn repairable(
        &mut self,
        name: &'static str,
        message: impl Into<String>,
        repair: impl Future<Output = Result<()>>,
    ) {
        let message = message.into();
        if !self.fix {
            return self.warn(name, message, "repeat this command with --fix");
        }
        match repair.await {
            Ok(()) => {
                self.ok(name, message);
                if let Some(check) = self.checks.last_mut() {
                    check.fixed = true;
                }
            }
            Err(error) => self.fail(name, message, format!("it could not be repaired: {error}")),
        }
    }
}

impl Machines {
    /// Checks this host for the provider `kind`, and the machine `name` or all machines. With `fix` repairs what can be
    /// repaired without risk: leftovers, modes of keys, a lost connection, leaked room in a disk, the guest's clock.
    ///
    /// # Errors
    /// There is no such machine, or the folder of machines cannot be read. What a check finds is no error.
    pub async fn doctor(
        &self,
        name: Option<&MachineName>,
        kind: ProviderKind,
        fix: bool,
    ) -> Result<Vec<Check>> {
        let names = match name {
            Some(name) => {
                self.find(name)?;
                vec![name.clone()]
            }
            None => self.names()?.into_iter().map(|(_, name)| name).collect(),
        };
        let mut host = Findings::new("", fix);
        self.check_host(kind, &mut host).await;
        let mut checks = host.checks;
        for name in names {
            let mut findings = Findings::new(&name, fix);
            self.check_machine(&name, &mut findings).await;
            checks.append(&mut findings.checks);
        }
        Ok(checks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[tokio::test]
    async fn repairs_happen_only_when_asked_for() {
        let mut looked = Findings::new("dev", false);
        looked.repairable("keys", "open", async { panic!("repaired") }).await;
        assert_eq!(looked.checks[0].result, Outcome::Warn);
        assert!(looked.checks[0].cure.contains("--fix"));
        let mut repaired = Findings::new("dev", true);
        repaired.repairable("keys", "open", async { Ok(()) }).await;
        assert!(repaired.checks[0].fixed && repaired.checks[0].result == Outcome::Ok);
        let failing = async { Err(Error::NotFound { name: "dev".into() }) };
        repaired.repairable("keys", "open", failing).await;
        assert!(!repaired.checks[1].fixed && repaired.checks[1].result == Outcome::Fail);
    }
}
