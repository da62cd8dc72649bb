"""Tests with testcontainers for Python, which cleans up behind them: IMAGE; the rest is in its variables."""

import os
import sys
import time
import urllib.request

import docker
from testcontainers.core.container import DockerContainer, Reaper
from testcontainers.core.image import DockerImage
from testcontainers.core.labels import LABEL_SESSION_ID, SESSION_ID
from testcontainers.core.network import Network
from testcontainers.core.wait_strategies import ExecWaitStrategy, HealthcheckWaitStrategy, LogMessageWaitStrategy
from testcontainers.core.waiting_utils import wait_for_logs

IMAGE, FOLDER = sys.argv[1:]
client = docker.from_env()
SERVER = ["sh", "-c", "mkdir -p /www; echo page >/www/index.html; echo ready; exec httpd -f -p 8080 -h /www"]


def of_session():
    return client.containers.list(all=True, filters={"label": f"{LABEL_SESSION_ID}={SESSION_ID}"})


def step(name):
    print("ok", name, flush=True)


with DockerContainer(IMAGE).with_command(SERVER).with_exposed_ports(8080).with_env("A", "b") as server:
    wait_for_logs(server, "ready", timeout=20)
    host, port = server.get_container_host_ip(), server.get_exposed_port(8080)
    answer = None
    for _ in range(100):
        try:
            answer = urllib.request.urlopen(f"http://{host}:{port}/", timeout=5).read()
            break
        except OSError:
            time.sleep(0.1)
    assert answer == b"page\n", answer
    done = server.exec(["sh", "-c", "echo $A; exit 3"])
    assert (done.exit_code, done.output) == (3, b"b\n"), done
    out, err = server.get_logs()
    assert b"ready" in out and err == b"", (out, err)
    assert [found.id for found in of_session()] == [server.get_container_id()]
assert of_session() == []
step("server")

with Network() as network:
    with DockerContainer(IMAGE).with_command(SERVER).with_network(network).with_network_aliases("web") as server:
        wait_for_logs(server, "ready", timeout=20)
        asking = DockerContainer(IMAGE).with_network(network).with_command(
            ["sh", "-c", "for i in 1 2 3 4 5; do wget -qO- http://web:8080/ && exit; sleep 1; done"]
        )
        with asking:
            assert asking.wait() == 0, asking.get_logs()
            assert asking.get_logs()[0] == b"page\n"
step("network")

with DockerImage(path=FOLDER, tag="localhost/tc:latest", clean_up=True) as image:
    with DockerContainer(str(image)).waiting_for(LogMessageWaitStrategy("built")) as built:
        assert built.exec("cat /built").output == b"built\n"
step("image")

waits = DockerContainer(IMAGE, healthcheck={"test": ["CMD", "true"], "interval": 10**9}).with_command(["sleep", "100"])
with waits.waiting_for(HealthcheckWaitStrategy().with_startup_timeout(20)):
    pass
with DockerContainer(IMAGE).with_command(["sleep", "100"]).waiting_for(ExecWaitStrategy(["true"])) as other:
    other.with_volume_mapping(FOLDER, "/folder")
step("waits")

kept = DockerContainer(IMAGE).with_command(["sleep", "1000"]).start()
client.volumes.create("tc-kept", labels={LABEL_SESSION_ID: SESSION_ID, "org.testcontainers": "true"})
print("left", kept.get_container_id(), SESSION_ID, "reaper" if Reaper._socket else "none", flush=True)
# An orderly end would take the reaper away before it has done anything.
os._exit(0)
