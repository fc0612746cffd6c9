//! Reads little-endian fields from a payload; every read past the end is an error, never a panic.

use std::io;

use super::packet::invalid;
use crate::values::wtf8;

/// A position in a payload.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Starts at the beginning.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// All that is left.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next `count` bytes.
    pub fn bytes(&mut self, count: usize) -> io::Result<&'a [u8]> {
        let (head, tail) =
            self.rest.split_at_checked(count).ok_or_else(|| invalid("short request"))?;
        self.rest = tail;
        Ok(head)
    }

    /// The next `N` bytes.
    pub fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut array = [0; N];
        array.copy_from_slice(self.bytes(N)?);
        Ok(array)
    }

    /// A byte.
    pub fn u8(&mut self) -> io::Result<u8> {
        Ok(self.array::<1>()?[0])
    }

    /// A little-endian word.
    pub fn u16(&mut self) -> io::Result<u16> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    /// A little-endian double word.
    pub fn u32(&mut self) -> io::Result<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    /// A little-endian quad word.
    pub fn u64(&mut self) -> io::Result<u64> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// UTF-16 text of `units` units.
    pub fn text(&mut self, units: usize) -> io::Result<String> {
        let text = wtf8::from_utf16le(self.bytes(units * 2)?);
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    /// Text behind a one-byte length in units.
    pub fn short_text(&mut self) -> io::Result<String> {
        let units = self.u8()?;
        self.text(usize::from(units))
    }
}
