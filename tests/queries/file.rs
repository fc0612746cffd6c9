//! A query as its file says it.

use super::support::source::file;

pub struct Query {
    pub name: String,
    pub question: String,
    /// The comment below the question.
    pub notes: String,
    pub cypher: String,
}

impl Query {
    pub fn read(name: &str) -> Self {
        let path = file(&format!("cypher/queries/{name}.cypher"));
        let text =
            std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let (comment, cypher): (Vec<_>, Vec<_>) =
            text.lines().partition(|line| line.starts_with("//"));
        let mut comment = comment.iter().map(|line| line.trim_start_matches("//").trim());
        Self {
            name: name.to_owned(),
            question: comment.next().unwrap().to_owned(),
            notes: comment.collect::<Vec<_>>().join("\n"),
            cypher: cypher.join("\n").trim_end().strip_suffix(';').unwrap().to_owned(),
        }
    }

    /// All of the library, by name.
    pub fn all() -> Vec<Self> {
        let files = std::fs::read_dir(file("cypher/queries")).unwrap();
        let mut names: Vec<String> = files
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .map(|file| file.strip_suffix(".cypher").unwrap().to_owned())
            .collect();
        names.sort();
        names.iter().map(|name| Self::read(name)).collect()
    }

    /// `$names` in a text, each once, in order.
    pub fn parameters(text: &str) -> Vec<&str> {
        let name = |rest: &'_ str| rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len());
        let mut names: Vec<&str> =
            text.split('$').skip(1).map(|rest| &rest[..name(rest)]).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    pub fn looks_at_the_whole_graph(&self) -> bool {
        self.notes.contains("Whole graph: ")
    }
}
