#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# kntrl report --suggest: the policy that comes of a monitored run lets the same run
# pass in mode trace, and nothing else.
. selftests/vm/lib.sh

kntrl=$(program kntrl)
A=203.0.113.1 B=203.0.113.2 S=203.0.113.53
defer unload

# job: what the build does; exfiltrate: what it did not do then.
cat >"$T/job" <<'BASH'
#!/bin/bash
exec 3<>/dev/tcp/203.0.113.1/443 && exec 4<>/dev/udp/203.0.113.53/53 && exec 5<>/dev/udp/10.1.2.3/9 || exit
curl -s -m 5 -o /dev/null http://203.0.113.2/
[ $? != 7 ] # no connection
BASH
cat >"$T/exfiltrate" <<'BASH'
#!/bin/bash
exec 3<>/dev/tcp/203.0.113.2/443
BASH
cp /bin/bash "$T/other"
chmod 755 "$T" "$T/job" "$T/exfiltrate"
ok 'addresses' addr_add $A $B $S
ok 'a route for what is sent nowhere' ip route add 10.0.0.0/8 dev lo
defer 'ip route del 10.0.0.0/8 dev lo'
ok 'listeners' listen tcp:$A:443 tcp:$B:80 tcp:$B:443 udp:$S:53
printf 'version: "1"\nmode: monitor\n' >"$T/monitor.yaml"
ok 'a monitored run' load "$T/monitor.yaml"
ok 'the job' "$T/job"
"$kntrl" report --suggest >"$T/all.yaml"
"$kntrl" report --suggest --profiles >"$T/profiles.yaml"
is "$(grep -c '^ *- ' "$T/all.yaml")" 4 'an entry for each destination'
like "$(cat "$T/all.yaml")" "^      - \"$S\"" 'the name server among them'
ok 'nothing is left' unload

ok 'the suggested policy' load "$T/all.yaml"
ok 'lets the same job pass' "$T/job"
not_ok 'and not another step' "$T/exfiltrate"
is "$("$kntrl" report --format json | grep -c '"block"')" 1 'which alone was blocked'

ok 'the one with profiles' load "$T/profiles.yaml"
ok 'lets the same job pass' "$T/job"
not_ok 'but not another program to where it went' "$T/other" -c "exec 3<>/dev/tcp/$A/443"
not_ok 'nor another step' "$T/exfiltrate"
done_testing
