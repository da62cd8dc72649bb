//! Calls of gRPC, with messages of [`prost`]: those that we answer, and those that we make in a client's session.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::Stream;
use futures_util::stream::poll_fn;
use http::uri::PathAndQuery;
use hyper::body::Incoming;
use hyper::client::conn::http2::SendRequest;
use prost::Message;
use tokio::sync::mpsc;
use tonic::body::Body;
use tonic::codec::Streaming;
use tonic::metadata::MetadataMap;
use tonic::{Request, Status};
use tonic_prost::ProstCodec;

/// Largest message that is taken from a client, in bytes, once it is decompressed.
pub(crate) const MAX_MESSAGE: usize = 4 << 20;

/// A call, as it comes.
pub(crate) type Call = http::Request<Incoming>;
/// Its answer.
pub(crate) type Answer = http::Response<Body>;
/// A stream of answers.
pub(crate) type Answers<A> = Pin<Box<dyn Stream<Item = Result<A, Status>> + Send>>;

/// Answers a call of one message with one message.
pub(crate) async fn unary<Q, A, F>(call: Call, answer: impl FnOnce(Q) -> F + Send + 'static) -> Answer
where
    Q: Message + Default + 'static,
    A: Message + Default + 'static,
    F: Future<Output = Result<A, Status>> + Send + 'static,
{
    server::<Q, A>().unary(once(answer), call).await
}

/// Answers a call of one message with a stream of them.
pub(crate) async fn streamed<Q, A, F>(call: Call, answer: impl FnOnce(Q) -> F + Send + 'static) -> Answer
where
    Q: Message + Default + 'static,
    A: Message + Default + 'static,
    F: Future<Output = Result<Answers<A>, Status>> + Send + 'static,
{
    server::<Q, A>().server_streaming(once(answer), call).await
}

fn server<Q, A>() -> tonic::server::Grpc<ProstCodec<A, Q>>
where
    Q: Message + Default + 'static,
    A: Message + Default + 'static,
{
    tonic::server::Grpc::new(ProstCodec::default()).max_decoding_message_size(MAX_MESSAGE)
}

/// A service that is called once.
fn once<Q, A, F>(
    answer: impl FnOnce(Q) -> F + Send + 'static,
) -> impl tower::Service<Request<Q>, Response = tonic::Response<A>, Error = Status, Future: Send>
where
    F: Future<Output = Result<A, Status>> + Send + 'static,
{
    let mut answer = Some(answer);
    tower::service_fn(move |request: Request<Q>| {
        let answered = answer.take().map(|answer| answer(request.into_inner()));
        async move {
            match answered {
                Some(answered) => answered.await.map(tonic::Response::new),
                None => Err(Status::internal("a call of one message has another")),
            }
        }
    })
}

/// What answers a call that nobody here takes.
pub(crate) fn unimplemented(path: &str) -> Answer {
    Status::unimplemented(format!("{} is not supported", cove_api::shown::line(path))).into_http()
}

/// A connection over which we call.
#[derive(Debug, Clone)]
pub(crate) struct Channel(SendRequest<Body>);

impl Channel {
    pub(crate) fn new(sender: SendRequest<Body>) -> Self {
        Self(sender)
    }

    /// Calls with one message and takes one.
    pub(crate) async fn unary<Q, A>(&self, path: &'static str, question: Q) -> Result<A, Status>
    where
        Q: Message + Default + 'static,
        A: Message + Default + 'static,
    {
        let mut client = self.client().await?;
        let codec = ProstCodec::<Q, A>::default();
        let answer = client.unary(Request::new(question), PathAndQuery::from_static(path), codec).await?;
        Ok(answer.into_inner())
    }

    /// Calls with a stream and takes a stream.
    pub(crate) async fn streaming<Q, A>(
        &self,
        path: &'static str,
        metadata: MetadataMap,
        questions: impl Stream<Item = Q> + Send + 'static,
    ) -> Result<Streaming<A>, Status>
    where
        Q: Message + Default + 'static,
        A: Message + Default + 'static,
    {
        let mut client = self.client().await?;
        let request = Request::from_parts(metadata, tonic::Extensions::default(), questions);
        let codec = ProstCodec::<Q, A>::default();
        let answer = client.streaming(request, PathAndQuery::from_static(path), codec).await?;
        Ok(answer.into_inner())
    }

    async fn client(&self) -> Result<tonic::client::Grpc<Self>, Status> {
        let origin = http::Uri::from_static("http://localhost");
        let mut client =
            tonic::client::Grpc::with_origin(self.clone(), origin).max_decoding_message_size(MAX_MESSAGE);
        let ready = client.ready().await;
        ready.map_err(|error| Status::unavailable(format!("the client's session has ended: {error}")))?;
        Ok(client)
    }
}

impl tower::Service<http::Request<Body>> for Channel {
    type Response = http::Response<Incoming>;
    type Error = hyper::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(self.0.send_request(request))
    }
}

/// What is sent to a channel, as a stream.
pub(crate) fn received<T: Send + 'static>(
    mut receiver: mpsc::UnboundedReceiver<T>,
) -> impl Stream<Item = T> + Send + 'static {
    poll_fn(move |context| receiver.poll_recv(context))
}

/// The same of a channel that holds only so much.
pub(crate) fn received_within<T: Send + 'static>(
    mut receiver: mpsc::Receiver<T>,
) -> impl Stream<Item = T> + Send + 'static {
    poll_fn(move |context| receiver.poll_recv(context))
}
