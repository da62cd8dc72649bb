// Compose projects that are brought up from their files, and what is written out of containers.
import type { Locator, Page } from "@playwright/test";

import type { Call, ProjectPlan } from "../../src/lib/generated/desktop";
import { expect, test, visit } from "./base";
import { FakeCore } from "./fake";
import { PLAN, sample } from "./sample";

const PLACES = ["/home/me/shop/", "/home/me/site/", "/home/me/old.yaml"];

/** A core that knows a file at /home/me/shop/, whose answer `change` makes another. */
function planning(change: (call: Extract<Call, { call: "planProject" }>) => Partial<ProjectPlan> = () => ({})): FakeCore {
  const core = new FakeCore(sample());
  core.answer = (call) => {
    if (call.call === "places") return { reply: "places", places: PLACES.filter((place) => place.startsWith(call.start) && place !== call.start) };
    if (call.call === "planProject") return { reply: "planned", plan: { ...PLAN, ...change(call) } };
    return undefined;
  };
  return core;
}

async function open(page: Page, core: FakeCore): Promise<Locator> {
  await core.open(page);
  await visit(page, "e", "Applications");
  await page.getByRole("button", { name: "Start from a file" }).click();
  const dialog = page.getByRole("dialog", { name: "Start from a file" });
  await expect(dialog).toBeVisible();
  return dialog;
}

test("a project is chosen, looked at and started by keys alone", async ({ page }) => {
  const asked = { name: "DB_PASSWORD", default: "", required: true, given: false, asked: true };
  const core = planning(({ form }) =>
    form.values.some((value) => value.startsWith("DB_PASSWORD="))
      ? { variables: [{ ...asked, given: true, asked: false }] }
      : { variables: [asked], problem: { file: "/home/me/shop/compose.yaml", line: 7, path: "services.db.environment", message: "required variable DB_PASSWORD is missing a value" }, services: [] },
  );
  await core.open(page);
  await visit(page, "e", "Applications");
  await page.keyboard.press("Control+k");
  await page.keyboard.type("start an application");
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog", { name: "Start from a file" });
  const path = dialog.getByRole("combobox", { name: "Compose file or its folder" });
  await expect(path).toBeFocused();
  const start = dialog.getByRole("button", { name: "Start", exact: true });
  await expect(start).toBeDisabled();

  await page.keyboard.type("/home/me/s");
  await expect(dialog.getByRole("option")).toHaveText(["shop/", "site/"]);
  await page.keyboard.press("ArrowDown");
  await expect(dialog.getByRole("option", { selected: true })).toHaveText("shop/");
  await page.keyboard.press("Enter");
  await expect(path).toHaveValue("/home/me/shop/");
  await core.called({ call: "planProject", form: { files: ["/home/me/shop/"], profiles: null } });

  // What is wrong is told at its line, and the value that is missing is asked for. It may be mended elsewhere.
  await expect(dialog.getByRole("alert")).toContainText("compose.yaml, line 7: services.db.environment: required variable DB_PASSWORD");
  await expect(start).toBeDisabled();
  await dialog.getByRole("button", { name: "Read again" }).click();
  await core.called({ call: "planProject", form: { values: [] } });
  await path.focus();
  await page.keyboard.press("Tab");
  await page.keyboard.type("s3cret=1");
  await core.called({ call: "planProject", form: { values: ["DB_PASSWORD=s3cret=1"] } });
  await expect(dialog.getByRole("alert")).toHaveCount(0);
  const plan = dialog.getByRole("region", { name: "What is done" });
  await expect(plan).toContainText("is pulled");
  await expect(plan).toContainText("127.0.0.1:5432:5432");
  await expect(plan).toContainText("shop_data");
  await expect(start).toBeEnabled();
  await page.keyboard.press("Enter");
  await core.called({ call: "upProject", form: { files: ["/home/me/shop/"], values: ["DB_PASSWORD=s3cret=1"], profiles: ["dev"] } });
});

test("a way that is shown is left by Esc before the dialog is", async ({ page }) => {
  const dialog = await open(page, planning());
  await page.keyboard.type("/home/me/s");
  await expect(dialog.getByRole("option")).toHaveCount(2);
  await page.keyboard.press("Escape");
  await expect(dialog.getByRole("option")).toHaveCount(0);
  await expect(dialog).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(dialog).toHaveCount(0);
});

test("profiles and what is to be done otherwise are part of the question", async ({ page }) => {
  const core = planning(({ form }) => ({
    orphans: ["shop-old-1"],
    profiles: PLAN.profiles.map((row) => ({ ...row, active: form.profiles?.includes(row.name) ?? row.active })),
  }));
  const dialog = await open(page, core);
  await dialog.getByRole("combobox").fill("shop");
  await expect(dialog).toContainText("A whole path");
  await dialog.getByRole("combobox").fill("/home/me/shop/compose.yaml");
  await dialog.getByRole("checkbox", { name: "dev" }).uncheck();
  await core.called({ call: "planProject", form: { profiles: [] } });
  await dialog.getByRole("checkbox", { name: "debug" }).check();
  await core.called({ call: "planProject", form: { profiles: ["debug"] } });
  await dialog.getByRole("checkbox", { name: /does not have any more: shop-old-1/ }).check();
  await dialog.getByText("More", { exact: true }).click();
  await dialog.getByLabel("Name of the project").fill("other");
  await dialog.getByLabel("Pull newer images").check();
  await core.called({ call: "planProject", form: { name: "other", pull: true, removeOrphans: true } });
  // Another file has other profiles.
  await dialog.getByRole("combobox").fill("/home/me/site/");
  await core.called({ call: "planProject", form: { files: ["/home/me/site/"], name: "", profiles: null } });
});

test("each object is followed, and a failure stays on the screen", async ({ page }) => {
  const core = planning();
  const dialog = await open(page, core);
  await dialog.getByRole("combobox").fill("/home/me/shop/");
  await dialog.getByRole("button", { name: "Start", exact: true }).click();
  await core.called({ call: "upProject" });
  const id = core.last;
  const step = (label: string, note: string, state: "active" | "done" | "failed") => ({ label, note, state, current: 0, total: 0 });
  core.task({ id, title: "Up shop", logged: true, steps: [step("Network shop_default", "Created", "done"), step("Container shop-db-1", "Waiting", "active")] });
  await expect(dialog.getByRole("listitem").filter({ hasText: "shop-db-1" })).toContainText("Waiting");
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await core.called({ call: "cancelTask", id });
  core.task({ id, title: "Up shop", logged: true, state: "failed", failure: { kind: "WrongState", message: "container shop-db-1 is unhealthy" }, steps: [step("Container shop-db-1", "Error", "failed")] });
  await expect(dialog.getByRole("alert")).toContainText("container shop-db-1 is unhealthy");
  await expect(dialog.getByRole("listitem")).toContainText("failed");
  // What was filled in is still there.
  await dialog.getByRole("button", { name: "Change and try again" }).click();
  await expect(dialog.getByRole("combobox")).toHaveValue("/home/me/shop/");
  await core.called({ call: "planProject" });

  core.answer = ((before) => (call) => (call.call === "upProject" ? { kind: "NotFound", message: "network out declared as external, but could not be found" } : before(call)))(core.answer);
  await dialog.getByRole("button", { name: "Start", exact: true }).click();
  await expect(dialog.getByRole("alert")).toContainText("declared as external");
});

test("a project that is there is brought up again, and what differs is told", async ({ page }) => {
  const web = {
    name: "web",
    image: "nginx:1.30",
    comes: "pull",
    ports: ["9090:80"],
    binds: [],
    create: 0,
    replaced: [{ name: "shop-web-1", changes: [{ kind: "imageName", what: "nginx:1.30" }, { kind: "ports", what: "9090:80" }] }],
    kept: [],
    removed: [],
  } as const;
  const core = planning(() => ({ services: [{ ...web, ports: [...web.ports], binds: [], replaced: web.replaced.map((one) => ({ ...one, changes: [...one.changes] })), kept: [], removed: [] }] }));
  await core.open(page);
  await visit(page, "e", "Applications");
  await page.getByRole("row", { name: /shop/ }).focus();
  await page.keyboard.press("u");
  const files = ["/home/me/shop/compose.yaml"];
  await core.called({ call: "planProject", form: { name: "shop", folder: "/home/me/shop", files } });
  const dialog = page.getByRole("dialog", { name: "Bring shop up again" });
  await expect(dialog).toContainText("shop-web-1: the image is nginx:1.30; the ports are 9090:80");
  await expect(dialog).toContainText("made anew");
  await expect(dialog.getByRole("button", { name: "Up again" })).toBeFocused();
  await page.keyboard.press("Enter");
  await core.called({ call: "upProject", form: { name: "shop", files } });
  core.task({ id: core.last, title: "Up shop", state: "done", ended: Date.now() });
  await expect(dialog).toContainText("It is up.");
  await dialog.getByRole("button", { name: "Close" }).click();
  await expect(page.getByRole("row", { name: /shop/ })).toBeFocused();
});

test("a container is written out for Kubernetes, copied and kept", async ({ page, context }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const core = new FakeCore(sample());
  core.answer = (call) =>
    call.call === "generateKube"
      ? { reply: "text", text: `kind: ${call.form.kind}\nservice: ${call.form.service}\n` }
      : call.call === "saveText" && call.to.endsWith("there.yaml")
        ? { kind: "Internal", message: `write ${call.to}: File exists` }
        : undefined;
  await core.open(page);
  await page.getByRole("row", { name: "Select web" }).click();
  await page.getByRole("button", { name: "As Kubernetes YAML" }).click();
  const dialog = page.getByRole("dialog", { name: "web as Kubernetes YAML" });
  await expect(dialog.getByLabel("Kubernetes YAML", { exact: true })).toContainText("kind: pod");
  await dialog.getByRole("combobox").selectOption("Deployment");
  await dialog.getByLabel("With a service").check();
  await expect(dialog.getByLabel("Kubernetes YAML", { exact: true })).toContainText("kind: deployment");
  await dialog.getByRole("button", { name: "Copy" }).click();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe("kind: deployment\nservice: true\n");
  const to = dialog.getByLabel("File on this computer");
  await expect(to).toHaveValue("/home/me/Downloads/web.yaml");
  await to.fill("/home/me/there.yaml");
  await page.keyboard.press("Enter");
  await expect(dialog.getByRole("status")).toContainText("File exists");
  await to.fill("/home/me/web.yaml");
  await page.keyboard.press("Enter");
  await core.called({ call: "saveText", to: "/home/me/web.yaml", text: "kind: deployment\nservice: true\n" });
  await expect(dialog.getByRole("status")).toContainText("Saved as /home/me/web.yaml");
});
