//! The page that shows the end of a log and follows it.

use std::fmt::Write;

use supervisor_core::event::Channel;
use supervisor_wire::http::form;

use super::html::{Button, Escaped, document};

/// The end of a log, or the reason why it cannot be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tail {
    /// The name of the program in the request.
    pub(crate) spec: String,
    pub(crate) channel: Channel,
    /// The size in the request, in bytes.
    pub(crate) limit: Option<u64>,
    pub(crate) text: Result<Text, String>,
}

/// A piece of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Text {
    pub(crate) text: String,
    /// Position of the piece's end in the file.
    pub(crate) end: u64,
    /// Whether the latest output is kept only in memory, without a file.
    pub(crate) in_memory: bool,
}

/// The page.
pub(crate) fn tail_page(tail: &Tail) -> String {
    let Tail { spec, channel, limit, text } = tail;
    let link = |channel: Channel| {
        let mut link = format!("tail.html?processname={}", form::encoded(spec));
        if channel == Channel::Stderr {
            link.push_str("&amp;channel=stderr");
        }
        if let Some(limit) = limit {
            let _ = write!(link, "&amp;limit={limit}");
        }
        link
    };
    let encoded = form::encoded(spec);
    let tab = |of: Channel| {
        let current = if of == *channel { r#" aria-current="page""# } else { "" };
        format!(r#"<a href="{}"{current}>{}</a>"#, link(of), of.name())
    };
    let raw = match channel {
        Channel::Stdout => String::new(),
        Channel::Stderr => "/stderr".to_owned(),
    };
    let question = format!("Clear the logs of {spec}?");
    let clear = Button {
        action: "clearlog",
        to: Some(spec),
        label: "Clear log",
        api: &format!("api/v1/programs/{encoded}/clear"),
        states: "",
        hidden: false,
        question: Some(&question),
    };
    let (stream, shown) = match text {
        Ok(Text { text, end, .. }) => {
            let path = format!("api/v1/programs/{encoded}/logs/{}/stream", channel.name());
            (format!(r#" data-stream="{path}" data-end="{end}""#), text)
        }
        Err(why) => (String::new(), why),
    };
    let memory = match text {
        Ok(Text { in_memory: true, .. }) => " · the latest output, kept in memory",
        Ok(Text { in_memory: false, .. }) | Err(_) => "",
    };
    let body = format!(
        r#"<header>
<div><p class="quiet"><a href="index.html">All programs</a> · <a href="program.html?processname={encoded}">Runs and usage</a></p><h1>{name}</h1></div>
<div class="buttons"><nav>{stdout}{stderr}</nav><a class="button" href="{refresh}">Refresh</a>
{clear}</div>
</header>
<div id="status_msg" class="status_msg" role="status"></div>
<main>
<div class="log"><p class="quiet" id="live">snapshot · <a href="logtail/{encoded}{raw}">raw stream</a>{memory}</p>
<pre id="log" tabindex="0"{stream}>{shown}</pre></div>
</main>"#,
        name = Escaped(spec),
        stdout = tab(Channel::Stdout),
        stderr = tab(Channel::Stderr),
        refresh = link(*channel),
        shown = Escaped(shown),
    );
    document(&format!("Supervisor tail of process {spec}"), "tail", &body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_escaped() {
        let evil = "<script>alert(1)</script>";
        let text = Ok(Text { text: evil.to_owned(), end: 25, in_memory: false });
        let (spec, limit) = (format!("g:{evil}"), Some(4096));
        let html = tail_page(&Tail { spec, channel: Channel::Stderr, limit, text });
        assert_eq!(html.matches("<script").count(), 1, "only our own: {html}");
        assert!(html.contains("data-end=\"25\">&lt;script&gt;"), "{html}");
        assert!(html.contains("&amp;channel=stderr&amp;limit=4096\">Refresh</a>"), "{html}");
        assert!(html.contains("<title>Supervisor tail of process g:&lt;script&gt;"));
    }

    #[test]
    fn a_log_that_cannot_be_read_shows_the_error_and_is_not_followed() {
        let (spec, channel) = ("web".to_owned(), Channel::Stdout);
        let text = Err("No file for web".to_owned());
        let html = tail_page(&Tail { spec, channel, limit: None, text });
        assert!(html.contains(">No file for web</pre>"));
        assert!(!html.contains("data-stream"));
    }
}
