#!/bin/sh
# Fetches deployctl from a release, and puts it on PATH for the rest of the job. It runs nothing and unpacks nothing whose
# checksum is not the given one.
#
# It reads DEPLOYCTL_VERSION, DEPLOYCTL_SHA256 (of the archive for this runner's architecture), DEPLOYCTL_RELEASES (the URL
# below which v<version>/<file> lies), RUNNER_TEMP, GITHUB_PATH and GITHUB_OUTPUT.
set -eu

fail() { # fail EXIT MESSAGE
  printf '::error title=deployctl is not fetched::%s\n' "$2"
  exit "$1"
}

version=${DEPLOYCTL_VERSION#v}
case "$version" in
  '' | *[!0-9A-Za-z.+-]* | [!0-9]*) fail 2 "version must be that of a release, such as 0.1.0, not '$(printf '%s' "$version" | tr -c '0-9A-Za-z.+-' '?')'" ;;
esac
case "$DEPLOYCTL_SHA256" in
  *[!0-9a-f]*) fail 2 'sha256 must be 64 digits and letters a to f: the line of the archive in SHA256SUMS has it' ;;
esac
[ ${#DEPLOYCTL_SHA256} = 64 ] ||
  fail 2 'sha256 must be 64 digits and letters a to f: the line of the archive in SHA256SUMS has it'
case "$DEPLOYCTL_RELEASES" in
  *[[:space:]]*) fail 2 'releases must be one https URL, without spaces' ;;
  https://*) ;;
  *) fail 2 'releases must be an https URL, such as https://github.com/OWNER/REPOSITORY/releases/download' ;;
esac
case "$(uname -s) $(uname -m)" in
  'Linux x86_64') architecture=x86_64 ;;
  'Linux aarch64' | 'Linux arm64') architecture=aarch64 ;;
  *) fail 2 "a release has deployctl for Linux on x86_64 and aarch64, not for $(uname -s) on $(uname -m)" ;;
esac

name="deployctl-$version-$architecture-linux"
url="${DEPLOYCTL_RELEASES%/}/v$version/$name.tar.gz"
folder=$(mktemp -d "${RUNNER_TEMP:-/tmp}/deployctl.XXXXXX")
curl --fail --silent --show-error --location --proto '=https' --retry 3 --output "$folder/archive" "$url" ||
  fail 1 "$url cannot be fetched: are version and releases right, and may this runner read it?"
found=$(sha256sum "$folder/archive" | cut -d ' ' -f 1)
if [ "$found" != "$DEPLOYCTL_SHA256" ]; then
  rm -f "$folder/archive"
  fail 1 "$url has the sha256 $found, not $DEPLOYCTL_SHA256: it is not run. Is the checksum that of $name.tar.gz?"
fi
tar -xzf "$folder/archive" -C "$folder"
rm "$folder/archive"
[ -x "$folder/$name/deployctl" ] || fail 1 "$url holds no $name/deployctl: is it an archive of a release?"
echo "$folder/$name" >>"$GITHUB_PATH"
echo "folder=$folder/$name" >>"$GITHUB_OUTPUT"
