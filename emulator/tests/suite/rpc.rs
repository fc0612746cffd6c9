//! Remote procedure calls, token by token.

use crate::support;
use crate::support::raw::{Raw, int, named, numbered, parameter, text};
use crate::support::start;
use crate::support::tokens::{COUNT, FAILED, MORE, Token};

const EXECUTE_SQL: u8 = 10;
const PREPARE: u8 = 11;
const EXECUTE: u8 = 12;
const PREPARE_AND_EXECUTE: u8 = 13;
const UNPREPARE: u8 = 15;

const DONE_PROC: u8 = 0xFE;
const DONE_IN_PROC: u8 = 0xFF;
/// Status of the end of a call that is not the last of its request (MS-TDS 2.2.7.7).
const IN_BATCH: u16 = 0x80;
const COMMAND_SELECT: u16 = 0xC1;
const COMMAND_EXECUTE: u16 = 0xE0;

/// The last token of an answer to one call that went well.
const END: Token = Token::Done { token: DONE_PROC, status: 0, command: COMMAND_EXECUTE, rows: 0 };

fn selected(rows: u64) -> Token {
    Token::Done { token: DONE_IN_PROC, status: MORE | COUNT, command: COMMAND_SELECT, rows }
}

fn row(value: i32) -> Token {
    Token::Row(vec![Some(value.to_le_bytes().to_vec())])
}

fn handle_at(tokens: &[Token], at: usize) -> i32 {
    match &tokens[at] {
        Token::ReturnValue { place: 0, kind: 0x26, value: Some(value), .. } => {
            i32::from_le_bytes(value.as_slice().try_into().unwrap())
        }
        other => panic!("{other:?}"),
    }
}

fn errors(tokens: &[Token]) -> Vec<i32> {
    let number = |token: &Token| match token {
        Token::Error(error) => Some(error.number),
        _ => None,
    };
    tokens.iter().filter_map(number).collect()
}

fn columns(token: &Token) -> Vec<&str> {
    match token {
        Token::Columns(columns) => columns.iter().map(|column| column.name.as_str()).collect(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_executed_statement_answers_rows_count_status_and_end() {
    let server = start().await;
    let mut raw = Raw::log_in(&server, 4096).await;
    let parts = [
        numbered(EXECUTE_SQL),
        text("SELECT @a + 1 AS b"),
        text("@a int"),
        int("@a", false, Some(4)),
    ];
    let answer = raw.call(&parts.concat()).await;
    assert_eq!(columns(&answer[0]), ["b"]);
    assert_eq!(answer[1..], [row(5), selected(1), Token::ReturnStatus(0), END]);
}

#[tokio::test]
async fn parameters_without_names_are_taken_in_order_and_by_name_in_any() {
    let server = start().await;
    let mut raw = Raw::log_in(&server, 4096).await;
    let head = [numbered(EXECUTE_SQL), text("SELECT @P0 - @P1"), text("@P0 int,@P1 int")].concat();
    let in_order = [int("", false, Some(9)), int("", false, Some(2))].concat();
    assert_eq!(raw.call(&[&head[..], &in_order].concat()).await[1], row(7));
    let by_name = [int("@P1", false, Some(2)), int("@P0", false, Some(9))].concat();
    assert_eq!(raw.call(&[&head[..], &by_name].concat()).await[1], row(7));
    let missing = int("@P0", false, Some(9));
    assert_eq!(errors(&raw.call(&[&head[..], &missing].concat()).await), [8178]);
    let too_many = [&in_order[..], &int("", false, None)].concat();
    assert_eq!(errors(&raw.call(&[&head[..], &too_many].concat()).await), [8144]);
}

#[tokio::test]
async fn output_parameters_come_back_with_their_place_and_name() {
    let server = start().await;
    let mut raw = Raw::log_in(&server, 4096).await;
    let call = [
        numbered(EXECUTE_SQL),
        text("SET @b = @a * 2; SET @c = NULL"),
        text("@a int, @b int OUTPUT, @c int OUTPUT"),
        int("@a", false, Some(21)),
        int("@b", true, None),
        int("@c", true, Some(1)),
    ];
    let answer = raw.call(&call.concat()).await;
    let value = |place, name: &str, value: Option<i32>| Token::ReturnValue {
        place,
        name: name.to_owned(),
        kind: 0x26,
        value: value.map(|value| value.to_le_bytes().to_vec()),
    };
    let end = [Token::ReturnStatus(0), value(3, "@b", Some(42)), value(4, "@c", None), END];
    assert_eq!(answer[answer.len() - 4..], end);
}

#[tokio::test]
async fn a_prepared_statement_runs_by_its_handle_until_it_is_given_up() {
    let server = start().await;
    let mut raw = Raw::log_in(&server, 4096).await;
    for by_number in [true, false] {
        let procedure = |number, name| if by_number { numbered(number) } else { named(name) };
        let prepare = [
            procedure(PREPARE, "sp_prepare"),
            int("", true, None),
            text("@a int"),
            text("SELECT @a + 1 AS b"),
            int("", false, Some(1)),
        ];
        let answer = raw.call(&prepare.concat()).await;
        assert_eq!(columns(&answer[0]), ["b"]);
        let described =
            Token::Done { token: DONE_IN_PROC, status: MORE, command: COMMAND_SELECT, rows: 0 };
        assert_eq!(answer[1..3], [described, Token::ReturnStatus(0)]);
        let handle = handle_at(&answer, 3);
        assert_eq!(answer[4..], [END]);
        for value in [1, 7] {
            let execute = [
                procedure(EXECUTE, "sp_execute"),
                int("", false, Some(handle)),
                int("", false, Some(value)),
            ];
            let answer = raw.call(&execute.concat()).await;
            assert_eq!(answer[1..], [row(value + 1), selected(1), Token::ReturnStatus(0), END]);
        }
        let unprepare =
            [procedure(UNPREPARE, "[sys].[sp_unprepare]"), int("", false, Some(handle))].concat();
        assert_eq!(raw.call(&unprepare).await, [Token::ReturnStatus(0), END]);
        assert_eq!(errors(&raw.call(&unprepare).await), [8179]);
    }
}

#[tokio::test]
async fn a_reset_by_name_rolls_back_and_restores_settings() {
    let server = start().await;
    let mut raw = Raw::log_in(&server, 4096).await;
    raw.batch("CREATE TABLE dbo.T (a int); SET NOCOUNT ON; BEGIN TRAN; INSERT dbo.T VALUES (1)")
        .await;
    assert_ne!(raw.transaction, 0);
    assert!(errors(&raw.call(&named("sp_reset_connection")).await).is_empty());
    assert_eq!(raw.transaction, 0);
    let answer = raw.batch("SELECT COUNT(*) FROM dbo.T").await;
    assert_eq!(answer[1], row(0));
    // NOCOUNT is off again: the count is back.
    let done = Token::Done { token: 0xFD, status: COUNT, command: COMMAND_SELECT, rows: 1 };
    assert_eq!(answer.last(), Some(&done));
}

#[tokio::test]
async fn a_call_that_opens_an_implicit_transaction_is_no_error() {
    let server = start().await;
    let mut raw = Raw::log_in(&server, 4096).await;
    raw.batch("CREATE TABLE dbo.T (a int); SET IMPLICIT_TRANSACTIONS ON").await;
    let call = [numbered(EXECUTE_SQL), text("INSERT dbo.T VALUES (1)")].concat();
    assert!(errors(&raw.call(&call).await).is_empty());
    assert_ne!(raw.transaction, 0, "the call has begun one, and left it open");
}

#[tokio::test]
async fn prepare_and_execute_gives_rows_first_and_the_handle_after_the_status() {
    let server = start().await;
    let mut raw = Raw::log_in(&server, 4096).await;
    let first = [
        numbered(PREPARE_AND_EXECUTE),
        int("", true, None),
        text("@P0 int"),
        text("SELECT @P0 AS a; SELECT @P0 * 2 AS b"),
        int("", false, Some(3)),
    ];
    let answer = raw.call(&first.concat()).await;
    assert_eq!((columns(&answer[0]), columns(&answer[3])), (vec!["a"], vec!["b"]));
    assert_eq!(answer[1..3], [row(3), selected(1)]);
    assert_eq!(answer[4..7], [row(6), selected(1), Token::ReturnStatus(0)]);
    let handle = handle_at(&answer, 7);
    assert_eq!(answer[8..], [END]);
    let again = [numbered(EXECUTE), int("", false, Some(handle)), int("", false, Some(8))].concat();
    assert_eq!(raw.call(&again).await[1], row(8));
}

#[tokio::test]
async fn an_unknown_handle_is_8179_and_a_reset_forgets_all_handles() {
    let server = start().await;
    let mut raw = Raw::log_in(&server, 4096).await;
    let execute = |handle| [numbered(EXECUTE), int("", false, Some(handle))].concat();
    let answer = raw.call(&execute(99)).await;
    let Token::Error(error) = &answer[0] else { panic!("{answer:?}") };
    assert_eq!((error.number, error.class), (8179, 16));
    assert_eq!(error.text, "Could not find prepared statement with handle 99.");
    let failed =
        Token::Done { token: DONE_PROC, status: FAILED, command: COMMAND_EXECUTE, rows: 0 };
    assert_eq!(answer[1..], [failed]);
    let prepare = [numbered(PREPARE), int("", true, None), text(""), text("SELECT 1 AS a")];
    let answer = raw.call(&prepare.concat()).await;
    let handle = handle_at(&answer, answer.len() - 2);
    assert_eq!(raw.call(&execute(handle)).await[1], row(1));
    let reset = support::raw::END | support::raw::RESET;
    let answer = raw.request(support::raw::RPC, reset, &execute(handle)).await;
    assert_eq!(errors(&answer), [8179]);
}

#[tokio::test]
async fn a_statement_that_is_none_cannot_be_prepared() {
    let server = start().await;
    let mut raw = Raw::log_in(&server, 4096).await;
    for (statement, number) in [("SELECT 1 +", 102), ("SELECT a FROM dbo.Missing", 208)] {
        let prepare = [numbered(PREPARE), int("", true, None), text(""), text(statement)];
        assert_eq!(errors(&raw.call(&prepare.concat()).await), [number, 8180], "{statement}");
    }
}

#[tokio::test]
async fn several_calls_in_one_request_each_have_their_end() {
    let server = start().await;
    let mut raw = Raw::log_in(&server, 4096).await;
    let good = [numbered(EXECUTE_SQL), text("SELECT 1 AS a")].concat();
    let bad = numbered(99);
    let answer = raw.call(&[&good[..], &[0xFF], &bad, &[0x80], &good].concat()).await;
    let ends: Vec<u16> = answer
        .iter()
        .filter_map(|token| match token {
            Token::Done { token: DONE_PROC, status, .. } => Some(*status),
            _ => None,
        })
        .collect();
    assert_eq!(ends, [IN_BATCH | MORE, IN_BATCH | FAILED | MORE, 0]);
    assert_eq!(errors(&answer), [2812]);
}

#[tokio::test]
async fn a_statement_that_fails_ends_its_call_with_the_errors_number_as_status() {
    let server = start().await;
    let mut raw = Raw::log_in(&server, 4096).await;
    let call = [numbered(EXECUTE_SQL), text("SELECT 1 AS a; SELECT 1 / 0 AS b")].concat();
    let answer = raw.call(&call).await;
    assert_eq!(errors(&answer), [8134]);
    assert!(answer.contains(&Token::ReturnStatus(8134)));
    assert_eq!(raw.call(&[numbered(EXECUTE_SQL), text("SELECT 1 AS a")].concat()).await[1], row(1));
}

#[tokio::test]
async fn text_runs_prepared_statements_too() {
    let server = start().await;
    let mut raw = Raw::log_in(&server, 4096).await;
    let sql = "DECLARE @h int; EXEC sp_prepare @h OUTPUT, N'@a int', N'SELECT @a AS a'; EXEC sp_execute @h, 5; \
               EXEC sp_unprepare @h; EXEC sp_execute @h, 6";
    let answer = raw.batch(sql).await;
    assert!(answer.contains(&row(5)));
    assert_eq!(errors(&answer), [8179]);
    let typed = "DECLARE @b bigint; EXEC sp_executesql N'SET @x = 7', N'@x int OUTPUT', @x = @b OUTPUT; SELECT @b AS b";
    let answer = raw.batch(typed).await;
    assert!(answer.contains(&Token::Row(vec![Some(7_i64.to_le_bytes().to_vec())])), "{answer:?}");
}

#[tokio::test]
async fn more_than_2100_parameters_are_8003() {
    let server = start().await;
    let mut raw = Raw::log_in(&server, 4096).await;
    let mut call = [numbered(EXECUTE_SQL), text("SELECT 1"), text("")].concat();
    for _ in 0..2099 {
        call.extend(int("", false, None));
    }
    let answer = raw.call(&call).await;
    assert_eq!(errors(&answer), [8003]);
    let failed =
        Token::Done { token: DONE_PROC, status: FAILED, command: COMMAND_EXECUTE, rows: 0 };
    assert_eq!(answer.last(), Some(&failed));
    assert_eq!(errors(&raw.batch("SELECT 1").await), [0; 0]);
}

#[tokio::test]
async fn long_statements_may_come_as_ntext() {
    let server = start().await;
    let mut raw = Raw::log_in(&server, 4096).await;
    let units = support::raw::utf16("SELECT 3 AS a");
    let length = u32::try_from(units.len()).unwrap().to_le_bytes();
    let info = [&[0x63, 0xFF, 0xFF, 0xFF, 0x7F][..], &support::raw::COLLATION].concat();
    let statement = parameter("", false, &info, &[&length[..], &units].concat());
    assert_eq!(raw.call(&[numbered(EXECUTE_SQL), statement].concat()).await[1], row(3));
}
