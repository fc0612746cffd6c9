//! Reads a loaded database as provsync does, page by page, and prints rows a second.
//!
//! `SQLGRAPH_EMULATOR_SA_PASSWORD=… cargo run --release --example scan -- 127.0.0.1:1433 [page rows]`

use std::time::Instant;

use tiberius::{AuthMethod, Client, Config, EncryptionLevel};
use tokio::net::TcpStream;
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt};

type Connection = Client<Compat<TcpStream>>;

const BOUND: &str = "SELECT MAX(p.EdgeId) AS hi, COUNT_BIG(*) AS n FROM (SELECT TOP (@P2) e.EdgeId FROM graph.AtomGraphEdges AS e \
                     WHERE e.EdgeId > @P1 ORDER BY e.EdgeId) AS p";
const EDGES: &str = "SELECT e.EdgeId, CAST(e.RelationshipType AS varbinary(max)) AS RelationshipType, e.Weight, \
    CAST(e.Metadata AS varbinary(max)) AS Metadata, e.CreatedAt, x.FromKey, x.ToKey FROM graph.AtomGraphEdges AS e \
    LEFT JOIN (SELECT i.EdgeId AS RowKey, s.NodeId AS FromKey, t.NodeId AS ToKey FROM graph.AtomGraphNodes AS s, \
    graph.AtomGraphEdges AS i, graph.AtomGraphNodes AS t WHERE MATCH(s-(i)->t) AND i.EdgeId > @P1 AND i.EdgeId <= @P2) AS x \
    ON x.RowKey = e.EdgeId WHERE e.EdgeId > @P1 AND e.EdgeId <= @P2 ORDER BY e.EdgeId";
const NODES: &str = "SELECT TOP (@P2) n.NodeId, n.AtomId, n.NodeType, n.Metadata, n.CreatedAt FROM graph.AtomGraphNodes AS n \
                     WHERE n.NodeId > @P1 ORDER BY n.NodeId";

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:1433".to_owned());
    let page: i64 = arguments.next().map_or(Ok(10_000), |page| page.parse())?;
    let mut client = connect(&address).await?;
    edges(&mut client, page).await?;
    nodes(&mut client, page).await
}

async fn connect(address: &str) -> Result<Connection, Box<dyn std::error::Error>> {
    let socket = TcpStream::connect(address).await?;
    socket.set_nodelay(true)?;
    let mut config = Config::new();
    config.authentication(AuthMethod::sql_server(
        "sa",
        std::env::var("SQLGRAPH_EMULATOR_SA_PASSWORD")?,
    ));
    config.database("Provenance");
    config.encryption(EncryptionLevel::Required);
    config.packet_size(16_384);
    config.trust_cert();
    Ok(Box::pin(Client::connect(config, socket.compat_write())).await?)
}

async fn edges(client: &mut Connection, page: i64) -> Result<(), Box<dyn std::error::Error>> {
    let (started, mut after, mut rows) = (Instant::now(), i64::MIN, 0_usize);
    loop {
        let bound = client.query(BOUND, &[&after, &page]).await?.into_row().await?;
        let Some(high) = bound.and_then(|row| row.try_get::<i64, _>("hi").ok().flatten()) else {
            break;
        };
        rows += client.query(EDGES, &[&after, &high]).await?.into_first_result().await?.len();
        after = high;
    }
    report("edges with ends", rows, started);
    Ok(())
}

async fn nodes(client: &mut Connection, page: i64) -> Result<(), Box<dyn std::error::Error>> {
    let (started, mut after, mut total) = (Instant::now(), i64::MIN, 0_usize);
    loop {
        let rows = client.query(NODES, &[&after, &page]).await?.into_first_result().await?;
        let Some(last) = rows.last().and_then(|row| row.try_get::<i64, _>(0).ok().flatten()) else {
            break;
        };
        (after, total) = (last, total + rows.len());
    }
    report("nodes", total, started);
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "a rate for reading")]
fn report(what: &str, rows: usize, started: Instant) {
    let seconds = started.elapsed().as_secs_f64();
    println!("{what}: {rows} rows in {seconds:.2} s, {:.0} rows/s", rows as f64 / seconds);
}
