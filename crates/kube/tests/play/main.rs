//! What files come to, field by field: a table of YAML and the part of the request that it makes.

mod containers;
mod faults;
mod objects;
mod pods;

use std::collections::BTreeMap;
use std::sync::atomic::AtomicUsize;

use cove_api::KubePlayOptions;
use cove_kube::{Application, COPIES, HostFacts, ImageFacts, Known, PodPlan, SecretData};
use serde_json::Value;

fn options() -> KubePlayOptions {
    KubePlayOptions { folder: Some("/cwd".into()), ..KubePlayOptions::default() }
}

fn planned(text: &str, options: &KubePlayOptions) -> Result<Vec<PodPlan>, String> {
    let application = Application::parse(text).map_err(|error| error.to_string())?;
    let secrets: BTreeMap<String, SecretData> =
        [("s".to_owned(), [("k".to_owned(), b"tiger".to_vec())].into())].into();
    let host = HostFacts { memory: 8 << 30, processors: 4 };
    let room = AtomicUsize::new(COPIES);
    let (config_maps, secrets, room) = (&application.config_maps, &secrets, &room);
    let known = |place| Known { options, config_maps, secrets, host, room, place };
    let plan = |(place, workload): (usize, &cove_kube::Workload)| workload.plan(&known(place));
    application
        .workloads
        .iter()
        .enumerate()
        .map(plan)
        .collect::<Result<_, _>>()
        .map_err(|error| error.to_string())
}

/// A pod with these lines in its specification and in its container's.
fn pod(spec: &str, container: &str) -> String {
    let indented =
        |text: &str, by: &str| text.lines().map(|line| format!("{by}{line}\n")).collect::<String>();
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\n  labels: {{app: web}}\n  annotations: {{note: n}}\nspec:\n{}  \
         containers:\n  - name: c\n    image: busybox\n{}",
        indented(spec, "  "),
        indented(container, "    ")
    )
}

fn one(text: &str, options: &KubePlayOptions) -> Result<(Value, Value), String> {
    let plan = planned(text, options)?.remove(0);
    let image = ImageFacts { env: vec!["IMG=i".into()], user: "1000".into() };
    let spec = plan.containers.last().unwrap().spec("PODID", &image).map_err(|error| error.to_string())?;
    Ok((serde_json::to_value(&plan.spec).unwrap(), serde_json::to_value(spec).unwrap()))
}

#[track_caller]
fn check(found: &Value, path: &str, expected: Value, text: &str) {
    assert_eq!(found.pointer(path).cloned().unwrap_or(Value::Null), expected, "{path} of\n{text}\n{found:#}");
}
