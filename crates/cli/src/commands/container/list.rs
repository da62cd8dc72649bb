//! `cove ps`

use cove_api::{ContainerState, ContainerSummary, Engine, ListOptions};
use cove_spec::age::{ago, human_duration};
use jiff::Timestamp;

use crate::command_error::{CommandError, CommandResult};
use crate::commands::common::{filters, joined_pairs};
use crate::commands::{Leaf, leaf};
use crate::context::Context;
use crate::format::{Headers, Report, Struct, Value, is_json, to_json, to_value};
use crate::render::{human_size, ports, short_id};

/// List containers
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Also those that do not run
    #[arg(long, short)]
    all: bool,
    /// Also those that other tools keep in the store
    #[arg(long, alias = "storage")]
    external: bool,
    /// Only containers for which that is true, such as status=exited, name=PATTERN, label=KEY
    #[arg(long, short, value_name = "KEY=VALUE")]
    filter: Vec<String>,
    /// Output as json or by a Go template
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// The newest so many, whatever their state
    #[arg(long, short = 'n', value_name = "NUMBER", default_value = "-1", hide_default_value = true)]
    last: i64,
    /// The newest container
    #[arg(long, short)]
    latest: bool,
    /// Namespaces in place of the usual columns
    #[arg(long, visible_alias = "namespace")]
    ns: bool,
    /// Whole ids and commands
    #[arg(long, alias = "notruncate")]
    no_trunc: bool,
    /// Only ids
    #[arg(long, short)]
    quiet: bool,
    /// No heads of columns
    #[arg(long)]
    noheading: bool,
    /// Also the pod
    #[arg(long, short)]
    pod: bool,
    /// Also the disk use
    #[arg(long, short)]
    size: bool,
    /// Sort by command, created, id, image, names, runningfor, size or status
    #[arg(long, value_name = "KEY", value_parser = ["command", "created", "id", "image", "names", "runningfor", "size", "status"])]
    sort: Option<String>,
    /// Ask the kernel about each container
    #[arg(long)]
    sync: bool,
    /// Show the list again every so many seconds
    #[arg(long, short, value_name = "SECONDS", default_value = "0", hide_default_value = true)]
    watch: u32,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options]");

const HEADERS: Headers = Headers(&[
    ("Cgroup", "CGROUPNS"),
    ("CreatedHuman", "CREATED"),
    ("ID", "CONTAINER ID"),
    ("IPC", "IPC"),
    ("MNT", "MNT"),
    ("NET", "NET"),
    ("PIDNS", "PIDNS"),
    ("Pod", "POD ID"),
    ("PodName", "PODNAME"),
    ("RunningFor", "RUNNING FOR"),
    ("UTS", "UTS"),
    ("User", "USERNS"),
    ("ImageID", "IMAGE ID"),
]);

async fn run(context: &Context, args: Args) -> CommandResult {
    check(&args)?;
    let engine = context.engine().await?;
    let format = args.format.clone().map(|format| format.replace(".Namespaces.", "."));
    let wants = |field: &str| format.as_deref().is_some_and(|format| format.contains(field));
    let json = format.as_deref().is_some_and(is_json);
    let options = ListOptions {
        all: args.all,
        last: if args.latest { Some(1) } else { usize::try_from(args.last).ok().filter(|last| *last > 0) },
        size: args.size,
        namespaces: args.ns
            || [".Cgroup", ".IPC", ".MNT", ".NET", ".PIDNS", ".User", ".UTS"]
                .iter()
                .any(|field| wants(field)),
        sync: args.sync,
        details: false,
        external: args.external,
        filters: filters(&args.filter, |text| format!("invalid filter {text:?}"))?,
    };
    if json {
        let containers = listed(engine, &options, args.sort.as_deref()).await?;
        let now = Timestamp::now();
        let rows = containers.iter().map(|container| json_row(container, now)).collect();
        context.printer.document(&to_json(&Value::List(rows), 2))?;
        return Ok(0);
    }
    if args.quiet && format.is_none() {
        for container in listed(engine, &options, args.sort.as_deref()).await? {
            let id = if args.no_trunc { container.id.as_str() } else { short_id(&container.id) };
            context.printer.line(id)?;
        }
        return Ok(0);
    }
    let report = match &format {
        Some(format) => Report::user("ps", format)?,
        None => Report::own("ps", &columns(&args))?,
    };
    let headers = (!args.noheading).then_some(HEADERS);
    loop {
        let containers = listed(engine, &options, args.sort.as_deref()).await?;
        let now = Timestamp::now();
        if args.size || wants(".Size") {
            for _ in containers.iter().filter(|container| container.size.is_none()) {
                tracing::error!("Size format requires --size option");
            }
        }
        let rows = containers
            .iter()
            .map(|container| row(container, args.no_trunc, now))
            .collect::<Result<_, _>>()?;
        if args.watch > 0 {
            context.printer.bytes(b"\x1b[2J\x1b[H")?;
        }
        context.printer.text(&report.render(rows, headers)?)?;
        if args.watch == 0 {
            return Ok(0);
        }
        tokio::time::sleep(std::time::Duration::from_secs(args.watch.into())).await;
    }
}

fn check(args: &Args) -> Result<(), CommandError> {
    let complaint = if args.last >= 0 && args.latest {
        "last and latest are mutually exclusive"
    } else if args.quiet && (args.size || args.ns) {
        "quiet conflicts with size and namespace"
    } else if args.size && args.ns {
        "size and namespace options conflict"
    } else if args.watch > 0 && args.latest {
        "the watch and latest flags cannot be used together"
    } else {
        return Ok(());
    };
    Err(CommandError::other(complaint))
}

fn columns(args: &Args) -> String {
    if args.ns {
        return "{{.ID}}\t{{.Names}}\t{{.Pid}}\t{{.Cgroup}}\t{{.IPC}}\t{{.MNT}}\t{{.NET}}\t{{.PIDNS}}\t{{.User}}\t{{.UTS}}"
            .into();
    }
    let mut columns = String::from(
        "{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.CreatedHuman}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}",
    );
    if args.pod {
        columns.push_str("\t{{.Pod}}\t{{.PodName}}");
    }
    if args.size {
        columns.push_str("\t{{.Size}}");
    }
    columns
}

async fn listed(
    engine: &dyn Engine,
    options: &ListOptions,
    sort: Option<&str>,
) -> Result<Vec<ContainerSummary>, CommandError> {
    let mut containers = engine.containers().list(options.clone()).await?;
    let size = |container: &ContainerSummary| container.size.map_or(0, |size| size.root_fs);
    match sort {
        Some("id") => containers.sort_by(|one, other| one.id.cmp(&other.id)),
        Some("image") => containers.sort_by(|one, other| one.image.cmp(&other.image)),
        Some("command") => containers.sort_by(|one, other| one.command.cmp(&other.command)),
        Some("runningfor") => containers.sort_by_key(|container| container.started_at),
        Some("status") => containers.sort_by(|one, other| one.state.as_str().cmp(other.state.as_str())),
        Some("size") => containers.sort_by_key(size),
        Some("names") => containers.sort_by(|one, other| one.names.first().cmp(&other.names.first())),
        Some("created") => containers.sort_by_key(|container| container.created),
        _ => {}
    }
    Ok(containers)
}

/// `Up 3 seconds`, `Exited (0) 2 minutes ago`, `Created`.
fn status(container: &ContainerSummary, now: Timestamp) -> String {
    let since = |seconds: i64| human_duration(now.as_second().saturating_sub(seconds));
    let mut status = match container.state {
        ContainerState::Running => format!("Up {}", since(container.started_at)),
        ContainerState::Exited | ContainerState::Stopped => {
            format!("Exited ({}) {} ago", container.exit_code, since(container.exited_at))
        }
        other => {
            let mut letters = other.as_str().chars();
            letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
        }
    };
    if !container.status.is_empty() {
        status.push_str(&format!(" ({})", container.status));
    }
    status
}

fn json_row(container: &ContainerSummary, now: Timestamp) -> Value {
    let mut value = fields(container);
    value.set("CreatedAt", ago(container.created, now));
    value.set("Status", status(container, now));
    value.set("Created", container.created.as_second());
    value.into()
}

fn fields(container: &ContainerSummary) -> Struct {
    match to_value(container) {
        Value::Struct(value) => value,
        _ => Struct::new("ListContainer"),
    }
}

fn row(container: &ContainerSummary, no_trunc: bool, now: Timestamp) -> cove_api::Result<Value> {
    let short = |id: &str| if no_trunc { id.to_owned() } else { short_id(id).to_owned() };
    let mut command = container.command.join(" ");
    if !no_trunc && command.len() > 17 {
        let cut = (0..=17).rev().find(|at| command.is_char_boundary(*at)).unwrap_or(0);
        command.truncate(cut);
        command.push_str("...");
    }
    let size = container.size.map_or_else(String::new, |size| {
        format!("{} (virtual {})", human_size(size.rw, 3), human_size(size.root_fs, 3))
    });
    let age = ago(container.created, now);
    let mut value = fields(container);
    value.name = "containers.psReporter".into();
    let namespaces = &container.namespaces;
    value
        .set("ID", short(&container.id))
        .set("ImageID", short(&container.image_id))
        .set("Pod", short(&container.pod))
        .set("Command", command)
        .set("CreatedHuman", age.clone())
        .set("RunningFor", age)
        .set("CreatedAt", crate::format::go_time(container.created))
        .set("Status", status(container, now))
        .set("Ports", ports(&container.ports, &container.exposed_ports)?)
        .set("Names", container.names.first().cloned().unwrap_or_default())
        .set("Networks", container.networks.join(","))
        .set("Restarts", container.restarts.to_string())
        .set("Size", size)
        .set("Cgroup", namespaces.cgroup.as_str())
        .set("IPC", namespaces.ipc.as_str())
        .set("MNT", namespaces.mnt.as_str())
        .set("NET", namespaces.net.as_str())
        .set("PIDNS", namespaces.pid.as_str())
        .set("User", namespaces.user.as_str())
        .set("UTS", namespaces.uts.as_str())
        .set("LabelMap", container.labels.clone())
        .set("Labels", joined_pairs(&container.labels));
    Ok(value.into())
}
