//! Objects of a server with faults: their bytes, or an error that says what was wrong.

mod server;

use std::io::Read;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant, SystemTime};

use copyist_remote::{
    Access, Begun, Known, Listed, Net, Network, NetworkRules, Object, Place, Reader, Scheme, Secret, Stop, caught, list,
};
use copyist_store::carried;
use server::{Answer, Request, Server, serve};

const LARGE: usize = 21_000_000;

fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 31 % 251) as u8).collect()
}

fn access() -> Access {
    Access { max_retries: Some(4), retry_timeout: Some(Duration::from_secs(20)), ..Access::default() }
}

fn read(address: &str, access: &Access) -> Result<Vec<u8>, (String, &'static str)> {
    let failed = |error: &copyist_core::DataError| (error.message.to_string(), error.code.sql_state());
    let object = Object::new(address, access).map_err(|error| failed(&error))?;
    let mut bytes = Vec::new();
    match Reader::new(object, &Stop::default()).read_to_end(&mut bytes) {
        Ok(_) => Ok(bytes),
        Err(error) => Err(failed(carried(&error).expect("it says what was wrong"))),
    }
}

fn http(server: &Server) -> Result<Vec<u8>, (String, &'static str)> {
    read(&format!("{}/a/b.csv?X-Amz-Signature=secret", server.url), &access())
}

fn check(len: usize, answer: impl Fn(usize, &Request, &[u8]) -> Answer + Send + Sync + 'static) -> Server {
    let object = bytes(len);
    let expected = object.clone();
    let server = serve(move |number, request| answer(number, request, &object));
    assert!(http(&server) == Ok(expected), "the bytes are those of the object");
    server
}

#[test]
fn a_small_object_is_one_request_with_its_query() {
    for len in [0, 1, 100_000] {
        let server = check(len, |_, request, object| Answer::object(request, object, "\"1\""));
        let requests = server.requests.lock().expect("nobody has failed");
        assert_eq!(requests.len(), 1);
        assert_eq!((&*requests[0].method, &*requests[0].target), ("GET", "/a/b.csv?X-Amz-Signature=secret"));
    }
}

#[test]
fn a_large_object_is_read_in_parts_of_one_version() {
    let server = check(LARGE, |_, request, object| Answer::object(request, object, "\"1\""));
    let requests = server.requests.lock().expect("nobody has failed");
    assert!(requests.len() > 3);
    for request in &requests[1..] {
        assert_eq!(request.header("if-match"), Some("\"1\""));
        assert!(request.range().is_some());
    }
}

#[test]
fn without_a_tag_it_is_read_in_one_piece() {
    let server = check(LARGE, |_, _, object| {
        Answer { body: object.to_vec(), ..Answer::status(200) }.with("Last-Modified", "Fri, 27 Nov 2026 10:00:00 GMT")
    });
    assert_eq!(server.requests.lock().expect("nobody has failed").len(), 1);
}

#[test]
fn a_server_may_not_know_of_ranges() {
    check(LARGE, |_, _, object| {
        Answer { body: object.to_vec(), ..Answer::status(200) }
            .with("ETag", "\"1\"")
            .with("Last-Modified", "Fri, 27 Nov 2026 10:00:00 GMT")
    });
}

#[test]
fn busy_servers_are_asked_again() {
    for status in [500, 503, 429] {
        check(
            LARGE,
            move |number, request, object| {
                if number % 2 == 0 { Answer::status(status) } else { Answer::object(request, object, "\"1\"") }
            },
        );
    }
}

#[test]
fn connections_that_break_are_taken_up_where_they_did() {
    check(LARGE, |number, request, object| {
        let answer = Answer::object(request, object, "\"1\"");
        let cut = (number % 2 == 0).then_some(answer.body.len() / 3);
        Answer { cut, ..answer }
    });
    // One that always does is given up.
    let object = bytes(1000);
    let server = serve(move |_, request| Answer { cut: Some(0), ..Answer::object(request, &object, "\"1\"") });
    let (message, state) = http(&server).expect_err("it never comes");
    assert_eq!((message, state), (format!("could not read \"{}/a/b.csv\"", server.url), "58030"));
}

#[test]
fn two_versions_are_never_mixed() {
    for tells in [true, false] {
        let object = bytes(LARGE);
        let server = serve(move |number, request| {
            let etag = if number < 2 { "\"1\"" } else { "\"2\"" };
            // Some servers do not care for If-Match.
            let mut request = request.clone();
            if !tells {
                request.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("if-match"));
            }
            Answer::object(&request, &object, etag)
        });
        let (message, state) = http(&server).expect_err("it has changed");
        assert_eq!((message, state), (format!("\"{}/a/b.csv\" changed while it was read", server.url), "58030"));
    }
}

const OLD: &str = "Fri, 27 Nov 2026 10:00:00 GMT";
const LATER: &str = "Fri, 27 Nov 2026 10:00:01 GMT";

/// The first answer breaks off, of all bytes 7 in the version that is there then.
fn breaking(tag: Option<&'static str>, date: Option<&'static str>, then: &'static str, knows_ranges: bool) -> Server {
    serve(move |number, request| {
        let (byte, modified) = if number == 0 { (7, OLD) } else { (if then == OLD { 7 } else { 8 }, then) };
        let mut request = request.clone();
        // Such a server looks at no condition.
        request.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("if-match") && (knows_ranges || name != "range"));
        let mut answer = Answer::object(&request, &vec![byte; 1_000_000], "\"1\"");
        answer.headers.retain(|(name, _)| name != "ETag" && name != "Last-Modified");
        answer = answer.with("Last-Modified", modified);
        for (name, value) in [("ETag", tag), ("Date", date)] {
            if let Some(value) = value {
                answer = answer.with(name, value);
            }
        }
        Answer { cut: (number == 0).then_some(300_000), ..answer }
    })
}

#[test]
fn without_a_strong_tag_the_time_tells_versions_apart() {
    const SOON: &str = "Fri, 27 Nov 2026 10:01:00 GMT";
    for tag in [None, Some("W/\"1\"")] {
        for knows_ranges in [true, false] {
            let server = breaking(tag, Some(SOON), OLD, knows_ranges);
            assert!(http(&server) == Ok(vec![7; 1_000_000]), "{tag:?} {knows_ranges}");
            let requests = server.requests.lock().expect("nobody has failed").clone();
            assert!(requests.len() > 1);
            for request in &requests[1..] {
                assert_eq!(request.header("if-unmodified-since"), Some(OLD));
            }
            let server = breaking(tag, Some(SOON), LATER, knows_ranges);
            let (message, state) = http(&server).expect_err("it has changed");
            let expected = format!("\"{}/a/b.csv\" changed while it was read", server.url);
            assert_eq!((message, state), (expected, "58030"));
        }
    }
}

#[test]
fn a_tag_beyond_ascii_tells_versions_apart() {
    const SOON: &str = "Fri, 27 Nov 2026 10:01:00 GMT";
    for (then, is_same) in [("\"é1\"", true), ("\"é2\"", false)] {
        let server = serve(move |number, request| {
            let answer = Answer::object(request, &vec![7; 1_000_000], if number == 0 { "\"é1\"" } else { then });
            Answer { cut: (number == 0).then_some(300_000), ..answer.with("Date", SOON) }
        });
        let expected = Err((format!("\"{}/a/b.csv\" changed while it was read", server.url), "58030"));
        assert!(http(&server) == if is_same { Ok(vec![7; 1_000_000]) } else { expected }, "{then}");
        for request in &server.requests.lock().expect("nobody has failed")[1..] {
            assert_eq!(request.header("if-match"), None);
        }
    }
}

#[test]
fn where_nothing_tells_versions_apart_the_rest_is_not_asked_for() {
    // In the second in which it was written it may have been written twice, or by a clock that is late.
    for date in [None, Some(OLD), Some("Fri, 27 Nov 2026 10:00:59 GMT")] {
        for tag in [None, Some("W/\"1\"")] {
            let server = breaking(tag, date, LATER, true);
            let object = Object::new(&format!("{}/a", server.url), &access()).expect("it is an address");
            let mut reader = Reader::new(object, &Stop::default());
            let error = reader.read_to_end(&mut Vec::new()).expect_err("it breaks off");
            reader.read(&mut [0; 1]).expect_err("it does not end after that either");
            let error = carried(&error).expect("it says what was wrong");
            assert_eq!(error.code.sql_state(), "58030");
            let hint = error.hint.as_deref().unwrap_or_default();
            assert!(hint.starts_with("Its server gives neither a strong ETag"), "{error:?}");
            assert_eq!(server.requests.lock().expect("nobody has failed").len(), 1);
        }
    }
}

#[test]
fn what_is_asked_for_again_is_of_one_version() {
    let object = bytes(1_000_000);
    let expected = object.clone();
    let server = serve(move |number, request| {
        let answer = Answer::object(request, &object, "\"1\"");
        Answer { cut: (number < 3).then_some(answer.body.len() / 3), ..answer }
    });
    assert!(http(&server) == Ok(expected), "the bytes are those of the object");
    let requests = server.requests.lock().expect("nobody has failed");
    assert_eq!(requests.len(), 4);
    for request in &requests[1..] {
        assert_eq!(request.header("if-match"), Some("\"1\""));
    }
}

#[test]
fn a_server_may_say_when_it_is_asked_again() {
    let asked = |answer: Answer| {
        let server = serve(
            move |number, request| {
                if number == 0 { answer.clone() } else { Answer::object(request, b"x", "\"1\"") }
            },
        );
        let started = Instant::now();
        (http(&server), started.elapsed())
    };
    // In a second or two, by a clock of whole seconds.
    let soon = chrono::DateTime::<chrono::Utc>::from(SystemTime::now() + Duration::from_secs(2));
    let date = soon.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let (found, took) = asked(Answer::status(503).with("Retry-After", date));
    assert_eq!(found, Ok(b"x".to_vec()));
    assert!(took > Duration::from_millis(900), "{took:?}");
    // Longer than anybody waits here.
    let (found, took) = asked(Answer::status(429).with("Retry-After", "3600"));
    let (message, state) = found.expect_err("it is too long");
    assert!(message.ends_with("the server says to ask again in 3600 seconds"), "{message}");
    assert_eq!(state, "58030");
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[test]
fn a_bucket_of_another_region_is_named() {
    let refusals = [
        Answer::status(301).with("x-amz-bucket-region", "eu-central-1"),
        Answer {
            body: b"<Error><Code>AuthorizationHeaderMalformed</Code><Message>expecting</Message><Region>eu-central-1</Region></Error>"
                .to_vec(),
            ..Answer::status(400)
        },
    ];
    for refusal in refusals {
        let server = serve(move |_, _| refusal.clone());
        let access = s3(&server, &Arc::default(), Duration::from_secs(3600));
        let object = Object::new("s3://b/k", &access).expect("it is one");
        let error = Reader::new(object, &Stop::default()).read(&mut [0; 1]).expect_err("it is elsewhere");
        let error = carried(&error).expect("it says what was wrong");
        let message = "could not read \"s3://b/k\": its bucket is in the region eu-central-1, and not in us-east-1";
        assert_eq!(error.message, message);
        assert!(error.hint.as_deref().is_some_and(|hint| hint.starts_with("Write REGION 'eu-central-1'")), "{error:?}");
        assert_eq!(server.requests.lock().expect("nobody has failed").len(), 1);
    }
}

#[test]
fn the_cloud_of_an_azure_address_is_its_own() {
    for (address, expected) in [
        ("abfss://c@acc.dfs.core.chinacloudapi.cn/k", Ok(())),
        ("abfss://c@acc.dfs.core.usgovcloudapi.net/k", Ok(())),
        ("wasbs://c@acc.blob.CORE.windows.net/k", Ok(())),
        ("abfss://c@acc/k", Ok(())),
        ("abfss://c@acc.evil.org/k", Err("22023")),
        ("abfss://c@acc.dfs.core.windows.net.evil.org/k", Err("22023")),
        ("abfss://c@acc.dfs.core.windows.net:444/k", Err("22023")),
        ("abfss://c@acc.file.core.windows.net/k", Err("22023")),
        ("abfss://c@acc./k", Err("22023")),
    ] {
        let opened = Object::new(address, &access()).map(|_| ()).map_err(|error| error.code.sql_state());
        assert_eq!(opened, expected, "{address}");
    }
}

#[test]
fn wrong_parts_are_refused() {
    let object = bytes(LARGE);
    let server = serve(move |number, request| {
        let answer = Answer::object(request, &object, "\"1\"");
        if number == 0 {
            return answer;
        }
        let headers = answer.headers.iter().map(|(name, value)| {
            let value = if name == "Content-Range" {
                format!("bytes 0-{}/{LARGE}", answer.body.len() - 1)
            } else {
                value.clone()
            };
            (name.clone(), value)
        });
        Answer { headers: headers.collect(), ..answer }
    });
    let (message, state) = http(&server).expect_err("it is another part");
    assert!(message.starts_with(&format!("could not read \"{}/a/b.csv\"", server.url)), "{message}");
    assert_eq!(state, "58030");
}

#[test]
fn refusals_have_their_states_and_no_secret() {
    for (status, state) in [(404, "58P01"), (403, "42501"), (401, "42501"), (400, "58030")] {
        let server = serve(move |_, _| Answer { body: b"<Error>no</Error>".to_vec(), ..Answer::status(status) });
        let object = Object::new(&format!("{}/a?token=secret", server.url), &access()).expect("it is an address");
        let mut reader = Reader::new(object, &Stop::default());
        let error = reader.read(&mut [0; 10]).expect_err("it is refused");
        let error = carried(&error).expect("it says what was wrong");
        assert_eq!(error.code.sql_state(), state, "{status}");
        assert!(!format!("{error:?}").contains("secret"), "{error:?}");
    }
}

#[test]
fn an_archived_object_is_said_to_be() {
    let server = serve(|_, _| Answer {
        body: b"<Error><Code>InvalidObjectState</Code><Message>It is not valid.</Message></Error>".to_vec(),
        ..Answer::status(403)
    });
    let denied = http(&server).expect_err("it is archived");
    assert_eq!(denied, (format!("\"{}/a/b.csv\" is archived", server.url), "58030"));
}

#[test]
fn a_stop_is_heard_at_once() {
    let server = serve(|_, request| Answer {
        stall: Some(Duration::from_secs(10)),
        ..Answer::object(request, &bytes(1000), "\"1\"")
    });
    let stop = Stop::default();
    let object = Object::new(&format!("{}/a", server.url), &access()).expect("it is an address");
    let mut reader = Reader::new(object, &stop);
    reader.read_exact(&mut [0; 500]).expect("half of it comes");
    let stopper = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(50));
        stop.stop();
        Instant::now()
    });
    assert!(reader.read(&mut [0; 10]).is_err());
    let stopped = stopper.join().expect("it has ended");
    assert!(stopped.elapsed() < Duration::from_millis(500));
}

fn s3(server: &Server, asked: &Arc<AtomicUsize>, lasts: Duration) -> Access {
    let asked = Arc::clone(asked);
    Access {
        endpoint: Some(server.url.clone()),
        credentials: Some(Arc::new(move |_| {
            let number = asked.fetch_add(1, Ordering::Relaxed);
            Box::pin(async move {
                Ok(Secret {
                    access_key_id: format!("KEY{number}"),
                    secret_access_key: "secret".to_owned(),
                    session_token: Some("token".to_owned()),
                    expires: Some(SystemTime::now() + lasts),
                    ..Secret::default()
                })
            })
        })),
        ..access()
    }
}

#[test]
fn s3_is_signed_with_credentials_that_are_asked_for_before_they_expire() {
    for (lasts, is_kept) in [(Duration::from_secs(3600), true), (Duration::from_secs(1), false)] {
        let object = bytes(LARGE);
        let expected = object.clone();
        let server = serve(move |_, request| Answer::object(request, &object, "\"1\""));
        let asked = Arc::default();
        let found = read("s3://bucket/folder/a b+c%.csv", &s3(&server, &asked, lasts));
        assert!(found == Ok(expected));
        let requests = server.requests.lock().expect("nobody has failed");
        assert_eq!(asked.load(Ordering::Relaxed) == 1, is_kept);
        assert_eq!(requests[0].target, "/bucket/folder/a%20b%2Bc%25.csv");
        for request in &*requests {
            let header = request.header("authorization").expect("it is signed");
            assert!(header.starts_with("AWS4-HMAC-SHA256 Credential=KEY"), "{header}");
            assert_eq!(request.header("x-amz-security-token"), Some("token"));
        }
    }
}

#[test]
fn credentials_may_be_refused() {
    let server = serve(|_, request| Answer::object(request, b"x", "\"1\""));
    let access = Access {
        endpoint: Some(server.url.clone()),
        credentials: Some(Arc::new(|_| Box::pin(async { Err("the profile has no region".to_owned()) }))),
        ..access()
    };
    assert_eq!(read("s3://b/k", &access), Err(("permission denied for \"s3://b/k\"".to_owned(), "42501")));
    assert_eq!(server.requests.lock().expect("nobody has failed").len(), 0);
}

#[test]
fn listings_are_sorted_and_whole() {
    let page = |keys: &[&str], next: Option<&str>| {
        let contents: String = keys
            .iter()
            .map(|key| {
                format!("<Contents><Key>{key}</Key><Size>{}</Size><ETag>\"1\"</ETag><LastModified>2026-11-27T10:00:00.000Z</LastModified></Contents>", key.len())
            })
            .collect();
        let next =
            next.map_or(String::new(), |token| format!("<NextContinuationToken>{token}</NextContinuationToken>"));
        format!(
            "<?xml version=\"1.0\"?><ListBucketResult><IsTruncated>{}</IsTruncated>{contents}{next}</ListBucketResult>",
            !next.is_empty()
        )
    };
    let server = serve(move |_, request| {
        let body = if request.target.contains("continuation-token=2") {
            page(&["in/a.csv", "in/z"], None)
        } else if request.target.contains("continuation-token=1") {
            page(&[], Some("2"))
        } else {
            page(&["in/b.csv", "in/a.csv", "in/year=1/x y.csv"], Some("1"))
        };
        Answer { body: body.into_bytes(), ..Answer::status(200) }
    });
    let asked = Arc::default();
    let access = s3(&server, &asked, Duration::from_secs(3600));
    let keys = |address: &str, pattern: Option<&str>| -> Vec<String> {
        let found = wait(list(address, pattern, &access)).expect("it is listed");
        found.into_iter().map(|Listed { address, .. }| address["s3://bucket/".len()..].to_owned()).collect()
    };
    let all = ["in/a.csv", "in/b.csv", "in/year=1/x y.csv", "in/z"];
    for address in ["s3://bucket/in/", "s3://bucket/in"] {
        assert_eq!(keys(address, None), all);
        assert_eq!(keys(address, Some("**/*.csv")), all[..3]);
        assert_eq!(keys(address, Some("year=*/*")), all[2..3]);
    }
    assert_eq!(keys("s3://bucket", Some("in/[ab].csv")), all[..2]);
    let nothing = wait(list("s3://bucket/in", Some("*.txt"), &access)).expect_err("nothing is there");
    assert_eq!(nothing.code.sql_state(), "58P01");
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("it starts");
    runtime.block_on(future)
}

#[test]
fn a_list_without_end_is_an_error() {
    let server = serve(|_, _| {
        let page = "<ListBucketResult><Contents><Key>a</Key><Size>1</Size><LastModified>2026-11-27T10:00:00.000Z</LastModified></Contents><NextContinuationToken>x</NextContinuationToken></ListBucketResult>";
        Answer { body: page.into(), ..Answer::status(200) }
    });
    let error = wait(list("s3://bucket/", None, &s3(&server, &Arc::default(), Duration::from_secs(3600))));
    assert_eq!(
        error.expect_err("it never ends").message,
        "could not read \"s3://bucket/\": its list goes on without end"
    );
}

#[test]
fn a_list_of_more_names_than_may_be_held_is_an_error() {
    // Each page has another name, which is meant or is not.
    let server = serve(|number, _| {
        let next = "<IsTruncated>true</IsTruncated><NextContinuationToken>x</NextContinuationToken>";
        listed(&[(&format!("in/{number:0100}.csv"), 1)], next)
    });
    let access = Access { most_listed: Some(2_000), ..s3(&server, &Arc::default(), Duration::from_secs(3600)) };
    for (pattern, pages) in [(None, 9), (Some("*.txt"), 19)] {
        let before = server.requests.lock().expect("nobody has failed").len();
        let error = wait(list("s3://b/in", pattern, &access)).expect_err("it never ends");
        assert_eq!(
            (error.code.sql_state(), &*error.message),
            ("54000", "there are too many objects below \"s3://b/in\"")
        );
        assert!(error.hint.as_deref().is_some_and(|hint| hint.starts_with("Raise memoryLimit")), "{error:?}");
        assert_eq!(server.requests.lock().expect("nobody has failed").len() - before, pages, "{pattern:?}");
    }
}

#[test]
fn an_object_that_was_looked_at_is_not_asked_for_again_if_it_is_read_soon() {
    let server = serve(|_, request| Answer::object(request, &bytes(LARGE), "\"1\""));
    let object = Object::new(&format!("{}/a.csv", server.url), &access()).expect("it is an address");
    let (known, begun) = look(&object);
    let mut read = Vec::new();
    let object = object.known(known).begun(begun);
    Reader::new(object.clone(), &Stop::default()).read_to_end(&mut read).expect("it is read");
    assert!(read == bytes(LARGE));
    let whole = |server: &Server| {
        server.requests.lock().expect("nobody has failed").iter().filter(|request| request.range().is_none()).count()
    };
    assert_eq!(whole(&server), 1);
    // An answer is read once.
    Reader::new(object, &Stop::default()).read_exact(&mut [0; 1]).expect("it is read");
    assert_eq!(whole(&server), 2);
    // Its rest could not be had.
    let server = serve(|_, request| Answer::object(request, &bytes(100_000), "W/\"1\""));
    let object = Object::new(&format!("{}/a.csv", server.url), &access()).expect("it is an address");
    let (_, begun) = look(&object);
    Reader::new(object.begun(begun), &Stop::default()).read_exact(&mut [0; 1]).expect("it is read");
    assert_eq!(whole(&server), 2);
}

/// On the threads on which objects are read.
fn look(object: &Object) -> (Known, Begun) {
    let (object, (sender, receiver)) = (object.clone(), mpsc::channel());
    let looking = async move { drop(sender.send(object.look().await)) };
    copyist_remote::spawn(looking).expect("it starts");
    receiver.recv().expect("it ends").expect("it is allowed").expect("it is there")
}

#[test]
fn an_error_with_the_status_of_a_success_is_one() {
    let server = serve(|_, _| Answer { body: b"<Error><Code>SlowDown</Code></Error>".to_vec(), ..Answer::status(200) });
    let access = Access { max_retries: Some(1), ..s3(&server, &Arc::default(), Duration::from_secs(3600)) };
    let error = wait(list("s3://bucket/", None, &access)).expect_err("it is no list");
    assert_eq!(error.code.sql_state(), "58030");
    assert_eq!(server.requests.lock().expect("nobody has failed").len(), 2);
    let (message, _) = read("s3://bucket/a", &access).expect_err("it is no object");
    assert_eq!(message, "could not read \"s3://bucket/a\": the answer has no ETag, and so is no object");
}

#[test]
fn an_object_is_that_of_its_list() {
    let server = serve(|_, request| Answer::object(request, b"12345", "\"1\""));
    let access = s3(&server, &Arc::default(), Duration::from_secs(3600));
    let read = |size, etag: &str| {
        let object = Object::new("s3://bucket/a", &access).expect("it is an address");
        let object = object.known(Known { size, etag: Some(etag.to_owned()), modified: None });
        let mut bytes = Vec::new();
        Reader::new(object, &Stop::default())
            .read_to_end(&mut bytes)
            .map(|_| bytes)
            .map_err(|error| carried(&error).expect("it says what was wrong").message.to_string())
    };
    assert_eq!(read(5, "\"1\"").as_deref(), Ok(&b"12345"[..]));
    assert_eq!(read(5, "\"0\""), Err("\"s3://bucket/a\" changed while it was read".to_owned()));
    assert_eq!(
        read(4, "\"1\""),
        Err("could not read \"s3://bucket/a\": 5 bytes are announced, and its list says 4".to_owned())
    );
}

#[test]
fn tokens_that_are_refused_are_replaced_once() {
    let server = serve(|number, request| {
        if number == 0 {
            let body = b"<Error><Code>ExpiredToken</Code><Message>The token has expired.</Message></Error>".to_vec();
            return Answer { body, ..Answer::status(400) };
        }
        Answer::object(request, b"x", "\"1\"")
    });
    let asked = Arc::new(AtomicUsize::new(0));
    assert_eq!(read("s3://b/k", &s3(&server, &asked, Duration::from_secs(3600))), Ok(b"x".to_vec()));
    assert_eq!(asked.load(Ordering::Relaxed), 2);
}

#[test]
fn what_a_server_repeats_of_a_request_is_not_told() {
    let server = serve(|_, _| {
        let body = b"<Error><Code>SignatureDoesNotMatch</Code><Message>It does not.</Message><CanonicalRequest>x-amz-security-token:secret</CanonicalRequest></Error>".to_vec();
        Answer { body, ..Answer::status(403) }
    });
    let object = Object::new("s3://b/k", &s3(&server, &Arc::default(), Duration::from_secs(3600))).expect("it is one");
    let error = Reader::new(object, &Stop::default()).read(&mut [0; 1]).expect_err("it is refused");
    let error = carried(&error).expect("it says what was wrong");
    assert_eq!(error.detail.as_deref(), Some("403 Forbidden: SignatureDoesNotMatch: It does not. Nothing was loaded."));
}

#[test]
fn lengths_need_not_be_announced() {
    let body = |headers: &str, body: &str| Answer {
        raw: Some(format!("HTTP/1.1 200 OK\r\n{headers}\r\n{body}")),
        ..Answer::default()
    };
    let server = serve(move |_, _| body("Transfer-Encoding: chunked\r\n", "5\r\n12345\r\n0\r\n\r\n"));
    assert_eq!(http(&server), Ok(b"12345".to_vec()));
    // Without the end, what has come may be a part.
    let server = serve(move |_, _| body("Transfer-Encoding: chunked\r\n", "5\r\n12345\r\n"));
    assert_eq!(http(&server).map_err(|(_, state)| state), Err("58030"));
    let server = serve(move |_, _| body("", "12345"));
    let (message, _) = http(&server).expect_err("it may be a part");
    assert!(message.ends_with("the server says neither how long it is nor where it ends"), "{message}");
    let server = serve(move |_, _| body("Content-Encoding: deflate\r\nContent-Length: 5\r\n", "12345"));
    let (message, _) = http(&server).expect_err("it would not be decoded");
    assert!(message.ends_with("it comes encoded as deflate, which nobody has asked for"), "{message}");
    // Brotli is known by the name, or by who asks.
    let server = serve(move |_, _| body("Content-Encoding: br\r\nContent-Length: 5\r\n", "12345"));
    let object = Object::new(&format!("{}/a", server.url), &access()).expect("it is an address");
    let error = Reader::new(object, &Stop::default()).read(&mut [0; 1]).expect_err("it would not be decoded");
    let hint = carried(&error).and_then(|error| error.hint.clone());
    assert_eq!(hint.as_deref(), Some("Write COMPRESSION brotli, if it is that once."));
    let said = Access { is_brotli: true, ..access() };
    assert_eq!(read(&format!("{}/a", server.url), &said), Ok(b"12345".to_vec()));
    for name in ["a.br", "a.BR?b=c"] {
        assert_eq!(read(&format!("{}/{name}", server.url), &access()), Ok(b"12345".to_vec()));
    }
}

fn rules(schemes: &[&str], hosts: &[&str], addresses: &[&str]) -> Access {
    let all = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
    let addresses = addresses.iter().filter_map(|text| Network::parse(text)).collect();
    Access { net: Net::new(vec![NetworkRules { schemes: all(schemes), hosts: all(hosts), addresses }]), ..access() }
}

#[test]
fn rules_hold_for_what_is_dialled() {
    let server = serve(|_, request| Answer::object(request, b"x", "\"1\""));
    let port = server.url.rsplit(':').next().expect("it has a port").to_owned();
    let hosts = [&*format!("127.0.0.1:{port}"), &*format!("localhost:{port}")];
    let [literal, name] = ["127.0.0.1", "localhost"].map(|host| format!("http://{host}:{port}/a"));
    let denied = |address: &str| Err((format!("\"{address}\" may not be read"), "42501"));
    for address in [&literal, &name] {
        assert_eq!(read(address, &rules(&["http"], &hosts, &["127.0.0.1", "::1"])), Ok(b"x".to_vec()));
    }
    let before = server.requests.lock().expect("nobody has failed").len();
    for address in [&literal, &name] {
        assert_eq!(read(address, &rules(&["http"], &hosts, &[])), denied(address));
        assert_eq!(read(address, &rules(&["http"], &["other"], &["127.0.0.1", "::1"])), denied(address));
        assert_eq!(read(address, &rules(&["https"], &hosts, &["127.0.0.1", "::1"])), denied(address));
    }
    // Of a store its endpoint is known; where it leads is looked at all the same.
    for endpoint in [&server.url, &server.url.replace("127.0.0.1", "localhost")] {
        let access = Access { endpoint: Some(endpoint.clone()), ..rules(&["s3"], &["s3://b"], &[]) };
        assert_eq!(read("s3://b/k", &access), denied("s3://b/k"));
    }
    assert_eq!(server.requests.lock().expect("nobody has failed").len(), before);
}

#[test]
fn rules_hold_for_redirects() {
    let other = serve(|_, request| Answer::object(request, b"x", "\"1\""));
    let to = other.url.replace("127.0.0.1", "localhost");
    let server = serve(move |_, _| Answer::status(302).with("Location", format!("{to}/b")));
    let ports = [&server, &other].map(|server| server.url.rsplit(':').next().expect("it has a port").to_owned());
    let first = format!("127.0.0.1:{}", ports[0]);
    let address = format!("{}/a", server.url);
    assert_eq!(read(&address, &access()), Ok(b"x".to_vec()));
    let both = [&*first, &*format!("localhost:{}", ports[1])];
    assert_eq!(read(&address, &rules(&["http"], &both, &["127.0.0.1", "::1"])), Ok(b"x".to_vec()));
    let seen = other.requests.lock().expect("nobody has failed").len();
    let object = Object::new(&address, &rules(&["http"], &[&first], &["127.0.0.1", "::1"])).expect("it is an address");
    let error = Reader::new(object, &Stop::default()).read(&mut [0; 1]).expect_err("it is not listed");
    let error = carried(&error).expect("it says what was wrong");
    assert_eq!(error.code.sql_state(), "42501");
    let detail = format!("The host \"localhost:{}\" is not among those that are allowed.", ports[1]);
    assert_eq!(error.detail.as_deref(), Some(&*detail));
    // Its host is listed, and leads to where nothing may.
    let metadata = serve(|_, _| Answer::status(302).with("Location", "http://169.254.169.254/latest"));
    let hosts = [&metadata.url["http://".len()..], "169.254.169.254"];
    let denied = read(&format!("{}/a", metadata.url), &rules(&["http"], &hosts, &["127.0.0.1"]));
    assert_eq!(denied.map_err(|(_, state)| state), Err("42501"));
    assert_eq!(other.requests.lock().expect("nobody has failed").len(), seen);
}

#[test]
fn users_and_passwords_are_sent_and_not_told() {
    let server =
        serve(|number, request| if number == 0 { Answer::object(request, b"x", "\"1\"") } else { Answer::status(404) });
    let address = format!("{}/a", server.url.replace("http://", "http://us%40er:pass@"));
    assert_eq!(read(&address, &access()), Ok(b"x".to_vec()));
    let requests = server.requests.lock().expect("nobody has failed").clone();
    assert_eq!(requests[0].header("authorization"), Some("Basic dXNAZXI6cGFzcw=="));
    let gone = read(&address, &access()).expect_err("it is gone");
    assert_eq!(gone.0, format!("\"{}/a\" does not exist", server.url));
}

fn whole_error(address: &str, access: &Access) -> Box<copyist_core::DataError> {
    let object = Object::new(address, access).expect("it is an address");
    let error = Reader::new(object, &Stop::default()).read_to_end(&mut Vec::new()).expect_err("it is refused");
    Box::new(carried(&error).expect("it says what was wrong").clone())
}

#[test]
fn an_endpoint_is_the_url_of_a_server() {
    for endpoint in [
        "127.0.0.1:9000",
        "localhost:9000",
        "minio",
        "http://",
        "http://a b",
        "http://h:99999",
        "ftp://h",
        "http:/h",
        "",
    ] {
        let access = Access { endpoint: Some(endpoint.to_owned()), ..access() };
        for address in ["s3://b/k", "gs://b/k", "abfss://c@acc/k"] {
            let error = Object::new(address, &access).err().expect("it is refused");
            assert_eq!(error.code.sql_state(), "22023", "{endpoint}");
            assert_eq!(error.message, format!("the endpoint \"{endpoint}\" is no URL of a server"));
        }
    }
    for endpoint in ["https://h", "HTTP://h:9000/", "http://[::1]:9000"] {
        let access = Access { endpoint: Some(endpoint.to_owned()), ..access() };
        assert!(Object::new("s3://b/k", &access).is_ok(), "{endpoint}");
    }
}

#[test]
fn credentials_with_a_line_end_are_no_request() {
    let server = serve(|_, request| Answer::object(request, b"x", "\"1\""));
    let key = Secret { access_key_id: "KEY".to_owned(), secret_access_key: "secret".to_owned(), ..Secret::default() };
    let secrets = [
        ("s3://b/k", Secret { access_key_id: "KEY\n".to_owned(), ..key.clone() }, "the access key's ID"),
        ("s3://b/k", Secret { session_token: Some("tok\r\n".to_owned()), ..key }, "the session token"),
        ("gs://b/k", Secret { bearer: Some("tok\n".to_owned()), ..Secret::default() }, "the bearer token"),
        ("abfss://c@acc/k", Secret { bearer: Some("tok\n".to_owned()), ..Secret::default() }, "the bearer token"),
    ];
    for (address, secret, what) in secrets {
        let access = Access {
            endpoint: Some(server.url.clone()),
            credentials: Some(Arc::new(move |_| Box::pin(std::future::ready(Ok(secret.clone()))))),
            ..access()
        };
        let error = whole_error(address, &access);
        let detail = format!("{what} has a line end, or another character that cannot be sent. Nothing was loaded.");
        assert_eq!((error.code.sql_state(), error.detail.as_deref()), ("42501", Some(&*detail)), "{address}");
    }
    assert_eq!(server.requests.lock().expect("nobody has failed").len(), 0);
}

#[test]
fn a_panic_is_an_error_of_whoever_waits() {
    let server = serve(|_, request| Answer::object(request, b"x", "\"1\""));
    let access = Access {
        endpoint: Some(server.url.clone()),
        credentials: Some(Arc::new(|_| panic!("with a secret"))),
        ..access()
    };
    let error = whole_error("s3://b/k", &access);
    assert_eq!(error.code.sql_state(), "XX000");
    assert!(!format!("{error:?}").contains("secret"), "{error:?}");
    let error = wait(caught(list("s3://b/", None, &access))).expect_err("it panics");
    assert_eq!(error.code.sql_state(), "XX000");
}

#[test]
fn a_part_that_nobody_has_asked_for_is_no_object() {
    for range in ["bytes 0-3/8", "bytes 4-7/8", ""] {
        let server = serve(move |_, _| {
            let answer = Answer { body: b"1,x\n".to_vec(), ..Answer::status(206) }.with("ETag", "\"1\"");
            if range.is_empty() { answer } else { answer.with("Content-Range", range) }
        });
        let (message, state) = http(&server).expect_err("it is a part");
        assert!(message.ends_with("the answer is a part of it, which nobody has asked for"), "{message}");
        assert_eq!(state, "58030");
    }
}

#[test]
fn a_part_need_not_say_of_how_many_bytes_it_is() {
    let server = check(LARGE, |_, request, object| {
        let mut answer = Answer::object(request, object, "\"1\"");
        for (name, value) in &mut answer.headers {
            if name == "Content-Range" {
                *value = value.replace(&format!("/{LARGE}"), "/*");
            }
        }
        answer
    });
    assert!(server.requests.lock().expect("nobody has failed").iter().any(|request| request.range().is_some()));
}

#[test]
fn another_server_is_not_told_the_address_that_led_to_it() {
    let other = serve(|_, request| Answer::object(request, b"x", "\"1\""));
    let to = format!("{}/b", other.url);
    let server = serve(move |_, _| Answer::status(302).with("Location", to.clone()));
    assert_eq!(http(&server), Ok(b"x".to_vec()));
    let requests = other.requests.lock().expect("nobody has failed");
    assert!(!requests.is_empty() && requests.iter().all(|request| request.header("referer").is_none()), "{requests:?}");
}

#[test]
fn an_error_whose_text_does_not_come_is_told_soon() {
    let server = serve(|_, _| Answer {
        body: b"<Error><Code>NoSuchKey</Code></Error>".to_vec(),
        stall: Some(Duration::from_secs(15)),
        ..Answer::status(404)
    });
    let started = Instant::now();
    assert_eq!(http(&server).map_err(|(_, state)| state), Err("58P01"));
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
}

/// A page of a list, of keys as they are written in it.
fn listed(entries: &[(&str, u64)], more: &str) -> Answer {
    let contents: String = entries
        .iter()
        .map(|(key, size)| {
            format!("<Contents><Key>{key}</Key><Size>{size}</Size><ETag>\"1\"</ETag><LastModified>2026-11-27T10:00:00.000Z</LastModified></Contents>")
        })
        .collect();
    let body = format!("<?xml version=\"1.0\"?><ListBucketResult>{more}{contents}</ListBucketResult>");
    Answer { body: body.into_bytes(), ..Answer::status(200) }
}

#[test]
fn names_that_cannot_be_asked_for_spoil_no_list_that_does_not_mean_them() {
    let odd = [
        ("in//bad.csv", "its name has two slashes in a row"),
        ("in/./bad.csv", "a part of its name is . or .."),
        ("in/x/../bad.csv", "a part of its name is . or .."),
        ("in/bad&#10;.csv", "its name has a control character, such as a line end"),
        ("in/d.csv/", "its name ends with a slash"),
        ("in/bad.csv ", "its name begins or ends with a space, which its list does not keep"),
    ];
    for (key, why) in odd {
        let server = serve(move |_, _| listed(&[(key, 5), ("in/a &amp; b.csv", 4), ("in/d.csv", 3), ("in/e/", 0)], ""));
        let access = s3(&server, &Arc::default(), Duration::from_secs(3600));
        let found = wait(list("s3://b/in", Some("[ad]*.csv"), &access)).expect("it is not meant");
        let found: Vec<_> = found.iter().map(|listed| (&*listed.address, listed.known.size)).collect();
        assert_eq!(found, [("s3://b/in/a & b.csv", 4), ("s3://b/in/d.csv", 3)], "{key}");
        // Without a pattern everything is meant, but for names that begin with a dot.
        let found = wait(list("s3://b/in", None, &access));
        if key.contains("/.") {
            assert_eq!(found.expect("it is passed over").len(), 2, "{key}");
            continue;
        }
        let error = found.expect_err("it is meant");
        assert_eq!(error.code.sql_state(), "0A000", "{key}: {error:?}");
        assert!(error.message.ends_with(&format!("cannot be asked for: {why}")), "{error:?}");
    }
}

#[test]
fn a_name_that_xml_does_not_have_is_read_from_an_azure_list() {
    let server = serve(|_, request| {
        if !request.target.contains("comp=list") {
            return Answer::object(request, b"x", "\"1\"");
        }
        let entry = |name: &str| {
            format!(
                "<Blob><Name{name}</Name><Properties><Last-Modified>Fri, 27 Nov 2026 10:00:00 GMT</Last-Modified><Content-Length>1</Content-Length><Content-Type>text/csv</Content-Type><Etag>0x1</Etag></Properties></Blob>"
            )
        };
        let blobs =
            [" Encoded=\"true\">in/a%25%EF%BF%BE%26.csv", " Encoded=\"true\">in/%EF%BF%BF%0A.txt", ">in/b%41.csv"]
                .map(entry);
        let body = format!("<EnumerationResults><Blobs>{}</Blobs><NextMarker/></EnumerationResults>", blobs.concat());
        Answer { body: body.into_bytes(), ..Answer::status(200) }
    });
    let access = Access { endpoint: Some(server.url.clone()), account: Some("acc".to_owned()), ..access() };
    let found = wait(list("az://c/in", Some("*.csv"), &access)).expect("they are listed");
    let found: Vec<_> = found.iter().map(|listed| &*listed.address).collect();
    assert_eq!(found, ["az://c/in/a%\u{fffe}&.csv", "az://c/in/b%41.csv"]);
    assert_eq!(read(found[0], &access), Ok(b"x".to_vec()));
    let target = server.requests.lock().expect("nobody has failed").last().expect("it was asked").target.clone();
    assert_eq!(target, "/c/in/a%25%EF%BF%BE&.csv");
    let error = wait(list("az://c/in", Some("*.txt"), &access)).expect_err("it has a line end");
    assert!(error.message.ends_with("its name has a control character, such as a line end"), "{error:?}");
}

#[test]
fn a_list_that_goes_on_says_where() {
    for more in ["<IsTruncated>true</IsTruncated>", "<IsTruncated>true</IsTruncated><NextContinuationToken/>"] {
        let server = serve(move |_, _| listed(&[("in/a.csv", 4)], more));
        let access = s3(&server, &Arc::default(), Duration::from_secs(3600));
        let error = wait(list("s3://b/in", None, &access)).expect_err("the rest is missing");
        assert_eq!(error.message, "could not read \"s3://b/in\": its list goes on, and does not say where");
    }
}

#[test]
fn a_page_for_people_is_no_list() {
    let server = serve(|_, _| {
        Answer { body: b"<!doctype html><title>Sign in</title>".to_vec(), ..Answer::status(200) }
            .with("Content-Type", "text/html")
    });
    let access = s3(&server, &Arc::default(), Duration::from_secs(3600));
    let error = wait(list("s3://b/in", None, &access)).expect_err("it is no list");
    assert_eq!(error.message, "could not read \"s3://b/in\": the answer is no list of objects, but text/html");
    assert_eq!(server.requests.lock().expect("nobody has failed").len(), 1);
}

#[test]
fn a_name_is_asked_for_as_it_is_or_not_at_all() {
    for (key, why) in [
        ("/a.csv", "its name begins with a slash"),
        ("a/", "its name ends with a slash"),
        ("a//b", "its name has two slashes in a row"),
        ("a/../b", "a part of its name is . or .."),
        ("a\nb", "its name has a control character, such as a line end"),
    ] {
        let error = Object::new(&format!("s3://b/{key}"), &access()).err().expect("it is refused");
        let name = key.replace('\n', "?");
        assert_eq!(error.message, format!("\"s3://b/{name}\" cannot be asked for: {why}"));
        assert_eq!(error.code.sql_state(), "0A000");
    }
}

#[test]
fn what_cannot_be_taken_up_is_held_until_its_turn() {
    let object = bytes(1_000_000);
    let expected = object.clone();
    // Without a tag and a date.
    let server = serve(move |_, _| Answer { body: object.clone(), ..Answer::status(200) });
    let asked = || server.requests.lock().expect("nobody has failed").len();
    let read_late = |access: &Access| {
        let before = asked();
        let object = Object::new(&format!("{}/a", server.url), access).expect("it is an address");
        let mut reader = Reader::new(object, &Stop::default());
        reader.begin().expect("a thread is there");
        while asked() == before {
            std::thread::sleep(Duration::from_millis(5));
        }
        std::thread::sleep(Duration::from_millis(100));
        let mut found = Vec::new();
        reader.read_to_end(&mut found).expect("it is read");
        found
    };
    assert!(read_late(&access()) == expected);
    // What has come was held, or a part of it.
    assert_eq!(asked(), 1);
    assert!(read_late(&Access { part: Some(64 << 10), ..access() }) == expected);
    assert_eq!(asked(), 2);
}

#[test]
fn files_of_one_load_that_cannot_be_taken_up_are_asked_for_once() {
    let object = bytes(300_000);
    let expected = object.clone();
    for has_tags in [false, true] {
        let object = object.clone();
        let server = serve(move |_, request| match has_tags {
            true => Answer::object(request, &object, "\"1\""),
            false => Answer { body: object.clone(), ..Answer::status(200) },
        });
        let asked = || -> Vec<String> {
            let requests = server.requests.lock().expect("nobody has failed");
            requests.iter().map(|request| request.target.clone()).collect()
        };
        let names = ["/a", "/b", "/c"];
        let addresses = names.map(|name| format!("{}{name}", server.url));
        let objects = Object::all(&addresses, &access()).expect("they are addresses");
        let mut readers: Vec<Reader> =
            objects.into_iter().map(|object| Reader::new(object, &Stop::default())).collect();
        for reader in &mut readers {
            reader.begin().expect("a thread is there");
        }
        for (index, reader) in readers.iter_mut().enumerate() {
            let mut found = Vec::new();
            reader.read_to_end(&mut found).expect("it is read");
            assert!(found == expected);
            if has_tags {
                // The first has shown that the others may be begun.
                while asked().len() < 3 {
                    std::thread::sleep(Duration::from_millis(5));
                }
            } else {
                std::thread::sleep(Duration::from_millis(50));
                assert_eq!(asked(), names[..=index]);
            }
        }
        assert_eq!(asked().len(), 3);
    }
}

#[test]
fn names_do_not_change_where_they_lead() {
    for (address, region) in
        [("s3://b?x/k", None), ("s3://KEY:SECRET@b/k", None), ("s3:///k", None), ("s3://b/k", Some("x.evil.org/"))]
    {
        let access = Access { region: region.map(str::to_owned), ..access() };
        let error = Object::new(address, &access).err().expect("it is refused");
        assert_eq!(error.code.sql_state(), "22023");
        assert!(!format!("{error:?}").contains("SECRET"), "{error:?}");
    }
}

#[test]
fn addresses_are_judged_as_in_javascript() {
    let table = include_str!("../../../__test__/access/addresses.json");
    let mut count = 0;
    for line in table.lines().filter(|line| line.contains("\"address\"")) {
        let quoted: Vec<&str> = line.split('"').skip(1).step_by(2).collect();
        // A zone is no part of what is dialled; what is no address is looked up.
        let Ok(address) = quoted[1].split('%').next().unwrap_or_default().parse() else { continue };
        let listed = quoted.iter().filter_map(|text| Network::parse(text)).skip(1).collect();
        let rules = NetworkRules { addresses: listed, ..NetworkRules::default() };
        assert_eq!(rules.refusal_of_address(address).is_none(), line.contains("true"), "{line}");
        count += 1;
    }
    assert!(count > 50, "{count} addresses were judged");
}

#[test]
fn addresses_are_read() {
    let place =
        |address: &str| Place::parse(address).map(|place| (place.scheme, place.account, place.bucket, place.key));
    let some = |scheme, account: Option<&str>, bucket: &str, key: &str| {
        Some((scheme, account.map(str::to_owned), bucket.to_owned(), key.to_owned()))
    };
    assert_eq!(place("s3://b/k/x.csv"), some(Scheme::S3, None, "b", "k/x.csv"));
    assert_eq!(place("GS://b"), some(Scheme::Google, None, "b", ""));
    assert_eq!(place("abfss://c@acc.dfs.core.windows.net/k"), some(Scheme::Azure, Some("acc"), "c", "k"));
    assert_eq!(place("az://c/k"), some(Scheme::Azure, None, "c", "k"));
    assert_eq!(place("https://h/p?q"), some(Scheme::Http, None, "https://h/p?q", ""));
    assert_eq!(place("ftp://h/p"), None);
    assert_eq!(place("/tmp/x"), None);
}
