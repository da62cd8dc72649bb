// Tests with testcontainers for Node, which cleans up behind them: IMAGE FOLDER; the rest is in its variables.
"use strict";

const assert = require("node:assert/strict");
const { GenericContainer, Network, Wait } = require("testcontainers");

const [IMAGE, FOLDER] = process.argv.slice(-2);
const SERVER = ["sh", "-c", "mkdir -p /www; echo page >/www/index.html; echo ready; exec httpd -f -p 8080 -h /www"];

/** The page of a container's server. */
async function page(container) {
  const url = `http://${container.getHost()}:${container.getMappedPort(8080)}/`;
  return (await fetch(url)).text();
}

const steps = {
  async server() {
    const container = await new GenericContainer(IMAGE)
      .withCommand(SERVER)
      .withExposedPorts(8080)
      .withEnvironment({ A: "b" })
      .withCopyContentToContainer([{ content: "copied", target: "/tmp/copied", mode: 0o640 }])
      .withTmpFs({ "/scratch": "rw,size=1m" })
      .withUlimits({ nofile: { hard: 100, soft: 90 } })
      .withSharedMemorySize(1 << 20)
      .withWaitStrategy(Wait.forAll([Wait.forListeningPorts(), Wait.forLogMessage("ready")]))
      .withStartupTimeout(30_000)
      .start();
    assert.equal(await page(container), "page\n");
    const done = await container.exec(["sh", "-c", "echo $A; echo e >&2; cat /tmp/copied; ulimit -n; exit 3"]);
    assert.equal(done.exitCode, 3);
    assert.equal(done.stdout, "b\ncopied90\n");
    assert.equal(done.stderr, "e\n");
    const logs = await container.logs();
    const first = await new Promise((seen) => logs.once("data", seen));
    assert.match(first.toString(), /ready/);
    logs.destroy();
    const archive = await container.copyArchiveFromContainer("/tmp/copied");
    const pieces = [];
    for await (const piece of archive) pieces.push(piece);
    assert.ok(Buffer.concat(pieces).includes("copied"));
    await container.restart();
    assert.equal(await page(container), "page\n");
    await container.stop({ timeout: 0 });
  },

  async network() {
    const network = await new Network().start();
    const server = await new GenericContainer(IMAGE)
      .withCommand(SERVER)
      .withNetwork(network)
      .withNetworkAliases("web")
      .withWaitStrategy(Wait.forLogMessage("ready"))
      .start();
    const asking = await new GenericContainer(IMAGE)
      .withNetwork(network)
      .withCommand(["sh", "-c", "for i in 1 2 3 4 5; do wget -qO- http://web:8080/ && exit; sleep 1; done; exit 1"])
      .withWaitStrategy(Wait.forOneShotStartup())
      .start();
    await asking.stop();
    await server.stop({ timeout: 0 });
    await network.stop();
  },

  async image() {
    const built = await (await GenericContainer.fromDockerfile(FOLDER).build("localhost/tcn:latest")).start();
    assert.equal((await built.exec("cat /built")).output, "built\n");
    await built.stop({ timeout: 0 });
  },

  async waits() {
    for (const strategy of [Wait.forHealthCheck(), Wait.forSuccessfulCommand("true")]) {
      const container = await new GenericContainer(IMAGE)
        .withCommand(["sleep", "100"])
        .withHealthCheck({ test: ["CMD-SHELL", "true"], interval: 1000, timeout: 1000, retries: 5, startPeriod: 0 })
        .withWaitStrategy(strategy)
        .withStartupTimeout(30_000)
        .start();
      await container.stop({ timeout: 0 });
    }
    await assert.rejects(
      new GenericContainer(IMAGE)
        .withCommand(["sh", "-c", "exit 1"])
        .withWaitStrategy(Wait.forOneShotStartup())
        .withStartupTimeout(10_000)
        .start(),
    );
  },

  async reuse() {
    const asked = () => new GenericContainer(IMAGE).withCommand(["sleep", "100"]).withReuse().start();
    const [first, second] = [await asked(), await asked()];
    assert.equal(first.getId(), second.getId());
    await first.stop({ timeout: 0 });
  },

  async left() {
    const kept = await new GenericContainer(IMAGE).withCommand(["sleep", "1000"]).start();
    console.log(`left ${kept.getId()}`);
  },
};

// Its connections for logs keep no program alive.
setInterval(() => {}, 1000);

(async () => {
  for (const [name, step] of Object.entries(steps)) {
    await step();
    console.log(`ok ${name}`);
  }
  process.exit(0);
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
