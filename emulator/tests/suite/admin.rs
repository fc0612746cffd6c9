//! The admin port: the same faults for those who start the server as a program.

use std::io::BufRead;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use crate::support::{PASSWORD, TestServer, connect, emulator, error, number, run};
use serde_json::{Value, json};
use sqlgraph_emulator::admin;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// Sends lines and reads as many answers.
async fn ask(address: SocketAddr, lines: &[String]) -> Vec<Value> {
    let mut socket = TcpStream::connect(address).await.unwrap();
    let (reader, mut writer) = socket.split();
    let mut answers = BufReader::new(reader).lines();
    let mut found = Vec::new();
    for line in lines {
        writer.write_all(format!("{line}\n").as_bytes()).await.unwrap();
        let answer = answers.next_line().await.unwrap().unwrap();
        found.push(serde_json::from_str(&answer).unwrap());
    }
    found
}

/// An admin port of the server.
async fn admin_port(server: &TestServer) -> SocketAddr {
    let listener = admin::listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(admin::serve(listener, server.control().clone()));
    address
}

#[tokio::test]
async fn faults_backups_and_restarts_are_ordered_by_lines_of_json() {
    let Some(server) = emulator("the admin port").await else { return };
    let address = admin_port(&server).await;
    let mut client = connect(&server).await;
    run(&mut client, "CREATE TABLE dbo.T (A int)").await;
    let fault =
        json!({"effect": {"error": 1205}, "on": "insert", "session": null, "after": 0, "times": 1});
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("older.bak");
    let orders = [
        json!({"backup": {"file": &file}}),
        json!({"arm": {"effect": {"error": 1205}, "on": "insert"}}),
        json!("armed"),
    ];
    let ok = json!({"ok": null});
    let answers = ask(address, &orders.map(|order| order.to_string())).await;
    assert_eq!(answers, [ok.clone(), ok.clone(), json!({"ok": [fault]})]);
    assert_eq!(error(&mut client, "INSERT INTO T VALUES (1)").await.0, 1205);
    run(&mut client, "INSERT INTO T VALUES (1)").await;
    let orders = [
        json!("disarm"),
        json!("release"),
        json!({"restart": {}}),
        json!({"restore": {"file": &file}}),
    ];
    assert!(
        ask(address, &orders.map(|order| order.to_string()))
            .await
            .iter()
            .all(|answer| *answer == ok)
    );
    let mut client = connect(&server).await;
    assert_eq!(number(&mut client, "SELECT COUNT(*) FROM T").await, 0);
}

#[tokio::test]
async fn the_role_is_ordered_by_lines_of_json() {
    let Some(server) = emulator("the admin port").await else { return };
    let address = admin_port(&server).await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("earlier.bak");
    let mut client = connect(&server).await;
    let orders = [json!({"backup": {"file": &file}}), json!({"secondary": {"file": &file}})];
    let ok = json!({"ok": null});
    let table = "CREATE TABLE dbo.T (A int)";
    for order in orders {
        assert_eq!(ask(address, &[order.to_string()]).await[0], ok);
    }
    assert!(crate::support::try_run(&mut client, table).await.is_err());
    let mut client = connect(&server).await;
    assert_eq!(error(&mut client, table).await.0, 3906);
    assert_eq!(ask(address, &["\"primary\"".to_owned()]).await, [ok]);
    run(&mut connect(&server).await, table).await;
}

#[tokio::test]
async fn what_is_no_order_is_answered_with_what_is_wrong_and_the_port_goes_on() {
    let Some(server) = emulator("the admin port").await else { return };
    let address = admin_port(&server).await;
    let lines = [
        "",
        "GET / HTTP/1.1",
        r#"{"arm": {"effect": "explode"}}"#,
        r#"{"arm": {"effect": {"error": 40613}}}"#,
        r#"{"restore": {"file": "/nowhere/older.bak"}}"#,
        r#"{"secondary": {"file": "/nowhere/older.bak"}}"#,
    ];
    let answers = ask(address, &lines.map(str::to_owned)).await;
    for (line, answer) in lines.iter().zip(answers) {
        assert!(answer["error"].is_string(), "{line}: {answer}");
    }
    let long = "x".repeat(100_000);
    let mut socket = TcpStream::connect(address).await.unwrap();
    let _ = socket.write_all(long.as_bytes()).await;
    assert_eq!(ask(address, &["\"armed\"".to_owned()]).await, [json!({"ok": []})]);
}

#[tokio::test]
async fn only_loopback_addresses_serve() {
    assert!(admin::listen("0.0.0.0:0".parse().unwrap()).await.is_err());
}

/// The program, ended with the test.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn the_program_prints_where_its_admin_port_is() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_sqlgraph-emulator"));
    program.args(["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
    program.env("SQLGRAPH_EMULATOR_SA_PASSWORD", PASSWORD).stdout(Stdio::piped());
    let mut program = Program(program.spawn().unwrap());
    let mut lines = std::io::BufReader::new(program.0.stdout.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    let address = first.strip_prefix("admin on ").unwrap().parse().unwrap();
    assert!(lines.next().unwrap().unwrap().starts_with("listening on "));
    assert_eq!(ask(address, &["\"armed\"".to_owned()]).await, [json!({"ok": []})]);
}

#[tokio::test]
async fn cleanup_of_change_tracking_is_ordered_by_a_line_of_json() {
    let Some(server) = emulator("the admin port").await else { return };
    let address = admin_port(&server).await;
    let mut client = connect(&server).await;
    for sql in [
        "CREATE TABLE dbo.T (A int PRIMARY KEY); ALTER DATABASE CURRENT SET CHANGE_TRACKING = ON",
        "ALTER TABLE T ENABLE CHANGE_TRACKING",
        "INSERT INTO T VALUES (1), (2)",
    ] {
        run(&mut client, sql).await;
    }
    let orders = [json!({"clean_up": {"later_s": 60}}), json!({"clean_up": {}})];
    let answers = ask(address, &orders.map(|order| order.to_string())).await;
    let nothing = json!({"ok": {"version": null, "rows": 0}});
    assert_eq!(answers, [nothing, json!({"ok": {"version": 1, "rows": 2}})]);
    let min = "CHANGE_TRACKING_MIN_VALID_VERSION(OBJECT_ID('dbo.T'))";
    assert_eq!(number(&mut client, min).await, 1);
}
