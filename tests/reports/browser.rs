//! The page in a real browser: what it draws, where, in which colour and shape, and what the
//! keyboard reaches.

use std::path::{Path, PathBuf};
use std::process::Command;

use provsync::compare::report::Format;
use serde_json::Value as Json;

use super::{example, written};

const NAMES: [&str; 4] = ["chromium-headless-shell", "chromium", "google-chrome", "chrome"];

/// The page's colours in the light.
const PAPER: [u8; 3] = [0xff, 0xff, 0xff];
const BOTH: [u8; 3] = [0x6e, 0x77, 0x81];
const DIFFERS: [u8; 3] = [0x82, 0x50, 0xdf];
const SOURCE: [u8; 3] = [0x0a, 0x5f, 0xc4];
const GRAPH: [u8; 3] = [0xc2, 0x41, 0x0c];

fn browser() -> PathBuf {
    let folders = std::env::var_os("PATH").unwrap();
    let files =
        std::env::split_paths(&folders).flat_map(|folder| NAMES.map(|name| folder.join(name)));
    files.into_iter().find(|file| file.is_file()).unwrap_or_else(|| {
        panic!("no browser is here, and the page can't be looked at without one: install one of {NAMES:?}; .ci/run does")
    })
}

/// Runs the browser on a page; what it prints.
fn look(page: &Path, arguments: &[&str]) -> String {
    let profile = tempfile::tempdir().unwrap();
    let done = Command::new(browser())
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"])
        .args(["--disable-dev-shm-usage", "--window-size=1600,2400"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .args(arguments)
        .arg(format!("file://{}", page.display()))
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

/// What a script says that looks at the page from within. The page itself allows none.
fn ask(page: &str, folder: &Path) -> Json {
    let policy = page.find("<meta http-equiv").unwrap();
    let end = policy + page[policy..].find('>').unwrap() + 1;
    let open = format!("{}{}", &page[..policy], &page[end..]);
    let script = include_str!("look.js");
    let changed = open.replace("</body>", &format!("<script>{script}</script></body>"));
    let file = folder.join("asked.html");
    std::fs::write(&file, changed).unwrap();
    let dom = look(&file, &["--dump-dom"]);
    let said = dom.split("data-said=\"").nth(1).unwrap_or_else(|| panic!("nothing said: {dom}"));
    let said = said.split('"').next().unwrap().replace("&quot;", "\"");
    serde_json::from_str(&said.replace("&gt;", ">").replace("&lt;", "<").replace("&amp;", "&"))
        .unwrap()
}

struct Screenshot {
    width: usize,
    bytes: Vec<u8>,
    channels: usize,
}

impl Screenshot {
    fn take(page: &str, folder: &Path, arguments: &[&str]) -> Self {
        let (file, picture) = (folder.join("page.html"), folder.join("page.png"));
        std::fs::write(&file, page).unwrap();
        let to = format!("--screenshot={}", picture.display());
        look(&file, &[&[to.as_str()], arguments].concat());
        let file = std::io::BufReader::new(std::fs::File::open(picture).unwrap());
        let mut reader = png::Decoder::new(file).read_info().unwrap();
        let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut bytes).unwrap();
        let channels = info.color_type.samples();
        Self { width: usize::try_from(info.width).unwrap(), bytes, channels }
    }

    fn at(&self, x: f64, y: f64) -> [u8; 3] {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let (x, y) = (x.round() as usize, y.round() as usize);
        let first = (y * self.width + x) * self.channels;
        self.bytes[first..first + 3].try_into().unwrap()
    }
}

/// The browser smooths edges that lie between two pixels.
fn is_near(found: [u8; 3], expected: [u8; 3]) -> bool {
    found.into_iter().zip(expected).all(|(a, b)| a.abs_diff(b) <= 8)
}

#[test]
fn each_side_is_drawn_in_its_own_colour_and_shape() {
    let folder = tempfile::tempdir().unwrap();
    let page = written(&example::drawn(), Format::Html);
    let said = ask(&page, folder.path());
    let shot = Screenshot::take(&page, folder.path(), &[]);
    let nodes = said["nodes"].as_array().unwrap();
    let mut drawn: Vec<(String, String)> = Vec::new();
    for node in nodes {
        let text = |field: &str| node[field].as_str().unwrap().to_owned();
        let (x, y) = (node["x"].as_f64().unwrap(), node["y"].as_f64().unwrap());
        // Beside the middle every shape has its colour; only a square fills its corner; only a diamond
        // is that wide; only what differs has a hole.
        let [beside, corner, wide, middle] = [(9.0, 0.0), (10.0, 10.0), (14.0, 0.0), (0.0, 0.0)]
            .map(|(dx, dy)| shot.at(x + dx, y + dy));
        let expected = match text("side").as_str() {
            "both" => [BOTH, PAPER, PAPER, BOTH],
            "differs" => [DIFFERS, PAPER, PAPER, PAPER],
            "source" => [SOURCE, SOURCE, PAPER, SOURCE],
            "graph" => [GRAPH, PAPER, GRAPH, GRAPH],
            other => panic!("{other}"),
        };
        for (found, expected) in [beside, corner, wide, middle].into_iter().zip(expected) {
            assert!(is_near(found, expected), "{found:?} and not {expected:?}: {node}");
        }
        drawn.push((text("side"), text("label")));
    }
    drawn.sort();
    let expected = [
        ("both", "Atom 26 · row 126"),
        ("both", "Atom 28 · row 128"),
        ("differs", "Atom 23 · row 123"),
        ("graph", "Atom 99 · row 999"),
        ("source", "Atom 25 · row 125"),
    ];
    assert_eq!(drawn, expected.map(|(side, label)| (side.to_owned(), label.to_owned())));
    let mut curves: Vec<_> =
        said["curves"].as_array().unwrap().iter().map(|c| c["side"].as_str().unwrap()).collect();
    curves.sort_unstable();
    assert_eq!(curves, ["both", "differs", "graph", "source"]);
    let texts = said["texts"].as_array().unwrap();
    for thing in nodes.iter().chain(said["curves"].as_array().unwrap()) {
        assert!(texts.contains(&thing["label"]), "{thing} has its label beside it: {texts:?}");
    }
}

#[test]
fn hops_are_columns_from_left_to_right() {
    let folder = tempfile::tempdir().unwrap();
    let said = ask(&written(&example::drawn(), Format::Html), folder.path());
    let columns: Vec<_> = said["columns"].as_array().unwrap().iter().collect();
    let names: Vec<_> = columns.iter().map(|column| column["text"].as_str().unwrap()).collect();
    assert_eq!(names, ["hop 0", "hop 1", "hop 2"]);
    let hop_of = |row: &str| match row {
        "128" => 0,
        "125" | "126" | "999" => 1,
        "123" => 2,
        other => panic!("{other}"),
    };
    for node in said["nodes"].as_array().unwrap() {
        let row = node["label"].as_str().unwrap().rsplit(' ').next().unwrap();
        let column = &columns[hop_of(row)];
        let apart = column["x"].as_f64().unwrap() - node["x"].as_f64().unwrap();
        assert!(apart.abs() < 2.0, "{node} is not below {column}");
    }
}

#[test]
fn the_keyboard_reaches_every_difference_and_leads_to_its_line() {
    for report in [example::drawn(), example::nasty()] {
        let folder = tempfile::tempdir().unwrap();
        let said = ask(&written(&report, Format::Html), folder.path());
        for fault in ["deaf", "broken", "outside", "unnamed"] {
            assert_eq!(said[fault], Json::Array(Vec::new()), "{fault}");
        }
        assert_eq!(said["showsFocus"], true);
        let links = said["links"].as_u64().unwrap();
        assert!(links > 0 && links <= report.differences.len() as u64, "{links}");
    }
    let folder = tempfile::tempdir().unwrap();
    let said = ask(&written(&example::drawn(), Format::Html), folder.path());
    assert_eq!(said["links"], 6, "each of what differs");
}

#[test]
fn nasty_texts_are_neither_elements_nor_scripts() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("page.html");
    std::fs::write(&file, written(&example::nasty(), Format::Html)).unwrap();
    let dom = look(&file, &["--dump-dom"]);
    assert!(!dom.contains("<script") && !dom.contains("<!-- </td>"), "{dom}");
    assert!(dom.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "it is there as text");
    assert_eq!(dom.matches("<tr id=\"d").count(), example::nasty().differences.len());
}

/// How it looks in print is for eyes to judge; here it is printed at all.
#[test]
fn the_page_can_be_printed() {
    let folder = tempfile::tempdir().unwrap();
    let (file, printed) = (folder.path().join("page.html"), folder.path().join("page.pdf"));
    std::fs::write(&file, written(&example::drawn(), Format::Html)).unwrap();
    let to = format!("--print-to-pdf={}", printed.display());
    look(&file, &[&to, "--blink-settings=preferredColorScheme=0"]);
    let pdf = std::fs::read(printed).unwrap();
    assert!(pdf.starts_with(b"%PDF-") && pdf.len() > 10_000, "{} bytes", pdf.len());
}

#[test]
fn the_page_is_dark_where_that_is_preferred() {
    let folder = tempfile::tempdir().unwrap();
    let page = written(&example::drawn(), Format::Html);
    let light = Screenshot::take(&page, folder.path(), &[]);
    assert_eq!(light.at(3.0, 3.0), PAPER);
    let dark = ["--blink-settings=preferredColorScheme=0"];
    let dark = Screenshot::take(&page, folder.path(), &dark);
    assert_eq!(dark.at(3.0, 3.0), [0x0d, 0x11, 0x17]);
}
