//! Bodies in the spellings that clients send, and in those that are refused.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::*;
use crate::ErrorKind;
use crate::wire::NotDone;

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Body {
    text: String,
    truth: bool,
    small: u8,
    signed: i64,
    long: u64,
    ratio: f64,
    maybe: Option<u32>,
    list: Vec<String>,
    numbers: Vec<u16>,
    labels: BTreeMap<String, String>,
    ports: BTreeMap<u16, String>,
    inner: Inner,
    many: Vec<Inner>,
    by_name: BTreeMap<String, Option<Inner>>,
    colour: Colour,
    any: serde_json::Value,
    #[serde(alias = "Other")]
    renamed: String,
    later: NotDone<Vec<String>>,
    later_number: NotDone<i64>,
    scope: NotDone<String>,
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Inner {
    count: i32,
    name: String,
    deep: Vec<Inner>,
    later: NotDone<bool>,
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Colour {
    #[default]
    Red,
    Blue,
}

fn body(text: &str) -> Body {
    decode(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn null_is_the_default_everywhere() {
    for field in [
        "Text",
        "Truth",
        "Small",
        "Signed",
        "Long",
        "Ratio",
        "Maybe",
        "List",
        "Numbers",
        "Labels",
        "Ports",
        "Inner",
        "Many",
        "ByName",
        "Colour",
        "Any",
        "Renamed",
        "Later",
        "LaterNumber",
        "Systemd",
    ] {
        assert_eq!(body(&format!("{{\"{field}\": null}}")), Body::default(), "{field}");
    }
    assert_eq!(body("null"), Body::default());
    assert_eq!(body(""), Body::default());
    assert_eq!(body(" \n"), Body::default());
    let nested = body(
        r#"{"List": ["a", null], "Numbers": [null, 1], "Labels": {"a": null}, "Inner": {"Count": null, "Name": null, "Deep": null},
            "Many": [null, {"Deep": [{"Count": null}]}], "ByName": {"x": null}}"#,
    );
    assert_eq!(nested.list, ["a", ""]);
    assert_eq!(nested.numbers, [0, 1]);
    assert_eq!(nested.labels["a"], "");
    assert_eq!(nested.many.len(), 2);
    assert_eq!(nested.many[1].deep[0], Inner::default());
    assert_eq!(nested.by_name["x"], None);
}

#[test]
fn keys_match_in_any_case_and_the_last_one_holds() {
    for text in [
        r#"{"Text": "x"}"#,
        r#"{"text": "x"}"#,
        r#"{"TEXT": "x"}"#,
        r#"{"tExT": "x", "Text": null}"#,
        r#"{"text": "a", "Text": "x"}"#,
        r#"{"Text": "a", "text": "x"}"#,
        r#"{"Text": "b", "text": "a", "Text": "x"}"#,
        r#"{"Text": "x"} trailing"#,
        "{\"Text\": \"x\"}\n{\"Text\": \"y\"}",
        r#"{"Text": "x"}}"#,
    ] {
        assert_eq!(body(text).text, "x", "{text}");
    }
    assert_eq!(body(r#"{"INNER": {"name": "n", "DEEP": [{"NAME": "m"}]}}"#).inner.deep[0].name, "m");
    assert_eq!(body(r#"{"other": "n"}"#).renamed, "n");
    let keys = body(r#"{"labels": {"A": "1", "a": "2"}, "ports": {"80": "tcp"}}"#);
    assert_eq!(keys.labels.len(), 2, "the keys of a map are data");
    assert_eq!(keys.ports[&80], "tcp");
}

#[test]
fn faults_name_the_field() {
    for (text, expected) in [
        (r#"{"Text": 1}"#, "Text: expected a string, found the number 1"),
        (r#"{"truth": "yes"}"#, "Truth: expected true or false, found the string \"yes\""),
        (r#"{"Small": 256}"#, "Small: expected a whole number from 0 to 255, found the number 256"),
        (r#"{"Small": -1}"#, "Small: expected a whole number from 0 to 255, found the number -1"),
        (r#"{"Signed": 1.5}"#, "Signed: expected a whole number, found the number 1.5"),
        (r#"{"Long": "7"}"#, "Long: expected a whole number, found the string \"7\""),
        (r#"{"Long": 18446744073709551616}"#, "Long: expected a whole number"),
        (r#"{"List": "a"}"#, "List: expected a list, found the string \"a\""),
        (r#"{"List": ["a", 2]}"#, "List[1]: expected a string, found the number 2"),
        (r#"{"List": {}}"#, "List: expected a list, found an object"),
        (r#"{"Labels": []}"#, "Labels: expected an object, found a list"),
        (r#"{"Labels": {"a b": 1}}"#, "Labels[\"a b\"]: expected a string"),
        (r#"{"Ports": {"x": "tcp"}}"#, "Ports: expected a whole number, found the key \"x\""),
        (r#"{"Inner": {"Deep": [{}, {"count": "x"}]}}"#, "Inner.Deep[1].Count: expected a whole number"),
        (r#"{"Inner": 1}"#, "Inner: expected an object, found the number 1"),
        (r#"{"Colour": "green"}"#, "Colour: expected one of red, blue, found \"green\""),
        (r#"{"ByName": {"net": {"Count": true}}}"#, "ByName.net.Count: expected a whole number, found true"),
        ("[]", "request body: expected an object, found a list"),
        ("{", "it is not JSON"),
        ("nonsense", "it is not JSON"),
    ] {
        let error = decode::<Body>(text.as_bytes()).unwrap_err();
        assert!(error.to_string().contains(expected), "{text}: {error}");
        assert_eq!(error.error_kind(), ErrorKind::InvalidArgument, "{text}");
    }
    let long =
        decode::<Body>(format!("{{\"Truth\": \"{}\"}}", "x\u{1b}".repeat(10_000)).as_bytes()).unwrap_err();
    assert!(long.to_string().len() < 700 && !long.to_string().contains('\u{1b}'), "{long}");
}

#[test]
fn unknown_keys_are_refused_at_every_depth() {
    for (text, path) in [
        (r#"{"Zork": 1}"#, "Zork"),
        (r#"{"Inner": {"zork": true}}"#, "Inner.zork"),
        (r#"{"Many": [{}, {"Deep": [{"Zork": "x"}]}]}"#, "Many[1].Deep[0].Zork"),
        (r#"{"ByName": {"n": {"Zork": [1]}}}"#, "ByName.n.Zork"),
    ] {
        let error = decode::<Body>(text.as_bytes()).unwrap_err();
        assert_eq!(error.path(), path);
        assert_eq!(error.to_string(), format!("request body: there is no field {path:?}"));
    }
    body(r#"{"Zork": null, "Zork2": "", "Zork3": {"a": []}, "Inner": {"Zork": 0}}"#);
}

#[test]
fn what_is_not_done_is_refused_where_it_asks_for_something() {
    for text in [
        r#"{"Later": []}"#,
        r#"{"later": null, "LaterNumber": 0, "SCOPE": ""}"#,
        r#"{"Inner": {"Later": false}}"#,
        r#"{"sCope": "local"}"#,
    ] {
        body(text);
    }
    for (text, expected) in [
        (r#"{"later": ["a"]}"#, "the option \"Later\" is not supported yet"),
        (r#"{"Many": [{"Later": true}]}"#, "the option \"Many[0].Later\" is not supported yet"),
        (r#"{"scope": "swarm"}"#, "the option \"Scope\" is not supported yet"),
    ] {
        let error = decode::<Body>(text.as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert_eq!(error.error_kind(), ErrorKind::Unsupported);
    }
    let malformed = decode::<Body>(br#"{"LaterNumber": "x"}"#).unwrap_err();
    assert_eq!(
        malformed.to_string(),
        "request body: LaterNumber: expected a whole number, found the string \"x\""
    );
}

#[test]
fn values_of_this_process_are_checked_as_a_body_is() {
    check(&Body { scope: "local".to_owned().into(), long: u64::MAX, ..Body::default() }).unwrap();
    let asking = Body { many: vec![Inner { later: true.into(), ..Inner::default() }], ..Body::default() };
    assert_eq!(check(&asking).unwrap_err().to_string(), "the option \"Many[0].Later\" is not supported yet");
}

#[test]
fn size_and_depth_are_bounded() {
    let deep = format!("{{\"Any\": {}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(decode::<Body>(deep.as_bytes()).unwrap_err().to_string().contains("recursion"));
    let wide = format!("{{\"Any\": [{}0]}}", "0,".repeat(1 << 19));
    assert!(decode::<Body>(wide.as_bytes()).unwrap_err().to_string().contains("values"));
    body("{\"Text\": \"\u{fffd}\"}");
    assert_eq!(decode::<Body>(b"{\"Text\": \"a\xff\"}").unwrap().text, "a\u{fffd}");
}
