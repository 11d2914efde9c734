//! Names on the bus and in the file system that client and service must agree on.

/// The bus name.
pub const BUS_NAME: &str = "org.countersign1";
/// The object that serves the four manager interfaces.
pub const OBJECT_PATH: &str = "/org/countersign1";
/// Conversations live below this path, as `…/c42`.
pub const CONVERSATION_PATH: &str = "/org/countersign1/conversation";
/// The service's own socket, made by `countersignd.socket`.
pub const LOGIN_SOCKET: &str = "/run/countersign/login.sock";
/// Where the service leaves what users are told while it does not answer, in the folder of its unit's `CacheDirectory=`.
pub const OUTAGE_FILE: &str = "/var/cache/countersign/outage";
/// The user that the service runs as.
pub const SERVICE_USER: &str = "countersign";
/// Begins logins; own socket only.
pub const LOGIN_INTERFACE: &str = "org.countersign1.Login";
/// One dialogue.
pub const CONVERSATION_INTERFACE: &str = "org.countersign1.Conversation";
/// What a person does for themselves.
pub const SELF_INTERFACE: &str = "org.countersign1.Self";
/// What the helpdesk does.
pub const HELPDESK_INTERFACE: &str = "org.countersign1.Helpdesk";
/// What an administrator does.
pub const ADMIN_INTERFACE: &str = "org.countersign1.Admin";
/// The largest frame on the own socket, in bytes (DESIGN.md 4).
pub const FRAME_LIMIT: usize = 16 * 1024;
/// The longest answer of a person, in bytes.
pub const ANSWER_LIMIT: usize = 256;
/// The longest composed screen, in bytes (DESIGN.md 7).
pub const SCREEN_LIMIT: usize = 4096;

/// Names of D-Bus errors. A verdict is a return value; each of these is a malfunction or a refusal to listen.
pub mod error {
    /// The caller may not do this.
    pub const NOT_PERMITTED: &str = "org.countersign1.Error.NotPermitted";
    /// An argument is malformed or over its limit.
    pub const INVALID_ARGUMENT: &str = "org.countersign1.Error.InvalidArgument";
    /// A limit of DESIGN.md 4 is reached.
    pub const LIMIT_REACHED: &str = "org.countersign1.Error.LimitReached";
    /// The store, the name service or the engine failed or was late.
    pub const UNAVAILABLE: &str = "org.countersign1.Error.Unavailable";
    /// No such person, for callers who may know.
    pub const NO_SUCH_USER: &str = "org.countersign1.Error.NoSuchUser";
    /// What was asked for is refused by a rule, with the reason in the text.
    pub const REFUSED: &str = "org.countersign1.Error.Refused";
}
