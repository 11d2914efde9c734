//! What the service offers on the bus equals what `docs/interface` says.
//!
//! After a change on purpose: `COUNTERSIGN_UPDATE=1 cargo test -p countersignd --test interface`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod harness;

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use zbus::Connection;
use zbus::fdo::IntrospectableProxy;

use harness::bus::{Bus, oneself};
use harness::{House, begin, own_name};

const HEAD: &str = "<!DOCTYPE node PUBLIC \"-//freedesktop//DTD D-BUS Object Introspection 1.0//EN\"\n \
                    \"http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd\">\n<node>\n";

#[tokio::test]
async fn the_interfaces_are_the_documented_ones() {
    let mut house = House::build("[default]\nrequire = \"always\"\n");
    house.seed(&own_name()).await;
    let bus = Bus::start(house.folder.path()).await;
    house.start(Some(&bus.socket())).await;
    let (client, module) = (bus.client().await, house.connect().await);
    let enrolling = oneself(&client).await.begin_enrollment("totp", HashMap::new()).await.unwrap();
    let login = begin(&module, &own_name()).await.unwrap();
    let mut offered = interfaces(&client, "/org/countersign1").await;
    offered.extend(interfaces(&module, "/org/countersign1").await);
    let conversation = interfaces(&client, enrolling.0.as_str()).await;
    assert_eq!(conversation, interfaces(&module, login.0.as_str()).await);
    offered.extend(conversation);
    offered.sort();

    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/interface");
    for (name, xml) in &offered {
        let path = folder.join(format!("{name}.xml"));
        if std::env::var_os("COUNTERSIGN_UPDATE").is_some() {
            fs::create_dir_all(&folder).unwrap();
            fs::write(&path, xml).unwrap();
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), *xml, "{}", path.display());
    }
    let documented = fs::read_dir(&folder).unwrap().count();
    assert_eq!((offered.len(), documented), (5, 5));
}

/// The interfaces of ours at an object, each as a document of its own.
async fn interfaces(connection: &Connection, path: &str) -> Vec<(String, String)> {
    let object =
        IntrospectableProxy::builder(connection).destination("org.countersign1").path(path).build().await;
    let xml = object.unwrap().introspect().await.unwrap();
    // What lies below the object is indented further.
    let ours = xml.split("\n  <interface name=\"org.countersign1.").skip(1);
    ours.map(|rest| {
        let (name, rest) = rest.split_once('"').unwrap();
        let body = rest.split_once("\n  </interface>").unwrap().0;
        let name = format!("org.countersign1.{name}");
        let document = format!("{HEAD}  <interface name=\"{name}\"{body}\n  </interface>\n</node>\n");
        (name, document)
    })
    .collect()
}
