import { expect, test, visit } from "./base";
import { FakeCore } from "./fake";
import { container, details, image, machine, sample } from "./sample";

const EVIL = '<img src=x onerror="window.__pwn=1"><script>window.__pwn=1</script>\u001b[31m\u202Egnp.exe';
const PAIR = { key: EVIL, value: EVIL };
const SHOWN = '<img src=x onerror="window.__pwn=1">';

/** Names, labels, errors and logs are other people's: they are shown as text and nothing else. */
test("foreign text stays text", async ({ page, baseURL }) => {
  const outside: string[] = [];
  page.on("request", (request) => {
    if (!request.url().startsWith(`${baseURL}/`)) outside.push(request.url());
  });
  const row = container(1, { name: EVIL, image: EVIL, command: EVIL, group: { kind: "project", name: EVIL } });
  const snapshot = {
    ...sample({
      containers: [row],
      images: [image(EVIL)],
      pods: [{ id: EVIL, name: EVIL, state: EVIL, members: [{ id: EVIL, name: EVIL, state: EVIL, infra: false }], networks: [EVIL], created: 0 }],
      secrets: [{ id: EVIL, name: EVIL, driver: EVIL, created: 0, updated: 0 }],
      happenings: [{ id: 1, time: 0, kind: EVIL, action: EVIL, object: EVIL, name: EVIL, code: EVIL }],
      networks: [{ id: EVIL, name: EVIL, driver: EVIL, subnets: [EVIL], internal: true, created: 0 }],
      volumes: [{ id: EVIL, driver: EVIL, mountpoint: EVIL, anonymous: false, created: 0 }],
    }),
    machines: [machine("m", { state: "broken", problem: EVIL })],
  };
  const core = new FakeCore(snapshot);
  core.answer = (call) => {
    if (call.call === "inspect") {
      const json = JSON.stringify({ Name: EVIL }, null, 2);
      return { reply: "details", details: { ...details(row), command: [EVIL], error: EVIL, environment: [PAIR], labels: [PAIR], json } };
    }
    if (call.call === "describe") {
      const named = { id: EVIL, name: EVIL, note: EVIL };
      return { reply: "description", description: { containers: [named], labels: [PAIR], options: [PAIR], json: JSON.stringify(EVIL) } };
    }
    if (call.call === "listFiles") {
      return { reply: "files", files: [{ name: EVIL, kind: EVIL, directory: false, target: EVIL, size: 0, mode: 0, changed: 0 }] };
    }
    if (call.call === "usage") {
      const sort = { count: 1, active: 0, size: 1 };
      return { reply: "usage", usage: { images: sort, containers: sort, volumes: sort, unused: [{ kind: "image", id: EVIL, names: [EVIL], size: 1 }], shares: [], volumeSizes: [] } };
    }
    if (call.call === "registries") {
      const login = { registry: EVIL, username: EVIL, place: EVIL, problem: null };
      const registry = { prefix: EVIL, location: EVIL, insecure: true, blocked: true, mirrors: [EVIL] };
      return { reply: "registries", registries: { search: [EVIL], registries: [registry], logins: [login], problem: EVIL } };
    }
    return call.call === "containers" || call.call === "pull" ? { kind: "Internal", message: EVIL } : undefined;
  };
  await core.open(page);
  await expect(page.getByRole("row").nth(1)).toContainText(SHOWN);
  await expect(page.getByRole("row").nth(1)).toContainText("<U+202E>gnp.exe");
  await page.getByRole("row").nth(1).click();
  await expect(page.getByRole("tabpanel")).toContainText(SHOWN);
  await page.getByRole("tab", { name: "Logs" }).click();
  await core.called({ call: "openLog" });
  core.log(EVIL);
  await expect(page.getByRole("log")).toContainText(SHOWN);
  await page.getByLabel("Search in the log").fill("img");
  await expect(page.getByRole("log").locator("mark")).toHaveText("img");
  await page.getByRole("tab", { name: "Inspect" }).click();
  await page.getByRole("button", { name: "Stop" }).first().click();
  await expect(page.getByRole("alert")).toContainText(SHOWN);
  core.task({ id: 9, title: EVIL, message: EVIL, steps: [{ label: EVIL, state: "active", note: "", current: 1, total: 2 }] });
  await page.getByRole("contentinfo").getByRole("button").click();
  await expect(page.getByRole("region", { name: "Tasks" })).toContainText(SHOWN);
  await page.keyboard.press("Control+k");
  await page.keyboard.type("img");
  await expect(page.getByRole("listbox").getByRole("option").first()).toContainText(SHOWN);
  await page.keyboard.press("Escape");
  await visit(page, "3", "Images");
  await expect(page.getByRole("row").first()).toContainText("onerror");
  for (const [key, name] of [["2", "Pods"], ["4", "Networks"], ["5", "Volumes"], ["6", "Secrets"]] as const) {
    await visit(page, key, name);
    await page.getByRole("row").first().click();
    await expect(page.getByRole("tabpanel")).toContainText(SHOWN);
    await page.getByRole("button", { name: "Close details" }).click();
  }
  await visit(page, "8", "Registries");
  await expect(page.getByRole("main")).toContainText(SHOWN);
  await visit(page, "9", "System");
  await expect(page.getByRole("tabpanel")).toContainText(SHOWN);
  await page.getByRole("tab", { name: "Events" }).click();
  await expect(page.getByRole("row").first()).toContainText(SHOWN);
  await visit(page, "1", "Containers");
  await page.getByRole("row").nth(1).focus();
  await page.keyboard.press("f");
  await expect(page.getByRole("tabpanel")).toContainText(SHOWN);
  await visit(page, "7", "Machines");
  await expect(page.getByRole("row").first()).toContainText(SHOWN);
  expect(await page.evaluate(() => (window as { __pwn?: number }).__pwn)).toBeUndefined();
  expect(await page.locator("img:not([src='/icon.svg'])").count()).toBe(0);
  expect(outside).toEqual([]);
});

test("two ports of a container may be published as the same one", async ({ page }) => {
  const tcp = (hostPort: number, containerPort: number) => ({ host: "", hostPort, containerPort, protocol: "tcp" });
  await new FakeCore(sample({ containers: [container(1, { ports: [tcp(8080, 80), tcp(8080, 81)] })] })).open(page);
  const row = page.getByRole("row").first();
  await expect(row.getByRole("link")).toHaveText(["8080→80", "8080→81"]);
  // Not on a link.
  await row.getByText("box-1").click();
  await expect(page.getByRole("tabpanel").getByRole("link")).toHaveText(["8080→80", "8080→81"]);
});

test("the policy keeps foreign scripts out even if text became markup", async ({ page }) => {
  await new FakeCore(sample()).open(page);
  await expect(page.getByRole("row").first()).toBeVisible();
  await page.evaluate(async () => {
    const holder = document.createElement("div");
    holder.innerHTML = '<img src="/nothing" onerror="window.__pwn=1">';
    document.body.append(holder);
    const script = document.createElement("script");
    script.textContent = "window.__pwn=2";
    document.body.append(script);
    // The image's own handler would have run before this one.
    await new Promise((done) => holder.querySelector("img")?.addEventListener("error", done));
  });
  expect(await page.evaluate(() => (window as { __pwn?: number }).__pwn)).toBeUndefined();
});
