//! Runs a template over a value.

use std::borrow::Cow;

use super::error::FormatError;
use super::functions;
use super::lex;
use super::parse::{self, Base, Node, Operand, Pipeline};
use super::print::display;
use super::report::{HEADS, words};
use super::serialize::{FLATTENED, left_out};
use super::value::Value;

/// Most steps of one run.
const MOST_STEPS: usize = 20_000_000;
/// Most bytes that one run writes.
const MOST_OUTPUT: usize = 256 << 20;
/// Longest template.
const LONGEST: usize = 1 << 20;

/// A parsed template.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Template {
    name: String,
    nodes: Vec<Node>,
}

impl Template {
    /// Parses `source`; `name` stands in errors.
    pub(crate) fn parse(name: &str, source: &str) -> Result<Self, FormatError> {
        let fail = |(line, message)| FormatError::Syntax { name: name.to_owned(), line, message };
        if source.len() > LONGEST {
            return Err(fail((1, "the template is longer than 1 MiB".to_owned())));
        }
        let nodes = parse::parse(lex::split(source).map_err(fail)?).map_err(fail)?;
        Ok(Self { name: name.to_owned(), nodes })
    }

    /// The text that the template gives for `data`.
    pub(crate) fn render(&self, data: &Value) -> Result<String, FormatError> {
        let mut run = Run {
            name: &self.name,
            out: String::new(),
            steps: 0,
            variables: vec![("$".to_owned(), Cow::Borrowed(data))],
        };
        run.nodes(&self.nodes, data)?;
        Ok(run.out)
    }
}

/// How a list of nodes ended.
#[derive(PartialEq)]
enum Flow {
    On,
    Break,
    Continue,
}

struct Run<'a> {
    name: &'a str,
    out: String,
    steps: usize,
    variables: Vec<(String, Cow<'a, Value>)>,
}

impl Run<'_> {
    fn nodes(&mut self, nodes: &[Node], dot: &Value) -> Result<Flow, FormatError> {
        for node in nodes {
            self.step()?;
            match node {
                Node::Text(text) => self.out.push_str(text),
                Node::Break => return Ok(Flow::Break),
                Node::Continue => return Ok(Flow::Continue),
                Node::Pipeline(pipeline) => {
                    let value = self.pipeline(pipeline, dot)?;
                    if pipeline.variables.is_empty() {
                        self.out.push_str(&display(&value));
                    }
                }
                Node::If(pipeline, body, otherwise) | Node::With(pipeline, body, otherwise) => {
                    let mark = self.variables.len();
                    let value = self.pipeline(pipeline, dot)?;
                    let with = matches!(node, Node::With(..));
                    let flow = if value.is_true() {
                        self.nodes(body, if with { &value } else { dot })?
                    } else {
                        self.nodes(otherwise, dot)?
                    };
                    self.variables.truncate(mark);
                    if flow != Flow::On {
                        return Ok(flow);
                    }
                }
                Node::Range(pipeline, body, otherwise) => {
                    let mark = self.variables.len();
                    let flow = self.range(pipeline, body, otherwise, dot)?;
                    self.variables.truncate(mark);
                    if flow != Flow::On {
                        return Ok(flow);
                    }
                }
            }
        }
        Ok(Flow::On)
    }

    fn range(
        &mut self,
        pipeline: &Pipeline,
        body: &[Node],
        otherwise: &[Node],
        dot: &Value,
    ) -> Result<Flow, FormatError> {
        if let (Value::List(items), true) = (dot, pipeline.is_dot()) {
            // The rows of a list, which may be many: none is copied.
            return self.range_rows(items, body, otherwise);
        }
        let quiet = Pipeline { variables: Vec::new(), ..pipeline.clone() };
        let items: Vec<(Value, Value)> = match self.pipeline(&quiet, dot)? {
            Value::List(items) => {
                items.into_iter().enumerate().map(|(at, item)| (Value::from(at), item)).collect()
            }
            Value::Map(entries) => {
                entries.into_iter().map(|(key, value)| (Value::Text(key), value)).collect()
            }
            Value::Int(count) if count <= 1_000_000 => {
                (0..count).map(|number| (Value::Int(number), Value::Int(number))).collect()
            }
            Value::Nil | Value::Missing => Vec::new(),
            other => {
                return self.fail(pipeline, "range", format!("range can't iterate over {}", display(&other)));
            }
        };
        if items.is_empty() {
            return self.nodes(otherwise, dot);
        }
        for (key, item) in items {
            self.step()?;
            let mark = self.variables.len();
            let named = match pipeline.variables.as_slice() {
                [value] => vec![(value, item.clone())],
                [index, value] => vec![(index, key), (value, item.clone())],
                _ => Vec::new(),
            };
            for (name, value) in named {
                if pipeline.assigns {
                    self.assign(pipeline, name, value)?;
                } else {
                    self.variables.push((name.clone(), Cow::Owned(value)));
                }
            }
            let flow = self.nodes(body, &item)?;
            self.variables.truncate(mark);
            if flow == Flow::Break {
                break;
            }
        }
        Ok(Flow::On)
    }

    fn range_rows(
        &mut self,
        items: &[Value],
        body: &[Node],
        otherwise: &[Node],
    ) -> Result<Flow, FormatError> {
        if items.is_empty() {
            // What the list itself is to the other branch, it is to this one.
            return self.nodes(otherwise, &Value::List(Vec::new()));
        }
        for item in items {
            self.step()?;
            let mark = self.variables.len();
            let flow = self.nodes(body, item)?;
            self.variables.truncate(mark);
            if flow == Flow::Break {
                break;
            }
        }
        Ok(Flow::On)
    }

    fn pipeline(&mut self, pipeline: &Pipeline, dot: &Value) -> Result<Value, FormatError> {
        let mut last: Option<Value> = None;
        for command in &pipeline.commands {
            self.step()?;
            last = Some(self.command(pipeline, command, dot, last)?);
        }
        let value = last.unwrap_or(Value::Nil);
        for name in &pipeline.variables {
            if pipeline.assigns {
                self.assign(pipeline, name, value.clone())?;
            } else {
                self.variables.push((name.clone(), Cow::Owned(value.clone())));
            }
        }
        Ok(value)
    }

    fn assign(&mut self, pipeline: &Pipeline, name: &str, value: Value) -> Result<(), FormatError> {
        match self.variables.iter_mut().rev().find(|(known, _)| known == name) {
            Some((_, place)) => {
                *place = Cow::Owned(value);
                Ok(())
            }
            None => self.fail(pipeline, name, format!("undefined variable: {name}")),
        }
    }

    fn command(
        &mut self,
        pipeline: &Pipeline,
        operands: &[Operand],
        dot: &Value,
        last: Option<Value>,
    ) -> Result<Value, FormatError> {
        let Some((first, rest)) = operands.split_first() else { return Ok(Value::Nil) };
        if let Base::Function(name) = &first.base {
            if matches!(name.as_str(), "and" | "or") {
                return self.short_circuit(pipeline, name, rest, dot, last);
            }
            let mut arguments = Vec::with_capacity(rest.len() + 1);
            for operand in rest {
                arguments.push(self.operand(pipeline, operand, dot)?);
            }
            arguments.extend(last);
            let value = functions::call(name, &arguments);
            let value = value.or_else(|message| self.fail(pipeline, name, message))?;
            return self.field(pipeline, &value, &first.fields, 0);
        }
        // Podman's rows have one method with an argument: `.Label "key"`.
        if let (Some("Label"), 1) =
            (first.fields.last().map(String::as_str), rest.len() + usize::from(last.is_some()))
        {
            let key = match rest.first() {
                Some(operand) => self.operand(pipeline, operand, dot)?,
                None => last.unwrap_or(Value::Nil),
            };
            let row =
                Operand { base: first.base.clone(), fields: first.fields[..first.fields.len() - 1].to_vec() };
            let row = self.operand(pipeline, &row, dot)?;
            let labels = match &row {
                Value::Struct(inner) => inner.get("LabelMap").or_else(|| inner.get("Labels")),
                _ => None,
            };
            return Ok(match (labels, key) {
                (Some(Value::Map(labels)), Value::Text(key)) => {
                    labels.get(&key).cloned().unwrap_or_else(|| Value::from(""))
                }
                _ => Value::from(""),
            });
        }
        if !rest.is_empty() || last.is_some() {
            let at = describe(first);
            let what = format!("{at} is not a method but has arguments");
            return self.fail(pipeline, &at, what);
        }
        self.operand(pipeline, first, dot)
    }

    fn short_circuit(
        &mut self,
        pipeline: &Pipeline,
        name: &str,
        operands: &[Operand],
        dot: &Value,
        last: Option<Value>,
    ) -> Result<Value, FormatError> {
        let mut value = None;
        for operand in operands {
            let next = self.operand(pipeline, operand, dot)?;
            if next.is_true() == (name == "or") {
                return Ok(next);
            }
            value = Some(next);
        }
        match last.or(value) {
            Some(value) => Ok(value),
            None => {
                self.fail(pipeline, name, format!("wrong number of args for {name}: want at least 1 got 0"))
            }
        }
    }

    fn operand(&mut self, pipeline: &Pipeline, operand: &Operand, dot: &Value) -> Result<Value, FormatError> {
        self.step()?;
        let base = match &operand.base {
            Base::Dot => return self.field(pipeline, dot, &operand.fields, 0),
            Base::Variable(name) => match self.variables.iter().rev().find(|(known, _)| known == name) {
                Some((_, value)) => return self.field(pipeline, value, &operand.fields, 0),
                None => return self.fail(pipeline, name, format!("undefined variable: {name}")),
            },
            Base::Constant(value) => value.clone(),
            Base::Group(inner) => self.pipeline(inner, dot)?,
            Base::Function(name) => {
                let value = functions::call(name, &[]);
                value.or_else(|message| self.fail(pipeline, name, message))?
            }
        };
        self.field(pipeline, &base, &operand.fields, 0)
    }

    /// What the names from `at` on lead to. Only that is copied, not the row it stands in.
    fn field(
        &self,
        pipeline: &Pipeline,
        value: &Value,
        names: &[String],
        at: usize,
    ) -> Result<Value, FormatError> {
        let Some(name) = names.get(at) else { return Ok(value.clone()) };
        let made = match value {
            Value::Struct(inner) => match inner.get(name) {
                Some(found) => return self.field(pipeline, found, names, at + 1),
                None if inner.name == FLATTENED && left_out(name).is_some() => {
                    left_out(name).unwrap_or(Value::Nil)
                }
                None if inner.name == HEADS => Value::Text(words(name)),
                None => {
                    let what = format!("can't evaluate field {name} in type {}", inner.name);
                    return self.fail(pipeline, &format!(".{}", names.join(".")), what);
                }
            },
            Value::Map(entries) => match entries.get(name) {
                Some(found) => return self.field(pipeline, found, names, at + 1),
                None => Value::Missing,
            },
            Value::Nil | Value::Missing => {
                let what = format!("nil data; no entry for key {name:?}");
                return self.fail(pipeline, &format!(".{}", names.join(".")), what);
            }
            other => {
                let what = format!("can't evaluate field {name} in type {}", other.type_name());
                return self.fail(pipeline, &format!(".{}", names.join(".")), what);
            }
        };
        self.field(pipeline, &made, names, at + 1)
    }

    fn step(&mut self) -> Result<(), FormatError> {
        self.steps += 1;
        let limit = if self.steps > MOST_STEPS {
            "the limit of steps"
        } else if self.out.len() > MOST_OUTPUT {
            "the limit of output"
        } else {
            return Ok(());
        };
        Err(FormatError::Limit { name: self.name.to_owned(), limit })
    }

    fn fail<T>(&self, pipeline: &Pipeline, at: &str, message: String) -> Result<T, FormatError> {
        Err(FormatError::Execution {
            name: self.name.to_owned(),
            line: pipeline.line,
            at: at.to_owned(),
            message,
        })
    }
}

fn describe(operand: &Operand) -> String {
    let base = match &operand.base {
        Base::Variable(name) | Base::Function(name) => name.clone(),
        Base::Constant(value) => display(value),
        Base::Dot | Base::Group(_) => String::new(),
    };
    operand.fields.iter().fold(base, |text, field| text + "." + field)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::value::Struct;
    use std::collections::BTreeMap;

    fn data() -> Value {
        let port = Struct::new("InspectHostPort").with("HostIp", "").with("HostPort", "80");
        let ports = BTreeMap::from([
            ("8080/tcp".to_owned(), Value::List(vec![port.into()])),
            ("8443/tcp".to_owned(), Value::List(Vec::new())),
        ]);
        Struct::new("Row")
            .with("ID", "abcdef")
            .with("Count", 3)
            .with("Config", Struct::new("Config").with("Cmd", vec!["/usr/bin/run-httpd", "-x"]))
            .with("Ports", Value::Map(ports))
            .with(
                "Labels",
                BTreeMap::from([("a.b".to_owned(), "c".to_owned()), ("k".to_owned(), "v".to_owned())]),
            )
            .with("Flag", true)
            .with("None", Value::Nil)
            .into()
    }

    fn run(source: &str) -> Result<String, String> {
        Template::parse("t", source)
            .and_then(|template| template.render(&data()))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn renders() {
        for (source, expect) in [
            ("{{.ID}}", "abcdef"),
            ("{{ .Config.Cmd }}", "[/usr/bin/run-httpd -x]"),
            ("{{ .Ports }}", "map[8080/tcp:[{ 80}] 8443/tcp:[]]"),
            ("{{.Id}}", "abcdef"),
            ("{{.Labels.k}} {{.Labels.nope}}", "v <no value>"),
            ("{{index .Labels \"a.b\"}}{{index .Labels \"nope\"}}", "c"),
            ("{{.Label \"a.b\"}}", "c"),
            ("{{json .Labels}}", r#"{"a.b":"c","k":"v"}"#),
            ("{{.Labels | json | len}}", "19"),
            ("{{range $k, $v := .Labels}}{{$k}}={{$v}},{{end}}", "a.b=c,k=v,"),
            ("{{range .Config.Cmd}}{{println .}}{{end}}", "/usr/bin/run-httpd\n-x\n"),
            ("{{range .Config.Cmd}}{{if eq . \"-x\"}}{{break}}{{end}}{{.}}{{end}}", "/usr/bin/run-httpd"),
            ("{{range $i, $e := .Config.Cmd}}{{if $i}}, {{end}}{{$e}}{{end}}", "/usr/bin/run-httpd, -x"),
            ("{{if .None}}a{{else if .Flag}}b{{else}}c{{end}}", "b"),
            ("{{with .Config}}{{len .Cmd}}{{$.ID}}{{end}}", "2abcdef"),
            ("{{with .None}}x{{else}}none{{end}}", "none"),
            (
                "{{join .Config.Cmd \" \"}}|{{upper .ID}}|{{lower \"AB\"}}|{{title \"a bc\"}}",
                "/usr/bin/run-httpd -x|ABCDEF|ab|A Bc",
            ),
            ("{{truncate .ID 3}}|{{pad \"x\" 1 2}}|{{split \"a,b\" \",\"}}", "abc| x  |[a b]"),
            ("{{printf \"%-5s|%5d|%q|%v|%05d\" \"ab\" 3 \"q\" .Flag 42}}", "ab   |    3|\"q\"|true|00042"),
            ("{{and .Flag .ID}} {{or .None 7}} {{not .Flag}}", "abcdef 7 false"),
            ("{{eq .Count 1 3}} {{ne .ID \"x\"}} {{lt .Count 4}} {{ge .Count 4}}", "true true true false"),
            ("{{$x := 1}}{{if .Flag}}{{$x = 2}}{{end}}{{$x}}", "2"),
            ("a {{- \" b \" -}} c", "a b c"),
            ("{{/* nothing */}}x", "x"),
            ("{{(index .Config.Cmd 0) | len}}", "18"),
            ("{{slice .ID 1 3}}", "bc"),
            ("{{.None}}", "<nil>"),
            ("{{range $i := 3}}{{$i}}{{end}}", "012"),
            ("{{print 1 2 \"a\" 3}}", "1 2a3"),
            ("{{html \"<a>\"}}", "&lt;a&gt;"),
        ] {
            assert_eq!(run(source).as_deref(), Ok(expect), "{source}");
        }
    }

    #[test]
    fn refuses() {
        for (source, expect) in [
            ("{{.Nope}}", "template: t:1: executing \"t\" at <.Nope>: can't evaluate field Nope in type Row"),
            ("{{nope .ID}}", "template: t:1: function \"nope\" not defined"),
            ("{{if .ID}}", "template: t:1: unexpected EOF"),
            ("{{end}}", "template: t:1: unexpected {{end}}"),
            ("{{.ID", "template: t:1: unclosed action"),
            (
                "{{range .ID}}{{end}}",
                "template: t:1: executing \"t\" at <range>: range can't iterate over abcdef",
            ),
            ("{{break}}", "template: t:1: {{break}} outside {{range}}"),
            ("{{.ID 3}}", "template: t:1: executing \"t\" at <.ID>: .ID is not a method but has arguments"),
            ("{{$x}}", "template: t:1: executing \"t\" at <$x>: undefined variable: $x"),
            ("{{template \"x\"}}", "template: t:1: {{template}} is not supported in formats"),
            (
                "{{index .Config.Cmd 9}}",
                "template: t:1: executing \"t\" at <index>: error calling index: reflect: slice index out of range: 9",
            ),
        ] {
            assert_eq!(run(source).unwrap_err(), expect, "{source}");
        }
    }

    #[test]
    fn is_bounded() {
        let nested = "{{range $a := 1000000}}".repeat(4) + "x" + &"{{end}}".repeat(4);
        assert_eq!(run(&nested).unwrap_err(), "template: t: the limit of steps exceeded");
        let deep = "{{if .ID}}".repeat(200) + &"{{end}}".repeat(200);
        assert!(run(&deep).is_err());
        let parens = format!("{{{{{}1{}}}}}", "(".repeat(5000), ")".repeat(5000));
        assert!(run(&parens).is_err());
    }
}
