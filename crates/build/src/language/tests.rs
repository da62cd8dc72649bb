//! Tables of what build files mean.

use super::words::{Expander, raw_words};
use super::*;
use crate::error::Result;

fn one(text: &str) -> Result<Instruction> {
    let file = BuildFile::parse(format!("FROM x\n{text}\n").as_bytes())?;
    Ok(file.stages[0].steps[0].instruction.clone())
}

fn strings(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
    all.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn lines_are_joined() {
    for (text, steps) in [
        ("RUN a \\\n b", vec!["RUN a  b"]),
        ("RUN a \\\n# comment\n\n  b", vec!["RUN a   b"]),
        ("RUN a \\  \n b", vec!["RUN a  b"]),
        ("RUN a \\\\\nRUN b", vec!["RUN a \\\\", "RUN b"]),
        ("  RUN a\r\n\r\nRUN b\r\n", vec!["RUN a", "RUN b"]),
        ("# comment\nRUN a # kept", vec!["RUN a # kept"]),
        ("run a", vec!["run a"]),
        ("RUN a \\", vec!["RUN a"]),
    ] {
        let file = BuildFile::parse(format!("FROM x\n{text}").as_bytes()).unwrap();
        let texts: Vec<&str> = file.stages[0].steps.iter().map(|step| step.text.as_str()).collect();
        assert_eq!(texts, steps, "{text:?}");
    }
}

#[test]
fn directives_stand_at_the_head() {
    let file = BuildFile::parse(b"# syntax=docker/dockerfile:1.7\n# escape=`\nFROM x\nRUN a `\n b").unwrap();
    assert_eq!((file.escape, file.stages[0].steps[0].text.as_str()), ('`', "RUN a  b"));
    let file = BuildFile::parse(b"# a comment\n# escape=`\nFROM x").unwrap();
    assert_eq!(file.escape, '\\');
    for (text, error) in [
        ("# escape=x\nFROM x", "line 1: invalid escape token"),
        ("# escape=`\n# escape=`\nFROM x", "line 2: only one escape"),
        ("# syntax=evil.example/frontend\nFROM x", "line 1: the syntax"),
        ("# syntax=docker/dockerfile-evil:1\nFROM x", "line 1: the syntax"),
        ("", "file with no instructions"),
        ("RUN a\nFROM x", "line 1: no build stage"),
        ("FROM x\n\nBOGUS a", "line 3: unknown instruction: BOGUS"),
        ("FROM x\nRUN <<EOF\nnever ends", "line 2: unterminated heredoc"),
        ("\u{feff}FROM", "line 1: FROM requires"),
        ("FROM x as", "line 1: FROM requires"),
        ("FROM x AS 1a", "line 1: invalid name for build stage"),
        ("FROM --bogus=1 x", "line 1: unknown flag: bogus"),
    ] {
        let found = BuildFile::parse(text.as_bytes()).unwrap_err().to_string();
        assert!(found.starts_with(error), "{text:?}: {found}");
    }
    assert!(BuildFile::parse(b"FROM \xff").is_err());
}

#[test]
fn instructions_are_read() {
    use Instruction as I;
    for (text, expected) in [
        ("ENV a=b c=\"d e\" f=g\\ h", I::Env(pairs(&[("a", "b"), ("c", "\"d e\""), ("f", "g\\ h")]))),
        ("ENV a b c", I::Env(pairs(&[("a", "b c")]))),
        ("LABEL a=b", I::Label(pairs(&[("a", "b")]))),
        ("ARG a b=c", I::Arg(vec![("a".into(), None), ("b".into(), Some("c".into()))])),
        ("CMD a b", I::Cmd(Command::Shell("a b".into()))),
        ("CMD [\"a\", \"b\"]", I::Cmd(Command::Exec(strings(&["a", "b"])))),
        ("CMD ['a']", I::Cmd(Command::Shell("['a']".into()))),
        ("ENTRYPOINT []", I::Entrypoint(Command::Exec(Vec::new()))),
        ("VOLUME ['/etc/foo', '/etc/bar']", I::Volume(strings(&["['/etc/foo',", "'/etc/bar']"]))),
        ("VOLUME [\"/a\"]", I::Volume(strings(&["/a"]))),
        ("EXPOSE 80 443/tcp", I::Expose(strings(&["80", "443/tcp"]))),
        ("WORKDIR /a b", I::Workdir("/a b".into())),
        ("USER a:b", I::User("a:b".into())),
        ("SHELL [\"/bin/bash\", \"-c\"]", I::Shell(strings(&["/bin/bash", "-c"]))),
        ("HEALTHCHECK NONE", I::HealthCheck(None)),
        (
            "HEALTHCHECK --interval=5s --retries=2 CMD curl x",
            I::HealthCheck(Some(HealthCheck {
                test: strings(&["CMD-SHELL", "curl x"]),
                interval: 5_000_000_000,
                retries: 2,
                ..HealthCheck::default()
            })),
        ),
        ("ONBUILD RUN a", I::OnBuild("RUN a".into())),
        (
            "COPY --from=b --chown=1:2 --chmod=755 --exclude=*.o a b /c/",
            I::Copy(Copying {
                sources: strings(&["a", "b"]),
                destination: "/c/".into(),
                from: Some("b".into()),
                chown: Some("1:2".into()),
                chmod: Some("755".into()),
                exclude: strings(&["*.o"]),
                ..Copying::default()
            }),
        ),
        (
            "ADD [\"a b\", \"/c\"]",
            I::Add(Copying { sources: strings(&["a b"]), destination: "/c".into(), ..Copying::default() }),
        ),
    ] {
        assert_eq!(one(text).unwrap(), expected, "{text}");
    }
    for (text, error) in [
        ("ENV a", "ENV must have two arguments"),
        ("ENV a=b c", "can't find ="),
        ("ENV", "requires at least one argument"),
        ("COPY a", "requires at least two arguments"),
        ("COPY --bogus a b", "unknown flag: bogus"),
        ("COPY --from a b", "missing a value on flag: from"),
        ("ADD --from=x a b", "unknown flag: from"),
        ("SHELL /bin/sh", "JSON form"),
        ("HEALTHCHECK", "Unknown type"),
        ("HEALTHCHECK --retries=x CMD a", "--retries"),
        ("ONBUILD ONBUILD RUN a", "Chaining ONBUILD"),
        ("ONBUILD FROM a", "isn't allowed"),
        ("RUN", "requires at least one argument"),
        ("ARG", "requires at least one argument"),
    ] {
        let found = one(text).unwrap_err().to_string();
        assert!(found.starts_with("line 2: ") && found.contains(error), "{text}: {found}");
    }
}

#[test]
fn documents_follow_their_line() {
    let text = "RUN <<EOF\na\n b\nEOF";
    let Instruction::Run(run) = one(text).unwrap() else { panic!() };
    assert!(run.is_script);
    assert_eq!(run.heredocs[0].text, "a\n b\n");
    let Instruction::Run(run) = one("RUN cat <<-'E' > /f\n\ta$x\n\tE").unwrap() else { panic!() };
    assert!(!run.is_script && !run.heredocs[0].expand);
    assert_eq!(run.heredocs[0].text, "a$x\n");
    let Instruction::Copy(copying) = one("COPY <<one <<\"two\" three /d/\n1\none\n2\ntwo").unwrap() else {
        panic!()
    };
    let documents: Vec<(&str, &str, bool)> =
        copying.heredocs.iter().map(|document| (&*document.name, &*document.text, document.expand)).collect();
    assert_eq!(documents, [("one", "1\n", true), ("two", "2\n", false)]);
    assert_eq!(copying.sources, ["three"]);
    // A here-string is the shell's own business.
    let Instruction::Run(run) = one("RUN cat <<<word").unwrap() else { panic!() };
    assert!(run.heredocs.is_empty());
}

#[test]
fn variables_are_replaced() {
    let lookup = |name: &str| match name {
        "a" => Some("A".to_owned()),
        "empty" => Some(String::new()),
        "path" => Some("/usr/local/bin".to_owned()),
        _ => None,
    };
    let expander = Expander { escape: '\\', lookup: &lookup, variables: true };
    for (word, expected) in [
        ("$a", "A"),
        ("${a}b", "Ab"),
        ("$ab", ""),
        ("\\$a", "$a"),
        ("'$a'", "$a"),
        ("\"$a b\"", "A b"),
        ("\"\\\"\"", "\""),
        ("\"\\x\"", "\\x"),
        ("${b:-x}", "x"),
        ("${b:-$a}", "A"),
        ("${empty:-x}", "x"),
        ("${empty-x}", ""),
        ("${a:+x}", "x"),
        ("${b:+x}", ""),
        ("${empty+x}", "x"),
        ("${path#*/}", "usr/local/bin"),
        ("${path##*/}", "bin"),
        ("${path%/*}", "/usr/local"),
        ("${path%%/*}", ""),
        ("${path%n*}", "/usr/local/bi"),
        ("${path%%l*}", "/usr/"),
        ("${path%x}", "/usr/local/bin"),
        ("${path/usr/opt}", "/opt/local/bin"),
        ("${path//\\//-}", "-usr-local-bin"),
        ("a$", "a$"),
        ("x\\", "x"),
    ] {
        assert_eq!(expander.word(word).unwrap(), expected, "{word}");
    }
    for bad in ["${a", "${a:", "${}", "'a", "\"a", "${b:?told}", "${b?}", "${a^}"] {
        assert!(expander.word(bad).is_err(), "{bad}");
    }
    let deep = format!("{}x{}", "${b:-".repeat(1000), "}".repeat(1000));
    assert!(expander.word(&deep).is_err());
    assert_eq!(expander.document("'$a' \"\\$a\"\n").unwrap(), "'A' \"$a\"\n");
}

#[test]
fn variables_cannot_fill_the_memory() {
    let large = "x".repeat(1 << 19);
    let lookup = |_: &str| Some(large.clone());
    let expander = Expander { escape: '\\', lookup: &lookup, variables: true };
    assert!(expander.word("$a$a$a$a").is_err());
    // A terabyte, if it were made before it is measured.
    assert!(expander.word("${a//x/$a}").is_err());
    assert_eq!(expander.word("${a%%x}${a%x*y}").unwrap().len(), (1 << 20) - 1);
}

#[test]
fn words_keep_their_quotes() {
    assert_eq!(raw_words("a 'b c' \"d \\\" e\" f\\ g", '\\'), ["a", "'b c'", "\"d \\\" e\"", "f\\ g"]);
}

#[test]
fn mounts_are_read() {
    for (text, expected) in [
        (
            "type=bind,source=a,target=/b,rw",
            RunMount {
                target: "/b".into(),
                kind: MountKind::Bind { from: None, source: "a".into(), writable: true },
            },
        ),
        (
            "target=/b,from=x",
            RunMount {
                target: "/b".into(),
                kind: MountKind::Bind { from: Some("x".into()), source: "/".into(), writable: false },
            },
        ),
        (
            "type=cache,dst=/c,id=i,sharing=locked,mode=0700,uid=5",
            RunMount {
                target: "/c".into(),
                kind: MountKind::Cache {
                    id: "i".into(),
                    from: None,
                    source: "/".into(),
                    read_only: false,
                    sharing: CacheSharing::Locked,
                    mode: 0o700,
                    uid: 5,
                    gid: 0,
                },
            },
        ),
        (
            "type=bind,source=a,target=/b,Z,relabel=shared,bind-propagation=rprivate",
            RunMount {
                target: "/b".into(),
                kind: MountKind::Bind { from: None, source: "a".into(), writable: false },
            },
        ),
        (
            "type=tmpfs,target=/t,size=1m",
            RunMount { target: "/t".into(), kind: MountKind::Tmpfs { size: Some("1m".into()) } },
        ),
        (
            "type=secret,id=s,required",
            RunMount {
                target: String::new(),
                kind: MountKind::Secret(FileMount {
                    id: "s".into(),
                    target: None,
                    required: true,
                    env: None,
                    mode: 0o400,
                    uid: 0,
                    gid: 0,
                }),
            },
        ),
    ] {
        assert_eq!(RunMount::parse(text).unwrap(), expected, "{text}");
    }
    for bad in [
        "type=bogus,target=/a",
        "type=bind",
        "type=cache,target=",
        "type=cache,target=/a,sharing=all",
        "type=bind,target=/a,bind-propagation=shared",
        "type=bind,target=/a,rbind",
        "type=secret",
        "type=secret,id=a,mode=rw",
        "type=tmpfs,target=/a,source=/b",
        "type=bind,target=/a,ro=perhaps",
    ] {
        assert!(RunMount::parse(bad).is_err(), "{bad}");
    }
}
