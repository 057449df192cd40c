//! The file that an executable needs: the interpreter of a script, or the loader of a dynamically
//! linked program.

/// Maximum length of a script's first line that the kernel reads, in bytes.
const LINE: usize = 256;

/// The file that is executed instead of the executable, or in addition to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Needs {
    /// [`#!`](https://man7.org/linux/man-pages/man2/execve.2.html#NOTES) and a path, byte for
    /// byte: a carriage return at its end is part of it.
    Interpreter(Vec<u8>),
    /// `PT_INTERP` of an [ELF](https://man7.org/linux/man-pages/man5/elf.5.html) file.
    Loader(Vec<u8>),
}

/// The file that an executable with these first bytes needs. `None`: it needs none, or the first
/// bytes do not show which.
#[must_use]
pub fn needs(beginning: &[u8]) -> Option<Needs> {
    match beginning {
        [b'#', b'!', line @ ..] => interpreter(&line[..line.len().min(LINE)]),
        [0x7f, b'E', b'L', b'F', 2, 1, ..] => loader(beginning),
        _ => None,
    }
}

fn interpreter(line: &[u8]) -> Option<Needs> {
    let line = line.split(|byte| *byte == b'\n').next()?;
    let mut words = line.split(|byte| matches!(byte, b' ' | b'\t' | 0));
    let path = words.find(|word| !word.is_empty())?;
    Some(Needs::Interpreter(path.to_vec()))
}

/// The loader of a 64-bit little-endian file. All supported platforms use this format.
fn loader(file: &[u8]) -> Option<Needs> {
    const INTERP: u64 = 3;
    let number = |at: usize, size: usize| -> Option<u64> {
        let bytes = file.get(at..at.checked_add(size)?)?;
        Some(bytes.iter().rev().fold(0, |number, byte| (number << 8) | u64::from(*byte)))
    };
    let place = |number: u64| usize::try_from(number).ok();
    let (table, size, count) =
        (place(number(0x20, 8)?)?, place(number(0x36, 2)?)?, number(0x38, 2)?);
    for index in 0..place(count)? {
        let header = table.checked_add(index.checked_mul(size)?)?;
        if number(header, 4)? == INTERP {
            let (start, length) = (place(number(header + 8, 8)?)?, place(number(header + 32, 8)?)?);
            let path = file.get(start..start.checked_add(length)?)?;
            return Some(Needs::Loader(path.split(|byte| *byte == 0).next()?.to_vec()));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_script_names_its_interpreter_as_the_kernel_reads_it() {
        for (text, path) in [
            ("#!/bin/sh\necho", Some("/bin/sh")),
            ("#! \t/usr/bin/env -S python3\n", Some("/usr/bin/env")),
            ("#!/bin/sh\r\n", Some("/bin/sh\r")),
            ("#!bin/sh", Some("bin/sh")),
            ("#!\n/bin/sh", None),
            ("#!", None),
            ("/bin/sh", None),
            ("", None),
        ] {
            let path = path.map(|path| Needs::Interpreter(path.into()));
            assert_eq!(needs(text.as_bytes()), path, "{text:?}");
        }
    }

    #[test]
    fn a_program_names_its_loader() {
        let mut file = vec![0; 200];
        file[..6].copy_from_slice(b"\x7fELF\x02\x01");
        file[0x20] = 0x40;
        file[0x36] = 56;
        file[0x38] = 2;
        file[0x40] = 1;
        file[0x40 + 56] = 3;
        file[0x40 + 56 + 8] = 180;
        file[0x40 + 56 + 32] = 8;
        file[180..188].copy_from_slice(b"/lib/ld\0");
        assert_eq!(needs(&file), Some(Needs::Loader(b"/lib/ld".to_vec())));
        file[0x38] = 1;
        assert_eq!(needs(&file), None);
    }

    proptest! {
        #[test]
        fn no_file_causes_a_panic(rest: Vec<u8>) {
            for head in [&b"#!"[..], b"\x7fELF\x02\x01", b""] {
                let _ = needs(&[head, &rest].concat());
            }
        }
    }
}
