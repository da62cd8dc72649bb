//! Messages about command lines, and of the engine.

use crate::answers::usual;
use crate::command::transcript;
use crate::service::Service;
use crate::tables::kept;

#[test]
fn usage() {
    kept!(
        "usage",
        [
            "pulll",
            "container lss",
            "rnu",
            "zzzz",
            "help pulll",
            "run --interactve x",
            "ps --filtre x",
            "--rooot /x ps",
            "run -Z x",
            "run --name",
            "ps --last many",
            "ps --all=maybe",
            "images --sort colour",
            "container",
            "stop",
            "stop --all web",
            "stop --all --latest",
            "rm --latest web",
            "kill --cidfile f web",
            "pause -f name=x web",
            "start",
            "start -a web job",
            "start --sig-proxy web",
            "wait",
            "inspect",
            "attach",
            "exec",
            "exec web",
            "tag web",
            "rename web",
            "volume rm",
            "network rm",
            "rmi",
            "run",
            "create",
            "pull",
            "logs",
            "port",
            "top",
            "ps --filter status",
            "images --filter x",
            "ps --last 1 --latest",
            "kill -s NOPE web",
            "stop --cidfile missing",
            "rm -t 3 web",
            "stop -t -5 web",
            "restart --time=-2 web",
            "rm -f -t 4294967296 web",
            "network rm -f -t -2 web",
            "volume rm -f -t soon web",
            "create --stop-timeout -1 web",
            "run --cpus 1 --cpu-quota 5000 web",
            "run -p 99999:1 web",
            "run -v a:relative web",
            "run --rm --restart always web",
            "run --memory much web",
            "run -e =x web",
            "run --network a:b:c web",
            "run --add-host nothing web",
            "run --umask 99 web",
            "run -w relative web",
            "run --pull often web",
            "run --security-opt nonsense web",
            "run --cap-add nothing web",
            "run --ulimit x web",
            "run --log-opt x web",
            "run --image-volume x web",
            "run --replace web",
            "run --name a/b web",
            "save -o a:b web",
            "save --format x web",
        ]
    );
}

#[test]
fn global_options() {
    kept!(
        "global-options",
        [
            "--conmon /x ps",
            "--imagestore /x ps",
            "--syslog ps",
            "--transient-store ps",
            "--tls-ca /x ps",
            "--tls-cert /x ps",
            "--tls-key /x ps",
            "--module missing.conf ps",
            "--ssh native ps",
            "--ssh golang ps -q",
            "ps --conmon /x",
            "--log-level loud ps",
            "--connection nowhere ps",
            "--context other ps",
        ]
    );
}

#[test]
fn of_the_engine() {
    kept!(
        "engine-errors",
        [
            "inspect nobody",
            "inspect 'no\\e[2Jne\\nError: forged'",
            "rm nobody",
            "stop nobody",
            "logs nobody",
            "history nobody",
            "volume inspect nobody",
            "network inspect nobody",
            "image inspect nobody",
            "port nobody",
            "top nobody",
            "image mount",
            "image mount web",
            "image unmount web",
        ]
    );
}

#[test]
fn help() {
    kept!("help", ["help", "help stop", "help run", "help pull", "help container", "help machine"]);
}
