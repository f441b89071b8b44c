//! What nobody would hear of otherwise: errors in the log, and panics that a task's end swallows.

use std::cell::RefCell;
use std::fmt;
use std::panic;
use std::sync::Once;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::oracle::Broken;

thread_local! {
    static HEARD: RefCell<Vec<Broken>> = const { RefCell::new(Vec::new()) };
}

static HOOK: Once = Once::new();

/// Runs this; the first alarm that was heard meanwhile breaks a rule.
pub fn hearing<T>(run: impl FnOnce() -> T) -> (T, Result<(), Broken>) {
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            hear("nothing panics", panic.to_string());
            before(panic);
        }));
    });
    HEARD.with_borrow_mut(Vec::clear);
    let result = tracing::subscriber::with_default(Errors, run);
    let heard = HEARD.with_borrow_mut(std::mem::take);
    (result, heard.into_iter().next().map_or(Ok(()), Err))
}

fn hear(rule: &'static str, what: String) {
    HEARD.with_borrow_mut(|heard| heard.push(Broken::new(rule, what)));
}

/// Hears errors, and nothing else.
struct Errors;

impl Subscriber for Errors {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && *metadata.level() == Level::ERROR
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut words = Words(String::new());
        event.record(&mut words);
        hear("no error is logged", words.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// An event's fields as text.
struct Words(String);

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.push_str(&format!("{field}={value:?} "));
    }
}
