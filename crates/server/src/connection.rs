//! One connection: requests in, answers out, until the client goes, is silent for too long or makes room for another.

use std::os::fd::AsFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, Request, Response, StatusCode, header};
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;

use crate::hangup::HangUp;
use crate::requests::{Exchange, Open, Patience, Requests};
use crate::slots::{Slot, Slots};
use crate::stream::wants_upgrade;
use crate::tls::HANDSHAKE;
use crate::unread::Upload;

/// What every connection is served with.
pub(crate) struct Served {
    pub(crate) router: Router,
    pub(crate) slots: Slots,
    pub(crate) tls: Option<TlsAcceptor>,
}

impl Served {
    /// Serves a connection in a task of its own.
    ///
    /// `half_close`: a client that is done writing still wants its answer. Over TCP that would hide clients that are
    /// gone.
    ///
    /// # Errors
    /// No descriptor is left to watch it.
    pub(crate) fn serve<T>(&self, stream: T, half_close: bool) -> std::io::Result<()>
    where
        T: AsyncRead + AsyncWrite + AsFd + Send + Unpin + 'static,
    {
        let hang_up = HangUp::of(&stream)?;
        let mut slot = self.slots.take();
        let leave = slot.leave();
        let (router, tls) = (self.router.clone(), self.tls.clone());
        tokio::spawn(async move {
            let served = async {
                let Some(tls) = tls else {
                    return exchange(stream, slot, router, &hang_up, half_close).await;
                };
                // Who has not said yet who they are makes room for others.
                slot.set_idle();
                match tokio::time::timeout(HANDSHAKE, tls.accept(stream)).await {
                    Ok(Ok(stream)) => exchange(stream, slot, router, &hang_up, half_close).await,
                    Ok(Err(error)) => tracing::debug!(%error, "a client's handshake"),
                    Err(_) => tracing::debug!("a client that does not finish its handshake"),
                }
            };
            tokio::select! {
                () = served => {}
                () = hang_up.wait() => tracing::debug!("a client hung up"),
                () = leave.notified() => {}
            }
        });
        Ok(())
    }
}

/// Requests and answers up to the end of the connection, or until it is taken over; the stream then looks for the
/// hang-up itself.
async fn exchange<T>(stream: T, slot: Slot, router: Router, hang_up: &HangUp, half_close: bool)
where
    T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let exchange = Arc::new(Exchange::default());
    let stream = Requests::new(stream, slot, Patience::default(), Arc::clone(&exchange));
    let service = answer_with(router, exchange, hang_up.clone());
    let mut builder = hyper::server::conn::http1::Builder::new();
    // Heads come whole and in time from `Requests`.
    builder.timer(TokioTimer::new()).header_read_timeout(None);
    // As Go spells them, for scripts that look for `Content-Type`.
    builder.title_case_headers(true);
    let connection = builder.half_close(half_close).serve_connection(TokioIo::new(stream), service);
    if let Err(error) = connection.with_upgrades().await {
        tracing::debug!(%error, "connection");
    }
}

fn answer_with(
    router: Router,
    exchange: Arc<Exchange>,
    hang_up: HangUp,
) -> impl hyper::service::Service<
    Request<Incoming>,
    Response = Response<Whole>,
    Error = std::convert::Infallible,
    Future: Send,
> {
    hyper::service::service_fn(move |mut request: Request<Incoming>| {
        let (router, open) = (router.clone(), Open(Arc::clone(&exchange)));
        request.extensions_mut().insert(hang_up.clone());
        if let Some(refusal) = exchange.refusal() {
            request.extensions_mut().insert(refusal);
        }
        let takes_over = wants_upgrade(request.uri().path(), request.headers());
        async move {
            let mut response = router.oneshot(Upload::of(request)).await?;
            if takes_over && response.status() != StatusCode::SWITCHING_PROTOCOLS {
                // What follows such a head passes by `Requests`, so it must not be another request.
                response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            Ok(response.map(|body| Whole { body, _open: open }))
        }
    })
}

/// The body of an answer, which knows when it has gone.
struct Whole {
    body: Body,
    _open: Open,
}

impl HttpBody for Whole {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
