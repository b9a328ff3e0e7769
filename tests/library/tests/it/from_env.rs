//! Services that are created from the environment of the process.

use std::env;
use std::process::Command;
use std::time::Duration;

use cloudflare_clients::kv::KvClient;
use cloudflare_clients::r2::R2Service;

const NAME: &str = "from_env::the_environment_gives_a_bucket_with_its_signer_and_a_namespace";
const REGION: &str = "a-region-of-this-test";
const ID: &str = "fedcba9876543210fedcba9876543210";

#[test]
fn the_environment_gives_a_bucket_with_its_signer_and_a_namespace() {
    if env::var("R2_REGION").as_deref() != Ok(REGION) {
        // Run again, in an environment that no other test sees.
        let again = Command::new(env::current_exe().unwrap())
            .args(["--exact", NAME])
            .env_clear()
            .envs([
                ("R2_REGION", REGION),
                ("R2_ENDPOINT", "https://abc123.eu.r2.cloudflarestorage.com/media"),
            ])
            .envs([("R2_ACCESS_KEY_ID", "id"), ("R2_SECRET_ACCESS_KEY", "secret-key-here")])
            .envs([("R2_BUCKET_MEDIA", " media\n"), ("KV_NAMESPACE_ID", ID)])
            .envs([("CLOUDFLARE_ACCOUNT_ID", "abc123def456"), ("CLOUDFLARE_API_TOKEN", "token")])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&again.stdout);
        assert!(said.contains("1 passed"), "{said}{}", String::from_utf8_lossy(&again.stderr));
        return;
    }
    let r2 = R2Service::from_env().unwrap();
    let url = r2.generate_signed_url("a", Duration::from_secs(60)).unwrap();
    assert!(url.as_str().starts_with("https://media.abc123.eu.r2.cloudflarestorage.com/a?"), "{url:?}");
    assert!(url.as_str().contains(&format!("%2F{REGION}%2Fs3%2Faws4_request")), "{url:?}");
    assert!(format!("{:?}", r2.bucket()).contains("abc123.eu.r2.cloudflarestorage.com"));
    let kv = KvClient::from_env().unwrap();
    assert!(format!("{:?}", kv.namespace()).contains("abc123def456"));
}
