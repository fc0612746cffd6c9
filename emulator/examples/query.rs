//! Sends standard input as batches (split at GO) to a server and prints what comes back. For trying things out.
//!
//! `SQLGRAPH_EMULATOR_SA_PASSWORD=… cargo run --example query -- 127.0.0.1:1433`

use std::io::Read;

use tiberius::{AuthMethod, Client, Config, EncryptionLevel};
use tokio::net::TcpStream;
use tokio_util::compat::TokioAsyncWriteCompatExt;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:1433".to_owned());
    let password = std::env::var("SQLGRAPH_EMULATOR_SA_PASSWORD")?;
    let socket = TcpStream::connect(&address).await?;
    socket.set_nodelay(true)?;
    let mut config = Config::new();
    config.authentication(AuthMethod::sql_server("sa", password));
    config.database("Provenance");
    config.encryption(EncryptionLevel::Required);
    config.trust_cert();
    let mut client = Box::pin(Client::connect(config, socket.compat_write())).await?;
    let mut script = String::new();
    std::io::stdin().read_to_string(&mut script)?;
    for batch in sqlgraph_emulator::sql::split_batches(&script) {
        let started = std::time::Instant::now();
        let results = match client.simple_query(batch.text).await {
            Ok(stream) => stream.into_results().await,
            Err(error) => Err(error),
        };
        match results {
            Ok(results) => {
                for rows in results {
                    for row in &rows {
                        let cells: Vec<String> = row
                            .cells()
                            .map(|(column, data)| format!("{}={data:?}", column.name()))
                            .collect();
                        println!("{}", cells.join(" | "));
                    }
                    println!("-- {} row(s)", rows.len());
                }
            }
            Err(error) => println!("-- {error}"),
        }
        println!("-- {:.1} ms", started.elapsed().as_secs_f64() * 1000.0);
    }
    Ok(())
}
