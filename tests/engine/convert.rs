//! `cove convert`: what it writes is run for real, and what runs is converted back.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use cove_sys::fs;
use cove_test_support::{Bed, IMAGE, Outcome, everyone, wait_for};

/// The project's name, which no other test's project has.
const NAME: &str = "converted";

const SHOP: &str = r#"
name: PROJECT
services:
  db:
    image: IMAGE
    command: [sleep, "1000"]
    environment: {SECRET: "a $$b 'c'"}
    volumes: [data:/data]
    healthcheck: {test: [CMD, "true"], interval: 1s, timeout: 5s, retries: 3}
    stop_grace_period: 0s
    labels: {tier: back}
  web:
    image: IMAGE
    command: [sh, -c, "echo $$HOME >/srv/seen; exec sleep 1000"]
    user: "0:0"
    ports: ["127.0.0.1::80"]
    depends_on: {db: {condition: service_healthy}}
    volumes: [FOLDER/www:/srv]
    read_only: true
    stop_grace_period: 0s
volumes: {data: {labels: {kept: "yes"}}}
"#;

/// The project's file, with what it needs of the bed.
fn project(bed: &Bed) -> String {
    let folder = bed.path("home");
    let file = folder.join("compose.yaml");
    // Root's networks are everybody's.
    let text = SHOP.replace("PROJECT", NAME).replace("IMAGE", IMAGE);
    let text = text.replace("FOLDER", &folder.display().to_string());
    fs::write(&file, text).unwrap();
    file.display().to_string()
}

/// Runs a script whose `cove` is the bed's.
fn script(bed: &Bed, text: &str) -> Outcome {
    let folder = bed.path("home/bin");
    fs::create_dir_all(&folder).unwrap();
    let program = cove_test_support::binary("cove");
    let options = bed.store_options().join("' '");
    let wrapper = format!("#!/bin/sh\nexec '{}' '{options}' \"$@\"\n", program.display());
    fs::write(folder.join("cove"), wrapper).unwrap();
    fs::set_permissions(folder.join("cove"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let file = bed.path("home/shop.sh");
    fs::write(&file, text).unwrap();
    let mut command = bed.program(Path::new("/bin/sh"));
    let path = std::env::var("PATH").unwrap_or_default();
    command.arg(file).env("PATH", format!("{}:{path}", folder.display()));
    Outcome::of(command, b"")
}

/// The lines that make a container or part of that name.
fn line<'a>(script: &'a str, wanted: &str) -> &'a str {
    script.lines().find(|line| line.starts_with(wanted)).unwrap_or_else(|| panic!("{wanted}: {script}"))
}

#[test]
fn a_project_runs_by_its_script_and_is_converted_back() {
    everyone(|bed| {
        let file = project(bed);
        let converted = bed.cove(&["convert", "--strict", &file, "run"]);
        let text = converted.ok().to_owned();
        script(bed, &text).ok();
        let inspect = |container: &str, format: &str| {
            bed.cove(&["inspect", "--format", format, container]).ok().to_owned()
        };
        assert_eq!(inspect("converted-db-1", "{{.State.Health.Status}}"), "healthy");
        assert!(inspect("converted-db-1", "{{json .Config.Env}}").contains("\"SECRET=a $b 'c'\""));
        assert_eq!(inspect("converted-db-1", "{{index .Config.Labels \"tier\"}}"), "back");
        assert_eq!(
            inspect("converted-db-1", "{{range .Mounts}}{{.Name}} {{.Destination}}{{end}}"),
            "converted_data /data"
        );
        assert_eq!(inspect("converted-web-1", "{{.HostConfig.ReadonlyRootfs}}"), "true");
        assert!(inspect("converted-web-1", "{{json .HostConfig.PortBindings}}").contains("80/tcp"));
        let volume =
            bed.cove(&["volume", "inspect", "--format", "{{index .Labels \"kept\"}}", "converted_data"]);
        assert_eq!(volume.ok(), "yes");
        let networks =
            inspect("converted-web-1", "{{range $name, $own := .NetworkSettings.Networks}}{{$name}}{{end}}");
        assert_eq!(networks, "converted_default");
        // The folder was made.
        wait_for("what web writes", 60, || bed.path("home/www/seen").exists().then_some(()));

        // What runs says the same as what made it.
        for name in ["converted-db-1", "converted-web-1"] {
            let back = bed.cove(&["convert", "--strict", &format!("container:{name}"), "run"]);
            let wanted = format!("cove run --detach --name {name} ");
            assert_eq!(line(back.ok(), &wanted), line(&text, &wanted));
            // It has the addresses now that it was given.
            let network = line(back.ok(), "cove network create --ignore ");
            assert!(network.contains("--subnet 10.") && network.ends_with(" converted_default"), "{network}");
        }
        // And again, by unit files.
        let units = bed.path("home/units").display().to_string();
        bed.cove(&["quadlet", "from", "compose", &file, "-o", &units]).ok();
        let again = bed.cove(&["convert", &units, "run"]);
        let lines = |text: &str| {
            text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(lines(again.ok()), lines(&text));
        bed.cove(&["quadlet", "from", "compose", &file, "-o", &units]).fails(125, "is there already");
        let one = bed.cove(&["quadlet", "from", "container", "converted-db-1"]);
        assert!(one.ok().contains("# FileName=converted-db-1\n[Container]\n"));
        bed.cove(&["convert", "container:nosuch", "run"]).fails(125, "nosuch");
        bed.cove(&["rm", "-f", "-t", "0", "converted-web-1", "converted-db-1"]).ok();
        bed.cove(&["network", "rm", "converted_default"]).ok();
    });
}

#[test]
fn a_project_is_played_as_kubernetes_yaml() {
    everyone(|bed| {
        let file = project(bed);
        let yaml = bed.path("home/shop.yaml").display().to_string();
        let converted = bed.cove(&["convert", &file, "kube", "-o", &yaml]);
        converted.ok();
        for field in ["depends_on.db.condition", "portmappings.80"] {
            assert!(converted.stderr.contains(&format!(": {field}: ")), "{field}: {}", converted.stderr);
        }
        bed.cove(&["convert", "--strict", &file, "kube"]).fails(125, "something would be lost");
        bed.cove(&["kube", "play", &yaml]).ok();
        let format = "{{range .Mounts}}{{.Name}} {{.Destination}}{{end}}";
        assert_eq!(bed.cove(&["inspect", "--format", format, "db-db"]).ok(), "converted_data /data");
        assert_eq!(bed.cove(&["exec", "db-db", "sh", "-c", "echo \"$SECRET\""]).ok(), "a $b 'c'");
        wait_for("what web writes", 60, || bed.path("home/www/seen").exists().then_some(()));
        // A pod is converted with all in it.
        let back = bed.cove(&["convert", "pod:db", "kube"]);
        assert!(back.ok().contains("claimName: converted_data"), "{}", back.ok());
        bed.cove(&["kube", "down", &yaml]).ok();
    });
}
