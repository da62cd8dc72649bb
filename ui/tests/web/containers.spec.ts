import { expect, test } from "./base";
import { FakeCore } from "./fake";
import { container, sample } from "./sample";

const row = (name: string) => ({ name: `Select ${name}` });

test("what happens elsewhere is seen at once", async ({ page }) => {
  const core = new FakeCore(sample());
  await core.open(page);
  await expect(page.getByRole("row", row("registry"))).toContainText("Up 2 d");
  core.change(container(5, { name: "registry", state: "exited", exitCode: 3, ended: Math.floor(Date.now() / 1000) - 5 }));
  await expect(page.getByRole("row", row("registry"))).toContainText("Exited (3)");
  core.change(container(99, { name: "newcomer" }));
  await expect(page.getByRole("row", row("newcomer"))).toBeVisible();
  core.emit({ event: "rows", change: { kind: "containers", changed: [], removed: [container(5).id] } });
  await expect(page.getByRole("row", row("registry"))).toHaveCount(0);
  await expect(page.getByText("5 of 10 running")).toBeVisible();
});

test("a removal can be taken back", async ({ page }) => {
  await page.clock.install();
  const core = new FakeCore(sample());
  await core.open(page);
  // However slow the computer is: there is time to take it back.
  await page.clock.pauseAt(Date.now() + 60_000);
  await page.getByRole("row", row("backup")).focus();
  await page.keyboard.press("Delete");
  await expect(page.getByRole("row", row("backup"))).toHaveCount(0);
  await page.getByRole("button", { name: "Undo" }).click();
  await page.clock.fastForward(20_000);
  await page.getByRole("row", row("backup")).focus();
  await page.keyboard.press("s");
  await core.called({ call: "containers", act: "start" });
  expect(core.calls.length).toBe(1);
});

test("everything is done by keyboard", async ({ page }) => {
  await page.clock.install();
  const core = new FakeCore(sample());
  await core.open(page);
  await expect(page.getByRole("row", row("web"))).toBeVisible();
  const focused = page.locator("[role=row]:focus");
  await page.keyboard.press("ArrowDown");
  await expect(focused).toContainText("shop");
  await page.keyboard.press("j");
  await expect(focused).toContainText("api");
  await page.keyboard.press("s");
  await core.called({ call: "containers", act: "stop", ids: [container(2).id] });
  await page.keyboard.press("r");
  await core.called({ call: "containers", act: "restart" });
  await page.keyboard.press("p");
  await core.called({ call: "containers", act: "pause" });
  await page.keyboard.press("l");
  await expect(page.getByRole("tab", { name: "Logs" })).toHaveAttribute("aria-selected", "true");
  await page.keyboard.press("Escape");
  await expect(page.getByRole("tab")).toHaveCount(0);
  await expect(focused).toContainText("api");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("tablist")).toBeVisible();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("tablist")).toHaveCount(0);
  await page.keyboard.press("End");
  await expect(focused).toContainText("scratchpad");
  await page.keyboard.press("Home");
  await page.keyboard.press("ArrowLeft");
  await expect(page.getByRole("row", row("api"))).toHaveCount(0);
  await page.keyboard.press("ArrowRight");
  await expect(page.getByRole("row", row("api"))).toBeVisible();
  await page.keyboard.press("/");
  await page.keyboard.type("backup");
  await expect(page.getByRole("row")).toHaveCount(1);
  await page.keyboard.press("Enter");
  await expect(focused).toContainText("backup");
  await page.keyboard.press("Delete");
  await expect(page.getByRole("row")).toHaveCount(0);
  await page.clock.fastForward(9000);
  await core.called({ call: "containers", act: "remove", ids: [container(9).id] });
});

test("containers are grouped as the user likes it, next time too", async ({ page }) => {
  const core = new FakeCore(sample());
  await core.open(page);
  await page.getByLabel("Groups").selectOption("By image");
  const group = page.getByRole("row", { name: /localhost\/shop-api:dev image 1 of 2 running/ });
  await expect(group).toBeVisible();
  await group.focus();
  await page.keyboard.press("ArrowLeft");
  await expect(page.getByRole("row", row("api"))).toHaveCount(0);
  await page.getByLabel("Groups").selectOption("Without groups");
  await expect(page.getByRole("row", { name: /running/ })).toHaveCount(0);
  await page.reload();
  await expect(page.getByLabel("Groups")).toHaveValue("none");
  await expect(page.getByRole("row", row("api"))).toBeVisible();
});

test("several are selected and worked on together", async ({ page }) => {
  const core = new FakeCore(sample());
  await core.open(page);
  await page.getByRole("row", row("registry")).focus();
  await page.keyboard.press("Space");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Space");
  await expect(page.getByText("2 containers selected")).toBeVisible();
  await page.keyboard.press("Delete");
  await expect(page.getByRole("dialog")).toContainText("2 of them are running");
  await page.getByRole("button", { name: "Stop and remove" }).click();
  await core.called({ call: "containers", act: "forceRemove", ids: [container(5).id, container(6).id] });
});

test("the row under the cursor may go", async ({ page }) => {
  const core = new FakeCore(sample());
  await core.open(page);
  await page.getByRole("row", row("registry")).focus();
  core.emit({ event: "rows", change: { kind: "containers", changed: [], removed: [container(5).id] } });
  await expect(page.locator("[role=row]:focus")).toContainText("dns");
});

test("a thousand containers are a few rows in the document", async ({ page }) => {
  const many = Array.from({ length: 1000 }, (_, at) => container(at + 1));
  const core = new FakeCore(sample({ containers: many }));
  await core.open(page);
  await expect(page.getByText("1000 of 1000 running")).toBeVisible();
  expect(await page.getByRole("row").count()).toBeLessThan(60);
  await page.getByRole("row").first().focus();
  await page.keyboard.press("End");
  const focused = page.locator("[role=row]:focus");
  await expect(focused).toContainText("box-1000");
  await expect(focused).toHaveAttribute("aria-rowindex", "1000");
  // Scrolled away, the focused row keeps the focus.
  await page.getByRole("grid").evaluate((grid) => (grid.scrollTop = 0));
  await expect(page.getByRole("row", { name: "Select box-12 " })).toBeVisible();
  await expect(focused).toContainText("box-1000");
  expect(await page.getByRole("row").count()).toBeLessThan(60);
});

test("details show what is known, secrets only when asked", async ({ page }) => {
  const core = new FakeCore(sample());
  await core.open(page);
  await page.getByRole("row", row("web")).click();
  const panel = page.getByRole("tabpanel");
  await expect(panel).toContainText("/docker-entrypoint.sh nginx");
  await expect(panel).toContainText("512 MiB");
  await expect(panel).toContainText("shop_default");
  await expect(panel).not.toContainText("correct horse");
  await page.getByRole("button", { name: "Show secrets" }).click();
  await expect(panel).toContainText("correct horse");
  await page.getByRole("tab", { name: "Summary" }).focus();
  await page.keyboard.press("ArrowLeft");
  await expect(page.getByRole("tab", { name: "Inspect" })).toBeFocused();
  await page.getByLabel("Search in the document").fill("running");
  await expect(page.getByText("1 of 2")).toBeVisible();
  await page.keyboard.press("Enter");
  await expect(page.getByText("2 of 2")).toBeVisible();
});

test("logs follow, search, wrap and clear", async ({ page }) => {
  const core = new FakeCore(sample());
  await core.open(page);
  await page.getByRole("row", row("web")).focus();
  await page.keyboard.press("l");
  await core.called({ call: "openLog" });
  core.log(...Array.from({ length: 400 }, (_, at) => `line ${at} \u001b[31mred\u001b[0m`));
  const log = page.getByRole("log");
  await expect(log).toContainText("line 399 red");
  await expect(log.getByText("line 399")).toBeInViewport();
  await expect(log.locator(".ansi-1").first()).toHaveText("red");
  await log.evaluate((view) => (view.scrollTop = 0));
  await expect(page.getByRole("button", { name: "Follow new lines" })).toHaveAttribute("aria-pressed", "false");
  core.log("the newest");
  await expect(log).toContainText("the newest");
  await expect(log.getByText("the newest")).not.toBeInViewport();
  await page.getByRole("button", { name: "Follow new lines" }).click();
  await expect(log.getByText("the newest")).toBeInViewport();
  await page.getByLabel("Search in the log").fill("line 39");
  await expect(page.getByText("1 of 11")).toBeVisible();
  await page.getByRole("button", { name: "Wrap long lines" }).click();
  await page.getByRole("button", { name: "Clear the view" }).click();
  await expect(log).not.toContainText("line");
  await expect(log).toContainText("The view was cleared.");
  core.emit({ event: "end", subscription: 1, code: null, failure: null });
  await page.getByRole("button", { name: "Close details" }).click();
  await core.called({ call: "close", subscription: 1 });
});

test("a log is read again when its engine is back", async ({ page }) => {
  const core = new FakeCore(sample());
  await core.open(page);
  const opened = () => core.calls.filter((call) => call.call === "openLog").length;
  await page.getByRole("row", row("web")).focus();
  await page.keyboard.press("l");
  await expect.poll(opened).toBe(1);
  core.log("before");
  await expect(page.getByRole("log")).toContainText("before");
  const { health } = sample();
  core.emit({ event: "health", health: { ...health, state: "lost", message: "refused" } });
  await expect(page.getByRole("alert")).toContainText("refused");
  core.emit({ event: "health", health });
  await expect.poll(opened).toBe(2);
  core.log("after");
  await expect(page.getByRole("log")).toContainText("after");
  await expect(page.getByRole("log")).not.toContainText("before");
});

test("a failed act is told and stays until it is read", async ({ page }) => {
  const core = new FakeCore(sample());
  core.answer = (call) =>
    call.call === "containers" ? { kind: "WrongState", message: "container web is being removed" } : undefined;
  await core.open(page);
  await page.getByRole("row", row("web")).focus();
  await page.keyboard.press("s");
  const alert = page.getByRole("alert");
  await expect(alert).toContainText("being removed");
  await alert.getByRole("button", { name: "Dismiss" }).click();
  await expect(alert).toHaveCount(0);
});

test("a lost engine is told, and its coming back too", async ({ page }) => {
  const core = new FakeCore(sample());
  await core.open(page);
  const { health } = sample();
  core.emit({ event: "health", health: { ...health, state: "lost", message: "cannot connect: refused" } });
  await expect(page.getByRole("alert")).toContainText("cannot connect: refused");
  await expect(page.getByRole("button", { name: "Run", exact: true })).toBeDisabled();
  await page.getByRole("button", { name: "Try again" }).click();
  await core.called({ call: "reconnect" });
  core.emit({ event: "health", health });
  await expect(page.getByRole("alert")).toHaveCount(0);
});
