//! Where a session asks for faults: before every statement that does not only steer, and before a login is welcomed.

use super::session::Session;
use crate::faults::{Effect, Kind, Occasion};
use crate::sql::ast::StatementKind;
use crate::sql::error::{Result, SqlError};

impl Session {
    /// Runs a statement under the fault that meets it, if one does.
    pub(super) fn under_faults<T>(
        &mut self,
        kind: Kind,
        run: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        let Some(effect) = self.meet_fault(kind)? else {
            return run(self);
        };
        let result = run(self);
        if effect == Effect::LoseAnswer {
            self.control.transmission.sever();
            self.control.close();
        }
        result
    }

    /// The fault that meets what comes next: an error is the outcome, anything else waits for the answer.
    pub(super) fn meet_fault(&self, kind: Kind) -> Result<Option<Effect>> {
        let session = self.context.lock().spid;
        let Some(effect) = self.shared.faults.due(Occasion { kind, session }) else {
            return Ok(None);
        };
        tracing::info!(session, ?kind, ?effect, "fault on demand");
        if let Effect::Error(refusal) = effect {
            return Err(refusal.error(session, &self.shared.database));
        }
        let releases = *self.shared.faults.releases().borrow();
        self.control.transmission.meet(effect, releases);
        Ok(Some(effect))
    }

    /// What a statement is to a fault.
    pub(super) fn fault_kind(&self, kind: &StatementKind) -> Kind {
        match kind {
            StatementKind::Select(_) => Kind::Select,
            StatementKind::Insert(_) => Kind::Insert,
            StatementKind::Update(_) => Kind::Update,
            StatementKind::Delete(_) => Kind::Delete,
            StatementKind::Merge(_) => Kind::Merge,
            StatementKind::Truncate(_) => Kind::Truncate,
            StatementKind::Begin(_) => Kind::Begin,
            StatementKind::Commit => self.commit_kind(),
            StatementKind::Rollback(_) => Kind::Rollback,
            _ => Kind::Other,
        }
    }

    /// Only the outermost COMMIT commits.
    pub(super) fn commit_kind(&self) -> Kind {
        if self.transaction.count == 1 { Kind::Commit } else { Kind::Other }
    }

    /// What an error does to the session beyond its statement: class 20 and above ends the connection (documented).
    pub(super) fn note_class(&mut self, error: &SqlError) {
        self.ended |= error.class >= FATAL_CLASS;
    }
}

/// From here on an error is not caught and the connection ends (documented).
pub(super) const FATAL_CLASS: u8 = 20;
