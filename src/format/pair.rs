//! Two of a kind: header slots, log regions. Picking by parity cannot miss.

/// The one of two that an index names: even the first, odd the second.
#[inline]
pub fn pick<T: Copy>(pair: &[T; 2], index: usize) -> T {
    *pick_ref(pair, index)
}

/// The same, where it lies.
#[inline]
pub fn pick_ref<T>(pair: &[T; 2], index: usize) -> &T {
    let [even, odd] = pair;
    if index & 1 == 0 { even } else { odd }
}

/// The same, to be changed.
#[inline]
pub fn pick_mut<T>(pair: &mut [T; 2], index: usize) -> &mut T {
    let [even, odd] = pair;
    if index & 1 == 0 { even } else { odd }
}
