import { expect, test, visit } from "./base";
import { FakeCore } from "./fake";
import { container, machine, sample } from "./sample";

test("an image is pulled with its layers' progress", async ({ page }) => {
  const core = new FakeCore(sample());
  await core.open(page);
  await visit(page, "3", "Images");
  await page.getByRole("button", { name: "Pull" }).click();
  const dialog = page.getByRole("dialog", { name: "Pull an image" });
  await expect(dialog.getByLabel("Image")).toBeFocused();
  await page.keyboard.type("  docker.io/library/redis ");
  await page.keyboard.press("Enter");
  await core.called({ call: "pull", image: "docker.io/library/redis" });
  core.task({ id: 1, steps: [{ label: "sha256:abc", state: "active", note: "", current: 25, total: 100 }] });
  await expect(dialog.getByRole("progressbar")).toHaveAttribute("aria-valuenow", "25");
  await dialog.getByRole("button", { name: "Cancel the pull" }).click();
  await core.called({ call: "cancelTask", id: 1 });
  core.task({ id: 1, state: "failed", failure: { kind: "Unauthorized", message: "docker.io: who are you?" } });
  await expect(dialog).toContainText("who are you?");
  await page.keyboard.press("Escape");
  await expect(dialog).toHaveCount(0);
  await expect(page.getByRole("button", { name: "Pull" })).toBeFocused();
});

test("an image is run, and its log opens", async ({ page }) => {
  const core = new FakeCore(sample());
  await core.open(page);
  await visit(page, "3", "Images");
  await page.getByRole("row", { name: /nginx/ }).focus();
  await page.keyboard.press("r");
  const dialog = page.getByRole("dialog", { name: "Run an image" });
  await expect(dialog.getByLabel("Image")).toHaveValue("docker.io/library/nginx:1.29");
  await expect(dialog.getByLabel("Name")).toBeFocused();
  await dialog.getByLabel("Name").fill("site");
  await dialog.getByLabel("Ports").fill("eighty");
  await page.keyboard.press("Enter");
  await expect(dialog.getByLabel("Ports")).toBeFocused();
  await expect(dialog).toContainText("is no port");
  await dialog.getByLabel("Ports").fill("8081:80");
  await dialog.getByLabel("Environment").fill("MODE=test");
  await dialog.getByLabel("Volumes").fill("data:/data");
  await dialog.getByLabel("Command").fill("nginx -g 'daemon off;'");
  await page.keyboard.press("Enter");
  await core.called({
    call: "run",
    options: {
      image: "docker.io/library/nginx:1.29",
      name: "site",
      command: "nginx -g 'daemon off;'",
      ports: ["8081:80"],
      environment: ["MODE=test"],
      volumes: ["data:/data"],
      remove: false,
      pod: "",
      network: "",
    },
  });
  core.change(container(50, { name: "site" }));
  core.task({ id: 1, title: "Run site", state: "done", container: container(50).id });
  await expect(dialog).toHaveCount(0);
  await expect(page.getByRole("region", { name: "Details of site" })).toBeVisible();
  await expect(page.getByRole("tab", { name: "Logs" })).toHaveAttribute("aria-selected", "true");
});

test("an image in use is removed only after a clear word", async ({ page }) => {
  await page.clock.install();
  const core = new FakeCore(sample());
  await core.open(page);
  await visit(page, "3", "Images");
  await page.getByRole("row", { name: /alpine/ }).focus();
  await page.keyboard.press("Delete");
  await expect(page.getByRole("dialog")).toContainText("1 container made from it");
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("row", { name: /golang/ }).focus();
  await page.keyboard.press("Delete");
  await expect(page.getByRole("row", { name: /golang/ })).toHaveCount(0);
  await page.clock.fastForward(9000);
  await core.called({ call: "remove", kind: "image", force: false });
  expect(core.calls.length).toBe(1);
});

test("a machine is started, followed and used", async ({ page }) => {
  const core = new FakeCore(sample());
  await core.open(page);
  await visit(page, "7", "Machines");
  await page.getByRole("row", { name: /arm/ }).focus();
  await page.keyboard.press("s");
  await core.called({ call: "startMachine", name: "arm" });
  core.task({ id: 1, title: "Start machine arm", cancellable: false, steps: [{ label: "boot", state: "active", note: "", current: 0, total: 0 }] });
  await expect(page.getByRole("row", { name: /arm/ })).toContainText("Start: boot");
  core.task({ id: 1, title: "Start machine arm", state: "done" });
  core.emit({ event: "machines", problem: null, machines: [machine("arm", { state: "running" })] });
  await page.getByRole("row", { name: /arm/ }).focus();
  await page.keyboard.press("u");
  await core.called({ call: "connect", connection: "machine:arm" });
  await expect(page.getByRole("heading", { name: "Containers" })).toBeVisible();
});

test("the palette finds acts and objects", async ({ page }) => {
  const core = new FakeCore(sample());
  await core.open(page);
  await page.keyboard.press("Control+k");
  const field = page.getByRole("combobox", { name: "Find an act or an object" });
  await expect(field).toBeFocused();
  await page.keyboard.type("stop regis");
  await expect(page.getByRole("listbox").getByRole("option").first()).toContainText("Stop registry");
  await page.keyboard.press("Enter");
  await core.called({ call: "containers", act: "stop", ids: [container(5).id] });
  await page.keyboard.press("Control+k");
  await page.keyboard.type("dark");
  await page.keyboard.press("Enter");
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  await page.keyboard.press("Control+k");
  await page.keyboard.press("Escape");
  await expect(field).toHaveCount(0);
});

test("tasks are listed and cleared", async ({ page }) => {
  const core = new FakeCore(sample());
  await core.open(page);
  core.task({ id: 1, steps: [{ label: "sha256:abc", state: "active", note: "", current: 5, total: 10 }] });
  await page.getByRole("button", { name: "Pull docker.io/library/redis" }).click();
  const panel = page.getByRole("region", { name: "Tasks" });
  await expect(panel.getByRole("progressbar")).toBeVisible();
  core.task({ id: 1, state: "done" });
  await panel.getByRole("button", { name: "Clear finished" }).click();
  await core.called({ call: "clearTasks" });
  core.emit({ event: "rows", change: { kind: "tasks", changed: [], removed: [1] } });
  await expect(panel).toContainText("appear here");
});

test("another engine is chosen in the strip", async ({ page }) => {
  const core = new FakeCore(sample());
  await core.open(page);
  await expect(page.getByText("Cove 0.1.0 · linux/amd64")).toBeVisible();
  await page.getByLabel("Engine").selectOption("machine:dev");
  await core.called({ call: "connect", connection: "machine:dev" });
});

test("the first machine needs one button", async ({ page }) => {
  const core = new FakeCore({ ...sample(), machines: [] });
  await core.open(page);
  await visit(page, "7", "Machines");
  await page.getByRole("button", { name: "Make a machine" }).click();
  await core.called({ call: "createMachine" });
  core.task({ id: 1, title: "Make machine cove-machine-default", cancellable: false, steps: [{ label: "image", state: "active", note: "", current: 0, total: 0 }] });
  await expect(page.getByRole("region", { name: "Tasks" })).toContainText("image");
  await expect(page.getByRole("main").getByRole("button", { name: "Being made…" })).toBeDisabled();
});

test("a volume is removed after a question, and one made elsewhere appears", async ({ page }) => {
  const core = new FakeCore(sample());
  await core.open(page);
  await visit(page, "5", "Volumes");
  await page.getByRole("row", { name: /shop_cache/ }).focus();
  await page.keyboard.press("Delete");
  await expect(page.getByRole("dialog")).toContainText("What is stored in it is lost");
  await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
  await core.called({ call: "remove", kind: "volume", ids: ["shop_cache"], force: false });
  const made = { id: "made", driver: "local", mountpoint: "/v/made", anonymous: false, created: 0 };
  core.emit({ event: "rows", change: { kind: "volumes", changed: [made], removed: ["shop_cache"] } });
  await expect(page.getByRole("row", { name: /made/ })).toBeVisible();
  await expect(page.getByRole("row", { name: /shop_cache/ })).toBeHidden();
});

test("networks are listed and filtered", async ({ page }) => {
  const core = new FakeCore(sample());
  await core.open(page);
  await visit(page, "4", "Networks");
  await expect(page.getByRole("row", { name: /shop_default/ })).toContainText("10.89.0.0/24");
  await page.getByLabel("Filter networks").fill("vault");
  await expect(page.getByRole("row", { name: /shop_default/ })).toBeHidden();
  await expect(page.getByRole("row", { name: /vault/ })).toContainText("internal");
});
