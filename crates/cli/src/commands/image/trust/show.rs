//! `cove image trust show`

use std::path::PathBuf;

use cove_config::policy::{KeyMaterial, Requirement};
use cove_config::{Policy, SignaturePlaces};
use cove_registry::key_owners;

use crate::args::at_most;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;
use crate::format::{Headers, Report, Struct, Value, to_json};

/// Largest file with keys that is looked into, in bytes.
const MOST: u64 = 4 << 20;

/// Show which images may be used
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Not used; all registries are shown
    #[arg(value_name = "REGISTRY", hide = true)]
    words: Vec<String>,
    /// Output as JSON
    #[arg(long, short)]
    json: bool,
    /// No heads of columns
    #[arg(long, short = 'n')]
    noheading: bool,
    /// The file as it is
    #[arg(long)]
    raw: bool,
    /// The folder that says where signatures are kept, in place of registries.d
    #[arg(long, value_name = "DIR", hide = true)]
    registrypath: Option<PathBuf>,
    /// The policy.json to show, in place of the host's
    #[arg(long, value_name = "FILE")]
    signature_policy: Option<PathBuf>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options]", Plain);

async fn run(context: &Context, args: Args) -> CommandResult {
    at_most(&args.words, 1)?;
    let path = super::place(context, args.signature_policy.as_ref());
    if args.raw {
        let text = cove_sys::read::bounded_text(&path, MOST)
            .map_err(|error| CommandError::other(error.to_string()))?;
        let text = text.ok_or_else(|| {
            CommandError::other(format!("open {}: no such file or directory", path.display()))
        })?;
        context.printer.line(text.trim_end_matches('\n'))?;
        return Ok(0);
    }
    let named = args.signature_policy.as_deref();
    let (policy, _) = Policy::load(&context.directories, named)?;
    let places = SignaturePlaces::load(&context.directories, args.registrypath.as_deref())?;
    let rows = rows(&policy, &places);
    if args.json {
        let rows = rows.iter().map(Row::to_json).collect();
        context.printer.document(&to_json(&Value::List(rows), 2))?;
        return Ok(0);
    }
    let format = "{{.Transport}}\t{{.RepoName}}\t{{.Type}}\t{{.GPGId}}\t{{.SignatureStore}}";
    let headers = (!args.noheading).then_some(HEADS);
    let rows = rows.iter().map(Row::to_cells).collect();
    context.printer.text(&Report::own("show", format)?.render(rows, headers)?)?;
    Ok(0)
}

const HEADS: Headers = Headers(&[("RepoName", "NAME"), ("GPGId", "ID"), ("SignatureStore", "STORE")]);

/// One requirement of the policy.
struct Row {
    transport: String,
    name: String,
    scope: String,
    kind: &'static str,
    owners: String,
    store: String,
}

fn rows(policy: &Policy, places: &SignaturePlaces) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut add = |transport: &str, name: &str, scope: &str, list: &[Requirement], store: String| {
        rows.extend(list.iter().map(|requirement| Row {
            transport: transport.to_owned(),
            name: name.to_owned(),
            scope: scope.to_owned(),
            kind: kind(requirement),
            owners: owners(requirement),
            store: store.clone(),
        }));
    };
    add("all", "* (default)", "default", &policy.default, places.shown_url(""));
    for (transport, scopes) in &policy.transports {
        let shown = if transport == "docker" { "repository" } else { transport };
        for (scope, list) in scopes {
            add(shown, scope, scope, list, places.shown_url(scope));
        }
    }
    rows
}

fn kind(requirement: &Requirement) -> &'static str {
    match requirement {
        Requirement::AcceptAnything => "accept",
        Requirement::Reject => "reject",
        Requirement::SignedBy(_) => "signed",
        Requirement::SigstoreSigned(_) => "sigstoreSigned",
    }
}

/// Whose keys count. A file that cannot be read is named, since the policy refuses everything then.
fn owners(requirement: &Requirement) -> String {
    let keys = match requirement {
        Requirement::SignedBy(demand) => &demand.keys,
        Requirement::SigstoreSigned(_) => return "N/A".to_owned(),
        _ => return String::new(),
    };
    let of = |key: &KeyMaterial| match key {
        KeyMaterial::Data(data) => key_owners(data).unwrap_or_else(|reason| vec![format!("({reason})")]),
        KeyMaterial::Path(path) => match cove_sys::read::bounded(path, MOST) {
            Ok(Some(data)) => {
                key_owners(&data).unwrap_or_else(|reason| vec![format!("({}: {reason})", path.display())])
            }
            Ok(None) => vec![format!("({}: missing)", path.display())],
            Err(error) => vec![format!("({error})")],
        },
    };
    keys.iter().flat_map(of).collect::<Vec<_>>().join(", ")
}

impl Row {
    fn to_cells(&self) -> Value {
        Struct::new("trust.Policy")
            .with("Transport", self.transport.as_str())
            .with("RepoName", self.scope.as_str())
            .with("Type", self.kind)
            .with("GPGId", self.owners.as_str())
            .with("SignatureStore", self.store.as_str())
            .into()
    }

    fn to_json(&self) -> Value {
        let mut row = Struct::new("trust.Policy").with("transport", self.transport.as_str());
        for (key, text) in [("name", &self.name), ("repo_name", &self.scope), ("sigstore", &self.store)] {
            if !text.is_empty() {
                row.set(key, text.as_str());
            }
        }
        row.set("type", self.kind);
        if !self.owners.is_empty() {
            row.set("gpg_id", self.owners.as_str());
        }
        row.into()
    }
}
