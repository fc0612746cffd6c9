//! What the socket's side tells a running session: attention, and that the client is gone.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use rusqlite::InterruptHandle;

use crate::faults::transmission::Transmission;

/// Shared by a connection's reader and its session.
#[derive(Default)]
pub struct Control {
    attentions: AtomicU32,
    answered: AtomicU32,
    closed: AtomicBool,
    interrupt: Mutex<Option<InterruptHandle>>,
    /// What faults do to the session's answers.
    pub transmission: Arc<Transmission>,
}

impl std::fmt::Debug for Control {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Control").field("closed", &self.closed).finish_non_exhaustive()
    }
}

impl Control {
    /// Counts an attention and stops what `SQLite` is doing.
    pub fn raise_attention(&self) {
        self.attentions.fetch_add(1, Ordering::SeqCst);
        self.interrupt();
    }

    /// The client is gone.
    pub fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.interrupt();
    }

    /// Whether the client is gone.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    /// Whether what runs has to stop: an attention without its answer, or nobody to answer to.
    pub fn must_stop(&self) -> bool {
        self.is_closed() || self.has_attention()
    }

    /// Whether an attention waits for its answer.
    pub fn has_attention(&self) -> bool {
        self.attentions.load(Ordering::SeqCst) > self.answered.load(Ordering::SeqCst)
    }

    /// Whether attentions wait for their answer; from here on they count as answered. One that comes later finds the present
    /// answer complete and gets one of its own.
    pub fn answer_attentions(&self) -> bool {
        let raised = self.attentions.load(Ordering::SeqCst);
        self.answered.swap(raised, Ordering::SeqCst) < raised
    }

    /// Gives the handle that stops `SQLite`.
    pub fn set_interrupt(&self, handle: InterruptHandle) {
        if let Ok(mut interrupt) = self.interrupt.lock() {
            *interrupt = Some(handle);
        }
    }

    fn interrupt(&self) {
        if let Ok(interrupt) = self.interrupt.lock()
            && let Some(handle) = interrupt.as_ref()
        {
            handle.interrupt();
        }
    }
}
