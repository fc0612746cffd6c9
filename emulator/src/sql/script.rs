//! Scripts: batches between lines that say GO, as the command-line tools split them.

/// A batch of a script.
#[derive(Debug, PartialEq, Eq)]
pub struct Batch<'a> {
    /// Line of the script on which it begins, 1-based.
    pub line: u32,
    /// Its text.
    pub text: &'a str,
}

/// Splits a script at its GO lines. A GO inside a comment or a text of several lines does not split.
pub fn split_batches(script: &str) -> Vec<Batch<'_>> {
    let mut batches = Vec::new();
    let mut state = State::default();
    let (mut start, mut start_line, mut at) = (0, 1, 0);
    for (number, line) in (1_u32..).zip(script.split_inclusive('\n')) {
        if state.is_plain() && is_go(line) {
            push(&mut batches, &script[start..at], start_line);
            start = at + line.len();
            start_line = number + 1;
        } else {
            state.pass(line);
        }
        at += line.len();
    }
    push(&mut batches, &script[start..], start_line);
    batches
}

fn push<'a>(batches: &mut Vec<Batch<'a>>, text: &'a str, line: u32) {
    if !text.trim().is_empty() {
        batches.push(Batch { line, text });
    }
}

fn is_go(line: &str) -> bool {
    line.trim().eq_ignore_ascii_case("go")
}

#[derive(Default)]
struct State {
    comment_depth: u32,
    quote: Option<u8>,
}

impl State {
    fn is_plain(&self) -> bool {
        self.comment_depth == 0 && self.quote.is_none()
    }

    fn pass(&mut self, line: &str) {
        let bytes = line.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            let pair = (bytes[at], bytes.get(at + 1).copied().unwrap_or(0));
            at += 1;
            match (self.quote, pair) {
                (Some(quote), (byte, _)) if byte == quote => self.quote = None,
                (None, (b'/', b'*')) => {
                    self.comment_depth += 1;
                    at += 1;
                }
                (None, (b'*', b'/')) if self.comment_depth > 0 => {
                    self.comment_depth -= 1;
                    at += 1;
                }
                (None, (b'-', b'-')) if self.comment_depth == 0 => return,
                (None, (b'\'', _)) if self.comment_depth == 0 => self.quote = Some(b'\''),
                (None, (b'"', _)) if self.comment_depth == 0 => self.quote = Some(b'"'),
                (None, (b'[', _)) if self.comment_depth == 0 => self.quote = Some(b']'),
                (Some(_) | None, _) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_splits_only_outside_of_text_and_comments() {
        let script = "SELECT 1\nGO\n/* a\nGO\n*/ SELECT N'x\nGO\n'\n go \nSELECT 3";
        let texts: Vec<_> = split_batches(script).iter().map(|batch| batch.line).collect();
        assert_eq!(texts, [1, 3, 9]);
    }
}
