//! Whether an object is what it was applied for, as its status says.

use serde_json::Value;

/// What a status says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Readiness {
    /// It is ready, or is nothing that becomes ready.
    Ready,
    /// It is not ready, and why.
    NotYet(String),
    /// It never will be, and why.
    Failed(String),
}

pub(crate) fn readiness(kind: &str, object: &Value) -> Readiness {
    match kind {
        "Pod" => pod(object),
        "Job" => job(object),
        "Deployment" => {
            if let Some(why) = condition(object, "Progressing", "False") {
                return Readiness::Failed(why);
            }
            counted(object, "/spec/replicas", &["updatedReplicas", "availableReplicas"])
        }
        "StatefulSet" => counted(object, "/spec/replicas", &["updatedReplicas", "readyReplicas"]),
        "DaemonSet" => {
            counted(object, "/status/desiredNumberScheduled", &["updatedNumberScheduled", "numberAvailable"])
        }
        _ => Readiness::Ready,
    }
}

fn pod(object: &Value) -> Readiness {
    let phase = text(object, "/status/phase");
    match phase.as_str() {
        "Succeeded" => return Readiness::Ready,
        "Failed" => {
            let why = [text(object, "/status/message"), text(object, "/status/reason"), phase];
            return Readiness::Failed(why.into_iter().find(|why| !why.is_empty()).unwrap_or_default());
        }
        _ => {}
    }
    if condition(object, "Ready", "True").is_some() {
        return Readiness::Ready;
    }
    let waiting = |status: &Value| {
        let reason = text(status, "/state/waiting/reason");
        (!reason.is_empty()).then(|| format!("container {}: {reason}", text(status, "/name")))
    };
    let statuses = object.pointer("/status/containerStatuses").and_then(Value::as_array);
    let why = statuses.into_iter().flatten().find_map(waiting);
    let unscheduled = || condition(object, "PodScheduled", "False");
    let phase = || if phase.is_empty() { "it has no status".to_owned() } else { format!("it is {phase}") };
    Readiness::NotYet(why.or_else(unscheduled).unwrap_or_else(phase))
}

fn job(object: &Value) -> Readiness {
    if let Some(why) = condition(object, "Failed", "True") {
        return Readiness::Failed(why);
    }
    match condition(object, "Complete", "True") {
        Some(_) => Readiness::Ready,
        None => Readiness::NotYet(format!(
            "{} of its pods run",
            object.pointer("/status/active").and_then(Value::as_i64).unwrap_or_default()
        )),
    }
}

/// Ready once so many are wanted as each of the fields counts, of the generation that was applied.
fn counted(object: &Value, wanted: &str, fields: &[&str]) -> Readiness {
    let number = |path: &str| object.pointer(path).and_then(Value::as_i64);
    let generation = number("/metadata/generation").unwrap_or_default();
    if number("/status/observedGeneration").unwrap_or_default() < generation {
        return Readiness::NotYet("the cluster has not looked at it".into());
    }
    // A Deployment without a word is one pod; a DaemonSet of no node is none.
    let wanted = number(wanted).unwrap_or(if wanted.starts_with("/spec") { 1 } else { 0 });
    for field in fields {
        let found = number(&format!("/status/{field}")).unwrap_or_default();
        if found < wanted {
            return Readiness::NotYet(format!("{field}: {found} of {wanted}"));
        }
    }
    Readiness::Ready
}

/// What a condition with that status says.
fn condition(object: &Value, kind: &str, status: &str) -> Option<String> {
    let all = object.pointer("/status/conditions").and_then(Value::as_array)?;
    let found = all.iter().find(|one| text(one, "/type") == kind && text(one, "/status") == status)?;
    let words = [text(found, "/message"), text(found, "/reason"), kind.to_owned()];
    words.into_iter().find(|words| !words.is_empty())
}

fn text(value: &Value, path: &str) -> String {
    value.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_statuses_mean() {
        let not_yet = |why: &str| Readiness::NotYet(why.into());
        let failed = |why: &str| Readiness::Failed(why.into());
        let pulling = json!({"status": {"phase": "Pending", "containerStatuses": [
            {"name": "web", "state": {"waiting": {"reason": "ErrImagePull"}}}]}});
        let unscheduled = json!({"status": {"phase": "Pending", "conditions": [
            {"type": "PodScheduled", "status": "False", "message": "no nodes"}]}});
        let two =
            |status: Value| json!({"metadata": {"generation": 3}, "spec": {"replicas": 2}, "status": status});
        let condition = |kind: &str, status: &str| json!({"status": {"conditions": [{"type": kind, "status": status, "message": "words"}]}});
        for (kind, object, expected) in [
            ("ConfigMap", json!({}), Readiness::Ready),
            ("Pod", json!({}), not_yet("it has no status")),
            ("Pod", json!({"status": {"phase": "Running"}}), not_yet("it is Running")),
            ("Pod", pulling, not_yet("container web: ErrImagePull")),
            ("Pod", unscheduled, not_yet("no nodes")),
            ("Pod", condition("Ready", "True"), Readiness::Ready),
            ("Pod", json!({"status": {"phase": "Succeeded"}}), Readiness::Ready),
            ("Pod", json!({"status": {"phase": "Failed", "reason": "Evicted"}}), failed("Evicted")),
            ("Job", condition("Complete", "True"), Readiness::Ready),
            ("Job", condition("Failed", "True"), failed("words")),
            ("Job", json!({"status": {"active": 2}}), not_yet("2 of its pods run")),
            ("Deployment", two(json!({})), not_yet("the cluster has not looked at it")),
            (
                "Deployment",
                two(json!({"observedGeneration": 3, "updatedReplicas": 2, "availableReplicas": 1})),
                not_yet("availableReplicas: 1 of 2"),
            ),
            (
                "Deployment",
                two(json!({"observedGeneration": 3, "updatedReplicas": 2, "availableReplicas": 2})),
                Readiness::Ready,
            ),
            ("Deployment", condition("Progressing", "False"), failed("words")),
            (
                "StatefulSet",
                two(json!({"observedGeneration": 3, "updatedReplicas": 2, "readyReplicas": 2})),
                Readiness::Ready,
            ),
            ("StatefulSet", json!({"status": {}}), not_yet("updatedReplicas: 0 of 1")),
            ("DaemonSet", json!({"status": {"desiredNumberScheduled": 0}}), Readiness::Ready),
            (
                "DaemonSet",
                json!({"status": {"desiredNumberScheduled": 1}}),
                not_yet("updatedNumberScheduled: 0 of 1"),
            ),
        ] {
            assert_eq!(readiness(kind, &object), expected, "{kind} {object}");
        }
    }
}
