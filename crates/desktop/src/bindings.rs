//! The web view's types, generated from ours into `ui/src/lib/generated/desktop.ts`.

use std::path::PathBuf;

use ts_rs::{Config, TS};

use crate::kinds::{Change, Rows};
use crate::view::{
    Attempt, ChangeKind, Connection, ConnectionKind, ContainerDetails, ContainerRow, Description,
    Explanation, FileRow, FoundImage, Freed, Group, GroupKind, HappeningRow, Health, HistoryRow, ImageComes,
    ImageDetails, ImageRow, ImageShare, JoinedNetwork, KeyValue, KubeCheck, KubeFault, LinkState, LoginRow,
    MachineRow, Membership, MountRow, NetworkRow, ObjectName, PartState, PlannedChange, PlannedContainer,
    PlannedPart, PlannedService, PodMember, PodRow, PortRow, ProcessRow, ProfileRow, ProjectFault,
    ProjectPlan, Registries, RegistryRow, SecretRow, Snapshot, StatsSample, StepState, TaskRow, TaskState,
    TaskStep, TextFile, UnusedRow, Usage, UsageRow, VariableRow, VolumeRow, VolumeSize,
};
use crate::{
    BuildForm, Call, ContainerAct, Event, Failure, KubeForm, LimitsForm, LogEntry, NetworkOptions,
    ProjectForm, Reply, RunOptions, SaveFormat, TerminalOptions,
};

const HEAD: &str = "// Generated from crates/desktop by `COVE_GENERATE=1 cargo test -p cove-desktop bindings`; do not edit.\n";

fn generated() -> String {
    // Sizes and times stay far below 2^53.
    let config = Config::default().with_large_int("number");
    let mut text = String::from(HEAD);
    macro_rules! declare {
        ($($name:ident),* $(,)?) => {
            $(text.push_str(&format!("\nexport {}\n", $name::decl(&config)));)*
        };
    }
    declare!(
        Attempt,
        BuildForm,
        Call,
        Change,
        ChangeKind,
        Connection,
        ConnectionKind,
        ContainerAct,
        ContainerDetails,
        ContainerRow,
        Description,
        Event,
        Explanation,
        Failure,
        FileRow,
        FoundImage,
        Freed,
        Group,
        GroupKind,
        HappeningRow,
        Health,
        HistoryRow,
        ImageComes,
        ImageDetails,
        ImageRow,
        ImageShare,
        JoinedNetwork,
        KeyValue,
        KubeCheck,
        KubeFault,
        KubeForm,
        LimitsForm,
        LinkState,
        LogEntry,
        LoginRow,
        MachineRow,
        Membership,
        MountRow,
        NetworkOptions,
        NetworkRow,
        ObjectName,
        PartState,
        PlannedChange,
        PlannedContainer,
        PlannedPart,
        PlannedService,
        PodMember,
        PodRow,
        PortRow,
        ProcessRow,
        ProfileRow,
        ProjectFault,
        ProjectForm,
        ProjectPlan,
        Registries,
        RegistryRow,
        Reply,
        Rows,
        RunOptions,
        SaveFormat,
        SecretRow,
        Snapshot,
        StatsSample,
        StepState,
        TaskRow,
        TaskState,
        TaskStep,
        TerminalOptions,
        TextFile,
        UnusedRow,
        Usage,
        UsageRow,
        VariableRow,
        VolumeRow,
        VolumeSize,
    );
    text
}

#[test]
fn are_up_to_date() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../ui/src/lib/generated/desktop.ts");
    let generated = generated();
    if std::env::var_os("COVE_GENERATE").is_some() {
        cove_sys::fs::create_dir_all(path.parent().unwrap()).unwrap();
        cove_sys::fs::write(&path, generated).unwrap();
        return;
    }
    let present = cove_sys::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        present == generated,
        "{} is out of date: run `COVE_GENERATE=1 cargo test -p cove-desktop bindings`",
        path.display()
    );
}
