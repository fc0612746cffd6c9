//! Dates and times: days since 0001-01-01 and ticks of 100 ns, and their text forms.

use chrono::{Datelike, NaiveDate};

/// Ticks of 100 ns in a day.
pub const TICKS_PER_DAY: i64 = 864_000_000_000;
/// Ticks in a second.
pub const TICKS_PER_SECOND: i64 = 10_000_000;
/// Ticks in a minute.
pub const TICKS_PER_MINUTE: i64 = 60 * TICKS_PER_SECOND;
/// datetime counts in three-hundredths of a second (documented).
pub const THIRDS_PER_DAY: i64 = 86_400 * 300;
/// 1900-01-01, the zero of datetime, in days since 0001-01-01.
pub const DAY_1900: i64 = 693_595;
/// One past the last day, 9999-12-31.
pub const DAYS_END: i64 = 3_652_059;

/// A point in local time with an offset: what every temporal type becomes on the way to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instant {
    /// Days since 0001-01-01.
    pub days: i64,
    /// Ticks of the day.
    pub ticks: i64,
    /// Minutes east of UTC.
    pub offset: i64,
}

impl Instant {
    /// From local ticks since 0001-01-01.
    pub fn from_ticks(ticks: i64, offset: i64) -> Self {
        Self {
            days: ticks.div_euclid(TICKS_PER_DAY),
            ticks: ticks.rem_euclid(TICKS_PER_DAY),
            offset,
        }
    }

    /// Local ticks since 0001-01-01.
    pub fn local_ticks(self) -> i64 {
        self.days * TICKS_PER_DAY + self.ticks
    }

    /// UTC ticks since 0001-01-01.
    pub fn utc_ticks(self) -> i64 {
        self.local_ticks() - self.offset * 60 * TICKS_PER_SECOND
    }

    /// Whether SQL Server has such a day.
    pub fn in_range(self) -> bool {
        (0..DAYS_END).contains(&self.days)
    }

    /// Year, month, day.
    pub fn date(self) -> (i64, u32, u32) {
        date_of(self.days)
    }
}

/// Year, month, day of days since 0001-01-01.
pub fn date_of(days: i64) -> (i64, u32, u32) {
    let ordinal = i32::try_from(days + 1).unwrap_or(1);
    let date = NaiveDate::from_num_days_from_ce_opt(ordinal).unwrap_or_default();
    (i64::from(date.year()), date.month(), date.day())
}

/// Days since 0001-01-01 of a date that exists.
pub fn days_of(year: i64, month: u32, day: u32) -> Option<i64> {
    let year = i32::try_from(year).ok().filter(|year| (1..=9999).contains(year))?;
    NaiveDate::from_ymd_opt(year, month, day).map(|date| i64::from(date.num_days_from_ce()) - 1)
}

/// Ticks from a count of units of a scale (scale 7 counts ticks).
pub fn ticks_from_units(units: i64, scale: u8) -> i64 {
    units.saturating_mul(10_i64.pow(u32::from(7 - scale.min(7))))
}

/// The reverse, dropping what is finer.
pub fn units_from_ticks(ticks: i64, scale: u8) -> i64 {
    ticks / 10_i64.pow(u32::from(7 - scale.min(7)))
}

/// Rounds ticks to a scale, half up (documented for time, datetime2 and datetimeoffset).
pub fn round_ticks(ticks: i64, scale: u8) -> i64 {
    let unit = 10_i64.pow(u32::from(7 - scale.min(7)));
    (ticks + unit / 2).div_euclid(unit) * unit
}

/// Bytes of a time on the wire.
pub fn time_bytes(scale: u8) -> u8 {
    match scale {
        0..=2 => 3,
        3..=4 => 4,
        _ => 5,
    }
}

/// Storage form of datetimeoffset: sorts by the instant.
pub fn offset_to_bytes(utc_ticks: i64, offset: i64) -> Vec<u8> {
    let mut bytes = (utc_ticks.cast_unsigned() ^ 1 << 63).to_be_bytes().to_vec();
    bytes.extend(u16::try_from(offset + 1000).unwrap_or(1000).to_be_bytes());
    bytes
}

/// Reads [`offset_to_bytes`]' form: UTC ticks and minutes.
pub fn offset_from_bytes(bytes: &[u8]) -> Option<(i64, i64)> {
    let (utc, offset) = bytes.split_at_checked(8)?;
    let utc = (u64::from_be_bytes(utc.try_into().ok()?) ^ 1 << 63).cast_signed();
    Some((utc, i64::from(u16::from_be_bytes(offset.try_into().ok()?)) - 1000))
}

/// Now in UTC, as ticks since 0001-01-01.
pub fn now_utc_ticks() -> i64 {
    ticks_of(std::time::SystemTime::now())
}

/// Ticks of a time, UTC; the nearest that can be said for one far away.
pub fn ticks_of(time: std::time::SystemTime) -> i64 {
    const UNIX_EPOCH: i64 = 719_162 * TICKS_PER_DAY;
    let ticks =
        |away: std::time::Duration| i64::try_from(away.as_nanos() / 100).unwrap_or(i64::MAX);
    match time.duration_since(std::time::SystemTime::UNIX_EPOCH) {
        Ok(after) => UNIX_EPOCH.saturating_add(ticks(after)),
        Err(before) => UNIX_EPOCH.saturating_sub(ticks(before.duration())),
    }
}

/// `yyyy-mm-dd`.
pub fn format_date(days: i64) -> String {
    let (year, month, day) = date_of(days);
    format!("{year:04}-{month:02}-{day:02}")
}

/// `hh:mm:ss[.fraction]` with `scale` digits.
pub fn format_time(ticks: i64, scale: u8) -> String {
    let seconds = ticks / TICKS_PER_SECOND;
    let clock = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if scale == 0 {
        return clock;
    }
    let digits = format!("{:07}", ticks % TICKS_PER_SECOND);
    format!("{clock}.{}", &digits[..usize::from(scale.min(7))])
}

/// `+hh:mm`.
pub fn format_offset(minutes: i64) -> String {
    let sign = if minutes < 0 { '-' } else { '+' };
    format!("{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60)
}

/// Reads the ISO forms: `yyyy-mm-dd`, `yyyymmdd`, a time after a blank or a `T`, an offset or `Z`; a time alone is on 1900-01-01.
pub fn parse(text: &str) -> Option<Instant> {
    let text = text.trim();
    if text.is_empty() {
        return Some(Instant { days: DAY_1900, ticks: 0, offset: 0 });
    }
    let (text, offset) = split_offset(text)?;
    if text.contains(':') && !text.contains(['-', 'T']) && !text.contains(' ') {
        return Some(Instant { days: DAY_1900, ticks: parse_time(text)?, offset });
    }
    let (date, time) = match text.find(['T', ' ']) {
        Some(at) => (&text[..at], text[at + 1..].trim()),
        None => (text, ""),
    };
    let ticks = if time.is_empty() { 0 } else { parse_time(time)? };
    Some(Instant { days: parse_date(date)?, ticks, offset })
}

fn split_offset(text: &str) -> Option<(&str, i64)> {
    if let Some(rest) = text.strip_suffix(['Z', 'z']) {
        return Some((rest.trim_end(), 0));
    }
    let colon = text.find(':').unwrap_or(text.len());
    let Some(sign) = text[colon..].find(['+', '-']).map(|at| at + colon) else {
        return Some((text, 0));
    };
    let (hours, minutes) = text[sign + 1..].split_once(':')?;
    let minutes = hours.parse::<i64>().ok()? * 60 + minutes.parse::<i64>().ok()?;
    let signed = if text.as_bytes()[sign] == b'-' { -minutes } else { minutes };
    (minutes <= 840).then(|| (text[..sign].trim_end(), signed))
}

fn parse_date(text: &str) -> Option<i64> {
    if text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return days_of(text[..4].parse().ok()?, text[4..6].parse().ok()?, text[6..].parse().ok()?);
    }
    let mut parts = text.split(['-', '/', '.']);
    let (first, second, third) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    if first.len() == 4 {
        return days_of(first.parse().ok()?, second.parse().ok()?, third.parse().ok()?);
    }
    // us_english: month, day, year.
    (third.len() == 4)
        .then(|| days_of(third.parse().ok()?, first.parse().ok()?, second.parse().ok()?))
        .flatten()
}

fn parse_time(text: &str) -> Option<i64> {
    let (clock, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut parts = clock.split(':').map(str::parse::<i64>);
    let hours = parts.next()?.ok().filter(|hours| (0..24).contains(hours))?;
    let minutes = parts.next()?.ok().filter(|minutes| (0..60).contains(minutes))?;
    let seconds = parts.next().unwrap_or(Ok(0)).ok().filter(|seconds| (0..60).contains(seconds))?;
    if parts.next().is_some() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits = format!("{fraction:0<9}");
    let nanos: i64 = digits[..9].parse().ok()?;
    Some((hours * 3600 + minutes * 60 + seconds) * TICKS_PER_SECOND + (nanos + 50) / 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_epochs_hold() {
        assert_eq!(days_of(1900, 1, 1), Some(DAY_1900));
        assert_eq!(days_of(9999, 12, 31), Some(DAYS_END - 1));
        assert_eq!(days_of(1970, 1, 1), Some(719_162));
    }

    #[test]
    fn seven_digits_are_read_and_written() {
        let instant = parse("2025-11-01T10:20:30.1234567+02:00").unwrap();
        assert_eq!(instant.offset, 120);
        assert_eq!(format_date(instant.days), "2025-11-01");
        assert_eq!(format_time(instant.ticks, 7), "10:20:30.1234567");
        assert!(parse("2025-02-30").is_none());
    }
}
