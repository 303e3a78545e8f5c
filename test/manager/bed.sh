#!/bin/sh
# A real systemd as PID 1 of namespaces of its own, for as long as this script runs.
#
#   bed.sh PARENT ROOT NODE [OVERLAY]
#
# PARENT is the pid of the test run. ROOT is the repository, seen in the bed as
# /opt/node_modules/libsystemd, with its examples/NAME as /opt/NAME. NODE is the running node, seen as
# /usr/bin/node. OVERLAY is the unpacked packages of another version of systemd.
#
# Prints the manager's pid; its units are in /run/units. SIGTERM, which also comes when PARENT dies,
# ends the bed.
#
# The host's files are there read-only. All that is written is in memory (tmpfs), in mounts that
# nobody outside sees, and is gone with the last process of the bed. So there is nothing to delete on
# the host but empty cgroups, and nothing here deletes files.
set -eu
parent=$1 root=$2 node=$3 overlay=${4-}
stage=/dev/shm # any folder of the host to mount on, and no part of which the bed needs

# --- The host's side: a mount namespace, and a cgroup. pdeathsig outlives exec. ---

if [ "${BED_STAGE-}" = '' ]; then
  BED_STAGE=outside exec setpriv --pdeathsig TERM unshare --mount --propagation private "$0" "$@"
fi

if [ "$BED_STAGE" = outside ]; then
  cgroups=$stage/cgroups
  bed=$cgroups/libsystemd-bed-$$

  end() {
    status=$?
    trap '' TERM INT # pdeathsig comes once for each thread of PARENT
    trap - EXIT
    # Before the manager is known, unshare's end is its end too (--kill-child). Unquoted, for there
    # may be neither, and a blank behind the number.
    kill -KILL ${manager:-${unshare-}} 2>/dev/null || true
    [ -z "${unshare-}" ] || wait "$unshare" 2>/dev/null || true
    for _ in 1 2 3 4 5 6 7 8 9 10; do
      [ -d "$bed" ] || break
      find "$bed" -depth -type d -exec rmdir {} + 2>/dev/null || sleep 0.1
    done
    exit $status
  }
  trap end TERM INT EXIT
  [ "$PPID" = "$parent" ] # else it died before it was asked to tell

  mount -t tmpfs -o mode=700 tmpfs $stage
  mkdir $cgroups
  mount -t cgroup2 cgroup2 $cgroups
  mkdir "$bed"

  # In the cgroup before the cgroup namespace is made, so that it is the manager's root.
  BED_STAGE=inside sh -c 'echo $$ > "$0/cgroup.procs" && exec "$@"' "$bed" \
    setpriv --pdeathsig KILL \
    unshare --cgroup --mount --pid --fork --kill-child=KILL --ipc --uts --net "$0" "$@" \
    </dev/null >&2 &
  unshare=$!
  while manager=$(cat "/proc/$unshare/task/$unshare/children" 2>/dev/null) && [ -z "$manager" ]; do
    sleep 0.02
  done
  manager=${manager% }
  echo "$manager"
  wait "$unshare" || true # in the background and waited for: a trap runs only between commands
  exit 1
fi

# --- The bed's side: its file system is put together beside the host's, and then takes its place. ---

new=$stage/new
mkdir $new
mount --bind / $new # without the mounts below it: what the host mounts there is not in the bed
mount -o remount,bind,ro $new
mount -t proc proc $new/proc
mount --bind $new/proc/sys $new/proc/sys
mount --bind $new/proc/sys/net $new/proc/sys/net # the network, and so its settings, are the bed's
mount -o remount,bind,ro $new/proc/sys
mount -t sysfs -o ro sysfs $new/sys
mount -t cgroup2 cgroup2 $new/sys/fs/cgroup

for path in dev run tmp var opt; do mount -t tmpfs -o mode=755 tmpfs $new/$path; done
mkdir -p $new/dev/shm $new/dev/mqueue $new/dev/pts $new/run/systemd $new/run/units $new/run/host \
  $new/var/tmp $new/var/lib $new/var/log
ln -s ../run $new/var/run
chmod 1777 $new/tmp $new/var/tmp $new/dev/shm
cp -a /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty $new/dev/
mount -t mqueue mqueue $new/dev/mqueue
mount -t devpts -o newinstance,ptmxmode=0666 devpts $new/dev/pts
ln -s pts/ptmx $new/dev/ptmx
: > $new/dev/kmsg # what the manager says before there is a journal; nothing for the host's log

for path in etc usr/bin; do # as the host has them, and writable
  mkdir -p $stage/$path/upper $stage/$path/work
  mount -t overlay -o "lowerdir=/$path,upperdir=$stage/$path/upper,workdir=$stage/$path/work" \
    overlay $new/$path
done
mkdir -p $new/etc/systemd
mount -t tmpfs tmpfs $new/etc/systemd # the host's configuration is not the bed's
printf '[Journal]\nStorage=volatile\nReadKMsg=no\nAudit=\nRateLimitIntervalSec=0\n' \
  > $new/etc/systemd/journald.conf

[ -e $new/usr/bin/node ] || : > $new/usr/bin/node
mount --bind -o ro "$node" $new/usr/bin/node
mkdir -p $new/opt/node_modules/libsystemd
mount --bind -o ro "$root" $new/opt/node_modules/libsystemd
(cd $new/opt/node_modules && ln -s libsystemd/node_modules/* .) # as if installed for the examples
for example in "$root"/examples/*/; do
  mkdir "$new/opt/$(basename "$example")"
  mount --bind -o ro "$example" "$new/opt/$(basename "$example")"
done

if [ -n "$overlay" ]; then
  for path in "$overlay"/usr/lib/systemd "$overlay"/usr/lib/*/systemd "$overlay"/usr/bin/*; do
    [ ! -e "/${path#"$overlay"/}" ] || mount --bind -o ro "$path" "$new/${path#"$overlay"/}"
  done
  mount --bind -o ro "$(realpath "$overlay"/usr/lib/*/libsystemd.so.0)" \
    "$new$(realpath /usr/lib/*/libsystemd.so.0)"
fi

# What the manager itself needs: empty targets in place of the host's units, and the journal.
for target in basic sysinit sockets shutdown timers paths slices umount exit; do
  printf '[Unit]\nDefaultDependencies=no\n' > $new/run/units/$target.target
done
journal='systemd-journald.service systemd-journald.socket systemd-journald-dev-log.socket'
for unit in $journal; do cp "$new/usr/lib/systemd/system/$unit" $new/run/units/; done
printf '[Unit]\nDefaultDependencies=no\nWants=%s\nAfter=%s\n' "$journal" "$journal" \
  > $new/run/units/default.target

cd $new
pivot_root . run/host
umount --lazy /run/host
mount --make-rshared / # as at a boot: a service's credentials are mounted in a namespace, for all to see
# SYSTEMD_UNIT_PATH, always: the host's own units would wipe /tmp.
exec env -i container=unshare PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
  SYSTEMD_UNIT_PATH=/run/units \
  /lib/systemd/systemd --system --unit=default.target --show-status=no
