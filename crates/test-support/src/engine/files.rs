//! The files of containers and images.

use async_trait::async_trait;
use bytes::Bytes;
use cove_api::*;
use futures_util::{StreamExt as _, stream};

use super::{FakeEngine, sample};

/// An archive of a few bytes.
fn archive(text: &'static str) -> ByteStream {
    Box::pin(stream::iter([Ok(Bytes::from_static(text.as_bytes()))]))
}

#[async_trait]
impl Files for FakeEngine {
    async fn changes(&self, name: &str, options: ChangesOptions) -> Result<Vec<Change>> {
        self.note(name, format!("changes {name} {options:?}"))?;
        Ok(vec![
            Change { path: "/etc".into(), kind: ChangeKind::Modified },
            Change { path: "/etc/new".into(), kind: ChangeKind::Added },
            Change { path: "/etc/old".into(), kind: ChangeKind::Deleted },
        ])
    }
    async fn export(&self, name: &str) -> Result<ByteStream> {
        self.note(name, format!("export {name}"))?;
        Ok(archive("exported"))
    }
    async fn commit(&self, name: &str, options: CommitOptions) -> Result<String> {
        self.note(name, format!("commit {name} {options:?}"))?;
        Ok("e".repeat(64))
    }
    async fn path_stat(&self, name: &str, path: &str) -> Result<PathStat> {
        self.note(name, format!("path_stat {name} {path}"))?;
        if path == "/nothing" {
            return Err(Error::not_found("no such file or directory"));
        }
        Ok(PathStat {
            name: "ä b".into(),
            size: 5,
            mode: 0o644,
            mtime: sample::time(),
            is_dir: path.ends_with('/'),
            link_target: path.to_owned(),
            missing: path == "/dangling",
        })
    }
    async fn list_directory(&self, name: &str, path: &str) -> Result<Vec<PathStat>> {
        self.note(name, format!("list_directory {name} {path}"))?;
        let file = |name: &str, is_dir| PathStat { name: name.into(), is_dir, ..PathStat::default() };
        Ok(vec![file("ä b", false), file("etc", true)])
    }
    async fn copy_from(&self, name: &str, options: CopyFromOptions) -> Result<PathArchive> {
        let stat = Files::path_stat(self, name, &options.path).await?.found()?;
        self.note(name, format!("copy_from {name} {options:?}"))?;
        Ok(PathArchive { stat, archive: archive("copied") })
    }
    async fn copy_to(&self, name: &str, options: CopyToOptions, mut archive: ByteStream) -> Result<()> {
        let mut whole = Vec::new();
        while let Some(piece) = archive.next().await {
            whole.extend_from_slice(&piece?);
        }
        self.note(name, format!("copy_to {name} {options:?} {}", String::from_utf8_lossy(&whole)))
    }
    async fn list_files(&self, tree: &FileTree, options: FileListOptions) -> Result<FilePage> {
        self.note(&tree.name, format!("list_files {tree:?} {options:?}"))?;
        let file =
            |name: &str| FileEntry { name: name.into(), modified: sample::time(), ..FileEntry::default() };
        let folder = FileEntry { kind: FileKind::Directory, directory: true, mode: 0o1777, ..file("etc") };
        // The root has a second page.
        let is_first = options.path == "/" && options.after.is_empty();
        let entries = if is_first { vec![folder, file("ä b")] } else { vec![file("more")] };
        Ok(FilePage { path: options.path, entries, next: is_first.then(|| "bmV4dA".to_owned()) })
    }
    async fn read_file(&self, tree: &FileTree, options: FileReadOptions) -> Result<FileData> {
        self.note(&tree.name, format!("read_file {tree:?} {options:?}"))?;
        let text = b"0123456789";
        let size = text.len() as u64;
        let (offset, length) = options.part.map_or((0, size), |part| part.within(size));
        let part = usize::try_from(offset).unwrap_or(0)..usize::try_from(offset + length).unwrap_or(0);
        let stat = PathStat { name: "ä b".into(), size: 10, mode: 0o644, ..PathStat::default() };
        let data: ByteStream = Box::pin(stream::iter([Ok(Bytes::from_static(&text[part]))]));
        Ok(FileData { stat, offset, length, partial: options.part.is_some(), data })
    }
    async fn write_file(
        &self,
        tree: &FileTree,
        options: FileWriteOptions,
        mut data: ByteStream,
    ) -> Result<()> {
        if tree.kind == TreeKind::Image {
            return Err(image_is_read_only(&tree.name));
        }
        let mut whole = Vec::new();
        while let Some(piece) = data.next().await {
            whole.extend_from_slice(&piece?);
        }
        let text = String::from_utf8_lossy(&whole);
        self.note(&tree.name, format!("write_file {tree:?} {options:?} {text}"))
    }
    async fn pack_files(&self, tree: &FileTree, path: &str) -> Result<PathArchive> {
        self.note(&tree.name, format!("pack_files {tree:?} {path}"))?;
        let stat = PathStat { name: "ä b".into(), size: 10, ..PathStat::default() };
        Ok(PathArchive { stat, archive: archive("packed") })
    }
    async fn mount(&self, name: &str) -> Result<String> {
        self.note(name, format!("mount {name}"))?;
        Ok("/mounted".into())
    }
    async fn unmount(&self, name: &str, force: bool) -> Result<()> {
        self.note(name, format!("unmount {name} {force}"))
    }
    async fn mounts(&self) -> Result<Vec<MountedFiles>> {
        self.note("", "mounts".into())?;
        Ok(vec![MountedFiles { id: "c".repeat(64), names: Vec::new(), path: "/mounted".into() }])
    }
    async fn mount_image(&self, name: &str) -> Result<MountedFiles> {
        self.note(name, format!("mount_image {name}"))?;
        Ok(MountedFiles { id: "e".repeat(64), names: vec![name.to_owned()], path: "/mounted".into() })
    }
    async fn unmount_image(&self, name: &str, force: bool) -> Result<Option<String>> {
        self.note(name, format!("unmount_image {name} {force}"))?;
        Ok(Some("e".repeat(64)))
    }
    async fn image_mounts(&self) -> Result<Vec<MountedFiles>> {
        self.note("", "image_mounts".into())?;
        Ok(Vec::new())
    }
    async fn image_tree(&self, name: &str, what_requires: bool) -> Result<String> {
        self.note(name, format!("image_tree {name} {what_requires}"))?;
        Ok("Image ID: e\n".into())
    }
}
