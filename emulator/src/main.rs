//! `sqlgraph-emulator`: the server as a program.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use sqlgraph_emulator::{Data, Options, Server, Tls, admin};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// A TDS server with SQL Graph tables on SQLite.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Address to listen on; port 0 takes any that is free.
    #[arg(long, default_value = "127.0.0.1:1433")]
    listen: SocketAddr,
    /// Data file, or `:memory:` for data that end with the server.
    #[arg(long, default_value = ":memory:")]
    data: String,
    /// A .sql file, or a directory of them, to run before listening.
    #[arg(long, num_args = 1..)]
    init: Vec<PathBuf>,
    /// File with the password of `sa`; else `SQLGRAPH_EMULATOR_SA_PASSWORD`.
    #[arg(long)]
    sa_password_file: Option<PathBuf>,
    /// Encryption.
    #[arg(long, value_enum, default_value = "self-signed")]
    tls: TlsChoice,
    /// Certificate in PEM, instead of a self-signed one.
    #[arg(long, requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Its key in PEM.
    #[arg(long, requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Where to write the self-signed certificate.
    #[arg(long)]
    certificate_out: Option<PathBuf>,
    /// Name of the database.
    #[arg(long, default_value = "Provenance")]
    database: String,
    /// Directory in which every accepted text is kept once; else `SQLGRAPH_EMULATOR_RECORD`.
    #[arg(long)]
    record: Option<PathBuf>,
    /// Loopback address for faults, restarts, backups and restores; port 0 takes any that is free.
    #[arg(long)]
    admin: Option<SocketAddr>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum TlsChoice {
    Off,
    SelfSigned,
}

const PASSWORD_VARIABLE: &str = "SQLGRAPH_EMULATOR_SA_PASSWORD";
const RECORD_VARIABLE: &str = "SQLGRAPH_EMULATOR_RECORD";

fn main() -> ExitCode {
    let _ = rustls::crypto::ring::default_provider().install_default();
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_env("SQLGRAPH_EMULATOR_LOG"))
        .with_writer(std::io::stderr)
        .init();
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.to_string()),
    };
    match runtime.block_on(run(arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => fail(&message),
    }
}

fn fail(message: &str) -> ExitCode {
    eprintln!("sqlgraph-emulator: {message}");
    ExitCode::FAILURE
}

async fn run(arguments: Arguments) -> Result<(), String> {
    let listener = TcpListener::bind(arguments.listen)
        .await
        .map_err(|error| format!("{}: {error}", arguments.listen))?;
    let certificate_out = arguments.certificate_out.clone();
    let admin = match arguments.admin {
        Some(address) => {
            Some(admin::listen(address).await.map_err(|error| format!("{address}: {error}"))?)
        }
        None => None,
    };
    let options = options(arguments)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| error.to_string())?;
    let server = Server::start(listener, options).await.map_err(|error| error.to_string())?;
    if let (Some(path), Some(pem)) = (certificate_out, server.certificate_pem()) {
        std::fs::write(&path, pem).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    if let Some(admin) = admin {
        println!("admin on {}", admin.local_addr().map_err(|error| error.to_string())?);
        tokio::spawn(admin::serve(admin, server.control().clone()));
    }
    println!("listening on {}", server.addr());
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    server.shutdown().await;
    Ok(())
}

fn options(arguments: Arguments) -> Result<Options, String> {
    let sa_password = match &arguments.sa_password_file {
        Some(path) => std::fs::read_to_string(path)
            .map(|text| text.trim_end_matches(['\r', '\n']).to_owned())
            .map_err(|error| format!("{}: {error}", path.display()))?,
        None => std::env::var(PASSWORD_VARIABLE).map_err(|_| {
            format!("give the password of sa: --sa-password-file, or {PASSWORD_VARIABLE}")
        })?,
    };
    let tls = match (arguments.tls, arguments.tls_cert, arguments.tls_key) {
        (TlsChoice::Off, ..) => Tls::Off,
        (TlsChoice::SelfSigned, Some(cert), Some(key)) => Tls::Files { cert, key },
        _ => Tls::SelfSigned,
    };
    let data =
        if arguments.data == ":memory:" { Data::Memory } else { Data::File(arguments.data.into()) };
    let record = arguments.record.or_else(|| std::env::var_os(RECORD_VARIABLE).map(PathBuf::from));
    Ok(Options {
        data,
        init: arguments.init,
        sa_password,
        tls,
        database: arguments.database,
        record,
    })
}
