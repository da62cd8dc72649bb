//! The OpenAPI document in the repository is what the declarations make, and is one.

use std::collections::BTreeSet;
use std::path::PathBuf;

use cove_api::endpoint::{document, routes};
use serde_json::Value;

#[test]
fn is_up_to_date() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/api/libpod.json");
    let generated = serde_json::to_string_pretty(&document()).unwrap() + "\n";
    if std::env::var_os("COVE_GENERATE").is_some() {
        cove_sys::fs::create_dir_all(path.parent().unwrap()).unwrap();
        cove_sys::fs::write(&path, generated).unwrap();
        return;
    }
    let present = cove_sys::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        present == generated,
        "{} is out of date: run `COVE_GENERATE=1 cargo test -p cove-api --test openapi`",
        path.display()
    );
}

#[test]
fn a_parser_of_openapi_3_1_takes_it() {
    let text = document().to_string();
    let spec = oas3::from_json(text).unwrap();
    assert_eq!(spec.openapi, "3.1.0");
    assert_eq!(spec.operations().count(), routes().len());
}

#[test]
fn has_every_route_once() {
    let document = document();
    let mut ids = BTreeSet::new();
    for route in routes() {
        let verb = format!("{:?}", route.verb).to_lowercase();
        let path = format!("{}{}", route.family.prefix(), route.path);
        let operation = &document["paths"][path][&verb];
        let id = operation["operationId"].as_str().unwrap_or_else(|| panic!("{route:?} is missing"));
        assert!(ids.insert(id.to_owned()), "{id} is there twice");
        assert!(operation["summary"].as_str().is_some_and(|summary| !summary.is_empty()), "{id}");
        let parameters = operation["parameters"].as_array().unwrap();
        let mut names = BTreeSet::new();
        for parameter in parameters {
            let name = parameter["name"].as_str().unwrap();
            assert!(names.insert((name, parameter["in"].as_str())), "{id}: {name} is there twice");
            let place = parameter["in"].as_str().unwrap();
            assert!(["path", "query", "header"].contains(&place), "{id}: {name}");
            assert!(parameter.get("schema").is_some() != parameter.get("content").is_some(), "{id}: {name}");
        }
        let in_path = parameters.iter().filter(|parameter| parameter["in"] == "path").count();
        assert_eq!(in_path, route.path.matches('{').count(), "{id}");
    }
}

#[test]
fn every_reference_leads_somewhere() {
    fn walk(value: &Value, document: &Value) {
        match value {
            Value::Object(map) => {
                if let Some(target) = map.get("$ref").and_then(Value::as_str) {
                    let pointer = target.strip_prefix('#').unwrap_or_else(|| panic!("{target}"));
                    assert!(document.pointer(pointer).is_some(), "{target}");
                }
                map.values().for_each(|value| walk(value, document));
            }
            Value::Array(list) => list.iter().for_each(|value| walk(value, document)),
            _ => {}
        }
    }
    let document = document();
    walk(&document, &document);
}

#[test]
fn names_are_libpods() {
    let document = document();
    let names = |path: &str, verb: &str| -> Vec<String> {
        let parameters = document["paths"][format!("/libpod{path}")][verb]["parameters"].as_array().unwrap();
        parameters.iter().map(|parameter| parameter["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(
        names("/containers/json", "get"),
        ["all", "limit", "size", "namespace", "sync", "details", "external", "filters", "pod"]
    );
    assert_eq!(names("/containers/{name}/stop", "post"), ["name", "timeout", "ignore"]);
    let pull = names("/images/pull", "post");
    for name in [
        "reference",
        "policy",
        "OS",
        "Arch",
        "Variant",
        "allTags",
        "tlsVerify",
        "retrydelay",
        "X-Registry-Auth",
    ] {
        assert!(pull.iter().any(|known| known == name), "{name} of {pull:?}");
    }
    let list = &document["components"]["schemas"]["ContainerSummary"]["properties"];
    assert!(list["ImageID"].is_object() && list["State"].is_object(), "{list}");
}
