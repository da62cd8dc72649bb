// Pictures for eyes, not for comparison: `SHOTS=folder npx playwright test shots`.
import { expect, test, visit } from "./base";
import { FakeCore } from "./fake";
import { container, PLAN, PROCESSES, sample, VOLUME_FILES } from "./sample";

const FOLDER = process.env["SHOTS"];
test.skip(FOLDER === undefined, "pictures are only taken with SHOTS=folder");

for (const scheme of ["light", "dark"] as const) {
  test(`screens, ${scheme}`, async ({ page }) => {
    await page.emulateMedia({ colorScheme: scheme });
    const shot = (name: string) => page.screenshot({ path: `${FOLDER}/${scheme}-${name}.png` });
    const core = new FakeCore(sample());
    await core.open(page);
    await expect(page.getByRole("row", { name: "Select registry" })).toBeVisible();
    await shot("containers");
    await page.getByRole("row", { name: "Select web" }).click();
    await expect(page.getByText("SESSION_SECRET")).toBeVisible();
    await shot("summary");
    await page.getByRole("button", { name: "As Kubernetes YAML" }).click();
    await expect(page.getByRole("dialog")).toContainText("kind: Pod");
    await shot("as-kube");
    await page.keyboard.press("Escape");
    await page.getByRole("tab", { name: "Logs" }).click();
    await core.called({ call: "openLog" });
    core.log(
      ...Array.from({ length: 30 }, (_, at) => `10.89.0.1 - - "GET /assets/${at}.js HTTP/1.1" \u001b[32m200\u001b[0m ${at * 311}`),
      "!2026/11/22 11:59:01 [error] 31#31: *17 open() \"/usr/share/nginx/html/missing\" failed (2: No such file or directory)",
      "\u001b[1;33mWARN\u001b[0m upstream is slow: \u001b[36m812 ms\u001b[0m",
    );
    await page.getByLabel("Search in the log").fill("assets/1");
    await shot("logs");
    await page.getByLabel("Search in the log").fill("");
    await page.getByRole("tab", { name: "Terminal" }).click();
    await page.getByRole("button", { name: "Start", exact: true }).last().click();
    await core.called({ call: "openTerminal" });
    const prompt = "\u001b[36m/ #\u001b[0m ";
    const lines = `${prompt}ls -l /etc/nginx\r\ntotal 8\r\ndrwxr-xr-x    2 root  root  26 Nov 24 09:12 \u001b[34mconf.d\u001b[0m\r\n-rw-r--r--    1 root  root  5349 Oct 28 12:05 mime.types\r\n${prompt}`;
    core.emit({ event: "terminal", subscription: core.last, data: Buffer.from(lines).toString("base64") });
    await expect(page.locator("[data-terminal]")).toContainText("mime.types");
    await shot("terminal");
    await page.getByRole("tab", { name: "Files" }).click();
    await expect(page.getByRole("tabpanel").getByRole("row", { name: /^etc/ })).toBeVisible();
    await shot("files");
    await page.getByRole("tab", { name: "Stats" }).click();
    await core.called({ call: "openStats" });
    for (let at = 0; at < 200; at += 1) {
      core.emit({
        event: "stats",
        subscription: core.last,
        sample: {
          time: 1_000_000 + at * 1000,
          cpu: 22 + 18 * Math.sin(at / 9) + (at % 7),
          memory: (180 + 60 * Math.sin(at / 60)) * 2 ** 20,
          memoryLimit: 512 * 2 ** 20,
          received: at * 42_000 + 300_000 * Math.sin(at / 15),
          sent: at * 180_000 + 900_000 * Math.sin(at / 22),
          read: at > 40 ? 9_000_000 : at * 220_000,
          written: at * 3000,
          pids: 9,
        },
      });
    }
    await expect(page.getByText("9 processes and threads")).toBeVisible();
    await shot("stats");
    await page.getByRole("button", { name: "Change limits" }).click();
    await shot("limits");
    await page.keyboard.press("Escape");
    await page.getByRole("tab", { name: "Processes" }).click();
    await core.called({ call: "openProcesses" });
    core.emit({ event: "processes", subscription: core.last, processes: PROCESSES });
    await expect(page.getByText("nginx: master")).toBeVisible();
    await shot("processes");
    await page.getByRole("tab", { name: "Inspect" }).click();
    await shot("inspect");
    await page.getByRole("button", { name: "Close details" }).click();
    await visit(page, "3", "Images");
    await page.getByRole("button", { name: "Measure what is shared" }).click();
    await expect(page.getByText("912 MB in all")).toBeVisible();
    await shot("images");
    await page.getByRole("button", { name: "Pull" }).click();
    await page.getByLabel("Image", { exact: true }).fill("docker.io/library/redis");
    await page.keyboard.press("Enter");
    await core.called({ call: "pull" });
    core.task({
      id: core.last,
      message: "Trying to pull docker.io/library/redis:latest…",
      steps: [
        { label: "sha256:0e4bc2bd6656e6e004e3c749af70e5650bac2258243eb0949dea51cb8b7863db", state: "skipped", note: "", current: 0, total: 29_800_000 },
        { label: "sha256:1c5ba3bd6656e6e004e3c749af70e5650bac2258243eb0949dea51cb8b7863db", state: "done", note: "", current: 4_200_000, total: 4_200_000 },
        { label: "sha256:2d6ca4bd6656e6e004e3c749af70e5650bac2258243eb0949dea51cb8b7863db", state: "active", note: "", current: 11_000_000, total: 17_500_000 },
      ],
    });
    await expect(page.getByText("11.0 MB of 17.5 MB")).toBeVisible();
    await shot("pull");
    await page.keyboard.press("Escape");
    await page.getByRole("row", { name: /nginx/ }).click();
    await expect(page.getByText("/docker-entrypoint.sh")).toBeVisible();
    await shot("image");
    await page.getByRole("tab", { name: "Layers" }).click();
    await shot("layers");
    await visit(page, "e", "Applications");
    await page.getByRole("row", { name: /shop/ }).click();
    await shot("application");
    await page.getByRole("button", { name: "Start from a file" }).click();
    const up = page.getByRole("dialog");
    const plan = { ...PLAN, orphans: ["shop-old-1"], services: PLAN.services.map((one) => one.name === "mail" ? { ...one, kept: [], replaced: [{ name: "shop-mail-1", changes: [{ kind: "variable" as const, what: "MP_MAX" }, { kind: "ports" as const, what: "8025:8025" }] }] } : one) };
    core.answer = (call) =>
      call.call === "places"
        ? { reply: "places", places: ["/home/me/shop/", "/home/me/shop-old/", "/home/me/shed/"].filter((place) => place.startsWith(call.start) && place !== call.start) }
        : call.call === "planProject"
          ? { reply: "planned", plan: call.form.files[0]?.endsWith("bad.yaml") ? { ...plan, services: [], networks: [], volumes: [], profiles: [], orphans: [], problem: { file: "/home/me/shop/bad.yaml", line: 12, path: "services.db.ports", message: "must be a list" } } : { ...plan, variables: [{ name: "DB_PASSWORD", default: "", required: true, given: false, asked: true }, { name: "PUBLIC_URL", default: "", required: false, given: false, asked: true }, { name: "TAG", default: "latest", required: false, given: false, asked: false }] } }
          : undefined;
    await shot("up-empty");
    await page.keyboard.type("/home/me/sh");
    await expect(up.getByRole("option")).toHaveCount(3);
    await page.keyboard.press("ArrowDown");
    await shot("up-path");
    await up.getByRole("combobox").fill("/home/me/shop/bad.yaml");
    await expect(up.getByRole("alert")).toBeVisible();
    await shot("up-fault");
    await up.getByRole("combobox").fill("/home/me/shop/");
    await up.getByLabel("DB_PASSWORD").fill("secret");
    await expect(up.getByRole("region", { name: "What is done" })).toBeVisible();
    await up.getByText("More", { exact: true }).click();
    await shot("up");
    await up.getByRole("button", { name: "Start", exact: true }).click();
    await core.called({ call: "upProject" });
    const step = (label: string, note: string, state: "active" | "done" | "failed") => ({ label, note, state, current: 0, total: 0 });
    const steps = [step("Image docker.io/library/postgres:18", "Pulled", "done"), step("Image shop-api", "Built", "done"), step("Network shop_default", "Created", "done"), step("Volume shop_data", "Created", "done"), step("Container shop-db-1", "Error", "failed"), step("Container shop-api-1", "Created", "done")];
    core.task({ id: core.last, title: "Up shop", logged: true, state: "failed", failure: { kind: "WrongState", message: "dependency failed to start: container shop-db-1 is unhealthy" }, steps });
    await expect(up.getByRole("alert")).toBeVisible();
    await core.called({ call: "openTaskLog" });
    core.log("Network shop_default  Created", "Container shop-db-1  Starting", "Container shop-db-1  Started", "Container shop-db-1  Waiting", "!Container shop-db-1  Error");
    await expect(up.getByText("Waiting").first()).toBeVisible();
    await shot("up-failed");
    await page.keyboard.press("Escape");
    core.answer = () => undefined;
    await page.getByRole("tab", { name: "Logs" }).click();
    await core.called({ call: "openLogs" });
    const said: [number, string][] = [[1, "database system is ready to accept connections"], [2, "2 migrations applied"], [0, "listening on :3000"], [3, '10.89.0.1 "GET / HTTP/1.1" 200'], [0, "GET /api/items 12 ms"], [1, "checkpoint starting: time"], [3, '10.89.0.1 "GET /assets/app.js HTTP/1.1" 200']];
    core.emit({ event: "log", subscription: core.last, lines: said.map(([source, text], at) => ({ time: 1_700_000_000_000 + at * 400, error: false, source, text })) });
    await expect(page.getByText("listening on")).toBeVisible();
    await shot("application-logs");
    core.answer = (call) =>
      call.call === "checkKube"
        ? { reply: "checked", check: { problem: { line: 8, path: "spec.containers[0].image", message: "unable to read YAML as Kube Pod: a list where a text is expected" }, objects: [], unused: [], remarks: [] } }
        : undefined;
    await page.getByRole("button", { name: "Kubernetes YAML" }).click();
    await expect(page.getByText("a list where a text").first()).toBeVisible();
    await shot("kube");
    core.answer = () => undefined;
    await visit(page, "2", "Pods");
    await page.getByRole("row", { name: /monitoring/ }).click();
    await expect(page.getByText("elsewhere")).toBeVisible();
    await shot("pods");
    await visit(page, "6", "Secrets");
    await expect(page.getByRole("row", { name: /tls-key/ })).toBeVisible();
    await shot("secrets");
    await page.getByRole("button", { name: "New secret" }).click();
    await shot("form");
    await page.keyboard.press("Escape");
    await visit(page, "8", "Registries");
    await page.getByLabel("Image", { exact: true }).fill("alpine");
    await page.keyboard.press("Enter");
    await expect(page.getByText("evil.example is blocked")).toBeVisible();
    await shot("registries");
    await visit(page, "9", "System");
    await page.getByRole("checkbox", { name: /Containers that do not run/ }).check();
    await shot("disk");
    await page.getByRole("tab", { name: "Events" }).click();
    await shot("events");
    await visit(page, "0", "Settings");
    await expect(page.getByLabel("Language")).toBeVisible();
    await shot("settings");
    await visit(page, "4", "Networks");
    await page.getByRole("button", { name: "Who reaches whom" }).click();
    await shot("graph");
    await page.getByRole("button", { name: "Who reaches whom" }).click();
    await shot("networks");
    await visit(page, "5", "Volumes");
    await page.getByRole("button", { name: "Measure sizes" }).click();
    await page.getByRole("row", { name: /shop_cache/ }).click();
    await page.getByRole("tab", { name: "Files" }).click();
    await core.called({ call: "openVolume" });
    core.emit({ event: "files", subscription: core.last, files: VOLUME_FILES }, { event: "end", subscription: core.last, code: null, failure: null });
    await expect(page.getByText("6 files and folders")).toBeVisible();
    await shot("volumes");
    await page.getByRole("button", { name: "Clean up…" }).click();
    await expect(page.getByRole("dialog")).toContainText("Remove 1, free 12.0 MB");
    await shot("clean");
    await page.keyboard.press("Escape");
    await visit(page, "7", "Machines");
    await shot("machines");
    await page.keyboard.press("Control+k");
    await page.keyboard.type("we");
    await shot("palette");
    await page.keyboard.press("Escape");
    await visit(page, "0", "Settings");
    await page.getByLabel("Contrast").selectOption("more");
    await shot("contrast-settings");
    await visit(page, "1", "Containers");
    await page.getByRole("row", { name: "Select web" }).click();
    await page.getByRole("tab", { name: "Summary" }).click();
    await expect(page.getByText("SESSION_SECRET")).toBeVisible();
    await shot("contrast");
    await page.getByRole("button", { name: "Close details" }).click();
    await visit(page, "0", "Settings");
    await page.getByLabel("Contrast").selectOption("system");
    await visit(page, "1", "Containers");
    await page.getByRole("button", { name: "Run", exact: true }).click();
    await page.getByLabel("Ports").fill("abc");
    await page.keyboard.press("Enter");
    await shot("run");
    await page.keyboard.press("Escape");
    await page.keyboard.press("?");
    await shot("keys");
    await page.keyboard.press("Escape");
    await page.getByRole("row", { name: "Select web" }).focus();
    await page.keyboard.press("Delete");
    await shot("confirm");
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: /redis/ }).click();
    await shot("tasks");
  });
}

test("Korean", async ({ page }) => {
  const shot = (name: string) => page.screenshot({ path: `${FOLDER}/ko-${name}.png` });
  await page.addInitScript(() => localStorage.setItem("cove.language", "ko"));
  const core = new FakeCore(sample());
  await core.open(page);
  await expect(page.getByRole("row", { name: /^registry / })).toBeVisible();
  await page.getByRole("row", { name: /^web / }).click();
  await expect(page.getByText("SESSION_SECRET")).toBeVisible();
  await shot("summary");
  for (const [key, heading, name] of [["e", "애플리케이션", "applications"], ["5", "볼륨", "volumes"], ["3", "이미지", "images"], ["9", "시스템", "disk"], ["0", "설정", "settings"]] as const) {
    await visit(page, key, heading);
    await shot(name);
  }
  await visit(page, "e", "애플리케이션");
  await page.getByRole("row", { name: /shop/ }).focus();
  await page.keyboard.press("u");
  await expect(page.getByRole("dialog")).toContainText("새로");
  await shot("up");
});

test("odd states", async ({ page }) => {
  const shot = (name: string) => page.screenshot({ path: `${FOLDER}/odd-${name}.png` });
  const empty = { ...sample({ containers: [], images: [], networks: [], volumes: [], pods: [], secrets: [] }), machines: [] };
  await new FakeCore(empty).open(page);
  await expect(page.getByText("No containers yet")).toBeVisible();
  await shot("empty");
  const lost = new FakeCore({
    ...empty,
    health: { ...empty.health, state: "lost", message: "cannot connect to the Cove service at unix:///run/cove/cove.sock: Connection refused (os error 111)" },
  });
  await lost.open(page);
  await page.reload();
  await expect(page.getByText("Connection refused")).toBeVisible();
  await shot("lost");
  const many = new FakeCore(sample({ containers: Array.from({ length: 1000 }, (_, at) => container(at + 1)) }));
  await many.open(page);
  await page.reload();
  await expect(page.getByText("1000 of 1000 running")).toBeVisible();
  await page.getByRole("row").first().focus();
  await page.keyboard.press("End");
  await shot("thousand");
  await page.setViewportSize({ width: 600, height: 700 });
  const narrow = new FakeCore(sample());
  await narrow.open(page);
  await page.reload();
  await expect(page.getByRole("row", { name: "Select registry" })).toBeVisible();
  await shot("narrow");
  await page.getByRole("row", { name: "Select web" }).click();
  await shot("narrow-details");
  await page.getByRole("button", { name: "Close details" }).click();
  for (const [key, heading] of [["2", "Pods"], ["3", "Images"], ["8", "Registries"], ["9", "System"], ["0", "Settings"]] as const) {
    await visit(page, key, heading);
    await shot(`narrow-${heading.toLowerCase()}`);
  }
});
