// A container's processes and limits.
import { expect, test } from "./base";
import { FakeCore } from "./fake";
import { container, details, PROCESSES, sample } from "./sample";

const web = { name: "Select web" };
const id = container(1).id;

test("processes are seen below their parents, ordered and filtered, and only while somebody looks", async ({ page }) => {
  const core = new FakeCore(sample());
  await core.open(page);
  await page.getByRole("row", web).focus();
  await page.keyboard.press("o");
  await core.called({ call: "openProcesses", id });
  const subscription = core.last;
  core.emit({ event: "processes", subscription, processes: PROCESSES });
  const panel = page.getByRole("tabpanel");
  await expect(panel).toContainText("5 processes, at most 2048");
  const commands = panel.locator("tbody tr td:last-child");
  await expect(commands.nth(0)).toContainText("master process");
  await panel.getByRole("button", { name: "CPU" }).click();
  await expect(commands.nth(0)).toContainText("worker process");
  await expect(panel.getByRole("columnheader", { name: "CPU" })).toHaveAttribute("aria-sort", "descending");
  core.emit({ event: "processes", subscription, processes: PROCESSES.slice(0, 2) });
  await expect(panel.locator("tbody tr")).toHaveCount(2);
  await panel.getByLabel("Filter processes").fill("master");
  await expect(panel.locator("tbody tr")).toHaveCount(1);
  await page.getByRole("tab", { name: "Summary" }).click();
  await core.called({ call: "close", subscription });
  await page.getByRole("button", { name: "Close details" }).click();
  await page.getByRole("row", { name: "Select backup" }).focus();
  await page.keyboard.press("o");
  await expect(page.getByRole("tabpanel")).toContainText("It does not run, so it has no processes.");
});

test("limits are changed in place, and what cannot be is said", async ({ page }) => {
  const core = new FakeCore(sample());
  await core.open(page);
  await page.getByRole("row", web).focus();
  await page.keyboard.press("u");
  await page.getByRole("button", { name: "Change limits" }).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog).toContainText("Ports, mounts, networks and the command stay as they were made");
  await expect(dialog.getByLabel("Memory")).toHaveValue("512m");
  await expect(dialog.getByLabel("Processors")).toHaveValue("1.5");
  await dialog.getByLabel("Memory").fill("");
  await page.keyboard.press("Enter");
  await expect(dialog.getByRole("alert")).toContainText("cannot be lifted");
  await dialog.getByLabel("Memory").fill("1g");
  await dialog.getByLabel("Processors").fill("");
  await dialog.getByLabel("When it ends").selectOption("on-failure");
  await dialog.getByLabel("Most starts after failures").fill("3");
  await dialog.getByRole("button", { name: "Change" }).click();
  await core.called({ call: "update", id, limits: { memory: "1g", cpus: "", processes: null, restart: "on-failure:3" } });
  await expect(dialog).toHaveCount(0);

  // The engine tells of the change, whoever made it, and the details are read again.
  const row = sample().rows.containers[0] ?? container(1);
  core.answer = (call) => (call.call === "inspect" ? { reply: "details", details: { ...details(row), memoryLimit: 2 ** 30 } } : undefined);
  core.emit({ event: "rows", change: { kind: "happenings", changed: [{ id: 77, time: 0, kind: "container", action: "update", object: id, name: "web", code: "" }], removed: [] } });
  await core.called({ call: "inspect", id });
  await page.getByRole("button", { name: "Change limits" }).click();
  await expect(dialog.getByLabel("Memory")).toHaveValue("1g");
});
