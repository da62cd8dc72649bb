//! The OpenAPI 3.1 document of the libpod API, made from the same declarations that are served.

use std::sync::Arc;

use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::body::Body;
use super::declare::{Endpoint, Family, PathParameters, Verb, names};
use super::parameters::Parameters;
use super::serve::{Call, Routes};
use crate::{Engine, LIBPOD_API_VERSION, Result};

/// The document.
#[must_use]
pub fn document() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut described = Operations { schemas: settings.into_generator(), paths: Map::new() };
    super::every(&mut described);
    let Operations { mut schemas, paths } = described;
    let mut components = schemas.take_definitions(true);
    components.insert("Error".into(), error());
    components.sort_keys();
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Cove's API",
            "version": LIBPOD_API_VERSION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            "description": "What `cove system service` answers below `/libpod`, as Podman does, and below `/cove`, \
                which is its own; either may follow on `/vVERSION`. Parameters and \
                fields that are marked as not supported are refused by name where they ask for something.",
        },
        "servers": [{"url": "http://d/v5.0.0", "description": "on a Unix socket; the host's name is not looked at"}],
        "paths": paths,
        "components": {"schemas": components},
    });
    without_links(&mut document);
    document
}

/// Takes the links between doc comments out of descriptions: `[`Type`]` becomes `` `Type` ``.
fn without_links(value: &mut Value) {
    match value {
        Value::Object(map) => {
            if let Some(Value::String(text)) = map.get_mut("description") {
                *text = text.replace("[`", "`").replace("`]", "`");
            }
            map.values_mut().for_each(without_links);
        }
        Value::Array(list) => list.iter_mut().for_each(without_links),
        _ => {}
    }
}

/// The body of every error.
fn error() -> Value {
    json!({
        "type": "object",
        "required": ["cause", "message", "response", "kind"],
        "properties": {
            "cause": {"type": "string"},
            "message": {"type": "string", "description": "what failed, on which object, why"},
            "response": {"type": "integer", "description": "the status"},
            "kind": {"type": "string", "description": "the sort of failure, for programs"},
        },
    })
}

struct Operations {
    schemas: SchemaGenerator,
    paths: Map<String, Value>,
}

impl Routes for Operations {
    fn add<P, Q, B, A, F>(
        &mut self,
        endpoint: Endpoint<P, Q, B, A>,
        _: impl Fn(Arc<dyn Engine>, Call<P, Q, B>) -> F + Send + Sync + 'static,
    ) where
        P: PathParameters,
        Q: Parameters,
        B: Body,
        A: Answer,
        F: Future<Output = Result<A>> + Send + 'static,
    {
        let mut parameters: Vec<Value> = names(endpoint.path).map(path_parameter).collect();
        parameters.append(&mut Q::describe(&mut self.schemas));
        let path = format!("{}{}", endpoint.family.prefix(), endpoint.path);
        let named = if endpoint.family == Family::Cove { path.as_str() } else { endpoint.path };
        let mut operation = json!({
            "operationId": operation_id(endpoint.verb, named),
            "tags": [endpoint.path.split('/').nth(1).unwrap_or_default()],
            "summary": endpoint.summary,
            "parameters": parameters,
            "responses": {
                endpoint.status.as_str(): success::<A>(&mut self.schemas),
                "default": {
                    "description": "an error",
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
                },
            },
        });
        if let Some((media_type, schema)) = B::describe(&mut self.schemas) {
            operation["requestBody"] = json!({"required": true, "content": {media_type: {"schema": schema}}});
        }
        let path = self.paths.entry(path).or_insert_with(|| json!({}));
        path[method(endpoint.verb)] = operation;
    }
}

fn method(verb: Verb) -> &'static str {
    match verb {
        Verb::Delete => "delete",
        Verb::Get => "get",
        Verb::Head => "head",
        Verb::Post => "post",
        Verb::Put => "put",
    }
}

/// `getContainersNameJson` for `GET /containers/{name}/json`.
fn operation_id(verb: Verb, path: &str) -> String {
    let mut id = method(verb).to_owned();
    for word in path.split(['/', '_', '{', '}']).filter(|word| !word.is_empty()) {
        let (first, rest) = word.split_at(1);
        id.push_str(&first.to_ascii_uppercase());
        id.push_str(rest);
    }
    id
}

fn path_parameter(name: &str) -> Value {
    json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}})
}

/// A parameter for each property of an object.
pub(super) fn query_parameters(schema: &Schema) -> Vec<Value> {
    let required = schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return Vec::new() };
    properties.iter().map(|(name, schema)| query_parameter(name, schema.clone(), &required)).collect()
}

fn query_parameter(name: &str, mut schema: Value, required: &[Value]) -> Value {
    let mut parameter = json!({"name": name, "in": "query"});
    if let Some(description) = schema.as_object_mut().and_then(|schema| schema.remove("description")) {
        parameter["description"] = description;
    }
    if required.iter().any(|known| known == name) {
        parameter["required"] = true.into();
    }
    // Maps and objects are JSON in the value.
    if schema["type"] == "object" {
        parameter["content"] = json!({"application/json": {"schema": schema}});
    } else {
        parameter["schema"] = schema;
    }
    parameter
}

fn success<A: Answer>(schemas: &mut SchemaGenerator) -> Value {
    match A::describe(schemas).content {
        None => json!({"description": "done"}),
        Some((media_type, schema)) => {
            json!({"description": "done", "content": {media_type: {"schema": schema}}})
        }
    }
}
