//! Answers and what becomes of them: one for each request, joined into the response to its body, collected for Python.

use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::{Mutex, MutexGuard};

use super::envelope;
use super::framing::Framing;
use super::response::Response;
use super::work::Work;
use crate::rpc::{Answer, RpcError};

/// The duty to answer one request, exactly once. Dropped without an answer, it says that the node stops.
pub(super) struct Reply(Option<Box<dyn FnOnce(Answer) + Send>>);

impl std::fmt::Debug for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reply")
    }
}

impl Reply {
    /// Answers by calling `deliver`.
    pub(super) fn new(deliver: impl FnOnce(Answer) + Send + 'static) -> Self {
        Self(Some(Box::new(deliver)))
    }

    /// Answers.
    pub(super) fn send(mut self, answer: Answer) {
        self.deliver(answer);
    }

    fn deliver(&mut self, answer: Answer) {
        if let Some(deliver) = self.0.take() {
            deliver(answer);
        }
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        self.deliver(Err(RpcError::server("the node is stopping")));
    }
}

/// Where an answer goes: under which token, and in which form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket {
    /// Python's name for the request.
    pub token: u64,
    /// What goes before the answer.
    pub framing: Framing,
}

/// A batch whose responses come from several threads.
pub(super) struct Assembly {
    ticket: Ticket,
    work: Arc<Work>,
    slots: Mutex<Vec<Option<Vec<u8>>>>,
    missing: AtomicUsize,
    completions: Arc<Completions>,
}

impl Assembly {
    /// A batch of `size` requests. Nothing leaves before [`Assembly::release`] has been called once, too.
    pub(super) fn new(
        ticket: Ticket,
        work: Arc<Work>,
        size: usize,
        completions: Arc<Completions>,
    ) -> Arc<Self> {
        Arc::new(Self {
            ticket,
            work,
            slots: Mutex::new(vec![None; size]),
            missing: AtomicUsize::new(size + 1),
            completions,
        })
    }

    /// The reply of the request at `index`. Without an id it is a notification: run, but not answered.
    pub(super) fn reply(self: &Arc<Self>, index: usize, id: Option<&str>) -> Reply {
        let assembly = self.clone();
        let id = id.map(Box::<str>::from);
        Reply::new(move |answer| {
            let response = id.map(|id| envelope::response(&id, assembly.work.admit(answer)));
            assembly.fill(index, response);
        })
    }

    /// All requests are on their way. Returns the body if all have been answered meanwhile.
    pub(super) fn release(&self) -> Option<Response> {
        (self.missing.fetch_sub(1, Ordering::AcqRel) == 1).then(|| self.join())
    }

    fn fill(&self, index: usize, response: Option<Vec<u8>>) {
        if let Some(slot) = self.slots.lock().get_mut(index) {
            *slot = response;
        }
        if self.missing.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.completions.push(self.ticket, self.join());
        }
    }

    fn join(&self) -> Response {
        let slots = std::mem::take(&mut *self.slots.lock());
        let body = envelope::batch(slots.into_iter().flatten());
        self.work.response(body)
    }
}

/// Finished responses with their tickets, until Python fetches them.
///
/// When the first one arrives a file descriptor becomes readable, which an event loop can wait for together with its
/// sockets, so that no thread has to sleep here and wake the loop in its turn.
#[derive(Debug)]
pub(super) struct Completions {
    finished: Mutex<Finished>,
    wakeup: Wakeup,
}

#[derive(Debug, Default)]
struct Finished {
    responses: Vec<(Ticket, Response)>,
    is_signalled: bool,
    /// How many are about to finish more at once, and signal when they are through.
    gathering: usize,
}

/// A pipe that holds a byte while there is something to fetch.
#[derive(Debug)]
struct Wakeup {
    writer: PipeWriter,
    reader: PipeReader,
}

impl Completions {
    /// Nothing is finished.
    pub(super) fn new() -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        Ok(Self {
            finished: Mutex::default(),
            wakeup: Wakeup { writer, reader },
        })
    }

    /// Readable while there is something to fetch. Not to be read from or closed by the caller.
    pub(super) fn wakeup_fd(&self) -> RawFd {
        self.wakeup.reader.as_raw_fd()
    }

    /// Finishes several bodies: whoever waits is woken once, after the last one.
    pub(super) fn gather(&self, finish: impl FnOnce()) {
        struct Gathering<'a>(&'a Completions);
        impl Drop for Gathering<'_> {
            fn drop(&mut self) {
                let mut finished = self.0.finished.lock();
                finished.gathering -= 1;
                self.0.signal(finished);
            }
        }
        self.finished.lock().gathering += 1;
        let _gathering = Gathering(self);
        finish();
    }

    /// The reply of a lone request: its response is the whole body.
    pub(super) fn reply(
        self: &Arc<Self>,
        ticket: Ticket,
        work: Arc<Work>,
        id: Option<&str>,
    ) -> Reply {
        let completions = self.clone();
        let id = id.map(Box::<str>::from);
        Reply::new(move |answer| {
            let response = id.map(|id| envelope::response(&id, work.admit(answer)));
            completions.push(ticket, work.response(response.unwrap_or_default()));
        })
    }

    /// A large response is framed here already: elsewhere an event loop would have to move it.
    fn push(&self, mut ticket: Ticket, mut response: Response) {
        if response.is_large() {
            let head = ticket.framing.head(response.body().len());
            response = response.after(&head);
            ticket.framing = Framing::Bare;
        }
        let mut finished = self.finished.lock();
        finished.responses.push((ticket, response));
        self.signal(finished);
    }

    fn signal(&self, mut finished: MutexGuard<'_, Finished>) {
        if finished.gathering > 0 || finished.responses.is_empty() {
            return;
        }
        let was_signalled = std::mem::replace(&mut finished.is_signalled, true);
        drop(finished);
        if !was_signalled {
            // A pipe whose reading end is open and that holds next to nothing takes a byte.
            let _ = (&self.wakeup.writer).write(&[0]);
        }
    }

    /// Everything finished since the last call.
    pub(super) fn fetch(&self) -> Vec<(Ticket, Response)> {
        let (responses, was_signalled) = {
            let mut finished = self.finished.lock();
            (
                std::mem::take(&mut finished.responses),
                std::mem::take(&mut finished.is_signalled),
            )
        };
        if was_signalled {
            // The byte is there, or whoever set the flag is just writing it.
            let _ = (&self.wakeup.reader).read(&mut [0]);
        }
        responses
    }
}

#[cfg(test)]
mod tests {
    use super::super::work::ServingRules;
    use super::*;
    use crate::chain::RpcLimits;

    fn work() -> Arc<Work> {
        Work::new(&ServingRules::new(RpcLimits::default()), 0)
    }

    fn nothing_finished() -> Arc<Completions> {
        match Completions::new() {
            Ok(completions) => Arc::new(completions),
            Err(error) => panic!("{error}"),
        }
    }

    fn ticket(token: u64) -> Ticket {
        Ticket {
            token,
            framing: Framing::Bare,
        }
    }

    fn fetched(completions: &Completions) -> Vec<(u64, String)> {
        completions
            .fetch()
            .into_iter()
            .map(|(t, b)| (t.token, String::from_utf8_lossy(b.body()).into_owned()))
            .collect()
    }

    #[test]
    fn a_batch_keeps_its_order_whoever_answers_first() {
        let completions = nothing_finished();
        let assembly = Assembly::new(ticket(7), work(), 3, completions.clone());
        let replies: Vec<Reply> = ["1", "2", "3"]
            .iter()
            .enumerate()
            .map(|(i, id)| assembly.reply(i, Some(id)))
            .collect();
        assert_eq!(assembly.release(), None);
        for (index, reply) in replies.into_iter().enumerate().rev() {
            assert_eq!(fetched(&completions), vec![]);
            reply.send(Ok(format!("\"{index}\"").into_bytes()));
        }
        let body = (0..3)
            .map(|i| format!(r#"{{"jsonrpc":"2.0","id":{},"result":"{i}"}}"#, i + 1))
            .collect::<Vec<_>>()
            .join(",");
        assert_eq!(fetched(&completions), vec![(7, format!("[{body}]"))]);
    }

    #[test]
    fn what_is_answered_at_once_does_not_pass_through_completions() {
        let completions = nothing_finished();
        let assembly = Assembly::new(ticket(7), work(), 1, completions.clone());
        assembly.reply(0, Some("1")).send(Ok(b"true".to_vec()));
        let body = assembly.release();
        assert_eq!(
            body.as_ref().map(Response::body),
            Some(br#"[{"jsonrpc":"2.0","id":1,"result":true}]"#.as_slice())
        );
        assert_eq!(fetched(&completions), vec![]);
    }

    #[test]
    fn a_notification_is_not_answered() {
        let completions = nothing_finished();
        let assembly = Assembly::new(ticket(7), work(), 2, completions.clone());
        let (silent, answered) = (assembly.reply(0, None), assembly.reply(1, Some("1")));
        assert_eq!(assembly.release(), None);
        silent.send(Ok(b"1".to_vec()));
        answered.send(Ok(b"2".to_vec()));
        let body = r#"[{"jsonrpc":"2.0","id":1,"result":2}]"#.to_owned();
        assert_eq!(fetched(&completions), vec![(7, body)]);
    }

    #[test]
    fn a_forgotten_reply_is_an_error_not_silence() {
        let completions = nothing_finished();
        drop(completions.reply(ticket(7), work(), Some("1")));
        let bodies = fetched(&completions);
        assert!(bodies[0].1.contains("the node is stopping"), "{bodies:?}");
    }

    #[test]
    fn a_lone_request_is_answered_without_brackets_and_a_notification_with_nothing() {
        let completions = nothing_finished();
        for id in [Some("1"), None] {
            completions
                .reply(ticket(7), work(), id)
                .send(Ok(b"true".to_vec()));
        }
        let response = r#"{"jsonrpc":"2.0","id":1,"result":true}"#.to_owned();
        assert_eq!(
            fetched(&completions),
            vec![(7, response), (7, String::new())]
        );
    }

    #[test]
    fn many_wake_once_and_nothing_does_when_all_are_fetched() {
        let completions = nothing_finished();
        for token in 0..3 {
            completions.push(ticket(token), Response::default());
        }
        assert!(completions.finished.lock().is_signalled);
        assert_eq!(completions.fetch().len(), 3);
        // The one byte has been read: another push writes one, which a read finds without waiting.
        assert!(!completions.finished.lock().is_signalled);
        completions.push(ticket(3), Response::default());
        let mut bytes = [0; 8];
        assert_eq!((&completions.wakeup.reader).read(&mut bytes).ok(), Some(1));
    }

    #[test]
    fn who_finishes_many_wakes_once_at_the_end() {
        let completions = nothing_finished();
        completions.gather(|| {
            completions.push(ticket(1), Response::default());
            completions.push(ticket(2), Response::default());
            assert!(!completions.finished.lock().is_signalled);
        });
        assert!(completions.finished.lock().is_signalled);
        assert_eq!(completions.fetch().len(), 2);
        completions.gather(|| {});
        assert!(!completions.finished.lock().is_signalled);
    }
}
