// A day of dockerode: SOCKET IMAGE.
"use strict";

const assert = require("node:assert/strict");
const { PassThrough } = require("node:stream");
const Docker = require("dockerode");

const [socketPath, IMAGE] = process.argv.slice(-2);
const docker = new Docker({ socketPath });

/** All that a stream has to say. */
async function text(stream) {
  const pieces = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

/** What a stream of a container without a terminal says on each of its outputs. */
async function demuxed(stream) {
  const [out, err] = [new PassThrough(), new PassThrough()];
  docker.modem.demuxStream(stream, out, err);
  stream.on("end", () => [out, err].forEach((side) => side.end()));
  return Promise.all([text(out), text(err)]);
}

/** A tar of one file. */
function tar(name, content) {
  const header = Buffer.alloc(512);
  const put = (at, value) => header.write(value, at, "latin1");
  put(0, name);
  put(100, "0000644\0");
  put(108, "0000000\0");
  put(116, "0000000\0");
  put(124, `${Buffer.byteLength(content).toString(8).padStart(11, "0")}\0`);
  put(136, "00000000000\0");
  put(148, "        ");
  put(156, "0");
  put(257, "ustar\u000000");
  const sum = header.reduce((total, byte) => total + byte, 0);
  put(148, `${sum.toString(8).padStart(6, "0")}\0 `);
  const body = Buffer.alloc(Math.ceil(Buffer.byteLength(content) / 512) * 512);
  body.write(content);
  return Buffer.concat([header, body, Buffer.alloc(1024)]);
}

/** Asks again for up to 20 seconds. */
async function until(what, look) {
  for (let tries = 0; tries < 200; tries += 1) {
    const found = await look();
    if (found) return found;
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error(what);
}

/** The status of the answer to what is refused. */
async function refused(work) {
  try {
    await work();
  } catch (error) {
    assert.ok(error.json?.message, `no JSON: ${error}`);
    return error.statusCode;
  }
  throw new Error(`not refused: ${work}`);
}

const followed = (stream) =>
  new Promise((done, failed) => {
    docker.modem.followProgress(stream, (error, lines) => (error ? failed(error) : done(lines)));
  });

const steps = {
  async about() {
    assert.equal((await docker.ping()).toString(), "OK");
    assert.equal((await docker.version()).ApiVersion, "1.44");
    assert.equal((await docker.info()).OSType, "linux");
    assert.ok(Array.isArray((await docker.df()).Containers));
  },

  async run() {
    const [out, err] = [new PassThrough(), new PassThrough()];
    const told = [text(out), text(err)];
    const [{ StatusCode }, container] = await docker.run(
      IMAGE,
      ["sh", "-c", "echo out; echo err >&2; exit 3"],
      [out, err],
      { Tty: false },
    );
    [out, err].forEach((side) => side.end());
    assert.equal(StatusCode, 3);
    assert.deepEqual(await Promise.all(told), ["out\n", "err\n"]);
    await container.remove();
  },

  async life() {
    const container = await docker.createContainer({
      name: "rode",
      Image: IMAGE,
      Cmd: ["sh", "-c", "echo one; echo two >&2; sleep 300"],
      Env: ["X=1"],
      Labels: { a: "b" },
      ExposedPorts: { "8080/tcp": {} },
      HostConfig: { PublishAllPorts: true, AutoRemove: false, RestartPolicy: { Name: "no" } },
      StopTimeout: 0,
    });
    try {
      await container.start();
      const { State, NetworkSettings, Config } = await container.inspect();
      assert.equal(State.Status, "running");
      assert.equal(Config.Labels.a, "b");
      assert.ok(NetworkSettings.Ports["8080/tcp"][0].HostPort);
      await until("the log", async () => {
        const log = await container.logs({ stdout: true, stderr: true });
        return log.includes("one\n") && log.includes("two\n");
      });
      const exec = await container.exec({
        Cmd: ["sh", "-c", "cat; echo e >&2; echo $X; exit 4"],
        AttachStdin: true,
        AttachStdout: true,
        AttachStderr: true,
      });
      const stream = await exec.start({ hijack: true, stdin: true });
      const both = demuxed(stream);
      stream.write("in ");
      stream.end();
      assert.deepEqual(await both, ["in 1\n", "e\n"]);
      assert.equal((await until("the end", async () => {
        const found = await exec.inspect();
        return !found.Running && found;
      })).ExitCode, 4);
      const plain = await container.exec({ Cmd: ["echo", "plain"], AttachStdout: true });
      assert.deepEqual(await demuxed(await plain.start({})), ["plain\n", ""]);
      await container.rename({ name: "rode-on" });
      assert.ok((await container.top({ ps_args: "aux" })).Processes.length);
      assert.equal((await container.stats({ stream: false })).name, "/rode-on");
      await container.update({ RestartPolicy: { Name: "on-failure", MaximumRetryCount: 3 } });
      await container.putArchive(tar("f", "abc"), { path: "/tmp" });
      const info = await container.infoArchive({ path: "/tmp/f" });
      const stat = JSON.parse(Buffer.from(info.headers["x-docker-container-path-stat"], "base64"));
      assert.equal(stat.size, 3);
      assert.ok((await text(await container.getArchive({ path: "/tmp/f" }))).includes("abc"));
      assert.ok((await container.changes()).some((change) => change.Path === "/tmp/f"));
      const { Id } = await container.commit({ repo: "localhost/rode", tag: "v1" });
      assert.ok(Id);
      await docker.getImage("localhost/rode:v1").remove();
      if ((await docker.info()).CgroupVersion === "2") {
        await container.pause();
        assert.equal((await container.inspect()).State.Paused, true);
        await container.unpause();
      }
      await container.restart({ t: 0 });
      const ended = container.wait();
      await container.kill({ signal: "SIGKILL" });
      assert.equal((await ended).StatusCode, 137);
      assert.equal(await refused(() => container.kill()), 409);
      await container.start();
      await assert.rejects(container.start(), { statusCode: 304 });
    } finally {
      await container.remove({ force: true });
    }
  },

  async logs() {
    const container = await docker.createContainer({
      Image: IMAGE,
      Cmd: ["sh", "-c", "for i in 1 2 3; do echo $i; sleep 0.2; done"],
    });
    await container.start();
    assert.deepEqual(await demuxed(await container.logs({ follow: true, stdout: true, stderr: true })), [
      "1\n2\n3\n",
      "",
    ]);
    await container.wait();
    const last = await container.logs({ stdout: true, tail: 1 });
    assert.equal(last.subarray(8).toString(), "3\n");
    await container.remove();
  },

  async terminal() {
    const container = await docker.createContainer({
      Image: IMAGE,
      Cmd: ["sh"],
      Tty: true,
      OpenStdin: true,
      AttachStdin: true,
      StdinOnce: true,
    });
    const stream = await container.attach({ stream: true, stdin: true, stdout: true, stderr: true, hijack: true });
    const seen = text(stream);
    await container.start();
    await container.resize({ h: 33, w: 101 });
    stream.write("stty size; echo tty$((1+1))\nexit 5\n");
    assert.equal((await container.wait()).StatusCode, 5);
    const shown = await seen;
    assert.ok(shown.includes("tty2") && shown.includes("33 101"), shown);
    await container.remove();
  },

  async input() {
    const container = await docker.createContainer({
      Image: IMAGE,
      Cmd: ["sort"],
      OpenStdin: true,
      StdinOnce: true,
      HostConfig: { AutoRemove: true },
    });
    const stream = await container.attach({ stream: true, stdin: true, stdout: true, stderr: true, hijack: true });
    const both = demuxed(stream);
    const removed = container.wait({ condition: "removed" });
    await container.start();
    stream.end("b\na\n");
    assert.deepEqual(await both, ["a\nb\n", ""]);
    assert.equal((await removed).StatusCode, 0);
  },

  async volumes() {
    await docker.createVolume({ Name: "rode", Labels: { l: "1" } });
    const volume = docker.getVolume("rode");
    assert.deepEqual((await volume.inspect()).Labels, { l: "1" });
    const mounts = [{ Type: "volume", Source: "rode", Target: "/d" }];
    const [{ StatusCode }, container] = await docker.run(IMAGE, ["sh", "-c", "echo x >/d/f"], new PassThrough(), {
      HostConfig: { Mounts: mounts },
    });
    assert.equal(StatusCode, 0);
    const { Volumes } = await docker.listVolumes({ filters: { label: ["l=1"] } });
    assert.deepEqual(Volumes.map((found) => found.Name), ["rode"]);
    assert.equal(await refused(() => volume.remove()), 409);
    await container.remove();
    await volume.remove();
    assert.equal(await refused(() => volume.inspect()), 404);
  },

  async networks() {
    const network = await docker.createNetwork({ Name: "rode", CheckDuplicate: true, Labels: { q: "w" } });
    try {
      // On the default network, which is a bridge for ordinary users, too.
      const member = await docker.createContainer({ Image: IMAGE, Cmd: ["sleep", "100"], name: "rode" });
      await member.start();
      await network.connect({ Container: member.id, EndpointConfig: { Aliases: ["other"] } });
      const { Networks } = (await member.inspect()).NetworkSettings;
      assert.ok(Networks.rode.IPAddress);
      assert.ok(Networks.rode.Aliases.includes("other"));
      assert.equal((await network.inspect()).Containers[member.id].Name, "rode");
      assert.equal(await refused(() => network.remove()), 403);
      await network.disconnect({ Container: member.id, Force: true });
      assert.equal((await member.inspect()).NetworkSettings.Networks.rode, undefined);
      await member.remove({ force: true });
    } finally {
      await network.remove();
    }
    assert.deepEqual(await docker.listNetworks({ filters: { label: ["q=w"] } }), []);
  },

  async images() {
    const image = docker.getImage(IMAGE);
    assert.equal((await image.inspect()).Os, "linux");
    assert.ok((await image.history()).length);
    await image.tag({ repo: "localhost/rode", tag: "t1" });
    assert.ok((await docker.listImages()).some((found) => found.RepoTags?.includes("localhost/rode:t1")));
    const saved = await docker.getImage("localhost/rode:t1").get();
    await docker.getImage("localhost/rode:t1").remove();
    const loaded = await text(await docker.loadImage(saved));
    assert.ok(loaded.includes("localhost/rode:t1"), loaded);
    await docker.getImage("localhost/rode:t1").remove();
    assert.equal(await refused(() => docker.getImage("localhost/rode:t1").inspect()), 404);
    await assert.rejects(async () => followed(await docker.pull("localhost:1/none:1")));
  },

  async builds() {
    const file = `FROM ${IMAGE}\nARG A=1\nRUN echo $A >/a\nLABEL z=y\nCMD cat /a\n`;
    const stream = await docker.buildImage(tar("Dockerfile", file), { t: "localhost/rode", buildargs: { A: "7" } });
    const lines = await followed(stream);
    assert.ok(lines.some((line) => line.stream?.includes("Successfully built")), JSON.stringify(lines));
    assert.ok(lines.some((line) => line.aux?.ID?.startsWith("sha256:")), JSON.stringify(lines));
    const out = new PassThrough();
    const told = text(out);
    const [, container] = await docker.run("localhost/rode", [], out, {});
    out.end();
    assert.ok((await told).includes("7"));
    await container.remove();
    const failed = await followed(await docker.buildImage(tar("Dockerfile", `FROM ${IMAGE}\nRUN exit 9\n`)));
    assert.match(failed.at(-1).error, /9/);
    await docker.getImage("localhost/rode").remove();
  },

  async events() {
    const stream = await docker.getEvents({ filters: { type: ["container"], label: ["of=events", "and=this"] } });
    const seen = [];
    stream.on("data", (piece) => {
      for (const line of piece.toString().split("\n").filter(Boolean)) seen.push(JSON.parse(line));
    });
    const told = async (labels) => {
      const [, container] = await docker.run(IMAGE, ["sh", "-c", "exit 2"], new PassThrough(), { Labels: labels });
      await container.remove();
    };
    await told({ of: "events" });
    await told({ of: "events", and: "this" });
    await until("the events", () => seen.some((event) => event.Action === "destroy"));
    const actions = seen.map((event) => event.Action);
    for (const action of ["create", "attach", "start", "die", "destroy"]) {
      assert.equal(actions.filter((found) => found === action).length, 1, `${action} in ${actions}`);
    }
    const die = seen.find((event) => event.Action === "die");
    assert.equal(die.Actor.Attributes.exitCode, "2");
    assert.equal(die.Actor.Attributes.image, IMAGE);
    stream.destroy();
  },

  async health() {
    const container = await docker.createContainer({
      Image: IMAGE,
      Cmd: ["sleep", "100"],
      Healthcheck: { Test: ["CMD-SHELL", "true"], Interval: 1e9, Timeout: 1e9, Retries: 3 },
    });
    await container.start();
    try {
      await until("good health", async () => (await container.inspect()).State.Health.Status === "healthy");
    } finally {
      await container.remove({ force: true });
    }
  },

  async errors() {
    assert.equal(await refused(() => docker.getContainer("nope").inspect()), 404);
    assert.equal(await refused(() => docker.getContainer("nope").start()), 404);
    assert.equal(await refused(() => docker.getImage("nope").inspect()), 404);
    assert.equal(await refused(() => docker.getNetwork("nope").inspect()), 404);
    assert.equal(await refused(() => docker.createContainer({ Image: "localhost/nope" })), 404);
    assert.equal(await refused(() => docker.createContainer({ Image: IMAGE, Labels: 3 })), 400);
    assert.equal(await refused(() => docker.swarmInspect()), 503);
    assert.equal(await refused(() => docker.listServices()), 503);
  },

  async prune() {
    const container = await docker.createContainer({ Image: IMAGE, Cmd: ["true"], Labels: { pruned: "1" } });
    const found = await docker.pruneContainers({ filters: { label: ["pruned=1"] } });
    assert.deepEqual(found.ContainersDeleted, [container.id]);
    await docker.pruneImages({ filters: { dangling: ["true"] } });
    await docker.pruneVolumes({});
    await docker.pruneNetworks({ filters: { label: ["none"] } });
  },
};

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
