//! Answers on their way to the socket, and what a fault does to them there.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::{Notify, mpsc, watch};

use super::Effect;

/// A slow answer goes out in pieces this far apart.
const PACE: Duration = Duration::from_millis(20);
const PIECES_PER_SECOND: u32 = 50;

/// What happens to the bytes of a connection's answers. The session sets it, the socket's side obeys.
#[derive(Debug, Default)]
pub struct Transmission {
    treatment: Mutex<Treatment>,
    severed: Notify,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Treatment {
    /// They go out.
    #[default]
    Plain,
    /// So many go out, then the connection is cut.
    CutAfter(u64),
    /// They wait for the release after the one of this number.
    Held(u64),
    /// They go out slowly.
    Slow(u32),
    /// They are lost, while what they tell of still runs.
    Lost,
    /// The connection is cut.
    Severed,
}

/// What to do with bytes that wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Send(usize),
    SendAndCut(usize),
    SendSlowly(usize),
    Wait(u64),
    Lose,
}

impl Treatment {
    /// What to do next with so many bytes; those that it sends are counted.
    fn step(&mut self, waiting: usize) -> Step {
        match self {
            Self::Plain => Step::Send(waiting),
            Self::CutAfter(left) => match usize::try_from(*left) {
                Ok(left) if left <= waiting => Step::SendAndCut(left),
                _ => {
                    *left -= waiting as u64;
                    Step::Send(waiting)
                }
            },
            Self::Held(seen) => Step::Wait(*seen),
            Self::Slow(speed) => {
                let piece = usize::try_from(*speed / PIECES_PER_SECOND).unwrap_or(usize::MAX);
                Step::SendSlowly(piece.clamp(1, waiting))
            }
            Self::Lost => Step::Lose,
            Self::Severed => Step::SendAndCut(0),
        }
    }
}

impl Transmission {
    /// From now on answers meet this effect, after so many releases; what is no effect on bytes changes nothing.
    pub(crate) fn meet(&self, effect: Effect, releases: u64) {
        let treatment = match effect {
            Effect::Cut { after_bytes } => Treatment::CutAfter(after_bytes),
            Effect::Hold => Treatment::Held(releases),
            Effect::Slow { bytes_per_second } => Treatment::Slow(bytes_per_second),
            Effect::LoseAnswer => Treatment::Lost,
            Effect::Error(_) => return,
        };
        *self.treatment() = treatment;
    }

    /// A request has come: the answer before it is over, and so is what slowed it.
    pub(crate) fn next_request(&self) {
        let mut treatment = self.treatment();
        if matches!(*treatment, Treatment::Slow(_)) {
            *treatment = Treatment::Plain;
        }
    }

    /// Cuts the connection.
    pub(crate) fn sever(&self) {
        *self.treatment() = Treatment::Severed;
        self.severed.notify_one();
    }

    fn treatment(&self) -> MutexGuard<'_, Treatment> {
        self.treatment.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The socket's side.
#[derive(Debug)]
pub struct AnswerWriter<W> {
    writer: W,
    transmission: Arc<Transmission>,
    releases: watch::Receiver<u64>,
}

impl<W: AsyncWrite + Unpin> AnswerWriter<W> {
    /// Writes to a socket as `transmission` says.
    pub fn new(writer: W, transmission: Arc<Transmission>, releases: watch::Receiver<u64>) -> Self {
        Self { writer, transmission, releases }
    }

    /// Writes what comes until there is no more. An error: the connection is cut, here or there.
    pub async fn run(&mut self, mut outgoing: mpsc::Receiver<Vec<u8>>) -> io::Result<()> {
        let transmission = Arc::clone(&self.transmission);
        loop {
            let chunk = tokio::select! {
                chunk = outgoing.recv() => chunk,
                () = transmission.severed.notified() => return Err(cut()),
            };
            match chunk {
                Some(chunk) => self.send(&chunk).await?,
                None => return self.writer.shutdown().await,
            }
        }
    }

    async fn send(&mut self, mut chunk: &[u8]) -> io::Result<()> {
        while !chunk.is_empty() {
            let step = self.transmission.treatment().step(chunk.len());
            let sent = match step {
                Step::Send(bytes) | Step::SendAndCut(bytes) | Step::SendSlowly(bytes) => bytes,
                Step::Wait(seen) => {
                    self.released(seen).await?;
                    continue;
                }
                Step::Lose => return Ok(()),
            };
            self.writer.write_all(&chunk[..sent]).await?;
            self.writer.flush().await?;
            chunk = &chunk[sent..];
            match step {
                Step::SendAndCut(_) => return Err(cut()),
                Step::SendSlowly(_) => tokio::time::sleep(PACE).await,
                _ => {}
            }
        }
        Ok(())
    }

    async fn released(&mut self, seen: u64) -> io::Result<()> {
        let gone = |_| io::Error::from(io::ErrorKind::BrokenPipe);
        self.releases.wait_for(|count| *count > seen).await.map_err(gone)?;
        let mut treatment = self.transmission.treatment();
        if matches!(*treatment, Treatment::Held(_)) {
            *treatment = Treatment::Plain;
        }
        Ok(())
    }
}

fn cut() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "cut by a fault on demand")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_counts_over_answers() {
        let mut treatment = Treatment::CutAfter(10);
        assert_eq!(treatment.step(6), Step::Send(6));
        assert_eq!(treatment.step(6), Step::SendAndCut(4));
        assert_eq!(Treatment::CutAfter(0).step(6), Step::SendAndCut(0));
    }

    #[test]
    fn a_slow_answer_goes_in_pieces_of_at_least_one_byte() {
        assert_eq!(Treatment::Slow(5000).step(1000), Step::SendSlowly(100));
        assert_eq!(Treatment::Slow(1).step(1000), Step::SendSlowly(1));
        assert_eq!(Treatment::Slow(1_000_000).step(1000), Step::SendSlowly(1000));
    }
}
