// Compose projects as a whole.
import { expect, test, visit } from "./base";
import { FakeCore } from "./fake";
import { container, sample } from "./sample";

const rows = sample().rows.containers;
const ids = ["api", "db", "migrate", "web"].map((name) => rows.find((row) => row.name === name)?.id ?? "");

test("a project is seen, stopped, started again and taken away as a whole", async ({ page }) => {
  const core = new FakeCore(sample());
  await core.open(page);
  await visit(page, "e", "Applications");
  const row = page.getByRole("row", { name: /shop/ });
  // What has done its work and ended well is missed by nobody.
  await expect(row).toContainText("Running");
  await expect(row).toContainText("3 of 4 running");
  await expect(row).toContainText("api, db, migrate, web");
  await row.focus();
  await page.keyboard.press("s");
  await core.called({ call: "project", act: "stop", name: "shop" });
  await page.keyboard.press("r");
  await core.called({ call: "project", act: "restart", name: "shop" });
  core.change(container(3, { name: "db", group: { kind: "project", name: "shop" }, state: "exited", exitCode: 1 }));
  await expect(row).toContainText("Degraded");
  await page.keyboard.press("Enter");
  const panel = page.getByRole("region", { name: "Details of shop" });
  await panel.getByRole("button", { name: "Start those that do not run" }).click();
  await core.called({ call: "project", act: "start", name: "shop" });
  await panel.getByRole("button", { name: "Remove" }).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog).toContainText("Its files on this computer stay.");
  await dialog.getByLabel("Also its volumes").check();
  await dialog.getByRole("button", { name: "Remove" }).click();
  await core.called({ call: "removeProject", name: "shop", volumes: true });
  core.emit({ event: "rows", change: { kind: "containers", changed: [], removed: ids } });
  await expect(page.getByText("A Compose project that is brought up appears here")).toBeVisible();
});

test("the logs of a project are one, and each line says whose it is", async ({ page }) => {
  const core = new FakeCore(sample());
  await core.open(page);
  await visit(page, "e", "Applications");
  await page.getByRole("row", { name: /shop/ }).click();
  await page.getByRole("tab", { name: "Logs" }).click();
  await core.called({ call: "openLogs", ids });
  const line = (source: number, text: string) => ({ time: 1000 + source, error: false, source, text });
  core.emit({ event: "log", subscription: core.last, lines: [line(1, "ready to accept connections"), line(3, "GET / 200")] });
  const log = page.getByRole("log");
  await expect(log).toContainText("dbready to accept connections");
  await expect(log).toContainText("webGET / 200");
  // A container that began anew is read anew.
  const before = core.last;
  core.change({ ...(rows.find((row) => row.name === "db") ?? container(3)), started: 5 });
  await core.called({ call: "close", subscription: before });
  await core.called({ call: "openLogs" });
});

test("a project's file is shown, or why it is not", async ({ page }) => {
  const core = new FakeCore(sample());
  core.answer = (call) =>
    call.call === "projectFiles"
      ? { reply: "texts", texts: [
          { path: "/home/me/shop/compose.yaml", text: "services:\n  web:\n    image: nginx\n", problem: null },
          { path: "/home/me/shop/gone.yaml", text: "", problem: "/home/me/shop/gone.yaml: no such file" },
        ] }
      : undefined;
  await core.open(page);
  await visit(page, "e", "Applications");
  await page.getByRole("row", { name: /shop/ }).click();
  await page.getByRole("tab", { name: "Files" }).click();
  const panel = page.getByRole("tabpanel");
  await expect(panel).toContainText("image: nginx");
  await expect(panel).toContainText("gone.yaml: no such file");
});
