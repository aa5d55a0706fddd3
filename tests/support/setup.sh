# SPDX-License-Identifier: BSD-3-Clause
#
# What `./run` and `./check` both begin with, as shell functions: becoming root, installing what is
# missing from Debian's packages, building. Sourced, never run. Limits: Debian 12 (other systems
# install the packages by hand and set POSTERN_NO_INSTALL=1).

BUILD_PACKAGES="meson ninja-build g++ clang lld llvm pkg-config git xz-utils
  libdpdk-dev dpdk-dev libxdp-dev libbpf-dev bpftool libelf-dev zlib1g-dev liblzma-dev libpcap-dev
  libboost1.81-dev libboost-program-options1.81-dev libboost-json1.81-dev libboost-system1.81-dev
  libhyperscan-dev libpcre2-dev libssl-dev libunbound-dev libidn2-dev libldap-dev libsqlite3-dev libcurl4-openssl-dev libspdlog-dev libseccomp-dev libsystemd-dev
  libxxhash-dev libgtest-dev libgmock-dev librapidcheck-dev"
LAB_PACKAGES="iproute2 ethtool procps util-linux python3 nsd opendkim opendkim-tools python3-dkim python3-nacl
  python3-dnspython swaks libnet-ssleay-perl libio-socket-inet6-perl openssl postfix"
TEST_PACKAGES="clang-16 libclang-rt-16-dev miltertest clang-format python3-pytest python3-scapy tcpdump tshark curl netcat-openbsd rbldnsd slapd ldap-utils
  qemu-system-x86 busybox-static cpio postfix-pcre"

say() { printf '%s\n' "postern: $*" >&2; }
die() { say "$*"; exit 1; }

# become_root SCRIPT ARGS...: returns when root, else runs the script again through sudo.
become_root() {
  [ "$(id -u)" -eq 0 ] && return 0
  command -v sudo >/dev/null 2>&1 || die "must be root, and there is no sudo: run this as root"
  exec sudo --preserve-env=POSTERN_DATA,POSTERN_NO_INSTALL,POSTERN_FUZZ_SECONDS,CI "$@"
}

# install_packages NAME...: only what is missing; no service is started by it (the lab starts its
# own, in namespaces of its own).
install_packages() {
  [ -n "${POSTERN_NO_INSTALL:-}" ] && return 0
  local missing="" package guard=/usr/sbin/policy-rc.d
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
      missing="$missing $package"
  done
  [ -z "$missing" ] && return 0
  command -v apt-get >/dev/null 2>&1 || die "not Debian: install by hand:$missing; then set POSTERN_NO_INSTALL=1"
  say "installing:$missing"
  if [ ! -e "$guard" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$guard" && chmod 755 "$guard"
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    local guarded=1
  fi
  local log status=0
  log=$(mktemp)
  {
    apt-get -q update &&
      { echo "postfix postfix/main_mailer_type select No configuration" | debconf-set-selections || true; } &&
      # shellcheck disable=SC2086 # a list of words
      DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends $missing
  } </dev/null >"$log" 2>&1 || status=$?
  if [ -n "${guarded:-}" ]; then
    rm -f "$guard"
    trap - EXIT
  fi
  [ "$status" -eq 0 ] || { tail -n 20 "$log" >&2; rm -f "$log"; die "apt-get could not install them"; }
  rm -f "$log"
}

# build_tree DIR TARGET MESON_OPTIONS...: configure once, then compile what changed. With lld, where it
# is: the tests are over a hundred programs, and binutils' linker takes more than twice as long for each.
build_tree() {
  local dir=$1 target=$2 log linker=
  shift 2
  log=$(mktemp)
  ! command -v ld.lld >/dev/null 2>&1 || linker=lld
  if [ ! -f "$dir/build.ninja" ]; then
    say "configuring $dir"
    CC_LD=${CC_LD-$linker} CXX_LD=${CXX_LD-$linker} meson setup "$dir" "$@" >"$log" 2>&1 || { cat "$log" >&2; rm -f "$log"; die "meson setup failed"; }
  fi
  say "building $dir"
  ninja -C "$dir" "$target" >"$log" 2>&1 || { tail -n 60 "$log" >&2; rm -f "$log"; die "the build of $dir failed"; }
  rm -f "$log"
}
