//! What happens to the stores and to the processes.

use provsync::neo4j::checkpoint::State;
use provsync::neo4j::leader::{Request, RequestKind};

use super::World;
use crate::source::Table;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A few small transactions.
    Small,
    /// Many small ones.
    Many,
    /// One that changes more rows than fit a transaction in the graph.
    Big,
    /// A process starts, as a standby if another runs.
    Start,
    /// A process is killed at its next moment.
    Kill,
    /// A process will be killed at some later moment.
    KillLater,
    /// A process makes no progress and keeps its connections.
    Hang,
    /// A process gets no answer of the source any more, which does not know.
    CutOff,
    /// Those that hang go on, and the source answers everybody.
    Wake,
    /// A process is asked to end.
    Stop,
    SourceDown,
    GraphDown,
    Up,
    Backup,
    /// The source is put back, and its recovery fork shows it.
    Restore,
    /// It is put back, and nothing shows it.
    PutBack,
    /// Changes are cleaned up.
    CleanUp,
    /// Changes are cleaned up up to now, while no worker runs.
    CleanUpWhileDown,
    Truncate,
    OffAndOn,
    Recreate,
    EditCheckpoint,
    DeleteCheckpoint,
    DropConstraint,
    /// Somebody makes a constraint of their own that some rows break, or drops it.
    Constrain,
    /// Somebody asks the worker for a full.
    Ask,
}

impl World {
    pub async fn something(&mut self, events: &[(u64, Event)]) {
        let total: u64 = events.iter().map(|(weight, _)| weight).sum();
        let mut left = self.random.below(total);
        for (weight, event) in events {
            if left < *weight {
                self.say(&format!("{event:?} at version {}", self.source.database().version));
                return self.happens(*event).await;
            }
            left -= weight;
        }
    }

    async fn happens(&mut self, event: Event) {
        match event {
            Event::Small => self.change(1, 3),
            Event::Many => {
                let transactions = self.random.below(30);
                self.change(transactions, 2);
            }
            Event::Big => self.change(1, 60),
            Event::Start => {
                if self.processes.len() < 3 {
                    self.start();
                }
            }
            Event::Kill | Event::KillLater | Event::Hang | Event::CutOff | Event::Stop => {
                if let Some(index) = self.one_that_runs() {
                    self.strike(index, event).await;
                }
            }
            Event::Wake => self.wake(),
            Event::SourceDown | Event::GraphDown | Event::Up => self.set_down(event),
            Event::Backup => self.backup = Some(self.source.database().backup()),
            Event::Restore => {
                if let Some(backup) = self.backup.clone() {
                    self.source.database().restore(backup, true);
                }
            }
            Event::PutBack => self.put_back().await,
            Event::CleanUp => self.clean_up(),
            Event::CleanUpWhileDown => self.clean_up_while_down().await,
            Event::Truncate | Event::OffAndOn | Event::Recreate => self.empty(event),
            Event::EditCheckpoint => self.edit_checkpoint(),
            Event::DeleteCheckpoint => self.graph.by_hand(|data| data.checkpoint = None),
            Event::DropConstraint => self.graph.drop_constraint(self.random.next()),
            Event::Constrain => {
                let is_on = self.random.below(3) > 0;
                self.graph.by_hand(|data| data.is_constrained = is_on);
            }
            Event::Ask => self.ask(),
        }
    }

    async fn strike(&mut self, index: usize, event: Event) {
        match event {
            Event::Kill => self.kill(index).await,
            Event::Stop => self.stop(index).await,
            Event::KillLater => {
                let calls = self.random.below(300);
                self.processes[index].chaos.kill_after(calls);
            }
            Event::CutOff => self.processes[index].chaos.cut_off(true),
            _ => {
                self.processes[index].hangs = true;
                self.processes[index].chaos.hang();
            }
        }
    }

    pub fn wake(&mut self) {
        for process in &mut self.processes {
            process.hangs = false;
            process.chaos.wake();
            process.chaos.cut_off(false);
        }
    }

    pub fn set_down(&mut self, event: Event) {
        let mut source = self.source.database();
        match event {
            Event::SourceDown => {
                source.is_down = true;
                source.end_life();
            }
            Event::GraphDown => self.graph.set_down(true),
            _ => {
                source.is_down = false;
                self.graph.set_down(false);
            }
        }
    }

    fn clean_up(&mut self) {
        let mut source = self.source.database();
        let upto = source.version - i64::try_from(self.random.below(5)).unwrap();
        source.clean_up(upto);
    }

    async fn clean_up_while_down(&mut self) {
        while let Some(index) = self.one_that_runs() {
            self.kill(index).await;
        }
        let more = self.random.below(3);
        self.change(more, 3);
        let version = self.source.database().version;
        self.source.database().clean_up(version);
        self.start();
    }

    /// Twice at one version does not show, if a full came in between: nothing tells the lives apart.
    /// That is for the background verify.
    fn empty(&mut self, event: Event) {
        let tables = Table::ALL;
        let table = tables[usize::try_from(self.random.below(3)).unwrap()];
        let mut source = self.source.database();
        while source.tables[&table].min_valid == source.version {
            source.transaction(&mut self.random, 5);
        }
        match event {
            Event::Truncate => source.truncate(table),
            Event::OffAndOn => source.off_and_on(table, &mut self.random),
            _ => source.recreate(table),
        }
    }

    fn edit_checkpoint(&mut self) {
        let version = i64::try_from(self.random.below(60)).unwrap() - 10;
        let what = self.random.below(3);
        self.graph.by_hand(|data| {
            let Some(checkpoint) = &mut data.checkpoint else { return };
            let state: &mut State = &mut checkpoint.state;
            match what {
                0 => state.version = Some(version),
                1 => state.progress = None,
                _ => "another".clone_into(&mut state.mapping),
            }
            if state.seal() != checkpoint.seal {
                checkpoint.consistent = false;
            }
        });
    }

    fn ask(&mut self) {
        let id = self.random.next().to_string();
        let request = Request { id, kind: RequestKind::Full, allow_deletes: None };
        self.graph.by_hand(|data| {
            if let Some(checkpoint) = &mut data.checkpoint {
                checkpoint.request = Some(request);
            }
        });
    }

    /// Puts the source back to a backup, and lets it go on, such that the checkpoint's witness can
    /// see it: some of its keys have not changed since. Others are for the background verify.
    async fn put_back(&mut self) {
        let Some(backup) = self.backup.take() else { return };
        if !self.catch_up().await {
            return;
        }
        let checkpoint = self.graph.settled().checkpoint;
        let Some(state) = checkpoint.map(|c| c.state) else { return };
        let seed = self.random.next();
        let transactions = self.random.below(20);
        let visible = {
            let mut source = self.source.database();
            let now = source.backup();
            source.restore(backup, false);
            let mut random = crate::random::Random::new(seed);
            for _ in 0..transactions {
                source.transaction(&mut random, 3);
            }
            let is_ahead = state.version.is_some_and(|version| version > source.version);
            let moved = state.version.is_some_and(|version| version < source.version);
            let lost = state.witness.as_ref().is_some_and(|w| !source.has_witness(w));
            let visible = is_ahead || (moved && lost);
            if !visible {
                source.restore(now, false);
            }
            visible
        };
        self.say(&format!("visible: {visible}"));
        // Until it was seen, changes that come may hide it.
        self.catch_up().await;
    }
}
