//! Requests and answers of many packets, attention, connections that go away.

use std::time::Duration;

use crate::support::{PASSWORD, config, connect, connect_with, number, rows, run, start};
use futures_util::StreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const NUMBERS: &str = "WITH n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000) SELECT i, REPLICATE('x', 50) AS t FROM n OPTION (MAXRECURSION 0)";

#[tokio::test]
async fn long_requests_and_answers_are_split_at_the_agreed_size() {
    let server = start().await;
    for size in [512, 4096, 32_767] {
        let mut sized = config(&server, "sa", PASSWORD);
        sized.packet_size(size);
        let mut client = connect_with(&server, sized).await.unwrap();
        let long = "y".repeat(100_000);
        let found = rows(&mut client, &format!("SELECT N'{long}' AS a, LEN(N'{long}') AS b")).await;
        assert!(found[0].try_get::<&str, _>(0).unwrap() == Some(long.as_str()));
        assert_eq!(found[0].try_get::<i64, _>(1).unwrap(), Some(100_000));
    }
}

#[tokio::test]
async fn rows_stream_and_a_slow_client_holds_them_back() {
    let server = start().await;
    let mut client = connect(&server).await;
    let mut stream = client.simple_query(NUMBERS).await.unwrap().into_row_stream();
    let mut count = 0;
    while let Some(row) = stream.next().await {
        row.unwrap();
        count += 1;
        if count % 50_000 == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    assert_eq!(count, 200_000);
}

#[tokio::test]
async fn a_client_that_vanishes_in_the_middle_leaves_the_server_up() {
    let server = start().await;
    for _ in 0..3 {
        let mut client = connect(&server).await;
        let mut stream = client.simple_query(NUMBERS).await.unwrap().into_row_stream();
        stream.next().await.unwrap().unwrap();
        drop(stream);
        drop(client);
    }
    let mut client = connect(&server).await;
    run(&mut client, "CREATE TABLE dbo.T (a int)").await;
}

#[tokio::test]
async fn garbage_ends_its_own_connection_only() {
    let server = start().await;
    for bytes in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        &[0x12, 1, 0, 3],
        &[0x12, 1, 0xFF, 0xFF, 0, 0, 0, 0],
        &[0x12, 1, 0, 9, 0, 0, 0, 0, 7],
    ] {
        let mut socket = tokio::net::TcpStream::connect(server.addr()).await.unwrap();
        socket.write_all(bytes).await.unwrap();
        socket.shutdown().await.unwrap();
        let mut rest = Vec::new();
        let _ = tokio::time::timeout(Duration::from_secs(5), socket.read_to_end(&mut rest))
            .await
            .unwrap();
    }
    let mut client = connect(&server).await;
    assert_eq!(number(&mut client, "1").await, 1);
}

#[tokio::test]
async fn shutdown_ends_open_connections() {
    let server = start().await;
    let mut client = connect(&server).await;
    tokio::time::timeout(Duration::from_secs(5), server.shutdown()).await.unwrap();
    assert!(client.simple_query("SELECT 1").await.is_err());
}
