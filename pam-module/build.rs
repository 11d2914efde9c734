//! Link arguments of the module.

#![expect(clippy::disallowed_macros, reason = "a build script speaks to cargo by printing")]

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // Once loaded it stays mapped: thread-local destructors and the panic hook point into it (DESIGN.md 5).
    println!("cargo:rustc-link-arg-cdylib=-Wl,-z,nodelete,-z,now,-z,relro");
    // By its file name, so that a machine with only libpam.a fails to link instead of linking statically in silence.
    println!("cargo:rustc-link-arg-cdylib=-Wl,--no-as-needed,-l:libpam.so.0,--as-needed");
}
