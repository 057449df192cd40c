//! A thousand programs of one configuration file: how long until all run, what each costs,
//! how long it takes to ask for them, how long until all have stopped.

use std::collections::BTreeSet;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::clock::Moment;

use crate::idle::total;
use crate::options::Options;
use crate::places::Places;
use crate::processes;
use crate::rounds::alternate;
use crate::session::{Role, Session};
use crate::table::Table;
use crate::tools::{CONTROL_SOCKET, Tool};

pub(crate) const COPIES: u32 = 1000;

pub(crate) fn measure(tools: &[&Tool], places: &Places, options: &Options) -> Vec<Table> {
    let outcomes = alternate(tools, places, options.rounds(5, 1), 1, |tool| {
        let mut session = Session::start(tool, places, Role::Farm { copies: COPIES })?;
        let exec = session.expect("exec")?;
        let mut last = exec;
        let mut programs = BTreeSet::new();
        for _ in 0..COPIES {
            last = session.expect("first")?;
            programs.insert(last.pid);
        }
        let started = last.at.since(exec.at).as_secs_f64() * 1000.0;
        let own = session.own_processes(&programs)?;
        let memory = total(&own, processes::pss_kib)? / f64::from(COPIES);
        let socket = session.directory.join(CONTROL_SOCKET);
        let asked = ask_for_all(&socket)?;
        let status = status(tool, places, &socket)?;
        let stopped = session.stop()?.as_secs_f64() * 1000.0;
        Ok([started, memory, stopped, asked, status])
    });
    let start = "Milliseconds from the exec of the tool to the first instruction of the last of \
                 1,000 programs; less is better. Goal: at most a tenth of supervisord's.";
    let memory = "PSS of the tool in KiB, divided by the 1,000 programs it runs; less is better. \
                  Goal: at most a tenth of supervisord's.";
    let stop = "Milliseconds from SIGTERM to the end of the tool, which stops its 1,000 programs \
                before; less is better. Goal: at most a tenth of supervisord's.";
    let info = "Milliseconds for `getAllProcessInfo` of 1,000 programs over a unix socket, the best \
                of five calls on one connection; less is better. Goal: at most a tenth of supervisord's.";
    let status = "Milliseconds that `supervisorctl status` takes for 1,000 programs, from its exec to \
                  its end, each supervisord with the client that comes with it; the best of three; less \
                  is better. Goal: at most a twentieth of supervisord's.";
    vec![
        Table::new("A thousand programs: start", start, &outcomes, 0),
        Table::new("A thousand programs: memory of each", memory, &outcomes, 1),
        Table::new("A thousand programs: stop", stop, &outcomes, 2),
        Table::new("A thousand programs: `getAllProcessInfo`", info, &outcomes, 3),
        Table::new("A thousand programs: `supervisorctl status`", status, &outcomes, 4),
    ]
}

/// How often it is asked.
const CALLS: u32 = 5;

/// How often the client is started.
const CLIENTS: u32 = 3;

fn ask_for_all(socket: &Path) -> io::Result<f64> {
    let mut connection = BufReader::new(UnixStream::connect(socket)?);
    let body = "<?xml version='1.0'?><methodCall><methodName>supervisor.getAllProcessInfo\
                </methodName><params></params></methodCall>";
    let request = format!(
        "POST /RPC2 HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut best = f64::INFINITY;
    for _ in 0..CALLS {
        let asked = Moment::now();
        connection.get_mut().write_all(request.as_bytes())?;
        let answer = read_answer(&mut connection)?;
        best = best.min(Moment::now().since(asked).as_secs_f64() * 1000.0);
        let programs = String::from_utf8_lossy(&answer).matches("<name>statename</name>").count();
        if programs != COPIES as usize {
            return Err(io::Error::other(format!("it told of {programs} programs")));
        }
    }
    Ok(best)
}

fn read_answer(connection: &mut BufReader<UnixStream>) -> io::Result<Vec<u8>> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        connection.read_line(&mut line)?;
        match line.trim_end().split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.parse().map_err(io::Error::other)?;
            }
            None if line.trim_end().is_empty() => break,
            Some(_) | None => {}
        }
    }
    let mut body = vec![0; length];
    connection.read_exact(&mut body)?;
    Ok(body)
}

fn status(tool: &Tool, places: &Places, socket: &Path) -> io::Result<f64> {
    let client = tool.client(places).ok_or(io::ErrorKind::NotFound)?;
    let mut best = f64::INFINITY;
    for _ in 0..CLIENTS {
        let begun = Moment::now();
        let output = Command::new(&client)
            .args(["-s", &format!("unix://{}", socket.display()), "status"])
            .stdin(Stdio::null())
            .output()?;
        best = best.min(Moment::now().since(begun).as_secs_f64() * 1000.0);
        let lines = output.stdout.iter().filter(|byte| **byte == b'\n').count();
        if lines != COPIES as usize {
            return Err(io::Error::other(format!("the client printed {lines} lines")));
        }
    }
    Ok(best)
}
