//! A connection: pre-login, TLS, login, then requests to the session's thread and its answers to the socket.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;

use crate::certificate::Acceptors;

use super::handshake::HandshakeStream;
use super::login::{self, Login};
use super::packet::{
    Limits, Message, PACKET_BYTES_DEFAULT, frame_message, invalid, kind, read_message,
};
use super::prelogin::{self, Encryption};
use super::request::{self, Request};
use super::response::Response;
use crate::engine::control::Control;
use crate::engine::{self, Shared};
use crate::faults::transmission::AnswerWriter;

/// `CurCmd` of DONE tokens (observed, probed.md 8).
pub mod command {
    #![expect(missing_docs, reason = "each is the statement of that name")]
    /// A batch that ends in an error, or in a statement that has no DONE of its own.
    pub const BATCH: u16 = 0xFD;
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
/// Requests that may wait for the session. A client waits for each answer, so there is hardly ever more than one.
const EVENTS_WAITING: usize = 4;
/// Chunks of an answer that may wait for the socket: the rest of the answer waits in `SQLite`.
const CHUNKS_WAITING: usize = 4;

/// First byte of a TLS handshake: a client that begins so speaks TDS 8.0.
const TLS_HANDSHAKE: u8 = 0x16;

/// What reaches a session's thread.
#[derive(Debug)]
pub enum Event {
    /// A request.
    Request(Request),
    /// An attention.
    Attention,
}

/// What a connection runs over: a socket, or TLS on it.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Serves one client until it or the server ends the connection.
pub async fn serve(
    socket: TcpStream,
    tls: Option<Acceptors>,
    shared: Arc<Shared>,
) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let (stream, login) = tokio::time::timeout(LOGIN_TIMEOUT, greet(socket, tls)).await??;
    converse(stream, login, shared).await
}

/// Pre-login, TLS and LOGIN7, up to what the session has to decide.
async fn greet(socket: TcpStream, tls: Option<Acceptors>) -> io::Result<(Box<dyn Stream>, Login)> {
    let mut first = [0];
    let tls_first = socket.peek(&mut first).await? == 1 && first == [TLS_HANDSHAKE];
    match tls {
        Some(acceptors) if tls_first => greet_strict(socket, &acceptors.strict).await,
        Some(acceptors) => greet_wrapped(socket, &acceptors.wrapped).await,
        None => greet_plain(socket).await,
    }
}

/// TDS 8.0: TLS comes first, everything else inside of it.
async fn greet_strict<S>(socket: S, acceptor: &TlsAcceptor) -> io::Result<(Box<dyn Stream>, Login)>
where
    S: Stream + 'static,
{
    let mut stream = acceptor.accept(socket).await?;
    agree(&mut stream, true).await?;
    let login = read_login(&mut stream).await?;
    Ok((Box::new(stream), login))
}

/// TDS 7.4 with a certificate at hand: the client decides what TLS is used for.
async fn greet_wrapped<S>(
    mut socket: S,
    acceptor: &TlsAcceptor,
) -> io::Result<(Box<dyn Stream>, Login)>
where
    S: Stream + 'static,
{
    let encryption = agree(&mut socket, true).await?;
    if encryption == Encryption::NotSupported {
        let login = read_login(&mut socket).await?;
        return Ok((Box::new(socket), login));
    }
    let mut stream = acceptor.accept(HandshakeStream::new(socket)).await?;
    stream.get_mut().0.stop_wrapping();
    let login = read_login(&mut stream).await?;
    if encryption == Encryption::Off {
        // Only the login is encrypted: from here on the socket is bare (MS-TDS 2.2.6.5).
        return Ok((Box::new(stream.into_inner().0.into_socket()), login));
    }
    Ok((Box::new(stream), login))
}

async fn greet_plain<S>(mut socket: S) -> io::Result<(Box<dyn Stream>, Login)>
where
    S: Stream + 'static,
{
    agree(&mut socket, false).await?;
    let login = read_login(&mut socket).await?;
    Ok((Box::new(socket), login))
}

/// PRELOGIN and its answer.
async fn agree<S: Stream>(stream: &mut S, has_tls: bool) -> io::Result<Encryption> {
    let message = expect(read_message(stream, Limits::LOGIN).await?, kind::PRELOGIN)?;
    let encryption = Encryption::agreed(prelogin::read(&message.payload)?, has_tls);
    let mut bytes = Vec::new();
    let packet_bytes = usize::from(PACKET_BYTES_DEFAULT);
    frame_message(kind::RESPONSE, &prelogin::answer(encryption), packet_bytes, &mut bytes);
    stream.write_all(&bytes).await?;
    stream.flush().await?;
    Ok(encryption)
}

fn expect(message: Option<Message>, kind: u8) -> io::Result<Message> {
    match message {
        Some(message) if message.kind == kind => Ok(message),
        Some(_) => Err(invalid("order of messages")),
        None => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

async fn read_login<S: Stream>(stream: &mut S) -> io::Result<Login> {
    login::read(&expect(read_message(stream, Limits::LOGIN).await?, kind::LOGIN7)?.payload)
}

/// The session's thread on one side, the socket on the other.
async fn converse(stream: Box<dyn Stream>, login: Login, shared: Arc<Shared>) -> io::Result<()> {
    let (reader, writer) = tokio::io::split(stream);
    let (events, session_events) = mpsc::channel(EVENTS_WAITING);
    let (chunks, outgoing) = mpsc::channel::<Vec<u8>>(CHUNKS_WAITING);
    let control = Arc::new(Control::default());
    let mut answers =
        AnswerWriter::new(writer, Arc::clone(&control.transmission), shared.faults.releases());
    let session_control = Arc::clone(&control);
    let _ends_session = EndsSession(Arc::clone(&control));
    let limits = Limits::session(login.packet_bytes);
    engine::spawn(move || {
        let response = Response::new(chunks, PACKET_BYTES_DEFAULT);
        engine::serve_session(&shared, &login, session_events, response, &session_control);
    })?;
    tokio::select! {
        ended = read_requests(BufReader::new(reader), limits, events, &control) => ended,
        ended = answers.run(outgoing) => ended,
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
    mut reader: R,
    limits: Limits,
    events: mpsc::Sender<Event>,
    control: &Control,
) -> io::Result<()> {
    while let Some(message) = read_message(&mut reader, limits).await? {
        let event = if message.kind == kind::ATTENTION {
            control.raise_attention();
            Event::Attention
        } else {
            Event::Request(request::read(&message)?)
        };
        if events.send(event).await.is_err() {
            // The session has ended; what it still says is on its way.
            std::future::pending::<()>().await;
        }
    }
    Ok(())
}
