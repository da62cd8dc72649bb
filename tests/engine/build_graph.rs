//! Building images: stages at the same time.

use cove_test_support::{IMAGE, everyone};

use crate::build::{build, seen, write};

/// A command that tells the other stage that it runs and waits until the other one does.
fn meet(own: &str, other: &str) -> String {
    format!(
        "RUN --mount=type=cache,id=meet,target=/m touch /m/{own}; n=0; until test -e /m/{other}; do \
         n=$((n+1)); test $n -lt 600 || exit 7; sleep 0.1; done; echo {own} | tee /{own}"
    )
}

#[test]
fn stages_that_do_not_need_each_other_are_built_at_once() {
    everyone(|bed| {
        let folder = bed.path("context");
        let text = format!(
            "FROM {IMAGE} AS one\n{}\nFROM {IMAGE} AS two\n{}\nFROM {IMAGE}\n\
             COPY --from=one /one /\nCOPY --from=two /two /\n",
            meet("one", "two"),
            meet("two", "one"),
        );
        write(&folder, "Containerfile", &text);
        let output = build(bed, &folder, &["-t", "app", "--jobs", "2"]).ok().to_owned();
        // Each line says whose it is.
        for line in ["[1/3] STEP 2/2: RUN", "\n[1/3] one\n", "\n[2/3] two\n", "[3/3] COMMIT app\n"] {
            assert!(output.contains(line), "{line}: {output}");
        }
        assert_eq!(seen(bed, "app", "cat /one /two"), "one\ntwo");
        // What one after the other makes is the same, with lines as they are.
        let again = build(bed, &folder, &["-t", "app", "--jobs", "1"]).ok().to_owned();
        assert_eq!(again.matches("\n--> Using cache").count(), 4, "{again}");
        assert_eq!(again.lines().last(), output.lines().last());
        // A chain has nothing to do at once.
        let text = format!("FROM {IMAGE} AS one\nRUN echo chain\nFROM one\nRUN echo end\n");
        write(&folder, "Containerfile", &text);
        let output = build(bed, &folder, &["--jobs", "0"]).ok().to_owned();
        assert!(output.contains("\nchain\n") && output.contains("\nend\n"), "{output}");
    });
}

#[test]
fn a_stage_that_fails_ends_the_others() {
    everyone(|bed| {
        let folder = bed.path("context");
        let text = format!(
            "FROM {IMAGE} AS one\nRUN --mount=type=cache,id=begun,target=/m touch /m/one; exec sleep 1000.625\n\
             FROM {IMAGE} AS two\nRUN --mount=type=cache,id=begun,target=/m n=0; until test -e /m/one; do \
             n=$((n+1)); test $n -lt 600 || exit 7; sleep 0.1; done; exit 5\n\
             FROM {IMAGE}\nCOPY --from=one /one /\nCOPY --from=two /two /\n"
        );
        write(&folder, "Containerfile", &text);
        let failed = build(bed, &folder, &["--jobs", "0"]);
        failed.fails(5, "while running runtime: exit status 5 (Containerfile:4)");
        let found =
            std::process::Command::new("pgrep").args(["-fx", "sleep 1000.625"]).output().expect("pgrep");
        assert!(!found.status.success());
        assert_eq!(bed.cove(&["ps", "-a", "--external", "-q"]).ok(), "");
    });
}
