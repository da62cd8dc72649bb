//! The server's end: endpoints with what they call, ready for any HTTP library.

use std::pin::Pin;
use std::sync::Arc;

use http::HeaderMap;

use super::answer::{Answer, Asked, Reply};
use super::body::Body;
use super::declare::{Endpoint, Family, PathParameters, Verb};
use super::parameters::Parameters;
use crate::{ByteStream, Engine, Result};

/// Takes endpoints, each with the call of an engine's trait that it stands for.
pub trait Routes {
    /// Adds one. `handler` makes one call and no decisions.
    fn add<P, Q, B, A, F>(
        &mut self,
        endpoint: Endpoint<P, Q, B, A>,
        handler: impl Fn(Arc<dyn Engine>, Call<P, Q, B>) -> F + Send + Sync + 'static,
    ) where
        P: PathParameters,
        Q: Parameters,
        B: Body,
        A: Answer,
        F: Future<Output = Result<A>> + Send + 'static;
}

/// A request, read.
#[derive(Debug)]
pub struct Call<P, Q, B> {
    /// The parameters in the path.
    pub path: P,
    /// Those of the query and the headers.
    pub parameters: Q,
    /// The body.
    pub body: B,
}

/// A request as an HTTP library gives it.
pub struct Incoming {
    /// The parameters in the path, decoded.
    pub path: Vec<String>,
    /// The query, as it was sent.
    pub query: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The version of the API in the path.
    pub version: Option<String>,
    /// The body.
    pub body: ByteStream,
}

impl std::fmt::Debug for Incoming {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Incoming")
            .field("path", &self.path)
            .field("query", &self.query)
            .finish_non_exhaustive()
    }
}

/// The answer, and what of the request's body was not read.
pub type Served = (Reply, ByteStream);

type Handler =
    dyn Fn(Arc<dyn Engine>, Incoming) -> Pin<Box<dyn Future<Output = Result<Served>> + Send>> + Send + Sync;

/// An endpoint that can be called.
#[derive(Clone)]
pub struct Route {
    /// Its method.
    pub verb: Verb,
    /// Whose it is.
    pub family: Family,
    /// Its path below the family's prefix, with `{name}` for a parameter.
    pub path: &'static str,
    handler: Arc<Handler>,
}

impl std::fmt::Debug for Route {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{:?} {}{}", self.verb, self.family.prefix(), self.path)
    }
}

impl Route {
    /// Answers a request.
    ///
    /// # Errors
    /// The request is wrong, or the engine's.
    pub async fn serve(&self, engine: Arc<dyn Engine>, request: Incoming) -> Result<Served> {
        (self.handler)(engine, request).await
    }
}

/// Every endpoint, for a server.
#[must_use]
pub fn routes() -> Vec<Route> {
    let mut all = Collected(Vec::new());
    super::every(&mut all);
    all.0
}

struct Collected(Vec<Route>);

impl Routes for Collected {
    fn add<P, Q, B, A, F>(
        &mut self,
        endpoint: Endpoint<P, Q, B, A>,
        handler: impl Fn(Arc<dyn Engine>, Call<P, Q, B>) -> F + Send + Sync + 'static,
    ) where
        P: PathParameters,
        Q: Parameters,
        B: Body,
        A: Answer,
        F: Future<Output = Result<A>> + Send + 'static,
    {
        let handler = Arc::new(handler);
        let handler = move |engine, request: Incoming| {
            let handler = Arc::clone(&handler);
            let served = async move {
                let Incoming { path, query, headers, version, mut body } = request;
                let call = Call {
                    path: P::from_parts(path)?,
                    parameters: Q::read(&query, &headers)?,
                    body: B::read(&mut body).await?,
                };
                let answer = handler(engine, call).await?;
                Ok((answer.reply(&Asked { status: endpoint.status, version }).await?, body))
            };
            Box::pin(served) as Pin<Box<dyn Future<Output = _> + Send>>
        };
        let Endpoint { verb, family, path, .. } = endpoint;
        self.0.push(Route { verb, family, path, handler: Arc::new(handler) });
    }
}
