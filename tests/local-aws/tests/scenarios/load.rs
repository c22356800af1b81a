//! Many uploads at once.

use local_aws::load::Load;
use local_aws::{LocalAws, Result};

#[tokio::test]
async fn newest_uploads_are_live_after_disordered_and_duplicate_events() -> Result<()> {
    let aws = LocalAws::start().await?;
    let load = Load { functions: 12, releases: 5, twice_in: 4, deployers: 3, seed: 7 };
    let passed = load.pass(&aws).await?;
    println!("{passed}");
    assert!(passed.wrong.is_empty(), "{passed}");
    assert_eq!(passed.ends.values().sum::<usize>(), 60, "{passed}");
    assert!(passed.ends.get("succeeded").is_some_and(|count| *count >= 12), "{passed}");
    Ok(())
}
