// Generated from crates/desktop by `COVE_GENERATE=1 cargo test -p cove-desktop bindings`; do not edit.

export type Attempt = { 
/**
 * The name that it was looked for under.
 */
reference: string, 
/**
 * Where, one after the other.
 */
places: Array<string>, 
/**
 * The place that answered; empty where none did or none was asked.
 */
answered: string, 
/**
 * Bytes of its layers as they are sent.
 */
size: number, 
/**
 * How many layers it has.
 */
layers: number, 
/**
 * Why it cannot be pulled; empty where it can, or where it was not asked for.
 */
problem: string, };

export type BuildForm = { 
/**
 * The folder of this computer with what is built: a whole path.
 */
context: string, 
/**
 * The build file; empty is the folder's own.
 */
file: string, 
/**
 * The image's name; empty leaves it without one.
 */
tag: string, 
/**
 * The stage that becomes the image; empty is the last.
 */
target: string, 
/**
 * `NAME=value` for `ARG`.
 */
arguments: Array<string>, 
/**
 * `linux/arm64`; empty is the engine's own.
 */
platform: string, 
/**
 * Use nothing of earlier builds.
 */
noCache: boolean, 
/**
 * Ask for newer base images.
 */
pull: boolean, };

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
tail: number, } | { "call": "openStats", 
/**
 * Its id.
 */
id: string, } | { "call": "openProcesses", 
/**
 * Its id.
 */
id: string, } | { "call": "openLogs", 
/**
 * Their ids.
 */
ids: Array<string>, 
/**
 * How many old lines of each.
 */
tail: number, } | { "call": "openVolume", 
/**
 * Its name.
 */
name: string, } | { "call": "update", 
/**
 * Its id.
 */
id: string, 
/**
 * To what.
 */
limits: LimitsForm, } | { "call": "project", 
/**
 * One of these three.
 */
act: ContainerAct, 
/**
 * Its name.
 */
name: string, } | { "call": "removeProject", 
/**
 * Its name.
 */
name: string, 
/**
 * Also its volumes, with their data.
 */
volumes: boolean, } | { "call": "projectFiles", 
/**
 * Its name.
 */
name: string, } | { "call": "planProject", 
/**
 * The project.
 */
form: ProjectForm, } | { "call": "upProject", 
/**
 * The project.
 */
form: ProjectForm, } | { "call": "places", 
/**
 * The beginning of a whole path.
 */
start: string, } | { "call": "generateKube", 
/**
 * What, and how.
 */
form: KubeForm, } | { "call": "saveText", 
/**
 * Where to: a whole path at which nothing is.
 */
to: string, 
/**
 * It.
 */
text: string, } | { "call": "checkKube", 
/**
 * It.
 */
text: string, } | { "call": "playKube", 
/**
 * It.
 */
text: string, 
/**
 * Remove pods of the same names first.
 */
replace: boolean, } | { "call": "downKube", 
/**
 * It.
 */
text: string, 
/**
 * Also the volumes, with their data.
 */
volumes: boolean, } | { "call": "saveReport", 
/**
 * Where to: a whole path at which nothing is.
 */
to: string, 
/**
 * What the screen adds.
 */
screen: string, } | { "call": "openTaskLog", 
/**
 * Its number.
 */
id: number, } | { "call": "openTerminal", 
/**
 * What to start.
 */
options: TerminalOptions, } | { "call": "type", 
/**
 * Its number.
 */
subscription: number, 
/**
 * What.
 */
data: string, } | { "call": "resize", 
/**
 * Its number.
 */
subscription: number, 
/**
 * Width in characters.
 */
columns: number, 
/**
 * Height.
 */
rows: number, } | { "call": "shown", 
/**
 * Its number.
 */
subscription: number, 
/**
 * How many.
 */
bytes: number, } | { "call": "close", 
/**
 * Its number.
 */
subscription: number, } | { "call": "pull", 
/**
 * Its name.
 */
image: string, } | { "call": "remove", 
/**
 * `image`, `network`, `volume`, `pod` or `secret`.
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
options: RunOptions, } | { "call": "pods", 
/**
 * What; not a removal.
 */
act: ContainerAct, 
/**
 * Their ids.
 */
ids: Array<string>, } | { "call": "describe", 
/**
 * `network`, `volume`, `pod` or `secret`.
 */
kind: string, 
/**
 * Its id.
 */
id: string, } | { "call": "inspectImage", 
/**
 * Its id.
 */
id: string, } | { "call": "createPod", 
/**
 * Its name; empty lets the engine choose.
 */
name: string, 
/**
 * As after `-p`.
 */
ports: Array<string>, } | { "call": "createNetwork", 
/**
 * What it is to be.
 */
options: NetworkOptions, } | { "call": "createVolume", 
/**
 * Its name; empty lets the engine choose.
 */
name: string, } | { "call": "createSecret", 
/**
 * Its name.
 */
name: string, 
/**
 * What is to be kept.
 */
data: string, 
/**
 * One of that name gets new data.
 */
replace: boolean, } | { "call": "listFiles", 
/**
 * The container's id.
 */
id: string, 
/**
 * The directory.
 */
path: string, } | { "call": "download", 
/**
 * The container's id.
 */
id: string, 
/**
 * What.
 */
path: string, 
/**
 * Where to: a whole path at which nothing is.
 */
to: string, } | { "call": "upload", 
/**
 * The container's id.
 */
id: string, 
/**
 * A whole path on this computer.
 */
from: string, 
/**
 * The directory.
 */
to: string, } | { "call": "tag", 
/**
 * The image's id.
 */
id: string, 
/**
 * The name.
 */
name: string, } | { "call": "untag", 
/**
 * The image's id.
 */
id: string, 
/**
 * The name.
 */
name: string, } | { "call": "push", 
/**
 * Its name.
 */
image: string, } | { "call": "saveImages", 
/**
 * Their names.
 */
names: Array<string>, 
/**
 * What the archive is like.
 */
format: SaveFormat, 
/**
 * Where to: a whole path at which nothing is.
 */
to: string, } | { "call": "loadImages", 
/**
 * The archive: a whole path.
 */
from: string, } | { "call": "exportVolume", 
/**
 * Its name.
 */
name: string, 
/**
 * Where to: a whole path at which nothing is.
 */
to: string, } | { "call": "importVolume", 
/**
 * Its name.
 */
name: string, 
/**
 * The archive: a whole path.
 */
from: string, } | { "call": "downloadOfVolume", 
/**
 * The volume's name.
 */
name: string, 
/**
 * What, from the volume's root on.
 */
path: string, 
/**
 * Where to: a whole path at which nothing is.
 */
to: string, } | { "call": "copyVolume", 
/**
 * The other's name.
 */
name: string, 
/**
 * Its own; empty lets the engine choose.
 */
to: string, } | { "call": "search", 
/**
 * `[REGISTRY/]WORD`.
 */
term: string, } | { "call": "tags", 
/**
 * The repository, with its registry.
 */
repository: string, } | { "call": "build", 
/**
 * What to build.
 */
form: BuildForm, } | { "call": "usage" } | { "call": "prune", 
/**
 * What of it.
 */
rows: Array<UnusedRow>, } | { "call": "registries" } | { "call": "login", 
/**
 * The registry.
 */
registry: string, 
/**
 * The user's name there.
 */
username: string, 
/**
 * The password or token.
 */
password: string, } | { "call": "logout", 
/**
 * The registry.
 */
registry: string, } | { "call": "explain", 
/**
 * The name.
 */
image: string, } | { "call": "createMachine" } | { "call": "startMachine", 
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
removed: Array<string>, } | { "kind": "pods", 
/**
 * New ones and changed ones.
 */
changed: Array<PodRow>, 
/**
 * The keys of those that are gone.
 */
removed: Array<string>, } | { "kind": "secrets", 
/**
 * New ones and changed ones.
 */
changed: Array<SecretRow>, 
/**
 * The keys of those that are gone.
 */
removed: Array<string>, } | { "kind": "happenings", 
/**
 * New ones and changed ones.
 */
changed: Array<HappeningRow>, 
/**
 * The keys of those that are gone.
 */
removed: Array<number>, } | { "kind": "tasks", 
/**
 * New ones and changed ones.
 */
changed: Array<TaskRow>, 
/**
 * The keys of those that are gone.
 */
removed: Array<number>, };

export type ChangeKind = "forced" | "imageName" | "image" | "network" | "volume" | "variable" | "ports" | "command" | "other";

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
 * The most restarts of `on-failure`; 0 is any number.
 */
restartTries: number, 
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
group: Group | null, 
/**
 * Its place in its Compose project.
 */
project: Membership | null, 
/**
 * The networks that it is on.
 */
networks: Array<string>, };

export type Description = { 
/**
 * The containers that use it or belong to it.
 */
containers: Array<ObjectName>, 
/**
 * Its labels.
 */
labels: Array<KeyValue>, 
/**
 * Its options.
 */
options: Array<KeyValue>, 
/**
 * All that `inspect` tells, as indented JSON.
 */
json: string, };

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
lines: Array<LogEntry>, } | { "event": "terminal", 
/**
 * Whose.
 */
subscription: number, 
/**
 * The bytes, in base64.
 */
data: string, } | { "event": "stats", 
/**
 * Whose.
 */
subscription: number, 
/**
 * How much.
 */
sample: StatsSample, } | { "event": "processes", 
/**
 * Whose.
 */
subscription: number, 
/**
 * All of them.
 */
processes: Array<ProcessRow>, } | { "event": "files", 
/**
 * Whose.
 */
subscription: number, 
/**
 * In the order of the volume's archive.
 */
files: Array<FileRow>, } | { "event": "end", 
/**
 * Whose.
 */
subscription: number, 
/**
 * The exit code of what a terminal showed.
 */
code: number | null, 
/**
 * Why it cannot be read on.
 */
failure: Failure | null, };

export type Explanation = { 
/**
 * The name under which it is here already; empty where it is not.
 */
local: string, 
/**
 * What a pull tries, in this order.
 */
attempts: Array<Attempt>, };

export type Failure = { 
/**
 * The kind of error, in the words of [`ErrorKind`].
 */
kind: string, 
/**
 * The text for people.
 */
message: string, };

export type FileRow = { 
/**
 * Its name; in a volume with the folders above it.
 */
name: string, 
/**
 * `file`, `directory`, `link`, `device`, `pipe`, `socket`.
 */
kind: string, 
/**
 * Whether it can be looked into: a directory, or a link to one.
 */
directory: boolean, 
/**
 * Where a link leads; else empty.
 */
target: string, 
/**
 * Bytes.
 */
size: number, 
/**
 * The nine permission bits.
 */
mode: number, 
/**
 * Seconds since the epoch.
 */
changed: number, };

export type FoundImage = { 
/**
 * The repository with its registry; of a tag, the whole name.
 */
name: string, 
/**
 * What its owner says about it.
 */
description: string, 
/**
 * How many users marked it.
 */
stars: number, 
/**
 * Whether the registry's owner keeps it.
 */
official: boolean, };

export type Freed = { 
/**
 * How many objects are gone.
 */
objects: number, 
/**
 * How many bytes went with them.
 */
bytes: number, };

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

export type HappeningRow = { 
/**
 * Its number; later ones have higher ones.
 */
id: number, 
/**
 * Milliseconds since the epoch.
 */
time: number, 
/**
 * What it happened to: `container`, `image`, …
 */
kind: string, 
/**
 * What happened: `start`, `died`, …
 */
action: string, 
/**
 * The object's id.
 */
object: string, 
/**
 * The object's name, where the engine tells.
 */
name: string, 
/**
 * The exit code of what has ended, where the engine tells; else empty.
 */
code: string, };

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

export type HistoryRow = { 
/**
 * The instruction.
 */
step: string, 
/**
 * Bytes that it added.
 */
size: number, 
/**
 * Seconds since the epoch; 0 where the image does not tell.
 */
created: number, 
/**
 * What its author remarks.
 */
comment: string, };

export type ImageComes = "present" | "build" | "pull";

export type ImageDetails = { 
/**
 * The whole id.
 */
id: string, 
/**
 * Its names with tags.
 */
names: Array<string>, 
/**
 * Digest of its manifest.
 */
digest: string, 
/**
 * `linux/amd64`.
 */
platform: string, 
/**
 * What is put before a command.
 */
entrypoint: Array<string>, 
/**
 * The command.
 */
command: Array<string>, 
/**
 * Where it runs.
 */
workingDir: string, 
/**
 * As whom it runs; empty is root.
 */
user: string, 
/**
 * `80/tcp`.
 */
ports: Array<string>, 
/**
 * Paths that get a volume.
 */
volumes: Array<string>, 
/**
 * Its environment.
 */
environment: Array<KeyValue>, 
/**
 * Its labels.
 */
labels: Array<KeyValue>, 
/**
 * How it was made, newest step first.
 */
history: Array<HistoryRow>, 
/**
 * All that `inspect` tells, as indented JSON.
 */
json: string, };

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

export type ImageShare = { 
/**
 * The whole id.
 */
id: string, 
/**
 * Bytes that other images have, too.
 */
shared: number, 
/**
 * The rest.
 */
own: number, };

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

export type KubeCheck = { 
/**
 * Why it cannot be played.
 */
problem: KubeFault | null, 
/**
 * What would be made: kinds and names.
 */
objects: Array<string>, 
/**
 * What has no effect here.
 */
unused: Array<KubeFault>, 
/**
 * What is done otherwise than the text says.
 */
remarks: Array<string>, };

export type KubeFault = { 
/**
 * The line, from 1 on; 0 is the whole text.
 */
line: number, 
/**
 * The field, such as `spec.containers[0].image`.
 */
path: string, 
/**
 * What is wrong with it.
 */
message: string, };

export type KubeForm = { 
/**
 * Containers or pods.
 */
names: Array<string>, 
/**
 * `pod`, `deployment`, `daemonset`, `statefulset` or `job`; empty is the configured one.
 */
kind: string, 
/**
 * Also a service for each.
 */
service: boolean, };

export type LimitsForm = { 
/**
 * As after `--memory`: `512m`.
 */
memory: string | null, 
/**
 * Processors: `1.5`; empty is no limit.
 */
cpus: string | null, 
/**
 * The most processes; empty is any number.
 */
processes: string | null, 
/**
 * As after `--restart`: `no`, `always`, `on-failure[:TRIES]`, `unless-stopped`.
 */
restart: string | null, };

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
 * Which of several containers it is from, in their order; 0 of one alone.
 */
source: number, 
/**
 * The text; what is no UTF-8 is replaced, escape sequences are left in.
 */
text: string, };

export type LoginRow = { 
/**
 * The registry, or a part of it.
 */
registry: string, 
/**
 * The user's name there; empty where only a token is kept.
 */
username: string, 
/**
 * The file or program that keeps it.
 */
place: string, 
/**
 * Why it cannot be read.
 */
problem: string | null, };

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

export type Membership = { 
/**
 * Its service.
 */
service: string, 
/**
 * Whether it was run once and is none of the service's own.
 */
once: boolean, 
/**
 * The project's folder, on the computer of who made it.
 */
folder: string, 
/**
 * The project's files there: whole paths.
 */
files: Array<string>, 
/**
 * The files of variables that were named beside them.
 */
envFiles: Array<string>, };

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

export type NetworkOptions = { 
/**
 * Its name.
 */
name: string, 
/**
 * `10.89.5.0/24`; empty lets the engine choose.
 */
subnet: string, 
/**
 * `10.89.5.1`; empty is the subnet's first address.
 */
gateway: string, 
/**
 * Without a way out.
 */
internal: boolean, 
/**
 * Also with addresses of IPv6.
 */
ipv6: boolean, };

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

export type ObjectName = { 
/**
 * The whole id.
 */
id: string, 
/**
 * Its name.
 */
name: string, 
/**
 * What else is to be said: an address, a state.
 */
note: string, };

export type PartState = "missing" | "kept" | "diverged" | "foreign" | "external";

export type PlannedChange = { 
/**
 * What is another.
 */
kind: ChangeKind, 
/**
 * Which, or what it would be; empty where there is nothing to say.
 */
what: string, };

export type PlannedContainer = { 
/**
 * Its name.
 */
name: string, 
/**
 * Why.
 */
changes: Array<PlannedChange>, };

export type PlannedPart = { 
/**
 * Its name.
 */
name: string, 
/**
 * What is to be done.
 */
state: PartState, };

export type PlannedService = { 
/**
 * Its name.
 */
name: string, 
/**
 * Its image.
 */
image: string, 
/**
 * How that comes.
 */
comes: ImageComes, 
/**
 * What it publishes: `127.0.0.1:8080:80`.
 */
ports: Array<string>, 
/**
 * What of the engine's host is mounted: `/src:/app`.
 */
binds: Array<string>, 
/**
 * How many containers are made where none is yet.
 */
create: number, 
/**
 * Those that are made anew.
 */
replaced: Array<PlannedContainer>, 
/**
 * Those that stay.
 */
kept: Array<string>, 
/**
 * Those that are too many.
 */
removed: Array<string>, };

export type PodMember = { 
/**
 * The whole id.
 */
id: string, 
/**
 * Its name.
 */
name: string, 
/**
 * Podman's word for its state.
 */
state: string, 
/**
 * Whether it holds the namespaces that the others share.
 */
infra: boolean, };

export type PodRow = { 
/**
 * The whole id.
 */
id: string, 
/**
 * Its name.
 */
name: string, 
/**
 * Podman's word in lower case: `created`, `degraded`, `exited`, `paused`, `running`, `stopped`, …
 */
state: string, 
/**
 * Its containers.
 */
members: Array<PodMember>, 
/**
 * The networks that they share.
 */
networks: Array<string>, 
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

export type ProcessRow = { 
/**
 * Its number in the container.
 */
pid: number, 
/**
 * That of its parent; 0 is outside.
 */
parent: number, 
/**
 * As whom it runs.
 */
user: string, 
/**
 * Per cent of one processor, over its whole life.
 */
cpu: number, 
/**
 * Bytes of memory that are its own or shared.
 */
memory: number, 
/**
 * For how long it has run, as the engine writes it.
 */
elapsed: string, 
/**
 * The program and its arguments.
 */
command: string, };

export type ProfileRow = { 
/**
 * The profile.
 */
name: string, 
/**
 * The services.
 */
services: Array<string>, 
/**
 * Whether they are taken.
 */
active: boolean, };

export type ProjectFault = { 
/**
 * The file; empty where it is about all.
 */
file: string, 
/**
 * The line, from 1 on; 0 is the whole file.
 */
line: number, 
/**
 * The key, such as `services.web.ports`.
 */
path: string, 
/**
 * What is wrong.
 */
message: string, };

export type ProjectForm = { 
/**
 * Its files on this computer, or a folder with files of the usual names: whole paths.
 */
files: Array<string>, 
/**
 * Its folder; empty is that of the first file.
 */
folder: string, 
/**
 * Its name; empty is what the files say, else the folder's.
 */
name: string, 
/**
 * Files of variables; none is `.env` of the folder.
 */
envFiles: Array<string>, 
/**
 * Profiles whose services are taken, too; where none were chosen yet, those that have containers.
 */
profiles: Array<string> | null, 
/**
 * `NAME=value` for variables of the files.
 */
values: Array<string>, 
/**
 * Build images that are there, too.
 */
build: boolean, 
/**
 * Ask registries for newer images.
 */
pull: boolean, 
/**
 * Make all containers anew.
 */
recreate: boolean, 
/**
 * Remove containers of services that the files have not.
 */
removeOrphans: boolean, };

export type ProjectPlan = { 
/**
 * Its name; empty where the files cannot be read so far.
 */
name: string, 
/**
 * Its folder.
 */
folder: string, 
/**
 * The files that are read, in their order.
 */
files: Array<string>, 
/**
 * Why it cannot be brought up.
 */
problem: ProjectFault | null, 
/**
 * What there is to say about the files.
 */
warnings: Array<string>, 
/**
 * The profiles that the files name.
 */
profiles: Array<ProfileRow>, 
/**
 * The variables that the files name.
 */
variables: Array<VariableRow>, 
/**
 * The services.
 */
services: Array<PlannedService>, 
/**
 * The networks.
 */
networks: Array<PlannedPart>, 
/**
 * The volumes.
 */
volumes: Array<PlannedPart>, 
/**
 * Containers of services that the files have not.
 */
orphans: Array<string>, };

export type Registries = { 
/**
 * Where short names are looked for, in this order.
 */
search: Array<string>, 
/**
 * Those with settings.
 */
registries: Array<RegistryRow>, 
/**
 * The user's logins.
 */
logins: Array<LoginRow>, 
/**
 * Why logins cannot be listed.
 */
problem: string | null, };

export type RegistryRow = { 
/**
 * Which names it is for: `docker.io`, `quay.io/team`, `*.example.com`.
 */
prefix: string, 
/**
 * What takes the prefix's place; empty where nothing does.
 */
location: string, 
/**
 * Certificates are not checked, and plain HTTP is allowed.
 */
insecure: boolean, 
/**
 * Nothing is pulled from it.
 */
blocked: boolean, 
/**
 * What is asked before it, in this order.
 */
mirrors: Array<string>, };

export type Reply = { "reply": "done" } | { "reply": "snapshot", 
/**
 * At this moment.
 */
snapshot: Snapshot, } | { "reply": "details", 
/**
 * It.
 */
details: ContainerDetails, } | { "reply": "image", 
/**
 * It.
 */
details: ImageDetails, } | { "reply": "description", 
/**
 * It.
 */
description: Description, } | { "reply": "files", 
/**
 * Directories first.
 */
files: Array<FileRow>, } | { "reply": "texts", 
/**
 * In the order in which they are read.
 */
texts: Array<TextFile>, } | { "reply": "planned", 
/**
 * It.
 */
plan: ProjectPlan, } | { "reply": "places", 
/**
 * Whole paths; those of folders end in a separator.
 */
places: Array<string>, } | { "reply": "text", 
/**
 * It.
 */
text: string, } | { "reply": "checked", 
/**
 * It.
 */
check: KubeCheck, } | { "reply": "found", 
/**
 * What fits, best first.
 */
found: Array<FoundImage>, } | { "reply": "usage", 
/**
 * It.
 */
usage: Usage, } | { "reply": "registries", 
/**
 * All about them.
 */
registries: Registries, } | { "reply": "explanation", 
/**
 * It.
 */
explanation: Explanation, } | { "reply": "subscription", 
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
 * Pods.
 */
pods: Array<PodRow>, 
/**
 * Secrets.
 */
secrets: Array<SecretRow>, 
/**
 * What has happened in the engine, newest last.
 */
happenings: Array<HappeningRow>, 
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
remove: boolean, 
/**
 * The pod that it joins; empty is none.
 */
pod: string, 
/**
 * The network that it joins; empty leaves it to the engine.
 */
network: string, };

export type SaveFormat = "docker" | "oci";

export type SecretRow = { 
/**
 * The whole id.
 */
id: string, 
/**
 * Its name.
 */
name: string, 
/**
 * Who keeps the data: `file`, `pass`, `shell`.
 */
driver: string, 
/**
 * Seconds since the epoch; 0 where the engine does not tell.
 */
created: number, 
/**
 * When it got its present data, in seconds since the epoch.
 */
updated: number, };

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
machinesProblem: string | null, 
/**
 * The folder of this computer where files are put, unless the user says another; empty where none is known.
 */
downloads: string, };

export type StatsSample = { 
/**
 * Milliseconds since the epoch.
 */
time: number, 
/**
 * Per cent of one processor.
 */
cpu: number, 
/**
 * Bytes of memory.
 */
memory: number, 
/**
 * The limit in bytes: the container's or the host's.
 */
memoryLimit: number, 
/**
 * Bytes received since the start.
 */
received: number, 
/**
 * Bytes sent since the start.
 */
sent: number, 
/**
 * Bytes read from disks since the start.
 */
read: number, 
/**
 * Bytes written to disks since the start.
 */
written: number, 
/**
 * Processes and threads.
 */
pids: number, };

export type StepState = "active" | "done" | "skipped" | "failed";

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
container: string | null, 
/**
 * Whether it has a log to be read.
 */
logged: boolean, 
/**
 * What a clean-up has freed.
 */
freed: Freed | null, };

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
 * The same in a word of what does it, such as `Creating`; empty where there is none.
 */
note: string, 
/**
 * Bytes so far; 0 for what is not measured.
 */
current: number, 
/**
 * Bytes in all; 0 where unknown.
 */
total: number, };

export type TerminalOptions = { 
/**
 * The container's id.
 */
id: string, 
/**
 * The command as in a shell, with quotes; empty is a shell.
 */
command: string, 
/**
 * As whom, `user[:group]`; empty takes the container's.
 */
user: string, 
/**
 * The terminal's width in characters.
 */
columns: number, 
/**
 * Its height.
 */
rows: number, };

export type TextFile = { 
/**
 * Where it is, on this computer.
 */
path: string, 
/**
 * What is in it; what is no UTF-8 is replaced.
 */
text: string, 
/**
 * Why it cannot be read.
 */
problem: string | null, };

export type UnusedRow = { 
/**
 * `container`, `image` or `volume`.
 */
kind: string, 
/**
 * The whole id; a volume's name.
 */
id: string, 
/**
 * Its names: of an image all of them, or none.
 */
names: Array<string>, 
/**
 * Bytes that go with it. Those that unused images share with each other are in none of them.
 */
size: number, };

export type Usage = { 
/**
 * Images.
 */
images: UsageRow, 
/**
 * Containers: what they wrote.
 */
containers: UsageRow, 
/**
 * Volumes.
 */
volumes: UsageRow, 
/**
 * What nothing uses, largest first.
 */
unused: Array<UnusedRow>, 
/**
 * Every image's parts.
 */
shares: Array<ImageShare>, 
/**
 * Every volume's size.
 */
volumeSizes: Array<VolumeSize>, };

export type UsageRow = { 
/**
 * How many there are.
 */
count: number, 
/**
 * How many of them are in use.
 */
active: number, 
/**
 * Their bytes.
 */
size: number, };

export type VariableRow = { 
/**
 * Its name.
 */
name: string, 
/**
 * What it is without a value.
 */
default: string, 
/**
 * Whether nothing can be done without a value.
 */
required: boolean, 
/**
 * Whether it has one: of the environment, of a file of variables, or of the form. What it is may be secret.
 */
given: boolean, 
/**
 * Whether something is wanted of the user: there is no value, and nothing that takes its place.
 */
asked: boolean, };

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

export type VolumeSize = { 
/**
 * Its name.
 */
id: string, 
/**
 * Its bytes.
 */
size: number, };
