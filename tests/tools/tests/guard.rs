//! The guard under seeded traffic, and the pictures of `docs/concepts/rollouts.md`.

use tools::guard::{
    DELAY, Measured, PICTURES, Scenario, Stated, Weather, good, in_pictures, measure, on_page, outages,
};

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

/// The rollouts of each number of the page; so few where there are several targets.
const ROLLOUTS: (u64, u64) = (40, 10);

fn docs(file: &str) -> String {
    std::fs::read_to_string(format!("{}/../../docs/{file}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn contradictions(stated: &[Stated]) -> Vec<String> {
    let check = |one: &Stated| {
        let rollouts = if one.scenario.targets.len() > 1 { ROLLOUTS.1 } else { ROLLOUTS.0 };
        one.contradicted_by(&measure(&one.scenario, rollouts, 0), rollouts)
    };
    stated.iter().filter_map(check).collect()
}

#[test]
fn numbers_of_the_page_are_those_of_the_guard() {
    let stated = on_page(&docs("concepts/rollouts.md")).unwrap();
    assert_eq!(stated.len(), 18 + 16, "numbers of the page");
    let wrong = contradictions(&stated);
    assert!(wrong.is_empty(), "cargo run --bin guard measures them anew:\n{}", wrong.join("\n"));
}

#[test]
fn points_of_the_pictures_are_those_of_the_guard() {
    let [false_stops, minutes] = PICTURES.map(|picture| docs(&format!("pictures/{}", picture.file)));
    let wrong = contradictions(&in_pictures(&false_stops, &minutes).unwrap());
    assert!(
        wrong.is_empty(),
        "cargo run --bin guard -- --pictures docs/pictures draws them anew:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn numbers_of_another_guard_are_contradicted() {
    let page = docs("concepts/rollouts.md");
    let eager = page.replace("0.1 / 0.3 / 0.5 | 0.0 / 0.2 / 0.4", "8.1 / 18.0 / 23.0 | 5.0 / 9.0 / 9.0");
    let slow = page.replace("| 3, 7, 12, 23 minutes |", "| 5, 9, 20, 40 minutes |").replace("| 94 % |", "| 42 % |");
    let of = |page: &str| {
        let is_one_target = |one: &Stated| one.scenario.targets.len() == 1 && one.scenario.per_minute > 2;
        contradictions(&on_page(page).unwrap().into_iter().filter(is_one_target).collect::<Vec<_>>())
    };
    let (eager, slow) = (of(&eager), of(&slow));
    assert!(eager.len() >= 2, "{eager:?}");
    assert!(slow.len() >= 4, "{slow:?}");
    assert!(on_page(&page.replace("one target, 100 a minute", "two targets, 100 a minute")).is_err());
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
