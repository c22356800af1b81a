//! Each use of the head that an older deployer would misread raises its format, and the format sinks when that is over.

use super::commands::three;
use super::doors::{deploying, opens};
use super::member::{member, placed};
use super::parked::parked;
use super::*;
use crate::format;

fn format_of(head: &Head) -> u64 {
    let written = format::write(head, &head.as_read).unwrap();
    serde_json::from_slice::<serde_json::Value>(&written).unwrap()["format"].as_u64().unwrap()
}

#[test]
fn incomplete_artifact_raises_the_format_until_it_is_complete() {
    let four = upload("4", 40);
    let half = three().accepts(&four, &me("four", 40)).0.commits("four", &half_arrived(&four, "9", "A"), None).0;
    let half = half.flushes();
    assert_eq!((format_of(&three().flushes()), format_of(&half)), (1, 2));
    assert_eq!(format_of(&half.deploys(&upload("5", 60), "10").flushes()), 1);
}

#[test]
fn rollback_of_an_active_deployment_raises_the_format_until_it_ends() {
    let under_way = three().accepts(&upload("4", 40), &me("four", 40)).0;
    let asked = under_way.accepts(&rollback("r", 50), &me("r", 50)).0;
    assert_eq!((format_of(&under_way), format_of(&asked)), (1, 2));
    assert!(asked.pending().unwrap().undoes().is_some());
}

#[test]
fn deployment_that_awaits_traffic_raises_the_format_until_it_ends() {
    let (head, two) = parked(Some(60));
    assert_eq!(format_of(&head), 2);
    let woken = head.acquires(&me("a", 60)).0;
    assert_eq!(format_of(&woken), 2, "it is still known what it waits for");
    let ended = woken.commits("a", &arrived(&two, "7", "A"), None).0;
    assert_eq!(format_of(&ended), 1);
}

#[test]
fn reserved_place_raises_the_format_until_it_is_released() {
    let member = member("1", "g", 10);
    let head = placed(&Head::default(), &member);
    assert_eq!((format_of(&Head::default()), format_of(&head)), (1, 2));
    let (without, _) = release_place(&head, member.id, token("g")).unwrap();
    assert_eq!(format_of(&without), 1);
}

#[test]
fn open_door_raises_the_format_until_it_is_shut() {
    let (head, two) = deploying();
    let open = opens(&head, "r1", "6").unwrap();
    assert_eq!((format_of(&head), format_of(&open)), (1, 2));
    let doors = list_open_doors(&open, second(30));
    let left_open = open.commits("two", &DeploymentEnd { doors, ..arrived(&two, "7", "B") }, None).0.flushes();
    assert_eq!(format_of(&left_open), 2);
    assert_eq!(format_of(&left_open.deploys(&upload("3", 60), "8").flushes()), 1);
}
