//! Proxies and authorities.

use super::aws;
use super::hints::{LEDGER, closed, unknown_host};
use super::home::{Home, Outcome};
use super::server::Server;

const AUTHORITY: &str = include_str!("tls/authority.pem");

/// A machine whose calls to the Lambda go to this server over TLS.
fn over_tls(server: &Server) -> Home {
    Home::new().with_keys().with("AWS_ENDPOINT_URL_LAMBDA", &server.address("https")).file("ca.pem", AUTHORITY)
}

#[test]
fn private_authority_is_trusted_by_each_setting() {
    let server = Server::https(aws::answer);
    let profile = "[default]\nca_bundle = $HOME/ca.pem\n[profile dev]\nca_bundle = $HOME/ca.pem\n\
                   aws_access_key_id = dev\naws_secret_access_key = s\n";
    let trusting = [
        (over_tls(&server).with("AWS_CA_BUNDLE", "$HOME/ca.pem"), &["status"][..]),
        (over_tls(&server).with("SSL_CERT_FILE", "$HOME/ca.pem"), &["status"]),
        (over_tls(&server).config(profile), &["status"]),
        (over_tls(&server).config(profile), &["status", "--profile", "dev"]),
    ];
    for (home, arguments) in trusting {
        let outcome = home.run(arguments);
        assert_eq!(outcome.exit, Some(0), "{outcome:?}");
    }
    assert_eq!(server.requests().len(), 4);
}

#[test]
fn untrusted_certificate_is_told_with_host_and_setting() {
    let server = Server::https(aws::answer);
    // Other authorities than the server's: its own certificate is none.
    let home =
        over_tls(&server).file("other.pem", include_str!("tls/other.pem")).with("AWS_CA_BUNDLE", "$HOME/other.pem");
    let Outcome { exit, err } = home.run(&["status"]);
    assert_eq!(exit, Some(1), "{err}");
    assert!(err.contains("no answer of 127.0.0.1:") && err.contains("invalid peer certificate"), "{err}");
    assert!(err.contains("does not trust the certificate of 127.0.0.1: if a proxy"), "{err}");
    assert!(err.contains("AWS_CA_BUNDLE") && !err.contains("policy"), "{err}");
    assert!(server.requests().is_empty());
}

#[test]
fn unusable_file_of_authorities_is_named_with_its_setting() {
    let server = Server::https(aws::answer);
    let home = || over_tls(&server).file("empty.pem", "no certificate\n");
    let error = |home: Home| {
        let Outcome { exit, err } = home.run(&["status"]);
        assert_eq!(exit, Some(2), "{err}");
        err
    };
    for setting in ["AWS_CA_BUNDLE", "SSL_CERT_FILE"] {
        let missing = error(home().with(setting, "/nowhere/ca.pem"));
        assert!(
            missing.contains(&format!("{setting} names \"/nowhere/ca.pem\", which cannot be read: No such")),
            "{missing}"
        );
        let empty = error(home().with(setting, "$HOME/empty.pem"));
        assert!(empty.contains(&format!("{setting} names ")) && empty.contains("has no certificate"), "{empty}");
    }
    let of_profile = error(home().config("[default]\nca_bundle = /nowhere/ca.pem\n"));
    assert!(of_profile.contains("ca_bundle of profile \"default\" names \"/nowhere/ca.pem\", which"), "{of_profile}");
}

#[test]
fn https_goes_through_the_proxy_to_awss_own_host() {
    let server = Server::https(aws::answer);
    let proxy = Server::proxy(Some(&server));
    for name in ["HTTPS_PROXY", "https_proxy"] {
        let home = Home::new().with_keys().file("ca.pem", AUTHORITY).with("AWS_CA_BUNDLE", "$HOME/ca.pem");
        let address = proxy.address("http").replace("://", "://ada:secret@");
        let outcome = home.with(name, &address).run(&["status"]);
        assert_eq!(outcome.exit, Some(0), "{outcome:?}");
    }
    let asked = proxy.requests();
    assert_eq!(asked.len(), 2);
    for tunnel in asked {
        assert_eq!(tunnel.line, "CONNECT lambda.eu-west-1.amazonaws.com:443 HTTP/1.1");
        assert_eq!(tunnel.header("proxy-authorization"), "Basic YWRhOnNlY3JldA==");
    }
    let hosts: Vec<_> = server.requests().iter().map(|request| request.header("host").to_owned()).collect();
    assert_eq!(hosts, ["lambda.eu-west-1.amazonaws.com"; 2]);
}

#[test]
fn http_goes_through_the_proxy_unless_no_proxy_names_the_host() {
    let server = Server::http(aws::answer);
    let forwarding = Server::http(|request| {
        assert!(request.line.contains("http://127.0.0.1:"), "{}", request.line);
        (200, "application/json", r#"{"functions": []}"#.to_owned())
    });
    let home = || Home::calling(&server).with_keys().with("HTTP_PROXY", &forwarding.address("http"));
    assert_eq!(home().run(&["status"]).exit, Some(0));
    assert_eq!((forwarding.requests().len(), server.requests().len()), (1, 0));
    for no_proxy in ["127.0.0.1", "10.0.0.0/8,127.0.0.0/8", "*"] {
        assert_eq!(home().with("NO_PROXY", no_proxy).run(&["status"]).exit, Some(0));
    }
    assert_eq!((forwarding.requests().len(), server.requests().len()), (1, 3));
}

/// The container's token is a secret: no proxy sees it.
#[test]
fn service_that_gives_credentials_is_asked_without_the_proxy() {
    let service = Server::http(aws::answer);
    let proxy = Server::http(|_| (200, "application/json", r#"{"functions": []}"#.to_owned()));
    let home = Home::new()
        .file("pod-token", "pod")
        .with("AWS_CONTAINER_CREDENTIALS_FULL_URI", &format!("{}/container", service.address("http")))
        .with("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "$HOME/pod-token")
        .with("AWS_ENDPOINT_URL_LAMBDA", "http://aws.invalid")
        .with("HTTP_PROXY", &proxy.address("http"));
    let Outcome { exit, err } = home.run(&["status"]);
    assert_eq!((exit, service.requests().len(), proxy.requests().len()), (Some(0), 1, 1), "{err}");
}

#[test]
fn proxy_that_refuses_is_told_with_the_host() {
    let proxy = Server::proxy(None);
    let home = Home::new().with_keys().with("HTTPS_PROXY", &proxy.address("http"));
    let Outcome { exit, err } = home.run(&["status", "--ledger", "acme-ledger"]);
    assert_eq!(exit, Some(1), "{err}");
    assert!(err.contains(" does not let through to acme-ledger.s3.eu-west-1.amazonaws.com"), "{err}");
    assert!(err.contains("HTTPS_PROXY") && !err.contains("policy"), "{err}");
}

#[test]
fn socks_proxy_is_refused_without_showing_its_password() {
    let socks = "socks5://ada:secret@127.0.0.1:1";
    for variables in [
        &[("HTTPS_PROXY", socks)][..],
        &[("ALL_PROXY", socks)],
        &[("ALL_PROXY", socks), ("HTTP_PROXY", "http://127.0.0.1:1")],
    ] {
        let home = variables.iter().fold(Home::new().with_keys(), |home, (name, value)| home.with(name, value));
        let Outcome { exit, err } = home.run(&["status"]);
        assert_eq!(exit, Some(2), "{err}");
        assert!(err.contains(&format!("{} names a SOCKS proxy", variables[0].0)) && !err.contains("secret"), "{err}");
    }
}

#[test]
fn socks_proxy_for_http_alone_is_refused_by_the_call() {
    let server = Server::http(aws::answer);
    let home = Home::calling(&server).with_keys().with("ALL_PROXY", "socks5://127.0.0.1:1");
    let home = home.with("HTTPS_PROXY", "http://127.0.0.1:1");
    let Outcome { exit, err } = home.run(&LEDGER);
    assert_eq!((exit, server.requests().len()), (Some(1), 0), "{err}");
    assert!(err.contains(" 127.0.0.1 is not called: ALL_PROXY names a SOCKS proxy"), "{err}");
    assert!(err.contains("\n  name a proxy for HTTP in HTTP_PROXY, or 127.0.0.1 in NO_PROXY"), "{err}");
}

/// As in hyper's matcher, which decides for each call.
#[test]
fn empty_variable_in_capitals_hides_the_other() {
    let server = Server::http(aws::answer);
    let forwarding = Server::http(|_| (200, "application/json", r#"{"functions": []}"#.to_owned()));
    let home = || Home::calling(&server).with_keys();
    let proxy = forwarding.address("http");
    let hidden = home().with("HTTP_PROXY", "").with("http_proxy", &proxy);
    assert_eq!(hidden.run(&["status"]).exit, Some(0));
    assert_eq!((forwarding.requests().len(), server.requests().len()), (0, 1));
    for no_proxy in ["127.0.0.1", "*"] {
        let through = home().with("HTTP_PROXY", &proxy).with("NO_PROXY", "").with("no_proxy", no_proxy);
        assert_eq!(through.run(&["status"]).exit, Some(0));
    }
    assert_eq!((forwarding.requests().len(), server.requests().len()), (2, 1));
}

#[test]
fn proxy_before_the_host_is_named_without_its_password() {
    let with_password = |address: &str| address.replace("://", "://ada:secret@");
    let host = "acme-ledger.s3.eu-west-1.amazonaws.com";
    let fails = |address: &str, home: Home| {
        let Outcome { exit, err } = home.with_keys().with("HTTPS_PROXY", &with_password(address)).run(&LEDGER);
        assert_eq!(exit, Some(1), "{err}");
        assert!(!err.contains("secret") && !err.contains("policy"), "{err}");
        err
    };
    // The SDK waits between its tries: all wait side by side.
    let (closed, unknown) = (closed(), unknown_host());
    let refusing = Server::proxy(None).address("http");
    let between = Server::proxy(Some(&Server::https(aws::answer))).address("http");
    let other = Home::new().file("other.pem", include_str!("tls/other.pem")).with("AWS_CA_BUNDLE", "$HOME/other.pem");
    let says = |address: &str, home: Home, sentence: String| {
        let err = fails(address, home);
        assert!(err.contains(&sentence), "{err}");
    };
    std::thread::scope(|scope| {
        for (address, home, sentence) in [
            (&closed, Home::new(), format!("\n  {host} does not answer through the proxy {closed} (HTTPS_PROXY):")),
            (
                &unknown,
                Home::new(),
                format!("\n  no name server knows the proxy {unknown} (HTTPS_PROXY), through which"),
            ),
            (&refusing, Home::new(), format!("\n  the proxy {refusing} (HTTPS_PROXY) does not let through to {host}:")),
            (&between, other, format!("that it gets for {host} through the proxy {between} (HTTPS_PROXY): if")),
        ] {
            scope.spawn(move || says(address, home, sentence));
        }
    });
}
