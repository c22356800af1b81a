//! Prints the decision matrix over the rendered policies, and the number of mutants that it notices. Exits with an
//! error if a row does not hold, a mutant survives or one that is listed as equivalent is noticed.

use std::collections::BTreeMap;
use std::process::ExitCode;

use fixtures::say;
use local_aws::policies::{AccessDecision, Policies, Row, mutants, noticed_by, rows};

fn main() -> ExitCode {
    if std::env::args().len() > 1 {
        say!(
            "Prints who may do what by the policies that Terraform renders, and the mutants of these policies that the rows notice."
        );
        return ExitCode::SUCCESS;
    }
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say!("policies: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> local_aws::Result<bool> {
    let policies = Policies::from_contract()?;
    let rows = rows();
    let broken = matrix(&policies, &rows);
    let wrong = mutation(&policies, &rows);
    Ok(broken == 0 && wrong == 0)
}

fn matrix(policies: &Policies, rows: &[Row]) -> usize {
    say!("The decision matrix\n");
    let mut broken = 0;
    for row in rows {
        let verdict = row.ask.decide(policies);
        let (word, because) = match &verdict {
            AccessDecision::Allowed => ("may", ""),
            AccessDecision::Denied(because) => ("may not", *because),
        };
        let holds = row.holds(policies);
        broken += usize::from(!holds);
        say!(
            "{} {word:7}  {:32} {:38} {}  {}{}  ({})",
            if holds { " " } else { "!" },
            row.ask.who.to_string(),
            row.ask.action,
            row.ask.resource,
            row.ask.circumstances(),
            if because.is_empty() { String::new() } else { format!("  [{because}]") },
            row.description,
        );
    }
    say!("\n{} rows, {broken} of which do not hold\n", rows.len());
    broken
}

/// Prints the mutants and returns the number of those that survive or are wrongly listed as equivalent.
fn mutation(policies: &Policies, rows: &[Row]) -> usize {
    say!("The mutants\n");
    let mut score: BTreeMap<String, [usize; 3]> = BTreeMap::new();
    let mut wrong = 0;
    for mutant in mutants(policies) {
        let noticed = noticed_by(&mutant, policies, rows).is_some();
        let [killed, equivalent, alive] = score.entry(mutant.policy.clone()).or_default();
        match (noticed, mutant.equivalent()) {
            (true, None) => *killed += 1,
            (true, Some(reason)) => {
                wrong += 1;
                say!(
                    "! NOTICED: {} {}: {} (listed as equivalent: {reason})",
                    mutant.policy,
                    mutant.statement,
                    mutant.change
                );
            }
            (false, Some(reason)) => {
                *equivalent += 1;
                say!("  equivalent: {} {}: {} ({reason})", mutant.policy, mutant.statement, mutant.change);
            }
            (false, None) => {
                *alive += 1;
                wrong += 1;
                say!("! SURVIVES: {} {}: {}", mutant.policy, mutant.statement, mutant.change);
            }
        }
    }
    say!("\n{:32} {:>8} {:>11} {:>9}", "policy", "noticed", "equivalent", "survives");
    let mut all = [0; 3];
    for (policy, [killed, equivalent, alive]) in &score {
        say!("{policy:32} {killed:>8} {equivalent:>11} {alive:>9}");
        all = [all[0] + killed, all[1] + equivalent, all[2] + alive];
    }
    say!("{:32} {:>8} {:>11} {:>9}", "all", all[0], all[1], all[2]);
    wrong
}
