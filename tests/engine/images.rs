//! Images without a registry: import, load, save, tag, list, inspect, remove.

use cove_test_support::{Bed, IMAGE, Need, Who, everyone, met};

#[test]
fn tag_list_inspect_remove() {
    everyone(|bed| {
        bed.cove(&["tag", IMAGE, "localhost/other:1"]).ok();
        let rows = bed.cove(&["images", "--format", "{{.Repository}}:{{.Tag}}", "--sort", "repository"]);
        assert_eq!(rows.ok(), format!("{IMAGE}\nlocalhost/other:1"));
        bed.cove(&["image", "exists", "localhost/other:1"]).ok();
        assert_eq!(bed.cove(&["image", "exists", "localhost/nothing"]).code, 1);
        let id =
            bed.cove(&["images", "-q", "--no-trunc", IMAGE]).ok().trim_start_matches("sha256:").to_owned();
        assert_eq!(bed.cove(&["image", "inspect", "--format", "{{.Id}}", &id[..12]]).ok(), id);
        bed.cove(&["rmi", &id]).fails(125, "more");
        bed.cove(&["rmi", "localhost/other:1"]).ok();
        bed.cove(&["create", "--name", "ctr", IMAGE, "true"]).ok();
        bed.cove(&["rmi", IMAGE]).fails(2, "container");
        bed.cove(&["rmi", "-f", IMAGE]).ok();
        assert_eq!(bed.cove(&["ps", "-aq"]).ok(), "");
        assert_eq!(bed.cove(&["images", "-q"]).ok(), "");
        bed.cove(&["rmi", IMAGE]).fails(1, "cove-test");
    });
}

#[test]
fn save_and_load_both_formats() {
    if !met(&[Need::Packers]) {
        return;
    }
    everyone(|bed| {
        let id = bed.cove(&["images", "-q", "--no-trunc", IMAGE]).ok().to_owned();
        for format in ["docker-archive", "oci-archive"] {
            let archive = bed.path(format).display().to_string();
            bed.cove(&["save", "-q", "--format", format, "-o", &archive, IMAGE]).ok();
            bed.cove(&["rmi", IMAGE]).ok();
            assert!(bed.cove(&["load", "-q", "-i", &archive]).ok().contains(IMAGE));
            assert_eq!(bed.cove(&["run", "--rm", "--network", "none", IMAGE, "echo", "there"]).ok(), "there");
        }
        // The docker-archive keeps the configuration to the byte, and with it the id.
        let archive = bed.path("docker-archive").display().to_string();
        bed.cove(&["rmi", IMAGE]).ok();
        bed.cove(&["load", "-q", "-i", &archive]).ok();
        assert_eq!(bed.cove(&["images", "-q", "--no-trunc", IMAGE]).ok(), id);
    });
}

#[test]
fn packed_archives_are_loaded_and_imported() {
    if !met(&[Need::Packers]) {
        return;
    }
    everyone(|bed| {
        let id = bed.cove(&["images", "-q", "--no-trunc", IMAGE]).ok().to_owned();
        let image = bed.path("image.tar");
        bed.cove(&["save", "-q", "-o", &image.display().to_string(), IMAGE]).ok();
        bed.cove(&["rmi", IMAGE]).ok();
        for program in ["gzip", "bzip2", "xz", "zstd"] {
            let pack = |path: &std::path::Path| {
                let output = std::process::Command::new(program).arg("-c").arg(path).output().expect(program);
                let packed = bed.path(&format!("packed.{program}"));
                cove_sys::fs::write(&packed, output.stdout).expect(program);
                packed.display().to_string()
            };
            let packed = pack(&image);
            bed.cove(&["load", "-q", "-i", &packed]).ok();
            assert_eq!(bed.cove(&["images", "-q", "--no-trunc", IMAGE]).ok(), id, "{program}");
            bed.cove(&["rmi", IMAGE]).ok();
            let packed = pack(&bed.path("rootfs.tar"));
            bed.cove(&["import", "-q", &packed, "localhost/packed"]).ok();
            let run = ["run", "--rm", "--network", "none", "localhost/packed", "echo", program];
            assert_eq!(bed.cove(&run).ok(), program);
            bed.cove(&["rmi", "localhost/packed"]).ok();
        }
    });
}

#[test]
fn import_takes_changes() {
    everyone(|bed| {
        let archive = bed.path("rootfs.tar").display().to_string();
        let change = [
            "import",
            "-q",
            "-c",
            "CMD [\"echo\", \"from cmd\"]",
            "-c",
            "ENV A=b",
            &archive,
            "localhost/changed",
        ];
        bed.cove(&change).ok();
        assert_eq!(bed.cove(&["run", "--rm", "--network", "none", "localhost/changed"]).ok(), "from cmd");
        assert_eq!(
            bed.cove(&["image", "inspect", "--format", "{{.Config.Env}}", "localhost/changed"]).ok(),
            "[A=b]"
        );
    });
}

#[test]
fn a_damaged_archive_changes_nothing() {
    let Some(bed) = Bed::new(Who::Root) else { return };
    let archive = bed.path("a.tar");
    bed.cove(&["save", "-q", "-o", &archive.display().to_string(), IMAGE]).ok();
    let bytes = cove_sys::fs::read(&archive).expect("the archive");
    bed.cove(&["rmi", IMAGE]).ok();
    for (name, contents) in
        [("half.tar", &bytes[..bytes.len() / 2]), ("empty.tar", &[][..]), ("text.tar", b"not a tar")]
    {
        let path = bed.path(name);
        cove_sys::fs::write(&path, contents).expect(name);
        let outcome = bed.cove(&["load", "-q", "-i", &path.display().to_string()]);
        outcome.fails(125, "Error");
        assert_eq!(bed.cove(&["images", "-aq"]).ok(), "", "{name} left an image");
    }
}

/// Serves one file to whoever asks, once.
fn served(contents: Vec<u8>) -> String {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).expect("a request");
            head.push(byte[0]);
        }
        let found = head.starts_with(b"GET /archive.tar ");
        let (status, body) = if found { ("200 OK", contents) } else { ("404 Not Found", Vec::new()) };
        let head =
            format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body)).expect("an answer");
    });
    format!("http://{address}")
}

#[test]
fn archives_come_from_the_web() {
    let Some(bed) = Bed::new(Who::Root) else { return };
    let archive = bed.path("image.tar").display().to_string();
    bed.cove(&["save", "-q", "-o", &archive, IMAGE]).ok();
    bed.cove(&["rmi", IMAGE]).ok();
    let contents = cove_sys::fs::read(&archive).expect("the archive");
    bed.cove(&["load", "-i", &format!("{}/archive.tar", served(contents))]).ok();
    bed.cove(&["image", "exists", IMAGE]).ok();
    bed.cove(&["load", "-i", &format!("{}/other.tar", served(Vec::new()))]).fails(125, "404");
    let id = bed.cove(&["create", "--network", "none", IMAGE, "true"]);
    bed.cove(&["export", "-o", &archive, id.ok()]).ok();
    let contents = cove_sys::fs::read(&archive).expect("the archive");
    bed.cove(&["import", &format!("{}/archive.tar", served(contents)), "localhost/web:1"]).ok();
    bed.cove(&["image", "exists", "localhost/web:1"]).ok();
}

#[test]
fn images_are_saved_as_folders() {
    everyone(|bed| {
        for (format, options, file) in [
            ("oci-dir", &[][..], "oci-layout"),
            ("oci-dir", &["--uncompressed"][..], "oci-layout"),
            ("docker-dir", &[][..], "manifest.json"),
            ("docker-dir", &["--compress"][..], "manifest.json"),
        ] {
            let folder = bed.path(&format!("{format}{}", options.len())).display().to_string();
            bed.cove(&[&["save", "-q", "--format", format, "-o", &folder], options, &[IMAGE]].concat()).ok();
            assert!(cove_sys::fs::metadata(std::path::Path::new(&folder).join(file)).is_ok(), "{folder}");
            let transport = if format == "oci-dir" { "oci" } else { "dir" };
            let id = bed.cove(&["image", "inspect", "--format", "{{.Id}}", IMAGE]);
            assert_eq!(bed.cove(&["pull", "-q", &format!("{transport}:{folder}")]).ok(), id.ok());
        }
        bed.cove(&["save", "--compress", "-o", "x", IMAGE]).fails(125, "--compress can only be set");
        bed.cove(&["save", "--format", "oci-dir", IMAGE]).fails(125, "-o");
    });
}

#[test]
fn prune_says_what_goes_before_it_asks() {
    everyone(|bed| {
        let told = bed.cove_with(&["image", "prune", "-a"], b"n\n");
        assert!(told.ok().contains(IMAGE) && told.ok().contains("1 image; at most"), "{told:?}");
        bed.cove(&["image", "exists", IMAGE]).ok();
        bed.cove_with(&["image", "prune", "-a"], b"y\n").ok();
        bed.cove(&["image", "exists", IMAGE]).fails(1, "");
    });
}
