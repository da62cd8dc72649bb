"""A day of podman-py: SERVICE IMAGE."""

import io
import sys
import tarfile
import threading
import time

from podman import PodmanClient
from podman.errors import APIError, BuildError, ContainerError, ImageNotFound, NotFound

client = PodmanClient(base_url=sys.argv[1].replace("unix://", "http+unix://"), timeout=60)
IMAGE = sys.argv[2]
# What stops a container in its tracks is in control groups of the second version.
FREEZES = client.info()["host"]["cgroupVersion"] == "v2"
steps = []


def step(work):
    steps.append(work)
    return work


def until(what, look):
    """Asks again for up to 20 seconds."""
    for _ in range(200):
        found = look()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(what)


def refused(kind, ask):
    try:
        ask()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}")


def run_of(command, image=IMAGE, **options):
    """The output of a container; podman-py reads it of some log drivers alone."""
    options["log_config"] = {"Type": "json-file"}
    return client.containers.run(image, command, remove=True, **options)


@step
def about():
    assert client.ping()
    assert client.version()["ApiVersion"] == "1.44"
    assert client.info()["host"]["os"] == "linux"
    assert client.df()["Images"]


@step
def run():
    assert run_of(["echo", "hi"]) == b"hi\n"
    error = refused(
        ContainerError,
        lambda: client.containers.run(IMAGE, ["sh", "-c", "echo bad >&2; exit 3"], remove=True, stderr=True),
    )
    assert error.exit_status == 3, error


@step
def life():
    container = client.containers.run(
        IMAGE, ["sh", "-c", "echo one; sleep 300"], detach=True, name="pea", labels={"a": "b"},
        environment={"X": "1"}, ports={"8080/tcp": None}, cap_add=["NET_ADMIN"],
        mounts=[{"type": "tmpfs", "target": "/scratch", "size": "1m"}], extra_hosts={"there": "192.0.2.1"}, hostname="pod",
    )
    try:
        assert container.status == "running" and container.labels == {"a": "b"}, container.attrs
        assert client.containers.exists("pea")
        until("the log", lambda: b"".join(container.logs()) == b"one\n")
        code, output = container.exec_run(["sh", "-c", "echo $X; echo e >&2; exit 4"], demux=True)
        assert code == 4 and output == (b"1\n", b"e\n"), output
        code, output = container.exec_run("cat /etc/hostname /etc/hosts", environment={"Y": "2"}, workdir="/tmp")
        assert code == 0 and b"pod\n" in output and b"192.0.2.1" in output, output
        assert b"".join(container.exec_run("echo streamed", stream=True)[1]) == b"streamed\n"
        container.rename("pod")
        assert container.top()["Processes"]
        assert container.stats(stream=False, decode=True)["Stats"][0]["Name"] == "pod"
        assert next(container.stats(stream=True, decode=True))["Stats"]
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            entry = tarfile.TarInfo("f")
            entry.size = 3
            tar.addfile(entry, io.BytesIO(b"abc"))
        assert container.put_archive("/tmp", archive.getvalue())
        pieces, stat = container.get_archive("/tmp/f")
        assert stat["size"] == 3 and b"abc" in b"".join(pieces)
        assert any(change["Path"] == "/tmp/f" for change in container.diff())
        committed = container.commit("localhost/pea", "v1")
        assert "localhost/pea:v1" in committed.tags, committed.tags
        if FREEZES:
            container.pause()
            container.reload()
            assert container.status == "paused"
            container.unpause()
        container.restart(timeout=0)
        container.stop(timeout=0)
        assert container.wait() == 137
        container.start()
        container.kill()
        assert container.wait(condition="exited") == 137
    finally:
        container.remove(force=True)
    assert not client.containers.exists("pod")
    client.images.remove("localhost/pea:v1")


@step
def logs():
    container = client.containers.run(IMAGE, ["sh", "-c", "for i in 1 2 3; do echo $i; sleep 0.2; done"], detach=True)
    assert b"".join(container.logs(stream=True, follow=True)) == b"1\n2\n3\n"
    container.wait()
    assert b"".join(container.logs(tail=1)) == b"3\n"
    container.remove()


@step
def lists():
    container = client.containers.create(IMAGE, ["true"], labels={"kept": "1"}, name="pea")
    [found] = client.containers.list(all=True, filters={"label": "kept=1"})
    assert found.id == container.id
    [found] = client.containers.list(all=True, filters={"name": "pea"}, sparse=False)
    assert found.image.tags == [IMAGE]
    assert client.containers.prune(filters={"label": "kept=1"})["ContainersDeleted"] == [container.id]


@step
def volumes():
    volume = client.volumes.create("pea", labels={"l": "1"})
    assert client.volumes.get("pea").attrs["Labels"] == {"l": "1"}
    client.containers.run(IMAGE, ["sh", "-c", "echo x >/d/f"], volumes={"pea": {"bind": "/d"}}, remove=True)
    assert run_of(["cat", "/d/f"], volumes={"pea": {"bind": "/d", "mode": "ro"}}) == b"x\n"
    assert [found.name for found in client.volumes.list(filters={"label": "l=1"})] == ["pea"]
    volume.remove()
    assert not client.volumes.exists("pea")


@step
def networks():
    network = client.networks.create("pea", labels={"q": "w"}, ipam={
        "Driver": "host-local", "Config": [{"Subnet": "10.237.19.0/24", "Gateway": "10.237.19.1"}],
    })
    container = client.containers.create(IMAGE, ["sleep", "100"], name="pea", network="pea", network_mode="bridge")
    try:
        container.start()
        network.reload()
        container.reload()
        address = container.attrs["NetworkSettings"]["Networks"]["pea"]["IPAddress"]
        assert address.startswith("10.237.19."), address
        assert [found.name for found in client.networks.list(names="pea")] == ["pea"]
        network.disconnect("pea", force=True)
        network.connect("pea", aliases=["other"], ipv4_address="10.237.19.7")
        container.reload()
        joined = container.attrs["NetworkSettings"]["Networks"]["pea"]
        assert joined["IPAddress"] == "10.237.19.7" and "other" in joined["Aliases"], joined
    finally:
        container.remove(force=True)
        network.remove()
    assert not client.networks.exists("pea")


@step
def pods():
    pod = client.pods.create("pea", labels={"p": "1"})
    try:
        client.containers.create(IMAGE, ["sleep", "300"], name="pea-1", pod=pod, stop_timeout=0)
        pod.start()
        pod.reload()
        assert pod.attrs["State"] == "Running", pod.attrs
        assert client.pods.exists("pea")
        assert pod.top()["Processes"]
        assert client.pods.stats(name="pea")
        assert [found.name for found in client.pods.list(filters={"label": "p=1"})] == ["pea"]
        if FREEZES:
            pod.pause()
            pod.unpause()
        pod.restart()
        pod.stop(timeout=0)
    finally:
        pod.remove(force=True)
    assert not client.pods.exists("pea")


@step
def secrets():
    secret = client.secrets.create("pea", b"hush")
    assert client.secrets.exists("pea") and secret.name == "pea"
    assert "pea" in [found.name for found in client.secrets.list()]
    assert run_of(["cat", "/run/secrets/pea"], secrets=["pea"]) == b"hush"
    secret.remove()
    refused(NotFound, lambda: client.secrets.get("pea"))


@step
def images():
    image = client.images.get(IMAGE)
    assert image.tag("localhost/pea", "t1")
    assert any("localhost/pea:t1" in known.tags for known in client.images.list(name="localhost/pea"))
    assert image.history()
    saved = b"".join(client.images.get("localhost/pea:t1").save(named="localhost/pea:t1"))
    client.images.remove("localhost/pea:t1", force=False)
    assert [found.tags for found in client.images.load(saved)]
    assert client.images.exists("localhost/pea:t1")
    client.images.remove("localhost/pea:t1")
    refused(APIError, lambda: client.images.pull("localhost:1/none", tag="1"))
    client.images.prune()


@step
def builds():
    file = f"FROM {IMAGE}\nARG A=1\nRUN echo $A >/a\nLABEL z=y\nCMD cat /a\n"
    image, lines = client.images.build(fileobj=io.StringIO(file), tag="localhost/pea", buildargs={"A": "7"})
    assert image.labels["z"] == "y" and list(lines)
    assert run_of(None, image="localhost/pea") == b"7\n"
    refused(
        BuildError,
        lambda: client.images.build(fileobj=io.StringIO(f"FROM {IMAGE}\nRUN exit 9\n")),
    )
    client.images.remove("localhost/pea")


@step
def manifests():
    manifest = client.manifests.create("localhost/pea-list:1")
    manifest.add([IMAGE])
    manifest.reload()
    assert manifest.attrs["manifests"], manifest.attrs
    manifest.remove(manifest.attrs["manifests"][0]["digest"])
    assert client.manifests.exists("localhost/pea-list:1")
    client.manifests.remove("localhost/pea-list:1")


@step
def events():
    seen = []
    stream = client.events(decode=True, filters={"type": "container", "label": "of=events"})
    threading.Thread(target=lambda: seen.extend(stream), daemon=True).start()

    def told():
        client.containers.run(IMAGE, ["true"], remove=True, labels={"of": "events"})
        return {"create", "start", "died", "remove"} <= {event["Action"] for event in list(seen)}
    # What happens before the service reads does not come, so it is made to happen until something does.
    until("the events", told)


@step
def health():
    test = {"Test": ["CMD", "true"], "Interval": 1_000_000_000}
    container = client.containers.run(IMAGE, ["sleep", "100"], detach=True, healthcheck=test)
    try:
        def healthy():
            container.reload()
            return container.attrs["State"]["Health"]["Status"] == "healthy"
        until("good health", healthy)
    finally:
        container.remove(force=True)


@step
def errors():
    refused(NotFound, lambda: client.containers.get("nope"))
    refused(ImageNotFound, lambda: client.images.get("nope"))
    refused(NotFound, lambda: client.volumes.get("nope"))
    refused(NotFound, lambda: client.networks.get("nope"))
    refused(NotFound, lambda: client.pods.get("nope"))
    refused(ImageNotFound, lambda: client.containers.create("localhost/nope", ["true"]))
    refused(APIError, lambda: client.login("u", "p", registry="localhost:1"))
    assert not client.images.exists("nope") and not client.containers.exists("nope")


for work in steps:
    work()
    print("ok", work.__name__, flush=True)
