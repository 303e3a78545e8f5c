#!/bin/sh
# Runs a real systemd as PID 1 of new namespaces, the bed, until this script ends.
#
#   bed.sh PARENT ROOT NODE [OVERLAY]
#
# PARENT is the pid of the test run. ROOT is the repository; the bed has it as
# /opt/node_modules/libsystemd, and examples/NAME as /opt/NAME. NODE is the running node; the bed has it
# as /usr/bin/node. OVERLAY is a folder with the unpacked packages of another version of systemd.
#
# Prints the manager's pid. The manager's units are in /run/units of the bed. SIGTERM ends the bed; it
# also comes when PARENT dies.
#
# The bed sees the host's files read-only. Every write goes to memory (tmpfs), in mounts that only the
# bed sees, and is gone with the last process of the bed. So only empty cgroups are left to delete on
# the host, and this script deletes no files.
set -eu
parent=$1 root=$2 node=$3 overlay=${4-}
stage=/dev/shm # a mount point on the host; any folder that the bed does not need

# --- The host's side: a mount namespace and a cgroup. The pdeathsig of setpriv stays after exec. ---

if [ "${BED_STAGE-}" = '' ]; then
  BED_STAGE=outside exec setpriv --pdeathsig TERM unshare --mount --propagation private "$0" "$@"
fi

if [ "$BED_STAGE" = outside ]; then
  cgroups=$stage/cgroups
  bed=$cgroups/libsystemd-bed-$$

  end() {
    status=$?
    trap '' TERM INT # because pdeathsig comes once for each thread of PARENT
    trap - EXIT
    # If the manager's pid is not known yet, unshare is killed, and the manager with it (--kill-child).
    # Unquoted, because both may be unset, and a blank may follow the number.
    kill -KILL ${manager:-${unshare-}} 2>/dev/null || true
    [ -z "${unshare-}" ] || wait "$unshare" 2>/dev/null || true
    for _ in 1 2 3 4 5 6 7 8 9 10; do
      [ -d "$bed" ] || break
      find "$bed" -depth -type d -exec rmdir {} + 2>/dev/null || sleep 0.1
    done
    exit $status
  }
  trap end TERM INT EXIT
  [ "$PPID" = "$parent" ] # otherwise PARENT died before setpriv could watch it

  mount -t tmpfs -o mode=700 tmpfs $stage
  mkdir $cgroups
  mount -t cgroup2 cgroup2 $cgroups
  mkdir "$bed"

  # The process enters the cgroup before it makes the cgroup namespace, so that the manager has the cgroup as its root.
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
  wait "$unshare" || true # in the background, because a trap runs only between commands
  exit 1
fi

# --- The bed's side: a file system is put together under $new, and then becomes the root. ---

new=$stage/new
mkdir $new
mount --bind / $new # without the host's mounts below /
mount -o remount,bind,ro $new
mount -t proc proc $new/proc
mount --bind $new/proc/sys $new/proc/sys
mount --bind $new/proc/sys/net $new/proc/sys/net # stays writable: the bed has a network namespace
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
: > $new/dev/kmsg # a file, so that the manager's first messages don't get into the host's log

for path in etc usr/bin; do # writable, with the host's files
  mkdir -p $stage/$path/upper $stage/$path/work
  mount -t overlay -o "lowerdir=/$path,upperdir=$stage/$path/upper,workdir=$stage/$path/work" \
    overlay $new/$path
done
mkdir -p $new/etc/systemd
mount -t tmpfs tmpfs $new/etc/systemd # hides the host's configuration
printf '[Journal]\nStorage=volatile\nReadKMsg=no\nAudit=\nRateLimitIntervalSec=0\n' \
  > $new/etc/systemd/journald.conf

[ -e $new/usr/bin/node ] || : > $new/usr/bin/node
mount --bind -o ro "$node" $new/usr/bin/node
mkdir -p $new/opt/node_modules/libsystemd
mount --bind -o ro "$root" $new/opt/node_modules/libsystemd
(cd $new/opt/node_modules && ln -s libsystemd/node_modules/* .) # so that the examples find their packages
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

# The manager's own units: empty targets instead of the host's, and the journal.
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
mount --make-rshared / # as systemd does at boot, because credentials are mounted in a namespace and seen in all
# SYSTEMD_UNIT_PATH keeps the host's own units out, which would empty /tmp.
exec env -i container=unshare PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
  SYSTEMD_UNIT_PATH=/run/units \
  /lib/systemd/systemd --system --unit=default.target --show-status=no
