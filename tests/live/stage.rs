//! Both stores, two workers, and what goes wrong with them.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlgraph_emulator::faults::{Effect as Answer, Fault as AnswerFault, Kind};

use super::workers::Worker;
use crate::support::Random;
use crate::support::bolt_proxy::{BoltProxy, Effect, Fault, On};
use crate::support::graph::TestGraph;
use crate::support::program::without_settings;
use crate::support::server::Server;
use crate::support::source::TestSource;

/// Far more than anything takes that a test waits for, on a slow machine too.
const WAIT_MAX: Duration = Duration::from_secs(300);
const TAKEOVER_SECONDS: &str = "12";
const HEARTBEAT_SECONDS: &str = "2";

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mishap {
    /// The writer is killed; the other takes over; the killed one comes back as a standby.
    Kill,
    /// Both are killed and come back.
    KillBoth,
    /// The writer hangs for longer than the other waits, and wakes up.
    Stall,
    /// The writer is asked to end.
    End,
    /// Connections to the source are cut within answers, and answers of commits are lost.
    CutSource,
    /// The source starts again.
    RestartSource,
    /// Connections to the graph are cut, and answers of commits are lost.
    CutGraph,
    /// The graph's server is stopped and started again.
    RestartGraph,
}

impl Mishap {
    pub const ALL: [Self; 8] = [
        Self::Kill,
        Self::CutSource,
        Self::CutGraph,
        Self::Stall,
        Self::End,
        Self::RestartSource,
        Self::RestartGraph,
        Self::KillBoth,
    ];
}

pub struct Stage {
    pub source: Arc<TestSource>,
    pub graph: TestGraph,
    pub workers: [Worker; 2],
    pub takeovers: u64,
    proxy: BoltProxy,
    server: Server,
}

impl Stage {
    /// Two workers, one of which writes.
    pub async fn open(server: Server, graph: TestGraph, source: TestSource, logs: &Path) -> Self {
        let proxy = BoltProxy::start(&graph.config.uri).await;
        let mut environment: Vec<(String, String)> =
            source.environment().into_iter().map(|(name, value)| (name.into(), value)).collect();
        let settings = [
            ("PROVSYNC_GRAPH__URI", proxy.uri()),
            ("PROVSYNC_GRAPH__USER", graph.config.user.clone()),
            ("PROVSYNC_GRAPH__PASSWORD", graph.config.password.expose().to_owned()),
            ("PROVSYNC_FULL__BATCH_ROWS", "500".into()),
            ("PROVSYNC_FULL__PAGE_ROWS", "2000".into()),
            ("PROVSYNC_SYNC__HEARTBEAT_SECONDS", HEARTBEAT_SECONDS.into()),
            ("PROVSYNC_SYNC__TAKEOVER_SECONDS", TAKEOVER_SECONDS.into()),
            // What a window leaves wrong stays wrong.
            ("PROVSYNC_SYNC__VERIFY_INTERVAL_HOURS", "0".into()),
            ("PROVSYNC_LOG__LEVEL", "debug".into()),
        ];
        environment.extend(settings.map(|(name, value)| (name.to_owned(), value)));
        let mut workers = ["a.log", "b.log"].map(|log| Worker::new(&environment, logs.join(log)));
        for worker in &mut workers {
            worker.start();
        }
        Self { source: Arc::new(source), graph, workers, takeovers: 0, proxy, server }
    }

    /// A mishap; afterwards a worker writes, and the graph goes on.
    pub async fn suffer(&mut self, mishap: Mishap, random: &mut Random) {
        match mishap {
            Mishap::Kill => self.kill(random).await,
            Mishap::KillBoth => self.kill_both(random).await,
            Mishap::Stall => self.stall().await,
            Mishap::End => self.end().await,
            Mishap::CutSource => self.cut_source(random).await,
            Mishap::RestartSource => {
                let down = Duration::from_millis(random.below(2_000));
                self.source.emulator().control().restart(down).await.unwrap();
            }
            Mishap::CutGraph => self.cut_graph(random).await,
            Mishap::RestartGraph => self.restart_graph(random).await,
        }
        self.writer().await;
        self.workers.iter_mut().for_each(Worker::assert_alive);
        self.goes_on().await;
    }

    /// Waits until the graph has what the source had at the beginning of the wait.
    async fn goes_on(&mut self) {
        let version = self.source.version().await;
        let begun = Instant::now();
        let stands = format!(
            "MATCH (c:ProvsyncCheckpoint) WHERE c.version >= {version} RETURN count(c) AS row"
        );
        while self.graph.number(&stands).await == 0 {
            self.workers.iter_mut().for_each(Worker::assert_alive);
            assert!(begun.elapsed() < WAIT_MAX, "not at {version} yet\n{}", self.logs());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn kill(&mut self, random: &mut Random) {
        let writer = self.writer().await;
        self.workers[writer].kill();
        self.taken_over_by(1 - writer).await;
        pause(random, 1_000).await;
        self.workers[writer].start();
    }

    async fn kill_both(&mut self, random: &mut Random) {
        for worker in &mut self.workers {
            worker.kill();
        }
        pause(random, 1_000).await;
        for worker in &mut self.workers {
            worker.start();
        }
    }

    async fn stall(&mut self) {
        let writer = self.writer().await;
        let stalled = self.workers[writer].pid();
        let stood_by = self.workers[writer].logged("standing by");
        self.workers[writer].signal("STOP");
        self.taken_over_by(1 - writer).await;
        let fence = "MATCH (c:ProvsyncCheckpoint) RETURN c.fence AS row";
        let raised = self.graph.column(fence).await;
        self.workers[writer].signal("CONT");
        let begun = Instant::now();
        while self.workers[writer].logged("standing by") == stood_by {
            assert!(begun.elapsed() < WAIT_MAX, "{}", self.logs());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        // It is fenced off: neither its name nor a fence of its own comes back.
        assert_eq!(self.graph.column(fence).await, raised, "{}", self.logs());
        assert_ne!(self.holder().await, Some(stalled), "{}", self.logs());
    }

    async fn end(&mut self) {
        let writer = self.writer().await;
        let status = self.workers[writer].end();
        assert_eq!(status.code(), Some(0), "{}", self.logs());
        self.taken_over_by(1 - writer).await;
        self.workers[writer].start();
    }

    async fn cut_source(&mut self, random: &mut Random) {
        let source = Arc::clone(&self.source);
        let faults = source.emulator().faults();
        for _ in 0..3 {
            let cut = Answer::Cut { after_bytes: random.below(20_000) };
            let after = u32::try_from(random.below(30)).unwrap();
            faults.arm(AnswerFault::new(cut).on(Kind::Select).after(after)).unwrap();
            faults.arm(AnswerFault::new(Answer::LoseAnswer).on(Kind::Commit)).unwrap();
            pause(random, 1_500).await;
        }
        faults.disarm();
    }

    async fn cut_graph(&mut self, random: &mut Random) {
        for _ in 0..3 {
            let after = usize::try_from(random.below(4)).unwrap();
            self.proxy.arm(Fault::next(On::Commit, Effect::CutAfter).after(after));
            pause(random, 1_000).await;
            let after = usize::try_from(random.below(20)).unwrap();
            self.proxy.arm(Fault::next(On::Any, Effect::Cut).after(after));
            pause(random, 1_000).await;
            self.proxy.cut_all();
        }
        self.proxy.refuse(true);
        pause(random, 2_000).await;
        self.proxy.refuse(false);
        self.proxy.disarm();
    }

    async fn restart_graph(&mut self, random: &mut Random) {
        tokio::task::block_in_place(|| self.server.stop());
        pause(random, 2_000).await;
        let config = tokio::task::block_in_place(|| self.server.start(""));
        assert_eq!(config.uri, self.graph.config.uri, "the server kept its address");
        self.graph = TestGraph::at(config);
    }

    /// The process that the checkpoint names.
    async fn holder(&self) -> Option<u32> {
        let holder =
            "MATCH (c:ProvsyncCheckpoint) WHERE c.holder IS NOT NULL RETURN c.holder AS row";
        let holder = self.graph.column(holder).await.pop()?;
        let (_, after) = holder.split_once("process ")?;
        after.split(',').next()?.parse().ok()
    }

    /// Waits until a worker that lives has the right to write; returns which.
    async fn writer(&mut self) -> usize {
        let begun = Instant::now();
        loop {
            let holder = self.holder().await;
            let found = self.workers.iter().position(|worker| Some(worker.pid()) == holder);
            if let Some(found) = found {
                return found;
            }
            assert!(begun.elapsed() < WAIT_MAX, "nobody writes: {holder:?}\n{}", self.logs());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn taken_over_by(&mut self, standby: usize) {
        let begun = Instant::now();
        while self.holder().await != Some(self.workers[standby].pid()) {
            self.workers[standby].assert_alive();
            assert!(begun.elapsed() < WAIT_MAX, "nobody took over\n{}", self.logs());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        self.takeovers += 1;
    }

    /// Waits until the graph says that it stands exactly at the source's version now.
    pub async fn caught_up(&mut self) -> Duration {
        let version = self.source.version().await;
        let begun = Instant::now();
        let stands = "MATCH (c:ProvsyncCheckpoint) RETURN toString(c.version) + ' ' + toString(c.consistent) AS row";
        loop {
            let found = self.graph.column(stands).await;
            if found.first().is_some_and(|row| *row == format!("{version} true")) {
                return begun.elapsed();
            }
            self.workers.iter_mut().for_each(Worker::assert_alive);
            assert!(
                begun.elapsed() < WAIT_MAX,
                "the source is at {version}, the graph says {found:?}\n{}",
                self.logs()
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// The end of both logs.
    pub fn logs(&self) -> String {
        let mut text = String::new();
        for worker in &self.workers {
            let _ = writeln!(text, "== {}\n{}", worker.log().display(), worker.tail());
        }
        text
    }
}

/// Loads the graph with another program: provsync of an earlier version.
pub fn load_with(program: &OsStr, source: &TestSource, graph: &TestGraph) {
    let output = without_settings(Command::new(program))
        .arg("full")
        .envs(source.environment())
        .env("PROVSYNC_GRAPH__URI", &graph.config.uri)
        .env("PROVSYNC_GRAPH__USER", &graph.config.user)
        .env("PROVSYNC_GRAPH__PASSWORD", graph.config.password.expose())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

pub async fn pause(random: &mut Random, ms_max: u64) {
    tokio::time::sleep(Duration::from_millis(random.below(ms_max))).await;
}
