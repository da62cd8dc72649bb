//! The engine trait of files.

use async_trait::async_trait;
use cove_api::{
    ByteStream, Change, ChangesOptions, CommitOptions, CopyFromOptions, CopyToOptions, FileData,
    FileListOptions, FilePage, FileReadOptions, FileTree, FileWriteOptions, Files, MountedFiles, PathArchive,
    PathStat, Result, TreeKind,
};

use super::{browse, changes, commit, copy, list, mounts, tree};
use crate::engine::{LocalEngine, blocking};
use crate::stream;

#[async_trait]
impl Files for LocalEngine {
    async fn changes(&self, name: &str, options: ChangesOptions) -> Result<Vec<Change>> {
        let name = name.to_owned();
        blocking(&self.core, move |core| changes::changes(core, &name, &options)).await
    }

    async fn export(&self, name: &str) -> Result<ByteStream> {
        let name = name.to_owned();
        blocking(&self.core, move |core| copy::export(core, &name)).await
    }

    async fn commit(&self, name: &str, options: CommitOptions) -> Result<String> {
        let name = name.to_owned();
        blocking(&self.core, move |core| commit::commit(core, &name, &options)).await
    }

    async fn path_stat(&self, name: &str, path: &str) -> Result<PathStat> {
        let (name, path) = (name.to_owned(), path.to_owned());
        blocking(&self.core, move |core| copy::path_stat(core, &name, &path)).await
    }

    async fn list_directory(&self, name: &str, path: &str) -> Result<Vec<PathStat>> {
        let (name, path) = (name.to_owned(), path.to_owned());
        blocking(&self.core, move |core| list::list(core, &name, &path)).await
    }

    async fn copy_from(&self, name: &str, options: CopyFromOptions) -> Result<PathArchive> {
        let tree = FileTree::new(TreeKind::Container, name);
        blocking(&self.core, move |core| copy::copy_from(core, &tree, &options)).await
    }

    async fn copy_to(&self, name: &str, options: CopyToOptions, archive: ByteStream) -> Result<()> {
        let (name, reader) = (name.to_owned(), stream::reader(archive));
        blocking(&self.core, move |core| copy::copy_to(core, &name, &options, reader)).await
    }

    async fn list_files(&self, tree: &FileTree, options: FileListOptions) -> Result<FilePage> {
        let (tree, options) = (tree.clone(), options.checked()?);
        blocking(&self.core, move |core| browse::list(core, &tree, &options)).await
    }

    async fn read_file(&self, tree: &FileTree, options: FileReadOptions) -> Result<FileData> {
        let (tree, options) = (tree.clone(), options.checked()?);
        blocking(&self.core, move |core| browse::read(core, &tree, &options)).await
    }

    async fn write_file(&self, tree: &FileTree, options: FileWriteOptions, data: ByteStream) -> Result<()> {
        let (tree, reader) = (tree.clone(), stream::reader(data));
        blocking(&self.core, move |core| browse::write(core, &tree, &options, reader)).await
    }

    async fn pack_files(&self, tree: &FileTree, path: &str) -> Result<PathArchive> {
        let tree = tree.clone();
        let options = CopyFromOptions { path: path.to_owned(), ..CopyFromOptions::default() };
        blocking(&self.core, move |core| copy::copy_from(core, &tree, &options)).await
    }

    async fn mount(&self, name: &str) -> Result<String> {
        let name = name.to_owned();
        blocking(&self.core, move |core| mounts::mount(core, &name)).await
    }

    async fn unmount(&self, name: &str, force: bool) -> Result<()> {
        let name = name.to_owned();
        blocking(&self.core, move |core| mounts::unmount(core, &name, force)).await
    }

    async fn mounts(&self) -> Result<Vec<MountedFiles>> {
        blocking(&self.core, move |core| mounts::mounts(core)).await
    }

    async fn mount_image(&self, name: &str) -> Result<MountedFiles> {
        let name = name.to_owned();
        blocking(&self.core, move |core| mounts::mount_image(core, &name)).await
    }

    async fn unmount_image(&self, name: &str, force: bool) -> Result<Option<String>> {
        let name = name.to_owned();
        blocking(&self.core, move |core| mounts::unmount_image(core, &name, force)).await
    }

    async fn image_mounts(&self) -> Result<Vec<MountedFiles>> {
        blocking(&self.core, move |core| mounts::image_mounts(core)).await
    }

    async fn image_tree(&self, name: &str, what_requires: bool) -> Result<String> {
        let name = name.to_owned();
        blocking(&self.core, move |core| tree::tree(core, &name, what_requires)).await
    }
}
