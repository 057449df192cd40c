//! The options of `[hook:NAME]`. supervisord does not have them.

use std::collections::BTreeSet;

use supervisor_core::spec::health::HttpUrl;
use supervisor_core::spec::hook::{HookEvent, HookFormat};

use crate::options::{Key, OptionDef, Reach, Setting, default, options};
use crate::values;

options! { extensions HOOK:
    /// Command that gets each notification on its standard input. It runs as the user of the program that the notification is about, without the supervisor's own settings in its environment. Set either this or `url`.
    HOOK_COMMAND: String = COMMAND_LINE("command", Global) default unset;
    /// URL that gets each notification in the body of a POST request. Certificates are always verified, with `SSL_CERT_FILE` or the system's bundle. Redirects are not followed. The URL is treated as a secret.
    HOOK_URL: HttpUrl = HOOK_URL("url", Global) default unset;
    /// Events that the hook is notified of: a run exited by itself (`crash`), the supervisor gave up on a program (`gave_up`), a program became unhealthy (`unhealthy`), it is up or healthy again (`ready`), the supervisor was asked to stop (`stopping`).
    HOOK_EVENTS: BTreeSet<HookEvent> = HOOK_EVENTS("events", Global) default "crash,gave_up,unhealthy";
    /// Form of a notification: the supervisor's own report (`json`), the body of a Slack incoming webhook (`slack`), or the body that Alertmanager sends to a webhook receiver (`alertmanager`).
    HOOK_FORMAT: HookFormat = HOOK_FORMAT("format", Global) default "json";
    /// Last lines of the program's output in notifications about a run (0 to 50). 0: none, because output may hold prompts of users.
    HOOK_OUTPUT: usize = OUTPUT_LINES("include_output", Global) default "0";
}
