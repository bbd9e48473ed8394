//! Files of web servers, which may be made when they are asked for, or be there for one answer: what is asked for once, and what is no file.

mod server;

use std::collections::HashSet;
use std::io::Read;
use std::sync::Mutex;
use std::time::Duration;

use copyist_remote::{Access, Object, Reader, Stop};
use copyist_store::carried;
use server::{Answer, Request, Server, serve};

fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 31 % 251) as u8).collect()
}

fn object(address: &str) -> Object {
    Object::new(address, &Access::default()).expect("it is an address")
}

fn read(reader: &mut Reader) -> Result<Vec<u8>, String> {
    let mut found = Vec::new();
    match reader.read_to_end(&mut found) {
        Ok(_) => Ok(found),
        Err(error) => Err(carried(&error).expect("it says what was wrong").message.to_string()),
    }
}

fn read_from(server: &Server) -> Result<Vec<u8>, String> {
    read(&mut Reader::new(object(&format!("{}/a", server.url)), &Stop::default()))
}

fn asked(server: &Server) -> Vec<String> {
    server.requests.lock().expect("nobody has failed").iter().map(|request| request.target.clone()).collect()
}

/// Each address is good for one answer.
fn once(answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Server {
    let seen = Mutex::new(HashSet::new());
    serve(move |_, request| {
        let is_first = seen.lock().expect("nobody has failed").insert(request.target.clone());
        if is_first { answer(request) } else { Answer::status(410) }
    })
}

fn plain(body: &[u8]) -> Answer {
    Answer { body: body.to_vec(), ..Answer::status(200) }
}

#[test]
fn a_success_need_not_be_the_file() {
    for (status, name) in
        [(202, "202 Accepted"), (204, "204 No Content"), (205, "205 Reset Content"), (226, "226 IM Used")]
    {
        let server = serve(move |_, _| Answer::status(status));
        let message = read_from(&server).expect_err("it is not the file");
        assert!(message.ends_with(&format!("the server answers {name}, which is not the file")), "{message}");
        assert_eq!(asked(&server).len(), 1);
    }
    let server = serve(|_, _| Answer { body: b"1,x\n".to_vec(), ..Answer::status(203) });
    assert_eq!(read_from(&server), Ok(b"1,x\n".to_vec()));
}

#[test]
fn what_says_that_it_is_a_part_is_not_all() {
    for (range, is_all) in [
        ("bytes 0-3/4", true),
        ("bytes 0-3/*", true),
        // Of rows.
        ("0-3/100", true),
        ("items 0-3/100", true),
        ("bytes 0-3/8", false),
        ("bytes 4-7/8", false),
    ] {
        let server = serve(move |_, _| plain(b"1,x\n").with("Content-Range", range));
        let found = read_from(&server);
        assert_eq!(found.is_ok(), is_all, "{range}: {found:?}");
    }
}

#[test]
fn an_answer_that_cannot_be_read_is_asked_for_once() {
    let long = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(1 << 20));
    for raw in
        ["HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\n1,x\n", "HTTP/0.9 200\r\n\r\n", &*long]
    {
        let raw = raw.to_owned();
        let server = serve(move |_, _| Answer { raw: Some(raw.clone()), ..Answer::default() });
        read_from(&server).expect_err("it cannot be read");
        assert_eq!(asked(&server).len(), 1);
    }
}

#[test]
fn a_server_may_think_and_a_connection_that_is_dead_is_left() {
    let silent = Duration::from_secs(22);
    let thinking = once(move |_| {
        std::thread::sleep(silent);
        plain(b"1,x\n")
    });
    let stalling = serve(move |number, request| {
        let answer = Answer::object(request, &bytes(100_000), "\"1\"");
        Answer { stall: (number == 0).then_some(silent), ..answer }
    });
    std::thread::scope(|scope| {
        scope.spawn(|| assert_eq!(read_from(&thinking), Ok(b"1,x\n".to_vec())));
        scope.spawn(|| assert!(read_from(&stalling) == Ok(bytes(100_000))));
    });
    assert_eq!((asked(&thinking).len(), asked(&stalling).len()), (1, 2));
}
