//! Reads the tokens of an answer, by MS-TDS 2.2.7 and apart from the server's code.

/// A token of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Token {
    Columns(Vec<Column>),
    Row(Vec<Option<Vec<u8>>>),
    Done { token: u8, status: u16, command: u16, rows: u64 },
    Error(Message),
    Info(Message),
    Environment { kind: u8, new: Vec<u8>, old: Vec<u8> },
    ReturnStatus(i32),
    ReturnValue { place: u16, name: String, kind: u8, value: Option<Vec<u8>> },
    LoginAck { interface: u8, version: u32, name: String },
}

#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    pub name: String,
    pub flags: u16,
    /// `TYPE_INFO` as sent.
    pub info: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    pub number: i32,
    pub state: u8,
    pub class: u8,
    pub text: String,
    pub line: u32,
}

pub const MORE: u16 = 0x01;
pub const FAILED: u16 = 0x02;
pub const COUNT: u16 = 0x10;
pub const ATTENTION: u16 = 0x20;

/// Reads a whole message.
pub fn read(payload: &[u8]) -> Vec<Token> {
    let mut cursor = Cursor(payload);
    let mut tokens = Vec::new();
    let mut columns: Vec<Column> = Vec::new();
    while !cursor.0.is_empty() {
        let token = cursor.token(&columns);
        if let Token::Columns(new) = &token {
            columns.clone_from(new);
        }
        tokens.push(token);
    }
    tokens
}

struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn bytes(&mut self, count: usize) -> Vec<u8> {
        let (head, tail) = self.0.split_at(count);
        self.0 = tail;
        head.to_vec()
    }

    fn number<const N: usize>(&mut self) -> u64 {
        let mut wide = [0; 8];
        wide[..N].copy_from_slice(&self.bytes(N));
        u64::from_le_bytes(wide)
    }

    fn u8(&mut self) -> u8 {
        self.bytes(1)[0]
    }

    fn u16(&mut self) -> u16 {
        u16::try_from(self.number::<2>()).unwrap()
    }

    fn u32(&mut self) -> u32 {
        u32::try_from(self.number::<4>()).unwrap()
    }

    fn text(&mut self, units: usize) -> String {
        let units: Vec<u16> = self
            .bytes(units * 2)
            .chunks(2)
            .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
            .collect();
        String::from_utf16_lossy(&units)
    }

    fn short_text(&mut self) -> String {
        let units = self.u8();
        self.text(usize::from(units))
    }

    fn token(&mut self, columns: &[Column]) -> Token {
        match self.u8() {
            0x81 => {
                let count = self.u16();
                Token::Columns((0..count).map(|_| self.column()).collect())
            }
            0xD1 => Token::Row(columns.iter().map(|column| self.value(&column.info)).collect()),
            0xAA => Token::Error(self.message()),
            0xAB => Token::Info(self.message()),
            0xAC => {
                let place = self.u16();
                let name = self.short_text();
                self.bytes(7);
                let info = self.type_info();
                Token::ReturnValue { place, name, kind: info[0], value: self.value(&info) }
            }
            0xAD => {
                let _length = self.u16();
                let interface = self.u8();
                let version = u32::from_be_bytes(self.bytes(4).try_into().unwrap());
                let name = self.short_text();
                self.bytes(4);
                Token::LoginAck { interface, version, name }
            }
            0xE3 => self.environment(),
            0x79 => Token::ReturnStatus(self.u32().cast_signed()),
            token @ 0xFD..=0xFF => Token::Done {
                token,
                status: self.u16(),
                command: self.u16(),
                rows: self.number::<8>(),
            },
            other => panic!("token 0x{other:02X}"),
        }
    }

    /// Text changes are counted in characters, all others in bytes.
    fn environment(&mut self) -> Token {
        let _length = self.u16();
        let kind = self.u8();
        let unit = if kind <= 4 { 2 } else { 1 };
        let mut part = || {
            let count = usize::from(self.u8());
            self.bytes(count * unit)
        };
        let (new, old) = (part(), part());
        Token::Environment { kind, new, old }
    }

    fn message(&mut self) -> Message {
        let length = usize::from(self.u16());
        let before = self.0.len();
        let number = self.u32().cast_signed();
        let (state, class) = (self.u8(), self.u8());
        let units = usize::from(self.u16());
        let text = self.text(units);
        let (_server, _procedure) = (self.short_text(), self.short_text());
        let line = self.u32();
        assert_eq!(before - self.0.len(), length);
        Message { number, state, class, text, line }
    }

    fn column(&mut self) -> Column {
        self.bytes(4);
        let flags = self.u16();
        let info = self.type_info();
        Column { name: self.short_text(), flags, info }
    }

    fn type_info(&mut self) -> Vec<u8> {
        let more = match self.0[0] {
            0x1F | 0x30 | 0x32 | 0x34 | 0x38 | 0x3A..=0x3E | 0x7A | 0x7F | 0x28 => 0,
            0x24 | 0x26 | 0x68 | 0x6D..=0x6F | 0x29..=0x2B => 1,
            0x6A | 0x6C => 3,
            0xA5 | 0xAD => 2,
            0xA7 | 0xAF | 0xE7 | 0xEF => 7,
            other => panic!("type 0x{other:02X}"),
        };
        self.bytes(1 + more)
    }

    fn value(&mut self, info: &[u8]) -> Option<Vec<u8>> {
        let fixed = match info[0] {
            0x30 | 0x32 => 1,
            0x34 => 2,
            0x38 | 0x3A | 0x3B | 0x7A => 4,
            0x3C..=0x3E | 0x7F => 8,
            _ => 0,
        };
        if fixed > 0 {
            return Some(self.bytes(fixed));
        }
        if info[0] < 0x80 {
            let length = self.u8();
            return (length != 0).then(|| self.bytes(usize::from(length)));
        }
        if info[1..3] == [0xFF, 0xFF] {
            return self.chunks();
        }
        let length = self.u16();
        (length != 0xFFFF).then(|| self.bytes(usize::from(length)))
    }

    fn chunks(&mut self) -> Option<Vec<u8>> {
        let total = self.number::<8>();
        if total == u64::MAX {
            return None;
        }
        let mut whole = Vec::new();
        loop {
            let length = self.u32() as usize;
            if length == 0 {
                assert_eq!(whole.len() as u64, total);
                return Some(whole);
            }
            whole.extend(self.bytes(length));
        }
    }
}
