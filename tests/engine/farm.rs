//! Farms: connections that build together.

use cove_test_support::{Bed, IMAGE, Registry, Service, Who, everyone};

use crate::build::{seen, write};

#[test]
fn farms_are_kept() {
    everyone(|bed| {
        bed.cove(&["farm", "rm", "--all"]).fails(125, "no existing farms");
        for name in ["one", "two"] {
            bed.cove(&["system", "connection", "add", name, "unix:///nothing"]).ok();
        }
        assert_eq!(bed.cove(&["farm", "create", "f", "one", "two"]).ok(), "Farm \"f\" created");
        bed.cove(&["farm", "create", "f"]).fails(125, "already exists");
        bed.cove(&["farm", "create", "g", "three"]).fails(125, "is not a system connection");
        bed.cove(&["farm", "create", "g"]).ok();
        bed.cove(&["farm", "update", "--add", "one", "--default", "g"]).ok();
        bed.cove(&["farm", "update", "--remove", "one", "f"]).ok();
        bed.cove(&["farm", "update", "f"]).fails(125, "nothing to update");
        let shown =
            bed.cove(&["farm", "ls", "--format", "{{.Name}} {{.Connections}} {{.Default}}"]).ok().to_owned();
        assert_eq!(shown, "f [two] false\ng [one] true");
        let json = bed.cove(&["farm", "list", "--format", "json"]).ok().to_owned();
        assert!(json.contains("\"ReadWrite\": true"), "{json}");
        bed.cove(&["farm", "rm", "f", "nobody", "g"]).fails(125, "nobody");
        assert_eq!(bed.cove(&["farm", "ls", "--format", "{{.Name}}"]).ok(), "");
    });
}

#[test]
fn a_farm_builds_a_list() {
    for who in [Who::Root, Who::User] {
        let (Some(bed), Some(registry)) = (Bed::new(who), Registry::start()) else { continue };
        let service = Service::start(&bed);
        bed.cove(&["system", "connection", "add", "node", &service.uri()]).ok();
        bed.cove(&["farm", "create", "f", "node"]).ok();
        let folder = bed.path("context");
        write(&folder, "Containerfile", &format!("FROM {IMAGE}\nRUN echo made > /made\n"));
        let here = folder.display().to_string();
        let credentials = format!("{}:{}", Registry::USER, Registry::PASSWORD);
        let name = format!("{}/ann/app:1", registry.address());
        let reach = ["--tls-verify=false", "--creds", &credentials];
        let common = ["farm", "build", "--local=false", "--network", "none", "--pull=never", "-t", &name];
        let id = bed.path("context").join("id").display().to_string();
        let words = [&common[..], &reach, &["--iidfile", &id, &here]].concat();
        let output = bed.cove(&words).ok().to_owned();
        assert!(output.contains("@node] STEP 2/2"), "{output}");
        assert!(output.contains("Saved list to"), "{output}");
        assert!(cove_sys::fs::read_to_string(&id).expect("id").starts_with("sha256:"));
        // What is in the registry is a list, and a second build replaces what it has.
        bed.cove(&words).ok();
        let list = bed.cove(&["manifest", "inspect", &name]).ok().to_owned();
        assert_eq!(list.matches("\"architecture\"").count(), 1, "{list}");
        bed.cove(&["manifest", "rm", &name]).ok();
        bed.cove(&[&["pull", "-q"][..], &reach, &[&name]].concat()).ok();
        assert_eq!(seen(&bed, &name, "cat /made"), "made");
        bed.cove(&[&common[..], &["--platforms", "linux/none", &here]].concat())
            .fails(125, "no builder capable of building");
        bed.cove(&["farm", "build", &here]).fails(125, "value for --tag is required");
        bed.cove(&["farm", "build", "-t", "app", &here]).fails(125, "is not a full image reference name");
        bed.cove(&["farm", "build", "-t", "a/b", "--platform", "linux/arm64", &here])
            .fails(125, "unsupported flag for farm build");
    }
}
