//! UTF-16 to WTF-8 and back: UTF-8 that may also hold lone surrogates, so that every `nvarchar` is kept exactly.

/// Decodes little-endian UTF-16; an odd last byte is dropped.
pub fn from_utf16le(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() / 2 + 8);
    let mut units =
        bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).peekable();
    while let Some(unit) = units.next() {
        if unit < 0x80 {
            out.push(low_byte(u32::from(unit)));
            continue;
        }
        let mut point = u32::from(unit);
        if (0xD800..0xDC00).contains(&unit)
            && let Some(low) = units.next_if(|next| (0xDC00..0xE000).contains(next))
        {
            point = 0x1_0000 + ((point - 0xD800) << 10) + (u32::from(low) - 0xDC00);
        }
        push_point(&mut out, point);
    }
    out
}

/// Appends one code point, surrogates included; a surrogate that completes a pair joins with the one before it.
pub fn push_point(out: &mut Vec<u8>, point: u32) {
    if (0xDC00..0xE000).contains(&point)
        && let Some(high) = trailing_high_surrogate(out)
    {
        out.truncate(out.len() - 3);
        return push_point(out, 0x1_0000 + ((high - 0xD800) << 10) + (point - 0xDC00));
    }
    if point < 0x80 {
        out.push(low_byte(point));
    } else if point < 0x800 {
        out.extend([low_byte(0xC0 | point >> 6), low_byte(0x80 | point & 0x3F)]);
    } else if point < 0x1_0000 {
        out.extend([
            low_byte(0xE0 | point >> 12),
            low_byte(0x80 | point >> 6 & 0x3F),
            low_byte(0x80 | point & 0x3F),
        ]);
    } else {
        out.extend([
            low_byte(0xF0 | point >> 18),
            low_byte(0x80 | point >> 12 & 0x3F),
            low_byte(0x80 | point >> 6 & 0x3F),
            low_byte(0x80 | point & 0x3F),
        ]);
    }
}

#[expect(clippy::cast_possible_truncation, reason = "every caller passes eight significant bits")]
fn low_byte(value: u32) -> u8 {
    value as u8
}

fn trailing_high_surrogate(out: &[u8]) -> Option<u32> {
    match out {
        [.., 0xED, second @ 0xA0..=0xAF, third] => {
            Some(0xD000 | u32::from(second & 0x3F) << 6 | u32::from(third & 0x3F))
        }
        _ => None,
    }
}

/// Appends WTF-8 text as little-endian UTF-16.
pub fn write_utf16le(text: &[u8], out: &mut Vec<u8>) {
    out.reserve(text.len() * 2);
    let ascii = text.iter().position(|byte| !byte.is_ascii()).unwrap_or(text.len());
    for &byte in &text[..ascii] {
        out.extend([byte, 0]);
    }
    for point in points(&text[ascii..]) {
        push_utf16(point, out);
    }
}

fn push_utf16(point: u32, out: &mut Vec<u8>) {
    let unit = |value: u32| u16::try_from(value & 0xFFFF).unwrap_or(0xFFFD).to_le_bytes();
    if point < 0x1_0000 {
        out.extend(unit(point));
    } else {
        let rest = point - 0x1_0000;
        out.extend(unit(0xD800 + (rest >> 10)));
        out.extend(unit(0xDC00 + (rest & 0x3FF)));
    }
}

/// The code points of WTF-8 text, surrogates included.
pub fn points(text: &[u8]) -> impl Iterator<Item = u32> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        let first = *text.get(at)?;
        let (length, head) = match first {
            0x00..=0x7F => (1, u32::from(first)),
            0xC0..=0xDF => (2, u32::from(first & 0x1F)),
            0xE0..=0xEF => (3, u32::from(first & 0x0F)),
            _ => (4, u32::from(first & 0x07)),
        };
        let point = (1..length).fold(head, |point, offset| {
            point << 6 | u32::from(text.get(at + offset).copied().unwrap_or(0) & 0x3F)
        });
        at += length;
        Some(point)
    })
}

/// How many UTF-16 units the text takes: what SQL Server counts as its length.
pub fn utf16_len(text: &[u8]) -> usize {
    text.iter()
        .map(|byte| match byte {
            0x80..=0xBF => 0,
            0xF0..=0xFF => 2,
            _ => 1,
        })
        .sum()
}

/// The part of the text from UTF-16 unit `start` (0-based), at most `count` units; a pair cut in two leaves a lone surrogate.
pub fn utf16_slice(text: &[u8], start: usize, count: usize) -> Vec<u8> {
    if text.is_ascii() {
        let from = start.min(text.len());
        return text[from..from.saturating_add(count).min(text.len())].to_vec();
    }
    let mut units = Vec::new();
    write_utf16le(text, &mut units);
    let from = (start * 2).min(units.len());
    let to = from.saturating_add(count.saturating_mul(2)).min(units.len());
    from_utf16le(&units[from..to])
}

/// The text without its trailing blanks.
pub fn trim_end(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|byte| *byte != b' ').map_or(0, |last| last + 1);
    &text[..end]
}

/// Decodes Windows-1252, the code page of the server's collation.
pub fn from_cp1252(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    for &byte in bytes {
        let point = match byte {
            0x80..=0x9F => CP1252_HIGH[usize::from(byte - 0x80)],
            other => u32::from(other),
        };
        push_point(&mut out, point);
    }
    out
}

/// Encodes as Windows-1252; what the code page lacks becomes a question mark.
pub fn to_cp1252(text: &[u8]) -> Vec<u8> {
    points(text).map(|point| cp1252_byte(point).unwrap_or(b'?')).collect()
}

fn cp1252_byte(point: u32) -> Option<u8> {
    match point {
        0..=0x7F | 0xA0..=0xFF => u8::try_from(point).ok(),
        _ => {
            let at = CP1252_HIGH.iter().position(|high| *high == point)?;
            u8::try_from(at + 0x80).ok()
        }
    }
}

const CP1252_HIGH: [u32; 32] = [
    0x20AC, 0x81, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160, 0x2039,
    0x0152, 0x8D, 0x017D, 0x8F, 0x90, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
    0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x9D, 0x017E, 0x0178,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lone_surrogate_and_nul_survive_the_way_there_and_back() {
        let units: Vec<u8> = [0xD800_u16, 0, 0x41, 0xDC00, 0xD83D, 0xDE00]
            .iter()
            .flat_map(|unit| unit.to_le_bytes())
            .collect();
        let mut back = Vec::new();
        write_utf16le(&from_utf16le(&units), &mut back);
        assert_eq!(back, units);
    }

    #[test]
    fn length_counts_utf16_units() {
        assert_eq!(utf16_len("a€😀".as_bytes()), 4);
    }
}
