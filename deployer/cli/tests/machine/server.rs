//! A small HTTP server, with or without TLS, and a proxy.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A request that came.
#[derive(Debug, Clone)]
pub struct Request {
    /// The method and the target, as in the request line.
    pub line: String,
    /// The headers, with names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Request {
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value.as_str())
    }

    /// The id of the key that signed it.
    pub fn signer(&self) -> &str {
        self.scope(0)
    }

    /// The region that it was signed for.
    pub fn region(&self) -> &str {
        self.scope(2)
    }

    /// A part of the signature's scope: key, day, region, service.
    fn scope(&self, part: usize) -> &str {
        let scope = self.header("authorization").split_once("Credential=").map_or("", |(_, rest)| rest);
        scope.split('/').nth(part).unwrap_or_default()
    }
}

/// The type of a body whose characters are bytes.
pub const BYTES: &str = "application/octet-stream";

/// The status, the type and the body of an answer. Further headers may follow the type, as they stand on the wire.
pub type Answer = (u16, &'static str, String);

/// A server that answers until the process ends.
#[derive(Clone)]
pub struct Server {
    port: u16,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    pub fn http(answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        Self::start(move |stream, requests| serve(stream, requests, &answer))
    }

    /// Serves with the certificate in `tls`, which the authority there has issued.
    pub fn https(answer: fn(&Request) -> Answer) -> Self {
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![CertificateDer::from_pem_slice(include_bytes!("tls/server.pem")).unwrap()],
                PrivateKeyDer::from_pem_slice(include_bytes!("tls/server.key")).unwrap(),
            )
            .unwrap();
        let config = Arc::new(config);
        Self::start(move |stream, requests| {
            let connection = ServerConnection::new(config.clone()).unwrap();
            serve(StreamOwned::new(connection, stream), requests, &answer);
        })
    }

    /// A proxy that sends every tunnel to this server, whatever host it is for; without one it lets nothing through.
    pub fn proxy(to: Option<&Self>) -> Self {
        let to = to.map(|server| server.port);
        Self::start(move |mut stream, requests| {
            let Some(request) = read(&mut BufReader::new(stream.try_clone().unwrap())) else { return };
            requests.lock().unwrap().push(request);
            let Some(port) = to else {
                let _ended = stream.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n");
                return;
            };
            let server = TcpStream::connect(("127.0.0.1", port)).unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
            let (from, back) = (stream.try_clone().unwrap(), server.try_clone().unwrap());
            std::thread::spawn(move || copy(from, server));
            copy(back, stream);
        })
    }

    fn start(connection: impl Fn(TcpStream, &Mutex<Vec<Request>>) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (connection, all) = (Arc::new(connection), requests.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (connection, all) = (connection.clone(), all.clone());
                std::thread::spawn(move || connection(stream, &all));
            }
        });
        Self { port, requests }
    }

    pub fn address(&self, scheme: &str) -> String {
        format!("{scheme}://127.0.0.1:{}", self.port)
    }

    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

/// The instance's metadata service says how long its token counts; other services have no such header.
const TOKEN_AGE: &str = "x-aws-ec2-metadata-token-ttl-seconds";

fn copy(mut from: TcpStream, mut to: TcpStream) {
    let _ended = std::io::copy(&mut from, &mut to);
    let _closed = to.shutdown(Shutdown::Write);
}

fn serve(stream: impl Read + Write, requests: &Mutex<Vec<Request>>, answer: &dyn Fn(&Request) -> Answer) {
    let mut stream = BufReader::new(stream);
    let Some(request) = read(&mut stream) else { return };
    requests.lock().unwrap().push(request.clone());
    let (status, kind, body) = answer(&request);
    // Lambda API Reference, Invoke: a function's error has a header of its own.
    let function_error = if body.contains("\"errorType\"") { "x-amz-function-error: Unhandled\r\n" } else { "" };
    let bytes = if kind == BYTES {
        body.chars().map(|c| u8::try_from(c).unwrap()).collect()
    } else {
        body.clone().into_bytes()
    };
    let head = format!(
        "HTTP/1.1 {status} Answer\r\ncontent-type: {kind}\r\n{TOKEN_AGE}: 21600\r\nx-amzn-errortype: {}\r\n\
         {function_error}content-length: {}\r\nconnection: close\r\n\r\n",
        error_type(status, &body),
        bytes.len()
    );
    let _ended = stream.get_mut().write_all(head.as_bytes()).and_then(|()| stream.get_mut().write_all(&bytes));
    let _flushed = stream.get_mut().flush();
}

/// JSON errors name their type in a header too.
fn error_type(status: u16, body: &str) -> String {
    let json: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    if status < 400 { String::new() } else { json["__type"].as_str().unwrap_or_default().to_owned() }
}

/// Reads a request; `None` if the connection ends before it.
fn read(stream: &mut impl std::io::BufRead) -> Option<Request> {
    let mut lines = stream.by_ref().lines().map_while(Result::ok);
    let line = lines.next()?;
    let headers: Vec<(String, String)> = lines
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_once(':').map(|(name, value)| (name.to_lowercase(), value.trim().to_owned())))
        .collect();
    let length =
        headers.iter().find(|(name, _)| name == "content-length").map_or(0, |(_, value)| value.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some(Request { line, headers, body: String::from_utf8_lossy(&body).into_owned() })
}
