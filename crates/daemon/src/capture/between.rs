//! The moments between two system calls on a pipe, in which its program may write or end.
//!
//! A test acts there, to show that no order of events makes a relay wait for what has come already.

#[cfg(test)]
type Act = Box<dyn FnMut()>;

#[cfg(test)]
thread_local! {
    static ACT: std::cell::RefCell<Option<Act>> = const { std::cell::RefCell::new(None) };
}

/// Lets the test act, if there is one.
#[cfg(test)]
pub(super) fn calls() {
    // What acts calls nothing of ours that would act again.
    let Some(mut act) = ACT.take() else { return };
    act();
    ACT.set(Some(act));
}

#[cfg(not(test))]
pub(super) const fn calls() {}

/// From now on acts between calls of this thread.
#[cfg(test)]
pub(super) fn act(act: Option<Act>) {
    ACT.set(act);
}
