//! The command lines of units.

/// Options of a command that created a container or pod, and what follows them.
///
/// Which options have values is not known here, as it may be another program's command line: an option without `=` is
/// taken to have the next word for its value where that is no option. What is looked for and replaced is never behind
/// the first argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Created {
    /// Before the verb, without the program: global options.
    pub(super) global: Vec<String>,
    /// Between verb and arguments.
    pub(super) options: Vec<String>,
    /// The image and its command.
    pub(super) arguments: Vec<String>,
}

/// Options of create commands that never have a value of their own (`--flag=false` apart) and stand before arguments.
const FLAGS: [&str; 20] = [
    "-d",
    "-i",
    "-t",
    "-P",
    "-it",
    "-ti",
    "-dt",
    "-td",
    "-dit",
    "-dti",
    "-itd",
    "-tid",
    "--detach",
    "--interactive",
    "--tty",
    "--rm",
    "--replace",
    "--privileged",
    "--init",
    "--read-only",
];

/// Letters of options without a value, which others may follow: `-dit`, `-dp 80:80`.
const SWITCHES: &str = "ditPq";

/// Whether an option that has a value has it in the next word: not in `-p80:80`, but in `-dp 80:80`.
fn value_follows(word: &str) -> bool {
    if word.starts_with("--") {
        return true;
    }
    let mut letters = word.trim_start_matches('-').chars();
    letters.next_back().is_some_and(|last| !SWITCHES.contains(last))
        && letters.all(|one| SWITCHES.contains(one))
}

impl Created {
    /// Takes it apart after the verb, which is one of `verbs` (the words of a nested one in order); [`None`] where it
    /// has none.
    pub(super) fn parse(command: &[String], verbs: &[&[&str]]) -> Option<Self> {
        let (at, words) = (1..command.len()).find_map(|at| {
            let is_it = |verb: &&&[&str]| {
                command.get(at..at + verb.len()).is_some_and(|words| words.iter().eq(verb.iter()))
            };
            verbs.iter().find(is_it).map(|verb| (at, verb.len()))
        })?;
        let rest = &command[at + words..];
        let mut end = 0;
        while let Some(word) = rest.get(end) {
            if word == "--" {
                break;
            }
            if !word.starts_with('-') || word == "-" {
                break;
            }
            let has_value = !word.contains('=')
                && !FLAGS.contains(&word.as_str())
                && rest.get(end + 1).is_some_and(|next| !next.starts_with('-'))
                && value_follows(word);
            end += if has_value { 2 } else { 1 };
        }
        let (options, arguments) = rest.split_at(end.min(rest.len()));
        Some(Self {
            global: command[1..at].to_vec(),
            options: options.to_vec(),
            arguments: arguments.to_vec(),
        })
    }

    /// The values of an option, in order; an option that is there without one is empty.
    pub(super) fn values<'a>(&'a self, names: &[&str]) -> Vec<&'a str> {
        let mut values = Vec::new();
        let mut words = self.options.iter();
        while let Some(word) = words.next() {
            if let Some(value) = names.iter().find_map(|name| word.strip_prefix(name)?.strip_prefix('=')) {
                values.push(value);
            } else if names.contains(&word.as_str()) {
                let flag = FLAGS.contains(&word.as_str());
                values.push(if flag { "" } else { words.next().map_or("", String::as_str) });
            }
        }
        values
    }

    /// Whether a flag is set, and not to false.
    pub(super) fn is_set(&self, names: &[&str]) -> bool {
        self.values(names).last().is_some_and(|value| !matches!(*value, "false" | "0" | "f"))
            || names.iter().filter_map(|name| name.strip_prefix('-')).filter(|name| name.len() == 1).any(
                // `-dit` is three of them.
                |letter| {
                    self.options.iter().any(|word| {
                        FLAGS.contains(&word.as_str()) && !word.starts_with("--") && word.contains(letter)
                    })
                },
            )
    }

    /// Takes an option away, with its value where it has one.
    pub(super) fn remove(&mut self, names: &[&str]) {
        let mut kept = Vec::new();
        let mut words = std::mem::take(&mut self.options).into_iter();
        while let Some(word) = words.next() {
            let is_it = names.iter().any(|name| {
                word == *name || word.strip_prefix(name).is_some_and(|rest| rest.starts_with('='))
            });
            if !is_it {
                kept.push(word);
            } else if !word.contains('=') && !FLAGS.contains(&word.as_str()) {
                words.next();
            }
        }
        self.options = kept;
    }
}

/// Words as a command line of a unit (systemd.service(5), "Command lines").
pub(super) fn escape(word: &str) -> String {
    quote(&word.replace('$', "$$"))
}

/// A word of a value in which `$` is itself (systemd.exec(5), `Environment=`).
pub(super) fn quote(word: &str) -> String {
    let word = word.replace('%', "%%");
    if word.is_empty() || word.contains([' ', '\t', '\n', '\r', '"', '\'', ';']) {
        let inner = word.replace('\\', "\\\\").replace('"', "\\\"").replace('\t', "\\t");
        return format!("\"{}\"", inner.replace('\n', "\\n").replace('\r', "\\r"));
    }
    word.replace('\\', "\\\\")
}

/// A command line with a line for each option.
pub(super) fn lines(words: &[String]) -> String {
    let mut text = String::new();
    for (at, word) in words.iter().enumerate() {
        if at > 0 {
            text.push_str(if word.starts_with('-') { " \\\n\t" } else { " " });
        }
        text.push_str(word);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn a_command_is_taken_apart() {
        let command =
            words("cove --root /r container run -d --name web -p80:80 -e A=b --rm=true img sh -c --rm");
        let mut created = Created::parse(&command, &[&["run"], &["create"]]).unwrap();
        assert_eq!(created.global, words("--root /r container"));
        assert_eq!(created.arguments, words("img sh -c --rm"));
        assert_eq!(created.values(&["--name"]), ["web"]);
        assert!(created.is_set(&["-d", "--detach"]) && created.is_set(&["--rm"]));
        created.remove(&["--rm"]);
        created.remove(&["--name"]);
        assert_eq!(created.options, words("-d -p80:80 -e A=b"));
        assert_eq!(Created::parse(&words("cove start x"), &[&["run"]]), None);
        let pod = Created::parse(&words("cove pod create --name p --replace=false"), &[&["pod", "create"]]);
        let pod = pod.unwrap();
        assert!(pod.global.is_empty() && !pod.is_set(&["--replace"]));
    }

    #[test]
    fn flags_have_no_values_and_letters_are_read_together() {
        let created = Created::parse(&words("cove run -dit --rm img -d"), &[&["run"]]).unwrap();
        assert_eq!(created.arguments, words("img -d"));
        assert!(created.is_set(&["-d", "--detach"]) && created.is_set(&["--rm"]));
        let created = Created::parse(&words("cove run --detach=false --rm img"), &[&["run"]]).unwrap();
        assert!(!created.is_set(&["-d", "--detach"]));
        let command = words("cove run -dp 80:80 --restart=always --name web img");
        let created = Created::parse(&command, &[&["run"]]).unwrap();
        assert_eq!((created.values(&["--name"]), created.arguments.clone()), (vec!["web"], words("img")));
    }

    #[test]
    fn words_are_escaped_for_systemd() {
        for (word, escaped) in [
            ("plain", "plain"),
            ("a b", "\"a b\""),
            ("50%", "50%%"),
            ("$HOME", "$$HOME"),
            ("say \"x\"", "\"say \\\"x\\\"\""),
            ("a\\b", "a\\\\b"),
            ("", "\"\""),
            ("a\nExecStart=/bin/evil", "\"a\\nExecStart=/bin/evil\""),
        ] {
            assert_eq!(escape(word), escaped, "{word:?}");
        }
        assert_eq!(escape("a\rb"), "\"a\\rb\"");
        assert_eq!(quote("A=$x"), "A=$x");
    }
}
