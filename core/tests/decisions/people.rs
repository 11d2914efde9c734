//! People, hosts, policies and randomness for the tests.

use countersign_core::account::{Account, AccountKey, HostId, Realm, RuleName, UserName};
use countersign_core::factor::totp::TotpParameters;
use countersign_core::factor::{Factor, FactorId, FactorKind, FactorState, Label, Method, Totp};
use countersign_core::invitation::INVITATION_LIFE;
use countersign_core::login::{
    Existence, FirstFactor, Groups, Host, LoginRequest, Origin, Person, Phase, Source, SshFacts,
};
use countersign_core::policy::{Echo, Enrollment, Matcher, Network, Policy, Requirement, Rule, Settings};
use countersign_core::secret::Entropy;
use countersign_core::throttle::Limits;
use countersign_core::time::WallTime;
use countersign_core::words::Language;

/// Bytes from a counter (SplitMix64): the same in every run.
pub(crate) struct Seeded(pub(crate) u64);

impl Entropy for Seeded {
    fn fill(&mut self, buffer: &mut [u8]) {
        for byte in buffer {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            *byte = mixed.to_le_bytes()[7];
        }
    }
}

pub(crate) fn at(seconds: u64) -> WallTime {
    WallTime::from_seconds(seconds)
}

pub(crate) fn strings(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

pub(crate) fn host() -> Host {
    Host { name: "lab1".to_owned(), id: HostId::try_from("0123456789abcdef").unwrap() }
}

pub(crate) fn person(name: &str, uid: u32, groups: &[&str]) -> Person {
    Person {
        name: UserName::try_from(name).unwrap(),
        realm: Realm::try_from("local:0123456789abcdef").unwrap(),
        existence: Existence::Known { uid, origin: Origin::Local },
        groups: Groups::Complete(strings(groups)),
        contacts: countersign_core::contact::Contacts::default(),
    }
}

pub(crate) fn stranger(name: &str) -> Person {
    Person { existence: Existence::Unknown, groups: Groups::Complete(Vec::new()), ..person(name, 0, &[]) }
}

pub(crate) fn request(person: Person, service: &str, source: Source) -> LoginRequest {
    LoginRequest {
        person,
        service: service.to_owned(),
        phase: Phase::Auth,
        source,
        tty: None,
        ssh: SshFacts::default(),
        requesting_uid: None,
        caller_uid: 0,
        first_factor: FirstFactor::Settled,
        session: None,
        fresh: None,
        host: host(),
        language: None,
    }
}

pub(crate) fn from(address: &str) -> Source {
    Source::Address(address.parse().unwrap())
}

pub(crate) fn network(text: &str) -> Network {
    if text == "local" { Network::Local } else { Network::Range(text.parse().unwrap()) }
}

pub(crate) fn rule(name: &str, require: Requirement, matcher: Matcher) -> Rule {
    Rule {
        name: RuleName::try_from(name).unwrap(),
        matcher,
        require,
        methods: vec![Method::Totp],
        enroll: Enrollment::SelfService,
        enroll_within: None,
        invite_for_limit: INVITATION_LIFE,
        contacts: countersign_core::policy::ContactRule::default(),
        skip: None,
        remember: None,
        mode: countersign_core::policy::Mode::Enforce,
        accept: Vec::new(),
        enrolled_after: None,
        fresh_for: None,
        idle_timeout: None,
    }
}

pub(crate) fn policy(rules: Vec<Rule>) -> Policy {
    Policy {
        is_enabled: true,
        enrolled_after: None,
        open_from: None,
        fqdn: countersign_core::policy::Fqdn::None,
        rules,
        default: rule("default", Requirement::Enrolled, Matcher::default()),
        settings: Settings {
            organization: "Example University".to_owned(),
            language: Language::English,
            help: None,
            echo: Echo::Visible,
            protected_groups: strings(&["root", "sudo"]),
            totp: TotpParameters::default(),
            limits: Limits::default(),
            sent: countersign_core::factor::sent::SentParameters::default(),
            sending: countersign_core::sending::SendLimits::default(),
            channels: countersign_core::sending::Channels::default(),
            texts: countersign_core::words::texts::Texts::default(),
        },
        digest: "d1ge57".to_owned(),
    }
}

pub(crate) fn account(name: &str) -> Account {
    let key = AccountKey {
        realm: Realm::try_from("local:0123456789abcdef").unwrap(),
        name: UserName::try_from(name).unwrap(),
    };
    Account::new(key, &mut Seeded(1))
}

pub(crate) fn factor(id: u32, state: FactorState) -> Factor {
    Factor {
        id: FactorId(id),
        label: Label::try_from(format!("phone {id}").as_str()).unwrap(),
        state,
        last_used: None,
        kind: FactorKind::Totp(Totp::generate(TotpParameters::default(), &mut Seeded(id.into()))),
    }
}
