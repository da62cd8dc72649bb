//! `COPY` and `ADD`.

use std::path::Path;

use cove_api::{Error, Result};
use cove_build::{
    BuildError, Chmod, Copying, Ignore, Location, Notes, Ownership, Placing, Selection, Source, join,
};
use cove_storage::Digest;
use cove_tree::Root;
use serde_json::{Value, json};

use super::context::Other;
use super::placing::{self, Place, piped};
use super::remote::{Fetched, Remote};
use super::stage::{Doing, Done, Stage};
use super::start::{MountedImage, Stepped, Stop};
use super::state::ImageState;
use super::working::Working;

/// A step with its variables replaced.
struct Order {
    name: &'static str,
    /// Paths and patterns.
    sources: Vec<String>,
    documents: Vec<(String, String)>,
    /// Absolute in the image.
    destination: String,
    /// It must be a folder, as it is written like one.
    into_folder: bool,
    from: From,
    chown: Option<String>,
    /// `--chmod` with its variables replaced.
    mode: Option<String>,
    chmod: Option<Chmod>,
    exclude: Vec<String>,
    parents: bool,
    /// Archives among the paths are unpacked.
    unpack: bool,
    /// Archives that are fetched are unpacked.
    unpack_fetched: bool,
    /// What every source that is fetched is.
    fetched: Vec<Value>,
}

/// Where a step takes paths from.
pub(super) enum From {
    /// The context, or the further one of that name.
    Context(Option<String>),
    /// An image's id.
    Image(String),
}

impl Order {
    /// As the history tells it, and what its result depends on; `content` is what the paths had.
    fn described(&self, content: &str) -> (String, Value) {
        let inputs = json!({
            "sources": self.sources,
            "destination": self.destination,
            "into_folder": self.into_folder,
            "chown": self.chown,
            "chmod": self.mode,
            "documents": self.documents,
            "exclude": self.exclude,
            "parents": self.parents,
            "unpack": [self.unpack, self.unpack_fetched],
            "fetched": self.fetched,
            "content": content,
        });
        let kind = match &self.from {
            From::Context(_) if self.sources.is_empty() && !self.fetched.is_empty() => "url",
            From::Context(_) => "file",
            From::Image(_) => "from",
        };
        let content = match kind {
            "url" => {
                Digest::sha256(Value::from(self.fetched.clone()).to_string().as_bytes()).hex().to_owned()
            }
            _ => content.strip_prefix("sha256:").unwrap_or(content).to_owned(),
        };
        let created_by = format!("/bin/sh -c #(nop) {} {kind}:{content} in {} ", self.name, self.destination);
        (created_by, inputs)
    }
}

impl Stage<'_, '_> {
    pub(super) fn copying<'s>(
        &self,
        copying: &'s Copying,
        name: &'static str,
        state: &ImageState,
    ) -> Stepped<Doing<'s>> {
        let (order, remotes) = self.order(copying, name, state)?;
        let content = match &order.from {
            From::Context(_) => self.content(&order)?,
            From::Image(id) => id.clone(),
        };
        let (created_by, inputs) = order.described(&content);
        Ok(Doing {
            created_by,
            inputs,
            files: Some(Box::new(move |stage, working| {
                let taken = stage.take(&order, remotes, working)?;
                // Of a context that was changed meanwhile, the step is what was copied.
                let instead = taken.filter(|taken| *taken != content).map(|taken| order.described(&taken));
                Ok(Done { changed: true, instead })
            })),
        })
    }

    fn order(
        &self,
        copying: &Copying,
        name: &'static str,
        state: &ImageState,
    ) -> Stepped<(Order, Vec<Remote>)> {
        let is_add = name == "ADD";
        let written = self.scope.word(&copying.destination)?;
        let destination = join(&state.config.working_dir, &written);
        let is_folder = written.ends_with('/') || written.ends_with("/.") || written == ".";
        let (mut sources, mut remotes) = (Vec::new(), Vec::new());
        for source in self.scope.words(&copying.sources)? {
            if !is_add && Location::of_source(&source)?.is_some() {
                return Err(BuildError::new("source can't be a URL for COPY").into());
            }
            if is_add && Location::of_source(&source)?.is_some() {
                self.build.policy.address(&source)?;
            }
            let otherwise = (!is_folder).then_some("download");
            let found = match is_add {
                true => Remote::find(self.build.core, &self.teller, &source, copying, otherwise)?,
                false => None,
            };
            match found {
                Some(remote) => remotes.push(remote),
                None => sources.push(source),
            }
        }
        if remotes.is_empty() && (copying.checksum.is_some() || copying.keep_git_dir) {
            let option = if copying.keep_git_dir { "--keep-git-dir" } else { "--checksum" };
            return Err(BuildError::new(format!("{option} is only for sources that are fetched")).into());
        }
        let documents =
            copying.heredocs.iter().map(|heredoc| Ok((heredoc.name.clone(), self.scope.document(heredoc)?)));
        let documents = documents.collect::<std::result::Result<Vec<_>, BuildError>>()?;
        let from = match &copying.from {
            None => From::Context(None),
            Some(from) => self.from(from)?,
        };
        let mode = copying.chmod.as_ref().map(|text| self.scope.word(text)).transpose()?;
        let chmod = mode.as_deref().map(Chmod::parse).transpose()?;
        let chown = copying.chown.as_ref().map(|text| self.scope.word(text)).transpose()?;
        let count = sources.len() + documents.len() + remotes.len();
        let order = Order {
            name,
            into_folder: is_folder || count > 1 || copying.parents,
            sources,
            documents,
            destination,
            from,
            chown: chown.filter(|chown| !chown.is_empty()),
            mode,
            chmod,
            exclude: self.scope.words(&copying.exclude)?,
            parents: copying.parents,
            unpack: is_add && copying.unpack != Some(false),
            unpack_fetched: copying.unpack == Some(true),
            fetched: remotes.iter().map(Remote::inputs).collect(),
        };
        Ok((order, remotes))
    }

    /// What `from` names: a further context, a stage, an image or a number.
    pub(super) fn from(&self, name: &str) -> Stepped<From> {
        let named = self.build.scope.global_word(name)?.to_ascii_lowercase();
        match self.build.context.others.get(&named) {
            Some(Other::Folder { .. }) => Ok(From::Context(Some(named))),
            Some(Other::Image(image)) => {
                let id = self.build.image(image, None, &self.teller)?.id;
                Ok(From::Image(id.ok_or_else(|| Error::internal(format!("{image} has no id")))?))
            }
            None => Ok(From::Image(self.image_of(name)?)),
        }
    }

    /// The id of the image that a stage, an image or a number names.
    pub(super) fn image_of(&self, name: &str) -> Stepped<String> {
        let build = self.build;
        let name = build.scope.global_word(name)?;
        let state = match build.plan.find(&name, self.index) {
            Some(stage) => build.ensure(stage)?,
            None => build.image(&name, None, &self.teller)?,
        };
        state.id.ok_or_else(|| Stop::Error(Error::internal(format!("the stage {name} has made no image"))))
    }

    /// A context by its name.
    pub(super) fn context(&self, name: Option<&str>) -> Source<'_> {
        let context = &self.build.context;
        match name.and_then(|name| context.others.get(name)) {
            Some(Other::Folder { root, ignore, .. }) => Source { root, ignore },
            _ => Source { root: &context.root, ignore: &context.ignore },
        }
    }

    /// A digest of everything that is taken of the context.
    fn content(&self, order: &Order) -> Stepped<String> {
        let mut notes = noted_documents(order);
        if let From::Context(name) = &order.from
            && !order.sources.is_empty()
        {
            let source = self.context(name.as_deref());
            let selection = Selection::find(source, &order.sources, &order.exclude, order.parents)?;
            placing::note(order.unpack, source, selection, &mut notes)?;
        }
        Ok(notes.finish().to_string())
    }

    /// Copies; answers a digest of what was taken of the context.
    fn take(&self, order: &Order, remotes: Vec<Remote>, working: &Working) -> Stepped<Option<String>> {
        let (core, teller) = (self.build.core, &self.teller);
        let mut notes = noted_documents(order);
        if !order.sources.is_empty() || !order.documents.is_empty() {
            let nothing = Ignore::default();
            let (name, mounted) = match &order.from {
                From::Context(name) => (name.as_deref(), None),
                From::Image(id) => (None, Some(MountedImage::new(core, working, id)?)),
            };
            let root =
                mounted.as_ref().map(|image| Root::open(&image.path)).transpose().map_err(Error::from)?;
            let source = match &root {
                Some(root) => Source { root, ignore: &nothing },
                None => self.context(name),
            };
            let selection = Selection::find(source, &order.sources, &order.exclude, order.parents)?;
            let place = order.place(order.unpack);
            let place = Place { documents: &order.documents, keep_owners: mounted.is_some(), ..place };
            working.with_root(|path| placing::put(path, &place, source, selection, &mut notes))?;
        }
        for remote in remotes {
            let fetched = remote.fetched(core, teller)?;
            self.put_fetched(order, &fetched, working)?;
        }
        Ok(matches!(order.from, From::Context(_)).then(|| notes.finish().to_string()))
    }

    fn put_fetched(&self, order: &Order, fetched: &Fetched, working: &Working) -> Stepped<()> {
        let source = fetched.source();
        let pattern = std::slice::from_ref(&fetched.pattern);
        let selection = Selection::find(source, pattern, &order.exclude, false)?;
        let place = order.place(order.unpack_fetched && !fetched.is_tree);
        working.with_root(|path| placing::put(path, &place, source, selection, &mut Notes::default()))?;
        Ok(())
    }
}

impl Order {
    fn place(&self, unpack: bool) -> Place<'_> {
        Place {
            destination: &self.destination,
            into_folder: self.into_folder,
            chown: self.chown.as_deref(),
            chmod: self.chmod.as_ref(),
            keep_owners: false,
            unpack,
            documents: &[],
        }
    }
}

fn noted_documents(order: &Order) -> Notes {
    let mut notes = Notes::default();
    for (name, text) in &order.documents {
        notes.text(name.as_bytes());
        notes.text(text.as_bytes());
    }
    notes
}

/// A digest of a path of the context, for what mounts it.
pub(super) fn path_digest(source: Source<'_>, path: &str) -> std::result::Result<Digest, BuildError> {
    let selection = Selection::find(source, &[path.to_owned()], &[], false)?;
    let mut notes = Notes::default();
    selection.note(&mut notes)?;
    Ok(notes.finish())
}

/// Whether the rules leave anything out of a path of the context.
pub(super) fn hides_something(source: Source<'_>, path: &str) -> Result<bool> {
    Ok(Selection::find(source, &[path.to_owned()], &[], false)?.hides_something()?)
}

/// Copies what the rules keep of a folder of the context.
pub(super) fn keep(source: Source<'_>, path: &str, ownership: Ownership, folder: &Path) -> Result<()> {
    let selection = Selection::find(source, &[path.to_owned()], &[], false)?;
    let root = Root::open(folder)?;
    let placing = Placing { ownership, times: true, ..Placing::default() };
    piped(&root, |out| Ok(selection.write(&placing, out)?))
}
