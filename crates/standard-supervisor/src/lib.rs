//! The world: everything that touches it, and nothing that decides.
pub(crate) mod capture;
pub(crate) mod clock;
pub(crate) mod driver;
pub(crate) mod files;
pub(crate) mod launch;
pub(crate) mod lookup;
pub(crate) mod sys;
pub(crate) mod tree;
pub(crate) mod world;
