//! A connection: pre-login, TLS, login, then requests to the session's thread and its answers to the socket.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;

use super::handshake::HandshakeStream;
use super::login::{self, Login};
use super::packet::{Message, PACKET_BYTES_DEFAULT, frame_message, invalid, kind, read_message};
use super::prelogin::{self, Encryption};
use super::request::{self, Request};
use super::response::Response;
use crate::engine::control::Control;
use crate::engine::{self, Shared};

/// `CurCmd` of DONE tokens (observed, probed.md 8).
pub mod command {
    #![expect(missing_docs, reason = "each is the statement of that name")]
    pub const SELECT: u16 = 0xC1;
    pub const INSERT: u16 = 0xC3;
    pub const DELETE: u16 = 0xC4;
    pub const UPDATE: u16 = 0xC5;
    pub const MERGE: u16 = 0x117;
    pub const CONDITION: u16 = 0xC0;
    pub const BEGIN: u16 = 0xD4;
    pub const COMMIT: u16 = 0xD5;
    pub const ROLLBACK: u16 = 0xD2;
    pub const SAVE: u16 = 0xD6;
    pub const SET_ON: u16 = 0xB9;
    pub const SET_OFF: u16 = 0xBA;
    pub const SET_VALUE: u16 = 0xF9;
    pub const PRINT: u16 = 0xF7;
    pub const RAISERROR: u16 = 0xF6;
    pub const EXECUTE: u16 = 0xE0;
    pub const USE: u16 = 0xE2;
    pub const CREATE_TABLE: u16 = 0xC6;
    pub const DROP_TABLE: u16 = 0xC7;
    pub const ALTER_TABLE: u16 = 0xD8;
    pub const ALTER_DATABASE: u16 = 0xD7;
    pub const CREATE_INDEX: u16 = 0xC8;
    pub const TRUNCATE: u16 = 0xEA;
    pub const TRY: u16 = 0x15D;
    pub const CATCH: u16 = 0x15E;
    pub const END_CATCH: u16 = 0x15F;
    pub const WAITFOR: u16 = 0xF3;
}

/// A client that does not log in for this long is dropped.
const LOGIN_TIMEOUT: Duration = Duration::from_secs(30);
/// Chunks of an answer that may wait for the socket: the rest of the answer waits in `SQLite`.
const CHUNKS_WAITING: usize = 4;

/// What reaches a session's thread.
#[derive(Debug)]
pub enum Event {
    /// A request.
    Request(Request),
    /// An attention, with its number.
    Attention(u32),
}

/// Serves one client until it or the server ends the connection.
pub async fn serve(
    mut socket: TcpStream,
    tls: Option<TlsAcceptor>,
    shared: Arc<Shared>,
) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let greeting = tokio::time::timeout(LOGIN_TIMEOUT, async {
        let message = expect(read_message(&mut socket).await?, kind::PRELOGIN)?;
        let encryption = Encryption::agreed(prelogin::read(&message.payload)?, tls.is_some());
        let mut bytes = Vec::new();
        let packet_bytes = usize::from(PACKET_BYTES_DEFAULT);
        frame_message(kind::RESPONSE, &prelogin::answer(encryption), packet_bytes, &mut bytes);
        socket.write_all(&bytes).await?;
        Ok::<_, io::Error>(encryption)
    });
    let encryption = greeting.await??;
    match (encryption, tls) {
        (Encryption::NotSupported, _) | (_, None) => {
            let login = tokio::time::timeout(LOGIN_TIMEOUT, read_login(&mut socket)).await??;
            converse(socket, login, shared).await
        }
        (encryption, Some(acceptor)) => secure(socket, &acceptor, encryption, shared).await,
    }
}

async fn secure(
    socket: TcpStream,
    acceptor: &TlsAcceptor,
    encryption: Encryption,
    shared: Arc<Shared>,
) -> io::Result<()> {
    let accept = acceptor.accept(HandshakeStream::new(socket));
    let mut stream = tokio::time::timeout(LOGIN_TIMEOUT, accept).await??;
    stream.get_mut().0.stop_wrapping();
    let login = tokio::time::timeout(LOGIN_TIMEOUT, read_login(&mut stream)).await??;
    if encryption == Encryption::Off {
        // Only the login is encrypted: from here on the socket is bare (MS-TDS 2.2.6.5).
        return converse(stream.into_inner().0.into_socket(), login, shared).await;
    }
    converse(stream, login, shared).await
}

fn expect(message: Option<Message>, kind: u8) -> io::Result<Message> {
    match message {
        Some(message) if message.kind == kind => Ok(message),
        Some(_) => Err(invalid("order of messages")),
        None => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

async fn read_login<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<Login> {
    login::read(&expect(read_message(stream).await?, kind::LOGIN7)?.payload)
}

/// The session's thread on one side, the socket on the other.
async fn converse<S>(stream: S, login: Login, shared: Arc<Shared>) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut reader, mut writer) = tokio::io::split(stream);
    let (events, session_events) = mpsc::channel(4);
    let (chunks, mut outgoing) = mpsc::channel::<Vec<u8>>(CHUNKS_WAITING);
    let control = Arc::new(Control::default());
    let session_control = Arc::clone(&control);
    let _ends_session = EndsSession(Arc::clone(&control));
    engine::spawn(move || {
        let response = Response::new(chunks, PACKET_BYTES_DEFAULT);
        engine::serve_session(&shared, &login, session_events, response, &session_control);
    })?;
    let writing = async {
        while let Some(chunk) = outgoing.recv().await {
            writer.write_all(&chunk).await?;
            writer.flush().await?;
        }
        writer.shutdown().await
    };
    tokio::select! {
        ended = read_requests(&mut reader, events, &control) => ended,
        ended = writing => ended,
    }
}

/// However the conversation ends, also when its task is dropped: the session stops what it is doing.
struct EndsSession(Arc<Control>);

impl Drop for EndsSession {
    fn drop(&mut self) {
        self.0.close();
    }
}

async fn read_requests<R: AsyncRead + Unpin>(
    reader: &mut R,
    events: mpsc::Sender<Event>,
    control: &Control,
) -> io::Result<()> {
    while let Some(message) = read_message(reader).await? {
        let event = match message.kind {
            kind::ATTENTION => Event::Attention(control.raise_attention()),
            _ => Event::Request(request::read(&message)?),
        };
        if events.send(event).await.is_err() {
            // The session has ended; what it still says is on its way.
            std::future::pending::<()>().await;
        }
    }
    Ok(())
}
