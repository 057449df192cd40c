//! A question to the world that is asked again and again: when it is due, or answered late.

use crate::time::Mono;

/// How far one round of a question has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asking {
    /// The core asks at this time.
    Due(Mono),
    /// The core has asked. If the answer has not come by then, the core asks again.
    Asked { until: Mono },
}

impl Asking {
    /// When the core has to do something about it.
    pub(crate) const fn at(self) -> Mono {
        match self {
            Self::Due(at) | Self::Asked { until: at } => at,
        }
    }
}
