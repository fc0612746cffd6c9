//! What a proxy's connections share: the faults to come, and the events to wait for.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::watch;

use super::fault::{Effect, Fault};
use super::message::Message;

pub struct Shared {
    pub upstream: String,
    faults: Mutex<VecDeque<Fault>>,
    refuses: AtomicBool,
    pub cut: watch::Sender<()>,
    release: watch::Sender<()>,
    pub struck: watch::Sender<usize>,
    pub held: watch::Sender<usize>,
}

/// A fault that has found its request.
pub struct Strike {
    pub effect: Effect,
    release: watch::Receiver<()>,
}

impl Strike {
    /// Waits for the first release since the fault found its request.
    pub async fn released(&mut self) {
        self.release.changed().await.unwrap();
    }
}

impl Shared {
    pub fn new(upstream: String) -> Self {
        Self {
            upstream,
            faults: Mutex::default(),
            refuses: AtomicBool::new(false),
            cut: watch::Sender::new(()),
            release: watch::Sender::new(()),
            struck: watch::Sender::new(0),
            held: watch::Sender::new(0),
        }
    }

    pub fn arm(&self, fault: Fault) {
        assert!(fault.times > 0, "a fault that never strikes: {fault:?}");
        self.faults.lock().unwrap().push_back(fault);
    }

    pub fn disarm(&self) {
        let mut faults = self.faults.lock().unwrap();
        faults.clear();
        self.release.send_replace(());
    }

    pub fn release(&self) {
        // Under the lock: a fault has found its request before or after, not in between.
        let _faults = self.faults.lock().unwrap();
        self.release.send_replace(());
    }

    pub fn cut_all(&self) {
        self.cut.send_replace(());
    }

    pub fn refuse(&self, yes: bool) {
        self.refuses.store(yes, Ordering::SeqCst);
        if yes {
            self.cut_all();
        }
    }

    pub fn refuses(&self) -> bool {
        self.refuses.load(Ordering::SeqCst)
    }

    /// Whether the queue's first fault strikes this request.
    pub fn strike(&self, request: Message<'_>) -> Option<Strike> {
        let mut faults = self.faults.lock().unwrap();
        let fault = faults.front_mut().filter(|fault| fault.on.matches(request))?;
        if fault.after > 0 {
            fault.after -= 1;
            return None;
        }
        let strike = Strike { effect: fault.effect, release: self.release.subscribe() };
        fault.times -= 1;
        if fault.times == 0 {
            faults.pop_front();
        }
        Some(strike)
    }

    /// An effect has taken place.
    pub fn struck(&self) {
        self.struck.send_modify(|n| *n += 1);
    }
}

/// Counts one thing as held for as long as it lives.
pub struct Held(Arc<Shared>);

impl Held {
    pub fn new(shared: &Arc<Shared>) -> Self {
        shared.held.send_modify(|n| *n += 1);
        Self(Arc::clone(shared))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.held.send_modify(|n| *n -= 1);
    }
}
