//! Images that behave as the book's images do, in a registry of this machine that stands for those of the internet.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::folder;
use crate::{demo, shell};

/// The user of the private registry of the book.
const USER: &str = "ann";
/// Her password.
pub(crate) const PASSWORD: &str = "secret-of-ann";
/// What the book calls that registry.
pub(crate) const PRIVATE: &str = "registry.example.com";

/// What is in the registry: name, and the build file over an image of busybox.
const IMAGES: [(&str, &str); 4] = [
    ("library/alpine:latest", "CMD [\"/bin/sh\"]\n"),
    ("library/alpine:3.22", "ENV VERSION=3.22\nCMD [\"/bin/sh\"]\n"),
    (
        "library/nginx:latest",
        "RUN mkdir -p /usr/share/nginx/html && echo '<h1>Welcome to nginx!</h1>' >/usr/share/nginx/html/index.html && \
         printf '#!/bin/sh\\ntrap \"exit 0\" QUIT\\nhttpd -f -vv -p 80 -h /usr/share/nginx/html &\\nwait\\n' >/bin/nginx && chmod 755 /bin/nginx\n\
         EXPOSE 80\nSTOPSIGNAL SIGQUIT\nCMD [\"nginx\", \"-g\", \"daemon off;\"]\n",
    ),
    (
        "library/redis:latest",
        "RUN mkdir -p /pong && echo PONG >/pong/ping && \
         printf '#!/bin/sh\\nexec httpd -f -p 6379 -h /pong\\n' >/bin/redis-server && \
         printf '#!/bin/sh\\nexec wget -q -O - http://localhost:6379/ping\\n' >/bin/redis-cli && \
         chmod 755 /bin/redis-server /bin/redis-cli\n\
         EXPOSE 6379\nSTOPSIGNAL SIGKILL\nVOLUME /data\nCMD [\"redis-server\"]\n",
    ),
];

/// Folder, programs and registries; all of it ends with this value.
pub(crate) struct LookAlikes {
    folder: PathBuf,
    /// The tar of busybox's root file system.
    pub(crate) archive: PathBuf,
    public: Registry,
    private: Registry,
}

/// The program that this machine lacks for them.
pub(crate) fn lack() -> Option<&'static str> {
    ["docker-registry", "htpasswd", "setpriv", "bash", "curl"].into_iter().find(|name| !shell::has(name))
}

impl LookAlikes {
    /// Copies the built programs to where every user may run them, and fills the registry.
    pub(crate) fn start() -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("cove-book-{}", std::process::id()));
        let bin = folder.join("bin");
        std::fs::create_dir_all(&bin)?;
        let built = shell::given_programs().unwrap_or_else(|| shell::target().join("debug"));
        for name in ["cove", "cove-monitor"] {
            let from = built.join(name);
            std::fs::copy(&from, bin.join(name))
                .with_context(|| format!("{} is not built", from.display()))?;
        }
        // Where `cove machine init` looks for an image beside the program.
        std::os::unix::fs::symlink(shell::target().join("vm-image"), folder.join("vm-image"))?;
        std::fs::create_dir_all(folder.join("session"))?;
        let public = Registry::start(&folder.join("public"), false)?;
        let private = Registry::start(&folder.join("private"), true)?;
        let all = Self { archive: demo::root_file_system()?, folder, public, private };
        all.fill()?;
        Ok(all)
    }

    /// The folder with the programs.
    pub(crate) fn programs(&self) -> PathBuf {
        self.folder.join("bin")
    }

    /// The address of the private registry.
    pub(crate) fn private(&self) -> String {
        format!("127.0.0.1:{}", self.private.port)
    }

    /// A registries.conf by which this machine's registries stand for Docker Hub and for the private one.
    pub(crate) fn registries_conf(&self) -> String {
        let public = self.public.port;
        let private = self.private.port;
        format!(
            "unqualified-search-registries = [\"docker.io\"]\n\
             [[registry]]\nprefix = \"docker.io\"\nlocation = \"127.0.0.1:{public}\"\ninsecure = true\n\
             [[registry]]\nlocation = \"127.0.0.1:{private}\"\ninsecure = true\n"
        )
    }

    /// The program with a store and namespaces of its own.
    fn cove(&self) -> Command {
        let mut command = Command::new(self.programs().join("cove"));
        command.arg("--root").arg(self.folder.join("root")).arg("--runroot").arg(self.folder.join("run"));
        command.env("XDG_RUNTIME_DIR", self.folder.join("session")).current_dir(&self.folder);
        command
    }

    fn fill(&self) -> Result<()> {
        let conf = self.folder.join("registries.conf");
        std::fs::write(&conf, self.registries_conf())?;
        let cove = |arguments: &[&str]| {
            shell::output(self.cove().args(arguments).env("CONTAINERS_REGISTRIES_CONF", &conf))
        };
        cove(&["import", "-q", &self.archive.display().to_string(), "localhost/base"])?;
        for (name, steps) in IMAGES {
            let file = self.folder.join("Containerfile");
            std::fs::write(&file, format!("FROM localhost/base\n{steps}"))?;
            let target = format!("docker.io/{name}");
            cove(&["build", "-q", "--network", "none", "-t", &target, "-f", &file.display().to_string()])?;
            cove(&["push", "-q", &target])?;
        }
        cove(&["system", "prune", "-af"])?;
        Ok(())
    }
}

impl Drop for LookAlikes {
    fn drop(&mut self) {
        if !shell::is_root() {
            let _ = shell::output(self.cove().args(["unshare", "rm", "-rf"]).arg(self.folder.join("root")));
            let _ = shell::output(self.cove().args(["system", "migrate"]));
        }
        if let Err(error) = folder::remove(&self.folder) {
            eprintln!("book: {error:#}");
        }
    }
}

/// Debian's docker-registry on the loopback address.
struct Registry {
    port: u16,
    process: Child,
}

impl Registry {
    fn start(folder: &Path, with_password: bool) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let mut config = format!(
            "version: 0.1\nlog: {{level: error}}\nhttp: {{addr: '127.0.0.1:{port}'}}\n\
             storage: {{filesystem: {{rootdirectory: {}}}, delete: {{enabled: true}}}}\n",
            folder.join("data").display()
        );
        if with_password {
            let users = folder.join("users");
            let entry = shell::output(Command::new("htpasswd").args(["-Bbn", "-C", "4", USER, PASSWORD]))?;
            std::fs::write(&users, entry)?;
            config.push_str(&format!("auth: {{htpasswd: {{realm: book, path: {}}}}}\n", users.display()));
        }
        let file = folder.join("config.yml");
        std::fs::write(&file, config)?;
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(&file);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let registry = Self { port, process: command.spawn().context("docker-registry")? };
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if Instant::now() > deadline {
                bail!("docker-registry does not listen");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(registry)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
