//! Packets, resets, attentions and transaction requests, byte by byte.

use std::time::Duration;

use crate::support;
use crate::support::raw::{
    ATTENTION, BATCH, END, IGNORE, RESET, RESET_KEEP_TRANSACTION, Raw, TRANSACTION, headers, utf16,
};
use crate::support::start;
use crate::support::tokens::{ATTENTION as ATTENTION_BIT, COUNT, FAILED, MORE, Token};

const BEGIN: u16 = 0xD4;
const COMMIT: u16 = 0xD5;
const ROLLBACK: u16 = 0xD2;
const SAVE: u16 = 0xD6;

fn done(status: u16, command: u16, rows: u64) -> Token {
    Token::Done { token: 0xFD, status, command, rows }
}

fn value(tokens: &[Token]) -> Option<Vec<u8>> {
    tokens.iter().find_map(|token| match token {
        Token::Row(cells) => cells[0].clone(),
        _ => None,
    })
}

async fn number(raw: &mut Raw, expression: &str) -> i32 {
    let answer = raw.batch(&format!("SELECT CAST({expression} AS int)")).await;
    i32::from_le_bytes(value(&answer).unwrap().try_into().unwrap())
}

fn errors(tokens: &[Token]) -> Vec<i32> {
    let number = |token: &Token| match token {
        Token::Error(error) => Some(error.number),
        _ => None,
    };
    tokens.iter().filter_map(number).collect()
}

#[tokio::test]
async fn answers_use_packets_of_the_agreed_size_from_the_first_request_on() {
    let server = start().await;
    for size in [512, 1000, 4096, 32_767] {
        let mut raw = Raw::log_in(&server, size).await;
        let long = "z".repeat(40_000);
        let answer = raw.batch(&format!("SELECT N'{long}' AS a")).await;
        assert_eq!(value(&answer).unwrap(), utf16(&long));
        let (last, full) = raw.packets.split_last().unwrap();
        assert!(full.iter().all(|length| *length == usize::from(size)), "{size}");
        assert!(!full.is_empty() && *last <= usize::from(size));
    }
}

#[tokio::test]
async fn a_packet_larger_than_agreed_ends_the_connection() {
    let server = start().await;
    let mut raw = Raw::log_in(&server, 512).await;
    raw.packet_bytes = 513;
    let long = format!("SELECT '{}'", "x".repeat(600));
    raw.send(BATCH, END, &[headers(0), utf16(&long)].concat()).await;
    assert!(raw.is_closed().await);
}

#[tokio::test]
async fn a_size_out_of_range_becomes_the_nearest_and_none_the_default() {
    let server = start().await;
    for (asked, agreed) in [(0, "4096"), (100, "512"), (60_000, "32767"), (8000, "8000")] {
        let mut raw = Raw::open(&server).await;
        raw.send(0x12, END, &support::raw::prelogin(2)).await;
        raw.message().await;
        let login = support::raw::login("sa", support::PASSWORD, "", asked);
        raw.send(0x10, END, &login).await;
        let expected = Token::Environment { kind: 4, new: utf16(agreed), old: utf16("4096") };
        assert!(raw.answer().await.contains(&expected), "{asked}");
    }
}

#[tokio::test]
async fn a_request_that_its_client_gives_up_is_one_done_with_the_error_bit() {
    let server = start().await;
    let mut raw = Raw::log_in(&server, 512).await;
    let text = format!("CREATE TABLE dbo.Never (a int) -- {}", "x".repeat(600));
    raw.send(BATCH, END | IGNORE, &[headers(0), utf16(&text)].concat()).await;
    assert_eq!(raw.answer().await, [done(FAILED, 0, 0)]);
    assert_eq!(number(&mut raw, "ISNULL(OBJECT_ID(N'dbo.Never'), 0)").await, 0);
}

#[tokio::test]
async fn a_message_of_an_unknown_type_ends_the_connection() {
    let server = start().await;
    for kind in [0x02, 0x05, 0x07, 0x11, 0x12, 0xFF] {
        let mut raw = Raw::log_in(&server, 4096).await;
        raw.send(kind, END, &headers(0)).await;
        assert!(raw.is_closed().await, "0x{kind:02X}");
    }
}

#[tokio::test]
async fn an_attention_stops_a_query_and_the_connection_goes_on() {
    let server = start().await;
    let mut raw = Raw::log_in(&server, 4096).await;
    let endless = "WITH n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000000000) \
                   SELECT COUNT_BIG(*) FROM n OPTION (MAXRECURSION 0)";
    raw.send(BATCH, END, &[headers(0), utf16(endless)].concat()).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    raw.send(ATTENTION, END, &[]).await;
    raw.answer().await;
    assert_eq!(raw.answer().await, [done(ATTENTION_BIT, 0, 0)]);
    assert_eq!(number(&mut raw, "42").await, 42);
}

#[tokio::test]
async fn an_attention_during_a_request_is_acknowledged_after_what_it_cut_short() {
    let server = start().await;
    let mut raw = Raw::log_in(&server, 4096).await;
    let wait = [headers(0), utf16("PRINT 'a'; WAITFOR DELAY '00:01:00'; PRINT 'b'")].concat();
    raw.send(BATCH, END, &wait).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    raw.send(ATTENTION, END, &[]).await;
    let answer = raw.answer().await;
    assert!(errors(&answer).is_empty());
    assert_eq!(answer.iter().filter(|token| matches!(token, Token::Info(_))).count(), 1);
    assert_eq!(raw.answer().await, [done(ATTENTION_BIT, 0, 0)]);
    assert_eq!(number(&mut raw, "3").await, 3);
}

#[tokio::test]
async fn an_attention_after_the_answer_is_acknowledged_in_a_message_of_its_own() {
    let server = start().await;
    let mut raw = Raw::log_in(&server, 4096).await;
    for _ in 0..20 {
        assert_eq!(number(&mut raw, "1").await, 1);
        raw.send(ATTENTION, END, &[]).await;
        assert_eq!(raw.answer().await, [done(ATTENTION_BIT, 0, 0)]);
    }
}

/// Whether the attention comes before, during or after the answer is chance here; it is acknowledged exactly once.
#[tokio::test]
async fn an_attention_close_to_the_end_of_an_answer_is_acknowledged_once() {
    let server = start().await;
    let mut raw = Raw::log_in(&server, 4096).await;
    for round in 0..200_u64 {
        raw.send(BATCH, END, &[headers(0), utf16("SELECT 1")].concat()).await;
        tokio::time::sleep(Duration::from_micros(round * 7 % 900)).await;
        raw.send(ATTENTION, END, &[]).await;
        assert_ne!(raw.answer().await.last(), Some(&done(ATTENTION_BIT, 0, 0)));
        assert_eq!(raw.answer().await, [done(ATTENTION_BIT, 0, 0)]);
    }
    assert_eq!(number(&mut raw, "5").await, 5);
}

#[tokio::test]
async fn an_attention_keeps_the_transaction_unless_xact_abort_is_on() {
    let server = start().await;
    let mut raw = Raw::log_in(&server, 4096).await;
    for (option, count) in [("OFF", 1), ("ON", 0)] {
        raw.batch(&format!("SET XACT_ABORT {option}; BEGIN TRAN")).await;
        let wait = [headers(raw.transaction), utf16("WAITFOR DELAY '00:01:00'")].concat();
        raw.send(BATCH, END, &wait).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        raw.send(ATTENTION, END, &[]).await;
        raw.answer().await;
        assert_eq!(raw.answer().await, [done(ATTENTION_BIT, 0, 0)]);
        assert_eq!(number(&mut raw, "@@TRANCOUNT").await, count);
        raw.batch("IF @@TRANCOUNT > 0 ROLLBACK").await;
    }
}

#[tokio::test]
async fn a_reset_rolls_back_restores_settings_and_says_so_first() {
    let server = start().await;
    let mut raw = Raw::log_in(&server, 4096).await;
    raw.batch("CREATE TABLE dbo.T (a int); SET NOCOUNT ON; SET LOCK_TIMEOUT 5").await;
    raw.batch("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; BEGIN TRAN; INSERT dbo.T VALUES (1)")
        .await;
    assert_ne!(raw.transaction, 0);
    let answer = raw.request(BATCH, END | RESET, &utf16("SELECT COUNT(*) FROM dbo.T")).await;
    let environment = |token: &Token| match token {
        Token::Environment { kind, .. } => Some(*kind),
        _ => None,
    };
    let changes: Vec<u8> = answer.iter().filter_map(environment).collect();
    assert_eq!(changes, [10, 18]);
    assert_eq!(value(&answer).unwrap(), 0_i32.to_le_bytes());
    // NOCOUNT is off again: the count is back.
    assert_eq!(answer.last(), Some(&done(COUNT, 0xC1, 1)));
    assert_eq!(number(&mut raw, "@@TRANCOUNT").await, 0);
}

#[tokio::test]
async fn a_reset_that_keeps_the_transaction_only_restores_settings() {
    let server = start().await;
    let mut raw = Raw::log_in(&server, 4096).await;
    raw.batch("CREATE TABLE dbo.T (a int); SET NOCOUNT ON; BEGIN TRAN; INSERT dbo.T VALUES (1)")
        .await;
    let select = utf16("SELECT COUNT(*) FROM dbo.T");
    let answer = raw.request(BATCH, END | RESET_KEEP_TRANSACTION, &select).await;
    assert_eq!(answer[0], Token::Environment { kind: 18, new: Vec::new(), old: Vec::new() });
    assert_eq!(value(&answer).unwrap(), 1_i32.to_le_bytes());
    assert_eq!(answer.last(), Some(&done(COUNT, 0xC1, 1)));
    assert_eq!(number(&mut raw, "@@TRANCOUNT").await, 1);
}

#[tokio::test]
async fn a_request_outside_of_its_transaction_is_3971() {
    let server = start().await;
    let mut raw = Raw::log_in(&server, 4096).await;
    raw.batch("BEGIN TRAN").await;
    let own = raw.transaction;
    for wrong in [0, own + 1] {
        raw.transaction = wrong;
        let answer = raw.batch("SELECT 1").await;
        assert_eq!(errors(&answer), [3971]);
        assert_eq!(answer.last(), Some(&done(FAILED, 0xFD, 0)));
    }
    raw.transaction = own;
    assert_eq!(number(&mut raw, "@@TRANCOUNT").await, 1);
}

fn save(name: &str) -> Vec<u8> {
    let units = utf16(name);
    [&[9, 0, u8::try_from(units.len()).unwrap()][..], &units].concat()
}

fn roll_back(name: &str, again: &[u8]) -> Vec<u8> {
    let units = utf16(name);
    [&[8, 0, u8::try_from(units.len()).unwrap()][..], &units, again].concat()
}

fn changed(kind: u8, new: u64, old: u64) -> Token {
    let bytes = |id: u64| if id == 0 { Vec::new() } else { id.to_le_bytes().to_vec() };
    Token::Environment { kind, new: bytes(new), old: bytes(old) }
}

#[tokio::test]
async fn transaction_requests_begin_save_roll_back_and_commit() {
    let server = start().await;
    let mut raw = Raw::log_in(&server, 4096).await;
    raw.batch("CREATE TABLE dbo.T (a int)").await;
    let answer = raw.request(TRANSACTION, END, &[5, 0, 2, 0]).await;
    let id = raw.transaction;
    assert_eq!(answer, [changed(8, id, 0), done(0, BEGIN, 0)]);
    raw.batch("INSERT dbo.T VALUES (1)").await;
    assert_eq!(raw.request(TRANSACTION, END, &save("early")).await, [done(0, SAVE, 0)]);
    raw.batch("INSERT dbo.T VALUES (2)").await;
    let answer = raw.request(TRANSACTION, END, &roll_back("early", &[0])).await;
    assert_eq!(answer, [done(0, ROLLBACK, 0)]);
    assert_eq!(number(&mut raw, "(SELECT SUM(a) FROM dbo.T)").await, 1);
    let answer = raw.request(TRANSACTION, END, &roll_back("unknown", &[0])).await;
    assert_eq!(errors(&answer), [6401]);
    let answer = raw.request(TRANSACTION, END, &[7, 0, 0, 0]).await;
    assert_eq!(answer, [changed(9, 0, id), done(0, COMMIT, 0)]);
    assert_eq!(errors(&raw.request(TRANSACTION, END, &[7, 0, 0, 0]).await), [3902]);
    assert_eq!(errors(&raw.request(TRANSACTION, END, &roll_back("", &[0])).await), [3903]);
    assert_eq!(number(&mut raw, "(SELECT SUM(a) FROM dbo.T)").await, 1);
}

#[tokio::test]
async fn commit_and_rollback_may_begin_the_next_transaction() {
    let server = start().await;
    let mut raw = Raw::log_in(&server, 4096).await;
    raw.request(TRANSACTION, END, &[5, 0, 0, 0]).await;
    let first = raw.transaction;
    let answer = raw.request(TRANSACTION, END, &[7, 0, 0, 1, 5, 0]).await;
    let second = raw.transaction;
    assert_eq!(answer, [changed(9, 0, first), changed(8, second, 0), done(0, COMMIT, 0)]);
    assert_ne!(first, second);
    let answer = raw.request(TRANSACTION, END, &roll_back("", &[1, 2, 0])).await;
    let third = raw.transaction;
    assert_eq!(answer, [changed(10, 0, second), changed(8, third, 0), done(0, ROLLBACK, 0)]);
    assert_eq!(number(&mut raw, "@@TRANCOUNT").await, 1);
}

#[tokio::test]
async fn a_named_transaction_rolls_back_by_its_name() {
    let server = start().await;
    let mut raw = Raw::log_in(&server, 4096).await;
    let name = utf16("Work");
    let begin = [&[5, 0, 0, 8][..], &name].concat();
    raw.request(TRANSACTION, END, &begin).await;
    let id = raw.transaction;
    let answer = raw.request(TRANSACTION, END, &roll_back("work", &[0])).await;
    assert_eq!(answer, [changed(10, 0, id), done(0, ROLLBACK, 0)]);
}

#[tokio::test]
async fn distributed_transactions_are_8501() {
    let server = start().await;
    let mut raw = Raw::log_in(&server, 4096).await;
    assert_eq!(errors(&raw.request(TRANSACTION, END, &[0, 0, 0, 0]).await), [8501]);
}

#[tokio::test]
async fn every_statement_has_its_own_done_with_its_command_and_count() {
    let server = start().await;
    let mut raw = Raw::log_in(&server, 4096).await;
    raw.batch("CREATE TABLE dbo.T (a int PRIMARY KEY)").await;
    let answer = raw.batch(
        "INSERT dbo.T VALUES (1), (2); UPDATE dbo.T SET a = a + 10; SELECT a FROM dbo.T; DELETE dbo.T; SET NOCOUNT ON; \
         INSERT dbo.T VALUES (1)",
    );
    let ends: Vec<Token> =
        answer.await.into_iter().filter(|token| matches!(token, Token::Done { .. })).collect();
    let counted = MORE | COUNT;
    let expected = [
        done(counted, 0xC3, 2),
        done(counted, 0xC5, 2),
        done(counted, 0xC1, 2),
        done(counted, 0xC4, 2),
        done(MORE, 0xB9, 0),
        // The count is there, but not marked as one.
        done(0, 0xC3, 1),
    ];
    assert_eq!(ends, expected);
}

/// The tokens of an answer in short, as captures of a live server were noted down by others.
fn outline(tokens: &[Token]) -> String {
    let name = |token: &Token| match token {
        Token::Columns(_) => Some("ROWS".to_owned()),
        Token::Row(_) => None,
        Token::Error(error) => Some(format!("ERR {}", error.number)),
        Token::Info(info) => Some(format!("INFO {}", info.number)),
        Token::Environment { kind, .. } => Some(format!("ENV{kind}")),
        Token::ReturnStatus(status) => Some(format!("RET {status}")),
        Token::Done { token, status, command, rows } => {
            let kind = match token {
                0xFD => "DONE",
                0xFE => "DONEPROC",
                _ => "DONEINPROC",
            };
            let bits: String = [(MORE, " MORE"), (FAILED, " ERROR"), (COUNT, " COUNT")]
                .into_iter()
                .filter_map(|(bit, name)| (status & bit != 0).then_some(name))
                .collect();
            Some(format!("{kind} {command:X}{bits} {rows}"))
        }
        other => Some(format!("{other:?}")),
    };
    tokens.iter().filter_map(name).collect::<Vec<_>>().join(", ")
}

/// Sequences captured from a live SQL Server 2025 by the author of sql-server-simulator (`StatementDoneTokenTests`).
#[tokio::test]
async fn answers_have_the_tokens_that_were_captured_from_a_live_server() {
    let server = start().await;
    let mut raw = Raw::log_in(&server, 4096).await;
    raw.batch("CREATE TABLE dbo.t (a int PRIMARY KEY); INSERT dbo.t VALUES (1)").await;
    for (sql, expected) in CAPTURES {
        assert_eq!(outline(&raw.batch(sql).await), *expected, "{sql}");
    }
}

const CAPTURES: &[(&str, &str)] = &[
    (
        "begin tran; save tran s; rollback tran s; commit",
        "ENV8, DONE D4 MORE 0, DONE D6 MORE 0, DONE D2 MORE 0, ENV9, DONE D5 0",
    ),
    (
        "set nocount on; set quoted_identifier on; set lock_timeout 5; set nocount off",
        "DONE B9 MORE 0, DONE F9 MORE 0, DONE BA 0",
    ),
    (
        "declare @x int; declare @y int = 1; set @x = 2; select @x = 3",
        "DONE C1 MORE COUNT 1, DONE C1 MORE COUNT 1, DONE C1 COUNT 1",
    ),
    (
        "declare @i int = 0; while @i < 2 set @i += 1; if @i = 2 print 'x'",
        "DONE C1 MORE COUNT 1, DONE C0 MORE 0, DONE C1 MORE COUNT 1, DONE C0 MORE 0, DONE C1 MORE COUNT 1, \
         DONE C0 MORE 0, DONE C0 MORE 0, INFO 0, DONE F7 0",
    ),
    (
        "begin try select 1/0 end try begin catch print 'c' end catch",
        "DONE 15D MORE 0, ROWS, DONE C1 MORE COUNT 0, DONE 15E MORE 0, INFO 0, DONE F7 MORE 0, DONE 15F 0",
    ),
    (
        "commit; insert dbo.t values (1); select 1",
        "ERR 3902, DONE D5 MORE ERROR 0, ERR 2627, INFO 3621, DONE C3 MORE ERROR 0, ROWS, DONE C1 COUNT 1",
    ),
    (
        "select 1; throw 50001, 'x', 1; select 2",
        "ROWS, DONE C1 MORE COUNT 1, ERR 50001, DONE FD ERROR 0",
    ),
    ("declare @x int", "DONE FD 0"),
    ("use Provenance", "ENV1, INFO 5701, ENV7, DONE E2 0"),
    ("exec nosuch; select 1", "ERR 2812, DONEPROC E0 MORE ERROR 0, ROWS, DONE C1 COUNT 1"),
    (
        "exec sp_executesql N'raiserror(''x'', 16, 1)'",
        "ERR 50000, DONEINPROC F6 MORE ERROR 0, RET 50000, DONEPROC E0 0",
    ),
    (
        "exec sp_executesql N'select 1/0; declare @x int'",
        "ROWS, ERR 8134, DONEINPROC C1 MORE ERROR 0, RET 8134, DONEPROC E0 0",
    ),
    // Assumed: under NOEXEC, which walks both blocks, each was captured to end so.
    (
        "begin try select 1 end try begin catch select 2 end catch",
        "DONE 15D MORE 0, ROWS, DONE C1 MORE COUNT 1, DONE 15F 0",
    ),
    // From here on captured with procedures in place of sp_executesql.
    (
        "exec sp_executesql N'print ''a''; begin tran; commit'",
        "INFO 0, DONEINPROC F7 MORE 0, ENV8, DONEINPROC D4 MORE 0, ENV9, DONEINPROC D5 MORE 0, RET 0, DONEPROC E0 0",
    ),
    (
        "exec sp_executesql N'exec sp_executesql N''select 2'''",
        "ROWS, DONEINPROC C1 MORE COUNT 1, DONEINPROC E0 MORE 0, RET 0, DONEPROC E0 0",
    ),
    (
        "exec sp_executesql N'set nocount on; declare @x int = 1; exec sp_executesql N''select 2'''",
        "ROWS, DONEINPROC C1 MORE 1, RET 0, DONEPROC E0 0",
    ),
];

#[tokio::test]
async fn errors_and_messages_carry_number_state_class_and_line() {
    let server = start().await;
    let mut raw = Raw::log_in(&server, 4096).await;
    let answer = raw.batch("PRINT N'é'\nRAISERROR('low', 5, 7)\nRAISERROR('high', 16, 9)").await;
    let found: Vec<(i32, u8, u8, &str, u32)> = answer
        .iter()
        .filter_map(|token| match token {
            Token::Info(message) | Token::Error(message) => Some(message),
            _ => None,
        })
        .map(|own| (own.number, own.state, own.class, own.text.as_str(), own.line))
        .collect();
    assert_eq!(found, [(0, 1, 0, "é", 1), (50000, 7, 5, "low", 2), (50000, 9, 16, "high", 3)]);
    assert_eq!(answer.last(), Some(&done(FAILED, 0xF6, 0)));
}
