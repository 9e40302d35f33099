//! A set of pages.

use crate::store::bits::PageBits;

#[test]
fn pages_are_in_it_once() {
    let mut bits = PageBits::new(200);
    assert!(bits.add(60, 10) && bits.add(130, 1));
    assert!(!bits.add(69, 1) && !bits.add(199, 2));
    assert!(bits.has(60) && bits.has(69) && !bits.has(70) && !bits.has(5000));
    // One of several is in it already: the others are then, too.
    assert!(!bits.add(68, 4) && bits.has(70) && bits.has(71) && !bits.has(72));
    assert_eq!(bits.runs(50, 140, true), [(60, 12), (130, 1)]);
    assert_eq!(bits.runs(50, 131, false), [(50, 10), (72, 58)]);
}
