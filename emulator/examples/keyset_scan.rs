//! Fills a table in a server of its own, reads all of it in pages by key through tiberius, and prints what that took: a line of
//! JSON for each round. Client and server run in this one process.
//!
//! `cargo run --release --example keyset_scan -- [rows] [rounds] [page rows]`

use std::time::Instant;

use futures_util::TryStreamExt;
use sqlgraph_emulator::{Options, Server};
use tiberius::{AuthMethod, Client, Config, EncryptionLevel};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt};

type Connection = Client<Compat<TcpStream>>;
type Failure = Box<dyn std::error::Error>;

const PASSWORD: &str = "for this process only";
const TABLE: &str = "CREATE TABLE dbo.Big (Id bigint PRIMARY KEY, Parent bigint NOT NULL, Name nvarchar(50) NOT NULL, \
                     Body nvarchar(max) NULL, Weight real NOT NULL, CreatedAt datetime2(7) NOT NULL)";
const FILL: &str = "INSERT INTO dbo.Big (Id, Parent, Name, Body, Weight, CreatedAt) SELECT n.i * 3, n.i % 1000, \
                    N'name ' + CAST(n.i AS nvarchar(20)), CASE WHEN n.i % 10 = 0 THEN NULL ELSE REPLICATE(N'body ', 8) END, \
                    n.i / 7.0, DATEADD(second, n.i % 86400, '2024-01-01T00:00:00') FROM ( \
                    SELECT a.value * 1000 + b.value AS i FROM OPENJSON(@P1) WITH (value int '$') AS a CROSS JOIN \
                    OPENJSON(@P2) WITH (value int '$') AS b) AS n";
const PAGE: &str = "SELECT TOP (@P2) b.Id, b.Parent, b.Name, b.Body, b.Weight, b.CreatedAt FROM dbo.Big AS b \
                    WHERE b.Id > @P1 ORDER BY b.Id";

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let arguments: Vec<i64> =
        std::env::args().skip(1).map(|argument| argument.parse()).collect::<Result<_, _>>()?;
    let argument = |at: usize, default| arguments.get(at).copied().unwrap_or(default);
    let (rows, rounds, page) = (argument(0, 1_000_000), argument(1, 5), argument(2, 10_000));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let options = Options { sa_password: PASSWORD.to_owned(), ..Options::default() };
    let server = Server::start(listener, options).await?;
    fill(&mut connect(&server, EncryptionLevel::NotSupported).await?, rows).await?;
    for _ in 0..rounds {
        for (name, level) in
            [("plain", EncryptionLevel::NotSupported), ("encrypted", EncryptionLevel::Required)]
        {
            let mut client = connect(&server, level).await?;
            let started = Instant::now();
            let (read, most) = scan(&mut client, page).await?;
            let seconds = started.elapsed().as_secs_f64();
            println!(
                "{{\"subject\": \"{name}\", \"rows\": {read}, \"seconds\": {seconds:.3}, \"residentMost\": {most}}}"
            );
        }
    }
    server.shutdown().await;
    Ok(())
}

async fn connect(server: &Server, encryption: EncryptionLevel) -> Result<Connection, Failure> {
    let socket = TcpStream::connect(server.addr()).await?;
    socket.set_nodelay(true)?;
    let mut config = Config::new();
    config.authentication(AuthMethod::sql_server("sa", PASSWORD));
    config.encryption(encryption);
    config.packet_size(16_384);
    config.trust_cert();
    Ok(Box::pin(Client::connect(config, socket.compat_write())).await?)
}

/// A thousand rows times as many thousands as it takes.
async fn fill(client: &mut Connection, rows: i64) -> Result<(), Failure> {
    client.simple_query(TABLE).await?.into_results().await?;
    let numbers = |range: std::ops::Range<i64>| {
        let numbers: Vec<String> = range.map(|number| number.to_string()).collect();
        format!("[{}]", numbers.join(","))
    };
    let low = numbers(0..1000);
    for thousand in (0..rows / 1000).step_by(100) {
        let high = numbers(thousand..(rows / 1000).min(thousand + 100));
        client.execute(FILL, &[&high.as_str(), &low.as_str()]).await?;
    }
    Ok(())
}

/// How many rows there are, and the most memory that was taken at the end of a page.
async fn scan(client: &mut Connection, page: i64) -> Result<(usize, usize), Failure> {
    let (mut after, mut total, mut most) = (i64::MIN, 0, 0);
    loop {
        let mut rows = client.query(PAGE, &[&after, &page]).await?.into_row_stream();
        let before = total;
        while let Some(row) = rows.try_next().await? {
            after = row.try_get::<i64, _>(0)?.ok_or("a key that is NULL")?;
            total += 1;
        }
        drop(rows);
        most = most.max(resident_bytes());
        if total == before {
            return Ok((total, most));
        }
    }
}

/// Memory of this process without the pages of files that are mapped into it, 0 where that cannot be told.
fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let resident = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    resident.and_then(|own| own.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0) * 1024
}
