//! How the tests are pointed at a real server: what can be known of it without one.
#![allow(clippy::unwrap_used)]

#[path = "support/real.rs"]
#[allow(dead_code, clippy::panic, reason = "most of it needs a server")]
mod real;

use real::RealServer;

#[test]
fn a_real_server_is_given_as_host_port_and_user() {
    let server = RealServer {
        host: "db.example".to_owned(),
        port: 1433,
        user: "sa".to_owned(),
        password: "p".to_owned(),
    };
    assert_eq!(RealServer::read("db.example,1433,sa", "p"), Some(server.clone()));
    assert_eq!(RealServer::read(" db.example, 1433 ,sa", "p"), Some(server));
    for wrong in ["", "db.example", "db.example,1433", "db.example,x,sa", ",1433,sa", "a,1,b,c"] {
        assert_eq!(RealServer::read(wrong, "p"), None, "{wrong}");
    }
}
