//! Sessions: what a login may do, transactions, statements.

pub mod application_lock;
pub mod backup;
mod batch;
mod cleanup;
mod compile;
pub mod control;
mod ddl;
mod dml;
mod faults;
mod local;
mod login;
mod message;
mod permission;
mod procedure;
mod query;
mod recorder;
mod reply;
mod script;
mod session;
mod set_update;
mod settings;
mod shared;
mod staged;
mod statement;
mod storage;
mod tracking;
mod transaction;
mod variables;
pub mod write_lock;

use std::io;
use std::sync::Arc;

use tokio::sync::mpsc;

pub use cleanup::{Cleaned, Cleanup};
pub(crate) use procedure::{cut, lock_principal};
pub use script::run_scripts;
pub use shared::Shared;

use crate::tds::connection::Event;
use crate::tds::login::Login;
use crate::tds::response::Response;
use control::Control;

/// What the server calls itself.
pub const SERVER_NAME: &str = "sqlgraph-emulator";

/// Statements nest, and so does the recursion over them.
const STACK_BYTES: usize = 16 << 20;

/// Runs a session on a thread of its own.
pub fn spawn(run: impl FnOnce() + Send + 'static) -> io::Result<()> {
    std::thread::Builder::new()
        .name("session".to_owned())
        .stack_size(STACK_BYTES)
        .spawn(run)
        .map(drop)
}

/// Logs in and answers until the client goes away.
pub fn serve_session(
    shared: &Arc<Shared>,
    login: &Login,
    mut events: mpsc::Receiver<Event>,
    mut response: Response,
    control: &Arc<Control>,
) {
    let Some(mut session) = login::log_in(shared, login, &mut response, control) else {
        return;
    };
    while let Some(event) = events.blocking_recv() {
        match event {
            // Acknowledged already, unless it came after the answer.
            Event::Attention => {
                if control.answer_attentions() {
                    response.finish(true);
                }
            }
            Event::Request(request) => {
                control.transmission.next_request();
                session.serve(request, &mut response);
                response.finish(false);
                // Observed by tedious's maintainers (their #1738): the answer, cut short or not, and then a message of its own.
                if control.answer_attentions() {
                    response.finish(true);
                }
            }
        }
        if response.is_closed() || control.is_closed() || session.ended {
            break;
        }
    }
    session.close();
}
