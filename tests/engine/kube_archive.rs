//! Kubernetes YAML with the build contexts of its images in one archive, as clients of the API send them.

use cove_sys::fs;
use cove_test_support::{Bed, IMAGE, Member, Outcome, Service, everyone, tar};

use crate::hostile_api::send;

const POD: &str = "kind: Pod\nmetadata: {name: built}\nspec:\n  restartPolicy: Never\n  containers:\n  \
    - {name: c, image: localhost/parts/foobar:1, command: [cat, /made]}\n";

fn play(service: &Service, query: &str, members: &[Member<'_>]) -> (u16, String) {
    let target = format!("/v5.0.0/libpod/play/kube?network=none&{query}");
    send(service, "POST", &target, Some("application/x-tar"), &tar(members))
}

/// What the pod's container wrote; it goes then.
fn output(bed: &Bed) -> String {
    bed.cove(&["wait", "built-c"]).ok();
    let written = bed.cove(&["logs", "built-c"]).ok().to_owned();
    bed.cove(&["pod", "rm", "-f", "-t", "0", "built"]).ok();
    written
}

#[test]
fn images_are_built_of_the_archive() {
    everyone(|bed| {
        let service = Service::start(bed);
        let file = |word: &str| format!("FROM {IMAGE}\nRUN echo {word} >/made\n");
        let (first, second) = (file("first"), file("second"));
        let archive = |file: &str, query: &str| {
            let members = [
                Member::file("play.yaml", POD.as_bytes()),
                Member::directory("foobar/"),
                Member::file("foobar/Containerfile", file.as_bytes()),
            ];
            play(&service, query, &members)
        };
        let (status, body) = archive(&first, "build=false");
        assert!(status >= 400 && body.contains("localhost/parts/foobar"), "{status} {body}");
        // Without a word what is missing is built, and else only by request.
        for (file, query, expected) in
            [(&first, "", "first"), (&second, "", "first"), (&second, "build=true", "second")]
        {
            let (status, body) = archive(file, query);
            assert_eq!(status, 200, "{body}");
            assert_eq!(output(bed), expected, "{query}");
        }
        let (status, body) = archive("FROM nothing:1\nRUN false\n", "build=true");
        assert!(status >= 400 && body.contains("building localhost/parts/foobar:1"), "{status} {body}");
        assert_eq!(bed.cove(&["pod", "ps", "-q"]).ok(), "");
        // Nothing of the archives is left.
        let left = bed.path("root/cove/build-contexts");
        assert_eq!(fs::read_dir(&left).map_or(0, Iterator::count), 0, "{}", left.display());
    });
}

#[test]
fn archives_that_say_something_else() {
    everyone(|bed| {
        let service = Service::start(bed);
        let outside = bed.path("home").join("outside");
        fs::create_dir_all(&outside).unwrap();
        fs::write(outside.join("Containerfile"), format!("FROM {IMAGE}\nRUN echo outside >/made\n")).unwrap();
        let outside = outside.display().to_string();
        let pod = Member::file("play.yaml", POD.as_bytes());
        for (members, expected) in [
            (vec![], "no file play.yaml"),
            (vec![Member::file("x/play.yaml", POD.as_bytes())], "no file play.yaml"),
            (vec![Member::link("play.yaml", b'2', "/etc/passwd")], "play.yaml"),
            (vec![Member::file("play.yaml", b"kind: [")], "line 1"),
            // A link leads to no context, so the image is looked for and is nowhere.
            (vec![pod, Member::link("foobar", b'2', &outside)], "localhost/parts/foobar"),
        ] {
            let (status, body) = play(&service, "build=true", &members);
            assert!(status >= 400 && body.contains(expected), "{status} {body}");
        }
        let (status, body) = send(&service, "POST", "/libpod/kube/play", Some("application/zip"), b"PK");
        assert!(status == 400 && body.contains("application/zip is not supported"), "{status} {body}");
        assert_eq!(bed.cove(&["ps", "-aq"]).ok(), "");
        // A text says by no folder what is built.
        let target = "/libpod/kube/play?build=true&network=none";
        let (status, body) = send(
            &service,
            "POST",
            target,
            Some("application/yaml"),
            POD.replace("localhost/parts/foobar:1", IMAGE).as_bytes(),
        );
        assert_eq!(status, 200, "{body}");
        bed.cove(&["pod", "rm", "-f", "-t", "0", "built"]).ok();
    });
}

/// The command line builds over a service what it has folders for.
#[test]
fn the_command_line_builds_over_a_service() {
    everyone(|bed| {
        let service = Service::start(bed);
        let home = bed.path("home");
        fs::create_dir_all(home.join("foobar")).unwrap();
        fs::write(home.join("foobar/Containerfile"), format!("FROM {IMAGE}\nRUN echo far >/made\n")).unwrap();
        let path = home.join("pod.yaml");
        fs::write(&path, POD).unwrap();
        let mut command = bed.command(&[
            "--url",
            &service.uri(),
            "kube",
            "play",
            "--build",
            "--network",
            "none",
            &path.display().to_string(),
        ]);
        command.current_dir(&home);
        Outcome::of(command, b"").ok();
        assert_eq!(output(bed), "far");
    });
}
