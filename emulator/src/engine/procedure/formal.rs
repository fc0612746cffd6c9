//! Parameters that a procedure of the system declares: arguments come by name or by place.

use super::{Given, SystemProcedure};
use crate::sql::error::{Result, SqlError};
use crate::values::{Length, SqlType, Value};

/// A parameter: name, type, and whether a call has to give it.
pub(super) type Formal = (&'static str, SqlType, bool);

const NAME: SqlType = SqlType::SYSNAME;
const WORD: SqlType = SqlType::VarChar(Length::Limited(32));
const RESOURCE: SqlType = SqlType::NVarChar(Length::Limited(4000));

/// `sp_getapplock`.
pub(super) const TAKE_LOCK: [Formal; 5] = [
    ("@Resource", RESOURCE, false),
    ("@LockMode", WORD, true),
    ("@LockOwner", WORD, false),
    ("@LockTimeout", SqlType::Int, false),
    ("@DbPrincipal", NAME, false),
];
/// `sp_releaseapplock`.
pub(super) const RELEASE_LOCK: [Formal; 3] =
    [("@Resource", RESOURCE, false), ("@LockOwner", WORD, false), ("@DbPrincipal", NAME, false)];
/// `sp_flush_CT_internal_table_on_demand`.
pub(super) const FLUSH: [Formal; 2] =
    [("@TableToClean", NAME, false), ("@DeletedRowCount", SqlType::BigInt, false)];

/// Each parameter's value, or nothing where the call leaves it out, and at which place of the call it stands.
pub(super) struct Actual {
    pub value: Option<Value>,
    pub place: Option<usize>,
}

/// Brings the arguments of a call to the parameters.
pub(super) fn bind<const N: usize>(
    procedure: SystemProcedure,
    formals: &[Formal; N],
    given: &[Given],
) -> Result<[Actual; N]> {
    let name = procedure.name();
    if given.len() > N {
        let message = format!("Procedure or function {name} has too many arguments specified.");
        return Err(SqlError::new(8144, message).state(2));
    }
    let mut actual = [(); N].map(|()| Actual { value: None, place: None });
    for (place, argument) in given.iter().enumerate() {
        let named = |(formal, _, _): &Formal| formal.eq_ignore_ascii_case(&argument.name);
        let at = if argument.name.is_empty() {
            place
        } else {
            formals.iter().position(named).ok_or_else(|| {
                let message = format!("{} is not a parameter for procedure {name}.", argument.name);
                SqlError::new(8145, message).state(2)
            })?
        };
        let value = argument.converted(formals[at].1)?;
        actual[at] = Actual { value: Some(value), place: Some(place) };
    }
    let missing = formals
        .iter()
        .zip(&actual)
        .find(|((_, _, needed), actual)| *needed && actual.value.is_none());
    match missing {
        Some(((formal, _, _), _)) => {
            // Observed for @LockMode (probed.md 7).
            let message = format!(
                "Procedure or function '{name}' expects parameter '{formal}', which was not supplied."
            );
            Err(SqlError::new(201, message).state(4))
        }
        None => Ok(actual),
    }
}
