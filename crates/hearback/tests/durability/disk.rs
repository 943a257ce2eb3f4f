//! Disks that are full and databases that cannot be written: 503, and service resumes without a restart.

use std::path::Path;
use std::process::Command;

use crate::http::Connection;
use crate::server::{Server, mailgun, request};

/// A small file system of its own, unmounted at the end.
struct SmallDisk<'a>(&'a Path);

impl<'a> SmallDisk<'a> {
    /// `None` where this user may not mount.
    fn mount(at: &'a Path) -> Option<Self> {
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=6m", "tmpfs"]).arg(at).status();
        mounted.is_ok_and(|status| status.success()).then_some(Self(at))
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("--lazy").arg(self.0).status());
    }
}

/// Sends request number `serial` on a connection of its own; its status, and whether it said when to come again.
fn send(server: &Server, serial: u64) -> (u16, bool) {
    let answer = Connection::open(server.address).unwrap().send(&request(&*mailgun(), serial)).unwrap();
    (answer.status, answer.retry_after)
}

fn ready(server: &Server) -> u16 {
    Connection::open(server.address).unwrap().get("/readyz", "").unwrap().status
}

#[test]
fn a_full_disk_is_answered_503_until_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let Some(_disk) = SmallDisk::mount(folder.path()) else {
        // Mounting needs root; the test script runs as root in continuous integration.
        eprintln!("skipped: this user may not mount a small file system");
        return;
    };
    let mut server = Server::new(folder.path());
    server.start();
    let token = server.token();
    assert_eq!(send(&server, 0), (200, false));
    assert_eq!(ready(&server), 200);

    let ballast = folder.path().join("ballast");
    let mut full = std::fs::File::create(&ballast).unwrap();
    while std::io::Write::write_all(&mut full, &[7; 4096]).is_ok() {}
    let mut refused = Vec::new();
    let mut accepted = vec![0];
    // The log may still have some room in its files.
    for serial in 1..4000 {
        match send(&server, serial) {
            (200, _) => accepted.push(serial),
            (status, retry_after) => {
                assert_eq!((status, retry_after), (503, true));
                refused.push(serial);
            }
        }
        if refused.len() > 20 {
            break;
        }
    }
    assert!(refused.len() > 20, "the disk never filled");
    assert_eq!(ready(&server), 503);

    drop(full);
    std::fs::remove_file(ballast).unwrap();
    for serial in &refused {
        assert_eq!(send(&server, *serial), (200, false), "service resumes by itself");
    }
    assert_eq!(ready(&server), 200);
    let (events, _) = server.log(&token);
    assert_eq!(events.len(), accepted.len() + refused.len());
    assert!(events.values().all(|count| *count == 1));
}

#[test]
fn a_database_that_cannot_be_written_is_answered_503_until_it_can() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::new(folder.path());
    server.start();
    let token = server.token();
    assert_eq!(send(&server, 0).0, 200);
    let other = rusqlite::Connection::open(folder.path().join("hearback.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(send(&server, 1), (503, true));
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(send(&server, 1), (200, false));
    assert_eq!(server.log(&token).0.len(), 2);
}
