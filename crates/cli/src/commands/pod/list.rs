//! `cove pod ps`

use cove_api::{PodListOptions, PodSummary};
use cove_spec::age::ago;
use jiff::Timestamp;

use crate::args::at_most;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::common::{filters, joined_pairs};
use crate::commands::{Leaf, leaf};
use crate::context::Context;
use crate::format::{Headers, Report, Struct, Value, is_json, to_json, to_value};
use crate::render::short_id;

/// List pods
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Not used
    #[arg(hide = true)]
    words: Vec<String>,
    /// Also the ids of their containers
    #[arg(long)]
    ctr_ids: bool,
    /// Also the names of their containers
    #[arg(long)]
    ctr_names: bool,
    /// Also the states of their containers
    #[arg(long)]
    ctr_status: bool,
    /// Only pods for which that is true, such as status=running, name=PATTERN, label=KEY
    #[arg(long, short, value_name = "KEY=VALUE")]
    filter: Vec<String>,
    /// Output as json or by a Go template
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// The newest pod
    #[arg(long, short)]
    latest: bool,
    /// Also their cgroups and namespaces
    #[arg(long, visible_alias = "namespace")]
    ns: bool,
    /// Whole ids
    #[arg(long)]
    no_trunc: bool,
    /// No heads of columns
    #[arg(long, short = 'n')]
    noheading: bool,
    /// Only ids
    #[arg(long, short)]
    quiet: bool,
    /// Sort by created, id, name, number or status
    #[arg(long, value_name = "KEY", default_value = "created", hide_default_value = true)]
    sort: String,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options]");

const HEADERS: Headers = Headers(&[
    ("Id", "POD ID"),
    ("ID", "POD ID"),
    ("NumberOfContainers", "# OF CONTAINERS"),
    ("InfraID", "INFRA ID"),
    ("InfraId", "INFRA ID"),
    ("ContainerIds", "IDS"),
    ("ContainerNames", "NAMES"),
    ("ContainerStatuses", "STATUS"),
    ("Cgroup", "CGROUP"),
    ("Namespace", "NAMESPACES"),
]);

async fn run(context: &Context, args: Args) -> CommandResult {
    at_most(&args.words, 0)?;
    if args.quiet && args.format.is_some() {
        return Err(CommandError::other("quiet and format cannot be used together"));
    }
    let fault = |text: &str| format!("filter input must be in the form of filter=value: {text} is invalid");
    let filters = filters(&args.filter, fault)?;
    let engine = context.engine().await?;
    let mut pods = engine.pods().list(PodListOptions { filters }).await?;
    if args.latest {
        pods = pods.into_iter().max_by_key(|pod| pod.created).into_iter().collect();
    }
    sort(&mut pods, &args.sort)?;
    if args.format.as_deref().is_some_and(is_json) {
        context.printer.document(&to_json(&Value::List(pods.iter().map(to_value).collect()), 2))?;
        return Ok(0);
    }
    if args.quiet {
        for pod in &pods {
            context.printer.line(&pod.id)?;
        }
        return Ok(0);
    }
    let report = match &args.format {
        Some(format) => Report::user("ps", format)?,
        None => Report::own("ps", &columns(&args))?,
    };
    let now = Timestamp::now();
    let rows = pods.iter().map(|pod| row(pod, args.no_trunc, now)).collect();
    context.printer.text(&report.render(rows, (!args.noheading).then_some(HEADERS))?)?;
    Ok(0)
}

fn sort(pods: &mut [PodSummary], key: &str) -> Result<(), CommandError> {
    match key {
        // The newest first.
        "created" => pods.sort_by_key(|pod| std::cmp::Reverse(pod.created)),
        "id" => pods.sort_by(|one, other| one.id.cmp(&other.id)),
        "name" => pods.sort_by(|one, other| one.name.cmp(&other.name)),
        "number" => pods.sort_by_key(|pod| pod.containers.len()),
        "status" => pods.sort_by_key(|pod| pod.status.as_str()),
        _ => {
            return Err(CommandError::other(
                "invalid option for --sort, options are: created, id, name, number, or status",
            ));
        }
    }
    Ok(())
}

fn columns(args: &Args) -> String {
    let mut columns = vec!["{{.Id}}", "{{.Name}}", "{{.Status}}", "{{.Created}}", "{{.InfraID}}"];
    let of_containers = [
        (args.ctr_ids, "{{.ContainerIds}}"),
        (args.ctr_names, "{{.ContainerNames}}"),
        (args.ctr_status, "{{.ContainerStatuses}}"),
    ];
    columns.extend(of_containers.iter().filter(|(wanted, _)| *wanted).map(|(_, column)| *column));
    if args.ns {
        columns.extend(["{{.Cgroup}}", "{{.Namespace}}"]);
    }
    if of_containers.iter().all(|(wanted, _)| !wanted) {
        columns.push("{{.NumberOfContainers}}");
    }
    columns.join("\t")
}

fn row(pod: &PodSummary, no_trunc: bool, now: Timestamp) -> Value {
    let short = |id: &str| if no_trunc { id.to_owned() } else { short_id(id).to_owned() };
    let joined = |of: &dyn Fn(&cove_api::PodSummaryContainer) -> String| {
        pod.containers.iter().map(of).collect::<Vec<_>>().join(",")
    };
    let mut value = match to_value(pod) {
        Value::Struct(value) => value,
        _ => Struct::new("pod"),
    };
    value.name = "pods.ListPodReporter".into();
    value
        .set("Id", short(&pod.id))
        .set("ID", short(&pod.id))
        .set("InfraId", short(&pod.infra_id))
        .set("InfraID", short(&pod.infra_id))
        .set("Status", pod.status.as_str())
        .set("Created", ago(pod.created, now))
        .set("Networks", pod.networks.join(","))
        .set("NumberOfContainers", pod.containers.len())
        .set("ContainerIds", joined(&|container| short(&container.id)))
        .set("ContainerNames", joined(&|container| container.names.clone()))
        .set("ContainerStatuses", joined(&|container| container.status.clone()))
        .set(
            "Restarts",
            pod.containers
                .iter()
                .map(|container| u64::from(container.restart_count))
                .sum::<u64>()
                .to_string(),
        )
        .set("LabelMap", pod.labels.clone())
        .set("Labels", joined_pairs(&pod.labels));
    value.into()
}
