//! A question that the core asks the daemon repeatedly.

use crate::time::Mono;

/// The state of one repeated question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asking {
    /// The core asks at this time.
    Due(Mono),
    /// The core has asked. If the answer has not come by then, the core asks again.
    Asked { until: Mono },
}

impl Asking {
    /// When the core must act next.
    pub(crate) const fn at(self) -> Mono {
        match self {
            Self::Due(at) | Self::Asked { until: at } => at,
        }
    }
}
