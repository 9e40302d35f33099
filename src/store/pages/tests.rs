//! The set of pages that were looked at.

use super::*;

#[test]
fn a_set_has_what_was_put_in_and_nothing_else() {
    let pages = 3 * CHUNK + 70;
    let set = PageSet::new(pages);
    assert!((0..pages).all(|page| !set.contains(page)));
    let chosen = [
        0,
        1,
        63,
        64,
        65,
        127,
        CHUNK - 1,
        CHUNK,
        CHUNK + 64,
        3 * CHUNK + 69,
    ];
    for page in chosen {
        set.insert(page);
    }
    let found: Vec<usize> = (0..pages).filter(|page| set.contains(*page)).collect();
    assert_eq!(found, chosen);
    // Beyond the file there is nothing to remember.
    set.insert(9 * CHUNK);
    assert!(!set.contains(9 * CHUNK));
}
