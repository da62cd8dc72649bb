// Generated from crates/desktop by `COVE_GENERATE=1 cargo test -p cove-desktop bindings`; do not edit.

export type Call = { "call": "snapshot" } | { "call": "connect", 
/**
 * Its id.
 */
connection: string, } | { "call": "reconnect" } | { "call": "containers", 
/**
 * What.
 */
act: ContainerAct, 
/**
 * Their ids.
 */
ids: Array<string>, } | { "call": "inspect", 
/**
 * Its id.
 */
id: string, } | { "call": "openLog", 
/**
 * Its id.
 */
id: string, 
/**
 * How many old lines.
 */
tail: number, } | { "call": "closeLog", 
/**
 * Its number.
 */
subscription: number, } | { "call": "pull", 
/**
 * Its name.
 */
image: string, } | { "call": "remove", 
/**
 * `image`, `network` or `volume`.
 */
kind: string, 
/**
 * Their ids.
 */
ids: Array<string>, 
/**
 * Also the containers that use them, and every name of an image.
 */
force: boolean, } | { "call": "run", 
/**
 * What to run.
 */
options: RunOptions, } | { "call": "createMachine" } | { "call": "startMachine", 
/**
 * Its name.
 */
name: string, } | { "call": "stopMachine", 
/**
 * Its name.
 */
name: string, } | { "call": "cancelTask", 
/**
 * Its number.
 */
id: number, } | { "call": "clearTasks" };

export type Change = { "kind": "containers", 
/**
 * New ones and changed ones.
 */
changed: Array<ContainerRow>, 
/**
 * The keys of those that are gone.
 */
removed: Array<string>, } | { "kind": "images", 
/**
 * New ones and changed ones.
 */
changed: Array<ImageRow>, 
/**
 * The keys of those that are gone.
 */
removed: Array<string>, } | { "kind": "networks", 
/**
 * New ones and changed ones.
 */
changed: Array<NetworkRow>, 
/**
 * The keys of those that are gone.
 */
removed: Array<string>, } | { "kind": "volumes", 
/**
 * New ones and changed ones.
 */
changed: Array<VolumeRow>, 
/**
 * The keys of those that are gone.
 */
removed: Array<string>, } | { "kind": "tasks", 
/**
 * New ones and changed ones.
 */
changed: Array<TaskRow>, 
/**
 * The keys of those that are gone.
 */
removed: Array<number>, };

export type Connection = { 
/**
 * `native`, `remote` or `machine:NAME`.
 */
id: string, 
/**
 * Its name for people.
 */
label: string, 
/**
 * Where it is.
 */
kind: ConnectionKind, 
/**
 * Whether it can be used at this moment (a stopped machine cannot).
 */
available: boolean, };

export type ConnectionKind = "native" | "machine" | "remote";

export type ContainerAct = "start" | "stop" | "restart" | "kill" | "pause" | "unpause" | "remove" | "forceRemove";

export type ContainerDetails = { 
/**
 * The whole id.
 */
id: string, 
/**
 * The program and its arguments.
 */
command: Array<string>, 
/**
 * Its working directory.
 */
workingDir: string, 
/**
 * Its user; empty is root.
 */
user: string, 
/**
 * Its host name.
 */
hostname: string, 
/**
 * Its first process on the engine's host; 0 where it does not run.
 */
pid: number, 
/**
 * Why it could not be started.
 */
error: string, 
/**
 * `no`, `always`, …
 */
restartPolicy: string, 
/**
 * How often it was restarted by that.
 */
restarts: number, 
/**
 * The network mode.
 */
networkMode: string, 
/**
 * The OCI runtime.
 */
runtime: string, 
/**
 * Memory limit in bytes; 0 is none.
 */
memoryLimit: number, 
/**
 * Billionths of a processor; 0 is no limit.
 */
nanoCpus: number, 
/**
 * Process limit; 0 or less is none.
 */
pidsLimit: number, 
/**
 * Whether it has all of root's rights.
 */
privileged: boolean, 
/**
 * Its environment.
 */
environment: Array<KeyValue>, 
/**
 * Its labels.
 */
labels: Array<KeyValue>, 
/**
 * Its mounts.
 */
mounts: Array<MountRow>, 
/**
 * Its networks.
 */
networks: Array<JoinedNetwork>, 
/**
 * All that `inspect` tells, as indented JSON.
 */
json: string, };

export type ContainerRow = { 
/**
 * The whole id.
 */
id: string, 
/**
 * Its first name.
 */
name: string, 
/**
 * The image as it was asked for.
 */
image: string, 
/**
 * The image's id.
 */
imageId: string, 
/**
 * The command, joined with spaces.
 */
command: string, 
/**
 * Podman's word: `created`, `running`, `paused`, `exited`, …
 */
state: string, 
/**
 * The exit code of the last run, where it has ended.
 */
exitCode: number | null, 
/**
 * Seconds since the epoch.
 */
created: number, 
/**
 * Seconds since the epoch; 0 is never.
 */
started: number, 
/**
 * Seconds since the epoch; 0 is never.
 */
ended: number, 
/**
 * Published ports.
 */
ports: Array<PortRow>, 
/**
 * What it belongs to.
 */
group: Group | null, };

export type Event = { "event": "snapshot", 
/**
 * Everything.
 */
snapshot: Snapshot, } | { "event": "connections", 
/**
 * All of them.
 */
connections: Array<Connection>, } | { "event": "health", 
/**
 * It.
 */
health: Health, } | { "event": "rows", 
/**
 * Those of one kind.
 */
change: Change, } | { "event": "machines", 
/**
 * All of them.
 */
machines: Array<MachineRow>, 
/**
 * Why they cannot be listed or used here.
 */
problem: string | null, } | { "event": "log", 
/**
 * Whose.
 */
subscription: number, 
/**
 * The lines.
 */
lines: Array<LogEntry>, } | { "event": "logEnd", 
/**
 * Whose.
 */
subscription: number, 
/**
 * Why it cannot be read on.
 */
failure: Failure | null, };

export type Failure = { 
/**
 * The kind of error, in the words of [`ErrorKind`].
 */
kind: string, 
/**
 * The text for people.
 */
message: string, };

export type Group = { 
/**
 * What it is.
 */
kind: GroupKind, 
/**
 * Its name.
 */
name: string, };

export type GroupKind = "project" | "pod";

export type Health = { 
/**
 * The id of the current connection; empty where there is none to be had.
 */
connection: string, 
/**
 * Whether it answers.
 */
state: LinkState, 
/**
 * Why it does not.
 */
message: string | null, 
/**
 * The engine's version.
 */
version: string, 
/**
 * `linux/amd64`.
 */
platform: string, };

export type ImageRow = { 
/**
 * The whole id.
 */
id: string, 
/**
 * Its names with tags; none for a dangling one.
 */
names: Array<string>, 
/**
 * Seconds since the epoch.
 */
created: number, 
/**
 * Bytes.
 */
size: number, 
/**
 * `linux/amd64`, where the engine tells.
 */
platform: string, };

export type JoinedNetwork = { 
/**
 * Its name.
 */
name: string, 
/**
 * The container's address on it.
 */
address: string, 
/**
 * The way out.
 */
gateway: string, };

export type KeyValue = { 
/**
 * The name.
 */
key: string, 
/**
 * The value.
 */
value: string, };

export type LinkState = "connecting" | "ready" | "lost";

export type LogEntry = { 
/**
 * Milliseconds since the epoch.
 */
time: number, 
/**
 * Whether it came from standard error.
 */
error: boolean, 
/**
 * The text; what is no UTF-8 is replaced, escape sequences are left in.
 */
text: string, };

export type MachineRow = { 
/**
 * Its name.
 */
name: string, 
/**
 * `stopped`, `starting`, `running`, `degraded`, `paused`, `unresponsive`, `broken`.
 */
state: string, 
/**
 * Why the state is not a good one.
 */
problem: string | null, 
/**
 * Whether commands without a connection go to it.
 */
default: boolean, 
/**
 * What runs it: `qemu`, …
 */
provider: string, 
/**
 * Virtual processors.
 */
cpus: number, 
/**
 * Bytes.
 */
memory: number, 
/**
 * Bytes.
 */
disk: number, 
/**
 * When it was last seen running (RFC 3339); empty is never.
 */
lastUp: string, };

export type MountRow = { 
/**
 * `bind`, `volume`, `tmpfs`, …
 */
kind: string, 
/**
 * The volume's name or the path on the host.
 */
source: string, 
/**
 * The path in the container.
 */
destination: string, 
/**
 * Whether it can be written to.
 */
writable: boolean, };

export type NetworkRow = { 
/**
 * The whole id.
 */
id: string, 
/**
 * Its name.
 */
name: string, 
/**
 * `bridge`, `macvlan`, …
 */
driver: string, 
/**
 * `10.89.0.0/24`.
 */
subnets: Array<string>, 
/**
 * Whether it has no way out.
 */
internal: boolean, 
/**
 * Seconds since the epoch; 0 where the engine does not tell.
 */
created: number, };

export type PortRow = { 
/**
 * The address it is published on; empty is every one.
 */
host: string, 
/**
 * On the host.
 */
hostPort: number, 
/**
 * In the container.
 */
containerPort: number, 
/**
 * `tcp`, `udp` or `sctp`.
 */
protocol: string, };

export type Reply = { "reply": "done" } | { "reply": "snapshot", 
/**
 * At this moment.
 */
snapshot: Snapshot, } | { "reply": "details", 
/**
 * It.
 */
details: ContainerDetails, } | { "reply": "subscription", 
/**
 * Its number.
 */
subscription: number, } | { "reply": "task", 
/**
 * Its number.
 */
id: number, };

export type Rows = { 
/**
 * Containers.
 */
containers: Array<ContainerRow>, 
/**
 * Images.
 */
images: Array<ImageRow>, 
/**
 * Networks.
 */
networks: Array<NetworkRow>, 
/**
 * Volumes.
 */
volumes: Array<VolumeRow>, 
/**
 * Long acts, newest last.
 */
tasks: Array<TaskRow>, };

export type RunOptions = { 
/**
 * Name or id of the image; it is pulled where it is missing.
 */
image: string, 
/**
 * Its name; empty lets the engine choose.
 */
name: string, 
/**
 * The command as in a shell, with quotes; empty takes the image's.
 */
command: string, 
/**
 * As after `-p`: `8080:80`, `127.0.0.1:53:53/udp`.
 */
ports: Array<string>, 
/**
 * `NAME=value`.
 */
environment: Array<string>, 
/**
 * As after `-v`, but only named volumes and absolute paths: `data:/var/lib/data`, `/srv:/srv:ro`.
 */
volumes: Array<string>, 
/**
 * Remove the container when it ends.
 */
remove: boolean, };

export type Snapshot = { 
/**
 * The engines that can be chosen.
 */
connections: Array<Connection>, 
/**
 * The current one.
 */
health: Health, 
/**
 * Its objects, and the tasks.
 */
rows: Rows, 
/**
 * The machines of this host.
 */
machines: Array<MachineRow>, 
/**
 * Why machines cannot be listed or used here.
 */
machinesProblem: string | null, };

export type StepState = "active" | "done" | "skipped";

export type TaskRow = { 
/**
 * Its number.
 */
id: number, 
/**
 * What it does: `Pull docker.io/library/nginx`.
 */
title: string, 
/**
 * How it stands.
 */
state: TaskState, 
/**
 * Its last line for people.
 */
message: string, 
/**
 * Its steps, in the order they came.
 */
steps: Array<TaskStep>, 
/**
 * Why it failed.
 */
failure: Failure | null, 
/**
 * Milliseconds since the epoch.
 */
started: number, 
/**
 * Milliseconds since the epoch.
 */
ended: number | null, 
/**
 * Whether it can be ended by the user.
 */
cancellable: boolean, 
/**
 * The container that a run has made.
 */
container: string | null, };

export type TaskState = "running" | "done" | "failed" | "cancelled";

export type TaskStep = { 
/**
 * Its name; unique in the task.
 */
label: string, 
/**
 * How it stands.
 */
state: StepState, 
/**
 * Bytes so far; 0 for what is not measured.
 */
current: number, 
/**
 * Bytes in all; 0 where unknown.
 */
total: number, };

export type VolumeRow = { 
/**
 * Its name.
 */
id: string, 
/**
 * `local`, …
 */
driver: string, 
/**
 * Where its files are, as the engine sees them.
 */
mountpoint: string, 
/**
 * Whether a container made it without a name.
 */
anonymous: boolean, 
/**
 * Seconds since the epoch; 0 where the engine does not tell.
 */
created: number, };
