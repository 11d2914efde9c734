//! `cargo xtask deb`: builds the artefacts and lays them out as one Debian package in `target/debian/`.
//!
//! What lies where is one table. The package is refused when the module is not linked as its host processes need it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::changelog;
use crate::prerequisites::{self, ensure_installed};
use crate::shell::{self, capture, cargo, program, root, target};

/// What to build.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The cargo profile: `release`, or `dev` for a quick build to test with.
    #[arg(long, default_value = "release")]
    pub(crate) profile: String,
}

/// A file of the source tree in the package: source, destination, mode.
type Entry = (&'static str, &'static str, u32);

/// What is packed as it lies in the source tree.
const FILES: &[Entry] = &[
    ("packaging/systemd/countersignd.service", "usr/lib/systemd/system/countersignd.service", 0o644),
    ("packaging/systemd/countersignd.socket", "usr/lib/systemd/system/countersignd.socket", 0o644),
    (
        "packaging/systemd/countersign-command.socket",
        "usr/lib/systemd/system/countersign-command.socket",
        0o644,
    ),
    (
        "packaging/systemd/countersign-command@.service",
        "usr/lib/systemd/system/countersign-command@.service",
        0o644,
    ),
    ("packaging/systemd/countersign-tell.socket", "usr/lib/systemd/system/countersign-tell.socket", 0o644),
    (
        "packaging/systemd/countersign-tell@.service",
        "usr/lib/systemd/system/countersign-tell@.service",
        0o644,
    ),
    (
        "packaging/systemd/countersign-listen.service",
        "usr/lib/systemd/system/countersign-listen.service",
        0o644,
    ),
    (
        "packaging/systemd/countersign-store-key.service",
        "usr/lib/systemd/system/countersign-store-key.service",
        0o644,
    ),
    ("packaging/systemd/countersign-store-key", "usr/libexec/countersign-store-key", 0o755),
    ("packaging/dbus/org.countersign1.conf", "usr/share/dbus-1/system.d/org.countersign1.conf", 0o644),
    (
        "packaging/dbus/org.countersign1.service",
        "usr/share/dbus-1/system-services/org.countersign1.service",
        0o644,
    ),
    ("packaging/polkit/org.countersign1.policy", "usr/share/polkit-1/actions/org.countersign1.policy", 0o644),
    ("packaging/polkit/50-countersign.rules", "usr/share/polkit-1/rules.d/50-countersign.rules", 0o644),
    ("packaging/sysusers.d/countersign.conf", "usr/lib/sysusers.d/countersign.conf", 0o644),
    ("packaging/tmpfiles.d/countersign.conf", "usr/lib/tmpfiles.d/countersign.conf", 0o644),
    ("packaging/pam/countersign", "usr/share/pam-configs/countersign", 0o644),
    ("packaging/pam/countersign-publickey", "usr/share/pam-configs/countersign-publickey", 0o644),
    ("packaging/deb/copyright", "usr/share/doc/countersign/copyright", 0o644),
    ("README.md", "usr/share/doc/countersign/README.md", 0o644),
    ("SECURITY.md", "usr/share/doc/countersign/SECURITY.md", 0o644),
    ("docs/threat-model.md", "usr/share/doc/countersign/docs/threat-model.md", 0o644),
    ("config/countersign.schema.json", "usr/share/countersign/countersign.schema.json", 0o644),
    ("config/countersign.toml", "etc/countersign/countersign.toml", 0o644),
];

/// What tells dpkg about the package.
const CONTROL: &[Entry] = &[
    ("packaging/deb/conffiles", "DEBIAN/conffiles", 0o644),
    ("packaging/deb/postinst", "DEBIAN/postinst", 0o755),
    ("packaging/deb/prerm", "DEBIAN/prerm", 0o755),
    ("packaging/deb/postrm", "DEBIAN/postrm", 0o755),
    ("packaging/deb/config", "DEBIAN/config", 0o755),
    ("packaging/deb/templates", "DEBIAN/templates", 0o644),
];

/// The completions that the command line writes, and where each shell looks for them.
const COMPLETIONS: [(&str, &str); 3] = [
    ("countersign.bash", "usr/share/bash-completion/completions/countersign"),
    ("_countersign", "usr/share/zsh/vendor-completions/_countersign"),
    ("countersign.fish", "usr/share/fish/vendor_completions.d/countersign.fish"),
];

/// Where the command line writes about itself.
const GENERATED: &str = "debian/generated";

/// Where the packed module lies for tests, below the folder of what is built.
pub(crate) const LOOSE_MODULE: &str = "debian/pam_countersign.so";

/// Builds the package and says where it lies.
///
/// # Errors
/// As [`package`] and [`lint`].
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let package = package(&arguments.profile)?;
    // What is built to test with is checked by `cargo xtask test`.
    if arguments.profile != "dev" {
        lint(&package, &arguments.profile)?;
    }
    println!("{}", package.display());
    Ok(())
}

/// Builds the package and returns where it lies.
///
/// # Errors
/// When a package to build with is missing, something does not build, a file of the table is absent, or the module is
/// linked wrongly.
pub(crate) fn package(profile: &str) -> Result<PathBuf> {
    ensure_installed(&[prerequisites::BUILD])?;
    build(profile)?;
    let built = target().join(if profile == "dev" { "debug" } else { profile });
    check_linking(&built.join("libpam_countersign.so"))?;
    let tree = target().join("debian/tree");
    for folder in [&tree, &target().join(GENERATED)].into_iter().filter(|folder| folder.exists()) {
        fs::remove_dir_all(folder).with_context(|| format!("clearing {}", folder.display()))?;
    }
    lay_out(&tree, &built)?;
    pack(&tree, profile)
}

/// Checks the package as Debian does.
///
/// # Errors
/// When lintian cannot be installed, or finds an error or a warning; with all of them.
pub(crate) fn lint(package: &Path, profile: &str) -> Result<()> {
    ensure_installed(&[prerequisites::LINT])?;
    let mut lintian =
        program("lintian", &["--fail-on", "error,warning", "--tag-display-limit", "0", "--allow-root"]);
    if profile == "dev" {
        // It carries what debuggers need.
        lintian.args(["--suppress-tags", "unstripped-binary-or-object"]);
    }
    // What it finds goes to standard output.
    let output = lintian.arg(package).output().context("starting lintian")?;
    let found = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "lintian: {}\n{found}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// Builds the module by its own call, so that no feature of the daemon gets into other people's processes.
fn build(profile: &str) -> Result<()> {
    let cargo_build = ["build", "--locked", "--profile", profile];
    shell::run(cargo(&cargo_build).args(["--package", "pam-countersign"]))?;
    shell::run(cargo(&cargo_build).args(["--package", "countersignd", "--package", "countersign"]))
}

/// Refuses a module that carries a libpam of its own, or that could be unloaded under its host's feet.
fn check_linking(module: &Path) -> Result<()> {
    let dynamic = capture(program("readelf", &["--dynamic", "--wide"]).arg(module))?;
    let has = |tag: &str, value: &str| dynamic.lines().any(|line| line.contains(tag) && line.contains(value));
    ensure!(
        has("(NEEDED)", "[libpam.so.0]"),
        "pam_countersign.so is not linked with libpam.so.0 (libpam0g-dev?)"
    );
    ensure!(has("(FLAGS_1)", "NODELETE"), "pam_countersign.so is not linked with `-z nodelete`");
    Ok(())
}

fn lay_out(tree: &Path, built: &Path) -> Result<()> {
    let library = capture(&mut program("cc", &["-print-multiarch"]))?;
    let module = format!("usr/lib/{library}/security/pam_countersign.so");
    put(&built.join("libpam_countersign.so"), &tree.join(module), 0o644)?;
    // The same for tests that load it without a machine; in the build folder another build may replace it.
    put(&built.join("libpam_countersign.so"), &target().join(LOOSE_MODULE), 0o644)?;
    put(&built.join("countersignd"), &tree.join("usr/libexec/countersignd"), 0o755)?;
    put(&built.join("countersign"), &tree.join("usr/bin/countersign"), 0o755)?;
    for (source, destination, mode) in FILES.iter().chain(CONTROL) {
        put(&root().join(source), &tree.join(destination), *mode)?;
    }
    for example in files_in(&root().join("config/examples"))? {
        put(&example, &tree.join("usr/share/doc/countersign/examples").join(name(&example)?), 0o644)?;
    }
    for statements in files_in(&root().join("packaging/postgresql"))? {
        put(&statements, &tree.join("usr/share/doc/countersign/postgresql").join(name(&statements)?), 0o644)?;
    }
    for guide in files_in(&root().join("docs/guide"))? {
        put(&guide, &tree.join("usr/share/doc/countersign/docs/guide").join(name(&guide)?), 0o644)?;
    }
    add_manual(tree, built)?;
    add_changelog(tree)?;
    describe(tree)
}

/// Adds the completions and man pages that the command line writes about itself, and the man pages of `docs/man`.
fn add_manual(tree: &Path, built: &Path) -> Result<()> {
    let generated = target().join(GENERATED);
    let date = source_date("+%F")?;
    let generate = ["generate", "--date", &date];
    capture(program(&built.join("countersign").to_string_lossy(), &generate).arg(&generated))?;
    for (script, place) in COMPLETIONS {
        put(&generated.join("completions").join(script), &tree.join(place), 0o644)?;
    }
    let manual = generated.join("man");
    for page in files_in(&root().join("docs/man"))? {
        typeset(&page, &manual, &date)?;
    }
    for page in files_in(&manual)? {
        let section =
            page.extension().context("a man page without a section")?.to_string_lossy().into_owned();
        let place = tree.join(format!("usr/share/man/man{section}/{}.gz", name(&page)?));
        add_compressed(&page, &place)?;
    }
    Ok(())
}

/// Makes a man page of `<title>.<section>.md`.
fn typeset(source: &Path, manual: &Path, date: &str) -> Result<()> {
    let page = source.file_stem().context("a page without a name")?.to_string_lossy().into_owned();
    let (title, section) = page.rsplit_once('.').context("a page without a section")?;
    let told = [format!("title={title}"), format!("section={section}"), format!("date={date}")];
    // Else `--option` gets a dash that no shell takes, and `SSH_AUTH_INFO` loses its underscores.
    let plain = ["--out-no-smarty", "--parse-no-intraemph"];
    let mut lowdown = program("lowdown", &plain);
    lowdown.args(["-s", "-T", "man", "-M", "source=Countersign", "-M", "volume=Countersign Manual"]);
    for value in &told {
        lowdown.args(["-M", value]);
    }
    capture(lowdown.arg("-o").arg(manual.join(&page)).arg(source)).map(drop)
}

/// Adds the changelog in Debian's form.
fn add_changelog(tree: &Path) -> Result<()> {
    let control = read(&root().join("packaging/deb/control"))?;
    let maintainer = control.lines().find_map(|line| line.strip_prefix("Maintainer: "));
    let maintainer = maintainer.context("the control file names no maintainer")?;
    let text = read(&root().join("CHANGELOG.md"))?;
    let text = changelog::debian(&text, env!("CARGO_PKG_VERSION"), maintainer, &source_date("-R")?)?;
    let written = target().join(GENERATED).join("changelog");
    write(&written, text.as_bytes(), 0o644)?;
    add_compressed(&written, &tree.join("usr/share/doc/countersign/changelog.gz"))
}

/// Tells the time of the newest change to the source, so that two builds give the same bytes; `form` is an argument of date(1).
fn source_date(form: &str) -> Result<String> {
    let seconds = match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(seconds) => seconds,
        Err(_) => match capture(&mut program("git", &["log", "-1", "--format=%ct"])) {
            Ok(seconds) => seconds,
            // No repository, as in an unpacked archive: its files have the time.
            Err(_) => capture(program("stat", &["--format=%Y"]).arg(root().join("CHANGELOG.md")))?,
        },
    };
    capture(&mut program("date", &["--utc", "--date", &format!("@{seconds}"), form]))
}

/// Adds a file compressed, without the time, so that two builds give the same bytes; leaves out what is not there.
fn add_compressed(source: &Path, destination: &Path) -> Result<()> {
    if !source.exists() {
        return Ok(());
    }
    let output =
        program("gzip", &["-9", "--no-name", "--stdout"]).arg(source).output().context("starting gzip")?;
    ensure!(output.status.success(), "compressing {}", source.display());
    write(destination, &output.stdout, 0o644)
}

/// Writes the control file and the list of sums.
fn describe(tree: &Path) -> Result<()> {
    let libc = capture(&mut program("dpkg-query", &["--show", "--showformat=${Version}", "libc6"]))?;
    let architecture = capture(&mut program("dpkg", &["--print-architecture"]))?;
    let size = capture(program("du", &["--summarize", "--block-size=1024"]).arg(tree))?;
    let control = read(&root().join("packaging/deb/control"))?
        .replace("@VERSION@", env!("CARGO_PKG_VERSION"))
        .replace("@ARCHITECTURE@", &architecture)
        .replace("@SIZE@", size.split_whitespace().next().unwrap_or("0"))
        .replace("@LIBC@", libc.split('-').next().unwrap_or(&libc));
    let list =
        "find . -path ./DEBIAN -prune -o -type f -printf '%P\\0' | LC_ALL=C sort -z | xargs -0 -r md5sum";
    let sums = capture(program("sh", &["-c", list]).current_dir(tree))?;
    write(&tree.join("DEBIAN/md5sums"), format!("{sums}\n").as_bytes(), 0o644)?;
    write(&tree.join("DEBIAN/control"), control.as_bytes(), 0o644)
}

fn pack(tree: &Path, profile: &str) -> Result<PathBuf> {
    let architecture = capture(&mut program("dpkg", &["--print-architecture"]))?;
    let package =
        target().join(format!("debian/countersign_{}_{architecture}.deb", env!("CARGO_PKG_VERSION")));
    // A package to test with carries what debuggers need: compressing that well takes longer than building it.
    let compression = if profile == "dev" { ["-Zgzip", "-z1"] } else { ["-Zxz", "-z6"] };
    let build = ["--root-owner-group", "--build"];
    capture(program("dpkg-deb", &compression).args(build).arg(tree).arg(&package))?;
    Ok(package)
}

/// Copies a file with a mode, making the folders above it.
fn put(source: &Path, destination: &Path, mode: u32) -> Result<()> {
    let bytes = fs::read(source).with_context(|| format!("the package needs {}", source.display()))?;
    write(destination, &bytes, mode)
}

fn write(destination: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    let folder = destination.parent().context("a file without a folder")?;
    // install(1) gives every folder the usual mode, whatever umask this runs under.
    capture(program("install", &["-d", "-m", "0755"]).arg(folder))?;
    fs::write(destination, bytes).with_context(|| format!("writing {}", destination.display()))?;
    let permissions = fs::Permissions::from_mode(mode);
    fs::set_permissions(destination, permissions)
        .with_context(|| format!("mode of {}", destination.display()))
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))
}

fn name(path: &Path) -> Result<String> {
    Ok(path.file_name().context("a path without a name")?.to_string_lossy().into_owned())
}

/// The files of a folder, sorted; none where the folder is absent.
fn files_in(folder: &Path) -> Result<Vec<PathBuf>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?;
    let mut files = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    files.retain(|path| path.is_file());
    files.sort();
    Ok(files)
}
