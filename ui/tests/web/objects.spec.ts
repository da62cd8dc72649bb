import { expect, test, visit } from "./base";
import { FakeCore } from "./fake";
import { container, image, sample } from "./sample";

const base64 = (text: string) => Buffer.from(text).toString("base64");

test("pods are started, stopped and removed with their containers", async ({ page }) => {
  const core = new FakeCore(sample());
  await core.open(page);
  await visit(page, "2", "Pods");
  const row = page.getByRole("row", { name: /monitoring/ });
  await expect(row).toContainText("1 of 2 running");
  await row.focus();
  await page.keyboard.press("s");
  await core.called({ call: "pods", act: "stop", ids: ["6".repeat(64)] });
  await page.keyboard.press("Enter");
  await expect(page.getByRole("region", { name: "Details of monitoring" })).toContainText("elsewhere");
  await page.keyboard.press("Delete");
  await expect(page.getByRole("dialog")).toContainText("All its containers go with it");
  await page.getByRole("dialog").getByRole("button", { name: "Stop and remove" }).click();
  await core.called({ call: "remove", kind: "pod", ids: ["6".repeat(64)], force: true });
  await page.getByRole("button", { name: "New pod" }).click();
  await page.getByLabel("Ports", { exact: true }).fill("8080:80, 5432:5432");
  await page.keyboard.press("Enter");
  await core.called({ call: "createPod", name: "", ports: ["8080:80", "5432:5432"] });
  await expect(page.getByRole("dialog")).toHaveCount(0);
});

test("a secret is kept and never shown", async ({ page }) => {
  const core = new FakeCore(sample());
  await core.open(page);
  await visit(page, "6", "Secrets");
  await expect(page.getByRole("row", { name: /db-password/ })).toContainText("changed 2 d ago");
  await page.getByRole("button", { name: "New secret" }).click();
  await page.getByLabel("Name", { exact: true }).fill("api-key");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("alert")).toContainText("“Data” is needed.");
  await page.getByLabel("Data", { exact: true }).fill("tiger");
  await expect(page.getByLabel("Data", { exact: true })).toHaveAttribute("type", "password");
  await page.keyboard.press("Enter");
  await core.called({ call: "createSecret", name: "api-key", data: "tiger", replace: false });
});

test("a form says why it was not done, and stays", async ({ page }) => {
  const core = new FakeCore(sample());
  core.answer = (call) => (call.call === "createVolume" ? { kind: "Exists", message: "volume data is there already" } : undefined);
  await core.open(page);
  await visit(page, "5", "Volumes");
  await page.getByRole("button", { name: "New volume" }).click();
  await page.getByLabel("Name", { exact: true }).fill("data");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("dialog").getByRole("alert")).toContainText("is there already");
});

test("what nothing uses is shown with its bytes and removed", async ({ page }) => {
  const core = new FakeCore(sample());
  await core.open(page);
  await visit(page, "9", "System");
  const panel = page.getByRole("tabpanel");
  await expect(panel).toContainText("912 MB");
  await panel.getByRole("checkbox", { name: /Containers that do not run/ }).check();
  await panel.getByRole("button", { name: "Remove 1, free 61.0 MB" }).click();
  await core.called({ call: "prune", rows: [{ kind: "container", id: container(8).id, names: ["import-2026-11"], size: 61_000_000 }] });
  core.task({ id: core.last, title: "Clean up", state: "done", freed: { objects: 1, bytes: 61_000_000 } });
  await expect(panel).toContainText("61.0 MB freed");
  await page.getByRole("tab", { name: "Events" }).click();
  await expect(page.getByRole("row").first()).toContainText("pull");
  await expect(page.getByRole("row", { name: /import-2026-11/ })).toContainText("died (1)");
});

test("registries: logins, mirrors and where a name leads", async ({ page }) => {
  const core = new FakeCore(sample());
  await core.open(page);
  await visit(page, "8", "Registries");
  await expect(page.getByText("mirror.lan:5000")).toBeVisible();
  await page.getByLabel("Image", { exact: true }).fill("alpine");
  await page.keyboard.press("Enter");
  await expect(page.getByText("1 layers, 3.8 MB")).toBeVisible();
  await expect(page.getByText("registry evil.example is blocked")).toBeVisible();
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByLabel("Registry", { exact: true }).fill("ghcr.io");
  await page.getByLabel("User name").fill("mina");
  await page.getByLabel("Password or token").fill("s3cret");
  await page.keyboard.press("Enter");
  await core.called({ call: "login", registry: "ghcr.io" });
  await page.getByRole("button", { name: "Log out of quay.io" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Log out" }).click();
  await core.called({ call: "logout", registry: "quay.io" });
});

test("an image's layers, names and ways out", async ({ page }) => {
  const core = new FakeCore(sample());
  await core.open(page);
  await visit(page, "3", "Images");
  await page.getByRole("row", { name: /shop-api/ }).click();
  const details = page.getByRole("region", { name: /Details of/ });
  await expect(details).toContainText("/docker-entrypoint.sh");
  await details.getByRole("button", { name: "Take away the name localhost/shop-api:latest" }).click();
  await core.called({ call: "untag", name: "localhost/shop-api:latest" });
  await page.getByRole("tab", { name: "Layers" }).click();
  await expect(details.getByRole("listitem").first()).toContainText("ADD file:0a1b in /");
  await expect(details).toContainText("RUN set -x && apt-get install -y nginx");
  await details.getByRole("button", { name: "Tag" }).click();
  await page.getByLabel("Name", { exact: true }).fill("quay.io/team/shop-api:1");
  await page.keyboard.press("Enter");
  await core.called({ call: "tag", name: "quay.io/team/shop-api:1" });
  await details.getByRole("button", { name: "Push" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Push" }).click();
  await core.called({ call: "push", image: "localhost/shop-api:dev" });
  await details.getByRole("button", { name: "Save to a file" }).click();
  await expect(page.getByLabel("File on this computer")).toHaveValue("/home/me/Downloads/shop-api-dev.tar");
  await page.keyboard.press("Escape");
  await page.getByLabel("Which images").selectOption("dangling");
  await expect(page.getByRole("row")).toHaveCount(1);
});

test("an image is searched, and one of its tags pulled", async ({ page }) => {
  const core = new FakeCore(sample());
  await core.open(page);
  await visit(page, "3", "Images");
  await page.getByRole("button", { name: "Pull" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Image", { exact: true }).fill("nginx");
  await dialog.getByRole("button", { name: "Search" }).click();
  await dialog.getByRole("button", { name: /docker.io\/library\/nginx/ }).click();
  await dialog.getByRole("button", { name: "docker.io/library/nginx:1.29" }).click();
  await dialog.getByRole("button", { name: "Pull", exact: true }).click();
  await core.called({ call: "pull", image: "docker.io/library/nginx:1.29" });
});

test("a build is begun and its lines are read", async ({ page }) => {
  const core = new FakeCore(sample());
  await core.open(page);
  await visit(page, "3", "Images");
  await page.getByRole("button", { name: "Build" }).click();
  const dialog = page.getByRole("dialog", { name: "Build an image" });
  await dialog.getByLabel("Folder").fill("app");
  await expect(dialog).toContainText("A whole path");
  await dialog.getByLabel("Folder").fill("/home/me/app");
  await dialog.getByLabel("Name of the image").fill("localhost/app:dev");
  await dialog.getByLabel("Build arguments").fill("MODE=test");
  await dialog.getByRole("button", { name: "Build" }).click();
  await core.called({ call: "build", form: { context: "/home/me/app", tag: "localhost/app:dev", arguments: ["MODE=test"] } });
  const id = core.last;
  core.task({ id, title: "Build localhost/app:dev", logged: true, steps: [{ label: "1/2 FROM alpine", state: "done", note: "", current: 0, total: 0 }, { label: "2/2 RUN make", state: "active", note: "", current: 0, total: 0 }] });
  await core.called({ call: "openTaskLog", id });
  core.log("STEP 2/2: RUN make", "cc -o app app.c");
  await expect(dialog.getByRole("log")).toContainText("cc -o app app.c");
  await dialog.getByRole("button", { name: "Cancel the build" }).click();
  await core.called({ call: "cancelTask", id });
});

test("a terminal shows what comes and sends what is typed", async ({ page }) => {
  const problems: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error") problems.push(message.text());
  });
  const core = new FakeCore(sample());
  await core.open(page);
  await page.getByRole("row", { name: "Select web" }).focus();
  await page.keyboard.press("t");
  await page.getByRole("button", { name: "Start", exact: true }).last().click();
  await core.called({ call: "openTerminal", options: { id: container(1).id, command: "", user: "" } });
  core.emit({ event: "terminal", subscription: core.last, data: base64("\u001b[38;2;200;0;0mhello\u001b[0m 안녕 $ ") });
  await expect(page.locator("[data-terminal]")).toContainText("hello");
  await expect(page.locator("[data-terminal]")).toContainText("안녕");
  await page.keyboard.type("ls");
  await expect.poll(() => core.calls.filter((call) => call.call === "type").map((call) => call.data).join("")).toBe("ls");
  // Keys of the page are the terminal's while it has the focus.
  await page.keyboard.press("Control+k");
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await page.keyboard.press("F6");
  await expect(page.getByRole("tab", { name: "Terminal" })).toBeFocused();
  core.emit({ event: "end", subscription: core.last, code: 3, failure: null });
  await expect(page.getByRole("tabpanel")).toContainText("The process has ended with 3.");
  await page.getByRole("button", { name: "Start anew" }).click();
  await core.called({ call: "close" });
  await core.called({ call: "openTerminal" });
  await page.getByRole("button", { name: "End", exact: true }).click();
  await core.called({ call: "close", subscription: core.last });
  await expect(page.locator("[data-terminal]")).toHaveCount(0);
  expect(problems).toEqual([]);
});

test("a terminal goes on while other pages are looked at, in another language too", async ({ page }) => {
  const core = new FakeCore(sample());
  await core.open(page);
  await page.getByRole("row", { name: "Select web" }).focus();
  await page.keyboard.press("t");
  await page.getByRole("button", { name: "Start", exact: true }).last().click();
  await core.called({ call: "openTerminal" });
  const terminal = page.locator("[data-terminal]");
  core.emit({ event: "terminal", subscription: core.last, data: base64("before $ ") });
  await expect(terminal).toContainText("before");
  await page.getByRole("tab", { name: "Summary" }).click();
  await expect(terminal).toHaveCount(0);
  core.emit({ event: "terminal", subscription: core.last, data: base64("meanwhile $ ") });
  await visit(page, "0", "Settings");
  await page.getByLabel("Language").selectOption("ko");
  await visit(page, "1", "컨테이너");
  await page.getByRole("tab", { name: "터미널 (열림)" }).click();
  await expect(terminal).toContainText("before $ meanwhile $");
  await terminal.click();
  await page.keyboard.type("x");
  await core.called({ call: "type", subscription: core.last, data: "x" });
  expect(core.calls.filter((call) => call.call === "close" || call.call === "openTerminal").length).toBe(1);
});

test("files are looked through, brought here and taken there", async ({ page }) => {
  const core = new FakeCore(sample());
  await core.open(page);
  await page.getByRole("row", { name: "Select web" }).focus();
  await page.keyboard.press("f");
  const panel = page.getByRole("tabpanel");
  await panel.getByRole("row", { name: /^etc/ }).click();
  await core.called({ call: "listFiles", id: container(1).id, path: "/etc" });
  await panel.getByRole("row", { name: /nginx.conf/ }).focus();
  await page.keyboard.press("d");
  await expect(page.getByLabel("File on this computer")).toHaveValue("/home/me/Downloads/nginx.conf");
  await page.getByRole("dialog").getByRole("button", { name: "Download" }).click();
  await core.called({ call: "download", id: container(1).id, path: "/etc/nginx.conf", to: "/home/me/Downloads/nginx.conf" });
  await panel.getByRole("button", { name: "Upload" }).click();
  await page.getByLabel("File on this computer").fill("/home/me/site.conf");
  await page.keyboard.press("Enter");
  await core.called({ call: "upload", id: container(1).id, from: "/home/me/site.conf", to: "/etc" });
  core.task({ id: core.last, title: "Upload /home/me/site.conf", state: "done" });
  // What has come is seen.
  await core.called({ call: "listFiles", id: container(1).id, path: "/etc" });
  await panel.getByRole("row", { name: /mime.types/ }).focus();
  await page.keyboard.press("Backspace");
  await expect(panel.getByRole("row", { name: /docker-entrypoint/ })).toBeVisible();
});

test("what a container uses is drawn", async ({ page }) => {
  const core = new FakeCore(sample());
  await core.open(page);
  await page.getByRole("row", { name: "Select web" }).focus();
  await page.keyboard.press("u");
  await core.called({ call: "openStats" });
  const first = { time: 1_000_000, cpu: 12.5, memory: 200 * 2 ** 20, memoryLimit: 512 * 2 ** 20, received: 1000, sent: 0, read: 0, written: 0, pids: 4 };
  core.emit({ event: "stats", subscription: core.last, sample: first });
  core.emit({ event: "stats", subscription: core.last, sample: { ...first, time: 1_001_000, received: 3000 } });
  const panel = page.getByRole("tabpanel");
  await expect(panel).toContainText("12.5 %");
  await expect(panel).toContainText("limit 512 MiB");
  await expect(panel).toContainText("2.0 kB a second");
});

test("who reaches whom", async ({ page }) => {
  const web = container(1, { name: "web", networks: ["shop_default"] });
  const db = container(2, { name: "db", networks: ["shop_default", "vault"] });
  const alone = container(3, { name: "alone", networks: [] });
  await new FakeCore(sample({ containers: [web, db, alone] })).open(page);
  await visit(page, "4", "Networks");
  await page.getByRole("button", { name: "Who reaches whom" }).click();
  await expect(page.getByRole("button", { name: /^web/ })).toContainText("reaches db");
  await expect(page.getByRole("main")).toContainText("On none of these networks");
});

test("the language changes at once and is kept", async ({ page }) => {
  const core = new FakeCore(sample());
  await core.open(page);
  await visit(page, "0", "Settings");
  await page.getByLabel("Language").selectOption("ko");
  await expect(page.getByRole("heading", { name: "설정" })).toBeVisible();
  await expect(page.locator("html")).toHaveAttribute("lang", "ko");
  await visit(page, "1", "컨테이너");
  await page.reload();
  await expect(page.getByRole("heading", { name: "컨테이너" })).toBeVisible();
});

test("a report is written to a file", async ({ page }) => {
  const core = new FakeCore(sample());
  await core.open(page);
  await visit(page, "0", "Settings");
  await page.getByRole("button", { name: "Save to a file" }).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog.getByLabel("File on this computer")).toHaveValue("/home/me/Downloads/cove-report.txt");
  await page.keyboard.press("Enter");
  await core.called({ call: "saveReport", to: "/home/me/Downloads/cove-report.txt" });
  await expect(page.getByText("Saved as /home/me/Downloads/cove-report.txt")).toBeVisible();
});

test("a report names nothing of the user's", async ({ page }) => {
  const core = new FakeCore(sample({ images: [image("registry.corp.example/secret-project:1")] }));
  await core.open(page);
  core.task({ id: 1, title: "Pull registry.corp.example/secret-project", state: "failed", failure: { kind: "Unauthorized", message: "registry.corp.example: no" } });
  await visit(page, "0", "Settings");
  const report = page.getByLabel("For a report");
  await expect(report).toContainText("failed tasks: 1 Pull (Unauthorized)");
  await expect(report).not.toContainText("corp.example");
  await expect(report).not.toContainText("web");
});
