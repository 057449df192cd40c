//! Which of the programs that this one file holds was called, and with which words.

use std::ffi::{OsStr, OsString};
use std::path::Path;

/// A program that this file can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    StandardSupervisor,
    Supervisord,
    Supervisorctl,
    EchoSupervisordConf,
    Pidproxy,
    GenerateSupervisorConfig,
}

impl Program {
    /// All of them.
    const ALL: [Self; 6] = [
        Self::StandardSupervisor,
        Self::Supervisord,
        Self::Supervisorctl,
        Self::EchoSupervisordConf,
        Self::Pidproxy,
        Self::GenerateSupervisorConfig,
    ];

    /// The name of the file or link by which it is called.
    const fn name(self) -> &'static str {
        match self {
            Self::StandardSupervisor => "standard-supervisor",
            Self::Supervisord => "supervisord",
            Self::Supervisorctl => "supervisorctl",
            Self::EchoSupervisordConf => "echo_supervisord_conf",
            Self::Pidproxy => "pidproxy",
            Self::GenerateSupervisorConfig => "generate-supervisor-config",
        }
    }

    fn named(name: &OsStr) -> Option<Self> {
        Self::ALL.into_iter().find(|program| name == program.name())
    }
}

/// A call of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) program: Program,
    /// The name by which it was called, perhaps with a path.
    pub(crate) name: OsString,
    /// The words after the name.
    pub(crate) words: Vec<OsString>,
}

impl Call {
    /// Reads the words that the process was started with: the first one names the program.
    /// Under any other name, as of a copy, it is `standard-supervisor`, which becomes another
    /// with `--as NAME` in front.
    ///
    /// # Errors
    ///
    /// If `--as` names no program.
    pub(crate) fn of(words: impl IntoIterator<Item = OsString>) -> Result<Self, String> {
        let mut words = words.into_iter().peekable();
        let name = words.next().unwrap_or_else(|| Program::StandardSupervisor.name().into());
        let called = Path::new(&name).file_name().and_then(Program::named);
        let program = called.unwrap_or(Program::StandardSupervisor);
        if program == Program::StandardSupervisor && words.next_if(|word| word == "--as").is_some()
        {
            let wanted = words.next().unwrap_or_default();
            let program = Program::named(&wanted).ok_or_else(|| {
                let names = Program::ALL.map(Program::name).join(", ");
                format!("--as: unknown program '{}'; expected one of {names}", wanted.display())
            })?;
            return Ok(Self { program, name: program.name().into(), words: words.collect() });
        }
        Ok(Self { program, name, words: words.collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(words: &[&str]) -> Result<Call, String> {
        Call::of(words.iter().map(OsString::from))
    }

    #[test]
    fn the_file_name_selects_the_program() {
        for program in Program::ALL {
            for name in [program.name().to_owned(), format!("/usr/bin/{}", program.name())] {
                let expected =
                    Call { program, name: name.clone().into(), words: vec!["-h".into()] };
                assert_eq!(call(&[&name, "-h"]), Ok(expected));
            }
        }
        let renamed = call(&["/init", "sleep", "--as"]).unwrap();
        assert_eq!(renamed.program, Program::StandardSupervisor);
        assert_eq!(renamed.words, ["sleep", "--as"]);
        assert_eq!(call(&[]).unwrap().program, Program::StandardSupervisor);
    }

    #[test]
    fn the_option_as_selects_the_program() {
        let asked = call(&["/init", "--as", "supervisorctl", "status"]).unwrap();
        assert_eq!(asked.program, Program::Supervisorctl);
        assert_eq!(asked.name, "supervisorctl");
        assert_eq!(asked.words, ["status"]);
        // supervisorctl itself knows no such option.
        let itself = call(&["supervisorctl", "--as", "pidproxy"]).unwrap();
        assert_eq!(itself.program, Program::Supervisorctl);
    }

    #[test]
    fn an_unknown_program_name_is_rejected_with_the_known_ones() {
        let why = call(&["standard-supervisor", "--as", "supervisor"]).unwrap_err();
        assert!(
            why.starts_with(
                "--as: unknown program 'supervisor'; expected one of \
             standard-supervisor, "
            ),
            "{why}"
        );
        assert!(call(&["standard-supervisor", "--as"]).is_err());
    }
}
