//! Installing: files, or those of a tar, go into one folder.

use std::collections::BTreeSet;
use std::io::Read;

use bytes::Bytes;
use cove_api::{Error, MAX_QUADLET_UPLOAD, QuadletFile, QuadletInstallOptions, QuadletInstallReport, Result};
use cove_archive::{Kind as Member, Reader, Streamed, lossy, unpacked};
use cove_quadlet::{Application, Kind, Source};

use super::places::{UnitFiles, wrong};
use crate::engine::Core;

/// Most members of a tar.
const MAX_MEMBERS: usize = 10_000;

/// What is to be installed, for code that blocks.
pub(super) enum Upload {
    Files(Vec<QuadletFile>),
    Archive(Box<dyn Read + Send>),
}

/// Installs them. What would refuse all of them is found before the first.
pub(super) fn install(
    core: &Core,
    upload: Upload,
    options: &QuadletInstallOptions,
) -> Result<QuadletInstallReport> {
    let files = match upload {
        Upload::Files(files) => files,
        Upload::Archive(archive) => members(archive)?,
    };
    let application = application(&files, &options.application)?;
    let sources: Vec<Source> =
        files.into_iter().map(|QuadletFile { name, data }| Source { name, data: data.into() }).collect();
    sources.iter().try_for_each(Source::check).map_err(|error| wrong(&error))?;
    let units = UnitFiles::open(core)?;
    units.installed.create().map_err(|error| wrong(&error))?;
    let mut report = QuadletInstallReport::default();
    for source in sources {
        let name = source.name.clone();
        match units.installed.put(&application, &source, options.replace) {
            Ok(path) => {
                report.installed_quadlets.insert(name, path.display().to_string());
            }
            Err(error) => {
                report.quadlet_errors.insert(name, wrong(&error).message);
            }
        }
    }
    if options.reload_systemd {
        units.reload()?;
    }
    Ok(report)
}

/// What the files belong to: what is asked for, else the one unit among them.
fn application(files: &[QuadletFile], asked: &str) -> Result<Application> {
    if files.is_empty() {
        return Err(Error::invalid("no files found in request"));
    }
    let mut names = BTreeSet::new();
    if let Some(twice) = files.iter().find(|file| !names.insert(&file.name)) {
        return Err(Error::invalid(format!("the file {:?} is there twice", twice.name)));
    }
    if !asked.is_empty() {
        return Application::called(asked).map_err(|error| wrong(&error));
    }
    let units: Vec<&QuadletFile> = files.iter().filter(|file| Kind::of(&file.name).is_some()).collect();
    match units.as_slice() {
        [] => Err(Error::invalid("no quadlet files found in request")),
        [unit] => Application::of_file(&unit.name).map_err(|error| wrong(&error)),
        _ => Err(Error::invalid("only a single quadlet file is allowed per request")),
    }
}

/// The files of a tar, by the last parts of their names as Podman takes them. Nothing is unpacked anywhere.
fn members(archive: Box<dyn Read + Send>) -> Result<Vec<QuadletFile>> {
    let bad = |error: cove_archive::Error| Error::invalid(format!("reading the archive: {error}"));
    let plain = unpacked(archive).map_err(|error| bad(cove_archive::Error::Io(error)))?;
    let mut reader = Reader::new(Streamed::new(plain));
    let (mut files, mut room) = (Vec::new(), MAX_QUADLET_UPLOAD);
    let mut count = 0;
    while let Some(entry) = reader.next().map_err(bad)? {
        let header = &entry.header;
        count += 1;
        if count > MAX_MEMBERS {
            return Err(Error::invalid(format!("the archive has more than {MAX_MEMBERS} members")));
        }
        if header.kind == Member::Directory {
            continue;
        }
        let shown = lossy(&header.name);
        let is_plain = header.kind == Member::File && entry.sparse.is_none();
        let Ok(name) = std::str::from_utf8(&header.name) else {
            return Err(Error::invalid(format!("the name of {shown} in the archive is no text")));
        };
        if !is_plain || name.split('/').any(|part| part == "..") || name.ends_with('/') {
            return Err(Error::invalid(format!("{shown} in the archive is no file beneath its root")));
        }
        let size = usize::try_from(header.size).ok().filter(|size| *size <= room).ok_or_else(|| {
            Error::invalid(format!("the files of the archive have more than {MAX_QUADLET_UPLOAD} bytes"))
        })?;
        room -= size;
        let name = name.rsplit('/').next().unwrap_or(name).to_owned();
        let mut data = Vec::new();
        loop {
            let piece = reader.peek().map_err(bad)?;
            if piece.is_empty() {
                break;
            }
            data.extend_from_slice(piece);
            let length = piece.len();
            reader.consume(length).map_err(bad)?;
        }
        files.push(QuadletFile { name, data: Bytes::from(data) });
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use cove_test_support::{Member, tar};

    use super::*;

    fn read(list: &[Member<'_>]) -> Result<Vec<String>> {
        let files = members(Box::new(std::io::Cursor::new(tar(list))))?;
        Ok(files.into_iter().map(|file| format!("{}={}", file.name, file.data.len())).collect())
    }

    #[test]
    fn members_of_archives() {
        let list = [
            Member::directory("./app/"),
            Member::file("./app/web.container", b"abc"),
            Member::file("/etc/web.conf", b""),
        ];
        assert_eq!(read(&list).unwrap(), ["web.container=3", "web.conf=0"]);
        for wrong in [
            Member::file("../web.container", b""),
            Member::file("a/../../web.container", b""),
            Member::link("web.container", b'2', "/etc/passwd"),
            Member::link("web.container", b'1', "other"),
            Member::link("web.container", b'6', ""),
        ] {
            let error = read(&[wrong]).unwrap_err();
            assert!(error.message.contains("is no file beneath its root"), "{error}");
        }
        assert!(members(Box::new(&b"no archive at all, and shorter than a block"[..])).is_err());
    }

    #[test]
    fn what_files_belong_to() {
        let files = |names: &[&str]| -> Vec<QuadletFile> {
            names.iter().map(|name| QuadletFile { name: (*name).into(), data: Bytes::new() }).collect()
        };
        let of = |names: &[&str], asked: &str| {
            application(&files(names), asked)
                .map(|found| found.name().to_owned())
                .map_err(|error| error.message)
        };
        assert_eq!(of(&["web.conf", "web.container"], "").unwrap(), ".web.container.app");
        assert_eq!(of(&["a.pod", "b.container"], "shop").unwrap(), ".shop.app");
        for (names, asked, expected) in [
            (&[][..], "", "no files found"),
            (&["web.conf"], "", "no quadlet files found"),
            (&["a.pod", "b.pod"], "", "only a single quadlet file"),
            (&["a.pod", "a.pod"], "", "is there twice"),
            (&["a.pod"], "../x", "cannot be a file name"),
        ] {
            let error = of(names, asked).unwrap_err();
            assert!(error.contains(expected), "{names:?}: {error}");
        }
    }
}
