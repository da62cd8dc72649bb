//! The keys of `.container`.

use super::{Case, check, service};

const CASES: &[Case] = &[
    ("AddCapability=CAP_NET_ADMIN sys_time", &["--cap-add cap_net_admin --cap-add sys_time"]),
    ("DropCapability=ALL", &["--cap-drop all"]),
    (
        "AddDevice=/dev/null:/dev/x\nAddDevice=-/dev/null\nAddDevice=-/nowhere",
        &["--device /dev/null:/dev/x --device /dev/null localhost/i"],
    ),
    ("AddHost=a:10.0.0.1\nAddHost=b:10.0.0.2", &["--add-host a:10.0.0.1 --add-host b:10.0.0.2"]),
    (
        "Annotation=b=2 a=1\nAnnotation=\"c=x y\"",
        &["--annotation a=1 --annotation b=2 --annotation \"c=x\\x20y\""],
    ),
    ("AppArmor=unconfined", &["--security-opt apparmor=unconfined"]),
    ("AutoUpdate=registry", &["--label io.containers.autoupdate=registry"]),
    ("CgroupsMode=no-conmon", &["--cgroups no-conmon"]),
    ("ContainerName=web", &["--name web --replace", "ExecStop=/bin/cove rm -v -f -i web"]),
    (
        "ContainersConfModule=/etc/x.conf",
        &["--module=/etc/x.conf run", "ExecStop=/bin/cove --module=/etc/x.conf rm -v -f -i systemd-%N"],
    ),
    ("DNS=10.0.0.1\nDNS=10.0.0.2", &["--dns 10.0.0.1 --dns 10.0.0.2"]),
    ("DNSOption=ndots:1", &["--dns-option ndots:1"]),
    ("DNSSearch=example.com", &["--dns-search example.com"]),
    ("Entrypoint=/bin/sh -c", &["\"--entrypoint=/bin/sh\\x20-c\""]),
    ("Entrypoint=", &["--entrypoint="]),
    ("Environment=A=1 \"B=x y\" C\nEnvironment=A=2", &["--env A=2 --env \"B=x\\x20y\" --env C"]),
    ("EnvironmentFile=/abs ./rel %h/spec", &["--env-file /abs --env-file /units/rel --env-file %h/spec"]),
    ("EnvironmentHost=yes", &["--env-host"]),
    ("Exec=sh -c 'echo \"hi\"; exit' ;", &["localhost/i sh -c \"echo\\x20\\\"hi\\\";\\x20exit\" \";\""]),
    ("ExposeHostPort=80\nExposeHostPort=90-91/udp", &["--expose 80 --expose 90-91/udp"]),
    ("GIDMap=0:1:2\nUIDMap=0:1:2 2:3:4", &["--uidmap 0:1:2 --uidmap 2:3:4 --gidmap 0:1:2"]),
    ("SubUIDMap=a\nSubGIDMap=b", &["--subuidname a --subgidname b"]),
    ("UserNS=keep-id:uid=1", &["--userns keep-id:uid=1"]),
    (
        "RemapUsers=auto\nRemapUid=1:2:3\nRemapGid=4:5:6\nRemapUidSize=100",
        &["--userns auto:uidmapping=1:2:3,gidmapping=4:5:6,size=100"],
    ),
    ("RemapUsers=keep-id\nRemapUid=5", &["--userns keep-id:uid=5"]),
    ("RemapUsers=manual\nRemapUid=1:2:3", &["--uidmap 1:2:3"]),
    ("GlobalArgs=--log-level debug", &["--log-level debug run"]),
    ("User=1\nGroup=2", &["--user 1:2"]),
    ("User=ann", &["--user ann"]),
    ("GroupAdd=keep-groups", &["--group-add keep-groups"]),
    ("HealthCmd=test -e \"/a b\"", &["--health-cmd \"test\\x20-e\\x20\\\"/a\\x20b\\\"\""]),
    (
        "HealthInterval=1m\nHealthTimeout=2s\nHealthRetries=3\nHealthStartPeriod=4s",
        &["--health-interval 1m --health-retries 3 --health-start-period 4s --health-timeout 2s"],
    ),
    ("HealthOnFailure=kill", &["--health-on-failure kill"]),
    (
        "HealthLogDestination=/var\nHealthMaxLogCount=5\nHealthMaxLogSize=500",
        &["--health-log-destination /var --health-max-log-count 5 --health-max-log-size 500"],
    ),
    (
        "HealthStartupCmd=true\nHealthStartupInterval=1s\nHealthStartupRetries=2\nHealthStartupSuccess=3\nHealthStartupTimeout=4s",
        &[
            "--health-startup-cmd true --health-startup-interval 1s --health-startup-retries 2 --health-startup-success 3 --health-startup-timeout 4s",
        ],
    ),
    ("HostName=web", &["--hostname web"]),
    ("HttpProxy=no", &["--http-proxy=false"]),
    ("IP=10.0.0.1\nIP6=fd00::1", &["--ip 10.0.0.1 --ip6 fd00::1"]),
    ("Image=\"quay.io/a\"", &["quay.io/a"]),
    ("Label=a=b \"c=d e\"", &["--label a=b --label \"c=d\\x20e\""]),
    (
        "LogDriver=journald\nLogOpt=path=/x max-size=1m",
        &["--log-driver journald --log-opt path=/x --log-opt max-size=1m"],
    ),
    ("LogDriver=json-file\nLogDriver=", &["--rm --cgroups=split"]),
    ("Mask=/a:/b\nUnmask=ALL", &["--security-opt mask=/a:/b --security-opt unmask=ALL"]),
    ("Memory=1g", &["--memory 1g"]),
    ("Mount=type=bind,src=/a,dst=/b", &["--mount type=bind,source=/a,dst=/b", "RequiresMountsFor=/a"]),
    ("Mount=type=tmpfs,dst=/b", &["--mount type=tmpfs,dst=/b"]),
    (
        "Mount=type=bind,source=./a/,\\\"dst=/b,c\\\"",
        &["--mount \"type=bind,source=/units/a,\\\"dst=/b,c\\\"\""],
    ),
    ("Mount=type=volume,dst=/b", &["--mount type=volume,dst=/b"]),
    ("Network=host\nNetwork=pasta:-T,80", &["--network host --network pasta:-T,80"]),
    ("NetworkAlias=a", &["--network-alias a"]),
    ("NoNewPrivileges=true", &["--security-opt=no-new-privileges"]),
    ("Notify=yes", &["--sdnotify=container -d", "Type=notify", "NotifyAccess=all"]),
    ("Notify=healthy", &["--sdnotify=healthy -d"]),
    ("PidsLimit=10", &["--pids-limit 10"]),
    ("PodmanArgs=--x \"y z\"\nPodmanArgs=''", &["--x \"y\\x20z\" \"\" localhost/i"]),
    ("PublishPort=80\nPublishPort=[::1]:81:82", &["--publish 80 --publish [::1]:81:82"]),
    ("PublishPort=80\nPublishPort=\nPublishPort=81", &["-d --publish 81 localhost/i"]),
    ("Pull=never", &["--pull never"]),
    ("ReadOnly=yes", &["--read-only"]),
    ("ReadOnly=no", &["--read-only=false"]),
    ("ReadOnlyTmpfs=no", &["--read-only-tmpfs=false"]),
    ("ReloadCmd=reload \"now then\"", &["ExecReload=/bin/cove exec systemd-%N reload \"now\\x20then\""]),
    ("ReloadSignal=HUP", &["ExecReload=/bin/cove kill --signal HUP systemd-%N"]),
    ("Retry=5\nRetryDelay=10s", &["--retry 5 --retry-delay 10s"]),
    ("Image=\nRootfs=/root", &["--rootfs /root"]),
    ("RunInit=on", &["--init"]),
    ("SeccompProfile=/x.json", &["--security-opt seccomp=/x.json"]),
    ("Secret=a,type=env \"b,target=c d\"", &["--secret a,type=env --secret \"b,target=c\\x20d\""]),
    ("SecurityLabelDisable=1", &["--security-opt label=disable"]),
    ("SecurityLabelNested=1", &["--security-opt label=nested"]),
    (
        "SecurityLabelType=a\nSecurityLabelFileType=b\nSecurityLabelLevel=c",
        &["--security-opt label=type:a --security-opt label=filetype:b --security-opt label=level:c"],
    ),
    ("ServiceName=web", &["--name systemd-%N"]),
    ("ShmSize=1m", &["--shm-size 1m"]),
    ("StopSignal=INT\nStopTimeout=5", &["--stop-signal INT --stop-timeout 5"]),
    ("Sysctl=a=1 b=2", &["--sysctl a=1 --sysctl b=2"]),
    ("Timezone=local", &["--tz local"]),
    ("Tmpfs=/a:size=1m", &["--tmpfs /a:size=1m"]),
    ("Ulimit=nofile=1:2", &["--ulimit nofile=1:2"]),
    ("VolatileTmp=yes", &["--tmpfs /tmp:rw,size=512M,mode=1777"]),
    (
        "Volume=/a:/b:Z\nVolume=named:/c\nVolume=/d\nVolume=%h/e:/e\nVolume=./f/../g:/g",
        &[
            "-v /a:/b:Z -v named:/c -v /d -v %h/e:/e -v /units/g:/g",
            "RequiresMountsFor=/a",
            "RequiresMountsFor=/units/g",
        ],
    ),
    ("WorkingDir=/w", &["--workdir /w"]),
];

/// Keys that concern another unit; `references.rs` has them.
const ELSEWHERE: &[Case] = &[("StartWithPod=no", &["localhost/i"]), ("Pod=", &["localhost/i"])];

#[test]
fn keys() {
    let cases = [CASES, ELSEWHERE].concat();
    check("web.container", "Image=localhost/i", &cases);
}

#[test]
fn the_type_of_the_service() {
    let text = "[Container]\nImage=localhost/i\nNotify=yes\n[Service]\nType=oneshot\nKillMode=control-group\n\
                SyslogIdentifier=x\n";
    let service = service("web.container", text);
    assert!(
        !service.contains("--sdnotify") && !service.contains(" -d ") && !service.contains("NotifyAccess")
    );
    assert!(!service.contains("KillMode=mixed") && !service.contains("SyslogIdentifier=%N"), "{service}");
}

#[test]
fn templates() {
    let service = service("web@.container", "[Container]\nImage=localhost/i\n");
    assert!(service.contains("run --name systemd-%p_%i "), "{service}");
}
