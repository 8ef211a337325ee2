//! What is found by the hash of a secret: API tokens and one-time codes.

use chaperone_domain::ids::ApiTokenId;
use chaperone_store::{ApiToken, EntryCode, StoreError};

use crate::world::{World, at};

const HASH: [u8; 32] = [0xa5; 32];
const OTHER: [u8; 32] = [0x5a; 32];

fn token(world: &World, second: i64) -> ApiToken {
    ApiToken {
        id: ApiTokenId::new(world.id()),
        user_id: world.paula.id,
        name: "nightly import".to_owned(),
        created_at: at(second),
        last_used_at: None,
        expires_at: Some(at(3_600)),
        revoked_at: None,
    }
}

async fn add(world: &World, token: &ApiToken, hash: [u8; 32]) -> Result<(), StoreError> {
    world
        .change((token.clone(), hash), |tx, (token, hash)| {
            Box::pin(async move { tx.insert_api_token(&token, &hash).await })
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_found_by_its_secret_and_listed_for_its_user_newest_first() {
    for world in World::each().await {
        let (older, newer) = (token(&world, 1), token(&world, 2));
        add(&world, &older, HASH).await.expect("stored");
        add(&world, &newer, OTHER).await.expect("stored");
        assert!(matches!(add(&world, &token(&world, 3), HASH).await, Err(StoreError::Conflict { .. })));
        let read = world.store.read();
        assert_eq!(read.api_token_by_secret(&HASH).await.expect("read").as_ref(), Some(&older));
        assert_eq!(read.api_token_by_secret(&[0; 32]).await.expect("read"), None);
        assert_eq!(read.api_tokens(world.paula.id).await.expect("read"), [newer, older]);
        assert_eq!(read.api_tokens(world.anna.id).await.expect("read"), []);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_revoked_once_and_its_last_use_never_goes_back() {
    for world in World::each().await {
        let mine = token(&world, 1);
        add(&world, &mine, HASH).await.expect("stored");
        let used = |second: i64| {
            world.books((mine.id, at(second)), |books, (id, at)| {
                Box::pin(async move { books.api_token_used(id, at).await })
            })
        };
        for second in [50, 90, 70] {
            used(second).await.expect("kept");
        }
        let revoke = |second: i64| {
            world.change((mine.id, at(second)), |tx, (id, at)| {
                Box::pin(async move { tx.revoke_api_token(id, at).await })
            })
        };
        assert_eq!(revoke(100).await, Ok(true));
        assert_eq!(revoke(200).await, Ok(false));
        let stored = world.store.read().api_token_by_secret(&HASH).await.expect("read").expect("there");
        assert_eq!((stored.last_used_at, stored.revoked_at), (Some(at(90)), Some(at(100))));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_comes_back_once_and_only_in_its_time() {
    for world in World::each().await {
        let sign_in = world.console_sign_in(0);
        world.add_sign_in(&sign_in).await.expect("stored");
        let code = EntryCode {
            hash: HASH,
            sign_in_id: sign_in.id,
            host: "erp.localhost".to_owned(),
            nonce_hash: OTHER,
            return_path: "/vendors?q=%2F".to_owned(),
            expires_at: at(60),
        };
        let insert = |code: &EntryCode| {
            world.books(code.clone(), |books, code| {
                Box::pin(async move { books.insert_entry_code(code).await })
            })
        };
        let redeem = |hash: [u8; 32], second: i64| {
            world.books((hash, at(second)), |books, (hash, now)| {
                Box::pin(async move { books.redeem_entry_code(&hash, now).await })
            })
        };
        insert(&code).await.expect("kept");
        assert_eq!(redeem(OTHER, 1).await, Ok(None));
        let tries = futures_util::future::join_all((0..8).map(|_| redeem(HASH, 59))).await;
        let given: Vec<_> = tries.into_iter().filter_map(|code| code.expect("asked")).collect();
        assert_eq!(given, std::slice::from_ref(&code));

        insert(&code).await.expect("kept");
        assert_eq!(redeem(HASH, 60).await, Ok(None), "its time is over");
        assert_eq!(redeem(HASH, 59).await, Ok(None), "and it is gone");

        insert(&code).await.expect("kept");
        let sweep = world
            .books(at(60), |books, now| Box::pin(async move { books.delete_expired_entry_codes(now).await }));
        sweep.await.expect("swept");
        assert_eq!(redeem(HASH, 1).await, Ok(None));
    }
}
