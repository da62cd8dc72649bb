import type { Page } from "@playwright/test";
import axe from "axe-core";

import { expect, test, visit } from "./base";
import { FakeCore } from "./fake";
import { PLAN, PROCESSES, sample, VOLUME_FILES } from "./sample";

const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"];

/** Opens the page with axe in it. */
async function open(page: Page, scheme: "light" | "dark"): Promise<FakeCore> {
  await page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
  await page.addInitScript(axe.source);
  const core = new FakeCore(sample());
  await core.open(page);
  await expect(page.getByRole("row", { name: "Select web" })).toBeVisible();
  return core;
}

async function check(page: Page, what: string): Promise<void> {
  const violations = await page.evaluate(async (tags) => {
    const { axe: inPage } = window as unknown as { axe: typeof axe };
    const results = await inPage.run(document, { runOnly: tags, resultTypes: ["violations"] });
    return results.violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.html.slice(0, 160)).join(" | ")}`);
  }, TAGS);
  expect(violations, what).toEqual([]);
}

for (const scheme of ["light", "dark"] as const) {
  test(`a container's screens are accessible, ${scheme}`, async ({ page }) => {
    const core = await open(page, scheme);
    await check(page, "containers");
    await page.getByRole("row", { name: "Select web" }).click();
    await expect(page.getByText("SESSION_SECRET")).toBeVisible();
    await check(page, "summary");
    await page.getByRole("tab", { name: "Logs" }).click();
    await core.called({ call: "openLog" });
    core.log("plain", "\u001b[31mred\u001b[33m yellow\u001b[34m blue\u001b[35m magenta\u001b[2m dim");
    await expect(page.getByText("magenta")).toBeVisible();
    await check(page, "logs");
    await page.getByRole("tab", { name: "Inspect" }).click();
    await expect(page.getByLabel("Search in the document")).toBeVisible();
    await check(page, "inspect");
    await page.getByRole("tab", { name: "Terminal" }).click();
    await page.getByRole("button", { name: "Start", exact: true }).last().click();
    await core.called({ call: "openTerminal" });
    core.emit({ event: "terminal", subscription: core.last, data: Buffer.from("\u001b[31mred\u001b[0m $ ").toString("base64") });
    await expect(page.locator("[data-terminal]")).toContainText("red");
    await check(page, "terminal");
    await page.getByRole("tab", { name: "Files" }).click();
    await expect(page.getByRole("tabpanel").getByRole("row", { name: /^etc/ })).toBeVisible();
    await check(page, "files");
    await page.getByRole("tab", { name: "Stats" }).click();
    await core.called({ call: "openStats" });
    const use = { time: 1000, cpu: 3, memory: 1 << 20, memoryLimit: 1 << 30, received: 1, sent: 1, read: 1, written: 1, pids: 1 };
    core.emit({ event: "stats", subscription: core.last, sample: use });
    await expect(page.getByText("3.0 %")).toBeVisible();
    await check(page, "stats");
    await page.getByRole("button", { name: "Change limits" }).click();
    await page.getByRole("dialog").getByLabel("Memory").fill("much");
    await page.keyboard.press("Enter");
    await expect(page.getByRole("dialog").getByRole("alert")).toBeVisible();
    await check(page, "limits");
    await page.keyboard.press("Escape");
    await page.getByRole("tab", { name: "Processes" }).click();
    await core.called({ call: "openProcesses" });
    core.emit({ event: "processes", subscription: core.last, processes: PROCESSES });
    await expect(page.getByText("nginx: master")).toBeVisible();
    await check(page, "processes");
  });

  test(`the screens of images and the forms over them are accessible, ${scheme}`, async ({ page }) => {
    await open(page, scheme);
    await visit(page, "3", "Images");
    await check(page, "images");
    await page.getByRole("row", { name: /nginx/ }).click();
    await expect(page.getByText("/docker-entrypoint.sh")).toBeVisible();
    await check(page, "image");
    await page.getByRole("tab", { name: "Layers" }).click();
    await expect(page.getByRole("tabpanel").getByRole("listitem").first()).toBeVisible();
    await check(page, "layers");
    await page.getByRole("button", { name: "Build", exact: true }).click();
    await expect(page.getByRole("dialog", { name: "Build an image" })).toBeVisible();
    await check(page, "build");
    await page.keyboard.press("Escape");
    await visit(page, "1", "Containers");
    await page.getByRole("button", { name: "Run", exact: true }).click();
    const run = page.getByRole("dialog", { name: "Run an image" });
    await run.getByLabel("Ports").fill("x");
    await page.keyboard.press("Enter");
    await expect(run).toContainText("is no port");
    await check(page, "run");
  });

  test(`the screens of other objects are accessible, ${scheme}`, async ({ page }) => {
    const core = await open(page, scheme);
    for (const [key, name] of [["2", "Pods"], ["6", "Secrets"]] as const) {
      await visit(page, key, name);
      await page.getByRole("row").first().click();
      await expect(page.getByText("elsewhere")).toBeVisible();
      await check(page, name);
    }
    await visit(page, "e", "Applications");
    await page.getByRole("row").first().click();
    await expect(page.getByText("/home/me/shop")).toBeVisible();
    await check(page, "an application");
    await page.getByRole("tab", { name: "Logs" }).click();
    await core.called({ call: "openLogs" });
    core.emit({ event: "log", subscription: core.last, lines: [0, 1, 2, 3].map((source) => ({ time: 1000, error: false, source, text: `line of ${source}` })) });
    await expect(page.getByText("line of 3")).toBeVisible();
    await check(page, "an application's log");
    await page.getByRole("button", { name: "Kubernetes YAML" }).click();
    await expect(page.getByRole("textbox", { name: "Kubernetes YAML" })).toContainText("kind: Pod");
    await expect(page.getByRole("status", { name: "What it describes" })).toContainText("pod web");
    await check(page, "Kubernetes YAML");
    await page.getByRole("button", { name: "Kubernetes YAML" }).click();
    await page.getByRole("button", { name: "Start from a file" }).click();
    const up = page.getByRole("dialog", { name: "Start from a file" });
    core.answer = (call) =>
      call.call === "places"
        ? { reply: "places", places: ["/home/me/shop/"] }
        : call.call === "planProject"
          ? { reply: "planned", plan: { ...PLAN, orphans: ["shop-old-1"], warnings: ["the file is old"], problem: { file: "/a.yaml", line: 1, path: "x", message: "wrong" }, variables: [{ name: "TOKEN", default: "", required: true, given: false, asked: true }] } }
          : undefined;
    await up.getByRole("combobox").fill("/home/me/");
    await expect(up.getByRole("option")).toHaveText(["shop/"]);
    await up.getByText("More", { exact: true }).click();
    await expect(up.getByRole("region", { name: "What is done" })).toBeVisible();
    await check(page, "bringing a project up");
    core.answer = () => undefined;
    await page.keyboard.press("Escape");
    await visit(page, "1", "Containers");
    await page.getByRole("row", { name: "Select web" }).click();
    await page.getByRole("button", { name: "As Kubernetes YAML" }).click();
    await expect(page.getByRole("dialog")).toContainText("kind: Pod");
    await check(page, "a container as Kubernetes YAML");
    await page.keyboard.press("Escape");
    await visit(page, "6", "Secrets");
    await page.getByRole("button", { name: "New secret" }).click();
    await page.keyboard.press("Enter");
    await expect(page.getByRole("dialog").getByRole("alert")).toBeVisible();
    await check(page, "a form");
    await page.keyboard.press("Escape");
    for (const [key, name] of [["5", "Volumes"], ["7", "Machines"], ["4", "Networks"]] as const) {
      await visit(page, key, name);
      await expect(page.getByRole("row").first()).toBeVisible();
      await check(page, name);
    }
    await visit(page, "5", "Volumes");
    await page.getByRole("row", { name: /shop_cache/ }).click();
    await page.getByRole("tab", { name: "Files" }).click();
    await core.called({ call: "openVolume" });
    core.emit({ event: "files", subscription: core.last, files: VOLUME_FILES }, { event: "end", subscription: core.last, code: null, failure: null });
    await expect(page.getByText("6 files and folders")).toBeVisible();
    await check(page, "a volume's files");
    await page.getByRole("button", { name: "Clean up…" }).click();
    await expect(page.getByRole("dialog")).toContainText("Remove 1, free 12.0 MB");
    await check(page, "volumes that can go");
    await page.keyboard.press("Escape");
    await visit(page, "4", "Networks");
    await page.getByRole("button", { name: "Who reaches whom" }).click();
    await expect(page.getByRole("button", { name: /^web/ })).toBeVisible();
    await check(page, "the graph of networks");
  });

  test(`the screens of the system and what lies over all are accessible, ${scheme}`, async ({ page }) => {
    const core = await open(page, scheme);
    await visit(page, "8", "Registries");
    await expect(page.getByText("mirror.lan:5000")).toBeVisible();
    await check(page, "registries");
    await visit(page, "9", "System");
    await expect(page.getByText("Clean up")).toBeVisible();
    await check(page, "disk");
    await page.getByRole("tab", { name: "Events" }).click();
    await expect(page.getByRole("row").first()).toBeVisible();
    await check(page, "events");
    await visit(page, "0", "Settings");
    await check(page, "settings");
    for (const [name, keys] of [["palette", "Control+k"], ["keys", "?"]] as const) {
      await page.keyboard.press(keys);
      await expect(page.getByRole("dialog")).toBeVisible();
      await check(page, name);
      await page.keyboard.press("Escape");
      await expect(page.getByRole("dialog")).toHaveCount(0);
    }
    core.task({ id: 1, steps: [{ label: "sha256:abc", state: "active", note: "", current: 5, total: 10 }] });
    core.emit({ event: "health", health: { ...sample().health, state: "lost", message: "refused" } });
    await page.getByRole("button", { name: "Pull docker.io/library/redis" }).click();
    await expect(page.getByRole("region", { name: "Tasks" }).getByRole("progressbar")).toBeVisible();
    await expect(page.getByRole("alert")).toContainText("refused");
    await check(page, "tasks and a lost engine");
  });
}

for (const scheme of ["light", "dark"] as const) {
  test(`with high contrast every text stands out, ${scheme}`, async ({ page }) => {
    await page.emulateMedia({ contrast: "more" });
    const core = await open(page, scheme);
    const enhanced = async (what: string) => {
      const violations = await page.evaluate(async () => {
        const { axe: inPage } = window as unknown as { axe: typeof axe };
        const results = await inPage.run(document, { runOnly: ["color-contrast-enhanced"], resultTypes: ["violations"] });
        return results.violations.flatMap((one) => one.nodes.map((node) => node.html.slice(0, 160) + JSON.stringify(node.any.map(({ data }) => data))));
      });
      expect(violations, what).toEqual([]);
    };
    await expect(page.locator("html")).toHaveAttribute("data-contrast", "more");
    await enhanced("containers");
    await page.getByRole("row", { name: "Select web" }).click();
    await expect(page.getByText("SESSION_SECRET")).toBeVisible();
    await enhanced("summary");
    await page.getByRole("tab", { name: "Logs" }).click();
    await core.called({ call: "openLog" });
    core.log("\u001b[31mred\u001b[33m yellow\u001b[34m blue\u001b[35m magenta\u001b[36m cyan\u001b[2m dim");
    await expect(page.getByText("cyan")).toBeVisible();
    await enhanced("logs");
    for (const [key, name] of [["e", "Applications"], ["3", "Images"], ["9", "System"], ["0", "Settings"]] as const) {
      await visit(page, key, name);
      await enhanced(name);
    }
    await visit(page, "e", "Applications");
    core.answer = (call) =>
      call.call === "planProject"
        ? { reply: "planned", plan: { ...PLAN, warnings: ["the file is old"], problem: { file: "/a.yaml", line: 1, path: "x", message: "wrong" } } }
        : undefined;
    await page.getByRole("row", { name: /shop/ }).focus();
    await page.keyboard.press("u");
    await expect(page.getByRole("dialog").getByRole("alert")).toBeVisible();
    await enhanced("bringing a project up again");
    await page.keyboard.press("Escape");
    await visit(page, "0", "Settings");
    // The user's own choice is stronger than the system's.
    await page.getByLabel("Contrast").selectOption("usual");
    await expect(page.locator("html")).not.toHaveAttribute("data-contrast");
    await page.emulateMedia({ contrast: "no-preference" });
    await page.getByLabel("Contrast").selectOption("more");
    await page.reload();
    await expect(page.locator("html")).toHaveAttribute("data-contrast", "more");
  });
}

test("dialogs hold the focus and give it back", async ({ page }) => {
  await new FakeCore(sample()).open(page);
  await page.getByRole("row", { name: "Select web" }).focus();
  await page.keyboard.press("Delete");
  const dialog = page.getByRole("dialog");
  await expect(dialog).toBeVisible();
  for (let step = 0; step < 6; step += 1) {
    await page.keyboard.press("Tab");
    const outside = await page.evaluate(() => {
      const at = document.activeElement;
      // The browser's own controls may come between the end and the beginning.
      return at !== document.body && at?.closest("dialog") === null;
    });
    expect(outside).toBe(false);
  }
  await page.keyboard.press("Escape");
  await expect(dialog).toHaveCount(0);
  await expect(page.locator("[role=row]:focus")).toContainText("web");
});

test("one Tab stop for a list, then its row's own", async ({ page }) => {
  await new FakeCore(sample()).open(page);
  await page.getByRole("row", { name: "Select web" }).focus();
  await page.keyboard.press("Tab");
  await expect(page.locator(":focus")).toHaveText("8080→80");
  await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("Shift+Tab");
  await expect(page.getByRole("button", { name: "Run", exact: true })).toBeFocused();
});
