//! A server that answers as it is told.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    pub target: String,
    pub headers: Vec<(String, String)>,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| &**value)
    }

    /// The bytes that are asked for.
    pub fn range(&self) -> Option<(usize, usize)> {
        let (start, end) = self.header("range")?.strip_prefix("bytes=")?.split_once('-')?;
        Some((start.parse().ok()?, end.parse::<usize>().map_or(usize::MAX, |end| end + 1)))
    }
}

#[derive(Clone, Default)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Bytes of the body after which the connection ends.
    pub cut: Option<usize>,
    /// How long nothing comes, after half of the body.
    pub stall: Option<Duration>,
    /// All that is sent, after which the connection ends.
    pub raw: Option<String>,
}

impl Answer {
    pub fn status(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// As a server should: the object, or the part of it that is asked for.
    pub fn object(request: &Request, object: &[u8], etag: &str) -> Self {
        if request.header("if-match").is_some_and(|tag| tag != etag) {
            return Self::status(412);
        }
        let answer = match request.range() {
            Some((start, end)) => {
                let end = end.min(object.len());
                let range = format!("bytes {start}-{}/{}", end - 1, object.len());
                Self { body: object[start..end].to_vec(), ..Self::status(206) }.with("Content-Range", range)
            }
            None => Self { body: object.to_vec(), ..Self::status(200) },
        };
        answer.with("ETag", etag).with("Last-Modified", "Fri, 27 Nov 2026 10:00:00 GMT")
    }
}

pub struct Server {
    pub url: String,
    pub requests: Arc<Mutex<Vec<Request>>>,
}

/// Answers each request by its number.
pub fn serve(answer: impl Fn(usize, &Request) -> Answer + Send + Sync + 'static) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let url = format!("http://{}", listener.local_addr().expect("it has an address"));
    let requests: Arc<Mutex<Vec<Request>>> = Arc::default();
    let (noted, answer) = (Arc::clone(&requests), Arc::new(answer));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (noted, answer) = (Arc::clone(&noted), Arc::clone(&answer));
            std::thread::spawn(move || talk(stream, &noted, &*answer));
        }
    });
    Server { url, requests }
}

/// None when the client is gone.
fn talk(mut stream: TcpStream, noted: &Mutex<Vec<Request>>, answer: &dyn Fn(usize, &Request) -> Answer) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let mut words = line.split_whitespace();
        let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
        let request = Request { method, target, headers };
        let number = {
            let mut noted = noted.lock().expect("nobody has failed");
            noted.push(request.clone());
            noted.len() - 1
        };
        let Answer { status, headers, body, cut, stall, raw } = answer(number, &request);
        if let Some(raw) = raw {
            stream.write_all(raw.as_bytes()).ok()?;
            return None;
        }
        let mut head = format!("HTTP/1.1 {status} Answer\r\nContent-Length: {}\r\n", body.len());
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        stream.write_all(format!("{head}\r\n").as_bytes()).ok()?;
        let (first, second) = body.split_at(cut.unwrap_or(body.len() / 2));
        stream.write_all(first).ok()?;
        if cut.is_some() {
            return None;
        }
        std::thread::sleep(stall.unwrap_or_default());
        stream.write_all(second).ok()?;
    }
}
