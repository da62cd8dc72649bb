//! Building images of what comes from elsewhere: the web, repositories, further contexts.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use cove_test_support::{Bed, IMAGE, Need, Service, everyone, free_port, met, wait_for};

use crate::build::{build, packed, seen, write};

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
        let inside = bed.path("packed");
        write(&inside, "inner", "inner");
        web.page("/x.tgz", "200 OK", &packed(&inside));
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
        web.page("/context.tgz", "200 OK", &packed(&folder));
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
        web.page("/other.tgz", "200 OK", &packed(&other));
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
