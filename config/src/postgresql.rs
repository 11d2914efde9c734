//! The URL of a fleet's store: which servers, as whom, how they are known for what they are.
//!
//! Owns every parameter that is taken; one that is not is refused, because what a library ignores could be what an
//! administrator relies on. A connection that leaves the host is encrypted and the server's name verified, always.

use std::fmt;
use std::path::PathBuf;

use crate::authority::{self, Authority};
use crate::diagnostics::shorten;

/// The most servers of one URL.
pub const SERVER_LIMIT: usize = 8;
/// The longest URL, in bytes.
const URL_LIMIT: usize = 4096;
/// The port of PostgreSQL.
const PORT: u16 = 5432;
/// The user where the URL names none: that of the service.
const USER: &str = "countersign";

/// The parameters that are taken, as help says them.
const PARAMETERS: &str =
    "host, port, target_session_attrs, sslmode, sslrootcert, sslcert, sslkey and password_file";

/// The servers of a fleet's store and how to reach them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostgresUrl {
    /// The servers; the one that takes writes is used.
    pub servers: Vec<Server>,
    /// The database.
    pub database: String,
    /// The role.
    pub user: String,
    /// Whether and how the connection is encrypted.
    pub transport: Transport,
    /// The file with the password; none where the server asks for none.
    pub password_file: Option<PathBuf>,
}

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Server {
    /// On the network.
    Tcp {
        /// A name, or an address without brackets.
        host: String,
        /// The port.
        port: u16,
    },
    /// On a Unix socket of this host.
    Socket {
        /// The directory of the socket.
        directory: PathBuf,
        /// The port, which names the socket.
        port: u16,
    },
}

/// Whether and how a connection is encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transport {
    /// Not; within this host only.
    Plain,
    /// TLS, with the server's certificate and name verified.
    VerifyFull {
        /// The file of the certificate authorities; without it, those of the system.
        authorities: Option<PathBuf>,
        /// The certificate of this service and its key.
        client: Option<ClientCertificate>,
    },
}

/// How this service shows who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The file of the certificate and those between it and the authority.
    pub certificate: PathBuf,
    /// The file of its key.
    pub key: PathBuf,
}

/// A URL that is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UrlRefusal {
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: String,
}

impl std::error::Error for UrlRefusal {}

impl fmt::Display for UrlRefusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}; {}", self.message, self.help)
    }
}

impl fmt::Display for Server {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(formatter, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(formatter, "{host}:{port}"),
            Self::Socket { directory, port } => write!(formatter, "{}/.s.PGSQL.{port}", directory.display()),
        }
    }
}

impl Server {
    /// Tells whether what is sent there stays on this host.
    fn is_within_host(&self) -> bool {
        match self {
            Self::Socket { .. } => true,
            Self::Tcp { host, .. } => authority::is_within_host(host),
        }
    }
}

/// Tells whether a text is meant as such a URL.
#[must_use]
pub(crate) fn is_postgresql(url: &str) -> bool {
    ["postgresql:", "postgres:"].iter().any(|scheme| url.starts_with(scheme))
}

impl PostgresUrl {
    /// Reads `postgresql://[USER@]HOST[:PORT][,…]/DATABASE[?PARAMETER=VALUE[&…]]`.
    ///
    /// # Errors
    /// [`UrlRefusal`] for the first thing that is not taken; it never repeats a password.
    pub fn parse(url: &str) -> Result<Self, UrlRefusal> {
        let form = || refuse("this is not the URL of a PostgreSQL store", FORM);
        let rest = url.strip_prefix("postgresql://").or_else(|| url.strip_prefix("postgres://"));
        let rest = rest.ok_or_else(form)?;
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, database) = place.split_once('/').ok_or_else(form)?;
        let (user, hosts) = authority.rsplit_once('@').unwrap_or((USER, authority));
        if user.contains(':') {
            // Whatever stands behind the colon must not get into a log.
            return Err(refuse(
                "a password does not belong into a URL",
                "write it to a file, mode 0400, and name it: ?password_file=/etc/countersign/database-password",
            ));
        }
        if url.len() > URL_LIMIT
            || url.contains(['#', '%'])
            || !url.bytes().all(|byte| byte.is_ascii_graphic())
        {
            return Err(refuse("this URL takes plain characters only, without # and %", FORM));
        }
        let parameters = Parameters::parse(query)?;
        let servers = servers(hosts, &parameters)?;
        Ok(Self {
            transport: parameters.transport(&servers)?,
            servers,
            database: name(database, "database")?,
            user: name(user, "user")?,
            password_file: parameters.path("password_file")?,
        })
    }
}

const FORM: &str = "write postgresql://USER@HOST1,HOST2/DATABASE?sslmode=verify-full";

/// The part behind the question mark.
struct Parameters<'u>(Vec<(&'u str, &'u str)>);

impl<'u> Parameters<'u> {
    fn parse(query: &'u str) -> Result<Self, UrlRefusal> {
        const KNOWN: [&str; 8] = [
            "host",
            "port",
            "target_session_attrs",
            "sslmode",
            "sslrootcert",
            "sslcert",
            "sslkey",
            "password_file",
        ];
        let mut found: Vec<(&str, &str)> = Vec::new();
        for part in query.split('&').filter(|part| !part.is_empty()) {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            if ["password", "passfile"].contains(&key) {
                return Err(refuse(
                    format!("`{key}` is not taken"),
                    "name a file with nothing but the password: password_file=/etc/countersign/database-password",
                ));
            }
            if !KNOWN.contains(&key) {
                return Err(refuse(
                    format!("`{}` is not a parameter of this URL", shorten(key)),
                    format!("the parameters are {PARAMETERS}"),
                ));
            }
            if found.iter().any(|(earlier, _)| *earlier == key) {
                return Err(refuse(format!("`{key}` stands there twice"), "write it once"));
            }
            found.push((key, value));
        }
        let parameters = Self(found);
        match parameters.value("target_session_attrs") {
            None | Some("read-write") => Ok(parameters),
            Some(_) => Err(refuse(
                "`target_session_attrs` can only be read-write: a code is never checked against a copy that lags behind",
                "write target_session_attrs=read-write, or leave it out",
            )),
        }
    }

    fn value(&self, key: &str) -> Option<&'u str> {
        self.0.iter().find(|(name, _)| *name == key).map(|(_, value)| *value)
    }

    fn path(&self, key: &str) -> Result<Option<PathBuf>, UrlRefusal> {
        let Some(value) = self.value(key) else { return Ok(None) };
        crate::path::plain(value).map(Some).ok_or_else(|| {
            refuse(
                format!("`{key}` is not the absolute path of a file"),
                format!("write {key}=/etc/countersign/…"),
            )
        })
    }

    fn transport(&self, servers: &[Server]) -> Result<Transport, UrlRefusal> {
        let certificates = ["sslrootcert", "sslcert", "sslkey"];
        let is_socket = |server: &Server| matches!(server, Server::Socket { .. });
        let is_plain = match self.value("sslmode") {
            Some("disable") if servers.iter().all(Server::is_within_host) => true,
            Some("disable") => {
                return Err(refuse(
                    "`sslmode=disable` is for servers on this host only",
                    "write sslmode=verify-full",
                ));
            }
            None | Some("verify-full") => servers.iter().all(is_socket),
            Some(mode) => {
                return Err(refuse(
                    format!("`sslmode={}` does not verify who the server is", shorten(mode)),
                    "write sslmode=verify-full, which is the default",
                ));
            }
        };
        if !is_plain && servers.iter().any(is_socket) {
            return Err(refuse(
                "a Unix socket and servers on the network do not go together",
                "name one kind of server",
            ));
        }
        if is_plain {
            return match certificates.into_iter().find(|key| self.value(key).is_some()) {
                Some(key) => Err(refuse(
                    format!("`{key}` is for an encrypted connection"),
                    "take it out, or write sslmode=verify-full",
                )),
                None => Ok(Transport::Plain),
            };
        }
        let client = match (self.path("sslcert")?, self.path("sslkey")?) {
            (Some(certificate), Some(key)) => Some(ClientCertificate { certificate, key }),
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => {
                return Err(refuse("`sslcert` and `sslkey` belong together", "write both"));
            }
        };
        Ok(Transport::VerifyFull { authorities: self.path("sslrootcert")?, client })
    }
}

fn servers(hosts: &str, parameters: &Parameters<'_>) -> Result<Vec<Server>, UrlRefusal> {
    match (hosts, parameters.value("host")) {
        ("", Some(directory)) => {
            let directory = crate::path::plain(directory).ok_or_else(|| {
                refuse("`host` is the absolute path of a socket's directory", "write host=/run/postgresql")
            })?;
            match parameters.value("port").map_or(Ok(PORT), str::parse) {
                Ok(port) if port != 0 => Ok(vec![Server::Socket { directory, port }]),
                Ok(_) | Err(_) => Err(refuse("`port` is not a port", "write port=5432, or leave it out")),
            }
        }
        ("", None) => Err(refuse("this URL names no server", FORM)),
        (_, None) if parameters.value("port").is_some() => {
            Err(refuse("`port` is for a socket", "write the port behind the server: db1:5433"))
        }
        (_, Some(_)) => {
            Err(refuse("`host` is for a socket, where no server stands before the database", FORM))
        }
        (hosts, None) => {
            let servers: Vec<Server> = hosts.split(',').map(server).collect::<Result<_, _>>()?;
            if servers.len() > SERVER_LIMIT {
                return Err(refuse(
                    format!("{} servers; at most {SERVER_LIMIT} are taken", servers.len()),
                    FORM,
                ));
            }
            Ok(servers)
        }
    }
}

fn server(text: &str) -> Result<Server, UrlRefusal> {
    let Some(Authority { host, port }) = Authority::parse(text) else {
        let message = format!("`{}` is not a server", shorten(text));
        return Err(refuse(message, "write NAME, NAME:PORT, or [IPv6]:PORT"));
    };
    Ok(Server::Tcp { host, port: port.unwrap_or(PORT) })
}

/// Takes the name of a database or role that needs no quoting anywhere.
fn name(text: &str, what: &str) -> Result<String, UrlRefusal> {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if (1..=63).contains(&text.len()) && text.bytes().all(is_name) {
        return Ok(text.to_owned());
    }
    Err(refuse(format!("`{}` is not the name of a {what}", shorten(text)), "use letters, digits, -, _ and ."))
}

fn refuse(message: impl Into<String>, help: impl Into<String>) -> UrlRefusal {
    UrlRefusal { message: message.into(), help: help.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(host: &str, port: u16) -> Server {
        Server::Tcp { host: host.to_owned(), port }
    }

    fn message(url: &str) -> String {
        PostgresUrl::parse(url).unwrap_err().message
    }

    #[test]
    fn a_url_of_several_servers_is_verified_by_default() {
        let url = "postgresql://db1,db2:5433,[2001:db8::1]:1/fleet?target_session_attrs=read-write\
                   &password_file=/etc/countersign/password&sslrootcert=/etc/ca.pem";
        let expected = PostgresUrl {
            servers: vec![tcp("db1", 5432), tcp("db2", 5433), tcp("2001:db8::1", 1)],
            database: "fleet".to_owned(),
            user: "countersign".to_owned(),
            transport: Transport::VerifyFull { authorities: Some("/etc/ca.pem".into()), client: None },
            password_file: Some("/etc/countersign/password".into()),
        };
        assert_eq!(PostgresUrl::parse(url), Ok(expected));
        let url =
            PostgresUrl::parse("postgres://dora@db1/c?sslmode=verify-full&sslcert=/c.pem&sslkey=/k.pem")
                .unwrap();
        let client = ClientCertificate { certificate: "/c.pem".into(), key: "/k.pem".into() };
        assert_eq!(url.transport, Transport::VerifyFull { authorities: None, client: Some(client) });
        assert_eq!(url.user, "dora");
    }

    #[test]
    fn a_connection_is_plain_within_the_host_only() {
        for url in ["127.0.0.1", "[::1]:5433", "localhost,127.0.0.2"] {
            let url = PostgresUrl::parse(&format!("postgresql://{url}/c?sslmode=disable")).unwrap();
            assert_eq!(url.transport, Transport::Plain);
        }
        let socket = PostgresUrl::parse("postgresql:///c?host=/run/postgresql").unwrap();
        assert_eq!(socket.transport, Transport::Plain);
        assert_eq!(socket.servers, [Server::Socket { directory: "/run/postgresql".into(), port: 5432 }]);
        for url in ["db1", "localhost,db1", "192.0.2.1", "localhost.example.org"] {
            let text = message(&format!("postgresql://{url}/c?sslmode=disable"));
            assert!(text.contains("on this host only"), "{text}");
        }
        for mode in ["require", "prefer", "allow", "verify-ca", ""] {
            assert!(
                message(&format!("postgresql://db1/c?sslmode={mode}")).contains("does not verify"),
                "{mode}"
            );
        }
    }

    #[test]
    fn a_password_in_the_url_is_refused_and_not_repeated() {
        for url in
            ["postgresql://me:pa5s@db1/c", "postgresql://db1/c?password=pa5s", "postgresql://me:pa5s@x@db1/c"]
        {
            let refusal = PostgresUrl::parse(url).unwrap_err().to_string();
            assert!(!refusal.contains("pa5s") && refusal.contains("password_file"), "{refusal}");
        }
    }

    #[test]
    fn whatever_is_not_taken_is_refused() {
        for url in [
            "postgresql:db1/c",
            "postgresql://db1",
            "postgresql://db1/",
            "postgresql:///c",
            "postgresql://db1,/c",
            "postgresql://db1:0/c",
            "postgresql://db1:65536/c",
            "postgresql://db1:/c",
            "postgresql://[::1/c",
            "postgresql://[db1]/c",
            "postgresql://[::1]5432/c",
            "postgresql://d%62/c",
            "postgresql://db1/c#x",
            "postgresql://db1/c d",
            "postgresql://db1/c/d",
            "postgresql://db1/c?sslmode=verify-full&sslmode=verify-full",
            "postgresql://db1/c?target_session_attrs=any",
            "postgresql://db1/c?options=-csynchronous_commit%3Doff",
            "postgresql://db1/c?sslrootcert=ca.pem",
            "postgresql://db1/c?password_file=/a/../b",
            "postgresql://db1/c?sslcert=/c.pem",
            "postgresql://db1/c?host=/run/postgresql",
            "postgresql:///c?host=run",
            "postgresql:///c?host=/run/postgresql&port=0",
            "postgresql://db1/c?port=5433",
            "postgresql:///c?host=/run/postgresql&sslrootcert=/ca.pem",
            "postgresql://a,b,c,d,e,f,g,h,i/c",
        ] {
            assert!(PostgresUrl::parse(url).is_err(), "{url}");
        }
    }
}
