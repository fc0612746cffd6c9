//! Tokens of T-SQL. Works on WTF-8 bytes, since a literal may hold what is no valid UTF-8.

use std::borrow::Cow;

use super::error::{Result, SqlError};

/// A token.
#[derive(Clone, Debug, PartialEq)]
pub enum Token<'a> {
    /// An identifier or keyword as written.
    Word(&'a str),
    /// `[…]` or `"…"`.
    Quoted(Cow<'a, str>),
    /// `@name` or `@@name`.
    Variable(&'a str),
    /// `$name`: a pseudo-column of a graph table.
    Pseudo(&'a str),
    /// Digits only.
    Integer(&'a str),
    /// With a point.
    Decimal(&'a str),
    /// With an exponent.
    Float(&'a str),
    /// `'…'`; true with `N`.
    Text(Vec<u8>, bool),
    /// `0x…`.
    Binary(Vec<u8>),
    /// Punctuation.
    Symbol(&'static str),
    /// Nothing is left.
    End,
}

impl std::fmt::Display for Token<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Word(text)
            | Self::Variable(text)
            | Self::Pseudo(text)
            | Self::Integer(text)
            | Self::Decimal(text)
            | Self::Float(text)
            | Self::Symbol(text) => f.write_str(text),
            Self::Quoted(text) => f.write_str(text),
            Self::Text(text, _) => f.write_str(&String::from_utf8_lossy(text)),
            Self::Binary(_) => f.write_str("0x"),
            Self::End => f.write_str("end of batch"),
        }
    }
}

/// A place in the text.
#[derive(Clone, Copy, Debug)]
pub struct Lexer<'a> {
    bytes: &'a [u8],
    at: usize,
    start: usize,
    /// Line of the place, 1-based.
    pub line: u32,
}

const SYMBOLS: [&str; 34] = [
    "<>", "<=", ">=", "!=", "!<", "!>", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "::", "(",
    ")", ",", ".", ";", "=", "<", ">", "+", "-", "*", "/", "%", "&", "|", "^", "~", ":", "!",
];

/// All that there are (documented).
const PSEUDO_COLUMNS: [&str; 7] =
    ["$node_id", "$edge_id", "$from_id", "$to_id", "$action", "$identity", "$rowguid"];

impl<'a> Lexer<'a> {
    /// Starts at the beginning.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, start: 0, line: 1 }
    }

    /// Where the next token's blanks begin: the end of the last token.
    pub fn position(&self) -> usize {
        self.at
    }

    /// Where the last token began.
    pub fn token_start(&self) -> usize {
        self.start
    }

    fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    /// The next token; its first line is then in [`line`](Self::line) of the lexer before the call's end.
    pub fn next(&mut self) -> Result<Token<'a>> {
        self.skip_blanks()?;
        self.start = self.at;
        let Some(&first) = self.bytes.get(self.at) else {
            return Ok(Token::End);
        };
        match first {
            b'N' | b'n' if self.peek(1) == b'\'' => {
                self.at += 1;
                Ok(Token::Text(self.quoted(b'\'')?.into_owned(), true))
            }
            b'\'' => Ok(Token::Text(self.quoted(b'\'')?.into_owned(), false)),
            b'[' => self.identifier(b']'),
            b'"' => self.identifier(b'"'),
            b'0' if matches!(self.peek(1), b'x' | b'X') => self.binary(),
            b'0'..=b'9' => Ok(self.number()),
            b'.' if self.peek(1).is_ascii_digit() => Ok(self.number()),
            b'@' => Ok(Token::Variable(self.word()?)),
            b'$' if self.letter_bytes(1) > 0 => self.pseudo_column(),
            _ if self.letter_bytes(0) > 0 => Ok(Token::Word(self.word()?)),
            _ => self.symbol(),
        }
    }

    fn skip_blanks(&mut self) -> Result<()> {
        loop {
            match (self.peek(0), self.peek(1)) {
                (b'\n', _) => {
                    self.line += 1;
                    self.at += 1;
                }
                (b' ' | b'\t' | b'\r' | 0x0B | 0x0C, _) => self.at += 1,
                (b'-', b'-') => {
                    while self.at < self.bytes.len() && self.peek(0) != b'\n' {
                        self.at += 1;
                    }
                }
                (b'/', b'*') => self.skip_comment()?,
                _ => match self.character(0) {
                    // Spaces of every width, and a byte order mark (observed: Microsoft's parser).
                    Some(space) if space.is_whitespace() || space == '\u{FEFF}' => {
                        self.at += space.len_utf8();
                    }
                    _ => return Ok(()),
                },
            }
        }
    }

    fn skip_comment(&mut self) -> Result<()> {
        let mut depth = 0;
        loop {
            match (self.peek(0), self.peek(1)) {
                (b'/', b'*') => {
                    depth += 1;
                    self.at += 2;
                }
                (b'*', b'/') => {
                    depth -= 1;
                    self.at += 2;
                    if depth == 0 {
                        return Ok(());
                    }
                }
                _ if self.at >= self.bytes.len() => {
                    return Err(SqlError::new(113, "Missing end comment mark '*/'.").class(15));
                }
                (byte, _) => {
                    self.line += u32::from(byte == b'\n');
                    self.at += 1;
                }
            }
        }
    }

    /// The bytes up to the closing quote, doubled ones made single.
    fn quoted(&mut self, quote: u8) -> Result<Cow<'a, [u8]>> {
        self.at += 1;
        let start = self.at;
        let mut doubled: Option<Vec<u8>> = None;
        let mut piece = start;
        loop {
            let Some(&byte) = self.bytes.get(self.at) else {
                let text = String::from_utf8_lossy(&self.bytes[start..])
                    .chars()
                    .take(60)
                    .collect::<String>();
                let message =
                    format!("Unclosed quotation mark after the character string '{text}'.");
                let next = SqlError::syntax(text);
                return Err(SqlError::new(105, message).class(15).before(next));
            };
            self.at += 1;
            self.line += u32::from(byte == b'\n');
            if byte != quote {
                continue;
            }
            let text = &self.bytes[piece..self.at - 1];
            if self.peek(0) != quote {
                return Ok(match doubled {
                    None => Cow::Borrowed(text),
                    Some(mut whole) => {
                        whole.extend_from_slice(text);
                        Cow::Owned(whole)
                    }
                });
            }
            let whole = doubled.get_or_insert_default();
            whole.extend_from_slice(text);
            whole.push(quote);
            self.at += 1;
            piece = self.at;
        }
    }

    fn identifier(&mut self, quote: u8) -> Result<Token<'a>> {
        let text = match self.quoted(quote)? {
            Cow::Borrowed(bytes) => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
            Cow::Owned(bytes) => String::from_utf8(bytes).ok().map(Cow::Owned),
        };
        match text {
            Some(text) if !text.is_empty() => Ok(Token::Quoted(text)),
            _ => Err(SqlError::new(1038, "An object or column name is missing or empty.")
                .class(15)
                .state(4)),
        }
    }

    fn word(&mut self) -> Result<&'a str> {
        let start = self.at;
        self.at += self.character(0).map_or(1, char::len_utf8);
        loop {
            match self.peek(0) {
                b'0'..=b'9' | b'@' | b'$' => self.at += 1,
                _ => match self.letter_bytes(0) {
                    0 => break,
                    bytes => self.at += bytes,
                },
            }
        }
        std::str::from_utf8(&self.bytes[start..self.at]).map_err(|_| SqlError::syntax("identifier"))
    }

    fn pseudo_column(&mut self) -> Result<Token<'a>> {
        let name = self.word()?;
        if PSEUDO_COLUMNS.into_iter().any(|own| own.eq_ignore_ascii_case(name)) {
            return Ok(Token::Pseudo(name));
        }
        // Documented: 126.
        Err(SqlError::new(126, format!("Invalid pseudocolumn \"{name}\".")).class(15))
    }

    /// The character so many bytes ahead, unless it is half of a surrogate pair.
    fn character(&self, ahead: usize) -> Option<char> {
        let rest = self.bytes.get(self.at + ahead..)?;
        let width = match rest.first()? {
            0..0x80 => 1,
            0x80..0xE0 => 2,
            0xE0..0xF0 => 3,
            _ => 4,
        };
        std::str::from_utf8(rest.get(..width)?).ok()?.chars().next()
    }

    /// Bytes of the character there if a name may begin with it: a letter of any script, `_`, `#` (documented); else 0.
    fn letter_bytes(&self, ahead: usize) -> usize {
        match self.character(ahead) {
            Some(letter) if letter.is_alphabetic() || matches!(letter, '_' | '#') => {
                letter.len_utf8()
            }
            _ => 0,
        }
    }

    fn binary(&mut self) -> Result<Token<'a>> {
        self.at += 2;
        let start = self.at;
        while self.peek(0).is_ascii_hexdigit() {
            self.at += 1;
        }
        let digits = &self.bytes[start..self.at];
        let nibble =
            |digit: &u8| char::from(*digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
        let mut nibbles: Vec<u8> = digits.iter().filter_map(nibble).collect();
        if nibbles.len() % 2 == 1 {
            nibbles.insert(0, 0);
        }
        if self.letter_bytes(0) > 0 {
            return Err(SqlError::syntax("0x"));
        }
        Ok(Token::Binary(nibbles.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect()))
    }

    fn number(&mut self) -> Token<'a> {
        let start = self.at;
        self.digits();
        let mut kind: fn(&'a str) -> Token<'a> = Token::Integer;
        if self.peek(0) == b'.' {
            self.at += 1;
            self.digits();
            kind = Token::Decimal;
        }
        if matches!(self.peek(0), b'e' | b'E') {
            self.at += 1;
            if matches!(self.peek(0), b'+' | b'-') {
                self.at += 1;
            }
            self.digits();
            kind = Token::Float;
        }
        let text = std::str::from_utf8(&self.bytes[start..self.at]).unwrap_or("0");
        kind(text)
    }

    fn digits(&mut self) {
        while self.peek(0).is_ascii_digit() {
            self.at += 1;
        }
    }

    fn symbol(&mut self) -> Result<Token<'a>> {
        let rest = &self.bytes[self.at..];
        match SYMBOLS.into_iter().find(|symbol| rest.starts_with(symbol.as_bytes())) {
            Some(symbol) => {
                self.at += symbol.len();
                Ok(Token::Symbol(symbol))
            }
            None => Err(SqlError::syntax(self.character(0).unwrap_or(char::REPLACEMENT_CHARACTER))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Vec<Token<'_>> {
        let mut lexer = Lexer::new(text.as_bytes());
        let mut all = Vec::new();
        loop {
            match lexer.next().unwrap() {
                Token::End => return all,
                token => all.push(token),
            }
        }
    }

    #[test]
    fn names_are_of_letters_of_any_script_and_other_characters_are_refused() {
        let found = tokens("Größe\u{3000}名前\u{A0}#t $Node_Id a1@$#\u{FEFF}");
        let words = ["Größe", "名前", "#t"].map(Token::Word);
        assert_eq!(
            found,
            [&words[..], &[Token::Pseudo("$Node_Id"), Token::Word("a1@$#")]].concat()
        );
        for text in ["\u{2300}t", "a\u{2713}", "\u{1F600}", "\\", "$node_ids"] {
            let mut lexer = Lexer::new(text.as_bytes());
            let refused = (0..3).find_map(|_| lexer.next().err()).unwrap();
            assert_eq!(refused.number, if text.starts_with('$') { 126 } else { 102 }, "{text}");
        }
    }

    #[test]
    fn quotes_comments_and_numbers_are_told_apart() {
        let found =
            tokens("[a]]b] /* x /* y */ */ N'it''s' 0xAbC 1.5e3 1. -- end\n@@rowcount $node_id <>");
        let expected = [
            Token::Quoted("a]b".into()),
            Token::Text(b"it's".to_vec(), true),
            Token::Binary(vec![0x0A, 0xBC]),
            Token::Float("1.5e3"),
            Token::Decimal("1."),
            Token::Variable("@@rowcount"),
            Token::Pseudo("$node_id"),
            Token::Symbol("<>"),
        ];
        assert_eq!(found, expected);
    }
}
