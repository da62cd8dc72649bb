//! `cove compose watch` and `up --watch`: containers follow the files that they are made of.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use cove_sys::fs;
use cove_test_support::{Bed, IMAGE, Outcome, everyone, wait_for};

const PROJECT: &str = r#"
services:
  web:
    build:
      context: .
      dockerfile_inline: "FROM IMAGE\nCOPY version /version\n"
    command: ["sh", "-c", "echo version $$(cat /version); date +%s.%N >/started; exec sleep 1000"]
    stop_grace_period: 0s
    network_mode: none
    develop:
      watch:
        - {path: ./src, action: sync, target: /app, ignore: [skipped/], initial_sync: true}
        - {path: ./version, action: rebuild}
        - {path: ./conf, action: sync+restart, target: /etc/conf}
        - {path: ./styles, action: sync+exec, target: /styles, include: ["*.css"], exec: {command: ["sh", "-c", "echo $$WHAT >>/reloaded"], environment: {WHAT: again}}}
  other:
    image: IMAGE
    command: ["sh", "-c", "date +%s.%N >/started; exec sleep 1000"]
    stop_grace_period: 0s
    network_mode: none
    depends_on: {web: {condition: service_started, restart: true}}
"#;

/// A project and a command that goes on.
struct Going<'a> {
    bed: &'a Bed,
    child: Child,
}

impl<'a> Going<'a> {
    fn begin(bed: &'a Bed, arguments: &[&str]) -> Self {
        let output = fs::File::create(bed.path("output")).expect("a file").into_parts().0;
        let errors = output.try_clone().expect("a descriptor");
        let mut command = bed.command(&[&["compose"], arguments].concat());
        command.current_dir(bed.path("shop")).stdin(Stdio::null()).stdout(output).stderr(errors);
        let mut going = Self { bed, child: command.spawn().expect("it runs") };
        going.says("Watch enabled");
        going
    }

    fn output(&self) -> String {
        fs::read_to_string(self.bed.path("output")).expect("the output")
    }

    #[track_caller]
    fn says(&mut self, text: &str) {
        wait_for(&format!("{text:?}"), 60, || {
            let output = self.output();
            let ended = self.child.try_wait().expect("its state");
            assert!(ended.is_none() || output.contains(text), "it ended: {output}");
            output.contains(text).then_some(())
        });
    }

    #[track_caller]
    fn shows(&self, service: &str, command: &[&str], text: &str) {
        wait_for(&format!("{text:?} of {command:?}; {}", self.output()), 60, || {
            let shown = compose(self.bed, &[&["exec", "-T", service], command].concat());
            (shown.code == 0 && shown.stdout.contains(text)).then_some(())
        });
    }

    fn interrupt(mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().is_ok_and(|status| status.success()));
        self.child.wait().expect("its end").code()
    }
}

impl Drop for Going<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

fn compose(bed: &Bed, arguments: &[&str]) -> Outcome {
    let mut command = bed.command(&[&["compose"], arguments].concat());
    command.current_dir(bed.path("shop"));
    Outcome::of(command, b"")
}

fn make(bed: &Bed) -> std::path::PathBuf {
    let shop = bed.path("shop");
    for folder in ["src/skipped", "conf", "styles"] {
        fs::create_dir_all(shop.join(folder)).expect("a folder");
    }
    write(&shop.join("compose.yaml"), &PROJECT.replace("IMAGE", IMAGE));
    write(&shop.join("version"), "one\n");
    write(&shop.join("src/first"), "first\n");
    write(&shop.join("src/skipped/not"), "not\n");
    shop
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).expect("a file");
}

/// When its process began, if not at `before`: it says so itself, which takes a moment.
fn started(bed: &Bed, service: &str, before: &str) -> String {
    wait_for(&format!("{service} to start"), 60, || {
        let shown = compose(bed, &["exec", "-T", service, "cat", "/started"]);
        let is_new = shown.code == 0 && !shown.stdout.is_empty() && shown.stdout != before;
        is_new.then_some(shown.stdout)
    })
}

#[test]
fn containers_follow_files() {
    everyone(|bed| {
        let shop = make(bed);
        let mut going = Going::begin(bed, &["watch", "--quiet"]);
        going.shows("web", &["cat", "/app/first"], "first");
        let nothing = compose(bed, &["exec", "-T", "web", "ls", "/app/skipped"]);
        assert_ne!(nothing.code, 0, "what is ignored was copied");
        let before = started(bed, "web", "");

        // A folder with files, a change, one that an editor puts in the place of another, and the end of all that.
        fs::create_dir_all(shop.join("src/new/deep")).expect("a folder");
        write(&shop.join("src/new/deep/file"), "deep\n");
        going.shows("web", &["cat", "/app/new/deep/file"], "deep");
        write(&shop.join("src/.first.swp"), "changed\n");
        fs::rename(shop.join("src/.first.swp"), shop.join("src/first")).expect("renamed");
        going.shows("web", &["cat", "/app/first"], "changed");
        fs::remove_dir_all(shop.join("src/new")).expect("removed");
        wait_for("the folder to go", 30, || {
            (compose(bed, &["exec", "-T", "web", "test", "-e", "/app/new"]).code == 1).then_some(())
        });
        assert_ne!(compose(bed, &["exec", "-T", "web", "ls", "/app/.first.swp"]).code, 0);
        assert_eq!(started(bed, "web", ""), before, "a copy restarted it");

        // A command after the copy, and only for what is included.
        write(&shop.join("styles/a.txt"), "x");
        write(&shop.join("styles/a.css"), "a");
        going.shows("web", &["cat", "/reloaded"], "again");
        assert_eq!(compose(bed, &["exec", "-T", "web", "ls", "/styles"]).ok(), "a.css");

        // A restart, and those that are to be restarted too.
        let other = started(bed, "other", "");
        write(&shop.join("conf/a"), "conf");
        going.says("restarted");
        going.shows("web", &["cat", "/etc/conf/a"], "conf");
        started(bed, "web", &before);
        started(bed, "other", &other);

        // A new image. A build that fails changes nothing, and the next one goes on.
        let images = |filter: &str| bed.cove(&["images", "-q", "--filter", filter]).ok().lines().count();
        let id = compose(bed, &["ps", "-q", "web"]).ok().to_owned();
        fs::remove_file(shop.join("version")).expect("removed");
        going.says("Build failed");
        assert_eq!(compose(bed, &["ps", "-q", "web"]).ok(), id);
        write(&shop.join("version"), "two\n");
        going.says("successfully built");
        going.shows("web", &["cat", "/version"], "two");
        assert_ne!(compose(bed, &["ps", "-q", "web"]).ok(), id);
        going.shows("web", &["cat", "/app/first"], "changed");
        wait_for("the old image to go", 30, || {
            (images("label=com.docker.compose.project=shop") == 1).then_some(())
        });

        assert_eq!(going.interrupt(), Some(130));
        assert_eq!(compose(bed, &["ps", "-q"]).ok().lines().count(), 2, "what ran goes on running");
        compose(bed, &["down", "-t", "0", "--rmi", "local"]).ok();
    });
}

#[test]
fn up_watches_and_shows_the_new_container() {
    everyone(|bed| {
        let shop = make(bed);
        compose(bed, &["up", "--watch", "-d"]).fails(1, "cannot be used with");
        compose(bed, &["up", "--watch", "--no-build"]).fails(1, "incompatible with the watch action rebuild");
        compose(bed, &["watch", "other"]).fails(1, "configured for watch");
        let mut going = Going::begin(bed, &["up", "--watch"]);
        going.says("version one");
        write(&shop.join("conf/a"), "conf");
        going.says("restarted");
        write(&shop.join("version"), "two\n");
        going.says("version two");
        write(&shop.join("src/late"), "late\n");
        going.shows("web", &["cat", "/app/late"], "late");
        let output = going.output();
        assert!(output.matches("version two").count() == 1, "{output}");
        assert_eq!(going.interrupt(), Some(130));
        assert_eq!(compose(bed, &["ps", "-q"]).ok(), "", "all is stopped");
        compose(bed, &["down", "-t", "0", "--rmi", "local"]).ok();
    });
}
