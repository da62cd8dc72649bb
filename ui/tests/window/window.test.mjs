// The real window over a real engine: WebKitGTK under Xvfb, driven through WebKitWebDriver.
//
// Needs COVE_DESKTOP (the window's program), COVE (the engine's) and a display:
//   dbus-run-session -- xvfb-run -a -s "-screen 0 1280x800x24" npm run test:window
// With SHOTS=folder it leaves pictures there.
import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

import { skip } from "../skip.mjs";
import { Window } from "./driver.mjs";

const { COVE, COVE_DESKTOP, DISPLAY, SHOTS } = process.env;
const IMAGE = "localhost/cove-window-test:1";
const BUSYBOX = ["/bin/busybox", "/usr/bin/busybox"].find((path) => existsSync(path));
/** A first process that ends when it is asked to, and not ten seconds later. */
const WAIT = "trap 'exit 0' TERM; while true; do sleep 1 & wait; done";
const RUN = promisify(execFile);

function inPath(program) {
  return (process.env.PATH ?? "").split(":").some((folder) => existsSync(join(folder, program)));
}

/** Why the test cannot be done here. */
function missing() {
  if (process.platform !== "linux") return "the window test is for Linux";
  if (!COVE_DESKTOP || !existsSync(COVE_DESKTOP)) return "COVE_DESKTOP does not name the window's program";
  if (!COVE || !existsSync(COVE)) return "COVE does not name the engine's program";
  if (!DISPLAY) return "there is no display (DISPLAY)";
  if (!inPath("WebKitWebDriver")) return "WebKitWebDriver is not installed";
  if (!BUSYBOX) return "busybox is not installed";
  return undefined;
}

const reason = missing();
if (reason) skip("window", "window.test.mjs", reason);

let folder;
let window;

/** Runs the engine's program on the test's own storage. */
async function cove(...args) {
  const roots = ["--root", join(folder, "root"), "--runroot", join(folder, "run")];
  const { stdout } = await RUN(COVE, [...roots, ...args], { env: environment(), timeout: 120_000 });
  return stdout.trim();
}

/** Homes of the test's own, so that it sees nobody's machines and changes nobody's settings. */
function environment() {
  const home = join(folder, "home");
  return {
    ...process.env,
    HOME: home,
    XDG_CONFIG_HOME: join(home, ".config"),
    XDG_DATA_HOME: join(home, ".local/share"),
    XDG_CACHE_HOME: join(home, ".cache"),
    XDG_RUNTIME_DIR: join(folder, "xdg"),
    TAURI_WEBVIEW_AUTOMATION: "true",
    GDK_BACKEND: "x11",
    NO_AT_BRIDGE: "1",
  };
}

async function shot(name) {
  if (!SHOTS) return;
  mkdirSync(SHOTS, { recursive: true });
  // What is in the document is not painted yet.
  await sleep(400);
  writeFileSync(join(SHOTS, `window-${name}.png`), await window.picture());
}

/** A root file system of busybox alone. */
function archive() {
  const tree = join(folder, "tree");
  for (const name of ["bin", "dev", "etc", "proc", "sys", "tmp"]) mkdirSync(join(tree, name), { recursive: true });
  copyFileSync(BUSYBOX, join(tree, "bin/busybox"));
  for (const applet of ["sh", "echo", "sleep"]) symlinkSync("busybox", join(tree, "bin", applet));
  const file = join(folder, "tree.tar");
  execFileSync("tar", ["--owner=0", "--group=0", "--numeric-owner", "-C", tree, "-cf", file, "."]);
  return file;
}

before(
  async () => {
    if (reason) return;
    folder = mkdtempSync(join(tmpdir(), "cove-window-"));
    for (const name of ["home", "xdg"]) mkdirSync(join(folder, name), { mode: 0o700 });
    chmodSync(join(folder, "xdg"), 0o700);
    await cove("import", "-q", archive(), IMAGE);
    await cove("run", "-d", "--name", "first", "--network", "none", IMAGE, "sh", "-c", `echo hello from first; ${WAIT}`);
    const roots = ["--root", join(folder, "root"), "--runroot", join(folder, "run")];
    window = await Window.open(COVE_DESKTOP, roots, environment());
  },
  { timeout: 600_000 },
);

after(
  async () => {
    if (reason) return;
    await window?.close();
    try {
      await cove("rm", "-f", "-t", "0", "first", "second", "third");
    } catch {
      // Some of them may be gone already.
    }
    try {
      // Root's graph root is a mount of its own, which outlives the engine (as Podman's).
      execFileSync("umount", [join(folder, "root/overlay")], { stdio: "ignore" });
    } catch {
      // An ordinary user's is gone with the name space.
    }
    rmSync(folder, { recursive: true, force: true });
  },
  { timeout: 300_000 },
);

test("the window shows the engine and what happens in it", { skip: reason, timeout: 1_200_000 }, async (t) => {
  await t.test("what is there", async () => {
    await window.sees("first");
    await window.sees("1 of 1 running");
    await window.sees(/Cove \d+\.\d+\.\d+ · linux\//);
    const paint = await window.run("return performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null");
    if (paint !== null) t.diagnostic(`first paint ${Math.round(paint)} ms after the page's start`);
    await shot("containers");
  });

  await t.test("what is done elsewhere appears at once", async () => {
    await cove("run", "-d", "--name", "second", "--network", "none", IMAGE, "sleep", "600");
    await window.sees("2 of 2 running");
    await cove("kill", "second");
    await window.sees("Exited (137)");
    await cove("rm", "second");
    await window.misses("second");
  });

  await t.test("a log by keyboard", async () => {
    await window.keys("ArrowDown", "l");
    await window.sees("hello from first");
    await shot("logs");
    await window.keys("Escape");
  });

  await t.test("stop and start by keyboard", async () => {
    await window.run("document.querySelector('[role=row]').focus()");
    await window.keys("s");
    await window.sees(/Exited \(\d+\)/);
    await window.keys("s");
    await window.sees("1 of 1 running");
  });

  await t.test("an image is run from its form", async () => {
    await window.visit("3", "Images");
    await window.sees("cove-window-test");
    await shot("images");
    await window.run("document.querySelector('[role=row]').focus()");
    await window.keys("r");
    await window.sees("Run an image");
    await window.keys("third", "Tab", "Tab", `sh -c "echo it works; ${WAIT}"`);
    await window.keys("Enter");
    await window.sees("it works");
    assert.match(await cove("ps", "--format", "{{.Names}}"), /third/);
  });

  await t.test("a failure is told", async () => {
    await window.keys("Escape");
    await window.visit("3", "Images");
    await window.clickText("button", "Pull");
    await window.keys("127.0.0.1:9/nobody", "Enter");
    await window.sees(/refused|unreachable/i);
    await shot("failure");
    await window.keys("Escape");
  });

  await t.test("a container is removed after a question", async () => {
    await window.visit("1", "Containers");
    await window.sees("third");
    const row = "[...document.querySelectorAll('[role=row]')].find((row) => row.innerText.includes('third'))";
    await window.run(`(${row}).focus()`);
    await window.keys("Delete");
    await window.sees("Remove third?");
    await window.keys("Enter");
    await window.misses("third");
    assert.doesNotMatch(await cove("ps", "-a", "--format", "{{.Names}}"), /third/);
  });

  await t.test("machines have their page, and nothing went wrong", async () => {
    await window.visit("7", "Machines");
    await window.sees("No machines");
    await shot("machines");
    assert.equal(await window.run("return document.querySelectorAll('[role=alert]').length"), 0);
  });
});
