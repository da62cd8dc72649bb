//! Signatures: what Cove signs Skopeo accepts, and the reverse; what policy.json demands is demanded.

use std::path::PathBuf;
use std::process::Command;

use cove_test_support::{Bed, IMAGE, Need, Outcome, Registry, Who, met};

/// A registry, a key of gpg and the folders of signatures, for one user.
struct Setting {
    bed: Bed,
    registry: Registry,
    certificates: String,
}

impl Setting {
    fn new(who: Who) -> Option<Self> {
        if !met(&[Need::Gpg]) {
            return None;
        }
        let bed = Bed::new(who)?;
        let registry = Registry::start()?;
        for folder in ["certs", "gnupg", "sigs", "home/.config", "home/.config/containers"] {
            folder_of(&bed, folder);
        }
        folder_of(&bed, "home/.config/containers/registries.d");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        cove_sys::fs::set_permissions(bed.path("gnupg"), mode).expect("a mode");
        cove_sys::fs::copy(registry.cert_dir().join("ca.crt"), bed.path("certs/ca.crt")).expect("ca.crt");
        let certificates = bed.path("certs").display().to_string();
        let setting = Self { bed, registry, certificates };
        let sigs = setting.file("sigs");
        let places =
            format!("default-docker:\n  lookaside: file://{sigs}\n  use-sigstore-attachments: true\n");
        setting.write("home/.config/containers/registries.d/default.yaml", &places);
        setting.own("gnupg");
        setting.own("sigs");
        for key in ["ann@example.org", "bob@example.org"] {
            setting.gpg(&["--passphrase", "", "--quick-gen-key", key, "ed25519", "sign", "never"]);
            let public = setting.gpg(&["--armor", "--export", key]);
            setting.write(key, &public);
        }
        Some(setting)
    }

    fn file(&self, name: &str) -> String {
        self.bed.path(name).display().to_string()
    }

    fn write(&self, name: &str, text: &str) {
        cove_sys::fs::write(self.bed.path(name), text).expect("a file");
    }

    /// Gives a folder that this process made to the bed's user.
    fn own(&self, name: &str) {
        let mut chown = Command::new("chown");
        let home = self.bed.path("home");
        chown.args(["-R", "--reference"]).arg(home).arg(self.bed.path(name));
        Outcome::of(chown, b"").ok();
    }

    fn gpg(&self, words: &[&str]) -> String {
        let mut gpg = self.bed.program(&PathBuf::from("/usr/bin/gpg"));
        gpg.env("GNUPGHOME", self.bed.path("gnupg")).args(["--batch", "--quiet"]).args(words);
        Outcome::of(gpg, b"").ok().to_owned()
    }

    fn cove(&self, words: &[&str]) -> Outcome {
        let mut cove = self.bed.command(words);
        cove.env("GNUPGHOME", self.bed.path("gnupg"));
        Outcome::of(cove, b"")
    }

    fn skopeo(&self, words: &[&str]) -> Outcome {
        let mut skopeo = self.bed.program(&PathBuf::from("/usr/bin/skopeo"));
        skopeo.env("GNUPGHOME", self.bed.path("gnupg")).args(words);
        Outcome::of(skopeo, b"")
    }

    fn name(&self, tag: &str) -> String {
        format!("{}/ann/test:{tag}", self.registry.address())
    }

    fn push(&self, options: &[&str], tag: &str) -> Outcome {
        let name = self.name(tag);
        let reach = ["push", "-q", "--cert-dir", &self.certificates, "--creds", CREDENTIALS];
        self.cove(&[&reach[..], options, &[IMAGE, &name]].concat())
    }

    fn pull(&self, name: &str) -> Outcome {
        self.cove(&["pull", "-q", "--cert-dir", &self.certificates, "--creds", CREDENTIALS, name])
    }

    /// What a registry's images must have.
    fn policy(&self, requirement: &str) {
        let address = self.registry.address();
        let text = format!(
            r#"{{"default":[{{"type":"insecureAcceptAnything"}}],"transports":{{"docker":{{"{address}":[{requirement}]}}}}}}"#
        );
        self.write("home/.config/containers/policy.json", &text);
    }

    /// Whether Skopeo may copy the image under the policy.
    fn skopeo_takes(&self, tag: &str) -> Outcome {
        let target = format!("dir:{}", self.file(&format!("taken-{tag}")));
        self.skopeo(&[
            "--policy",
            &self.file("home/.config/containers/policy.json"),
            "--registries.d",
            &self.file("home/.config/containers/registries.d"),
            "copy",
            "--src-cert-dir",
            &self.certificates,
            "--src-creds",
            CREDENTIALS,
            &format!("docker://{}", self.name(tag)),
            &target,
        ])
    }

    /// Copies a tag to another one with Skopeo.
    fn skopeo_copies(&self, options: &[&str], from: &str, to: &str) {
        let (from, to) = (format!("docker://{}", self.name(from)), format!("docker://{}", self.name(to)));
        let registries = self.file("home/.config/containers/registries.d");
        let reach = [
            "--insecure-policy",
            "--registries.d",
            &registries,
            "copy",
            "-q",
            "--remove-signatures",
            "--src-cert-dir",
            &self.certificates,
            "--dest-cert-dir",
            &self.certificates,
            "--src-creds",
            CREDENTIALS,
            "--dest-creds",
            CREDENTIALS,
        ];
        self.skopeo(&[&reach[..], options, &[&from, &to]].concat()).ok();
    }
}

impl Drop for Setting {
    fn drop(&mut self) {
        let mut stop = self.bed.program(&PathBuf::from("/usr/bin/gpgconf"));
        stop.env("GNUPGHOME", self.bed.path("gnupg")).args(["--kill", "all"]);
        let _ = Outcome::of(stop, b"");
    }
}

const CREDENTIALS: &str = "ann:secret-of-ann";

fn folder_of(bed: &Bed, name: &str) {
    cove_sys::fs::create_dir_all(bed.path(name)).expect("a folder");
}

fn settings() -> impl Iterator<Item = Setting> {
    [Who::Root, Who::User].into_iter().filter_map(Setting::new)
}

fn signed_by(file: &str) -> String {
    format!(r#"{{"type":"signedBy","keyType":"GPGKeys","keyPath":"{file}"}}"#)
}

#[test]
fn signatures_of_gpg_are_made_and_demanded() {
    for setting in settings() {
        let ann = setting.file("ann@example.org");
        setting.push(&["--sign-by", "ann@example.org"], "signed").ok();
        setting.push(&[], "same").ok();
        setting.policy(&signed_by(&ann));
        setting.pull(&setting.name("signed")).ok();
        setting.skopeo_takes("signed").ok();
        // The same manifest under a name that nobody has signed.
        setting.pull(&setting.name("same")).fails(125, "Signature for identity");
        setting.skopeo_takes("same").fails(1, "identity");
        // By a digest the repository is enough.
        let digest = setting.cove(&["image", "inspect", "--format", "{{.Digest}}", &setting.name("signed")]);
        let by_digest = format!("{}/ann/test@{}", setting.registry.address(), digest.ok());
        setting.pull(&by_digest).ok();
        // Everything that pulls asks, and says what is wanted.
        let refused = setting.name("same");
        let reach = ["--cert-dir", &setting.certificates, "--creds", CREDENTIALS];
        let run = [&["run", "--rm"], &reach[..], &[&refused, "true"]].concat();
        setting.cove(&run).fails(125, "must be signed by policy (signedBy");
        setting.write("Containerfile", &format!("FROM {refused}\n"));
        let (file, folder) = (setting.file("Containerfile"), setting.file("sigs"));
        let build = [&["build", "-f", &file], &reach[..], &[&folder]].concat();
        setting.cove(&build).fails(125, "must be signed by policy");
        let explain = [&["image", "explain"], &reach[..], &[&refused]].concat();
        let told = setting.cove(&explain);
        assert!(told.ok().contains("Signature for identity"), "{told:?}");
        // What Skopeo has signed.
        setting.skopeo_copies(&["--sign-by", "ann@example.org"], "signed", "theirs");
        setting.pull(&setting.name("theirs")).ok();
        // By somebody else, by nobody, and with what is no key.
        setting.policy(&signed_by(&setting.file("bob@example.org")));
        setting.pull(&setting.name("theirs")).fails(125, "which is not among the trusted ones");
        setting.policy(&signed_by("/nonexistent/key"));
        setting.pull(&setting.name("theirs")).fails(125, "/nonexistent/key of policy.json is missing");
        setting.policy(&signed_by(&setting.file("Containerfile")));
        setting.pull(&setting.name("theirs")).fails(125, "no OpenPGP public key");
        setting.policy(&signed_by(&ann));
        cove_sys::fs::remove_dir_all(setting.bed.path("sigs")).expect("no signatures");
        setting.pull(&setting.name("theirs")).fails(125, "A signature was required, but no signature exists");
        let elsewhere = setting.file("elsewhere.json");
        setting.write("elsewhere.json", r#"{"default":[{"type":"insecureAcceptAnything"}]}"#);
        let named = ["pull", "-q", "--signature-policy", &elsewhere];
        setting.cove(&[&named[..], &reach, &[&setting.name("theirs")]].concat()).ok();
        setting.push(&["--sign-by", "nobody@example.org"], "never").fails(125, "nobody@example.org");
        setting.pull(&setting.name("never")).fails(125, "manifest unknown");
        let untagged = format!("{}/ann/test@@unknown-digest@@", setting.registry.address());
        let push = ["push", "-q", "--sign-by", "ann@example.org"];
        setting
            .cove(&[&push[..], &reach, &[IMAGE, &untagged]].concat())
            .fails(125, "without a tag there is no name that could be signed");
    }
}

#[test]
fn signatures_of_sigstore_are_made_and_demanded() {
    for setting in settings() {
        setting.write("words", "open sesame\n");
        let (words, prefix) = (setting.file("words"), setting.file("home/key"));
        let make =
            ["image", "generate-sigstore-key", "--passphrase-file", &words, "--output-prefix", &prefix];
        setting.cove(&make).ok();
        setting.cove(&make).fails(125, "refusing to overwrite existing");
        let (private, public) = (format!("{prefix}.private"), format!("{prefix}.pub"));
        let mode = cove_sys::fs::metadata(&private).expect("a key").permissions();
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode) & 0o777, 0o600);
        let sign = ["--sign-by-sigstore-private-key", &private, "--sign-passphrase-file", &words];
        setting.push(&sign, "signed").ok();
        setting.push(&[], "same").ok();
        let demand = format!(r#"{{"type":"sigstoreSigned","keyPath":"{public}"}}"#);
        setting.policy(&demand);
        setting.pull(&setting.name("signed")).ok();
        setting.pull(&setting.name("same")).fails(125, "Signature for identity");
        // A second signature of the same manifest stands beside the first one.
        setting.push(&sign, "same").ok();
        setting.pull(&setting.name("signed")).ok();
        setting.pull(&setting.name("same")).ok();
        setting
            .cove(&["image", "generate-sigstore-key", "--passphrase-file", &words, "--output-prefix", "x"])
            .ok();
        let other = format!(r#"{{"type":"sigstoreSigned","keyPath":"{}"}}"#, setting.file("x.pub"));
        setting.policy(&other);
        setting.pull(&setting.name("signed")).fails(125, "None of the signatures were accepted");
        // The log has promised nothing.
        setting.policy(&demand.replace("}", &format!(r#","rekorPublicKeyPath":"{public}"}}"#)));
        setting.pull(&setting.name("signed")).fails(125, "dev.sigstore.cosign/bundle");
        setting.policy(&demand);
        setting.write("home/.config/containers/registries.d/default.yaml", "");
        setting.pull(&setting.name("signed")).fails(125, "use-sigstore-attachments");
        setting.push(&sign, "never").fails(125, "use-sigstore-attachments");
        setting.write("words", "another\n");
        setting.push(&sign, "never").fails(125, "another passphrase");
    }
}

/// A pair of keys on a curve, as openssl makes them.
fn key_pair(setting: &Setting, curve: &str) -> (String, String) {
    let (private, public) = (setting.file(&format!("{curve}.pem")), setting.file(&format!("{curve}.pub")));
    let parameter = format!("ec_paramgen_curve:{curve}");
    let mut openssl = Command::new("openssl");
    openssl.args(["genpkey", "-algorithm", "EC", "-pkeyopt", &parameter, "-out", &private]);
    Outcome::of(openssl, b"").ok();
    let mut openssl = Command::new("openssl");
    openssl.args(["pkey", "-in", &private, "-pubout", "-out", &public]);
    Outcome::of(openssl, b"").ok();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    cove_sys::fs::set_permissions(&private, mode).expect("a mode");
    (private, public)
}

#[test]
fn layers_are_encrypted_for_some_keys() {
    for setting in settings() {
        let ((private, public), (other, _)) =
            (key_pair(&setting, "prime256v1"), key_pair(&setting, "secp384r1"));
        let to = format!("jwe:{public}");
        let key = ["--encryption-key", to.as_str()];
        setting.push(&key, "ours").ok();
        setting.push(&[], "plain").ok();
        setting.skopeo_copies(&key, "plain", "theirs");
        setting.push(&["--encrypt-layer", "0"], "never").fails(125, "only with --encryption-key");
        setting.push(&[&key[..], &["--encrypt-layer", "7"]].concat(), "never").fails(125, "no layer 7");
        setting.push(&[&key[..], &["--format", "v2s2"]].concat(), "never").fails(125, "an OCI manifest");
        setting.push(&["--encryption-key", &format!("jwe:{private}")], "never").fails(125, "no public key");
        let folder = format!("dir:{}", setting.file("encrypted"));
        setting.cove(&[&["push", "-q"], &key[..], &[IMAGE, &folder]].concat()).ok();
        let manifest = cove_sys::fs::read_to_string(setting.bed.path("encrypted/manifest.json"));
        assert!(manifest.expect("a manifest").contains("+encrypted"));

        // What is in the store already would not be asked for.
        setting.cove(&["rmi", "-f", IMAGE]).ok();
        let reach = ["--cert-dir", &setting.certificates, "--creds", CREDENTIALS];
        let pull =
            |key: &[&str], name: &str| setting.cove(&[&["pull", "-q"], &reach[..], key, &[name]].concat());
        for tag in ["ours", "theirs"] {
            let name = setting.name(tag);
            pull(&[], &name).fails(125, "missing private key needed for decryption");
            pull(&["--decryption-key", &other], &name).fails(125, "encrypted for other keys");
            pull(&["--decryption-key", &public], &name).fails(125, "no private key");
            pull(&["--decryption-key", &private], &name).ok();
            let run = ["run", "--rm", "--network", "none", "--pull", "never", &name, "echo", "ran"];
            assert_eq!(setting.cove(&run).ok(), "ran");
            setting.cove(&["rmi", "-f", &name]).ok();
        }
        let ours = setting.name("ours");
        let run = ["run", "--rm", "--network", "none", "--decryption-key", &private];
        let ran = setting.cove(&[&run[..], &reach, &[&ours, "echo", "ran"]].concat());
        assert_eq!(ran.ok(), "ran");
        setting.cove(&["rmi", "-f", &ours]).ok();
        // A base of a build, and of an image made by hand.
        let bases = setting.bed.path("bases");
        cove_sys::fs::create_dir_all(&bases).expect("a folder");
        cove_sys::fs::write(bases.join("Containerfile"), format!("FROM {ours}\nRUN echo built > /built\n"))
            .expect("a Containerfile");
        let bases = bases.display().to_string();
        let build = |key: &[&str]| {
            let words = ["build", "-q", "--network", "none", "-t", "opened"];
            setting.cove(&[&words[..], &reach, key, &[&bases]].concat())
        };
        build(&[]).fails(125, "missing private key needed for decryption");
        build(&["--decryption-key", &other]).fails(125, "encrypted for other keys");
        build(&["--decryption-key", &private]).ok();
        let run = ["run", "--rm", "--network", "none", "--pull", "never", "opened", "cat", "/built"];
        assert_eq!(setting.cove(&run).ok(), "built");
        setting.cove(&["rmi", "-f", "opened", &ours]).ok();
        let from = |key: &[&str]| {
            setting.cove(&[&["build-container", "from", "-q"], &reach[..], key, &[&ours]].concat())
        };
        from(&[]).fails(125, "missing private key needed for decryption");
        let container = from(&["--decryption-key", &private]).ok().to_owned();
        setting.cove(&["build-container", "rm", &container]).ok();
        setting.cove(&["rmi", "-f", &ours]).ok();
        pull(&["--decryption-key", &private], &folder).ok();
        let opened = format!("dir:{}", setting.file("opened"));
        let copy = ["--insecure-policy", "copy", "-q", "--decryption-key", &private];
        let from = ["--src-cert-dir", &setting.certificates, "--src-creds", CREDENTIALS];
        setting.skopeo(&[&copy[..], &from, &[&format!("docker://{ours}"), &opened]].concat()).ok();
        let manifest = |folder: &str| {
            let file = setting.bed.path(folder).join("manifest.json");
            cove_sys::fs::read_to_string(file).expect("a manifest")
        };
        assert!(!manifest("opened").contains("encrypted"));
        // Copies do the same, and keep what is encrypted where nobody opens it.
        let copy = |words: &[&str]| setting.cove(&[&["image", "copy", "-q"], &from[..], words].concat());
        let (plain, sealed) = (format!("docker://{}", setting.name("plain")), setting.file("home/sealed"));
        let sealed = format!("oci:{sealed}:1");
        copy(&[&key[..], &[&plain, &sealed]].concat()).ok();
        let folder = |name: &str| format!("dir:{}", setting.file(name));
        copy(&[&sealed, &folder("home/kept")]).ok();
        assert!(manifest("home/kept").contains("+encrypted"));
        copy(&["--decryption-key", &private, &sealed, &folder("home/unsealed")]).ok();
        assert!(!manifest("home/unsealed").contains("encrypted"));
        let archive = format!("docker-archive:{}", setting.file("home/sealed.tar"));
        copy(&[&key[..], &[&plain, &archive]].concat()).fails(125, "encrypting layers in Docker's form");
    }
}

#[test]
fn copies_keep_make_and_leave_signatures() {
    for setting in settings() {
        setting.push(&["--sign-by", "ann@example.org"], "signed").ok();
        setting.push(&[], "same").ok();
        let reach = ["--src-cert-dir", &setting.certificates, "--src-creds", CREDENTIALS];
        let copy = |words: &[&str]| setting.cove(&[&["image", "copy", "-q"], &reach[..], words].concat());
        let from = format!("docker://{}", setting.name("signed"));
        let folder = |name: &str| format!("dir:{}", setting.file(&format!("home/{name}")));
        let has_signature = |name: &str| setting.bed.path("home").join(name).join("signature-1").exists();
        copy(&[&from, &folder("kept")]).ok();
        assert!(has_signature("kept"));
        copy(&["--remove-signatures", &from, &folder("left")]).ok();
        assert!(!has_signature("left"));
        copy(&["--dest-decompress", &from, &folder("changed")]).fails(125, "--remove-signatures");
        let layout = format!("oci:{}", setting.file("home/layout"));
        copy(&[&from, &layout]).fails(125, "keeping signatures in this form");
        copy(&[&from, "containers-storage:localhost/copied:1"]).ok();
        // Where there is nothing to be read, there is nothing to keep.
        let empty = setting.file("home");
        copy(&["--registries.d", &empty, &from, &folder("without")]).ok();
        assert!(!has_signature("without"));

        let to = format!("docker://{}", setting.name("again"));
        let dest = ["--dest-cert-dir", &setting.certificates, "--dest-creds", CREDENTIALS];
        let sign = ["--remove-signatures", "--sign-by", "ann@example.org"];
        copy(&[&dest[..], &sign, &[&from, &to]].concat()).ok();
        copy(&[&sign[..], &["--sign-identity", "r.io/x", &from, &folder("x")]].concat())
            .fails(125, "a tag or a digest");
        setting.policy(&signed_by(&setting.file("ann@example.org")));
        setting.pull(&setting.name("again")).ok();
        setting.skopeo_takes("again").ok();
        // A copy is asked for its signature as a pull is.
        let same = format!("docker://{}", setting.name("same"));
        copy(&[&same, &folder("same")]).fails(125, "must be signed by policy (signedBy");
        copy(&["--insecure-policy", &same, &folder("same")]).ok();
    }
}

#[test]
fn chunked_layers_are_zstandard_with_a_table() {
    for setting in settings() {
        setting.push(&["--compression-format", "zstd:chunked"], "chunked").ok();
        let raw = ["inspect", "--raw", "--cert-dir", &setting.certificates, "--creds", CREDENTIALS];
        let manifest =
            setting.skopeo(&[&raw[..], &[&format!("docker://{}", setting.name("chunked"))]].concat());
        assert!(
            manifest.ok().contains("io.github.containers.zstd-chunked.manifest-position"),
            "{manifest:?}"
        );
        setting.cove(&["rmi", "-f", IMAGE]).ok();
        let name = setting.name("chunked");
        setting.pull(&name).ok();
        let run = ["run", "--rm", "--network", "none", "--pull", "never", &name, "echo", "ran"];
        assert_eq!(setting.cove(&run).ok(), "ran");
    }
}

#[test]
fn images_are_signed_and_verified_by_hand() {
    for setting in settings() {
        setting.push(&[], "one").ok();
        let name = setting.name("one");
        let reach = ["image", "sign", "--cert-dir", &setting.certificates, "--sign-by", "ann@example.org"];
        let login = ["login", "--cert-dir", &setting.certificates, "-u", "ann", "-p", "secret-of-ann"];
        setting.cove(&[&login[..], &[&setting.registry.address()]].concat()).ok();
        setting.cove(&[&reach[..], &[&format!("docker://{name}")]].concat()).ok();
        setting.policy(&signed_by(&setting.file("ann@example.org")));
        setting.pull(&name).ok();
        setting.skopeo_takes("one").ok();
        let stored = format!("containers-storage:{name}");
        let folder = setting.file("home");
        setting.cove(&[&reach[..], &["--directory", &folder, &stored]].concat()).ok();
        let digest = setting.cove(&["image", "inspect", "--format", "{{.Digest}}", &name]);
        let signature = format!("home/ann/test@{}/signature-1", digest.ok().replace(':', "="));
        assert!(setting.bed.path(&signature).exists(), "{signature}");
        setting
            .cove(&[&reach[..], &["--all", &format!("docker://{name}")]].concat())
            .fails(125, "not a multi-architecture image");
        setting.cove(&[&reach[..], &[&name]].concat()).fails(125, "expected colon-separated");
        setting.cove(&["image", "sign", &stored]).fails(125, "no identity provided");

        // A manifest in a file, both ways.
        let manifest = setting.file("taken-one/manifest.json");
        let fingerprint = setting.gpg(&["--with-colons", "--list-keys", "ann@example.org"]);
        let fingerprint =
            fingerprint.lines().find_map(|line| line.strip_prefix("fpr:::::::::")).expect("fpr");
        let fingerprint = fingerprint.trim_end_matches(':');
        let (ours, theirs) = (setting.file("home/ours"), setting.file("home/theirs"));
        setting.cove(&["image", "standalone-sign", &manifest, "r.io/x:1", fingerprint, "-o", &ours]).ok();
        setting.skopeo(&["standalone-sign", &manifest, "r.io/x:1", fingerprint, "-o", &theirs]).ok();
        setting.skopeo(&["standalone-verify", &manifest, "r.io/x:1", fingerprint, &ours]).ok();
        let verify = ["image", "standalone-verify"];
        let verified = setting.cove(&[&verify[..], &[&manifest, "r.io/x:1", fingerprint, &theirs]].concat());
        assert!(verified.ok().starts_with("Signature verified using fingerprint"), "{verified:?}");
        let key = setting.file("ann@example.org");
        let by_file = [&verify[..], &["--public-key-file", &key]].concat();
        setting.cove(&[&by_file[..], &[&manifest, "r.io/x:1", "any", &theirs]].concat()).ok();
        for (words, expected) in [
            ([&manifest, "r.io/x:2", fingerprint, &theirs], "does not match"),
            ([&manifest, "r.io/x:1", &fingerprint[24..], &theirs], "none of those that are named"),
            ([&key, "r.io/x:1", fingerprint, &theirs], "manifest digest"),
            ([&manifest, "r.io/x:1", "any", &theirs], "without a public key file"),
            ([&manifest, "r.io/x:1", fingerprint, &manifest], "verifying signature"),
        ] {
            setting.cove(&[&verify[..], &words].concat()).fails(125, expected);
        }
    }
}

#[test]
fn the_policy_is_shown_and_set() {
    for setting in settings() {
        let policy = setting.file("home/policy.json");
        let set = |words: &[&str]| {
            setting.cove(&[&["image", "trust", "set", "--signature-policy", &policy], words].concat())
        };
        let show = |words: &[&str]| {
            setting.cove(&[&["image", "trust", "show", "--signature-policy", &policy], words].concat())
        };
        set(&["--type=bogus", "default"]).fails(125, "invalid choice: bogus");
        set(&["--type=reject", "docker.io"]).fails(125, "default trust policy must be set");
        set(&["--type=accept", "default"]).ok();
        set(&["--type=reject", "docker.io"]).ok();
        set(&["quay.io/x"]).fails(125, "at least one public key must be defined for type 'signedBy'");
        set(&["-f", &setting.file("ann@example.org"), "-f", &setting.file("bob@example.org"), "quay.io/x"])
            .ok();
        set(&["-t", "reject", "-f", &policy, "quay.io"]).fails(125, "1 public keys unexpectedly provided");
        set(&["-f", "/nonexistent", "quay.io"]).fails(125, "/nonexistent");
        let sigs = setting.file("sigs");
        let shown = show(&[]);
        let rows: Vec<Vec<&str>> = shown.ok().lines().map(|line| line.split_whitespace().collect()).collect();
        let store = format!("file://{sigs}");
        assert_eq!(
            rows,
            [
                &["TRANSPORT", "NAME", "TYPE", "ID", "STORE"][..],
                &["all", "default", "accept", &store],
                &["repository", "docker.io", "reject", &store],
                &["repository", "quay.io/x", "signed", "ann@example.org", &store],
                &["repository", "quay.io/x", "signed", "bob@example.org", &store],
            ]
        );
        assert!(show(&["--json"]).ok().contains("\"repo_name\": \"docker.io\""));
        let raw = cove_sys::fs::read_to_string(&policy).expect("the policy");
        assert_eq!(show(&["--raw"]).ok(), raw.trim_end());
    }
}
