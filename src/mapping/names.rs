//! Names: quoting them, comparing type names as SQL Server does, and the name that an unlisted
//! type gets by itself.
//!
//! Text from a row enters a statement only through [`automatic`], and every name only quoted.

use super::TableName;

/// Longest type name that may become a label or relationship type by itself, in characters.
const AUTOMATIC_CHARS_MAX: usize = 64;

/// Words reserved in Cypher: openCypher 9 and Neo4j's manual, "Reserved keywords" (Cypher manual
/// 4.4, syntax/reserved), and those that Neo4j 5 doesn't take unquoted as a label after IS
/// (Cypher manual 5, syntax/keywords). Quoted they would work; an analyst who types them would not
/// think of quoting. Neo4j 5's list of all keywords is longer (DATA, NODES, LIST…): those are legal names.
const RESERVED: &str = "
    ADD ALL AND AS ASC ASCENDING ASSERT BY CALL CASE COMMIT CONSTRAINT CONTAINS CREATE CSV
    DELETE DESC DESCENDING DETACH DISTINCT DO DROP ELSE END ENDS EXISTS FALSE FOR FOREACH IN
    INDEX IS JOIN KEY LIMIT LOAD MANDATORY MATCH MERGE NFC NFD NFKC NFKD NODE NORMALIZED NOT
    NULL OF ON OPTIONAL OR ORDER PERIODIC REMOVE REQUIRE RETURN SCALAR SCAN SET SKIP START
    STARTS THEN TRUE TYPED UNION UNIQUE UNWIND USING WHEN WHERE WITH XOR YIELD";

/// Whether a name is for a node or for a relationship; the two are written differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameKind {
    /// A label, in `PascalCase`.
    Label,
    /// A relationship type, in `UPPER_SNAKE`.
    Relationship,
}

/// A name as Cypher takes it: in backticks, a backtick inside doubled.
///
/// Cypher 5 replaces `\uXXXX` anywhere in a statement before it parses, so `\u0060` would end the
/// quotes: each backslash is written as its own escape. The mapping refuses backslashes anyway
/// ([`super::parse`]); names that the graph reports may have them.
pub fn quote_cypher(name: &str) -> String {
    format!("`{}`", name.replace('\\', "\\u005C").replace('`', "``"))
}

/// A name as T-SQL takes it: in brackets, a closing bracket inside doubled.
pub fn quote_sql(name: &str) -> String {
    format!("[{}]", name.replace(']', "]]"))
}

/// `[schema].[table]`.
pub fn sql_table(name: &TableName) -> String {
    format!("{}.{}", quote_sql(&name.schema), quote_sql(&name.table))
}

/// A type name in the form in which two are compared: without case, trailing blanks ignored, as
/// SQL Server's default collation compares. Two names are one type when their folds are equal.
pub fn fold(source_type: &str) -> String {
    source_type.trim_end_matches(' ').chars().flat_map(char::to_lowercase).collect()
}

/// Whether the name belongs to what provsync keeps for itself in the graph.
pub fn is_own(name: &str) -> bool {
    name.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("provsync"))
}

/// The name in the graph of a type that the mapping doesn't list, or why it can't have one.
///
/// A plain word begins with an ASCII letter; between its letters and digits single `_`, `-` or
/// blanks. Whether the name is free to take is the registry's to say.
pub fn automatic(kind: NameKind, source_type: &str) -> Result<String, &'static str> {
    let text = source_type.trim_end_matches(' ');
    if text.chars().count() > AUTOMATIC_CHARS_MAX {
        return Err("longer than 64 characters");
    }
    if !is_plain(text) {
        return Err(
            "not a plain word (ASCII letters and digits, single _ - or blank between them)",
        );
    }
    let words = words(text);
    let name = match kind {
        NameKind::Label => words.iter().map(|w| capitalised(w)).collect::<String>(),
        NameKind::Relationship => words.join("_").to_ascii_uppercase(),
    };
    if RESERVED.split_whitespace().any(|word| word.eq_ignore_ascii_case(&name)) {
        return Err("a word reserved in Cypher");
    }
    if is_own(&name) {
        return Err("a name that provsync keeps for itself");
    }
    Ok(name)
}

fn is_plain(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .split(['_', '-', ' '])
            .all(|word| !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric()))
}

/// The words of a plain text: cut at separators and where case says that a new word begins
/// (`derivedFrom`, `HTTPServer`).
fn words(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let mut words = vec![String::new()];
    for (i, &c) in chars.iter().enumerate() {
        let before = i.checked_sub(1).map(|j| chars[j]);
        if !c.is_ascii_alphanumeric() {
            words.push(String::new());
            continue;
        }
        if begins_word(before, c, chars.get(i + 1).copied()) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.push(c);
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn begins_word(before: Option<char>, c: char, after: Option<char>) -> bool {
    let Some(before) = before else { return false };
    let ends_acronym =
        before.is_ascii_uppercase() && after.is_some_and(|next| next.is_ascii_lowercase());
    c.is_ascii_uppercase()
        && (before.is_ascii_lowercase() || before.is_ascii_digit() || ends_acronym)
}

fn capitalised(word: &str) -> String {
    let (first, rest) = word.split_at(word.len().min(1));
    first.to_ascii_uppercase() + &rest.to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_plain_word_becomes_a_name_in_the_graphs_manner() {
        let cases = [
            ("tensor", "Tensor", "TENSOR"),
            ("DerivedFrom", "DerivedFrom", "DERIVED_FROM"),
            ("HTTPServer", "HttpServer", "HTTP_SERVER"),
            ("token batch-v2_x ", "TokenBatchV2X", "TOKEN_BATCH_V2_X"),
            ("TOKENIZER", "Tokenizer", "TOKENIZER"),
            ("a", "A", "A"),
        ];
        for (source, label, relationship) in cases {
            assert_eq!(automatic(NameKind::Label, source).unwrap(), label);
            assert_eq!(automatic(NameKind::Relationship, source).unwrap(), relationship);
        }
    }

    #[test]
    fn what_is_not_a_plain_free_word_is_refused_with_its_reason() {
        for text in [
            "",
            " a",
            "1a",
            "a__b",
            "a_",
            "é",
            "a`b",
            "a.b",
            "a\0",
            "a\tb",
            "a`) DETACH DELETE n //",
        ] {
            let reason = automatic(NameKind::Label, text).unwrap_err();
            assert!(reason.starts_with("not a plain word"), "{text:?}: {reason}");
        }
        assert_eq!(automatic(NameKind::Label, "match"), Err("a word reserved in Cypher"));
        assert_eq!(automatic(NameKind::Relationship, "Where "), Err("a word reserved in Cypher"));
        assert!(automatic(NameKind::Label, "Provsync-Checkpoint").unwrap_err().contains("itself"));
        assert!(automatic(NameKind::Label, &"a".repeat(65)).unwrap_err().contains("64"));
    }

    #[test]
    fn types_compare_without_case_and_trailing_blanks() {
        assert_eq!(fold("DerivedFROM  "), fold("derivedfrom"));
        assert_ne!(fold(" atom"), fold("atom"));
    }

    /// What Cypher 5 reads: escapes first, then the quoted name up to its closing backtick.
    fn read_by_cypher(text: &str) -> Option<String> {
        let inner =
            text.replace("\\u005C", "\u{1}").strip_prefix('`')?.strip_suffix('`')?.to_owned();
        let only_pairs = !inner.replace("``", "").contains('`');
        let no_escape = !inner.contains('\\');
        (only_pairs && no_escape).then(|| inner.replace("``", "`").replace('\u{1}', "\\"))
    }

    proptest! {
        #[test]
        fn quoting_for_cypher_reads_back_and_never_escapes(name in "[^\u{1}]{0,20}|[`\\\\u0-9]{0,20}") {
            prop_assert_eq!(read_by_cypher(&quote_cypher(&name)), Some(name));
        }

        #[test]
        fn quoting_for_sql_reads_back_and_never_escapes(name in ".{0,20}|[\\[\\]]{0,20}") {
            let quoted = quote_sql(&name);
            let inner = quoted.strip_prefix('[').unwrap().strip_suffix(']').unwrap();
            prop_assert!(!inner.replace("]]", "").contains(']'));
            prop_assert_eq!(inner.replace("]]", "]"), name);
        }

        #[test]
        fn an_automatic_name_is_letters_digits_and_underscore(text in ".{0,70}|[a-zA-Z0-9_ -]{0,70}") {
            for kind in [NameKind::Label, NameKind::Relationship] {
                if let Ok(name) = automatic(kind, &text) {
                    prop_assert!(name.starts_with(|c: char| c.is_ascii_uppercase()));
                    prop_assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'));
                }
            }
        }

        #[test]
        fn folding_is_idempotent(text in ".{0,20}") {
            prop_assert_eq!(fold(&fold(&text)), fold(&text));
        }
    }
}
