# Enters the folder $1 as the root of a machine of its own, in namespaces made before, and runs the rest there as the
# user $2. The shell stays as the first process, because orphans must be waited for.
set -e
root=$1 user=$2
shift 2
mount --make-rprivate /
mount --bind "$root" "$root"
mkdir -p "$root/opt/rust" "$root/.outside"
mount --bind "$TOOLCHAIN" "$root/opt/rust"
mount -o remount,bind,ro "$root/opt/rust"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount --rbind /sys/fs/cgroup "$root/sys/fs/cgroup"

# The devices that every usual system lets its users open, and those that this host has beyond them.
mount -t tmpfs -o mode=755,nosuid tmpfs "$root/dev"
mkdir -p "$root/dev/net" "$root/dev/pts" "$root/dev/shm" "$root/dev/mqueue"
for node in null zero full random urandom tty fuse net/tun kvm loop-control loop0 loop1 loop2 loop3; do
    [ -e "/dev/$node" ] || continue
    kind=c
    [ -c "/dev/$node" ] || kind=b
    case $node in kvm | loop*) mode=660 ;; *) mode=666 ;; esac
    mknod -m $mode "$root/dev/$node" $kind $(printf '%d %d' $(stat -c '0x%t 0x%T' "/dev/$node"))
done
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$root/dev/pts"
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$root/dev/shm"
mount -t mqueue mqueue "$root/dev/mqueue"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
ln -s /proc/self/fd/0 "$root/dev/stdin"
ln -s /proc/self/fd/1 "$root/dev/stdout"
ln -s /proc/self/fd/2 "$root/dev/stderr"

cp -L /etc/resolv.conf "$root/etc/resolv.conf"
hostname fresh
printf '127.0.0.1 localhost\n127.0.1.1 fresh\n::1 localhost ip6-localhost\n' >"$root/etc/hosts"

cd "$root"
pivot_root . .outside
umount -l /.outside
cd "$REPOSITORY"
/usr/sbin/runuser -u "$user" -- env PATH="$INSIDE" "$@" &
wait $!
