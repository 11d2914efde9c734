//! Client proxies of every interface. The members are documented in `docs/man/org.countersign1.5.md`.

use std::collections::HashMap;

use zbus::proxy;
use zbus::{OwnedObjectPath, OwnedVariant, Variant};

/// What `Begin*` return: the conversation, the state and the lines of the first step.
pub type Begun = (OwnedObjectPath, String, Vec<(u32, String)>);

/// Open facts, named.
pub type Facts<'a> = HashMap<&'a str, Variant<'a>>;

/// Open facts in an answer.
pub type OwnedFacts = HashMap<String, OwnedVariant>;

/// A row of a list of contacts: number of the line, user, e-mail address, telephone number.
pub type ContactRow<'a> = (u32, &'a str, &'a str, &'a str);

/// What became of rows: the lines refused and why, how many rows were looked at, how many of them changed something.
pub type Imported = (Vec<(u32, String)>, u32, u32);

/// Users who are gone (user, realm), the next cursor, the total, and facts of the page.
pub type Purged = (Vec<(String, String)>, String, u64, OwnedFacts);

/// Records of the audit with their numbers, the record up to which was looked, the newest one.
pub type Records = (Vec<(u64, String)>, u64, u64);

/// A file of a policy: its name, its text.
pub type PolicyFile<'a> = (&'a str, &'a str);

/// A row of what would go otherwise: change, user, service, old rule, new rule, count.
pub type ChangeRow = (String, String, String, String, String, u64);

/// Changes, the record up to which was looked, the newest one, and facts of the page.
pub type Simulated = (Vec<ChangeRow>, u64, u64, OwnedFacts);

/// A row of what a watched rule would have done: course, user, rule, service, why, count.
pub type MonitoredRow = (String, String, String, String, String, u64);

/// What watched rules would have done, the record up to which was looked, the newest one.
pub type Reported = (Vec<MonitoredRow>, u64, u64);

/// Logins; on the own socket only.
#[proxy(interface = "org.countersign1.Login", default_path = "/org/countersign1")]
pub trait Login {
    /// Begins a login of `user`; the context's keys stand in DESIGN.md 6.
    fn begin(&self, user: &str, context: Facts<'_>) -> zbus::Result<Begun>;
    /// Ties a finished login to a session; root only.
    fn session_opened(&self, login: &str, session: u32) -> zbus::Result<()>;
    /// Tells that the session was closed that this login opened; root only.
    fn session_closed(&self, login: &str, session: u32) -> zbus::Result<()>;
    /// Tells that a password was changed; root only.
    fn password_changed(&self, user: &str) -> zbus::Result<()>;
}

/// One dialogue.
#[proxy(interface = "org.countersign1.Conversation", default_service = "org.countersign1")]
pub trait Conversation {
    /// Answers the prompt.
    fn answer(&self, answer: &str) -> zbus::Result<(String, Vec<(u32, String)>)>;
    /// Ends the dialogue.
    fn cancel(&self) -> zbus::Result<()>;
}

/// What a person does for themselves; who calls is what the bus says.
#[proxy(
    interface = "org.countersign1.Self",
    default_service = "org.countersign1",
    default_path = "/org/countersign1"
)]
pub trait SelfService {
    /// Tells what the caller holds: `user` s, `available` b, `force` s (`in-force`, `monitored`, `switched-off`),
    /// `enrolled_after` t (absent where all enrollments count), `factors` aa{sv} (`id` u, `method` s, `label` s, `state` s
    /// `active`|`pending`|`void`, `since` t, `last_used` t absent when never, `recipient` s where codes are sent), `locked_until` t
    /// (absent when open), `needs_reset` b, `rule` s, `requirement` s, `enroll` s, `methods` as, `backup_codes_left` u
    /// (absent when none were made), `chosen` b (only with requirement `chosen`), `email` s and `phone` s (on file),
    /// `remembered` u (places), `skipped` u (absent where setting up was never put off), `undelivered` aa{sv} (codes that
    /// did not go out: `method` s, `recipient` s, `at` t, `why` s).
    fn status(&self) -> zbus::Result<OwnedFacts>;
    /// Begins setting up a factor. `kind` is a method name; options: `label` s, `locale` s, `draws_qr` b, `recipient` s (the
    /// address or number that codes are to be sent to), `replace` s (the factor that the new one takes the place of, ""
    /// for the only one of its kind), `end_sessions` b (once it is done, the caller's other sessions end).
    fn begin_enrollment(&self, kind: &str, options: Facts<'_>) -> zbus::Result<Begun>;
    /// Begins removing a factor, named by method, label or id. Options: `locale` s.
    fn begin_removal(&self, factor: &str, options: Facts<'_>) -> zbus::Result<Begun>;
    /// Begins giving a factor, named by method, label or id, another label. Options: `locale` s.
    fn begin_renaming(&self, factor: &str, label: &str, options: Facts<'_>) -> zbus::Result<Begun>;
    /// Begins making new backup codes, which end the old ones. Options: `locale` s.
    fn begin_backup_codes(&self, options: Facts<'_>) -> zbus::Result<Begun>;
    /// Begins trying a code: a login without a session. Options: `locale` s.
    fn begin_test(&self, options: Facts<'_>) -> zbus::Result<Begun>;
    /// Lists the places from which the caller is not asked for a while: `place` s (address), `service` s, `since` t,
    /// `until` t, `rule` s, `key` s (fingerprint, absent where none).
    fn remembered(&self) -> zbus::Result<Vec<OwnedFacts>>;
    /// Forgets what is remembered for an address, "" for all. Answers how many places that were.
    fn forget(&self, place: &str) -> zbus::Result<u32>;
}

/// What the helpdesk does; polkit decides, per action.
#[proxy(
    interface = "org.countersign1.Helpdesk",
    default_service = "org.countersign1",
    default_path = "/org/countersign1"
)]
pub trait Helpdesk {
    /// Tells what a person holds, as `Self.Status` does, never a secret.
    #[zbus(allow_interactive_auth)]
    fn show(&self, user: &str) -> zbus::Result<OwnedFacts>;
    /// Removes the person's factors. Options: `reason` s (required), `method` s, `end_sessions` b. Answers `removed` u, `sessions_ended` b,
    /// and where the person's rules ask for an invitation, `invitation` s with `expires` t.
    #[zbus(allow_interactive_auth)]
    fn reset(&self, user: &str, options: Facts<'_>) -> zbus::Result<OwnedFacts>;
    /// Deletes what is kept of a user whom the name service no longer knows, or whose record cannot be read. Options: `reason` s
    /// (required), `realm` s (absent: those of the host). Answers `deleted` u.
    #[zbus(allow_interactive_auth)]
    fn delete(&self, user: &str, options: Facts<'_>) -> zbus::Result<OwnedFacts>;
    /// Ends the person's locks. Options: `reason` s (required). Answers `was_locked` b, `needs_reset` b (locked still: only
    /// a reset ends it).
    #[zbus(allow_interactive_auth)]
    fn unlock(&self, user: &str, options: Facts<'_>) -> zbus::Result<OwnedFacts>;
    /// Accepts codes of the user's apps and tokens again after a clock or a counter was off. Options: `reason` s (required).
    /// Answers `changed` u, how many apps and tokens, and `clock` t, what the host's clock says.
    #[zbus(allow_interactive_auth)]
    fn resync(&self, user: &str, options: Facts<'_>) -> zbus::Result<OwnedFacts>;
    /// Makes a one-time invitation to enroll. Options: `reason` s (required), `for` u (seconds; absent for the default).
    /// Answers `code` s, `expires` t.
    #[zbus(allow_interactive_auth)]
    fn invite(&self, user: &str, options: Facts<'_>) -> zbus::Result<OwnedFacts>;
    /// Says whether a rule with `require = "chosen"` asks the person for a code. Options: `reason` s, `required` b (both
    /// required). Answers `changed` b; refused where no such rule covers the person.
    #[zbus(allow_interactive_auth)]
    fn set_required(&self, user: &str, options: Facts<'_>) -> zbus::Result<OwnedFacts>;
    /// Puts an address or a number on file. Options: `reason` s (required), `email` s, `phone` s ("" takes it away, absent
    /// leaves it; one of them is required). Answers `changed` b and, masked, what is on file now: `email` s, `phone` s.
    #[zbus(allow_interactive_auth)]
    fn set_contact(&self, user: &str, options: Facts<'_>) -> zbus::Result<OwnedFacts>;
}

/// What an administrator does; polkit decides, or root.
#[proxy(
    interface = "org.countersign1.Admin",
    default_service = "org.countersign1",
    default_path = "/org/countersign1"
)]
pub trait Admin {
    /// Lists accounts in pages: cursor `after` ("" begins), at most `limit` (1000) rows. Answers rows (as `Show`), the next
    /// cursor ("" at the end) and the total.
    #[zbus(allow_interactive_auth)]
    fn list_users(&self, after: &str, limit: u32) -> zbus::Result<(Vec<OwnedFacts>, String, u64)>;
    /// Explains a decision and what becomes of the login: `user` s, `service` s, `from` s (numeric address, `local`, or absent
    /// for unknown), `ssh_key` s (key type), `groups` as and `origin` s (in place of the person's own). Answers `rule` s,
    /// `requirement` s, `methods` as, `enroll` s, `force` s, `passed_over` a(ss), `policy` s (digest), `known` b, `origin` s,
    /// `groups` as, `groups_complete` b, `holds` as, `void` as, `enrolled` b, `chosen` b, `locked` s, `remembered` b,
    /// `course` s, `why` s, `sees` s, and where there is one `locked_until` t, `deadline` t, `invited_until` t, `accepts` as,
    /// `fresh_for` u, `idle_timeout` u, `remember_for` u, `enrolled_after` t.
    #[zbus(allow_interactive_auth)]
    fn explain_policy(&self, question: Facts<'_>) -> zbus::Result<OwnedFacts>;
    /// Reads this host's audit behind record `after` (0 begins): `user` s, `event` s, `since` t, `wait` u (seconds, at most
    /// 20). Answers records (number, canonical encoding), the record up to which was looked, and the newest.
    #[zbus(allow_interactive_auth)]
    fn audit(&self, filter: Facts<'_>, after: u64) -> zbus::Result<Records>;
    /// Verifies a page of the audit: cursor `after` ("" begins), a mark that is known from the log ("" for none). Answers
    /// `next` s, `done` t, `total` t, `first` t, and at the end `head` s, or `broken` t and `damage` s.
    #[zbus(allow_interactive_auth)]
    fn verify_audit(&self, after: &str, known: &str) -> zbus::Result<OwnedFacts>;
    /// Makes a new data key; root only. Answers its number.
    fn rotate_key(&self) -> zbus::Result<u32>;
    /// Accepts a store that is in doubt; root only. Options: `reason` s (required), `scope` s (`known`, `everybody`, absent).
    /// Answers `doubt` s, `everybody` b, `doubtful` as (users who are refused until a reset).
    fn accept_restore(&self, options: Facts<'_>) -> zbus::Result<OwnedFacts>;
    /// Reseals a page of accounts; root only. Cursor `after` ("" begins). Answers the next cursor ("" at the end), done in this page, total.
    fn reseal(&self, after: &str) -> zbus::Result<(String, u64, u64)>;
    /// Puts addresses and numbers on file, at most 1000 rows a call: number of the line, user, e-mail address, telephone
    /// number ("" leaves what there is). Options: `reason` s (required), `check` b (changes nothing). Answers the lines
    /// refused and why, how many rows it came to (go on after them), and how many of these it changed or would.
    #[zbus(allow_interactive_auth)]
    fn import_contacts(&self, rows: &[ContactRow<'_>], options: Facts<'_>) -> zbus::Result<Imported>;
    /// Deletes what is kept of the users whom the name service no longer knows, page by page: cursor `after` ("" begins).
    /// Options: `reason` s, or `check` b (deletes nothing). Answers rows (user, realm), the next cursor ("" at the end), the
    /// total, and facts: `looked` u, `untold` u, `refused` u.
    #[zbus(allow_interactive_auth)]
    fn purge_gone(&self, after: &str, options: Facts<'_>) -> zbus::Result<Purged>;
    /// Sends a message of trial at once: `channel` `email`, `sms` or `call`. Answers `outcome` s (`taken`, `refused`,
    /// `not-now`, `unknown`, `not-configured`) and `said` s (why, empty where it was taken).
    #[zbus(allow_interactive_auth)]
    fn test_delivery(&self, channel: &str, recipient: &str) -> zbus::Result<OwnedFacts>;
    /// Replays recorded logins behind record `after` (0 begins) under other files, the main one first, at most 1 MiB together.
    /// Options: `since` t. Answers the changes of a page, the record up to which was looked, the newest, and facts: `looked` t
    /// (logins in the page), or `mistakes` as (the files have errors: nothing else is answered).
    #[zbus(allow_interactive_auth)]
    fn simulate_policy(
        &self,
        files: &[PolicyFile<'_>],
        options: Facts<'_>,
        after: u64,
    ) -> zbus::Result<Simulated>;
    /// Tells what monitored rules would have done to logins behind record `after` (0 begins). Options: `since` t. Answers a
    /// page, the record up to which was looked, and the newest.
    #[zbus(allow_interactive_auth)]
    fn report_policy(&self, options: Facts<'_>, after: u64) -> zbus::Result<Reported>;
    /// Reads the files again; root only. Answers `loaded` b, `policy` s (digest in force), `mistakes` as, `warnings` as.
    fn reload(&self) -> zbus::Result<OwnedFacts>;
}
