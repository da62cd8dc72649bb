//! Streams of progress that do the work they tell of.

use std::pin::Pin;

use cove_api::{Progress, Result, ValueStream};
use cove_registry::CopyProgress;
use futures_util::stream::poll_fn;
use tokio::sync::mpsc;

/// Where progress goes.
pub(crate) type Sender<R> = mpsc::UnboundedSender<Result<Progress<R>>>;

/// Where progress goes that waits for whoever reads it.
pub(crate) type BoundedSender<R> = mpsc::Sender<Result<Progress<R>>>;

/// A stream of what `work` sends, with its end as the last item. The stream polls it, so that dropping the stream ends
/// the work.
pub(crate) fn working<R, F>(work: impl FnOnce(Sender<R>) -> F) -> ValueStream<Progress<R>>
where
    R: Send + 'static,
    F: Future<Output = Result<R>> + Send + 'static,
{
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let running = work(sender.clone());
    let work = async move {
        let result = running.await;
        let _ = sender.send(result.map(Progress::Done));
    };
    let items = poll_fn(move |context| receiver.poll_recv(context));
    Box::pin(Working { work: Some(Box::pin(work)), items: Box::pin(items) })
}

/// The same for work that tells more than is read: at most `limit` items wait for their reader.
pub(crate) fn working_within<R, F>(
    limit: usize,
    work: impl FnOnce(BoundedSender<R>) -> F,
) -> ValueStream<Progress<R>>
where
    R: Send + 'static,
    F: Future<Output = Result<R>> + Send + 'static,
{
    let (sender, mut receiver) = mpsc::channel(limit);
    let running = work(sender.clone());
    let work = async move {
        let result = running.await;
        let _ = sender.send(result.map(Progress::Done)).await;
    };
    let items = poll_fn(move |context| receiver.poll_recv(context));
    Box::pin(Working { work: Some(Box::pin(work)), items: Box::pin(items) })
}

struct Working<R> {
    work: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    items: ValueStream<Progress<R>>,
}

impl<R> futures_util::Stream for Working<R> {
    type Item = Result<Progress<R>>;

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        if let Some(work) = &mut self.work
            && work.as_mut().poll(context).is_ready()
        {
            self.work = None;
        }
        self.items.as_mut().poll_next(context)
    }
}

/// Turns the copy loop's events into the engine's.
pub(super) fn copying<R: Send + 'static>(sender: &Sender<R>) -> CopyProgress {
    let sender = sender.clone();
    cove_registry::steps(move |step| drop(sender.send(Ok(step))))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::StreamExt as _;

    use super::*;

    #[tokio::test]
    async fn what_nobody_reads_waits() {
        let sent = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&sent);
        let stream = working_within::<(), _>(4, |sender| async move {
            for _ in 0..100 {
                let _ = sender.send(Ok(Progress::Message("line".into()))).await;
                counted.fetch_add(1, Ordering::Relaxed);
            }
            Ok(())
        });
        let mut stream = stream;
        assert!(matches!(stream.next().await, Some(Ok(Progress::Message(_)))));
        assert!(sent.load(Ordering::Relaxed) <= 5);
        let rest: Vec<_> = stream.collect().await;
        assert_eq!(rest.len(), 100);
        assert!(matches!(rest.last(), Some(Ok(Progress::Done(())))));
    }
}
