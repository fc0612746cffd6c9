//! The stream under TLS: handshake records travel inside PRELOGIN packets, later ones raw (MS-TDS 3.3.5.2).

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::packet::{HEADER_BYTES, PACKET_BYTES_DEFAULT, frame_message, invalid, kind};

/// A socket that wraps what passes while the handshake lasts.
#[derive(Debug)]
pub struct HandshakeStream<S> {
    socket: S,
    wrapping: bool,
    header: [u8; HEADER_BYTES],
    header_read: usize,
    body_left: usize,
    unsent: Vec<u8>,
    framed: Vec<u8>,
    framed_sent: usize,
    /// Bytes taken for a header that turned out to be raw.
    replay: Vec<u8>,
}

/// First bytes of raw TLS records. rustls reads on when its handshake is complete, so the first of them may come while
/// wrapping is not yet off.
const TLS_RECORDS: std::ops::RangeInclusive<u8> = 0x14..=0x17;

impl<S: AsyncRead + AsyncWrite + Unpin> HandshakeStream<S> {
    /// Wraps from now on.
    pub fn new(socket: S) -> Self {
        Self {
            socket,
            wrapping: true,
            header: [0; HEADER_BYTES],
            header_read: 0,
            body_left: 0,
            unsent: Vec::new(),
            framed: Vec::new(),
            framed_sent: 0,
            replay: Vec::new(),
        }
    }

    /// The handshake is over: bytes pass as they are.
    pub fn stop_wrapping(&mut self) {
        if self.wrapping {
            self.replay.extend_from_slice(&self.header[..self.header_read]);
        }
        self.wrapping = false;
    }

    /// The socket itself.
    pub fn into_socket(self) -> S {
        self.socket
    }

    fn poll_header(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.body_left == 0 {
            let mut buffer = ReadBuf::new(&mut self.header[self.header_read..]);
            ready!(Pin::new(&mut self.socket).poll_read(cx, &mut buffer))?;
            let read = buffer.filled().len();
            if read == 0 {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
            self.header_read += read;
            if self.header_read == HEADER_BYTES {
                self.header_read = 0;
                let length = usize::from(u16::from_be_bytes([self.header[2], self.header[3]]));
                if TLS_RECORDS.contains(&self.header[0]) {
                    self.replay.extend_from_slice(&self.header);
                    self.wrapping = false;
                    return Poll::Ready(Ok(()));
                }
                if self.header[0] != kind::PRELOGIN || length < HEADER_BYTES {
                    return Poll::Ready(Err(invalid("TLS handshake outside of PRELOGIN packets")));
                }
                self.body_left = length - HEADER_BYTES;
            }
        }
        Poll::Ready(Ok(()))
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.framed.is_empty() && !self.unsent.is_empty() {
            let packet_bytes = usize::from(PACKET_BYTES_DEFAULT);
            frame_message(kind::PRELOGIN, &self.unsent, packet_bytes, &mut self.framed);
            self.unsent.clear();
        }
        while self.framed_sent < self.framed.len() {
            let rest = &self.framed[self.framed_sent..];
            let sent = ready!(Pin::new(&mut self.socket).poll_write(cx, rest))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.framed_sent += sent;
        }
        self.framed.clear();
        self.framed_sent = 0;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for HandshakeStream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.wrapping {
            ready!(this.poll_header(cx))?;
        }
        if !this.wrapping {
            if this.replay.is_empty() {
                return Pin::new(&mut this.socket).poll_read(cx, buffer);
            }
            let count = this.replay.len().min(buffer.remaining());
            buffer.put_slice(&this.replay[..count]);
            this.replay.drain(..count);
            return Poll::Ready(Ok(()));
        }
        let mut limited = buffer.take(this.body_left);
        ready!(Pin::new(&mut this.socket).poll_read(cx, &mut limited))?;
        let read = limited.filled().len();
        // `take` shares the memory: what was filled there has been written and becomes part of the outer buffer.
        let filled = limited.filled().to_vec();
        buffer.put_slice(&filled);
        this.body_left -= read;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for HandshakeStream<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.wrapping {
            this.unsent.extend_from_slice(bytes);
            return Poll::Ready(Ok(bytes.len()));
        }
        Pin::new(&mut this.socket).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_send(cx))?;
        Pin::new(&mut this.socket).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_shutdown(cx)
    }
}
