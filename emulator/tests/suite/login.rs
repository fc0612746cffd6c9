//! Who gets in, and over which encryption.

use crate::support;
use crate::support::{PASSWORD, config, connect, connect_with, options, rows, start, start_with};
use sqlgraph_emulator::{Options, Tls};
use tiberius::EncryptionLevel;

#[tokio::test]
async fn a_client_logs_in_over_tls_and_selects_one() {
    let server = start().await;
    let mut client = connect(&server).await;
    let rows = rows(&mut client, "SELECT 1 AS one").await;
    assert_eq!(rows[0].try_get::<i32, _>("one").unwrap(), Some(1));
    server.shutdown().await;
}

#[tokio::test]
async fn the_self_signed_certificate_is_valid_for_localhost() {
    let server = start().await;
    let file = std::env::temp_dir().join(format!("emulator-{}.pem", server.addr().port()));
    std::fs::write(&file, server.certificate_pem().unwrap()).unwrap();
    let mut checked = tiberius::Config::new();
    checked.host("localhost");
    checked.database("Provenance");
    checked.authentication(tiberius::AuthMethod::sql_server("sa", PASSWORD));
    checked.encryption(EncryptionLevel::Required);
    checked.trust_cert_ca(file.to_string_lossy());
    let client = connect_with(&server, checked).await;
    std::fs::remove_file(file).unwrap();
    client.unwrap();
}

#[tokio::test]
async fn encryption_for_the_login_only_and_no_encryption_both_work() {
    let server = start().await;
    for level in [EncryptionLevel::Off, EncryptionLevel::NotSupported] {
        let mut plain = config(&server, "sa", PASSWORD);
        plain.encryption(level);
        let mut client = connect_with(&server, plain).await.unwrap();
        assert_eq!(support::number(&mut client, "2").await, 2);
    }
}

#[tokio::test]
async fn a_client_of_tds_8_begins_with_tls() {
    let server = start().await;
    let mut strict = config(&server, "sa", PASSWORD);
    strict.encryption(EncryptionLevel::Strict);
    let mut client = connect_with(&server, strict).await.unwrap();
    assert_eq!(support::number(&mut client, "2").await, 2);
}

#[tokio::test]
async fn a_server_without_tls_serves_clients_that_ask_for_none() {
    let server = start_with(Options { tls: Tls::Off, ..options() }).await;
    let mut plain = config(&server, "sa", PASSWORD);
    plain.encryption(EncryptionLevel::NotSupported);
    let mut client = connect_with(&server, plain).await.unwrap();
    assert_eq!(support::number(&mut client, "2").await, 2);
    assert!(server.certificate_pem().is_none());
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_login_are_18456() {
    let server = start().await;
    for (user, password) in [("sa", "wrong"), ("nobody", PASSWORD)] {
        let refused = connect_with(&server, config(&server, user, password)).await;
        assert_eq!(refused.err().and_then(|error| error.code()), Some(18456));
    }
}

#[tokio::test]
async fn an_unknown_database_is_4060() {
    let server = start().await;
    let mut elsewhere = config(&server, "sa", PASSWORD);
    elsewhere.database("Nowhere");
    let refused = connect_with(&server, elsewhere).await;
    assert_eq!(refused.err().and_then(|error| error.code()), Some(4060));
}

#[tokio::test]
async fn a_created_login_gets_in_once_it_has_a_user() {
    let server = start().await;
    let mut admin = connect(&server).await;
    support::run(&mut admin, "CREATE LOGIN reader WITH PASSWORD = N'r]eader''1'").await;
    let refused = connect_with(&server, config(&server, "reader", "r]eader'1")).await;
    assert_eq!(refused.err().and_then(|error| error.code()), Some(4060));
    support::run(&mut admin, "CREATE USER reader FOR LOGIN reader").await;
    let mut client = connect_with(&server, config(&server, "READER", "r]eader'1")).await.unwrap();
    assert_eq!(support::text(&mut client, "SELECT USER_NAME()").await.as_deref(), Some("reader"));
}
