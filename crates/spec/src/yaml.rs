//! YAML documents as trees that know their lines. Everything about a hostile text is decided here: its size, its depth, how often aliases multiply
//! it, keys that are there twice, tags.

use std::collections::{BTreeMap, HashSet};

use granit_parser::{Event, Parser, ScalarStyle, Tag, options};

/// What is wrong with a text, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}", line.map(|line| format!("line {line}: ")).unwrap_or_default())]
pub struct YamlError {
    /// The line, counted from 1.
    pub line: Option<usize>,
    /// What is wrong.
    pub message: String,
}

impl YamlError {
    fn at(mut self, line: usize) -> Self {
        self.line.get_or_insert(line);
        self
    }
}

type Result<T> = std::result::Result<T, YamlError>;

macro_rules! bail {
    ($($argument:tt)+) => {
        return Err(YamlError { line: None, message: format!($($argument)+) })
    };
}

/// What a tag says of its value to Compose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// `!reset`: what an earlier file has here is removed.
    Reset,
    /// `!override`: it takes the place of what an earlier file has here.
    Override,
}

/// Longest text, in bytes.
const LONGEST: usize = 8 << 20;
/// Most levels of lists and maps.
const DEPTH: usize = 64;
/// Most values in all documents, with those that aliases repeat.
const NODES: usize = 200_000;
/// Longest key, in bytes.
const LONGEST_KEY: usize = 1024;
/// Most bytes that anchors and aliases copy.
const COPIED: usize = LONGEST;

/// A value and the line on which it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// The line, counted from 1.
    pub line: usize,
    /// The value.
    pub value: Value,
    /// Its tag, where these are read.
    pub mark: Option<Mark>,
}

/// What is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A text; one that is plain may also be a number, a truth or nothing.
    Scalar {
        /// The text, without quotes.
        text: String,
        /// Whether it had none.
        plain: bool,
    },
    /// A list.
    List(Vec<Node>),
    /// A map, in the order of the text.
    Map(Vec<(String, Node)>),
}

impl Node {
    /// Whether it says nothing: null, or an empty list or map.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match &self.value {
            Value::Scalar { text, plain } => *plain && is_null(text),
            Value::List(items) => items.is_empty(),
            Value::Map(entries) => entries.is_empty(),
        }
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        match &self.value {
            Value::Map(entries) => entries.iter().find(|(name, _)| name == key).map(|(_, node)| node),
            _ => None,
        }
    }

    /// A text that is there.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, plain } if !(*plain && is_null(text)) => Some(text),
            _ => None,
        }
    }

    fn count(&self) -> usize {
        1 + match &self.value {
            Value::Scalar { .. } => 0,
            Value::List(items) => items.iter().map(Self::count).sum(),
            Value::Map(entries) => entries.iter().map(|(_, node)| node.count()).sum(),
        }
    }

    /// The bytes of its texts and keys.
    fn bytes(&self) -> usize {
        match &self.value {
            Value::Scalar { text, .. } => text.len(),
            Value::List(items) => items.iter().map(Self::bytes).sum(),
            Value::Map(entries) => entries.iter().map(|(key, node)| key.len() + node.bytes()).sum(),
        }
    }

    fn depth(&self) -> usize {
        match &self.value {
            Value::Scalar { .. } => 0,
            Value::List(items) => 1 + items.iter().map(Self::depth).max().unwrap_or(0),
            Value::Map(entries) => 1 + entries.iter().map(|(_, node)| node.depth()).max().unwrap_or(0),
        }
    }
}

/// Whether a plain text is nothing.
#[must_use]
pub fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// Reads every document of a text; those that say nothing are left out.
///
/// # Errors
/// It is no YAML, or one of the bounds is passed; a tag that is none of the core schema's.
pub fn documents(text: &str) -> Result<Vec<Node>> {
    read(text, false)
}

/// The same, with the tags of Compose.
///
/// # Errors
/// As [`documents`].
pub fn marked_documents(text: &str) -> Result<Vec<Node>> {
    read(text, true)
}

fn read(text: &str, marks: bool) -> Result<Vec<Node>> {
    if text.len() > LONGEST {
        bail!("it is longer than {LONGEST} bytes");
    }
    let options =
        options! { flow_nesting_limit: DEPTH + 1, block_nesting_limit: DEPTH + 1, emit_comments: false };
    let mut builder = Builder { marks, ..Builder::default() };
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.map_err(|error| {
            let line = error.marker().line();
            YamlError { line: Some(line), message: error.kind().to_string() }
        })?;
        let line = span.start.line();
        builder.take(event, line).map_err(|error| error.at(line))?;
    }
    Ok(builder.documents)
}

/// What is under construction.
#[derive(Default)]
struct Builder {
    documents: Vec<Node>,
    open: Vec<Open>,
    anchors: BTreeMap<usize, Node>,
    nodes: usize,
    copied: usize,
    marks: bool,
}

struct Open {
    line: usize,
    anchor: usize,
    mark: Option<Mark>,
    what: Under,
}

enum Under {
    List(Vec<Node>),
    Map { entries: Vec<(String, Node)>, names: HashSet<String>, key: Option<String>, merged: Vec<Node> },
}

impl Builder {
    fn take(&mut self, event: Event<'_>, line: usize) -> Result<()> {
        match event {
            Event::DocumentStart(..) => self.anchors.clear(),
            Event::Scalar(text, style, anchor, tag) => {
                let mark = self.mark(tag.as_deref());
                let tag = if mark.is_some() { None } else { tag };
                let plain = style == ScalarStyle::Plain && is_plain(tag.as_deref())?;
                let value = Value::Scalar { text: text.into_owned(), plain };
                self.count(1)?;
                self.finish(Node { line, value, mark }, anchor)?;
            }
            Event::SequenceStart(_, anchor, tag) => {
                let mark = self.mark(tag.as_deref());
                if mark.is_none() {
                    check_tag(tag.as_deref(), "seq")?;
                }
                self.open(Open { line, anchor, mark, what: Under::List(Vec::new()) })?;
            }
            Event::MappingStart(_, anchor, tag) => {
                let mark = self.mark(tag.as_deref());
                if mark.is_none() {
                    check_tag(tag.as_deref(), "map")?;
                }
                let (entries, names) = (Vec::new(), HashSet::new());
                let what = Under::Map { entries, names, key: None, merged: Vec::new() };
                self.open(Open { line, anchor, mark, what })?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.close()?,
            Event::Alias(anchor) => {
                let Some(node) = self.anchors.get(&anchor) else {
                    bail!("an alias within what it stands for")
                };
                if self.open.len() + node.depth() > DEPTH {
                    bail!("it is nested more than {DEPTH} levels deep");
                }
                more(&mut self.nodes, node.count())?;
                copy(&mut self.copied, node.bytes())?;
                let mut node = node.clone();
                node.line = line;
                self.finish(node, 0)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn mark(&self, tag: Option<&Tag>) -> Option<Mark> {
        match tag.filter(|_| self.marks)?.original().as_ref() {
            "!reset" => Some(Mark::Reset),
            "!override" => Some(Mark::Override),
            _ => None,
        }
    }

    fn count(&mut self, number: usize) -> Result<()> {
        more(&mut self.nodes, number)
    }

    fn open(&mut self, open: Open) -> Result<()> {
        if let Some(Open { what: Under::Map { key: None, .. }, .. }) = self.open.last() {
            bail!("a key must be a text");
        }
        if self.open.len() >= DEPTH {
            bail!("it is nested more than {DEPTH} levels deep");
        }
        self.count(1)?;
        self.open.push(open);
        Ok(())
    }

    fn close(&mut self) -> Result<()> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        let value = match open.what {
            Under::List(items) => Value::List(items),
            Under::Map { mut entries, mut names, merged, .. } => {
                for node in merged {
                    let line = node.line;
                    merge(&mut entries, &mut names, node).map_err(|error| error.at(line))?;
                }
                Value::Map(entries)
            }
        };
        self.finish(Node { line: open.line, value, mark: open.mark }, open.anchor)
    }

    /// Puts a whole value where it belongs.
    fn finish(&mut self, node: Node, anchor: usize) -> Result<()> {
        if anchor != 0 {
            // The copy counts, too: a text of nothing but anchors must not fill the memory.
            let count = node.count();
            self.count(count)?;
            copy(&mut self.copied, node.bytes())?;
            self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut().map(|open| &mut open.what) {
            None if node.is_empty() && node.mark.is_none() => {}
            None => self.documents.push(node),
            Some(Under::List(items)) => items.push(node),
            Some(Under::Map { entries, names, key, merged }) => match key.take() {
                None => *key = Some(key_of(node, names)?),
                Some(name) if name == "<<" => merged.push(node),
                Some(name) => entries.push((name, node)),
            },
        }
        Ok(())
    }
}

fn more(nodes: &mut usize, number: usize) -> Result<()> {
    *nodes = nodes.saturating_add(number);
    if *nodes > NODES {
        bail!("it has more than {NODES} values");
    }
    Ok(())
}

fn copy(copied: &mut usize, bytes: usize) -> Result<()> {
    *copied = copied.saturating_add(bytes);
    if *copied > COPIED {
        bail!("its aliases stand for more than {COPIED} bytes");
    }
    Ok(())
}

fn key_of(node: Node, names: &mut HashSet<String>) -> Result<String> {
    let Value::Scalar { text, .. } = node.value else { bail!("a key must be a text") };
    if text.len() > LONGEST_KEY {
        bail!("a key is longer than {LONGEST_KEY} bytes");
    }
    if !names.insert(text.clone()) {
        bail!("the key {text:?} is there twice");
    }
    Ok(text)
}

/// Adds what `<<` names, where it is not there.
fn merge(entries: &mut Vec<(String, Node)>, names: &mut HashSet<String>, node: Node) -> Result<()> {
    match node.value {
        Value::Map(others) => {
            for (name, value) in others {
                if names.insert(name.clone()) {
                    entries.push((name, value));
                }
            }
            Ok(())
        }
        Value::List(items) => items.into_iter().try_for_each(|item| merge(entries, names, item)),
        Value::Scalar { .. } => bail!("only a map can be merged"),
    }
}

/// Whether an unquoted text with this tag may be something else than a text.
fn is_plain(tag: Option<&Tag>) -> Result<bool> {
    match tag.map(|tag| (tag, tag.core_suffix())) {
        None | Some((_, Some("null" | "bool" | "int" | "float"))) => Ok(true),
        Some((_, Some("str"))) => Ok(false),
        Some((tag, _)) => bail!("the tag {} is not supported", tag.original()),
    }
}

fn check_tag(tag: Option<&Tag>, wanted: &str) -> Result<()> {
    match tag {
        Some(tag) if tag.core_suffix() != Some(wanted) => {
            bail!("the tag {} is not supported", tag.original())
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Node {
        let mut documents = documents(text).unwrap();
        assert_eq!(documents.len(), 1, "{text}");
        documents.remove(0)
    }

    #[test]
    fn documents_and_lines() {
        let found = documents("# nothing\n---\na: 1\n---\n---\nb:\n- x\n- y: 'z'\n...\n").unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].line, found[1].get("b").unwrap().line), (3, 7));
        assert_eq!(found[0].get("a").unwrap().text(), Some("1"));
    }

    #[test]
    fn aliases_and_merges() {
        let found = one("a: &x {k: 1, l: 2}\nb: *x\nc:\n  <<: *x\n  k: 3\nd:\n  <<: [*x, {m: 4}]\n");
        assert_eq!(found.get("b").unwrap().get("l").unwrap().text(), Some("2"));
        assert_eq!(found.get("c").unwrap().get("k").unwrap().text(), Some("3"));
        assert_eq!(found.get("c").unwrap().get("l").unwrap().text(), Some("2"));
        assert_eq!(found.get("d").unwrap().get("m").unwrap().text(), Some("4"));
    }

    #[test]
    fn hostile_texts_are_refused_with_their_line() {
        let long = format!("a: &a {}\nb: [{}]\n", "x".repeat(1 << 20), ["*a"; 20].join(", "));
        let bomb = {
            let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
            for level in 1..9 {
                let before = format!("*a{}", level - 1);
                text += &format!("a{level}: &a{level} [{}]\n", vec![before; 10].join(", "));
            }
            text
        };
        let deep = |open: &str, count: usize| open.repeat(count);
        for (text, expected) in [
            (bomb.as_str(), "more than 200000 values"),
            (long.as_str(), "aliases stand for more than"),
            (&deep("[", 70), ""),
            (&deep("- ", 70), ""),
            (&format!("{}x", deep("- ", 65)), ""),
            ("a: 1\nb: 2\na: 3\n", "line 3: the key \"a\" is there twice"),
            ("a: {b: 1, b: 2}\n", "line 1: the key \"b\" is there twice"),
            ("? [a]\n: b\n", "a key must be a text"),
            ("a: !!binary aGk=\n", "line 1: the tag !!binary is not supported"),
            ("a: !custom x\n", "the tag !custom is not supported"),
            ("a: !!set {x: }\n", "is not supported"),
            ("a: *nowhere\n", "line 1: "),
            ("a: &a [*a]\n", "line 1: "),
            ("a: [1\nb: 2\n", "line "),
            (&format!("? {}\n: 1\n", "k".repeat(1025)), "longer than 1024 bytes"),
        ] {
            let error = documents(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{:.40}: {error}", text);
        }
        assert!(documents(&" ".repeat(LONGEST + 1)).unwrap_err().to_string().contains("longer than"));
        assert!(documents(&format!("{}x", deep("- ", 63))).is_ok());
    }
}
