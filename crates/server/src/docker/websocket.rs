//! `/containers/{name}/attach/ws`: a container's streams as messages of a WebSocket.

use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, State};
use axum::routing::get;
use axum::{Extension, Router};
use bytes::Bytes;
use cove_api::AttachStream;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::AsyncWriteExt as _;

use super::containers::attached;
use super::parameters::{self, Query};
use crate::error::Answer;
use crate::hangup::HangUp;
use crate::router::EngineState;

/// Most bytes of a message to the container.
const LARGEST: usize = 1 << 20;

pub(super) fn routes() -> Router<EngineState> {
    Router::new().route("/containers/{name}/attach/ws", get(attach))
}

async fn attach(
    State(engine): State<EngineState>,
    Path(name): Path<String>,
    Query(asked): Query<parameters::Attach>,
    Extension(hang_up): Extension<HangUp>,
    upgrade: WebSocketUpgrade,
) -> Answer {
    let (streams, _) = attached(&engine, &name, asked).await?;
    Ok(upgrade.max_message_size(LARGEST).on_upgrade(|socket| async move {
        tokio::select! {
            () = couple(socket, streams) => {}
            () = hang_up.wait() => tracing::debug!("the client of a WebSocket is gone"),
        }
    }))
}

/// What comes is the container's input, what it writes goes out unframed, as with Docker. A socket that is closed
/// detaches.
async fn couple(socket: WebSocket, AttachStream { mut input, mut output }: AttachStream) {
    let (mut sender, mut receiver) = socket.split();
    let feed = async {
        let mut wanted = true;
        while let Some(Ok(message)) = receiver.next().await {
            let bytes: Bytes = match message {
                Message::Binary(bytes) => bytes,
                Message::Text(text) => text.into(),
                Message::Ping(_) | Message::Pong(_) => continue,
                Message::Close(_) => return,
            };
            if let Some(open) = input.as_mut().filter(|_| wanted) {
                wanted = open.write_all(&bytes).await.is_ok();
            }
        }
    };
    let drain = async {
        while let Some(Ok(chunk)) = output.next().await {
            if sender.send(Message::Binary(chunk.data)).await.is_err() {
                return;
            }
        }
        let _ = sender.send(Message::Close(None)).await;
    };
    tokio::pin!(feed, drain);
    tokio::select! {
        () = &mut feed => {}
        () = &mut drain => {
            // As for other attached streams: a socket that is closed with unread bytes takes the last output along.
            let _ = tokio::time::timeout(crate::stream::LAST_WORDS, feed).await;
        }
    }
}
