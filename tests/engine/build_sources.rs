//! Building images of what comes from elsewhere: the web, repositories, further contexts, secrets and agents; and where
//! the result goes.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use cove_test_support::{Bed, IMAGE, Need, Service, everyone, free_port, met, wait_for};

use crate::build::{build, seen, write};

/// What is answered by path: the head after the status, and the body.
type Pages = Arc<Mutex<BTreeMap<String, (String, Vec<u8>)>>>;

/// A server with a few answers.
struct Web {
    address: String,
    pages: Pages,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Web {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("address"));
        let (pages, asked) = (Pages::default(), Arc::<Mutex<Vec<_>>>::default());
        let (shown, noted) = (Arc::clone(&pages), Arc::clone(&asked));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let mut lines =
                    BufReader::new(stream.try_clone().expect("stream")).lines().map_while(Result::ok);
                let Some(first) = lines.next() else { continue };
                lines.take_while(|line| !line.is_empty()).for_each(drop);
                let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
                noted.lock().expect("lock").push(path.clone());
                let page = shown.lock().expect("lock").get(&path).cloned();
                let (head, body) = page.unwrap_or_else(|| ("404 Not Found".into(), Vec::new()));
                let mut stream = stream;
                let head =
                    format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
                let _ = stream.write_all(&[head.as_bytes(), &body].concat());
            }
        });
        Self { address, pages, asked }
    }

    fn page(&self, path: &str, head: &str, body: &[u8]) {
        self.pages.lock().expect("lock").insert(path.into(), (head.into(), body.to_vec()));
    }

    fn asked(&self, path: &str) -> usize {
        self.asked.lock().expect("lock").iter().filter(|asked| *asked == path).count()
    }
}

/// A repository with two branches over git's own protocol.
struct Repository {
    daemon: Child,
    address: String,
}

impl Repository {
    fn start(bed: &Bed) -> Option<Self> {
        if !met(&[Need::Git]) {
            return None;
        }
        let work = bed.path("repositories/one");
        write(&work, "top", "top");
        write(&work, "sub/inner", "inner");
        write(&work, "sub/Containerfile", &format!("FROM {IMAGE}\nCOPY inner /inner\n"));
        git(&work, &["init", "-q", "-b", "main", "."]);
        git(&work, &["add", "."]);
        git(&work, &["commit", "-q", "-m", "one"]);
        git(&work, &["tag", "-a", "v1", "-m", "v1"]);
        let port = free_port().to_string();
        // The program itself, so that it ends with its process.
        let folder = Command::new("git").arg("--exec-path").output().expect("git").stdout;
        let folder = String::from_utf8_lossy(&folder).trim().to_owned();
        let mut command = Command::new(Path::new(&folder).join("git-daemon"));
        command.args(["--listen=127.0.0.1", "--reuseaddr", "--export-all"]);
        command
            .arg(format!("--port={port}"))
            .arg(format!("--base-path={}", bed.path("repositories").display()));
        command
            .env("GIT_CONFIG_COUNT", "1")
            .env("GIT_CONFIG_KEY_0", "safe.directory")
            .env("GIT_CONFIG_VALUE_0", "*");
        let daemon = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("git daemon");
        wait_for("git daemon", 10, || std::net::TcpStream::connect(format!("127.0.0.1:{port}")).ok());
        Some(Self { daemon, address: format!("git://127.0.0.1:{port}/one") })
    }
}

impl Drop for Repository {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

fn git(folder: &Path, words: &[&str]) {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=n", "-c", "user.email=e", "-c", "safe.directory=*"]).args(words);
    let output = command.current_dir(folder).output().expect("git");
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn tar(folder: &Path) -> Vec<u8> {
    Command::new("tar").arg("-C").arg(folder).args(["-cz", "."]).output().expect("tar").stdout
}

#[test]
fn files_of_the_web_are_added() {
    everyone(|bed| {
        let web = Web::start();
        let base = &web.address;
        let changed = "200 OK\r\nLast-Modified: Wed, 21 Oct 2015 07:28:00 GMT";
        web.page("/a.txt", changed, b"one");
        web.page("/moved", &format!("302 Found\r\nLocation: {base}/a.txt"), b"");
        web.page("/named?x=/y", "200 OK\r\nContent-Disposition: attachment; filename=\"other\"", b"named");
        let folder = bed.path("context");
        let packed = bed.path("packed");
        write(&packed, "inner", "inner");
        web.page("/x.tgz", "200 OK", &tar(&packed));
        let text = format!(
            "FROM {IMAGE}\nADD {base}/a.txt /file\nADD {base}/a.txt {base}/moved /folder/\nADD --chmod=644 --chown=1:2 \
             {base}/named?x=/y /other/\nADD {base}/x.tgz /packed/\nADD --unpack=true {base}/x.tgz /unpacked/\n"
        );
        write(&folder, "Containerfile", &text);
        build(bed, &folder, &["-t", "app"]).ok();
        let command = "stat -c '%a %u %Y' /file; cat /file /folder/a.txt /folder/moved; stat -c '%a %u %g' /other/other; \
                       ls /packed /unpacked";
        assert_eq!(
            seen(bed, "app", command),
            "600 0 1445412480\noneoneone644 1 2\n/packed:\nx.tgz\n\n/unpacked:\ninner"
        );
        let again = build(bed, &folder, &["-t", "app"]).ok().to_owned();
        assert_eq!(again.matches("Using cache").count(), 5, "{again}");
        web.page("/a.txt", changed, b"two");
        let again = build(bed, &folder, &["-t", "app"]).ok().to_owned();
        assert!(!again.contains("Using cache"), "{again}");
        assert_eq!(seen(bed, "app", "cat /file"), "two");
    });
}

#[test]
fn what_the_web_has_is_checked() {
    everyone(|bed| {
        let web = Web::start();
        let base = &web.address;
        web.page("/a.txt", "200 OK", b"one");
        web.page("/file", "302 Found\r\nLocation: file:///etc/passwd", b"");
        web.page("/link", "302 Found\r\nLocation: http://169.254.169.254/latest", b"");
        let folder = bed.path("context");
        let try_one = |line: &str, text: &str| {
            write(&folder, "Containerfile", &format!("FROM {IMAGE}\n{line}\n"));
            build(bed, &folder, &["-t", "app"]).fails(125, text);
        };
        try_one(&format!("ADD {base}/file /x"), "redirect to the scheme \"file\" refused");
        try_one(&format!("ADD {base}/link /x"), "an address of a link is refused");
        try_one("ADD http://169.254.169.254/latest /x", "an address of a link is refused");
        try_one(&format!("ADD {base}/none /x"), "404");
        try_one(&format!("ADD {base}/ /x/"), "404");
        let wrong = format!("sha256:{}", "0".repeat(64));
        try_one(&format!("ADD --checksum={wrong} {base}/a.txt /x"), "its digest is sha256:7692");
        try_one(&format!("ADD --checksum=md5:1 {base}/a.txt /x"), "--checksum");
        try_one(
            &format!("ADD --checksum={wrong} Containerfile /x"),
            "--checksum is only for sources that are fetched",
        );
        try_one(&format!("ADD --keep-git-dir {base}/a.txt /x"), "--keep-git-dir is only for");
        let right = "sha256:7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed";
        write(&folder, "Containerfile", &format!("FROM {IMAGE}\nADD --checksum={right} {base}/a.txt /x\n"));
        build(bed, &folder, &["-t", "app"]).ok();
        assert_eq!(seen(bed, "app", "cat /x"), "one");
        // What is known need not be fetched once more.
        let before = web.asked("/a.txt");
        assert!(build(bed, &folder, &["-t", "app"]).ok().contains("Using cache"));
        assert_eq!(web.asked("/a.txt"), before);
        assert_eq!(
            cove_sys::fs::read_dir(bed.path("root/cove/build-contexts")).map_or(0, Iterator::count),
            0
        );
    });
}

#[test]
fn repositories_are_sources_and_contexts() {
    everyone(|bed| {
        let Some(repository) = Repository::start(bed) else { return };
        let address = &repository.address;
        let folder = bed.path("context");
        let text = format!(
            "FROM {IMAGE}\nADD {address}#main:sub /sub\nADD {address}#v1 /all\nADD --keep-git-dir {address} /kept\n"
        );
        write(&folder, "Containerfile", &text);
        build(bed, &folder, &["-t", "app"]).ok();
        let command = "cat /sub/inner /all/top; ls -d /all/.git /kept/.git 2>/dev/null; true";
        assert_eq!(seen(bed, "app", command), "innertop/kept/.git");
        let again = build(bed, &folder, &["-t", "app"]).ok().to_owned();
        assert_eq!(again.matches("Using cache").count(), 3, "{again}");
        let work = bed.path("repositories/one");
        write(&work, "sub/inner", "newer");
        git(&work, &["commit", "-q", "-a", "-m", "two"]);
        write(&folder, "Containerfile", &format!("FROM {IMAGE}\nADD {address}#main:sub /sub\n"));
        build(bed, &folder, &["-t", "app"]).ok();
        assert_eq!(seen(bed, "app", "cat /sub/inner"), "newer");
        write(&folder, "Containerfile", &format!("FROM {IMAGE}\nADD {address}#none /x\n"));
        build(bed, &folder, &[]).fails(125, "has no branch, tag or commit \"none\"");
        let service = Service::start(bed);
        for url in [None, Some(service.uri())] {
            let mut words: Vec<&str> = url.iter().flat_map(|url| ["--url", url.as_str()]).collect();
            let context = format!("{address}#main:sub");
            words.extend(["build", "--network", "none", "--no-cache", "-t", "remote", &context]);
            bed.cove(&words).ok();
            assert_eq!(seen(bed, "remote", "cat /inner"), "newer");
        }
    });
}

#[test]
fn contexts_and_build_files_have_addresses() {
    everyone(|bed| {
        let web = Web::start();
        let base = &web.address;
        let folder = bed.path("context");
        write(&folder, "file", "text");
        write(&folder, "Containerfile", &format!("FROM {IMAGE}\nCOPY file /usual\n"));
        write(&folder, "sub/File", &format!("FROM {IMAGE}\nCOPY file /named\n"));
        web.page("/context.tgz", "200 OK", &tar(&folder));
        web.page("/Containerfile", "200 OK", format!("FROM {IMAGE}\nRUN echo alone > /alone\n").as_bytes());
        let service = Service::start(bed);
        for url in [None, Some(service.uri())] {
            let run = |words: &[&str], shown: &str| {
                let mut all: Vec<&str> = url.iter().flat_map(|url| ["--url", url.as_str()]).collect();
                all.extend(["build", "--network", "none", "--no-cache", "-t", "app"]);
                all.extend(words);
                bed.cove(&all).ok();
                assert_eq!(
                    seen(bed, "app", "ls -d /usual /named /alone 2>/dev/null; true"),
                    shown,
                    "{words:?}"
                );
            };
            let context = format!("{base}/context.tgz");
            run(&[&context], "/usual");
            run(&["-f", "sub/File", &context], "/named");
            let alone = format!("{base}/Containerfile");
            run(&[&alone], "/alone");
            let here = folder.display().to_string();
            run(&["-f", &alone, &here], "/alone");
            run(&["-f", &alone, &context], "/alone");
            // The build file's own folder is the context where none is given.
            let file = folder.join("Containerfile").display().to_string();
            run(&["-f", &file], "/usual");
        }
    });
}

#[test]
fn further_contexts_come_before_stages_and_images() {
    everyone(|bed| {
        let web = Web::start();
        let folder = bed.path("context");
        let other = bed.path("other");
        write(&other, "file", "other");
        write(&other, "hidden", "hidden");
        write(&other, ".dockerignore", "hidden\n");
        web.page("/other.tgz", "200 OK", &tar(&other));
        let text = format!(
            "FROM {IMAGE} AS stage\nRUN exit 9\nFROM base\nCOPY --from=stage . /stage/\nCOPY --from=away /file /away\n\
             RUN --mount=type=bind,from=stage,target=/m cat /m/file > /mounted; ls /m >> /mounted\n\
             COPY --from=image /bin/busybox /copied\n"
        );
        write(&folder, "Containerfile", &text);
        let here = folder.display().to_string();
        let service = Service::start(bed);
        for url in [None, Some(service.uri())] {
            let mut words: Vec<&str> = url.iter().flat_map(|url| ["--url", url.as_str()]).collect();
            let (stage, away) =
                (format!("stage={}", other.display()), format!("away={}/other.tgz", web.address));
            let (base, image) =
                (format!("base=docker-image://{IMAGE}"), format!("image=container-image://{IMAGE}"));
            words.extend(["build", "--network", "none", "--no-cache", "--pull=never", "-t", "app"]);
            for context in [&stage, &away, &base, &image] {
                words.extend(["--build-context", context]);
            }
            words.push(&here);
            bed.cove(&words).ok();
            let command = "ls -A /stage; cat /stage/file /away; cat /mounted; ls /copied";
            assert_eq!(seen(bed, "app", command), ".dockerignore\nfile\notherotherotherfile\n/copied");
            assert_eq!(
                cove_sys::fs::read_dir(bed.path("root/cove/build-contexts")).map_or(0, Iterator::count),
                0
            );
        }
        write(&folder, "Containerfile", "FROM base\nENV A=b\n");
        build(bed, &folder, &["--build-context", "base=."]).fails(125, "is a folder, and no image");
    });
}

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
        for url in [None, Some(service.uri())] {
            let mut words: Vec<&str> = url.iter().flat_map(|url| ["--url", url.as_str()]).collect();
            words.extend([
                "build",
                "--network",
                "none",
                "--no-cache",
                "-t",
                "app",
                "--secret",
                &given,
                &here,
            ]);
            let output = bed.cove(&words).ok().to_owned();
            assert!(output.contains("from the file") && !output.contains(".cove-build"), "{output}");
        }
        let tar = tar(&folder);
        let uri = service.uri();
        let words = ["--url", &uri, "build", "--network", "none", "--no-cache", "--secret", &given, "-"];
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
        for url in [None, Some(service.uri())] {
            let mut words: Vec<&str> = url.iter().flat_map(|url| ["--url", url.as_str()]).collect();
            words.extend([
                "build",
                "--network",
                "none",
                "--no-cache",
                "-t",
                "app",
                "--ignorefile",
                &rules,
                "-",
            ]);
            bed.cove_with(&words, &tar(&folder)).ok();
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
        for url in [None, Some(service.uri())] {
            let out = bed.path(&format!("out-{}", url.is_some()));
            write(&out, "kept", "kept");
            let run = |output: &str| {
                let mut words: Vec<&str> = url.iter().flat_map(|url| ["--url", url.as_str()]).collect();
                words.extend(["build", "--network", "none", "-t", "app", "-o", output, &here]);
                bed.cove(&words)
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
