//! uniqueidentifier: kept in the order in which SQL Server compares it.

/// Which wire byte stands at each place of the storage form: the node first, the first group last (documented order of comparison).
const ORDER: [usize; 16] = [10, 11, 12, 13, 14, 15, 8, 9, 6, 7, 4, 5, 0, 1, 2, 3];

/// From the sixteen bytes of the wire (first three groups little-endian).
pub fn from_wire(bytes: &[u8; 16]) -> Vec<u8> {
    ORDER.iter().map(|at| bytes[*at]).collect()
}

/// Back to the bytes of the wire.
pub fn to_wire(stored: &[u8]) -> [u8; 16] {
    let mut wire = [0; 16];
    for (byte, at) in stored.iter().zip(ORDER) {
        wire[at] = *byte;
    }
    wire
}

/// From a UUID.
pub fn from_uuid(uuid: uuid::Uuid) -> Vec<u8> {
    from_wire(&uuid.to_bytes_le())
}

/// The text form, upper case as SQL Server writes it.
pub fn format(stored: &[u8]) -> String {
    uuid::Uuid::from_bytes_le(to_wire(stored)).hyphenated().to_string().to_ascii_uppercase()
}

/// Reads the text form, with or without braces.
pub fn parse(text: &str) -> Option<Vec<u8>> {
    let text = text.trim();
    let inner = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(text);
    if inner.len() < 36 || !inner.is_char_boundary(36) || inner.as_bytes()[8] != b'-' {
        return None;
    }
    uuid::Uuid::try_parse(&inner[..36]).ok().map(from_uuid)
}
