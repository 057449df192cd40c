//! The moments between two system calls on a pipe, at which a test lets the program write or exit.
//!
//! The tests show that for any order of events a relay does not wait for output that has already
//! arrived.

#[cfg(test)]
type Act = Box<dyn FnMut()>;

#[cfg(test)]
thread_local! {
    static ACT: std::cell::RefCell<Option<Act>> = const { std::cell::RefCell::new(None) };
}

/// Lets the test act, if there is one.
#[cfg(test)]
pub(super) fn calls() {
    // The act must not run again within itself.
    let Some(mut act) = ACT.take() else { return };
    act();
    ACT.set(Some(act));
}

#[cfg(not(test))]
pub(super) const fn calls() {}

/// Makes `act` run between the calls of this thread.
#[cfg(test)]
pub(super) fn act(act: Option<Act>) {
    ACT.set(act);
}
