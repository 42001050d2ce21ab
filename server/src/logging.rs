//! How log lines look: text for people, JSON for machines. Each carries the id of the request on whose behalf it was written, if there is one.
//!
//! What goes into them is decided where they are written; the rule there is: no content, no token, no key, no password, no name of anybody.

use std::fmt;

use serde_json::{Map, Value};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    fmt::{
        FmtContext, FormatEvent, FormatFields,
        format::Writer,
        time::{FormatTime as _, SystemTime},
    },
    registry::LookupSpan,
};

use crate::http::request_id::RequestId;

/// For whom log lines are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// People: time, level, part of the program, message, then the fields.
    #[default]
    Text,
    /// Machines: one JSON object a line.
    Json,
}

/// Formats events; give it to `tracing_subscriber::fmt().event_format(…)`.
#[derive(Debug, Clone, Copy)]
pub struct Lines(pub LogFormat);

/// The fields of an event, in their order.
#[derive(Default)]
struct Fields {
    message: String,
    target: Option<String>,
    others: Vec<(&'static str, Value)>,
}

impl Fields {
    fn take(&mut self, field: &Field, value: Value) {
        let text = |value: Value| match value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        match field.name() {
            "message" => self.message = text(value),
            // Events of libraries that use another facade bring where they come from as fields.
            "log.target" => self.target = Some(text(value)),
            name if name.starts_with("log.") => {}
            name => self.others.push((name, value)),
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.take(field, format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.take(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.take(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.take(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.take(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.take(field, value.into());
    }
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _context: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        if let Some(id) = RequestId::current() {
            fields.others.push(("request", id.to_string().into()));
        }
        let metadata = event.metadata();
        let target = fields.target.take().unwrap_or_else(|| metadata.target().to_owned());
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        match self.0 {
            LogFormat::Text => text(&mut out, &time, *metadata.level(), &target, &fields),
            LogFormat::Json => {
                let mut line = Map::new();
                line.insert("time".into(), time.into());
                line.insert("level".into(), metadata.level().as_str().into());
                line.insert("target".into(), target.into());
                line.insert("message".into(), fields.message.into());
                for (name, value) in fields.others {
                    line.insert(name.into(), value);
                }
                writeln!(out, "{}", Value::Object(line))
            }
        }
    }
}

fn text(out: &mut Writer<'_>, time: &str, level: Level, target: &str, fields: &Fields) -> fmt::Result {
    let colour = match level {
        Level::ERROR => "31",
        Level::WARN => "33",
        Level::INFO => "32",
        Level::DEBUG => "34",
        Level::TRACE => "35",
    };
    if out.has_ansi_escapes() {
        write!(
            out,
            "\u{1b}[2m{time}\u{1b}[0m \u{1b}[{colour}m{level:>5}\u{1b}[0m \u{1b}[2m{target}:\u{1b}[0m "
        )?;
    } else {
        write!(out, "{time} {level:>5} {target}: ")?;
    }
    plain(out, &fields.message)?;
    for (name, value) in &fields.others {
        write!(out, " {name}=")?;
        match value {
            Value::String(text) => plain(out, text)?,
            other => write!(out, "{other}")?,
        }
    }
    writeln!(out)
}

/// Text that stays on its line and does nothing to a terminal, wherever it comes from.
fn plain(out: &mut Writer<'_>, text: &str) -> fmt::Result {
    for c in text.chars() {
        if c.is_control() {
            write!(out, "{}", c.escape_default())?;
        } else {
            out.write_char(c)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Captured(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: LogFormat, write: impl FnOnce()) -> String {
        let captured = Captured::default();
        let writer = captured.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .event_format(Lines(format))
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, write);
        let bytes = captured.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn one_event_is_one_line_whatever_is_in_it() {
        let event = || tracing::warn!(jobs = 3_u64, error = %"a\nb\u{1b}[31m", "it failed");
        let text = logged(LogFormat::Text, event);
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.contains(" WARN server::logging"), "{text}");
        assert!(text.ends_with("it failed jobs=3 error=a\\nb\\u{1b}[31m\n"), "{text}");
        let json = logged(LogFormat::Json, event);
        assert_eq!(json.lines().count(), 1, "{json}");
        let json: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(
            (&json["level"], &json["message"], &json["jobs"], &json["error"]),
            (&"WARN".into(), &"it failed".into(), &3.into(), &"a\nb\u{1b}[31m".into())
        );
        assert!(json["time"].as_str().unwrap().ends_with('Z'), "{json}");
    }
}
