// The little of WebDriver (W3C) that the window test needs, over WebKitWebDriver.
import { spawn } from "node:child_process";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

const ELEMENT = "element-6066-11e4-a52e-4f735466cecf";
/** Seconds until what is waited for must be there. A busy computer takes its time; what comes at once costs none. */
const PATIENCE = 120;

/** A port that is free at this moment. */
function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Waits until `look` has nothing to complain of; its last complaint is told of `what`. */
async function until(look, what) {
  const deadline = Date.now() + PATIENCE * 1000;
  for (;;) {
    const complaint = await look();
    if (complaint === null) return;
    if (Date.now() > deadline) throw new Error(`${what}: ${complaint}`);
    await sleep(50);
  }
}

/** A window of `binary` under WebDriver's control. */
export class Window {
  #base;
  #session;
  #driver;

  static async open(binary, args, env) {
    const window = new Window();
    const port = await freePort();
    window.#base = `http://127.0.0.1:${port}`;
    // A process group of its own, so that nothing of it outlives the test or holds our outputs open.
    window.#driver = spawn("WebKitWebDriver", [`--port=${port}`, "--host=127.0.0.1"], {
      env,
      stdio: "ignore",
      detached: true,
    });
    window.#driver.unref();
    await until(async () => {
      try {
        return (await fetch(`${window.#base}/status`)).ok ? null : "it is not ready";
      } catch (error) {
        return String(error);
      }
    }, "WebKitWebDriver");
    const { sessionId } = await window.#send("POST", "/session", {
      capabilities: { alwaysMatch: { "webkitgtk:browserOptions": { binary, args } } },
    });
    window.#session = `/session/${sessionId}`;
    return window;
  }

  async close() {
    try {
      await this.#send("DELETE", this.#session);
    } finally {
      process.kill(-this.#driver.pid, "SIGKILL");
    }
  }

  async #send(method, path, body) {
    const response = await fetch(this.#base + path, {
      method,
      signal: AbortSignal.timeout(PATIENCE * 1000),
      ...(method === "POST" ? { body: JSON.stringify(body ?? {}) } : {}),
    });
    const { value } = await response.json();
    if (!response.ok) throw new Error(`${method} ${path}: ${value?.error}: ${value?.message}`);
    return value;
  }

  /** Runs a function's body in the page. */
  run(script, ...args) {
    return this.#send("POST", `${this.#session}/execute/sync`, { script, args });
  }

  text() {
    return this.run("return document.body.innerText");
  }

  /** Waits until the page shows `wanted` (a string or a pattern). */
  sees(wanted) {
    return until(async () => {
      const text = await this.text();
      return (typeof wanted === "string" ? text.includes(wanted) : wanted.test(text)) ? null : `it is not seen in:\n${text}`;
    }, wanted);
  }

  /** Waits until no row of a list shows `text`. */
  misses(text) {
    const rows = "return [...document.querySelectorAll('[role=row]')].map((row) => row.innerText).join(' ')";
    return until(async () => ((await this.run(rows)).includes(text) ? "it is still seen" : null), text);
  }

  /** Goes to another page by its key, and waits until it is there. */
  async visit(key, heading) {
    await this.keys(`Control+${key}`);
    await until(async () => {
      const shown = await this.run("return document.querySelector('h1')?.innerText ?? ''");
      return shown === heading ? null : `the page is ${shown}`;
    }, heading);
  }

  /** Types keys wherever the focus is. `"Control+k"` is a chord; anything else is typed letter by letter. */
  async keys(...keys) {
    const special = { Enter: "\uE007", Escape: "\uE00C", ArrowDown: "\uE015", Tab: "\uE004", Delete: "\uE017", Control: "\uE009" };
    const actions = [];
    const press = (value) => actions.push({ type: "keyDown", value }, { type: "keyUp", value });
    for (const key of keys) {
      const chord = /^Control\+(.)$/.exec(key);
      if (chord) {
        actions.push({ type: "keyDown", value: special.Control });
        press(chord[1]);
        actions.push({ type: "keyUp", value: special.Control });
      } else if (special[key]) press(special[key]);
      else for (const letter of key) press(letter);
    }
    await this.#send("POST", `${this.#session}/actions`, { actions: [{ type: "key", id: "keyboard", actions }] });
  }

  async click(selector) {
    const element = await this.#send("POST", `${this.#session}/element`, { using: "css selector", value: selector });
    await this.#send("POST", `${this.#session}/element/${element[ELEMENT]}/click`);
  }

  /** Clicks the first thing of that CSS selector with that text. */
  async clickText(selector, text) {
    let element;
    await until(async () => {
      element = await this.run(
        "return [...document.querySelectorAll(arguments[0])].find((one) => one.innerText.trim() === arguments[1]) ?? null",
        selector,
        text,
      );
      return element ? null : "there is none";
    }, `${selector} with the text ${text}`);
    await this.#send("POST", `${this.#session}/element/${element[ELEMENT]}/click`);
  }

  /** A picture of the page as PNG. */
  async picture() {
    return Buffer.from(await this.#send("GET", `${this.#session}/screenshot`), "base64");
  }
}
