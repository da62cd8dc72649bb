//! The pieces of a template as a tree.

use super::lex::{Kind, Piece, Token};
use super::value::Value;

/// How deep blocks and parentheses may nest.
const DEEPEST: usize = 100;

/// A part of a template.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Node {
    /// Text to be copied.
    Text(String),
    /// Printed, unless it declares or sets a variable.
    Pipeline(Pipeline),
    /// `if` … `else` … `end`
    If(Pipeline, Vec<Node>, Vec<Node>),
    /// `with` … `else` … `end`
    With(Pipeline, Vec<Node>, Vec<Node>),
    /// `range` … `else` … `end`
    Range(Pipeline, Vec<Node>, Vec<Node>),
    /// `break`
    Break,
    /// `continue`
    Continue,
}

/// Commands joined by `|`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Pipeline {
    /// Line in the template.
    pub(crate) line: usize,
    /// Variables that it declares or sets.
    pub(crate) variables: Vec<String>,
    /// `=` instead of `:=`.
    pub(crate) assigns: bool,
    /// Its commands, at least one.
    pub(crate) commands: Vec<Vec<Operand>>,
}

impl Pipeline {
    /// Whether it is the current value alone.
    pub(crate) fn is_dot(&self) -> bool {
        let [command] = self.commands.as_slice() else { return false };
        let [operand] = command.as_slice() else { return false };
        self.variables.is_empty() && operand.base == Base::Dot && operand.fields.is_empty()
    }
}

/// An operand and the fields asked of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Operand {
    /// Where it starts.
    pub(crate) base: Base,
    /// `.A.B` after it.
    pub(crate) fields: Vec<String>,
}

/// Where an operand starts.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Base {
    /// The current value.
    Dot,
    /// A variable, with its dollar.
    Variable(String),
    /// A function.
    Function(String),
    /// A constant.
    Constant(Value),
    /// In parentheses.
    Group(Box<Pipeline>),
}

/// Builds the tree; an error is a line and what is wrong.
pub(crate) fn parse(pieces: Vec<Piece>) -> Result<Vec<Node>, (usize, String)> {
    let mut parser = Parser { pieces: pieces.into_iter(), line: 1, ranges: 0, depth: 0 };
    let (nodes, end) = parser.block()?;
    match end {
        Close::Finished => Ok(nodes),
        Close::End => Err((parser.line, "unexpected {{end}}".into())),
        Close::Else(_) => Err((parser.line, "unexpected {{else}}".into())),
    }
}

struct Parser {
    pieces: std::vec::IntoIter<Piece>,
    line: usize,
    ranges: usize,
    depth: usize,
}

/// What ended a block.
enum Close {
    Finished,
    End,
    /// `else`, perhaps with further tokens (`if …`, `with …`).
    Else(Vec<Token>),
}

type Parsed<T> = Result<T, (usize, String)>;

impl Parser {
    fn fail<T>(&self, message: impl Into<String>) -> Parsed<T> {
        Err((self.line, message.into()))
    }

    fn block(&mut self) -> Parsed<(Vec<Node>, Close)> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return self.fail("blocks nest too deeply");
        }
        let mut nodes = Vec::new();
        while let Some(piece) = self.pieces.next() {
            let (line, mut tokens) = match piece {
                Piece::Text(text) => {
                    nodes.push(Node::Text(text));
                    continue;
                }
                Piece::Action { line, tokens } => (line, tokens),
            };
            self.line = line;
            let word = match tokens.first().map(|token| &token.kind) {
                None => return self.fail("missing value for command"),
                Some(Kind::Word(word)) => word.clone(),
                Some(_) => String::new(),
            };
            match word.as_str() {
                "end" | "break" | "continue" if tokens.len() > 1 => {
                    return self.fail(format!("unexpected text after {{{{{word}}}}}"));
                }
                "end" => {
                    self.depth -= 1;
                    return Ok((nodes, Close::End));
                }
                "else" => {
                    self.depth -= 1;
                    tokens.remove(0);
                    return Ok((nodes, Close::Else(tokens)));
                }
                "break" | "continue" if self.ranges == 0 => {
                    return self.fail(format!("{{{{{word}}}}} outside {{{{range}}}}"));
                }
                "break" => nodes.push(Node::Break),
                "continue" => nodes.push(Node::Continue),
                "if" | "with" | "range" => {
                    tokens.remove(0);
                    nodes.push(self.control(&word, &tokens)?);
                }
                "define" | "block" | "template" => {
                    return self.fail(format!("{{{{{word}}}}} is not supported in formats"));
                }
                _ => nodes.push(Node::Pipeline(self.pipeline(&tokens)?)),
            }
        }
        self.depth -= 1;
        Ok((nodes, Close::Finished))
    }

    fn control(&mut self, word: &str, tokens: &[Token]) -> Parsed<Node> {
        if tokens.is_empty() {
            return self.fail(format!("missing value for {word}"));
        }
        let pipeline = self.pipeline(tokens)?;
        let most = if word == "range" { 2 } else { 1 };
        if pipeline.variables.len() > most {
            return self.fail(format!("too many declarations in {word}"));
        }
        let is_range = usize::from(word == "range");
        self.ranges += is_range;
        let (body, end) = self.block()?;
        self.ranges -= is_range;
        let otherwise = match end {
            Close::End => Vec::new(),
            Close::Finished => return self.fail("unexpected EOF"),
            Close::Else(tokens) => self.otherwise(word, &tokens)?,
        };
        Ok(match word {
            "if" => Node::If(pipeline, body, otherwise),
            "with" => Node::With(pipeline, body, otherwise),
            _ => Node::Range(pipeline, body, otherwise),
        })
    }

    fn otherwise(&mut self, word: &str, tokens: &[Token]) -> Parsed<Vec<Node>> {
        match tokens.first().map(|token| &token.kind) {
            None => {
                let (nodes, end) = self.block()?;
                match end {
                    Close::End => Ok(nodes),
                    Close::Finished => self.fail("unexpected EOF"),
                    Close::Else(_) => self.fail("expected end; found {{else}}"),
                }
            }
            // `{{else if …}}` shares the outer `{{end}}`.
            Some(Kind::Word(next)) if next == word && word != "range" => {
                self.depth += 1;
                if self.depth > DEEPEST {
                    return self.fail("blocks nest too deeply");
                }
                let node = self.control(word, &tokens[1..])?;
                self.depth -= 1;
                Ok(vec![node])
            }
            Some(_) => self.fail("unexpected text after {{else}}"),
        }
    }

    fn pipeline(&mut self, tokens: &[Token]) -> Parsed<Pipeline> {
        let mut pipeline =
            Pipeline { line: self.line, variables: Vec::new(), assigns: false, commands: Vec::new() };
        let mut rest = tokens;
        let declares =
            tokens.iter().take(4).position(|token| matches!(token.kind, Kind::Declare | Kind::Assign));
        if let Some(position) = declares {
            for token in &tokens[..position] {
                match &token.kind {
                    Kind::Variable(name) if name.len() > 1 => pipeline.variables.push(name.clone()),
                    Kind::Comma => {}
                    _ => return self.fail("a declaration needs variables before :="),
                }
            }
            pipeline.assigns = tokens[position].kind == Kind::Assign;
            rest = &tokens[position + 1..];
        }
        let mut at = 0;
        loop {
            let command = self.command(rest, &mut at)?;
            if command.is_empty() {
                return self.fail("missing value for command");
            }
            pipeline.commands.push(command);
            match rest.get(at).map(|token| &token.kind) {
                None => return Ok(pipeline),
                Some(Kind::Pipe) => at += 1,
                Some(_) => return self.fail("unexpected token in command"),
            }
        }
    }

    fn command(&mut self, tokens: &[Token], at: &mut usize) -> Parsed<Vec<Operand>> {
        let mut operands: Vec<Operand> = Vec::new();
        while let Some(token) = tokens.get(*at) {
            let base = match &token.kind {
                Kind::Pipe => break,
                Kind::Field(name) => {
                    match operands.last_mut() {
                        Some(operand) if !token.spaced => operand.fields.push(name.clone()),
                        _ => operands.push(Operand { base: Base::Dot, fields: vec![name.clone()] }),
                    }
                    *at += 1;
                    continue;
                }
                Kind::Dot => Base::Dot,
                Kind::Variable(name) => Base::Variable(name.clone()),
                Kind::Word(word) => match word.as_str() {
                    "true" => Base::Constant(Value::Bool(true)),
                    "false" => Base::Constant(Value::Bool(false)),
                    "nil" => Base::Constant(Value::Nil),
                    name if super::functions::exists(name) => Base::Function(name.to_owned()),
                    name => return self.fail(format!("function {name:?} not defined")),
                },
                Kind::Text(text) => Base::Constant(Value::Text(text.clone())),
                Kind::Int(number) => Base::Constant(Value::Int(*number)),
                Kind::Float(number) => Base::Constant(Value::Float(*number)),
                Kind::Open => {
                    let end = self.closing(tokens, *at)?;
                    self.depth += 1;
                    if self.depth > DEEPEST {
                        return self.fail("parentheses nest too deeply");
                    }
                    let inner = self.pipeline(&tokens[*at + 1..end])?;
                    self.depth -= 1;
                    *at = end;
                    Base::Group(Box::new(inner))
                }
                Kind::Close => return self.fail("unexpected right paren"),
                Kind::Comma | Kind::Declare | Kind::Assign => {
                    return self.fail("unexpected token in command");
                }
            };
            operands.push(Operand { base, fields: Vec::new() });
            *at += 1;
        }
        Ok(operands)
    }

    fn closing(&self, tokens: &[Token], open: usize) -> Parsed<usize> {
        let mut depth = 0;
        for (index, token) in tokens.iter().enumerate().skip(open) {
            match token.kind {
                Kind::Open => depth += 1,
                Kind::Close => {
                    depth -= 1;
                    if depth == 0 {
                        return Ok(index);
                    }
                }
                _ => {}
            }
        }
        self.fail("unclosed left paren")
    }
}
