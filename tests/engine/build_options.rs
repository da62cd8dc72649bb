//! Options of builds: other bases, secrets, agents, mounts, where the result goes, what is said and kept.

use std::os::unix::net::UnixListener;
use std::process::Command;

use cove_test_support::{IMAGE, Service, everyone};

use crate::build::{build, packed, seen, write};

#[test]
fn the_first_base_is_another() {
    everyone(|bed| {
        let folder = bed.path("context");
        write(
            &folder,
            "Containerfile",
            "FROM nothing/there:1 AS one\nRUN echo a > /a\nFROM one\nRUN echo b > /b\n",
        );
        build(bed, &folder, &["-t", "app", "--from", IMAGE]).ok();
        assert_eq!(seen(bed, "app", "cat /a /b"), "a\nb");
    });
}

#[test]
fn secrets_reach_a_service_and_no_image() {
    everyone(|bed| {
        let folder = bed.path("context");
        let secret = bed.path("secrets");
        write(&secret, "token", "from the file");
        let text = format!(
            "FROM {IMAGE}\nRUN --mount=type=secret,id=s,required cat /run/secrets/s\nCOPY . /all\nRUN ls -A /all\n"
        );
        write(&folder, "Containerfile", &text);
        let here = folder.display().to_string();
        let given = format!("id=s,src={}", secret.join("token").display());
        let service = Service::start(bed);
        let url = service.uri();
        let words = ["build", "--network", "none", "--no-cache", "-t", "app", "--secret", &given, &here];
        for front in [&[][..], &["--url", url.as_str()]] {
            let output = bed.cove(&[front, &words].concat()).ok().to_owned();
            assert!(output.contains("from the file") && !output.contains(".cove-build"), "{output}");
        }
        let tar = packed(&folder);
        let words = ["--url", &url, "build", "--network", "none", "--no-cache", "--secret", &given, "-"];
        let output = bed.cove_with(&words, &tar).ok().to_owned();
        assert!(output.contains("from the file") && !output.contains(".cove-build"), "{output}");
    });
}

#[test]
fn rules_of_what_is_ignored_hold_for_archives_too() {
    everyone(|bed| {
        let folder = bed.path("context");
        write(&folder, "Containerfile", &format!("FROM {IMAGE}\nCOPY . /all\n"));
        write(&folder, "dropped", "text");
        let rules = bed.path("rules");
        write(&rules, "rules", "dropped\nContainerfile\n");
        let rules = rules.join("rules").display().to_string();
        let service = Service::start(bed);
        let url = service.uri();
        let words = ["build", "--network", "none", "--no-cache", "-t", "app", "--ignorefile", &rules, "-"];
        for front in [&[][..], &["--url", url.as_str()]] {
            bed.cove_with(&[front, &words].concat(), &packed(&folder)).ok();
            assert_eq!(seen(bed, "app", "ls -A /all"), "");
        }
    });
}

#[test]
fn an_agent_is_there_while_a_command_runs() {
    everyone(|bed| {
        let folder = bed.path("context");
        let text = format!(
            "FROM {IMAGE}\nRUN --mount=type=ssh,uid=7,mode=0640 stat -c '%F %a %u' $SSH_AUTH_SOCK\nRUN env; ls /run\n\
             RUN --mount=type=ssh,id=none echo \"<$SSH_AUTH_SOCK>\"\n"
        );
        write(&folder, "Containerfile", &text);
        let socket = bed.path("agent");
        let _listener = UnixListener::bind(&socket).expect("socket");
        Command::new("chmod").arg("a+rw").arg(&socket).status().expect("chmod");
        let given = format!("default={}", socket.display());
        let output = build(bed, &folder, &["--ssh", &given]).ok().to_owned();
        assert!(output.contains("\nsocket 640 7\n") && output.contains("\n<>\n"), "{output}");
        assert!(!output.contains("SSH_AUTH_SOCK=") && !output.contains("\nbuildkit\n"), "{output}");
        write(&folder, "Containerfile", &format!("FROM {IMAGE}\nRUN --mount=type=ssh,required true\n"));
        build(bed, &folder, &[]).fails(125, "ssh required but no ssh agent with id default found");
        build(bed, &folder, &["--ssh", "default=/etc/passwd"]).fails(125, "it is no socket of an agent");
        let here = folder.display().to_string();
        let service = Service::start(bed);
        bed.cove(&["--url", &service.uri(), "build", "--ssh", &given, &here])
            .fails(125, "--ssh is not supported over a service");
    });
}

#[test]
fn mounts_begin_with_something_and_take_what_is_written() {
    everyone(|bed| {
        let folder = bed.path("context");
        write(&folder, "file", "text\n");
        let text = format!(
            "FROM {IMAGE} AS one\nRUN mkdir /begin; echo begun > /begin/with\nFROM {IMAGE}\n\
             RUN --mount=type=cache,id=c,target=/c,from=one,source=/begin cat /c/with; echo more >> /c/with\n\
             RUN --mount=type=cache,id=c,target=/c,from=one,source=/begin cat /c/with\n\
             RUN --mount=type=bind,source=file,target=/f,rw echo added >> /f; cat /f\n\
             RUN --mount=type=bind,source=file,target=/f,Z cat /f\n"
        );
        write(&folder, "Containerfile", &text);
        let output =
            build(bed, &folder, &["--mount", "type=tmpfs,target=/everywhere"]).ok().replace("[2/2] ", "");
        assert!(output.contains("\nbegun\nmore\n"), "{output}");
        assert!(output.contains("\ntext\nadded\n"), "{output}");
        assert_eq!(cove_sys::fs::read_to_string(folder.join("file")).expect("file"), "text\n");
        write(
            &folder,
            "Containerfile",
            &format!("FROM {IMAGE}\nRUN grep ' /everywhere tmpfs' /proc/mounts\n"),
        );
        build(bed, &folder, &["--mount", "type=tmpfs,target=/everywhere"]).ok();
        build(bed, &folder, &[]).fails(1, "exit status 1");
    });
}

#[test]
fn the_result_goes_out() {
    everyone(|bed| {
        let folder = bed.path("context");
        write(
            &folder,
            "Containerfile",
            &format!(
                "FROM {IMAGE} AS b\nRUN mkdir /d && ln -s b /d/link\nFROM scratch\nCOPY --from=b /d /bin/busybox /out/\n"
            ),
        );
        let here = folder.display().to_string();
        let service = Service::start(bed);
        let url = service.uri();
        for front in [&[][..], &["--url", url.as_str()]] {
            let out = bed.path(&format!("out-{}", front.len()));
            write(&out, "kept", "kept");
            let run = |output: &str| {
                let words = ["build", "--network", "none", "-t", "app", "-o", output, &here];
                bed.cove(&[front, &words].concat())
            };
            let target = out.join("files");
            run(&target.display().to_string()).ok();
            assert!(target.join("out/busybox").is_file() && target.join("out/link").is_symlink());
            let tar = out.join("x.tar");
            run(&format!("type=tar,dest={}", tar.display())).ok();
            let listed = Command::new("tar").arg("-tf").arg(&tar).output().expect("tar").stdout;
            assert!(String::from_utf8_lossy(&listed).contains("out/busybox"));
            let archive = out.join("oci.tar");
            run(&format!("type=oci,dest={}", archive.display())).ok();
            let listed = Command::new("tar").arg("-tf").arg(&archive).output().expect("tar").stdout;
            assert!(String::from_utf8_lossy(&listed).contains("oci-layout"));
            let streamed = run("-");
            assert_eq!(streamed.code, 0, "{streamed:?}");
            assert!(!streamed.stdout.contains("STEP") && streamed.stderr.contains("STEP"));
            run("type=bogus,dest=x").fails(125, "invalid type \"bogus\"");
        }
        assert_eq!(bed.cove(&["ps", "-a", "--external", "-q"]).ok(), "");
        let facts = bed.path("facts");
        write(&facts, "x", "");
        let facts = facts.join("facts.json").display().to_string();
        let output = build(bed, &folder, &["-t", "app", "--metadata-file", &facts]).ok().to_owned();
        let id = output.lines().last().expect("the id").to_owned();
        let facts = cove_sys::fs::read_to_string(&facts).expect("facts");
        assert!(
            facts.contains(&format!("\"sha256:{id}\"")) && facts.contains("localhost/app:latest"),
            "{facts}"
        );
    });
}

#[test]
fn what_the_base_says_of_itself_is_kept_or_not() {
    everyone(|bed| {
        let folder = bed.path("context");
        write(&folder, "Containerfile", &format!("FROM {IMAGE}\nLABEL l=v m=w\n"));
        build(bed, &folder, &["-t", "base", "--annotation", "a=b", "--annotation", "c=d"]).ok();
        write(&folder, "Containerfile", "FROM base\nENV x=y\n");
        let facts = |options: &[&str]| {
            build(bed, &folder, &[&["-t", "app"], options].concat()).ok();
            let format =
                "{{range $k, $v := .Labels}}{{$k}} {{end}}/{{range $k, $v := .Annotations}} {{$k}}{{end}}";
            bed.cove(&["image", "inspect", "--format", format, "app"]).ok().to_owned()
        };
        let created = "org.opencontainers.image.created";
        assert_eq!(facts(&[]), format!("l m / a c {created}"));
        assert_eq!(facts(&["--unsetannotation", "a", "--created-annotation=false"]), "l m / c");
        assert_eq!(facts(&["--inherit-annotations=false", "--inherit-labels=false"]), format!("/ {created}"));
        build(bed, &folder, &["--stage-labels"]).fails(125, "--stage-labels requires --save-stages");
        let labels = facts(&["--save-stages", "--stage-labels"]);
        assert!(labels.starts_with("io.buildah.stage.base io.buildah.stage.name l m"), "{labels}");
    });
}

#[test]
fn what_is_suspicious_is_said_and_can_be_refused() {
    everyone(|bed| {
        let folder = bed.path("context");
        write(&folder, ".dockerignore", "hidden\n");
        write(&folder, "hidden", "x");
        let text = format!("FROM {IMAGE} AS Base\nENV A=$PATH B=$NOTHING\nCOPY hidden /\nCMD a b\n");
        write(&folder, "Containerfile", &text);
        let found = build(bed, &folder, &["--check"]);
        assert_eq!(found.code, 1, "{found:?}");
        for line in [
            "Check complete, 4 warnings have been found!",
            "WARNING: StageNameCasing",
            "Usage of undefined variable '$NOTHING'",
            "WARNING: CopyIgnoredFile",
            "Containerfile:4",
            "   4 | >>> CMD a b",
        ] {
            assert!(found.stdout.contains(line), "{line}: {}", found.stdout);
        }
        assert!(!found.stdout.contains("STEP"));
        write(&folder, "Containerfile", &format!("FROM {IMAGE}\nCMD [\"a\"]\n"));
        assert_eq!(build(bed, &folder, &["--check"]).ok(), "Check complete, no warnings found.");
        write(&folder, "Containerfile", &format!("# check=error=true\nFROM {IMAGE}\nCMD a\n"));
        build(bed, &folder, &[]).fails(125, "lint violation found for rules: JSONArgsRecommended");
        write(&folder, "Containerfile", &format!("FROM {IMAGE}\nRUN true\nRUN exit 3\n"));
        let failed = build(bed, &folder, &[]);
        failed.fails(3, "(Containerfile:3)");
        assert!(failed.stdout.contains("   3 | >>> RUN exit 3"), "{}", failed.stdout);
    });
}

#[test]
fn images_on_the_way_have_labels_of_their_own() {
    everyone(|bed| {
        let folder = bed.path("context");
        write(&folder, "Containerfile", &format!("FROM {IMAGE}\nENV A=b\nENV C=d\n"));
        let labels = |image: &str| {
            bed.cove(&[
                "image",
                "inspect",
                "--format",
                "{{range $k, $v := .Labels}}{{$k}}={{$v}}{{end}}",
                image,
            ])
            .ok()
            .to_owned()
        };
        for _ in 0..2 {
            let output = build(bed, &folder, &["-t", "app", "--layer-label", "way=on"]).ok().to_owned();
            let step = output.lines().find_map(|line| line.strip_prefix("--> ")).expect("a step");
            let step = step.trim_start_matches("Using cache ");
            assert_eq!((labels(step).as_str(), labels("app").as_str()), ("way=on", ""));
        }
    });
}
