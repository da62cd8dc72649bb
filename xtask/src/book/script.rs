//! The steps of a page as one script of a shell, so that folders, variables and background jobs are those of a reader who
//! types them in one terminal; and what was written taken apart again.

use std::collections::HashMap;

use super::chapter::{Chapter, Step};

/// Stands before each mark in the output; no program of the book writes it.
const MARK: char = '\u{1}';

/// What a step did.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Done {
    /// What it wrote, on both streams.
    pub(crate) written: String,
    /// Its exit code.
    pub(crate) code: i32,
}

/// What became of the steps, by their place in the chapter.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Those that were run to their end.
    pub(crate) done: HashMap<usize, Done>,
    /// The needs that were not met.
    pub(crate) unmet: Vec<usize>,
    /// Those that were left out for that.
    pub(crate) left_out: Vec<usize>,
}

/// The script.
pub(crate) fn write(chapter: &Chapter) -> String {
    // `go` is empty where a need is not met; `code` is what `$?` is for the next command.
    let mut script = "exec 2>&1 </dev/null\nshopt -s expand_aliases\ngo=1 code=0\n".to_owned();
    for (at, step) in chapter.steps.iter().enumerate() {
        match step {
            Step::Command { text, .. } | Step::Given { text, .. } => script.push_str(&format!(
                "if [ $go ]; then printf '\\1begin {at}\\n'; (exit $code); eval {}; code=$?; \
                 printf '\\1end {at} %s\\n' $code; else printf '\\1out {at} 0\\n'; fi\n",
                quoted(text)
            )),
            Step::File { path, text } => {
                script.push_str(&format!("if [ $go ]; then printf %s {} >{path}; fi\n", quoted(text)));
            }
            Step::Needs { text, .. } => script.push_str(&format!(
                "if ! (eval {}) >/dev/null; then go=; printf '\\1unmet {at} 0\\n'; fi\n",
                quoted(text)
            )),
            Step::Heading => script.push_str("go=1\n"),
            Step::Skip { .. } => {}
        }
    }
    script
}

/// The text as one word of a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// Takes the output of a script apart.
pub(crate) fn read(output: &str) -> Told {
    let mut told = Told::default();
    let mut written: HashMap<usize, &str> = HashMap::new();
    for part in output.split(MARK).skip(1) {
        let (mark, rest) = part.split_once('\n').unwrap_or((part, ""));
        let mut words = mark.split(' ');
        let (Some(word), Some(Ok(at))) = (words.next(), words.next().map(str::parse)) else { continue };
        match word {
            "begin" => {
                written.insert(at, rest);
            }
            "end" => {
                let code = words.next().and_then(|code| code.parse().ok()).unwrap_or(-1);
                let written = written.remove(&at).unwrap_or_default().to_owned();
                told.done.insert(at, Done { written, code });
            }
            "out" => told.left_out.push(at),
            "unmet" => told.unmet.push(at),
            _ => {}
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_taken_apart() {
        let told = read(
            "noise\u{1}begin 2\nhello\nworld\u{1}end 2 7\n\u{1}out 3 0\n\u{1}unmet 4 0\n\u{1}begin 5\nhangs",
        );
        assert_eq!(told.done[&2], Done { written: "hello\nworld".into(), code: 7 });
        assert_eq!((told.done.len(), told.left_out, told.unmet), (1, vec![3], vec![4]));
    }

    #[test]
    fn a_word_of_a_shell() {
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
