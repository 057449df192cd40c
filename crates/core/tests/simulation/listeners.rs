//! Event listeners that follow the protocol, reject events, write nonsense, stay silent or close
//! their stdin.

use crate::random::Random;

pub(crate) struct Voice {
    manner: Manner,
    /// Output that the supervisor has not read.
    pub(crate) written: Vec<u8>,
    /// The serial number of the event that it has not answered.
    told: Option<u64>,
    greeted: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    Obeys,
    Rejects,
    Babbles,
    IsSilent,
    Closes,
}

/// Output that violates the protocol, at least in some states.
const BABBLE: [&[u8]; 14] = [
    b"READY\nREADY\n",
    b"RESULT 2\nNO",
    b"RESULT x\n",
    b"RESULT 000000000000000000000000000000000000000000000000000000000000000000002\nOK",
    b"RESULT  2 \nOKREADY\n",
    b"hello\n",
    b"RESULT 1048577\n",
    b"REA",
    b"REAL\n",
    b"RESULT 0\nREADY\n",
    b"RESULT 5\nOK",
    b"RESULT 4\nFAILREADY\n",
    b"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    b"RESULT 2\nOKREADY\nRESULT 2\nOK",
];

impl Voice {
    pub(crate) fn new(random: &mut Random) -> Self {
        use Manner as M;
        let manner =
            random.pick(&[M::Obeys, M::Obeys, M::Rejects, M::Babbles, M::IsSilent, M::Closes]);
        let mut voice = Self { manner, written: Vec::new(), told: None, greeted: false };
        match manner {
            M::Obeys | M::Rejects | M::Closes => voice.greet(),
            M::Babbles => {
                let first = [&b"READY\n"[..], b"READY\n", BABBLE[random.below(BABBLE.len())]];
                voice.written = random.pick(&first).to_vec();
            }
            M::IsSilent if random.one_in(2) => voice.greet(),
            M::IsSilent => {}
        }
        voice
    }

    fn greet(&mut self) {
        self.greeted = true;
        self.written.extend(b"READY\n");
    }

    pub(crate) fn told(&mut self, serial: u64, random: &mut Random) {
        self.told = Some(serial);
        match self.manner {
            Manner::Obeys => self.answer(b"RESULT 2\nOKREADY\n"),
            Manner::Rejects if random.one_in(3) => self.answer(b"RESULT 2\nOKREADY\n"),
            Manner::Rejects => self.answer(b"RESULT 4\nFAILREADY\n"),
            Manner::Babbles => self.answer(BABBLE[random.below(BABBLE.len())]),
            Manner::IsSilent | Manner::Closes => {}
        }
    }

    fn answer(&mut self, answer: &[u8]) {
        self.told = None;
        self.written.extend(answer);
    }

    /// The event that cannot be sent, if the listener has closed its stdin.
    pub(crate) fn closes(&self) -> Option<u64> {
        self.told.filter(|_| self.manner == Manner::Closes)
    }

    /// Takes a piece of the unread output.
    pub(crate) fn piece(&mut self, random: &mut Random) -> Vec<u8> {
        let most = self.written.len();
        let length = if random.one_in(2) { most } else { random.between(0, most) };
        self.written.drain(..length).collect()
    }

    /// Makes the listener follow the protocol.
    pub(crate) fn behave(&mut self) {
        if self.told.is_some() && self.manner != Manner::Closes {
            self.answer(b"RESULT 2\nOKREADY\n");
        }
        if !self.greeted && self.manner == Manner::IsSilent {
            self.greet();
        }
        self.manner = Manner::Obeys;
    }
}
