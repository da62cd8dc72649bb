//! What makes pods: controllers, stateful sets and jobs.

use crate::application::{Application, Header, ScheduledJob, Workload, named};
use crate::error::{KubeError, Result, bail};
use crate::objects::{ClaimVolume, Controller, CronJob, Metadata, PodTemplate, StatefulSet, Volume};

impl ScheduledJob {
    /// That it does not run, why, and what to do.
    pub(crate) fn told(&self) -> String {
        let Self { name, schedule, .. } = self;
        format!(
            "CronJob {name} is not run, because nothing here keeps its schedule {schedule:?}: --job {name} runs it \
             once, such as from a timer of systemd"
        )
    }
}

impl Application {
    /// Takes the jobs of these names among what is to run; the others are among what has no effect.
    ///
    /// # Errors
    /// There is no such job.
    pub fn choose_jobs(&mut self, names: &[String]) -> Result<()> {
        for name in names {
            let Some(place) = self.jobs.iter().position(|job| job.name == *name) else {
                if self.jobs.is_empty() {
                    bail!("there is no CronJob {name:?} in it, nor any other");
                }
                let all: Vec<&str> = self.jobs.iter().map(|job| job.name.as_str()).collect();
                bail!("there is no CronJob {name:?} in it, but: {}", all.join(", "));
            };
            self.workloads.push(self.jobs.remove(place).workload);
        }
        for job in &self.jobs {
            let path = format!("kind CronJob ({})", job.name);
            self.unused.push(crate::Unused { line: job.workload.line, path });
            self.remarks.push(job.told());
        }
        Ok(())
    }

    pub(crate) fn add_controller(&mut self, header: &Header<'_>) -> Result<()> {
        let controller: Controller = self.read(header)?;
        let missing = match header.kind {
            "Deployment" => "deployment does not have a name",
            "DaemonSet" => "daemonSet does not have a name",
            _ => "job does not have a name",
        };
        named(header.node, &controller.metadata.name, missing)?;
        self.limit(controller.spec.replicas);
        self.workloads.push(workload(header, controller.metadata, controller.spec.template));
        Ok(())
    }

    /// Its first pod, whose name and volumes have a number, and which others find beneath the name of the service.
    pub(crate) fn add_stateful_set(&mut self, header: &Header<'_>) -> Result<()> {
        let set: StatefulSet = self.read(header)?;
        named(header.node, &set.metadata.name, "statefulSet does not have a name")?;
        let spec = set.spec;
        self.limit(spec.replicas);
        let number = spec.ordinals.map_or(0, |ordinals| ordinals.start);
        if number < 0 {
            return Err(KubeError::new(format!("{number} is no number of a pod"))
                .at(header.node.line, || "spec.ordinals.start".into()));
        }
        let name = format!("{}-{number}", set.metadata.name);
        let mut workload = workload(header, set.metadata, spec.template);
        if !spec.service_name.is_empty() {
            workload.host_names = vec![name.clone(), format!("{name}.{}", spec.service_name)];
        }
        let selected = spec.selector.map(|selector| selector.match_labels).unwrap_or_default();
        for mut claim in spec.volume_claim_templates {
            let template = std::mem::take(&mut claim.metadata.name);
            named(header.node, template.trim(), "a volumeClaimTemplate does not have a name")?;
            claim.metadata.name = format!("{template}-{name}");
            claim.metadata.labels.extend(selected.clone());
            let claim_name = claim.metadata.name.clone();
            // As in a cluster: a volume of the pod with that name is not used.
            workload.spec.volumes.retain(|volume| volume.name != template);
            workload.spec.volumes.push(Volume {
                name: template,
                persistent_volume_claim: Some(ClaimVolume { claim_name, read_only: false }),
                ..Volume::default()
            });
            self.claims_of_sets.push(claim);
        }
        self.workloads.push(Workload { name, ..workload });
        Ok(())
    }

    pub(crate) fn add_cron_job(&mut self, header: &Header<'_>) -> Result<()> {
        let CronJob { metadata, spec, .. } = self.read(header)?;
        named(header.node, &metadata.name, "cronJob does not have a name")?;
        let name = metadata.name.clone();
        let own = Metadata { name: metadata.name, ..spec.job_template.metadata };
        let workload = workload(header, own, spec.job_template.spec.template);
        self.jobs.push(ScheduledJob { name, schedule: spec.schedule, workload });
        Ok(())
    }

    /// Adds the volumes of stateful sets, but for those that the file itself describes.
    pub(crate) fn add_claims_of_sets(&mut self) {
        for claim in std::mem::take(&mut self.claims_of_sets) {
            if !self.claims.iter().any(|known| known.name() == claim.name()) {
                self.claims.push(claim);
            }
        }
    }

    fn limit(&mut self, replicas: Option<i32>) {
        if replicas.is_some_and(|replicas| replicas > 1) {
            self.remarks
                .push("Limiting replica count to 1, more than one replica is not supported".to_owned());
        }
    }
}

/// The pod of a template.
fn workload(header: &Header<'_>, own: Metadata, template: PodTemplate) -> Workload {
    // Podman reads those of the object, Kubernetes those of the template: both are meant.
    let mut annotations = template.metadata.annotations;
    annotations.extend(own.annotations);
    Workload {
        name: format!("{}-pod", own.name),
        labels: template.metadata.labels,
        annotations,
        spec: template.spec,
        host_names: Vec::new(),
        line: header.node.line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SET: &str = "kind: StatefulSet\nmetadata: {name: web}\nspec:\n  serviceName: shop\n  replicas: 3\n  \
        ordinals: {start: 2}\n  selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    \
        spec:\n      volumes: [{name: data, emptyDir: {}}, {name: other, emptyDir: {}}]\n  volumeClaimTemplates:\n  \
        - metadata: {name: data, labels: {kept: a}}\n    spec: {accessModes: [ReadWriteOnce], volumeMode: Block}\n  \
        - metadata: {name: logs}\n";

    #[test]
    fn stateful_sets() {
        let given = "---\nkind: PersistentVolumeClaim\nmetadata: {name: logs-web-2, labels: {own: b}}\n";
        let application = Application::parse(&(SET.to_owned() + given)).unwrap();
        let pod = &application.workloads[0];
        assert_eq!((pod.name.as_str(), pod.host_names.join(" ").as_str()), ("web-2", "web-2 web-2.shop"));
        let mut volumes = pod.volume_names();
        volumes.sort_unstable();
        assert_eq!(volumes, ["data-web-2", "logs-web-2"]);
        assert_eq!(pod.spec.volumes.len(), 3);
        let claims: Vec<_> =
            application.claims.iter().map(|claim| (claim.name(), &claim.metadata.labels)).collect();
        // The one that the file describes itself, and no second of its name.
        assert_eq!(claims[0], ("logs-web-2", &[("own".to_owned(), "b".to_owned())].into()));
        let labels = [("app".to_owned(), "web".to_owned()), ("kept".to_owned(), "a".to_owned())].into();
        assert_eq!(claims[1..], [("data-web-2", &labels)]);
        assert_eq!(application.unused[0].path, "spec.volumeClaimTemplates[0].spec.volumeMode");
        assert!(application.remarks[0].contains("replica count to 1"));
        for (text, expected) in [
            (SET.replace("start: 2", "start: -1"), "-1 is no number of a pod"),
            (SET.replace("{name: logs}", "{}"), "a volumeClaimTemplate does not have a name"),
            (SET.replace("metadata: {name: web}\n", ""), "statefulSet does not have a name"),
            (format!("{SET}---\nkind: Pod\nmetadata: {{name: web-2}}\n"), "the pod \"web-2\" is there twice"),
        ] {
            let error = Application::parse(&text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn jobs_run_where_they_are_chosen() {
        let text = "kind: CronJob\nmetadata: {name: a}\nspec:\n  schedule: '*/5 * * * *'\n  timeZone: UTC\n  \
            concurrencyPolicy: Forbid\n  jobTemplate:\n    spec:\n      template:\n        metadata: {labels: {x: y}}\n---\n\
            kind: CronJob\nmetadata: {name: b}\n";
        let mut application = Application::parse(text).unwrap();
        assert_eq!(application.objects().collect::<Vec<_>>(), [("pod", "a-pod"), ("pod", "b-pod")]);
        let error = application.check_playable().unwrap_err();
        assert_eq!(error.kind, cove_api::ErrorKind::Unsupported);
        assert!(error.to_string().contains("--job a runs it once"), "{error}");
        let error = application.choose_jobs(&["c".into()]).unwrap_err().to_string();
        assert!(error.contains("no CronJob \"c\" in it, but: a, b"), "{error}");
        application.choose_jobs(&["a".into()]).unwrap();
        application.check_playable().unwrap();
        assert_eq!((application.workloads[0].name.as_str(), application.jobs.len()), ("a-pod", 1));
        assert_eq!(application.workloads[0].labels["x"], "y");
        let unused: Vec<&str> = application.unused.iter().map(|unused| unused.path.as_str()).collect();
        assert_eq!(unused, ["spec.concurrencyPolicy", "kind CronJob (b)"]);
        assert!(application.remarks[0].starts_with("CronJob b is not run"), "{:?}", application.remarks);
        let none = Application::default().choose_jobs(&["a".into()]).unwrap_err().to_string();
        assert!(none.contains("nor any other"), "{none}");
    }
}
