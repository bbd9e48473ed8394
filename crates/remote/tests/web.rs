//! Files of web servers, which may be made when they are asked for, or be there for one answer: what is asked for once, and what is no file.

mod server;

use std::collections::HashSet;
use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, mpsc};
use std::time::Duration;

use copyist_remote::{Access, Object, Ranges, Reader, Stop};
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

/// Readers of one load, all of which are begun.
fn begun(server: &Server, names: &[&str]) -> Vec<Reader> {
    let addresses: Vec<String> = names.iter().map(|name| format!("{}{name}", server.url)).collect();
    let objects = Object::all(&addresses, &Access::default()).expect("they are addresses");
    let mut readers: Vec<Reader> = objects.into_iter().map(|object| Reader::new(object, &Stop::default())).collect();
    for reader in &mut readers {
        reader.begin().expect("a thread is there");
    }
    readers
}

fn until(what: impl Fn() -> bool) {
    while !what() {
        std::thread::sleep(Duration::from_millis(5));
    }
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
    // One that says so of the parts that it is asked for is asked for all.
    let server = serve(|_, request| Answer { status: 200, ..Answer::object(request, &bytes(300_000), "\"1\"") });
    let access = Access { part: Some(64 << 10), ..Access::default() };
    let object = Object::new(&format!("{}/a", server.url), &access).expect("it is an address");
    assert!(read(&mut Reader::new(object, &Stop::default())) == Ok(bytes(300_000)));
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
fn a_file_is_asked_for_once_whatever_those_before_it_are_like() {
    let body = bytes(300_000);
    let expected = body.clone();
    let server = once(move |request| {
        let answer = plain(&body);
        if request.target.starts_with("/tagged") { answer.with("ETag", "\"1\"") } else { answer }
    });
    let names = ["/tagged", "/a", "/b", "/tagged2", "/c", "/tagged3", "/d", "/e"];
    for (index, reader) in begun(&server, &names).iter_mut().enumerate() {
        assert!(read(reader) == Ok(expected.clone()), "{}", names[index]);
        std::thread::sleep(Duration::from_millis(30));
    }
    assert_eq!(asked(&server).len(), names.len());
}

#[test]
fn small_files_are_asked_for_before_their_turn() {
    let server = once(|_| plain(b"1,x\n"));
    let names = ["/a", "/b", "/c", "/d", "/e"];
    let mut readers = begun(&server, &names);
    assert_eq!(read(&mut readers[0]), Ok(b"1,x\n".to_vec()));
    until(|| asked(&server).len() == names.len());
    for reader in &mut readers[1..] {
        assert_eq!(read(reader), Ok(b"1,x\n".to_vec()));
    }
    assert_eq!(asked(&server).len(), names.len());
}

#[test]
fn one_that_fails_before_its_turn_is_asked_for_then() {
    let cut = |size: usize| Answer { cut: Some(size / 3), ..plain(&bytes(size)) };
    for (early, size) in [(cut(300_000), 300_000), (cut(300), 300), (Answer::status(410), 300)] {
        let was_asked = AtomicBool::default();
        let server = serve(move |_, request| match &*request.target {
            "/tagged" => plain(b"1").with("ETag", "\"1\""),
            _ if !was_asked.swap(true, Ordering::Relaxed) => early.clone(),
            _ => plain(&bytes(size)),
        });
        let mut readers = begun(&server, &["/tagged", "/b"]);
        assert_eq!(read(&mut readers[0]), Ok(b"1".to_vec()));
        until(|| asked(&server).len() == 2);
        std::thread::sleep(Duration::from_millis(200));
        assert!(read(&mut readers[1]) == Ok(bytes(size)));
        assert_eq!(asked(&server), ["/tagged", "/b", "/b"]);
    }
}

#[test]
fn what_is_read_in_any_order_is_asked_for_once_where_that_is_all_of_it() {
    let chunked = |body: &[u8]| {
        let text: String = body.iter().map(|byte| char::from(byte % 64 + 32)).collect();
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        Answer { raw: Some(format!("{head}{:x}\r\n{text}\r\n0\r\n\r\n", text.len())), ..Answer::default() }
    };
    for has_length in [true, false] {
        let server = once(move |_| if has_length { plain(&bytes(200_000)) } else { chunked(&bytes(200_000)) });
        let found =
            Ranges::open(&object(&format!("{}/a", server.url)), &Stop::default(), 1 << 20).expect("it is there");
        assert_eq!((found.size(), asked(&server).len()), (200_000, 1));
        found.read_at(199_000, &mut [0; 1000]).expect("it is held");
    }
    // Of a version that is told parts may be had in another way.
    let server = serve(|_, _| plain(&bytes(200_000)).with("ETag", "\"1\""));
    let found = Ranges::open(&object(&format!("{}/a", server.url)), &Stop::default(), 1 << 20).expect("it is there");
    assert_eq!((found.size(), asked(&server).len()), (200_000, 2));
    let requests = server.requests.lock().expect("nobody has failed");
    assert!(requests.iter().all(|request| request.method == "GET"), "{requests:?}");
}

#[test]
fn what_was_looked_at_is_what_is_read() {
    for (len, is_whole) in [(1000, true), (300_000, false)] {
        let server = once(move |_| plain(&bytes(len)));
        let object = object(&format!("{}/a", server.url));
        let (sender, receiver) = mpsc::channel();
        let looked_at = object.clone();
        copyist_remote::spawn(async move { drop(sender.send(looked_at.start(10_000).await)) }).expect("it starts");
        let (start, whole, _, begun) = receiver.recv().expect("it ends").expect("it is there");
        assert!(start == bytes(len)[..len.min(10_000)]);
        assert_eq!(whole, is_whole);
        let object = object.begun(begun);
        let reading = || read(&mut Reader::new(object.clone(), &Stop::default()));
        assert!(reading() == Ok(bytes(len)));
        assert_eq!(asked(&server).len(), 1);
        // What is here whole is read as often as it is wanted.
        assert_eq!(reading().is_ok(), is_whole);
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
