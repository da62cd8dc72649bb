//! JSON bodies: texts that are none, and every declared field with a value of another type.

use cove_test_support::documented_routes;
use serde_json::{Map, Value, json};

use super::{Case, Right, judge};

/// So deep are fields looked for.
const DEPTH: usize = 4;

/// Docker's routes that read JSON.
const DOCKER: &[&str] =
    &["/containers/create", "/containers/one/exec", "/networks/create", "/volumes/create"];

/// A route with a JSON body, and the schema of that.
fn libpod_bodies() -> Vec<(String, Value, Value)> {
    let mut bodies = Vec::new();
    for route in documented_routes() {
        let Some(operation) = &route.operation else { continue };
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        if !schema.is_null() {
            bodies.push((route.path_of("one"), schema.clone(), operation["schemas"].clone()));
        }
    }
    bodies
}

/// Texts that are no JSON object, and what the message holds.
fn garbage() -> Vec<Vec<u8>> {
    let texts = [
        "{",
        "[",
        "}",
        "{]",
        "nul",
        "\"",
        "5",
        "-",
        "true",
        "\"x\"",
        "[]",
        "[{}]",
        "{\"a\":}",
        "{\"a\" 1}",
        "{'a':1}",
        "{a:1}",
        "{\"a\":1,}",
        "{\"a\":01}",
        "{\"a\":+1}",
        "{\"a\":.5}",
        "{\"a\":NaN}",
        "{\"a\":Infinity}",
        "{\"a\":\"x",
        "{\"a\":\"\u{1b}\"}",
        "{\"a\":\"\n\"}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\u12\"}",
        "{,}",
        "// {}",
        "/**/{}",
        "\u{feff}{}",
        "<xml/>",
        "a=b&c=d",
        "\0",
        "\0{}",
        "{\"no\\u001b]0;title\\u0007\\nError: forged\\u202e\":1}",
        "{\"Zork\":1}",
        "{\"\":1}",
        "{\"\\u0000\":1}",
    ];
    let mut all: Vec<Vec<u8>> = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    all.push(b"{\"a\":\"\xff\xfe\"}".to_vec());
    all.push(b"\xff\xfe{\0}\0".to_vec());
    all.push(b"\x1f\x8b\x08\0\0\0\0\0\0\x03".to_vec());
    all.push("[".repeat(100_000).into_bytes());
    all.push("{\"a\":".repeat(100_000).into_bytes());
    all.push(format!("{{\"{}\":1}}", "k".repeat(70_000)).into_bytes());
    all.push(format!("{{\"a\":{}}}", "9".repeat(100_000)).into_bytes());
    all.push([b"{\"a\":\"".to_vec(), vec![b'x'; 9 << 20], b"\"}".to_vec()].concat());
    all.push(vec![b' '; 9 << 20]);
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn that_are_no_objects() {
    let mut cases = Vec::new();
    let paths = libpod_bodies()
        .into_iter()
        .map(|(path, ..)| path)
        .chain(DOCKER.iter().map(|path| (*path).to_owned()));
    for path in paths {
        for body in garbage() {
            cases.push(Case::request("POST", &path, &body, Right::Refused(&[400, 413, 501], String::new())));
        }
    }
    judge(cases, 400).await;
}

/// The schema itself in place of a reference to it, or of one that may be null.
fn resolved<'a>(mut schema: &'a Value, schemas: &'a Value) -> &'a Value {
    for _ in 0..10 {
        if let Some(path) = schema["$ref"].as_str() {
            schema = &schemas[path.rsplit('/').next().unwrap_or_default()];
        } else if let Some(one) =
            schema["anyOf"].as_array().and_then(|all| all.iter().find(|one| one["type"] != "null"))
        {
            schema = one;
        } else {
            break;
        }
    }
    schema
}

/// A value of another type than a schema demands.
fn other(schema: &Value) -> Vec<Value> {
    let is = |name: &str| match &schema["type"] {
        Value::Array(types) => types.iter().any(|found| found == name) && types.len() <= 2,
        found => found == name,
    };
    if is("boolean") {
        vec![json!("x"), json!(5), json!([true]), json!({})]
    } else if is("integer") {
        vec![json!("x"), json!(1.5), json!(1e30), json!([1]), json!({}), json!(true)]
    } else if is("array") {
        vec![json!(7), json!({"x": 1}), json!(true)]
    } else if is("object") {
        vec![json!("x"), json!(7), json!([[]]), json!(true)]
    } else if is("string") && schema.get("format").is_none() {
        vec![json!([7]), json!({"x": 1})]
    } else {
        Vec::new()
    }
}

/// Objects with one field of another type, and the name of the field.
fn wrong_fields(schema: &Value, schemas: &Value, depth: usize) -> Vec<(Value, String)> {
    let schema = resolved(schema, schemas);
    let mut all = Vec::new();
    let Some(fields) = schema["properties"].as_object().filter(|_| depth > 0) else { return all };
    let with = |name: &str, value: Value| Value::Object(Map::from_iter([(name.to_owned(), value)]));
    for (name, field) in fields {
        let field = resolved(field, schemas);
        for value in other(field) {
            all.push((with(name, value), name.clone()));
        }
        for (inner, named) in wrong_fields(field, schemas, depth - 1) {
            all.push((with(name, inner), named));
        }
        if field["properties"].is_object() {
            all.push((with(name, json!({"Zork": 1})), "Zork".to_owned()));
        }
        for (inner, named) in wrong_fields(&field["items"], schemas, depth - 1) {
            all.push((with(name, json!([inner])), named));
        }
        for (inner, named) in wrong_fields(&field["additionalProperties"], schemas, depth - 1) {
            all.push((with(name, json!({"key": inner})), named));
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_declared_field() {
    let mut cases = Vec::new();
    for (path, schema, schemas) in libpod_bodies() {
        for (body, named) in wrong_fields(&schema, &schemas, DEPTH) {
            let body = body.to_string();
            cases.push(Case::request("POST", &path, body.as_bytes(), Right::Refused(&[400, 501], named)));
        }
    }
    judge(cases, 500).await;
}
