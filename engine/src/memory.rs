//! How much memory a thread holds, and how memory that was let go returns to the system.
//!
//! The allocator is the system's. While somebody wants to know, it counts what each thread takes and gives back; what
//! another thread gives back doesn't count. Whoever lets strangers allocate (`rpc/transport/turn.rs`) looks at the count
//! between two steps, and refuses the next step: nothing here ever refuses an allocation itself.
//!
//! Written here because crates that count (`cap`, `stats_alloc`, `peakmem-alloc`) count the whole process, always. jemalloc
//! counts by thread (`tikv-jemalloc-ctl`), but it would be another allocator in a library that Python loads.

#![allow(unsafe_code)]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    sync::atomic::{AtomicUsize, Ordering},
};

/// The system's allocator, which counts.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How many [`Meter`]s there are: without one nothing is counted.
static METERS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
}

fn count(bytes: isize) {
    if METERS.load(Ordering::Relaxed) > 0 {
        // Nobody looks any more where a thread is so near its end that it has no variables.
        let _ = HELD.try_with(|held| held.set(held.get().wrapping_add(bytes)));
    }
}

// SAFETY: every call goes to the system's allocator with what the caller promised it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller's promise.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size as isize - layout.size() as isize);
        // SAFETY: the caller's promise.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// Counts from its beginning on, on the thread that began it.
#[derive(Debug)]
pub(crate) struct Meter {
    begin: isize,
}

impl Meter {
    /// From now on.
    pub(crate) fn start() -> Self {
        METERS.fetch_add(1, Ordering::Relaxed);
        Self {
            begin: HELD.with(Cell::get),
        }
    }

    /// The bytes that this thread has taken since and not given back.
    pub(crate) fn held(&self) -> usize {
        let held = HELD.with(Cell::get).wrapping_sub(self.begin);
        usize::try_from(held).unwrap_or(0)
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        METERS.fetch_sub(1, Ordering::Relaxed);
    }
}

/// From this size on an allocation has pages of its own, which go back to the system with it. Smaller ones stay in the heaps:
/// the journal of one long transaction grows to 1 or 2 MiB, and would fault in as many pages each time.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const OWN_PAGES: libc::c_int = 4 << 20;
/// So much may lie free at a heap's end before it goes back to the system. Whoever works in rounds, such as a block after
/// the other, takes and gives back some MiB in each, and every page that comes anew from the system costs a fault.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const KEPT_FREE: libc::c_int = 8 << 20;

/// Has large allocations return to the system as soon as they are let go. Left alone, glibc takes the first large one that
/// is let go for a sign to keep the next ones (up to 32 MiB each) in its heaps, and twice as much free at their ends; told
/// of one limit it changes neither any more, so that both are told.
pub(crate) fn return_large_allocations() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: mallopt only sets numbers of glibc's allocator.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, OWN_PAGES);
        libc::mallopt(libc::M_TRIM_THRESHOLD, KEPT_FREE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_thread_takes_and_keeps_is_counted() {
        let meter = Meter::start();
        let before = meter.held();
        let mut kept = vec![1_u8; 100_000];
        assert!(meter.held() >= before + 100_000);
        kept.reserve_exact(200_000);
        assert!(meter.held() >= before + 300_000);
        drop(kept);
        assert!(meter.held() < before + 100_000);
    }

    #[test]
    fn what_other_threads_take_is_theirs() {
        let meter = Meter::start();
        let before = meter.held();
        let kept = std::thread::spawn(|| vec![1_u8; 1_000_000]).join();
        assert!(meter.held() < before + 500_000);
        drop(kept);
        assert!(meter.held() < before + 500_000);
    }
}
