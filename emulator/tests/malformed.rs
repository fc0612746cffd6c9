//! Bytes that no client sends: the connection ends, or the server answers with an error; the server goes on, and its memory
//! stays within bounds.
//!
//! `EMULATOR_SEED=… EMULATOR_FUZZ_SECONDS=…` repeat and prolong the random part.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "suite/support/mod.rs"]
mod support;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use sqlgraph_emulator::{Server, tds};
use support::PASSWORD;
use support::random::Random;
use support::raw::{
    ATTENTION, BATCH, END, LOGIN, PRELOGIN, RESET, RPC, Raw, TRANSACTION, headers, int, login,
    named, numbered, packets, parameter, prelogin, text, utf16,
};
use support::start;
use support::tokens::Token;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What the process may take beyond what it had before: the largest request, once as it comes and once as it is kept.
const MEMORY_GROWTH_MAX: usize = 256 << 20;
/// The same for a statement of the most tokens.
const STATEMENT_MEMORY_MAX: usize = 1 << 30;
const SECONDS: u64 = 3;

/// One test at a time: they look at the memory of the process.
static ALONE: Mutex<()> = Mutex::new(());
static PANICS: AtomicUsize = AtomicUsize::new(0);

fn watch_panics() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            PANICS.fetch_add(1, Ordering::SeqCst);
            before(info);
        }));
    });
}

/// The most that the process has had in memory so far.
fn peak_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.and_then(|peak| peak.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0) * 1024
}

async fn serves(server: &Server) {
    let mut raw = Raw::log_in(server, 4096).await;
    let answer = raw.batch("SELECT 1").await;
    assert!(answer.contains(&Token::Row(vec![Some(vec![1, 0, 0, 0])])));
}

#[tokio::test]
async fn lengths_of_a_gigabyte_end_the_connection_and_take_no_memory() {
    let _alone = ALONE.lock();
    let server = start().await;
    let before = peak_bytes();
    let huge = 0x4000_0000_u32.to_le_bytes();
    let call = |info: &[u8], value: &[u8]| {
        let parts = [headers(0), numbered(10), text("SELECT 1"), text("@p int")];
        [parts.concat(), parameter("@p", false, info, value)].concat()
    };
    let chunk = [&u64::MAX.wrapping_sub(1).to_le_bytes()[..], &huge, &[1, 2, 3]].concat();
    let total = [&0x4000_0000_u64.to_le_bytes()[..], &[2, 0, 0, 0, 1, 2], &huge].concat();
    let long = [&huge[..], &[1, 2, 3]].concat();
    for payload in [
        [&huge[..], &[18, 0, 0, 0, 2, 0]].concat(),
        [&22_u32.to_le_bytes()[..], &huge, &[2, 0]].concat(),
        call(&[0xA5, 0xFF, 0xFF], &chunk),
        call(&[0xA5, 0xFF, 0xFF], &total),
        call(&[0x22, 0xFF, 0xFF, 0xFF, 0x7F], &long),
        [headers(0), vec![0x00, 0x40], utf16("sp_executesql")].concat(),
    ] {
        let mut raw = Raw::log_in(&server, 4096).await;
        raw.send(RPC, END, &payload).await;
        assert!(raw.is_closed().await);
    }
    serves(&server).await;
    assert!(peak_bytes() - before < MEMORY_GROWTH_MAX);
}

#[tokio::test]
async fn a_request_without_end_is_cut_off() {
    let _alone = ALONE.lock();
    let server = start().await;
    let before = peak_bytes();
    let mut raw = Raw::log_in(&server, 32_767).await;
    let packet = packets(BATCH, 0, &vec![0x20; 32_759], 32_767);
    let mut sent = 0;
    while raw.socket.write_all(&packet).await.is_ok() {
        sent += packet.len();
        assert!(sent < 1 << 30, "a gigabyte was taken");
    }
    serves(&server).await;
    assert!(peak_bytes() - before < MEMORY_GROWTH_MAX);
}

#[tokio::test]
async fn a_login_without_end_is_cut_off_earlier() {
    let server = start().await;
    let mut raw = Raw::open(&server).await;
    let packet = packets(PRELOGIN, 0, &[0; 4000], 4096);
    let mut sent = 0;
    while raw.socket.write_all(&packet).await.is_ok() {
        sent += packet.len();
        assert!(sent < 64 << 20, "64 MB were taken before the login");
    }
    serves(&server).await;
}

#[tokio::test]
async fn a_login_with_fields_outside_of_it_ends_the_connection() {
    let server = start().await;
    for place in [36, 40, 44, 48, 68] {
        for (offset, units) in [(0xFFFF_u16, 1_u16), (94, 0xFFFF), (10_000, 5)] {
            let mut raw = Raw::open(&server).await;
            raw.send(PRELOGIN, END, &prelogin(2)).await;
            raw.message().await;
            let mut payload = login("sa", PASSWORD, "", 4096);
            payload[place..place + 2].copy_from_slice(&offset.to_le_bytes());
            payload[place + 2..place + 4].copy_from_slice(&units.to_le_bytes());
            raw.send(LOGIN, END, &payload).await;
            assert!(raw.is_closed().await, "{place} {offset} {units}");
        }
    }
    serves(&server).await;
}

#[tokio::test]
async fn a_failed_login_says_why_and_closes() {
    let server = start().await;
    for (user, password, database, expected) in [
        ("sa", "wrong", "", vec![(18456, 14, 1)]),
        ("nobody", PASSWORD, "", vec![(18456, 14, 1)]),
        ("sa", PASSWORD, "Nowhere", vec![(4060, 11, 1), (18456, 14, 1)]),
    ] {
        let mut raw = Raw::open(&server).await;
        raw.send(PRELOGIN, END, &prelogin(2)).await;
        raw.message().await;
        raw.send(LOGIN, END, &login(user, password, database, 4096)).await;
        let answer = raw.answer().await;
        let errors: Vec<(i32, u8, u8)> = answer
            .iter()
            .filter_map(|token| match token {
                Token::Error(error) => Some((error.number, error.class, error.state)),
                _ => None,
            })
            .collect();
        assert_eq!(errors, expected);
        let end = Token::Done { token: 0xFD, status: 2, command: 0, rows: 0 };
        assert_eq!(answer.last(), Some(&end));
        assert!(raw.is_closed().await);
    }
}

#[tokio::test]
async fn a_session_that_stops_anywhere_leaves_the_server_up() {
    let server = start().await;
    let whole = session().concat();
    for cut in (0..whole.len()).step_by(23) {
        let mut socket = TcpStream::connect(server.addr()).await.unwrap();
        socket.write_all(&whole[..cut]).await.unwrap();
        socket.shutdown().await.unwrap();
        let mut rest = Vec::new();
        let _ = socket.read_to_end(&mut rest).await;
    }
    serves(&server).await;
}

#[tokio::test]
async fn statements_beyond_the_limits_are_an_error() {
    let _alone = ALONE.lock();
    let server = start().await;
    let before = peak_bytes();
    let mut raw = Raw::log_in(&server, 4096).await;
    let deep = |open: &str, middle: &str, close: &str| {
        format!("{}{middle}{}", open.repeat(100_000), close.repeat(100_000))
    };
    for sql in [
        format!("SELECT {}", deep("(", "1", ")")),
        format!("SELECT {}", deep("-", "1", "")),
        format!("SELECT {}", deep("CASE WHEN 1=1 THEN ", "1", " END")),
        format!("SELECT 1 WHERE {}", deep("NOT ", "1=1", "")),
        format!("SELECT * FROM {}", deep("(SELECT * FROM ", "t", ") AS a")),
        deep("BEGIN ", "SELECT 1", " END"),
        deep("IF 1=1 ", "SELECT 1", ""),
        format!("SELECT 1{}", " + 1".repeat(100_000)),
        format!("SELECT 1 WHERE 1=1{}", " AND 1=1".repeat(100_000)),
        format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(100_000)),
        "SELECT 1;".repeat(700_000),
    ] {
        let answer = raw.batch(&sql).await;
        let failed = answer.iter().any(|token| matches!(token, Token::Error(_)));
        assert!(failed, "{}: {:?}", &sql[..40], answer.last());
    }
    // Fifty levels are none too many, and take no time for each way to read them.
    let started = Instant::now();
    let within = format!("SELECT 1 WHERE {}1=1{}", "(".repeat(50), ")".repeat(50));
    assert!(raw.batch(&within).await.contains(&Token::Row(vec![Some(vec![1, 0, 0, 0])])));
    assert!(started.elapsed() < Duration::from_secs(2));
    serves(&server).await;
    let growth = peak_bytes() - before;
    assert!(growth < STATEMENT_MEMORY_MAX, "{growth}");
}

#[tokio::test]
async fn a_tls_handshake_that_is_none_ends_the_connection() {
    let server = start().await;
    let noise = [0x16, 3, 1, 0, 5, 1, 2, 3, 4, 5, 6, 7, 8, 9];
    let mut raw = Raw::open(&server).await;
    raw.socket.write_all(&noise).await.unwrap();
    assert!(raw.is_closed().await);
    for wrapped in [&noise[..], &[0xFF; 100], &[]] {
        let mut raw = Raw::open(&server).await;
        raw.send(PRELOGIN, END, &prelogin(1)).await;
        raw.message().await;
        raw.send(PRELOGIN, END, wrapped).await;
        raw.socket.shutdown().await.unwrap();
        assert!(raw.is_closed().await);
    }
    serves(&server).await;
}

/// The messages of a session that uses everything, each in its packets.
fn session() -> Vec<Vec<u8>> {
    let transaction = headers(0);
    let request =
        |kind, status, body: &[u8]| packets(kind, status, &[&transaction[..], body].concat(), 512);
    let max = parameter(
        "@p",
        false,
        &[0xA5, 0xFF, 0xFF],
        &[4, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 1, 2, 3, 4, 0, 0, 0, 0],
    );
    let decimal = parameter("@d", false, &[0x6C, 5, 9, 2], &[5, 1, 1, 0, 0, 0]);
    let moment = parameter("@t", true, &[0x2A, 7], &[8, 1, 0, 0, 0, 0, 7, 0x24, 0x0B]);
    let declared = text("@p varbinary(max), @d decimal(9,2), @t datetime2");
    let selected = text("SELECT @p AS p, @d AS d, @t AS t");
    let execute = [numbered(10), selected.clone(), declared.clone(), max, decimal, moment].concat();
    let prepare = [
        numbered(13),
        int("", true, None),
        text("@a int"),
        text("SELECT @a"),
        int("", false, Some(1)),
    ];
    let again = [named("sp_execute"), int("", false, Some(1)), int("", false, Some(2))].concat();
    vec![
        packets(PRELOGIN, END, &prelogin(2), 4096),
        packets(LOGIN, END, &login("sa", PASSWORD, "Provenance", 512), 4096),
        request(
            BATCH,
            END,
            &utf16("CREATE TABLE #t (a int); SELECT N'x' AS a, 1 + 2 AS b; PRINT 'y'"),
        ),
        request(
            BATCH,
            END,
            &utf16("SELECT name FROM sys.tables WHERE name LIKE N'%a%' ORDER BY name"),
        ),
        request(RPC, END, &execute),
        request(RPC, END, &[&prepare.concat()[..], &[0xFF], &again].concat()),
        packets(ATTENTION, END, &[], 512),
        request(RPC, END | RESET, &again),
        request(TRANSACTION, END, &[9, 0, 2, b's', 0]),
        request(TRANSACTION, END, &[7, 0, 0, 1, 2, 0]),
    ]
}

const EXTREMES: [u8; 6] = [0, 1, 0x7F, 0x80, 0xFE, 0xFF];

/// One to four small damages.
fn damage(bytes: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.below(4) {
        if bytes.is_empty() {
            return;
        }
        let at = random.below(bytes.len());
        match random.below(6) {
            0 => bytes[at] = random.byte(),
            1 => bytes[at] = EXTREMES[random.below(EXTREMES.len())],
            2 => bytes.truncate(at),
            3 => drop(bytes.remove(at)),
            4 => bytes.insert(at, random.byte()),
            _ => {
                let end = bytes.len().min(at + random.below(16) + 1);
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
        }
    }
}

/// A session of which some messages are damaged, left out, doubled or pure noise.
fn damaged_session(seed: u64) -> Vec<u8> {
    let mut random = Random(seed);
    let mut bytes = Vec::new();
    // Mostly the login stays whole, so that what follows is looked at.
    let spared = if random.below(4) == 0 { 0 } else { 2 };
    for (at, mut message) in session().into_iter().enumerate() {
        match random.below(8) {
            _ if at < spared => bytes.extend(message),
            0..=2 => {
                damage(&mut message, &mut random);
                bytes.extend(message);
            }
            3 => {}
            4 => bytes.extend((0..random.below(200)).map(|_| random.byte())),
            5 => bytes.extend([&message[..], &message].concat()),
            _ => bytes.extend(message),
        }
    }
    bytes
}

async fn send_damaged(server: &Server, seed: u64) {
    let bytes = damaged_session(seed);
    let mut socket = TcpStream::connect(server.addr()).await.unwrap();
    if socket.write_all(&bytes).await.is_err() {
        return;
    }
    let mut answer = vec![0; 4096];
    let quiet = Duration::from_millis(20);
    while let Ok(Ok(1..)) = tokio::time::timeout(quiet, socket.read(&mut answer)).await {}
}

fn seed() -> u64 {
    let given = std::env::var("EMULATOR_SEED").ok().and_then(|seed| seed.parse().ok());
    given.unwrap_or_else(|| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        now.as_secs() * 1_000_000
    })
}

fn run_time() -> Duration {
    let given =
        std::env::var("EMULATOR_FUZZ_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    Duration::from_secs(given.unwrap_or(SECONDS))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damaged_sessions_leave_the_server_up_and_its_memory_bounded() {
    let _alone = ALONE.lock();
    watch_panics();
    let server = start().await;
    serves(&server).await;
    let (mut seed, before, end) = (seed(), peak_bytes(), Instant::now() + run_time());
    println!("EMULATOR_SEED={seed}");
    while Instant::now() < end {
        let round = (0..16).map(|at| send_damaged(&server, seed + at));
        futures_util::future::join_all(round).await;
        assert_eq!(PANICS.load(Ordering::SeqCst), 0, "EMULATOR_SEED={seed}");
        seed += 16;
        serves(&server).await;
    }
    assert!(peak_bytes() - before < MEMORY_GROWTH_MAX, "EMULATOR_SEED={seed}");
}

#[test]
fn damaged_payloads_are_read_without_a_panic() {
    let mut seed = seed();
    println!("EMULATOR_SEED={seed}");
    let payloads: Vec<(u8, Vec<u8>)> = session()
        .into_iter()
        .filter(|packets| packets[0] != ATTENTION && packets.len() < 512)
        .map(|packets| (packets[0], packets[8..].to_vec()))
        .collect();
    let end = Instant::now() + run_time() / 2;
    while Instant::now() < end {
        let mut random = Random(seed);
        let (kind, mut payload) = payloads[random.below(payloads.len())].clone();
        damage(&mut payload, &mut random);
        let read = std::panic::catch_unwind(|| drop(tds::read_payload(kind, &payload)));
        assert!(read.is_ok(), "EMULATOR_SEED={seed}");
        seed += 1;
    }
}
