//! What is in a store and no part of it: links and folders in the place of folders and objects.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::store::{Site, creel, exit, succeeds};

/// Every verb that uses the store refuses it, and says what is wrong; nothing is written before that.
fn refused(site: &Site, words: &str) {
    let (a, b, store) = (site.path("a.db"), site.path("b.db"), site.store());
    let end = creel::log_info(Path::new(&a)).unwrap().last_index;
    let copy = site.digest("b.db");
    let calls: [&[&str]; 6] = [
        &["put", &a, "lost", "x", "--ack", "published"],
        &["replicate", "pull", &b, "--from", &store],
        &["replicate", "verify", &store],
        &["replicate", "snapshot", &a, "--to", &store],
        &["replicate", "init", &site.path("c.db"), "--from", &store],
        &["promote", &b, "--yes", "--store", &store],
    ];
    for call in calls {
        let output = creel(call).output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8(text).unwrap();
        assert_eq!(output.status.code(), Some(4), "{call:?}: {text}");
        assert!(text.contains(words), "{call:?}: {text}");
        assert!(!text.contains("--help"), "{call:?}: {text}");
    }
    assert_eq!(creel::log_info(Path::new(&a)).unwrap().last_index, end);
    assert!(!site.has("a.db", "lost"));
    assert_eq!(site.digest("b.db"), copy);
    assert!(exit(&["put", &b, "x", "y"]).0 == 10, "it is no primary");
}

/// Only the last part of a path was looked at: `log -> elsewhere` was read, called clean, and a write committed
/// here before the store refused it.
#[test]
fn a_log_behind_a_link_was_read_and_written_past() {
    let site = Site::with_copy();
    site.publish("a.db", "k");
    let store = site.dir.path().join("store");
    fs::rename(store.join("log"), store.join("elsewhere")).unwrap();
    symlink("elsewhere", store.join("log")).unwrap();
    refused(&site, "a link, a pipe or a device stands there");
    let behind = fs::read_dir(store.join("elsewhere")).unwrap();
    assert_eq!(behind.count(), 1);
    // Mended, all goes on; the store itself may be reached through a link.
    fs::remove_file(store.join("log")).unwrap();
    fs::rename(store.join("elsewhere"), store.join("log")).unwrap();
    fs::rename(&store, site.dir.path().join("moved")).unwrap();
    symlink("moved", &store).unwrap();
    site.publish("a.db", "k2");
    site.verify_store();
}

/// "cannot read: no plain file" ended with 2 and a hint at the help, and `verify` did not mention it.
#[test]
fn a_folder_at_the_next_number_was_a_wrong_usage() {
    let site = Site::with_copy();
    site.publish("a.db", "k");
    succeeds(&["replicate", "pull", &site.path("b.db"), "-q"]);
    let last = site.segments().pop().unwrap();
    let number: u64 = last.strip_suffix(".seg").unwrap().parse().unwrap();
    let next = format!("log/{:020}.seg", number + 1);
    let path = site.dir.path().join("store").join(&next);
    fs::create_dir(&path).unwrap();
    refused(&site, &next);
    fs::remove_dir(&path).unwrap();
    site.publish("a.db", "k2");
    site.verify_store();
}
