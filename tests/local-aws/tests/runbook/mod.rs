//! The runbook's chapter "Break glass", played: its commands as written, by the real `deployctl` and the real AWS CLI, in
//! their order, under exactly the rights that the text names; only examples (ids, versions, ETags) are replaced by what the
//! commands before have printed.
//!
//! The local AWS checks each call of the AWS CLI to Lambda, S3, SQS and STS against the block's role, and fails a test that
//! does not use a right which the text names. It checks no call to IAM (`night::UNCHECKED`), and an operator's invocation of
//! the deployer goes past it: the decision matrix of `cargo policies` has who may invoke.
//!
//! Each test announces the blocks that it plays. A block that none announces makes a test fail. `cargo verify --quick` plays
//! them, and `cargo test` checks that each block is announced.

mod bad_release;
mod by_hand;
mod chapter;
mod leak;
mod lost_object;
mod night;
mod wedged;
mod wrong_config;

use local_aws::{Error, Result};

use chapter::Block;

/// A test's case, and words of the text before each block that it plays.
type Announced = (&'static str, &'static [&'static str]);

const ANNOUNCED: [Announced; 12] = [
    (bad_release::CASE, bad_release::ONE),
    (bad_release::CASE, bad_release::SEVERAL),
    (by_hand::CASE, by_hand::GO_BACK),
    (by_hand::CASE, by_hand::ALIAS),
    (by_hand::CASE, by_hand::SOAK),
    (by_hand::CASE, by_hand::DEPLOYCTL),
    (by_hand::CASE, by_hand::CLI),
    (wrong_config::CASE, wrong_config::BLOCKS),
    (wedged::CASE, wedged::UNDER_WAY),
    (wedged::CASE, wedged::DELETED),
    (lost_object::CASE, lost_object::BLOCKS),
    (leak::CASE, leak::BLOCKS),
];

/// Returns the commands of the blocks that no test announces.
fn unplayed(blocks: &[Block]) -> Vec<String> {
    let is_played = |block: &&Block| {
        ANNOUNCED.iter().any(|(case, all)| *case == block.case && all.iter().any(|words| block.text.contains(words)))
    };
    let left = blocks.iter().filter(|block| !is_played(block));
    left.map(|block| format!("runbook.md:{}: {:#?}", block.line, block.commands)).collect()
}

#[test]
fn every_command_of_the_chapter_is_played() -> Result<()> {
    let unplayed = unplayed(&chapter::blocks()?);
    assert!(unplayed.is_empty(), "no test of tests/local-aws/tests/runbook plays these:\n{}", unplayed.join("\n"));
    Ok(())
}

#[test]
fn command_that_no_test_plays_is_found() -> Result<()> {
    let mut blocks = chapter::blocks()?;
    let one = blocks.first_mut().ok_or_else(|| Error::Unexpected("the chapter has no block".into()))?;
    one.text = "And one thing more. *operate*:".to_owned();
    let expected = format!("runbook.md:{}: {:#?}", one.line, one.commands);
    assert_eq!(unplayed(&blocks), [expected]);
    Ok(())
}
