//! Playing an archive: `play.yaml`, and a folder with a build file for each image that may be built.

use std::path::PathBuf;

use cove_api::{
    BuildContext, BuildOptions, ByteStream, Error, Images, KubePlayOptions, KubeReport, Progress, Result,
};
use cove_build::{read_text, usual_file};
use cove_kube::image_folder;
use cove_tree::Root;
use futures_util::StreamExt as _;
use rustix::fs::{Mode, OFlags, openat};

use super::{api, play};
use crate::build::Unpacked;
use crate::engine::{LocalEngine, blocking};

/// The file of the archive that is played.
const FILE: &str = "play.yaml";

/// Unpacks it for the time of the play, and plays it.
pub(super) async fn play(
    engine: &LocalEngine,
    archive: ByteStream,
    options: KubePlayOptions,
) -> Result<KubeReport> {
    let archive = crate::stream::reader(archive);
    let (contexts, text) = blocking(&engine.core, move |core| {
        let contexts = Contexts(Unpacked::of(core, archive)?);
        match read_text(&Root::open(&contexts.0.folder)?, FILE)? {
            Some(text) => Ok((contexts, text)),
            None => Err(Error::invalid(format!("the archive has no file {FILE} at its root"))),
        }
    })
    .await?;
    let mut application = api::read(&text)?;
    application.choose_jobs(&options.jobs)?;
    let played = play::play(engine, &application, options, Some(&contexts)).await;
    blocking(&engine.core, move |_| {
        drop(contexts);
        Ok(())
    })
    .await?;
    played
}

/// The folders of images.
pub(super) struct Contexts(Unpacked);

impl Contexts {
    /// Builds an image, where it is to be built and there is a folder for it: whether it did.
    pub(super) async fn build(
        &self,
        engine: &LocalEngine,
        image: &str,
        options: &KubePlayOptions,
    ) -> Result<bool> {
        let Some(folder) = image_folder(image).filter(|_| options.build != Some(false)) else {
            return Ok(false);
        };
        if options.build.is_none() && Images::exists(engine, image).await? {
            return Ok(false);
        }
        let (root, folder) = (self.0.folder.clone(), folder.to_owned());
        let Some(folder) = blocking(&engine.core, move |_| context(root, &folder)).await? else {
            return Ok(false);
        };
        let empty: ByteStream = Box::pin(futures_util::stream::empty());
        let context = BuildContext { directory: Some(folder), ..BuildContext::of_archive(empty) };
        let request = BuildOptions {
            tags: vec![image.to_owned()],
            access: options.access.clone(),
            ..BuildOptions::default()
        };
        let named = |error: Error| error.context(format!("building {image}"));
        let mut steps = Images::build(engine, context, request).await.map_err(named)?;
        while let Some(step) = steps.next().await {
            if let Progress::Done(report) = step.map_err(named)?
                && let Some(failed) = report.failed
            {
                return Err(named(Error::invalid(failed.message)));
            }
        }
        Ok(true)
    }
}

/// The folder of that name, where it is one and has a build file. A link is none: it could lead anywhere.
fn context(root: PathBuf, name: &str) -> Result<Option<PathBuf>> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match openat(&Root::open(&root)?, name, flags, Mode::empty()) {
        Ok(folder) => Ok(usual_file(&Root::from(folder))?.map(|_| root.join(name))),
        Err(_) => Ok(None),
    }
}
