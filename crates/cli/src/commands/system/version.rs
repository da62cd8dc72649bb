//! `cove version`

use cove_api::Version;

use crate::command_error::CommandResult;
use crate::commands::{Leaf, leaf};
use crate::connect::Destination;
use crate::context::Context;
use crate::format::{Struct, Template, Value, align, is_json, to_json, to_value};

/// Show the version, and that of the engine it talks to
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Output as json or by a Go template
    #[arg(long, short, value_name = "FORMAT")]
    format: Option<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options]", Plain);

/// The libpod API that the client speaks.
const API_VERSION: &str = "5.0.0";

async fn run(context: &Context, args: Args) -> CommandResult {
    let client = own();
    let mut all = Struct::new("SystemVersionReport");
    all.set("Client", to_value(&client));
    // In this process both sides are one.
    if context.destination != Destination::Local {
        let mut server = context.engine().await?.system().version().await?;
        if server.built > 0 {
            server.built_time = local_time(server.built);
        }
        all.set("Server", to_value(&server));
    }
    let value = Value::Struct(all.clone());
    match args.format.as_deref() {
        Some(format) if is_json(format) => context.printer.document(&to_json(&value, 2))?,
        Some(format) => {
            let mut text = format.replace("\\t", "\t").replace("\\n", "\n");
            if !text.ends_with('\n') {
                text.push('\n');
            }
            let rendered = Template::parse("version", &text).and_then(|template| template.render(&value));
            let rendered = match rendered {
                Ok(rendered) => rendered,
                // Without a server, the client's own version answers for both.
                Err(error) => {
                    let single = text.replace(".Server.", ".").replace(".Client.", ".");
                    Template::parse("version", &single)
                        .and_then(|template| template.render(&to_value(&client)))
                        .map_err(|_| error)?
                }
            };
            context.printer.text(&rendered)?;
        }
        None => {
            let mut text = String::new();
            for field in &all.fields {
                if !text.is_empty() {
                    text.push('\n');
                }
                text.push_str(&block(&field.name, &field.value));
            }
            context.printer.text(&align(&text))?;
        }
    }
    Ok(0)
}

/// A side's lines.
fn block(side: &str, value: &Value) -> String {
    let Value::Struct(version) = value else { return String::new() };
    let get = |name: &str| version.get(name).and_then(Value::as_text).unwrap_or_default().to_owned();
    let mut lines = vec![
        (format!("{side}:"), "Cove Engine".to_owned()),
        ("Version:".into(), get("Version")),
        ("API Version:".into(), get("APIVersion")),
        ("Go Version:".into(), get("GoVersion")),
    ];
    if !get("GitCommit").is_empty() {
        lines.push(("Git Commit:".into(), get("GitCommit")));
    }
    lines.push(("Built:".into(), get("BuiltTime")));
    lines.push(("OS/Arch:".into(), get("OsArch")));
    lines.iter().map(|(name, text)| format!("{name}\t{}\n", cove_api::shown::cell(text))).collect()
}

/// This program's version.
pub(crate) fn own() -> Version {
    let built: i64 = env!("COVE_BUILT").parse().unwrap_or_default();
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let os = if cfg!(target_os = "macos") { "darwin" } else { std::env::consts::OS };
    Version {
        api_version: API_VERSION.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        go_version: env!("COVE_COMPILER").to_owned(),
        git_commit: String::new(),
        built_time: local_time(built),
        built,
        build_origin: String::new(),
        os_arch: format!("{os}/{arch}"),
        os: os.to_owned(),
    }
}

fn local_time(seconds: i64) -> String {
    let time = jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    time.to_zoned(crate::render::local_zone()).strftime("%a %b %e %H:%M:%S %Y").to_string()
}

/// What the engine tells clients of this program; times as on the wire.
#[cfg(target_os = "linux")]
pub(crate) fn build() -> Version {
    let own = own();
    let time = jiff::Timestamp::from_second(own.built).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    Version { built_time: time.to_string(), ..own }
}
