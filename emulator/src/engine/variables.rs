//! Variables and parameters of a batch.

use std::collections::HashMap;

use crate::values::{SqlType, Value};

/// Names without case, with their `@`.
#[derive(Debug, Default)]
pub struct Variables {
    types: HashMap<String, SqlType>,
    values: HashMap<String, Value>,
}

impl Variables {
    /// Makes a variable.
    pub fn declare(&mut self, name: &str, sql_type: SqlType, value: Value) {
        let key = name.to_lowercase();
        self.types.insert(key.clone(), sql_type);
        self.values.insert(key, value);
    }

    /// A batch of T-SQL that declares them, empty without any.
    pub fn declaration(&self) -> String {
        let mut each: Vec<String> =
            self.types.iter().map(|(name, sql_type)| format!("{name} {sql_type}")).collect();
        each.sort();
        if each.is_empty() { String::new() } else { format!("DECLARE {};\nGO\n", each.join(", ")) }
    }

    /// Types by lower-case name.
    pub fn types(&self) -> &HashMap<String, SqlType> {
        &self.types
    }

    /// The type of a variable.
    pub fn sql_type(&self, name: &str) -> Option<SqlType> {
        self.types.get(&name.to_lowercase()).copied()
    }

    /// The value of a variable.
    pub fn get(&self, name: &str) -> Value {
        self.values.get(&name.to_lowercase()).cloned().unwrap_or_default()
    }

    /// Sets a variable that exists.
    pub fn set(&mut self, name: &str, value: Value) {
        self.values.insert(name.to_lowercase(), value);
    }
}
