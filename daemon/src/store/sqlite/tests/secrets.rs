//! Secrets in the files: none.

use std::fs;

use countersign_core::factor::FactorKind;
use data_encoding::{BASE32, BASE32_NOPAD, BASE64, HEXLOWER, HEXUPPER};

use super::super::files::beside;
use super::*;
use crate::store::conformance::{full, put};

/// Looks for a secret in any of its spellings; a part of it is enough.
fn holds(content: &[u8], secret: &[u8]) -> bool {
    let spellings =
        [BASE32, BASE32_NOPAD, BASE64, HEXLOWER, HEXUPPER].map(|form| form.encode(secret).into_bytes());
    let numbers = secret.iter().map(u8::to_string).collect::<Vec<_>>().join(",").into_bytes();
    spellings.iter().chain([&secret.to_vec(), &numbers]).any(|spelling| {
        let part = &spelling[..12];
        content.windows(part.len()).any(|window| window == part)
    })
}

#[tokio::test]
async fn no_secret_stands_in_any_file_of_the_store() {
    let fixture = fixture().await;
    let mut accounts: Vec<_> = (0..20).map(|number| full(&format!("user{number}"))).collect();
    let mut secrets = vec![wrapping(7).expose().to_vec()];
    for (account, mark) in accounts.iter_mut().zip(1_u8..) {
        for (factor, number) in account.factors.iter_mut().zip(1_u8..) {
            let secret = match &mut factor.kind {
                FactorKind::Totp(totp) => &mut totp.secret,
                FactorKind::Hotp(hotp) => &mut hotp.secret,
                FactorKind::Sent(_) => continue,
            };
            *secret = Secret::new((0..20).map(|byte| (byte * 11) ^ mark ^ (number << 6)).collect());
            secrets.push(secret.expose().clone());
        }
        secrets.push(account.code_key.expose().to_vec());
        put(&fixture.store, account).await;
    }
    fixture.store.rotate_key().await.unwrap();
    assert_eq!(fixture.store.reseal(None, 7).await.unwrap().done, 7);
    for account in &mut accounts {
        put(&fixture.store, account).await;
    }
    assert_eq!(fixture.store.reseal(None, 1000).await.unwrap().next, None);
    put(&fixture.store, &mut accounts[0]).await;

    let mut looked_at = 0;
    for suffix in ["", "-wal", "-shm"] {
        let content = fs::read(beside(&fixture.path, suffix)).unwrap();
        looked_at += content.len();
        for secret in &secrets {
            assert!(!holds(&content, secret), "store.db{suffix}");
        }
    }
    assert!(looked_at > 50_000);
}

#[test]
fn the_search_would_find_a_secret() {
    let secret: Vec<u8> = (0..20).map(|byte| byte * 11).collect();
    for spelled in [secret.clone(), BASE32.encode(&secret).into_bytes(), BASE64.encode(&secret).into_bytes()]
    {
        assert!(holds(&[b"before", &spelled[..], b"after"].concat(), &secret));
    }
}

#[tokio::test]
async fn an_old_data_key_is_forgotten_when_no_account_uses_it() {
    let fixture = fixture().await;
    let mut alice = full("alice");
    put(&fixture.store, &mut alice).await;
    let old: Vec<u8> =
        fixture.other().query_row("SELECT wrapped FROM data_key", [], |row| row.get(0)).unwrap();
    assert_eq!(fixture.store.rotate_key().await.unwrap(), 2);
    let numbers = |fixture: &Fixture| -> Vec<u32> {
        let other = fixture.other();
        let mut statement = other.prepare("SELECT number FROM data_key ORDER BY number").unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    assert_eq!(numbers(&fixture), [1, 2]);
    assert_eq!(fixture.store.reseal(None, 10).await.unwrap().next, None);
    assert_eq!(numbers(&fixture), [2]);
    for suffix in ["", "-wal"] {
        let content = fs::read(beside(&fixture.path, suffix)).unwrap();
        assert!(!content.windows(old.len()).any(|window| window == old), "store.db{suffix}");
    }
    assert_eq!(fixture.restart().await.unwrap().load(&[alice.key.clone()]).await.unwrap(), [Some(alice)]);
}
