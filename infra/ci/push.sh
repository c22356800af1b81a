#!/bin/sh
# Pushes a function with deployctl, waits for its deployment, and reports how it ended: in the job's summary, and as
# annotations where the forge has them. The GitHub Action and the GitLab template run it; it needs deployctl on PATH.
#
# It reads these variables:
#   DEPLOY_ENVIRONMENT, DEPLOY_FUNCTION   where to, and which function
#   DEPLOY_PATH                           the folder or zip
#   DEPLOY_RELEASE                        the release (default: the first 12 digits of the commit)
#   DEPLOY_TIMEOUT                        how long to wait (default: 15m)
#   DEPLOY_MANIFEST                       the manifest's path in the repository, for annotations (default: that in
#                                         DEPLOY_PATH, else function.toml)
#   DEPLOY_SUMMARY                        a file to write the summary to, where the forge has no GITHUB_STEP_SUMMARY
#   DEPLOY_ARTIFACT_BUCKET, DEPLOY_LEDGER_BUCKET   the buckets (default: DEPLOYER_ARTIFACT_BUCKET, DEPLOYER_LEDGER_BUCKET)
# deployctl itself reads AWS's variables.
#
# It exits as deployctl push does: 0 live, 1 failed, 2 wrong use, 3 refused or superseded, 4 not ended in time.
set -eu

html() { sed -e 's/&/\&amp;/g' -e 's/</\&lt;/g' -e 's/>/\&gt;/g'; }
is_github() { [ "${GITHUB_ACTIONS:-}" = true ]; }

# A command of GitHub's runner is one line: these are its escapes, for a message and for a property.
message() { tr -d '\r' | sed 's/%/%25/g' | awk 'NR > 1 { printf "%%0A" } { printf "%s", $0 }'; }
property() { message | sed -e 's/:/%3A/g' -e 's/,/%2C/g'; }

annotate() { # annotate KIND FILE TITLE: the text of standard input; FILE may be empty
  file=''
  [ -z "$2" ] || file="file=$(printf '%s' "$2" | property),"
  printf '::%s %stitle=%s::%s\n' "$1" "$file" "$(printf '%s' "$3" | property)" "$(message)"
}

wrong() {
  if is_github; then
    printf '%s\n' "$1" | annotate error '' 'deployctl push'
  else
    printf 'error: %s\n' "$1" >&2
  fi
  exit 2
}

environment=${DEPLOY_ENVIRONMENT:-} function=${DEPLOY_FUNCTION:-} path=${DEPLOY_PATH:-}
timeout=${DEPLOY_TIMEOUT:-15m}
[ -n "$environment" ] || wrong 'DEPLOY_ENVIRONMENT is empty: name the environment to deploy to'
[ -n "$function" ] || wrong 'DEPLOY_FUNCTION is empty: name the function to deploy'
[ -n "$path" ] || wrong 'DEPLOY_PATH is empty: name the folder or the zip to deploy'
release=${DEPLOY_RELEASE:-}
if [ -z "$release" ]; then
  commit=${GITHUB_SHA:-${CI_COMMIT_SHA:-}}
  [ -n "$commit" ] || wrong 'DEPLOY_RELEASE is empty, and no commit is known: name the release'
  release=$(printf '%.12s' "$commit")
fi
case "$environment$function$path$release$timeout" in
  *[[:cntrl:]]*) wrong 'environment, function, path, release and timeout are one line each, without control characters' ;;
esac
[ -z "${DEPLOY_ARTIFACT_BUCKET:-}" ] || export DEPLOYER_ARTIFACT_BUCKET="$DEPLOY_ARTIFACT_BUCKET"
[ -z "${DEPLOY_LEDGER_BUCKET:-}" ] || export DEPLOYER_LEDGER_BUCKET="$DEPLOY_LEDGER_BUCKET"
command -v deployctl >/dev/null || wrong 'deployctl is not on PATH: fetch a release of it first'
manifest=${DEPLOY_MANIFEST:-}
if [ -z "$manifest" ]; then
  manifest=function.toml
  for candidate in "${path%/}/function.json" "${path%/}/function.toml"; do
    [ ! -f "$candidate" ] || manifest=$candidate
  done
fi
manifest=${manifest#./}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# What deployctl prints quotes manifests and AWS. GitHub's runner must not take a line of it for a command.
token=$(od -An -N 16 -t x1 /dev/urandom | tr -d ' \n')
is_github && echo "::stop-commands::$token"
{
  code=0
  deployctl push "$path" --environment "$environment" --function "$function" --release "$release" \
    --wait --timeout "$timeout" 2>&1 || code=$?
  echo "$code" >"$work/code"
} | tee "$work/output"
is_github && echo "::$token::"
code=$(cat "$work/code")

name="$environment/$function/$release"
kind=error
case "$code" in
  0) title="$name is live" ;;
  1) title="$name failed" ;;
  2) title="$name: wrong use of deployctl" ;;
  3)
    title="$name is refused"
    if grep -qF "$name: superseded" "$work/output"; then
      title="$name is superseded: something newer took its place"
      kind=warning
    fi
    ;;
  4) title="$name has not ended within $timeout, and goes on" ;;
  *) title="$name: deployctl ended with exit code $code" ;;
esac

# Lines about the manifest are shown at the manifest, 10 at most, which is what GitHub shows of a step.
sed -n -e 's/^  function\.toml: //p' -e 's/^  function\.json: //p' "$work/output" | head -n 10 >"$work/findings"
if [ "$code" = 0 ]; then
  :
elif ! is_github; then
  printf '%s: %s\n' "$kind" "$title" >&2
elif [ "$code" = 3 ] && [ -s "$work/findings" ]; then
  while IFS= read -r finding; do
    printf '%s\n' "$finding" | annotate error "$manifest" "$title"
  done <"$work/findings"
else
  head -c 4000 "$work/output" | annotate "$kind" '' "$title"
fi

summary=${GITHUB_STEP_SUMMARY:-${DEPLOY_SUMMARY:-}}
if [ -n "$summary" ]; then
  {
    printf '### %s\n\n<pre>\n' "$(printf '%s' "$title" | html)"
    head -c 60000 "$work/output" | html
    printf '</pre>\n'
  } >>"$summary"
fi
[ -z "${GITHUB_OUTPUT:-}" ] || printf 'exit-code=%s\nrelease=%s\n' "$code" "$release" >>"$GITHUB_OUTPUT"
exit "$code"
