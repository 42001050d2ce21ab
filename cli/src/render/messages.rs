//! Messages, sent and received.

use client::vault::{Direction, LimitMode, LimitedTerms, MessageBody, MessageState, StoredMessage};
use client::{Address, LicenseReport, Playback, SafetyNumber, Sent};
use console::Style;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::{Render, ended_word, escape, short, time, wrap};
use crate::exit::Failure;

impl Render {
    /// What became of a message that was sent.
    ///
    /// # Errors
    /// Standard output.
    pub fn sent(
        &self,
        sent: &Sent,
        limit: Option<(u8, LimitMode)>,
        number: Option<&SafetyNumber>,
    ) -> Result<(), Failure> {
        let id = sent.id.to_string();
        self.show(
            || {
                let mut object = json!({ "id": id, "to": sent.to.to_string(), "state": sent.state.word() });
                if let Some((limit, mode)) = limit {
                    object["limited"] = json!({ "mode": mode.word(), "limit": limit });
                }
                if sent.succeeded {
                    object["new_identity"] = json!(true);
                }
                if let (true, Some(number)) = (sent.first_contact, number) {
                    object["first_contact"] = json!(true);
                    object["safety_number"] = json!(number.to_string());
                }
                object
            },
            || {
                let how = if sent.state == MessageState::Queued {
                    "kept for"
                } else {
                    "sent to"
                };
                let limited = limit
                    .map(|(limit, mode)| match mode {
                        LimitMode::Counted => format!(", opens {}", times(limit)),
                        LimitMode::Oblivious => format!(", opens {}, which the relay does not know", times(limit)),
                    })
                    .unwrap_or_default();
                format!(
                    "{how} {}{limited} {}",
                    sent.to,
                    Style::new().dim().apply_to(format!("({})", short(&id)))
                )
            },
        )?;
        if sent.succeeded {
            self.notice(&format!(
                "{} has a new identity, and the one you knew vouches for it; the safety number has changed",
                sent.to
            ));
        }
        if let (false, true, Some(number)) = (self.json, sent.first_contact, number) {
            self.notice(&format!(
                "first message to {}. Your safety number, to compare over another channel:",
                sent.to
            ));
            self.out(&super::people::groups(number))?;
        }
        Ok(())
    }

    /// Received messages.
    ///
    /// # Errors
    /// Standard output.
    pub fn inbox(&self, messages: &[StoredMessage]) -> Result<(), Failure> {
        if messages.is_empty() && !self.json {
            return self.out("No new messages.");
        }
        messages.iter().try_for_each(|message| {
            self.show(
                || {
                    let mut object = Map::new();
                    object.insert("id".into(), json!(message.id.to_string()));
                    object.insert("from".into(), json!(message.peer.as_str()));
                    object.insert("sent_at".into(), json!(message.sent_at));
                    body_into(&mut object, &message.body);
                    Value::Object(object)
                },
                || self.paragraph(message),
            )
        })
    }

    /// One in rows of the terminal.
    pub(crate) fn rows_of(&self, message: &StoredMessage) -> Vec<String> {
        let folded = wrap::fold(&self.paragraph(message), super::columns(), super::HANG);
        folded.lines().map(str::to_owned).collect()
    }

    /// Messages both ways.
    ///
    /// # Errors
    /// Standard output.
    pub fn history(&self, messages: &[StoredMessage], own: &str) -> Result<(), Failure> {
        if messages.is_empty() && !self.json {
            return self.out("No messages yet.");
        }
        messages.iter().try_for_each(|message| {
            self.show(
                || {
                    let incoming = message.direction == Direction::Incoming;
                    let (from, to) = if incoming {
                        (message.peer.as_str(), own)
                    } else {
                        (own, message.peer.as_str())
                    };
                    let mut object = Map::new();
                    object.insert("id".into(), json!(message.id.to_string()));
                    object.insert("direction".into(), json!(if incoming { "in" } else { "out" }));
                    object.insert("from".into(), json!(from));
                    object.insert("to".into(), json!(to));
                    object.insert("sent_at".into(), json!(message.sent_at));
                    object.insert("state".into(), json!(message.state.word()));
                    if let MessageState::Failed(reason) = &message.state {
                        object.insert("reason".into(), json!(reason));
                    }
                    body_into(&mut object, &message.body);
                    Value::Object(object)
                },
                || self.paragraph(message),
            )
        })
    }

    /// Before a new identity is accepted: which messages go to it. On standard error, by count, with each one's short id and first words.
    pub fn goes_to_new_identity(&self, peer: &Address, messages: &[StoredMessage]) {
        if messages.is_empty() {
            return;
        }
        let (count, go) = match messages.len() {
            1 => ("1 message".to_owned(), "goes"),
            more => (format!("{more} messages"), "go"),
        };
        let mut text =
            format!("{count} to {peer} may not have arrived, and {go} to the new identity when it is accepted:");
        for message in messages.iter().take(NAMED) {
            let words = match &message.body {
                MessageBody::Text(text) => first_words(text),
                MessageBody::Limited(terms, _) => format!("[limited: opens {}]", times(terms.limit)),
                MessageBody::Unknown => "[of another version]".to_owned(),
            };
            text.push_str(&format!("\n  {}  {words}", short(&message.id.to_string())));
        }
        if let Some(more) = messages.len().checked_sub(NAMED).filter(|more| *more > 0) {
            text.push_str(&format!("\n  and {more} more, see the history"));
        }
        let ids: Vec<String> = messages.iter().map(|message| message.id.to_string()).collect();
        self.notice_with(&text, "goes_to_new_identity", &json!(ids));
    }

    /// A play, by command: its text on standard output.
    ///
    /// # Errors
    /// Standard output.
    pub fn play(&self, playback: &Playback) -> Result<(), Failure> {
        if self.json {
            return self.object(&json!({
                "id": playback.id.to_string(), "from": playback.from.as_str(), "text": playback.text.as_str(),
                "play": playback.play, "plays": playback.plays,
            }));
        }
        self.notice(&format!(
            "from {}, play {} of {}",
            escape::line(playback.from.as_str()),
            playback.play,
            playback.plays
        ));
        let text = Zeroizing::new(escape::paragraph(&playback.text));
        match super::columns() {
            // To a program or a file it goes as it is.
            None => self.lines_as_they_are(&text),
            columns => self.lines_as_they_are(&Zeroizing::new(wrap::behind_bar(&text, columns))),
        }
    }

    /// A limited message of ours.
    ///
    /// # Errors
    /// Standard output.
    pub fn license(&self, report: &LicenseReport) -> Result<(), Failure> {
        self.show(
            || {
                let mut limited = limited(&report.terms);
                limited["state"] = json!(ended_word(report.terms.ended));
                limited["requests"] = json!(report.requests);
                if let Some(play) = report.went_back {
                    limited["relay_went_back_behind"] = json!(play);
                }
                if let Some(reason) = &report.unreadable {
                    limited["unreadable"] = json!(reason);
                }
                json!({ "id": report.id.to_string(), "to": report.to.as_str(), "limited": limited })
            },
            || {
                let (used, limit) = (report.terms.used, report.terms.limit);
                let count = match (report.terms.mode, &report.unreadable) {
                    (LimitMode::Counted, _) => format!("{used} of {limit} plays used"),
                    (LimitMode::Oblivious, None) => {
                        let all = if used_up(&report.terms) { ", used up" } else { "" };
                        format!(
                            "seen {used} of {limit}{all} (the relay answered {} and does not know this)",
                            requests(report.requests)
                        )
                    }
                    (LimitMode::Oblivious, Some(_)) => format!("seen {used} of {limit} when it was last readable"),
                };
                format!(
                    "message {} to {}: {count}, {}",
                    short(&report.id.to_string()),
                    escape::line(report.to.as_str()),
                    ended_word(report.terms.ended)
                )
            },
        )?;
        if let (false, Some(reason)) = (self.json, &report.unreadable) {
            self.warning(&escape::line(reason));
        }
        if let (false, Some(play)) = (self.json, report.went_back) {
            self.warning(&format!(
                "the relay denies play {play}: its signed receipts contradict each other. A backup was restored there, or it shows you and the recipient different counts; do \
                 not rely on this limit"
            ));
        }
        Ok(())
    }
}

/// As many messages are named one by one.
const NAMED: usize = 20;
/// So much of a message tells which one it is, in characters.
const WORDS: usize = 40;

/// The beginning of a text, in one line.
fn first_words(text: &str) -> String {
    let line = escape::line(text);
    let mut words: String = line.chars().take(WORDS).collect();
    if words.len() < line.len() {
        words.push('…');
    }
    words
}

fn limited(terms: &LimitedTerms) -> Value {
    json!({ "mode": terms.mode.word(), "limit": terms.limit, "used": terms.used })
}

fn body_into(object: &mut Map<String, Value>, body: &MessageBody) {
    match body {
        MessageBody::Text(text) => object.insert("text".into(), json!(text)),
        MessageBody::Limited(terms, _) => object.insert("limited".into(), limited(terms)),
        MessageBody::Unknown => object.insert("unknown".into(), json!(true)),
    };
}

impl Render {
    /// A message for people: who and when, then what.
    fn paragraph(&self, message: &StoredMessage) -> String {
        let incoming = message.direction == Direction::Incoming;
        let peer = escape::line(message.peer.user().as_str());
        let who = if incoming { peer } else { format!("you to {peer}") };
        let who = if incoming {
            Style::new().cyan().bold().apply_to(who)
        } else {
            Style::new().green().apply_to(who)
        };
        let state = match &message.state {
            MessageState::Queued => ", waiting for the relay".to_owned(),
            MessageState::Sent => ", sent".to_owned(),
            MessageState::Delivered => ", delivered".to_owned(),
            MessageState::Read => ", read".to_owned(),
            MessageState::Failed(reason) => format!(", not delivered: {}", escape::line(reason)),
            // Theirs: that they are here says it.
            MessageState::New | MessageState::Seen => String::new(),
        };
        let about = format!(
            "{}{state}, {}",
            time::utc(message.sent_at),
            short(&message.id.to_string())
        );
        format!("{who}  {}\n{}", Style::new().dim().apply_to(about), self.words(message))
    }

    /// What was written is behind a bar; what the client says in its place is not.
    fn words(&self, message: &StoredMessage) -> String {
        let said = match &message.body {
            MessageBody::Text(text) => return wrap::behind_bar(&escape::paragraph(text), super::columns()),
            MessageBody::Limited(terms, _) => {
                let state = match terms.ended {
                    Some(ended) => ended_word(Some(ended)).to_owned(),
                    // In oblivious mode the relay does not know that it is over.
                    None if used_up(terms) => format!("{}, used up", opened(terms.used)),
                    // The interactive client offers it by itself.
                    None if message.direction == Direction::Incoming && self.menu => opened(terms.used),
                    None if message.direction == Direction::Incoming => {
                        let id = message.id.to_string();
                        let command = format!("play {}", short(&id));
                        format!("{}; to open it: {}", opened(terms.used), self.how(&command, ""))
                    }
                    None => format!("{}, as far as we know", opened(terms.used)),
                };
                let how = match terms.mode {
                    LimitMode::Counted => "",
                    LimitMode::Oblivious => ", unseen by the relay",
                };
                format!("[limited: opens {}{how}; {state}]", times(terms.limit))
            }
            MessageBody::Unknown => {
                "[a kind of message that this version cannot show; a newer latchkey may]".to_owned()
            }
        };
        format!("  {said}")
    }
}

/// Nothing is left, as far as is known here.
#[must_use]
pub fn used_up(terms: &LimitedTerms) -> bool {
    terms.used >= terms.limit
}

fn requests(count: u64) -> String {
    match count {
        1 => "1 request".to_owned(),
        more => format!("{more} requests"),
    }
}

fn opened(count: u8) -> String {
    if count == 0 {
        "not opened yet".to_owned()
    } else {
        format!("opened {}", times(count))
    }
}

fn times(count: u8) -> String {
    match count {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        more => format!("{more} times"),
    }
}
