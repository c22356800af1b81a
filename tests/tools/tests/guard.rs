//! The guard under seeded traffic, and the pictures of `docs/concepts/rollouts.md`.

use tools::guard::{DELAY, Measured, PICTURES, Scenario, Weather, good, measure, outages};

#[test]
fn few_good_releases_are_stopped() {
    for scenario in good().into_iter().filter(|scenario| scenario.targets.len() == 1) {
        let Measured { stopped, .. } = measure(&scenario, 60, 0);
        assert!(stopped <= 3.4, "{}: {stopped} % of 60", scenario.name);
    }
    for scenario in good().into_iter().filter(|scenario| scenario.targets.len() > 1) {
        let Measured { stopped, .. } =
            measure(&Scenario { targets: scenario.targets[..10].to_vec(), ..scenario }, 5, 0);
        assert!(stopped <= 0.0, "{stopped} % of 5");
    }
}

#[test]
fn dead_release_is_stopped_within_minutes() {
    let Measured { stopped, late, .. } = measure(&Scenario::of("always, 100/min", 100, 1, 0.01, 1.0), 40, 0);
    assert_eq!(stopped, 100.0);
    assert!(late.unwrap() <= 2 + DELAY, "{late:?}");
    let Measured { stopped, late, .. } = measure(&Scenario::of("always, 10/min", 10, 1, 0.01, 1.0), 40, 0);
    assert_eq!(stopped, 100.0);
    assert!(late.unwrap() <= 13 + DELAY, "{late:?}");
}

#[test]
fn release_that_fails_more_often_is_stopped_before_all_traffic_is_on_it() {
    let Measured { stopped, median, .. } = measure(&Scenario::of("20 % against 1 %, 20/min", 20, 1, 0.01, 0.2), 40, 0);
    assert!(stopped >= 95.0 && median.unwrap() <= 15, "{stopped} % by {median:?}");
}

#[test]
fn outage_behind_both_versions_stops_no_rollout_before_its_watch() {
    for scenario in
        outages().into_iter().filter(|scenario| scenario.weather != Weather::Outage(22) && !scenario.sums_steps)
    {
        let Measured { stopped, .. } = measure(&scenario, 40, 0);
        assert!(stopped <= 2.5, "{}: {stopped} %", scenario.name);
    }
}

/// Without what follows from the measurements.
fn form(svg: &str) -> Vec<&str> {
    svg.lines().filter(|line| !line.starts_with("<polyline") && !line.starts_with("<circle")).collect()
}

#[test]
fn pictures_of_the_documentation_have_the_form_that_is_drawn() {
    for picture in PICTURES {
        let path = format!("{}/../../docs/pictures/{}", env!("CARGO_MANIFEST_DIR"), picture.file);
        let kept = std::fs::read_to_string(&path).unwrap();
        let drawn = (picture.draw)(1, 0, &mut |_| ());
        assert_eq!(form(&kept), form(&drawn), "cargo run --bin guard -- --pictures docs/pictures draws {path} anew");
        assert!(kept.matches("<circle").count() > 20, "{path} has hardly any points");
    }
}
