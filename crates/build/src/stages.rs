//! Which stages are built: from the target back to what it needs.

use std::collections::BTreeSet;

use crate::error::{BuildError, Result};
use crate::language::{BuildFile, Instruction, MountKind, RunMount, Stage, Step};
use crate::scope::Scope;

/// What is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// All stages of the file, in its order.
    pub stages: Vec<PlannedStage>,
    /// The stage that becomes the image.
    pub target: usize,
    /// Names of further contexts, in lower case, which come before stages and images.
    others: BTreeSet<String>,
}

/// A stage and what it begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedStage {
    /// What it begins with.
    pub base: StageBase,
    /// `--platform` of its `FROM`, its variables replaced.
    pub platform: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// The target needs it.
    pub needed: bool,
}

/// What a stage begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StageBase {
    /// Nothing.
    Scratch,
    /// A stage before.
    Stage(usize),
    /// A further context of that name.
    Other(String),
    /// An image.
    Image(String),
}

impl Plan {
    /// Finds the target and what it needs; with `all` every stage is needed.
    ///
    /// # Errors
    /// There is no such target, or a stage's name means nothing.
    pub fn new(
        file: &BuildFile,
        scope: &Scope,
        target: &str,
        all: bool,
        others: &BTreeSet<String>,
    ) -> Result<Self> {
        let mut plan =
            Self { stages: Vec::with_capacity(file.stages.len()), target: 0, others: others.clone() };
        for stage in &file.stages {
            let planned = plan.begin(stage, scope).map_err(|error| error.at(stage.line))?;
            plan.stages.push(planned);
        }
        plan.target = match target {
            "" => file.stages.len() - 1,
            target => plan.find(&target.to_ascii_lowercase(), file.stages.len()).ok_or_else(|| {
                BuildError::new(format!("the target {target:?} was not found in the provided Dockerfile"))
            })?,
        };
        // A stage is needed by later ones alone, so one pass backwards finds all.
        plan.stages[plan.target].needed = true;
        for index in (0..plan.stages.len()).rev() {
            if all && index < plan.target {
                plan.stages[index].needed = true;
            }
            if plan.stages[index].needed {
                for other in plan.needs(&file.stages[index], index, scope) {
                    plan.stages[other].needed = true;
                }
            }
        }
        Ok(plan)
    }

    fn begin(&self, stage: &Stage, scope: &Scope) -> Result<PlannedStage> {
        let image = scope.global_word(&stage.from.image)?;
        if image.is_empty() {
            let written = &stage.from.image;
            return Err(BuildError::new(format!("base name ({written}) should not be blank")));
        }
        let platform =
            stage.from.platform.as_ref().map(|platform| scope.global_word(platform)).transpose()?;
        let named = |name: &str| {
            self.stages.iter().rposition(|stage| stage.name.as_deref() == Some(&name.to_ascii_lowercase()))
        };
        let base = match named(&image) {
            _ if self.others.contains(&image.to_ascii_lowercase()) => {
                StageBase::Other(image.to_ascii_lowercase())
            }
            Some(index) => StageBase::Stage(index),
            None if image == "scratch" => StageBase::Scratch,
            None => StageBase::Image(image),
        };
        Ok(PlannedStage {
            base,
            platform: platform.filter(|platform| !platform.is_empty()),
            name: stage.from.name.clone(),
            needed: false,
        })
    }

    /// The stage of a name or number among the first `before` ones.
    #[must_use]
    pub fn find(&self, name: &str, before: usize) -> Option<usize> {
        let stages = &self.stages[..before.min(self.stages.len())];
        let lower = name.to_ascii_lowercase();
        let named = stages.iter().rposition(|stage| stage.name.as_deref() == Some(lower.as_str()));
        named.or_else(|| name.parse().ok().filter(|number: &usize| *number < stages.len()))
    }

    /// The stages before that a stage takes something of.
    fn needs(&self, stage: &Stage, index: usize, scope: &Scope) -> Vec<usize> {
        let mut needed = self.taken(&stage.steps, index, scope);
        if let StageBase::Stage(base) = self.stages[index].base {
            needed.push(base);
        }
        needed
    }

    /// The stages among the first `before` ones that steps take something of.
    #[must_use]
    pub fn taken(&self, steps: &[Step], before: usize, scope: &Scope) -> Vec<usize> {
        let mut needed = Vec::new();
        let mut take = |name: &str| {
            let name = scope.global_word(name).unwrap_or_else(|_| name.to_owned());
            if !self.others.contains(&name.to_ascii_lowercase()) {
                needed.extend(self.find(&name, before));
            }
        };
        for step in steps {
            match &step.instruction {
                Instruction::Copy(copying) => copying.from.iter().for_each(|name| take(name)),
                Instruction::Run(run) => {
                    for mount in &run.mounts {
                        // One with variables cannot be understood yet; its `from` has none.
                        let kind = RunMount::parse(mount).map(|mount| mount.kind);
                        if let Ok(MountKind::Bind { from, .. } | MountKind::Cache { from, .. }) = kind {
                            from.iter().for_each(|name| take(name));
                        }
                    }
                }
                _ => {}
            }
        }
        needed
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::scope::Platforms;

    fn plan(text: &str, target: &str) -> Result<Plan> {
        let file = BuildFile::parse(text.as_bytes())?;
        let platforms = Platforms { build: "linux/amd64".into(), target: "linux/amd64".into() };
        let mut scope = Scope::new(file.escape, BTreeMap::new(), &platforms, target);
        for step in &file.arguments {
            if let Instruction::Arg(all) = &step.instruction {
                scope.declare_global(all)?;
            }
        }
        Plan::new(&file, &scope, target, false, &BTreeSet::from(["outside".to_owned()]))
    }

    #[test]
    fn only_what_the_target_needs_is_built() {
        let text = "ARG BASE=b\nFROM a AS one\nFROM $BASE AS two\nFROM c AS three\nCOPY --from=one /x /x\n\
                    RUN --mount=type=bind,from=two,target=/t true\nFROM three\nFROM unneeded\n";
        let needed = |target| -> Vec<usize> {
            let plan = plan(text, target).unwrap();
            let stages = plan.stages.iter().enumerate();
            stages.filter(|(_, stage)| stage.needed).map(|(index, _)| index).collect()
        };
        assert_eq!(needed(""), [4]);
        assert_eq!(needed("3"), [0, 1, 2, 3]);
        assert_eq!(needed("ONE"), [0]);
        assert_eq!(plan(text, "").unwrap().stages[1].base, StageBase::Image("b".into()));
        assert_eq!(plan(text, "").unwrap().stages[3].base, StageBase::Stage(2));
        let outside = plan("FROM a AS outside\nFROM b\nCOPY --from=outside /x /x\n", "").unwrap();
        assert!(!outside.stages[0].needed);
        assert_eq!(plan("FROM Outside", "").unwrap().stages[0].base, StageBase::Other("outside".into()));
        assert!(plan(text, "nobody").unwrap_err().message.contains("the target \"nobody\" was not found"));
        assert!(plan("FROM $UNSET", "").unwrap_err().to_string().starts_with("line 1: base name"));
    }
}
