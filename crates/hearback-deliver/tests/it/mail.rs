//! Mails, through a mail server that speaks just enough SMTP.

use std::sync::{Arc, Mutex};

use hearback_deliver::Email;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::receiver::Receiver;
use crate::world::{World, destination, event};

/// Takes mails; the first one it refuses for now.
struct MailServer {
    url: String,
    mails: Arc<Mutex<Vec<String>>>,
    count: watch::Receiver<usize>,
}

impl MailServer {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("smtp://{}", listener.local_addr().unwrap());
        let mails: Arc<Mutex<Vec<String>>> = Arc::default();
        let (counted, count) = watch::channel(0);
        let shared = Arc::clone(&mails);
        tokio::spawn(async move {
            let mut connections = 0;
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                connections += 1;
                if let Some(mail) = serve(stream, connections == 1).await {
                    shared.lock().unwrap().push(mail);
                    counted.send_modify(|count| *count += 1);
                }
            }
        });
        Self { url, mails, count }
    }
}

async fn serve(stream: TcpStream, refuses: bool) -> Option<String> {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 test\r\n").await.ok()?;
    let mut mail = None;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return mail;
        }
        let answer: &[u8] = match line.split_whitespace().next().unwrap_or_default() {
            "EHLO" => b"250 test\r\n",
            "RCPT" if refuses => b"451 4.3.0 alice@example.com later\r\n",
            "DATA" => {
                stream.write_all(b"354 go on\r\n").await.ok()?;
                let mut text = String::new();
                while !text.ends_with("\r\n.\r\n") {
                    stream.read_line(&mut text).await.ok()?;
                }
                mail = Some(text);
                b"250 taken\r\n"
            }
            "QUIT" => {
                stream.write_all(b"221 bye\r\n").await.ok()?;
                return mail;
            }
            _ => b"250 ok\r\n",
        };
        stream.write_all(answer).await.ok()?;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_says_what_happened_and_is_sent_again_under_the_same_id() {
    let mut server = MailServer::start().await;
    let (world, nobody) = (World::new(), Receiver::willing().await);
    let email = Email::new(
        &server.url,
        "Hearback <hearback@example.com>",
        &["ops@example.com".to_owned(), "Desk <desk@example.com>".to_owned()],
    );
    let mut mails = destination("mails", &nobody);
    mails.carrier = Box::new(email.unwrap());
    assert!(!mails.carrier.target().contains("ops@example.com"), "{}", mails.carrier.target());
    let running = world.start(vec![mails]).await;
    let mut bounce = event(3);
    bounce.subject = Some("Dein Aufenthalt in München".to_owned());
    world.submit(bounce).await;
    server.count.wait_for(|count| *count == 1).await.unwrap();
    let state = world.until("mails", |state| state.delivered == 1).await;
    assert_eq!(state.last_failure.unwrap().1, "the mail server answered 451");
    running.stop().await;
    let mail = server.mails.lock().unwrap()[0].clone();
    let id = world.ids().await.remove(0);
    for part in [
        "From: Hearback <hearback@example.com>",
        "Subject: Bounced: guest0@example.com",
        &format!("Message-ID: <{id}@hearback.invalid>"),
        "ops@example.com",
        "desk@example.com",
    ] {
        assert!(mail.contains(part), "{part}\n{mail}");
    }
}

#[test]
fn what_is_wrong_is_said_without_the_password() {
    let new = |url: &str, from: &str| Email::new(url, from, &["ops@example.com".to_owned()]).unwrap_err();
    for url in ["smtp.example.com", "https://user:hidden@example.com", "smtp://"] {
        let problem = new(url, "a@b.example");
        assert!(problem.contains("smtps://user:password@host") && !problem.contains("hidden"), "{problem}");
    }
    assert!(new("smtps://smtp.example.com", "nobody").starts_with("`from`: expected an address"));
}
