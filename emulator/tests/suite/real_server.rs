//! How the tests are pointed at a real server: what can be known of it without one.

use crate::support::real::RealServer;

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
