#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# What the other tests take for granted about the machine they run in, and about lib.sh.
. selftests/vm/lib.sh

root=$(pwd)

# The machine.
is "$(id -u)" 0 'runs as root'
ok 'starts in the repository' test -x selftests/run
not_ok 'the repository is read-only' touch "$root/probe"
not_ok 'the root file system is read-only' touch /usr/probe
not_ok 'and stays so when root remounts it' sh -c 'mount -o remount,rw / && touch /usr/probe'
mount -o remount,ro / 2>/dev/null || :
ok '/etc can be changed' sh -c 'echo "192.0.2.1 probe.test" >>/etc/hosts'
like "$(getent hosts probe.test)" '^192\.0\.2\.1' 'and the change counts'
sed -i '/probe\.test/d' /etc/hosts
for dir in /tmp /var/tmp /run /root /home /dev/shm; do
	ok "$dir can be written" sh -c "touch $dir/probe && rm $dir/probe"
done
is "$(cat /etc/resolv.conf)" 'nameserver 127.0.0.1' 'the resolver is this machine'
is "$(ls /sys/fs/bpf)" '' 'nothing is pinned'
is "$(stat -f -c %T /sys/fs/cgroup)" cgroup2fs 'cgroup v2 is mounted'
ok 'tracefs is mounted' test -e /sys/kernel/tracing/available_events
like "$(cat /sys/kernel/security/lsm)" yama 'securityfs is mounted'
ok 'the kernel has BTF' test -s /sys/kernel/btf/vmlinux
is "$(bpftool prog list)" '' 'no BPF program is loaded'
is "$(ip -o link | grep -c -v -w lo)" 0 'there is no network but lo'
is "$(ip route; ip -6 route show default)" '' 'nothing is routed anywhere'
for module in sctp nf_nat nf_tables dummy veth overlay tls vsock; do
	ok "modprobe $module" modprobe "$module"
done
ok 'iptables works' iptables -t nat -L -n
ok 'nft works' nft list ruleset

# The programs that policies are about.
for program in curl node python3 git; do
	ok "$program runs" "$program" --version
done
ok 'openssl runs' openssl version

# The network.
ok 'an address is added' addr_add 203.0.113.7 2001:db8::7
ok 'a listener starts' listen tcp:203.0.113.7:4433 'tcp:[2001:db8::7]:4433' udp:203.0.113.7:5353
ok 'a connection opens' connects 203.0.113.7 4433
ok 'an IPv6 connection opens' connects 2001:db8::7 4433
not_ok 'a closed port refuses' connects 203.0.113.7 4434
ok 'the listener tells of it' wait_for 5 grep -q '^tcp 203.0.113.7:4433 close 0' "$heard"
is "$(bash -c 'exec 3<>/dev/udp/203.0.113.7/5353; echo hello >&3; head -n 1 <&3')" hello \
	'a datagram is echoed'
ok 'another host' remote far 198.51.100.1/24 198.51.100.2/24 2001:db8:1::1/64 2001:db8:1::2/64
ok 'a listener there' listen_on far tcp:198.51.100.2:80 'tcp:[2001:db8:1::2]:80'
ok 'a connection to it opens' connects 198.51.100.2 80
ok 'over IPv6 too' connects 2001:db8:1::2 80
is "$(on far ip -o link | grep -c 'eth0')" 1 'and commands run on it'

# What keeps the rest honest.
is "$( (ok inner false) | head -n 1)" "not ok $((tests + 1)) - inner" 'a failure is a failure'
is "$( (not_ok inner no-such-program) | head -n 1)" "not ok $((tests + 1)) - inner" \
	'a command that is missing has not been denied'
is "$( (is 1 2 inner) | head -n 1)" "not ok $((tests + 1)) - inner" 'so is a difference'

done_testing
