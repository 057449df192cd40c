//! `update` changes what it can without a restart, and `reread --json` says so before.

use std::collections::BTreeMap;

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
    let live = json!({"group": "cat", "change": "live", "programs": programs});
    assert_eq!(changes(&place), json!([with(live, &[], &[])]));
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
    let gone = json!({"group": "cat", "change": "remove", "programs": []});
    assert_eq!(changes(&place), json!([with(gone, &[], &["cat"])]));
}

/// A change that adds and removes these processes.
fn with(mut change: Value, added: &[&str], removed: &[&str]) -> Value {
    (change["added"], change["removed"]) = (json!(added), json!(removed));
    change
}

/// The processes with their pids.
fn pids(place: &Place) -> BTreeMap<String, u64> {
    let output = place.client(Client::Native, "status --json").output().unwrap();
    let all: Value = serde_json::from_slice(&output.stdout).unwrap();
    let all = all.as_array().unwrap().iter();
    all.map(|it| (it["name"].as_str().unwrap().to_owned(), it["pid"].as_u64().unwrap())).collect()
}

#[test]
fn processes_are_added_and_removed_while_the_others_run() {
    let web = |number: u32| {
        format!(
            "[program:web]\ncommand=sleep 1000\nnumprocs={number}\n\
             process_name=web_%(process_num)d\nenvironment=N=%(process_num)d\n"
        )
    };
    let Some(mut place) = Place::with(Daemon::Native, &web(2)) else { return };
    place.has_said("success: web_1 entered RUNNING");
    let two = pids(&place);
    assert_eq!(two.len(), 2);

    place.configure(&web(4));
    let options = json!([{"option": "numprocs", "takes": "live"}]);
    let programs = json!([{"program": "web", "options": options}]);
    let scale = json!({"group": "web", "change": "scale", "programs": programs});
    let more = with(scale.clone(), &["web_2", "web_3"], &[]);
    assert_eq!(changes(&place), json!([more]));
    let said = "web: added or removed processes; the others continue";
    assert_eq!(output_of(&place, "update").trim_end(), said);
    place.wait_for("updated: web: processes added: 2, removed: 0; the others continue");
    place.wait_for("success: web_3 entered RUNNING");
    let four = pids(&place);
    assert_eq!(four.keys().collect::<Vec<_>>(), ["web_0", "web_1", "web_2", "web_3"]);
    assert!(two.iter().all(|one| four.get(one.0) == Some(one.1)), "{two:?} {four:?}");

    place.configure(&web(2));
    assert_eq!(changes(&place), json!([with(scale, &[], &["web_2", "web_3"])]));
    assert_eq!(output_of(&place, "update").trim_end(), said);
    place.has_said("stopped: web_2 (terminated by SIGTERM)");
    place.has_said("stopped: web_3 (terminated by SIGTERM)");
    assert_eq!(pids(&place), two);
    assert_eq!(changes(&place), json!([]));
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
