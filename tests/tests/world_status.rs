//! How long `status` takes.

use acceptance::many_heads::ManyHeads;

#[tokio::test(start_paused = true)]
async fn the_status_of_2500_functions_is_answered_in_the_time_of_20_requests_whatever_their_history() {
    let mut waited = Vec::new();
    for releases in [1, 50] {
        let asked = ManyHeads { functions: 500, environments: 5, releases }.ask().await;
        assert_eq!(asked.told, 2500, "{asked}");
        assert!(asked.waited <= 20, "{asked}");
        waited.push((asked.waited, asked.calls));
    }
    assert_eq!(waited[0], waited[1], "requests that follow one another, and all of them");
}
