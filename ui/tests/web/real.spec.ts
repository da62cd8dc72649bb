// The page of `cove desktop --web` over a real engine, with real containers. Needs COVE, the engine's program, and busybox.
import { execFile, execFileSync, spawn, type ChildProcess } from "node:child_process";
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

import { expect, test, visit } from "./base";

import { skip } from "../skip.mjs";

const COVE = process.env["COVE"] ?? "";
const BUSYBOX = ["/bin/busybox", "/usr/bin/busybox"].find(existsSync);
const RUN = promisify(execFile);
const IMAGE = "localhost/cove-web-test:1";
/** Programs are started and images made; a busy computer takes its time for that. */
const PATIENT = { timeout: 120_000 };

let folder = "";
let server: ChildProcess | undefined;
/** The links that the server has printed. */
const links: string[] = [];

const reason = !existsSync(COVE) ? "COVE does not name the engine's program" : BUSYBOX === undefined ? "busybox is not installed" : undefined;
if (reason !== undefined) skip("window", "real.spec.ts", reason);
test.skip(reason !== undefined, reason);
test.describe.configure({ mode: "serial" });

function environment(): NodeJS.ProcessEnv {
  const home = join(folder, "home");
  return {
    ...process.env,
    HOME: home,
    XDG_CONFIG_HOME: join(home, ".config"),
    XDG_DATA_HOME: join(home, ".local/share"),
    XDG_RUNTIME_DIR: join(folder, "xdg"),
  };
}

const roots = () => ["--root", join(folder, "root"), "--runroot", join(folder, "run")];

async function cove(...args: string[]): Promise<string> {
  const { stdout } = await RUN(COVE, [...roots(), ...args], { env: environment(), timeout: 120_000 });
  return stdout.trim();
}

test.beforeAll(async () => {
  test.setTimeout(600_000);
  folder = mkdtempSync(join(tmpdir(), "cove-web-"));
  for (const name of ["home", "xdg"]) mkdirSync(join(folder, name), { mode: 0o700 });
  chmodSync(join(folder, "xdg"), 0o700);
  const tree = join(folder, "tree");
  for (const name of ["bin", "dev", "etc", "proc", "sys", "tmp"]) mkdirSync(join(tree, name), { recursive: true });
  copyFileSync(BUSYBOX ?? "", join(tree, "bin/busybox"));
  for (const applet of ["sh", "echo", "sleep", "cat", "stty"]) symlinkSync("busybox", join(tree, "bin", applet));
  writeFileSync(join(tree, "etc/greeting"), "hello from a file\n");
  const archive = join(folder, "tree.tar");
  execFileSync("tar", ["--owner=0", "--group=0", "--numeric-owner", "-C", tree, "-cf", archive, "."]);
  await cove("import", "-q", archive, IMAGE);
  await cove("run", "-d", "--name", "first", "--network", "none", IMAGE, "sh", "-c", "trap 'exit 0' TERM; while true; do sleep 1 & wait; done");
  server = spawn(COVE, [...roots(), "desktop", "--web", "--assets", "dist"], { env: environment(), stdio: ["ignore", "pipe", "inherit"] });
  const lines = createInterface({ input: server.stdout as NodeJS.ReadableStream });
  lines.on("line", (line) => links.push(line));
  await expect.poll(() => links.length, PATIENT).toBe(1);
});

test.afterAll(async () => {
  test.setTimeout(600_000);
  server?.kill("SIGINT");
  if (folder === "") return;
  await cove("pod", "rm", "-f", "-a").catch(() => "");
  await cove("rm", "-f", "-t", "0", "-a").catch(() => "");
  try {
    // Root's graph root is a mount of its own, which outlives the engine.
    execFileSync("umount", [join(folder, "root/overlay")], { stdio: "ignore" });
  } catch {
    // An ordinary user's is gone with the name space.
  }
  rmSync(folder, { recursive: true, force: true });
});

test("the whole page over a real engine", async ({ page }) => {
  test.setTimeout(600_000);
  const link = links[0] ?? "";
  await page.goto(link);
  await expect(page.getByRole("row", { name: /first/ })).toBeVisible(PATIENT);
  // The link let this page in: it is used up, and the page has forgotten it.
  await expect.poll(() => links.length, PATIENT).toBe(2);
  expect(page.url()).not.toContain("token");
  await page.reload();
  await expect(page.getByRole("row", { name: /first/ })).toBeVisible(PATIENT);

  await test.step("a terminal", async () => {
    await page.getByRole("row", { name: /first/ }).focus();
    await page.keyboard.press("t");
    await page.getByRole("button", { name: "Start", exact: true }).last().click();
    const terminal = page.locator("[data-terminal]");
    await expect(terminal).toContainText("#", PATIENT);
    await page.keyboard.type("echo $((6 * 7)) is it; cat /etc/greeting\n");
    await expect(terminal).toContainText("42 is it", PATIENT);
    await expect(terminal).toContainText("hello from a file", PATIENT);
    await page.keyboard.type("stty size\n");
    await expect(terminal).toContainText(/\d{2} \d{2,3}/, PATIENT);
    await page.keyboard.type("exit 7\n");
    await expect(page.getByRole("tabpanel")).toContainText("The process has ended with 7.", PATIENT);
  });

  await test.step("files, and one of them on this computer", async () => {
    await page.getByRole("tab", { name: "Files" }).click();
    const panel = page.getByRole("tabpanel");
    await panel.getByRole("row", { name: /^etc/ }).click(PATIENT);
    await panel.getByRole("row", { name: /greeting/ }).focus(PATIENT);
    await page.keyboard.press("d");
    await page.getByLabel("File on this computer").fill(join(folder, "greeting"));
    await page.getByRole("dialog").getByRole("button", { name: "Download" }).click();
    const brought = join(folder, "greeting");
    await expect.poll(() => existsSync(brought) && readFileSync(brought, "utf8"), PATIENT).toBe("hello from a file\n");
  });

  await test.step("a file of this computer in the container", async () => {
    const own = join(folder, "own.conf");
    writeFileSync(own, "from this computer\n", { mode: 0o640 });
    await page.getByRole("tabpanel").getByRole("button", { name: "Upload" }).click();
    await page.getByLabel("File on this computer").fill(own);
    await page.getByRole("dialog").getByRole("button", { name: "Upload" }).click();
    await expect(page.getByRole("tabpanel").getByRole("row", { name: /own.conf/ })).toBeVisible(PATIENT);
    expect(await cove("exec", "first", "cat", "/etc/own.conf")).toBe("from this computer");
    // It lies over the panel.
    await page.getByRole("contentinfo").getByRole("button", { name: "Tasks" }).click();
  });

  await test.step("use", async () => {
    await page.getByRole("tab", { name: "Stats" }).click();
    await expect(page.getByRole("tabpanel")).toContainText(/\d processes and threads/, PATIENT);
    await page.getByRole("button", { name: "Change limits" }).click();
    await page.getByLabel("When it ends").selectOption("on-failure");
    await page.getByLabel("Most starts after failures").fill("2");
    await page.getByRole("dialog").getByRole("button", { name: "Change" }).click();
    await expect(page.getByRole("dialog")).toHaveCount(0, PATIENT);
    expect(await cove("inspect", "--format", "{{.HostConfig.RestartPolicy.Name}}", "first")).toBe("on-failure");
    await page.getByRole("tab", { name: "Processes" }).click();
    await expect(page.getByRole("region", { name: "Processes" })).toContainText("sleep", PATIENT);
    await page.getByRole("button", { name: "Close details" }).click();
  });

  await test.step("a volume's files, one of them on this computer, and a copy", async () => {
    await cove("run", "--rm", "--network", "none", "-v", "data:/data", IMAGE, "sh", "-c", "echo kept > /data/note");
    await visit(page, "5", "Volumes");
    await page.getByRole("row", { name: /^data/ }).click(PATIENT);
    await page.getByRole("tab", { name: "Files" }).click();
    await expect(page.getByRole("tabpanel")).toContainText("1 files and folders", PATIENT);
    await page.getByRole("tabpanel").getByRole("row", { name: /note/ }).focus();
    await page.keyboard.press("d");
    const note = join(folder, "note");
    await page.getByRole("dialog").getByLabel("File on this computer").fill(note);
    await page.keyboard.press("Enter");
    await expect.poll(() => existsSync(note) && readFileSync(note, "utf8"), PATIENT).toBe("kept\n");
    await page.getByRole("button", { name: "Copy to a new volume" }).click();
    await page.getByRole("dialog").getByLabel("Name").fill("second");
    await page.keyboard.press("Enter");
    await expect(page.getByRole("row", { name: /^second/ })).toBeVisible(PATIENT);
    await expect(page.getByRole("region", { name: "Tasks" })).toContainText("Copy data", PATIENT);
    await expect.poll(() => cove("run", "--rm", "--network", "none", "-v", "second:/data", IMAGE, "cat", "/data/note").catch(String), PATIENT).toBe("kept");
    await page.getByRole("contentinfo").getByRole("button", { name: "Tasks" }).click();
    await page.getByRole("button", { name: "Close details" }).click();
  });

  await test.step("a Compose project: its log, its file, stopped and taken away", async () => {
    const file = join(folder, "compose.yaml");
    writeFileSync(file, "services: {web: {image: x}}\n");
    const forever = "trap 'exit 0' TERM; while true; do sleep 1 & wait; done";
    for (const service of ["db", "web"]) {
      const labels = [`project=shop`, `service=${service}`, `project.config_files=${file}`].flatMap((label) => ["--label", `com.docker.compose.${label}`]);
      await cove("run", "-d", "--name", `shop-${service}`, "--network", "none", ...labels, IMAGE, "sh", "-c", `echo ${service} is ready; ${forever}`);
    }
    await visit(page, "e", "Applications");
    const row = page.getByRole("row", { name: /shop/ });
    await expect(row).toContainText("2 of 2 running", PATIENT);
    await row.click();
    await page.getByRole("tab", { name: "Logs" }).click();
    await expect(page.getByRole("log")).toContainText("web is ready", PATIENT);
    await expect(page.getByRole("log")).toContainText("db is ready", PATIENT);
    await page.getByRole("tab", { name: "Files" }).click();
    await expect(page.getByRole("tabpanel")).toContainText("services: {web: {image: x}}", PATIENT);
    const panel = page.getByRole("region", { name: "Details of shop" });
    await panel.getByRole("button", { name: "Stop" }).click();
    await expect(row).toContainText("0 of 2 running", PATIENT);
    await panel.getByRole("button", { name: "Remove" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
    await expect(row).toHaveCount(0, PATIENT);
    await page.getByRole("contentinfo").getByRole("button", { name: "Tasks" }).click();
    expect(await cove("ps", "-a", "--format", "{{.Names}}")).not.toContain("shop-");
  });

  await test.step("a Compose project from its file, built, brought up, and up again as it is changed", async () => {
    const shop = join(folder, "shop");
    mkdirSync(shop);
    const file = (port: string) =>
      `services:\n  web:\n    build:\n      context: .\n      dockerfile_inline: "FROM ${IMAGE}"\n    command: [sh, -c, "echo $$GREETING > /data/sub/note; trap 'exit 0' TERM; while true; do sleep 1 & wait; done"]\n    network_mode: none\n    environment:\n      GREETING: \${GREETING:?what to say}\n      PORT: "${port}"\n    volumes: [kept:/data]\n  setup:\n    image: ${IMAGE}\n    command: [/bin/busybox, mkdir, -p, /data/sub]\n    network_mode: none\n    volumes: [kept:/data]\n    profiles: [first]\nvolumes: {kept: {}}\n`;
    writeFileSync(join(shop, "compose.yaml"), file("1"));
    await page.getByRole("button", { name: "Start from a file" }).first().click();
    const dialog = page.getByRole("dialog", { name: "Start from a file" });
    await dialog.getByRole("combobox").fill(join(folder, "sho"));
    await expect(dialog.getByRole("option")).toHaveText(["shop/"], PATIENT);
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await expect(dialog.getByRole("alert")).toContainText("compose.yaml, line 9", PATIENT);
    await dialog.getByLabel("GREETING").fill("good morning");
    await expect(dialog.getByRole("region", { name: "What is done" })).toContainText("is built", PATIENT);
    await dialog.getByRole("checkbox", { name: "first" }).check();
    await expect(dialog.getByRole("region", { name: "What is done" })).toContainText("setup", PATIENT);
    await dialog.getByRole("button", { name: "Start", exact: true }).click(PATIENT);
    await expect(dialog).toContainText("It is up.", PATIENT);
    await expect(dialog.getByRole("listitem").filter({ hasText: "Container shop-web-1" })).toContainText("Started");
    await dialog.getByRole("button", { name: "Close" }).click();
    expect(await cove("exec", "shop-web-1", "sh", "-c", "echo $GREETING")).toBe("good morning");

    writeFileSync(join(shop, "compose.yaml"), file("2"));
    await page.getByRole("row", { name: /shop/ }).focus();
    await page.keyboard.press("u");
    const again = page.getByRole("dialog", { name: "Bring shop up again" });
    await again.getByLabel("GREETING").fill("good morning", PATIENT);
    await expect(again).toContainText("shop-web-1: the variable PORT has another value", PATIENT);
    // Its profile is taken, because its service has a container, which stays.
    await expect(again.getByRole("checkbox", { name: "first" })).toBeChecked();
    await again.getByRole("button", { name: "Up again" }).click(PATIENT);
    await expect(again).toContainText("It is up.", PATIENT);
    await again.getByRole("button", { name: "Close" }).click();
    expect(await cove("exec", "shop-web-1", "sh", "-c", "echo $PORT")).toBe("2");
    await expect.poll(() => cove("exec", "shop-web-1", "cat", "/data/sub/note").catch(String), PATIENT).toBe("good morning");
  });

  await test.step("a folder of a volume as an archive", async () => {
    await visit(page, "5", "Volumes");
    await page.getByRole("row", { name: /^shop_kept/ }).click(PATIENT);
    await page.getByRole("tab", { name: "Files" }).click();
    await page.getByRole("tabpanel").getByRole("row", { name: /^sub/ }).focus(PATIENT);
    await page.keyboard.press("d");
    const archive = join(folder, "sub.tar");
    await page.getByRole("dialog").getByLabel("File on this computer").fill(archive);
    await page.keyboard.press("Enter");
    await expect.poll(() => existsSync(archive), PATIENT).toBe(true);
    expect(execFileSync("tar", ["-xOf", archive, "sub/note"], { encoding: "utf8" })).toBe("good morning\n");
    await page.getByRole("contentinfo").getByRole("button", { name: "Tasks" }).click();
    await page.getByRole("button", { name: "Close details" }).click();
  });

  await test.step("a container as Kubernetes YAML", async () => {
    await visit(page, "1", "Containers");
    await page.getByRole("row", { name: /shop-web-1/ }).click(PATIENT);
    await page.getByRole("button", { name: "As Kubernetes YAML" }).click();
    const dialog = page.getByRole("dialog", { name: "shop-web-1 as Kubernetes YAML" });
    await expect(dialog).toContainText("kind: Pod", PATIENT);
    const place = join(folder, "web.yaml");
    await dialog.getByLabel("File on this computer").fill(place);
    await page.keyboard.press("Enter");
    await expect(dialog.getByRole("status")).toContainText("Saved as", PATIENT);
    expect(readFileSync(place, "utf8")).toContain("name: GREETING");
    await dialog.getByRole("button", { name: "Close" }).click();
    await page.getByRole("button", { name: "Close details" }).click();
    await visit(page, "e", "Applications");
    const row = page.getByRole("row", { name: /shop/ });
    await row.focus();
    await page.keyboard.press("Delete");
    await page.getByRole("dialog").getByLabel("Also its volumes").check();
    await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
    await expect(row).toHaveCount(0, PATIENT);
    await page.getByRole("contentinfo").getByRole("button", { name: "Tasks" }).click();
  });

  await test.step("Kubernetes YAML, played and taken down", async () => {
    await page.getByRole("button", { name: "Kubernetes YAML" }).click();
    const text = page.getByRole("textbox", { name: "Kubernetes YAML" });
    await text.focus(PATIENT);
    await page.keyboard.press("Control+a");
    await page.keyboard.type(`kind: Pod\nmetadata: {name: played}\nspec: {containers: [{name: a, image: "${IMAGE}", command: [sleep, "1000"]}]}`);
    await expect(page.getByRole("status", { name: "What it describes" })).toContainText("pod played", PATIENT);
    await page.getByRole("button", { name: "Play", exact: true }).click();
    await expect.poll(() => cove("pod", "ps", "--format", "{{.Name}} {{.Status}}"), PATIENT).toContain("played Running");
    await page.getByRole("contentinfo").getByRole("button", { name: "Tasks" }).click();
    await page.getByRole("button", { name: "Take down" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Take down" }).click();
    await expect.poll(() => cove("pod", "ps", "-q"), PATIENT).toBe("");
    await page.getByRole("contentinfo").getByRole("button", { name: "Tasks" }).click();
  });

  await test.step("a pod and a secret", async () => {
    await visit(page, "2", "Pods");
    await page.getByRole("button", { name: "New pod" }).first().click();
    await page.getByLabel("Name", { exact: true }).fill("duo");
    await page.keyboard.press("Enter");
    await expect(page.getByRole("row", { name: /duo/ })).toContainText("Created", PATIENT);
    await visit(page, "6", "Secrets");
    await page.getByRole("button", { name: "New secret" }).first().click();
    await page.getByLabel("Name", { exact: true }).fill("key");
    await page.getByLabel("Data", { exact: true }).fill("tiger");
    await page.keyboard.press("Enter");
    await expect(page.getByRole("row", { name: /key/ })).toBeVisible(PATIENT);
    expect(await cove("secret", "inspect", "--showsecret", "--format", "{{.SecretData}}", "key")).toBe("tiger");
  });

  await test.step("a build", async () => {
    const context = join(folder, "context");
    mkdirSync(context);
    writeFileSync(join(context, "Containerfile"), `FROM ${IMAGE}\nRUN echo built > /etc/built\nCMD ["cat", "/etc/built"]\n`);
    await visit(page, "3", "Images");
    await page.getByRole("button", { name: "Build", exact: true }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Folder").fill(context);
    await dialog.getByLabel("Name of the image").fill("localhost/built:1");
    await dialog.getByRole("button", { name: "Build", exact: true }).click();
    await expect(dialog).toContainText("The image is here.", PATIENT);
    await expect(dialog.getByRole("log")).toContainText("STEP 2/3");
    await dialog.getByRole("button", { name: "Close" }).click();
    await page.getByRole("row", { name: /localhost\/built/ }).click(PATIENT);
    await page.getByRole("tab", { name: "Layers" }).click();
    await expect(page.getByRole("tabpanel")).toContainText("echo built > /etc/built", PATIENT);
    await page.getByRole("button", { name: "Close details" }).click();
  });

  await test.step("what nothing uses goes", async () => {
    await visit(page, "9", "System");
    await page.getByRole("checkbox", { name: /built:1/ }).check(PATIENT);
    await page.getByRole("button", { name: /^Remove 1, free/ }).click();
    await expect(page.getByRole("tabpanel")).toContainText(/ freed/, PATIENT);
    expect(await cove("images", "--format", "{{.Repository}}")).not.toContain("localhost/built");
    await page.getByRole("tab", { name: "Events" }).click();
    await expect(page.getByRole("row").first()).toBeVisible(PATIENT);
  });

  await test.step("a report in a file, which names nobody", async () => {
    await visit(page, "0", "Settings");
    await page.getByRole("button", { name: "Save to a file" }).click();
    const report = join(folder, "report.txt");
    await page.getByRole("dialog").getByLabel("File on this computer").fill(report);
    await page.keyboard.press("Enter");
    await expect.poll(() => existsSync(report) && readFileSync(report, "utf8"), PATIENT).toContain("kernel: ");
    for (const name of ["first", "localhost/cove-web-test", folder]) expect(readFileSync(report, "utf8")).not.toContain(name);
  });

  await test.step("registries", async () => {
    await visit(page, "8", "Registries");
    await expect(page.getByRole("heading", { name: "Where short names are looked for" })).toBeVisible(PATIENT);
  });
});

test("a link that was used lets nobody in", async ({ page }) => {
  await page.goto(links[0] ?? "");
  await expect(page.getByRole("alert")).toContainText("lost its connection", PATIENT);
});
