//! decimal and money: a scaled `i128`, kept as sixteen bytes that compare in numeric order.

/// The largest number of digits that SQL Server's decimal holds (documented).
pub const DIGITS_MAX: u8 = 38;

/// The storage form.
pub fn to_bytes(scaled: i128) -> Vec<u8> {
    let flipped = scaled.cast_unsigned() ^ (1 << 127);
    flipped.to_be_bytes().to_vec()
}

/// Reads the storage form; anything else than sixteen bytes is no decimal.
pub fn from_bytes(bytes: &[u8]) -> Option<i128> {
    let bytes: [u8; 16] = bytes.try_into().ok()?;
    Some((u128::from_be_bytes(bytes) ^ (1 << 127)).cast_signed())
}

/// Ten to the power of `exponent`, for exponents up to 38.
pub fn power_of_ten(exponent: u8) -> i128 {
    10_i128.saturating_pow(u32::from(exponent))
}

/// Moves a value to another scale, rounding half away from zero as SQL Server does (documented). `None`: too large.
pub fn rescale(scaled: i128, from: u8, to: u8) -> Option<i128> {
    if to >= from {
        return scaled.checked_mul(power_of_ten(to - from));
    }
    let divisor = power_of_ten(from - to);
    let half = divisor / 2;
    let shifted = if scaled < 0 { scaled.checked_sub(half)? } else { scaled.checked_add(half)? };
    Some(shifted / divisor)
}

/// Whether the value has at most `precision` digits.
pub fn fits(scaled: i128, precision: u8) -> bool {
    scaled.unsigned_abs() < power_of_ten(precision).unsigned_abs()
}

/// Writes the value with exactly `scale` digits after the point.
pub fn format(scaled: i128, scale: u8) -> String {
    let sign = if scaled < 0 { "-" } else { "" };
    let digits = format!("{:0>width$}", scaled.unsigned_abs(), width = usize::from(scale) + 1);
    let (whole, fraction) = digits.split_at(digits.len() - usize::from(scale));
    if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

/// Reads `[+-]digits[.digits]`; gives the scaled value and its scale.
pub fn parse(text: &str) -> Option<(i128, u8)> {
    let text = text.trim();
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut scaled: i128 = 0;
    for byte in whole.bytes().chain(fraction.bytes()) {
        if !byte.is_ascii_digit() {
            return None;
        }
        scaled = scaled.checked_mul(10)?.checked_add(i128::from(byte - b'0'))?;
    }
    let scale = u8::try_from(fraction.len()).ok()?;
    Some((if negative { -scaled } else { scaled }, scale))
}

/// The nearest double.
#[expect(clippy::cast_precision_loss, reason = "a double is what is asked for")]
pub fn to_f64(scaled: i128, scale: u8) -> f64 {
    format(scaled, scale).parse().unwrap_or(scaled as f64)
}

/// The double at a scale, rounded half away from zero. `None`: not finite or too large.
pub fn from_f64(value: f64, scale: u8) -> Option<i128> {
    if !value.is_finite() || value.abs() >= 1e38 {
        return None;
    }
    let (scaled, digits) = parse(&format!("{value:.prec$}", prec = usize::from(scale) + 3))?;
    rescale(scaled, digits, scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_sort_as_numbers_do() {
        let mut sorted: Vec<_> = [-5, 3, -1, 0, i128::MAX, 12].map(to_bytes).to_vec();
        sorted.sort();
        let back: Vec<_> = sorted.iter().filter_map(|bytes| from_bytes(bytes)).collect();
        assert_eq!(back, [-5, -1, 0, 3, 12, i128::MAX]);
    }

    #[test]
    fn rounding_is_half_away_from_zero() {
        assert_eq!(rescale(-125, 2, 1), Some(-13));
        assert_eq!(format(-5, 2), "-0.05");
    }
}
