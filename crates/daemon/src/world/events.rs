//! Sends events to observers, and to listeners through their stdin.

use std::rc::Rc;

use supervisor_config::LogFormat;
use supervisor_core::Envelope;
use supervisor_core::Observed;
use supervisor_core::event::{Entered, Event};
use supervisor_core::ids::ProcId;
use supervisor_core::input::Input;
use supervisor_core::level::Level;
use supervisor_core::spec;
use supervisor_sys::io::stdin::CannotWrite;
use tokio::sync::broadcast;

use super::{OBSERVERS_ROOM, Slot, World};
use crate::capture::journal::{Journal, Style};
use crate::events;

impl World {
    /// Subscribes to all events from now on.
    pub fn observe(&self) -> broadcast::Receiver<Observed> {
        self.observers.get_or_init(|| broadcast::Sender::new(OBSERVERS_ROOM)).subscribe()
    }

    /// Writes to a process's stdin. `None`: the process has no stdin pipe.
    pub fn write_stdin(&self, proc: ProcId, bytes: &[u8]) -> Option<Result<(), CannotWrite>> {
        self.slots.get(&proc)?.write_stdin(bytes, || {})
    }

    /// Shows an event to observers.
    pub(super) fn emit(&mut self, event: &Rc<Event>) {
        if let Event::State { process, from, to } = &**event {
            self.parts.journal.say(Level::Trace, &events::change(process, *from, *to));
            if let Entered::Running { .. } = to {
                self.watch_descendants(process.proc);
            }
        }
        self.show(Observed::Event(Rc::clone(event)));
    }

    /// Sends something to observers.
    pub(super) fn show(&self, observed: Observed) {
        if let Some(observers) = self.observers.get() {
            // Sending fails if all observers have gone.
            let _ = observers.send(observed);
        }
    }

    /// Prints listeners' responses that are output on our stdout.
    pub(super) fn print(&mut self, lines: &[u8]) {
        if self.printer.get().is_none() {
            let printer = Journal::new(Style::Complaints, LogFormat::Text);
            match printer.open_pipe() {
                Ok(pipe) => self.add_voice(pipe, &spec::Sink::Stdout),
                Err(error) => {
                    let why = format!(
                        "dropping the output of a listener: cannot create a pipe: \
                     {error}"
                    );
                    return self.parts.journal.say(Level::Error, &why);
                }
            }
            let _ = self.printer.set(printer);
        }
        if let Some(printer) = self.printer.get() {
            printer.repeat(lines);
        }
    }

    /// Sends an event to a listener.
    pub(super) fn tell(&mut self, proc: ProcId, envelope: &Envelope) {
        let text = events::text(&self.parts.identifier, envelope);
        let serial = envelope.serial;
        let failed = Input::TellFailed { proc, serial };
        let (inbox, later) = (Rc::clone(&self.inbox), failed.clone());
        let slot = self.slots.get(&proc);
        let told =
            slot.and_then(|slot| slot.write_stdin(text.as_bytes(), move || inbox.push(later)));
        match told {
            Some(Ok(())) => {}
            None | Some(Err(CannotWrite::Closed | CannotWrite::Full)) => {
                self.answers.push_back(failed);
            }
        }
    }
}

impl Slot {
    /// Writes to its stdin. `None`: the process has no stdin pipe.
    fn write_stdin(
        &self,
        bytes: &[u8],
        broken: impl FnOnce() + 'static,
    ) -> Option<Result<(), CannotWrite>> {
        let written = self.stdin.as_ref()?.write(bytes, broken);
        if written == Err(CannotWrite::Full) {
            self.stdin_refused.set(self.stdin_refused.get() + 1);
        }
        Some(written)
    }
}
