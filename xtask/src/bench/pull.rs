//! `cove pull` of a large image from a registry on the loopback address.

use std::io::Write as _;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::measure::{Row, Scale, Times, once};
use super::sandbox::{Stores, need};
use crate::shell;

pub(super) const LAYERS: usize = 10;
pub(super) const LAYER_MIB: usize = 30;
pub(super) const RUNS: usize = 3;

/// A registry that ends with this value.
pub(super) struct Registry(Child);

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Ours against Podman's, and against the bare gunzip of the same bytes on all cores.
pub(crate) fn pull(scale: Scale, rows: &mut Vec<Row>) -> Result<()> {
    for program in ["podman", "skopeo", "docker-registry", "gzip"] {
        need(program)?;
    }
    let stores = Stores::new("pull", false)?;
    let layout = stores.path("layout");
    make_image(&layout, scale.of(LAYER_MIB))?;
    let port = std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
    let _registry = start_registry(&stores, port)?;
    let image = format!("127.0.0.1:{port}/bench:latest");
    let source = format!("dir:{}", layout.display());
    fill(&source, &image)?;
    let mut ours = Vec::new();
    let mut theirs = Vec::new();
    let mut bare = Vec::new();
    let mut memory: f64 = 0.0;
    for _ in 0..scale.of(RUNS) {
        let run = once(stores.cove().args(["pull", "-q", "--tls-verify=false", &image]))?;
        memory = memory.max(run.memory);
        ours.push(run.wall);
        once(stores.cove().args(["rmi", &image]))?;
        theirs.push(once(stores.podman().args(["pull", "-q", "--tls-verify=false", &image]))?.wall);
        once(stores.podman().args(["rmi", &image]))?;
        let script = "printf '%s\\0' *.gz | xargs -0 -n 1 -P \"$(nproc)\" gzip -dc >/dev/null";
        bare.push(once(Command::new("sh").args(["-c", script]).current_dir(&layout))?.wall);
    }
    let [ours, theirs, bare] = [ours, theirs, bare].map(|times| Times::of(&times));
    let name = format!("pull of {} MiB in {LAYERS} layers", LAYERS * scale.of(LAYER_MIB));
    let verdict = if memory < 150.0 { "met" } else { "missed" };
    let note = format!("memory {memory:.0} MiB (below 150: {verdict})");
    rows.push(Row::new(&name, ours, "podman", theirs, Some(0.5)).with_note(&note));
    rows.push(Row::new(&name, ours, "gunzip on all cores", bare, None));
    Ok(())
}

/// Brings an image to a registry.
pub(super) fn fill(source: &str, image: &str) -> Result<()> {
    let mut skopeo = Command::new("skopeo");
    skopeo.args(["copy", "--quiet", "--insecure-policy", "--dest-tls-verify=false", source]);
    shell::run(skopeo.arg(format!("docker://{image}")))
}

/// An image in skopeo's `dir:` form: layers of files that compress about as programs do.
pub(super) fn make_image(layout: &Path, layer_mib: usize) -> Result<()> {
    std::fs::create_dir_all(layout)?;
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let mut diff_ids = Vec::new();
    let mut layers = Vec::new();
    for layer in 0..LAYERS {
        let tree = layout.join("tree");
        let folder = tree.join(format!("layer{layer}"));
        std::fs::create_dir_all(&folder)?;
        for file in 0..layer_mib {
            std::fs::write(folder.join(format!("file{file}")), contents(&mut state))?;
        }
        let tar = layout.join(format!("{layer}.tar"));
        let mut command = Command::new("tar");
        command.args(["--owner=0", "--group=0", "-C"]).arg(&tree).arg("-cf").arg(&tar).arg(".");
        once(&mut command)?;
        std::fs::remove_dir_all(&tree)?;
        diff_ids.push(format!("sha256:{}", sha256(&tar)?));
        once(Command::new("gzip").arg("-6").arg(&tar))?;
        let compressed = layout.join(format!("{layer}.tar.gz"));
        let digest = sha256(&compressed)?;
        let size = std::fs::metadata(&compressed)?.len();
        // The name of a blob in that form is its digest; the copy with an ending is for the bare gunzip.
        std::fs::copy(&compressed, layout.join(&digest))?;
        layers.push(serde_json::json!({
            "mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip",
            "size": size,
            "digest": format!("sha256:{digest}"),
        }));
    }
    let config = serde_json::json!({
        "architecture": if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" },
        "os": "linux",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    });
    let config_path = layout.join("config");
    std::fs::write(&config_path, config.to_string())?;
    let digest = sha256(&config_path)?;
    std::fs::rename(&config_path, layout.join(&digest))?;
    let manifest = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": {
            "mediaType": "application/vnd.docker.container.image.v1+json",
            "size": config.to_string().len(),
            "digest": format!("sha256:{digest}"),
        },
        "layers": layers,
    });
    std::fs::write(layout.join("manifest.json"), manifest.to_string())?;
    std::fs::write(layout.join("version"), "Directory Transport Version: 1.1\n")?;
    Ok(())
}

/// A mebibyte of words from a small vocabulary with random ones between.
pub(super) fn contents(state: &mut u64) -> Vec<u8> {
    let mut text = Vec::with_capacity(1 << 20);
    while text.len() < 1 << 20 {
        // Xorshift, because only the compressibility matters.
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        if state.is_multiple_of(3) {
            text.extend(state.to_le_bytes());
        } else {
            let _ = write!(text, "symbol_{:03} ", state.rotate_left(9) % 500);
        }
    }
    text.truncate(1 << 20);
    text
}

fn sha256(path: &Path) -> Result<String> {
    let text = shell::output(Command::new("sha256sum").arg(path))?;
    Ok(text.split_whitespace().next().unwrap_or_default().to_owned())
}

pub(super) fn start_registry(stores: &Stores, port: u16) -> Result<Registry> {
    let config = format!(
        "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: '127.0.0.1:{port}'}}\n",
        stores.path(&format!("registry-{port}")).display()
    );
    let path = stores.path(&format!("registry-{port}.yml"));
    std::fs::write(&path, config)?;
    let mut command = Command::new("docker-registry");
    command.arg("serve").arg(&path).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let registry = Registry(command.spawn().context("docker-registry")?);
    let deadline = Instant::now() + Duration::from_secs(20);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        if Instant::now() > deadline {
            bail!("the registry does not listen");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(registry)
}
