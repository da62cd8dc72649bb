//! The keys of all other kinds.

use super::{Case, check};

const COMMON_PULL: &[Case] = &[
    (
        "AuthFile=/a\nCertDir=/b\nCreds=u:p\nDecryptionKey=/k",
        &["--authfile /a --cert-dir /b --creds u:p --decryption-key /k"],
    ),
    ("ContainersConfModule=/m\nGlobalArgs=--log-level debug", &["--module=/m --log-level debug"]),
    ("Retry=5\nRetryDelay=10s", &["--retry 5 --retry-delay 10s"]),
    ("TLSVerify=no", &["--tls-verify=false"]),
    ("PodmanArgs=--x", &["--x"]),
    ("ServiceName=x", &["Type=oneshot", "RemainAfterExit=yes", "SyslogIdentifier=%N"]),
];

#[test]
fn artifacts() {
    let cases: &[Case] =
        &[("Artifact=quay.io/a:1", &["artifact pull quay.io/a:1"]), ("Quiet=yes", &["--quiet quay.io/a"])];
    check("a.artifact", "Artifact=quay.io/a", &[cases, COMMON_PULL].concat());
}

#[test]
fn images() {
    let cases: &[Case] = &[
        ("Image=quay.io/i:1", &["image pull quay.io/i:1"]),
        ("AllTags=yes", &["--all-tags quay.io/i"]),
        (
            "Arch=arm64\nOS=linux\nPolicy=newer\nVariant=v8",
            &["--arch arm64 --os linux --policy newer --variant v8"],
        ),
        ("ImageTag=x", &["image pull quay.io/i"]),
    ];
    check("i.image", "Image=quay.io/i", &[cases, COMMON_PULL].concat());
}

#[test]
fn builds() {
    let cases: &[Case] = &[
        ("Annotation=a=b", &["--annotation a=b"]),
        (
            "Arch=arm64\nAuthFile=/a\nIgnoreFile=/i\nTarget=t\nVariant=v8",
            &["--arch arm64 --authfile /a --ignorefile /i --target t --variant v8"],
        ),
        ("BuildArg=A=1 B", &["--build-arg A=1 --build-arg B"]),
        ("ContainersConfModule=/m\nGlobalArgs=--log-level debug", &["--module=/m --log-level debug build"]),
        ("DNS=1.1.1.1\nDNSOption=x\nDNSSearch=y", &["--dns 1.1.1.1 --dns-option x --dns-search y"]),
        ("Environment=A=1", &["--env A=1"]),
        ("File=/f/Containerfile", &["build --tag localhost/i --file /f/Containerfile"]),
        ("ForceRM=no", &["--force-rm=false"]),
        ("GroupAdd=g", &["--group-add g"]),
        ("ImageTag=one\nImageTag=two", &["--tag one --tag two"]),
        ("Label=a=b", &["--label a=b"]),
        ("Network=host", &["--network host"]),
        ("PodmanArgs=--x", &["--x /ctx"]),
        ("Pull=newer", &["build --pull=newer"]),
        ("Retry=5\nRetryDelay=10s", &["--retry 5 --retry-delay 10s"]),
        ("Secret=id=a,src=/b", &["--secret id=a,src=/b"]),
        ("ServiceName=x", &["Type=oneshot", "SyslogIdentifier=%N"]),
        ("TLSVerify=yes", &["--tls-verify"]),
        ("Volume=/a:/b", &["-v /a:/b", "RequiresMountsFor=/a"]),
        ("SetWorkingDirectory=unit", &["--tag localhost/i /units", "WorkingDirectory=/units"]),
        (
            "SetWorkingDirectory=file\nFile=sub/Containerfile",
            &["--file sub/Containerfile /units/sub", "WorkingDirectory=/units/sub"],
        ),
        ("SetWorkingDirectory=/abs", &["--tag localhost/i /abs"]),
        ("SetWorkingDirectory=./rel", &["--tag localhost/i ./rel", "WorkingDirectory=/units"]),
        ("SetWorkingDirectory=https://example.com/x.git", &["--tag localhost/i https://example.com/x.git"]),
        ("SetWorkingDirectory=\nFile=%h/Containerfile", &["--file %h/Containerfile"]),
    ];
    check("i.build", "ImageTag=localhost/i\nSetWorkingDirectory=/ctx", cases);
}

#[test]
fn kube_files() {
    let cases: &[Case] = &[
        (
            "Yaml=/y.yml ./z.yml",
            &[
                "kube play --replace --service-container=true /y.yml /units/z.yml",
                "ExecStopPost=/bin/cove kube down /y.yml /units/z.yml",
                "Type=notify",
                "KillMode=mixed",
            ],
        ),
        (
            "AutoUpdate=registry a/local",
            &["--annotation=io.containers.autoupdate=registry --annotation=io.containers.autoupdate/a=local"],
        ),
        ("ConfigMap=/m.yml n.yml", &["--configmap /m.yml --configmap /units/n.yml"]),
        (
            "ContainersConfModule=/m\nGlobalArgs=--log-level debug",
            &["--module=/m --log-level debug kube play"],
        ),
        ("ExitCodePropagation=any", &["--service-exit-code-propagation=any"]),
        ("KubeDownForce=yes", &["ExecStopPost=/bin/cove kube down --force /units/y.yml"]),
        ("LogDriver=journald\nLogOpt=a=b", &["--log-driver journald --log-opt a=b"]),
        ("Network=host", &["--network host"]),
        ("PodmanArgs=--x", &["--x /units/y.yml"]),
        ("PublishPort=80:80", &["--publish 80:80"]),
        (
            "RemapUsers=auto\nRemapUid=1:2:3\nRemapGid=4:5:6\nRemapUidSize=7",
            &["--userns auto:uidmapping=1:2:3,gidmapping=4:5:6,size=7"],
        ),
        ("ServiceName=x", &["SyslogIdentifier=%N"]),
        ("SetWorkingDirectory=yaml\nYaml=sub/y.yml", &["WorkingDirectory=/units/sub"]),
        ("SetWorkingDirectory=unit", &["WorkingDirectory=/units"]),
        ("UserNS=host", &["--userns host"]),
    ];
    check("k.kube", "Yaml=y.yml", cases);
}

#[test]
fn networks() {
    let cases: &[Case] = &[
        ("NetworkName=x", &["network create --ignore x"]),
        (
            "ContainersConfModule=/m\nGlobalArgs=--log-level debug",
            &["--module=/m --log-level debug network create"],
        ),
        ("DNS=1.1.1.1\nDNS=2.2.2.2", &["--dns 1.1.1.1 --dns 2.2.2.2"]),
        ("DisableDNS=yes\nInternal=yes\nIPv6=yes", &["--disable-dns --internal --ipv6"]),
        (
            "Driver=macvlan\nIPAMDriver=dhcp\nInterfaceName=eth0",
            &["--driver macvlan --ipam-driver dhcp --interface-name eth0"],
        ),
        (
            "Subnet=10.0.0.0/24\nGateway=10.0.0.1\nIPRange=10.0.0.0/28\nSubnet=10.1.0.0/24",
            &["--subnet 10.0.0.0/24 --gateway 10.0.0.1 --ip-range 10.0.0.0/28 --subnet 10.1.0.0/24"],
        ),
        ("Label=a=b", &["--label a=b"]),
        ("NetworkDeleteOnStop=yes", &["ExecStopPost=/bin/cove network rm systemd-n"]),
        ("Options=isolate=true mtu=1400", &["--opt isolate=true --opt mtu=1400"]),
        ("PodmanArgs=--x", &["--x systemd-n"]),
        ("ServiceName=x", &["Type=oneshot", "RemainAfterExit=yes"]),
    ];
    check("n.network", "", cases);
}

#[test]
fn pods() {
    const PRE: &str = "ExecStartPre=/bin/cove pod create --infra-conmon-pidfile=%t/%N.pid --replace --exit-policy stop --infra-name systemd-p-infra --name systemd-p";
    // What creates a pod is another command, so whole lines are compared.
    let cases: &[(&str, &[&str])] = &[
        (
            "PodName=",
            &[
                PRE,
                "ExecStart=/bin/cove pod start systemd-p",
                "ExecStop=/bin/cove pod stop --ignore --time=10 systemd-p",
                "ExecStopPost=/bin/cove pod rm --ignore --force systemd-p",
                "Type=forking",
                "PIDFile=%t/%N.pid",
                "Restart=on-failure",
            ],
        ),
        ("PodName=x", &["ExecStart=/bin/cove pod start x"]),
        (
            "AddHost=a:1\nHostName=h\nIP=1.2.3.4\nIP6=fd00::1\nNetworkAlias=n\nShmSize=1m",
            &[
                "ExecStartPre=/bin/cove pod create --infra-conmon-pidfile=%t/%N.pid --replace --exit-policy stop --ip 1.2.3.4 --ip6 fd00::1 --shm-size 1m --network-alias n --add-host a:1 --hostname h --infra-name systemd-p-infra --name systemd-p",
            ],
        ),
        (
            "ContainersConfModule=/m\nGlobalArgs=--x",
            &["ExecStart=/bin/cove --module=/m --x pod start systemd-p"],
        ),
        (
            "DNS=1.1.1.1\nDNSOption=x\nDNSSearch=y\nExitPolicy=continue",
            &[
                "ExecStartPre=/bin/cove pod create --infra-conmon-pidfile=%t/%N.pid --replace --exit-policy continue --dns 1.1.1.1 --dns-option x --dns-search y --infra-name systemd-p-infra --name systemd-p",
            ],
        ),
        (
            "UIDMap=0:1:2\nGIDMap=0:3:4\nSubUIDMap=a\nSubGIDMap=b\nUserNS=auto",
            &[
                "ExecStartPre=/bin/cove pod create --infra-conmon-pidfile=%t/%N.pid --replace --exit-policy stop --userns auto --uidmap 0:1:2 --gidmap 0:3:4 --subuidname a --subgidname b --infra-name systemd-p-infra --name systemd-p",
            ],
        ),
        (
            "RemapUsers=keep-id\nRemapUid=1\nRemapGid=2\nRemapUidSize=",
            &[
                "ExecStartPre=/bin/cove pod create --infra-conmon-pidfile=%t/%N.pid --replace --exit-policy stop --userns keep-id:uid=1,gid=2 --infra-name systemd-p-infra --name systemd-p",
            ],
        ),
        (
            "Label=a=b\nNetwork=host\nPublishPort=80\nVolume=/a:/b\nPodmanArgs=--x",
            &[
                "ExecStartPre=/bin/cove pod create --infra-conmon-pidfile=%t/%N.pid --replace --exit-policy stop --publish 80 --label a=b --network host -v /a:/b --infra-name systemd-p-infra --name systemd-p --x",
            ],
        ),
        ("ServiceName=x\nStopTimeout=5", &["ExecStop=/bin/cove pod stop --ignore --time=5 systemd-p"]),
    ];
    check("p.pod", "", cases);
}

#[test]
fn volumes() {
    let cases: &[Case] = &[
        ("VolumeName=x", &["volume create --ignore x"]),
        (
            "ContainersConfModule=/m\nGlobalArgs=--log-level debug",
            &["--module=/m --log-level debug volume create"],
        ),
        ("Copy=yes", &["--opt copy systemd-v"]),
        ("Copy=no", &["--opt nocopy"]),
        (
            "Device=/dev/sda1\nType=ext4\nOptions=ro\nUser=5\nGroup=root",
            &["--opt device=/dev/sda1 --opt type=ext4 --opt o=uid=5,gid=0,ro systemd-v"],
        ),
        (
            "Device=/srv/a b\nType=bind",
            &["--opt \"device=/srv/a\\x20b\" --opt type=bind", "RequiresMountsFor=\"/srv/a\\x20b\""],
        ),
        ("Driver=image\nImage=quay.io/i", &["--driver image --opt image=quay.io/i"]),
        ("UID=1\nGID=2", &["--uid 1 --gid 2"]),
        ("Label=a=b", &["--label a=b"]),
        ("PodmanArgs=--x", &["--x systemd-v"]),
        ("ServiceName=x", &["Type=oneshot", "RemainAfterExit=yes"]),
    ];
    check("v.volume", "", cases);
}
