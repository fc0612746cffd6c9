//! One connection of the driver and the server's connection that belongs to it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::fault::Effect;
use super::message::{self, Framer};
use super::shared::{Held, Shared, Strike};

/// What the client gets for a request; the queue of them keeps the order of the requests.
enum Answer {
    /// Words of ours, without the server.
    Ours(Vec<u8>),
    Servers,
    Swallowed,
    Slow(Duration),
    Held(Strike),
}

/// Why no further request is forwarded.
enum End {
    /// The connection is cut once the earlier requests are answered.
    Cut,
    /// As `Cut`, but the server gets this request at the release.
    Late(Vec<u8>, Strike),
}

/// Serves until one side closes, or a fault or `cut_all` ends it.
pub async fn serve(shared: Arc<Shared>, mut client: TcpStream) -> io::Result<()> {
    let mut cut = shared.cut.subscribe();
    if shared.refuses() {
        return Ok(());
    }
    let mut server = None;
    let end = tokio::select! {
        _ = cut.changed() => return Ok(()),
        end = until_end(&shared, &mut client, &mut server) => end?,
    };
    drop(client);
    if let End::Late(request, mut strike) = end {
        let held = Held::new(&shared);
        shared.struck();
        strike.released().await;
        let (reads, mut writes) = server.as_mut().unwrap().split();
        writes.write_all(&request).await?;
        Framer::new(reads).answer().await?;
        drop(held);
    } else {
        shared.struck();
    }
    Ok(())
}

async fn until_end(
    shared: &Arc<Shared>,
    client: &mut TcpStream,
    server: &mut Option<TcpStream>,
) -> io::Result<End> {
    let server = server.insert(TcpStream::connect(&shared.upstream).await?);
    // Else a chunk waits for the acknowledgement of the one before, 40 ms each time.
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    shake_hands(client, server).await?;
    let ((client_reads, client_writes), (server_reads, server_writes)) =
        (client.split(), server.split());
    let (asked, asks) = unbounded_channel();
    let client = Framer::new(client_reads);
    let requests = Requests { shared, client, server: server_writes, asked, failed: false };
    let answers = answers(shared, Framer::new(server_reads), client_writes, asks);
    tokio::pin!(answers);
    tokio::select! {
        // The queue's other end is open as yet: this is an error.
        gone = &mut answers => Err(gone.err().unwrap_or(io::ErrorKind::UnexpectedEof.into())),
        end = requests.forward_all() => {
            let end = end?;
            answers.await?;
            Ok(end)
        }
    }
}

/// The client's magic and four versions, the server's choice of one.
async fn shake_hands(client: &mut TcpStream, server: &mut TcpStream) -> io::Result<()> {
    let mut offer = [0; 20];
    client.read_exact(&mut offer).await?;
    server.write_all(&offer).await?;
    let mut choice = [0; 4];
    server.read_exact(&mut choice).await?;
    client.write_all(&choice).await
}

/// The client's requests on their way to the server.
struct Requests<'a> {
    shared: &'a Arc<Shared>,
    client: Framer<ReadHalf<'a>>,
    server: WriteHalf<'a>,
    asked: UnboundedSender<Answer>,
    /// Since a failure of ours; the client's RESET ends it.
    failed: bool,
}

impl Requests<'_> {
    async fn forward_all(mut self) -> io::Result<End> {
        loop {
            let Some(request) = self.client.buffered() else {
                self.client.fill().await?;
                continue;
            };
            let (tag, raw) = (request.tag(), request.raw.to_vec());
            self.failed &= tag != message::RESET;
            if tag == message::GOODBYE {
                self.server.write_all(&raw).await?;
            } else if self.failed {
                self.ask(Answer::Ours(message::ignored()))?;
            } else if let Some(strike) = self.shared.strike(request) {
                if let Some(end) = self.strike(raw, strike).await? {
                    return Ok(end);
                }
            } else {
                self.forward(&raw, Answer::Servers).await?;
            }
        }
    }

    async fn strike(&mut self, raw: Vec<u8>, strike: Strike) -> io::Result<Option<End>> {
        match strike.effect {
            Effect::Cut => return Ok(Some(End::Cut)),
            Effect::CutAfter => {
                self.forward(&raw, Answer::Swallowed).await?;
                return Ok(Some(End::Cut));
            }
            Effect::LateCommit => return Ok(Some(End::Late(raw, strike))),
            Effect::Hold => {
                self.hold(strike).await?;
                self.forward(&raw, Answer::Servers).await?;
            }
            Effect::HoldAnswer => self.forward(&raw, Answer::Held(strike)).await?,
            Effect::Slow(delay) => self.forward(&raw, Answer::Slow(delay)).await?,
            Effect::Fail { code, message } => {
                self.shared.struck();
                self.failed = true;
                self.ask(Answer::Ours(message::failure(code, message)))?;
                self.forward(&message::reset(), Answer::Swallowed).await?;
            }
        }
        Ok(None)
    }

    async fn hold(&mut self, mut strike: Strike) -> io::Result<()> {
        let _held = Held::new(self.shared);
        self.shared.struck();
        loop {
            tokio::select! {
                () = strike.released() => return Ok(()),
                more = self.client.fill() => more?,
            }
        }
    }

    async fn forward(&mut self, request: &[u8], answer: Answer) -> io::Result<()> {
        self.ask(answer)?;
        self.server.write_all(request).await
    }

    fn ask(&self, answer: Answer) -> io::Result<()> {
        self.asked.send(answer).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

async fn answers(
    shared: &Arc<Shared>,
    mut server: Framer<ReadHalf<'_>>,
    mut client: WriteHalf<'_>,
    mut asks: UnboundedReceiver<Answer>,
) -> io::Result<()> {
    while let Some(answer) = asks.recv().await {
        match answer {
            Answer::Ours(words) => client.write_all(&words).await?,
            Answer::Servers => stream(&mut server, &mut client).await?,
            Answer::Swallowed => drop(server.answer().await?),
            Answer::Slow(delay) => {
                let words = server.answer().await?;
                shared.struck();
                tokio::time::sleep(delay).await;
                client.write_all(&words).await?;
            }
            Answer::Held(mut strike) => {
                let words = server.answer().await?;
                let _held = Held::new(shared);
                shared.struck();
                strike.released().await;
                client.write_all(&words).await?;
            }
        }
    }
    Ok(())
}

/// Forwards an answer; records that came together go together.
async fn stream(server: &mut Framer<ReadHalf<'_>>, client: &mut WriteHalf<'_>) -> io::Result<()> {
    let mut words = Vec::new();
    loop {
        if let Some(message) = server.buffered() {
            words.extend_from_slice(message.raw);
            if message.is_summary() {
                return client.write_all(&words).await;
            }
        } else {
            client.write_all(&words).await?;
            words.clear();
            server.fill().await?;
        }
    }
}
