#!/usr/bin/env bash
# Makes both packages of this build, installs them into folders of their own, and runs them from there.
#   package_test.sh SOURCE BUILD WORK
set -euo pipefail
source=$1 build=$2 work=$3
command -v dpkg-shlibdeps >/dev/null || { echo "skipped: dpkg-dev is not installed"; exit 77; }
rm -rf "$work" && mkdir -p "$work"
"$source/scripts/package" --build "$build" --to "$work/packages"
fail() { echo "FAILED: $*" >&2; exit 1; }

# What is read is the package's and not the source tree's: its copy of a title differs.
check() {  # PODIUM SHARE
  local podium=$1 share=$2 title='A title of the package alone'
  sed -i "s/^title: .*/title: $title/" "$share/tasks/packages/conway-reverse/task.yaml"
  export PODIUM_RUNS=$work/runs PODIUM_CACHE=$work/cache PODIUM_HOST_STATE=$work/host
  unset PODIUM_HOME
  "$podium" --version | grep -q '[0-9]' || fail "--version of $podium"
  "$podium" --version --json | grep -qF '"schema": "podium-version/1"' || fail "--version --json of $podium"
  "$podium" tasks ls | grep -qF "$title" || fail "$podium reads other tasks than its own"
  "$podium" agents ls >/dev/null || fail "agents ls"
  "$podium" agents show greedy >/dev/null || fail "agents show"
  "$podium" metrics ls >/dev/null || fail "metrics ls is podium-score's"
  "$podium" models ls >/dev/null || fail "models ls"
}

# The .deb by dpkg itself, into a root of its own.
root=$work/root
mkdir -p "$root/var/lib/dpkg" && : >"$root/var/lib/dpkg/status"
deb=$(echo "$work"/packages/*.deb)
dpkg --root="$root" --force-depends --force-not-root --log=/dev/null -i "$deb" >"$work/dpkg.log" 2>&1 ||
  { cat "$work/dpkg.log"; fail "dpkg -i"; }
check "$root/usr/bin/podium" "$root/usr/share/podium"
dpkg-deb -f "$deb" Depends | grep -q libcurl || fail "the .deb does not ask for libcurl"
gzip -dc "$root/usr/share/man/man1/podium-run.1.gz" | grep -q -- '--dry-run' || fail "the manual page of run"
bash -c "source '$root/usr/share/bash-completion/completions/podium'; COMP_WORDS=(podium wa); COMP_CWORD=1; _podium
  [ \"\${COMPREPLY[*]}\" = watch ] || { echo \"completes: \${COMPREPLY[*]}\"; exit 1; }
  COMP_WORDS=(podium run --dr); COMP_CWORD=2; _podium; [ \"\${COMPREPLY[*]}\" = --dry-run ]" || fail "completion"
dpkg --root="$root" --force-not-root --log=/dev/null -r podium >/dev/null 2>&1 || fail "dpkg -r"
[ ! -e "$root/usr/bin/podium" ] || fail "something stays after dpkg -r"

# The tar, moved after it was unpacked.
mkdir "$work/here" && tar -C "$work/here" -xzf "$work"/packages/*.tar.gz
mv "$work/here" "$work/there"
there=$(echo "$work"/there/podium-*)
check "$there/bin/podium" "$there/share/podium"
"$there/bin/podium" run --task conway-reverse --agent nop,oracle --name installed --json >"$work/run.json" ||
  fail "a run of the installed podium"
grep -q '"infrastructure_exhausted": 0' "$work/run.json" || fail "the run's summary"
echo "packages install and run"
