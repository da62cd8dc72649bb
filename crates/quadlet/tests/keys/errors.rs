//! What no service can be made of: each says the file, and the line where one is to blame.

use cove_quadlet::Remark;

use super::convert;

#[test]
fn faults() {
    let image = "[Container]\nImage=localhost/i\n";
    let cases: &[(&str, &str, &str)] = &[
        (
            "a.container",
            "[Container]\nImage=x/y\nBOGUS=1\n",
            "unsupported key 'BOGUS' in group 'Container' in /units/a.container:3",
        ),
        (
            "a.container",
            "[Quadlet]\nBOGUS=1\n[Container]\n",
            "unsupported key 'BOGUS' in group 'Quadlet' in /units/a.container:2",
        ),
        ("a.volume", "[Volume]\nimage=1\n", "unsupported key 'image' in group 'Volume'"),
        ("a.container", "[Container]\n", "converting \"a.container\": no Image or Rootfs key specified"),
        (
            "a.container",
            "[Container]\nImage=localhost/i\nRootfs=/r\n",
            "keys conflict can not be specified together (/units/a.container:3)",
        ),
        (
            "a.container",
            "[Container]\nImage=none.image\n",
            "requested Quadlet image none.image was not found (/units/a.container:2)",
        ),
        (
            "a.container",
            "I\nVolume=none.volume:/a",
            "requested Quadlet source none.volume was not found (/units/a.container:3)",
        ),
        ("a.container", "I\nNetwork=none.network", "requested Quadlet unit none.network was not found"),
        ("a.container", "I\nNetwork=a.container:x", "extra options are not supported"),
        ("a.container", "I\nPod=x", "pod x is not Quadlet based"),
        ("a.container", "I\nPod=x.pod", "quadlet pod unit x.pod does not exist"),
        ("a.container", "I\nGroup=1", "invalid Group set without User (/units/a.container:3)"),
        ("a.container", "I\nExposeHostPort=x", "invalid port format 'x'"),
        ("a.container", "I\nMount=type=bind,dst=/a", "source parameter is required for mount type bind"),
        ("a.container", "I\nMount=type=bind,source,dst=/a", "does not include a value"),
        ("a.container", "I\nMount=\"\\\"open\"", "incorrect mount format"),
        ("a.container", "I\nReloadCmd=a\nReloadSignal=b", "mutually exclusive"),
        ("a.container", "I\nRunInit=perhaps", "RunInit=perhaps is neither yes nor no (/units/a.container:3)"),
        ("a.container", "I\nUserNS=auto\nRemapUsers=auto", "deprecated Remap keys are set along"),
        ("a.container", "I\nRemapUid=1", "UidMap set without RemapUsers"),
        ("a.container", "I\nRemapUsers=other", "unsupported RemapUsers option 'other'"),
        ("a.container", "I\nRemapUsers=keep-id\nRemapGid=1 2", "only a single value for GID mapping"),
        (
            "a.container",
            "I\nServiceName=../../etc/x",
            "the service \"../../etc/x.service\" cannot be a file name",
        ),
        (
            "a.container",
            "I\n[Service]\nKillMode=process",
            "invalid KillMode 'process' (/units/a.container:4)",
        ),
        ("a.container", "I\n[Service]\nType=simple", "invalid service Type 'simple' (/units/a.container:4)"),
        (
            "a.container",
            "I\n[Unit]\nAfter=x.target none.pod",
            "unable to translate dependency for none.pod (/units/a.container:4)",
        ),
        ("a.volume", "[Volume]\nDriver=image\n", "the key Image is mandatory"),
        ("a.volume", "[Volume]\nType=ext4\n", "key Type can't be used without Device"),
        ("a.volume", "[Volume]\nUser=nobody-of-that-name\n", "there is no user nobody-of-that-name"),
        (
            "a.network",
            "[Network]\nGateway=10.0.0.1\n",
            "cannot set gateway or range without subnet (/units/a.network:2)",
        ),
        ("a.network", "[Network]\nSubnet=1\nGateway=1\nGateway=2\n", "cannot set more gateways than subnets"),
        ("a.network", "[Network]\nSubnet=1\nIPRange=1\nIPRange=2\n", "cannot set more ranges than subnets"),
        ("a.kube", "[Kube]\n", "no Yaml key specified"),
        ("a.kube", "[Kube]\nYaml=a\nRemapUsers=manual\n", "RemapUsers=manual is not supported"),
        (
            "a.kube",
            "[Kube]\nYaml=a b\nSetWorkingDirectory=yaml\n",
            "only supported when a single Yaml key is provided",
        ),
        (
            "a.kube",
            "[Kube]\nYaml=a\nSetWorkingDirectory=file\n",
            "SetWorkingDirectory=file is only supported in .build files",
        ),
        ("a.kube", "[Kube]\nYaml=a\nSetWorkingDirectory=/x\n", "unsupported value for WorkingDirectory: /x"),
        ("a.build", "[Build]\n", "no ImageTag key specified"),
        ("a.build", "[Build]\nImageTag=x\n", "neither SetWorkingDirectory, nor File key specified"),
        (
            "a.build",
            "[Build]\nImageTag=x\nFile=y\n",
            "relative path in File key requires SetWorkingDirectory",
        ),
        ("a.build", "[Build]\nImageTag=x\nSetWorkingDirectory=yaml\n", "is only supported in .kube files"),
        ("a.build", "[Build]\nImageTag=x\nSetWorkingDirectory=file\n", "no File key specified"),
        ("a.image", "[Image]\n", "no Image key specified"),
        ("a.artifact", "[Artifact]\n", "no Artifact key specified"),
    ];
    for (name, text, expected) in cases {
        let text = text
            .strip_prefix('I')
            .map_or_else(|| text.to_string(), |rest| format!("{}{rest}", image.trim_end()));
        let (services, remarks) = convert(&[(name, &text)], false);
        let faults: Vec<_> = remarks
            .iter()
            .filter_map(|remark| match remark {
                Remark::Fault(text) => Some(text.as_str()),
                _ => None,
            })
            .collect();
        assert!(services.is_empty(), "{text}");
        assert!(faults.len() == 1 && faults[0].contains(expected), "{text}: wants {expected}: {faults:?}");
        assert!(faults[0].starts_with(&format!("converting {name:?}: ")), "{faults:?}");
    }
}

#[test]
fn warnings() {
    let cases = [
        (
            "[Container]\nImage=short\n",
            "specifies the image \"short\" which not a fully qualified image name",
        ),
        (
            "[Container]\nImage=localhost/i\n[Service]\nUser=x\n",
            "using key User in the Service group is not supported",
        ),
        (
            "[Container]\nImage=localhost/i\nExec=a\\.b\n",
            "Exec= is ignored: unsupported escape char (/units/a.container:3)",
        ),
        (
            "[Container]\nImage=localhost/i\nLabel=a\\.b\nLabel=c=d\n",
            "Label= is ignored: unsupported escape char",
        ),
        (
            "[Container]\nImage=localhost/i\nAddCapability=\"open\n",
            "AddCapability= is ignored: unbalanced quotes",
        ),
    ];
    for (text, expected) in cases {
        let (services, remarks) = convert(&[("a.container", text)], false);
        assert_eq!(services.len(), 1, "{text}");
        let is_it = |remark: &Remark| matches!(remark, Remark::Warning(text) if text.contains(expected));
        assert!(remarks.len() == 1 && remarks.iter().all(is_it), "{text}: {remarks:?}");
    }
}

#[test]
fn two_units_of_one_service() {
    let texts = [("a.container", "[Container]\nImage=localhost/i\n"), ("a.kube", "[Kube]\nYaml=y\n")];
    let (services, remarks) = convert(&texts, false);
    assert_eq!(services.len(), 1);
    assert!(
        remarks[0].to_string().contains("a.kube is left out: another unit is a.service already"),
        "{remarks:?}"
    );
}

#[test]
fn a_path_with_a_percent_sign_is_no_specifier() {
    let file =
        cove_quadlet::UnitFile::parse(std::path::Path::new("/50%/a.kube"), "[Kube]\nYaml=y.yml\n").unwrap();
    let unit = cove_quadlet::Loaded { kind: cove_quadlet::Kind::Kube, file };
    let target = cove_quadlet::Target { program: "/5%/cove".to_owned(), user: false };
    let services = cove_quadlet::generate(vec![unit], &target, &mut |remark| panic!("{remark}"));
    let text = services[0].render();
    assert!(
        text.contains("ExecStart=/5%%/cove ")
            && text.contains("SourcePath=/50%%/a.kube\n")
            && text.contains(" /50%%/y.yml\n"),
        "{text}"
    );
}
