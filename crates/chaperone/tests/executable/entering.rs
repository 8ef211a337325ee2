//! The way from the console into a target, as a browser goes it.

use http::Method;
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::client::Call;
use crate::process::Demo;

struct Scene {
    demo: Demo,
    console: String,
    erp: String,
    _data: tempfile::TempDir,
}

impl Scene {
    async fn new() -> Self {
        let data = tempfile::tempdir().expect("a folder");
        let demo = Demo::start(data.path(), &[], &[]).await;
        let console = demo.line["console_url"].as_str().expect("a console").to_owned();
        let erp = demo.line["target_url"].as_str().expect("a target").to_owned();
        Self { demo, console, erp, _data: data }
    }

    fn administrator(&self) -> Value {
        self.demo.of_role("system_administrator")[0].clone()
    }

    async fn browser_of(&self, user: &Value) -> Browser {
        let mut browser = Browser::new(self.demo.port, &self.console);
        let name = user["user_name"].as_str().expect("a name");
        let signed_in = browser.sign_in(name, user["password"].as_str().expect("a password")).await;
        assert_eq!(signed_in.status, 200, "{}", signed_in.text());
        browser
    }

    /// The ERP's target, as an administrator sees it.
    async fn target(&self) -> Value {
        let list =
            Call::api(Method::GET, "/targets").by(&self.administrator()).expect(self.demo.port, 200).await;
        let items = list.json()["items"].as_array().cloned().expect("items");
        items.into_iter().find(|target| target["host"] == "erp.localhost").expect("the ERP")
    }
}

#[tokio::test]
async fn whoever_is_signed_in_to_the_console_comes_into_the_application_where_they_wanted_to_go() {
    let scene = Scene::new().await;
    let mut browser = scene.browser_of(&scene.administrator()).await;
    let (url, page) = browser.walk(&format!("{}/vendors?page=1", scene.erp)).await;
    assert_eq!(page.status, 200, "{url}: {}", page.text());
    assert_eq!(url.as_str(), format!("{}/vendors?page=1", scene.erp), "the code is out of the address");
    assert!(page.text().contains("Vendors"), "{}", page.text());
    assert!(!page.text().contains("recorder.js"), "everyday work is not recorded");
    let again = browser.visit(&format!("{}/", scene.erp)).await;
    assert_eq!(again.status, 200, "the second time without a detour");
    scene.demo.process.stopped().await;
}

#[tokio::test]
async fn whoever_is_not_signed_in_comes_by_the_sign_in_and_back() {
    let scene = Scene::new().await;
    let mut browser = Browser::new(scene.demo.port, &scene.console);
    let to_console = browser.visit(&format!("{}/vendors", scene.erp)).await;
    let enter = to_console.header("location").to_owned();
    let to_sign_in = browser.visit(&enter).await;
    let location = to_sign_in.header("location").to_owned();
    assert_eq!(to_sign_in.status, 303, "{}", to_sign_in.text());
    let then = url::form_urlencoded::parse(location.split_once('?').expect("a query").1.as_bytes())
        .find(|(name, _)| name == "then")
        .expect("a way back")
        .1
        .into_owned();
    assert!(location.starts_with("/sign-in?") && then.starts_with("/enter?target="), "{location}");
    let user = scene.administrator();
    browser
        .sign_in(user["user_name"].as_str().expect("a name"), user["password"].as_str().expect("one"))
        .await;
    let (url, page) = browser.walk(&format!("{}{then}", scene.console)).await;
    assert_eq!((page.status, url.path()), (200, "/vendors"), "{url}: {}", page.text());
    scene.demo.process.stopped().await;
}

#[tokio::test]
async fn the_code_of_one_browser_is_nothing_in_another() {
    let scene = Scene::new().await;
    let mut browser = scene.browser_of(&scene.administrator()).await;
    let enter = browser.visit(&format!("{}/", scene.erp)).await.header("location").to_owned();
    let code = browser.visit(&enter).await.header("location").to_owned();
    assert!(code.starts_with(&format!("{}/.chaperone/enter?code=", scene.erp)), "{code}");
    let mut thief = Browser::new(scene.demo.port, &scene.console);
    thief.visit(&format!("{}/", scene.erp)).await;
    let stolen = thief.visit(&code).await;
    assert!(stolen.status >= 400 && !stolen.headers.contains_key("set-cookie"), "{}", stolen.text());
    let mut late = browser;
    let used = late.visit(&code).await;
    assert!(used.status >= 400, "a code that was tried is over, for its own browser too: {}", used.text());
    scene.demo.process.stopped().await;
}

#[tokio::test]
async fn the_privileged_user_is_refused_outside_a_session_and_told_what_to_do() {
    let scene = Scene::new().await;
    let user = scene.demo.of_role("user")[0].clone();
    let mut browser = scene.browser_of(&user).await;
    let (url, page) = browser.walk(&format!("{}/", scene.erp)).await;
    assert_eq!((page.status, url.path()), (403, "/enter"), "{}", page.text());
    assert!(
        page.text().contains("privileged session") && page.text().contains("/my-access"),
        "{}",
        page.text()
    );
    scene.demo.process.stopped().await;
}

#[tokio::test]
async fn a_target_that_records_everybody_asks_first_and_only_the_own_page_may_agree() {
    let scene = Scene::new().await;
    let (administrator, target) = (scene.administrator(), scene.target().await);
    let path = format!("/targets/{}", target["id"].as_str().expect("an id"));
    let change = json!({"recording": "always", "version": target["version"]});
    Call::api(Method::PATCH, &path).by(&administrator).json(&change).expect(scene.demo.port, 200).await;

    let mut browser = scene.browser_of(&administrator).await;
    let (url, page) = browser.walk(&format!("{}/vendors", scene.erp)).await;
    assert_eq!((page.status, url.path()), (200, "/enter"), "{}", page.text());
    let text = page.text();
    assert!(text.contains("Agree and go on"), "{text}");
    let field = |name: &str| {
        let rest = text.split_once(&format!("name=\"{name}\" value=\"")).expect("the field").1;
        rest.split('"').next().expect("its value").to_owned()
    };
    let (target_id, nonce, token) = (field("target"), field("nonce"), field("csrf_token"));
    let fields = [
        ("target", target_id.as_str()),
        ("nonce", nonce.as_str()),
        ("return", "/vendors"),
        ("csrf_token", token.as_str()),
    ];
    let console = scene.console.clone();
    let forged = browser.submit("/enter", "http://evil.example", &fields).await;
    assert_eq!(forged.status, 403, "another site's page agrees to nothing");
    let mut wrong = fields;
    wrong[3].1 = "AAAA";
    let forged = browser.submit("/enter", &console, &wrong).await;
    assert_eq!(forged.status, 403, "nor does one that does not know the token");
    let agreed = browser.submit("/enter", &console, &fields).await;
    assert_eq!(agreed.status, 303, "{}", agreed.text());
    let policy = page.header("content-security-policy");
    assert!(policy.contains(&format!("form-action 'self' {}", scene.erp)), "{policy}");
    scene.demo.process.stopped().await;
}
