//! What became of a request, in one word: the `outcome` of metrics and logs.

macro_rules! outcomes {
    ($($(#[$doc:meta])* $variant:ident $name:literal,)+) => {
        /// What became of a request.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Outcome { $($(#[$doc])* $variant,)+ }

        impl Outcome {
            /// Every outcome; each one's place is its number.
            pub(crate) const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word for it.
            pub(crate) const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
        }
    };
}

outcomes! {
    /// Stored.
    Accepted "accepted",
    /// Known before, every event of it.
    Duplicate "duplicate",
    /// A provider's check of the URL.
    Probe "probe",
    /// Not believed.
    Refused "refused",
    /// Not readable, so that nothing in it could be verified.
    Unparsable "unparsable",
    /// Longer than allowed.
    TooLarge "too_large",
    /// Nested too deep, or of too many fields.
    TooComplex "too_complex",
    /// Compressed.
    UnsupportedEncoding "unsupported_encoding",
    /// Of a message that nobody knows, at a source that takes known ones only.
    UnknownMessage "unknown_message",
    /// More per second than allowed.
    RateLimited "rate_limited",
    /// Not complete in time.
    TimedOut "timed_out",
    /// Broken off by the sender.
    Disconnected "disconnected",
    /// With a method that the source does not take.
    MethodNotAllowed "method_not_allowed",
    /// The store's queue was full.
    Overloaded "overloaded",
    /// The store could not keep it, or the provider's code failed.
    Failed "failed",
}

impl Outcome {
    /// Whether it is our own fault.
    pub(crate) const fn is_own_fault(self) -> bool {
        matches!(self, Self::Overloaded | Self::Failed)
    }

    /// Whether the request was taken as it should be.
    pub(crate) const fn is_good(self) -> bool {
        matches!(self, Self::Accepted | Self::Duplicate | Self::Probe)
    }
}
