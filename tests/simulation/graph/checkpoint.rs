//! The checkpoint in the model: fence, guard, compare-and-set, heartbeats.

use provsync::error::{Error, Kind, Result};
use provsync::model::Database;
use provsync::neo4j::checkpoint::{Fence, Found, State, claim};
use provsync::neo4j::leader::{Beat, Heard, Request, Sign};
use tokio::time::Instant;

use super::{Data, Weakness};

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Checkpoint {
    pub fence: String,
    pub state: State,
    /// As it stands there: an edit by hand leaves it as it was.
    pub seal: String,
    /// [`State::followed`], as the guard finds it.
    pub floor: Option<i64>,
    pub consistent: bool,
    pub holder: Option<String>,
    pub beat: i64,
    pub as_of: Option<Instant>,
    pub caught_up_at: Option<Instant>,
    pub request: Option<Request>,
    pub answered: Option<(String, String)>,
}

impl Checkpoint {
    pub fn found(&self) -> Found {
        Found { state: self.state.clone(), sealed: self.state.seal() == self.seal }
    }
}

fn fenced_off(why: impl std::fmt::Display) -> Error {
    Error::new(Kind::FencedOff, format!("another has taken over: {why}"))
}

impl Data {
    /// The checkpoint of a source, if the fence is in force.
    fn held(&mut self, fence: &Fence, weakness: Weakness) -> Result<&mut Checkpoint> {
        let checkpoint = self.checkpoint.as_mut().ok_or_else(|| fenced_off("no checkpoint"))?;
        let holds = checkpoint.fence == fence.token() || weakness == Weakness::NoFence;
        if checkpoint.state.source != fence.source() || !holds {
            return Err(fenced_off("the fence"));
        }
        Ok(checkpoint)
    }

    pub fn raise(
        &mut self,
        database: &Database,
        adopt: bool,
        weakness: Weakness,
    ) -> Result<(Fence, Found)> {
        if let Some(checkpoint) =
            self.checkpoint.as_mut().filter(|_| weakness == Weakness::ForgetsDeletes)
        {
            checkpoint.state.deletes.clear();
            checkpoint.seal = checkpoint.state.seal();
        }
        let found = self.checkpoint.as_ref().map(Checkpoint::found);
        let (source, found) = claim(found, database, adopt)?;
        let fence = Fence::new(&source);
        let fresh = || Checkpoint { state: found.state.clone(), ..Checkpoint::default() };
        let checkpoint = self.checkpoint.get_or_insert_with(fresh);
        fence.token().clone_into(&mut checkpoint.fence);
        checkpoint.state.source = source;
        Ok((fence, found))
    }

    pub fn renew(&mut self, old: &Fence, new: &Fence, weakness: Weakness) -> Result<()> {
        let is_renewed = self.checkpoint.as_ref().is_some_and(|c| c.fence == new.token());
        let checkpoint = self.held(if is_renewed { new } else { old }, weakness)?;
        new.token().clone_into(&mut checkpoint.fence);
        Ok(())
    }

    /// The guard: the fence, and how old the rows are.
    pub fn guard(&mut self, fence: &Fence, read_at: i64, weakness: Weakness) -> Result<()> {
        let checkpoint = self.held(fence, weakness)?;
        let floor = checkpoint.floor.or(checkpoint.state.version);
        if floor.unwrap_or(-1) > read_at {
            let what = format!("read at {read_at}, the graph is at {floor:?}");
            return Err(Error::new(Kind::Overtaken, what));
        }
        checkpoint.consistent = false;
        Ok(())
    }

    /// The guard of what is no data: the graph stands where it stood.
    pub fn guard_notes(&mut self, fence: &Fence, weakness: Weakness) -> Result<()> {
        self.held(fence, weakness).map(|_| ())
    }

    pub fn advance(
        &mut self,
        fence: &Fence,
        from_seal: Option<&str>,
        to: &State,
        consistent: Option<bool>,
        weakness: Weakness,
    ) -> Result<()> {
        let checkpoint = self.held(fence, weakness)?;
        let seal = to.seal();
        if from_seal.is_some_and(|from| checkpoint.seal != from && checkpoint.seal != seal) {
            return Err(fenced_off("the checkpoint is not what was left there"));
        }
        let source = std::mem::take(&mut checkpoint.state.source);
        let is_another = checkpoint.state.mapping != to.mapping;
        if to.version.is_none() || to.progress.is_some() || is_another {
            checkpoint.as_of = None;
        }
        checkpoint.state = State { source, ..to.clone() };
        checkpoint.floor = to.followed();
        checkpoint.seal = seal;
        let is_always = weakness == Weakness::AlwaysConsistent;
        checkpoint.consistent = is_always || consistent.unwrap_or(checkpoint.consistent);
        Ok(())
    }

    pub fn beat(&mut self, fence: &Fence, beat: &Beat, weakness: Weakness) -> Result<Heard> {
        let checkpoint = self.held(fence, weakness)?;
        checkpoint.holder = Some(beat.holder.clone());
        checkpoint.beat += i64::from(beat.counts);
        let claimed = match weakness {
            Weakness::AsOfNow => Some(Instant::now()),
            _ => beat.caught_up_at,
        };
        let is_whole = checkpoint.state.version.is_some() && checkpoint.state.progress.is_none();
        checkpoint.caught_up_at = claimed.or(checkpoint.caught_up_at);
        if claimed.is_some() && (is_whole || weakness == Weakness::AsOfNow) {
            checkpoint.as_of = claimed;
        }
        let caught_up_ago = checkpoint.caught_up_at.map(|at| at.elapsed());
        Ok(Heard { request: checkpoint.request.clone(), caught_up_ago })
    }

    pub fn sign(&self) -> Option<Sign> {
        let sign = |c: &Checkpoint| Sign {
            holder: c.holder.clone(),
            fence: c.fence.clone(),
            beat: c.beat,
        };
        self.checkpoint.as_ref().map(sign)
    }

    pub fn leave(&mut self, fence: &Fence) {
        if let Ok(checkpoint) = self.held(fence, Weakness::None) {
            checkpoint.holder = None;
        }
    }

    pub fn answer(
        &mut self,
        fence: &Fence,
        id: &str,
        outcome: &str,
        weakness: Weakness,
    ) -> Result<()> {
        let checkpoint = self.held(fence, weakness)?;
        checkpoint.answered = Some((id.to_owned(), outcome.to_owned()));
        checkpoint.request.take_if(|request| request.id == id);
        Ok(())
    }
}
