//! Secrets in files in the directory of the configuration file.

use crate::harness::{clean, program};
use crate::home::{Home, stop};

#[test]
fn each_process_gets_the_variables_of_its_own_env_file() {
    let home = Home::new(
        "env-files",
        "logfile=log\npidfile=pid\nenvironment=A=all\n\
         [program:x]\ncommand=sh -c 'echo \"$A $B $C\" > out-$C; exec sleep 1000'\n\
         directory=%(here)s\nnumprocs=2\nprocess_name=x%(process_num)d\n\
         env_file=%(here)s/common.env,%(here)s/%(process_num)d.env\n",
    );
    home.write("common.env", "A=file\nB=common\nC=common\n");
    home.write("0.env", "C=0\n");
    home.write("1.env", "C=1\n");
    let mut running = home.start();
    running.stdout.wait_for("success: x0 entered RUNNING state");
    running.stdout.rewind().wait_for("success: x1 entered RUNNING state");
    assert_eq!(home.read("out-0"), "all common 0\n");
    assert_eq!(home.read("out-1"), "all common 1\n");
    stop(&mut running);
}

#[test]
fn server_and_client_read_the_password_from_a_file() {
    let home = Home::new(
        "password-file",
        "logfile=log\npidfile=pid\n\
         [unix_http_server]\nfile=%(here)s/s\nusername=u\npassword_file=%(here)s/password\n\
         [rpcinterface:supervisor]\n\
         supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n\
         [supervisorctl]\nserverurl=unix://%(here)s/s\nusername=u\n\
         password_file=%(here)s/password\n",
    );
    home.write("password", "s3cret\n");
    let mut running = home.start();
    running.stdout.wait_for("supervisord started with pid");
    let pid = |words: &[&str]| {
        let mut ctl = clean(program("supervisorctl"), ["-c", "t.conf"]);
        let printed = ctl.args(words).arg("pid").current_dir(&home).output().unwrap();
        String::from_utf8(printed.stdout).unwrap()
    };
    assert_eq!(pid(&[]), format!("{}\n", running.pid()));
    assert_ne!(pid(&["-p", "wrong"]), format!("{}\n", running.pid()));
    stop(&mut running);
    let said = running.stdout.rest().join("\n");
    assert!(!said.contains("s3cret") && !home.read("log").contains("s3cret"));
}
