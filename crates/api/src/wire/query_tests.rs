//! Queries as clients send them, and those that are refused.

use super::*;
use crate::StringMap;
use crate::wire::NotDone;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Query {
    all: bool,
    stream: bool,
    #[serde(rename = "t")]
    timeout: Option<u32>,
    limit: i64,
    name: String,
    images: Vec<String>,
    #[serde(deserialize_with = "commas")]
    names: Vec<String>,
    #[serde(deserialize_with = "since", skip_serializing_if = "Option::is_none")]
    since: Option<Timestamp>,
    #[serde(deserialize_with = "until", skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
    #[serde(deserialize_with = "filters")]
    filters: Filters,
    #[serde(rename = "buildargs")]
    build_args: StringMap,
    ratio: f64,
    later: NotDone<bool>,
    later_names: NotDone<Vec<String>>,
}

impl Default for Query {
    fn default() -> Self {
        Self {
            all: false,
            stream: true,
            timeout: None,
            limit: 0,
            name: String::new(),
            images: Vec::new(),
            names: Vec::new(),
            since: None,
            until: None,
            filters: Filters::new(),
            build_args: StringMap::new(),
            ratio: 0.0,
            later: NotDone::default(),
            later_names: NotDone::default(),
        }
    }
}

fn query(text: &str) -> Query {
    decode(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn truths_are_read_as_gos() {
    for text in ["1", "t", "T", "true", "True", "TRUE", "on", "yes"] {
        assert!(query(&format!("all={text}")).all, "{text}");
    }
    for text in ["0", "f", "F", "false", "False", "FALSE", "off", "no"] {
        assert!(!query(&format!("stream={text}")).stream, "{text}");
    }
    assert!(query("ALL=1&All=true").all);
    assert!(query("all&stream=").stream, "an empty value is none");
}

#[test]
fn keys_repeat_and_values_are_decoded() {
    let read =
        query("images=a%2Fb&images=c+d&names=x,y&names=z&T=5&limit=-1&limit=7&unknown=1&%7B=2&name=%C3%A4");
    assert_eq!(read.images, ["a/b", "c d"]);
    assert_eq!(read.names, ["x", "y", "z"]);
    assert_eq!((read.timeout, read.limit, read.name.as_str()), (Some(5), 7, "ä"));
    assert_eq!(query("buildargs=%7B%22A%22%3A%221%22%2C%22B%22%3Anull%7D").build_args["A"], "1");
    assert_eq!(query("later=false&later=0&later_names=").limit, 0);
    assert_eq!(query(""), Query::default());
}

#[test]
fn times_are_moments_or_spans() {
    assert_eq!(query("since=12.5").since.unwrap().as_millisecond(), 12_500);
    assert_eq!(query("since=0&until=0001-01-01T00%3A00%3A00Z"), Query::default());
    let age = Timestamp::now().duration_since(query("since=2m").since.unwrap()).as_secs();
    assert!((119..=125).contains(&age), "{age}");
    let ahead = query("until=2m").until.unwrap().duration_since(Timestamp::now()).as_secs();
    assert!((115..=120).contains(&ahead), "{ahead}");
}

#[test]
fn filters_are_lists_or_maps() {
    for (text, expected) in [
        (r#"{"label":["a","b"]}"#, vec!["a", "b"]),
        (r#"{"label":{"a":true,"b":false}}"#, vec!["a", "b"]),
        (r#"{"label":[]}"#, vec![]),
        (r#"{"label":null}"#, vec![]),
    ] {
        assert_eq!(query(&format!("filters={text}")).filters["label"], expected, "{text}");
    }
    assert!(query("filters=null&filters={}").filters.is_empty());
}

#[test]
fn faults_name_the_parameter() {
    for (text, expected) in [
        ("all=garb1age", "parameter all: expected true or false, found \"garb1age\""),
        ("t=-5", "parameter t: expected a whole number from 0 to 4294967295, found \"-5\""),
        ("t=x", "parameter t: expected a whole number, found \"x\""),
        ("limit=1.5", "parameter limit: expected a whole number, found \"1.5\""),
        ("since=yesterday", "parameter since: \"yesterday\" is not a time"),
        ("filters=[]", "parameter filters: expected an object, found a list"),
        ("filters=x", "parameter filters: it is not JSON"),
        (r#"filters={"a":"b"}"#, "parameter filters.a: "),
        (
            r#"filters={"a":{"b":{"c":true}}}"#,
            "parameter filters.a.b: expected true or false, found an object",
        ),
        (r#"filters={"a":{"b":"c"}}"#, "parameter filters.a.b: expected true or false"),
        (r#"filters={"a":[1]}"#, "parameter filters.a[0]: expected a string, found the number 1"),
        (r#"filters={"a":[{"b":1}]}"#, "parameter filters.a[0]: expected a string, found an object"),
        ("buildargs=[]", "parameter buildargs: expected an object, found a list"),
        ("later=1", "the option \"later\" is not supported yet"),
        ("later=maybe", "parameter later: expected true or false"),
        ("later_names=a", "the option \"later_names\" is not supported yet"),
    ] {
        let error = decode::<Query>(text).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{text}: {error}");
    }
}

#[test]
fn what_is_written_is_read_again() {
    assert_eq!(encode(&Query::default()), "");
    let parameters = Query {
        all: true,
        stream: false,
        timeout: Some(0),
        name: "a b&c=ä".into(),
        images: vec!["x".into(), "y/z:1".into()],
        since: Some(Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_secs(5)),
        filters: [("label".to_owned(), vec!["a=b".to_owned()])].into(),
        ..Query::default()
    };
    let text = encode(&parameters);
    assert!(text.starts_with("all=true&stream=false&t=0&name=a+b%26c%3D"), "{text}");
    assert_eq!(query(&text), parameters);
}
