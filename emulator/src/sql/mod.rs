//! T-SQL: text to tokens to a tree. What the grammar here does not know is refused with the word at which it stopped.

pub mod ast;
pub mod error;
pub(crate) mod lexer;
mod parser;
mod script;

pub use parser::{parse_batch, parse_declarations, parse_expression};
pub use script::{Batch, split_batches};
