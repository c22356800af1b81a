//! The text below the options of each verb: the permissions that it needs, its exit codes, and an example.
//!
//! `docs/deployctl.md` shows the same texts. A paragraph is one line here: clap wraps it at the terminal's width. A line
//! of its own begins with spaces, or with one of the words that every text has (`Needs:`, `Exit codes:`, `Example`).

/// The text below the list of verbs.
pub(super) const FIRST_STEPS: &str = "\
First steps:
  deployctl init --from orders-api
      write function.toml from a live function
  deployctl validate function.toml deployer.json
      check both, offline
  deployctl plan ./orders-api -e dev
      show what would change
  deployctl push orders-api -e dev -f orders-api -r 1 --wait
      upload it, and wait until it is live
  deployctl status
      show what is live where
  deployctl rollback -e dev -f orders-api
      go back to what was live before

If something is wrong and you do not know what: deployctl doctor.

Permissions, and the policies of infra/ that grant them:
  push: the role of module uploader
  status, history --ledger: policy look of module tooling
  the other verbs: policy operate of module tooling
  deploy, plan -i ROLE: that role of the target account
  init: lambda:GetFunction
  logs --function-logs, invoke, diff: also rights of your own
  validate, completions, man, version: none

Environment variables: DEPLOYER_FUNCTION_NAME, DEPLOYER_ARTIFACT_BUCKET, DEPLOYER_LEDGER_BUCKET and DEPLOYER_BUCKET_OWNER \
stand for their options. An empty one counts as not set.

Region and credentials are found as by the AWS CLI: AWS_REGION, AWS_PROFILE, keys, IAM Identity Center (aws sso login), \
aws login, credential_process, web identity, roles, container and instance; only a profile with mfa_serial is refused. \
--region goes before AWS_REGION and AWS_DEFAULT_REGION, and these before the region of the profile; --profile goes before \
AWS_PROFILE and AWS_DEFAULT_PROFILE. \
HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY, AWS_CA_BUNDLE (or ca_bundle of the profile) and SSL_CERT_FILE are honoured; \
a SOCKS proxy is refused.

Exit codes, the same for all verbs:
  0    done
  1    failed
  2    wrong use; or no such environment, hold, reject or waiting promotion; or the id is used already
  3    refused by a rule or by you; or no such function or release, or nothing was deployed there that the verb needs
  4    not ended in time
  5    something differs (plan and diff with --exit-code)
  130  stopped by Ctrl-C
With --output json an error is {\"errorType\", \"errorMessage\"}.";

pub(super) const INIT: &str = "\
Needs: lambda:GetFunction on the function, and lambda:ListTags for its tags; nothing of the deployer.
Exit codes: 0 written, 1 the function cannot be read, 2 wrong use, 3 a file exists already, there is no such function, it is \
a container image, or the file cannot be converted.

Example:
  deployctl init --from orders-api --profile dev";

pub(super) const VALIDATE: &str = "\
Needs: nothing, not even a network.
Exit codes: 0 all valid, 2 wrong use, 3 something is not valid.

Examples:
  deployctl validate function.toml build/orders-api.zip
  deployctl validate deployer.json
  deployctl validate function.toml deployer.json -f orders-api -e prod";

pub(super) const PLAN: &str = "\
Needs: the policy operate; with -i, a role of the target account; with --direct, credentials there.
Exit codes: 0 planned, 1 a target could not be planned, 2 wrong use, 3 the deployer would refuse it, 5 something would change \
(only with --exit-code).

Examples:
  deployctl plan ./orders-api -e dev
      a folder that is not uploaded
  deployctl plan -e prod -f orders-api -r 1.4.2
      an uploaded release
  deployctl plan -e prod -f orders-api
      has anybody changed what is live?
  deployctl plan -e prod -f orders-api --rollback
      where would a rollback go, and what would it change?
  deployctl plan -e prod -f orders-api --promote-from stage
      what would a promotion change?
  deployctl plan --deployment 01M8A5K79RQBSV76AT3ARZPEW6
      what would the promotion, or the group, that waits under this id change?";

pub(super) const PUSH_USAGE: &str = "\
deployctl push [OPTIONS] -e <NAME> -f <NAME>
           -r <RELEASE> --bucket <BUCKET> <DIR|FILE>
       deployctl push --list [OPTIONS] <DIR|FILE>";

pub(super) const LOGS_USAGE: &str = "\
deployctl logs [OPTIONS] -e <NAME> -f <NAME>
       deployctl logs [OPTIONS] --deployment <ID>";

pub(super) const PUSH: &str = "\
Needs: the policy of module uploader: to put the object, and with --wait to read results/<environment>/*. With --ledger \
push first looks there whether the environment takes uploads, and uploads nothing if it does not. What a sweep \
said more than half an hour ago only warns.
Exit codes: 0 uploaded; with --wait: live, or live already. 1 it failed. 2 wrong use, or there is no such environment. 3 \
refused, or a newer one took its place. 4 not ended in time. 130 Ctrl-C. After 4 and 130 the deployment goes on.

Examples:
  deployctl push ./orders-api --list
      the files that would go up, with their sizes
  deployctl push ./orders-api -e dev -f orders-api -r \"$(git rev-parse --short HEAD)\" --wait";

pub(super) const STATUS: &str = "\
Needs: the policy operate; with --ledger (or DEPLOYER_LEDGER_BUCKET), only look.
Exit codes: 0 printed, 1 no answer, or something could not be read, 2 wrong use, 3 no environment knows the function, \
130 Ctrl-C.

Examples:
  deployctl status
      all functions, in all environments
  deployctl status orders-api
      one, in detail
  deployctl status 'orders-*' --state failed,paused,taken-back,held,behind
      what needs somebody
  deployctl status --ledger acme-deployer-ledger --watch=2
      without the Lambda, every 2 seconds";

pub(super) const HISTORY: &str = "\
Needs: the policy operate; with --ledger (or DEPLOYER_LEDGER_BUCKET), only look.
Exit codes: 0 printed, 1 no answer, 2 wrong use, 3 no environment knows the function.

Example:
  deployctl history -e prod -f orders-api --limit 5";

pub(super) const LOGS: &str = "\
Needs: the policy operate. With --deployment only its logs:FilterLogEvents on the deployer's log group; with --ledger, look is \
enough to find the newest deployment. With --function-logs, rights of your own in the target account that no policy of infra/ \
grants: logs:FilterLogEvents on the function's log group, and lambda:GetFunctionConfiguration on its alias (to find the group; \
not with --log-group).
Exit codes: 0 printed, or there is no such line or no deployment yet, 1 the log cannot be read, 2 wrong use, 3 no environment \
knows the function, or with --function-logs nothing was deployed there, 130 Ctrl-C.

Examples:
  deployctl logs -e prod -f orders-api -F
      the newest deployment, until it has ended
  deployctl logs --deployment 01M8A5K79RQBSV76AT3ARZPEW6
      one deployment, as the record names it
  deployctl logs -e prod -f orders-api --function-logs \\
    --since 1h --target-profile prod
      the function's own lines of the last hour";

pub(super) const DIFF: &str = "\
Needs: the policy operate, or with --ledger only look, to find the artifacts; and a right that no policy of infra/ grants to \
people: s3:GetObjectVersion on the artifact bucket's <environment>/<function>/*, and kms:Decrypt where the bucket has a key.
Exit codes: 0 compared, 1 an artifact cannot be read or is gone, 2 wrong use, 3 an artifact is no valid zip, \
or no environment knows the function or the release, 5 they differ (only with --exit-code).

Examples:
  deployctl diff -e prod -f orders-api 1.4.1 1.4.2
  deployctl diff -f orders-api prod:1.4.1 dev:1.4.2
      with the configuration of each environment";

pub(super) const INVOKE: &str = "\
Needs: the policy operate, or with --ledger only look, to find the target; and a right of your own in the target account that \
no policy of infra/ grants: lambda:InvokeFunction on the function's alias.
Exit codes: 0 it answered, 1 it ended in an error, or was not invoked, 2 wrong use, 3 no environment knows the function, or \
nothing was deployed there, 4 no answer came: it may have run, 130 Ctrl-C. After 4 and 130 the invocation goes on.

Examples:
  deployctl invoke -e dev -f orders-api \\
    --payload '{\"order\": 17}' --target-profile dev
  deployctl invoke -e prod -f orders-api \\
    --payload event.json --target 222222222222/eu-west-1 \\
    -i arn:aws:iam::222222222222:role/support";

pub(super) const OPEN: &str = "\
Needs: the policy operate; with --ledger (or DEPLOYER_LEDGER_BUCKET), only look. The page needs rights of yours in the target \
account, which the browser is signed in to.
Exit codes: 0 opened or printed, 1 no answer, 2 wrong use, 3 the console of the partition has no public address, no environment \
knows the function, or nothing was deployed there.

Examples:
  deployctl open -e prod -f orders-api --target 222222222222/eu-west-1
  deployctl open -e dev -f orders-api --print";

/// The text of verbs whose answer is the record of a deployment.
macro_rules! deploying {
    ($examples:literal) => {
        concat!(
            "Needs: the policy operate.\n\
             Exit codes: 0 done, 1 it failed in some target, 2 wrong use, 3 refused, or another one took its place, 4 not ended \
             in time, 130 Ctrl-C. After 4 and 130 the deployment goes on: deployctl history shows its progress.\n\n",
            $examples
        )
    };
}

pub(super) const ROLLBACK: &str = deploying!(
    "Examples:\n  \
       deployctl rollback -e prod -f orders-api\n      \
           to what was live before; once more, to what was before that\n  \
       deployctl rollback -e prod -f orders-api --to 1.4.0\n      \
           to one of the last 50 that were live\n  \
       deployctl rollback -e prod -f orders-api --leaving 1.4.2\n      \
           unattended, and only if 1.4.2 is live"
);

pub(super) const ROLLOUT: &str = "\
Needs: the policy operate.
Exit codes: 0 shown, or the rollout does what was asked, or nothing is rolled out and there was no action, 1 no answer, 2 wrong use, or with an action no rollout is \
under way, or it is that of another deployment, 3 the action does not fit what it does, not confirmed, or no environment knows the function.

Examples:
  deployctl rollout -e prod -f orders-api
      show it, with the commands for it
  deployctl rollout pause -e prod -f orders-api --reason \"errors in the shop\"
      take no further step
  deployctl rollout abort -e prod -f orders-api
      take it back, after a question
  deployctl rollout finish -e prod -f orders-api --yes
      unattended";

pub(super) const REDEPLOY: &str = deploying!("Example:\n  deployctl redeploy -e prod -f orders-api");

pub(super) const DEPLOY: &str = "\
Needs: the policy operate; with -i, a role of the target account that may create, update, publish and pass the \
function's role; with --direct, credentials that may.
Exit codes: 0 live, or live already, 1 it failed, 2 wrong use, 3 refused, or another one took its place, 4 not ended in \
time, 130 Ctrl-C. After 4 and 130 the deployer goes on. With several functions it is the worst of their codes.

Examples:
  deployctl deploy -e dev -f orders-api -r 1.4.2
  deployctl deploy 'functions/*' -i arn:aws:iam::111111111111:role/sandbox";

pub(super) const PROMOTE: &str = "\
Needs: the policy operate.
Exit codes: 0 live there, or live already; or it waits for approvals or for a freeze to end, or nothing is ready; of a pattern \
also if the same waits already. 1 it \
failed in some target. 2 wrong use. 3 refused, another one took its place or waits already, or no function matches the pattern. 4 not ended in time. 130 Ctrl-C. After 4 \
and 130 the promotion goes on. With several functions it is the worst of their codes; a group has one.

Examples:
  deployctl promote -f orders-api --from dev --to prod
  deployctl promote -f '*' --from dev --to stage
      each function that is ready
  deployctl promote -f orders-api -f orders-worker --from dev --to prod
      together, or none of them";

pub(super) const APPROVE: &str = "\
Needs: the policy operate.
Exit codes: 0 approved, now or by you before: it is live, or waits for more. 1 it failed in some target. 2 wrong use, \
nothing waits there, or the id of a group's member with --yes or without a terminal. 3 refused, you have asked for it yourself or may not approve, not confirmed, too late: it had ended or gone on \
without your approval, or another one took its place. 4 not ended in time. 130 Ctrl-C.

Examples:
  deployctl approve -e prod
  deployctl approve -e prod -f orders-api
  deployctl approve -e prod --deployment 01M8A5K79RQBSV76AT3ARZPEW6
      a group, or a promotion of any function";

pub(super) const DECLINE: &str = "\
Needs: the policy operate.
Exit codes: 0 declined, now or by you before, 1 no answer, 2 wrong use, nothing waits there, or the id of a group's \
member without a terminal, 3 not confirmed, too late: it no longer waits, or no environment knows the function.

Example:
  deployctl decline -e prod -f orders-api --reason \"not before the sale\"";

pub(super) const RECALL: &str = "\
Needs: the policy operate.
Exit codes: 0 rejected, and live nowhere any more, or so already, 1 not rolled back everywhere, 2 wrong use, 3 not \
confirmed, or no environment knows the function or the release, 4 not ended in time, 130 Ctrl-C. After 4 and 130 the recall \
goes on; each environment is told as it is by then, with --output json beside errorType and errorMessage.

Examples:
  deployctl recall -f orders-api -r 1.4.2 --reason \"loses orders\"
      shows the environments that move, and asks
  deployctl recall -f orders-api -r 1.4.2 --reason \"loses orders\" --yes
      unattended";

/// The text of verbs whose answer is a status.
macro_rules! marking {
    ($wrong:literal, $unknown:literal, $example:literal) => {
        concat!(
            "Needs: the policy operate.\nExit codes: 0 done, 1 no answer, 2 wrong use",
            $wrong,
            ", 3 no environment knows the function",
            $unknown,
            ".\n\nExample:\n  ",
            $example
        )
    };
}

pub(super) const HOLD: &str =
    marking!("", "", "deployctl hold -e prod -f orders-api --reason \"stock-taking until Friday\"");
pub(super) const RELEASE_HOLD: &str =
    marking!(", or nothing is held there", "", "deployctl release-hold -e prod -f orders-api");
pub(super) const REJECT: &str = marking!(
    "",
    " or the release, or the function has too many rejects",
    "deployctl reject -f orders-api -r 1.4.2 --reason \"loses orders\""
);
pub(super) const UNREJECT: &str = marking!(", or it is not rejected", "", "deployctl unreject -f orders-api -r 1.4.2");

pub(super) const DOCTOR: &str = "\
Needs: the policy operate. For each missing permission doctor prints the IAM statement, and the policy that needs it.
Exit codes: 0 no check fails, 1 a check fails, 2 wrong use.

Examples:
  deployctl doctor
      one line for what is well
  deployctl doctor -e prod --verbose
      a line for each check";

pub(super) const REDRIVE: &str = "\
Needs: the policy operate. It works while the deployer does not.
Exit codes: 0 all went back, or nothing lies there. 1 no answer, no such queue, no permission, or the redrive failed. 2 wrong \
use. 3 a redrive is under way already, or not confirmed. 130 Ctrl-C; after it the redrive goes on.

Examples:
  deployctl redrive --peek
      look only
  deployctl redrive --max-per-second 5
      few at a time
  deployctl redrive --cancel
      stop the redrive that is under way";

pub(super) const COMPLETIONS: &str = "\
Exit codes: 0 printed, 2 no such shell.

Examples:
  deployctl completions bash > ~/.local/share/bash-completion/completions/deployctl
  deployctl completions zsh > ~/.zfunc/_deployctl     (a folder of your fpath)
  deployctl completions fish > ~/.config/fish/completions/deployctl.fish";

pub(super) const MAN: &str = "\
Exit codes: 0 written, 1 the folder cannot be written to, 2 wrong use.

Example:
  deployctl man ~/.local/share/man/man1";
