"""A day of docker-py: SERVICE IMAGE."""

import io
import sys
import tarfile
import threading
import time

import docker

client = docker.DockerClient(base_url=sys.argv[1], timeout=60)
IMAGE = sys.argv[2]
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


@step
def about():
    assert client.ping()
    assert client.version()["ApiVersion"] == "1.44"
    assert client.info()["OSType"] == "linux"
    client.df()


@step
def run():
    assert client.containers.run(IMAGE, ["echo", "hi"], remove=True) == b"hi\n"
    try:
        client.containers.run(IMAGE, ["sh", "-c", "echo bad >&2; exit 3"], remove=True)
        raise AssertionError("no error")
    except docker.errors.ContainerError as error:
        assert error.exit_status == 3 and b"bad" in error.stderr, error


@step
def life():
    container = client.containers.run(
        IMAGE, ["sh", "-c", "echo one; sleep 300"], detach=True, name="day",
        labels={"a": "b"}, environment={"X": "1"}, ports={"8080/tcp": None},
    )
    try:
        until("the log", lambda: container.logs() == b"one\n")
        container.reload()
        assert container.status == "running" and container.labels == {"a": "b"}
        assert container.ports["8080/tcp"][0]["HostPort"], container.ports
        done = container.exec_run(["sh", "-c", "echo $X; echo e >&2; exit 4"], demux=True)
        assert done.exit_code == 4 and done.output == (b"1\n", b"e\n"), done
        container.rename("night")
        assert container.top()["Processes"]
        assert next(container.stats(stream=True, decode=True))["name"]
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            entry = tarfile.TarInfo("f")
            entry.size = 3
            tar.addfile(entry, io.BytesIO(b"abc"))
        assert container.put_archive("/tmp", archive.getvalue())
        pieces, stat = container.get_archive("/tmp/f")
        assert stat["size"] == 3 and b"abc" in b"".join(pieces)
        assert any(change["Path"] == "/tmp/f" for change in container.diff())
        assert "localhost/day:v1" in container.commit("localhost/day", "v1").tags
        container.stop(timeout=0)
        assert container.wait()["StatusCode"] == 137
        container.start()
        container.kill()
        assert container.wait()["StatusCode"] == 137
    finally:
        container.remove(force=True)
    client.images.remove("localhost/day:v1")


@step
def logs():
    container = client.containers.run(IMAGE, ["sh", "-c", "for i in 1 2 3; do echo $i; done"], detach=True)
    assert b"".join(container.logs(stream=True, follow=True)) == b"1\n2\n3\n"
    container.wait()
    assert container.attach(logs=True, stream=False) == b"1\n2\n3\n"
    container.remove()


@step
def terminal():
    container = client.containers.create(IMAGE, ["sh"], tty=True, stdin_open=True)
    connection = container.attach_socket(params={"stdin": 1, "stdout": 1, "stream": 1})
    container.start()
    connection._sock.sendall(b"echo tty$((1+1))\nexit 5\n")
    assert container.wait()["StatusCode"] == 5
    connection._sock.settimeout(20)
    seen = b""
    while piece := connection._sock.recv(1000):
        seen += piece
    assert b"tty2" in seen, seen
    container.remove()


@step
def volumes():
    volume = client.volumes.create("day", labels={"l": "1"})
    assert client.volumes.get("day").attrs["Labels"] == {"l": "1"}
    client.containers.run(IMAGE, ["sh", "-c", "echo x >/d/f"], volumes={"day": {"bind": "/d"}}, remove=True)
    assert client.containers.run(IMAGE, ["cat", "/d/f"], volumes=["day:/d:ro"], remove=True) == b"x\n"
    assert volume in client.volumes.list(filters={"name": "day"})
    volume.remove()


@step
def networks():
    network = client.networks.create("day", labels={"q": "w"})
    container = client.containers.run(IMAGE, ["sleep", "100"], detach=True, name="day", network="day")
    try:
        network.reload()
        assert [member.name for member in network.containers] == ["day"]
        container.reload()
        assert container.attrs["NetworkSettings"]["Networks"]["day"]["IPAddress"]
        [row] = client.api.containers()
        assert row["NetworkSettings"]["Networks"]["day"]["NetworkID"] == network.id, row
    finally:
        container.remove(force=True)
        network.remove()


@step
def images():
    image = client.images.get(IMAGE)
    assert image.tag("localhost/day", "t1")
    assert any("localhost/day:t1" in known.tags for known in client.images.list())
    assert client.images.load(b"".join(image.save(named=True)))
    client.images.remove("localhost/day:t1")


@step
def builds():
    file = f"FROM {IMAGE}\nARG A=1\nRUN echo $A >/a\nLABEL z=y\nCMD cat /a\n".encode()
    image, _ = client.images.build(fileobj=io.BytesIO(file), tag="localhost/day", buildargs={"A": "7"})
    assert image.labels["z"] == "y"
    assert client.containers.run("localhost/day", remove=True) == b"7\n"
    try:
        client.images.build(fileobj=io.BytesIO(f"FROM {IMAGE}\nRUN exit 9\n".encode()))
        raise AssertionError("no error")
    except docker.errors.BuildError as error:
        assert "9" in str(error), error


@step
def events():
    stream = client.events(decode=True, filters={"type": "container"})
    seen = []
    threading.Thread(target=lambda: seen.extend(map(dict, stream)), daemon=True).start()
    # Events from before the service reads do not come, so they are made until some do.
    def told():
        client.containers.run(IMAGE, ["true"], remove=True, name="told")
        return {"create", "start", "die", "destroy"} <= {event["Action"] for event in list(seen)}
    until("the events", told)
    stream.close()


@step
def errors():
    for ask, kind in [
        (lambda: client.containers.get("nope"), docker.errors.NotFound),
        (lambda: client.images.get("nope"), docker.errors.ImageNotFound),
        (lambda: client.volumes.get("nope"), docker.errors.NotFound),
        (lambda: client.login("u", "p", registry="localhost:1"), docker.errors.APIError),
        (lambda: client.images.get_registry_data("localhost:1/x"), docker.errors.APIError),
        (lambda: client.services.list(), docker.errors.APIError),
    ]:
        try:
            ask()
            raise AssertionError("no error")
        except kind:
            pass


@step
def health():
    test = {"test": ["CMD", "true"], "interval": 1_000_000_000}
    container = client.containers.run(IMAGE, ["sleep", "100"], detach=True, healthcheck=test)
    try:
        def healthy():
            container.reload()
            return container.attrs["State"]["Health"]["Status"] == "healthy"
        until("good health", healthy)
    finally:
        container.remove(force=True)


for work in steps:
    work()
    print("ok", work.__name__, flush=True)
