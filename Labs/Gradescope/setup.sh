#!/usr/bin/env bash
# Prepares Gradescope's image (Ubuntu): the Swift toolchain, Triad, and what all submissions of the lab share. Gradescope runs it
# once, as root, when the autograder is built. `Labs/Gradescope/package.sh` makes the archive that holds it.
set -euo pipefail

root=${AUTOGRADER_ROOT:-/autograder}
version=${SWIFT_VERSION:-6.3.1}
prefix=${SWIFT_PREFIX:-/opt/swift}
user=${GRADER_USER-triad-grader}
source=$root/source
lab=$(cat "$source/lab.txt")

# The toolchain of swift.org for this release of Ubuntu, checked against the signature of the project's keys.
install_swift() {
  . /etc/os-release
  local platform=ubuntu$VERSION_ID suffix='' gcc=11 name
  [ "$VERSION_ID" = 22.04 ] || gcc=13
  [ "$(uname -m)" != aarch64 ] || suffix=-aarch64
  name=swift-$version-RELEASE-$platform$suffix
  local url=https://download.swift.org/swift-$version-release/${platform/./}$suffix/swift-$version-RELEASE/$name.tar.gz
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    binutils ca-certificates curl git gnupg libc6-dev libcurl4-openssl-dev libedit2 libgcc-$gcc-dev libpython3-dev \
    libsqlite3-0 libstdc++-$gcc-dev libxml2-dev libz3-dev pkg-config python3 tzdata unzip zlib1g-dev
  local work
  work=$(mktemp -d)
  curl --fail --silent --show-error --location --retry 5 -o "$work/swift.tar.gz" "$url"
  curl --fail --silent --show-error --location --retry 5 -o "$work/swift.tar.gz.sig" "$url.sig"
  curl --fail --silent --show-error --location --retry 5 https://swift.org/keys/all-keys.asc | GNUPGHOME=$work gpg --quiet --import
  GNUPGHOME=$work gpg --batch --verify "$work/swift.tar.gz.sig" "$work/swift.tar.gz"
  mkdir -p "$prefix"
  tar -xzf "$work/swift.tar.gz" -C "$prefix" --strip-components=1
  rm -rf "$work"
}

if ! command -v swift >/dev/null 2>&1 && [ ! -x "$prefix/usr/bin/swift" ]; then install_swift; fi
export PATH=$PATH:$prefix/usr/bin

cd "$source/triad"
swift build -c release --product triad
.build/release/triad grade "$lab" --prepare

# Submissions are graded by a user of their own, who may write only where grading builds.
if [ "$(id -u)" = 0 ] && [ -n "$user" ]; then
  id -u "$user" >/dev/null 2>&1 || useradd --system --no-create-home --shell /usr/sbin/nologin "$user"
  chown -R "$user" .build/grading
  chmod -R a+rX "$source/triad"
fi
