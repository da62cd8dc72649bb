//! Building images: each instruction and what it makes of the image.

use std::process::Command;

use cove_test_support::{IMAGE, everyone};

use crate::build::{build, seen, write};

#[test]
fn the_configuration_is_what_the_file_says() {
    everyone(|bed| {
        let folder = bed.path("context");
        let text = format!(
            "FROM {IMAGE}\nMAINTAINER somebody\nARG V=1\nENV A=\"b c\" B=$V\nENV OLD style of it\n\
             LABEL one=1 two=\"t w o\"\nWORKDIR /work\nWORKDIR sub/$B\nUSER 1000:1000\nEXPOSE 80 53/udp\n\
             VOLUME /data [\"/more\"]\nSTOPSIGNAL SIGQUIT\nSHELL [\"/bin/sh\", \"-ec\"]\n\
             HEALTHCHECK --interval=7s --retries=2 CMD true\nENTRYPOINT [\"/bin/sh\"]\nCMD [\"-c\", \"pwd; id -u\"]\n\
             ONBUILD RUN echo triggered\n"
        );
        write(&folder, "Containerfile", &text);
        let options =
            ["-t", "app", "--label", "three=3", "--annotation", "n=o", "--env", "E=f", "--format", "docker"];
        build(bed, &folder, &options).ok();
        let shown = |format: &str| bed.cove(&["image", "inspect", "--format", format, "app"]).ok().to_owned();
        for (format, expected) in [
            ("{{.Author}}", "somebody"),
            ("{{json .Config.Labels}}", r#"{"one":"1","three":"3","two":"t w o"}"#),
            ("{{.Config.WorkingDir}}", "/work/sub/1"),
            ("{{.Config.User}}", "1000:1000"),
            ("{{json .Config.ExposedPorts}}", r#"{"53/udp":{},"80/tcp":{}}"#),
            ("{{.Config.StopSignal}}", "SIGQUIT"),
            ("{{json .Config.Shell}}", r#"["/bin/sh","-ec"]"#),
            ("{{json .Config.Entrypoint}}", r#"["/bin/sh"]"#),
            ("{{json .Config.Cmd}}", r#"["-c","pwd; id -u"]"#),
            ("{{json .Config.OnBuild}}", r#"["RUN echo triggered"]"#),
        ] {
            assert_eq!(shown(format), expected, "{format}");
        }
        let environment = shown("{{json .Config.Env}}");
        for entry in ["\"E=f\"", "\"A=b c\"", "\"B=1\"", "\"OLD=style of it\""] {
            assert!(environment.contains(entry), "{entry}: {environment}");
        }
        assert_eq!(bed.cove(&["run", "--rm", "--network", "none", "app"]).ok(), "/work/sub/1\n1000");
        // What a stage built on it does first.
        write(&folder, "Containerfile", "FROM app\nUSER 0\nENTRYPOINT []\n");
        let output =
            build(bed, &folder, &["-t", "child", "--unsetenv", "A", "--unsetlabel", "two"]).ok().to_owned();
        assert!(output.contains("RUN echo triggered") && output.contains("\ntriggered\n"), "{output}");
        let child = bed.cove(&["image", "inspect", "--format", "{{json .Config}}", "child"]).ok().to_owned();
        assert!(
            !child.contains("OnBuild") && !child.contains("A=b c") && !child.contains("t w o"),
            "{child}"
        );
    });
}

#[test]
fn copies_go_where_they_should() {
    everyone(|bed| {
        let folder = bed.path("context");
        for name in ["a/one", "a/sub/two", "b.txt", "c.txt", "a b"] {
            write(&folder, name, name);
        }
        let text = format!(
            "FROM {IMAGE}\nWORKDIR /w\nCOPY a dir\nCOPY b.txt renamed\nCOPY b.txt c.txt many/\nCOPY *.txt ./glob/\n\
             COPY [\"a b\", \"/spaced/\"]\nCOPY --chown=5:6 --chmod=640 b.txt /owned\nCOPY --chmod=u=rwX,go= a /moded\n\
             COPY --parents a/sub/two /parents/\nCOPY --exclude=sub a /excluded/\nRUN mkdir /real && ln -s /real /link\n\
             COPY b.txt /link/\nCOPY <<one <<\"two\" /docs/\n$HOME ${{X:-x}}\none\n$HOME\ntwo\n\
             COPY --chmod=755 <<EOF /bin/script\n#!/bin/sh\necho run\nEOF\n"
        );
        write(&folder, "Containerfile", &text);
        build(bed, &folder, &["-t", "app"]).ok();
        let all = seen(
            bed,
            "app",
            "cd /w; find . -type f | sort; cat renamed; echo; ls /spaced; stat -c '%u:%g:%a' /owned /moded /moded/one; \
             find /parents /excluded /real -type f | sort; cat /docs/one /docs/two; script",
        );
        assert_eq!(
            all,
            "./dir/one\n./dir/sub/two\n./glob/b.txt\n./glob/c.txt\n./many/b.txt\n./many/c.txt\n./renamed\nb.txt\na b\n\
             5:6:640\n0:0:755\n0:0:600\n/excluded/one\n/parents/a/sub/two\n/real/b.txt\n x\n$HOME\nrun"
        );
    });
}

#[test]
fn archives_are_unpacked_by_add_alone() {
    everyone(|bed| {
        let folder = bed.path("context");
        write(&folder, "in/file", "packed");
        let archive = folder.join("x.tar.gz");
        let packed = Command::new("tar").arg("-C").arg(&folder).arg("-czf").arg(&archive).arg("in").status();
        assert!(packed.expect("tar").success());
        let text = format!(
            "FROM {IMAGE}\nADD x.tar.gz /added/\nCOPY x.tar.gz /copied/\nADD --unpack=false x.tar.gz /kept/\nADD in /folder/\n"
        );
        write(&folder, "Containerfile", &text);
        build(bed, &folder, &["-t", "app"]).ok();
        assert_eq!(
            seen(bed, "app", "cat /added/in/file; echo; ls /copied /kept /folder"),
            "packed\n/copied:\nx.tar.gz\n\n/folder:\nfile\n\n/kept:\nx.tar.gz"
        );
    });
}

#[test]
fn commands_have_mounts_secrets_and_documents() {
    everyone(|bed| {
        let folder = bed.path("context");
        write(&folder, "file", "bound");
        let secret = bed.path("secret");
        write(&secret, "s", "hidden-value");
        let text = format!(
            "FROM {IMAGE} AS other\nRUN echo other > /o\nFROM {IMAGE}\n\
             RUN --mount=type=bind,source=file,target=/m/f cat /m/f && ! touch /m/f 2>/dev/null\n\
             RUN --mount=type=bind,target=/ctx,rw touch /ctx/new && ls /ctx/file\n\
             RUN --mount=type=bind,from=other,source=/o,target=/o cat /o\n\
             RUN --mount=type=cache,target=/c,id=../../escape echo kept >> /c/f\n\
             RUN --mount=type=cache,target=/c,id=../../escape,sharing=locked cat /c/f\n\
             RUN --mount=type=tmpfs,target=/t touch /t/x\n\
             RUN --mount=type=secret,id=s cat /run/secrets/s > /dev/null && wc -c < /run/secrets/s\n\
             RUN --mount=type=secret,id=s,env=S test ${{#S}} = 12\n\
             RUN --mount=type=secret,id=none test ! -e /run/secrets/none\n\
             RUN <<EOF\necho one\necho two > /doc\nEOF\n\
             RUN <<EOF\n#!/bin/cat\nwhole\nEOF\n\
             RUN cat <<A <<B\na\nA\nb\nB\n\
             RUN --network=none true\n"
        );
        write(&folder, "Containerfile", &text);
        let given = format!("id=s,src={}", secret.join("s").display());
        let output = build(bed, &folder, &["-t", "app", "--secret", &given]).ok().replace("[2/2] ", "");
        for line in ["bound", "/ctx/file", "other", "kept", "12", "one", "#!/bin/cat", "b"] {
            assert!(output.lines().any(|told| told == line || told.starts_with(line)), "{line}: {output}");
        }
        // Nothing of the mounts is left, and nothing of the secret anywhere.
        assert_eq!(
            seen(bed, "app", "ls -d /m /ctx /o /c /t /run/secrets /dev/pipes 2>/dev/null; cat /doc"),
            "two"
        );
        let archive = bed.path("image.tar").display().to_string();
        bed.cove(&["save", "-q", "-o", &archive, "app"]).ok();
        let saved = cove_sys::fs::read(&archive).expect("archive");
        assert!(!saved.windows(12).any(|window| window == b"hidden-value"));
        let required = format!("FROM {IMAGE}\nRUN --mount=type=secret,id=missing,required true\n");
        write(&folder, "Containerfile", &required);
        build(bed, &folder, &[]).fails(125, "secret required but no secret with id missing found");
    });
}

#[test]
fn options_reach_commands() {
    everyone(|bed| {
        let folder = bed.path("context");
        let shared = bed.path("shared");
        write(&shared, "file", "of the host");
        let text = format!(
            "FROM {IMAGE}\nRUN grep somewhere /etc/hosts; grep search /etc/resolv.conf; cat /v/file; ulimit -n\n"
        );
        write(&folder, "Containerfile", &text);
        let volume = format!("{}:/v:ro", shared.display());
        let options = [
            "--add-host",
            "somewhere:1.2.3.4",
            "--dns-search",
            "example.test",
            "-v",
            &volume,
            "--ulimit",
            "nofile=101:102",
        ];
        let context = folder.display().to_string();
        let mut arguments = vec!["build", "--network", "private", "-t", "app"];
        arguments.extend(options);
        arguments.push(&context);
        let output = bed.cove(&arguments).ok().to_owned();
        for line in ["1.2.3.4", "search example.test", "of the host", "101"] {
            assert!(output.contains(line), "{line}: {output}");
        }
        assert_eq!(seen(bed, "app", "ls -d /v 2>&1 | wc -l; grep -c somewhere /etc/hosts; true"), "1\n0");
    });
}

#[test]
fn a_time_makes_the_same_image_again() {
    everyone(|bed| {
        let folder = bed.path("context");
        write(&folder, "file", "text");
        write(&folder, "Containerfile", &format!("FROM {IMAGE}\nCOPY file /f\nRUN echo x > /x\n"));
        let options = ["-q", "--no-cache", "--timestamp", "1000", "-t", "app"];
        let first = build(bed, &folder, &options).ok().to_owned();
        assert_eq!(build(bed, &folder, &options).ok(), first);
        assert_eq!(seen(bed, "app", "stat -c %Y /f /x"), "1000\n1000");
        let created = bed.cove(&["image", "inspect", "--format", "{{.Created}}", "app"]).ok().to_owned();
        assert!(created.starts_with("1970-01-01"), "{created}");
    });
}

#[test]
fn nothing_becomes_an_image_too() {
    everyone(|bed| {
        let folder = bed.path("context");
        write(&folder, "file", "text");
        write(&folder, "Containerfile", "FROM scratch\n");
        build(bed, &folder, &["-t", "nothing"]).ok();
        write(&folder, "Containerfile", "FROM scratch\nCOPY file /\n");
        for layers in ["--layers", "--layers=false"] {
            build(bed, &folder, &["-t", "app", layers]).ok();
            assert_eq!(bed.cove(&["image", "diff", "app"]).ok(), "A /file");
        }
        write(&folder, "Containerfile", &format!("FROM {IMAGE}\n"));
        build(bed, &folder, &["-t", "same"]).ok();
        let id = |name: &str| bed.cove(&["image", "inspect", "--format", "{{.Id}}", name]).ok().to_owned();
        assert_eq!(id("same"), id(IMAGE));
    });
}
