//! `update` changes what it can without a restart, and `reread --json` says so before.

use serde_json::{Value, json};

use crate::harness::{Running, supervise};
use crate::outcome::Outcome;
use crate::place::{Client, DAEMONS, Daemon, Place};

fn program(stopwaitsecs: u32, more: &str) -> String {
    format!("[program:cat]\ncommand=/bin/cat\nstopwaitsecs={stopwaitsecs}\n{more}")
}

fn output_of(place: &Place, line: &str) -> String {
    let told = Outcome::run(&mut place.client(Client::Native, line), place);
    assert_eq!(told.code, 0, "{line}: {told:?}");
    told.stdout
}

fn pid(place: &Place) -> String {
    let output = place.client(Client::Native, "pid cat").output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

fn changes(place: &Place) -> Value {
    serde_json::from_str(&output_of(place, "reread --json")).unwrap()
}

#[test]
fn a_rule_changes_while_its_program_runs() {
    let Some(mut place) = Place::with(Daemon::Native, &program(5, "")) else { return };
    place.has_said("success: cat entered RUNNING");
    let before = pid(&place);
    assert_eq!(changes(&place), json!([]));

    place.configure(&program(7, "startretries=9\nautostart=true\n"));
    let options = json!([
        {"option": "autostart", "takes": "next start"},
        {"option": "startretries", "takes": "live"},
        {"option": "stopwaitsecs", "takes": "live"},
    ]);
    let programs = json!([{"program": "cat", "options": options}]);
    let live = json!([{"group": "cat", "change": "live", "programs": programs}]);
    assert_eq!(changes(&place), live);
    // Clients of supervisord see what they always saw.
    let python = Outcome::run(&mut place.client(Client::Python, "reread"), &place);
    assert_eq!(python.stdout.trim_end(), "cat: changed");
    assert_eq!(output_of(&place, "update").trim_end(), "cat: updated without a restart");
    place.wait_for("updated: cat: new settings apply without a restart");
    assert_eq!(pid(&place), before);
    assert_eq!(changes(&place), json!([]));

    place.configure(&program(7, "startretries=9\nenvironment=A=1\n"));
    let changed = changes(&place);
    assert_eq!(changed[0]["change"], "restart");
    let environment = json!({"option": "environment", "takes": "restart"});
    assert_eq!(changed[0]["programs"][0]["options"][1], environment);
    assert_eq!(output_of(&place, "update").trim_end(), "cat: stopped\ncat: updated process group");
    assert_ne!(pid(&place), before);

    place.configure("");
    assert_eq!(changes(&place), json!([{"group": "cat", "change": "remove", "programs": []}]));
}

#[test]
fn the_python_client_updates_by_restarting() {
    for daemon in DAEMONS {
        let Some(mut place) = Place::with(daemon, &program(5, "")) else { return };
        place.has_said("success: cat entered RUNNING");
        let before = pid(&place);
        place.configure(&program(7, ""));
        let python = Outcome::run(&mut place.client(Client::Python, "update"), &place);
        assert_eq!(python.stdout.trim_end(), "cat: stopped\ncat: updated process group");
        place.wait_for("success: cat entered RUNNING");
        assert_ne!(pid(&place), before, "{daemon:?}");
    }
}

/// Python's client stops, removes and adds the program; in between there is none.
#[test]
fn an_update_of_the_only_program_does_not_stop_the_supervisor() {
    for client in [Client::Native, Client::Python] {
        let Some(place) = Place::without_daemon() else { return };
        let setting = |number: u32| format!("[program:app]\nenvironment=A=\"{number}\"\n");
        place.write("app.conf", &setting(1));
        let mut supervisor = supervise(["sh", "-c", "echo A is $A; exec sleep 1000"]);
        supervisor
            .env("SUPERVISOR_UNIX_HTTP_SERVER_FILE", place.path("sock"))
            .env("SUPERVISOR_INCLUDE_FILES", place.path("app.conf"))
            .env("SUPERVISOR_CONFIG_PATH", place.path("command.conf"))
            .current_dir(place.folder());
        let mut running = Running::start(&mut supervisor);
        running.stdout.wait_for("A is 1");
        running.stderr.wait_for("success: app entered RUNNING");
        place.write("app.conf", &setting(2));
        let told = Outcome::run(&mut place.client(client, "update"), &place);
        assert_eq!(told.stdout.trim_end(), "app: stopped\napp: updated process group");
        running.stdout.wait_for("A is 2");
        running.stderr.wait_for("success: app entered RUNNING");
        running.signal("TERM");
        assert_eq!(running.exit_code(), 0, "{client:?}");
    }
}

#[test]
fn supervisord_is_updated_by_restarting() {
    let Some(mut place) = Place::with(Daemon::Python, &program(5, "")) else { return };
    place.has_said("success: cat entered RUNNING");
    place.configure(&program(7, ""));
    assert_eq!(changes(&place), json!([{"group": "cat", "change": "restart", "programs": []}]));
    assert_eq!(output_of(&place, "update").trim_end(), "cat: stopped\ncat: updated process group");
}
