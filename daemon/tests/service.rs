//! The real service over its own socket: a login from the first frame to the verdict.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod harness;

use harness::{House, answer, begin, own_name};

const ALWAYS: &str = "[default]\nrequire = \"always\"\n";

#[tokio::test]
async fn a_right_code_lets_in_and_the_same_code_does_not_again() {
    let mut house = House::build(ALWAYS);
    let name = own_name();
    let phone = house.seed(&name).await;
    house.start(None).await;
    let connection = house.connect().await;
    let begun = begin(&connection, &name).await.unwrap();
    assert_eq!(begun.1, "ask", "{begun:?}");
    let code = phone.code();
    let step = answer(&connection, &begun, &code).await.unwrap();
    assert_eq!(step.0, "allow", "{step:?}");
    let again = begin(&connection, &name).await.unwrap();
    let step = answer(&connection, &again, &code).await.unwrap();
    assert_eq!(step.0, "ask", "{step:?}");
}
