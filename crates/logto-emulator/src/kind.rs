//! The kinds of applications.

/// What kind of application it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// On a server, with a secret.
    Traditional,
    /// In a browser, without a secret.
    SinglePage,
    /// On a device, without a secret.
    Native,
    /// Nobody signs in with it.
    MachineToMachine,
}

impl Kind {
    /// As the server names it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Traditional => "Traditional",
            Self::SinglePage => "SPA",
            Self::Native => "Native",
            Self::MachineToMachine => "MachineToMachine",
        }
    }
}
