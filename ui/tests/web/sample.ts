// Rows and answers as a developer's computer may have them.
import { createHash } from "node:crypto";

import type {
  ContainerDetails,
  ContainerRow,
  Description,
  Explanation,
  FileRow,
  FoundImage,
  ImageDetails,
  ImageRow,
  MachineRow,
  ProcessRow,
  ProjectPlan,
  Registries,
  Rows,
  Snapshot,
  Usage,
} from "../../src/lib/generated/desktop";

const NOW = Math.floor(Date.now() / 1000);

/** An id that looks like one, always the same for a name. */
function idOf(name: string): string {
  return createHash("sha256").update(name).digest("hex");
}

/** A volume without a name of its own. */
const ANONYMOUS = idOf("volume");

export function container(number: number, changes: Partial<ContainerRow> = {}): ContainerRow {
  const name = changes.image ?? "docker.io/library/alpine:3.22";
  return {
    id: idOf(`container ${number}`),
    name: `box-${number}`,
    image: name,
    imageId: idOf(name),
    command: "sleep infinity",
    state: "running",
    exitCode: null,
    created: NOW - 3600 * number,
    started: NOW - 60 * number,
    ended: 0,
    ports: [],
    group: null,
    project: null,
    networks: ["podman"],
    ...changes,
  };
}

export function image(name: string, changes: Partial<ImageRow> = {}): ImageRow {
  return {
    id: idOf(name),
    names: [name],
    created: NOW - 86_400 * 3,
    size: 8_300_000,
    platform: "linux/amd64",
    ...changes,
  };
}

export function machine(name: string, changes: Partial<MachineRow> = {}): MachineRow {
  return {
    name,
    state: "stopped",
    problem: null,
    default: false,
    provider: "qemu",
    cpus: 2,
    memory: 2 * 2 ** 30,
    disk: 100 * 2 ** 30,
    lastUp: "",
    ...changes,
  };
}

const exited = (code: number, ago: number): Partial<ContainerRow> => ({
  state: "exited",
  exitCode: code,
  started: NOW - ago - 30,
  ended: NOW - ago,
});

/** What a developer's computer may look like, some kinds of its rows replaced. */
export function sample(changes: Partial<Rows> = {}): Snapshot {
  const shop = { kind: "project", name: "shop" } as const;
  const part = (service: string) => ({ service, once: false, folder: "/home/me/shop", files: ["/home/me/shop/compose.yaml"], envFiles: [] });
  const tcp = (hostPort: number, containerPort: number, host = "") => ({ host, hostPort, containerPort, protocol: "tcp" });
  return {
    connections: [
      { id: "native", label: "This computer", kind: "native", available: true },
      { id: "machine:dev", label: "dev", kind: "machine", available: true },
      { id: "machine:arm", label: "arm", kind: "machine", available: false },
    ],
    health: { connection: "native", state: "ready", message: null, version: "0.1.0", platform: "linux/amd64" },
    rows: {
      containers: [
        container(1, { name: "web", networks: ["shop_default"], image: "docker.io/library/nginx:1.29", ports: [tcp(8080, 80), tcp(8443, 443)], group: shop, project: part("web"), started: NOW - 3 * 3600 }),
        container(2, { name: "api", networks: ["shop_default"], image: "localhost/shop-api:dev", ports: [tcp(3000, 3000, "127.0.0.1")], group: shop, project: part("api"), started: NOW - 2 * 3600 }),
        container(3, { name: "db", networks: ["shop_default", "vault"], image: "docker.io/library/postgres:18", ports: [tcp(5432, 5432)], group: shop, project: part("db"), started: NOW - 3 * 3600 }),
        container(4, { name: "migrate", networks: ["shop_default"], image: "localhost/shop-api:dev", group: shop, project: part("migrate"), ...exited(0, 10_500) }),
        container(5, { name: "registry", image: "docker.io/library/registry:3", ports: [tcp(5000, 5000)], started: NOW - 86_400 * 2 }),
        container(6, { name: "dns", image: "docker.io/coredns/coredns:1.13", ports: [{ host: "127.0.0.1", hostPort: 5353, containerPort: 53, protocol: "udp" }] }),
        container(7, { name: "toolbox", networks: [], image: "registry.fedoraproject.org/fedora:43", state: "paused" }),
        container(8, { name: "import-2026-11", image: "docker.io/library/python:3.14-slim", ...exited(1, 5400) }),
        container(9, { name: "backup", image: "docker.io/restic/restic:0.18", ...exited(0, 86_400) }),
        container(10, { name: "scratchpad", image: "docker.io/library/alpine:3.22", state: "created", started: 0 }),
      ],
      images: [
        image("docker.io/library/alpine:3.22"),
        image("docker.io/library/nginx:1.29", { size: 192_400_000, created: NOW - 86_400 * 9 }),
        image("docker.io/library/postgres:18", { size: 438_000_000, created: NOW - 86_400 * 20 }),
        image("localhost/shop-api:dev", { size: 97_000_000, created: NOW - 5400, names: ["localhost/shop-api:dev", "localhost/shop-api:latest"] }),
        image("registry.fedoraproject.org/fedora:43", { size: 171_000_000 }),
        image("docker.io/library/python:3.14-slim", { size: 124_000_000 }),
        image("docker.io/library/golang:1.25", { size: 312_000_000, created: NOW - 86_400 * 12 }),
        { ...image("old"), names: [], size: 96_800_000, created: NOW - 86_400 * 40 },
      ],
      networks: [
        { id: "2".repeat(64), name: "podman", driver: "bridge", subnets: ["10.88.0.0/16"], internal: false, created: NOW - 86_400 * 90 },
        { id: "3".repeat(64), name: "shop_default", driver: "bridge", subnets: ["10.89.0.0/24", "fd00:89::/64"], internal: false, created: NOW - 86_400 * 2 },
        { id: "4".repeat(64), name: "vault", driver: "bridge", subnets: ["10.89.1.0/24"], internal: true, created: NOW - 7200 },
      ],
      volumes: [
        { id: "shop_cache", driver: "local", mountpoint: "/var/lib/containers/storage/volumes/shop_cache/_data", anonymous: false, created: NOW - 86_400 * 2 },
        { id: ANONYMOUS, driver: "local", mountpoint: `/var/lib/containers/storage/volumes/${ANONYMOUS}/_data`, anonymous: true, created: NOW - 60 },
      ],
      pods: [
        {
          id: "6".repeat(64),
          name: "monitoring",
          state: "degraded",
          members: [
            { id: "7".repeat(64), name: "6666-infra", state: "running", infra: true },
            { id: container(21).id, name: "prometheus", state: "running", infra: false },
            { id: container(22).id, name: "grafana", state: "exited", infra: false },
          ],
          networks: ["podman"],
          created: NOW - 86_400 * 4,
        },
        { id: "8".repeat(64), name: "spare", state: "created", members: [], networks: [], created: NOW - 600 },
      ],
      secrets: [
        { id: "9".repeat(25), name: "db-password", driver: "file", created: NOW - 86_400 * 30, updated: NOW - 86_400 * 2 },
        { id: "a".repeat(25), name: "tls-key", driver: "pass", created: NOW - 86_400 * 3, updated: NOW - 86_400 * 3 },
      ],
      happenings: [
        { id: 1, time: NOW * 1000 - 9000, kind: "container", action: "start", object: container(1).id, name: "web", code: "" },
        { id: 2, time: NOW * 1000 - 4000, kind: "container", action: "died", object: container(8).id, name: "import-2026-11", code: "1" },
        { id: 3, time: NOW * 1000 - 1000, kind: "image", action: "pull", object: idOf("docker.io/library/alpine:3.22"), name: "docker.io/library/alpine:3.22", code: "" },
      ],
      tasks: [],
      ...changes,
    },
    machines: [
      machine("dev", { state: "running", default: true }),
      machine("arm", { cpus: 4, memory: 4 * 2 ** 30 }),
      machine("old", { state: "broken", problem: "the definition cannot be read: expected value at line 1" }),
    ],
    machinesProblem: null,
    downloads: "/home/me/Downloads",
  };
}

export function details(row: ContainerRow): ContainerDetails {
  return {
    id: row.id,
    command: ["/docker-entrypoint.sh", "nginx", "-g", "daemon off;"],
    workingDir: "/",
    user: "",
    hostname: row.id.slice(0, 12),
    pid: row.state === "running" ? 4711 : 0,
    error: "",
    restartPolicy: "unless-stopped",
    restartTries: 0,
    restarts: 0,
    networkMode: "bridge",
    runtime: "crun",
    memoryLimit: 536_870_912,
    nanoCpus: 1_500_000_000,
    pidsLimit: 2048,
    privileged: false,
    environment: [
      { key: "PATH", value: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" },
      { key: "NGINX_VERSION", value: "1.29.3" },
      { key: "SESSION_SECRET", value: "correct horse" },
    ],
    labels: [{ key: "com.docker.compose.project", value: "shop" }],
    mounts: [
      { kind: "bind", source: "/srv/shop/site", destination: "/usr/share/nginx/html", writable: false },
      { kind: "volume", source: "shop_cache", destination: "/var/cache/nginx", writable: true },
    ],
    networks: [{ name: "shop_default", address: "10.89.0.4", gateway: "10.89.0.1" }],
    json: JSON.stringify({ Id: row.id, Name: row.name, State: { Status: row.state, Running: row.state === "running" } }, null, 2),
  };
}

export function description(): Description {
  return {
    containers: [
      { id: container(1).id, name: "web", note: "10.89.0.4/24" },
      { id: "e".repeat(64), name: "elsewhere", note: "" },
    ],
    labels: [{ key: "com.docker.compose.project", value: "shop" }],
    options: [{ key: "mtu", value: "1500" }],
    json: JSON.stringify({ Name: "shop" }, null, 2),
  };
}

export function imageDetails(row: ImageRow): ImageDetails {
  return {
    id: row.id,
    names: row.names,
    digest: `sha256:${"d".repeat(64)}`,
    platform: row.platform,
    entrypoint: ["/docker-entrypoint.sh"],
    command: ["nginx", "-g", "daemon off;"],
    workingDir: "/",
    user: "",
    ports: ["80/tcp"],
    volumes: [],
    environment: [{ key: "NGINX_VERSION", value: "1.29.3" }],
    labels: [{ key: "maintainer", value: "NGINX Docker Maintainers" }],
    history: [
      { step: 'CMD ["nginx" "-g" "daemon off;"]', size: 0, created: NOW, comment: "buildkit.dockerfile.v0" },
      { step: "COPY 30-tune-worker-processes.sh /docker-entrypoint.d # buildkit", size: 4620, created: NOW, comment: "" },
      { step: "RUN /bin/sh -c set -x && apt-get install -y nginx # buildkit", size: 117_000_000, created: NOW, comment: "" },
      { step: "/bin/sh -c #(nop) ADD file:0a1b in / ", size: 74_800_000, created: NOW, comment: "" },
    ],
    json: JSON.stringify({ Id: row.id }, null, 2),
  };
}

export function files(path: string): FileRow[] {
  const row = (name: string, changes: Partial<FileRow> = {}): FileRow => ({
    name,
    kind: "file",
    directory: false,
    target: "",
    size: 1234,
    mode: 0o644,
    changed: NOW - 86_400,
    ...changes,
  });
  const folder = (name: string) => row(name, { kind: "directory", directory: true, size: 4096, mode: 0o755 });
  if (path !== "/") return [row("nginx.conf"), row("mime.types", { size: 5349 })];
  return [
    ...["bin", "etc", "home", "root", "usr", "var"].map(folder),
    row("lib", { kind: "link", directory: true, target: "usr/lib", mode: 0o777 }),
    row("docker-entrypoint.sh", { mode: 0o775, size: 1620 }),
  ];
}

export const VOLUME_FILES: FileRow[] = (
  [
    ["keys", 0, "directory"],
    ["keys/session.key", 512, "file"],
    ["cache/a1/object.bin", 812_000_000, "file"],
    ["cache/b2/object.bin", 416_000_000, "file"],
    ["latest", 0, "link"],
    ["index.db", 73_728, "file"],
  ] as const
).map(([name, size, kind]) => ({ name, kind, directory: kind === "directory", target: kind === "link" ? "cache/a1" : "", size, mode: kind === "file" ? 0o640 : 0o755, changed: NOW - 7200 }));

export function usage(snapshot: Snapshot): Usage {
  const used = new Set(snapshot.rows.containers.map((row) => row.imageId));
  const idle = snapshot.rows.images.filter((row) => !used.has(row.id));
  const unused = idle.map((row) => ({ kind: "image", id: row.id, names: row.names, size: Math.round(row.size * 0.6) }));
  return {
    images: { count: snapshot.rows.images.length, active: snapshot.rows.images.length - idle.length, size: 912_000_000 },
    containers: { count: 10, active: 7, size: 84_000_000 },
    volumes: { count: 2, active: 1, size: 1_240_000_000 },
    unused: [
      ...unused,
      { kind: "container", id: container(8).id, names: ["import-2026-11"], size: 61_000_000 },
      { kind: "volume", id: ANONYMOUS, names: [ANONYMOUS], size: 12_000_000 },
    ],
    volumeSizes: [
      { id: "shop_cache", size: 1_228_000_000 },
      { id: ANONYMOUS, size: 12_000_000 },
    ],
    shares: snapshot.rows.images.map((row) => ({ id: row.id, shared: Math.round(row.size * 0.4), own: Math.round(row.size * 0.6) })),
  };
}

export const PROCESSES: ProcessRow[] = [
  { pid: 1, parent: 0, user: "root", cpu: 0.1, memory: 9_400_000, elapsed: "3h2m1s", command: "nginx: master process nginx -g daemon off;" },
  { pid: 29, parent: 1, user: "nginx", cpu: 11.4, memory: 28_100_000, elapsed: "3h2m", command: "nginx: worker process" },
  { pid: 30, parent: 1, user: "nginx", cpu: 3.2, memory: 21_800_000, elapsed: "3h2m", command: "nginx: worker process" },
  { pid: 88, parent: 0, user: "root", cpu: 0, memory: 3_300_000, elapsed: "4m12s", command: "sh -c while true; do nginx -s reopen; sleep 3600; done" },
  { pid: 94, parent: 88, user: "root", cpu: 0, memory: 1_100_000, elapsed: "4m12s", command: "sleep 3600" },
];

export const REGISTRIES: Registries = {
  search: ["docker.io", "quay.io"],
  registries: [
    { prefix: "docker.io", location: "", insecure: false, blocked: false, mirrors: ["mirror.lan:5000"] },
    { prefix: "registry.lan", location: "10.0.0.7:5000", insecure: true, blocked: false, mirrors: [] },
    { prefix: "evil.example", location: "", insecure: false, blocked: true, mirrors: [] },
  ],
  logins: [
    { registry: "quay.io", username: "mina", place: "/run/user/1000/containers/auth.json", problem: null },
    { registry: "ghcr.io", username: "", place: "", problem: "docker-credential-desktop: not found" },
  ],
  problem: null,
};

export function explanation(image: string): Explanation {
  return {
    local: "",
    attempts: [
      {
        reference: `docker.io/library/${image}:latest`,
        places: [`mirror.lan:5000/library/${image}:latest`, `docker.io/library/${image}:latest`],
        answered: `docker.io/library/${image}:latest`,
        size: 3_800_000,
        layers: 1,
        problem: "",
      },
      { reference: `evil.example/${image}:latest`, places: [], answered: "", size: 0, layers: 0, problem: "registry evil.example is blocked" },
    ],
  };
}

export const FOUND: FoundImage[] = [
  { name: "docker.io/library/nginx", description: "Official build of Nginx.", stars: 20_900, official: true },
  { name: "docker.io/bitnami/nginx", description: "Bitnami container image for NGINX", stars: 200, official: false },
];

/** What bringing a project up would do. */
export const PLAN: ProjectPlan = {
  name: "shop",
  folder: "/home/me/shop",
  files: ["/home/me/shop/compose.yaml", "/home/me/shop/compose.override.yaml"],
  problem: null,
  warnings: [],
  profiles: [
    { name: "debug", services: ["adminer"], active: false },
    { name: "dev", services: ["mail"], active: true },
  ],
  variables: [],
  services: [
    { name: "api", image: "shop-api", comes: "build", ports: ["3000:3000"], binds: ["/home/me/shop/src:/app"], create: 2, replaced: [], kept: [], removed: [] },
    { name: "db", image: "docker.io/library/postgres:18", comes: "pull", ports: ["127.0.0.1:5432:5432"], binds: [], create: 1, replaced: [], kept: [], removed: [] },
    { name: "mail", image: "docker.io/axllent/mailpit", comes: "present", ports: ["8025"], binds: [], create: 0, replaced: [], kept: ["shop-mail-1"], removed: [] },
  ],
  networks: [{ name: "shop_default", state: "missing" }, { name: "proxy", state: "external" }],
  volumes: [{ name: "shop_data", state: "missing" }, { name: "shop_cache", state: "diverged" }],
  orphans: [],
};
